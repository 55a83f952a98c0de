//! Rules that set each other off for ever.
//!
//! At run time a rule runs once in one chain of causes, so that nothing goes on for ever. But that it
//! would have gone on is a mistake in the definitions, and is told when they are saved. A rule leads to
//! another if what an action writes is what the other one waits for, and the values that are known do
//! not rule it out. One that leads to itself is refused, unless it waits for exactly what it writes.
//!
//! A longer round is refused if each of its steps happens anew in each turn. What an action writes is
//! otherwise only the first time, unless the round itself undoes it: lists, attributes and stages that
//! are merely kept alike settle in one turn. What set a rule off it makes again only if that is
//! undone as well, by it or by what follows. And a condition within the round that asks for
//! something that the round writes may well end it.
//!
//! Rules lead to others by way of other definitions too (`follow`). What is not known is taken in
//! favour of such a round, and against one of rules alone: that one is refused if it may go on. But where
//! two rules ask one record for what no rule writes, and that can never be true together, neither leads to
//! the other.

use std::collections::{BTreeSet, VecDeque};

use super::{
    follow::{self, Around, Effect, effects, known},
    program::{Fact, RuleOn, RuleProgram, Write},
};
use crate::{
    Error, ErrorKind,
    cell::Cell,
    condition::{decide, never},
};

/// Which rules lead on to which in rounds that never end, each by the name of the rule and its action, the
/// name of the other one, and what lies between.
pub(crate) type SetOff = BTreeSet<(String, usize, String, Option<String>)>;

/// What leads on for ever among these rules.
pub(crate) fn set_off(programs: &[RuleProgram], around: &Around<'_>) -> SetOff {
    let effects: Vec<_> = programs.iter().map(|program| effects(program, around)).collect();
    let rules = Rules { programs, effects: &effects, around };
    let (_, found) = rules.go_on();
    let mut names = SetOff::new();
    for (edges, _) in &found {
        for (from, edges) in edges.iter().enumerate() {
            names.extend(edges.iter().map(|edge| rules.name(from, edge)));
        }
    }
    names
}

/// Refuses rules that set each other off for ever; those of which `saved` is one before others. With
/// `before`, what led on for ever before a change, only rounds of which a part is new, or the rule `saved`.
///
/// # Errors
///
/// `InvalidArgument` with the name of a rule, and its action that leads on as the field.
pub(crate) fn check_rule_cycles(
    programs: &[RuleProgram],
    around: &Around<'_>,
    saved: Option<&str>,
    before: Option<&SetOff>,
) -> Result<(), (String, Error)> {
    let effects: Vec<_> = programs.iter().map(|program| effects(program, around)).collect();
    let rules = Rules { programs, effects: &effects, around };
    let (turns, found) = rules.go_on();
    let is_saved = |place: usize| saved == Some(programs[place].model.name());
    let is_new = |from: usize, edge: &Edge<'_>| {
        is_saved(edge.to) || before.is_none_or(|before| !before.contains(&rules.name(from, edge)))
    };
    let mut order: Vec<usize> = (0..programs.len()).collect();
    order.sort_by_key(|place| !is_saved(*place));
    for (edges, in_doubt) in &found {
        for place in order.iter().copied() {
            let way = round(edges, place, &is_new);
            let through: BTreeSet<usize> = way.iter().map(|(of, _)| *of).collect();
            // One that comes by a rule twice is shorter from another start.
            if way.is_empty() || through.len() < way.len() {
                continue;
            }
            let beside: Vec<_> = way
                .iter()
                .map(|step| rules.beside(&way, *step, &turns[step.0], *in_doubt))
                .collect();
            return Err(refusal(programs, &way, &beside));
        }
    }
    Ok(())
}

/// Rules, and what each of their actions brings about.
struct Rules<'a> {
    programs: &'a [RuleProgram],
    effects: &'a [Vec<Vec<Effect>>],
    around: &'a Around<'a>,
}

