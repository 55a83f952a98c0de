//! Automatic moves that would go round for ever.
//!
//! Moves along the order end by themselves, for they only go forward. What can go round leads
//! through a stage that triggers may leave again: one that is lost, from which a new cycle begins,
//! or one beside the way. Conditions and stages of related records stay true after the move that they
//! caused, so they lead on at once; an activity happens once.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Lifecycle, StageTrigger};
use crate::{Condition, Error, ErrorKind, Result, StageOperator};

/// A stage of one of several lifecycles.
type Spot = (usize, usize);

/// Refuses lifecycles whose automatic moves go round.
///
/// # Errors
///
/// `InvalidArgument` with the name of the lifecycle in which the stage lies, and the place of a
/// trigger that leads there, as its field: `triggers[1].to`.
pub(crate) fn check_cycles(lifecycles: &[&Lifecycle]) -> Result<(), (usize, Error)> {
    let edges = edges(lifecycles);
    for (place, lifecycle) in lifecycles.iter().enumerate() {
        for (nth, stage) in lifecycle.stages.iter().enumerate() {
            if stage.kind.is_ordered() || !stage.automatic_exit {
                continue;
            }
            let there = ways(&edges, (place, nth));
            let others = (0..lifecycle.stages.len()).filter(|other| *other != nth);
            let round = others.map(|other| (place, other)).find_map(|other| {
                let first = way(&there, (place, nth), other)?;
                let second = way(&ways(&edges, other), other, (place, nth))?;
                Some([first, second[1..].to_vec()].concat())
            });
            let Some(round) = round else { continue };
            let names: Vec<String> = round
                .iter()
                .map(|(place, stage)| {
                    let lifecycle = lifecycles[*place];
                    format!("{}.{}", lifecycle.name, lifecycle.stages[*stage].name)
                })
                .collect();
            let leads = lifecycle.triggers.iter().position(|trigger| trigger.to == stage.name);
            let message = format!("automatic moves go round: {}", names.join(" → "));
            let error = Error::new(ErrorKind::InvalidArgument, message)
                .with_field(format!("triggers[{}].to", leads.unwrap_or_default()))
                .with_hint("let only people, or an activity, lead out of that stage");
            return Err((place, error));
        }
    }
    Ok(())
}

/// Where a record, or a related one, goes on by itself from each stage.
fn edges(lifecycles: &[&Lifecycle]) -> HashMap<Spot, Vec<Spot>> {
    let mut edges: HashMap<Spot, Vec<Spot>> = HashMap::new();
    for (place, lifecycle) in lifecycles.iter().enumerate() {
        let spots = |trigger: &StageTrigger| lifecycle.place(&trigger.to);
        let is_condition =
            |trigger: &&StageTrigger| trigger.activity.is_none() && trigger.related.is_none();
        let asked: Vec<usize> =
            lifecycle.triggers.iter().filter(is_condition).filter_map(spots).collect();
        for (&from, &to) in asked.iter().flat_map(|from| asked.iter().map(move |to| (from, to))) {
            let (one, other) = (&lifecycle.stages[from], &lifecycle.stages[to]);
            let leads = match (one.kind.is_ordered(), other.kind.is_ordered()) {
                (true, true) => from < to,
                (true, false) => true,
                (false, _) => one.automatic_exit,
            };
            if leads && from != to {
                edges.entry((place, from)).or_default().push((place, to));
            }
        }
        for trigger in &lifecycle.triggers {
            let Some(related) = &trigger.related else { continue };
            let source = lifecycles.iter().position(|other| other.name == related.lifecycle);
            let (Some(source), Some(to)) = (source, spots(trigger)) else { continue };
            let Some(stage) = lifecycles[source].place(&related.stage) else { continue };
            for from in lifecycles[source].reaching(stage) {
                edges.entry((source, from)).or_default().push((place, to));
            }
        }
        for trigger in &lifecycle.triggers {
            let (Some(condition), Some(to)) = (&trigger.condition, spots(trigger)) else {
                continue;
            };
            for from in asked_of(condition, &lifecycle.entity_type, lifecycles) {
                // What leads on within the lifecycle is told above.
                if from.0 != place {
                    edges.entry(from).or_default().push((place, to));
                }
            }
        }
    }
    edges
}

/// The spots to come to which may make a condition true, as far as it asks for stages: of the record
/// itself, or of one of this entity type.
fn asked_of(condition: &Condition, entity_type: &str, lifecycles: &[&Lifecycle]) -> Vec<Spot> {
    match condition {
        Condition::Stage(asked) => {
            let of_type = |lifecycle: &&&Lifecycle| lifecycle.entity_type == entity_type;
            let mut named = lifecycles.iter().enumerate().filter(|(_, lifecycle)| {
                of_type(lifecycle) && asked.lifecycle.as_ref().is_none_or(|n| *n == lifecycle.name)
            });
            let Some((place, lifecycle)) = named.next() else { return Vec::new() };
            let Some(stage) = lifecycle.place(&asked.value) else { return Vec::new() };
            let all = 0..lifecycle.stages.len();
            let spot = |stage: usize| (place, stage);
            match asked.op {
                StageOperator::Eq => vec![(place, stage)],
                StageOperator::Neq => all.filter(|other| *other != stage).map(spot).collect(),
                StageOperator::AtLeast => lifecycle.reaching(stage).map(spot).collect(),
                StageOperator::AtMost => all.filter(|other| *other <= stage).map(spot).collect(),
            }
        }
        // To leave a stage is to come to another.
        Condition::Not(part) => {
            let asked = asked_of(part, entity_type, lifecycles);
            let Some((place, _)) = asked.first().copied() else { return asked };
            let all = (0..lifecycles[place].stages.len()).map(|stage| (place, stage));
            all.filter(|spot| !asked.contains(spot)).collect()
        }
        Condition::Related(related) => {
            let Some(filter) = &related.filter else { return Vec::new() };
            let types: HashSet<&str> = match &related.entity_type {
                Some(name) => HashSet::from([name.as_str()]),
                None => lifecycles.iter().map(|other| other.entity_type.as_str()).collect(),
            };
            types.into_iter().flat_map(|name| asked_of(filter, name, lifecycles)).collect()
        }
        _ => {
            let parts = condition.nested();
            parts.flat_map(|part| asked_of(part, entity_type, lifecycles)).collect()
        }
    }
}

