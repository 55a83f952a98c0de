//! Tables of other programs: results of queries as Arrow record batches, and such batches as records.

mod activities;
mod associations;
mod export;
mod import;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use crm_core::{AddFile, Crm, Error, ReadTable, RecordId, TableStream, Values, values};

use crate::support::{Seeded, everything};

/// All batches of a stream.
fn read(stream: TableStream) -> Vec<RecordBatch> {
    stream.collect::<Result<_, _>>().unwrap()
}

/// The error of a stream, as its consumer finds it.
fn error_of(stream: &mut TableStream) -> Error {
    match stream.next() {
        Some(Err(arrow_schema::ArrowError::ExternalError(source))) => {
            *source.downcast::<Error>().unwrap()
        }
        other => panic!("expected an error of the engine, found {other:?}"),
    }
}

fn table(crm: &Crm, request: impl Into<crm_core::TableQuery>, batch_rows: u32) -> TableStream {
    crm.read_table(&ReadTable { batch_rows, ..ReadTable::new(request) }).unwrap()
}

/// One batch as a stream.
fn stream(batch: RecordBatch) -> impl RecordBatchReader + Send {
    let schema = batch.schema();
    RecordBatchIterator::new([Ok(batch)], schema)
}

/// Defines the type with every kind, and gives it records of which some lack some values.
fn fill(crm: &Crm, count: usize) -> Vec<RecordId> {
    crm.types().define(everything()).unwrap();
    let company = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    let file = AddFile::new("contract.txt", "text/plain", b"a contract".to_vec());
    let file = crm.files().add(&file).unwrap();
    let mut seeded = Seeded::new(7);
    let rows = (0..count).map(|number| {
        let full = values! {
            "a_text" => format!("Zoë {number} 🙂"),
            "a_long_text" => "two\nlines",
            "a_choice" => "red",
            "a_choices" => vec!["blue", "red"],
            "a_checkbox" => number % 2 == 0,
            "a_integer" => i64::MIN + number as i64,
            "a_decimal" => "-0.05",
            "a_real" => 1.5e-7,
            "a_money" => crm_core::Money::new(["1.234", "-5", "0.99"][number % 3], ["KWD", "JPY", "EUR"][number % 3]),
            "a_date" => ["0001-01-01", "2024-02-29", "9999-12-31"][number % 3],
            "a_timestamp" => ["0001-01-01T00:00:00Z", "2026-07-31T10:00:00.000001Z"][number % 2],
            "a_email" => "ann@example.org",
            "a_phone" => "+493012345678",
            "a_url" => "https://example.org/",
            "a_country" => "DE",
            "a_locale" => "de-AT",
            "a_time_zone" => "Europe/Berlin",
            "a_address" => crm_core::Address { city: Some("Ulm".into()), country: Some("DE".into()), ..Default::default() },
            "a_rating" => (number % 6) as i64,
            "a_file" => file.clone(),
            "a_reference" => company.id,
            "code" => format!("code {number}"),
            "whole" => "9223372036854775807",
            "fine" => "-1234567.123456789012",
            "price" => "12.50",
            "tags" => vec!["x"],
        };
        // The first has everything, and each value is missing somewhere.
        let mut kept = |name: &str| name == "code" || number == 0 || seeded.below(4) > 0;
        full.into_iter().filter(|(name, _)| kept(name)).collect::<Values>()
    });
    rows.collect::<Vec<_>>()
        .into_iter()
        .map(|values| crm.records("everything").create(values).unwrap().id)
        .collect()
}
