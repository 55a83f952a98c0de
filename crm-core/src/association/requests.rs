//! What is asked of associations, and what is answered.

use serde::{Deserialize, Serialize};

use super::Association;
use crate::{
    Archived, AssociationDirection, Date, Record, RecordId, RecordRef, Values,
    record::default_page, shape::debug,
};

/// Adds an association: the request of `associations.add`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddAssociation {
    /// The type.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The record that it leads from.
    pub from: RecordRef,
    /// The record that it leads to.
    pub to: RecordRef,
    /// What the one is to the other: a role of the type, or any text if the type names none.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub role: Option<String>,
    /// Whether it is the chief one of its type among those that leave the same record. One that was
    /// so until now, at an overlapping time, no longer is.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_primary: bool,
    /// The first day on which it holds; since ever if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub valid_from: Option<Date>,
    /// The last day on which it holds; for ever if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub valid_to: Option<Date>,
    /// The values of the type's attributes. Those that are left out take their default.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub values: Values,
}

impl AddAssociation {
    /// An association of this type between two records, without a role and valid at any time.
    pub fn new(association_type: impl Into<String>, from: RecordRef, to: RecordRef) -> Self {
        Self {
            association_type: association_type.into(),
            from,
            to,
            role: None,
            is_primary: false,
            valid_from: None,
            valid_to: None,
            values: Values::new(),
        }
    }
}

debug! {
    AddAssociation
        shows(association_type, from, to, is_primary, valid_from, valid_to, values)
        hides(role)
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
                /// The id of the association.
                pub id: RecordId,
                $( $(#[$field_meta])* pub $field: $type, )*
            }
        )*
    };
}

requests! {
    /// Reads an association: the request of `associations.get`.
    GetAssociation {}
    /// Changes an association: the request of `associations.patch`.
    PatchAssociation {
        /// The new values of `role`, `is_primary`, `valid_from`, `valid_to` and of the type's
        /// attributes, by name; null clears, those left out stay.
        changes: Values,
        /// The version that the caller read. If the association has another one, nothing is written.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        expected_version: Option<i64>,
    }
    /// Archives an association: the request of `associations.archive`.
    ArchiveAssociation {
        /// The version that the caller read. If the association has another one, nothing is written.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        expected_version: Option<i64>,
    }
    /// Takes an association out of the archive: the request of `associations.restore`.
    RestoreAssociation {
        /// The version that the caller read. If the association has another one, nothing is written.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        expected_version: Option<i64>,
    }
}

/// Reads what a record is associated with: the request of `associations.related`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FindRelated {
    /// The record.
    pub record: RecordRef,
    /// Only associations of this type.
    #[serde(rename = "type", default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub association_type: Option<String>,
    /// Which end of them the record is.
    #[serde(default)]
    pub direction: AssociationDirection,
    /// Only those with this role.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub role: Option<String>,
    /// Only those that hold on this day; the present day, in UTC, if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub on: Option<Date>,
    /// Whether those of every time are meant; then `on` is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub at_any_time: bool,
    /// Which associations, by whether they or the records at their other end are archived.
    #[serde(default)]
    pub archived: Archived,
    /// Whether to read the records at the other end too.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub with_records: bool,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many associations at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl FindRelated {
    /// The first page of what a record is associated with today, in both directions.
    #[must_use]
    pub fn new(record: RecordRef) -> Self {
        Self {
            record,
            association_type: None,
            direction: AssociationDirection::Both,
            role: None,
            on: None,
            at_any_time: false,
            archived: Archived::Exclude,
            with_records: false,
            after: None,
            limit: default_page(),
        }
    }
}

debug! {
    FindRelated
        shows(record, association_type, direction, on, at_any_time, archived, with_records, limit)
        hides(role, after)
}

/// An association, seen from one of its ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Related {
    /// The association.
    pub association: Association,
    /// `outgoing` if it leads from the record that was asked about, `incoming` if it leads to it.
    pub direction: AssociationDirection,
    /// The record at the other end.
    pub other: RecordRef,
    /// The same with its values, if they were asked for.
    pub record: Option<Record>,
}

/// A page of what a record is associated with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationPage {
    /// Outgoing ones first; each direction by type in the order of definition, then by the age of
    /// the other record. A record that is associated with itself comes in both.
    pub related: Vec<Related>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<String>,
}

/// Follows associations of one type from record to record, breadth first: the request of
/// `associations.walk`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WalkAssociations {
    /// The type.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The record to begin with.
    pub record: RecordRef,
    /// Which way to go. In a hierarchy `outgoing` leads up and `incoming` down.
    #[serde(default)]
    pub direction: AssociationDirection,
    /// Only associations that hold on this day; the present day, in UTC, if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub on: Option<Date>,
    /// Whether those of every time are meant; then `on` is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub at_any_time: bool,
    /// Whether to go through archived records too. Otherwise neither they nor what lies behind them
    /// is found.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub through_archived: bool,
    /// How many steps to go at most, 1 to 64.
    #[serde(default = "deepest")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 64))]
    pub max_depth: u32,
    /// How many records to find at most, 1 to 10,000.
    #[serde(default = "default_walk")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 1000))]
    pub limit: u32,
}

fn deepest() -> u32 {
    crate::limits::WALK_DEPTH
}

fn default_walk() -> u32 {
    1000
}

impl WalkAssociations {
    /// As far as the limits allow, along associations that hold today.
    pub fn new(
        association_type: impl Into<String>,
        record: RecordRef,
        direction: AssociationDirection,
    ) -> Self {
        Self {
            association_type: association_type.into(),
            record,
            direction,
            on: None,
            at_any_time: false,
            through_archived: false,
            max_depth: deepest(),
            limit: default_walk(),
        }
    }
}

/// A record that a walk came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WalkNode {
    /// The record.
    pub record: RecordRef,
    /// How many steps it lies away at least, from 1.
    pub depth: u32,
    /// The record one step nearer from which it was found.
    pub parent: RecordId,
    /// The association that led here from it.
    pub association: RecordId,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationWalk {
    /// The records, each once, nearest first; without the one that it began with.
    pub nodes: Vec<WalkNode>,
    /// Whether there is more beyond `max_depth` or `limit`.
    pub is_truncated: bool,
}
