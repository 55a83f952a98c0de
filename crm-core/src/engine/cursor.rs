//! Where a page ended, as opaque text: what its last record has to order by and its id, or the time
//! and the place in the journal of what came last.
//!
//! The text also says which order or list it belongs to, so that a cursor of another list is refused
//! instead of giving a page from the wrong place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, ErrorKind, FieldOrder, Order, RecordId, Result, cell::Cell, query::CheckedGroup,
    store::select::Place,
};

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The order: fields and directions.
    o: Vec<(String, bool)>,
    k: Vec<Key>,
    /// The record; what is no record is told by its keys alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    i: Option<RecordId>,
}

/// What an item has to order by: nothing, an integer, a real, a text, or bytes as numbers.
#[derive(Serialize, Deserialize)]
enum Key {
    N,
    I(i64),
    R(f64),
    T(String),
    B(Vec<u8>),
}

/// By what a list is ordered.
pub(super) trait Ordered {
    /// The field, and whether descending.
    fn key(&self) -> (String, bool);
}

impl Ordered for Order {
    fn key(&self) -> (String, bool) {
        (self.attribute.clone(), self.descending)
    }
}

impl Ordered for FieldOrder {
    fn key(&self) -> (String, bool) {
        (self.field.clone(), self.descending)
    }
}

/// Lists that are ordered by time, or by how well things fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Listing {
    Activities,
    Proofs,
    Review,
    Search,
    Timeline,
}

#[derive(Serialize, Deserialize)]
struct PlaceCursor<T> {
    l: Listing,
    p: T,
}

/// The cursor after a record.
pub(super) fn write<'o>(
    order: impl IntoIterator<Item = &'o (impl Ordered + 'o)>,
    place: Place,
) -> String {
    let o = order.into_iter().map(Ordered::key).collect();
    encode(&Cursor { o, k: keys(place.keys), i: Some(place.id) })
}

/// The cursor after a group.
pub(super) fn write_group(order: Vec<(String, bool)>, cells: Vec<Cell>) -> String {
    encode(&Cursor { o: order, k: keys(cells), i: None })
}

fn keys(cells: Vec<Cell>) -> Vec<Key> {
    let key = |cell| match cell {
        Cell::Null => Key::N,
        Cell::Integer(number) => Key::I(number),
        Cell::Real(number) => Key::R(number),
        Cell::Text(text) => Key::T(text),
        Cell::Blob(bytes) => Key::B(bytes),
    };
    cells.into_iter().map(key).collect()
}

/// What a place consists of, as opaque text.
pub(super) fn encode(cursor: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).expect("a cursor is always JSON"))
}

/// The same back.
///
/// # Errors
///
/// `InvalidArgument` if the text is no cursor of this shape.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid("not a cursor"))?;
    serde_json::from_slice(&bytes).map_err(|_| invalid("not a cursor"))
}

/// The error for a text that is no cursor of the list that is asked for.
pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
        .with_field("after")
        .with_hint("hand in the `next` of the page before, with the same order")
}

/// The cursor after a place in a list that is ordered by time.
pub(super) fn write_place(listing: Listing, place: impl Serialize) -> String {
    encode(&PlaceCursor { l: listing, p: place })
}

/// The place that a cursor of such a list names; `None` for the first page.
///
/// # Errors
///
/// `InvalidArgument` if the text is no cursor, or one of another list.
pub(super) fn read_place<T: DeserializeOwned>(
    listing: Listing,
    text: Option<&str>,
) -> Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let cursor: PlaceCursor<T> = decode(text)?;
    match cursor.l == listing {
        true => Ok(Some(cursor.p)),
        false => Err(invalid("the cursor belongs to another list")),
    }
}

/// The place that a cursor names.
///
/// # Errors
///
/// `InvalidArgument` if the text is no cursor, or one of another order.
pub(super) fn read<'o>(
    order: impl IntoIterator<Item = &'o (impl Ordered + 'o)>,
    text: &str,
) -> Result<Place> {
    let order: Vec<_> = order.into_iter().map(Ordered::key).collect();
    let (keys, id) = read_cells(&order, order.len(), text)?;
    Ok(Place { keys, id: id.ok_or_else(|| invalid("the cursor belongs to another list"))? })
}

/// What the group has to order by that a cursor names.
///
/// # Errors
///
/// `InvalidArgument` if the text is no cursor, or one of another order.
pub(super) fn read_group(
    order: &[(String, bool)],
    query: &CheckedGroup,
    text: &str,
) -> Result<Vec<Cell>> {
    match read_cells(order, query.order.len() + query.width_of_keys(), text)? {
        (cells, None) => Ok(cells),
        _ => Err(invalid("the cursor belongs to another list")),
    }
}

fn read_cells(
    order: &[(String, bool)],
    width: usize,
    text: &str,
) -> Result<(Vec<Cell>, Option<RecordId>)> {
    let cursor: Cursor = decode(text)?;
    if cursor.o != order {
        return Err(invalid("the cursor belongs to another order"));
    }
    if cursor.k.len() != width {
        return Err(invalid("not a cursor"));
    }
    let cell = |key| match key {
        Key::N => Cell::Null,
        Key::I(number) => Cell::Integer(number),
        Key::R(number) => Cell::Real(number),
        Key::T(text) => Cell::Text(text),
        Key::B(bytes) => Cell::Blob(bytes),
    };
    Ok((cursor.k.into_iter().map(cell).collect(), cursor.i))
}
