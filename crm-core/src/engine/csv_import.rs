//! CSV tables in: from a file or a text to records, in transactions of some thousand rows.
//!
//! The rows are judged and written by the same rules as every other record. The invariant: every row
//! is accounted for, as created, updated, unchanged or rejected, and memory does not grow with the
//! table.

use std::{fs::File, io::Read, sync::Arc};

use super::{Crm, Writing, csv_lookup::Lookups, progress::Reports, records};
use crate::{
    BadCells, Error, ErrorKind, Flow, ImportCsv, ImportMode, ImportReport, MappingProposal,
    Outcome, Progress, ProposeMapping, Result, Value,
    cell::Cell,
    exchange::{Fault, Field, Mapping, Problems, Row, TableReader, propose},
    limits,
    ops::Watch,
    record::{Draft, Given, concerns_one_row},
    schema::TypeModel,
    store::{files, records as rows, table::Table},
};

/// A transaction ends after this many rows, or after the row that goes beyond this many bytes.
const BATCH_ROWS: usize = 5_000;
const BATCH_BYTES: u64 = 16 * 1024 * 1024;
/// Rows that a proposal looks at.
const SAMPLE_ROWS: usize = 20;

impl Crm {
    /// Imports a CSV table: each row becomes a record, or changes one.
    ///
    /// What does not fit is no error but stands in the report, with row, column and hint; the other
    /// rows are kept. Progress counts bytes. `watch` may read between two transactions; a write
    /// from inside it is refused with `Reentrant`, and so is everything while all or nothing is
    /// under way.
    ///
    /// ```
    /// use crm_core::{ColumnMapping, Crm, Flow, ImportCsv};
    ///
    /// let crm = Crm::in_memory()?;
    /// let columns = [ColumnMapping::new("Name", "name"), ColumnMapping::new("Staff", "employees")];
    /// let table = "Name,Staff\nAcme,12\nInitech,many\n";
    /// let request = ImportCsv::from_text("company", table, columns);
    /// let report = crm.import_csv(&request, &mut |_| Flow::Continue)?;
    /// assert_eq!((report.created, report.rejected), (1, 1));
    /// assert_eq!(report.problems[0].column.as_deref(), Some("Staff"));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived`; `InvalidArgument` if the request or the header
    /// makes no sense, naming the column or field; `LimitExceeded` if the table has too many columns
    /// or a row too long to be held; `Io` if it cannot be read; `Interrupted` by
    /// [`Crm::interrupt`]. What was committed before is kept, unless it is all or nothing.
    pub fn import_csv(&self, request: &ImportCsv, watch: &mut Watch<'_>) -> Result<ImportReport> {
        self.shared.observers.check_not_inside()?;
        let catalog = self.catalog();
        let schema = catalog.table(&request.entity_type)?.clone();
        schema.model.check_live()?;
        let source = Source::open(
            request.path.as_deref(),
            request.text.as_deref(),
            request.dialect.encoding.is_some(),
        )?;
        let table = TableReader::open(source.reader, &request.dialect)?;
        let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
        let mapping = Mapping::new(&schema.model, table.header(), request, find_type)?;
        let mut import = Import {
            request,
            table,
            mapping,
            schema,
            problems: Problems::default(),
            lookups: Lookups::default(),
            tally: Tally::default(),
        };
        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut goes_on = |import: &Import<'_, _>, is_finished: bool| -> Result<bool> {
            let progress = Progress { done: import.table.bytes_read(), total: source.total };
            let flow = reports.step(progress, is_finished);
            self.shared.store.check_interrupted(mark)?;
            Ok(flow == Flow::Continue)
        };
        if request.all_or_nothing {
            self.import_whole(&mut import, &mut goes_on)?;
        } else {
            let mut is_finished = false;
            while !is_finished && !import.tally.is_cancelled {
                is_finished = self.write(|writing| import.batch(writing))?;
                match goes_on(&import, is_finished) {
                    // All is committed: there is nothing left to stop.
                    _ if is_finished => {}
                    goes_on => import.tally.is_cancelled = !goes_on?,
                }
            }
        }
        Ok(import.report())
    }

    /// All rows in one transaction, which is undone if one is rejected or the caller cancels.
    fn import_whole<'r, R: Read>(
        &self,
        import: &mut Import<'r, R>,
        goes_on: &mut impl FnMut(&Import<'r, R>, bool) -> Result<bool>,
    ) -> Result<()> {
        let written = self.write(|writing| {
            let mut is_finished = false;
            while !is_finished {
                is_finished = import.batch(writing)?;
                // The last time too: a caller who says stop then gets nothing, as promised.
                if !goes_on(import, is_finished)? {
                    import.tally.is_cancelled = true;
                    break;
                }
            }
            match import.tally.is_cancelled || import.tally.rejected > 0 {
                true => {
                    import.tally.is_undone = true;
                    Err(Error::new(ErrorKind::Interrupted, "the import is undone"))
                }
                false => Ok(()),
            }
        });
        if import.tally.is_undone { Ok(()) } else { written }
    }

    /// Proposes which column of a CSV table goes to which attribute, by name; and for references
    /// how they are looked up. Formats of dates and numbers are never guessed.
    ///
    /// # Errors
    ///
    /// `UnknownType`; and as [`Crm::import_csv`] if the table cannot be read.
    pub fn propose_mapping(&self, request: &ProposeMapping) -> Result<MappingProposal> {
        let catalog = self.catalog();
        let model = &catalog.table(&request.entity_type)?.model;
        let source = Source::open(
            request.path.as_deref(),
            request.text.as_deref(),
            request.dialect.encoding.is_some(),
        )?;
        let mut table = TableReader::open(source.reader, &request.dialect)?;
        let columns = table.header().len();
        let mut samples: Vec<Vec<String>> = Vec::new();
        while samples.len() < SAMPLE_ROWS
            && let Some(row) = table.next_row()?
        {
            // What is no text resembles no id, and that is all that is asked.
            let cell = |column| row.cell(column).unwrap_or_default().to_owned();
            samples.push((0..columns).map(cell).collect());
        }
        let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
        Ok(propose(model, table.header(), &samples, find_type))
    }
}

