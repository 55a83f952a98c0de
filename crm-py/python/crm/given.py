"""What callers hand in, in the plain form of the engine; what is of a wrong type is named.

Python tells of it only somewhere within, and without the argument.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from crm import wire
from crm.errors import InvalidArgumentError


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
    """Return what is iterated over; a text is one thing and not its characters."""
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise InvalidArgumentError("not several of anything", field=field, hint=hint)
    return [*items]


def plain_of(thing: object, cls: type[Any], field: str) -> dict[str, Any]:
    """Return the plain form of an instance of the dataclass `cls`."""
    if not isinstance(thing, cls):
        raise InvalidArgumentError(
            f"not {cls.__qualname__}", field=field, hint=f"hand in crm.{cls.__qualname__}(…)"
        )
    return wire.write(thing)
