"""Rules from Python: what sets them off, what they do, and what is kept of it."""

from __future__ import annotations

import datetime
import json

import crm
import pytest


def prepare(db: crm.Crm) -> None:
    db.lifecycles.define_preset("contact")
    db.types.define_preset("task")


def test_a_rule_does_what_it_says_and_its_runs_are_read(db: crm.Crm) -> None:
    prepare(db)
    assignee = crm.CreateTask("Call", assignee="ann", due_in="2d")
    actions: list[crm.RuleAction] = [
        crm.SetAttribute("locale", "de"),
        crm.SetAttribute("source", formula='concat(given_name, "!")'),
        crm.MoveToStage("contact", "lead"),
        assignee,
        crm.EmitEvent("welcome", ("given_name",)),
    ]
    defined = db.rules.define(
        "german", "contact", crm.OnAttribute("country", to="DE"), actions, where="locale is missing"
    )
    assert defined.is_saved
    assert defined.rule == db.rules.get("german") == db.rules.list()[0]
    assert defined.rule.on == crm.OnAttribute("country", to="DE")
    assert list(defined.rule.actions) == actions
    ann = db.contacts.create(given_name="Ann", country="DE")
    assert (ann["locale"], ann["source"]) == ("de", "Ann!")
    (run,) = db.rules.runs("german", id=ann.id)
    assert run.event.kind is crm.RuleEventKind.ATTRIBUTE_CHANGED
    assert {action.outcome for action in run.actions} == {crm.ActionOutcome.DONE}
    assert run.record == crm.RecordRef(type="contact", id=ann.id)
    (told,) = [c for c in db.changes() if c.kind == crm.ChangeKind.EVENT_EMITTED]
    assert (told.cause, told.record_id) == ("rule:german@1", ann.id)
    assert json.loads(told.definition or "")["values"] == {"given_name": "Ann"}


def test_a_rule_is_simulated_before_it_is_saved(db: crm.Crm) -> None:
    prepare(db)
    ann = db.contacts.create(given_name="Ann", birthday=datetime.date(1984, 2, 29))
    bea = db.contacts.create(given_name="Bea")
    born = datetime.date(1984, 2, 29)
    rule = crm.DefineRule(
        "born",
        "contact",
        crm.OnAttribute("birthday", from_=born),
        (crm.SetAttribute("birthday", datetime.date(2000, 1, 1)),),
        where='given_name = "Ann"',
    )
    simulated = db.rules.simulate(rule, [ann.id, bea.id])
    assert simulated.would_run == 1
    first, second = simulated
    assert first.would_run and not second.would_run
    assert first.changes[0].values["birthday"] == datetime.date(2000, 1, 1)
    assert [leaf.is_true for leaf in second.leaves] == [False]
    assert db.contacts.get(ann.id)["birthday"] == born
    assert db.rules.list() == []


def test_what_makes_no_sense_is_refused_with_its_path(db: crm.Crm) -> None:
    prepare(db)
    with pytest.raises(crm.InvalidArgumentError) as refused:
        db.rules.define("loop", "contact", crm.OnAttribute("source"), [crm.SetAttribute("source", "x")])
    assert refused.value.field == "actions[0].set_attribute"
    with pytest.raises(crm.InvalidArgumentError) as refused:
        entered = crm.OnStageEntered("contact", "mql")
        db.rules.define("r", "contact", entered, [crm.EmitEvent("E")], where='given_name = "Ann"')
    assert refused.value.field == "actions[0].emit.event"
    with pytest.raises(crm.InvalidArgumentError, match="on: not a part of a rule"):
        db.rules.define("r", "contact", "country", [crm.EmitEvent("e")])  # type: ignore[arg-type]
    db.rules.define("r", "contact", crm.OnStageLeft("contact"), [crm.EmitEvent("e")], dry_run=True)
    db.rules.define("r", "contact", crm.OnDate("birthday", before="7d"), [crm.EmitEvent("e")])
    assert db.rules.archive("r").archived_at is not None
    assert db.rules.restore("r").archived_at is None


def test_a_rule_waits_for_segments_and_adds_to_lists_and_scores() -> None:
    with crm.open() as db:
        db.segments.define("german", "contact", 'country = "DE"')
        db.segments.define("calls", "contact", kind="static")
        german = crm.ScoreRule("german", 20, where='country = "DE"')
        db.scores.define("fit", "contact", [crm.ScoreGroup("fit", [german])])
        db.scores.publish("fit")
        actions: list[crm.AddToSegment | crm.AddPoints] = [
            crm.AddToSegment("calls", reason="speaks German"),
            crm.AddPoints("fit", 5, reason="asked"),
        ]
        defined = db.rules.define("call", "contact", crm.OnSegmentEntered("german"), actions)
        assert defined.rule.on == crm.OnSegmentEntered("german")
        assert defined.rule.actions == tuple(actions)
        out = [crm.RemoveFromSegment("calls")]
        db.rules.define("rest", "contact", crm.OnSegmentLeft("german"), out)
        ann = db.contacts.create(given_name="Ann", country="DE")
        assert [member.id for member in db.segments.members("calls")] == [ann.id]
        [line] = [one for one in db.scores.explain("fit", ann.id).contributions if one.added]
        assert line.added is not None
        assert (line.raw, line.added.cause) == (5000, "rule:call@1")
        assert db.scores.add_points("fit", ann.id, -5).record.points == 20
        run = db.rules.runs("call").runs[0]
        assert (run.event.kind, run.event.segment) == ("segment_entered", "german")
        db.contacts.patch(ann.id, country="FR")
        assert not list(db.segments.members("calls"))
        with pytest.raises(crm.NotFoundError) as refused:
            db.rules.define("late", "contact", crm.OnOverdue("leads", "lead"), out)
        assert refused.value.field == "on.stage_overdue.lifecycle"
