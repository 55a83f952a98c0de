//! The flywheel: how much of what is won comes from those who are customers already, and where the way
//! rubs.
//!
//! Somebody arrives with the first stay of a cycle on the stage that makes a customer, or on a later
//! one. The invariants: everyone who arrives is counted once for each cycle; of the stays that ended,
//! those that were lost or put back are parts; and of the customers who were lost, those who came back.

use serde::{Deserialize, Serialize};

use super::{
    Lifecycle, RelatedStage, StageCause, StageKind, VisitRow,
    funnel::{micros, part},
};
use crate::{RecordId, Timestamp, query::quantile};

/// Asks how many new customers come by existing ones, and where the way rubs: the request of
/// `lifecycles.flywheel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetFlywheel {
    /// The lifecycle.
    pub lifecycle: String,
    /// The stage that makes a customer; the first one that is won if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub stage: Option<String>,
    /// Only customers who arrived, and stays that ended, at or after this moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub from: Option<Timestamp>,
    /// Only those before this moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<Timestamp>,
    /// Ways to whoever brought a record, such as an association `referred_by`: it counts as referred if
    /// one of those to whom they lead had come to that stage, or to a later one, before it arrived. At
    /// most 16.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub referral: Vec<RelatedStage>,
    /// Ways to whoever bought, such as the contact of a deal: it counts as repeated if one of these had
    /// come to that stage before it arrived. At most 16.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub repeat: Vec<RelatedStage>,
}

impl GetFlywheel {
    /// The flywheel of all time, without referrals.
    pub fn new(lifecycle: impl Into<String>) -> Self {
        Self {
            lifecycle: lifecycle.into(),
            stage: None,
            from: None,
            until: None,
            referral: Vec::new(),
            repeat: Vec::new(),
        }
    }
}

/// Where the way rubs: what became of the stays on a stage that ended in that time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageFriction {
    /// The stage.
    pub stage: String,
    /// How many stays ended; stages that were skipped do not count.
    pub left: u64,
    /// The median of how long these lasted, in microseconds; `None` if there are none.
    pub median_micros: Option<i64>,
    /// How many of them ended because the record was lost.
    pub lost: u64,
    /// The same as a part of those that ended, 0 to 1; `None` if there are none.
    pub drop_off: Option<f64>,
    /// How many of them ended because the record was put back to an earlier stage.
    pub resets: u64,
    /// How many automatic moves were not made in that time while a record stood here.
    pub suppressed: u64,
}

/// How many new customers come by existing ones. Archived records count as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Flywheel {
    /// The stage that makes a customer.
    pub stage: String,
    /// How many arrived; each cycle of a record counts by itself.
    pub customers: u64,
    /// How many of them an existing customer brought.
    pub referred: u64,
    /// How many of them had arrived in an earlier cycle, or were bought by somebody who had.
    pub repeated: u64,
    /// How many of them were one or the other.
    pub by_existing: u64,
    /// The same as a part of those who arrived, 0 to 1; `None` if nobody did.
    pub share: Option<f64>,
    /// Where the way rubs: the stages that are open or won, in order.
    pub friction: Vec<StageFriction>,
    /// How many of the customers who were lost came back.
    pub win_back: WinBack,
}

/// How many customers who were lost came back in that time. Each cycle that was lost counts by itself,
/// from its first stage that is lost; a loss that a reset took back is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WinBack {
    /// How many could: customers who were lost before the end of that time, and of whom no new cycle had
    /// begun before it.
    pub churned: u64,
    /// How many of them began a new cycle in that time.
    pub returned: u64,
    /// How many of these also became customers again in that time.
    pub recovered: u64,
    /// The win-back rate: `returned` as a part of `churned`, 0 to 1; `None` if nobody could.
    pub rate: Option<f64>,
}

/// A record that became a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) record: RecordId,
    pub(crate) at: Timestamp,
    /// Whether it had become one in an earlier cycle.
    pub(crate) is_again: bool,
}

/// A flywheel under way. Stays are added record by record, in order.
pub(crate) struct FlywheelFold<'a> {
    lifecycle: &'a Lifecycle,
    /// Whether a stage makes a customer, by its place.
    makes: Vec<bool>,
    span: (Timestamp, Timestamp),
    record: Option<RecordId>,
    /// The cycle of the latest arrival of this record.
    arrived: Option<u32>,
    /// The stay before, if it was on an ordered stage: its place, and how long it lasted.
    before: Option<(usize, i64)>,
    pub(crate) arrivals: Vec<Arrival>,
    steps: Vec<Step>,
    /// The latest loss of this record as a customer.
    loss: Option<Loss>,
    win_back: WinBack,
}

/// That a customer was lost, and what came of it.
struct Loss {
    cycle: u32,
    at: Timestamp,
    /// When a new cycle began.
    returned: Option<Timestamp>,
    /// When it became a customer again.
    recovered: Option<Timestamp>,
}

