//! What sets rules off, and their runs, within the transaction of the write that causes them.
//!
//! A rule is asked when the event that it waits for is done with: everything that the event adds up
//! to is true by then. The invariants: an action is done whole or not at all; what it cannot do is
//! recorded with its run, and so is a run that was due and did not take place.

use std::sync::Arc;

use super::{actions, chain::Chain, dates};
use crate::{
    ChangeKind, ErrorKind, RecordId, Result, RuleEvent, RuleEventKind, SkippedRun,
    cell::Cell,
    condition::Moment,
    engine::{Catalog, Writing, conditions, reactions::Event},
    lifecycle::LifecycleModel,
    record::Draft,
    rule::{RuleOn, RuleProgram, RulePrograms, RunBody},
    schema::{AttributeModel, TypeModel},
    scoring::StoredModel,
    segment::SegmentModel,
    store::{activities::Happened, records, table::Table},
};

/// Whether a rule is about records of one of these types.
pub(in crate::engine) fn concern(catalog: &Catalog, types: &[&str]) -> Result<bool> {
    let programs = catalog.rule_programs()?;
    Ok(programs.is_some_and(|programs| types.iter().any(|name| !programs.of_type(name).is_empty())))
}

/// The places of the rules that wait for such a change of a record.
pub(in crate::engine) fn set_off(
    catalog: &Catalog,
    model: &TypeModel,
    draft: &Draft,
    is_new: bool,
) -> Result<Vec<usize>> {
    let Some(programs) = catalog.rule_programs()? else { return Ok(Vec::new()) };
    let places = programs.of_type(&model.name).iter().copied();
    let waits = |place: &usize| match &programs.all[*place].on {
        RuleOn::Attribute { place, from, to } => {
            let attribute = &model.attributes[*place];
            let cells = told(attribute, &draft.cells[attribute.span()]);
            let before = draft.before(attribute).map(|before| told(attribute, before));
            let is_changed = match (is_new, before) {
                (true, _) | (false, None) => cells.iter().any(|cell| *cell != Cell::Null),
                (false, Some(before)) => draft.changed.contains(place) && before != cells,
            };
            is_changed
                && from.as_ref().is_none_or(|from| !is_new && before == Some(&from[..]))
                && to.as_ref().is_none_or(|to| to[..] == *cells)
        }
        _ => false,
    };
    Ok(places.filter(waits).collect())
}

/// The cells of an attribute that make its value, without what was typed.
fn told<'c>(attribute: &AttributeModel, cells: &'c [Cell]) -> &'c [Cell] {
    let parts = attribute.definition.kind.parts();
    &cells[..parts.iter().take_while(|part| part.tells_apart()).count()]
}

/// Runs the rules that wait for what happened; `seq` is the change of the journal that tells of it.
pub(in crate::engine) fn react(writing: &mut Writing<'_>, event: &Event, seq: i64) -> Result<()> {
    let catalog = Arc::clone(&writing.catalog);
    let Some(programs) = catalog.rule_programs()?.cloned() else { return Ok(()) };
    match event {
        Event::Record { table, id, changed, set_off, .. } => {
            dates::look(writing, &programs, table, *id, changed.as_deref())?;
            for &place in set_off {
                let RuleOn::Attribute { place: attribute, .. } = programs.all[place].on else {
                    continue;
                };
                let attribute = table.model.attributes[attribute].name().to_owned();
                let event = RuleEvent::new(RuleEventKind::AttributeChanged, Some(seq));
                let event = RuleEvent { attribute: Some(attribute), ..event };
                fire(writing, &programs.all[place], *id, event)?;
            }
            Ok(())
        }
        Event::Archiving { table, id } => dates::look(writing, &programs, table, *id, None),
        Event::Activities { table, id, all } => activities(writing, &programs, table, *id, all),
        Event::Moved { lifecycle, id, stage, from } => {
            moved(writing, &programs, lifecycle, *id, (*from, *stage), seq)
        }
        Event::Scored { model, id, crossed } => {
            scored(writing, &programs, model, *id, crossed, seq)
        }
        Event::Member { segment, id, is_member } => {
            member(writing, &programs, segment, *id, *is_member, seq)
        }
        Event::Overdue { lifecycle, id, stage, within } => {
            overdue(writing, &programs, lifecycle, (*id, *stage), within, seq)
        }
        Event::Association(_) => Ok(()),
    }
}

