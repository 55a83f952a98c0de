"""What the ledger of consent is about: channels, parties, purposes, texts and policies."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum


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
    email: str = ""
    """Its e-mail address."""
    phone: str = ""
    """Its telephone number."""
    url: str = ""
    """Its page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCategory:
    """A category of personal data that is used for a purpose."""

    name: str
    """The category: a term such as `pd:EmailAddress`, or in words."""
    is_optional: bool = False
    """Whether the purpose can be served without it."""
    is_sensitive: bool = False
    """Whether it is sensitive: a location, a bank account."""
    is_special: bool = False
    """Whether it is of a special category (GDPR art. 9): health, belief, origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """How data is processed for a purpose. What is left out is not known."""

    personal_data: tuple[DataCategory, ...] = ()
    """The personal data that is used."""
    subjects: str = ""
    """Whose data it is, such as `customers and people who ask for offers`."""
    collection: str = ""
    """How it is collected."""
    operations: tuple[str, ...] = ()
    """What is done with it: terms such as `dpv:Store`, or words."""
    storage_countries: tuple[str, ...] = ()
    """Where it is stored: countries as ISO 3166, or `EU`."""
    processing_countries: tuple[str, ...] = ()
    """Where it is processed: countries as ISO 3166, or `EU`."""
    transfers: str = ""
    """Where it must not go, and with which safeguards it goes to other countries."""
    storage_period: str | None = None
    """How long it is kept once it is not needed any more: a span such as `P3Y`."""
    service: str = ""
    """The service of which it is a part."""
    jurisdiction: str = ""
    """Whose law holds: a country as ISO 3166, or `EU`."""
    recipients: tuple[str, ...] = ()
    """Who else gets the data besides controller and processors: names of parties."""
    withdrawal: str = ""
    """How consent is taken back: an address or words."""
    rights: str = ""
    """Where the other rights are exercised: an address or words."""
    policy_url: str = ""
    """The address of the privacy policy."""
    code_of_conduct: str = ""
    """The code of conduct that is followed."""
    impact_assessment: str = ""
    """The impact assessment: its address, or where it is."""
    authority: str = ""
    """The supervisory authority to which one may complain."""
    security: str = ""
    """How the data is kept safe (GDPR art. 32)."""


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
    """The channels through which it may be done, as a preference centre offers them. Without any it
    may be done through every channel for which the policy has a rule, and a preference centre
    offers none.
    """
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
    hours nor caps, pressure, frequency and pauses count, and a contract, a legal obligation and a
    vital interest permit it, whatever the person opted out of. Not for marketing.
    """
    dpv: str = ""
    """What it is in the Data Privacy Vocabulary, such as `dpv:DirectMarketing`."""
    is_archived: bool = False
    """Whether it is no longer used. Nothing is permitted for it then."""
    processing: Processing | None = None
    """How data is processed for it, as receipts and the register of processing say it."""


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
    """Whether whoever agreed to an earlier version is to be asked again, for whichever purpose:
    until then nothing is permitted. Not for the first version.
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
    """How long before that, and before a consent is to be renewed, it is warned; only where it lapses or
    is to be renewed, and at most as long before."""
    retention: str | None = None
    """How long proof is kept from the grant and from each use."""
    quiet: QuietHours | None = None
    """When nobody is contacted."""
    caps: tuple[ContactCap, ...] = ()
    """How often somebody is contacted on this channel, for whatever purpose."""
    valid_for: str | None = None
    """After which span a consent is over, used or not, unless the person renews it; never if it is
    left out.
    """


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
