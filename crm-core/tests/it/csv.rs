//! CSV tables in and out.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use crm_core::{
    Archived, Attribute, BadCells, ColumnMapping, Crm, CsvDialect, CsvProfile, DefineType, Error,
    ErrorKind, ExportCsv, Flow, ImportCsv, ImportMode, ImportReport, Kind, ListRecords, Progress,
    ProposeMapping, RunSql, Value, values,
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

#[test]
fn each_kind_of_cell_is_read_as_its_column_says() {
    let crm = shop();
    let text = "Name;Farbe;Tags;Preis;Währung;Gewicht;Lager;Seit;Weg;Ort;Land\n\
                Tisch;red;new|eco;1.234,50;eur;2,5;1.000;31.01.2026;YES;Ulm;de\n\
                Bett;;;;EUR;;;;;;\n";
    let german = |column: &str, attribute: &str| ColumnMapping {
        decimal_separator: Some(",".into()),
        group_separator: Some(".".into()),
        ..map(column, attribute)
    };
    let columns = [
        map("Name", "name"),
        map("Farbe", "colour"),
        ColumnMapping { list_separator: Some("|".into()), ..map("Tags", "tags") },
        german("Preis", "price"),
        map("Währung", "price.currency"),
        german("Gewicht", "weight"),
        german("Lager", "stock"),
        ColumnMapping { format: Some("%d.%m.%Y".into()), ..map("Seit", "launched") },
        map("Weg", "sold_out"),
        map("Ort", "home.city"),
        map("Land", "home.country"),
    ];
    let mut request = ImportCsv::from_text("product", text, columns);
    request.dialect.delimiter = ";".into();
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.created, report.problems), (2, vec![]));
    let table = crm.records("product").get_by("name", "Tisch").unwrap();
    let json = serde_json::to_value(&table.values).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "name": "Tisch", "colour": "red", "tags": ["eco", "new"], "stars": 3,
            "price": {"amount": "1234.50", "currency": "EUR"}, "weight": "2.50", "stock": 1000,
            "launched": "2026-01-31", "sold_out": true, "home": {"city": "Ulm", "country": "DE"},
        })
    );
    let bed = crm.records("product").get_by("name", "Bett").unwrap();
    assert_eq!(bed.values, values! { "name" => "Bett", "stars" => 3 });
}

#[test]
fn every_bad_cell_is_reported_without_its_content() {
    let crm = shop();
    let text = "name,colour,stock,launched,price,price.currency,maker\n\
                a,SECRET,1,2026-01-31,1.00,EUR,\n\
                b,red,SECRET,SECRET,1.00,EUR,\n\
                c,red,1,2026-02-30,1.001,EUR,SECRET\n\
                d,redd,6,,1,XQQ,\n\
                e,,,,12,,\n\
                f,red,,,,,\n";
    let columns = ["name", "colour", "stock", "launched", "price", "price.currency", "maker"];
    let expected = [
        (1, Some("colour"), "unknown_option"),
        (2, Some("stock"), "invalid_value"),
        (2, Some("launched"), "invalid_value"),
        (3, Some("launched"), "invalid_value"),
        (3, Some("price"), "invalid_value"),
        (3, Some("maker"), "invalid_value"),
        (4, Some("colour"), "unknown_option"),
        (4, Some("price.currency"), "invalid_value"),
        (5, Some("price.currency"), "required"),
    ];
    for (bad_cells, rejects, created) in
        [(BadCells::RejectRow, true, 1), (BadCells::LeaveEmpty, false, 6)]
    {
        let crm_here = shop();
        let request = ImportCsv { bad_cells, ..products(text, &columns) };
        let report = import(&crm_here, &request).unwrap();
        let expected: Vec<_> = expected.iter().map(|(r, c, k)| (*r, *c, *k, rejects)).collect();
        assert_eq!(shapes(&report), expected);
        assert_eq!((report.created, report.rejected), (created, 6 - created));
        assert_eq!(count(&crm_here, "product"), created);
        let shown = format!("{:?} {:?}", report.problems, report.problem_counts);
        assert!(!shown.contains("SECRET") && !shown.contains("XQQ"), "{shown}");
        let near = report.problems.iter().find(|p| p.row == 4).unwrap();
        assert_eq!(near.hint.as_deref(), Some("did you mean \"red\"?"));
        assert_eq!(report.problem_counts.iter().map(|count| count.count).sum::<u64>(), 9);
    }
    assert_eq!(count(&crm, "product"), 0);
}

