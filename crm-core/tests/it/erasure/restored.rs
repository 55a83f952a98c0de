//! A backup that is taken into use again, without those who were erased since.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crm_core::{
    BackupTo, Crm, EraseSubject, Error, ErrorKind, Flow, LiftSuppression, ListErasures,
    ListRecords, OpenOptions, Progress, Replay, RequestConsent, RestoreTo, Restored, RunSql,
    SweepConsents, Value, values,
};
use serde_json::json;

use super::{
    ann, ask, contact,
    forensics::{found, planted},
    purpose, refusal,
};
use crate::support::{Folder, assert_sound, read_only, relaxed};

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

pub(super) fn backup(crm: &Crm, path: &Path) {
    crm.backup_to(&BackupTo { path: text(path) }, &mut |_| Flow::Continue).unwrap();
}

fn try_restore(crm: &Crm, from: &Path, to: &Path) -> Result<Restored, Error> {
    let request = RestoreTo { from: text(from), to: text(to) };
    crm.restore_to(&request, &mut |_| Flow::Continue)
}

#[track_caller]
pub(super) fn restore(crm: &Crm, from: &Path, to: &Path) -> Restored {
    try_restore(crm, from, to).unwrap()
}

/// Persons of the list, and of those the erased, the absent and the known.
fn counts(restored: &Restored) -> [u64; 4] {
    [restored.listed, restored.erased, restored.absent, restored.known]
}

#[test]
fn a_backup_comes_back_without_a_byte_of_those_who_were_erased() {
    let folder = Folder::new();
    let crm = folder.open();
    let zoe = crm.contacts().create(values! { "email" => "zoe@example.org" }).unwrap().id;
    crm.privacy().erase(&EraseSubject::new(contact(zoe))).unwrap();
    let (subject, needles) = planted(&crm);
    let copies = Folder::new();
    let old = copies.at("old.crm");
    backup(&crm, &old);
    let late = crm.contacts().create(values! { "email" => "late@example.org" }).unwrap().id;
    for person in [subject, late] {
        crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    }
    let (people, list) = (crm.contacts().count().unwrap(), ListErasures::after(0));
    let (before, image) = (fs::read(&old).unwrap(), folder.image());

    let restored = restore(&crm, &old, &copies.path());
    assert_eq!((counts(&restored), restored.foreign_hashes), ([3, 1, 1, 1], 0));
    assert_eq!(restored.schema_version, crm.info().unwrap().schema_version);
    assert!(fs::read(&old).unwrap() == before, "the backup is what it was");
    assert!(folder.image() == image, "the file is what it was");
    let names: Vec<String> = copies.image().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.crm", "old.crm"], "nothing else is left");
    assert_eq!(found(copies.root(), needles), [] as [u32; 0], "before it is opened");

    let copy = copies.open();
    assert_sound(&copy);
    assert_eq!(copy.contacts().count().unwrap(), people);
    for email in ["zoe@example.org", "late@example.org"] {
        let again = copy.contacts().create(values! { "email" => email });
        assert_eq!(refusal(again).0, ErrorKind::Suppressed, "{email}");
    }
    let erased = |crm: &Crm| {
        let erased = crm.privacy().erasures(&list).unwrap().erased;
        erased.into_iter().map(|one| (one.subject.id, one.erased_at)).collect::<BTreeSet<_>>()
    };
    assert_eq!(erased(&copy), erased(&crm), "the list goes on from there");
    copy.close().unwrap();
    assert_eq!(found(copies.root(), needles), [] as [u32; 0], "when it was open");
    let again = restore(&crm, &copies.path(), &copies.at("again.crm"));
    assert_eq!(counts(&again), [3, 0, 0, 3], "nothing is left to do");
}

