//! What people may ask for: all that the file has of them, what they may take along, the register of
//! processing, and proof of a decision.

use std::{fs, path::Path, thread};

use crm_core::{
    AccessData, AccessReport, AccessScope, AddFile, CheckProof, Crm, ErrorKind, Flow, GetRegister,
    MayContact, ProveDecision, RecordRef, ops::Request,
};
use serde_json::{Value as Json, json};

use crate::support::Folder;

fn run(crm: &Crm, operation: &str, request: &Json) -> Json {
    let request = Request::from_json(operation, request.to_string().as_bytes()).unwrap();
    let response = crm.execute(request, &mut |_| Flow::Continue).unwrap();
    serde_json::to_value(response).unwrap()
}

/// A file that has something of a person in every table that can have it.
#[expect(clippy::too_many_lines, reason = "a step for each table")]
fn filled() -> (Crm, RecordRef) {
    let crm = Crm::in_memory().unwrap();
    let run = |operation: &str, request: Json| run(&crm, operation, &request);
    let photo = json!({ "name": "photo", "kind": "file" });
    run("attributes.define", json!({ "type": "contact", "attribute": photo }));
    let doubled = json!({ "name": "loud", "kind": "text", "formula": "upper(given_name)" });
    run("attributes.define", json!({ "type": "contact", "attribute": doubled }));
    let tags = json!({ "name": "tags", "kind": "choices", "options": [{ "value": "vip" }], "index": true });
    run("attributes.define", json!({ "type": "contact", "attribute": tags }));
    run(
        "lifecycles.define",
        json!({ "name": "way", "type": "contact", "stages": [{ "name": "begun" }, { "name": "known" }] }),
    );
    let rules = json!([{ "name": "named", "where": "given_name = \"Ann\"", "points": 10 }]);
    run(
        "scores.define",
        json!({
            "name": "lead", "type": "contact", "groups": [{ "name": "all", "rules": rules }],
            "thresholds": [{ "name": "warm", "at_least": 5 }],
        }),
    );
    run("scores.publish", json!({ "model": "lead" }));
    run(
        "rules.define",
        json!({
            "name": "greet", "type": "contact", "on": { "attribute_changed": { "attribute": "given_name" } },
            "actions": [{ "emit": { "event": "greeted", "fields": ["given_name"] } }],
        }),
    );
    run("segments.define", json!({ "name": "chosen", "type": "contact", "kind": "static" }));
    run(
        "activity_kinds.define",
        json!({ "name": "chat", "properties": [{ "name": "topic", "kind": "text" }] }),
    );
    let why = json!([{ "name": "why", "kind": "text" }]);
    run(
        "association_types.define",
        json!({ "name": "close_to", "from": ["contact"], "to": ["contact"], "attributes": why }),
    );
    let file = crm.files().add(&AddFile::new("ann.txt", "text/plain", "a face")).unwrap();
    let values =
        json!({ "given_name": "Ann", "email": "ann@example.org", "photo": file, "tags": ["vip"] });
    let ann = run("records.create", json!({ "type": "contact", "values": values }))["id"].clone();
    let eve =
        json!({ "type": "contact", "values": { "given_name": "Eve", "email": "eve@example.org" } });
    let eve = run("records.create", eve)["id"].clone();
    run(
        "records.patch",
        json!({ "type": "contact", "id": ann, "values": { "given_name": "Anna" } }),
    );
    run(
        "records.patch",
        json!({ "type": "contact", "id": ann, "values": { "given_name": "Ann" } }),
    );
    let (who, other) =
        (json!({ "type": "contact", "id": ann }), json!({ "type": "contact", "id": eve }));
    let chat = json!({
        "kind": "chat", "at": "2024-01-01T00:00:00Z", "subject": who, "properties": { "topic": "chairs" },
        "links": [{ "type": "contact", "id": eve }],
    });
    run("activities.record", chat);
    run(
        "activities.record",
        json!({ "kind": "chat", "at": "2024-01-02T00:00:00Z", "visitor": "v1", "properties": { "topic": "desks" } }),
    );
    run("activities.identify", json!({ "visitor": "v1", "type": "contact", "id": ann }));
    run(
        "associations.add",
        json!({ "type": "close_to", "from": who, "to": other, "values": { "why": "sisters" } }),
    );
    run("segments.add_members", json!({ "segment": "chosen", "ids": [ann] }));
    run("lifecycles.move", json!({ "lifecycle": "way", "id": ann, "to": "known" }));
    run("parties.define", json!({ "name": "acme", "role": "controller" }));
    run("notices.publish", json!({ "name": "news", "language": "en", "text": "Once a week." }));
    run(
        "purposes.define",
        json!({
            "name": "news", "channels": ["email"], "notice": "news", "policy": "eu_strict",
            "controller": "acme", "processing": { "storage_period": "P3Y", "security": "a lock" },
        }),
    );
    let asked = json!({ "subject": who, "channel": "email", "purpose": "news", "contact_point": "ann@example.org" });
    let waiting = run("consents.request", asked.clone());
    run("consents.confirm", json!({ "token": waiting["token"] }));
    run("consents.request", asked);
    run(
        "consents.unsubscribe_link",
        json!({ "subject": who, "channel": "email", "url": "https://example.org" }),
    );
    run("consents.link", json!({ "a": who, "b": other }));
    let id = serde_json::from_value(ann).unwrap();
    (crm, RecordRef::new("contact", id))
}

