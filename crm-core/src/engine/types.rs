//! Entity types and attributes: defining, changing, archiving.

use std::sync::Arc;

use super::{
    Catalog, Crm, Writing, records,
    rollups::{check_again, check_unread, reads_this},
    search::index_records,
};
use crate::{
    Attribute, ChangeKind, DefineType, EntityType, Error, ErrorKind, Kind, Preset, RecordId,
    Result, formula, limits,
    schema::{AttributeModel, Evolution, TypeModel, check, evolve},
    store::{definitions as rows, records as stored, table::Table},
};

/// How many records an error names.
const NAMED: u32 = 5;

/// Entity types and attributes: see [`Crm::types`].
#[derive(Debug)]
pub struct Types<'a> {
    crm: &'a Crm,
}

impl<'a> Types<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Defines an entity type, or changes one: attributes that are listed are added or changed,
    /// those that are not stay. Label and description stay where they are empty.
    ///
    /// ```
    /// use crm_core::{Attribute, Crm, DefineType, Kind, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.types().define(DefineType::new("book", [
    ///     Attribute::new("title", Kind::Text).required(),
    ///     Attribute::new("genre", Kind::Choice).options(["novel", "poetry"]),
    /// ]))?;
    /// crm.records("book").create(values! { "title" => "Emma", "genre" => "novel" })?;
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if a name or property makes no sense, `UnknownType` if a reference's target
    /// is not there, `DefinitionConflict` if stored records do not pass a tightened rule (the
    /// message counts and names them) or something changes that cannot, `UnknownAttribute`,
    /// `UnknownOption`, `UnknownType`, `Required` or `InvalidArgument` if a formula makes no sense,
    /// `Required`, `NotFound`, `Archived`, `InvalidArgument` or `DefinitionConflict` at `purpose` if a
    /// special attribute has none of its own or the purpose does not serve,
    /// `Archived` if the type, a listed attribute or something that a formula reads is archived,
    /// `LimitExceeded` past 500 types or 200 attributes; and as for
    /// [`Records::create`](crate::Records::create) if a default or a bound does not fit its kind.
    pub fn define(&self, definition: DefineType) -> Result<EntityType> {
        self.crm.write(|writing| Ok(define(writing, definition)?.model.describe()))
    }

    /// Defines a ready-made entity type. Where it is there already, its attributes are added again
    /// as they were made.
    ///
    /// # Errors
    ///
    /// As [`Types::define`].
    pub fn define_preset(&self, preset: Preset) -> Result<EntityType> {
        self.define(preset.definition())
    }

    /// The definition of a type.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn get(&self, name: &str) -> Result<EntityType> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        self.crm.catalog().table(name).map(|table| table.model.describe())
    }

    /// All types, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<EntityType>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().iter().map(|table| table.model.describe()).collect())
    }

    /// Archives a type: its records stay readable, writes are refused.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn archive(&self, name: &str) -> Result<EntityType> {
        self.set_type_archived(name, true)
    }

    /// Takes a type out of the archive.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn restore(&self, name: &str) -> Result<EntityType> {
        self.set_type_archived(name, false)
    }

    fn set_type_archived(&self, name: &str, archive: bool) -> Result<EntityType> {
        self.crm.write(|writing| {
            let table = writing.table(name)?;
            if table.model.archived_at.is_some() == archive {
                return Ok(table.model.describe());
            }
            let stamp = writing.stamp();
            let mut model = table.model.clone();
            model.archived_at = archive.then(|| stamp.at());
            rows::archive_type(writing.tx, model.id, model.archived_at)?;
            let kind = if archive { ChangeKind::TypeArchived } else { ChangeKind::TypeRestored };
            writing.log(stamp, kind, Some(name), None, "{}")?;
            Ok(writing.set_model(model).model.describe())
        })
    }

    /// Adds an attribute to a type, or changes one: `attribute` is its whole new definition.
    ///
    /// What becomes searched, or no longer is, changes the index of words in the same transaction.
    /// With a new formula, every record gets what it gives, archived ones included, in the same
    /// transaction: a change of the journal, and a new version, for each whose value differs.
    ///
    /// # Errors
    ///
    /// As [`Types::define`].
    pub fn define_attribute(&self, entity_type: &str, attribute: Attribute) -> Result<EntityType> {
        self.crm.write(|writing| {
            let table = writing.table(entity_type)?;
            table.model.check_live()?;
            let before = table;
            let table = define_attribute(writing, &before, attribute)?;
            index_records(writing, &before.model, &table)?;
            rows::replace_view(writing.tx, &table)?;
            Ok(table.model.describe())
        })
    }

    /// Archives an attribute: its values stay in the file and in the history, and are no longer
    /// shown or written.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`; `DefinitionConflict` if the formula of another attribute
    /// reads it.
    pub fn archive_attribute(&self, entity_type: &str, attribute: &str) -> Result<EntityType> {
        self.set_attribute_archived(entity_type, attribute, true)
    }

    /// Takes an attribute out of the archive, with the values that it had; what is calculated is
    /// calculated anew.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `DefinitionConflict` if records were created meanwhile
    /// that lack a required value; `Archived` if its formula reads an archived attribute, or its
    /// purpose is archived.
    pub fn restore_attribute(&self, entity_type: &str, attribute: &str) -> Result<EntityType> {
        self.set_attribute_archived(entity_type, attribute, false)
    }

    fn set_attribute_archived(
        &self,
        entity_type: &str,
        attribute: &str,
        archive: bool,
    ) -> Result<EntityType> {
        self.crm.write(|writing| {
            let table = writing.table(entity_type)?;
            let found = table.model.find(attribute);
            let mut changed = found.ok_or_else(|| table.model.unknown(attribute))?.clone();
            if changed.archived_at.is_some() == archive {
                return Ok(table.model.describe());
            }
            let stamp = writing.stamp();
            changed.archived_at = archive.then(|| stamp.at());
            if archive {
                if let Some(reader) = table.model.readers(attribute).next() {
                    return Err(reads_this(reader.name(), attribute, "attribute")
                        .with_hint("archive that attribute first, or change its formula"));
                }
                let (catalog, place) = (&writing.catalog, table.model.place(&changed));
                let readers = catalog.rollups().looking_at(table.model.id, place);
                check_unread(catalog, readers, attribute, "attribute")?;
            } else {
                let model = table.model.with_attribute(changed.clone());
                let after = check_formulas(writing, model, &changed)?;
                if changed.definition.purpose.is_some() {
                    let checked = after.check_purpose(&changed.definition);
                    checked.map_err(|error| check::in_attribute(attribute, error))?;
                }
                let checks = Evolution {
                    checks_presence: changed.definition.required,
                    checks_uniqueness: changed.definition.unique,
                    ..Evolution::default()
                };
                check_rows(writing, &table, &changed, checks)?;
            }
            rows::archive_attribute(writing.tx, changed.id, changed.archived_at)?;
            let kind = match archive {
                true => ChangeKind::AttributeArchived,
                false => ChangeKind::AttributeRestored,
            };
            let body = format!("{{\"name\":\"{attribute}\"}}");
            writing.log(stamp, kind, Some(entity_type), None, &body)?;
            let is_back = !archive && changed.is_calculated();
            let before = table;
            let table = writing.set_model(before.model.with_attribute(changed));
            if is_back {
                recalculate(writing, &table, attribute)?;
            }
            index_records(writing, &before.model, &table)?;
            rows::replace_view(writing.tx, &table)?;
            Ok(table.model.describe())
        })
    }
}

