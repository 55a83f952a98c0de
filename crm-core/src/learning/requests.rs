//! What is asked of learned scores.

use serde::{Deserialize, Serialize};

use super::answers::ScoreTier;
use crate::{Condition, RecordId, Timestamp, record::default_page};

/// How a score is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LearnedAlgorithm {
    /// Logistic regression with a penalty on large weights.
    #[default]
    Logistic,
    /// Naive Bayes: what share of the won and of the lost records has each value.
    NaiveBayes,
}

/// What a score foretells: that a condition will be true, or a stage reached. One of the two is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Default)]
pub struct LearnedOutcome {
    /// A condition.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// A lifecycle, together with `stage`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub lifecycle: Option<String>,
    /// The stage to be reached.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub stage: Option<String>,
}

/// A condition from which a score learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedCondition {
    /// What it is called in explanations.
    pub name: String,
    /// The condition.
    #[serde(rename = "where")]
    pub condition: Condition,
}

/// Activities from whose number a score learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedActivities {
    /// The kind of activity.
    pub kind: String,
    /// Only those of the last span, such as `P30D`; all if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub within: Option<String>,
}

/// Learns a score from records: the request of `learned_scores.train` and `learned_scores.find_leaks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrainLearnedScore {
    /// The name, an identifier; the score gets a new version.
    pub name: String,
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What is foretold.
    pub outcome: LearnedOutcome,
    /// How it is learned.
    #[serde(default)]
    pub algorithm: LearnedAlgorithm,
    /// Attributes to learn from. If fields, conditions and activities are all empty: every attribute in
    /// use but those that the outcome asks about, unique ones and those of special sensitivity, and every
    /// kind of activity of the last 90 days.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub fields: Vec<String>,
    /// Conditions to learn from.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub conditions: Vec<LearnedCondition>,
    /// Activities to count.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub activities: Vec<LearnedActivities>,
    /// Names of features to leave out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub exclude: Vec<String>,
    /// Names of features that may be learned from although they look like leaks.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub allow_leaks: Vec<String>,
    /// Only records of which this is true.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The moment as of which features are taken, from the journal; nothing that was recorded later is
    /// read. Records with the outcome already are left out. Now, if it is left out, and then outcomes
    /// are those of now.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub as_of: Option<Timestamp>,
    /// The moment up to which outcomes count; now if it is left out. Only with `as_of`, and after it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// The penalty on the square of weights, λ: 0.000001 to 1,000,000. scikit-learn's C is 1/λ.
    #[serde(default = "one")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 1.0))]
    pub l2: f64,
    /// Whether both outcomes count the same together, however many records have each.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub balanced: bool,
    /// Whether probabilities are made true with records that were not learned from.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "uniffi", uniffi(default = true))]
    pub calibrated: bool,
    /// The records that a level must have to be learned by itself, 5 to 100,000; rarer ones are
    /// one level together.
    #[serde(default = "twenty")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 20))]
    pub min_records: u32,
    /// The share of records, in percent, that are kept out to measure how good the score is, 0 to 90.
    /// Which ones follows from their ids.
    #[serde(default = "thirty")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 30))]
    pub holdout_percent: u32,
    /// The area under the curve of a feature alone, 0.6 to 1, from which on it is taken for a leak.
    #[serde(default = "nine_tenths")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0.9))]
    pub leak_auc: f64,
    /// Tiers for the share of outcomes in each. Without them a score of rules has its thresholds.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub tiers: Vec<ScoreTier>,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn twenty() -> u32 {
    20
}

fn thirty() -> u32 {
    30
}

fn nine_tenths() -> f64 {
    0.9
}

impl TrainLearnedScore {
    /// A score that foretells `outcome`, from all that is known now.
    pub fn new(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        outcome: LearnedOutcome,
    ) -> Self {
        Self {
            name: name.into(),
            entity_type: entity_type.into(),
            outcome,
            algorithm: LearnedAlgorithm::default(),
            fields: Vec::new(),
            conditions: Vec::new(),
            activities: Vec::new(),
            exclude: Vec::new(),
            allow_leaks: Vec::new(),
            condition: None,
            as_of: None,
            until: None,
            l2: one(),
            balanced: false,
            calibrated: true,
            min_records: twenty(),
            holdout_percent: thirty(),
            leak_auc: nine_tenths(),
            tiers: Vec::new(),
        }
    }
}

impl LearnedOutcome {
    /// That a condition will be true.
    #[must_use]
    pub fn when(condition: Condition) -> Self {
        Self { condition: Some(condition), ..Self::default() }
    }

    /// That a stage will be reached.
    pub fn stage(lifecycle: impl Into<String>, stage: impl Into<String>) -> Self {
        Self { condition: None, lifecycle: Some(lifecycle.into()), stage: Some(stage.into()) }
    }
}

/// Names a learned score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedScoreName {
    /// The name.
    pub name: String,
}

/// Reads a version of a learned score: the request of `learned_scores.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetLearnedScore {
    /// The name.
    pub name: String,
    /// The version; the latest if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<u32>,
}

/// Asks why a record has its learned score: the request of `learned_scores.explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainLearnedScore {
    /// The name of the score.
    pub name: String,
    /// The version; the latest if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<u32>,
    /// The record.
    pub id: RecordId,
}

/// Scores all records of a type: the request of `learned_scores.rank`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RankRecords {
    /// The name of the score.
    pub name: String,
    /// The version; the latest if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<u32>,
    /// Only records of which this is true.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// How many are returned at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl RankRecords {
    /// The 100 best records by the latest version.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: None, condition: None, limit: default_page() }
    }
}

/// What is back-tested. A version apart, one is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Default)]
pub struct ScoreCandidate {
    /// A learned score, which must not know anything from after the moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub learned: Option<String>,
    /// The version of a learned score, the latest if it is left out; or of a score of rules, the
    /// published one if it is left out, else the latest.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<u32>,
    /// An attribute that is a number; a record without a value has the lowest score.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub attribute: Option<String>,
    /// A condition: true is a higher score than false.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// A score of rules, in points. Its definition is that of the version, whenever it was saved.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub model: Option<String>,
}

/// Holds scores as of a moment beside the outcomes until a later one: the request of
/// `learned_scores.backtest`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BacktestScore {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What is foretold.
    pub outcome: LearnedOutcome,
    /// The score.
    pub score: ScoreCandidate,
    /// Another one of the same records, to be compared with.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub other: Option<ScoreCandidate>,
    /// The moment as of which records are scored; nothing that was recorded later is read.
    pub as_of: Timestamp,
    /// The moment up to which outcomes count; now if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// Only records of which this was true at the first moment.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// Tiers for the share of outcomes in each. Without them a score of rules has its thresholds.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub tiers: Vec<ScoreTier>,
}