fn access(crm: &Crm, request: &AccessData) -> (AccessReport, Json) {
    let report = crm.privacy().access(request, &mut |_| Flow::Continue).unwrap();
    let document = serde_json::from_str(report.text.as_deref().unwrap()).unwrap();
    (report, document)
}

/// The answer of an SQL statement.
fn sql(crm: &Crm, sql: &str) -> Vec<Vec<Json>> {
    let answer = run(crm, "database.sql", &json!({ "sql": sql }));
    serde_json::from_value(answer["rows"].clone()).unwrap()
}

/// Tables that only follow from rows that are shown, or say when the engine looks again.
const FOLLOWING: [&str; 5] =
    ["crm_choice", "crm_consent_block", "crm_consent_permit", "crm_searched", "crm_timer"];

#[test]
fn no_table_that_names_the_person_is_left_out() {
    let (crm, ann) = filled();
    let (report, document) = access(&crm, &AccessData::new(ann.clone()));
    let text = ann.id.to_string();
    let hex = text.replace('-', "");
    let names = sql(
        &crm,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'crm_search%' ORDER BY name",
    );
    let mut found = 0;
    for name in names.iter().map(|row| row[0].as_str().unwrap()) {
        let whole = json!({ "sql": format!("SELECT * FROM \"{name}\" LIMIT 1") });
        let columns = run(&crm, "database.sql", &whole)["columns"].clone();
        let columns: Vec<String> = serde_json::from_value(columns).unwrap();
        let naming = columns.iter().map(|column| {
            format!(
                "ifnull(\"{column}\" = x'{hex}', 0) OR ifnull(instr(\"{column}\", '{text}'), 0) > 0"
            )
        });
        let naming = naming.collect::<Vec<_>>().join(" OR ");
        let count = sql(&crm, &format!("SELECT count(*) FROM \"{name}\" WHERE {naming}"));
        let count = count[0][0].as_u64().unwrap();
        let shown = document["tables"][name].as_array().map_or(0, Vec::len) as u64;
        if count > 0 && !FOLLOWING.contains(&name) {
            assert!(shown >= count, "{name}: {shown} of {count} rows");
            found += 1;
        }
        let told = report.tables.iter().find(|table| table.name == name);
        assert_eq!(told.map_or(0, |table| table.rows), shown, "{name}");
    }
    assert!(found >= 14, "the person is in {found} tables");
    // What belongs to the person by a row that names them.
    for table in ["crm_activity_chat", "crm_association_close_to", "crm_file", "crm_file_piece"] {
        assert!(!document["tables"][table][0].is_null(), "{table}");
    }
}

#[test]
fn the_document_says_where_data_comes_from_what_for_and_how_scores_come_about() {
    let (crm, ann) = filled();
    let request =
        AccessData { at: Some("2030-01-01T00:00:00Z".parse().unwrap()), ..AccessData::new(ann) };
    let (_, document) = access(&crm, &request);
    assert_eq!(document["record"]["values"]["loud"], "ANN");
    assert_eq!(document["origin"][0]["first_change"], "record_created");
    let purpose = &document["purposes"][0];
    assert_eq!(purpose["purpose"]["processing"]["storage_period"], "P3Y");
    assert_eq!(purpose["contacts"][0]["channel"], "email");
    assert_eq!(document["recipients"][0]["name"], "acme");
    assert_eq!(document["scores"][0]["explanation"]["contributions"][0]["rule"], "named");
    let chat = &document["tables"]["crm_activity"][0];
    assert_eq!(chat["kind"], "chat", "a name and no number");
    assert!(chat["at"].as_str().unwrap().ends_with('Z'), "a time and no number");
    assert_eq!(
        document["tables"]["crm_file_piece"][0]["bytes"], 6,
        "the content is read by its hash"
    );
    let again = access(&crm, &request).1;
    assert_eq!(document.to_string(), again.to_string());
}

#[test]
fn the_document_says_who_changed_the_record_and_by_what_cause() {
    let crm = Crm::in_memory().unwrap();
    let fair = crm.acting_as("import:fair-2026", None).unwrap();
    let csv = json!({ "type": "contact", "columns": [{ "column": "email", "attribute": "email" }],
        "text": "email\nann@example.org\n" });
    run(&fair, "csv.import", &csv);
    let ann = run(&crm, "records.list", &json!({ "type": "contact" }))["records"][0]["id"].clone();
    let desk = crm.acting_as("desk", Some("call:7")).unwrap();
    for name in ["Ann", "Anna"] {
        let values = json!({ "type": "contact", "id": ann, "values": { "given_name": name } });
        run(&desk, "records.patch", &values);
    }
    let ann = RecordRef::new("contact", serde_json::from_value(ann).unwrap());
    let (_, document) = access(&crm, &AccessData::new(ann));
    let origins: Vec<_> = document["origin"].as_array().unwrap().iter().collect();
    let told = |of: &Json| (of["actor"].clone(), of["cause"].clone(), of["first_change"].clone());
    assert_eq!(
        origins.into_iter().map(told).collect::<Vec<_>>(),
        [
            (json!("import:fair-2026"), Json::Null, json!("record_created")),
            (json!("desk"), json!("call:7"), json!("record_patched")),
        ]
    );
    let rows = document["tables"]["crm_journal"].as_array().unwrap().iter();
    let actors: Vec<&Json> = rows.map(|row| &row["actor"]).collect();
    assert_eq!(actors, ["import:fair-2026", "desk", "desk"], "names and no numbers");
}

