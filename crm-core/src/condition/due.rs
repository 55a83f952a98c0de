//! When the answer of a condition changes though nobody writes: a visit grows older than 30 days, a
//! birthday comes near, an employment ends.
//!
//! Each leaf says when it may next be true or no longer true; what lies between is then as it is now.
//! The invariant: from now until the moment that is given, without it, the answer stays the same as
//! long as nothing is written.

use std::{ops::Range, sync::Arc};

use super::{
    Count, End, Figure,
    checked::{
        ChangedTest, Compare, ConsentTest, Direction, EventTest, FieldTest, Frame, Leaf,
        MeasureTest, Node, RelatedTest, ScoreTest, Test, WhenTest, order,
    },
    crossing::{Line, crossing},
    evaluate::{Facts, Subject, changes, counts, is_true},
    span::Parts,
    when::{self, Moment},
};
use crate::{Kind, Timestamp, cell::Cell};

/// How often a moment at which the answer did not change after all is passed over.
const PASSED: usize = 16;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Two activities further apart than this leave a span one after the other, whatever the calendar.
const APART: i64 = 10 * DAY;

/// Whether a condition is true, and when that may next change by time alone; never if it is `None`.
pub(crate) fn due(node: &Node, subject: &Subject, moment: &Moment) -> (bool, Option<Timestamp>) {
    let answer = is_true(node, subject, moment);
    let mut at = Ahead { subject, moment }.node(node);
    for _ in 0..PASSED {
        let Some(next) = at else { return (answer, None) };
        let moment = moment.at(Timestamp::clamped(next));
        if is_true(node, subject, &moment) != answer {
            break;
        }
        at = Ahead { subject, moment: &moment }.node(node);
    }
    (answer, at.map(Timestamp::clamped))
}

/// When a day, in days since 1970, begins by the calendar of `moment`; `None` if that does not lie
/// ahead of it.
pub(crate) fn day_begins(moment: &Moment, day: i64) -> Option<Timestamp> {
    let subject = Subject::default();
    Ahead { subject: &subject, moment }.day(day).map(Timestamp::clamped)
}

/// What lies ahead of a moment.
struct Ahead<'a> {
    subject: &'a Subject,
    moment: &'a Moment,
}

