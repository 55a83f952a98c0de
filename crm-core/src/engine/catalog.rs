//! The entity types, kinds of activities and types of associations of the file, with the SQL of their tables, as one
//! immutable snapshot.
//!
//! A change of the schema makes a new catalog, which replaces the old one after the commit; a call
//! that is under way keeps the one it began with.

use std::{collections::BTreeMap, sync::Arc};

use super::rollups::Rollups;
use crate::{
    Error, ErrorKind, Result,
    association::AssociationModel,
    normal::name::nearest,
    schema::TypeModel,
    store::{
        Connection,
        activities::{self, KindTable},
        associations::{self, AssociationTable},
        definitions,
        table::Table,
    },
};

/// All definitions, archived ones included, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, Arc<Table>>,
    kinds: BTreeMap<String, Arc<KindTable>>,
    associations: BTreeMap<String, Arc<AssociationTable>>,
    rollups: Rollups,
}

impl Catalog {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let types = definitions::load(conn)?.into_iter();
        let kinds = activities::load_kinds(conn)?.into_iter();
        let links = associations::load_types(conn)?.into_iter();
        let catalog = Self {
            tables: types.map(|model| (model.name.clone(), Table::new(model))).collect(),
            kinds: kinds
                .map(|model| (model.name.clone(), Arc::new(KindTable::new(model))))
                .collect(),
            associations: links
                .map(|model| (model.name().to_owned(), AssociationTable::new(model)))
                .collect(),
            rollups: Rollups::default(),
        };
        Ok(catalog.with_rollups())
    }

    /// The same definitions, and what follows from them: which roll-ups look at what.
    fn with_rollups(mut self) -> Self {
        self.rollups = Rollups::of(&self);
        self
    }

    /// The roll-ups in use.
    pub(super) fn rollups(&self) -> &Rollups {
        &self.rollups
    }

    /// The same definitions, with this type added or replaced.
    pub(super) fn with(&self, model: TypeModel) -> (Self, Arc<Table>) {
        let mut catalog = self.clone();
        let table = Table::new(model);
        catalog.tables.insert(table.model.name.clone(), Arc::clone(&table));
        (catalog.with_rollups(), table)
    }

    /// The same definitions, with this kind of activity added or replaced.
    pub(super) fn with_kind(&self, model: TypeModel) -> (Self, Arc<KindTable>) {
        let mut catalog = self.clone();
        let name = model.name.clone();
        let kind = Arc::new(KindTable::new(model));
        catalog.kinds.insert(name, Arc::clone(&kind));
        (catalog.with_rollups(), kind)
    }

    /// The same types, with this type of associations added or replaced.
    pub(super) fn with_associations(
        &self,
        model: AssociationModel,
    ) -> (Self, Arc<AssociationTable>) {
        let mut catalog = self.clone();
        let table = AssociationTable::new(model);
        catalog.associations.insert(table.model.name().to_owned(), Arc::clone(&table));
        (catalog.with_rollups(), table)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }

    /// The type of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`, with the nearest name as a hint.
    pub(super) fn table(&self, name: &str) -> Result<&Arc<Table>> {
        self.find(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such entity type").with_field("type");
            match nearest(name, self.tables.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with types.define"),
            }
        })
    }

    pub(super) fn find_kind(&self, name: &str) -> Option<&Arc<KindTable>> {
        self.kinds.get(name)
    }

    /// The kind of activity of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`, with the nearest name as a hint.
    pub(super) fn kind(&self, name: &str) -> Result<&Arc<KindTable>> {
        self.find_kind(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such kind of activity").with_field("kind");
            match nearest(name, self.kinds.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with activity_kinds.define"),
            }
        })
    }

    pub(super) fn kinds(&self) -> impl ExactSizeIterator<Item = &Arc<KindTable>> {
        self.kinds.values()
    }

    pub(super) fn find_associations(&self, name: &str) -> Option<&Arc<AssociationTable>> {
        self.associations.get(name)
    }

    /// The type of associations of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`, with the nearest name as a hint.
    pub(super) fn associations(&self, name: &str) -> Result<&Arc<AssociationTable>> {
        self.find_associations(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such association type").with_field("type");
            match nearest(name, self.associations.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with association_types.define"),
            }
        })
    }

    pub(super) fn iter_associations(
        &self,
    ) -> impl ExactSizeIterator<Item = &Arc<AssociationTable>> {
        self.associations.values()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Table>> {
        self.tables.values()
    }
}