/// A file with two purposes of which one names its channels, each with a processor, and a person
/// who agreed to the first.
fn two_purposes() -> (Crm, RecordRef) {
    let crm = Crm::in_memory().unwrap();
    for (name, role) in [
        ("acme", "controller"),
        ("printer", "processor"),
        ("adnet", "processor"),
        ("bureau", "processor"),
    ] {
        run(&crm, "parties.define", &json!({ "name": name, "role": role }));
    }
    run(&crm, "notices.publish", &json!({ "name": "news", "language": "en", "text": "Weekly." }));
    let news = json!({ "name": "news", "notice": "news", "policy": "eu_strict",
        "controller": "acme", "processors": ["printer"] });
    run(&crm, "purposes.define", &news);
    let offers = json!({ "name": "offers", "channels": ["phone"], "notice": "news",
        "policy": "eu_strict", "controller": "acme", "processors": ["adnet"] });
    run(&crm, "purposes.define", &offers);
    let ann = json!({ "type": "contact", "values": { "given_name": "Ann" } });
    let id = serde_json::from_value(run(&crm, "records.create", &ann)["id"].clone()).unwrap();
    let ann = RecordRef::new("contact", id);
    let grant = json!({ "kind": "granted", "subject": ann, "channel": "phone", "purpose": "news",
        "method": "form" });
    run(&crm, "consents.record", &grant);
    (crm, ann)
}

#[test]
fn only_who_gets_data_of_the_person_is_a_recipient() {
    let (crm, ann) = two_purposes();
    let told = |of: &RecordRef| -> (Vec<String>, Vec<(String, bool)>) {
        let (_, document) = access(&crm, &AccessData::new(of.clone()));
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let all = document["recipients"].as_array().unwrap().iter();
        let names = all.map(|one| text(&one["name"])).collect();
        let purposes = document["purposes"].as_array().unwrap().iter();
        let concern = |one: &Json| (text(&one["purpose"]["name"]), one["concerns"] == true);
        (names, purposes.map(concern).collect())
    };
    let (names, concerning) = told(&ann);
    assert_eq!(names, ["acme", "printer"]);
    assert_eq!(concerning, [("news".to_owned(), true), ("offers".to_owned(), false)]);
    // Nothing concerns who agreed to nothing, and it is still somebody's file.
    let eve = json!({ "type": "contact", "values": { "given_name": "Eve" } });
    let eve = serde_json::from_value(run(&crm, "records.create", &eve)["id"].clone()).unwrap();
    let eve = RecordRef::new("contact", eve);
    assert_eq!(told(&eve).0, ["acme"]);
    // An opt-out concerns who said it; what needs no consent concerns everybody, and so does what their
    // attributes are processed for.
    let no =
        json!({ "kind": "withdrawn", "subject": ann, "channel": "phone", "purpose": "offers" });
    run(&crm, "consents.record", &no);
    assert_eq!(told(&ann).0, ["acme", "adnet", "printer"]);
    let post = json!({ "name": "post", "policy": "us_can_spam", "processors": ["bureau"] });
    run(&crm, "purposes.define", &post);
    assert_eq!(told(&eve).0, ["bureau"]);
    let visits = json!({ "type": "contact", "attribute": { "name": "size", "kind": "integer", "purpose": "offers" } });
    run(&crm, "attributes.define", &visits);
    assert_eq!(told(&eve).0, ["acme", "adnet", "bureau"]);
}

#[test]
fn a_purpose_that_names_no_channel_is_told_with_those_of_its_policy() {
    let (crm, ann) = two_purposes();
    let (_, document) = access(&crm, &AccessData::new(ann));
    let contacts = document["purposes"][0]["contacts"].as_array().unwrap();
    let phone = contacts.iter().find(|one| one["channel"] == "phone").unwrap();
    assert_eq!(phone["status"], "given");
    let channels: Vec<&str> = contacts.iter().map(|one| one["channel"].as_str().unwrap()).collect();
    let register = crm.privacy().register(&GetRegister::default()).unwrap();
    assert_eq!(register.entries[0].channels, channels);
    assert!(channels.len() > 2 && channels.contains(&"email"), "{channels:?}");
    assert!(register.entries[0].proof_periods.contains(&"phone: P5Y".to_owned()));
    assert_eq!(register.entries[1].channels, ["phone"], "one that names them has no others");
}

