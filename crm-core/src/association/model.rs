//! A definition made ready for work, and stored cells made into an association.
//!
//! Role, primary flag and the two days are judged and encoded like attributes, before those that the
//! host defines: so they have the same errors, the same form in the journal, and null clears them.

use super::{Association, AssociationDirection, AssociationType, DefineAssociationType, Period};
use crate::{
    Attribute, Date, Error, ErrorKind, Kind, RecordId, RecordRef, Result, Timestamp,
    cell::Cell,
    limits,
    schema::{AttributeModel, TypeModel, check, properties},
};

/// The columns of every association that can change, in this order before those of the attributes.
pub(crate) const FIXED: [&str; 4] = ["role", IS_PRIMARY, "valid_from", "valid_to"];
pub(crate) const IS_PRIMARY: &str = "is_primary";

/// Names that no attribute has: columns, and what an association has by itself.
const RESERVED: [&str; 16] = [
    "role",
    IS_PRIMARY,
    "valid_from",
    "valid_to",
    "seq",
    "rowid",
    "oid",
    "id",
    "version",
    "created_at",
    "updated_at",
    "archived_at",
    "type",
    "from",
    "to",
    "record",
];

/// A type of associations, ready for work.
#[derive(Debug, Clone)]
pub(crate) struct AssociationModel {
    /// The row id in `crm_association_type`.
    pub(crate) id: i64,
    /// Whole: with every attribute.
    pub(crate) definition: DefineAssociationType,
    pub(crate) archived_at: Option<Timestamp>,
    /// The attributes that the host defined: the columns of the side table.
    pub(crate) attributes: TypeModel,
    /// [`FIXED`], and then those.
    pub(crate) whole: TypeModel,
}

impl AssociationModel {
    /// What the file holds of a definition, ready for work.
    ///
    /// # Errors
    ///
    /// As [`Self::define`].
    pub(crate) fn load(
        id: i64,
        definition: DefineAssociationType,
        archived_at: Option<Timestamp>,
    ) -> Result<Self> {
        Ok(Self { id, archived_at, ..Self::define(None, definition)?.0 })
    }

    /// Judges a definition by itself, over the one that is known. Answers what it comes to, and
    /// where its new attributes begin.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, `LimitExceeded`, `DefinitionConflict` with the field or attribute.
    pub(crate) fn define(
        known: Option<&Self>,
        given: DefineAssociationType,
    ) -> Result<(Self, usize)> {
        check_name(&given.name)?;
        check::texts(&given.label, &given.description)?;
        check::texts(&given.inverse_label, "").map_err(|e| e.with_field("inverse_label"))?;
        let mut definition = given;
        if let Some(known) = known {
            keep_what_is_empty(&mut definition, &known.definition);
        }
        check_ends(&definition)?;
        let empty = |id| {
            let name = definition.name.clone();
            TypeModel::new(id, name, String::new(), String::new(), None, Vec::new())
        };
        let id = known.map_or(0, |known| known.id);
        let before = known.map_or_else(|| empty(id), |known| known.attributes.clone());
        let given = std::mem::take(&mut definition.attributes);
        if let Some(searched) = given.iter().find(|attribute| attribute.searched) {
            let message = "has no meaning here: an association is not searched";
            let error = Error::new(ErrorKind::InvalidArgument, message).with_field("searched");
            return Err(check::in_attribute(&searched.name, error));
        }
        let (attributes, added) = properties::extend(&before, given, &RESERVED)?;
        definition.attributes =
            attributes.attributes.iter().map(|a| a.definition.clone()).collect();
        let mut whole = empty(id);
        for attribute in fixed(&definition)?.into_iter().chain(attributes.attributes.clone()) {
            whole = whole.with_attribute(attribute);
        }
        let archived_at = known.and_then(|known| known.archived_at);
        Ok((Self { id, definition, archived_at, attributes, whole }, added))
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    /// Refuses writes to an archived type.
    ///
    /// # Errors
    ///
    /// `Archived`.
    pub(crate) fn check_live(&self) -> Result<()> {
        match self.archived_at {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Archived, "the association type is archived")
                .with_field("type")
                .with_hint("restore it with association_types.restore")),
        }
    }

    /// The type as callers see it.
    pub(crate) fn describe(&self) -> AssociationType {
        let definition = self.definition.clone();
        AssociationType {
            name: definition.name,
            label: definition.label,
            inverse_label: definition.inverse_label,
            description: definition.description,
            from: definition.from,
            to: definition.to,
            max_outgoing: definition.max_outgoing,
            max_incoming: definition.max_incoming,
            roles: definition.roles,
            is_hierarchy: definition.is_hierarchy,
            attributes: definition.attributes,
            archived_at: self.archived_at,
        }
    }
}

