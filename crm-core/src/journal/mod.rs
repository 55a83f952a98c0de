//! The journal: the ordered log of every change, which is history, audit trail and later sync.
//!
//! Every change is one row, written in the transaction that makes it, and never changed after, but for
//! an erasure that takes its content and leaves its place in the chain. The invariant: folding the
//! rows of a record, or of an association, in order gives exactly its row in the table, and the one
//! row of an activity gives all of its; bodies hold new values only.

mod activity;
mod association;
mod body;
pub(crate) mod chain;
mod feed;
mod hlc;
mod proof;

pub(crate) use activity::{
    ActivityBody, finish_activity, is_same_activity, read_visitor, write_activity,
    write_identified, write_released,
};
pub(crate) use association::{AssociationBody, wrap_association};
pub(crate) use body::{read_body, write_changes, write_created, write_empty};
pub use feed::{AcknowledgeChanges, CloudEvent, CloudEventPage, Consumer, ConsumerName};
pub(crate) use hlc::Hlc;
pub use proof::{
    JournalHead, JournalProof, JournalReport, ProofContent, ProofLink, ProveChanges, VerifyJournal,
};

use serde::{Deserialize, Serialize};

use crate::{
    Activity, AssociationChange, RecordId, Timestamp, Values, record::default_page, shape::debug,
};

macro_rules! change_kinds {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal; )*) => {
        /// What a row of the journal says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum ChangeKind { $( $(#[$doc])* $variant, )* }

        impl ChangeKind {
            /// The name, as the file and JSON have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// The kind of this name.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $( $name => Some(Self::$variant), )* _ => None }
            }
        }
    };
}

