"""Scores: how promising records are, to the last point."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.conditions import Condition
from crm.errors import InvalidArgumentError
from crm.given import RecordId, id_of, instance_of, items_of, plain_of
from crm.progress import Report, adapt
from crm.values import Value, encode


class FadeKind(StrEnum):
    """How the points of a group fade."""

    HALF_LIFE = "half_life"
    """They halve whenever the span is over, and continuously in between."""
    LINEAR = "linear"
    """They lose a percentage of what they were whenever the span is over."""
    EXPIRY = "expiry"
    """They are gone when the span is over."""


class ScoreFigure(StrEnum):
    """What is made of the scores of related records."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"
    AVERAGE = "average"


class ScoreState(StrEnum):
    """What has become of a version."""

    DRAFT = "draft"
    """It may still be changed, and scores nobody."""
    PUBLISHED = "published"
    """It is the one by which records score, and no longer changes."""
    RETIRED = "retired"
    """It was published once."""


class ScorePreset(StrEnum):
    """The ready-made scores of contacts."""

    FIT_ENGAGEMENT = "fit_engagement"
    """Fit and engagement as HubSpot has them: A1 to C3."""
    POINTS_AND_GRADE = "points_and_grade"
    """Points, and beside them a grade from F to A+, as Pardot has them."""
    PROFILE_ENGAGEMENT = "profile_engagement"
    """Profile and engagement as Eloqua has them: A1 to D4."""


@dataclass(frozen=True, slots=True)
class ScoreFade:
    """How the points for each activity fade with its age."""

    kind: FadeKind | str
    """In which way."""
    span: str
    """The half-life, the step or the time of expiry, such as `P30D`; not in years and months."""
    percent: int | None = None
    """With `linear`: the hundredths that are lost in each span."""


