"""What lifecycles are: stages, triggers, and what a new definition does with the old one."""

from __future__ import annotations

import datetime
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any

from crm import conditions, wire
from crm.conditions import Condition
from crm.given import instance_of, names_of, plain_of


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
class StageLack:
    """How many records stand on a stage without a value that is newly required there."""

    stage: str
    """The stage, as it is called from now on."""
    attribute: str
    """The attribute that has no value."""
    records: int
    """Records in use that stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedLifecycle:
    """The answer of `Lifecycles.define`."""

    lifecycle: Lifecycle
    """The lifecycle as it is now, or would be."""
    is_saved: bool
    """Whether it was saved; false where only asked what it would do."""
    remapped: tuple[StageRemap, ...]
    """What became of stages that went, or would become."""
    lacking: tuple[StageLack, ...]
    """What records lack that is newly required where they stand."""


def _condition(condition: Condition | None, field: str) -> Any:
    return None if condition is None else conditions.write(condition, field)


def write_stage(stage: Stage | str, nth: int) -> dict[str, Any]:
    if isinstance(stage, str):
        return {"name": stage}
    path = f"stages[{nth}]"
    stage = instance_of(stage, Stage, path)
    return {
        "name": stage.name,
        "label": stage.label,
        "kind": str(stage.kind),
        "probability": stage.probability,
        "required": names_of(stage.required, f"{path}.required"),
        "guard": _condition(stage.guard, f"{path}.guard"),
        "reasons": names_of(stage.reasons, f"{path}.reasons"),
        "automatic_exit": stage.automatic_exit,
        "only_automatic": stage.only_automatic,
        "leave_within": names_of(stage.leave_within, f"{path}.leave_within"),
    }


def write_trigger(trigger: StageTrigger, nth: int) -> dict[str, Any]:
    path = f"triggers[{nth}]"
    trigger = instance_of(trigger, StageTrigger, path)
    related = trigger.related
    return {
        "to": trigger.to,
        "activity": trigger.activity,
        "filter": _condition(trigger.filter, f"{path}.filter"),
        "related": related and plain_of(related, RelatedStage, f"{path}.related"),
        "inactive_for": trigger.inactive_for,
        "where": _condition(trigger.where, f"{path}.where"),
        "reason": trigger.reason,
    }


def read_lifecycle(plain: dict[str, Any]) -> Lifecycle:
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