#[test]
fn what_is_wrong_with_a_row_names_the_column_where_there_is_one() {
    let crm = shop();
    let text = "Title,maker\nTable,a@example.org\nTable,b@example.org\n,c@example.org\nBed\nBed,a@example.org\n";
    let columns = [map("Title", "name"), map("maker", "maker")];
    let request = ImportCsv {
        bad_cells: BadCells::LeaveEmpty,
        ..ImportCsv::from_text("product", text, columns)
    };
    let report = import(&crm, &request).unwrap();
    assert_eq!(
        shapes(&report),
        [
            (2, Some("Title"), "duplicate", true),
            (3, Some("Title"), "required", true),
            (4, None, "invalid_value", true),
            (5, Some("maker"), "duplicate", true),
        ]
    );
    assert_eq!((report.rows, report.created, report.rejected), (5, 1, 4));
}

#[test]
fn modes_find_records_by_their_key() {
    let crm = shop();
    import(&crm, &products("name,stock,colour\na,1,red\nb,2,\n", &["name", "stock", "colour"]))
        .unwrap();
    let text = "name,stock,colour\na,5,\nb,2,\nc,7,green\n,1,\na,x,\n";
    let request = |mode| ImportCsv {
        mode,
        key: Some("name".into()),
        ..products(text, &["name", "stock", "colour"])
    };
    let report = import(&crm, &request(ImportMode::Update)).unwrap();
    assert_eq!((report.updated, report.unchanged, report.rejected), (1, 1, 3));
    assert_eq!(
        shapes(&report),
        [
            (3, Some("name"), "not_found", true),
            (4, Some("name"), "required", true),
            (5, Some("stock"), "invalid_value", true)
        ]
    );
    let a = crm.records("product").get_by("name", "a").unwrap();
    assert_eq!((a.get("stock"), a.get("colour")), (&5.into(), &"red".into()));
    assert_eq!(a.version, 2);

    let report = import(&crm, &request(ImportMode::Upsert)).unwrap();
    assert_eq!((report.created, report.unchanged, report.rejected), (1, 2, 2));
    crm.records("product").archive(a.id, None).unwrap();
    let report = import(&crm, &request(ImportMode::Upsert)).unwrap();
    assert_eq!(report.problems[0].kind, "archived");
    assert_eq!(report.problems[0].row, 1);
}

#[test]
fn an_address_of_a_row_replaces_the_stored_one_and_blank_cells_do_not() {
    let crm = shop();
    let columns = ["name", "home.street", "home.city"];
    import(&crm, &products("name,home.street,home.city\na,Elm 1,Ulm\nb,Oak 2,Bonn\n", &columns))
        .unwrap();
    let text = "name,home.street,home.city\na,,Kiel\nb,,\n";
    let request = ImportCsv {
        mode: ImportMode::Update,
        key: Some("name".into()),
        ..products(text, &columns)
    };
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.updated, report.unchanged), (1, 1));
    let home = |name: &str| {
        let record = crm.records("product").get_by("name", name).unwrap();
        serde_json::to_value(record.get("home")).unwrap()
    };
    assert_eq!(home("a"), serde_json::json!({"city": "Kiel"}));
    assert_eq!(home("b"), serde_json::json!({"street": "Oak 2", "city": "Bonn"}));
}

#[test]
fn references_are_found_by_id_or_by_a_unique_attribute() {
    let crm = shop();
    let table = crm.records("product").create(values! { "name" => "GTX Pro" }).unwrap();
    crm.contacts().create(values! { "email" => "ann@example.org" }).unwrap();
    let text = format!("p,b\n{},\nnonsense,\n01890a5d-ac96-774b-bcce-b302099a8057,\n,\n", table.id);
    let request = ImportCsv::from_text("order", text, [map("p", "product"), map("b", "buyer")]);
    let report = import(&crm, &request).unwrap();
    let kinds = [(2, Some("p"), "invalid_value", true), (3, Some("p"), "not_found", true)];
    assert_eq!(shapes(&report), kinds);
    assert_eq!((report.rows, report.created), (3, 1));

    let text = "p,b\nGTX Pro,ann@EXAMPLE.org\nGTXPro,ann@example.com\nGTXPro,no address\n";
    let columns = [lookup("p", "product", "name"), lookup("b", "buyer", "email")];
    let request = ImportCsv {
        bad_cells: BadCells::LeaveEmpty,
        ..ImportCsv::from_text("order", text, columns)
    };
    let report = import(&crm, &request).unwrap();
    assert_eq!(report.created, 3);
    let near = &report.problem_counts[0];
    assert_eq!(
        (near.column.as_deref(), near.kind.as_str(), near.count),
        (Some("p"), "not_found", 2)
    );
    assert_eq!(near.hint.as_deref(), Some("did you mean \"GTX Pro\"?"));
    // Whose address is near is nobody's business.
    let personal = report.problems.iter().find(|p| p.column.as_deref() == Some("b")).unwrap();
    assert_eq!(personal.kind, "not_found");
    assert!(!personal.hint.as_deref().unwrap().contains("ann"));
}

