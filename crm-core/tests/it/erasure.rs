//! Erasure as a host meets it: what goes, what stays, and what does not come back.

mod definitions;
mod forensics;
mod killed;
mod lists;
mod restored;
mod suppressed;
mod traces;

use crm_core::{
    Crm, EraseSubject, Error, ErrorKind, Flow, LiftSuppression, ListProofs, PlanErasure, RecordId,
    RecordRef, ops::Request, values,
};
use serde_json::{Value as Json, json};

use crate::support::{Folder, assert_sound};

/// Asks by name, as another language does.
fn try_ask(crm: &Crm, operation: &str, request: &Json) -> Result<Json, Error> {
    let request = Request::from_json(operation, request.to_string().as_bytes())?;
    let response = crm.execute(request, &mut |_| Flow::Continue)?;
    Ok(serde_json::to_value(response).unwrap())
}

#[track_caller]
fn ask(crm: &Crm, operation: &str, request: Json) -> Json {
    try_ask(crm, operation, &request).unwrap_or_else(|error| panic!("{operation}: {error}"))
}

fn contact(id: RecordId) -> RecordRef {
    RecordRef::new("contact", id)
}

fn ann(crm: &Crm) -> RecordId {
    let values = values! { "given_name" => "Ann", "email" => "Ann@Example.org", "phone" => "+49 30 1234567" };
    crm.contacts().create(values).unwrap().id
}

#[track_caller]
fn refusal(result: Result<impl Sized, Error>) -> (ErrorKind, Option<String>) {
    let error = result.err().expect("a refusal");
    (error.kind(), error.field().map(str::to_owned))
}

/// Defines a purpose with a text of its name.
fn purpose(crm: &Crm, name: &str, channels: &[&str], policy: &str) {
    ask(crm, "notices.publish", json!({ "name": name, "language": "en", "text": "As we do." }));
    let purpose = json!({ "name": name, "channels": channels, "notice": name, "policy": policy });
    ask(crm, "purposes.define", purpose);
}

/// A company with a roll-up over its people, a segment and a score that look at them, and a deal that
/// refers to one.
fn counted(crm: &Crm) -> (RecordId, RecordId) {
    ask(
        crm,
        "association_types.define",
        json!({
            "name": "works_at", "from": ["contact"], "to": ["company"],
            "attributes": [{ "name": "note", "kind": "text" }],
        }),
    );
    ask(
        crm,
        "attributes.define",
        json!({ "type": "company", "attribute": {
        "name": "people", "kind": "integer", "formula": "count(related inverse works_at)",
    } }),
    );
    let company = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    ask(
        crm,
        "segments.define",
        json!({
            "name": "staffed", "type": "company", "where": "people >= 1",
        }),
    );
    ask(
        crm,
        "segments.define",
        json!({
            "name": "reachable", "type": "contact", "where": "email is set",
        }),
    );
    let deal = crm.deals().create(values! { "name" => "Chairs" }).unwrap().id;
    (company, deal)
}

