"""Conditions: boolean questions about one record, checked, evaluated and explained.

A condition is text such as `country = "DE" and count(email_opened within 30d) >= 3`, its JSON form
as a mapping, or built of the parts in `crm.where`. It is read and judged by the engine.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from crm import wire
from crm._native import Engine
from crm.errors import CrmError, LimitExceededError
from crm.given import RecordId, id_of
from crm.values import encode
from crm.where import BuiltCondition

Condition: TypeAlias = str | Mapping[str, Any] | BuiltCondition
"""A condition as text, as the mapping that is its JSON form, or as `crm.where` builds it. The values
in a mapping may be whatever a record takes: dates, decimals, `Money` and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCondition:
    """The answer of `Conditions.check`."""

    condition: Mapping[str, Any]
    """The condition in its normal form."""
    text: str
    """The same as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafReason:
    """Whether one question of a condition was true for a record, and why. It is true itself if so."""

    path: str
    """Where it stands in the condition, such as `all[2]`; empty if it is the whole of it."""
    text: str
    """The question as text."""
    is_true: bool
    """Whether it was true."""
    reason: str
    """Why, in a few words without the data of anybody."""

    def __bool__(self) -> bool:
        return self.is_true


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionAnswer:
    """Whether a condition is true for a record, with the reasons. It is true itself if so."""

    is_true: bool
    """Whether it is true."""
    leaves: tuple[LeafReason, ...]
    """Each of its questions."""

    def __bool__(self) -> bool:
        return self.is_true


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionPlan:
    """How a condition is answered over all records of a type."""

    sql: str
    """The statement that finds the records, with its values left out."""
    plan: tuple[str, ...]
    """The lines of the query plan."""
    estimated_rows: int
    """How many records it is expected to be true for."""
    answer: ConditionAnswer | None
    """For the record that was named, whether it is true and why."""


class Conditions:
    """Questions about conditions: `Crm.conditions`.

    >>> import crm
    >>> with crm.open() as db:
    ...     acme = db.companies.create(name="Acme", employees=12)
    ...     db.conditions.check("company", "not (employees < 10)").text
    ...     bool(db.conditions.evaluate("company", acme.id, crm.F("employees") >= 10))
    'not employees < 10'
    True
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, type: str, condition: Condition) -> CheckedCondition:
        """Return the normal form of a condition; a `CrmError` says what does not fit the type."""
        request = {"type": type, "condition": write(condition)}
        return wire.read(CheckedCondition, self._engine.call("conditions.check", request))

    def evaluate(
        self,
        type: str,
        id: RecordId,
        condition: Condition,
        *,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> ConditionAnswer:
        """Tell whether a condition is true for a record, and why.

        `at` is the moment that counts as now, `zone` the time zone by whose calendar days count.
        """
        request = {"type": type, "id": id_of(id), "condition": write(condition), **moment(at, zone)}
        return wire.read(ConditionAnswer, self._engine.call("conditions.evaluate", request))

    def explain(
        self,
        type: str,
        condition: Condition,
        *,
        id: RecordId | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> ConditionPlan:
        """Return the SQL of a condition and its plan, and for a record the reasons."""
        request = {"type": type, "condition": write(condition), **moment(at, zone)}
        if id is not None:
            request["id"] = id_of(id)
        return wire.read(ConditionPlan, self._engine.call("conditions.explain", request))


def moment(at: datetime.datetime | None, zone: str | None) -> dict[str, Any]:
    """Return the fields of a request that say what counts as now and as a day."""
    plain = {"at": encode(at, "at"), "zone": zone}
    return {name: value for name, value in plain.items() if value is not None}


def write(condition: Condition, field: str = "condition") -> Any:
    """Return the plain form of a condition, the value of this field; an error names its place."""
    try:
        return _plain(condition, field)
    except RecursionError:
        message = "the condition is nested too deeply"
        raise LimitExceededError(message, field=field, hint="flatten it") from None


def _plain(part: object, path: str) -> Any:
    if isinstance(part, Mapping):
        return {name: _plain(inner, f"{path}.{name}") for name, inner in part.items()}
    if isinstance(part, Sequence) and not isinstance(part, str | bytes):
        return [_plain(item, f"{path}[{place}]") for place, item in enumerate(part)]
    try:
        return encode(part)
    except CrmError as error:
        error.field = path
        raise
