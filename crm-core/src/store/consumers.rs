//! Rows of consumers: who reads the journal, and up to where each has acknowledged.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use crate::{Result, Timestamp};

/// A consumer as it is stored.
#[derive(Debug)]
pub(crate) struct StoredConsumer {
    pub(crate) name: String,
    pub(crate) seq: i64,
    pub(crate) acknowledged_at: Timestamp,
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredConsumer> {
    let acknowledged_at = Timestamp::clamped(row.get(2)?);
    Ok(StoredConsumer { name: row.get(0)?, seq: row.get(1)?, acknowledged_at })
}

/// The consumer of this name.
pub(crate) fn get(conn: &Connection, name: &str) -> Result<Option<StoredConsumer>> {
    let sql = "SELECT name, seq, acknowledged_at FROM crm_consumer WHERE name = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([name], read).optional()?)
}

/// All consumers, by name.
pub(crate) fn list(conn: &Connection) -> Result<Vec<StoredConsumer>> {
    let sql = "SELECT name, seq, acknowledged_at FROM crm_consumer ORDER BY name";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many there are.
pub(crate) fn count(conn: &Connection) -> Result<usize> {
    let mut statement = conn.prepare_cached("SELECT count(*) FROM crm_consumer")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Adds a consumer or moves it.
pub(crate) fn put(tx: &Transaction<'_>, consumer: &StoredConsumer) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_consumer (name, seq, acknowledged_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, acknowledged_at = excluded.acknowledged_at",
    )?;
    statement.execute((&consumer.name, consumer.seq, consumer.acknowledged_at.micros()))?;
    Ok(())
}

/// Removes the consumer of this name and says whether there was one.
pub(crate) fn remove(tx: &Transaction<'_>, name: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM crm_consumer WHERE name = ?1", [name])? > 0)
}