#[test]
fn a_backup_of_every_version_comes_back_as_a_file_of_the_present_one() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    for version in 1..=8 {
        let folder = Folder::new();
        let old = folder.at("old.crm");
        fs::copy(fixtures.join(format!("v{version}.crm")), &old).unwrap();
        fs::copy(&old, folder.path()).unwrap();
        let crm = folder.open();
        let all = ListRecords { limit: 10_000, ..ListRecords::new("contact") };
        let people = crm.list_records(&all).unwrap().records;
        let person = people.iter().find(|one| one.get("email").as_str().is_some()).unwrap();
        let email = person.get("email").as_str().unwrap().to_owned();
        crm.privacy().erase(&EraseSubject::new(contact(person.id))).unwrap();
        let before = folder.image().len();

        let restored = restore(&crm, &old, &folder.at("new.crm"));
        // From version 8 on the stored file knows of somebody who was erased before.
        let known = u64::from(version >= 8);
        assert_eq!(restored.schema_version, version);
        assert_eq!(counts(&restored), [1 + known, 1, 0, known]);
        assert_eq!(folder.image().len(), before + 1, "version {version}: one file more");
        let bytes = fs::read(folder.at("new.crm")).unwrap();
        let is_there =
            |text: &[u8]| bytes.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text));
        assert!(!is_there(email.as_bytes()), "version {version}: the address is left");
        let copy = Crm::open_with(folder.at("new.crm"), read_only()).unwrap();
        assert_sound(&copy);
        assert_eq!(copy.contacts().count().unwrap(), crm.contacts().count().unwrap());
    }
}

#[test]
fn what_is_no_backup_of_the_file_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.contacts().create(values! { "given_name" => "Bob" }).unwrap();
    let old = folder.at("old.crm");
    backup(&crm, &old);
    let bytes = fs::read(&old).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.at(name), bytes).unwrap();
    write("letter.crm", "Dear Ann, ".repeat(1000).as_bytes());
    write("empty.crm", b"");
    write("short.crm", &bytes[..bytes.len() / 2]);
    let newer: Vec<u8> = [&bytes[..60], &[0, 0, 0, 99], &bytes[64..]].concat();
    write("newer.crm", &newer);
    let mut damaged = bytes.clone();
    damaged[4096 * 3..4096 * 4].fill(0xA5);
    write("damaged.crm", &damaged);
    Crm::open(folder.at("other.crm")).unwrap().close().unwrap();
    backup(&crm, &folder.at("open.crm"));
    let open = Crm::open(folder.at("open.crm")).unwrap();

    let image = folder.image();
    for (name, kind) in [
        ("nothing.crm", ErrorKind::Io),
        ("nowhere/old.crm", ErrorKind::Io),
        ("letter.crm", ErrorKind::NotOurFile),
        ("empty.crm", ErrorKind::NotOurFile),
        ("short.crm", ErrorKind::Corrupt),
        ("newer.crm", ErrorKind::TooNew),
        ("damaged.crm", ErrorKind::Corrupt),
        ("other.crm", ErrorKind::InvalidArgument),
        ("open.crm", ErrorKind::InUse),
        ("a.crm", ErrorKind::InUse),
    ] {
        let refused = try_restore(&crm, &folder.at(name), &folder.at("new.crm"));
        assert_eq!(refusal(refused), (kind, Some("from".into())), "{name}");
        assert!(folder.image() == image, "{name}: something was changed");
    }
    let taken = try_restore(&crm, &old, &folder.at("letter.crm"));
    assert_eq!(refusal(taken), (ErrorKind::InvalidArgument, Some("to".into())));
    let same = try_restore(&crm, &old, &old);
    assert_eq!(refusal(same), (ErrorKind::InvalidArgument, Some("to".into())));
    let nowhere = try_restore(&crm, &old, &folder.at("nowhere/new.crm"));
    assert_eq!(refusal(nowhere), (ErrorKind::Io, Some("to".into())));
    let itself = try_restore(&crm, &folder.at("a.crm"), &folder.at("new.crm")).unwrap_err();
    assert_eq!(itself.hint(), Some("restore a backup of it"));
    let no_paths = ["", ":memory:", "file:new.crm", ".."].map(PathBuf::from);
    for path in no_paths.into_iter().chain([folder.root().to_owned()]) {
        let to = try_restore(&crm, &old, &path);
        assert_eq!(refusal(to), (ErrorKind::InvalidArgument, Some("to".into())), "{path:?}");
        let from = try_restore(&crm, &path, &folder.at("new.crm")).unwrap_err();
        assert_eq!(from.field(), Some("from"), "{path:?}");
        assert!(from.hint().is_some() || path == folder.root(), "{path:?}");
        let copy = crm.backup_to(&BackupTo { path: text(&path) }, &mut |_| Flow::Continue);
        assert_eq!(refusal(copy), (ErrorKind::InvalidArgument, Some("path".into())), "{path:?}");
    }
    let nowhere = BackupTo { path: text(&folder.at("nowhere/new.crm")) };
    let nowhere = crm.backup_to(&nowhere, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((nowhere.kind(), nowhere.field()), (ErrorKind::Io, Some("path")));
    assert!(nowhere.hint().is_some());
    assert!(folder.image() == image);
    let here: Vec<_> = fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!here.iter().any(|name| name == ":memory:" || name == "file:new.crm"));
    open.close().unwrap();
    restore(&crm, &folder.at("open.crm"), &folder.at("new.crm"));
}

