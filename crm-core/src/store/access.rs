//! The rows of a person, table by table, as the inventory finds them.
//!
//! It decides nothing: which tables are shown, and which of their columns, is said to it.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{consents::people, privacy::belongs, table::quote};
use crate::{RecordId, RecordRef, Result, cell::Cell};

/// A table whose rows of a person are read.
#[derive(Debug)]
pub(crate) struct PersonTable {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// How many rows are the person's.
    pub(crate) rows: u64,
    /// Reads the rows of a person, and the key of each behind its columns.
    select: String,
    /// The columns of the key, as SQL.
    keys: Vec<String>,
}

/// Where a page ended: the key of its last row.
pub(crate) type RowKey = Vec<Cell>;

/// A column that holds the hash of stored bytes, and its table.
pub(crate) type FileColumn = (String, String);

/// Definitions whose rows have a number here and a name there.
const NAMED: [(&str, &str); 9] = [
    ("crm_actor", "name"),
    ("crm_type", "name"),
    ("crm_activity_kind", "name"),
    ("crm_association_type", "name"),
    ("crm_attribute", "name"),
    ("crm_lifecycle", "name"),
    ("crm_segment", "name"),
    ("crm_score_model", "name"),
    ("crm_visitor", "key"),
];

/// What is true of the rows of a table that are a person's; `None` if rows of it belong to nobody.
fn whose(table: &str, files: &[FileColumn]) -> Option<String> {
    if !matches!(table, "crm_file" | "crm_file_piece") {
        return belongs(table);
    }
    let named = files.iter().filter_map(|(table, column)| {
        let (of_person, table, column) = (belongs(table)?, quote(table), quote(column));
        Some(format!("hash IN (SELECT unhex({column}) FROM {table} WHERE {of_person})"))
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| named.join(" OR "))
}

/// A table with the columns that are shown, and how many of its rows are a person's. `None` if there
/// are none.
pub(crate) fn person_table(
    conn: &Connection,
    name: &str,
    id: RecordId,
    files: &[FileColumn],
    is_shown: impl Fn(&str) -> bool,
) -> Result<Option<PersonTable>> {
    let Some(whose) = whose(name, files) else { return Ok(None) };
    let table = quote(name);
    let sql = format!("SELECT count(*) FROM {table} WHERE {whose}");
    let rows: u64 = conn.prepare(&sql)?.query_row([id.as_bytes()], |row| row.get(0))?;
    if rows == 0 {
        return Ok(None);
    }
    let mut statement = conn.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let all =
        statement.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let all: Vec<(String, i64)> = all.collect::<rusqlite::Result<_>>()?;
    let mut keys: Vec<&(String, i64)> = all.iter().filter(|(_, place)| *place > 0).collect();
    keys.sort_by_key(|(_, place)| *place);
    // The plus keeps SQLite from walking along the key through the rows of everybody.
    let keys: Vec<String> =
        keys.iter().map(|(column, _)| format!("+t.{}", quote(column))).collect();
    let names = named_columns(conn, name)?;
    let shown: Vec<&String> =
        all.iter().map(|(column, _)| column).filter(|column| is_shown(column)).collect();
    let texts = shown.iter().map(|column| {
        let quoted = quote(column);
        match names.iter().find(|(from, _)| from == *column) {
            Some((_, (parent, name))) => {
                format!("(SELECT p.{name} FROM {parent} p WHERE p.id = t.{quoted})")
            }
            None if *column == "bytes" && name == "crm_file_piece" => {
                // The content is read by its hash.
                "length(bytes)".to_owned()
            }
            None => format!("t.{quoted}"),
        }
    });
    let texts: Vec<String> = texts.chain(keys.iter().cloned()).collect();
    let select = format!("SELECT {} FROM {table} t WHERE ({whose})", texts.join(", "));
    let columns = shown.into_iter().cloned().collect();
    Ok(Some(PersonTable { name: name.to_owned(), columns, rows, select, keys }))
}

/// A column, and where the name of what it refers to stands.
type NamedColumn = (String, (&'static str, &'static str));

/// The columns that hold the number of a definition.
fn named_columns(conn: &Connection, table: &str) -> Result<Vec<NamedColumn>> {
    let mut statement = conn.prepare(
        "SELECT \"from\", \"table\" FROM pragma_foreign_key_list(?1) WHERE \"to\" = 'id'",
    )?;
    let keys = statement
        .query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let keys: Vec<(String, String)> = keys.collect::<rusqlite::Result<_>>()?;
    let known = keys.into_iter().filter_map(|(column, parent)| {
        NAMED.iter().find(|(name, _)| *name == parent).map(|named| (column, *named))
    });
    Ok(known.collect())
}

/// A page of the rows of a person after a key, in the order of the table's key; and the key of the
/// last of them.
pub(crate) fn person_rows(
    conn: &Connection,
    table: &PersonTable,
    id: RecordId,
    after: Option<&RowKey>,
    limit: u32,
) -> Result<(Vec<Vec<Cell>>, Option<RowKey>)> {
    let PersonTable { select, keys, columns, .. } = table;
    let order = keys.join(", ");
    let mut sql = select.clone();
    if let Some(after) = after {
        let given: Vec<String> = (3..3 + after.len()).map(|place| format!("?{place}")).collect();
        sql += &format!(" AND ({order}) > ({})", given.join(", "));
    }
    sql += &format!(" ORDER BY {order} LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, id.as_bytes())?;
    statement.raw_bind_parameter(2, limit)?;
    for (place, cell) in after.into_iter().flatten().enumerate() {
        statement.raw_bind_parameter(3 + place, cell)?;
    }
    let mut rows = statement.raw_query();
    let (mut page, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let read = |places: std::ops::Range<usize>| {
            places.map(|place| row.get(place)).collect::<rusqlite::Result<Vec<Cell>>>()
        };
        page.push(read(0..columns.len())?);
        last = Some(read(columns.len()..columns.len() + keys.len())?);
    }
    Ok((page, last))
}

/// Somebody or something that changed a record.
pub(crate) struct Origin {
    pub(crate) actor: String,
    pub(crate) cause: Option<String>,
    /// The kind of its first change, and the stamp of that.
    pub(crate) first: (String, i64),
}

/// Who changed a record and by what cause, in the order of the first change of each.
pub(crate) fn origins(conn: &Connection, id: RecordId) -> Result<Vec<Origin>> {
    let mut statement = conn.prepare_cached(
        "SELECT a.name, j.cause, j.kind, j.hlc, min(j.seq) FROM crm_journal j JOIN crm_actor a \
         ON a.id = j.actor WHERE j.record_id = ?1 GROUP BY j.actor, j.cause ORDER BY min(j.seq)",
    )?;
    let origins = statement.query_map([id.as_bytes()], |row| {
        Ok(Origin { actor: row.get(0)?, cause: row.get(1)?, first: (row.get(2)?, row.get(3)?) })
    })?;
    Ok(origins.collect::<rusqlite::Result<_>>()?)
}

/// The events of the records that are linked with one, and of which record each is.
pub(crate) fn linked_events(
    conn: &Connection,
    subject: RecordId,
) -> Result<BTreeMap<RecordId, RecordRef>> {
    let mut statement = conn.prepare_cached(
        "SELECT e.id, t.name FROM crm_consent_event e JOIN crm_type t ON t.id = e.type_id \
         WHERE e.subject_id = ?1",
    )?;
    let mut events = BTreeMap::new();
    for other in people(conn, subject)?.0.into_iter().filter(|one| *one != subject) {
        let mut rows = statement.query([other.as_bytes()])?;
        while let Some(row) = rows.next()? {
            events.insert(
                RecordId::from_bytes(row.get(0)?),
                RecordRef::new(row.get::<_, String>(1)?, other),
            );
        }
    }
    Ok(events)
}
