//! Associations that columns make: which record a cell names, and whether the rules allow a link to it.
//!
//! The invariant: no record is guessed. A name that no record has, or several, is reported; only where
//! it is asked for a missing record is created, once for all rows that name it.

use std::sync::Arc;

use super::{
    super::{
        Catalog, View,
        associations::{self, NewLink},
        records,
    },
    beside::{Beside, check_no_rule},
    foreseen::{Foreseen, Holder},
    judge::RowWork,
};
use crate::{
    Archived, AssociationColumns, ColumnMapping, Error, ErrorKind, Kind, PlannedAssociation,
    RecordId, RecordRef, Result, Value,
    association::{PlannedLinks, StoredAssociation},
    cell::Cell,
    exchange::{CellReader, Field, RowCell, RowSource, find_column, make_fields},
    limits, normal,
    record::{Draft, Given, calculated, encode_key},
    schema::AttributeModel,
    store::{
        associations::AssociationTable,
        records::{self as rows, Selection, Term},
        table::Table,
    },
};

/// Where role and primary flag stand among the attributes of every type.
const ROLE: usize = 0;
pub(super) const PRIMARY: usize = 1;

/// The columns of one kind of associations, ready for work.
pub(super) struct LinkBlock {
    /// The first part of its slot.
    number: usize,
    table: Arc<AssociationTable>,
    other: Arc<Table>,
    /// The attribute of the other record that the cell holds; its id if there is none.
    by: Option<usize>,
    column: usize,
    /// The kind of what the cell holds.
    kind: Kind,
    reader: CellReader,
    fields: Vec<Field>,
    is_incoming: bool,
    separator: Option<String>,
    role: Option<String>,
    is_primary: bool,
    create_missing: bool,
    /// Whether a rule reaches from row to row.
    is_foreseen: bool,
}

impl LinkBlock {
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, with the nearest name; `Archived`; `InvalidArgument` if the
    /// type does not lead there, if there is no such column, or if what is asked makes no sense.
    pub(super) fn new(
        catalog: &Catalog,
        own: &Table,
        source: &dyn RowSource,
        block: &AssociationColumns,
        number: usize,
    ) -> Result<Self> {
        let within = |error: Error| match error.field() {
            Some("type") => error.with_field("associations.type"),
            _ => error,
        };
        let table = catalog.associations(&block.association_type).map_err(within)?;
        let model = &table.model;
        model.check_live().map_err(within)?;
        let named_other = |error: Error| error.with_field("associations.other_type");
        let other = catalog.table(&block.other_type).map_err(named_other)?;
        other.model.check_live().map_err(named_other)?;
        let end = |name: &str| RecordRef::new(name, RecordId::from_bytes([0; 16]));
        let (own_field, other_field) =
            if block.is_incoming { ("to", "from") } else { ("from", "to") };
        associations::check_declared(model, own_field, &end(&own.model.name)).map_err(|error| {
            error.with_field(if block.is_incoming {
                "associations.is_incoming"
            } else {
                "associations.type"
            })
        })?;
        associations::check_declared(model, other_field, &end(&other.model.name))
            .map_err(named_other)?;
        let is_own = own.model.name == other.model.name;
        if block.create_missing && (is_own || block.by.is_none()) {
            let message = match is_own {
                true => "records of the imported type are created by rows only",
                false => "a record cannot be created from its id",
            };
            return Err(invalid("associations.create_missing", message).with_hint("leave it out"));
        }
        let column = find_column(source.header(), &block.column)?;
        let (by, kind, reader) = read_names(source, column, block, other, is_own)?;
        if block.separator.as_deref() == Some("") {
            return Err(invalid("associations.separator", "a separator has a character at least"));
        }
        if let Some(role) = &block.role {
            let judged = Given::new(&model.whole).set(&model.whole, ROLE, role.as_str().into());
            judged.map_err(|error| error.with_field("associations.role"))?;
        }
        let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
        let rule = |_: &AttributeModel, mapping: &ColumnMapping| check_no_rule(mapping);
        let fields = make_fields(&model.whole, source, &block.columns, find_type, rule)?;
        let definition = &model.definition;
        let most =
            if block.is_incoming { definition.max_outgoing } else { definition.max_incoming };
        Ok(Self {
            number,
            table: Arc::clone(table),
            other: Arc::clone(other),
            by,
            column,
            kind,
            reader,
            fields,
            is_incoming: block.is_incoming,
            separator: block.separator.clone(),
            role: block.role.clone(),
            is_primary: block.is_primary,
            create_missing: block.create_missing,
            is_foreseen: is_own || most.is_some() || definition.is_hierarchy,
        })
    }

