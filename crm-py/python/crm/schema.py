"""Entity types and attributes: what a customer is, defined by you at run time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from threading import Lock
from typing import Any

from crm import wire
from crm._native import Engine
from crm.given import items_of, plain_of
from crm.named import Named
from crm.values import DECODERS, Value, decode, encode


class Kind(StrEnum):
    """The kind of an attribute: what its values are."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    CHOICE = "choice"
    CHOICES = "choices"
    CHECKBOX = "checkbox"
    INTEGER = "integer"
    DECIMAL = "decimal"
    REAL = "real"
    MONEY = "money"
    DATE = "date"
    TIMESTAMP = "timestamp"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    COUNTRY = "country"
    LOCALE = "locale"
    TIME_ZONE = "time_zone"
    ADDRESS = "address"
    RATING = "rating"
    FILE = "file"
    REFERENCE = "reference"


class Sensitivity(StrEnum):
    """How carefully values of an attribute are to be handled."""

    NONE = "none"
    PERSONAL = "personal"
    SPECIAL = "special"


class Preset(StrEnum):
    """A ready-made entity type. A new file has `contact`, `company` and `deal`."""

    CONTACT = "contact"
    COMPANY = "company"
    DEAL = "deal"
    HOUSEHOLD = "household"
    ORGANISATION = "organisation"
    NOTE = "note"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class ChoiceOption:
    """One option of a choice: the stored value never changes when its label does."""

    value: str
    """What is stored: 1 to 255 bytes, unique within the attribute."""
    label: str = ""
    """What people read; the value if empty."""
    order: int = 0
    """Where it stands among the options, smallest first; equal ones in the order of definition."""
    hidden: bool = False
    """Whether a form should no longer offer it. Values stay valid."""


_OPTIONS_HINT = "hand in a list of texts, or of crm.ChoiceOption(…)"


@dataclass(frozen=True, slots=True, init=False)
class Attribute:
    """The definition of an attribute. Options may be given as plain texts.

    >>> genre = Attribute("genre", Kind.CHOICE, options=["novel", "poetry"], index=True)
    >>> genre.options[0]
    ChoiceOption(value='novel', label='', order=0, hidden=False)
    """

    name: str
    """The name: `[a-z][a-z0-9_]{0,62}`, and the name of its column."""
    kind: Kind | str
    """The kind. It cannot be changed later."""
    label: str
    """What people read; the name if empty."""
    description: str
    """What it means, in prose."""
    required: bool
    """Whether every record must have a value."""
    unique: bool
    """Whether no two records, archived ones included, may have the same value."""
    index: bool
    """Whether to keep an index, so that lists filtered or ordered by it stay fast."""
    searched: bool
    """Whether its words are found by `Crm.search`; for texts, addresses and the like."""
    default: Any
    """The value of a new record that is created without one."""
    options: tuple[ChoiceOption, ...]
    """The options of a `choice` or `choices`."""
    minimum: Any
    """The smallest value of an `integer`, `decimal`, `real`, `money`, `date`, `timestamp` or `rating`."""
    maximum: Any
    """The largest value, as for `minimum`."""
    length: int | None
    """The greatest length of a `text` or `long_text`, in characters."""
    pattern: str | None
    """A regular expression that the whole of a `text` or `long_text` must match."""
    scale: int | None
    """The decimal places of a `decimal`, 0 to 12 (2 if not given). It cannot be changed later."""
    currency: str | None
    """The only currency of a `money`, ISO 4217. Then a plain `Decimal` is an amount in it."""
    target: str | None
    """The entity type that a `reference` refers to. It cannot be changed later."""
    formula: str | None
    """The formula by which it is calculated from other attributes, such as `price * quantity`, or sums up
    activities or associated records, such as `sum(amount of purchase)`.

    Every write stores what it gives, and nobody else may. An attribute cannot become calculated
    later; without the formula it keeps its values.
    """
    sensitivity: Sensitivity | str
    """How carefully its values are to be handled."""
    purpose: str | None
    """What its values are processed for: a purpose that `Consents.define_purpose` has defined.

    One of special sensitivity needs a purpose of its own: one that names a special category of data,
    and that no attribute of less sensitivity has.
    """

    def __init__(
        self,
        name: str,
        kind: Kind | str,
        *,
        label: str = "",
        description: str = "",
        required: bool = False,
        unique: bool = False,
        index: bool = False,
        searched: bool = False,
        default: Value = None,
        options: Iterable[ChoiceOption | str] = (),
        minimum: Value = None,
        maximum: Value = None,
        length: int | None = None,
        pattern: str | None = None,
        scale: int | None = None,
        currency: str | None = None,
        target: str | None = None,
        formula: str | None = None,
        sensitivity: Sensitivity | str = Sensitivity.NONE,
        purpose: str | None = None,
    ) -> None:
        # The parameters are the fields, by their names.
        given = dict(locals())
        given["kind"] = wire.known(Kind, kind)
        given["sensitivity"] = wire.known(Sensitivity, sensitivity)
        listed = items_of(options, "options", _OPTIONS_HINT)
        given["options"] = tuple(
            ChoiceOption(option) if isinstance(option, str) else option for option in listed
        )
        for field in fields(self):
            object.__setattr__(self, field.name, given[field.name])


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityType:
    """An entity type as it is defined now."""

    name: str
    """The name."""
    label: str
    """What people read."""
    description: str
    """What it means, in prose."""
    attributes: tuple[Attribute, ...]
    """The attributes in use, in the order of their definition."""
    archived_attributes: tuple[Attribute, ...]
    """The archived attributes."""
    archived_at: datetime.datetime | None
    """When the type was archived; None while it is in use."""

    def __getitem__(self, attribute: str) -> Attribute:
        """Return the attribute of this name that is in use; KeyError if there is none."""
        for definition in self.attributes:
            if definition.name == attribute:
                return definition
        raise KeyError(attribute)