#[test]
fn a_table_may_refer_to_its_own_rows() {
    let crm = Crm::in_memory().unwrap();
    let node = [
        Attribute::new("name", Kind::Text).unique(),
        Attribute::new("parent", Kind::Reference).target("node"),
    ];
    crm.types().define(DefineType::new("node", node)).unwrap();
    let columns = [map("name", "name"), lookup("parent", "parent", "name")];
    let text = "name,parent\nb,a\na,\nb,a\nc,b\n";
    let report = import(&crm, &ImportCsv::from_text("node", text, columns)).unwrap();
    assert_eq!(report.created, 3);
    assert_eq!(shapes(&report), [(1, Some("parent"), "not_found", true)]);
}

#[test]
fn the_request_is_checked_before_the_first_row() {
    let crm = shop();
    let text = "name,stock,launched,twice,twice\na,1,2026-01-31,,\n";
    let with = |columns: Vec<ColumnMapping>| ImportCsv::from_text("product", text, columns);
    let fails = |request: &ImportCsv, kind: ErrorKind, field: Option<&str>| {
        let error = import(&crm, request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, field), "{error}");
        error.hint().unwrap_or_default().to_owned()
    };
    use ErrorKind as K;
    let hint = fails(&with(vec![map("nmae", "name")]), K::InvalidArgument, Some("nmae"));
    assert_eq!(hint, "did you mean \"name\"?");
    fails(&with(vec![map("twice", "name")]), K::InvalidArgument, Some("twice"));
    fails(&with(vec![]), K::InvalidArgument, Some("columns"));
    let hint = fails(&with(vec![map("name", "nam")]), K::UnknownAttribute, Some("nam"));
    assert_eq!(hint, "did you mean \"name\"?");
    let both = vec![map("name", "name"), map("stock", "name")];
    fails(&with(both), K::InvalidArgument, Some("name"));
    fails(&with(vec![map("stock", "price")]), K::InvalidArgument, Some("price.currency"));
    fails(&with(vec![map("name", "home")]), K::InvalidArgument, Some("home"));
    let format = ColumnMapping { format: Some("%d.%m".into()), ..map("launched", "launched") };
    fails(&with(vec![format]), K::InvalidArgument, Some("launched"));
    fails(&with(vec![lookup("name", "name", "x")]), K::InvalidArgument, Some("name"));

    let good = || with(vec![map("name", "name"), map("stock", "stock")]);
    let update = |key: Option<&str>| ImportCsv {
        mode: ImportMode::Update,
        key: key.map(str::to_owned),
        ..good()
    };
    fails(&update(None), K::InvalidArgument, Some("key"));
    fails(&update(Some("stock")), K::InvalidArgument, Some("stock"));
    fails(&update(Some("maker")), K::InvalidArgument, Some("key"));
    fails(&ImportCsv { key: Some("name".into()), ..good() }, K::InvalidArgument, Some("key"));
    fails(&ImportCsv { entity_type: "prod".into(), ..good() }, K::UnknownType, Some("type"));
    fails(&ImportCsv { path: Some("x.csv".into()), ..good() }, K::InvalidArgument, Some("path"));
    fails(&ImportCsv { text: None, ..good() }, K::InvalidArgument, Some("path"));
    let missing = ImportCsv::from_path("product", "/no/such/table.csv", good().columns);
    fails(&missing, K::InvalidArgument, Some("path"));
    fails(&ImportCsv::from_path("product", "/", good().columns), K::InvalidArgument, Some("path"));
    let declared = CsvDialect { encoding: Some("latin1".into()), ..CsvDialect::default() };
    fails(&ImportCsv { dialect: declared, ..good() }, K::InvalidArgument, Some("encoding"));
    let dialect = CsvDialect { delimiter: "ab".into(), ..CsvDialect::default() };
    fails(&ImportCsv { dialect, ..good() }, K::InvalidArgument, Some("delimiter"));
    let long = "name\n".repeat(4 << 20);
    fails(&products(&long, &["name"]), K::LimitExceeded, Some("text"));
    let wide = vec!["c"; 513].join(",");
    fails(&products(&wide, &["c"]), K::LimitExceeded, None);
    fails(&products("", &["name"]), K::InvalidArgument, None);
    assert_eq!(count(&crm, "product"), 0);
}

