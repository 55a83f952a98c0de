//! Associations and activities that columns make: planned, applied once, and taken back.

use crm_core::{
    Activity, ActivityColumns, ActivityPreset, AddAssociation, Archived, Association,
    AssociationColumns, AssociationDirection, AssociationPreset, Attribute, BadCells,
    ColumnMapping, ColumnRule, Crm, DefineActivityKind, DefineAssociationType, DefineType,
    Direction, ErrorKind, FindRelated, Flow, ImportMode, ImportPlan, ImportState, Kind, LeftItem,
    ListActivities, NewActivity, PlanImport, PlannedRow, RecordRef, RowDecision, SourceFormat,
    Values, values,
};

use super::{apply, decisions, map, plan, revert, rows};
use crate::support::{assert_sound, journal_length, replay};

/// Contacts by code, companies by name and by domain, and what goes between them.
fn world() -> Crm {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    let contact = [
        Attribute::new("code", Kind::Text).unique(),
        Attribute::new("name", Kind::Text),
        Attribute::new("employer", Kind::Text),
    ];
    crm.types().define(DefineType::new("person", contact)).unwrap();
    let company = [
        Attribute::new("title", Kind::Text).indexed(),
        Attribute::new("site", Kind::Text).unique(),
        Attribute::new("notes", Kind::Text),
    ];
    crm.types().define(DefineType::new("firm", company)).unwrap();
    let works = DefineAssociationType {
        attributes: vec![Attribute::new("desk", Kind::Integer)],
        ..DefineAssociationType::new("works_for", ["person"], ["firm"])
    };
    crm.association_types().define(works).unwrap();
    let seat = DefineAssociationType {
        max_incoming: Some(1),
        ..DefineAssociationType::new("chairs", ["person"], ["firm"])
    };
    crm.association_types().define(seat).unwrap();
    let above = DefineAssociationType {
        is_hierarchy: true,
        ..DefineAssociationType::new("reports_to", ["person"], ["person"])
    };
    crm.association_types().define(above).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    crm
}

fn firm(crm: &Crm, title: &str) -> RecordRef {
    crm.records("firm").create(values! { "title" => title }).unwrap().reference()
}

fn person(crm: &Crm, code: &str) -> RecordRef {
    crm.records("person").get_by("code", code).unwrap().reference()
}

fn links() -> AssociationColumns {
    AssociationColumns::new("works_for", "firm", "firm", "title")
}

fn upsert(text: &str, associations: Vec<AssociationColumns>) -> PlanImport {
    let columns = [map("code"), ColumnMapping::new("firm", "employer")];
    PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["code".into()],
        associations,
        ..PlanImport::from_text("person", text, columns)
    }
}

fn of(crm: &Crm, record: &RecordRef) -> Vec<Association> {
    let request = FindRelated {
        at_any_time: true,
        archived: Archived::Include,
        ..FindRelated::new(record.clone())
    };
    let found = crm.associations().related(&request).unwrap().related;
    let live = found.into_iter().map(|related| related.association);
    live.filter(|association| association.archived_at.is_none()).collect()
}

fn activities(crm: &Crm, record: &RecordRef) -> Vec<Activity> {
    crm.activities().list(&ListActivities::of(record.clone())).unwrap().activities
}

fn kinds(planned: &ImportPlan) -> Vec<(u64, Option<&str>, &str, bool)> {
    let problems = planned.problems.iter();
    problems.map(|p| (p.row, p.column.as_deref(), p.kind.as_str(), p.rejects_row)).collect()
}

#[test]
fn a_plan_shows_each_association_and_applying_adds_it_once() {
    let crm = world();
    let acme = firm(&crm, "Acme");
    let text = "code,firm,role\na,Acme,CFO\nb,,\nc,Acme,\n";
    let block = AssociationColumns {
        role: Some("staff".into()),
        is_primary: true,
        columns: vec![map("role")],
        ..links()
    };
    let request = upsert(text, vec![block]);
    let length = journal_length(&crm);
    let made = plan(&crm, &request).unwrap();
    assert_eq!((made.create, made.associations, made.others), (3, 2, 0));
    assert!(made.unmapped.is_empty() && journal_length(&crm) == length);
    let planned = rows(&crm, &made);
    let first = &planned[0].associations[0];
    assert_eq!(
        (first.other, first.role.as_deref(), first.is_primary),
        (Some(acme.id), Some("CFO"), true)
    );
    assert!(planned[1].associations.is_empty());
    assert_eq!(planned[2].associations[0].role.as_deref(), Some("staff"));

    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.created, run.import.associations), (3, 2));
    let ann = of(&crm, &person(&crm, "a"));
    assert_eq!((ann.len(), &ann[0].to, ann[0].role.as_deref()), (1, &acme, Some("CFO")));
    assert!(ann[0].is_primary);
    // The name of the company is where it was, too.
    let record = crm.records("person").get_by("code", "a").unwrap();
    assert_eq!(record.values.get("employer"), &"Acme".into());

    let again = plan(&crm, &request).unwrap();
    assert_eq!((again.unchanged, again.associations), (3, 0));
    assert_sound(&crm);
}

