"""What callers hand in, in the plain form of the engine; what is of a wrong type is named.

Python tells of it only somewhere within, and without the argument.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Union
from uuid import UUID

from crm import wire
from crm.errors import InvalidArgumentError

if TYPE_CHECKING:
    from crm.activities import RecordRef
    from crm.records import Record

RecordId: TypeAlias = Union[UUID, str, "Record", "RecordRef"]
"""The id of a record, or the record itself, or what names it."""

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


def path_of(path: object, field: str = "path") -> str:
    """Return the path of a file as text."""
    try:
        text: object = os.fspath(path)  # type: ignore[call-overload]
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise InvalidArgumentError("not a path", field=field, hint="hand in a str or a pathlib.Path")
    return text


def source_of(path: object, text: object) -> dict[str, Any]:
    """Return where a table is: the path of a file, or the text itself."""
    return {"path": None if path is None else path_of(path), "text": text}


def names_of(names: object, field: str) -> list[str]:
    """Return names that are one text, or several."""
    if names is None:
        return []
    if isinstance(names, str):
        return [names]
    found = items_of(names, field, "hand in a name, or several")
    for place, name in enumerate(found):
        if not isinstance(name, str):
            raise InvalidArgumentError(
                "not a name", field=f"{field}[{place}]", hint="hand in a str"
            )
    return found


def items_of(items: object, field: str, hint: str) -> list[Any]:
    """Return what is iterated over; a text is one thing and not its characters, nor a mapping its keys."""
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise InvalidArgumentError("not several of anything", field=field, hint=hint)
    return [*items]


def mapping_of(mapping: Mapping[K, V], field: str, hint: str) -> Mapping[K, V]:
    """Return a mapping, and nothing else."""
    if not isinstance(mapping, Mapping):
        raise InvalidArgumentError("not a mapping", field=field, hint=hint)
    return mapping


def id_of(record: RecordId, field: str = "id") -> str:
    """Return the id of a record as text."""
    id: object = getattr(record, "id", record)
    if not isinstance(id, UUID | str):
        raise InvalidArgumentError("not a record", field=field, hint="hand in a record, or its id")
    return str(id)


def ids_of(records: Iterable[RecordId], field: str) -> list[str]:
    """Return the ids of several records as text."""
    found = items_of(records, field, "hand in a list of records, or of their ids")
    return [id_of(record, f"{field}[{place}]") for place, record in enumerate(found)]


def span_of(span: str | datetime.timedelta, field: str) -> str:
    """Return a span of time as text."""
    if not isinstance(span, datetime.timedelta):
        return span
    if span.microseconds:
        raise InvalidArgumentError(
            "a span is of whole seconds", field=field, hint="leave the microseconds out"
        )
    return f"PT{span // datetime.timedelta(seconds=1)}S"


def text_of(text: object, field: str) -> str:
    """Return a text, and nothing else."""
    if not isinstance(text, str):
        raise InvalidArgumentError("not a text", field=field, hint="hand in a str")
    return text


def instance_of(thing: object, cls: type[T], field: str) -> T:
    """Return an instance of the class `cls`, and nothing else."""
    if not isinstance(thing, cls):
        raise InvalidArgumentError(
            f"not {cls.__qualname__}", field=field, hint=f"hand in crm.{cls.__qualname__}(…)"
        )
    return thing


def plain_of(thing: object, cls: type[Any], field: str) -> dict[str, Any]:
    """Return the plain form of an instance of the dataclass `cls`."""
    return wire.write(instance_of(thing, cls, field))
