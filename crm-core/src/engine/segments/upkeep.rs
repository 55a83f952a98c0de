//! What keeps members true, within the transaction of the write that changes them.
//!
//! Each event is compared with what the live segments look at; the records that it concerns are
//! asked again, segment by segment, those that other segments ask for first. The invariant: after
//! every transaction the members of a live segment are the records in use of which its condition was
//! true at the moment at which it was asked last, and a timer waits where time alone may change that.

use std::{
    collections::{BTreeMap, HashSet, btree_map::Entry},
    sync::Arc,
};

use super::{
    super::{
        Catalog, Writing,
        conditions::{self, Known},
        reach,
        reactions::{Event, Told},
    },
    Cause, Done, change_member, set_member,
};
use crate::{
    ErrorKind, MemberCause, RecordId, RecordRef, Result, SegmentKind, Timestamp,
    cell::Cell,
    condition::{Checked, Moment},
    segment::{MemberBody, SegmentProgram},
    store::{
        condition as sql,
        records::{self, Position, Selection},
        segments as rows,
        table::Table,
        timers::{self, Room, Timers},
    },
};

/// Records that are asked in one go.
const ASKED_AT_ONCE: u32 = 1_000;
/// After how long a record is asked again of which too much is known to say when.
const PATIENCE: i64 = 86_400_000_000;

/// Whether a segment is about records of one of these types.
pub(in crate::engine) fn concern(catalog: &Catalog, types: &[&str]) -> Result<bool> {
    let programs = catalog.segment_programs()?;
    Ok(programs.is_some_and(|programs| types.iter().any(|name| programs.concern(name))))
}

/// What is known of records while segments follow from what happened, one after the other.
#[derive(Default)]
pub(in crate::engine) struct Upkeep {
    known: Known,
    asked: u32,
    places: BTreeMap<RecordId, Place>,
}

impl Upkeep {
    /// Makes records members of one segment, or no longer so, as what happened has it: each is asked
    /// once, and the last event that concerns it is the cause.
    pub(in crate::engine) fn react(
        &mut self,
        writing: &mut Writing<'_>,
        program: &SegmentProgram,
        told: &[Told],
    ) -> Result<()> {
        let (Some(checked), Some(reach)) = (&program.checked, &program.reach) else {
            for Told { event, chain, .. } in told {
                if let Event::Archiving { table, id } = event
                    && table.model.name == program.model.segment.entity_type
                {
                    writing.reactions.chain = chain.clone();
                    follow_archive(writing, program, table, *id)?;
                }
            }
            return Ok(());
        };
        let mut ids = BTreeMap::new();
        for told in told {
            let affected = reach::affected(writing.tx, &writing.catalog, reach, &told.event)?;
            ids.extend(affected.into_iter().map(|id| (id, told)));
        }
        for (id, told) in ids {
            self.asked += 1;
            if self.asked.is_multiple_of(ASKED_AT_ONCE) {
                // What is known of so many records is too much to keep.
                self.known = Known::default();
            }
            let place = match self.places.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(Place::read(writing, id)?),
            };
            let segment = program.model.id;
            let (is_member, due_at) = answer(writing, program, checked, id, &mut self.known)?;
            let due_at = due_at.map(|due_at| writing.later(due_at));
            place.is_other |= place.timers.set(segment, due_at);
            if place.members.contains(&segment) != is_member {
                let cause = cause(writing, &told.event, id)?;
                writing.reactions.chain = told.chain.clone();
                change_member(writing, &program.model, id, is_member, cause)?;
            }
        }
        Ok(())
    }

    /// Writes when records are to be asked again.
    pub(in crate::engine) fn finish(self, writing: &Writing<'_>) -> Result<()> {
        for (id, place) in self.places.into_iter().filter(|(_, place)| place.is_other) {
            timers::keep(writing.tx, (Room::Segment, id), &place.timers)?;
        }
        Ok(())
    }
}

/// What is kept of a record for all segments: read once, however many ask, and its timers written once.
/// What follows from a change of members is done later, so that both stay as they were read.
struct Place {
    members: HashSet<i64>,
    timers: Timers,
    /// Timers were set.
    is_other: bool,
}

