//! What is asked of many records, or of one at a moment, and what is answered.

use serde::{Deserialize, Serialize};

use super::{StageCause, StageVisit, Standing, SuppressedMove};
use crate::{Condition, ConditionAnswer, RecordId, Timestamp, record::default_page, shape::debug};

/// Asks how long a record stood on each stage: the request of `lifecycles.times`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetStageTimes {
    /// The lifecycle, which says of which entity type the record is.
    pub lifecycle: String,
    /// The record.
    pub id: RecordId,
    /// The moment that counts as now; the present if it is left out. What happened after it is not
    /// counted.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
}

impl GetStageTimes {
    /// The times of a record up to now.
    pub fn new(lifecycle: impl Into<String>, id: RecordId) -> Self {
        Self { lifecycle: lifecycle.into(), id, at: None }
    }
}

/// How long a record stood on a stage. Stages that were skipped do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageTime {
    /// The stage.
    pub stage: String,
    /// How often it came there.
    pub visits: u32,
    /// When it came there last.
    pub entered_at: Timestamp,
    /// When it left last, after that; `None` while it stands there.
    pub exited_at: Option<Timestamp>,
    /// How long the present stay has lasted, in microseconds; `None` if it does not stand there.
    pub current_micros: Option<i64>,
    /// How long the last stay that has ended lasted; `None` if none has.
    pub latest_micros: Option<i64>,
    /// How long all the stays that have ended lasted.
    pub cumulative_micros: i64,
}

/// The answer of `lifecycles.times`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageTimes {
    /// Where the record stands.
    pub standing: Standing,
    /// The moment up to which it was counted.
    pub at: Timestamp,
    /// The stages to which it came, in the order of the lifecycle.
    pub stages: Vec<StageTime>,
}

/// Asks how many go how far: the request of `lifecycles.funnel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetFunnel {
    /// The lifecycle.
    pub lifecycle: String,
    /// Only those who came to their first stage at or after this moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub from: Option<Timestamp>,
    /// Only those who came to their first stage before this moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// Only records for which this condition is true now, in UTC, as JSON or as text; archived ones
    /// count too.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The quantiles of the times that are wanted besides the median, each 0 to 1, at most 16.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub quantiles: Vec<f64>,
}

impl GetFunnel {
    /// The funnel of all who ever began.
    pub fn new(lifecycle: impl Into<String>) -> Self {
        Self {
            lifecycle: lifecycle.into(),
            from: None,
            until: None,
            condition: None,
            quantiles: Vec::new(),
        }
    }
}

/// A step of a funnel: `reached` is the sum of `went_on`, `lost` and `waiting`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FunnelStage {
    /// The stage.
    pub stage: String,
    /// How many reached it, or skipped it on the way to a later one.
    pub reached: u64,
    /// How many of these only skipped it.
    pub implied: u64,
    /// How many of all who began reached it, 0 to 1; `None` where nobody began.
    pub share: Option<f64>,
    /// How many reached a later stage.
    pub went_on: u64,
    /// The same as a part of those who reached it; `None` where nobody did.
    pub conversion: Option<f64>,
    /// How many came no further and are lost.
    pub lost: u64,
    /// The same as a part of those who reached it; `None` where nobody did.
    pub drop_off: Option<f64>,
    /// How many have come no further yet.
    pub waiting: u64,
    /// The median of the time from coming here to coming to the next later stage, in microseconds, of
    /// those who really stood here and went on; `None` if there are none.
    pub median_micros: Option<i64>,
    /// The quantiles of that time that were asked for; empty if there are none.
    pub quantile_micros: Vec<i64>,
}

/// How many go how far. Each cycle of a record counts by itself; archived records count as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Funnel {
    /// How many began in that time.
    pub entered: u64,
    /// The stages that are open or won, in order.
    pub stages: Vec<FunnelStage>,
}

/// Asks who stands on a stage for too long: the request of `lifecycles.stuck`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FindStuck {
    /// The lifecycle.
    pub lifecycle: String,
    /// The stages; all that are open if it is empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub stages: Vec<String>,
    /// For longer than this: a span such as `P14D` or `14d`.
    pub longer_than: String,
    /// The moment that counts as now; the present if it is left out. Hand in the same with every page.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many records at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! { FindStuck shows(lifecycle, stages, at, limit) hides(longer_than, after) }

impl FindStuck {
    /// Those who stand on an open stage for longer than this, the first 100 of them.
    pub fn new(lifecycle: impl Into<String>, longer_than: impl Into<String>) -> Self {
        Self {
            lifecycle: lifecycle.into(),
            stages: Vec::new(),
            longer_than: longer_than.into(),
            at: None,
            after: None,
            limit: default_page(),
        }
    }
}

/// A record that stands on a stage for too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StuckRecord {
    /// The record.
    pub id: RecordId,
    /// The stage.
    pub stage: String,
    /// The cycle.
    pub cycle: u32,
    /// When it came there.
    pub entered_at: Timestamp,
    /// How long that is, in microseconds.
    pub micros: i64,
}

/// A page of records in use that stand on a stage for too long, the longest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StuckPage {
    /// The records.
    pub records: Vec<StuckRecord>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<String>,
}

