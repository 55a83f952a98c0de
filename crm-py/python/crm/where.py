"""Conditions built in Python: `F("city") == "Ulm"`, joined with `&`, `|` and `~`.

What is built is the JSON form of a condition, which the engine judges where it is used. Building
refuses only what cannot be handed over at all.

>>> from crm.where import F, changed, events, related
>>> big = related("employed_by", F("employees") >= 50)
>>> keen = (F("country") == "DE") & (events("email_opened").within(days=30).count() >= 3) & big
>>> moved = changed("stage").to("won").within("30d") | ~F("city").one_of(["Ulm", "Bonn"])
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeAlias, TypedDict, Unpack

from crm import values
from crm.errors import InvalidArgumentError
from crm.values import Value, encode, encode_values


class BuiltCondition:
    """A condition that was built. `&`, `|` and `~` join conditions: each in parentheses."""

    __slots__ = ("_json",)

    def __init__(self, json: Mapping[str, Any]) -> None:
        self._json = json

    @property
    def json(self) -> Mapping[str, Any]:
        """The condition in its JSON form."""
        return self._json

    def __and__(self, other: BuiltCondition) -> BuiltCondition:
        """Both are true; a chain of them makes one list."""
        return self._join("all", other)

    def __or__(self, other: BuiltCondition) -> BuiltCondition:
        """At least one is true; a chain of them makes one list."""
        return self._join("any", other)

    def __invert__(self) -> BuiltCondition:
        """It is not true."""
        return BuiltCondition({"not": self._json})

    def __bool__(self) -> bool:
        raise TypeError("a condition is neither true nor false by itself: join with &, | and ~")

    def __repr__(self) -> str:
        # Without its values, which may be somebody's data.
        return f"<condition by {next(iter(self._json), None)!r}>"

    def _join(self, key: str, other: BuiltCondition) -> BuiltCondition:
        if not isinstance(other, BuiltCondition):
            return NotImplemented
        parts = self._json.get(key, [self._json])
        return BuiltCondition({key: [*parts, other._json]})

    def _with(self, **more: Any) -> Self:
        return type(self)({**self._json, **more})


values.register(BuiltCondition, lambda condition: condition.json)

Part: TypeAlias = BuiltCondition | Mapping[str, Any]
"""A condition within another: built, or the mapping that is its JSON form."""


class SpanParts(TypedDict, total=False):
    """A stretch of time by the calendar, in whole numbers."""

    years: int
    months: int
    weeks: int
    days: int
    hours: int
    minutes: int
    seconds: int


_DAYS = {"years": "Y", "months": "M", "weeks": "W", "days": "D"}
_TIME = {"hours": "H", "minutes": "M", "seconds": "S"}


def _span(span: str | None, parts: SpanParts) -> str:
    if (span is None) == (not parts):
        raise InvalidArgumentError(
            "expected a span of time, either as text or by its parts",
            field="span",
            hint='write "30d", "P30D" or days=30',
        )
    if span is not None:
        return span

    def written(letters: Mapping[str, str]) -> str:
        given = ((parts.get(part, 0), letter) for part, letter in letters.items())
        return "".join(f"{number}{letter}" for number, letter in given if number)

    if not parts.keys() <= _DAYS.keys() | _TIME.keys():
        raise TypeError(f"a span has the parts {', '.join((*_DAYS, *_TIME))}")
    days, time = written(_DAYS), written(_TIME)
    return f"P{days}T{time}" if time else f"P{days}" if days else "PT0S"


class Comparable:
    """What `==`, `!=`, `<`, `<=`, `>` and `>=` make a condition of."""

    __slots__ = ("_compare",)

    def __init__(self, compare: Callable[[str, Value], BuiltCondition]) -> None:
        self._compare = compare

    def __eq__(self, value: Value) -> BuiltCondition:  # type: ignore[override]
        return self._compare("eq", value)

    def __ne__(self, value: Value) -> BuiltCondition:  # type: ignore[override]
        return self._compare("neq", value)

    def __lt__(self, value: Value) -> BuiltCondition:
        return self._compare("lt", value)

    def __le__(self, value: Value) -> BuiltCondition:
        return self._compare("lte", value)

    def __gt__(self, value: Value) -> BuiltCondition:
        return self._compare("gt", value)

    def __ge__(self, value: Value) -> BuiltCondition:
        return self._compare("gte", value)


class F(Comparable):
    """A field of the record: an attribute, a part of one such as `home.city`, `created_at`."""

    __slots__ = ("_field", "_missing")

    def __init__(self, field: str) -> None:
        super().__init__(self._one)
        self._field = field
        self._missing = False

    def or_missing(self) -> F:
        """Return the field, compared so that it is true also where there is no value."""
        field = F(self._field)
        field._missing = True
        return field

    def one_of(self, values: Iterable[Value]) -> BuiltCondition:
        """It equals one of the values."""
        return self._many("in", values)

    def none_of(self, values: Iterable[Value]) -> BuiltCondition:
        """It has a value that is none of these."""
        return self._many("not_in", values)

    def between(self, least: Value, most: Value) -> BuiltCondition:
        """It lies between the two, both included."""
        return self._many("between", [least, most])

    def contains(self, text: str) -> BuiltCondition:
        """The text contains this one, whatever the case of the letters."""
        return self._one("contains", text)

    def starts_with(self, text: str) -> BuiltCondition:
        """The text begins so, whatever the case of the letters."""
        return self._one("starts_with", text)

    def ends_with(self, text: str) -> BuiltCondition:
        """The text ends so, whatever the case of the letters."""
        return self._one("ends_with", text)

    def matches(self, pattern: str) -> BuiltCondition:
        """The whole text matches a regular expression."""
        return self._one("matches", pattern)

    def is_set(self) -> BuiltCondition:
        """There is a value."""
        return self._build("is_set")

    def is_missing(self) -> BuiltCondition:
        """There is no value."""
        return self._build("is_missing")

    def has_any(self, options: Iterable[str]) -> BuiltCondition:
        """The choices hold one of these."""
        return self._many("has_any", options)

    def has_all(self, options: Iterable[str]) -> BuiltCondition:
        """The choices hold all of these."""
        return self._many("has_all", options)

    def has_none(self, options: Iterable[str]) -> BuiltCondition:
        """The choices hold none of these."""
        return self._many("has_none", options)

    def within_last(
        self, span: str | None = None, /, **parts: Unpack[SpanParts]
    ) -> BuiltCondition:
        """The day or moment lies in the span that ends now: `within_last(days=30)`."""
        return self._build("within_last", value=_span(span, parts))

    def within_next(
        self, span: str | None = None, /, **parts: Unpack[SpanParts]
    ) -> BuiltCondition:
        """The day or moment lies in the span that begins now."""
        return self._build("within_next", value=_span(span, parts))

    def anniversary_within_last(
        self, span: str | None = None, /, **parts: Unpack[SpanParts]
    ) -> BuiltCondition:
        """An anniversary lies in the span that ends today."""
        return self._build("anniversary_within_last", value=_span(span, parts))

    def anniversary_within_next(
        self, span: str | None = None, /, **parts: Unpack[SpanParts]
    ) -> BuiltCondition:
        """An anniversary lies in the span that begins today."""
        return self._build("anniversary_within_next", value=_span(span, parts))

    def _one(self, op: str, value: Value) -> BuiltCondition:
        return self._build(op, value=encode_values({self._field: value}, {})[self._field])

    def _many(self, op: str, values: Iterable[Value]) -> BuiltCondition:
        if isinstance(values, str):
            raise InvalidArgumentError(
                "expected a list of values, and not a text",
                field=self._field,
                hint='write ["Ulm"] where there is one',
            )
        return self._one(op, [*values])  # type: ignore[list-item]

    def _build(self, op: str, **value: Any) -> BuiltCondition:
        missing = {"missing": True} if self._missing else {}
        return BuiltCondition({"field": self._field, "op": op, **value, **missing})


class Moment:
    """When the first or last activity was: say how that compares."""

    __slots__ = ("_build",)

    def __init__(self, build: Callable[[str, Any], BuiltCondition]) -> None:
        self._build = build

    def before(self, moment: datetime.datetime) -> BuiltCondition:
        """It was before this moment."""
        return self._build("before", encode(moment))

    def after(self, moment: datetime.datetime) -> BuiltCondition:
        """It was after this moment."""
        return self._build("after", encode(moment))

    def within_last(
        self, span: str | None = None, /, **parts: Unpack[SpanParts]
    ) -> BuiltCondition:
        """It was in the span that ends now."""
        return self._build("within_last", _span(span, parts))

    def older_than(self, span: str | None = None, /, **parts: Unpack[SpanParts]) -> BuiltCondition:
        """It was before the span that ends now."""
        return self._build("older_than", _span(span, parts))


class Events(BuiltCondition):
    """There was an activity of a kind: narrow it down, and count or measure if once is not enough."""

    __slots__ = ()

    def within(self, span: str | None = None, /, **parts: Unpack[SpanParts]) -> Events:
        """Only those of the span that ends now: `within(days=30)`."""
        return self._with(within=_span(span, parts))

    def from_(self, moment: datetime.datetime) -> Events:
        """Only those at or after this moment."""
        return self._with(**{"from": encode(moment)})

    def until(self, moment: datetime.datetime) -> Events:
        """Only those before this moment."""
        return self._with(until=encode(moment))

    def where(self, condition: Part) -> Events:
        """Only those for which this is true, over the kind's properties and `at`, `channel` …"""
        return self._with(where=encode(condition))

    def count(self) -> Comparable:
        """How many there are: `events("call").count() >= 3`."""
        return Comparable(lambda op, value: self._measured("count", op, encode(value)))

    def never(self) -> BuiltCondition:
        """There is none."""
        return self.count() == 0

    def sum(self, property: str) -> Comparable:
        """The sum of a property, or of `amount`."""
        return self._figure("sum", property)

    def min(self, property: str) -> Comparable:
        """The least of a property, or of `amount`."""
        return self._figure("min", property)

    def max(self, property: str) -> Comparable:
        """The greatest of a property, or of `amount`."""
        return self._figure("max", property)

    def first(self) -> Moment:
        """When the first was: `events("call").first().before(moment)`."""
        return Moment(lambda op, value: self._measured("first", op, value))

    def last(self) -> Moment:
        """When the last was: `events("call").last().older_than(days=90)`."""
        return Moment(lambda op, value: self._measured("last", op, value))

    def _figure(self, figure: str, property: str) -> Comparable:
        def compare(op: str, value: Value) -> BuiltCondition:
            return self._measured(figure, op, encode(value), property=property)

        return Comparable(compare)

    def _measured(self, measure: str, op: str, value: Any, **property: str) -> BuiltCondition:
        return BuiltCondition({**self._json, measure: {**property, "op": op, "value": value}})


