//! What was erased is in no byte of the file, its log and its index, whatever happens in between.

use std::{fs, path::Path};

use crm_core::{
    AddFile, Crm, EraseSubject, Flow, ImportCsv, RecordId, Value, Values, ops::Request, values,
};
use serde_json::json;

use super::{ask, contact, purpose};
use crate::support::{Folder, assert_sound};

/// A text that occurs nowhere else, in small letters.
pub(super) fn needle(number: u32) -> String {
    format!("q7z{number:03}w")
}

/// Which of the first `count` needles are in the files of a folder whose names begin with `a.crm`, in any
/// letter case.
pub(super) fn found(folder: &Path, count: u32) -> Vec<u32> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("a.crm") {
            bytes.extend(fs::read(&path).unwrap().to_ascii_lowercase());
        }
    }
    let mut seen = vec![false; count as usize];
    for window in bytes.windows(7).filter(|window| window.starts_with(b"q7z")) {
        let number = std::str::from_utf8(&window[3..6]).ok().and_then(|text| text.parse().ok());
        if let Some(number) = number.filter(|&number: &u32| number < count && window[6] == b'w') {
            seen[number as usize] = true;
        }
    }
    (0..count).filter(|&number| seen[number as usize]).collect()
}

/// Gives out needles, each once.
struct Planter<'a> {
    crm: &'a Crm,
    next: u32,
}

impl Planter<'_> {
    fn text(&mut self) -> String {
        self.next += 1;
        needle(self.next - 1)
    }

    /// A value of every kind that has room for a needle.
    fn values(&mut self) -> Values {
        let mut text = || {
            self.next += 1;
            needle(self.next - 1)
        };
        let file = AddFile::new(format!("{}.txt", text()), "text/plain", text());
        let file = self.crm.files().add(&file).unwrap();
        values! {
            "given_name" => text(), "family_name" => text(), "job_title" => text(),
            "email" => format!("{}@{}.Example", text(), text().to_uppercase()),
            "source" => text(), "description" => text(),
            "address" => crm_core::Address {
                street: Some(text()), city: Some(text()), region: Some(text()),
                postal_code: Some(text()), country: Some("DE".into()),
            },
            "a_text" => text(), "a_long_text" => text(), "a_code" => text(),
            "a_url" => format!("HTTPS://example.org/{}", text()),
            "a_file" => file,
        }
    }
}

/// Companies that sum up who works for them or is known to, one the other, and that tell of it.
fn roll_up(crm: &Crm) {
    for (entity_type, name) in [("contact", "employer"), ("company", "owner")] {
        let reference =
            json!({ "name": name, "kind": "reference", "target": "company", "index": true });
        let request = json!({ "type": entity_type, "attribute": reference });
        ask(crm, "attributes.define", request);
    }
    for (name, formula) in [
        ("last_name", "latest(family_name of related inverse contact.employer)"),
        ("known", "latest(source of related inverse knows as contact)"),
        ("tag", "concat(name, \" \", last_name, \" \", known)"),
        ("below", "latest(tag of related inverse company.owner)"),
    ] {
        let attribute =
            json!({ "name": name, "kind": "long_text", "formula": formula, "searched": true });
        let request = json!({ "type": "company", "attribute": attribute });
        ask(crm, "attributes.define", request);
    }
    ask(
        crm,
        "rules.define",
        json!({
            "name": "tell_of_others", "type": "company",
            "on": { "attribute_changed": { "attribute": "below" } },
            "actions": [{ "emit": { "event": "told", "fields": ["below"] } }],
        }),
    );
}

