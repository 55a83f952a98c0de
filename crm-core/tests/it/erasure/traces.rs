//! What of a person stood in the journal about others: roll-ups, events for the host, and roles.

use crm_core::{Crm, EraseSubject, ErrorKind, PlanErasure, RecordId, RecordRef, Values, values};
use serde_json::{Value as Json, json};

use super::{ask, contact, refusal};
use crate::support::assert_sound;

fn company(id: RecordId) -> Json {
    json!({ "type": "company", "id": id })
}

fn define(crm: &Crm, entity_type: &str, attribute: Json) {
    ask(crm, "attributes.define", json!({ "type": entity_type, "attribute": attribute }));
}

fn calculated(crm: &Crm, name: &str, kind: &str, formula: &str) {
    define(crm, "company", json!({ "name": name, "kind": kind, "formula": formula }));
}

/// Companies that sum up who refers to them, and what lies above them.
fn rolled_up() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let index =
        json!({ "name": "employer", "kind": "reference", "target": "company", "index": true });
    define(&crm, "contact", index);
    define(
        &crm,
        "company",
        json!({ "name": "owner", "kind": "reference", "target": "company", "index": true }),
    );
    calculated(&crm, "staff", "integer", "count(related inverse contact.employer)");
    calculated(&crm, "last", "text", "latest(family_name of related inverse contact.employer)");
    calculated(&crm, "loud", "text", "concat(name, \": \", upper(last))");
    calculated(&crm, "below", "text", "latest(loud of related inverse company.owner)");
    crm
}

fn erase(crm: &Crm, id: RecordId) {
    crm.privacy().erase(&EraseSubject::new(contact(id))).unwrap();
}

/// What the history of a company says of an attribute, and `null` for each change that was erased.
fn told(crm: &Crm, id: RecordId, attribute: &str) -> Vec<Json> {
    let history = crm.journal().of_record("company", id).unwrap();
    let told = history.iter().filter_map(|entry| match entry.is_erased {
        true => Some(Json::Null),
        false => entry
            .values
            .iter()
            .find(|(name, _)| *name == attribute)
            .map(|(_, value)| serde_json::to_value(value).unwrap()),
    });
    told.collect()
}

/// All that others are told of the file.
fn everything(crm: &Crm) -> String {
    let whole = json!({ "limit": 10_000 });
    let changes = ask(crm, "changes.list", whole.clone());
    let events = ask(crm, "changes.cloud_events", whole);
    let rows = ask(crm, "database.sql", json!({ "sql": "SELECT * FROM crm_journal" }));
    format!("{changes}{events}{rows}").to_lowercase()
}

#[test]
fn what_a_roll_up_read_from_the_person_is_in_no_history() {
    let crm = rolled_up();
    let rule = json!({
        "name": "tell", "type": "company", "on": { "attribute_changed": { "attribute": "last" } },
        "actions": [{ "emit": { "event": "told", "fields": ["name", "loud"] } }],
    });
    ask(&crm, "rules.define", rule);
    let companies = crm.companies();
    let new = |values: Values| companies.create(values).unwrap().id;
    let holding = new(values! { "name" => "Holding" });
    let acme = new(values! { "name" => "Acme", "owner" => holding });
    let hired = |name: &str| {
        crm.contacts().create(values! { "family_name" => name, "employer" => acme }).unwrap().id
    };
    hired("Bobbins");
    let ann = hired("Quillfeather");
    // One change of a value of the company's own, and of what is calculated from it.
    companies.patch(acme, values! { "name" => "Acme Ltd" }).unwrap();
    assert!(everything(&crm).matches("quillfeather").count() > 6);

    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    let mentions: Vec<_> =
        plan.mentions.iter().map(|one| (one.kind.name(), one.record.id, &*one.by)).collect();
    assert_eq!(mentions, [("rollup", holding, "below"), ("rollup", acme, "last")]);
    let erasure = crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    assert_eq!(erasure.tables, plan.tables, "and how many rows of the journal");

    assert!(!everything(&crm).contains("quillfeather"));
    assert_eq!(
        told(&crm, acme, "last"),
        [json!("Bobbins"), json!(null), json!(null), json!("Bobbins")]
    );
    assert_eq!(told(&crm, acme, "staff").last(), Some(&json!(1)));
    let now = companies.get(holding).unwrap();
    assert_eq!(now.get("below").as_str(), Some("Acme Ltd: BOBBINS"));
    let timeline = ask(&crm, "timeline.list", company(acme));
    assert!(!timeline.to_string().to_lowercase().contains("quillfeather"));
    assert_sound(&crm);
    let chain = ask(&crm, "journal.verify", json!({}));
    assert_eq!(chain["is_ok"], true, "{chain}");
}

