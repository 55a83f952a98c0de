//! From the cells of rows to columns of a table, without a value in between.
//!
//! What a cell means is what [`Form::read`](crate::query::Form::read) says; here it goes straight
//! where the reader of the table will look. The invariant: a column of a table and the same column of
//! a page of rows hold the same values.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchOptions,
    builder::{
        BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
        ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
    },
};
use arrow_schema::{DataType, Schema, SchemaRef};
use uuid::{Uuid, fmt::Hyphenated};

use super::schema::{Layout, MONEY_SCALE};
use crate::{
    Date, Error, ErrorKind, Kind, Result, Timestamp,
    cell::{CellRef, CellRow},
    exchange::parts,
    normal,
    query::{Form, too_large},
};

/// A column under way.
enum Column {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Real(Float64Builder),
    Decimal(Decimal128Builder),
    Day(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
}

/// Batches of a table under way.
pub(crate) struct TableBuilder {
    layout: Layout,
    columns: Vec<Column>,
    currencies: Currencies,
    rows: usize,
    /// Bytes of text in the present batch.
    bytes: usize,
}

impl TableBuilder {
    pub(crate) fn new(layout: Layout) -> Self {
        let columns = empty(&layout.schema, None);
        Self { layout, columns, currencies: Currencies::default(), rows: 0, bytes: 0 }
    }

    /// The schema of all batches.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.layout.schema)
    }

    /// How many rows the present batch has.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many bytes of text it has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a row, whose cells begin at this place.
    ///
    /// # Errors
    ///
    /// `OutOfRange` if a real number is not finite; `Corrupt` if a text is not UTF-8.
    pub(crate) fn add(&mut self, row: &impl CellRow, first: usize) -> Result<()> {
        let (mut place, mut column) = (first, 0);
        for form in &self.layout.forms {
            let columns = &mut self.columns[column..];
            let (filled, bytes) = match *form {
                Form::Stored { kind, .. } => {
                    stored(kind, row, place, columns, &mut self.currencies)?
                }
                Form::Scaled { kind, scale } => {
                    scaled(kind, scale, row, place, columns, &mut self.currencies)?
                }
                Form::Named => (1, columns[0].add(row.cell(place + 1)?)?),
                Form::Share => share(row, place, columns)?,
            };
            column += filled;
            place += form.width();
            self.bytes += bytes;
        }
        self.rows += 1;
        Ok(())
    }

    /// The present batch; the next begins empty.
    ///
    /// # Errors
    ///
    /// `Internal` if the columns do not fit the schema.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch> {
        let schema = Arc::clone(&self.layout.schema);
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options);
        let batch = batch.map_err(|_| {
            Error::new(ErrorKind::Internal, "the columns of a table do not fit its schema")
        })?;
        // The next batch is likely to be as large.
        self.columns = empty(&self.layout.schema, Some(&batch));
        (self.rows, self.bytes) = (0, 0);
        Ok(batch)
    }
}

/// Columns without rows, with room for a batch like the one before.
fn empty(schema: &Schema, before: Option<&RecordBatch>) -> Vec<Column> {
    let rows = before.map_or(0, RecordBatch::num_rows);
    let fields = schema.fields().iter().enumerate();
    fields
        .map(|(place, field)| match field.data_type() {
            DataType::Utf8 => {
                let text = before.map(|batch| batch.column(place).get_buffer_memory_size());
                Column::Text(StringBuilder::with_capacity(rows, text.unwrap_or(0)))
            }
            DataType::List(_) => Column::Texts(ListBuilder::new(StringBuilder::new())),
            DataType::Boolean => Column::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Int64 => Column::Int(Int64Builder::with_capacity(rows)),
            DataType::Date32 => Column::Day(Date32Builder::with_capacity(rows)),
            DataType::Decimal128(..) => Column::Decimal(
                Decimal128Builder::with_capacity(rows).with_data_type(field.data_type().clone()),
            ),
            DataType::Timestamp(..) => Column::Moment(
                TimestampMicrosecondBuilder::with_capacity(rows)
                    .with_data_type(field.data_type().clone()),
            ),
            _ => Column::Real(Float64Builder::with_capacity(rows)),
        })
        .collect()
}

