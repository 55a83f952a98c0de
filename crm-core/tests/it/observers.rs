//! Observers: told after the commit, of each commit once, and harmless to the writer.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use crm_core::{
    ApplyChanges, ArchiveRecord, Commit, CreateRecord, Crm, ErrorKind, ListChanges, Observer,
    RecordChange, values,
};

use crate::support::{Folder, assert_sound, journal_length};

/// An observer that keeps what it was told.
fn listen(crm: &Crm) -> (Observer, Arc<Mutex<Vec<Commit>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let observer = crm.observe(move |commit| keep.lock().unwrap().push(*commit));
    (observer, heard)
}

fn acme(crm: &Crm) -> crm_core::Record {
    crm.companies().create(values! { "name" => "Acme" }).unwrap()
}

#[test]
fn each_commit_is_told_once_with_its_place_in_the_journal() {
    let crm = Crm::in_memory().unwrap();
    let (_observer, heard) = listen(&crm);
    let start = journal_length(&crm);
    let record = acme(&crm);
    let create = |name: &str| {
        let values = values! { "name" => name };
        RecordChange::Create(CreateRecord { entity_type: "company".into(), values })
    };
    let archive = RecordChange::Archive(ArchiveRecord {
        entity_type: "company".into(),
        id: record.id,
        expected_version: None,
    });
    let changes = vec![create("a"), create("b"), archive];
    crm.apply(ApplyChanges { changes, all_or_nothing: false }).unwrap();
    let heard = heard.lock().unwrap();
    let expected = [
        Commit { first_seq: start + 1, last_seq: start + 1 },
        Commit { first_seq: start + 2, last_seq: start + 4 },
    ];
    assert_eq!(*heard, expected);
    let page =
        crm.journal().changes(&ListChanges { limit: 10, ..ListChanges::after(start) }).unwrap();
    let transactions: Vec<_> = page.changes.iter().map(|change| change.transaction).collect();
    assert_eq!(transactions, [start + 1, start + 2, start + 2, start + 2]);
}

#[test]
fn what_changes_nothing_is_not_told() {
    let crm = Crm::in_memory().unwrap();
    let record = acme(&crm);
    let (_observer, heard) = listen(&crm);
    crm.companies().patch(record.id, values! { "name" => "Acme" }).unwrap();
    crm.companies().restore(record.id, None).unwrap();
    crm.companies().create(values! { "nome" => "Acme" }).unwrap_err();
    crm.types().define_preset(crm_core::Preset::Contact).unwrap();
    let failing =
        RecordChange::Create(CreateRecord { entity_type: "company".into(), values: values! {} });
    let request = ApplyChanges { changes: vec![failing], all_or_nothing: true };
    assert!(!crm.apply(request).unwrap().is_committed);
    crm.compact().unwrap();
    assert_eq!(*heard.lock().unwrap(), []);
}

#[test]
fn an_observer_sees_what_it_is_told_of() {
    let folder = Folder::new();
    let crm = folder.open();
    let reader = crm.clone();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let observer = crm.observe(move |commit| {
        let request = ListChanges { limit: 10, ..ListChanges::after(commit.first_seq - 1) };
        let changes = reader.journal().changes(&request).unwrap().changes;
        let id = changes[0].record_id.unwrap();
        keep.lock().unwrap().push((changes.len(), reader.companies().get(id).unwrap().version));
    });
    acme(&crm);
    drop(observer);
    assert_eq!(*seen.lock().unwrap(), [(1, 1)]);
}

#[test]
fn every_thread_s_commits_are_told_once() {
    let crm = Crm::in_memory().unwrap();
    let start = journal_length(&crm);
    let (_observer, heard) = listen(&crm);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| drop(acme(&crm))));
        }
    });
    let mut heard = heard.lock().unwrap().clone();
    heard.sort_by_key(|commit| commit.first_seq);
    let expected: Vec<_> =
        (start + 1..=start + 200).map(|seq| Commit { first_seq: seq, last_seq: seq }).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_panic_in_an_observer_hurts_neither_the_writer_nor_other_observers() {
    let crm = Crm::in_memory().unwrap();
    let _first = crm.observe(|_| std::panic::panic_any("the observer's own"));
    let (_second, heard) = listen(&crm);
    for version in 1..=2 {
        assert_eq!(acme(&crm).version, 1);
        assert_eq!(heard.lock().unwrap().len(), version);
    }
    assert_sound(&crm);
}

#[test]
fn a_write_from_inside_is_refused_and_one_to_another_file_is_not() {
    let crm = Crm::in_memory().unwrap();
    let (inner, other) = (crm.clone(), Crm::in_memory().unwrap());
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kinds);
    let _observer = crm.observe(move |_| {
        let name = || values! { "name" => "x" };
        let attempts = [
            inner.companies().create(name()).map(drop),
            inner.compact(),
            inner.types().archive("deal").map(drop),
            other.companies().create(name()).map(drop),
        ];
        keep.lock().unwrap().extend(attempts.map(|result| result.err().map(|error| error.kind())));
    });
    acme(&crm);
    let reentrant = Some(ErrorKind::Reentrant);
    assert_eq!(*kinds.lock().unwrap(), [reentrant, reentrant, reentrant, None]);
    assert_eq!(crm.companies().count().unwrap(), 1);
}

#[test]
fn dropping_ends_it_even_from_inside() {
    let crm = Crm::in_memory().unwrap();
    let (observer, heard) = listen(&crm);
    acme(&crm);
    drop(observer);
    acme(&crm);
    assert_eq!(heard.lock().unwrap().len(), 1);

    let calls = Arc::new(AtomicUsize::new(0));
    let slot = Arc::new(Mutex::new(None));
    let (counting, own) = (Arc::clone(&calls), Arc::clone(&slot));
    let observer = crm.observe(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        drop::<Option<Observer>>(own.lock().unwrap().take());
    });
    *slot.lock().unwrap() = Some(observer);
    acme(&crm);
    acme(&crm);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn an_observer_may_outlive_the_handle() {
    let crm = Crm::in_memory().unwrap();
    let (observer, heard) = listen(&crm);
    acme(&crm);
    crm.close().unwrap();
    drop(crm);
    drop(observer);
    assert_eq!(heard.lock().unwrap().len(), 1);
}
