//! Where the records of an import begin, because whoever imports them says so.
//!
//! It is judged in two steps, for a plan writes nothing: what was asked for before the first row, and
//! what the stage requires with each row. The invariant: a record that begins somewhere was created in
//! the same transaction, and stands nowhere else before.

use std::sync::Arc;

use super::{Cause, decided, enter, needs, no_program};
use crate::{
    Error, ErrorKind, MoveKind, RecordId, Result, StageCause, StartStage,
    engine::{Catalog, Writing},
    lifecycle::{Decision, LifecycleModel, Program},
    normal,
    schema::AttributeModel,
    store::table::Table,
};

/// The stage of one lifecycle on which the new records of an import begin, ready for work.
pub(in crate::engine) struct Starts {
    model: Arc<LifecycleModel>,
    stage: Option<usize>,
    /// The column that says the stage.
    pub(in crate::engine) column: Option<usize>,
    reason: Option<String>,
}

/// A stage on which a record is about to begin.
pub(in crate::engine) struct Start {
    model: Arc<LifecycleModel>,
    to: usize,
    reason: Option<String>,
}

impl Starts {
    /// The starts of records of `own`; `find_column` gives the place of a column.
    ///
    /// # Errors
    ///
    /// With the path of the field: `NotFound` or `UnknownOption`, with the nearest name; `Archived`;
    /// `Refused` if only triggers lead to the stage; as for a move if a reason is missing or wrong;
    /// `InvalidArgument` if the lifecycle is of another type, is named twice, or has neither a stage nor
    /// a column; those of `find_column`.
    pub(in crate::engine) fn of(
        catalog: &Catalog,
        own: &str,
        wanted: &[StartStage],
        find_column: impl Fn(&str) -> Result<usize>,
    ) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::with_capacity(wanted.len());
        for (place, wanted) in wanted.iter().enumerate() {
            let at = |field: &str| format!("stages[{place}].{field}");
            let within = |error: Error| error.with_field(at("lifecycle"));
            let model = catalog.lifecycle(&wanted.lifecycle).map_err(within)?;
            model.check_live().map_err(within)?;
            let of = &model.lifecycle.entity_type;
            if of != own {
                let message = format!("the lifecycle is of {of}, and the import of {own}");
                return Err(within(Error::new(ErrorKind::InvalidArgument, message)));
            }
            if all.iter().any(|known| known.model.id == model.id) {
                let message = "the lifecycle is named twice";
                return Err(within(Error::new(ErrorKind::InvalidArgument, message)));
            }
            if wanted.stage.is_none() && wanted.column.is_none() {
                let message = "neither a stage nor a column is named";
                return Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_field(at("stage"))
                    .with_hint("name the stage on which new records begin"));
            }
            let find = |name: &String| model.lifecycle.stage(name, &at("stage"));
            let starts = Self {
                model: Arc::clone(model),
                stage: wanted.stage.as_ref().map(find).transpose()?,
                column: wanted.column.as_deref().map(&find_column).transpose()?,
                reason: wanted.reason.clone(),
            };
            if let Some(to) = starts.stage {
                starts.check(to).map_err(|error| {
                    let field = error.field().unwrap_or("stage").to_owned();
                    error.with_field(at(&field))
                })?;
            }
            all.push(starts);
        }
        Ok(all)
    }

    /// The name of the lifecycle.
    pub(in crate::engine) fn lifecycle(&self) -> &str {
        self.model.name()
    }

    /// Whether the lifecycle is still the one that it was made for.
    pub(in crate::engine) fn is_current(&self, catalog: &Catalog) -> bool {
        let model = catalog.lifecycle(self.model.name());
        model.is_ok_and(|model| Arc::ptr_eq(model, &self.model))
    }

    /// The stage that a cell names, by its name or label; a blank one says nothing.
    ///
    /// # Errors
    ///
    /// `UnknownOption`; as [`Self::of`] of a stage.
    pub(in crate::engine) fn read(&self, cell: &str) -> Result<Option<Start>> {
        let name = normal::trim(cell);
        if name.is_empty() {
            return Ok(None);
        }
        let mut stages = self.model.lifecycle.stages.iter();
        let to = match stages.position(|stage| stage.label == name && stage.label != stage.name) {
            Some(place) if self.model.lifecycle.place(name).is_none() => place,
            _ => self.model.lifecycle.stage(name, self.lifecycle())?,
        };
        self.check(to)?;
        Ok(Some(self.start(to)))
    }

    /// The stage of records of which no cell says one.
    pub(in crate::engine) fn usual(&self) -> Option<Start> {
        self.stage.map(|to| self.start(to))
    }

    fn start(&self, to: usize) -> Start {
        Start { model: Arc::clone(&self.model), to, reason: self.reason.clone() }
    }

    /// Checks that new records may begin on a stage.
    fn check(&self, to: usize) -> Result<()> {
        let lifecycle = &self.model.lifecycle;
        lifecycle.stages[to].check_reason(self.reason.as_deref())?;
        crate::lifecycle::decide(lifecycle, None, false, to, MoveKind::Manual).map(drop)
    }
}

impl Start {
    /// The lifecycle and the stage.
    pub(in crate::engine) fn names(&self) -> (&str, &str) {
        (self.model.name(), &self.model.lifecycle.stages[self.to].name)
    }

    /// Checks that a record has what the stage requires.
    ///
    /// # Errors
    ///
    /// `Required`, with the attribute.
    pub(in crate::engine) fn check(
        &self,
        catalog: &Catalog,
        table: &Table,
        is_missing: impl Fn(&AttributeModel) -> bool,
    ) -> Result<()> {
        let required = self.program(catalog)?.required[self.to].iter();
        let mut required = required.map(|place| &table.model.attributes[*place]);
        match required.find(|attribute| is_missing(attribute)) {
            Some(attribute) => Err(needs(self.names().1, attribute.name())),
            None => Ok(()),
        }
    }

    fn program<'c>(&self, catalog: &'c Catalog) -> Result<&'c Program> {
        let programs = catalog.programs()?.map(|programs| &programs.all);
        let mut programs = programs.into_iter().flatten();
        programs.find(|program| program.model.id == self.model.id).ok_or_else(no_program)
    }

    /// Brings a record that was just created to the stage.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub(in crate::engine) fn enter(self, writing: &mut Writing<'_>, id: RecordId) -> Result<()> {
        let catalog = Arc::clone(&writing.catalog);
        let program = self.program(&catalog)?;
        let cause = Cause::new(StageCause::Import, writing.now);
        let cause = Cause { reason: self.reason, ..cause };
        let how = MoveKind::Manual;
        match decided(writing.tx, &program.model, None, self.to, how)? {
            Decision::Enter(entry) => {
                enter(writing, program, id, None, &entry, how, cause).map(drop)
            }
            Decision::Unchanged | Decision::Suppressed(_) => Ok(()),
        }
    }
}
