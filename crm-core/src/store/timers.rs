//! Rows of the timers: when a room is to look at a record again, because time alone may change what
//! holds for it.
//!
//! A record has one row per room, however many definitions wait for it: fifty segments change in one
//! place. The invariant: a row is due when the first of its timers is.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimerRow {
    pub(crate) room: Room,
    pub(crate) owner: i64,
    pub(crate) record: RecordId,
    pub(crate) due_at: Timestamp,
    /// What else waits for the record in that room.
    others: Timers,
}

/// What waits for a record in one room: by definition when it is due, in microseconds UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timers(BTreeMap<i64, i64>);

impl Timers {
    /// When the timer of a definition is due.
    pub(crate) fn of(&self, owner: i64) -> Option<Timestamp> {
        self.0.get(&owner).copied().map(Timestamp::clamped)
    }

    /// Sets the timer of a definition, or takes it away. Answers whether that was another.
    pub(crate) fn set(&mut self, owner: i64, due_at: Option<Timestamp>) -> bool {
        match due_at {
            Some(due_at) => self.0.insert(owner, due_at.micros()) != Some(due_at.micros()),
            None => self.0.remove(&owner).is_some(),
        }
    }

    fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "timers of a record that cannot be read"))
    }
}

/// What waits for a record in a room.
pub(crate) fn of_record(conn: &Connection, room: Room, record: RecordId) -> Result<Timers> {
    let sql = "SELECT timers FROM crm_timer WHERE room = ?1 AND record_id = ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((room as i64, record.as_bytes()))?;
    let Some(row) = rows.next()? else { return Ok(Timers::default()) };
    Timers::read(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)
}

/// Keeps what waits for a record in a room, in place of what was kept.
pub(crate) fn keep(
    tx: &Transaction<'_>,
    (room, record): (Room, RecordId),
    timers: &Timers,
) -> Result<()> {
    let Some(due_at) = timers.0.values().min() else {
        let sql = "DELETE FROM crm_timer WHERE room = ?1 AND record_id = ?2";
        tx.prepare_cached(sql)?.execute((room as i64, record.as_bytes()))?;
        return Ok(());
    };
    let json = serde_json::to_string(timers)
        .map_err(|_| Error::new(ErrorKind::Internal, "timers that cannot be written"))?;
    let sql = "INSERT INTO crm_timer (room, record_id, due_at, timers) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT DO UPDATE SET due_at = excluded.due_at, timers = excluded.timers";
    tx.prepare_cached(sql)?.execute((room as i64, record.as_bytes(), due_at, json))?;
    Ok(())
}

/// Sets the timer of a definition for a record, or takes it away.
pub(crate) fn set(
    tx: &Transaction<'_>,
    (room, owner, record): (Room, i64, RecordId),
    due_at: Option<Timestamp>,
) -> Result<()> {
    let mut timers = of_record(tx, room, record)?;
    match timers.set(owner, due_at) {
        true => keep(tx, (room, record), &timers),
        false => Ok(()),
    }
}

/// Takes away a timer that was read and not changed since.
pub(crate) fn take(tx: &Transaction<'_>, timer: &TimerRow) -> Result<()> {
    keep(tx, (timer.room, timer.record), &timer.others)
}

/// When the timer of a definition for a record is due.
pub(crate) fn of(
    conn: &Connection,
    (room, owner, record): (Room, i64, RecordId),
) -> Result<Option<Timestamp>> {
    Ok(of_record(conn, room, record)?.of(owner))
}

/// Whether anything waits in a room.
pub(crate) fn any(conn: &Connection, room: Room) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM crm_timer WHERE room = ?1)";
    Ok(conn.prepare_cached(sql)?.query_row([room as i64], |row| row.get(0))?)
}

