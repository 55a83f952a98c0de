//! The body of a journal row about a record: its new cells by column, as JSON.
//!
//! Cells rather than values, so that a table can be rebuilt to the byte. Integers, reals and texts
//! are JSON's own; bytes are lower-case hexadecimal.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::{
    Error, ErrorKind, Result, Value, Values,
    cell::Cell,
    record::Draft,
    schema::{AttributeModel, TypeModel},
};

/// Writes the body of a change that has no values into `body`.
pub(crate) fn write_empty(body: &mut String) {
    body.clear();
    body.push_str("{}");
}

/// Writes the body of a new record into `body`: every column that is not NULL.
pub(crate) fn write_created(model: &TypeModel, draft: &Draft, body: &mut String) {
    write_cells(draft.changes(model), body, |cell| !matches!(cell, Cell::Null));
}

/// Writes the body of a patch into `body`: every column of the changed attributes.
pub(crate) fn write_changes(model: &TypeModel, draft: &Draft, body: &mut String) {
    write_cells(draft.changes(model), body, |_| true);
}

fn write_cells<'a>(
    changes: impl Iterator<Item = (&'a AttributeModel, &'a [Cell])>,
    body: &mut String,
    takes: impl Fn(&Cell) -> bool,
) {
    body.clear();
    write_columns(changes, body, takes);
}

/// Appends an object with each cell that is taken, by the name of its column.
pub(super) fn write_columns<'a>(
    changes: impl Iterator<Item = (&'a AttributeModel, &'a [Cell])>,
    body: &mut String,
    takes: impl Fn(&Cell) -> bool,
) {
    body.push('{');
    for (attribute, cells) in changes {
        for (part, cell) in attribute.definition.kind.parts().iter().zip(cells) {
            if !takes(cell) {
                continue;
            }
            push_comma(body, '{');
            // Names match [a-z0-9_]: nothing to escape.
            body.push('"');
            body.push_str(attribute.name());
            body.push_str(part.suffix);
            body.push_str("\":");
            write_cell(cell, body);
        }
    }
    body.push('}');
}

/// Appends a comma, unless what is open has just begun.
pub(super) fn push_comma(body: &mut String, opening: char) {
    if !body.ends_with(opening) {
        body.push(',');
    }
}

fn write_cell(cell: &Cell, body: &mut String) {
    match cell {
        Cell::Null => body.push_str("null"),
        Cell::Integer(number) => push(body, format_args!("{number}")),
        // serde_json writes the shortest text that reads back to the same bits.
        Cell::Real(number) => push(body, format_args!("{}", Json::from(*number))),
        Cell::Text(text) => write_text(text, body),
        Cell::Blob(bytes) => {
            body.push('"');
            for byte in bytes {
                push(body, format_args!("{byte:02x}"));
            }
            body.push('"');
        }
    }
}

fn push(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("writing to a String cannot fail");
}

/// Most texts need no escape; then they are copied whole.
pub(super) fn write_text(text: &str, body: &mut String) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        body.push('"');
        body.push_str(text);
        body.push('"');
    } else {
        body.push_str(&Json::from(text).to_string());
    }
}

/// The cells of every attribute that `body` mentions, in the order of the type.
///
/// # Errors
///
/// `Corrupt` if the body is not what this module writes.
pub(crate) fn read_body<'a>(
    model: &'a TypeModel,
    body: &str,
) -> Result<Vec<(&'a AttributeModel, Vec<Cell>)>> {
    read_cells(model, &serde_json::from_str(body).map_err(|_| damaged())?)
}

pub(super) fn damaged() -> Error {
    Error::new(ErrorKind::Corrupt, "a row of the journal cannot be read")
}

/// The cells of every attribute that `map` mentions, in the order of the type.
///
/// # Errors
///
/// As [`read_body`].
pub(super) fn read_cells<'a>(
    model: &'a TypeModel,
    map: &Map<String, Json>,
) -> Result<Vec<(&'a AttributeModel, Vec<Cell>)>> {
    let mut seen = 0;
    let mut changes = Vec::new();
    for attribute in &model.attributes {
        let parts = attribute.definition.kind.parts();
        let mut cells = vec![Cell::Null; parts.len()];
        let mut is_mentioned = false;
        for ((part, name), cell) in parts.iter().zip(attribute.column_names()).zip(&mut cells) {
            if let Some(json) = map.get(&name) {
                *cell = read_cell(part.sql, json).ok_or_else(damaged)?;
                is_mentioned = true;
                seen += 1;
            }
        }
        if is_mentioned {
            changes.push((attribute, cells));
        }
    }
    if seen == map.len() { Ok(changes) } else { Err(damaged()) }
}

fn read_cell(sql: &str, json: &Json) -> Option<Cell> {
    match (sql, json) {
        (_, Json::Null) => Some(Cell::Null),
        ("INTEGER", Json::Number(number)) => number.as_i64().map(Cell::Integer),
        ("REAL", Json::Number(number)) => number.as_f64().map(Cell::Real),
        ("TEXT", Json::String(text)) => Some(Cell::Text(text.clone())),
        ("BLOB", Json::String(text)) => read_hex(text).map(Cell::Blob),
        _ => None,
    }
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    pairs.iter().map(byte).collect()
}

impl TypeModel {
    /// The values that `body` sets, of the attributes in use; null for those that it clears.
    ///
    /// # Errors
    ///
    /// As [`read_body`].
    pub(crate) fn decode_body(&self, body: &str) -> Result<Values> {
        Ok(decode(&read_body(self, body)?))
    }
}

/// The values of changed cells, of the attributes in use.
pub(super) fn decode(changes: &[(&AttributeModel, Vec<Cell>)]) -> Values {
    let live = changes.iter().filter(|(attribute, _)| attribute.archived_at.is_none());
    let values: Vec<(&str, Value)> =
        live.map(|(attribute, cells)| (attribute.name(), attribute.decode(cells))).collect();
    values.into_iter().collect()
}
