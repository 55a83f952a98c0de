"""The timeline of a record: everything that happened with it, in one order."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import wire
from crm.activities import Activity, RecordRef, read_activity
from crm.associations import AssociationDirection, read_association
from crm.given import RecordId, id_of, names_of
from crm.journal import ChangeKind, HistoryEntry
from crm.lifecycles import StageEntry
from crm.schema import Definitions


class TimelineKind(StrEnum):
    """The sorts of items on a timeline."""

    ACTIVITY = "activity"
    CHANGE = "change"
    ASSOCIATION = "association"
    STAGE = "stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationEntry:
    """A change of an association, seen from one of its ends."""

    seq: int
    """Its place in the journal."""
    at: datetime.datetime
    """When, in UTC."""
    actor: str
    """Who."""
    cause: str | None
    """Why, as far as the actor said."""
    kind: ChangeKind | str
    """What was done."""
    version: int
    """The association's version after it."""
    type: str
    """The type of the association."""
    id: UUID
    """The id of the association."""
    direction: AssociationDirection | str
    """Which way it leads, seen from the record; `both` if it leads to the record itself."""
    other: RecordRef
    """The record at the other end."""
    values: Mapping[str, Any]
    """The new values of role, primary flag, days and attributes; None for those that were cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One item of a timeline."""

    at: datetime.datetime
    """When it happened, in UTC."""
    seq: int
    """Its place in the journal."""
    role: str | None
    """Of an activity that links to the record: what the record has to do with it."""
    item: Activity | HistoryEntry | AssociationEntry | StageEntry
    """What happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    """A page of a timeline, the latest first."""

    entries: tuple[TimelineEntry, ...]
    """The items."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[TimelineEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def write_timeline(
    entity_type: str,
    id: RecordId,
    items: Iterable[TimelineKind | str],
    kinds: Iterable[str],
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Return the request of `timeline.list`."""
    return {
        "type": entity_type,
        "id": id_of(id),
        "items": [str(item) for item in names_of(items, "items")],
        "kinds": names_of(kinds, "kinds"),
        "after": after,
        "limit": limit,
    }


def read_timeline(plain: dict[str, Any], definitions: Definitions, entity_type: str) -> TimelinePage:
    """Return a page of a timeline from its plain form."""

    def item(plain: dict[str, Any]) -> Activity | HistoryEntry | AssociationEntry | StageEntry:
        if "activity" in plain:
            return read_activity(plain["activity"], definitions)
        if "association" in plain:
            return read_association(AssociationEntry, plain["association"], definitions)
        if "stage" in plain:
            return wire.read(StageEntry, plain["stage"])
        change = plain["change"]
        shape = definitions.shape(entity_type, change["values"])
        return wire.read(HistoryEntry, {**change, "values": shape.decode(change["values"])})

    entries = tuple(
        TimelineEntry(
            at=datetime.datetime.fromisoformat(entry["at"]),
            seq=entry["seq"],
            role=entry["role"],
            item=item(entry["item"]),
        )
        for entry in plain["entries"]
    )
    return TimelinePage(entries=entries, next=plain["next"])
