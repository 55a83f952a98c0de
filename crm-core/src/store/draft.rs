//! A new file that nobody sees before it is whole.
//!
//! Copies and tables are written under a temporary name beside their place and named at the end. The
//! invariant: under the target's name there is never anything but the whole file, which has reached
//! the disk; what fails leaves nothing behind, unless only the name cannot be synced. Only the owner may
//! read it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
#[cfg(feature = "sqlcipher")]
use std::{ffi::OsStr, fs::Metadata};

use super::{failure, lock, open};
use crate::{Error, ErrorKind, Result};

/// How many leftovers of work that was killed are stepped over.
const TEMPORARY_NAMES_MAX: u32 = 1_000;

/// A file under a temporary name, removed when dropped.
pub(crate) struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    /// Begins a file for a place where nothing may be yet.
    ///
    /// # Errors
    ///
    /// With the field `path`: `InvalidArgument` when something is there, or it names no file; those of
    /// writing.
    pub(crate) fn new(target: &Path) -> Result<Self> {
        open::name_of(target)?;
        match target.symlink_metadata() {
            Ok(found) if found.is_dir() => {
                Err(Error::new(ErrorKind::InvalidArgument, "the target is a folder")
                    .with_field("path")
                    .with_hint("give the path of a new file in it"))
            }
            Ok(_) => Err(taken()),
            Err(_) => Self::beside(target).map_err(|error| error.with_field("path")),
        }
    }

    /// Begins a file for a place where something may be.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub(super) fn beside(target: &Path) -> Result<Self> {
        for number in 0..TEMPORARY_NAMES_MAX {
            let path = lock::beside(target, &format!(".partial-{}-{number}", std::process::id()));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            lock::private(&mut options);
            match options.open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                    return Err(open::too_long());
                }
                Err(error) => {
                    return Err(failure::from_io("cannot create the file", &error)
                        .with_hint("give a path in a folder that is there and can be written"));
                }
            }
        }
        Err(Error::new(ErrorKind::Io, "too many unfinished files lie beside the target")
            .with_hint("remove the files that end in .partial and numbers"))
    }

    /// Its temporary name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, to write to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The error of a failed write.
    pub(crate) fn write_error(error: &io::Error) -> Error {
        failure::from_io("cannot write the file", error)
    }

    /// Gives the file the owner and the permissions of the one that it is to replace.
    ///
    /// # Errors
    ///
    /// Those of the system: not everybody may give a file away.
    #[cfg(feature = "sqlcipher")]
    pub(super) fn take_after(&self, old: &Metadata) -> Result<()> {
        #[cfg(unix)]
        self.give_to_owner_of(old).map_err(|error| {
            failure::from_io("cannot give the file to the owner of the old one", &error)
                .with_hint("let the owner of the file do it, in their group")
        })?;
        // Later, for who gives a file away may lose what it permits.
        self.file
            .set_permissions(old.permissions())
            .map_err(|error| failure::from_io("cannot set the permissions of the file", &error))
    }

    #[cfg(all(feature = "sqlcipher", unix))]
    fn give_to_owner_of(&self, old: &Metadata) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, fchown};
        let new = self.file.metadata()?;
        let other = |old: u32, new: u32| Some(old).filter(|old| *old != new);
        match (other(old.uid(), new.uid()), other(old.gid(), new.gid())) {
            (None, None) => Ok(()),
            (user, group) => fchown(&self.file, user, group),
        }
    }

    /// Waits until the content has reached the disk.
    ///
    /// # Errors
    ///
    /// `Full`, `Io`.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| failure::from_io("cannot sync the file", &error))
    }

    /// Gives the file the name of its target, for good.
    ///
    /// # Errors
    ///
    /// With the field `path`: `InvalidArgument` when somebody has taken the name meanwhile; those of
    /// writing. The file has its name all the same where only the folder cannot be synced.
    pub(crate) fn publish(self, target: &Path) -> Result<()> {
        self.link(target)
            .and_then(|()| open::sync_folder(target))
            .map_err(|error| error.with_field("path"))
    }

    /// Where it was linked, the temporary name goes too, so that one sync covers both.
    fn link(self, target: &Path) -> Result<()> {
        // A link, unlike a rename, fails when somebody has taken the name meanwhile.
        match std::fs::hard_link(&self.path, target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken()),
            // Not every file system has links (FAT); there the check at the beginning must do.
            Err(_) => self.replace(target),
            Ok(()) => Ok(()),
        }
    }

    /// Gives the file the name of its target, whatever had it before. The caller syncs the folder, and
    /// knows what it means if that fails: the file has the name then.
    ///
    /// # Errors
    ///
    /// Those of writing; then the file does not have the name.
    pub(super) fn replace(self, target: &Path) -> Result<()> {
        std::fs::rename(&self.path, target)
            .map_err(|error| failure::from_io("cannot name the file", &error))
    }
}

/// Removes what work that was killed has left of files that were to replace `target`, whose writer's
/// lock the caller holds. So nobody is at such work now, and who is about to write to a place where
/// nothing was would find it taken.
///
/// # Errors
///
/// Those of reading and writing the folder.
#[cfg(feature = "sqlcipher")]
pub(super) fn remove_leftovers(target: &Path) -> Result<()> {
    let failed = |error: &io::Error| {
        failure::from_io("cannot remove an unfinished file of an earlier attempt", error)
            .with_hint("remove the files beside it that end in .partial and numbers")
    };
    let Some((folder, name)) = target.parent().zip(target.file_name()) else { return Ok(()) };
    for entry in folder.read_dir().map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let is_left = is_draft_of(name, &entry.file_name())
            && entry.file_type().map_err(|error| failed(&error))?.is_file();
        if is_left {
            std::fs::remove_file(entry.path()).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// Whether `found` is a temporary name of a file that was to be named `name`.
#[cfg(feature = "sqlcipher")]
fn is_draft_of(name: &OsStr, found: &OsStr) -> bool {
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let numbers = found.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
    let numbers = numbers.and_then(|rest| rest.strip_prefix(b".partial-"));
    let parts = numbers.map(|numbers| numbers.split(|byte| *byte == b'-').collect::<Vec<_>>());
    parts.is_some_and(|parts| parts.len() == 2 && parts.into_iter().all(is_number))
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already after a rename; otherwise an unfinished file, or the second name of one.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn taken() -> Error {
    Error::new(ErrorKind::InvalidArgument, "the target exists already")
        .with_field("path")
        .with_hint("give the path of a new file")
}
