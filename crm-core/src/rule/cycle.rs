//! Rules that set each other off for ever.
//!
//! At run time a rule runs once in one chain of causes, so that nothing goes on for ever. But that it
//! would have gone on is a mistake in the definitions, and is told when they are saved. A rule leads to
//! another if what an action writes is what the other one waits for, and the values that are known do
//! not rule it out. One that leads to itself is refused. A longer round is refused unless a condition
//! within it asks for something that the round writes: such a condition may well end it.

use std::collections::{BTreeSet, VecDeque};

use super::program::{Fact, RuleOn, RuleProgram, Write};
use crate::{
    Error, ErrorKind,
    cell::Cell,
    condition::{RECORD_COLUMNS, decide},
};

/// Refuses rules that set each other off for ever; those of which `first` is one before others.
///
/// # Errors
///
/// `InvalidArgument` with the name of a rule, and its action that leads on as the field.
pub(crate) fn check_rule_cycles(
    programs: &[RuleProgram],
    first: Option<&str>,
) -> Result<(), (String, Error)> {
    let edges = edges(programs);
    let is_first = |place: &usize| first == Some(programs[*place].model.name());
    let mut order: Vec<usize> = (0..programs.len()).collect();
    order.sort_by_key(|place| !is_first(place));
    let own = |place: &usize| edges[*place].iter().any(|(_, to)| to == place);
    if let Some(place) = order.iter().copied().find(own) {
        return Err(round(programs, &edges, place, &|_| true));
    }
    let in_round = unending(programs, &edges);
    match order.into_iter().find(|place| in_round.contains(place)) {
        None => Ok(()),
        Some(place) => Err(round(programs, &edges, place, &|other| in_round.contains(&other))),
    }
}

/// For each rule the actions that lead to another, and which.
type Edges = Vec<Vec<(usize, usize)>>;

fn edges(programs: &[RuleProgram]) -> Edges {
    let leads = |one: usize| {
        let mut found = Vec::new();
        for (nth, writes) in programs[one].writes.iter().enumerate() {
            let others = 0..programs.len();
            let others = others.filter(|other| {
                let program = &programs[*other];
                let waits = |write| waits(program, write, one == *other);
                let leads = writes.iter().any(waits)
                    || comes_back(&programs[one], nth, one == *other)
                    || (one != *other && moves_member(&programs[one], nth, program));
                leads && !rules_out(&programs[one], program)
            });
            found.extend(others.map(|other| (nth, other)));
        }
        found
    };
    (0..programs.len()).map(leads).collect()
}

/// Whether a rule waits for what is written; `is_own` if it writes that itself.
fn waits(program: &RuleProgram, write: &Write, is_own: bool) -> bool {
    match (&program.on, write) {
        (RuleOn::Attribute { place, from, to }, Write::Attribute { entity_type, .. }) => {
            let Write::Attribute { place: written, cells, .. } = write else { return false };
            let other = |to: &Vec<Cell>, cells: &Vec<Cell>| cells[..to.len()] != to[..];
            let is_other = to.as_ref().zip(cells.as_ref()).is_some_and(|(to, is)| other(to, is));
            // What set it off took that value away, so that its own change is from another.
            let is_gone = is_own && from.is_some();
            program.model.rule.entity_type == *entity_type
                && place == written
                && !is_other
                && !is_gone
        }
        (RuleOn::Stage { lifecycle, stage, is_left }, Write::Stage { lifecycle: moved, to }) => {
            let fits = match (stage, is_left) {
                (None, _) => true,
                (Some(stage), false) => stage == to,
                (Some(stage), true) => stage != to && !is_own,
            };
            lifecycle == moved && fits
        }
        // A record that came into a segment is not added to it by what that sets off.
        (RuleOn::Segment { segment, is_left, .. }, Write::Member { segment: of, is_member }) => {
            !is_own && segment == of && is_left != is_member
        }
        // Having crossed a threshold, points of the same direction lead on to another one at most.
        (RuleOn::Score { model, is_down, .. }, Write::Points { model: of, is_down: down }) => {
            !is_own && model == of && is_down == down
        }
        _ => false,
    }
}

/// Whether an action of a rule makes again what set the rule off, after an action before it undid that:
/// a record that is taken out of a segment and put into it.
fn comes_back(program: &RuleProgram, nth: usize, is_own: bool) -> bool {
    let RuleOn::Segment { segment, is_left, .. } = &program.on else { return false };
    let does = |writes: &[Write], wanted: bool| {
        writes.iter().any(|write| {
            matches!(write, Write::Member { segment: of, is_member } if of == segment && *is_member == wanted)
        })
    };
    let (before, here) = (&program.writes[..nth], &program.writes[nth]);
    is_own && does(here, !is_left) && before.iter().any(|writes| does(writes, *is_left))
}