#[test]
fn a_cancelled_restoration_leaves_nothing_and_keeps_nothing_beside_its_draft() {
    let folder = Folder::new();
    let crm = folder.open();
    let people: Vec<_> = (0..120)
        .map(|number| {
            let values = values! {
                "email" => format!("p{number}@example.org"), "description" => "x".repeat(10_000),
            };
            crm.contacts().create(values).unwrap().id
        })
        .collect();
    let copies = Folder::new();
    backup(&crm, &copies.at("old.crm"));
    for person in people {
        crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    }
    let request = RestoreTo { from: text(&copies.at("old.crm")), to: text(&copies.path()) };
    let (told, image) = (RefCell::new(Vec::<Progress>::new()), copies.image());
    let run = |ends_after: usize| {
        told.borrow_mut().clear();
        crm.restore_to(&request, &mut |progress| {
            let mut told = told.borrow_mut();
            told.push(progress);
            let names: Vec<String> = copies.image().into_iter().map(|(name, _)| name).collect();
            let beside = names.iter().filter(|name| name.starts_with("a.crm")).count();
            // The lock of the backup goes with its copying.
            assert!(beside <= 1 && names.len() <= 3, "{names:?}");
            if told.len() > ends_after { Flow::Cancel } else { Flow::Continue }
        })
    };
    for ends_after in 0..2 {
        assert_eq!(run(ends_after).unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(copies.image() == image, "something is left");
    }
    let restored = run(usize::MAX).unwrap();
    assert_eq!(counts(&restored), [120, 120, 0, 0]);
    let told = told.into_inner();
    assert!(told.windows(2).all(|pair| pair[0].done <= pair[1].done));
    let last = told.last().unwrap();
    assert_eq!(Some(last.done), last.total, "the last step is the end");
    assert!(last.done > 120, "pages and persons");
}

#[test]
fn an_interrupted_restoration_leaves_nothing() {
    let folder = Folder::new();
    let crm = folder.open();
    ann(&crm);
    let copies = Folder::new();
    backup(&crm, &copies.at("old.crm"));
    let request = RestoreTo { from: text(&copies.at("old.crm")), to: text(&copies.path()) };
    let interrupted = crm.restore_to(&request, &mut |_| {
        crm.interrupt();
        Flow::Continue
    });
    assert_eq!(interrupted.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(copies.image().len(), 1);
}

#[test]
fn any_handle_restores_whatever_it_may_write_itself() {
    let memory = Crm::in_memory().unwrap();
    let folder = Folder::new();
    let person = ann(&memory);
    backup(&memory, &folder.path());
    memory.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    let restored = restore(&memory, &folder.path(), &folder.at("memory.crm"));
    assert_eq!(counts(&restored), [1, 1, 0, 0]);

    backup(&memory, &folder.at("present.crm"));
    let reader = Crm::open_with(folder.at("present.crm"), read_only()).unwrap();
    let restored = restore(&reader, &folder.path(), &folder.at("reader.crm"));
    assert_eq!(counts(&restored), [1, 1, 0, 0]);
    let itself = restore(&reader, &folder.at("present.crm"), &folder.at("same.crm"));
    assert_eq!(counts(&itself), [1, 0, 0, 1], "several may read it");
    assert_sound(&Crm::open(folder.at("reader.crm")).unwrap());
}

/// A file as an operating system copies it, closed and from before there was a key.
#[test]
fn a_copy_without_a_key_gets_that_of_the_file() {
    let folder = Folder::new();
    let crm = folder.open();
    let person = ann(&crm);
    crm.close().unwrap();
    fs::copy(folder.path(), folder.at("old.crm")).unwrap();
    let crm = folder.open();
    let late = crm.contacts().create(values! { "email" => "late@example.org" }).unwrap().id;
    for id in [person, late] {
        crm.privacy().erase(&EraseSubject::new(contact(id))).unwrap();
    }
    let restored = restore(&crm, &folder.at("old.crm"), &folder.at("new.crm"));
    assert_eq!((counts(&restored), restored.foreign_hashes), ([2, 1, 1, 0], 0));
    let copy = Crm::open(folder.at("new.crm")).unwrap();
    for email in ["ann@example.org", "late@example.org"] {
        let again = copy.contacts().create(values! { "email" => email });
        assert_eq!(refusal(again).0, ErrorKind::Suppressed, "{email}");
    }
    // With a key of its own its hashes are others, and the ids do their part.
    fs::copy(folder.at("old.crm"), folder.at("forked.crm")).unwrap();
    let forked = Crm::open(folder.at("forked.crm")).unwrap();
    let bob = forked.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    forked.privacy().erase(&EraseSubject::new(contact(bob))).unwrap();
    forked.close().unwrap();
    let restored = restore(&crm, &folder.at("forked.crm"), &folder.at("forked_new.crm"));
    assert_eq!((counts(&restored), restored.foreign_hashes), ([2, 1, 1, 0], 3));
}

#[test]
fn a_type_that_came_after_the_backup_is_no_hindrance() {
    let folder = Folder::new();
    let crm = folder.open();
    backup(&crm, &folder.at("old.crm"));
    let attribute = json!({ "name": "mail", "kind": "email", "unique": true });
    ask(&crm, "types.define", json!({ "name": "member", "attributes": [attribute] }));
    let member = crm.records("member").create(values! { "mail" => "late@example.org" }).unwrap();
    let member = crm_core::RecordRef::new("member", member.id);
    crm.privacy().erase(&EraseSubject::new(member)).unwrap();
    let restored = restore(&crm, &folder.at("old.crm"), &folder.at("new.crm"));
    assert_eq!(counts(&restored), [1, 0, 1, 0]);
    let copy = Crm::open(folder.at("new.crm")).unwrap();
    let again = copy.contacts().create(values! { "email" => "late@example.org" });
    assert_eq!(refusal(again).0, ErrorKind::Suppressed);
    assert_sound(&copy);
}

/// The new file takes the place of the one that was lost, and a later backup is restored from it.
#[test]
fn whose_type_the_backup_does_not_know_is_not_brought_back_by_the_next_one() {
    let folder = Folder::new();
    let crm = folder.open();
    backup(&crm, &folder.at("old.crm"));
    let member = json!({ "name": "member", "attributes": [{ "name": "mail", "kind": "email" }] });
    ask(&crm, "types.define", member.clone());
    let id = crm.records("member").create(values! { "mail" => "late@example.org" }).unwrap().id;
    let subject = crm_core::RecordRef::new("member", id);
    backup(&crm, &folder.at("later.crm"));
    crm.privacy().erase(&EraseSubject::new(subject.clone())).unwrap();
    restore(&crm, &folder.at("old.crm"), &folder.at("new.crm"));
    let list = crm.privacy().erasures(&ListErasures::after(0)).unwrap();

    let copy = Crm::open(folder.at("new.crm")).unwrap();
    let passed_on = copy.privacy().erasures(&ListErasures::after(0)).unwrap();
    assert_eq!(passed_on, list, "nobody is lost");
    let restored = restore(&copy, &folder.at("later.crm"), &folder.at("third.crm"));
    assert_eq!(counts(&restored), [1, 1, 0, 0]);
    let third = Crm::open(folder.at("third.crm")).unwrap();
    assert_eq!(third.records("member").count().unwrap(), 0);
    assert_sound(&third);
    // The type may come later, by a number of its own.
    ask(&copy, "types.define", member);
    assert_sound(&copy);
    assert_eq!(copy.privacy().erasures(&ListErasures::after(0)).unwrap(), list);
}

#[test]
fn a_suppression_that_was_lifted_stays_lifted() {
    let folder = Folder::new();
    let crm = folder.open();
    let create = |crm: &Crm, email: &str, phone: &str| {
        let values = values! { "email" => email, "phone" => phone };
        crm.contacts().create(values).map(|created| created.id)
    };
    let erase = |id| drop(crm.privacy().erase(&EraseSubject::new(contact(id))).unwrap());
    let before = create(&crm, "zoe@example.org", "+49301234561").unwrap();
    erase(before);
    let person = create(&crm, "ann@example.org", "+49301234562").unwrap();
    backup(&crm, &folder.at("old.crm"));
    erase(person);
    for point in ["zoe@example.org", "ann@example.org"] {
        crm.privacy().lift_suppression(&LiftSuppression::new(point)).unwrap();
    }
    let restored = restore(&crm, &folder.at("old.crm"), &folder.at("new.crm"));
    assert_eq!(counts(&restored), [2, 1, 0, 1]);
    let copy = Crm::open(folder.at("new.crm")).unwrap();
    assert_sound(&copy);
    for phone in ["+49301234561", "+49301234562"] {
        let again = create(&copy, "new@example.org", phone);
        assert_eq!(refusal(again).0, ErrorKind::Suppressed, "{phone}");
    }
    create(&copy, "zoe@example.org", "+49301234563").unwrap();
    create(&copy, "ann@example.org", "+49301234564").unwrap();

    // A fork has what the file never knew: there everything of the person is suppressed.
    fs::copy(folder.at("old.crm"), folder.at("fork.crm")).unwrap();
    let fork = Crm::open(folder.at("fork.crm")).unwrap();
    fork.contacts().patch(person, values! { "email" => "fork@example.org" }).unwrap();
    fork.close().unwrap();
    restore(&crm, &folder.at("fork.crm"), &folder.at("forked.crm"));
    let forked = Crm::open(folder.at("forked.crm")).unwrap();
    let again = create(&forked, "fork@example.org", "+49301234565");
    assert_eq!(refusal(again).0, ErrorKind::Suppressed);
    assert_sound(&forked);
}

/// What waited is erased when nobody confirms it, so the file forgets an address that its backup has.
#[test]
fn an_address_that_was_only_asked_stays_suppressed_though_the_file_forgot_it() {
    let folder = Folder::new();
    let replay = Replay { start: "2026-01-01T00:00:00Z".parse().unwrap(), step_micros: 1000 };
    let options = OpenOptions { replay: Some(replay), ..relaxed() };
    let crm = Crm::open_with(folder.at("acme.crm"), options).unwrap();
    purpose(&crm, "news", &["email"], "eu_general");
    let person = ann(&crm);
    let asked = RequestConsent::new(contact(person), "email", "asked@example.org", "news");
    crm.consents().request(asked).unwrap();
    backup(&crm, &folder.at("old.crm"));
    crm.set_clock("2026-03-01T00:00:00Z".parse().unwrap()).unwrap();
    let swept = crm.consents().sweep(&SweepConsents { limit: 10 }).unwrap();
    assert_eq!(swept.erased_requests, 1);
    crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    restore(&crm, &folder.at("old.crm"), &folder.at("new.crm"));
    let copy = Crm::open(folder.at("new.crm")).unwrap();
    let again = copy.contacts().create(values! { "email" => "asked@example.org" });
    assert_eq!(refusal(again).0, ErrorKind::Suppressed);
    assert_sound(&copy);
}

/// In the file the reference was given another value before; in the backup it has the old one.
#[test]
fn a_required_reference_that_leads_to_nobody_is_told() {
    let folder = Folder::new();
    let crm = folder.open();
    let owner =
        json!({ "name": "owner", "kind": "reference", "target": "contact", "required": true });
    ask(&crm, "types.define", json!({ "name": "ticket", "attributes": [owner.clone()] }));
    let (person, other) = (ann(&crm), crm.contacts().create(values! {}).unwrap().id);
    let ticket = crm.records("ticket").create(values! { "owner" => person }).unwrap().id;
    let gone = crm.records("ticket").create(values! { "owner" => person }).unwrap().id;
    backup(&crm, &folder.at("old.crm"));
    for id in [ticket, gone] {
        crm.records("ticket").patch(id, values! { "owner" => other }).unwrap();
    }
    crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    let gone = crm_core::RecordRef::new("ticket", gone);
    crm.privacy().erase(&EraseSubject::new(gone)).unwrap();

    let told = json!([{
        "reason": "required_reference", "record": { "type": "ticket", "id": ticket },
        "attribute": "owner",
    }]);
    let restored = restore(&crm, &folder.at("old.crm"), &folder.at("new.crm"));
    assert_eq!(serde_json::to_value(&restored).unwrap()["blockers"], told);
    let copy = Crm::open(folder.at("new.crm")).unwrap();
    assert_sound(&copy);

    // Whoever did not see to it is told again, until they do.
    let list = crm.privacy().erasures(&ListErasures::after(0)).unwrap();
    let apply = |crm: &Crm| {
        ask(crm, "privacy.apply_erasures", json!({ "key": list.key, "erased": list.erased }))
    };
    let again = apply(&copy);
    assert_eq!((&again["known"], &again["blockers"]), (&json!(2), &told));
    backup(&copy, &folder.at("later.crm"));
    let restored = restore(&copy, &folder.at("later.crm"), &folder.at("newer.crm"));
    assert_eq!(serde_json::to_value(&restored).unwrap()["blockers"], told);
    copy.records("ticket").patch(ticket, values! { "owner" => other }).unwrap();
    assert_eq!(apply(&copy)["blockers"], json!([]));

    let old = Crm::open(folder.at("old.crm")).unwrap();
    assert_eq!(apply(&old)["blockers"], told);
    // Of the latest erasure first.
    ask(&old, "types.define", json!({ "name": "visit", "attributes": [owner] }));
    let visit = old.records("visit").create(values! { "owner" => other }).unwrap().id;
    let subject = json!({ "type": "contact", "id": other });
    let erased = json!([{ "subject": subject, "erased_at": "2026-01-01T00:00:00Z", "reason": "objected", "hashes": [] }]);
    let latest = ask(&old, "privacy.apply_erasures", json!({ "erased": erased }));
    let of = |place: usize| latest["blockers"][place]["record"]["id"].clone();
    assert_eq!((of(0), of(1)), (json!(visit), json!(ticket)));
}

/// More persons than a page has, and one who is erased while the backup is copied.
#[test]
fn the_list_is_followed_to_its_end() {
    let folder = Folder::new();
    let replay = Replay { start: "2026-01-01T00:00:00Z".parse().unwrap(), step_micros: 1000 };
    let options = OpenOptions { replay: Some(replay), ..relaxed() };
    let crm = Crm::open_with(folder.path(), options).unwrap();
    let people: Vec<_> = (0..251).map(|_| crm.contacts().create(values! {}).unwrap().id).collect();
    let old = folder.at("old.crm");
    backup(&crm, &old);
    let (last, rest) = people.split_last().unwrap();
    for person in rest {
        crm.privacy().erase(&EraseSubject::new(contact(*person))).unwrap();
    }
    let request = RestoreTo { from: text(&old), to: text(&folder.at("new.crm")) };
    let mut is_left = true;
    let restored = crm.restore_to(&request, &mut |_| {
        if std::mem::take(&mut is_left) {
            // A callback writes nothing itself.
            std::thread::scope(|scope| {
                let erase = || crm.privacy().erase(&EraseSubject::new(contact(*last)));
                scope.spawn(erase).join().unwrap().unwrap();
            });
        }
        Flow::Continue
    });
    assert_eq!(counts(&restored.unwrap()), [251, 251, 0, 0]);
    let copy = Crm::open(folder.at("new.crm")).unwrap();
    assert_eq!(copy.contacts().count().unwrap(), 0);
    let erased = copy.sql(&RunSql::new("SELECT count(*) FROM crm_erasure")).unwrap();
    assert_eq!(erased.rows[0].0, [Value::Integer(251)]);
    assert_sound(&copy);
}
