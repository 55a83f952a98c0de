//! One row after another: read, mapped, judged, and decided upon.
//!
//! Import and plan are the same up to here, and differ in what they do with the decision. The
//! invariant: a decision depends on the rows before, the state of the file and the schema, and
//! making it changes nothing in the file.

use std::{io::Read, sync::Arc};

use super::{
    super::{Catalog, View, files, records},
    beside::{Beside, Blocks, is_conflict},
    foreseen::{Foreseen, Keys},
    lookups::Lookups,
    source::Source,
};
#[cfg(feature = "arrow")]
use crate::arrow::{ArrowRows, IpcBatches};
use crate::{
    Archived, BadCells, ColumnRule, CsvDialect, Error, ErrorKind, Flow, ImportMode, ImportSource,
    Kind, PlanImport, RecordId, Result, RowDecision, SourceFormat, Timestamp, Value,
    cell::Cell,
    exchange::{Fault, Field, ImportRules, JsonLines, Mapping, RowSource, TableReader},
    record::{Draft, Given, concerns_one_row},
    schema::{AttributeModel, TypeModel},
    store::{
        Connection, files as stored_files,
        imports::Sight,
        journal,
        records::{self as rows, Selection, StoredRow, Term},
        table::Table,
    },
};

/// A batch ends after this many rows, or after the row that goes beyond this many bytes.
pub(super) const BATCH_ROWS: usize = 5_000;
pub(super) const BATCH_BYTES: u64 = 16 * 1024 * 1024;

/// What is to be done with a row.
pub(in crate::engine) enum Decision {
    Create(Draft),
    Update(StoredRow, Draft),
    /// The record is as the row says.
    Unchanged(RecordId),
    /// The row is left out; the last of its faults says why.
    Reject {
        /// The record that it names, if that is known.
        id: Option<RecordId>,
        /// Whether it fits by itself, but not with other rows or records.
        is_conflict: bool,
    },
}

impl Decision {
    /// What it is, without what it is about.
    pub(in crate::engine) fn name(&self) -> RowDecision {
        match self {
            Self::Create(_) => RowDecision::Create,
            Self::Update(..) => RowDecision::Update,
            Self::Unchanged(_) => RowDecision::Unchanged,
            Self::Reject { is_conflict: true, .. } => RowDecision::Conflict,
            Self::Reject { is_conflict: false, .. } => RowDecision::Error,
        }
    }
}

/// A row and the decision upon it.
pub(in crate::engine) struct Judged {
    pub(in crate::engine) number: u64,
    pub(in crate::engine) decision: Decision,
    pub(in crate::engine) beside: Beside,
    /// What does not fit, also where the row is kept.
    pub(in crate::engine) faults: Vec<Fault>,
}

/// Changes of others that an import must not undo.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Since<'a> {
    /// The end of the journal that the plan has seen.
    pub(in crate::engine) seq: i64,
    /// The cause of the import's own changes.
    pub(in crate::engine) cause: &'a str,
}

/// The rows of a table on their way to decisions.
pub(in crate::engine) struct Rows<'r> {
    rules: ImportRules<'r>,
    pub(in crate::engine) table: Box<dyn RowSource + 'r>,
    pub(in crate::engine) mapping: Mapping,
    pub(super) blocks: Blocks,
    /// When it was begun.
    now: Timestamp,
    /// The type that the mapping was made for.
    pub(in crate::engine) schema: Arc<Table>,
    lookups: Lookups,
    /// The keys so far, where one may come once only.
    keys: Option<Keys>,
    /// What the rows so far would have written, where nothing is written.
    foreseen: Option<Foreseen>,
    /// How many rows were gone past.
    passed: u64,
    /// Whether there may be more rows than are ready.
    has_more: bool,
}

impl<'r> Rows<'r> {
    /// Reads the header of a CSV table and makes the mapping.
    ///
    /// # Errors
    ///
    /// As [`TableReader::open`] and [`Mapping::new`]; `UnknownType`, `Archived`.
    pub(in crate::engine) fn of_csv(
        catalog: &Catalog,
        rules: ImportRules<'r>,
        source: impl Read + 'r,
        dialect: &CsvDialect,
        now: Timestamp,
    ) -> Result<Self> {
        Self::of_table(catalog, rules, Box::new(TableReader::open(source, dialect)?), now)
    }