/// Whether a record surely is no member any more, or surely one, of the live segment for which a rule
/// waits, once this was written. Where only the data tell, the condition of the segment may well end
/// the round.
fn moves_member(one: &RuleProgram, nth: usize, other: &RuleProgram) -> bool {
    let RuleOn::Segment { live: Some(live), is_left, .. } = &other.on else { return false };
    let of_type = &other.model.rule.entity_type;
    // By this action, and so it is when the others of the rule are done.
    let here = decide(live, &known(one.writes[nth].iter(), of_type));
    let at_end = decide(live, &known(one.writes.iter().flatten(), of_type));
    decide(live, &[]).is_none() && here == Some(!is_left) && at_end == here
}

/// Whether the condition of a rule is false after what another one, or it itself, has written.
fn rules_out(one: &RuleProgram, other: &RuleProgram) -> bool {
    let Some(condition) = &other.condition else { return false };
    let known = known(one.writes.iter().flatten(), &other.model.rule.entity_type);
    !known.is_empty() && decide(condition, &known) == Some(false)
}

/// The cells that records of an entity type have after all of this was written, as far as that is known.
fn known<'w>(writes: impl Iterator<Item = &'w Write>, of_type: &str) -> Vec<(usize, Cell)> {
    let mut known: Vec<(usize, Option<Cell>)> = Vec::new();
    for write in writes {
        let Write::Attribute { entity_type, first, cells, width, .. } = write else { continue };
        if entity_type != of_type {
            continue;
        }
        for nth in 0..*width {
            let cell = cells.as_ref().map(|cells| cells[nth].clone());
            known.push((RECORD_COLUMNS.len() + first + nth, cell));
        }
    }
    // What is written last is what holds.
    let mut last: Vec<(usize, Cell)> = Vec::new();
    for (place, cell) in known {
        last.retain(|(other, _)| *other != place);
        last.extend(cell.map(|cell| (place, cell)));
    }
    last
}

/// The rules that lie on a round which no condition ends.
fn unending(programs: &[RuleProgram], edges: &Edges) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> = (0..programs.len()).collect();
    loop {
        let reach: Vec<BTreeSet<usize>> =
            (0..programs.len()).map(|from| reached(edges, from, &left)).collect();
        left.retain(|place| reach[*place].contains(place));
        let ends = |place: &usize| {
            let with =
                left.iter().filter(|o| reach[*place].contains(o) && reach[**o].contains(place));
            let written = with.flat_map(|other| programs[*other].writes.iter().flatten());
            let written: BTreeSet<Fact> = written.map(Write::fact).collect();
            !programs[*place].reads.is_disjoint(&written)
        };
        let ended: Vec<usize> = left.iter().copied().filter(ends).collect();
        if ended.is_empty() {
            return left;
        }
        left.retain(|place| !ended.contains(place));
    }
}

/// The rules of `within` to which one leads in some steps.
fn reached(edges: &Edges, from: usize, within: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = if within.contains(&from) { vec![from] } else { Vec::new() };
    while let Some(place) = open.pop() {
        for (_, next) in &edges[place] {
            if within.contains(next) && found.insert(*next) {
                open.push(*next);
            }
        }
    }
    found
}

/// The error for the shortest round that leads from a rule back to it.
fn round(
    programs: &[RuleProgram],
    edges: &Edges,
    start: usize,
    is_within: &dyn Fn(usize) -> bool,
) -> (String, Error) {
    let mut ways: VecDeque<Vec<(usize, usize)>> = VecDeque::from([Vec::new()]);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    'search: while let Some(way) = ways.pop_front() {
        let at = way.last().map_or(start, |(_, place)| *place);
        for &(nth, next) in &edges[at] {
            if !is_within(next) || !seen.insert(next) {
                continue;
            }
            let mut longer = way.clone();
            longer.push((nth, next));
            if next == start {
                found = longer;
                break 'search;
            }
            ways.push_back(longer);
        }
    }
    let mut at = start;
    let mut text = String::new();
    for (nth, next) in &found {
        let rule = &programs[at].model.rule;
        text.push_str(&format!("{} (actions[{nth}]) → ", rule.name));
        at = *next;
    }
    let rule = &programs[start].model.rule;
    let nth = found.first().map_or(0, |(nth, _)| *nth);
    let path = format!("actions[{nth}].{}", rule.actions[nth].name());
    let message = format!("sets itself off: {text}{}", rule.name);
    let error = Error::new(ErrorKind::InvalidArgument, message)
        .with_field(path)
        .with_hint("let its condition, or from and to of its trigger, rule out what it has done");
    (rule.name.clone(), error)
}
