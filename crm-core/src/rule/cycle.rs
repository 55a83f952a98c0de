//! Rules that set each other off for ever.
//!
//! At run time a rule runs once in one chain of causes, so that nothing goes on for ever. But that it
//! would have gone on is a mistake in the definitions, and is told when they are saved. A rule leads to
//! another if what an action writes is what the other one waits for, and the values that are known do
//! not rule it out. One that leads to itself is refused, unless it waits for exactly what it writes.
//!
//! A longer round is refused if each of its steps happens anew in each turn. What an action writes is
//! otherwise only the first time, unless the round itself undoes it: lists, attributes and stages that
//! are merely kept alike settle in one turn. And a condition within the round that asks for something
//! that the round writes may well end it.
//!
//! Rules lead to others by way of other definitions too (`follow`). What is not known is taken in
//! favour of such a round, and against one of rules alone: that one is refused if it may go on.

use std::collections::{BTreeSet, VecDeque};

use super::{
    follow::{self, Around, Effect, effects, known},
    program::{Act, Fact, RuleOn, RuleProgram, Write},
};
use crate::{Error, ErrorKind, cell::Cell, condition::decide};

/// Refuses rules that set each other off for ever; those of which `first` is one before others.
///
/// # Errors
///
/// `InvalidArgument` with the name of a rule, and its action that leads on as the field.
pub(crate) fn check_rule_cycles(
    programs: &[RuleProgram],
    around: &Around<'_>,
    first: Option<&str>,
) -> Result<(), (String, Error)> {
    let effects: Vec<_> = programs.iter().map(|program| effects(program, around)).collect();
    let mut all = edges(programs, &effects, around);
    let everything = (0..programs.len()).collect();
    let follow_from = |from| reached(&all, from, &everything).into_iter().chain([from]).collect();
    let followed: Vec<BTreeSet<usize>> = (0..programs.len()).map(follow_from).collect();
    let turn_of = |rules: &BTreeSet<usize>| {
        let effects = rules.iter().flat_map(|of| effects[*of].iter().flatten());
        effects.collect::<Vec<_>>()
    };
    let turns: Vec<Vec<&Effect>> = followed.iter().map(turn_of).collect();
    // What is calculated is otherwise only if that is from which it is calculated.
    let given = |from: usize, edge: &Edge<'_>| &effects[from][edge.nth][0];
    let may_be_anew = |from: usize, edge: &Edge<'_>| {
        edge.effect.is_none_or(|_| follow::is_anew(given(from, edge), &turns[from], around, true))
    };
    let mut of_rules = all.clone();
    for (place, edges) in of_rules.iter_mut().enumerate() {
        edges.retain(|edge| edge.effect.is_none_or(|effect| effect.by.is_none()));
        edges.retain(|edge| {
            edge.to != place || !is_so_already(&programs[place], edge) || may_be_anew(place, edge)
        });
    }
    let is_first = |place: &usize| first == Some(programs[*place].model.name());
    let mut order: Vec<usize> = (0..programs.len()).collect();
    order.sort_by_key(|place| !is_first(place));
    let own = |place: &usize| of_rules[*place].iter().any(|edge| edge.to == *place);
    let refuse = |edges: &Edges<'_>, place, is_within: &dyn Fn(usize) -> bool, in_doubt| {
        let way = round(edges, place, is_within);
        let turn = turn_of(&way.iter().map(|(of, _)| *of).collect());
        let beside = way.iter().map(|(from, edge)| {
            let is_once = *from != edge.to || is_so_already(&programs[*from], edge);
            let effect = edge.effect.filter(|_| is_once);
            let effect = effect.map(|effect| if in_doubt { given(*from, edge) } else { effect })?;
            let is_anew = |turn: &[&Effect]| follow::is_anew(effect, turn, around, in_doubt);
            let is_undone =
                |by: &Vec<Effect>| by.iter().any(|other| is_anew(&[&turn[..], &[other]].concat()));
            let all = followed[*from].iter().filter(|_| !is_anew(&turn));
            let mut all = all.flat_map(|of| (0..effects[*of].len()).map(move |nth| (*of, nth)));
            all.find(|(of, nth)| is_undone(&effects[*of][*nth]))
        });
        refusal(programs, &way, &beside.collect::<Vec<_>>())
    };
    if let Some(place) = order.iter().copied().find(own) {
        return Err(refuse(&of_rules, place, &|_| true, true));
    }
    let mut facts: Vec<_> = programs.iter().map(RuleProgram::facts).collect();
    let of_rules_round = unending(
        programs,
        &mut of_rules,
        &facts,
        |_| false,
        |from, edge, _| may_be_anew(from, edge),
    );
    for (facts, effects) in facts.iter_mut().zip(&effects) {
        facts.extend(effects.iter().flatten().map(|effect| effect.write.fact()));
    }
    // They hang on more than what rules surely do.
    let may_change = |fact: &Fact| matches!(fact, Fact::Score(_) | Fact::Stage(_) | Fact::Related);
    let is_surely_anew = |_, edge: &Edge<'_>, round: &BTreeSet<usize>| {
        let is_anew = |effect| follow::is_anew(effect, &turn_of(round), around, false);
        edge.effect.is_none_or(is_anew)
    };
    let all_round = unending(programs, &mut all, &facts, may_change, is_surely_anew);
    for (edges, in_round, in_doubt) in [(&of_rules, of_rules_round, true), (&all, all_round, false)]
    {
        if let Some(place) = order.iter().copied().find(|place| in_round.contains(place)) {
            return Err(refuse(edges, place, &|other| in_round.contains(&other), in_doubt));
        }
    }
    Ok(())
}

