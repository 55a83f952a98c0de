"""Consent: what people allowed, refused and took back, and whether we may contact them."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.activities import RecordRef, write_ref
from crm.conditions import Condition
from crm.consents.decisions import (
    ConsentDecision,
    ConsentOutcome,
    ConsentReport,
    ConsentStatus,
    DecisionReason,
    DenyReason,
    ManyDecisions,
    MayContact,
    RecordDecision,
    UseConsent,
)
from crm.consents.definitions import (
    Channel,
    ChannelRule,
    ConsentDefinitions,
    ConsentPolicy,
    ConsentPreset,
    ConsentRegime,
    ContactCap,
    ContactPressure,
    DataCategory,
    Medium,
    Notice,
    NoticeSummary,
    Party,
    PartyRole,
    Processing,
    PublishNotice,
    Purpose,
    QuietHours,
)
from crm.consents.events import (
    BasisFacts,
    ConsentEvent,
    ConsentEvidence,
    ConsentKind,
    ConsentMethod,
    ContactFrequency,
    LegalBasis,
    ShownNotice,
)
from crm.consents.people import (
    LinkedPeople,
    PersonLink,
)
from crm.consents.preferences import (
    ChannelPreference,
    GetPreferences,
    PreferenceChoice,
    Preferences,
    PurposePreference,
    SetPreferences,
)
from crm.consents.receipts import (
    CheckedProof,
    ConsentProof,
    ConsentReceipt,
    ReceiptFormat,
    ReceiptedConsent,
)
from crm.consents.requests import (
    ConfirmConsent,
    ConsentHistory,
    ConsentRequest,
    GetConsents,
    GetNotice,
    MailHeader,
    NewConsent,
    NewUnsubscribeLink,
    RequestConsent,
    SweepConsents,
    SweptConsents,
    Unsubscribe,
    UnsubscribeLink,
    Unsubscribed,
)
from crm.errors import LimitExceededError
from crm.given import instance_of, items_of
from crm.records import Record
from crm.values import encode

__all__ = [
    "BasisFacts",
    "Channel",
    "ChannelPreference",
    "ChannelRule",
    "CheckedProof",
    "ConfirmConsent",
    "ConsentDecision",
    "ConsentDefinitions",
    "ConsentEvent",
    "ConsentEvidence",
    "ConsentHistory",
    "ConsentKind",
    "ConsentMethod",
    "ConsentOutcome",
    "ConsentPolicy",
    "ConsentPreset",
    "ConsentProof",
    "ConsentReceipt",
    "ConsentRegime",
    "ConsentReport",
    "ConsentRequest",
    "ConsentStatus",
    "Consents",
    "ContactCap",
    "ContactFrequency",
    "ContactPressure",
    "DataCategory",
    "DecisionReason",
    "DenyReason",
    "GetConsents",
    "GetNotice",
    "GetPreferences",
    "LegalBasis",
    "LinkedPeople",
    "MailHeader",
    "ManyDecisions",
    "MayContact",
    "Medium",
    "NewConsent",
    "NewUnsubscribeLink",
    "Notice",
    "NoticeSummary",
    "Party",
    "PartyRole",
    "PersonLink",
    "PreferenceChoice",
    "Preferences",
    "Processing",
    "PublishNotice",
    "Purpose",
    "PurposePreference",
    "QuietHours",
    "ReceiptFormat",
    "ReceiptedConsent",
    "RecordDecision",
    "RequestConsent",
    "SetPreferences",
    "ShownNotice",
    "SweepConsents",
    "SweptConsents",
    "Unsubscribe",
    "UnsubscribeLink",
    "Unsubscribed",
    "UseConsent",
]


class Consents:
    """What people allowed, and whether we may contact them: `Crm.consents`.

    >>> import crm
    >>> with crm.open() as db:
    ...     notice = db.consents.publish_notice("news", "en", "We write once a week.")
    ...     news = crm.Purpose(name="news", channels=("email",), notice="news", policy="eu_general")
    ...     purpose = db.consents.define_purpose(news)
    ...     ann = db.contacts.create(given_name="Ann")
    ...     event = db.consents.grant(ann, "email", "news")
    ...     before = db.consents.may_contact(ann, "email", "news").is_allowed
    ...     event = db.consents.withdraw(ann)
    ...     after = db.consents.may_contact(ann, "email", "news")
    ...     (before, after.is_allowed, after.reasons[0].text)
    (True, False, 'The person opted out of everything.')
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _call(self, operation: str, request: Any) -> Any:
        return self._engine.call(operation, _write(request))

    def record(self, event: NewConsent) -> ConsentEvent:
        """Record what a person allows, refuses or takes back, a legal basis or a restriction."""
        return wire.read(ConsentEvent, self._call("consents.record", instance_of(event, NewConsent, "event")))

    def grant(
        self,
        subject: Record | RecordRef,
        channel: str,
        purpose: str,
        *,
        contact_point: str | None = None,
        method: ConsentMethod | str = ConsentMethod.API,
        source: str | None = None,
        evidence: ConsentEvidence | None = None,
    ) -> ConsentEvent:
        """Record that a person allows a purpose through a channel, now; `record` takes all."""
        return self.record(
            NewConsent(
                kind=ConsentKind.GRANTED,
                subject=subject,
                channel=channel,
                purpose=purpose,
                contact_point=contact_point,
                method=method,
                source=source,
                evidence=evidence,
            )
        )

    def withdraw(
        self,
        subject: Record | RecordRef,
        *,
        channel: str | None = None,
        purpose: str | None = None,
        contact_point: str | None = None,
        method: ConsentMethod | str = ConsentMethod.API,
        source: str | None = None,
    ) -> ConsentEvent:
        """Record that a person takes back everything, or what is named, now."""
        return self.record(
            NewConsent(
                kind=ConsentKind.WITHDRAWN,
                subject=subject,
                channel=channel,
                purpose=purpose,
                contact_point=contact_point,
                method=method,
                source=source,
            )
        )

    def may_contact(
        self,
        subject: Record | RecordRef,
        channel: str,
        purpose: str,
        *,
        contact_point: str | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
        language: str | None = None,
    ) -> ConsentDecision:
        """Say whether a person may be contacted, with every reason; in words of `language`."""
        question = MayContact(
            subject=subject,
            channel=channel,
            purpose=purpose,
            contact_point=contact_point,
            at=at,
            zone=zone,
            language=language,
        )
        return self.decide(question)

    def decide(self, question: MayContact) -> ConsentDecision:
        """Say whether a person may be contacted, with every reason and its evidence."""
        question = instance_of(question, MayContact, "question")
        return wire.read(ConsentDecision, self._call("consents.decide", question))

    def decide_many(
        self,
        type: str,
        channel: str,
        purpose: str,
        *,
        where: Condition | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
        after: UUID | None = None,
        limit: int = 100,
        with_tokens: bool = False,
    ) -> ManyDecisions:
        """Say for a page of records whether they may be contacted, with the reasons.

        With `with_tokens` each comes with its contact point and the token for `record_uses`.
        """
        request = {
            "type": type,
            "channel": channel,
            "purpose": purpose,
            "at": at,
            "zone": zone,
            "after": after,
            "limit": limit,
            "with_tokens": with_tokens,
        }
        plain = {name: _write(value, name) for name, value in request.items() if value is not None}
        if where is not None:
            plain["where"] = conditions.write(where, "where")
        return wire.read(ManyDecisions, self._engine.call("consents.decide_many", plain))

    def record_use(self, use: UseConsent) -> ConsentEvent:
        """Record that somebody was contacted as it was decided.

        `StaleVersionError` if the ledger has changed since; `RefusedError` if it is denied.
        """
        return wire.read(ConsentEvent, self._call("consents.record_use", instance_of(use, UseConsent, "use")))

    def record_many(
        self, consents: Iterable[NewConsent], *, all_or_nothing: bool = False
    ) -> ConsentReport:
        """Record events, at most 100,000, in one transaction and tell what became of each."""
        plain = _write_each(consents, NewConsent, "consents")
        request = {"consents": plain, "all_or_nothing": all_or_nothing}
        return wire.read(ConsentReport, self._engine.call("consents.record_many", request))

    def record_uses(
        self, uses: Iterable[UseConsent], *, all_or_nothing: bool = False
    ) -> ConsentReport:
        """Record contacts, at most 100,000, in one transaction and tell what became of each."""
        plain = _write_each(uses, UseConsent, "uses")
        request = {"uses": plain, "all_or_nothing": all_or_nothing}
        return wire.read(ConsentReport, self._engine.call("consents.record_uses", request))

    def request(self, request: RequestConsent) -> ConsentRequest:
        """Begin a double opt-in; the answer has the secret for the message."""
        request = instance_of(request, RequestConsent, "request")
        return wire.read(ConsentRequest, self._call("consents.request", request))

    def confirm(
        self,
        token: str,
        *,
        language: str | None = None,
        evidence: ConsentEvidence | None = None,
    ) -> ConsentEvent:
        """Confirm a double opt-in.

        `NotFoundError` for a wrong token, `DuplicateError` if repeated, `RefusedError` if too late.
        """
        confirmed = ConfirmConsent(token=token, language=language, evidence=evidence)
        return wire.read(ConsentEvent, self._call("consents.confirm", confirmed))

    def sweep(self, limit: int = 100) -> SweptConsents:
        """Erase the double opt-ins that nobody confirmed in time."""
        return wire.read(SweptConsents, self._call("consents.sweep", SweepConsents(limit=limit)))

    def unsubscribe_link(self, link: NewUnsubscribeLink) -> UnsubscribeLink:
        """Make a link by which one click withdraws, with the headers of RFC 8058."""
        link = instance_of(link, NewUnsubscribeLink, "link")
        return wire.read(UnsubscribeLink, self._call("consents.unsubscribe_link", link))

    def unsubscribe(
        self, token: str, method: str = "POST", *, evidence: ConsentEvidence | None = None
    ) -> Unsubscribed:
        """Follow a link: a POST withdraws, a GET only says what it would withdraw."""
        followed = Unsubscribe(token=token, method=method, evidence=evidence)
        return wire.read(Unsubscribed, self._call("consents.unsubscribe", followed))

    def history(
        self, subject: Record | RecordRef, *, after: int = 0, limit: int = 100
    ) -> ConsentHistory:
        """Read the ledger of a person, oldest first, with the proof of each event."""
        request = GetConsents(subject=subject, after=after, limit=limit)
        return wire.read(ConsentHistory, self._call("consents.history", request))

    def link(self, a: Record | RecordRef, b: Record | RecordRef) -> LinkedPeople:
        """Say of two records that they are one person: what restricts one restricts the other."""
        return wire.read(LinkedPeople, self._engine.call("consents.link", _both(a, b)))

    def unlink(self, a: Record | RecordRef, b: Record | RecordRef) -> LinkedPeople:
        """Take back that two records are one person; what held for each before holds again."""
        return wire.read(LinkedPeople, self._engine.call("consents.unlink", _both(a, b)))

    def linked(self, subject: Record | RecordRef) -> LinkedPeople:
        """Read the links by which a record is the same person as others."""
        request = {"subject": write_ref(subject, "subject")}
        return wire.read(LinkedPeople, self._engine.call("consents.linked", request))

    def receipt(
        self,
        subject: Record | RecordRef,
        format: ReceiptFormat | str = ReceiptFormat.DPV,
        *,
        purpose: str | None = None,
    ) -> ConsentReceipt:
        """Make a receipt of what a person allowed; `missing` names what the definitions lack."""
        request = {"subject": write_ref(subject, "subject"), "format": str(format)}
        if purpose is not None:
            request["purpose"] = purpose
        return wire.read(ConsentReceipt, self._engine.call("consents.receipt", request))

    def prove(self, question: MayContact, *, head: int | None = None) -> ConsentProof:
        """Make the proof of a decision: its events, the texts, and the chain up to a head."""
        question = instance_of(question, MayContact, "question")
        request = {"question": _write(question, "question")}
        if head is not None:
            request["head"] = head
        return wire.read(ConsentProof, self._engine.call("consents.prove", request))

    def check_proof(self, document: str, *, head: str | None = None) -> CheckedProof:
        """Check a proof by itself, without the file that it is about."""
        request = {"document": document} | ({} if head is None else {"head": head})
        return wire.read(CheckedProof, self._engine.call("consents.check_proof", request))

    def preferences(
        self, subject: Record | RecordRef, *, contact_point: str | None = None
    ) -> Preferences:
        """Read what a person may choose in a preference centre, and has chosen."""
        request = GetPreferences(subject=subject, contact_point=contact_point)
        return wire.read(Preferences, self._call("consents.preferences", request))

    def set_preferences(self, preferences: SetPreferences) -> Preferences:
        """Record what a person chose, as far as it differs from before."""
        preferences = instance_of(preferences, SetPreferences, "preferences")
        return wire.read(Preferences, self._call("consents.set_preferences", preferences))

    def definitions(self) -> ConsentDefinitions:
        """Return channels, parties, purposes, policies and versions of texts."""
        return wire.read(ConsentDefinitions, self._engine.call("consents.definitions", {}))

    def define_channel(self, channel: Channel) -> Channel:
        """Define a way to reach people, or change one."""
        return wire.read(Channel, self._call("channels.define", instance_of(channel, Channel, "channel")))

    def define_party(self, party: Party) -> Party:
        """Define a controller or a processor, or change one."""
        return wire.read(Party, self._call("parties.define", instance_of(party, Party, "party")))

    def define_policy(self, policy: ConsentPolicy) -> ConsentPolicy:
        """Define what the law of a place, or the house, asks for, or change it."""
        policy = instance_of(policy, ConsentPolicy, "policy")
        return wire.read(ConsentPolicy, self._call("policies.define", policy))

    def define_purpose(self, purpose: Purpose) -> Purpose:
        """Define what people are contacted for, or change it."""
        return wire.read(Purpose, self._call("purposes.define", instance_of(purpose, Purpose, "purpose")))

    def publish_notice(
        self, name: str, language: str, text: str, *, asks_again: bool = False
    ) -> Notice:
        """Publish a text that people are shown; another text is the next version."""
        notice = PublishNotice(name=name, language=language, text=text, asks_again=asks_again)
        return wire.read(Notice, self._call("notices.publish", notice))

    def notice(
        self, name: str, *, language: str | None = None, version: int | None = None
    ) -> Notice:
        """Read a version of a text; the latest if none is named."""
        request = GetNotice(name=name, language=language, version=version)
        return wire.read(Notice, self._call("notices.get", request))


