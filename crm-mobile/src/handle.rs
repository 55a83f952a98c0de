//! The handle: one file, opened, and who writes through it.

use std::sync::Arc;

use crm_core::{CrmError, OpenOptions};

use crate::guard::guard;

/// The engine over one file. All methods may be called from several threads; they block, so an
/// application keeps them off its main thread.
#[derive(Debug, uniffi::Object)]
pub struct Crm {
    pub(crate) engine: crm_core::Crm,
}

#[uniffi::export]
impl Crm {
    /// Opens the file at `path` as `options` say, and makes it if it is not there. `":memory:"` is a
    /// file in memory that nobody else sees. A new file has the types `company`, `contact` and `deal`.
    ///
    /// # Errors
    ///
    /// `NotOurFile`, `TooNew` or `Corrupt` if the file is not one that this engine can read (it is
    /// left as it is), `InUse` if another engine has it open, `ReadOnly` if it may not be written,
    /// `Io` if the system refuses, `InvalidArgument` if an option makes no sense.
    #[uniffi::constructor]
    pub fn new(path: String, options: OpenOptions) -> Result<Arc<Self>, CrmError> {
        guard(|| Ok(Arc::new(Self { engine: crm_core::Crm::open_with(path, options)? })))
    }

    /// The same file, written to in the name of `actor` and for the reason `cause`, as the journal
    /// keeps them: 1 to 255 bytes each. An actor is a stable key such as `user:17`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if one is empty or has control characters; `LimitExceeded` if one is too long.
    #[uniffi::method(default(cause = None))]
    pub fn acting_as(&self, actor: String, cause: Option<String>) -> Result<Arc<Self>, CrmError> {
        guard(|| Ok(Arc::new(Self { engine: self.engine.acting_as(&actor, cause.as_deref())? })))
    }

    /// Cancels what runs on this file in other threads: their calls fail with `Interrupted`, and a
    /// write among them leaves no trace. Does nothing if nothing runs.
    ///
    /// # Errors
    ///
    /// None but `Internal`.
    pub fn interrupt(&self) -> Result<(), CrmError> {
        guard(|| {
            self.engine.interrupt();
            Ok(())
        })
    }

    /// Closes the file for this handle and for those made from it. It waits for calls that run in
    /// other threads; later calls fail with `Closed`. Closing twice does nothing.
    ///
    /// # Errors
    ///
    /// `Io` if the last write-back fails; the file is closed all the same, and nothing that was
    /// acknowledged is lost.
    pub fn close(&self) -> Result<(), CrmError> {
        guard(|| self.engine.close())
    }
}
