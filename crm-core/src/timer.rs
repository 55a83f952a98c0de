//! Timers: what changes though nobody writes, because time passes.
//!
//! A condition such as "no visit for 30 days" becomes true at an instant that is known beforehand.
//! Rooms that keep such answers set a timer for it; a tick does what is due, in the order in which it
//! fell due, each at its own instant. The invariant: ticking late gives what ticking in time would
//! have given, as long as nothing was written in between. No thread of the engine's own ticks; a host
//! calls it when [`NextTimer::due_at`] says so, or now and then.

use serde::{Deserialize, Serialize};

use crate::{Change, Problem, RecordRef, Timestamp, record::default_page};

/// Does what has fallen due: the request of `timers.tick`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TickTimers {
    /// Up to when, this instant included: not in the future, and not before an earlier tick. Now if
    /// it is left out, or where an earlier tick went if that is later.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// How many timers at most, 1 to 1,000,000.
    #[serde(default = "default_limit")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100000))]
    pub limit: u32,
}

const fn default_limit() -> u32 {
    100_000
}

impl Default for TickTimers {
    fn default() -> Self {
        Self { until: None, limit: default_limit() }
    }
}

/// What a tick did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tick {
    /// Up to when everything is done.
    pub at: Timestamp,
    /// How many timers were due.
    pub done: u64,
    /// Whether nothing that was asked for is left: otherwise tick again.
    pub is_complete: bool,
    /// When the next timer is due; `None` if there is none.
    pub due_at: Option<Timestamp>,
    /// With how many of them it could not be done what was due.
    pub failures: u64,
    /// The first 100 of these.
    pub failed: Vec<FailedTimer>,
}

/// Whose timer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TimerRoom {
    /// That of a lifecycle.
    Lifecycle,
    /// That of a segment.
    Segment,
    /// That of a score.
    Score,
    /// That of a rule.
    Rule,
}

/// A timer with which it could not be done what was due: nothing of it stays, and it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailedTimer {
    /// Whose timer it is.
    pub room: TimerRoom,
    /// The name of the lifecycle, segment, score or rule.
    pub name: String,
    /// The record.
    pub record: RecordRef,
    /// When it was due.
    pub due_at: Timestamp,
    /// When it is tried again, unless a write of the record comes first: a day after the tick.
    pub again_at: Timestamp,
    /// What went wrong.
    pub problem: Problem,
}

/// When to tick next: the answer of `timers.next`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextTimer {
    /// When the next timer is due; `None` if there is none. It may lie in the past.
    pub due_at: Option<Timestamp>,
    /// Up to when the last tick went; `None` if there was none.
    pub ticked_at: Option<Timestamp>,
}

/// Asks what would fall due if nothing were written: what `Timers::simulate` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulateTimers {
    /// Up to when, this instant included: not in the past.
    pub until: Timestamp,
    /// How many changes are told at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl SimulateTimers {
    /// What would fall due until then, with the first 100 changes.
    #[must_use]
    pub fn until(until: Timestamp) -> Self {
        Self { until, limit: default_page() }
    }
}

/// What would fall due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Simulation {
    /// How many timers would be due.
    pub done: u64,
    /// With how many of them it could not be done what was due.
    pub failures: u64,
    /// How many changes the journal would have more.
    pub made: u64,
    /// The first of them, in order: who would enter or leave a segment, and what follows.
    pub changes: Vec<Change>,
}