change_kinds! {
    /// A record was created.
    RecordCreated = "record_created";
    /// Some values of a record were changed.
    RecordPatched = "record_patched";
    /// A record was archived.
    RecordArchived = "record_archived";
    /// A record was taken out of the archive.
    RecordRestored = "record_restored";
    /// A person was erased, with their record; what its earlier changes said is gone.
    RecordErased = "record_erased";
    /// A contact point of a person who was erased may come back.
    SuppressionLifted = "suppression_lifted";
    /// Proofs of consent of people who were erased went, as their time was over.
    ProofsSwept = "proofs_swept";
    /// An entity type was defined, or its label or description changed.
    TypeDefined = "type_defined";
    /// An entity type was archived.
    TypeArchived = "type_archived";
    /// An entity type was taken out of the archive.
    TypeRestored = "type_restored";
    /// An attribute was defined or its definition changed.
    AttributeDefined = "attribute_defined";
    /// An attribute was archived.
    AttributeArchived = "attribute_archived";
    /// An attribute was taken out of the archive.
    AttributeRestored = "attribute_restored";
    /// Bytes were stored.
    FileAdded = "file_added";
    /// A kind of activity was defined or its definition changed.
    ActivityKindDefined = "activity_kind_defined";
    /// A kind of activity was archived.
    ActivityKindArchived = "activity_kind_archived";
    /// A kind of activity was taken out of the archive.
    ActivityKindRestored = "activity_kind_restored";
    /// An activity was recorded.
    ActivityRecorded = "activity_recorded";
    /// It was said whose record a visitor is.
    VisitorIdentified = "visitor_identified";
    /// It was taken back whose record a visitor is.
    VisitorReleased = "visitor_released";
    /// A type of associations was defined, or its definition changed.
    AssociationTypeDefined = "association_type_defined";
    /// A type of associations was archived.
    AssociationTypeArchived = "association_type_archived";
    /// A type of associations was taken out of the archive.
    AssociationTypeRestored = "association_type_restored";
    /// An association was added.
    AssociationAdded = "association_added";
    /// Role, primary flag, validity or values of an association were changed.
    AssociationChanged = "association_changed";
    /// An association was archived.
    AssociationArchived = "association_archived";
    /// An association was taken out of the archive.
    AssociationRestored = "association_restored";
    /// A query was saved as a view, or a view was changed.
    ViewSaved = "view_saved";
    /// A view was archived.
    ViewArchived = "view_archived";
    /// A view was taken out of the archive.
    ViewRestored = "view_restored";
    /// A lifecycle was defined, or its definition changed.
    LifecycleDefined = "lifecycle_defined";
    /// A lifecycle was archived.
    LifecycleArchived = "lifecycle_archived";
    /// A lifecycle was taken out of the archive.
    LifecycleRestored = "lifecycle_restored";
    /// A record came to a stage.
    StageMoved = "stage_moved";
    /// A record was put back to an earlier stage.
    StageReset = "stage_reset";
    /// A record would have come to a stage by itself, and did not.
    StageSuppressed = "stage_suppressed";
    /// Stages on which a record stands or stood got other names.
    StageRemapped = "stage_remapped";
    /// A record stood on a stage for longer than it is to.
    StageOverdue = "stage_overdue";
    /// A rule was defined, or its definition changed.
    RuleDefined = "rule_defined";
    /// A rule was archived.
    RuleArchived = "rule_archived";
    /// A rule was taken out of the archive.
    RuleRestored = "rule_restored";
    /// A rule ran with a record.
    RuleRan = "rule_ran";
    /// A rule was set off with a record, and did not run.
    RuleSkipped = "rule_skipped";
    /// A rule tells the host of an event.
    EventEmitted = "event_emitted";
    /// A draft of a score was defined or changed.
    ScoreDefined = "score_defined";
    /// A version of a score was published, and the one before it retired.
    ScorePublished = "score_published";
    /// A version of a score was retired.
    ScoreRetired = "score_retired";
    /// A record crossed a threshold of a score.
    ScoreCrossed = "score_crossed";
    /// Points were added to what a record scores.
    PointsAdded = "points_added";
    /// A channel was defined or its definition changed.
    ChannelDefined = "channel_defined";
    /// A controller or processor was defined or its definition changed.
    PartyDefined = "party_defined";
    /// A policy of consent was defined or its definition changed.
    PolicyDefined = "policy_defined";
    /// A purpose was defined or its definition changed.
    PurposeDefined = "purpose_defined";
    /// A version of a text that people are shown was published.
    NoticePublished = "notice_published";
    /// A retention rule was defined or its definition changed.
    RetentionDefined = "retention_defined";
    /// A retention rule was removed.
    RetentionRemoved = "retention_removed";
    /// An event of the ledger of consent was recorded.
    ConsentRecorded = "consent_recorded";
    /// Two records were linked as one person.
    PeopleLinked = "people_linked";
    /// It was taken back that two records are one person.
    PeopleUnlinked = "people_unlinked";
    /// A segment was defined, or its definition changed.
    SegmentDefined = "segment_defined";
    /// A segment was archived.
    SegmentArchived = "segment_archived";
    /// A segment was taken out of the archive.
    SegmentRestored = "segment_restored";
    /// A record became a member of a segment.
    SegmentEntered = "segment_entered";
    /// A record ceased to be a member of a segment.
    SegmentLeft = "segment_left";
    /// A score was learned: a new version of it.
    LearnedScoreTrained = "learned_score_trained";
    /// A learned score was archived.
    LearnedScoreArchived = "learned_score_archived";
    /// A learned score was taken out of the archive.
    LearnedScoreRestored = "learned_score_restored";
}

impl ChangeKind {
    /// Whether it is about where a record stands in a lifecycle.
    pub(crate) const fn is_about_stages(self) -> bool {
        matches!(
            self,
            Self::StageMoved
                | Self::StageReset
                | Self::StageSuppressed
                | Self::StageRemapped
                | Self::StageOverdue
        )
    }

    /// Whether it is about a rule; the journal keeps it under the rule's own id.
    pub(crate) const fn is_about_rules(self) -> bool {
        matches!(
            self,
            Self::RuleDefined
                | Self::RuleArchived
                | Self::RuleRestored
                | Self::RuleRan
                | Self::RuleSkipped
                | Self::EventEmitted
        )
    }

