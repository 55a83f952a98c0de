//! Evaluates a condition over facts in memory, and says of each leaf whether it was true and why.
//!
//! Pure: what the condition needs to know was loaded before, and time is an argument. The meaning is
//! written here once more beside the SQL of `store::condition`; a property test holds them equal.

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Count, End, Figure,
    checked::{
        ChangedTest, Checked, Column, Compare, ConsentTest, Direction, EventTest, FieldTest,
        HoldMode, Leaf, MeasureTest, Node, RelatedTest, ScoreTest, SegmentTest, StageTest, Test,
        TextMatch, Way, WhenTest, order,
    },
    when::{self, Moment},
};
use crate::{
    Kind, Timestamp, cell::Cell, consent::Ledger, normal::decimal::format_scaled, scoring::Sheet,
    shape::debug,
};

/// What is known of a record: its row, and a fact for each leaf that needs more than that.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    /// The columns that every row has, then those of the attributes.
    pub(crate) row: Arc<Vec<Cell>>,
    pub(crate) facts: Vec<Facts>,
}

/// Activities of a record: of each the columns that every one has, then those of the properties.
pub(crate) type ActivityRows = Arc<Vec<Arc<Vec<Cell>>>>;

#[derive(Debug)]
pub(crate) enum Facts {
    Activities(ActivityRows),
    Related(Vec<RelatedFact>),
    /// Oldest first.
    Changes(Vec<ChangeFact>),
    /// Where the record stands in a lifecycle.
    Stage(Option<String>),
    /// What is kept of what the record scores.
    Score(Option<Sheet>),
    /// What the person allowed and took back.
    Consent(Ledger),
    /// Whether the record is a member of a segment.
    Segment(bool),
}

/// A record in use that is related to the subject.
#[derive(Debug)]
pub(crate) struct RelatedFact {
    pub(crate) role: Option<String>,
    /// First and last day of an association.
    pub(crate) valid: (Option<i64>, Option<i64>),
    pub(crate) subject: Subject,
}

/// A change that mentions an attribute.
#[derive(Debug)]
pub(crate) struct ChangeFact {
    pub(crate) at: Timestamp,
    /// The cells of the attribute after it.
    pub(crate) cells: Vec<Cell>,
}

/// Whether one question of a condition was true for a record, and why.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeafReason {
    /// Where it stands in the condition, such as `all[2]`; empty if it is the whole of it.
    pub path: String,
    /// The question as text.
    pub text: String,
    /// Whether it was true.
    pub is_true: bool,
    /// Why, in a few words without the data of anybody.
    pub reason: String,
}

debug! { LeafReason shows(path, is_true, reason) hides(text) }

/// Whether the condition is true, and each of its leaves with the reason.
pub(crate) fn explain(
    checked: &Checked,
    subject: &Subject,
    moment: &Moment,
) -> (bool, Vec<LeafReason>) {
    let evaluation = Evaluation { subject, moment, explains: true };
    let reasons = checked.root.leaves().into_iter().map(|leaf| {
        let (is_true, reason) = evaluation.leaf(leaf);
        let reason = reason.into_owned();
        LeafReason { path: leaf.path.clone(), text: leaf.text.clone(), is_true, reason }
    });
    (evaluation.node(&checked.root), reasons.collect())
}

/// Whether a condition is true.
pub(crate) fn is_true(node: &Node, subject: &Subject, moment: &Moment) -> bool {
    Evaluation { subject, moment, explains: false }.node(node)
}

/// Whether a condition about activities is true for one, whose row this is.
pub(crate) fn fits(filter: &Node, row: Vec<Cell>, moment: &Moment) -> bool {
    is_true(filter, &Subject { row: Arc::new(row), facts: Vec::new() }, moment)
}

struct Evaluation<'a> {
    subject: &'a Subject,
    moment: &'a Moment,
    /// Whether reasons are read by anybody.
    explains: bool,
}

/// Why a leaf is true or not.
type Reason = Cow<'static, str>;

