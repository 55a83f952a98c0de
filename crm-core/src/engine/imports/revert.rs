//! An import taken back: what it created is archived, what it changed gets back what it was.
//!
//! The journal has new values only, so that what a value was is what the last change before the
//! import made of it. The last change goes first, because a unique value that one record gave up for
//! another can only go back in that order. The invariant: what somebody else changed since is left as
//! it is and listed.
//! The journal also tells what was taken back already, so that doing it again does nothing more.

use super::{Imports, apply::cause, load};
use crate::{
    ChangeKind, Error, ErrorKind, Flow, ImportState, LeftChange, Progress, RecordId, Result,
    RevertReport,
    cell::Cell,
    engine::{Writing, progress::Reports, records},
    journal::read_body,
    limits,
    ops::Watch,
    record::{Draft, Given, concerns_one_row},
    store::{
        imports as stored_imports,
        journal::{self, StoredChange},
        records as rows,
        table::Table,
    },
};

/// Changes that are taken back in one transaction.
const BATCH: u32 = 2_000;

impl Imports<'_> {
    /// Takes an import back: records that it created and nobody changed since are archived, values
    /// that it set and nobody changed since get back what they were. The rest is left and listed.
    ///
    /// An import that is not finished can be taken back as well; it is not gone on with then. Doing
    /// it again takes back what was left, if that has become possible, and nothing twice. Progress
    /// counts changes of the journal.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Archived` if the entity type is; `Full`, `Io`, `Interrupted` by
    /// [`Crm::interrupt`](crate::Crm::interrupt): what was committed before is kept.
    pub fn revert(&self, id: RecordId, watch: &mut Watch<'_>) -> Result<RevertReport> {
        self.crm.shared.observers.check_not_inside()?;
        let begun = self.crm.shared.store.read(|conn| load(conn, id))?;
        let (own, reverting) = (cause(id), format!("revert:{id}"));
        let crm = self.crm.acting_as(&self.crm.actor, Some(&reverting))?;
        let store = &crm.shared.store;
        let mark = store.mark();
        let mut reports = Reports::new(&crm.shared.observers, watch);
        let mut report = RevertReport {
            import: begun.import,
            archived: 0,
            restored: 0,
            left_count: 0,
            left: Vec::new(),
        };
        // Changes from here on are dealt with.
        let mut reached = i64::MAX;
        let mut is_finished = false;
        while !is_finished {
            let last_seq = crm.write(|writing| {
                let mut stored = load(writing.tx, id)?;
                let table = writing.table(&stored.import.entity_type)?;
                table.model.check_live()?;
                reached = reached.min(stored.last_seq + 1);
                let range = (stored.first_seq, reached);
                let changes = journal::of_cause(writing.tx, &own, range, BATCH)?;
                is_finished = changes.len() < BATCH as usize;
                reached = changes.last().map_or(reached, |change| change.seq);
                let mut undo = Undo {
                    writing,
                    table: &table,
                    own: &own,
                    reverting: &reverting,
                    report: &mut report,
                };
                changes.iter().try_for_each(|change| undo.change(change))?;
                let state = match is_finished {
                    true => ImportState::Reverted,
                    false => ImportState::Reverting,
                };
                // Once taken back, it stays so while what was left is tried again.
                if stored.import.state != ImportState::Reverted {
                    stored.import.state = state;
                    stored.import.updated_at = writing.now;
                    stored_imports::update(writing.tx, &stored)?;
                }
                report.import = stored.import;
                Ok(stored.last_seq)
            })?;
            let total = (last_seq - begun.first_seq).unsigned_abs();
            let done = if is_finished { total } else { (last_seq - reached + 1).unsigned_abs() };
            let progress = Progress { done, total: Some(total) };
            let flow = reports.step(progress, is_finished);
            if is_finished {
                break;
            }
            store.check_interrupted(mark)?;
            if flow == Flow::Cancel {
                break;
            }
        }
        Ok(report)
    }
}

/// Takes back changes within one transaction.
struct Undo<'a, 'w> {
    writing: &'a mut Writing<'w>,
    table: &'a Table,
    /// The cause of the import's changes.
    own: &'a str,
    /// That of taking them back.
    reverting: &'a str,
    report: &'a mut RevertReport,
}

impl Undo<'_, '_> {
    fn change(&mut self, change: &StoredChange) -> Result<()> {
        // Where the record stands is not part of it.
        let is_of_record = change.entity_type.as_ref() == Some(&self.table.model.name);
        let Some(id) = change.record_id.filter(|_| is_of_record) else { return Ok(()) };
        let mut later = Vec::new();
        journal::of_record(self.writing.tx, id, change.seq, |row| {
            later.push(row);
            Ok(true)
        })?;
        match change.kind {
            ChangeKind::RecordCreated => self.created(id, &later),
            _ => self.patched(id, change, &later),
        }
    }

