"""Tables of text in and out: CSV and its relatives.

Nothing is guessed: encoding, date and number formats are stated, and a cell that does not fit is
reported with its row, its column and a hint.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crm import wire
from crm._native import Engine
from crm.archived import Archived
from crm.given import items_of, names_of, path_of, plain_of, source_of
from crm.progress import Report, adapt
from crm.schema import Attribute, read_attribute
from crm.values import Value, encode_values


class ImportMode(StrEnum):
    """What an import does with each row."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class BadCells(StrEnum):
    """What a cell that does not fit does to its row."""

    REJECT_ROW = "reject_row"
    LEAVE_EMPTY = "leave_empty"


class ColumnRule(StrEnum):
    """What a column does to a record that is there already, and may have a value."""

    OVERWRITE = "overwrite"
    """The cell replaces the value."""
    KEEP = "keep"
    """A value stays; the cell is taken where there is none."""
    UPDATE_ONLY = "update_only"
    """The cell replaces the value, but a record that is created takes nothing from this column."""
    APPEND = "append"
    """The cell is added: a line to a long text, or options to those that are chosen."""


class CsvProfile(StrEnum):
    """For whom a table is written: a machine, or a spreadsheet that would run a formula."""

    MACHINE = "machine"
    SPREADSHEET = "spreadsheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvDialect:
    """How a CSV table is written."""

    delimiter: str = ","
    """Between two cells: one ASCII character."""
    quote: str = '"'
    """Around a cell that holds the delimiter, a line break or itself (doubled)."""
    encoding: str | None = None
    """The encoding, such as `windows-1252`. Without one a byte-order mark decides, or it is UTF-8."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Where one column of a table goes, and how its cells are written."""

    column: str
    """The column, as the first row names it."""
    attribute: str
    """The attribute; for one part of a money or address such as `price.currency`, `home.city`."""
    format: str | None = None
    """For a date or timestamp: its format in the letters of strptime; without one, ISO 8601."""
    time_zone: str | None = None
    """For a timestamp whose format has no offset: the IANA time zone that it is in."""
    decimal_separator: str | None = None
    """For numbers: the decimal separator, `.` if it is left out."""
    group_separator: str | None = None
    """For numbers: the separator of groups of three digits; none if it is left out."""
    list_separator: str | None = None
    """For a list of choices: what stands between two of them, `;` if it is left out."""
    lookup: str | None = None
    """For a reference: the unique attribute of the target by which the cell names the record."""
    rule: ColumnRule | str | None = None
    """What becomes of a value that the record has already: it is overwritten if this is left out."""


@dataclass(frozen=True, slots=True)
class AssociationColumns:
    """Columns that make an association between the record of a row and another one.

    An association that is there already is left as it is.
    """

    type: str
    """The type of associations."""
    column: str
    """The column that names the other record. A blank cell makes no association."""
    other_type: str
    """The entity type of the other record."""
    by: str | None = None
    """The attribute by which it is named, unique or with an index; its id if this is left out."""
    is_incoming: bool = False
    """Whether the association leads from the other record to that of the row."""
    separator: str | None = None
    """What stands between several names in a cell; a cell is one name if it is left out."""
    role: str | None = None
    """The role where no column, or a blank cell, says one."""
    is_primary: bool = False
    """Whether it becomes the primary one; of several in a cell the first."""
    create_missing: bool = False
    """Whether a record that is not there is created; otherwise the cell is reported."""
    columns: Mapping[str, str] | Iterable[ColumnMapping] = ()
    """Columns that go to `role`, `is_primary`, `valid_from`, `valid_to` or an attribute of the type."""


