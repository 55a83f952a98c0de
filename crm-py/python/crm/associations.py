"""Associations: typed, directed links between two records, with a role and a time."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from crm import wire
from crm._native import Engine
from crm.activities import RecordRef, write_ref
from crm.arrow import ArrowTable
from crm.exchange import BadCells, ColumnMapping, ImportReport, write_columns
from crm.given import names_of
from crm.named import Named
from crm.progress import Report, adapt
from crm.schema import Attribute, ChoiceOption, Definitions, read_attribute, write_attributes, write_options
from crm.values import Value, encode, encode_values

if TYPE_CHECKING:
    from crm.archived import Archived
    from crm.records import Record

T = TypeVar("T")

SCAN_PAGE = 1000
"""How many associations an iteration reads at a time."""


class AssociationDirection(StrEnum):
    """Which way an association leads, seen from one record."""

    BOTH = "both"
    """Either."""
    OUTGOING = "outgoing"
    """It leads from the record."""
    INCOMING = "incoming"
    """It leads to the record."""


class AssociationPreset(StrEnum):
    """The ready-made types of associations."""

    EMPLOYED_BY = "employed_by"
    PARENT_COMPANY = "parent_company"
    PARTICIPATES_IN = "participates_in"
    MEMBER_OF = "member_of"
    REFERRED_BY = "referred_by"
    ABOUT = "about"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationType:
    """A type of associations as it is defined now."""

    name: str
    """The name."""
    label: str
    """How it reads along its direction, such as "works for"."""
    inverse_label: str
    """How it reads from the other end, such as "employs"."""
    description: str
    """What it means, in prose."""
    from_: tuple[str, ...]
    """The entity types that it leads from."""
    to: tuple[str, ...]
    """The entity types that it leads to."""
    max_outgoing: int | None
    """How many may leave one record at a time; None for any number."""
    max_incoming: int | None
    """How many may lead to one record at a time; None for any number."""
    roles: tuple[ChoiceOption, ...]
    """The roles to choose from; any text if there are none."""
    is_hierarchy: bool
    """Whether it leads from a record to one above it, and never round in a circle."""
    attributes: tuple[Attribute, ...]
    """The attributes, in the order of their definition."""
    archived_at: datetime.datetime | None
    """When the type was archived; None while it is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """An association as it is stored."""

    type: str
    """The type."""
    id: UUID
    """The id, for ever."""
    version: int
    """1 when added, and one more with every change."""
    created_at: datetime.datetime
    """When it was added, in UTC."""
    updated_at: datetime.datetime
    """When it was changed last, in UTC."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""
    from_: RecordRef
    """The record that it leads from."""
    to: RecordRef
    """The record that it leads to."""
    role: str | None
    """What the one is to the other, such as "CFO"."""
    is_primary: bool
    """Whether it is the chief one of its type among those that leave the same record."""
    valid_from: datetime.date | None
    """The first day on which it holds; None: since ever."""
    valid_to: datetime.date | None
    """The last day on which it holds; None: for ever."""
    values: Mapping[str, Any]
    """The values of the type's attributes that have one."""

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationChange:
    """What a change of an association says."""

    type: str
    """The type."""
    id: UUID
    """The id of the association."""
    from_: RecordRef | None
    """The record that it leads from, when it was added."""
    to: RecordRef | None
    """The record that it leads to, when it was added."""
    values: Mapping[str, Any]
    """The new values of role, primary flag, days and attributes; None for those that were cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """An association, seen from one of its ends."""

    association: Association
    """The association."""
    direction: AssociationDirection | str
    """`outgoing` if it leads from the record that was asked about, `incoming` if it leads to it."""
    other: RecordRef
    """The record at the other end."""
    record: Record | None
    """The same with its values, if they were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationPage:
    """A page of what a record is associated with."""

    related: tuple[Related, ...]
    """Outgoing ones first; each direction by type, then by the age of the other record."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[Related]:
        return iter(self.related)

    def __len__(self) -> int:
        return len(self.related)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkNode:
    """A record that a walk came to."""

    record: RecordRef
    """The record."""
    depth: int
    """How many steps it lies away at least, from 1."""
    parent: UUID
    """The record one step nearer from which it was found."""
    association: UUID
    """The association that led here from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationWalk:
    """What a walk found."""

    nodes: tuple[WalkNode, ...]
    """The records, each once, nearest first; without the one that it began with."""
    is_truncated: bool
    """Whether there is more beyond `max_depth` or `limit`."""

    def __iter__(self) -> Iterator[WalkNode]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)


def read_association(cls: type[T], plain: dict[str, Any], definitions: Definitions) -> T:
    """Return what is said of an association from its plain form."""
    shape = definitions.association_shape(plain["type"], plain["values"])
    return wire.read(cls, {**plain, "values": shape.decode(plain["values"])})


