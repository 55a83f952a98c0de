//! What evaluating a condition in memory needs to know beyond a record's own row.
//!
//! Everything is read plainly, without the condition: which of it counts is decided in
//! `condition::evaluate`.

use rusqlite::{Connection, Row};

use super::table::{Table, quote};
use crate::{
    RecordId, Result,
    cell::Cell,
    condition::{ACTIVITY_COLUMNS, Detail},
    schema::{AttributeModel, TypeModel},
};

/// A valid or formerly valid association of a record, seen from there.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) other: RecordId,
    pub(crate) role: Option<String>,
    pub(crate) is_primary: bool,
    pub(crate) valid: (Option<i64>, Option<i64>),
}

/// The activities of a record that are not superseded, of one kind or of any: as many of their columns
/// as are asked for. At most `limit`.
pub(crate) fn activities(
    conn: &Connection,
    subject: RecordId,
    (kind, detail): (Option<&TypeModel>, Detail),
    limit: usize,
) -> Result<Vec<Vec<Cell>>> {
    let (columns, from) = activity_columns(kind, detail);
    let of_kind = kind.map(|kind| format!(" AND a.kind = {}", kind.id)).unwrap_or_default();
    let sql = format!(
        "SELECT {} FROM {from} WHERE a.subject = ?1 AND a.superseded_by IS NULL{of_kind} LIMIT ?2",
        columns.join(", ")
    );
    let read = |row: &Row<'_>| (0..columns.len()).map(|place| row.get(place)).collect();
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((subject.as_bytes(), limit), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One activity, of the kind that is named.
pub(crate) fn activity(conn: &Connection, seq: i64, kind: Option<&TypeModel>) -> Result<Vec<Cell>> {
    let (columns, from) = activity_columns(kind, Detail::Properties);
    let sql = format!("SELECT {} FROM {from} WHERE a.seq = ?1", columns.join(", "));
    let read = |row: &Row<'_>| (0..columns.len()).map(|place| row.get(place)).collect();
    Ok(conn.prepare_cached(&sql)?.query_row([seq], read)?)
}

/// The columns that facts about activities have, as many as are asked for, and the tables that hold
/// them.
pub(super) fn activity_columns(kind: Option<&TypeModel>, detail: Detail) -> (Vec<String>, String) {
    let mut columns: Vec<String> =
        ACTIVITY_COLUMNS.iter().map(|column| format!("a.{column}")).collect();
    let mut from = "crm_activity a".to_owned();
    if detail == Detail::Time {
        // An index may have it.
        columns.truncate(1);
    }
    if let Some(kind) = kind.filter(|_| detail == Detail::Properties) {
        let properties = kind.attributes.iter().flat_map(AttributeModel::column_names);
        columns.extend(properties.map(|column| format!("p.{}", quote(&column))));
        if !kind.attributes.is_empty() {
            let table = quote(&format!("crm_activity_{}", kind.name));
            from.push_str(&format!(" LEFT JOIN {table} p ON p.seq = a.seq"));
        }
    }
    (columns, from)
}

/// The associations in use of one type at this end of a record, to records of an entity type. At
/// most `limit`.
pub(crate) fn links(
    conn: &Connection,
    association: i64,
    record: RecordId,
    inverse: bool,
    far_type: i64,
    limit: usize,
) -> Result<Vec<Link>> {
    let (near, far) = if inverse { ("to", "from") } else { ("from", "to") };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {far}_id, role, is_primary, valid_from, valid_to FROM crm_association \
         WHERE {near}_id = ?1 AND type = ?2 AND {far}_type = ?3 AND archived_at IS NULL LIMIT ?4"
    ))?;
    let rows = statement.query_map((record.as_bytes(), association, far_type, limit), |row| {
        let other = RecordId::from_bytes(row.get(0)?);
        let (role, is_primary) = (row.get(1)?, row.get(2)?);
        Ok(Link { other, role, is_primary, valid: (row.get(3)?, row.get(4)?) })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The records of a table that refer to a record by this column. At most `limit`.
pub(crate) fn referring(
    conn: &Connection,
    table: &Table,
    column: &str,
    record: RecordId,
    limit: usize,
) -> Result<Vec<RecordId>> {
    let sql = format!("SELECT id FROM {} WHERE {} = ?1 LIMIT ?2", table.name, quote(column));
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((record.as_bytes(), limit), |row| row.get(0))?;
    Ok(rows.map(|id| id.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}