/// Takes away every timer of a definition.
pub(crate) fn clear(tx: &Transaction<'_>, room: Room, owner: i64) -> Result<()> {
    let alone = "DELETE FROM crm_timer WHERE room = ?1 AND NOT EXISTS \
                 (SELECT 1 FROM json_each(timers) WHERE key <> CAST(?2 AS TEXT))";
    let beside = "UPDATE crm_timer SET (due_at, timers) = \
                  (SELECT min(value), json_group_object(key, value) FROM json_each(timers) \
                  WHERE key <> CAST(?2 AS TEXT)) \
                  WHERE room = ?1 AND EXISTS \
                  (SELECT 1 FROM json_each(timers) WHERE key = CAST(?2 AS TEXT))";
    for sql in [alone, beside] {
        tx.prepare_cached(sql)?.execute((room as i64, owner))?;
    }
    Ok(())
}

/// The timers of a row with one of them, `?2`, set to the moment `?3`, or to a sooner one that it has
/// if `keeps_sooner`; as a new row would have that one alone.
fn with_one(keeps_sooner: bool) -> String {
    let moment = match keeps_sooner {
        true => "min(?3, coalesce(timers ->> ('$.\"' || ?2 || '\"'), ?3))",
        false => "?3",
    };
    format!(
        "ON CONFLICT DO UPDATE SET (due_at, timers) = \
         (SELECT min(value), json_group_object(key, value) FROM \
         (SELECT * FROM (SELECT key, value FROM json_each(timers) WHERE key <> CAST(?2 AS TEXT) \
         UNION ALL SELECT CAST(?2 AS TEXT), {moment}) ORDER BY CAST(key AS INTEGER)))"
    )
}

/// Sets the timer of a definition for every record of a table that is in use.
pub(crate) fn set_all(
    tx: &Transaction<'_>,
    (room, owner): (Room, i64),
    table: &Table,
    due_at: Timestamp,
) -> Result<()> {
    let sql = format!(
        "INSERT INTO crm_timer (room, record_id, due_at, timers) \
         SELECT ?1, id, ?3, json_object(CAST(?2 AS TEXT), ?3) FROM {} WHERE archived_at IS NULL {}",
        table.name,
        with_one(false)
    );
    tx.prepare_cached(&sql)?.execute((room as i64, owner, due_at.micros()))?;
    Ok(())
}

/// Sets the timers of a score for every record of which something is kept.
pub(crate) fn set_kept(tx: &Transaction<'_>, score: i64, due_at: Timestamp) -> Result<()> {
    let sql = format!(
        "INSERT INTO crm_timer (room, record_id, due_at, timers) \
         SELECT ?1, record_id, ?3, json_object(CAST(?2 AS TEXT), ?3) FROM crm_score \
         WHERE model = ?2 {}",
        with_one(true)
    );
    tx.prepare_cached(&sql)?.execute((Room::Score as i64, score, due_at.micros()))?;
    Ok(())
}

