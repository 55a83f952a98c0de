//! CSV tables in: from a file or a text to records, in transactions of some thousand rows.
//!
//! The rows are judged and written by the same rules as every other record. The invariant: every row
//! is accounted for, as created, updated, unchanged or rejected, and memory does not grow with the
//! table.

use super::{
    Crm,
    imports::{Rows, Source},
};
use crate::{
    ImportCsv, ImportMode, ImportReport, Kind, MappingProposal, ProposeMapping, Result,
    exchange::{RowCell, RowSource as _, TableReader, find_key, propose},
    ops::Watch,
};

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
        catalog.table(&request.entity_type)?.model.check_live()?;
        let source = Source::open(
            request.path.as_deref(),
            request.text.as_deref(),
            request.dialect.encoding.is_some(),
        )?;
        let total = source.total;
        let rows = Rows::of_csv(&catalog, request.rules(), source, &request.dialect, self.now())?;
        if let (Some(key), true) = (&request.key, request.mode != ImportMode::Create) {
            find_key(&rows.schema.model, key)?;
        }
        self.take_in_rows(rows, total, request.all_or_nothing, watch)
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
        let mut table = TableReader::open(source, &request.dialect)?;
        let columns = table.header().len();
        let mut samples: Vec<Vec<String>> = Vec::new();
        while samples.len() < SAMPLE_ROWS && table.advance()? {
            // What is no text resembles no id, and that is all that is asked.
            let cell = |column| match table.cell(column, Kind::Text) {
                Ok(RowCell::Text(text)) => text.to_owned(),
                _ => String::new(),
            };
            samples.push((0..columns).map(cell).collect());
        }
        let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
        let find_association =
            |name: &str| catalog.associations(name).ok().map(|table| &table.model);
        Ok(propose(model, table.header(), &samples, find_type, find_association))
    }
}
