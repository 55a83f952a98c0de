//! Lifecycles: definitions, moves by hand and by themselves, and what is kept of them.

mod automation;
mod definitions;
mod explained;
mod flywheel;
mod judged;
mod pipeline;
mod reads;
mod rounds;
mod timed;
mod timeline;

use crm_core::{
    Crm, ErrorKind, Flow, GetLifecycleHistory, LifecycleHistory, LifecyclePreset, MoveStage,
    RecordId, ResetStage, StageCause, Timestamp, values,
};

/// A file with the lifecycles of contacts and deals.
fn open() -> Crm {
    let crm = Crm::in_memory().unwrap();
    for preset in LifecyclePreset::ALL {
        crm.lifecycles().define_preset(*preset).unwrap();
    }
    crm
}

fn contact(crm: &Crm) -> RecordId {
    crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id
}

fn go(crm: &Crm, lifecycle: &str, id: RecordId, to: &str) {
    let request = MoveStage::new(lifecycle, id, to).because("other");
    assert!(crm.lifecycles().move_to(request).unwrap().is_moved, "{to}");
}

fn history(crm: &Crm, lifecycle: &str, id: RecordId) -> LifecycleHistory {
    crm.lifecycles().history(&GetLifecycleHistory::new(lifecycle, id)).unwrap()
}

fn stage(crm: &Crm, lifecycle: &str, id: RecordId) -> Option<String> {
    history(crm, lifecycle, id).standing.stage
}

/// The stays of a record as `stage:cause`.
fn way(crm: &Crm, lifecycle: &str, id: RecordId) -> Vec<String> {
    let visits = history(crm, lifecycle, id).visits.into_iter();
    visits.map(|visit| format!("{}:{}", visit.stage, visit.cause.name())).collect()
}

fn verify(crm: &Crm) {
    assert_eq!(crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_way_keeps_each_stay_with_its_times_and_who() {
    let crm = open();
    let id = contact(&crm);
    let person = crm.acting_as("user:17", None).unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (first, second) = (at("2024-01-01T00:00:00Z"), at("2024-03-01T00:00:00Z"));
    let mql = MoveStage { at: Some(first), ..MoveStage::new("contact", id, "mql") };
    person.lifecycles().move_to(mql.clone()).unwrap();
    let again = person.lifecycles().move_to(mql).unwrap();
    assert!(!again.is_moved);
    let sql = MoveStage { at: Some(second), ..MoveStage::new("contact", id, "sql") };
    person.lifecycles().move_to(sql.because("called back")).unwrap();

    let found = history(&crm, "contact", id);
    assert_eq!(
        way(&crm, "contact", id),
        ["subscriber:implied", "lead:implied", "mql:manual", "sql:manual"]
    );
    let [subscriber, _, mql, sql] = &found.visits[..] else { panic!() };
    assert_eq!((subscriber.entered_at, subscriber.exited_at), (first, Some(first)));
    assert_eq!((mql.entered_at, mql.exited_at), (first, Some(second)));
    assert_eq!((sql.exited_at, sql.reason.as_deref()), (None, Some("called back")));
    assert_eq!(sql.actor, "user:17");
    assert_eq!(found.standing.entered_at, Some(second));
    assert_eq!((found.standing.visits, found.standing.cycle), (4, 1));
    // Page by page it is the same.
    let request = GetLifecycleHistory { limit: 1, ..GetLifecycleHistory::new("contact", id) };
    let page = crm.lifecycles().history(&request).unwrap();
    assert_eq!(page.visits, found.visits[..3]);
    let after = page.next.unwrap();
    let last = crm.lifecycles().history(&GetLifecycleHistory { after, ..request }).unwrap();
    assert_eq!((last.visits.as_slice(), last.next), (&found.visits[3..], None));
    verify(&crm);
}

#[test]
fn the_record_itself_stays_as_it_was() {
    let crm = open();
    let id = contact(&crm);
    let before = crm.contacts().get(id).unwrap();
    go(&crm, "contact", id, "customer");
    assert_eq!(crm.contacts().get(id).unwrap(), before);
    assert_eq!(crm.journal().of_record("contact", id).unwrap().len(), 1);
    let updated = crm.contacts().patch(id, values! { "given_name" => "Bea" }).unwrap();
    assert_eq!(updated.version, 2);
    verify(&crm);
}

#[test]
fn what_a_person_may_not_do_is_refused_with_the_field() {
    let crm = open();
    let id = contact(&crm);
    let lifecycles = crm.lifecycles();
    let refusal = |request: MoveStage| {
        let error = lifecycles.move_to(request).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned())
    };
    let to = |stage: &str| MoveStage::new("contact", id, stage);
    go(&crm, "contact", id, "sql");
    let future = crm.contacts().get(id).unwrap().created_at.micros() + 3_600_000_000;
    let future = Timestamp::from_micros(future).unwrap();
    let other = contact(&crm);
    for (request, kind, field) in [
        (to("lead"), ErrorKind::Refused, "to"),
        (to("leed"), ErrorKind::UnknownOption, "to"),
        (to("churned"), ErrorKind::Required, "reason"),
        (to("churned").because(""), ErrorKind::InvalidValue, "reason"),
        (to("churned").because("x".repeat(1001)), ErrorKind::LimitExceeded, "reason"),
        (MoveStage { at: Some(future), ..to("customer") }, ErrorKind::OutOfRange, "at"),
        (
            MoveStage { at: Some(Timestamp::UNIX_EPOCH), ..to("customer") },
            ErrorKind::OutOfRange,
            "at",
        ),
        (MoveStage { activity_id: Some(id), ..to("customer") }, ErrorKind::NotFound, "activity_id"),
        (MoveStage::new("contakt", id, "mql"), ErrorKind::NotFound, "lifecycle"),
        (
            MoveStage::new("contact", RecordId::from_bytes([7; 16]), "mql"),
            ErrorKind::NotFound,
            "id",
        ),
    ] {
        assert_eq!(refusal(request), (kind, field.to_owned()));
    }
    let reset = |to: &str, reason: &str| ResetStage::new("contact", id, to, reason);
    let error = lifecycles.reset(reset("customer", "x")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("to")));
    let error = lifecycles.reset(reset("lead", "")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidValue, Some("reason")));
    assert!(lifecycles.reset(reset("lead", "mistaken")).unwrap().is_moved);
    assert_eq!(history(&crm, "contact", id).visits.last().unwrap().cause, StageCause::Reset);

    crm.contacts().archive(other, None).unwrap();
    let archived = MoveStage::new("contact", other, "mql");
    assert_eq!(refusal(archived.clone()), (ErrorKind::Archived, "id".into()));
    crm.lifecycles().archive("contact").unwrap();
    assert_eq!(refusal(archived), (ErrorKind::Archived, "lifecycle".into()));
    crm.lifecycles().restore("contact").unwrap();
    verify(&crm);
}

