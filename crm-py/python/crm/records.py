"""Records: an id, a version and one value per attribute; and all that can be asked of them."""

from __future__ import annotations

import builtins
import datetime
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from crm import values, wire
from crm._native import Engine
from crm.archived import Archived
from crm.arrow import BATCH_ROWS, ArrowTable, LazyTable
from crm.conditions import Condition, moment, write
from crm.errors import CrmError, InvalidArgumentError
from crm.exchange import (
    BadCells,
    ColumnMapping,
    ImportMode,
    ImportReport,
    StartStage,
    write_columns,
    write_stages,
)
from crm.given import RecordId, id_of, items_of, mapping_of, names_of
from crm.journal import HistoryEntry, HistoryPage, read_history
from crm.progress import Report, adapt
from crm.quality import AuditReport
from crm.schema import Definitions
from crm.values import Value, encode, encode_values

SCAN_PAGE = 1000
"""How many records an iteration reads at a time."""


class Outcome(StrEnum):
    """What an operation did to a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ARCHIVED = "archived"
    RESTORED = "restored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it is stored.

    >>> import crm
    >>> with crm.open() as db:
    ...     ann = db.contacts.create(given_name="Ann", country="de")
    >>> ann["given_name"], ann["country"], ann["email"], ann.typed
    ('Ann', 'DE', None, {'country': 'de'})
    """

    type: str
    """The entity type."""
    id: UUID
    """The id, for ever."""
    version: int
    """1 when created, and one more with every change."""
    created_at: datetime.datetime
    """When it was created, in UTC."""
    updated_at: datetime.datetime
    """When it was changed last, in UTC."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""
    values: Mapping[str, Any]
    """The values of the attributes that have one."""
    typed: Mapping[str, str]
    """What was typed, where the normal form of an e-mail, telephone number and so on differs."""
    _names: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    def __getitem__(self, attribute: str) -> Any:
        """Return the value of an attribute, None if it has none; KeyError if the type has no such."""
        try:
            return self.values[attribute]
        except KeyError:
            if attribute in self._names:
                return None
            message = f"{self.type} has no attribute {attribute!r}"
            near = difflib.get_close_matches(attribute, self._names, n=1)
            raise KeyError(f"{message}; did you mean {near[0]!r}?" if near else message) from None

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return the value of an attribute, or `default` if there is none."""
        return self.values.get(attribute, default)

    def __hash__(self) -> int:
        return hash((self.type, self.id, self.version))


