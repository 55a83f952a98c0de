//! What is refused with personal data, and what is found wrong with it, is told without it.

use crm_core::{
    AddFile, ApplyChanges, Attribute, BackupTo, ColumnMapping, CreateRecord, Crm, DefineType, Flow,
    Kind, ListPlanRows, ListRecords, Money, PlanImport, RecordChange, RunSql, SourceFormat, Value,
    ops::Request, values,
};
use serde_json::json;

use super::{assert_hidden, assert_silent, planted, wrong};
use crate::support::{Folder, assert_sound, everything, read_only};

#[test]
fn every_refusal_of_a_value_is_silent_about_it() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(everything()).unwrap();
    let strict = [
        Attribute { length: Some(3), ..Attribute::new("short", Kind::Text) },
        Attribute { pattern: Some("[0-9]".into()), ..Attribute::new("coded", Kind::Text) },
        Attribute { maximum: Some(1.into()), ..Attribute::new("small", Kind::Integer) },
    ];
    strict.into_iter().for_each(|attribute| {
        crm.types().define_attribute("everything", attribute).unwrap();
    });
    let record = crm.records("everything").create(planted(&crm)).unwrap();
    let attributes = crm.types().get("everything").unwrap().attributes;
    let mut refused = 0;
    for attribute in &attributes {
        for value in wrong() {
            let name = attribute.name.as_str();
            let values = || values! { name => value.clone() };
            let records = crm.records("everything");
            let filter = ListRecords { filter: values(), ..ListRecords::new("everything") };
            let bounded = Attribute {
                name: "bounded".into(),
                minimum: Some(value.clone()),
                default: Some(value.clone()),
                unique: false,
                ..attribute.clone()
            };
            let results = [
                records.create(values()).map(drop),
                records.patch(record.id, values()).map(drop),
                records.upsert(name, values()).map(drop),
                records.get_by(name, value.clone()).map(drop),
                records.get_many(Some(name), [value.clone()]).map(drop),
                crm.list_records(&filter).map(drop),
                crm.types().define_attribute("deal", bounded).map(drop),
            ];
            for error in results.into_iter().filter_map(Result::err) {
                assert_silent(&error, name);
                refused += 1;
            }
            let change = CreateRecord { entity_type: "everything".into(), values: values() };
            let changes = vec![RecordChange::Create(change)];
            let report = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
            assert_hidden(&format!("{report:?}"), name);
        }
        // Tightening names records by id, and not by what they hold.
        let tight = Attribute { length: Some(1), pattern: Some("x".into()), ..attribute.clone() };
        if let Err(error) = crm.types().define_attribute("everything", tight) {
            assert_silent(&error, &attribute.name);
        }
    }
    assert!(refused > 1_000, "{refused}");
    let duplicate = values! { "code" => "Zanzibarine" };
    assert_silent(&crm.records("everything").create(duplicate).unwrap_err(), "a duplicate");
    let keys = [Value::from("Zanzibarine"), Value::from(8_675_309)];
    for key in keys {
        let error = crm.records("everything").get_many(None, [key]).unwrap_err();
        assert_silent(&error, "an id");
    }
    assert_sound(&crm);
}

