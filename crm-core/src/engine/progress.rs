//! Progress of jobs, told to the host seldom enough to cost nothing.
//!
//! A step of a job may take a millisecond, and a host may cross into another language or draw a
//! screen to hear of it. The invariant: the first and the last step are told, and of those between
//! none sooner than [`PAUSE`] after the answer before it. What is not told goes on.

use std::time::{Duration, Instant};

use super::observe::Observers;
use crate::{Flow, Progress, ops::Watch};

/// Ten reports a second are enough for the eye.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells the host how far one job is.
pub(super) struct Reports<'a> {
    observers: &'a Observers,
    watch: &'a mut Watch<'a>,
    pace: Pace,
}

impl<'a> Reports<'a> {
    pub(super) fn new(observers: &'a Observers, watch: &'a mut Watch<'a>) -> Self {
        Self { observers, watch, pace: Pace::default() }
    }

    /// Tells of a step, if it is time to, and says whether to go on. A host that panics says stop.
    pub(super) fn step(&mut self, progress: Progress, is_last: bool) -> Flow {
        self.pace.step(is_last, || self.observers.call(|| (self.watch)(progress)))
    }
}

/// When the host was last told: for a job that cannot lend out whom it tells.
#[derive(Default)]
pub(super) struct Pace {
    answered: Option<Instant>,
}

impl Pace {
    /// Has `tell` tell of a step, if it is time to, and says whether to go on. No answer says stop.
    pub(super) fn step(&mut self, is_last: bool, tell: impl FnOnce() -> Option<Flow>) -> Flow {
        if !is_last && self.answered.is_some_and(|answered| answered.elapsed() < PAUSE) {
            return Flow::Continue;
        }
        let flow = tell();
        // Counted from the answer on: a slow host must not take up the whole time.
        self.answered = Some(Instant::now());
        flow.unwrap_or(Flow::Cancel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_are_told_and_between_them_ten_a_second() {
        let observers = Observers::default();
        let mut told = Vec::new();
        let mut watch = |progress: Progress| {
            told.push(progress.done);
            Flow::Continue
        };
        let mut reports = Reports::new(&observers, &mut watch);
        let begun = Instant::now();
        for done in 1..=10_000 {
            reports.step(Progress { done, total: None }, done == 10_000);
        }
        let pauses = begun.elapsed().as_millis() / 100;
        assert_eq!((told.first(), told.last()), (Some(&1), Some(&10_000)));
        assert!(told.len() as u128 <= 2 + pauses, "{} in {pauses} pauses", told.len());
    }

    #[test]
    fn the_first_and_the_last_answer_count() {
        let observers = Observers::default();
        let progress = Progress { done: 1, total: None };
        let mut cancel = |_| Flow::Cancel;
        let mut reports = Reports::new(&observers, &mut cancel);
        assert_eq!(reports.step(progress, false), Flow::Cancel);
        assert_eq!(reports.step(progress, true), Flow::Cancel);
        let mut panicking = |_| -> Flow { panic!("on purpose") };
        assert_eq!(Reports::new(&observers, &mut panicking).step(progress, true), Flow::Cancel);
    }
}