/// For each spot that can be reached, the one before it.
fn ways(edges: &HashMap<Spot, Vec<Spot>>, from: Spot) -> HashMap<Spot, Spot> {
    let mut before = HashMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(spot) = waiting.pop_front() {
        for next in edges.get(&spot).into_iter().flatten() {
            before.entry(*next).or_insert_with(|| {
                waiting.push_back(*next);
                spot
            });
        }
    }
    before
}

/// The spots from one to another, both included.
fn way(before: &HashMap<Spot, Spot>, from: Spot, to: Spot) -> Option<Vec<Spot>> {
    let mut way = vec![to];
    let mut spot = *before.get(&to)?;
    while spot != from {
        way.push(spot);
        spot = *before.get(&spot)?;
    }
    way.push(from);
    way.reverse();
    Some(way)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Condition, RelatedStage, Stage, StageKind};

    fn lifecycle(name: &str, triggers: Vec<StageTrigger>) -> Lifecycle {
        let churned = Stage { automatic_exit: true, ..Stage::new("churned").kind(StageKind::Lost) };
        Lifecycle {
            name: name.into(),
            entity_type: "contact".into(),
            label: String::new(),
            description: String::new(),
            version: 1,
            stages: vec![
                Stage::new("lead"),
                Stage::new("customer"),
                churned,
                Stage::new("gone").kind(StageKind::Lost),
            ],
            initial: None,
            triggers,
            archived_at: None,
        }
    }

    fn when(to: &str) -> StageTrigger {
        StageTrigger::when(to, Condition::field("x").eq(1))
    }

    fn related(to: &str, lifecycle: &str, stage: &str) -> StageTrigger {
        StageTrigger::related(to, RelatedStage::new("r", lifecycle, stage))
    }

    fn check(lifecycles: &[Lifecycle]) -> Option<String> {
        let all: Vec<&Lifecycle> = lifecycles.iter().collect();
        check_cycles(&all).err().map(|(_, error)| error.message().to_owned())
    }

    #[test]
    fn conditions_that_lead_out_of_a_lost_stage_and_back_go_round() {
        let round = lifecycle("a", vec![when("customer"), when("churned")]);
        let found = check(&[round]).unwrap();
        assert_eq!(found, "automatic moves go round: a.churned → a.customer → a.churned");
        // People alone lead out of this one, and an activity happens once.
        assert_eq!(check(&[lifecycle("a", vec![when("customer"), when("gone")])]), None);
        let once = StageTrigger::activity("customer", "purchase");
        assert_eq!(check(&[lifecycle("a", vec![once, when("churned")])]), None);
        assert_eq!(check(&[lifecycle("a", vec![when("lead"), when("customer")])]), None);
    }

    #[test]
    fn related_stages_may_follow_each_other_but_not_go_round() {
        let both = [
            lifecycle("a", vec![related("customer", "b", "customer")]),
            lifecycle("b", vec![related("customer", "a", "customer")]),
        ];
        assert_eq!(check(&both), None, "each follows the other, and stays");
        let round = [
            lifecycle("a", vec![related("churned", "b", "lead"), related("lead", "b", "churned")]),
            lifecycle("b", vec![related("lead", "a", "lead"), related("churned", "a", "churned")]),
        ];
        assert!(check(&round).unwrap().contains(" → b."));
    }

    #[test]
    fn conditions_on_stages_of_another_lifecycle_lead_on_as_well() {
        let with = |asked: &str| {
            let when = StageTrigger::when("churned", asked.parse().unwrap());
            [
                lifecycle("a", vec![when, related("lead", "b", "churned")]),
                lifecycle(
                    "b",
                    vec![related("lead", "a", "lead"), related("churned", "a", "churned")],
                ),
            ]
        };
        assert_eq!(check(&with(r#"stage(eq "gone" in "b")"#)), None);
        assert_eq!(check(&with(r#"not stage(neq "gone" in "b")"#)), None);
        for asked in [
            r#"stage(eq "lead" in "b")"#,
            r#"stage(at_most "customer" in "b") and x = 1"#,
            r#"not stage(eq "gone" in "b")"#,
            r#"related(r: stage(eq "lead" in "b"))"#,
        ] {
            assert!(check(&with(asked)).unwrap().contains(" → b."), "{asked}");
        }
    }
}
