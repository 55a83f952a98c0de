"""Rules: when something happens with a record and a condition holds, do this."""

from __future__ import annotations

import builtins
import dataclasses
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.activities import RecordRef
from crm.conditions import Condition, LeafReason
from crm.errors import InvalidArgumentError
from crm.given import RecordId, id_of, ids_of, instance_of, items_of, names_of
from crm.journal import Change, read_change
from crm.records import Problem
from crm.schema import Definitions
from crm.values import Value, encode


class RuleEventKind(StrEnum):
    """What set a rule off."""

    ACTIVITY = "activity"
    STAGE_ENTERED = "stage_entered"
    STAGE_LEFT = "stage_left"
    ATTRIBUTE_CHANGED = "attribute_changed"
    DATE_REACHED = "date_reached"
    SCORE_CROSSED = "score_crossed"
    SEGMENT_ENTERED = "segment_entered"
    SEGMENT_LEFT = "segment_left"
    STAGE_OVERDUE = "stage_overdue"


class ActionOutcome(StrEnum):
    """What became of an action."""

    DONE = "done"
    """It was done."""
    UNCHANGED = "unchanged"
    """Nothing was to be done: the value, or the stage, is there already."""
    SUPPRESSED = "suppressed"
    """The record may not move to the stage; the lifecycle keeps that as a suppressed move."""
    FAILED = "failed"
    """It could not be done, and nothing of it was."""


class SkippedRun(StrEnum):
    """Why a rule did not run although it was set off and its condition held."""

    REPEATED = "repeated"
    """It had run before in the same chain of causes."""
    TOO_DEEP = "too_deep"
    """As many rules had set each other off as one chain may have."""
    TOO_MANY = "too_many"
    """As many rules had run because of one first cause as may: a write, a row of a batch, or a
    crossing. It is said once for each rule."""
    UNANSWERED = "unanswered"
    """The condition took too much to answer, so that it is unknown whether it holds."""


@dataclass(frozen=True, slots=True)
class OnActivity:
    """An activity was recorded with the record, or became its own."""

    kind: str
    """The kind."""
    _: KW_ONLY
    filter: Condition | None = None
    """Only one for which this is true, over its properties and `at`, `channel`, `amount` …"""


@dataclass(frozen=True, slots=True)
class OnStageEntered:
    """The record came to a stage."""

    lifecycle: str
    """The lifecycle."""
    stage: str | None = None
    """The stage; any if it is None."""


@dataclass(frozen=True, slots=True)
class OnStageLeft:
    """The record left a stage."""

    lifecycle: str
    """The lifecycle."""
    stage: str | None = None
    """The stage; any if it is None."""


@dataclass(frozen=True, slots=True)
class OnAttribute:
    """An attribute got another value. Creation counts as a change from no value."""

    attribute: str
    """The attribute, be it calculated."""
    _: KW_ONLY
    from_: Value | None = None
    """Only changes from this value; from any or none if it is None."""
    to: Value | None = None
    """Only changes to this value; to any or none if it is None."""


@dataclass(frozen=True, slots=True)
class OnDate:
    """A date has come, or a time near it. A date begins at midnight UTC."""

    attribute: str
    """The attribute, of kind `date` or `timestamp`."""
    _: KW_ONLY
    before: str | None = None
    """How long before it, such as `P7D`; not with `after`."""
    after: str | None = None
    """How long after it, such as `PT2H`."""


@dataclass(frozen=True, slots=True)
class OnScore:
    """The score of the record crossed a threshold, upwards unless it is said otherwise."""

    score: str
    """The score."""
    threshold: str | None = None
    """The threshold; any if it is None."""
    _: KW_ONLY
    is_down: bool = False
    """Whether it is crossed downwards."""


@dataclass(frozen=True, slots=True)
class OnSegmentEntered:
    """The record became a member of a segment, by hand or by itself."""

    segment: str
    """The segment, static, snapshot or live."""


@dataclass(frozen=True, slots=True)
class OnSegmentLeft:
    """The record ceased to be a member of a segment."""

    segment: str
    """The segment, static, snapshot or live."""


@dataclass(frozen=True, slots=True)
class OnOverdue:
    """The record has stood on a stage for longer than its `leave_within` says."""

    lifecycle: str
    """The lifecycle."""
    stage: str | None = None
    """The stage, which has such times; any if it is None."""
    _: KW_ONLY
    within: str | None = None
    """Which of its times is over, such as `PT5M`; each if it is None."""


