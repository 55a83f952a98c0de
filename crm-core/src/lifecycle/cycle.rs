//! Automatic moves that would go round for ever, at once.
//!
//! Moves along the order end by themselves, for they only go forward. What can go round leads
//! through a stage that triggers may leave again: one that is lost, from which a new cycle begins,
//! or one beside the way. Conditions and stages of related records stay true after the move that they
//! caused, so they lead on at once; an activity happens once, and a time without any takes time.
//! A condition is asked after every move of the record, whatever led to it.
//!
//! A trigger leads on to another. Where both move the same record, their conditions and the guards of
//! their stages are true of it at the same time, as far as a move does not change what they ask for. The
//! invariant: triggers that may lead on for ever are refused; of one lifecycle by itself no others are,
//! as far as it is known which conditions exclude each other. What segments and scores ask for in
//! their turn is not followed: a round that only this closes is taken.

use std::collections::{HashMap, VecDeque};

use super::{On, Program, Trigger};
use crate::{
    Error, ErrorKind,
    condition::{Node, Test, never_at_once},
};

/// A stage of one of several lifecycles.
type Spot = (usize, usize);

/// Refuses lifecycles whose automatic moves go round.
///
/// # Errors
///
/// `InvalidArgument` with the place of the lifecycle in which the stage lies, and the trigger that leads
/// there as its field: `triggers[1].to`.
pub(crate) fn check_cycles(programs: &[Program]) -> Result<(), (usize, Error)> {
    let is_left = |step: &Step<'_>| step.is_left_by_itself();
    let all: Vec<Step<'_>> = programs
        .iter()
        .enumerate()
        .flat_map(|(place, program)| {
            program.triggers.iter().map(move |trigger| Step { place, program, trigger })
        })
        .collect();
    if !all.iter().any(is_left) {
        return Ok(());
    }
    let leads = leads(&all, programs);
    for (first, step) in all.iter().enumerate().filter(|(_, step)| is_left(step)) {
        let Some(way) = round(&all, &leads, first) else { continue };
        let names = way.iter().map(|step| {
            let lifecycle = &all[*step].program.model.lifecycle;
            let stage = &lifecycle.stages[all[*step].trigger.to];
            format!("{}.{}", lifecycle.name, stage.name)
        });
        let message =
            format!("automatic moves go round: {}", names.collect::<Vec<_>>().join(" → "));
        let hint = "let only people, or an activity, lead out of that stage, or let the conditions \
                    exclude each other";
        let error = Error::new(ErrorKind::InvalidArgument, message)
            .with_field(format!("triggers[{}].to", step.trigger.place))
            .with_hint(hint);
        return Err((step.place, error));
    }
    Ok(())
}

/// A trigger of one of several lifecycles.
#[derive(Clone, Copy)]
struct Step<'a> {
    place: usize,
    program: &'a Program,
    trigger: &'a Trigger,
}

impl Step<'_> {
    fn spot(&self) -> Spot {
        (self.place, self.trigger.to)
    }

    /// Whether triggers lead out of the stage to which it leads, and it has no place in the order.
    fn is_left_by_itself(&self) -> bool {
        let stage = &self.program.model.lifecycle.stages[self.trigger.to];
        !stage.kind.is_ordered() && stage.automatic_exit
    }

    /// Whether a record that stands where this leads goes on to where another one of the lifecycle does.
    fn leads_to(&self, other: &Step<'_>) -> bool {
        self.program.model.lifecycle.leads(self.trigger.to, other.trigger.to)
    }

    /// What must be true of the record that it moves.
    fn asks(&self) -> impl Iterator<Item = &Node> {
        let guard = &self.program.guards[self.trigger.to];
        self.trigger.condition.iter().chain(guard).map(|asked| &asked.root)
    }

    /// Whether both may move one record at once.
    fn goes_with(&self, other: &Step<'_>) -> bool {
        !never_at_once(&self.asks().chain(other.asks()).collect::<Vec<_>>())
    }
}

/// That a trigger leads on to another.
struct Lead {
    to: usize,
    /// Whether both move the same record.
    is_same: bool,
}

