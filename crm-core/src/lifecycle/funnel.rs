//! How many go how far, and how long a record stood where: folds over stays on stages.
//!
//! A journey is one cycle of one record. The invariant: of those who reached a stage, each went on,
//! is lost or waits.

use super::{Funnel, FunnelStage, Lifecycle, StageCause, StageKind, StageTime, VisitRow};
use crate::{Timestamp, query::quantile};

/// A funnel under way. Stays are added record by record, in order.
pub(crate) struct FunnelFold<'a> {
    lifecycle: &'a Lifecycle,
    /// The places of the stages that are in order.
    ordered: Vec<usize>,
    span: (Option<Timestamp>, Option<Timestamp>),
    journey: Option<Journey>,
    entered: u64,
    steps: Vec<Step>,
}

struct Journey {
    cycle: u32,
    began: Option<Timestamp>,
    steps: Vec<Reached>,
    is_lost: bool,
}

/// How far a journey came with one step.
#[derive(Clone, Copy, Default)]
struct Reached {
    /// It was come to, or skipped.
    is_reached: bool,
    /// When it was first really stood on.
    stood_at: Option<Timestamp>,
    /// How long from then until a later one was come to, in microseconds.
    time: Option<i64>,
}

#[derive(Clone, Default)]
struct Step {
    reached: u64,
    implied: u64,
    went_on: u64,
    lost: u64,
    times: Vec<f64>,
}

impl<'a> FunnelFold<'a> {
    pub(crate) fn new(
        lifecycle: &'a Lifecycle,
        span: (Option<Timestamp>, Option<Timestamp>),
    ) -> Self {
        let ordered =
            (0..lifecycle.stages.len()).filter(|place| lifecycle.stages[*place].kind.is_ordered());
        let ordered: Vec<usize> = ordered.collect();
        let steps = vec![Step::default(); ordered.len()];
        Self { lifecycle, ordered, span, journey: None, entered: 0, steps }
    }

    /// Adds a stay; the first of a record has the number 1.
    pub(crate) fn add(&mut self, visit: &VisitRow) {
        let is_same = self.journey.as_ref().is_some_and(|journey| journey.cycle == visit.cycle);
        if !is_same || visit.number == 1 {
            self.end();
            self.journey = Some(Journey {
                cycle: visit.cycle,
                began: None,
                steps: vec![Reached::default(); self.ordered.len()],
                is_lost: false,
            });
        }
        let Some(journey) = &mut self.journey else { return };
        let Some(place) = self.lifecycle.place(&visit.stage) else { return };
        // Beside the way it is as lost as it was before.
        match self.lifecycle.stages[place].kind {
            StageKind::Lost => journey.is_lost = true,
            kind if kind.is_ordered() => journey.is_lost = false,
            _ => {}
        }
        if let Some(nth) = self.ordered.iter().position(|ordered| *ordered == place) {
            journey.began.get_or_insert(visit.entered_at);
            for earlier in &mut journey.steps[..nth] {
                let Some(stood_at) = earlier.stood_at else { continue };
                let time = visit.entered_at.micros() - stood_at.micros();
                earlier.time.get_or_insert(time.max(0));
            }
            let step = &mut journey.steps[nth];
            step.is_reached = true;
            if visit.cause != StageCause::Implied {
                step.stood_at.get_or_insert(visit.entered_at);
            }
        }
    }

    /// Counts the journey that has come to its end.
    fn end(&mut self) {
        let Some(journey) = self.journey.take() else { return };
        let (from, until) = self.span;
        let Some(began) = journey.began else { return };
        if from.is_some_and(|from| began < from) || until.is_some_and(|until| began >= until) {
            return;
        }
        self.entered += 1;
        for (nth, step) in self.steps.iter_mut().enumerate() {
            let reached = journey.steps[nth];
            if !reached.is_reached {
                continue;
            }
            step.reached += 1;
            step.implied += u64::from(reached.stood_at.is_none());
            match journey.steps[nth + 1..].iter().any(|later| later.is_reached) {
                true => step.went_on += 1,
                false => step.lost += u64::from(journey.is_lost),
            }
            #[expect(clippy::cast_precision_loss, reason = "a time, not a count")]
            step.times.extend(reached.time.map(|time| time as f64));
        }
    }

    pub(crate) fn finish(mut self, quantiles: &[f64]) -> Funnel {
        self.end();
        let Self { lifecycle, ordered, entered, steps, .. } = self;
        let stages = ordered.into_iter().zip(steps).map(|(place, mut step)| FunnelStage {
            stage: lifecycle.stages[place].name.clone(),
            reached: step.reached,
            implied: step.implied,
            share: part(step.reached, entered),
            went_on: step.went_on,
            conversion: part(step.went_on, step.reached),
            lost: step.lost,
            drop_off: part(step.lost, step.reached),
            waiting: step.reached - step.went_on - step.lost,
            median_micros: micros(quantile(&mut step.times, 0.5)),
            quantile_micros: quantiles
                .iter()
                .filter_map(|part| micros(quantile(&mut step.times, *part)))
                .collect(),
        });
        Funnel { entered, stages: stages.collect() }
    }
}

pub(crate) fn part(some: u64, all: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "fewer records than 2^53")]
    (all > 0).then(|| some as f64 / all as f64)
}

#[expect(clippy::cast_possible_truncation, reason = "a time between two that are whole numbers")]
pub(crate) fn micros(time: Option<f64>) -> Option<i64> {
    time.map(|time| time.round() as i64)
}

/// How long a record stood on each stage up to a moment, in the order of the lifecycle.
pub(crate) fn stage_times(
    lifecycle: &Lifecycle,
    visits: &[VisitRow],
    at: Timestamp,
) -> Vec<StageTime> {
    let time = |stage: &super::Stage| {
        let mut time = StageTime {
            stage: stage.name.clone(),
            visits: 0,
            entered_at: at,
            exited_at: None,
            current_micros: None,
            latest_micros: None,
            cumulative_micros: 0,
        };
        let own = visits.iter().filter(|visit| {
            visit.stage == stage.name
                && visit.cause != StageCause::Implied
                && visit.entered_at <= at
        });
        for visit in own {
            time.visits += 1;
            time.entered_at = visit.entered_at;
            time.exited_at = visit.exited_at.filter(|exited| *exited <= at);
            match time.exited_at {
                Some(exited) => {
                    let lasted = exited.micros() - visit.entered_at.micros();
                    time.latest_micros = Some(lasted);
                    time.cumulative_micros += lasted;
                }
                None => time.current_micros = Some(at.micros() - visit.entered_at.micros()),
            }
        }
        (time.visits > 0).then_some(time)
    };
    lifecycle.stages.iter().filter_map(time).collect()
}
