//! An embeddable CRM engine: one library, one file, no server.

mod error;
#[allow(dead_code)]
mod normal;
#[allow(dead_code)]
mod time;

pub use error::{Error, ErrorKind, Result};
pub use time::{Clock, Date, FixedClock, Timestamp};
