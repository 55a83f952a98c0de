//! Privacy: what the file knows about a person, and its end.
//!
//! `plan` says what an erasure would do, `erase` does it, `carry` keeps what was restricted for
//! other records of the person, `list` keeps it true in older copies, `suppression` keeps contact
//! points from coming back, `named` finds definitions that name somebody, `traces` finds what the
//! journal says of them in rows about others,
//! `retention` says what was kept long enough. The invariant: erasing is
//! one transaction, in which the record is first taken out of everything that counts it, as
//! archiving does, and then out of the file; after it the tables are still what the journal says.
//!
//! `access` shows a person what the file has of them, `uses` for what, and `register` the same of everybody.

mod access;
mod carry;
mod erase;
#[cfg(test)]
mod inventory;
mod list;
mod named;
mod plan;
mod proofs;
mod register;
pub(super) mod retention;
pub(super) mod suppression;
mod traces;
mod uses;

pub(super) use list::{Applied, page as erased_page};

use std::sync::Arc;

use super::Crm;
use crate::{
    Error, ErrorKind, RecordRef, Result,
    store::{
        Connection, privacy as rows,
        records::{self, StoredRow},
        table::Table,
    },
};

/// Privacy: see [`Crm::privacy`].
#[derive(Debug)]
pub struct Privacy<'a> {
    crm: &'a Crm,
}

impl<'a> Privacy<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }
}

/// The record of a person.
///
/// # Errors
///
/// `NotFound`, with a hint if it was erased.
fn load(conn: &Connection, table: &Table, subject: &RecordRef) -> Result<StoredRow> {
    if let Some(row) = records::get(conn, table, subject.id)? {
        return Ok(row);
    }
    let error = Error::new(ErrorKind::NotFound, "no such record").with_field("subject.id");
    Err(match rows::erased_at(conn, subject.id)? {
        Some(_) => error.with_hint("it was erased: nothing is left to erase"),
        None => error,
    })
}

/// The type of a person.
fn table_of<'t>(
    find: impl FnOnce(&str) -> Result<&'t Arc<Table>>,
    subject: &RecordRef,
) -> Result<&'t Arc<Table>> {
    find(&subject.entity_type).map_err(|error| error.with_field("subject.type"))
}
