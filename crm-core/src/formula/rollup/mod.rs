//! Roll-ups: attributes that sum up the activities of a record, or the records that are associated
//! with it or refer to it; all of them, or those of which a condition is true.
//!
//! A roll-up is the whole formula of its attribute, so that the attribute holds its value and
//! nothing else: a change of what it sums up is added to what is stored, where that is exact, and
//! nothing needs to be read for the record's own changes. What is calculated from it has an attribute
//! of its own. The invariant: what is stored is what reading everything anew would give. So no clock
//! takes part here either: an association counts until it is archived, whatever its days are.

mod plan;
mod tally;
mod text;

use crate::Condition;

pub(crate) use plan::{Of, Plan, resolve};
pub(super) use plan::{check_role, reads};
pub(crate) use tally::{Change, Tally, nothing};
pub(super) use text::{ALONE, parse};

/// What is summed up, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rollup {
    pub(crate) aggregate: Aggregate,
    /// The field that is looked at; none where things are counted.
    pub(crate) field: Option<String>,
    pub(crate) source: Source,
    /// Only those of which this is true.
    pub(crate) filter: Option<Box<Condition>>,
}

/// How many become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Count,
    Sum,
    Min,
    Max,
    Latest,
}

/// Where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The activities of the record, of a kind or of `any`.
    Activities(String),
    /// The records that are associated with it, or refer to it.
    Related(Related),
}

/// Which records are associated with one, or refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Related {
    /// The type of associations, or a type and its reference: `contact.company`.
    pub(crate) association: String,
    /// Whether the associations lead to the record.
    pub(crate) inverse: bool,
    /// Which type is meant, where there are several.
    pub(crate) entity_type: Option<String>,
    pub(crate) role: Option<String>,
    /// Whether only associations without a last day count.
    pub(crate) open: bool,
}

impl Aggregate {
    pub(super) const ALL: &'static [Self] =
        &[Self::Count, Self::Sum, Self::Min, Self::Max, Self::Latest];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Latest => "latest",
        }
    }
}

#[cfg(test)]
mod tests;
