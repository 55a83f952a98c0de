"""How lifecycles, scores, segments and rules are called."""

from __future__ import annotations

import datetime
from typing import Any

import crm

from .requests import Calls, Json, Request, moments, part, parts, plain, span, typed


def lifecycle(found: crm.Lifecycle) -> Json:
    """Return a lifecycle as JSON has it."""
    return plain(found)


def define_lifecycle(db: crm.Crm, request: Request) -> Json:
    """Define a lifecycle from JSON."""
    triggers = [dict(one) for one in request.options("triggers").get("triggers", [])]
    for one in triggers:
        if "related" in one:
            one["related"] = crm.RelatedStage(**one["related"])
    given = request.options("map")
    if "map" in given:
        given["map"] = {one["stage"]: one["becomes"] for one in given["map"]}
    return db.lifecycles.define(
        request["name"],
        request["type"],
        [crm.Stage(**one) for one in request["stages"]],
        triggers=[crm.StageTrigger(**one) for one in triggers],
        **given,
        **request.options("label", "description", "initial", "dry_run"),
    )


RULE_PARTS: dict[str, type[Any]] = {
    "activity": crm.OnActivity,
    "stage_entered": crm.OnStageEntered,
    "stage_left": crm.OnStageLeft,
    "attribute_changed": crm.OnAttribute,
    "date_reached": crm.OnDate,
    "score_crossed": crm.OnScore,
    "segment_entered": crm.OnSegmentEntered,
    "segment_left": crm.OnSegmentLeft,
    "stage_overdue": crm.OnOverdue,
    "set_attribute": crm.SetAttribute,
    "move_stage": crm.MoveToStage,
    "create_task": crm.CreateTask,
    "emit": crm.EmitEvent,
    "add_to_segment": crm.AddToSegment,
    "remove_from_segment": crm.RemoveFromSegment,
    "add_points": crm.AddPoints,
}


def rule_part(given: Json) -> Any:
    """Return what sets a rule off, or what it does, from JSON."""
    ((name, fields),) = given.items()
    fields = {"from_" if key == "from" else key: value for key, value in fields.items()}
    return RULE_PARTS[name](**fields)


def rule(found: crm.Rule) -> Json:
    """Return a rule as JSON has it."""
    names = {cls: name for name, cls in RULE_PARTS.items()}

    def part_of(part: Any) -> Json:
        return {names[type(part)]: plain(part)}

    actions = [part_of(action) for action in found.actions]
    return {**plain(found), "on": part_of(found.on), "actions": actions}


def define_rule(db: crm.Crm, request: Request) -> Json:
    """Define a rule from JSON."""
    defined = db.rules.define(
        request["name"],
        request["type"],
        rule_part(request["on"]),
        [rule_part(action) for action in request["actions"]],
        **request.options("where", "label", "description", "dry_run"),
    )
    return {"rule": rule(defined.rule), "is_saved": defined.is_saved}


def simulate_rule(db: crm.Crm, request: Request) -> Json:
    """Simulate a rule from JSON."""
    fields = dict(request["rule"])
    wanted = crm.DefineRule(
        fields.pop("name"),
        fields.pop("type"),
        rule_part(fields.pop("on")),
        tuple(rule_part(action) for action in fields.pop("actions")),
        **fields,
    )
    return db.rules.simulate(wanted, request["records"])


def score_rule(given: dict[str, Any]) -> crm.ScoreRule:
    """Return a rule of a score from JSON."""
    given = dict(given)
    if "related" in given:
        given["related"] = crm.RelatedScore(**given["related"])
    if "values" in given:
        given["values"] = [(typed(one["value"]), one["points"]) for one in given["values"]]
    return crm.ScoreRule(**given)


def score_group(given: dict[str, Any]) -> crm.ScoreGroup:
    """Return a group of a score from JSON."""
    given = dict(given)
    given["rules"] = [score_rule(rule) for rule in given["rules"]]
    if "fade" in given:
        given["fade"] = crm.ScoreFade(**given["fade"])
    return crm.ScoreGroup(**given)


def score_model(found: crm.ScoreModel) -> Json:
    """Return a score as JSON has it."""
    answer = plain(found)
    for group in answer["groups"]:
        for rule in group["rules"]:
            rule["values"] = [
                {"value": value, "points": points} for value, points in rule["values"]
            ]
    return answer