class Related(BuiltCondition):
    """There is a related record: narrow it down, and count if one is not enough."""

    __slots__ = ()

    def inverse(self) -> Related:
        """Those that point to this record."""
        return self._with(inverse=True)

    def of_type(self, entity_type: str) -> Related:
        """Only those of this entity type."""
        return self._with(type=entity_type)

    def role(self, role: str) -> Related:
        """Only those in this role."""
        return self._with(role=role)

    def where(self, condition: Part) -> Related:
        """Only those for which this is true."""
        return self._with(where=encode(condition))

    def count(self) -> Comparable:
        """How many there are."""

        def compare(op: str, value: Value) -> BuiltCondition:
            return BuiltCondition({**self._json, "count": {"op": op, "value": encode(value)}})

        return Comparable(compare)


class Changed(BuiltCondition):
    """An attribute was changed, as the journal has it: narrow it down."""

    __slots__ = ()

    def from_(self, value: Value) -> Changed:
        """Only changes from this value; None is no value."""
        return self._with(**{"from": encode(value)})

    def to(self, value: Value) -> Changed:
        """Only changes to this value; None is no value."""
        return self._with(to=encode(value))

    def within(self, span: str | None = None, /, **parts: Unpack[SpanParts]) -> Changed:
        """Only changes of the span that ends now."""
        return self._with(within=_span(span, parts))