#[test]
fn a_deal_that_is_lost_keeps_where_and_why_and_may_be_won_back() {
    let crm = open();
    let id = crm.deals().create(values! { "name" => "Ten chairs" }).unwrap().id;
    assert_eq!(stage(&crm, "deal", id).as_deref(), Some("prospecting"));
    go(&crm, "deal", id, "proposal");
    let unknown = MoveStage::new("deal", id, "lost").because("prize");
    let error = crm.lifecycles().move_to(unknown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOption);
    assert_eq!(error.hint(), Some("did you mean \"price\"?"));
    crm.lifecycles().move_to(MoveStage::new("deal", id, "lost").because("price")).unwrap();
    let lost = history(&crm, "deal", id).standing;
    assert_eq!((lost.last.as_deref(), lost.reason.as_deref()), (Some("proposal"), Some("price")));
    go(&crm, "deal", id, "won");
    let won = history(&crm, "deal", id).standing;
    assert_eq!((won.cycle, won.reached.as_deref()), (2, Some("won")));
    verify(&crm);
}

#[test]
fn the_journal_names_the_record_and_the_events_its_subject() {
    let crm = open();
    let id = contact(&crm);
    go(&crm, "contact", id, "lead");
    let seq = history(&crm, "contact", id).visits[0].seq;
    let request = crm_core::ListChanges::after(seq - 1);
    let change = crm.journal().changes(&request).unwrap().changes.remove(0);
    assert_eq!((change.entity_type.as_deref(), change.record_id), (Some("contact"), Some(id)));
    assert!(change.definition.unwrap().contains("\"to\":\"lead\""));
    let event = crm.journal().cloud_events(&request).unwrap().events.remove(0);
    assert_eq!(event.event_type, "crm.stage.moved");
    assert_eq!(event.subject, Some(format!("contact/{id}")));
}
