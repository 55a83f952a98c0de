//! Observers: Python functions that are told of commits.

use std::sync::{Mutex, PoisonError};

use pyo3::{PyTraverseError, PyVisit, prelude::*};

use crate::callback::{Callback, Shown};

/// Ends an observation when it is closed or collected.
#[pyclass(frozen, module = "crm._native")]
pub(crate) struct Observer {
    observer: Mutex<Option<crm_core::Observer>>,
    callback: Shown,
}

impl Observer {
    /// Tells `callback` of every commit, by the first and last `seq` of its changes.
    pub(crate) fn new(crm: &crm_core::Crm, callback: Py<PyAny>) -> Self {
        let told = Callback::new(callback);
        let callback = told.shown();
        let observer = crm.observe(move |commit| {
            Python::attach(|py| {
                let Some(callback) = told.get(py) else { return };
                if let Err(exception) = callback.call1((commit.first_seq, commit.last_seq)) {
                    // The commit stands, whatever an observer makes of it.
                    exception.write_unraisable(py, Some(&callback));
                }
            });
        });
        Self { observer: Mutex::new(Some(observer)), callback }
    }

    fn take(&self) -> Option<crm_core::Observer> {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Observer {
    /// Ends the observation. Doing it twice does nothing.
    fn close(&self, py: Python<'_>) {
        let observer = self.take();
        py.detach(|| drop(observer));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.callback.traverse(&visit)
    }

    fn __clear__(&self) {
        self.callback.clear();
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // Ending takes a lock of the engine, which must never be waited for with Python's lock held.
        let observer = self.take();
        Python::attach(|py| py.detach(|| drop(observer)));
    }
}
