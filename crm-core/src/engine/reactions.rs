//! What follows from a write, within its transaction.
//!
//! A write tells what happened; every room that is concerned does its part, which may be told in
//! turn, until nothing follows. Before each event the roll-ups are made true, then scores and segments
//! follow, those that are asked for before those that ask; so whoever asks a condition sees what the
//! write adds up to. In a batch, scores and segments hear of all of it at once ([`Writing::batch`]).
//! The invariants: no transaction ends while something that was told is not done; and of one event
//! each score and segment hears once, with all that it hangs on.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use super::{
    Catalog, Writing, lifecycles,
    rules::{self, Chain, Tally},
    scores, segments,
};
use crate::{
    RecordId, Result,
    association::StoredAssociation,
    circle::Follower,
    condition::{Checked, Reach},
    lifecycle::{LifecycleModel, On, Program},
    record::{Draft, concerns_one_row},
    rule::{Act, RuleProgram},
    schema::Kind,
    scoring::StoredModel,
    segment::SegmentModel,
    store::{
        activities::{Happened, Numbered},
        table::Table,
        trial,
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
pub(super) struct Told {
    pub(super) event: Event,
    /// The rules that led to it.
    pub(super) chain: Chain,
    /// The last change of the journal by then.
    seq: i64,
    left: Left,
}

impl Told {
    /// The event as these are to hear of it. If no rule led to it, it is a first cause: what follows from
    /// it is counted by itself, however many wait beside it.
    fn left_to(self, left: Left, rules: &mut Tally) -> Self {
        let chain = if self.chain.is_empty() { rules.begin() } else { self.chain };
        Self { event: self.event, chain, seq: self.seq, left }
    }
}

/// Who is still to hear of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    All,
    /// Lifecycles and rules: scores and segments have followed.
    Acting,
    /// Of these the late ones, when a batch is over: the lifecycles, then the rules.
    Late,
    /// The late rules, which see where what follows from the batch has moved the records.
    LateRules,
}

/// The lifecycles and rules whose turn it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    All,
    /// Within a batch.
    Early,
    /// After it.
    Late,
}

/// The lifecycles and rules that hear of a batch when scores and segments have followed, because they
/// ask for these, or have to do with a lifecycle that does.
#[derive(Debug, Default)]
struct Late {
    lifecycles: HashSet<i64>,
    rules: HashSet<i64>,
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
    /// Of a batch: what scores, segments and what is late have not heard of yet.
    gathered: Option<Vec<Told>>,
    late: Late,
    turn: Turn,
    /// Each row of a batch is a part that is undone by itself, with what follows from it.
    is_by_row: bool,
    /// The rules that led to what is being done.
    pub(super) chain: Chain,
    /// What rules did since the write began, by what led to it first.
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
        self.reactions.queue.push_back(Told { event, chain, seq, left: Left::All });
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
    /// and rules hear of each write after it; those that ask for scores or segments hear of each when
    /// these have followed. Where each row is tried by itself, every row is followed by all of it.
    ///
    /// # Errors
    ///
    /// What `f` answers; and as [`Self::settle`].
    pub(super) fn batch<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.reactions.is_by_row {
            return f(self);
        }
        self.reactions.late = Late::of(&self.catalog)?;
        self.reactions.gathered = Some(Vec::new());
        let value = f(self)?;
        self.settle()?;
        let mut told = self.reactions.gathered.take().unwrap_or_default();
        self.together(|writing| {
            let rows = told.len();
            writing.hear(&mut told)?;
            let new = told.split_off(rows).into_iter();
            let Reactions { queue, late, rules, .. } = &mut writing.reactions;
            if !late.is_empty() {
                queue.extend(told.into_iter().map(|told| told.left_to(Left::Late, rules)));
            }
            queue.extend(new.map(|told| told.left_to(Left::Acting, rules)));
            Ok(())
        })?;
        Ok(value)
    }

    /// Does one of the many writes of a batch; the inner result says why it is not done. Then nothing
    /// of it stays.
    ///
    /// # Errors
    ///
    /// What does not concern this one alone. Also what does, if something of it is written: then all of
    /// the batch is to be undone, and done with each row by itself.
    pub(super) fn row<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        if self.reactions.is_by_row {
            return self.attempt(|writing| {
                let value = f(writing)?;
                writing.settle()?;
                Ok(value)
            });
        }
        let before = trial::changes(self.tx);
        match f(self) {
            Err(error) if concerns_one_row(error.kind()) && trial::changes(self.tx) == before => {
                Ok(Err(error))
            }
            done => done.map(Ok),
        }
    }

    /// From now on tries each row of a batch by itself.
    pub(super) fn by_row(&mut self) {
        self.reactions.is_by_row = true;
    }

    /// Whether it is the turn of a lifecycle to hear of what happened.
    pub(super) fn is_turn_of_lifecycle(&self, id: i64) -> bool {
        self.reactions.is_turn_of(self.reactions.late.lifecycles.contains(&id))
    }

    /// Whether it is the turn of a rule to hear of what happened.
    pub(super) fn is_turn_of_rule(&self, id: i64) -> bool {
        self.reactions.is_turn_of(self.reactions.late.rules.contains(&id))
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
        self.reactions.begin_anew();
        self.reactions.turn = Turn::All;
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
            let Some(mut told) = self.reactions.queue.pop_front() else { return Ok(()) };
            let is_gathered = self.reactions.gathered.is_some();
            if told.left == Left::All && !is_gathered {
                let mut all = vec![told];
                self.hear(&mut all)?;
                let mut all = all.into_iter();
                let Some(first) = all.next() else { return Ok(()) };
                told = first;
                let Reactions { queue, rules, .. } = &mut self.reactions;
                queue.extend(all.map(|told| told.left_to(Left::Acting, rules)));
            }
            // What a rule led to has it as its cause, and is done while that is known.
            self.reactions.chain = told.chain.clone();
            self.reactions.turn = match told.left {
                Left::Late | Left::LateRules => {
                    self.reactions.made.clear();
                    Turn::Late
                }
                _ if is_gathered => Turn::Early,
                _ => Turn::All,
            };
            if told.left != Left::LateRules {
                lifecycles::react(self, &told.event)?;
            }
            if told.left == Left::Late {
                self.reactions.queue.push_back(Told { left: Left::LateRules, ..told });
                continue;
            }
            rules::react(self, &told.event, told.seq)?;
            if let Some(gathered) = &mut self.reactions.gathered {
                gathered.push(told);
            }
        }
    }

    /// Lets scores and segments follow from what was told, those that are asked for before those that
    /// ask: each is asked once for a record, and knows what the others tell, which is added.
    fn hear(&mut self, told: &mut Vec<Told>) -> Result<()> {
        let catalog = Arc::clone(&self.catalog);
        let (scores, segments) = (catalog.score_programs()?, catalog.segment_programs()?);
        let mut upkeep = segments::Upkeep::default();
        let begin = self.reactions.queue.len();
        for follower in catalog.followers()? {
            match (follower, scores, segments) {
                (Follower::Score(place), Some(programs), _) => {
                    scores::react(self, programs, &programs.all[*place], told)?;
                }
                (Follower::Segment(place), _, Some(programs)) => {
                    upkeep.react(self, &programs.all[*place], told)?;
                }
                _ => {}
            }
            told.extend(self.reactions.queue.drain(begin..));
        }
        upkeep.finish(self)
    }
}

