"""Lifecycles: the ordered stages of a relationship, and where each record stands on them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.activities import RecordRef
from crm.conditions import Condition, ConditionAnswer
from crm.errors import InvalidArgumentError
from crm.named import Named
from crm.values import encode


class StageKind(StrEnum):
    """What a stage means for the relationship."""

    OPEN = "open"
    """On the way."""
    WON = "won"
    """The goal is reached. It lies on the way, and others may follow."""
    LOST = "lost"
    """The cycle is over. What goes on from here is a new cycle."""
    SIDE = "side"
    """Beside the way: it interrupts the cycle, which goes on from where it was."""


class StageCause(StrEnum):
    """What brought a record to a stage."""

    MANUAL = "manual"
    INITIAL = "initial"
    ACTIVITY = "activity"
    RELATED = "related"
    CONDITION = "condition"
    INACTIVITY = "inactivity"
    RULE = "rule"
    IMPLIED = "implied"
    RESET = "reset"


class SuppressedBy(StrEnum):
    """Why an automatic move was not made."""

    EARLIER = "earlier"
    """The stage lies before the one on which the record stands."""
    EXIT = "exit"
    """Only people lead out of the stage on which it stands."""
    GUARD = "guard"
    """The guard of the stage is not met, or cannot be answered within the limits."""
    REQUIRED = "required"
    """An attribute that the stage needs has no value."""


class LifecyclePreset(StrEnum):
    """The ready-made lifecycles."""

    CONTACT = "contact"
    DEAL = "deal"


class DrawingFormat(StrEnum):
    """How a drawing is written."""

    MERMAID = "mermaid"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a lifecycle."""

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    _: KW_ONLY
    label: str = ""
    """What people read; the name if empty."""
    kind: StageKind | str = StageKind.OPEN
    """What it means. Those that are open or won are ordered as they are listed."""
    probability: float | None = None
    """How likely the goal is from here, 0 to 1; 1 where it is won, 0 where it is lost."""
    required: tuple[str, ...] = ()
    """Attributes that a record needs to stand here, and on every later stage."""
    guard: Condition | None = None
    """What must be true of a record when it comes here."""
    reasons: tuple[str, ...] = ()
    """For stages that are lost or beside the way: the reasons that may be given; any text if empty."""
    automatic_exit: bool = False
    """For the same: whether triggers lead out of it, and not only people."""
    only_automatic: bool = False
    """Whether only triggers lead here, and not people."""
    leave_within: tuple[str, ...] = ()
    """In what times a record is to go on from here, such as `5min`, `1h` and `1d`; a stay that lasts
    longer becomes a change of the journal."""


@dataclass(frozen=True, slots=True)
class RelatedStage:
    """A stage of related records."""

    related: str
    """How they are related: a type of associations, a reference, or one of theirs with `inverse`."""
    lifecycle: str
    """The lifecycle in which the other record stands."""
    stage: str
    """The stage that it must have reached: it stands there, or on a later one."""
    _: KW_ONLY
    inverse: bool = False
    """Whether the other record points to this one."""
    only_primary: bool = False
    """Whether only a primary association counts."""


