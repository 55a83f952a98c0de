//! A copy of the file while it is in use.
//!
//! Copying the `.crm` file alone loses what is still in its log; SQLite's backup copies pages as
//! one moment saw them. The invariant: under the target's name there is never anything but a whole
//! copy that has reached the disk. The copy of an encrypted file is encrypted, with the same key.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::cipher::Cipher;
use super::draft::Draft;
use super::open;
use crate::{Error, ErrorKind, Result};

/// Pages per step: about a megabyte between two questions whether to go on.
const PAGES_PER_STEP: i32 = 256;

/// Asked after each step with the pages done and in total; an error ends the copy.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;

/// Copies to a temporary name beside a path where nothing may be yet;
/// [`publish`](Draft::publish) gives the copy its name.
///
/// # Errors
///
/// `InvalidArgument` when something is there; the errors of `progress`; those of reading and
/// writing.
pub(super) fn draft(
    source: &Connection,
    target: &Path,
    cipher: &Cipher,
    progress: Progress<'_>,
) -> Result<Draft> {
    let draft = Draft::new(target)?;
    fill(&draft, source, cipher, progress)?;
    Ok(draft)
}

/// Copies to a path, replacing what is there.
///
/// # Errors
///
/// Those of reading and writing.
pub(super) fn replace(source: &Connection, target: &Path, cipher: &Cipher) -> Result<()> {
    let draft = Draft::beside(target)?;
    fill(&draft, source, cipher, &mut |_, _| Ok(()))?;
    draft.replace(target)?;
    open::sync_folder(target)
}

/// Fills an empty draft with the pages of `source`.
fn fill(draft: &Draft, source: &Connection, cipher: &Cipher, progress: Progress<'_>) -> Result<()> {
    open::check_length(draft.path())?;
    let mut target = Connection::open_with_flags(
        draft.path(),
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW,
    )?;
    cipher.unlock(&target)?;
    // Nobody sees the copy before it is whole and synced as a whole: it needs no journal.
    target.pragma_update(None, "journal_mode", "off")?;
    target.pragma_update(None, "synchronous", "off")?;
    copy_pages(source, &mut target, progress)?;
    target.close().map_err(|(_, failure)| failure)?;
    draft.sync()
}

/// Copies all pages of `source` to a connection that has none.
///
/// # Errors
///
/// Those of reading and writing.
pub(super) fn copy(source: &Connection, target: &mut Connection) -> Result<()> {
    copy_pages(source, target, &mut |_, _| Ok(()))
}

fn copy_pages(source: &Connection, target: &mut Connection, progress: Progress<'_>) -> Result<()> {
    // One snapshot for all steps, else each write meanwhile would make the copy begin anew.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    let backup = Backup::new(source, target)?;
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
    snapshot.finish()?;
    Ok(())
}
