//! A mapping made ready for work: columns found in the header, attributes in the type, and for each
//! how its cells are read.
//!
//! Whatever is wrong with a request is found here, before the first row. The invariant: no attribute,
//! or part of one, comes from two columns.

use super::{CellReader, ColumnMapping, ColumnRule, ImportMode, ImportRules, RowSource, columns};
use crate::{
    Address, Error, ErrorKind, FileRef, Kind, Money, Result, Value,
    normal::{self, name::nearest},
    record::calculated,
    schema::{AttributeModel, TypeModel},
};

/// Which columns of a table make which attributes of a type.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) fields: Vec<Field>,
    /// The places of the attributes that together name the record; empty if each row makes one.
    pub(crate) key: Vec<usize>,
}

/// An attribute and the columns that its value is read from.
#[derive(Debug)]
pub(crate) struct Field {
    /// Where the attribute stands in its type.
    pub(crate) place: usize,
    /// For a reference: the unique attribute of the target that the cell holds.
    pub(crate) lookup: Option<String>,
    /// What becomes of a value that the record has.
    pub(crate) rule: ColumnRule,
    /// One per part of the kind.
    parts: Vec<Option<Part>>,
}

#[derive(Debug)]
struct Part {
    column: usize,
    reader: CellReader,
}

/// What is wrong with a row: where, if it is one column, and what.
pub(crate) type Fault = (Option<usize>, Error);

impl Mapping {
    /// Makes the mapping of a request ready; `find_type` gives the type that a reference refers to.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if a column is missing or ambiguous, if two make the same attribute, if a
    /// format or rule makes no sense, or if mode and key do not agree; `UnknownAttribute`,
    /// `Archived`; as [`RowSource::check_column`].
    pub(crate) fn new<'t>(
        model: &TypeModel,
        table: &dyn RowSource,
        rules: ImportRules<'_>,
        find_type: impl Fn(&str) -> Option<&'t TypeModel>,
    ) -> Result<Self> {
        if rules.columns.is_empty() {
            return Err(invalid("columns", "no column is mapped")
                .with_hint("csv.propose proposes a mapping"));
        }
        let fields = make_fields(model, table, rules.columns, find_type, |attribute, mapping| {
            check_rule(attribute, mapping, rules.mode)
        })?;
        let key = find_mode_key(model, rules, &fields)?;
        Ok(Self { fields, key })
    }

    /// The places of the columns that go somewhere.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.fields.iter().flat_map(Field::columns)
    }

    /// The column that the attribute of this name begins with.
    pub(crate) fn column_of(&self, model: &TypeModel, attribute: &str) -> Option<usize> {
        let is_meant = |field: &&Field| model.attributes[field.place].name() == attribute;
        self.fields.iter().find(is_meant).map(Field::column)
    }
}

/// The attributes of `model` that these columns go to; `find_type` gives the type that a reference
/// refers to, and `find_rule` what a column does to a value that is there.
///
/// # Errors
///
/// As [`Mapping::new`]; those of `find_rule`.
pub(crate) fn make_fields<'t>(
    model: &TypeModel,
    table: &dyn RowSource,
    mappings: &[ColumnMapping],
    find_type: impl Fn(&str) -> Option<&'t TypeModel>,
    find_rule: impl Fn(&AttributeModel, &ColumnMapping) -> Result<ColumnRule>,
) -> Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    for mapping in mappings {
        let column = find_column(table.header(), &mapping.column)?;
        let (attribute, part) = columns::resolve(model, &mapping.attribute)?;
        let place = model.place(attribute);
        if attribute.is_calculated() {
            return Err(calculated(attribute.name()));
        }
        let kind = attribute.definition.kind;
        let rule = find_rule(attribute, mapping)?;
        let judged = table.check_column(column, kind, part, mapping);
        judged.map_err(|error| error.with_field(&mapping.column))?;
        let field = match fields.iter().position(|field| field.place == place) {
            Some(found) => &mut fields[found],
            None => {
                let parts = columns::parts(kind).iter().map(|_| None).collect();
                fields.push(Field { place, lookup: None, rule, parts });
                fields.last_mut().expect("one was pushed")
            }
        };
        if field.rule != rule {
            return Err(invalid(&mapping.column, "the columns of one value have one rule")
                .with_hint("give all of them the same rule"));
        }
        if field.parts[part].is_some() {
            let message = "two columns are mapped to the same attribute";
            return Err(invalid(&mapping.attribute, message)
                .with_hint("leave one of them out, or map it to another attribute"));
        }
        let reader = match (&mapping.lookup, kind) {
            (None, _) => CellReader::new(attribute, columns::parts(kind)[part], mapping)?,
            (Some(name), Kind::Reference) => {
                let target = attribute.definition.target.as_deref().unwrap_or_default();
                let target = find_type(target).ok_or_else(|| {
                    Error::new(ErrorKind::UnknownType, "the reference refers to no type")
                        .with_field(attribute.name())
                })?;
                field.lookup = Some(name.clone());
                CellReader::new(find_key(target, name)?, "", mapping)?
            }
            (Some(_), _) => {
                return Err(invalid(&mapping.column, "only a reference is looked up")
                    .with_hint("leave lookup out"));
            }
        };
        field.parts[part] = Some(Part { column, reader });
    }
    fields.iter().try_for_each(|field| field.check(&model.attributes[field.place]))?;
    Ok(fields)
}

