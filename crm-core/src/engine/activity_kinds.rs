//! Kinds of activities: defining, changing, archiving.

use std::sync::Arc;

use super::{
    Crm, Writing,
    rollups::{check_again, check_unread},
    search::index_activities,
};
use crate::{
    ActivityKind, ActivityPreset, ChangeKind, DefineActivityKind, Error, ErrorKind, Result,
    activity::{RESERVED_PROPERTIES, check_name, definition_json},
    limits,
    schema::{TypeModel, check, properties},
    store::activities::{self as rows, KindTable},
};

/// Kinds of activities: see [`Crm::activity_kinds`].
#[derive(Debug)]
pub struct ActivityKinds<'a> {
    crm: &'a Crm,
}

impl<'a> ActivityKinds<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Defines a kind of activity, or changes one: properties that are listed are added or changed,
    /// those that are not stay. Label and description stay where they are empty.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if a name or rule makes no sense or a property is called like a field of an
    /// activity, `UnknownType` if a reference's target is not there, `DefinitionConflict` if
    /// something changes that cannot, `Archived` if the kind is archived, `LimitExceeded` past 500
    /// kinds or 64 properties; and as for [`Types::define`](crate::Types::define) of a purpose.
    pub fn define(&self, definition: DefineActivityKind) -> Result<ActivityKind> {
        self.crm.write(|writing| Ok(ActivityKind::of(&define(writing, definition)?.model)))
    }

    /// Defines a ready-made kind. Where it is there already, its properties are added again as they
    /// were made.
    ///
    /// # Errors
    ///
    /// As [`ActivityKinds::define`].
    pub fn define_preset(&self, preset: ActivityPreset) -> Result<ActivityKind> {
        self.define(preset.definition())
    }

    /// The definition of a kind.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn get(&self, kind: &str) -> Result<ActivityKind> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        self.crm.catalog().kind(kind).map(|kind| ActivityKind::of(&kind.model))
    }

    /// All kinds, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<ActivityKind>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().kinds().map(|kind| ActivityKind::of(&kind.model)).collect())
    }

    /// Archives a kind: its activities stay readable and count, and no more are recorded.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `DefinitionConflict` if a roll-up looks at it.
    pub fn archive(&self, kind: &str) -> Result<ActivityKind> {
        self.set_archived(kind, true)
    }

    /// Takes a kind out of the archive.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn restore(&self, kind: &str) -> Result<ActivityKind> {
        self.set_archived(kind, false)
    }

    fn set_archived(&self, name: &str, archive: bool) -> Result<ActivityKind> {
        self.crm.write(|writing| {
            let kind = writing.kind(name)?;
            if kind.model.archived_at.is_some() == archive {
                return Ok(ActivityKind::of(&kind.model));
            }
            if archive {
                let catalog = &writing.catalog;
                let readers = catalog.rollups().over_kind(kind.model.id);
                check_unread(catalog, readers, "kind", "kind of activity")?;
            }
            let stamp = writing.stamp();
            let mut model = kind.model.clone();
            model.archived_at = archive.then(|| stamp.at());
            rows::archive_kind(writing.tx, model.id, model.archived_at)?;
            let change = match archive {
                true => ChangeKind::ActivityKindArchived,
                false => ChangeKind::ActivityKindRestored,
            };
            writing.log(stamp, change, None, None, &format!("{{\"name\":\"{name}\"}}"))?;
            Ok(ActivityKind::of(&writing.set_kind(model).model))
        })
    }
}

/// Refuses new activities of an archived kind.
///
/// # Errors
///
/// `Archived`.
pub(super) fn check_live(kind: &KindTable) -> Result<()> {
    match kind.model.archived_at {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Archived, "the kind of activity is archived")
            .with_field("kind")
            .with_hint("restore it with activity_kinds.restore")),
    }
}

fn define(writing: &mut Writing<'_>, definition: DefineActivityKind) -> Result<Arc<KindTable>> {
    let DefineActivityKind { name, label, description, properties: given } = definition;
    check_name(&name)?;
    check::texts(&label, &description)?;
    let known = writing.catalog.find_kind(&name).cloned();
    let before = match &known {
        Some(kind) => {
            check_live(kind).map_err(|error| error.with_field("name"))?;
            kind.model.clone()
        }
        None => {
            let most = limits::ACTIVITY_KINDS;
            if writing.catalog.kinds().len() >= most {
                let message = format!("at most {most} kinds of activities");
                return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
            }
            TypeModel::new(0, name, String::new(), String::new(), None, Vec::new())
        }
    };
    let (mut model, added) = properties::extend(&before, given, &RESERVED_PROPERTIES)?;
    for property in &model.attributes {
        if let Some(target) = &property.definition.target {
            let target = writing.catalog.table(target);
            target.map_err(|error| {
                check::in_attribute(property.name(), error.with_field("target"))
            })?;
        }
    }
    for (kept, given) in [(&mut model.label, label), (&mut model.description, description)] {
        if !given.is_empty() {
            *kept = given;
        }
    }
    let json = definition_json(&model);
    match known {
        Some(kind) if json == definition_json(&before) => return Ok(kind),
        Some(_) => rows::update_kind(writing.tx, model.id, &json)?,
        None => model.id = rows::insert_kind(writing.tx, &model.name, &json)?,
    }
    let (after, readers) =
        (writing.catalog.with_kind(model.clone()).0, writing.catalog.rollups().over_kind(model.id));
    check_again(&after, readers, "properties", "kind of activity")?;
    after.check_purposes(Some(&before), &model)?;
    rows::extend_kind(writing.tx, &model, added)?;
    let stamp = writing.stamp();
    writing.log(stamp, ChangeKind::ActivityKindDefined, None, None, &json)?;
    let kind = writing.set_kind(model);
    index_activities(writing, &before, &kind)?;
    Ok(kind)
}