#[test]
fn an_association_that_is_there_is_left_as_it_is() {
    let crm = world();
    let acme = firm(&crm, "Acme");
    let ann =
        crm.records("person").create(values! { "code" => "a", "employer" => "Acme" }).unwrap();
    crm.associations()
        .add(AddAssociation {
            role: Some("CFO".into()),
            ..AddAssociation::new("works_for", ann.reference(), acme)
        })
        .unwrap();
    // Where no role is said, working there is said already.
    let text = "code,firm\na,Acme\n";
    let made = plan(&crm, &upsert(text, vec![links()])).unwrap();
    assert_eq!((made.unchanged, made.associations), (1, 0));
    let role = AssociationColumns { role: Some("owner".into()), ..links() };
    let made = plan(&crm, &upsert(text, vec![role])).unwrap();
    assert_eq!((made.unchanged, made.associations), (1, 1));
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.unchanged, run.import.associations), (1, 1));
}

#[test]
fn names_that_nobody_or_several_have_are_reported_and_never_guessed() {
    let crm = world();
    firm(&crm, "Acme");
    firm(&crm, "Twin");
    firm(&crm, "Twin");
    let old = firm(&crm, "Old");
    crm.records("firm").archive(old.id, None).unwrap();
    let text = "code,firm\na,Acne\nb,Twin\nc,Old\nd,Acme\n";
    let made = plan(&crm, &upsert(text, vec![links()])).unwrap();
    assert_eq!(
        kinds(&made),
        [
            (1, Some("firm"), "not_found", true),
            (2, Some("firm"), "duplicate", true),
            (3, Some("firm"), "archived", true),
        ]
    );
    assert_eq!(
        decisions(&crm, &made),
        [RowDecision::Error, RowDecision::Conflict, RowDecision::Conflict, RowDecision::Create]
    );
    assert_eq!(made.problems[0].hint.as_deref(), Some("did you mean \"Acme\"?"));
    let message = &made.problems[1].message;
    assert!(message.contains("several") && !message.contains("Twin"));

    // The rest of the row is kept where that is asked for.
    let lenient = PlanImport { bad_cells: BadCells::LeaveEmpty, ..upsert(text, vec![links()]) };
    let made = plan(&crm, &lenient).unwrap();
    assert_eq!((made.create, made.associations, made.problems.len()), (4, 1, 3));
    assert!(made.problems.iter().all(|problem| !problem.rejects_row));
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.created, run.import.associations), (4, 1));
    assert_eq!(run.problems, made.problems);
}

#[test]
fn a_missing_record_is_created_once_for_all_rows_that_name_it() {
    let crm = world();
    let text = "code,firm\na,Acme\nb,Acme\nc,Initech\nd,Acme\n";
    let block = AssociationColumns { create_missing: true, ..links() };
    let made = plan(&crm, &upsert(text, vec![block.clone()])).unwrap();
    assert_eq!((made.create, made.associations, made.others), (4, 4, 2));
    let planned = rows(&crm, &made);
    let new_rows: Vec<_> = planned.iter().map(|row| row.associations[0].new_row).collect();
    assert_eq!(new_rows, [Some(1), Some(1), Some(3), Some(1)]);
    assert!(planned.iter().all(|row| row.associations[0].other.is_none()));
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.others, crm.records("firm").count().unwrap()), (2, 2));
    let acme = of(&crm, &person(&crm, "a"))[0].to.clone();
    assert_eq!(of(&crm, &acme).len(), 3);

    let report = revert(&crm, &run);
    assert_eq!((report.archived, report.associations, report.left_count), (6, 4, 0));
    assert_eq!(report.import.state, ImportState::Reverted);
    assert_eq!((crm.records("firm").count().unwrap(), of(&crm, &acme).len()), (0, 0));
    let again = revert(&crm, &run);
    assert_eq!((again.archived, again.associations, again.left_count), (0, 0, 0));
    // A name in the archive is free where names need not differ.
    let other = PlanImport {
        mode: ImportMode::Create,
        key: vec![],
        ..upsert("code,firm\nz,Acme\n", vec![block])
    };
    assert_eq!(plan(&crm, &other).unwrap().others, 1);
    assert_sound(&crm);
}

