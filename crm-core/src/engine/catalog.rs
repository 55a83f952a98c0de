//! The entity types and types of associations of the file, with the SQL of their tables, as one
//! immutable snapshot.
//!
//! A change of the schema makes a new catalog, which replaces the old one after the commit; a call
//! that is under way keeps the one it began with.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Error, ErrorKind, Result,
    association::AssociationModel,
    normal::name::nearest,
    schema::TypeModel,
    store::{
        Connection,
        associations::{self, AssociationTable},
        definitions,
        table::Table,
    },
};

/// All types, archived ones included, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, Arc<Table>>,
    associations: BTreeMap<String, Arc<AssociationTable>>,
}

impl Catalog {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let models = definitions::load(conn)?.into_iter();
        let tables = models.map(|model| (model.name.clone(), Table::new(model))).collect();
        let models = associations::load_types(conn)?.into_iter();
        let associations =
            models.map(|model| (model.name().to_owned(), AssociationTable::new(model))).collect();
        Ok(Self { tables, associations })
    }

    /// The same types, with this one added or replaced.
    pub(super) fn with(&self, model: TypeModel) -> (Self, Arc<Table>) {
        let mut catalog = self.clone();
        let table = Table::new(model);
        catalog.tables.insert(table.model.name.clone(), Arc::clone(&table));
        (catalog, table)
    }

    /// The same types, with this type of associations added or replaced.
    pub(super) fn with_associations(
        &self,
        model: AssociationModel,
    ) -> (Self, Arc<AssociationTable>) {
        let mut catalog = self.clone();
        let table = AssociationTable::new(model);
        catalog.associations.insert(table.model.name().to_owned(), Arc::clone(&table));
        (catalog, table)
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
