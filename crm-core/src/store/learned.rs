//! Rows of `crm_learned_score`, and what learning reads of the past.
//!
//! What is read as of a place in the journal is what the file held then: rows of later places are
//! left out here, so that nobody above can look ahead by mistake.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use super::{facts, happenings::happening};
use crate::{
    Error, ErrorKind, LearnedScore, RecordId, Result, Timestamp, cell::Cell, condition::Detail,
    schema::TypeModel, scoring::Happening,
};

const COLUMNS: &str = "SELECT score, archived_at FROM crm_learned_score";

fn read(row: &Row<'_>) -> Result<LearnedScore> {
    let mut score: LearnedScore =
        serde_json::from_str(&row.get::<_, String>(0)?).map_err(|_| {
            Error::new(ErrorKind::Corrupt, "a learned score in the file cannot be read")
        })?;
    score.archived_at = row.get::<_, Option<i64>>(1)?.map(Timestamp::clamped);
    Ok(score)
}

/// A version of the score of this name; the latest without a version.
pub(crate) fn find(
    conn: &Connection,
    name: &str,
    version: Option<u32>,
) -> Result<Option<LearnedScore>> {
    let sql = format!(
        "{COLUMNS} WHERE name = ?1 AND (?2 IS NULL OR version = ?2) ORDER BY version DESC LIMIT 1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let row = statement.query_row((name, version), |row| Ok(read(row))).optional()?;
    row.transpose()
}

/// The latest version of each score, by name.
pub(crate) fn all(conn: &Connection) -> Result<Vec<LearnedScore>> {
    let sql = format!(
        "{COLUMNS} s WHERE version = (SELECT max(version) FROM crm_learned_score o WHERE o.name = s.name) \
         ORDER BY name"
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_and_then([], read)?;
    rows.collect()
}

/// Adds a version.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    type_id: i64,
    score: &LearnedScore,
    json: &str,
) -> Result<()> {
    let sql =
        "INSERT INTO crm_learned_score (name, version, type_id, score) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(sql, (&score.name, score.version, type_id, json))?;
    Ok(())
}

/// Archives all versions of a score, or takes them out of the archive.
pub(crate) fn archive(tx: &Transaction<'_>, name: &str, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_learned_score SET archived_at = ?2 WHERE name = ?1", (name, at))?;
    Ok(())
}

/// The `seq` of the last change that was made at or before a moment; 0 if there is none.
pub(crate) fn seq_at(conn: &Connection, at: Timestamp) -> Result<i64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM crm_journal WHERE (hlc >> 16) * 1000 <= ?1";
    Ok(conn.query_row(sql, [at.micros()], |row| row.get(0))?)
}

/// The numbers of visitors whose record was named after a place, as a list in JSON.
pub(crate) fn identified_after(conn: &Connection, seq: i64) -> Result<String> {
    let sql = "SELECT json_group_array(DISTINCT v.id) FROM crm_journal j \
         JOIN crm_visitor v ON v.key = j.body ->> '$.visitor' \
         WHERE j.kind = 'visitor_identified' AND j.seq > ?1";
    Ok(conn.query_row(sql, [seq], |row| row.get(0))?)
}

/// Which activities counted at a place: recorded and not superseded then, and of a visitor that was
/// known then. Parameters 1 to 3 are the record, the place and the visitors that were not.
const COUNTED: &str = "a.subject = ?1 AND a.seq <= ?2 \
     AND (a.visitor IS NULL OR a.visitor NOT IN (SELECT value FROM json_each(?3))) \
     AND (a.superseded_by IS NULL OR NOT EXISTS \
     (SELECT 1 FROM crm_activity s WHERE s.id = a.superseded_by AND s.seq <= ?2))";

/// The activities of a record that counted at a place: of one kind with its properties, or of any.
/// At most `limit`.
pub(crate) fn activities(
    conn: &Connection,
    subject: RecordId,
    (kind, detail): (Option<&TypeModel>, Detail),
    (seq, unknown): (i64, &str),
    limit: usize,
) -> Result<Vec<Vec<Cell>>> {
    let (columns, from) = facts::activity_columns(kind, detail);
    let of_kind = kind.map(|kind| format!(" AND a.kind = {}", kind.id)).unwrap_or_default();
    let sql =
        format!("SELECT {} FROM {from} WHERE {COUNTED}{of_kind} LIMIT ?4", columns.join(", "));
    let read = |row: &Row<'_>| (0..columns.len()).map(|place| row.get(place)).collect();
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((subject.as_bytes(), seq, unknown, limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The same as they happened, each with its id. Of more than `limit` only the latest.
pub(crate) fn happenings(
    conn: &Connection,
    subject: RecordId,
    (kind, detail): (Option<&TypeModel>, Detail),
    (seq, unknown): (i64, &str),
    limit: usize,
) -> Result<Vec<Happening>> {
    let (columns, from) = facts::activity_columns(kind, detail);
    let of_kind = kind.map(|kind| format!(" AND a.kind = {}", kind.id)).unwrap_or_default();
    let sql = format!(
        "SELECT a.id, {} FROM {from} WHERE {COUNTED}{of_kind} \
         ORDER BY a.at DESC, a.seq DESC LIMIT ?4",
        columns.join(", ")
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let read = |row: &Row<'_>| happening(row, columns.len());
    let rows = statement.query_map((subject.as_bytes(), seq, unknown, limit), read)?;
    let mut all = rows.collect::<rusqlite::Result<Vec<Happening>>>()?;
    all.reverse();
    Ok(all)
}

/// How many activities of a kind counted at a place, within a frame of microseconds.
pub(crate) fn count_activities(
    conn: &Connection,
    subject: RecordId,
    kind: i64,
    (seq, unknown): (i64, &str),
    (first, last): (i64, i64),
) -> Result<u64> {
    let sql = format!(
        "SELECT count(*) FROM crm_activity a WHERE {COUNTED} AND a.kind = ?4 AND a.at BETWEEN ?5 AND ?6"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let parameters = (subject.as_bytes(), seq, unknown, kind, first, last);
    Ok(statement.query_row(parameters, |row| row.get(0))?)
}

/// The stages to which a record came up to a place, in order, each with the place.
pub(crate) fn stages(
    conn: &Connection,
    lifecycle: i64,
    record: RecordId,
    seq: i64,
) -> Result<Vec<(String, i64)>> {
    let mut statement = conn.prepare_cached(
        "SELECT stage, seq FROM crm_stage_visit WHERE lifecycle = ?1 AND record_id = ?2 AND seq <= ?3 \
         ORDER BY number",
    )?;
    let rows = statement
        .query_map((lifecycle, record.as_bytes(), seq), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
