//! Rows of entity tables.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write. They decide nothing: what
//! a row holds was judged in `record`, and whether it may be written in `engine`.

use rusqlite::{
    Connection, OptionalExtension as _, Row, Transaction, params_from_iter, types::ToSql,
};

use super::{
    condition::Expression,
    search::{self, Owner},
    table::{FIXED_COLUMNS, Table, quote},
};
use crate::{
    Archived, RecordId, Result, Timestamp, cell::Cell, condition::RECORD_COLUMNS, record::Draft,
    schema::AttributeModel,
};

/// A row of an entity table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRow {
    pub(crate) id: RecordId,
    pub(crate) version: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) archived_at: Option<Timestamp>,
    pub(crate) cells: Vec<Cell>,
}

impl StoredRow {
    /// The columns as conditions number them: those that every row has, then those of the attributes.
    pub(crate) fn into_columns(self) -> Vec<Cell> {
        let mut columns = Vec::with_capacity(RECORD_COLUMNS.len() + self.cells.len());
        columns.extend([
            Cell::Blob(self.id.as_bytes().to_vec()),
            Cell::Integer(self.version),
            Cell::Integer(self.created_at.micros()),
            Cell::Integer(self.updated_at.micros()),
        ]);
        debug_assert_eq!(columns.len(), RECORD_COLUMNS.len());
        columns.extend(self.cells);
        columns
    }
}

fn read_row(row: &Row<'_>, table: &Table) -> rusqlite::Result<StoredRow> {
    // Collecting fallible items would not know their number, and grow the row step by step.
    let mut cells = Vec::with_capacity(table.model.columns);
    for place in 0..table.model.columns {
        cells.push(row.get(FIXED_COLUMNS + place)?);
    }
    Ok(StoredRow {
        id: RecordId::from_bytes(row.get(0)?),
        version: row.get(1)?,
        created_at: Timestamp::clamped(row.get(2)?),
        updated_at: Timestamp::clamped(row.get(3)?),
        archived_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::clamped),
        cells,
    })
}

/// The row of an id.
pub(crate) fn get(conn: &Connection, table: &Table, id: RecordId) -> Result<Option<StoredRow>> {
    let mut statement = conn.prepare_cached(&table.select_by_id)?;
    let row = statement.query_row([id.as_bytes()], |row| read_row(row, table)).optional()?;
    Ok(row)
}

/// The row whose leading column of the attribute at `place` equals `key`.
pub(crate) fn get_by(
    conn: &Connection,
    table: &Table,
    place: usize,
    key: &Cell,
) -> Result<Option<StoredRow>> {
    let mut statement = conn.prepare_cached(&table.select_by[place])?;
    let row = statement.query_row([key], |row| read_row(row, table)).optional()?;
    Ok(row)
}

/// Another record than `id` that holds `key` in the attribute at `place`.
pub(crate) fn find_other(
    conn: &Connection,
    table: &Table,
    place: usize,
    key: &Cell,
    id: RecordId,
) -> Result<Option<RecordId>> {
    let mut statement = conn.prepare_cached(&table.find_other[place])?;
    let parameters: [&dyn ToSql; 2] = [key, id.as_bytes()];
    let other = statement.query_row(parameters, |row| row.get(0)).optional()?;
    Ok(other.map(RecordId::from_bytes))
}

/// Whether a record of this id is there, archived or not.
pub(crate) fn exists(conn: &Connection, table: &Table, id: &[u8]) -> Result<bool> {
    Ok(is_archived(conn, table, id)?.is_some())
}

