//! A row about to be written: the cells of a new record, or those that a patch changes.

use crate::{
    Error, ErrorKind, Kind, Result, Value, Values,
    cell::Cell,
    formula,
    schema::{AttributeModel, TypeModel},
};

/// The cells of a whole row, and which attributes differ from what is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// One cell per column of the type.
    pub(crate) cells: Vec<Cell>,
    /// Places in `TypeModel::attributes`, ascending.
    pub(crate) changed: Vec<usize>,
    /// What the cells of the changed attributes were; empty for a new record.
    before: Vec<Cell>,
}

/// Values that are given for a row, judged and encoded one by one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    /// One cell per column of the type.
    cells: Vec<Cell>,
    /// For each attribute of the type whether it is given, be it as nothing.
    is_given: Vec<bool>,
}

impl Given {
    /// Nothing given yet.
    pub(crate) fn new(model: &TypeModel) -> Self {
        let cells = vec![Cell::Null; model.columns];
        Self { cells, is_given: vec![false; model.attributes.len()] }
    }

    fn of(model: &TypeModel, values: Values) -> Result<Self> {
        let mut given = Self::new(model);
        for (name, value) in values {
            let attribute = model.attribute(&name)?;
            given.set(model, model.place(attribute), value)?;
        }
        Ok(given)
    }

    /// Gives the attribute at `place` a value. If it does not fit, the attribute counts as not given.
    ///
    /// # Errors
    ///
    /// As [`AttributeModel::encode`]; `InvalidArgument` if the attribute is calculated.
    pub(crate) fn set(&mut self, model: &TypeModel, place: usize, value: Value) -> Result<()> {
        let attribute = &model.attributes[place];
        if attribute.is_calculated() {
            return Err(calculated(attribute.name()));
        }
        let cells = &mut self.cells[attribute.span()];
        let encoded = attribute.encode(value, cells);
        if encoded.is_err() {
            cells.fill(Cell::Null);
        }
        self.is_given[place] = encoded.is_ok();
        encoded
    }

    /// Gives the attribute at `place` cells that were stored once, if they still fit. If not, the
    /// attribute counts as not given.
    ///
    /// # Errors
    ///
    /// As [`AttributeModel::encode`].
    pub(crate) fn set_cells(
        &mut self,
        model: &TypeModel,
        place: usize,
        cells: &[Cell],
    ) -> Result<()> {
        let attribute = &model.attributes[place];
        attribute.recheck(cells)?;
        self.cells[attribute.span()].clone_from_slice(cells);
        self.is_given[place] = true;
        Ok(())
    }

    /// Takes back what was given for the attribute at `place`.
    pub(crate) fn unset(&mut self, model: &TypeModel, place: usize) {
        self.cells[model.attributes[place].span()].fill(Cell::Null);
        self.is_given[place] = false;
    }

    /// The value given for the attribute at `place`, taken back.
    pub(crate) fn take(&mut self, model: &TypeModel, place: usize) -> Value {
        let attribute = &model.attributes[place];
        let value = attribute.take(&mut self.cells[attribute.span()]);
        self.unset(model, place);
        value
    }

    /// Whether the attribute at `place` is given a value.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.is_given[place]
    }

    /// The cells of the attribute at `place`.
    pub(crate) fn cells(&self, model: &TypeModel, place: usize) -> &[Cell] {
        &self.cells[model.attributes[place].span()]
    }

    /// The leading cell of the attribute at `place`.
    pub(crate) fn key(&self, model: &TypeModel, place: usize) -> &Cell {
        &self.cells[model.attributes[place].first]
    }
}

impl Draft {
    /// A new record: given values, defaults for the rest, and nothing required missing.
    ///
    /// # Errors
    ///
    /// As [`AttributeModel::encode`], and `UnknownAttribute`, `Archived`, `Required`.
    pub(crate) fn create(model: &TypeModel, values: Values) -> Result<Self> {
        Self::complete(model, Given::of(model, values)?)
    }

    /// As [`Self::create`], of values that are judged already.
    ///
    /// # Errors
    ///
    /// `Required`.
    pub(crate) fn complete(model: &TypeModel, given: Given) -> Result<Self> {
        let Given { mut cells, is_given } = given;
        let mut changed = Vec::with_capacity(model.attributes.len());
        for (place, attribute) in model.attributes.iter().enumerate() {
            if attribute.archived_at.is_some() {
                continue;
            }
            if !is_given[place]
                && let Some(default) = &attribute.definition.default
            {
                attribute.encode(default.clone(), &mut cells[attribute.span()])?;
            }
            if !is_missing(&cells[attribute.span()]) {
                changed.push(place);
            } else if attribute.definition.required {
                return Err(required(attribute));
            }
        }
        let mut draft = Self { cells, changed, before: Vec::new() };
        // Nothing has happened with a new record, and nothing is associated with it.
        for &place in &model.rollups {
            let attribute = &model.attributes[place];
            if let Some(rollup) = attribute.rollup() {
                draft.set(model, place, formula::nothing(rollup, attribute));
            }
        }
        draft.calculate(model);
        Ok(draft)
    }

