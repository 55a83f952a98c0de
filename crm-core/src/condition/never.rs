//! Conditions that no record can fulfil: `stage = "a" and stage = "b"`, more than five and less than
//! three, a thing and its contrary.
//!
//! A condition is taken apart into the questions that must all be answered with yes, or all with no; two
//! that exclude each other are enough. The invariant: what is found here is true of no record at any
//! moment; what is not found may still be.

use std::{cell::Cell as Counter, cmp::Ordering, collections::HashMap};

use super::{
    Comparison, Count,
    checked::{
        Column, Compare, FieldTest, Frame, HoldMode, Leaf, MeasureTest, Node, Test, WhenTest, order,
    },
    timed::is_timed,
};
use crate::cell::Cell;

/// How many segments are looked into for one answer; those past them may have any members.
const LOOKED_INTO: usize = 64;

/// The place of a part for which conditions that must all be true cannot be; `None` if they may be.
pub(crate) fn never(nodes: &[&Node]) -> Option<String> {
    never_by(nodes, None, 0)
}

/// Whether moves of lifecycles that follow from each other cannot have been made at once, because what
/// they ask for is never true of one record. Only questions count that such moves give no other answer.
pub(crate) fn never_at_once(nodes: &[&Node], segments: &LiveSegments<'_>) -> bool {
    // Most exclude each other by what they ask for themselves, and segments may ask for much.
    [0, LOOKED_INTO].into_iter().any(|looked| never_by(nodes, Some(segments), looked).is_some())
}

/// As [`never`], with so many segments looked into.
fn never_by(nodes: &[&Node], segments: Option<&LiveSegments<'_>>, looked: usize) -> Option<String> {
    let (leaves, any, seen) = (Vec::new(), Vec::new(), Vec::new());
    let left = Counter::new(looked);
    let mut all = All { leaves, any, segments, seen, left: &left };
    for node in nodes {
        all.add(node, true, false);
    }
    all.never()
}

/// What live segments ask for.
#[derive(Default)]
pub(crate) struct LiveSegments<'a> {
    /// By number: the condition, and whether moves of lifecycles may change who is a member.
    all: HashMap<i64, (&'a Node, bool)>,
}

impl<'a> LiveSegments<'a> {
    /// Adds a segment; those for which it asks were added before.
    pub(crate) fn add(&mut self, segment: i64, condition: &'a Node) {
        let is_moved = !condition.leaves().into_iter().all(|leaf| self.is_unmoved(leaf));
        self.all.insert(segment, (condition, is_moved));
    }

    /// What a segment asks for; nothing if its members do not follow from that.
    pub(crate) fn condition(&self, segment: i64) -> Option<&'a Node> {
        self.all.get(&segment).map(|(condition, _)| *condition)
    }

    /// Whether moves of lifecycles leave the answer to a question as it is.
    fn is_unmoved(&self, leaf: &Leaf) -> bool {
        match &leaf.test {
            Test::Field(_) | Test::Event(_) | Test::Changed(_) | Test::Consent(_) => true,
            Test::Segment(test) => {
                self.all.get(&test.segment).is_none_or(|(_, is_moved)| !is_moved)
            }
            Test::Stage(_) | Test::Score(_) | Test::Related(_) => false,
        }
    }
}

