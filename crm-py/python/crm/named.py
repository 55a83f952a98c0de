"""What is defined under a name: read, listed, archived and restored alike."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from crm._native import Engine

T = TypeVar("T")


class Named(Generic[T]):
    """Definitions of one sort, each under its name."""

    def __init__(
        self,
        engine: Engine,
        operations: str,
        field: str,
        read: Callable[[dict[str, Any]], T],
        forget: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._operations = operations
        self._field = field
        self._read_one = read
        self._forget = forget

    def get(self, name: str) -> T:
        """Return the definition of this name; an error says if there is none, with the nearest."""
        return self._read_one(self._engine.call(f"{self._operations}.get", {self._field: name}))

    def list(self) -> builtins.list[T]:
        """Return all definitions, archived ones included, by name."""
        return [self._read_one(plain) for plain in self._engine.call(f"{self._operations}.list", {})]

    def archive(self, name: str) -> T:
        """Archive a definition: what was made of it stays readable, and nothing new is."""
        return self._change("archive", {self._field: name})

    def restore(self, name: str) -> T:
        """Take a definition out of the archive."""
        return self._change("restore", {self._field: name})

    def _change(self, verb: str, request: dict[str, Any]) -> T:
        try:
            return self._read_one(self._engine.call(f"{self._operations}.{verb}", request))
        finally:
            if self._forget is not None:
                self._forget()
