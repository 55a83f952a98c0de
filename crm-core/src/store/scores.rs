//! Rows of the tables of scores: models and their versions, what records score, and the thresholds
//! that they crossed.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, types::ValueRef};

use super::table::{Table, quote};
use crate::{
    RecordId, Result, ScoreCrossing, ScoreModel, ScoreState, Timestamp,
    condition::Column,
    scoring::{ColumnCells, Columns, Rank, StoredModel, read_model},
};

/// What is kept of a record's score by a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScoreRow {
    pub(crate) model: i64,
    pub(crate) record: RecordId,
    pub(crate) version: i64,
    /// The highest threshold that is reached.
    pub(crate) threshold: Option<String>,
    /// The moment for which it was computed.
    pub(crate) as_of: Timestamp,
    /// Until when it holds without being computed anew; for ever if there is none.
    pub(crate) until: Option<Timestamp>,
    pub(crate) rank: Rank,
    pub(crate) sheet: Vec<u8>,
}

/// Stands for no order: one is never so small.
const NONE: i64 = i64::MIN;

/// All versions of all models, by name and version.
pub(crate) fn load(conn: &Connection) -> Result<Vec<Arc<StoredModel>>> {
    let mut statement = conn.prepare(
        "SELECT m.id, v.version, v.definition, v.published_at, v.retired_at, m.filled IS v.version \
         FROM crm_score_model m JOIN crm_score_version v ON v.model = m.id ORDER BY m.name, v.version",
    )?;
    let rows = statement.query_and_then([], |row| {
        let definition = read_model(&row.get::<_, String>(2)?)?;
        let at = |place| -> rusqlite::Result<Option<Timestamp>> {
            Ok(row.get::<_, Option<i64>>(place)?.map(Timestamp::clamped))
        };
        let (published_at, retired_at) = (at(3)?, at(4)?);
        let state = match (published_at, retired_at) {
            (None, _) => ScoreState::Draft,
            (Some(_), None) => ScoreState::Published,
            (Some(_), Some(_)) => ScoreState::Retired,
        };
        let model = ScoreModel {
            name: definition.name,
            entity_type: definition.entity_type,
            version: row.get(1)?,
            state,
            label: definition.label,
            description: definition.description,
            groups: definition.groups,
            min: definition.min,
            max: definition.max,
            thresholds: definition.thresholds,
            grade: definition.grade,
            published_at,
            retired_at,
            is_filled: state == ScoreState::Published && row.get(5)?,
        };
        Ok(Arc::new(StoredModel { id: row.get(0)?, model }))
    })?;
    rows.collect()
}

/// Adds a model; answers its number.
pub(crate) fn add(tx: &Transaction<'_>, name: &str, type_id: i64) -> Result<i64> {
    let sql = "INSERT INTO crm_score_model (name, type_id) VALUES (?1, ?2) RETURNING id";
    Ok(tx.prepare_cached(sql)?.query_row((name, type_id), |row| row.get(0))?)
}

/// Writes the definition of a version.
pub(crate) fn save(tx: &Transaction<'_>, model: i64, version: i64, json: &str) -> Result<()> {
    let sql = "INSERT INTO crm_score_version (model, version, definition) VALUES (?1, ?2, ?3) \
               ON CONFLICT (model, version) DO UPDATE SET definition = excluded.definition";
    tx.prepare_cached(sql)?.execute((model, version, json))?;
    Ok(())
}

/// Says when a version was published and retired.
pub(crate) fn set_state(tx: &Transaction<'_>, stored: &StoredModel) -> Result<()> {
    let sql = "UPDATE crm_score_version SET published_at = ?3, retired_at = ?4 \
               WHERE model = ?1 AND version = ?2";
    let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
    let ScoreModel { version, published_at, retired_at, .. } = &stored.model;
    tx.execute(sql, (stored.id, version, micros(*published_at), micros(*retired_at)))?;
    Ok(())
}

/// Says for which version every record was scored.
pub(crate) fn set_filled(tx: &Transaction<'_>, model: i64, version: i64) -> Result<()> {
    tx.execute("UPDATE crm_score_model SET filled = ?2 WHERE id = ?1", (model, version))?;
    Ok(())
}

/// Whether something is kept that a version before this one gave.
pub(crate) fn has_older(conn: &Connection, model: i64, version: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM crm_score WHERE model = ?1 AND version < ?2)";
    Ok(conn.prepare_cached(sql)?.query_row((model, version), |row| row.get(0))?)
}

