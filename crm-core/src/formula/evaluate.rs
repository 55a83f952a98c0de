//! What a formula gives for a record in memory.
//!
//! Total: whatever the cells hold, the answer is a value or none. A formula that was not checked, as
//! in a file that was tampered with, gives nothing where its parts do not go together.

use std::{borrow::Cow, cmp::Ordering};

use super::{Formula, Function, Literal, Number, Operator, number::PLACES};
use crate::{
    Date, Kind, Money, Timestamp, Value,
    cell::Cell,
    limits,
    normal::{self, decimal::format_scaled},
    schema::{AttributeModel, TypeModel},
};

/// What a part of a formula is for one record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum<'a> {
    Missing,
    Truth(bool),
    Number(Number),
    Real(f64),
    Money(Number, &'static str),
    Text(Cow<'a, str>),
    Date(Date),
    Timestamp(Timestamp),
    /// There, and no more can be said.
    Other,
}

use Datum as D;

/// The value that the formula of `attribute` gives for the row of `cells`; null if it is missing.
pub(crate) fn evaluate(model: &TypeModel, attribute: &AttributeModel, cells: &[Cell]) -> Value {
    let Some(formula) = &attribute.formula else { return Value::Null };
    assign(model, attribute, formula, cells)
}

/// The value that an attribute gets from a formula over the row of `cells`; null if it is missing.
pub(crate) fn assign(
    model: &TypeModel,
    attribute: &AttributeModel,
    formula: &Formula,
    cells: &[Cell],
) -> Value {
    let row = Row { model, cells };
    row.evaluate(formula).store(attribute).unwrap_or_default()
}

/// A record that a formula reads.
#[derive(Clone, Copy)]
struct Row<'a> {
    model: &'a TypeModel,
    cells: &'a [Cell],
}

