//! Where a page ended, as opaque text: the key and the id of its last record.
//!
//! The text also says which order it belongs to, so that a cursor of another list is refused instead
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

fn order_key(order: Option<&Order>) -> Option<(String, bool)> {
    order.map(|order| (order.attribute.clone(), order.descending))
}

/// What a place consists of, as opaque text.
pub(super) fn to_text(place: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).expect("a cursor is always JSON"))
}

/// The same back.
///
/// # Errors
///
/// `InvalidArgument` if the text is no cursor of this shape.
pub(super) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid("not a cursor"))?;
    serde_json::from_slice(&bytes).map_err(|_| invalid("not a cursor"))
}

/// The error for a cursor of another list.
pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
        .with_field("after")
        .with_hint("hand in the `next` of the page before, with the same order")
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
    to_text(&Cursor { o: order_key(order), k, i: position.id })
}

/// The place that a cursor names.
///
/// # Errors
///
/// `InvalidArgument` if the text is no cursor, or one of another order.
pub(super) fn read(order: Option<&Order>, text: &str) -> Result<Position> {
    let cursor: Cursor = from_text(text)?;
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
