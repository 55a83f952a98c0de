"""How operations on definitions, records, activities, associations and the file are called."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

import crm

from .requests import Calls, Json, Request, attribute, condition, moments, plain, ref, typed, whole


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


def ordered(request: Request) -> dict[str, Json]:
    """Take the order of a list."""
    order = request.options("order").get("order") or {}
    return {"order": order.get("attribute"), "descending": order.get("descending", False)}


def is_of_consumer(request: Request) -> bool:
    """Tell whether changes are read for a consumer."""
    return "consumer" in request.left


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


def sql(db: crm.Crm, request: Request) -> crm.Table:
    """Run SQL; what is wrong with its time limit is told by the name that Python has for it."""
    options = request.options("parameters", "limit", "timeout_ms")
    if "timeout_ms" in options:
        options["timeout"] = options.pop("timeout_ms") / 1000
    try:
        return db.sql(request["sql"], **options)
    except crm.CrmError as error:
        error.field = "timeout_ms" if error.field == "timeout" else error.field
        raise


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


CALLS: Calls = {
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
    "consumers.acknowledge": lambda db, r: db.feed(r["consumer"]).acknowledge(r["seq"]),
    "consumers.list": lambda db, r: db.consumers(),
    "consumers.remove": lambda db, r: db.feed(r["consumer"]).remove(),
    "database.backup": lambda db, r: db.backup(r["path"]),
    "database.compact": lambda db, r: db.compact(),
    "database.info": lambda db, r: db.info(),
    "database.restore": lambda db, r: db.restore(r["from"], r["to"]),
    "database.set_clock": lambda db, r: db.set_clock(**moments(r, "to")),
    "database.sql": sql,
    "database.stats": lambda db, r: db.stats(),
    "database.verify": lambda db, r: db.verify(),
    "files.add": lambda db, r: db.files.add(
        base64.b64decode(r["content"]), **r.options("name", "media_type")
    ),
    "files.read": lambda db, r: db.files.read_piece(r["hash"], **r.options("offset", "length")),
    "journal.head": lambda db, r: db.journal.head(),
    "journal.prove": lambda db, r: db.journal.prove(r["seqs"], **r.options("until")),
    "journal.verify": lambda db, r: db.journal.verify(
        crm.JournalHead(**r["head"]) if "head" in r.left else None
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
    "search.find": lambda db, r: db.search(
        r["text"],
        **r.options("prefix", "items", "types", "kinds", "archived", "after", "limit"),
    ),
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
}
