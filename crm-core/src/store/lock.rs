//! One engine per file: the lock beside it.
//!
//! `<file>.lock` is locked with `flock`, which unlike SQLite's own locks also holds between two
//! handles of one process and survives when somebody else in the process closes the file. The
//! invariant: whoever holds the exclusive lock of the lock file *that the path names* is the only
//! engine on the file. The holder removes the lock file while it still holds the lock, so that an
//! opener which waited on the removed one has to look again.
//!
//! It keeps out engines, not programs that open the file with a bare SQLite.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::failure;
use crate::{Error, ErrorKind, Result};

/// How often the lock file may vanish between opening and locking before it is called busy. Each
/// time means that another engine closed in that very moment.
const ATTEMPTS_MAX: u32 = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Exclusive,
    Shared,
}

/// The held lock; given back when dropped.
pub(super) struct SidecarLock {
    path: PathBuf,
    file: File,
}

impl SidecarLock {
    /// The lock of a handle that writes.
    ///
    /// # Errors
    ///
    /// `InUse` when another handle has the file open, `ReadOnly` when the folder cannot be written,
    /// `Io` when the system fails.
    pub(super) fn exclusive(database: &Path) -> Result<Self> {
        let mut lock = Self::acquire(database, Mode::Exclusive).map_err(|error| {
            if is_denied(&error) {
                return Error::new(ErrorKind::ReadOnly, "the folder of the file cannot be written")
                    .with_hint("open the file read-only, or allow writing in its folder");
            }
            refusal(&error)
        })?;
        lock.sign(&format!("{}\n", std::process::id()))
            .map_err(|error| failure::from_io("cannot write the lock file", &error))?;
        Ok(lock)
    }

    /// The lock of a handle that only reads, shared with others of its kind. `None` where the
    /// folder cannot be written and nobody has left a lock file: then nobody can write the file
    /// either.
    ///
    /// # Errors
    ///
    /// `InUse` when a handle that writes has the file open, `Io` when the system fails.
    pub(super) fn shared(database: &Path) -> Result<Option<Self>> {
        match Self::acquire(database, Mode::Shared) {
            Ok(mut lock) => {
                // Where the file cannot be written, the number in it is that of a writer which
                // ended badly; it misinforms, and does no harm.
                let _ = lock.sign("");
                Ok(Some(lock))
            }
            Err(error) if is_denied(&error) => Ok(None),
            Err(error) => Err(refusal(&error)),
        }
    }

    fn acquire(database: &Path, mode: Mode) -> io::Result<Self> {
        let path = beside(database, ".lock");
        for _ in 0..ATTEMPTS_MAX {
            if let Some(lock) = Self::of_opened(&path, open(&path, mode)?, mode)? {
                return Ok(lock);
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, String::new()))
    }

    /// Locks an opened lock file; `None` when it was removed between opening and locking.
    fn of_opened(path: &Path, mut file: File, mode: Mode) -> io::Result<Option<Self>> {
        let locked = match mode {
            Mode::Exclusive => file.try_lock(),
            Mode::Shared => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => Ok(names(path, &file)?.then(|| Self { path: path.to_owned(), file })),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Unreadable where locks are mandatory; then the number stays unknown.
                let _ = file.read_to_string(&mut holder);
                Err(io::Error::new(io::ErrorKind::WouldBlock, holder))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Replaces what the lock file says about its holder.
    fn sign(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for SidecarLock {
    fn drop(&mut self) {
        // Only the last reader may remove the file: were it removed under another one, a writer
        // would lock a new file beside that reader. Becoming exclusive proves that nobody is left.
        // A lock file that cannot be removed is harmless: what counts is the lock. Where an open
        // file cannot be removed (Windows), it stays.
        #[cfg(unix)]
        if self.file.try_lock().is_ok() && names(&self.path, &self.file).unwrap_or(false) {
            let _ = std::fs::remove_file(&self.path);
        }
        // Said explicitly, for a forked child may hold the same open file.
        let _ = self.file.unlock();
    }
}

/// A path beside the file: its name with something appended.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn open(path: &Path, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    private(&mut options);
    match options.open(path) {
        Err(error) if mode == Mode::Shared && is_denied(&error) => {
            match OpenOptions::new().read(true).open(path) {
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => Err(error),
                other => other,
            }
        }
        other => other,
    }
}

/// For the owner alone, and never through a link that somebody laid.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
}

/// Whether the path still names the open file.
#[cfg(unix)]
fn names(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // the same signature as where it can fail
fn names(_: &Path, _: &File) -> io::Result<bool> {
    Ok(true)
}

/// Whether the folder or its file system does not let us write.
pub(super) fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn refusal(error: &io::Error) -> Error {
    if error.kind() != io::ErrorKind::WouldBlock {
        return failure::from_io("cannot lock the file", error)
            .with_field("path")
            .with_hint("see what has its name with .lock added, and keep it on a local disk");
    }
    // The error's text is what the lock file says: the number of the process, or nothing.
    let message = match error.to_string().trim().parse::<u32>() {
        Ok(pid) if pid == std::process::id() => {
            format!("the file is open already in this process ({pid})")
        }
        Ok(pid) => format!("the file is open in process {pid}"),
        Err(_) => "the file is open already for reading".into(),
    };
    Error::new(ErrorKind::InUse, message)
        .with_hint("share one handle between threads, and close it before opening another")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T>) -> ErrorKind {
        result.err().expect("a refusal").kind()
    }

    #[test]
    fn a_second_writer_is_told_who_holds_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.crm");
        let first = SidecarLock::exclusive(&path).unwrap();
        let refused = SidecarLock::exclusive(&path).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::InUse);
        assert!(refused.message().contains(&std::process::id().to_string()));
        assert_eq!(kind(SidecarLock::shared(&path)), ErrorKind::InUse);
        drop(first);
        assert!(!beside(&path, ".lock").exists());
        SidecarLock::exclusive(&path).unwrap();
    }

    #[test]
    fn readers_share_and_the_last_one_removes_the_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.crm");
        let first = SidecarLock::shared(&path).unwrap();
        let second = SidecarLock::shared(&path).unwrap();
        drop(first);
        assert!(beside(&path, ".lock").exists());
        assert_eq!(kind(SidecarLock::exclusive(&path)), ErrorKind::InUse);
        drop(second);
        assert!(!beside(&path, ".lock").exists());
    }

    #[test]
    fn a_lock_file_left_by_a_dead_process_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.crm");
        std::fs::write(beside(&path, ".lock"), "1\n").unwrap();
        SidecarLock::exclusive(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_removed_lock_file_does_not_let_a_second_writer_pass_as_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.crm");
        let held = SidecarLock::exclusive(&path).unwrap();
        // Another opener is between opening and locking while the holder closes.
        let waiting = open(&held.path, Mode::Exclusive).unwrap();
        let name = held.path.clone();
        drop(held);
        let next = SidecarLock::exclusive(&path).unwrap();
        assert!(SidecarLock::of_opened(&name, waiting, Mode::Exclusive).unwrap().is_none());
        drop(next);
    }
}
