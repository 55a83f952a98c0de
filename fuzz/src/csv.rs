//! CSV tables: every row is accounted for, and what was imported is exported and imported again
//! without a problem.

use std::fs;

use crm_core::{
    Attribute, ColumnMapping, Crm, CsvDialect, DefineType, ExportCsv, Flow, ImportCsv,
    ImportReport, Kind, ProposeMapping, Result,
};

use super::refused;

/// A table of three dialects at once, as a file, because text is always UTF-8.
pub fn import(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("in.csv");
    fs::write(&path, data).expect("a file can be written");
    let path = path.to_str().expect("a temporary folder has a plain name");
    for (delimiter, encoding) in
        [(",", None), (";", Some("windows-1252")), ("\t", Some("utf-16le"))]
    {
        let dialect = CsvDialect {
            delimiter: delimiter.into(),
            encoding: encoding.map(str::to_owned),
            ..CsvDialect::default()
        };
        if let Err(error) = import_as(path, dialect) {
            refused(&error);
        }
    }
}

fn import_as(path: &str, dialect: CsvDialect) -> Result<()> {
    let crm = shop()?;
    let columns = propose(&crm, Some(path), None, &dialect)?;
    let request = ImportCsv { dialect, ..ImportCsv::from_path("product", path, columns) };
    let report = run(&crm, &request)?;
    let kept = crm.records("product").count()?;
    assert_eq!(kept, report.created, "what is created is there");

    let exported = crm.export_csv(&ExportCsv::new("product"), &mut |_| Flow::Continue)?;
    let text = exported.text.expect("without a path there is a text");
    let other = shop()?;
    let columns = propose(&other, None, Some(text.clone()), &CsvDialect::default())?;
    let again = run(&other, &ImportCsv::from_text("product", text, columns))?;
    assert_eq!((again.created, again.rejected), (kept, 0), "what is exported is imported");
    let values = |crm: &Crm| -> Result<Vec<_>> {
        crm.records("product").iter().map(|record| record.map(|record| record.values)).collect()
    };
    assert!(values(&crm)? == values(&other)?, "what is imported again is the same");
    Ok(())
}

fn run(crm: &Crm, request: &ImportCsv) -> Result<ImportReport> {
    let report = crm.import_csv(request, &mut |_| Flow::Continue)?;
    let accounted = report.created + report.updated + report.unchanged + report.rejected;
    assert_eq!(accounted, report.rows, "every row is accounted for");
    let counted: u64 = report.problem_counts.iter().map(|problem| problem.count).sum();
    assert!(counted >= report.problems.len() as u64, "every problem is counted");
    Ok(report)
}

/// The columns that resemble an attribute; where none does, the first is taken for the name.
fn propose(
    crm: &Crm,
    path: Option<&str>,
    text: Option<String>,
    dialect: &CsvDialect,
) -> Result<Vec<ColumnMapping>> {
    let request = ProposeMapping {
        entity_type: "product".into(),
        path: path.map(str::to_owned),
        text,
        dialect: dialect.clone(),
    };
    let mut proposal = crm.propose_mapping(&request)?;
    if proposal.columns.is_empty() {
        let first = proposal.unmapped.drain(..).take(1);
        proposal.columns.extend(first.map(|column| ColumnMapping::new(column, "name")));
    }
    Ok(proposal.columns)
}

fn shop() -> Result<Crm> {
    let crm = Crm::in_memory()?;
    let product = [
        Attribute::new("name", Kind::Text),
        Attribute::new("note", Kind::LongText),
        Attribute::new("tags", Kind::Choices).options(["new", "a;b", " odd "]),
        Attribute::new("price", Kind::Money),
        Attribute::new("weight", Kind::Decimal),
        Attribute::new("stock", Kind::Integer),
        Attribute::new("share", Kind::Real),
        Attribute::new("launched", Kind::Date),
        Attribute::new("seen", Kind::Timestamp),
        Attribute::new("maker", Kind::Email),
        Attribute::new("home", Kind::Address),
    ];
    crm.types().define(DefineType::new("product", product))?;
    Ok(crm)
}