values.register(Record, lambda record: str(record.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of records."""

    records: tuple[Record, ...]
    """The records."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upserted:
    """The answer of `Records.upsert`."""

    record: Record
    """The record as it is now."""
    outcome: Outcome | str
    """Whether it was created, updated or unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRecord:
    """A change of a batch: add a record."""

    type: str
    """The entity type."""
    values: Mapping[str, Value]
    """The values by attribute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRecord:
    """A change of a batch: change some values of a record."""

    type: str
    """The entity type."""
    id: RecordId
    """The id, or the record."""
    values: Mapping[str, Value]
    """The new values; None clears an attribute, those left out stay."""
    expected_version: int | None = None
    """The version that the caller read. If the record has another one, the change fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertRecord:
    """A change of a batch: create a record, or change the one with the same unique value."""

    type: str
    """The entity type."""
    key: str
    """The unique attribute that tells whether the record is there."""
    values: Mapping[str, Value]
    """The values by attribute, the key among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """A change of a batch: archive a record."""

    type: str
    """The entity type."""
    id: RecordId
    """The id, or the record."""
    expected_version: int | None = None
    """The version that the caller read. If the record has another one, the change fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRecord:
    """A change of a batch: take a record out of the archive."""

    type: str
    """The entity type."""
    id: RecordId
    """The id, or the record."""
    expected_version: int | None = None
    """The version that the caller read. If the record has another one, the change fails."""


RecordChange: TypeAlias = CreateRecord | PatchRecord | UpsertRecord | ArchiveRecord | RestoreRecord
"""One change of a batch."""

_CHANGES = {
    CreateRecord: "create",
    PatchRecord: "patch",
    UpsertRecord: "upsert",
    ArchiveRecord: "archive",
    RestoreRecord: "restore",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong with one change of a batch."""

    kind: str
    """The name of the error's kind, such as `duplicate`."""
    field: str | None
    """The attribute or field of the request."""
    message: str
    """One line of text, without personal data."""
    hint: str | None
    """What to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """What became of one change of a batch."""

    outcome: Outcome | str
    """What was done."""
    id: UUID | None
    """The record; None if it failed before there was one."""
    version: int | None
    """The record's version afterwards."""
    problem: Problem | None
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReport:
    """What became of a batch."""

    outcomes: tuple[ChangeOutcome, ...]
    """For each change what became of it, in order."""
    failed: int
    """How many failed."""
    is_committed: bool
    """Whether the transaction was committed. If not, no change was kept."""


def apply(engine: Engine, changes: Iterable[RecordChange], all_or_nothing: bool) -> ApplyReport:
    """Write the changes in one transaction."""
    plain = []
    for place, change in enumerate(items_of(changes, "changes", "hand in a list")):
        if type(change) not in _CHANGES:
            hint = "hand in crm.CreateRecord(…), crm.PatchRecord(…) or another change"
            raise InvalidArgumentError("not a change", field=f"changes[{place}]", hint=hint)
        try:
            plain.append({_CHANGES[type(change)]: _write_change(change)})
        except CrmError as error:
            error.field = f"changes[{place}].{error.field}"
            raise
    request = {"changes": plain, "all_or_nothing": all_or_nothing}
    return wire.read(ApplyReport, engine.call("records.apply", request))


def _write_order(order: Iterable[str | Mapping[str, Any]]) -> list[dict[str, Any]]:
    plain = []
    for place, one in enumerate(items_of(order, "order", "hand in a list of fields")):
        if not isinstance(one, str | Mapping):
            raise InvalidArgumentError("not a field", field=f"order[{place}]", hint="hand in a name")
        plain.append({"field": one} if isinstance(one, str) else dict(one))
    return plain


def _write_change(change: RecordChange) -> dict[str, Any]:
    plain = wire.write(change)
    if "values" in plain:
        plain["values"] = encode_values(plain["values"], {})
    if "id" in plain:
        plain["id"] = id_of(plain["id"])
    return plain


def read_record(plain: dict[str, Any], definitions: Definitions) -> Record:
    """Return a record from its plain form."""
    shape = definitions.shape(plain["type"], plain["values"])
    archived_at = plain["archived_at"]
    return Record(
        type=plain["type"],
        id=UUID(plain["id"]),
        version=plain["version"],
        created_at=datetime.datetime.fromisoformat(plain["created_at"]),
        updated_at=datetime.datetime.fromisoformat(plain["updated_at"]),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
        values=shape.decode(plain["values"]),
        typed=plain["typed"],
        _names=shape.names,
    )


class Records:
    """The records of one entity type: `Crm.contacts`, `Crm.records("book")` and so on.

    Values are given by keyword, or in a mapping where an attribute has the name of a parameter.
    Iterating reads all records in use, a page at a time.

    >>> import crm
    >>> with crm.open() as db:
    ...     ann = db.contacts.create(given_name="Ann", email="ann@example.org")
    ...     ann = db.contacts.patch(ann.id, job_title="CFO", expected_version=ann.version)
    ...     db.contacts.get_by(email="ann@EXAMPLE.org") == ann
    ...     [record["job_title"] for record in db.contacts]
    True
    ['CFO']
    """

    def __init__(self, engine: Engine, definitions: Definitions, entity_type: str) -> None:
        self._engine = engine
        self._definitions = definitions
        self._type = entity_type

    @property
    def type(self) -> str:
        """The entity type."""
        return self._type

    def create(self, values: Mapping[str, Value] = {}, /, **attributes: Value) -> Record:
        """Add a record and return it with its id. Attributes left out take their default."""
        return self._one("records.create", values=encode_values(values, attributes))

    def get(self, id: RecordId) -> Record:
        """Return the record of this id; `NotFoundError` if there is none."""
        return self._one("records.get", id=id_of(id))

    def get_by(self, /, **attribute: Value) -> Record:
        """Return the record that has this value of a unique attribute: `get_by(email="…")`."""
        if len(attribute) != 1:
            raise InvalidArgumentError("expected one unique attribute", hint='get_by(email="…")')
        ((name, value),) = encode_values(attribute, {}).items()
        return self._one("records.get_by", attribute=name, value=value)

    def get_many(
        self, keys: Iterable[Value], attribute: str | None = None
    ) -> builtins.list[Record | None]:
        """Return for each id, or value of a unique attribute, its record, or None."""
        given = enumerate(items_of(keys, "keys", "hand in a list"))
        plain_keys = [encode(key, f"keys[{place}]") for place, key in given]
        plain = {"keys": plain_keys, "attribute": attribute}
        found = self._call("records.get_many", plain)["records"]
        return [record and self._read(record) for record in found]

    def patch(
        self,
        id: RecordId,
        values: Mapping[str, Value] = {},
        /,
        *,
        expected_version: int | None = None,
        **attributes: Value,
    ) -> Record:
        """Change some values; None clears an attribute, those left out stay.

        With `expected_version`, the version that you read, nothing is written and
        `StaleVersionError` raised if somebody else has changed the record since.
        """
        return self._one(
            "records.patch",
            id=id_of(id),
            values=encode_values(values, attributes),
            expected_version=expected_version,
        )

    def upsert(
        self, key: str, values: Mapping[str, Value] = {}, /, **attributes: Value
    ) -> Upserted:
        """Create a record, or change the one that has the same value of the unique attribute `key`."""
        plain = {"key": key, "values": encode_values(values, attributes)}
        answer = self._call("records.upsert", plain)
        outcome = wire.known(Outcome, answer["outcome"])
        return Upserted(record=self._read(answer["record"]), outcome=outcome)

    def archive(self, id: RecordId, *, expected_version: int | None = None) -> Record:
        """Archive a record: it stays readable, and lists leave it out."""
        return self._one("records.archive", id=id_of(id), expected_version=expected_version)

    def restore(self, id: RecordId, *, expected_version: int | None = None) -> Record:
        """Take a record out of the archive."""
        return self._one("records.restore", id=id_of(id), expected_version=expected_version)

    def list(
        self,
        filter: Mapping[str, Value] = {},
        /,
        *,
        where: Condition | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
        order: str | None = None,
        descending: bool = False,
        archived: Archived | str = Archived.EXCLUDE,
        after: str | None = None,
        limit: int = 100,
        **attributes: Value,
    ) -> Page:
        """Return a page of the records whose attributes equal the given values.

        `where` is a condition that must be true too: text, mapping or built; `at` is the moment that
        counts as now in it, and `zone` the time zone by whose calendar days count.
        None means without a value. The order is by one attribute, or by id, which is the order of
        creation. Hand the page's `next` in as `after` for the next page, or use `iterate`.
        """
        plain = {
            "filter": encode_values(filter, attributes, "filter"),
            "where": where if where is None else write(where, "where"),
            **moment(at, zone),
            "order": order and {"attribute": order, "descending": descending},
            "archived": str(archived),
            "after": after,
            "limit": limit,
        }
        answer = self._call("records.list", plain)
        return Page(records=tuple(map(self._read, answer["records"])), next=answer["next"])

    def iterate(
        self,
        filter: Mapping[str, Value] = {},
        /,
        *,
        where: Condition | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
        order: str | None = None,
        descending: bool = False,
        archived: Archived | str = Archived.EXCLUDE,
        **attributes: Value,
    ) -> Iterator[Record]:
        """Iterate over all pages of `list`, each read when it is needed.

        A record that is neither created nor moved in the order meanwhile comes exactly once,
        whatever others write.
        """
        given = mapping_of(filter, "filter", "{attribute: value}")
        after = None
        while True:
            page = self.list(
                {**given, **attributes},
                where=where,
                at=at,
                zone=zone,
                order=order,
                descending=descending,
                archived=archived,
                after=after,
                limit=SCAN_PAGE,
            )
            yield from page
            after = page.next
            if after is None:
                return

    def __iter__(self) -> Iterator[Record]:
        return self.iterate()

    def __contains__(self, id: object) -> bool:
        """Tell whether there is a record of this id, archived or not."""
        (found,) = self._call("records.get_many", {"keys": [encode(id)]})["records"]
        return found is not None

    def count(
        self,
        filter: Mapping[str, Value] = {},
        /,
        *,
        where: Condition | None = None,
        at: datetime.datetime | None = None,
        zone: str | None = None,
        archived: Archived | str = Archived.EXCLUDE,
        **attributes: Value,
    ) -> int:
        """Count the records that `list` takes."""
        plain = {
            "filter": encode_values(filter, attributes, "filter"),
            "where": where if where is None else write(where, "where"),
            **moment(at, zone),
            "archived": str(archived),
        }
        count: int = self._call("records.count", plain)
        return count

    def audit(
        self,
        *,
        at: datetime.datetime | None = None,
        stale_after_days: int = 365,
        examples: int = 5,
        progress: Report | None = None,
    ) -> AuditReport:
        """Count how complete the records are, and find what looks like a mistake.

        Misspellings, duplicates, outliers and others, each with up to `examples` ids; see `AuditRule`.
        `print` shows the report as a table. `at` counts as now; `progress` counts records read.
        """
        request = {
            "type": self.type,
            "at": encode(at, "at"),
            "stale_after_days": stale_after_days,
            "examples": examples,
        }
        answer = self._engine.call("records.audit", request, adapt(progress))
        return wire.read(AuditReport, answer)

    def history(self, id: RecordId, attribute: str | None = None) -> Iterator[HistoryEntry]:
        """Iterate over a record's changes, oldest first: values, when, who, why."""
        after: int | None = 0
        while after is not None:
            page = self.history_page(id, attribute, after=after, limit=SCAN_PAGE)
            yield from page.entries
            after = page.next

    def history_page(
        self, id: RecordId, attribute: str | None = None, *, after: int = 0, limit: int = 100
    ) -> HistoryPage:
        """Return a page of a record's changes after a place in the journal."""
        plain = {"id": id_of(id), "attribute": attribute, "after": after, "limit": limit}
        answer = self._call("records.history", plain)
        return read_history(answer, self._definitions, self._type)

    def create_many(
        self, rows: Iterable[Mapping[str, Value]], *, all_or_nothing: bool = False
    ) -> ApplyReport:
        """Create a record from each row in one transaction, at most 100,000.

        A row that does not fit is reported and left out, or undoes them all if `all_or_nothing`.
        """
        given = items_of(rows, "rows", "hand in a list of mappings")
        changes = (CreateRecord(type=self._type, values=row) for row in given)
        return apply(self._engine, changes, all_or_nothing)

    def upsert_many(
        self, key: str, rows: Iterable[Mapping[str, Value]], *, all_or_nothing: bool = False
    ) -> ApplyReport:
        """Upsert each row by the unique attribute `key` in one transaction, at most 100,000."""
        given = items_of(rows, "rows", "hand in a list of mappings")
        changes = (UpsertRecord(type=self._type, key=key, values=row) for row in given)
        return apply(self._engine, changes, all_or_nothing)

    def table(
        self,
        *fields: str,
        where: Condition | None = None,
        order: Iterable[str | Mapping[str, Any]] = (),
        archived: Archived | str = Archived.EXCLUDE,
        at: datetime.datetime | None = None,
        zone: str | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> LazyTable:
        """Return these fields of all records for programs that read Arrow: polars, pandas, DuckDB …

        `id` and all attributes are taken if no field is named. Without an order, rows come as the
        file holds them.
        """
        asked = {
            "type": self._type,
            "fields": [*fields],
            "where": where if where is None else write(where, "where"),
            "order": _write_order(order),
            "archived": str(archived),
            **moment(at, zone),
        }
        return LazyTable(self._engine, {"records": asked}, batch_rows)

    def ingest(
        self,
        table: ArrowTable,
        *,
        columns: Mapping[str, str] | Iterable[ColumnMapping] = (),
        mode: ImportMode | str = ImportMode.CREATE,
        key: str | Iterable[str] = (),
        bad_cells: BadCells | str = BadCells.REJECT_ROW,
        stages: Mapping[str, str] | Iterable[StartStage] = (),
        all_or_nothing: bool = False,
        progress: Report | None = None,
    ) -> ImportReport:
        """Take in a table of polars, pandas, pyarrow, DuckDB or the like; each row is a record.

        `columns` says where columns go, and those that are not listed are not read; without it each
        goes to the attribute of its own name. A null says nothing. For update and upsert, `key` names
        the attributes that tell which record a row is. `stages` says on which stages of their lifecycles
        new records begin. Good rows are kept, in transactions of 5,000
        rows, unless `all_or_nothing`; the others are in the report. `progress` counts rows.
        """
        request = {
            "type": self._type,
            "columns": write_columns(columns),
            "mode": str(mode),
            "key": names_of(key, "key"),
            "bad_cells": str(bad_cells),
            "stages": write_stages(stages),
            "all_or_nothing": all_or_nothing,
        }
        answer = self._engine.ingest_table(request, table, adapt(progress))
        return wire.read(ImportReport, answer)

    def __repr__(self) -> str:
        return f"<records of type {self._type}>"

    def _call(self, operation: str, request: dict[str, Any]) -> Any:
        return self._engine.call(operation, {"type": self._type, **request})

    def _one(self, operation: str, **request: Any) -> Record:
        return self._read(self._call(operation, request))

    def _read(self, plain: dict[str, Any]) -> Record:
        return read_record(plain, self._definitions)
