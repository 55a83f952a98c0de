//! Records that are one person: what restricts one restricts the other, and a link can go again.

use crm_core::{
    Address, Condition, ConfirmConsent, ConsentCondition, ConsentEvidence, ConsentKind,
    ConsentMethod, CountRecords, DenyReason, EraseSubject, ErrorKind, GetConsents, GetLinkedPeople,
    GetPreferences, LinkPeople, MayContact, MentionKind, NewConsent, PlanErasure, PreferenceChoice,
    RecordRef, RequestConsent, SetPreferences, Timestamp, UseConsent, Value, values,
};

use super::{Desk, at};

impl Desk {
    /// A record of a person who may be Ann.
    fn other(&self) -> RecordRef {
        let id = self.crm.contacts().create(values! { "given_name" => "A." }).unwrap().id;
        RecordRef::new("contact", id)
    }

    fn link(&self, a: &RecordRef, b: &RecordRef) {
        self.crm.consents().link(&LinkPeople::new(a.clone(), b.clone())).unwrap();
    }

    fn unlink(&self, a: &RecordRef, b: &RecordRef) {
        self.crm.consents().unlink(&LinkPeople::new(b.clone(), a.clone())).unwrap();
    }

    fn erase(&self, who: &RecordRef) {
        self.crm.privacy().erase(&EraseSubject::new(who.clone())).unwrap();
    }

    fn reasons_of(&self, who: &RecordRef) -> Vec<DenyReason> {
        let question = MayContact::new(who.clone(), "email", "news");
        let reasons = self.crm.consents().decide(&question).unwrap().reasons;
        reasons.iter().map(|reason| reason.reason).collect()
    }

    fn permitted(&self) -> u64 {
        let (channel, purpose) = ("email".into(), "news".into());
        let condition = Condition::Consent(ConsentCondition { channel, purpose });
        let count = CountRecords { condition: Some(condition), ..CountRecords::new("contact") };
        self.crm.count_records(&count).unwrap()
    }
}

fn told(note: &str) -> ConsentEvidence {
    ConsentEvidence { note: Some(note.into()), ..ConsentEvidence::default() }
}

#[test]
fn a_withdrawal_reaches_every_record_of_the_person_until_they_are_unlinked() {
    let desk = Desk::new("eu_general");
    let (ann, other, third) = (desk.ann.clone(), desk.other(), desk.other());
    desk.grant();
    let out = desk.record(NewConsent::withdraw(third.clone()).on("email"));
    desk.link(&other, &ann);
    assert!(desk.decide().is_allowed, "a record without a word takes nothing away");
    assert_eq!(desk.reasons_of(&other), [DenyReason::NoBasis], "and gets nothing");
    desk.link(&third, &other);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnChannel], "through the one between");
    assert_eq!(desk.decide().reasons[0].events, [out.id]);
    assert_eq!(desk.permitted(), 0);
    desk.verify();
    let linked = GetLinkedPeople { subject: third.clone() };
    assert_eq!(desk.crm.consents().linked(&linked).unwrap().links.len(), 2);
    desk.unlink(&third, &other);
    assert!(desk.decide().is_allowed);
    assert_eq!(desk.permitted(), 1);
    desk.verify();
}

#[test]
fn a_new_grant_answers_what_a_linked_record_withdrew() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    desk.grant();
    let out = desk.record(NewConsent::withdraw(other.clone()));
    desk.link(&ann, &other);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    desk.go_to("2026-03-03T10:00:00Z");
    assert_eq!(desk.grant().supersedes, [out.id]);
    assert!(desk.decide().is_allowed);
    assert_eq!(desk.permitted(), 1);
    let mut lifted = NewConsent::new(ConsentKind::Lifted, ann);
    lifted.supersedes = Some(vec![out.id]);
    let refused = (ErrorKind::NotFound, Some("supersedes[0]".into()));
    assert_eq!(desk.refusal(lifted), refused, "it is taken back where it was said");
    desk.verify();
}

#[test]
fn who_came_back_through_one_record_is_not_kept_out_of_the_other() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    desk.grant();
    desk.record(NewConsent::withdraw(other.clone()).on("email"));
    let back = desk.record(NewConsent::grant(other.clone(), "email", "news"));
    assert_eq!(back.supersedes.len(), 1);
    desk.link(&ann, &other);
    assert!(desk.decide().is_allowed, "an old opt-out does not beat a later return");
    desk.record(NewConsent::withdraw(other));
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    desk.verify();
}