impl<'a> Rules<'a> {
    /// What each rule and those to which it leads bring about, and the steps of the rounds that never end:
    /// of a rule by itself, of rules, and by way of other definitions; each with whether what is not known
    /// counts.
    fn go_on(&self) -> (Vec<Turn<'a>>, [(Edges<'a>, bool); 3]) {
        let (programs, around) = (self.programs, self.around);
        let mut all = edges(programs, self.effects);
        let everything = (0..programs.len()).collect();
        let follow_from =
            |from| reached(&all, from, &everything).into_iter().chain([from]).collect();
        let followed: Vec<BTreeSet<usize>> = (0..programs.len()).map(follow_from).collect();
        let turns: Vec<Turn<'a>> = followed.iter().map(|followed| self.turn(followed)).collect();
        let may_be_again =
            |from: usize, edge: &Edge<'_>| self.is_again(from, edge, &turns[from], true);
        for (place, edges) in all.iter_mut().enumerate() {
            let one = &programs[place];
            edges.retain(|edge| may_leave(one, edge, &programs[edge.to].on, &turns[place], around));
        }
        let mut own = all.clone();
        for (place, edges) in own.iter_mut().enumerate() {
            edges.retain(|edge| {
                edge.effect.by.is_none()
                    && edge.to == place
                    && (!self.is_once(place, edge) || may_be_again(place, edge))
            });
        }
        let mut of_rules = all.clone();
        for (place, edges) in of_rules.iter_mut().enumerate() {
            edges.retain(|edge| edge.effect.by.is_none() && edge.to != place);
        }
        let mut facts: Vec<_> = programs.iter().map(RuleProgram::facts).collect();
        let is_again = |from: usize, edge: &Edge<'a>, _: &BTreeSet<usize>| may_be_again(from, edge);
        keep_unending(programs, &mut of_rules, &facts, |_| false, is_again);
        for (facts, effects) in facts.iter_mut().zip(self.effects) {
            facts.extend(effects.iter().flatten().map(|effect| effect.write.fact()));
        }
        // They hang on more than what rules surely do.
        let may_change =
            |fact: &Fact| matches!(fact, Fact::Score(_) | Fact::Stage(_) | Fact::Related);
        let is_surely_again = |from: usize, edge: &Edge<'a>, round: &BTreeSet<usize>| {
            self.is_again(from, edge, &self.turn(round), false)
        };
        keep_unending(programs, &mut all, &facts, may_change, is_surely_again);
        (turns, [(own, true), (of_rules, true), (all, false)])
    }

    /// A step by its names.
    fn name(&self, from: usize, edge: &Edge<'_>) -> (String, usize, String, Option<String>) {
        let name = |place: usize| self.programs[place].model.name().to_owned();
        (name(from), edge.nth, name(edge.to), edge.effect.by.clone())
    }

    /// What these bring about.
    fn turn(&self, rules: &BTreeSet<usize>) -> Turn<'a> {
        let effects = self.effects;
        let actions = rules.iter().flat_map(|of| {
            effects[*of].iter().enumerate().map(move |(nth, effects)| (*of, nth, effects))
        });
        actions.flat_map(|(of, nth, all)| all.iter().map(move |effect| (of, nth, effect))).collect()
    }

    /// Whether a step happens in each turn again.
    fn is_again(&self, from: usize, edge: &Edge<'_>, turn: &Turn<'_>, in_doubt: bool) -> bool {
        let on = &self.programs[from].on;
        if edge.to == from && is_gone(on) && !edge.effect.repeats {
            let again = &edge.effect.write;
            let undoes = |effect: &Effect| undoes(on, &effect.write, again, self.around, in_doubt);
            // An action after this one undoes it for the next time, if anything else ever does so first.
            let is_late = |of: usize, nth: usize| of == from && nth > edge.nth;
            let mut others = self.effects.iter().enumerate().filter(|(of, _)| *of != from);
            let mut is_first = || others.any(|(_, all)| all.iter().flatten().any(undoes));
            return turn.iter().any(|(of, nth, effect)| undoes(effect) && !is_late(*of, *nth))
                || (in_doubt && turn.iter().any(|(_, _, effect)| undoes(effect)) && is_first());
        }
        // What is calculated is otherwise only if that is from which it is calculated.
        let effect = if in_doubt { &self.effects[from][edge.nth][0] } else { edge.effect };
        let turn = turn.iter().map(|(_, _, effect)| *effect);
        follow::is_anew(effect, turn, self.around, in_doubt)
    }

    /// Whether a step ends the way, unless it happens in each turn again.
    fn is_once(&self, from: usize, edge: &Edge<'_>) -> bool {
        let program = &self.programs[from];
        edge.to != from || is_so_already(program, edge) || is_gone(&program.on)
    }

    /// The rule beside a way, and its action, without which a step happens only once.
    fn beside(
        &self,
        way: &Way<'_, '_>,
        (from, edge): Step<'_, '_>,
        turn: &Turn<'_>,
        in_doubt: bool,
    ) -> Option<(usize, usize)> {
        let own = self.turn(&way.iter().map(|(of, _)| *of).collect());
        let is_again = |turn: &Turn<'_>| self.is_again(from, edge, turn, in_doubt);
        if !self.is_once(from, edge) || is_again(&own) {
            return None;
        }
        let found = turn.iter().find(|other| is_again(&[&own[..], &[**other]].concat()));
        found.map(|(of, nth, _)| (*of, *nth))
    }
}

