//! Rows of a stream that stand by themselves, and are no records: activities and associations.
//!
//! What a column says is read as beside a record, and what is written is what the operations of the
//! room would write. The invariant: a row that was not written is in the report.

mod activities;
mod associations;

pub(in crate::engine) use activities::ActivityMaker;
pub(in crate::engine) use associations::AssociationMaker;

use super::{
    super::{
        Catalog, Writing,
        intake::{Intake, Tally},
    },
    judge::{BATCH_BYTES, BATCH_ROWS, FieldReader},
    lookups::Lookups,
};
use crate::{
    BadCells, Error, ErrorKind, ImportReport, Outcome, Result,
    exchange::{Fault, Field, Problems, RowSource},
    record::{Given, concerns_one_row},
    schema::TypeModel,
};

/// What rows become, made ready for the columns of a table.
pub(in crate::engine) trait Maker {
    /// Whether the definitions are still those that it was made for.
    fn is_current(&self, catalog: &Catalog) -> bool;

    /// Makes it ready anew.
    ///
    /// # Errors
    ///
    /// As when it was made.
    fn renew(&mut self, catalog: &Catalog, table: &dyn RowSource) -> Result<()>;

    /// Everything that a column can say.
    fn whole(&self) -> &TypeModel;

    /// The columns, and what of it each says.
    fn fields(&self) -> &[Field];

    /// Whether a row is nothing without what stands at this place.
    fn is_vital(&self, place: usize) -> bool;

    /// Writes what a row says.
    ///
    /// # Errors
    ///
    /// Those that concern a row, naming what does not fit, and others.
    fn write(&self, writing: &mut Writing<'_>, given: Given) -> Result<Outcome>;
}

/// The rows of a table on their way.
pub(in crate::engine) struct StreamRows<'r, M> {
    maker: M,
    table: Box<dyn RowSource + 'r>,
    bad_cells: BadCells,
    lookups: Lookups,
    problems: Problems,
    tally: Tally,
    has_more: bool,
}

impl<'r, M: Maker> StreamRows<'r, M> {
    pub(in crate::engine) fn new(
        maker: M,
        table: Box<dyn RowSource + 'r>,
        bad_cells: BadCells,
    ) -> Self {
        Self {
            maker,
            table,
            bad_cells,
            lookups: Lookups::default(),
            problems: Problems::default(),
            tally: Tally::default(),
            has_more: false,
        }
    }

    /// What was done.
    pub(in crate::engine) fn report(self) -> ImportReport {
        self.tally.report(self.problems.finish(self.table.header()))
    }

    /// Writes what the present row says; `None` if it is rejected.
    fn row(&mut self, writing: &mut Writing<'_>) -> Result<Option<Outcome>> {
        let (number, mut faults) = (self.table.number(), Vec::new());
        let outcome = match self.read(writing, &mut faults)? {
            None => None,
            Some(given) => match self.maker.write(writing, given) {
                Ok(outcome) => Some(outcome),
                Err(error) if concerns_one_row(error.kind()) => {
                    let name = error.field().unwrap_or_default().split('.').next();
                    faults.push((name.and_then(|name| self.find_column(name)), error));
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

    /// The column of what has this name.
    fn find_column(&self, name: &str) -> Option<usize> {
        let attributes = &self.maker.whole().attributes;
        let is_meant = |field: &&Field| attributes[field.place].name() == name;
        self.maker.fields().iter().find(is_meant).map(Field::column)
    }

    /// What the row says; `None` if a cell does not fit and the row is rejected because of it.
    fn read(&mut self, writing: &Writing<'_>, faults: &mut Vec<Fault>) -> Result<Option<Given>> {
        let Self { maker, lookups, table, bad_cells, .. } = self;
        let view = writing.view();
        let mut reader = FieldReader { view: &view, row: &**table, lookups, own: None };
        let (mut given, mut is_rejected) = (Given::new(maker.whole()), false);
        for field in maker.fields() {
            match reader.read(0, maker.whole(), field, &mut given) {
                Ok(()) => {}
                Err((_, error)) if !concerns_one_row(error.kind()) => return Err(error),
                Err(fault) => {
                    is_rejected |= *bad_cells == BadCells::RejectRow || maker.is_vital(field.place);
                    faults.push(fault);
                }
            }
        }
        Ok((!is_rejected).then_some(given))
    }
}

impl<M: Maker> Intake for StreamRows<'_, M> {
    fn prepare(&mut self) -> Result<()> {
        self.has_more = self.table.fetch()?;
        Ok(())
    }

    fn batch(&mut self, writing: &mut Writing<'_>) -> Result<bool> {
        self.lookups.begin();
        if !self.maker.is_current(&writing.catalog) {
            self.maker.renew(&writing.catalog, &*self.table)?;
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

/// The error for columns that leave something unsaid which every row needs.
fn unsaid(message: &str, hint: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field("columns").with_hint(hint)
}

/// The error for a row that leaves something unsaid.
fn missing(field: &str, message: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Required, message).with_field(field).with_hint(hint)
}
