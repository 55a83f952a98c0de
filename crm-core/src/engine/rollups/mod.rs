//! Roll-ups: which of them look at what, as part of the snapshot of the definitions.
//!
//! Everything that is written asks here who looks at it, so that what nobody looks at costs a look
//! into an empty table. `changes` keeps the values true. The invariant: a roll-up that is in use is
//! in here under everything that can change its value.

mod changes;
#[cfg(test)]
mod tests;

pub(super) use changes::{Pending, Standing};

use std::{collections::HashMap, sync::Arc};

use super::Catalog;
use crate::{
    Error, ErrorKind, RecordId, Result, Value,
    condition::{Named, Schema as _},
    formula::{self, Of, Plan},
    schema::{AttributeModel, TypeModel},
    store::{
        Connection,
        rollups::{self, RollupTable},
        table::Table,
    },
};

/// A roll-up in use.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) table: RollupTable,
    /// How many roll-ups lie one upon the other below it, itself counted.
    level: usize,
    /// The places of the attributes that it looks at in the type of the records that it sums up.
    looks_at: Vec<usize>,
}

impl Kept {
    pub(super) fn plan(&self) -> &Plan {
        &self.table.plan
    }

    /// Its place and what it gives for a record of its type, from everything that it sums up.
    pub(super) fn read(
        &self,
        conn: &Connection,
        table: &Table,
        id: RecordId,
    ) -> Result<(usize, Value)> {
        let place = self.plan().place;
        let value = rollups::read(conn, &self.table, &table.model.attributes[place], id)?;
        Ok((place, value))
    }

    /// The type and the name of its attribute.
    pub(super) fn name(&self, catalog: &Catalog) -> String {
        let Named { name, .. } = &self.plan().entity_type;
        let table = catalog.find(name);
        let attribute = table.map_or("", |table| table.model.attributes[self.plan().place].name());
        format!("{name}.{attribute}")
    }
}

/// All roll-ups in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollups {
    all: Vec<Arc<Kept>>,
    /// Those of activities, by the type of the subject.
    of_subject: HashMap<i64, Vec<Arc<Kept>>>,
    of_association: HashMap<i64, Vec<Arc<Kept>>>,
    /// Those of associated and referring records, by their type.
    of_far: HashMap<i64, Vec<Arc<Kept>>>,
}

impl Rollups {
    /// Those of the definitions. One that makes no sense, as in a file that was tampered with, is
    /// left out.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut rollups = Self::default();
        let mut levels = HashMap::new();
        for table in catalog.iter() {
            let model = &table.model;
            for &place in &model.rollups {
                let attribute = &model.attributes[place];
                let Some(rollup) = attribute.rollup() else { continue };
                if let Ok(plan) = formula::resolve(catalog, model, attribute, rollup) {
                    let level = level(catalog, model, attribute, &mut levels);
                    rollups.add(catalog, plan, level);
                }
            }
        }
        rollups
    }

    fn add(&mut self, catalog: &Catalog, plan: Plan, level: usize) {
        let far = match &plan.of {
            Of::Activities { .. } => None,
            Of::Related { types, .. } => types.first(),
            Of::Referring { far, .. } => Some(far),
        };
        let far = far.and_then(|far| catalog.entity_type(&far.name));
        let looks_at = far.map(|far| plan.looks_at(far)).unwrap_or_default();
        let kept = Arc::new(Kept { table: RollupTable::new(plan), level, looks_at });
        match &kept.plan().of {
            Of::Activities { .. } => {
                let subject = kept.plan().entity_type.id;
                self.of_subject.entry(subject).or_default().push(Arc::clone(&kept));
            }
            Of::Related { association, types, .. } => {
                self.of_association.entry(association.id).or_default().push(Arc::clone(&kept));
                for far in types {
                    self.of_far.entry(far.id).or_default().push(Arc::clone(&kept));
                }
            }
            Of::Referring { far, .. } => {
                self.of_far.entry(far.id).or_default().push(Arc::clone(&kept));
            }
        }
        self.all.push(kept);
    }

    /// All plans, each with the name of its attribute.
    pub(super) fn named<'a>(&'a self, catalog: &'a Catalog) -> Vec<(&'a str, &'a Plan)> {
        let named = |kept: &'a Arc<Kept>| {
            let plan = kept.plan();
            let model = catalog.entity_type(&plan.entity_type.name)?;
            Some((model.attributes[plan.place].name(), plan))
        };
        self.all.iter().filter_map(named).collect()
    }

    /// Those of an entity type.
    pub(super) fn of_type(&self, id: i64) -> impl Iterator<Item = &Arc<Kept>> {
        self.all.iter().filter(move |kept| kept.plan().entity_type.id == id)
    }

    /// Those that look at an attribute of the records of a type.
    pub(super) fn looking_at(&self, far: i64, place: usize) -> impl Iterator<Item = &Arc<Kept>> {
        let of_far = self.of_far.get(&far).into_iter().flatten();
        of_far.filter(move |kept| kept.looks_at.contains(&place))
    }

    /// Those that sum up activities of a kind, or look at them among those of any.
    pub(super) fn over_kind(&self, id: i64) -> impl Iterator<Item = &Arc<Kept>> {
        self.all.iter().filter(move |kept| match &kept.plan().of {
            Of::Activities { kind, .. } => kind.as_ref().is_some_and(|kind| kind.id == id),
            Of::Related { .. } | Of::Referring { .. } => false,
        })
    }

    /// Those that follow associations of a type.
    pub(super) fn over_associations(&self, id: i64) -> impl Iterator<Item = &Arc<Kept>> {
        self.of_association.get(&id).into_iter().flatten()
    }
}

