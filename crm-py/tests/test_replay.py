"""A year of activities told again by a clock that is set."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import crm
import pytest

START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
SEGMENTS = {
    "active": "count(visit within 30d) >= 2",
    "quiet": 'count(visit) >= 1 and not in segment "active"',
    "lost": "last(visit) older than 3mo",
    "warm": 'score("lead" >= 8)',
    "new": "created_at within last 2w",
}


def begin(path: Path | str = crm.database.MEMORY) -> crm.Crm:
    """Open a file with a lifecycle, a score and live segments, and ten people in it."""
    replay = crm.Replay(start=START, step_micros=0)
    db = crm.open(path, durability="relaxed", replay=replay)
    db.activity_kinds.define("visit")
    db.activity_kinds.define("order")
    fade = crm.ScoreFade("half_life", "P30D")
    visits = crm.ScoreRule("visits", 10, activity="visit", per_day=1)
    db.scores.define(
        "lead",
        "contact",
        [crm.ScoreGroup("visits", [visits], fade=fade, max=50)],
        thresholds=[crm.ScoreLevel("warm", 8)],
    )
    db.scores.publish("lead")
    for name, condition in SEGMENTS.items():
        db.segments.define(name, "contact", condition, zone="Europe/Berlin")
    ordered = crm.StageTrigger("customer", activity="order")
    db.lifecycles.define("way", "contact", ["lead", "customer"], initial="lead", triggers=[ordered])
    db.contacts.create_many({"given_name": f"Person {n}"} for n in range(10))
    return db


def people(db: crm.Crm) -> list[UUID]:
    return [record.id for record in db.contacts.list()]


def days(db: crm.Crm, seed: int = 7) -> Iterator[tuple[datetime.datetime, list[crm.NewActivity]]]:
    """What becomes known on each day of a year: of that day, or late by up to 20 days."""
    chance, ids = random.Random(seed), people(db)
    for number in range(1, 366):
        day, told = START + number * DAY, []
        if chance.random() < 0.5:
            at = day - chance.randrange(20) * DAY
            kind = "order" if chance.random() < 0.2 else "visit"
            # Some come often, and others hardly ever.
            someone = ids[int(len(ids) * chance.random() ** 3)]
            subject = crm.RecordRef(type="contact", id=someone)
            told.append(crm.NewActivity(kind=kind, at=at, subject=subject))
        yield day, told


def live(db: crm.Crm) -> None:
    """Tell each day what became known on it, after what was due is done."""
    for day, told in days(db):
        db.set_clock(day)
        assert db.timers.tick().is_complete
        for activity in told:
            db.activities.record(activity)
    assert db.timers.tick().is_complete


def state(db: crm.Crm) -> dict[str, Any]:
    """Who is in which segment, what everybody scores to the last bit, and where they stand."""
    ids = people(db)
    scores = [db.scores.read("lead", id).record for id in ids]
    stages = [db.lifecycles.history("way", id).visits for id in ids]
    return {
        "segments": {name: [one.id for one in db.segments.members(name)] for name in SEGMENTS},
        "scores": [(one.score, one.threshold) for one in scores if one is not None],
        "stages": [[(visit.stage, visit.entered_at) for visit in visits] for visits in stages],
        "activities": [len(db.activities.list(subject=db.contacts.get(id)).activities) for id in ids],
    }


def test_a_year_gives_the_same_bits_twice(tmp_path: Path) -> None:
    paths = [tmp_path / "a.crm", tmp_path / "b.crm"]
    seen = []
    for path in paths:
        with begin(path) as db:
            live(db)
            changes = [*db.changes()]
            seen.append((db.journal.head(), changes, state(db)))
            kinds = [change.kind for change in changes]
            assert kinds.count(crm.ChangeKind.SEGMENT_LEFT) > 30
            assert kinds.count(crm.ChangeKind.STAGE_MOVED) > 3
            assert changes[-1].at <= START + 365 * DAY
            assert db.verify().is_ok and db.journal.verify().is_ok
    assert seen[0] == seen[1]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_year_that_is_told_at_its_end_ends_as_the_one_that_was_lived() -> None:
    with begin() as lived, begin() as told:
        live(lived)
        everything = [activity for _, of_day in days(told) for activity in of_day]
        told.set_clock(START + 365 * DAY)
        report = told.activities.record_many(everything, all_or_nothing=True)
        assert report.failed == 0
        assert told.timers.tick().is_complete
        found = state(lived)
        assert found == state(told)
        assert sum(bool(members) for members in found["segments"].values()) >= 3
        assert any(threshold for _, threshold in found["scores"])
        assert sum(len(visits) > 1 for visits in found["stages"]) >= 3


def test_a_simulation_foretells_the_year_to_come_and_touches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.crm"
    log = tmp_path / "a.crm-wal"
    with begin(path) as db:
        live(db)
        until = START + 2 * 365 * DAY
        before = (db.journal.head(), db.stats(), db.timers.next(), state(db))
        bytes_before = (path.read_bytes(), log.read_bytes())
        foretold = db.timers.simulate(until, limit=10_000)
        assert foretold.made == len(foretold.changes) > 10
        assert (path.read_bytes(), log.read_bytes()) == bytes_before
        assert (db.journal.head(), db.stats(), db.timers.next(), state(db)) == before

        for number in range(366, 2 * 365 + 1):
            db.set_clock(START + number * DAY)
            db.timers.tick()
        done = [*db.changes(before[0].seq)]
        assert [(one.kind, one.record_id, one.definition) for one in done] == [
            (one.kind, one.record_id, one.definition) for one in foretold.changes
        ]


def test_the_clock_of_a_replay_goes_forward_only(replayed: crm.Crm) -> None:
    may = datetime.datetime(2026, 5, 3, tzinfo=datetime.UTC)
    assert replayed.set_clock(may) == crm.ClockReading(now=may)
    for past in (may - DAY, may - datetime.timedelta(microseconds=1)):
        with pytest.raises(crm.OutOfRangeError) as caught:
            replayed.set_clock(past)
        assert caught.value.field == "to" and "forward" in (caught.value.hint or "")
    berlin = datetime.timezone(datetime.timedelta(hours=2))
    assert replayed.set_clock(may.astimezone(berlin)).now == may
    assert replayed.contacts.create().created_at == may


def test_a_clock_that_goes_by_itself_is_not_set(db: crm.Crm) -> None:
    with pytest.raises(crm.InvalidArgumentError) as caught:
        db.set_clock(datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC))
    assert caught.value.field == "replay" and "replay" in (caught.value.hint or "")


@pytest.mark.parametrize("to", [None, 7, "soon", datetime.date(2026, 5, 3), datetime.datetime(2026, 5, 3)])
def test_a_clock_is_set_to_a_moment_and_nothing_else(replayed: crm.Crm, to: Any) -> None:
    with pytest.raises(crm.CrmError) as caught:
        replayed.set_clock(to)
    assert caught.value.field == "to"
    with pytest.raises(crm.InvalidArgumentError) as missing:
        replayed._engine.call("database.set_clock", {})
    assert missing.value.field == "to"
