//! Formulas as text: what `parse` reads back to the same, with no more parentheses than that needs.

use std::fmt::{self, Display, Formatter};

use super::{Formula, KEYWORDS, Literal, Operator};
use crate::scan;

/// How closely the parts of a formula hold together; what is called or stands alone the closest.
const NOT: u8 = 3;
const NEGATE: u8 = 7;
const ALONE: u8 = 8;

impl Operator {
    /// How closely it binds.
    fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Compare(_) => 4,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Compare(op) => scan::sign(op),
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

impl Formula {
    fn binding(&self) -> u8 {
        match self {
            Self::Operation(op, ..) => op.binding(),
            Self::Not(_) => NOT,
            Self::Negate(_) => NEGATE,
            _ => ALONE,
        }
    }
}

/// A part that must bind at least so closely, else in parentheses.
fn part(f: &mut Formatter<'_>, formula: &Formula, least: u8) -> fmt::Result {
    if formula.binding() < least { write!(f, "({formula})") } else { formula.fmt(f) }
}

impl Display for Formula {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Attribute(name) => f.write_str(&scan::name(name, KEYWORDS)),
            Self::Negate(operand) => {
                f.write_str("-")?;
                part(f, operand, NEGATE)
            }
            Self::Not(operand) => {
                f.write_str("not ")?;
                part(f, operand, NOT)
            }
            Self::Operation(op, left, right) => {
                // A comparison is not compared again without parentheses.
                let is_comparison = matches!(op, Operator::Compare(_));
                part(f, left, op.binding() + u8::from(is_comparison))?;
                write!(f, " {} ", op.sign())?;
                part(f, right, op.binding() + 1)
            }
            Self::Call(function, parts) => {
                write!(f, "{}(", function.name())?;
                for (place, part) in parts.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{part}")?;
                }
                f.write_str(")")
            }
            Self::Rollup(rollup) => rollup.fmt(f),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Truth(truth) => truth.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Money(number, currency) => write!(f, "{number} {currency}"),
            Self::Text(text) => f.write_str(&scan::quoted(text)),
        }
    }
}