/// That an action of a rule leads to another one.
#[derive(Clone)]
struct Edge<'e> {
    nth: usize,
    to: usize,
    /// By what the other one waits for; `None` if it is done again after it was undone.
    effect: Option<&'e Effect>,
}

/// For each rule those that lead to another.
type Edges<'e> = Vec<Vec<Edge<'e>>>;

fn edges<'e>(
    programs: &[RuleProgram],
    effects: &'e [Vec<Vec<Effect>>],
    around: &Around<'_>,
) -> Edges<'e> {
    let leads = |one: usize| {
        let all = programs.iter().enumerate();
        let others: Vec<_> = all.filter(|(_, other)| !rules_out(&programs[one], other)).collect();
        let mut found = Vec::new();
        for (nth, effects) in effects[one].iter().enumerate() {
            for (to, program) in others.iter().copied() {
                let waits = |effect: &&Effect| waits(program, effect, one == to);
                let edge = |effect| Edge { nth, to, effect };
                found.extend(effects.iter().filter(waits).map(|effect| edge(Some(effect))));
                if one == to && comes_back(&programs[one], nth, around) {
                    found.push(edge(None));
                }
            }
        }
        found
    };
    (0..programs.len()).map(leads).collect()
}

/// Whether a rule waits for what is brought about; `is_own` if it does that itself.
fn waits(program: &RuleProgram, effect: &Effect, is_own: bool) -> bool {
    match (&program.on, &effect.write) {
        (
            RuleOn::Attribute { place, from, to },
            Write::Attribute { entity_type, place: written, cells, .. },
        ) => {
            let other = |to: &Vec<Cell>, cells: &Vec<Cell>| cells[..to.len()] != to[..];
            let is_other = to.as_ref().zip(cells.as_ref()).is_some_and(|(to, is)| other(to, is));
            let same = |from: &Vec<Cell>, cells: &Vec<Cell>| !other(from, cells);
            // A change to a value is none from it.
            let is_to = from.as_ref().zip(cells.as_ref()).is_some_and(|(from, is)| same(from, is));
            // What set it off took that value away, so that its own change is from another.
            let is_gone = is_own && from.is_some();
            // What counts tasks has each value once.
            let is_passed = effect.by.is_some() && (from.is_some() || to.is_some());
            program.model.rule.entity_type == *entity_type
                && place == written
                && !is_other
                && !is_to
                && !is_gone
                && !is_passed
        }
        (
            RuleOn::Stage { lifecycle, stage, is_left },
            Write::Stage { lifecycle: moved, to, .. },
        ) => {
            let fits = match (stage, is_left) {
                (None, _) => true,
                (Some(stage), false) => stage == to,
                (Some(stage), true) => stage != to && !is_own,
            };
            lifecycle == moved && fits
        }
        // A record that came into a segment is not added to it by what that sets off; a new task is.
        (RuleOn::Segment { segment, is_left, .. }, Write::Member { segment: of, is_member }) => {
            (!is_own || effect.repeats) && segment == of && is_left != is_member
        }
        // Having crossed a threshold, points of the same direction lead on to another one at most.
        (RuleOn::Score { model, is_down, .. }, Write::Points { model: of, is_down: down }) => {
            !is_own && model == of && is_down == down
        }
        _ => false,
    }
}

