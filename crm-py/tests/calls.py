"""How each operation is called in Python.

`CALLS` has one branch per operation: from the request in JSON to a call as a user would write it, and
from its answer back to JSON.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

import crm

Json: TypeAlias = Any


class Request:
    """A request in JSON; taking a field out shows that the call hands it over."""

    def __init__(self, fields: Mapping[str, Json]) -> None:
        self.left = dict(fields)

    def __getitem__(self, name: str) -> Json:
        return self.left.pop(name)

    def options(self, *names: str) -> dict[str, Json]:
        """Take those of the fields that are given."""
        return {name: self.left.pop(name) for name in names if name in self.left}

    def values(self, name: str = "values") -> dict[str, crm.Value]:
        """Take values by attribute, in the package's types."""
        return {key: typed(value) for key, value in self.left.pop(name, {}).items()}


def typed(value: Json) -> Any:
    """Return a value of several parts as the class that a user would write, where one can."""
    if not isinstance(value, dict):
        return value
    keys = value.keys()
    parts = {field.name for field in dataclasses.fields(crm.Address)}
    if keys == {"amount", "currency"} and is_plain_amount(value["amount"]):
        return crm.Money(value["amount"], value["currency"])
    if keys and keys <= parts:
        return crm.Address(**value)
    if {"hash", "name", "media_type"} <= keys <= {"hash", "name", "media_type", "size"}:
        return crm.FileRef(**value)
    return value


def is_plain_amount(amount: Json) -> bool:
    """Tell whether Python's Decimal means by this text what the engine does."""
    if isinstance(amount, int):
        return True
    try:
        return isinstance(amount, str) and format(decimal.Decimal(amount), "f") == amount
    except decimal.InvalidOperation:
        return False


def attribute(fields: Json) -> crm.Attribute:
    """Return a definition from JSON."""
    given = {**fields, "options": [crm.ChoiceOption(**one) for one in fields.get("options", [])]}
    for bound in {"default", "minimum", "maximum"} & given.keys():
        given[bound] = typed(given[bound])
    return crm.Attribute(given.pop("name"), given.pop("kind"), **given)


def change(fields: Json) -> crm.RecordChange:
    """Return a change of a batch from JSON."""
    ((kind, request),) = fields.items()
    kinds: dict[str, Callable[..., crm.RecordChange]] = {
        "create": crm.CreateRecord,
        "patch": crm.PatchRecord,
        "upsert": crm.UpsertRecord,
        "archive": crm.ArchiveRecord,
        "restore": crm.RestoreRecord,
    }
    given = dict(request)
    if "values" in given:
        given["values"] = {key: typed(value) for key, value in given["values"].items()}
    return kinds[kind](**given)


def plain(answer: Any) -> Json:
    """Return an answer of the package as JSON has it."""
    match answer:
        case crm.Address():
            return {part: text for part, text in fields_of(answer) if text is not None}
        case crm.Money():
            return {"amount": format(answer.amount, "f"), "currency": answer.currency}
        case datetime.datetime():
            utc = answer.astimezone(datetime.UTC).replace(tzinfo=None).isoformat()
            return (utc.rstrip("0") if "." in utc else utc) + "Z"
        case datetime.date():
            return answer.isoformat()
        case decimal.Decimal():
            return format(answer, "f")
        case UUID():
            return str(answer)
        case bytes():
            return base64.b64encode(answer).decode()
        case Mapping():
            return {key: plain(value) for key, value in answer.items()}
        case list() | tuple():
            return [plain(item) for item in answer]
        case crm.ImportPlan():
            # Beside what it shows, it keeps what is handed back.
            shown = {name: plain(value) for name, value in fields_of(answer) if name != "type"}
            return {**answer._plain, **shown.pop("counts"), **shown}
        case _ if dataclasses.is_dataclass(answer):
            return {name.rstrip("_"): plain(value) for name, value in fields_of(answer)}
        case _:
            return answer


def fields_of(answer: Any) -> list[tuple[str, Any]]:
    """Return the public fields of a dataclass, by the names that JSON has."""
    names = (field.name for field in dataclasses.fields(answer))
    public = (name for name in names if not name.startswith("_"))
    return [(name.removesuffix("_"), getattr(answer, name)) for name in public]


