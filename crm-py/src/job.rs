//! What happens between the steps of a long operation: Python hears of the progress, and Ctrl-C is
//! noticed.
//!
//! The invariant: an exception that a callback or a signal handler raises ends the operation and
//! comes out of the call unchanged.

use crm_core::{Flow, Progress};
use pyo3::prelude::*;

/// Watches one operation.
pub(crate) struct Watcher {
    callback: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl Watcher {
    /// Tells `callback` of the progress, if there is one.
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, raised: None }
    }

    /// Takes note of the progress; called without Python's lock, seldom enough to take it back.
    pub(crate) fn step(&mut self, progress: Progress) -> Flow {
        let told = Python::attach(|py| {
            py.check_signals()?;
            self.tell(py, progress)
        });
        told.unwrap_or_else(|exception| {
            self.raised = Some(exception);
            Flow::Cancel
        })
    }

    /// Calls the callback. It cancels by returning `False`; `None` is what most return.
    fn tell(&self, py: Python<'_>, progress: Progress) -> PyResult<Flow> {
        let Some(callback) = &self.callback else { return Ok(Flow::Continue) };
        let answer = callback.bind(py).call1((progress.done, progress.total))?;
        let is_cancelled = answer.extract::<bool>().is_ok_and(|go_on| !go_on);
        Ok(if is_cancelled { Flow::Cancel } else { Flow::Continue })
    }

    /// The exception that ended the operation, if one did.
    pub(crate) fn take_raised(&mut self) -> Option<PyErr> {
        self.raised.take()
    }
}
