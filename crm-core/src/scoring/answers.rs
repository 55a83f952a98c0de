//! What is answered about scores.

use serde::{Deserialize, Serialize};

use super::AddedPoints;
use crate::{RecordId, Timestamp, Value};

/// What a record scores. All points are in thousandths, so that they are exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordScore {
    /// The record.
    pub id: RecordId,
    /// The score, in thousandths of a point.
    pub score: i64,
    /// The highest threshold that is reached.
    pub threshold: Option<String>,
    /// The grade, such as `A1`, if the model has one.
    pub grade: Option<String>,
    /// What each group gives, in the order of the model.
    pub groups: Vec<GroupScore>,
}

/// What a record scores in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupScore {
    /// The name of the group.
    pub group: String,
    /// Its points, in thousandths.
    pub score: i64,
}

/// The answer of `scores.read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreAnswer {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: i64,
    /// The moment.
    pub at: Timestamp,
    /// What the record scores.
    pub record: RecordScore,
}

/// One contribution to a score. All points are in thousandths.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreContribution {
    /// The group; none where the caps of the whole score add something.
    pub group: Option<String>,
    /// The rule; none where points were added, or the caps of the group add something.
    pub rule: Option<String>,
    /// The activity that counts.
    pub activity_id: Option<RecordId>,
    /// The related record that scores.
    pub record_id: Option<RecordId>,
    /// Where the mean of several is taken: the related records, at most 100, the first by id.
    pub record_ids: Vec<RecordId>,
    /// Of how many related records the mean was taken; 0 where none is.
    pub records: u64,
    /// The field by whose value or size the points were given: of the activity if there is one, else of
    /// the record.
    pub field: Option<String>,
    /// The value that it had; none if it had none.
    pub value: Option<Value>,
    /// Who added the points and why, if somebody or a rule did; no rule of the model gave them.
    pub added: Option<AddedPoints>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What it is worth.
    pub raw: i64,
    /// What is left of that.
    pub faded: i64,
    /// What the caps of the rule leave of it.
    pub after_rule: i64,
    /// What the caps of the group leave.
    pub after_group: i64,
    /// What the caps of the whole leave: this column sums up to the score, exactly.
    pub after_total: i64,
}

/// The answer of `scores.explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreExplanation {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: i64,
    /// The moment.
    pub at: Timestamp,
    /// What the record scores.
    pub record: RecordScore,
    /// What that is made of, in the order of the rules and of what happened. What has faded to nothing
    /// is left out.
    pub contributions: Vec<ScoreContribution>,
}

/// A page of a ranking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreRanking {
    /// The moment.
    pub at: Timestamp,
    /// The records, the highest score first; those of the same score by id.
    pub records: Vec<RecordScore>,
    /// What continues; `None` at the end.
    pub next: Option<String>,
}

/// A threshold that a record crossed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreCrossing {
    /// Its place in the journal.
    pub seq: i64,
    /// The threshold.
    pub threshold: String,
    /// Whether it was reached; else the score fell below it.
    pub is_up: bool,
    /// When.
    pub at: Timestamp,
    /// The score then, in thousandths.
    pub score: i64,
    /// The version of the model.
    pub version: i64,
}

/// The answer of `scores.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreHistory {
    /// The crossings, the earliest recorded first.
    pub crossings: Vec<ScoreCrossing>,
    /// `after` of the next page; `None` at the end.
    pub next: Option<i64>,
}

/// The answer of `scores.rescore`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RescoreReport {
    /// Records that were scored.
    pub records: u64,
    /// Those of which something else was kept.
    pub changed: u64,
    /// Whether every record was.
    pub is_complete: bool,
}
