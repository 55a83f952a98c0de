//! Functions of Python that the engine keeps, as Python's collector sees them.
//!
//! What Rust holds is hidden from the collector: a function that refers to the file which keeps it would
//! never go. So an object of Python shows it, and takes it from the engine when nothing else refers to
//! it. The invariant: the engine alone owns a function, and one object shows it, for the collector counts
//! who refers to what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pyo3::{PyTraverseError, PyVisit, prelude::*};

type Place = Mutex<Option<Py<PyAny>>>;

/// A function that the engine owns, until the collector takes it.
pub(crate) struct Callback(Arc<Place>);

impl Callback {
    pub(crate) fn new(function: Py<PyAny>) -> Self {
        Self(Arc::new(Mutex::new(Some(function))))
    }

    /// What shows it. There may be one.
    pub(crate) fn shown(&self) -> Shown {
        Shown(Arc::downgrade(&self.0))
    }

    /// The function, unless it was taken. It may be called: nothing is locked.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        locked(&self.0).as_ref().map(|function| function.bind(py).clone())
    }
}

/// Shows the collector a function, as long as the engine has it.
pub(crate) struct Shown(Weak<Place>);

impl Shown {
    /// Visits the function.
    ///
    /// # Errors
    ///
    /// Those of `visit`.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(place) = self.0.upgrade() else { return Ok(()) };
        // A lock is not waited for here. What is not visited is not collected, this time.
        place.try_lock().map_or(Ok(()), |function| visit.call(&*function))
    }

    /// Takes the function from the engine.
    pub(crate) fn clear(&self) {
        let function = self.0.upgrade().and_then(|place| locked(&place).take());
        // Nothing is locked now: whatever goes with it may come back here.
        drop(function);
    }
}

fn locked(place: &Place) -> MutexGuard<'_, Option<Py<PyAny>>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The object that shows what tells the key of a file. Every handle on the file keeps it.
#[pyclass(frozen, module = "crm._native")]
pub(crate) struct KeySource(pub(crate) Shown);

#[pymethods]
impl KeySource {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }

    fn __clear__(&self) {
        self.0.clear();
    }
}
