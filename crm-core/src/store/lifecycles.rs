//! Rows of the tables of lifecycles: definitions, where records stand, and where they stood.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, Transaction, params_from_iter};

use super::{activities::Place, condition::Expression, table::Table};
use crate::{
    Error, ErrorKind, RecordId, RecordRef, Result, StageEntry, Timestamp,
    cell::Cell,
    lifecycle::{LifecycleModel, StageCause, StandingRow, TriggerPlace, VisitRow, read_lifecycle},
    schema::AttributeModel,
};

/// All lifecycles.
pub(crate) fn load(conn: &Connection) -> Result<Vec<Arc<LifecycleModel>>> {
    let mut statement = conn.prepare("SELECT id, definition, archived_at FROM crm_lifecycle")?;
    let rows = statement.query_and_then([], |row| {
        let archived_at = row.get::<_, Option<i64>>(2)?.map(Timestamp::clamped);
        let lifecycle = read_lifecycle(&row.get::<_, String>(1)?, archived_at)?;
        Ok(Arc::new(LifecycleModel { id: row.get(0)?, lifecycle }))
    })?;
    rows.collect()
}

/// Adds a lifecycle, or changes the one of this name. Answers its number.
pub(crate) fn save(tx: &Transaction<'_>, name: &str, type_id: i64, json: &str) -> Result<i64> {
    let sql = "INSERT INTO crm_lifecycle (name, type_id, definition) VALUES (?1, ?2, ?3) \
               ON CONFLICT (name) DO UPDATE SET definition = excluded.definition RETURNING id";
    Ok(tx.prepare_cached(sql)?.query_row((name, type_id, json), |row| row.get(0))?)
}

/// Archives a lifecycle, or takes it out of the archive.
pub(crate) fn archive(tx: &Transaction<'_>, id: i64, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_lifecycle SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}

/// The columns that [`read_standing`] takes.
macro_rules! select_standing {
    ($rest:literal) => {
        concat!(
            "SELECT lifecycle, record_id, id, stage, reached, last, cycle, visits, entered_at, seq \
             FROM crm_stage ",
            $rest
        )
    };
}

fn read_standing(row: &Row<'_>) -> rusqlite::Result<StandingRow> {
    Ok(StandingRow {
        lifecycle: row.get(0)?,
        record: RecordId::from_bytes(row.get(1)?),
        id: RecordId::from_bytes(row.get(2)?),
        stage: row.get(3)?,
        reached: row.get(4)?,
        last: row.get(5)?,
        cycle: row.get(6)?,
        visits: row.get(7)?,
        entered_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::clamped),
        seq: row.get(9)?,
    })
}

/// Where a record stands in a lifecycle.
pub(crate) fn standing(
    conn: &Connection,
    lifecycle: i64,
    record: RecordId,
) -> Result<Option<StandingRow>> {
    let sql = select_standing!("WHERE lifecycle = ?1 AND record_id = ?2");
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row((lifecycle, record.as_bytes()), read_standing).optional()?)
}

/// Writes where a record stands.
pub(crate) fn put_standing(tx: &Transaction<'_>, row: &StandingRow) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_stage (lifecycle, record_id, id, stage, reached, last, cycle, visits, entered_at, seq) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (lifecycle, record_id) DO UPDATE SET \
         stage = excluded.stage, reached = excluded.reached, last = excluded.last, cycle = excluded.cycle, \
         visits = excluded.visits, entered_at = excluded.entered_at, seq = excluded.seq",
    )?;
    statement.execute((
        row.lifecycle,
        row.record.as_bytes(),
        row.id.as_bytes(),
        &row.stage,
        &row.reached,
        &row.last,
        row.cycle,
        row.visits,
        row.entered_at.map(Timestamp::micros),
        row.seq,
    ))?;
    Ok(())
}

/// Ends the stay that a record has under this number.
pub(crate) fn end_visit(tx: &Transaction<'_>, row: &StandingRow, at: Timestamp) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "UPDATE crm_stage_visit SET exited_at = ?4 WHERE lifecycle = ?1 AND record_id = ?2 AND number = ?3",
    )?;
    statement.execute((row.lifecycle, row.record.as_bytes(), row.visits, at.micros()))?;
    Ok(())
}

