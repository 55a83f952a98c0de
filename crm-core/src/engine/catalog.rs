//! The entity types, kinds of activities, types of associations, lifecycles and segments of the file, with the SQL of their tables,
//! as one immutable snapshot.
//!
//! A change of the schema makes a new catalog, which replaces the old one after the commit; a call
//! that is under way keeps the one it began with.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::rollups::Rollups;
use crate::{
    Error, ErrorKind, Result,
    association::AssociationModel,
    lifecycle::{Lifecycle, LifecycleModel, Program, Programs, check_cycles},
    normal::name::nearest,
    schema::TypeModel,
    segment::{SegmentModel, SegmentPrograms},
    store::{
        Connection,
        activities::{self, KindTable},
        associations::{self, AssociationTable},
        definitions, lifecycles, segments,
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
    lifecycles: BTreeMap<String, Arc<LifecycleModel>>,
    /// Made of all of the above when it is first asked for.
    programs: OnceLock<Arc<Programs>>,
    segments: BTreeMap<String, Arc<SegmentModel>>,
    /// Likewise.
    segment_programs: OnceLock<Arc<SegmentPrograms>>,
}

impl Catalog {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let types = definitions::load(conn)?.into_iter();
        let kinds = activities::load_kinds(conn)?.into_iter();
        let links = associations::load_types(conn)?.into_iter();
        let lifecycles = lifecycles::load(conn)?.into_iter();
        let segments = segments::load(conn)?.into_iter();
        let catalog = Self {
            tables: types.map(|model| (model.name.clone(), Table::new(model))).collect(),
            kinds: kinds
                .map(|model| (model.name.clone(), Arc::new(KindTable::new(model))))
                .collect(),
            associations: links
                .map(|model| (model.name().to_owned(), AssociationTable::new(model)))
                .collect(),
            lifecycles: lifecycles.map(|model| (model.name().to_owned(), model)).collect(),
            programs: OnceLock::new(),
            segments: segments.map(|model| (model.name().to_owned(), model)).collect(),
            segment_programs: OnceLock::new(),
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

    /// The same definitions, to be changed.
    fn begin(&self) -> Self {
        Self { programs: OnceLock::new(), segment_programs: OnceLock::new(), ..self.clone() }
    }

    /// The same definitions, with this type added or replaced.
    pub(super) fn with(&self, model: TypeModel) -> (Self, Arc<Table>) {
        let mut catalog = self.begin();
        let table = Table::new(model);
        catalog.tables.insert(table.model.name.clone(), Arc::clone(&table));
        (catalog.with_rollups(), table)
    }

    /// The same definitions, with this kind of activity added or replaced.
    pub(super) fn with_kind(&self, model: TypeModel) -> (Self, Arc<KindTable>) {
        let mut catalog = self.begin();
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
        let mut catalog = self.begin();
        let table = AssociationTable::new(model);
        catalog.associations.insert(table.model.name().to_owned(), Arc::clone(&table));
        (catalog.with_rollups(), table)
    }

    /// The same types, with this lifecycle added or replaced.
    pub(super) fn with_lifecycle(&self, model: LifecycleModel) -> Self {
        let mut catalog = self.begin();
        catalog.lifecycles.insert(model.name().to_owned(), Arc::new(model));
        catalog
    }

    /// The same types, with this segment added or replaced.
    pub(super) fn with_segment(&self, model: SegmentModel) -> Self {
        let mut catalog = self.begin();
        catalog.segments.insert(model.name().to_owned(), Arc::new(model));
        catalog
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

    pub(super) fn find_lifecycle(&self, name: &str) -> Option<&Arc<LifecycleModel>> {
        self.lifecycles.get(name)
    }

    /// The lifecycle of this name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn lifecycle(&self, name: &str) -> Result<&Arc<LifecycleModel>> {
        self.find_lifecycle(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::NotFound, "no such lifecycle").with_field("lifecycle");
            match nearest(name, self.lifecycles.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with lifecycles.define"),
            }
        })
    }

    pub(super) fn lifecycles(&self) -> impl ExactSizeIterator<Item = &Arc<LifecycleModel>> {
        self.lifecycles.values()
    }

    /// Judges all lifecycles in use against the other definitions; where one does not hold, its name
    /// and why.
    pub(super) fn make_programs(&self) -> Result<Programs, (String, Error)> {
        let in_use = || self.lifecycles().filter(|model| model.lifecycle.archived_at.is_none());
        let find = |name: &str| self.find_lifecycle(name).map(|model| &model.lifecycle);
        let names: Vec<&str> = self.lifecycles.keys().map(String::as_str).collect();
        let mut programs = Programs::default();
        for model in in_use() {
            let program = Program::new(Arc::clone(model), self, &find, &names);
            programs.add(program.map_err(|error| (model.name().to_owned(), error))?);
        }
        let all: Vec<&Lifecycle> = in_use().map(|model| &model.lifecycle).collect();
        check_cycles(&all).map_err(|(place, error)| (all[place].name.clone(), error))?;
        Ok(programs)
    }

    /// The programs of the lifecycles in use; `None` if there are none.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn programs(&self) -> Result<Option<&Arc<Programs>>> {
        if self.lifecycles.is_empty() {
            return Ok(None);
        }
        if let Some(programs) = self.programs.get() {
            return Ok(Some(programs));
        }
        let programs = self.make_programs().map_err(|fault| conflict("lifecycle", fault))?;
        Ok(Some(self.programs.get_or_init(|| Arc::new(programs))))
    }

    pub(super) fn find_segment(&self, name: &str) -> Option<&Arc<SegmentModel>> {
        self.segments.get(name)
    }

    /// The segment of this name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn segment(&self, name: &str) -> Result<&Arc<SegmentModel>> {
        self.find_segment(name).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, "no such segment").with_field("segment");
            match nearest(name, self.segments.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with segments.define"),
            }
        })
    }

    pub(super) fn segments(&self) -> impl ExactSizeIterator<Item = &Arc<SegmentModel>> {
        self.segments.values()
    }

    /// Judges all segments in use against the other definitions; where one does not hold, its name
    /// and why. Of those that go round, that is the `changed` one.
    pub(super) fn make_segments(
        &self,
        changed: Option<&str>,
    ) -> Result<SegmentPrograms, (String, Error)> {
        SegmentPrograms::new(self.segments(), self, changed)
    }

    /// The programs of the segments; `None` if there are none.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn segment_programs(&self) -> Result<Option<&Arc<SegmentPrograms>>> {
        if self.segments.is_empty() {
            return Ok(None);
        }
        if let Some(programs) = self.segment_programs.get() {
            return Ok(Some(programs));
        }
        let programs = self.make_segments(None).map_err(|fault| conflict("segment", fault))?;
        Ok(Some(self.segment_programs.get_or_init(|| Arc::new(programs))))
    }
}

/// The error for a change that another definition does not bear.
pub(super) fn conflict(what: &str, (name, error): (String, Error)) -> Error {
    let message = format!("the {what} {name:?} would not hold: {}", error.message());
    let conflict = Error::new(ErrorKind::DefinitionConflict, message)
        .with_hint(format!("change or archive the {what} first"));
    match error.field() {
        Some(field) => conflict.with_field(format!("{name}.{field}")),
        None => conflict.with_field(name),
    }
}
