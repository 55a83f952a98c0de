"""Timers: what falls due by time alone."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from crm import wire
from crm._native import Engine
from crm.activities import RecordRef
from crm.journal import Change, read_changes
from crm.progress import Report, adapt
from crm.records import Problem
from crm.schema import Definitions
from crm.values import encode


class TimerRoom(StrEnum):
    """Whose timer it is."""

    LIFECYCLE = "lifecycle"
    SEGMENT = "segment"
    SCORE = "score"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTimer:
    """A timer with which it could not be done what was due: it is tried again."""

    room: TimerRoom | str
    """Whose timer it is."""
    name: str
    """The name of the lifecycle, segment, score or rule."""
    record: RecordRef
    """The record."""
    due_at: datetime.datetime
    """When it was due."""
    again_at: datetime.datetime
    """When it is tried again, unless a write of the record comes first."""
    problem: Problem
    """What went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a tick did."""

    at: datetime.datetime
    """Up to when everything is done."""
    done: int
    """How many timers were due."""
    is_complete: bool
    """Whether nothing that was asked for is left; otherwise tick again."""
    due_at: datetime.datetime | None
    """When the next timer is due; None if there is none."""
    failures: int
    """With how many of them it could not be done what was due."""
    failed: tuple[FailedTimer, ...]
    """The first 100 of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTimer:
    """When to tick next."""

    due_at: datetime.datetime | None
    """When the next timer is due; None if there is none. It may lie in the past."""
    ticked_at: datetime.datetime | None
    """Up to when the last tick went; None if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What would fall due."""

    done: int
    """How many timers would be due."""
    failures: int
    """With how many of them it could not be done what was due."""
    made: int
    """How many changes the journal would have more."""
    changes: tuple[Change, ...]
    """The first of them, in order: who would enter or leave a segment, and what follows."""


class Timers:
    """What falls due by time alone, such as a visit that grew older than 30 days: `Crm.timers`.

    >>> import crm
    >>> with crm.open() as db:
    ...     db.timers.tick().done
    0
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        self._engine = engine
        self._definitions = definitions

    def next(self) -> NextTimer:
        """Say when the next timer is due, and up to when the last tick went."""
        return wire.read(NextTimer, self._engine.call("timers.next", {}))

    def simulate(
        self,
        until: datetime.datetime,
        *,
        limit: int = 100,
        progress: Report | None = None,
    ) -> Simulation:
        """Do on a copy in memory what would fall due until then if nothing were written.

        The answer tells the first `limit` changes that this would make; the file is not touched.
        """
        request = {"until": encode(until, "until"), "limit": limit}
        plain = self._engine.call("timers.simulate", request, adapt(progress))
        page = read_changes({"changes": plain["changes"], "next": 0}, self._definitions)
        return Simulation(
            done=plain["done"],
            failures=plain["failures"],
            made=plain["made"],
            changes=page.changes,
        )

    def tick(
        self,
        until: datetime.datetime | None = None,
        *,
        limit: int = 100_000,
        progress: Report | None = None,
    ) -> Tick:
        """Do what has fallen due, each timer at its own instant, in the order of these.

        `until` is now if it is left out; it lies neither in the future nor before an earlier tick.
        Where `progress` cancels, the answer says how far it came, and the next tick goes on there.
        """
        request = {"limit": limit, "until": encode(until, "until")}
        return wire.read(Tick, self._engine.call("timers.tick", request, adapt(progress)))
