//! Rows of the tables of segments: definitions, members, and when these came and went.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params_from_iter};

use super::{condition::Expression, table::Table};
use crate::{
    RecordId, Result, Timestamp,
    cell::Cell,
    segment::{SegmentModel, read_segment},
};

/// All segments.
pub(crate) fn load(conn: &Connection) -> Result<Vec<Arc<SegmentModel>>> {
    let mut statement = conn.prepare("SELECT id, definition, archived_at FROM crm_segment")?;
    let rows = statement.query_and_then([], |row| {
        let archived_at = row.get::<_, Option<i64>>(2)?.map(Timestamp::clamped);
        let segment = read_segment(&row.get::<_, String>(1)?, archived_at)?;
        Ok(Arc::new(SegmentModel { id: row.get(0)?, segment }))
    })?;
    rows.collect()
}

/// Adds a segment, or changes the one of this name. Answers its number.
pub(crate) fn save(tx: &Transaction<'_>, name: &str, type_id: i64, json: &str) -> Result<i64> {
    let sql = "INSERT INTO crm_segment (name, type_id, definition) VALUES (?1, ?2, ?3) \
               ON CONFLICT (name) DO UPDATE SET definition = excluded.definition RETURNING id";
    Ok(tx.prepare_cached(sql)?.query_row((name, type_id, json), |row| row.get(0))?)
}