@dataclass(frozen=True, slots=True)
class SetAttribute:
    """Give an attribute of the record a value; without one, and without a formula, clear it."""

    attribute: str
    """The attribute."""
    value: Value | None = None
    """The value."""
    _: KW_ONLY
    formula: str | None = None
    """Instead of a value: a formula over the record as it is then."""


@dataclass(frozen=True, slots=True)
class MoveToStage:
    """Move the record to a stage, as a trigger of the lifecycle would."""

    lifecycle: str
    """The lifecycle."""
    to: str
    """The stage."""
    _: KW_ONLY
    reason: str | None = None
    """The reason; needed where the stage is lost."""


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Add a record of the type `task`, as its preset defines it."""

    title: str
    """The title."""
    _: KW_ONLY
    body: str | None = None
    """The text."""
    assignee: str | None = None
    """Whose task it is."""
    due_in: str | None = None
    """In how long it is due, such as `P3D`; whenever if it is None."""
    association: str | None = None
    """The type of associations that links the task to the record, such as `about`."""


@dataclass(frozen=True, slots=True)
class AddToSegment:
    """Make the record a member of a static segment."""

    segment: str
    """The segment."""
    _: KW_ONLY
    reason: str | None = None
    """Why, at most 1,000 bytes."""


@dataclass(frozen=True, slots=True)
class RemoveFromSegment:
    """Remove the record from a static segment."""

    segment: str
    """The segment."""
    _: KW_ONLY
    reason: str | None = None
    """Why, at most 1,000 bytes."""


@dataclass(frozen=True, slots=True)
class AddPoints:
    """Add points to what the record scores, as `Scores.add_points` does."""

    score: str
    """The score."""
    points: int
    """The points, in whole ones, positive or negative; not 0."""
    _: KW_ONLY
    group: str | None = None
    """The group of which they are part; None if the score has no other."""
    reason: str | None = None
    """Why, at most 1,000 bytes."""


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """Tell the host: a change of the journal that `Journal.changes` gives."""

    event: str
    """The name of the event."""
    fields: tuple[str, ...] = ()
    """The attributes whose values are told with it."""


RuleTrigger: TypeAlias = (
    OnActivity
    | OnStageEntered
    | OnStageLeft
    | OnAttribute
    | OnDate
    | OnScore
    | OnSegmentEntered
    | OnSegmentLeft
    | OnOverdue
)
"""What sets a rule off."""

RuleAction: TypeAlias = (
    SetAttribute
    | MoveToStage
    | CreateTask
    | EmitEvent
    | AddToSegment
    | RemoveFromSegment
    | AddPoints
)
"""What a rule does."""

_TRIGGERS: dict[str, type[RuleTrigger]] = {
    "activity": OnActivity,
    "stage_entered": OnStageEntered,
    "stage_left": OnStageLeft,
    "attribute_changed": OnAttribute,
    "date_reached": OnDate,
    "score_crossed": OnScore,
    "segment_entered": OnSegmentEntered,
    "segment_left": OnSegmentLeft,
    "stage_overdue": OnOverdue,
}

_ACTIONS: dict[str, type[RuleAction]] = {
    "set_attribute": SetAttribute,
    "move_stage": MoveToStage,
    "create_task": CreateTask,
    "emit": EmitEvent,
    "add_to_segment": AddToSegment,
    "remove_from_segment": RemoveFromSegment,
    "add_points": AddPoints,
}


@dataclass(frozen=True, slots=True)
class DefineRule:
    """A rule as it is to be defined."""

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    type: str
    """The entity type of the records that it is about. It is for ever."""
    on: RuleTrigger
    """What sets it off."""
    actions: tuple[RuleAction, ...]
    """What it does, in order, 1 to 16."""
    _: KW_ONLY
    where: Condition | None = None
    """What must be true of the record as well, once what happened is done."""
    label: str = ""
    """What people read; the name if empty, or what it was."""
    description: str = ""
    """What it is about, in prose; what it was if empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as it is defined."""

    name: str
    """The name."""
    type: str
    """The entity type of the records that it is about."""
    label: str
    """What people read."""
    description: str
    """What it is about, in prose."""
    version: int
    """How often it was changed, from 1. Runs say with which version they were made."""
    on: RuleTrigger
    """What sets it off."""
    where: Any
    """What must be true of the record as well; None if nothing."""
    actions: tuple[RuleAction, ...]
    """What it does, in order."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedRule:
    """What became of a definition."""

    rule: Rule
    """The rule as it is now, or would be."""
    is_saved: bool
    """Whether it was saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEvent:
    """What set a rule off."""

    kind: RuleEventKind | str
    """What it was."""
    seq: int | None
    """The change of the journal; None if it was only time that passed."""
    activity_id: UUID | None
    """The activity."""
    attribute: str | None
    """The attribute."""
    stage: str | None
    """The stage that was entered or left, or on which the record stands for too long."""
    threshold: str | None
    """The threshold of the score."""
    segment: str | None
    """The segment."""
    within: str | None
    """The time in which the record was to leave the stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStep:
    """A rule that ran before and led to a run."""

    rule: str
    """The rule."""
    version: int
    """Its version."""
    record: RecordRef
    """The record with which it ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What became of one action of a run."""

    action: str
    """What was to be done, such as `set_attribute`."""
    outcome: ActionOutcome | str
    """What became of it."""
    problem: Problem | None
    """Why it failed or was suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRun:
    """A run of a rule, or one that was skipped."""

    rule: str
    """The rule."""
    version: int
    """Its version at that time."""
    record: RecordRef
    """The record."""
    at: datetime.datetime
    """The moment that the rule saw."""
    event: RuleEvent
    """What set it off."""
    chain: tuple[RuleStep, ...]
    """The rules that led to it, the first one first; none if a write of the host did."""
    actions: tuple[ActionResult, ...]
    """What became of its actions, in order; none if it was skipped."""
    skipped: SkippedRun | str | None
    """Why it was skipped; None if it ran."""
    first_seq: int
    """The first of the changes that its actions made; they go up to the one before `seq`."""
    seq: int
    """The change of the journal that tells of it."""
    actor: str
    """Who made the write that set it off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRunPage:
    """A page of the runs of a rule, oldest first."""

    runs: tuple[RuleRun, ...]
    """The runs."""
    next: int | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[RuleRun]:
        return iter(self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """What a rule would do with one record."""

    id: UUID
    """The record."""
    would_run: bool
    """Whether it would run: the record is in use and the condition holds."""
    leaves: tuple[LeafReason, ...]
    """The questions of its condition, and which are true."""
    actions: tuple[ActionResult, ...]
    """What would become of its actions."""
    runs: tuple[RuleRun, ...]
    """The runs of other rules that would follow, and those that would be skipped."""
    changes: tuple[Change, ...]
    """Every change that the journal would get; places, times and ids mean nothing afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSimulation:
    """What a rule would do."""

    records: tuple[SimulatedRun, ...]
    """For each record what it would do, in the order of the request."""
    would_run: int
    """With how many it would run."""

    def __iter__(self) -> Iterator[SimulatedRun]:
        return iter(self.records)


class Rules:
    """What is done when something happens with a record: `Crm.rules`.

    >>> import crm
    >>> with crm.open() as db:
    ...     german = crm.OnAttribute("country", to="DE")
    ...     rule = db.rules.define("german", "contact", german, [crm.SetAttribute("locale", "de")])
    ...     db.contacts.create(given_name="Ann", country="DE")["locale"]
    'de'
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        self._engine = engine
        self._definitions = definitions

    def define(
        self,
        name: str,
        type: str,
        on: RuleTrigger,
        actions: Iterable[RuleAction],
        *,
        where: Condition | None = None,
        label: str = "",
        description: str = "",
        dry_run: bool = False,
    ) -> DefinedRule:
        """Define a rule, or change one: what is stated is all of it.

        `dry_run` only says whether it holds. A rule that would set itself off is refused.
        """
        rule = DefineRule(
            name,
            type,
            on,
            tuple(items_of(actions, "actions", _ACTIONS_HINT)),
            where=where,
            label=label,
            description=description,
        )
        request = {**_write(rule), "dry_run": dry_run}
        plain = self._engine.call("rules.define", request)
        return DefinedRule(rule=_read(plain["rule"]), is_saved=plain["is_saved"])

    def get(self, rule: str, *, version: int | None = None) -> Rule:
        """Return the definition of a rule, or an older version; `NotFoundError` if there is none."""
        return _read(self._engine.call("rules.get", {"rule": rule, "version": version}))

    def list(self) -> builtins.list[Rule]:
        """Return all rules, archived ones included, by name: the order in which they run."""
        return [_read(plain) for plain in self._engine.call("rules.list", {})]

    def archive(self, rule: str) -> Rule:
        """Archive a rule: it no longer runs. Its runs stay readable."""
        return _read(self._engine.call("rules.archive", {"rule": rule}))

    def restore(self, rule: str) -> Rule:
        """Take a rule out of the archive. What happened meanwhile is not made up for."""
        return _read(self._engine.call("rules.restore", {"rule": rule}))

    def runs(
        self, rule: str, *, id: RecordId | None = None, after: int = 0, limit: int = 100
    ) -> RuleRunPage:
        """Return a page of the runs of a rule, those that were skipped among them."""
        request = {
            "rule": rule,
            "id": id if id is None else id_of(id),
            "after": after,
            "limit": limit,
        }
        return wire.read(RuleRunPage, self._engine.call("rules.runs", request))

    def simulate(self, rule: DefineRule, records: Iterable[RecordId]) -> RuleSimulation:
        """Return what a rule, saved or not, would do with each of these records. Nothing stays."""
        plain_rule = _write(instance_of(rule, DefineRule, "rule"), "rule.")
        request = {"rule": plain_rule, "records": ids_of(records, "records")}
        plain = self._engine.call("rules.simulate", request)
        records_ = tuple(self._read_simulated(one) for one in plain["records"])
        return RuleSimulation(records=records_, would_run=plain["would_run"])

    def _read_simulated(self, plain: dict[str, Any]) -> SimulatedRun:
        return SimulatedRun(
            id=UUID(plain["id"]),
            would_run=plain["would_run"],
            leaves=tuple(wire.read(LeafReason, one) for one in plain["leaves"]),
            actions=tuple(wire.read(ActionResult, one) for one in plain["actions"]),
            runs=tuple(wire.read(RuleRun, one) for one in plain["runs"]),
            changes=tuple(read_change(one, self._definitions) for one in plain["changes"]),
        )


_ACTIONS_HINT = "hand in a list of crm.SetAttribute(…), crm.MoveToStage(…) or other actions"


def _condition(condition: Condition | None, field: str) -> Any:
    return None if condition is None else conditions.write(condition, field)


def _write(rule: DefineRule, path: str = "") -> dict[str, Any]:
    actions = items_of(rule.actions, f"{path}actions", _ACTIONS_HINT)
    return {
        "name": rule.name,
        "type": rule.type,
        "label": rule.label,
        "description": rule.description,
        "on": _write_trigger(rule.on, f"{path}on"),
        "where": _condition(rule.where, f"{path}where"),
        "actions": [
            _write_action(action, f"{path}actions[{place}]")
            for place, action in enumerate(actions)
        ],
    }


def _name(part: object, names: dict[str, type[Any]], field: str) -> str:
    for name, cls in names.items():
        if type(part) is cls:
            return name
    known = ", ".join(f"crm.{cls.__qualname__}" for cls in names.values())
    raise InvalidArgumentError("not a part of a rule", field=field, hint=f"hand in one of {known}")


def _write_trigger(trigger: RuleTrigger, path: str) -> dict[str, Any]:
    name = _name(trigger, _TRIGGERS, path)
    plain = wire.write(trigger)
    if isinstance(trigger, OnActivity):
        plain["filter"] = _condition(trigger.filter, f"{path}.activity.filter")
    if isinstance(trigger, OnAttribute):
        plain.pop("from_", None)
        values = {"from": trigger.from_, "to": trigger.to}
        plain |= {key: encode(value, f"{path}.{name}.{key}") for key, value in values.items()}
    return {name: plain}


def _write_action(action: RuleAction, path: str) -> dict[str, Any]:
    name = _name(action, _ACTIONS, path)
    plain = wire.write(action)
    if isinstance(action, SetAttribute):
        plain["value"] = encode(action.value, f"{path}.{name}.value")
    if isinstance(action, EmitEvent):
        plain["fields"] = names_of(action.fields, f"{path}.{name}.fields")
    return {name: plain}


def _read(plain: dict[str, Any]) -> Rule:
    archived_at = plain["archived_at"]
    return Rule(
        name=plain["name"],
        type=plain["type"],
        label=plain["label"],
        description=plain["description"],
        version=plain["version"],
        on=_read_part(plain["on"], _TRIGGERS),
        where=plain["where"],
        actions=tuple(_read_part(action, _ACTIONS) for action in plain["actions"]),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
    )


def _read_part(plain: dict[str, Any], names: dict[str, type[Any]]) -> Any:
    ((name, given),) = plain.items()
    known = {field.name for field in dataclasses.fields(names[name])}
    fields = {("from_" if key == "from" else key): value for key, value in given.items()}
    if names[name] is EmitEvent:
        fields["fields"] = tuple(fields["fields"])
    return names[name](**{key: value for key, value in fields.items() if key in known})