/// Whether the record of this id is archived; `None` if it is not there.
pub(crate) fn is_archived(conn: &Connection, table: &Table, id: &[u8]) -> Result<Option<bool>> {
    let mut statement = conn.prepare_cached(&table.select_archived)?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// Adds a row of version 1, which the change `seq` of the journal creates, and its words.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    table: &Table,
    id: RecordId,
    (seq, at): (i64, Timestamp),
    cells: &[Cell],
) -> Result<()> {
    let mut statement = tx.prepare_cached(&table.insert)?;
    statement.raw_bind_parameter(1, id.as_bytes())?;
    statement.raw_bind_parameter(2, 1)?;
    statement.raw_bind_parameter(3, at.micros())?;
    statement.raw_bind_parameter(4, at.micros())?;
    statement.raw_bind_parameter(5, None::<i64>)?;
    for (place, cell) in cells.iter().enumerate() {
        statement.raw_bind_parameter(FIXED_COLUMNS + 1 + place, cell)?;
    }
    statement.raw_execute()?;
    search::add(tx, Owner::Type(table.model.id), &table.model, seq, cells, false)
}

/// Writes the changed columns of a row, and its words.
pub(crate) fn update(
    tx: &Transaction<'_>,
    table: &Table,
    id: RecordId,
    version: i64,
    at: Timestamp,
    draft: &Draft,
) -> Result<()> {
    let mut sql = format!("UPDATE {} SET version = ?, updated_at = ?", table.name);
    for (attribute, _) in draft.changes(&table.model) {
        for column in attribute.column_names() {
            sql.push_str(", ");
            sql.push_str(&quote(&column));
            sql.push_str(" = ?");
        }
    }
    sql.push_str(" WHERE id = ?");
    let mut statement = tx.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, version)?;
    statement.raw_bind_parameter(2, at.micros())?;
    let mut place = 3;
    for cell in draft.changes(&table.model).flat_map(|(_, cells)| cells) {
        statement.raw_bind_parameter(place, cell)?;
        place += 1;
    }
    statement.raw_bind_parameter(place, id.as_bytes())?;
    statement.raw_execute()?;
    search::update(tx, table, id, draft)
}

/// Archives a row, or takes it out of the archive.
pub(crate) fn set_archived(
    tx: &Transaction<'_>,
    table: &Table,
    id: RecordId,
    version: i64,
    at: Timestamp,
    is_archived: bool,
) -> Result<()> {
    let sql = format!(
        "UPDATE {} SET version = ?1, updated_at = ?2, archived_at = ?3 WHERE id = ?4",
        table.name
    );
    let archived_at = is_archived.then_some(at.micros());
    let parameters: [&dyn ToSql; 4] = [&version, &at.micros(), &archived_at, id.as_bytes()];
    tx.prepare_cached(&sql)?.execute(parameters)?;
    search::set_archived(tx, table, id, is_archived)
}

/// Replaces a record's rows in the side table of an indexed `choices` attribute.
pub(crate) fn set_choices(
    tx: &Transaction<'_>,
    attribute: &AttributeModel,
    id: RecordId,
    options: &[String],
) -> Result<()> {
    tx.prepare_cached("DELETE FROM crm_choice WHERE attribute_id = ?1 AND record_id = ?2")?
        .execute((attribute.id, id.as_bytes()))?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO crm_choice (attribute_id, option, record_id) VALUES (?1, ?2, ?3)",
    )?;
    for option in options {
        insert.execute((attribute.id, option, id.as_bytes()))?;
    }
    Ok(())
}

/// One term of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// The columns equal the cells; a NULL among them is equal to NULL.
    Equals { columns: Vec<String>, cells: Vec<Cell> },
    /// All columns are NULL.
    Missing { columns: Vec<String> },
    /// The list in this column holds the option.
    Holds { column: String, option: String },
    /// The side table names the record for this option.
    HoldsIndexed { attribute_id: i64, option: String },
    /// The expression is true.
    Condition(Expression),
}

/// Where a page begins: after this key (`None` without an order) and id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    pub(crate) key: Cell,
    pub(crate) id: RecordId,
}

/// What to list.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) terms: &'a [Term],
    pub(crate) archived: Archived,
    /// The leading column to order by, and whether descending.
    pub(crate) order: Option<(String, bool)>,
    pub(crate) after: Option<Position>,
    pub(crate) limit: u32,
}

/// A condition in the making: clauses that must all hold, and their parameters in order.
#[derive(Default)]
struct Condition {
    clauses: Vec<String>,
    parameters: Vec<Cell>,
}

