//! Values as every language sees them: plain scalars, typed by the attribute that holds them.
//!
//! A value does not know its kind: `"2024-02-29"` is text until an attribute of kind `date` reads
//! it (see [`crate::schema`]). That keeps JSON free of tags and lets a host hand over what it has.
//! The invariant: a value is only what was handed over; whether it fits is decided in
//! `record::encode`, and nowhere else. `Debug` shows the shape of a value, never its content.

mod convert;
mod map;
mod parts;
mod wire;

pub use map::Values;
pub use parts::{Address, Bytes, FileRef, Money};

use std::fmt;

/// One value of one attribute, or its absence.
///
/// | kind of attribute | value |
/// |---|---|
/// | `text` `long_text` `choice` `email` `phone` `url` `country` `locale` `time_zone` | text |
/// | `date` | text `YYYY-MM-DD` |
/// | `timestamp` | text in RFC 3339 with an offset or `Z` |
/// | `decimal` | text such as `"12.34"`, or a number of no more digits than the scale |
/// | `integer` `rating` | a whole number |
/// | `real` | a finite number |
/// | `checkbox` | true or false |
/// | `choices` | a list of texts |
/// | `money` | [`Money`], or a decimal text where the attribute fixes the currency |
/// | `address` | [`Address`] |
/// | `file` | [`FileRef`] |
/// | `reference` | text: the id of the record referred to |
#[derive(Clone, PartialEq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Value {
    /// No value. In a patch it clears the attribute.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number; NaN and the infinities are refused where it is stored.
    Real(f64),
    /// Text in UTF-8.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// An amount in a currency.
    Money(Money),
    /// A postal address.
    Address(Address),
    /// A reference to stored bytes.
    File(FileRef),
}

impl Value {
    /// The absence of a value, to borrow.
    pub const NULL: &'static Self = &Self::Null;

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, whole or not, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            // Beyond 2⁵³ the nearest representable number: what a reader of JSON would get as well.
            #[expect(clippy::cast_precision_loss)]
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }

    /// True or false, if it is one of them.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// What was handed over, for an error message: the shape, never the content.
    pub(crate) fn shape(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) => "a whole number",
            Self::Real(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Money(_) => "an amount of money",
            Self::Address(_) => "an address",
            Self::File(_) => "a file",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "text of {} bytes", text.len()),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            other => f.write_str(other.shape()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_shape_and_not_the_content() {
        let value = Value::from("ann@example.org");
        assert_eq!(format!("{value:?}"), "text of 15 bytes");
        let address = Value::Address(Address { city: Some("Ulm".into()), ..Address::default() });
        assert_eq!(format!("{address:?}"), "an address");
    }
}
