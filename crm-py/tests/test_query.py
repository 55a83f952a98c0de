"""Queries, as a user of the package meets them."""

from __future__ import annotations

import datetime
from decimal import Decimal

import crm
import pytest


@pytest.fixture
def sales(db: crm.Crm) -> crm.Crm:
    """Return a file with four deals of two agents, and purchases of one buyer."""
    attributes = [
        crm.Attribute("agent", "text"),
        crm.Attribute("product", "text"),
        crm.Attribute("won", "checkbox"),
        crm.Attribute("price", "money", currency="EUR"),
        crm.Attribute("closed", "date"),
        crm.Attribute("buyer", "reference", target="company"),
    ]
    db.types.define("sale", attributes)
    acme = db.companies.create(name="Acme")
    for agent, product, won, price, closed in [
        ("Ann", "chair", True, "10", datetime.date(2024, 12, 31)),
        ("Ann", "chair", False, "20", datetime.date(2025, 1, 1)),
        ("Bob", "chair", True, "30", datetime.date(2025, 2, 1)),
        ("Ann", "table", True, "5", None),
    ]:
        db.records("sale").create(
            agent=agent, product=product, won=won, price=price, closed=closed, buyer=acme
        )
    db.activity_kinds.define_preset("purchase")
    for day, amount in [(1, "7.50"), (2, "2.50")]:
        at = datetime.datetime(2025, 3, day, tzinfo=datetime.UTC)
        money = crm.Money(amount, "EUR")
        db.activities.record(crm.NewActivity(kind="purchase", at=at, subject=acme, amount=money))
    return db


def test_columns_come_in_the_types_of_their_kinds(sales: crm.Crm) -> None:
    page = sales.query.select(
        "sale",
        ["agent", "price", "closed", crm.SelectColumn("name", related="buyer", name="buyer")],
        where="won = true",
        order=[crm.FieldOrder("price", descending=True)],
        limit=2,
    )
    assert page.to_dicts()[1] == {
        "agent": "Ann",
        "price": crm.Money("10.00", "EUR"),
        "closed": datetime.date(2024, 12, 31),
        "buyer": "Acme",
    }
    assert page.columns[1].kind is crm.Kind.MONEY
    assert page.next is not None


def test_the_last_purchase_and_the_sum_of_12_months(sales: crm.Crm) -> None:
    columns = [
        crm.SelectColumn(event="purchase", last="at", name="last purchase"),
        crm.SelectColumn(event="purchase", within="P12M", sum="amount", currency="EUR"),
        crm.SelectColumn(
            event="purchase",
            from_=datetime.datetime(2025, 3, 2, tzinfo=datetime.UTC),
            where={"field": "amount", "op": "gt", "value": {"amount": "1", "currency": "EUR"}},
            count=True,
        ),
    ]
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    ((last, total, count),) = sales.query.select("company", columns, at=at)
    assert last == datetime.datetime(2025, 3, 2, tzinfo=datetime.UTC)
    assert (total, count) == (crm.Money("10.00", "EUR"), 1)


def test_iterating_reads_every_row_over_all_pages(
    db: crm.Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm import query

    monkeypatch.setattr(query, "SCAN_PAGE", 7)
    db.companies.create_many({"name": f"company {number}"} for number in range(50))
    names = [name for (name,) in db.query.iterate("company", ["name"], order=["name"])]
    assert names == sorted(f"company {number}" for number in range(50))
    groups = [*db.query.iterate_groups("company", ["name"], [{"count": True}])]
    assert groups == [(name, 1) for name in names]


def test_groups_by_month_and_their_pages(sales: crm.Crm) -> None:
    month = crm.GroupKey("closed", bucket=crm.Bucket.MONTH, name="month")
    measures = [crm.GroupMeasure(sum="price"), crm.GroupMeasure(quantile=0, of="price")]
    page = sales.query.group("sale", [month], measures, where="closed is set", limit=2)
    assert page.rows == (
        (datetime.date(2024, 12, 1), crm.Money("10.00", "EUR"), 10.0),
        (datetime.date(2025, 1, 1), crm.Money("20.00", "EUR"), 20.0),
    )
    rest = sales.query.group("sale", [month], measures, where="closed is set", after=page.next)
    assert rest.rows == ((datetime.date(2025, 2, 1), crm.Money("30.00", "EUR"), 30.0),)
    assert rest.next is None
    total = sales.query.group("sale", measures=[{"sum": "price", "as": "total"}])
    assert total.to_dicts() == [{"total": crm.Money(Decimal("65.00"), "EUR")}]


def test_a_pivot_prints_as_a_table_and_converts_to_dictionaries(sales: crm.Crm) -> None:
    rate = crm.GroupMeasure(share="won = true", name="win rate")
    pivot = sales.query.pivot("sale", ["product"], ["agent"], rate)
    assert str(pivot).splitlines() == [
        "product  Ann     Bob  total",
        "-------  ------  ---  ------",
        "chair    0.5     1.0  0.6667",
        "table    1.0          1.0",
        "total    0.6667  1.0  0.75",
    ]
    assert pivot.to_dicts()[1] == {"product": "chair", "agent": "Bob", "win rate": 1.0}
    assert (pivot.total.numerator, pivot.total.denominator) == (3, 4)
    assert pivot.cells[1][1] == crm.PivotCell(value=None, numerator=0, denominator=0)
    assert "<td>0.6667</td>" in pivot._repr_html_()


def test_an_error_names_the_part_and_the_nearest_name(sales: crm.Crm) -> None:
    with pytest.raises(crm.UnknownAttributeError) as caught:
        sales.query.select("sale", ["agent", "agnet"])
    assert (caught.value.field, caught.value.hint) == ("columns[1].field", 'did you mean "agent"?')
