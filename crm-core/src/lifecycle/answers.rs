//! What is answered about where records stand and how they came there.

use serde::{Deserialize, Serialize};

use super::StageKind;
use crate::{RecordId, RecordRef, Timestamp, shape::debug};

macro_rules! named {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $text:literal, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $( $(#[$variant_doc])* $variant, )* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name, as the file and JSON have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }
    )* };
}

named! {
    /// What brought a record to a stage.
    StageCause {
        /// A person, or the host, moved it.
        Manual = "manual",
        /// It was created.
        Initial = "initial",
        /// It was created by an import, which says where it stands.
        Import = "import",
        /// An activity.
        Activity = "activity",
        /// The stage of a related record.
        Related = "related",
        /// A condition that had become true.
        Condition = "condition",
        /// Nothing had happened for a span.
        Inactivity = "inactivity",
        /// A rule.
        Rule = "rule",
        /// A later stage: this one was skipped.
        Implied = "implied",
        /// A person, or the host, put it back.
        Reset = "reset",
    }

    /// Why an automatic move was not made.
    SuppressedBy {
        /// The stage lies before the one on which the record stands, or what would win it back was
        /// before it was lost.
        Earlier = "earlier",
        /// Only people lead out of the stage on which it stands.
        Exit = "exit",
        /// The guard of the stage is not met, or cannot be answered within the limits.
        Guard = "guard",
        /// An attribute that the stage needs has no value.
        Required = "required",
    }
}

impl StageCause {
    /// The cause of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.name() == name)
    }
}

/// Where a record stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Standing {
    /// The lifecycle.
    pub lifecycle: String,
    /// The entity type of the record.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The record.
    pub id: RecordId,
    /// The stage; `None` while it has not entered any.
    pub stage: Option<String>,
    /// What that stage means.
    pub kind: Option<StageKind>,
    /// The furthest stage that it reached in this cycle: the high-water mark. A reset leaves it.
    pub reached: Option<String>,
    /// The ordered stage on which it stood last: of a record that is lost, where that happened.
    pub last: Option<String>,
    /// How often it began: 1, and one more for each win-back; 0 while it has not entered any stage.
    pub cycle: u32,
    /// When it came to the stage.
    pub entered_at: Option<Timestamp>,
    /// The reason that was given then.
    pub reason: Option<String>,
    /// How many stages it came to, skipped ones included.
    pub visits: u32,
}

debug! {
    Standing
        shows(lifecycle, entity_type, id, stage, kind, reached, last, cycle, entered_at, visits)
        hides(reason)
}

/// The answer of `lifecycles.move` and `lifecycles.reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MovedStage {
    /// Whether the record moved; false if it stood there already.
    pub is_moved: bool,
    /// Where it stands now.
    pub standing: Standing,
}

/// A stay on a stage.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageVisit {
    /// Its number among those of the record, from 1.
    pub number: u32,
    /// The stage.
    pub stage: String,
    /// The cycle.
    pub cycle: u32,
    /// When it began.
    pub entered_at: Timestamp,
    /// When it ended; `None` while it lasts. A stage that was skipped ended when it began.
    pub exited_at: Option<Timestamp>,
    /// What brought the record there.
    pub cause: StageCause,
    /// The reason that was given.
    pub reason: Option<String>,
    /// The activity that moved it, or that shows why it was moved.
    pub activity_id: Option<RecordId>,
    /// The related record that moved it.
    pub record: Option<RecordRef>,
    /// The place of the trigger that moved it, among those of the definition, from 0. `None` if
    /// none did, and for what happened before files kept it.
    pub trigger: Option<u32>,
    /// The version of the definition whose trigger it is.
    pub version: Option<i64>,
    /// The rule that moved it, with its version, such as `welcome@3`.
    pub rule: Option<String>,
    /// Who.
    pub actor: String,
    /// The change of the journal.
    pub seq: i64,
}

debug! {
    StageVisit
        shows(
            number, stage, cycle, entered_at, exited_at, cause, activity_id, record, trigger, version,
            rule, seq
        )
        hides(reason, actor)
}

/// A record came to a stage, as its timeline shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageEntry {
    /// The change of the journal.
    pub seq: i64,
    /// When it came there.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// The lifecycle.
    pub lifecycle: String,
    /// The stage.
    pub stage: String,
    /// The stages that were skipped, in order.
    pub implied: Vec<String>,
    /// The cycle.
    pub cycle: u32,
    /// What brought the record there.
    pub cause: StageCause,
    /// The reason that was given.
    pub reason: Option<String>,
    /// The activity that moved it, or that shows why it was moved.
    pub activity_id: Option<RecordId>,
    /// The related record that moved it.
    pub record: Option<RecordRef>,
}

debug! {
    StageEntry
        shows(seq, at, lifecycle, stage, implied, cycle, cause, activity_id, record)
        hides(actor, reason)
}

/// An automatic move that was not made. The same one is kept once for each stay on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SuppressedMove {
    /// The stage that it would have led to.
    pub to: String,
    /// Why it was not made.
    pub by: SuppressedBy,
    /// What would have brought the record there.
    pub cause: StageCause,
    /// When.
    pub at: Timestamp,
    /// The activity.
    pub activity_id: Option<RecordId>,
    /// The related record.
    pub record: Option<RecordRef>,
    /// The place of the trigger that would have moved it, among those of the definition, from 0. `None` if
    /// none did, and for what happened before files kept it.
    pub trigger: Option<u32>,
    /// The version of the definition whose trigger it is.
    pub version: Option<i64>,
    /// The rule that would have moved it, with its version, such as `welcome@3`.
    pub rule: Option<String>,
    /// The attributes that the stage needs and that had no value, if that is why; none for what
    /// happened before files kept them.
    pub missing: Vec<String>,
    /// The change of the journal.
    pub seq: i64,
}

/// A stay on a stage that lasted longer than a record is to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverdueStage {
    /// The stage.
    pub stage: String,
    /// When the record came there.
    pub entered_at: Timestamp,
    /// In what time it was to go on: one of those of the stage.
    pub within: String,
    /// When that time was over.
    pub at: Timestamp,
    /// The change of the journal.
    pub seq: i64,
}

/// A record's way through a lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LifecycleHistory {
    /// Where it stands.
    pub standing: Standing,
    /// The stays on stages that the changes of this page began, oldest first.
    pub visits: Vec<StageVisit>,
    /// The automatic moves that were not made, oldest first.
    pub suppressed: Vec<SuppressedMove>,
    /// The times in which it was to go on, and did not, oldest first.
    pub overdue: Vec<OverdueStage>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<i64>,
}
