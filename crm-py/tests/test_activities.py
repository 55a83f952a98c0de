"""Activities, visitors and the timeline, as a user of the package meets them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

import crm
import pytest

NOON = datetime.datetime(2025, 3, 1, 12, tzinfo=datetime.UTC)


def day(number: int) -> datetime.datetime:
    """Noon of a day in March."""
    return NOON + datetime.timedelta(days=number - 1)


@pytest.fixture
def shop(db: crm.Crm) -> crm.Crm:
    """A file with three kinds of activities."""
    db.activity_kinds.define(
        "order",
        [
            crm.Attribute("items", "integer"),
            crm.Attribute("due", "date"),
            crm.Attribute("weight", "decimal", scale=2),
        ],
    )
    db.activity_kinds.define_preset(crm.ActivityPreset.CALL)
    db.activity_kinds.define("page_view")
    return db


def test_an_activity_is_recorded_by_keywords(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")
    acme = shop.companies.create(name="Acme")
    recorded = shop.activities.record(
        kind="order",
        subject=ann,
        at=NOON,
        channel="web",
        direction=crm.Direction.INBOUND,
        properties={"items": 3, "due": datetime.date(2025, 4, 1), "weight": Decimal("1.50")},
        amount=crm.Money("19.90", "EUR"),
        links=[crm.ActivityLink(type="company", id=acme.id, role="payer")],
    )
    assert recorded.outcome is crm.Outcome.CREATED
    order = recorded.activity
    assert order.properties == {
        "items": 3,
        "due": datetime.date(2025, 4, 1),
        "weight": Decimal("1.50"),
    }
    assert (order.amount, order.direction) == (crm.Money("19.90", "EUR"), crm.Direction.INBOUND)
    assert order.subject == crm.RecordRef(type="contact", id=ann.id)
    assert order.links == (crm.ActivityLink(type="company", id=acme.id, role="payer"),)
    assert shop.activities.get(order.id) == order


def test_keywords_and_a_new_activity_say_the_same(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")
    ready = crm.NewActivity(kind=crm.ActivityPreset.CALL, subject=ann, at=NOON, key="call 1")
    first = shop.activities.record(ready)
    again = shop.activities.record(kind="call", subject=ann, at=NOON, key="call 1")
    assert (again.outcome, again.activity) == (crm.Outcome.UNCHANGED, first.activity)
    with pytest.raises(TypeError):
        shop.activities.record(ready, key="call 2")  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        shop.activities.record(kind="call", subject=ann)  # type: ignore[call-overload]


def test_the_same_key_with_other_content_is_a_duplicate(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")
    shop.activities.record(kind="call", subject=ann, at=NOON, key="call 1")
    with pytest.raises(crm.DuplicateError) as caught:
        shop.activities.record(kind="call", subject=ann, at=day(2), key="call 1")
    assert caught.value.field == "key"
    assert len(shop.activities.list(key="call 1")) == 1


def test_a_correction_supersedes(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")
    wrong = shop.activities.record(
        kind="order", subject=ann, at=NOON, properties={"items": 30}
    ).activity
    right = shop.activities.record(
        kind="order", subject=ann, at=NOON, properties={"items": 3}, supersedes=wrong.id
    ).activity
    assert right.supersedes == wrong.id
    assert shop.activities.get(wrong.id).superseded_by == right.id
    assert [order.properties["items"] for order in shop.activities.iterate(ann)] == [3]
    assert shop.conditions.evaluate("contact", ann.id, crm.events("order").sum("items") == 3)


def test_a_batch_takes_any_iterable_and_tells_what_became_of_each(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")

    def orders() -> Iterator[crm.NewActivity]:
        for items in (1, 2):
            yield crm.NewActivity(
                kind="order", subject=ann, at=day(items), properties={"items": items}
            )
        yield crm.NewActivity(kind="ordre", subject=ann, at=NOON)

    report = shop.activities.record_many(orders())
    assert [one.outcome for one in report.outcomes] == ["created", "created", "failed"]
    assert (report.failed, report.is_committed) == (1, True)
    problem = report.outcomes[2].problem
    assert problem is not None and problem.hint == 'did you mean "order"?'
    assert not shop.activities.record_many(orders(), all_or_nothing=True).is_committed
    assert len([*shop.activities.iterate(ann)]) == 2


def test_a_value_that_cannot_be_handed_over_is_named_with_its_place(shop: crm.Crm) -> None:
    good = crm.NewActivity(kind="call", visitor="v", at=NOON)
    bad = crm.NewActivity(kind="order", visitor="v", at=NOON, properties={"due": b"2025"})  # type: ignore[dict-item]
    with pytest.raises(crm.WrongKindError) as caught:
        shop.activities.record_many([good, bad])
    assert caught.value.field == "activities[1].due"
    assert not shop.activities.list(visitor="v").activities


def test_a_visitor_is_identified_with_its_past_and_released_again(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")
    for number in (1, 2):
        shop.activities.record(kind="page_view", visitor="cookie", at=day(number))
    assert [*shop.activities.iterate(ann)] == []
    visitor = shop.activities.identify("cookie", ann)
    assert (visitor.record, visitor.activities) == (crm.RecordRef(type="contact", id=ann.id), 2)
    shop.activities.record(kind="page_view", visitor="cookie", at=day(3))
    assert [view.at for view in shop.activities.iterate(ann)] == [day(3), day(2), day(1)]
    assert shop.conditions.evaluate("contact", ann.id, crm.events("page_view").count() == 3)
    assert shop.activities.release("cookie").record is None
    assert [*shop.activities.iterate(ann)] == []
    assert len([*shop.activities.iterate(visitor="cookie")]) == 3


def test_iteration_takes_what_the_list_takes(shop: crm.Crm) -> None:
    ann = shop.contacts.create(given_name="Ann")
    for number in range(1, 6):
        shop.activities.record(kind="call", subject=ann, at=day(number))
        shop.activities.record(kind="page_view", visitor="cookie", at=day(number))
    calls = shop.activities.iterate(ann, kinds=iter(["call"]), from_=day(2), until=day(4))
    assert [call.at for call in calls] == [day(3), day(2)]
    views = shop.activities.iterate(visitor="cookie", from_=day(4))
    assert [view.at for view in views] == [day(5), day(4)]
    with pytest.raises(crm.InvalidArgumentError):
        next(shop.activities.iterate())


def test_iterations_go_over_all_pages(shop: crm.Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.activities.SCAN_PAGE", 2)
    monkeypatch.setattr("crm.database.TIMELINE_PAGE", 2)
    ann = shop.contacts.create(given_name="Ann")
    for number in range(1, 6):
        shop.activities.record(kind="call", subject=ann, at=day(number))
    assert [call.at for call in shop.activities.iterate(ann)] == [*map(day, (5, 4, 3, 2, 1))]
    entries = [*shop.timeline("contact", ann.id, items=iter(["activity"]))]
    assert [entry.at for entry in entries] == [*map(day, (5, 4, 3, 2, 1))]


def test_a_timeline_has_activities_and_changes_in_one_order(replayed: crm.Crm) -> None:
    replayed.activity_kinds.define_preset("call")
    replayed.activity_kinds.define_preset("meeting")
    ann = replayed.contacts.create(given_name="Ann")
    bob = replayed.contacts.create(given_name="Bob")
    replayed.contacts.patch(ann.id, job_title="CFO")
    replayed.activities.record(kind="call", subject=ann, at=NOON)
    replayed.activities.record(
        kind="meeting",
        subject=bob,
        at=day(2),
        links=[crm.ActivityLink(type="contact", id=ann.id, role="attendee")],
    )
    entries = [*replayed.timeline("contact", ann.id)]
    assert [type(entry.item) for entry in entries] == [
        crm.HistoryEntry,
        crm.HistoryEntry,
        crm.Activity,
        crm.Activity,
    ]
    change, meeting = entries[0].item, entries[2]
    assert isinstance(change, crm.HistoryEntry) and change.values == {"job_title": "CFO"}
    assert (meeting.role, meeting.at) == ("attendee", day(2))
    calls = replayed.timeline("contact", ann.id, items=[crm.TimelineKind.ACTIVITY], kinds=["call"])
    assert [entry.at for entry in calls] == [NOON]
    page = replayed.timeline_page("contact", ann.id, limit=3)
    rest = replayed.timeline_page("contact", ann.id, after=page.next, limit=3)
    assert [*page, *rest] == entries
    assert (len(rest), rest.next) == (1, None)