@dataclass(frozen=True, slots=True)
class StartStage:
    """The stage of a lifecycle on which the records begin that an import creates.

    It takes the place of the stage on which the lifecycle has new records begin. Guards are not
    asked; a row that lacks an attribute which the stage requires is left out. Records that are there
    stay where they are.
    """

    lifecycle: str
    """The lifecycle, one of the imported type. It is named once."""
    stage: str | None = None
    """The stage, by its name; with a column, that of rows whose cell is blank."""
    column: str | None = None
    """The column that says the stage, by its name or label. Address cards have none."""
    reason: str | None = None
    """Why; needed for a stage that is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellProblem:
    """A cell, or a row, that does not fit."""

    row: int
    """The row, counted from 1 for the first one after the header."""
    column: str | None
    """The column, as the header names it; None if the whole row is meant."""
    kind: str
    """The name of the error's kind, such as `invalid_value`."""
    message: str
    """One line of text, without the cell's content."""
    hint: str | None
    """What to do about it."""
    rejects_row: bool
    """Whether the row was left out because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemCount:
    """How often a problem occurred."""

    column: str | None
    """The column; None if whole rows are meant."""
    kind: str
    """The name of the error's kind."""
    hint: str | None
    """What to do about it."""
    count: int
    """How often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    rows: int
    """Rows read."""
    created: int
    """Records created."""
    updated: int
    """Records changed."""
    unchanged: int
    """Records that were already as the row says."""
    rejected: int
    """Rows left out because of a problem."""
    problems: tuple[CellProblem, ...]
    """The first 1,000 problems, by row."""
    problem_counts: tuple[ProblemCount, ...]
    """All problems, counted by column, kind and hint, the most frequent first."""
    is_cancelled: bool
    """Whether the caller cancelled it. What was committed before is kept, unless all or nothing."""
    is_committed: bool
    """Whether anything was kept: False when a rejected row undid all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingAddition:
    """An attribute that a type would need for columns of a table."""

    attribute: Attribute
    """The attribute, to be defined with `Types.define`."""
    columns: tuple[ColumnMapping, ...]
    """The columns that go there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingProposal:
    """A proposal for a mapping. A person should look at it: it is never applied by itself."""

    export: str | None
    """The program and what its rows are, such as `hubspot_contacts`, if the table is a known export."""
    columns: tuple[ColumnMapping, ...]
    """The columns that have an attribute, ready for `Csv.import_` and `Imports.plan_csv`."""
    unmapped: tuple[str, ...]
    """The columns that have none."""
    additions: tuple[MappingAddition, ...]
    """An attribute for each of the unmapped columns, or for several that are parts of one value."""
    associations: tuple[AssociationColumns, ...]
    """Associations that columns of a known export also make, for `Imports.plan_csv`."""

    @property
    def new_attributes(self) -> list[Attribute]:
        """The attributes of `additions`, to be defined so that nothing is lost."""
        return [addition.attribute for addition in self.additions]

    @property
    def all_columns(self) -> list[ColumnMapping]:
        """The mapping of all columns, once `new_attributes` are defined."""
        added = (column for addition in self.additions for column in addition.columns)
        return [*self.columns, *added]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What an export did."""

    rows: int
    """Rows written, without the header."""
    bytes: int
    """Bytes written."""
    text: str | None
    """The table, if no file was named."""
    hidden: tuple[str, ...]
    """The attributes in use that were left out for their sensitivity, because nobody named them."""


