//! The bell that any thread may ring to stop what runs.
//!
//! SQLite stops the statement that runs on a connection; work that is made of many steps compares
//! the number of rings before and after. The invariant: ringing never waits for a call in flight,
//! and a connection that closes meanwhile is not touched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, InterruptHandle};

use crate::{Error, ErrorKind, Result};

#[derive(Default)]
pub(super) struct Interrupts {
    handles: Mutex<Vec<(u64, InterruptHandle)>>,
    next: AtomicU64,
    rings: AtomicU64,
}

impl Interrupts {
    fn handles(&self) -> MutexGuard<'_, Vec<(u64, InterruptHandle)>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets later rings reach this connection for as long as it lives.
    pub(super) fn watch(&self, connection: &Connection) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.handles().push((id, connection.get_interrupt_handle()));
        id
    }

    /// Forgets a connection that [`watch`](Self::watch) was told of.
    pub(super) fn forget(&self, id: u64) {
        self.handles().retain(|(other, _)| *other != id);
    }

    /// Stops every statement that runs now.
    pub(super) fn ring(&self) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        for (_, handle) in self.handles().iter() {
            handle.interrupt();
        }
    }

    /// A mark to compare with later.
    pub(super) fn mark(&self) -> u64 {
        self.rings.load(Ordering::SeqCst)
    }

    /// # Errors
    ///
    /// `Interrupted` when somebody rang since `mark` was taken.
    pub(super) fn check(&self, mark: u64) -> Result<()> {
        if self.mark() == mark { Ok(()) } else { Err(interrupted()) }
    }
}

pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the work was interrupted")
}
