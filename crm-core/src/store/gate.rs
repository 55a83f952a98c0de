//! Who is inside the store, and whether anybody may still enter.
//!
//! Every call passes here first. Closing waits for the calls in flight, a call from within another
//! call's closure is refused where it would otherwise wait for itself, and a handle that came
//! through a fork is refused before it touches the parent's file. The invariant: after
//! [`Gate::begin_close`] has answered, nobody is inside and nobody will be.
//!
//! It holds no connection and knows nothing of files.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::{Error, ErrorKind, Result};

/// What a call holds while it is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// A connection that other calls may wait for.
    Connection,
    /// Nothing that others wait for: the caller's own code may run and call in again.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Open for nothing but closing.
    Fenced,
    Closing,
    Closed,
}

struct State {
    phase: Phase,
    inside: Vec<(u64, Hold)>,
}

pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    pid: u32,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { phase: Phase::Open, inside: Vec::new() }),
            changed: Condvar::new(),
            pid: std::process::id(),
        }
    }

    // No code of a caller runs under this lock, so that a poisoned one is still consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process is another one than the one that opened the store.
    pub(super) fn is_forked(&self) -> bool {
        self.pid != std::process::id()
    }

    /// Enters for the time of one call.
    pub(super) fn enter(&self, hold: Hold) -> Result<Pass<'_>> {
        self.refuse_forked()?;
        let thread = this_thread();
        let mut state = self.state();
        match state.phase {
            Phase::Open => {}
            Phase::Fenced => return Err(fenced()),
            Phase::Closing | Phase::Closed => return Err(closed()),
        }
        if state.inside.contains(&(thread, Hold::Connection)) {
            return Err(reentrant());
        }
        state.inside.push((thread, hold));
        Ok(Pass { gate: self, entry: (thread, hold) })
    }

    /// Refuses every call but closing from now on.
    pub(super) fn fence(&self) {
        let mut state = self.state();
        if state.phase == Phase::Open {
            state.phase = Phase::Fenced;
        }
    }

    /// Whether one call at most is inside: the one that asks.
    pub(super) fn is_alone(&self) -> bool {
        self.state().inside.len() <= 1
    }

    /// Lets nobody in any more and waits until everybody is out. `None` when the store was closed
    /// before; otherwise the caller must close the connections and then drop what it was given.
    pub(super) fn begin_close(&self) -> Result<Option<Closing<'_>>> {
        self.refuse_forked()?;
        let thread = this_thread();
        let mut state = self.state();
        if state.inside.iter().any(|(other, _)| *other == thread) {
            return Err(reentrant());
        }
        let is_fenced = match state.phase {
            Phase::Open => false,
            Phase::Fenced => true,
            Phase::Closing | Phase::Closed => {
                while state.phase != Phase::Closed {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                return Ok(None);
            }
        };
        state.phase = Phase::Closing;
        while !state.inside.is_empty() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Some(Closing { gate: self, is_fenced }))
    }

    pub(super) fn refuse_forked(&self) -> Result<()> {
        if self.is_forked() {
            return Err(Error::new(ErrorKind::Forked, "the handle came through a fork")
                .with_hint("open the file anew in the child"));
        }
        Ok(())
    }
}

/// One call's stay inside; leaves when dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    entry: (u64, Hold),
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        if let Some(position) = state.inside.iter().position(|entry| *entry == self.entry) {
            state.inside.swap_remove(position);
        }
        if state.phase == Phase::Closing {
            self.gate.changed.notify_all();
        }
    }
}

/// The right to close the connections; the store counts as closed when this is dropped.
pub(super) struct Closing<'a> {
    gate: &'a Gate,
    /// Whether the log was lost to somebody else before.
    pub(super) is_fenced: bool,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.gate.state().phase = Phase::Closed;
        self.gate.changed.notify_all();
    }
}

/// A number that no other thread has. `std::thread::current` would do, but in a thread of a foreign
/// host it allocates what a leak checker of that host reports as lost.
fn this_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NUMBER: u64 = LAST.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the handle is closed")
}

fn reentrant() -> Error {
    Error::new(ErrorKind::Reentrant, "the call comes from within another call of the same thread")
        .with_hint("finish the outer call first")
}

/// The error of a store whose log was replaced.
pub(super) fn fenced() -> Error {
    Error::new(ErrorKind::Fenced, "somebody replaced the file's log while it was open")
        .with_hint("the last write is not acknowledged: close, open again and look")
}

#[cfg(test)]
impl Gate {
    /// Makes the gate believe that another process opened it.
    pub(super) fn pretend_fork(&mut self) {
        self.pid = self.pid.wrapping_add(1);
    }
}
