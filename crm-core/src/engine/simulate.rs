//! What would fall due: ticks on a copy of the file in memory, with a clock that stands where it is
//! told to.
//!
//! The copy is the engine itself over the same pages, so that what it does is what ticking does. The
//! invariant: the file is not touched.

use std::sync::Arc;

use super::{Crm, HandleClock, Timers, check_limit};
use crate::{
    ChangePage, CountedIds, Error, ErrorKind, FixedClock, Flow, ListChanges, Progress, Result,
    SimulateTimers, Simulation, TickTimers, Timestamp, ops::Watch,
};

impl Timers<'_> {
    /// Does on a copy what would fall due until a moment if nothing were written, and tells the
    /// changes that this would make: who would enter or leave a segment, and what follows. The copy is
    /// held in memory.
    ///
    /// ```
    /// use crm_core::{Crm, Flow, SimulateTimers};
    ///
    /// let crm = Crm::in_memory()?;
    /// let until = "2100-01-01T00:00:00Z".parse()?;
    /// let simulation = crm.timers().simulate(&SimulateTimers::until(until), &mut |_| Flow::Continue)?;
    /// assert!(simulation.changes.is_empty());
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `OutOfRange` if `until` lies in the past; `InvalidArgument` if the limit is not 1 to 10,000;
    /// `Interrupted` if it is cancelled; those of [`Timers::tick`].
    pub fn simulate(&self, request: &SimulateTimers, watch: &mut Watch<'_>) -> Result<Simulation> {
        check_limit(request.limit)?;
        if request.until < self.crm.now() {
            let message = "lies in the past";
            return Err(Error::new(ErrorKind::OutOfRange, message).with_field("until"));
        }
        let copy = self.crm.copy(request.until)?;
        let before = copy.head().seq;
        let (mut done, mut failures) = (0, 0);
        loop {
            let mut is_cancelled = false;
            let mut watched = |progress: Progress| {
                let flow = watch(Progress { done: done + progress.done, total: None });
                is_cancelled = flow == Flow::Cancel;
                flow
            };
            let tick = copy.timers().tick(&TickTimers::default(), &mut watched)?;
            done += tick.done;
            failures += tick.failures;
            if tick.is_complete {
                break;
            }
            if is_cancelled {
                return Err(Error::new(ErrorKind::Interrupted, "the simulation was cancelled"));
            }
        }
        let list = ListChanges { limit: request.limit, ..ListChanges::after(before) };
        let ChangePage { changes, .. } = copy.journal().changes(&list)?;
        let made = copy.head().seq - before;
        Ok(Simulation { done, failures, made: made.unsigned_abs(), changes })
    }
}

impl Crm {
    /// The same file as it is now, in memory, at a moment.
    fn copy(&self, now: Timestamp) -> Result<Self> {
        let store = self.shared.store.copy_in_memory()?;
        self.over(store, |head| {
            let ids = CountedIds::after(head.seq.unsigned_abs());
            (HandleClock::Read(Arc::new(FixedClock::new(now))), Arc::new(ids))
        })
    }
}
