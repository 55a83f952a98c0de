//! Lifecycles: moving records along their stages, by hand and by themselves, and reading their way.
//!
//! Definitions are in `definitions`, what moves records by itself in `automation`. The invariant:
//! the tables are what the changes of the journal make of them, for both are written by the same
//! step, in the same transaction.

mod automation;
mod definitions;
mod flywheel;
mod reads;
mod starts;
mod timed;

pub(super) use automation::{Attempted, concern, move_by_rule, react};
pub(super) use starts::{Start, Starts};
pub(super) use timed::on_due;

use std::sync::Arc;

use super::{Crm, View, Writing, check_limit, conditions, reactions::Event, records::check_in_use};
use crate::{
    ChangeKind, Error, ErrorKind, GetLifecycleHistory, LifecycleHistory, MoveKind, MoveStage,
    MovedStage, OverdueStage, RecordId, RecordRef, ResetStage, Result, StageCause, StageKind,
    StageVisit, Standing, SuppressedBy, SuppressedMove, Timestamp,
    cell::Cell,
    condition::Moment,
    lifecycle::{
        Decision, Entry, EntryBody, LifecycleModel, OverdueBody, Program, Programs, StageBody,
        StandingRow, SuppressedBody, TriggerPlace, VisitRow, decide,
    },
    record::Draft,
    store::{
        Connection, activities,
        journal::{self, StoredChange},
        lifecycles as rows,
        records::{self, StoredRow},
        table::Table,
    },
};

/// Lifecycles: see [`Crm::lifecycles`].
#[derive(Debug)]
pub struct Lifecycles<'a> {
    crm: &'a Crm,
}

impl<'a> Lifecycles<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Moves a record to a stage: a later one, or one that is lost or beside the way. Stages that are
    /// skipped are stamped as implied. From a stage that is lost, a new cycle begins. Moving it to
    /// where it stands does nothing.
    ///
    /// ```
    /// use crm_core::{Crm, LifecyclePreset, MoveStage, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.lifecycles().define_preset(LifecyclePreset::Deal)?;
    /// let deal = crm.deals().create(values! { "name" => "Ten chairs" })?.id;
    /// let lost = MoveStage::new("deal", deal, "lost").because("price");
    /// let moved = crm.lifecycles().move_to(lost)?;
    /// assert_eq!(moved.standing.last.as_deref(), Some("prospecting"));
    /// let again = crm.lifecycles().move_to(MoveStage::new("deal", deal, "proposal"))?;
    /// assert_eq!(again.standing.cycle, 2);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle, record or activity; `Archived` if one is;
    /// `UnknownOption` if there is no such stage or reason; `Refused` if the stage lies before the
    /// present one, its guard is not met, or only triggers lead there; `Required` if an attribute or a
    /// reason is missing; `OutOfRange` if the time lies in the future, or before the record came to
    /// where it stands; `LimitExceeded` if the reason has more than 1,000 bytes, or the guard more
    /// than 100,000 facts to look at.
    pub fn move_to(&self, request: MoveStage) -> Result<MovedStage> {
        let MoveStage { lifecycle, id, to, reason, at, activity_id } = request;
        self.crm.write(|writing| {
            let cause = Cause {
                activity: activity_id,
                reason,
                ..Cause::new(StageCause::Manual, at.unwrap_or(writing.now))
            };
            move_by_hand(writing, &lifecycle, id, &to, MoveKind::Manual, cause)
        })
    }

    /// Puts a record back to an earlier stage of the same cycle, for a reason. Its furthest stage
    /// stays what it was. Guards and required attributes are not asked.
    ///
    /// # Errors
    ///
    /// As [`Lifecycles::move_to`]; `InvalidArgument` if the stage is not an earlier one;
    /// `InvalidValue` if the reason is empty.
    pub fn reset(&self, request: ResetStage) -> Result<MovedStage> {
        let ResetStage { lifecycle, id, to, reason, at } = request;
        self.crm.write(|writing| {
            let at = at.unwrap_or(writing.now);
            let cause = Cause { reason: Some(reason), ..Cause::new(StageCause::Reset, at) };
            move_by_hand(writing, &lifecycle, id, &to, MoveKind::Reset, cause)
        })
    }

    /// Reads where a record stands and how it came there: each stay on a stage with what brought it
    /// there, the automatic moves that were not made, and the stays that lasted too long, as far as no
    /// move that was told later ended them in time.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle or record; `InvalidArgument` if the limit is not 1 to
    /// 10,000.
    pub fn history(&self, request: &GetLifecycleHistory) -> Result<LifecycleHistory> {
        check_limit(request.limit)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.lifecycle(&request.lifecycle)?;
            let table = catalog.table(&model.lifecycle.entity_type)?;
            if !records::exists(conn, table, request.id.as_bytes())? {
                return Err(no_record());
            }
            let row = rows::standing(conn, model.id, request.id)?;
            let standing = describe(conn, model, request.id, row.as_ref())?;
            let (mut visits, mut suppressed, mut next) = (Vec::new(), Vec::new(), None);
            let mut overdue = Vec::new();
            if let Some(row) = row {
                let (mut count, mut last) = (0, request.after);
                journal::told_of_record(conn, row.id, request.after, |change| {
                    if count == request.limit {
                        next = Some(last);
                        return Ok(false);
                    }
                    (count, last) = (count + 1, change.seq);
                    match change.kind {
                        ChangeKind::StageSuppressed => suppressed.push(to_suppressed(&change)?),
                        ChangeKind::StageOverdue => {
                            let told = to_overdue(&change)?;
                            // A move that was told late may have ended it in time.
                            let ended =
                                rows::stay_ended(conn, model.id, request.id, told.entered_at)?;
                            overdue.extend(
                                Some(told).filter(|told| ended.is_none_or(|ended| ended > told.at)),
                            );
                        }
                        _ => {}
                    }
                    Ok(true)
                })?;
                let range = (request.after + 1, last);
                let found = rows::visits(conn, model.id, request.id, range)?;
                visits.extend(found.into_iter().map(to_visit));
            }
            Ok(LifecycleHistory { standing, visits, suppressed, overdue, next })
        })
    }
}