#[test]
fn those_who_counted_the_person_are_right_without_them() {
    let crm = Crm::in_memory().unwrap();
    let (company, deal) = counted(&crm);
    let (ann, bob) = (ann(&crm), crm.contacts().create(values! { "email" => "b@b.example" }));
    let bob = bob.unwrap().id;
    for person in [ann, bob] {
        ask(
            &crm,
            "associations.add",
            json!({
                "type": "works_at", "from": contact(person),
                "to": { "type": "company", "id": company }, "role": "CFO",
            }),
        );
    }
    crm.deals().patch(deal, values! { "contact" => ann }).unwrap();
    let people = || crm.companies().get(company).unwrap().get("people").as_i64();
    let members = |segment: &str| {
        ask(&crm, "segments.members", json!({ "segment": segment }))["members"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((people(), members("reachable"), members("staffed")), (Some(2), 2, 1));
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    let kinds: Vec<_> = plan.mentions.iter().map(|one| (one.kind.name(), &*one.by)).collect();
    assert_eq!(kinds, [("reference", "contact"), ("association", "works_at")]);
    assert_eq!((plan.contact_points, plan.blockers.len()), (2, 0));

    let erasure = crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    assert_eq!(erasure.erased.hashes.len(), 2);
    assert_eq!((people(), members("reachable"), members("staffed")), (Some(1), 1, 1));
    assert!(crm.deals().get(deal).unwrap().get("contact").is_null());
    crm.privacy().erase(&EraseSubject::new(contact(bob))).unwrap();
    assert_eq!((people(), members("reachable"), members("staffed")), (Some(0), 0, 0));
    assert_sound(&crm);
}

#[test]
fn the_plan_says_what_the_erasure_does() {
    let crm = Crm::in_memory().unwrap();
    let ann = ann(&crm);
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    let before = crm.sql(&crm_core::RunSql::new("SELECT count(*) FROM crm_journal")).unwrap();
    let tables: Vec<_> =
        plan.tables.iter().map(|one| (&*one.table, one.rows, one.effect.name())).collect();
    assert_eq!(tables, [("contact", 1, "deleted"), ("crm_journal", 1, "redacted")]);
    assert!(plan.tables[1].reason.is_some(), "what stays has a reason");
    let same = crm.sql(&crm_core::RunSql::new("SELECT count(*) FROM crm_journal")).unwrap();
    assert_eq!(before, same, "a plan changes nothing");
    let erasure = crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    assert_eq!(erasure.tables, plan.tables);
}

#[test]
fn erasing_twice_or_nobody_is_told_apart_and_loses_nothing() {
    let crm = Crm::in_memory().unwrap();
    let ann = ann(&crm);
    let erase = |subject: RecordRef| crm.privacy().erase(&EraseSubject::new(subject));
    let nobody = erase(contact(RecordId::from_bytes([1; 16])));
    assert_eq!(refusal(nobody), (ErrorKind::NotFound, Some("subject.id".into())));
    let unknown = erase(RecordRef::new("robot", ann));
    assert_eq!(refusal(unknown), (ErrorKind::UnknownType, Some("subject.type".into())));
    let elsewhere = erase(RecordRef::new("company", ann));
    assert_eq!(refusal(elsewhere), (ErrorKind::NotFound, Some("subject.id".into())));
    let stale = EraseSubject { expected_version: Some(7), ..EraseSubject::new(contact(ann)) };
    let stale = crm.privacy().erase(&stale);
    assert_eq!(refusal(stale), (ErrorKind::StaleVersion, Some("expected_version".into())));
    assert_eq!(crm.contacts().count().unwrap(), 1);
    crm.contacts().archive(ann, None).unwrap();
    erase(contact(ann)).unwrap();
    let again = erase(contact(ann)).unwrap_err();
    assert_eq!((again.kind(), again.field()), (ErrorKind::NotFound, Some("subject.id")));
    assert!(again.hint().unwrap().contains("erased"));
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann)));
    assert_eq!(refusal(plan), (ErrorKind::NotFound, Some("subject.id".into())));
    assert_sound(&crm);
}

#[test]
fn the_history_says_that_the_person_was_erased_and_nothing_else() {
    let crm = Crm::in_memory().unwrap();
    let crm = crm.acting_as("user:7", Some("asked by Ann Quillfeather")).unwrap();
    let ann = ann(&crm);
    crm.contacts().patch(ann, values! { "given_name" => "Anna" }).unwrap();
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    let history = crm.journal().of_record("contact", ann).unwrap();
    let kinds: Vec<_> = history.iter().map(|entry| entry.kind.name()).collect();
    assert_eq!(kinds, ["record_created", "record_patched", "record_archived", "record_erased"]);
    assert!(history.iter().all(|entry| entry.values.iter().next().is_none()));
    assert!(history[..3].iter().all(|entry| entry.cause.is_none()));
    assert_eq!(history[3].actor, "user:7");
    let changes = ask(&crm, "changes.list", json!({ "limit": 10_000 })).to_string();
    assert!(!changes.contains("Anna") && !changes.to_lowercase().contains("example.org"));
    let events = ask(&crm, "changes.cloud_events", json!({ "limit": 10_000 }));
    let last = events["events"].as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], "crm.record.erased");
}

