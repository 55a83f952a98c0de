//! Consent as a host meets it: the ledger, decisions, double opt-ins, links and the preference centre.

mod batches;
mod decisions;
mod opt_in;
mod people;
mod preferences;
mod receipts;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crm_core::{
    Clock, ConsentDecision, ConsentEvent, ConsentKind, ConsentMethod, CountedIds, Crm, DenyReason,
    ErrorKind, Flow, GetConsents, GetNotice, MayContact, NewConsent, OpenOptions, Party, PartyRole,
    PublishNotice, Purpose, RecordRef, Timestamp, values,
};

/// A clock that a test moves.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A file with a purpose `news`, and a person.
struct Desk {
    crm: Crm,
    clock: Arc<Hand>,
    ann: RecordRef,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Desk {
    fn new(policy: &str) -> Self {
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let ids = Arc::new(CountedIds::default());
        let now: Arc<dyn Clock> = Arc::<Hand>::clone(&clock);
        let crm = {
            clock.0.store(at("2026-03-02T10:00:00Z").micros(), Ordering::Relaxed);
            Crm::open_injected(":memory:", OpenOptions::default(), now, ids).unwrap()
        };
        let consents = crm.consents();
        consents.publish_notice(PublishNotice::new("news", "en", "Once a week.")).unwrap();
        let purpose = Purpose::new("news", ["email", "phone", "post"]).notice("news");
        consents.define_purpose(purpose.policy(policy)).unwrap();
        let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
        Self { crm, clock, ann: RecordRef::new("contact", ann) }
    }

    fn go_to(&self, moment: &str) {
        self.clock.0.store(at(moment).micros(), Ordering::Relaxed);
    }

    fn question(&self) -> MayContact {
        MayContact::new(self.ann.clone(), "email", "news")
    }

    fn decide(&self) -> ConsentDecision {
        self.crm.consents().decide(&self.question()).unwrap()
    }

    fn reasons(&self) -> Vec<DenyReason> {
        self.decide().reasons.iter().map(|reason| reason.reason).collect()
    }

    fn record(&self, new: NewConsent) -> ConsentEvent {
        self.crm.consents().record(new).unwrap()
    }

    fn grant(&self) -> ConsentEvent {
        self.record(NewConsent::grant(self.ann.clone(), "email", "news"))
    }

    fn refusal(&self, new: NewConsent) -> (ErrorKind, Option<String>) {
        let error = self.crm.consents().record(new).unwrap_err();
        (error.kind(), error.field().map(str::to_owned))
    }

    fn verify(&self) {
        let report = self.crm.verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}

#[test]
fn an_event_keeps_its_proof() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    let second = PublishNotice::new("news", "en", "Twice a week.");
    assert_eq!(consents.publish_notice(second.clone()).unwrap().version, 2);
    assert_eq!(consents.publish_notice(second).unwrap().version, 2, "the same text again");
    let grant = desk.grant();
    assert_eq!((grant.notice.as_deref(), grant.notice_version), (Some("news"), Some(2)));
    let text = consents.notice(&GetNotice { name: "news".into(), language: None, version: None });
    let text = text.unwrap();
    assert_eq!(grant.notice_sha256, Some(text.sha256));
    assert_eq!(text.text, "Twice a week.");
    let first = GetNotice { name: "news".into(), language: Some("en".into()), version: Some(1) };
    assert_eq!(consents.notice(&first).unwrap().text, "Once a week.");
    let history = consents.history(&GetConsents::new(desk.ann.clone())).unwrap();
    assert_eq!(history.events, [grant]);
    desk.verify();
}

#[test]
fn a_withdrawal_reaches_what_it_names_and_a_new_grant_answers_it() {
    let desk = Desk::new("eu_general");
    desk.grant();
    assert!(desk.decide().is_allowed);
    let phone = NewConsent::withdraw(desk.ann.clone()).on("phone");
    desk.record(phone);
    assert!(desk.decide().is_allowed, "another channel");
    let withdrawn = desk.record(NewConsent::withdraw(desk.ann.clone()).on("email"));
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnChannel]);
    assert_eq!(desk.decide().reasons[0].events, [withdrawn.id]);
    let grant = desk.grant();
    assert_eq!(grant.supersedes, [withdrawn.id]);
    assert!(desk.decide().is_allowed);
    // An objection is not answered by itself.
    let objected = desk.record(NewConsent::new(ConsentKind::Objected, desk.ann.clone()));
    assert_eq!(desk.grant().supersedes, [withdrawn.id]);
    assert_eq!(desk.reasons(), [DenyReason::Objected]);
    let mut named = NewConsent::grant(desk.ann.clone(), "email", "news");
    named.supersedes = Some(vec![withdrawn.id, objected.id]);
    desk.record(named);
    assert!(desk.decide().is_allowed);
    desk.verify();
}