fn to_visit((visit, made): (VisitRow, rows::Made)) -> StageVisit {
    // A stage that was skipped has no cause of its own.
    let by = if visit.cause == StageCause::Implied { TriggerPlace::default() } else { made.by };
    StageVisit {
        number: visit.number,
        stage: visit.stage,
        cycle: visit.cycle,
        entered_at: visit.entered_at,
        exited_at: visit.exited_at,
        cause: visit.cause,
        reason: visit.reason,
        activity_id: visit.activity,
        record: visit.related,
        trigger: by.trigger,
        version: by.version,
        rule: rule(visit.cause, made.cause.as_deref()),
        actor: made.actor,
        seq: visit.seq,
    }
}

fn to_suppressed(change: &StoredChange) -> Result<SuppressedMove> {
    let body: StageBody<SuppressedBody> = StageBody::read(&change.body)?;
    let SuppressedBody { to, at, by, cause, activity, record, from, missing } = body.change;
    Ok(SuppressedMove {
        to,
        by,
        cause,
        at,
        activity_id: activity,
        record,
        trigger: from.trigger,
        version: from.version,
        rule: rule(cause, change.cause.as_deref()),
        missing,
        seq: change.seq,
    })
}

/// The rule of a move that a rule made, out of the cause of its change.
fn rule(cause: StageCause, told: Option<&str>) -> Option<String> {
    let told = told.filter(|_| cause == StageCause::Rule)?;
    told.strip_prefix("rule:").map(str::to_owned)
}

fn to_overdue(change: &StoredChange) -> Result<OverdueStage> {
    let body: StageBody<OverdueBody> = StageBody::read(&change.body)?;
    let OverdueBody { stage, entered_at, within, at } = body.change;
    Ok(OverdueStage { stage, entered_at, within, at, seq: change.seq })
}

/// What brings a record to a stage.
pub(super) struct Cause {
    kind: StageCause,
    at: Timestamp,
    activity: Option<RecordId>,
    record: Option<RecordRef>,
    reason: Option<String>,
    trigger: TriggerPlace,
}