impl<'a> Evaluation<'a> {
    /// Another subject at the same moment.
    fn of<'b>(&self, subject: &'b Subject) -> Evaluation<'b>
    where
        'a: 'b,
    {
        Evaluation { subject, moment: self.moment, explains: false }
    }

    /// A reason that takes work to say.
    fn because(&self, say: impl FnOnce() -> String) -> Reason {
        if self.explains { Cow::Owned(say()) } else { Cow::Borrowed("") }
    }

    fn node(&self, node: &Node) -> bool {
        match node {
            Node::All(parts) => parts.iter().all(|part| self.node(part)),
            Node::Any(parts) => parts.iter().any(|part| self.node(part)),
            Node::Not(part) => !self.node(part),
            Node::Leaf(leaf) => self.leaf(leaf).0,
        }
    }

    fn leaf(&self, leaf: &Leaf) -> (bool, Reason) {
        match &leaf.test {
            Test::Field(test) => self.field(test),
            Test::Event(test) => self.event(test),
            Test::Related(test) => self.related(test),
            Test::Changed(test) => self.changed(test),
            Test::Stage(test) => self.stage(test),
            Test::Score(test) => self.score(test),
            Test::Consent(test) => self.consent(test),
            Test::Segment(test) => self.segment(test),
        }
    }

    fn cell(&self, column: &Column) -> &'a Cell {
        self.subject.row.get(column.place).unwrap_or(&Cell::Null)
    }

    // ---- fields

    fn field(&self, test: &FieldTest) -> (bool, Reason) {
        let is_set = test.present.iter().any(|column| *self.cell(column) != Cell::Null);
        if let Compare::Set { negated } = test.compare {
            let reason = if is_set { "there is a value" } else { "there is no value" };
            return (is_set != negated, reason.into());
        }
        if !is_set {
            return (test.missing, "there is no value".into());
        }
        let is_true = self.compare(test);
        let reason = if is_true { "the value is so" } else { "the value is not so" };
        (is_true, reason.into())
    }

    fn compare(&self, test: &FieldTest) -> bool {
        let cell = self.cell(&test.column);
        let is_ours = match &test.currency {
            Some((column, code)) => matches!(self.cell(column), Cell::Text(text) if text == code),
            None => true,
        };
        match &test.compare {
            Compare::Set { negated } => (*cell != Cell::Null) != *negated,
            // An amount in another currency is another value, and neither more nor less.
            Compare::Value(super::Comparison::Neq, value) => !is_ours || cell != value,
            Compare::Value(op, value) => {
                is_ours && order(cell, value).is_some_and(|order| op.holds(order))
            }
            Compare::Between(least, most) => {
                let is_at_least = order(cell, least).is_some_and(Ordering::is_ge);
                is_ours && is_at_least && order(cell, most).is_some_and(Ordering::is_le)
            }
            Compare::List { cells, negated } => {
                let found =
                    cells.binary_search_by(|known| order(known, cell).unwrap_or(Ordering::Less));
                (is_ours && found.is_ok()) != *negated
            }
            Compare::Text(how, needle) => text(cell).is_some_and(|text| {
                let text = text.to_lowercase();
                match how {
                    TextMatch::Contains => text.contains(needle.as_str()),
                    TextMatch::StartsWith => text.starts_with(needle.as_str()),
                    TextMatch::EndsWith => text.ends_with(needle.as_str()),
                }
            }),
            Compare::Matches(pattern) => text(cell).is_some_and(|text| pattern.is_match(text)),
            Compare::Holds { mode, options, .. } => holds(cell, *mode, options),
            Compare::Relative { direction, span } => {
                let (first, last) = match test.kind {
                    Kind::Date => self.moment.days(*span, *direction),
                    _ => self.moment.span(*span, *direction),
                };
                matches!(cell, Cell::Integer(value) if (first..=last).contains(value))
            }
            Compare::Anniversary { direction, span } => {
                let (first, last) = self.moment.days(*span, *direction);
                let day = match (cell, test.kind) {
                    (Cell::Integer(day), Kind::Date) => Some(*day),
                    (Cell::Integer(micros), _) => {
                        when::day_in_zone(*micros, self.moment.zone()).ok()
                    }
                    _ => None,
                };
                let today = self.moment.today();
                day.is_some_and(|day| when::has_anniversary(day, first, last, today))
            }
        }
    }

    // ---- activities

    fn event(&self, test: &EventTest) -> (bool, Reason) {
        let (first, last) = self.moment.frame(test.frame);
        let all = match self.subject.facts.get(test.fact) {
            Some(Facts::Activities(rows)) => rows.as_slice(),
            _ => &[],
        };
        let time = |row: &[Cell]| match row.first() {
            Some(Cell::Integer(at)) => *at,
            _ => i64::MIN,
        };
        let rows: Vec<&Vec<Cell>> = all
            .iter()
            .filter(|row| (first..=last).contains(&time(row)))
            .filter(|row| {
                test.filter.as_ref().is_none_or(|filter| {
                    let subject = Subject { row: Arc::clone(row), facts: Vec::new() };
                    self.of(&subject).node(filter)
                })
            })
            .map(|row| &**row)
            .collect();
        let found = self.because(|| format!("{} of {} activities count", rows.len(), all.len()));
        let is_true = match &test.measure {
            MeasureTest::Count(count) => counts(*count, rows.len()),
            MeasureTest::Figure { figure, column, kind, currency, op, value } => {
                let cells = rows.iter().filter(|row| match currency {
                    Some((column, code)) => {
                        matches!(&row[column.place], Cell::Text(text) if text == code)
                    }
                    None => true,
                });
                let cells = cells.map(|row| &row[column.place]).filter(|cell| **cell != Cell::Null);
                let result = match figure {
                    Figure::Sum => Some(sum(*kind, cells)),
                    Figure::Min => cells.min_by(|a, b| total_order(a, b)).cloned(),
                    Figure::Max => cells.max_by(|a, b| total_order(a, b)).cloned(),
                };
                let order = result.and_then(|result| order(&result, value));
                order.is_some_and(|order| op.holds(order))
            }
            MeasureTest::Moment { end, when } => {
                let times = rows.iter().map(|row| time(row));
                let at = match end {
                    End::First => times.min(),
                    End::Last => times.max(),
                };
                at.is_some_and(|at| self.is_when(at, *when))
            }
        };
        (is_true, found)
    }

    fn is_when(&self, at: i64, when: WhenTest) -> bool {
        match when {
            WhenTest::Before(moment) => at < moment.micros(),
            WhenTest::After(moment) => at > moment.micros(),
            WhenTest::WithinLast(span) => {
                let (first, last) = self.moment.span(span, Direction::Last);
                (first..=last).contains(&at)
            }
            WhenTest::OlderThan(span) => at < self.moment.shifted(span, Direction::Last).micros(),
        }
    }

    // ---- related records

    fn related(&self, test: &RelatedTest) -> (bool, Reason) {
        let all = match self.subject.facts.get(test.fact) {
            Some(Facts::Related(facts)) => facts.as_slice(),
            _ => &[],
        };
        let today = self.moment.today();
        let role = match &test.way {
            Way::Association { role, .. } => role.as_deref(),
            _ => None,
        };
        let holding = all.iter().filter(|fact| {
            let (first, last) = fact.valid;
            first.is_none_or(|first| first <= today) && last.is_none_or(|last| today <= last)
        });
        let holding = holding.filter(|fact| role.is_none() || fact.role.as_deref() == role);
        let (mut ids, mut fitting): (Vec<&Cell>, Vec<&Cell>) = (Vec::new(), Vec::new());
        for fact in holding {
            let id = &fact.subject.row[0];
            ids.push(id);
            if test.filter.as_ref().is_none_or(|filter| self.of(&fact.subject).node(filter)) {
                fitting.push(id);
            }
        }
        // A record that is related twice is one record.
        for ids in [&mut ids, &mut fitting] {
            ids.sort_by(|a, b| total_order(a, b));
            ids.dedup();
        }
        let reason =
            self.because(|| format!("{} of {} related records fit", fitting.len(), ids.len()));
        (counts(test.count, fitting.len()), reason)
    }

    // ---- stages

    fn stage(&self, test: &StageTest) -> (bool, Reason) {
        let Some(Facts::Stage(Some(stage))) = self.subject.facts.get(test.fact) else {
            return (false, "it has not entered any stage".into());
        };
        (test.stages.contains(stage), self.because(|| format!("it stands on {stage:?}")))
    }

    // ---- scores

    fn score(&self, test: &ScoreTest) -> (bool, Reason) {
        let Some(Facts::Score(Some(sheet))) = self.subject.facts.get(test.fact) else {
            return (false, "it was not scored".into());
        };
        let score = sheet.points(test.group, self.moment.now().micros());
        let reason = self.because(|| format!("it scores {}", format_scaled(score, 3)));
        (test.op.holds(score.cmp(&test.value)), reason)
    }

    // ---- consent

    fn consent(&self, test: &ConsentTest) -> (bool, Reason) {
        let nothing = Ledger::default();
        let ledger = match self.subject.facts.get(test.fact) {
            Some(Facts::Consent(ledger)) => ledger,
            _ => &nothing,
        };
        let is_true = test.rule.permits(ledger, self.moment);
        let reason = self.because(|| {
            let verdict =
                if is_true { "the ledger permits it" } else { "the ledger does not permit it" };
            let events = ledger.entries().len();
            match ledger.suppressed(&test.rule.key(None)).len() {
                0 => format!("{verdict}, of {events} events"),
                points => {
                    format!("{verdict}, of {events} events; suppressed contact points: {points}")
                }
            }
        });
        (is_true, reason)
    }

    // ---- segments

    fn segment(&self, test: &SegmentTest) -> (bool, Reason) {
        match self.subject.facts.get(test.fact) {
            Some(Facts::Segment(true)) => (true, "it is a member".into()),
            _ => (false, "it is no member".into()),
        }
    }

    // ---- the past

    fn changed(&self, test: &ChangedTest) -> (bool, Reason) {
        let (first, last) = match test.within {
            Some(span) => self.moment.span(span, Direction::Last),
            None => (Timestamp::MIN.micros(), self.moment.now().micros()),
        };
        let fitting = changes(self.subject, test);
        let count = fitting.filter(|change| (first..=last).contains(&change.at.micros())).count();
        let all = known_changes(self.subject, test).len();
        (count > 0, self.because(|| format!("{count} of {all} changes fit")))
    }
}

