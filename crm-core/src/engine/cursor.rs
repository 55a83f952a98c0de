//! Where a page ended, as opaque text: the key and the id of its last record, or the time and the
//! place in the journal of what came last.
//!
//! The text also says which order or list it belongs to, so that a cursor of another list is refused instead
//! of giving a page from the wrong place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, ErrorKind, Order, RecordId, Result, cell::Cell, store::records::Position};

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The order: attribute and direction.
    o: Option<(String, bool)>,
    /// The key: an integer, a real, a text or bytes as numbers; null for none.
    k: Key,
    i: RecordId,
}

#[derive(Serialize, Deserialize)]
enum Key {
    N,
    I(i64),
    R(f64),
    T(String),
    B(Vec<u8>),
}

/// Lists that are ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Listing {
    Activities,
    Timeline,
}

#[derive(Serialize, Deserialize)]
struct PlaceCursor<T> {
    l: Listing,
    p: T,
}

fn order_key(order: Option<&Order>) -> Option<(String, bool)> {
    order.map(|order| (order.attribute.clone(), order.descending))
}

/// The cursor after a record.
pub(super) fn write(order: Option<&Order>, position: Position) -> String {
    let k = match position.key {
        Cell::Null => Key::N,
        Cell::Integer(number) => Key::I(number),
        Cell::Real(number) => Key::R(number),
        Cell::Text(text) => Key::T(text),
        Cell::Blob(bytes) => Key::B(bytes),
    };
    encode(&Cursor { o: order_key(order), k, i: position.id })
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
pub(super) fn read(order: Option<&Order>, text: &str) -> Result<Position> {
    let cursor: Cursor = decode(text)?;
    if cursor.o != order_key(order) {
        return Err(invalid("the cursor belongs to another order"));
    }
    let key = match cursor.k {
        Key::N => Cell::Null,
        Key::I(number) => Cell::Integer(number),
        Key::R(number) => Cell::Real(number),
        Key::T(text) => Cell::Text(text),
        Key::B(bytes) => Cell::Blob(bytes),
    };
    Ok(Position { key, id: cursor.i })
}