impl Condition {
    fn append_to(&self, sql: &mut String) {
        if !self.clauses.is_empty() {
            sql.push_str(" WHERE ");
            conjoin(&self.clauses, sql);
        }
    }
}

/// Joins clauses by AND as a balanced tree. In one row each would lie a level deeper than the one
/// before, and SQLite limits the depth.
fn conjoin(clauses: &[String], sql: &mut String) {
    match clauses {
        [] => {}
        [clause] => sql.push_str(clause),
        _ => {
            let (left, right) = clauses.split_at(clauses.len() / 2);
            sql.push('(');
            conjoin(left, sql);
            sql.push_str(" AND ");
            conjoin(right, sql);
            sql.push(')');
        }
    }
}

fn condition(terms: &[Term], archived: Archived) -> Condition {
    let Condition { mut clauses, mut parameters } = Condition::default();
    match archived {
        Archived::Exclude => clauses.push("archived_at IS NULL".into()),
        Archived::Only => clauses.push("archived_at IS NOT NULL".into()),
        Archived::Include => {}
    }
    for term in terms {
        match term {
            Term::Equals { columns, cells } => {
                for (column, cell) in columns.iter().map(|column| quote(column)).zip(cells) {
                    match cell {
                        Cell::Null => clauses.push(format!("{column} IS NULL")),
                        cell => {
                            clauses.push(format!("{column} = ?"));
                            parameters.push(cell.clone());
                        }
                    }
                }
            }
            Term::Missing { columns } => {
                clauses.extend(columns.iter().map(|column| format!("{} IS NULL", quote(column))));
            }
            Term::Holds { column, option } => {
                let column = quote(column);
                clauses.push(format!("? IN (SELECT value FROM json_each({column}))"));
                parameters.push(Cell::Text(option.clone()));
            }
            Term::HoldsIndexed { attribute_id, option } => {
                clauses.push(
                    "id IN (SELECT record_id FROM crm_choice WHERE attribute_id = ? AND option = ?)"
                        .into(),
                );
                parameters.push(Cell::Integer(*attribute_id));
                parameters.push(Cell::Text(option.clone()));
            }
            Term::Condition(Expression { sql, parameters: bound }) => {
                clauses.push(sql.clone());
                parameters.extend(bound.iter().cloned());
            }
        }
    }
    Condition { clauses, parameters }
}

/// Adds "comes after `position`" in the order of `column`, NULL being the least.
fn beyond(position: &Position, order: Option<&(String, bool)>, condition: &mut Condition) {
    let id = Cell::Blob(position.id.as_bytes().to_vec());
    let key = position.key.clone();
    let (clause, parameters) = match (order, &position.key) {
        (None, _) => ("id > ?".to_owned(), vec![id]),
        (Some((column, descending)), Cell::Null) => {
            let column = quote(column);
            match descending {
                false => (format!("({column} IS NOT NULL OR id > ?)"), vec![id]),
                true => (format!("{column} IS NULL AND id < ?"), vec![id]),
            }
        }
        // A row value comparison walks the index from the position on; NULLs are not in it.
        (Some((column, descending)), _) => {
            let column = quote(column);
            match descending {
                false => (format!("({column}, id) > (?, ?)"), vec![key, id]),
                true => (format!("(({column}, id) < (?, ?) OR {column} IS NULL)"), vec![key, id]),
            }
        }
    };
    condition.clauses.push(clause);
    condition.parameters.extend(parameters);
}

/// The rows of a selection, in its order.
pub(crate) fn list(
    conn: &Connection,
    table: &Table,
    selection: &Selection<'_>,
) -> Result<Vec<StoredRow>> {
    let mut found = Vec::new();
    visit(conn, table, selection, |row| {
        found.push(row);
        Ok(())
    })?;
    Ok(found)
}