impl Column {
    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Texts(column) => Arc::new(column.finish()),
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Int(column) => Arc::new(column.finish()),
            Self::Real(column) => Arc::new(column.finish()),
            Self::Decimal(column) => Arc::new(column.finish()),
            Self::Day(column) => Arc::new(column.finish()),
            Self::Moment(column) => Arc::new(column.finish()),
        }
    }

    fn add_null(&mut self) {
        match self {
            Self::Text(column) => column.append_null(),
            Self::Texts(column) => column.append_null(),
            Self::Bool(column) => column.append_null(),
            Self::Int(column) => column.append_null(),
            Self::Real(column) => column.append_null(),
            Self::Decimal(column) => column.append_null(),
            Self::Day(column) => column.append_null(),
            Self::Moment(column) => column.append_null(),
        }
    }

    /// Adds what a cell of a kind of one column means; its bytes of text. What no such kind can hold
    /// is no value, as it is on a page.
    #[inline]
    fn add(&mut self, cell: CellRef<'_>) -> Result<usize> {
        match (self, cell) {
            (Self::Text(column), CellRef::Text(text)) => {
                column.append_value(text);
                return Ok(text.len());
            }
            (Self::Text(column), CellRef::Blob(bytes)) => {
                let mut text = [0; Hyphenated::LENGTH];
                let id = <[u8; 16]>::try_from(bytes).ok().map(Uuid::from_bytes);
                column.append_option(id.map(|id| &*id.hyphenated().encode_lower(&mut text)));
                return Ok(Hyphenated::LENGTH);
            }
            (Self::Texts(column), CellRef::Text(json)) => {
                match serde_json::from_str::<Vec<String>>(json) {
                    Ok(options) => {
                        options.iter().for_each(|option| column.values().append_value(option));
                        column.append(true);
                    }
                    Err(_) => column.append_null(),
                }
                return Ok(json.len());
            }
            (Self::Bool(column), CellRef::Integer(value)) => column.append_value(value != 0),
            (Self::Int(column), CellRef::Integer(number)) => column.append_value(number),
            (Self::Real(_), CellRef::Real(number)) if !number.is_finite() => {
                return Err(too_large());
            }
            (Self::Real(column), CellRef::Real(number)) => column.append_value(number),
            (Self::Decimal(column), CellRef::Integer(scaled)) => column.append_value(scaled.into()),
            (Self::Day(column), CellRef::Integer(days)) => {
                let day = i32::try_from(days).ok().and_then(|days| Date::from_days(days).ok());
                column.append_option(day.map(|day| day.days()));
            }
            (Self::Moment(column), CellRef::Integer(micros)) => {
                let moment = Timestamp::from_micros(micros).ok();
                column.append_option(moment.map(|moment| moment.micros()));
            }
            (column, _) => column.add_null(),
        }
        Ok(0)
    }
}

/// Adds a value as it is stored; how many columns that filled, and with how many bytes of text.
fn stored(
    kind: Kind,
    row: &impl CellRow,
    place: usize,
    columns: &mut [Column],
    currencies: &mut Currencies,
) -> Result<(usize, usize)> {
    match kind {
        Kind::Money => money(row, place, columns, currencies),
        Kind::Address | Kind::File => {
            let (width, mut bytes) = (parts(kind).len(), 0);
            for (part, column) in columns[..width].iter_mut().enumerate() {
                bytes += column.add(row.cell(place + part)?)?;
            }
            Ok((width, bytes))
        }
        _ => Ok((1, columns[0].add(row.cell(place)?)?)),
    }
}

fn money(
    row: &impl CellRow,
    place: usize,
    columns: &mut [Column],
    currencies: &mut Currencies,
) -> Result<(usize, usize)> {
    let known = match (row.cell(place)?, row.cell(place + 1)?) {
        (CellRef::Integer(amount), CellRef::Text(code)) => {
            currencies.places(code).map(|places| (amount, places, code))
        }
        _ => None,
    };
    let [Column::Decimal(amounts), Column::Text(codes), ..] = columns else {
        return Err(Error::new(ErrorKind::Internal, "money takes two columns of a table"));
    };
    let Some((amount, places, code)) = known else {
        amounts.append_null();
        codes.append_null();
        return Ok((2, 0));
    };
    let unit = 10_i128.pow(u32::from(MONEY_SCALE.saturating_sub(places)));
    amounts.append_value(i128::from(amount) * unit);
    codes.append_value(code);
    Ok((2, code.len()))
}

/// Adds a number in the units in which its kind is stored.
fn scaled(
    kind: Kind,
    scale: Option<u8>,
    row: &impl CellRow,
    place: usize,
    columns: &mut [Column],
    currencies: &mut Currencies,
) -> Result<(usize, usize)> {
    let places = match kind {
        Kind::Decimal => scale.unwrap_or(2),
        Kind::Money => match row.cell(place + 1)? {
            CellRef::Text(code) => currencies.places(code).unwrap_or(0),
            _ => 0,
        },
        _ => 0,
    };
    let cell = match row.cell(place)? {
        CellRef::Real(number) => CellRef::Real(number / 10_f64.powi(places.into())),
        _ => CellRef::Null,
    };
    columns[0].add(cell)?;
    Ok((1, 0))
}

#[expect(clippy::cast_precision_loss, reason = "fewer records than 2^53")]
fn share(row: &impl CellRow, place: usize, columns: &mut [Column]) -> Result<(usize, usize)> {
    let number = |place| match row.cell(place) {
        Ok(CellRef::Integer(number)) => number,
        _ => 0,
    };
    let (numerator, denominator) = (number(place), number(place + 1));
    let share = match denominator {
        0 => CellRef::Null,
        all => CellRef::Real(numerator as f64 / all as f64),
    };
    columns[0].add(share)?;
    columns[1].add(CellRef::Integer(numerator))?;
    columns[2].add(CellRef::Integer(denominator))?;
    Ok((3, 0))
}

/// How many decimal places currencies have, of which rows mostly have the same.
#[derive(Default)]
struct Currencies {
    last: String,
    places: u8,
}

impl Currencies {
    fn places(&mut self, code: &str) -> Option<u8> {
        if self.last != code {
            self.places = normal::currency::currency(code).ok()?.1;
            code.clone_into(&mut self.last);
        }
        Some(self.places)
    }
}
