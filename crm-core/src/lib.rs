//! An embeddable CRM engine: one library, one file, no server.

mod error;

pub use error::{Error, ErrorKind, Result};
