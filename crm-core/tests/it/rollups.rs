//! Roll-ups where the law does not look: files that are opened again, imports among other people's
//! work, many records, what is refused and leaves nothing.

use crm_core::{
    ActivityPreset, AddAssociation, AssociationPreset, Attribute, ColumnMapping, Crm, DefineType,
    ErrorKind, Flow, ImportMode, Kind, Money, NewActivity, PlanImport, Record, RecordActivities,
    RecordId, RecordRef, Timestamp, Value, Values, values,
};

use crate::support::{Folder, assert_sound, journal_length};

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + day * 86_400_000_000).unwrap()
}

fn purchase(contact: RecordId, day: i64, euros: &str) -> NewActivity {
    NewActivity {
        amount: Some(Money::new(euros, "EUR")),
        ..NewActivity::of("purchase", RecordRef::new("contact", contact), at(day))
    }
}

/// Contacts with purchases, and companies with what their people bought.
fn define(crm: &Crm) {
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let contact = [
        Attribute::new("key", Kind::Text).unique(),
        Attribute::new("purchases", Kind::Integer).formula("count(purchase)").indexed(),
        Attribute::new("revenue", Kind::Money).currency("EUR").formula("sum(amount of purchase)"),
    ];
    crm.types().define(DefineType::new("contact", contact)).unwrap();
    let company = [
        Attribute::new("staff", Kind::Integer).formula("count(related inverse employed_by)"),
        Attribute::new("revenue", Kind::Money)
            .currency("EUR")
            .formula("sum(revenue of related inverse employed_by)"),
    ];
    crm.types().define(DefineType::new("company", company)).unwrap();
}

fn employ(crm: &Crm, contact: &Record, company: &Record) {
    let link = AddAssociation::new("employed_by", contact.reference(), company.reference());
    crm.associations().add(link).unwrap();
}

fn euros(record: &Record) -> String {
    match record.get("revenue") {
        Value::Money(money) => money.amount.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_is_opened_again_knows_its_roll_ups() {
    let folder = Folder::new();
    let crm = folder.open();
    define(&crm);
    let ann = crm.contacts().create(values! { "key" => "a" }).unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    employ(&crm, &ann, &acme);
    crm.activities().record(purchase(ann.id, 1, "10")).unwrap();
    crm.close().unwrap();
    let crm = folder.open();
    crm.activities().record(purchase(ann.id, 2, "5.50")).unwrap();
    assert_eq!(euros(&crm.contacts().get(ann.id).unwrap()), "15.50");
    assert_eq!(euros(&crm.companies().get(acme.id).unwrap()), "15.50");
    assert_sound(&crm);
}

#[test]
fn a_new_roll_up_is_true_for_more_records_than_are_held_at_once() {
    let crm = Crm::in_memory().unwrap();
    define(&crm);
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    let mut activities = Vec::new();
    for number in 0..1_200_i64 {
        let contact = crm.contacts().create(values! {}).unwrap();
        employ(&crm, &contact, &acme);
        activities.extend((0..number % 3).map(|day| purchase(contact.id, day, "1")));
    }
    let expected = activities.len();
    let request = RecordActivities { activities, all_or_nothing: true };
    assert!(crm.activities().record_many(request).unwrap().is_committed);
    let twice = Attribute::new("twice", Kind::Integer).formula("purchases * 2");
    crm.types().define_attribute("contact", twice).unwrap();
    for formula in
        ["sum(twice of related inverse employed_by)", "max(twice of related inverse employed_by)"]
    {
        let total = Attribute::new("total", Kind::Integer).formula(formula);
        crm.types().define_attribute("company", total).unwrap();
    }
    assert_eq!(crm.companies().get(acme.id).unwrap().get("total").as_i64(), Some(4));
    // A new formula of what is summed up changes what sums it up, page by page.
    let twice = Attribute::new("twice", Kind::Integer).formula("purchases * 20");
    crm.types().define_attribute("contact", twice).unwrap();
    let acme = crm.companies().get(acme.id).unwrap();
    assert_eq!(acme.get("total").as_i64(), Some(40));
    assert_eq!(euros(&acme), format!("{expected}.00"));
    assert_sound(&crm);
}

#[test]
fn what_others_record_is_no_conflict_of_an_import() {
    let crm = Crm::in_memory().unwrap();
    define(&crm);
    let ann = crm.contacts().create(values! { "key" => "a", "family_name" => "Lee" }).unwrap();
    let columns = ["key", "family_name"].map(|name| ColumnMapping::new(name, name));
    let request = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["key".into()],
        ..PlanImport::from_text("contact", "key,family_name\na,Li\nb,Bo\n", columns)
    };
    let plan = crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
    // Only what is calculated has changed since the plan.
    crm.activities().record(purchase(ann.id, 1, "10")).unwrap();
    let run = crm.imports().apply(&plan, &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.created, run.import.updated, run.import.conflicts), (1, 1, 0));
    let bob = crm.contacts().get_by("key", "b").unwrap();
    crm.activities().record(purchase(bob.id, 1, "3")).unwrap();
    let report = crm.imports().revert(run.import.id, &mut |_| Flow::Continue).unwrap();
    assert_eq!((report.archived, report.restored, report.left_count), (1, 1, 0));
    let ann = crm.contacts().get(ann.id).unwrap();
    assert_eq!((ann.get("family_name").as_str(), euros(&ann)), (Some("Lee"), "10.00".into()));
    assert_sound(&crm);

    // What a person changed is one still.
    let plan = crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
    crm.contacts().patch(ann.id, values! { "family_name" => "Low" }).unwrap();
    let error = crm.imports().apply(&plan, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleVersion);
}