class Stage:
    """The stage of the record: compare it with `==`, `!=`, `>=` and `<=`."""

    __slots__ = ("_lifecycle",)

    def __init__(self, lifecycle: str | None) -> None:
        self._lifecycle = lifecycle

    def __eq__(self, stage: str) -> BuiltCondition:  # type: ignore[override]
        return self._is("eq", stage)

    def __ne__(self, stage: str) -> BuiltCondition:  # type: ignore[override]
        return self._is("neq", stage)

    def __ge__(self, stage: str) -> BuiltCondition:
        return self._is("at_least", stage)

    def __le__(self, stage: str) -> BuiltCondition:
        return self._is("at_most", stage)

    def _is(self, op: str, stage: str) -> BuiltCondition:
        named = {} if self._lifecycle is None else {"lifecycle": self._lifecycle}
        return BuiltCondition({"stage": {"op": op, "value": stage, **named}})


def events(kind: str) -> Events:
    """Activities of a kind; `any` is every kind."""
    return Events({"event": kind})


def related(name: str, where: Part | None = None, /) -> Related:
    """Records that are related by an association type, or by an attribute of kind `reference`."""
    condition = Related({"related": name})
    return condition if where is None else condition.where(where)


def changed(attribute: str) -> Changed:
    """A change of an attribute."""
    return Changed({"changed": attribute})


def all_of(*conditions: Part) -> BuiltCondition:
    """Every one is true; true if there are none."""
    return BuiltCondition({"all": [encode(condition) for condition in conditions]})


def any_of(*conditions: Part) -> BuiltCondition:
    """At least one is true; false if there are none."""
    return BuiltCondition({"any": [encode(condition) for condition in conditions]})


def in_segment(name: str) -> BuiltCondition:
    """The record is a member of a segment."""
    return BuiltCondition({"segment": name})


def stage(lifecycle: str | None = None) -> Stage:
    """The stage that the record stands on, in this lifecycle or the only one of its type."""
    return Stage(lifecycle)


def score(name: str | None = None) -> Comparable:
    """A score of the record, the only one by default; `model.group` is that of one group."""
    given = {} if name is None else {"name": name}

    def compare(op: str, value: Value) -> BuiltCondition:
        return BuiltCondition({"score": {**given, "op": op, "value": encode(value)}})

    return Comparable(compare)


def consent(channel: str, purpose: str) -> BuiltCondition:
    """The person allowed it, by the ledger and by what is suppressed.

    Caps, pressure, quiet hours and how often the person wants to be contacted are aside: ask
    `consents.decide` before each contact.
    """
    return BuiltCondition({"consent": {"channel": channel, "purpose": purpose}})
