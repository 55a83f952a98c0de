"""Forwarding changes as a host would: in a loop, that may end anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import crm
import pytest


def test_a_loop_that_dies_delivers_the_rest_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "a.crm"
    delivered: list[str] = []
    with crm.open(path) as db:
        db.feed("queue").acknowledge(db.stats().changes)
        for name in ("One", "Two", "Three"):
            db.companies.create(name=name)

        def forward(fails_at: str | None) -> None:
            feed = db.feed("queue")
            for change in feed:
                if change.values["name"] == fails_at:
                    raise ConnectionError
                delivered.append(change.values["name"])
                feed.acknowledge(change)

        with pytest.raises(ConnectionError):
            forward("Two")
    with crm.open(path) as db:
        forward(None)
        forward(None)
        assert [(one.name, one.lag) for one in db.consumers()] == [("queue", 0)]
    assert delivered == ["One", "Two", "Three"]


def test_an_iteration_goes_on_over_pages_without_acknowledging(
    db: crm.Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.feed.FEED_PAGE", 2)
    feed = db.feed("queue")
    seqs = list(range(1, db.stats().changes + 1))
    assert [change.seq for change in feed] == seqs
    assert [event["data"]["seq"] for event in feed.events()] == seqs
    assert db.consumers() == []


def test_events_are_json_and_keep_their_ids(db: crm.Crm) -> None:
    start = db.stats().changes
    acme = db.companies.create(name="Acme")
    (event,) = db.cloud_events(start)
    assert event["type"] == "crm.record.created"
    assert event["subject"] == f"company/{acme.id}"
    assert event["data"]["values"] == {"name": "Acme"}
    assert json.loads(json.dumps(event)) == event
    again = db.feed("queue").events_page(limit=10_000).events[-1]
    assert (again["source"], again["id"]) == (event["source"], event["id"])


def test_a_place_goes_forward_only(db: crm.Crm) -> None:
    feed = db.feed("queue")
    feed.acknowledge(3)
    with pytest.raises(crm.StaleVersionError):
        feed.acknowledge(2)
    with pytest.raises(crm.OutOfRangeError):
        feed.acknowledge(db.stats().changes + 1)
    feed.remove()
    assert next(iter(feed)).seq == 1