#[test]
fn encodings_are_declared_and_never_guessed() {
    let crm = shop();
    let folder = tempfile::tempdir().unwrap();
    let request = |bytes: &[u8], encoding: Option<&str>| {
        let path = folder.path().join("table.csv");
        std::fs::write(&path, bytes).unwrap();
        let columns = [map("größe", "name")];
        let mut request = ImportCsv::from_path("product", path.to_string_lossy(), columns);
        request.dialect.encoding = encoding.map(str::to_owned);
        request
    };
    let latin = b"gr\xF6\xDFe\nT\xFCr\n";
    let utf16: Vec<u8> = "größe\nTor\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(import(&crm, &request(latin, Some("windows-1252"))).unwrap().created, 1);
    assert_eq!(import(&crm, &request(&utf16, Some("utf-16le"))).unwrap().created, 1);
    let marked = [b"\xFF\xFE".to_vec(), utf16.clone()].concat();
    let report = import(&crm, &request(&marked, None)).unwrap();
    assert_eq!(report.problem_counts[0].kind, "duplicate");
    crm.records("product").get_by("name", "Tür").unwrap();
    crm.records("product").get_by("name", "Tor").unwrap();

    for bytes in [&latin[..], &utf16] {
        let error = import(&crm, &request(bytes, None)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("encoding")));
    }
    let mixed = "größe\nBett\n".as_bytes().iter().chain(b"T\xFCr2\nx\0y\n").copied();
    let report = import(&crm, &request(&mixed.collect::<Vec<_>>(), None)).unwrap();
    assert_eq!(report.created, 1);
    let expected =
        [(2, Some("größe"), "invalid_value", true), (3, Some("größe"), "invalid_value", true)];
    assert_eq!(shapes(&report), expected);
    assert!(report.problems[0].hint.as_deref().unwrap().contains("windows-1252"));
    assert!(report.problems[1].message.contains("NUL"));
}

#[test]
fn all_or_nothing_leaves_no_trace() {
    let crm = shop();
    let before = crm.stats().unwrap().changes;
    let text = "name,stock\na,1\nb,x\nc,3\nd,y\n";
    let request = ImportCsv { all_or_nothing: true, ..products(text, &["name", "stock"]) };
    let report = import(&crm, &request).unwrap();
    assert!(!report.is_committed && !report.is_cancelled);
    assert_eq!((report.rows, report.created, report.rejected), (4, 0, 2));
    assert_eq!(report.problems.len(), 2);
    assert_eq!((count(&crm, "product"), crm.stats().unwrap().changes), (0, before));

    let request = ImportCsv { bad_cells: BadCells::LeaveEmpty, ..request };
    let report = import(&crm, &request).unwrap();
    assert!(report.is_committed);
    assert_eq!((report.created, report.problems.len()), (4, 2));
    assert_eq!(count(&crm, "product"), 4);
}

fn many(rows: usize) -> String {
    (0..rows).fold("name\n".to_owned(), |text, row| text + &format!("product {row}\n"))
}

