//! Records: an id, a version and one value per attribute; and what is asked of them.
//!
//! The types here are what crosses every language border, so they are plain and owned. The
//! invariant: `values` holds exactly the attributes that have a value, each in its normal form.

mod decode;
mod draft;
mod encode;

pub(crate) use decode::take_value;
pub(crate) use draft::{Draft, Given, calculated, encode_key};
pub(crate) use encode::{check_file_name, check_media_type};

use serde::{Deserialize, Serialize};

use crate::{Condition, ErrorKind, RecordId, Timestamp, Value, Values, shape::debug};

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Record {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The id, for ever.
    pub id: RecordId,
    /// 1 when created, and one more with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
    /// The values of the attributes that have one.
    pub values: Values,
    /// What was typed, for those e-mails, telephone numbers, addresses on the web, countries,
    /// locales and time zones whose normal form differs from it.
    pub typed: Values,
}

impl Record {
    /// The value of an attribute; [`Value::Null`] if it has none.
    #[must_use]
    pub fn get(&self, attribute: &str) -> &Value {
        self.values.get(attribute)
    }

    /// What names it: its type and id.
    #[must_use]
    pub fn reference(&self) -> RecordRef {
        RecordRef::new(self.entity_type.as_str(), self.id)
    }
}

/// Names a record: its entity type and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordRef {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The id.
    pub id: RecordId,
}

impl RecordRef {
    /// The record of this id.
    pub fn new(entity_type: impl Into<String>, id: RecordId) -> Self {
        Self { entity_type: entity_type.into(), id }
    }
}

/// Which records a list or count takes, by whether they are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Archived {
    /// Only records in use.
    #[default]
    Exclude,
    /// All records.
    Include,
    /// Only archived records.
    Only,
}

/// The order of a list: by one attribute, and among equals by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    /// The attribute, of any kind but `long_text`, `choices`, `address` and `file`. Records without a
    /// value come first, or last when descending.
    pub attribute: String,
    /// Whether the greatest comes first.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub descending: bool,
}

macro_rules! requests {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            pub struct $name {
                /// The entity type.
                #[serde(rename = "type")]
                pub entity_type: String,
                $( $(#[$field_meta])* pub $field: $type, )*
            }
        )*
    };
}

requests! {
    /// Adds a record: the request of `records.create`.
    CreateRecord {
        /// The values by attribute. Attributes that are left out take their default.
        values: Values,
    }
    /// Reads a record by id: the request of `records.get`.
    GetRecord {
        /// The id.
        id: RecordId,
    }
    /// Reads a record by a unique attribute: the request of `records.get_by`.
    GetRecordBy {
        /// The unique attribute.
        attribute: String,
        /// Its value, in any form that normalises to the stored one.
        value: Value,
    }
    /// Reads several records: the request of `records.get_many`.
    GetManyRecords {
        /// The unique attribute to look up by; the id if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        attribute: Option<String>,
        /// Ids, or values of the attribute.
        keys: Vec<Value>,
    }
    /// Changes some values of a record: the request of `records.patch`.
    PatchRecord {
        /// The id.
        id: RecordId,
        /// The new values; null clears an attribute, those left out stay.
        values: Values,
        /// The version that the caller read. If the record has another one, nothing is written.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        expected_version: Option<i64>,
    }
    /// Archives a record: the request of `records.archive`.
    ArchiveRecord {
        /// The id.
        id: RecordId,
        /// The version that the caller read. If the record has another one, nothing is written.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        expected_version: Option<i64>,
    }
    /// Takes a record out of the archive: the request of `records.restore`.
    RestoreRecord {
        /// The id.
        id: RecordId,
        /// The version that the caller read. If the record has another one, nothing is written.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        expected_version: Option<i64>,
    }
    /// Creates a record, or changes the one that has the same value of a unique attribute: the
    /// request of `records.upsert`.
    UpsertRecord {
        /// The unique attribute that tells whether the record is there; `values` must hold it.
        key: String,
        /// The values by attribute; null clears, those left out stay (or take their default).
        values: Values,
    }
    /// Counts records: the request of `records.count`.
    CountRecords {
        /// Only records whose attributes equal these values, as `records.list` compares them.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default))]
        filter: Values,
        /// Only records for which this condition is true too, as JSON or as text.
        #[serde(default, rename = "where")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        condition: Option<Condition>,
        /// The moment that counts as now in the condition; the present if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        at: Option<Timestamp>,
        /// The time zone by whose calendar the condition counts days, of the IANA database; UTC if it
        /// is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        zone: Option<String>,
        /// Which records, by whether they are archived.
        #[serde(default)]
        archived: Archived,
    }
    /// Reads the history of a record: the request of `records.history`.
    GetHistory {
        /// The id.
        id: RecordId,
        /// Only changes of this attribute.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        attribute: Option<String>,
        /// Only changes after this place in the journal.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
        after: i64,
        /// How many changes at most, 1 to 10,000.
        #[serde(default = "default_page")]
        #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
        limit: u32,
    }
}

