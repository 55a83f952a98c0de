//! Imports: tables into records.

mod foreseen;
mod judge;
mod lookups;
mod source;

pub(super) use foreseen::Foreseen;
pub(super) use judge::{Decision, Judged, Rows};
pub(super) use source::Source;