#[test]
fn contacts_through_either_record_weigh_together() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    for who in [&ann, &other] {
        desk.record(NewConsent::grant(who.clone(), "email", "news"));
    }
    let mut wish = NewConsent::new(ConsentKind::Preferred, ann.clone());
    wish.frequency = Some(crm_core::ContactFrequency { most: 1, within: "P7D".into() });
    desk.record(wish);
    let question = MayContact::new(other.clone(), "email", "news");
    let token = desk.crm.consents().decide(&question).unwrap().token;
    desk.link(&ann, &other);
    let stale = desk.crm.consents().record_use(UseConsent::new(&question, token)).unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::StaleVersion, "a link is another state");
    let token = desk.crm.consents().decide(&question).unwrap().token;
    desk.crm.consents().record_use(UseConsent::new(&question, token)).unwrap();
    assert_eq!(desk.reasons(), [DenyReason::Frequency]);
    assert_eq!(desk.reasons_of(&other), [DenyReason::Frequency], "the wish holds for both");
}

#[test]
fn an_opt_out_is_recorded_for_its_own_record_too() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    desk.grant();
    desk.record(NewConsent::withdraw(other.clone()));
    desk.link(&ann, &other);
    let out = SetPreferences { opts_out: true, ..SetPreferences::new(ann.clone(), []) };
    assert!(desk.crm.consents().set_preferences(out).unwrap().is_opted_out);
    desk.unlink(&ann, &other);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
}

#[test]
fn what_was_withdrawn_through_an_erased_record_holds_for_the_others() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    desk.grant();
    let mut out = NewConsent::withdraw(other.clone()).on("email").method(ConsentMethod::Phone);
    (out.source, out.evidence) = (Some("Quillfeather".into()), Some(told("Quillfeather")));
    let out = desk.record(out);
    desk.link(&ann, &other);
    let plan = desk.crm.privacy().plan_erasure(&PlanErasure::new(other.clone())).unwrap();
    let mentions: Vec<_> = plan.mentions.iter().map(|one| (one.kind, &one.record)).collect();
    assert_eq!(mentions, [(MentionKind::SamePerson, &ann)]);
    desk.erase(&other);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnChannel]);
    assert_eq!(desk.permitted(), 0);
    let linked = GetLinkedPeople { subject: ann.clone() };
    assert!(desk.crm.consents().linked(&linked).unwrap().links.is_empty());
    let history = desk.crm.consents().history(&GetConsents::new(ann.clone())).unwrap().events;
    let kept = history.last().unwrap();
    assert_eq!((kept.kind, kept.method), (ConsentKind::Withdrawn, ConsentMethod::CarriedOver));
    assert_eq!((kept.channel.as_deref(), kept.occurred_at), (Some("email"), out.occurred_at));
    assert!(kept.source.is_none() && kept.evidence.is_none() && kept.id != out.id);
    desk.verify();
    desk.go_to("2026-03-03T10:00:00Z");
    assert_eq!(desk.grant().supersedes, [kept.id], "who comes back answers it");
    assert!(desk.decide().is_allowed);
    assert_eq!(desk.permitted(), 1);
    desk.verify();
}

/// Whoever asked to come back through one record knew what they had withdrawn through the other.
#[test]
fn what_waits_answers_the_withdrawal_that_it_knew_of_also_after_its_record_is_erased() {
    let desk = Desk::new("eu_general");
    let (ann, other, third) = (desk.ann.clone(), desk.other(), desk.other());
    desk.record(NewConsent::withdraw(other.clone()).on("email"));
    // Linked with both, so that it is carried over to each.
    desk.link(&ann, &other);
    desk.link(&third, &other);
    desk.go_to("2026-03-02T11:00:00Z");
    let asked = RequestConsent::new(ann.clone(), "email", "ann@example.org", "news");
    let token = desk.crm.consents().request(asked).unwrap().token;
    desk.erase(&other);
    assert_eq!(desk.permitted(), 0, "nothing is permitted before it is confirmed");
    desk.crm.consents().confirm(ConfirmConsent::new(token)).unwrap();
    assert_eq!(desk.reasons(), []);
    assert_eq!(desk.permitted(), 1);
    desk.verify();
}

/// However much the request named: what was carried over takes the place of what it was carried over from.
#[test]
fn what_waits_answers_all_that_is_carried_over_however_much_it_named() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    let said = at("2026-03-01T00:00:00Z").micros();
    for number in 0..501 {
        let out = NewConsent::withdraw(other.clone()).on("email");
        desk.record(out.at(Timestamp::from_micros(said + number).unwrap()));
    }
    desk.link(&ann, &other);
    let asked = RequestConsent::new(ann, "email", "ann@example.org", "news");
    let token = desk.crm.consents().request(asked).unwrap().token;
    desk.erase(&other);
    let confirmed = desk.crm.consents().confirm(ConfirmConsent::new(token)).unwrap();
    assert_eq!(confirmed.supersedes.len(), 501);
    assert_eq!(desk.reasons(), []);
    desk.verify();
}

