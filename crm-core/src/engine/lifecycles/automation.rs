//! What moves records by itself, within the transaction of the write that causes it.
//!
//! A write tells what it did; the triggers that this can set off are asked, and each move that they
//! make is told on, until nothing follows. The invariants: a trigger moves a record once for each
//! write; a move that is not made for another reason than that it is made already is recorded; and no
//! trigger makes the write fail that set it off.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::{Catalog, Writing, conditions, reach, reactions::Event},
    Cause, decided, enter, suppress,
    timed::{is_inactive, schedule},
};
use crate::{
    ErrorKind, Lifecycle, RecordId, RecordRef, Result, StageCause, StageKind, SuppressedBy,
    association::{Period, StoredAssociation},
    cell::Cell,
    condition::{Column, Moment, RECORD_COLUMNS, Way},
    lifecycle::{
        Decision, Entry, LifecycleModel, MoveKind, Needs, On, Program, Programs, StandingRow,
        Trigger, TriggerPlace,
    },
    store::{
        Connection,
        activities::Happened,
        facts, lifecycles as rows,
        records::{self, StoredRow},
        scores,
        table::Table,
    },
};

/// Records of one record's relations that a move goes on to.
pub(super) const RELATED: usize = u32::MAX as usize;
/// Records that are asked in one go.
const ASKED_AT_ONCE: u32 = 1000;

/// Whether a lifecycle is about records of one of these types.
pub(in crate::engine) fn concern(catalog: &Catalog, types: &[&str]) -> Result<bool> {
    let programs = catalog.programs()?;
    Ok(programs.is_some_and(|programs| types.iter().any(|name| programs.concern(name))))
}

/// Makes the moves that follow from what happened.
pub(in crate::engine) fn react(writing: &mut Writing<'_>, event: &Event) -> Result<()> {
    let Some(mut run) = Run::new(writing)? else { return Ok(()) };
    match event {
        Event::Record { table, id, changed, .. } => {
            run.record(table, *id, changed.as_deref())?;
            run.schedule(&table.model.name, *id)
        }
        Event::Activities { table, id, all } => {
            run.activities(&table.model.name, *id, all)?;
            run.schedule(&table.model.name, *id)
        }
        Event::Association(row) => {
            run.association(row)?;
            for end in [&row.from, &row.to] {
                run.schedule(&end.entity_type, end.id)?;
            }
            Ok(())
        }
        Event::Moved { lifecycle, id, stage, .. } => {
            run.moved(lifecycle, *id, *stage)?;
            run.schedule(&lifecycle.lifecycle.entity_type, *id)
        }
        Event::Scored { model, id, .. } => {
            run.scored(&model.model.entity_type, *id)?;
            run.schedule(&model.model.entity_type, *id)
        }
        Event::Member { segment, id, .. } => {
            run.member(&segment.segment.entity_type, *id)?;
            run.schedule(&segment.segment.entity_type, *id)
        }
        Event::Archiving { table, id } => {
            run.restored(&table.model.name, *id)?;
            run.schedule(&table.model.name, *id)
        }
        Event::Overdue { .. } => Ok(()),
    }?;
    run.ask_around(event)
}

/// Asks of all records the triggers that look at stages of a lifecycle: what these are called, or how
/// they are ordered, has changed.
pub(super) fn refill_stages(writing: &mut Writing<'_>, lifecycle: i64) -> Result<()> {
    let Some(mut run) = Run::new(writing)? else { return Ok(()) };
    let programs = run.programs();
    for (place, program) in programs.all.iter().enumerate() {
        let looks = |trigger: &Trigger| trigger.reads.contains(&lifecycle);
        if !program.triggers.iter().any(looks) {
            continue;
        }
        let table = run.writing.table(&program.model.lifecycle.entity_type)?;
        let mut after = None;
        loop {
            let page = scores::records(run.writing.tx, &table, after, ASKED_AT_ONCE)?;
            for id in &page {
                run.ask_states(place, *id, looks)?;
                schedule(run.writing, program, *id)?;
            }
            after = page.last().copied();
            if page.len() < ASKED_AT_ONCE as usize {
                break;
            }
        }
    }
    Ok(())
}

