//! Conditions: boolean questions about one record, the one language in which lists, segments, rules
//! and guards ask.
//!
//! A condition has three forms that are proven equal: JSON (`json`), text for people (`text` reads
//! it, `print` writes it), and Rust's builder (`build`). It is read without knowing any schema;
//! `check` then judges it against one and gives a [`Checked`] condition, which has two evaluators:
//! `evaluate` over facts in memory, and SQL in `store::condition`. The invariants: both give the
//! same answer; a leaf over a missing value is false unless it says otherwise, so that every
//! condition is true or false and never unknown; time is an argument; and nothing here is deeper or
//! larger than [`limits`](crate::limits) say.

mod build;
mod check;
mod checked;
mod crossing;
mod due;
mod evaluate;
mod field;
mod json;
mod never;
mod normalise;
mod print;
mod reach;
mod request;
mod resolve;
mod ruled_out;
mod size;
mod span;
mod text;
mod timed;
mod unread;
mod when;

pub use build::FieldBuilder;
pub use evaluate::LeafReason;
pub use request::{
    CheckCondition, CheckedCondition, ConditionAnswer, ConditionPlan, EvaluateCondition,
    ExplainCondition,
};
pub use span::Span;
pub use unread::UnreadCondition;

pub(crate) use check::{AssociationShape, Schema, check};
pub(crate) use checked::{
    ACTIVITY_COLUMNS, ChangedTest, Checked, Column, Compare, Detail, Direction, EventTest,
    FieldTest, Frame, HoldMode, Leaf, MeasureTest, Named, Node, RECORD_COLUMNS, RelatedTest,
    ScoreTest, SegmentTest, StageTest, Test, TextMatch, Way, WhenTest, order,
};
pub(crate) use due::{day_begins, due};
pub(crate) use evaluate::{
    ActivityRows, ChangeFact, Facts, RelatedFact, Subject, Total, explain, fits, is_true,
};
pub(crate) use never::{LiveSegments, never, never_at_once};
pub(crate) use reach::{Hop, Kinds, Place, Reach, Reads};
pub(crate) use resolve::{
    FoundField, event, field, happening, kind, lifecycle, property, related, relatives, score,
};
pub(crate) use ruled_out::{Known, decide};
pub(crate) use span::Parts;
pub(crate) use timed::{depends_on_time, is_timed};
pub(crate) use when::{Moment, day_in_zone, has_anniversary, later_in_utc};

use crate::{Timestamp, Value, shape::debug};

/// A boolean question about one record.
///
/// ```
/// use crm_core::Condition;
///
/// let text = r#"country = "DE" and count(email_opened within 30d) >= 3"#;
/// let built = Condition::field("country").eq("DE")
///     & Condition::event("email_opened").within("P30D").count_gte(3);
/// assert_eq!(text.parse::<Condition>()?, built);
/// assert_eq!(built.to_string(), text);
/// let json = r#"{"all": [{"field": "country", "op": "eq", "value": "DE"},
///     {"event": "email_opened", "within": "P30D", "count": {"op": "gte", "value": 3}}]}"#;
/// assert_eq!(json.parse::<Condition>()?, built);
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Every one is true; true if there are none.
    All(Vec<Self>),
    /// At least one is true; false if there are none.
    Any(Vec<Self>),
    /// It is not true.
    Not(Box<Self>),
    /// A field of the record compares so.
    Field(FieldCondition),
    /// Something happened so often, or so much of it, or at such a time.
    Event(EventCondition),
    /// The record has related records of that sort.
    Related(RelatedCondition),
    /// An attribute was changed.
    Changed(ChangedCondition),
    /// The record is a member of a segment.
    Segment(String),
    /// The record stands on a stage of a lifecycle.
    Stage(StageCondition),
    /// The record scores so much.
    Score(ScoreCondition),
    /// The person allowed it.
    Consent(ConsentCondition),
    /// Text that says no condition: it comes from Swift and Kotlin only, and is refused where it is
    /// asked, with its place.
    Unread(UnreadCondition),
}

macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $text:literal, )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$doc])* $variant, )* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }
    };
}