/// Whether an action of a rule makes again what set the rule off, after an action before it undid that:
/// a record that is taken out of a segment and put into it, or back to a stage and away from it.
fn comes_back(program: &RuleProgram, nth: usize, around: &Around<'_>) -> bool {
    let own = |(act, writes): (&Act, &Vec<Write>)| match act {
        Act::Task(_) => Vec::new(),
        _ => writes.clone(),
    };
    let mut all = program.actions.iter().zip(&program.writes).take(nth + 1).map(own);
    let before: Vec<Write> = all.by_ref().take(nth).flatten().collect();
    let mut here = all.flatten();
    match &program.on {
        RuleOn::Segment { segment, is_left, .. } => {
            let does = |write: &Write, wanted: bool| {
                matches!(write, Write::Member { segment: of, is_member }
                    if of == segment && *is_member == wanted)
            };
            before.iter().any(|write| does(write, *is_left))
                && here.any(|write| does(&write, !is_left))
        }
        RuleOn::Attribute { place, from: Some(from), to } => {
            // What is calculated may be any value.
            let may_give = |write: &Write, is_so: &dyn Fn(&[Cell]) -> bool| {
                matches!(write, Write::Attribute { place: of, cells, .. }
                    if of == place && cells.as_ref().is_none_or(|cells| is_so(cells)))
            };
            let is = |cells: &[Cell], wanted: &[Cell]| cells[..wanted.len()] == *wanted;
            before.iter().any(|write| may_give(write, &|cells| is(cells, from)))
                && here.any(|write| {
                    may_give(&write, &|cells| {
                        !is(cells, from) && to.as_ref().is_none_or(|to| is(cells, to))
                    })
                })
        }
        RuleOn::Stage { lifecycle, stage: Some(stage), is_left: true } => {
            let leads = |write: &Write| match write {
                Write::Stage { lifecycle: of, to, .. } if of == lifecycle => Some(*to),
                _ => None,
            };
            before.iter().any(|write| leads(write) == Some(*stage))
                && here.any(|write| {
                    let to = leads(&write).filter(|to| to != stage);
                    to.is_some_and(|to| around.lead_back(*lifecycle, *stage, to))
                })
        }
        _ => false,
    }
}

/// Whether the condition of a rule is false after what another one, or it itself, has written.
fn rules_out(one: &RuleProgram, other: &RuleProgram) -> bool {
    let Some(condition) = &other.condition else { return false };
    let known = known(one.writes.iter().flatten(), &other.model.rule.entity_type);
    decide(&condition.root, &known) == Some(false)
}

/// Whether a rule waits for exactly that to which one of its actions leads.
fn is_so_already(program: &RuleProgram, edge: &Edge<'_>) -> bool {
    matches!(
        (&program.on, edge.effect.map(|effect| &effect.write)),
        (RuleOn::Attribute { to: Some(_), .. }, Some(Write::Attribute { cells: Some(_), .. }))
            | (RuleOn::Stage { stage: Some(_), is_left: false, .. }, Some(Write::Stage { .. }))
    )
}