fn activities(
    writing: &mut Writing<'_>,
    programs: &RulePrograms,
    table: &Table,
    id: RecordId,
    all: &[Happened],
) -> Result<()> {
    let catalog = Arc::clone(&writing.catalog);
    let moment = Moment::new(writing.now, "UTC")?;
    for activity in all {
        for &place in programs.of_type(&table.model.name) {
            let program = &programs.all[place];
            let RuleOn::Activity { kind, filter } = &program.on else { continue };
            let wanted = (*kind, filter.as_deref());
            let is_meant = |activity: &Happened| {
                conditions::is_meant(writing.tx, &catalog, wanted, activity, &moment)
            };
            // What was said before, and is corrected now, set the rule off already.
            let was_meant = activity.corrects.as_deref().map(is_meant).transpose()?;
            if was_meant != Some(true) && is_meant(activity)? {
                let event = RuleEvent::new(RuleEventKind::Activity, Some(activity.seq));
                let event = RuleEvent { activity_id: Some(activity.id), ..event };
                fire(writing, program, id, event)?;
            }
        }
    }
    Ok(())
}

fn moved(
    writing: &mut Writing<'_>,
    programs: &RulePrograms,
    lifecycle: &LifecycleModel,
    id: RecordId,
    (from, to): (Option<usize>, usize),
    seq: i64,
) -> Result<()> {
    for &place in programs.of_type(&lifecycle.lifecycle.entity_type) {
        let program = &programs.all[place];
        let RuleOn::Stage { lifecycle: wanted, stage, is_left } = &program.on else { continue };
        let Some(at) = (if *is_left { from } else { Some(to) }) else { continue };
        if *wanted != lifecycle.id || stage.is_some_and(|stage| stage != at) {
            continue;
        }
        let event = RuleEvent::new(program.model.rule.on.kind(), Some(seq));
        let stage = lifecycle.lifecycle.stages[at].name.clone();
        fire(writing, program, id, RuleEvent { stage: Some(stage), ..event })?;
    }
    Ok(())
}

fn member(
    writing: &mut Writing<'_>,
    programs: &RulePrograms,
    segment: &SegmentModel,
    id: RecordId,
    is_member: bool,
    seq: i64,
) -> Result<()> {
    for &place in programs.of_type(&segment.segment.entity_type) {
        let program = &programs.all[place];
        let RuleOn::Segment { segment: wanted, is_left, .. } = &program.on else { continue };
        if *wanted != segment.id || *is_left == is_member {
            continue;
        }
        let event = RuleEvent::new(program.model.rule.on.kind(), Some(seq));
        let event = RuleEvent { segment: Some(segment.name().to_owned()), ..event };
        fire(writing, program, id, event)?;
    }
    Ok(())
}

fn overdue(
    writing: &mut Writing<'_>,
    programs: &RulePrograms,
    lifecycle: &LifecycleModel,
    (id, at): (RecordId, usize),
    over: &str,
    seq: i64,
) -> Result<()> {
    for &place in programs.of_type(&lifecycle.lifecycle.entity_type) {
        let program = &programs.all[place];
        let RuleOn::Overdue { lifecycle: wanted, stage, within } = &program.on else { continue };
        let is_other = stage.is_some_and(|stage| stage != at)
            || within.as_ref().is_some_and(|within| within != over);
        if *wanted != lifecycle.id || is_other {
            continue;
        }
        let stage = Some(lifecycle.lifecycle.stages[at].name.clone());
        let event = RuleEvent::new(RuleEventKind::StageOverdue, Some(seq));
        fire(writing, program, id, RuleEvent { stage, within: Some(over.to_owned()), ..event })?;
    }
    Ok(())
}

