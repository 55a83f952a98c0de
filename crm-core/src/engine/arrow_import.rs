//! Streams of record batches in: from other programs' tables to records.
//!
//! What is a column and what is a value is said in `arrow`; rows are judged and written as those of
//! every import. A batch is taken from the stream between two transactions, so that the stream may be
//! one of this very file.

use arrow_array::RecordBatchReader;

use super::{Crm, imports::Rows};
use crate::{ImportReport, IngestTable, Result, arrow::ArrowRows, ops::Watch};

impl Crm {
    /// Takes a stream of Arrow record batches in: each row becomes a record, or changes one.
    ///
    /// What does not fit is no error but stands in the report, with row, column and hint; the other
    /// rows are kept. Progress counts rows. `watch` may read between two transactions; a write from
    /// inside it is refused with `Reentrant`, and so is everything while all or nothing is under way:
    /// then the stream must not be one of this file either.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use crm_core::arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, StringArray};
    /// use crm_core::{Crm, Flow, IngestTable};
    ///
    /// let crm = Crm::in_memory()?;
    /// let names: ArrayRef = Arc::new(StringArray::from(vec!["Acme", "Initech"]));
    /// let batch = RecordBatch::try_from_iter([("name", names)]).unwrap();
    /// let schema = batch.schema();
    /// let stream = RecordBatchIterator::new([Ok(batch)], schema);
    /// let request = IngestTable::new("company");
    /// let report = crm.ingest_table(&request, stream, &mut |_| Flow::Continue)?;
    /// assert_eq!(report.created, 2);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `UnknownAttribute` or `Archived`, naming the column; `WrongKind` if a column is
    /// of a type that its attribute cannot hold, and `InvalidArgument` if its times have no time zone
    /// and `columns` names none; `InvalidArgument` if the request makes no sense; `LimitExceeded` past
    /// 512 columns; `Io` if the stream fails; `Interrupted` by [`Crm::interrupt`]. What was committed
    /// before is kept, unless it is all or nothing.
    pub fn ingest_table(
        &self,
        request: &IngestTable,
        stream: impl RecordBatchReader + Send,
        watch: &mut Watch<'_>,
    ) -> Result<ImportReport> {
        self.shared.observers.check_not_inside()?;
        let catalog = self.catalog();
        let table = catalog.table(&request.entity_type)?;
        table.model.check_live()?;
        let mut columns = request.columns.clone();
        let rows = ArrowRows::open(Box::new(stream), &table.model, &mut columns)?;
        let rows = Rows::of_table(&catalog, request.rules(&columns), Box::new(rows), self.now())?;
        self.take_in_rows(rows, None, request.all_or_nothing, watch)
    }
}