#[test]
fn an_erased_contact_point_comes_back_only_when_the_host_says_so() {
    let crm = Crm::in_memory().unwrap();
    let erased = ann(&crm);
    let bob = crm.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    crm.privacy().erase(&EraseSubject::new(contact(erased))).unwrap();
    let suppressed = |field: &str| (ErrorKind::Suppressed, Some(field.to_owned()));
    let contacts = crm.contacts();
    let create = contacts.create(values! { "email" => "ann@EXAMPLE.org" });
    assert_eq!(refusal(create), suppressed("email"));
    assert_eq!(
        refusal(contacts.patch(bob, values! { "phone" => "+49301234567" })),
        suppressed("phone")
    );
    let upsert = contacts.upsert("email", values! { "email" => "ann@example.org" });
    assert_eq!(refusal(upsert), suppressed("email"));
    let table = json!({
        "type": "contact", "text": "mail,name\nann@example.org,Ann\ncarl@example.org,Carl\n",
        "columns": [
            { "column": "mail", "attribute": "email" }, { "column": "name", "attribute": "given_name" },
        ],
    });
    let report = ask(&crm, "csv.import", table.clone());
    assert_eq!((&report["created"], &report["rejected"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["problems"][0]["kind"], "suppressed");
    assert!(!report.to_string().contains("ann@"), "the report names nobody");

    let lift = |text: &str| crm.privacy().lift_suppression(&LiftSuppression::new(text)).unwrap();
    assert!(!lift("bob@example.org").was_suppressed);
    assert!(lift("Ann@Example.ORG").was_suppressed);
    assert!(!lift("ann@example.org").was_suppressed, "it was lifted");
    let wrong = crm.privacy().lift_suppression(&LiftSuppression::new("Ann"));
    assert_eq!(refusal(wrong), (ErrorKind::InvalidValue, Some("contact_point".into())));
    contacts.create(values! { "email" => "ann@example.org" }).unwrap();
    assert_eq!(
        refusal(contacts.create(values! { "phone" => "+49301234567" })),
        suppressed("phone")
    );
    assert_sound(&crm);
}

#[test]
fn a_contact_point_that_somebody_else_holds_is_not_suppressed() {
    let crm = Crm::in_memory().unwrap();
    let ann = ann(&crm);
    ask(
        &crm,
        "attributes.define",
        json!({ "type": "company", "attribute": {
        "name": "mail", "kind": "email", "index": true,
    } }),
    );
    let company = crm.companies().create(values! { "name" => "Ann", "mail" => "Ann@example.org" });
    let company = company.unwrap().id;
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    assert_eq!(plan.contact_points, 1, "the telephone number");
    assert_eq!(plan.mentions[0].record, RecordRef::new("company", company));
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    crm.companies().patch(company, values! { "name" => "Ann Ltd" }).unwrap();
    crm.contacts().create(values! { "email" => "Ann@example.org" }).unwrap();
}

#[test]
fn what_speaks_against_it_is_told_and_refuses_it() {
    let crm = Crm::in_memory().unwrap();
    let ann = ann(&crm);
    ask(
        &crm,
        "types.define",
        json!({ "name": "ticket", "attributes": [
        { "name": "reporter", "kind": "reference", "target": "contact", "required": true },
    ] }),
    );
    let ticket = crm.records("ticket").create(values! { "reporter" => ann }).unwrap().id;
    let restrict = json!({ "kind": "restricted", "subject": contact(ann) });
    let restricted = ask(&crm, "consents.record", restrict)["id"].clone();
    let blockers = || {
        let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
        plan.blockers.iter().map(|one| one.reason.name()).collect::<Vec<_>>()
    };
    assert_eq!(blockers(), ["restricted", "required_reference"]);
    let refused = crm.privacy().erase(&EraseSubject::new(contact(ann)));
    assert_eq!(refusal(refused), (ErrorKind::Refused, Some("subject".into())));
    assert_eq!(crm.contacts().get(ann).unwrap().version, 1, "nothing was changed");
    let lifted = json!({ "kind": "lifted", "subject": contact(ann), "supersedes": [restricted] });
    ask(&crm, "consents.record", lifted);
    let bob = crm.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    crm.records("ticket").patch(ticket, values! { "reporter" => bob }).unwrap();
    assert!(blockers().is_empty());
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    assert_sound(&crm);
}

/// Under a policy that keeps proof of consent by telephone for five years.
#[test]
fn proof_of_consent_outlives_the_person_without_saying_who_it_was() {
    let crm = Crm::in_memory().unwrap();
    let ann = ann(&crm);
    purpose(&crm, "calls", &["phone"], "eu_strict");
    ask(
        &crm,
        "consents.record",
        json!({
            "kind": "granted", "subject": contact(ann), "channel": "phone", "purpose": "calls",
            "contact_point": "+49301234567", "source": "Quillfeather",
            "evidence": { "ip": "192.0.2.7", "note": "Quillfeather" },
        }),
    );
    let question = json!({ "subject": contact(ann), "channel": "phone", "purpose": "calls" });
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
    assert_eq!(plan.proofs.len(), 1);
    let erasure = crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    let proof = &erasure.proofs[0];
    assert_eq!((&*proof.purpose, proof.notice_version), ("calls", Some(1)));
    assert!(proof.notice_sha256.is_some());
    let hash = proof.contact_hash.as_ref().unwrap();
    assert!(erasure.erased.hashes.contains(hash), "whoever knows the number can tell");
    let kept = ask(&crm, "database.sql", json!({ "sql": "SELECT proof FROM crm_consent_proof" }));
    let kept = kept["rows"].to_string();
    assert!(
        !kept.contains("Quillfeather") && !kept.contains("192.0.2") && !kept.contains("1234567")
    );
    let decision = ask(&crm, "consents.decide", question);
    assert_eq!(decision["is_allowed"], false);
    assert_eq!(decision["reasons"][0]["reason"], "erased");
    assert_eq!(decision["reasons"][0]["text"], "The person was erased.");
    assert_sound(&crm);
}

#[test]
fn a_kept_proof_permitted_until_something_ended_it_for_good() {
    let crm = Crm::in_memory().unwrap();
    purpose(&crm, "calls", &["phone"], "eu_strict");
    let person = || crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    let say = |kind: &str, who: RecordId, day: &str, rest: Json| {
        let mut event = json!({
            "kind": kind, "subject": contact(who), "channel": "phone", "purpose": "calls",
            "method": "form", "at": format!("2026-01-{day}T00:00:00Z"),
        });
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        ask(&crm, "consents.record", event)["id"].clone()
    };
    let until = |who: RecordId| {
        let plan = PlanErasure {
            at: Some("2026-02-01T00:00:00Z".parse().unwrap()),
            subject: contact(who),
        };
        let proofs = crm.privacy().plan_erasure(&plan).unwrap().proofs.into_iter();
        let ends = proofs.map(|one| one.permitted_until.map(|end| end.to_string()));
        ends.collect::<Vec<_>>()
    };
    let day = |day: &str| Some(format!("2026-01-{day}T00:00:00Z"));

    let given = person();
    say("granted", given, "01", json!({}));
    assert_eq!(until(given), [None]);
    say("paused", given, "02", json!({ "expires_at": "2026-01-09T00:00:00Z" }));
    assert_eq!(until(given), [None], "a pause ends by itself");
    say("withdrawn", given, "03", json!({}));
    assert_eq!(until(given), [day("03")]);
    say("granted", given, "05", json!({}));
    assert_eq!(until(given), [day("03"), None], "a new consent is another one");

    let ending = person();
    say("granted", ending, "01", json!({ "expires_at": "2026-01-20T00:00:00Z" }));
    assert_eq!(until(ending), [day("20")]);
    say("invalidated", ending, "04", json!({}));
    assert_eq!(until(ending), [day("04")]);

    let taken = person();
    let grant = say("granted", taken, "01", json!({}));
    say("lifted", taken, "06", json!({ "supersedes": [grant] }));
    assert_eq!(until(taken), [day("06")]);
}

/// Whoever shows a cookie is made a record, and then shown what there is, due and erased as anybody.
#[test]
fn a_visitor_whom_nobody_knew_is_erased_as_a_made_up_record() {
    let folder = Folder::new();
    let crm = folder.open();
    let (key, ip, topic) = (forensics::needle(0), forensics::needle(1), forensics::needle(2));
    let properties = json!([{ "name": "ip", "kind": "text", "searched": true },
                            { "name": "topic", "kind": "text" }]);
    ask(&crm, "activity_kinds.define", json!({ "name": "page_seen", "properties": properties }));
    for day in [1, 2] {
        let at = format!("2025-01-0{day}T00:00:00Z");
        let properties = json!({ "ip": ip, "topic": topic });
        let seen =
            json!({ "kind": "page_seen", "at": at, "visitor": key, "properties": properties });
        ask(&crm, "activities.record", seen);
    }
    let rule = json!({ "name": "visitors", "type": "contact", "period": "P1Y", "counts_from": "last_activity" });
    ask(&crm, "privacy.define_retention", rule);
    assert_eq!(forensics::found(folder.root(), 3), [0, 1, 2]);

    let made_up = crm.contacts().create(values! { "source" => "visitor" }).unwrap().id;
    let identified = json!({ "visitor": key, "type": "contact", "id": made_up });
    ask(&crm, "activities.identify", identified);
    let shown = ask(&crm, "privacy.access", json!({ "subject": contact(made_up) })).to_string();
    assert!(shown.contains(&key) && shown.contains(&ip) && shown.contains(&topic));
    let due = ask(&crm, "privacy.due_for_review", json!({ "at": "2026-06-01T00:00:00Z" }));
    assert_eq!(due["due"][0]["subject"]["id"], json!(made_up));
    crm.privacy().erase(&EraseSubject::new(contact(made_up))).unwrap();
    assert_eq!(forensics::found(folder.root(), 3), [] as [u32; 0]);
    assert_sound(&crm);
}

/// What the engine cannot change by itself: a definition is the host's.
#[test]
fn the_plan_names_definitions_with_what_is_known_of_the_person_alone() {
    let crm = Crm::in_memory().unwrap();
    let ann = ann(&crm);
    let code = json!({ "name": "code", "kind": "text", "unique": true });
    ask(&crm, "attributes.define", json!({ "type": "contact", "attribute": code }));
    crm.contacts()
        .patch(ann, values! { "code" => "K\"4711", "email" => "a2@example.org" })
        .unwrap();
    let named = || {
        let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(ann))).unwrap();
        let named = plan.definitions.into_iter().map(|one| format!("{} {}", one.table, one.name));
        named.collect::<Vec<_>>()
    };
    assert_eq!(named(), Vec::<String>::new());
    let segment = |name: &str, condition: &str| json!({ "name": name, "type": "contact", "kind": "live", "where": condition });
    // By a former address, in another letter case; by an own number; and by what is nobody's alone.
    ask(&crm, "segments.define", segment("former", "email = \"ANN@example.org\""));
    ask(&crm, "segments.define", segment("coded", "code = \"K\\\"4711\""));
    ask(&crm, "segments.define", segment("any", "given_name = \"Ann\""));
    let by_phone = json!([{ "field": "phone" }]);
    ask(
        &crm,
        "views.save",
        json!({ "name": "called", "query": { "select": {
            "type": "contact", "columns": by_phone, "where": "phone = \"+49301234567\"",
        } } }),
    );
    assert_eq!(named(), ["crm_segment coded", "crm_segment former", "crm_view called"]);
    for name in ["former", "coded"] {
        ask(&crm, "segments.define", segment(name, "given_name = \"Bob\""));
    }
    assert_eq!(named(), ["crm_view called"]);
}

