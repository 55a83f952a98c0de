"""What people may ask of the file: what it has of them, and what is done with it."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crm import wire
from crm._native import Engine
from crm.activities import RecordRef, write_ref
from crm.consents import DataCategory, Party
from crm.progress import Report, adapt
from crm.records import Record
from crm.values import encode


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
    recipients: tuple[Party, ...]
    """Who gets it (d)."""
    transfers: str
    """Countries outside, and with which safeguards (e)."""
    storage_period: str | None
    """When it is erased (f): a span after which it is not needed, if that was said."""
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
    csv: str
    """The same as a CSV table, with a header."""


class Privacy:
    """What the file knows about people: `Crm.privacy`.

    >>> import crm, json
    >>> with crm.open() as db:
    ...     ann = db.contacts.create(given_name="Ann")
    ...     report = db.privacy.access(ann)
    ...     json.loads(report.text)["record"]["values"]["given_name"]
    'Ann'
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def access(
        self,
        subject: Record | RecordRef,
        path: str | os.PathLike[str] | None = None,
        *,
        scope: AccessScope | str = AccessScope.EVERYTHING,
        table: str | None = None,
        at: datetime.datetime | None = None,
        progress: Report | None = None,
    ) -> AccessReport:
        """Show a person what the file has of them: a JSON document, or a table of it as CSV.

        It is written to a new file at `path`, or returned as text. `progress` counts rows.
        """
        request: dict[str, Any] = {"subject": write_ref(subject), "scope": str(scope)}
        if path is not None:
            request["path"] = os.fspath(path)
        if table is not None:
            request["table"] = table
        if at is not None:
            request["at"] = encode(at)
        answer = self._engine.call("privacy.access", request, adapt(progress))
        return wire.read(AccessReport, answer)

    def register(self, controller: str | None = None) -> ProcessingRegister:
        """Make the register of processing activities (GDPR art. 30) from the purposes."""
        request = {} if controller is None else {"controller": controller}
        return wire.read(ProcessingRegister, self._engine.call("privacy.register", request))
