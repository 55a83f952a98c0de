"""Queries: rows of columns, figures over groups of records, and two-way tables.

Names mean what they mean in a condition, which says which records count. Values come in the Python
type of their column's kind.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from crm import conditions, tables, wire
from crm._native import Engine
from crm.archived import Archived
from crm.arrow import BATCH_ROWS, LazyTable
from crm.conditions import Condition, moment
from crm.errors import InvalidArgumentError
from crm.given import items_of
from crm.records import SCAN_PAGE
from crm.schema import Kind
from crm.values import decode


class Bucket(StrEnum):
    """Stretches of the calendar; each is told by its first day, and weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class SelectColumn:
    """A column of a select: a field, a field of one related record, or a figure over activities.

    Or what stands beside the record: of a lifecycle the `stage`, `entered_at`, `cycle` or `reached`;
    of a score the `points`, `threshold` or `grade`.

    >>> import crm
    >>> name = crm.SelectColumn("name")
    >>> stage = crm.SelectColumn(lifecycle="contact")
    >>> tier = crm.SelectColumn("threshold", score="lead", name="tier")
    >>> company = crm.SelectColumn("name", related="company", name="employer")
    >>> last = crm.SelectColumn(event="purchase", last="at", name="last purchase")
    >>> year = crm.SelectColumn(event="purchase", within="P12M", sum="amount", currency="EUR")
    """

    field: str | None = None
    """The field, of the record or of the related one, of a lifecycle or of a score."""
    _: KW_ONLY
    related: str | None = None
    """The association type or reference that leads to the related record."""
    inverse: bool = False
    """Whether the related record points to this one."""
    type: str | None = None
    """The entity type of the related record, where there can be several."""
    role: str | None = None
    """Only associations of this role."""
    event: str | None = None
    """The kind of activity; `any` is every kind."""
    within: str | None = None
    """Only activities of the span that ends now, such as `P12M`."""
    from_: datetime.datetime | None = None
    """Only activities at or after this moment."""
    until: datetime.datetime | None = None
    """Only activities before this moment. Without it, those up to now."""
    where: Condition | None = None
    """Only activities for which this is true."""
    count: bool = False
    """How many activities there are."""
    sum: str | None = None
    """The sum of a property, or of `amount`; 0 of none."""
    min: str | None = None
    """The least value of a property."""
    max: str | None = None
    """The greatest value of a property."""
    mean: str | None = None
    """The mean of a property, as a real number; of money in major units."""
    first: str | None = None
    """What the earliest activity has in a property, or `at`: when it was."""
    last: str | None = None
    """What the latest activity has in a property, or `at`: when it was."""
    currency: str | None = None
    """Only amounts in this currency; needed for figures of money in several."""
    lifecycle: str | None = None
    """The lifecycle, one in use of the records' type."""
    score: str | None = None
    """The score, a published one of the records' type; or as `score.group` one group of it."""
    name: str | None = None
    """What the column is called; after what it holds if it is left out."""


@dataclass(frozen=True, slots=True)
class FieldOrder:
    """One of the fields or columns by which rows are ordered; no value is the least.

    >>> import crm
    >>> best_first = crm.FieldOrder("purchase.amount.sum", descending=True)
    """

    field: str
    """The name of a column of the result, or else a field of the record itself."""
    _: KW_ONLY
    descending: bool = False
    """Whether the greatest comes first."""


