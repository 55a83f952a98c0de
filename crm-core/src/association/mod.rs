//! Associations: typed, directed links between two records, with a role and a time.
//!
//! `employed_by` leads from a contact to a company: a type says between which entity types it leads,
//! how it reads from either end, and how many of its links a record may have at a time. The types
//! here are what crosses every language border. The invariant, whatever is written: on no day does a
//! record have more links of a type than allowed, or two primary ones, and hierarchies have no cycle.
//! `rules` judges this over links that the engine has loaded; nothing here reads the file.

mod model;
mod planned;
mod preset;
mod requests;
mod rules;

pub use preset::{AssociationPreset, DefineAssociationPreset};
pub use requests::{
    AddAssociation, ArchiveAssociation, AssociationPage, AssociationWalk, FindRelated,
    GetAssociation, PatchAssociation, Related, RestoreAssociation, WalkAssociations, WalkNode,
};

pub(crate) use model::{AssociationModel, FIXED, IS_PRIMARY, StoredAssociation};
pub(crate) use planned::{PlannedLinks, UNWRITTEN};
pub(crate) use rules::{Period, Sibling, check_count, cycle, duplicate, greatest_at_once};

use serde::{Deserialize, Serialize};

use crate::{
    Attribute, ChangeKind, ChoiceOption, Date, RecordId, RecordRef, Timestamp, Values, shape::debug,
};

/// Defines a type of associations, or changes one: the request of `association_types.define`.
///
/// Label, inverse label, description, `from` and `to` stay as they are where they are empty, and
/// attributes that are not listed stay; limits, roles and `is_hierarchy` become what is stated. So a
/// host can state at every start what it needs.
///
/// ```
/// use crm_core::DefineAssociationType;
///
/// let advises = DefineAssociationType {
///     inverse_label: "is advised by".into(),
///     max_incoming: Some(1),
///     ..DefineAssociationType::new("advises", ["contact"], ["company"])
/// };
/// assert!(!advises.is_hierarchy);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineAssociationType {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// How it reads along its direction, such as "works for"; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// How it reads from the other end, such as "employs".
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub inverse_label: String,
    /// What it means, in prose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// The entity types that it leads from. One is removed only while no association in use needs it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub from: Vec<String>,
    /// The entity types that it leads to, as for `from`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub to: Vec<String>,
    /// How many associations of this type may leave one record at a time, at least 1; any number if
    /// it is left out. Those with archived records count too: these may come back.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub max_outgoing: Option<u32>,
    /// How many may lead to one record at a time, as for `max_outgoing`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub max_incoming: Option<u32>,
    /// The roles to choose from; any text of up to 255 characters if there are none.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub roles: Vec<ChoiceOption>,
    /// Whether it leads from a record to one above it, and never round in a circle. Then it leads
    /// from and to the same entity types. It can be switched on only while no association is in use.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_hierarchy: bool,
    /// The attributes to add or change; `unique` and `index` have no meaning here.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub attributes: Vec<Attribute>,
}

impl DefineAssociationType {
    /// A type of this name that leads from some entity types to others, without any further rule.
    pub fn new<'a>(
        name: impl Into<String>,
        from: impl IntoIterator<Item = &'a str>,
        to: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            inverse_label: String::new(),
            description: String::new(),
            from: from.into_iter().map(str::to_owned).collect(),
            to: to.into_iter().map(str::to_owned).collect(),
            max_outgoing: None,
            max_incoming: None,
            roles: Vec::new(),
            is_hierarchy: false,
            attributes: Vec::new(),
        }
    }
}

/// A type of associations as it is defined now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationType {
    /// The name.
    pub name: String,
    /// How it reads along its direction.
    pub label: String,
    /// How it reads from the other end.
    pub inverse_label: String,
    /// What it means, in prose.
    pub description: String,
    /// The entity types that it leads from.
    pub from: Vec<String>,
    /// The entity types that it leads to.
    pub to: Vec<String>,
    /// How many may leave one record at a time; `None` for any number.
    pub max_outgoing: Option<u32>,
    /// How many may lead to one record at a time; `None` for any number.
    pub max_incoming: Option<u32>,
    /// The roles to choose from; any text if there are none.
    pub roles: Vec<ChoiceOption>,
    /// Whether it leads from a record to one above it, and never round in a circle.
    pub is_hierarchy: bool,
    /// The attributes, in the order of their definition.
    pub attributes: Vec<Attribute>,
    /// When the type was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// Names a type of associations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationTypeName {
    /// The name of the type of associations.
    #[serde(rename = "type")]
    pub association_type: String,
}

/// Which way an association leads, seen from one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AssociationDirection {
    /// Either.
    #[default]
    Both,
    /// It leads from the record.
    Outgoing,
    /// It leads to the record.
    Incoming,
}

/// An association as it is stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Association {
    /// The type.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The id, for ever.
    pub id: RecordId,
    /// 1 when added, and one more with every change.
    pub version: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
    /// The record that it leads from.
    pub from: RecordRef,
    /// The record that it leads to.
    pub to: RecordRef,
    /// What the one is to the other, such as "CFO".
    pub role: Option<String>,
    /// Whether it is the chief one of its type among those that leave the same record.
    pub is_primary: bool,
    /// The first day on which it holds; `None`: since ever.
    pub valid_from: Option<Date>,
    /// The last day on which it holds; `None`: for ever.
    pub valid_to: Option<Date>,
    /// The values of the type's attributes that have one.
    pub values: Values,
}

debug! {
    Association
        shows(association_type, id, version, created_at, updated_at, archived_at, from, to, is_primary, valid_from, valid_to, values)
        hides(role)
}

/// What a change of an association says: see [`Change::association`](crate::Change).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationChange {
    /// The type.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The id of the association.
    pub id: RecordId,
    /// The record that it leads from, when it was added.
    pub from: Option<RecordRef>,
    /// The record that it leads to, when it was added.
    pub to: Option<RecordRef>,
    /// The new values of `role`, `is_primary`, `valid_from`, `valid_to` and the type's attributes;
    /// null for those that were cleared.
    pub values: Values,
}

/// A change of an association, seen from one of its ends: an item of a record's timeline.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationEntry {
    /// Its place in the journal.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Why, as far as the actor said.
    pub cause: Option<String>,
    /// What was done.
    pub kind: ChangeKind,
    /// The association's version after it.
    pub version: i64,
    /// The type.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The id of the association.
    pub id: RecordId,
    /// Which way it leads, seen from the record; `both` if it leads to the record itself.
    pub direction: AssociationDirection,
    /// The record at the other end.
    pub other: RecordRef,
    /// The new values of `role`, `is_primary`, `valid_from`, `valid_to` and the type's attributes;
    /// null for those that were cleared.
    pub values: Values,
}

debug! {
    AssociationEntry
        shows(seq, at, kind, version, association_type, id, direction, other, values)
        hides(actor, cause)
}