    /// A stored row with some new values.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub(crate) fn patch(model: &TypeModel, stored: Vec<Cell>, values: Values) -> Result<Self> {
        Self::change(model, stored, Given::of(model, values)?)
    }

    /// A stored row as it is.
    pub(crate) fn unchanged(cells: Vec<Cell>) -> Self {
        Self { cells, changed: Vec::new(), before: Vec::new() }
    }

    /// As [`Self::patch`], of values that are judged already.
    ///
    /// # Errors
    ///
    /// `Required`.
    pub(crate) fn change(model: &TypeModel, mut cells: Vec<Cell>, given: Given) -> Result<Self> {
        let Given { cells: mut fresh, is_given } = given;
        let mut changed = Vec::new();
        for (place, attribute) in model.attributes.iter().enumerate() {
            if !is_given[place] {
                continue;
            }
            let fresh = &mut fresh[attribute.span()];
            if is_missing(fresh) && attribute.definition.required {
                return Err(required(attribute));
            }
            let stored = &mut cells[attribute.span()];
            // The size of a file is not the caller's to say: it is filled in from what is stored.
            let told = match attribute.definition.kind {
                Kind::File => fresh.len() - 1,
                _ => fresh.len(),
            };
            if stored[..told] != fresh[..told] {
                stored.swap_with_slice(fresh);
                changed.push(place);
            }
        }
        // What was swapped out of the row is what it held before.
        let mut draft = Self { cells, changed, before: fresh };
        // What was calculated of the same values is there already.
        if !draft.changed.is_empty() {
            draft.calculate(model);
        }
        Ok(draft)
    }

    /// A stored row with what its roll-ups at these places give now, and the other formulas of its
    /// type with them.
    pub(crate) fn recalculate(
        model: &TypeModel,
        cells: Vec<Cell>,
        rollups: impl IntoIterator<Item = (usize, Value)>,
    ) -> Self {
        let before = vec![Cell::Null; cells.len()];
        let mut draft = Self { cells, changed: Vec::new(), before };
        for (place, value) in rollups {
            draft.set(model, place, value);
        }
        draft.calculate(model);
        draft
    }

    /// Writes what each formula gives.
    fn calculate(&mut self, model: &TypeModel) {
        for &place in &model.calculated {
            let value = formula::evaluate(model, &model.attributes[place], &self.cells);
            self.set(model, place, value);
        }
        self.changed.sort_unstable();
    }

    /// Writes what a formula gives. What does not fit the attribute is missing: a record is not
    /// refused for the sake of what nobody wrote.
    fn set(&mut self, model: &TypeModel, place: usize, value: Value) {
        let attribute = &model.attributes[place];
        let mut fresh = vec![Cell::Null; attribute.width()];
        if attribute.encode(value, &mut fresh).is_err() {
            fresh.fill(Cell::Null);
        }
        let stored = &mut self.cells[attribute.span()];
        if *stored != fresh[..] {
            stored.swap_with_slice(&mut fresh);
            if let Some(before) = self.before.get_mut(attribute.span()) {
                before.swap_with_slice(&mut fresh);
            }
            self.changed.push(place);
        }
    }

    /// What the cells of a changed attribute were; `None` for a new record.
    pub(crate) fn before(&self, attribute: &AttributeModel) -> Option<&[Cell]> {
        self.before.get(attribute.span())
    }

    /// The attributes that differ from what is stored, with their new cells.
    pub(crate) fn changes<'a>(
        &'a self,
        model: &'a TypeModel,
    ) -> impl Iterator<Item = (&'a AttributeModel, &'a [Cell])> {
        self.changed.iter().map(|&place| {
            let attribute = &model.attributes[place];
            (attribute, &self.cells[attribute.span()])
        })
    }
}

/// Encodes one value to look records up by.
///
/// # Errors
///
/// As [`AttributeModel::encode`], and `Required` if the value is missing.
pub(crate) fn encode_key(attribute: &AttributeModel, value: Value) -> Result<Cell> {
    let mut cells = vec![Cell::Null; attribute.width()];
    attribute.encode(value, &mut cells)?;
    match cells.swap_remove(0) {
        Cell::Null => Err(required(attribute)),
        key => Ok(key),
    }
}

/// The error for a value that is given for a calculated attribute.
pub(crate) fn calculated(name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, "the attribute is calculated")
        .with_field(name)
        .with_hint("leave it out: its formula gives the value")
}

fn is_missing(cells: &[Cell]) -> bool {
    cells.iter().all(|cell| matches!(cell, Cell::Null))
}

fn required(attribute: &AttributeModel) -> Error {
    Error::new(ErrorKind::Required, "a value is required").with_field(attribute.name())
}