impl Cause {
    const fn new(kind: StageCause, at: Timestamp) -> Self {
        let trigger = TriggerPlace { trigger: None, version: None };
        Self { kind, at, activity: None, record: None, reason: None, trigger }
    }
}

fn move_by_hand(
    writing: &mut Writing<'_>,
    lifecycle: &str,
    id: RecordId,
    to: &str,
    how: MoveKind,
    cause: Cause,
) -> Result<MovedStage> {
    let catalog = Arc::clone(&writing.catalog);
    let model = catalog.lifecycle(lifecycle)?;
    model.check_live()?;
    let table = catalog.table(&model.lifecycle.entity_type)?;
    table.model.check_live()?;
    let to = model.lifecycle.stage(to, "to")?;
    let row = records::get(writing.tx, table, id)?.ok_or_else(no_record)?;
    check_in_use(&row)?;
    let standing = rows::standing(writing.tx, model.id, id)?;
    check_cause(writing, standing.as_ref(), &cause)?;
    let stage = &model.lifecycle.stages[to];
    match how {
        MoveKind::Reset => {
            crate::lifecycle::check_reason(cause.reason.as_deref().unwrap_or_default())
                .map_err(|error| error.with_field("reason"))?
        }
        _ => stage.check_reason(cause.reason.as_deref())?,
    }
    let decision = decided(writing.tx, model, standing.as_ref(), to, how);
    let standing = match decision.map_err(|error| error.with_field("to"))? {
        Decision::Unchanged | Decision::Suppressed(_) => {
            let standing = describe(writing.tx, model, id, standing.as_ref())?;
            return Ok(MovedStage { is_moved: false, standing });
        }
        Decision::Enter(entry) => {
            let programs: &Programs = catalog.programs()?.ok_or_else(no_program)?;
            let place = programs.all.iter().position(|program| program.model.id == model.id);
            let place = place.ok_or_else(no_program)?;
            let program = &programs.all[place];
            if how == MoveKind::Manual {
                check_entry(writing, program, table, &row, to)?;
            }
            let standing = enter(writing, program, id, standing, &entry, how, cause)?;
            // Another trigger may have led it on.
            rows::standing(writing.tx, model.id, id)?.unwrap_or(standing)
        }
    };
    let standing = describe(writing.tx, model, id, Some(&standing))?;
    Ok(MovedStage { is_moved: true, standing })
}

/// What a move of a record does, as far as the order of the stages says.
///
/// # Errors
///
/// As [`decide`].
fn decided(
    conn: &Connection,
    model: &LifecycleModel,
    standing: Option<&StandingRow>,
    to: usize,
    how: MoveKind,
) -> Result<Decision> {
    let was_lost = match standing {
        // Beside the way, only its stays tell whether there was a cycle that is over.
        Some(row) if row.stage.is_some() && row.reached.is_none() => {
            let stages = model.lifecycle.stages.iter();
            let lost = stages.filter(|stage| stage.kind == StageKind::Lost);
            let lost: Vec<String> = lost.map(|stage| stage.name.clone()).collect();
            rows::was_on(conn, model.id, row.record, &lost, Timestamp::MAX)?
        }
        _ => false,
    };
    decide(&model.lifecycle, standing, was_lost, to, how)
}

/// Checks when a move by hand was, and the activity that shows it.
fn check_cause(writing: &Writing<'_>, standing: Option<&StandingRow>, cause: &Cause) -> Result<()> {
    let out_of_range = |message| Error::new(ErrorKind::OutOfRange, message).with_field("at");
    if cause.at > writing.now {
        return Err(out_of_range("lies in the future"));
    }
    if standing.and_then(|standing| standing.entered_at).is_some_and(|entered| cause.at < entered) {
        return Err(out_of_range("lies before the record came to where it stands"));
    }
    if let Some(id) = cause.activity
        && activities::get_by_id(writing.tx, id)?.is_none()
    {
        return Err(Error::new(ErrorKind::NotFound, "no such activity").with_field("activity_id"));
    }
    Ok(())
}