impl<'a> Row<'a> {
    fn evaluate(self, formula: &'a Formula) -> Datum<'a> {
        match formula {
            Formula::Literal(literal) => match literal {
                Literal::Null => D::Missing,
                Literal::Truth(truth) => D::Truth(*truth),
                Literal::Number(number) => D::Number(*number),
                Literal::Money(number, code) => D::Money(*number, code),
                Literal::Text(text) => D::text(Cow::Borrowed(text)),
            },
            Formula::Attribute(name) => match self.model.find(name) {
                Some(attribute) => D::read(attribute, &self.cells[attribute.span()]),
                None => D::Missing,
            },
            Formula::Negate(operand) => match self.evaluate(operand) {
                D::Number(number) => D::Number(number.negate()),
                D::Real(real) => D::Real(-real),
                D::Money(number, currency) => D::Money(number.negate(), currency),
                _ => D::Missing,
            },
            Formula::Not(operand) => match self.evaluate(operand) {
                D::Truth(truth) => D::Truth(!truth),
                _ => D::Missing,
            },
            Formula::Operation(op, left, right) => {
                operate(*op, self.evaluate(left), self.evaluate(right))
            }
            Formula::Call(function, parts) => self.call(*function, parts),
            // Its value was written before; here it is none.
            Formula::Rollup(_) => D::Missing,
        }
    }

    fn call(self, function: Function, parts: &'a [Formula]) -> Datum<'a> {
        match (function, parts) {
            (Function::If, [condition, one, other]) => match self.evaluate(condition) {
                D::Truth(true) => self.evaluate(one),
                _ => self.evaluate(other),
            },
            (Function::Coalesce, parts) => {
                let mut data = parts.iter().map(|part| self.evaluate(part));
                data.find(|datum| *datum != D::Missing).unwrap_or(D::Missing)
            }
            (Function::Concat, parts) => {
                let mut joined = String::new();
                for part in parts {
                    match self.evaluate(part) {
                        D::Text(text) => joined.push_str(&text),
                        D::Number(number) => joined.push_str(&number.to_string()),
                        D::Date(date) => joined.push_str(&date.to_string()),
                        _ => {}
                    }
                    if joined.len() > limits::LONG_TEXT_BYTES {
                        return D::Missing;
                    }
                }
                D::text(Cow::Owned(joined))
            }
            (function, [part]) => one(function, self.evaluate(part)),
            (Function::Substring, [text, from, count]) => {
                substring(self.evaluate(text), self.evaluate(from), Some(self.evaluate(count)))
            }
            (function, [left, right]) => two(function, self.evaluate(left), self.evaluate(right)),
            _ => D::Missing,
        }
    }
}

impl<'a> Datum<'a> {
    /// A text; missing if it is empty or longer than any that can be stored.
    fn text(text: Cow<'a, str>) -> Self {
        let is_kept = !text.is_empty() && text.len() <= limits::LONG_TEXT_BYTES;
        if is_kept { D::Text(text) } else { D::Missing }
    }

    fn number(number: Option<Number>) -> Self {
        number.map_or(D::Missing, D::Number)
    }

    pub(super) fn count(count: i64) -> Self {
        D::Number(Number::from_scaled(count, 0))
    }

    fn date(date: Option<Date>) -> Self {
        date.map_or(D::Missing, D::Date)
    }

    /// What the columns of an attribute hold.
    fn read(attribute: &AttributeModel, cells: &'a [Cell]) -> Self {
        Self::of(attribute.definition.kind, attribute.scale(), cells)
    }

    /// What columns hold of a value of this kind.
    pub(super) fn of(kind: Kind, scale: u8, cells: &'a [Cell]) -> Self {
        match (kind, cells) {
            (_, cells) if cells.iter().all(|cell| matches!(cell, Cell::Null)) => D::Missing,
            (Kind::Checkbox, [Cell::Integer(truth)]) => D::Truth(*truth != 0),
            (Kind::Integer | Kind::Rating, [Cell::Integer(number)]) => D::count(*number),
            (Kind::Decimal, [Cell::Integer(scaled)]) => {
                D::Number(Number::from_scaled(*scaled, scale))
            }
            (Kind::Real, [Cell::Real(real)]) => D::Real(*real),
            (Kind::Money, [Cell::Integer(amount), Cell::Text(code)]) => {
                match normal::currency::currency(code) {
                    Ok((code, places)) => D::Money(Number::from_scaled(*amount, places), code),
                    Err(_) => D::Missing,
                }
            }
            (Kind::Date, [Cell::Integer(days)]) => D::date(to_date(*days)),
            (Kind::Timestamp, [Cell::Integer(micros)]) => {
                Timestamp::from_micros(*micros).map_or(D::Missing, D::Timestamp)
            }
            (Kind::Choices | Kind::Address | Kind::File | Kind::Reference, _) => D::Other,
            (_, [Cell::Text(text), ..]) => D::text(Cow::Borrowed(text)),
            _ => D::Missing,
        }
    }

    /// The value for an attribute of this kind; `None` if it is missing or does not fit.
    pub(super) fn store(self, attribute: &AttributeModel) -> Option<Value> {
        match (attribute.definition.kind, self) {
            (Kind::Text | Kind::LongText, D::Text(text)) => Some(Value::Text(text.into_owned())),
            (Kind::Checkbox, D::Truth(truth)) => Some(Value::Bool(truth)),
            (Kind::Integer, D::Number(number)) => number.to_scaled(0).map(Value::Integer),
            (Kind::Decimal, D::Number(number)) => {
                let scale = attribute.scale();
                Some(Value::Text(format_scaled(number.to_scaled(scale)?, scale)))
            }
            (Kind::Real, D::Number(number)) => Some(Value::Real(number.to_real())),
            (Kind::Real, D::Real(real)) => Some(Value::Real(real)),
            (Kind::Money, D::Money(number, code)) => {
                let (_, places) = normal::currency::currency(code).ok()?;
                let money = Money::from_minor_units(number.to_scaled(places)?, code);
                money.ok().map(Value::Money)
            }
            (Kind::Date, D::Date(date)) => Some(Value::from(date)),
            (Kind::Timestamp, D::Timestamp(timestamp)) => Some(Value::from(timestamp)),
            _ => None,
        }
    }

    /// The same, independent of what it was read from.
    pub(super) fn into_owned(self) -> Datum<'static> {
        match self {
            D::Missing => D::Missing,
            D::Truth(truth) => D::Truth(truth),
            D::Number(number) => D::Number(number),
            D::Real(real) => D::Real(real),
            D::Money(number, code) => D::Money(number, code),
            D::Text(text) => D::Text(Cow::Owned(text.into_owned())),
            D::Date(date) => D::Date(date),
            D::Timestamp(timestamp) => D::Timestamp(timestamp),
            D::Other => D::Other,
        }
    }

    fn real(&self) -> Option<f64> {
        match self {
            D::Number(number) => Some(number.to_real()),
            D::Real(real) => Some(*real),
            _ => None,
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            D::Number(number) => number.to_whole(),
            _ => None,
        }
    }
}

fn to_date(days: i64) -> Option<Date> {
    Date::from_days(i32::try_from(days).ok()?).ok()
}

fn operate<'a>(op: Operator, left: Datum<'a>, right: Datum<'a>) -> Datum<'a> {
    match (op, left, right) {
        (Operator::And, D::Truth(false), _) | (Operator::And, _, D::Truth(false)) => {
            D::Truth(false)
        }
        (Operator::Or, D::Truth(true), _) | (Operator::Or, _, D::Truth(true)) => D::Truth(true),
        (Operator::And, D::Truth(true), D::Truth(true)) => D::Truth(true),
        (Operator::Or, D::Truth(false), D::Truth(false)) => D::Truth(false),
        (Operator::Compare(op), left, right) => {
            order(&left, &right).map_or(D::Missing, |order| D::Truth(op.holds(order)))
        }
        (op, D::Number(left), D::Number(right)) => D::number(calculate(op, left, right)),
        (
            op @ (Operator::Add | Operator::Subtract),
            D::Money(left, one),
            D::Money(right, other),
        ) if one == other => {
            calculate(op, left, right).map_or(D::Missing, |sum| D::Money(sum, one))
        }
        (Operator::Multiply, D::Money(left, currency), D::Number(right))
        | (Operator::Multiply, D::Number(right), D::Money(left, currency)) => {
            left.multiply(right).map_or(D::Missing, |product| D::Money(product, currency))
        }
        (Operator::Divide, D::Money(left, currency), D::Number(right)) => {
            left.divide(right).map_or(D::Missing, |quotient| D::Money(quotient, currency))
        }
        (Operator::Divide, D::Money(left, one), D::Money(right, other)) if one == other => {
            D::number(left.divide(right))
        }
        (op, left, right) => match (left.real(), right.real()) {
            (Some(left), Some(right)) => calculate_real(op, left, right),
            _ => D::Missing,
        },
    }
}

fn calculate(op: Operator, left: Number, right: Number) -> Option<Number> {
    match op {
        Operator::Add => left.add(right),
        Operator::Subtract => left.add(right.negate()),
        Operator::Multiply => left.multiply(right),
        Operator::Divide => left.divide(right),
        _ => None,
    }
}

/// What is infinite or no number is missing: so a comparison never meets it.
fn calculate_real<'a>(op: Operator, left: f64, right: f64) -> Datum<'a> {
    let real = match op {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        _ => return D::Missing,
    };
    if real.is_finite() { D::Real(real) } else { D::Missing }
}

pub(super) fn order(left: &Datum<'_>, right: &Datum<'_>) -> Option<Ordering> {
    match (left, right) {
        (D::Truth(left), D::Truth(right)) => Some(left.cmp(right)),
        (D::Number(left), D::Number(right)) => Some(left.cmp(right)),
        (D::Money(left, one), D::Money(right, other)) => (one == other).then(|| left.cmp(right)),
        (D::Text(left), D::Text(right)) => Some(left.cmp(right)),
        (D::Date(left), D::Date(right)) => Some(left.cmp(right)),
        (D::Timestamp(left), D::Timestamp(right)) => Some(left.cmp(right)),
        (left, right) => left.real()?.partial_cmp(&right.real()?),
    }
}

/// Calls a function of one part.
fn one(function: Function, datum: Datum<'_>) -> Datum<'_> {
    use Function as F;
    match (function, datum) {
        (F::IsMissing, datum) => D::Truth(datum == D::Missing),
        (F::Round, datum) => two(F::Round, datum, D::count(0)),
        (F::Abs, D::Number(number)) => D::Number(number.abs()),
        (F::Abs, D::Real(real)) => D::Real(real.abs()),
        (F::Abs, D::Money(number, currency)) => D::Money(number.abs(), currency),
        (F::Amount, D::Money(number, _)) => D::Number(number),
        (F::Currency, D::Money(_, currency)) => D::Text(Cow::Borrowed(currency)),
        (F::Lower, D::Text(text)) => D::text(Cow::Owned(text.to_lowercase())),
        (F::Upper, D::Text(text)) => D::text(Cow::Owned(text.to_uppercase())),
        (F::Trim, D::Text(text)) => D::text(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }),
        (F::Length, D::Text(text)) => {
            D::count(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))
        }
        (F::Date, D::Text(text)) => D::date(text.parse().ok()),
        (F::Date, D::Timestamp(timestamp)) => {
            D::date(to_date(timestamp.micros().div_euclid(86_400_000_000)))
        }
        (F::Year, D::Date(date)) => D::count(date.ymd().0.into()),
        (F::Month, D::Date(date)) => D::count(date.ymd().1.into()),
        (F::Day, D::Date(date)) => D::count(date.ymd().2.into()),
        _ => D::Missing,
    }
}

