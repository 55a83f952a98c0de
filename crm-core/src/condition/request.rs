//! What is asked about conditions, and answered.

use serde::{Deserialize, Serialize};

use super::{Condition, LeafReason};
use crate::{RecordId, Timestamp, shape::debug};

/// Checks a condition against an entity type: the request of `conditions.check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckCondition {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The condition, as JSON or as text.
    pub condition: Condition,
}

/// The answer of `conditions.check`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckedCondition {
    /// The condition in normal form.
    pub condition: Condition,
    /// The same as text.
    pub text: String,
}

debug! { CheckedCondition shows(condition) hides(text) }

/// Asks whether a condition is true for a record: the request of `conditions.evaluate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvaluateCondition {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The record.
    pub id: RecordId,
    /// The condition, as JSON or as text.
    pub condition: Condition,
    /// The moment that counts as now; the present if it is left out. Values are those that the file
    /// holds, whatever the moment; associations count as they hold on that day.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The time zone by whose calendar days are counted, of the IANA database; UTC if it is left
    /// out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
}

/// Whether a condition is true for a record, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConditionAnswer {
    /// Whether it is true.
    pub is_true: bool,
    /// Each question in it, in its order.
    pub leaves: Vec<LeafReason>,
}

/// Asks how a condition is evaluated: the request of `conditions.explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainCondition {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The condition, as JSON or as text.
    pub condition: Condition,
    /// The moment that counts as now; the present if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The time zone by whose calendar days are counted; UTC if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
    /// A record to answer the condition for as well.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub id: Option<RecordId>,
}

/// How a condition is evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConditionPlan {
    /// The SQL that finds the records in use, with a mark for each value.
    pub sql: String,
    /// How SQLite goes about it, a line for each step.
    pub plan: Vec<String>,
    /// About how many records it finds, from a sample of 1,000 where there are more.
    pub estimated_rows: u64,
    /// For the record that was named, whether and why.
    pub answer: Option<ConditionAnswer>,
}
