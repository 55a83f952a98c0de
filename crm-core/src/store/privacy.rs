//! The SQL by which rows are found that belong to a person, made from the inventory.
//!
//! It decides nothing: which tables there are and how their rows belong is said in
//! [`inventory`](crate::privacy::inventory).

use rusqlite::Connection;

use super::table::quote;
use crate::{
    Result,
    privacy::inventory::{Way, of_table},
};

/// The names of all tables of the file, sorted.
pub(crate) fn tables(conn: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
               ESCAPE '\\' ORDER BY name";
    let mut statement = conn.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
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
        Way::Record(column) => Some(format!("{column} = ?1")),
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
        Way::Visitor => Some(
            "(kind IN ('visitor_identified', 'visitor_released') AND \
             body ->> '$.visitor' IN (SELECT key FROM crm_visitor WHERE record_id = ?1))"
                .to_owned(),
        ),
        Way::File | Way::Index => None,
    });
    let ways: Vec<String> = ways.collect();
    (!ways.is_empty()).then(|| ways.join(" OR "))
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
