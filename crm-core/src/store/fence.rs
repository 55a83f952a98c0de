//! The fence: no write is acknowledged that went into a log nobody else can see.
//!
//! When somebody removes or replaces the `-wal` file under us, our commits still succeed, into a
//! file without a name. So the log's identity is remembered when it is opened and compared after
//! each commit, before the caller hears of it. The invariant: `Ok` from [`Fence::check`] means that
//! at that moment the path named the very file we write. It detects (with the small window between
//! looking and answering); keeping others out is the work of lock and guard.

use std::path::{Path, PathBuf};

use super::lock::beside;
use super::{failure, gate};
use crate::Result;

pub(super) struct Fence {
    log: PathBuf,
    #[cfg(unix)]
    identity: (u64, u64),
}

impl Fence {
    /// Remembers the log of an open database.
    ///
    /// # Errors
    ///
    /// `Io` when there is no log.
    pub(super) fn around(database: &Path) -> Result<Self> {
        let log = beside(database, "-wal");
        let metadata = std::fs::symlink_metadata(&log)
            .map_err(|error| failure::from_io("cannot find the file's log", &error))?;
        #[cfg(not(unix))]
        let _ = metadata;
        Ok(Self {
            log,
            #[cfg(unix)]
            identity: identity(&metadata),
        })
    }

    /// The size of the log in bytes, if it is still the same.
    ///
    /// # Errors
    ///
    /// `Fenced` when the path names another file, or none.
    pub(super) fn check(&self) -> Result<u64> {
        let metadata = std::fs::symlink_metadata(&self.log).map_err(|_| gate::fenced())?;
        // An open file cannot be removed on Windows: there is nothing to compare.
        #[cfg(unix)]
        if identity(&metadata) != self.identity {
            return Err(gate::fenced());
        }
        Ok(metadata.len())
    }
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}