#[test]
fn what_was_said_through_another_record_of_the_person_is_named_with_it() {
    let (crm, ann) = two_purposes();
    let other = json!({ "type": "company", "values": { "name": "Ann's shop" } });
    let id = serde_json::from_value(run(&crm, "records.create", &other)["id"].clone()).unwrap();
    let other = RecordRef::new("company", id);
    run(&crm, "consents.link", &json!({ "a": ann, "b": other }));
    let left = json!({ "kind": "withdrawn", "subject": other, "channel": "phone" });
    let left = run(&crm, "consents.record", &left)["id"].clone();
    let own = json!({ "kind": "objected", "subject": ann, "channel": "phone" });
    let own = run(&crm, "consents.record", &own)["id"].clone();
    let (_, document) = access(&crm, &AccessData::new(ann.clone()));
    let offers = &document["purposes"][1]["contacts"][0];
    assert_eq!(offers["status"], "withdrawn");
    assert_eq!(
        offers["against"],
        json!([{ "event": own, "record": ann }, { "event": left, "record": other }])
    );
    assert!(!document.to_string().contains("Ann's shop"), "of the other record only which it is");
}

#[test]
fn what_is_taken_along_holds_nothing_that_was_concluded() {
    let (crm, ann) = filled();
    let request = AccessData { scope: AccessScope::Portable, ..AccessData::new(ann) };
    let (report, document) = access(&crm, &request);
    assert_eq!(document["record"]["values"]["email"], "ann@example.org");
    assert_eq!(document["record"]["values"].get("loud"), None);
    assert_eq!(document["tables"]["contact"][0].get("loud"), None);
    assert_eq!(document["tables"]["crm_activity_chat"].as_array().unwrap().len(), 2);
    assert!(!document["tables"]["crm_consent_event"][0].is_null());
    for concluded in ["crm_score", "crm_segment_member", "crm_stage", "crm_journal"] {
        assert!(report.tables.iter().all(|table| table.name != concluded), "{concluded}");
    }
    for part in ["scores", "origin", "purposes"] {
        assert_eq!(document.get(part), None, "{part}");
    }
}