#[test]
fn what_was_taken_back_is_not_lifted() {
    let desk = Desk::new("eu_general");
    desk.grant();
    let lift = |event: &ConsentEvent, method| NewConsent {
        supersedes: Some(vec![event.id]),
        ..NewConsent::new(ConsentKind::Lifted, desk.ann.clone()).method(method)
    };
    let invalid = |field: &str| (ErrorKind::InvalidArgument, Some(field.to_owned()));
    for kind in [
        ConsentKind::Withdrawn,
        ConsentKind::Denied,
        ConsentKind::Revoked,
        ConsentKind::Expired,
        ConsentKind::Lapsed,
    ] {
        let out = desk.record(NewConsent::new(kind, desk.ann.clone()));
        let refused = desk.refusal(lift(&out, ConsentMethod::Phone));
        assert_eq!(refused, invalid("supersedes[0]"), "{kind:?}");
        assert!(!desk.decide().is_allowed);
        desk.grant();
    }
    let objected = desk.record(NewConsent::new(ConsentKind::Objected, desk.ann.clone()));
    for method in [ConsentMethod::Import, ConsentMethod::Engine] {
        assert_eq!(desk.refusal(lift(&objected, method)), invalid("method"));
    }
    let before = lift(&objected, ConsentMethod::Phone).at(at("2026-02-01T00:00:00Z"));
    assert_eq!(desk.refusal(before), (ErrorKind::OutOfRange, Some("at".into())));
    assert_eq!(desk.reasons(), [DenyReason::Objected]);
    let lifted = desk.record(lift(&objected, ConsentMethod::Phone));
    assert!(desk.decide().is_allowed, "the person said so");
    assert_eq!(desk.refusal(lift(&lifted, ConsentMethod::Phone)), invalid("supersedes[0]"));
    desk.verify();
}

#[test]
fn a_grant_of_the_past_does_not_answer_a_later_withdrawal() {
    let desk = Desk::new("eu_general");
    desk.record(NewConsent::withdraw(desk.ann.clone()));
    let paper = NewConsent::grant(desk.ann.clone(), "email", "news");
    let grant = desk.record(paper.at(at("2026-02-01T00:00:00Z")));
    assert_eq!(grant.supersedes, []);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
}

#[test]
fn what_was_never_given_can_be_withdrawn() {
    let desk = Desk::new("eu_general");
    desk.record(NewConsent::withdraw(desk.ann.clone()).on("email").purpose("news"));
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnPurpose, DenyReason::NoBasis]);
    desk.verify();
}

#[test]
fn a_contact_point_counts_by_itself_however_it_is_written() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    let grant = || NewConsent::grant(desk.ann.clone(), "email", "news");
    desk.record(grant().contact_point("Ann@Example.org"));
    desk.record(grant().contact_point("ann@work.example"));
    let withdraw = NewConsent::withdraw(desk.ann.clone()).on("email");
    desk.record(withdraw.contact_point("ann@EXAMPLE.org"));
    let may =
        |point: &str| consents.decide(&desk.question().contact_point(point)).unwrap().is_allowed;
    assert!(!may("ANN@example.org"));
    assert!(may("ann@work.example"));
    assert!(!may("other@example.org"));
    let any = desk.decide();
    assert_eq!(any.contact_point.as_deref(), Some("ann@work.example"), "the one that is allowed");
    let refused = desk.refusal(grant().contact_point("not an address"));
    assert_eq!(refused, (ErrorKind::InvalidValue, Some("contact_point".into())));
}

