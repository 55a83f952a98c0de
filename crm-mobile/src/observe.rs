//! Observers: whom the engine tells that something was committed.

use std::sync::{Arc, Mutex, PoisonError};

use crm_core::{Commit, CrmError, Observer};

use crate::{CallbackError, Crm, guard::guard};

/// Is told of every commit.
#[uniffi::export(foreign)]
pub trait CommitObserver: Send + Sync {
    /// Called after the commit, on the thread that wrote, before the write returns: so it should be
    /// quick. It may read; a write from inside it is refused with `Reentrant`.
    ///
    /// # Errors
    ///
    /// Whatever the host fails with; the commit stands, and the failure is dropped.
    fn committed(&self, commit: Commit) -> Result<(), CallbackError>;
}

/// Keeps an observer, until it is stopped or released.
#[derive(Debug, uniffi::Object)]
pub struct Observation {
    observer: Mutex<Option<Observer>>,
}

#[uniffi::export]
impl Observation {
    /// Ends the observation. Stopping twice does nothing.
    ///
    /// # Errors
    ///
    /// None but `Internal`.
    pub fn stop(&self) -> Result<(), CrmError> {
        guard(|| {
            // Taken out first, so that the observer is dropped outside the lock.
            let observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(observer);
            Ok(())
        })
    }
}

#[uniffi::export]
impl Crm {
    /// Tells `observer` of every commit of this file from now on, by whatever handle, until the
    /// observation that is returned is stopped or released.
    ///
    /// # Errors
    ///
    /// None but `Internal`.
    pub fn observe(&self, observer: Arc<dyn CommitObserver>) -> Result<Arc<Observation>, CrmError> {
        guard(|| {
            let observer = self.engine.observe(move |commit| {
                // The writer has committed and cannot do anything about a failing observer.
                drop(observer.committed(*commit));
            });
            Ok(Arc::new(Observation { observer: Mutex::new(Some(observer)) }))
        })
    }
}