#[test]
fn a_table_goes_out_as_csv_and_to_a_file() {
    let (crm, ann) = filled();
    let of = |table: &str| AccessData { table: Some(table.into()), ..AccessData::new(ann.clone()) };
    let report = crm.privacy().access(&of("crm_activity_chat"), &mut |_| Flow::Continue).unwrap();
    let text = report.text.unwrap();
    assert_eq!(text.lines().next(), Some("seq,topic"));
    assert!(text.contains("chairs") && text.contains("desks"));
    let nothing = crm.privacy().access(&of("company"), &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((nothing.kind(), nothing.field()), (ErrorKind::NotFound, Some("table")));

    let folder = Folder::new();
    let path = folder.at("ann.json").to_str().unwrap().to_owned();
    let whole = AccessData { path: Some(path.clone()), ..AccessData::new(ann.clone()) };
    let cancelled = crm.privacy().access(&whole, &mut |_| Flow::Cancel).unwrap_err();
    assert_eq!(cancelled.kind(), ErrorKind::Interrupted);
    assert!(!Path::new(&path).exists(), "half a document");
    let written = crm.privacy().access(&whole, &mut |_| Flow::Continue).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!((written.text, written.bytes), (None, text.len() as u64));
    assert!(serde_json::from_str::<Json>(&text).is_ok());
    let error = crm.privacy().access(&whole, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "the file exists");
}

#[test]
fn many_rows_come_page_by_page_and_each_once() {
    let crm = Crm::in_memory().unwrap();
    run(&crm, "activity_kinds.define", &json!({ "name": "chat" }));
    let ann = json!({ "type": "contact", "values": { "given_name": "Ann" } });
    let ann = run(&crm, "records.create", &ann)["id"].clone();
    let chat = json!({ "kind": "chat", "at": "2024-01-01T00:00:00Z", "subject": { "type": "contact", "id": ann } });
    let chats = json!({ "activities": vec![chat; 2_500] });
    run(&crm, "activities.record_many", &chats);
    let request = AccessData::new(RecordRef::new("contact", serde_json::from_value(ann).unwrap()));
    let (_, document) = access(&crm, &request);
    let rows = document["tables"]["crm_activity"].as_array().unwrap();
    let places: Vec<i64> = rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    assert_eq!(places.len(), 2_500);
    assert!(places.is_sorted_by(|one, next| one < next));
}

/// Somebody writes between two pages: rows that come, change and go, before and behind the page.
#[test]
fn the_document_shows_one_state_whatever_is_written_meanwhile() {
    let folder = Folder::new();
    for crm in [folder.open(), Crm::in_memory().unwrap()] {
        run(&crm, "activity_kinds.define", &json!({ "name": "chat" }));
        let ann = json!({ "type": "contact", "values": { "given_name": "Ann" } });
        let ann = run(&crm, "records.create", &ann)["id"].clone();
        let subject = json!({ "type": "contact", "id": ann });
        let chat = json!({ "kind": "chat", "at": "2024-01-01T00:00:00Z", "subject": subject });
        let chats = |count: usize| json!({ "activities": vec![chat.clone(); count] });
        run(&crm, "activities.record_many", &chats(2_500));
        for visitor in ["first", "second"] {
            let mut chat = chat.clone();
            chat.as_object_mut().unwrap().remove("subject");
            chat["visitor"] = json!(visitor);
            run(&crm, "activities.record", &chat);
        }
        let identify =
            |visitor| json!({ "visitor": visitor, "type": "contact", "id": ann.clone() });
        run(&crm, "activities.identify", &identify("first"));
        let request = AccessData::new(RecordRef::new(
            "contact",
            serde_json::from_value(ann.clone()).unwrap(),
        ));
        let mut steps = 0;
        let report = crm.privacy().access(&request, &mut |_| {
            steps += 1;
            if steps == 1 {
                thread::scope(|scope| {
                    scope.spawn(|| {
                        run(&crm, "activities.record_many", &chats(1_500));
                        run(&crm, "activities.identify", &identify("second"));
                        run(&crm, "activities.release", &json!({ "visitor": "first" }));
                        let values = json!({ "given_name": "Anna" });
                        let patch = json!({ "type": "contact", "id": ann, "values": values });
                        run(&crm, "records.patch", &patch);
                    });
                });
            }
            Flow::Continue
        });
        let report = report.unwrap();
        let document: Json = serde_json::from_str(&report.text.unwrap()).unwrap();
        for table in &report.tables {
            let rows = document["tables"][&table.name].as_array().unwrap();
            assert_eq!(rows.len() as u64, table.rows, "{}", table.name);
        }
        let tables = &document["tables"];
        assert_eq!(tables["crm_activity"].as_array().unwrap().len(), 2_501);
        assert_eq!(document["record"]["version"], 1);
        assert_eq!(tables["contact"][0]["given_name"], "Ann");
        let shown = tables["crm_visitor"].as_array().unwrap();
        assert_eq!((shown.len(), &shown[0]["key"]), (1, &json!("first")));
        let (_, later) = access(&crm, &request);
        assert_eq!(later["tables"]["crm_activity"].as_array().unwrap().len(), 4_001);
        assert_eq!(later["record"]["values"]["given_name"], "Anna");
    }
}

#[test]
fn the_register_says_what_it_lacks() {
    let (crm, _) = filled();
    let register = crm.privacy().register(&GetRegister::default()).unwrap();
    let entry = &register.entries[0];
    assert_eq!(entry.controller.as_ref().map(|party| &*party.name), Some("acme"));
    assert_eq!(entry.storage_period.as_deref(), Some("P3Y"));
    assert_eq!(entry.proof_periods, ["email: P3Y"]);
    let lacking = ["processing.subjects", "processing.personal_data", "processing.transfers"];
    let lacking = lacking.map(|part| format!("purposes.news.{part}"));
    let of_controller = ["parties.acme.address", "parties.acme.contact"].map(str::to_owned);
    assert_eq!(entry.missing, [&lacking[..], &of_controller[..]].concat());
    assert_eq!(register.csv.lines().count(), 2);
    let wrong = GetRegister { controller: Some("nobody".into()) };
    assert_eq!(crm.privacy().register(&wrong).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_table_of_the_register_is_the_same_as_the_register() {
    let (crm, _) = filled();
    let acme = json!({ "name": "acme", "role": "controller", "label": "Acme", "address": "1 Road",
        "contact": "officer", "country": "DE", "email": "p@acme.example", "phone": "+49 30 1",
        "url": "https://acme.example" });
    run(&crm, "parties.define", &acme);
    run(
        &crm,
        "parties.define",
        &json!({ "name": "printer", "role": "processor", "address": "2 Road" }),
    );
    let rule = |name: &str, purpose: Option<&str>, period: &str| {
        let rule = json!({ "name": name, "type": "contact", "purpose": purpose, "period": period,
            "counts_from": "changed" });
        run(&crm, "privacy.define_retention", &rule);
    };
    rule("of_news", Some("news"), "P1Y");
    rule("of_all", None, "P9Y");
    let news = json!({
        "name": "news", "label": "News", "channels": ["email"], "notice": "news", "policy": "eu_strict",
        "controller": "acme", "processors": ["printer"],
        "processing": { "storage_period": "P3Y", "subjects": "readers", "transfers": "none",
            "personal_data": [{ "name": "pd:Email" }] },
    });
    run(&crm, "purposes.define", &news);
    let register = crm.privacy().register(&GetRegister::default()).unwrap();
    let mut table = csv::Reader::from_reader(register.csv.as_bytes());
    let header = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        rows[row][header.iter().position(|one| one == name).unwrap()].to_owned()
    };
    assert_eq!((rows.len(), register.retentions.len()), (2, 1));
    for (name, expected) in [
        ("purpose", "news"),
        ("description", "News"),
        ("controller", "Acme"),
        ("address", "1 Road"),
        ("country", "DE"),
        ("contact", "officer"),
        ("email", "p@acme.example"),
        ("phone", "+49 30 1"),
        ("url", "https://acme.example"),
        ("subjects", "readers"),
        ("personal_data", "pd:Email"),
        ("recipients", "printer, 2 Road"),
        ("transfers", "none"),
        ("storage_period", "P3Y"),
        ("retention_periods", "contact: P1Y from changed"),
        ("proof_periods", "email: P3Y"),
        ("channels", "email"),
        ("is_archived", "false"),
        ("missing", "purposes.news.processing.security"),
    ] {
        assert_eq!(cell(0, name), expected, "{name}");
    }
    assert_eq!(
        (cell(1, "purpose"), cell(1, "retention_periods")),
        (String::new(), "contact: P9Y from changed".into())
    );
}

fn prove(crm: &Crm, ann: &RecordRef) -> (MayContact, crm_core::ConsentProof) {
    let question = MayContact::new(ann.clone(), "email", "news").contact_point("ann@example.org");
    let proof = crm.consents().prove(&ProveDecision { question: question.clone(), head: None });
    (question, proof.unwrap())
}

fn check(crm: &Crm, document: &str, head: Option<&str>) -> crm_core::CheckedProof {
    let request = CheckProof { document: document.into(), head: head.map(str::to_owned) };
    crm.consents().check_proof(&request).unwrap()
}

#[test]
fn a_proof_is_checked_without_its_file() {
    let (crm, ann) = filled();
    let (question, proof) = prove(&crm, &ann);
    assert!(proof.decision.is_allowed);
    let elsewhere = Crm::in_memory().unwrap();
    let checked = check(&elsewhere, &proof.document, Some(&proof.head));
    assert_eq!(checked.problems, Vec::<String>::new());
    assert!(checked.is_valid && checked.reaches_head);
    assert_eq!((checked.head_seq, checked.events), (proof.head_seq, 1));
    // What is recorded later leads to another head; the one that was kept still holds.
    run(&crm, "records.create", &json!({ "type": "contact", "values": { "given_name": "Bob" } }));
    let kept = ProveDecision { question, head: Some(proof.head_seq) };
    assert_eq!(crm.consents().prove(&kept).unwrap().head, proof.head);
    let (_, later) = prove(&crm, &ann);
    assert!(!check(&elsewhere, &later.document, Some(&proof.head)).is_valid);
    let error = CheckProof { document: "{}".into(), head: None };
    let error = elsewhere.consents().check_proof(&error).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("document")));
}

