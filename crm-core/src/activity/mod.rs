//! Activities: what happened with a record, when, and through which channel.
//!
//! An activity is immutable. What was recorded wrongly is corrected by a new activity that
//! supersedes it; the old one stays readable and counts no longer. The invariant: an activity is
//! either of a record or of a visitor, who is known by a key of the host's only; whose record a
//! visitor is, is said apart from the activities and can be taken back.

mod draft;
mod kind;
mod preset;
mod timeline;

pub use kind::{ActivityKind, ActivityKindName, DefineActivityKind, DefineActivityPreset};
pub use preset::ActivityPreset;
pub use timeline::{ListTimeline, TimelineEntry, TimelineItem, TimelineKind, TimelinePage};

pub(crate) use draft::{Content, check_label, draft, draft_with};
pub(crate) use kind::{RESERVED_PROPERTIES, check_name, definition_json, read_definition};

use serde::{Deserialize, Serialize};

use crate::{
    Money, Outcome, Problem, RecordId, RecordRef, Timestamp, Values, record::default_page,
    schema::TypeModel, shape::debug,
};

/// Which way an activity went, as the host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Direction {
    /// It came in: the customer called.
    Inbound,
    /// It went out: the customer was called.
    Outbound,
}

impl Direction {
    /// The name, as the file and JSON have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// The direction of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound].into_iter().find(|direction| direction.name() == name)
    }
}

/// A record that an activity concerns beside its subject.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityLink {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The id of the record.
    pub id: RecordId,
    /// What the record is to the activity, such as `attendee`: at most 255 bytes, empty if nothing
    /// is to be said.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub role: String,
}

debug! { ActivityLink shows(entity_type, id) hides(role) }

/// Records an activity: the request of `activities.record`.
///
/// It has either a `subject` or a `visitor`. A correction may leave out both: then it has those of
/// the activity that it supersedes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewActivity {
    /// The kind of activity.
    pub kind: String,
    /// When it happened; at most one day in the future.
    pub at: Timestamp,
    /// The record with which it happened.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub subject: Option<RecordRef>,
    /// The key of somebody whose record is not known, such as that of a cookie: at most 255 bytes.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub visitor: Option<String>,
    /// Through what it happened, such as `web` or `phone`: at most 255 bytes.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub channel: Option<String>,
    /// Which way it went.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub direction: Option<Direction>,
    /// The properties that its kind defines. Those that are left out take their default.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub properties: Values,
    /// What it was worth: the amount of a purchase, the costs of a letter.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub amount: Option<Money>,
    /// A key of the host's, unique in the file, at most 255 bytes: recording the same activity under
    /// the same key again changes nothing, so that a call may be repeated.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub key: Option<String>,
    /// Other records that it concerns; at most 100.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub links: Vec<ActivityLink>,
    /// The activity that this one corrects.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub supersedes: Option<RecordId>,
}

debug! {
    NewActivity
        shows(kind, at, subject, direction, properties, amount, links, supersedes)
        hides(visitor, channel, key)
}

impl NewActivity {
    /// An activity of `kind` at this time, as yet of nobody.
    pub fn new(kind: impl Into<String>, at: Timestamp) -> Self {
        Self {
            kind: kind.into(),
            at,
            subject: None,
            visitor: None,
            channel: None,
            direction: None,
            properties: Values::new(),
            amount: None,
            key: None,
            links: Vec::new(),
            supersedes: None,
        }
    }

    /// An activity of `kind` with this record.
    pub fn of(kind: impl Into<String>, subject: RecordRef, at: Timestamp) -> Self {
        Self { subject: Some(subject), ..Self::new(kind, at) }
    }

    /// An activity of `kind` of a visitor.
    pub fn of_visitor(kind: impl Into<String>, visitor: impl Into<String>, at: Timestamp) -> Self {
        Self { visitor: Some(visitor.into()), ..Self::new(kind, at) }
    }
}

/// An activity as it is stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Activity {
    /// The id, for ever.
    pub id: RecordId,
    /// The kind of activity.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// The record with which it happened; of a visitor's activity the record that the visitor was
    /// identified as.
    pub subject: Option<RecordRef>,
    /// The visitor's key, if it was recorded of one.
    pub visitor: Option<String>,
    /// Through what it happened.
    pub channel: Option<String>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// The properties that have a value.
    pub properties: Values,
    /// What was typed, for those properties whose normal form differs from it.
    pub typed: Values,
    /// What it was worth.
    pub amount: Option<Money>,
    /// The host's key.
    pub key: Option<String>,
    /// Other records that it concerns, by id and role.
    pub links: Vec<ActivityLink>,
    /// The activity that this one corrects.
    pub supersedes: Option<RecordId>,
    /// The activity that corrects this one, which counts no longer then.
    pub superseded_by: Option<RecordId>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who recorded it.
    pub recorded_by: String,
}

