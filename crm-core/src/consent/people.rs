//! Records that are one person, as the ledger sees it.

use serde::{Deserialize, Serialize};

use crate::{RecordRef, Timestamp};

/// Says of two records that they are one person, or takes it back: the request of `consents.link` and
/// `consents.unlink`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkPeople {
    /// One record.
    pub a: RecordRef,
    /// The other.
    pub b: RecordRef,
}

impl LinkPeople {
    /// These two.
    #[must_use]
    pub fn new(a: RecordRef, b: RecordRef) -> Self {
        Self { a, b }
    }
}

/// Asks which records are the same person: the request of `consents.linked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetLinkedPeople {
    /// The person: a record.
    pub subject: RecordRef,
}

/// A link between two records of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PersonLink {
    /// The record of the lesser id.
    pub a: RecordRef,
    /// The other.
    pub b: RecordRef,
    /// When it was made.
    pub linked_at: Timestamp,
}

/// The links by which a record is the same person as others: the answer of `consents.link`,
/// `consents.unlink` and `consents.linked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkedPeople {
    /// The links, as they were made: also those between others of the same person.
    pub links: Vec<PersonLink>,
}
