//! A mailing: many consents recorded, many people decided, many contacts recorded.

use crm_core::{
    ChannelRule, ConsentEvidence, ConsentKind, ConsentOutcome, ConsentPolicy, ConsentRegime,
    ConsentReport, ContactCap, DecideMany, DenyReason, EraseSubject, ErrorKind, GetConsents,
    LinkPeople, MayContact, NewConsent, Outcome, RecordConsentUses, RecordConsents, RecordDecision,
    RecordRef, UseConsent, values,
};

use super::{Desk, at};

fn person(desk: &Desk, name: &str) -> RecordRef {
    let values = values! { "given_name" => name };
    RecordRef::new("contact", desk.crm.contacts().create(values).unwrap().id)
}

fn grant(subject: &RecordRef, name: &str) -> NewConsent {
    NewConsent::grant(subject.clone(), "email", "news").contact_point(format!("{name}@example.org"))
}

fn question(subject: &RecordRef) -> MayContact {
    MayContact::new(subject.clone(), "email", "news")
}

fn with_tokens(desk: &Desk) -> Vec<RecordDecision> {
    let many = DecideMany { with_tokens: true, ..DecideMany::new("contact", "email", "news") };
    desk.crm.consents().decide_many(&many).unwrap().decisions
}

fn record_many(desk: &Desk, consents: Vec<NewConsent>, all_or_nothing: bool) -> ConsentReport {
    desk.crm.consents().record_many(RecordConsents { consents, all_or_nothing }).unwrap()
}

fn record_uses(desk: &Desk, uses: Vec<UseConsent>, all_or_nothing: bool) -> ConsentReport {
    desk.crm.consents().record_uses(RecordConsentUses { uses, all_or_nothing }).unwrap()
}

/// What refused a row: the kind of the error, and its field.
fn refused(outcome: &ConsentOutcome) -> (&str, Option<&str>) {
    assert_eq!((outcome.outcome, outcome.id), (Outcome::Failed, None));
    let problem = outcome.problem.as_ref().unwrap();
    (&problem.kind, problem.field.as_deref())
}

fn ledger(desk: &Desk, subject: &RecordRef) -> usize {
    desk.crm.consents().history(&GetConsents::new(subject.clone())).unwrap().events.len()
}

#[test]
fn a_mailing_takes_a_call_for_each_step_and_not_for_each_person() {
    let desk = Desk::new("eu_general");
    let caps = vec![ContactCap { most: 1, within: "P7D".into() }];
    let rule = ChannelRule { caps, ..ChannelRule::new("email", ConsentRegime::OptIn) };
    desk.crm.consents().define_policy(ConsentPolicy::new("eu_general", [rule])).unwrap();
    let (ann, bob, eve) = (desk.ann.clone(), person(&desk, "Bob"), person(&desk, "Eve"));
    let report = record_many(&desk, vec![grant(&ann, "ann"), grant(&bob, "bob")], false);
    assert_eq!((report.failed, report.is_committed), (0, true));

    let decided = with_tokens(&desk);
    for (one, subject) in decided.iter().zip([&ann, &bob, &eve]) {
        let single = desk.crm.consents().decide(&question(subject)).unwrap();
        assert_eq!((one.id, one.is_allowed), (subject.id, single.is_allowed));
        assert_eq!(one.contact_point, single.contact_point);
        assert_eq!(one.token, Some(single.token));
    }
    assert_eq!(decided[0].contact_point.as_deref(), Some("ann@example.org"));
    assert_eq!((decided[2].is_allowed, &decided[2].contact_point), (false, &None));

    let sent = decided.iter().filter(|one| one.is_allowed);
    let uses = sent.map(|one| {
        let subject = RecordRef::new("contact", one.id);
        UseConsent::new(&question(&subject), one.token.clone().unwrap())
    });
    let report = record_uses(&desk, uses.collect(), true);
    assert_eq!((report.outcomes.len(), report.failed, report.is_committed), (2, 0, true));
    let history = desk.crm.consents().history(&GetConsents::new(ann)).unwrap().events;
    assert_eq!(history[1].kind, ConsentKind::Used);
    assert_eq!(history[1].permitted_by, Some(history[0].id));
    assert_eq!(report.outcomes[0].id, Some(history[1].id));
    let after = with_tokens(&desk);
    assert_eq!(after[1].reasons, [DenyReason::Capped], "a use of a batch counts as any");
    assert!(after[1].token != decided[1].token, "the ledger is another one");
    desk.verify();
}

#[test]
fn who_only_counts_is_told_no_address_and_no_log_is_told_one() {
    let desk = Desk::new("eu_general");
    record_many(&desk, vec![grant(&desk.ann, "ann")], true);
    let counted = DecideMany::new("contact", "email", "news");
    let counted = desk.crm.consents().decide_many(&counted).unwrap().decisions;
    assert!(counted[0].is_allowed);
    assert_eq!((&counted[0].contact_point, &counted[0].token), (&None, &None));
    let answer = serde_json::to_string(&counted).unwrap();
    assert!(!answer.contains("contact_point") && !answer.contains("token"), "{answer}");
    let told = with_tokens(&desk);
    assert_eq!(told[0].contact_point.as_deref(), Some("ann@example.org"));
    let logged = format!("{told:?}");
    assert!(!logged.contains("ann@"), "{logged}");
    assert!(!logged.contains(told[0].token.as_ref().unwrap()), "{logged}");
}

