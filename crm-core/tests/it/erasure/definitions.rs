//! Definitions that named the person, and do so no longer: what they said before goes with the person.

use crm_core::{Crm, EraseSubject, Flow, PlanErasure, RecordId, RunSql, VerifyJournal, values};
use serde_json::{Value as Json, json};

use super::{
    ask, contact,
    forensics::{found, needle},
    restored::{backup, restore},
    try_ask,
};
use crate::support::{Folder, assert_sound};

/// Defines one of every sort that may be defined anew, with a word somewhere in it.
fn define(crm: &Crm, word: &str) {
    let is_word = format!("email = \"{word}\"");
    ask(crm, "types.define", json!({ "name": "robot", "label": word }));
    ask(
        crm,
        "attributes.define",
        json!({ "type": "contact", "attribute": {
        "name": "first", "kind": "text", "description": word,
    } }),
    );
    ask(
        crm,
        "attributes.define",
        json!({ "type": "contact", "attribute": { "name": "second", "kind": "text" } }),
    );
    ask(crm, "activity_kinds.define", json!({ "name": "chat", "label": word }));
    ask(
        crm,
        "association_types.define",
        json!({ "name": "knows", "from": ["contact"], "to": ["contact"], "label": word }),
    );
    ask(
        crm,
        "views.save",
        json!({ "name": "called", "query": { "select": {
            "type": "contact", "columns": [{ "field": "phone" }], "where": is_word,
        } } }),
    );
    ask(
        crm,
        "lifecycles.define",
        json!({ "name": "way", "type": "contact", "label": word, "stages": [{ "name": "begun" }] }),
    );
    ask(
        crm,
        "segments.define",
        json!({ "name": "her", "type": "contact", "kind": "live", "where": is_word.to_uppercase().replace("EMAIL", "email") }),
    );
    ask(
        crm,
        "rules.define",
        json!({
            "name": "tell", "type": "contact", "where": is_word,
            "on": { "attribute_changed": { "attribute": "email" } },
            "actions": [{ "emit": { "event": "told" } }],
        }),
    );
    ask(
        crm,
        "scores.define",
        json!({ "name": "lead", "type": "contact", "groups": [{ "name": "fit", "rules": [
            { "name": "is", "where": is_word, "points": 5 },
        ] }] }),
    );
    ask(
        crm,
        "privacy.define_retention",
        json!({
            "name": "old", "type": "contact", "period": "P3Y", "counts_from": "created", "where": is_word,
        }),
    );
}

/// A person with an address, which definitions named until they were defined anew.
fn filled(crm: &Crm) -> RecordId {
    let address = format!("{}@example.org", needle(0));
    define(crm, &address);
    ask(
        crm,
        "privacy.define_retention",
        json!({
            "name": "gone", "type": "contact", "period": "P3Y", "counts_from": "created",
            "where": format!("email = \"{address}\""),
        }),
    );
    ask(crm, "privacy.remove_retention", json!({ "retention": "gone" }));
    define(crm, "nobody@example.org");
    crm.contacts().create(values! { "email" => address }).unwrap().id
}

/// Which definitions were erased from the journal.
fn erased_rows(crm: &Crm) -> Vec<Json> {
    let sql = "SELECT kind FROM crm_journal WHERE salt IS NULL \
               AND (kind LIKE '%_defined' OR kind = 'view_saved') ORDER BY kind";
    let rows = crm.sql(&RunSql::new(sql)).unwrap().rows;
    rows.into_iter().map(|row| serde_json::to_value(&row.0[0]).unwrap()).collect()
}

#[test]
fn what_definitions_said_of_the_person_before_goes_from_the_journal() {
    let folder = Folder::new();
    let crm = folder.open();
    let person = filled(&crm);
    assert_sound(&crm);
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(person))).unwrap();
    assert_eq!(plan.definitions, [], "those in force name nobody");
    let erasure = crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    assert_eq!(erasure.tables, plan.tables, "the plan counts them");
    let kinds = [
        "activity_kind_defined",
        "association_type_defined",
        "attribute_defined",
        "lifecycle_defined",
        "retention_defined",
        "retention_defined",
        "rule_defined",
        "score_defined",
        "segment_defined",
        "type_defined",
        "view_saved",
    ];
    assert_eq!(erased_rows(&crm), kinds);
    assert_eq!(found(folder.root(), 1), [] as [u32; 0], "while it is open");
    assert_sound(&crm);
    let chain = crm.journal().verify(&VerifyJournal::default(), &mut |_| Flow::Continue).unwrap();
    assert_eq!((chain.is_ok, chain.erased), (true, 11 + 2), "and those of the record");
    let changes = ask(&crm, "changes.list", json!({ "limit": 10_000 }));
    let changes = changes["changes"].as_array().unwrap();
    assert_eq!(changes.iter().filter(|change| change["is_erased"] == true).count(), 13);
    crm.close().unwrap();
    assert_eq!(found(folder.root(), 1), [] as [u32; 0], "when it is closed");

    let crm = folder.open();
    assert_sound(&crm);
    // What is in force works as before, and what it said before is a version that is not there any more.
    let earlier = json!({ "lifecycle": "way", "version": 1 });
    let error = try_ask(&crm, "lifecycles.get", &earlier).unwrap_err();
    assert_eq!(error.field(), Some("version"));
    define(&crm, "somebody@example.org");
    assert_sound(&crm);
}

/// A definition that names the person is the host's: it stays, and what it said last stays with it.
#[test]
fn a_definition_in_force_stays_with_its_row_until_the_host_changes_it() {
    let crm = Crm::in_memory().unwrap();
    let address = format!("{}@example.org", needle(0));
    define(&crm, "nobody@example.org");
    define(&crm, &address);
    let person = crm.contacts().create(values! { "email" => address }).unwrap().id;
    let plan = crm.privacy().plan_erasure(&PlanErasure::new(contact(person))).unwrap();
    assert_eq!(plan.definitions.len(), 10);
    crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    assert_eq!(erased_rows(&crm), [""; 0]);
    assert_sound(&crm);
}

/// What somebody agreed to is proof of that, whoever is named in it.
#[test]
fn what_others_agreed_to_stays_as_it_was() {
    let crm = Crm::in_memory().unwrap();
    let address = format!("{}@example.org", needle(0));
    let party = |word: &str| json!({ "name": "acme", "role": "controller", "contact": word });
    ask(&crm, "parties.define", party(&address));
    ask(&crm, "parties.define", party("nobody@example.org"));
    let person = crm.contacts().create(values! { "email" => address }).unwrap().id;
    crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    assert_eq!(erased_rows(&crm), [""; 0]);
    assert_sound(&crm);
}

#[test]
fn a_backup_comes_back_without_what_definitions_said_of_the_person() {
    let folder = Folder::new();
    let crm = folder.open();
    let person = filled(&crm);
    let old = folder.at("old.crm");
    backup(&crm, &old);
    crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    let copies = Folder::new();
    restore(&crm, &old, &copies.path());
    assert_eq!(found(copies.root(), 1), [] as [u32; 0]);
    assert_sound(&copies.open());
}
