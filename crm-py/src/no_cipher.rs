//! What a module says of keys that was built without the feature `sqlcipher`.

use std::path::PathBuf;

use crm_core::{Crm, Error, OpenOptions, Result};
use pyo3::prelude::*;

use crate::{callback::Callback, failure::raise};

/// Refuses to open an encrypted file.
pub(crate) fn open(_: PathBuf, _: OpenOptions, _: Callback) -> Result<Crm> {
    Err(Error::encrypts_no_files())
}

/// Refuses to give a file another key.
pub(crate) fn rekey(
    py: Python<'_>,
    _: PathBuf,
    _: Option<Py<PyAny>>,
    _: Option<Py<PyAny>>,
    _: Option<Py<PyAny>>,
) -> PyResult<()> {
    Err(raise(py, &Error::encrypts_no_files()))
}