    /// Archives a record that the import created, if nobody else touched it.
    fn created(&mut self, id: RecordId, later: &[StoredChange]) -> Result<()> {
        if later.iter().any(|row| row.cause.as_deref() == Some(self.reverting)) {
            return Ok(());
        }
        let foreign: Vec<_> =
            later.iter().filter(|row| row.cause.as_deref() != Some(self.own)).collect();
        if foreign.is_empty() {
            records::set_archived(self.writing, self.table, id, None, true)?;
            self.report.archived += 1;
            return Ok(());
        }
        for row in foreign {
            let body = read_body(&self.table.model, &row.body)?;
            if body.is_empty() {
                self.leave(id, None, Some(row), ErrorKind::StaleVersion);
            }
            for (attribute, _) in body {
                self.leave(id, Some(attribute.name()), Some(row), ErrorKind::StaleVersion);
            }
        }
        Ok(())
    }

    /// Gives the values that the import set back what they were, as far as nobody else set them.
    fn patched(
        &mut self,
        id: RecordId,
        change: &StoredChange,
        later: &[StoredChange],
    ) -> Result<()> {
        let (model, tx) = (&self.table.model, self.writing.tx);
        let mut set = Vec::new();
        for (attribute, _) in read_body(model, &change.body)? {
            if attribute.definition.formula.is_some() {
                // It follows from the others.
                continue;
            }
            let place = model.place(attribute);
            match self.last_to_set(place, later)? {
                None => set.push(place),
                Some(row) if row.cause.as_deref() == Some(self.reverting) => {}
                Some(row) => {
                    self.leave(id, Some(attribute.name()), Some(row), ErrorKind::StaleVersion);
                }
            }
        }
        let mut before: Vec<(usize, Option<Vec<Cell>>)> =
            set.into_iter().map(|place| (place, None)).collect();
        stored_imports::changes_before(tx, id, change.seq, |body| {
            for (attribute, cells) in read_body(model, body)? {
                let place = model.place(attribute);
                let wanted = before.iter_mut().find(|(wanted, _)| *wanted == place);
                if let Some((_, found)) = wanted {
                    found.get_or_insert(cells);
                }
            }
            Ok(before.iter().any(|(_, found)| found.is_none()))
        })?;
        let archived = later.iter().rev().find(|row| row.kind == ChangeKind::RecordArchived);
        self.restore(id, before, archived)
    }

    /// The last change that mentions an attribute.
    fn last_to_set<'r>(
        &self,
        place: usize,
        later: &'r [StoredChange],
    ) -> Result<Option<&'r StoredChange>> {
        for row in later.iter().rev() {
            let body = read_body(&self.table.model, &row.body)?;
            if body.iter().any(|(attribute, _)| self.table.model.place(attribute) == place) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Writes the values of a record as they were; those that do not fit any more are left.
    fn restore(
        &mut self,
        id: RecordId,
        mut before: Vec<(usize, Option<Vec<Cell>>)>,
        archived: Option<&StoredChange>,
    ) -> Result<()> {
        let model = &self.table.model;
        while !before.is_empty() {
            let Some(mut row) = rows::get(self.writing.tx, self.table, id)? else { return Ok(()) };
            if row.archived_at.is_some() {
                for (place, _) in &before {
                    let name = model.attributes[*place].name();
                    self.leave(id, Some(name), archived, ErrorKind::Archived);
                }
                return Ok(());
            }
            let stored = std::mem::take(&mut row.cells);
            let drafted = draft(self.writing, self.table, id, stored, &before);
            match drafted {
                Ok(draft) if draft.changed.is_empty() => return Ok(()),
                Ok(draft) => {
                    records::update(self.writing, self.table, row, draft)?;
                    self.report.restored += 1;
                    return Ok(());
                }
                Err((place, error)) if concerns_one_row(error.kind()) => {
                    before.retain(|(other, _)| *other != place);
                    self.leave(id, Some(model.attributes[place].name()), None, error.kind());
                }
                Err((_, error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn leave(
        &mut self,
        id: RecordId,
        attribute: Option<&str>,
        by: Option<&StoredChange>,
        kind: ErrorKind,
    ) {
        self.report.left_count += 1;
        if self.report.left.len() < limits::CSV_PROBLEMS {
            self.report.left.push(LeftChange {
                id,
                attribute: attribute.map(str::to_owned),
                actor: by.map(|row| row.actor.clone()),
                at: by.map(|row| row.hlc.at()),
                kind: kind.name().to_owned(),
            });
        }
    }
}

/// A row with some attributes as they were; or the place of one that does not fit any more.
fn draft(
    writing: &Writing<'_>,
    table: &Table,
    id: RecordId,
    stored: Vec<Cell>,
    before: &[(usize, Option<Vec<Cell>>)],
) -> Result<Draft, (usize, Error)> {
    let model = &table.model;
    let mut given = Given::new(model);
    for (place, cells) in before {
        let attribute = &model.attributes[*place];
        let missing = vec![Cell::Null; attribute.width()];
        let cells = cells.as_ref().unwrap_or(&missing);
        if attribute.archived_at.is_some() {
            let error = Error::new(ErrorKind::Archived, "the attribute is archived");
            return Err((*place, error));
        }
        given.set_cells(model, *place, cells).map_err(|error| (*place, error))?;
    }
    let blame = |error: Error| {
        let named = error.field().and_then(|name| model.attribute(name).ok());
        let place = named.map(|attribute| model.place(attribute));
        (place.unwrap_or(before[0].0), error)
    };
    let mut draft = Draft::change(model, stored, given).map_err(blame)?;
    records::check_stored(&writing.view(), table, Some(id), &mut draft).map_err(blame)?;
    Ok(draft)
}
