//! An embeddable CRM engine: one library, one file, no server.

mod cell;
mod error;
#[cfg(feature = "sqlite")]
#[allow(dead_code)]
mod store;

pub use cell::Cell;
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "sqlite")]
pub use store::Durability;