/// Adds stays of a record.
pub(crate) fn insert_visits(
    tx: &Transaction<'_>,
    lifecycle: i64,
    record: RecordId,
    visits: &[VisitRow],
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_stage_visit (lifecycle, record_id, number, stage, cycle, entered_at, exited_at, cause, \
         reason, activity, related_type, related, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
         (SELECT id FROM crm_type WHERE name = ?11), ?12, ?13)",
    )?;
    for visit in visits {
        statement.execute((
            lifecycle,
            record.as_bytes(),
            visit.number,
            &visit.stage,
            visit.cycle,
            visit.entered_at.micros(),
            visit.exited_at.map(Timestamp::micros),
            visit.cause.name(),
            &visit.reason,
            visit.activity.as_ref().map(RecordId::as_bytes),
            visit.related.as_ref().map(|related| &related.entity_type),
            visit.related.as_ref().map(|related| related.id.as_bytes()),
            visit.seq,
        ))?;
    }
    Ok(())
}

/// What the journal says of the change with which a stay began.
pub(crate) struct Made {
    pub(crate) actor: String,
    pub(crate) cause: Option<String>,
    pub(crate) by: TriggerPlace,
}

/// The stays of a record that began with changes from `first` to `last`, in order, and how these
/// changes were made.
pub(crate) fn visits(
    conn: &Connection,
    lifecycle: i64,
    record: RecordId,
    (first, last): (i64, i64),
) -> Result<Vec<(VisitRow, Made)>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.number, v.stage, v.cycle, v.entered_at, v.exited_at, v.cause, v.reason, v.activity, \
         t.name, v.related, v.seq, a.name, j.cause, j.body FROM crm_stage_visit v LEFT JOIN crm_type t ON t.id = v.related_type \
         LEFT JOIN crm_journal j ON j.seq = v.seq LEFT JOIN crm_actor a ON a.id = j.actor \
         WHERE v.lifecycle = ?1 AND v.record_id = ?2 AND v.seq BETWEEN ?3 AND ?4 ORDER BY v.number",
    )?;
    let rows = statement.query_and_then((lifecycle, record.as_bytes(), first, last), |row| {
        let id = |bytes: Option<[u8; 16]>| bytes.map(RecordId::from_bytes);
        let cause = StageCause::from_name(&row.get::<_, String>(5)?).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "a stay on a stage has an unknown cause")
        })?;
        let related = row.get::<_, Option<String>>(8)?.zip(id(row.get(9)?));
        let visit = VisitRow {
            number: row.get(0)?,
            stage: row.get(1)?,
            cycle: row.get(2)?,
            entered_at: Timestamp::clamped(row.get(3)?),
            exited_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::clamped),
            cause,
            reason: row.get(6)?,
            activity: id(row.get(7)?),
            related: related.map(|(name, id)| RecordRef::new(name, id)),
            seq: row.get(10)?,
        };
        let made = Made {
            actor: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
            cause: row.get(12)?,
            by: TriggerPlace::read(row.get::<_, Option<String>>(13)?.as_deref()),
        };
        Ok((visit, made))
    })?;
    rows.collect()
}

