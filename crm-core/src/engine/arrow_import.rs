//! Streams of record batches in: from other programs' tables to records, activities and associations.
//!
//! What is a column and what is a value is said in `arrow`; rows are judged and written as those of
//! every import. A batch is taken from the stream between two transactions, so that the stream may be
//! one of this very file.

use arrow_array::RecordBatchReader;

use super::{
    Crm,
    imports::{ActivityMaker, AssociationMaker, Rows, StreamRows},
};
use crate::{
    ColumnMapping, ImportReport, IngestActivities, IngestAssociations, IngestTable, Result,
    arrow::ArrowRows, normal, ops::Watch,
};

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
        self.check_taking()?;
        let catalog = self.catalog();
        catalog.table(&request.entity_type)?.model.check_live()?;
        let of_stages = request.stages.iter().filter_map(|start| start.column.as_deref());
        let (rows, columns) = open(stream, &request.columns, of_stages)?;
        let rows = Rows::of_table(&catalog, request.rules(&columns), Box::new(rows), self.now())?;
        self.take_in_rows(rows, None, request.all_or_nothing, watch)
    }

    /// Takes a stream of Arrow record batches in as activities: each row becomes one, of the record
    /// that a column names or of a visitor.
    ///
    /// Rows are recorded as [`Activities::record`](crate::Activities::record) records them, with all
    /// that follows from it; of the report, `created` were recorded and `unchanged` were there under
    /// their key. What does not fit stands in the report, and `watch` is as in
    /// [`Crm::ingest_table`].
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use crm_core::arrow_array::{
    ///     ArrayRef, RecordBatch, RecordBatchIterator, StringArray, TimestampMicrosecondArray,
    /// };
    /// use crm_core::{ActivityPreset, Crm, Flow, IngestActivities};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.activity_kinds().define_preset(ActivityPreset::WebVisit)?;
    /// let who: ArrayRef = Arc::new(StringArray::from(vec!["cookie 1", "cookie 2"]));
    /// let at = TimestampMicrosecondArray::from(vec![0, 1]).with_timezone("UTC");
    /// let columns = [("visitor", who), ("at", Arc::new(at) as ArrayRef)];
    /// let batch = RecordBatch::try_from_iter(columns).unwrap();
    /// let schema = batch.schema();
    /// let stream = RecordBatchIterator::new([Ok(batch)], schema);
    /// let request = IngestActivities::new("web_visit");
    /// let report = crm.ingest_activities(&request, stream, &mut |_| Flow::Continue)?;
    /// assert_eq!(report.created, 2);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `UnknownAttribute` or `Archived`, naming the column; `WrongKind` if a column is
    /// of a type that cannot go there, and `InvalidArgument` if its times have no time zone and
    /// `columns` names none, or if no column says when or whose an activity was; and as
    /// [`Crm::ingest_table`].
    pub fn ingest_activities(
        &self,
        request: &IngestActivities,
        stream: impl RecordBatchReader + Send,
        watch: &mut Watch<'_>,
    ) -> Result<ImportReport> {
        self.check_taking()?;
        let (table, columns) = open(stream, &request.columns, std::iter::empty())?;
        let maker = ActivityMaker::new(&self.catalog(), request, &table, columns)?;
        let mut rows = StreamRows::new(maker, Box::new(table), request.bad_cells);
        self.take_in(&mut rows, None, request.all_or_nothing, watch)?;
        Ok(rows.report())
    }

    /// Takes a stream of Arrow record batches in as associations: each row becomes one, between two
    /// records that columns name.
    ///
    /// Rows are added as [`Associations::add`](crate::Associations::add) adds them, with all that
    /// follows from it. One that is there already is left as it is, and counts as `unchanged`: of the
    /// same type between the same two records, at an overlapping time, with the same role, or with any
    /// where none is said. What does not fit stands in the report, and `watch` is as in
    /// [`Crm::ingest_table`].
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use crm_core::arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, StringArray};
    /// use crm_core::{AssociationPreset, Crm, Flow, IngestAssociations, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.association_types().define_preset(AssociationPreset::EmployedBy)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?;
    /// let acme = crm.companies().create(values! { "name" => "Acme" })?;
    /// let ids = |id: String| Arc::new(StringArray::from(vec![id])) as ArrayRef;
    /// let columns = [("from", ids(ann.id.to_string())), ("to", ids(acme.id.to_string()))];
    /// let batch = RecordBatch::try_from_iter(columns).unwrap();
    /// let schema = batch.schema();
    /// let stream = RecordBatchIterator::new([Ok(batch)], schema);
    /// let request = IngestAssociations::new("employed_by");
    /// let report = crm.ingest_associations(&request, stream, &mut |_| Flow::Continue)?;
    /// assert_eq!(report.created, 1);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `UnknownAttribute` or `Archived`, naming the column; `WrongKind` if a column is
    /// of a type that cannot go there; `InvalidArgument` if no column names one of the ends, or if
    /// there are several entity types at one and the request names none; and as
    /// [`Crm::ingest_table`].
    pub fn ingest_associations(
        &self,
        request: &IngestAssociations,
        stream: impl RecordBatchReader + Send,
        watch: &mut Watch<'_>,
    ) -> Result<ImportReport> {
        self.check_taking()?;
        let (table, columns) = open(stream, &request.columns, std::iter::empty())?;
        let maker = AssociationMaker::new(&self.catalog(), request, &table, columns)?;
        let mut rows = StreamRows::new(maker, Box::new(table), request.bad_cells);
        self.take_in(&mut rows, None, request.all_or_nothing, watch)?;
        Ok(rows.report())
    }

    /// Refuses before anything is looked at what could not be written.
    fn check_taking(&self) -> Result<()> {
        self.shared.observers.check_not_inside()?;
        self.check_open()
    }
}

/// The rows of a stream, and where their columns go: as `named`, or each to its own name. Those `beside`
/// are read too, and go nowhere unless they are named.
fn open<'r, 'n>(
    stream: impl RecordBatchReader + Send + 'r,
    named: &[ColumnMapping],
    beside: impl Iterator<Item = &'n str>,
) -> Result<(ArrowRows<'r>, Vec<ColumnMapping>)> {
    let beside: Vec<&str> = beside.map(normal::trim).collect();
    let of_named = named.iter().map(|mapping| mapping.column.as_str());
    if !named.is_empty() {
        let columns = of_named.chain(beside.iter().copied());
        return Ok((ArrowRows::open(Box::new(stream), columns)?, named.to_vec()));
    }
    let rows = ArrowRows::open(Box::new(stream), [])?;
    let mut columns = rows.own_names()?;
    columns.retain(|mapping| !beside.contains(&mapping.column.as_str()));
    Ok((rows, columns))
}
