"""Consent: what people allowed, refused and took back, and whether we may contact them."""
from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.activities import RecordRef, write_ref
from crm.conditions import Condition
from crm.records import Record
from crm.values import encode


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
    """The person is a minor until `expires_at`."""
    LIFTED = "lifted"
    """The events that it names in `supersedes` no longer count."""
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
    """An existing customer is told of similar goods (UWG § 7 (3))."""
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


class Medium(StrEnum):
    """Through what a channel reaches somebody, which says what a contact point looks like."""

    EMAIL = "email"
    """An e-mail address."""
    PHONE = "phone"
    """Calls to a telephone number."""
    SMS = "sms"
    """Short messages to a telephone number."""
    POST = "post"
    """Letters to a postal address."""
    PUSH = "push"
    """Messages of an app to a device."""
    MESSENGER = "messenger"
    """A messenger."""
    VISIT = "visit"
    """Visits."""
    OTHER = "other"
    """Anything else."""


class PartyRole(StrEnum):
    """What somebody does with the data."""

    CONTROLLER = "controller"
    """It says what the data is used for (GDPR art. 4 (7))."""
    PROCESSOR = "processor"
    """It processes data on behalf of a controller (GDPR art. 4 (8))."""


class ConsentRegime(StrEnum):
    """What a channel needs before somebody is contacted."""

    OPT_IN = "opt_in"
    """A permission: a consent, or another legal basis."""
    OPT_OUT = "opt_out"
    """Nothing, until the person opts out."""


