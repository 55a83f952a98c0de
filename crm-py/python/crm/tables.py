"""Results of SQL, and how tables are shown."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from crm.values import Money

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
        return to_html(self.columns, self.rows)


def to_html(columns: Iterable[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the first rows as a table of HTML."""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows[:SHOWN_ROWS])
    hidden = len(rows) - SHOWN_ROWS
    more = f"<p>… and {hidden} more rows</p>" if hidden > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cells(row: Iterable[Any]) -> str:
    return "".join(f"<td>{html.escape(shown(value))}</td>" for value in row)


def to_text(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return all rows as a table of text, a line for each."""
    lines = [[*columns], *([" ".join(shown(value).split()) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = (map(str.ljust, line, widths) for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def shown(value: object) -> str:
    """Return a value as people read it: nothing for None, four places of a real number."""
    match value:
        case None:
            return ""
        case float():
            return str(round(value, 4))
        case Money():
            return f"{value.amount:f} {value.currency}"
        case _:
            return str(value)
