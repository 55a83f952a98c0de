//! What is wrong with the records of a type: how complete they are, and what looks like a mistake.
//!
//! Nobody looks through ten thousand records, and nobody trusts a score without a reason. So an
//! audit counts, and each finding names a rule, how many records it concerns, and some of them by
//! id. Nothing is changed. The invariant: a finding says what can be checked in the file again;
//! memory does not grow with the number of records.

mod keys;
mod numbers;
mod spelling;
mod survey;
mod table;

pub(crate) use survey::Survey;

use serde::{Deserialize, Serialize};

use crate::{Kind, RecordId, Timestamp, shape::debug};

/// Looks for what is wrong with the records of a type: the request of `records.audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditRecords {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The moment that counts as now; the present if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// A record is stale when nothing in it was changed for more than this many days, 1 to 36,500.
    #[serde(default = "default_stale")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 365))]
    pub stale_after_days: u32,
    /// How many records each finding names, 0 to 20.
    #[serde(default = "default_examples")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 5))]
    pub examples: u32,
}

fn default_stale() -> u32 {
    365
}

fn default_examples() -> u32 {
    5
}

impl AuditRecords {
    /// An audit of a type as of now: stale after a year, five examples.
    #[must_use]
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            at: None,
            stale_after_days: default_stale(),
            examples: default_examples(),
        }
    }
}

/// A rule of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AuditRule {
    /// No record has a value of the attribute.
    Unused,
    /// The value would be refused if it were written now, or is missing though it is required.
    Invalid,
    /// The text has white space or invisible characters at its ends, or several spaces in a row.
    Spacing,
    /// The value is probably another one, misspelt. It differs from it only in case, spaces and
    /// punctuation; or in one letter for each five, at most three, and no digit, where the other is
    /// at least five times as frequent in the attribute, or belongs to a vocabulary: the options of
    /// a choice or the values of a unique text of the same file, at most 1,000, if half of the
    /// attribute's different values stand there. Attributes of more than 200 different values, or
    /// with one of more than 64 bytes, are passed over.
    Spelling,
    /// An earlier record has the same key: e-mail address, telephone number or web address in
    /// normal form; of a text that is unique, or has more than 200 different values and is repeated
    /// in 5 % of the records at most, the same but for case, spaces and punctuation.
    Duplicate,
    /// The number is far out by Tukey's rule: three times the distance between the quartiles below
    /// the first or above the third. Needs twenty numbers, of one currency. Of more than some
    /// hundred thousand an even sample is taken.
    Outlier,
    /// The record has not been changed for long.
    Stale,
}

impl AuditRule {
    /// The name, as JSON has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Invalid => "invalid",
            Self::Spacing => "spacing",
            Self::Spelling => "spelling",
            Self::Duplicate => "duplicate",
            Self::Outlier => "outlier",
            Self::Stale => "stale",
        }
    }
}

/// How complete an attribute is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttributeAudit {
    /// The attribute.
    pub attribute: String,
    /// Its kind.
    pub kind: Kind,
    /// Records that have a value.
    pub filled: u64,
    /// Records that have none.
    pub missing: u64,
    /// How many different values there are, of a text or a choice with 200 at most.
    pub distinct: Option<u32>,
}

/// Something that looks like a mistake.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditFinding {
    /// By which rule.
    pub rule: AuditRule,
    /// The attribute; `None` of a finding about whole records.
    pub attribute: Option<String>,
    /// How many records it concerns.
    pub count: u64,
    /// The first of them by id. Duplicates come after the first record with their key.
    pub examples: Vec<RecordId>,
    /// Of a misspelling, the value.
    pub value: Option<String>,
    /// Of a misspelling, what is probably meant.
    pub expected: Option<String>,
    /// Of outliers, the least number that is none.
    pub lower: Option<f64>,
    /// Of outliers, the greatest number that is none.
    pub upper: Option<f64>,
}

debug! {
    AuditFinding
        shows(rule, attribute, count, examples)
        hides(value, expected, lower, upper)
}

/// What an audit found.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditReport {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The moment that counted as now.
    pub at: Timestamp,
    /// The records that are not archived: those that were looked at.
    pub records: u64,
    /// How complete each attribute in use is, in the order of the definition.
    pub attributes: Vec<AttributeAudit>,
    /// What was found: by attribute in the order of the definition, then by rule, the most frequent
    /// misspellings first and at most 50 of an attribute; stale records last.
    pub findings: Vec<AuditFinding>,
    /// The same as a table for people.
    pub text: String,
}

debug! { AuditReport shows(entity_type, at, records, attributes, findings) hides(text) }

impl std::fmt::Display for AuditReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Records that a rule concerns.
#[derive(Debug, Clone, Default)]
struct Tally {
    count: u64,
    examples: Vec<RecordId>,
}

impl Tally {
    fn add(&mut self, id: RecordId, examples: usize) {
        self.count += 1;
        if self.examples.len() < examples {
            self.examples.push(id);
        }
    }
}
