//! What is asked of where records stand.

use serde::{Deserialize, Serialize};

use crate::{RecordId, Timestamp, record::default_page, shape::debug};

/// Names a lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LifecycleName {
    /// The name of the lifecycle.
    pub lifecycle: String,
}

/// Reads the definition of a lifecycle: the request of `lifecycles.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetLifecycle {
    /// The name of the lifecycle.
    pub lifecycle: String,
    /// The version, as it was saved; the present one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<i64>,
}

/// Moves a record to a stage: the request of `lifecycles.move`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MoveStage {
    /// The lifecycle, which says of which entity type the record is.
    pub lifecycle: String,
    /// The record.
    pub id: RecordId,
    /// The stage: a later one, or one that is lost or beside the way.
    pub to: String,
    /// Why, at most 1,000 bytes; needed for a stage that is lost. Where the stage lists reasons, one
    /// of them.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reason: Option<String>,
    /// When it happened; now if it is left out. Not in the future, and not before the record came to
    /// where it stands.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The activity that shows it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub activity_id: Option<RecordId>,
}

debug! { MoveStage shows(lifecycle, id, to, at, activity_id) hides(reason) }

impl MoveStage {
    /// A move to a stage, now.
    pub fn new(lifecycle: impl Into<String>, id: RecordId, to: impl Into<String>) -> Self {
        let (lifecycle, to) = (lifecycle.into(), to.into());
        Self { lifecycle, id, to, reason: None, at: None, activity_id: None }
    }

    /// The same move, for this reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// Puts a record back to an earlier stage: the request of `lifecycles.reset`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResetStage {
    /// The lifecycle, which says of which entity type the record is.
    pub lifecycle: String,
    /// The record.
    pub id: RecordId,
    /// The stage: an earlier one. From a stage that is lost or beside the way, the one on which the
    /// record stood before, or an earlier one; if it was lost and then set beside the way, the furthest
    /// one of the cycle that is over, or an earlier one.
    pub to: String,
    /// Why, 1 to 1,000 bytes.
    pub reason: String,
    /// When it happened; now if it is left out. As for `lifecycles.move`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
}

debug! { ResetStage shows(lifecycle, id, to, at) hides(reason) }

impl ResetStage {
    /// A reset to a stage, now, for this reason.
    pub fn new(
        lifecycle: impl Into<String>,
        id: RecordId,
        to: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self { lifecycle: lifecycle.into(), id, to: to.into(), reason: reason.into(), at: None }
    }
}

/// Reads a record's way through a lifecycle: the request of `lifecycles.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetLifecycleHistory {
    /// The lifecycle, which says of which entity type the record is.
    pub lifecycle: String,
    /// The record.
    pub id: RecordId,
    /// Only what came after this change of the journal; 0 begins at the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: i64,
    /// How many changes at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl GetLifecycleHistory {
    /// The way of a record from its beginning, up to 100 changes.
    pub fn new(lifecycle: impl Into<String>, id: RecordId) -> Self {
        Self { lifecycle: lifecycle.into(), id, after: 0, limit: default_page() }
    }
}
