//! Rows of `crm_association` and `crm_association_type`, and the side tables of the types.
//!
//! The names of types are joined to their numbers here, so that nobody above sees a number. Like the
//! other tables' SQL it maps and decides nothing.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params_from_iter};

use super::side_table::{self, SideTable};
use crate::{
    DefineAssociationType, Error, ErrorKind, RecordId, RecordRef, Result, Timestamp,
    association::{AssociationModel, FIXED, Period, Sibling, StoredAssociation},
    cell::Cell,
};

const OWNER: &str = "crm_association";

/// A type of associations with its side table.
#[derive(Debug)]
pub(crate) struct AssociationTable {
    pub(crate) model: AssociationModel,
    side: SideTable,
}

impl AssociationTable {
    pub(crate) fn new(model: AssociationModel) -> Arc<Self> {
        let side = SideTable::new(OWNER, &model.attributes);
        Arc::new(Self { model, side })
    }
}

/// An end of an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    From,
    To,
}

impl End {
    /// The columns of this end's id and of the other end's.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::From => ("from_id", "to_id"),
            Self::To => ("to_id", "from_id"),
        }
    }

    fn type_column(self) -> &'static str {
        match self {
            Self::From => "from_type",
            Self::To => "to_type",
        }
    }
}

/// All types of associations.
pub(crate) fn load_types(conn: &Connection) -> Result<Vec<AssociationModel>> {
    let mut statement =
        conn.prepare("SELECT id, definition, archived_at FROM crm_association_type")?;
    let rows = statement.query_and_then([], |row| {
        let damaged = || Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read");
        let definition = serde_json::from_str(&row.get::<_, String>(1)?).map_err(|_| damaged())?;
        let archived_at = row.get::<_, Option<i64>>(2)?.map(Timestamp::clamped);
        AssociationModel::load(row.get(0)?, definition, archived_at).map_err(|_| damaged())
    })?;
    rows.collect()
}

/// The JSON of a definition.
pub(crate) fn type_json(definition: &DefineAssociationType) -> String {
    serde_json::to_string(definition).expect("a checked definition is always JSON")
}

/// Adds a type, or writes the new definition of one, whose attributes from `added` on are new.
/// Answers its number.
pub(crate) fn save_type(
    tx: &Transaction<'_>,
    model: &AssociationModel,
    json: &str,
    added: usize,
) -> Result<i64> {
    let id = match model.id {
        0 => {
            let sql = "INSERT INTO crm_association_type (name, definition) VALUES (?1, ?2)";
            tx.execute(sql, (model.name(), json))?;
            tx.last_insert_rowid()
        }
        id => {
            let sql = "UPDATE crm_association_type SET definition = ?2 WHERE id = ?1";
            tx.execute(sql, (id, json))?;
            id
        }
    };
    side_table::extend(tx, OWNER, &model.attributes, added)?;
    Ok(id)
}

/// Archives a type, or takes it out of the archive.
pub(crate) fn archive_type(tx: &Transaction<'_>, id: i64, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_association_type SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}

/// A cross join keeps SQLite from beginning with the types, which would cost the order of an index.
const SELECT: &str = "SELECT a.seq, a.id, t.name, a.version, f.name, a.from_id, o.name, a.to_id, \
     a.created_at, a.updated_at, a.archived_at, a.role, a.is_primary, a.valid_from, a.valid_to, a.type \
     FROM crm_association a CROSS JOIN crm_association_type t ON t.id = a.type \
     CROSS JOIN crm_type f ON f.id = a.from_type CROSS JOIN crm_type o ON o.id = a.to_type";
/// Where the columns that can change begin in it.
const FIRST_FIXED: usize = 11;
/// Where the number of the type stands in it.
const TYPE: usize = FIRST_FIXED + FIXED.len();

fn read_row(row: &Row<'_>) -> rusqlite::Result<StoredAssociation> {
    let end = |name: usize| -> rusqlite::Result<RecordRef> {
        Ok(RecordRef { entity_type: row.get(name)?, id: RecordId::from_bytes(row.get(name + 1)?) })
    };
    let cells = (FIRST_FIXED..TYPE).map(|place| row.get(place));
    Ok(StoredAssociation {
        seq: row.get(0)?,
        id: RecordId::from_bytes(row.get(1)?),
        association_type: row.get(2)?,
        version: row.get(3)?,
        from: end(4)?,
        to: end(6)?,
        created_at: Timestamp::clamped(row.get(8)?),
        updated_at: Timestamp::clamped(row.get(9)?),
        archived_at: row.get::<_, Option<i64>>(10)?.map(Timestamp::clamped),
        cells: cells.collect::<rusqlite::Result<_>>()?,
    })
}

/// The association of an id, without the cells of its attributes.
pub(crate) fn get(conn: &Connection, id: RecordId) -> Result<Option<StoredAssociation>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE a.id = ?1"))?;
    Ok(statement.query_row([id.as_bytes()], read_row).optional()?)
}