/// Calls a function of two parts.
fn two<'a>(function: Function, left: Datum<'a>, right: Datum<'a>) -> Datum<'a> {
    use Function as F;
    match (function, left, right) {
        (F::Round, number, places) => round(&number, places.whole()),
        (F::Substring, text, from) => substring(text, from, None),
        (F::DaysBetween, D::Date(from), D::Date(to)) => {
            D::count(i64::from(to.days()) - i64::from(from.days()))
        }
        (F::AddDays, D::Date(date), count) => {
            let days = count.whole().and_then(|count| i64::from(date.days()).checked_add(count));
            D::date(days.and_then(to_date))
        }
        (F::AddMonths, D::Date(date), count) => {
            D::date(count.whole().and_then(|count| add_months(date, count)))
        }
        _ => D::Missing,
    }
}

fn round<'a>(datum: &Datum<'_>, places: Option<i64>) -> Datum<'a> {
    let Some(places) = places.and_then(|places| u32::try_from(places).ok()) else {
        return D::Missing;
    };
    let places = places.min(PLACES);
    match datum {
        D::Number(number) => D::Number(number.round(places)),
        D::Real(real) => D::number(Number::from_real(*real).map(|number| number.round(places))),
        D::Money(number, currency) => D::Money(number.round(places), currency),
        _ => D::Missing,
    }
}