/// The first timer that is due at `now` or before; of those due at once, always in the same order.
pub(crate) fn first_due(conn: &Connection, now: Timestamp) -> Result<Option<TimerRow>> {
    let sql = "SELECT room, record_id, due_at, timers FROM crm_timer WHERE due_at <= ?1 \
               ORDER BY due_at, room, record_id LIMIT 1";
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

/// How many rows are not due when the first of their timers is.
pub(crate) fn count_strays(conn: &Connection) -> Result<i64> {
    let sql = "SELECT count(*) FROM crm_timer WHERE CASE WHEN json_valid(timers) \
               THEN due_at IS NOT (SELECT min(value) FROM json_each(timers)) ELSE true END";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
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

/// The first timer of a row.
fn read(row: &Row<'_>) -> Result<TimerRow> {
    let room = match row.get::<_, i64>(0)? {
        1 => Room::Lifecycle,
        2 => Room::Segment,
        3 => Room::Score,
        4 => Room::Rule,
        _ => return Err(Error::new(ErrorKind::Corrupt, "a timer of an unknown room")),
    };
    let due_at: i64 = row.get(2)?;
    let mut others = Timers::read(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?;
    let first = others.0.iter().find(|(_, at)| **at == due_at);
    let Some(owner) = first.map(|(owner, _)| *owner) else {
        let message = "timers of a record that are not due when the row says";
        return Err(Error::new(ErrorKind::Corrupt, message));
    };
    others.set(owner, None);
    let (record, due_at) = (RecordId::from_bytes(row.get(1)?), Timestamp::clamped(due_at));
    Ok(TimerRow { room, owner, record, due_at, others })
}

#[cfg(test)]
mod tests {
    use super::{super::migrate, *};

    const RECORD: RecordId = RecordId::from_bytes([7; 16]);

    fn at(micros: i64) -> Option<Timestamp> {
        Some(Timestamp::from_micros(micros).unwrap())
    }

    fn stored(conn: &Connection) -> Vec<(i64, String)> {
        let sql = "SELECT due_at, timers FROM crm_timer ORDER BY room, record_id";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(|row| row.unwrap()).collect()
    }

    #[test]
    fn a_row_is_due_when_its_first_timer_is_whoever_writes_it() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate::create(&mut conn).unwrap();
        let tx = conn.transaction().unwrap();
        let key = |owner| (Room::Score, owner, RECORD);
        let rows = |all: &[(i64, &str)]| {
            let owned = all.iter().map(|(due_at, timers)| (*due_at, (*timers).to_owned()));
            owned.collect::<Vec<_>>()
        };
        set(&tx, key(12), at(500)).unwrap();
        set(&tx, key(3), at(700)).unwrap();
        assert_eq!(stored(&tx), rows(&[(500, r#"{"3":700,"12":500}"#)]));
        let first = first_due(&tx, at(500).unwrap()).unwrap().unwrap();
        assert_eq!((first.owner, first.due_at.micros()), (12, 500));
        assert_eq!(first_due(&tx, at(499).unwrap()).unwrap(), None);
        set(&tx, key(12), None).unwrap();
        assert_eq!(stored(&tx), rows(&[(700, r#"{"3":700}"#)]));

        // Those that SQL sets read as those that are set one by one.
        let score = "INSERT INTO crm_score VALUES (?1, ?2, 1, NULL, 0, NULL, 0, 0, x'')";
        tx.pragma_update(None, "defer_foreign_keys", 1).unwrap();
        for (model, record) in [(12, RECORD), (1, RECORD), (12, RecordId::from_bytes([8; 16]))] {
            tx.execute(score, (model, record.as_bytes())).unwrap();
        }
        set_kept(&tx, 12, at(900).unwrap()).unwrap();
        let other = (900, r#"{"12":900}"#);
        assert_eq!(stored(&tx), rows(&[(700, r#"{"3":700,"12":900}"#), other]));
        set_kept(&tx, 1, at(800).unwrap()).unwrap();
        assert_eq!(stored(&tx), rows(&[(700, r#"{"1":800,"3":700,"12":900}"#), other]));
        // One that is due sooner stays.
        set_kept(&tx, 1, at(950).unwrap()).unwrap();
        assert_eq!(of(&tx, key(1)).unwrap(), at(800));
        set_kept(&tx, 1, at(600).unwrap()).unwrap();
        assert_eq!(stored(&tx), rows(&[(600, r#"{"1":600,"3":700,"12":900}"#), other]));

        // Nothing is left of a definition, and nothing else is lost.
        clear(&tx, Room::Segment, 1).unwrap();
        clear(&tx, Room::Score, 1).unwrap();
        assert_eq!(stored(&tx), rows(&[(700, r#"{"3":700,"12":900}"#), other]));
        clear(&tx, Room::Score, 12).unwrap();
        assert_eq!(stored(&tx), rows(&[(700, r#"{"3":700}"#)]));
        assert!(any(&tx, Room::Score).unwrap());
        set(&tx, key(3), None).unwrap();
        assert!(!any(&tx, Room::Score).unwrap());
    }
}