#[test]
fn a_cancelled_import_keeps_what_was_committed_unless_it_is_all_or_nothing() {
    let text = many(12_000);
    for (all_or_nothing, kept) in [(false, 5_000), (true, 0)] {
        let crm = shop();
        let request = ImportCsv { all_or_nothing, ..products(&text, &["name"]) };
        let mut heard: Vec<Progress> = Vec::new();
        let report = crm
            .import_csv(&request, &mut |progress| {
                heard.push(progress);
                Flow::Cancel
            })
            .unwrap();
        assert!(report.is_cancelled);
        assert_eq!((report.rows, report.created, heard.len()), (5_000, kept, 1));
        assert_eq!(heard[0].total, Some(text.len() as u64));
        assert_eq!((count(&crm, "product"), report.is_committed), (kept, kept > 0));
        // A panic in the callback is the callback's, and says stop.
        let request = ImportCsv { mode: ImportMode::Upsert, key: Some("name".into()), ..request };
        let report = crm.import_csv(&request, &mut |_| panic!("on purpose")).unwrap();
        assert!(report.is_cancelled);
        let report = import(&crm, &request).unwrap();
        assert_eq!((report.rows, count(&crm, "product")), (12_000, 12_000));
    }
}

#[test]
fn progress_counts_bytes_up_to_all_of_them() {
    for all_or_nothing in [false, true] {
        let crm = shop();
        let text = many(6_000);
        let request = ImportCsv { all_or_nothing, ..products(&text, &["name"]) };
        let mut heard = Vec::new();
        crm.import_csv(&request, &mut |progress| {
            heard.push(progress.done);
            Flow::Continue
        })
        .unwrap();
        assert!(heard.len() >= 2 && heard.is_sorted());
        assert_eq!(heard.last(), Some(&(text.len() as u64)));
    }
}

#[test]
fn a_callback_can_neither_write_nor_wait_for_itself() {
    for all_or_nothing in [false, true] {
        let crm = shop();
        let request = ImportCsv { all_or_nothing, ..products("name\na\n", &["name"]) };
        let heard = RefCell::new(Vec::new());
        let report = crm
            .import_csv(&request, &mut |_| {
                let write = crm.companies().create(values! { "name" => "Acme" });
                let nested = crm.import_csv(&request, &mut |_| Flow::Continue);
                heard.borrow_mut().push(write.unwrap_err().kind());
                heard.borrow_mut().push(nested.unwrap_err().kind());
                let read = crm.records("product").count();
                assert_eq!(read.map_err(|error| error.kind()).ok(), (!all_or_nothing).then_some(1));
                Flow::Continue
            })
            .unwrap();
        assert_eq!(report.created, 1);
        assert_eq!(heard.into_inner(), [ErrorKind::Reentrant; 2]);
    }
}

#[test]
fn an_interrupt_between_two_steps_ends_the_work() {
    let crm = shop();
    let other = crm.clone();
    let ring = &mut |_| {
        other.interrupt();
        Flow::Continue
    };
    let text = many(12_000);
    for (all_or_nothing, kept) in [(true, 0), (false, 5_000)] {
        let request = ImportCsv { all_or_nothing, ..products(&text, &["name"]) };
        let error = crm.import_csv(&request, ring).unwrap_err();
        assert_eq!((error.kind(), count(&crm, "product")), (ErrorKind::Interrupted, kept));
    }
    let error = crm.export_csv(&ExportCsv::new("product"), ring).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(export(&crm, &ExportCsv::new("product")).unwrap().lines().count(), 5_001);
}

#[test]
fn a_schema_that_changes_between_two_transactions_is_followed() {
    let crm = shop();
    let text = many(7_000).replace('\n', ",1\n").replacen("name,1", "name,stock", 1);
    let request = products(&text, &["name", "stock"]);
    let (ask, asked) = std::sync::mpsc::channel();
    let (answer, answered) = std::sync::mpsc::channel();
    let report = std::thread::scope(|scope| {
        let other = crm.clone();
        scope.spawn(move || {
            if asked.recv().is_ok() {
                let limited = Attribute {
                    minimum: Some(Value::Integer(1)),
                    ..Attribute::new("stock", Kind::Integer)
                };
                let added =
                    Attribute { default: Some("x".into()), ..Attribute::new("note", Kind::Text) };
                other.types().define(DefineType::new("product", [limited, added])).unwrap();
                answer.send(()).unwrap();
            }
        });
        let mut is_first = true;
        crm.import_csv(&request, &mut |_| {
            if std::mem::take(&mut is_first) {
                ask.send(()).unwrap();
                answered.recv().unwrap();
            }
            Flow::Continue
        })
        .unwrap()
    });
    assert_eq!(report.created, 7_000);
    let noted = crm.sql(&RunSql::new("SELECT count(*) FROM product WHERE note = 'x'")).unwrap();
    assert_eq!(noted.rows[0].0, [Value::Integer(2_000)]);
}

