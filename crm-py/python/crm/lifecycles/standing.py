"""Where records stand in a lifecycle, how they came there, and what would move them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from crm.activities import RecordRef
from crm.conditions import ConditionAnswer
from crm.lifecycles.definition import StageKind


class StageCause(StrEnum):
    """What brought a record to a stage."""

    MANUAL = "manual"
    INITIAL = "initial"
    IMPORT = "import"
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
    """The stage lies before the one on which the record stands, or what would win it back was
    before it was lost."""
    EXIT = "exit"
    """Only people lead out of the stage on which it stands."""
    GUARD = "guard"
    """The guard of the stage is not met, or cannot be answered within the limits."""
    REQUIRED = "required"
    """An attribute that the stage needs has no value."""


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
    trigger: int | None
    """The place of the trigger that moved it, among those of the definition, from 0. None if none
    did, and for what happened before files kept it."""
    version: int | None
    """The version of the definition whose trigger it is."""
    rule: str | None
    """The rule that moved it, with its version, such as `welcome@3`."""
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
    trigger: int | None
    """The place of the trigger that would have moved it, among those of the definition, from 0. None
    if none did, and for what happened before files kept it."""
    version: int | None
    """The version of the definition whose trigger it is."""
    rule: str | None
    """The rule that would have moved it, with its version, such as `welcome@3`."""
    missing: tuple[str, ...]
    """The attributes that the stage needs and that had no value, if that is why; none for what
    happened before files kept them."""
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
class TriggerAnswer:
    """What would lead a record to a stage by itself."""

    cause: StageCause | str
    """What sort of trigger it is."""
    trigger: int
    """Its place among the triggers of the definition, from 0."""
    text: str
    """The same in words."""
    condition: ConditionAnswer | None
    """Whether what it asks of the record is true now; None if it asks nothing."""
    due_at: datetime.datetime | None
    """When time alone sets it off at the earliest, if nothing else happens; a moment that is past if
    only the next tick is missing. None where time alone does not."""


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