/// That an action of a rule leads to another one.
#[derive(Clone)]
struct Edge<'e> {
    nth: usize,
    to: usize,
    /// For what the other one waits.
    effect: &'e Effect,
}

/// What rules bring about, each effect with its rule and action.
type Turn<'e> = Vec<(usize, usize, &'e Effect)>;

/// For each rule those that lead to another.
type Edges<'e> = Vec<Vec<Edge<'e>>>;

fn edges<'e>(programs: &[RuleProgram], effects: &'e [Vec<Vec<Effect>>]) -> Edges<'e> {
    let followed = effects.iter().flatten().flatten().map(|effect| effect.write.fact());
    let written: BTreeSet<Fact> =
        programs.iter().flat_map(RuleProgram::facts).chain(followed).collect();
    let leads = |one: usize| {
        let all = programs.iter().enumerate();
        let others: Vec<_> = all.filter(|(_, other)| !rules_out(&programs[one], other)).collect();
        let excluded: Vec<bool> =
            programs.iter().map(|other| exclude(&programs[one], other, &written)).collect();
        let mut found = Vec::new();
        for (nth, effects) in effects[one].iter().enumerate() {
            for (to, program) in others.iter().copied() {
                let waits = |effect: &&Effect| {
                    // A new task is another record.
                    (effect.repeats || !excluded[to]) && waits(program, effect, one == to)
                };
                found.extend(effects.iter().filter(waits).map(|effect| Edge { nth, to, effect }));
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
            // What counts tasks has each value once.
            let is_passed = effect.by.is_some() && (from.is_some() || to.is_some());
            program.model.rule.entity_type == *entity_type
                && place == written
                && !is_other
                && !is_to
                && !is_passed
        }
        (
            RuleOn::Stage { lifecycle, stage, is_left },
            Write::Stage { lifecycle: moved, to, .. },
        ) => {
            let fits = match (stage, is_left) {
                (None, _) => true,
                (Some(stage), false) => stage == to,
                (Some(stage), true) => stage != to && !(is_own && effect.by.is_some()),
            };
            lifecycle == moved && fits
        }
        // A record that came into a live segment does not come into it by what that sets off; a new task does.
        (RuleOn::Segment { segment, is_left, .. }, Write::Member { segment: of, is_member }) => {
            (!is_own || effect.repeats || effect.by.is_none())
                && segment == of
                && is_left != is_member
        }
        // Having crossed a threshold, points of the same direction lead on to another one at most.
        (RuleOn::Score { model, is_down, .. }, Write::Points { model: of, is_down: down }) => {
            !is_own && model == of && is_down == down
        }
        _ => false,
    }
}

/// Whether a move by which a rule leads to one that waits for a stage to be left may leave that one: where
/// the rule found the record, or where something of the `turn`, or a trigger, has led it since.
fn may_leave(
    one: &RuleProgram,
    edge: &Edge<'_>,
    to: &RuleOn,
    turn: &Turn<'_>,
    around: &Around<'_>,
) -> bool {
    let (
        RuleOn::Stage { lifecycle, stage: Some(found), is_left: false },
        RuleOn::Stage { lifecycle: of, stage: Some(left), is_left: true },
        Write::Stage { .. },
    ) = (&one.on, to, &edge.effect.write)
    else {
        return true;
    };
    let leads = |effect: &&Effect| matches!(&effect.write, Write::Stage { lifecycle, to, .. } if lifecycle == of && to == left);
    lifecycle != of
        || found == left
        || turn.iter().any(|(_, _, effect)| leads(effect))
        || around.has_trigger(*of, *left)
}

