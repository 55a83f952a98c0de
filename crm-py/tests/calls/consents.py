"""How consent and privacy are called."""

from __future__ import annotations

from typing import Any

import crm

from .requests import Calls, Request, built, dataclass_of, moments


def both(request: Request) -> tuple[crm.RecordRef, crm.RecordRef]:
    """Take the two records of a link."""
    return crm.RecordRef(**request["a"]), crm.RecordRef(**request["b"])


def shown(request: Request) -> dict[str, Any]:
    """Take what shows a consent."""
    given = request.options("evidence")
    return {name: dataclass_of(crm.ConsentEvidence, one) for name, one in given.items()}


CALLS: Calls = {
    "channels.define": lambda db, r: db.consents.define_channel(built(crm.Channel, r)),
    "consents.check_proof": lambda db, r: db.consents.check_proof(
        r["document"], **r.options("head")
    ),
    "consents.confirm": lambda db, r: db.consents.confirm(
        r["token"], **r.options("language"), **shown(r)
    ),
    "consents.decide": lambda db, r: db.consents.decide(built(crm.MayContact, r)),
    "consents.decide_many": lambda db, r: db.consents.decide_many(
        r["type"],
        r["channel"],
        r["purpose"],
        **moments(r, "at"),
        **r.options("where", "zone", "after", "limit", "with_tokens"),
    ),
    "consents.definitions": lambda db, r: db.consents.definitions(),
    "consents.history": lambda db, r: db.consents.history(
        crm.RecordRef(**r["subject"]), **r.options("after", "limit")
    ),
    "consents.link": lambda db, r: db.consents.link(*both(r)),
    "consents.linked": lambda db, r: db.consents.linked(crm.RecordRef(**r["subject"])),
    "consents.preferences": lambda db, r: db.consents.preferences(
        crm.RecordRef(**r["subject"]), **r.options("contact_point")
    ),
    "consents.prove": lambda db, r: db.consents.prove(
        dataclass_of(crm.MayContact, r["question"]), **r.options("head")
    ),
    "consents.receipt": lambda db, r: db.consents.receipt(
        crm.RecordRef(**r["subject"]), r["format"], **r.options("purpose")
    ),
    "consents.record": lambda db, r: db.consents.record(built(crm.NewConsent, r)),
    "consents.record_many": lambda db, r: db.consents.record_many(
        [dataclass_of(crm.NewConsent, one) for one in r["consents"]], **r.options("all_or_nothing")
    ),
    "consents.record_use": lambda db, r: db.consents.record_use(built(crm.UseConsent, r)),
    "consents.record_uses": lambda db, r: db.consents.record_uses(
        [dataclass_of(crm.UseConsent, one) for one in r["uses"]], **r.options("all_or_nothing")
    ),
    "consents.request": lambda db, r: db.consents.request(built(crm.RequestConsent, r)),
    "consents.set_preferences": lambda db, r: db.consents.set_preferences(built(crm.SetPreferences, r)),
    "consents.sweep": lambda db, r: db.consents.sweep(**r.options("limit")),
    "consents.unlink": lambda db, r: db.consents.unlink(*both(r)),
    "consents.unsubscribe": lambda db, r: db.consents.unsubscribe(
        r["token"], r["method"], **shown(r)
    ),
    "consents.unsubscribe_link": lambda db, r: db.consents.unsubscribe_link(
        built(crm.NewUnsubscribeLink, r)
    ),
    "notices.get": lambda db, r: db.consents.notice(
        r["name"], **r.options("language", "version")
    ),
    "notices.publish": lambda db, r: db.consents.publish_notice(
        r["name"], r["language"], r["text"], **r.options("asks_again")
    ),
    "parties.define": lambda db, r: db.consents.define_party(built(crm.Party, r)),
    "policies.define": lambda db, r: db.consents.define_policy(built(crm.ConsentPolicy, r)),
    "privacy.access": lambda db, r: db.privacy.access(
        crm.RecordRef(**r["subject"]), **moments(r, "at"), **r.options("path", "scope", "table")
    ),
    "privacy.apply_erasures": lambda db, r: db.privacy.apply_erasures(
        [dataclass_of(crm.ErasedSubject, one) for one in r["erased"]], **r.options("key")
    ),
    "privacy.define_retention": lambda db, r: db.privacy.define_retention(
        crm.Retention(
            **r.options("name", "type", "purpose", "period", "counts_from", "where", "reason")
        )
    ),
    "privacy.due_for_review": lambda db, r: db.privacy.due_for_review_page(
        **moments(r, "at"), **r.options("retention", "type", "limit", "after")
    ),
    "privacy.erase": lambda db, r: db.privacy.erase(
        dataclass_of(crm.RecordRef, r["subject"]), **r.options("reason", "expected_version")
    ),
    "privacy.erasures": lambda db, r: db.privacy.erasures_page(**r.options("after", "limit")),
    "privacy.lift_suppression": lambda db, r: {
        "was_suppressed": db.privacy.lift_suppression(r["contact_point"])
    },
    "privacy.plan_erasure": lambda db, r: db.privacy.plan_erasure(
        dataclass_of(crm.RecordRef, r["subject"]), **moments(r, "at")
    ),
    "privacy.proofs": lambda db, r: db.privacy.proofs_page(
        subject=dataclass_of(crm.RecordRef, r["subject"]) if "subject" in r.left else None,
        **moments(r, "at"),
        **r.options("contact_point", "limit", "after"),
    ),
    "privacy.register": lambda db, r: db.privacy.register(**r.options("controller")),
    "privacy.remove_retention": lambda db, r: db.privacy.remove_retention(r["retention"]),
    "privacy.retentions": lambda db, r: db.privacy.retentions(),
    "purposes.define": lambda db, r: db.consents.define_purpose(built(crm.Purpose, r)),
}
