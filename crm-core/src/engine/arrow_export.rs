//! Results of queries as streams of record batches.
//!
//! A select over a file reads one state of it from the first row to the last, a batch whenever the
//! consumer asks for one. Groups are counted in one go, and what is in memory is read in one go, since
//! it has but one connection. The invariants: a stream shows one state, whatever is written
//! meanwhile; one of a select holds a batch of memory; and after the file was closed it ends with an
//! error.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    vec,
};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::{
    Catalog, Crm, check_range,
    queries::{not_an_id, number_of},
    scores,
};
use crate::{
    Archived, Error, ErrorKind, ReadTable, RecordId, RecordsTable, Result, RunView, SelectColumn,
    SelectRows, TableQuery, ViewQuery, ViewTable,
    arrow::{TableBuilder, layout},
    cell::{Cell, CellRef, CellRow},
    condition::{Moment, Schema},
    exchange::ID,
    limits,
    query::{CheckedGroup, CheckedSelect, check_group, check_pivot, check_select, check_wide},
    store::{
        Connection,
        select::{self as sql, Place},
    },
};

impl Crm {
    /// Reads the whole result of a query as a stream of Arrow record batches.
    ///
    /// A select is read while the stream is, in one state of the file: what is written meanwhile is
    /// not seen, and the log of the file grows until the stream is dropped. Groups and pivots are
    /// counted before this returns. At most 16 streams are open at once on a file. A stream keeps the
    /// file open as a clone of the handle does; [`Crm::close`] ends it with `Closed`.
    ///
    /// ```
    /// use crm_core::{Crm, ReadTable, RecordsTable, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.companies().create(values! { "name" => "Acme", "employees" => 12 })?;
    /// let table = RecordsTable { fields: vec!["name".into()], ..RecordsTable::new("company") };
    /// let stream = crm.read_table(&ReadTable::new(table))?;
    /// let batches = stream.collect::<Result<Vec<_>, _>>().unwrap();
    /// assert_eq!((batches.len(), batches[0].num_rows()), (1, 1));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Crm::select_rows`]; `NotFound` or `Archived` for a view; `InvalidArgument` for an `after`,
    /// for batches that are not of 1 to 100,000 rows, or if two columns have the same name;
    /// `LimitExceeded` if too many streams are open.
    pub fn read_table(&self, request: &ReadTable) -> Result<TableStream> {
        check_range("batch_rows", request.batch_rows.into(), 1, limits::STREAM_ROWS.into())?;
        let rows = request.batch_rows;
        match &request.query {
            TableQuery::Select(select) => self.select_table(select, check_select, rows),
            TableQuery::Records(table) => self.records_table(table, rows),
            TableQuery::View(ViewTable { name, at }) => {
                let query = self.views().query_of(&RunView { at: *at, ..RunView::new(name) })?;
                let query = match query {
                    ViewQuery::Select(select) => TableQuery::Select(select),
                    ViewQuery::Group(group) => TableQuery::Group(group),
                    ViewQuery::Pivot(pivot) => TableQuery::Pivot(pivot),
                };
                self.read_table(&ReadTable { query, batch_rows: rows })
            }
            TableQuery::Group(group) => {
                refuse_place(group.after.as_ref())?;
                let moment = self.moment(group.at, group.zone.as_deref())?;
                self.read_explained(|conn, catalog| {
                    catalog.table(&group.entity_type)?;
                    let mut query = check_group(group, catalog)?;
                    let asked = (&moment, group.archived);
                    scores::compute_all(conn, catalog, &mut query.source, asked)?;
                    count_groups(conn, &query, &moment, group.archived, rows)
                })
            }
            TableQuery::Pivot(pivot) => {
                let moment = self.moment(pivot.at, pivot.zone.as_deref())?;
                self.read_explained(|conn, catalog| {
                    catalog.table(&pivot.entity_type)?;
                    let mut query = check_pivot(pivot, catalog)?.cells;
                    let asked = (&moment, pivot.archived);
                    scores::compute_all(conn, catalog, &mut query.source, asked)?;
                    count_groups(conn, &query, &moment, pivot.archived, rows)
                })
            }
        }
    }

