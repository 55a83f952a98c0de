"""From the engine's plain answers to the dataclasses of the package.

A dataclass says by its annotations how it is read, so each answer is described once. Answers may
grow: a field that this version does not know is passed over, and a name that an enumeration does
not know stays plain text.
"""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def read(cls: type[T], plain: dict[str, Any]) -> T:
    """Return an instance of the dataclass `cls`."""
    # What the engine says only where it has something to say has a default.
    return cls(
        **{
            name: reader(plain[key])
            for name, key, reader, has_default in _readers(cls)
            if key in plain or not has_default
        }
    )


def known(names: type[E], text: str) -> E | str:
    """Return the member of this name, or the text itself if a newer engine wrote it."""
    try:
        return names(text)
    except ValueError:
        return text


def write(request: Any) -> dict[str, Any]:
    """Return the plain form of a dataclass of plain fields, without what is None."""
    pairs = ((field.name, getattr(request, field.name)) for field in dataclasses.fields(request))
    return {name: value for name, value in pairs if value is not None}


Readers: typing.TypeAlias = list[tuple[str, str, Callable[[Any], Any], bool]]
"""For each field its name, the one that the engine gives it, how it is read, and if it has a default."""

_known_readers: dict[type[Any], Readers] = {}


def _readers(cls: type[Any]) -> Readers:
    readers = _known_readers.get(cls)
    if readers is None:
        hints = typing.get_type_hints(cls)
        # What is a keyword of Python has an underscore behind it here.
        readers = [
            (
                field.name,
                field.name.removesuffix("_"),
                _reader(hints[field.name]),
                field.default is not dataclasses.MISSING,
            )
            for field in dataclasses.fields(cls)
        ]
        _known_readers[cls] = readers
    return readers


def _reader(hint: Any) -> Callable[[Any], Any]:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return _tuple_of(_reader(arguments[0]))
    if isinstance(hint, types.UnionType):
        return _union_of(arguments)
    if dataclasses.is_dataclass(hint):
        return lambda plain: read(typing.cast(type[Any], hint), plain)
    if hint is UUID:
        return UUID
    if hint is datetime.datetime:
        return datetime.datetime.fromisoformat
    if hint is datetime.date:
        return datetime.date.fromisoformat
    return lambda plain: plain


def _tuple_of(reader: Callable[[Any], Any]) -> Callable[[Iterable[Any]], tuple[Any, ...]]:
    return lambda plain: tuple(reader(item) for item in plain)


def _union_of(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Read `X | None`, an enumeration that may grow (`Names | str`), or an id (`UUID | str`)."""
    for member in members:
        if isinstance(member, type) and issubclass(member, StrEnum):
            return lambda plain, names=member: known(names, plain)  # type: ignore[misc]
    if UUID in members:
        return lambda plain: None if plain is None else UUID(plain)
    (reader,) = (_reader(member) for member in members if member is not types.NoneType)
    return lambda plain: None if plain is None else reader(plain)
