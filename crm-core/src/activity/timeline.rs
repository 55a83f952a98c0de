//! The timeline of a record: everything that happened with it, in one order.
//!
//! Each sort of item keeps its own rows; here they only stand beside each other. The invariant: the
//! order is that of time and, at the same time, of the journal, in which no two items share a place.

use serde::{Deserialize, Serialize};

use super::Activity;
use crate::{
    AssociationEntry, HistoryEntry, RecordId, StageEntry, Timestamp, record::default_page,
    shape::debug,
};

/// A sort of item of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TimelineKind {
    /// Activities with the record, and those that are linked to it.
    Activity,
    /// Changes of the record itself.
    Change,
    /// Changes of its associations, at whichever end it is: added, changed, archived, restored.
    Association,
    /// The stages to which it came, in every lifecycle, by moves and by resets.
    Stage,
}

/// Reads a page of a record's timeline, the latest first: the request of `timeline.list`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListTimeline {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The id of the record.
    pub id: RecordId,
    /// Only items of these sorts; of every sort if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub items: Vec<TimelineKind>,
    /// Of the activities only those of these kinds; of every kind if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub kinds: Vec<String>,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many items at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! { ListTimeline shows(entity_type, id, items, kinds, limit) hides(after) }

impl ListTimeline {
    /// The first page of everything.
    pub fn new(entity_type: impl Into<String>, id: RecordId) -> Self {
        Self {
            entity_type: entity_type.into(),
            id,
            items: Vec::new(),
            kinds: Vec::new(),
            after: None,
            limit: default_page(),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TimelineItem {
    /// An activity.
    Activity(Activity),
    /// A change of the record.
    Change(HistoryEntry),
    /// A change of an association of the record.
    Association(AssociationEntry),
    /// The record came to a stage.
    Stage(StageEntry),
}

/// One item of a timeline.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineEntry {
    /// When it happened: an activity when it says, a change when it was made (and not when an
    /// association begins or ends to hold), a move when the record came to the stage.
    pub at: Timestamp,
    /// Its place in the journal.
    pub seq: i64,
    /// The role in which the record is linked to an activity, empty if none is named; of several
    /// roles the first. `None` where the record is the subject.
    pub role: Option<String>,
    /// What happened.
    pub item: TimelineItem,
}

debug! { TimelineEntry shows(at, seq, item) hides(role) }

/// A page of a timeline.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelinePage {
    /// The items, the latest first; of the same time the one recorded last first.
    pub entries: Vec<TimelineEntry>,
    /// What to hand in as `after` for the next page; `None` when there is none. An item that belongs
    /// to the timeline throughout comes exactly once, whatever others write.
    pub next: Option<String>,
}

debug! { TimelinePage shows(entries) hides(next) }