    pub(super) fn is_current(&self, catalog: &Catalog) -> bool {
        let table = catalog.associations(self.table.model.name());
        let other = catalog.find(&self.other.model.name);
        table.is_ok_and(|table| Arc::ptr_eq(table, &self.table))
            && other.is_some_and(|other| Arc::ptr_eq(other, &self.other))
    }

    /// The places of its columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(self.column).chain(self.fields.iter().flat_map(Field::columns))
    }

    /// The entity type of the other records.
    pub(super) fn other_type(&self) -> &str {
        &self.other.model.name
    }

    /// The attribute by which the other records are named.
    pub(super) fn by(&self) -> Option<usize> {
        self.by
    }

    fn key(&self) -> Option<&AttributeModel> {
        self.by.map(|place| &self.other.model.attributes[place])
    }

    /// The names that stand in a row.
    fn names(&self, row: &dyn RowSource) -> Result<Vec<Value>> {
        let mut names = Vec::new();
        match row.cell(self.column, self.kind)? {
            RowCell::Text(text) => match &self.separator {
                None => names.extend(self.name(RowCell::Text(text))?),
                Some(separator) => {
                    for part in text.split(separator.as_str()) {
                        names.extend(self.name(RowCell::Text(normal::trim(part)))?);
                    }
                }
            },
            RowCell::Value(Value::List(parts)) => {
                for part in &parts {
                    names.extend(self.name(RowCell::Text(part))?);
                }
            }
            cell => names.extend(self.name(cell)?),
        }
        if names.len() <= limits::IMPORT_NAMES {
            return Ok(names);
        }
        let message = format!("at most {} records in one cell", limits::IMPORT_NAMES);
        Err(Error::new(ErrorKind::LimitExceeded, message))
    }

    fn name(&self, cell: RowCell<'_>) -> Result<Option<Value>> {
        // A name of spaces is none, also where a text would be kept as it stands.
        match (self.key(), cell) {
            (_, RowCell::Text(text)) if normal::trim(text).is_empty() => Ok(None),
            (Some(key), cell) => self.reader.read(key, cell),
            (None, RowCell::Text(text)) => Ok(Some(normal::trim(text).into())),
            (None, RowCell::Value(value)) => Ok(Some(value)),
            (None, RowCell::Local(text)) => Ok(Some(text.into())),
        }
    }
}

/// The attribute of `other` that names its records.
fn find_name<'t>(other: &'t Table, name: &str, is_own: bool) -> Result<&'t AttributeModel> {
    let key = other.model.attribute(name)?;
    let definition = &key.definition;
    if !definition.kind.is_key() {
        let kind = definition.kind.name();
        return Err(invalid(name, format!("an attribute of kind {kind} names no record"))
            .with_hint("take an attribute that may be unique"));
    }
    // What an earlier row gives its record is known for unique attributes only.
    if is_own && !definition.unique {
        return Err(invalid(name, "records of the imported type are named by a unique attribute")
            .with_hint("take a unique attribute, or the id"));
    }
    if !definition.unique && !definition.index {
        return Err(invalid(name, "the attribute is neither unique nor has an index")
            .with_hint("define it as unique or with an index"));
    }
    Ok(key)
}

/// A record at the other end that is to be created.
pub(super) struct NewOther {
    /// Stands for its id.
    pub(super) id: RecordId,
    pub(super) table: Arc<Table>,
    /// The attribute by which it was named, and its cell.
    pub(super) place: usize,
    pub(super) key: Cell,
    pub(super) draft: Draft,
}

/// An association of a row's record.
pub(super) struct RowLink {
    pub(super) link: NewLink,
    pub(super) is_incoming: bool,
    is_foreseen: bool,
}

impl RowLink {
    /// It as the row of a plan shows it.
    pub(super) fn planned(&self) -> PlannedAssociation {
        let row = &self.link.row;
        let other = if self.is_incoming { &row.from } else { &row.to };
        let is_planned = Foreseen::is_planned(other.id.as_bytes());
        PlannedAssociation {
            association_type: row.association_type.clone(),
            is_incoming: self.is_incoming,
            other_type: other.entity_type.clone(),
            other: (!is_planned).then_some(other.id),
            new_row: if is_planned { Foreseen::row_of(other.id.as_bytes()) } else { None },
            role: row.role().map(str::to_owned),
            is_primary: row.is_primary(),
        }
    }