/// One person with an old consent through a record that only another one of theirs links with the erased one.
#[test]
fn who_comes_back_after_an_erasure_comes_back_for_those_who_were_linked_through_them() {
    let desk = Desk::new("eu_general");
    let (ann, other, third) = (desk.ann.clone(), desk.other(), desk.other());
    desk.grant();
    desk.record(NewConsent::withdraw(other.clone()).on("email"));
    desk.link(&other, &third);
    desk.link(&third, &ann);
    desk.erase(&other);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnChannel]);
    // A consent to less, or through another address, answers for nobody else.
    desk.go_to("2026-03-03T10:00:00Z");
    let grant = || NewConsent::grant(third.clone(), "email", "news");
    desk.record(grant().contact_point("third@example.org"));
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnChannel]);
    desk.record(grant());
    assert_eq!(desk.reasons(), []);
    desk.verify();
}

/// One was said before the request, and one after it: through the record that goes, or through either.
#[test]
fn what_waits_answers_no_withdrawal_that_it_did_not_know_of_when_its_record_is_erased() {
    for is_own in [false, true] {
        let desk = Desk::new("eu_general");
        let (ann, other) = (desk.ann.clone(), desk.other());
        desk.link(&ann, &other);
        let first = if is_own { ann.clone() } else { other.clone() };
        // Of one moment, so that nothing but what was known of them tells them apart.
        let said = at("2026-03-02T09:00:00Z");
        desk.record(NewConsent::withdraw(first).on("email").at(said));
        let asked = RequestConsent::new(ann.clone(), "email", "ann@example.org", "news");
        let token = desk.crm.consents().request(asked).unwrap().token;
        desk.record(NewConsent::withdraw(other.clone()).on("email").at(said));
        desk.erase(&other);
        desk.crm.consents().confirm(ConfirmConsent::new(token)).unwrap();
        assert_eq!(desk.reasons(), [DenyReason::WithdrawnChannel], "own: {is_own}");
        assert_eq!(desk.permitted(), 0);
        desk.verify();
    }
}

/// The other record holds the address itself, so that naming it keeps nothing of the one that goes.
#[test]
fn a_withdrawn_postal_address_that_another_record_holds_is_withdrawn_for_that_address_alone() {
    let desk = Desk::new("eu_general");
    let at = |street: &str| {
        let part = |text: &str| Some(text.to_owned());
        let (street, city) = (part(street), part("Ulm"));
        let (postal_code, country) = (part("89073"), part("DE"));
        let address = Address { street, city, postal_code, country, ..Address::default() };
        values! { "address" => Value::Address(address) }
    };
    let (point, elsewhere) = ("Gasse 1, 89073 Ulm", "Weg 2, 89073 Ulm");
    for (held, is_alone) in [("Gasse 1", true), ("Gasse 12", false)] {
        let (ann, other) = (desk.other(), desk.other());
        desk.crm.contacts().patch(ann.id, at(held)).unwrap();
        desk.record(NewConsent::grant(ann.clone(), "post", "news"));
        desk.record(NewConsent::withdraw(other.clone()).on("post").contact_point(point));
        desk.link(&ann, &other);
        desk.erase(&other);
        let question = || MayContact::new(ann.clone(), "post", "news");
        let asked = |point: &str| {
            desk.crm.consents().decide(&question().contact_point(point)).unwrap().is_allowed
        };
        assert_eq!((asked(point), asked(elsewhere)), (false, is_alone), "{held}");
        assert!(!desk.crm.consents().decide(&question()).unwrap().is_allowed);
        desk.verify();
    }
}

#[test]
fn who_had_come_back_is_not_kept_out_by_an_erasure() {
    let desk = Desk::new("eu_general");
    let (ann, other, third) = (desk.ann.clone(), desk.other(), desk.other());
    // One record answers what the other withdrew, and the other answers it too.
    desk.record(NewConsent::withdraw(other.clone()).on("email"));
    desk.record(NewConsent::withdraw(third.clone()));
    desk.link(&ann, &other);
    desk.link(&ann, &third);
    desk.grant();
    assert!(desk.decide().is_allowed);
    desk.erase(&other);
    assert!(desk.decide().is_allowed);
    desk.erase(&third);
    assert!(desk.decide().is_allowed);
    assert_eq!(desk.permitted(), 1);
    desk.verify();
    // What is said again is something else.
    let choice =
        PreferenceChoice { purpose: "news".into(), channel: "email".into(), is_chosen: false };
    desk.crm.consents().set_preferences(SetPreferences::new(ann, [choice])).unwrap();
    assert_eq!(desk.reasons()[0], DenyReason::WithdrawnPurpose);

    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    desk.grant();
    desk.record(NewConsent::withdraw(other.clone()).on("email"));
    desk.record(NewConsent::grant(other.clone(), "email", "news"));
    desk.link(&ann, &other);
    assert!(desk.decide().is_allowed);
    desk.erase(&other);
    assert!(desk.decide().is_allowed);
    assert_eq!(desk.permitted(), 1);
    desk.verify();
}