fn scored(
    writing: &mut Writing<'_>,
    programs: &RulePrograms,
    stored: &StoredModel,
    id: RecordId,
    crossed: &[(usize, bool)],
    seq: i64,
) -> Result<()> {
    // Each crossing is a change of its own, one after the other.
    let first = seq + 1 - i64::try_from(crossed.len()).unwrap_or(0);
    for (seq, &(place, is_up)) in (first..).zip(crossed) {
        let name = &stored.model.thresholds[place].name;
        for &place in programs.of_type(&stored.model.entity_type) {
            let program = &programs.all[place];
            let RuleOn::Score { model, threshold, is_down } = &program.on else { continue };
            let is_other = threshold.as_ref().is_some_and(|threshold| threshold != name);
            if *model != stored.id || is_other || *is_down == is_up {
                continue;
            }
            let event = RuleEvent::new(RuleEventKind::ScoreCrossed, Some(seq));
            let event = RuleEvent { threshold: Some(name.clone()), ..event };
            fire(writing, program, id, event)?;
        }
    }
    Ok(())
}

/// A rule is set off with a record: runs it, if its condition holds.
pub(super) fn fire(
    writing: &mut Writing<'_>,
    program: &RuleProgram,
    id: RecordId,
    event: RuleEvent,
) -> Result<()> {
    if !writing.is_turn_of_rule(program.model.id) {
        return Ok(());
    }
    // What the condition asks for may hang on what is noted and not written yet.
    writing.roll_up()?;
    let catalog = Arc::clone(&writing.catalog);
    let table = catalog.table(&program.model.rule.entity_type)?;
    let row = records::get(writing.tx, table, id)?;
    if table.model.archived_at.is_some() || row.is_none_or(|row| row.archived_at.is_some()) {
        return Ok(());
    }
    let mut skipped = None;
    if let Some(condition) = &program.condition {
        let moment = Moment::new(writing.now, "UTC")?;
        match conditions::answer(writing.tx, &catalog, condition, id, &moment) {
            Ok(answer) if answer.is_true => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::LimitExceeded => {
                skipped = Some(SkippedRun::Unanswered);
            }
            Err(error) => return Err(error),
        }
    }
    let reactions = &writing.reactions;
    let refused = || reactions.chain.refuses(program.model.id, &reactions.rules);
    match skipped.or_else(refused) {
        Some(why) => skip(writing, program, id, event, why),
        None => run(writing, program, table, id, event),
    }
}

/// Records that a rule did not run: once for each first cause and record, and that too many did once for
/// each first cause.
fn skip(
    writing: &mut Writing<'_>,
    program: &RuleProgram,
    id: RecordId,
    event: RuleEvent,
    why: SkippedRun,
) -> Result<()> {
    let chain = writing.reactions.chain.clone();
    if !writing.reactions.rules.note_skipped(&chain, program.model.id, id, why) {
        return Ok(());
    }
    let body = RunBody { skipped: Some(why), ..body(writing, program, id, event, &chain) };
    log(writing, program, ChangeKind::RuleSkipped, &body)
}

/// Does what a rule does with a record, and records what became of it.
pub(super) fn run(
    writing: &mut Writing<'_>,
    program: &RuleProgram,
    table: &Table,
    id: RecordId,
    event: RuleEvent,
) -> Result<()> {
    let chain = writing.reactions.chain.clone();
    writing.reactions.rules.ran(&chain);
    writing.reactions.chain = chain.with(program, id);
    let mut body = body(writing, program, id, event, &chain);
    let first = writing.next_seq();
    for (act, action) in program.actions.iter().zip(&program.model.rule.actions) {
        let done = writing.attempt(|writing| {
            let done = actions::act(writing, program, table, id, act)?;
            writing.roll_up()?;
            Ok(done)
        })?;
        body.actions.push(actions::result(action.name(), done));
    }
    body.first_seq = (writing.next_seq() > first).then_some(first);
    log(writing, program, ChangeKind::RuleRan, &body)?;
    writing.reactions.chain = chain;
    Ok(())
}

fn body(
    writing: &Writing<'_>,
    program: &RuleProgram,
    id: RecordId,
    event: RuleEvent,
    chain: &Chain,
) -> RunBody {
    let rule = &program.model.rule;
    RunBody {
        rule: rule.name.clone(),
        version: rule.version,
        entity_type: rule.entity_type.clone(),
        id,
        at: writing.now,
        event,
        chain: chain.steps(),
        actions: Vec::new(),
        skipped: None,
        first_seq: None,
    }
}

fn log(
    writing: &mut Writing<'_>,
    program: &RuleProgram,
    kind: ChangeKind,
    body: &RunBody,
) -> Result<()> {
    let stamp = writing.stamp();
    writing.log(stamp, kind, None, Some(program.model.uid), &body.to_json())
}