    /// Whether it is about a record that only its body names: a member of a segment, or what scores.
    pub(crate) const fn names_record(self) -> bool {
        matches!(
            self,
            Self::SegmentEntered | Self::SegmentLeft | Self::ScoreCrossed | Self::PointsAdded
        )
    }
}

/// One change, as the journal has it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// Its place in this file, ascending without end; gaps do not occur.
    pub seq: i64,
    /// The device that made it, as a UUID.
    pub device: String,
    /// Its place among the changes of that device.
    pub device_seq: i64,
    /// Its hybrid logical clock: milliseconds since 1970 times 65,536, plus a counter.
    pub hlc: i64,
    /// When it was made.
    pub at: Timestamp,
    /// Changes of one transaction share this number: the `seq` of the first of them.
    pub transaction: i64,
    /// Who made it.
    pub actor: String,
    /// Why, as far as the actor said.
    pub cause: Option<String>,
    /// What it is.
    pub kind: ChangeKind,
    /// The entity type that it concerns.
    #[serde(rename = "type")]
    pub entity_type: Option<String>,
    /// The record that it concerns.
    pub record_id: Option<RecordId>,
    /// The new values of a record's attributes; null for those that were cleared.
    pub values: Values,
    /// For a definition, a view, a file, a visitor, a consent, where a record stands, of what it is a
    /// member, what it scores, a run of a rule or an event for the host: what the journal holds, as
    /// JSON.
    pub definition: Option<String>,
    /// An activity as it was recorded: without what came later, that is whose record its visitor
    /// turned out to be and by which activity it was superseded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
    /// For an association: what is new about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association: Option<AssociationChange>,
    /// Whether cause and content were erased: then only what a change of this kind says of itself is
    /// left.
    #[serde(default)]
    pub is_erased: bool,
}

debug! {
    Change
        shows(seq, device, device_seq, hlc, at, transaction, kind, entity_type, record_id, values, activity, association, is_erased)
        hides(actor, cause, definition)
}

/// Reads the journal: the request of `changes.list` and `changes.cloud_events`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListChanges {
    /// Only changes after this `seq`; 0 begins at the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: i64,
    /// How many changes at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
    /// Instead of `after`: only changes after what this consumer has acknowledged. One that has not
    /// acknowledged anything yet begins at the beginning. Reading does not move it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub consumer: Option<String>,
}

debug! { ListChanges shows(after, limit) hides(consumer) }

impl ListChanges {
    /// The first 100 changes after `after`; 0 begins at the beginning.
    #[must_use]
    pub fn after(after: i64) -> Self {
        Self { after, limit: default_page(), consumer: None }
    }

    /// The first 100 changes after what `consumer` has acknowledged.
    #[must_use]
    pub fn of_consumer(consumer: impl Into<String>) -> Self {
        Self { consumer: Some(consumer.into()), ..Self::after(0) }
    }
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangePage {
    /// The changes, by `seq`.
    pub changes: Vec<Change>,
    /// What to hand in as `after` for the next page, and what a consumer acknowledges when it has
    /// taken all of this one: the `seq` of the last change, or where the page began when there are
    /// none yet.
    pub next: i64,
}

/// One change in the history of a record.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryEntry {
    /// Its place in the journal.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Why, as far as the actor said.
    pub cause: Option<String>,
    /// What was done.
    pub kind: ChangeKind,
    /// The record's version after it.
    pub version: i64,
    /// The new values; null for those that were cleared.
    pub values: Values,
    /// Whether cause and values were erased.
    #[serde(default)]
    pub is_erased: bool,
}

debug! { HistoryEntry shows(seq, at, kind, version, values, is_erased) hides(actor, cause) }

/// A page of a record's history, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryPage {
    /// The changes, oldest first.
    pub entries: Vec<HistoryEntry>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<i64>,
}

/// What an observer is told, after the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Commit {
    /// The `seq` of the transaction's first change.
    pub first_seq: i64,
    /// The `seq` of its last change: `changes.list` after `first_seq - 1` up to here gives it
    /// whole.
    pub last_seq: i64,
}
