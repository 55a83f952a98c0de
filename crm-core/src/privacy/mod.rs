//! Privacy: what of the file is about a person, and what becomes of it.
//!
//! [`inventory`] knows every table. The invariant: no table of the file is missing there, so that
//! neither access nor erasure can overlook one.

pub(crate) mod access;
pub(crate) mod inventory;
pub(crate) mod register;

pub use access::{AccessData, AccessReport, AccessScope, AccessTable};
pub use register::{GetRegister, ProcessingRegister, RegisterEntry};
