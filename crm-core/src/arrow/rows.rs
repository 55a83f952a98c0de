//! Foreign record batches as rows of named cells, for an import to judge.
//!
//! The columns of a struct are columns of their own, joined by a dot: `price.currency`. Which types
//! go into which kind is decided before the first row, and a column that does not fit is refused by
//! name; a single value that does not is a fault of its row. The invariant: no value is rounded, and
//! no time zone is guessed.

use std::collections::VecDeque;

use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Fields};

use super::leaf::{Leaf, Shape, Wanted};
use crate::{
    ColumnMapping, Error, ErrorKind, Result,
    exchange::{RowCell, RowSource, resolve_column},
    limits, normal,
    schema::TypeModel,
};

/// Rows that are made ready at once.
const SLICE: usize = 5_000;

/// A stream of record batches under way.
pub(crate) struct ArrowRows<'r> {
    reader: Box<dyn RecordBatchReader + Send + 'r>,
    header: Vec<String>,
    /// For each column the way to it through structs.
    paths: Vec<Vec<usize>>,
    /// For each column what an attribute wants of it; `None` if it is not read.
    wanted: Vec<Option<Wanted>>,
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
    /// A stream whose columns go where `mapped` says, or each to the attribute of its own name if
    /// that is empty.
    ///
    /// # Errors
    ///
    /// `WrongKind`, naming the column, if it is of a type that its attribute cannot hold;
    /// `InvalidArgument` for a time without a zone; `LimitExceeded` past 512 columns.
    pub(crate) fn open(
        reader: Box<dyn RecordBatchReader + Send + 'r>,
        model: &TypeModel,
        mapped: &mut Vec<ColumnMapping>,
    ) -> Result<Self> {
        let schema = reader.schema();
        let mut columns = Vec::new();
        flatten(schema.fields(), "", &[], &mut columns);
        if columns.len() > limits::CSV_COLUMNS {
            let message = format!("a table has at most {} columns", limits::CSV_COLUMNS);
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        if mapped.is_empty() {
            mapped.extend(columns.iter().map(|(name, ..)| ColumnMapping::new(name, name)));
        }
        let mut wanted: Vec<Option<Wanted>> = columns.iter().map(|_| None).collect();
        for mapping in mapped.iter() {
            // What is not found is refused by the mapping, with the nearest name.
            let place = columns.iter().position(|(name, ..)| name == normal::trim(&mapping.column));
            let found = resolve_column(model, &mapping.attribute);
            if let (Some(place), Ok((attribute, part))) = (place, found) {
                let (name, _, data_type) = &columns[place];
                let want = Wanted::new(Shape::of(data_type), attribute, part, mapping);
                wanted[place] = Some(want.map_err(|error| error.with_field(name))?);
            }
        }
        let (header, paths) = columns.into_iter().map(|(name, path, _)| (name, path)).unzip();
        Ok(Self {
            reader,
            header,
            paths,
            wanted,
            queue: VecDeque::new(),
            is_ended: false,
            leaves: Vec::new(),
            rows: 0,
            row: 0,
            number: 0,
            bytes_read: 0,
        })
    }

    /// Goes on to the next slice; false if none is ready.
    fn next_slice(&mut self) -> bool {
        let Some(batch) = self.queue.pop_front() else { return false };
        let columns = self.paths.iter().zip(&self.wanted);
        self.leaves =
            columns.map(|(path, wanted)| wanted.as_ref().map(|_| column(&batch, path))).collect();
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
fn column(batch: &RecordBatch, path: &[usize]) -> Column {
    let mut array = batch.column(path[0]);
    let mut nulls: Vec<_> = array.logical_nulls().into_iter().collect();
    for place in &path[1..] {
        let Some(parent) = array.as_any().downcast_ref::<arrow_array::StructArray>() else { break };
        array = parent.column(*place);
        nulls.extend(array.logical_nulls());
    }
    Column { leaf: Leaf::new(array), nulls }
}

impl RowSource for ArrowRows<'_> {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Progress counts rows: how many bytes they were is not for us to know.
    fn done(&self) -> u64 {
        self.number
    }

    /// Gets the next rows of the stream, which may be one of this very file: so never within a
    /// transaction.
    fn fetch(&mut self) -> Result<bool> {
        while !self.is_ended && self.queued() < SLICE {
            match self.reader.next() {
                None => self.is_ended = true,
                Some(batch) => {
                    let batch = batch.map_err(failed)?;
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

    fn cell(&self, column: usize) -> Result<RowCell<'_>> {
        let (Some(Some(leaf)), Some(Some(wanted))) =
            (self.leaves.get(column), self.wanted.get(column))
        else {
            return Ok(RowCell::Text(""));
        };
        if leaf.is_null(self.row - 1) {
            return Ok(RowCell::Text(""));
        }
        leaf.leaf.cell(self.row - 1, wanted)
    }

    fn is_blank(&self, column: usize) -> bool {
        let column = self.leaves.get(column).and_then(Option::as_ref);
        column.is_none_or(|column| column.is_null(self.row - 1))
    }
}

/// The error for a stream that fails. What its producer says may repeat a value, so that it is kept
/// as the source only.
fn failed(error: ArrowError) -> Error {
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