named! {
    /// How a field is compared.
    Operator {
        /// It equals the value.
        Eq = "eq",
        /// It has a value, and another one.
        Neq = "neq",
        /// It is less.
        Lt = "lt",
        /// It is less or equal.
        Lte = "lte",
        /// It is greater.
        Gt = "gt",
        /// It is greater or equal.
        Gte = "gte",
        /// It lies between two values, both included.
        Between = "between",
        /// It equals one of the values.
        In = "in",
        /// It has a value, and none of these.
        NotIn = "not_in",
        /// The text contains this one, whatever the case of the letters.
        Contains = "contains",
        /// The text begins so, whatever the case of the letters.
        StartsWith = "starts_with",
        /// The text ends so, whatever the case of the letters.
        EndsWith = "ends_with",
        /// The whole text matches a regular expression of linear time.
        Matches = "matches",
        /// There is a value.
        IsSet = "is_set",
        /// There is none.
        IsMissing = "is_missing",
        /// The choices hold one of these.
        HasAny = "has_any",
        /// The choices hold all of these.
        HasAll = "has_all",
        /// The choices hold none of these.
        HasNone = "has_none",
        /// The day or moment lies in the span that ends now, both ends included.
        WithinLast = "within_last",
        /// The day or moment lies in the span that begins now, both ends included.
        WithinNext = "within_next",
        /// An anniversary of the day lies in the span that ends today.
        AnniversaryWithinLast = "anniversary_within_last",
        /// An anniversary of the day lies in the span that begins today.
        AnniversaryWithinNext = "anniversary_within_next",
    }
}

/// What an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    One,
    Many,
    Span,
}

impl Operator {
    pub(crate) const fn takes(self) -> Takes {
        match self {
            Self::IsSet | Self::IsMissing => Takes::Nothing,
            Self::Between
            | Self::In
            | Self::NotIn
            | Self::HasAny
            | Self::HasAll
            | Self::HasNone => Takes::Many,
            Self::WithinLast
            | Self::WithinNext
            | Self::AnniversaryWithinLast
            | Self::AnniversaryWithinNext => Takes::Span,
            _ => Takes::One,
        }
    }
}

/// What a field is compared with; the operator says which of these it takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Nothing: `is_set` and `is_missing`.
    Nothing,
    /// A value.
    One(Value),
    /// Values: two for `between`, any number for lists.
    Many(Vec<Value>),
    /// A span: the operators relative to now.
    Span(Span),
}

/// A comparison of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldCondition {
    /// The attribute, a part of one such as `home.city`, `price.currency` or `cv.size`, or one of
    /// `id`, `version`, `created_at`, `updated_at`.
    pub field: String,
    /// How it is compared.
    pub op: Operator,
    /// With what.
    pub value: Operand,
    /// Whether it is true where there is no value.
    pub missing: bool,
}

named! {
    /// How two numbers or values are compared.
    Comparison {
        /// Equal.
        Eq = "eq",
        /// Not equal.
        Neq = "neq",
        /// Less.
        Lt = "lt",
        /// Less or equal.
        Lte = "lte",
        /// Greater.
        Gt = "gt",
        /// Greater or equal.
        Gte = "gte",
    }
}

impl Comparison {
    /// The sign in text and in SQL.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Neq => "<>",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Gt => ">",
            Self::Gte => ">=",
        }
    }

    /// Whether two that stand so to each other compare so.
    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Neq => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Lte => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Gte => order.is_ge(),
        }
    }
}

/// A number of occurrences compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How it is compared.
    pub op: Comparison,
    /// With how many.
    pub value: u32,
}

impl Count {
    /// At least one: what is meant where nothing is said.
    pub const SOME: Self = Self { op: Comparison::Gte, value: 1 };
}

/// A question about the activities of the record that are of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct EventCondition {
    /// The kind of activity; `any` is every kind.
    pub event: String,
    /// Only those of the span that ends now.
    pub within: Option<Span>,
    /// Only those at or after this moment.
    pub from: Option<Timestamp>,
    /// Only those before this moment. Without it, those up to now.
    pub until: Option<Timestamp>,
    /// Only those for which this is true: over the kind's properties and `at`, `channel`,
    /// `direction`, `amount`.
    pub filter: Option<Box<Condition>>,
    /// What about them.
    pub measure: Measure,
}