#[test]
fn kept_proofs_are_read_by_pages_by_record_and_by_address() {
    let crm = Crm::in_memory().unwrap();
    purpose(&crm, "calls", &["phone"], "eu_strict");
    let people: Vec<RecordId> = (0..3)
        .map(|number| {
            let id = crm.contacts().create(values! { "given_name" => "A" }).unwrap().id;
            for at in ["2024-05-01T10:00:00Z", "2025-03-01T10:00:00Z"] {
                let grant = json!({
                    "kind": "granted", "subject": contact(id), "channel": "phone", "purpose": "calls",
                    "contact_point": format!("+4930123456{number}"), "at": at, "source": "Quillfeather",
                });
                ask(&crm, "consents.record", grant);
            }
            id
        })
        .collect();
    let page = |request: ListProofs| crm.privacy().proofs(&request).unwrap();
    assert!(page(ListProofs::default()).proofs.is_empty(), "nobody is erased yet");
    let number = || Some("+49 30 1234562".to_owned());
    let by_number = || ListProofs { contact_point: number(), ..ListProofs::default() };
    assert!(page(by_number()).proofs.is_empty(), "the file has no key yet");
    for id in &people {
        crm.privacy().erase(&EraseSubject::new(contact(*id))).unwrap();
    }
    let all = page(ListProofs::default());
    assert_eq!((all.proofs.len(), &all.next), (6, &None));
    assert!(!format!("{all:?}").contains("Quillfeather"));
    let ends: Vec<String> = all.proofs.iter().map(|one| one.proof.keep_until.to_string()).collect();
    assert_eq!((&*ends[0], &*ends[5]), ("2029-05-01T10:00:00Z", "2030-03-01T10:00:00Z"));
    assert!(ends.is_sorted(), "those first that go first");
    // Whatever the pages, it is the same list.
    for limit in 1..=6 {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let one = page(ListProofs { limit, after, ..ListProofs::default() });
            read.extend(one.proofs);
            after = one.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, all.proofs, "by {limit}");
    }
    let beyond = "2029-05-01T10:00:00Z".parse().ok();
    assert_eq!(page(ListProofs { at: beyond, ..ListProofs::default() }).proofs.len(), 3);
    let subject = Some(contact(people[1]));
    let of_one = page(ListProofs { subject, ..ListProofs::default() }).proofs;
    assert_eq!(of_one.len(), 2);
    assert!(of_one.iter().all(|one| one.subject.id == people[1]));
    let found = page(by_number()).proofs;
    assert_eq!(found.len(), 2, "whoever names the number finds what was given with it");
    assert!(found.iter().all(|one| one.subject.id == people[2]));

    let try_page = |request: ListProofs| refusal(crm.privacy().proofs(&request));
    let cursor = Some("x".to_owned());
    let wrong = try_page(ListProofs { after: cursor, ..ListProofs::default() });
    assert_eq!(wrong, (ErrorKind::InvalidArgument, Some("after".into())));
    let wrong = try_page(ListProofs { limit: 0, ..ListProofs::default() });
    assert_eq!(wrong, (ErrorKind::InvalidArgument, Some("limit".into())));
    let point = Some("030 123".to_owned());
    let wrong = try_page(ListProofs { contact_point: point, ..ListProofs::default() });
    assert_eq!(wrong, (ErrorKind::InvalidValue, Some("contact_point".into())));
    let subject = Some(RecordRef::new("robot", people[0]));
    let wrong = try_page(ListProofs { subject, ..ListProofs::default() });
    assert_eq!(wrong, (ErrorKind::UnknownType, Some("subject.type".into())));
}

#[test]
fn a_suppressed_contact_point_is_neither_asked_nor_contacted() {
    let crm = Crm::in_memory().unwrap();
    let erased = ann(&crm);
    purpose(&crm, "news", &["email"], "us_can_spam");
    crm.privacy().erase(&EraseSubject::new(contact(erased))).unwrap();
    let bob = crm.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    let question = json!({
        "subject": contact(bob), "channel": "email", "purpose": "news",
        "contact_point": "ANN@example.org",
    });
    let decision = ask(&crm, "consents.decide", question.clone());
    assert_eq!(decision["reasons"][0]["reason"], "suppressed");
    let request = try_ask(&crm, "consents.request", &question);
    assert_eq!(refusal(request), (ErrorKind::Suppressed, Some("contact_point".into())));
    let withdraw = json!({
        "kind": "withdrawn", "subject": contact(bob), "contact_point": "ann@example.org",
    });
    ask(&crm, "consents.record", withdraw);
}
