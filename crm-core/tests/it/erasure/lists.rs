//! The list of those who were erased, and older copies of the file.

use crm_core::{
    ApplyErasures, Attribute, BackupTo, Crm, EraseSubject, ErasureList, ErrorKind, Flow, Kind,
    LiftSuppression, ListErasures, RecordRef, values,
};
use serde_json::json;

use super::{ann, ask, contact, refusal};
use crate::support::{Folder, assert_sound};

#[test]
fn an_older_copy_is_erased_again_by_the_list() {
    let folder = Folder::new();
    let crm = folder.open();
    let zoe = crm.contacts().create(values! { "email" => "zoe@example.org" }).unwrap().id;
    let old = ann(&crm);
    let path = folder.at("backup.crm").to_str().unwrap().to_owned();
    crm.backup_to(&BackupTo { path: path.clone() }, &mut |_| Flow::Continue).unwrap();
    crm.privacy().erase(&EraseSubject::new(contact(zoe))).unwrap();
    let late = crm.contacts().create(values! { "email" => "late@example.org" }).unwrap().id;
    for person in [old, late] {
        crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    }
    let first = ListErasures { limit: 2, ..ListErasures::after(0) };
    let mut list = crm.privacy().erasures(&first).unwrap();
    let rest = crm.privacy().erasures(&ListErasures::after(list.next.unwrap())).unwrap();
    assert_eq!((list.erased.len(), rest.erased.len(), rest.next), (2, 1, None));
    list.erased.extend(rest.erased);
    let text = serde_json::to_string(&list).unwrap();
    assert!(!text.contains("example.org") && !text.contains("1234567"), "{text}");

    let restored = Crm::open(&path).unwrap();
    assert!(restored.contacts().get(old).is_ok(), "the old copy still holds the person");
    let request = ApplyErasures::from(list);
    let applied = restored.privacy().apply_erasures(&request).unwrap();
    assert_eq!((applied.erased, applied.absent, applied.known), (2, 1, 0));
    assert_eq!((applied.foreign_hashes, applied.is_log_emptied), (0, true));
    for email in ["ann@example.org", "late@example.org", "zoe@example.org"] {
        let again = restored.contacts().create(values! { "email" => email });
        assert_eq!(refusal(again).0, ErrorKind::Suppressed, "{email}");
    }
    let twice = restored.privacy().apply_erasures(&request).unwrap();
    assert_eq!((twice.erased, twice.absent, twice.known), (0, 0, 3));
    assert_sound(&restored);
    restored.close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(11).any(|window| window.eq_ignore_ascii_case(b"ann@example")));
}

/// Two persons had one address, at which one came back. What came back and was erased again is suppressed,
/// and an older version told nothing of it.
#[test]
fn what_was_let_back_in_is_told_by_the_list_and_let_back_in_by_it() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define_attribute("contact", Attribute::new("home", Kind::Email)).unwrap();
    let (own, shared) = ("ann@example.org", "fam@example.org");
    let people = [own, "bob@example.org"].map(|email| {
        let values = values! { "email" => email, "home" => shared };
        crm.contacts().create(values).unwrap().id
    });
    let paths = ["one.crm", "two.crm"].map(|name| folder.at(name).to_str().unwrap().to_owned());
    for path in paths.clone() {
        crm.backup_to(&BackupTo { path }, &mut |_| Flow::Continue).unwrap();
    }
    let erase = |person| crm.privacy().erase(&EraseSubject::new(contact(person))).unwrap();
    for person in people {
        erase(person);
    }
    let before = ApplyErasures::from(crm.privacy().erasures(&ListErasures::after(0)).unwrap());
    assert!(before.erased.iter().all(|one| one.lifted.is_empty()));
    for address in [own, shared] {
        let lifted = crm.privacy().lift_suppression(&LiftSuppression::new(address)).unwrap();
        assert!(lifted.was_suppressed);
    }
    erase(crm.contacts().create(values! { "email" => own }).unwrap().id);
    let list = ApplyErasures::from(crm.privacy().erasures(&ListErasures::after(0)).unwrap());
    let lifted: Vec<_> = list.erased.iter().map(|one| one.lifted.clone()).collect();
    assert_eq!(lifted.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 0]);

    for (path, is_known) in paths.into_iter().zip([false, true]) {
        let restored = Crm::open(path).unwrap();
        let is_refused = |address: &str| {
            let created = restored.contacts().create(values! { "email" => address });
            created.is_err_and(|error| error.kind() == ErrorKind::Suppressed)
        };
        if is_known {
            restored.privacy().apply_erasures(&before).unwrap();
            assert!(is_refused(own) && is_refused(shared));
        }
        for _ in 0..2 {
            restored.privacy().apply_erasures(&list).unwrap();
            assert_sound(&restored);
            let told = restored.privacy().erasures(&ListErasures::after(0)).unwrap();
            let told: Vec<_> = told.erased.into_iter().map(|one| one.lifted).collect();
            assert_eq!(told, lifted, "the next list says the same");
        }
        assert!(is_refused(own) && !is_refused(shared));
        // By the word of an older version it is suppressed.
        restored.privacy().apply_erasures(&before).unwrap();
        assert!(is_refused(shared));
    }
}

