//! Keeping roll-ups true: what a write changes in them is noted when it happens, and written before
//! the transaction ends.
//!
//! What is noted is a difference, where adding it to the stored value is exact, or else that
//! everything is to be read anew. Lower roll-ups are written before those that look at them, so that
//! each record changes once for each level. The invariant: a transaction commits only when nothing is
//! noted any more; what cannot be written undoes the whole of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::Kept;
use crate::{
    Error, ErrorKind, RecordId, Result, Timestamp,
    activity::Content,
    association::StoredAssociation,
    cell::Cell,
    condition::{ACTIVITY_COLUMNS, RECORD_COLUMNS},
    engine::{Writing, records},
    formula::{Aggregate, Change, Of, Plan},
    limits,
    record::Draft,
    store::{
        activities::Numbered,
        associations::AssociationTable,
        records::{self as rows, StoredRow},
        rollups,
        table::Table,
    },
};

/// Level, type and id of a record whose roll-ups are to be written.
type Key = (usize, i64, RecordId);

/// What a transaction has to write still.
#[derive(Debug, Default)]
pub(in crate::engine) struct Pending {
    waiting: BTreeMap<Key, Vec<(Arc<Kept>, Change)>>,
    /// How many records were noted; nothing more is once they are too many.
    noted: usize,
    /// The versions of the records that were written because of what else was.
    versions: HashMap<RecordId, i64>,
}

impl Pending {
    /// Notes a change of a roll-up of a record. Answers whether there is room for more: that there is
    /// none must undo the whole transaction, and so is told when it settles.
    pub(super) fn note(&mut self, kept: &Arc<Kept>, id: RecordId, change: Change) -> bool {
        let key = (kept.level, kept.plan().entity_type.id, id);
        if !self.waiting.contains_key(&key) {
            self.noted += 1;
        }
        if !self.has_room() {
            return false;
        }
        let waiting = self.waiting.entry(key).or_default();
        match waiting.iter_mut().find(|(other, _)| Arc::ptr_eq(other, kept)) {
            None => waiting.push((Arc::clone(kept), change)),
            Some((_, noted)) => {
                *noted = std::mem::replace(noted, Change::Anew).and(kept.plan(), change);
            }
        }
        true
    }

    fn has_room(&self) -> bool {
        self.noted <= limits::ROLLED_UP_AT_ONCE
    }

    /// # Errors
    ///
    /// `LimitExceeded` if more was to be noted than there is room for.
    pub(super) fn check_room(&self) -> Result<()> {
        if self.has_room() {
            return Ok(());
        }
        let most = limits::ROLLED_UP_AT_ONCE;
        let message = format!("the roll-ups of more than {most} records would change");
        Err(Error::new(ErrorKind::LimitExceeded, message).with_hint(
            "write less at once; or archive the attributes that look at this, write, and take them \
             out of the archive",
        ))
    }

    /// Begins to count anew how many records are noted: for a job that writes many, a page at a time.
    pub(in crate::engine) fn next_page(&mut self) {
        self.noted = 0;
        self.versions.clear();
    }

    /// How many records are noted.
    pub(in crate::engine) fn noted(&self) -> usize {
        self.noted
    }

    /// Forgets what is to be written since so many records were noted, and nothing was waiting.
    pub(in crate::engine) fn go_back(&mut self, noted: usize) {
        self.waiting.clear();
        self.noted = noted;
    }

    /// Notes the version that a record has after a write that followed from another one, or that none
    /// is known. Answers what was noted before.
    pub(in crate::engine) fn note_version(
        &mut self,
        id: RecordId,
        version: Option<i64>,
    ) -> Option<i64> {
        match version {
            Some(version) => self.versions.insert(id, version),
            None => self.versions.remove(&id),
        }
    }

    /// The version that a record has, if it was written because of what else was.
    pub(in crate::engine) fn version(&self, id: RecordId) -> Option<i64> {
        self.versions.get(&id).copied()
    }
}

