"""What the ledger of consent holds: acts of people, of the host and of time, with their proof."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from crm.activities import RecordRef


class ConsentKind(StrEnum):
    """What an event of the ledger says."""

    GRANTED = "granted"
    """The person allowed it."""
    RENEWED = "renewed"
    """The person allowed it again."""
    CONFIRMED = "confirmed"
    """The person confirmed what was requested: the second step of a double opt-in."""
    IMPORTED = "imported"
    """It was allowed elsewhere, before it came here. Without proof it permits nothing."""
    BASED = "based"
    """It rests on a legal basis other than consent."""
    REQUESTED = "requested"
    """The person was asked and has not answered."""
    DENIED = "denied"
    """The person was asked and said no."""
    WITHDRAWN = "withdrawn"
    """The person took it back, or opted out."""
    REVOKED = "revoked"
    """Whoever is responsible took it back."""
    OBJECTED = "objected"
    """The person objected (GDPR art. 21)."""
    RESTRICTED = "restricted"
    """Processing is restricted (GDPR art. 18)."""
    INVALIDATED = "invalidated"
    """It turned out never to have been valid."""
    EXPIRED = "expired"
    """Its time is over."""
    LAPSED = "lapsed"
    """It was not used for too long."""
    PAUSED = "paused"
    """The person wants to be left alone until `expires_at`."""
    MINOR = "minor"
    """The person is a minor until `expires_at`, for every channel and purpose, also where it names
    one.
    """
    LIFTED = "lifted"
    """The events that it names in `supersedes` no longer count: what permits, a restriction, an
    objection, an invalidation, a pause, a minor or a wish. It is said by somebody, after what it
    lifts; what was withdrawn, denied, revoked or over only a new consent answers.
    """
    PREFERRED = "preferred"
    """How the person wants to be contacted: `channel` is preferred, and `frequency` is enough."""
    USED = "used"
    """The person was contacted on the ground of it."""


class LegalBasis(StrEnum):
    """Why personal data may be processed (GDPR art. 6), as far as contacting somebody goes."""

    CONSENT = "consent"
    """The person consented."""
    CONTRACT = "contract"
    """It is necessary for a contract with the person."""
    LEGAL_OBLIGATION = "legal_obligation"
    """The law demands it."""
    VITAL_INTEREST = "vital_interest"
    """A life depends on it."""
    PUBLIC_TASK = "public_task"
    """It is a task in the public interest."""
    LEGITIMATE_INTEREST = "legitimate_interest"
    """An interest that was weighed against the person's."""
    EXISTING_CUSTOMER = "existing_customer"
    """An existing customer is told of similar goods (UWG § 7 (3)), at the address that was obtained
    with the sale.
    """
    NOT_REQUIRED = "not_required"
    """The policy asks for no permission: it is allowed until the person opts out."""


class ConsentMethod(StrEnum):
    """How an event came about."""

    API = "api"
    """A program of the host's."""
    FORM = "form"
    """On a form."""
    DOUBLE_OPT_IN = "double_opt_in"
    """By confirming a message."""
    PHONE = "phone"
    """On the telephone."""
    PAPER = "paper"
    """On paper."""
    VERBAL = "verbal"
    """Face to face."""
    PREFERENCE_CENTRE = "preference_centre"
    """In a preference centre."""
    ONE_CLICK = "one_click"
    """By one click on a link in a message, or the button of a mail program (RFC 8058)."""
    IMPORT = "import"
    """It came with data from elsewhere."""
    ENGINE = "engine"
    """The engine, because a time was over."""
    CARRIED_OVER = "carried_over"
    """The engine, because the record through which it was said was erased, and this one is the same
    person.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvidence:
    """What shows that an event happened.

    All of it is personal, and is shown by no error and no `Debug`.
    """

    reference: str | None = None
    """What identifies the proof elsewhere: a recording, a scan, a message."""
    url: str | None = None
    """The page or form."""
    ip: str | None = None
    """The network address, shortened as the host sees fit."""
    user_agent: str | None = None
    """The program that was used."""
    session: str | None = None
    """The session."""
    note: str | None = None
    """In words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisFacts:
    """What a legal basis other than consent rests on."""

    reference: str | None = None
    """What identifies the contract, the law, the weighing of interests or the task elsewhere."""
    sale: str | None = None
    """An existing customer: the sale with which the address was obtained."""
    similar_goods: str | None = None
    """An existing customer: the group of own goods that are similar to what was sold."""
    told_at_collection: bool = False
    """An existing customer: whether the person was told, when the address was collected, that they
    may object at any time.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotice:
    """A version of a text as it was shown."""

    version: int
    """The version."""
    language: str
    """The language, as BCP 47."""
    sha256: str
    """The SHA-256 of the text, in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """An event of the ledger. It never changes."""

    id: UUID
    """Its id."""
    kind: ConsentKind | str
    """What it says."""
    subject: RecordRef
    """Whom it is about."""
    channel: str | None
    """The channel; None is every channel."""
    purpose: str | None
    """The purpose; None is every purpose."""
    controller: str | None
    """The controller; None is every one, or where something is permitted the one of the purpose."""
    contact_point: str | None
    """The address or number; None is every one of the person's."""
    basis: LegalBasis | str | None
    """What makes it lawful, if it permits something."""
    facts: BasisFacts | None
    """What a basis other than consent rests on."""
    notice: str | None
    """The name of the text that was shown."""
    notice_version: int | None
    """Its version."""
    language: str | None
    """Its language, as BCP 47."""
    notice_sha256: str | None
    """The SHA-256 of the text, in hexadecimal digits."""
    method: ConsentMethod | str
    """How it came about."""
    source: str | None
    """Where: a form, a campaign, a list."""
    occurred_at: datetime.datetime
    """When it happened."""
    recorded_at: datetime.datetime
    """When it was recorded."""
    evidence: ConsentEvidence | None
    """What shows it."""
    requested_at: datetime.datetime | None
    """The first step of a double opt-in: when it was, and what shows it."""
    request_evidence: ConsentEvidence | None
    """What shows the first step."""
    request_notice: ShownNotice | None = None
    """The text of the first step, where the second showed it in another language or version."""
    expires_at: datetime.datetime | None
    """When it ends by itself."""
    supersedes: tuple[UUID, ...]
    """The events against which it counts, or which it takes back."""
    by_guardian: bool
    """Whether somebody with parental responsibility acted."""
    frequency: ContactFrequency | None
    """How many contacts are enough."""
    permitted_by: UUID | None
    """For `used`: the event that permitted it; None if the policy asks for none."""
    activity: UUID | None = None
    """For `used`: the activity that the contact was, such as a call or a message that was sent."""
    told_of_objection: bool = False
    """For `used`: whether the person was told that they may object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFrequency:
    """How many contacts in a span are enough for a person, over all channels."""

    most: int
    """At most so many; 0 is none at all."""
    within: str
    """In a span such as `P7D`."""
