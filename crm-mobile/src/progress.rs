//! Progress of long operations, told to a listener of the host.
//!
//! The listener runs on the thread of the call, outside every lock, about ten times a second at most.

use std::sync::Arc;

use crm_core::{Flow, Progress};

/// What a callback of the host failed with. Hosts need not throw it: whatever they throw is taken
/// for it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The callback threw. What it said stays with the host: it may be personal.
    Failed,
}

impl std::fmt::Display for CallbackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a callback of the host failed")
    }
}

impl std::error::Error for CallbackError {}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Is told how far a long operation is, and says whether to go on.
#[uniffi::export(foreign)]
pub trait ProgressListener: Send + Sync {
    /// Called about ten times a second at most; `false` cancels the operation, and so does failing.
    /// It may read through the handle; a write is refused with `Reentrant`.
    ///
    /// # Errors
    ///
    /// Whatever the host fails with.
    fn progress(&self, progress: Progress) -> Result<bool, CallbackError>;
}

/// Asks the listener, if there is one.
pub(crate) fn ask(listener: Option<&Arc<dyn ProgressListener>>, progress: Progress) -> Flow {
    match listener.map(|listener| listener.progress(progress)) {
        None | Some(Ok(true)) => Flow::Continue,
        Some(Ok(false) | Err(_)) => Flow::Cancel,
    }
}