#[test]
fn several_names_in_a_cell_make_several_associations_in_every_format() {
    let crm = world();
    let text = "code,firm\na, Acme ; Initech;\n";
    let block = AssociationColumns {
        separator: Some(";".into()),
        create_missing: true,
        is_primary: true,
        ..links()
    };
    let columns = vec![map("code")];
    let request = PlanImport { columns: columns.clone(), ..upsert(text, vec![block.clone()]) };
    let made = plan(&crm, &request).unwrap();
    assert_eq!((made.associations, made.others), (2, 2));
    let planned = &rows(&crm, &made)[0].associations;
    assert_eq!(planned.iter().map(|one| one.is_primary).collect::<Vec<_>>(), [true, false]);

    let text = "{\"code\":\"b\",\"firm\":[\"Acme\",\"Initech\"]}\n";
    let mut request = PlanImport { columns, ..upsert(text, vec![block]) };
    request.source.format = SourceFormat::JsonLines;
    let lines = plan(&crm, &request).unwrap();
    assert_eq!((lines.associations, lines.others), (2, 2));
    apply(&crm, &made).unwrap();
    let titles: Vec<_> = of(&crm, &person(&crm, "a"))
        .iter()
        .map(|link| crm.records("firm").get(link.to.id).unwrap().values.get("title").clone())
        .collect();
    assert!(titles.contains(&"Acme".into()) && titles.contains(&"Initech".into()));
}

#[test]
fn limits_and_cycles_are_seen_across_rows_before_anything_is_written() {
    let crm = world();
    firm(&crm, "Acme");
    let chairs = AssociationColumns { association_type: "chairs".into(), ..links() };
    let request = upsert("code,firm\na,Acme\nb,Acme\n", vec![chairs]);
    let made = plan(&crm, &request).unwrap();
    assert_eq!(kinds(&made), [(2, Some("firm"), "limit_exceeded", true)]);
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.associations, run.import.errors), (1, 1));
    assert_eq!(run.problems, made.problems);

    // a below b, b below c, c below a: the last one closes the circle.
    let text = "code,name,boss\na,A,\nb,B,a\nc,C,b\n";
    let boss = AssociationColumns::new("reports_to", "boss", "person", "code");
    let columns = vec![map("code"), map("name")];
    let request = PlanImport { columns: columns.clone(), ..upsert(text, vec![boss.clone()]) };
    let made = plan(&crm, &request).unwrap();
    assert_eq!((made.associations, made.problems.len()), (2, 0));
    let second = &rows(&crm, &made)[2].associations[0];
    assert_eq!((second.other, second.new_row), (None, Some(2)));
    apply(&crm, &made).unwrap();
    let text = "code,boss\na,c\n";
    let request = PlanImport { columns: vec![map("code")], ..upsert(text, vec![boss.clone()]) };
    assert_eq!(kinds(&plan(&crm, &request).unwrap()), [(1, Some("boss"), "invalid_value", true)]);
    // The same within one table, of records that are there and links that are not.
    let text = "code,boss\nx,\ny,\n";
    let request = PlanImport { columns: vec![map("code")], ..upsert(text, vec![boss.clone()]) };
    apply(&crm, &plan(&crm, &request).unwrap()).unwrap();
    let text = "code,boss\nx,y\ny,x\n";
    let request = PlanImport { columns: vec![map("code")], ..upsert(text, vec![boss]) };
    let made = plan(&crm, &request).unwrap();
    assert_eq!(kinds(&made), [(2, Some("boss"), "invalid_value", true)]);
    let run = apply(&crm, &made).unwrap();
    assert_eq!(
        run.problems.iter().map(|problem| (problem.row, &*problem.kind)).collect::<Vec<_>>(),
        [(2, "invalid_value")]
    );
    assert_sound(&crm);
}

