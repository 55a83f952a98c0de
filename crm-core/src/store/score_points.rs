//! Rows of points that were added to scores.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use rusqlite::{Connection, Transaction};

use crate::{
    AddedPoints, RecordId, Result, Timestamp,
    scoring::{POINT, PointsBody, PointsFact},
};

/// Adds points of a group to what a record scores by a model; with the change of the journal.
pub(crate) fn add(
    tx: &Transaction<'_>,
    (model, record, seq): (i64, RecordId, i64),
    (group, points, at): (&str, i64, Timestamp),
) -> Result<()> {
    let sql = "INSERT INTO crm_score_points (model, record_id, seq, group_name, points, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    tx.prepare_cached(sql)?.execute((model, record.as_bytes(), seq, group, points, at.micros()))?;
    Ok(())
}

/// How often points were added to what a record scores.
pub(crate) fn count(conn: &Connection, model: i64, record: RecordId) -> Result<usize> {
    let sql = "SELECT count(*) FROM crm_score_points WHERE model = ?1 AND record_id = ?2";
    Ok(conn.prepare_cached(sql)?.query_row((model, record.as_bytes()), |row| row.get(0))?)
}

/// The records from one to another to whose score by a model points were added.
pub(crate) fn records(
    conn: &Connection,
    model: i64,
    (first, last): (RecordId, RecordId),
) -> Result<Vec<RecordId>> {
    let sql = "SELECT DISTINCT record_id FROM crm_score_points \
               WHERE model = ?1 AND record_id BETWEEN ?2 AND ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let ids = statement.query_map((model, first.as_bytes(), last.as_bytes()), |row| row.get(0))?;
    Ok(ids.map(|id| id.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// The points that were added to what a record scores, with their groups, as they count: by time,
/// those of one moment as they were recorded.
pub(crate) fn of_record(
    conn: &Connection,
    model: i64,
    record: RecordId,
) -> Result<Vec<(String, PointsFact)>> {
    of_record_until(conn, model, record, i64::MAX)
}

/// Those of them that were recorded up to a place of the journal.
pub(crate) fn of_record_until(
    conn: &Connection,
    model: i64,
    record: RecordId,
    seq: i64,
) -> Result<Vec<(String, PointsFact)>> {
    let sql = "SELECT p.group_name, p.points, p.at, p.seq, j.body, j.cause, a.name \
               FROM crm_score_points p LEFT JOIN crm_journal j ON j.seq = p.seq \
               LEFT JOIN crm_actor a ON a.id = j.actor \
               WHERE p.model = ?1 AND p.record_id = ?2 AND p.seq <= ?3 ORDER BY p.at, p.seq";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((model, record.as_bytes(), seq), |row| {
        let points: i64 = row.get(1)?;
        let body: Option<String> = row.get(4)?;
        let added = AddedPoints {
            seq: row.get(3)?,
            reason: body.as_deref().and_then(PointsBody::reason),
            actor: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
            cause: row.get(5)?,
        };
        Ok((
            row.get(0)?,
            PointsFact { points: points.saturating_mul(POINT), at: row.get(2)?, added },
        ))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many of these rows are those that the journal tells of, and of how many it tells that were not
/// erased.
pub(crate) fn count_all(conn: &Connection) -> Result<(u64, u64)> {
    let sql = "SELECT (SELECT count(*) FROM crm_score_points p JOIN crm_journal j ON j.seq = p.seq \
               AND j.kind = 'points_added' AND j.salt IS NOT NULL), \
               (SELECT count(*) FROM crm_journal WHERE kind = 'points_added' AND salt IS NOT NULL)";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// How many of these rows are other than the journal tells of them.
pub(crate) fn count_differing(conn: &Connection) -> Result<u64> {
    let mut statement = conn.prepare(
        "SELECT m.name, p.record_id, p.group_name, p.points, p.at, j.body FROM crm_score_points p \
         JOIN crm_journal j ON j.seq = p.seq AND j.kind = 'points_added' AND j.salt IS NOT NULL \
         LEFT JOIN crm_score_model m ON m.id = p.model",
    )?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let told = row.get_ref(5)?.as_str().ok().and_then(PointsBody::read);
        let stored = (
            row.get::<_, Option<String>>(0)?,
            RecordId::from_bytes(row.get(1)?),
            row.get::<_, String>(2)?,
            row.get::<_, i64>(3)?,
            row.get::<_, i64>(4)?,
        );
        let told =
            told.map(|told| (Some(told.model), told.id, told.group, told.points, told.at.micros()));
        count += u64::from(told != Some(stored));
    }
    Ok(count)
}
