//! Address cards in and out.

mod cards;
mod jobs;
mod round_trip;

use crm_core::{
    Attribute, Crm, DefineType, Error, ExportVcard, Flow, ImportReport, ImportVcard, Kind,
    ListRecords, Record,
};

fn import(crm: &Crm, request: &ImportVcard) -> Result<ImportReport, Error> {
    let report = crm.import_vcard(request, &mut |_| Flow::Continue)?;
    let accounted = report.created + report.updated + report.unchanged + report.rejected;
    assert!(!report.is_committed || accounted == report.rows, "{report:?}");
    Ok(report)
}

fn export(crm: &Crm, request: &ExportVcard) -> Result<String, Error> {
    let report = crm.export_vcard(request, &mut |_| Flow::Continue)?;
    let text = report.text.unwrap_or_default();
    assert_eq!(report.bytes, text.len() as u64);
    Ok(text)
}

/// The ready-made types, with a photo for contacts and a place for what cards say beside.
fn book() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let contact =
        [Attribute::new("photo", Kind::File), Attribute::new("vcard", Kind::LongText).personal()];
    crm.types().define(DefineType::new("contact", contact)).unwrap();
    let company = [Attribute::new("vcard", Kind::LongText)];
    crm.types().define(DefineType::new("company", company)).unwrap();
    crm
}

/// All records of a type, in the order of creation.
fn records(crm: &Crm, entity_type: &str) -> Vec<Record> {
    crm.list_records(&ListRecords::new(entity_type)).unwrap().records
}

/// What the record has in an attribute, as text.
fn text(record: &Record, attribute: &str) -> String {
    record.get(attribute).as_str().unwrap_or_default().to_owned()
}

/// Where an invented card lies.
fn data(name: &str) -> String {
    format!("{}/tests/data/vcard/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn card(body: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{body}\r\nEND:VCARD\r\n")
}