/// Rows that do not fit, in every way and in both formats: what is said about them is said without
/// them.
#[test]
fn a_plan_repeats_nothing_of_a_row() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(everything()).unwrap();
    crm.records("everything").create(planted(&crm)).unwrap();
    let names = crm.types().get("everything").unwrap().attributes.into_iter();
    let of_parts = [Kind::File, Kind::Money, Kind::Address];
    let names = names.filter(|attribute| !of_parts.contains(&attribute.kind)).map(|one| one.name);
    let names = names.chain(["a_address.street".into(), "a_address.country".into()]);
    let columns: Vec<_> = names.map(|name| ColumnMapping::new(name.clone(), name)).collect();
    let wrong = [
        json!("Zanzibarine Quillfeather"),
        json!("zanzibarine\0"),
        json!("8675309,8675309.8675309"),
        json!("Zanzibarine".repeat(10_000)),
        json!(8_675_309),
        json!(8_675_309.123),
        json!(["Zanzibarine", 8_675_309]),
        json!([["Quillfeather"]]),
        json!(true),
        json!({ "Zanzibarine": { "Quillfeather": 8_675_309 } }),
    ];
    let mut lines = String::from("Zanzibarine\n[\"Quillfeather\"]\n{\"Zanzibarine\": 1\n");
    lines +=
        "{\"code\": \"Zanzibarine\", \"code\": \"Quillfeather\"}\n{\"code\": \"Zanzibarine\"}\n";
    let mut table = String::from("code,a_email,Zanzibarine\nZanzibarine,,\n");
    table += "x,Zanzibarine@@quillfeather,8675309\nshort\n\"Quillfeather\0\",,\n";
    for column in &columns {
        for value in &wrong {
            lines += &json!({ &column.column: value }).to_string();
            lines.push('\n');
        }
    }
    let csv = PlanImport::from_text(
        "everything",
        table,
        ["code", "a_email"].map(|name| ColumnMapping::new(name, name)),
    );
    let mut json_lines = PlanImport::from_text("everything", lines, columns);
    json_lines.source.format = SourceFormat::JsonLines;
    let mut said = 0;
    for request in [csv, json_lines] {
        let plan = crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
        assert_hidden(&format!("{plan:?} {plan:#?}"), "a plan");
        let rows = ListPlanRows { limit: 10_000, ..ListPlanRows::new(plan.clone()) };
        let rows = crm.imports().plan_rows(&rows, &mut |_| Flow::Continue).unwrap();
        assert_hidden(&format!("{rows:?}"), "rows of a plan");
        let run = crm.imports().apply(&plan, &mut |_| Flow::Continue).unwrap();
        assert_hidden(&format!("{run:?}"), "an import");
        let problems = plan.problems.iter().chain(&run.problems);
        for problem in problems {
            let hint = problem.hint.as_deref().unwrap_or_default();
            assert_hidden(&format!("{} {hint}", problem.message), "a problem");
            said += 1;
        }
    }
    assert!(said > 200, "{said}");
}