def define_score(db: crm.Crm, request: Request) -> Json:
    """Define a score from JSON."""
    given = request.options("thresholds", "grade")
    levels = [crm.ScoreLevel(**one) for one in given.get("thresholds", [])]
    grade = [
        crm.ScoreAxis(axis["group"], [crm.ScoreLevel(**one) for one in axis["levels"]])
        for axis in given.get("grade", [])
    ]
    return score_model(
        db.scores.define(
            request["name"],
            request["type"],
            [score_group(group) for group in request["groups"]],
            thresholds=levels,
            grade=grade,
            **request.options("label", "description", "min", "max"),
        )
    )


def learned(request: Request) -> dict[str, Any]:
    """Return the moments, condition and tiers of a request about learned scores."""
    tiers = [crm.ScoreTier(one["tier"], one["from"]) for one in request.options("tiers").get("tiers", [])]
    return {"tiers": tiers, **moments(request, "until"), **request.options("where")}


def looked_for(request: Request) -> dict[str, Any]:
    """Return where leaks are looked for."""
    fitted = ("allow_leaks", "l2", "balanced", "calibrated")
    return {name: value for name, value in recipe(request).items() if name not in fitted}


def recipe(request: Request) -> dict[str, Any]:
    """Return how a score is learned."""
    options = request.options("conditions", "activities")
    named = {one["name"]: one["where"] for one in options.get("conditions", [])}
    counted = [(one["kind"], one.get("within")) for one in options.get("activities", [])]
    names = ("algorithm", "fields", "exclude", "allow_leaks", "l2", "balanced", "calibrated")
    others = request.options(*names, "min_records", "holdout_percent", "leak_auc")
    as_of = moments(request, "as_of")
    given = {name: value for name, value in learned(request).items() if name != "tiers" or value}
    return {"conditions": named, "activities": counted, **others, **as_of, **given}