impl Place {
    fn read(writing: &Writing<'_>, id: RecordId) -> Result<Self> {
        Ok(Self {
            members: rows::of_record(writing.tx, id)?,
            timers: timers::of_record(writing.tx, Room::Segment, id)?,
            is_other: false,
        })
    }
}

/// Time alone may have changed whether a record is a member.
pub(in crate::engine) fn on_due(
    writing: &mut Writing<'_>,
    segment: i64,
    id: RecordId,
) -> Result<()> {
    let catalog = Arc::clone(&writing.catalog);
    let programs = catalog.segment_programs()?.cloned();
    let program = programs.as_ref().and_then(|programs| programs.find(segment));
    if let Some(program) = program
        && let (Some(checked), Some(_)) = (&program.checked, &program.reach)
    {
        let cause = Cause::new(MemberCause::Time);
        ask(writing, (program, checked), id, cause, &mut Known::default())?;
    }
    Ok(())
}

/// Asks again all records of the live segments that look at stages of a lifecycle: what these are
/// called, or how they are ordered, has changed.
pub(in crate::engine) fn refill_stages(writing: &mut Writing<'_>, lifecycle: i64) -> Result<()> {
    let programs = writing.catalog.segment_programs()?.cloned();
    for program in programs.iter().flat_map(|programs| &programs.all) {
        let places = program.reach.iter().flat_map(|reach| &reach.places);
        if places.into_iter().any(|place| place.reads.stages.contains(&lifecycle)) {
            refill(writing, program, MemberCause::Stage, |_| Ok(()))?;
        }
    }
    Ok(())
}

/// Asks all records whether they are members.
pub(super) fn refill(
    writing: &mut Writing<'_>,
    program: &SegmentProgram,
    cause: MemberCause,
    mut goes_on: impl FnMut(u64) -> Result<()>,
) -> Result<Done> {
    let (mut done, mut count) = (Done::default(), 0);
    let Some(checked) = &program.checked else { return Ok(done) };
    let table = writing.table(&checked.entity_type)?;
    let mut after = None;
    loop {
        let page = match program.waits {
            true => everyone(writing, &table, after)?,
            // Only those of whom the answer changes need to be looked at.
            false => {
                let moment = Moment::new(writing.now, &program.model.segment.zone)?;
                let wanted = sql::compile(checked, &moment);
                let page = (after, ASKED_AT_ONCE);
                rows::stale(writing.tx, &table, program.model.id, &wanted, page)?
            }
        };
        let is_last = page.len() < ASKED_AT_ONCE as usize;
        after = page.last().copied();
        count += page.len() as u64;
        for id in page {
            // What follows from one may write what the next looks at.
            let mut known = Known::default();
            let is_member = match &program.reach {
                Some(_) => {
                    let cause = Cause::new(cause);
                    ask(writing, (program, checked), id, cause, &mut known)?
                }
                None => {
                    let (is_true, _) = answer(writing, program, checked, id, &mut known)?;
                    set_member(writing, &program.model, id, is_true, Cause::new(cause))?
                        .then_some(is_true)
                }
            };
            if let Some(is_member) = is_member {
                done.note(true, is_member);
            }
        }
        goes_on(count)?;
        if is_last {
            return Ok(done);
        }
    }
}

/// A page of all records of a type, archived ones included.
fn everyone(
    writing: &Writing<'_>,
    table: &Table,
    after: Option<RecordId>,
) -> Result<Vec<RecordId>> {
    let selection = Selection {
        terms: &[],
        archived: crate::Archived::Include,
        order: None,
        after: after.map(|id| Position { key: Cell::Null, id }),
        limit: ASKED_AT_ONCE,
    };
    Ok(records::list(writing.tx, table, &selection)?.into_iter().map(|row| row.id).collect())
}