def planned(db: crm.Crm, request: Request) -> crm.ImportPlan:
    """Plan an import, by the method of its format."""
    source = Request(request["source"])
    columns = [crm.ColumnMapping(**column) for column in request["columns"]]
    method: dict[str, Callable[..., crm.ImportPlan]] = {
        "csv": db.imports.plan_csv,
        "json_lines": db.imports.plan_json_lines,
        "arrow": lambda *given, text=None, **options: db.imports.plan_arrow(
            *given, data=text and base64.b64decode(text), **options
        ),
    }
    plan = method[source.options("format").get("format", "csv")](
        request["type"],
        mapping=columns,
        mode=request.options("mode").get("mode", "create"),
        **source.options("path", "text"),
        **dialect(source),
        **request.options("key", "bad_cells"),
        **beside(request),
    )
    assert not source.left, source.left
    return plan


def beside(request: Request) -> dict[str, Any]:
    """Take what the columns of an import make beside the record of their row."""
    given = request.options("associations", "activities")

    def read(cls: Callable[..., Any], block: dict[str, Any]) -> Any:
        columns = [crm.ColumnMapping(**column) for column in block.get("columns", [])]
        return cls(**{**block, "columns": columns})

    kinds = {"associations": crm.AssociationColumns, "activities": crm.ActivityColumns}
    return {name: [read(kinds[name], block) for block in blocks] for name, blocks in given.items()}


def plan(db: crm.Crm, request: Request) -> crm.ImportPlan:
    """Take a plan, as `imports.plan` returned it."""
    return db.imports._read_plan(request["plan"])


def ordered(request: Request) -> dict[str, Json]:
    """Take the order of a list."""
    order = request.options("order").get("order") or {}
    return {"order": order.get("attribute"), "descending": order.get("descending", False)}


def dialect(request: Request) -> dict[str, Any]:
    """Take the dialect of a table."""
    given = request.options("dialect")
    return {"dialect": crm.CsvDialect(**given["dialect"])} if given else {}


def cards(request: Request) -> dict[str, Any]:
    """Take which property of cards goes where."""
    given = request.options("mapping").get("mapping", [])
    return {"mapping": [crm.CardMapping(**one) for one in given]}


def moments(request: Request, *names: str) -> dict[str, Any]:
    """Take those of the fields that are given, as moments."""
    given = request.options(*names)
    return {name: datetime.datetime.fromisoformat(text) for name, text in given.items()}


def condition(request: Request) -> dict[str, Any]:
    """Take what a list asks beside its filter."""
    return {**request.options("where", "zone"), **moments(request, "at")}


def is_of_consumer(request: Request) -> bool:
    """Tell whether changes are read for a consumer."""
    return "consumer" in request.left


def ref(fields: Json) -> crm.RecordRef:
    """Return the name of a record from JSON."""
    return crm.RecordRef(**fields)


def optional_ref(fields: Json) -> crm.RecordRef | None:
    """Return the name of a record from JSON, where there is one."""
    return None if fields is None else ref(fields)


def activity(fields: Json) -> crm.NewActivity:
    """Return an activity to be recorded from JSON."""
    given = {**fields, "at": datetime.datetime.fromisoformat(fields["at"])}
    given["subject"] = optional_ref(given.get("subject"))
    given["amount"] = typed(given.get("amount"))
    given["links"] = [crm.ActivityLink(**link) for link in given.get("links", [])]
    given["properties"] = {key: typed(one) for key, one in given.get("properties", {}).items()}
    return crm.NewActivity(**given)


def days(request: Request, *names: str) -> dict[str, Any]:
    """Take those of the fields that are given, as days."""
    given = request.options(*names)
    return {name: datetime.date.fromisoformat(text) for name, text in given.items()}


def association_type(request: Request) -> dict[str, Any]:
    """Take the options of a definition of a type of associations."""
    given = whole(request)
    roles = [crm.ChoiceOption(**one) for one in given.pop("roles", [])]
    attributes = [attribute(one) for one in given.pop("attributes", [])]
    given["from_"] = given.pop("from", ())
    return {**given, "roles": roles, "attributes": attributes}


def whole(request: Request) -> dict[str, Json]:
    """Take all fields."""
    return request.options(*[*request.left])


