//! Rows of the journal, and the devices and actors that they name.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use crate::{
    ChangeKind, Error, ErrorKind, RecordId, Result,
    journal::{
        Hlc,
        chain::{self, Hash},
    },
};

/// A row to be written; the numbers of the row are given by the engine.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    pub(crate) seq: i64,
    pub(crate) device: i64,
    pub(crate) device_seq: i64,
    pub(crate) hlc: Hlc,
    pub(crate) transaction: i64,
    pub(crate) actor: i64,
    pub(crate) cause: Option<&'a str>,
    pub(crate) kind: ChangeKind,
    pub(crate) entity_type: Option<&'a str>,
    pub(crate) record_id: Option<RecordId>,
    pub(crate) body: &'a str,
    pub(crate) salt: [u8; 32],
    pub(crate) hash: Hash,
}

/// A row as it was written.
#[derive(Debug, Clone)]
pub(crate) struct StoredChange {
    pub(crate) seq: i64,
    pub(crate) device: [u8; 16],
    pub(crate) device_seq: i64,
    pub(crate) hlc: Hlc,
    pub(crate) transaction: i64,
    pub(crate) actor: String,
    pub(crate) cause: Option<String>,
    pub(crate) kind: ChangeKind,
    pub(crate) entity_type: Option<String>,
    pub(crate) record_id: Option<RecordId>,
    pub(crate) body: String,
    /// Whether cause and body were erased; then the body is empty JSON.
    pub(crate) is_erased: bool,
}

/// The columns that [`read_change`] takes, of changes that are found by what stands before.
macro_rules! select {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT j.seq, d.uuid, j.device_seq, j.hlc, j.tx, a.name, j.cause, j.kind, \
             j.entity_type, j.record_id, j.body, j.salt IS NULL FROM ",
            $from,
            " JOIN crm_device d ON d.id = j.device JOIN crm_actor a ON a.id = j.actor ",
            $rest
        )
    };
}

/// Time and place of changes, of those that are found by what stands before; [`Hlc::at`] in SQL.
macro_rules! select_places {
    ($from:literal, $which:literal) => {
        concat!(
            "SELECT (j.hlc >> 16) * 1000, j.seq FROM ",
            $from,
            " WHERE ",
            $which,
            " AND j.seq < ?2 AND ((j.hlc >> 16) * 1000, j.seq) < (?3, ?4) ORDER BY j.seq DESC LIMIT ?5"
        )
    };
}

fn read_change(row: &Row<'_>) -> Result<StoredChange> {
    let kind: String = row.get(7)?;
    let kind = ChangeKind::from_name(&kind).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "a row of the journal is of an unknown kind")
    })?;
    Ok(StoredChange {
        seq: row.get(0)?,
        device: row.get(1)?,
        device_seq: row.get(2)?,
        hlc: Hlc(row.get(3)?),
        transaction: row.get(4)?,
        actor: row.get(5)?,
        cause: row.get(6)?,
        kind,
        entity_type: row.get(8)?,
        record_id: row.get::<_, Option<[u8; 16]>>(9)?.map(RecordId::from_bytes),
        body: row.get(10)?,
        is_erased: row.get(11)?,
    })
}

/// Appends a row.
pub(crate) fn append(tx: &Transaction<'_>, row: &NewRow<'_>) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_journal (seq, device, device_seq, hlc, tx, actor, cause, kind, entity_type, record_id, body, salt, hash) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.raw_bind_parameter(1, row.seq)?;
    statement.raw_bind_parameter(2, row.device)?;
    statement.raw_bind_parameter(3, row.device_seq)?;
    statement.raw_bind_parameter(4, row.hlc.0)?;
    statement.raw_bind_parameter(5, row.transaction)?;
    statement.raw_bind_parameter(6, row.actor)?;
    statement.raw_bind_parameter(7, row.cause)?;
    statement.raw_bind_parameter(8, row.kind.name())?;
    statement.raw_bind_parameter(9, row.entity_type)?;
    statement.raw_bind_parameter(10, row.record_id.as_ref().map(RecordId::as_bytes))?;
    statement.raw_bind_parameter(11, row.body)?;
    statement.raw_bind_parameter(12, row.salt)?;
    statement.raw_bind_parameter(13, row.hash)?;
    statement.raw_execute()?;
    Ok(())
}