    /// Makes the mapping of a table.
    ///
    /// # Errors
    ///
    /// As [`Mapping::new`]; `UnknownType`, `Archived`.
    pub(in crate::engine) fn of_table(
        catalog: &Catalog,
        rules: ImportRules<'r>,
        table: Box<dyn RowSource + 'r>,
        now: Timestamp,
    ) -> Result<Self> {
        let schema = catalog.table(rules.entity_type)?.clone();
        let mapping = make_mapping(catalog, &schema, rules, &*table)?;
        let blocks = Blocks::new(catalog, &schema, rules, &*table)?;
        Ok(Self {
            rules,
            table,
            mapping,
            blocks,
            now,
            schema,
            lookups: Lookups::default(),
            keys: None,
            foreseen: None,
            passed: 0,
            has_more: false,
        })
    }

    /// The rows of `request`, of which `source` has the bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::of_csv`].
    pub(super) fn of_request(
        catalog: &Catalog,
        request: &'r PlanImport,
        source: Source<'r>,
        now: Timestamp,
    ) -> Result<Self> {
        let ImportSource { format, dialect, .. } = &request.source;
        if *format != SourceFormat::Csv && *dialect != CsvDialect::default() {
            let message = "a dialect has no meaning for this format";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("dialect")
                .with_hint("leave it out: it is for CSV"));
        }
        let table: Box<dyn RowSource + 'r> = match format {
            SourceFormat::Csv => Box::new(TableReader::open(source, dialect)?),
            SourceFormat::JsonLines => Box::new(JsonLines::new(source, request.mapped_columns())),
            SourceFormat::Arrow => open_arrow(source, request)?,
        };
        Self::of_table(catalog, request.rules(), table, now)
    }

    /// Gets the next rows ready, where the format must not read within a transaction.
    ///
    /// # Errors
    ///
    /// Those of the source.
    pub(in crate::engine) fn fetch(&mut self) -> Result<()> {
        self.has_more = self.table.fetch()?;
        Ok(())
    }

    /// Lets a key come once only.
    pub(super) fn with_keys(self) -> Self {
        Self { keys: Some(Keys::default()), ..self }
    }

    /// As [`Self::with_keys`], and has each row see what those before it would write.
    pub(super) fn with_foresight(self) -> Self {
        let model = &self.schema.model;
        let is_own = |place: usize| {
            model.attributes[place].definition.target.as_deref() == Some(model.name.as_str())
        };
        let own = self.mapping.fields.iter().filter(|field| is_own(field.place));
        let names = own.filter_map(|field| field.lookup.as_deref());
        let places = names.filter_map(|name| model.attribute(name).ok());
        let places = places.map(|attribute| model.place(attribute));
        let links = self.blocks.links.iter().filter(|block| block.other_type() == model.name);
        let places = places.chain(links.filter_map(|block| block.by()));
        let foreseen = Foreseen::new(model.id, places.collect());
        Self { foreseen: Some(foreseen), ..self.with_keys() }
    }

    /// What decisions look at; what is calculated they never do.
    ///
    /// # Errors
    ///
    /// `UnknownType` if the catalog is of another file.
    pub(super) fn sight(&self, catalog: &Catalog) -> Result<Sight> {
        let attributes = &self.schema.model.attributes;
        let definition = |field: &Field| &attributes[field.place].definition;
        let fields = self.mapping.fields.iter();
        let targets = fields.clone().filter_map(|field| definition(field).target.clone());
        let others = self.blocks.links.iter().map(|block| block.other_type().to_owned());
        let own = std::iter::once(self.schema.model.name.clone());
        let types: Vec<String> = own.chain(targets).chain(others).collect();
        let mut calculated = Vec::new();
        for name in &types {
            let columns = catalog.table(name)?.model.calculated_columns();
            calculated.extend(columns.map(|column| format!("{name}.{column}")));
        }
        Ok(Sight {
            types,
            calculated,
            has_files: fields.clone().any(|field| definition(field).kind == Kind::File),
            has_associations: !self.blocks.links.is_empty(),
            has_activities: !self.blocks.activities.is_empty(),
        })
    }

    /// The places of the columns that go somewhere.
    pub(super) fn mapped_columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.mapping.columns().chain(self.blocks.columns())
    }

    /// Goes past the rows up to `last`, a batch of them at most, as if they had been dealt with; says
    /// whether that is all of them.
    ///
    /// # Errors
    ///
    /// As [`Self::batch`].
    pub(super) fn pass(&mut self, conn: &Connection, catalog: &Catalog, last: u64) -> Result<bool> {
        self.follow_schema(catalog)?;
        self.lookups.begin();
        for _ in 0..BATCH_ROWS {
            if self.passed >= last {
                return Ok(true);
            }
            if !self.table.advance()? {
                return Ok(!self.has_more);
            }
            self.passed += 1;
            self.on_row(conn, catalog, None, |row, keys| row.pass(keys))?;
        }
        Ok(self.passed >= last)
    }

    /// Judges the rows of one batch in one state of the file, hands each to `take` until it says
    /// stop, and says whether there is an end to it.
    ///
    /// # Errors
    ///
    /// Those that concern more than a row; those of `take`.
    pub(in crate::engine) fn batch(
        &mut self,
        conn: &Connection,
        catalog: &Catalog,
        since: Option<Since<'_>>,
        mut take: impl FnMut(&dyn RowSource, &Table, Judged) -> Result<Flow>,
    ) -> Result<bool> {
        self.follow_schema(catalog)?;
        self.lookups.begin();
        let begun = self.table.bytes_read();
        for _ in 0..BATCH_ROWS {
            if self.table.bytes_read() - begun > BATCH_BYTES {
                return Ok(false);
            }
            if !self.table.advance()? {
                return Ok(!self.has_more);
            }
            let judged = self.judge(conn, catalog, since)?;
            if take(&*self.table, &self.schema, judged)? == Flow::Cancel {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes the mapping anew if the schema was changed since the last batch.
    fn follow_schema(&mut self, catalog: &Catalog) -> Result<()> {
        let schema = catalog.table(self.rules.entity_type)?;
        if !Arc::ptr_eq(schema, &self.schema) || !self.blocks.are_current(catalog) {
            self.blocks = Blocks::new(catalog, schema, self.rules, &*self.table)?;
            self.mapping = make_mapping(catalog, schema, self.rules, &*self.table)?;
            self.schema = Arc::clone(schema);
        }
        Ok(())
    }

    fn judge(
        &mut self,
        conn: &Connection,
        catalog: &Catalog,
        since: Option<Since<'_>>,
    ) -> Result<Judged> {
        let number = self.table.number();
        let ((decision, beside), faults) =
            self.on_row(conn, catalog, since, |row, keys| row.judge(keys))?;
        if let Some(foreseen) = &mut self.foreseen {
            foresee(foreseen, number, &self.schema.model, &self.mapping, &decision)?;
            beside.foresee(foreseen)?;
        }
        Ok(Judged { number, decision, beside, faults })
    }

    /// Does some work on the present row; what it answers, and the faults that it found.
    fn on_row<T>(
        &mut self,
        conn: &Connection,
        catalog: &Catalog,
        since: Option<Since<'_>>,
        work: impl FnOnce(&mut RowWork<'_>, Option<&mut Keys>) -> Result<T>,
    ) -> Result<(T, Vec<Fault>)> {
        let mut row = RowWork {
            view: View { foreseen: self.foreseen.as_ref(), ..View::new(conn, catalog) },
            rules: self.rules,
            row: &*self.table,
            mapping: &self.mapping,
            blocks: &self.blocks,
            now: self.now,
            schema: &self.schema,
            lookups: &mut self.lookups,
            since,
            named: None,
            rejection: None,
            faults: Vec::new(),
        };
        let answer = work(&mut row, self.keys.as_mut())?;
        Ok((answer, row.faults))
    }
}

/// The rows of an Arrow table of which `source` has the bytes.
#[cfg(feature = "arrow")]
fn open_arrow<'r>(source: Source<'r>, request: &PlanImport) -> Result<Box<dyn RowSource + 'r>> {
    let batches = IpcBatches::open(source)?;
    let bytes = batches.bytes_read();
    let rows = ArrowRows::open(Box::new(batches), request.mapped_columns())?;
    Ok(Box::new(rows.of_source(bytes)))
}

#[cfg(not(feature = "arrow"))]
fn open_arrow<'r>(_: Source<'r>, _: &PlanImport) -> Result<Box<dyn RowSource + 'r>> {
    Err(Error::new(ErrorKind::InvalidArgument, "this library was built without Arrow")
        .with_field("format")
        .with_hint("convert the table to CSV or JSON lines, or build with the feature arrow"))
}

