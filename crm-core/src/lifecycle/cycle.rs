//! Automatic moves that would go round for ever, at once.
//!
//! Moves along the order end by themselves, for they only go forward. What can go round leads
//! through a stage that triggers may leave again: one that is lost, from which a new cycle begins,
//! or one beside the way. Conditions and stages of related records stay true after the move that they
//! caused, so they lead on at once; an activity happens once, and a time without any takes time.
//! A condition is asked after every move of the record, whatever led to it.
//!
//! A trigger leads on to another. Where both move the same record, their conditions and the guards of
//! their stages are true of it at the same time, as far as a move does not change what they ask for; and
//! what a trigger asks for can be true where the one before has led to. The invariant: triggers that may
//! lead on for ever are refused; of one lifecycle by itself no others are, as far as it is known which
//! conditions exclude each other, two by two. What a score asks for in its turn is not followed: a round
//! that only this closes is taken.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{
    On, Program, Trigger,
    asked::{Asked, Spot},
};
use crate::{
    Error, ErrorKind,
    condition::{Known, Node, decide},
    segment::SegmentPrograms,
};

/// Which triggers lead on to which, each by the name of its lifecycle and its place there, and whether
/// both move the same record.
pub(crate) type LedOn = HashSet<((String, usize), (String, usize), bool)>;

/// What leads on in these lifecycles.
pub(crate) fn led_on(programs: &[Program], segments: Option<&SegmentPrograms>) -> LedOn {
    let all = steps(programs);
    let leads = leads(&all, programs, &Asked::new(programs, segments));
    let of = |(from, leads): (usize, Vec<Lead>)| {
        let one = all[from].name();
        let names = |lead: Lead| (one.clone(), all[lead.to].name(), lead.is_same);
        leads.into_iter().map(names).collect::<Vec<_>>()
    };
    leads.into_iter().enumerate().flat_map(of).collect()
}

/// Refuses lifecycles whose automatic moves go round; those of `saved` before others. With `before`, what
/// led on before a change, only rounds of which a part is new, or of the lifecycle `saved`.
///
/// # Errors
///
/// `InvalidArgument` with the place of the lifecycle in which the stage lies, and the trigger that leads
/// there as its field: `triggers[1].to`.
pub(crate) fn check_cycles(
    programs: &[Program],
    segments: Option<&SegmentPrograms>,
    saved: Option<&str>,
    before: Option<&LedOn>,
) -> Result<(), (usize, Error)> {
    let is_left = |step: &Step<'_>| step.is_left_by_itself();
    let is_saved = |step: &Step<'_>| saved == Some(step.program.model.name());
    let all = steps(programs);
    if !all.iter().any(is_left) {
        return Ok(());
    }
    let asked = Asked::new(programs, segments);
    let leads = leads(&all, programs, &asked);
    let is_new = |from: &Step<'_>, lead: &Lead| {
        let to = &all[lead.to];
        let is_known = |before: &LedOn| before.contains(&(from.name(), to.name(), lead.is_same));
        is_saved(to) || !before.is_some_and(is_known)
    };
    let mut steps: Vec<_> = all.iter().enumerate().filter(|(_, step)| is_left(step)).collect();
    steps.sort_by_key(|(_, step)| !is_saved(step));
    for (first, step) in steps {
        let Some(way) = round(&all, &leads, &asked, first, &is_new) else { continue };
        let names = way.iter().map(|step| {
            let lifecycle = &all[*step].program.model.lifecycle;
            let stage = &lifecycle.stages[all[*step].trigger.to];
            format!("{}.{}", lifecycle.name, stage.name)
        });
        let mut message =
            format!("automatic moves go round: {}", names.collect::<Vec<_>>().join(" → "));
        let mut by_way_of: Vec<&str> = Vec::new();
        for pair in way.windows(2) {
            let (from, to) = (&all[pair[0]], &all[pair[1]]);
            if matches!(to.trigger.on, On::Condition) {
                to.asks().for_each(|part| asked.by_way_of(part, from.spot(), &mut by_way_of));
            }
        }
        if !by_way_of.is_empty() {
            let names: Vec<_> = by_way_of.iter().map(|name| format!("{name:?}")).collect();
            let noun = if names.len() == 1 { "segment" } else { "segments" };
            message.push_str(&format!(", by way of the {noun} {}", names.join(", ")));
        }
        let hint = "let only people, or an activity, lead out of that stage, or let the conditions \
                    exclude each other, as one and `not` the same do";
        let error = Error::new(ErrorKind::InvalidArgument, message)
            .with_field(format!("triggers[{}].to", step.trigger.place))
            .with_hint(hint);
        return Err((step.place, error));
    }
    Ok(())
}