#[test]
fn what_leads_to_the_record_and_what_holds_for_a_time_has_its_columns() {
    let crm = world();
    let ann = crm.records("person").create(values! { "code" => "a" }).unwrap();
    let block = AssociationColumns {
        is_incoming: true,
        columns: vec![
            ColumnMapping {
                format: Some("%d.%m.%Y".into()),
                ..ColumnMapping::new("since", "valid_from")
            },
            map("desk"),
        ],
        ..AssociationColumns::new("works_for", "staff", "person", "code")
    };
    let text = "title,staff,since,desk\nAcme,a,1.2.2024,7\nInitech,,,\nHooli,a,yesterday,\n";
    let request = PlanImport {
        associations: vec![block],
        ..PlanImport::from_text("firm", text, [map("title")])
    };
    let made = plan(&crm, &request).unwrap();
    assert_eq!(kinds(&made), [(3, Some("since"), "invalid_value", true)]);
    assert!(rows(&crm, &made)[0].associations[0].is_incoming);
    apply(&crm, &made).unwrap();
    let found = of(&crm, &ann.reference());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].valid_from.unwrap().to_string(), "2024-02-01");
    assert_eq!(found[0].values, values! { "desk" => 7 });
    // A cell that would be said of no association is not passed over.
    let text = "title,staff,since,desk\nAcme,,,7\n";
    let mut lost = request.clone();
    lost.source.text = Some(text.into());
    assert_eq!(kinds(&plan(&crm, &lost).unwrap()), [(1, Some("desk"), "required", true)]);
}

fn calls(columns: Vec<ColumnMapping>) -> ActivityColumns {
    ActivityColumns {
        direction: Some(Direction::Outbound),
        ..ActivityColumns::new("call", columns)
    }
}

fn called(text: &str) -> PlanImport {
    let at = ColumnMapping {
        time_zone: Some("Europe/Berlin".into()),
        ..ColumnMapping::new("called", "at")
    };
    PlanImport {
        columns: vec![map("code")],
        activities: vec![calls(vec![at, map("minutes")])],
        ..upsert(text, vec![])
    }
}

#[test]
fn a_row_makes_an_activity_and_a_second_import_adds_nothing_twice() {
    let crm = world();
    let text = "code,called,minutes\na,2025-01-31 12:00,12\nb,,\nc,2025-02-01 09:30,\n";
    let request = called(text);
    let made = plan(&crm, &request).unwrap();
    assert_eq!((made.create, made.activities), (3, 2));
    let planned = rows(&crm, &made);
    let call = &planned[0].activities[0];
    assert_eq!(
        (call.kind.as_str(), call.at.to_string().as_str()),
        ("call", "2025-01-31T11:00:00Z")
    );
    assert_eq!(call.properties, values! { "minutes" => 12 });
    let run = apply(&crm, &made).unwrap();
    assert_eq!(run.import.activities, 2);
    let ann = person(&crm, "a");
    let recorded = activities(&crm, &ann);
    assert_eq!((recorded.len(), recorded[0].direction), (1, Some(Direction::Outbound)));
    assert_eq!(recorded[0].properties, values! { "minutes" => 12 });

    // The same again, in another order and with one call more.
    let text =
        "code,called,minutes\nc,2025-02-01 09:30,\na,2025-01-31 12:00,12\nb,2025-02-02 10:00,3\n";
    let made = plan(&crm, &called(text)).unwrap();
    assert_eq!((made.unchanged, made.activities), (3, 1));
    assert_eq!(apply(&crm, &made).unwrap().import.activities, 1);
    assert_eq!(activities(&crm, &ann).len(), 1);
    assert_sound(&crm);
}

#[test]
fn an_activity_that_does_not_fit_is_reported_with_its_column() {
    let crm = world();
    let text =
        "code,called,minutes\na,31.1.2025,1\nb,2025-01-31 12:00,many\nc,,5\nd,2999-01-01 00:00,1\n";
    let made = plan(&crm, &called(text)).unwrap();
    assert_eq!(
        kinds(&made),
        [
            (1, Some("called"), "invalid_value", true),
            (2, Some("minutes"), "invalid_value", true),
            (3, Some("minutes"), "required", true),
            (4, Some("called"), "out_of_range", true),
        ]
    );
    let lenient = PlanImport { bad_cells: BadCells::LeaveEmpty, ..called(text) };
    let made = plan(&crm, &lenient).unwrap();
    assert_eq!((made.create, made.activities, made.problems.len()), (4, 1, 4));
}