#[test]
fn whatever_is_changed_in_a_proof_is_found() {
    let (crm, ann) = filled();
    let (_, proof) = prove(&crm, &ann);
    let original: Json = serde_json::from_str(&proof.document).unwrap();
    let changed = |change: &dyn Fn(&mut Json)| {
        let mut document = original.clone();
        change(&mut document);
        check(&crm, &document.to_string(), Some(&proof.head)).is_valid
    };
    assert!(changed(&|_| {}));
    let links = original["journal"][0]["links"].as_array().unwrap();
    let place = links.iter().position(|link| link["kind"] == "consent_recorded").unwrap();
    let link = format!("/journal/0/links/{place}");
    let next = format!("/journal/0/links/{}", place + 1);
    let body = original.pointer(&format!("{link}/content/body")).unwrap().as_str().unwrap();
    let body = json!(body.replace("email", "phone"));
    let (nobody, zeros) = (json!("00000000-0000-7000-8000-000000000000"), json!("00".repeat(32)));
    let of = |link: &str, part: &str| format!("{link}{part}");
    let broken = [
        (of(&link, "/content/body"), body),
        (of(&link, "/content/salt"), zeros.clone()),
        (of(&link, "/content/actor"), json!("somebody")),
        (of(&link, "/content/actor_salt"), Json::Null),
        (of(&link, "/content"), Json::Null),
        (of(&link, "/content/cause"), json!("a call")),
        (of(&link, "/hlc"), json!(1)),
        (of(&next, "/kind"), json!("record_archived")),
        (of(&next, "/record_id"), nobody.clone()),
        ("/journal/0/before".into(), zeros),
        ("/journal/0/method".into(), json!("md5")),
        ("/journal/0/head/hlc".into(), json!(1)),
        ("/journal/0/head/seq".into(), json!(1)),
        ("/journal".into(), json!([original["journal"][0], original["journal"][0]])),
        ("/notices/0/text".into(), json!("Twice a week.")),
        ("/notices".into(), json!([])),
        ("/notices".into(), json!([original["notices"][0], original["notices"][0]])),
        ("/purposes".into(), json!([original["purpose"]])),
        ("/decision/token".into(), json!("00")),
        ("/decision/evidence/0".into(), nobody),
        ("/decision/is_allowed".into(), json!(false)),
        ("/decision/valid_until".into(), json!("2999-01-01T00:00:00Z")),
        ("/decision/at".into(), json!("2999-01-01T00:00:00Z")),
        ("/decision/status".into(), json!("unknown")),
        ("/question/channel".into(), json!("post")),
        ("/question/contact_point".into(), json!("bob@example.org")),
        ("/question/contact_point".into(), json!("Ann@example.org")),
        ("/question/at".into(), Json::Null),
        ("/question/at".into(), json!("2020-01-01T00:00:00Z")),
        ("/question/language".into(), json!("fr")),
        ("/question/subject/type".into(), json!("company")),
        ("/purpose/policy".into(), json!("us_can_spam")),
        ("/policy/rules/0/regime".into(), json!("opt_out")),
        ("/policy".into(), Json::Null),
    ];
    for (place, value) in broken {
        let change = |all: &mut Json| *all.pointer_mut(&place).unwrap() = value.clone();
        assert!(!changed(&change), "{place}");
    }
    let shorter = |all: &mut Json| drop(all["journal"][0]["links"].as_array_mut().unwrap().pop());
    assert!(!changed(&shorter));
    // A name that is not there is one that was erased, and the answer says that it is not proven.
    let mut nameless = original.clone();
    let content = nameless.pointer_mut(&of(&link, "/content")).unwrap();
    (content["actor"], content["actor_salt"]) = (json!("mallory"), Json::Null);
    assert!(!check(&crm, &nameless.to_string(), Some(&proof.head)).is_valid);
    nameless.pointer_mut(&of(&link, "/content")).unwrap()["actor"] = json!("erased:7");
    let checked = check(&crm, &nameless.to_string(), Some(&proof.head));
    assert!(checked.unproven.iter().any(|one| one.starts_with("who made change ")));
}

