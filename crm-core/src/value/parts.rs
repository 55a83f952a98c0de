//! Values of several parts: money, postal addresses, references to files; and bytes.
//!
//! They are as plain as the JSON that carries them; the rules (which currencies exist, how many
//! decimal places one has) are applied when a record is written.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Result, normal};

/// An amount in a currency, exact.
///
/// ```
/// use crm_core::Money;
///
/// let price = Money::new("19.90", "EUR");
/// assert_eq!(price.minor_units()?, 1990);
/// assert_eq!(Money::from_minor_units(1990, "JPY")?, Money::new("1990", "JPY"));
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Money {
    /// The amount in major units as a decimal text, such as `"19.90"`. It may have as many decimal
    /// places as the currency has (ISO 4217: two for EUR, none for JPY, three for KWD).
    pub amount: String,
    /// The currency as an ISO 4217 code, such as `EUR`.
    pub currency: String,
}

impl Money {
    /// An amount in major units; checked when it is stored.
    pub fn new(amount: impl Into<String>, currency: impl Into<String>) -> Self {
        Self { amount: amount.into(), currency: currency.into() }
    }

    /// An amount in minor units (cents), of which the file holds a 64-bit integer.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if `currency` is not an ISO 4217 code.
    pub fn from_minor_units(minor_units: i64, currency: &str) -> Result<Self> {
        let (code, exponent) = normal::currency::currency(currency)?;
        Ok(Self::new(normal::decimal::format_scaled(minor_units, exponent), code))
    }

    /// The amount in minor units (cents).
    ///
    /// # Errors
    ///
    /// `InvalidValue` if the currency is unknown, or the amount is not a decimal number or has more
    /// decimal places than the currency; `OutOfRange` if it does not fit 64 bits.
    pub fn minor_units(&self) -> Result<i64> {
        let (_, exponent) = normal::currency::currency(&self.currency)?;
        normal::decimal::parse_scaled(&self.amount, exponent)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of money")
    }
}

/// A postal address. Each part may be missing, but not all of them.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Address {
    /// Street and number, with line breaks where there are several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub street: Option<String>,
    /// City or town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub city: Option<String>,
    /// State, province or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub region: Option<String>,
    /// Postal code, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub postal_code: Option<String>,
    /// Country as an ISO 3166-1 alpha-2 code, such as `DE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub country: Option<String>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address")
    }
}

/// A reference to bytes that are stored in the file (see `files.add`).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileRef {
    /// SHA-256 of the bytes, as 64 lower-case hexadecimal digits.
    pub hash: String,
    /// The name of the file, such as `contract.pdf`.
    pub name: String,
    /// The media type, such as `application/pdf`.
    pub media_type: String,
    /// The number of bytes. What is handed in is replaced by the true number.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub size: u64,
}

impl fmt::Debug for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a file of {} bytes", self.size)
    }
}

/// Bytes. In JSON they are text in base64 (RFC 4648, with padding).
#[derive(Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bytes(#[cfg_attr(feature = "schema", schemars(with = "String"))] pub Vec<u8>);

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Bytes, Vec<u8>, { lower: |bytes| bytes.0, try_lift: |bytes| Ok(Bytes(bytes)) });

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes, or text in base64 with padding")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                STANDARD
                    .decode(text)
                    .map(Bytes)
                    .map_err(|_| E::custom("expected text in base64 with padding"))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