fn make_mapping(
    catalog: &Catalog,
    schema: &Table,
    rules: ImportRules<'_>,
    table: &dyn RowSource,
) -> Result<Mapping> {
    schema.model.check_live()?;
    let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
    Mapping::new(&schema.model, table, rules, find_type)
}

/// Keeps in mind which unique values a decision changes.
fn foresee(
    foreseen: &mut Foreseen,
    row: u64,
    model: &TypeModel,
    mapping: &Mapping,
    decision: &Decision,
) -> Result<()> {
    let (id, draft) = match decision {
        Decision::Create(draft) => (Foreseen::planned(row), draft),
        Decision::Update(stored, draft) => (stored.id, draft),
        Decision::Unchanged(_) | Decision::Reject { .. } => return Ok(()),
    };
    for (attribute, cells) in draft.changes(model) {
        let place = model.place(attribute);
        if attribute.definition.unique {
            let before = draft.before(attribute).map_or(&Cell::Null, |cells| &cells[0]);
            foreseen.note(place, mapping.key == [place], id, before, &cells[0])?;
        }
    }
    Ok(())
}

/// What the work on one row needs.
pub(super) struct RowWork<'a> {
    pub(super) view: View<'a>,
    pub(super) rules: ImportRules<'a>,
    pub(super) row: &'a dyn RowSource,
    pub(super) mapping: &'a Mapping,
    pub(super) blocks: &'a Blocks,
    pub(super) now: Timestamp,
    pub(super) schema: &'a Table,
    pub(super) lookups: &'a mut Lookups,
    since: Option<Since<'a>>,
    /// The record that the row names.
    named: Option<RecordId>,
    /// Whether the row is left out because of what it says beside its record, and is a conflict then.
    pub(super) rejection: Option<bool>,
    pub(super) faults: Vec<Fault>,
}

