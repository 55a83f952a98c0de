//! Stored bytes, in pieces, each content once.

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use sha2::{Digest as _, Sha256};

use crate::{Result, Timestamp};

/// Bytes of one stored piece; small enough that reading one is cheap, large enough that rows are few.
const PIECE: usize = 256 * 1024;

/// The SHA-256 of some bytes.
pub(crate) fn hash(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// The size of the stored content of this hash.
pub(crate) fn size(conn: &Connection, hash: &[u8; 32]) -> Result<Option<u64>> {
    let mut statement = conn.prepare_cached("SELECT size FROM crm_file WHERE hash = ?1")?;
    Ok(statement.query_row([hash], |row| row.get(0)).optional()?)
}

/// Stores content that is not there yet.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    hash: &[u8; 32],
    content: &[u8],
    at: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO crm_file (hash, size, created_at) VALUES (?1, ?2, ?3)",
        (hash, content.len(), at.micros()),
    )?;
    let mut statement =
        tx.prepare_cached("INSERT INTO crm_file_piece (hash, number, bytes) VALUES (?1, ?2, ?3)")?;
    for (number, piece) in content.chunks(PIECE).enumerate() {
        statement.execute((hash, number, piece))?;
    }
    Ok(())
}

/// The bytes from `offset` on, at most `length`.
pub(crate) fn read(
    conn: &Connection,
    hash: &[u8; 32],
    offset: u64,
    length: usize,
) -> Result<Vec<u8>> {
    let first = offset / PIECE as u64;
    let mut skip = usize::try_from(offset % PIECE as u64).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length.min(PIECE));
    let mut statement = conn.prepare_cached(
        "SELECT bytes FROM crm_file_piece WHERE hash = ?1 AND number >= ?2 ORDER BY number",
    )?;
    let mut rows = statement.query((hash, i64::try_from(first).unwrap_or(i64::MAX)))?;
    while bytes.len() < length
        && let Some(row) = rows.next()?
    {
        let piece = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let rest = piece.get(skip..).unwrap_or_default();
        bytes.extend_from_slice(&rest[..rest.len().min(length - bytes.len())]);
        skip = 0;
    }
    Ok(bytes)
}

/// How many contents are stored.
pub(crate) fn count(conn: &Connection) -> Result<u64> {
    Ok(conn.query_row("SELECT count(*) FROM crm_file", [], |row| row.get(0))?)
}
