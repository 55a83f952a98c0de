//! Whether a definition makes sense by itself, before any schema or record is looked at.

use std::collections::HashSet;

use super::{
    AddPoints, ChangeMembership, CreateTask, DefineRule, EmitEvent, MoveToStage, OnDate, OnOverdue,
    RuleAction, RuleTrigger, SetAttribute,
};
use crate::{
    Error, ErrorKind, Result, Span,
    lifecycle::{check_reason, within},
    limits,
    schema::check,
    scoring::check_added,
};

/// Checks what a rule says by itself.
///
/// # Errors
///
/// `InvalidArgument`, `InvalidValue`, `Required`, `Duplicate` or `LimitExceeded`; the field is the
/// path, such as `actions[2].emit.event`.
pub(crate) fn check_rule(definition: &DefineRule) -> Result<()> {
    check::identifier(&definition.name, "rule")?;
    check::texts(&definition.label, &definition.description)?;
    if let RuleTrigger::DateReached(on) = &definition.on {
        check_date(on).map_err(|error| within("on.date_reached", error))?;
    }
    if let RuleTrigger::StageOverdue(on) = &definition.on {
        check_overdue(on).map_err(|error| within("on.stage_overdue", error))?;
    }
    let actions = &definition.actions;
    if actions.is_empty() {
        let message = "a rule does something";
        return Err(Error::new(ErrorKind::Required, message).with_field("actions"));
    }
    if actions.len() > limits::RULE_ACTIONS {
        let message = format!("at most {} actions", limits::RULE_ACTIONS);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("actions"));
    }
    for (place, action) in actions.iter().enumerate() {
        let checked = match action {
            RuleAction::SetAttribute(action) => check_set(action),
            RuleAction::MoveStage(action) => check_move(action),
            RuleAction::CreateTask(action) => check_task(action),
            RuleAction::Emit(action) => check_emit(action),
            RuleAction::AddToSegment(action) | RuleAction::RemoveFromSegment(action) => {
                check_membership(action)
            }
            RuleAction::AddPoints(action) => check_points(action),
        };
        let path = || format!("actions[{place}].{}", action.name());
        checked.map_err(|error| within(&path(), error))?;
    }
    Ok(())
}

fn check_date(on: &OnDate) -> Result<()> {
    if on.before.is_some() && on.after.is_some() {
        return Err(invalid("either before or after").with_field("after"));
    }
    for (field, span) in [("before", &on.before), ("after", &on.after)] {
        check_span(field, span.as_deref())?;
    }
    Ok(())
}

fn check_overdue(on: &OnOverdue) -> Result<()> {
    match (&on.stage, &on.within) {
        (None, Some(_)) => Err(invalid("it is one of the times of a stage").with_field("within")),
        _ => Ok(()),
    }
}

fn check_membership(action: &ChangeMembership) -> Result<()> {
    let reason = action.reason.as_deref().map_or(Ok(()), check_reason);
    reason.map_err(|error| error.with_field("reason"))
}

fn check_points(action: &AddPoints) -> Result<()> {
    check_added(action.points, action.reason.as_deref())
}

fn check_set(action: &SetAttribute) -> Result<()> {
    let is_given = action.value.as_ref().is_some_and(|value| !value.is_null());
    match action.formula {
        Some(_) if is_given => Err(invalid("either a value or a formula").with_field("formula")),
        _ => Ok(()),
    }
}

fn check_move(action: &MoveToStage) -> Result<()> {
    let reason = action.reason.as_deref().map_or(Ok(()), check_reason);
    reason.map_err(|error| error.with_field("reason"))
}

fn check_task(action: &CreateTask) -> Result<()> {
    if action.title.is_empty() {
        return Err(Error::new(ErrorKind::Required, "a task has a title").with_field("title"));
    }
    check_span("due_in", action.due_in.as_deref())
}

fn check_emit(action: &EmitEvent) -> Result<()> {
    check::identifier(&action.event, "event").map_err(|error| error.with_field("event"))?;
    let mut seen = HashSet::new();
    match action.fields.iter().position(|name| !seen.insert(name)) {
        None => Ok(()),
        Some(place) => Err(Error::new(ErrorKind::Duplicate, "is listed twice")
            .with_field(format!("fields[{place}]"))),
    }
}

fn check_span(field: &str, span: Option<&str>) -> Result<()> {
    let read = span.map_or(Ok(()), |span| span.parse::<Span>().map(drop));
    read.map_err(|error| error.with_field(field))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