#[test]
fn a_denial_cannot_be_shown_as_a_permission() {
    let (crm, ann) = filled();
    let withdrawn = json!({ "kind": "withdrawn", "subject": ann });
    run(&crm, "consents.record", &withdrawn);
    let (_, proof) = prove(&crm, &ann);
    assert!(!proof.decision.is_allowed);
    let original: Json = serde_json::from_str(&proof.document).unwrap();
    assert!(check(&crm, &proof.document, Some(&proof.head)).is_valid);
    let mut allowed = original.clone();
    allowed["decision"]["is_allowed"] = json!(true);
    allowed["decision"]["reasons"] = json!([]);
    let forged = check(&crm, &allowed.to_string(), Some(&proof.head));
    assert_eq!(forged.problems, ["the decision does not follow from what is shown"]);
    // Without the withdrawal the answer would be another one still: with its evidence and its end.
    let links = allowed["journal"][0]["links"].as_array_mut().unwrap();
    links.iter_mut().for_each(|link| {
        let body = link["content"]["body"].as_str().unwrap_or_default();
        if body.contains("\"withdrawn\"") {
            link["content"] = Json::Null;
        }
    });
    assert!(!check(&crm, &allowed.to_string(), Some(&proof.head)).is_valid);
}

/// The document of a proof, with its head.
fn proven(crm: &Crm, question: &MayContact) -> (Json, String) {
    let proof = ProveDecision { question: question.clone(), head: None };
    let proof = crm.consents().prove(&proof).unwrap();
    (serde_json::from_str(&proof.document).unwrap(), proof.head)
}

/// Whether something of a beginning is named as not proven.
fn names(checked: &crm_core::CheckedProof, beginning: &str) -> bool {
    checked.unproven.iter().any(|one| one.starts_with(beginning))
}

#[test]
fn what_a_proof_does_not_show_is_named() {
    let (crm, ann) = filled();
    let question = MayContact::new(ann.clone(), "email", "news").contact_point("ann@example.org");
    let allowed = proven(&crm, &question).0["decision"].clone();
    run(&crm, "consents.record", &json!({ "kind": "withdrawn", "subject": ann }));
    let at = serde_json::from_value(allowed["at"].clone()).unwrap();
    let (mut document, head) = proven(&crm, &question.at(at));
    let hidden = "what 1 of consent_recorded say that are not shown";
    let genuine = check(&crm, &document.to_string(), Some(&head));
    assert!(genuine.is_valid && !names(&genuine, "what 1 of consent_recorded"));
    assert!(names(&genuine, "what was recorded before change "));
    assert!(names(&genuine, "whether the contact point is suppressed"));
    assert!(!names(&genuine, "that the journal had this head"));
    assert!(names(&check(&crm, &document.to_string(), None), "that the journal had this head"));
    // Nobody can tell without the file that this withdrawal was not that of somebody else.
    document["decision"] = allowed;
    let links = document["journal"][0]["links"].as_array_mut().unwrap();
    let is_out = |link: &&mut Json| {
        link["content"]["body"].as_str().unwrap_or_default().contains("\"withdrawn\"")
    };
    links.iter_mut().find(is_out).unwrap()["content"] = Json::Null;
    let forged = check(&crm, &document.to_string(), Some(&head));
    assert!(names(&forged, hidden), "{:?}", forged.unproven);
}

#[test]
fn a_stretch_that_nothing_leads_from_is_named() {
    let (crm, ann) = filled();
    let (mut document, head) = proven(&crm, &MayContact::new(ann, "email", "news"));
    let made_up = json!({ "method": "crm.journal.v1", "before": "00".repeat(32), "links": [],
        "head": { "seq": 0, "hlc": 0, "hash": "00".repeat(32) } });
    let genuine = check(&crm, &document.to_string(), Some(&head));
    assert!(genuine.reaches_head && !names(&genuine, "that these are of one journal"));
    document["journal"].as_array_mut().unwrap().insert(0, made_up);
    let checked = check(&crm, &document.to_string(), Some(&head));
    assert!(!checked.reaches_head && names(&checked, "that these are of one journal"));
}

