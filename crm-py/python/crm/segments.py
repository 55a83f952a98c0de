"""Segments: named conditions with their members, and when and why each came and went."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.activities import RecordRef
from crm.conditions import Condition, ConditionAnswer
from crm.given import RecordId, id_of, ids_of, items_of
from crm.named import Named
from crm.progress import Report, adapt
from crm.query import Bucket
from crm.values import encode


class SegmentKind(StrEnum):
    """How a segment comes by its members."""

    LIVE = "live"
    """The records of which the condition is true, at any time."""
    SNAPSHOT = "snapshot"
    """Those of which it was true when the segment was saved, or refreshed."""
    STATIC = "static"
    """Those that were added by hand."""


class MemberCause(StrEnum):
    """What made a record a member, or no longer one."""

    MANUAL = "manual"
    DEFINED = "defined"
    REFRESHED = "refreshed"
    RECORD = "record"
    ACTIVITY = "activity"
    ASSOCIATION = "association"
    STAGE = "stage"
    SCORE = "score"
    SEGMENT = "segment"
    RULE = "rule"
    TIME = "time"
    ARCHIVED = "archived"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment as it is defined."""

    name: str
    """The name."""
    type: str
    """The entity type of its members."""
    kind: SegmentKind
    """How it comes by its members."""
    label: str
    """What people read."""
    description: str
    """What it is about, in prose."""
    version: int
    """How often it was changed, from 1."""
    where: Any
    """Which records are members, as JSON has it; None for a static one."""
    zone: str
    """The time zone by whose calendar its days are counted."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """A segment, and what was done with its members."""

    segment: Segment
    """The segment."""
    entered: int
    """How many records became members."""
    left: int
    """How many ceased to be members."""
    members: int
    """How many members there are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMember:
    """A member."""

    id: UUID
    """The record."""
    entered_at: datetime.datetime
    """Since when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMembers:
    """A page of members, by id."""

    members: tuple[SegmentMember, ...]
    """The members."""
    next: UUID | None
    """What to hand in as `after` for the next page; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange:
    """A time at which a record became a member, or ceased to be one."""

    is_member: bool
    """Whether it became one."""
    at: datetime.datetime
    """When."""
    cause: MemberCause
    """What did it."""
    reason: str | None
    """The reason that was given, where it was done by hand."""
    activity_id: UUID | None
    """The last activity that was recorded then, where an activity did it."""
    record: RecordRef | None
    """The other record that did it."""
    actor: str
    """Who."""
    seq: int
    """The change of the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberExplanation:
    """Why a record is a member of a segment, or is not."""

    is_member: bool
    """Whether it is a member."""
    entered_at: datetime.datetime | None
    """Since when; None if it is none."""
    due_at: datetime.datetime | None
    """When time alone may change that; None if it does not."""
    answer: ConditionAnswer | None
    """Whether the condition is true of it now, and each of its questions; None if it has none."""
    changes: tuple[MemberChange, ...]
    """When it came and went, and why, the latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSize:
    """How many members there were at a moment."""

    at: datetime.datetime
    """The moment."""
    size: int
    """How many there were then."""
    entered: int
    """How often a record became one up to then, since the moment before."""
    left: int
    """How often one ceased to be a member, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSizes:
    """The sizes of a segment over time."""

    sizes: tuple[SegmentSize, ...]
    """One for each moment, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentOverlap:
    """How many members two segments share."""

    size: int
    """Members of the one."""
    other_size: int
    """Members of the other."""
    both: int
    """Members of both."""
    share: float | None
    """Those of both as a part of those of either, 0 to 1; None if there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEstimate:
    """About how many members a segment would have."""

    members: int
    """How many records fit."""
    records: int
    """Of how many in use."""
    is_exact: bool
    """Whether all of them were looked at, and not only a sample."""


def _read(plain: dict[str, Any]) -> Segment:
    return wire.read(Segment, plain)


class Segments(Named[Segment]):
    """Named conditions and their members: `Crm.segments`.

    >>> import crm
    >>> with crm.open() as db:
    ...     ann = db.contacts.create(given_name="Ann", email="ann@example.org")
    ...     report = db.segments.define("reachable", "contact", "email is set")
    ...     [member.id == ann.id for member in db.segments.members("reachable")]
    [True]
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "segments", "segment", _read)

    def define(
        self,
        name: str,
        type: str,
        where: Condition | None = None,
        *,
        kind: SegmentKind | str = SegmentKind.LIVE,
        label: str = "",
        description: str = "",
        zone: str | None = None,
    ) -> SegmentReport:
        """Define a segment, or change one, and find its members: what is stated is all of it.

        A static segment has no condition, every other one needs it.
        """
        request = {
            "name": name,
            "type": type,
            "kind": str(kind),
            "label": label,
            "description": description,
            "where": None if where is None else conditions.write(where, "where"),
            "zone": zone,
        }
        return self._report("define", request)

    def restore(self, name: str) -> SegmentReport:  # type: ignore[override]
        """Take a segment out of the archive; a live one gets the members it would have by now."""
        return self._report("restore", {"segment": name})

    def refresh(self, name: str, *, progress: Report | None = None) -> SegmentReport:
        """Ask all records anew whether they are members of a snapshot or a live segment."""
        call = self._engine.call("segments.refresh", {"segment": name}, adapt(progress))
        return wire.read(SegmentReport, call)

    def add_members(
        self, segment: str, ids: Iterable[RecordId], *, reason: str | None = None
    ) -> SegmentReport:
        """Add records to a static segment. Those that are members already stay."""
        request = {"segment": segment, "ids": ids_of(ids, "ids"), "reason": reason}
        return self._report("add_members", request)

    def remove_members(
        self, segment: str, ids: Iterable[RecordId], *, reason: str | None = None
    ) -> SegmentReport:
        """Remove records from a static segment."""
        request = {"segment": segment, "ids": ids_of(ids, "ids"), "reason": reason}
        return self._report("remove_members", request)

    def members_page(
        self, segment: str, *, after: UUID | str | None = None, limit: int = 100
    ) -> SegmentMembers:
        """Return a page of members, by id."""
        request = {"segment": segment, "after": after and str(after), "limit": limit}
        return wire.read(SegmentMembers, self._engine.call("segments.members", request))

    def members(self, segment: str) -> Iterator[SegmentMember]:
        """Go through all members, by id; pages are read as they are needed."""
        after: UUID | None = None
        while True:
            page = self.members_page(segment, after=after, limit=1000)
            yield from page.members
            after = page.next
            if after is None:
                return

    def explain(self, segment: str, id: RecordId, *, limit: int = 100) -> MemberExplanation:
        """Say why a record is a member or not, since when, and what made it come and go."""
        request = {"segment": segment, "id": id_of(id), "limit": limit}
        return wire.read(MemberExplanation, self._engine.call("segments.explain", request))

    def sizes(
        self,
        segment: str,
        at: Iterable[datetime.datetime] = (),
        *,
        every: Bucket | str | None = None,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> builtins.list[SegmentSize]:
        """Count the members at moments, or for every stretch of the calendar since `from_`."""
        moments = items_of(at, "at", "hand in a list of moments")
        request = {
            "segment": segment,
            "at": [encode(one, f"at[{place}]") for place, one in enumerate(moments)],
            "every": every and str(every),
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "zone": zone,
        }
        plain = self._engine.call("segments.sizes", request)
        return builtins.list(wire.read(SegmentSizes, plain).sizes)

    def overlap(self, segment: str, other: str) -> SegmentOverlap:
        """Count the members that two segments of one entity type share."""
        request = {"segment": segment, "other": other}
        return wire.read(SegmentOverlap, self._engine.call("segments.overlap", request))

    def estimate(
        self, type: str, where: Condition, *, zone: str | None = None
    ) -> SegmentEstimate:
        """Say about how many members a segment would have, before it is saved."""
        request = {"type": type, "where": conditions.write(where, "where"), "zone": zone}
        return wire.read(SegmentEstimate, self._engine.call("segments.estimate", request))

    def _report(self, verb: str, request: dict[str, Any]) -> SegmentReport:
        return wire.read(SegmentReport, self._engine.call(f"segments.{verb}", request))