class Associations:
    """Links between records: `Crm.associations`.

    Values of a type's attributes are given by keyword, or in a mapping where one has the name of a
    parameter.

    >>> import crm, datetime
    >>> with crm.open() as db:
    ...     kind = db.association_types.define_preset("employed_by")
    ...     ann = db.contacts.create(given_name="Ann")
    ...     acme = db.companies.create(name="Acme")
    ...     july = datetime.date(2024, 7, 1)
    ...     job = db.associations.add("employed_by", ann, acme, role="CFO", valid_from=july)
    ...     for found in db.associations.related(acme, with_records=True):
    ...         print(found.record["given_name"], found.association.role)
    Ann CFO
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        self._engine = engine
        self._definitions = definitions

    def add(
        self,
        type: str,
        from_: Record | RecordRef,
        to: Record | RecordRef,
        values: Mapping[str, Value] = {},
        /,
        *,
        role: str | None = None,
        is_primary: bool = False,
        valid_from: datetime.date | None = None,
        valid_to: datetime.date | None = None,
        **attributes: Value,
    ) -> Association:
        """Add an association that leads from a record to another, and return it with its id.

        It holds from the day `valid_from` to the day `valid_to`, both included; since ever and for
        ever where they are left out. One that is primary takes the flag from the one that was.
        """
        request = {
            "type": type,
            "from": write_ref(from_, "from"),
            "to": write_ref(to, "to"),
            "role": role,
            "is_primary": is_primary,
            "valid_from": encode(valid_from, "valid_from"),
            "valid_to": encode(valid_to, "valid_to"),
            "values": encode_values(values, attributes),
        }
        return self._one("add", request)

    def ingest(
        self,
        table: ArrowTable,
        *,
        type: str,
        from_type: str | None = None,
        to_type: str | None = None,
        columns: Mapping[str, str] | Iterable[ColumnMapping] = (),
        bad_cells: BadCells | str = BadCells.REJECT_ROW,
        all_or_nothing: bool = False,
        progress: Report | None = None,
    ) -> ImportReport:
        """Take in a table of polars, pandas, pyarrow, DuckDB or the like; each row links two records.

        A column goes to `from` and one to `to`, whose records are of `from_type` and `to_type` where
        the type allows several, and are named by their id or a `lookup`; others go to `role`,
        `is_primary`, `valid_from`, `valid_to`, or to an attribute. Without `columns` each goes to what
        has its own name. Of the report, `created` were added and `unchanged` were there. Good rows are
        kept, in transactions of 5,000 rows, unless `all_or_nothing`; the others are in the report.
        `progress` counts rows.
        """
        request = {
            "type": type,
            "from_type": from_type,
            "to_type": to_type,
            "columns": write_columns(columns),
            "bad_cells": str(bad_cells),
            "all_or_nothing": all_or_nothing,
        }
        answer = self._engine.ingest_associations(request, table, adapt(progress))
        return wire.read(ImportReport, answer)

    def get(self, id: UUID | str) -> Association:
        """Return the association of this id; `NotFoundError` if there is none."""
        return self._one("get", {"id": str(id)})

    def patch(
        self,
        id: UUID | str,
        changes: Mapping[str, Value] = {},
        /,
        *,
        expected_version: int | None = None,
        **attributes: Value,
    ) -> Association:
        """Change `role`, `is_primary`, `valid_from`, `valid_to` or attributes; None clears.

        Between which records it leads is for ever. `expected_version` is as for `Records.patch`.
        """
        changes = encode_values(changes, attributes, "changes")
        request = {"id": str(id), "changes": changes, "expected_version": expected_version}
        return self._one("patch", request)

    def archive(self, id: UUID | str, *, expected_version: int | None = None) -> Association:
        """Archive an association: it stays readable, and no longer counts."""
        return self._one("archive", {"id": str(id), "expected_version": expected_version})

    def restore(self, id: UUID | str, *, expected_version: int | None = None) -> Association:
        """Take an association out of the archive, if what was added meanwhile leaves room for it."""
        return self._one("restore", {"id": str(id), "expected_version": expected_version})

    def related(
        self,
        record: Record | RecordRef,
        type: str | None = None,
        *,
        direction: AssociationDirection | str = AssociationDirection.BOTH,
        role: str | None = None,
        on: datetime.date | None = None,
        at_any_time: bool = False,
        archived: Archived | str = "exclude",
        with_records: bool = False,
    ) -> Iterator[Related]:
        """Iterate over what a record is associated with, a page at a time.

        Without `on` the present day counts, in UTC; `at_any_time` asks for every day. Associations
        that are archived, or lead to an archived record, are left out unless `archived` says so.
        """
        after = None
        while True:
            page = self.related_page(
                record,
                type,
                direction=direction,
                role=role,
                on=on,
                at_any_time=at_any_time,
                archived=archived,
                with_records=with_records,
                after=after,
                limit=SCAN_PAGE,
            )
            yield from page
            after = page.next
            if after is None:
                return

    def related_page(
        self,
        record: Record | RecordRef,
        type: str | None = None,
        *,
        direction: AssociationDirection | str = AssociationDirection.BOTH,
        role: str | None = None,
        on: datetime.date | None = None,
        at_any_time: bool = False,
        archived: Archived | str = "exclude",
        with_records: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> AssociationPage:
        """Return a page of what `related` iterates over."""
        request = {
            "record": write_ref(record, "record"),
            "type": type,
            "direction": str(direction),
            "role": role,
            "on": encode(on, "on"),
            "at_any_time": at_any_time,
            "archived": str(archived),
            "with_records": with_records,
            "after": after,
            "limit": limit,
        }
        answer = self._engine.call("associations.related", request)
        related = tuple(map(self._related, answer["related"]))
        return AssociationPage(related=related, next=answer["next"])

    def walk(
        self,
        type: str,
        record: Record | RecordRef,
        *,
        direction: AssociationDirection | str = AssociationDirection.BOTH,
        on: datetime.date | None = None,
        at_any_time: bool = False,
        through_archived: bool = False,
        max_depth: int = 64,
        limit: int = 1000,
    ) -> AssociationWalk:
        """Follow associations of a type from record to record, each record once, nearest first.

        In a hierarchy `outgoing` leads up and `incoming` down.

        >>> import crm
        >>> with crm.open() as db:
        ...     parent = db.association_types.define_preset("parent_company").name
        ...     top, middle, leaf = (db.companies.create(name=name) for name in "ABC")
        ...     for below, above in ((middle, top), (leaf, middle)):
        ...         link = db.associations.add(parent, below, above)
        ...     [node.depth for node in db.associations.walk(parent, top, direction="incoming")]
        [1, 2]
        """
        request = {
            "type": type,
            "record": write_ref(record, "record"),
            "direction": str(direction),
            "on": encode(on, "on"),
            "at_any_time": at_any_time,
            "through_archived": through_archived,
            "max_depth": max_depth,
            "limit": limit,
        }
        return wire.read(AssociationWalk, self._engine.call("associations.walk", request))

    def _one(self, verb: str, request: dict[str, Any]) -> Association:
        plain = self._engine.call(f"associations.{verb}", request)
        return read_association(Association, plain, self._definitions)

    def _related(self, plain: dict[str, Any]) -> Related:
        from crm.records import read_record

        record = plain["record"]
        return Related(
            association=read_association(Association, plain["association"], self._definitions),
            direction=wire.known(AssociationDirection, plain["direction"]),
            other=wire.read(RecordRef, plain["other"]),
            record=record and read_record(record, self._definitions),
        )


class AssociationTypes(Named[AssociationType]):
    """The types of associations: `Crm.association_types`.

    Associations of an archived type stay readable, and writes are refused.
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        super().__init__(engine, "association_types", "type", _read_type, definitions.forget)

    def define(
        self,
        name: str,
        from_: str | Iterable[str] = (),
        to: str | Iterable[str] = (),
        *,
        label: str = "",
        inverse_label: str = "",
        description: str = "",
        max_outgoing: int | None = None,
        max_incoming: int | None = None,
        roles: Iterable[ChoiceOption | str] = (),
        is_hierarchy: bool = False,
        attributes: Iterable[Attribute] = (),
    ) -> AssociationType:
        """Define a type that leads from some entity types to others, or change one.

        Texts, `from_` and `to` stay as they are where they are empty, and attributes that are not
        listed stay; limits, roles and `is_hierarchy` become what is stated.
        """
        request = {
            "name": name,
            "label": label,
            "inverse_label": inverse_label,
            "description": description,
            "from": names_of(from_, "from"),
            "to": names_of(to, "to"),
            "max_outgoing": max_outgoing,
            "max_incoming": max_incoming,
            "roles": write_options(roles, "roles"),
            "is_hierarchy": is_hierarchy,
            "attributes": write_attributes(attributes, "attributes"),
        }
        return self._change("define", request)

    def define_preset(self, preset: AssociationPreset | str) -> AssociationType:
        """Define one of the ready-made types."""
        return self._change("define_preset", {"preset": str(preset)})


def _read_type(plain: dict[str, Any]) -> AssociationType:
    archived_at = plain["archived_at"]
    return AssociationType(
        name=plain["name"],
        label=plain["label"],
        inverse_label=plain["inverse_label"],
        description=plain["description"],
        from_=tuple(plain["from"]),
        to=tuple(plain["to"]),
        max_outgoing=plain["max_outgoing"],
        max_incoming=plain["max_incoming"],
        roles=tuple(wire.read(ChoiceOption, option) for option in plain["roles"]),
        is_hierarchy=plain["is_hierarchy"],
        attributes=tuple(map(read_attribute, plain["attributes"])),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
    )
