//! An import taken back: what it created or added is archived, what it changed gets back what it was.
//! Activities are immutable, and are left.
//!
//! The journal has new values only, so that what a value was is what the last change before the
//! import made of it. The last change goes first, because a unique value that one record gave up for
//! another can only go back in that order. The invariant: what somebody else changed since is left as
//! it is and listed.
//! The journal also tells what was taken back already, so that doing it again does nothing more.

use std::collections::HashMap;

use super::{Imports, apply::cause, load};
use crate::{
    ChangeKind, Error, ErrorKind, Flow, ImportState, LeftChange, LeftItem, Progress, RecordId,
    Result, RevertReport,
    cell::Cell,
    engine::{Writing, associations, progress::Reports, records},
    journal::{ActivityBody, read_body},
    limits,
    ops::Watch,
    record::{Draft, Given, concerns_one_row},
    schema::AttributeModel,
    store::{
        activities::Page,
        associations::{self as associations_of, Around, End},
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
    /// that it set and nobody changed since get back what they were, and associations that it added
    /// and nobody changed since are archived. So is what it created at the other end of them, unless
    /// somebody changed or linked it since, recorded an activity with it, or made a record refer to
    /// it. The rest is left and
    /// listed, and so is every activity that it recorded.
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
            associations: 0,
            left_count: 0,
            left: Vec::new(),
        };
        // Changes from here on are dealt with.
        let mut reached = i64::MAX;
        let mut is_finished = false;
        while !is_finished {
            let last_seq = crm.write(|writing| {
                let mut stored = load(writing.tx, id)?;
                let own_type = stored.import.entity_type.clone();
                writing.table(&own_type)?.model.check_live()?;
                reached = reached.min(stored.last_seq + 1);
                let range = (stored.first_seq, reached);
                let changes = journal::of_cause(writing.tx, &own, range, BATCH)?;
                is_finished = changes.len() < BATCH as usize;
                reached = changes.last().map_or(reached, |change| change.seq);
                let mut undo = Undo {
                    writing,
                    own_type: &own_type,
                    own: &own,
                    reverting: &reverting,
                    report: &mut report,
                    others: others(&changes, &own_type),
                    referring: None,
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
    /// The imported type.
    own_type: &'a str,
    /// The cause of the import's changes.
    own: &'a str,
    /// That of taking them back.
    reverting: &'a str,
    report: &'a mut RevertReport,
    /// What it created at the other end of associations, by type.
    others: HashMap<String, Vec<RecordId>>,
    /// The records in use that refer to those, once that was asked.
    referring: Option<HashMap<RecordId, Reference>>,
}

/// A record that refers to another: its type, its id and the place of the attribute.
type Reference = (String, RecordId, usize);

/// The records of other types that changes created.
fn others(changes: &[StoredChange], own_type: &str) -> HashMap<String, Vec<RecordId>> {
    let mut others: HashMap<String, Vec<RecordId>> = HashMap::new();
    for change in changes.iter().filter(|change| change.kind == ChangeKind::RecordCreated) {
        if let (Some(name), Some(id)) = (&change.entity_type, change.record_id)
            && name != own_type
        {
            others.entry(name.clone()).or_default().push(id);
        }
    }
    others
}

/// For each of these records of one type to which others in use refer, one of those.
fn references(
    writing: &Writing<'_>,
    target: &str,
    ids: &[RecordId],
    found: &mut HashMap<RecordId, Reference>,
) -> Result<()> {
    for table in writing.catalog.iter() {
        let refers = |a: &&AttributeModel| a.definition.target.as_deref() == Some(target);
        for attribute in table.model.live().filter(refers) {
            let place = table.model.place(attribute);
            rows::referring(writing.tx, table, attribute, ids, |id, by| {
                found.entry(id).or_insert_with(|| (table.model.name.clone(), by, place));
            })?;
        }
    }
    Ok(())
}

impl Undo<'_, '_> {
    /// A record in use that refers to one of `target`.
    fn find_reference(&mut self, target: &str, id: RecordId) -> Result<Option<Reference>> {
        if self.referring.is_none() {
            // All in one go, since an attribute need not have an index.
            let mut found = HashMap::new();
            for (target, ids) in &self.others {
                references(self.writing, target, ids, &mut found)?;
            }
            self.referring = Some(found);
        }
        let Some(known) = self.referring.as_ref().and_then(|found| found.get(&id)) else {
            return Ok(None);
        };
        let (name, by, place) = known;
        let table = self.writing.table(name)?;
        let first = table.model.attributes[*place].span().start;
        let is_current = rows::get(self.writing.tx, &table, *by)?.is_some_and(|row| {
            row.archived_at.is_none() && row.cells[first] == Cell::Blob(id.as_bytes().to_vec())
        });
        if is_current {
            return Ok(Some(known.clone()));
        }
        // It was taken back itself meanwhile; there may be others.
        let mut found = HashMap::new();
        references(self.writing, target, &[id], &mut found)?;
        Ok(found.remove(&id))
    }

    fn change(&mut self, change: &StoredChange) -> Result<()> {
        if change.kind == ChangeKind::ActivityRecorded {
            let id = ActivityBody::read(&change.body)?.id;
            self.leave(LeftItem::Activity, id, None, None, ErrorKind::InvalidArgument);
            return Ok(());
        }
        let Some(id) = change.record_id else { return Ok(()) };
        if self.is_calculated(change)? {
            // It follows from what the import wrote.
            return Ok(());
        }
        let mut later = Vec::new();
        journal::of_record(self.writing.tx, id, change.seq, |row| {
            if !self.is_calculated(&row)? {
                later.push(row);
            }
            Ok(true)
        })?;
        match (change.kind, &change.entity_type) {
            (ChangeKind::RecordCreated, Some(name)) => {
                let table = self.writing.table(name)?;
                self.created(&table, id, &later)
            }
            (ChangeKind::RecordPatched, Some(name)) => {
                let table = self.writing.table(name)?;
                self.patched(&table, id, change, &later)
            }
            (ChangeKind::AssociationAdded, _) => self.added(id, &later),
            (ChangeKind::AssociationChanged, _) => self.demoted(id, &later),
            _ => Ok(()),
        }
    }

    /// Whether a change is of nothing but what is calculated.
    fn is_calculated(&self, row: &StoredChange) -> Result<bool> {
        let (ChangeKind::RecordPatched, Some(name)) = (row.kind, &row.entity_type) else {
            return Ok(false);
        };
        let table = self.writing.table(name)?;
        let body = read_body(&table.model, &row.body)?;
        Ok(body.iter().all(|(attribute, _)| attribute.is_calculated()))
    }

    fn is_done(&self, later: &[StoredChange]) -> bool {
        later.iter().any(|row| row.cause.as_deref() == Some(self.reverting))
    }

    /// The last change by somebody else.
    fn last_foreign<'r>(&self, later: &'r [StoredChange]) -> Option<&'r StoredChange> {
        later.iter().rev().find(|row| row.cause.as_deref() != Some(self.own))
    }

    /// Archives a record that the import created, if nobody else touched it.
    fn created(&mut self, table: &Table, id: RecordId, later: &[StoredChange]) -> Result<()> {
        if self.is_done(later) {
            return Ok(());
        }
        let foreign: Vec<_> =
            later.iter().filter(|row| row.cause.as_deref() != Some(self.own)).collect();
        for row in &foreign {
            let body = read_body(&table.model, &row.body)?;
            if body.is_empty() {
                self.leave(LeftItem::Record, id, None, Some(row), ErrorKind::StaleVersion);
            }
            for (attribute, _) in body {
                let name = Some(attribute.name());
                self.leave(LeftItem::Record, id, name, Some(row), ErrorKind::StaleVersion);
            }
        }
        if !foreign.is_empty() {
            return Ok(());
        }
        // A record of a row is the import's own; what it made beside it others may have taken up.
        if table.model.name != self.own_type
            && let Some(use_of_it) = self.find_use(&table.model.name, id)?
        {
            self.leave(LeftItem::Record, id, None, Some(&use_of_it), ErrorKind::StaleVersion);
            return Ok(());
        }
        match records::set_archived(self.writing, table, id, None, true) {
            Ok(_) => self.report.archived += 1,
            Err(error) if concerns_one_row(error.kind()) => {
                self.leave(LeftItem::Record, id, None, None, error.kind());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The change that made a record in use refer to this one, linked it, or recorded an activity with
    /// it.
    fn find_use(&mut self, of_type: &str, id: RecordId) -> Result<Option<StoredChange>> {
        let tx = self.writing.tx;
        if let Some((name, by, place)) = self.find_reference(of_type, id)? {
            let table = self.writing.table(&name)?;
            let mut changes = Vec::new();
            journal::of_record(tx, by, 0, |row| {
                changes.push(row);
                Ok(true)
            })?;
            return Ok(last_to_set(&table, place, &changes)?.cloned());
        }
        let mut place = None;
        for end in [End::From, End::To] {
            let around = Around {
                id,
                end,
                type_id: None,
                role: None,
                on: None,
                with_archived: false,
                after: None,
            };
            associations_of::around(tx, &around, |row, _| {
                place = Some(row.seq);
                Ok(false)
            })?;
        }
        if place.is_none() {
            let before = (i64::MAX, i64::MAX);
            let page = Page { kinds: None, from: i64::MIN, before, limit: 1 };
            let linked = page.of_link(tx, id)?.into_iter().map(|(place, _)| place);
            place = page.of_subject(tx, id)?.into_iter().chain(linked).map(|(_, seq)| seq).next();
        }
        match place {
            Some(seq) => Ok(journal::get_many(tx, &[seq])?.pop()),
            None => Ok(None),
        }
    }

    /// Archives an association that the import added, if nobody else changed it.
    fn added(&mut self, id: RecordId, later: &[StoredChange]) -> Result<()> {
        if self.is_done(later) {
            return Ok(());
        }
        let (_, row) = associations::load(self.writing.tx, &self.writing.catalog, id)?;
        if row.archived_at.is_some() {
            // Somebody else did that.
            return Ok(());
        }
        if let Some(foreign) = self.last_foreign(later) {
            self.leave(LeftItem::Association, id, None, Some(foreign), ErrorKind::StaleVersion);
            return Ok(());
        }
        match associations::set_archived(self.writing, id, None, true) {
            Ok(_) => self.report.associations += 1,
            Err(error) if concerns_one_row(error.kind()) => {
                self.leave(LeftItem::Association, id, None, None, error.kind());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives an association the primary flag back that one of the import took from it.
    fn demoted(&mut self, id: RecordId, later: &[StoredChange]) -> Result<()> {
        if self.is_done(later) {
            return Ok(());
        }
        let name = Some("is_primary");
        if let Some(foreign) = self.last_foreign(later) {
            self.leave(LeftItem::Association, id, name, Some(foreign), ErrorKind::StaleVersion);
            return Ok(());
        }
        match associations::promote(self.writing, id) {
            Err(error) if concerns_one_row(error.kind()) => {
                self.leave(LeftItem::Association, id, name, None, error.kind());
                Ok(())
            }
            promoted => promoted,
        }
    }

    /// Gives the values that the import set back what they were, as far as nobody else set them.
    fn patched(
        &mut self,
        table: &Table,
        id: RecordId,
        change: &StoredChange,
        later: &[StoredChange],
    ) -> Result<()> {
        let (model, tx) = (&table.model, self.writing.tx);
        let mut set = Vec::new();
        for (attribute, _) in read_body(model, &change.body)? {
            if attribute.definition.formula.is_some() {
                // It follows from the others.
                continue;
            }
            let place = model.place(attribute);
            match last_to_set(table, place, later)? {
                None => set.push(place),
                Some(row) if row.cause.as_deref() == Some(self.reverting) => {}
                Some(row) => {
                    let name = Some(attribute.name());
                    self.leave(LeftItem::Record, id, name, Some(row), ErrorKind::StaleVersion);
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
        self.restore(table, id, before, archived)
    }

    /// Writes the values of a record as they were; those that do not fit any more are left.
    fn restore(
        &mut self,
        table: &Table,
        id: RecordId,
        mut before: Vec<(usize, Option<Vec<Cell>>)>,
        archived: Option<&StoredChange>,
    ) -> Result<()> {
        let model = &table.model;
        while !before.is_empty() {
            let Some(mut row) = rows::get(self.writing.tx, table, id)? else { return Ok(()) };
            if row.archived_at.is_some() {
                for (place, _) in &before {
                    let name = model.attributes[*place].name();
                    self.leave(LeftItem::Record, id, Some(name), archived, ErrorKind::Archived);
                }
                return Ok(());
            }
            let stored = std::mem::take(&mut row.cells);
            let drafted = draft(self.writing, table, id, stored, &before);
            match drafted {
                Ok(draft) if draft.changed.is_empty() => return Ok(()),
                Ok(draft) => {
                    records::update(self.writing, table, row, draft)?;
                    self.report.restored += 1;
                    return Ok(());
                }
                Err((place, error)) if concerns_one_row(error.kind()) => {
                    before.retain(|(other, _)| *other != place);
                    let name = Some(model.attributes[place].name());
                    self.leave(LeftItem::Record, id, name, None, error.kind());
                }
                Err((_, error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn leave(
        &mut self,
        item: LeftItem,
        id: RecordId,
        attribute: Option<&str>,
        by: Option<&StoredChange>,
        kind: ErrorKind,
    ) {
        self.report.left_count += 1;
        if self.report.left.len() < limits::CSV_PROBLEMS {
            self.report.left.push(LeftChange {
                item,
                id,
                attribute: attribute.map(str::to_owned),
                actor: by.map(|row| row.actor.clone()),
                at: by.map(|row| row.hlc.at()),
                kind: kind.name().to_owned(),
            });
        }
    }
}

/// The last change that mentions an attribute.
fn last_to_set<'r>(
    table: &Table,
    place: usize,
    later: &'r [StoredChange],
) -> Result<Option<&'r StoredChange>> {
    for row in later.iter().rev() {
        let body = read_body(&table.model, &row.body)?;
        if body.iter().any(|(attribute, _)| table.model.place(attribute) == place) {
            return Ok(Some(row));
        }
    }
    Ok(None)
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