class Csv:
    """CSV tables in and out: `Crm.csv`.

    >>> import crm
    >>> with crm.open() as db:
    ...     report = db.csv.import_(
    ...         "contact",
    ...         text="First name,Mail\\nAnn,ann@example.org\\nBob,bob\\n",
    ...         columns={"First name": "given_name", "Mail": "email"},
    ...     )
    ...     report.created, [(bad.row, bad.column, bad.kind) for bad in report.problems]
    (1, [(2, 'Mail', 'invalid_value')])
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def import_(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        text: str | None = None,
        columns: Mapping[str, str] | Iterable[ColumnMapping],
        dialect: CsvDialect = CsvDialect(),
        mode: ImportMode | str = ImportMode.CREATE,
        key: str | None = None,
        bad_cells: BadCells | str = BadCells.REJECT_ROW,
        stages: Mapping[str, str] | Iterable[StartStage] = (),
        all_or_nothing: bool = False,
        progress: Report | None = None,
    ) -> ImportReport:
        """Read a table, of the file at `path` or the given `text`, into records.

        `columns` says where each column goes; those that are not listed are not read. For update
        and upsert, `key` is the unique attribute that names the record. `stages` says on which stages of
        their lifecycles new records begin. Good rows are kept, in transactions of 5,000 rows, unless
        `all_or_nothing`. `progress` counts bytes.
        """
        request = {
            **_source(entity_type, path, text, dialect),
            "columns": write_columns(columns),
            "mode": str(mode),
            "key": key,
            "bad_cells": str(bad_cells),
            "stages": write_stages(stages),
            "all_or_nothing": all_or_nothing,
        }
        answer = self._engine.call("csv.import", request, adapt(progress))
        return wire.read(ImportReport, answer)

    def export(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        attributes: Iterable[str] = (),
        personal: bool = False,
        filter: Mapping[str, Value] = {},
        archived: Archived | str = Archived.EXCLUDE,
        dialect: CsvDialect = CsvDialect(),
        profile: CsvProfile | str = CsvProfile.MACHINE,
        progress: Report | None = None,
    ) -> ExportReport:
        """Write records to a new file at `path`, or without one return the table as text.

        The id and the attributes without a sensitivity are written, with `personal` also those that
        are personal; or those that are listed, which is the only way to write one that is special.
        `hidden` of the report names what was left out. `progress` counts records.
        """
        request = {
            "type": entity_type,
            "path": None if path is None else path_of(path),
            "attributes": names_of(attributes, "attributes"),
            "personal": personal,
            "filter": encode_values(filter, {}, "filter"),
            "archived": str(archived),
            "dialect": plain_of(dialect, CsvDialect, "dialect"),
            "profile": str(profile),
        }
        answer = self._engine.call("csv.export", request, adapt(progress))
        return wire.read(ExportReport, answer)

    def propose(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        text: str | None = None,
        dialect: CsvDialect = CsvDialect(),
    ) -> MappingProposal:
        """Propose which column of a table goes into which attribute.

        Exports of HubSpot, Salesforce, Zendesk, Mailchimp, Google and Outlook are recognised by
        their header. For the columns that have no attribute, it proposes some to be added.
        """
        request = _source(entity_type, path, text, dialect)
        answer = self._engine.call("csv.propose", request)
        return MappingProposal(
            export=answer["export"],
            columns=_read_columns(answer["columns"]),
            unmapped=tuple(answer["unmapped"]),
            additions=tuple(
                MappingAddition(
                    attribute=read_attribute(addition["attribute"]),
                    columns=_read_columns(addition["columns"]),
                )
                for addition in answer["additions"]
            ),
            associations=tuple(
                AssociationColumns(**{**block, "columns": _read_columns(block["columns"])})
                for block in answer["associations"]
            ),
        )


def write_columns(columns: Mapping[str, str] | Iterable[ColumnMapping]) -> list[dict[str, Any]]:
    """Return the plain form of a mapping of columns to attributes."""
    if isinstance(columns, Mapping):
        columns = [ColumnMapping(column, name) for column, name in columns.items()]
    given = items_of(columns, "columns", "{column: name}")
    return [
        plain_of(column, ColumnMapping, f"columns[{place}]") for place, column in enumerate(given)
    ]


def write_stages(stages: Mapping[str, str] | Iterable[StartStage]) -> list[dict[str, Any]]:
    """Return the plain form of the stages on which new records begin."""
    if isinstance(stages, Mapping):
        stages = [StartStage(lifecycle, stage) for lifecycle, stage in stages.items()]
    given = items_of(stages, "stages", "{lifecycle: stage}")
    return [plain_of(stage, StartStage, f"stages[{place}]") for place, stage in enumerate(given)]


def write_association(block: AssociationColumns) -> dict[str, Any]:
    """Return the plain form of columns that make an association."""
    plain = plain_of(block, AssociationColumns, "associations")
    return {**plain, "columns": write_columns(block.columns)}


def _read_columns(plain: Iterable[dict[str, Any]]) -> tuple[ColumnMapping, ...]:
    return tuple(wire.read(ColumnMapping, column) for column in plain)


def _source(
    entity_type: str,
    path: str | os.PathLike[str] | None,
    text: str | None,
    dialect: CsvDialect,
) -> dict[str, Any]:
    return {
        "type": entity_type,
        **source_of(path, text),
        "dialect": plain_of(dialect, CsvDialect, "dialect"),
    }
