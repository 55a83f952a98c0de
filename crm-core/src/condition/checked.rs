//! A condition that was judged against a schema: names have become columns, and values the cells
//! that the file holds. Both evaluators work on it, so that neither interprets a value itself.

use std::cmp::Ordering;

use regex::Regex;

use super::{Comparison, Count, End, Figure, span::Parts};
use crate::{Kind, Timestamp, cell::Cell, consent::Rule};

/// A condition, ready to be evaluated for records of one entity type.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The entity type.
    pub(crate) entity_type: String,
    pub(crate) root: Node,
}

#[derive(Debug)]
pub(crate) enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Leaf(Box<Leaf>),
}

/// One question, with the place and the text that it has in the condition.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) test: Test,
}

#[derive(Debug)]
pub(crate) enum Test {
    Field(FieldTest),
    Event(EventTest),
    Related(RelatedTest),
    Changed(ChangedTest),
    Stage(StageTest),
    Score(ScoreTest),
    Consent(ConsentTest),
    Segment(SegmentTest),
}

/// The columns of a record that are not attributes, in the order of their places.
pub(crate) const RECORD_COLUMNS: [&str; 4] = ["id", "version", "created_at", "updated_at"];
/// Those of an activity, likewise.
pub(crate) const ACTIVITY_COLUMNS: [&str; 5] = ["at", "channel", "direction", "amount", "currency"];

/// A column of a record, or of an activity with its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Where it stands in a row of facts: first the columns that every row has.
    pub(crate) place: usize,
    pub(crate) name: String,
    /// Whether it stands in the table of properties of an activity's kind.
    pub(crate) is_property: bool,
}

/// A comparison of one field.
#[derive(Debug)]
pub(crate) struct FieldTest {
    /// The column that is compared.
    pub(crate) column: Column,
    /// Columns of which one must hold something for there to be a value.
    pub(crate) present: Vec<Column>,
    /// For money: the column of the currency, and the currency that values are in.
    pub(crate) currency: Option<(Column, String)>,
    pub(crate) kind: Kind,
    pub(crate) compare: Compare,
    /// What it is where there is no value.
    pub(crate) missing: bool,
}

#[derive(Debug)]
pub(crate) enum Compare {
    /// There is a value, or none.
    Set {
        negated: bool,
    },
    Value(Comparison, Cell),
    Between(Cell, Cell),
    /// One of these, in order and once; or none of them.
    List {
        cells: Vec<Cell>,
        negated: bool,
    },
    /// In small letters.
    Text(TextMatch, String),
    Matches(Box<Regex>),
    Holds {
        mode: HoldMode,
        options: Vec<String>,
        indexed: Option<i64>,
    },
    Relative {
        direction: Direction,
        span: Parts,
    },
    Anniversary {
        direction: Direction,
        span: Parts,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextMatch {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldMode {
    Any,
    All,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Last,
    Next,
}

/// A question about activities.
#[derive(Debug)]
pub(crate) struct EventTest {
    /// The place of its facts among those of the record.
    pub(crate) fact: usize,
    /// The kind; every kind if it is left out.
    pub(crate) kind: Option<Named>,
    /// Whether the kind has a table of properties.
    pub(crate) has_properties: bool,
    pub(crate) frame: Frame,
    pub(crate) filter: Option<Box<Node>>,
    pub(crate) measure: MeasureTest,
}

/// A name with the number that the file knows it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// Which time is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The span that ends now, both ends included.
    Within(Parts),
    /// From the first moment, included, to the second, excluded; up to now, included, without it.
    Between(Option<Timestamp>, Option<Timestamp>),
}

#[derive(Debug)]
pub(crate) enum MeasureTest {
    Count(Count),
    Figure {
        figure: Figure,
        column: Column,
        kind: Kind,
        /// For money: only this currency.
        currency: Option<(Column, String)>,
        op: Comparison,
        value: Cell,
    },
    Moment {
        end: End,
        when: WhenTest,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenTest {
    Before(Timestamp),
    After(Timestamp),
    WithinLast(Parts),
    OlderThan(Parts),
}

/// A question about related records.
#[derive(Debug)]
pub(crate) struct RelatedTest {
    pub(crate) fact: usize,
    pub(crate) way: Way,
    /// The entity types that the related records can have; one if there is a filter.
    pub(crate) types: Vec<Named>,
    pub(crate) filter: Option<Box<Node>>,
    pub(crate) count: Count,
}

/// How related records are found.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Association {
        association: Named,
        inverse: bool,
        role: Option<String>,
    },
    /// The record refers to them by this column.
    Reference(Column),
    /// They refer to the record by this column of theirs.
    Referring(Column),
}

/// A question about the past of an attribute.
#[derive(Debug)]
pub(crate) struct ChangedTest {
    pub(crate) fact: usize,
    pub(crate) attribute: String,
    /// The attribute's columns, of which a change mentions one.
    pub(crate) columns: Vec<String>,
    /// The first columns before, as far as they matter; NULL for no value.
    pub(crate) from: Option<Vec<Cell>>,
    /// The first columns after, likewise.
    pub(crate) to: Option<Vec<Cell>>,
    pub(crate) within: Option<Parts>,
}

/// A question about where the record stands.
#[derive(Debug)]
pub(crate) struct StageTest {
    pub(crate) fact: usize,
    /// The number of the lifecycle.
    pub(crate) lifecycle: i64,
    /// It stands on one of these.
    pub(crate) stages: Vec<String>,
}

/// A question about what the record scores.
#[derive(Debug)]
pub(crate) struct ScoreTest {
    pub(crate) fact: usize,
    /// The number of the model, and the version that is published.
    pub(crate) model: i64,
    pub(crate) version: i64,
    /// The place of a group; the whole score if it is left out.
    pub(crate) group: Option<usize>,
    pub(crate) op: Comparison,
    /// In thousandths of a point.
    pub(crate) value: i64,
}

/// A question about what the person allowed.
#[derive(Debug)]
pub(crate) struct ConsentTest {
    pub(crate) fact: usize,
    pub(crate) rule: Rule,
}

/// Whether a record is a member of a segment.
#[derive(Debug)]
pub(crate) struct SegmentTest {
    pub(crate) fact: usize,
    /// The number of the segment.
    pub(crate) segment: i64,
}

impl FieldTest {
    /// The columns that it looks at.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        let currency = self.currency.iter().map(|(column, _)| column);
        self.present.iter().chain([&self.column]).chain(currency)
    }
}

/// How much of an activity is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// When it happened.
    Time,
    /// The columns that every one has.
    Own,
    /// The properties of its kind too.
    Properties,
}

