"""Lifecycles, as a user of the package meets them."""

from __future__ import annotations

import datetime

import crm
import pytest
from crm.where import stage


def day(number: int) -> datetime.datetime:
    return datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=number)


def test_a_record_goes_through_its_stages(db: crm.Crm) -> None:
    db.lifecycles.define_preset(crm.LifecyclePreset.DEAL)
    deal = db.deals.create(name="Ten chairs")
    moved = db.lifecycles.move("deal", deal.id, "proposal")
    assert moved.is_moved
    assert moved.standing.kind is crm.StageKind.OPEN
    with pytest.raises(crm.RefusedError) as caught:
        db.lifecycles.move("deal", deal.id, "prospecting")
    assert caught.value.field == "to"
    with pytest.raises(crm.RequiredError):
        db.lifecycles.move("deal", deal.id, "lost")
    db.lifecycles.move("deal", deal.id, "lost", reason="price")
    back = db.lifecycles.move("deal", deal.id, "negotiation").standing
    assert (back.cycle, back.reached) == (2, "negotiation")
    put = db.lifecycles.reset("deal", deal.id, "qualification", "too early").standing
    assert (put.stage, put.reached, put.reason) == ("qualification", "negotiation", "too early")
    visits = db.lifecycles.history("deal", deal.id).visits
    assert [visit.cause for visit in visits[:2]] == [
        crm.StageCause.INITIAL,
        crm.StageCause.IMPLIED,
    ]
    assert db.verify().is_ok


def test_a_definition_comes_back_as_it_was_said(db: crm.Crm) -> None:
    db.activity_kinds.define_preset("purchase")
    db.lifecycles.define_preset("deal")
    won = crm.RelatedStage("deal.contact", "deal", "won", inverse=True)
    triggers = (
        crm.StageTrigger("customer", activity="purchase", filter="amount > 10 EUR"),
        crm.StageTrigger("customer", related=won),
        crm.StageTrigger("lead", where=crm.F("email").is_set()),
    )
    stages = [
        crm.Stage("lead", label="Lead"),
        crm.Stage("customer", label="Customer", kind="won", required=("email",)),
        crm.Stage("gone", label="Gone", kind="lost", reasons=("moved", "dead")),
    ]
    defined = db.lifecycles.define("way", "contact", stages, triggers=triggers)
    found = db.lifecycles.get("way")
    assert defined.is_saved
    assert defined.lifecycle == found
    assert found.stages == tuple(stages)
    assert found.triggers[1] == triggers[1]
    assert found.triggers[2].where == {"field": "email", "op": "is_set"}
    with pytest.raises(crm.UnknownAttributeError) as caught:
        db.lifecycles.define("x", "contact", [crm.Stage("a", guard='contry = "DE"')])
    assert caught.value.field == "stages[0].guard.field"


def test_what_happens_moves_a_record_and_is_told(db: crm.Crm) -> None:
    db.activity_kinds.define("signup", [])
    trigger = crm.StageTrigger("member", activity="signup")
    db.lifecycles.define("club", "contact", ["guest", "member", "fan"], triggers=[trigger])
    ann = db.contacts.create(given_name="Ann")
    recorded = db.activities.record(crm.NewActivity(kind="signup", at=day(0), subject=ann))
    visit = db.lifecycles.history("club", ann.id).visits[-1]
    assert (visit.stage, visit.activity_id) == ("member", recorded.activity.id)
    assert (visit.trigger, visit.version, visit.rule) == (0, 1, None)
    db.lifecycles.move("club", ann.id, "fan")
    db.activities.record(crm.NewActivity(kind="signup", at=day(1), subject=ann))
    (kept,) = db.lifecycles.history("club", ann.id).suppressed
    assert (kept.to, kept.by) == ("member", crm.SuppressedBy.EARLIER)
    assert (kept.trigger, kept.missing) == (0, ())
    assert db.contacts.count(where=stage() >= "member") == 1
    assert db.contacts.count(where=stage("club") == "guest") == 0
    kinds = [change.kind for change in db.changes_page(limit=1000).changes]
    assert kinds[-1] is crm.ChangeKind.STAGE_SUPPRESSED


def test_reads_tell_of_many(db: crm.Crm) -> None:
    db.lifecycles.define("way", "contact", ["lead", "mql", "sql"])
    ann, bob = (db.contacts.create(given_name=name) for name in ("Ann", "Bob"))
    for one, days in ((ann, (0, 2, 3)), (bob, (0, 6))):
        for to, number in zip(("lead", "mql", "sql"), days, strict=False):
            db.lifecycles.move("way", one.id, to, at=day(number))
    funnel = db.lifecycles.funnel("way", from_=day(0), until=day(1), quantiles=[1])
    lead, mql, _ = funnel
    assert (funnel.entered, lead.went_on, mql.conversion) == (2, 2, 0.5)
    assert lead.median == datetime.timedelta(days=4)
    times = db.lifecycles.times("way", bob.id, at=day(8)).stages
    assert times[0].cumulative == datetime.timedelta(days=6)
    assert times[1].current == datetime.timedelta(days=2)
    assert times[1].latest is None
    stuck = db.lifecycles.stuck("way", "1d", at=day(8), stages=["mql"])
    assert [one.id for one in stuck] == [bob.id]
    clock = db.lifecycles.acceptance("way", "mql", "PT36H", at=day(8))
    assert (clock.entered, clock.in_time, clock.overdue) == (2, 1, 1)
    assert clock.breaches[0].id == bob.id
    answer = db.lifecycles.explain("way", bob.id)
    assert answer.text.startswith("It stands on mql since 2024-01-07")
    assert [one.stage for one in answer.next if one.by_hand] == ["sql"]
    assert db.lifecycles.draw("way").startswith("stateDiagram-v2")
    assert db.lifecycles.draw("way", crm.DrawingFormat.DOT).startswith("digraph")