/// Asks whether a record is a member of a live segment, and waits for when that may change. Answers
/// what it is now, if it was not so before.
fn ask(
    writing: &mut Writing<'_>,
    (program, checked): (&SegmentProgram, &Checked),
    id: RecordId,
    cause: Cause,
    known: &mut Known,
) -> Result<Option<bool>> {
    let (is_member, due_at) = answer(writing, program, checked, id, known)?;
    if program.waits || due_at.is_some() {
        writing.set_timer(Room::Segment, program.model.id, id, due_at)?;
    }
    let is_changed = set_member(writing, &program.model, id, is_member, cause)?;
    Ok(is_changed.then_some(is_member))
}

/// Whether a record is in use and the condition true of it, and when that may next change by time.
fn answer(
    writing: &Writing<'_>,
    program: &SegmentProgram,
    checked: &Checked,
    id: RecordId,
    known: &mut Known,
) -> Result<(bool, Option<Timestamp>)> {
    let table = writing.catalog.table(&checked.entity_type)?;
    if known.is_in_use(writing.tx, table, id)? != Some(true) {
        return Ok((false, None));
    }
    let moment = known.moment(writing.now, &program.model.segment.zone)?;
    match conditions::ask(writing.tx, &writing.catalog, checked, id, &moment, known) {
        Err(error) if error.kind() == ErrorKind::LimitExceeded => {
            let wanted = sql::compile(checked, &moment);
            let is_true = rows::holds(writing.tx, table, &wanted, id)?;
            Ok((is_true, Some(Timestamp::clamped(writing.now.micros().saturating_add(PATIENCE)))))
        }
        answered => answered,
    }
}

/// A member that is archived leaves; one that is restored comes back if it left for that.
fn follow_archive(
    writing: &mut Writing<'_>,
    program: &SegmentProgram,
    table: &Table,
    id: RecordId,
) -> Result<()> {
    debug_assert!(program.model.segment.kind != SegmentKind::Live);
    let model = &program.model;
    if records::is_archived(writing.tx, table, id.as_bytes())? == Some(true) {
        set_member(writing, model, id, false, Cause::new(MemberCause::Archived))?;
        return Ok(());
    }
    let last = rows::changes(writing.tx, model.id, id, 1)?.pop();
    let last = last.filter(|last| !last.is_erased);
    let body = last.and_then(|last| last.change).map(|(_, body)| MemberBody::read(&body));
    if body.transpose()?.is_some_and(|body| body.cause == MemberCause::Archived) {
        set_member(writing, model, id, true, Cause::new(MemberCause::Restored))?;
    }
    Ok(())
}

/// What an event is as the reason for which a record becomes a member or ceases to be one.
fn cause(writing: &Writing<'_>, event: &Event, id: RecordId) -> Result<Cause> {
    let other = |kind, entity_type: &str, who: RecordId| Cause {
        record: (who != id).then(|| RecordRef::new(entity_type, who)),
        ..Cause::new(kind)
    };
    Ok(match event {
        Event::Record { table, id: who, .. } => other(MemberCause::Record, &table.model.name, *who),
        Event::Archiving { table, id: who } if *who == id => {
            match records::is_archived(writing.tx, table, id.as_bytes())? {
                Some(true) => Cause::new(MemberCause::Archived),
                _ => Cause::new(MemberCause::Restored),
            }
        }
        Event::Archiving { table, id: who } => other(MemberCause::Record, &table.model.name, *who),
        Event::Activities { table, id: who, all } => Cause {
            activity: all.last().map(|activity| activity.id),
            ..other(MemberCause::Activity, &table.model.name, *who)
        },
        Event::Association(row) => {
            let far = if row.from.id == id { &row.to } else { &row.from };
            other(MemberCause::Association, &far.entity_type, far.id)
        }
        Event::Moved { lifecycle, id: who, .. } => {
            other(MemberCause::Stage, &lifecycle.lifecycle.entity_type, *who)
        }
        Event::Scored { model, id: who, .. } => {
            other(MemberCause::Score, &model.model.entity_type, *who)
        }
        Event::Member { segment, id: who, .. } => {
            other(MemberCause::Segment, &segment.segment.entity_type, *who)
        }
        // No condition looks at it.
        Event::Overdue { lifecycle, id: who, .. } => {
            other(MemberCause::Stage, &lifecycle.lifecycle.entity_type, *who)
        }
    })
}