impl Ahead<'_> {
    fn node(&self, node: &Node) -> Option<i64> {
        match node {
            Node::All(parts) | Node::Any(parts) => {
                parts.iter().filter_map(|part| self.node(part)).min()
            }
            Node::Not(part) => self.node(part),
            Node::Leaf(leaf) => self.leaf(leaf),
        }
    }

    fn leaf(&self, leaf: &Leaf) -> Option<i64> {
        match &leaf.test {
            Test::Field(test) => self.field(test),
            Test::Event(test) => self.event(test),
            Test::Related(test) => self.related(test),
            Test::Changed(test) => self.changed(test),
            Test::Stage(_) | Test::Segment(_) => None,
            Test::Score(test) => self.score(test),
            Test::Consent(test) => self.consent(test),
        }
    }

    // ---- fields

    fn field(&self, test: &FieldTest) -> Option<i64> {
        let Some(Cell::Integer(value)) = self.subject.row.get(test.column.place) else {
            return None;
        };
        match (&test.compare, test.kind) {
            (Compare::Relative { direction, span }, Kind::Date) => {
                // The day itself, and the day that is a span away from it.
                let after = i64::from(*direction == Direction::Next);
                let far = self.day_reached(*span, *direction, *value + 1 - after);
                earliest([self.day(*value + after), far.and_then(|day| self.day(day))])
            }
            (Compare::Relative { direction, span }, _) => match direction {
                Direction::Last => self.within(*value, *span),
                Direction::Next => earliest([
                    crossing(self.moment, Line::Shifted(*span, *direction), value - 1),
                    self.ahead(value + 1),
                ]),
            },
            (Compare::Anniversary { direction, span }, kind) => {
                let day = match kind {
                    Kind::Date => *value,
                    _ => when::day_in_zone(*value, self.moment.zone()).ok()?,
                };
                self.anniversary(day, *span, *direction)
            }
            _ => None,
        }
    }

    fn anniversary(&self, day: i64, span: Parts, direction: Direction) -> Option<i64> {
        let today = self.moment.today();
        let mut next = self.day(day + 1);
        let around = when::anniversaries(day, today).into_iter();
        for anniversary in around {
            let days = match direction {
                Direction::Last => {
                    [Some(anniversary), self.day_reached(span, direction, anniversary + 1)]
                }
                Direction::Next => {
                    [self.day_reached(span, direction, anniversary), Some(anniversary + 1)]
                }
            };
            let days = days.into_iter().flatten().filter_map(|day| self.day(day));
            next = earliest([next, days.min()]);
        }
        next
    }

    /// When a moment comes, if it lies ahead.
    fn ahead(&self, at: i64) -> Option<i64> {
        (self.moment.now().micros() < at && at <= Timestamp::MAX.micros()).then_some(at)
    }

    /// When it changes whether a day has begun.
    fn day(&self, day: i64) -> Option<i64> {
        crossing(self.moment, Line::Wall, day.checked_mul(DAY)? - 1)
    }

    /// The first day from which the one a span away is `day` or a later one.
    fn day_reached(&self, span: Parts, direction: Direction, day: i64) -> Option<i64> {
        let back = match direction {
            Direction::Last => Direction::Next,
            Direction::Next => Direction::Last,
        };
        // The lengths of months differ by three days at most.
        let about = when::day_shifted(day, span, back)?;
        let reaches = |other: &i64| {
            when::day_shifted(*other, span, direction).is_some_and(|reached| reached >= day)
        };
        (about - 4..=about + 4).find(reaches)
    }

    /// When it changes whether a moment lies in the span that ends now.
    fn within(&self, at: i64, span: Parts) -> Option<i64> {
        let leaves = crossing(self.moment, Line::Shifted(span, Direction::Last), at);
        earliest([self.ahead(at), leaves])
    }

    // ---- activities

    fn event(&self, test: &EventTest) -> Option<i64> {
        let all = match self.subject.facts.get(test.fact) {
            Some(Facts::Activities(rows)) => rows.as_slice(),
            _ => &[],
        };
        let now = self.moment.now().micros();
        let (mut next, mut fitting) = (None, Vec::new());
        for row in all {
            let Some(Cell::Integer(at)) = row.first() else { continue };
            let fits = match &test.filter {
                None => true,
                Some(filter) => {
                    let subject = Subject { row: Arc::clone(row), facts: Vec::new() };
                    let nested = Ahead { subject: &subject, moment: self.moment };
                    next = earliest([next, nested.node(filter)]);
                    is_true(filter, &subject, self.moment)
                }
            };
            if fits {
                fitting.push((*at, row.as_slice()));
            }
        }
        fitting.sort_by_key(|(at, _)| *at);
        let (fitting, rows): (Vec<i64>, Vec<&[Cell]>) = fitting.into_iter().unzip();
        let (first, last) = self.moment.frame(test.frame);
        let frame = match test.frame {
            Frame::Within(span) => {
                self.frame(&fitting, span, |inside| first_missed(&test.measure, &rows, inside))
            }
            Frame::Between(_, Some(_)) => None,
            Frame::Between(from, None) => {
                let from = from.map_or(i64::MIN, Timestamp::micros);
                fitting.iter().copied().find(|at| *at > now && *at >= from)
            }
        };
        let mut inside = fitting.iter().copied().filter(|at| (first..=last).contains(at));
        let moment = match &test.measure {
            MeasureTest::Moment { end, when } => {
                let at = match end {
                    End::First => inside.next(),
                    End::Last => inside.next_back(),
                };
                at.and_then(|at| match when {
                    WhenTest::Before(_) | WhenTest::After(_) => None,
                    WhenTest::WithinLast(span) => self.within(at, *span),
                    WhenTest::OlderThan(span) => {
                        crossing(self.moment, Line::Shifted(*span, Direction::Last), at)
                    }
                })
            }
            _ => None,
        };
        earliest([next, frame, moment])
    }

    /// When it changes which of these moments, in order, lie in the span that ends now; or, as far as
    /// `first_missed` can tell, when enough have left for that to matter.
    fn frame(
        &self,
        all: &[i64],
        span: Parts,
        first_missed: impl Fn(Range<usize>) -> Option<usize>,
    ) -> Option<i64> {
        let (first, now) = self.moment.frame(Frame::Within(span));
        let line = Line::Shifted(span, Direction::Last);
        let begin = all.partition_point(|at| *at < first);
        let end = all.partition_point(|at| *at <= now);
        let comes = all.get(end).copied();
        if self.moment.is_even() {
            // The oldest goes first. Where months end on different days one that has just left may
            // come back, and the latest of those first.
            let leaves = first_missed(begin..end);
            let returns = begin.checked_sub(1);
            let changes = [leaves, returns].map(|place| crossing(self.moment, line, all[place?]));
            return earliest([comes, earliest(changes)]);
        }
        // By a calendar that leaps, what has just left may come back.
        let begin = all.partition_point(|at| *at < first.saturating_sub(APART));
        let mut next: Option<(i64, i64)> = None;
        for at in &all[begin..end] {
            if next.is_some_and(|(_, oldest)| *at > oldest.saturating_add(APART)) {
                break;
            }
            if let Some(leaves) = crossing(self.moment, line, *at) {
                let (known, oldest) = next.unwrap_or((leaves, *at));
                next = Some((known.min(leaves), oldest));
            }
        }
        earliest([comes, next.map(|(leaves, _)| leaves)])
    }

    // ---- scores

    fn score(&self, test: &ScoreTest) -> Option<i64> {
        let Some(Facts::Score(Some(sheet))) = self.subject.facts.get(test.fact) else {
            return None;
        };
        // A comparison changes at most where the score reaches the value, or is more.
        let levels = [test.value, test.value.saturating_add(1)];
        sheet.next_crossing(test.group, self.moment.now().micros(), &levels)
    }

    // ---- consent

    fn consent(&self, test: &ConsentTest) -> Option<i64> {
        let Some(Facts::Consent(ledger)) = self.subject.facts.get(test.fact) else { return None };
        let ends = ledger.counting().filter_map(|entry| {
            let over = [test.rule.lapses_after, test.rule.valid_for];
            let [lapse, renewal] =
                over.map(|span| Some(when::later_in_utc(entry.occurred_at, span?)));
            let all = [Some(entry.occurred_at), entry.expires_at, lapse, renewal];
            earliest(all.map(|at| self.ahead(at?.micros())))
        });
        ends.min()
    }

    // ---- related records

    fn related(&self, test: &RelatedTest) -> Option<i64> {
        let all = match self.subject.facts.get(test.fact) {
            Some(Facts::Related(facts)) => facts.as_slice(),
            _ => &[],
        };
        let around = all.iter().filter_map(|fact| {
            let (first, last) = fact.valid;
            let nested = Ahead { subject: &fact.subject, moment: self.moment };
            earliest([
                first.and_then(|day| self.day(day)),
                last.and_then(|day| self.day(day + 1)),
                test.filter.as_ref().and_then(|filter| nested.node(filter)),
            ])
        });
        around.min()
    }

    // ---- the past

    fn changed(&self, test: &ChangedTest) -> Option<i64> {
        let fitting = changes(self.subject, test);
        let mut at: Vec<i64> = fitting.map(|change| change.at.micros()).collect();
        at.sort_unstable();
        match test.within {
            Some(span) => {
                let some = MeasureTest::Count(Count::SOME);
                self.frame(&at, span, |inside| first_missed(&some, &[], inside))
            }
            None => at.into_iter().find(|at| *at > self.moment.now().micros()),
        }
    }
}