#[test]
fn a_mapping_is_proposed_by_names_labels_and_common_words() {
    let crm = Crm::in_memory().unwrap();
    let request = ProposeMapping {
        entity_type: "contact".into(),
        path: None,
        text: Some("sep=;\nE-Mail;Last name;firstName;ZIP;Shoe size\n".into()),
        dialect: CsvDialect::default(),
    };
    let proposal = crm.propose_mapping(&request).unwrap();
    let expected = [
        map("E-Mail", "email"),
        map("Last name", "family_name"),
        map("firstName", "given_name"),
        map("ZIP", "address.postal_code"),
    ];
    assert_eq!(proposal.columns, expected);
    assert_eq!(proposal.unmapped, ["Shoe size"]);
}

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

fn data(file: &str) -> PathBuf {
    let folder = "../examples/data/crm_sales_opportunities";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file)
}

fn pipeline() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let sectors = [
        "employment",
        "entertainment",
        "finance",
        "marketing",
        "medical",
        "retail",
        "services",
        "software",
        "technology",
        "telecommunications",
    ];
    let types = [
        DefineType::new(
            "product",
            [
                Attribute::new("name", Kind::Text).required().unique(),
                Attribute::new("series", Kind::Text),
                Attribute::new("price", Kind::Money).currency("USD"),
            ],
        ),
        DefineType::new(
            "agent",
            [
                Attribute::new("name", Kind::Text).required().unique().personal(),
                Attribute::new("manager", Kind::Text).personal(),
                Attribute::new("region", Kind::Choice).options(["Central", "East", "West"]),
            ],
        ),
        DefineType::new(
            "account",
            [
                Attribute::new("name", Kind::Text).required().unique(),
                Attribute::new("sector", Kind::Choice).options(sectors),
                Attribute::new("founded", Kind::Integer),
                Attribute::new("revenue_millions", Kind::Decimal),
                Attribute::new("employees", Kind::Integer),
                Attribute::new("parent", Kind::Reference).target("account"),
            ],
        ),
        DefineType::new(
            "opportunity",
            [
                Attribute::new("code", Kind::Text).required().unique(),
                Attribute::new("agent", Kind::Reference).target("agent"),
                Attribute::new("product", Kind::Reference).target("product"),
                Attribute::new("account", Kind::Reference).target("account").indexed(),
                Attribute::new("stage", Kind::Choice).options([
                    "Prospecting",
                    "Engaging",
                    "Won",
                    "Lost",
                ]),
                Attribute::new("engaged_on", Kind::Date),
                Attribute::new("closed_on", Kind::Date),
                Attribute::new("value", Kind::Money).currency("USD"),
            ],
        ),
    ];
    for definition in types {
        crm.types().define(definition).unwrap();
    }
    crm
}

/// The problems of a report: column, kind, hint and how often.
fn findings(report: &ImportReport) -> Vec<(&str, &str, &str, u64)> {
    let counts = report.problem_counts.iter();
    let shown = counts.map(|found| {
        let [column, hint] = [&found.column, &found.hint].map(|it| it.as_deref().unwrap_or(""));
        (column, found.kind.as_str(), hint, found.count)
    });
    shown.collect()
}

/// The figures that everybody finds in this pipeline.
fn assert_figures(crm: &Crm) {
    let sql = "SELECT count(*), sum(stage = 'Won'), sum(stage = 'Lost'), \
               sum(value) FILTER (WHERE stage = 'Won') / 100, \
               round(avg(closed_on - engaged_on) FILTER (WHERE stage = 'Won'), 2), \
               sum(account IS NULL), sum(engaged_on IS NULL), sum(product IS NULL) FROM opportunity";
    let figures = crm.sql(&RunSql::new(sql)).unwrap().rows[0].0.clone();
    let whole = |number: i64| Value::Integer(number);
    let expected = [8_800, 4_238, 2_473, 10_005_534].map(whole).into_iter();
    let expected = expected.chain([Value::Real(51.78)]).chain([1_425, 500, 1_480].map(whole));
    assert_eq!(figures, expected.collect::<Vec<_>>());
}