    /// The fields of all records of a type.
    fn records_table(&self, table: &RecordsTable, rows: u32) -> Result<TableStream> {
        let fields = match &table.fields[..] {
            [] => {
                let catalog = self.catalog();
                let model = &catalog.table(&table.entity_type)?.model;
                let live = model.live().map(|attribute| attribute.name().to_owned());
                std::iter::once(ID.to_owned()).chain(live).collect()
            }
            fields => fields.to_vec(),
        };
        let select = SelectRows {
            condition: table.condition.clone(),
            order: table.order.clone(),
            archived: table.archived,
            at: table.at,
            zone: table.zone.clone(),
            ..SelectRows::new(&table.entity_type, fields.into_iter().map(SelectColumn::field))
        };
        self.select_table(&select, check_wide, rows).map_err(|error| {
            let place = error.field().and_then(|field| {
                Some(field.strip_prefix("columns[")?.strip_suffix("].field")?.to_owned())
            });
            match place {
                Some(place) => error.with_field(format!("fields[{place}]")),
                None => error,
            }
        })
    }

    fn select_table(
        &self,
        request: &SelectRows,
        check: fn(&SelectRows, &dyn Schema) -> Result<CheckedSelect>,
        batch_rows: u32,
    ) -> Result<TableStream> {
        refuse_place(request.after.as_ref())?;
        let moment = self.moment(request.at, request.zone.as_deref())?;
        let ready = |conn: &Connection, catalog: &Catalog| {
            catalog.table(&request.entity_type)?;
            let mut query = check(request, catalog)?;
            // All rows will be read.
            scores::compute_all(conn, catalog, &mut query.source, (&moment, request.archived))?;
            let layout = layout::<_, ()>(&query.source.entity_type, &query.columns, &[])?;
            Ok((query, layout))
        };
        let pages = |(query, layout)| Pages {
            after: After::new(&query),
            query,
            moment: moment.clone(),
            archived: request.archived,
            batch_rows,
            builder: TableBuilder::new(layout),
        };
        if !self.shared.store.keeps_snapshots() {
            return self.read_explained(|conn, catalog| {
                let mut pages = pages(ready(conn, catalog)?);
                let schema = pages.builder.schema();
                let mut batches = Vec::new();
                while let Some(batch) = pages.next(conn)? {
                    batches.push(batch);
                }
                Ok(TableStream { schema, rest: Rest::Counted(batches.into_iter()) })
            });
        }
        let snapshot = self.shared.store.open_snapshot()?;
        let snapshot = Snapshot { crm: self.clone(), number: snapshot };
        let catalog = self.catalog();
        let ready = snapshot.read(|conn| super::explained(conn, &catalog, ready))?;
        let pages = pages(ready);
        let schema = pages.builder.schema();
        Ok(TableStream { schema, rest: Rest::Open(Box::new((snapshot, pages))) })
    }
}

/// A stream has no pages.
fn refuse_place(after: Option<&String>) -> Result<()> {
    match after {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::InvalidArgument, "a stream begins at the first row")
            .with_field("after")
            .with_hint("leave it out, or read pages")),
    }
}

/// A stream of record batches: see [`Crm::read_table`]. It may be read and dropped on any thread.
///
/// An error ends it. It is an [`ArrowError::ExternalError`] that holds an [`Error`](crate::Error).
pub struct TableStream {
    schema: SchemaRef,
    rest: Rest,
}

/// What is still to come.
enum Rest {
    /// Everything was read.
    Counted(vec::IntoIter<RecordBatch>),
    /// A state of the file is open.
    Open(Box<(Snapshot, Pages)>),
    Ended,
}

impl std::fmt::Debug for TableStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStream").field("columns", &self.schema.fields().len()).finish()
    }
}