/// The last `seq`, stamp and hash, and the last number of `device`; zeros in an empty journal.
///
/// # Errors
///
/// `Corrupt` if the last row has no hash to go on from.
pub(crate) fn last(conn: &Connection, device: i64) -> Result<((i64, Hlc, Hash), i64)> {
    let last = conn
        .prepare_cached("SELECT seq, hlc, hash FROM crm_journal ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            Ok((row.get(0)?, Hlc(row.get(1)?), row.get::<_, Option<Hash>>(2).ok().flatten()))
        })
        .optional()?;
    let (seq, hlc, hash) = last.unwrap_or((0, Hlc(0), Some(chain::START)));
    let hash = hash.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the last row of the journal has no hash")
            .with_hint("the file is left as it is: copy it, then restore a backup")
    })?;
    let device_seq = conn
        .prepare_cached(
            "SELECT device_seq FROM crm_journal WHERE device = ?1 ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([device], |row| row.get(0))
        .optional()?;
    Ok(((seq, hlc, hash), device_seq.unwrap_or(0)))
}

/// Changes after `after`, at most `limit`.
pub(crate) fn page(conn: &Connection, after: i64, limit: u32) -> Result<Vec<StoredChange>> {
    let mut statement =
        conn.prepare_cached(select!("crm_journal j", "WHERE j.seq > ?1 ORDER BY j.seq LIMIT ?2"))?;
    let rows = statement.query_and_then((after, limit), read_change)?;
    rows.collect()
}

/// Changes for the reason `cause` after `after` and before `until`, the latest first, at most `limit`.
pub(crate) fn of_cause(
    conn: &Connection,
    cause: &str,
    (after, until): (i64, i64),
    limit: u32,
) -> Result<Vec<StoredChange>> {
    let mut statement = conn.prepare_cached(select!(
        "crm_journal j",
        "WHERE j.cause = ?1 AND j.seq > ?2 AND j.seq < ?3 ORDER BY j.seq DESC LIMIT ?4"
    ))?;
    let rows = statement.query_and_then((cause, after, until, limit), read_change)?;
    rows.collect()
}

/// Changes of one record or association after `after`, oldest first, shown to `visit` until it says stop.
pub(crate) fn of_record(
    conn: &Connection,
    id: RecordId,
    after: i64,
    mut visit: impl FnMut(StoredChange) -> Result<bool>,
) -> Result<()> {
    let sql = select!("crm_journal j", "WHERE j.record_id = ?1 AND j.seq > ?2 ORDER BY j.seq");
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((id.as_bytes(), after))?;
    while let Some(row) = rows.next()? {
        if !visit(read_change(row)?)? {
            break;
        }
    }
    Ok(())
}

/// The changes of these kinds after a place up to another one, oldest first.
pub(crate) fn of_kinds(
    conn: &Connection,
    kinds: &[ChangeKind],
    (after, until): (i64, i64),
    mut visit: impl FnMut(StoredChange) -> Result<()>,
) -> Result<()> {
    let sql = select!(
        "crm_journal j",
        "WHERE j.kind IN (SELECT value FROM json_each(?1)) AND j.seq > ?2 AND j.seq <= ?3 \
         ORDER BY j.seq"
    );
    let names = serde_json::to_string(kinds).expect("names are always JSON");
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query((names, after, until))?;
    while let Some(row) = rows.next()? {
        visit(read_change(row)?)?;
    }
    Ok(())
}

/// The place of the last of the next `count` changes after a place; `None` if there are fewer.
pub(crate) fn last_of_next(conn: &Connection, after: i64, count: u32) -> Result<Option<i64>> {
    let sql = "SELECT seq FROM crm_journal WHERE seq > ?1 ORDER BY seq LIMIT 1 OFFSET ?2 - 1";
    Ok(conn.prepare_cached(sql)?.query_row((after, count), |row| row.get(0)).optional()?)
}

/// As [`of_record`], without those whose content was erased: they say nothing any more.
pub(crate) fn told_of_record(
    conn: &Connection,
    id: RecordId,
    after: i64,
    mut visit: impl FnMut(StoredChange) -> Result<bool>,
) -> Result<()> {
    of_record(conn, id, after, |change| if change.is_erased { Ok(true) } else { visit(change) })
}

