//! Rows of `crm_view`: saved queries by name.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use crate::{
    Result, Timestamp,
    query::{SavedView, read_view},
};

const COLUMNS: &str = "SELECT definition, archived_at FROM crm_view";

/// The view of this name.
pub(crate) fn find(conn: &Connection, name: &str) -> Result<Option<SavedView>> {
    let mut statement = conn.prepare_cached(&format!("{COLUMNS} WHERE name = ?1"))?;
    let row = statement.query_row([name], |row| Ok(read(row))).optional()?;
    row.transpose()
}

/// All views, by name.
pub(crate) fn all(conn: &Connection) -> Result<Vec<SavedView>> {
    let mut statement = conn.prepare(&format!("{COLUMNS} ORDER BY name"))?;
    let rows = statement.query_and_then([], read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> Result<SavedView> {
    let archived_at = row.get::<_, Option<i64>>(1)?.map(Timestamp::clamped);
    read_view(&row.get::<_, String>(0)?, archived_at)
}

/// The names of all views.
pub(crate) fn names(conn: &Connection) -> Result<Vec<String>> {
    let mut statement = conn.prepare("SELECT name FROM crm_view")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// How many views there are, archived ones included.
pub(crate) fn count(conn: &Connection) -> Result<usize> {
    Ok(conn.query_row("SELECT count(*) FROM crm_view", [], |row| row.get(0))?)
}

/// Adds a view, or changes the one of this name.
pub(crate) fn put(tx: &Transaction<'_>, name: &str, definition: &str) -> Result<()> {
    let sql = "INSERT INTO crm_view (name, definition) VALUES (?1, ?2) \
               ON CONFLICT (name) DO UPDATE SET definition = excluded.definition";
    tx.execute(sql, (name, definition))?;
    Ok(())
}

/// Archives a view, or takes it out of the archive.
pub(crate) fn archive(tx: &Transaction<'_>, name: &str, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_view SET archived_at = ?2 WHERE name = ?1", (name, at))?;
    Ok(())
}
