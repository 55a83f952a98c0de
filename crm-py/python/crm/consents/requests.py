"""What is asked of the ledger of consent, and what it answers besides decisions."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from uuid import UUID

from crm.activities import RecordRef
from crm.consents.events import (
    BasisFacts,
    ConsentEvent,
    ConsentEvidence,
    ConsentKind,
    ConsentMethod,
    ContactFrequency,
    LegalBasis,
)
from crm.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """Records an event."""

    kind: ConsentKind | str
    """What it says. Neither `confirmed`, which `consents.confirm` records, nor `used`, which
    `consents.record_use` does.
    """
    subject: Record | RecordRef
    """The person: a record."""
    channel: str | None = None
    """The channel; where nothing is permitted, every one if it is left out."""
    purpose: str | None = None
    """The purpose; where nothing is permitted, every one if it is left out."""
    controller: str | None = None
    """The controller; the one of the purpose if it is left out, and without a purpose every one."""
    contact_point: str | None = None
    """The address or number; every one of the person's if it is left out, which the basis of an
    existing customer does not allow.
    """
    basis: LegalBasis | str | None = None
    """For `based`: the legal basis."""
    facts: BasisFacts | None = None
    """For `based`: what it rests on."""
    notice: str | None = None
    """The text that was shown; the one of the purpose if it is left out."""
    notice_version: int | None = None
    """Its version; the latest if it is left out."""
    language: str | None = None
    """Its language; the only one of the text if it is left out."""
    method: ConsentMethod | str = ConsentMethod.API
    """How it came about."""
    source: str | None = None
    """Where: a form, a campaign, a list."""
    at: datetime.datetime | None = None
    """When it happened; now if it is left out. Not in the future."""
    evidence: ConsentEvidence | None = None
    """What shows it."""
    requested_at: datetime.datetime | None = None
    """For `imported`: when the first step of a double opt-in was, if there was one."""
    request_evidence: ConsentEvidence | None = None
    """For `imported`: what shows that step."""
    expires_at: datetime.datetime | None = None
    """When it ends by itself. Needed for `paused`."""
    supersedes: tuple[UUID, ...] | None = None
    """The events against which it counts, or which it takes back. If it is left out, a consent
    given by the person counts against the withdrawals, refusals and ends of its own key that are
    known and lie before it; objections and restrictions are to be named. What was imported
    counts against none.
    """
    by_guardian: bool = False
    """Whether somebody with parental responsibility acted."""
    frequency: ContactFrequency | None = None
    """For `preferred`: how many contacts are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestConsent:
    """Begins a double opt-in."""

    subject: Record | RecordRef
    """The person: a record."""
    channel: str
    """The channel through which the confirmation is asked for."""
    contact_point: str
    """The address or number to which the message goes."""
    purpose: str
    """The purpose."""
    notice: str | None = None
    """The text that was shown; the one of the purpose if it is left out."""
    language: str | None = None
    """Its language; the only one of the text if it is left out."""
    source: str | None = None
    """Where: a form, a campaign, a list."""
    evidence: ConsentEvidence | None = None
    """What shows the request."""
    by_guardian: bool = False
    """Whether somebody with parental responsibility acts."""
    supersedes: tuple[UUID, ...] | None = None
    """The events against which the consent counts once it is confirmed. If it is left out, they are
    the withdrawals, refusals and ends of its own key that are known now; objections and
    restrictions are to be named. What is taken back after the request stands, in either case.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequest:
    """A double opt-in that waits for its confirmation."""

    token: str
    """The secret that the message carries. Only its SHA-256 is kept, so that it is never shown
    again.
    """
    expires_at: datetime.datetime
    """Until when it can be confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmConsent:
    """Confirms a double opt-in."""

    token: str
    """The secret of the message."""
    language: str | None = None
    """The language of the text that was shown with the confirmation; that of the request if it is
    left out.
    """
    evidence: ConsentEvidence | None = None
    """What shows the confirmation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConsents:
    """Reads the ledger of a person."""

    subject: Record | RecordRef
    """The person: a record."""
    after: int = 0
    """Only events after this `seq` of the journal; 0 begins at the beginning."""
    limit: int = 100
    """How many at most, 1 to 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentHistory:
    """A page of the ledger of a person."""

    events: tuple[ConsentEvent, ...]
    """The events, as they were recorded."""
    next: int | None
    """What to hand in as `after` for the next page; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetNotice:
    """Reads a version of a text."""

    name: str
    """The name."""
    language: str | None = None
    """The language; the only one if it is left out."""
    version: int | None = None
    """The version; the latest if it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnsubscribeLink:
    """Makes a link by which one click withdraws (RFC 8058)."""

    subject: Record | RecordRef
    """The person: a record."""
    channel: str
    """The channel from which the link takes the person off."""
    purpose: str | None = None
    """The purpose; every one of the channel if it is left out."""
    contact_point: str | None = None
    """The address; every one of the person's if it is left out."""
    url: str
    """Where the host answers, beginning with `https://`. The token is added as the parameter
    `token`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHeader:
    """A header of a message."""

    name: str
    """The name."""
    value: str
    """The value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeLink:
    """A link by which one click withdraws."""

    token: str
    """The secret of the link. Only its SHA-256 is kept."""
    url: str
    """The link."""
    headers: tuple[MailHeader, ...]
    """The headers of RFC 8058. The message has to sign both with DKIM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Follows a link."""

    token: str
    """The secret of the link."""
    method: str
    """How the link was followed: `POST` withdraws; `GET` only says what it would withdraw, because
    mail programs and scanners open every link.
    """
    evidence: ConsentEvidence | None = None
    """What shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """What a link withdraws."""

    is_withdrawn: bool
    """Whether it is withdrawn now."""
    channel: str
    """The channel."""
    purpose: str | None
    """The purpose; every one of the channel if there is none."""
    event: UUID | None
    """The event of the ledger, if this call recorded one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepConsents:
    """Ends what time has ended."""

    limit: int = 100
    """How many of each at most, 1 to 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptConsents:
    """What time has ended."""

    erased_requests: int
    """Double opt-ins that nobody confirmed in time, and that are gone."""
    erased_proofs: int
    """Proofs of consent of people who were erased, that no policy keeps any longer."""
    has_more: bool
    """Whether there may be more."""
