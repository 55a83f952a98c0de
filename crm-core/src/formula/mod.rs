//! Formulas: attributes that are calculated from others of the same record, or sum up what is around it.
//!
//! A formula is a small expression, written as text and checked against the type when it is defined.
//! What it gives is stored in the attribute's own columns by every write, so that lists, indexes,
//! conditions and exports need not know of it. The invariant: a stored calculated value is what its
//! formula gives for the stored record. So a formula has no clock and no chance, and reads nothing
//! but its own record. A roll-up (`rollup`) reads the activities and the associated records instead, and
//! stands alone.
//!
//! `docs/formulas.md` says what there is to write and what it means. In short: an operation on
//! something missing gives something missing, and so does what cannot be calculated, because a record
//! must not be refused for what nobody wrote; numbers are exact, and rounded where they are stored.

mod check;
mod evaluate;
mod number;
mod parse;
mod print;
mod rollup;

pub(crate) use check::{check, check_assignment, reads};
pub(crate) use evaluate::{assign, evaluate};
use number::Number;
pub(crate) use rollup::{
    Aggregate, Change, Of, Plan, Related, Rollup, Source, Tally, nothing, resolve,
};

use crate::Comparison;

/// The expression of a calculated attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Formula {
    Literal(Literal),
    /// An attribute of the same record.
    Attribute(String),
    Negate(Box<Self>),
    Not(Box<Self>),
    Operation(Operator, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    /// What a roll-up gives; never a part of another formula.
    Rollup(Rollup),
}

/// A value that stands in a formula.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Truth(bool),
    Number(Number),
    /// An amount, and the code of its currency.
    Money(Number, &'static str),
    Text(String),
}

/// What stands between two parts of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Compare(Comparison),
    Add,
    Subtract,
    Multiply,
    Divide,
}

macro_rules! functions {
    ($( $variant:ident = $name:literal takes $least:literal to $most:expr; )*) => {
        /// What is called by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Function { $( $variant, )* }

        impl Function {
            const ALL: &'static [Self] = &[$( Self::$variant, )*];

            const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// How many parts it takes, at least and at most.
            const fn arity(self) -> (usize, usize) {
                match self { $( Self::$variant => ($least, $most), )* }
            }
        }
    };
}

functions! {
    If = "if" takes 3 to 3;
    Coalesce = "coalesce" takes 1 to usize::MAX;
    IsMissing = "is_missing" takes 1 to 1;
    Round = "round" takes 1 to 2;
    Abs = "abs" takes 1 to 1;
    Amount = "amount" takes 1 to 1;
    Currency = "currency" takes 1 to 1;
    Concat = "concat" takes 1 to usize::MAX;
    Lower = "lower" takes 1 to 1;
    Upper = "upper" takes 1 to 1;
    Trim = "trim" takes 1 to 1;
    Length = "length" takes 1 to 1;
    Substring = "substring" takes 2 to 3;
    Date = "date" takes 1 to 1;
    Year = "year" takes 1 to 1;
    Month = "month" takes 1 to 1;
    Day = "day" takes 1 to 1;
    DaysBetween = "days_between" takes 2 to 2;
    AddDays = "add_days" takes 2 to 2;
    AddMonths = "add_months" takes 2 to 2;
}

/// Words that are no names of attributes.
const KEYWORDS: &[&str] = &["and", "or", "not", "true", "false", "null"];

impl Formula {
    /// Whether it reads this attribute itself.
    pub(crate) fn reads(&self, name: &str) -> bool {
        let mut found = false;
        self.visit_names(&mut |read| found |= read == name);
        found
    }

    /// The roll-up that it is.
    pub(crate) fn rollup(&self) -> Option<&Rollup> {
        match self {
            Self::Rollup(rollup) => Some(rollup),
            _ => None,
        }
    }

    /// Shows each attribute of its record that it reads, as often as it does.
    pub(crate) fn visit_names<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::Literal(_) | Self::Rollup(_) => {}
            Self::Attribute(name) => visit(name),
            Self::Negate(part) | Self::Not(part) => part.visit_names(visit),
            Self::Operation(_, left, right) => {
                left.visit_names(visit);
                right.visit_names(visit);
            }
            Self::Call(_, parts) => parts.iter().for_each(|part| part.visit_names(visit)),
        }
    }
}

#[cfg(test)]
mod tests;