#[test]
fn only_what_was_said_while_the_person_counted_goes() {
    let crm = rolled_up();
    define(&crm, "company", json!({ "name": "remark", "kind": "text" }));
    let [a, b] =
        ["A", "B"].map(|name| crm.companies().create(values! { "name" => name }).unwrap().id);
    let contacts = crm.contacts();
    let hired = |name: &str| {
        contacts.create(values! { "family_name" => name, "employer" => a }).unwrap().id
    };
    let bob = hired("Bobbins");
    let ann = hired("Quillfeather");
    contacts.patch(ann, values! { "employer" => b }).unwrap();
    contacts.patch(bob, values! { "family_name" => "Robertson" }).unwrap();
    crm.companies().patch(b, values! { "remark" => "fair" }).unwrap();
    erase(&crm, ann);
    // Of the change by which the person left nobody can tell whether it is before or after.
    let last = [json!("Bobbins"), json!(null), json!(null), json!("Robertson")];
    assert_eq!(told(&crm, a, "last"), last);
    assert_eq!(told(&crm, b, "remark"), [json!(null), json!("fair")]);
    assert!(!everything(&crm).contains("quillfeather"));
    // A change that says nothing of the person is not touched.
    let history = crm.journal().of_record("company", b).unwrap();
    assert_eq!(history.iter().filter(|entry| entry.is_erased).count(), 1);
    assert_sound(&crm);
}

/// What lies on two roll-ups, of which one lies on the other, is written with each of them.
#[test]
fn what_is_half_way_without_the_person_is_in_no_history_either() {
    let crm = rolled_up();
    calculated(&crm, "both", "text", "concat(last, \"/\", below)");
    let companies = crm.companies();
    let acme = companies.create(values! { "name" => "Acme" }).unwrap().id;
    companies.patch(acme, values! { "owner" => acme }).unwrap();
    let values = values! { "family_name" => "Quillfeather", "employer" => acme };
    let ann = crm.contacts().create(values).unwrap().id;
    let both = || companies.get(acme).unwrap().get("both").as_str().map(str::to_owned);
    assert_eq!(both().as_deref(), Some("Quillfeather/Acme: QUILLFEATHER"));
    erase(&crm, ann);
    assert!(!everything(&crm).contains("quillfeather"));
    assert_sound(&crm);
}

#[test]
fn associations_count_as_references_do() {
    let crm = rolled_up();
    ask(
        &crm,
        "association_types.define",
        json!({ "name": "advises", "from": ["contact"], "to": ["company"] }),
    );
    define(&crm, "contact", json!({ "name": "born", "kind": "date" }));
    calculated(&crm, "youngest", "date", "max(born of related inverse advises)");
    calculated(&crm, "advisers", "integer", "count(related inverse advises)");
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let born = |date: &str| {
        let date: crm_core::Date = date.parse().unwrap();
        let id = crm.contacts().create(values! { "born" => date }).unwrap().id;
        let link = json!({ "type": "advises", "from": contact(id), "to": company(acme) });
        (id, ask(&crm, "associations.add", link)["id"].clone())
    };
    let (ann, link) = born("1971-03-17");
    ask(&crm, "associations.archive", json!({ "id": link }));
    born("1950-01-01");
    let history = || told(&crm, acme, "youngest");
    assert_eq!(history(), [json!("1971-03-17"), json!(null), json!("1950-01-01")]);
    erase(&crm, ann);
    assert_eq!(history()[0], json!(null), "erased");
    assert_eq!(history().last(), Some(&json!("1950-01-01")));
    assert!(!everything(&crm).contains("1971-03"));
    assert_sound(&crm);
}

#[test]
fn an_attribute_that_is_archived_keeps_nothing_of_the_person() {
    let crm = rolled_up();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let values = values! { "family_name" => "Quillfeather", "employer" => acme };
    let ann = crm.contacts().create(values).unwrap().id;
    for attribute in ["below", "loud", "last"] {
        let request = json!({ "type": "company", "attribute": attribute });
        ask(&crm, "attributes.archive", request);
    }
    erase(&crm, ann);
    assert!(!everything(&crm).contains("quillfeather"));
    let rows = ask(&crm, "database.sql", json!({ "sql": "SELECT last, loud FROM company" }));
    assert_eq!(rows["rows"], json!([[null, null]]));
    assert_sound(&crm);
    ask(&crm, "attributes.restore", json!({ "type": "company", "attribute": "last" }));
    assert_sound(&crm);
}

/// The past of a record is another one then, and whoever asks for it is told.
#[test]
fn segments_over_what_changed_are_right_without_the_person() {
    let crm = rolled_up();
    let segment =
        json!({ "name": "moved", "type": "company", "where": "changed(last to \"Quillfeather\")" });
    ask(&crm, "segments.define", segment);
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let hired = |name: &str| {
        let values = values! { "family_name" => name, "employer" => acme };
        crm.contacts().create(values).unwrap().id
    };
    let ann = hired("Quillfeather");
    hired("Bobbins");
    let members = || {
        let page = ask(&crm, "segments.members", json!({ "segment": "moved" }));
        page["members"].as_array().unwrap().len()
    };
    assert_eq!(members(), 1);
    erase(&crm, ann);
    assert_eq!(members(), 0);
    assert_sound(&crm);
}

