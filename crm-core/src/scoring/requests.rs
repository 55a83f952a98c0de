//! What is asked of scores.

use serde::{Deserialize, Serialize};

use crate::{Condition, RecordId, Timestamp, record::default_page, shape::debug};

/// Names a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreName {
    /// The name of the model.
    pub model: String,
}

/// Reads a version of a model: the request of `scores.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetScore {
    /// The name of the model.
    pub model: String,
    /// The version; the published one if it is left out, else the latest.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<i64>,
}

/// Copies a model into the draft of another: the request of `scores.clone`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloneScore {
    /// The name of the model.
    pub model: String,
    /// The version; the published one if it is left out, else the latest.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<i64>,
    /// The name of the new model; the same name makes a draft of what was published.
    pub name: String,
}

/// Reads or explains what a record scores: the request of `scores.read` and `scores.explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadScore {
    /// The model, which says of which entity type the record is.
    pub model: String,
    /// The record.
    pub id: RecordId,
    /// When; now if it is left out. What is not known yet does not count, and what is known counts as
    /// it is now.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The version, such as a draft that is tried out; the published one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<i64>,
}

impl ReadScore {
    /// What a record scores now.
    pub fn new(model: impl Into<String>, id: RecordId) -> Self {
        Self { model: model.into(), id, at: None, version: None }
    }
}

/// Ranks the records in use: the request of `scores.ranking`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RankScores {
    /// The model; it is published.
    pub model: String,
    /// Only records of which this condition is true at that moment, as JSON or as text. Days are
    /// those of UTC.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// When; now if it is left out. Say the same on each page.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// `next` of the page before.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many records at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! { RankScores shows(model, condition, at, limit) hides(after) }

impl RankScores {
    /// The first 100 by a model, now.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), condition: None, at: None, after: None, limit: default_page() }
    }
}

/// Reads which thresholds a record crossed: the request of `scores.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetScoreHistory {
    /// The model, which says of which entity type the record is.
    pub model: String,
    /// The record.
    pub id: RecordId,
    /// Only what came after this change of the journal; 0 begins at the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: i64,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl GetScoreHistory {
    /// The first 100 crossings of a record.
    pub fn new(model: impl Into<String>, id: RecordId) -> Self {
        Self { model: model.into(), id, after: 0, limit: default_page() }
    }
}
