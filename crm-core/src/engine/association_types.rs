//! Types of associations: defining, changing, archiving.

use super::{
    Crm, Writing,
    rollups::{check_again, check_unread},
};
use crate::{
    AssociationPreset, AssociationType, ChangeKind, DefineAssociationType, Error, ErrorKind,
    Result,
    association::{AssociationModel, Period, greatest_at_once},
    limits,
    schema::check,
    store::associations::{self as rows, End},
};

/// Types of associations: see [`Crm::association_types`].
#[derive(Debug)]
pub struct AssociationTypes<'a> {
    crm: &'a Crm,
}

impl<'a> AssociationTypes<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Defines a type of associations, or changes one. Stating the same again changes nothing.
    ///
    /// ```
    /// use crm_core::{Crm, DefineAssociationType};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.association_types().define(DefineAssociationType {
    ///     max_outgoing: Some(1),
    ///     is_hierarchy: true,
    ///     ..DefineAssociationType::new("part_of", ["company"], ["company"])
    /// })?;
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if a name or property makes no sense, `UnknownType` if an entity type is not
    /// there, `DefinitionConflict` if associations in use do not allow it (the message counts them)
    /// or an attribute changes in what cannot, `Archived` if the type is archived, `LimitExceeded`
    /// past 500 types or 64 attributes; and as for [`Types::define`](crate::Types::define) if an
    /// attribute makes no sense.
    pub fn define(&self, definition: DefineAssociationType) -> Result<AssociationType> {
        self.crm.write(|writing| define(writing, definition))
    }

    /// Defines one of the ready-made types. If it is there already, what the preset says is stated
    /// anew.
    ///
    /// # Errors
    ///
    /// As [`AssociationTypes::define`]; `UnknownType` if the file lacks an entity type that the
    /// preset leads from or to.
    pub fn define_preset(&self, preset: AssociationPreset) -> Result<AssociationType> {
        self.define(preset.definition())
    }

    /// The definition of a type.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn get(&self, name: &str) -> Result<AssociationType> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        self.crm.catalog().associations(name).map(|table| table.model.describe())
    }

    /// All types, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<AssociationType>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        let catalog = self.crm.catalog();
        Ok(catalog.iter_associations().map(|table| table.model.describe()).collect())
    }

    /// Archives a type: its associations stay readable, writes are refused.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `DefinitionConflict` if a roll-up follows it.
    pub fn archive(&self, name: &str) -> Result<AssociationType> {
        self.set_archived(name, true)
    }

    /// Takes a type out of the archive.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn restore(&self, name: &str) -> Result<AssociationType> {
        self.set_archived(name, false)
    }

    fn set_archived(&self, name: &str, archive: bool) -> Result<AssociationType> {
        self.crm.write(|writing| {
            let table = writing.associations(name)?;
            if table.model.archived_at.is_some() == archive {
                return Ok(table.model.describe());
            }
            if archive {
                let catalog = &writing.catalog;
                let readers = catalog.rollups().over_associations(table.model.id);
                check_unread(catalog, readers, "type", "association type")?;
            }
            let stamp = writing.stamp();
            let mut model = table.model.clone();
            model.archived_at = archive.then(|| stamp.at());
            rows::archive_type(writing.tx, model.id, model.archived_at)?;
            let kind = match archive {
                true => ChangeKind::AssociationTypeArchived,
                false => ChangeKind::AssociationTypeRestored,
            };
            writing.log(stamp, kind, None, None, &format!("{{\"name\":\"{name}\"}}"))?;
            Ok(writing.set_associations(model).model.describe())
        })
    }
}

fn define(writing: &mut Writing<'_>, definition: DefineAssociationType) -> Result<AssociationType> {
    let catalog = std::sync::Arc::clone(&writing.catalog);
    let known = catalog.find_associations(&definition.name).map(|table| &table.model);
    match known {
        Some(known) => known.check_live()?,
        None if catalog.iter_associations().len() >= limits::ASSOCIATION_TYPES => {
            let message = format!("at most {} association types", limits::ASSOCIATION_TYPES);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
        }
        None => {}
    }
    let (mut model, added) = AssociationModel::define(known, definition)?;
    let new = &model.definition;
    if known.is_some_and(|known| known.definition == *new) {
        return Ok(model.describe());
    }
    for (field, ends) in [("from", &new.from), ("to", &new.to)] {
        for end in ends {
            catalog.table(end).map_err(|error| error.with_field(field))?;
        }
    }
    for attribute in &model.attributes.attributes {
        if let Some(target) = &attribute.definition.target {
            let known = catalog.table(target).map_err(|error| error.with_field("target"));
            known.map_err(|error| check::in_attribute(attribute.name(), error))?;
        }
    }
    if let Some(known) = known {
        check_stored(writing, known, &model)?;
    }
    let (after, _) = catalog.with_associations(model.clone());
    let readers = catalog.rollups().over_associations(model.id);
    check_again(&after, readers, "name", "association type")?;
    after.check_purposes(known.map(|known| &known.attributes), &model.attributes)?;
    let json = rows::type_json(&model.definition);
    model.id = rows::save_type(writing.tx, &model, &json, added)?;
    let stamp = writing.stamp();
    writing.log(stamp, ChangeKind::AssociationTypeDefined, None, None, &json)?;
    Ok(writing.set_associations(model).model.describe())
}

/// Refuses what associations in use do not allow.
fn check_stored(
    writing: &Writing<'_>,
    known: &AssociationModel,
    new: &AssociationModel,
) -> Result<()> {
    let (before, after) = (&known.definition, &new.definition);
    for (field, end, before, after) in
        [("from", End::From, &before.from, &after.from), ("to", End::To, &before.to, &after.to)]
    {
        for name in before.iter().filter(|name| !after.contains(name)) {
            let entity_type = writing.table(name)?.model.id;
            let count = rows::count_in_use(writing.tx, known.id, Some((end, entity_type)))?;
            if count > 0 {
                let message = format!("{count} associations in use need the entity type {name:?}");
                return Err(conflict(field, message));
            }
        }
    }
    if after.is_hierarchy && !before.is_hierarchy {
        let count = rows::count_in_use(writing.tx, known.id, None)?;
        if count > 0 {
            let message = format!("{count} associations in use were not checked for cycles");
            return Err(conflict("is_hierarchy", message));
        }
    }
    for (field, end, before, after) in [
        ("max_outgoing", End::From, before.max_outgoing, after.max_outgoing),
        ("max_incoming", End::To, before.max_incoming, after.max_incoming),
    ] {
        if let Some(most) = after.filter(|most| before.is_none_or(|before| *most < before)) {
            let mut count: u64 = 0;
            let exceeds = |periods: &[Period]| greatest_at_once(periods) > most as usize;
            rows::periods_by_record(writing.tx, known.id, end, |periods| {
                count += u64::from(exceeds(periods));
            })?;
            if count > 0 {
                return Err(conflict(field, format!("{count} records have more at one time")));
            }
        }
    }
    Ok(())
}

fn conflict(field: &str, message: String) -> Error {
    Error::new(ErrorKind::DefinitionConflict, message)
        .with_field(field)
        .with_hint("archive or change those associations first")
}