/// Tables and indexes of the engine have names that a side table must not have.
fn check_name(name: &str) -> Result<()> {
    check::identifier(name, "association type")?;
    if name == "type" || ["by_", "type_"].iter().any(|prefix| name.starts_with(prefix)) {
        let message = "type and names that begin with by_ or type_ are reserved";
        return Err(invalid("name", message));
    }
    Ok(())
}

fn keep_what_is_empty(given: &mut DefineAssociationType, known: &DefineAssociationType) {
    for (given, known) in [
        (&mut given.label, &known.label),
        (&mut given.inverse_label, &known.inverse_label),
        (&mut given.description, &known.description),
    ] {
        if given.is_empty() {
            given.clone_from(known);
        }
    }
    for (given, known) in [(&mut given.from, &known.from), (&mut given.to, &known.to)] {
        if given.is_empty() {
            given.clone_from(known);
        }
    }
}

fn check_ends(definition: &DefineAssociationType) -> Result<()> {
    for (field, ends) in [("from", &definition.from), ("to", &definition.to)] {
        if ends.is_empty() {
            return Err(invalid(field, "name at least one entity type"));
        }
        if (1..ends.len()).any(|place| ends[..place].contains(&ends[place])) {
            return Err(invalid(field, "an entity type occurs twice"));
        }
    }
    for (field, most) in
        [("max_outgoing", definition.max_outgoing), ("max_incoming", definition.max_incoming)]
    {
        if most == Some(0) {
            return Err(invalid(field, "must be at least 1"));
        }
    }
    let is_level = definition.from.len() == definition.to.len()
        && definition.from.iter().all(|end| definition.to.contains(end));
    if definition.is_hierarchy && !is_level {
        return Err(invalid("is_hierarchy", "a hierarchy leads from and to the same entity types"));
    }
    Ok(())
}

fn fixed(definition: &DefineAssociationType) -> Result<[AttributeModel; 4]> {
    let [role, is_primary, valid_from, valid_to] = FIXED;
    let role = match definition.roles.as_slice() {
        [] => Attribute { length: Some(limits::ROLE_CHARS), ..Attribute::new(role, Kind::Text) },
        roles => Attribute { options: roles.to_vec(), ..Attribute::new(role, Kind::Choice) },
    };
    let role = AttributeModel::new(0, role, None).map_err(|error| error.with_field("roles"))?;
    let plain = |name, kind| AttributeModel::new(0, Attribute::new(name, kind), None);
    Ok([
        role,
        plain(is_primary, Kind::Checkbox)?,
        plain(valid_from, Kind::Date)?,
        plain(valid_to, Kind::Date)?,
    ])
}

fn invalid(field: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}

/// What a row says of an association, with a cell for each column of the whole model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredAssociation {
    /// Of the change that added it.
    pub(crate) seq: i64,
    pub(crate) id: RecordId,
    pub(crate) association_type: String,
    pub(crate) version: i64,
    pub(crate) from: RecordRef,
    pub(crate) to: RecordRef,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) archived_at: Option<Timestamp>,
    pub(crate) cells: Vec<Cell>,
}

impl StoredAssociation {
    pub(crate) fn role(&self) -> Option<&str> {
        match &self.cells[0] {
            Cell::Text(role) => Some(role),
            _ => None,
        }
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.cells[1] == Cell::Integer(1)
    }

    /// # Errors
    ///
    /// `OutOfRange` if it ends before it begins.
    pub(crate) fn period(&self) -> Result<Period> {
        let day = |cell: &Cell| match cell {
            Cell::Integer(day) => Some(*day),
            _ => None,
        };
        Period::new(day(&self.cells[2]), day(&self.cells[3]))
    }

    /// Which way it leads, seen from this end of it, and the record at the other end.
    pub(crate) fn seen_from(self, record: RecordId) -> (AssociationDirection, RecordRef) {
        match (self.from.id == record, self.to.id == record) {
            (true, false) => (AssociationDirection::Outgoing, self.to),
            (false, _) => (AssociationDirection::Incoming, self.from),
            (true, true) => (AssociationDirection::Both, self.to),
        }
    }

    /// The association as callers see it.
    pub(crate) fn describe(mut self, model: &AssociationModel) -> Association {
        let (values, _) = model.attributes.decode(self.cells.split_off(FIXED.len()));
        let day = |cell: &Cell| match cell {
            Cell::Integer(day) => {
                i32::try_from(*day).ok().and_then(|day| Date::from_days(day).ok())
            }
            _ => None,
        };
        Association {
            role: self.role().map(str::to_owned),
            is_primary: self.is_primary(),
            valid_from: day(&self.cells[2]),
            valid_to: day(&self.cells[3]),
            values,
            association_type: self.association_type,
            id: self.id,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            archived_at: self.archived_at,
            from: self.from,
            to: self.to,
        }
    }
}
