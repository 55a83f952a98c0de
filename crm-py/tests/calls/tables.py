"""How tables in and out, conditions, queries and views are called."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

import crm

from .requests import Calls, Json, Request, condition, moments, part, parts, plain


def planned(db: crm.Crm, request: Request) -> crm.ImportPlan:
    """Plan an import, by the method of its format."""
    source = Request(request["source"])
    columns = [crm.ColumnMapping(**column) for column in request["columns"]]
    method: dict[str, Callable[..., crm.ImportPlan]] = {
        "csv": db.imports.plan_csv,
        "json_lines": db.imports.plan_json_lines,
        "arrow": lambda *given, text=None, **options: db.imports.plan_arrow(
            *given, data=text and base64.b64decode(text), **options
        ),
    }
    plan = method[source.options("format").get("format", "csv")](
        request["type"],
        mapping=columns,
        mode=request.options("mode").get("mode", "create"),
        **source.options("path", "text"),
        **dialect(source),
        **request.options("key", "bad_cells"),
        **beside(request),
    )
    assert not source.left, source.left
    return plan


def beside(request: Request) -> dict[str, Any]:
    """Take what the columns of an import make beside the record of their row."""
    given = request.options("associations", "activities")
    stages = starts(request)

    def read(cls: Callable[..., Any], block: dict[str, Any]) -> Any:
        columns = [crm.ColumnMapping(**column) for column in block.get("columns", [])]
        return cls(**{**block, "columns": columns})

    kinds = {"associations": crm.AssociationColumns, "activities": crm.ActivityColumns}
    made = {name: [read(kinds[name], block) for block in blocks] for name, blocks in given.items()}
    return {**made, **stages}


def starts(request: Request) -> dict[str, Any]:
    """Take on which stages new records begin."""
    given = request.options("stages").get("stages", [])
    return {"stages": [crm.StartStage(**one) for one in given]}


def plan(db: crm.Crm, request: Request) -> crm.ImportPlan:
    """Take a plan, as `imports.plan` returned it."""
    return db.imports._read_plan(request["plan"])


def dialect(request: Request) -> dict[str, Any]:
    """Take the dialect of a table."""
    given = request.options("dialect")
    return {"dialect": crm.CsvDialect(**given["dialect"])} if given else {}


def cards(request: Request) -> dict[str, Any]:
    """Take which property of cards goes where."""
    given = request.options("mapping").get("mapping", [])
    return {"mapping": [crm.CardMapping(**one) for one in given]}


def asked(request: Request) -> dict[str, Any]:
    """Take what every query may say."""
    return {**condition(request), **request.options("archived", "after", "limit")}


VIEW_QUERIES = {"select": crm.SelectRows, "group": crm.GroupRecords, "pivot": crm.PivotRecords}


PARTS: dict[str, Any] = {
    "by": crm.GroupKey,
    "rows": crm.GroupKey,
    "measures": crm.GroupMeasure,
    "measure": crm.GroupMeasure,
}


def view_query(fields: Json) -> crm.ViewQuery:
    """Return a query to be saved from JSON."""
    ((sort, given),) = fields.items()
    kinds = {
        **PARTS,
        "order": crm.FieldOrder if sort == "select" else crm.ResultOrder,
        "columns": crm.SelectColumn if sort == "select" else crm.GroupKey,
    }
    given = {
        name: value
        if name not in kinds
        else part(kinds[name], value)
        if name == "measure"
        else parts(kinds[name], value)
        for name, value in given.items()
    }
    if "at" in given:
        given["at"] = datetime.datetime.fromisoformat(given["at"])
    if sort == "select":
        given["select"] = given.pop("columns")
    query: crm.ViewQuery = VIEW_QUERIES[sort](**given)
    return query


def view(found: crm.SavedView) -> Json:
    """Return a view as JSON has it, with the sort of its query as its name."""
    sorts = {cls: sort for sort, cls in VIEW_QUERIES.items()}
    return {**plain(found), "query": {sorts[type(found.query)]: plain(found.query)}}


def view_answer(answer: crm.RowsPage | crm.PivotTable) -> Json:
    """Return the answer of a view as JSON has it."""
    return {"pivot" if isinstance(answer, crm.PivotTable) else "rows": answer}


CALLS: Calls = {
    "conditions.check": lambda db, r: db.conditions.check(r["type"], r["condition"]),
    "conditions.evaluate": lambda db, r: db.conditions.evaluate(
        r["type"], r["id"], r["condition"], **r.options("zone"), **moments(r, "at")
    ),
    "conditions.explain": lambda db, r: db.conditions.explain(
        r["type"], r["condition"], **r.options("id", "zone"), **moments(r, "at")
    ),
    "csv.export": lambda db, r: db.csv.export(
        r["type"],
        filter=r.values("filter"),
        **dialect(r),
        **r.options("path", "attributes", "personal", "archived", "profile"),
    ),
    "csv.import": lambda db, r: db.csv.import_(
        r["type"],
        columns=[crm.ColumnMapping(**column) for column in r["columns"]],
        **dialect(r),
        **starts(r),
        **r.options("path", "text", "mode", "key", "bad_cells", "all_or_nothing"),
    ),
    "csv.propose": lambda db, r: db.csv.propose(r["type"], **dialect(r), **r.options("path", "text")),
    "imports.apply": lambda db, r: db.imports.apply(plan(db, r)),
    "imports.get": lambda db, r: db.imports.get(r["id"]),
    "imports.list": lambda db, r: db.imports.list(**r.options("after", "limit")),
    "imports.plan": planned,
    "imports.plan_rows": lambda db, r: plan(db, r).rows_page(
        *r.options("decisions").get("decisions", ()), **r.options("after", "limit")
    ),
    "imports.resume": lambda db, r: db.imports.resume(r["id"], plan(db, r)),
    "imports.revert": lambda db, r: db.imports.revert(r["id"]),
    "query.group": lambda db, r: db.query.group(
        r["type"],
        parts(crm.GroupKey, r.options("by").get("by", [])),
        parts(crm.GroupMeasure, r.options("measures").get("measures", [])),
        order=parts(crm.ResultOrder, r.options("order").get("order", [])),
        **asked(r),
    ),
    "query.pivot": lambda db, r: db.query.pivot(
        r["type"],
        parts(crm.GroupKey, r["rows"]),
        parts(crm.GroupKey, r["columns"]),
        part(crm.GroupMeasure, r["measure"]),
        **asked(r),
    ),
    "query.select": lambda db, r: db.query.select(
        r["type"],
        parts(crm.SelectColumn, r["columns"]),
        order=parts(crm.FieldOrder, r.options("order").get("order", [])),
        **asked(r),
    ),
    "vcard.export": lambda db, r: db.vcard.export(
        r["type"],
        filter=r.values("filter"),
        **cards(r),
        **r.options("path", "version", "remainder", "archived"),
    ),
    "vcard.import": lambda db, r: db.vcard.import_(
        r["type"],
        **cards(r),
        **starts(r),
        **r.options("path", "text", "remainder", "encoding", "create_missing"),
        **r.options("mode", "key", "all_or_nothing"),
    ),
    "views.archive": lambda db, r: view(db.views.archive(r["name"])),
    "views.get": lambda db, r: view(db.views.get(r["name"])),
    "views.list": lambda db, r: [view(one) for one in db.views.list()],
    "views.restore": lambda db, r: view(db.views.restore(r["name"])),
    "views.run": lambda db, r: view_answer(
        db.views.run(r["name"], **r.options("after", "limit"), **moments(r, "at"))
    ),
    "views.save": lambda db, r: view(
        db.views.save(r["name"], view_query(r["query"]), **r.options("label", "description"))
    ),
}
