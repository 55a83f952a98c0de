//! Where a record stands, and what would move it, in words.
//!
//! The words name stages, attributes, triggers, rules and the reason of a move, and never what a record
//! holds.

use super::{
    Lifecycle, NextStage, StageCause, StageVisit, Standing, SuppressedBy, SuppressedMove,
    TriggerAnswer, trigger_text,
};
use crate::Timestamp;

/// What is told in words.
pub(crate) struct Told<'a> {
    pub(crate) standing: &'a Standing,
    /// The stay on the present stage, and what began it.
    pub(crate) visit: Option<(&'a StageVisit, By)>,
    /// The automatic moves that were not made, and what would have made them.
    pub(crate) suppressed: Vec<(&'a SuppressedMove, By)>,
    pub(crate) next: &'a [NextStage],
    /// Whether only people lead out of where it stands.
    pub(crate) is_held: bool,
    pub(crate) now: Timestamp,
}

/// What makes a move, by name, as far as the file tells.
pub(crate) struct By {
    /// A trigger, as [`trigger_name`] has it.
    pub(crate) trigger: Option<String>,
    /// The kind of an activity.
    pub(crate) activity: Option<String>,
}

/// A trigger by its place in a definition, with what sets it off; `version` is said if it is not the
/// present one.
pub(crate) fn trigger_name(
    lifecycle: &Lifecycle,
    place: u32,
    version: Option<i64>,
) -> Option<String> {
    let trigger = lifecycle.triggers.get(usize::try_from(place).ok()?)?;
    let of = version.map(|version| format!(" of version {version}")).unwrap_or_default();
    Some(format!("triggers[{place}]{of}: {}", trigger_text(trigger)))
}

/// A line for each point.
pub(crate) fn words(told: &Told<'_>) -> String {
    let Told { standing, is_held, .. } = *told;
    let mut lines = vec![stands(standing, told.visit.as_ref())];
    if let (Some(reached), true) = (&standing.reached, standing.reached != standing.stage) {
        lines.push(format!("The furthest stage of this cycle is {reached}."));
    }
    if is_held {
        lines.push("Only people lead out of there.".to_owned());
    }
    for (one, by) in &told.suppressed {
        let rule = one.rule.as_ref().map(|rule| format!("the rule {rule}"));
        let by = in_brackets(by.trigger.as_deref().or(rule.as_deref()));
        lines.push(format!("It did not move to {}{by}: {}.", one.to, why_not(one)));
    }
    lines.extend(told.next.iter().map(|next| goes(next, is_held, told.now)));
    lines.join("\n")
}

fn in_brackets(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

fn stands(standing: &Standing, visit: Option<&(&StageVisit, By)>) -> String {
    let (Some(stage), Some(entered)) = (&standing.stage, standing.entered_at) else {
        return "It has not entered any stage.".to_owned();
    };
    let by = visit.map(|(visit, by)| came(visit, by)).unwrap_or_default();
    let reason = standing.reason.as_ref();
    let reason = reason.map(|reason| format!(", for the reason {reason:?}")).unwrap_or_default();
    format!("It stands on {stage} since {entered}, in cycle {}{by}{reason}.", standing.cycle)
}

/// What brought it there.
fn came(visit: &StageVisit, by: &By) -> String {
    let sort = match visit.cause {
        StageCause::Manual => "moved by hand".into(),
        StageCause::Initial => "where new records begin".into(),
        StageCause::Import => "where its import has it begin".into(),
        StageCause::Activity => match &by.activity {
            Some(kind) => format!("moved by an activity of the kind {kind}"),
            None => "moved by an activity".into(),
        },
        StageCause::Related => match &visit.record {
            Some(record) => format!("moved by the stage of a {}", record.entity_type),
            None => "moved by the stage of a related record".into(),
        },
        StageCause::Condition => "moved by a condition that became true".into(),
        StageCause::Inactivity => "moved because nothing happened".into(),
        StageCause::Rule => match &visit.rule {
            Some(rule) => format!("moved by the rule {rule}"),
            None => "moved by a rule".into(),
        },
        StageCause::Implied => "implied by a later stage".into(),
        StageCause::Reset => "put back by hand".into(),
    };
    format!(", {sort}{}", in_brackets(by.trigger.as_deref()))
}

fn why_not(one: &SuppressedMove) -> String {
    match one.by {
        SuppressedBy::Earlier => {
            "that stage, or what would win it back, lies before the present one".into()
        }
        SuppressedBy::Exit => "only people lead out of the present stage".into(),
        SuppressedBy::Guard => "the guard of that stage was not met".into(),
        SuppressedBy::Required if one.missing.is_empty() => {
            "an attribute that it needs had no value".into()
        }
        SuppressedBy::Required => format!("it lacked {}", one.missing.join(", ")),
    }
}

fn goes(next: &NextStage, is_held: bool, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if !next.missing.is_empty() {
        parts.push(format!("it lacks {}", next.missing.join(", ")));
    }
    if let Some(guard) = next.guard.as_ref().filter(|guard| !guard.is_true) {
        let failing = guard.leaves.iter().filter(|leaf| !leaf.is_true);
        let failing: Vec<&str> = failing.map(|leaf| leaf.text.as_str()).collect();
        parts.push(match failing.is_empty() {
            true => "the guard is not met".to_owned(),
            false => format!("the guard is not met, for this is not so: {}", failing.join("; ")),
        });
    }
    if next.by_hand {
        parts.push("a person can move it there".to_owned());
    }
    for trigger in &next.triggers {
        let leads = if is_held { "would lead" } else { "leads" };
        let TriggerAnswer { trigger: place, text, .. } = trigger;
        let state = in_brackets(state(trigger, now).as_deref());
        parts.push(format!("triggers[{place}] {leads} there: {text}{state}"));
    }
    if parts.is_empty() {
        parts.push("nothing leads there now".to_owned());
    }
    format!("To {}: {}.", next.stage, parts.join("; "))
}

/// Whether what a trigger asks is so, and when time sets it off.
fn state(trigger: &TriggerAnswer, now: Timestamp) -> Option<String> {
    let is_so = trigger.condition.as_ref().map(|answer| match answer.is_true {
        true => "so now".to_owned(),
        false => "not so now".to_owned(),
    });
    let due = trigger.due_at.map(|due| match due <= now {
        true => format!("due since {due}, at the next tick"),
        false => format!("at {due} if nothing else happens"),
    });
    let parts: Vec<String> = is_so.into_iter().chain(due).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