def _write(value: Any, path: str = "") -> Any:
    """Return the plain form of a request, or of what stands at `path` in it, without what is None."""
    try:
        return _plain(value, path)
    except RecursionError:
        message = "the request is nested too deeply"
        raise LimitExceededError(message, field=path or None, hint="flatten it") from None


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, Record | RecordRef):
        return write_ref(value)
    if dataclasses.is_dataclass(value):
        # What is a keyword of Python has an underscore behind it here.
        names = ((one.name, one.name.removesuffix("_")) for one in dataclasses.fields(value))
        value = {plain: getattr(value, name) for name, plain in names}
    if isinstance(value, Mapping):
        under = f"{path}." if path else ""
        pairs = ((name, one) for name, one in value.items() if one is not None)
        return {name: _plain(one, f"{under}{name}") for name, one in pairs}
    if isinstance(value, str | UUID):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [_plain(one, f"{path}[{place}]") for place, one in enumerate(value)]
    return encode(value, path)


def _write_each(events: Iterable[Any], cls: type[Any], field: str) -> list[Any]:
    places = enumerate(items_of(events, field, f"hand in a list of crm.{cls.__qualname__}(…)"))
    given = ((f"{field}[{place}]", event) for place, event in places)
    return [_write(instance_of(event, cls, path), path) for path, event in given]


def _both(a: Record | RecordRef, b: Record | RecordRef) -> dict[str, Any]:
    return {"a": write_ref(a, "a"), "b": write_ref(b, "b")}