/// The columns that [`read`] takes.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT model, record_id, version, threshold, as_of, until, fixed, fading, sheet \
             FROM crm_score ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<ScoreRow> {
    Ok(ScoreRow {
        model: row.get(0)?,
        record: RecordId::from_bytes(row.get(1)?),
        version: row.get(2)?,
        threshold: row.get(3)?,
        as_of: Timestamp::clamped(row.get(4)?),
        until: row.get::<_, Option<i64>>(5)?.map(Timestamp::clamped),
        rank: read_rank(row, 6)?,
        sheet: row.get(8)?,
    })
}

fn read_rank(row: &Row<'_>, place: usize) -> rusqlite::Result<Rank> {
    let order = Some(row.get(place + 1)?).filter(|order| *order != NONE);
    Ok(Rank { fixed: row.get(place)?, order })
}

/// What is kept of a record.
pub(crate) fn get(conn: &Connection, model: i64, record: RecordId) -> Result<Option<ScoreRow>> {
    let mut statement = conn.prepare_cached(select!("WHERE model = ?1 AND record_id = ?2"))?;
    Ok(statement.query_row((model, record.as_bytes()), read).optional()?)
}

/// Writes what is kept of a record.
pub(crate) fn put(tx: &Transaction<'_>, row: &ScoreRow) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_score (model, record_id, version, threshold, as_of, until, fixed, fading, sheet) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (model, record_id) DO UPDATE SET \
         version = excluded.version, threshold = excluded.threshold, as_of = excluded.as_of, \
         until = excluded.until, fixed = excluded.fixed, fading = excluded.fading, sheet = excluded.sheet",
    )?;
    statement.execute((
        row.model,
        row.record.as_bytes(),
        row.version,
        &row.threshold,
        row.as_of.micros(),
        row.until.map(Timestamp::micros),
        row.rank.fixed,
        row.rank.order.unwrap_or(NONE),
        &row.sheet,
    ))?;
    Ok(())
}

/// Says of the rows of a model that they hold no longer, whatever the clock says: from the moment on for
/// which each was computed.
pub(crate) fn outdate(tx: &Transaction<'_>, model: i64) -> Result<()> {
    let sql =
        "UPDATE crm_score SET until = as_of WHERE model = ?1 AND (until IS NULL OR until > as_of)";
    tx.prepare_cached(sql)?.execute([model])?;
    Ok(())
}

/// Says that rows of a model were computed for a moment.
pub(crate) fn set_latest(tx: &Transaction<'_>, model: i64, as_of: Timestamp) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "UPDATE crm_score_model SET latest = ?2 WHERE id = ?1 AND (latest IS NULL OR latest < ?2)",
    )?;
    statement.execute((model, as_of.micros()))?;
    Ok(())
}

/// Takes away what is kept of a record.
pub(crate) fn delete(tx: &Transaction<'_>, model: i64, record: RecordId) -> Result<()> {
    let sql = "DELETE FROM crm_score WHERE model = ?1 AND record_id = ?2";
    tx.prepare_cached(sql)?.execute((model, record.as_bytes()))?;
    Ok(())
}