/// Appends the cells of its attributes to those of a row that was just read.
pub(crate) fn complete(
    conn: &Connection,
    table: &AssociationTable,
    row: &mut StoredAssociation,
) -> Result<()> {
    row.cells.resize(table.model.whole.columns, Cell::Null);
    side_table::get_many(conn, &table.side, &format!("[{}]", row.seq), |_, cells| {
        row.cells[FIXED.len()..].clone_from_slice(&cells);
    })
}

/// Adds a row between records of the entity types of these numbers.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    table: &AssociationTable,
    row: &StoredAssociation,
    (from_type, to_type): (i64, i64),
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_association (seq, id, type, version, from_type, from_id, to_type, to_id, \
         created_at, updated_at, role, is_primary, valid_from, valid_to) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.raw_bind_parameter(1, row.seq)?;
    statement.raw_bind_parameter(2, row.id.as_bytes())?;
    statement.raw_bind_parameter(3, table.model.id)?;
    statement.raw_bind_parameter(4, row.version)?;
    statement.raw_bind_parameter(5, from_type)?;
    statement.raw_bind_parameter(6, row.from.id.as_bytes())?;
    statement.raw_bind_parameter(7, to_type)?;
    statement.raw_bind_parameter(8, row.to.id.as_bytes())?;
    statement.raw_bind_parameter(9, row.created_at.micros())?;
    statement.raw_bind_parameter(10, row.updated_at.micros())?;
    for (place, cell) in row.cells[..FIXED.len()].iter().enumerate() {
        statement.raw_bind_parameter(11 + place, cell)?;
    }
    statement.raw_execute()?;
    side_table::put(tx, &table.side, row.seq, &row.cells[FIXED.len()..], true)
}

/// Writes everything of a row that can change.
pub(crate) fn update(
    tx: &Transaction<'_>,
    table: &AssociationTable,
    row: &StoredAssociation,
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "UPDATE crm_association SET version = ?, updated_at = ?, archived_at = ?, \
         role = ?, is_primary = ?, valid_from = ?, valid_to = ? WHERE seq = ?",
    )?;
    statement.raw_bind_parameter(1, row.version)?;
    statement.raw_bind_parameter(2, row.updated_at.micros())?;
    statement.raw_bind_parameter(3, row.archived_at.map(Timestamp::micros))?;
    for (place, cell) in row.cells[..FIXED.len()].iter().enumerate() {
        statement.raw_bind_parameter(4 + place, cell)?;
    }
    statement.raw_bind_parameter(4 + FIXED.len(), row.seq)?;
    statement.raw_execute()?;
    side_table::put(tx, &table.side, row.seq, &row.cells[FIXED.len()..], false)
}

/// The associations in use of a type that a record is this end of.
pub(crate) fn siblings(
    conn: &Connection,
    type_id: i64,
    end: End,
    id: RecordId,
) -> Result<Vec<Sibling>> {
    let (own, _) = end.columns();
    let mut statement = conn.prepare_cached(&format!(
        "SELECT id, role, is_primary, valid_from, valid_to FROM crm_association \
         WHERE {own} = ?1 AND type = ?2 AND archived_at IS NULL"
    ))?;
    let rows = statement.query_and_then((id.as_bytes(), type_id), read_sibling)?;
    rows.collect()
}

/// The associations in use of a type that lead from one record to another.
pub(crate) fn between(
    conn: &Connection,
    type_id: i64,
    from: RecordId,
    to: RecordId,
) -> Result<Vec<Sibling>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, role, is_primary, valid_from, valid_to FROM crm_association \
         WHERE from_id = ?1 AND type = ?2 AND to_id = ?3 AND archived_at IS NULL",
    )?;
    let rows = statement.query_and_then((from.as_bytes(), type_id, to.as_bytes()), read_sibling)?;
    rows.collect()
}

fn read_sibling(row: &Row<'_>) -> Result<Sibling> {
    Ok(Sibling {
        id: RecordId::from_bytes(row.get(0)?),
        role: row.get(1)?,
        is_primary: row.get(2)?,
        period: Period::new(row.get(3)?, row.get(4)?)?,
    })
}

