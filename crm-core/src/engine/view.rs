//! What a decision looks at: one state of the file with its schema, and for a plan what the rows
//! before would have changed in it.
//!
//! The same checks judge a change that is about to be written and one that is only planned. The
//! invariant: a look changes nothing.

use super::{Catalog, imports::Foreseen};
use crate::{
    RecordId, Result,
    association::{PlannedLinks, Sibling},
    cell::Cell,
    store::{
        Connection,
        associations::{self, End},
        records as rows,
        table::Table,
    },
};

/// One state of the file, as far as a check asks for it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) conn: &'a Connection,
    pub(super) catalog: &'a Catalog,
    /// What is planned but not written.
    pub(super) foreseen: Option<&'a Foreseen>,
    /// Associations that the same row has been given already.
    pub(super) row_links: Option<&'a PlannedLinks>,
}

impl<'a> View<'a> {
    pub(super) fn new(conn: &'a Connection, catalog: &'a Catalog) -> Self {
        Self { conn, catalog, foreseen: None, row_links: None }
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
        let foreseen = self.foreseen.filter(|foreseen| foreseen.is_of(table.model.id));
        if foreseen.is_some_and(|foreseen| foreseen.is_taken(place, key)) {
            return Ok(Some("an earlier row of the table".into()));
        }
        // No record has the id of zeros.
        let id = id.unwrap_or(RecordId::from_bytes([0; 16]));
        let other = rows::find_other(self.conn, table, place, key, id)?;
        let is_freed = foreseen.is_some_and(|foreseen| foreseen.is_freed(place, key));
        Ok(other.filter(|_| !is_freed).map(|other| format!("record {other}")))
    }

    /// Associations that are planned and not written.
    fn planned(&self) -> impl Iterator<Item = &'a PlannedLinks> {
        let foreseen = self.foreseen.map(|foreseen| &foreseen.links);
        foreseen.into_iter().chain(self.row_links)
    }

    /// The associations in use of a type that a record is this end of.
    pub(super) fn siblings(&self, type_id: i64, end: End, id: RecordId) -> Result<Vec<Sibling>> {
        let mut siblings = associations::siblings(self.conn, type_id, end, id)?;
        let is_from = end == End::From;
        siblings.extend(self.planned().flat_map(|links| links.siblings(type_id, is_from, id)));
        Ok(siblings)
    }

    /// The associations in use of a type that lead from one record to another.
    pub(super) fn between(
        &self,
        type_id: i64,
        from: RecordId,
        to: RecordId,
    ) -> Result<Vec<Sibling>> {
        let mut siblings = associations::between(self.conn, type_id, from, to)?;
        siblings.extend(self.planned().flat_map(|links| links.between(type_id, from, to)));
        Ok(siblings)
    }

    /// The records to which associations of a type in use lead from one.
    pub(super) fn above(&self, type_id: i64, id: RecordId) -> Result<Vec<RecordId>> {
        let mut above = associations::above(self.conn, type_id, id)?;
        above.extend(self.planned().flat_map(|links| links.above(type_id, id)));
        Ok(above)
    }
}
