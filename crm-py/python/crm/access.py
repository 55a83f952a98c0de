"""What a person is shown of themselves, and the register of processing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crm.consents import DataCategory, Party
from crm.retention import Retention


class AccessScope(StrEnum):
    """How much a person is shown of themselves."""

    EVERYTHING = "everything"
    """Everything, with where it comes from, what it is used for and who gets it (GDPR art. 15)."""
    PORTABLE = "portable"
    """What the person gave or did, to take along (GDPR art. 20)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTable:
    """How many rows of a table are the person's."""

    name: str
    """The table."""
    rows: int
    """Its rows in the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReport:
    """What a person is shown."""

    tables: tuple[AccessTable, ...]
    """The tables that have rows of the person, by name."""
    bytes: int
    """Bytes written."""
    text: str | None
    """The document, or the table, if no file was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """A purpose in the register, with what art. 30 (1) asks for."""

    purpose: str
    """The purpose (b): its name."""
    description: str
    """The purpose in words."""
    controller: Party | None
    """Who is responsible, and how the data protection officer is reached (a)."""
    subjects: str
    """Whose data it is (c)."""
    personal_data: tuple[DataCategory, ...]
    """Which data (c)."""
    attributes: tuple[str, ...]
    """The attributes that are processed for it (c): `contact.allergies`, of activities
    `activity visit.reason`, of associations `association treats.ward`.
    """
    recipients: tuple[Party, ...]
    """Who gets it (d)."""
    transfers: str
    """Countries outside, and with which safeguards (e)."""
    storage_period: str | None
    """When it is erased (f): a span after which it is not needed, if that was said."""
    retention_periods: tuple[str, ...]
    """How long records are kept for it (f), by the retention rules: `contact: P3Y from last_use`."""
    proof_periods: tuple[str, ...]
    """How long proof of consent is kept, by channel: `phone: P5Y`."""
    security: str
    """How the data is kept safe (g)."""
    channels: tuple[str, ...]
    """The channels through which people are contacted for it."""
    is_archived: bool
    """Whether it is no longer used."""
    missing: tuple[str, ...]
    """What art. 30 asks for and the definitions do not say, such as
    `purposes.news.processing.security`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingRegister:
    """The register of processing activities."""

    entries: tuple[RegisterEntry, ...]
    """The purposes, by name."""
    retentions: tuple[Retention, ...]
    """The retention rules that are about no purpose in particular, by name."""
    csv: str
    """The same as a CSV table, with a header."""