/// For each trigger those to which it leads on: of the record that it moved, or of a related one.
fn leads(all: &[Step<'_>], programs: &[Program]) -> Vec<Vec<Lead>> {
    let mut before: HashMap<Spot, Vec<usize>> = HashMap::new();
    for (nth, step) in all.iter().enumerate() {
        before.entry(step.spot()).or_default().push(nth);
    }
    let mut leads: Vec<Vec<Lead>> = all.iter().map(|_| Vec::new()).collect();
    for (to, step) in all.iter().enumerate() {
        let mut add = |from: usize, is_same: bool| {
            if !is_same || all[from].goes_with(step) {
                leads[from].push(Lead { to, is_same });
            }
        };
        let come_to = |spot: Spot| before.get(&spot).into_iter().flatten().copied();
        match &step.trigger.on {
            On::Related { lifecycle, stages, .. } => {
                let source = programs.iter().position(|of| of.model.name() == lifecycle);
                for (place, stage) in source.into_iter().flat_map(|source| {
                    stages.iter().filter_map(move |stage| {
                        Some((source, programs[source].model.lifecycle.place(stage)?))
                    })
                }) {
                    come_to((place, stage)).for_each(|from| add(from, false));
                }
            }
            On::Condition => {
                for (from, other) in all.iter().enumerate() {
                    if other.place == step.place && other.leads_to(step) {
                        add(from, true);
                    }
                }
                for part in step.asks() {
                    let is_same = !looks_around(part);
                    for spot in asked_of(part, programs) {
                        // What leads on within the lifecycle is told above.
                        if spot.0 != step.place {
                            come_to(spot).for_each(|from| add(from, is_same));
                        }
                    }
                }
            }
            On::Activity { .. } | On::Inactivity(_) => {}
        }
    }
    leads
}

/// Whether a condition asks for other records.
fn looks_around(condition: &Node) -> bool {
    condition.leaves().iter().any(|leaf| matches!(leaf.test, Test::Related(_)))
}

/// The spots to come to which may make a condition true, as far as it asks for stages: of the record
/// itself, or of one around it.
fn asked_of(condition: &Node, programs: &[Program]) -> Vec<Spot> {
    match condition {
        Node::All(parts) | Node::Any(parts) => {
            parts.iter().flat_map(|part| asked_of(part, programs)).collect()
        }
        // To leave a stage is to come to another.
        Node::Not(part) => {
            let asked = asked_of(part, programs);
            let Some((place, _)) = asked.first().copied() else { return asked };
            let stages = 0..programs[place].model.lifecycle.stages.len();
            let all = stages.map(|stage| (place, stage));
            all.filter(|spot| !asked.contains(spot)).collect()
        }
        Node::Leaf(leaf) => match &leaf.test {
            Test::Stage(test) => {
                let of = |program: &Program| program.model.id == test.lifecycle;
                let Some(place) = programs.iter().position(of) else { return Vec::new() };
                let stages = test.stages.iter();
                let stages = stages.filter_map(|name| programs[place].model.lifecycle.place(name));
                stages.map(|stage| (place, stage)).collect()
            }
            Test::Related(test) => {
                test.filter.iter().flat_map(|filter| asked_of(filter, programs)).collect()
            }
            _ => Vec::new(),
        },
    }
}

/// The shortest way from a trigger back to it by way of another stage of its lifecycle. Until another
/// record is moved, each trigger on it may move the same record at once as the first one.
fn round(all: &[Step<'_>], leads: &[Vec<Lead>], first: usize) -> Option<Vec<usize>> {
    /// A trigger, whether the way led to another stage, and whether to another record.
    type Place = (usize, bool, bool);
    let mut before: HashMap<Place, Place> = HashMap::new();
    let start = (first, false, false);
    let mut waiting = VecDeque::from([start]);
    while let Some(at) = waiting.pop_front() {
        let (step, is_out, is_around) = at;
        for lead in &leads[step] {
            let other = &all[lead.to];
            let is_around = is_around || !lead.is_same;
            if !is_around && !other.goes_with(&all[first]) {
                continue;
            }
            let is_other = other.place == all[first].place && other.spot() != all[first].spot();
            let next = (lead.to, is_out || is_other, is_around);
            if next == start || before.contains_key(&next) {
                continue;
            }
            before.insert(next, at);
            if lead.to == first && next.1 {
                let mut way = vec![first];
                let mut at = next;
                while at != start {
                    at = before[&at];
                    way.push(at.0);
                }
                way.reverse();
                return Some(way);
            }
            waiting.push_back(next);
        }
    }
    None
}
