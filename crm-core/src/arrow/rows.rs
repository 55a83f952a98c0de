//! Foreign record batches as rows of named cells, for an import to judge.
//!
//! The columns of a struct are columns of their own, joined by a dot: `price.currency`. Which types
//! go into which kind is decided before the first row, and a column that does not fit is refused by
//! name; a single value that does not is a fault of its row. The invariant: no value is rounded, and
//! no time zone is guessed.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Fields};

use super::leaf::{Leaf, Shape};
use crate::{
    ColumnMapping, Error, ErrorKind, Kind, Result,
    exchange::{RowCell, RowSource},
    limits, normal,
};

/// Rows that are made ready at once.
const SLICE: usize = 5_000;

/// A stream of record batches under way.
pub(crate) struct ArrowRows<'r> {
    reader: Box<dyn RecordBatchReader + Send + 'r>,
    header: Vec<String>,
    /// For each column the way to it through structs.
    paths: Vec<Vec<usize>>,
    /// For each column what its values are.
    shapes: Vec<Shape>,
    /// For each column whether it goes somewhere.
    is_read: Vec<bool>,
    /// Whether it matters what the others hold.
    is_whole: bool,
    /// Bytes of the source that were read, where there are such.
    source_bytes: Option<Arc<AtomicU64>>,
    queue: VecDeque<RecordBatch>,
    is_ended: bool,
    /// The columns of the present slice.
    leaves: Vec<Option<Column>>,
    rows: usize,
    row: usize,
    number: u64,
    bytes_read: u64,
}

/// A column of the present slice.
struct Column {
    leaf: Leaf,
    /// Where there is a value: of the column, and of each struct around it.
    nulls: Vec<NullBuffer>,
}

impl Column {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.iter().any(|nulls| nulls.is_null(row)) || self.leaf.is_blank(row)
    }
}

impl<'r> ArrowRows<'r> {
    /// A stream of which these columns are read, or all if none is named.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 512 columns.
    pub(crate) fn open<'m>(
        reader: Box<dyn RecordBatchReader + Send + 'r>,
        mapped: impl IntoIterator<Item = &'m str>,
    ) -> Result<Self> {
        let schema = reader.schema();
        let mut columns = Vec::new();
        flatten(schema.fields(), "", &[], &mut columns);
        if columns.len() > limits::CSV_COLUMNS {
            let message = format!("a table has at most {} columns", limits::CSV_COLUMNS);
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        let mapped: Vec<&str> = mapped.into_iter().map(normal::trim).collect();
        let is_read = |name: &str| mapped.is_empty() || mapped.contains(&name);
        let is_read = columns.iter().map(|(name, ..)| is_read(name)).collect();
        let shapes = columns.iter().map(|(.., data_type)| Shape::of(data_type)).collect();
        let (header, paths) = columns.into_iter().map(|(name, path, _)| (name, path)).unzip();
        Ok(Self {
            reader,
            header,
            paths,
            shapes,
            is_read,
            is_whole: false,
            source_bytes: None,
            queue: VecDeque::new(),
            is_ended: false,
            leaves: Vec::new(),
            rows: 0,
            row: 0,
            number: 0,
            bytes_read: 0,
        })
    }

    /// Tells what the columns hold that go nowhere, and counts these bytes as progress.
    pub(crate) fn of_source(self, bytes: Arc<AtomicU64>) -> Self {
        Self { is_whole: true, source_bytes: Some(bytes), ..self }
    }

    /// A mapping of each column to what has its own name.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column without a name, naming its place.
    pub(crate) fn own_names(&self) -> Result<Vec<ColumnMapping>> {
        let own = |(place, name): (usize, &String)| match name.split('.').any(str::is_empty) {
            false => Ok(ColumnMapping::new(name, name)),
            true => {
                let message = format!("column {} of the table has no name", place + 1);
                Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_field(format!("columns[{place}]"))
                    .with_hint("name it, or say in columns which columns go where"))
            }
        };
        self.header.iter().enumerate().map(own).collect()
    }

    /// Goes on to the next slice; false if none is ready.
    fn next_slice(&mut self) -> bool {
        let Some(batch) = self.queue.pop_front() else { return false };
        let leaf = |is_read: bool| if is_read { Leaf::new } else { Leaf::unread };
        let columns = self.paths.iter().zip(&self.is_read);
        let columns = columns.map(|(path, is_read)| {
            (*is_read || self.is_whole).then(|| column(&batch, path, leaf(*is_read)))
        });
        self.leaves = columns.collect();
        (self.rows, self.row) = (batch.num_rows(), 0);
        true
    }

    fn queued(&self) -> usize {
        self.rows - self.row + self.queue.iter().map(RecordBatch::num_rows).sum::<usize>()
    }
}