/// When a record came to stages, in every lifecycle, and with which changes of the journal: the
/// latest before a place first. Skipped stages are part of the move that skipped them.
pub(crate) fn moves(
    conn: &Connection,
    record: RecordId,
    (at, seq): Place,
    limit: u32,
) -> Result<Vec<Place>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.entered_at, v.seq FROM crm_lifecycle l CROSS JOIN crm_stage_visit v ON v.lifecycle = l.id \
         WHERE v.record_id = ?1 AND v.cause <> 'implied' AND (v.entered_at, v.seq) < (?2, ?3) \
         ORDER BY v.entered_at DESC, v.seq DESC LIMIT ?4",
    )?;
    let rows = statement
        .query_map((record.as_bytes(), at, seq, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What brought a record to stages with these changes of the journal, in their order.
pub(crate) fn moves_of(
    conn: &Connection,
    record: RecordId,
    places: &[i64],
) -> Result<Vec<StageEntry>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let mut lifecycles = conn.prepare_cached(
        "SELECT id, name FROM crm_lifecycle l WHERE EXISTS \
         (SELECT 1 FROM crm_stage WHERE lifecycle = l.id AND record_id = ?1)",
    )?;
    let names = lifecycles.query_map([record.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let names: Vec<(i64, String)> = names.collect::<rusqlite::Result<_>>()?;
    let wanted: HashSet<i64> = places.iter().copied().collect();
    let range = (places.iter().min().copied(), places.iter().max().copied());
    let range = (range.0.unwrap_or_default(), range.1.unwrap_or_default());
    let mut found = HashMap::new();
    for (lifecycle, name) in names {
        let mut implied = Vec::new();
        for (visit, made) in visits(conn, lifecycle, record, range)? {
            if visit.cause == StageCause::Implied {
                implied.push(visit.stage);
                continue;
            }
            let entry = StageEntry {
                seq: visit.seq,
                at: visit.entered_at,
                actor: made.actor,
                lifecycle: name.clone(),
                stage: visit.stage,
                implied: std::mem::take(&mut implied),
                cycle: visit.cycle,
                cause: visit.cause,
                reason: visit.reason,
                activity_id: visit.activity,
                record: visit.related,
            };
            if wanted.contains(&entry.seq) {
                found.insert(entry.seq, entry);
            }
        }
    }
    let missing = || Error::new(ErrorKind::Corrupt, "a stay on a stage has gone");
    places.iter().map(|seq| found.remove(seq).ok_or_else(missing)).collect()
}

/// The reason of a record's stay of this number.
pub(crate) fn reason(conn: &Connection, row: &StandingRow) -> Result<Option<String>> {
    let mut statement = conn.prepare_cached(
        "SELECT reason FROM crm_stage_visit WHERE lifecycle = ?1 AND record_id = ?2 AND number = ?3",
    )?;
    let key = (row.lifecycle, row.record.as_bytes(), row.visits);
    let reason = statement.query_row(key, |row| row.get(0)).optional()?;
    Ok(reason.flatten())
}

/// How many records stand or stood on a stage.
pub(crate) fn count_records(conn: &Connection, lifecycle: i64, stage: &str) -> Result<u64> {
    let mut statement = conn.prepare_cached(
        "SELECT count(DISTINCT record_id) FROM crm_stage_visit WHERE lifecycle = ?1 AND stage = ?2",
    )?;
    Ok(statement.query_row((lifecycle, stage), |row| row.get(0))?)
}

/// How many records in use stand on one of these stages without a value of an attribute.
pub(crate) fn count_lacking(
    conn: &Connection,
    table: &Table,
    lifecycle: i64,
    stages: &[&str],
    attribute: &AttributeModel,
) -> Result<u64> {
    let columns = attribute.column_names().map(|column| format!("t.{column} IS NULL"));
    let lacks: Vec<String> = columns.collect();
    let stages = serde_json::to_string(stages).expect("a list of names is always JSON");
    let mut statement = conn.prepare(&format!(
        "SELECT count(*) FROM crm_stage s JOIN {} t ON t.id = s.record_id WHERE s.lifecycle = ?1 \
         AND s.stage IN (SELECT value FROM json_each(?2)) AND t.archived_at IS NULL AND {}",
        table.name,
        lacks.join(" AND ")
    ))?;
    Ok(statement.query_row((lifecycle, stages), |row| row.get(0))?)
}

/// When a stay on a stage ended that began at a moment; `None` if it lasts.
pub(crate) fn stay_ended(
    conn: &Connection,
    lifecycle: i64,
    record: RecordId,
    entered_at: Timestamp,
) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached(
        "SELECT exited_at FROM crm_stage_visit WHERE lifecycle = ?1 AND record_id = ?2 \
         AND entered_at = ?3 AND cause <> 'implied' ORDER BY number DESC LIMIT 1",
    )?;
    let asked = (lifecycle, record.as_bytes(), entered_at.micros());
    let ended: Option<Option<i64>> = statement.query_row(asked, |row| row.get(0)).optional()?;
    Ok(ended.flatten().map(Timestamp::clamped))
}

/// Records after `after` that stand or stood on one of these stages, by id; at most `limit`.
pub(crate) fn on_stages<'a>(
    conn: &Connection,
    lifecycle: i64,
    stages: impl Iterator<Item = &'a String>,
    after: Option<RecordId>,
    limit: u32,
) -> Result<Vec<StandingRow>> {
    let names: Vec<&String> = stages.collect();
    let names = serde_json::to_string(&names).expect("a list of names is always JSON");
    let sql = select_standing!(
        "WHERE lifecycle = ?1 AND (?3 IS NULL OR record_id > ?3) AND EXISTS (SELECT 1 FROM crm_stage_visit v \
         WHERE v.lifecycle = ?1 AND v.record_id = crm_stage.record_id \
         AND v.stage IN (SELECT value FROM json_each(?2))) ORDER BY record_id LIMIT ?4"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let after = after.as_ref().map(RecordId::as_bytes);
    let rows = statement.query_map((lifecycle, names, after, limit), read_standing)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Gives the stages of a record's stays other names.
pub(crate) fn rename_visits(
    tx: &Transaction<'_>,
    row: &StandingRow,
    map: &BTreeMap<String, String>,
) -> Result<()> {
    let map = serde_json::to_string(map).expect("a map of names is always JSON");
    let mut statement = tx.prepare_cached(
        "UPDATE crm_stage_visit SET stage = coalesce((SELECT value FROM json_each(?3) WHERE key = stage), stage) \
         WHERE lifecycle = ?1 AND record_id = ?2",
    )?;
    statement.execute((row.lifecycle, row.record.as_bytes(), map))?;
    Ok(())
}

/// A page of where records stand, after a lifecycle and a record.
pub(crate) fn page(
    conn: &Connection,
    after: Option<(i64, RecordId)>,
    limit: u32,
) -> Result<Vec<StandingRow>> {
    let (lifecycle, record) = after.unwrap_or((i64::MIN, RecordId::from_bytes([0; 16])));
    let sql = select_standing!(
        "WHERE (lifecycle, record_id) > (?1, ?2) ORDER BY lifecycle, record_id LIMIT ?3"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((lifecycle, record.as_bytes(), limit), read_standing)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many records the file says stand somewhere, how many the journal says, and how many stays
/// belong to none of them. A record of which something was erased is not counted.
pub(crate) fn count(conn: &Connection) -> Result<(u64, u64, u64)> {
    let sql = "SELECT (SELECT count(*) FROM crm_stage s WHERE NOT EXISTS (SELECT 1 FROM crm_journal j \
         WHERE j.record_id = s.id AND j.salt IS NULL)), \
         (SELECT count(DISTINCT record_id) FROM crm_journal j WHERE kind IN \
         ('stage_moved', 'stage_reset', 'stage_suppressed', 'stage_remapped') AND NOT EXISTS \
         (SELECT 1 FROM crm_journal e WHERE e.record_id = j.record_id AND e.salt IS NULL)), \
         (SELECT count(*) FROM crm_stage_visit v WHERE NOT EXISTS (SELECT 1 FROM crm_stage s \
         WHERE s.lifecycle = v.lifecycle AND s.record_id = v.record_id AND v.number <= s.visits))";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
}

/// Shows every stay of a lifecycle to `visit`, with whose it is, record by record and in order, without
/// reason and evidence; of the records of a table for which an expression is true, if there is one.
pub(crate) fn each_visit(
    conn: &Connection,
    lifecycle: i64,
    of: Option<(&Table, &Expression)>,
    mut visit: impl FnMut(RecordId, VisitRow),
) -> Result<()> {
    let mut parameters = vec![Cell::Integer(lifecycle)];
    let mut those = String::new();
    if let Some((table, wanted)) = of {
        those = format!(" AND record_id IN (SELECT id FROM {} WHERE {})", table.name, wanted.sql);
        parameters.extend(wanted.parameters.iter().cloned());
    }
    let mut statement = conn.prepare_cached(&format!(
        "SELECT number, stage, cycle, entered_at, exited_at, cause, seq, record_id \
         FROM crm_stage_visit WHERE lifecycle = ?{those} ORDER BY record_id, number"
    ))?;
    let mut rows = statement.query(params_from_iter(&parameters))?;
    while let Some(row) = rows.next()? {
        let cause = StageCause::from_name(row.get_ref(5)?.as_str().unwrap_or_default());
        let record = RecordId::from_bytes(row.get(7)?);
        visit(
            record,
            VisitRow {
                number: row.get(0)?,
                stage: row.get(1)?,
                cycle: row.get(2)?,
                entered_at: Timestamp::clamped(row.get(3)?),
                exited_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::clamped),
                cause: cause.unwrap_or(StageCause::Manual),
                reason: None,
                activity: None,
                related: None,
                seq: row.get(6)?,
            },
        );
    }
    Ok(())
}

/// Whether a record came to one of these stages before a moment.
pub(crate) fn was_on(
    conn: &Connection,
    lifecycle: i64,
    record: RecordId,
    stages: &[String],
    before: Timestamp,
) -> Result<bool> {
    let stages = serde_json::to_string(stages).expect("a list of names is always JSON");
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM crm_stage_visit WHERE lifecycle = ?1 AND record_id = ?2 \
         AND entered_at < ?4 AND stage IN (SELECT value FROM json_each(?3)))",
    )?;
    let key = (lifecycle, record.as_bytes(), stages, before.micros());
    Ok(statement.query_row(key, |row| row.get(0))?)
}

/// Shows every automatic move that was not made to `visit`: the stage on which the record stood, and
/// when that was recorded.
pub(crate) fn each_suppressed(
    conn: &Connection,
    lifecycle: i64,
    mut visit: impl FnMut(String, Timestamp),
) -> Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT (SELECT v.stage FROM crm_stage_visit v WHERE v.lifecycle = s.lifecycle \
         AND v.record_id = s.record_id AND v.seq < j.seq ORDER BY v.number DESC LIMIT 1), \
         (j.hlc >> 16) * 1000 FROM crm_stage s CROSS JOIN crm_journal j ON j.record_id = s.id \
         WHERE s.lifecycle = ?1 AND j.kind = 'stage_suppressed'",
    )?;
    let mut rows = statement.query([lifecycle])?;
    while let Some(row) = rows.next()? {
        if let Some(stage) = row.get(0)? {
            visit(stage, Timestamp::clamped(row.get(1)?));
        }
    }
    Ok(())
}