#[test]
fn malformed_requests_are_refused_in_silence() {
    for (operation, json) in [
        ("records.create", r#"{"type": "contact", "values": "Zanzibarine"}"#),
        ("records.create", r#"{"type": "contact", "values": {"email": ["Zanzibarine", 8675309]}}"#),
        ("records.create", r#"{"type": "contact", "values": {"email": {"city": 8675309}}}"#),
        (
            "records.create",
            r#"{"type": "contact", "values": {"email": {"amount": "8675309", "city": "Zanzibarine"}}}"#,
        ),
        ("records.create", r#"{"type": "contact", "values": {"email": "Zanzibarine"#),
        ("records.get", r#"{"type": "contact", "id": "Zanzibarine expected 8675309"}"#),
        ("records.get", r#"{"type": 8675309, "id": "x"}"#),
        ("records.list", r#"{"type": "contact", "limit": "Zanzibarine"}"#),
        ("records.list", r#"{"type": "contact", "limit": -8675309}"#),
        ("records.list", r#"{"type": "contact", "archived": "Zanzibarine"}"#),
        ("records.list", r#"{"type": "contact", "after": 8675309}"#),
        ("records.apply", r#"{"changes": [{"Zanzibarine": 1}]}"#),
        ("files.add", r#"{"name": "a", "media_type": "a/b", "content": "Zanzibarine!"}"#),
        ("types.define", r#"{"name": "x", "attributes": [{"name": "a", "kind": "Zanzibarine"}]}"#),
        ("types.define_preset", r#"{"preset": "Zanzibarine"}"#),
        ("associations.add", r#"{"type": "employed_by", "role": 8675309}"#),
        ("associations.related", r#"{"direction": "Zanzibarine"}"#),
        ("records.get", r#""Zanzibarine""#),
        ("records.get", "Zanzibarine"),
        ("records.get", r#"{"type": "contact"} Zanzibarine"#),
    ] {
        let error = Request::from_json(operation, json.as_bytes()).unwrap_err();
        assert_silent(&error, json);
    }
}

#[test]
fn sql_paths_and_names_are_refused_in_silence() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.contacts().create(values! { "family_name" => "Zanzibarine" }).unwrap();
    for sql in [
        "SELECT 'Zanzibarine",
        "SELECT 'Zanzibarine' 'Quillfeather' 8675309",
        "SELECT \"Zanzibarine Quillfeather\"",
        "SELECT * FROM contact WHERE family_name = \"Zanzibarine Q\"",
        "SELECT json('Zanzibarine')",
        "SELECT json_extract('{}', 'Zanzibarine') FROM contact",
        "SELECT abs('Zanzibarine'), abs(-9223372036854775808)",
        "SELECT load_extension('Zanzibarine')",
        "ATTACH 'Zanzibarine' AS x",
        "UPDATE contact SET family_name = 'Zanzibarine'",
        "SELECT 'Zanzibarine' LIKE 'x' ESCAPE 'Zanzibarine'",
    ] {
        let error = crm.sql(&RunSql::new(sql)).err();
        error.iter().for_each(|error| assert_silent(error, sql));
    }
    let parameters = vec![Value::Money(Money::new("8675309", "EUR")), "Zanzibarine".into()];
    for parameters in [parameters, vec!["Zanzibarine".into(); 3]] {
        let request = RunSql { parameters, ..RunSql::new("SELECT ?1") };
        assert_silent(&crm.sql(&request).unwrap_err(), "parameters");
    }
    for (name, media_type) in
        [("Zanzibarine/x", "a/b"), ("x", "Zanzibarine"), ("Zanzibarine\0", "a/b")]
    {
        let error = crm.files().add(&AddFile::new(name, media_type, "8675309")).unwrap_err();
        assert_silent(&error, name);
    }
    assert_silent(&crm.files().read("Zanzibarine", 0, 1).unwrap_err(), "a hash");
    for path in ["Zanzibarine/x.crm", "a.crm"] {
        let path = folder.at(path).to_str().unwrap().to_owned();
        let error = crm.backup_to(&BackupTo { path }, &mut |_| Flow::Continue);
        assert_silent(&error.unwrap_err(), "a backup");
    }
    let long = format!("Zanzibarine {}", "8675309".repeat(100));
    for (actor, cause) in
        [("Zanzibarine\n", None), (long.as_str(), None), ("a", Some("Zanzibarine\t"))]
    {
        assert_silent(&crm.acting_as(actor, cause).unwrap_err(), "an actor");
    }
    let text = ListRecords { after: Some("Zanzibarine".into()), ..ListRecords::new("contact") };
    assert_silent(&crm.list_records(&text).unwrap_err(), "a cursor");
    let foreign = folder.at("Zanzibarine.txt");
    std::fs::write(&foreign, "Quillfeather").unwrap();
    let missing = folder.at("Quillfeather").join("Zanzibarine.crm");
    for error in [
        Crm::open(&foreign).unwrap_err(),
        Crm::open(missing).unwrap_err(),
        Crm::open_with(folder.at("Zanzibarine.crm"), read_only()).unwrap_err(),
    ] {
        assert_silent(&error, "a path");
    }
}

#[test]
fn the_journal_gives_no_reason_that_nobody_gave() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(everything()).unwrap();
    crm.records("everything").create(planted(&crm)).unwrap();
    crm.types().define(DefineType::new("more", [])).unwrap();
    let rows = crm.sql(&RunSql::new("SELECT DISTINCT cause FROM crm_journal")).unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].0[0].is_null());
    let actors = crm.sql(&RunSql::new("SELECT name FROM crm_actor ORDER BY name")).unwrap().rows;
    let names: Vec<_> = actors.iter().map(|row| row.0[0].as_str().unwrap()).collect();
    assert_eq!(names, ["engine", "host"]);
}

/// A damaged file holds personal data too.
#[test]
fn the_findings_of_a_verification_name_no_one() {
    let folder = Folder::new();
    let crm = folder.open();
    for number in 0..20 {
        let values = values! {
            "family_name" => "Zanzibarine", "description" => format!("Quillfeather {number}"),
        };
        crm.contacts().create(values).unwrap();
    }
    crm.close().unwrap();
    let mut bytes = std::fs::read(folder.path()).unwrap();
    let needle = b"Quillfeather";
    let places: Vec<_> =
        (0..bytes.len() - needle.len()).filter(|&at| bytes[at..].starts_with(needle)).collect();
    // In the tables and in the journal alike.
    places.iter().step_by(3).for_each(|&at| bytes[at] = b'q');
    std::fs::write(folder.path(), bytes).unwrap();
    let crm = folder.open();
    let report = crm.verify(&mut |_| Flow::Continue).unwrap();
    assert!(!report.is_ok && !report.problems.is_empty());
    assert_hidden(&report.problems.join("\n"), "a finding");
}