#[test]
fn a_row_that_is_refused_takes_nothing_from_the_others() {
    let desk = Desk::new("eu_general");
    let gone = desk.crm.contacts().create(values! { "email" => "gone@example.org" }).unwrap().id;
    let gone = RecordRef::new("contact", gone);
    desk.crm.privacy().erase(&EraseSubject::new(gone.clone())).unwrap();
    let bob = person(&desk, "Bob");
    let imported = |evidence| NewConsent {
        evidence,
        notice: Some("news".into()),
        ..NewConsent::new(ConsentKind::Imported, bob.clone()).on("email").purpose("news")
    };
    let shown = ConsentEvidence { note: Some("list".into()), ..ConsentEvidence::default() };
    let rows = || {
        vec![
            grant(&desk.ann, "ann"),
            grant(&bob, "gone"),
            NewConsent::grant(bob.clone(), "email", "nothing"),
            grant(&gone, "bob"),
            imported(None),
            NewConsent::new(ConsentKind::Used, bob.clone()),
            grant(&bob, "bob").at(at("2027-01-01T00:00:00Z")),
            NewConsent::withdraw(desk.ann.clone()).on("phone"),
        ]
    };
    let report = record_many(&desk, rows(), true);
    assert_eq!((report.failed, report.is_committed), (5, false));
    assert_eq!((ledger(&desk, &desk.ann), ledger(&desk, &bob)), (0, 0), "nothing was kept");

    let report = record_many(&desk, rows(), false);
    assert_eq!((report.failed, report.is_committed), (5, true));
    let refusals: Vec<_> = [1, 2, 3, 5, 6].map(|row| refused(&report.outcomes[row])).into();
    assert_eq!(
        refusals,
        [
            ("suppressed", Some("contact_point")),
            ("not_found", Some("purpose")),
            ("not_found", Some("subject.id")),
            ("invalid_argument", Some("kind")),
            ("out_of_range", Some("at")),
        ]
    );
    for row in [0, 4, 7] {
        assert_eq!(report.outcomes[row].outcome, Outcome::Created);
    }
    assert_eq!((ledger(&desk, &desk.ann), ledger(&desk, &bob)), (2, 1));
    assert!(desk.decide().is_allowed);
    let unproven = desk.crm.consents().decide(&question(&bob)).unwrap();
    assert_eq!(unproven.reasons[0].reason, DenyReason::Unproven);
    record_many(&desk, vec![imported(Some(shown))], true);
    assert!(desk.crm.consents().decide(&question(&bob)).unwrap().is_allowed);
    desk.verify();
}

#[test]
fn a_grant_answers_the_withdrawal_before_it_in_the_same_batch() {
    let desk = Desk::new("eu_general");
    let out = || NewConsent::withdraw(desk.ann.clone());
    record_many(&desk, vec![grant_all(&desk), out(), grant_all(&desk)], true);
    assert!(desk.decide().is_allowed);
    record_many(&desk, vec![grant_all(&desk), out()], true);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    desk.verify();
}

fn grant_all(desk: &Desk) -> NewConsent {
    NewConsent::grant(desk.ann.clone(), "email", "news")
}

#[test]
fn a_stale_token_refuses_its_row_alone() {
    let desk = Desk::new("eu_general");
    let (bob, eve, twin) = (person(&desk, "Bob"), person(&desk, "Eve"), person(&desk, "B."));
    let all = [&desk.ann, &bob, &eve, &twin];
    let grants = all.map(|subject| NewConsent::grant(subject.clone(), "email", "news"));
    record_many(&desk, grants.into(), true);
    desk.crm.consents().link(&LinkPeople::new(bob.clone(), twin.clone())).unwrap();
    let decided = with_tokens(&desk);
    let used = |row: usize| {
        let subject = RecordRef::new("contact", decided[row].id);
        UseConsent::new(&question(&subject), decided[row].token.clone().unwrap())
    };
    // Between the decision and the message somebody says no.
    desk.record(NewConsent::withdraw(eve));
    let rows = || vec![used(0), used(0), used(1), used(2), used(3)];
    let report = record_uses(&desk, rows(), true);
    assert_eq!((report.failed, report.is_committed), (3, false));
    assert_eq!(ledger(&desk, &desk.ann), 1, "nothing was kept");
    let report = record_uses(&desk, rows(), false);
    assert_eq!((report.failed, report.is_committed), (3, true));
    // Twice, by somebody who said no, and through another record of the person.
    for row in [1, 3, 4] {
        assert_eq!(refused(&report.outcomes[row]), ("stale_version", Some("token")), "{row}");
    }
    let single = desk.crm.consents().record_use(used(0)).unwrap_err();
    let problem = report.outcomes[1].problem.as_ref().unwrap();
    assert_eq!((&*problem.message, problem.hint.as_deref()), (single.message(), single.hint()));
    assert_eq!((ledger(&desk, &desk.ann), ledger(&desk, &twin)), (2, 1));
    desk.verify();
}

#[test]
fn a_batch_is_bounded() {
    let desk = Desk::new("eu_general");
    let consents = vec![NewConsent::withdraw(desk.ann.clone()); 100_001];
    let request = RecordConsents { consents, all_or_nothing: false };
    let error = desk.crm.consents().record_many(request).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("consents")));
    assert_eq!(ledger(&desk, &desk.ann), 0);
    assert_eq!(record_uses(&desk, Vec::new(), true).failed, 0);
}
