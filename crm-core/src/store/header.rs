//! What a file is, judged from its first bytes before SQLite touches it.
//!
//! SQLite repairs, checkpoints and deletes as it opens; a stranger's file, a newer one or a damaged
//! one must come back byte for byte as it was. The invariant: nothing is written here. The answer
//! is preliminary, for a newer header may still wait in the log; [`open`](super::open) asks again
//! through SQLite. Of an encrypted file nothing can be said without its key but how long it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::cipher::Cipher;
use super::failure;
use super::lock::beside;
use super::migrate::{APPLICATION_ID, SCHEMA_VERSION};
use crate::{Error, ErrorKind, Result};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The file header and the header of the first page's table of contents.
const PROBE_BYTES: usize = 108;
/// What is encrypted as one.
const PAGE_BYTES: u64 = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or a database with nothing in it: what a crash while creating leaves.
    Empty,
    /// One of ours, of this schema version.
    Ours(i32),
}

/// Judges an open file.
///
/// # Errors
///
/// `NotOurFile`, `TooNew`, `Corrupt`; `InvalidArgument` when there is a key and the file is not
/// encrypted; `Io` when it cannot be read.
pub(super) fn probe(mut file: &File, path: &Path, cipher: &Cipher) -> Result<()> {
    let unreadable = |error: io::Error| failure::from_io("cannot read the file", &error);
    let length = file.metadata().map_err(unreadable)?.len();
    let has_log = has_content(&beside(path, "-wal"));
    if length == 0 {
        return empty(has_log);
    }
    let mut bytes = Vec::with_capacity(PROBE_BYTES);
    file.by_ref().take(PROBE_BYTES as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    if !bytes.starts_with(MAGIC) {
        // What is shorter than a page can be decrypted by no key.
        return if cipher.is_keyed() && length >= PAGE_BYTES { Ok(()) } else { Err(noise()) };
    }
    let Ok(header) = <[u8; PROBE_BYTES]>::try_from(bytes) else {
        return Err(damaged("the file ends within its header"));
    };
    let word = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    judge(word(68) as i32, word(60) as i32, || is_leaf_without_cells(&header))?;
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size if size >= 512 && size.is_power_of_two() => u64::from(size),
        _ => return Err(damaged("the file's page size is not possible")),
    };
    // The page count is only kept up to date when the change counter says so. A log or a journal may
    // still hold the missing end.
    let is_counted = word(24) == word(92);
    let has_journal = has_content(&beside(path, "-journal"));
    if is_counted && !has_log && !has_journal && u64::from(word(28)) * page_size > length {
        return Err(damaged("the file is shorter than it says"));
    }
    if cipher.is_keyed() {
        return Err(Error::new(ErrorKind::InvalidArgument, "the file is not encrypted")
            .with_field("key")
            .with_hint("open it without a key, or encrypt it first"));
    }
    Ok(())
}

/// Judges a file of no bytes, or no file.
///
/// # Errors
///
/// `Corrupt` when a log lies beside it: SQLite would delete that, and it may hold all the data.
pub(super) fn empty(has_log: bool) -> Result<()> {
    if has_log {
        return Err(damaged("the file is empty or missing, but its log is not"));
    }
    Ok(())
}

/// Decides whose file it is.
///
/// # Errors
///
/// `NotOurFile`, `TooNew`, `Corrupt`.
pub(super) fn judge(
    application_id: i32,
    version: i32,
    is_bare: impl FnOnce() -> bool,
) -> Result<Content> {
    match (application_id, version) {
        (APPLICATION_ID, 1..=SCHEMA_VERSION) => Ok(Content::Ours(version)),
        (APPLICATION_ID, version) if version > SCHEMA_VERSION => Err(Error::new(
            ErrorKind::TooNew,
            format!("the file has schema version {version}, this engine knows {SCHEMA_VERSION}"),
        )
        .with_hint("open it with a newer version of the engine")),
        (APPLICATION_ID, _) => Err(damaged("the file's schema version is not possible")),
        (0, 0) if is_bare() => Ok(Content::Empty),
        _ => Err(not_ours()),
    }
}

/// Whether a file is there and holds anything.
pub(super) fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Whether the first page lists no table at all: a leaf (type 13) of no cells.
fn is_leaf_without_cells(header: &[u8; PROBE_BYTES]) -> bool {
    header[100] == 13 && header[103] == 0 && header[104] == 0
}

pub(super) fn not_ours() -> Error {
    Error::new(ErrorKind::NotOurFile, "the file is not a CRM file")
        .with_hint("it is left as it is; give the path of a CRM file, or of a new one")
}

/// What is not a database, as far as one can see without a key.
fn noise() -> Error {
    Error::new(ErrorKind::NotOurFile, "the file is not a CRM file")
        .with_hint("it is left as it is; if it is encrypted, it opens only with its key")
}

pub(super) fn damaged(message: &str) -> Error {
    Error::new(ErrorKind::Corrupt, message)
        .with_hint("the file is left as it is: copy it, then restore a backup")
}
