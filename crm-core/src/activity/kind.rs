//! Kinds of activities: which there are, and the properties that each has.
//!
//! A kind is stated as an entity type is, and its properties follow the rules of
//! [`properties`](crate::schema::properties). The invariant: a property is never called like a field
//! of an activity, so that a condition or an error names one thing.

use serde::{Deserialize, Serialize};

use super::ActivityPreset;
use crate::{
    Attribute, Error, ErrorKind, Result, Timestamp,
    schema::{AttributeModel, TypeModel, check},
};

/// The fields of an activity, and names that SQLite or the file's tables take for themselves.
pub(crate) const RESERVED_PROPERTIES: [&str; 22] = [
    "amount",
    "at",
    "channel",
    "currency",
    "direction",
    "id",
    "key",
    "kind",
    "links",
    "oid",
    "properties",
    "recorded_at",
    "recorded_by",
    "role",
    "rowid",
    "seq",
    "subject",
    "superseded_by",
    "supersedes",
    "type",
    "typed",
    "visitor",
];

/// Defines a kind of activity, or changes one: the request of `activity_kinds.define`.
///
/// Properties that are listed are added or changed; those that are not listed stay as they are. So a
/// host can state at every start what it needs. What was recorded stays as it is: a rule that is
/// tightened holds for what is recorded from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineActivityKind {
    /// The name: `[a-z][a-z0-9_]{0,62}`, and in the name of its table.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it means, in prose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// The properties to add or change: attributes without `unique` and `index`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub properties: Vec<Attribute>,
}

impl DefineActivityKind {
    /// A kind of this name with these properties.
    pub fn new(name: impl Into<String>, properties: impl IntoIterator<Item = Attribute>) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            description: String::new(),
            properties: properties.into_iter().collect(),
        }
    }
}

/// A kind of activity as it is defined now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityKind {
    /// The name.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it means, in prose.
    pub description: String,
    /// The properties, in the order of their definition.
    pub properties: Vec<Attribute>,
    /// When the kind was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// Names a kind of activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityKindName {
    /// The name of the kind.
    pub kind: String,
}

/// Adds one of the ready-made kinds: the request of `activity_kinds.define_preset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineActivityPreset {
    /// Which one.
    pub preset: ActivityPreset,
}

impl ActivityKind {
    /// The definition of a model.
    pub(crate) fn of(model: &TypeModel) -> Self {
        Self {
            name: model.name.clone(),
            label: model.label.clone(),
            description: model.description.clone(),
            properties: model.attributes.iter().map(|a| a.definition.clone()).collect(),
            archived_at: model.archived_at,
        }
    }
}

/// Checks the name of a kind: an identifier whose table has a name that no other table or index of
/// the engine can have.
///
/// # Errors
///
/// `InvalidArgument` with field `name`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    check::identifier(name, "kind of activity")?;
    let is_reserved = ["any", "kind", "link"].contains(&name)
        || ["by_", "kind_", "link_"].iter().any(|prefix| name.starts_with(prefix));
    if is_reserved {
        let message = "any, kind, link and names that begin with by_, kind_ or link_ are reserved";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("name"));
    }
    Ok(())
}

/// What `crm_activity_kind.definition` holds, and the journal's row of a definition.
pub(crate) fn definition_json(model: &TypeModel) -> String {
    let definition = DefineActivityKind {
        name: model.name.clone(),
        label: model.label.clone(),
        description: model.description.clone(),
        properties: model.attributes.iter().map(|a| a.definition.clone()).collect(),
    };
    serde_json::to_string(&definition).expect("a checked definition is always JSON")
}

/// The model of a stored definition.
///
/// # Errors
///
/// `Corrupt` if the text is not what [`definition_json`] writes.
pub(crate) fn read_definition(
    id: i64,
    json: &str,
    archived_at: Option<Timestamp>,
) -> Result<TypeModel> {
    let definition: DefineActivityKind = serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))?;
    let DefineActivityKind { name, label, description, properties } = definition;
    let properties =
        properties.into_iter().map(|property| AttributeModel::stored(0, property, None));
    let properties = properties.collect::<Result<Vec<_>>>()?;
    Ok(TypeModel::new(id, name, label, description, archived_at, properties))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_those_of_other_tables_are_refused() {
        for name in ["any", "kind", "link", "by_subject", "link_by_record", "Call", ""] {
            let error = check_name(name).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("name")));
        }
        for name in ["call", "bypass", "kindness", "linked"] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn reserved_names_are_sorted() {
        assert!(RESERVED_PROPERTIES.is_sorted());
    }
}
