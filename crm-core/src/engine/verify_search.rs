//! The proof that the index of words is what the records and activities say.
//!
//! That the index itself is sound, word by word, is part of SQLite's own integrity check.

use super::{Catalog, database::FINDINGS};
use crate::{
    Result, VerifyReport,
    cell::Cell,
    schema::TypeModel,
    store::{
        Connection,
        search::{self as rows, Indexed, Owner},
    },
};

/// What can be told of the index as a whole.
pub(super) fn verify_whole(
    conn: &Connection,
    catalog: &Catalog,
    report: &mut VerifyReport,
) -> Result<()> {
    let mut find = |name: &str, count: u64, what: &str| {
        if count > 0 && report.problems.len() < FINDINGS {
            report.problems.push(format!("{name}: {count} {what}"));
        }
    };
    find("search", rows::count_strays(conn)?, "rows of words belong to nothing");
    let types = catalog.iter().map(|table| (Owner::Type(table.model.id), &table.model));
    let kinds = catalog.kinds().map(|kind| (Owner::Kind(kind.model.id), &kind.model));
    for (owner, model) in types.chain(kinds) {
        if model.searched.is_empty() {
            find(&model.name, rows::count(conn, owner)?, "rows have words, and none is searched");
        }
    }
    Ok(())
}

/// Whether the words of a row are other than the row makes them.
pub(super) fn differs(
    conn: &Connection,
    owner: Owner,
    model: &TypeModel,
    seq: i64,
    row: Option<(&[Cell], bool)>,
) -> Result<bool> {
    if model.searched.is_empty() {
        return Ok(false);
    }
    let expected =
        row.and_then(|(cells, is_archived)| Indexed::expected(owner, model, cells, is_archived));
    Ok(rows::get(conn, seq)? != expected)
}