impl Reactions {
    fn is_turn_of(&self, is_late: bool) -> bool {
        match self.turn {
            Turn::All => true,
            Turn::Early => !is_late,
            Turn::Late => is_late,
        }
    }

    /// What follows is of another write.
    fn begin_anew(&mut self) {
        self.made.clear();
        self.rules.forget();
        self.chain = self.rules.begin();
    }
}

impl Late {
    fn is_empty(&self) -> bool {
        self.lifecycles.is_empty() && self.rules.is_empty()
    }

    fn of(catalog: &Catalog) -> Result<Self> {
        let segments = catalog.segment_programs()?;
        let is_live = |id: &i64| {
            let program = segments.and_then(|programs| programs.find(*id));
            program.is_some_and(|program| program.reach.is_some())
        };
        let asks = |checked: &Checked, late: &HashSet<i64>| {
            Reach::of(checked).places.iter().any(|place| {
                let reads = &place.reads;
                !reads.scores.is_empty()
                    || reads.segments.iter().any(is_live)
                    || reads.stages.iter().any(|lifecycle| late.contains(lifecycle))
            })
        };
        let mut late = Self::default();
        let programs = catalog.programs()?.map_or(&[][..], |programs| &programs.all);
        let is_late = |program: &Program, late: &HashSet<i64>| {
            let conditions =
                program.triggers.iter().filter_map(|trigger| trigger.condition.as_ref());
            let related = |on: &On| match on {
                On::Related { lifecycle, .. } => {
                    catalog.lifecycle(lifecycle).is_ok_and(|model| late.contains(&model.id))
                }
                _ => false,
            };
            program.guards.iter().flatten().chain(conditions).any(|checked| asks(checked, late))
                || program.triggers.iter().any(|trigger| related(&trigger.on))
        };
        loop {
            let found = programs.iter().find(|program| {
                let id = &program.model.id;
                !late.lifecycles.contains(id) && is_late(program, &late.lifecycles)
            });
            match found {
                Some(program) => late.lifecycles.insert(program.model.id),
                None => break,
            };
        }
        let is_late = |program: &&RuleProgram| {
            program.condition.as_ref().is_some_and(|checked| asks(checked, &late.lifecycles))
                || program.actions.iter().any(|act| {
                    matches!(act, Act::Move { lifecycle, .. } if late.lifecycles.contains(lifecycle))
                })
        };
        let rules = catalog.rule_programs()?.map_or(&[][..], |programs| &programs.all);
        let rules = rules.iter().filter(is_late).map(|program| program.model.id).collect();
        Ok(Self { rules, ..late })
    }
}
