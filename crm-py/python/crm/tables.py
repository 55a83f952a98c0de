"""Results of SQL."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

SqlValue: TypeAlias = None | int | float | str
"""A cell of a result. Bytes come as hexadecimal text, and ids in the form of a UUID."""

SHOWN_ROWS = 20
"""How many rows a notebook shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What `Crm.sql` returned: iterate over its rows, or make your data frame of `to_dicts()`.

    >>> import crm
    >>> with crm.open() as db:
    ...     db.sql("select 1 as one, 'a' as letter").to_dicts()
    [{'one': 1, 'letter': 'a'}]
    """

    columns: tuple[str, ...]
    """The names of the columns."""
    rows: tuple[tuple[SqlValue, ...], ...]
    """The rows."""
    is_truncated: bool
    """Whether there were more rows than the limit."""

    def to_dicts(self) -> list[dict[str, SqlValue]]:
        """Return each row as a dictionary by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def __iter__(self) -> Iterator[tuple[SqlValue, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def _repr_html_(self) -> str:
        """Return the first rows as a table of HTML, for notebooks."""
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = "".join(f"<tr>{_cells(row)}</tr>" for row in self.rows[:SHOWN_ROWS])
        hidden = len(self.rows) - SHOWN_ROWS
        more = f"<p>… and {hidden} more rows</p>" if hidden > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cells(row: tuple[SqlValue, ...]) -> str:
    return "".join(
        "<td></td>" if value is None else f"<td>{html.escape(str(value))}</td>" for value in row
    )