/// Whether a record was changed after `after` for another reason than `cause`. Changes of nothing but
/// `calculated` columns do not count.
pub(crate) fn is_changed_by_others(
    conn: &Connection,
    id: RecordId,
    calculated: &[String],
    after: i64,
    cause: &str,
) -> Result<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM crm_journal WHERE record_id = ?1 AND seq > ?2 AND cause IS NOT ?3 \
         AND (kind <> 'record_patched' OR EXISTS (SELECT 1 FROM json_each(body) c \
         WHERE c.key NOT IN (SELECT value FROM json_each(?4)))) LIMIT 1",
    )?;
    let calculated = serde_json::to_string(calculated).unwrap_or_default();
    Ok(statement.exists((id.as_bytes(), after, cause, calculated))?)
}

/// The changes of these places, in the same order.
///
/// # Errors
///
/// `Corrupt` if one is not there.
pub(crate) fn get_many(conn: &Connection, places: &[i64]) -> Result<Vec<StoredChange>> {
    let numbers = serde_json::to_string(places).expect("a list of numbers is always JSON");
    let mut statement = conn.prepare_cached(select!(
        "json_each(?1) p CROSS JOIN crm_journal j ON j.seq = p.value",
        "ORDER BY p.key"
    ))?;
    let rows = statement.query_and_then([numbers], read_change)?;
    let changes = rows.collect::<Result<Vec<_>>>()?;
    match changes.len() == places.len() {
        true => Ok(changes),
        false => Err(Error::new(ErrorKind::Corrupt, "a row of the journal is missing")),
    }
}

/// Time and place of the changes of a record before place `seq`, the latest first. The time must lie
/// before `time` or, at the same time, the place before that one.
pub(crate) fn places(
    conn: &Connection,
    id: RecordId,
    seq: i64,
    before: (i64, i64),
    limit: u32,
) -> Result<Vec<(i64, i64)>> {
    read_places(conn, select_places!("crm_journal j", "j.record_id = ?1"), id, seq, before, limit)
}

/// The same of the changes of a record's associations, whichever end it is. All of them are looked at
/// for every page.
pub(crate) fn places_of_associations(
    conn: &Connection,
    record: RecordId,
    seq: i64,
    before: (i64, i64),
    limit: u32,
) -> Result<Vec<(i64, i64)>> {
    let sql = select_places!(
        "crm_association a CROSS JOIN crm_journal j ON j.record_id = a.id",
        "(a.from_id = ?1 OR a.to_id = ?1)"
    );
    read_places(conn, sql, record, seq, before, limit)
}

