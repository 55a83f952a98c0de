//! Conditions as text for people, logs and comparisons: what `text` reads back to the same.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{
    ChangedCondition, Condition, Count, End, EventCondition, FieldCondition, Measure, Operand,
    Operator, RelatedCondition, Takes, When, text,
};
use crate::{
    Value,
    scan::{self, quoted, sign},
};

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) if parts.len() > 1 => joined(f, parts, " and "),
            Self::Any(parts) if parts.len() > 1 => joined(f, parts, " or "),
            Self::All(parts) => call(f, "all", parts),
            Self::Any(parts) => call(f, "any", parts),
            Self::Not(part) => {
                f.write_str("not ")?;
                operand(f, part)
            }
            Self::Field(field) => write_field(f, field),
            Self::Event(event) => write_event(f, event),
            Self::Related(related) => write_related(f, related),
            Self::Changed(changed) => write_changed(f, changed),
            Self::Segment(segment) => write!(f, "in segment {}", quoted(segment)),
            Self::Stage(stage) => {
                write!(f, "stage({} {}", stage.op.name(), quoted(&stage.value))?;
                if let Some(lifecycle) = &stage.lifecycle {
                    write!(f, " in {}", quoted(lifecycle))?;
                }
                f.write_char(')')
            }
            Self::Score(score) => {
                f.write_str("score(")?;
                if let Some(name) = &score.name {
                    write!(f, "{} ", quoted(name))?;
                }
                write!(f, "{} ", sign(score.op))?;
                write_value(f, &score.value)?;
                f.write_char(')')
            }
            Self::Consent(consent) => {
                write!(f, "consent({}, {})", quoted(&consent.channel), quoted(&consent.purpose))
            }
            Self::Unread(unread) => f.write_str(unread.text()),
        }
    }
}

/// A condition within another: in parentheses where it has an `and` or `or` of its own.
fn operand(f: &mut Formatter<'_>, condition: &Condition) -> fmt::Result {
    match condition {
        Condition::All(parts) | Condition::Any(parts) if parts.len() > 1 => {
            write!(f, "({condition})")
        }
        _ => condition.fmt(f),
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Condition], word: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        operand(f, part)?;
    }
    Ok(())
}

fn call(f: &mut Formatter<'_>, name: &str, parts: &[Condition]) -> fmt::Result {
    write!(f, "{name}(")?;
    for part in parts {
        part.fmt(f)?;
    }
    f.write_char(')')
}

/// The words of an operator; those that compare have signs.
pub(super) const fn words(op: Operator) -> &'static str {
    match op {
        Operator::Eq => "=",
        Operator::Neq => "!=",
        Operator::Lt => "<",
        Operator::Lte => "<=",
        Operator::Gt => ">",
        Operator::Gte => ">=",
        Operator::Between => "between",
        Operator::In => "in",
        Operator::NotIn => "not in",
        Operator::Contains => "contains",
        Operator::StartsWith => "starts with",
        Operator::EndsWith => "ends with",
        Operator::Matches => "matches",
        Operator::IsSet => "is set",
        Operator::IsMissing => "is missing",
        Operator::HasAny => "has any",
        Operator::HasAll => "has all",
        Operator::HasNone => "has none",
        Operator::WithinLast => "within last",
        Operator::WithinNext => "within next",
        Operator::AnniversaryWithinLast => "anniversary within last",
        Operator::AnniversaryWithinNext => "anniversary within next",
    }
}

fn write_field(f: &mut Formatter<'_>, field: &FieldCondition) -> fmt::Result {
    if field.missing {
        f.write_char('(')?;
    }
    write!(f, "{} {}", name(&field.field), words(field.op))?;
    match &field.value {
        Operand::Nothing => {}
        Operand::Span(span) => write!(f, " {}", span.plain())?,
        Operand::One(value) => {
            f.write_char(' ')?;
            write_value(f, value)?;
        }
        Operand::Many(values) if field.op == Operator::Between && values.len() == 2 => {
            f.write_char(' ')?;
            write_value(f, &values[0])?;
            f.write_str(" and ")?;
            write_value(f, &values[1])?;
        }
        Operand::Many(values) => {
            f.write_str(" (")?;
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    f.write_str(", ")?;
                }
                write_value(f, value)?;
            }
            f.write_char(')')?;
        }
    }
    debug_assert!(field.op.takes() != Takes::Nothing || field.value == Operand::Nothing);
    if field.missing { f.write_str(" or missing)") } else { Ok(()) }
}

fn write_event(f: &mut Formatter<'_>, event: &EventCondition) -> fmt::Result {
    match &event.measure {
        Measure::Count(_) => f.write_str("count(")?,
        Measure::Figure { figure, property, .. } => {
            write!(f, "{}({} of ", figure.name(), name(property))?;
        }
        Measure::Moment { end: End::First, .. } => f.write_str("first(")?,
        Measure::Moment { end: End::Last, .. } => f.write_str("last(")?,
    }
    f.write_str(&name(&event.event))?;
    if let Some(span) = &event.within {
        write!(f, " within {}", span.plain())?;
    }
    if let Some(from) = event.from {
        write!(f, " from \"{from}\"")?;
    }
    if let Some(until) = event.until {
        write!(f, " until \"{until}\"")?;
    }
    if let Some(filter) = &event.filter {
        write!(f, " where {filter}")?;
    }
    f.write_str(") ")?;
    match &event.measure {
        Measure::Count(Count { op, value }) => write!(f, "{} {value}", sign(*op)),
        Measure::Figure { op, value, .. } => {
            write!(f, "{} ", sign(*op))?;
            write_value(f, value)
        }
        Measure::Moment { when, .. } => match when {
            When::Before(moment) => write!(f, "before \"{moment}\""),
            When::After(moment) => write!(f, "after \"{moment}\""),
            When::WithinLast(span) => write!(f, "within last {}", span.plain()),
            When::OlderThan(span) => write!(f, "older than {}", span.plain()),
        },
    }
}

fn write_related(f: &mut Formatter<'_>, related: &RelatedCondition) -> fmt::Result {
    f.write_str(if related.inverse { "related(inverse " } else { "related(" })?;
    f.write_str(&name(&related.related))?;
    if let Some(entity_type) = &related.entity_type {
        write!(f, " as {}", name(entity_type))?;
    }
    if let Some(role) = &related.role {
        write!(f, " role {}", quoted(role))?;
    }
    if let Some(filter) = &related.filter {
        write!(f, ": {filter}")?;
    }
    f.write_char(')')?;
    let Count { op, value } = related.count;
    if related.count == Count::SOME { Ok(()) } else { write!(f, " {} {value}", sign(op)) }
}

fn write_changed(f: &mut Formatter<'_>, changed: &ChangedCondition) -> fmt::Result {
    write!(f, "changed({}", name(&changed.changed))?;
    for (word, value) in [(" from ", &changed.from), (" to ", &changed.to)] {
        if let Some(value) = value {
            f.write_str(word)?;
            write_value(f, value)?;
        }
    }
    if let Some(span) = &changed.within {
        write!(f, " within {}", span.plain())?;
    }
    f.write_char(')')
}

/// A value as JSON, except that money is written as people do: `19.90 EUR`.
fn write_value(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Money(money)
            if text::is_number(&money.amount) && scan::is_currency(&money.currency) =>
        {
            write!(f, "{} {}", money.amount, money.currency)
        }
        other => f.write_str(&serde_json::to_string(other).map_err(|_| fmt::Error)?),
    }
}

/// A name, in backticks where it could be read as something else.
fn name(name: &str) -> String {
    scan::name(name, text::KEYWORDS)
}
