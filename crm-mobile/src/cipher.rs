//! From what the host tells to the engine's keys. Those are wiped; the buffer in which UniFFI carries
//! what is told, and what SQLite copies of a key, are freed and not wiped.

use std::sync::Arc;

use crm_core::{Crm, Key, OpenOptions, Result};

use crate::{KeySource, ProgressListener, progress::ask};

/// Opens the encrypted file whose key `key` tells.
///
/// # Errors
///
/// Those of opening; `InvalidArgument`, naming `key`, if there is no such key.
pub(crate) fn open(path: String, options: OpenOptions, key: Arc<dyn KeySource>) -> Result<Crm> {
    Crm::open_encrypted(path, options, move || told(&*key))
}

/// Gives a closed file another key.
///
/// # Errors
///
/// Those of [`Crm::rekey`]; `InvalidArgument`, naming `key` or `new_key`, if there is no such key.
pub(crate) fn rekey(
    path: &str,
    key: Option<Arc<dyn KeySource>>,
    new_key: Option<Arc<dyn KeySource>>,
    listener: Option<Arc<dyn ProgressListener>>,
) -> Result<()> {
    let from = key.map(|key| told(&*key)).transpose()?;
    let to = new_key.map(|key| told(&*key)).transpose();
    let to = to.map_err(|error| error.with_field("new_key"))?;
    let watch = move |progress| ask(listener.as_ref(), progress);
    Crm::rekey(path, from.as_ref(), to.as_ref(), watch)
}

fn told(source: &dyn KeySource) -> Result<Key> {
    Key::try_from(source.key().map_err(|failure| Key::unavailable().with_source(failure))?)
}
