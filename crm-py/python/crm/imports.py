"""Imports that can be trusted: planned without writing, applied as planned, and taken back.

A plan says for every row of a table what would become of it. Applying it does exactly that, or is
refused because somebody wrote since; what it did can be taken back, except for what others changed.
"""

from __future__ import annotations

import base64
import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Required, TypedDict, TypeVar, Unpack
from uuid import UUID

from crm import wire
from crm._native import Engine
from crm.activities import Direction
from crm.arrow import ArrowTable
from crm.exchange import (
    AssociationColumns,
    BadCells,
    CellProblem,
    ColumnMapping,
    CsvDialect,
    ImportMode,
    ProblemCount,
    StartStage,
    write_association,
    write_columns,
    write_stages,
)
from crm.errors import InvalidArgumentError
from crm.given import items_of, names_of, path_of, plain_of, source_of
from crm.progress import Report, adapt
from crm.schema import Definitions
from crm.values import Money

T = TypeVar("T")

ROWS_PAGE = 1000
"""How many rows of a plan an iteration reads at a time."""


class RowDecision(StrEnum):
    """What is done with a row of a table."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    ERROR = "error"


class LeftItem(StrEnum):
    """What an import wrote."""

    RECORD = "record"
    ASSOCIATION = "association"
    ACTIVITY = "activity"


class ImportState(StrEnum):
    """How far an import is."""

    UNFINISHED = "unfinished"
    FINISHED = "finished"
    REVERTING = "reverting"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True)
class ActivityColumns:
    """Columns that make an activity with the record of a row.

    A row whose time is blank makes none, and what was imported once is not recorded again.
    """

    kind: str
    """The kind of activity."""
    columns: Mapping[str, str] | Iterable[ColumnMapping]
    """Columns that go to `at`, which is needed, to `amount`, `amount.currency`, `channel`,
    `direction` or `key`, or to a property. A format of `at` with a day only needs a time zone."""
    channel: str | None = None
    """The channel where no column, or a blank cell, says one."""
    direction: Direction | str | None = None
    """The direction where no column, or a blank cell, says one."""


class PlanOptions(TypedDict, total=False):
    """The keywords that every plan of an import takes, whatever the form of its table."""

    mapping: Required[Mapping[str, str] | Iterable[ColumnMapping]]
    """Where each column goes; those that are not listed are not read. It is always needed."""
    key: str | Iterable[str] | None
    """The attributes that together name the record: one, several, or none."""
    mode: ImportMode | str | None
    """What is done with each row; upsert with a key and create without one if it is left out."""
    bad_cells: BadCells | str
    """What a value that does not fit does to its row; it rejects the row if it is left out."""
    associations: Iterable[AssociationColumns]
    """Columns that make associations with the record of a row."""
    activities: Iterable[ActivityColumns]
    """Columns that make activities with the record of a row."""
    stages: Mapping[str, str] | Iterable[StartStage]
    """On which stages new records begin: `{lifecycle: stage}`, or columns that say it."""
    progress: Report | None
    """Is told how far it is, and may cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCounts:
    """How many rows of a plan there are, by what would be done with them."""

    rows: int
    """All of them, without blank ones."""
    create: int
    """Rows that would create a record."""
    update: int
    """Rows that would change one."""
    unchanged: int
    """Rows whose record is as they say."""
    conflict: int
    """Rows that fit, but not with other rows or records."""
    error: int
    """Rows that do not fit."""
    associations: int = 0
    """Associations that would be added."""
    activities: int = 0
    """Activities that would be recorded."""
    others: int = 0
    """Records at the other end of associations that would be created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedColumn:
    """A column that goes nowhere."""

    column: str
    """The column, as the table names it."""
    place: int
    """Its place among the columns, counted from 1."""
    cells: int
    """How many of its cells hold something."""
    first_row: int | None
    """The first row in which it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """An attribute that a row would set."""

    attribute: str
    """The attribute."""
    old: Any
    """What it is; None if there is nothing."""
    new: Any
    """What it would be; None if that is a record which a row would create."""
    new_row: int | None
    """The row that would create the record to which a reference refers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAssociation:
    """An association that a row would add."""

    type: str
    """The type of associations."""
    is_incoming: bool
    """Whether it would lead from the other record to that of the row."""
    other_type: str
    """The entity type of the other record."""
    other: UUID | None
    """The other record; None if it is not there yet."""
    new_row: int | None
    """The row that would create the other record, be it this one."""
    role: str | None
    """Its role."""
    is_primary: bool
    """Whether it would be the primary one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedActivity:
    """An activity that a row would record."""

    kind: str
    """The kind of activity."""
    at: datetime.datetime
    """When it was, in UTC."""
    properties: Mapping[str, Any]
    """The properties that would have a value."""
    amount: Money | None
    """What it was worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage on which the record of a row would begin."""

    lifecycle: str
    """The lifecycle."""
    stage: str
    """The stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """A row of a plan."""

    row: int
    """The row, counted from 1 for the first one after the header."""
    decision: RowDecision | str
    """What would be done with it."""
    id: UUID | None
    """The record that it names; None if it names none, or several."""
    changes: tuple[PlannedChange, ...]
    """What would be set, by attribute."""
    associations: tuple[PlannedAssociation, ...]
    """The associations that would be added."""
    activities: tuple[PlannedActivity, ...]
    """The activities that would be recorded."""
    stages: tuple[PlannedStage, ...]
    """The stages on which the record would begin because the import says so."""
    problems: tuple[CellProblem, ...]
    """What does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRows:
    """A page of rows of a plan."""

    rows: tuple[PlannedRow, ...]
    """The rows, in the order of the table."""
    next: int | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[PlannedRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What would come of an import: apply it, or look at its rows first."""

    type: str
    """The entity type."""
    counts: PlanCounts
    """How many rows there are, by what would be done with them."""
    problems: tuple[CellProblem, ...]
    """The first 1,000 problems, by row."""
    problem_counts: tuple[ProblemCount, ...]
    """All problems, counted by column, kind and hint, the most frequent first."""
    unmapped: tuple[UnmappedColumn, ...]
    """The columns that are not mapped, and what would be left behind with them."""
    _plain: Mapping[str, Any] = field(repr=False)
    _imports: Imports = field(repr=False, compare=False)

    def rows(self, *decisions: RowDecision | str) -> Iterator[PlannedRow]:
        """Iterate over the rows, or over those with one of these decisions, a page at a time."""
        after: int | None = 0
        while after is not None:
            page = self.rows_page(*decisions, after=after, limit=ROWS_PAGE)
            yield from page
            after = page.next

    def rows_page(
        self, *decisions: RowDecision | str, after: int = 0, limit: int = 100
    ) -> PlannedRows:
        """Return a page of rows. They are not kept: each page reads the table up to its end."""
        request = {
            "plan": self._plain,
            "after": after,
            "limit": limit,
            "decisions": [str(decision) for decision in decisions],
        }
        return self._imports._rows(self.type, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import that was begun from a plan."""

    id: UUID
    """Its id. The cause of its changes in the journal is `import:` and this id."""
    type: str
    """The entity type."""
    state: ImportState | str
    """How far it is."""
    actor: str
    """Who began it."""
    started_at: datetime.datetime
    """When it was begun, in UTC."""
    updated_at: datetime.datetime
    """When it wrote last, in UTC."""
    rows: int
    """Rows that are accounted for."""
    created: int
    """Records created."""
    updated: int
    """Records changed."""
    unchanged: int
    """Rows whose record was as they said."""
    conflicts: int
    """Rows left out because they did not go with other rows or records."""
    errors: int
    """Rows left out because they did not fit."""
    associations: int
    """Associations added."""
    activities: int
    """Activities recorded."""
    others: int
    """Records created at the other end of associations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage:
    """A page of imports, the newest first."""

    imports: tuple[Import, ...]
    """The imports."""
    next: UUID | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[Import]:
        return iter(self.imports)

    def __len__(self) -> int:
        return len(self.imports)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """What `Imports.apply` or `Imports.resume` did."""

    import_: Import
    """The import as it is now. It is unfinished if the caller cancelled."""
    problems: tuple[CellProblem, ...]
    """The first 1,000 problems of the rows that this call worked on, by row."""
    problem_counts: tuple[ProblemCount, ...]
    """All of them, counted by column, kind and hint, the most frequent first."""

    @property
    def id(self) -> UUID:
        """The id of the import."""
        return self.import_.id


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftChange:
    """Something of an import that `Imports.revert` left as it is."""

    item: LeftItem | str
    """What was left."""
    id: UUID
    """Its id."""
    attribute: str | None
    """The attribute; None if the whole is meant."""
    actor: str | None
    """Who changed it since; None if nobody did, but what it was does not fit any more."""
    at: datetime.datetime | None
    """When they did, in UTC."""
    kind: str
    """The kind of error for which it was left: `stale_version` if somebody changed or used it,
    `invalid_argument` for an activity, which is immutable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertReport:
    """What `Imports.revert` did."""

    import_: Import
    """The import as it is now. It is reverting if the caller cancelled."""
    archived: int
    """Records that the import created and that were archived."""
    restored: int
    """Records of which some values got back what they were."""
    associations: int
    """Associations that the import added and that were archived."""
    left_count: int
    """How much was left as it is."""
    left: tuple[LeftChange, ...]
    """The first 1,000 of it."""


class Imports:
    """Imports that can be trusted: `Crm.imports`.

    >>> import crm
    >>> with crm.open() as db:
    ...     plan = db.imports.plan_csv(
    ...         "company",
    ...         text="Name,Staff\\nAcme,12\\nInitech,many\\n",
    ...         mapping={"Name": "name", "Staff": "employees"},
    ...     )
    ...     plan.counts.create, plan.counts.error
    ...     result = db.imports.apply(plan)
    ...     db.companies.count()
    ...     db.imports.revert(result.id).archived
    (1, 1)
    1
    1
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        self._engine = engine
        self._definitions = definitions

    def plan_csv(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        text: str | None = None,
        dialect: CsvDialect = CsvDialect(),
        **options: Unpack[PlanOptions],
    ) -> ImportPlan:
        """Say what would come of importing a CSV table, without writing anything.

        The table is the file at `path` or the given `text`; `mapping` says where each column goes.
        With a `key`, one attribute or several that must all be equal, records that are there are
        changed and others created, unless `mode` says otherwise; without one each row creates a
        record. `associations` and `activities` say which columns make what beside the record.
        `progress` counts bytes. All options: `PlanOptions`.
        """
        plain = plain_of(dialect, CsvDialect, "dialect")
        source = {**source_of(path, text), "format": "csv", "dialect": plain}
        return self._plan(entity_type, source, options)

    def plan_json_lines(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        text: str | None = None,
        **options: Unpack[PlanOptions],
    ) -> ImportPlan:
        """Say what would come of importing JSON objects, one a line: as `plan_csv`.

        Their keys are the columns; those of an object within it are joined by a dot: `home.city`.
        """
        return self._plan(entity_type, {**source_of(path, text), "format": "json_lines"}, options)

    def plan_arrow(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        data: bytes | None = None,
        **options: Unpack[PlanOptions],
    ) -> ImportPlan:
        """Say what would come of importing an Arrow table: as `plan_csv`.

        It is an IPC file (also called Feather 2) or stream at `path`, or the bytes `data` of one,
        uncompressed or with LZ4. `spool` writes such a file from a data frame.
        """
        given: object = data
        if given is not None and not isinstance(given, bytes | bytearray | memoryview):
            raise InvalidArgumentError("not bytes", field="data", hint="hand in the bytes of a table")
        text = None if data is None else base64.b64encode(data).decode()
        return self._plan(entity_type, {**source_of(path, text), "format": "arrow"}, options)

    def spool(
        self,
        table: ArrowTable,
        path: str | os.PathLike[str],
        *,
        progress: Report | None = None,
    ) -> int:
        """Write a table of polars, pandas, pyarrow, DuckDB or the like to a new file at `path`.

        A stream is read once, and an import reads its table several times: plan it from this file by
        `plan_arrow`, and keep the file until the import has ended. Returns how many rows there are,
        which `progress` counts.
        """
        return self._engine.spool_table(path_of(path), table, adapt(progress))

    def apply(self, plan: ImportPlan, *, progress: Report | None = None) -> ImportRun:
        """Carry out a plan, in transactions of 5,000 rows, and remember what it did.

        It raises `StaleVersionError` and writes nothing if the table was changed, or records that
        the plan looked at. When `progress` cancels, what was written is kept, for `resume`.
        """
        answer = self._engine.call("imports.apply", {"plan": _plan(plan)}, adapt(progress))
        return _read_run(answer)

    def resume(
        self, id: UUID | str, plan: ImportPlan, *, progress: Report | None = None
    ) -> ImportRun:
        """Go on with an import that was cancelled or cut short by the end of the process.

        `plan` is the one that it was begun with, or one made anew for the same table and mapping.
        What others changed meanwhile is a conflict and is not overwritten.
        """
        request = {"id": str(id), "plan": _plan(plan)}
        return _read_run(self._engine.call("imports.resume", request, adapt(progress)))

    def revert(self, id: UUID | str, *, progress: Report | None = None) -> RevertReport:
        """Take an import back: archive what it created, give back what it changed.

        What others changed since is left and listed. `progress` counts changes.
        """
        answer = self._engine.call("imports.revert", {"id": str(id)}, adapt(progress))
        return wire.read(RevertReport, {**answer, "import_": answer["import"]})

    def get(self, id: UUID | str) -> Import:
        """Return how far an import is, and what it did."""
        return wire.read(Import, self._engine.call("imports.get", {"id": str(id)}))

    def list(self, *, after: UUID | str | None = None, limit: int = 100) -> ImportPage:
        """Return a page of the imports, the newest first."""
        request = {"after": after and str(after), "limit": limit}
        return wire.read(ImportPage, self._engine.call("imports.list", request))

    def _plan(
        self, entity_type: str, source: dict[str, Any], options: PlanOptions
    ) -> ImportPlan:
        for name in options:
            if name not in PlanOptions.__annotations__:
                known = ", ".join(PlanOptions.__annotations__)
                raise InvalidArgumentError("no such option", field=name, hint=f"the options are {known}")
        if "mapping" not in options:
            raise InvalidArgumentError("is missing", field="mapping", hint="{column: attribute}")
        keys = names_of(options.get("key"), "key")
        mode = options.get("mode")
        if mode is None:
            mode = ImportMode.UPSERT if keys else ImportMode.CREATE
        request = {
            "type": entity_type,
            "source": source,
            "columns": write_columns(options["mapping"]),
            "mode": str(mode),
            "key": keys,
            "bad_cells": str(options.get("bad_cells", BadCells.REJECT_ROW)),
            "associations": _blocks(options.get("associations", ()), "associations", write_association),
            "activities": _blocks(options.get("activities", ()), "activities", _write_activity),
            "stages": write_stages(options.get("stages", ())),
        }
        progress = adapt(options.get("progress"))
        return self._read_plan(self._engine.call("imports.plan", request, progress))

    def _read_plan(self, plain: Mapping[str, Any]) -> ImportPlan:
        parts = {
            **plain,
            "type": plain["request"]["type"],
            "counts": plain,
            "_plain": plain,
            "_imports": self,
        }
        return wire.read(ImportPlan, parts)

    def _rows(self, entity_type: str, request: dict[str, Any]) -> PlannedRows:
        answer = self._engine.call("imports.plan_rows", request)
        return PlannedRows(
            rows=tuple(self._read_row(entity_type, row) for row in answer["rows"]),
            next=answer["next"],
        )

    def _read_row(self, entity_type: str, plain: dict[str, Any]) -> PlannedRow:
        names = {change["attribute"]: None for change in plain["changes"]}
        shape = self._definitions.shape(entity_type, names)

        def read(change: dict[str, Any]) -> dict[str, Any]:
            name = change["attribute"]
            old, new = (shape.decode({name: change[side]})[name] for side in ("old", "new"))
            return {**change, "old": old, "new": new}

        def read_activity(activity: dict[str, Any]) -> dict[str, Any]:
            properties = activity["properties"]
            shape = self._definitions.kind_shape(activity["kind"], properties)
            return {**activity, "properties": shape.decode(properties)}

        parts = {
            "changes": map(read, plain["changes"]),
            "activities": map(read_activity, plain["activities"]),
        }
        return wire.read(PlannedRow, {**plain, **parts})


def _plan(plan: ImportPlan) -> Mapping[str, Any]:
    if not isinstance(plan, ImportPlan):
        raise InvalidArgumentError("not a plan", field="plan", hint="hand in what a plan_… returned")
    return plan._plain


def _blocks(
    blocks: Iterable[T], field: str, write: Callable[[T], dict[str, Any]]
) -> list[dict[str, Any]]:
    return [write(block) for block in items_of(blocks, field, "hand in a list of them")]


def _write_activity(block: ActivityColumns) -> dict[str, Any]:
    plain = plain_of(block, ActivityColumns, "activities")
    plain["columns"] = write_columns(block.columns)
    if block.direction is not None:
        plain["direction"] = str(block.direction)
    return plain


def _read_run(answer: dict[str, Any]) -> ImportRun:
    return wire.read(ImportRun, {**answer, "import_": answer["import"]})
