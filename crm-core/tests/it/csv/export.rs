//! Tables out: to a text, to a file, for spreadsheets.

use crm_core::{
    Archived, Attribute, Crm, CsvProfile, DefineType, ErrorKind, ExportCsv, Flow, Kind, Value,
    values,
};

use super::{export, import, many, products, shop};
use crate::support::define_care;

#[test]
fn an_export_names_its_columns_and_takes_what_was_asked_for() {
    let crm = shop();
    let products = crm.records("product");
    let price = Value::Money(crm_core::Money::new("-1.50", "EUR"));
    products
        .create(values! { "name" => "a, \"b\"\nc", "price" => price, "tags" => vec!["new", "eco"] })
        .unwrap();
    let gone = products.create(values! { "name" => "gone", "colour" => "red" }).unwrap();
    products.archive(gone.id, None).unwrap();
    let mut request = ExportCsv::new("product");
    request.attributes = vec!["name".into(), "price".into(), "tags".into(), "colour".into()];
    let all = "name,price,price.currency,tags,colour\n\"a, \"\"b\"\"\nc\",-1.50,EUR,eco;new,\n";
    assert_eq!(export(&crm, &request).unwrap(), all);
    request.archived = Archived::Include;
    assert_eq!(export(&crm, &request).unwrap(), format!("{all}gone,,,,red\n"));
    request.filter = values! { "colour" => "red" };
    request.dialect.delimiter = ";".into();
    request.attributes = vec!["id".into(), "name".into()];
    assert_eq!(export(&crm, &request).unwrap(), format!("id;name\n{};gone\n", gone.id));

    let fails = |request: &ExportCsv, kind, field| {
        let error = export(&crm, request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
    };
    request.attributes = vec!["nam".into()];
    fails(&request, ErrorKind::UnknownAttribute, "nam");
    request.attributes = vec!["name".into(), "name".into()];
    fails(&request, ErrorKind::InvalidArgument, "name");
    request.attributes.clear();
    request.dialect.encoding = Some("latin1".into());
    fails(&request, ErrorKind::InvalidArgument, "encoding");
    fails(&ExportCsv::new("prodct"), ErrorKind::UnknownType, "type");
}

#[test]
fn spreadsheets_get_no_formulas() {
    let crm = shop();
    let values = values! { "name" => "=cmd|'/c calc'!A0", "stock" => -5 };
    crm.records("product").create(values).unwrap();
    let mut request = ExportCsv::new("product");
    request.attributes = vec!["name".into(), "stock".into()];
    request.profile = CsvProfile::Spreadsheet;
    let text = export(&crm, &request).unwrap();
    assert_eq!(text, "\u{FEFF}name,stock\r\n'=cmd|'/c calc'!A0,-5\r\n");
    request.profile = CsvProfile::Machine;
    assert_eq!(export(&crm, &request).unwrap(), "name,stock\n=cmd|'/c calc'!A0,-5\n");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let crm = shop();
    import(&crm, &products(&many(2_500), &["name"])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let request = ExportCsv {
        path: Some(path.to_string_lossy().into_owned()),
        attributes: vec!["name".into()],
        ..ExportCsv::new("product")
    };
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    for stop in [|| Flow::Cancel, || -> Flow { panic!("on purpose") }] {
        let error = crm.export_csv(&request, &mut |_| stop()).unwrap_err();
        assert_eq!((error.kind(), files()), (ErrorKind::Interrupted, 0));
    }
    let mut heard = Vec::new();
    let report = crm
        .export_csv(&request, &mut |progress| {
            heard.push((progress.done, progress.total));
            // Reading meanwhile is allowed.
            assert_eq!(crm.records("product").count().unwrap(), 2_500);
            Flow::Continue
        })
        .unwrap();
    // The first page and the last; the one between only if that took long.
    assert_eq!(heard.first(), Some(&(1_000, Some(2_500))));
    assert_eq!(heard.last(), Some(&(2_500, Some(2_500))));
    assert_eq!((report.rows, report.text, files()), (2_500, None, 1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), many(2_500));
    assert_eq!(report.bytes, many(2_500).len() as u64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let error = export(&crm, &request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), many(2_500));
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let crm = Crm::in_memory().unwrap();
    let long = "x".repeat(1 << 20);
    for _ in 0..17 {
        crm.companies()
            .create(values! { "name" => "Acme", "description" => long.clone() })
            .unwrap();
    }
    let error = export(&crm, &ExportCsv::new("company")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("path")));
}

/// A patient: what is said of one is hidden in three degrees.
fn surgery() -> Crm {
    let crm = Crm::in_memory().unwrap();
    define_care(&crm);
    let attributes = [
        Attribute::new("ward", Kind::Text),
        Attribute::new("mail", Kind::Email).personal(),
        Attribute::new("illness", Kind::Text).special("care"),
        Attribute::new("old", Kind::Text).special("care"),
    ];
    crm.types().define(DefineType::new("patient", attributes)).unwrap();
    crm.types().archive_attribute("patient", "old").unwrap();
    let values = values! { "ward" => "B", "mail" => "ann@example.org", "illness" => "flu" };
    crm.records("patient").create(values).unwrap();
    crm
}

#[test]
fn what_is_personal_is_written_only_if_it_is_asked_for() {
    let crm = surgery();
    let header = |request: &ExportCsv| {
        let report = crm.export_csv(request, &mut |_| Flow::Continue).unwrap();
        let text = report.text.unwrap();
        (text.lines().next().unwrap().to_owned(), report.hidden, text.contains("flu"))
    };
    let hidden = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut request = ExportCsv::new("patient");
    assert_eq!(header(&request), ("id,ward".into(), hidden(&["mail", "illness"]), false));
    request.personal = true;
    assert_eq!(header(&request), ("id,ward,mail".into(), hidden(&["illness"]), false));
    request.attributes = hidden(&["illness", "mail"]);
    for personal in [false, true] {
        request.personal = personal;
        assert_eq!(header(&request), ("illness,mail".into(), hidden(&[]), true));
    }
}