#[test]
fn days_amounts_and_keys_have_their_columns() {
    let crm = world();
    let at = ColumnMapping {
        format: Some("%d.%m.%Y".into()),
        time_zone: Some("Europe/Berlin".into()),
        ..ColumnMapping::new("day", "at")
    };
    let sum = ColumnMapping {
        decimal_separator: Some(",".into()),
        ..ColumnMapping::new("sum", "amount")
    };
    let purchase = ActivityColumns {
        channel: Some("shop".into()),
        ..ActivityColumns::new(
            "purchase",
            [
                at,
                sum,
                ColumnMapping::new("cur", "amount.currency"),
                ColumnMapping::new("no", "key"),
            ],
        )
    };
    let request = |text: &str| PlanImport {
        activities: vec![purchase.clone()],
        ..PlanImport::from_text("person", text, [map("code")])
    };
    let text = "code,day,sum,cur,no\na,1.7.2025,\"9,90\",EUR,n1\nb,1.7.2025,5,EUR,n1\n";
    let made = plan(&crm, &request(text)).unwrap();
    assert_eq!(kinds(&made), [(2, Some("no"), "duplicate", true)]);
    assert_eq!(decisions(&crm, &made)[1], RowDecision::Conflict);
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.activities, run.import.conflicts), (1, 1));
    let recorded = activities(&crm, &person(&crm, "a"));
    let bought = &recorded[0];
    assert_eq!(bought.at.to_string(), "2025-06-30T22:00:00Z");
    assert_eq!(
        bought.amount.as_ref().map(|sum| (&*sum.amount, &*sum.currency)),
        Some(("9.90", "EUR"))
    );
    assert_eq!((bought.key.as_deref(), bought.channel.as_deref()), (Some("n1"), Some("shop")));
    // A key that is taken by something else is a conflict, not a second activity.
    let text = "code,day,sum,cur,no\nz,2.7.2025,5,EUR,n1\n";
    assert_eq!(kinds(&plan(&crm, &request(text)).unwrap()), [(1, Some("no"), "duplicate", true)]);
}

#[test]
fn taking_back_leaves_what_others_changed_used_or_recorded() {
    let crm = world();
    let held = firm(&crm, "Held");
    let ann = crm.records("person").create(values! { "code" => "a" }).unwrap().reference();
    let first =
        AddAssociation { is_primary: true, ..AddAssociation::new("works_for", ann.clone(), held) };
    let first = crm.associations().add(first).unwrap();
    let text = "code,firm,called,minutes\na,Acme,2025-01-31 12:00,3\nb,Initech,,\nc,Hooli,,\n";
    let block = AssociationColumns { create_missing: true, is_primary: true, ..links() };
    let request = PlanImport {
        columns: vec![map("code"), ColumnMapping::new("firm", "employer")],
        associations: vec![block],
        ..called(text)
    };
    let run = apply(&crm, &plan(&crm, &request).unwrap()).unwrap();
    assert_eq!((run.import.associations, run.import.others, run.import.activities), (3, 3, 1));
    assert!(!crm.associations().get(first.id).unwrap().is_primary);

    let eve = crm.acting_as("user:eve", None).unwrap();
    let of_ben = of(&crm, &person(&crm, "b"))[0].clone();
    let role = crm_core::PatchAssociation {
        id: of_ben.id,
        changes: values! { "role" => "CEO" },
        expected_version: None,
    };
    eve.associations().patch(role).unwrap();
    let hooli = of(&crm, &person(&crm, "c"))[0].to.clone();
    let note = NewActivity::of("call", hooli.clone(), "2025-02-01T12:00:00Z".parse().unwrap());
    eve.activities().record(note).unwrap();

    let report = revert(&crm, &run);
    let left: Vec<_> = report.left.iter().map(|left| (left.item, left.id, &*left.kind)).collect();
    assert_eq!(report.left_count, 4);
    assert!(left.contains(&(LeftItem::Association, of_ben.id, "stale_version")));
    // The company of an association that stays is in use, and so is one that somebody called.
    assert!(left.contains(&(LeftItem::Record, of_ben.to.id, "stale_version")));
    assert!(left.contains(&(LeftItem::Record, hooli.id, "stale_version")));
    let call = activities(&crm, &ann)[0].id;
    assert!(left.contains(&(LeftItem::Activity, call, "invalid_argument")));
    let by_eve = report.left.iter().filter(|left| left.actor.as_deref() == Some("user:eve"));
    assert_eq!(by_eve.count(), 2);
    // Acme, Ben and Cid; two of three associations.
    assert_eq!((report.archived, report.associations), (3, 2));
    assert!(crm.associations().get(first.id).unwrap().is_primary);
    assert_sound(&crm);
}

