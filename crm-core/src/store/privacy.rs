//! Rows that belong to a person: found and taken out, with SQL made from the inventory; and what is
//! remembered of those who were erased.
//!
//! It decides nothing: which tables there are and how their rows belong is said in
//! [`inventory`](crate::privacy::inventory).

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::{
    chain,
    table::{Table, quote},
};
use crate::{
    ConsentKind, RecordId, Result, Timestamp,
    consent::present_form,
    privacy::{
        inventory::{Way, of_table},
        suppression::{Keyed, hash},
    },
    schema::{AttributeModel, TypeModel},
};

/// The names of all tables of the file, sorted.
pub(crate) fn tables(conn: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
               ESCAPE '\\' ORDER BY name";
    let mut statement = conn.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// The names of a table's columns.
#[cfg(test)]
pub(crate) fn columns(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// The tables that are read whole to find the rows of a table that belong to one record; none if an
/// index finds them, or rows of this table belong to nobody.
#[cfg(test)]
pub(crate) fn scanned(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let Some(belongs) = belongs(table) else { return Ok(Vec::new()) };
    let sql = format!("EXPLAIN QUERY PLAN SELECT count(*) FROM {} WHERE {belongs}", quote(table));
    let mut statement = conn.prepare(&sql)?;
    let steps = statement.query_map([[7_u8; 16]], |row| row.get::<_, String>(3))?;
    let steps = steps.collect::<rusqlite::Result<Vec<_>>>()?;
    let read_whole = steps.iter().filter(|step| !step.contains("VIRTUAL TABLE"));
    let read_whole = read_whole.filter_map(|step| step.strip_prefix("SCAN "));
    Ok(read_whole.map(|rest| rest.split(' ').next().unwrap_or(rest).to_owned()).collect())
}

/// What is true of those rows of a table that belong to the record whose id is the parameter `?1`.
/// `None` if rows of this table belong to nobody, or to somebody by other means than SQL: stored
/// bytes, and parts of the index of words.
pub(crate) fn belongs(table: &str) -> Option<String> {
    let ways = of_table(table)?.ways.iter().filter_map(|way| match way {
        // The index of activities is in two parts, of those that count and those that do not.
        Way::Record("subject") => Some(
            "(subject = ?1 AND superseded_by IS NULL) OR \
             (subject = ?1 AND superseded_by IS NOT NULL)"
                .to_owned(),
        ),
        Way::Record(column) => Some(format!("({}{column} = ?1)", by_definition(table))),
        Way::Through { column, parent, key } => {
            let of_parent = belongs(parent)?;
            Some(format!("{column} IN (SELECT {key} FROM {} WHERE {of_parent})", quote(parent)))
        }
        Way::Json { column, path, kinds } => {
            let is_named = format!("{column} ->> '{path}' = {TEXT_OF_ID}");
            match kinds {
                [] => Some(is_named),
                kinds => Some(format!("(kind IN ('{}') AND {is_named})", kinds.join("', '"))),
            }
        }
        // The plus takes the affinity of the column away, with which no index of expressions is used.
        Way::Visitor => Some(
            "(kind IN ('visitor_identified', 'visitor_released') AND \
             body ->> '$.visitor' IN (SELECT +key FROM crm_visitor WHERE record_id = ?1))"
                .to_owned(),
        ),
        Way::File | Way::Index => None,
    });
    let ways: Vec<String> = ways.collect();
    (!ways.is_empty()).then(|| ways.join(" OR "))
}

/// For tables whose key begins with a definition, that it is one of all: else SQLite would read the whole
/// table to find the rows of one record.
fn by_definition(table: &str) -> &'static str {
    match table {
        "crm_stage" | "crm_stage_visit" => "lifecycle IN (SELECT id FROM crm_lifecycle) AND ",
        "crm_score" | "crm_score_crossing" | "crm_score_points" => {
            "model IN (SELECT id FROM crm_score_model) AND "
        }
        "crm_segment_change" => "segment IN (SELECT id FROM crm_segment) AND ",
        "crm_timer" => "room IN (1, 2, 3, 4) AND ",
        _ => "",
    }
}

/// An id as bodies have it, of the parameter `?1`.
const TEXT_OF_ID: &str = "lower(substr(hex(?1), 1, 8) || '-' || substr(hex(?1), 9, 4) || '-' || \
     substr(hex(?1), 13, 4) || '-' || substr(hex(?1), 17, 4) || '-' || substr(hex(?1), 21))";

/// How many rows of a table belong to a record.
pub(crate) fn count(conn: &Connection, table: &str, id: &[u8; 16]) -> Result<u64> {
    let Some(belongs) = belongs(table) else { return Ok(0) };
    let sql = format!("SELECT count(*) FROM {} WHERE {belongs}", quote(table));
    Ok(conn.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?)
}

/// Deletes the rows of a table that belong to a record; answers how many.
pub(crate) fn delete(tx: &Transaction<'_>, table: &str, id: &[u8; 16]) -> Result<u64> {
    let Some(belongs) = belongs(table) else { return Ok(0) };
    let sql = format!("DELETE FROM {} WHERE {belongs}", quote(table));
    Ok(tx.prepare_cached(&sql)?.execute([id])? as u64)
}

/// Erases content and salt of these rows of the journal; answers of how many there was any.
pub(crate) fn redact(tx: &Transaction<'_>, places: &[i64]) -> Result<u64> {
    let mut count = 0;
    for &seq in places {
        count += u64::from(chain::erase(tx, seq)?);
    }
    Ok(count)
}

/// The places of the rows of the journal that belong to a record, in order.
pub(crate) fn journal_places(conn: &Connection, id: &[u8; 16]) -> Result<Vec<i64>> {
    let belongs = belongs("crm_journal").expect("the inventory has the journal");
    let sql = format!("SELECT seq FROM crm_journal WHERE {belongs} ORDER BY seq");
    let mut statement = conn.prepare_cached(&sql)?;
    let places = statement.query_map([id], |row| row.get(0))?;
    Ok(places.collect::<rusqlite::Result<_>>()?)
}

/// The associations of a record, whichever end it is.
pub(crate) fn associations(conn: &Connection, id: RecordId) -> Result<Vec<RecordId>> {
    let sql = "SELECT id FROM crm_association WHERE from_id = ?1 OR to_id = ?1 ORDER BY seq";
    let mut statement = conn.prepare_cached(sql)?;
    let ids = statement.query_map([id.as_bytes()], |row| row.get(0))?;
    Ok(ids.map(|id| id.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// Whose activities have a record as a participant: the number of the type and the id of the subject, and
/// the kind. At most `limit`.
pub(crate) fn linking(
    conn: &Connection,
    id: RecordId,
    limit: usize,
) -> Result<Vec<(i64, RecordId, String)>> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT a.subject_type, a.subject, k.name FROM crm_activity_link l \
         JOIN crm_activity a ON a.seq = l.seq JOIN crm_activity_kind k ON k.id = a.kind \
         WHERE l.record_id = ?1 AND a.subject IS NOT NULL AND a.subject <> ?1 LIMIT ?2",
    )?;
    let read =
        |row: &rusqlite::Row<'_>| Ok((row.get(0)?, RecordId::from_bytes(row.get(1)?), row.get(2)?));
    let rows = statement.query_map((id.as_bytes(), limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Other records with the same value of an attribute that has an index. At most `limit`.
pub(crate) fn holders(
    conn: &Connection,
    table: &Table,
    attribute: &AttributeModel,
    value: &str,
    id: RecordId,
    limit: usize,
) -> Result<Vec<RecordId>> {
    let column = quote(&attribute.leading_column());
    let sql = format!("SELECT id FROM {} WHERE {column} = ?1 AND id <> ?2 LIMIT ?3", table.name);
    let mut statement = conn.prepare_cached(&sql)?;
    let ids = statement.query_map((value, id.as_bytes(), limit), |row| row.get(0))?;
    Ok(ids.map(|id| id.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// Records that refer, by an attribute, to somebody who was erased, with the place of the erasure: of the
/// latest erasures first, at most `limit`.
pub(crate) fn referring_to_erased(
    conn: &Connection,
    table: &Table,
    attribute: &AttributeModel,
    limit: usize,
) -> Result<Vec<(i64, RecordId)>> {
    let column = quote(&attribute.leading_column());
    let sql = format!(
        "SELECT e.seq, t.id FROM {} t JOIN crm_erasure e ON e.record_id = t.{column} \
         ORDER BY e.seq DESC, t.id LIMIT ?1",
        table.name
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows =
        statement.query_map([limit], |row| Ok((row.get(0)?, RecordId::from_bytes(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The contact points that double opt-ins and links of a record name.
pub(crate) fn asked_points(conn: &Connection, id: RecordId) -> Result<Vec<String>> {
    let waiting = belongs("crm_consent_request").expect("the inventory has the requests");
    let sql = format!(
        "SELECT body ->> '$.contact_point' AS point FROM crm_consent_request \
         WHERE ({waiting}) AND point IS NOT NULL UNION SELECT contact_point FROM crm_consent_link \
         WHERE subject_id = ?1 AND contact_point IS NOT NULL"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let points = statement.query_map([id.as_bytes()], |row| row.get(0))?;
    Ok(points.collect::<rusqlite::Result<_>>()?)
}

/// Whom else something permits to contact at one of these contact points: the number of the type and the
/// id of the subject, the contact point and the purpose.
pub(crate) fn consenting(
    conn: &Connection,
    points: &BTreeSet<&str>,
    id: RecordId,
) -> Result<Vec<(i64, RecordId, String, String)>> {
    let kinds = ConsentKind::ALL.iter().filter(|kind| kind.is_permitting());
    let kinds: Vec<&str> = kinds.map(|kind| kind.name()).collect();
    let json = |texts| serde_json::to_string(&texts).expect("texts are always JSON");
    let points: Vec<&str> = points.iter().copied().collect();
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT type_id, subject_id, contact_point, purpose FROM crm_consent_event \
         WHERE contact_point IN (SELECT value FROM json_each(?1)) AND subject_id <> ?2 \
         AND kind IN (SELECT value FROM json_each(?3))",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get(0)?, RecordId::from_bytes(row.get(1)?), row.get(2)?, row.get(3)?))
    };
    let rows = statement.query_map((json(points), id.as_bytes(), json(kinds)), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

// ---- stored files

/// The stored bytes that the values of a person name or named: in a table whose columns are
/// those of `model`.
pub(crate) fn files_of(
    conn: &Connection,
    table: &str,
    model: &TypeModel,
    id: &[u8; 16],
) -> Result<Vec<String>> {
    let Some(belongs) = belongs(table) else { return Ok(Vec::new()) };
    let mut hashes = Vec::new();
    for column in file_columns(model) {
        let (name, column) = (quote(table), quote(&column));
        let sql = format!("SELECT {column} FROM {name} WHERE ({belongs}) AND {column} IS NOT NULL");
        let mut statement = conn.prepare(&sql)?;
        let found = statement.query_map([id], |row| row.get::<_, String>(0))?;
        hashes.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(hashes)
}

/// Whether a row of a table that does not belong to the record names these stored bytes.
pub(crate) fn is_file_used(
    conn: &Connection,
    table: &str,
    model: &TypeModel,
    hash: &str,
    id: &[u8; 16],
) -> Result<bool> {
    let belongs = belongs(table).unwrap_or_else(|| "0".to_owned());
    for column in file_columns(model) {
        let (name, column) = (quote(table), quote(&column));
        let sql = format!("SELECT 1 FROM {name} WHERE {column} = ?2 AND NOT ({belongs}) LIMIT 1");
        if conn.prepare(&sql)?.exists((id, hash))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn file_columns(model: &TypeModel) -> impl Iterator<Item = String> {
    let files = model.attributes.iter().filter(|one| one.definition.kind == crate::Kind::File);
    files.map(AttributeModel::leading_column)
}

/// Deletes stored bytes, and erases the row of the journal that says they were stored.
pub(crate) fn delete_file(tx: &Transaction<'_>, hash: &[u8; 32], text: &str) -> Result<()> {
    let sql = "SELECT seq FROM crm_journal WHERE kind = 'file_added' AND body ->> '$.hash' = ?1";
    let places: Vec<i64> = tx
        .prepare_cached(sql)?
        .query_map([text], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    redact(tx, &places)?;
    tx.execute("DELETE FROM crm_file_piece WHERE hash = ?1", [hash])?;
    tx.execute("DELETE FROM crm_file WHERE hash = ?1", [hash])?;
    Ok(())
}

// ---- what is remembered

/// A person that was erased.
#[derive(Debug, Clone)]
pub(crate) struct Erased {
    pub(crate) seq: i64,
    pub(crate) record: RecordId,
    /// The type by name, which the file may not know.
    pub(crate) entity_type: String,
    pub(crate) at: Timestamp,
    pub(crate) reason: String,
}

/// Remembers that a record was erased.
pub(crate) fn insert_erased(tx: &Transaction<'_>, erased: &Erased) -> Result<()> {
    let sql = "INSERT INTO crm_erasure (seq, record_id, entity_type, erased_at, reason) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let (id, at) = (erased.record.as_bytes(), erased.at.micros());
    tx.prepare_cached(sql)?.execute((erased.seq, id, &erased.entity_type, at, &erased.reason))?;
    Ok(())
}

/// The place in the journal at which a record was erased, if it was.
pub(crate) fn erasure_seq(conn: &Connection, id: RecordId) -> Result<Option<i64>> {
    let sql = "SELECT seq FROM crm_erasure WHERE record_id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
}

/// When a record was erased, if it was.
pub(crate) fn erased_at(conn: &Connection, id: RecordId) -> Result<Option<Timestamp>> {
    let sql = "SELECT erased_at FROM crm_erasure WHERE record_id = ?1";
    let at = conn.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
    Ok(at.map(Timestamp::clamped))
}

/// How many were erased.
pub(crate) fn count_erased(conn: &Connection) -> Result<u64> {
    Ok(conn.query_row("SELECT count(*) FROM crm_erasure", [], |row| row.get(0))?)
}

/// Those who were erased after a place, in order.
pub(crate) fn erased_after(conn: &Connection, after: i64, limit: u32) -> Result<Vec<Erased>> {
    let sql = "SELECT seq, record_id, entity_type, erased_at, reason FROM crm_erasure \
               WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Erased {
            seq: row.get(0)?,
            record: RecordId::from_bytes(row.get(1)?),
            entity_type: row.get(2)?,
            at: Timestamp::clamped(row.get(3)?),
            reason: row.get(4)?,
        })
    };
    let rows = statement.query_map((after, limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The key of the suppressed contact points, if there is one yet.
pub(crate) fn key(conn: &Connection) -> Result<Option<[u8; 32]>> {
    let sql = "SELECT value FROM crm_meta WHERE key = 'suppression_key'";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
}

/// Keeps the key of the suppressed contact points.
pub(crate) fn put_key(tx: &Transaction<'_>, key: &[u8; 32]) -> Result<()> {
    tx.execute("INSERT INTO crm_meta (key, value) VALUES ('suppression_key', ?1)", [key])?;
    Ok(())
}

/// Whether any contact point is suppressed.
pub(crate) fn has_suppressed(conn: &Connection) -> Result<bool> {
    Ok(conn.prepare_cached("SELECT 1 FROM crm_suppression LIMIT 1")?.exists([])?)
}

/// Whether a contact point of this hash is suppressed.
pub(crate) fn is_suppressed(conn: &Connection, hash: &[u8; 32]) -> Result<bool> {
    Ok(conn.prepare_cached("SELECT 1 FROM crm_suppression WHERE hash = ?1")?.exists([hash])?)
}

/// Those of these contact points, in their normal form, that are suppressed.
pub(crate) fn suppressed_of<'p>(
    conn: &Connection,
    points: impl Iterator<Item = &'p str>,
) -> Result<BTreeSet<String>> {
    let mut points = points.peekable();
    let mut suppressed = BTreeSet::new();
    if points.peek().is_none() || !has_suppressed(conn)? {
        return Ok(suppressed);
    }
    let Some(key) = key(conn)? else { return Ok(suppressed) };
    for point in points.collect::<BTreeSet<&str>>() {
        if is_suppressed(conn, &hash(&key, point))? {
            suppressed.insert(point.to_owned());
        }
    }
    Ok(suppressed)
}

/// How many contact points are suppressed.
pub(crate) fn number_suppressed(conn: &Connection) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_suppression";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The records that permit something at a contact point of which the file still has it that it is
/// suppressed, and which is so no longer.
pub(crate) fn no_longer_suppressed(conn: &Connection) -> Result<BTreeSet<RecordId>> {
    let mut found = BTreeSet::new();
    let Some(key) = key(conn)? else { return Ok(found) };
    let keyed = Keyed::new(&key);
    let mut permits = conn.prepare_cached(
        "SELECT p.subject_id, e.contact_point FROM crm_consent_permit p JOIN crm_consent_event e \
         ON e.subject_id = p.subject_id AND e.id = p.event_id WHERE p.is_suppressed",
    )?;
    let mut permits = permits.query([])?;
    while let Some(row) = permits.next()? {
        let point = row.get_ref(1)?.as_str().unwrap_or_default();
        if !is_suppressed(conn, &keyed.hash(&present_form(point)))? {
            found.insert(RecordId::from_bytes(row.get(0)?));
        }
    }
    Ok(found)
}

/// The records that permit something at a contact point that is suppressed, and of which the file does not
/// have it yet: every contact point is hashed once.
pub(crate) fn newly_suppressed(conn: &Connection) -> Result<BTreeSet<RecordId>> {
    let sql =
        "SELECT DISTINCT contact_point FROM crm_consent_event WHERE contact_point IS NOT NULL";
    newly_suppressed_of(conn, |visit| {
        let mut points = conn.prepare_cached(sql)?;
        let mut points = points.query([])?;
        while let Some(row) = points.next()? {
            visit(row.get_ref(0)?.as_str().unwrap_or_default())?;
        }
        Ok(())
    })
}

/// The same, where only what may be spelled as one of these contact points, in their normal form, became
/// suppressed: an index finds what that is.
pub(crate) fn newly_suppressed_as<'p>(
    conn: &Connection,
    mut points: impl Iterator<Item = &'p str>,
) -> Result<BTreeSet<RecordId>> {
    newly_suppressed_of(conn, |visit| points.try_for_each(|one| spelled(conn, one, visit)))
}

/// Those of whom one of the contact points that `each` shows is suppressed.
fn newly_suppressed_of(
    conn: &Connection,
    each: impl FnOnce(&mut dyn FnMut(&str) -> Result<()>) -> Result<()>,
) -> Result<BTreeSet<RecordId>> {
    let mut found = BTreeSet::new();
    if !has_suppressed(conn)? {
        return Ok(found);
    }
    let Some(key) = key(conn)? else { return Ok(found) };
    let keyed = Keyed::new(&key);
    let mut subjects = conn.prepare_cached(
        "SELECT DISTINCT p.subject_id FROM crm_consent_event e JOIN crm_consent_permit p \
         ON p.subject_id = e.subject_id AND p.event_id = e.id \
         WHERE e.contact_point = ?1 AND NOT p.is_suppressed",
    )?;
    each(&mut |point| {
        if is_suppressed(conn, &keyed.hash(&present_form(point)))? {
            let ids = subjects.query_map([point], |row| row.get(0))?;
            found.extend(
                ids.map(|id| id.map(RecordId::from_bytes))
                    .collect::<rusqlite::Result<BTreeSet<_>>>()?,
            );
        }
        Ok(())
    })?;
    Ok(found)
}

/// Shows `visit` the contact points of the ledger that may be another spelling of one: of a name those that
/// differ in letter case, of an address those before whose domain the same stands in any letter case, for
/// the domain may be in its other form.
fn spelled(
    conn: &Connection,
    point: &str,
    visit: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let stem = match point.rfind('@') {
        // What an address has before its domain; `@ann` is the name of an account.
        Some(at) if at > 0 => &point[..=at],
        _ => point,
    };
    let mut first = conn.prepare_cached(
        "SELECT contact_point FROM crm_consent_event WHERE contact_point >= ?1 \
         ORDER BY contact_point LIMIT 1",
    )?;
    let mut first = |from: &str| first.query_row([from], |row| row.get::<_, String>(0)).optional();
    let stem_folded = folded(stem);
    let mut beginnings = vec![String::new()];
    while let Some(beginning) = beginnings.pop() {
        let is_whole = folded(&beginning) == stem_folded;
        if is_whole && stem == point {
            visit(&beginning)?;
            continue;
        }
        // Which characters follow, or which contact points if no more is asked of them.
        let mut from = beginning.clone();
        while let Some(found) = first(&from)?.filter(|found| found.starts_with(&beginning)) {
            let Some(next) = found[beginning.len()..].chars().next() else {
                from.push('\0');
                continue;
            };
            if is_whole {
                visit(&found)?;
                from = found + "\0";
                continue;
            }
            from = format!("{beginning}{next}");
            if stem_folded.starts_with(&folded(&from)) {
                beginnings.push(from.clone());
            }
            // The first text that begins otherwise; none comes after the last character.
            from.pop();
            let Some(after) = (next..=char::MAX).nth(1) else { break };
            from.push(after);
        }
    }
    Ok(())
}

/// A text without letter case, character by character, so that what a text begins with folds to what the
/// folded text begins with.
fn folded(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// Suppresses a contact point, and answers whether it was not yet.
pub(crate) fn suppress(tx: &Transaction<'_>, hash: &[u8; 32], id: RecordId) -> Result<bool> {
    let sql =
        "INSERT INTO crm_suppression (hash, record_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.prepare_cached(sql)?.execute((hash, id.as_bytes()))? > 0)
}

/// Lets a contact point come back; answers since whose erasure it was suppressed, if it was.
pub(crate) fn lift(tx: &Transaction<'_>, hash: &[u8; 32]) -> Result<Option<RecordId>> {
    let sql = "DELETE FROM crm_suppression WHERE hash = ?1 RETURNING record_id";
    let id = tx.prepare_cached(sql)?.query_row([hash], |row| row.get(0)).optional()?;
    Ok(id.map(RecordId::from_bytes))
}

/// Since whose erasure a contact point of this hash is suppressed, if it is.
pub(crate) fn suppressed_since(conn: &Connection, hash: &[u8; 32]) -> Result<Option<RecordId>> {
    let sql = "SELECT record_id FROM crm_suppression WHERE hash = ?1";
    let id = conn.prepare_cached(sql)?.query_row([hash], |row| row.get(0)).optional()?;
    Ok(id.map(RecordId::from_bytes))
}

/// Shows `visit` what the journal tells of erasures, of contact points that came back and of proofs that
/// went, in order: the place, the kind, the name of the type, the record and the body.
pub(crate) fn told_erasures(
    conn: &Connection,
    mut visit: impl FnMut(i64, &str, Option<String>, Option<RecordId>, &str) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT seq, kind, entity_type, record_id, body FROM crm_journal \
               WHERE kind IN ('record_erased', 'suppression_lifted', 'proofs_swept') \
               AND salt IS NOT NULL ORDER BY seq";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: Option<[u8; 16]> = row.get(3)?;
        let (kind, body): (String, String) = (row.get(1)?, row.get(4)?);
        visit(row.get(0)?, &kind, row.get(2)?, id.map(RecordId::from_bytes), &body)?;
    }
    Ok(())
}

/// What the journal says of the contact points that came back, in order.
pub(crate) fn told_lifts(conn: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT body FROM crm_journal \
               WHERE kind = 'suppression_lifted' AND salt IS NOT NULL ORDER BY seq";
    let mut statement = conn.prepare_cached(sql)?;
    let bodies = statement.query_map([], |row| row.get(0))?;
    Ok(bodies.collect::<rusqlite::Result<_>>()?)
}

/// What the journal says of those erasures that took definitions from it.
pub(crate) fn told_of_definitions(conn: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT j.body FROM crm_erasure e JOIN crm_journal j ON j.seq = e.seq \
               WHERE j.kind = 'record_erased' AND j.body ->> '$.definitions' IS NOT NULL";
    let mut statement = conn.prepare(sql)?;
    let bodies = statement.query_map([], |row| row.get(0))?;
    Ok(bodies.collect::<rusqlite::Result<_>>()?)
}

/// The hashes of the contact points that are suppressed since a record was erased, sorted.
pub(crate) fn hashes_of(conn: &Connection, id: RecordId) -> Result<Vec<[u8; 32]>> {
    let sql = "SELECT hash FROM crm_suppression WHERE record_id = ?1 ORDER BY hash";
    let mut statement = conn.prepare_cached(sql)?;
    let hashes = statement.query_map([id.as_bytes()], |row| row.get(0))?;
    Ok(hashes.collect::<rusqlite::Result<_>>()?)
}

/// Keeps proof of a consent.
pub(crate) fn insert_proof(
    tx: &Transaction<'_>,
    record: RecordId,
    event: RecordId,
    keep_until: Timestamp,
    proof: &str,
) -> Result<()> {
    let sql = "INSERT INTO crm_consent_proof (record_id, event_id, keep_until, proof) \
               VALUES (?1, ?2, ?3, ?4)";
    let key = (record.as_bytes(), event.as_bytes(), keep_until.micros(), proof);
    tx.prepare_cached(sql)?.execute(key)?;
    Ok(())
}

/// The proofs of consent that are kept of a record: the event, until when, and the JSON.
pub(crate) fn proofs_of(
    conn: &Connection,
    id: RecordId,
) -> Result<Vec<(RecordId, Timestamp, String)>> {
    let sql = "SELECT event_id, keep_until, proof FROM crm_consent_proof WHERE record_id = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok((RecordId::from_bytes(row.get(0)?), Timestamp::clamped(row.get(1)?), row.get(2)?))
    };
    let rows = statement.query_map([id.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many rows of a table of what is kept since erasures name records that were not erased.
pub(crate) fn count_strays(conn: &Connection, table: &str) -> Result<u64> {
    let sql = format!(
        "SELECT count(*) FROM {} WHERE record_id NOT IN (SELECT record_id FROM crm_erasure)",
        quote(table)
    );
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

/// Which kept proofs of consent are read.
pub(crate) struct Wanted {
    /// Those that are kept beyond a moment.
    pub(crate) beyond: Option<Timestamp>,
    pub(crate) record: Option<RecordId>,
    /// Those that were given with the contact point of this hash, in hexadecimal digits.
    pub(crate) contact_hash: Option<String>,
}

/// Where a list of kept proofs stands: until when the last one is kept, its record and its event.
pub(crate) type ProofPlace = (Timestamp, RecordId, RecordId);

/// A kept proof of consent, as JSON, and whose it was.
pub(crate) struct StoredProof {
    pub(crate) place: ProofPlace,
    pub(crate) entity_type: String,
    pub(crate) erased_at: Timestamp,
    pub(crate) json: String,
}

/// The kept proofs of consent after a place, in the order in which they go.
pub(crate) fn proofs(
    conn: &Connection,
    wanted: &Wanted,
    after: Option<&ProofPlace>,
    limit: u32,
) -> Result<Vec<StoredProof>> {
    let mut statement = conn.prepare_cached(
        "SELECT p.keep_until, p.record_id, p.event_id, e.entity_type, e.erased_at, p.proof \
         FROM crm_consent_proof p JOIN crm_erasure e ON e.record_id = p.record_id \
         WHERE p.keep_until > ?1 AND (p.keep_until, p.record_id, p.event_id) > (?2, ?3, ?4) \
         AND (?5 IS NULL OR p.record_id = ?5) \
         AND (?6 IS NULL OR p.proof ->> '$.contact_hash' = ?6) \
         ORDER BY p.keep_until, p.record_id, p.event_id LIMIT ?7",
    )?;
    let id = |row: &rusqlite::Row<'_>, place| row.get(place).map(RecordId::from_bytes);
    let read = |row: &rusqlite::Row<'_>| {
        Ok(StoredProof {
            place: (Timestamp::clamped(row.get(0)?), id(row, 1)?, id(row, 2)?),
            entity_type: row.get(3)?,
            erased_at: Timestamp::clamped(row.get(4)?),
            json: row.get(5)?,
        })
    };
    let start = (i64::MIN, [0; 16], [0; 16]);
    let (until, record, event) = after.map_or(start, |(until, record, event)| {
        (until.micros(), *record.as_bytes(), *event.as_bytes())
    });
    let beyond = wanted.beyond.map_or(i64::MIN, Timestamp::micros);
    let of_record = wanted.record.as_ref().map(RecordId::as_bytes);
    let rows = statement
        .query_map((beyond, until, record, event, of_record, &wanted.contact_hash, limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Erases proofs that are kept no longer, at most `limit`; answers how many.
pub(crate) fn erase_proofs(tx: &Transaction<'_>, now: Timestamp, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM crm_consent_proof WHERE (record_id, event_id) IN (SELECT record_id, event_id \
               FROM crm_consent_proof WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)";
    Ok(tx.execute(sql, (now.micros(), limit))? as u64)
}
