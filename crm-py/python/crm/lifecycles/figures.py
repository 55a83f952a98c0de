"""What many records tell of a lifecycle: times, funnels, the flywheel, who is stuck, hand-overs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from crm.lifecycles.standing import Standing


def _delta(micros: int | None) -> datetime.timedelta | None:
    return None if micros is None else datetime.timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """How long a record stood on a stage. Stages that were skipped do not count."""

    stage: str
    """The stage."""
    visits: int
    """How often it came there."""
    entered_at: datetime.datetime
    """When it came there last."""
    exited_at: datetime.datetime | None
    """When it left last, after that; None while it stands there."""
    current_micros: int | None
    """How long the present stay has lasted, in microseconds; None if it does not stand there."""
    latest_micros: int | None
    """How long the last stay that has ended lasted; None if none has."""
    cumulative_micros: int
    """How long all the stays that have ended lasted."""

    @property
    def current(self) -> datetime.timedelta | None:
        """How long the present stay has lasted."""
        return _delta(self.current_micros)

    @property
    def latest(self) -> datetime.timedelta | None:
        """How long the last stay that has ended lasted."""
        return _delta(self.latest_micros)

    @property
    def cumulative(self) -> datetime.timedelta:
        """How long all the stays that have ended lasted."""
        return datetime.timedelta(microseconds=self.cumulative_micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """The answer of `Lifecycles.times`."""

    standing: Standing
    """Where the record stands."""
    at: datetime.datetime
    """The moment up to which it was counted."""
    stages: tuple[StageTime, ...]
    """The stages to which it came, in the order of the lifecycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStage:
    """A step of a funnel: `reached` is the sum of `went_on`, `lost` and `waiting`."""

    stage: str
    """The stage."""
    reached: int
    """How many reached it, or skipped it on the way to a later one."""
    implied: int
    """How many of these only skipped it."""
    share: float | None
    """How many of all who began reached it, 0 to 1; None where nobody began."""
    went_on: int
    """How many reached a later stage."""
    conversion: float | None
    """The same as a part of those who reached it; None where nobody did."""
    lost: int
    """How many came no further and are lost."""
    drop_off: float | None
    """The same as a part of those who reached it; None where nobody did."""
    waiting: int
    """How many have come no further yet."""
    median_micros: int | None
    """The median of the time from here to the next later stage, in microseconds; None if there is none."""
    quantile_micros: tuple[int, ...]
    """The quantiles of that time that were asked for; empty if there are none."""

    @property
    def median(self) -> datetime.timedelta | None:
        """The median of the time from coming here to coming to the next later stage."""
        return _delta(self.median_micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """How many go how far. Each cycle of a record counts by itself."""

    entered: int
    """How many began in that time."""
    stages: tuple[FunnelStage, ...]
    """The stages that are open or won, in order."""

    def __iter__(self) -> Iterator[FunnelStage]:
        return iter(self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFriction:
    """Where the way rubs: what became of the stays on a stage that ended in that time."""

    stage: str
    """The stage."""
    left: int
    """How many stays ended; stages that were skipped do not count."""
    median_micros: int | None
    """The median of how long these lasted, in microseconds; None if there are none."""
    lost: int
    """How many of them ended because the record was lost."""
    drop_off: float | None
    """The same as a part of those that ended, 0 to 1; None if there are none."""
    resets: int
    """How many of them ended because the record was put back to an earlier stage."""
    suppressed: int
    """How many automatic moves were not made in that time while a record stood here."""

    @property
    def median(self) -> datetime.timedelta | None:
        """The median of how long the stays lasted."""
        return _delta(self.median_micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class WinBack:
    """How many customers who were lost came back in that time.

    Each cycle that was lost counts by itself; a loss that a reset took back is none.
    """

    churned: int
    """How many could: those who were lost before the end of that time, and of whom no new cycle had
    begun before it."""
    returned: int
    """How many of them began a new cycle in that time."""
    recovered: int
    """How many of these also became customers again in that time."""
    rate: float | None
    """The win-back rate: `returned` as a part of `churned`, 0 to 1; None if nobody could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flywheel:
    """How many new customers come by existing ones."""

    stage: str
    """The stage that makes a customer."""
    customers: int
    """How many arrived; each cycle of a record counts by itself."""
    referred: int
    """How many of them an existing customer brought."""
    repeated: int
    """How many of them had arrived in an earlier cycle, or were bought by somebody who had."""
    by_existing: int
    """How many of them were one or the other."""
    share: float | None
    """The same as a part of those who arrived, 0 to 1; None if nobody did."""
    friction: tuple[StageFriction, ...]
    """Where the way rubs: the stages that are open or won, in order."""
    win_back: WinBack
    """How many of the customers who were lost came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRecord:
    """A record that stands on a stage for too long."""

    id: UUID
    """The record."""
    stage: str
    """The stage."""
    cycle: int
    """The cycle."""
    entered_at: datetime.datetime
    """When it came there."""
    micros: int
    """How long that is, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckPage:
    """A page of records in use that stand on a stage for too long, the longest first."""

    records: tuple[StuckRecord, ...]
    """The records."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[StuckRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceBreach:
    """A stay on a stage that lasted, or lasts, too long."""

    id: UUID
    """The record."""
    number: int
    """The number of the stay among those of the record."""
    entered_at: datetime.datetime
    """When it came there."""
    exited_at: datetime.datetime | None
    """When it left, or with `to` was taken on or ended otherwise; None while it waits."""
    late_micros: int
    """How much too late that is, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Whether a hand-over was answered in time: `entered` is the sum of the five counts after it."""

    entered: int
    """How many stays began; stages that were skipped do not count."""
    in_time: int
    """How many were taken on in time."""
    late: int
    """How many were taken on too late."""
    declined: int
    """How many ended otherwise, if `to` names a stage: lost, beside the way, or put back."""
    waiting: int
    """How many last, and still have time."""
    overdue: int
    """How many last for too long."""
    median_micros: int | None
    """The median of the time until they were taken on, in microseconds; None if none was."""
    breaches: tuple[AcceptanceBreach, ...]
    """Those that took longer than they were to, or are overdue, the oldest first."""
    next: str | None
    """What to hand in as `after` for the next page of breaches; None when there is none."""
