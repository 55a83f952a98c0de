"""Conditions: boolean questions about one record, checked, evaluated and explained.

A condition is text such as `country = "DE" and count(email_opened within 30d) >= 3`, or its JSON
form as a mapping. It is read and judged by the engine.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from crm import wire
from crm._native import Engine
from crm.values import encode

Condition: TypeAlias = str | Mapping[str, Any]
"""A condition as text, or as the mapping that is its JSON form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCondition:
    """The answer of `Conditions.check`."""

    condition: Mapping[str, Any]
    """The condition in its normal form."""
    text: str
    """The same as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafReason:
    """Whether one question of a condition was true for a record, and why."""

    path: str
    """Where it stands in the condition, such as `all[2]`; empty if it is the whole of it."""
    text: str
    """The question as text."""
    is_true: bool
    """Whether it was true."""
    reason: str
    """Why, in a few words without the data of anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionAnswer:
    """Whether a condition is true for a record, with the reasons."""

    is_true: bool
    """Whether it is true."""
    leaves: tuple[LeafReason, ...]
    """Each of its questions."""


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
    ...     db.conditions.evaluate("company", acme.id, "employees >= 10").is_true
    'not employees < 10'
    True
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, type: str, condition: Condition) -> CheckedCondition:
        """Return the normal form of a condition; a `CrmError` says what does not fit the type."""
        request = {"type": type, "condition": condition}
        return wire.read(CheckedCondition, self._engine.call("conditions.check", request))

    def evaluate(
        self,
        type: str,
        id: UUID | str,
        condition: Condition,
        *,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> ConditionAnswer:
        """Tell whether a condition is true for a record, and why.

        `at` is the moment that counts as now, `zone` the time zone by whose calendar days count.
        """
        request = {"type": type, "id": str(id), "condition": condition, **moment(at, zone)}
        return wire.read(ConditionAnswer, self._engine.call("conditions.evaluate", request))

    def explain(
        self,
        type: str,
        condition: Condition,
        *,
        id: UUID | str | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> ConditionPlan:
        """Return the SQL of a condition and its plan, and for a record the reasons."""
        request = {"type": type, "condition": condition, **moment(at, zone)}
        if id is not None:
            request["id"] = str(id)
        return wire.read(ConditionPlan, self._engine.call("conditions.explain", request))


def moment(at: datetime.datetime | None, zone: str | None) -> dict[str, Any]:
    """Return the fields of a request that say what counts as now and as a day."""
    plain = {"at": encode(at), "zone": zone}
    return {name: value for name, value in plain.items() if value is not None}
