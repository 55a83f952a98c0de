//! What a person is shown of themselves: all of it (GDPR art. 15), or what they gave and did, to take
//! along (art. 20).

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::inventory::{Entry, Name};
use crate::{RecordRef, Timestamp, cell::Cell, journal::Hlc, shape::debug};

/// How much a person is shown of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AccessScope {
    /// Everything, with where it comes from, what it is used for and who gets it (GDPR art. 15).
    #[default]
    Everything,
    /// What the person gave or did, to take along (GDPR art. 20): nothing that was concluded from it.
    Portable,
}

impl AccessScope {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Everything, Self::Portable];
}

/// Shows a person what the file has of them: the request of `privacy.access`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessData {
    /// The person: a record.
    pub subject: RecordRef,
    /// How much.
    #[serde(default)]
    pub scope: AccessScope,
    /// A table of the document, which is written as CSV instead: one that an answer names. Each call shows
    /// the file as it is then; what has to fit together is taken from the document, or while nobody writes.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub table: Option<String>,
    /// The moment for which scores and decisions are told; now if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The file to write; it must not exist. If it is left out the text is returned, up to 16 MiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
}

debug! { AccessData shows(subject, scope, table, at) hides(path) }

impl AccessData {
    /// Everything of a person, as a text.
    #[must_use]
    pub fn new(subject: RecordRef) -> Self {
        Self { subject, scope: AccessScope::Everything, table: None, at: None, path: None }
    }
}

/// How many rows of a table are the person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessTable {
    /// The table.
    pub name: String,
    /// Its rows in the document.
    pub rows: u64,
}

/// What a person is shown: the answer of `privacy.access`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessReport {
    /// The tables that have rows of the person, by name.
    pub tables: Vec<AccessTable>,
    /// Bytes written.
    pub bytes: u64,
    /// The document, or the table, if no file was named.
    pub text: Option<String>,
}

debug! { AccessReport shows(tables, bytes) hides(text) }

/// Whether rows of these tables are what a person gave or did.
pub(crate) const fn is_portable(entry: &Entry) -> bool {
    match entry.name {
        Name::EntityType | Name::ActivityKind => true,
        Name::AssociationType => false,
        Name::Exactly(name) => matches!(
            name.as_bytes(),
            b"crm_activity"
                | b"crm_activity_link"
                | b"crm_consent_event"
                | b"crm_file"
                | b"crm_file_piece"
                | b"crm_visitor"
        ),
    }
}

/// A cell as the document has it: times as text, ids as UUIDs, other bytes in hexadecimal digits, and
/// JSON as what it says.
pub(crate) fn shown(entry: &Entry, column: &str, cell: Cell) -> Json {
    let is_own = matches!(entry.name, Name::Exactly(_));
    match cell {
        Cell::Null => Json::Null,
        Cell::Integer(micros) if is_own && is_time(column) => {
            json!(Timestamp::clamped(micros).to_string())
        }
        Cell::Integer(stamp) if is_own && column == "hlc" => {
            json!(Hlc(stamp).at().to_string())
        }
        Cell::Integer(number) => json!(number),
        Cell::Real(number) => json!(number),
        Cell::Text(text) if is_own && column == "body" => {
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        Cell::Text(text) => Json::String(text),
        Cell::Blob(bytes) => match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(id) => json!(crate::RecordId::from_bytes(id)),
            Err(_) => Json::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        },
    }
}

/// Whether a column of a table of the engine's own is an instant in microseconds.
fn is_time(column: &str) -> bool {
    column.ends_with("_at") || matches!(column, "at" | "as_of" | "until")
}
