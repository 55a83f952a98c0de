"""Conditions as text, as mapping and as built, as a user of the package meets them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import crm
import pytest
from conformance import FOLDER
from crm.where import (
    BuiltCondition,
    F,
    all_of,
    any_of,
    changed,
    consent,
    events,
    in_segment,
    related,
    score,
    stage,
)

NEW_YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def books(db: crm.Crm) -> crm.Records:
    db.types.define(
        "book",
        [
            crm.Attribute("title", "text"),
            crm.Attribute("out", "date"),
            crm.Attribute("seen", "timestamp"),
            crm.Attribute("rate", "decimal", scale=2),
            crm.Attribute("price", "money"),
            crm.Attribute("genre", "choices", options=["novel", "poetry"]),
            crm.Attribute("author", "reference", target="contact"),
            crm.Attribute("pages", "integer"),
        ],
    )
    return db.records("book")


def test_text_mapping_and_built_ask_the_same(books: crm.Records) -> None:
    books.create(title="Emma", pages=400)
    books.create(title="Leaves", pages=90)
    built = (F("pages") >= 100) & F("title").starts_with("em")
    forms: list[crm.Condition] = [
        'pages >= 100 and title starts with "em"',
        {
            "all": [
                {"field": "pages", "op": "gte", "value": 100},
                {"field": "title", "op": "starts_with", "value": "em"},
            ]
        },
        built,
        {"all": [F("pages") >= 100, F("title").starts_with("em")]},
    ]
    for form in forms:
        assert [book["title"] for book in books.list(where=form)] == ["Emma"]
        assert [book["title"] for book in books.iterate(where=form)] == ["Emma"]
        assert books.count(where=form) == 1


VALUES: list[tuple[str, crm.Value]] = [
    ("out", datetime.date(2025, 1, 2)),
    ("seen", datetime.datetime(2025, 1, 2, 3, tzinfo=datetime.UTC)),
    ("rate", Decimal("4.25")),
    ("price", crm.Money("19.90", "EUR")),
]


@pytest.mark.parametrize(("attribute", "value"), VALUES)
def test_values_are_what_records_take(
    books: crm.Records, attribute: str, value: crm.Value
) -> None:
    books.create({attribute: value})
    books.create()
    plain: Mapping[str, Any] = {"field": attribute, "op": "eq", "value": value}
    nested: Mapping[str, Any] = {"not": {"any": [{"not": plain}]}}
    listed: Mapping[str, Any] = {"field": attribute, "op": "between", "value": [value, value]}
    in_list: Mapping[str, Any] = {"field": attribute, "op": "in", "value": (value,)}
    built = [F(attribute) == value, F(attribute).between(value, value), F(attribute).one_of([value])]
    forms: list[crm.Condition] = [plain, nested, listed, in_list, *built]
    for condition in forms:
        assert books.count(where=condition) == 1, condition


def test_a_record_stands_for_its_reference(db: crm.Crm, books: crm.Records) -> None:
    ann = db.contacts.create(given_name="Ann")
    books.create(author=ann)
    assert books.count(where={"field": "author", "op": "eq", "value": ann}) == 1
    assert books.count(where=F("author") == ann.id) == 1
    assert books.count(where=related("author", F("given_name") == "Ann")) == 1
    assert db.contacts.count(where=related("book.author").inverse().count() >= 1) == 1


def test_an_answer_is_its_verdict(db: crm.Crm, books: crm.Records) -> None:
    emma = books.create(title="Emma", pages=400)
    yes = db.conditions.evaluate("book", emma.id, F("pages") > 100)
    no = db.conditions.evaluate("book", emma.id, "pages > 100 and title is missing")
    assert yes and yes.is_true
    assert not no and not no.is_true
    assert [bool(leaf) for leaf in no.leaves] == [True, False]
    assert [leaf.path for leaf in no.leaves] == ["all[0]", "all[1]"]
    assert no.leaves[1].text == "title is missing"


def test_check_gives_the_normal_form(db: crm.Crm, books: crm.Records) -> None:
    built = ~~(F("pages") >= 100) & F("genre").has_any({"poetry", "novel"})
    checked = db.conditions.check("book", built)
    assert checked.text == 'genre has any ("novel", "poetry") and pages >= 100'
    assert db.conditions.check("book", checked.condition) == checked
    assert db.conditions.check("book", checked.text) == checked


def test_explain_shows_the_way_and_the_reasons(db: crm.Crm, books: crm.Records) -> None:
    emma = books.create(title="Emma", pages=400)
    plan = db.conditions.explain("book", F("pages") > 100, id=emma.id)
    assert '"pages" > ?' in plan.sql and plan.plan and plan.estimated_rows == 1
    assert plan.answer is not None and plan.answer
    assert db.conditions.explain("book", F("pages") > 100).answer is None


def test_time_is_an_argument(db: crm.Crm, books: crm.Records) -> None:
    emma = books.create(out=datetime.date(2025, 12, 31))
    recent = F("out").within_last(days=1)
    assert db.conditions.evaluate("book", emma.id, recent, at=NEW_YEAR)
    late = datetime.datetime(2026, 1, 1, 20, tzinfo=datetime.UTC)
    assert db.conditions.evaluate("book", emma.id, recent, at=late)
    assert not db.conditions.evaluate("book", emma.id, recent, at=late, zone="Asia/Tokyo")
    later = NEW_YEAR + datetime.timedelta(days=30)
    assert not db.conditions.evaluate("book", emma.id, recent, at=later)
    assert books.count(where=recent, at=NEW_YEAR) == 1
    assert books.count(where=recent, at=later) == 0


def test_activities_are_asked_for(db: crm.Crm) -> None:
    db.activity_kinds.define("order", [crm.Attribute("items", "integer")])
    ann, bob = db.contacts.create(given_name="Ann"), db.contacts.create(given_name="Bob")
    for days, items in ((5, 1), (50, 2), (500, 4)):
        db.activities.record(
            kind="order",
            subject=ann,
            at=NEW_YEAR - datetime.timedelta(days=days),
            properties={"items": items},
            amount=crm.Money(items * 10, "EUR"),
        )
    for condition in (
        events("order"),
        events("order").count() == 3,
        events("order").within(days=60).count() == 2,
        events("order").within("60d").where(F("items") > 1),
        events("order").sum("amount") >= crm.Money(70, "EUR"),
        events("order").max("items") == 4,
        events("order").min("items") < 2,
        events("order").last().within_last(weeks=1),
        events("order").first().older_than(years=1),
        events("order").first().before(NEW_YEAR - datetime.timedelta(days=400)),
        events("order").from_(NEW_YEAR - datetime.timedelta(days=60)).until(NEW_YEAR).count() == 2,
    ):
        assert [one.id for one in db.contacts.iterate(where=condition, at=NEW_YEAR)] == [ann.id]
    never = events("order").never()
    assert [one.id for one in db.contacts.iterate(where=never, at=NEW_YEAR)] == [bob.id]


def test_changes_are_asked_for(books: crm.Records) -> None:
    emma, other = books.create(pages=1), books.create(pages=1)
    books.patch(emma.id, pages=2)
    moved = changed("pages").from_(1).to(2).within(days=1)
    assert [book.id for book in books.iterate(where=moved)] == [emma.id]
    books.patch(other.id, pages=None)
    assert [book.id for book in books.iterate(where=changed("pages").to(None))] == [other.id]


def test_a_condition_has_no_truth_of_its_own() -> None:
    with pytest.raises(TypeError, match="join with &"):
        bool(F("a") == 1)
    with pytest.raises(TypeError):
        assert F("a") == 1 and F("b") == 2
    with pytest.raises(TypeError):
        (F("a") == 1) & "b = 2"  # type: ignore[operator]
    assert "secret" not in repr(F("a") == "secret")


def test_what_cannot_be_handed_over_is_refused_by_its_place(
    db: crm.Crm, books: crm.Records
) -> None:
    naive = datetime.datetime(2025, 1, 1)
    with pytest.raises(crm.InvalidValueError) as caught:
        books.count(where={"all": [{"field": "seen", "op": "lt", "value": naive}]})
    assert caught.value.field == "where.all[0].value"
    with pytest.raises(crm.InvalidValueError) as caught:
        F("seen").__lt__(naive)
    assert caught.value.field == "seen"
    with pytest.raises(crm.WrongKindError) as wrong:
        db.conditions.check("book", {"field": "title", "op": "in", "value": ["a", b"b"]})
    assert wrong.value.field == "condition.value[1]"
    with pytest.raises(crm.InvalidArgumentError) as text:
        F("title").one_of("Emma")
    assert text.value.field == "title"
    spans: list[dict[str, Any]] = [{}, {"days": -1}, {"days": 1.5}]
    for parts in spans:
        with pytest.raises(crm.InvalidArgumentError):
            books.count(where=F("out").within_last(**parts))
    with pytest.raises(crm.InvalidArgumentError):
        F("out").within_last("1d", days=1)
    with pytest.raises(TypeError):
        F("out").within_last(fortnights=1)  # type: ignore[call-arg]


def test_bottomless_conditions_are_refused(books: crm.Records) -> None:
    deep: Any = {"field": "pages", "op": "eq", "value": 1}
    for levels in (16, 200, 100_000):
        for _ in range(levels):
            deep = {"not": deep}
        with pytest.raises(crm.LimitExceededError):
            books.count(where=deep)
    endless: dict[str, Any] = {}
    endless["not"] = endless
    with pytest.raises(crm.LimitExceededError):
        books.count(where=endless)
    with pytest.raises(crm.LimitExceededError):
        books.count(where=F("pages").one_of(range(10_001)))
    assert books.count(where=F("pages").one_of(range(10_000))) == 0


NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)

BUILT: dict[str, BuiltCondition] = {
    "field_eq": F("city") == "Ulm",
    "field_neq": F("active") != True,  # noqa: E712
    "field_lt": F("employees") < -5,
    "field_lte": F("share") <= 0.5,
    "field_gt": F("price") > crm.Money("19.90", "EUR"),
    "field_gte": F("or") >= 9007199254740993,
    "field_between": F("born").between(datetime.date(1990, 1, 1), datetime.date(1999, 12, 31)),
    "field_one_of": F("home.city").one_of(["Ulm", "Bonn"]),
    "field_none_of": F("rating").none_of([1, 2]),
    "field_contains": F("title").contains('say "hi" \\ to\nAnn'),
    "field_starts_with": F("title").starts_with("Grüße 🙂"),
    "field_ends_with": F("title").ends_with("x"),
    "field_matches": F("title").matches(r"[a-z]+\d"),
    "field_is_set": F("title").is_set(),
    "field_is_missing": F("title").is_missing(),
    "field_has_any": F("tags").has_any(["red", "blue"]),
    "field_has_all": F("tags").has_all(["red"]),
    "field_has_none": F("tags").has_none(["red"]),
    "field_within_last": F("seen").within_last(days=30),
    "field_within_next": F("seen").within_next(
        seconds=7, minutes=6, hours=5, days=4, weeks=3, months=2, years=1
    ),
    "field_anniversary_within_last": F("born").anniversary_within_last(weeks=2),
    "field_anniversary_within_next": F("born").anniversary_within_next(days=7),
    "field_or_missing": F("city").or_missing() != "Ulm",
    "and": (F("a") == 1) & (F("b") == 2) & ((F("c") == 3) | (F("d") == 4) | ~F("e").is_set()),
    "all_of": all_of(F("a") == 1),
    "any_of": any_of(),
    "event": events("call"),
    "event_never": events("any").never(),
    "event_count": events("email_opened").within(days=30).count() >= 3,
    "event_span": events("purchase")
    .from_(NOON)
    .until(NOON + datetime.timedelta(days=1))
    .where((F("amount") > crm.Money(5, "EUR")) & (F("channel") == "web"))
    .count()
    < 2,
    "event_sum": events("purchase").within(months=12).sum("amount") >= crm.Money("100.00", "EUR"),
    "event_min": events("call").min("minutes") != 5,
    "event_max": events("call").max("minutes") <= 5,
    "event_first_before": events("call").first().before(NOON),
    "event_first_after": events("call").first().after(NOON),
    "event_last_within_last": events("call").last().within_last(minutes=10),
    "event_last_older_than": events("call").last().older_than(days=90),
    "related": related("employed_by", F("employees") >= 50),
    "related_count": related("employed_by").inverse().of_type("contact").role("CFO").count() > 2,
    "changed": changed("stage"),
    "changed_span": changed("stage").from_(None).to("won").within(days=30),
    "segment": in_segment("churned"),
    "stage_eq": stage() == "mql",
    "stage_neq": stage() != "mql",
    "stage_at_least": stage() >= "mql",
    "stage_at_most": stage() <= "mql",
    "stage_named": stage("contact") >= "mql",
    "score": score() >= 50,
    "score_named": score("fit") < 1.5,
    "consent": consent("email", "newsletter"),
}


def test_built_conditions_are_those_of_every_language() -> None:
    pairs = json.loads((FOLDER / "builders.json").read_text(encoding="utf-8"))
    assert [pair["name"] for pair in pairs] == [*BUILT]
    for pair in pairs:
        assert canonical(BUILT[pair["name"]].json) == canonical(pair["condition"]), pair["name"]


def canonical(json: Any) -> Any:
    """Write a moment in one way, since Python writes the offset of UTC in figures."""
    if isinstance(json, Mapping):
        return {key: canonical(part) for key, part in json.items()}
    return json.replace("+00:00", "Z") if isinstance(json, str) else json
