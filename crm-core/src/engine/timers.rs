//! Ticks: doing what falls due, each timer at its own instant, in transactions of bounded size.

use super::{Crm, Writing, check_range, lifecycles, progress::Reports, segments};
use crate::{
    Error, ErrorKind, Flow, NextTimer, Progress, Result, Tick, TickTimers, Timestamp,
    ops::Watch,
    store::timers::{self as rows, Room, TimerRow},
};

/// Timers of one transaction.
const AT_ONCE: u64 = 1_000;
/// Timers of one tick.
const MOST: u64 = 1_000_000;

/// Timers: see [`Crm::timers`].
#[derive(Debug)]
pub struct Timers<'a> {
    pub(super) crm: &'a Crm,
}

impl<'a> Timers<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Says when the next timer is due, and up to when the last tick went.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn next(&self) -> Result<NextTimer> {
        self.crm.shared.store.read_snapshot(|conn| {
            Ok(NextTimer { due_at: rows::next(conn)?, ticked_at: rows::ticked_at(conn)? })
        })
    }

    /// Does what has fallen due, in the order in which it did. Cancelled, it says how far it came, and
    /// the next tick goes on there.
    ///
    /// ```
    /// use crm_core::{Crm, Flow, TickTimers};
    ///
    /// let crm = Crm::in_memory()?;
    /// let tick = crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue)?;
    /// assert!(tick.is_complete);
    /// assert_eq!(tick.due_at, None);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `OutOfRange` if `until` lies in the future or before an earlier tick; `InvalidArgument` if the
    /// limit is not 1 to 1,000,000.
    pub fn tick(&self, request: &TickTimers, watch: &mut Watch<'_>) -> Result<Tick> {
        check_range("limit", request.limit.into(), 1, MOST)?;
        let now = self.crm.now();
        let until = request.until.unwrap_or(now);
        if until > now {
            return Err(out_of_range("lies in the future"));
        }
        let mark = self.crm.shared.store.mark();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        let mut left = u64::from(request.limit);
        loop {
            let mut tick = self.crm.write(|writing| batch(writing, until, left.min(AT_ONCE)))?;
            left -= tick.done;
            tick.done = u64::from(request.limit) - left;
            let is_last = tick.is_complete || left == 0;
            let flow = reports.step(Progress { done: tick.done, total: None }, is_last);
            if is_last || flow == Flow::Cancel {
                return Ok(tick);
            }
            self.crm.shared.store.check_interrupted(mark)?;
        }
    }
}

/// Does at most so many timers of those due at `until` or before.
fn batch(writing: &mut Writing<'_>, until: Timestamp, most: u64) -> Result<Tick> {
    let before = rows::ticked_at(writing.tx)?;
    if before.is_some_and(|before| until < before) {
        return Err(out_of_range("lies before an earlier tick"));
    }
    let clock = writing.now;
    let (mut done, mut at, mut is_complete) = (0, before.unwrap_or(Timestamp::MIN), false);
    while done < most {
        let Some(timer) = rows::first_due(writing.tx, until)? else {
            (at, is_complete) = (until, true);
            break;
        };
        // One that was set while it was due already: time does not go back for it.
        at = timer.due_at.max(at);
        writing.now = at;
        fall_due(writing, &timer)?;
        writing.settle()?;
        done += 1;
    }
    writing.now = clock;
    rows::set_ticked_at(writing.tx, at)?;
    Ok(Tick { at, done, is_complete, due_at: rows::next(writing.tx)? })
}

/// The room of a timer looks at its record again; it sets the timer anew if it waits for more.
fn fall_due(writing: &mut Writing<'_>, timer: &TimerRow) -> Result<()> {
    let TimerRow { room, owner, record, .. } = *timer;
    rows::set(writing.tx, (room, owner, record), None)?;
    match room {
        Room::Lifecycle => lifecycles::on_due(writing, owner, record),
        Room::Segment => segments::on_due(writing, owner, record),
        Room::Score | Room::Rule => Ok(()),
    }
}

fn out_of_range(message: &str) -> Error {
    Error::new(ErrorKind::OutOfRange, message).with_field("until")
}
