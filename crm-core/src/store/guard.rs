//! The guard against a second SQLite in this process.
//!
//! POSIX locks belong to a process, and any `close` of the file in it drops them all. A host whose
//! own SQLite opens and closes the file therefore strips ours of its locks; whoever comes next
//! takes itself for the last user and removes the log, with acknowledged writes in it. A lock of
//! the open file description survives this and conflicts with POSIX locks even within a process:
//! we keep a read lock on the bytes that SQLite must lock exclusively before it may remove a log.
//!
//! The invariant: while the guard is armed nobody gets those bytes exclusively. It must be disarmed
//! before our own last connection closes, which wants them itself, and its file must be closed
//! after, for that close drops SQLite's locks too. Where there are no such locks the
//! [fence](super::fence) is the only defence.

use std::fs::File;

use crate::Result;

/// SQLite's SHARED range: 510 bytes from two after the PENDING byte at 1 GiB.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SHARED_RANGE: (i64, i64) = (0x4000_0002, 510);

pub(super) struct Guard {
    // Named for what it does by being open; only read where there are such locks.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    file: File,
}

impl Guard {
    /// Arms the guard over an open file that stays open as long as the guard lives.
    ///
    /// # Errors
    ///
    /// `Busy` while somebody holds the file exclusively, `Io` where the file system has no locks.
    pub(super) fn arm(file: File) -> Result<Self> {
        let guard = Self { file };
        guard.lock()?;
        Ok(guard)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn lock(&self) -> Result<()> {
        use nix::errno::Errno;

        use crate::{Error, ErrorKind};
        match self.set(nix::libc::F_RDLCK) {
            Ok(()) => Ok(()),
            Err(Errno::EAGAIN | Errno::EACCES) => {
                Err(Error::new(ErrorKind::Busy, "another program holds the file exclusively"))
            }
            Err(errno) => Err(super::failure::from_io("cannot lock the file", &errno.into())),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)] // the same signature as on Linux
    fn lock(&self) -> Result<()> {
        Ok(())
    }

    /// Lets our own SQLite close. The file stays open until the guard is dropped.
    pub(super) fn disarm(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // Unlocking bytes that we locked cannot fail; if it did, closing the file would do it.
        let _ = self.set(nix::libc::F_UNLCK);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn set(&self, kind: i32) -> nix::Result<()> {
        use nix::fcntl::{FcntlArg, fcntl};
        use nix::libc;
        let (start, length) = SHARED_RANGE;
        let lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: start as libc::off_t,
            l_len: length as libc::off_t,
            l_pid: 0,
        };
        fcntl(&self.file, FcntlArg::F_OFD_SETLK(&lock)).map(drop)
    }
}