#[test]
fn a_real_pipeline_is_imported_and_its_dirt_is_found() {
    let crm = pipeline();
    let run = |entity_type: &str, file: &str, columns: Vec<ColumnMapping>, key: Option<&str>| {
        let request = ImportCsv::from_path(entity_type, data(file).to_string_lossy(), columns);
        let request = ImportCsv {
            bad_cells: BadCells::LeaveEmpty,
            mode: if key.is_some() { ImportMode::Update } else { ImportMode::Create },
            key: key.map(str::to_owned),
            ..request
        };
        import(&crm, &request).unwrap()
    };
    let product =
        vec![map("product", "name"), map("series", "series"), map("sales_price", "price")];
    let report = run("product", "products.csv", product, None);
    assert_eq!((report.created, report.problems.len()), (7, 0));
    let agent = vec![
        map("sales_agent", "name"),
        map("manager", "manager"),
        map("regional_office", "region"),
    ];
    let report = run("agent", "sales_teams.csv", agent, None);
    assert_eq!((report.created, report.problems.len()), (35, 0));
    let account = vec![
        map("account", "name"),
        map("sector", "sector"),
        map("year_established", "founded"),
        map("revenue", "revenue_millions"),
        map("employees", "employees"),
    ];
    let report = run("account", "accounts.csv", account, None);
    assert_eq!((report.created, report.rejected), (85, 0));
    let technolgy = ("sector", "unknown_option", "did you mean \"technology\"?", 12);
    assert_eq!(findings(&report), [technolgy]);
    let parents = vec![map("account", "name"), lookup("subsidiary_of", "parent", "name")];
    let report = run("account", "accounts.csv", parents, Some("name"));
    assert_eq!((report.updated, report.unchanged, report.problems.len()), (15, 70, 0));

    let opportunity = vec![
        map("opportunity_id", "code"),
        lookup("sales_agent", "agent", "name"),
        lookup("product", "product", "name"),
        lookup("account", "account", "name"),
        map("deal_stage", "stage"),
        map("engage_date", "engaged_on"),
        map("close_date", "closed_on"),
        map("close_value", "value"),
    ];
    let report = run("opportunity", "sales_pipeline.csv", opportunity, None);
    assert_eq!((report.created, report.rejected), (8_800, 0));
    let gtx_pro = ("product", "not_found", "did you mean \"GTX Pro\"?", 1_480);
    assert_eq!(findings(&report), [gtx_pro]);
    assert_eq!(report.problems.len(), 1_000);

    assert_figures(&crm);
    assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);

    let first = crm.list_records(&ListRecords::new("opportunity")).unwrap();
    assert_eq!(first.records[0].get("code").as_str(), Some("1C1I7A6R"));
}

mod round_trip {
    use crm_core::{AddFile, Address, FileRef, Money, RecordId, Timestamp, Values};
    use proptest::{collection::vec, option, prelude::*, sample::select, strategy::ValueTree as _};

    use super::*;

    const OPTIONS: [&str; 5] = ["red", " odd ", "a;b", "x|y", "no, yes"];

    /// A type of this name with an attribute of every kind.
    fn define(crm: &Crm, name: &str) {
        let attributes = Kind::ALL.iter().map(|kind| {
            let attribute = Attribute::new(kind.name(), *kind);
            match kind {
                Kind::Choice | Kind::Choices => attribute.options(OPTIONS),
                Kind::Reference => attribute.target("company"),
                Kind::Decimal => Attribute { scale: Some(3), ..attribute },
                _ => attribute,
            }
        });
        crm.types().define(DefineType::new(name, attributes)).unwrap();
    }

    fn text() -> impl Strategy<Value = String> {
        let awkward = "[ ,;\"'\r\n\t=+|\\\\ü🙂\u{FEFF}\u{A0}a]{1,6}";
        prop_oneof![awkward, "[^\0]{1,20}"]
    }

    fn address() -> impl Strategy<Value = Address> {
        let part = || option::of(text());
        (text(), part(), part(), part(), option::of(select(vec!["DE", "US"]))).prop_map(
            |(street, city, region, postal_code, country)| Address {
                street: Some(street),
                city,
                region,
                postal_code,
                country: country.map(str::to_owned),
            },
        )
    }

