//! The kinds of attributes, and the columns in which each is stored.
//!
//! One part of a value, one column. The table below is the whole of the storage format of values:
//! a kind that is added here is known to encoding, decoding and the file alike.

use serde::{Deserialize, Serialize};

/// The kind of an attribute: what its values are, and how they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Kind {
    /// One line of text.
    Text,
    /// Text of any length up to the engine's limit, with line breaks.
    LongText,
    /// One of the attribute's options.
    Choice,
    /// Any of the attribute's options, as a set.
    Choices,
    /// True or false.
    Checkbox,
    /// A whole number of 64 bits.
    Integer,
    /// A decimal number with a fixed count of decimal places (`scale`), exact.
    Decimal,
    /// A floating-point number of 64 bits, finite.
    Real,
    /// An amount of money with its currency, exact to the currency's minor unit.
    Money,
    /// A day of the calendar, without a time zone.
    Date,
    /// An instant, to the microsecond, in UTC.
    Timestamp,
    /// An e-mail address.
    Email,
    /// A telephone number in E.164.
    Phone,
    /// An address on the web (http or https).
    Url,
    /// A country, ISO 3166-1 alpha-2.
    Country,
    /// A language or locale, BCP 47.
    Locale,
    /// A time zone of the IANA database.
    TimeZone,
    /// A postal address.
    Address,
    /// A whole number on a scale that the attribute's minimum and maximum bound (0 to 5 by default).
    Rating,
    /// A reference to stored bytes, with name and media type.
    File,
    /// A record of another entity type, or of the same.
    Reference,
}

/// One column of a kind: what is appended to the attribute's name, and SQLite's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Appended to the attribute's name; empty for the leading column.
    pub(crate) suffix: &'static str,
    /// The type in a STRICT table.
    pub(crate) sql: &'static str,
}

impl Part {
    /// Whether two values that differ here are different values: what was typed says nothing about
    /// that, and the size of a file follows from its hash.
    pub(crate) fn tells_apart(self) -> bool {
        !matches!(self.suffix, "_typed" | "_size")
    }
}

const fn part(suffix: &'static str, sql: &'static str) -> Part {
    Part { suffix, sql }
}

const TEXT: &[Part] = &[part("", "TEXT")];
const INTEGER: &[Part] = &[part("", "INTEGER")];
const REAL: &[Part] = &[part("", "REAL")];
const BLOB: &[Part] = &[part("", "BLOB")];
/// A normal form, and what was typed where it differs.
const NORMALISED: &[Part] = &[part("", "TEXT"), part("_typed", "TEXT")];
const MONEY: &[Part] = &[part("", "INTEGER"), part("_currency", "TEXT")];
const ADDRESS: &[Part] = &[
    part("_street", "TEXT"),
    part("_city", "TEXT"),
    part("_region", "TEXT"),
    part("_postal_code", "TEXT"),
    part("_country", "TEXT"),
];
const FILE: &[Part] = &[
    part("", "TEXT"),
    part("_name", "TEXT"),
    part("_media_type", "TEXT"),
    part("_size", "INTEGER"),
];

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Text,
        Self::LongText,
        Self::Choice,
        Self::Choices,
        Self::Checkbox,
        Self::Integer,
        Self::Decimal,
        Self::Real,
        Self::Money,
        Self::Date,
        Self::Timestamp,
        Self::Email,
        Self::Phone,
        Self::Url,
        Self::Country,
        Self::Locale,
        Self::TimeZone,
        Self::Address,
        Self::Rating,
        Self::File,
        Self::Reference,
    ];

    /// The name of the kind, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Choice => "choice",
            Self::Choices => "choices",
            Self::Checkbox => "checkbox",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Real => "real",
            Self::Money => "money",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Country => "country",
            Self::Locale => "locale",
            Self::TimeZone => "time_zone",
            Self::Address => "address",
            Self::Rating => "rating",
            Self::File => "file",
            Self::Reference => "reference",
        }
    }

    /// The columns in which a value of this kind is stored; the first is the leading one.
    pub(crate) const fn parts(self) -> &'static [Part] {
        match self {
            Self::Text | Self::LongText | Self::Choice | Self::Choices => TEXT,
            Self::Checkbox
            | Self::Integer
            | Self::Decimal
            | Self::Date
            | Self::Timestamp
            | Self::Rating => INTEGER,
            Self::Real => REAL,
            Self::Money => MONEY,
            Self::Email
            | Self::Phone
            | Self::Url
            | Self::Country
            | Self::Locale
            | Self::TimeZone => NORMALISED,
            Self::Address => ADDRESS,
            Self::File => FILE,
            Self::Reference => BLOB,
        }
    }

    /// Whether values of this kind can be told equal by one column, and so be unique and look a
    /// record up.
    pub(crate) const fn is_key(self) -> bool {
        !matches!(
            self,
            Self::LongText
                | Self::Choices
                | Self::Checkbox
                | Self::Money
                | Self::Address
                | Self::File
                | Self::Real
        )
    }

    /// Whether values of this kind are texts in which words can be searched.
    pub(crate) const fn is_searchable(self) -> bool {
        matches!(
            self,
            Self::Text | Self::LongText | Self::Email | Self::Phone | Self::Url | Self::Address
        )
    }

    /// Whether values of this kind are numbers of one unit, so that a greater one is a higher score.
    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal | Self::Real | Self::Rating)
    }

    /// Whether a formula can give values of this kind.
    pub(crate) const fn is_calculable(self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::LongText
                | Self::Checkbox
                | Self::Integer
                | Self::Decimal
                | Self::Real
                | Self::Money
                | Self::Date
                | Self::Timestamp
        )
    }

    /// Whether a list may be ordered by values of this kind. It may be filtered for those of any.
    pub(crate) const fn is_comparable(self) -> bool {
        !matches!(self, Self::LongText | Self::Choices | Self::Address | Self::File)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