/// Whether a rule finds what it waits for done already if it does that itself: a record that has left a
/// segment, a value or a stage cannot leave it once more.
const fn is_gone(on: &RuleOn) -> bool {
    matches!(
        on,
        RuleOn::Segment { .. }
            | RuleOn::Attribute { from: Some(_), .. }
            | RuleOn::Stage { stage: Some(_), is_left: true, .. }
    )
}

/// Whether something undoes what set such a rule off, so that `again` makes it once more. What is not known
/// does so if `in_doubt`.
fn undoes(on: &RuleOn, write: &Write, again: &Write, around: &Around<'_>, in_doubt: bool) -> bool {
    match (on, write, again) {
        (RuleOn::Segment { segment, is_left }, Write::Member { segment: of, is_member }, _) => {
            segment == of && is_left == is_member
        }
        (
            RuleOn::Attribute { place, from: Some(from), .. },
            Write::Attribute { place: of, cells, .. },
            _,
        ) => {
            let is_from = |cells: &Vec<Cell>| cells[..from.len()] == from[..];
            place == of && cells.as_ref().map_or(in_doubt, is_from)
        }
        (
            RuleOn::Stage { lifecycle, stage: Some(stage), .. },
            Write::Stage { lifecycle: of, to, .. },
            Write::Stage { to: again, .. },
        ) => lifecycle == of && stage == to && around.lead_back(*of, *to, *again),
        _ => false,
    }
}

/// Whether the condition of a rule is false after what another one, or it itself, has written.
fn rules_out(one: &RuleProgram, other: &RuleProgram) -> bool {
    let Some(condition) = &other.condition else { return false };
    let known = known(one.writes.iter().flatten(), &other.model.rule.entity_type);
    decide(&condition.root, &known) == Some(false)
}

/// Whether the conditions of two rules are never true of one record, whatever the rules of the file write.
fn exclude(one: &RuleProgram, other: &RuleProgram, written: &BTreeSet<Fact>) -> bool {
    let (Some(first), Some(second)) = (&one.condition, &other.condition) else { return false };
    let stays = |fact: &Fact| matches!(fact, Fact::Attribute(..)) && !written.contains(fact);
    one.model.rule.entity_type == other.model.rule.entity_type
        && one.rests_on.iter().chain(&other.rests_on).all(stays)
        && never(&[&first.root, &second.root]).is_some()
}

/// Whether a rule waits for exactly that to which one of its actions leads.
fn is_so_already(program: &RuleProgram, edge: &Edge<'_>) -> bool {
    matches!(
        (&program.on, &edge.effect.write),
        (RuleOn::Attribute { to: Some(_), .. }, Write::Attribute { cells: Some(_), .. })
            | (RuleOn::Stage { stage: Some(_), is_left: false, .. }, Write::Stage { .. })
    )
}

/// Keeps the edges of rounds of which no turn can be the last one: the steps that happen anew in each
/// turn, given the rules of the round. A condition may end a round if it asks for a fact that a rule of it
/// writes, or for one that `may_change` beside it.
fn keep_unending<'e>(
    programs: &[RuleProgram],
    edges: &mut Edges<'e>,
    facts: &[BTreeSet<Fact>],
    may_change: impl Fn(&Fact) -> bool,
    is_anew: impl Fn(usize, &Edge<'e>, &BTreeSet<usize>) -> bool,
) {
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
            return;
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

/// The shortest round that leads from a rule back to it, of which a part is new; no step if there is none.
fn round<'a, 'e>(
    edges: &'a Edges<'e>,
    start: usize,
    is_new: &dyn Fn(usize, &Edge<'e>) -> bool,
) -> Way<'a, 'e> {
    // Each way with whether a part of it is new.
    let mut ways: VecDeque<(Way<'a, 'e>, bool)> = VecDeque::from([(Vec::new(), false)]);
    let mut seen = BTreeSet::from([(start, false)]);
    while let Some((way, was_new)) = ways.pop_front() {
        let at = way.last().map_or(start, |(_, edge)| edge.to);
        for edge in &edges[at] {
            let is_new = was_new || is_new(at, edge);
            if !seen.insert((edge.to, is_new)) {
                continue;
            }
            let longer = [&way[..], &[(at, edge)]].concat();
            if edge.to == start && is_new {
                return longer;
            }
            ways.push_back((longer, is_new));
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
        if let Some(by) = &edge.effect.by {
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