#[test]
fn wrong_input_is_refused_with_its_field_and_loses_nothing() {
    let desk = Desk::new("eu_general");
    let (ann, grant) =
        (|| desk.ann.clone(), || NewConsent::grant(desk.ann.clone(), "email", "news"));
    let new = |kind| NewConsent::new(kind, ann());
    let future = at("2027-01-01T00:00:00Z");
    let other = RecordRef::new("contact", crm_core::RecordId::from_bytes([7; 16]));
    let cases = [
        (NewConsent::grant(ann(), "emial", "news"), ErrorKind::NotFound, "channel"),
        (NewConsent::grant(ann(), "email", "offers"), ErrorKind::NotFound, "purpose"),
        (NewConsent::grant(other, "email", "news"), ErrorKind::NotFound, "subject.id"),
        (NewConsent { notice: Some("x".into()), ..grant() }, ErrorKind::NotFound, "notice"),
        (NewConsent { notice_version: Some(9), ..grant() }, ErrorKind::NotFound, "notice_version"),
        (NewConsent { language: Some("de".into()), ..grant() }, ErrorKind::NotFound, "language"),
        (NewConsent { controller: Some("x".into()), ..grant() }, ErrorKind::NotFound, "controller"),
        (grant().at(future), ErrorKind::OutOfRange, "at"),
        (
            NewConsent { expires_at: Some(at("2026-01-01T00:00:00Z")), ..grant() },
            ErrorKind::OutOfRange,
            "expires_at",
        ),
        (
            NewConsent { supersedes: Some(vec![desk.ann.id]), ..grant() },
            ErrorKind::NotFound,
            "supersedes[0]",
        ),
        (new(ConsentKind::Granted), ErrorKind::Required, "channel"),
        (new(ConsentKind::Granted).on("email"), ErrorKind::Required, "purpose"),
        (new(ConsentKind::Paused), ErrorKind::Required, "expires_at"),
        (new(ConsentKind::Lifted), ErrorKind::Required, "supersedes"),
        (new(ConsentKind::Preferred), ErrorKind::Required, "frequency"),
        (new(ConsentKind::Used), ErrorKind::InvalidArgument, "kind"),
        (new(ConsentKind::Confirmed), ErrorKind::InvalidArgument, "kind"),
        (
            NewConsent { source: Some("x".repeat(5000)), ..grant() },
            ErrorKind::LimitExceeded,
            "source",
        ),
    ];
    for (request, kind, field) in cases {
        assert_eq!(desk.refusal(request.clone()), (kind, Some(field.into())), "{request:?}");
    }
    assert!(desk.crm.consents().history(&GetConsents::new(ann())).unwrap().events.is_empty());
    desk.verify();
}

#[test]
fn a_purpose_belongs_to_its_controller() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    consents.define_party(Party::new("acme", PartyRole::Controller)).unwrap();
    consents.define_party(Party::new("printer", PartyRole::Processor)).unwrap();
    let mut offers = Purpose::new("offers", ["email"]).notice("news").policy("eu_general");
    offers.controller = Some("printer".into());
    let error = consents.define_purpose(offers.clone()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("controller")));
    offers.controller = Some("acme".into());
    consents.define_purpose(offers.clone()).unwrap();
    desk.grant();
    desk.record(NewConsent::grant(desk.ann.clone(), "email", "offers"));
    let mut left = NewConsent::withdraw(desk.ann.clone());
    left.controller = Some("acme".into());
    desk.record(left);
    let asked = MayContact::new(desk.ann.clone(), "email", "offers");
    let answer = consents.decide(&asked).unwrap();
    assert_eq!(answer.reasons[0].reason, DenyReason::WithdrawnController);
    offers.controller = None;
    let error = consents.define_purpose(offers).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
}

#[test]
fn the_file_keeps_everything_over_a_restart() {
    let folder = crate::support::Folder::new();
    let crm = folder.open();
    let consents = crm.consents();
    consents.publish_notice(PublishNotice::new("news", "en", "Once a week.")).unwrap();
    consents.define_purpose(Purpose::new("news", ["post"]).notice("news")).unwrap();
    let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    let ann = RecordRef::new("contact", ann);
    consents.record(NewConsent::grant(ann.clone(), "post", "news")).unwrap();
    let before = consents.definitions().unwrap();
    let policies: Vec<&str> = before.policies.iter().map(|policy| &*policy.name).collect();
    assert_eq!(policies, ["eu_strict"], "the preset that is used stands in the file");
    crm.close().unwrap();
    let crm = folder.open();
    assert_eq!(crm.consents().definitions().unwrap(), before);
    assert!(crm.consents().decide(&MayContact::new(ann, "post", "news")).unwrap().is_allowed);
}