/// Which roll-ups an association counts in, as far as that can change.
#[derive(Debug)]
pub(in crate::engine) struct Standing {
    role: Option<String>,
    is_open: bool,
    is_archived: bool,
}

impl Standing {
    pub(in crate::engine) fn of(row: &StoredAssociation) -> Self {
        Self {
            role: row.role().map(str::to_owned),
            is_open: row.cells[3] == Cell::Null,
            is_archived: row.archived_at.is_some(),
        }
    }

    fn counts(&self, wanted: Option<&str>, open: bool) -> bool {
        !self.is_archived
            && wanted.is_none_or(|role| self.role.as_deref() == Some(role))
            && (self.is_open || !open)
    }
}

impl Writing<'_> {
    /// Notes what it changes in the roll-ups of others that a record was created: it refers to them.
    pub(in crate::engine) fn note_creation(
        &mut self,
        table: &Table,
        id: RecordId,
        at: Timestamp,
        cells: &[Cell],
    ) {
        let catalog = Arc::clone(&self.catalog);
        let Some(readers) = catalog.rollups().of_far.get(&table.model.id) else { return };
        let row = facts(id, 1, (at, at), cells);
        for kept in readers.iter().filter(|kept| kept.plan().takes(&row)) {
            let owner = referred(kept.plan(), table, cells);
            if let (Some(owner), Some(change)) = (owner, kept.plan().added(&kept.plan().pick(&row)))
            {
                self.pending.note(kept, owner, change);
            }
        }
    }

    /// Notes what an update of a record changes in the roll-ups of others.
    pub(in crate::engine) fn note_update(
        &mut self,
        table: &Table,
        row: &StoredRow,
        draft: &Draft,
    ) -> Result<()> {
        let catalog = Arc::clone(&self.catalog);
        let Some(readers) = catalog.rollups().of_far.get(&table.model.id) else { return Ok(()) };
        let is_looked_at = |place: &usize| draft.changed.contains(place);
        let mut readers = readers.iter().filter(|kept| kept.looks_at.iter().any(is_looked_at));
        let Some(first) = readers.next().filter(|_| row.archived_at.is_none()) else {
            return Ok(());
        };
        let mut former = draft.cells.clone();
        for attribute in draft.changed.iter().map(|place| &table.model.attributes[*place]) {
            if let Some(before) = draft.before(attribute) {
                former[attribute.span()].clone_from_slice(before);
            }
        }
        let of =
            |cells: &[Cell]| facts(row.id, row.version, (row.created_at, row.updated_at), cells);
        let (before, after) = (of(&former), of(&draft.cells));
        for kept in std::iter::once(first).chain(readers) {
            let plan = kept.plan();
            let (was, is) = (plan.takes(&before), plan.takes(&after));
            let gone = |counts: bool| plan.removed(&plan.pick(&before)).filter(|_| counts);
            let come = |counts: bool| plan.added(&plan.pick(&after)).filter(|_| counts);
            let whose = [&former, &draft.cells].map(|cells| referred(plan, table, cells));
            if whose[0] != whose[1] {
                for (owner, change) in whose.into_iter().zip([gone(was), come(is)]) {
                    if let (Some(owner), Some(change)) = (owner, change) {
                        self.pending.note(kept, owner, change);
                    }
                }
                continue;
            }
            let change = match (was, is) {
                (true, true) if plan.pick(&before) == plan.pick(&after) => None,
                (true, true) => plan.replaced(&plan.pick(&before), &plan.pick(&after)),
                (was, is) => gone(was).or(come(is)),
            };
            self.note_for_owners(kept, row.id, whose[1], change)?;
        }
        Ok(())
    }

    /// Notes what it changes in the roll-ups of others that a record was archived, or taken out.
    pub(in crate::engine) fn note_archiving(
        &mut self,
        table: &Table,
        row: &StoredRow,
    ) -> Result<()> {
        let catalog = Arc::clone(&self.catalog);
        let Some(readers) = catalog.rollups().of_far.get(&table.model.id) else { return Ok(()) };
        let cells = of_row(row);
        for kept in readers.iter().filter(|kept| kept.plan().takes(&cells)) {
            let plan = kept.plan();
            let change = match row.archived_at {
                Some(_) => plan.removed(&plan.pick(&cells)),
                None => plan.added(&plan.pick(&cells)),
            };
            self.note_for_owners(kept, row.id, referred(plan, table, &row.cells), change)?;
        }
        Ok(())
    }

    /// Notes a change for the record that is referred to, or those that are associated with `far`.
    fn note_for_owners(
        &mut self,
        kept: &Arc<Kept>,
        far: RecordId,
        referred: Option<RecordId>,
        change: Option<Change>,
    ) -> Result<()> {
        let Some(change) = change else { return Ok(()) };
        let (tx, pending) = (self.tx, &mut self.pending);
        if let Of::Referring { .. } = &kept.plan().of {
            if let Some(owner) = referred {
                pending.note(kept, owner, change);
            }
            return Ok(());
        }
        rollups::owners(tx, &kept.table, far, |owner| pending.note(kept, owner, change.clone()))
    }

    /// Whether a roll-up sums up activities of this kind whose subject is of this type.
    pub(in crate::engine) fn sums_up(&self, kind: i64, subject: Option<Numbered>) -> bool {
        subject.is_some_and(|(entity_type, _)| self.summing_up(kind, entity_type).next().is_some())
    }

    fn summing_up(&self, kind: i64, entity_type: i64) -> impl Iterator<Item = &Arc<Kept>> {
        let of_subject = self.catalog.rollups().of_subject.get(&entity_type);
        of_subject.into_iter().flatten().filter(move |kept| match &kept.plan().of {
            Of::Activities { kind: wanted, .. } => {
                wanted.as_ref().is_none_or(|wanted| wanted.id == kind)
            }
            Of::Related { .. } | Of::Referring { .. } => false,
        })
    }

    /// Notes what it changes that an activity counts, or counts no longer.
    pub(in crate::engine) fn note_activity(
        &mut self,
        kind: i64,
        (entity_type, subject): Numbered,
        content: &Content,
        counts: bool,
    ) {
        let found: Vec<_> = self.summing_up(kind, entity_type).cloned().collect();
        let row = if found.is_empty() { Vec::new() } else { of_activity(content) };
        for kept in found.into_iter().filter(|kept| kept.plan().takes(&row)) {
            let cells = kept.plan().pick(&row);
            let change = match counts {
                true => kept.plan().added(&cells),
                false => kept.plan().removed(&cells),
            };
            if let Some(change) = change {
                self.pending.note(&kept, subject, change);
            }
        }
    }

    /// Notes that activities of some visitor are, or are no longer, those of a record.
    pub(in crate::engine) fn note_visitor(&mut self, (entity_type, id): Numbered) {
        let catalog = Arc::clone(&self.catalog);
        for kept in catalog.rollups().of_subject.get(&entity_type).into_iter().flatten() {
            self.pending.note(kept, id, Change::Anew);
        }
    }

    /// Notes what a new association, or a change of one that stood as `before`, changes.
    pub(in crate::engine) fn note_association(
        &mut self,
        table: &AssociationTable,
        before: Option<&Standing>,
        row: &StoredAssociation,
    ) -> Result<()> {
        let catalog = Arc::clone(&self.catalog);
        let after = Standing::of(row);
        for kept in catalog.rollups().over_associations(table.model.id) {
            let Of::Related { inverse, types, role, open, .. } = &kept.plan().of else { continue };
            let (near, far) = match inverse {
                true => (&row.to, &row.from),
                false => (&row.from, &row.to),
            };
            let counts = |standing: &Standing| standing.counts(role.as_deref(), *open);
            let (was, is) = (before.is_some_and(counts), counts(&after));
            if was == is
                || near.entity_type != kept.plan().entity_type.name
                || types.iter().all(|far_type| far_type.name != far.entity_type)
            {
                continue;
            }
            if kept.plan().aggregate == Aggregate::Latest {
                self.pending.note(kept, near.id, Change::Anew);
                continue;
            }
            if rollups::has_other_way(self.tx, &kept.table, (near.id, far.id), row.id)? {
                continue;
            }
            let far_table = catalog.table(&far.entity_type)?;
            let far = rows::get(self.tx, far_table, far.id)?;
            let Some(far) = far.filter(|far| far.archived_at.is_none()) else { continue };
            let row = of_row(&far);
            if !kept.plan().takes(&row) {
                continue;
            }
            let cells = kept.plan().pick(&row);
            let change = if is { kept.plan().added(&cells) } else { kept.plan().removed(&cells) };
            if let Some(change) = change {
                self.pending.note(kept, near.id, change);
            }
        }
        Ok(())
    }

    /// Writes everything that is noted of roll-ups, and what that changes in other ones.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if that is more than one transaction may change; then nothing of it may stay.
    pub(in crate::engine) fn roll_up(&mut self) -> Result<()> {
        self.pending.check_room()?;
        while let Some(((_, _, id), changes)) = self.pending.waiting.pop_first() {
            let table = self.table(&changes[0].0.plan().entity_type.name)?;
            let Some(mut row) = rows::get(self.tx, &table, id)? else { continue };
            let mut values = Vec::with_capacity(changes.len());
            for (kept, change) in changes {
                let place = kept.plan().place;
                let attribute = &table.model.attributes[place];
                let stored = &row.cells[attribute.span()];
                values.push(match kept.plan().changed(attribute, stored, change) {
                    Some(value) => (place, value),
                    None => kept.read(self.tx, &table, id)?,
                });
            }
            let cells = std::mem::take(&mut row.cells);
            let draft = Draft::recalculate(&table.model, cells, values);
            if !draft.changed.is_empty() {
                records::update(self, &table, row, draft)?;
                self.pending.check_room()?;
            }
        }
        Ok(())
    }
}