/// A record on a stage: its id, the stage, when it came there, and the cycle.
pub(crate) type OnStage = (RecordId, String, Timestamp, u32);

/// Records in use that stand on one of these stages since before a moment, by when they came there,
/// after a time and a record; at most as many as the page has.
pub(crate) fn stuck(
    conn: &Connection,
    table: &Table,
    lifecycle: i64,
    stages: &[String],
    before: Timestamp,
    (after, limit): (Option<(i64, RecordId)>, u32),
) -> Result<Vec<OnStage>> {
    let stages = serde_json::to_string(stages).expect("a list of names is always JSON");
    let mut statement = conn.prepare_cached(&format!(
        "SELECT s.record_id, s.stage, s.entered_at, s.cycle FROM crm_stage s JOIN {} t ON t.id = s.record_id \
         WHERE s.lifecycle = ?1 AND s.stage IN (SELECT value FROM json_each(?2)) AND s.entered_at < ?3 \
         AND (s.entered_at, s.record_id) > (?4, ?5) AND t.archived_at IS NULL \
         ORDER BY s.entered_at, s.record_id LIMIT ?6",
        table.name
    ))?;
    let (at, id) = after.unwrap_or((i64::MIN, RecordId::from_bytes([0; 16])));
    let parameters = (lifecycle, stages, before.micros(), at, id.as_bytes(), limit);
    let rows = statement.query_map(parameters, |row| {
        let id = RecordId::from_bytes(row.get(0)?);
        Ok((id, row.get(1)?, Timestamp::clamped(row.get(2)?), row.get(3)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The stays whose end is asked for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) lifecycle: i64,
    pub(crate) stage: &'a str,
    /// They began at or after this moment.
    pub(crate) from: Timestamp,
    /// They began before this one.
    pub(crate) until: Timestamp,
    /// What ends after it lasts.
    pub(crate) at: Timestamp,
    /// The time in which they are to end, in microseconds.
    pub(crate) within: i64,
    /// By which stages they are accepted, and which lie before those and decide nothing; `None` if
    /// every end is.
    pub(crate) accepted: Option<(Vec<&'a str>, Vec<&'a str>)>,
}

/// The stays that are meant, with when they ended up to then, whether they were accepted, and how long
/// they lasted. The end is that of the stay; or, where stages are named that accept it, when the record
/// first came to one of these or to one that lies elsewhere.
const STAYS: &str = "WITH ends AS (SELECT v.record_id, v.number, v.entered_at, \
     iif(?7 IS NULL, NULL, (SELECT n.number FROM crm_stage_visit n WHERE n.lifecycle = ?1 \
     AND n.record_id = v.record_id AND n.number > v.number AND n.cause <> 'implied' \
     AND n.stage NOT IN (SELECT value FROM json_each(?8)) ORDER BY n.number LIMIT 1)) AS next, v.exited_at \
     FROM crm_stage_visit v WHERE v.lifecycle = ?1 AND v.stage = ?2 AND v.entered_at >= ?3 \
     AND v.entered_at < ?4 AND v.entered_at <= ?5 AND v.cause <> 'implied'), \
     told AS (SELECT e.record_id, e.number, e.entered_at, iif(?7 IS NULL, e.exited_at, n.entered_at) AS ended_at, \
     ?7 IS NULL OR n.stage IN (SELECT value FROM json_each(?7)) AS is_accepted FROM ends e \
     LEFT JOIN crm_stage_visit n ON n.lifecycle = ?1 AND n.record_id = e.record_id AND n.number = e.next), \
     stays AS (SELECT record_id, number, entered_at, iif(ended_at <= ?5, ended_at, NULL) AS exited_at, is_accepted, \
     min(coalesce(ended_at, ?5), ?5) - entered_at AS lasted FROM told) ";

impl Asked<'_> {
    fn parameters(&self) -> impl IntoIterator<Item = Box<dyn ToSql + '_>> + '_ {
        let names = |names: &Vec<&str>| {
            serde_json::to_string(names).expect("a list of names is always JSON")
        };
        let accepted = self.accepted.as_ref();
        let parameters: [Box<dyn ToSql + '_>; 8] = [
            Box::new(self.lifecycle),
            Box::new(self.stage),
            Box::new(self.from.micros()),
            Box::new(self.until.micros()),
            Box::new(self.at.micros()),
            Box::new(self.within),
            Box::new(accepted.map(|(accepted, _)| names(accepted))),
            Box::new(accepted.map(|(_, between)| names(between))),
        ];
        parameters
    }
}

/// How many stays there are, how many were accepted in time and late, how many ended otherwise, how many
/// last in time and for too long; and the median of how long those lasted that were accepted.
pub(crate) fn acceptance(conn: &Connection, asked: &Asked<'_>) -> Result<([u64; 6], Option<f64>)> {
    let mut statement = conn.prepare_cached(&format!(
        "{STAYS} SELECT count(*), count(*) FILTER (WHERE exited_at IS NOT NULL AND is_accepted AND lasted <= ?6), \
         count(*) FILTER (WHERE exited_at IS NOT NULL AND is_accepted AND lasted > ?6), \
         count(*) FILTER (WHERE exited_at IS NOT NULL AND NOT is_accepted), \
         count(*) FILTER (WHERE exited_at IS NULL AND lasted <= ?6), \
         count(*) FILTER (WHERE exited_at IS NULL AND lasted > ?6), \
         crm_quantile(iif(exited_at IS NOT NULL AND is_accepted, CAST(lasted AS REAL), NULL), 0.5) FROM stays"
    ))?;
    let parameters = params_from_iter(asked.parameters());
    Ok(statement.query_row(parameters, |row| {
        let counts = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        Ok((counts, row.get(6)?))
    })?)
}

/// A stay: the record, its number, when it began and when it ended.
pub(crate) type Stay = (RecordId, u32, Timestamp, Option<Timestamp>);

/// The stays that lasted, or last, too long, by when they began, after a place; at most `limit`.
pub(crate) fn breaches(
    conn: &Connection,
    asked: &Asked<'_>,
    after: Option<(i64, RecordId, u32)>,
    limit: u32,
) -> Result<Vec<Stay>> {
    let mut statement = conn.prepare_cached(&format!(
        "{STAYS} SELECT record_id, number, entered_at, exited_at FROM stays WHERE lasted > ?6 \
         AND (entered_at, record_id, number) > (?9, ?10, ?11) ORDER BY entered_at, record_id, number LIMIT ?12"
    ))?;
    let (began, id, number) = after.unwrap_or((i64::MIN, RecordId::from_bytes([0; 16]), 0));
    let place: [Box<dyn ToSql + '_>; 4] =
        [Box::new(began), Box::new(id.as_bytes()), Box::new(number), Box::new(limit)];
    let parameters = params_from_iter(asked.parameters().into_iter().chain(place));
    let rows = statement.query_map(parameters, |row| {
        let id = RecordId::from_bytes(row.get(0)?);
        let exited_at = row.get::<_, Option<i64>>(3)?.map(Timestamp::clamped);
        Ok((id, row.get(1)?, Timestamp::clamped(row.get(2)?), exited_at))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