#[derive(Clone, Default)]
struct Step {
    times: Vec<f64>,
    lost: u64,
    resets: u64,
}

impl<'a> FlywheelFold<'a> {
    pub(crate) fn new(
        lifecycle: &'a Lifecycle,
        stage: usize,
        span: (Option<Timestamp>, Option<Timestamp>),
    ) -> Self {
        let mut makes = vec![false; lifecycle.stages.len()];
        for place in lifecycle.reaching(stage) {
            makes[place] = true;
        }
        let span = (span.0.unwrap_or(Timestamp::MIN), span.1.unwrap_or(Timestamp::MAX));
        let steps = vec![Step::default(); makes.len()];
        let (record, arrived, before, arrivals) = (None, None, None, Vec::new());
        let (loss, win_back) = (None, WinBack::default());
        Self { lifecycle, makes, span, record, arrived, before, arrivals, steps, loss, win_back }
    }

    /// Adds a stay.
    pub(crate) fn add(&mut self, record: RecordId, visit: &VisitRow) {
        if self.record.replace(record) != Some(record) {
            (self.arrived, self.before) = (None, None);
            self.count_loss();
        }
        let Some(place) = self.lifecycle.place(&visit.stage) else { return };
        if self.makes[place] && self.arrived != Some(visit.cycle) {
            let is_again = self.arrived.replace(visit.cycle).is_some();
            let at = visit.entered_at;
            if self.is_within(at) {
                self.arrivals.push(Arrival { record, at, is_again });
            }
        }
        self.add_loss(place, visit);
        if visit.cause == StageCause::Implied {
            return;
        }
        let kind = self.lifecycle.stages[place].kind;
        if let Some((before, lasted)) = self.before.take()
            && self.is_within(visit.entered_at)
        {
            let step = &mut self.steps[before];
            #[expect(clippy::cast_precision_loss, reason = "a time, not a count")]
            step.times.push(lasted as f64);
            step.lost += u64::from(kind == StageKind::Lost);
            step.resets += u64::from(visit.cause == StageCause::Reset);
        }
        let lasted = |exited: Timestamp| exited.micros() - visit.entered_at.micros();
        let is_ordered = kind.is_ordered();
        self.before = visit.exited_at.filter(|_| is_ordered).map(|exited| (place, lasted(exited)));
    }

    /// Notes that a customer is lost, or what comes of that.
    fn add_loss(&mut self, place: usize, visit: &VisitRow) {
        let (at, kind) = (visit.entered_at, self.lifecycle.stages[place].kind);
        match &mut self.loss {
            Some(loss) if visit.cycle > loss.cycle => {
                loss.returned.get_or_insert(at);
                if self.makes[place] {
                    loss.recovered.get_or_insert(at);
                }
            }
            // It was a mistake.
            Some(_) if visit.cause == StageCause::Reset && kind.is_ordered() => self.loss = None,
            _ => {}
        }
        let is_known = self.loss.as_ref().is_some_and(|loss| loss.cycle == visit.cycle);
        if kind == StageKind::Lost && self.arrived == Some(visit.cycle) && !is_known {
            self.count_loss();
            self.loss = Some(Loss { cycle: visit.cycle, at, returned: None, recovered: None });
        }
    }

    /// Counts the loss that nothing more comes of.
    fn count_loss(&mut self) {
        let Some(Loss { at, returned, recovered, .. }) = self.loss.take() else { return };
        let (from, until) = self.span;
        if at >= until || returned.is_some_and(|returned| returned < from) {
            return;
        }
        let has_returned = returned.is_some_and(|returned| returned < until);
        self.win_back.churned += 1;
        self.win_back.returned += u64::from(has_returned);
        self.win_back.recovered += u64::from(recovered.is_some_and(|recovered| recovered < until));
    }

    /// How many of the customers who were lost came back, once all stays were added.
    pub(crate) fn win_back(&mut self) -> WinBack {
        self.count_loss();
        let WinBack { churned, returned, .. } = self.win_back;
        WinBack { rate: part(returned, churned), ..self.win_back }
    }

    pub(crate) fn is_within(&self, at: Timestamp) -> bool {
        self.span.0 <= at && at < self.span.1
    }

    /// What came of the stays; `suppressed` says how many moves were not made while records stood on
    /// a stage.
    pub(crate) fn friction(self, suppressed: impl Fn(&str) -> u64) -> Vec<StageFriction> {
        let stages = self.lifecycle.stages.iter().zip(self.steps);
        let ordered = stages.filter(|(stage, _)| stage.kind.is_ordered());
        let friction = ordered.map(|(stage, mut step)| {
            let left = step.times.len() as u64;
            StageFriction {
                stage: stage.name.clone(),
                left,
                median_micros: micros(quantile(&mut step.times, 0.5)),
                lost: step.lost,
                drop_off: part(step.lost, left),
                resets: step.resets,
                suppressed: suppressed(&stage.name),
            }
        });
        friction.collect()
    }
}
