//! What happens between the steps of a long operation: Python hears of the progress, and Ctrl-C is
//! noticed.
//!
//! The invariant: an exception that a callback or a signal handler raises ends the operation and
//! comes out of the call unchanged.

use std::time::{Duration, Instant};

use crm_core::{Flow, Progress};
use pyo3::prelude::*;

/// Taking Python's lock back costs other threads time, so it is done this seldom.
const PAUSE: Duration = Duration::from_millis(100);

/// Watches one operation.
pub(crate) struct Watcher {
    callback: Option<Py<PyAny>>,
    last: Option<Instant>,
    raised: Option<PyErr>,
}

impl Watcher {
    /// Tells `callback` of the progress, if there is one.
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, last: None, raised: None }
    }

    /// Takes note of the progress; called without Python's lock.
    pub(crate) fn step(&mut self, progress: Progress) -> Flow {
        // The last step is always told, so that a progress bar ends full.
        let is_last = progress.total == Some(progress.done);
        if !is_last && self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return Flow::Continue;
        }
        let told = Python::attach(|py| {
            py.check_signals()?;
            self.tell(py, progress)
        });
        // Counted from the end of the callback: a slow one must not take up the whole time.
        self.last = Some(Instant::now());
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
    pub(crate) fn into_raised(self) -> Option<PyErr> {
        self.raised
    }
}
