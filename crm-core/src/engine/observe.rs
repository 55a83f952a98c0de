//! Observers: whom the engine tells that something was committed.
//!
//! They run after the commit, outside every lock, on the thread that wrote. The invariant: an
//! observer is told of every commit exactly once, and cannot make the writer wait for itself: a
//! write from inside one is refused.

use std::{
    cell::RefCell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Crm;
use crate::{Commit, Error, ErrorKind, Result};

type Callback = Arc<dyn Fn(&Commit) + Send + Sync>;
type List = Mutex<Vec<(u64, Callback)>>;

thread_local! {
    /// The observer lists that call back on this thread right now, by address.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
pub(super) struct Observers {
    list: Arc<List>,
    last_id: AtomicU64,
}

/// Keeps an observer; dropping it ends the observation.
#[must_use = "dropping it ends the observation"]
pub struct Observer {
    id: u64,
    list: Weak<List>,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(list) = self.list.upgrade() {
            list.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != self.id);
        }
    }
}

impl Observers {
    fn add(&self, callback: Callback) -> Observer {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push((id, callback));
        Observer { id, list: Arc::downgrade(&self.list) }
    }

    fn key(&self) -> usize {
        Arc::as_ptr(&self.list).addr()
    }

    /// Refuses a write from inside a callback of this file on this thread.
    pub(super) fn check_not_inside(&self) -> Result<()> {
        if INSIDE.with_borrow(|inside| inside.contains(&self.key())) {
            return Err(Error::new(ErrorKind::Reentrant, "a callback called a write")
                .with_hint("hand the work to another thread or a queue"));
        }
        Ok(())
    }

    /// Runs a callback of the host; a panic in it is its own and does not reach the writer, whose
    /// commit stands.
    pub(super) fn call<T>(&self, callback: impl FnOnce() -> T) -> Option<T> {
        INSIDE.with_borrow_mut(|inside| inside.push(self.key()));
        let outcome = catch_unwind(AssertUnwindSafe(callback));
        INSIDE.with_borrow_mut(|inside| inside.pop());
        outcome.ok()
    }

    pub(super) fn notify(&self, commit: Commit) {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (_, callback) in list {
            self.call(|| callback(&commit));
        }
    }
}

impl Crm {
    /// Tells `callback` of every commit from now on, until the returned [`Observer`] is dropped.
    ///
    /// It runs after the commit, on the thread that wrote, before the write returns: so it should be
    /// quick. It may read; a write from inside it is refused with `Reentrant`.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use crm_core::{Crm, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let (sender, receiver) = mpsc::channel();
    /// let observer = crm.observe(move |commit| sender.send(*commit).unwrap_or(()));
    /// crm.companies().create(values! { "name" => "Acme" })?;
    /// assert_eq!(receiver.iter().next().map(|commit| commit.last_seq - commit.first_seq), Some(0));
    /// # drop(observer);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    pub fn observe(&self, callback: impl Fn(&Commit) + Send + Sync + 'static) -> Observer {
        self.shared.observers.add(Arc::new(callback))
    }
}
