//! What a plan says of each row.

use crm_core::{
    BadCells, ColumnMapping, ColumnRule, Crm, CsvDialect, ErrorKind, Flow, ImportMode,
    ImportSource, ListPlanRows, PlanImport, RowDecision as D, SourceFormat, Value, values,
};

use super::{decisions, map, people, plan, rows, rule, upsert};
use crate::support::journal_length;

#[test]
fn every_row_is_decided_upon_and_none_is_written() {
    let crm = people();
    let person = crm.records("person");
    let ann = person.create(values! { "code" => "a", "name" => "Ann", "n" => 1 }).unwrap();
    person.create(values! { "code" => "b", "name" => "Ben", "mail" => "ben@x.org" }).unwrap();
    let old = person.create(values! { "code" => "z", "name" => "Zoe" }).unwrap();
    person.archive(old.id, None).unwrap();
    let before = journal_length(&crm);
    let text = "code,name,n,mail\n\
                a,Anna,1,\n\
                b,Ben,,\n\
                c,Cid,3,\n\
                a,Ann,2,\n\
                z,Zoe,1,\n\
                d,Dan,many,\n\
                e,Eve,,ben@X.org\n\
                ,Fay,,\n";
    let request = upsert(text, &["code"], vec![map("code"), map("name"), map("n"), map("mail")]);
    let plan = plan(&crm, &request).unwrap();
    let counts = (plan.create, plan.update, plan.unchanged, plan.conflict, plan.error);
    assert_eq!(counts, (1, 1, 1, 3, 2));
    let rows = rows(&crm, &plan);
    let decided: Vec<_> = rows.iter().map(|row| row.decision).collect();
    let expected = [
        D::Update,
        D::Unchanged,
        D::Create,
        D::Conflict,
        D::Conflict,
        D::Error,
        D::Conflict,
        D::Error,
    ];
    assert_eq!(decided, expected);
    let change = &rows[0].changes[0];
    assert_eq!(rows[0].id, Some(ann.id));
    assert_eq!((rows[0].changes.len(), change.attribute.as_str()), (1, "name"));
    assert_eq!((&change.old, &change.new), (&Value::from("Ann"), &Value::from("Anna")));
    assert_eq!(rows[4].id, Some(old.id));
    let problems: Vec<_> = plan.problems.iter().map(|p| (p.row, p.kind.as_str())).collect();
    assert_eq!(
        problems,
        [
            (4, "duplicate"),
            (5, "archived"),
            (6, "invalid_value"),
            (7, "duplicate"),
            (8, "required")
        ]
    );
    assert_eq!(plan.problems[3].column.as_deref(), Some("mail"));
    assert_eq!(journal_length(&crm), before);
}

#[test]
fn a_key_may_be_several_attributes_and_may_name_several_records() {
    let crm = people();
    let person = crm.records("person");
    for (name, n) in [("Ann", 1), ("Ann", 2), ("Ben", 3), ("Ben", 3)] {
        person.create(values! { "name" => name, "n" => n }).unwrap();
    }
    let text = "name,n,notes\nAnn,1,x\nAnn,2,y\nAnn,3,z\nBen,3,w\nAnn,2,v\nAnn,,u\n";
    let columns = vec![map("name"), map("n"), map("notes")];
    let plan = plan(&crm, &upsert(text, &["name", "n"], columns.clone())).unwrap();
    let expected = [D::Update, D::Update, D::Create, D::Conflict, D::Conflict, D::Error];
    assert_eq!(decisions(&crm, &plan), expected);
    for (key, field) in [
        (vec!["n"], "n"),
        (vec!["notes"], "notes"),
        (vec!["name", "name"], "name"),
        (vec!["code"], "key"),
        (vec![], "key"),
    ] {
        let error = super::plan(&crm, &upsert(text, &key, columns.clone())).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
    }
}