impl EventTest {
    /// How much of each activity it looks at.
    pub(crate) fn detail(&self) -> Detail {
        let of_filter = self.filter.iter().map(|filter| filter.detail());
        let of_measure = match &self.measure {
            MeasureTest::Figure { column, currency, .. } => {
                let currency = currency.iter().map(|(column, _)| column.detail());
                currency.chain([column.detail()]).max().unwrap_or(Detail::Time)
            }
            MeasureTest::Count(_) | MeasureTest::Moment { .. } => Detail::Time,
        };
        of_filter.chain([of_measure]).max().unwrap_or(Detail::Time)
    }
}

impl Column {
    /// How much of an activity it is part of.
    pub(crate) fn detail(&self) -> Detail {
        match (self.is_property, self.place) {
            (true, _) => Detail::Properties,
            (false, 0) => Detail::Time,
            (false, _) => Detail::Own,
        }
    }
}

impl Node {
    /// How much of each activity it looks at, as a condition about activities.
    pub(crate) fn detail(&self) -> Detail {
        let each = self.leaves().into_iter().flat_map(|leaf| match &leaf.test {
            Test::Field(test) => test.columns().map(Column::detail).max(),
            _ => Some(Detail::Properties),
        });
        each.max().unwrap_or(Detail::Time)
    }

    /// The leaves, in the order of the condition, without those within them.
    pub(crate) fn leaves(&self) -> Vec<&Leaf> {
        let mut leaves = Vec::new();
        self.visit(&mut |leaf| leaves.push(leaf));
        leaves
    }

    /// Whether it asks for consent anywhere. What the ledger permits hangs on definitions and policies
    /// too, which change without a write of the record: no answer to it is kept.
    pub(crate) fn asks_for_consent(&self) -> bool {
        self.leaves().into_iter().any(|leaf| match &leaf.test {
            Test::Consent(_) => true,
            Test::Related(test) => test.filter.as_deref().is_some_and(Self::asks_for_consent),
            _ => false,
        })
    }

    /// Whether it asks for nothing but the row.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_plain),
            Self::Not(part) => part.is_plain(),
            Self::Leaf(leaf) => matches!(leaf.test, Test::Field(_)),
        }
    }

    fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Leaf)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.visit(visit);
                }
            }
            Self::Not(part) => part.visit(visit),
            Self::Leaf(leaf) => visit(leaf),
        }
    }
}

/// How two cells of one type are ordered, as SQLite does it; `None` if one is missing.
pub(crate) fn order(one: &Cell, other: &Cell) -> Option<Ordering> {
    match (one, other) {
        (Cell::Integer(one), Cell::Integer(other)) => Some(one.cmp(other)),
        (Cell::Real(one), Cell::Real(other)) => one.partial_cmp(other),
        (Cell::Text(one), Cell::Text(other)) => Some(one.cmp(other)),
        (Cell::Blob(one), Cell::Blob(other)) => Some(one.cmp(other)),
        _ => None,
    }
}
