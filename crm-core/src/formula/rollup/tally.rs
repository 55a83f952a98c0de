//! From many values to the one that a roll-up stores, all at once or one more at a time.

use std::cmp::Ordering;

use super::{Aggregate, Plan, Rollup};
use crate::{
    Kind, Value,
    cell::Cell,
    condition::{FoundField, Total},
    formula::{
        Number,
        evaluate::{Datum, order},
    },
    schema::AttributeModel,
};

/// What a roll-up gives where there is nothing to sum up: nothing, counted or added, is zero.
pub(crate) fn nothing(rollup: &Rollup, attribute: &AttributeModel) -> Value {
    let none = Tally::of(rollup.aggregate, None, attribute);
    none.finish(attribute)
}

/// Values seen so far.
pub(crate) struct Tally<'p> {
    aggregate: Aggregate,
    field: Option<&'p FoundField>,
    /// Only amounts in this currency count.
    currency: Option<&'static str>,
    count: i64,
    /// `None` once it is too large.
    sum: Option<Number>,
    reals: Total,
    found: Datum<'static>,
}

impl<'p> Tally<'p> {
    pub(crate) fn new(plan: &'p Plan, attribute: &AttributeModel) -> Self {
        Self::of(plan.aggregate, plan.field.as_ref(), attribute)
    }

    fn of(aggregate: Aggregate, field: Option<&'p FoundField>, attribute: &AttributeModel) -> Self {
        Self {
            aggregate,
            field,
            currency: attribute.currency(),
            count: 0,
            sum: Some(Number::from_scaled(0, 0)),
            reals: Total::default(),
            found: Datum::Missing,
        }
    }

    /// So many more things, of which nothing but their number matters.
    pub(crate) fn count(&mut self, number: i64) {
        self.count = self.count.saturating_add(number);
    }

    /// One more value, as the columns of the field hold it.
    pub(crate) fn add(&mut self, cells: &[Cell]) {
        self.count(1);
        let Some(datum) = read(self.field, self.currency, cells) else { return };
        match (self.aggregate, datum) {
            (Aggregate::Sum, Datum::Number(number) | Datum::Money(number, _)) => {
                self.sum = self.sum.and_then(|sum| sum.add(number));
            }
            (Aggregate::Sum, Datum::Real(real)) => self.reals.add(&Cell::Real(real)),
            (Aggregate::Min | Aggregate::Max, datum)
                if is_beyond(self.aggregate, &datum, &self.found) =>
            {
                self.found = datum.into_owned();
            }
            (Aggregate::Latest, datum) if self.count == 1 => self.found = datum.into_owned(),
            _ => {}
        }
    }

    /// What an attribute stores of it.
    pub(crate) fn finish(self, attribute: &AttributeModel) -> Value {
        let datum = match self.aggregate {
            Aggregate::Count => Datum::count(self.count),
            Aggregate::Sum if self.field.is_some_and(|field| field.kind == Kind::Real) => {
                match self.reals.finish() {
                    Cell::Real(real) => Datum::Real(real),
                    _ => Datum::count(0),
                }
            }
            Aggregate::Sum => sum(self.sum, attribute),
            Aggregate::Min | Aggregate::Max | Aggregate::Latest => self.found,
        };
        datum.store(attribute).unwrap_or_default()
    }
}

fn sum<'a>(number: Option<Number>, attribute: &AttributeModel) -> Datum<'a> {
    match (number, attribute.definition.kind, attribute.currency()) {
        (Some(number), Kind::Money, Some(code)) => Datum::Money(number, code),
        (Some(number), ..) => Datum::Number(number),
        (None, ..) => Datum::Missing,
    }
}

/// A value that counts.
fn read<'a>(
    field: Option<&FoundField>,
    currency: Option<&str>,
    cells: &'a [Cell],
) -> Option<Datum<'a>> {
    let field = field?;
    match Datum::of(field.kind, field.scale.unwrap_or(2), cells) {
        Datum::Money(_, code) if currency.is_some_and(|only| only != code) => None,
        Datum::Missing => None,
        datum => Some(datum),
    }
}

