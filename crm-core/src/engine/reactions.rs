//! What follows from a write, within its transaction.
//!
//! A write tells what happened; every room that is concerned does its part, which may be told in
//! turn, until nothing follows. Before each event the roll-ups are made true, so that whoever asks a
//! condition sees what the write adds up to. In a batch, scores and segments hear of all of it at once
//! ([`Writing::batch`]). The invariant: no transaction ends while something that was told is not done.

use std::{
    collections::{HashSet, VecDeque},
    slice,
    sync::Arc,
};

use super::{
    Catalog, Writing, lifecycles,
    rules::{self, Chain, Tally},
    scores, segments,
};
use crate::{
    Condition, Lifecycle, RecordId, Result,
    association::StoredAssociation,
    lifecycle::{LifecycleModel, Program},
    record::Draft,
    rule::{RuleOn, RuleProgram},
    schema::Kind,
    scoring::StoredModel,
    segment::SegmentModel,
    store::{
        activities::{Happened, Numbered},
        table::Table,
    },
};

/// Something that happened with records.
#[derive(Debug)]
pub(super) enum Event {
    /// A record was created, or attributes of it were changed.
    Record {
        table: Arc<Table>,
        id: RecordId,
        /// The places of the changed attributes; `None` if it was created.
        changed: Option<Vec<usize>>,
        /// The records that its references named before, by the place of the attribute.
        left: Vec<(usize, RecordId)>,
        /// The places of the rules that wait for such a change.
        set_off: Vec<usize>,
    },
    /// A record was archived, or taken out of the archive.
    Archiving { table: Arc<Table>, id: RecordId },
    /// Activities were recorded with a record or became its own; none if it was past ones that were
    /// taken from it.
    Activities { table: Arc<Table>, id: RecordId, all: Vec<Happened> },
    /// An association was added, changed or archived.
    Association(Box<StoredAssociation>),
    /// A record came to a stage, from another if it stood on one.
    Moved { lifecycle: Arc<LifecycleModel>, id: RecordId, stage: usize, from: Option<usize> },
    /// Something else is kept of a record's score; with the places of the thresholds that it crossed,
    /// and whether upwards.
    Scored { model: Arc<StoredModel>, id: RecordId, crossed: Vec<(usize, bool)> },
    /// A record became a member of a segment, or ceased to be one.
    Member { segment: Arc<SegmentModel>, id: RecordId, is_member: bool },
    /// A record has stood on a stage for longer than one of its times.
    Overdue { lifecycle: Arc<LifecycleModel>, id: RecordId, stage: usize, within: String },
}

/// An event with how it came about.
#[derive(Debug)]
struct Told {
    event: Event,
    /// The rules that led to it.
    chain: Chain,
    /// The last change of the journal by then.
    seq: i64,
}

/// Where a write was, to go back there.
#[derive(Debug)]
pub(super) struct Mark {
    told: usize,
    gathered: usize,
    noted: usize,
    /// Of the attempt of which this one is a part: the versions before it.
    outer: Option<Vec<(RecordId, Option<i64>)>>,
}

/// What was told and is not done yet.
#[derive(Debug, Default)]
pub(super) struct Reactions {
    queue: VecDeque<Told>,
    is_settling: bool,
    /// Of a batch: what scores and segments have not heard of yet.
    gathered: Option<Vec<Event>>,
    /// The rules that led to what is being done.
    pub(super) chain: Chain,
    /// What rules did since the write began.
    pub(super) rules: Tally,
    /// The versions that records had before the present attempt, for those that it wrote.
    before: Option<Vec<(RecordId, Option<i64>)>>,
    /// Lifecycle, trigger and record of each move that a trigger made since the write began.
    pub(super) made: HashSet<(i64, usize, RecordId)>,
}

