//! A plan carried out: as planned, once, and exactly from where it stopped.

use crm_core::{
    ColumnMapping, Crm, ErrorKind, Flow, ImportMode, ImportPlan, ImportState, ListImports,
    PlanImport, RecordId, RunSql, Value, values,
};

use super::{apply, definition, map, people, plan, upsert};
use crate::support::{Folder, assert_sound, journal_length, relaxed};

/// A table of so many people.
pub(super) fn many(rows: usize) -> String {
    (0..rows).fold("name\n".to_owned(), |text, row| text + &format!("person {row}\n"))
}

fn names(crm: &Crm) -> (i64, i64) {
    let sql = "SELECT count(*), count(DISTINCT name) FROM person";
    let row = crm.sql(&RunSql::new(sql)).unwrap().rows[0].0.clone();
    match row[..] {
        [Value::Integer(count), Value::Integer(distinct)] => (count, distinct),
        _ => panic!("two numbers"),
    }
}

#[test]
fn an_import_writes_in_its_name_and_is_remembered() {
    let crm = people().acting_as("user:17", Some("spring fair")).unwrap();
    let request = upsert("code,name\na,Ann\nb,Ben\n", &["code"], vec![map("code"), map("name")]);
    let run = apply(&crm, &plan(&crm, &request).unwrap()).unwrap();
    let import = &run.import;
    assert_eq!((import.state, import.rows, import.created), (ImportState::Finished, 2, 2));
    assert_eq!((import.actor.as_str(), import.entity_type.as_str()), ("user:17", "person"));
    let ann = crm.records("person").get_by("code", "a").unwrap();
    let history = crm.journal().of_record("person", ann.id).unwrap();
    let cause = format!("import:{}", import.id);
    assert_eq!(
        (history[0].actor.as_str(), history[0].cause.as_deref()),
        ("user:17", Some(&*cause))
    );
    assert_eq!(crm.imports().get(import.id).unwrap(), *import);

    let second = apply(&crm, &plan(&crm, &request).unwrap()).unwrap();
    assert_eq!((second.import.unchanged, second.import.rows), (2, 2));
    let first_page = crm.imports().list(&ListImports { after: None, limit: 1 }).unwrap();
    assert_eq!(first_page.imports, [second.import]);
    let rest = crm.imports().list(&ListImports { after: first_page.next, limit: 1 }).unwrap();
    assert_eq!((rest.imports, rest.next), (vec![run.import], None));
    let missing = crm.imports().get(ann.id).unwrap_err();
    assert_eq!((missing.kind(), missing.field()), (ErrorKind::NotFound, Some("id")));
}

#[test]
fn a_plan_is_refused_when_the_table_or_the_records_changed() {
    let crm = people();
    let folder = Folder::new();
    let path = folder.at("people.csv");
    std::fs::write(&path, "code,name\na,Ann\n").unwrap();
    let request = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["code".into()],
        ..PlanImport::from_path("person", path.to_string_lossy(), [map("code"), map("name")])
    };
    let made = plan(&crm, &request).unwrap();
    let refused = |made: &ImportPlan| {
        let length = journal_length(&crm);
        let error = apply(&crm, made).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::StaleVersion, Some("plan")));
        let page = crm_core::ListPlanRows::new(made.clone());
        let error = crm.imports().plan_rows(&page, &mut |_| Flow::Continue).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StaleVersion);
        assert_eq!(journal_length(&crm), length);
    };
    std::fs::write(&path, "code,name\na,Anna\n").unwrap();
    refused(&made);
    std::fs::write(&path, "code,name\na,Ann\n").unwrap();
    crm.companies().create(values! { "name" => "another type" }).unwrap();
    let other = crm.records("person").create(values! { "name" => "Eve" }).unwrap();
    refused(&made);
    let made = plan(&crm, &request).unwrap();
    crm.types()
        .define_attribute("person", crm_core::Attribute::new("x", crm_core::Kind::Text))
        .unwrap();
    refused(&made);
    let made = plan(&crm, &request).unwrap();
    crm.companies().create(values! { "name" => "a type that the plan does not look at" }).unwrap();
    assert_eq!(apply(&crm, &made).unwrap().import.created, 1);
    let made = plan(&crm, &request).unwrap();
    crm.records("person").archive(other.id, None).unwrap();
    refused(&made);
    let imports = crm.imports().list(&ListImports { after: None, limit: 100 }).unwrap().imports;
    assert_eq!(imports.len(), 1, "what is refused leaves nothing behind");
}

#[test]
fn a_type_that_is_looked_up_counts_as_well() {
    let crm = people();
    let deal = [map("name"), ColumnMapping { lookup: Some("domain".into()), ..map("company") }];
    crm.companies().create(values! { "name" => "Acme", "domain" => "acme.example" }).unwrap();
    let request = PlanImport::from_text("deal", "name,company\nBig,acme.example\n", deal);
    let made = plan(&crm, &request).unwrap();
    crm.companies().create(values! { "name" => "Apex" }).unwrap();
    assert_eq!(apply(&crm, &made).unwrap_err().kind(), ErrorKind::StaleVersion);
}