#[test]
fn taking_back_leaves_what_others_refer_to() {
    let crm = world();
    let buyer = Attribute::new("buyer", Kind::Reference).target("firm");
    crm.types().define(DefineType::new("order", [buyer])).unwrap();
    let client = Attribute::new("client", Kind::Reference).target("firm");
    crm.types().define_attribute("person", client).unwrap();
    let missing = AssociationColumns { create_missing: true, ..links() };
    let mapped = ColumnMapping { lookup: Some("site".into()), ..map("client") };
    // A firm that is imported itself is of no concern; its own rows do not keep a firm in use.
    crm.records("firm").create(values! { "site" => "old.example" }).unwrap();
    let text = "code,firm,client\na,Acme,old.example\nb,Apex,\nc,Hooli,\nd,Hooli,\n";
    let request = PlanImport { columns: vec![map("code"), mapped], ..upsert(text, vec![missing]) };
    let run = apply(&crm, &plan(&crm, &request).unwrap()).unwrap();
    assert_eq!((run.import.created, run.import.others), (4, 3));
    let [acme, apex, hooli] =
        ["a", "b", "c"].map(|code| of(&crm, &person(&crm, code))[0].to.clone());
    let eve = crm.acting_as("user:eve", None).unwrap();
    let order =
        |firm: &RecordRef| eve.records("order").create(values! { "buyer" => firm.id }).unwrap().id;
    order(&acme);
    // What is archived uses nothing, and what refers to something else by now neither.
    eve.records("order").archive(order(&apex), None).unwrap();
    let moved = order(&hooli);
    let patch = values! { "buyer" => acme.id };
    eve.records("order").patch(moved, patch).unwrap();

    let report = revert(&crm, &run);
    let left: Vec<_> = report
        .left
        .iter()
        .map(|left| (left.item, left.id, left.actor.as_deref(), left.kind.as_str()))
        .collect();
    assert_eq!(left, [(LeftItem::Record, acme.id, Some("user:eve"), "stale_version")]);
    assert_eq!((report.archived, report.associations), (6, 4));

    // Once nobody refers to it, it goes as well.
    eve.records("order").archive(moved, None).unwrap();
    let others = eve.records("order").iter().map(|order| order.unwrap().id);
    others.for_each(|id| drop(eve.records("order").archive(id, None).unwrap()));
    let again = revert(&crm, &run);
    assert_eq!((again.archived, again.left_count), (1, 0));
    assert_sound(&crm);
}

#[test]
fn taking_back_passes_over_what_follows_on_records_at_the_other_end() {
    let crm = world();
    let staff = Attribute::new("staff", Kind::Integer).formula("count(related inverse works_for)");
    let desks = Attribute::new("above_one", Kind::Checkbox).formula("staff > 1");
    crm.types().define(DefineType::new("firm", [staff, desks])).unwrap();
    let held = firm(&crm, "Held");
    let missing = AssociationColumns { create_missing: true, ..links() };
    let request = upsert("code,firm\na,Acme\nb,Acme\nc,Held\nd,Held\n", vec![missing]);
    let run = apply(&crm, &plan(&crm, &request).unwrap()).unwrap();
    let staff = |firm: &RecordRef| {
        let firm = crm.records("firm").get(firm.id).unwrap();
        (firm.get("staff").clone(), firm.get("above_one").clone())
    };
    let acme = of(&crm, &person(&crm, "a"))[0].to.clone();
    assert_eq!([staff(&acme), staff(&held)], [(2.into(), true.into()), (2.into(), true.into())]);
    // Somebody else's association changes what is calculated of a firm, which nobody changed.
    let zoe = crm.records("person").create(values! { "code" => "z" }).unwrap();
    let link = AddAssociation::new("works_for", zoe.reference(), held.clone());
    let by_eve = crm.acting_as("user:eve", None).unwrap().associations().add(link).unwrap();

    let report = revert(&crm, &run);
    assert_eq!((report.left_count, report.archived, report.associations), (0, 5, 4));
    assert_eq!(staff(&held), (1.into(), false.into()));
    assert!(crm.associations().get(by_eve.id).unwrap().archived_at.is_none());
    assert_sound(&crm);
}