#[test]
fn a_proof_shows_that_the_person_was_erased() {
    let (crm, ann) = filled();
    let mut purpose = json!({ "name": "mail", "channels": ["email"], "policy": "us_can_spam" });
    run(&crm, "purposes.define", &purpose);
    let eve = json!({ "type": "contact", "values": { "given_name": "Eve" } });
    let eve = run(&crm, "records.create", &eve)["id"].clone();
    let eve = RecordRef::new("contact", serde_json::from_value(eve).unwrap());
    run(&crm, "privacy.erase", &json!({ "subject": eve }));
    for again in [false, true] {
        if again {
            // What is defined later begins later.
            purpose["label"] = json!("Mail");
            run(&crm, "purposes.define", &purpose);
        }
        let question = MayContact::new(eve.clone(), "email", "mail");
        let (mut document, head) = proven(&crm, &question);
        let genuine = check(&crm, &document.to_string(), Some(&head));
        assert_eq!(genuine.problems, Vec::<String>::new());
        assert_eq!(document["decision"]["reasons"][0]["reason"], "erased");
        document["decision"]["is_allowed"] = json!(true);
        document["decision"]["basis"] = json!("not_required");
        document["decision"]["reasons"] = json!([]);
        assert!(!check(&crm, &document.to_string(), Some(&head)).is_valid);
    }
    // Of an address that was erased no change tells.
    let address = "ann@example.org";
    run(&crm, "privacy.erase", &json!({ "subject": ann }));
    let bob = json!({ "type": "contact", "values": { "given_name": "Bob" } });
    let bob = run(&crm, "records.create", &bob)["id"].clone();
    let bob = RecordRef::new("contact", serde_json::from_value(bob).unwrap());
    let question = MayContact::new(bob, "email", "mail").contact_point(address);
    let (document, head) = proven(&crm, &question);
    assert_eq!(document["decision"]["reasons"][0]["reason"], "suppressed");
    let checked = check(&crm, &document.to_string(), Some(&head));
    assert!(checked.is_valid && names(&checked, "whether the contact point is suppressed"));
}

#[test]
fn a_proof_shows_all_that_the_decision_hangs_on() {
    let crm = Crm::in_memory().unwrap();
    let run = |operation: &str, request: Json| run(&crm, operation, &request);
    let contact = |name: &str| {
        let values = json!({ "given_name": name, "time_zone": "Europe/Berlin" });
        let made = run("records.create", json!({ "type": "contact", "values": values }));
        json!({ "type": "contact", "id": made["id"] })
    };
    let zone = json!({ "name": "time_zone", "kind": "time_zone" });
    run("attributes.define", json!({ "type": "contact", "attribute": zone }));
    run("notices.publish", json!({ "name": "news", "language": "en", "text": "Once a week." }));
    run("channels.define", json!({ "name": "fax", "medium": "other", "weight": 3.0 }));
    let cap = json!([{ "most": 1, "within": "P7D" }]);
    let quiet = json!({ "from": "00:00", "until": "23:59" });
    let rules = json!([
        { "channel": "email", "regime": "opt_in", "caps": cap, "quiet": quiet },
        { "channel": "fax", "regime": "opt_in" },
    ]);
    let pressure = json!({ "limit": 10.0, "half_life_days": 7 });
    run("policies.define", json!({ "name": "ours", "rules": rules, "pressure": pressure }));
    for (name, channels) in [("news", json!(["email"])), ("offers", json!(["fax"]))] {
        let purpose =
            json!({ "name": name, "channels": channels, "policy": "ours", "notice": "news" });
        run("purposes.define", purpose);
    }
    let (ann, anna) = (contact("Ann"), contact("Anna"));
    let grant = |subject: &Json, channel: &str, purpose: &str| {
        let grant = json!({ "kind": "granted", "subject": subject, "channel": channel, "purpose": purpose });
        run("consents.record", grant);
    };
    grant(&ann, "email", "news");
    grant(&ann, "fax", "offers");
    let question = json!({ "subject": ann, "channel": "fax", "purpose": "offers" });
    let token = run("consents.decide", question.clone())["token"].clone();
    let mut used = question;
    used["token"] = token;
    run("consents.record_use", used);
    let wish = json!({ "kind": "preferred", "subject": ann, "channel": "post", "frequency": { "most": 0, "within": "P7D" } });
    run("consents.record", wish);
    // What another record of the person took back, and gave again.
    run("consents.record", json!({ "kind": "withdrawn", "subject": anna }));
    grant(&anna, "email", "news");
    run("consents.link", json!({ "a": ann, "b": anna }));
    for language in ["en", "de"] {
        let question =
            json!({ "subject": ann, "channel": "email", "purpose": "news", "language": language });
        let proof = run("consents.prove", json!({ "question": question }));
        let reasons = proof["decision"]["reasons"].as_array().unwrap();
        assert!(reasons.iter().any(|one| one["reason"] == "quiet_hours"), "{reasons:?}");
        let request = json!({ "document": proof["document"], "head": proof["head"] });
        let checked = run("consents.check_proof", request);
        assert_eq!(checked["problems"], json!([]));
        assert_eq!(checked["reaches_head"], json!(true));
    }
}