fn read_places(
    conn: &Connection,
    sql: &str,
    id: RecordId,
    seq: i64,
    (time, place): (i64, i64),
    limit: u32,
) -> Result<Vec<(i64, i64)>> {
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let rows = statement.query_map((id.as_bytes(), seq, time, place, limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The body of the change of a place, if it is of this kind, and whether it was erased.
pub(crate) fn body(
    conn: &Connection,
    seq: i64,
    kind: ChangeKind,
) -> Result<Option<(String, bool)>> {
    let mut statement = conn.prepare_cached(
        "SELECT body, salt IS NULL FROM crm_journal WHERE seq = ?1 AND kind = ?2",
    )?;
    let body = statement.query_row((seq, kind.name()), |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(body.optional()?)
}

/// A definition of this name as it was saved in a version; found by an index if the kind has one by name.
pub(crate) fn definition(
    conn: &Connection,
    kind: ChangeKind,
    name: &str,
    version: i64,
) -> Result<Option<String>> {
    // A partial index is used only if the statement itself says that its rows are meant.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT body FROM crm_journal WHERE kind = '{}' AND body ->> '$.name' = ?1 \
         AND body ->> '$.version' = ?2 LIMIT 1",
        kind.name()
    ))?;
    Ok(statement.query_row((name, version), |row| row.get(0)).optional()?)
}

/// How many changes a record has up to and including `seq`.
pub(crate) fn count_until(conn: &Connection, id: RecordId, seq: i64) -> Result<i64> {
    let mut statement =
        conn.prepare_cached("SELECT count(*) FROM crm_journal WHERE record_id = ?1 AND seq <= ?2")?;
    Ok(statement.query_row((id.as_bytes(), seq), |row| row.get(0))?)
}

/// The last `seq`; 0 in an empty journal.
pub(crate) fn last_seq(conn: &Connection) -> Result<i64> {
    let mut statement = conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM crm_journal")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// How many records of a type the journal created: at least, and with those changes whose content was
/// erased. What these were about may be gone.
pub(crate) fn count_created(conn: &Connection, entity_type: &str) -> Result<RangeInclusive<u64>> {
    let sql = "SELECT count(salt), count(*) FROM crm_journal WHERE kind = ?1 AND entity_type = ?2";
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row((ChangeKind::RecordCreated.name(), entity_type), read_range)?)
}

/// How many changes of a kind there are, without and with those whose content was erased.
pub(crate) fn count(conn: &Connection, kind: ChangeKind) -> Result<RangeInclusive<u64>> {
    let sql = "SELECT count(salt), count(*) FROM crm_journal WHERE kind = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([kind.name()], read_range)?)
}

fn read_range(row: &Row<'_>) -> rusqlite::Result<RangeInclusive<u64>> {
    Ok(row.get(0)?..=row.get(1)?)
}

/// Shows the bodies of all changes about visitors to `visit`, in order.
pub(crate) fn of_visitors(
    conn: &Connection,
    mut visit: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let mut statement = conn.prepare(
        "SELECT body FROM crm_journal WHERE kind IN (?1, ?2) AND salt IS NOT NULL ORDER BY seq",
    )?;
    let kinds = [ChangeKind::VisitorIdentified, ChangeKind::VisitorReleased].map(ChangeKind::name);
    let mut rows = statement.query(kinds)?;
    while let Some(row) = rows.next()? {
        visit(&row.get::<_, String>(0)?)?;
    }
    Ok(())
}

/// The number of an actor and the commitment to its name; one that is new is made, with a salt.
///
/// # Errors
///
/// `Corrupt` if it has no commitment.
pub(crate) fn actor(
    tx: &Transaction<'_>,
    name: &str,
    salt: impl FnOnce() -> [u8; 32],
) -> Result<(i64, Hash)> {
    let known = tx
        .prepare_cached("SELECT id, commitment FROM crm_actor WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get::<_, Option<Hash>>(1).ok().flatten())))
        .optional()?;
    if let Some((id, commitment)) = known {
        let missing = || Error::new(ErrorKind::Corrupt, "an actor has no commitment");
        return Ok((id, commitment.ok_or_else(missing)?));
    }
    let salt = salt();
    let commitment = chain::commit_actor(&salt, name.as_bytes());
    tx.execute(
        "INSERT INTO crm_actor (name, salt, commitment) VALUES (?1, ?2, ?3)",
        (name, salt, commitment),
    )?;
    Ok((tx.last_insert_rowid(), commitment))
}

/// The number of a new device.
pub(crate) fn add_device(tx: &Transaction<'_>, uuid: &[u8; 16]) -> Result<i64> {
    tx.execute("INSERT INTO crm_device (uuid) VALUES (?1)", [uuid])?;
    let id = tx.last_insert_rowid();
    tx.execute("INSERT INTO crm_meta (key, value) VALUES ('device', ?1)", [id])?;
    Ok(id)
}

/// The number and the id of this file's own device; `None` in a file without one.
pub(crate) fn own_device(conn: &Connection) -> Result<Option<(i64, [u8; 16])>> {
    let mut statement = conn.prepare_cached(
        "SELECT d.id, d.uuid FROM crm_meta m JOIN crm_device d ON d.id = m.value WHERE m.key = 'device'",
    )?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// The id of the device that made the file, which every copy of it has; `None` in a file without
/// one.
pub(crate) fn origin(conn: &Connection) -> Result<Option<[u8; 16]>> {
    let mut statement = conn.prepare_cached("SELECT uuid FROM crm_device ORDER BY id LIMIT 1")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Whether nobody has written yet: the file has neither actors nor types nor changes.
pub(crate) fn is_untouched(conn: &Connection) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM crm_actor) AND NOT EXISTS (SELECT 1 FROM crm_type) \
         AND NOT EXISTS (SELECT 1 FROM crm_journal)";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}