#[test]
fn a_plan_is_stale_when_somebody_links_or_defines_but_not_when_somebody_calls() {
    let crm = world();
    let acme = firm(&crm, "Acme");
    let ann = crm.records("person").create(values! { "code" => "z" }).unwrap().reference();
    let request = PlanImport {
        associations: vec![links()],
        columns: vec![map("code")],
        ..called("code,firm,called,minutes\na,Acme,2025-01-31 12:00,3\n")
    };
    let made = plan(&crm, &request).unwrap();
    let call = NewActivity::of("call", ann.clone(), "2025-02-01T12:00:00Z".parse().unwrap());
    crm.activities().record(call).unwrap();
    assert_eq!(rows(&crm, &made).len(), 1);
    crm.associations().add(AddAssociation::new("works_for", ann, acme.clone())).unwrap();
    assert_eq!(apply(&crm, &made).unwrap_err().kind(), ErrorKind::StaleVersion);
    let made = plan(&crm, &request).unwrap();
    crm.records("firm").patch(acme.id, values! { "notes" => "new" }).unwrap();
    assert_eq!(apply(&crm, &made).unwrap_err().kind(), ErrorKind::StaleVersion);
    let made = plan(&crm, &request).unwrap();
    let call = crm.activity_kinds().get("call").unwrap();
    let topic = vec![Attribute::new("topic", Kind::Text)];
    crm.activity_kinds().define(DefineActivityKind::new(call.name, topic)).unwrap();
    assert_eq!(apply(&crm, &made).unwrap_err().kind(), ErrorKind::StaleVersion);
}

#[test]
fn an_import_that_was_cut_short_goes_on_with_every_link_and_activity_once() {
    let crm = world();
    let mut text = "code,firm,called,minutes\n".to_owned();
    for row in 0..12_000 {
        text.push_str(&format!("p{row},Firm {},2025-01-31 12:00,{row}\n", row % 7));
    }
    let block = AssociationColumns { create_missing: true, ..links() };
    let request =
        PlanImport { associations: vec![block], columns: vec![map("code")], ..called(&text) };
    let made = plan(&crm, &request).unwrap();
    assert_eq!((made.associations, made.activities, made.others), (12_000, 12_000, 7));
    let run = crm.imports().apply(&made, &mut |_| Flow::Cancel).unwrap();
    assert_eq!((run.import.state, run.import.associations), (ImportState::Unfinished, 5_000));
    let anew = plan(&crm, &request).unwrap();
    let run = crm.imports().resume(run.import.id, &anew, &mut |_| Flow::Continue).unwrap();
    let import = &run.import;
    assert_eq!((import.state, import.created), (ImportState::Finished, 12_000));
    assert_eq!((import.associations, import.activities, import.others), (12_000, 12_000, 7));
    assert_eq!(crm.imports().get(import.id).unwrap(), *import);
    let ann = person(&crm, "p0");
    assert_eq!((of(&crm, &ann).len(), activities(&crm, &ann).len()), (1, 1));
    assert_eq!(crm.records("firm").count().unwrap(), 7);
    let report = revert(&crm, &run);
    assert_eq!((report.archived, report.associations, report.left_count), (12_007, 12_000, 12_000));
    assert_eq!(report.left.len(), 1_000);
}