impl RowWork<'_> {
    /// Names the key of the row, as judging it would.
    fn pass(&mut self, keys: Option<&mut Keys>) -> Result<()> {
        let mut given = Given::new(&self.schema.model);
        let is_key = |field: &&Field| self.mapping.key.contains(&field.place);
        if self.row.check().is_err() {
            return Ok(());
        }
        for field in self.mapping.fields.iter().filter(is_key) {
            match self.read_field(0, &self.schema.model, field, &mut given) {
                Err((_, error)) if !concerns_one_row(error.kind()) => return Err(error),
                _ => {}
            }
        }
        self.name(keys, &given).map(drop)
    }

    /// Adds the key of a row, if it has one, to those so far, and says whether it was among them.
    fn name(&self, keys: Option<&mut Keys>, given: &Given) -> Result<bool> {
        match (keys, self.key(given)) {
            (Some(keys), Some(key)) if !key.is_empty() => Ok(!keys.add(&key)?),
            _ => Ok(false),
        }
    }

    fn judge(&mut self, keys: Option<&mut Keys>) -> Result<(Decision, Beside)> {
        let decision = self.judge_record(keys)?;
        let own = match &decision {
            Decision::Create(_) => Foreseen::planned(self.row.number()),
            Decision::Update(row, _) => row.id,
            Decision::Unchanged(id) => *id,
            Decision::Reject { .. } => return Ok((decision, Beside::default())),
        };
        let mut beside = self.beside(own)?;
        if let Decision::Create(draft) = &decision {
            self.starts(&draft.cells, &mut beside)?;
        }
        Ok(match self.rejection {
            None => (decision, beside),
            Some(is_conflict) => {
                (Decision::Reject { id: self.named, is_conflict }, Beside::default())
            }
        })
    }

    fn judge_record(&mut self, keys: Option<&mut Keys>) -> Result<Decision> {
        if let Err(error) = self.row.check() {
            self.faults.push((None, error));
            return Ok(Decision::Reject { id: None, is_conflict: false });
        }
        let (given, is_rejected) = self.read()?;
        // Also that of a row which is left out: then the keys depend on the table alone.
        let is_named_again = self.name(keys, &given)?;
        if is_rejected {
            return Ok(Decision::Reject { id: None, is_conflict: false });
        }
        match self.decide(given, is_named_again) {
            Err(error) if concerns_one_row(error.kind()) => {
                let model = &self.schema.model;
                let column = error.field().and_then(|name| self.mapping.column_of(model, name));
                let is_conflict = is_conflict(error.kind());
                self.faults.push((column, error));
                Ok(Decision::Reject { id: self.named, is_conflict })
            }
            decision => decision,
        }
    }

    /// The values of a row, and whether a cell does not fit and the row is left out because of it.
    fn read(&mut self) -> Result<(Given, bool)> {
        let model = &self.schema.model;
        let mut given = Given::new(model);
        let mut is_rejected = false;
        for field in &self.mapping.fields {
            let fault = match self.read_field(0, model, field, &mut given) {
                Ok(()) => continue,
                Err((_, error)) if !concerns_one_row(error.kind()) => return Err(error),
                Err(fault) => fault,
            };
            self.faults.push(fault);
            is_rejected |= self.rules.bad_cells == BadCells::RejectRow
                || self.mapping.key.contains(&field.place)
                || model.attributes[field.place].definition.required;
        }
        Ok((given, is_rejected))
    }

    /// Reads a value of `model`; `number` is that of the columns that belong together.
    pub(super) fn read_field(
        &mut self,
        number: usize,
        model: &TypeModel,
        field: &Field,
        given: &mut Given,
    ) -> Result<(), Fault> {
        let Self { view, row, lookups, schema, .. } = self;
        let mut reader = FieldReader { view, row: *row, lookups, own: Some(schema) };
        reader.read(number, model, field, given)
    }

    /// The cells of the key; `None` if one is missing.
    fn key<'g>(&self, given: &'g Given) -> Option<Vec<&'g Cell>> {
        let cell = |place: &usize| given.key(&self.schema.model, *place);
        let key: Vec<_> = self.mapping.key.iter().map(cell).collect();
        (!key.contains(&&Cell::Null)).then_some(key)
    }

    fn decide(&mut self, given: Given, is_named_again: bool) -> Result<Decision> {
        let Some(first) = self.mapping.key.first() else { return self.create(given) };
        let field = self.schema.model.attributes[*first].name();
        let Some(key) = self.key(&given) else {
            return Err(Error::new(ErrorKind::Required, "the key names no record")
                .with_field(field)
                .with_hint("write the key in every row"));
        };
        if is_named_again {
            let message = "an earlier row of the table has the same key";
            return Err(Error::new(ErrorKind::Duplicate, message)
                .with_field(field)
                .with_hint("leave one of the rows out, or join them"));
        }
        let mut found = self.find(&key)?.into_iter();
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                let message =
                    format!("several records of {} have this key", self.rules.entity_type);
                Err(Error::new(ErrorKind::Duplicate, message)
                    .with_field(field)
                    .with_hint("add an attribute to the key that tells them apart"))
            }
            (Some(row), None) => {
                self.named = Some(row.id);
                self.change(row, given)
            }
            (None, _) if self.rules.mode == ImportMode::Upsert => self.create(given),
            (None, _) => {
                let message = format!("no {} has this key", self.schema.model.name);
                Err(Error::new(ErrorKind::NotFound, message)
                    .with_field(field)
                    .with_hint("set the mode to upsert to create what is missing"))
            }
        }
    }

    /// The records that have this key, two at most.
    fn find(&self, key: &[&Cell]) -> Result<Vec<StoredRow>> {
        let model = &self.schema.model;
        if let [place] = self.mapping.key[..]
            && model.attributes[place].definition.unique
        {
            let found = rows::get_by(self.view.conn, self.schema, place, key[0])?;
            return Ok(found.into_iter().collect());
        }
        let columns = self.mapping.key.iter();
        let columns = columns.map(|place| model.attributes[*place].leading_column()).collect();
        let cells = key.iter().copied().cloned().collect();
        let terms = [Term::Equals { columns, cells }];
        let selection = Selection {
            terms: &terms,
            archived: Archived::Include,
            order: None,
            after: None,
            limit: 2,
        };
        rows::list(self.view.conn, self.schema, &selection)
    }

    fn create(&mut self, mut given: Given) -> Result<Decision> {
        let model = &self.schema.model;
        for field in &self.mapping.fields {
            if field.rule == ColumnRule::UpdateOnly {
                given.unset(model, field.place);
            }
        }
        let mut draft = Draft::complete(model, given)?;
        records::check_stored(&self.view, self.schema, None, &mut draft)?;
        records::check_size(model, &draft)?;
        Ok(Decision::Create(draft))
    }

    fn change(&mut self, mut row: StoredRow, mut given: Given) -> Result<Decision> {
        let model = &self.schema.model;
        records::check_in_use(&row)?;
        if let Some(Since { seq, cause }) = self.since
            && journal::is_changed_by_others(
                self.view.conn,
                row.id,
                &model.calculated_columns().collect::<Vec<_>>(),
                seq,
                cause,
            )?
        {
            let message = "somebody changed the record after the plan was made";
            return Err(Error::new(ErrorKind::StaleVersion, message).with_hint("plan it again"));
        }
        for field in &self.mapping.fields {
            let attribute = &model.attributes[field.place];
            let stored = &row.cells[attribute.span()];
            match field.rule {
                ColumnRule::Overwrite | ColumnRule::UpdateOnly => {}
                ColumnRule::Keep => {
                    if stored.iter().any(|cell| *cell != Cell::Null) {
                        given.unset(model, field.place);
                    }
                }
                ColumnRule::Append => {
                    if given.has(field.place) {
                        let value = append(attribute, stored, given.take(model, field.place));
                        given.set(model, field.place, value)?;
                    }
                }
            }
        }
        let mut draft = Draft::change(model, std::mem::take(&mut row.cells), given)?;
        records::check_stored(&self.view, self.schema, Some(row.id), &mut draft)?;
        if draft.changed.is_empty() {
            return Ok(Decision::Unchanged(row.id));
        }
        records::check_size(model, &draft)?;
        Ok(Decision::Update(row, draft))
    }
}

