//! Where a record stands, and what would move it, in words.
//!
//! The words name stages, attributes and triggers, and never what a record holds.

use super::{NextStage, StageCause, StageVisit, Standing, SuppressedBy, SuppressedMove};

/// A line for each point. `is_held` says that only people lead out of where it stands.
pub(crate) fn words(
    standing: &Standing,
    visit: Option<&StageVisit>,
    suppressed: &[SuppressedMove],
    next: &[NextStage],
    is_held: bool,
) -> String {
    let mut lines = vec![stands(standing, visit)];
    if let (Some(reached), true) = (&standing.reached, standing.reached != standing.stage) {
        lines.push(format!("The furthest stage of this cycle is {reached}."));
    }
    if is_held {
        lines.push("Only people lead out of there.".to_owned());
    }
    for one in suppressed {
        lines.push(format!("It did not move to {}: {}.", one.to, why_not(one.by)));
    }
    lines.extend(next.iter().map(|next| goes(next, is_held)));
    lines.join("\n")
}

fn stands(standing: &Standing, visit: Option<&StageVisit>) -> String {
    let (Some(stage), Some(entered)) = (&standing.stage, standing.entered_at) else {
        return "It has not entered any stage.".to_owned();
    };
    let by = visit.map_or(String::new(), |visit| match visit.cause {
        StageCause::Manual => ", moved by hand".into(),
        StageCause::Initial => ", where new records begin".into(),
        StageCause::Activity => ", moved by an activity".into(),
        StageCause::Related => match &visit.record {
            Some(record) => format!(", moved by the stage of a {}", record.entity_type),
            None => ", moved by the stage of a related record".into(),
        },
        StageCause::Condition => ", moved by a condition that became true".into(),
        StageCause::Inactivity => ", moved because nothing happened".into(),
        StageCause::Rule => ", moved by a rule".into(),
        StageCause::Implied => ", implied by a later stage".into(),
        StageCause::Reset => ", put back by hand".into(),
    });
    format!("It stands on {stage} since {entered}, in cycle {}{by}.", standing.cycle)
}

fn why_not(by: SuppressedBy) -> &'static str {
    match by {
        SuppressedBy::Earlier => {
            "that stage, or what would win it back, lies before the present one"
        }
        SuppressedBy::Exit => "only people lead out of the present stage",
        SuppressedBy::Guard => "the guard of that stage was not met",
        SuppressedBy::Required => "an attribute that it needs had no value",
    }
}

fn goes(next: &NextStage, is_held: bool) -> String {
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
        let state = match &trigger.condition {
            Some(answer) if !answer.is_true => " (not so now)",
            Some(_) => " (so now)",
            None => "",
        };
        let leads = if is_held { "would lead" } else { "leads" };
        parts.push(format!("{} {leads} there{state}", trigger.text));
    }
    if parts.is_empty() {
        parts.push("nothing leads there now".to_owned());
    }
    format!("To {}: {}.", next.stage, parts.join("; "))
}
