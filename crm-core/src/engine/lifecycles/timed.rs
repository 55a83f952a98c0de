//! What the passing of time does: it moves records with which nothing happens, and says of stays that
//! they last too long.
//!
//! Each lifecycle has one timer for a record: the next moment at which it has to be looked at. It is
//! set anew after whatever concerns the record. What lies in the past already, because a move was told
//! late, waits for the next tick as well: the move that ended it may be told right after. The
//! invariants: a stay that lasted longer than it was to is recorded once for each of the times of its
//! stage, whether or not a timer came in time; and what is due is judged as of the moment at which it
//! is due, or of the last write that concerns the record, if that came before the tick.

use std::sync::Arc;

use super::{
    super::{
        Catalog, Writing,
        conditions::{self, Known},
        reactions::Event,
    },
    automation::{RELATED, Run, stage_of, stands},
    body, decided, rows,
};
use crate::{
    ChangeKind, ErrorKind, RecordId, RecordRef, Result, Timestamp,
    condition::{Direction, Moment, Parts, depends_on_time},
    lifecycle::{
        Decision, LifecycleModel, MoveKind, On, OverdueBody, Program, StageBody, StandingRow,
        Trigger,
    },
    store::{
        Connection, activities,
        facts::{self, Link},
        journal,
        records::{self, StoredRow},
        timers::{self, Room},
    },
};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What is done for a record when the timer of a lifecycle is due; now is the moment at which it is.
pub(in crate::engine) fn on_due(writing: &mut Writing<'_>, owner: i64, id: RecordId) -> Result<()> {
    let Some(mut run) = Run::new(writing)? else { return Ok(()) };
    let programs = run.programs();
    match programs.all.iter().position(|program| program.model.id == owner) {
        Some(place) => {
            let standing = rows::standing(run.writing.tx, owner, id)?;
            if let Some(standing) = standing {
                let now = run.writing.now;
                tell_overdue(run.writing, &programs.all[place], &standing, now)?;
            }
            run.ask_time(place, id)?;
            run.ask_begun(place, id)?;
            let row = in_use(writing, &programs.all[place], id)?;
            let due = row.map(|row| due(writing, &programs.all[place], &row, true)).transpose()?;
            writing.set_timer(Room::Lifecycle, owner, id, due.flatten())
        }
        None => writing.set_timer(Room::Lifecycle, owner, id, None),
    }
}

/// Has every record of a lifecycle looked at by the next tick, because its definition is new; or none
/// any more, because it is out of use.
pub(super) fn schedule_all(writing: &mut Writing<'_>, model: &LifecycleModel) -> Result<()> {
    timers::clear(writing.tx, Room::Lifecycle, model.id)?;
    let programs = writing.catalog.programs()?.cloned();
    let program = programs
        .as_ref()
        .and_then(|programs| programs.all.iter().find(|program| program.model.id == model.id));
    if program.is_some_and(Program::is_timed) {
        let table = writing.table(&model.lifecycle.entity_type)?;
        timers::set_all(writing.tx, (Room::Lifecycle, model.id), &table, writing.now)?;
    }
    Ok(())
}

/// Sets when a record has to be looked at again, after something that concerns it.
pub(super) fn schedule(writing: &mut Writing<'_>, program: &Program, id: RecordId) -> Result<()> {
    if !program.is_timed() {
        return Ok(());
    }
    let owner = program.model.id;
    let mut kept = timers::of_record(writing.tx, Room::Lifecycle, id)?;
    let row = in_use(writing, program, id)?;
    // What fell due and was not looked at yet still waits for the next tick.
    let late = kept.of(owner).filter(|known| row.is_some() && *known <= writing.now);
    let due = row.map(|row| due(writing, program, &row, false)).transpose()?.flatten();
    let due = due.into_iter().chain(late).min().map(|due_at| writing.later(due_at));
    // Most stay as they are, and to see that takes less than to write.
    match kept.set(owner, due) {
        true => timers::keep(writing.tx, (Room::Lifecycle, id), &kept),
        false => Ok(()),
    }
}

fn in_use(writing: &Writing<'_>, program: &Program, id: RecordId) -> Result<Option<StoredRow>> {
    let table = writing.table(&program.model.lifecycle.entity_type)?;
    let row: Option<StoredRow> = records::get(writing.tx, &table, id)?;
    Ok(row.filter(|row| row.archived_at.is_none()))
}

/// When a record has to be looked at again. What is over already was judged just now if it is `judged`;
/// else it is due at once.
fn due(
    writing: &Writing<'_>,
    program: &Program,
    row: &StoredRow,
    judged: bool,
) -> Result<Option<Timestamp>> {
    let standing = rows::standing(writing.tx, program.model.id, row.id)?;
    let overdue = match &standing {
        Some(standing) => untold(writing, program, standing, writing.now)?,
        None => Vec::new(),
    };
    // A stay may last for the whole time: it is too long a microsecond later.
    let overdue = overdue.first().map(|(_, at, _)| at.micros().saturating_add(1));
    let overdue = overdue.map(Timestamp::clamped);
    let next = next(writing, program, row, standing.as_ref(), judged)?;
    Ok(overdue.into_iter().chain(next).min())
}