/// A page of what is kept, after a model and a record.
pub(crate) fn page(
    conn: &Connection,
    after: Option<(i64, RecordId)>,
    limit: u32,
) -> Result<Vec<ScoreRow>> {
    let (model, record) = after.unwrap_or((i64::MIN, RecordId::from_bytes([0; 16])));
    let sql = select!("WHERE (model, record_id) > (?1, ?2) ORDER BY model, record_id LIMIT ?3");
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((model, record.as_bytes(), limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many records have a row of this version, and how many of the type are in use.
pub(crate) fn count(
    conn: &Connection,
    table: &Table,
    model: i64,
    version: i64,
) -> Result<(u64, u64)> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT (SELECT count(*) FROM crm_score WHERE model = ?1 AND version = ?2), \
         (SELECT count(*) FROM {} WHERE archived_at IS NULL)",
        table.name
    ))?;
    Ok(statement.query_row((model, version), |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The different numbers of fixed points among the rows of a version, the greatest first, each with the
/// highest order of those that have it.
pub(crate) fn lanes(conn: &Connection, (model, version): (i64, i64)) -> Result<Vec<Rank>> {
    let sql = "WITH RECURSIVE lane (fixed) AS ( \
               SELECT max(fixed) FROM crm_score WHERE model = ?1 AND version = ?2 UNION ALL \
               SELECT (SELECT max(fixed) FROM crm_score WHERE model = ?1 AND version = ?2 \
               AND fixed < lane.fixed) FROM lane WHERE lane.fixed IS NOT NULL) \
               SELECT fixed, (SELECT fading FROM crm_score WHERE model = ?1 AND version = ?2 \
               AND fixed = lane.fixed ORDER BY fading DESC LIMIT 1) FROM lane WHERE fixed IS NOT NULL";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((model, version), |row| read_rank(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Rows of a version with so many fixed points, the highest order first, then by id; after one of
/// them, and at most `limit`.
pub(crate) fn ranked(
    conn: &Connection,
    (model, version): (i64, i64),
    fixed: i64,
    after: Option<(Option<i64>, RecordId)>,
    limit: u32,
) -> Result<Vec<ScoreRow>> {
    let mut found = Vec::new();
    let mut below = None;
    // Two statements, each of which begins where it is to: SQLite would read one with an OR from the
    // first of the same order on, and take the key for the first, which has the id too.
    if let Some((order, id)) = after {
        let order = order.unwrap_or(NONE);
        let sql = select!(
            "INDEXED BY crm_score_by_rank WHERE model = ?1 AND version = ?2 AND fixed = ?3 \
             AND fading = ?4 AND record_id > ?5 \
             ORDER BY record_id LIMIT ?6"
        );
        let mut statement = conn.prepare_cached(sql)?;
        let rows =
            statement.query_map((model, version, fixed, order, id.as_bytes(), limit), read)?;
        found = rows.collect::<rusqlite::Result<_>>()?;
        below = Some(order);
    }
    let left = limit - u32::try_from(found.len()).unwrap_or(limit);
    if left > 0 && below != Some(NONE) {
        let sql = select!(
            "WHERE model = ?1 AND version = ?2 AND fixed = ?3 AND fading <= ?4 \
             ORDER BY fading DESC, record_id LIMIT ?5"
        );
        let mut statement = conn.prepare_cached(sql)?;
        let most = below.map_or(i64::MAX, |order| order - 1);
        let rows = statement.query_map((model, version, fixed, most, left), read)?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

/// Shows the records of a version whose row no longer holds at a moment.
pub(crate) fn each_stale(
    conn: &Connection,
    (model, version): (i64, i64),
    at: Timestamp,
    mut show: impl FnMut(RecordId) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT record_id FROM crm_score WHERE model = ?1 AND version = ?2 AND until <= ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((model, version, at.micros()))?;
    while let Some(row) = rows.next()? {
        show(RecordId::from_bytes(row.get(0)?))?;
    }
    Ok(())
}

/// The latest moment for which a row of a model was computed.
pub(crate) fn latest(conn: &Connection, model: i64) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached("SELECT latest FROM crm_score_model WHERE id = ?1")?;
    let latest: Option<i64> = statement.query_row([model], |row| row.get(0))?;
    Ok(latest.map(Timestamp::clamped))
}

/// In which order records are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// As they lie in the file, which is the quickest.
    Stored(i64),
    /// By id, after one.
    Sorted(RecordId),
}

/// Records in use with some of their columns: the page after `pages`, which is moved on; at most
/// `limit`. Answers whether more may follow.
///
/// # Errors
///
/// `Corrupt` if a column holds values of several types.
pub(crate) fn columns(
    conn: &Connection,
    table: &Table,
    columns: &[Column],
    pages: &mut Pages,
    limit: u32,
    (ids, into): (&mut Vec<RecordId>, &mut Columns),
) -> Result<bool> {
    ids.clear();
    into.cells.resize_with(columns.len(), ColumnCells::default);
    into.cells.iter_mut().for_each(ColumnCells::clear);
    let names: String = columns.iter().map(|column| format!(", {}", quote(&column.name))).collect();
    let key = if matches!(pages, Pages::Stored(_)) { "rowid" } else { "id" };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT rowid, id{names} FROM {} WHERE {key} > ?1 AND archived_at IS NULL \
         ORDER BY {key} LIMIT ?2",
        table.name
    ))?;
    let mut rows = match pages {
        Pages::Stored(after) => statement.query((*after, limit))?,
        Pages::Sorted(after) => statement.query((after.as_bytes(), limit))?,
    };
    let mut last = None;
    while let Some(row) = rows.next()? {
        ids.push(RecordId::from_bytes(row.get(1)?));
        last = Some(row.get::<_, i64>(0)?);
        for (place, cells) in into.cells.iter_mut().enumerate() {
            match row.get_ref(place + 2)? {
                ValueRef::Null => cells.push_null(),
                ValueRef::Integer(number) => cells.push_whole(number)?,
                ValueRef::Real(number) => cells.push_real(number)?,
                ValueRef::Text(text) => cells.push_text(text)?,
                ValueRef::Blob(blob) => cells.push_blob(blob)?,
            }
        }
    }
    match pages {
        Pages::Stored(after) => *after = last.unwrap_or(*after),
        Pages::Sorted(after) => *after = ids.last().copied().unwrap_or(*after),
    }
    Ok(ids.len() == limit as usize)
}

/// What is kept of records from one id to another, both included, by id.
pub(crate) fn between(
    conn: &Connection,
    model: i64,
    (first, last): (RecordId, RecordId),
) -> Result<Vec<ScoreRow>> {
    let sql = select!("WHERE model = ?1 AND record_id BETWEEN ?2 AND ?3 ORDER BY record_id");
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((model, first.as_bytes(), last.as_bytes()), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records in use after another, by id; at most `limit`.
pub(crate) fn records(
    conn: &Connection,
    table: &Table,
    after: Option<RecordId>,
    limit: u32,
) -> Result<Vec<RecordId>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT id FROM {} WHERE id > ?1 AND archived_at IS NULL ORDER BY id LIMIT ?2",
        table.name
    ))?;
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let rows = statement.query_map((after, limit), |row| row.get(0))?;
    Ok(rows.map(|id| id.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// Records a crossing.
pub(crate) fn add_crossing(
    tx: &Transaction<'_>,
    model: i64,
    record: RecordId,
    crossing: &ScoreCrossing,
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_score_crossing (model, record_id, seq, threshold, is_up, at, score, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let ScoreCrossing { seq, threshold, is_up, at, score, version } = crossing;
    statement.execute((
        model,
        record.as_bytes(),
        seq,
        threshold,
        is_up,
        at.micros(),
        score,
        version,
    ))?;
    Ok(())
}

/// The crossings of a record after a change of the journal, at most `limit`.
pub(crate) fn crossings(
    conn: &Connection,
    model: i64,
    record: RecordId,
    after: i64,
    limit: u32,
) -> Result<Vec<ScoreCrossing>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, threshold, is_up, at, score, version FROM crm_score_crossing \
         WHERE model = ?1 AND record_id = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4",
    )?;
    let rows = statement.query_map((model, record.as_bytes(), after, limit), |row| {
        Ok(ScoreCrossing {
            seq: row.get(0)?,
            threshold: row.get(1)?,
            is_up: row.get(2)?,
            at: Timestamp::clamped(row.get(3)?),
            score: row.get(4)?,
            version: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether any threshold of a model was ever crossed.
pub(crate) fn any_crossing(conn: &Connection, model: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM crm_score_crossing WHERE model = ?1)";
    Ok(conn.prepare_cached(sql)?.query_row([model], |row| row.get(0))?)
}

/// The threshold that a record crossed last, and whether upwards.
pub(crate) fn last_crossing(
    conn: &Connection,
    model: i64,
    record: RecordId,
) -> Result<Option<(String, bool)>> {
    let mut statement = conn.prepare_cached(
        "SELECT threshold, is_up FROM crm_score_crossing WHERE model = ?1 AND record_id = ?2 \
         ORDER BY seq DESC LIMIT 1",
    )?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(statement.query_row((model, record.as_bytes()), read).optional()?)
}

/// How many crossings the table has, and how many the journal, of those that were not erased.
pub(crate) fn count_crossings(conn: &Connection) -> Result<(u64, u64)> {
    let sql = "SELECT (SELECT count(*) FROM crm_score_crossing c JOIN crm_journal j ON j.seq = c.seq \
               AND j.kind = 'score_crossed' AND j.salt IS NOT NULL), \
               (SELECT count(*) FROM crm_journal WHERE kind = 'score_crossed' AND salt IS NOT NULL)";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
