//! From the columns of a row back to values.
//!
//! Cells come from our own file, so a cell of another type than the schema says means damage; the
//! attribute then shows as missing here, and `database.verify` reports it.

use std::mem::take;

use crate::{
    Address, Date, FileRef, Kind, Money, RecordId, Timestamp, Value, Values,
    cell::Cell,
    normal,
    schema::{AttributeModel, TypeModel},
};

/// The value of a kind that these cells store. Texts are moved out of them, not copied.
pub(crate) fn take_value(kind: Kind, scale: Option<u8>, cells: &mut [Cell]) -> Value {
    match (kind, cells) {
        (Kind::Address, parts) => take_address(parts),
        (Kind::Money, [Cell::Integer(amount), Cell::Text(currency), ..]) => {
            Money::from_minor_units(*amount, currency).map_or(Value::Null, Value::Money)
        }
        (
            Kind::File,
            [Cell::Text(hash), Cell::Text(name), Cell::Text(media_type), Cell::Integer(size)],
        ) => Value::File(FileRef {
            hash: take(hash),
            name: take(name),
            media_type: take(media_type),
            size: u64::try_from(*size).unwrap_or(0),
        }),
        (Kind::Choices, [Cell::Text(json)]) => {
            serde_json::from_str(json).map_or(Value::Null, Value::List)
        }
        (Kind::Checkbox, [Cell::Integer(value)]) => Value::Bool(*value != 0),
        (Kind::Date, [Cell::Integer(days)]) => i32::try_from(*days)
            .ok()
            .and_then(|days| Date::from_days(days).ok())
            .map_or(Value::Null, Value::from),
        (Kind::Timestamp, [Cell::Integer(micros)]) => {
            Timestamp::from_micros(*micros).map_or(Value::Null, Value::from)
        }
        (Kind::Decimal, [Cell::Integer(scaled)]) => {
            Value::Text(normal::decimal::format_scaled(*scaled, scale.unwrap_or(2)))
        }
        (Kind::Reference, [Cell::Blob(bytes)]) => <[u8; 16]>::try_from(bytes.as_slice())
            .map_or(Value::Null, |bytes| Value::from(RecordId::from_bytes(bytes))),
        (_, [Cell::Integer(number), ..]) => Value::Integer(*number),
        (_, [Cell::Real(number), ..]) => Value::Real(*number),
        (_, [Cell::Text(text), ..]) => Value::Text(take(text)),
        _ => Value::Null,
    }
}

impl AttributeModel {
    /// The value that these cells store. Texts are moved out of them, not copied.
    pub(crate) fn take(&self, cells: &mut [Cell]) -> Value {
        take_value(self.definition.kind, self.definition.scale, cells)
    }

    /// The value that these cells store.
    pub(crate) fn decode(&self, cells: &[Cell]) -> Value {
        self.take(&mut cells.to_vec())
    }

    /// What was typed, where the normal form differs from it.
    fn take_typed(&self, cells: &mut [Cell]) -> Option<String> {
        match (self.definition.kind.parts(), cells) {
            ([_, part], [_, Cell::Text(typed)]) if part.suffix == "_typed" => Some(take(typed)),
            _ => None,
        }
    }
}

impl TypeModel {
    /// The values of the attributes in use, and what was typed where that differs.
    pub(crate) fn decode(&self, mut cells: Vec<Cell>) -> (Values, Values) {
        let (mut values, mut typed) = (Vec::with_capacity(self.attributes.len()), Values::new());
        for attribute in self.live() {
            let cells = &mut cells[attribute.span()];
            let value = attribute.take(cells);
            if !value.is_null() {
                if let Some(text) = attribute.take_typed(cells) {
                    typed.insert(attribute.name(), text);
                }
                values.push((attribute.name(), value));
            }
        }
        (values.into_iter().collect(), typed)
    }
}

fn take_address(parts: &mut [Cell]) -> Value {
    let mut part = |place: usize| match parts.get_mut(place) {
        Some(Cell::Text(text)) => Some(take(text)),
        _ => None,
    };
    let address = Address {
        street: part(0),
        city: part(1),
        region: part(2),
        postal_code: part(3),
        country: part(4),
    };
    if address == Address::default() { Value::Null } else { Value::Address(address) }
}