/// Records of the present stay that it lasted longer than it was to, up to a moment.
pub(super) fn tell_overdue(
    writing: &mut Writing<'_>,
    program: &Program,
    standing: &StandingRow,
    until: Timestamp,
) -> Result<()> {
    for (place, at, within) in untold(writing, program, standing, until)? {
        if at >= until {
            break;
        }
        let stage = program.model.lifecycle.stages[place].name.clone();
        let entered_at = standing.entered_at.unwrap_or(at);
        let change = OverdueBody { stage, entered_at, within: within.to_owned(), at };
        let body = body(program, standing.record, change).to_json();
        let stamp = writing.stamp();
        writing.log(stamp, ChangeKind::StageOverdue, None, Some(standing.id), &body)?;
        writing.tell_later(Event::Overdue {
            lifecycle: Arc::clone(&program.model),
            id: standing.record,
            stage: place,
            within: within.to_owned(),
        });
    }
    Ok(())
}

/// When the times of the present stage are over of which that is not recorded: its place, the moment
/// and the time. What is over at `now` or later cannot have been recorded.
fn untold<'p>(
    writing: &Writing<'_>,
    program: &'p Program,
    standing: &StandingRow,
    now: Timestamp,
) -> Result<Vec<(usize, Timestamp, &'p str)>> {
    let stage = stage_of(Some(standing));
    let place = stage.and_then(|stage| program.model.lifecycle.place(stage));
    let (Some(place), Some(entered)) = (place, standing.entered_at) else {
        return Ok(Vec::new());
    };
    let over = |micros: i64| Timestamp::clamped(entered.micros().saturating_add(micros));
    let targets = program.targets[place].iter();
    let mut ends: Vec<_> =
        targets.map(|(micros, within)| (place, over(*micros), within.as_str())).collect();
    if ends.first().is_some_and(|(_, at, _)| *at < now) {
        journal::told_of_record(writing.tx, standing.id, standing.seq, |change| {
            if change.kind == ChangeKind::StageOverdue {
                let body: StageBody<OverdueBody> = StageBody::read(&change.body)?;
                ends.retain(|(_, at, _)| *at != body.change.at);
            }
            Ok(true)
        })?;
    }
    Ok(ends)
}

/// When time alone may next set off a trigger that would move a record from where it stands.
fn next(
    writing: &Writing<'_>,
    program: &Program,
    row: &StoredRow,
    standing: Option<&StandingRow>,
    judged: bool,
) -> Result<Option<Timestamp>> {
    let catalog = Arc::clone(&writing.catalog);
    let moment = Moment::new(writing.now, "UTC")?;
    let (mut first, mut known): (Option<Timestamp>, _) = (None, Known::default());
    for trigger in program.triggers.iter().filter(|trigger| trigger.is_timed) {
        let (model, to) = (&program.model, trigger.to);
        let decision = decided(writing.tx, model, standing, to, MoveKind::Automatic)?;
        if !matches!(decision, Decision::Enter(_)) {
            continue;
        }
        if trigger.association().is_some() {
            let day = begins(writing.tx, &catalog, trigger, row.id, moment.today())?;
            first = day.into_iter().chain(first).min();
            continue;
        }
        let mut ends = Vec::new();
        if let Some(span) = trigger.inactivity() {
            let since = Moment::new(active_at(writing.tx, writing.now, row, standing)?, "UTC")?;
            let end = since.shifted(span, Direction::Next);
            let soonest = Timestamp::clamped(writing.now.micros().saturating_add(1));
            // Of what is told late the time may be over: no other event would ask the trigger.
            ends.push(if judged { end } else { end.max(soonest) });
        }
        for condition in trigger.condition.iter().chain(&program.guards[trigger.to]) {
            if !depends_on_time(&condition.root) {
                continue;
            }
            match conditions::ask(writing.tx, &catalog, condition, row.id, &moment, &mut known) {
                Ok((_, due)) => ends.extend(due),
                // It cannot be asked then either.
                Err(error) if error.kind() == ErrorKind::LimitExceeded => {}
                Err(error) => return Err(error),
            }
        }
        first = ends.into_iter().filter(|end| *end > writing.now).chain(first).min();
    }
    Ok(first)
}

/// When after today an association begins by which a trigger looks at other records.
fn begins(
    conn: &Connection,
    catalog: &Catalog,
    trigger: &Trigger,
    id: RecordId,
    today: i64,
) -> Result<Option<Timestamp>> {
    let all = associated(conn, catalog, trigger, id)?;
    let day = all.into_iter().filter_map(|link| link.valid.0).filter(|first| *first > today).min();
    Ok(day.map(|day| Timestamp::clamped(day.saturating_mul(DAY))))
}

