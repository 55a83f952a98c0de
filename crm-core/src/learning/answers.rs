//! What is told of learned scores: the models, how good they are, and why a record has its score.

use serde::{Deserialize, Serialize};

use super::requests::LearnedAlgorithm;
use crate::{RecordId, Timestamp, shape::debug};

/// A part of the scale of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreTier {
    /// What it is called, such as `A`.
    pub tier: String,
    /// The least score in it: a probability, points, or whatever the score is.
    pub from: f64,
}

/// The records of a tier, and how many of them had the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TierResult {
    /// What it is called.
    pub tier: String,
    /// The least score in it.
    pub from: f64,
    /// The records in it.
    pub records: u64,
    /// Those with the outcome.
    pub positives: u64,
    /// Their share; `None` if no record is in it.
    pub rate: Option<f64>,
}

/// A tenth of the records, by descending score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiftDecile {
    /// Which, from 1: that of the highest scores.
    pub decile: u32,
    /// The records in it.
    pub records: u64,
    /// Those with the outcome. Records of equal score on both sides of a border share theirs, so that
    /// it may be no whole number.
    pub positives: f64,
    /// Their share.
    pub rate: f64,
    /// How many times the share of all records.
    pub lift: f64,
    /// The share of all positives that are in this decile or one before.
    pub gain: f64,
    /// The lowest score in it.
    pub from_score: f64,
}

/// What probabilities foresaw, and what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CalibrationBin {
    /// The least probability in it.
    pub from: f64,
    /// The least probability above it.
    pub to: f64,
    /// The records in it.
    pub records: u64,
    /// The mean of their probabilities.
    pub predicted: f64,
    /// The share of them that had the outcome.
    pub rate: f64,
}

/// How good scores are: what they said of records beside what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreQuality {
    /// The records.
    pub records: u64,
    /// Those with the outcome.
    pub positives: u64,
    /// The probability that a record with the outcome has a higher score than one without: the area
    /// under the ROC curve. 0.5 is chance. `None` if one of the outcomes does not occur.
    pub auc: Option<f64>,
    /// The lower end of its interval of 95 %, by DeLong.
    pub auc_low: Option<f64>,
    /// The upper end.
    pub auc_high: Option<f64>,
    /// The mean square of what the probabilities were wrong by. `None` for scores that are none. Points of
    /// rules count as probabilities by a line through them, which is fitted with the other four
    /// fifths of the records; `None` if more points do not mean more outcomes.
    pub brier: Option<f64>,
    /// The mean of −ln of the probability of what came; `None` where `brier` is.
    pub log_loss: Option<f64>,
    /// Ten tenths of the records; none of fewer than ten records, or without a positive.
    pub deciles: Vec<LiftDecile>,
    /// The tenths of the probability in which there are records; none where `brier` is `None`.
    pub calibration: Vec<CalibrationBin>,
    /// The tiers that were asked for, or else the thresholds of a score of rules; the highest first.
    pub tiers: Vec<TierResult>,
}

/// The difference of two scores of the same records: the first less the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreComparison {
    /// The difference of the areas under the curve.
    pub difference: f64,
    /// The lower end of its interval of 95 %.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How likely chance alone makes a difference as large, by DeLong's test.
    pub p_value: f64,
}

/// A sign that a feature knows the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LeakReason {
    /// It alone tells the outcomes apart.
    #[default]
    TellsOutcome,
    /// Whether it has a value tells the outcomes apart.
    FilledTellsOutcome,
    /// Nine of ten records that had the outcome got their value after it, says the journal.
    FilledAfterOutcome,
}

