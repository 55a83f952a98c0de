//! Addresses that are suppressed while others have them: whom a condition finds is whom the decision permits.

use crm_core::{
    ApplyErasures, Attribute, Channel, CheckProof, ConfirmConsent, Crm, EraseSubject,
    EvaluateCondition, Kind, LiftSuppression, ListErasures, ListRecords, MayContact, Medium,
    NewConsent, ProveDecision, RecordId, RequestConsent, values,
};

use super::{ann, contact, purpose};
use crate::support::assert_sound;

const SHARED: &str = "ann@example.org";

/// Whom a condition finds for the news, and whether each of them is whom a decision permits.
#[track_caller]
fn reachable(crm: &Crm) -> Vec<RecordId> {
    let condition = r#"consent("email", "news")"#.parse().unwrap();
    let list = ListRecords { condition: Some(condition), ..ListRecords::new("contact") };
    let found: Vec<_> = crm.list_records(&list).unwrap().records.iter().map(|r| r.id).collect();
    for record in crm.list_records(&ListRecords::new("contact")).unwrap().records {
        let decided = crm.consents().decide(&news(record.id)).unwrap();
        assert_eq!(decided.is_allowed, found.contains(&record.id), "{:?}", decided.reasons);
    }
    found
}

/// Why the condition is true for somebody, or not.
fn reason(crm: &Crm, id: RecordId) -> String {
    let request = EvaluateCondition {
        entity_type: "contact".into(),
        id,
        condition: r#"consent("email", "news")"#.parse().unwrap(),
        at: None,
        zone: None,
    };
    crm.evaluate_condition(&request).unwrap().leaves.remove(0).reason
}

fn news(id: RecordId) -> MayContact {
    MayContact::new(contact(id), "email", "news")
}

fn bob(crm: &Crm) -> RecordId {
    crm.contacts().create(values! { "given_name" => "Bob" }).unwrap().id
}

fn lift(crm: &Crm) {
    crm.privacy().lift_suppression(&LiftSuppression::new(SHARED)).unwrap();
}

/// Whoever asked has the address of somebody who is erased before they confirm.
#[test]
fn what_is_confirmed_at_an_erased_address_permits_nothing_until_it_is_let_back_in() {
    for policy in ["eu_general", "us_can_spam"] {
        let crm = Crm::in_memory().unwrap();
        purpose(&crm, "news", &["email"], policy);
        let (ann, bob) = (ann(&crm), bob(&crm));
        let asked = RequestConsent::new(contact(bob), "email", SHARED, "news");
        let token = crm.consents().request(asked).unwrap().token;
        crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
        let asked = crm.consents().decide(&news(bob).contact_point(SHARED)).unwrap();
        let reasons: Vec<_> = asked.reasons.iter().map(|one| one.reason.name()).collect();
        assert_eq!(reasons[0], "suppressed", "{policy}, before anything is permitted");
        crm.consents().confirm(ConfirmConsent::new(token)).unwrap();
        assert_eq!(reachable(&crm), [], "{policy}");
        assert!(reason(&crm, bob).ends_with("suppressed contact points: 1"), "{policy}");
        let denied = crm.consents().decide(&news(bob)).unwrap();
        assert_eq!(denied.reasons[0].reason.name(), "suppressed");
        assert_eq!((denied.reasons.len(), denied.valid_until), (1, None));
        for question in [news(bob), news(bob).contact_point(SHARED)] {
            let proof = ProveDecision { question, head: None };
            let proof = crm.consents().prove(&proof).unwrap();
            let document = proof.document.clone();
            let checked = CheckProof { document, head: Some(proof.head) };
            let checked = crm.consents().check_proof(&checked).unwrap();
            assert_eq!(checked.problems, [] as [&str; 0]);
            assert!(checked.unproven.iter().any(|one| one.contains("is suppressed")));
        }
        lift(&crm);
        assert_eq!(reachable(&crm), [bob], "{policy}");
        assert!(!reason(&crm, bob).contains("suppressed"), "{policy}");
        assert_sound(&crm);
    }
}

/// Another address of the same person is not meant.
#[test]
fn what_was_permitted_through_another_address_stays_permitted() {
    let crm = Crm::in_memory().unwrap();
    purpose(&crm, "news", &["email"], "eu_general");
    let (ann, bob) = (ann(&crm), bob(&crm));
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    let list = ApplyErasures::from(crm.privacy().erasures(&ListErasures::after(0)).unwrap());
    lift(&crm);
    let grant = |point: &str| {
        let new = NewConsent::grant(contact(bob), "email", "news").contact_point(point);
        crm.consents().record(new).unwrap();
    };
    grant("bob@example.org");
    grant(SHARED);
    assert_eq!(reachable(&crm), [bob]);
    let latest = crm.consents().decide(&news(bob)).unwrap();
    assert_eq!(latest.contact_point.as_deref(), Some(SHARED));
    // The list of before is applied once more: the address is suppressed, written later or not.
    crm.privacy().apply_erasures(&list).unwrap();
    assert_eq!(reachable(&crm), [bob]);
    let left = crm.consents().decide(&news(bob)).unwrap();
    assert_eq!(left.contact_point.as_deref(), Some("bob@example.org"));
    let proof = ProveDecision { question: news(bob), head: None };
    let document = crm.consents().prove(&proof).unwrap().document;
    let checked = crm.consents().check_proof(&CheckProof { document, head: None }).unwrap();
    assert_eq!(checked.problems, [] as [&str; 0]);
    assert_sound(&crm);
}

