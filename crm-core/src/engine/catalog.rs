//! The entity types of the file with the SQL of their tables, as one immutable snapshot.
//!
//! A change of the schema makes a new catalog, which replaces the old one after the commit; a call
//! that is under way keeps the one it began with.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Error, ErrorKind, Result,
    normal::name::nearest,
    schema::TypeModel,
    store::{Connection, definitions, table::Table},
};

/// All entity types, archived ones included, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, Arc<Table>>,
}

impl Catalog {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let models = definitions::load(conn)?.into_iter();
        Ok(Self { tables: models.map(|model| (model.name.clone(), Table::new(model))).collect() })
    }

    /// The same types, with this one added or replaced.
    pub(super) fn with(&self, model: TypeModel) -> (Self, Arc<Table>) {
        let mut catalog = self.clone();
        let table = Table::new(model);
        catalog.tables.insert(table.model.name.clone(), Arc::clone(&table));
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

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Table>> {
        self.tables.values()
    }
}