_BOUNDS = ("default", "minimum", "maximum")


def _read_bound(kind: str, plain: Any) -> Any:
    # A definition keeps these as they were given: for a decimal also a number, for money also an
    # amount in its only currency.
    is_given_otherwise = (kind == Kind.DECIMAL and not isinstance(plain, str)) or (
        kind == Kind.MONEY and not isinstance(plain, dict)
    )
    return plain if is_given_otherwise else decode(kind, plain)


def read_attribute(plain: dict[str, Any]) -> Attribute:
    """Return a definition from its plain form."""
    # A definition mentions formula, search and purpose only if it has them.
    given: dict[str, Any] = {field.name: plain.get(field.name) for field in fields(Attribute)}
    given["searched"] = plain.get("searched", False)
    for bound in _BOUNDS:
        given[bound] = _read_bound(plain["kind"], plain[bound])
    given["options"] = [wire.read(ChoiceOption, option) for option in plain["options"]]
    return Attribute(**given)


def write_attributes(attributes: Iterable[Attribute], field: str) -> list[dict[str, Any]]:
    """Return the plain form of several definitions."""
    given = items_of(attributes, field, "hand in a list of crm.Attribute(…)")
    return [_write_attribute(one, f"{field}[{place}]") for place, one in enumerate(given)]


def write_options(options: Iterable[ChoiceOption | str], field: str) -> list[dict[str, Any]]:
    """Return the plain form of options, of which a text is the value of one."""
    given = items_of(options, field, _OPTIONS_HINT)
    given = [ChoiceOption(one) if isinstance(one, str) else one for one in given]
    return [plain_of(one, ChoiceOption, f"{field}[{place}]") for place, one in enumerate(given)]


def _write_attribute(attribute: Attribute, field: str) -> dict[str, Any]:
    plain = plain_of(attribute, Attribute, field)
    for bound in _BOUNDS:
        if bound in plain:
            plain[bound] = encode(plain[bound], f"{field}.{bound}")
    plain["options"] = write_options(attribute.options, f"{field}.options")
    return plain


def _read_type(plain: dict[str, Any]) -> EntityType:
    archived_at = plain["archived_at"]
    return EntityType(
        name=plain["name"],
        label=plain["label"],
        description=plain["description"],
        attributes=tuple(map(read_attribute, plain["attributes"])),
        archived_attributes=tuple(map(read_attribute, plain["archived_attributes"])),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
    )


