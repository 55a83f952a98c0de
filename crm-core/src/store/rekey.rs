//! The same file under another key, under its first one, or under none any more.
//!
//! What the file holds is exported to a new one beside it, which is checked, synced and then takes
//! its name. The invariant: at every moment the path names a whole file, under the old key or under
//! the new one, and never finds the log of another file beside it.
//!
//! Exporting and checking are a statement each, and SQLite asks now and then within it whether to go on.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::limits::Limit;

use super::cipher::Cipher;
use super::connection::{self, Access};
use super::draft::{self, Draft};
use super::header::{self, Content};
use super::integrity::{self, Depth};
use super::lock::beside;
use super::open::{self, Claimed};
use super::{Connection, interrupt, locked, truncate_log};
use crate::{Error, ErrorKind, Result};

/// Steps of SQLite's machine between two questions whether to go on: some hundred rows.
const STEPS_PER_LOOK: i32 = 1_000;

/// Replaces the file by one with the same content that `to` opens. `progress` hears the pages done and
/// in total, and answers whether to go on.
///
/// # Errors
///
/// Those of opening for writing; `Busy` when another program has the file open; `Corrupt` when the
/// new file does not pass its checks; `Interrupted` when `progress` answers `false`; those of
/// writing. The file then is what it was.
pub(crate) fn rekey(
    path: &Path,
    from: &Cipher,
    to: &Cipher,
    progress: impl FnMut(u64, u64) -> bool + Send + 'static,
) -> Result<()> {
    let path = open::resolve(path)?;
    let (metadata, claimed) = closed(&path, from).map_err(open::refused)?;
    let Claimed { lock: _lock, file: _file, content, mut writer, .. } = claimed;
    // It is ours, and nothing is in the log: whatever comes, closing takes that away and no more.
    open::keep_log_on_close(&writer, false)?;
    draft::remove_leftovers(&path)?;
    let draft = Draft::beside(&path)?;
    open::check_length(draft.path())?;
    let growth = Growth::new(&writer, draft.path(), progress)?;
    export(&mut writer, to, &growth)?;
    check(to, content, &growth)?;
    draft.take_after(&metadata)?;
    draft.sync()?;
    growth.finish()?;
    // The log must be gone before the name changes hands, also after a power cut: it would be taken for
    // that of the new file.
    writer.close().map_err(|(_, failure)| failure)?;
    if beside(&path, "-wal").exists() {
        return Err(busy());
    }
    open::sync_folder(&path)?;
    draft.replace(&path)?;
    // The file has the new key now. Who heard of a failure would believe that it still has the old one,
    // and throw the new one away.
    let _ = open::sync_folder(&path);
    Ok(())
}

/// Writes what `source` holds to the new file, which is empty.
fn export(source: &mut Connection, cipher: &Cipher, growth: &Growth) -> Result<()> {
    source.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    cipher.attach(source, &growth.target, "target")?;
    let filled = growth.watch(source, fill);
    // Also when that failed: not every system removes a file that is open.
    let detached = source.execute_batch("DETACH DATABASE target");
    filled?;
    Ok(detached?)
}

fn fill(source: &Connection) -> Result<()> {
    // Nobody sees it before it is whole and synced as a whole.
    source.execute_batch("PRAGMA target.synchronous = OFF; PRAGMA target.journal_mode = MEMORY")?;
    let transaction = source.unchecked_transaction()?;
    transaction.query_row("SELECT sqlcipher_export('target')", [], |_| Ok(()))?;
    for pragma in ["application_id", "user_version"] {
        let value = connection::get(&transaction, pragma)?;
        transaction.pragma_update(Some("target"), pragma, value)?;
    }
    Ok(transaction.commit()?)
}

/// Reads the new file through, before the old one goes.
fn check(cipher: &Cipher, content: Content, growth: &Growth) -> Result<()> {
    let mut copy = connection::open(&growth.target, Access::Immutable, cipher)?;
    cipher.check(&copy)?;
    let is_same = open::settle(&copy)? == content;
    let findings = growth.watch(&mut copy, |copy| integrity::check(copy, Depth::Quick, 1))?;
    if is_same && findings.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "the copy under the other key does not pass its checks")
        .with_hint("the file is left as it was: verify it"))
}

/// A file that nobody else has open, with nothing in its log.
fn closed(path: &Path, from: &Cipher) -> Result<(Metadata, Claimed)> {
    let metadata = open::existing(path)?;
    let claimed = open::claim(path, from)?;
    if claimed.content == Content::Empty {
        return Err(header::not_ours());
    }
    from.widen_cache(&claimed.writer)?;
    connection::set(&claimed.writer, "synchronous", 2)?;
    if !truncate_log(&claimed.writer)? {
        return Err(busy());
    }
    Ok((metadata, claimed))
}

fn busy() -> Error {
    Error::new(ErrorKind::Busy, "another program has the file open")
        .with_hint("close it there, and try again")
}

/// How far the new file has grown, and the host that is told of it.
struct Growth {
    target: PathBuf,
    page_bytes: u64,
    pages: u64,
    host: Arc<Mutex<Host>>,
}

struct Host {
    progress: Box<dyn FnMut(u64, u64) -> bool + Send>,
    has_cancelled: bool,
}

impl Host {
    /// Tells of the pages, and answers whether to stop.
    fn stops(&mut self, done: u64, total: u64) -> bool {
        self.has_cancelled = self.has_cancelled || !(self.progress)(done, total);
        self.has_cancelled
    }
}

impl Growth {
    /// Of an empty file, to which the pages of `source` are to be written.
    fn new(
        source: &Connection,
        target: &Path,
        progress: impl FnMut(u64, u64) -> bool + Send + 'static,
    ) -> Result<Self> {
        let number = |pragma| -> Result<u64> {
            Ok(u64::try_from(connection::get(source, pragma)?).unwrap_or(0))
        };
        let host = Host { progress: Box::new(progress), has_cancelled: false };
        Ok(Self {
            target: target.to_path_buf(),
            page_bytes: number("page_size")?.max(1),
            pages: number("page_count")?.saturating_sub(number("freelist_count")?).max(1),
            host: Arc::new(Mutex::new(host)),
        })
    }

    /// Does `work` with a connection, during which the host is told, and asked whether to go on.
    ///
    /// # Errors
    ///
    /// Those of `work`; `Interrupted`.
    fn watch<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let (host, target) = (Arc::clone(&self.host), self.target.clone());
        let (page_bytes, pages) = (self.page_bytes, self.pages);
        let look = move || {
            let written = std::fs::metadata(&target).map_or(0, |file| file.len()) / page_bytes;
            // All of them are there when the file is whole, and not before.
            locked(&host).stops(written.min(pages - 1), pages)
        };
        connection.progress_handler(STEPS_PER_LOOK, Some(look))?;
        let done = work(connection);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        // What SQLite makes of being stopped depends on where it was.
        if locked(&self.host).has_cancelled { Err(interrupt::interrupted()) } else { done }
    }

    /// Tells that the new file is whole, and asks for the last time.
    ///
    /// # Errors
    ///
    /// `Interrupted`.
    fn finish(&self) -> Result<()> {
        let is_stopped = locked(&self.host).stops(self.pages, self.pages);
        if is_stopped { Err(interrupt::interrupted()) } else { Ok(()) }
    }
}