debug! { StuckPage shows(records) hides(next) }

/// Asks whether a hand-over was answered in time: the request of `lifecycles.acceptance`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetAcceptance {
    /// The lifecycle.
    pub lifecycle: String,
    /// The stage on which records wait to be taken on, such as `mql`.
    pub stage: String,
    /// In what time they are to leave it: a span without years and months, such as `PT1H` or `5min`.
    pub within: String,
    /// The stage by which they are taken on, such as `sql`: only who comes there, or to one after it,
    /// is. Whoever leaves is, if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub to: Option<String>,
    /// Only those who came there at or after this moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub from: Option<Timestamp>,
    /// Only those who came there before this moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// The moment that counts as now; the present if it is left out. Hand in the same with every page.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many breaches at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! { GetAcceptance shows(lifecycle, stage, to, from, until, at, limit) hides(within, after) }

impl GetAcceptance {
    /// How the stage is left within this time, with the first 100 breaches.
    pub fn new(
        lifecycle: impl Into<String>,
        stage: impl Into<String>,
        within: impl Into<String>,
    ) -> Self {
        Self {
            lifecycle: lifecycle.into(),
            stage: stage.into(),
            within: within.into(),
            to: None,
            from: None,
            until: None,
            at: None,
            after: None,
            limit: default_page(),
        }
    }
}

/// A stay on a stage that lasted, or lasts, too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptanceBreach {
    /// The record.
    pub id: RecordId,
    /// The number of the stay among those of the record.
    pub number: u32,
    /// When it came there.
    pub entered_at: Timestamp,
    /// When it left, or with `to` was taken on or ended otherwise; `None` while it waits.
    pub exited_at: Option<Timestamp>,
    /// How much too late that is, in microseconds.
    pub late_micros: i64,
}

/// The answer of `lifecycles.acceptance`: `entered` is the sum of the five counts after it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Acceptance {
    /// How many stays began; stages that were skipped do not count.
    pub entered: u64,
    /// How many were taken on in time.
    pub in_time: u64,
    /// How many were taken on too late.
    pub late: u64,
    /// How many ended otherwise, if the request names a stage: lost, beside the way, or put back.
    pub declined: u64,
    /// How many last, and still have time.
    pub waiting: u64,
    /// How many last for too long.
    pub overdue: u64,
    /// The median of the time until they were taken on, in microseconds; `None` if none was.
    pub median_micros: Option<i64>,
    /// Those that took longer than they were to, however they ended, or are overdue; the oldest first.
    pub breaches: Vec<AcceptanceBreach>,
    /// What to hand in as `after` for the next page of breaches; `None` when there is none.
    pub next: Option<String>,
}

debug! {
    Acceptance
        shows(entered, in_time, late, declined, waiting, overdue, median_micros, breaches)
        hides(next)
}

/// Asks why a record stands where it does: the request of `lifecycles.explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainStage {
    /// The lifecycle, which says of which entity type the record is.
    pub lifecycle: String,
    /// The record.
    pub id: RecordId,
}

/// What would lead a record to a stage by itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TriggerAnswer {
    /// What sort of trigger it is.
    pub cause: StageCause,
    /// Its place among the triggers of the definition, from 0.
    pub trigger: u32,
    /// The same in words.
    pub text: String,
    /// Whether what it asks of the record is true now; `None` if it asks nothing.
    pub condition: Option<ConditionAnswer>,
    /// When time alone sets it off at the earliest, if nothing else happens; a moment that is past if
    /// only the next tick is missing. `None` where time alone does not.
    pub due_at: Option<Timestamp>,
}

debug! { TriggerAnswer shows(cause, trigger, condition, due_at) hides(text) }

/// A stage to which a record could go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextStage {
    /// The stage.
    pub stage: String,
    /// Whether a person could move it there now.
    pub by_hand: bool,
    /// The attributes that have no value and would need one.
    pub missing: Vec<String>,
    /// Whether the guard is met, and why; `None` if there is none.
    pub guard: Option<ConditionAnswer>,
    /// What would lead it there by itself.
    pub triggers: Vec<TriggerAnswer>,
}

/// Why a record stands where it does, and what would move it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageExplanation {
    /// Where it stands.
    pub standing: Standing,
    /// All of this in words, a line for each point.
    pub text: String,
    /// The stay on the present stage, with what brought it there.
    pub visit: Option<StageVisit>,
    /// The automatic moves that were not made since then.
    pub suppressed: Vec<SuppressedMove>,
    /// The stages to which it could go, those in order first.
    pub next: Vec<NextStage>,
}

debug! { StageExplanation shows(standing, visit, suppressed, next) hides(text) }

/// How a drawing is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DrawingFormat {
    /// A state diagram of Mermaid.
    #[default]
    Mermaid,
    /// A graph of Graphviz.
    Dot,
}

/// Asks for a drawing of a lifecycle: the request of `lifecycles.draw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DrawLifecycle {
    /// The lifecycle.
    pub lifecycle: String,
    /// How it is written.
    #[serde(default)]
    pub format: DrawingFormat,
}

/// A drawing, as text. The same definition gives the same text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drawing {
    /// The text.
    pub text: String,
}

debug! { Drawing shows() hides(text) }