@dataclass(frozen=True, slots=True)
class StageTrigger:
    """What moves a record by itself: an activity, a related record, inactivity, or a condition."""

    to: str
    """The stage that it leads to."""
    _: KW_ONLY
    activity: str | None = None
    """A kind of activity: recording one of this kind moves the record."""
    filter: Condition | None = None
    """With `activity`: only one for which this is true."""
    related: RelatedStage | None = None
    """A stage of a related record: reaching it moves the record."""
    inactive_for: str | None = None
    """A span such as `30d`: when nothing has happened with the record for so long, it moves."""
    where: Condition | None = None
    """What must be true of the record as well; alone, it moves the record as soon as it is true."""
    reason: str | None = None
    """The reason that is kept with the stage; needed where it leads to one that is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """A lifecycle as it is defined."""

    name: str
    """The name."""
    type: str
    """The entity type whose records go through it."""
    label: str
    """What people read."""
    description: str
    """What it is about, in prose."""
    version: int
    """How often it was changed, from 1."""
    stages: tuple[Stage, ...]
    """The stages, in order."""
    initial: str | None
    """The stage on which a new record stands."""
    triggers: tuple[StageTrigger, ...]
    """What moves records by itself."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRemap:
    """How many records a change of the definition concerns, for one stage that goes."""

    stage: str
    """The stage as it was called."""
    becomes: str
    """The stage that takes its place."""
    records: int
    """Records that stand or stood there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedLifecycle:
    """The answer of `Lifecycles.define`."""

    lifecycle: Lifecycle
    """The lifecycle as it is now, or would be."""
    is_saved: bool
    """Whether it was saved; false where only asked what it would do."""
    remapped: tuple[StageRemap, ...]
    """What became of stages that went, or would become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a record stands."""

    lifecycle: str
    """The lifecycle."""
    type: str
    """The entity type of the record."""
    id: UUID
    """The record."""
    stage: str | None
    """The stage; None while it has not entered any."""
    kind: StageKind | str | None
    """What that stage means."""
    reached: str | None
    """The furthest stage that it reached in this cycle: the high-water mark. A reset leaves it."""
    last: str | None
    """The ordered stage on which it stood last: of a record that is lost, where that happened."""
    cycle: int
    """How often it began: 1, and one more for each win-back; 0 while it has not entered any stage."""
    entered_at: datetime.datetime | None
    """When it came to the stage."""
    reason: str | None
    """The reason that was given then."""
    visits: int
    """How many stages it came to, skipped ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedStage:
    """The answer of `Lifecycles.move` and `Lifecycles.reset`."""

    is_moved: bool
    """Whether the record moved; false if it stood there already."""
    standing: Standing
    """Where it stands now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageVisit:
    """A stay on a stage."""

    number: int
    """Its number among those of the record, from 1."""
    stage: str
    """The stage."""
    cycle: int
    """The cycle."""
    entered_at: datetime.datetime
    """When it began."""
    exited_at: datetime.datetime | None
    """When it ended; None while it lasts. A stage that was skipped ended when it began."""
    cause: StageCause | str
    """What brought the record there."""
    reason: str | None
    """The reason that was given."""
    activity_id: UUID | None
    """The activity that moved it, or that shows why it was moved."""
    record: RecordRef | None
    """The related record that moved it."""
    actor: str
    """Who."""
    seq: int
    """The change of the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressedMove:
    """An automatic move that was not made. The same one is kept once for each stay on a stage."""

    to: str
    """The stage that it would have led to."""
    by: SuppressedBy | str
    """Why it was not made."""
    cause: StageCause | str
    """What would have brought the record there."""
    at: datetime.datetime
    """When."""
    activity_id: UUID | None
    """The activity."""
    record: RecordRef | None
    """The related record."""
    seq: int
    """The change of the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueStage:
    """A stay on a stage that lasted longer than a record is to take."""

    stage: str
    """The stage."""
    entered_at: datetime.datetime
    """When the record came there."""
    within: str
    """In what time it was to go on: one of those of the stage."""
    at: datetime.datetime
    """When that time was over."""
    seq: int
    """The change of the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """A record came to a stage, as its timeline shows it."""

    seq: int
    """The change of the journal."""
    at: datetime.datetime
    """When it came there, in UTC."""
    actor: str
    """Who."""
    lifecycle: str
    """The lifecycle."""
    stage: str
    """The stage."""
    implied: tuple[str, ...]
    """The stages that were skipped, in order."""
    cycle: int
    """The cycle."""
    cause: StageCause | str
    """What brought the record there."""
    reason: str | None
    """The reason that was given."""
    activity_id: UUID | None
    """The activity that moved it, or that shows why it was moved."""
    record: RecordRef | None
    """The related record that moved it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleHistory:
    """A record's way through a lifecycle."""

    standing: Standing
    """Where it stands."""
    visits: tuple[StageVisit, ...]
    """The stays on stages that the changes of this page began, oldest first."""
    suppressed: tuple[SuppressedMove, ...]
    """The automatic moves that were not made, oldest first."""
    overdue: tuple[OverdueStage, ...]
    """The times in which it was to go on, and did not, oldest first."""
    next: int | None
    """What to hand in as `after` for the next page; None when there is none."""


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
        return delta(self.current_micros)

    @property
    def latest(self) -> datetime.timedelta | None:
        """How long the last stay that has ended lasted."""
        return delta(self.latest_micros)

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
        return delta(self.median_micros)


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
        return delta(self.median_micros)


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
    """When it left; None while it waits."""
    late_micros: int
    """How much too late that is, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Whether a hand-over was answered in time: `entered` is the sum of the four counts after it."""

    entered: int
    """How many stays began; stages that were skipped do not count."""
    in_time: int
    """How many ended in time, wherever to."""
    late: int
    """How many ended too late."""
    waiting: int
    """How many last, and still have time."""
    overdue: int
    """How many last for too long."""
    median_micros: int | None
    """The median of the time until they ended, in microseconds; None if none has."""
    breaches: tuple[AcceptanceBreach, ...]
    """Those that were too late or are overdue, the oldest first."""
    next: str | None
    """What to hand in as `after` for the next page of breaches; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerAnswer:
    """What would lead a record to a stage by itself."""

    cause: StageCause | str
    """What sort of trigger it is."""
    text: str
    """The same in words."""
    condition: ConditionAnswer | None
    """Whether what it asks of the record is true now; None if it asks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStage:
    """A stage to which a record could go."""

    stage: str
    """The stage."""
    by_hand: bool
    """Whether a person could move it there now."""
    missing: tuple[str, ...]
    """The attributes that have no value and would need one."""
    guard: ConditionAnswer | None
    """Whether the guard is met, and why; None if there is none."""
    triggers: tuple[TriggerAnswer, ...]
    """What would lead it there by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageExplanation:
    """Why a record stands where it does, and what would move it."""

    standing: Standing
    """Where it stands."""
    text: str
    """All of this in words, a line for each point."""
    visit: StageVisit | None
    """The stay on the present stage, with what brought it there."""
    suppressed: tuple[SuppressedMove, ...]
    """The automatic moves that were not made since then."""
    next: tuple[NextStage, ...]
    """The stages to which it could go, those in order first."""


class Lifecycles(Named[Lifecycle]):
    """Stages, and where records stand: `Crm.lifecycles`.

    Records stay where they stand in an archived lifecycle, and are no longer moved; what happened
    meanwhile is not made up for when it is restored.

    >>> import crm
    >>> with crm.open() as db:
    ...     way = db.lifecycles.define_preset("deal")
    ...     deal = db.deals.create(name="Ten chairs")
    ...     moved = db.lifecycles.move("deal", deal.id, "proposal")
    ...     [visit.stage for visit in db.lifecycles.history("deal", deal.id).visits]
    ['prospecting', 'qualification', 'proposal']
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "lifecycles", "lifecycle", _read)

    def define(
        self,
        name: str,
        type: str,
        stages: Iterable[Stage | str],
        *,
        label: str = "",
        description: str = "",
        initial: str | None = None,
        triggers: Iterable[StageTrigger] = (),
        map: Mapping[str, str] = {},
        dry_run: bool = False,
    ) -> DefinedLifecycle:
        """Define a lifecycle of an entity type, or change one: what is stated is all of it.

        Stages may be given as plain names. `map` says for stages that are gone, and on which records
        stand or stood, which stage takes their place; `dry_run` only says what it would do.
        """
        request = {
            "name": name,
            "type": type,
            "label": label,
            "description": description,
            "stages": [_write_stage(stage, nth) for nth, stage in enumerate(stages)],
            "initial": initial,
            "triggers": [_write_trigger(trigger, nth) for nth, trigger in enumerate(triggers)],
            "map": [{"stage": stage, "becomes": becomes} for stage, becomes in map.items()],
            "dry_run": dry_run,
        }
        plain = self._engine.call("lifecycles.define", request)
        return DefinedLifecycle(
            lifecycle=_read(plain["lifecycle"]),
            is_saved=plain["is_saved"],
            remapped=tuple(wire.read(StageRemap, one) for one in plain["remapped"]),
        )

    def define_preset(self, preset: LifecyclePreset | str) -> Lifecycle:
        """Define one of the ready-made lifecycles."""
        return self._change("define_preset", {"preset": str(preset)})

    def move(
        self,
        lifecycle: str,
        id: UUID | str,
        to: str,
        *,
        reason: str | None = None,
        at: datetime.datetime | None = None,
        activity_id: UUID | str | None = None,
    ) -> MovedStage:
        """Move a record to a later stage, or to one that is lost or beside the way.

        `RefusedError` if the stage lies before the present one, or its guard is not met. A stage that
        is lost takes a reason. `at` is when it happened, now by default.
        """
        request = {
            "lifecycle": lifecycle,
            "id": str(id),
            "to": to,
            "reason": reason,
            "at": encode(at, "at"),
            "activity_id": activity_id if activity_id is None else str(activity_id),
        }
        return wire.read(MovedStage, self._engine.call("lifecycles.move", request))

    def reset(
        self,
        lifecycle: str,
        id: UUID | str,
        to: str,
        reason: str,
        *,
        at: datetime.datetime | None = None,
    ) -> MovedStage:
        """Put a record back to an earlier stage of the same cycle, for a reason."""
        request = {"lifecycle": lifecycle, "id": str(id), "to": to, "reason": reason, "at": encode(at, "at")}
        return wire.read(MovedStage, self._engine.call("lifecycles.reset", request))

    def history(
        self, lifecycle: str, id: UUID | str, *, after: int = 0, limit: int = 100
    ) -> LifecycleHistory:
        """Return where a record stands, how it came there, and which automatic moves were not made."""
        request = {"lifecycle": lifecycle, "id": str(id), "after": after, "limit": limit}
        return wire.read(LifecycleHistory, self._engine.call("lifecycles.history", request))

    def times(
        self, lifecycle: str, id: UUID | str, *, at: datetime.datetime | None = None
    ) -> StageTimes:
        """Return how long a record stood on each stage up to a moment: now, last, and altogether."""
        request = {"lifecycle": lifecycle, "id": str(id), "at": encode(at, "at")}
        return wire.read(StageTimes, self._engine.call("lifecycles.times", request))

    def funnel(
        self,
        lifecycle: str,
        *,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        quantiles: Iterable[float] = (),
    ) -> Funnel:
        """Count how many of those who began in a time reached each stage, and how long they took."""
        request = {
            "lifecycle": lifecycle,
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "quantiles": [*quantiles],
        }
        return wire.read(Funnel, self._engine.call("lifecycles.funnel", request))

    def flywheel(
        self,
        lifecycle: str,
        *,
        stage: str | None = None,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        referral: Iterable[RelatedStage] = (),
        repeat: Iterable[RelatedStage] = (),
    ) -> Flywheel:
        """Tell what part of the new customers came by existing ones, and where the way rubs.

        `stage` makes a customer, the first that is won by default. `referral` are ways to whoever brought a
        record, `repeat` to whoever bought; they count if these had come to their stage before.
        """
        request = {
            "lifecycle": lifecycle,
            "stage": stage,
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "referral": [wire.write(way) for way in referral],
            "repeat": [wire.write(way) for way in repeat],
        }
        return wire.read(Flywheel, self._engine.call("lifecycles.flywheel", request))

    def stuck(
        self,
        lifecycle: str,
        longer_than: str,
        *,
        stages: Iterable[str] = (),
        at: datetime.datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> StuckPage:
        """Return records that stand on a stage for longer than a span such as `14d`, longest first.

        All open stages count unless `stages` says which. Hand in the page's `next` as `after` for the
        next page, with the same `at`.
        """
        request = {
            "lifecycle": lifecycle,
            "stages": [*stages],
            "longer_than": longer_than,
            "at": encode(at, "at"),
            "after": after,
            "limit": limit,
        }
        return wire.read(StuckPage, self._engine.call("lifecycles.stuck", request))

    def acceptance(
        self,
        lifecycle: str,
        stage: str,
        within: str,
        *,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        at: datetime.datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Acceptance:
        """Tell whether those who came to a stage left it within a span such as `1h`, and who did not."""
        request = {
            "lifecycle": lifecycle,
            "stage": stage,
            "within": within,
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "at": encode(at, "at"),
            "after": after,
            "limit": limit,
        }
        return wire.read(Acceptance, self._engine.call("lifecycles.acceptance", request))

    def explain(self, lifecycle: str, id: UUID | str) -> StageExplanation:
        """Say why a record stands where it does, and what would move it."""
        request = {"lifecycle": lifecycle, "id": str(id)}
        return wire.read(StageExplanation, self._engine.call("lifecycles.explain", request))

    def draw(
        self, lifecycle: str, format: DrawingFormat | str = DrawingFormat.MERMAID
    ) -> str:
        """Return a drawing of a lifecycle as text, for Mermaid or Graphviz."""
        request = {"lifecycle": lifecycle, "format": str(format)}
        text: str = self._engine.call("lifecycles.draw", request)["text"]
        return text


def delta(micros: int | None) -> datetime.timedelta | None:
    """Return a length of time."""
    return None if micros is None else datetime.timedelta(microseconds=micros)


def _condition(condition: Condition | None, field: str) -> Any:
    return None if condition is None else conditions.write(condition, field)


def _write_stage(stage: Stage | str, nth: int) -> dict[str, Any]:
    if isinstance(stage, str):
        return {"name": stage}
    if not isinstance(stage, Stage):
        raise InvalidArgumentError("not a stage", field=f"stages[{nth}]", hint="a name or a Stage")
    return {
        "name": stage.name,
        "label": stage.label,
        "kind": str(stage.kind),
        "probability": stage.probability,
        "required": [*stage.required],
        "guard": _condition(stage.guard, f"stages[{nth}].guard"),
        "reasons": [*stage.reasons],
        "automatic_exit": stage.automatic_exit,
        "only_automatic": stage.only_automatic,
        "leave_within": [*stage.leave_within],
    }


def _write_trigger(trigger: StageTrigger, nth: int) -> dict[str, Any]:
    if not isinstance(trigger, StageTrigger):
        raise InvalidArgumentError("not a trigger", field=f"triggers[{nth}]", hint="a StageTrigger")
    related = trigger.related
    return {
        "to": trigger.to,
        "activity": trigger.activity,
        "filter": _condition(trigger.filter, f"triggers[{nth}].filter"),
        "related": related if related is None else wire.write(related),
        "inactive_for": trigger.inactive_for,
        "where": _condition(trigger.where, f"triggers[{nth}].where"),
        "reason": trigger.reason,
    }


def _read(plain: dict[str, Any]) -> Lifecycle:
    archived_at = plain["archived_at"]
    return Lifecycle(
        name=plain["name"],
        type=plain["type"],
        label=plain["label"],
        description=plain["description"],
        version=plain["version"],
        stages=tuple(_read_stage(stage) for stage in plain["stages"]),
        initial=plain["initial"],
        triggers=tuple(_read_trigger(trigger) for trigger in plain["triggers"]),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
    )


def _read_stage(plain: dict[str, Any]) -> Stage:
    return Stage(
        plain["name"],
        label=plain["label"],
        kind=wire.known(StageKind, plain["kind"]),
        probability=plain["probability"],
        required=tuple(plain["required"]),
        guard=plain["guard"],
        reasons=tuple(plain["reasons"]),
        automatic_exit=plain["automatic_exit"],
        only_automatic=plain["only_automatic"],
        leave_within=tuple(plain["leave_within"]),
    )


def _read_trigger(plain: dict[str, Any]) -> StageTrigger:
    related = plain["related"]
    return StageTrigger(
        plain["to"],
        activity=plain["activity"],
        filter=plain["filter"],
        related=related and wire.read(RelatedStage, related),
        inactive_for=plain["inactive_for"],
        where=plain["where"],
        reason=plain["reason"],
    )