/// When time alone sets off a trigger at the earliest that would move a record from where it stands, if
/// nothing else happens; a moment that is past if only the tick is missing.
pub(super) fn due_at(
    conn: &Connection,
    catalog: &Catalog,
    (program, trigger): (&Program, &Trigger),
    (row, standing): (&StoredRow, Option<&StandingRow>),
    moment: &Moment,
) -> Result<Option<Timestamp>> {
    if !trigger.is_timed || row.archived_at.is_some() {
        return Ok(None);
    }
    let asked = || trigger.condition.iter().chain(&program.guards[trigger.to]);
    let mut due = None;
    if let On::Related { lifecycle, stages, .. } = &trigger.on {
        // It is asked when an association begins, and at no other time.
        for link in associated(conn, catalog, trigger, row.id)? {
            let begins = link.valid.0.filter(|first| *first > moment.today());
            if begins.is_some() && stands(conn, catalog, (lifecycle, stages), link.other)? {
                due = begins.into_iter().chain(due).min();
            }
        }
    }
    let mut due = due.map(|day| Timestamp::clamped(day.saturating_mul(DAY)));
    if let Some(span) = trigger.inactivity() {
        let since = active_at(conn, moment.now(), row, standing)?;
        due = Some(Moment::new(since, "UTC")?.shifted(span, Direction::Next));
    }
    let mut known = Known::default();
    for condition in asked().filter(|_| !matches!(trigger.on, On::Related { .. })) {
        match conditions::ask(conn, catalog, condition, row.id, moment, &mut known)? {
            (true, _) => {}
            (false, Some(turns)) => due = due.max(Some(turns)),
            (false, None) => return Ok(None),
        }
    }
    // What is true by now may have ended by then, or something more have happened.
    let Some(at) = due else { return Ok(None) };
    let then = moment.at(at.max(moment.now()));
    let mut known = Known::default();
    for condition in asked() {
        if !conditions::ask(conn, catalog, condition, row.id, &then, &mut known)?.0 {
            return Ok(None);
        }
    }
    if let Some(span) = trigger.inactivity() {
        let since = active_at(conn, then.now(), row, standing)?;
        let still = Moment::new(since, "UTC")?.shifted(span, Direction::Next) <= then.now();
        return Ok(due.filter(|_| still));
    }
    Ok(due)
}

/// The associations by which a trigger looks at other records.
fn associated(
    conn: &Connection,
    catalog: &Catalog,
    trigger: &Trigger,
    id: RecordId,
) -> Result<Vec<Link>> {
    let On::Related { test, only_primary, .. } = &trigger.on else { return Ok(Vec::new()) };
    let Some((association, inverse)) = trigger.association() else { return Ok(Vec::new()) };
    let far = catalog.table(&test.types[0].name)?.model.id;
    let mut links = facts::links(conn, association.id, id, inverse, far, RELATED)?;
    links.retain(|link| link.is_primary || !only_primary);
    Ok(links)
}

/// Whether nothing has happened with a record for a span.
pub(super) fn is_inactive(
    writing: &Writing<'_>,
    row: &StoredRow,
    standing: Option<&StandingRow>,
    span: Parts,
) -> Result<bool> {
    let since = Moment::new(active_at(writing.tx, writing.now, row, standing)?, "UTC")?;
    Ok(since.shifted(span, Direction::Next) <= writing.now)
}

/// When something last happened with a record: an activity, or that it came to its stage.
fn active_at(
    conn: &Connection,
    now: Timestamp,
    row: &StoredRow,
    standing: Option<&StandingRow>,
) -> Result<Timestamp> {
    let activity = activities::last_at(conn, row.id, now)?;
    let entered = standing.and_then(|standing| standing.entered_at);
    Ok(activity.into_iter().chain(entered).fold(row.created_at, Timestamp::max))
}

impl Run<'_, '_> {
    /// Asks the triggers that look at other records for associations that began since the record came
    /// to where it stands.
    fn ask_begun(&mut self, place: usize, id: RecordId) -> Result<()> {
        let (programs, today) = (self.programs(), self.moment.today());
        let program = &programs.all[place];
        let standing = rows::standing(self.writing.tx, program.model.id, id)?;
        let since = standing.and_then(|standing| standing.entered_at);
        for (nth, trigger) in program.triggers.iter().enumerate() {
            let On::Related { test, lifecycle, stages, .. } = &trigger.on else { continue };
            for link in associated(self.writing.tx, &self.catalog, trigger, id)? {
                let (Some(first), last) = link.valid else { continue };
                let began = Timestamp::clamped(first.saturating_mul(DAY));
                let holds = first <= today && last.is_none_or(|last| today <= last);
                if holds
                    && since.is_none_or(|since| since < began)
                    && self.stands(lifecycle, link.other, stages)?
                {
                    let other = RecordRef::new(test.types[0].name.as_str(), link.other);
                    self.fire(place, nth, id, self.by_record(other))?;
                }
            }
        }
        Ok(())
    }

    /// Sets anew when a record has to be looked at, for the lifecycles of its type.
    pub(super) fn schedule(&mut self, entity_type: &str, id: RecordId) -> Result<()> {
        let programs = self.programs();
        for place in programs.of_type(entity_type) {
            let program = &programs.all[place];
            if self.writing.is_turn_of_lifecycle(program.model.id) {
                schedule(self.writing, program, id)?;
            }
        }
        Ok(())
    }
}