impl Field {
    /// The places of its columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().flatten().map(|part| part.column)
    }

    /// The first of its columns.
    pub(crate) fn column(&self) -> usize {
        self.columns().next().unwrap_or_default()
    }

    /// Refuses a value of which a part without which it cannot be has no column.
    fn check(&self, attribute: &AttributeModel) -> Result<()> {
        let definition = &attribute.definition;
        let names = columns::parts(definition.kind);
        let is_needed = |part: usize| match definition.kind {
            Kind::Address => false,
            Kind::Money if part == 1 => definition.currency.is_none(),
            _ => true,
        };
        for (part, name) in names.iter().enumerate() {
            if self.parts[part].is_none() && is_needed(part) {
                let name = columns::name(attribute.name(), name);
                return Err(invalid(&name, "the value cannot be told without this part")
                    .with_hint(format!("map a column to {name} too")));
            }
        }
        Ok(())
    }

    /// The value that a row has for this attribute; `None` if it says nothing. All parts together
    /// make one value.
    ///
    /// # Errors
    ///
    /// As [`CellReader::read`], with the column.
    pub(crate) fn read(
        &self,
        attribute: &AttributeModel,
        row: &dyn RowSource,
    ) -> Result<Option<Value>, Fault> {
        match attribute.definition.kind {
            Kind::Money => self.read_money(attribute, row),
            Kind::Address => self.read_address(attribute, row),
            Kind::File => self.read_file(attribute, row),
            _ => self.read_part(0, attribute, row),
        }
    }

    fn read_part(
        &self,
        part: usize,
        attribute: &AttributeModel,
        row: &dyn RowSource,
    ) -> Result<Option<Value>, Fault> {
        let Some(Part { column, reader }) = &self.parts[part] else { return Ok(None) };
        let cell = row.cell(*column, attribute.definition.kind);
        let read = cell.and_then(|cell| reader.read(attribute, cell));
        read.map_err(|error| (Some(*column), error))
    }

    fn read_text(
        &self,
        part: usize,
        attribute: &AttributeModel,
        row: &dyn RowSource,
    ) -> Result<Option<String>, Fault> {
        match self.read_part(part, attribute, row)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => {
                let error = Error::new(ErrorKind::WrongKind, "this part of a value is text");
                Err(self.fault(part, error.with_hint("write it in quotes")))
            }
        }
    }

    fn fault(&self, part: usize, error: Error) -> Fault {
        let column = self.parts[part].as_ref().map_or_else(|| self.column(), |part| part.column);
        (Some(column), error)
    }

    fn read_money(
        &self,
        attribute: &AttributeModel,
        row: &dyn RowSource,
    ) -> Result<Option<Value>, Fault> {
        let Some(amount) = self.read_text(0, attribute, row)? else { return Ok(None) };
        let currency = match self.read_text(1, attribute, row)? {
            Some(text) => {
                let found = normal::currency::currency(&text);
                Some(found.map_err(|error| self.fault(1, error))?.0.to_owned())
            }
            None => attribute.definition.currency.clone(),
        };
        match currency {
            Some(currency) => Ok(Some(Value::Money(Money { amount, currency }))),
            None => {
                let error = Error::new(ErrorKind::Required, "an amount without a currency")
                    .with_hint("write the currency of the amount, such as EUR");
                Err(self.fault(1, error))
            }
        }
    }

    fn read_address(
        &self,
        attribute: &AttributeModel,
        row: &dyn RowSource,
    ) -> Result<Option<Value>, Fault> {
        let text = |part| self.read_text(part, attribute, row);
        let mut address = Address {
            street: text(0)?,
            city: text(1)?,
            region: text(2)?,
            postal_code: text(3)?,
            country: text(4)?,
        };
        if let Some(country) = &address.country {
            let code = normal::country::country(country).map_err(|error| self.fault(4, error))?;
            address.country = Some(code.to_owned());
        }
        Ok((address != Address::default()).then_some(Value::Address(address)))
    }

    fn read_file(
        &self,
        attribute: &AttributeModel,
        row: &dyn RowSource,
    ) -> Result<Option<Value>, Fault> {
        let Some(hash) = self.read_text(0, attribute, row)? else { return Ok(None) };
        let needed = |part| {
            self.read_text(part, attribute, row)?.ok_or_else(|| {
                let error = Error::new(ErrorKind::Required, "a file without name or media type");
                self.fault(part, error.with_hint("write all of hash, name and media type"))
            })
        };
        let (name, media_type) = (needed(1)?, needed(2)?);
        Ok(Some(Value::File(FileRef { hash, name, media_type, size: 0 })))
    }
}