/// How many roll-ups lie one upon the other in what an attribute depends on, itself counted.
fn level(
    catalog: &Catalog,
    model: &TypeModel,
    attribute: &AttributeModel,
    known: &mut HashMap<(i64, String), usize>,
) -> usize {
    let key = (model.id, attribute.name().to_owned());
    if let Some(level) = known.get(&key) {
        return *level;
    }
    // Were there a cycle, in a file that was tampered with, it would end here.
    known.insert(key.clone(), 0);
    let read = formula::reads(catalog, model, attribute).into_iter();
    let below = read.map(|(model, attribute)| level(catalog, model, attribute, known)).max();
    let level = below.unwrap_or(0) + usize::from(attribute.rollup().is_some());
    known.insert(key, level);
    level
}

/// Refuses to archive what a roll-up looks at.
///
/// # Errors
///
/// `DefinitionConflict` if there is one.
pub(super) fn check_unread<'k>(
    catalog: &Catalog,
    mut readers: impl Iterator<Item = &'k Arc<Kept>>,
    field: &str,
    what: &str,
) -> Result<()> {
    match readers.next() {
        None => Ok(()),
        Some(reader) => Err(reads_this(&reader.name(catalog), field, what)
            .with_hint("archive that attribute first, or change its formula")),
    }
}

/// Checks roll-ups again after something that they look at has a new definition, which `catalog`
/// knows.
///
/// # Errors
///
/// `DefinitionConflict` if one makes no sense any more.
pub(super) fn check_again<'k>(
    catalog: &Catalog,
    readers: impl Iterator<Item = &'k Arc<Kept>>,
    field: &str,
    what: &str,
) -> Result<()> {
    for reader in readers {
        let Plan { entity_type, place, .. } = reader.plan();
        let model = &catalog.table(&entity_type.name)?.model;
        formula::check(catalog, model, &model.attributes[*place]).map_err(|error| {
            reads_this(&reader.name(catalog), field, what)
                .with_hint(format!("the formula then: {}", error.message()))
        })?;
    }
    Ok(())
}

/// The error for a change of something that a formula reads.
pub(super) fn reads_this(reader: &str, field: &str, what: &str) -> Error {
    let message = format!("the formula of {reader:?} reads this {what}");
    Error::new(ErrorKind::DefinitionConflict, message).with_field(field)
}