#[test]
fn the_changes_of_one_call_are_one_transaction_of_its_author() {
    let crm = Crm::in_memory().unwrap();
    define(&crm);
    let ann = crm.contacts().create(values! { "key" => "a" }).unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    employ(&crm, &ann, &acme);
    let eve = crm.acting_as("user:eve", Some("call")).unwrap();
    let before = journal_length(&crm);
    eve.activities().record(purchase(ann.id, 1, "10")).unwrap();
    let page = crm_core::ListChanges::after(before);
    let changes = crm.journal().changes(&page).unwrap().changes;
    let kinds: Vec<_> = changes.iter().map(|change| change.kind.name()).collect();
    assert_eq!(kinds, ["activity_recorded", "record_patched", "record_patched"]);
    for change in &changes {
        assert_eq!((change.transaction, &*change.actor), (before + 1, "user:eve"));
        assert_eq!(change.cause.as_deref(), Some("call"));
    }
    // An activity that changes no value changes no record.
    let nothing = NewActivity::of("purchase", acme.reference(), at(1));
    eve.activities().record(nothing).unwrap();
    assert_eq!(journal_length(&crm), before + 4);
}

#[test]
fn what_is_tried_in_vain_leaves_roll_ups_as_they_were() {
    let crm = Crm::in_memory().unwrap();
    define(&crm);
    let ann = crm.contacts().create(values! { "key" => "a" }).unwrap();
    let good = purchase(ann.id, 1, "10");
    let bad =
        NewActivity { kind: "purchase".into(), ..purchase(RecordId::from_bytes([7; 16]), 1, "1") };
    let request = |all_or_nothing| RecordActivities {
        activities: vec![good.clone(), bad.clone()],
        all_or_nothing,
    };
    assert!(!crm.activities().record_many(request(true)).unwrap().is_committed);
    assert_eq!(crm.contacts().get(ann.id).unwrap(), ann);
    assert_eq!(crm.activities().record_many(request(false)).unwrap().failed, 1);
    let after = crm.contacts().get(ann.id).unwrap();
    assert_eq!((after.version, after.get("purchases").as_i64()), (2, Some(1)));
    let stale = crm.contacts().patch_expecting(ann.id, values! { "key" => "b" }, Some(1));
    assert_eq!(stale.unwrap_err().kind(), ErrorKind::StaleVersion);
    let written = crm.contacts().patch(ann.id, Values::from([("purchases", Value::Integer(7))]));
    assert_eq!(written.unwrap_err().field(), Some("purchases"));
    assert_sound(&crm);
}
