//! Encrypted files: keys that functions of Python tell.
//!
//! The bytes that Python has are Python's; the key that is made of them is wiped, and what SQLite copies
//! of it is freed. The invariant: an exception that such a function raises comes out of the call that
//! asked it, unchanged.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crm_core::{Crm, Error, ErrorKind, Key, OpenOptions, Result};
use pyo3::{
    prelude::*,
    types::{PyByteArray, PyBytes},
};

use crate::{
    callback::Callback,
    failure::{guard, raise},
    job::Watcher,
};

/// Opens the encrypted file whose key `key` tells.
///
/// # Errors
///
/// Those of opening; of kind `InvalidArgument`, with the exception as its source, if `key` raises.
pub(crate) fn open(path: PathBuf, options: OpenOptions, key: Callback) -> Result<Crm> {
    Crm::open_encrypted(path, options, move || {
        Python::attach(|py| told(&key.get(py).ok_or_else(Key::unavailable)?))
    })
}

/// Gives a closed file another key.
pub(crate) fn rekey(
    py: Python<'_>,
    path: PathBuf,
    key: Option<Py<PyAny>>,
    new_key: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let ask = |key: &Option<Py<PyAny>>| key.as_ref().map(|key| told(key.bind(py))).transpose();
    let from = ask(&key).map_err(|error| raise(py, &error))?;
    let to = ask(&new_key).map_err(|error| raise(py, &error.with_field("new_key")))?;
    // The engine does not lend it out, so that it is shared.
    let watcher = Arc::new(Mutex::new(Watcher::new(progress)));
    let shared = Arc::clone(&watcher);
    let watch = move |progress| locked(&shared).step(progress);
    let outcome = py.detach(|| guard(|| Crm::rekey(path, from.as_ref(), to.as_ref(), watch)));
    if let Some(exception) = locked(&watcher).take_raised() {
        return Err(exception);
    }
    outcome.map_err(|error| raise(py, &error))
}

fn locked(watcher: &Mutex<Watcher>) -> MutexGuard<'_, Watcher> {
    watcher.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key that a function of Python tells.
fn told(key: &Bound<'_, PyAny>) -> Result<Key> {
    let answer = key.call0().map_err(|exception| Key::unavailable().with_source(exception))?;
    if let Ok(bytes) = answer.cast::<PyBytes>() {
        return Key::try_from(bytes.as_bytes());
    }
    if let Ok(bytes) = answer.cast::<PyByteArray>() {
        return Key::try_from(bytes.to_vec());
    }
    Err(Error::new(ErrorKind::InvalidArgument, "a key is bytes")
        .with_field("key")
        .with_hint("return 32 of them, such as secrets.token_bytes(32) once made"))
}
