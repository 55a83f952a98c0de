//! Observers: Python functions that are told of commits.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

/// Ends an observation when it is closed or collected.
#[pyclass(frozen, module = "crm._native")]
pub(crate) struct Observer(Mutex<Option<crm_core::Observer>>);

impl Observer {
    /// Tells `callback` of every commit, by the first and last `seq` of its changes.
    pub(crate) fn new(crm: &crm_core::Crm, callback: Py<PyAny>) -> Self {
        let observer = crm.observe(move |commit| {
            Python::attach(|py| {
                let parts = (commit.first_seq, commit.last_seq);
                if let Err(exception) = callback.bind(py).call1(parts) {
                    // The commit stands, whatever an observer makes of it.
                    exception.write_unraisable(py, Some(callback.bind(py)));
                }
            });
        });
        Self(Mutex::new(Some(observer)))
    }

    fn take(&self) -> Option<crm_core::Observer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Observer {
    /// Ends the observation. Doing it twice does nothing.
    fn close(&self, py: Python<'_>) {
        let observer = self.take();
        py.detach(|| drop(observer));
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // Ending takes a lock of the engine, which must never be waited for with Python's lock held.
        let observer = self.take();
        Python::attach(|py| py.detach(|| drop(observer)));
    }
}