/// The rules of which no turn can be the last one; the edges are then those of their rounds: the steps
/// that happen anew in each turn, given the rules of the round. A condition may end a round if it asks
/// for a fact that a rule of it writes, or for one that `may_change` beside it.
fn unending<'e>(
    programs: &[RuleProgram],
    edges: &mut Edges<'e>,
    facts: &[BTreeSet<Fact>],
    may_change: impl Fn(&Fact) -> bool,
    is_anew: impl Fn(usize, &Edge<'e>, &BTreeSet<usize>) -> bool,
) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> = (0..programs.len()).collect();
    loop {
        let rounds = rounds(edges, &left);
        left.retain(|place| rounds[*place].contains(place));
        let ends = |place: &usize| {
            let mut reads = programs[*place].reads.iter();
            reads.any(|fact| {
                may_change(fact) || rounds[*place].iter().any(|of| facts[*of].contains(fact))
            })
        };
        let ended: Vec<usize> = left.iter().copied().filter(ends).collect();
        left.retain(|place| !ended.contains(place));
        let mut is_done = ended.is_empty();
        for (from, edges) in edges.iter_mut().enumerate().filter(|_| ended.is_empty()) {
            let all = edges.len();
            edges.retain(|edge| {
                rounds[from].contains(&edge.to) && is_anew(from, edge, &rounds[from])
            });
            is_done &= edges.len() == all;
        }
        if is_done {
            return left;
        }
    }
}

/// For each rule those with which it lies on rounds of rules of `within`, itself among them; nothing for
/// one that lies on none.
fn rounds(edges: &Edges<'_>, within: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
    let reach: Vec<BTreeSet<usize>> =
        (0..edges.len()).map(|from| reached(edges, from, within)).collect();
    let round = |from: usize| {
        let returns = |to: &&usize| reach[**to].contains(&from);
        reach[from].iter().filter(returns).copied().collect()
    };
    (0..edges.len()).map(round).collect()
}

/// The rules of `within` to which one leads in some steps.
fn reached(edges: &Edges<'_>, from: usize, within: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = if within.contains(&from) { vec![from] } else { Vec::new() };
    while let Some(place) = open.pop() {
        for Edge { to, .. } in &edges[place] {
            if within.contains(to) && found.insert(*to) {
                open.push(*to);
            }
        }
    }
    found
}

/// That a rule leads to another one.
type Step<'a, 'e> = (usize, &'a Edge<'e>);

/// Each rule of a round, with how it leads to the next.
type Way<'a, 'e> = Vec<Step<'a, 'e>>;

/// The shortest round that leads from a rule back to it.
fn round<'a, 'e>(
    edges: &'a Edges<'e>,
    start: usize,
    is_within: &dyn Fn(usize) -> bool,
) -> Way<'a, 'e> {
    let mut ways: VecDeque<Way<'a, 'e>> = VecDeque::from([Vec::new()]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let at = way.last().map_or(start, |(_, edge)| edge.to);
        for edge in &edges[at] {
            if !is_within(edge.to) || !seen.insert(edge.to) {
                continue;
            }
            let longer = [&way[..], &[(at, edge)]].concat();
            if edge.to == start {
                return longer;
            }
            ways.push_back(longer);
        }
    }
    Vec::new()
}

/// The error for a round; `beside` are for each step the rule beside the way, and its action, that undo it,
/// if that happens only once without them.
fn refusal(
    programs: &[RuleProgram],
    way: &Way<'_, '_>,
    beside: &[Option<(usize, usize)>],
) -> (String, Error) {
    let action = |of: usize, nth: usize| format!("{} (actions[{nth}])", programs[of].model.name());
    let mut text = String::new();
    for (from, edge) in way {
        text.push_str(&format!("{} → ", action(*from, edge.nth)));
        if let Some(by) = edge.effect.and_then(|effect| effect.by.as_ref()) {
            text.push_str(&format!("{by} → "));
        }
    }
    let (start, nth) = way.first().map_or((0, 0), |(start, edge)| (*start, edge.nth));
    let rule = &programs[start].model.rule;
    text.push_str(&rule.name);
    let mut word = "since";
    for ((from, edge), (of, nth)) in
        way.iter().zip(beside).filter_map(|(step, beside)| Some((step, (*beside)?)))
    {
        let (undone, by) = (action(*from, edge.nth), action(of, nth));
        text.push_str(&format!(", {word} {by} takes back what {undone} does"));
        word = "and";
    }
    let path = format!("actions[{nth}].{}", rule.actions[nth].name());
    let error = Error::new(ErrorKind::InvalidArgument, format!("sets itself off: {text}"))
        .with_field(path)
        .with_hint("let its condition, or from and to of its trigger, rule out what it has done");
    (rule.name.clone(), error)
}
