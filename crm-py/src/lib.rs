//! The private native module of the Python package: one door, through which the typed package in
//! `python/crm` sends every request.
//!
//! It converts, guards and forwards, and decides nothing. The invariants: Python's lock is released
//! while the engine works, no panic reaches Python, and every error of the engine arrives as the
//! exception of its kind. `unsafe` stands in `capsule.rs` only.

mod callback;
#[cfg(feature = "arrow")]
mod capsule;
#[cfg_attr(not(feature = "sqlcipher"), path = "no_cipher.rs")]
mod cipher;
mod engine;
mod failure;
mod job;
mod observer;
mod reader;

use pyo3::prelude::*;

/// The native half of the package `crm`. Use the package; this may change with every version.
#[pymodule]
mod _native {
    use std::path::PathBuf;

    use crm_core::{Error, ErrorKind, Result, ops::OPERATIONS};
    use pyo3::{PyResult, Python, prelude::*};

    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::observer::Observer;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Number and name of every kind of error.
    #[pyfunction]
    fn error_kinds() -> Vec<(i32, &'static str)> {
        ErrorKind::ALL.iter().map(|kind| (kind.code(), kind.name())).collect()
    }

    /// Name, request and response of every operation.
    #[pyfunction]
    fn operations() -> Vec<(&'static str, &'static str, &'static str)> {
        OPERATIONS.iter().map(|row| (row.name, row.request, row.response)).collect()
    }

    /// Gives the closed file at `path` another key: from the one that `key` tells, or none, to the one
    /// that `new_key` tells, or none.
    #[pyfunction]
    #[pyo3(signature = (path, key, new_key, progress=None))]
    fn rekey(
        py: Python<'_>,
        path: PathBuf,
        key: Option<Py<PyAny>>,
        new_key: Option<Py<PyAny>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        crate::cipher::rekey(py, path, key, new_key, progress)
    }

    /// Panics inside, to show that no panic comes out: it raises `InternalError`.
    #[pyfunction]
    fn panic(py: Python<'_>) -> PyResult<()> {
        let outcome: Result<(), Error> = crate::failure::guard(|| panic!("on request"));
        outcome.map_err(|error| crate::failure::raise(py, &error))
    }
}