CALLS: Calls = {
    "learned_scores.archive": lambda db, r: db.learned_scores.archive(r["name"]),
    "learned_scores.backtest": lambda db, r: db.learned_scores.backtest(
        r["type"],
        part(crm.LearnedOutcome, r["outcome"]),
        part(crm.ScoreCandidate, r["score"]),
        datetime.datetime.fromisoformat(r["as_of"]),
        **{name: part(crm.ScoreCandidate, one) for name, one in r.options("other").items()},
        **learned(r),
    ),
    "learned_scores.explain": lambda db, r: db.learned_scores.explain(
        r["name"], r["id"], **r.options("version")
    ),
    "learned_scores.find_leaks": lambda db, r: db.learned_scores.find_leaks(
        r["type"], part(crm.LearnedOutcome, r["outcome"]), name=r["name"], **looked_for(r)
    ),
    "learned_scores.get": lambda db, r: db.learned_scores.get(r["name"], **r.options("version")),
    "learned_scores.list": lambda db, r: db.learned_scores.list(),
    "learned_scores.rank": lambda db, r: db.learned_scores.rank(
        r["name"], **r.options("version", "where", "limit")
    ),
    "learned_scores.restore": lambda db, r: db.learned_scores.restore(r["name"]),
    "learned_scores.train": lambda db, r: db.learned_scores.train(
        r["name"], r["type"], part(crm.LearnedOutcome, r["outcome"]), **recipe(r)
    ),
    "lifecycles.acceptance": lambda db, r: db.lifecycles.acceptance(
        r["lifecycle"],
        r["stage"],
        r["within"],
        **span(r),
        **moments(r, "at"),
        **r.options("to", "after", "limit"),
    ),
    "lifecycles.archive": lambda db, r: lifecycle(db.lifecycles.archive(r["lifecycle"])),
    "lifecycles.define": define_lifecycle,
    "lifecycles.define_preset": lambda db, r: lifecycle(db.lifecycles.define_preset(r["preset"])),
    "lifecycles.draw": lambda db, r: {
        "text": db.lifecycles.draw(r["lifecycle"], **r.options("format"))
    },
    "lifecycles.explain": lambda db, r: db.lifecycles.explain(r["lifecycle"], r["id"]),
    "lifecycles.flywheel": lambda db, r: db.lifecycles.flywheel(
        r["lifecycle"],
        **span(r),
        **r.options("stage"),
        referral=parts(crm.RelatedStage, r.options("referral").get("referral", [])),
        repeat=parts(crm.RelatedStage, r.options("repeat").get("repeat", [])),
    ),
    "lifecycles.funnel": lambda db, r: db.lifecycles.funnel(
        r["lifecycle"], **span(r), **r.options("where", "quantiles")
    ),
    "lifecycles.get": lambda db, r: lifecycle(
        db.lifecycles.get(r["lifecycle"], **r.options("version"))
    ),
    "lifecycles.history": lambda db, r: db.lifecycles.history(
        r["lifecycle"], r["id"], **r.options("after", "limit")
    ),
    "lifecycles.list": lambda db, r: [lifecycle(one) for one in db.lifecycles.list()],
    "lifecycles.move": lambda db, r: db.lifecycles.move(
        r["lifecycle"], r["id"], r["to"], **moments(r, "at"), **r.options("reason", "activity_id")
    ),
    "lifecycles.reset": lambda db, r: db.lifecycles.reset(
        r["lifecycle"], r["id"], r["to"], r["reason"], **moments(r, "at")
    ),
    "lifecycles.restore": lambda db, r: lifecycle(db.lifecycles.restore(r["lifecycle"])),
    "lifecycles.stuck": lambda db, r: db.lifecycles.stuck(
        r["lifecycle"],
        r["longer_than"],
        **moments(r, "at"),
        **r.options("stages", "after", "limit"),
    ),
    "lifecycles.times": lambda db, r: db.lifecycles.times(
        r["lifecycle"], r["id"], **moments(r, "at")
    ),
    "rules.archive": lambda db, r: rule(db.rules.archive(r["rule"])),
    "rules.define": define_rule,
    "rules.get": lambda db, r: rule(db.rules.get(r["rule"], **r.options("version"))),
    "rules.list": lambda db, r: [rule(one) for one in db.rules.list()],
    "rules.restore": lambda db, r: rule(db.rules.restore(r["rule"])),
    "rules.runs": lambda db, r: db.rules.runs(r["rule"], **r.options("id", "after", "limit")),
    "rules.simulate": simulate_rule,
    "scores.add_points": lambda db, r: db.scores.add_points(
        r["model"], r["id"], r["points"], **moments(r, "at"), **r.options("group", "reason")
    ),
    "scores.clone": lambda db, r: score_model(
        db.scores.clone(r["model"], r["name"], **r.options("version"))
    ),
    "scores.define": define_score,
    "scores.define_preset": lambda db, r: score_model(db.scores.define_preset(r["preset"])),
    "scores.explain": lambda db, r: db.scores.explain(
        r["model"], r["id"], **moments(r, "at"), **r.options("version")
    ),
    "scores.get": lambda db, r: score_model(db.scores.get(r["model"], **r.options("version"))),
    "scores.history": lambda db, r: db.scores.history(
        r["model"], r["id"], **r.options("after", "limit")
    ),
    "scores.list": lambda db, r: [score_model(one) for one in db.scores.list()],
    "scores.publish": lambda db, r: score_model(db.scores.publish(r["model"])),
    "scores.ranking": lambda db, r: db.scores.ranking(
        r["model"], **moments(r, "at"), **r.options("where", "after", "limit")
    ),
    "scores.read": lambda db, r: db.scores.read(
        r["model"], r["id"], **moments(r, "at"), **r.options("version")
    ),
    "scores.rescore": lambda db, r: db.scores.rescore(r["model"]),
    "scores.retire": lambda db, r: score_model(db.scores.retire(r["model"])),
    "segments.add_members": lambda db, r: db.segments.add_members(
        r["segment"], r["ids"], **r.options("reason")
    ),
    "segments.archive": lambda db, r: db.segments.archive(r["segment"]),
    "segments.define": lambda db, r: db.segments.define(
        r["name"], r["type"], **r.options("where", "kind", "label", "description", "zone")
    ),
    "segments.estimate": lambda db, r: db.segments.estimate(
        r["type"], r["where"], **r.options("zone")
    ),
    "segments.explain": lambda db, r: db.segments.explain(
        r["segment"], r["id"], **r.options("limit")
    ),
    "segments.get": lambda db, r: db.segments.get(r["segment"]),
    "segments.list": lambda db, r: db.segments.list(),
    "segments.members": lambda db, r: db.segments.members_page(
        r["segment"], **r.options("after", "limit")
    ),
    "segments.overlap": lambda db, r: db.segments.overlap(r["segment"], r["other"]),
    "segments.refresh": lambda db, r: db.segments.refresh(r["segment"]),
    "segments.remove_members": lambda db, r: db.segments.remove_members(
        r["segment"], r["ids"], **r.options("reason")
    ),
    "segments.restore": lambda db, r: db.segments.restore(r["segment"]),
    "segments.sizes": lambda db, r: {
        "sizes": db.segments.sizes(
            r["segment"],
            [datetime.datetime.fromisoformat(at) for at in r.options("at").get("at", [])],
            **r.options("every", "zone"),
            **span(r),
        )
    },
}