/// A file in which a person left traces everywhere, and how many needles there are.
#[expect(clippy::too_many_lines, reason = "a trace in every place")]
pub(super) fn planted(crm: &Crm) -> (RecordId, u32) {
    for (name, rest) in [
        ("a_text", json!({ "kind": "text", "searched": true })),
        ("a_long_text", json!({ "kind": "long_text", "searched": true })),
        ("a_code", json!({ "kind": "text", "unique": true })),
        ("a_url", json!({ "kind": "url", "index": true })),
        ("a_file", json!({ "kind": "file" })),
    ] {
        let mut attribute = rest;
        attribute["name"] = json!(name);
        ask(crm, "attributes.define", json!({ "type": "contact", "attribute": attribute }));
    }
    ask(
        crm,
        "attributes.define",
        json!({ "type": "contact", "attribute": {
        "name": "given_name", "kind": "text", "searched": true, "sensitivity": "personal",
    } }),
    );
    ask(
        crm,
        "activity_kinds.define",
        json!({ "name": "chat", "properties": [
        { "name": "topic", "kind": "text", "searched": true }, { "name": "log", "kind": "file" },
    ] }),
    );
    ask(
        crm,
        "association_types.define",
        json!({
            "name": "knows", "from": ["contact"], "to": ["contact", "company"],
            "attributes": [{ "name": "why", "kind": "long_text" }],
        }),
    );
    ask(
        crm,
        "lifecycles.define",
        json!({
            "name": "way", "type": "contact", "stages": [{ "name": "begun" }, { "name": "known" }],
        }),
    );
    roll_up(crm);
    ask(crm, "segments.define", json!({ "name": "list", "type": "contact", "kind": "static" }));
    ask(
        crm,
        "rules.define",
        json!({
            "name": "tell", "type": "contact",
            "on": { "attribute_changed": { "attribute": "a_text" } },
            "actions": [{ "emit": { "event": "told", "fields": ["a_text"] } }],
        }),
    );
    purpose(crm, "news", &["email", "phone"], "eu_strict");

    let holding = crm.companies().create(values! { "name" => "Holding" }).unwrap().id;
    let other = values! { "name" => "Acme", "owner" => holding };
    let other = crm.companies().create(other).unwrap().id;
    let mut plant = Planter { crm, next: 0 };
    let mut values = plant.values();
    values.insert("employer", other);
    let email = values.get("email").as_str().unwrap().to_owned();
    let subject = crm.contacts().create(values).unwrap().id;
    // History, index of words, and rules that tell of it.
    let changed = plant.values();
    crm.contacts().patch(subject, changed).unwrap();
    crm.contacts().patch(subject, values! { "email" => email.clone() }).unwrap();
    let because = format!("asked by {}", plant.text());
    let handle = crm.acting_as("user:1", Some(&because)).unwrap();
    handle.contacts().patch(subject, values! { "source" => plant.text() }).unwrap();
    // What others sum up of it, and what they are told of that.
    crm.companies().patch(other, values! { "name" => "Acme Ltd" }).unwrap();
    // Activities of others with a role, by the record and by a visitor, one of them corrected.
    ask(
        crm,
        "activities.record",
        json!({
            "kind": "chat", "at": "2026-01-02T03:04:05Z", "subject": { "type": "company", "id": other },
            "links": [{ "type": "contact", "id": subject, "role": plant.text() }],
        }),
    );
    let at = "2026-01-02T03:04:05Z";
    let log = crm.files().add(&AddFile::new("log", "text/plain", plant.text())).unwrap();
    let first = ask(
        crm,
        "activities.record",
        json!({
            "kind": "chat", "at": at, "subject": contact(subject), "key": plant.text(),
            "channel": plant.text(), "properties": { "topic": plant.text(), "log": Value::File(log) },
        }),
    );
    ask(
        crm,
        "activities.record",
        json!({
            "kind": "chat", "at": at, "supersedes": first["activity"]["id"],
            "properties": { "topic": plant.text() },
        }),
    );
    let visitor = plant.text();
    for _ in 0..2 {
        ask(
            crm,
            "activities.record",
            json!({
                "kind": "chat", "at": at, "visitor": visitor, "properties": { "topic": plant.text() },
            }),
        );
    }
    for operation in ["activities.identify", "activities.release", "activities.identify"] {
        let mut request = json!({ "visitor": visitor });
        if operation == "activities.identify" {
            request["type"] = json!("contact");
            request["id"] = json!(subject);
        }
        ask(crm, operation, request);
    }
    // Associations in both directions, and their changes.
    let bob = crm.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    for (from, to) in [
        (contact(subject), json!({ "type": "company", "id": other })),
        (contact(bob), json!(contact(subject))),
    ] {
        let link = ask(
            crm,
            "associations.add",
            json!({
                "type": "knows", "from": from, "to": to, "role": plant.text(),
                "values": { "why": plant.text() },
            }),
        );
        ask(
            crm,
            "associations.patch",
            json!({
                "id": link["id"], "changes": { "why": plant.text(), "role": plant.text() },
            }),
        );
    }
    // Stages and lists, with reasons.
    for to in ["begun", "known"] {
        ask(
            crm,
            "lifecycles.move",
            json!({
                "lifecycle": "way", "id": subject, "to": to, "reason": plant.text(),
            }),
        );
    }
    ask(
        crm,
        "segments.add_members",
        json!({
            "segment": "list", "ids": [subject], "reason": plant.text(),
        }),
    );
    ask(
        crm,
        "segments.remove_members",
        json!({
            "segment": "list", "ids": [subject], "reason": plant.text(),
        }),
    );
    // Consent, with evidence, a request that waits, one that was confirmed, and a link.
    let evidence = |plant: &mut Planter<'_>| {
        json!({
            "ip": plant.text(), "user_agent": plant.text(), "url": plant.text(), "note": plant.text(),
            "reference": plant.text(),
        })
    };
    let point = format!("{}@example.org", plant.text());
    ask(
        crm,
        "consents.record",
        json!({
            "kind": "granted", "subject": contact(subject), "channel": "email", "purpose": "news",
            "contact_point": point, "source": plant.text(), "evidence": evidence(&mut plant),
        }),
    );
    ask(
        crm,
        "consents.record",
        json!({
            "kind": "granted", "subject": contact(subject), "channel": "phone", "purpose": "news",
            "source": plant.text(), "evidence": evidence(&mut plant),
        }),
    );
    for is_confirmed in [true, false] {
        let asked = ask(
            crm,
            "consents.request",
            json!({
                "subject": contact(subject), "channel": "email", "purpose": "news",
                "contact_point": format!("{}@example.org", plant.text()), "source": plant.text(),
                "evidence": evidence(&mut plant),
            }),
        );
        if is_confirmed {
            ask(
                crm,
                "consents.confirm",
                json!({
                    "token": asked["token"], "evidence": evidence(&mut plant),
                }),
            );
        }
    }
    ask(
        crm,
        "consents.unsubscribe_link",
        json!({
            "subject": contact(subject), "channel": "email", "url": "https://example.org/leave",
            "contact_point": format!("{}@example.org", plant.text()),
        }),
    );
    // A table that was imported.
    let text = format!("mail,title\n{email},{}\n", plant.text());
    let mut import = ImportCsv::from_text("contact", text, []);
    import.columns = vec![
        crm_core::ColumnMapping::new("mail", "email"),
        crm_core::ColumnMapping::new("title", "job_title"),
    ];
    import.mode = crm_core::ImportMode::Update;
    import.key = Some("email".into());
    let request = serde_json::to_string(&import).unwrap();
    let request = Request::from_json("csv.import", request.as_bytes()).unwrap();
    crm.execute(request, &mut |_| Flow::Continue).unwrap();
    (subject, plant.next)
}