fn steps(programs: &[Program]) -> Vec<Step<'_>> {
    let all = programs.iter().enumerate();
    all.flat_map(|(place, program)| {
        program.triggers.iter().map(move |trigger| Step { place, program, trigger })
    })
    .collect()
}

/// A trigger of one of several lifecycles.
#[derive(Clone, Copy)]
struct Step<'a> {
    place: usize,
    program: &'a Program,
    trigger: &'a Trigger,
}

impl Step<'_> {
    fn name(&self) -> (String, usize) {
        (self.program.model.name().to_owned(), self.trigger.place)
    }

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
    fn goes_with(&self, other: &Step<'_>, asked: &Asked<'_>) -> bool {
        !asked.exclude_each_other(&self.asks().chain(other.asks()).collect::<Vec<_>>())
    }

    /// Whether it may move a record of which this is known.
    fn may_move(&self, known: &Known) -> bool {
        self.asks().all(|asked| decide(asked, known) != Some(false))
    }
}

/// That a trigger leads on to another.
struct Lead {
    to: usize,
    /// Whether both move the same record.
    is_same: bool,
}

/// For each trigger those to which it leads on: of the record that it moved, or of a related one.
fn leads(all: &[Step<'_>], programs: &[Program], asked: &Asked<'_>) -> Vec<Vec<Lead>> {
    let mut before: HashMap<Spot, Vec<usize>> = HashMap::new();
    for (nth, step) in all.iter().enumerate() {
        before.entry(step.spot()).or_default().push(nth);
    }
    let known: HashMap<Spot, Known> =
        before.keys().map(|spot| (*spot, asked.known_at(*spot))).collect();
    let mut leads: Vec<Vec<Lead>> = all.iter().map(|_| Vec::new()).collect();
    for (to, step) in all.iter().enumerate() {
        let mut add = |from: usize, is_same: bool| {
            let before = &all[from];
            let may_follow =
                || step.may_move(&known[&before.spot()]) && before.goes_with(step, asked);
            if !is_same || may_follow() {
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
                    let is_same = !asked.looks_around(part);
                    for spot in asked.spots(part) {
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

/// The shortest way from a trigger back to it by way of another stage of its lifecycle, of which a part
/// is new. Until another record is moved, each trigger on it may move the same record at once as the first
/// one.
fn round<'a>(
    all: &[Step<'a>],
    leads: &[Vec<Lead>],
    asked: &Asked<'_>,
    first: usize,
    is_new: &dyn Fn(&Step<'a>, &Lead) -> bool,
) -> Option<Vec<usize>> {
    /// A trigger, whether the way led to another stage, whether to another record, and whether by
    /// something new.
    type Place = (usize, bool, bool, bool);
    let mut before: HashMap<Place, Place> = HashMap::new();
    // Whether a trigger may move the same record at once as the first one.
    let mut along: HashMap<usize, bool> = HashMap::new();
    let start = (first, false, false, false);
    let mut waiting = VecDeque::from([start]);
    while let Some(at) = waiting.pop_front() {
        let (step, is_out, is_around, was_new) = at;
        for lead in &leads[step] {
            let other = &all[lead.to];
            let is_around = is_around || !lead.is_same;
            let mut goes_along =
                || *along.entry(lead.to).or_insert_with(|| other.goes_with(&all[first], asked));
            if !is_around && !goes_along() {
                continue;
            }
            let is_other = other.place == all[first].place && other.spot() != all[first].spot();
            let is_new = was_new || is_new(&all[step], lead);
            let next = (lead.to, is_out || is_other, is_around, is_new);
            if next == start || before.contains_key(&next) {
                continue;
            }
            before.insert(next, at);
            if lead.to == first && next.1 && is_new {
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
