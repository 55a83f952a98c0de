//! An import taken back, and what is left of it.

use crm_core::{
    ChangeKind, Crm, ErrorKind, Flow, ImportState, PlanImport, RecordId, Value, values,
};

use super::{apply, map, people, plan, revert, upsert};
use crate::support::{assert_sound, journal_length};

/// Ann and Ben are changed, Cid is created.
fn imported() -> (Crm, crm_core::ImportRun, [RecordId; 3]) {
    let crm = people();
    let person = crm.records("person");
    let ann = values! { "code" => "a", "name" => "Ann", "n" => 1, "mail" => "Ann@X.org" };
    let ann = person.create(ann).unwrap().id;
    person.patch(ann, values! { "n" => 2 }).unwrap();
    let ben =
        person.create(values! { "code" => "b", "name" => "Ben", "tags" => vec!["a"] }).unwrap().id;
    let text = "code,name,n,mail,tags\n\
                a,Anna,9,new@x.org,b\n\
                b,Ben,9,,b;c\n\
                c,Cid,,,\n";
    let columns = ["code", "name", "n", "mail", "tags"].map(map).to_vec();
    let run = apply(&crm, &plan(&crm, &upsert(text, &["code"], columns)).unwrap()).unwrap();
    assert_eq!((run.import.created, run.import.updated), (1, 2));
    let cid = crm.records("person").get_by("code", "c").unwrap().id;
    (crm, run, [ann, ben, cid])
}

#[test]
fn everything_is_as_it_was_when_nobody_else_wrote() {
    let (crm, run, [ann, ben, cid]) = imported();
    let report = revert(&crm, &run);
    assert_eq!((report.archived, report.restored, report.left_count), (1, 2, 0));
    assert_eq!(report.import.state, ImportState::Reverted);
    let person = crm.records("person");
    let before = values! { "code" => "a", "name" => "Ann", "n" => 2, "mail" => "Ann@x.org" };
    let now = person.get(ann).unwrap();
    assert_eq!((now.values, now.typed), (before, values! { "mail" => "Ann@X.org" }));
    let before = values! { "code" => "b", "name" => "Ben", "tags" => vec!["a"] };
    assert_eq!(person.get(ben).unwrap().values, before);
    assert!(person.get(cid).unwrap().archived_at.is_some());
    let history = crm.journal().of_record("person", ann).unwrap();
    let cause = format!("revert:{}", run.import.id);
    assert_eq!(history.last().unwrap().cause.as_deref(), Some(&*cause));
    assert_sound(&crm);

    let length = journal_length(&crm);
    let again = revert(&crm, &run);
    assert_eq!((again.archived, again.restored, again.left_count), (0, 0, 0));
    assert_eq!((again.import.state, journal_length(&crm)), (ImportState::Reverted, length));
}

#[test]
fn what_others_changed_since_is_left_and_listed() {
    let (crm, run, [ann, ben, cid]) = imported();
    let eve = crm.acting_as("user:eve", None).unwrap();
    eve.records("person").patch(ann, values! { "n" => 10 }).unwrap();
    eve.records("person").patch(cid, values! { "n" => 1, "notes" => "called" }).unwrap();
    eve.records("person").archive(ben, None).unwrap();
    let report = revert(&crm, &run);
    assert_eq!((report.archived, report.restored), (0, 1));
    let left: Vec<_> = report
        .left
        .iter()
        .map(|left| (left.id, left.attribute.as_deref(), left.actor.as_deref(), left.kind.as_str()))
        .collect();
    let by = Some("user:eve");
    assert_eq!(
        left,
        [
            (cid, Some("n"), by, "stale_version"),
            (cid, Some("notes"), by, "stale_version"),
            (ben, Some("n"), by, "archived"),
            (ben, Some("tags"), by, "archived"),
            (ann, Some("n"), by, "stale_version"),
        ]
    );
    assert!(report.left.iter().all(|left| left.at.is_some()) && report.left_count == 5);
    let person = crm.records("person");
    let now = person.get(ann).unwrap();
    assert_eq!((now.get("n"), now.get("name").as_str()), (&Value::Integer(10), Some("Ann")));
    assert!(person.get(cid).unwrap().archived_at.is_none());

    // Once Ben is in use again, his part can be taken back too, and nothing else happens.
    eve.records("person").restore(ben, None).unwrap();
    let again = revert(&crm, &run);
    assert_eq!((again.archived, again.restored, again.left_count), (0, 1, 3));
    assert_eq!(person.get(ben).unwrap().get("tags"), &Value::from(vec!["a"]));
    assert_eq!(person.get(ann).unwrap().get("n"), &Value::Integer(10));
    assert_sound(&crm);
}

#[test]
fn a_value_that_does_not_fit_any_more_is_left_and_the_others_are_not() {
    let (crm, run, [ann, ..]) = imported();
    let person = crm.records("person");
    person.create(values! { "name" => "Other Ann", "mail" => "ann@x.org" }).unwrap();
    person.create(values! { "name" => "Same Ann", "mail" => "Ann@x.org" }).unwrap();
    let report = revert(&crm, &run);
    let left: Vec<_> = report
        .left
        .iter()
        .map(|left| (left.id, left.attribute.as_deref(), left.actor.as_deref(), left.kind.as_str()))
        .collect();
    assert_eq!(left, [(ann, Some("mail"), None, "duplicate")]);
    let ann = person.get(ann).unwrap();
    assert_eq!(
        (ann.get("name").as_str(), ann.get("mail").as_str()),
        (Some("Ann"), Some("new@x.org"))
    );
}

#[test]
fn a_part_of_an_import_is_taken_back_and_not_gone_on_with() {
    let crm = people();
    let text = apply::many(12_000);
    let made = plan(&crm, &PlanImport::from_text("person", text, [map("name")])).unwrap();
    let run = crm.imports().apply(&made, &mut |_| Flow::Cancel).unwrap();
    assert_eq!(run.import.state, ImportState::Unfinished);
    let report = crm.imports().revert(run.import.id, &mut |_| Flow::Cancel).unwrap();
    assert_eq!((report.import.state, report.archived), (ImportState::Reverting, 2_000));
    let error = crm.imports().resume(run.import.id, &made, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("id")));
    let report = revert(&crm, &run);
    assert_eq!((report.import.state, report.archived), (ImportState::Reverted, 3_000));
    assert_eq!(crm.records("person").count().unwrap(), 0);
    let error = crm.imports().revert(made_up(), &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("id")));
}

fn made_up() -> RecordId {
    RecordId::from_bytes([7; 16])
}

#[test]
fn an_import_over_another_gives_back_what_that_one_wrote() {
    let (crm, first, [ann, ..]) = imported();
    let columns = vec![map("code"), map("name")];
    let text = "code,name\na,Annabel\n";
    let made = plan(&crm, &upsert(text, &["code"], columns)).unwrap();
    let second = apply(&crm, &made).unwrap();
    let kept = revert(&crm, &first);
    assert_eq!(kept.left[0].attribute.as_deref(), Some("name"));
    revert(&crm, &second);
    let person = crm.records("person");
    assert_eq!(person.get(ann).unwrap().get("name").as_str(), Some("Anna"));
    let history = crm.journal().of_record("person", ann).unwrap();
    assert!(history.iter().all(|entry| entry.kind != ChangeKind::RecordArchived));
}