@dataclass(frozen=True, slots=True)
class GroupKey:
    """By what records are grouped; those without a value are a group of their own.

    >>> import crm
    >>> month = crm.GroupKey("closed_on", bucket="month")
    >>> stage = crm.GroupKey("stage", lifecycle="deal")
    """

    field: str
    """The field, of the record or of the related one, of a lifecycle or of a score."""
    _: KW_ONLY
    bucket: Bucket | str | None = None
    """For a date or timestamp: the stretch of the calendar in which it lies."""
    related: str | None = None
    """The association type or reference that leads to the related record."""
    inverse: bool = False
    """Whether the related record points to this one."""
    type: str | None = None
    """The entity type of the related record, where there can be several."""
    role: str | None = None
    """Only associations of this role."""
    lifecycle: str | None = None
    """The lifecycle, one in use of the records' type."""
    score: str | None = None
    """The score, a published one of the records' type; or as `score.group` one group of it."""
    name: str | None = None
    """What the column is called; after what it holds if it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMeasure:
    """A figure over the records of a group: exactly one of these, of a field or of the records.

    Sums, the least and the greatest are of the field's own kind and exact; means and quantiles are
    real numbers, of money in major units. Records without a value do not count.

    >>> import crm
    >>> closed = crm.GroupMeasure(share="closed_on is set", name="closed")
    >>> median = crm.GroupMeasure(quantile=0.5, of="amount", currency="EUR")
    >>> warmth = crm.GroupMeasure(mean="points", score="lead")
    """

    count: bool = False
    """How many records there are."""
    sum: str | None = None
    """The sum of a field; 0 of none."""
    mean: str | None = None
    """The mean of a field."""
    min: str | None = None
    """The least value of a field."""
    max: str | None = None
    """The greatest value of a field."""
    distinct: str | None = None
    """How many different values a field has."""
    quantile: float | None = None
    """The value below which this part of the values of `of` lies: 0.5 is the median."""
    of: str | None = None
    """The field of the quantile."""
    share: Condition | None = None
    """Of what part of the records this is true; numerator and denominator follow."""
    currency: str | None = None
    """Only amounts in this currency; needed for money in several."""
    where: Condition | None = None
    """Only records for which this is true; of a share, numerator and denominator alike."""
    score: str | None = None
    """The score, or `score.group`, of whose points the figure is; the field is `points`."""
    name: str | None = None
    """What the column is called; after what it holds if it is left out."""


@dataclass(frozen=True, slots=True)
class ResultOrder:
    """One of the columns by which groups are ordered; those without a value are the least."""

    column: str
    """The name of a column of the result."""
    _: KW_ONLY
    descending: bool = False
    """Whether the greatest comes first."""


Column: TypeAlias = SelectColumn | Mapping[str, Any] | str
"""A column of a select; a text is a field, a mapping is the JSON form."""
Key: TypeAlias = GroupKey | Mapping[str, Any] | str
"""A key of a grouping; a text is a field, a mapping is the JSON form."""
Measure: TypeAlias = GroupMeasure | Mapping[str, Any]
"""A figure of a grouping; a mapping is the JSON form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumn:
    """A column of a result."""

    name: str
    """The name."""
    kind: Kind | str
    """The kind of its values, which are as an attribute of that kind shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """A page of rows or groups. It prints as a table, and notebooks show it as one."""

    columns: tuple[ResultColumn, ...]
    """The columns."""
    rows: tuple[tuple[Any, ...], ...]
    """The rows, a value for each column; None where there is none."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return each row as a dictionary by column."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return tables.to_text([column.name for column in self.columns], self.rows)

    def _repr_html_(self) -> str:
        """Return the first rows as a table of HTML, for notebooks."""
        return tables.to_html([column.name for column in self.columns], self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotCell:
    """A figure of a pivot. A cell without records has what the figure is of none."""

    value: Any
    """The figure."""
    numerator: int | None
    """Of a share: of how many records the condition is true."""
    denominator: int | None
    """Of a share: how many records there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotTable:
    """A two-way table. It prints as one, with the totals, which are computed from the records."""

    rows: tuple[ResultColumn, ...]
    """The keys of the rows."""
    columns: tuple[ResultColumn, ...]
    """The keys of the columns."""
    measure: ResultColumn
    """The figure."""
    row_labels: tuple[tuple[Any, ...], ...]
    """For each row the values of its keys."""
    column_labels: tuple[tuple[Any, ...], ...]
    """For each column the values of its keys."""
    cells: tuple[tuple[PivotCell, ...], ...]
    """For each row its cells, one for each column."""
    row_totals: tuple[PivotCell, ...]
    """For each row the figure over all its records."""
    column_totals: tuple[PivotCell, ...]
    """For each column the figure over all its records."""
    total: PivotCell
    """The figure over all records."""

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return each cell as a dictionary: the keys of its row and column, and the figure.

        This is the long form that data frames are made of. Totals are left out.
        """
        names = [column.name for column in (*self.rows, *self.columns)]
        return [
            {**dict(zip(names, (*row, *column), strict=True)), self.measure.name: cell.value}
            for row, cells in zip(self.row_labels, self.cells, strict=True)
            for column, cell in zip(self.column_labels, cells, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.cells)

    def __str__(self) -> str:
        return tables.to_text(*self._wide())

    def _repr_html_(self) -> str:
        """Return the first rows as a table of HTML, for notebooks."""
        return tables.to_html(*self._wide())

    def _wide(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the heads and rows of the whole table with its totals."""
        labels = [" / ".join(map(tables.shown, label)) for label in self.column_labels]
        head = [*(column.name for column in self.rows), *labels, "total"]
        rows = [
            (*label, *(cell.value for cell in cells), total.value)
            for label, cells, total in zip(
                self.row_labels, self.cells, self.row_totals, strict=True
            )
        ]
        blank = [""] * (len(self.rows) - 1)
        totals = [cell.value for cell in (*self.column_totals, self.total)]
        return head, [*rows, ("total", *blank, *totals)]


@dataclass(frozen=True, slots=True)
class SelectRows:
    """What `Query.select` asks, to be saved as a view."""

    type: str
    """The entity type."""
    select: Iterable[Column]
    """The columns, 1 to 50."""
    _: KW_ONLY
    where: Condition | None = None
    """Only records for which this condition is true."""
    order: Iterable[FieldOrder | Mapping[str, Any] | str] = ()
    """The order, and among equals by id."""
    archived: Archived | str = Archived.EXCLUDE
    """Which records, by whether they are archived."""
    limit: int = 100
    """How many rows a page has at most, 1 to 10,000."""
    at: datetime.datetime | None = None
    """The moment that counts as now; that of each run if it is None."""
    zone: str | None = None
    """The time zone by whose calendar days count; UTC if it is None."""


@dataclass(frozen=True, slots=True)
class GroupRecords:
    """What `Query.group` asks, to be saved as a view."""

    type: str
    """The entity type."""
    by: Iterable[Key] = ()
    """The keys; all records are one group without any."""
    measures: Iterable[Measure] = ()
    """The figures."""
    _: KW_ONLY
    where: Condition | None = None
    """Only records for which this condition is true."""
    order: Iterable[ResultOrder | Mapping[str, Any] | str] = ()
    """The order, and among equals by the keys."""
    archived: Archived | str = Archived.EXCLUDE
    """Which records, by whether they are archived."""
    limit: int = 10_000
    """How many groups a page has at most, 1 to 10,000."""
    at: datetime.datetime | None = None
    """The moment that counts as now; that of each run if it is None."""
    zone: str | None = None
    """The time zone by whose calendar days count; UTC if it is None."""


@dataclass(frozen=True, slots=True)
class PivotRecords:
    """What `Query.pivot` asks, to be saved as a view."""

    type: str
    """The entity type."""
    rows: Iterable[Key]
    """The keys of the rows."""
    columns: Iterable[Key]
    """The keys of the columns."""
    measure: Measure
    """The figure of each cell."""
    _: KW_ONLY
    where: Condition | None = None
    """Only records for which this condition is true."""
    archived: Archived | str = Archived.EXCLUDE
    """Which records, by whether they are archived."""
    at: datetime.datetime | None = None
    """The moment that counts as now; that of each run if it is None."""
    zone: str | None = None
    """The time zone by whose calendar days count; UTC if it is None."""


ViewQuery: TypeAlias = SelectRows | GroupRecords | PivotRecords
"""A query that can be saved as a view."""


class Query:
    """Queries: `Crm.query`.

    >>> import crm
    >>> with crm.open() as db:
    ...     for industry, country, employees in [
    ...         ("paper", "DE", 10), ("paper", "FR", 90), ("steel", "DE", 80)
    ...     ]:
    ...         company = db.companies.create(
    ...             name="A", industry=industry, country=country, employees=employees
    ...         )
    ...     print(db.query.select("company", ["industry", "employees"], order=["industry"]))
    ...     large = crm.GroupMeasure(share="employees >= 50")
    ...     print(db.query.pivot("company", ["industry"], ["country"], large))
    industry  employees
    --------  ---------
    paper     10
    paper     90
    steel     80
    industry  DE   FR   total
    --------  ---  ---  ------
    paper     0.0  1.0  0.5
    steel     1.0       1.0
    total     0.5  1.0  0.6667
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def select(
        self,
        type: str,
        select: Iterable[Column],
        *,
        where: Condition | None = None,
        order: Iterable[FieldOrder | Mapping[str, Any] | str] = (),
        archived: Archived | str = Archived.EXCLUDE,
        after: str | None = None,
        limit: int = 100,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> RowsPage:
        """Return a page of rows: fields of records, of related ones, and figures over activities.

        `where` is a condition, as text or mapping; `at` is the moment that counts as now, and `zone`
        the time zone by whose calendar days count. Hand the page's `next` in as `after` for the next
        page, with the same `at`, or use `iterate`.
        """
        asked = SelectRows(
            type,
            select,
            where=where,
            order=order,
            archived=archived,
            limit=limit,
            at=at,
            zone=zone,
        )
        request = {**write_query(asked)["select"], "after": after}
        return read_page(self._engine.call("query.select", request))

    def table(self, query: ViewQuery, *, batch_rows: int = BATCH_ROWS) -> LazyTable:
        """Return the whole result of a query for programs that read Arrow: polars, pandas, DuckDB …

        Its `limit` is of pages and not looked at. Without an order, rows come as the file holds them.
        A pivot comes in its long form: keys of row and column, and the figure.
        """
        return LazyTable(self._engine, write_query(query), batch_rows)

    def iterate(
        self,
        type: str,
        select: Iterable[Column],
        *,
        where: Condition | None = None,
        order: Iterable[FieldOrder | Mapping[str, Any] | str] = (),
        archived: Archived | str = Archived.EXCLUDE,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows of all pages of `select`, each read when it is needed."""
        at = now(at)
        select = items_of(select, "columns", "hand in a list")
        order = items_of(order, "order", "hand in a list")
        after = None
        while True:
            page = self.select(
                type,
                select,
                where=where,
                order=order,
                archived=archived,
                after=after,
                limit=SCAN_PAGE,
                at=at,
                zone=zone,
            )
            yield from page
            after = page.next
            if after is None:
                return

    def group(
        self,
        type: str,
        by: Iterable[Key] = (),
        measures: Iterable[Measure] = (),
        *,
        where: Condition | None = None,
        order: Iterable[ResultOrder | Mapping[str, Any] | str] = (),
        archived: Archived | str = Archived.EXCLUDE,
        after: str | None = None,
        limit: int = 10_000,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> RowsPage:
        """Group records and compute figures over each group; without `by` all are one group.

        >>> import crm
        >>> with crm.open() as db:
        ...     for industry, euros in [("steel", "10"), ("steel", "5"), ("paper", "7")]:
        ...         money = crm.Money(euros, "EUR")
        ...         company = db.companies.create(name="A", industry=industry, annual_revenue=money)
        ...     total = crm.GroupMeasure(sum="annual_revenue", currency="EUR", name="sum")
        ...     db.query.group("company", ["industry"], [total]).to_dicts()[1]
        {'industry': 'steel', 'sum': Money(amount=Decimal('15.00'), currency='EUR')}
        """
        asked = GroupRecords(
            type,
            by,
            measures,
            where=where,
            order=order,
            archived=archived,
            limit=limit,
            at=at,
            zone=zone,
        )
        request = {**write_query(asked)["group"], "after": after}
        return read_page(self._engine.call("query.group", request))

    def iterate_groups(
        self,
        type: str,
        by: Iterable[Key] = (),
        measures: Iterable[Measure] = (),
        *,
        where: Condition | None = None,
        order: Iterable[ResultOrder | Mapping[str, Any] | str] = (),
        archived: Archived | str = Archived.EXCLUDE,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over the groups of all pages of `group`, each read when it is needed."""
        at = now(at)
        by, measures = items_of(by, "by", "hand in a list"), items_of(measures, "measures", "hand in a list")
        order = items_of(order, "order", "hand in a list")
        after = None
        while True:
            page = self.group(
                type,
                by,
                measures,
                where=where,
                order=order,
                archived=archived,
                after=after,
                at=at,
                zone=zone,
            )
            yield from page
            after = page.next
            if after is None:
                return

    def pivot(
        self,
        type: str,
        rows: Iterable[Key],
        columns: Iterable[Key],
        measure: Measure,
        *,
        where: Condition | None = None,
        archived: Archived | str = Archived.EXCLUDE,
        at: datetime.datetime | None = None,
        zone: str | None = None,
    ) -> PivotTable:
        """Group records in two directions, with totals: at most 100,000 cells."""
        asked = PivotRecords(
            type, rows, columns, measure, where=where, archived=archived, at=at, zone=zone
        )
        request = write_query(asked)["pivot"]
        return read_pivot(self._engine.call("query.pivot", request))


def now(at: datetime.datetime | None) -> datetime.datetime:
    """Return the moment that every page of an iteration means."""
    return datetime.datetime.now(datetime.UTC) if at is None else at


_NAMES = {"from_": "from", "name": "as"}


def _write(part: Any, cls: type[Any], path: str) -> Any:
    """Return the plain form of a part of a query; a text is what its first field says."""
    if isinstance(part, str) and cls is not GroupMeasure:
        part = cls(part)
    if not isinstance(part, Mapping):
        if not is_dataclass(part) or isinstance(part, type):
            hint = f"hand in crm.{cls.__qualname__}(…), a mapping or a name"
            raise InvalidArgumentError(f"not {cls.__qualname__}", field=path, hint=hint)
        pairs = ((field.name, getattr(part, field.name)) for field in fields(part))
        part = {
            _NAMES.get(name, name): value
            for name, value in pairs
            if value is not None and value is not False
        }
    return conditions.write(part, path)


def _write_all(parts: Iterable[Any], cls: type[Any], path: str) -> list[Any]:
    given = items_of(parts, path, f"hand in a list of crm.{cls.__qualname__}(…)")
    return [_write(part, cls, f"{path}[{place}]") for place, part in enumerate(given)]


def write_query(query: ViewQuery) -> dict[str, dict[str, Any]]:
    """Return the plain form of a query, by the name of its sort."""
    if not isinstance(query, SelectRows | GroupRecords | PivotRecords):
        hint = "hand in crm.SelectRows(…), crm.GroupRecords(…) or crm.PivotRecords(…)"
        raise InvalidArgumentError("not a query", field="query", hint=hint)
    where = query.where
    plain = {
        "type": query.type,
        "where": where if where is None else conditions.write(where, "where"),
        "archived": str(query.archived),
        **moment(query.at, query.zone),
    }
    match query:
        case SelectRows():
            plain["columns"] = _write_all(query.select, SelectColumn, "columns")
            plain["order"] = _write_all(query.order, FieldOrder, "order")
            plain["limit"] = query.limit
            return {"select": plain}
        case GroupRecords():
            plain["by"] = _write_all(query.by, GroupKey, "by")
            plain["measures"] = _write_all(query.measures, GroupMeasure, "measures")
            plain["order"] = _write_all(query.order, ResultOrder, "order")
            plain["limit"] = query.limit
            return {"group": plain}
        case PivotRecords():
            plain["rows"] = _write_all(query.rows, GroupKey, "rows")
            plain["columns"] = _write_all(query.columns, GroupKey, "columns")
            plain["measure"] = _write(query.measure, GroupMeasure, "measure")
            return {"pivot": plain}


def read_query(plain: dict[str, dict[str, Any]]) -> ViewQuery:
    """Return a query from its plain form."""
    ((sort, asked),) = plain.items()
    common: dict[str, Any] = {
        "where": asked["where"],
        "archived": wire.known(Archived, asked["archived"]),
        "at": asked["at"] and datetime.datetime.fromisoformat(asked["at"]),
        "zone": asked["zone"],
    }
    if sort == "select":
        columns = _read_all(asked["columns"], SelectColumn)
        order = _read_all(asked["order"], FieldOrder)
        limit = asked["limit"]
        return SelectRows(asked["type"], columns, order=order, limit=limit, **common)
    if sort == "group":
        by, measures = _read_all(asked["by"], GroupKey), _read_all(asked["measures"], GroupMeasure)
        order = _read_all(asked["order"], ResultOrder)
        limit = asked["limit"]
        return GroupRecords(asked["type"], by, measures, order=order, limit=limit, **common)
    rows, columns = _read_all(asked["rows"], GroupKey), _read_all(asked["columns"], GroupKey)
    measure = _read(asked["measure"], GroupMeasure)
    return PivotRecords(asked["type"], rows, columns, measure, **common)


def _read(plain: dict[str, Any], cls: type[Any]) -> Any:
    """Return a part of a query from its plain form."""
    names = {_NAMES.get(field.name, field.name): field.name for field in fields(cls)}
    given = {names[name]: value for name, value in plain.items() if name in names}
    for name in {"from_", "until"} & given.keys():
        given[name] = datetime.datetime.fromisoformat(given[name])
    return cls(**given)


def _read_all(plain: list[dict[str, Any]], cls: type[Any]) -> tuple[Any, ...]:
    return tuple(_read(part, cls) for part in plain)


def read_page(plain: dict[str, Any]) -> RowsPage:
    """Return a page of rows from its plain form."""
    columns = _columns(plain["columns"])
    return RowsPage(columns=columns, rows=_rows(columns, plain["rows"]), next=plain["next"])


def read_pivot(plain: dict[str, Any]) -> PivotTable:
    """Return a two-way table from its plain form."""
    rows, columns = _columns(plain["rows"]), _columns(plain["columns"])
    measure = wire.read(ResultColumn, plain["measure"])

    def cell(plain: dict[str, Any]) -> PivotCell:
        value = decode(measure.kind, plain["value"])
        return PivotCell(
            value=value, numerator=plain["numerator"], denominator=plain["denominator"]
        )

    return PivotTable(
        rows=rows,
        columns=columns,
        measure=measure,
        row_labels=_rows(rows, plain["row_labels"]),
        column_labels=_rows(columns, plain["column_labels"]),
        cells=tuple(tuple(map(cell, row)) for row in plain["cells"]),
        row_totals=tuple(map(cell, plain["row_totals"])),
        column_totals=tuple(map(cell, plain["column_totals"])),
        total=cell(plain["total"]),
    )


def _columns(plain: list[dict[str, Any]]) -> tuple[ResultColumn, ...]:
    return tuple(wire.read(ResultColumn, column) for column in plain)


def _rows(
    columns: tuple[ResultColumn, ...], rows: list[list[Any]]
) -> tuple[tuple[Any, ...], ...]:
    kinds = [column.kind for column in columns]
    return tuple(tuple(map(decode, kinds, row)) for row in rows)
