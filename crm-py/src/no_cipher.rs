//! What a module says of keys that was built without the feature `sqlcipher`.

use std::path::PathBuf;

use crm_core::{Crm, Error, ErrorKind, OpenOptions, Result};
use pyo3::prelude::*;

use crate::failure::raise;

/// Refuses to open an encrypted file.
pub(crate) fn open(_: PathBuf, _: OpenOptions, _: Py<PyAny>) -> Result<Crm> {
    Err(missing())
}

/// Refuses to give a file another key.
pub(crate) fn rekey(
    py: Python<'_>,
    _: PathBuf,
    _: Option<Py<PyAny>>,
    _: Option<Py<PyAny>>,
    _: Option<Py<PyAny>>,
) -> PyResult<()> {
    Err(raise(py, &missing()))
}

fn missing() -> Error {
    Error::new(ErrorKind::InvalidArgument, "this build of the engine encrypts no files")
        .with_field("key")
        .with_hint("build it with the feature sqlcipher")
}