/// Defines or changes a type within a transaction.
pub(super) fn define(writing: &mut Writing<'_>, definition: DefineType) -> Result<Arc<Table>> {
    let DefineType { name, label, description, attributes } = definition;
    check::type_name(&name)?;
    check::texts(&label, &description)?;
    let found = writing.catalog.find(&name).map(Arc::clone);
    let is_new = found.is_none();
    let mut table = match found {
        Some(table) => {
            table.model.check_live()?;
            table
        }
        None => add_type(writing, name)?,
    };
    let mut model = table.model.clone();
    for (kept, given) in [(&mut model.label, label), (&mut model.description, description)] {
        if !given.is_empty() {
            *kept = given;
        }
    }
    if (&model.label, &model.description) != (&table.model.label, &table.model.description) {
        let json = rows::type_json(&model.label, &model.description);
        rows::update_type(writing.tx, model.id, &json)?;
        let stamp = writing.stamp();
        writing.log(stamp, ChangeKind::TypeDefined, Some(&model.name), None, &json)?;
        table = writing.set_model(model);
    }
    let before = Arc::clone(&table);
    for attribute in attributes {
        table = match is_new {
            true => describe_attribute(writing, &table, attribute)?,
            false => define_attribute(writing, &table, attribute)?,
        };
    }
    if is_new {
        rows::create_table(writing.tx, &table)?;
    }
    index_records(writing, &before.model, &table)?;
    rows::replace_view(writing.tx, &table)?;
    Ok(table)
}

