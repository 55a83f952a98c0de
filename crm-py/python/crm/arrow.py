"""Tables for polars, pandas, pyarrow, DuckDB and whatever else reads Arrow; none of them is needed.

Tables go out and in by the Arrow PyCapsule interface: without copies through Python, in batches, and
in constant memory. `docs/arrow.md` says which kind is which type.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from crm._native import Engine


class ArrowStream(Protocol):
    """What hands out a stream of record batches: a table of polars, pandas, pyarrow, DuckDB …"""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with the stream."""


class ArrowArray(Protocol):
    """What hands out one record batch."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Return capsules with the schema and the batch."""


ArrowTable: TypeAlias = ArrowStream | ArrowArray
"""What can be taken in as records."""

BATCH_ROWS = 16_384
"""How many rows a batch has at most, unless it is told otherwise."""


class LazyTable:
    """The whole result of a query, read when somebody asks for it: `Records.table`, `Query.table`.

    Hand it to any program that reads Arrow. Each time it is read anew, in one state of the file; what
    is written meanwhile is not seen. While a reader is under way the log of the file grows.

    >>> import crm
    >>> with crm.open() as db:
    ...     acme = db.companies.create(name="Acme", employees=12)
    ...     table = db.companies.table("name", "employees")
    ...     # polars.DataFrame(table), pandas.DataFrame.from_arrow(table), pyarrow.table(table) …
    ...     report = db.companies.ingest(table)
    ...     report.created
    1
    """

    def __init__(self, engine: Engine, query: dict[str, Any], batch_rows: int) -> None:
        self._engine = engine
        self._request: dict[str, Any] = {"query": query, "batch_rows": batch_rows}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Open a stream of record batches and return it in a capsule.

        A schema that is requested is not looked at, as the protocol allows: the types are those of
        the attributes.
        """
        return self._engine.read_table(self._request)

    def __repr__(self) -> str:
        ((sort, _),) = self._request["query"].items()
        return f"<LazyTable of a query of sort {sort}>"
