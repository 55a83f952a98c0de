//! A few connections that read, opened when first needed and then kept.
//!
//! Opening one costs a dozen pragmas and the parsing of the schema, which a read of one record must
//! not pay. The invariant: at most `most` connections exist, and a call that finds none idle waits
//! for one to come back.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::Result;

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    opened: usize,
}

pub(super) struct Pool {
    state: Mutex<State>,
    returned: Condvar,
    most: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { state: Mutex::default(), returned: Condvar::new(), most }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection, or opens one, or waits for one.
    pub(super) fn take(&self, open: impl FnOnce() -> Result<Connection>) -> Result<Pooled<'_>> {
        let mut state = self.state();
        loop {
            // The one used last, whose pages are the likeliest to be cached still.
            if let Some(connection) = state.idle.pop() {
                return Ok(Pooled { pool: self, connection: Some(connection) });
            }
            if state.opened < self.most {
                state.opened += 1;
                break;
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        // Counted before it is opened, so that the lock need not be held meanwhile; a failure gives
        // the place back.
        let mut pooled = Pooled { pool: self, connection: None };
        pooled.connection = Some(open()?);
        Ok(pooled)
    }

    /// Closes every idle connection.
    pub(super) fn drain(&self) -> Vec<Connection> {
        let mut state = self.state();
        state.opened -= state.idle.len();
        std::mem::take(&mut state.idle)
    }
}

/// A connection on loan.
pub(super) struct Pooled<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Deref for Pooled<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a loan holds its connection until it is dropped")
    }
}

impl DerefMut for Pooled<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a loan holds its connection until it is dropped")
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        match self.connection.take() {
            // One that is still in a transaction would hold the log for ever: it is closed instead.
            Some(connection) if connection.is_autocommit() => state.idle.push(connection),
            _ => state.opened -= 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
