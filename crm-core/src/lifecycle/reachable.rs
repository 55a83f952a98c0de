//! Whether records can come to every stage of a lifecycle.
//!
//! A stage can be come to by hand, by being the first, or by a trigger that can be set off, if what its
//! guard waits for can happen first; one that follows a stage of a related record can be set off only if
//! somebody can come there. The invariant: what is refused here could never have a record on it.

use std::collections::HashSet;

use super::{
    Lifecycle, On, Program,
    check::{invalid, within},
};
use crate::{
    Error, Result,
    condition::{Checked, Node, Test, never},
};

/// Refuses a lifecycle of which a stage cannot be come to, or a trigger cannot move a record; `all` are
/// those in use, this one among them.
///
/// # Errors
///
/// `InvalidArgument`; the field is the path to the fault.
pub(crate) fn check_reachable(program: &Program, all: &[Program]) -> Result<()> {
    let lifecycle = &program.model.lifecycle;
    let impossible = |message: &str, field: &str, place: String| -> Error {
        let error = match place.is_empty() {
            true => invalid(message),
            false => invalid(message).with_field(place),
        };
        within(field, error).with_hint("say what it is to ask instead, or leave it out")
    };
    for (place, guard) in program.guards.iter().enumerate() {
        let fault = guard.as_ref().and_then(|guard| never(&[&guard.root]));
        if let Some(fault) = fault {
            let message = "the guard can never be met, so that nothing comes to the stage";
            return Err(impossible(message, &format!("stages[{place}].guard"), fault));
        }
    }
    for trigger in &program.triggers {
        let path = format!("triggers[{}]", trigger.place);
        if let On::Activity { filter: Some(filter), .. } = &trigger.on
            && let Some(fault) = never(&[filter])
        {
            // Within an activity it is called as in a condition.
            let fault = fault.replacen("where", "filter", 1);
            return Err(impossible("no activity can be so", &path, fault));
        }
        let Some(condition) = &trigger.condition else { continue };
        let path = format!("{path}.where");
        if let Some(fault) = never(&[&condition.root]) {
            return Err(impossible("no record can be so", &path, fault));
        }
        if let Some(guard) = &program.guards[trigger.to]
            && never(&[&condition.root, &guard.root]).is_some()
        {
            let message = "no record that is so meets the guard of the stage";
            return Err(impossible(message, &path, String::new()));
        }
    }
    let come = reachable(all);
    let stages = &lifecycle.stages;
    match stages.iter().position(|stage| !come.contains(&(&lifecycle.name, &stage.name))) {
        None => Ok(()),
        Some(place) if !can_hold(program.guards[place].as_ref(), all, &come) => {
            let message = format!(
                "nothing comes to the stage {:?}: its guard waits for what cannot happen first",
                stages[place].name
            );
            let hint = "ask for a stage before this one, or of another lifecycle";
            let field = format!("stages[{place}].guard");
            Err(invalid(&message).with_field(field).with_hint(hint))
        }
        Some(place) => {
            let nth = program.triggers.iter().filter(|trigger| trigger.to == place);
            let field = match nth.map(|trigger| trigger.place).min() {
                Some(trigger) => format!("triggers[{trigger}]"),
                None => format!("stages[{place}]"),
            };
            let message = format!(
                "nothing leads to the stage {:?}: people may not, and what triggers wait for cannot \
                 happen first",
                stages[place].name
            );
            let hint = "leave out only_automatic, or add another trigger";
            Err(invalid(&message).with_field(field).with_hint(hint))
        }
    }
}

type Spot<'a> = (&'a str, &'a str);

/// Stages, with the names of their lifecycles.
type Spots<'a> = HashSet<(&'a String, &'a String)>;

/// The stages to which records can come.
fn reachable(all: &[Program]) -> Spots<'_> {
    let mut come = Spots::new();
    loop {
        let before = come.len();
        for program in all {
            let lifecycle: &Lifecycle = &program.model.lifecycle;
            for (place, stage) in lifecycle.stages.iter().enumerate() {
                let is_first = lifecycle.initial.as_ref() == Some(&stage.name);
                let mut triggers = program.triggers.iter().filter(|trigger| trigger.to == place);
                let is_led_to = !stage.only_automatic
                    || is_first
                    || triggers.any(|trigger| {
                        let is_come = match &trigger.on {
                            On::Related { lifecycle, stages, .. } => {
                                let mut spots = stages.iter().map(|stage| (lifecycle, stage));
                                spots.any(|(lifecycle, stage)| come.contains(&(lifecycle, stage)))
                            }
                            _ => true,
                        };
                        is_come && can_hold(trigger.condition.as_ref(), all, &come)
                    });
                // A reset from a later stage asks for no guard.
                let later =
                    lifecycle.stages[place + 1..].iter().filter(|one| one.kind.is_ordered());
                let is_reset = || {
                    let mut later = later.clone();
                    stage.kind.is_ordered()
                        && later.any(|later| come.contains(&(&lifecycle.name, &later.name)))
                };
                let guard = program.guards[place].as_ref();
                if is_led_to && (can_hold(guard, all, &come) || is_reset()) {
                    come.insert((&lifecycle.name, &stage.name));
                }
            }
        }
        if come.len() == before {
            return come;
        }
    }
}

/// Whether records can have come to the stages for which a condition asks.
fn can_hold(condition: Option<&Checked>, all: &[Program], come: &Spots<'_>) -> bool {
    let asked = condition.map_or_else(Vec::new, |condition| waits_for(condition, all));
    asked.iter().all(|spots| {
        spots.iter().any(|(lifecycle, stage)| {
            come.iter().any(|known| known.0 == lifecycle && known.1 == stage)
        })
    })
}

/// Lists of stages, of each of which one must have been come to before a condition is true.
fn waits_for<'a>(condition: &'a Checked, all: &'a [Program]) -> Vec<Vec<Spot<'a>>> {
    let mut lists = Vec::new();
    let parts = match &condition.root {
        Node::All(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    for part in parts {
        let Node::Leaf(leaf) = part else { continue };
        let Test::Stage(test) = &leaf.test else { continue };
        let program = all.iter().find(|program| program.model.id == test.lifecycle);
        let Some(program) = program else { continue };
        let name = program.model.lifecycle.name.as_str();
        lists.push(test.stages.iter().map(|stage| (name, stage.as_str())).collect());
    }
    lists
}
