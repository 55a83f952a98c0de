//! The tables beside `crm_activity` and `crm_association` that hold their typed properties.
//!
//! One table for each kind with properties, one column for each part, one row for each activity or
//! association that has any: the same typed columns as a record's, so that a condition on them is
//! plain SQL. Rows are found by the `seq` of the row that they belong to.

use rusqlite::{Connection, Transaction};

use super::table::{add_columns, further_columns, quote};
use crate::{
    Result,
    cell::Cell,
    schema::{AttributeModel, TypeModel},
};

/// A kind's side table with its SQL.
#[derive(Debug, Clone)]
pub(crate) struct SideTable {
    /// The quoted name; in no file while the kind has no properties.
    pub(crate) name: String,
    columns: usize,
    replace: String,
    select_many: String,
}

impl SideTable {
    /// The table called `<owner>_<name of the kind>`, where `owner` is the table it stands beside.
    pub(crate) fn new(owner: &str, model: &TypeModel) -> Self {
        let name = quote(&table_name(owner, model));
        let columns: Vec<String> = model
            .attributes
            .iter()
            .flat_map(AttributeModel::column_names)
            .map(|column| quote(&column))
            .collect();
        let marks = vec!["?"; columns.len() + 1].join(", ");
        let list = columns.join(", ");
        Self {
            columns: columns.len(),
            replace: format!("INSERT OR REPLACE INTO {name} (seq, {list}) VALUES ({marks})"),
            select_many: format!(
                "SELECT seq, {list} FROM {name} WHERE seq IN (SELECT value FROM json_each(?1))"
            ),
            name,
        }
    }
}

fn table_name(owner: &str, model: &TypeModel) -> String {
    format!("{owner}_{}", model.name)
}

/// Adds the columns of the attributes from `added` on, and the table if these are the first.
pub(crate) fn extend(
    tx: &Transaction<'_>,
    owner: &str,
    model: &TypeModel,
    added: usize,
) -> Result<()> {
    let name = table_name(owner, model);
    if added == 0 && !model.attributes.is_empty() {
        tx.execute_batch(&format!(
            "CREATE TABLE {} (\n    seq INTEGER PRIMARY KEY REFERENCES {owner} (seq){}\n) STRICT",
            quote(&name),
            further_columns(&model.attributes)
        ))?;
        return Ok(());
    }
    for statement in model.attributes[added..].iter().flat_map(|a| add_columns(&name, a)) {
        tx.execute_batch(&statement)?;
    }
    Ok(())
}

/// Writes the properties of the row `seq`, in place of those that it had. What was never there and
/// is all NULL needs no row.
pub(crate) fn put(
    tx: &Transaction<'_>,
    side: &SideTable,
    seq: i64,
    cells: &[Cell],
    is_new: bool,
) -> Result<()> {
    if side.columns == 0 || (is_new && cells.iter().all(|cell| *cell == Cell::Null)) {
        return Ok(());
    }
    let mut statement = tx.prepare_cached(&side.replace)?;
    statement.raw_bind_parameter(1, seq)?;
    for (place, cell) in cells.iter().enumerate() {
        statement.raw_bind_parameter(place + 2, cell)?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// The properties of several rows, whose numbers are given as a JSON array: shown to `visit` with
/// the number of the row, where it has any.
pub(crate) fn get_many(
    conn: &Connection,
    side: &SideTable,
    numbers: &str,
    mut visit: impl FnMut(i64, Vec<Cell>),
) -> Result<()> {
    if side.columns == 0 {
        return Ok(());
    }
    let mut statement = conn.prepare_cached(&side.select_many)?;
    let mut rows = statement.query([numbers])?;
    while let Some(row) = rows.next()? {
        let cells = (1..=side.columns).map(|place| row.get(place));
        visit(row.get(0)?, cells.collect::<rusqlite::Result<_>>()?);
    }
    Ok(())
}
