//! Imports that can be trusted: planned without writing, applied as planned, taken up again after a
//! crash, and taken back.
//!
//! Each of them reads the table anew and decides upon its rows in `judge`, so that a plan needs no
//! room for rows and an import does what its plan said. The invariant: a row of the table is
//! accounted for in the transaction that writes it, once.

mod activities;
mod apply;
mod beside;
mod foreseen;
mod judge;
mod links;
mod lookups;
mod plan;
mod revert;
mod source;
#[cfg(feature = "arrow")]
mod stream;

pub(super) use beside::{carry_out, check_creates, insert};
pub(super) use foreseen::Foreseen;
pub(super) use judge::{Decision, Judged, Rows};
pub(super) use source::Source;
#[cfg(feature = "arrow")]
pub(super) use stream::{ActivityMaker, AssociationMaker, StreamRows};

use super::{Crm, View, check_limit};
use crate::{
    Error, ErrorKind, Import, ImportPage, ImportPlan, ListImports, RecordId, Result,
    store::{
        Connection,
        imports::{self as rows, StoredImport},
    },
};

/// Imports: see [`Crm::imports`].
#[derive(Debug)]
pub struct Imports<'a> {
    crm: &'a Crm,
}

impl<'a> Imports<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Reads how far an import is, and what it did.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn get(&self, id: RecordId) -> Result<Import> {
        self.crm.shared.store.read(|conn| Ok(load(conn, id)?.import))
    }

    /// Reads a page of the imports that were begun from a plan, the newest first.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn list(&self, request: &ListImports) -> Result<ImportPage> {
        check_limit(request.limit)?;
        // One more tells whether there is a next page.
        let limit = request.limit + 1;
        let found = self.crm.shared.store.read(|conn| rows::list(conn, request.after, limit))?;
        let has_more = found.len() > request.limit as usize;
        let imports = found.into_iter().take(request.limit as usize);
        let imports: Vec<_> = imports.map(|stored| stored.import).collect();
        let next = imports.last().filter(|_| has_more).map(|import| import.id);
        Ok(ImportPage { imports, next })
    }
}

fn load(conn: &Connection, id: RecordId) -> Result<StoredImport> {
    rows::get(conn, id)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such import").with_field("id"))
}

/// The world is not the one of the plan any more.
fn is_stale(message: &str) -> Error {
    Error::new(ErrorKind::StaleVersion, message).with_field("plan").with_hint("plan it again")
}

/// Refuses a plan whose table is not the one that it was made for.
fn check_fingerprint(plan: &ImportPlan, fingerprint: &str) -> Result<()> {
    if plan.fingerprint == fingerprint {
        return Ok(());
    }
    Err(is_stale("the table is not the one that the plan was made for"))
}

/// Whether somebody has changed what decisions upon rows look at.
fn is_disturbed(view: &View<'_>, table: &Rows<'_>, after: i64, cause: &str) -> Result<bool> {
    rows::is_disturbed(view.conn, &table.sight(view.catalog)?, after, cause)
}

/// Refuses work on rows when somebody has changed what decisions look at.
fn check_undisturbed(view: &View<'_>, table: &Rows<'_>, after: i64, cause: &str) -> Result<()> {
    match is_disturbed(view, table, after, cause)? {
        true => Err(is_stale("somebody changed records that the plan looked at")),
        false => Ok(()),
    }
}
