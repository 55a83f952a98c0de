//! Ids of records: UUIDs of version 7, so that ids made later sort later.
//!
//! An id is made by an [`IdGenerator`] that the engine holds; the domain never draws randomness.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{Error, ErrorKind, Result, Timestamp, refusal};

/// The id of a record: 16 bytes, written like `0197f0c0-1c00-7000-8000-000000000001`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordId(#[cfg_attr(feature = "schema", schemars(with = "String"))] [u8; 16]);

const EXPECTED: &str = "a record id: a UUID of 36 characters";

#[cfg(feature = "uniffi")]
uniffi::custom_type!(RecordId, String, {
    lower: |id| id.to_string(),
    // Nearly all requests have their ids in fields of this name; a lifted value does not know its own.
    try_lift: |text| Ok(text.parse::<RecordId>().map_err(|error| {
        crate::CrmError::from(refusal::unfit(EXPECTED, error).with_field("id"))
    })?),
});

impl RecordId {
    /// The id of these 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, as the file stores them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// An id of version 7 from the time of its making and ten random bytes (RFC 9562 §5.7).
    #[must_use]
    pub fn from_parts(at: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.micros() / 1000).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RecordId {
    type Err = Error;

    /// Reads the hyphenated form.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if `text` is not a UUID of 36 characters.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || {
            Error::new(ErrorKind::InvalidArgument, "not a record id")
                .with_hint("an id is a UUID of 36 characters, as the engine returned it")
        };
        if text.len() != 36 {
            return Err(invalid());
        }
        Uuid::try_parse(text).map(|uuid| Self(uuid.into_bytes())).map_err(|_| invalid())
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; 36];
        serializer.serialize_str(Uuid::from_bytes(self.0).hyphenated().encode_lower(&mut buffer))
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RecordId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RecordId, E> {
                text.parse().map_err(|error| refusal::into_serde(&refusal::unfit(EXPECTED, error)))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Makes the ids of new records, and the salts of the journal. The engine calls it under its write
/// lock.
pub trait IdGenerator: Send + Sync {
    /// A new id, for something made at `now`. Two calls never give the same id.
    fn next_id(&self, now: Timestamp) -> RecordId;

    /// 32 bytes that are hashed with the content of a row of the journal. They have to be random, as
    /// nobody may guess them: after an erasure they alone keep the hash from telling what was erased.
    fn next_salt(&self) -> [u8; 32];
}

/// Ids and salts that count from one: for tests, demonstrations and simulations that must replay to
/// the byte. Anybody can guess them.
#[derive(Debug, Default)]
pub struct CountedIds {
    ids: AtomicU64,
    salts: AtomicU64,
}

impl CountedIds {
    /// Ids and salts that count on after `last`.
    #[must_use]
    pub fn after(last: u64) -> Self {
        Self { ids: last.into(), salts: last.into() }
    }
}

impl IdGenerator for CountedIds {
    fn next_id(&self, now: Timestamp) -> RecordId {
        let number = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        RecordId::from_parts(now, random)
    }

    fn next_salt(&self) -> [u8; 32] {
        let number = self.salts.fetch_add(1, Ordering::Relaxed) + 1;
        let mut salt = [0; 32];
        salt[24..].copy_from_slice(&number.to_be_bytes());
        salt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_inverse() {
        let id = RecordId::from_parts(Timestamp::clamped(1_767_225_600_000_000), [7; 10]);
        assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        assert_eq!(&id.to_string()[14..15], "7", "version 7");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["", "x", "0197f0c01c0070008000000000000001", "{0197f0c0-1c00-7000-8000-000000000001}"]
        {
            assert_eq!(text.parse::<RecordId>().unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }
}
