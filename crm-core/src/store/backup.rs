//! A copy of the file while it is in use.
//!
//! Copying the `.crm` file alone loses what is still in its log; SQLite's backup copies pages as
//! one moment saw them. The invariant: under the target's name there is never anything but a whole
//! copy that has reached the disk. It is made under a temporary name beside it and renamed.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::failure;
use super::lock::beside;
use crate::{Error, ErrorKind, Result};

/// Pages per step: about a megabyte between two questions whether to go on.
const PAGES_PER_STEP: i32 = 256;
/// How many leftovers of copies that were killed are stepped over.
const TEMPORARY_NAMES_MAX: u32 = 1_000;

/// Asked after each step with the pages done and in total; an error ends the copy.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;

/// Copies to a temporary name beside a path where nothing may be yet;
/// [`publish`](Draft::publish) gives the copy its name.
///
/// # Errors
///
/// `InvalidArgument` when something is there; the errors of `progress`; those of reading and
/// writing.
pub(super) fn draft(source: &Connection, target: &Path, progress: Progress<'_>) -> Result<Draft> {
    if target.symlink_metadata().is_ok() {
        return Err(taken());
    }
    let draft = Draft::beside(target)?;
    draft.fill(source, progress)?;
    Ok(draft)
}

/// Copies to a path, replacing what is there.
///
/// # Errors
///
/// Those of reading and writing.
pub(super) fn replace(source: &Connection, target: &Path) -> Result<()> {
    let draft = Draft::beside(target)?;
    draft.fill(source, &mut |_, _| Ok(()))?;
    draft.name(target, Overwrite::Yes)
}

#[derive(PartialEq, Eq)]
enum Overwrite {
    Yes,
    No,
}

/// A copy under a temporary name, removed when dropped.
pub(super) struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn beside(target: &Path) -> Result<Self> {
        for number in 0..TEMPORARY_NAMES_MAX {
            let path = beside(target, &format!(".partial-{}-{number}", std::process::id()));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            super::lock::private(&mut options);
            match options.open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failure::from_io("cannot create the copy", &error)),
            }
        }
        Err(Error::new(ErrorKind::Io, "too many unfinished copies lie beside the target")
            .with_hint("remove the files that end in .partial and numbers"))
    }

    fn fill(&self, source: &Connection, progress: Progress<'_>) -> Result<()> {
        let mut target = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW,
        )?;
        // Nobody sees the copy before it is whole and synced as a whole: it needs no journal.
        target.pragma_update(None, "journal_mode", "off")?;
        target.pragma_update(None, "synchronous", "off")?;
        // One snapshot for all steps, else each write meanwhile would make the copy begin anew.
        let snapshot = source.unchecked_transaction()?;
        snapshot.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        let backup = Backup::new(source, &mut target)?;
        loop {
            let step = backup.step(PAGES_PER_STEP)?;
            let pages = backup.progress();
            let total = u64::try_from(pages.pagecount).unwrap_or(0);
            progress(total - u64::try_from(pages.remaining).unwrap_or(0).min(total), total)?;
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => return Err(Error::new(ErrorKind::Busy, "the file cannot be read just now")),
            }
        }
        drop(backup);
        target.close().map_err(|(_, failure)| failure)?;
        snapshot.finish()?;
        self.file.sync_all().map_err(|error| failure::from_io("cannot sync the copy", &error))
    }

    /// Gives the copy the name of its target.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when somebody has taken the name meanwhile; those of writing.
    pub(super) fn publish(self, target: &Path) -> Result<()> {
        self.name(target, Overwrite::No)
    }

    fn name(self, target: &Path, overwrite: Overwrite) -> Result<()> {
        let named = if overwrite == Overwrite::Yes {
            std::fs::rename(&self.path, target)
        } else {
            // A link, unlike a rename, fails when somebody has taken the name meanwhile.
            match std::fs::hard_link(&self.path, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken()),
                // Not every file system has links (FAT); there the check at the beginning must do.
                Err(_) => std::fs::rename(&self.path, target),
                Ok(()) => Ok(()),
            }
        };
        named.map_err(|error| failure::from_io("cannot name the copy", &error))?;
        // Where it was linked, the temporary name goes first, so that one sync covers both.
        drop(self);
        super::open::sync_folder(target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already after a rename; otherwise an unfinished copy, or the second name of one.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn taken() -> Error {
    Error::new(ErrorKind::InvalidArgument, "the target of the copy exists already")
        .with_hint("give the path of a new file")
}
