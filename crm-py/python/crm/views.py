"""Saved views: queries that are kept in the file under a name."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm._native import Engine
from crm.arrow import BATCH_ROWS, LazyTable
from crm.conditions import moment
from crm.errors import InvalidArgumentError
from crm.named import Named
from crm.query import (
    PivotTable,
    RowsPage,
    ViewQuery,
    now,
    read_page,
    read_pivot,
    read_query,
    write_query,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A saved view."""

    name: str
    """The name."""
    label: str
    """What people read."""
    description: str
    """What it shows, in prose."""
    query: ViewQuery
    """What it asks."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""


class Views(Named[SavedView]):
    """Saved views: `Crm.views`.

    An archived view stays readable, and is neither run nor changed.

    >>> import crm
    >>> with crm.open() as db:
    ...     company = db.companies.create(name="A", employees=80)
    ...     large = crm.SelectRows("company", ["name"], where="employees >= 50")
    ...     view = db.views.save("large_companies", large, label="Large companies")
    ...     db.views.run("large_companies").to_dicts()
    [{'name': 'A'}]
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "views", "name", _read)

    def save(
        self, name: str, query: ViewQuery, *, label: str = "", description: str = ""
    ) -> SavedView:
        """Save a query under a name, or change what is saved under it.

        It is judged against the definitions, and again at each run. Label and description stay where
        they are empty.
        """
        texts = {"name": name, "label": label, "description": description}
        return self._change("save", {**texts, "query": write_query(query)})

    def run(
        self,
        name: str,
        *,
        after: str | None = None,
        limit: int | None = None,
        at: datetime.datetime | None = None,
    ) -> RowsPage | PivotTable:
        """Return the answer of a view: a page of rows or groups, or a two-way table.

        `at` is the moment that counts as now. Hand the page's `next` in as `after` for the next page,
        with the same `at`, or use `iterate`.
        """
        request = {"name": name, "after": after, "limit": limit, **moment(at, None)}
        ((sort, answer),) = self._engine.call("views.run", request).items()
        return read_pivot(answer) if sort == "pivot" else read_page(answer)

    def iterate(
        self, name: str, *, at: datetime.datetime | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows or groups of all pages of a view, each read when it is needed."""
        # Where the view itself names no moment, every page means the same.
        at = at or self.get(name).query.at or now(None)
        after = None
        while True:
            page = self.run(name, after=after, at=at)
            if isinstance(page, PivotTable):
                raise InvalidArgumentError("a pivot has no pages", field="name", hint="use run")
            yield from page
            after = page.next
            if after is None:
                return

    def table(
        self, name: str, *, at: datetime.datetime | None = None, batch_rows: int = BATCH_ROWS
    ) -> LazyTable:
        """Return all that a view shows for programs that read Arrow: polars, pandas, DuckDB …"""
        asked = {"name": name, **moment(at, None)}
        return LazyTable(self._engine, {"view": asked}, batch_rows)


def _read(plain: dict[str, Any]) -> SavedView:
    archived_at = plain["archived_at"]
    return SavedView(
        name=plain["name"],
        label=plain["label"],
        description=plain["description"],
        query=read_query(plain["query"]),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
    )
