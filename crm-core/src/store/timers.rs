//! Rows of the timers: when a room is to look at a record again, because time alone may change what
//! holds for it.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use super::table::Table;
use crate::{Error, ErrorKind, RecordId, Result, Timestamp};

/// Whose timer it is. The numbers stand in files and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum Room {
    Lifecycle = 1,
    Segment = 2,
    Score = 3,
    Rule = 4,
}

/// A timer: its room, the definition that it belongs to, the record and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerRow {
    pub(crate) room: Room,
    pub(crate) owner: i64,
    pub(crate) record: RecordId,
    pub(crate) due_at: Timestamp,
}

/// Sets the timer of a definition for a record, or takes it away.
pub(crate) fn set(
    tx: &Transaction<'_>,
    (room, owner, record): (Room, i64, RecordId),
    due_at: Option<Timestamp>,
) -> Result<()> {
    let key = (room as i64, owner, record.as_bytes());
    match due_at {
        Some(due_at) => {
            let sql = "INSERT INTO crm_timer (room, owner, record_id, due_at) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT DO UPDATE SET due_at = excluded.due_at";
            let (room, owner, record) = key;
            tx.prepare_cached(sql)?.execute((room, owner, record, due_at.micros()))?;
        }
        None => {
            let sql = "DELETE FROM crm_timer WHERE room = ?1 AND owner = ?2 AND record_id = ?3";
            tx.prepare_cached(sql)?.execute(key)?;
        }
    }
    Ok(())
}

/// When the timer of a definition for a record is due.
pub(crate) fn of(
    conn: &Connection,
    (room, owner, record): (Room, i64, RecordId),
) -> Result<Option<Timestamp>> {
    let sql = "SELECT due_at FROM crm_timer WHERE room = ?1 AND owner = ?2 AND record_id = ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let key = (room as i64, owner, record.as_bytes());
    Ok(statement.query_row(key, |row| row.get(0)).optional()?.map(Timestamp::clamped))
}

/// Whether a definition has any timer.
pub(crate) fn any(conn: &Connection, room: Room, owner: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM crm_timer WHERE room = ?1 AND owner = ?2)";
    Ok(conn.prepare_cached(sql)?.query_row((room as i64, owner), |row| row.get(0))?)
}

/// Takes away every timer of a definition.
pub(crate) fn clear(tx: &Transaction<'_>, room: Room, owner: i64) -> Result<()> {
    let sql = "DELETE FROM crm_timer WHERE room = ?1 AND owner = ?2";
    tx.prepare_cached(sql)?.execute((room as i64, owner))?;
    Ok(())
}

/// Sets the timer of a definition for every record of a table that is in use.
pub(crate) fn set_all(
    tx: &Transaction<'_>,
    (room, owner): (Room, i64),
    table: &Table,
    due_at: Timestamp,
) -> Result<()> {
    let sql = format!(
        "INSERT OR REPLACE INTO crm_timer (room, owner, record_id, due_at) \
         SELECT ?1, ?2, id, ?3 FROM {} WHERE archived_at IS NULL",
        table.name
    );
    tx.prepare_cached(&sql)?.execute((room as i64, owner, due_at.micros()))?;
    Ok(())
}

/// Sets the timers of a score for every record of which something is kept.
pub(crate) fn set_kept(tx: &Transaction<'_>, score: i64, due_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO crm_timer (room, owner, record_id, due_at) \
               SELECT ?1, ?2, record_id, ?3 FROM crm_score WHERE model = ?2 \
               ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)";
    tx.prepare_cached(sql)?.execute((Room::Score as i64, score, due_at.micros()))?;
    Ok(())
}

/// The first timer that is due at `now` or before; of those due at once, always in the same order.
pub(crate) fn first_due(conn: &Connection, now: Timestamp) -> Result<Option<TimerRow>> {
    let sql = "SELECT room, owner, record_id, due_at FROM crm_timer WHERE due_at <= ?1 \
               ORDER BY due_at, room, owner, record_id LIMIT 1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([now.micros()])?;
    rows.next()?.map(read).transpose()
}

/// When the first timer is due.
pub(crate) fn next(conn: &Connection) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached("SELECT min(due_at) FROM crm_timer")?;
    let due: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(due.map(Timestamp::clamped))
}

/// Up to when the last tick went.
pub(crate) fn ticked_at(conn: &Connection) -> Result<Option<Timestamp>> {
    let mut statement =
        conn.prepare_cached("SELECT value FROM crm_meta WHERE key = 'ticked_at'")?;
    let at: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
    Ok(at.map(Timestamp::clamped))
}

/// Says up to when a tick went.
pub(crate) fn set_ticked_at(tx: &Transaction<'_>, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO crm_meta (key, value) VALUES ('ticked_at', ?1) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(sql)?.execute([at.micros()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<TimerRow> {
    let room = match row.get::<_, i64>(0)? {
        1 => Room::Lifecycle,
        2 => Room::Segment,
        3 => Room::Score,
        4 => Room::Rule,
        _ => return Err(Error::new(ErrorKind::Corrupt, "a timer of an unknown room")),
    };
    Ok(TimerRow {
        room,
        owner: row.get(1)?,
        record: RecordId::from_bytes(row.get(2)?),
        due_at: Timestamp::clamped(row.get(3)?),
    })
}
