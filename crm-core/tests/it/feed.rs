//! Changes that a host forwards: whose place is kept, what a copy of the file carries, and who hears
//! of an acknowledgement.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crm_core::{BackupTo, CloudEvent, Crm, ErrorKind, Flow, ListChanges, limits, values};

use crate::support::{Folder, assert_sound, journal_length, read_only};

fn events(crm: &Crm, after: i64) -> Vec<CloudEvent> {
    let request = ListChanges { limit: 10_000, ..ListChanges::after(after) };
    crm.journal().cloud_events(&request).unwrap().events
}

#[test]
fn an_acknowledgement_is_no_change() {
    let folder = Folder::new();
    let crm = folder.open();
    let end = journal_length(&crm);
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let observer = crm.observe(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    crm.journal().acknowledge("queue", end).unwrap();
    crm.journal().remove_consumer("queue").unwrap();
    assert_eq!((journal_length(&crm), told.load(Ordering::Relaxed)), (end, 0));
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    assert_eq!((journal_length(&crm), told.load(Ordering::Relaxed)), (end + 1, 1));
    drop(observer);
    assert_sound(&crm);
}

#[test]
fn a_file_that_may_not_be_written_is_read_for_a_consumer_and_not_acknowledged() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.journal().acknowledge("queue", 2).unwrap();
    crm.close().unwrap();
    let crm = Crm::open_with(folder.path(), read_only()).unwrap();
    let page = crm.journal().changes(&ListChanges::of_consumer("queue")).unwrap();
    assert_eq!(page.changes[0].seq, 3);
    let error = crm.journal().acknowledge("queue", 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}

#[test]
fn a_request_begins_at_one_place() {
    let crm = Crm::in_memory().unwrap();
    let request = ListChanges { after: 1, ..ListChanges::of_consumer("queue") };
    for error in [crm.journal().changes(&request).err(), crm.journal().cloud_events(&request).err()]
    {
        let error = error.unwrap();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("after")));
    }
}

#[test]
fn consumers_are_limited_and_the_hint_says_what_to_do() {
    let crm = Crm::in_memory().unwrap();
    for number in 0..limits::CONSUMERS {
        crm.journal().acknowledge(&format!("consumer {number}"), 0).unwrap();
    }
    let error = crm.journal().acknowledge("one more", 0).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("consumer")));
    crm.journal().acknowledge("consumer 7", 1).unwrap();
    crm.journal().remove_consumer("consumer 7").unwrap();
    crm.journal().acknowledge("one more", 0).unwrap();
}

/// What was made after a copy was taken, and what is made after it was put in the place of the file,
/// stand at the same places; a receiver must not take one for the other.
#[test]
fn a_restored_copy_goes_on_from_its_own_places_with_ids_of_its_own() {
    let folder = Folder::new();
    let crm = Crm::open(folder.path()).unwrap();
    let end = journal_length(&crm);
    crm.journal().acknowledge("queue", end).unwrap();
    let copy = folder.at("copy.crm").to_str().unwrap().to_owned();
    crm.backup_to(&BackupTo { path: copy.clone() }, &mut |_| Flow::Continue).unwrap();
    crm.companies().create(values! { "name" => "Lost" }).unwrap();
    crm.journal().acknowledge("queue", end + 1).unwrap();
    let lost = events(&crm, end);
    let before = events(&crm, 0);
    crm.close().unwrap();

    let restored = Crm::open(copy).unwrap();
    let consumers = restored.journal().consumers().unwrap();
    assert_eq!((consumers[0].acknowledged, consumers[0].lag), (end, 0));
    let error = restored.journal().acknowledge("queue", end + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    restored.companies().create(values! { "name" => "New" }).unwrap();
    let new = events(&restored, end);
    assert_eq!((new[0].data.seq, &new[0].source), (lost[0].data.seq, &lost[0].source));
    assert_ne!(new[0].id, lost[0].id);
    // What both have is the same in both.
    assert_eq!(events(&restored, 0)[..before.len() - 1], before[..before.len() - 1]);
}

#[test]
fn no_two_events_of_a_file_have_the_same_name() {
    let crm = Crm::in_memory().unwrap();
    for number in 0..100 {
        crm.companies().create(values! { "employees" => number }).unwrap_err();
        crm.companies().create(values! { "name" => "x", "employees" => number }).unwrap();
    }
    let all = events(&crm, 0);
    let names: BTreeSet<_> = all.iter().map(|event| (&event.source, &event.id)).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.len() > 100);
}

#[test]
fn an_event_is_read_back_from_its_json() {
    let crm = Crm::in_memory().unwrap();
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    for event in events(&crm, 0) {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<CloudEvent>(&json).unwrap(), event);
    }
}