def timeline(page: crm.TimelinePage) -> Json:
    """Return a timeline as JSON has it, with the sort of each item as its name."""
    answer = plain(page)
    names = {
        crm.Activity: "activity",
        crm.AssociationEntry: "association",
        crm.HistoryEntry: "change",
        crm.StageEntry: "stage",
    }
    for entry, shown in zip(page, answer["entries"], strict=True):
        shown["item"] = {names[type(entry.item)]: shown["item"]}
    return answer


NAMES = {"as": "name", "from": "from_"}


def part(cls: Any, fields: Json) -> Any:
    """Return a part of a query from JSON."""
    given = {NAMES.get(name, name): value for name, value in fields.items()}
    for name in {"from_", "until"} & given.keys():
        given[name] = datetime.datetime.fromisoformat(given[name])
    return cls(**given)


def parts(cls: Any, fields: Json) -> list[Any]:
    """Return parts of a query from JSON."""
    return [part(cls, one) for one in fields]


def asked(request: Request) -> dict[str, Any]:
    """Take what every query may say."""
    return {**condition(request), **request.options("archived", "after", "limit")}


VIEW_QUERIES = {"select": crm.SelectRows, "group": crm.GroupRecords, "pivot": crm.PivotRecords}
PARTS: dict[str, Any] = {
    "by": crm.GroupKey,
    "rows": crm.GroupKey,
    "measures": crm.GroupMeasure,
    "measure": crm.GroupMeasure,
}


def view_query(fields: Json) -> crm.ViewQuery:
    """Return a query to be saved from JSON."""
    ((sort, given),) = fields.items()
    kinds = {
        **PARTS,
        "order": crm.FieldOrder if sort == "select" else crm.ResultOrder,
        "columns": crm.SelectColumn if sort == "select" else crm.GroupKey,
    }
    given = {
        name: value
        if name not in kinds
        else part(kinds[name], value)
        if name == "measure"
        else parts(kinds[name], value)
        for name, value in given.items()
    }
    if "at" in given:
        given["at"] = datetime.datetime.fromisoformat(given["at"])
    if sort == "select":
        given["select"] = given.pop("columns")
    query: crm.ViewQuery = VIEW_QUERIES[sort](**given)
    return query


def view(found: crm.SavedView) -> Json:
    """Return a view as JSON has it, with the sort of its query as its name."""
    sorts = {cls: sort for sort, cls in VIEW_QUERIES.items()}
    return {**plain(found), "query": {sorts[type(found.query)]: plain(found.query)}}


def view_answer(answer: crm.RowsPage | crm.PivotTable) -> Json:
    """Return the answer of a view as JSON has it."""
    return {"pivot" if isinstance(answer, crm.PivotTable) else "rows": answer}


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


def span(request: Request) -> dict[str, Any]:
    """Take the moments between which something was."""
    given = moments(request, "from", "until")
    return {"from_" if name == "from" else name: moment for name, moment in given.items()}


def both(request: Request) -> tuple[crm.RecordRef, crm.RecordRef]:
    """Take the two records of a link."""
    return crm.RecordRef(**request["a"]), crm.RecordRef(**request["b"])


def built(cls: type[Any], request: Request) -> Any:
    """Take the whole request as the dataclass that a user would write."""
    given, request.left = request.left, {}
    return dataclass_of(cls, given)


def dataclass_of(cls: type[Any], given: Mapping[str, Json]) -> Any:
    """Return a dataclass of these fields, whose other fields keep their defaults."""
    hints = typing.get_type_hints(cls)
    names = {name: f"{name}_" if f"{name}_" in hints else name for name in given}
    return cls(**{names[name]: member_of(hints[names[name]], one) for name, one in given.items()})


def member_of(hint: Any, value: Json) -> Any:
    """Return the value of a field of a dataclass."""
    hints = [hint, *typing.get_args(hint)]
    if value is None:
        return None
    if isinstance(value, list):
        inner = next(one for one in hints if typing.get_origin(one) is tuple)
        return tuple(member_of(typing.get_args(inner)[0], one) for one in value)
    if isinstance(value, dict):
        inner = [one for one in hints if isinstance(one, type) and dataclasses.is_dataclass(one)]
        return dataclass_of(inner[-1], value)
    if datetime.datetime in hints:
        return datetime.datetime.fromisoformat(value)
    return value