/// Where a table comes from.
pub(super) struct Source<'a> {
    pub(super) reader: Box<dyn Read + 'a>,
    /// Its bytes, where they can be known.
    pub(super) total: Option<u64>,
}

impl<'a> Source<'a> {
    pub(super) fn open(
        path: Option<&str>,
        text: Option<&'a str>,
        has_encoding: bool,
    ) -> Result<Self> {
        let invalid = |field: &str, message: &str| {
            Error::new(ErrorKind::InvalidArgument, message).with_field(field)
        };
        match (path, text) {
            (Some(path), None) => {
                let failed = |error: std::io::Error| match error.kind() {
                    std::io::ErrorKind::NotFound => invalid("path", "there is no such file"),
                    kind => Error::new(ErrorKind::Io, format!("the file cannot be opened: {kind}"))
                        .with_field("path"),
                };
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    return Err(invalid("path", "this is a folder"));
                }
                // The size of a pipe says nothing.
                let total = metadata.is_file().then_some(metadata.len());
                Ok(Self { reader: Box::new(file), total })
            }
            (None, Some(text)) => {
                if has_encoding {
                    return Err(invalid("encoding", "a text has no encoding any more")
                        .with_hint("leave it out, or give the path of the file"));
                }
                if text.len() > limits::CSV_TEXT_BYTES {
                    let message = format!("at most {} bytes", limits::CSV_TEXT_BYTES);
                    return Err(Error::new(ErrorKind::LimitExceeded, message)
                        .with_field("text")
                        .with_hint("write it to a file and give its path"));
                }
                Ok(Self { reader: Box::new(text.as_bytes()), total: Some(text.len() as u64) })
            }
            _ => Err(invalid("path", "exactly one of path and text is needed")),
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    is_cancelled: bool,
    is_undone: bool,
}

/// An import under way.
struct Import<'r, R> {
    request: &'r ImportCsv,
    table: TableReader<R>,
    mapping: Mapping,
    /// The type that the mapping was made for.
    schema: Arc<Table>,
    problems: Problems,
    lookups: Lookups,
    tally: Tally,
}

impl<R: Read> Import<'_, R> {
    /// Imports the rows of one transaction and says whether the table has ended.
    fn batch(&mut self, writing: &mut Writing<'_>) -> Result<bool> {
        self.follow_schema(writing)?;
        self.lookups.begin();
        let begun = self.table.bytes_read();
        for _ in 0..BATCH_ROWS {
            if self.table.bytes_read() - begun > BATCH_BYTES {
                return Ok(false);
            }
            let Some(row) = self.table.next_row()? else { return Ok(true) };
            let mut work = RowWork {
                writing,
                request: self.request,
                mapping: &self.mapping,
                schema: &self.schema,
                lookups: &mut self.lookups,
                faults: Vec::new(),
            };
            let outcome = work.import(&row)?;
            let (number, faults) = (row.number, work.faults);
            self.tally.rows += 1;
            *match outcome {
                Some(Outcome::Created) => &mut self.tally.created,
                Some(Outcome::Updated) => &mut self.tally.updated,
                Some(_) => &mut self.tally.unchanged,
                None => &mut self.tally.rejected,
            } += 1;
            for (column, error) in faults {
                let header = self.table.header();
                self.problems.add(header, number, column, &error, outcome.is_none());
            }
        }
        Ok(false)
    }

    /// Makes the mapping anew if the schema was changed since the last transaction.
    fn follow_schema(&mut self, writing: &Writing<'_>) -> Result<()> {
        let schema = writing.table(&self.request.entity_type)?;
        if !Arc::ptr_eq(&schema, &self.schema) {
            schema.model.check_live()?;
            let find_type = |name: &str| writing.catalog.find(name).map(|table| &table.model);
            let header = self.table.header();
            self.mapping = Mapping::new(&schema.model, header, self.request, find_type)?;
            self.schema = schema;
        }
        Ok(())
    }

    fn report(self) -> ImportReport {
        let Tally { rows, rejected, is_cancelled, is_undone, .. } = self.tally;
        let kept = |count: u64| if is_undone { 0 } else { count };
        let (problems, problem_counts) = self.problems.finish(self.table.header());
        ImportReport {
            rows,
            created: kept(self.tally.created),
            updated: kept(self.tally.updated),
            unchanged: kept(self.tally.unchanged),
            rejected,
            problems,
            problem_counts,
            is_cancelled,
            is_committed: !is_undone,
        }
    }
}

