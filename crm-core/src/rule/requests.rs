//! What is asked of rules: their runs, and what they would do.

use serde::{Deserialize, Serialize};

use super::{ActionResult, DefineRule, RuleRun};
use crate::{Change, LeafReason, RecordId, record::default_page};

/// Names a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleName {
    /// The name of the rule.
    pub rule: String,
}

/// Reads the definition of a rule: the request of `rules.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetRule {
    /// The name of the rule.
    pub rule: String,
    /// The version, as it was saved; the present one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<i64>,
}

/// Reads the runs of a rule: the request of `rules.runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListRuleRuns {
    /// The rule.
    pub rule: String,
    /// Only runs with this record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub id: Option<RecordId>,
    /// Only what came after this change of the journal; 0 begins at the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: i64,
    /// How many runs at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl ListRuleRuns {
    /// The first 100 runs of a rule.
    pub fn new(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), id: None, after: 0, limit: default_page() }
    }
}

/// Asks what a rule would do, saved or not: the request of `rules.simulate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulateRule {
    /// The rule, as it would be defined.
    pub rule: DefineRule,
    /// The records with which the event is taken to happen, each by itself, 1 to 1,000.
    pub records: Vec<RecordId>,
}

impl SimulateRule {
    /// What a rule would do with these records.
    pub fn new(rule: DefineRule, records: impl IntoIterator<Item = RecordId>) -> Self {
        Self { rule, records: records.into_iter().collect() }
    }
}

/// What a rule would do with one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulatedRun {
    /// The record.
    pub id: RecordId,
    /// Whether it would run if it were set off now: the record is in use and the condition holds.
    pub would_run: bool,
    /// The questions of its condition, and which are true.
    pub leaves: Vec<LeafReason>,
    /// What would become of its actions.
    pub actions: Vec<ActionResult>,
    /// The runs of other rules that would follow, and those that would be skipped.
    pub runs: Vec<RuleRun>,
    /// Every change that the journal would get, in order. Places, times and ids are those of the
    /// trial and mean nothing after it.
    pub changes: Vec<Change>,
}

/// The answer of `rules.simulate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleSimulation {
    /// For each record what the rule would do, in the order of the request.
    pub records: Vec<SimulatedRun>,
    /// With how many it would run.
    pub would_run: u64,
}