def shown(request: Request) -> dict[str, Any]:
    """Take what shows a consent."""
    given = request.options("evidence")
    return {name: dataclass_of(crm.ConsentEvidence, one) for name, one in given.items()}


CALLS: dict[str, Callable[[crm.Crm, Request], Any]] = {
    "activities.get": lambda db, r: db.activities.get(r["id"]),
    "activities.identify": lambda db, r: db.activities.identify(
        r["visitor"], crm.RecordRef(type=r["type"], id=r["id"])
    ),
    "activities.list": lambda db, r: db.activities.list(
        subject=optional_ref(r.options("subject").get("subject")),
        **{"from_" if name == "from" else name: at for name, at in moments(r, "from", "until").items()},
        **r.options("visitor", "key", "kinds", "after", "limit"),
    ),
    "activities.record": lambda db, r: db.activities.record(activity(whole(r))),
    "activities.record_many": lambda db, r: db.activities.record_many(
        [activity(one) for one in r["activities"]], **r.options("all_or_nothing")
    ),
    "activities.release": lambda db, r: db.activities.release(r["visitor"]),
    "activity_kinds.archive": lambda db, r: db.activity_kinds.archive(r["kind"]),
    "activity_kinds.define": lambda db, r: db.activity_kinds.define(
        r["name"],
        [attribute(one) for one in r.options("properties").get("properties", [])],
        **r.options("label", "description"),
    ),
    "activity_kinds.define_preset": lambda db, r: db.activity_kinds.define_preset(r["preset"]),
    "activity_kinds.get": lambda db, r: db.activity_kinds.get(r["kind"]),
    "activity_kinds.list": lambda db, r: db.activity_kinds.list(),
    "activity_kinds.restore": lambda db, r: db.activity_kinds.restore(r["kind"]),
    "association_types.archive": lambda db, r: db.association_types.archive(r["type"]),
    "association_types.define": lambda db, r: db.association_types.define(**association_type(r)),
    "association_types.define_preset": lambda db, r: db.association_types.define_preset(r["preset"]),
    "association_types.get": lambda db, r: db.association_types.get(r["type"]),
    "association_types.list": lambda db, r: db.association_types.list(),
    "association_types.restore": lambda db, r: db.association_types.restore(r["type"]),
    "associations.add": lambda db, r: db.associations.add(
        r["type"],
        ref(r["from"]),
        ref(r["to"]),
        r.values(),
        **r.options("role", "is_primary"),
        **days(r, "valid_from", "valid_to"),
    ),
    "associations.archive": lambda db, r: db.associations.archive(
        r["id"], **r.options("expected_version")
    ),
    "associations.get": lambda db, r: db.associations.get(r["id"]),
    "associations.patch": lambda db, r: db.associations.patch(
        r["id"], r.values("changes"), **r.options("expected_version")
    ),
    "associations.related": lambda db, r: db.associations.related_page(
        ref(r["record"]),
        **r.options("type", "direction", "role", "at_any_time", "archived", "with_records"),
        **r.options("after", "limit"),
        **days(r, "on"),
    ),
    "associations.restore": lambda db, r: db.associations.restore(
        r["id"], **r.options("expected_version")
    ),
    "associations.walk": lambda db, r: db.associations.walk(
        r["type"],
        ref(r["record"]),
        **r.options("direction", "at_any_time", "through_archived", "max_depth", "limit"),
        **days(r, "on"),
    ),
    "attributes.archive": lambda db, r: db.types.archive_attribute(r["type"], r["attribute"]),
    "attributes.define": lambda db, r: db.types.define_attribute(
        r["type"], attribute(r["attribute"])
    ),
    "attributes.restore": lambda db, r: db.types.restore_attribute(r["type"], r["attribute"]),
    "changes.cloud_events": lambda db, r: (
        db.feed(r["consumer"]).events_page(**r.options("limit"))
        if is_of_consumer(r)
        else db.cloud_events_page(**r.options("after", "limit"))
    ),
    "changes.list": lambda db, r: (
        db.feed(r["consumer"]).page(**r.options("limit"))
        if is_of_consumer(r)
        else db.changes_page(**r.options("after", "limit"))
    ),
    "channels.define": lambda db, r: db.consents.define_channel(built(crm.Channel, r)),
    "conditions.check": lambda db, r: db.conditions.check(r["type"], r["condition"]),
    "conditions.evaluate": lambda db, r: db.conditions.evaluate(
        r["type"], r["id"], r["condition"], **r.options("zone"), **moments(r, "at")
    ),
    "conditions.explain": lambda db, r: db.conditions.explain(
        r["type"], r["condition"], **r.options("id", "zone"), **moments(r, "at")
    ),
    "consents.check_proof": lambda db, r: db.consents.check_proof(
        r["document"], **r.options("head")
    ),
    "consents.confirm": lambda db, r: db.consents.confirm(
        r["token"], **r.options("language"), **shown(r)
    ),
    "consents.decide": lambda db, r: db.consents.decide(built(crm.MayContact, r)),
    "consents.decide_many": lambda db, r: db.consents.decide_many(
        r["type"],
        r["channel"],
        r["purpose"],
        **moments(r, "at"),
        **r.options("where", "zone", "after", "limit"),
    ),
    "consents.definitions": lambda db, r: db.consents.definitions(),
    "consents.history": lambda db, r: db.consents.history(
        crm.RecordRef(**r["subject"]), **r.options("after", "limit")
    ),
    "consents.link": lambda db, r: db.consents.link(*both(r)),
    "consents.linked": lambda db, r: db.consents.linked(crm.RecordRef(**r["subject"])),
    "consents.preferences": lambda db, r: db.consents.preferences(
        crm.RecordRef(**r["subject"]), **r.options("contact_point")
    ),
    "consents.prove": lambda db, r: db.consents.prove(
        dataclass_of(crm.MayContact, r["question"]), **r.options("head")
    ),
    "consents.receipt": lambda db, r: db.consents.receipt(
        crm.RecordRef(**r["subject"]), r["format"], **r.options("purpose")
    ),
    "consents.record": lambda db, r: db.consents.record(built(crm.NewConsent, r)),
    "consents.record_use": lambda db, r: db.consents.record_use(built(crm.UseConsent, r)),
    "consents.request": lambda db, r: db.consents.request(built(crm.RequestConsent, r)),
    "consents.set_preferences": lambda db, r: db.consents.set_preferences(built(crm.SetPreferences, r)),
    "consents.sweep": lambda db, r: db.consents.sweep(**r.options("limit")),
    "consents.unlink": lambda db, r: db.consents.unlink(*both(r)),
    "consents.unsubscribe": lambda db, r: db.consents.unsubscribe(
        r["token"], r["method"], **shown(r)
    ),
    "consents.unsubscribe_link": lambda db, r: db.consents.unsubscribe_link(
        built(crm.NewUnsubscribeLink, r)
    ),
    "consumers.acknowledge": lambda db, r: db.feed(r["consumer"]).acknowledge(r["seq"]),
    "consumers.list": lambda db, r: db.consumers(),
    "consumers.remove": lambda db, r: db.feed(r["consumer"]).remove(),
    "csv.export": lambda db, r: db.csv.export(
        r["type"],
        filter=r.values("filter"),
        **dialect(r),
        **r.options("path", "attributes", "personal", "archived", "profile"),
    ),
    "csv.import": lambda db, r: db.csv.import_(
        r["type"],
        columns=[crm.ColumnMapping(**column) for column in r["columns"]],
        **dialect(r),
        **r.options("path", "text", "mode", "key", "bad_cells", "all_or_nothing"),
    ),
    "csv.propose": lambda db, r: db.csv.propose(r["type"], **dialect(r), **r.options("path", "text")),
    "database.backup": lambda db, r: db.backup(r["path"]),
    "database.compact": lambda db, r: db.compact(),
    "database.info": lambda db, r: db.info(),
    "database.sql": lambda db, r: db.sql(
        r["sql"],
        r.options("parameters").get("parameters", ()),
        timeout=r.options("timeout_ms").get("timeout_ms", 5000) / 1000,
        **r.options("limit"),
    ),
    "database.stats": lambda db, r: db.stats(),
    "database.verify": lambda db, r: db.verify(),
    "files.add": lambda db, r: db.files.add(
        base64.b64decode(r["content"]), **r.options("name", "media_type")
    ),
    "files.read": lambda db, r: db.files.read_piece(r["hash"], **r.options("offset", "length")),
    "imports.apply": lambda db, r: db.imports.apply(plan(db, r)),
    "imports.get": lambda db, r: db.imports.get(r["id"]),
    "imports.list": lambda db, r: db.imports.list(**r.options("after", "limit")),
    "imports.plan": planned,
    "imports.plan_rows": lambda db, r: plan(db, r).rows_page(
        *r.options("decisions").get("decisions", ()), **r.options("after", "limit")
    ),
    "imports.resume": lambda db, r: db.imports.resume(r["id"], plan(db, r)),
    "imports.revert": lambda db, r: db.imports.revert(r["id"]),
    "journal.head": lambda db, r: db.journal.head(),
    "journal.prove": lambda db, r: db.journal.prove(r["seqs"], **r.options("until")),
    "journal.verify": lambda db, r: db.journal.verify(
        crm.JournalHead(**r["head"]) if "head" in r.left else None
    ),
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
        **r.options("after", "limit"),
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
    "lifecycles.get": lambda db, r: lifecycle(db.lifecycles.get(r["lifecycle"])),
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
    "notices.get": lambda db, r: db.consents.notice(
        r["name"], **r.options("language", "version")
    ),
    "notices.publish": lambda db, r: db.consents.publish_notice(
        r["name"], r["language"], r["text"], **r.options("asks_again")
    ),
    "parties.define": lambda db, r: db.consents.define_party(built(crm.Party, r)),
    "policies.define": lambda db, r: db.consents.define_policy(built(crm.ConsentPolicy, r)),
    "privacy.access": lambda db, r: db.privacy.access(
        crm.RecordRef(**r["subject"]), **moments(r, "at"), **r.options("path", "scope", "table")
    ),
    "privacy.apply_erasures": lambda db, r: db.privacy.apply_erasures(
        [dataclass_of(crm.ErasedSubject, one) for one in r["erased"]], **r.options("key")
    ),
    "privacy.define_retention": lambda db, r: db.privacy.define_retention(
        crm.Retention(
            **r.options("name", "type", "purpose", "period", "counts_from", "where", "reason")
        )
    ),
    "privacy.due_for_review": lambda db, r: db.privacy.due_for_review_page(
        **moments(r, "at"), **r.options("retention", "type", "limit", "after")
    ),
    "privacy.erase": lambda db, r: db.privacy.erase(
        dataclass_of(crm.RecordRef, r["subject"]), **r.options("reason", "expected_version")
    ),
    "privacy.erasures": lambda db, r: db.privacy.erasures_page(**r.options("after", "limit")),
    "privacy.lift_suppression": lambda db, r: {
        "was_suppressed": db.privacy.lift_suppression(r["contact_point"])
    },
    "privacy.plan_erasure": lambda db, r: db.privacy.plan_erasure(
        dataclass_of(crm.RecordRef, r["subject"]), **moments(r, "at")
    ),
    "privacy.register": lambda db, r: db.privacy.register(**r.options("controller")),
    "privacy.remove_retention": lambda db, r: db.privacy.remove_retention(r["retention"]),
    "privacy.retentions": lambda db, r: db.privacy.retentions(),
    "purposes.define": lambda db, r: db.consents.define_purpose(built(crm.Purpose, r)),
    "query.group": lambda db, r: db.query.group(
        r["type"],
        parts(crm.GroupKey, r.options("by").get("by", [])),
        parts(crm.GroupMeasure, r.options("measures").get("measures", [])),
        order=parts(crm.ResultOrder, r.options("order").get("order", [])),
        **asked(r),
    ),
    "query.pivot": lambda db, r: db.query.pivot(
        r["type"],
        parts(crm.GroupKey, r["rows"]),
        parts(crm.GroupKey, r["columns"]),
        part(crm.GroupMeasure, r["measure"]),
        **asked(r),
    ),
    "query.select": lambda db, r: db.query.select(
        r["type"],
        parts(crm.SelectColumn, r["columns"]),
        order=parts(crm.FieldOrder, r.options("order").get("order", [])),
        **asked(r),
    ),
    "records.apply": lambda db, r: db.apply(
        [change(one) for one in r["changes"]], **r.options("all_or_nothing")
    ),
    "records.archive": lambda db, r: db.records(r["type"]).archive(
        r["id"], **r.options("expected_version")
    ),
    "records.audit": lambda db, r: db.records(r["type"]).audit(
        **moments(r, "at"), **r.options("stale_after_days", "examples")
    ),
    "records.count": lambda db, r: db.records(r["type"]).count(
        r.values("filter"), **condition(r), **r.options("archived")
    ),
    "records.create": lambda db, r: db.records(r["type"]).create(r.values()),
    "records.get": lambda db, r: db.records(r["type"]).get(r["id"]),
    "records.get_by": lambda db, r: db.records(r["type"]).get_by(
        **{r["attribute"]: typed(r["value"])}
    ),
    "records.get_many": lambda db, r: {
        "records": db.records(r["type"]).get_many(r["keys"], **r.options("attribute"))
    },
    "records.history": lambda db, r: db.records(r["type"]).history_page(
        r["id"], **r.options("attribute", "after", "limit")
    ),
    "records.list": lambda db, r: db.records(r["type"]).list(
        r.values("filter"),
        **condition(r),
        **ordered(r),
        **r.options("archived", "after", "limit"),
    ),
    "records.patch": lambda db, r: db.records(r["type"]).patch(
        r["id"], r.values(), **r.options("expected_version")
    ),
    "records.restore": lambda db, r: db.records(r["type"]).restore(
        r["id"], **r.options("expected_version")
    ),
    "records.upsert": lambda db, r: db.records(r["type"]).upsert(r["key"], r.values()),
    "rules.archive": lambda db, r: rule(db.rules.archive(r["rule"])),
    "rules.define": define_rule,
    "rules.get": lambda db, r: rule(db.rules.get(r["rule"])),
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
        r["model"], **moments(r, "at"), **r.options("after", "limit")
    ),
    "scores.read": lambda db, r: db.scores.read(
        r["model"], r["id"], **moments(r, "at"), **r.options("version")
    ),
    "scores.rescore": lambda db, r: db.scores.rescore(r["model"]),
    "scores.retire": lambda db, r: score_model(db.scores.retire(r["model"])),
    "search.find": lambda db, r: db.search(
        r["text"],
        **r.options("prefix", "items", "types", "kinds", "archived", "after", "limit"),
    ),
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
    "timeline.list": lambda db, r: timeline(
        db.timeline_page(r["type"], r["id"], **r.options("items", "kinds", "after", "limit"))
    ),
    "timers.next": lambda db, r: db.timers.next(),
    "timers.simulate": lambda db, r: db.timers.simulate(
        **moments(r, "until"), **r.options("limit")
    ),
    "timers.tick": lambda db, r: db.timers.tick(**moments(r, "until"), **r.options("limit")),
    "types.archive": lambda db, r: db.types.archive(r["type"]),
    "types.define": lambda db, r: db.types.define(
        r["name"],
        [attribute(one) for one in r.options("attributes").get("attributes", [])],
        **r.options("label", "description"),
    ),
    "types.define_preset": lambda db, r: db.types.define_preset(r["preset"]),
    "types.get": lambda db, r: db.types.get(r["type"]),
    "types.list": lambda db, r: db.types.list(),
    "types.restore": lambda db, r: db.types.restore(r["type"]),
    "vcard.export": lambda db, r: db.vcard.export(
        r["type"],
        filter=r.values("filter"),
        **cards(r),
        **r.options("path", "version", "remainder", "archived"),
    ),
    "vcard.import": lambda db, r: db.vcard.import_(
        r["type"],
        **cards(r),
        **r.options("path", "text", "remainder", "encoding", "create_missing"),
        **r.options("mode", "key", "all_or_nothing"),
    ),
    "views.archive": lambda db, r: view(db.views.archive(r["name"])),
    "views.get": lambda db, r: view(db.views.get(r["name"])),
    "views.list": lambda db, r: [view(one) for one in db.views.list()],
    "views.restore": lambda db, r: view(db.views.restore(r["name"])),
    "views.run": lambda db, r: view_answer(
        db.views.run(r["name"], **r.options("after", "limit"), **moments(r, "at"))
    ),
    "views.save": lambda db, r: view(
        db.views.save(r["name"], view_query(r["query"]), **r.options("label", "description"))
    ),
}
"""How each operation is called."""
