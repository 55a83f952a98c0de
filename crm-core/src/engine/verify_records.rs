//! The proof that the tables of records are what the journal says, and what is calculated what their
//! formulas give.

use super::{
    Catalog, Crm,
    database::is_finding,
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
    verify_search,
};
use crate::{
    ChangeKind, Result, Timestamp, VerifyReport,
    cell::Cell,
    journal::read_body,
    record::Draft,
    store::{
        Connection, journal,
        records::{self as rows, Position, Selection, StoredRow},
        search::{self, Owner},
        table::Table,
    },
};

impl Crm {
    /// Compares every record with the journal; `step` hears of each page.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_records(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        for table in self.catalog().iter() {
            let name = &table.model.name;
            self.verify_pages(name, report, step, |conn, catalog, after, report| {
                verify_page(conn, catalog, catalog.table(name)?, after, report)
            })?;
        }
        Ok(())
    }
}

/// Compares a page of records with the journal.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    table: &Table,
    after: Option<Position>,
    report: &mut VerifyReport,
) -> Result<Compared<Position>> {
    let is_first = after.is_none();
    if is_first {
        let created = journal::count_created(conn, &table.model.name)?;
        let stored = rows::count(conn, table, &[], crate::Archived::Include)?;
        if !created.contains(&stored) {
            let (name, created) = (&table.model.name, created.end());
            report.problems.push(format!(
                "{name}: the table has {stored} records, the journal created {created}"
            ));
        }
    }
    let selection = Selection {
        terms: &[],
        archived: crate::Archived::Include,
        order: None,
        after,
        limit: VERIFIED_AT_ONCE,
    };
    let page = rows::list(conn, table, &selection)?;
    for row in &page {
        report.records += 1;
        let finding = match rebuild(conn, table, row) {
            Ok(rebuilt) if rebuilt.as_ref() == Some(row) => {
                match miscalculated(conn, catalog, table, row)? {
                    Some(name) => format!("{name} is not what its formula gives"),
                    None if has_other_words(conn, table, row)? => {
                        "the index of words differs from the table".to_owned()
                    }
                    None => continue,
                }
            }
            Ok(_) => "the table differs from the journal".to_owned(),
            Err(error) if is_finding(error.kind()) => error.message().to_owned(),
            Err(error) => return Err(error),
        };
        note(report, format!("{} {}: {finding}", table.model.name, row.id));
    }
    let last = page.last().map(|row| Position { key: Cell::Null, id: row.id });
    Ok(Compared::new(page.len(), last))
}

/// An attribute of a row that is not what its formula gives.
fn miscalculated<'t>(
    conn: &Connection,
    catalog: &Catalog,
    table: &'t Table,
    row: &StoredRow,
) -> Result<Option<&'t str>> {
    let model = &table.model;
    if model.calculated.is_empty() && model.rollups.is_empty() {
        return Ok(None);
    }
    let rollups = catalog.rollups().of_type(model.id);
    let values = rollups.map(|kept| kept.read(conn, table, row.id)).collect::<Result<Vec<_>>>()?;
    let draft = Draft::recalculate(model, row.cells.clone(), values);
    Ok(draft.changed.first().map(|place| model.attributes[*place].name()))
}

/// Whether the index holds other words than those of the row.
fn has_other_words(conn: &Connection, table: &Table, row: &StoredRow) -> Result<bool> {
    let model = &table.model;
    if model.searched.is_empty() {
        return Ok(false);
    }
    let seq = search::created_seq(conn, row.id)?;
    let expected = Some((&row.cells[..], row.archived_at.is_some()));
    verify_search::differs(conn, Owner::Type(model.id), model, seq, expected)
}

/// The row of a record as its changes make it; `None` if the journal does not create it.
fn rebuild(conn: &Connection, table: &Table, stored: &StoredRow) -> Result<Option<StoredRow>> {
    let (mut row, id): (Option<StoredRow>, _) = (None, stored.id);
    journal::of_record(conn, id, 0, |change| {
        let at: Timestamp = change.hlc.at();
        if change.kind == ChangeKind::RecordCreated {
            let cells = vec![Cell::Null; table.model.columns];
            row = Some(StoredRow {
                id,
                version: 0,
                created_at: at,
                updated_at: at,
                archived_at: None,
                cells,
            });
        }
        let Some(row) = &mut row else { return Ok(false) };
        if change.is_erased {
            // Nobody can tell any more what it said, only that it changed something.
            row.cells.clone_from_slice(&stored.cells);
        }
        row.version += 1;
        row.updated_at = at;
        match change.kind {
            ChangeKind::RecordArchived => row.archived_at = Some(at),
            ChangeKind::RecordRestored => row.archived_at = None,
            _ => {}
        }
        for (attribute, cells) in read_body(&table.model, &change.body)? {
            row.cells[attribute.span()].clone_from_slice(&cells);
        }
        Ok(true)
    })?;
    Ok(row)
}
