"""Requests in JSON, and what of them a call takes; answers back to JSON."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

import crm

Json: TypeAlias = Any


class Request:
    """A request in JSON; taking a field out shows that the call hands it over."""

    def __init__(self, fields: Mapping[str, Json]) -> None:
        self.left = dict(fields)

    def __getitem__(self, name: str) -> Json:
        return self.left.pop(name)

    def options(self, *names: str) -> dict[str, Json]:
        """Take those of the fields that are given."""
        return {name: self.left.pop(name) for name in names if name in self.left}

    def values(self, name: str = "values") -> dict[str, crm.Value]:
        """Take values by attribute, in the package's types."""
        return {key: typed(value) for key, value in self.left.pop(name, {}).items()}


def typed(value: Json) -> Any:
    """Return a value of several parts as the class that a user would write, where one can."""
    if not isinstance(value, dict):
        return value
    keys = value.keys()
    parts = {field.name for field in dataclasses.fields(crm.Address)}
    if keys == {"amount", "currency"} and is_plain_amount(value["amount"]):
        return crm.Money(value["amount"], value["currency"])
    if keys and keys <= parts:
        return crm.Address(**value)
    if {"hash", "name", "media_type"} <= keys <= {"hash", "name", "media_type", "size"}:
        return crm.FileRef(**value)
    return value


def is_plain_amount(amount: Json) -> bool:
    """Tell whether Python's Decimal means by this text what the engine does."""
    if isinstance(amount, int):
        return True
    try:
        return isinstance(amount, str) and format(decimal.Decimal(amount), "f") == amount
    except decimal.InvalidOperation:
        return False


def attribute(fields: Json) -> crm.Attribute:
    """Return a definition from JSON."""
    given = {**fields, "options": [crm.ChoiceOption(**one) for one in fields.get("options", [])]}
    for bound in {"default", "minimum", "maximum"} & given.keys():
        given[bound] = typed(given[bound])
    return crm.Attribute(given.pop("name"), given.pop("kind"), **given)


def plain(answer: Any) -> Json:
    """Return an answer of the package as JSON has it."""
    match answer:
        case crm.Address():
            return {part: text for part, text in fields_of(answer) if text is not None}
        case crm.Money():
            return {"amount": format(answer.amount, "f"), "currency": answer.currency}
        case datetime.datetime():
            utc = answer.astimezone(datetime.UTC).replace(tzinfo=None).isoformat()
            return (utc.rstrip("0") if "." in utc else utc) + "Z"
        case datetime.date():
            return answer.isoformat()
        case decimal.Decimal():
            return format(answer, "f")
        case UUID():
            return str(answer)
        case bytes():
            return base64.b64encode(answer).decode()
        case Mapping():
            return {key: plain(value) for key, value in answer.items()}
        case list() | tuple():
            return [plain(item) for item in answer]
        case crm.ImportPlan():
            # Beside what it shows, it keeps what is handed back.
            shown = {name: plain(value) for name, value in fields_of(answer) if name != "type"}
            return {**answer._plain, **shown.pop("counts"), **shown}
        case _ if dataclasses.is_dataclass(answer):
            return {name.rstrip("_"): plain(value) for name, value in fields_of(answer)}
        case _:
            return answer


def fields_of(answer: Any) -> list[tuple[str, Any]]:
    """Return the public fields of a dataclass, by the names that JSON has."""
    names = (field.name for field in dataclasses.fields(answer))
    public = (name for name in names if not name.startswith("_"))
    return [(name.removesuffix("_"), getattr(answer, name)) for name in public]


def moments(request: Request, *names: str) -> dict[str, Any]:
    """Take those of the fields that are given, as moments."""
    given = request.options(*names)
    return {name: datetime.datetime.fromisoformat(text) for name, text in given.items()}


def condition(request: Request) -> dict[str, Any]:
    """Take what a list asks beside its filter."""
    return {**request.options("where", "zone"), **moments(request, "at")}


def ref(fields: Json) -> crm.RecordRef:
    """Return the name of a record from JSON."""
    return crm.RecordRef(**fields)


def whole(request: Request) -> dict[str, Json]:
    """Take all fields."""
    return request.options(*[*request.left])


NAMES = {"as": "name", "from": "from_"}


def part(cls: Any, fields: Json) -> Any:
    """Return a part of a query from JSON."""
    given = {NAMES.get(name, name): value for name, value in fields.items()}
    for name in {"from_", "until"} & given.keys():
        given[name] = datetime.datetime.fromisoformat(given[name])
    return cls(**given)


def parts(cls: Any, fields: Json) -> list[Any]:
    """Return parts of a query from JSON."""
    return [part(cls, one) for one in fields]


def span(request: Request) -> dict[str, Any]:
    """Take the moments between which something was."""
    given = moments(request, "from", "until")
    return {"from_" if name == "from" else name: moment for name, moment in given.items()}


def built(cls: type[Any], request: Request) -> Any:
    """Take the whole request as the dataclass that a user would write."""
    given, request.left = request.left, {}
    return dataclass_of(cls, given)


def dataclass_of(cls: type[Any], given: Mapping[str, Json]) -> Any:
    """Return a dataclass of these fields, whose other fields keep their defaults."""
    hints = typing.get_type_hints(cls)
    names = {name: f"{name}_" if f"{name}_" in hints else name for name in given}
    return cls(**{names[name]: member_of(hints[names[name]], one) for name, one in given.items()})


def member_of(hint: Any, value: Json) -> Any:
    """Return the value of a field of a dataclass."""
    hints = [hint, *typing.get_args(hint)]
    if value is None:
        return None
    if isinstance(value, list):
        inner = next(one for one in hints if typing.get_origin(one) is tuple)
        return tuple(member_of(typing.get_args(inner)[0], one) for one in value)
    if isinstance(value, dict):
        inner = [one for one in hints if isinstance(one, type) and dataclasses.is_dataclass(one)]
        return dataclass_of(inner[-1], value)
    if datetime.datetime in hints:
        return datetime.datetime.fromisoformat(value)
    return value


Calls: TypeAlias = Mapping[str, Callable[[crm.Crm, Request], Any]]