/// What became of an automatic move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Attempted {
    Moved,
    /// It asks for nothing.
    Unchanged,
    /// It is not made, and that is recorded.
    Suppressed(SuppressedBy),
}

/// Moves a record because a rule says so, as a trigger of the lifecycle would.
pub(in crate::engine) fn move_by_rule(
    writing: &mut Writing<'_>,
    lifecycle: i64,
    id: RecordId,
    to: usize,
    reason: Option<&str>,
) -> Result<Attempted> {
    let Some(mut run) = Run::new(writing)? else { return Err(super::no_program()) };
    let programs = Arc::clone(&run.programs);
    let place = programs.all.iter().position(|program| program.model.id == lifecycle);
    let place = place.ok_or_else(super::no_program)?;
    let cause = Cause::new(StageCause::Rule, run.writing.now);
    let cause = Cause { reason: reason.map(str::to_owned), ..cause };
    run.attempt(place, None, id, to, None, cause)
}

pub(super) struct Run<'a, 'w> {
    pub(super) writing: &'a mut Writing<'w>,
    pub(super) catalog: Arc<Catalog>,
    programs: Arc<Programs>,
    pub(super) moment: Moment,
}

impl<'a, 'w> Run<'a, 'w> {
    pub(super) fn new(writing: &'a mut Writing<'w>) -> Result<Option<Self>> {
        let catalog = Arc::clone(&writing.catalog);
        let Some(programs) = catalog.programs()?.cloned() else { return Ok(None) };
        let moment = Moment::new(writing.now, "UTC")?;
        Ok(Some(Self { writing, catalog, programs, moment }))
    }

    pub(super) fn programs(&self) -> Arc<Programs> {
        Arc::clone(&self.programs)
    }