/// What reading a value of a row needs.
pub(super) struct FieldReader<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) row: &'a dyn RowSource,
    pub(super) lookups: &'a mut Lookups,
    /// The type of the record that the row is about.
    pub(super) own: Option<&'a Table>,
}

impl FieldReader<'_> {
    /// Reads a value of `model`; `number` is that of the columns that belong together.
    pub(super) fn read(
        &mut self,
        number: usize,
        model: &TypeModel,
        field: &Field,
        given: &mut Given,
    ) -> Result<(), Fault> {
        let attribute = &model.attributes[field.place];
        let here = |error: Error| (Some(field.column()), error);
        let Some(value) = field.read(attribute, self.row)? else { return Ok(()) };
        let value = match value {
            value if attribute.definition.target.is_some() => {
                let (view, own) = (self.view, self.own);
                let found = self.lookups.resolve(view, own, number, field, attribute, value);
                found.map_err(here)?
            }
            Value::File(file) => {
                let hash = files::read_hash(&file.hash).map_err(here)?;
                if stored_files::size(self.view.conn, &hash).map_err(here)?.is_none() {
                    let error = Error::new(ErrorKind::NotFound, "no stored file has this hash");
                    return Err(here(error.with_hint("store the bytes with files.add")));
                }
                Value::File(file)
            }
            value => value,
        };
        given.set(model, field.place, value).map_err(here)
    }
}

/// A stored value with another added to it: a line that is not there yet, or more options.
fn append(attribute: &AttributeModel, stored: &[Cell], added: Value) -> Value {
    match (attribute.decode(stored), added) {
        (Value::Text(text), Value::Text(added)) => {
            if format!("\n{text}\n").contains(&format!("\n{added}\n")) {
                Value::Text(text)
            } else {
                Value::Text(format!("{text}\n{added}"))
            }
        }
        (Value::List(mut options), Value::List(added)) => {
            options.extend(added);
            Value::List(options)
        }
        (_, added) => added,
    }
}