/// What must be true together.
struct All<'a> {
    /// Questions, and whether the answer must be yes.
    leaves: Vec<(&'a Leaf, bool)>,
    /// Lists of which one part must be true, or untrue, and whether a segment asks for that.
    any: Vec<(&'a [Node], bool, bool)>,
    /// If moves must leave the answers as they are, what live segments ask for; questions that do not
    /// count may have either answer.
    segments: Option<&'a LiveSegments<'a>>,
    /// The segments that were looked into, each with the answer that it must have.
    seen: Vec<(i64, bool)>,
    /// How many segments may still be looked into.
    left: &'a Counter<usize>,
}

impl<'a> All<'a> {
    fn add(&mut self, node: &'a Node, is_true: bool, is_within: bool) {
        match (node, is_true) {
            (Node::All(parts), true) | (Node::Any(parts), false) => {
                for part in parts {
                    self.add(part, is_true, is_within);
                }
            }
            (Node::Any(parts), true) | (Node::All(parts), false) => {
                self.any.push((parts, is_true, is_within));
            }
            (Node::Not(part), _) => self.add(part, !is_true, is_within),
            (Node::Leaf(leaf), _) => {
                let Some(segments) = self.segments else {
                    self.leaves.push((leaf, is_true));
                    return;
                };
                // What time changes, a segment learns with the next tick only.
                if segments.is_unmoved(leaf) && !(is_within && is_timed(leaf)) {
                    self.leaves.push((leaf, is_true));
                }
                if let Test::Segment(test) = &leaf.test
                    && let Some(condition) = segments.condition(test.segment)
                    && !self.seen.contains(&(test.segment, is_true))
                    && let Some(left) = self.left.get().checked_sub(1)
                {
                    self.left.set(left);
                    self.seen.push((test.segment, is_true));
                    self.add(condition, is_true, true);
                }
            }
        }
    }

    fn never(&self) -> Option<String> {
        let mut answers: HashMap<&str, bool> = HashMap::with_capacity(self.leaves.len());
        for (leaf, is_true) in &self.leaves {
            let is_contrary =
                answers.insert(&leaf.text, *is_true).is_some_and(|was| was != *is_true);
            if is_contrary || always(leaf).is_some_and(|answer| answer != *is_true) {
                return Some(leaf.path.clone());
            }
        }
        self.fields()
            .or_else(|| self.stages())
            .or_else(|| self.happenings())
            .or_else(|| self.alternatives())
    }

    /// Comparisons of one field that leave no value.
    fn fields(&self) -> Option<String> {
        let tests = self.leaves.iter().filter_map(|(leaf, is_true)| match &leaf.test {
            Test::Field(test) => Some((leaf, test, *is_true)),
            _ => None,
        });
        // What another currency fulfils too says something once the currency is known.
        let (later, first): (Vec<_>, Vec<_>) =
            tests.partition(|(_, test, is_true)| is_any_currency(test, *is_true));
        let tests = first.into_iter().chain(later);
        let mut fields: Vec<(&Column, Values<'_>)> = Vec::new();
        for (leaf, test, is_true) in tests {
            let place = match fields.iter().position(|(column, _)| **column == test.column) {
                Some(place) => place,
                None => {
                    fields.push((&test.column, Values::default()));
                    fields.len() - 1
                }
            };
            let values = &mut fields[place].1;
            values.add(test, is_true);
            if values.are_none() {
                return Some(leaf.path.clone());
            }
        }
        None
    }

    /// Stages of one lifecycle of which none is on both lists.
    fn stages(&self) -> Option<String> {
        let tests = self.leaves.iter().filter_map(|(leaf, is_true)| match &leaf.test {
            Test::Stage(test) if *is_true => Some((leaf, test)),
            _ => None,
        });
        let mut known: Vec<(i64, Vec<&String>)> = Vec::new();
        for (leaf, test) in tests {
            match known.iter_mut().find(|(lifecycle, _)| *lifecycle == test.lifecycle) {
                Some((_, stages)) => stages.retain(|stage| test.stages.contains(stage)),
                None => known.push((test.lifecycle, test.stages.iter().collect())),
            }
            if known.iter().any(|(_, stages)| stages.is_empty()) {
                return Some(leaf.path.clone());
            }
        }
        None
    }

    /// Questions about the same activities that no number of them, or no moment, answers.
    fn happenings(&self) -> Option<String> {
        let mut asked: HashMap<&str, Vec<(&MeasureTest, bool)>> = HashMap::new();
        for (leaf, is_true) in &self.leaves {
            let Test::Event(test) = &leaf.test else { continue };
            // Up to here the text says of which activities; no number, span or moment has such a sign.
            let Some(end) = leaf.text.rfind(')') else { continue };
            let together = asked.entry(&leaf.text[..end]).or_default();
            together.push((&test.measure, *is_true));
            if leaves_none(together) {
                return Some(leaf.path.clone());
            }
        }
        None
    }

    /// A list of which no part can be true together with the rest.
    fn alternatives(&self) -> Option<String> {
        self.any.iter().find_map(|(parts, is_true, is_within)| {
            let mut first = Some(String::new());
            for (nth, part) in parts.iter().enumerate() {
                let (leaves, any, seen) = (self.leaves.clone(), Vec::new(), Vec::new());
                let mut together = All { leaves, any, seen, ..*self };
                together.add(part, *is_true, *is_within);
                let place = together.never()?;
                if nth == 0 {
                    first = Some(place);
                }
            }
            first
        })
    }
}

/// Whether no activities answer all of these questions about them so.
fn leaves_none(asked: &[(&MeasureTest, bool)]) -> bool {
    let counts = asked.iter().filter_map(|(measure, is_true)| match measure {
        MeasureTest::Count(count) => Some((*count, *is_true)),
        _ => None,
    });
    let counts: Vec<_> = counts.collect();
    let fits = |number: u32| {
        let holds =
            |(count, is_true): &(Count, bool)| count.op.holds(number.cmp(&count.value)) == *is_true;
        counts.iter().all(holds)
    };
    // Between two of the numbers that are compared with, one is as good as another.
    let near = |(count, _): &(Count, bool)| {
        [count.value.saturating_sub(1), count.value, count.value.saturating_add(1)]
    };
    let is_moment = |wanted: WhenTest| {
        let is = |(measure, is_true): &(&MeasureTest, bool)| {
            *is_true && matches!(measure, MeasureTest::Moment { when, .. } if *when == wanted)
        };
        asked.iter().any(is)
    };
    let is_both = |(measure, is_true): &(&MeasureTest, bool)| match measure {
        MeasureTest::Moment { when: WhenTest::OlderThan(span), .. } => {
            *is_true && is_moment(WhenTest::WithinLast(*span))
        }
        _ => false,
    };
    (!counts.is_empty() && !counts.iter().flat_map(near).any(fits))
        || asked.iter().any(is_both)
        || leaves_no_figure(asked)
}

/// Whether no sum, mean, least or greatest value answers all of these questions about it so.
fn leaves_no_figure(asked: &[(&MeasureTest, bool)]) -> bool {
    let mut figures: Vec<(Option<&str>, Values<'_>)> = Vec::new();
    for (measure, is_true) in asked {
        let MeasureTest::Figure { currency, op, value, .. } = measure else { continue };
        // Amounts in different currencies are different figures.
        let currency = currency.as_ref().map(|(_, currency)| currency.as_str());
        let place = figures.iter().position(|(known, _)| *known == currency);
        let place = place.unwrap_or_else(|| {
            figures.push((currency, Values::default()));
            figures.len() - 1
        });
        let values = &mut figures[place].1;
        // Without a figure, every question about it is answered with no.
        values.is_set |= is_true;
        values.compare(*op, value, *is_true);
        if values.are_none() {
            return true;
        }
    }
    false
}

/// What a question alone is always answered with.
fn always(leaf: &Leaf) -> Option<bool> {
    match &leaf.test {
        Test::Field(_)
        | Test::Changed(_)
        | Test::Score(_)
        | Test::Segment(_)
        | Test::Consent(_) => None,
        Test::Stage(test) => test.stages.is_empty().then_some(false),
        Test::Related(test) => of_any_number(test.count),
        Test::Event(test) => match (&test.measure, test.frame) {
            // Nothing happens in a time that ends before it begins.
            (MeasureTest::Count(count), Frame::Between(Some(from), Some(until)))
                if from >= until =>
            {
                Some(count.op.holds(0.cmp(&count.value)))
            }
            (MeasureTest::Count(count), _) => of_any_number(*count),
            _ => None,
        },
    }
}

/// What is answered whatever the number is.
fn of_any_number(count: Count) -> Option<bool> {
    match (count.op, count.value) {
        (Comparison::Lt, 0) => Some(false),
        (Comparison::Gte, 0) => Some(true),
        _ => None,
    }
}

/// Whether every amount in another currency fulfils a comparison of money: it is another value, and
/// neither more nor less.
fn is_any_currency(test: &FieldTest, is_true: bool) -> bool {
    let is_other = matches!(
        test.compare,
        Compare::Value(Comparison::Neq, _) | Compare::List { negated: true, .. }
    );
    test.currency.is_some() && is_other == is_true
}

/// The values that comparisons leave to a field.
#[derive(Default)]
struct Values<'a> {
    /// It has no value.
    is_missing: bool,
    /// It has one.
    is_set: bool,
    least: Option<(&'a Cell, bool)>,
    most: Option<(&'a Cell, bool)>,
    one_of: Option<Vec<&'a Cell>>,
    none_of: Vec<&'a Cell>,
    currency: Option<&'a str>,
    has_two_currencies: bool,
    options: Options<'a>,
}

/// Which options of a list are chosen, as far as that is said.
#[derive(Default)]
struct Options<'a> {
    chosen: Vec<&'a String>,
    not_chosen: Vec<&'a String>,
    /// Of each of these at least one is chosen.
    any: Vec<&'a [String]>,
    /// Of each of these at least one is not.
    not_all: Vec<&'a [String]>,
}

impl<'a> Options<'a> {
    fn add(&mut self, mode: HoldMode, options: &'a [String], is_true: bool) {
        match (mode, is_true) {
            (HoldMode::All, true) => self.chosen.extend(options),
            (HoldMode::All, false) => self.not_all.push(options),
            (HoldMode::Any, true) | (HoldMode::None, false) => self.any.push(options),
            (HoldMode::None, true) | (HoldMode::Any, false) => self.not_chosen.extend(options),
        }
    }

    /// Whether no choice is so.
    fn are_none(&self) -> bool {
        let all = |lists: &[&[String]], of: &[&String]| {
            lists.iter().any(|list| list.iter().all(|option| of.contains(&option)))
        };
        self.chosen.iter().any(|option| self.not_chosen.contains(option))
            || all(&self.any, &self.not_chosen)
            || all(&self.not_all, &self.chosen)
    }
}

impl<'a> Values<'a> {
    fn add(&mut self, test: &'a FieldTest, is_true: bool) {
        if let Compare::Set { negated } = &test.compare {
            match *negated == is_true {
                true => self.is_missing = true,
                false => self.is_set = true,
            }
            return;
        }
        self.is_set |= test.missing != is_true;
        if let Some((_, currency)) = &test.currency {
            match is_any_currency(test, is_true) {
                true if self.currency != Some(currency) => return,
                true => {}
                false => {
                    let known = *self.currency.get_or_insert(currency);
                    self.has_two_currencies |= known != currency;
                }
            }
        }
        match (&test.compare, is_true) {
            (Compare::Value(op, cell), _) => self.compare(*op, cell, is_true),
            (Compare::Holds { mode, options, .. }, _) => self.options.add(*mode, options, is_true),
            (Compare::Between(low, high), true) => {
                self.at_least(low, false);
                self.at_most(high, false);
            }
            (Compare::List { cells, negated }, _) => match *negated == is_true {
                true => self.none_of.extend(cells),
                false => self.keep(&cells.iter().collect::<Vec<_>>()),
            },
            _ => {}
        }
    }

    fn compare(&mut self, op: Comparison, cell: &'a Cell, is_true: bool) {
        use Comparison::{Eq, Gt, Gte, Lt, Lte, Neq};
        match (op, is_true) {
            (Eq, true) | (Neq, false) => self.keep(&[cell]),
            (Neq, true) | (Eq, false) => self.none_of.push(cell),
            (Gt, true) | (Lte, false) => self.at_least(cell, true),
            (Gte, true) | (Lt, false) => self.at_least(cell, false),
            (Lt, true) | (Gte, false) => self.at_most(cell, true),
            (Lte, true) | (Gt, false) => self.at_most(cell, false),
        }
    }

    fn keep(&mut self, cells: &[&'a Cell]) {
        match &mut self.one_of {
            Some(known) => known.retain(|cell| cells.contains(cell)),
            None => self.one_of = Some(cells.to_vec()),
        }
    }

    fn at_least(&mut self, cell: &'a Cell, is_strict: bool) {
        let is_more = |(known, was_strict): &(&Cell, bool)| match order(cell, known) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => is_strict && !was_strict,
            _ => false,
        };
        if self.least.as_ref().is_none_or(is_more) {
            self.least = Some((cell, is_strict));
        }
    }

    fn at_most(&mut self, cell: &'a Cell, is_strict: bool) {
        let is_less = |(known, was_strict): &(&Cell, bool)| match order(cell, known) {
            Some(Ordering::Less) => true,
            Some(Ordering::Equal) => is_strict && !was_strict,
            _ => false,
        };
        if self.most.as_ref().is_none_or(is_less) {
            self.most = Some((cell, is_strict));
        }
    }

    fn are_none(&self) -> bool {
        let is_empty = match (self.least, self.most) {
            (Some((least, above)), Some((most, below))) => match order(least, most) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Equal) => above || below,
                _ => false,
            },
            _ => false,
        };
        let fits = |cell: &&&Cell| {
            let is_above = self.least.is_none_or(|(least, strict)| match order(cell, least) {
                Some(Ordering::Less) => false,
                Some(Ordering::Equal) => !strict,
                _ => true,
            });
            let is_below = self.most.is_none_or(|(most, strict)| match order(cell, most) {
                Some(Ordering::Greater) => false,
                Some(Ordering::Equal) => !strict,
                _ => true,
            });
            is_above && is_below && !self.none_of.contains(cell)
        };
        let is_none = self.is_missing
            || self.has_two_currencies
            || is_empty
            || self.options.are_none()
            || self.one_of.as_ref().is_some_and(|cells| cells.iter().find(fits).is_none());
        self.is_set && is_none
    }
}
