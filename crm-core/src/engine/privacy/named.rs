//! Definitions that name a person: told, so that the host can change them; and what they said before.
//!
//! What a definition asks for is the host's, and no row of the person: nothing here changes one. The
//! invariant: what the person was reached at, or is known by alone, is looked for in every definition.
//! One that was replaced goes only for what the person was reached at: a word that somebody is known by
//! may be a word of the host's in the definition of something else.

use std::collections::BTreeSet;

use super::plan::{Found, MENTIONS};
use crate::{
    ErasureDefinition, Result,
    cell::Cell,
    privacy::told::ToldDefinition,
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
    let words = telling(words);
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let named = defined::naming(conn, &words)?.into_iter().take(MENTIONS);
    Ok(named.map(|(table, name)| ErasureDefinition { table, name }).collect())
}

/// The rows of the journal with definitions that were replaced or removed, and in which one of these contact
/// points stands. Those of consent are proof of what others agreed to, and are not among them.
pub(super) fn replaced(
    conn: &Connection,
    points: &BTreeSet<String>,
) -> Result<Vec<ToldDefinition>> {
    let points = telling(points.iter().cloned());
    if points.is_empty() { Ok(Vec::new()) } else { defined::replaced_naming(conn, &points) }
}

fn telling(words: impl Iterator<Item = String>) -> Vec<String> {
    words.filter(|text| text.chars().count() >= LETTERS_LEAST).collect()
}