debug! {
    Activity
        shows(id, kind, at, subject, direction, properties, typed, amount, links, supersedes, superseded_by, recorded_at)
        hides(visitor, channel, key, recorded_by)
}

/// What is known of an activity beside its content.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) id: RecordId,
    pub(crate) superseded_by: Option<RecordId>,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
}

impl Activity {
    pub(crate) fn new(model: &TypeModel, content: Content, recorded: Recorded) -> Self {
        let (properties, typed) = model.decode(content.cells);
        let amount = content.amount.and_then(|(amount, currency)| {
            // A currency that the engine does not know can only stand in a damaged file.
            Money::from_minor_units(amount, &currency).ok()
        });
        Self {
            id: recorded.id,
            kind: model.name.clone(),
            at: content.at,
            subject: content.subject,
            visitor: content.visitor,
            channel: content.channel,
            direction: content.direction,
            properties,
            typed,
            amount,
            key: content.key,
            links: content.links,
            supersedes: content.supersedes,
            superseded_by: recorded.superseded_by,
            recorded_at: recorded.at,
            recorded_by: recorded.by,
        }
    }
}

/// The answer of `activities.record`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordedActivity {
    /// The activity as it is stored.
    pub activity: Activity,
    /// `created`, or `unchanged` if its key was there already with the same content.
    pub outcome: Outcome,
}

/// Records several activities in one transaction: the request of `activities.record_many`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordActivities {
    /// The activities, in order; at most 100,000.
    pub activities: Vec<NewActivity>,
    /// Whether one that fails undoes them all. Otherwise the others are kept.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub all_or_nothing: bool,
}

/// What became of one activity of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityOutcome {
    /// `created`, `unchanged` or `failed`.
    pub outcome: Outcome,
    /// The activity; `None` if it failed.
    pub id: Option<RecordId>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// The answer of `activities.record_many`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityReport {
    /// For each activity what became of it, in order.
    pub outcomes: Vec<ActivityOutcome>,
    /// How many failed.
    pub failed: u64,
    /// Whether the transaction was committed. If not, nothing was kept.
    pub is_committed: bool,
}

/// Reads an activity: the request of `activities.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetActivity {
    /// The id.
    pub id: RecordId,
}

/// Reads a page of activities, the latest first: the request of `activities.list`.
///
/// It names one of `subject`, `visitor` and `key`. Activities that are superseded are left out,
/// except by `key`, which names one activity whatever became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListActivities {
    /// Only activities with this record, those of visitors identified as it included.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub subject: Option<RecordRef>,
    /// Only activities of this visitor.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub visitor: Option<String>,
    /// Only the activity of this key.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub key: Option<String>,
    /// Only activities of these kinds; of every kind if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub kinds: Vec<String>,
    /// Only activities that happened at this time or later.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub from: Option<Timestamp>,
    /// Only activities that happened before this time.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many activities at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! {
    ListActivities
        shows(subject, kinds, from, until, limit)
        hides(visitor, key, after)
}

impl ListActivities {
    fn new() -> Self {
        Self {
            subject: None,
            visitor: None,
            key: None,
            kinds: Vec::new(),
            from: None,
            until: None,
            after: None,
            limit: default_page(),
        }
    }

    /// The latest activities with a record.
    #[must_use]
    pub fn of(subject: RecordRef) -> Self {
        Self { subject: Some(subject), ..Self::new() }
    }

    /// The latest activities of a visitor.
    pub fn of_visitor(visitor: impl Into<String>) -> Self {
        Self { visitor: Some(visitor.into()), ..Self::new() }
    }

    /// The activity of a key.
    pub fn of_key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::new() }
    }
}

/// A page of activities.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityPage {
    /// The activities, the latest first; of the same time the one recorded last first.
    pub activities: Vec<Activity>,
    /// What to hand in as `after` for the next page; `None` when there is none. An activity that
    /// counts throughout comes exactly once, whatever others record.
    pub next: Option<String>,
}

debug! { ActivityPage shows(activities) hides(next) }

/// Says whose record a visitor is: the request of `activities.identify`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IdentifyVisitor {
    /// The visitor's key. It may be one of which no activity was recorded yet.
    pub visitor: String,
    /// The entity type of the record.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The id of the record.
    pub id: RecordId,
}

debug! { IdentifyVisitor shows(entity_type, id) hides(visitor) }

/// Takes back whose record a visitor is: the request of `activities.release`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseVisitor {
    /// The visitor's key.
    pub visitor: String,
}

debug! { ReleaseVisitor shows() hides(visitor) }

/// Somebody who is known by a key of the host's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Visitor {
    /// The key.
    pub visitor: String,
    /// The record that the visitor was identified as.
    pub record: Option<RecordRef>,
    /// How many activities were recorded of the visitor, superseded ones included.
    pub activities: u64,
}

debug! { Visitor shows(record, activities) hides(visitor) }
