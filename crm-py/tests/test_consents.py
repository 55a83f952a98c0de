"""Consent, as a user of the package meets it."""

from __future__ import annotations

import dataclasses
import datetime
import json

import crm
import pytest
from crm.where import consent


def begin(db: crm.Crm, policy: str = "eu_general") -> crm.Record:
    db.consents.publish_notice("news", "en", "Once a week.")
    news = crm.Purpose(name="news", channels=("email",), notice="news", policy=policy)
    assert db.consents.define_purpose(news).label == "news"
    return db.contacts.create(given_name="Ann")


def test_a_decision_is_its_verdict_and_has_reasons(db: crm.Crm) -> None:
    ann = begin(db)
    assert not db.consents.may_contact(ann, "email", "news")
    grant = db.consents.grant(ann, "email", "news", method=crm.ConsentMethod.FORM)
    assert grant.kind is crm.ConsentKind.GRANTED
    allowed = db.consents.may_contact(ann, "email", "news")
    assert allowed.evidence == (grant.id,)
    assert allowed.basis is crm.LegalBasis.CONSENT
    use = crm.UseConsent(subject=ann, channel="email", purpose="news", token=allowed.token)
    assert db.consents.record_use(use).permitted_by == grant.id
    with pytest.raises(crm.StaleVersionError):
        db.consents.record_use(use)
    out = db.consents.withdraw(ann, channel="email")
    denied = db.consents.may_contact(ann, "email", "news", language="de")
    assert [one.reason for one in denied.reasons] == [crm.DenyReason.WITHDRAWN_CHANNEL]
    assert denied.reasons[0].events == (out.id,)
    assert denied.reasons[0].text == "Die Person hat sich von diesem Kanal abgemeldet."
    kinds = [event.kind for event in db.consents.history(ann).events]
    assert kinds == ["granted", "used", "withdrawn"]


def test_a_double_opt_in_is_confirmed_once(db: crm.Crm) -> None:
    ann = begin(db, "eu_strict")
    asked = crm.RequestConsent(
        subject=ann,
        channel="email",
        contact_point="Ann@example.org",
        purpose="news",
        evidence=crm.ConsentEvidence(ip="192.0.2.1"),
    )
    waiting = db.consents.request(asked)
    assert waiting.expires_at > datetime.datetime.now(datetime.UTC)
    event = db.consents.confirm(waiting.token)
    assert event.request_evidence is not None
    assert event.request_evidence.ip == "192.0.2.1"
    with pytest.raises(crm.DuplicateError):
        db.consents.confirm(waiting.token)
    assert db.consents.may_contact(ann, "email", "news").contact_point == "ann@example.org"
    assert db.contacts.count(where=consent("email", "news")) == 1
    page = db.consents.decide_many("contact", "email", "news", where=consent("email", "news"))
    assert (page.allowed, page.decisions[0].id) == (1, ann.id)


def test_a_mailing_takes_three_calls(db: crm.Crm) -> None:
    people = [begin(db), db.contacts.create(given_name="Bob")]
    granted = [
        crm.NewConsent(
            kind=crm.ConsentKind.GRANTED,
            subject=person,
            channel="email",
            purpose="news",
            contact_point=f"{number}@example.org",
        )
        for number, person in enumerate(people)
    ]
    unknown = dataclasses.replace(granted[0], purpose="new")
    report = db.consents.record_many([*granted, unknown])
    assert (report.failed, report.is_committed) == (1, True)
    problem = report.outcomes[2].problem
    assert problem is not None
    assert (problem.kind, problem.field) == ("not_found", "purpose")
    assert not db.consents.record_many([*granted, unknown], all_or_nothing=True).is_committed

    assert db.consents.decide_many("contact", "email", "news").decisions[0].token is None
    page = db.consents.decide_many("contact", "email", "news", with_tokens=True)
    assert [one.contact_point for one in page.decisions] == ["0@example.org", "1@example.org"]
    uses = [
        crm.UseConsent(subject=person, channel="email", purpose="news", token=one.token or "")
        for person, one in zip(people, page.decisions, strict=True)
    ]
    assert [one.outcome for one in db.consents.record_uses(uses).outcomes] == ["created"] * 2
    assert db.consents.record_uses(uses).failed == 2


def test_choices_go_in_and_out(db: crm.Crm) -> None:
    ann = begin(db)
    choice = crm.PreferenceChoice(purpose="news", channel="email", is_chosen=True)
    wish = crm.ContactFrequency(most=1, within="P7D")
    chosen = crm.SetPreferences(subject=ann, choices=(choice,), frequency=wish)
    after = db.consents.set_preferences(chosen)
    assert after.purposes[0].channels[0].is_chosen
    document = db.consents.preferences(ann)
    assert document.frequency == wish
    kept = db.consents.set_preferences(crm.SetPreferences(subject=ann, document=document))
    assert kept == document
    changed = dataclasses.replace(document, frequency=None)
    cleared = db.consents.set_preferences(crm.SetPreferences(subject=ann, document=changed))
    assert cleared.frequency is None
    with pytest.raises(crm.StaleVersionError):
        db.consents.set_preferences(crm.SetPreferences(subject=ann, document=document))
    link = crm.NewUnsubscribeLink(subject=ann, channel="email", url="https://example.org/leave")
    token = db.consents.unsubscribe_link(link).token
    assert not db.consents.unsubscribe(token, "GET").is_withdrawn
    assert db.consents.unsubscribe(token).is_withdrawn
    assert not db.consents.preferences(ann).purposes[0].channels[0].is_chosen


def test_a_withdrawal_reaches_every_record_of_a_person_and_is_proven(db: crm.Crm) -> None:
    ann = begin(db)
    other = db.contacts.create(given_name="A.")
    db.consents.grant(ann, "email", "news")
    out = db.consents.withdraw(other, channel="email")
    db.consents.link(ann, other)
    denied = db.consents.may_contact(ann, "email", "news")
    assert [reason.events for reason in denied.reasons] == [(out.id,)]
    proof = db.consents.prove(crm.MayContact(subject=ann, channel="email", purpose="news"))
    checked = db.consents.check_proof(proof.document, head=proof.head)
    assert checked and checked.events == 2
    assert not db.consents.check_proof(proof.document.replace("Once", "Twice"))
    assert len(db.consents.linked(other).links) == 1
    db.consents.unlink(other, ann)
    assert db.consents.may_contact(ann, "email", "news")


def test_a_person_sees_what_is_known_and_gets_a_receipt(db: crm.Crm) -> None:
    ann = begin(db)
    db.consents.grant(ann, "email", "news", contact_point="ann@example.org")
    receipt = db.consents.receipt(ann, crm.ReceiptFormat.DPV)
    assert json.loads(receipt.document)["@type"] == "dpv:ConsentReceipt"
    assert "purposes.news.processing.jurisdiction" in receipt.missing
    whole = db.privacy.access(ann)
    assert json.loads(whole.text or "")["record"]["values"]["given_name"] == "Ann"
    portable = db.privacy.access(ann, scope=crm.AccessScope.PORTABLE)
    assert {table.name for table in portable.tables} == {"contact", "crm_consent_event"}
    assert db.privacy.register().entries[0].purpose == "news"