/// The record that a row of these cells refers to, where a roll-up sums up what refers.
fn referred(plan: &Plan, table: &Table, cells: &[Cell]) -> Option<RecordId> {
    let Of::Referring { place, .. } = &plan.of else { return None };
    cells[table.model.attributes[*place].first].to_id()
}

/// A record as a row of facts.
fn of_row(row: &StoredRow) -> Vec<Cell> {
    facts(row.id, row.version, (row.created_at, row.updated_at), &row.cells)
}

fn facts(
    id: RecordId,
    version: i64,
    (created_at, updated_at): (Timestamp, Timestamp),
    cells: &[Cell],
) -> Vec<Cell> {
    let own: [Cell; RECORD_COLUMNS.len()] = [
        Cell::Blob(id.as_bytes().to_vec()),
        Cell::Integer(version),
        Cell::Integer(created_at.micros()),
        Cell::Integer(updated_at.micros()),
    ];
    own.into_iter().chain(cells.iter().cloned()).collect()
}

/// An activity as a row of facts.
fn of_activity(content: &Content) -> Vec<Cell> {
    let text = |text: Option<&str>| text.map_or(Cell::Null, |text| Cell::Text(text.to_owned()));
    let amount = content.amount.as_ref();
    let own: [Cell; ACTIVITY_COLUMNS.len()] = [
        Cell::Integer(content.at.micros()),
        text(content.channel.as_deref()),
        text(content.direction.map(crate::Direction::name)),
        amount.map_or(Cell::Null, |(amount, _)| Cell::Integer(*amount)),
        text(amount.map(|(_, currency)| currency.as_str())),
    ];
    own.into_iter().chain(content.cells.iter().cloned()).collect()
}