impl Writing<'_> {
    /// Whether a room would do something about what happens with records of these types.
    pub(super) fn concerns(&self, types: &[&str]) -> Result<bool> {
        let catalog = &self.catalog;
        Ok(scores::concern(catalog, types)?
            || segments::concern(catalog, types)?
            || lifecycles::concern(catalog, types)?
            || rules::concern(catalog, types)?)
    }

    /// A record was created, or what `draft` changes of it was written.
    pub(super) fn tell_record(
        &mut self,
        table: &Table,
        id: RecordId,
        draft: &Draft,
        is_new: bool,
    ) -> Result<()> {
        let model = &table.model;
        if !self.concerns(&[&model.name])? {
            return Ok(());
        }
        let mut left = Vec::new();
        for &place in draft.changed.iter().filter(|_| !is_new) {
            let attribute = &model.attributes[place];
            if attribute.definition.kind == Kind::Reference
                && let Some([cell, ..]) = draft.before(attribute)
                && let Some(id) = cell.to_id()
            {
                left.push((place, id));
            }
        }
        let changed = (!is_new).then(|| draft.changed.clone());
        let set_off = rules::set_off(&self.catalog, model, draft, is_new)?;
        let table = self.table(&model.name)?;
        self.tell(Event::Record { table, id, changed, left, set_off })
    }

    /// A record was archived, or taken out of the archive.
    pub(super) fn tell_archiving(&mut self, table: &Table, id: RecordId) -> Result<()> {
        if !self.concerns(&[&table.model.name])? {
            return Ok(());
        }
        let table = self.table(&table.model.name)?;
        self.tell(Event::Archiving { table, id })
    }

    /// Activities were recorded with a record, became its own, or were taken from it; `read` gives
    /// the new ones, in the order in which they happened, and is asked only if that matters.
    pub(super) fn tell_activities(
        &mut self,
        (entity_type, id): Numbered,
        read: impl FnOnce(&Self) -> Result<Vec<Happened>>,
    ) -> Result<()> {
        let table = self.catalog.iter().find(|table| table.model.id == entity_type);
        let Some(table) = table.map(Arc::clone) else { return Ok(()) };
        if !self.concerns(&[&table.model.name])? {
            return Ok(());
        }
        let all = read(self)?;
        self.tell(Event::Activities { table, id, all })
    }

    /// An association was added, changed or archived.
    pub(super) fn tell_association(&mut self, row: &StoredAssociation) -> Result<()> {
        if !self.concerns(&[&row.from.entity_type, &row.to.entity_type])? {
            return Ok(());
        }
        self.tell(Event::Association(Box::new(row.clone())))
    }

    /// Something happened: does what follows from it, unless that is being done already and will come
    /// to this too.
    pub(super) fn tell(&mut self, event: Event) -> Result<()> {
        self.tell_later(event);
        self.settle()
    }

    /// Something happened within a step that is not done yet: what follows from it is done with what
    /// the step tells at its end.
    pub(super) fn tell_later(&mut self, event: Event) {
        let (chain, seq) = (self.reactions.chain.clone(), self.last_seq());
        self.reactions.queue.push_back(Told { event, chain, seq });
    }

    /// Does `f`, which several events may come of, and then what follows from them.
    ///
    /// # Errors
    ///
    /// What `f` answers; and as [`Self::settle`].
    pub(super) fn together<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let was_settling = std::mem::replace(&mut self.reactions.is_settling, true);
        let done = f(self);
        self.reactions.is_settling = was_settling;
        let value = done?;
        self.settle()?;
        Ok(value)
    }

    /// Does many writes, after which scores and segments hear of all of them at once: who is concerned
    /// by many of them is asked once, and what would have come and gone in between is not told. Lifecycles
    /// and rules hear of each write after it; where one of them asks for a score or a segment, these
    /// hear of it then too.
    ///
    /// # Errors
    ///
    /// What `f` answers; and as [`Self::settle`].
    pub(super) fn batch<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !asks_between(&self.catalog)? {
            self.reactions.gathered = Some(Vec::new());
        }
        let value = f(self)?;
        self.settle()?;
        while let Some(events) = self.reactions.gathered.as_mut().map(std::mem::take)
            && !events.is_empty()
        {
            self.together(|writing| {
                scores::react(writing, &events)?;
                segments::react(writing, &events)
            })?;
        }
        self.reactions.gathered = None;
        Ok(value)
    }

    /// Where the write is, at the beginning of an attempt.
    pub(super) fn mark(&mut self) -> Mark {
        let outer = self.reactions.before.replace(Vec::new());
        let gathered = self.reactions.gathered.as_ref().map_or(0, Vec::len);
        Mark { told: self.reactions.queue.len(), gathered, noted: self.pending.noted(), outer }
    }

    /// The attempt is made: there is no way back.
    pub(super) fn forget(&mut self, mark: Mark) {
        let own = self.reactions.before.take();
        // The whole of which it is a part may still go back.
        self.reactions.before = mark.outer.map(|mut outer| {
            outer.extend(own.into_iter().flatten());
            outer
        });
    }

    /// Forgets what the attempt told and noted.
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.reactions.queue.truncate(mark.told);
        if let Some(gathered) = &mut self.reactions.gathered {
            gathered.truncate(mark.gathered);
        }
        self.pending.go_back(mark.noted);
        for (id, version) in self.reactions.before.take().into_iter().flatten().rev() {
            self.pending.note_version(id, version);
        }
        self.reactions.before = mark.outer;
    }

    /// Makes everything true that follows from what was written: roll-ups, and what the rooms do.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if that is more than one transaction may change; then nothing of it may stay.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.reactions.is_settling {
            return Ok(());
        }
        self.reactions.is_settling = true;
        let settled = self.follow();
        self.reactions.is_settling = false;
        self.reactions.made.clear();
        self.reactions.rules = Tally::default();
        self.reactions.chain = Chain::default();
        settled
    }

    /// Notes that a record was written, if that followed from another write.
    pub(super) fn note_version(&mut self, id: RecordId, version: i64) {
        if self.reactions.is_settling {
            let before = self.pending.note_version(id, Some(version));
            if let Some(all) = &mut self.reactions.before {
                all.push((id, before));
            }
        }
    }

    fn follow(&mut self) -> Result<()> {
        loop {
            self.roll_up()?;
            let Some(told) = self.reactions.queue.pop_front() else { return Ok(()) };
            let Told { event, chain, seq } = told;
            // What a rule led to has it as its cause, and is done while that is known.
            let is_gathered = self.reactions.gathered.is_some() && chain.cause().is_none();
            self.reactions.chain = chain;
            if !is_gathered {
                scores::react(self, slice::from_ref(&event))?;
                segments::react(self, slice::from_ref(&event))?;
            }
            lifecycles::react(self, &event)?;
            rules::react(self, &event, seq)?;
            if is_gathered && let Some(gathered) = &mut self.reactions.gathered {
                gathered.push(event);
            }
        }
    }
}

/// Whether a lifecycle or a rule in use asks for scores or for members of segments, which then have to
/// be true whenever it is asked.
fn asks_between(catalog: &Catalog) -> Result<bool> {
    fn asks(condition: &Condition) -> bool {
        matches!(condition, Condition::Score(_) | Condition::Segment(_))
            || condition.nested().any(asks)
    }
    let lifecycles = catalog.programs()?.into_iter().flat_map(|programs| &programs.all);
    let of_lifecycles = |program: &Program| {
        let Lifecycle { stages, triggers, .. } = &program.model.lifecycle;
        let guards = stages.iter().filter_map(|stage| stage.guard.as_ref());
        guards.chain(triggers.iter().filter_map(|trigger| trigger.condition.as_ref())).any(asks)
    };
    let rules = catalog.rule_programs()?.into_iter().flat_map(|programs| &programs.all);
    let of_rules = |program: &RuleProgram| {
        let waits = matches!(program.on, RuleOn::Score { .. } | RuleOn::Segment { .. });
        waits || program.model.rule.condition.as_ref().is_some_and(asks)
    };
    Ok(lifecycles.into_iter().any(of_lifecycles) || rules.into_iter().any(of_rules))
}
