//! Definitions that name a person: told, so that the host can change them.
//!
//! What a definition asks for is the host's, and no row of the person: nothing here changes one. The
//! invariant: what the person was reached at, or is known by alone, is looked for in every definition.

use super::plan::{Found, MENTIONS};
use crate::{
    ErasureDefinition, Result,
    cell::Cell,
    store::{Connection, defined, table::Table},
};

/// A shorter text stands in many words that say nothing of anybody.
const LETTERS_LEAST: usize = 4;

/// The definitions in which a contact point of the person stands, or a unique value of the record; at most
/// [`MENTIONS`].
pub(super) fn definitions(
    conn: &Connection,
    table: &Table,
    found: &Found,
) -> Result<Vec<ErasureDefinition>> {
    let unique = table.model.attributes.iter().filter(|one| one.definition.unique);
    let unique = unique.filter_map(|attribute| match &found.row.cells[attribute.first] {
        Cell::Text(text) => Some(text.clone()),
        _ => None,
    });
    let words = found.all_points.iter().cloned().chain(unique);
    let words: Vec<String> = words.filter(|text| text.chars().count() >= LETTERS_LEAST).collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let named = defined::naming(conn, &words)?.into_iter().take(MENTIONS);
    Ok(named.map(|(table, name)| ErasureDefinition { table, name }).collect())
}
