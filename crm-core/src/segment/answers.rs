//! What is answered about segments and their members.

use serde::{Deserialize, Serialize};

use super::Segment;
use crate::{ConditionAnswer, RecordId, RecordRef, Timestamp, shape::debug};

/// What made a record a member, or no longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MemberCause {
    /// It was added or removed by hand.
    Manual,
    /// The segment was defined, changed, or taken out of the archive.
    Defined,
    /// The segment was refreshed.
    Refreshed,
    /// A record was created or changed: the member itself, or one that is related to it.
    Record,
    /// An activity was recorded, or became another's.
    Activity,
    /// An association was added, changed or archived.
    Association,
    /// A record came to another stage.
    Stage,
    /// The score of a record is another one.
    Score,
    /// A record came into another segment, or went from it.
    Segment,
    /// A rule did it.
    Rule,
    /// Time passed.
    Time,
    /// The record was archived.
    Archived,
    /// The record was taken out of the archive.
    Restored,
}

/// A time at which a record became a member, or ceased to be one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberChange {
    /// Whether it became one.
    pub is_member: bool,
    /// When.
    pub at: Timestamp,
    /// What did it.
    pub cause: MemberCause,
    /// The reason that was given, where it was done by hand or by a rule.
    pub reason: Option<String>,
    /// The last activity that was recorded then, where an activity did it.
    pub activity_id: Option<RecordId>,
    /// The other record that did it.
    pub record: Option<RecordRef>,
    /// Who.
    pub actor: String,
    /// The change of the journal.
    pub seq: i64,
}

debug! {
    MemberChange
        shows(is_member, at, cause, activity_id, record, seq)
        hides(reason, actor)
}

/// A segment and what was done with its members: the answer of `segments.define`, `restore`,
/// `refresh`, `add_members` and `remove_members`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentReport {
    /// The segment.
    pub segment: Segment,
    /// How many records became members.
    pub entered: u64,
    /// How many ceased to be members.
    pub left: u64,
    /// How many members there are now.
    pub members: u64,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentMember {
    /// The record.
    pub id: RecordId,
    /// Since when.
    pub entered_at: Timestamp,
}

/// A page of members, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentMembers {
    /// The members.
    pub members: Vec<SegmentMember>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<RecordId>,
}

/// Why a record is a member of a segment, or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberExplanation {
    /// Whether it is a member.
    pub is_member: bool,
    /// Since when; `None` if it is none.
    pub entered_at: Option<Timestamp>,
    /// When time alone may change that; `None` if it does not, or only a live segment would.
    pub due_at: Option<Timestamp>,
    /// Whether the condition is true of it now, and each of its questions; `None` if it has none.
    pub answer: Option<ConditionAnswer>,
    /// When it came and went, and why, the latest first.
    pub changes: Vec<MemberChange>,
}

/// How many members there were at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentSize {
    /// The moment.
    pub at: Timestamp,
    /// How many there were then.
    pub size: u64,
    /// How often a record became one up to then, since the moment before; for the first since ever.
    pub entered: u64,
    /// How often one ceased to be a member, likewise.
    pub left: u64,
}

/// The sizes of a segment over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentSizes {
    /// One for each moment, in order.
    pub sizes: Vec<SegmentSize>,
}

/// How many members two segments share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentOverlap {
    /// Members of the one.
    pub size: u64,
    /// Members of the other.
    pub other_size: u64,
    /// Members of both.
    pub both: u64,
    /// Those of both as a part of those of either, 0 to 1; `None` if there are none.
    pub share: Option<f64>,
}

/// About how many members a segment would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SegmentEstimate {
    /// How many records fit.
    pub members: u64,
    /// Of how many in use.
    pub records: u64,
    /// Whether all of them were looked at, and not only a sample.
    pub is_exact: bool,
}
