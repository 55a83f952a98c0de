//! Conditions written in Rust: `Condition::field("employees").gte(50) & !Condition::event("bounced")
//! .happened()`.
//!
//! Building cannot fail; what makes no sense is refused when the condition is checked.

use std::ops::{BitAnd, BitOr, Not};

use super::{
    ChangedCondition, Comparison, Condition, Count, End, EventCondition, FieldCondition, Figure,
    Measure, Operand, Operator, RelatedCondition, Span, StageCondition, StageOperator, When,
};
use crate::{Timestamp, Value};

/// A field about to be compared: see [`Condition::field`].
#[derive(Debug, Clone)]
#[must_use = "name the comparison"]
pub struct FieldBuilder {
    field: String,
    missing: bool,
}

macro_rules! comparisons {
    ($( $(#[$doc:meta])* $method:ident => $operator:ident; )*) => {
        $( $(#[$doc])*
        #[must_use]
        pub fn $method(self, value: impl Into<Value>) -> Condition {
            self.build(Operator::$operator, Operand::One(value.into()))
        } )*
    };
}

macro_rules! lists {
    ($( $(#[$doc:meta])* $method:ident => $operator:ident; )*) => {
        $( $(#[$doc])*
        #[must_use]
        pub fn $method<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Condition {
            let values = values.into_iter().map(Into::into).collect();
            self.build(Operator::$operator, Operand::Many(values))
        } )*
    };
}

macro_rules! spans {
    ($( $(#[$doc:meta])* $method:ident => $operator:ident; )*) => {
        $( $(#[$doc])*
        #[must_use]
        pub fn $method(self, span: impl Into<Span>) -> Condition {
            self.build(Operator::$operator, Operand::Span(span.into()))
        } )*
    };
}

impl FieldBuilder {
    /// True also where there is no value.
    pub fn or_missing(mut self) -> Self {
        self.missing = true;
        self
    }

    comparisons! {
        /// It equals the value.
        eq => Eq;
        /// It has another value.
        neq => Neq;
        /// It is less.
        lt => Lt;
        /// It is less or equal.
        lte => Lte;
        /// It is greater.
        gt => Gt;
        /// It is greater or equal.
        gte => Gte;
        /// The text contains this one, whatever the case of the letters.
        contains => Contains;
        /// The text begins so, whatever the case of the letters.
        starts_with => StartsWith;
        /// The text ends so, whatever the case of the letters.
        ends_with => EndsWith;
        /// The whole text matches a regular expression.
        matches => Matches;
    }

    lists! {
        /// It equals one of the values.
        one_of => In;
        /// It has a value that is none of these.
        none_of => NotIn;
        /// The choices hold one of these.
        has_any => HasAny;
        /// The choices hold all of these.
        has_all => HasAll;
        /// The choices hold none of these.
        has_none => HasNone;
    }

    spans! {
        /// The day or moment lies in the span that ends now.
        within_last => WithinLast;
        /// The day or moment lies in the span that begins now.
        within_next => WithinNext;
        /// An anniversary lies in the span that ends today.
        anniversary_within_last => AnniversaryWithinLast;
        /// An anniversary lies in the span that begins today.
        anniversary_within_next => AnniversaryWithinNext;
    }

    /// It lies between the two, both included.
    #[must_use]
    pub fn between(self, least: impl Into<Value>, most: impl Into<Value>) -> Condition {
        self.build(Operator::Between, Operand::Many(vec![least.into(), most.into()]))
    }

    /// There is a value.
    #[must_use]
    pub fn is_set(self) -> Condition {
        self.build(Operator::IsSet, Operand::Nothing)
    }

    /// There is no value.
    #[must_use]
    pub fn is_missing(self) -> Condition {
        self.build(Operator::IsMissing, Operand::Nothing)
    }

    fn build(self, op: Operator, value: Operand) -> Condition {
        let Self { field, missing } = self;
        Condition::Field(FieldCondition { field, op, value, missing })
    }
}

impl Condition {
    /// A field of the record: name the comparison next.
    pub fn field(field: impl Into<String>) -> FieldBuilder {
        FieldBuilder { field: field.into(), missing: false }
    }

    /// A stage of the only lifecycle of the entity type, compared so with where the record stands.
    #[must_use]
    pub fn stage(op: StageOperator, stage: impl Into<String>) -> Self {
        Self::Stage(StageCondition { op, value: stage.into(), lifecycle: None })
    }

    /// The same question about a stage, in this lifecycle. Any other condition stays as it is.
    #[must_use]
    pub fn of_lifecycle(self, lifecycle: impl Into<String>) -> Self {
        match self {
            Self::Stage(stage) => {
                Self::Stage(StageCondition { lifecycle: Some(lifecycle.into()), ..stage })
            }
            other => other,
        }
    }

    /// Activities of a kind: narrow them down, then say what about them.
    #[must_use]
    pub fn event(event: impl Into<String>) -> EventCondition {
        EventCondition {
            event: event.into(),
            within: None,
            from: None,
            until: None,
            filter: None,
            measure: Measure::Count(Count::SOME),
        }
    }

    /// Related records: narrow them down, then say how many.
    #[must_use]
    pub fn related(related: impl Into<String>) -> RelatedCondition {
        RelatedCondition {
            related: related.into(),
            inverse: false,
            entity_type: None,
            role: None,
            filter: None,
            count: Count::SOME,
        }
    }

    /// A change of an attribute: narrow it down.
    #[must_use]
    pub fn changed(attribute: impl Into<String>) -> ChangedCondition {
        ChangedCondition { changed: attribute.into(), from: None, to: None, within: None }
    }
}

impl EventCondition {
    /// Only those of the span that ends now.
    #[must_use]
    pub fn within(mut self, span: impl Into<Span>) -> Self {
        self.within = Some(span.into());
        self
    }

    /// Only those at or after this moment.
    #[must_use]
    pub fn from(mut self, moment: Timestamp) -> Self {
        self.from = Some(moment);
        self
    }

    /// Only those before this moment.
    #[must_use]
    pub fn until(mut self, moment: Timestamp) -> Self {
        self.until = Some(moment);
        self
    }

    /// Only those for which this is true.
    #[must_use]
    pub fn filter(mut self, condition: Condition) -> Self {
        self.filter = Some(Box::new(condition));
        self
    }

    /// How many there are.
    #[must_use]
    pub fn count(self, op: Comparison, value: u32) -> Condition {
        self.measure(Measure::Count(Count { op, value }))
    }

    /// There are so many, or more.
    #[must_use]
    pub fn count_gte(self, value: u32) -> Condition {
        self.count(Comparison::Gte, value)
    }

    /// There is one.
    #[must_use]
    pub fn happened(self) -> Condition {
        self.measure(Measure::Count(Count::SOME))
    }

    /// There is none.
    #[must_use]
    pub fn never(self) -> Condition {
        self.count(Comparison::Eq, 0)
    }

    /// The sum, least or greatest of a property.
    #[must_use]
    pub fn figure(
        self,
        figure: Figure,
        property: impl Into<String>,
        op: Comparison,
        value: impl Into<Value>,
    ) -> Condition {
        let (property, value) = (property.into(), value.into());
        self.measure(Measure::Figure { figure, property, op, value })
    }

    /// When the first was.
    #[must_use]
    pub fn first(self, when: When) -> Condition {
        self.measure(Measure::Moment { end: End::First, when })
    }

    /// When the last was.
    #[must_use]
    pub fn last(self, when: When) -> Condition {
        self.measure(Measure::Moment { end: End::Last, when })
    }

    fn measure(mut self, measure: Measure) -> Condition {
        self.measure = measure;
        Condition::Event(self)
    }
}

impl RelatedCondition {
    /// Those that point to this record.
    #[must_use]
    pub fn inverse(mut self) -> Self {
        self.inverse = true;
        self
    }

    /// Only those of this entity type.
    #[must_use]
    pub fn of_type(mut self, entity_type: impl Into<String>) -> Self {
        self.entity_type = Some(entity_type.into());
        self
    }

    /// Only those in this role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Only those for which this is true.
    #[must_use]
    pub fn filter(mut self, condition: Condition) -> Self {
        self.filter = Some(Box::new(condition));
        self
    }

    /// How many there are.
    #[must_use]
    pub fn count(mut self, op: Comparison, value: u32) -> Condition {
        self.count = Count { op, value };
        Condition::Related(self)
    }

    /// There is one.
    #[must_use]
    pub fn exists(self) -> Condition {
        Condition::Related(self)
    }
}

impl ChangedCondition {
    /// Only changes to this value; null is no value.
    #[must_use]
    pub fn to(mut self, value: impl Into<Value>) -> Self {
        self.to = Some(value.into());
        self
    }

    /// Only changes from this value; null is no value.
    #[must_use]
    pub fn from(mut self, value: impl Into<Value>) -> Self {
        self.from = Some(value.into());
        self
    }

    /// Only changes of the span that ends now.
    #[must_use]
    pub fn within(mut self, span: impl Into<Span>) -> Self {
        self.within = Some(span.into());
        self
    }

    /// It happened.
    #[must_use]
    pub fn happened(self) -> Condition {
        Condition::Changed(self)
    }
}

impl BitAnd for Condition {
    type Output = Self;

    /// Both; a chain of them makes one list.
    fn bitand(self, other: Self) -> Self {
        match self {
            Self::All(mut parts) => {
                parts.push(other);
                Self::All(parts)
            }
            first => Self::All(vec![first, other]),
        }
    }
}

impl BitOr for Condition {
    type Output = Self;

    /// At least one; a chain of them makes one list.
    fn bitor(self, other: Self) -> Self {
        match self {
            Self::Any(mut parts) => {
                parts.push(other);
                Self::Any(parts)
            }
            first => Self::Any(vec![first, other]),
        }
    }
}

impl Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}