fn known_changes<'s>(subject: &'s Subject, test: &ChangedTest) -> &'s [ChangeFact] {
    match subject.facts.get(test.fact) {
        Some(Facts::Changes(facts)) => facts,
        _ => &[],
    }
}

/// The changes that a question is about, whenever they were.
pub(super) fn changes<'s>(
    subject: &'s Subject,
    test: &'s ChangedTest,
) -> impl Iterator<Item = &'s ChangeFact> {
    let all = known_changes(subject, test);
    let before = std::iter::once(None).chain(all.iter().map(|change| Some(&change.cells)));
    let begins = |cells: Option<&Vec<Cell>>, wanted: &Option<Vec<Cell>>| {
        wanted.as_ref().is_none_or(|wanted| match cells {
            Some(cells) => cells[..wanted.len()] == wanted[..],
            None => wanted.iter().all(|cell| *cell == Cell::Null),
        })
    };
    let fitting = all.iter().zip(before).filter(move |(change, before)| {
        begins(Some(&change.cells), &test.to) && begins(*before, &test.from)
    });
    fitting.map(|(change, _)| change)
}

pub(super) fn counts(count: Count, found: usize) -> bool {
    count.op.holds(found.cmp(&(count.value as usize)))
}

fn text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

fn holds(cell: &Cell, mode: HoldMode, options: &[String]) -> bool {
    let held: Vec<String> =
        text(cell).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    match mode {
        HoldMode::Any => options.iter().any(|option| held.contains(option)),
        HoldMode::All => options.iter().all(|option| held.contains(option)),
        HoldMode::None => !options.iter().any(|option| held.contains(option)),
    }
}

