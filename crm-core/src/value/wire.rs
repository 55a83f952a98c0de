//! Values in JSON and other self-describing formats: untagged, by a hand-written visitor.
//!
//! An object is told by its keys: `amount` makes money, `hash` a file, anything else an address.
//! Messages name shapes and keys, never content.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess},
};

use super::{Address, FileRef, Money, Value};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Money(money) => money.serialize(serializer),
            Self::Address(address) => address.serialize(serializer),
            Self::File(file) => file.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> de::Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a value: null, true or false, a number, text, a list of texts, or an object of parts",
        )
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        // From 2⁶³ on there is no whole number of ours; as a real it is refused by attributes of
        // kind integer and welcome to those of kind real.
        #[expect(clippy::cast_precision_loss)]
        Ok(i64::try_from(number).map_or(Value::Real(number as f64), Value::Integer))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Real(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(64));
        while let Some(item) = seq.next_element::<Text>()? {
            items.push(item.0);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut parts = Parts::default();
        while let Some(key) = map.next_key::<String>()? {
            parts.take(&key, &mut map)?;
        }
        parts.into_value()
    }
}

/// Text and nothing else; a message of its own, because serde's would repeat the value.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Self(text)),
            other => Err(de::Error::custom(format!("expected text, found {}", other.shape()))),
        }
    }
}

/// The parts of an object, gathered in whatever order they come.
#[derive(Default)]
struct Parts {
    amount: Option<String>,
    currency: Option<String>,
    hash: Option<String>,
    name: Option<String>,
    media_type: Option<String>,
    size: Option<u64>,
    address: Address,
}

impl Parts {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let slot = match key {
            "size" => {
                self.size = Some(match map.next_value::<Value>()? {
                    Value::Integer(size) => u64::try_from(size)
                        .map_err(|_| de::Error::custom("size: expected a number of bytes"))?,
                    _ => return Err(de::Error::custom("size: expected a number of bytes")),
                });
                return Ok(());
            }
            "amount" => &mut self.amount,
            "currency" => &mut self.currency,
            "hash" => &mut self.hash,
            "name" => &mut self.name,
            "media_type" => &mut self.media_type,
            "street" => &mut self.address.street,
            "city" => &mut self.address.city,
            "region" => &mut self.address.region,
            "postal_code" => &mut self.address.postal_code,
            "country" => &mut self.address.country,
            _ => {
                return Err(de::Error::custom(
                    "unknown part of a value; expected those of money (amount, currency), of an address (street, city, region, postal_code, country) or of a file (hash, name, media_type, size)",
                ));
            }
        };
        *slot = match map.next_value::<Value>()? {
            Value::Null => None,
            Value::Text(text) => Some(text),
            // "amount": 12 is exact, and what a person writes first.
            Value::Integer(number) if key == "amount" => Some(number.to_string()),
            other => {
                let shape = other.shape();
                return Err(de::Error::custom(format!("{key}: expected text, found {shape}")));
            }
        };
        Ok(())
    }

    fn into_value<E: de::Error>(self) -> Result<Value, E> {
        let has_money = self.amount.is_some() || self.currency.is_some();
        let has_file = self.hash.is_some()
            || self.name.is_some()
            || self.media_type.is_some()
            || self.size.is_some();
        let has_address = self.address != Address::default();
        match (has_money, has_file, has_address) {
            (true, false, false) => Ok(Value::Money(Money {
                amount: self.amount.ok_or_else(|| E::missing_field("amount"))?,
                currency: self.currency.ok_or_else(|| E::missing_field("currency"))?,
            })),
            (false, true, false) => Ok(Value::File(FileRef {
                hash: self.hash.ok_or_else(|| E::missing_field("hash"))?,
                name: self.name.ok_or_else(|| E::missing_field("name"))?,
                media_type: self.media_type.ok_or_else(|| E::missing_field("media_type"))?,
                size: self.size.unwrap_or(0),
            })),
            (false, false, _) => Ok(Value::Address(self.address)),
            _ => Err(E::custom("a value cannot mix the parts of money, address and file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn objects_are_told_by_their_keys() {
        assert_eq!(
            read(r#"{"currency":"EUR","amount":"1.50"}"#),
            Value::Money(Money::new("1.50", "EUR"))
        );
        assert_eq!(read(r#"{"amount":3,"currency":"JPY"}"#), Value::Money(Money::new("3", "JPY")));
        let address = Address { city: Some("Ulm".into()), ..Address::default() };
        assert_eq!(read(r#"{"city":"Ulm"}"#), Value::Address(address));
    }

    #[test]
    fn whole_numbers_keep_their_64_bits() {
        assert_eq!(read("9223372036854775807"), Value::Integer(i64::MAX));
        assert_eq!(read("9223372036854775808"), Value::Real(9_223_372_036_854_775_808.0));
    }

    #[test]
    fn messages_do_not_repeat_content() {
        for json in [r#"[1, 2]"#, r#"{"city": 77}"#, r#"{"sekret": "x"}"#, r#"{"amount":"77"}"#] {
            let message = serde_json::from_str::<Value>(json).unwrap_err().to_string();
            assert!(!message.contains("77") && !message.contains("sekret"), "{message}");
        }
    }
}