/// The records to which associations of a type in use lead from one.
pub(crate) fn above(conn: &Connection, type_id: i64, id: RecordId) -> Result<Vec<RecordId>> {
    let mut statement = conn.prepare_cached(
        "SELECT to_id FROM crm_association WHERE from_id = ?1 AND type = ?2 AND archived_at IS NULL",
    )?;
    let rows = statement.query_map((id.as_bytes(), type_id), |row| row.get(0))?;
    Ok(rows.map(|id| id.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// How many associations of a type are in use; of those with a record of an entity type at an end,
/// if one is named.
pub(crate) fn count_in_use(
    conn: &Connection,
    type_id: i64,
    with: Option<(End, i64)>,
) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_association WHERE type = ?1 AND archived_at IS NULL";
    Ok(match with {
        None => conn.query_row(sql, [type_id], |row| row.get(0))?,
        Some((end, entity_type)) => {
            let sql = format!("{sql} AND {} = ?2", end.type_column());
            conn.query_row(&sql, (type_id, entity_type), |row| row.get(0))?
        }
    })
}

/// Shows the periods of all associations in use of a type to `visit`, together for each record that
/// is this end of some.
pub(crate) fn periods_by_record(
    conn: &Connection,
    type_id: i64,
    end: End,
    mut visit: impl FnMut(&[Period]),
) -> Result<()> {
    let (own, _) = end.columns();
    let mut statement = conn.prepare(&format!(
        "SELECT {own}, valid_from, valid_to FROM crm_association \
         WHERE type = ?1 AND archived_at IS NULL ORDER BY {own}"
    ))?;
    let mut rows = statement.query([type_id])?;
    let mut group: Option<(RecordId, Vec<Period>)> = None;
    while let Some(row) = rows.next()? {
        let id = RecordId::from_bytes(row.get(0)?);
        let period = Period::new(row.get(1)?, row.get(2)?)?;
        match &mut group {
            Some((last, periods)) if *last == id => periods.push(period),
            _ => {
                if let Some((_, periods)) = group.replace((id, vec![period])) {
                    visit(&periods);
                }
            }
        }
    }
    if let Some((_, periods)) = group {
        visit(&periods);
    }
    Ok(())
}

/// Which associations of a record to list.
#[derive(Debug, Clone)]
pub(crate) struct Around<'a> {
    pub(crate) id: RecordId,
    /// Which end of them the record is.
    pub(crate) end: End,
    pub(crate) type_id: Option<i64>,
    pub(crate) role: Option<&'a str>,
    /// Only those that hold on this day.
    pub(crate) on: Option<i64>,
    /// Whether those that are archived themselves come too.
    pub(crate) with_archived: bool,
    pub(crate) after: Option<Place>,
}

/// The place of an association among those of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) type_id: i64,
    pub(crate) other: RecordId,
    pub(crate) seq: i64,
}

/// Shows associations of a record, without the cells of their attributes, to `visit`, until it says
/// stop: by type, by the id of the other record, and in the order in which they were added.
pub(crate) fn around(
    conn: &Connection,
    around: &Around<'_>,
    mut visit: impl FnMut(StoredAssociation, Place) -> Result<bool>,
) -> Result<()> {
    let (own, other) = around.end.columns();
    let mut sql = format!("{SELECT} WHERE a.{own} = ?");
    let mut parameters = vec![Cell::Blob(around.id.as_bytes().to_vec())];
    if let Some(type_id) = around.type_id {
        sql.push_str(" AND a.type = ?");
        parameters.push(Cell::Integer(type_id));
    }
    if let Some(role) = around.role {
        sql.push_str(" AND a.role = ?");
        parameters.push(Cell::Text(role.to_owned()));
    }
    if let Some(day) = around.on {
        sql.push_str(
            " AND (a.valid_from IS NULL OR a.valid_from <= ?) AND (a.valid_to IS NULL OR a.valid_to >= ?)",
        );
        parameters.extend([Cell::Integer(day), Cell::Integer(day)]);
    }
    if !around.with_archived {
        sql.push_str(" AND a.archived_at IS NULL");
    }
    if let Some(place) = around.after {
        sql.push_str(&format!(" AND (a.type, a.{other}, a.seq) > (?, ?, ?)"));
        parameters.push(Cell::Integer(place.type_id));
        parameters.push(Cell::Blob(place.other.as_bytes().to_vec()));
        parameters.push(Cell::Integer(place.seq));
    }
    sql.push_str(&format!(" ORDER BY a.type, a.{other}, a.seq"));
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        let found = read_row(row)?;
        let other = match around.end {
            End::From => found.to.id,
            End::To => found.from.id,
        };
        let place = Place { type_id: row.get(TYPE)?, other, seq: found.seq };
        if !visit(found, place)? {
            break;
        }
    }
    Ok(())
}

/// Associations after the one that the change `after` added, in the order in which they were added,
/// without the cells of their attributes.
pub(crate) fn page(conn: &Connection, after: i64, limit: u32) -> Result<Vec<StoredAssociation>> {
    let sql = format!("{SELECT} WHERE a.seq > ?1 ORDER BY a.seq LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((after, limit), read_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many associations the file has, archived ones included.
pub(crate) fn count(conn: &Connection) -> Result<u64> {
    Ok(conn.query_row("SELECT count(*) FROM crm_association", [], |row| row.get(0))?)
}

/// How many rows of the side table of a type belong to no association of it.
pub(crate) fn count_stray_values(conn: &Connection, table: &AssociationTable) -> Result<u64> {
    if table.model.attributes.attributes.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "SELECT count(*) FROM {} s WHERE NOT EXISTS \
         (SELECT 1 FROM crm_association a WHERE a.seq = s.seq AND a.type = ?1)",
        table.side.name
    );
    Ok(conn.query_row(&sql, [table.model.id], |row| row.get(0))?)
}