/// So many characters from the one at `from` on, the first being 1; all that follow without `count`.
fn substring<'a>(text: Datum<'a>, from: Datum<'a>, count: Option<Datum<'a>>) -> Datum<'a> {
    let (D::Text(text), Some(from)) = (text, from.whole()) else { return D::Missing };
    let count = match count {
        None => Some(usize::MAX),
        Some(count) => count.whole().and_then(|count| usize::try_from(count).ok()),
    };
    let skipped = from.checked_sub(1).and_then(|skipped| usize::try_from(skipped).ok());
    let (Some(skipped), Some(count)) = (skipped, count) else { return D::Missing };
    D::text(Cow::Owned(text.chars().skip(skipped).take(count).collect()))
}

/// The same day so many months later, or the last one of a month that is too short for it.
fn add_months(date: Date, count: i64) -> Option<Date> {
    let (year, month, day) = date.ymd();
    let months = (i64::from(year) * 12 + i64::from(month) - 1).checked_add(count)?;
    let year = i32::try_from(months.div_euclid(12)).ok()?;
    if !(1..=9999).contains(&year) {
        return None;
    }
    let month = u32::try_from(months.rem_euclid(12)).ok()? + 1;
    (1..=day).rev().find_map(|day| Date::from_ymd(year, month, day).ok())
}
