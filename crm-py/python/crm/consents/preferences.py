"""The preference centre: what may be chosen and what is chosen."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from crm.activities import RecordRef
from crm.consents.decisions import ConsentStatus
from crm.consents.events import ConsentEvidence, ContactFrequency
from crm.consents.requests import ConsentRequest
from crm.records import Record


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
    """What a person may choose and has chosen.

    It can be given back as the `document` of `SetPreferences`, with `dataclasses.replace` for what
    the person changed. There, what is None is none.
    """

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
    confirmations: tuple[ConsentRequest, ...] = ()
    """Choices that are to be confirmed first, with the token for the message: only in the answer of
    `consents.set_preferences`, in the order of the choices. In a document that is given back
    nothing is read from it.
    """
    token: str
    """Goes back with the document: it holds as long as the document is true."""


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
    document: Preferences | None = None
    """In place of the five above: the document as it was read, with what the person changed. What
    differs is recorded, and what the document does not have, such as a frequency, the person has no
    longer. Purposes and channels that it does not name stay as they are.
    """
    language: str | None = None
    """The language of the texts that were shown; their only one if it is left out."""
    source: str | None = None
    """Where."""
    evidence: ConsentEvidence | None = None
    """What shows it."""
