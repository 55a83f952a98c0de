//! An import of cards as a long operation: transactions, progress, cancelling; hostile cards.

use crm_core::{Crm, ErrorKind, ExportVcard, Flow, ImportVcard, limits, values};

use super::{book, card, import, records, text};
use crate::support::Folder;

fn many(count: usize) -> String {
    (0..count).map(|number| card(&format!("N:N{number};;;;"))).collect()
}

#[test]
fn a_cancelled_import_keeps_what_was_committed_unless_it_is_all_or_nothing() {
    for (all_or_nothing, kept) in [(false, 500), (true, 0)] {
        let crm = book();
        let cards = many(1_200);
        let request = ImportVcard { all_or_nothing, ..ImportVcard::from_text("contact", &cards) };
        let mut heard = Vec::new();
        let report = crm
            .import_vcard(&request, &mut |progress| {
                heard.push(progress);
                Flow::Cancel
            })
            .unwrap();
        assert!(report.is_cancelled);
        assert_eq!((report.rows, report.created, heard.len()), (500, kept, 1));
        assert_eq!(heard[0].total, Some(cards.len() as u64));
        assert_eq!(crm.contacts().count().unwrap(), kept);
    }
}

#[test]
fn one_rejected_card_undoes_all_or_nothing() {
    let crm = book();
    let text = [card("N:A"), card("")].concat();
    let request = ImportVcard { all_or_nothing: true, ..ImportVcard::from_text("contact", text) };
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.rows, report.rejected, report.is_committed), (2, 1, false));
    assert_eq!(crm.contacts().count().unwrap(), 0);
}

#[test]
fn a_file_is_written_whole_and_only_where_nothing_is() {
    let (crm, folder) = (book(), Folder::new());
    for number in 0..2_500 {
        crm.contacts().create(values! { "family_name" => format!("N{number}") }).unwrap();
    }
    let path = folder.at("book.vcf").to_str().unwrap().to_owned();
    let request = ExportVcard { path: Some(path.clone()), ..ExportVcard::new("contact") };
    let mut heard = Vec::new();
    let report = crm
        .export_vcard(&request, &mut |progress| {
            heard.push(progress.done);
            Flow::Continue
        })
        .unwrap();
    assert_eq!((report.rows, heard.last()), (2_500, Some(&2_500)));
    assert_eq!(report.bytes, std::fs::metadata(&path).unwrap().len());
    let error = crm.export_vcard(&request, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("path")));
    let other = folder.at("other.vcf").to_str().unwrap().to_owned();
    let request = ExportVcard { path: Some(other.clone()), ..request };
    let error = crm.export_vcard(&request, &mut |_| Flow::Cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(!std::path::Path::new(&other).exists());
    let other = book();
    assert_eq!(import(&other, &ImportVcard::from_path("contact", path)).unwrap().created, 2_500);
}

#[test]
fn hostile_cards_are_refused_by_themselves() {
    let crm = book();
    let long = "x".repeat(limits::TEXT_BYTES + 1);
    let properties = "X-A:\r\n".repeat(limits::CARD_PROPERTIES + 1);
    let nested =
        format!("AGENT:\r\n{}{}", "BEGIN:VCARD\r\n".repeat(5_000), "END:VCARD\r\n".repeat(5_000));
    let huge = format!("N:Huge\r\nX-HUGE:{}\r\nX-OTHER:1", "y".repeat(limits::LONG_TEXT_BYTES));
    let params = format!("X-P{}:1", ";A=\"".repeat(3_000));
    let cards = [
        card(&format!("N:{long}\r\nTITLE:short")),
        card(&properties),
        card(&nested),
        card(&huge),
        card(&params),
        card("N:;;;;\r\nFN:\r\nEMAIL:\r\nBDAY:99999999\r\nPHOTO;ENCODING=b:!!!"),
        card("N:Last"),
    ];
    let report = import(&crm, &ImportVcard::from_text("contact", cards.concat())).unwrap();
    let kinds: Vec<_> = report.problems.iter().map(|p| (p.row, p.kind.as_str())).collect();
    for expected in
        [(1, "out_of_range"), (2, "limit_exceeded"), (4, "limit_exceeded"), (6, "invalid_value")]
    {
        assert!(kinds.contains(&expected), "{kinds:?}");
    }
    let kept = records(&crm, "contact");
    assert_eq!((report.rows, text(kept.last().unwrap(), "family_name")), (7, "Last".into()));
    let huge = kept.iter().find(|record| text(record, "family_name") == "Huge").unwrap();
    assert_eq!(text(huge, "vcard"), "X-OTHER:1");
}

#[test]
fn a_request_without_source_or_place_is_refused() {
    let crm = book();
    let neither = ImportVcard { text: None, ..ImportVcard::from_text("contact", "") };
    assert_eq!(import(&crm, &neither).unwrap_err().field(), Some("path"));
    let none = ImportVcard::from_path("contact", "nowhere.vcf");
    assert_eq!(import(&crm, &none).unwrap_err().field(), Some("path"));
    let told =
        ImportVcard { encoding: Some("utf-8".into()), ..ImportVcard::from_text("contact", "") };
    assert_eq!(import(&crm, &told).unwrap_err().field(), Some("encoding"));
    let bare = Crm::in_memory().unwrap();
    bare.types().define(crm_core::DefineType::new("thing", [])).unwrap();
    let error = import(&bare, &ImportVcard::from_text("thing", "")).unwrap_err();
    assert_eq!(error.field(), Some("mapping"));
    let error = import(&bare, &ImportVcard::from_text("nothing", "")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownType);
    assert_eq!(import(&crm, &ImportVcard::from_text("contact", "")).unwrap().rows, 0);
}
