"""May we? Decisions with their reasons, and contacts that rest on them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from crm.activities import RecordRef
from crm.consents.events import LegalBasis
from crm.records import Outcome, Problem, Record


class DenyReason(StrEnum):
    """Why somebody must not be contacted. The order is that in which reasons are listed."""

    ERASED = "erased"
    """The person was erased."""
    SUPPRESSED = "suppressed"
    """The contact point is one of a person who was erased."""
    NOT_OFFERED = "not_offered"
    """The purpose is archived, or the policy has no rule for the channel."""
    RESTRICTED = "restricted"
    """Processing is restricted."""
    OBJECTED = "objected"
    """The person objected."""
    WITHDRAWN_EVERYTHING = "withdrawn_everything"
    """The person opted out of everything."""
    WITHDRAWN_CONTROLLER = "withdrawn_controller"
    """The person opted out of all of this controller."""
    WITHDRAWN_CHANNEL = "withdrawn_channel"
    """The person opted out of this channel."""
    WITHDRAWN_PURPOSE = "withdrawn_purpose"
    """The person opted out of this purpose."""
    DENIED = "denied"
    """The person said no."""
    REVOKED = "revoked"
    """Whoever is responsible took it back."""
    INVALIDATED = "invalidated"
    """It turned out never to have been valid."""
    MINOR = "minor"
    """The person is a minor, and nobody with parental responsibility agreed."""
    EXPIRED = "expired"
    """Its time is over."""
    LAPSED = "lapsed"
    """It was not used for too long."""
    OUTDATED_NOTICE = "outdated_notice"
    """The text has changed since, and the person is to be asked again."""
    UNPROVEN = "unproven"
    """Nothing shows that it was given."""
    UNCONFIRMED = "unconfirmed"
    """It was not confirmed."""
    BASIS_NOT_ACCEPTED = "basis_not_accepted"
    """The policy does not take this legal basis here."""
    NO_BASIS = "no_basis"
    """Nobody allowed it."""
    PAUSED = "paused"
    """The person wants to be left alone for a while."""
    PRESSURE = "pressure"
    """All contacts together weigh too much."""
    CAPPED = "capped"
    """The person was contacted on this channel as often as the policy allows."""
    FREQUENCY = "frequency"
    """The person was contacted as often as they want."""
    QUIET_HOURS = "quiet_hours"
    """It is late where the person is."""


class ConsentStatus(StrEnum):
    """Where a consent stands, in the terms of the Data Privacy Vocabulary.

    Only the given ones permit.
    """

    UNKNOWN = "unknown"
    """Nothing is known, or nothing is proven."""
    REQUESTED = "requested"
    """The person was asked, or has yet to confirm it."""
    REFUSED = "refused"
    """The person said no."""
    GIVEN = "given"
    """The person allowed it."""
    RENEWED_GIVEN = "renewed_given"
    """The person allowed it again."""
    EXPIRED = "expired"
    """Its time is over, it lapsed, or the text has changed."""
    WITHDRAWN = "withdrawn"
    """The person took it back."""
    REVOKED = "revoked"
    """Whoever is responsible took it back."""
    INVALIDATED = "invalidated"
    """It turned out never to have been valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionReason:
    """One reason of a decision."""

    reason: DenyReason | str
    """What it is."""
    text: str
    """In words, without personal data."""
    events: tuple[UUID, ...]
    """The events of the ledger that say so."""
    until: datetime.datetime | None
    """When it is over by itself, as far as that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDecision:
    """Whether somebody may be contacted, and why."""

    is_allowed: bool
    """Whether it is allowed."""
    basis: LegalBasis | str | None
    """What makes it lawful, if it is allowed."""
    status: ConsentStatus | str
    """Where the consent stands."""
    reasons: tuple[DecisionReason, ...]
    """Every reason against it, in the order of `DenyReason`; none if it is allowed."""
    evidence: tuple[UUID, ...]
    """The events of the ledger that permit it."""
    contact_point: str | None
    """The contact point to which it is allowed, where the permission names one."""
    at: datetime.datetime
    """The moment for which it was decided."""
    valid_until: datetime.datetime | None
    """Until when the answer holds if nothing is recorded; None if for ever."""
    lapses_at: datetime.datetime | None
    """When the consent lapses unless it is used."""
    renew_by: datetime.datetime | None = None
    """By when the person has to renew the consent, used or not."""
    is_lapsing: bool
    """Whether the first of the two is so near that the policy warns of it."""
    keep_until: datetime.datetime | None
    """Until when proof of the permission is to be kept: from the grant and from each use."""
    token: str
    """What to hand in with `consents.record_use`: it holds for this state of the ledger only."""

    def __bool__(self) -> bool:
        """Tell whether it is allowed."""
        return self.is_allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDecision:
    """Whether one of many may be contacted."""

    id: UUID
    """The record."""
    is_allowed: bool
    """Whether it is allowed."""
    reasons: tuple[DenyReason | str, ...]
    """Every reason against it, in the order of `DenyReason`."""
    evidence: tuple[UUID, ...]
    """The events of the ledger that permit it."""
    against: tuple[UUID, ...]
    """The events of the ledger that speak against it, each once, in the order of the reasons."""
    valid_until: datetime.datetime | None
    """Until when the answer holds if nothing is recorded; None if for ever."""
    is_lapsing: bool
    """Whether the consent is so near its end that the policy warns of it."""
    contact_point: str | None = None
    """The contact point to which it is allowed, where the permission names one; only if
    `with_tokens` asked for it.
    """
    token: str | None = None
    """What to hand in with `consents.record_uses`: it holds for this state of the ledger only, and
    is that of a question that names no contact point. Only if `with_tokens` asked for it.
    """

    def __bool__(self) -> bool:
        """Tell whether it is allowed."""
        return self.is_allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyDecisions:
    """A page of decisions."""

    decisions: tuple[RecordDecision, ...]
    """The decisions, by id of the record."""
    allowed: int
    """How many of them allow it."""
    next: UUID | None
    """What to hand in as `after` for the next page; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MayContact:
    """Asks whether somebody may be contacted."""

    subject: Record | RecordRef
    """The person: a record."""
    channel: str
    """The channel."""
    purpose: str
    """The purpose."""
    contact_point: str | None = None
    """The address or number. If it is left out, each permission is asked at the address that it
    names; one that names none, and where none is needed, is denied as soon as one address is
    restricted, though others may be allowed: name the one that is meant.
    """
    at: datetime.datetime | None = None
    """The moment; now if it is left out. Whatever restricts counts, also if it happened later."""
    zone: str | None = None
    """The time zone of the person, for quiet hours; if it is left out, that of the record, or else
    UTC.
    """
    language: str | None = None
    """The language of the reasons: `de` or `en`, which it is if it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseConsent:
    """Records that somebody was contacted."""

    subject: Record | RecordRef
    """The person: a record."""
    channel: str
    """The channel."""
    purpose: str
    """The purpose."""
    contact_point: str | None = None
    """The address or number, as it was decided."""
    token: str
    """The token of the decision."""
    at: datetime.datetime | None = None
    """When; now if it is left out. Not in the future."""
    zone: str | None = None
    """The time zone of the person, as it was decided."""
    told_of_objection: bool = False
    """Whether the message said that one may object. An existing customer must be told each time."""
    source: str | None = None
    """What was sent: a campaign, a call."""
    activity: UUID | None = None
    """The activity that the contact was: one of the person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentOutcome:
    """What became of one event of a batch."""

    outcome: Outcome | str
    """`created` or `failed`."""
    id: UUID | None
    """The event; None if it failed."""
    problem: Problem | None
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentReport:
    """What became of a batch."""

    outcomes: tuple[ConsentOutcome, ...]
    """For each event what became of it, in order."""
    failed: int
    """How many failed."""
    is_committed: bool
    """Whether the transaction was committed. If not, nothing was kept."""