    /// Adds it to those that later rows see, if they have to.
    ///
    /// # Errors
    ///
    /// `OutOfRange`.
    pub(super) fn foresee(&self, links: &mut PlannedLinks) -> Result<()> {
        if self.is_foreseen { plan(links, &self.link.table, &self.link.row) } else { Ok(()) }
    }
}

fn plan(links: &mut PlannedLinks, table: &AssociationTable, row: &StoredAssociation) -> Result<()> {
    let ends = (row.from.id, row.to.id);
    links.add(table.model.id, ends, row.role(), row.is_primary(), row.period()?);
    Ok(())
}

/// Whether what a row says is said already.
pub(super) fn is_there(view: &View<'_>, link: &NewLink) -> Result<bool> {
    let (row, period) = (&link.row, link.row.period()?);
    let known = view.between(link.table.model.id, row.from.id, row.to.id)?;
    Ok(known.iter().any(|known| {
        known.period.overlaps(period)
            && (row.role().is_none() || known.role.as_deref() == row.role())
    }))
}

impl RowWork<'_> {
    /// Adds the associations of one kind to what a row says beside the record `own`.
    ///
    /// # Errors
    ///
    /// Those that concern more than a row.
    pub(super) fn links(
        &mut self,
        block: &LinkBlock,
        own: RecordId,
        beside: &mut Beside,
    ) -> Result<()> {
        let names = match block.names(self.row) {
            Ok(names) => names,
            Err(error) => return self.blame((Some(block.column), error)),
        };
        if names.is_empty() {
            let message = "the row names no record to be associated with";
            return self.blame_unsaid(&block.fields, message, "name it, or clear this cell");
        }
        let model = &block.table.model.whole;
        let mut given = self.read_fields(block.number, model, &block.fields)?;
        if let (false, Some(role)) = (given.has(ROLE), &block.role) {
            given.set(model, ROLE, role.as_str().into())?;
        }
        let is_primary = match given.has(PRIMARY) {
            true => *given.key(model, PRIMARY) == Cell::Integer(1),
            false => block.is_primary,
        };
        for (number, name) in names.into_iter().enumerate() {
            let mut given = given.clone();
            given.set(model, PRIMARY, (is_primary && number == 0).into())?;
            if let Err(error) = self.link(block, own, name, given, beside) {
                let mut fields = block.fields.iter();
                let meant = error.field().and_then(|name| {
                    fields.find(|field| model.attributes[field.place].name() == name)
                });
                self.blame((Some(meant.map_or(block.column, Field::column)), error))?;
            }
        }
        Ok(())
    }

    fn link(
        &mut self,
        block: &LinkBlock,
        own: RecordId,
        name: Value,
        given: Given,
        beside: &mut Beside,
    ) -> Result<()> {
        let (other, made) = self.find_other(block, name, &beside.others)?;
        let own = RecordRef::new(&self.schema.model.name, own);
        let other = RecordRef::new(&block.other.model.name, other);
        let (from, to) = if block.is_incoming { (other, own) } else { (own, other) };
        let view = View { row_links: Some(&beside.planned), ..self.view };
        let draft = Draft::complete(&block.table.model.whole, given)?;
        records::check_size(&block.table.model.whole, &draft)?;
        let link = NewLink::new(&view, &block.table, from, to, draft)?;
        if made.is_none() && is_there(&view, &link)? {
            return Ok(());
        }
        associations::check_link(&view, &link)?;
        plan(&mut beside.planned, &block.table, &link.row)?;
        beside.others.extend(made);
        let (is_incoming, is_foreseen) = (block.is_incoming, block.is_foreseen);
        beside.links.push(RowLink { link, is_incoming, is_foreseen });
        Ok(())
    }

    /// The record that a cell names, and how it is created if it is not there; `others` are those that
    /// the row creates already.
    fn find_other(
        &mut self,
        block: &LinkBlock,
        name: Value,
        others: &[NewOther],
    ) -> Result<(RecordId, Option<NewOther>)> {
        let (view, other) = (self.view, &block.other);
        let text = match &name {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        let slot = (block.number, block.by.unwrap_or_default());
        let Some(key) = block.key() else {
            let id = text.parse::<RecordId>().map_err(|_| {
                Error::new(ErrorKind::InvalidValue, "not a record id")
                    .with_hint("write the id, or say by which attribute the record is named")
            })?;
            return match rows::is_archived(view.conn, other, id.as_bytes())? {
                Some(false) => Ok((id, None)),
                Some(true) => Err(is_archived(other)),
                None => Err(self.lookups.missing(&view, other, slot, None, &text)?),
            };
        };
        let cell = encode_key(key, name.clone())?;
        let place = slot.1;
        let is_same = |made: &&NewOther| {
            Arc::ptr_eq(&made.table, other) && (made.place, &made.key) == (place, &cell)
        };
        if let Some(made) = others.iter().find(is_same) {
            return Ok((made.id, None));
        }
        if let Some(foreseen) = view.foreseen {
            if foreseen.is_of(other.model.id) {
                match foreseen.holder(place, &cell) {
                    Holder::Is(id) => return Ok((id, None)),
                    Holder::Nobody => {
                        return Err(self.lookups.missing(&view, other, slot, Some(key), &text)?);
                    }
                    Holder::AsStored => {}
                }
            } else if let Some(id) = foreseen.made(other.model.id, place, &cell) {
                return Ok((id, None));
            }
        }
        if let Some(id) = find_stored(&view, other, place, &cell, block.create_missing)? {
            return Ok((id, None));
        }
        if !block.create_missing {
            return Err(self.lookups.missing(&view, other, slot, Some(key), &text)?);
        }
        let model = &other.model;
        let mut given = Given::new(model);
        given.set(model, place, name)?;
        let mut draft = Draft::complete(model, given)?;
        records::check_stored(&view, other, None, &mut draft)?;
        let number = u16::try_from(others.len() + 1).unwrap_or(u16::MAX);
        let id = Foreseen::planned_other(self.row.number(), number);
        Ok((id, Some(NewOther { id, table: Arc::clone(other), place, key: cell, draft })))
    }
}