fn add_type(writing: &mut Writing<'_>, name: String) -> Result<Arc<Table>> {
    if writing.catalog.iter().len() >= limits::TYPES {
        let message = format!("at most {} entity types", limits::TYPES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    let json = rows::type_json("", "");
    let id = rows::insert_type(writing.tx, &name, &json)?;
    let stamp = writing.stamp();
    writing.log(stamp, ChangeKind::TypeDefined, Some(&name), None, &json)?;
    let model = TypeModel::new(id, name, String::new(), String::new(), None, Vec::new());
    Ok(writing.set_model(model))
}

/// Defines or changes an attribute of a type whose table is there.
fn define_attribute(
    writing: &mut Writing<'_>,
    table: &Arc<Table>,
    definition: Attribute,
) -> Result<Arc<Table>> {
    let name = definition.name.clone();
    let (new, evolution) = judge(writing, table, definition)?;
    if evolution.is_noop {
        return Ok(Arc::clone(table));
    }
    check_rows(writing, table, &new, evolution)?;
    if evolution.adds_columns {
        rows::add_columns(writing.tx, &table.model, &new)?;
    }
    if let Some(is_wanted) = evolution.index {
        rows::set_index(writing.tx, table, &new, is_wanted)?;
    }
    let table = note(writing, table, new, evolution)?;
    if evolution.recalculates {
        recalculate(writing, &table, &name)?;
    }
    Ok(table)
}

/// Defines an attribute of a type whose table is not made yet, so that there is nothing to look at and
/// nothing to change.
fn describe_attribute(
    writing: &mut Writing<'_>,
    table: &Arc<Table>,
    definition: Attribute,
) -> Result<Arc<Table>> {
    let (new, evolution) = judge(writing, table, definition)?;
    if evolution.is_noop {
        return Ok(Arc::clone(table));
    }
    note(writing, table, new, evolution)
}

/// The attribute that a definition makes, and what it changes, by what is known without the rows.
fn judge(
    writing: &Writing<'_>,
    table: &Table,
    definition: Attribute,
) -> Result<(AttributeModel, Evolution)> {
    let name = definition.name.clone();
    let in_attribute = |error| check::in_attribute(&name, error);
    let old = table.model.find(&definition.name);
    if old.is_some_and(|old| old.archived_at.is_some()) {
        return Err(table.model.attribute(&name).expect_err("an archived attribute is refused"));
    }
    let id = old.map_or(0, |old| old.id);
    let new = AttributeModel::new(id, definition, None).map_err(in_attribute)?;
    let evolution = evolve(old, &new).map_err(in_attribute)?;
    if evolution.is_noop {
        return Ok((new, evolution));
    }
    if let Some(target) = &new.definition.target {
        let known = writing.catalog.table(target);
        known.map_err(|error| in_attribute(error.with_field("target")))?;
    }
    if evolution.adds_columns {
        check::room(&table.model, &new, &check::RESERVED, limits::ATTRIBUTES_PER_TYPE)?;
    }
    let after = check_formulas(writing, table.model.with_attribute(new.clone()), &new)?;
    after.check_purpose(&new.definition).map_err(in_attribute)?;
    Ok((new, evolution))
}

/// Stores the definition of an attribute, and that it was made.
fn note(
    writing: &mut Writing<'_>,
    table: &Table,
    mut new: AttributeModel,
    evolution: Evolution,
) -> Result<Arc<Table>> {
    if evolution.adds_columns {
        new.id = rows::insert_attribute(writing.tx, &table.model, &new)?;
    } else {
        rows::update_attribute(writing.tx, &new)?;
    }
    let stamp = writing.stamp();
    let json = rows::attribute_json(&new);
    writing.log(stamp, ChangeKind::AttributeDefined, Some(&table.model.name), None, &json)?;
    Ok(writing.set_model(table.model.with_attribute(new)))
}

/// Checks the formula of an attribute of `model`, and those that read the attribute. Answers the
/// definitions as they would be.
fn check_formulas(
    writing: &Writing<'_>,
    model: TypeModel,
    attribute: &AttributeModel,
) -> Result<Catalog> {
    let (after, table) = writing.catalog.with(model);
    let (model, name) = (&table.model, attribute.name());
    formula::check(&after, model, attribute).map_err(|error| check::in_attribute(name, error))?;
    for reader in model.readers(name) {
        formula::check(&after, model, reader).map_err(|error| {
            reads_this(reader.name(), name, "attribute")
                .with_hint(format!("the formula then {}", error.message()))
        })?;
    }
    let readers = writing.catalog.rollups().looking_at(model.id, model.place(attribute));
    check_again(&after, readers, name, "attribute")?;
    Ok(after)
}

/// Writes what the formulas of a type give now that an attribute has a new one, or is back.
fn recalculate(writing: &mut Writing<'_>, table: &Table, attribute: &str) -> Result<()> {
    let catalog = Arc::clone(&writing.catalog);
    let place = table.model.attributes.iter().position(|other| other.name() == attribute);
    let mut rollups = catalog.rollups().of_type(table.model.id);
    let rollup = rollups.find(|kept| Some(kept.plan().place) == place);
    records::recalculate(writing, table, rollup.map(|kept| &**kept))
}

/// Runs the checks that a definition asks for over every stored record.
fn check_rows(
    writing: &Writing<'_>,
    table: &Table,
    new: &AttributeModel,
    evolution: Evolution,
) -> Result<()> {
    if evolution.checks_presence && evolution.adds_columns {
        let all = stored::count(writing.tx, table, &[], crate::Archived::Include)?;
        if all > 0 {
            return Err(conflict(new, all, &[], "have no value for the required attribute"));
        }
    } else if evolution.checks_presence || evolution.checks_values {
        let (mut count, mut ids) = (0, Vec::new());
        stored::scan(writing.tx, table, new, |id, cells| {
            let value = new.decode(cells);
            let fails = match value.is_null() {
                true => evolution.checks_presence,
                false => evolution.checks_values && new.recheck(cells).is_err(),
            };
            if fails {
                count += 1;
                if ids.len() < NAMED as usize {
                    ids.push(id);
                }
            }
            Ok(true)
        })?;
        if count > 0 {
            return Err(conflict(new, count, &ids, "do not pass the new definition"));
        }
    }
    if evolution.checks_uniqueness && !evolution.adds_columns {
        let (count, ids) = stored::duplicates(writing.tx, table, new, NAMED)?;
        if count > 0 {
            return Err(conflict(new, count, &ids, "share their value with another record"));
        }
    }
    Ok(())
}

fn conflict(attribute: &AttributeModel, count: u64, ids: &[RecordId], what: &str) -> Error {
    let mut message = format!("{count} stored records {what}");
    if !ids.is_empty() {
        let named: Vec<String> = ids.iter().map(RecordId::to_string).collect();
        let more = if count > named.len() as u64 { ", …" } else { "" };
        message.push_str(&format!(": {}{more}", named.join(", ")));
    }
    let hint = match attribute.definition.kind {
        Kind::Choice | Kind::Choices => "change those records first, or hide the option instead",
        _ => "change those records first",
    };
    Error::new(ErrorKind::DefinitionConflict, message).with_field(attribute.name()).with_hint(hint)
}
