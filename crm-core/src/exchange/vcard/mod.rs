//! Address cards in and out: vCard 2.1, 3.0 and 4.0.
//!
//! What a card says goes to the attributes that the mapping names. All else stands in one attribute
//! of kind `long_text`, the *remainder*: a property per line, those that an attribute holds with
//! their value left out, so that an export puts the card together again. The invariant: a property
//! that was read is in an attribute, in the remainder, or in the report; and no value is in two of
//! them. Which record a card is about is not decided here.

mod place;
mod places;
mod property;
mod reader;
mod restore;
mod writer;

pub(crate) use place::{Found, Placed};
pub(crate) use places::Places;
use property::Property;
pub(crate) use reader::{Card, CardFault, CardReader};
pub(crate) use restore::{Shown, restore};
pub(crate) use writer::write_card;

use serde::{Deserialize, Serialize};

use super::{ImportMode, StartStage};
use crate::{Archived, Values, shape::debug};

/// A version of vCard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CardVersion {
    /// vCard 3.0 (RFC 2426): what nearly everything reads.
    #[default]
    #[serde(rename = "3.0")]
    V3,
    /// vCard 2.1, of 1996: what old telephones read.
    #[serde(rename = "2.1")]
    V2,
    /// vCard 4.0 (RFC 6350).
    #[serde(rename = "4.0")]
    V4,
}

impl CardVersion {
    /// The number, as `VERSION` says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "2.1",
            Self::V3 => "3.0",
            Self::V4 => "4.0",
        }
    }

    fn find(text: &str) -> Option<Self> {
        [Self::V2, Self::V3, Self::V4].into_iter().find(|version| version.name() == text.trim())
    }
}

/// Which attribute a property of cards goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardMapping {
    /// The property, such as `email` or `x-department`; or a part of one: `n.family`, `n.given`,
    /// `n.additional`, `n.prefix`, `n.suffix`, `org.name`, `org.unit`. `fn` is asked only where the
    /// card has no `n`. Of several properties the preferred one is taken, else the first that fits;
    /// a second mapping of the same property takes the next.
    pub property: String,
    /// Only a property of this type, such as `work` or `cell`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub label: Option<String>,
    /// The attribute. An address takes `adr`, a date `bday`, a file `photo`, choices `categories`,
    /// and a reference the name of the record that it refers to.
    pub attribute: String,
}

impl CardMapping {
    /// The property of this name, whatever its type, into the attribute of that name.
    pub fn new(property: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self { property: property.into(), label: None, attribute: attribute.into() }
    }
}

/// Imports cards: the request of `vcard.import`. Exactly one of `path` and `text` is given.
///
/// The report counts a card as a row: its `rows` are cards, and the `column` of a problem is the
/// property. A property that does not fit is reported, and does not keep the rest of its card from
/// being taken.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportVcard {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The file to read.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
    /// The cards themselves, at most 16 MiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub text: Option<String>,
    /// Where the properties go. If it is empty they go to the attributes of the presets `contact`
    /// and `company`, as far as the type has them.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub mapping: Vec<CardMapping>,
    /// The attribute of kind `long_text` that keeps what has no place, for the next export. If it is
    /// left out it is `vcard`, where the type has that; without one, such properties are reported.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub remainder: Option<String>,
    /// The encoding of what is not UTF-8 and does not say its charset, by its label in the WHATWG
    /// Encoding Standard.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub encoding: Option<String>,
    /// Whether a record that a reference names, such as the company of a contact, is created where
    /// it is missing.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub create_missing: bool,
    /// What is done with each card.
    #[serde(default)]
    pub mode: ImportMode,
    /// For update and upsert: the unique attribute that names the record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub key: Option<String>,
    /// On which stages the records begin that are created, one entry for each lifecycle; where the
    /// lifecycles have new records begin if it is empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub stages: Vec<StartStage>,
    /// Whether a single rejected card undoes the whole import. Otherwise good cards are kept, in
    /// transactions of some hundred.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub all_or_nothing: bool,
}

debug! {
    ImportVcard
        shows(entity_type, mapping, remainder, encoding, create_missing, mode, key, stages,
            all_or_nothing)
        hides(path, text)
}

impl ImportVcard {
    /// Creates one record of `entity_type` per card of the file at `path`.
    pub fn from_path(entity_type: impl Into<String>, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), text: None, ..Self::from_text(entity_type, "") }
    }

    /// Creates one record of `entity_type` per card in `text`.
    pub fn from_text(entity_type: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            path: None,
            text: Some(text.into()),
            mapping: Vec::new(),
            remainder: None,
            encoding: None,
            create_missing: false,
            mode: ImportMode::Create,
            key: None,
            stages: Vec::new(),
            all_or_nothing: false,
        }
    }
}

/// Exports records as cards: the request of `vcard.export`. The cards are in the order of creation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportVcard {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The file to write; it must not exist. If it is left out the text is returned, up to 16 MiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
    /// The version to write.
    #[serde(default)]
    pub version: CardVersion,
    /// Which attributes become which properties; as for `vcard.import` if it is empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub mapping: Vec<CardMapping>,
    /// The attribute that keeps what has no place; as for `vcard.import` if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub remainder: Option<String>,
    /// Only records whose attributes equal these values, as `records.list` compares them.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub filter: Values,
    /// Which records, by whether they are archived.
    #[serde(default)]
    pub archived: Archived,
}

debug! {
    ExportVcard
        shows(entity_type, version, mapping, remainder, filter, archived)
        hides(path)
}

impl ExportVcard {
    /// The records in use, returned as text.
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            path: None,
            version: CardVersion::V3,
            mapping: Vec::new(),
            remainder: None,
            filter: Values::new(),
            archived: Archived::Exclude,
        }
    }
}