/// Archives a segment, or takes it out of the archive.
pub(crate) fn archive(tx: &Transaction<'_>, id: i64, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_segment SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}

/// Since when a record is a member; `None` if it is none.
pub(crate) fn member(
    conn: &Connection,
    segment: i64,
    record: RecordId,
) -> Result<Option<Timestamp>> {
    let sql = "SELECT entered_at FROM crm_segment_member WHERE segment = ?1 AND record_id = ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let at = statement.query_row((segment, record.as_bytes()), |row| row.get(0)).optional()?;
    Ok(at.map(Timestamp::clamped))
}

/// The segments of which a record is a member.
pub(crate) fn of_record(conn: &Connection, record: RecordId) -> Result<HashSet<i64>> {
    let sql = "SELECT segment FROM crm_segment_member WHERE record_id = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes a record a member, or no longer one, with the change of the journal that says so.
pub(crate) fn set_member(
    tx: &Transaction<'_>,
    (segment, record): (i64, RecordId),
    is_member: bool,
    at: Timestamp,
    seq: i64,
) -> Result<()> {
    let (id, at) = (record.as_bytes(), at.micros());
    if is_member {
        let sql = "INSERT INTO crm_segment_member (segment, record_id, entered_at, seq) \
                   VALUES (?1, ?2, ?3, ?4)";
        tx.prepare_cached(sql)?.execute((segment, id, at, seq))?;
    } else {
        let sql = "DELETE FROM crm_segment_member WHERE segment = ?1 AND record_id = ?2";
        tx.prepare_cached(sql)?.execute((segment, id))?;
    }
    let sql = "INSERT INTO crm_segment_change (segment, record_id, seq, at, is_member) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.prepare_cached(sql)?.execute((segment, id, seq, at, is_member))?;
    Ok(())
}

/// Members after a record, by id, with since when; at most `limit`.
pub(crate) fn members(
    conn: &Connection,
    segment: i64,
    after: Option<RecordId>,
    limit: u32,
) -> Result<Vec<(RecordId, Timestamp)>> {
    let sql = "SELECT record_id, entered_at FROM crm_segment_member \
               WHERE segment = ?1 AND (?2 IS NULL OR record_id > ?2) ORDER BY record_id LIMIT ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let after = after.as_ref().map(RecordId::as_bytes);
    let rows = statement.query_map((segment, after, limit), |row| {
        Ok((RecordId::from_bytes(row.get(0)?), Timestamp::clamped(row.get(1)?)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many members there are.
pub(crate) fn count(conn: &Connection, segment: i64) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_segment_member WHERE segment = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([segment], |row| row.get(0))?)
}

/// How many are members of both.
pub(crate) fn count_both(conn: &Connection, one: i64, other: i64) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_segment_member a JOIN crm_segment_member b \
               ON b.segment = ?2 AND b.record_id = a.record_id WHERE a.segment = ?1";
    Ok(conn.prepare_cached(sql)?.query_row((one, other), |row| row.get(0))?)
}

/// A time at which a member came or went, with the body of its change and who made it.
#[derive(Debug)]
pub(crate) struct ChangeRow {
    pub(crate) segment: i64,
    pub(crate) record: RecordId,
    pub(crate) seq: i64,
    pub(crate) at: Timestamp,
    pub(crate) is_member: bool,
    /// Kind and body of the change of the journal; `None` if that is not there.
    pub(crate) change: Option<(String, String)>,
    /// Whether the body was erased.
    pub(crate) is_erased: bool,
    pub(crate) actor: String,
}

/// The columns that [`read_change`] takes.
macro_rules! select_change {
    ($rest:literal) => {
        concat!(
            "SELECT c.segment, c.record_id, c.seq, c.at, c.is_member, j.kind, j.body, a.name, \
             j.seq IS NOT NULL AND j.salt IS NULL \
             FROM crm_segment_change c LEFT JOIN crm_journal j ON j.seq = c.seq \
             LEFT JOIN crm_actor a ON a.id = j.actor ",
            $rest
        )
    };
}

fn read_change(row: &rusqlite::Row<'_>) -> rusqlite::Result<ChangeRow> {
    let change: (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
    Ok(ChangeRow {
        segment: row.get(0)?,
        record: RecordId::from_bytes(row.get(1)?),
        seq: row.get(2)?,
        at: Timestamp::clamped(row.get(3)?),
        is_member: row.get(4)?,
        change: change.0.zip(change.1),
        actor: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
        is_erased: row.get(8)?,
    })
}

/// The last times at which a record came and went, the latest first; at most `limit`.
pub(crate) fn changes(
    conn: &Connection,
    segment: i64,
    record: RecordId,
    limit: u32,
) -> Result<Vec<ChangeRow>> {
    let sql =
        select_change!("WHERE c.segment = ?1 AND c.record_id = ?2 ORDER BY c.seq DESC LIMIT ?3");
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((segment, record.as_bytes(), limit), read_change)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A place among all times at which members came and went.
pub(crate) type ChangePlace = (i64, RecordId, i64);

/// A page of all times at which members came and went, after a place.
pub(crate) fn change_page(
    conn: &Connection,
    after: Option<ChangePlace>,
    limit: u32,
) -> Result<Vec<ChangeRow>> {
    let (segment, record, seq) = after.unwrap_or((i64::MIN, RecordId::from_bytes([0; 16]), 0));
    let sql = select_change!(
        "WHERE (c.segment, c.record_id, c.seq) > (?1, ?2, ?3) \
         ORDER BY c.segment, c.record_id, c.seq LIMIT ?4"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((segment, record.as_bytes(), seq, limit), read_change)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Shows the times at which members came and went to `visit`, by time, until it answers no.
pub(crate) fn each_change(
    conn: &Connection,
    segment: i64,
    until: Timestamp,
    mut visit: impl FnMut(Timestamp, bool) -> bool,
) -> Result<()> {
    let sql =
        "SELECT at, is_member FROM crm_segment_change WHERE segment = ?1 AND at <= ?2 ORDER BY at";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((segment, until.micros()))?;
    while let Some(row) = rows.next()? {
        if !visit(Timestamp::clamped(row.get(0)?), row.get(1)?) {
            break;
        }
    }
    Ok(())
}

/// How many times at which members came and went the table has, how many the journal has, and how
/// many members are not what the last of these times says.
pub(crate) fn count_all(conn: &Connection) -> Result<(u64, u64, u64)> {
    let sql = "SELECT (SELECT count(*) FROM crm_segment_change c WHERE NOT EXISTS \
         (SELECT 1 FROM crm_journal j WHERE j.seq = c.seq AND j.salt IS NULL)), \
         (SELECT count(*) FROM crm_journal WHERE kind IN ('segment_entered', 'segment_left') \
         AND salt IS NOT NULL), \
         (SELECT count(*) FROM crm_segment_member m WHERE NOT EXISTS (SELECT 1 FROM crm_segment_change c \
         WHERE c.segment = m.segment AND c.record_id = m.record_id AND c.seq = m.seq AND c.is_member = 1 \
         AND c.at = m.entered_at)) + \
         (SELECT count(*) FROM (SELECT segment, record_id, is_member, max(seq) FROM crm_segment_change \
         GROUP BY segment, record_id) l WHERE l.is_member <> EXISTS (SELECT 1 FROM crm_segment_member m \
         WHERE m.segment = l.segment AND m.record_id = l.record_id))";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
}

/// Records that are members of a live segment though its condition, `wanted`, is not true, or the
/// other way round; except for those of which a timer that is due at `now` will ask again.
pub(crate) fn differing(
    conn: &Connection,
    table: &Table,
    segment: i64,
    wanted: &Expression,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<RecordId>> {
    let Table { name, .. } = table;
    let mut statement = conn.prepare(&format!(
        "SELECT {name}.id FROM {name} WHERE (archived_at IS NULL AND ({}) IS TRUE) <> \
         (id IN (SELECT record_id FROM crm_segment_member WHERE segment = ?)) \
         AND NOT EXISTS (SELECT 1 FROM crm_timer t, json_each(t.timers) one WHERE t.room = 2 \
         AND t.record_id = {name}.id AND one.key = CAST(? AS TEXT) AND one.value <= ?) \
         ORDER BY id LIMIT ?",
        wanted.sql
    ))?;
    let numbers = [segment, segment, now.micros(), limit.into()].map(Cell::Integer);
    let parameters = wanted.parameters.iter().chain(&numbers);
    let rows = statement.query_map(params_from_iter(parameters), |row| row.get(0))?;
    Ok(rows.map(|row| row.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// Whether an expression is true of a record in use.
pub(crate) fn holds(
    conn: &Connection,
    table: &Table,
    wanted: &Expression,
    record: RecordId,
) -> Result<bool> {
    let sql = format!("{} AND id = ?", super::condition::select(table, wanted));
    let id = Cell::Blob(record.as_bytes().to_vec());
    let parameters = wanted.parameters.iter().chain([&id]);
    Ok(conn.prepare_cached(&sql)?.exists(params_from_iter(parameters))?)
}

/// The records whose answer is to change: in use, with the expression true and no members yet, or
/// members of which it is not true; by id after a record, at most `limit`.
pub(crate) fn stale(
    conn: &Connection,
    table: &Table,
    segment: i64,
    wanted: &Expression,
    (after, limit): (Option<RecordId>, u32),
) -> Result<Vec<RecordId>> {
    let Table { name, .. } = table;
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {name}.id FROM {name} WHERE (archived_at IS NULL AND ({}) IS TRUE) <> \
         (id IN (SELECT record_id FROM crm_segment_member WHERE segment = ?)) \
         AND id > ? ORDER BY id LIMIT ?",
        wanted.sql
    ))?;
    let after = after.map_or(Vec::new(), |after| after.as_bytes().to_vec());
    let own = [Cell::Integer(segment), Cell::Blob(after), Cell::Integer(limit.into())];
    let parameters = wanted.parameters.iter().chain(&own);
    let rows = statement.query_map(params_from_iter(parameters), |row| row.get(0))?;
    Ok(rows.map(|row| row.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}