#[test]
fn a_role_in_an_activity_of_somebody_else_goes_with_what_the_journal_says_of_it() {
    let crm = Crm::in_memory().unwrap();
    ask(&crm, "activity_kinds.define", json!({ "name": "chat" }));
    let new = |name: &str| crm.contacts().create(values! { "given_name" => name }).unwrap().id;
    let (ann, bob) = (new("Ann"), new("Bob"));
    let met = |role: &str| {
        let link = json!({ "type": "contact", "id": ann, "role": role });
        let activity = json!({
            "kind": "chat", "at": "2026-01-02T03:04:05Z", "subject": contact(bob),
            "channel": "web", "links": [link],
        });
        ask(&crm, "activities.record", activity)["activity"]["id"].clone()
    };
    let (with_role, without) = (met("Quillfeather"), met(""));
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    assert_eq!(plan.mentions[0].kind.name(), "activity");
    let rows = plan.tables.iter().find(|one| one.table == "crm_journal").unwrap().rows;
    assert_eq!(rows, 2, "the person's own, and the one with the role");
    erase(&crm, ann);
    assert!(!everything(&crm).contains("quillfeather"));
    for id in [with_role, without] {
        let activity = ask(&crm, "activities.get", json!({ "id": id }));
        assert_eq!((&activity["channel"], &activity["links"]), (&json!("web"), &json!([])));
    }
    let changes = ask(&crm, "changes.list", json!({ "limit": 10_000 }));
    let recorded = changes["changes"].as_array().unwrap().iter();
    let erased: Vec<_> = recorded
        .filter(|change| change["kind"] == "activity_recorded")
        .map(|change| change["is_erased"].clone())
        .collect();
    assert_eq!(erased, [json!(true), json!(false)]);
    assert_sound(&crm);
}

#[test]
fn a_former_contact_point_is_suppressed_too() {
    let crm = Crm::in_memory().unwrap();
    let contacts = crm.contacts();
    let values = values! { "phone" => "+49301234567", "email" => "Old@example.org" };
    let ann = contacts.create(values).unwrap().id;
    contacts.patch(ann, values! { "email" => "desk@example.org" }).unwrap();
    let values = values! { "phone" => "+49301234568", "email" => "new@example.org" };
    contacts.patch(ann, values).unwrap();
    let given = |email: &str| contacts.create(values! { "email" => email });
    let bob = given("desk@example.org").unwrap().id;
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    assert_eq!(plan.contact_points, 4, "one is somebody else's");
    assert_eq!(plan.mentions[0].record, RecordRef::new("contact", bob));
    erase(&crm, ann);
    let suppressed = |field: &str| (ErrorKind::Suppressed, Some(field.to_owned()));
    assert_eq!(refusal(given("old@example.org")), suppressed("email"));
    assert_eq!(refusal(given("new@example.org")), suppressed("email"));
    for phone in ["+49301234567", "+49301234568"] {
        let again = contacts.create(values! { "phone" => phone });
        assert_eq!(refusal(again), suppressed("phone"));
    }
    contacts.patch(bob, values! { "email" => "bob@example.org" }).unwrap();
    given("desk@example.org").unwrap();
    assert_sound(&crm);
}

#[test]
fn an_international_domain_is_suppressed_in_both_spellings() {
    for (erased, others) in [
        ("u@exämple.org", ["U@xn--exmple-cua.org", "u@EXÄMPLE.org"]),
        ("u@xn--exmple-cua.org", ["u@XN--EXMPLE-CUA.ORG", "u@exa\u{308}mple.org"]),
    ] {
        let crm = Crm::in_memory().unwrap();
        let ann = crm.contacts().create(values! { "email" => erased }).unwrap().id;
        erase(&crm, ann);
        for other in others {
            let again = crm.contacts().create(values! { "email" => other });
            assert_eq!(refusal(again), (ErrorKind::Suppressed, Some("email".into())), "{other}");
        }
    }
}

#[test]
fn an_archived_roll_up_keeps_nobody_whom_an_earlier_erasure_left_untold() {
    let crm = rolled_up();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let people = ["Lovelace", "Babbage"].map(|name| {
        let values = values! { "family_name" => name, "employer" => acme };
        crm.contacts().create(values).unwrap().id
    });
    erase(&crm, people[0]);
    for attribute in ["below", "loud", "last"] {
        ask(&crm, "attributes.archive", json!({ "type": "company", "attribute": attribute }));
    }
    erase(&crm, people[1]);
    let stored = ask(&crm, "database.sql", json!({ "sql": "SELECT last, loud FROM company" }));
    assert_eq!(stored["rows"], json!([[null, null]]), "{stored}");
    assert_sound(&crm);
}
