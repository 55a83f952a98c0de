"""Records that are one person, as the ledger of consent sees it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from crm.activities import RecordRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLink:
    """A link between two records of one person."""

    a: RecordRef
    """The record of the lesser id."""
    b: RecordRef
    """The other."""
    linked_at: datetime.datetime
    """When it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedPeople:
    """The links by which a record is the same person as others."""

    links: tuple[PersonLink, ...]
    """The links, as they were made: also those between others of the same person."""