/// What is asked of the activities.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// How many there are.
    Count(Count),
    /// The sum, least or greatest of a property.
    Figure {
        /// Which of them.
        figure: Figure,
        /// The property, or `amount`.
        property: String,
        /// How it is compared.
        op: Comparison,
        /// With what: a value as the property takes it. Money counts only in this currency.
        value: Value,
    },
    /// When the first or last of them was.
    Moment {
        /// Which of them.
        end: End,
        /// How its time is compared, and with what.
        when: When,
    },
}

named! {
    /// A figure over activities. The sum of none is 0; the least and the greatest of none is
    /// missing, and so the condition false.
    Figure {
        /// The sum.
        Sum = "sum",
        /// The least.
        Min = "min",
        /// The greatest.
        Max = "max",
    }
}

named! {
    /// Which end of a row of activities.
    End {
        /// The earliest.
        First = "first",
        /// The latest.
        Last = "last",
    }
}

/// How the time of an activity is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Before this moment.
    Before(Timestamp),
    /// After this moment.
    After(Timestamp),
    /// In the span that ends now, both ends included.
    WithinLast(Span),
    /// Before the span that ends now.
    OlderThan(Span),
}

/// A question about the records that are related to this one.
#[derive(Clone, PartialEq)]
pub struct RelatedCondition {
    /// The association type; or an attribute of kind `reference`, which with `inverse` is named as
    /// `type.attribute`.
    pub related: String,
    /// Whether the other record points to this one.
    pub inverse: bool,
    /// Only related records of this entity type.
    pub entity_type: Option<String>,
    /// Only associations of this role.
    pub role: Option<String>,
    /// Only related records for which this is true.
    pub filter: Option<Box<Condition>>,
    /// How many of them there are.
    pub count: Count,
}

debug! { RelatedCondition shows(related, inverse, entity_type, filter, count) hides(role) }

/// A question about the past of an attribute, as the journal has it. Creation counts as a change
/// from no value.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedCondition {
    /// The attribute.
    pub changed: String,
    /// Only changes from this value; null is no value.
    pub from: Option<Value>,
    /// Only changes to this value; null is no value.
    pub to: Option<Value>,
    /// Only changes of the span that ends now.
    pub within: Option<Span>,
}

named! {
    /// How stages are compared.
    StageOperator {
        /// It stands on this stage.
        Eq = "eq",
        /// It stands on another.
        Neq = "neq",
        /// It stands on this stage or a later one.
        AtLeast = "at_least",
        /// It stands on this stage or an earlier one.
        AtMost = "at_most",
    }
}

/// Where the record stands. It is false for a record that has not entered any stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageCondition {
    /// How stages are compared. Those that are lost or beside the way are neither earlier nor later.
    pub op: StageOperator,
    /// The stage.
    pub value: String,
    /// The lifecycle; the only one of the entity type if it is left out.
    pub lifecycle: Option<String>,
}

/// What the record scores, as it is kept: see `scores.read` for a moment of the past. It is false for a
/// record that was not scored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreCondition {
    /// The score, or as `score.group` one group of it; the only score of the type if it is left out.
    pub name: Option<String>,
    /// How it is compared.
    pub op: Comparison,
    /// With how many points, with at most three digits after the point.
    pub value: Value,
}

/// Whether the person may be contacted, as the decision answers where no address is named: an address that
/// is suppressed permits nothing. What is of the moment of sending is left to the decision: caps, pressure,
/// quiet hours and how often the person wants to be contacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentCondition {
    /// The channel, such as `email`.
    pub channel: String,
    /// The purpose, such as `newsletter`.
    pub purpose: String,
}

// As JSON in text: the form in which Swift and Kotlin carry it.
#[cfg(feature = "uniffi")]
uniffi::custom_type!(Condition, String, {
    lower: |condition| json::to_text(&condition),
    try_lift: |text| Ok(Condition::read_or_keep(text)),
});

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Condition {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A boolean question about one record: an object such as \
                {\"field\": \"country\", \"op\": \"eq\", \"value\": \"DE\"}, or the same as text.",
            "type": ["object", "string"],
        })
    }
}

#[cfg(test)]
mod tests;