#[expect(clippy::too_many_lines, reason = "a list of faults, one after the other")]
#[test]
fn what_is_asked_must_make_sense() {
    let crm = world();
    let text = "code,firm,boss,at\na,Acme,b,2025-01-31 12:00\n";
    let link = |change: fn(&mut AssociationColumns)| {
        let mut block = links();
        change(&mut block);
        plan(&crm, &upsert(text, vec![block])).unwrap_err()
    };
    let error = link(|block| block.association_type = "work_for".into());
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownType, Some("associations.type")));
    assert_eq!(error.hint(), Some("did you mean \"works_for\"?"));
    let error = link(|block| block.other_type = "frim".into());
    assert_eq!(error.field(), Some("associations.other_type"));
    assert_eq!(error.hint(), Some("did you mean \"firm\"?"));
    let error = link(|block| block.by = Some("titel".into()));
    assert_eq!(
        (error.kind(), error.hint()),
        (ErrorKind::UnknownAttribute, Some("did you mean \"title\"?"))
    );
    for (change, field) in [
        (
            (|block| block.other_type = "person".into()) as fn(&mut AssociationColumns),
            "associations.other_type",
        ),
        (|block| block.is_incoming = true, "associations.is_incoming"),
        (|block| block.by = Some("notes".into()), "notes"),
        (|block| block.column = "frim".into(), "frim"),
        (|block| block.separator = Some(String::new()), "associations.separator"),
        (
            |block| {
                block.by = None;
                block.create_missing = true;
            },
            "associations.create_missing",
        ),
        (
            |block| {
                block.columns = vec![ColumnMapping {
                    rule: Some(ColumnRule::Keep),
                    ..ColumnMapping::new("boss", "role")
                }];
            },
            "boss",
        ),
    ] {
        let error = link(change);
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
    }
    let role = "r".repeat(256);
    let mut block = links();
    block.role = Some(role);
    let error = plan(&crm, &upsert(text, vec![block])).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("associations.role")));
    let mut boss = AssociationColumns::new("reports_to", "boss", "person", "name");
    let error = plan(&crm, &upsert(text, vec![boss.clone()])).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("name")));
    boss.by = Some("code".into());
    boss.create_missing = true;
    let error = plan(&crm, &upsert(text, vec![boss])).unwrap_err();
    assert_eq!(error.field(), Some("associations.create_missing"));

    let happened = |block: ActivityColumns| {
        let request = PlanImport { activities: vec![block], ..upsert(text, vec![]) };
        plan(&crm, &request).unwrap_err()
    };
    let error = happened(ActivityColumns::new("calls", [map("at")]));
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownType, Some("activities.kind")));
    assert_eq!(error.hint(), Some("did you mean \"call\"?"));
    let error = happened(ActivityColumns::new("call", [ColumnMapping::new("firm", "minutes")]));
    assert_eq!(
        (error.kind(), error.field()),
        (ErrorKind::InvalidArgument, Some("activities.columns"))
    );
    let error =
        happened(ActivityColumns::new("call", [map("at"), ColumnMapping::new("firm", "minuts")]));
    assert_eq!(
        (error.kind(), error.hint()),
        (ErrorKind::UnknownAttribute, Some("did you mean \"minutes\"?"))
    );
    // A day has no time, and no zone is guessed.
    let day = ColumnMapping { format: Some("%Y-%m-%d".into()), ..map("at") };
    assert_eq!(happened(ActivityColumns::new("call", [day])).field(), Some("at"));
}

#[test]
fn records_that_others_change_while_an_import_is_under_way_are_found_as_they_are() {
    let crm = world();
    let acme = firm(&crm, "Acme");
    let mut text = "code,firm\n".to_owned();
    for row in 0..6_000 {
        text.push_str(&format!("p{row},Acme\n"));
    }
    let request = PlanImport { columns: vec![map("code")], ..upsert(&text, vec![links()]) };
    let made = plan(&crm, &request).unwrap();
    let run = crm.imports().apply(&made, &mut |_| Flow::Cancel).unwrap();
    crm.records("firm").archive(acme.id, None).unwrap();
    let run = crm.imports().resume(run.import.id, &made, &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.associations, run.import.conflicts), (5_000, 1_000));
    assert_eq!(run.problems[0].kind, "archived");
    assert_sound(&crm);
}

/// What the rows of a plan say, without ids that are only planned.
fn said(rows: &[PlannedRow]) -> Vec<(u64, usize, usize)> {
    rows.iter().map(|row| (row.row, row.associations.len(), row.activities.len())).collect()
}

#[test]
fn a_row_that_is_left_out_says_nothing_to_those_after_it() {
    let crm = world();
    let text = "code,firm,boss\na,Acme,nobody\nb,Acme,\n";
    let made = AssociationColumns { create_missing: true, ..links() };
    let boss = AssociationColumns::new("reports_to", "boss", "person", "code");
    let request = PlanImport { columns: vec![map("code")], ..upsert(text, vec![made, boss]) };
    let planned = plan(&crm, &request).unwrap();
    assert_eq!((planned.error, planned.create, planned.others), (1, 1, 1));
    let rows = rows(&crm, &planned);
    assert_eq!(said(&rows), [(1, 0, 0), (2, 1, 0)]);
    assert_eq!(rows[1].associations[0].new_row, Some(2));
    let run = apply(&crm, &planned).unwrap();
    assert_eq!((run.import.others, run.import.associations), (1, 1));
    let direction = AssociationDirection::Outgoing;
    let request = FindRelated { direction, ..FindRelated::new(person(&crm, "b")) };
    assert_eq!(crm.associations().related(&request).unwrap().related.len(), 1);
    let _: Values = values! {};
}

#[test]
fn the_ready_made_types_take_part() {
    let crm = Crm::in_memory().unwrap();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    let block = AssociationColumns::new("employed_by", "Company", "company", "name");
    let request = PlanImport {
        associations: vec![block],
        ..PlanImport::from_text(
            "contact",
            "Mail,Company\nann@example.org,Acme\n",
            [ColumnMapping::new("Mail", "email")],
        )
    };
    assert_eq!(plan(&crm, &request).unwrap().associations, 1);
}