/// Applies until the first transaction is committed, and then stops.
fn begin(crm: &Crm, plan: &ImportPlan) -> RecordId {
    let run = crm.imports().apply(plan, &mut |_| Flow::Cancel).unwrap();
    assert_eq!((run.import.state, run.import.rows), (ImportState::Unfinished, 5_000));
    run.import.id
}

#[test]
fn an_import_that_was_cut_short_goes_on_exactly_from_there() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(definition()).unwrap();
    let made = plan(&crm, &PlanImport::from_text("person", many(12_000), [map("name")])).unwrap();
    let id = begin(&crm, &made);
    crm.close().unwrap();
    let crm = folder.open();
    assert_eq!(crm.imports().get(id).unwrap().rows, 5_000);
    let other = PlanImport::from_text("person", many(11_000), [map("name")]);
    let other = crm.imports().plan(&other, &mut |_| Flow::Continue).unwrap();
    let error = crm.imports().resume(id, &other, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("plan")));

    // Nothing of the plan has to be kept: the same table, planned anew, is known again.
    let path = folder.at("moved.csv");
    std::fs::write(&path, many(12_000)).unwrap();
    let anew = PlanImport::from_path("person", path.to_string_lossy(), [map("name")]);
    let anew = plan(&crm, &anew).unwrap();
    let run = crm.imports().resume(id, &anew, &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.state, run.import.created), (ImportState::Finished, 12_000));
    assert_eq!(names(&crm), (12_000, 12_000));
    let length = journal_length(&crm);
    let again = crm.imports().resume(id, &made, &mut |_| Flow::Continue).unwrap();
    assert_eq!((again.import, journal_length(&crm)), (run.import, length));
    assert_sound(&crm);
}

#[test]
fn a_key_that_came_before_the_cut_is_known_after_it() {
    let crm = people();
    let mut text = "code,name\n".to_owned();
    for row in 0..6_000 {
        text += &format!("c{},p{row}\n", row % 5_500);
    }
    let made = plan(&crm, &upsert(&text, &["code"], vec![map("code"), map("name")])).unwrap();
    assert_eq!((made.create, made.conflict), (5_500, 500));
    let id = begin(&crm, &made);
    let run = crm.imports().resume(id, &made, &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.created, run.import.conflicts), (5_500, 500));
    assert_eq!(run.problems.len(), 500);
}

#[test]
fn what_others_changed_meanwhile_is_not_overwritten() {
    let crm = people();
    let mut text = "code,name\n".to_owned();
    for row in 0..6_000 {
        text += &format!("c{row},p{row}\n");
    }
    let request = upsert(&text, &["code"], vec![map("code"), map("name")]);
    let first = plan(&crm, &request).unwrap();
    apply(&crm, &first).unwrap();
    let request = upsert(&text.replace(",p", ",q"), &["code"], vec![map("code"), map("name")]);
    let made = plan(&crm, &request).unwrap();
    let id = begin(&crm, &made);
    let theirs = crm.records("person").get_by("code", "c5999").unwrap();
    crm.records("person").patch(theirs.id, values! { "n" => 1 }).unwrap();
    let run = crm.imports().resume(id, &made, &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.updated, run.import.conflicts), (5_999, 1));
    assert_eq!((run.problems[0].row, run.problems[0].kind.as_str()), (6_000, "stale_version"));
    let theirs = crm.records("person").get(theirs.id).unwrap();
    assert_eq!(theirs.get("name").as_str(), Some("p5999"));
}

#[test]
fn one_import_is_not_gone_on_with_twice_at_once() {
    let crm = people();
    let made = plan(&crm, &PlanImport::from_text("person", many(16_000), [map("name")])).unwrap();
    let id = begin(&crm, &made);
    let mut is_first = true;
    let error = crm
        .imports()
        .resume(id, &made, &mut |_| {
            // The rows before are passed by now; another thread does the rest.
            if std::mem::take(&mut is_first) {
                let other = crm.clone();
                let made = &made;
                std::thread::scope(|scope| {
                    scope.spawn(move || {
                        other.imports().resume(id, made, &mut |_| Flow::Continue).unwrap()
                    });
                });
            }
            Flow::Continue
        })
        .unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::StaleVersion, Some("id")));
    assert_eq!(names(&crm), (16_000, 16_000));
}

#[test]
fn a_text_without_rows_is_an_import_all_the_same() {
    let crm = people();
    let made = plan(&crm, &PlanImport::from_text("person", "name\n", [map("name")])).unwrap();
    let run = apply(&crm, &made).unwrap();
    assert_eq!((made.rows, run.import.rows, run.import.state), (0, 0, ImportState::Finished));
}

#[test]
fn a_file_that_is_only_read_can_plan() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(definition()).unwrap();
    crm.close().unwrap();
    let options = crm_core::OpenOptions { read_only: true, ..relaxed() };
    let crm = Crm::open_with(folder.path(), options).unwrap();
    let made = plan(&crm, &PlanImport::from_text("person", "name\nAnn\n", [map("name")])).unwrap();
    assert_eq!(made.create, 1);
    assert_eq!(apply(&crm, &made).unwrap_err().kind(), ErrorKind::ReadOnly);
}