    fn record(&mut self, table: &Table, id: RecordId, changed: Option<&[usize]>) -> Result<()> {
        let Some(StoredRow { cells, .. }) = records::get(self.writing.tx, table, id)? else {
            return Ok(());
        };
        let programs = Arc::clone(&self.programs);
        let (name, model) = (&table.model.name, &table.model);
        for place in programs.of_type(name) {
            let program = &programs.all[place];
            if changed.is_none()
                && self.writing.is_turn_of_lifecycle(program.model.id)
                && let Some(initial) = &program.model.lifecycle.initial
            {
                let to = program.model.lifecycle.stage(initial, "initial")?;
                let cause = Cause::new(StageCause::Initial, self.writing.now);
                self.attempt(place, None, id, to, None, cause)?;
            }
            self.ask(place, id, |_| true)?;
        }
        let first = |column: &Column| column.place - RECORD_COLUMNS.len();
        let is_set = |column: &Column| {
            changed.is_none_or(|changed| {
                changed.iter().any(|place| model.attributes[*place].first == first(column))
            })
        };
        let other = |column: &Column| cells[first(column)].to_id();
        let me = RecordRef::new(name.as_str(), id);
        for (place, nth, program, on) in related(&programs) {
            let On::Related { test, lifecycle, stages, .. } = on else { continue };
            let far = &test.types[0].name;
            match &test.way {
                Way::Reference(column)
                    if program.model.lifecycle.entity_type == *name && is_set(column) =>
                {
                    if let Some(other) = other(column)
                        && self.stands(lifecycle, other, stages)?
                    {
                        let other = RecordRef::new(far.as_str(), other);
                        self.fire(place, nth, id, self.by_record(other))?;
                    }
                }
                Way::Referring(column) if far == name && is_set(column) => {
                    if let Some(target) = other(column)
                        && self.stands(lifecycle, id, stages)?
                    {
                        self.fire(place, nth, target, self.by_record(me.clone()))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A record that was in the archive is in use again: what came true meanwhile is asked. One that
    /// was archived is not moved.
    fn restored(&mut self, entity_type: &str, id: RecordId) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        for place in programs.of_type(entity_type) {
            self.ask(place, id, |_| true)?;
        }
        for (place, nth, program, on) in related(&programs) {
            let On::Related { test, lifecycle, stages, only_primary } = on else { continue };
            if program.model.lifecycle.entity_type != entity_type {
                continue;
            }
            let (far, me) = (&test.types[0].name, RecordRef::new(entity_type, id));
            for other in self.targets(&turned(&test.way), far, &me, *only_primary)? {
                if self.stands(lifecycle, other, stages)? {
                    let other = RecordRef::new(far.as_str(), other);
                    self.fire(place, nth, id, self.by_record(other))?;
                }
            }
        }
        Ok(())
    }

    /// Something else is kept of what a record scores, or it crossed a threshold.
    fn scored(&mut self, entity_type: &str, id: RecordId) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        for place in programs.of_type(entity_type) {
            self.ask(place, id, |needs| needs.scores)?;
        }
        Ok(())
    }

    fn activities(&mut self, entity_type: &str, id: RecordId, all: &[Happened]) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        let catalog = Arc::clone(&self.catalog);
        for place in programs.of_type(entity_type) {
            for activity in all {
                for (nth, trigger) in programs.all[place].triggers.iter().enumerate() {
                    let On::Activity { kind, filter } = &trigger.on else { continue };
                    let (tx, wanted) = (self.writing.tx, (*kind, filter.as_deref()));
                    if !conditions::is_meant(tx, &catalog, wanted, activity, &self.moment)? {
                        continue;
                    }
                    let cause = Cause::new(StageCause::Activity, activity.at);
                    let cause = Cause { activity: Some(activity.id), ..cause };
                    self.fire(place, nth, id, cause)?;
                }
            }
            self.ask(place, id, |needs| needs.activities)?;
        }
        Ok(())
    }

    fn association(&mut self, row: &StoredAssociation) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        let today = self.moment.today();
        let holds = row.archived_at.is_none()
            && row.period()?.overlaps(Period::new(Some(today), Some(today))?);
        for (place, nth, program, on) in related(&programs) {
            let On::Related { test, lifecycle, stages, only_primary } = on else { continue };
            let Way::Association { association, inverse, .. } = &test.way else { continue };
            if !holds || association.name != row.association_type {
                continue;
            }
            let (near, far) = if *inverse { (&row.to, &row.from) } else { (&row.from, &row.to) };
            let fits = near.entity_type == program.model.lifecycle.entity_type
                && far.entity_type == test.types[0].name
                && (row.is_primary() || !only_primary);
            if fits && self.stands(lifecycle, far.id, stages)? {
                self.fire(place, nth, near.id, self.by_record(far.clone()))?;
            }
        }
        for end in [&row.from, &row.to] {
            for place in programs.of_type(&end.entity_type) {
                self.ask(place, end.id, |needs| needs.related)?;
            }
        }
        Ok(())
    }

    fn moved(&mut self, lifecycle: &LifecycleModel, id: RecordId, stage: usize) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        let source = &lifecycle.lifecycle;
        for place in programs.of_type(&source.entity_type) {
            self.ask(place, id, |needs| needs.stages)?;
        }
        let stage = &source.stages[stage].name;
        for (place, nth, program, on) in related(&programs) {
            let On::Related { test, lifecycle, stages, only_primary } = on else { continue };
            if *lifecycle != source.name || !stages.contains(stage) {
                continue;
            }
            let near = &program.model.lifecycle.entity_type;
            let me = RecordRef::new(source.entity_type.as_str(), id);
            for target in self.targets(&test.way, near, &me, *only_primary)? {
                self.fire(place, nth, target, self.by_record(me.clone()))?;
            }
        }
        Ok(())
    }

