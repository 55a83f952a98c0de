//! The actions of a run, each of which is done whole or not at all.

use crate::{
    ActionOutcome, ActionResult, AddAssociation, ChangeKind, Error, ErrorKind, Outcome, Preset,
    Problem, RecordId, RecordRef, Result, SuppressedBy, Value, Values,
    condition::{Direction, Moment},
    engine::{
        Writing, associations, lifecycles::Attempted, lifecycles::move_by_rule, records, scores,
        segments,
    },
    formula,
    rule::{Act, EmittedBody, RuleProgram, Task},
    store::{
        records::{self as rows, StoredRow},
        table::Table,
    },
};

/// What an action came to.
pub(super) enum Effect {
    Made,
    Unchanged,
    Suppressed(SuppressedBy),
}

/// Does one action.
///
/// # Errors
///
/// What keeps it from being done; then nothing of it may stay.
pub(super) fn act(
    writing: &mut Writing<'_>,
    program: &RuleProgram,
    table: &Table,
    id: RecordId,
    act: &Act,
) -> Result<Effect> {
    match act {
        Act::Set { place, value, formula } => {
            let attribute = &table.model.attributes[*place];
            let value = match formula {
                Some(formula) => {
                    let cells = load(writing, table, id)?.cells;
                    formula::assign(&table.model, attribute, formula, &cells)
                }
                None => value.clone(),
            };
            let values = Values::from([(attribute.name(), value)]);
            let (_, outcome) = records::patch(writing, table, id, values, None)?;
            Ok(match outcome {
                Outcome::Unchanged => Effect::Unchanged,
                _ => Effect::Made,
            })
        }
        Act::Move { lifecycle, to, reason } => {
            let moved = move_by_rule(writing, *lifecycle, id, *to, reason.as_deref())?;
            Ok(match moved {
                Attempted::Moved => Effect::Made,
                Attempted::Unchanged => Effect::Unchanged,
                Attempted::Suppressed(by) => Effect::Suppressed(by),
            })
        }
        Act::Member { segment, is_member, reason } => {
            let reason = reason.as_deref();
            let is_changed = segments::set_by_rule(writing, segment, id, *is_member, reason)?;
            Ok(if is_changed { Effect::Made } else { Effect::Unchanged })
        }
        Act::Points(new) => {
            let now = writing.now;
            scores::add(writing, new, id, now).map(|()| Effect::Made)
        }
        Act::Task(task) => create_task(writing, table, id, task).map(|()| Effect::Made),
        Act::Emit { event, places } => {
            let row = load(writing, table, id)?;
            let value = |place: &usize| {
                let attribute = &table.model.attributes[*place];
                let value = attribute.decode(&row.cells[attribute.span()]);
                (attribute.name(), value)
            };
            let values: Values = places.iter().map(value).collect();
            let rule = &program.model.rule;
            let body = EmittedBody {
                event: event.clone(),
                rule: rule.name.clone(),
                version: rule.version,
                entity_type: rule.entity_type.clone(),
                id,
                at: writing.now,
                values,
            };
            writing.body = body.to_json();
            writing.check_body()?;
            let stamp = writing.stamp();
            let uid = Some(program.model.uid);
            writing.log_body(stamp, ChangeKind::EventEmitted, None, uid)?;
            Ok(Effect::Made)
        }
    }
}

fn create_task(writing: &mut Writing<'_>, table: &Table, id: RecordId, task: &Task) -> Result<()> {
    let tasks = writing.table(Preset::Task.name())?;
    let mut values = Values::from([("title", Value::from(task.title.as_str()))]);
    for (name, text) in [("body", &task.body), ("assignee", &task.assignee)] {
        if let Some(text) = text {
            values.insert(name, text.as_str());
        }
    }
    if let Some(span) = task.due_in {
        let due = Moment::new(writing.now, "UTC")?.shifted(span, Direction::Next);
        values.insert("due", due);
    }
    let made = records::create(writing, &tasks, values)?;
    if let Some((association, is_from_task)) = &task.association {
        let made = RecordRef::new(tasks.model.name.as_str(), made.id);
        let record = RecordRef::new(table.model.name.as_str(), id);
        let (from, to) = if *is_from_task { (made, record) } else { (record, made) };
        associations::add(writing, AddAssociation::new(association.as_str(), from, to))?;
    }
    Ok(())
}

fn load(writing: &Writing<'_>, table: &Table, id: RecordId) -> Result<StoredRow> {
    rows::get(writing.tx, table, id)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such record").with_field("id"))
}

/// What is kept of an action.
pub(super) fn result(action: &str, done: Result<Effect>) -> ActionResult {
    let (outcome, problem) = match done {
        Ok(Effect::Made) => (ActionOutcome::Done, None),
        Ok(Effect::Unchanged) => (ActionOutcome::Unchanged, None),
        Ok(Effect::Suppressed(by)) => {
            let message = match by {
                SuppressedBy::Earlier => "the stage lies before the present one",
                SuppressedBy::Exit => "only people lead out of the present stage",
                SuppressedBy::Guard => "the guard of the stage is not met",
                SuppressedBy::Required => "an attribute that the stage needs has no value",
            };
            let error = Error::new(ErrorKind::Refused, message).with_field("to");
            (ActionOutcome::Suppressed, Some(Problem::from(&error)))
        }
        Err(error) => (ActionOutcome::Failed, Some(Problem::from(&error))),
    };
    ActionResult { action: action.to_owned(), outcome, problem }
}
