//! Tables in: cells, keys, references, encodings and the proposal of a mapping.

use crm_core::{
    Attribute, BadCells, ColumnMapping, Crm, CsvDialect, DefineType, ErrorKind, ImportCsv,
    ImportMode, Kind, ProposeMapping, values,
};

use super::{count, import, lookup, map, products, shapes, shop};

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
