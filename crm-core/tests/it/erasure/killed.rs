//! A process that is killed while it erases one person after the other.

use std::time::Duration;

use crm_core::{
    BackupTo, Crm, EraseSubject, Flow, ListRecords, NewConsent, RecordId, RestoreTo, values,
};
use serde_json::json;

use super::{
    ask, contact,
    forensics::{found, needle},
};
use crate::{
    crash::{acknowledge, kill_after, order, start},
    support::{Folder, Seeded, assert_sound, relaxed, repetitions},
};

const PEOPLE: u32 = 40;
/// Needles of each person.
const TRACES: u32 = 3;

/// The eraser: does nothing unless the test below started it.
#[test]
fn eraser() {
    let Some((path, _)) = order() else { return };
    let crm = Crm::open_with(path, relaxed()).unwrap();
    let people = ListRecords { limit: PEOPLE, ..ListRecords::new("contact") };
    for person in crm.list_records(&people).unwrap().records {
        crm.privacy().erase(&EraseSubject::new(contact(person.id))).unwrap();
        acknowledge(&person.id.to_string());
    }
}

fn filled(crm: &Crm) -> Vec<RecordId> {
    ask(
        crm,
        "attributes.define",
        json!({ "type": "contact", "attribute": {
        "name": "about", "kind": "long_text", "searched": true,
    } }),
    );
    ask(
        crm,
        "activity_kinds.define",
        json!({ "name": "chat", "properties": [
        { "name": "topic", "kind": "text", "searched": true },
    ] }),
    );
    let person = |number: u32| {
        let text = |trace: u32| needle(number * TRACES + trace);
        let email = format!("{number}@example.org");
        let id = crm.contacts().create(values! { "about" => text(0), "email" => email });
        let id = id.unwrap().id;
        ask(
            crm,
            "activities.record",
            json!({
                "kind": "chat", "at": "2026-01-01T00:00:00Z", "subject": contact(id),
                "properties": { "topic": text(1) },
            }),
        );
        let mut refused = NewConsent::withdraw(contact(id));
        refused.source = Some(text(2));
        crm.consents().record(refused).unwrap();
        id
    };
    (0..PEOPLE).map(person).collect()
}

/// The restorer: does nothing unless the test below started it.
#[test]
fn restorer() {
    let Some((path, _)) = order() else { return };
    let crm = Crm::open_with(&path, relaxed()).unwrap();
    let beside = |name: &str| path.with_file_name(name).to_str().unwrap().to_owned();
    let request = RestoreTo { from: beside("old.crm"), to: beside("new.crm") };
    acknowledge("begun");
    crm.restore_to(&request, &mut |_| Flow::Continue).unwrap();
    // It waits to be killed.
    std::thread::sleep(Duration::from_secs(10));
}

#[test]
fn killed_at_any_time_a_backup_is_restored_whole_or_not_at_all() {
    for seed in 0..u64::from(repetitions(10)) {
        let folder = Folder::new();
        let crm = folder.open();
        let people = filled(&crm);
        let path = |name: &str| folder.at(name).to_str().unwrap().to_owned();
        crm.backup_to(&BackupTo { path: path("old.crm") }, &mut |_| Flow::Continue).unwrap();
        for person in &people {
            crm.privacy().erase(&EraseSubject::new(contact(*person))).unwrap();
        }
        crm.close().unwrap();
        let old = std::fs::read(folder.at("old.crm")).unwrap();
        let child = start("erasure::killed::restorer", &folder.path(), seed);
        let more = Duration::from_millis(Seeded::new(seed).below(300) as u64);
        kill_after(child, 1, more);
        assert!(std::fs::read(folder.at("old.crm")).unwrap() == old, "seed {seed}");
        if !folder.at("new.crm").exists() {
            // What is left of it hinders nobody.
            let request = RestoreTo { from: path("old.crm"), to: path("new.crm") };
            folder.open().restore_to(&request, &mut |_| Flow::Continue).unwrap();
        }
        let copy = Crm::open_with(folder.at("new.crm"), relaxed()).unwrap();
        assert_eq!(copy.contacts().count().unwrap(), 0, "seed {seed}");
        assert_sound(&copy);
    }
}

#[test]
fn killed_at_any_time_a_person_is_erased_whole_or_not_at_all() {
    for seed in 0..u64::from(repetitions(10)) {
        let folder = Folder::new();
        let crm = folder.open();
        let people = filled(&crm);
        crm.close().unwrap();
        let mut random = Seeded::new(seed);
        let child = start("erasure::killed::eraser", &folder.path(), seed);
        let more = Duration::from_micros(random.below(20_000) as u64);
        let acknowledged = kill_after(child, 1 + random.below(10), more);
        let crm = folder.open();
        let left = found(folder.root(), PEOPLE * TRACES);
        for (number, id) in people.iter().enumerate() {
            let first = number as u32 * TRACES;
            let traces = left.iter().filter(|at| (first..first + TRACES).contains(at)).count();
            let is_there = crm.contacts().get(*id).is_ok();
            let expected = if is_there { TRACES as usize } else { 0 };
            assert_eq!(traces, expected, "person {number}, seed {seed}");
            let is_acknowledged = acknowledged.contains(&id.to_string());
            assert!(!(is_acknowledged && is_there), "person {number}, seed {seed}");
        }
        assert_sound(&crm);
    }
}