/// The type came later, in the file whose list it is.
#[test]
fn nobody_of_a_list_is_lost_whose_type_is_not_known() {
    let (one, other) = (Crm::in_memory().unwrap(), Crm::in_memory().unwrap());
    ask(&one, "types.define", json!({ "name": "robot" }));
    let robot = one.records("robot").create(values! {}).unwrap().id;
    let bob = one.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    let people = [contact(ann(&one)), RecordRef::new("robot", robot), contact(bob)];
    for person in people {
        one.privacy().erase(&EraseSubject::new(person)).unwrap();
    }
    let list = one.privacy().erasures(&ListErasures::after(0)).unwrap();
    let request = ApplyErasures::from(list.clone());
    let applied = other.privacy().apply_erasures(&request).unwrap();
    assert_eq!((applied.erased, applied.absent, applied.known), (0, 3, 0));
    let subjects =
        |list: &ErasureList| list.erased.iter().map(|one| one.subject.clone()).collect::<Vec<_>>();
    let passed_on = other.privacy().erasures(&ListErasures::after(0)).unwrap();
    assert_eq!(subjects(&passed_on), subjects(&list));
    let twice = other.privacy().apply_erasures(&request).unwrap();
    assert_eq!((twice.erased, twice.absent, twice.known), (0, 0, 3));
    assert_sound(&other);
}

#[test]
fn hashes_of_another_file_are_told_and_a_bad_list_changes_nothing() {
    let (one, other) = (Crm::in_memory().unwrap(), Crm::in_memory().unwrap());
    let id = ann(&one);
    one.privacy().erase(&EraseSubject::new(contact(id))).unwrap();
    let list = ApplyErasures::from(one.privacy().erasures(&ListErasures::after(0)).unwrap());
    let applied = other.privacy().apply_erasures(&list).unwrap();
    assert_eq!((applied.absent, applied.foreign_hashes), (1, 2));
    other.contacts().create(values! { "email" => "ann@example.org" }).unwrap();
    let mut wrong = list.clone();
    wrong.erased.push(wrong.erased[0].clone());
    wrong.erased[1].hashes = vec!["x".into()];
    let third = Crm::in_memory().unwrap();
    let refused = third.privacy().apply_erasures(&wrong);
    let place = "erased[1].hashes[0]".to_owned();
    assert_eq!(refusal(refused), (ErrorKind::InvalidValue, Some(place)));
    assert!(third.privacy().erasures(&ListErasures::after(0)).unwrap().erased.is_empty());
    wrong.erased[1].hashes.clear();
    for no_type in ["no type", "crm_erasure"] {
        wrong.erased[1].subject.entity_type = no_type.into();
        let refused = third.privacy().apply_erasures(&wrong);
        let place = "erased[1].subject.type".to_owned();
        assert_eq!(refusal(refused), (ErrorKind::InvalidArgument, Some(place)));
    }
    // Somebody who is there, under another type, is neither erased nor remembered to be.
    let bob = third.contacts().create(values! { "given_name" => "Bob" }).unwrap().id;
    wrong.erased[1].subject = RecordRef::new("company", bob);
    let refused = third.privacy().apply_erasures(&wrong);
    let place = "erased[1].subject.type".to_owned();
    assert_eq!(refusal(refused), (ErrorKind::InvalidArgument, Some(place)));
    assert_sound(&third);
    let many = ApplyErasures { key: None, erased: vec![list.erased[0].clone(); 10_001] };
    let refused = third.privacy().apply_erasures(&many);
    assert_eq!(refusal(refused), (ErrorKind::LimitExceeded, Some("erased".into())));
}