class ConsentPreset(StrEnum):
    """Policies that are there without being defined."""

    EU_STRICT = "eu_strict"
    """Germany and whoever wants to be as strict: consent on every channel but post, confirmed for
    e-mail, proof of telephone consent for five years.
    """
    EU_GENERAL = "eu_general"
    """The European Union in general: consent for electronic messages and calls, a legitimate
    interest for post.
    """
    UK = "uk"
    """The United Kingdom: as the European Union in general, and calls until somebody opts out."""
    US_CAN_SPAM = "us_can_spam"
    """The United States, CAN-SPAM and TCPA: e-mail until somebody opts out, consent for calls and
    short messages.
    """


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
    """The person was asked."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFrequency:
    """How many contacts in a span are enough for a person, over all channels."""

    most: int
    """At most so many; 0 is none at all."""
    within: str
    """In a span such as `P7D`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to reach people.

    `email`, `phone`, `sms`, `post`, `push`, `messenger` and `visit` are there without being
    defined.
    """

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    medium: Medium | str
    """Through what it reaches people."""
    label: str = ""
    """What people read; the name if empty."""
    weight: float = 1.0
    """How heavy one contact weighs where contact pressure is limited; from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who is responsible for data, or processes it."""

    name: str
    """The name by which events refer to it: `[a-z][a-z0-9_]{0,62}`."""
    role: PartyRole | str
    """What it does with the data."""
    label: str = ""
    """What it is called: the firm."""
    address: str = ""
    """Its postal address."""
    contact: str = ""
    """How its data protection officer is reached."""
    country: str = ""
    """Where it is, as ISO 3166; empty if that is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What people are contacted for."""

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    label: str = ""
    """What people read; the name if empty."""
    description: str = ""
    """What it is about, in prose."""
    channels: tuple[str, ...] = ()
    """The channels through which it may be done, as a preference centre offers them."""
    policy: str = "eu_strict"
    """The policy that holds for it: one that is defined, or a preset."""
    controller: str | None = None
    """Whose purpose it is: a party that is a controller."""
    processors: tuple[str, ...] = ()
    """Who else gets the data: parties that are processors."""
    notice: str | None = None
    """The text that people are shown: the name of a notice. Its latest version is meant where an
    event names none.
    """
    is_transactional: bool = False
    """Whether it only serves what the person asked for, such as an invoice. Then neither quiet
    hours nor caps, pressure, frequency and pauses count.
    """
    dpv: str = ""
    """What it is in the Data Privacy Vocabulary, such as `dpv:DirectMarketing`."""
    is_archived: bool = False
    """Whether it is no longer used. Nothing is permitted for it then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishNotice:
    """Publishes a text that people are shown.

    The same text again is the same version; another one is the next.
    """

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    language: str
    """The language, as BCP 47. Each language has versions of its own."""
    text: str
    """The text, as it is shown, at most 1 MiB."""
    asks_again: bool = False
    """Whether whoever agreed to an earlier version is to be asked again: until then nothing is
    permitted. Not for the first version.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A version of a text that people are shown."""

    name: str
    """The name."""
    language: str
    """The language."""
    version: int
    """The version in this language, from 1."""
    text: str
    """The text."""
    sha256: str
    """The SHA-256 of the text in UTF-8, in hexadecimal digits."""
    asks_again: bool
    """Whether whoever agreed to an earlier version is to be asked again."""
    published_at: datetime.datetime
    """When it was published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSummary:
    """A version of a text, without the text."""

    name: str
    """The name."""
    language: str
    """The language."""
    version: int
    """The version in this language."""
    sha256: str
    """The SHA-256 of the text."""
    asks_again: bool
    """Whether whoever agreed to an earlier version is to be asked again."""
    published_at: datetime.datetime
    """When it was published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Hours in which nobody is contacted, in the time zone of the person."""

    from_: str
    """When they begin, as `20:00`."""
    until: str
    """When they end, as `08:00`; on the next day if that is earlier. Not the same."""
    weekends: bool = False
    """Whether Saturday and Sunday are quiet as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCap:
    """At most so many contacts in a span that ends now. 0 means never."""

    most: int
    """At most so many."""
    within: str
    """In a span such as `P7D`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPressure:
    """The limit of what contacts over all channels weigh.

    A contact weighs what its channel says, and half of it after each half-life.
    """

    limit: float
    """Nobody is contacted whose pressure, with the new contact, would exceed this."""
    half_life_days: int
    """After how many days a contact weighs half, from 1 to 365."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRule:
    """What a policy asks for on one channel."""

    channel: str = ""
    """The channel; every other channel if it is empty."""
    regime: ConsentRegime | str
    """What it needs."""
    double_opt_in: bool = False
    """Whether a consent must have been confirmed."""
    existing_customers: bool = False
    """Whether existing customers may be told of similar goods without consent."""
    legitimate_interest: bool = False
    """Whether a legitimate interest is enough."""
    lapses_after: str | None = None
    """After which span without use a consent lapses; never if it is left out."""
    warns_before: str | None = None
    """How long before that it is warned."""
    retention: str | None = None
    """How long proof is kept from the grant and from each use."""
    quiet: QuietHours | None = None
    """When nobody is contacted."""
    caps: tuple[ContactCap, ...] = ()
    """How often somebody is contacted on this channel, for whatever purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPolicy:
    """What the law of a place, or the house, asks for.

    The presets are a start and no legal advice.
    """

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    label: str = ""
    """What people read; the name if empty."""
    rules: tuple[ChannelRule, ...]
    """The rules, at most one for each channel. A channel without one is denied."""
    confirms_within: str = "P2D"
    """How long a request for confirmation waits, such as `P2D`."""
    guards_minors: bool = True
    """Whether minors need the consent of somebody with parental responsibility."""
    pressure: ContactPressure | None = None
    """What all contacts together may weigh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDefinitions:
    """All that the ledger is about."""

    channels: tuple[Channel, ...]
    """The channels, those that need no definition included, by name."""
    parties: tuple[Party, ...]
    """The parties, by name."""
    purposes: tuple[Purpose, ...]
    """The purposes, archived ones included, by name."""
    policies: tuple[ConsentPolicy, ...]
    """The policies that were defined or are in use, by name."""
    notices: tuple[NoticeSummary, ...]
    """The versions of all texts, without the texts."""


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
    is_lapsing: bool
    """Whether that is so near that the policy warns of it."""
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
    """Every reason against it."""

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
    """The address or number; every one of the person's if it is left out."""
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
class MayContact:
    """Asks whether somebody may be contacted."""

    subject: Record | RecordRef
    """The person: a record."""
    channel: str
    """The channel."""
    purpose: str
    """The purpose."""
    contact_point: str | None = None
    """The address or number; if it is left out, whether there is one to which it is allowed."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPreferences:
    """Reads what a person may choose and has chosen."""

    subject: Record | RecordRef
    """The person: a record."""
    contact_point: str | None = None
    """The address or number that it is about; every one if it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPreference:
    """What is chosen for a purpose on one channel."""

    channel: str
    """The channel."""
    label: str
    """What people read."""
    status: ConsentStatus | str
    """Where the consent stands."""
    is_chosen: bool
    """Whether the person gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposePreference:
    """What is chosen for a purpose."""

    purpose: str
    """The purpose."""
    label: str
    """What people read."""
    description: str
    """What it is about."""
    channels: tuple[ChannelPreference, ...]
    """The channels that are offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a person may choose and has chosen."""

    subject: RecordRef
    """The person: a record."""
    purposes: tuple[PurposePreference, ...]
    """The purposes in use that nobody ordered, by name."""
    is_opted_out: bool
    """Whether the person opted out of everything."""
    paused_until: datetime.datetime | None
    """Until when the person wants to be left alone."""
    frequency: ContactFrequency | None
    """How many contacts are enough."""
    preferred_channel: str | None
    """The channel that the person likes best."""
    confirmations: tuple[ConsentRequest, ...]
    """Choices that are to be confirmed first, with the token for the message: only in the answer of
    `consents.set_preferences`, in the order of the choices.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceChoice:
    """A choice: a purpose through a channel, or not."""

    purpose: str
    """The purpose."""
    channel: str
    """The channel."""
    is_chosen: bool
    """Whether the person wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPreferences:
    """Records what a person chose. What is left out, or is so already, records nothing."""

    subject: Record | RecordRef
    """The person: a record."""
    contact_point: str | None = None
    """The address or number that the choices are about; every one if it is left out."""
    choices: tuple[PreferenceChoice, ...] = ()
    """The choices. Where the policy wants a confirmation, one is requested."""
    opts_out: bool = False
    """Whether the person opts out of everything. Then nothing can be chosen."""
    paused_until: datetime.datetime | None = None
    """Until when the person wants to be left alone. A time that is past ends a pause."""
    frequency: ContactFrequency | None = None
    """How many contacts are enough."""
    preferred_channel: str | None = None
    """The channel that the person likes best."""
    language: str | None = None
    """The language of the texts that were shown; their only one if it is left out."""
    source: str | None = None
    """Where."""
    evidence: ConsentEvidence | None = None
    """What shows it."""


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
        return wire.read(ConsentEvent, self._call("consents.record", event))

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
    ) -> ManyDecisions:
        """Say for a page of records whether they may be contacted, with the reasons."""
        request = {
            "type": type,
            "channel": channel,
            "purpose": purpose,
            "at": at,
            "zone": zone,
            "after": after,
            "limit": limit,
        }
        plain = {name: _write(value) for name, value in request.items() if value is not None}
        if where is not None:
            plain["where"] = conditions.write(where, "where")
        return wire.read(ManyDecisions, self._engine.call("consents.decide_many", plain))

    def record_use(self, use: UseConsent) -> ConsentEvent:
        """Record that somebody was contacted as it was decided.

        `StaleVersionError` if the ledger has changed since; `RefusedError` if it is denied.
        """
        return wire.read(ConsentEvent, self._call("consents.record_use", use))

    def request(self, request: RequestConsent) -> ConsentRequest:
        """Begin a double opt-in; the answer has the secret for the message."""
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

    def preferences(
        self, subject: Record | RecordRef, *, contact_point: str | None = None
    ) -> Preferences:
        """Read what a person may choose in a preference centre, and has chosen."""
        request = GetPreferences(subject=subject, contact_point=contact_point)
        return wire.read(Preferences, self._call("consents.preferences", request))

    def set_preferences(self, preferences: SetPreferences) -> Preferences:
        """Record what a person chose, as far as it differs from before."""
        return wire.read(Preferences, self._call("consents.set_preferences", preferences))

    def definitions(self) -> ConsentDefinitions:
        """Return channels, parties, purposes, policies and versions of texts."""
        return wire.read(ConsentDefinitions, self._engine.call("consents.definitions", {}))

    def define_channel(self, channel: Channel) -> Channel:
        """Define a way to reach people, or change one."""
        return wire.read(Channel, self._call("channels.define", channel))

    def define_party(self, party: Party) -> Party:
        """Define a controller or a processor, or change one."""
        return wire.read(Party, self._call("parties.define", party))

    def define_policy(self, policy: ConsentPolicy) -> ConsentPolicy:
        """Define what the law of a place, or the house, asks for, or change it."""
        return wire.read(ConsentPolicy, self._call("policies.define", policy))

    def define_purpose(self, purpose: Purpose) -> Purpose:
        """Define what people are contacted for, or change it."""
        return wire.read(Purpose, self._call("purposes.define", purpose))

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


def _write(value: Any) -> Any:
    """Return the plain form of a request, without what is None."""
    if isinstance(value, Record | RecordRef):
        return write_ref(value)
    if dataclasses.is_dataclass(value):
        pairs = ((one.name, getattr(value, one.name)) for one in dataclasses.fields(value))
        # What is a keyword of Python has an underscore behind it here.
        return {name.removesuffix("_"): _write(one) for name, one in pairs if one is not None}
    if isinstance(value, str | UUID):
        return str(value)
    if isinstance(value, Iterable):
        return [_write(one) for one in value]
    return encode(value)