impl Iterator for TableStream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.rest {
            Rest::Counted(batches) => return batches.next().map(Ok),
            Rest::Open(open) => {
                let (snapshot, pages) = &mut **open;
                // A reader of another language calls this, where nothing may unwind.
                let read = || snapshot.read(|conn| pages.next(conn)).transpose();
                catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
                    Some(Err(Error::new(ErrorKind::Internal, "the engine panicked")
                        .with_hint("this is a defect; please report it")))
                })
            }
            Rest::Ended => None,
        };
        if !matches!(next, Some(Ok(_))) {
            // Lets the state of the file go as soon as nothing more comes of it.
            self.rest = Rest::Ended;
        }
        next.map(|batch| batch.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for TableStream {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// A state of the file that stays open; ends when dropped.
struct Snapshot {
    crm: Crm,
    number: u64,
}

impl Snapshot {
    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.crm.shared.store.read_at(self.number, f)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.crm.shared.store.end_snapshot(self.number);
    }
}

/// Rows whose order is worked out at once; few in tests, which then meet the end of them.
const ORDER_ROWS: u32 = if cfg!(test) { 7 } else { limits::ORDER_ROWS };

/// A select under way.
struct Pages {
    query: CheckedSelect,
    moment: Moment,
    archived: Archived,
    batch_rows: u32,
    after: After,
    builder: TableBuilder,
}

/// Where the next batch begins.
enum After {
    /// After the row of the table with this number.
    Row(i64),
    /// At the first of these rows, of which the last has this place in the order; `None` before the
    /// first of all.
    Ordered { numbers: VecDeque<i64>, last: Option<Place>, has_more: bool },
    /// There is none.
    End,
}

impl After {
    fn new(query: &CheckedSelect) -> Self {
        match query.order.is_empty() {
            // Numbers of rows begin at 1.
            true => Self::Row(0),
            false => Self::Ordered { numbers: VecDeque::new(), last: None, has_more: true },
        }
    }
}

impl Pages {
    /// Reads a batch.
    fn next(&mut self, conn: &Connection) -> Result<Option<RecordBatch>> {
        match self.after {
            After::End => return Ok(None),
            After::Row(number) => self.stored(conn, number)?,
            After::Ordered { .. } => self.ordered(conn)?,
        }
        if self.builder.rows() == 0 {
            return Ok(None);
        }
        self.builder.finish().map(Some)
    }

    /// Fills a batch with rows as the file holds them.
    fn stored(&mut self, conn: &Connection, number: i64) -> Result<()> {
        let Self { query, moment, archived, batch_rows, after, builder } = self;
        let statement = sql::stored_rows(query, moment, *archived, number, *batch_rows)?;
        *after = After::End;
        sql::visit_refs(conn, &statement, |row| {
            builder.add(row, 1)?;
            if is_open(builder, *batch_rows) {
                return Ok(true);
            }
            *after = After::Row(number_of(row, 0)?);
            Ok(false)
        })
    }

    /// Fills a batch with rows in order. Of many rows at once the order alone is read, so that they
    /// are not sorted anew for each batch, and their cells only then.
    fn ordered(&mut self, conn: &Connection) -> Result<()> {
        let Self { query, moment, archived, batch_rows, after, builder } = self;
        let After::Ordered { numbers, last, has_more } = after else { return Ok(()) };
        while is_open(builder, *batch_rows) {
            if numbers.is_empty() {
                if !*has_more {
                    *after = After::End;
                    break;
                }
                let most = ORDER_ROWS;
                let statement = sql::order(query, moment, *archived, last.as_ref(), most)?;
                let width = query.order.len();
                sql::visit_refs(conn, &statement, |row| {
                    numbers.push_back(number_of(row, 1 + width)?);
                    if numbers.len() == most as usize {
                        *last = Some(place_of(row, width)?);
                    }
                    Ok(true)
                })?;
                *has_more = numbers.len() == most as usize;
                continue;
            }
            let statement = sql::numbered_row(query, moment, *archived)?;
            let rows = numbers.make_contiguous();
            let shown = sql::visit_numbers(conn, &statement, rows, |row| {
                builder.add(row, 1)?;
                Ok(is_open(builder, *batch_rows))
            })?;
            numbers.drain(..shown);
        }
        Ok(())
    }
}

/// Whether a batch takes more rows.
fn is_open(builder: &TableBuilder, batch_rows: u32) -> bool {
    builder.rows() < batch_rows as usize && builder.bytes() < limits::STREAM_BYTES
}

fn count_groups(
    conn: &Connection,
    query: &CheckedGroup,
    moment: &Moment,
    archived: Archived,
    batch_rows: u32,
) -> Result<TableStream> {
    let layout = layout(&query.source.entity_type, &query.keys, &query.measures)?;
    let mut builder = TableBuilder::new(layout);
    let mut batches = Vec::new();
    let statement = sql::groups(query, moment, archived, None, None)?;
    sql::visit_refs(conn, &statement, |row| {
        builder.add(row, 0)?;
        if builder.rows() == batch_rows as usize || builder.bytes() >= limits::STREAM_BYTES {
            batches.push(builder.finish()?);
        }
        Ok(true)
    })?;
    if builder.rows() > 0 {
        batches.push(builder.finish()?);
    }
    Ok(TableStream { schema: builder.schema(), rest: Rest::Counted(batches.into_iter()) })
}

/// The place of a row in an order by so many cells.
fn place_of(row: &impl CellRow, width: usize) -> Result<Place> {
    let CellRef::Blob(id) = row.cell(0)? else { return Err(not_an_id()) };
    let id = <[u8; 16]>::try_from(id).map_err(|_| not_an_id())?;
    let keys = (1..=width).map(|place| row.cell(place).map(Cell::from)).collect::<Result<_>>()?;
    Ok(Place { keys, id: RecordId::from_bytes(id) })
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;

    use crate::{
        ActivityPreset, Attribute, Crm, FieldOrder, Kind, NewActivity, ReadTable, Result,
        SelectColumn, SelectRows, values,
    };

    #[test]
    fn an_order_that_is_worked_out_piece_by_piece_is_that_of_pages() {
        let folder = tempfile::tempdir().unwrap();
        let crm = Crm::open(folder.path().join("a.crm")).unwrap();
        crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
        let number = Attribute::new("n", Kind::Integer);
        let indexed = Attribute::new("i", Kind::Integer).indexed();
        for attribute in [number, indexed] {
            crm.types().define_attribute("contact", attribute).unwrap();
        }
        for row in 0..60_i64 {
            let n = if row % 7 == 0 { crate::Value::Null } else { (row * 31 % 5).into() };
            let contact = crm.contacts().create(values! { "n" => n, "i" => row % 4 }).unwrap();
            for at in 0..row % 3 {
                let at = crate::Timestamp::from_micros(at).unwrap();
                let call = NewActivity::of("call", contact.reference(), at);
                crm.activities().record(call).unwrap();
            }
            if row % 11 == 0 {
                crm.contacts().archive(contact.id, None).unwrap();
            }
        }
        let calls = || SelectColumn::count("call").named("calls");
        for order in [
            vec![FieldOrder::ascending("n")],
            vec![FieldOrder::descending("n"), FieldOrder::ascending("i")],
            vec![FieldOrder::ascending("i")],
            vec![FieldOrder::descending("calls")],
            vec![FieldOrder::ascending("calls"), FieldOrder::descending("n")],
        ] {
            let columns = [SelectColumn::field("id"), calls()];
            let select = SelectRows { order, ..SelectRows::new("contact", columns) };
            let mut pages = Vec::new();
            let mut take = |row: Vec<crate::Value>| -> Result<()> {
                pages.push((row[0].as_str().unwrap().to_owned(), row[1].clone()));
                Ok(())
            };
            crm.select_each(&select, &mut take).unwrap();
            assert_eq!(pages.len(), 54);
            for batch_rows in [1, 3, 7, 10, 100] {
                let request = ReadTable { batch_rows, ..ReadTable::new(select.clone()) };
                let mut rows = Vec::new();
                for batch in crm.read_table(&request).unwrap() {
                    let batch = batch.unwrap();
                    assert!(batch.num_rows() <= batch_rows as usize);
                    let ids = batch.column(0).as_string::<i32>();
                    let calls = batch.column(1).as_primitive::<arrow_array::types::Int64Type>();
                    let both = ids.iter().zip(calls).map(|(id, calls)| {
                        (id.unwrap().to_owned(), crate::Value::from(calls.unwrap()))
                    });
                    rows.extend(both);
                }
                assert_eq!(rows, pages, "{:?} in batches of {batch_rows}", select.order);
            }
        }
    }
}
