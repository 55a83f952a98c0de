//! Whether records can come to every stage of a lifecycle.
//!
//! A stage can be come to by hand, by being the first, or by a trigger that can be set off; one that
//! follows a stage of a related record can be set off only if somebody can come there. The invariant:
//! what is refused here could never have a record on it.

use std::collections::HashSet;

use super::{
    Lifecycle, On, Program,
    check::{invalid, within},
};
use crate::{
    Error, Result,
    condition::{Node, Test, never},
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

/// The stages to which records can come.
fn reachable(all: &[Program]) -> HashSet<(&String, &String)> {
    let mut come: HashSet<(&String, &String)> = HashSet::new();
    loop {
        let before = come.len();
        for program in all {
            let lifecycle: &Lifecycle = &program.model.lifecycle;
            for (place, stage) in lifecycle.stages.iter().enumerate() {
                let is_first = lifecycle.initial.as_ref() == Some(&stage.name);
                let mut triggers = program.triggers.iter().filter(|trigger| trigger.to == place);
                if !stage.only_automatic
                    || is_first
                    || triggers.any(|trigger| {
                        let waits_for = waits_for(trigger, all);
                        waits_for.iter().all(|spots| {
                            spots.iter().any(|(lifecycle, stage)| {
                                come.iter().any(|known| known.0 == lifecycle && known.1 == stage)
                            })
                        })
                    })
                {
                    come.insert((&lifecycle.name, &stage.name));
                }
            }
        }
        if come.len() == before {
            return come;
        }
    }
}

/// Lists of stages, of each of which one must have been come to before a trigger is set off.
fn waits_for<'a>(trigger: &'a super::Trigger, all: &'a [Program]) -> Vec<Vec<Spot<'a>>> {
    let mut lists = Vec::new();
    if let On::Related { lifecycle, stages, .. } = &trigger.on {
        lists.push(stages.iter().map(|stage| (lifecycle.as_str(), stage.as_str())).collect());
    }
    let Some(condition) = &trigger.condition else { return lists };
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