/// Checks what a stage asks of whoever comes there.
fn check_entry(
    writing: &Writing<'_>,
    program: &Program,
    table: &Table,
    row: &StoredRow,
    to: usize,
) -> Result<()> {
    let stage = &program.model.lifecycle.stages[to].name;
    if let Some(name) = missing(program, table, &row.cells, to).first() {
        return Err(needs(stage, name));
    }
    let Some(guard) = &program.guards[to] else { return Ok(()) };
    let moment = Moment::new(writing.now, "UTC")?;
    let answer = conditions::answer(writing.tx, &writing.catalog, guard, row.id, &moment)?;
    if answer.is_true {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, format!("the guard of the stage {stage:?} is not met"))
        .with_field("to")
        .with_hint("conditions.evaluate says of each question of the guard whether it is true"))
}

/// The attributes that a stage needs and that have no value.
fn missing<'t>(program: &Program, table: &'t Table, cells: &[Cell], to: usize) -> Vec<&'t str> {
    let attributes = &table.model.attributes;
    let required = program.required[to].iter().map(|place| &attributes[*place]);
    let is_missing = |span: std::ops::Range<usize>| cells[span].iter().all(|c| *c == Cell::Null);
    let missing = required.filter(|attribute| is_missing(attribute.span()));
    missing.map(|attribute| attribute.name()).collect()
}

fn needs(stage: &str, attribute: &str) -> Error {
    Error::new(ErrorKind::Required, format!("the stage {stage:?} needs a value"))
        .with_field(attribute)
}

/// Refuses a change that would take from a record what the stage needs on which it stands.
pub(super) fn check_required(
    view: &View<'_>,
    table: &Table,
    id: RecordId,
    draft: &Draft,
) -> Result<()> {
    let Some(programs) = view.catalog.programs()? else { return Ok(()) };
    let is_cleared = |place: &&usize| {
        let span = table.model.attributes[**place].span();
        draft.cells[span].iter().all(|cell| *cell == Cell::Null)
    };
    let cleared: Vec<usize> = draft.changed.iter().filter(is_cleared).copied().collect();
    if cleared.is_empty() {
        return Ok(());
    }
    for place in programs.of_type(&table.model.name) {
        let program = &programs.all[place];
        if !program.required.iter().flatten().any(|place| cleared.contains(place)) {
            continue;
        }
        let standing = rows::standing(view.conn, program.model.id, id)?;
        let stage = automation::stage_of(standing.as_ref());
        let Some(at) = stage.and_then(|stage| program.model.lifecycle.place(stage)) else {
            continue;
        };
        if let Some(place) = program.required[at].iter().find(|place| cleared.contains(place)) {
            let name = table.model.attributes[*place].name();
            return Err(needs(&program.model.lifecycle.stages[at].name, name));
        }
    }
    Ok(())
}

/// Brings a record to a stage: in the tables and in the journal.
fn enter(
    writing: &mut Writing<'_>,
    program: &Program,
    record: RecordId,
    standing: Option<StandingRow>,
    entry: &Entry,
    how: MoveKind,
    cause: Cause,
) -> Result<StandingRow> {
    let lifecycle = &program.model.lifecycle;
    let name = |place: usize| lifecycle.stages[place].name.clone();
    let mut row =
        standing.unwrap_or_else(|| StandingRow::new(program.model.id, record, writing.new_id()));
    // What is told late counts from when the record came to where it stands.
    let at = cause.at.min(writing.now);
    let at = row.entered_at.map_or(at, |entered| entered.max(at));
    let change = EntryBody {
        to: name(entry.to),
        at,
        cause: cause.kind,
        cycle: entry.cycle,
        implied: entry.implied.iter().copied().map(name).collect(),
        reached: entry.reached.map(name),
        last: entry.last.map(name),
        reason: cause.reason,
        activity: cause.activity,
        record: cause.record,
        by: cause.trigger,
    };
    timed::tell_overdue(writing, program, &row, at)?;
    let from = row.stage.as_deref().and_then(|stage| lifecycle.place(stage));
    let (seq, stamp) = (writing.next_seq(), writing.stamp());
    if row.visits > 0 {
        rows::end_visit(writing.tx, &row, at)?;
    }
    let visits = row.enter(&change, seq);
    rows::insert_visits(writing.tx, row.lifecycle, record, &visits)?;
    rows::put_standing(writing.tx, &row)?;
    let kind = match how {
        MoveKind::Reset => ChangeKind::StageReset,
        MoveKind::Manual | MoveKind::Automatic => ChangeKind::StageMoved,
    };
    let body = body(program, record, change).to_json();
    writing.log(stamp, kind, None, Some(row.id), &body)?;
    let lifecycle = Arc::clone(&program.model);
    writing.tell(Event::Moved { lifecycle, id: record, stage: entry.to, from })?;
    Ok(row)
}