/// The only column of this name.
///
/// # Errors
///
/// `InvalidArgument` if there is none, with the nearest name, or if there are two.
pub(crate) fn find_column(header: &[String], name: &str) -> Result<usize> {
    let name = normal::trim(name);
    let mut found = header.iter().enumerate().filter(|(_, column)| *column == name);
    match (found.next(), found.next()) {
        (Some((place, _)), None) => Ok(place),
        (_, second) if name.is_empty() => {
            // An error names its column, and here there is no name.
            let message = match second {
                Some(_) => "several columns of the table have no name, and one of them is mapped",
                None => "a column without a name is mapped, and the table has none",
            };
            Err(invalid("columns", message).with_hint("name each column that is mapped"))
        }
        (Some(_), Some(_)) => Err(invalid(name, "the header names this column twice")
            .with_hint("give the columns of the table different names")),
        (None, _) => {
            let error = invalid(name, "the table has no such column");
            Err(match nearest(name, header.iter().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("the first row names the columns"),
            })
        }
    }
}

/// A unique attribute of a type.
///
/// # Errors
///
/// `UnknownAttribute`, `Archived`; `InvalidArgument` if it is not unique.
pub(crate) fn find_key<'m>(model: &'m TypeModel, name: &str) -> Result<&'m AttributeModel> {
    let attribute = model.attribute(name)?;
    if attribute.definition.unique {
        return Ok(attribute);
    }
    let unique = model.live().filter(|attribute| attribute.definition.unique);
    let unique: Vec<_> = unique.map(AttributeModel::name).collect();
    let error = invalid(name, "the attribute is not unique");
    Err(match unique[..] {
        [] => error.with_hint(format!("no attribute of {} is", model.name)),
        _ => error.with_hint(format!("these are: {}", unique.join(", "))),
    })
}

/// What a mapping says about values that a record has, where that makes sense.
fn check_rule(
    attribute: &AttributeModel,
    mapping: &ColumnMapping,
    mode: ImportMode,
) -> Result<ColumnRule> {
    let rule = mapping.rule.unwrap_or_default();
    let kind = attribute.definition.kind;
    if rule != ColumnRule::Overwrite && mode == ImportMode::Create {
        return Err(invalid(&mapping.column, "a rule has no meaning when creating")
            .with_hint("leave it out, or set the mode to update or upsert"));
    }
    if rule == ColumnRule::Append && !matches!(kind, Kind::LongText | Kind::Choices) {
        let message = format!("nothing can be appended to an attribute of kind {}", kind.name());
        return Err(invalid(&mapping.column, message)
            .with_hint("append goes with the kinds long_text and choices"));
    }
    Ok(rule)
}

/// The places of the key's attributes, where the mode needs one.
fn find_mode_key(
    model: &TypeModel,
    rules: ImportRules<'_>,
    fields: &[Field],
) -> Result<Vec<usize>> {
    match (rules.mode, rules.key) {
        (ImportMode::Create, []) => return Ok(Vec::new()),
        (ImportMode::Create, _) => {
            return Err(invalid("key", "a key has no meaning when creating")
                .with_hint("leave it out, or set the mode to update or upsert"));
        }
        (_, []) => {
            return Err(invalid("key", "the mode needs a key")
                .with_hint("name the attributes by which records are found"));
        }
        _ => {}
    }
    let mut key = Vec::with_capacity(rules.key.len());
    for name in rules.key {
        let attribute = model.attribute(name)?;
        let place = model.place(attribute);
        if key.contains(&place) {
            return Err(invalid(name, "the key names an attribute twice"));
        }
        if !attribute.definition.kind.is_key() {
            let kind = attribute.definition.kind.name();
            return Err(invalid(name, format!("an attribute of kind {kind} names no record"))
                .with_hint("take an attribute that may be unique"));
        }
        let Some(field) = fields.iter().find(|field| field.place == place) else {
            return Err(invalid("key", "no column is mapped to the key")
                .with_hint(format!("map a column to {name}")));
        };
        if field.rule != ColumnRule::Overwrite {
            return Err(invalid(name, "the key is not changed, so that no rule applies to it")
                .with_hint("leave the rule out"));
        }
        // What such a cell names may only come into being with the import.
        if field.lookup.is_some()
            && attribute.definition.target.as_deref() == Some(model.name.as_str())
        {
            return Err(invalid(name, "a key cannot look up records that are imported with it")
                .with_hint("take another attribute as the key"));
        }
        key.push(place);
    }
    let is_found_fast = |place: &usize| {
        let definition = &model.attributes[*place].definition;
        definition.unique || definition.index
    };
    if !key.iter().any(is_found_fast) {
        return Err(invalid(&rules.key[0], "no attribute of the key is unique or has an index")
            .with_hint("define one of them as unique or with an index"));
    }
    Ok(key)
}

fn invalid(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}