/// What the work on one row needs.
struct RowWork<'a, 'w> {
    writing: &'a mut Writing<'w>,
    request: &'a ImportCsv,
    mapping: &'a Mapping,
    schema: &'a Table,
    lookups: &'a mut Lookups,
    faults: Vec<Fault>,
}

impl RowWork<'_, '_> {
    /// Imports a row; `None` if it is left out. What does not fit is added to the faults.
    fn import(&mut self, row: &Row<'_>) -> Result<Option<Outcome>> {
        if let Err(error) = row.check_length() {
            self.faults.push((None, error));
            return Ok(None);
        }
        let Some(given) = self.read(row)? else { return Ok(None) };
        match self.write(given) {
            Ok(outcome) => Ok(Some(outcome)),
            Err(error) if concerns_one_row(error.kind()) => {
                let model = &self.schema.model;
                let column = error.field().and_then(|name| self.mapping.column_of(model, name));
                self.faults.push((column, error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The values of a row; `None` if a cell does not fit and the row is left out because of it.
    fn read(&mut self, row: &Row<'_>) -> Result<Option<Given>> {
        let model = &self.schema.model;
        let mut given = Given::new(model);
        let mut is_rejected = false;
        for field in &self.mapping.fields {
            let fault = match self.read_field(field, row, &mut given) {
                Ok(()) => continue,
                Err((_, error)) if !concerns_one_row(error.kind()) => return Err(error),
                Err(fault) => fault,
            };
            self.faults.push(fault);
            is_rejected |= self.request.bad_cells == BadCells::RejectRow
                || self.mapping.key == Some(field.place)
                || model.attributes[field.place].definition.required;
        }
        Ok((!is_rejected).then_some(given))
    }

    fn read_field(&mut self, field: &Field, row: &Row<'_>, given: &mut Given) -> Result<(), Fault> {
        let model = &self.schema.model;
        let attribute = &model.attributes[field.place];
        let here = |error: Error| (Some(field.column()), error);
        let Some(value) = field.read(attribute, row)? else { return Ok(()) };
        let value = match value {
            value if attribute.definition.target.is_some() => {
                self.lookups.resolve(self.writing, field, attribute, value).map_err(here)?
            }
            Value::File(file) => {
                let hash = super::files::read_hash(&file.hash).map_err(here)?;
                if files::size(self.writing.tx, &hash).map_err(here)?.is_none() {
                    let error = Error::new(ErrorKind::NotFound, "no stored file has this hash");
                    return Err(here(error.with_hint("store the bytes with files.add")));
                }
                Value::File(file)
            }
            value => value,
        };
        given.set(model, field.place, value).map_err(here)
    }

    fn write(&mut self, given: Given) -> Result<Outcome> {
        let (writing, table) = (&mut *self.writing, self.schema);
        let Some(place) = self.mapping.key else { return create(writing, table, given) };
        let attribute = &table.model.attributes[place];
        let key = given.key(&table.model, place);
        if matches!(key, Cell::Null) {
            return Err(Error::new(ErrorKind::Required, "the key names no record")
                .with_field(attribute.name())
                .with_hint("write the key in every row"));
        }
        match (rows::get_by(writing.tx, table, place, key)?, self.request.mode) {
            (Some(row), _) => {
                let draft = |model: &TypeModel, stored| Draft::change(model, stored, given);
                Ok(records::patch_drafted(writing, table, row, draft)?.1)
            }
            (None, ImportMode::Upsert) => create(writing, table, given),
            (None, _) => {
                let message = format!("no {} has this key", table.model.name);
                Err(Error::new(ErrorKind::NotFound, message)
                    .with_field(attribute.name())
                    .with_hint("set the mode to upsert to create what is missing"))
            }
        }
    }
}

fn create(writing: &mut Writing<'_>, table: &Table, given: Given) -> Result<Outcome> {
    records::create_drafted(writing, table, |model| Draft::complete(model, given))?;
    Ok(Outcome::Created)
}