/// What a feature alone tells of the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FeatureCheck {
    /// Its name.
    pub feature: String,
    /// The area under the curve of the feature alone, 0.5 to 1.
    pub auc: f64,
    /// That of whether it has a value, 0.5 to 1.
    pub filled_auc: f64,
    /// The share of the records with the outcome that have a value, 0 to 1.
    pub filled_with: f64,
    /// The share of those without it.
    pub filled_without: f64,
    /// The share of records with outcome and value that got the value after the outcome. `None` if the
    /// journal tells it of fewer than ten.
    pub filled_after: Option<f64>,
    /// Why it is taken for a leak; empty if it is not.
    pub reasons: Vec<LeakReason>,
    /// Whether a person should look at it though it is taken for none: it has a value much more often
    /// with one outcome than with the other (by 0.2 or more, and 3.3 standard errors), and the journal
    /// does not say that nine of ten got it before the outcome.
    pub is_suspect: bool,
}

/// Which features know the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeakReport {
    /// The records that were looked at.
    pub records: u64,
    /// Those with the outcome.
    pub positives: u64,
    /// Every feature: leaks first, then by what each alone tells.
    pub features: Vec<FeatureCheck>,
    /// The names of the leaks.
    pub leaks: Vec<String>,
    /// The names of the features that are suspect. They are learned from: honest ones may be among them.
    pub suspects: Vec<String>,
    /// The area under the curve with all features, of records that were kept out.
    pub auc_with_leaks: Option<f64>,
    /// The same without the leaks.
    pub auc_without_leaks: Option<f64>,
    /// The same without the leaks and what is suspect.
    pub auc_without_suspects: Option<f64>,
}

/// A learned score: one version of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedScore {
    /// Its name.
    pub name: String,
    /// The version, from 1; each training adds one.
    pub version: u32,
    /// The entity type whose records it scores.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// How it was learned.
    pub algorithm: LearnedAlgorithm,
    /// When.
    pub trained_at: Timestamp,
    /// The moment up to which it knows outcomes.
    pub known_until: Timestamp,
    /// The records that it was learned from.
    pub records: u64,
    /// The model: a JSON document with an intercept and the weights of each feature.
    pub model: String,
    /// How good it is on records that were kept out of the training; `None` if none were.
    pub quality: Option<ScoreQuality>,
    /// When the score was archived, all versions together.
    pub archived_at: Option<Timestamp>,
}

debug! {
    LearnedScore
        shows(name, version, entity_type, algorithm, trained_at, known_until, records, quality, archived_at)
        hides(model)
}

/// What one feature adds to the log-odds of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedContribution {
    /// The feature.
    pub feature: String,
    /// What it adds; a multiple of 2⁻³⁰.
    pub log_odds: f64,
    /// Whether the record has no value.
    pub is_missing: bool,
}

/// Why a record has its learned score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedExplanation {
    /// The score.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The record.
    pub id: RecordId,
    /// The probability of the outcome, 0 to 1: 1/(1 + e^−z) of the log-odds z.
    pub probability: f64,
    /// The intercept and all contributions added up: exactly, in any order.
    pub log_odds: f64,
    /// What a record begins with.
    pub intercept: f64,
    /// What each feature adds, the largest first, whichever its sign.
    pub contributions: Vec<LearnedContribution>,
}

/// A record with its learned score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedPrediction {
    /// The record.
    pub id: RecordId,
    /// The probability of the outcome, 0 to 1.
    pub probability: f64,
}

/// The records of a type with the highest learned scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedRanking {
    /// The records that were scored.
    pub records: u64,
    /// The highest, the highest first; those of equal score by id.
    pub top: Vec<LearnedPrediction>,
}

/// What scores said at a moment, beside what came until a later one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreBacktest {
    /// The moment as of which records were scored.
    pub as_of: Timestamp,
    /// The moment up to which outcomes count.
    pub until: Timestamp,
    /// The records in use at the first moment that had the outcome already; they are left out.
    pub left_out: u64,
    /// How good the score was.
    pub quality: ScoreQuality,
    /// How good the other was, if one was named.
    pub other: Option<ScoreQuality>,
    /// Whether the first is better than the other.
    pub comparison: Option<ScoreComparison>,
}
