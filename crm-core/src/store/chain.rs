//! The chain of the journal in the file: what an older version wrote is chained, and rows are erased.
//!
//! A row has either its salt, its cause and its body, or, once erased, the commitment to them in their
//! place; its hash stays what it was. Nothing else ever changes a row.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, types::ValueRef};

use crate::{
    Error, ErrorKind, Result,
    journal::chain::{self, Hash, Header, Link},
};

/// Gives 32 random bytes each time.
pub(crate) type Salts<'a> = &'a dyn Fn() -> [u8; 32];

/// How many rows are chained between two statements that read.
const CHAINED_AT_ONCE: usize = 1000;

/// Gives every row its place in the chain, and every actor its commitment, in a file of an older
/// version.
///
/// # Errors
///
/// Those of writing.
pub(crate) fn chain_all(tx: &Transaction<'_>, salts: Salts<'_>) -> Result<()> {
    chain_actors(tx, salts)?;
    let (mut last, mut before) = (i64::MIN, chain::START);
    loop {
        let links = unchained(tx, last, before, salts)?;
        let mut update =
            tx.prepare_cached("UPDATE crm_journal SET salt = ?2, hash = ?3 WHERE seq = ?1")?;
        for link in &links {
            update.execute(*link)?;
        }
        match links.last() {
            Some((seq, _, hash)) => (last, before) = (*seq, *hash),
            None => return Ok(()),
        }
    }
}

fn chain_actors(tx: &Transaction<'_>, salts: Salts<'_>) -> Result<()> {
    let actors: Vec<(i64, String)> = tx
        .prepare("SELECT id, name FROM crm_actor ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, name) in actors {
        let salt = salts();
        let commitment = chain::commit_actor(&salt, name.as_bytes());
        let sql = "UPDATE crm_actor SET salt = ?2, commitment = ?3 WHERE id = ?1";
        tx.prepare_cached(sql)?.execute((id, salt, commitment))?;
    }
    Ok(())
}

/// Salt and hash of the next rows after `last`, whose hash is `before`.
fn unchained(
    tx: &Transaction<'_>,
    last: i64,
    mut before: Hash,
    salts: Salts<'_>,
) -> Result<Vec<(i64, Hash, Hash)>> {
    let mut statement = tx.prepare_cached(AFTER)?;
    let mut rows = statement.query((last, CHAINED_AT_ONCE))?;
    let mut links = Vec::new();
    while let Some(row) = rows.next()? {
        let link = read_link(row)?;
        let salt = salts();
        before = link.header.link(&before, &chain::commit(&salt, link.cause, link.body));
        links.push((link.header.seq, salt, before));
    }
    Ok(links)
}

/// Erases cause and body of a row, with the salt without which nobody can tell what they were. The
/// commitment and the hash stay, so that the chain holds. Answers whether there was anything to erase.
///
/// # Errors
///
/// Those of writing.
pub(crate) fn erase(tx: &Transaction<'_>, seq: i64) -> Result<bool> {
    let commitment = {
        let mut statement =
            tx.prepare_cached("SELECT salt, cause, body FROM crm_journal WHERE seq = ?1")?;
        let mut rows = statement.query([seq])?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let Some(salt) = bytes(row, 0)? else { return Ok(false) };
        chain::commit(salt, bytes(row, 1)?, bytes(row, 2)?.unwrap_or_default())
    };
    tx.prepare_cached(
        "UPDATE crm_journal SET salt = NULL, cause = NULL, body = ?2, commitment = ?3 WHERE seq = ?1",
    )?
    .execute((seq, chain::ERASED_BODY, commitment))?;
    Ok(true)
}

const AFTER: &str = "SELECT j.seq, d.uuid, j.device_seq, j.hlc, j.tx, a.commitment, j.kind, j.entity_type, \
     j.record_id, j.cause, j.body, j.salt, j.commitment, j.hash, j.actor, a.name, a.salt \
     FROM crm_journal j LEFT JOIN crm_device d ON d.id = j.device LEFT JOIN crm_actor a ON a.id = j.actor \
     WHERE j.seq > ?1 ORDER BY j.seq LIMIT ?2";

/// A row as a link of the chain. What is missing, such as a device that is not there, has no bytes,
/// and then fits to nothing.
fn read_link<'r>(row: &'r Row<'_>) -> Result<Link<'r>> {
    let required = |column| Ok::<_, Error>(bytes(row, column)?.unwrap_or_default());
    Ok(Link {
        header: Header {
            seq: row.get(0)?,
            device: required(1)?,
            device_seq: row.get(2)?,
            hlc: row.get(3)?,
            transaction: row.get(4)?,
            actor: required(5)?,
            kind: required(6)?,
            entity_type: bytes(row, 7)?,
            record_id: bytes(row, 8)?,
        },
        cause: bytes(row, 9)?,
        body: required(10)?,
        salt: bytes(row, 11)?,
        commitment: bytes(row, 12)?,
        hash: bytes(row, 13)?,
        who: (row.get(14)?, required(15)?, bytes(row, 16)?),
    })
}

/// Shows the next rows after `after`, at most `limit`, to `visit`, and answers how many there were.
pub(crate) fn links(
    conn: &Connection,
    after: i64,
    limit: usize,
    mut visit: impl FnMut(&Link<'_>) -> Result<()>,
) -> Result<usize> {
    let mut statement = conn.prepare_cached(AFTER)?;
    let mut rows = statement.query((after, limit))?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        visit(&read_link(row)?)?;
        count += 1;
    }
    Ok(count)
}

/// Clock and hash of the row of a place; `None` if there is none, or no hash in it.
pub(crate) fn place(conn: &Connection, seq: i64) -> Result<Option<(i64, Hash)>> {
    let mut statement = conn.prepare_cached("SELECT hlc, hash FROM crm_journal WHERE seq = ?1")?;
    let place = statement
        .query_row([seq], |row| Ok((row.get(0)?, row.get::<_, Option<Hash>>(1).ok().flatten())));
    Ok(place.optional()?.and_then(|(hlc, hash)| Some((hlc, hash?))))
}

/// The bytes of a text or a blob, whether they make sense as a text or not.
fn bytes<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r [u8]>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(Some(bytes)),
        _ => Err(Error::new(ErrorKind::Corrupt, "a row of the journal cannot be read")),
    }
}

/// Changes a bit of a cell of a row, as damage would; answers whether the table took it.
#[cfg(test)]
pub(crate) fn flip(
    tx: &Transaction<'_>,
    seq: i64,
    column: &str,
    (place, bit): (usize, u8),
) -> Result<bool> {
    use rusqlite::types::Value;

    let flipped = |mut bytes: Vec<u8>| {
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        Value::Blob(bytes)
    };
    let sql = format!("SELECT {column} FROM crm_journal WHERE seq = ?1");
    let (cell, cast) = match tx.query_row(&sql, [seq], |row| row.get(0))? {
        Value::Integer(number) => {
            (Value::Integer(number ^ (1 << ((8 * place + usize::from(bit)) % 63))), "?2")
        }
        Value::Text(text) => (flipped(text.into_bytes()), "CAST(?2 AS TEXT)"),
        Value::Blob(bytes) => (flipped(bytes), "?2"),
        _ if matches!(column, "cause" | "entity_type") => (Value::Text(String::new()), "?2"),
        _ => (Value::Blob(Vec::new()), "?2"),
    };
    let sql = format!("UPDATE crm_journal SET {column} = {cast} WHERE seq = ?1");
    Ok(tx.execute(&sql, (seq, cell)).is_ok())
}