class Shape:
    """What must be known of an entity type to read its records."""

    __slots__ = ("_decoders", "names")

    def __init__(self, live: Iterable[dict[str, Any]], archived: Iterable[dict[str, Any]] = ()) -> None:
        live = [*live]
        self.names = frozenset(attribute["name"] for attribute in live)
        self._decoders: dict[str, Callable[[Any], Any] | None] = {
            attribute["name"]: DECODERS.get(attribute["kind"]) for attribute in (*live, *archived)
        }

    def knows(self, values: Mapping[str, Any]) -> bool:
        """Tell whether all these attributes are known."""
        return self._decoders.keys() >= values.keys()

    def decode(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values in Python's types."""
        decoders = self._decoders
        return {
            name: value if value is None or (decoder := decoders.get(name)) is None else decoder(value)
            for name, value in values.items()
        }


_OF_EVERY_ASSOCIATION = (
    {"name": "role", "kind": Kind.TEXT},
    {"name": "is_primary", "kind": Kind.CHECKBOX},
    {"name": "valid_from", "kind": Kind.DATE},
    {"name": "valid_to", "kind": Kind.DATE},
)


class Definitions:
    """The shapes of a file's entity types, read when they are needed and kept until they change.

    A kind never changes, and this process is the only one that writes the file. So a kept shape is
    out of date only after a definition through one of this file's handles, which forgets all of
    them, or within a call that overlaps one, which shows by an unknown attribute.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._changes = 0

    def shape(self, entity_type: str, values: Mapping[str, Any] = {}) -> Shape:
        """Return the shape of a type, one that knows the attributes of `values`."""
        return self._known("types.get", "type", entity_type, values)

    def kind_shape(self, kind: str, values: Mapping[str, Any] = {}) -> Shape:
        """Return the shape of a kind of activity, one that knows the properties of `values`."""
        return self._known("activity_kinds.get", "kind", kind, values)

    def association_shape(self, type: str, values: Mapping[str, Any] = {}) -> Shape:
        """Return the shape of a type of associations, one that knows the names of `values`."""
        return self._known("association_types.get", "type", type, values)

    def _known(self, operation: str, field: str, name: str, values: Mapping[str, Any]) -> Shape:
        shape = self._shapes.get((operation, name))
        if shape is not None and shape.knows(values):
            return shape
        changes = self._changes
        plain = self._engine.call(operation, {field: name})
        match operation:
            case "types.get":
                shape = Shape(plain["attributes"], plain["archived_attributes"])
            case "association_types.get":
                shape = Shape([*_OF_EVERY_ASSOCIATION, *plain["attributes"]])
            case _:
                shape = Shape(plain["properties"])
        with self._lock:
            if changes == self._changes:
                self._shapes[operation, name] = shape
        return shape

    def forget(self) -> None:
        """Read everything anew when it is needed next."""
        with self._lock:
            self._changes += 1
            self._shapes.clear()


class Types(Named[EntityType]):
    """Entity types and attributes: `Crm.types`.

    Records of an archived type stay readable, and writes are refused.

    >>> import crm
    >>> with crm.open() as db:
    ...     book = db.types.define("book", [
    ...         crm.Attribute("title", crm.Kind.TEXT, required=True),
    ...         crm.Attribute("price", crm.Kind.MONEY, currency="EUR"),
    ...     ])
    ...     db.records("book").create(title="Emma", price="9.90")["price"]
    Money(amount=Decimal('9.90'), currency='EUR')
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        super().__init__(engine, "types", "type", _read_type, definitions.forget)

    def define(
        self,
        name: str,
        attributes: Iterable[Attribute] = (),
        *,
        label: str = "",
        description: str = "",
    ) -> EntityType:
        """Define an entity type, or change one as far as the stored records allow.

        Attributes that are listed are added or changed, those that are not stay as they are. So a
        program can state at every start what it needs.
        """
        request = {
            "name": name,
            "label": label,
            "description": description,
            "attributes": write_attributes(attributes, "attributes"),
        }
        return self._change("define", request)

    def define_preset(self, preset: Preset | str) -> EntityType:
        """Define one of the ready-made entity types."""
        return self._change("define_preset", {"preset": str(preset)})

    def define_attribute(self, entity_type: str, attribute: Attribute) -> EntityType:
        """Add an attribute to a type, or change one: `attribute` is its whole new definition."""
        request = {"type": entity_type, "attribute": _write_attribute(attribute, "attribute")}
        return self._change_attribute("define", request)

    def archive_attribute(self, entity_type: str, attribute: str) -> EntityType:
        """Archive an attribute: its values stay in the file, and are no longer shown or written."""
        return self._change_attribute("archive", {"type": entity_type, "attribute": attribute})

    def restore_attribute(self, entity_type: str, attribute: str) -> EntityType:
        """Take an attribute out of the archive, with the values that it had."""
        return self._change_attribute("restore", {"type": entity_type, "attribute": attribute})

    def _change_attribute(self, verb: str, request: dict[str, Any]) -> EntityType:
        try:
            return _read_type(self._engine.call(f"attributes.{verb}", request))
        finally:
            if self._forget is not None:
                self._forget()
