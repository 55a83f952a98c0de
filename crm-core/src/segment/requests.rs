//! What is asked of segments and their members.

use serde::{Deserialize, Serialize};

use crate::{Bucket, Condition, RecordId, Timestamp, record::default_page, shape::debug};

/// Names a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentName {
    /// The name of the segment.
    pub segment: String,
}

/// Adds members to a static segment, or removes them: the request of `segments.add_members` and
/// `segments.remove_members`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeMembers {
    /// The segment.
    pub segment: String,
    /// The records, at most 10,000.
    pub ids: Vec<RecordId>,
    /// Why, at most 1,000 bytes.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reason: Option<String>,
}

debug! { ChangeMembers shows(segment, ids) hides(reason) }

impl ChangeMembers {
    /// These records, without a reason.
    pub fn new(segment: impl Into<String>, ids: impl IntoIterator<Item = RecordId>) -> Self {
        Self { segment: segment.into(), ids: ids.into_iter().collect(), reason: None }
    }

    /// The same records, for this reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// Reads the members of a segment: the request of `segments.members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListMembers {
    /// The segment.
    pub segment: String,
    /// Only members after this one; the `next` of the page before.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<RecordId>,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl ListMembers {
    /// The first 100 members.
    pub fn new(segment: impl Into<String>) -> Self {
        Self { segment: segment.into(), after: None, limit: default_page() }
    }
}

/// Asks why a record is a member, or is not: the request of `segments.explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainMember {
    /// The segment, which says of which entity type the record is.
    pub segment: String,
    /// The record.
    pub id: RecordId,
    /// How many of the times that it came and went at most, the latest first; 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl ExplainMember {
    /// Why this record is a member or not, with the last 100 times that it came and went.
    pub fn new(segment: impl Into<String>, id: RecordId) -> Self {
        Self { segment: segment.into(), id, limit: default_page() }
    }
}

/// Asks how many members a segment had: the request of `segments.sizes`. Either at moments, or at
/// the beginning of every stretch of the calendar from a moment to another, and at that one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetSegmentSizes {
    /// The segment.
    pub segment: String,
    /// The moments, in order, at most 1,000. Only now if they and `every` are left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub at: Vec<Timestamp>,
    /// The stretch of the calendar.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub every: Option<Bucket>,
    /// From when; needed with `every`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub from: Option<Timestamp>,
    /// Up to when; now if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// The time zone by whose calendar stretches begin; that of the segment if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
}

impl GetSegmentSizes {
    /// The size now.
    pub fn new(segment: impl Into<String>) -> Self {
        Self { segment: segment.into(), ..Self::default() }
    }

    /// The sizes at these moments.
    pub fn at(segment: impl Into<String>, at: impl IntoIterator<Item = Timestamp>) -> Self {
        Self { at: at.into_iter().collect(), ..Self::new(segment) }
    }

    /// The size at the beginning of every such stretch of the calendar since a moment.
    pub fn every(segment: impl Into<String>, every: Bucket, from: Timestamp) -> Self {
        Self { every: Some(every), from: Some(from), ..Self::new(segment) }
    }
}

/// Asks how many members two segments share: the request of `segments.overlap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverlapSegments {
    /// The one segment.
    pub segment: String,
    /// The other one, of the same entity type.
    pub other: String,
}

/// Asks how many members a segment would have: the request of `segments.estimate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EstimateSegment {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The condition.
    #[serde(rename = "where")]
    pub condition: Condition,
    /// The time zone by whose calendar its days are counted; UTC if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
}

impl EstimateSegment {
    /// How many records there are of which a condition is true.
    pub fn new(entity_type: impl Into<String>, condition: Condition) -> Self {
        Self { entity_type: entity_type.into(), condition, zone: None }
    }
}