#[test]
fn a_column_says_what_becomes_of_values_that_are_there() {
    let crm = people();
    let person = crm.records("person");
    let stored = values! { "code" => "a", "name" => "Ann", "n" => 1, "tags" => vec!["a"], "notes" => "one\ntwo" };
    person.create(stored).unwrap();
    person.create(values! { "code" => "b", "name" => "Ben" }).unwrap();
    let text = "code,name,n,tags,notes,born\n\
                a,Anna,2,b;a,two,2000-01-01\n\
                b,Ben,2,c,three,2000-01-01\n\
                c,Cid,2,c,three,2000-01-01\n";
    let columns = vec![
        map("code"),
        map("name"),
        rule("n", ColumnRule::Keep),
        rule("tags", ColumnRule::Append),
        rule("notes", ColumnRule::Append),
        rule("born", ColumnRule::UpdateOnly),
    ];
    let plan = plan(&crm, &upsert(text, &["code"], columns)).unwrap();
    super::apply(&crm, &plan).unwrap();
    let get = |code: &str| person.get_by("code", code).unwrap().values;
    assert_eq!(
        get("a"),
        values! { "code" => "a", "name" => "Anna", "n" => 1, "tags" => vec!["a", "b"], "notes" => "one\ntwo", "born" => "2000-01-01" }
    );
    assert_eq!(
        get("b"),
        values! { "code" => "b", "name" => "Ben", "n" => 2, "tags" => vec!["c"], "notes" => "three", "born" => "2000-01-01" }
    );
    assert_eq!(
        get("c"),
        values! { "code" => "c", "name" => "Cid", "n" => 2, "tags" => vec!["c"], "notes" => "three" }
    );
    let again = super::plan(&crm, &plan.request).unwrap();
    assert_eq!((again.unchanged, again.update), (2, 1), "only the birthday of the new one is left");
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let crm = people();
    let text = "code,name,n\na,Ann,1\n";
    let columns = |rule| vec![map("code"), map("name"), super::rule("n", rule)];
    let create = PlanImport::from_text("person", text, columns(ColumnRule::Keep));
    let append = upsert(text, &["code"], columns(ColumnRule::Append));
    let key = upsert(text, &["code"], vec![rule("code", ColumnRule::Keep), map("name")]);
    for (request, field) in [(create, "n"), (append, "n"), (key, "code")] {
        let error = plan(&crm, &request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
    }
}

#[test]
fn rows_may_name_the_records_of_earlier_ones() {
    let crm = people();
    let text = "code,name,boss\na,Ann,b\nb,Ben,\nc,Cid,b\nd,Dan,c\n";
    let boss = ColumnMapping { lookup: Some("code".into()), ..map("boss") };
    let request = PlanImport {
        bad_cells: BadCells::LeaveEmpty,
        ..PlanImport::from_text("person", text, [map("code"), map("name"), boss])
    };
    let plan = plan(&crm, &request).unwrap();
    assert_eq!((plan.create, plan.problems.len()), (4, 1));
    let rows = rows(&crm, &plan);
    let bosses: Vec<_> = rows
        .iter()
        .map(|row| row.changes.iter().find(|change| change.attribute == "boss"))
        .map(|change| change.map(|change| (change.new.is_null(), change.new_row)))
        .collect();
    assert_eq!(bosses, [None, None, Some((true, Some(2))), Some((true, Some(3)))]);
    super::apply(&crm, &plan).unwrap();
    let person = crm.records("person");
    let dan = person.get_by("code", "d").unwrap();
    assert_eq!(dan.get("boss"), &Value::from(person.get_by("code", "c").unwrap().id));
}

#[test]
fn json_lines_are_tables_as_well() {
    let crm = Crm::in_memory().unwrap();
    let text = r#"{"name": "Acme", "staff": 12, "home": {"city": "Ulm", "country": "de"}, "x": 1}
        not json
        {"name": "Apex", "staff": "12", "home": {"city": "Rom"}}

        {"name": "Hooli", "staff": 1.5}
        {"name": null}
        {"name": "Initech", "staff": [1]}
        {"name": 7}"#;
    let columns = [
        map("name"),
        ColumnMapping::new("staff", "employees"),
        ColumnMapping::new("home.city", "address.city"),
        ColumnMapping::new("home.country", "address.country"),
    ];
    let mut request = PlanImport::from_text("company", text, columns);
    request.source.format = SourceFormat::JsonLines;
    let found = plan(&crm, &request).unwrap();
    assert_eq!(
        decisions(&crm, &found),
        [D::Create, D::Error, D::Create, D::Error, D::Error, D::Error]
    );
    let kinds: Vec<_> =
        found.problems.iter().map(|p| (p.row, p.column.as_deref(), p.kind.as_str())).collect();
    assert_eq!(
        kinds,
        [
            (2, None, "invalid_value"),
            (4, Some("staff"), "wrong_kind"),
            (5, Some("staff"), "invalid_value"),
            (6, Some("name"), "wrong_kind"),
        ]
    );
    let unmapped = &found.unmapped[0];
    assert_eq!((unmapped.column.as_str(), unmapped.cells, unmapped.first_row), ("x", 1, Some(1)));
    super::apply(&crm, &found).unwrap();
    assert_eq!(crm.companies().count().unwrap(), 2);
    request.source.dialect = CsvDialect { delimiter: ";".into(), ..CsvDialect::default() };
    assert_eq!(plan(&crm, &request).unwrap_err().field(), Some("dialect"));
}

#[test]
fn what_goes_nowhere_is_said() {
    let crm = people();
    let text = "name,shoe,hat, \nAnn,40,,\nBen,, ,x\nCid,41,,\n";
    let plan = plan(&crm, &PlanImport::from_text("person", text, [map("name")])).unwrap();
    let unmapped = plan.unmapped.iter();
    let unmapped: Vec<_> =
        unmapped.map(|c| (c.column.as_str(), c.place, c.cells, c.first_row)).collect();
    assert_eq!(unmapped, [("shoe", 2, 2, Some(1)), ("hat", 3, 0, None), ("", 4, 1, Some(2))]);
}

#[test]
fn rows_come_by_pages_and_by_decision() {
    let crm = people();
    let text = (1..=30).fold("name,n\n".to_owned(), |text, row| {
        text + &format!("p{row},{}\n", if row % 3 == 0 { "x" } else { "1" })
    });
    let request = PlanImport::from_text("person", text, [map("name"), map("n")]);
    let plan = plan(&crm, &request).unwrap();
    for (decisions, expected) in
        [(vec![], 30), (vec![D::Error], 10), (vec![D::Create, D::Error], 30)]
    {
        let mut page = ListPlanRows { limit: 7, decisions, ..ListPlanRows::new(plan.clone()) };
        let mut seen = Vec::new();
        loop {
            let found = crm.imports().plan_rows(&page, &mut |_| Flow::Continue).unwrap();
            assert!(found.rows.len() <= 7);
            seen.extend(found.rows.into_iter().map(|row| row.row));
            match found.next {
                Some(next) => page.after = next,
                None => break,
            }
        }
        assert_eq!(seen.len(), expected);
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    }
    let page = ListPlanRows { limit: 0, ..ListPlanRows::new(plan) };
    let error = crm.imports().plan_rows(&page, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!(error.field(), Some("limit"));
}

#[test]
fn a_plan_ends_when_its_watcher_says_stop() {
    let crm = people();
    let text = super::apply::many(12_000);
    let request = PlanImport::from_text("person", text, [map("name")]);
    let error = crm.imports().plan(&request, &mut |_| Flow::Cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let mut heard = Vec::new();
    let watch = &mut |progress: crm_core::Progress| {
        heard.push(progress.done);
        // Reading is free meanwhile, and so is planning something else.
        assert_eq!(crm.records("person").count().unwrap(), 0);
        Flow::Continue
    };
    assert_eq!(crm.imports().plan(&request, watch).unwrap().create, 12_000);
    assert!(heard.is_sorted() && !heard.is_empty());
}

#[test]
fn a_request_is_checked_before_the_first_row() {
    let crm = people();
    let text = PlanImport::from_text("person", "name\nAnn\n", [map("name")]);
    let source = |source| PlanImport { source, ..text.clone() };
    for (request, kind, field) in [
        (source(ImportSource::default()), ErrorKind::InvalidArgument, Some("path")),
        (
            PlanImport { columns: vec![], ..text.clone() },
            ErrorKind::InvalidArgument,
            Some("columns"),
        ),
        (
            PlanImport { columns: vec![map("nam")], ..text.clone() },
            ErrorKind::InvalidArgument,
            Some("nam"),
        ),
        (
            PlanImport { entity_type: "persn".into(), ..text.clone() },
            ErrorKind::UnknownType,
            Some("type"),
        ),
        (
            PlanImport { mode: ImportMode::Update, ..text.clone() },
            ErrorKind::InvalidArgument,
            Some("key"),
        ),
        (
            PlanImport { key: vec!["name".into()], ..text.clone() },
            ErrorKind::InvalidArgument,
            Some("key"),
        ),
    ] {
        let error = plan(&crm, &request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, field));
    }
}
