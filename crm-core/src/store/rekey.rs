//! The same file under another key, under its first one, or under none any more.
//!
//! What the file holds is exported to a new one beside it, which is checked, synced and then takes
//! its name. The invariant: at every moment the path names a whole file, under the old key or under
//! the new one, and never finds the log of another file beside it.

use std::path::Path;

use rusqlite::limits::Limit;

use super::cipher::Cipher;
use super::connection::{self, Access};
use super::draft::Draft;
use super::header::{self, Content};
use super::integrity::{self, Depth};
use super::lock::beside;
use super::open::{self, Claimed};
use super::{Connection, truncate_log};
use crate::{Error, ErrorKind, Result};

/// Replaces the file by one with the same content that `to` opens.
///
/// # Errors
///
/// Those of opening for writing; `Busy` when another program has the file open; `Corrupt` when the
/// new file does not pass its checks; those of writing. The file then is what it was.
pub(crate) fn rekey(path: &Path, from: &Cipher, to: &Cipher) -> Result<()> {
    let path = open::resolve(path)?;
    let metadata = open::existing(&path)?;
    let Claimed { lock: _lock, file: _file, content, writer, .. } = open::claim(&path, from)?;
    if content == Content::Empty {
        return Err(header::not_ours());
    }
    from.widen_cache(&writer)?;
    connection::set(&writer, "synchronous", 2)?;
    if !truncate_log(&writer)? {
        return Err(busy());
    }
    let draft = Draft::beside(&path)?;
    export(&writer, draft.path(), to)?;
    check(draft.path(), to, content)?;
    draft.allow(metadata.permissions())?;
    draft.sync()?;
    // The log must be gone before the name changes hands, also after a power cut: it would be taken for
    // that of the new file.
    open::keep_log_on_close(&writer, false)?;
    writer.close().map_err(|(_, failure)| failure)?;
    if beside(&path, "-wal").exists() {
        return Err(busy());
    }
    open::sync_folder(&path)?;
    draft.replace(&path)
}

/// Writes what `source` holds to an empty file.
fn export(source: &Connection, target: &Path, cipher: &Cipher) -> Result<()> {
    source.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    cipher.attach(source, target, "target")?;
    // Nobody sees it before it is whole and synced as a whole.
    source.execute_batch("PRAGMA target.synchronous = OFF; PRAGMA target.journal_mode = MEMORY")?;
    let transaction = source.unchecked_transaction()?;
    transaction.query_row("SELECT sqlcipher_export('target')", [], |_| Ok(()))?;
    for pragma in ["application_id", "user_version"] {
        let value = connection::get(&transaction, pragma)?;
        transaction.pragma_update(Some("target"), pragma, value)?;
    }
    transaction.commit()?;
    Ok(source.execute_batch("DETACH DATABASE target")?)
}

/// Reads the new file through, before the old one goes.
fn check(path: &Path, cipher: &Cipher, content: Content) -> Result<()> {
    let copy = connection::open(path, Access::Immutable, cipher)?;
    cipher.check(&copy)?;
    let is_same = open::settle(&copy)? == content;
    if is_same && integrity::check(&copy, Depth::Quick, 1)?.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "the copy under the other key does not pass its checks")
        .with_hint("the file is left as it was: verify it"))
}

fn busy() -> Error {
    Error::new(ErrorKind::Busy, "another program has the file open")
        .with_hint("close it there, and try again")
}