/// The first of some activities, the oldest first, that is missed when it and all before it have gone:
/// then the answer is another. Where that is not told, every one is missed.
fn first_missed(
    measure: &MeasureTest,
    rows: &[&[Cell]],
    mut inside: Range<usize>,
) -> Option<usize> {
    match measure {
        MeasureTest::Count(count) => {
            let all = inside.len();
            let holds = |gone: usize| counts(*count, all - gone);
            inside.zip(1..).find(|(_, gone)| holds(*gone) != holds(0)).map(|(place, _)| place)
        }
        MeasureTest::Figure { figure: Figure::Sum, column, kind, currency, op, value }
            if *kind != Kind::Real =>
        {
            let amount = |place: usize| {
                let row = rows[place];
                let counts = currency.as_ref().is_none_or(
                    |(column, code)| matches!(&row[column.place], Cell::Text(text) if text == code),
                );
                match &row[column.place] {
                    Cell::Integer(number) if counts => i128::from(*number),
                    _ => 0,
                }
            };
            let holds = |sum: i128| {
                let sum = i64::try_from(sum.clamp(i64::MIN.into(), i64::MAX.into()));
                sum.is_ok_and(|sum| {
                    order(&Cell::Integer(sum), value).is_some_and(|order| op.holds(order))
                })
            };
            let all: i128 = inside.clone().map(amount).sum();
            let mut left = all;
            inside.find(|place| {
                left -= amount(*place);
                holds(left) != holds(all)
            })
        }
        MeasureTest::Figure { .. } | MeasureTest::Moment { .. } => inside.next(),
    }
}

fn earliest<const N: usize>(moments: [Option<i64>; N]) -> Option<i64> {
    moments.into_iter().flatten().min()
}

#[cfg(test)]
mod tests;