/// Records that an automatic move was not made; the same one once for each stay on a stage.
fn suppress(
    writing: &mut Writing<'_>,
    program: &Program,
    record: RecordId,
    standing: Option<StandingRow>,
    to: usize,
    (by, missing): (SuppressedBy, Vec<String>),
    cause: Cause,
) -> Result<()> {
    let Cause { kind, at, activity, record: related, trigger: from, .. } = cause;
    let to = program.model.lifecycle.stages[to].name.clone();
    let at = at.min(writing.now);
    let change =
        SuppressedBody { to, at, by, cause: kind, activity, record: related, from, missing };
    let row = match standing {
        Some(row) => {
            let mut is_known = false;
            journal::told_of_record(writing.tx, row.id, row.seq, |old| {
                if old.kind == ChangeKind::StageSuppressed {
                    let old: StageBody<SuppressedBody> = StageBody::read(&old.body)?;
                    is_known |= old.change.is_like(&change);
                }
                Ok(!is_known)
            })?;
            if is_known {
                return Ok(());
            }
            row
        }
        None => {
            let row = StandingRow::new(program.model.id, record, writing.new_id());
            rows::put_standing(writing.tx, &row)?;
            row
        }
    };
    let stamp = writing.stamp();
    let body = body(program, record, change).to_json();
    writing.log(stamp, ChangeKind::StageSuppressed, None, Some(row.id), &body)
}

fn body<T>(program: &Program, id: RecordId, change: T) -> StageBody<T> {
    let lifecycle = &program.model.lifecycle;
    let (name, entity_type) = (lifecycle.name.clone(), lifecycle.entity_type.clone());
    StageBody { lifecycle: name, entity_type, id, change }
}

/// Where a record stands, as callers see it.
fn describe(
    conn: &Connection,
    model: &LifecycleModel,
    id: RecordId,
    row: Option<&StandingRow>,
) -> Result<Standing> {
    let stage = automation::stage_of(row);
    let place = stage.and_then(|stage| model.lifecycle.place(stage));
    let reason = row.map(|row| rows::reason(conn, row)).transpose()?.flatten();
    Ok(Standing {
        lifecycle: model.name().to_owned(),
        entity_type: model.lifecycle.entity_type.clone(),
        id,
        stage: stage.map(str::to_owned),
        kind: place.map(|place| model.lifecycle.stages[place].kind),
        reached: row.and_then(|row| row.reached.clone()),
        last: row.and_then(|row| row.last.clone()),
        cycle: row.map_or(0, |row| row.cycle),
        entered_at: row.and_then(|row| row.entered_at),
        reason,
        visits: row.map_or(0, |row| row.visits),
    })
}

/// Checks that a stretch of time does not end before it begins.
fn check_stretch(from: Option<Timestamp>, until: Option<Timestamp>) -> Result<()> {
    match from.zip(until) {
        Some((from, until)) if until < from => {
            Err(Error::new(ErrorKind::InvalidArgument, "lies before from").with_field("until"))
        }
        _ => Ok(()),
    }
}

fn no_record() -> Error {
    Error::new(ErrorKind::NotFound, "no such record").with_field("id")
}

/// A lifecycle in use that the catalog has not made ready.
fn no_program() -> Error {
    Error::new(ErrorKind::Internal, "a lifecycle in use is not ready to run")
}
