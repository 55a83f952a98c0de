//! From errors and panics of the engine to exceptions of the package.
//!
//! The exceptions are classes in Python (`crm.errors`), so that they have attributes and natural
//! base classes; which class stands for a kind is decided there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

/// Runs `body`, and turns a panic in it into an error of kind `internal`.
///
/// # Errors
///
/// Those of `body`.
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Internal, "the engine panicked")
            .with_hint("this is a defect; please report it"))
    })
}

/// The exception that stands for `error`; if that came of an exception, that one.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let source = std::error::Error::source(error);
    if let Some(exception) = source.and_then(|source| source.downcast_ref::<PyErr>()) {
        return exception.clone_ref(py);
    }
    let kind = error.kind();
    let parts = (kind.name(), kind.code(), error.message(), error.field(), error.hint());
    match py.import("crm.errors").and_then(|errors| errors.call_method1("from_engine", parts)) {
        Ok(exception) => PyErr::from_value(exception),
        // The package is broken: its own exception says how.
        Err(broken) => broken,
    }
}