    fn member(&mut self, entity_type: &str, id: RecordId) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        for place in programs.of_type(entity_type) {
            self.ask(place, id, |needs| needs.segments)?;
        }
        Ok(())
    }

    /// The records of type `near` to which `me` is related in this way, seen from them.
    fn targets(
        &self,
        way: &Way,
        near: &str,
        me: &RecordRef,
        only_primary: bool,
    ) -> Result<Vec<RecordId>> {
        let tx = self.writing.tx;
        let table = self.catalog.table(near)?;
        Ok(match way {
            Way::Association { association, inverse, .. } => {
                let (inverse, today) = (!inverse, self.moment.today());
                let links =
                    facts::links(tx, association.id, me.id, inverse, table.model.id, RELATED)?;
                let holding = links.into_iter().filter(|link| {
                    let (first, last) = link.valid;
                    (link.is_primary || !only_primary)
                        && first.is_none_or(|first| first <= today)
                        && last.is_none_or(|last| today <= last)
                });
                holding.map(|link| link.other).collect()
            }
            Way::Reference(column) => facts::referring(tx, table, &column.name, me.id, RELATED)?,
            Way::Referring(column) => {
                let source = self.catalog.table(&me.entity_type)?;
                let row: Option<StoredRow> = records::get(tx, source, me.id)?;
                let cell = row.map(|row| row.cells[column.place - RECORD_COLUMNS.len()].clone());
                cell.as_ref().and_then(Cell::to_id).into_iter().collect()
            }
        })
    }

    /// Whether a record stands on one of these stages.
    pub(super) fn stands(&self, lifecycle: &str, id: RecordId, stages: &[String]) -> Result<bool> {
        stands(self.writing.tx, &self.catalog, (lifecycle, stages), id)
    }

    pub(super) fn by_record(&self, record: RecordRef) -> Cause {
        Cause { record: Some(record), ..Cause::new(StageCause::Related, self.writing.now) }
    }

    /// Asks the conditions of a program that need such facts.
    fn ask(&mut self, program: usize, id: RecordId, needs: impl Fn(Needs) -> bool) -> Result<()> {
        self.ask_states(program, id, |trigger| needs(trigger.needs))
    }

    /// Asks what the passing of time may have made true.
    pub(super) fn ask_time(&mut self, program: usize, id: RecordId) -> Result<()> {
        self.ask_states(program, id, |trigger| trigger.is_timed)
    }

    /// Asks the conditions of other records that look at what happened.
    fn ask_around(&mut self, event: &Event) -> Result<()> {
        let (programs, catalog) = (Arc::clone(&self.programs), Arc::clone(&self.catalog));
        for (place, program) in programs.all.iter().enumerate() {
            if !self.writing.is_turn_of_lifecycle(program.model.id) {
                continue;
            }
            let mut concerned = BTreeSet::new();
            for (nth, trigger) in program.triggers.iter().enumerate() {
                let Some(reach) = &trigger.reach else { continue };
                for id in reach::affected(self.writing.tx, &catalog, reach, event)? {
                    let kind = match trigger.on {
                        On::Inactivity(_) => StageCause::Inactivity,
                        _ => StageCause::Condition,
                    };
                    self.fire(place, nth, id, Cause::new(kind, self.writing.now))?;
                    concerned.insert(id);
                }
            }
            for id in concerned {
                schedule(self.writing, program, id)?;
            }
        }
        Ok(())
    }

    fn ask_states(
        &mut self,
        program: usize,
        id: RecordId,
        is_asked: impl Fn(&Trigger) -> bool,
    ) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        for (nth, trigger) in programs.all[program].triggers.iter().enumerate() {
            let kind = match trigger.on {
                On::Condition => StageCause::Condition,
                On::Inactivity(_) => StageCause::Inactivity,
                On::Activity { .. } | On::Related { .. } => continue,
            };
            if is_asked(trigger) {
                self.fire(program, nth, id, Cause::new(kind, self.writing.now))?;
            }
        }
        Ok(())
    }

    /// A trigger is set off.
    pub(super) fn fire(
        &mut self,
        program: usize,
        nth: usize,
        id: RecordId,
        cause: Cause,
    ) -> Result<()> {
        let programs = Arc::clone(&self.programs);
        let trigger = &programs.all[program].triggers[nth];
        let model = &programs.all[program].model;
        if !self.writing.is_turn_of_lifecycle(model.id) {
            return Ok(());
        }
        let by = TriggerPlace {
            trigger: u32::try_from(trigger.place).ok(),
            version: Some(model.lifecycle.version),
        };
        let cause = Cause { reason: trigger.reason.clone(), trigger: by, ..cause };
        self.attempt(program, Some(nth), id, trigger.to, Some(trigger), cause).map(drop)
    }

    fn attempt(
        &mut self,
        place: usize,
        nth: Option<usize>,
        id: RecordId,
        to: usize,
        trigger: Option<&Trigger>,
        cause: Cause,
    ) -> Result<Attempted> {
        let programs = Arc::clone(&self.programs);
        let program = &programs.all[place];
        let table = Arc::clone(self.catalog.table(&program.model.lifecycle.entity_type)?);
        let is_state = trigger.is_some_and(Trigger::is_state);
        let row = match records::get(self.writing.tx, &table, id)? {
            Some(row) if row.archived_at.is_none() && table.model.archived_at.is_none() => row,
            _ => return Ok(Attempted::Unchanged),
        };
        let standing = rows::standing(self.writing.tx, program.model.id, id)?;
        // Where an import said that it begins, it does not begin elsewhere.
        if cause.kind == StageCause::Initial && stage_of(standing.as_ref()).is_some() {
            return Ok(Attempted::Unchanged);
        }
        let decision =
            decided(self.writing.tx, &program.model, standing.as_ref(), to, MoveKind::Automatic)?;
        let is_behind = match decision {
            Decision::Unchanged => return Ok(Attempted::Unchanged),
            Decision::Suppressed(SuppressedBy::Earlier) => true,
            Decision::Suppressed(_) => is_behind(&program.model.lifecycle, standing.as_ref(), to),
            Decision::Enter(_) => false,
        };
        // A condition that is still true of a record which has gone on asks for nothing.
        if is_state && is_behind {
            return Ok(Attempted::Unchanged);
        }
        if let Some(span) = trigger.and_then(Trigger::inactivity)
            && !is_inactive(self.writing, &row, standing.as_ref(), span)?
        {
            return Ok(Attempted::Unchanged);
        }
        let condition = trigger.and_then(|trigger| trigger.condition.as_ref());
        let decision = match condition.map(|condition| self.holds(condition, id)).transpose()? {
            Some(Some(false)) => return Ok(Attempted::Unchanged),
            Some(None) => Decision::Suppressed(SuppressedBy::Guard),
            None | Some(Some(true)) => decision,
        };
        let by = match decision {
            // What is told late of the time before the loss does not win anybody back.
            Decision::Enter(entry) if is_older(&entry, standing.as_ref(), &cause) => {
                SuppressedBy::Earlier
            }
            Decision::Unchanged => return Ok(Attempted::Unchanged),
            Decision::Suppressed(by) => by,
            Decision::Enter(entry) => match self.refuses(program, &row, to)? {
                Some(by) => by,
                None => {
                    if let Some(nth) = nth
                        && !self.writing.reactions.made.insert((program.model.id, nth, id))
                    {
                        return Ok(Attempted::Unchanged);
                    }
                    enter(self.writing, program, id, standing, &entry, MoveKind::Automatic, cause)?;
                    return Ok(Attempted::Moved);
                }
            },
        };
        let missing = match by {
            SuppressedBy::Required => super::missing(program, &table, &row.cells, to),
            SuppressedBy::Earlier | SuppressedBy::Exit | SuppressedBy::Guard => Vec::new(),
        };
        let missing = missing.into_iter().map(str::to_owned).collect();
        suppress(self.writing, program, id, standing, to, (by, missing), cause)?;
        Ok(Attempted::Suppressed(by))
    }

    /// What keeps a record from a stage.
    fn refuses(
        &self,
        program: &Program,
        row: &StoredRow,
        to: usize,
    ) -> Result<Option<SuppressedBy>> {
        let table = self.catalog.table(&program.model.lifecycle.entity_type)?;
        if !super::missing(program, table, &row.cells, to).is_empty() {
            return Ok(Some(SuppressedBy::Required));
        }
        match &program.guards[to] {
            Some(guard) if self.holds(guard, row.id)? != Some(true) => {
                Ok(Some(SuppressedBy::Guard))
            }
            _ => Ok(None),
        }
    }

    /// Whether a condition is true; `None` if that takes too much to answer.
    fn holds(&self, condition: &crate::condition::Checked, id: RecordId) -> Result<Option<bool>> {
        let answer =
            conditions::answer(self.writing.tx, &self.catalog, condition, id, &self.moment);
        match answer {
            Ok(answer) => Ok(Some(answer.is_true)),
            Err(error) if error.kind() == ErrorKind::LimitExceeded => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The triggers that look at related records: program, place of the trigger, and what sets it off.
fn related(programs: &Programs) -> impl Iterator<Item = (usize, usize, &Program, &On)> {
    programs.all.iter().enumerate().flat_map(|(place, program)| {
        let triggers = program.triggers.iter().enumerate();
        triggers
            .filter(|(_, trigger)| matches!(trigger.on, On::Related { .. }))
            .map(move |(nth, trigger)| (place, nth, program, &trigger.on))
    })
}

/// Whether a record stands on one of these stages of a lifecycle.
pub(super) fn stands(
    conn: &Connection,
    catalog: &Catalog,
    (lifecycle, stages): (&str, &[String]),
    id: RecordId,
) -> Result<bool> {
    let row = rows::standing(conn, catalog.lifecycle(lifecycle)?.id, id)?;
    let stage = row.and_then(|row| row.stage);
    Ok(stage.is_some_and(|stage| stages.contains(&stage)))
}

/// Whether a stage lies before the one on which a record stood that lies beside the way now.
fn is_behind(lifecycle: &Lifecycle, standing: Option<&StandingRow>, to: usize) -> bool {
    let last = standing.and_then(|standing| lifecycle.place(standing.last.as_deref()?));
    let is_lost = stage_of(standing)
        .and_then(|stage| lifecycle.place(stage))
        .is_some_and(|place| lifecycle.stages[place].kind == StageKind::Lost);
    !is_lost && lifecycle.stages[to].kind.is_ordered() && last.is_some_and(|last| to < last)
}

/// Whether a new cycle would begin by an activity from before the old one was over.
fn is_older(entry: &Entry, standing: Option<&StandingRow>, cause: &Cause) -> bool {
    cause.activity.is_some()
        && standing.is_some_and(|standing| {
            standing.cycle > 0
                && entry.cycle > standing.cycle
                && standing.entered_at.is_some_and(|entered| cause.at < entered)
        })
}

/// The same relation, seen from its other end.
fn turned(way: &Way) -> Way {
    match way {
        Way::Association { association, inverse, role } => Way::Association {
            association: association.clone(),
            inverse: !inverse,
            role: role.clone(),
        },
        Way::Reference(column) => Way::Referring(column.clone()),
        Way::Referring(column) => Way::Reference(column.clone()),
    }
}

/// Where a record stands, if it has entered a stage.
pub(super) fn stage_of(standing: Option<&StandingRow>) -> Option<&str> {
    standing.and_then(|standing| standing.stage.as_deref())
}
