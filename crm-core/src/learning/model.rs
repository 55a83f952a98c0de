//! What was learned: an intercept and what each feature adds to the log-odds.
//!
//! The model is a small JSON document. Both algorithms end in the same form, so that one piece of
//! code scores and explains. The invariants: the log-odds are the intercept and the contributions
//! added up, to the last bit and in any order; and the probability follows from them alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    number::{logistic, on_grid},
    sample::Cell,
};
use crate::{Condition, Error, ErrorKind, LearnedAlgorithm, Result, Span};

/// The format of the document; a later one is refused.
const FORMAT: u32 = 1;

/// What a feature looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Source {
    /// The value of an attribute.
    Field(String),
    /// Whether there is a value.
    Filled(String),
    /// Whether a condition is true.
    Condition { name: String, condition: Box<Condition> },
    /// How often a kind of activity happened.
    Activities { kind: String, within: Option<String> },
}

impl Source {
    /// The name by which reports speak of the feature.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Field(name) | Self::Filled(name) | Self::Condition { name, .. } => name.clone(),
            Self::Activities { kind, within: None } => format!("{kind} ever"),
            Self::Activities { kind, within: Some(span) } => {
                format!(
                    "{kind} within {}",
                    span.parse::<Span>().map_or_else(|_| span.clone(), |span| span.plain())
                )
            }
        }
    }
}

/// What a feature adds, by its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Weights {
    /// `weight` for each `scale` above `mean`.
    Number { mean: f64, scale: f64, weight: f64, missing: f64 },
    /// By stretches: the first is below the first edge.
    Cut { edges: Vec<f64>, weights: Vec<f64>, missing: f64 },
    /// By level.
    Levels { levels: BTreeMap<String, f64>, others: f64, missing: f64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Term {
    pub(crate) source: Source,
    pub(crate) weights: Weights,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    format: u32,
    pub(crate) algorithm: LearnedAlgorithm,
    pub(crate) intercept: f64,
    pub(crate) terms: Vec<Term>,
}

impl Weights {
    /// What a value adds to the log-odds.
    pub(crate) fn add(&self, cell: Cell<'_>) -> f64 {
        let added = match (self, cell) {
            (
                Self::Number { missing, .. }
                | Self::Cut { missing, .. }
                | Self::Levels { missing, .. },
                Cell::Missing,
            ) => *missing,
            (Self::Number { mean, scale, weight, .. }, Cell::Number(number)) => {
                (number - mean) / scale * weight
            }
            (Self::Cut { edges, weights, .. }, Cell::Number(number)) => {
                let place = edges.partition_point(|edge| *edge <= number);
                weights.get(place).copied().unwrap_or(0.0)
            }
            (Self::Levels { levels, others, .. }, Cell::Level(level)) => {
                levels.get(level).copied().unwrap_or(*others)
            }
            // The attribute has become one of another kind; then nothing is known of it.
            _ => 0.0,
        };
        on_grid(added)
    }

    /// The same, stretched by `slope`.
    fn stretched(self, slope: f64) -> Self {
        match self {
            Self::Number { mean, scale, weight, missing } => {
                Self::Number { mean, scale, weight: weight * slope, missing: missing * slope }
            }
            Self::Cut { edges, weights, missing } => Self::Cut {
                edges,
                weights: weights.into_iter().map(|weight| weight * slope).collect(),
                missing: missing * slope,
            },
            Self::Levels { levels, others, missing } => Self::Levels {
                levels: levels.into_iter().map(|(name, weight)| (name, weight * slope)).collect(),
                others: others * slope,
                missing: missing * slope,
            },
        }
    }
}

impl Model {
    pub(crate) fn new(algorithm: LearnedAlgorithm, intercept: f64, terms: Vec<Term>) -> Self {
        Self { format: FORMAT, algorithm, intercept: on_grid(intercept), terms }
    }

    /// The same model whose log-odds z are `slope`·z + `offset`.
    pub(crate) fn calibrated(self, slope: f64, offset: f64) -> Self {
        let terms = self.terms.into_iter();
        let terms = terms
            .map(|Term { source, weights }| Term { source, weights: weights.stretched(slope) });
        Self::new(self.algorithm, self.intercept * slope + offset, terms.collect())
    }

    /// The log-odds of a record whose values these are, in the order of the terms.
    pub(crate) fn log_odds<'a>(&self, cells: impl Iterator<Item = Cell<'a>>) -> f64 {
        let added = self.terms.iter().zip(cells).map(|(term, cell)| term.weights.add(cell));
        self.intercept + added.sum::<f64>()
    }

    pub(crate) fn probability<'a>(&self, cells: impl Iterator<Item = Cell<'a>>) -> f64 {
        logistic(self.log_odds(cells))
    }

    /// The document as text.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if it is larger than the file keeps.
    pub(crate) fn to_json(&self) -> Result<String> {
        let json = serde_json::to_string(self).map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, "the weights of the model are no numbers")
        })?;
        if json.len() > crate::limits::LEARNED_MODEL_BYTES {
            let message =
                format!("the model takes more than {} bytes", crate::limits::LEARNED_MODEL_BYTES);
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        Ok(json)
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// `Corrupt`.
    pub(crate) fn read(json: &str) -> Result<Self> {
        let model: Option<Self> = serde_json::from_str(json).ok();
        model.filter(|model| model.format == FORMAT).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "a learned model in the file cannot be read")
        })
    }
}