/// Whether a value is less than the least, or greater than the greatest, so far.
fn is_beyond(aggregate: Aggregate, datum: &Datum<'_>, found: &Datum<'_>) -> bool {
    let wanted = match aggregate {
        Aggregate::Min => Ordering::Less,
        _ => Ordering::Greater,
    };
    *found == Datum::Missing || order(datum, found) == Some(wanted)
}

/// What has changed in what a roll-up sums up, since its value was stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// It cannot be told from the changes.
    Anew,
    /// So many more, and so much more.
    By(i64, Number),
    /// Values came that are no nearer to the middle than this one.
    Beyond(Datum<'static>),
}

impl Change {
    /// The change that both make, one after the other.
    pub(crate) fn and(self, plan: &Plan, later: Self) -> Self {
        match (self, later) {
            (Self::By(count, sum), Self::By(more, further)) => match sum.add(further) {
                Some(sum) => Self::By(count.saturating_add(more), sum),
                None => Self::Anew,
            },
            (Self::Beyond(one), Self::Beyond(other)) => {
                Self::Beyond(if is_beyond(plan.aggregate, &other, &one) { other } else { one })
            }
            _ => Self::Anew,
        }
    }
}

impl Plan {
    /// What it changes that one more thing is there; `None` if nothing.
    pub(crate) fn added(&self, cells: &[Cell]) -> Option<Change> {
        self.counted(1, cells)
    }

    /// What it changes that a thing is there no more.
    pub(crate) fn removed(&self, cells: &[Cell]) -> Option<Change> {
        self.counted(-1, cells)
    }

    fn counted(&self, sign: i64, cells: &[Cell]) -> Option<Change> {
        let none = Number::from_scaled(0, 0);
        match self.aggregate {
            Aggregate::Count => Some(Change::By(sign, none)),
            Aggregate::Latest => Some(Change::Anew),
            Aggregate::Sum | Aggregate::Min | Aggregate::Max => {
                let datum = read(self.field.as_ref(), self.currency, cells)?;
                Some(match (self.aggregate, datum) {
                    _ if !self.is_exact => Change::Anew,
                    (Aggregate::Sum, Datum::Number(number) | Datum::Money(number, _)) => {
                        Change::By(sign, if sign < 0 { number.negate() } else { number })
                    }
                    (Aggregate::Min | Aggregate::Max, datum) if sign > 0 => {
                        Change::Beyond(datum.into_owned())
                    }
                    _ => Change::Anew,
                })
            }
        }
    }

    /// What it changes that a thing has another value.
    pub(crate) fn replaced(&self, before: &[Cell], after: &[Cell]) -> Option<Change> {
        match self.aggregate {
            Aggregate::Count => None,
            _ => match (self.removed(before), self.added(after)) {
                (Some(gone), Some(come)) => Some(gone.and(self, come)),
                (change, None) | (None, change) => change,
            },
        }
    }

    /// The value after a change of what is stored; `None` if everything must be read anew.
    pub(crate) fn changed(
        &self,
        attribute: &AttributeModel,
        stored: &[Cell],
        change: Change,
    ) -> Option<Value> {
        let stored = Datum::of(attribute.definition.kind, attribute.scale(), stored);
        match (change, self.aggregate, stored) {
            (Change::By(count, _), Aggregate::Count, Datum::Number(number)) => {
                Datum::Number(number.add(Number::from_scaled(count, 0))?).store(attribute)
            }
            (Change::By(_, sum), _, Datum::Number(number)) => {
                Datum::Number(number.add(sum)?).store(attribute)
            }
            (Change::By(_, sum), _, Datum::Money(number, code)) => {
                Datum::Money(number.add(sum)?, code).store(attribute)
            }
            (Change::Beyond(_), _, Datum::Missing) => None,
            (Change::Beyond(value), aggregate, stored) => {
                match is_beyond(aggregate, &value, &stored) {
                    true => value.store(attribute),
                    false => stored.store(attribute),
                }
            }
            _ => None,
        }
    }
}