/// Shows the rows of a selection to `visit` one by one, in its order.
pub(crate) fn visit(
    conn: &Connection,
    table: &Table,
    selection: &Selection<'_>,
    mut visit: impl FnMut(StoredRow) -> Result<()>,
) -> Result<()> {
    let mut condition = condition(selection.terms, selection.archived);
    if let Some(position) = &selection.after {
        beyond(position, selection.order.as_ref(), &mut condition);
    }
    let mut sql = table.select.clone();
    condition.append_to(&mut sql);
    match &selection.order {
        None => sql.push_str(" ORDER BY id"),
        Some((column, false)) => sql.push_str(&format!(" ORDER BY {}, id", quote(column))),
        Some((column, true)) => {
            sql.push_str(&format!(" ORDER BY {} DESC, id DESC", quote(column)));
        }
    }
    sql.push_str(" LIMIT ?");
    condition.parameters.push(Cell::Integer(selection.limit.into()));
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(condition.parameters))?;
    while let Some(row) = rows.next()? {
        visit(read_row(row, table)?)?;
    }
    Ok(())
}

/// How many rows a selection has.
pub(crate) fn count(
    conn: &Connection,
    table: &Table,
    terms: &[Term],
    archived: Archived,
) -> Result<u64> {
    let condition = condition(terms, archived);
    let mut sql = format!("SELECT count(*) FROM {}", table.name);
    condition.append_to(&mut sql);
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row(params_from_iter(condition.parameters), |row| row.get(0))?)
}

/// Shows every row's cells of some attributes to `visit`, until it says stop.
pub(crate) fn scan(
    conn: &Connection,
    table: &Table,
    attribute: &AttributeModel,
    mut visit: impl FnMut(RecordId, &[Cell]) -> Result<bool>,
) -> Result<()> {
    let columns = attribute.column_names().map(|column| quote(&column));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let mut statement = conn.prepare(&format!("SELECT id, {columns} FROM {}", table.name))?;
    let mut rows = statement.query([])?;
    let mut cells = vec![Cell::Null; attribute.width()];
    while let Some(row) = rows.next()? {
        for (place, cell) in cells.iter_mut().enumerate() {
            *cell = row.get(place + 1)?;
        }
        if !visit(RecordId::from_bytes(row.get(0)?), &cells)? {
            break;
        }
    }
    Ok(())
}

/// Shows each of these records to which one in use refers by an attribute, and one that does.
pub(crate) fn referring(
    conn: &Connection,
    table: &Table,
    attribute: &AttributeModel,
    ids: &[RecordId],
    mut visit: impl FnMut(RecordId, RecordId),
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let (column, name) = (quote(&attribute.leading_column()), &table.name);
    let marks = vec!["?"; ids.len()].join(", ");
    let mut statement = conn.prepare(&format!(
        "SELECT {column}, min(id) FROM {name} WHERE archived_at IS NULL AND {column} IN ({marks}) \
         GROUP BY {column}"
    ))?;
    let mut rows = statement.query(params_from_iter(ids.iter().map(RecordId::as_bytes)))?;
    while let Some(row) = rows.next()? {
        visit(RecordId::from_bytes(row.get(0)?), RecordId::from_bytes(row.get(1)?));
    }
    Ok(())
}

/// Some records whose value of an attribute another record has too, and how many there are.
pub(crate) fn duplicates(
    conn: &Connection,
    table: &Table,
    attribute: &AttributeModel,
    limit: u32,
) -> Result<(u64, Vec<RecordId>)> {
    let column = quote(&attribute.leading_column());
    let name = &table.name;
    let repeated = format!(
        "FROM {name} WHERE {column} IN (SELECT {column} FROM {name} WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1)"
    );
    let count = conn.query_row(&format!("SELECT count(*) {repeated}"), [], |row| row.get(0))?;
    let mut statement = conn.prepare(&format!("SELECT id {repeated} ORDER BY id LIMIT ?1"))?;
    let ids = statement.query_map([limit], |row| row.get(0))?;
    let ids = ids.map(|id| id.map(RecordId::from_bytes));
    Ok((count, ids.collect::<rusqlite::Result<_>>()?))
}
