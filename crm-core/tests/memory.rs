//! Long works take no more memory for a larger table: what they add to what the process has is far
//! less than what they read.
//!
//! The kernel keeps the most that a process ever had and forgets it on demand, so that each work is
//! measured by itself. This is a process of its own, with one test, because others would be counted too.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]
#![allow(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use crm_core::{
    ActivityColumns, ActivityPreset, AssociationColumns, AssociationPreset, AuditRecords,
    ColumnMapping, Crm, Durability, ExportCsv, ExportVcard, Flow, ImportCsv, ImportMode,
    ImportSource, ImportVcard, OpenOptions, PlanImport, SourceFormat, VerifyJournal,
};

/// Rows, and the bytes of one of their cells: together more than any work may take.
const ROWS: u64 = 18_000;
const FILLING: usize = 5_000;
/// What any work on a stream may take.
const MOST_KIB: u64 = 64 * 1024;

/// A figure of this process, in KiB.
fn figure(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Does some work and says what it takes on top of what there is.
fn measured<T>(what: &str, work: impl FnOnce() -> T) -> T {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = figure("VmRSS:");
    let answer = work();
    let taken = figure("VmHWM:").saturating_sub(before);
    println!("{what}: {taken} KiB");
    assert!(taken < MOST_KIB, "{what} took {taken} KiB");
    answer
}

/// A table of people with an employer and a call each.
fn write_tables(csv: &Path, lines: &Path) {
    let (mut csv, mut lines) = (fs::File::create(csv).unwrap(), fs::File::create(lines).unwrap());
    let (mut csv, mut lines) = (BufWriter::new(&mut csv), BufWriter::new(&mut lines));
    let filling = "lorem ipsum ".repeat(FILLING / 12);
    writeln!(csv, "mail,name,notes,firm,called").unwrap();
    for row in 0..ROWS {
        let firm = row / 3;
        let called = format!("2025-01-{:02}T12:00:00Z", 1 + row % 28);
        writeln!(csv, "p{row}@example.org,Name {row},{filling},Firm {firm},{called}").unwrap();
        writeln!(
            lines,
            r#"{{"mail":"p{row}@example.org","name":"Other {row}","notes":"{filling}","firm":"Firm {firm}","called":"{called}"}}"#
        )
        .unwrap();
    }
    csv.flush().unwrap();
    lines.flush().unwrap();
}

fn open(path: &Path) -> Crm {
    let options = OpenOptions { durability: Durability::Relaxed, ..OpenOptions::default() };
    Crm::open_with(path, options).unwrap()
}

/// The same people out in order, and in from the file that was written.
#[cfg(feature = "arrow")]
fn arrow(crm: &Crm, path: &Path) {
    use crm_core::{FieldOrder, ReadTable, RecordsTable};

    let watch = &mut |_| Flow::Continue;
    let fields = ["email", "family_name", "description"];
    let table = RecordsTable {
        fields: fields.map(str::to_owned).into(),
        order: vec![FieldOrder::descending("family_name")],
        ..RecordsTable::new("contact")
    };
    let request = ReadTable { batch_rows: 1_000, ..ReadTable::new(table) };
    let rows = measured("writing Arrow in order", || {
        crm.spool_table(path, crm.read_table(&request).unwrap(), watch).unwrap()
    });
    assert_eq!(rows, ROWS);
    let columns = fields.map(|name| ColumnMapping::new(name, name));
    let mut request = PlanImport::from_path("contact", path.to_string_lossy(), columns);
    request.source.format = SourceFormat::Arrow;
    (request.mode, request.key) = (ImportMode::Upsert, vec!["email".into()]);
    let plan = measured("planning Arrow", || crm.imports().plan(&request, watch).unwrap());
    assert_eq!(plan.unchanged, ROWS);
    let run = measured("applying Arrow", || crm.imports().apply(&plan, watch).unwrap());
    assert_eq!(run.import.unchanged, ROWS);
}

#[test]
fn the_memory_of_long_works_does_not_grow_with_their_tables() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_string_lossy().into_owned();
    write_tables(&at("people.csv"), &at("people.jsonl"));
    let read = fs::metadata(at("people.csv")).unwrap().len() / 1024;
    assert!(read > MOST_KIB + MOST_KIB / 4, "the table is too small to tell: {read} KiB");

    let crm = open(&at("acme.crm"));
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    let columns = [("mail", "email"), ("name", "family_name"), ("notes", "description")]
        .map(|(column, attribute)| ColumnMapping::new(column, attribute));
    let watch = &mut |_| Flow::Continue;
    let request = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["email".into()],
        associations: vec![AssociationColumns {
            create_missing: true,
            ..AssociationColumns::new("employed_by", "firm", "company", "name")
        }],
        activities: vec![ActivityColumns::new("call", [ColumnMapping::new("called", "at")])],
        ..PlanImport::from_path("contact", text("people.csv"), columns.clone())
    };
    let plan = measured("planning CSV", || crm.imports().plan(&request, watch).unwrap());
    assert_eq!((plan.create, plan.associations, plan.activities), (ROWS, ROWS, ROWS));
    assert_eq!(plan.others, ROWS / 3);
    let run = measured("applying CSV", || crm.imports().apply(&plan, watch).unwrap());
    assert_eq!((run.import.created, run.import.associations), (ROWS, ROWS));

    let source = ImportSource {
        format: SourceFormat::JsonLines,
        path: Some(text("people.jsonl")),
        ..ImportSource::default()
    };
    let lines = PlanImport { source, ..request };
    let plan = measured("planning JSON lines", || crm.imports().plan(&lines, watch).unwrap());
    assert_eq!((plan.update, plan.associations, plan.activities), (ROWS, 0, 0));
    let run = measured("applying JSON lines", || crm.imports().apply(&plan, watch).unwrap());
    let report = measured("taking back", || crm.imports().revert(run.import.id, watch).unwrap());
    assert_eq!((report.restored, report.left_count), (ROWS, 0));

    let audit = AuditRecords::new("contact");
    let audit = measured("an audit", || crm.audit_records(&audit, watch).unwrap());
    assert_eq!(audit.records, ROWS);

    let request = VerifyJournal::default();
    let chain = || crm.journal().verify(&request, watch).unwrap();
    let chain = measured("following the chain", chain);
    assert!(chain.is_ok && chain.whole > ROWS);

    let path = Some(text("out.csv"));
    let export = ExportCsv { path, personal: true, ..ExportCsv::new("contact") };
    let export = measured("exporting CSV", || crm.export_csv(&export, watch).unwrap());
    assert_eq!(export.rows, ROWS);
    let cards = ExportVcard { path: Some(text("out.vcf")), ..ExportVcard::new("contact") };
    let cards = measured("exporting cards", || crm.export_vcard(&cards, watch).unwrap());
    assert_eq!(cards.rows, ROWS);
    #[cfg(feature = "arrow")]
    arrow(&crm, &at("people.arrows"));
    crm.close().unwrap();

    let other = open(&at("other.crm"));
    let import = ImportVcard::from_path("contact", text("out.vcf"));
    let import = measured("importing cards", || other.import_vcard(&import, watch).unwrap());
    assert_eq!(import.created, ROWS);
    other.close().unwrap();
    let third = open(&at("third.crm"));
    let import = ImportCsv::from_path("contact", text("people.csv"), columns);
    let import = measured("importing CSV", || third.import_csv(&import, watch).unwrap());
    assert_eq!(import.created, ROWS);
}