/// The name of an account is the same in any letter case, and is kept as it was said.
#[test]
fn an_erased_account_is_suppressed_however_somebody_else_spells_it() {
    let crm = Crm::in_memory().unwrap();
    crm.consents().define_channel(Channel::new("chat", Medium::Other)).unwrap();
    purpose(&crm, "news", &["email", "chat"], "eu_general");
    let (ann, bob) = (ann(&crm), bob(&crm));
    for (who, account) in [(ann, "@annie"), (bob, "@ANNIE")] {
        let grant = NewConsent::grant(contact(who), "chat", "news").contact_point(account);
        crm.consents().record(grant).unwrap();
    }
    let condition = r#"consent("chat", "news")"#.parse().unwrap();
    let list = ListRecords { condition: Some(condition), ..ListRecords::new("contact") };
    let found = || crm.list_records(&list).unwrap().records.len();
    assert_eq!(found(), 2);
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    let decided = crm.consents().decide(&MayContact::new(contact(bob), "chat", "news")).unwrap();
    assert_eq!(decided.reasons[0].reason.name(), "suppressed");
    assert_eq!(found(), 0);
    crm.privacy().lift_suppression(&LiftSuppression::new(" @Annie")).unwrap();
    assert_eq!(found(), 1);
    assert_sound(&crm);
}

/// What somebody else has too is not suppressed, be it in capitals, which the ledger does not keep.
#[test]
fn what_two_people_have_in_one_spelling_stays_in_use() {
    let crm = Crm::in_memory().unwrap();
    crm.consents().define_channel(Channel::new("chat", Medium::Other)).unwrap();
    purpose(&crm, "news", &["email", "chat"], "eu_general");
    crm.types().define_attribute("contact", Attribute::new("home", Kind::Email).indexed()).unwrap();
    let (ann, bob) = (ann(&crm), bob(&crm));
    for (who, address) in [(ann, "fam@example.org"), (bob, "Fam@example.org")] {
        crm.contacts().patch(who, values! { "home" => address }).unwrap();
        for (channel, point) in [("email", "Fam@example.org"), ("chat", "@Fam")] {
            let grant = NewConsent::grant(contact(who), channel, "news").contact_point(point);
            crm.consents().record(grant).unwrap();
        }
    }
    crm.contacts().patch(ann, values! { "home" => "Fam@example.org" }).unwrap();
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    for channel in ["email", "chat"] {
        let decided = MayContact::new(contact(bob), channel, "news");
        assert!(crm.consents().decide(&decided).unwrap().is_allowed, "{channel}");
    }
    assert_eq!(reachable(&crm), [bob]);
    assert_sound(&crm);
}

/// A number that was suppressed is nobody's business who asks about e-mail.
#[test]
fn a_proof_shows_no_suppressed_address_that_it_is_not_about() {
    let crm = Crm::in_memory().unwrap();
    purpose(&crm, "news", &["email"], "eu_general");
    purpose(&crm, "calls", &["phone"], "eu_general");
    let (ann, bob) = (ann(&crm), bob(&crm));
    let number = "+49301234567";
    crm.contacts().patch(ann, values! { "phone" => number }).unwrap();
    crm.privacy().erase(&EraseSubject::new(contact(ann))).unwrap();
    let list = ApplyErasures::from(crm.privacy().erasures(&ListErasures::after(0)).unwrap());
    crm.privacy().lift_suppression(&LiftSuppression::new(number)).unwrap();
    for (point, channel, purpose) in
        [("bob@example.org", "email", "news"), (number, "phone", "calls")]
    {
        let new = NewConsent::grant(contact(bob), channel, purpose).contact_point(point);
        crm.consents().record(new).unwrap();
    }
    crm.privacy().apply_erasures(&list).unwrap();
    let calls = crm.consents().decide(&MayContact::new(contact(bob), "phone", "calls")).unwrap();
    assert_eq!(calls.reasons[0].reason.name(), "suppressed");
    let proof = ProveDecision { question: news(bob), head: None };
    let document = crm.consents().prove(&proof).unwrap().document;
    assert!(!document.contains(number));
    let checked = crm.consents().check_proof(&CheckProof { document, head: None }).unwrap();
    assert_eq!(checked.problems, [] as [&str; 0]);
}
