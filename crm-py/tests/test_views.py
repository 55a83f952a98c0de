"""Saved views, as a user of the package meets them."""

from __future__ import annotations

import datetime
from pathlib import Path

import crm
import pytest


def test_a_view_comes_back_as_it_was_saved(db: crm.Crm, tmp_path: Path) -> None:
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    employer = crm.SelectColumn("name", related="company", name="employer")
    query = crm.SelectRows(
        "contact",
        (crm.SelectColumn("family_name"), employer),
        where={"field": "country", "op": "eq", "value": "DE"},
        order=(crm.FieldOrder("family_name", descending=True),),
        limit=7,
        at=at,
        zone="Europe/Berlin",
    )
    saved = db.views.save("germans", query, label="Germans")
    assert (saved.name, saved.label, saved.query) == ("germans", "Germans", query)
    assert db.views.list() == [saved]
    months = crm.GroupRecords(
        "contact", (crm.GroupKey("created_at", bucket="month"),), (crm.GroupMeasure(count=True),)
    )
    assert db.views.save("months", months).query == months


def test_running_reads_pages_and_tables(db: crm.Crm) -> None:
    for name, industry in [("A", "steel"), ("A", "paper"), ("B", "steel")]:
        db.companies.create(name=name, industry=industry)
    db.views.save("names", crm.SelectRows("company", ["name"], order=["name"], limit=2))
    page = db.views.run("names")
    assert isinstance(page, crm.RowsPage)
    assert page.rows == (("A",), ("A",))
    assert [*db.views.iterate("names")] == [("A",), ("A",), ("B",)]
    count = crm.GroupMeasure(count=True)
    db.views.save("table", crm.PivotRecords("company", ["name"], ["industry"], count))
    table = db.views.run("table")
    assert isinstance(table, crm.PivotTable)
    assert table.total.value == 3
    with pytest.raises(crm.InvalidArgumentError):
        next(db.views.iterate("table"))


def test_a_view_of_what_is_archived_says_so_when_it_runs(db: crm.Crm) -> None:
    db.views.save("cities", crm.SelectRows("company", ["name", "industry"]))
    db.types.archive_attribute("company", "industry")
    with pytest.raises(crm.ArchivedError) as caught:
        db.views.run("cities")
    assert caught.value.field == "columns[1].field"
    assert db.changes_page(limit=1000).changes[-2].kind is crm.ChangeKind.VIEW_SAVED