#[test]
fn those_who_were_joined_by_an_erased_record_stay_one_person() {
    let desk = Desk::new("eu_general");
    let (ann, middle, third, fourth) = (desk.ann.clone(), desk.other(), desk.other(), desk.other());
    desk.grant();
    let out = desk.record(NewConsent::withdraw(third.clone()));
    for one in [&ann, &third, &fourth] {
        desk.link(&middle, one);
    }
    desk.erase(&middle);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    assert_eq!(desk.decide().reasons[0].events, [out.id]);
    let linked = GetLinkedPeople { subject: fourth.clone() };
    assert_eq!(desk.crm.consents().linked(&linked).unwrap().links.len(), 2);
    desk.verify();
    // It goes on when the next one is erased, and ends with the last.
    desk.erase(&third);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    desk.erase(&fourth);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    desk.verify();
}

#[test]
fn a_withdrawn_address_is_kept_as_none_that_anybody_knows() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    let at = |point: &str| NewConsent::grant(ann.clone(), "email", "news").contact_point(point);
    desk.grant();
    desk.record(at("new@example.org"));
    let out = |point: &str| NewConsent::withdraw(other.clone()).on("email").contact_point(point);
    desk.record(out("old@example.org"));
    desk.record(out("new@example.org"));
    desk.link(&ann, &other);
    let may = |point: &str| {
        let question = desk.question().contact_point(point);
        desk.crm.consents().decide(&question).unwrap().is_allowed
    };
    let points = ["old@example.org", "new@example.org", "third@example.org"];
    assert_eq!(points.map(may), [false, false, true]);
    assert!(!desk.decide().is_allowed, "as long as one of the addresses is meant");
    desk.erase(&other);
    assert_eq!(points.map(may), [false, false, true]);
    assert!(!desk.decide().is_allowed);
    let shown = desk.crm.consents().history(&GetConsents::new(ann.clone())).unwrap().events;
    let shown = shown.iter().filter(|event| event.kind == ConsentKind::Withdrawn);
    let shown: Vec<_> = shown.map(|event| event.contact_point.as_deref().unwrap()).collect();
    assert_eq!(shown, ["(erased)", "new@example.org"], "one is still the person's own");
    desk.verify();
}

#[test]
fn a_wish_and_a_minor_stay_too() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    desk.grant();
    let wish = |who: &RecordRef, most, within: &str| {
        let mut wish = NewConsent::new(ConsentKind::Preferred, who.clone());
        wish.frequency = Some(crm_core::ContactFrequency { most, within: within.into() });
        wish
    };
    desk.record(wish(&other, 1, "P1D"));
    desk.record(wish(&ann, 3, "P7D"));
    let mut minor = NewConsent::new(ConsentKind::Minor, other.clone());
    minor.expires_at = Some("2030-01-01T00:00:00Z".parse().unwrap());
    desk.record(minor);
    desk.link(&ann, &other);
    assert_eq!(desk.reasons(), [DenyReason::Minor]);
    desk.erase(&other);
    assert_eq!(desk.reasons(), [DenyReason::Minor]);
    let preferences = desk.crm.consents().preferences(&GetPreferences::new(ann)).unwrap();
    let wanted = crm_core::ContactFrequency { most: 1, within: "P7D".into() };
    assert_eq!(preferences.frequency, Some(wanted), "it keeps to both");
    desk.verify();
}

#[test]
fn wrong_links_are_refused() {
    let desk = Desk::new("eu_general");
    let (ann, other) = (desk.ann.clone(), desk.other());
    let consents = desk.crm.consents();
    let error = consents.link(&LinkPeople::new(ann.clone(), ann.clone())).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("b")));
    let nobody = RecordRef::new("contact", crm_core::RecordId::from_bytes([7; 16]));
    let error = consents.link(&LinkPeople::new(ann.clone(), nobody)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("b.id")));
    let error = consents.unlink(&LinkPeople::new(ann.clone(), other.clone())).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("b")));
    desk.link(&ann, &other);
    let again = consents.link(&LinkPeople::new(other, ann)).unwrap();
    assert_eq!(again.links.len(), 1, "linking again changes nothing");
    desk.verify();
}