/// Every column that is no struct: its name, the way to it, its type.
fn flatten<'f>(
    fields: &'f Fields,
    prefix: &str,
    path: &[usize],
    columns: &mut Vec<(String, Vec<usize>, &'f DataType)>,
) {
    for (place, field) in fields.iter().enumerate() {
        let name = format!("{prefix}{}", normal::trim(field.name()));
        let path = [path, &[place]].concat();
        match field.data_type() {
            DataType::Struct(fields) => flatten(fields, &format!("{name}."), &path, columns),
            data_type => columns.push((name, path, data_type)),
        }
    }
}

/// The column at the end of a way.
fn column(batch: &RecordBatch, path: &[usize], leaf: fn(&ArrayRef) -> Leaf) -> Column {
    let mut array = batch.column(path[0]);
    let mut nulls: Vec<_> = array.logical_nulls().into_iter().collect();
    for place in &path[1..] {
        let Some(parent) = array.as_any().downcast_ref::<arrow_array::StructArray>() else { break };
        array = parent.column(*place);
        nulls.extend(array.logical_nulls());
    }
    Column { leaf: leaf(array), nulls }
}

impl RowSource for ArrowRows<'_> {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Progress counts rows where it is not for us to know how many bytes they were.
    fn done(&self) -> u64 {
        self.source_bytes.as_ref().map_or(self.number, |bytes| bytes.load(Ordering::Relaxed))
    }

    /// Gets the next rows of the stream, which may be one of this very file: so never within a
    /// transaction.
    fn fetch(&mut self) -> Result<bool> {
        while !self.is_ended && self.queued() < SLICE {
            match self.reader.next() {
                None => self.is_ended = true,
                Some(batch) => {
                    let batch = batch.map_err(stream_failed)?;
                    let starts = (0..batch.num_rows()).step_by(SLICE);
                    self.queue.extend(
                        starts.map(|start| batch.slice(start, SLICE.min(batch.num_rows() - start))),
                    );
                }
            }
        }
        Ok(!self.is_ended)
    }

    fn advance(&mut self) -> Result<bool> {
        loop {
            if self.row >= self.rows && !self.next_slice() {
                return Ok(false);
            }
            self.row += 1;
            self.number += 1;
            let row = self.row - 1;
            let mut columns = self.leaves.iter().flatten().filter(|column| !column.is_null(row));
            let bytes = |column: &Column| column.leaf.text_bytes(row) as u64 + 8;
            if let Some(first) = columns.next() {
                self.bytes_read += bytes(first) + columns.map(bytes).sum::<u64>();
                return Ok(true);
            }
        }
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn check_column(
        &self,
        column: usize,
        kind: Kind,
        part: usize,
        mapping: &ColumnMapping,
    ) -> Result<()> {
        self.shapes.get(column).map_or(Ok(()), |shape| shape.check(kind, part, mapping))
    }

    fn cell(&self, column: usize, kind: Kind) -> Result<RowCell<'_>> {
        let Some(Some(column)) = self.leaves.get(column) else { return Ok(RowCell::Text("")) };
        if column.is_null(self.row - 1) {
            return Ok(RowCell::Text(""));
        }
        column.leaf.cell(self.row - 1, kind)
    }

    fn is_blank(&self, column: usize) -> bool {
        let Some(Some(column)) = self.leaves.get(column) else { return true };
        let row = self.row - 1;
        column.is_null(row)
            || matches!(column.leaf, Leaf::Text { .. } if normal::trim(column.leaf.text(row)).is_empty())
    }
}

/// The error for a stream that fails. What its producer says may repeat a value, so that it is kept
/// as the source only.
pub(crate) fn stream_failed(error: ArrowError) -> Error {
    let error = match error {
        // It is a stream of ours.
        ArrowError::ExternalError(source) => match source.downcast::<Error>() {
            Ok(error) => return *error,
            Err(source) => ArrowError::ExternalError(source),
        },
        error => error,
    };
    Error::new(ErrorKind::Io, "the stream of record batches failed").with_source(error)
}