    fn value(kind: Kind, file: &FileRef, company: RecordId) -> BoxedStrategy<Value> {
        let one_of = |texts: &[&'static str]| select(texts.to_vec()).prop_map(Value::from).boxed();
        match kind {
            Kind::Text | Kind::LongText => text().prop_map(Value::from).boxed(),
            Kind::Choice => one_of(&OPTIONS),
            Kind::Choices => vec(select(OPTIONS.to_vec()), 1..4).prop_map(Value::from).boxed(),
            Kind::Checkbox => any::<bool>().prop_map(Value::from).boxed(),
            Kind::Integer => any::<i64>().prop_map(Value::from).boxed(),
            Kind::Decimal => any::<i32>().prop_map(Value::from).boxed(),
            Kind::Real => any::<f64>()
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(Value::from)
                .boxed(),
            Kind::Money => (any::<i64>(), select(vec!["EUR", "JPY", "KWD"]))
                .prop_map(|(minor, code)| {
                    Value::from(Money::from_minor_units(minor, code).unwrap())
                })
                .boxed(),
            Kind::Date => one_of(&["0001-01-01", "2024-02-29", "9999-12-31"]),
            Kind::Timestamp => (Timestamp::MIN.micros()..=Timestamp::MAX.micros())
                .prop_map(|micros| Value::from(Timestamp::from_micros(micros).unwrap()))
                .boxed(),
            Kind::Email => one_of(&["Ann.O'Neil+crm@EXAMPLE.org", "\"a b\"@example.org"]),
            Kind::Phone => one_of(&["+49 30 123456", "+12125550123"]),
            Kind::Url => one_of(&["https://example.org/a,b?c=\"d\"", "HTTP://EXAMPLE.org"]),
            Kind::Country => one_of(&["de", "US"]),
            Kind::Locale => one_of(&["de-at", "en"]),
            Kind::TimeZone => one_of(&["europe/berlin", "UTC"]),
            Kind::Address => address().prop_map(Value::from).boxed(),
            Kind::Rating => (0..=5i64).prop_map(Value::from).boxed(),
            Kind::File => Just(Value::from(file.clone())).boxed(),
            Kind::Reference => Just(Value::from(company)).boxed(),
        }
    }

    fn all_values(crm: &Crm, entity_type: &str) -> Vec<Values> {
        crm.records(entity_type).iter().map(|record| record.unwrap().values).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_exported_is_imported_as_it_was(
            (delimiter, quote) in select(vec![(",", "\""), (";", "'"), ("\t", "\""), ("|", "~")]),
            seed in any::<[u8; 32]>(),
        ) {
            let crm = Crm::in_memory().unwrap();
            define(&crm, "one");
            define(&crm, "other");
            let company = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
            let file = crm.files().add(&AddFile::new("a, b.pdf", "application/pdf", "content")).unwrap();
            // Attributes are many and a case has few rows: each is drawn by itself.
            let rng = proptest::test_runner::TestRng::from_seed(
                proptest::test_runner::RngAlgorithm::ChaCha, &seed);
            let mut runner = proptest::test_runner::TestRunner::new_with_rng(
                proptest::test_runner::Config::default(), rng);
            for _ in 0..5 {
                let mut values = Values::new();
                for kind in Kind::ALL {
                    let drawn = option::weighted(0.8, value(*kind, &file, company));
                    let drawn = drawn.new_tree(&mut runner).unwrap().current();
                    values.insert(kind.name(), drawn);
                }
                crm.records("one").create(values).unwrap();
            }
            let dialect = CsvDialect { delimiter: delimiter.into(), quote: quote.into(), encoding: None };
            let request = ExportCsv { dialect: dialect.clone(), ..ExportCsv::new("one") };
            let text = export(&crm, &request).unwrap();
            let proposal = crm.propose_mapping(&ProposeMapping {
                entity_type: "other".into(), path: None, text: Some(text.clone()), dialect: dialect.clone(),
            }).unwrap();
            prop_assert_eq!(proposal.unmapped, ["id"]);
            let request = ImportCsv { dialect, ..ImportCsv::from_text("other", text, proposal.columns) };
            let report = import(&crm, &request).unwrap();
            prop_assert_eq!(report.problems, vec![]);
            let (ours, theirs) = (all_values(&crm, "one"), all_values(&crm, "other"));
            // Not by the assertion's own words: a value's debug form does not show it.
            let json = |values: &[Values]| serde_json::to_string_pretty(values).unwrap();
            prop_assert!(ours == theirs, "{}\n{}", json(&ours), json(&theirs));
        }
    }
}
