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

/// The hashes of stored contents after one, in order.
pub(crate) fn hashes_after(
    conn: &Connection,
    after: Option<[u8; 32]>,
    limit: u32,
) -> Result<Vec<[u8; 32]>> {
    let sql = "SELECT hash FROM crm_file WHERE ?1 IS NULL OR hash > ?1 ORDER BY hash LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let hashes = statement.query_map((after, limit), |row| row.get(0))?;
    Ok(hashes.collect::<rusqlite::Result<_>>()?)
}

/// The size that the journal tells of a content; `None` if it tells of none.
pub(crate) fn told_size(conn: &Connection, text: &str) -> Result<Option<u64>> {
    let mut statement = conn.prepare_cached(
        "SELECT body ->> '$.size' FROM crm_journal WHERE kind = 'file_added' \
         AND body ->> '$.hash' = ?1",
    )?;
    Ok(statement.query_row([text], |row| row.get(0)).optional()?)
}

/// The hash of the stored pieces of a content, and their size; `None` if they are not in pieces as
/// [`insert`] makes them.
pub(crate) fn hash_of_pieces(
    conn: &Connection,
    hash: &[u8; 32],
) -> Result<Option<([u8; 32], u64)>> {
    let mut statement = conn.prepare_cached(
        "SELECT number, bytes FROM crm_file_piece WHERE hash = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([hash])?;
    let (mut content, mut size) = (Sha256::new(), 0_usize);
    for place in 0_usize.. {
        let Some(row) = rows.next()? else { break };
        let piece = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        // A piece that is shorter is the last one.
        if row.get::<_, usize>(0)? != place || size != place * PIECE || piece.len() > PIECE {
            return Ok(None);
        }
        content.update(piece);
        size += piece.len();
    }
    Ok(Some((content.finalize().into(), size as u64)))
}

/// How many pieces belong to no content.
pub(crate) fn count_strays(conn: &Connection) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_file_piece p \
               WHERE NOT EXISTS (SELECT 1 FROM crm_file f WHERE f.hash = p.hash)";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}
