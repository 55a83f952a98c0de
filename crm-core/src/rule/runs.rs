//! What the journal keeps of each time that a rule ran, or would have run and did not.

use serde::{Deserialize, Serialize};

use crate::{
    Error, ErrorKind, Problem, RecordId, RecordRef, Result, Timestamp, Values, shape::debug,
};

macro_rules! named {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $( $(#[$variant_doc])* $variant, )* }
    )* };
}

named! {
    /// What set a rule off.
    RuleEventKind {
        /// An activity was recorded.
        Activity,
        /// The record came to a stage.
        StageEntered,
        /// The record left a stage.
        StageLeft,
        /// An attribute got another value.
        AttributeChanged,
        /// A date had come.
        DateReached,
        /// The score crossed a threshold.
        ScoreCrossed,
        /// The record became a member of a segment.
        SegmentEntered,
        /// The record ceased to be a member of a segment.
        SegmentLeft,
        /// The record stood on a stage for longer than it is to.
        StageOverdue,
    }

    /// What became of an action.
    ActionOutcome {
        /// It was done.
        Done,
        /// Nothing was to be done: the value, or the stage, is there already.
        Unchanged,
        /// The record may not move to the stage; the lifecycle keeps that as a suppressed move.
        Suppressed,
        /// It could not be done, and nothing of it was.
        Failed,
    }

    /// Why a rule did not run although it was set off and its condition held.
    SkippedRun {
        /// It had run before in the same chain of causes.
        Repeated,
        /// As many rules had set each other off as one chain may have.
        TooDeep,
        /// As many rules had run because of one first cause as may: a write, a row of a batch, or a crossing.
        /// It is said once for each rule.
        TooMany,
        /// The condition took too much to answer, so that it is unknown whether it holds.
        Unanswered,
    }
}

/// What set a rule off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleEvent {
    /// What it was.
    pub kind: RuleEventKind,
    /// The change of the journal; `None` if it was only time that passed.
    pub seq: Option<i64>,
    /// The activity.
    pub activity_id: Option<RecordId>,
    /// The attribute.
    pub attribute: Option<String>,
    /// The stage that was entered or left, or on which the record stands for too long.
    pub stage: Option<String>,
    /// The threshold of the score.
    pub threshold: Option<String>,
    /// The segment.
    pub segment: Option<String>,
    /// The time in which the record was to leave the stage.
    pub within: Option<String>,
}

impl RuleEvent {
    /// What happened, without more about it.
    pub(crate) const fn new(kind: RuleEventKind, seq: Option<i64>) -> Self {
        Self {
            kind,
            seq,
            activity_id: None,
            attribute: None,
            stage: None,
            threshold: None,
            segment: None,
            within: None,
        }
    }
}

/// A rule that ran before and led to this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleStep {
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: i64,
    /// The record with which it ran.
    pub record: RecordRef,
}

/// What became of one action of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionResult {
    /// What was to be done, such as `set_attribute`.
    pub action: String,
    /// What became of it.
    pub outcome: ActionOutcome,
    /// Why it failed or was suppressed.
    pub problem: Option<Problem>,
}

/// A run of a rule, or one that was skipped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleRun {
    /// The rule.
    pub rule: String,
    /// Its version at that time.
    pub version: i64,
    /// The record.
    pub record: RecordRef,
    /// The moment that the rule saw. Of a date that was reached, that moment, however late the host
    /// looked at the clock.
    pub at: Timestamp,
    /// What set it off.
    pub event: RuleEvent,
    /// The rules that led to it, the first one first; none if a write of the host did.
    pub chain: Vec<RuleStep>,
    /// What became of its actions, in order; none if it was skipped.
    pub actions: Vec<ActionResult>,
    /// Why it was skipped; `None` if it ran.
    pub skipped: Option<SkippedRun>,
    /// The first of the changes that its actions made; they go up to the one before `seq`. That of
    /// the run itself if there are none.
    pub first_seq: i64,
    /// The change of the journal that tells of it.
    pub seq: i64,
    /// Who made the write that set it off.
    pub actor: String,
}

debug! {
    RuleRun
        shows(rule, version, record, at, event, chain, actions, skipped, first_seq, seq)
        hides(actor)
}

/// A page of the runs of a rule, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleRunPage {
    /// The runs.
    pub runs: Vec<RuleRun>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<i64>,
}

/// The body of a change that tells of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunBody {
    pub(crate) rule: String,
    pub(crate) version: i64,
    #[serde(rename = "type")]
    pub(crate) entity_type: String,
    pub(crate) id: RecordId,
    pub(crate) at: Timestamp,
    pub(crate) event: RuleEvent,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) chain: Vec<RuleStep>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<ActionResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<SkippedRun>,
    /// The first change of its actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_seq: Option<i64>,
}

/// The body of a change that tells the host of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EmittedBody {
    pub(crate) event: String,
    pub(crate) rule: String,
    pub(crate) version: i64,
    #[serde(rename = "type")]
    pub(crate) entity_type: String,
    pub(crate) id: RecordId,
    pub(crate) at: Timestamp,
    pub(crate) values: Values,
}

/// Whose change a body is.
#[derive(Deserialize)]
struct Owner {
    #[serde(rename = "type")]
    entity_type: String,
    id: RecordId,
}

/// The record that a body is about which names it by `type` and `id`: a run, an event for the host, a
/// member that came or went, a score.
///
/// # Errors
///
/// `Corrupt` if the body names none.
pub(crate) fn body_owner(json: &str) -> Result<RecordRef> {
    let Owner { entity_type, id } = read(json)?;
    Ok(RecordRef::new(entity_type, id))
}

impl RunBody {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a body is always JSON")
    }

    /// # Errors
    ///
    /// `Corrupt` if the text is not what [`Self::to_json`] writes.
    pub(crate) fn read(json: &str) -> Result<Self> {
        read(json)
    }

    /// The run, as callers see it.
    pub(crate) fn describe(self, seq: i64, actor: String) -> RuleRun {
        RuleRun {
            rule: self.rule,
            version: self.version,
            record: RecordRef::new(self.entity_type, self.id),
            at: self.at,
            event: self.event,
            chain: self.chain,
            actions: self.actions,
            skipped: self.skipped,
            first_seq: self.first_seq.unwrap_or(seq),
            seq,
            actor,
        }
    }
}

impl EmittedBody {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a body is always JSON")
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a row of the journal cannot be read"))
}
