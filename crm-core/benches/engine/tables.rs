//! All records as Arrow batches, beside a scan that fills the same arrays by hand.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder},
};
use crm_core::{Crm, ReadTable, RecordsTable};
use rusqlite::Connection;

use super::{Budget, Line, in_turn, rows};

/// Rows in one batch of either side.
const ROWS: usize = 16_384;

pub(crate) fn run(crm: &Crm, raw: &Connection, count: usize, report: &mut dyn FnMut(Line)) {
    let fields = rows::COLUMNS.iter().map(|column| (*column).to_owned()).collect();
    let table = RecordsTable { fields, ..RecordsTable::new("customer") };
    let request = ReadTable { batch_rows: 16_384, ..ReadTable::new(table) };
    let (ours, raw_time) = in_turn(
        || {
            let mut read = 0;
            for batch in crm.read_table(&request).unwrap() {
                let batch = batch.unwrap();
                assert_eq!(batch.num_columns(), 13);
                read += batch.num_rows();
            }
            assert_eq!(read, count);
        },
        || assert_eq!(scan(raw), count),
    );
    let budget = Budget::Ratio(2.0);
    let name = "all records as Arrow batches".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });
}

#[derive(Default)]
struct Columns {
    texts: [StringBuilder; 8],
    birthday: Date32Builder,
    employees: Int64Builder,
    revenue: Decimal128Builder,
    currency: StringBuilder,
    newsletter: BooleanBuilder,
}

/// One statement over the whole table, as somebody would write it who has no other wish.
fn scan(raw: &Connection) -> usize {
    let mut statement = raw
        .prepare_cached(
            "SELECT given_name, family_name, email, phone, job_title, country, locale, source, \
             birthday, employees, revenue, revenue_currency, newsletter FROM customer \
             WHERE archived_at IS NULL",
        )
        .unwrap();
    let mut found = statement.query([]).unwrap();
    let (mut columns, mut pending, mut read) = (Columns::default(), 0, 0);
    while let Some(row) = found.next().unwrap() {
        for (place, column) in columns.texts.iter_mut().enumerate() {
            column.append_option(row.get_ref(place).unwrap().as_str_or_null().unwrap());
        }
        columns.birthday.append_option(row.get::<_, Option<i32>>(8).unwrap());
        columns.employees.append_option(row.get::<_, Option<i64>>(9).unwrap());
        let cents = row.get::<_, Option<i64>>(10).unwrap();
        columns.revenue.append_option(cents.map(|cents| i128::from(cents) * 100));
        columns.currency.append_option(row.get_ref(11).unwrap().as_str_or_null().unwrap());
        columns.newsletter.append_option(row.get::<_, Option<bool>>(12).unwrap());
        pending += 1;
        if pending == ROWS {
            read += batch(&mut columns);
            pending = 0;
        }
    }
    read + batch(&mut columns)
}

fn batch(columns: &mut Columns) -> usize {
    let texts = columns.texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
    let others: [ArrayRef; 5] = [
        Arc::new(columns.birthday.finish()),
        Arc::new(columns.employees.finish()),
        Arc::new(columns.revenue.finish()),
        Arc::new(columns.currency.finish()),
        Arc::new(columns.newsletter.finish()),
    ];
    let all: Vec<(String, ArrayRef)> =
        texts.chain(others).enumerate().map(|(place, array)| (place.to_string(), array)).collect();
    RecordBatch::try_from_iter(all).unwrap().num_rows()
}