/// The page size where the caller names none.
pub(crate) fn default_page() -> u32 {
    100
}

/// Reads a page of records: the request of `records.list`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListRecords {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Only records whose attributes equal these values in their normal form, an address in all its
    /// parts; null means without a value, and for `choices` a text means holding that option.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub filter: Values,
    /// Only records for which this condition is true too, as JSON or as text.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The moment that counts as now in the condition; the present if it is left out. Hand in the
    /// same with every page, or a page may follow one of another moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The time zone by whose calendar the condition counts days, of the IANA database; UTC if it is
    /// left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
    /// The order; by id, which is the order of creation, if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub order: Option<Order>,
    /// Which records, by whether they are archived.
    #[serde(default)]
    pub archived: Archived,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many records at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! { ListRecords shows(entity_type, filter, condition, at, zone, order, archived, limit) hides(after) }

impl ListRecords {
    /// The first page of all records in use, by id.
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            filter: Values::new(),
            condition: None,
            at: None,
            zone: None,
            order: None,
            archived: Archived::Exclude,
            after: None,
            limit: default_page(),
        }
    }
}

impl CountRecords {
    /// All records in use.
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            filter: Values::new(),
            condition: None,
            at: None,
            zone: None,
            archived: Archived::Exclude,
        }
    }
}

/// A page of records.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordPage {
    /// The records.
    pub records: Vec<Record>,
    /// What to hand in as `after` for the next page; `None` when there is none. A record that is
    /// neither created nor moved in the order meanwhile comes exactly once, whatever others write.
    pub next: Option<String>,
}

debug! { RecordPage shows(records) hides(next) }

/// The records of several keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundRecords {
    /// For each key its record, in the order of the keys; `None` where there is none.
    pub records: Vec<Option<Record>>,
}

/// What an operation did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// It was created.
    Created,
    /// It was changed.
    Updated,
    /// It was as asked already; nothing was written.
    Unchanged,
    /// It was archived.
    Archived,
    /// It was taken out of the archive.
    Restored,
    /// Nothing was done, because of a problem.
    Failed,
}

/// The answer of `records.upsert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upserted {
    /// The record as it is now.
    pub record: Record,
    /// Whether it was created, updated or unchanged.
    pub outcome: Outcome,
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RecordChange {
    /// As `records.create`.
    Create(CreateRecord),
    /// As `records.patch`.
    Patch(PatchRecord),
    /// As `records.upsert`.
    Upsert(UpsertRecord),
    /// As `records.archive`.
    Archive(ArchiveRecord),
    /// As `records.restore`.
    Restore(RestoreRecord),
}

/// Writes several changes in one transaction: the request of `records.apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyChanges {
    /// The changes, in order; at most 100,000.
    pub changes: Vec<RecordChange>,
    /// Whether one failed change undoes them all. Otherwise the others are kept.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub all_or_nothing: bool,
}

/// What went wrong with one change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The name of the error's kind, such as `duplicate`.
    pub kind: String,
    /// The attribute or request field.
    pub field: Option<String>,
    /// One line of text, without personal data.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl From<&crate::Error> for Problem {
    fn from(error: &crate::Error) -> Self {
        Self {
            kind: error.kind().name().to_owned(),
            field: error.field().map(str::to_owned),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// What became of one change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeOutcome {
    /// What was done.
    pub outcome: Outcome,
    /// The record; `None` if it failed before there was one.
    pub id: Option<RecordId>,
    /// The record's version afterwards.
    pub version: Option<i64>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// The answer of `records.apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyReport {
    /// For each change what became of it, in order.
    pub outcomes: Vec<ChangeOutcome>,
    /// How many failed.
    pub failed: u64,
    /// Whether the transaction was committed. If not, no change was kept.
    pub is_committed: bool,
}

/// Whether an error concerns one row, so that a batch may go on with the next.
pub(crate) fn concerns_one_row(kind: ErrorKind) -> bool {
    kind.code() < ErrorKind::Closed.code()
}
