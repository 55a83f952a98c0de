//! CSV tables in and out.

mod export;
mod import;
mod jobs;
mod pipeline;
mod round_trip;

use crm_core::{
    Attribute, ColumnMapping, Crm, DefineType, Error, ExportCsv, Flow, ImportCsv, ImportReport,
    Kind,
};

fn map(column: &str, attribute: &str) -> ColumnMapping {
    ColumnMapping::new(column, attribute)
}

fn lookup(column: &str, attribute: &str, key: &str) -> ColumnMapping {
    ColumnMapping { lookup: Some(key.into()), ..map(column, attribute) }
}

fn import(crm: &Crm, request: &ImportCsv) -> Result<ImportReport, Error> {
    let report = crm.import_csv(request, &mut |_| Flow::Continue)?;
    let accounted = report.created + report.updated + report.unchanged + report.rejected;
    assert!(!report.is_committed || accounted == report.rows, "{report:?}");
    Ok(report)
}

fn export(crm: &Crm, request: &ExportCsv) -> Result<String, Error> {
    let report = crm.export_csv(request, &mut |_| Flow::Continue)?;
    let text = report.text.unwrap_or_default();
    assert_eq!(report.bytes, text.len() as u64);
    Ok(text)
}

/// A shop: products with a unique name and some of every sort of value, and orders that refer to
/// them.
fn shop() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let product = [
        Attribute::new("name", Kind::Text).required().unique(),
        Attribute::new("colour", Kind::Choice).options(["red", "green"]),
        Attribute::new("tags", Kind::Choices).options(["new", "sale", "eco"]),
        Attribute::new("price", Kind::Money),
        Attribute::new("weight", Kind::Decimal),
        Attribute::new("stock", Kind::Integer),
        Attribute::new("launched", Kind::Date),
        Attribute::new("sold_out", Kind::Checkbox),
        Attribute::new("maker", Kind::Email).personal().unique(),
        Attribute::new("home", Kind::Address),
        Attribute { default: Some(3.into()), ..Attribute::new("stars", Kind::Rating) },
    ];
    crm.types().define(DefineType::new("product", product)).unwrap();
    let order = [
        Attribute::new("product", Kind::Reference).target("product"),
        Attribute::new("buyer", Kind::Reference).target("contact"),
        Attribute::new("count", Kind::Integer),
    ];
    crm.types().define(DefineType::new("order", order)).unwrap();
    crm
}

fn products(text: &str, columns: &[&str]) -> ImportCsv {
    ImportCsv::from_text("product", text, columns.iter().map(|name| map(name, name)))
}

fn count(crm: &Crm, entity_type: &str) -> u64 {
    crm.records(entity_type).count().unwrap()
}

fn shapes(report: &ImportReport) -> Vec<(u64, Option<&str>, &str, bool)> {
    let problems = report.problems.iter();
    problems.map(|p| (p.row, p.column.as_deref(), p.kind.as_str(), p.rejects_row)).collect()
}

fn many(rows: usize) -> String {
    (0..rows).fold("name\n".to_owned(), |text, row| text + &format!("product {row}\n"))
}