fn total_order(one: &Cell, other: &Cell) -> Ordering {
    order(one, other).unwrap_or(Ordering::Equal)
}

fn sum<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> Cell {
    let mut total = Total::default();
    cells.for_each(|cell| total.add(cell));
    match (kind, total.finish()) {
        (Kind::Real, Cell::Integer(0)) => Cell::Real(0.0),
        (_, sum) => sum,
    }
}

/// A sum that does not depend on the order of what is added.
///
/// Whole numbers that exceed 64 bits stay at the end of them. Reals are added from the least to the
/// greatest, because each order rounds differently.
#[derive(Debug, Default)]
pub(crate) struct Total {
    whole: i128,
    reals: Vec<f64>,
}

impl Total {
    pub(crate) fn add(&mut self, cell: &Cell) {
        match cell {
            Cell::Integer(number) => self.whole += i128::from(*number),
            Cell::Real(number) => self.reals.push(*number),
            _ => {}
        }
    }

    pub(crate) fn finish(mut self) -> Cell {
        if self.reals.is_empty() {
            let whole = self.whole.clamp(i64::MIN.into(), i64::MAX.into());
            return Cell::Integer(i64::try_from(whole).unwrap_or(0));
        }
        // Finite numbers in this order can make an infinity, but never no number.
        self.reals.sort_unstable_by(f64::total_cmp);
        Cell::Real(self.reals.iter().sum())
    }
}