@dataclass(frozen=True, slots=True)
class RelatedScore:
    """The scores of related records."""

    related: str
    """How they are related: a type of associations, a reference, or one of theirs with `inverse`."""
    model: str
    """The published model by which they score."""
    figure: ScoreFigure | str
    """What is made of their scores."""
    _: KW_ONLY
    inverse: bool = False
    """Whether they point to the record."""


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """What gives points: what is true of the record, activities, or the scores of related records."""

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`, once in the model."""
    points: int = 0
    """The points, in whole ones; with `values` those for another value, with `per` for each so much."""
    _: KW_ONLY
    label: str = ""
    """What people read; the name if empty."""
    activity: str | None = None
    """A kind of activity: each one of this kind gives the points."""
    filter: Condition | None = None
    """With `activity`: only one for which this is true."""
    related: RelatedScore | None = None
    """The scores of related records take the place of points."""
    where: Condition | None = None
    """What must be true of the record; without it the rule gives nothing."""
    field: str | None = None
    """The attribute, property or `amount` by whose value or size the points are."""
    values: Mapping[str, int] | Iterable[tuple[Value, int]] = ()
    """With `field`: points by its value, the first that fits."""
    per: int | None = None
    """With `field`: points for each so much of it. Such a rule needs `max`."""
    currency: str | None = None
    """With `per` and money: the currency."""
    distinct: str | None = None
    """With `activity`: only the first of those with the same value of this property."""
    per_day: int | None = None
    """With `activity`: only so many of one day in UTC."""
    at_most: int | None = None
    """With `activity`: only so many, the first ones; every one without it."""
    within: str | None = None
    """With `at_most`: so many in any span of this length."""
    min: int | None = None
    """The least that the rule gives in sum."""
    max: int | None = None
    """The most that the rule gives in sum."""


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """Rules that belong together, such as who somebody is and what they do."""

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`."""
    rules: Iterable[ScoreRule]
    """The rules. A group that fades has rules about activities only."""
    _: KW_ONLY
    label: str = ""
    """What people read; the name if empty."""
    fade: ScoreFade | None = None
    """How its points fade; they stay without it."""
    min: int | None = None
    """The least that the group gives."""
    max: int | None = None
    """The most that the group gives."""
    is_beside: bool = False
    """Whether it stands beside the score, for a grade, and is no part of the sum."""


@dataclass(frozen=True, slots=True)
class ScoreLevel:
    """A number of points with a name."""

    name: str
    """The name, such as `mql` or `A`."""
    at_least: int
    """The points from which on it is reached."""


@dataclass(frozen=True, slots=True)
class ScoreAxis:
    """One side of a grade: a letter or a figure by the points of one group."""

    group: str
    """The group."""
    levels: Iterable[ScoreLevel]
    """What the points are called, ascending. The first is for all points below the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreModel:
    """A version of a model."""

    name: str
    """The name."""
    type: str
    """The entity type whose records are scored."""
    version: int
    """Which version it is, from 1."""
    state: ScoreState | str
    """What has become of it."""
    label: str
    """What people read."""
    description: str
    """What it is about, in prose."""
    groups: tuple[ScoreGroup, ...]
    """The groups."""
    min: int | None
    """The least score."""
    max: int | None
    """The greatest score."""
    thresholds: tuple[ScoreLevel, ...]
    """Scores whose crossing is recorded."""
    grade: tuple[ScoreAxis, ...]
    """What a grade is made of."""
    published_at: datetime.datetime | None
    """When it was published."""
    retired_at: datetime.datetime | None
    """When it was retired."""
    is_filled: bool
    """Whether every record was scored since it was published: see `Scores.rescore`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """What a record scores in one group."""

    group: str
    """The name of the group."""
    score: int
    """Its points, in thousandths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordScore:
    """What a record scores, in thousandths of a point, so that sums are exact."""

    id: UUID
    """The record."""
    score: int
    """The score, in thousandths of a point."""
    threshold: str | None
    """The highest threshold that is reached."""
    grade: str | None
    """The grade, such as `A1`, if the model has one."""
    groups: tuple[GroupScore, ...]
    """What each group gives."""

    @property
    def points(self) -> float:
        """The score in points."""
        return self.score / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAnswer:
    """What a record scores at a moment."""

    model: str
    """The model."""
    version: int
    """Its version."""
    at: datetime.datetime
    """The moment."""
    record: RecordScore
    """What the record scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPoints:
    """Who added points, and why: the evidence of a contribution."""

    seq: int
    """The change of the journal that tells of it."""
    reason: str | None
    """The reason that was given."""
    actor: str
    """Who did it, or made the write that set the rule off."""
    cause: str | None
    """`rule:<name>@<version>` if a rule did it, else what the actor said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreContribution:
    """One contribution to a score, in thousandths of a point."""

    group: str | None
    """The group; none where the caps of the whole score add something."""
    rule: str | None
    """The rule; none where points were added, or the caps of the group add something."""
    activity_id: UUID | None
    """The activity that counts."""
    record_id: UUID | None
    """The related record that scores."""
    record_ids: tuple[UUID, ...]
    """Where the mean of several is taken: the related records, at most 100, the first by id."""
    records: int
    """Of how many related records the mean was taken; 0 where none is."""
    field: str | None
    """The field by whose value or size the points were given: of the activity, or else of the record."""
    value: Any
    """The value that it had, as plain JSON; None if it had none."""
    added: AddedPoints | None
    """Who added the points and why, if somebody or a rule did."""
    at: datetime.datetime | None
    """When it happened."""
    raw: int
    """What it is worth."""
    faded: int
    """What is left of that."""
    after_rule: int
    """What the caps of the rule leave of it."""
    after_group: int
    """What the caps of the group leave."""
    after_total: int
    """What the caps of the whole leave: this column sums up to the score, exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreExplanation:
    """What a record scores at a moment, and what that is made of."""

    model: str
    """The model."""
    version: int
    """Its version."""
    at: datetime.datetime
    """The moment."""
    record: RecordScore
    """What the record scores."""
    contributions: tuple[ScoreContribution, ...]
    """What that is made of, in the order of the rules and of what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRanking:
    """A page of a ranking."""

    at: datetime.datetime
    """The moment."""
    records: tuple[RecordScore, ...]
    """The records, the highest score first; those of the same score by id."""
    next: str | None
    """What continues; `None` at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCrossing:
    """A threshold that a record crossed."""

    seq: int
    """Its place in the journal."""
    threshold: str
    """The threshold."""
    is_up: bool
    """Whether it was reached; else the score fell below it."""
    at: datetime.datetime
    """When."""
    score: int
    """The score then, in thousandths of a point."""
    version: int
    """The version of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreHistory:
    """A page of the thresholds that a record crossed."""

    crossings: tuple[ScoreCrossing, ...]
    """The crossings, the earliest recorded first."""
    next: int | None
    """`after` of the next page; `None` at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescoreReport:
    """How far scoring every record came."""

    records: int
    """Records that were scored."""
    changed: int
    """Those of which something else was kept."""
    is_complete: bool
    """Whether every record was."""


class Scores:
    """Models, and what records score: `Crm.scores`.

    >>> import crm
    >>> from crm import ScoreGroup, ScoreRule
    >>> with crm.open() as db:
    ...     german = ScoreRule("german", 20, where='country = "DE"')
    ...     draft = db.scores.define("fit", "contact", [ScoreGroup("fit", [german])])
    ...     model = db.scores.publish("fit")
    ...     ann = db.contacts.create(country="DE")
    ...     db.scores.read("fit", ann.id).record.points
    20.0
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def define(
        self,
        name: str,
        type: str,
        groups: Iterable[ScoreGroup],
        *,
        label: str = "",
        description: str = "",
        min: int | None = None,
        max: int | None = None,
        thresholds: Iterable[ScoreLevel] = (),
        grade: Iterable[ScoreAxis] = (),
    ) -> ScoreModel:
        """Define a score of an entity type, or change its draft: what is stated is all of it.

        A draft scores nobody until it is published.
        """
        listed = items_of(groups, "groups", "hand in a list of crm.ScoreGroup(…)")
        sides = items_of(grade, "grade", "hand in a list of crm.ScoreAxis(…)")
        request = {
            "name": name,
            "type": type,
            "label": label,
            "description": description,
            "groups": [_write_group(group, nth) for nth, group in enumerate(listed)],
            "min": min,
            "max": max,
            "thresholds": _write_levels(thresholds, "thresholds"),
            "grade": [_write_axis(axis, f"grade[{nth}]") for nth, axis in enumerate(sides)],
        }
        return _read(self._engine.call("scores.define", request))

    def define_preset(self, preset: ScorePreset | str) -> ScoreModel:
        """Define one of the ready-made scores, as a draft."""
        return _read(self._engine.call("scores.define_preset", {"preset": str(preset)}))

    def publish(self, model: str) -> ScoreModel:
        """Publish the draft: by it records score from now on. `rescore` then scores all at once."""
        return _read(self._engine.call("scores.publish", {"model": model}))

    def retire(self, model: str) -> ScoreModel:
        """Retire the published version: records no longer score by it."""
        return _read(self._engine.call("scores.retire", {"model": model}))

    def clone(self, model: str, name: str, *, version: int | None = None) -> ScoreModel:
        """Copy a version into the draft of another model, or of the same one."""
        request = {"model": model, "name": name, "version": version}
        return _read(self._engine.call("scores.clone", request))

    def get(self, model: str, *, version: int | None = None) -> ScoreModel:
        """Return the published version, or another one; `NotFoundError` if there is none."""
        return _read(self._engine.call("scores.get", {"model": model, "version": version}))

    def list(self) -> builtins.list[ScoreModel]:
        """Return every version of every score, by name and version."""
        return [_read(plain) for plain in self._engine.call("scores.list", {})]

    def read(
        self,
        model: str,
        id: RecordId,
        *,
        at: datetime.datetime | None = None,
        version: int | None = None,
    ) -> ScoreAnswer:
        """Return what a record scores at a moment, now by default; a draft is tried out by `version`."""
        request = {"model": model, "id": id_of(id), "at": encode(at, "at"), "version": version}
        return wire.read(ScoreAnswer, self._engine.call("scores.read", request))

    def add_points(
        self,
        model: str,
        id: RecordId,
        points: int,
        *,
        group: str | None = None,
        at: datetime.datetime | None = None,
        reason: str | None = None,
    ) -> ScoreAnswer:
        """Add points to what a record scores, from `at` on, now by default.

        They fade and are capped as the points of their group are. `group` may be left out if the
        score has no other. What was too much is taken back by negative points.
        """
        request = {
            "model": model,
            "id": id_of(id),
            "points": points,
            "group": group,
            "at": encode(at, "at"),
            "reason": reason,
        }
        return wire.read(ScoreAnswer, self._engine.call("scores.add_points", request))

    def explain(
        self,
        model: str,
        id: RecordId,
        *,
        at: datetime.datetime | None = None,
        version: int | None = None,
    ) -> ScoreExplanation:
        """Return every contribution with its evidence; the last column sums up to the score."""
        request = {"model": model, "id": id_of(id), "at": encode(at, "at"), "version": version}
        return wire.read(ScoreExplanation, self._engine.call("scores.explain", request))

    def ranking(
        self,
        model: str,
        *,
        where: Condition | None = None,
        at: datetime.datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> ScoreRanking:
        """Return the records by what they score at a moment, the highest first."""
        request = {
            "model": model,
            "where": _condition(where, "where"),
            "at": encode(at, "at"),
            "after": after,
            "limit": limit,
        }
        return wire.read(ScoreRanking, self._engine.call("scores.ranking", request))

    def history(
        self, model: str, id: RecordId, *, after: int = 0, limit: int = 100
    ) -> ScoreHistory:
        """Return which thresholds a record crossed."""
        request = {"model": model, "id": id_of(id), "after": after, "limit": limit}
        return wire.read(ScoreHistory, self._engine.call("scores.history", request))

    def rescore(self, model: str, *, progress: Report | None = None) -> RescoreReport:
        """Score every record anew, so that a ranking is quick. `progress` counts records."""
        answer = self._engine.call("scores.rescore", {"model": model}, adapt(progress))
        return wire.read(RescoreReport, answer)


def _condition(condition: Condition | None, field: str) -> Any:
    return None if condition is None else conditions.write(condition, field)


def _write_group(group: ScoreGroup, nth: int) -> dict[str, Any]:
    path = f"groups[{nth}]"
    group = instance_of(group, ScoreGroup, path)
    rules = items_of(group.rules, f"{path}.rules", "hand in a list of crm.ScoreRule(…)")
    return {
        "name": group.name,
        "label": group.label,
        "rules": [_write_rule(rule, f"{path}.rules[{place}]") for place, rule in enumerate(rules)],
        "fade": group.fade and plain_of(group.fade, ScoreFade, f"{path}.fade"),
        "min": group.min,
        "max": group.max,
        "is_beside": group.is_beside,
    }


def _write_rule(rule: ScoreRule, path: str) -> dict[str, Any]:
    rule = instance_of(rule, ScoreRule, path)
    related = rule.related
    return {
        "name": rule.name,
        "label": rule.label,
        "activity": rule.activity,
        "filter": _condition(rule.filter, f"{path}.filter"),
        "related": related and plain_of(related, RelatedScore, f"{path}.related"),
        "where": _condition(rule.where, f"{path}.where"),
        "points": rule.points,
        "field": rule.field,
        "values": _write_values(rule.values, f"{path}.values"),
        "per": rule.per,
        "currency": rule.currency,
        "distinct": rule.distinct,
        "per_day": rule.per_day,
        "at_most": rule.at_most,
        "within": rule.within,
        "min": rule.min,
        "max": rule.max,
    }


def _write_values(
    values: Mapping[str, int] | Iterable[tuple[Value, int]], path: str
) -> builtins.list[dict[str, Any]]:
    hint = "{value: points}, or a list of pairs"
    given = [*values.items()] if isinstance(values, Mapping) else items_of(values, path, hint)
    plain = []
    for place, pair in enumerate(given):
        field = f"{path}[{place}]"
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidArgumentError("not a pair", field=field, hint=hint)
        plain.append({"value": encode(pair[0], f"{field}.value"), "points": pair[1]})
    return plain


def _write_levels(levels: Iterable[ScoreLevel], path: str) -> builtins.list[dict[str, Any]]:
    given = items_of(levels, path, "hand in a list of crm.ScoreLevel(…)")
    return [plain_of(level, ScoreLevel, f"{path}[{place}]") for place, level in enumerate(given)]


def _write_axis(axis: ScoreAxis, path: str) -> dict[str, Any]:
    axis = instance_of(axis, ScoreAxis, path)
    return {"group": axis.group, "levels": _write_levels(axis.levels, f"{path}.levels")}


def _moment(text: str | None) -> datetime.datetime | None:
    return text and datetime.datetime.fromisoformat(text)  # type: ignore[return-value]


def _read(plain: dict[str, Any]) -> ScoreModel:
    return ScoreModel(
        name=plain["name"],
        type=plain["type"],
        version=plain["version"],
        state=wire.known(ScoreState, plain["state"]),
        label=plain["label"],
        description=plain["description"],
        groups=tuple(_read_group(group) for group in plain["groups"]),
        min=plain["min"],
        max=plain["max"],
        thresholds=tuple(_read_level(level) for level in plain["thresholds"]),
        grade=tuple(
            ScoreAxis(axis["group"], tuple(_read_level(level) for level in axis["levels"]))
            for axis in plain["grade"]
        ),
        published_at=_moment(plain["published_at"]),
        retired_at=_moment(plain["retired_at"]),
        is_filled=plain["is_filled"],
    )


def _read_level(plain: dict[str, Any]) -> ScoreLevel:
    return ScoreLevel(plain["name"], plain["at_least"])


def _read_group(plain: dict[str, Any]) -> ScoreGroup:
    fade = plain["fade"]
    return ScoreGroup(
        plain["name"],
        tuple(_read_rule(rule) for rule in plain["rules"]),
        label=plain["label"],
        fade=fade
        and ScoreFade(wire.known(FadeKind, fade["kind"]), fade["span"], fade["percent"]),
        min=plain["min"],
        max=plain["max"],
        is_beside=plain["is_beside"],
    )


def _read_rule(plain: dict[str, Any]) -> ScoreRule:
    related = plain["related"]
    return ScoreRule(
        plain["name"],
        plain["points"],
        label=plain["label"],
        activity=plain["activity"],
        filter=plain["filter"],
        related=related
        and RelatedScore(
            related["related"],
            related["model"],
            wire.known(ScoreFigure, related["figure"]),
            inverse=related["inverse"],
        ),
        where=plain["where"],
        field=plain["field"],
        values=tuple((one["value"], one["points"]) for one in plain["values"]),
        per=plain["per"],
        currency=plain["currency"],
        distinct=plain["distinct"],
        per_day=plain["per_day"],
        at_most=plain["at_most"],
        within=plain["within"],
        min=plain["min"],
        max=plain["max"],
    )
