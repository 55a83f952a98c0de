"""How far a long operation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from crm.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How much of a long operation is done; what is counted depends on it."""

    done: int
    """How much is done."""
    total: int | None
    """How much there is to do, as far as it is known."""


Report: TypeAlias = Callable[[Progress], object]
"""Is told of the progress, about ten times a second at most, and cancels by returning `False`."""


def adapt(report: Report | None) -> Callable[[int, int | None], object] | None:
    """Return the function that the engine calls with two numbers."""
    if report is None:
        return None
    if not callable(report):
        raise InvalidArgumentError("cannot be called", field="progress", hint="hand in a function")
    return lambda done, total: report(Progress(done=done, total=total))
