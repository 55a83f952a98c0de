//! Rows that are activities of their own: of a record that a column names, or of a visitor.
//!
//! What a column says is read as beside a record, and what is recorded is what `activities.record`
//! would record. The invariant: a row that was not written is in the report.

use super::{
    super::{
        Catalog, Writing, activities,
        intake::{Intake, Tally},
    },
    activities::{AT, ActivityBlock, KEY, SUBJECT, moment},
    judge::{BATCH_BYTES, BATCH_ROWS, FieldReader},
    lookups::Lookups,
};
use crate::{
    ActivityColumns, BadCells, ColumnMapping, Error, ErrorKind, ImportReport, IngestActivities,
    Outcome, RecordRef, Result, Value,
    exchange::{Fault, Problems, RowSource},
    record::{Given, concerns_one_row},
};

/// The rows of a table on their way to activities.
pub(in crate::engine) struct ActivityRows<'r> {
    request: &'r IngestActivities,
    table: Box<dyn RowSource + 'r>,
    columns: ActivityColumns,
    block: ActivityBlock,
    lookups: Lookups,
    problems: Problems,
    tally: Tally,
    has_more: bool,
}

impl<'r> ActivityRows<'r> {
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived`; `InvalidArgument` if no column says when or
    /// whose; as [`RowSource::check_column`].
    pub(in crate::engine) fn new(
        catalog: &Catalog,
        request: &'r IngestActivities,
        table: Box<dyn RowSource + 'r>,
        columns: Vec<ColumnMapping>,
    ) -> Result<Self> {
        let columns = ActivityColumns {
            channel: request.channel.clone(),
            direction: request.direction,
            ..ActivityColumns::new(&request.kind, columns)
        };
        let block = make(catalog, request, &*table, &columns)?;
        Ok(Self {
            request,
            table,
            columns,
            block,
            lookups: Lookups::default(),
            problems: Problems::default(),
            tally: Tally::default(),
            has_more: false,
        })
    }

    /// What was done.
    pub(in crate::engine) fn report(self) -> ImportReport {
        self.tally.report(self.problems.finish(self.table.header()))
    }

    /// Records the activity of the present row; `None` if it is rejected.
    fn row(&mut self, writing: &mut Writing<'_>) -> Result<Option<Outcome>> {
        let (number, mut faults) = (self.table.number(), Vec::new());
        let outcome = match self.read(writing, &mut faults)? {
            None => None,
            Some(given) => match self.record(writing, given) {
                Ok(outcome) => Some(outcome),
                Err(error) if concerns_one_row(error.kind()) => {
                    let name = error.field().unwrap_or_default().split('.').next();
                    let column = name.and_then(|name| self.block.find_column(name));
                    faults.push((column, error));
                    None
                }
                Err(error) => return Err(error),
            },
        };
        for (column, error) in faults {
            self.problems.add(self.table.header(), number, column, &error, outcome.is_none());
        }
        Ok(outcome)
    }

    /// What the row says; `None` if a cell does not fit and the row is rejected because of it.
    fn read(&mut self, writing: &Writing<'_>, faults: &mut Vec<Fault>) -> Result<Option<Given>> {
        let Self { block, lookups, table, request, .. } = self;
        let view = writing.view();
        let mut reader = FieldReader { view: &view, row: &**table, lookups, own: None };
        let (mut given, mut is_rejected) = (Given::new(&block.whole), false);
        for field in &block.fields {
            match reader.read(0, &block.whole, field, &mut given) {
                Ok(()) => {}
                Err((_, error)) if !concerns_one_row(error.kind()) => return Err(error),
                Err(fault) => {
                    is_rejected |= request.bad_cells == BadCells::RejectRow
                        || [AT, KEY].contains(&field.place)
                        || block.is_whose(field.place);
                    faults.push(fault);
                }
            }
        }
        Ok((!is_rejected).then_some(given))
    }

    fn record(&self, writing: &mut Writing<'_>, mut given: Given) -> Result<Outcome> {
        let block = &self.block;
        let Some(at) = moment(block, &given)? else {
            return Err(Error::new(ErrorKind::Required, "the row does not say when it was")
                .with_field("at")
                .with_hint("write the time"));
        };
        let subject = match &self.request.subject_type {
            Some(name) if given.has(SUBJECT) => match given.take(&block.whole, SUBJECT) {
                Value::Text(id) => Some(RecordRef::new(name, id.parse()?)),
                _ => None,
            },
            _ => None,
        };
        let content = block.draft(given, at, writing.now, subject)?;
        activities::record_content(writing, &block.kind, content).map(|(.., outcome)| outcome)
    }
}

fn make(
    catalog: &Catalog,
    request: &IngestActivities,
    table: &dyn RowSource,
    columns: &ActivityColumns,
) -> Result<ActivityBlock> {
    let is_subject = |mapping: &&ColumnMapping| mapping.attribute == "subject";
    if request.subject_type.is_none()
        && let Some(mapping) = columns.columns.iter().find(is_subject)
    {
        let message = "nobody says of which type the records are that this column names";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field("subject_type")
            .with_hint(format!("name the entity type of the records in {:?}", mapping.column)));
    }
    let block =
        ActivityBlock::of_anybody(catalog, table, columns, request.subject_type.as_deref())?;
    if !block.fields.iter().any(|field| block.is_whose(field.place)) {
        let message = "no column says whose the activities are";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field("columns")
            .with_hint("map a column to subject or to visitor"));
    }
    Ok(block)
}

impl Intake for ActivityRows<'_> {
    fn prepare(&mut self) -> Result<()> {
        self.has_more = self.table.fetch()?;
        Ok(())
    }

    fn batch(&mut self, writing: &mut Writing<'_>) -> Result<bool> {
        self.lookups.begin();
        if !self.block.is_current(&writing.catalog) {
            self.block = make(&writing.catalog, self.request, &*self.table, &self.columns)?;
        }
        let begun = self.table.bytes_read();
        for _ in 0..BATCH_ROWS {
            if self.table.bytes_read() - begun > BATCH_BYTES {
                return Ok(false);
            }
            if !self.table.advance()? {
                return Ok(!self.has_more);
            }
            let outcome = self.row(writing)?;
            self.tally.count(outcome);
        }
        Ok(false)
    }

    fn done(&self) -> u64 {
        self.table.done()
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}
