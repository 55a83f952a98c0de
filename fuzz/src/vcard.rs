//! Address cards: every card is accounted for, and what was imported is exported in each version and
//! imported again without losing a record.

use std::fs;

use crm_core::{
    Attribute, CardVersion, Crm, DefineType, ExportVcard, Flow, ImportReport, ImportVcard, Kind,
    Result,
};

use super::refused;

/// Cards as a file, because text is always UTF-8; with and without an encoding that is declared.
pub fn import(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("in.vcf");
    fs::write(&path, data).expect("a file can be written");
    let path = path.to_str().expect("a temporary folder has a plain name");
    for encoding in [None, Some("windows-1252")] {
        if let Err(error) = import_as(path, encoding) {
            refused(&error);
        }
    }
}

fn import_as(path: &str, encoding: Option<&str>) -> Result<()> {
    let crm = book()?;
    let encoding = encoding.map(str::to_owned);
    let request = ImportVcard { encoding, ..ImportVcard::from_path("person", path) };
    let report = run(&crm, &request)?;
    let kept = crm.records("person").count()?;
    assert_eq!(kept, report.created, "what is created is there");
    for version in [CardVersion::V2, CardVersion::V3, CardVersion::V4] {
        let request = ExportVcard { version, ..ExportVcard::new("person") };
        let exported = crm.export_vcard(&request, &mut |_| Flow::Continue)?;
        let text = exported.text.expect("without a path there is a text");
        let other = book()?;
        let again = run(&other, &ImportVcard::from_text("person", text))?;
        assert_eq!((again.created, again.rejected), (kept, 0), "what is exported is imported");
    }
    Ok(())
}

fn run(crm: &Crm, request: &ImportVcard) -> Result<ImportReport> {
    let report = crm.import_vcard(request, &mut |_| Flow::Continue)?;
    let accounted = report.created + report.updated + report.unchanged + report.rejected;
    assert_eq!(accounted, report.rows, "every card is accounted for");
    let counted: u64 = report.problem_counts.iter().map(|problem| problem.count).sum();
    assert!(counted >= report.problems.len() as u64, "every problem is counted");
    Ok(report)
}

fn book() -> Result<Crm> {
    let crm = Crm::in_memory()?;
    let person = [
        Attribute::new("given_name", Kind::Text),
        Attribute::new("family_name", Kind::Text),
        Attribute::new("email", Kind::Email),
        Attribute::new("phone", Kind::Phone),
        Attribute::new("address", Kind::Address),
        Attribute::new("birthday", Kind::Date),
        Attribute::new("website", Kind::Url),
        Attribute::new("locale", Kind::Locale),
        Attribute::new("description", Kind::LongText),
        Attribute::new("photo", Kind::File),
        Attribute::new("vcard", Kind::LongText),
    ];
    crm.types().define(DefineType::new("person", person))?;
    Ok(crm)
}
