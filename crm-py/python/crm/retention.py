"""How long records are kept, and which are due for review."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crm.activities import RecordRef


class RetentionStart(StrEnum):
    """From what the time counts for which a record is kept."""

    CREATED = "created"
    """When it was created."""
    CHANGED = "changed"
    """When it was last changed, be it by archiving it."""
    LAST_ACTIVITY = "last_activity"
    """Its latest activity that counts; where there is none, when it was created."""
    LAST_USE = "last_use"
    """The latest event of its ledger of consent that reaches the purpose: given, renewed, used,
    withdrawn, and so on.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """A rule for how long the records of a type are kept."""

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    type: str
    """The entity type of the records."""
    purpose: str | None = None
    """Only records whose ledger of consent names this purpose; all if it is left out."""
    period: str
    """How long: a span such as `P3Y`, longer than nothing and at most 200 years, counted by the
    calendar in UTC.
    """
    counts_from: RetentionStart | str
    """From what it counts. The last use is one for a purpose, and needs it."""
    where: Any = None
    """Only records of which this condition is true; answers have it as JSON has it."""
    reason: str = ""
    """Why so long, such as the law that asks for it; at most 16 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueForReview:
    """A record that was kept for as long as a rule says."""

    subject: RecordRef
    """The record."""
    retention: str
    """The rule. A record is there once for each rule by which it is due."""
    counted_from: datetime.datetime
    """From when its time counted."""
    due_since: datetime.datetime
    """Since when it is due."""
    is_archived: bool
    """Whether it is archived."""
    is_restricted: bool
    """Whether the ledger says that processing is restricted: whoever restricted it may need the data,
    and erasing is refused.
    """
    proof_until: datetime.datetime | None
    """Until when a policy has proof of its consents kept, if it has. Erasing keeps that proof without
    whom it is about.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """Records that are due for review, those first that are due for longest."""

    at: datetime.datetime
    """The moment at which they are due."""
    due: tuple[DueForReview, ...]
    """The records, by since when they are due, then by id and rule."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""
