//! States of the file that are read piece by piece, over many calls.
//!
//! A stream of a million rows is read by a consumer at its own pace, and between two of its calls no
//! closure of ours runs that could hold a connection. So each such state has a connection of its own,
//! in a read transaction, which is kept here under a number. The invariant: after closing none is
//! open, and a number that is asked for then is refused, whoever still holds it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use super::{Store, gate::Hold, open};
use crate::{Error, ErrorKind, Result, limits};

#[derive(Default)]
struct State {
    last: u64,
    /// `None` while a call has it.
    open: HashMap<u64, Option<Held>>,
}

/// A connection that stands in a read transaction.
struct Held {
    connection: Connection,
    /// Under which number interrupts reach it.
    watched: u64,
}

#[derive(Default)]
pub(super) struct Snapshots(Mutex<State>);

impl Snapshots {
    // No code of a caller runs under this lock, so that a poisoned one is still consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes all of them.
    pub(super) fn close(&self) {
        // Under the lock: who ends one meanwhile must find it closed, not still closing.
        self.state().open.clear();
    }

    /// Takes all of them out, in a process that must not close them.
    pub(super) fn forget(&self) {
        std::mem::forget(std::mem::take(&mut self.state().open));
    }
}

impl Store {
    /// Whether a state can stay open between calls: memory has but one connection, which writes too.
    pub(crate) fn keeps_snapshots(&self) -> bool {
        self.file.is_some()
    }

    /// Opens the state that the file has now, until [`end_snapshot`](Self::end_snapshot). The log
    /// cannot be emptied meanwhile.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if too many are open; as [`read`](Self::read).
    pub(crate) fn open_snapshot(&self) -> Result<u64> {
        let _pass = self.gate.enter(Hold::Connection)?;
        let Some(file) = &self.file else {
            return Err(Error::new(ErrorKind::Internal, "memory keeps no state open"));
        };
        let cipher = self.cipher()?;
        let number = {
            let mut state = self.snapshots.state();
            if state.open.len() >= limits::STREAMS {
                let message = format!("at most {} streams at once", limits::STREAMS);
                return Err(Error::new(ErrorKind::LimitExceeded, message)
                    .with_hint("read the others to their end, or release them"));
            }
            state.last += 1;
            let number = state.last;
            // The place is taken before the file is opened, so that the lock need not be held.
            state.open.insert(number, None);
            number
        };
        let opened = open::reader(&file.path, file.access, &cipher).and_then(|connection| {
            connection.execute_batch("BEGIN")?;
            // A transaction begins to read with its first statement.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            let watched = self.interrupts.watch(&connection);
            Ok(Held { connection, watched })
        });
        let mut state = self.snapshots.state();
        match opened {
            Ok(held) => {
                state.open.insert(number, Some(held));
                Ok(number)
            }
            Err(error) => {
                state.open.remove(&number);
                Err(error)
            }
        }
    }

    /// Reads in a state that was opened.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) fn read_at<T>(
        &self,
        snapshot: u64,
        f: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let _pass = self.gate.enter(Hold::Connection)?;
        let held = self.snapshots.state().open.get_mut(&snapshot).and_then(Option::take);
        let lent =
            Lent { store: self, snapshot, held: Some(held.ok_or_else(super::gate::closed)?) };
        f(lent.connection())
    }

    /// Ends a state. Ending it twice, or after closing, does nothing.
    pub(crate) fn end_snapshot(&self, snapshot: u64) {
        let mut state = self.snapshots.state();
        let held = state.open.remove(&snapshot).flatten();
        if self.gate.is_forked() {
            // Its locks are the parent's.
            std::mem::forget(held);
            return;
        }
        if let Some(Held { connection, watched }) = held {
            self.interrupts.forget(watched);
            drop(connection);
        }
    }
}

/// A state that a call has; it goes back when the call ends, also when it panics.
struct Lent<'a> {
    store: &'a Store,
    snapshot: u64,
    held: Option<Held>,
}

impl Lent<'_> {
    fn connection(&self) -> &Connection {
        &self.held.as_ref().expect("a loan holds its connection until it is dropped").connection
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.store.snapshots.state().open.get_mut(&self.snapshot) {
            *place = self.held.take();
        }
    }
}