/// The one record in use that has this cell in the attribute at `place`.
fn find_stored(
    view: &View<'_>,
    other: &Table,
    place: usize,
    cell: &Cell,
    create_missing: bool,
) -> Result<Option<RecordId>> {
    let attribute = &other.model.attributes[place];
    let find = |archived: Archived| {
        let terms =
            [Term::Equals { columns: vec![attribute.leading_column()], cells: vec![cell.clone()] }];
        let selection = Selection { terms: &terms, archived, order: None, after: None, limit: 2 };
        rows::list(view.conn, other, &selection)
    };
    let found = find(Archived::Exclude)?;
    match &found[..] {
        [row] => Ok(Some(row.id)),
        [] => {
            // A record in the archive keeps a unique value; where it is none another may have it.
            let may_be_made = create_missing && !attribute.definition.unique;
            match !may_be_made && !find(Archived::Only)?.is_empty() {
                true => Err(is_archived(other)),
                false => Ok(None),
            }
        }
        _ => {
            let message =
                format!("several records of {} have this {}", other.model.name, attribute.name());
            Err(Error::new(ErrorKind::Duplicate, message)
                .with_hint("name them by an attribute that tells them apart, or join them"))
        }
    }
}

fn is_archived(other: &Table) -> Error {
    let message = format!("the {} that the cell names is archived", other.model.name);
    Error::new(ErrorKind::Archived, message).with_hint("restore it with records.restore")
}

fn invalid(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}

/// How the cells of a column name other records: by which attribute, of which kind, read how.
fn read_names(
    source: &dyn RowSource,
    column: usize,
    block: &AssociationColumns,
    other: &Table,
    is_own: bool,
) -> Result<(Option<usize>, Kind, CellReader)> {
    let mapping = ColumnMapping::new(&block.column, block.by.as_deref().unwrap_or_default());
    let (by, kind, reader) = match &block.by {
        None => (None, Kind::Reference, CellReader::Trimmed),
        Some(name) => {
            let key = find_name(other, name, is_own)?;
            if block.create_missing && key.is_calculated() {
                return Err(calculated(name));
            }
            let reader = CellReader::new(key, "", &mapping)?;
            (Some(other.model.place(key)), key.definition.kind, reader)
        }
    };
    let judged = source.check_column(column, kind, 0, &mapping);
    // A list of names is one cell too.
    let judged = judged.or_else(|error| {
        source.check_column(column, Kind::Choices, 0, &mapping).map_err(|_| error)
    });
    judged.map_err(|error| error.with_field(&block.column))?;
    Ok((by, kind, reader))
}
