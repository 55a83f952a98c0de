"""Entity types and attributes."""

from __future__ import annotations

import dataclasses
import datetime
import pickle
from decimal import Decimal

import crm
import pytest
from crm import Attribute, ChoiceOption, Kind

BOOK = [
    Attribute("title", Kind.TEXT, required=True, label="Title", length=200),
    Attribute("isbn", Kind.TEXT, unique=True, pattern="[0-9]{13}"),
    Attribute("genre", Kind.CHOICE, options=["novel", ChoiceOption("poetry", label="Poems", order=1)]),
    Attribute("price", Kind.DECIMAL, minimum=Decimal("0.50"), maximum=1000, default=Decimal("9.99")),
    Attribute("printed", Kind.DATE, minimum=datetime.date(1450, 1, 1)),
    Attribute("list_price", Kind.MONEY, currency="EUR", minimum=crm.Money(0, "EUR")),
    Attribute("sold_by", Kind.REFERENCE, target="company", sensitivity=crm.Sensitivity.PERSONAL),
]


def test_a_definition_comes_back_as_it_was_given(db: crm.Crm) -> None:
    book = db.types.define("book", BOOK, label="Book", description="What we lend")
    assert (book.name, book.label, book.description) == ("book", "Book", "What we lend")
    assert db.types.get("book") == book
    assert book["printed"].minimum == datetime.date(1450, 1, 1)
    assert book["price"].minimum == Decimal("0.50")
    assert book["price"].default == Decimal("9.99")
    assert book["list_price"].minimum == crm.Money("0.00", "EUR")
    assert book["genre"].options[1].label == "Poems"
    assert book["sold_by"].sensitivity is crm.Sensitivity.PERSONAL
    assert book["title"].kind is Kind.TEXT
    with pytest.raises(KeyError):
        book["author"]
    # What was read may be written again, and changes nothing.
    assert db.types.define("book", book.attributes) == book


def test_every_type_is_listed(db: crm.Crm) -> None:
    db.types.define("book", BOOK)
    assert [kind.name for kind in db.types.list()] == ["book", "company", "contact", "deal"]
    assert db.types.define_preset(crm.Preset.HOUSEHOLD).name == "household"


def test_definitions_guard_records(db: crm.Crm) -> None:
    db.types.define("book", BOOK)
    books = db.records("book")
    book = books.create(title="Emma", isbn="9780141439587")
    assert book["price"] == Decimal("9.99")
    refused: list[tuple[dict[str, crm.Value], type[crm.CrmError]]] = [
        ({"isbn": "9780141439588"}, crm.RequiredError),
        ({"title": "Emma", "isbn": "x"}, crm.InvalidValueError),
        ({"title": "Emma", "isbn": "9780141439587"}, crm.DuplicateError),
        ({"title": "Emma", "price": Decimal("0.10")}, crm.OutOfRangeError),
        ({"title": "Emma", "genre": "drama"}, crm.UnknownOptionError),
    ]
    for values, error in refused:
        with pytest.raises(error):
            books.create(values)


def test_types_and_attributes_are_archived_and_restored(db: crm.Crm) -> None:
    db.types.define("book", BOOK)
    changed = db.types.archive_attribute("book", "genre")
    assert [attribute.name for attribute in changed.archived_attributes] == ["genre"]
    assert db.types.restore_attribute("book", "genre").archived_attributes == ()
    assert db.types.archive("book").archived_at is not None
    with pytest.raises(crm.ArchivedError):
        db.records("book").create(title="Emma")
    assert db.types.restore("book").archived_at is None


def test_tightening_names_the_rows(db: crm.Crm) -> None:
    db.types.define("book", BOOK)
    book = db.records("book").create(title="Emma")
    tighter = dataclasses.replace(db.types.get("book")["isbn"], required=True)
    with pytest.raises(crm.DefinitionConflictError, match=str(book.id)):
        db.types.define_attribute("book", tighter)


def test_attributes_compare_print_and_pickle() -> None:
    attribute = Attribute("genre", "choice", options=["novel"])
    assert attribute == Attribute("genre", Kind.CHOICE, options=[ChoiceOption("novel")])
    assert attribute.kind is Kind.CHOICE
    assert pickle.loads(pickle.dumps(attribute)) == attribute
    assert "options=(ChoiceOption(value='novel'" in repr(attribute)


def test_a_kind_of_a_newer_engine_stays_text() -> None:
    attribute = Attribute("shape", "polygon", sensitivity="secret")
    assert (attribute.kind, attribute.sensitivity) == ("polygon", "secret")
    assert type(attribute.kind) is str


def test_a_formula_keeps_its_attribute_true(db: crm.Crm) -> None:
    order = [
        Attribute("price", Kind.MONEY, currency="EUR"),
        Attribute("quantity", Kind.INTEGER),
        Attribute("total", Kind.MONEY, formula="price*quantity", index=True),
        Attribute("due", Kind.DATE, formula='add_months(date("2024-01-31"), quantity)'),
    ]
    assert db.types.define("order", order)["total"].formula == "price * quantity"
    orders = db.records("order")
    first = orders.create(price=Decimal("9.99"), quantity=3)
    assert (first["total"], first["due"]) == (crm.Money("29.97", "EUR"), datetime.date(2024, 4, 30))
    assert orders.patch(first.id, quantity=1)["total"] == crm.Money("9.99", "EUR")
    assert [row.id for row in orders.list(where="total < 10 EUR").records] == [first.id]
    with pytest.raises(crm.InvalidArgumentError) as refused:
        orders.create(total=crm.Money(1, "EUR"))
    assert refused.value.field == "total"
    with pytest.raises(crm.InvalidArgumentError) as refused:
        db.types.define_attribute("order", Attribute("age", Kind.INTEGER, formula="year(today())"))
    assert refused.value.field == "age.formula"
    assert "clock" in (refused.value.hint or "")
