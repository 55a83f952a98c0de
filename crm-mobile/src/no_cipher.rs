//! What a build says of keys that is without the feature `sqlcipher`.

use std::sync::Arc;

use crm_core::{Crm, Error, OpenOptions, Result};

use crate::{KeySource, ProgressListener};

/// Refuses to open an encrypted file.
///
/// # Errors
///
/// `InvalidArgument`, naming `key`.
pub(crate) fn open(_: String, _: OpenOptions, _: Arc<dyn KeySource>) -> Result<Crm> {
    Err(Error::encrypts_no_files())
}

/// Refuses to give a file another key.
///
/// # Errors
///
/// `InvalidArgument`, naming `key`.
pub(crate) fn rekey(
    _: &str,
    _: Option<Arc<dyn KeySource>>,
    _: Option<Arc<dyn KeySource>>,
    _: Option<Arc<dyn ProgressListener>>,
) -> Result<()> {
    Err(Error::encrypts_no_files())
}