/// As many other people as make the tables and the index of words more than a page long.
fn crowd(crm: &Crm) {
    for number in 0..300 {
        let values = values! {
            "given_name" => format!("q8{number:03}"), "a_long_text" => format!("q6{number} words and words"),
            "description" => "some text that takes room".repeat(10),
        };
        crm.contacts().create(values).unwrap();
    }
}

#[test]
fn no_byte_of_the_person_is_left() {
    let folder = Folder::new();
    let crm = folder.open();
    let (subject, count) = planted(&crm);
    assert!(count >= 50, "{count} needles");
    crowd(&crm);
    let before = found(folder.root(), count);
    assert_eq!(before.len(), count as usize, "every needle was planted: {before:?}");
    let erasure = crm.privacy().erase(&EraseSubject::new(contact(subject))).unwrap();
    assert!(erasure.is_log_emptied);
    assert_eq!(found(folder.root(), count), [] as [u32; 0], "while the file is open");
    assert_sound(&crm);
    crm.close().unwrap();
    assert_eq!(found(folder.root(), count), [] as [u32; 0], "when it is closed");
    let crm = folder.open();
    assert_sound(&crm);
    let hits = ask(&crm, "search.find", json!({ "text": needle(0) }));
    assert_eq!(hits["hits"], json!([]));
}

/// The process ends after the commit and before the log was emptied, because somebody was reading: the
/// files are copied as they are then.
#[cfg(feature = "arrow")]
#[test]
fn a_crash_before_the_log_was_emptied_leaves_nothing_either() {
    let folder = Folder::new();
    let crm = folder.open();
    let (subject, count) = planted(&crm);
    let everybody = crm_core::ReadTable::new(crm_core::RecordsTable::new("contact"));
    let reading = crm.read_table(&everybody).unwrap();
    let erasure = crm.privacy().erase(&EraseSubject::new(contact(subject))).unwrap();
    assert!(!erasure.is_log_emptied, "somebody reads the log");
    assert!(!found(folder.root(), count).is_empty());
    let crashed = Folder::new();
    for name in ["a.crm", "a.crm-wal"] {
        fs::copy(folder.at(name), crashed.at(name)).unwrap();
    }
    let reopened = crashed.open();
    assert_eq!(found(crashed.root(), count), [] as [u32; 0], "opening finishes it");
    assert_sound(&reopened);
    assert!(reopened.contacts().get(subject).is_err());
    drop(reading);
    crm.companies().create(values! { "name" => "next" }).unwrap();
    assert_eq!(found(folder.root(), count), [] as [u32; 0], "the next write finishes it");
}
