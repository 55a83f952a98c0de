//! What a decision looks at: one state of the file with its schema, and for a plan what the rows
//! before would have changed in it.
//!
//! The same checks judge a change that is about to be written and one that is only planned. The
//! invariant: a look changes nothing.

use super::{Catalog, imports::Foreseen};
use crate::{
    RecordId, Result,
    cell::Cell,
    store::{Connection, records as rows, table::Table},
};

/// One state of the file, as far as a check asks for it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) conn: &'a Connection,
    pub(super) catalog: &'a Catalog,
    /// What is planned but not written.
    pub(super) foreseen: Option<&'a Foreseen>,
}

impl<'a> View<'a> {
    pub(super) fn new(conn: &'a Connection, catalog: &'a Catalog) -> Self {
        Self { conn, catalog, foreseen: None }
    }

    /// Whether a record of this id is there, archived or not.
    pub(super) fn exists(&self, table: &Table, id: &[u8]) -> Result<bool> {
        let is_planned = self.foreseen.is_some() && Foreseen::is_planned(id);
        Ok(is_planned || rows::exists(self.conn, table, id)?)
    }

    /// Who else than `id` has `key` in the attribute at `place`, in words.
    pub(super) fn find_other(
        &self,
        table: &Table,
        place: usize,
        key: &Cell,
        id: Option<RecordId>,
    ) -> Result<Option<String>> {
        if self.foreseen.is_some_and(|foreseen| foreseen.is_taken(place, key)) {
            return Ok(Some("an earlier row of the table".into()));
        }
        // No record has the id of zeros.
        let id = id.unwrap_or(RecordId::from_bytes([0; 16]));
        let other = rows::find_other(self.conn, table, place, key, id)?;
        let is_freed = self.foreseen.is_some_and(|foreseen| foreseen.is_freed(place, key));
        Ok(other.filter(|_| !is_freed).map(|other| format!("record {other}")))
    }
}
