"""Values of attributes: how Python's types go into the file and come out again.

The engine speaks plain scalars, typed by the attribute that holds them. So going in, any of Python's
types that can mean the value is welcome; coming out, the kind of the attribute decides: a `date` is a
`datetime.date`, a `timestamp` an aware `datetime.datetime` in UTC, a `decimal` a `decimal.Decimal`,
a `reference` a `uuid.UUID`, and `money`, `address` and `file` are the classes of this module.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any, TypeAlias, Union
from uuid import UUID

from crm.errors import (
    CrmError,
    InvalidValueError,
    LimitExceededError,
    OutOfRangeError,
    WrongKindError,
)
from crm.given import mapping_of

if TYPE_CHECKING:
    from crm.records import Record

Value: TypeAlias = Union[
    None,
    bool,
    int,
    float,
    str,
    decimal.Decimal,
    datetime.date,
    datetime.datetime,
    UUID,
    "Money",
    "Address",
    "FileRef",
    "Record",
    Sequence[str],
    Set[str],
    Mapping[str, Union[str, int, None]],
]
"""What may be handed in as the value of an attribute. A record stands for a reference to it."""


@dataclass(frozen=True, slots=True, init=False)
class Money:
    """An amount in a currency, exact.

    >>> Money("19.90", "EUR").amount * 2
    Decimal('39.80')
    """

    amount: decimal.Decimal
    """The amount in major units, with as many decimal places as the currency has."""
    currency: str
    """The currency as an ISO 4217 code."""

    def __init__(self, amount: decimal.Decimal | int | str, currency: str) -> None:
        if isinstance(amount, float):
            raise WrongKindError(
                "a float is not an exact amount",
                field="amount",
                hint='write it as text or Decimal, such as "19.90"',
            )
        try:
            exact = decimal.Decimal(amount)
        except decimal.InvalidOperation:
            raise InvalidValueError("not a decimal number", field="amount") from None
        object.__setattr__(self, "amount", exact)
        object.__setattr__(self, "currency", currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address. Each part may be missing, but not all of them.

    >>> Address(city="Ulm", country="DE").city
    'Ulm'
    """

    street: str | None = None
    """Street and number, with line breaks where there are several lines."""
    city: str | None = None
    """City or town."""
    region: str | None = None
    """State, province or region."""
    postal_code: str | None = None
    """Postal code, as text."""
    country: str | None = None
    """Country as an ISO 3166-1 alpha-2 code, such as `DE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A reference to bytes that are stored in the file: what `Files.add` returns."""

    hash: str
    """SHA-256 of the bytes, as 64 lower-case hexadecimal digits."""
    name: str
    """The name of the file, such as `contract.pdf`."""
    media_type: str
    """The media type, such as `application/pdf`."""
    size: int = 0
    """The number of bytes. What is handed in is replaced by the true number."""


def encode(value: object, field: str | None = None) -> Any:
    """Return the plain form of a value, as the engine reads it; an error names the `field`."""
    # Nearly every value is one of these; the dispatch costs several times as much.
    if value is None or type(value) in (str, bool, float):
        return value
    if field is None:
        return _encode(value)
    try:
        return _encode(value)
    except CrmError as error:
        error.field = field if error.field is None else f"{field}.{error.field}"
        raise
    except RecursionError:
        message = "the value is nested too deeply"
        raise LimitExceededError(message, field=field, hint="flatten it") from None


def encode_values(
    values: Mapping[str, Value], more: Mapping[str, Value], field: str = "values"
) -> dict[str, Any]:
    """Return both mappings as one in plain form; an error names the attribute, or the `field`."""
    plain = {}
    for source in (mapping_of(values, field, "{attribute: value}"), more):
        for name, value in source.items():
            plain[name] = encode(value, name)
    return plain


@singledispatch
def _encode(value: object) -> Any:
    raise WrongKindError(
        f"a value cannot be of Python's type {type(value).__qualname__}",
        hint="expected None, bool, int, float, str, Decimal, date, aware datetime, UUID, Money, "
        "Address, FileRef, a Record or a list of str",
    )


@_encode.register
def _(value: str) -> str:
    return str.__str__(value)


@_encode.register
def _(value: numbers.Integral) -> int | float:
    whole = int(value)
    if -(2**63) <= whole < 2**63:
        return whole
    # As in JSON: a number that no integer attribute can hold, and a real one perhaps.
    try:
        return float(whole)
    except OverflowError:
        return float("inf")


@_encode.register
def _(value: numbers.Real) -> float:
    return float(value)


@_encode.register
def _(value: decimal.Decimal) -> str:
    return format(value, "f")


@_encode.register
def _(value: datetime.date) -> str:
    return datetime.date.isoformat(value)


@_encode.register
def _(value: datetime.datetime) -> str:
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidValueError(
            "a datetime without a time zone does not determine a moment",
            hint="give it one, such as datetime(…, tzinfo=ZoneInfo('Europe/Berlin'))",
        )
    try:
        utc = value.astimezone(datetime.UTC)
    except OverflowError:
        raise OutOfRangeError("the year in UTC is not in 0001 to 9999") from None
    # The form of the base class: subclasses with nanoseconds write digits that nobody stores.
    return datetime.datetime.isoformat(utc)


@_encode.register
def _(value: UUID) -> str:
    return str(value)


@_encode.register
def _(value: Money) -> dict[str, Any]:
    return {"amount": encode(value.amount), "currency": value.currency}


@_encode.register
def _(value: Address) -> dict[str, Any]:
    parts = ((part, getattr(value, part)) for part in Address.__slots__)
    return {part: text for part, text in parts if text is not None}


@_encode.register
def _(value: FileRef) -> dict[str, Any]:
    return {part: getattr(value, part) for part in FileRef.__slots__}


@_encode.register
def _(value: bytes) -> Any:
    raise WrongKindError("bytes are not text", hint="decode them, or store them with files.add")


@_encode.register
def _(value: Sequence) -> list[Any]:  # type: ignore[type-arg]
    return [encode(item) for item in value]


@_encode.register
def _(value: Set) -> list[Any]:  # type: ignore[type-arg]
    return sorted((encode(item) for item in value), key=str)


@_encode.register
def _(value: Mapping) -> dict[str, Any]:  # type: ignore[type-arg]
    return {name: encode(part) for name, part in value.items()}


register = _encode.register
"""Lets another module say how a class of its own is written."""


def _money(plain: dict[str, Any]) -> Money:
    return Money(plain["amount"], plain["currency"])


def _address(plain: dict[str, Any]) -> Address:
    return Address(**{part: plain.get(part) for part in Address.__slots__})


def _file(plain: dict[str, Any]) -> FileRef:
    return FileRef(**{part: plain[part] for part in FileRef.__slots__})


DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "date": datetime.date.fromisoformat,
    "timestamp": datetime.datetime.fromisoformat,
    "decimal": decimal.Decimal,
    "reference": UUID,
    "money": _money,
    "address": _address,
    "file": _file,
}
"""How the values of a kind are read; those of other kinds, newer ones included, stay as they are."""


def decode(kind: str, plain: Any) -> Any:
    """Return a value of an attribute of `kind` from its plain form."""
    decoder = DECODERS.get(kind)
    return plain if decoder is None or plain is None else decoder(plain)
