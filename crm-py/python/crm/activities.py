"""Activities: what happened with a record or a visitor, when, and through which channel."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, overload
from uuid import UUID

from crm import wire
from crm._native import Engine
from crm.arrow import ArrowTable
from crm.errors import CrmError, InvalidArgumentError
from crm.exchange import BadCells, ColumnMapping, ImportReport, write_columns
from crm.given import items_of, names_of
from crm.named import Named
from crm.progress import Report, adapt
from crm.schema import Attribute, Definitions, read_attribute, write_attributes
from crm.values import Money, Value, encode, encode_values

if TYPE_CHECKING:
    from crm.records import Outcome, Problem, Record

SCAN_PAGE = 1000
"""How many activities an iteration reads at a time."""


class Direction(StrEnum):
    """Which way it went."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class ActivityPreset(StrEnum):
    """The ready-made kinds of activities."""

    WEB_VISIT = "web_visit"
    PAGE_VIEW = "page_view"
    SITE_SEARCH = "site_search"
    EMAIL_SENT = "email_sent"
    EMAIL_OPENED = "email_opened"
    EMAIL_CLICKED = "email_clicked"
    EMAIL_BOUNCED = "email_bounced"
    CALL = "call"
    MEETING = "meeting"
    LETTER = "letter"
    SMS = "sms"
    SOCIAL_MESSAGE = "social_message"
    FORM = "form"
    FORM_ERROR = "form_error"
    PURCHASE = "purchase"
    COMPLAINT = "complaint"
    SURVEY_ANSWER = "survey_answer"
    FILE_DOWNLOAD = "file_download"
    EVENT_ATTENDANCE = "event_attendance"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRef:
    """Names a record. A `Record` may be handed in instead."""

    type: str
    """The entity type."""
    id: UUID | str
    """The id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLink:
    """Another record that an activity concerns."""

    type: str
    """The entity type."""
    id: UUID | str
    """The id."""
    role: str = ""
    """What it has to do with it, such as `attendee`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewActivity:
    """An activity to be recorded, of a record or of a visitor."""

    kind: str
    """The kind of activity."""
    at: datetime.datetime
    """When it happened."""
    subject: Record | RecordRef | None = None
    """The record that it happened with; or else a visitor."""
    visitor: str | None = None
    """The key of a visitor who is not known yet, such as that of a cookie."""
    channel: str | None = None
    """The channel, such as `web` or `phone`."""
    direction: Direction | str | None = None
    """Which way it went."""
    properties: Mapping[str, Value] = field(default_factory=dict)
    """The properties of its kind."""
    amount: Money | None = None
    """What it was about, in money."""
    key: str | None = None
    """A key of the host's own, so that the same is not recorded twice."""
    links: Iterable[ActivityLink] = ()
    """Other records that it concerns."""
    supersedes: UUID | str | None = None
    """The activity that this one corrects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """An activity as it was recorded."""

    id: UUID
    """The id, for ever."""
    kind: str
    """The kind of activity."""
    at: datetime.datetime
    """When it happened, in UTC."""
    subject: RecordRef | None
    """The record that it happened with; that of its visitor, if it is known."""
    visitor: str | None
    """The key of its visitor."""
    channel: str | None
    """The channel."""
    direction: Direction | str | None
    """Which way it went."""
    properties: Mapping[str, Any]
    """The properties that have a value."""
    typed: Mapping[str, str]
    """What was typed, where the normal form differs."""
    amount: Money | None
    """What it was about, in money."""
    key: str | None
    """The host's key."""
    links: tuple[ActivityLink, ...]
    """Other records that it concerns."""
    supersedes: UUID | None
    """The activity that this one corrects."""
    superseded_by: UUID | None
    """The activity that corrects this one, which counts no longer."""
    recorded_at: datetime.datetime
    """When it was recorded, in UTC."""
    recorded_by: str
    """Who recorded it."""

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedActivity:
    """The answer of `Activities.record`."""

    activity: Activity
    """The activity."""
    outcome: Outcome | str
    """`created`, or `unchanged` if the same was recorded before under its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOutcome:
    """What became of one activity of a batch."""

    outcome: Outcome | str
    """What was done."""
    id: UUID | None
    """The activity; None if it failed."""
    problem: Problem | None
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityReport:
    """What became of a batch."""

    outcomes: tuple[ActivityOutcome, ...]
    """For each activity what became of it, in order."""
    failed: int
    """How many failed."""
    is_committed: bool
    """Whether the transaction was committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPage:
    """A page of activities, the latest first."""

    activities: tuple[Activity, ...]
    """The activities."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[Activity]:
        return iter(self.activities)

    def __len__(self) -> int:
        return len(self.activities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A visitor, and whose record it is."""

    visitor: str
    """The key."""
    record: RecordRef | None
    """The record; None while it is unknown."""
    activities: int
    """How many activities it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityKind:
    """A kind of activity as it is defined now."""

    name: str
    """The name."""
    label: str
    """What people read."""
    description: str
    """What it means, in prose."""
    properties: tuple[Attribute, ...]
    """The properties."""
    archived_at: datetime.datetime | None
    """When it was archived; None while it is in use."""


def read_activity(plain: dict[str, Any], definitions: Definitions) -> Activity:
    """Return an activity from its plain form."""
    shape = definitions.kind_shape(plain["kind"], plain["properties"])
    return wire.read(Activity, {**plain, "properties": shape.decode(plain["properties"])})


def write_ref(record: Record | RecordRef, field: str = "record") -> dict[str, Any]:
    """Return the plain form of the name of a record."""
    try:
        return {"type": record.type, "id": str(record.id)}
    except AttributeError:
        hint = "hand in a record, or crm.RecordRef(type=…, id=…)"
        raise InvalidArgumentError("not a record", field=field, hint=hint) from None


def _write(new: NewActivity) -> dict[str, Any]:
    given: object = new
    if not isinstance(given, NewActivity):
        hint = "hand in crm.NewActivity(…)"
        raise InvalidArgumentError("not a NewActivity", field="activity", hint=hint)
    plain = {
        "kind": new.kind,
        "at": encode(new.at, "at"),
        "subject": new.subject and write_ref(new.subject, "subject"),
        "visitor": new.visitor,
        "channel": new.channel,
        "direction": new.direction and str(new.direction),
        "properties": encode_values(new.properties, {}, "properties"),
        "amount": encode(new.amount, "amount"),
        "key": new.key,
        "links": [{**write_ref(RecordRef(type=to.type, id=to.id)), "role": to.role} for to in new.links],
        "supersedes": new.supersedes and str(new.supersedes),
    }
    return {name: value for name, value in plain.items() if value is not None}


class Activities:
    """What happened: `Crm.activities`.

    >>> import crm, datetime
    >>> with crm.open() as db:
    ...     kind = db.activity_kinds.define_preset("call")
    ...     ann = db.contacts.create(given_name="Ann")
    ...     at = datetime.datetime(2025, 1, 31, 12, tzinfo=datetime.UTC)
    ...     done = db.activities.record(kind="call", subject=ann, at=at, properties={"minutes": 5})
    ...     [call.properties["minutes"] for call in db.activities.list(subject=ann)]
    [5]
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        self._engine = engine
        self._definitions = definitions

    @overload
    def record(self, activity: NewActivity, /) -> RecordedActivity: ...

    @overload
    def record(
        self,
        /,
        *,
        kind: str,
        at: datetime.datetime,
        subject: Record | RecordRef | None = None,
        visitor: str | None = None,
        channel: str | None = None,
        direction: Direction | str | None = None,
        properties: Mapping[str, Value] = ...,
        amount: Money | None = None,
        key: str | None = None,
        links: Iterable[ActivityLink] = (),
        supersedes: UUID | str | None = None,
    ) -> RecordedActivity: ...

    def record(self, activity: NewActivity | None = None, /, **fields: Any) -> RecordedActivity:
        """Record an activity, once for each key; a correction supersedes an earlier one.

        It is given whole, or by the fields of a `NewActivity` as keywords.
        """
        from crm.records import Outcome

        if activity is None:
            activity = NewActivity(**fields)
        elif fields:
            raise TypeError("expected a NewActivity or its fields, and not both")
        answer = self._engine.call("activities.record", _write(activity))
        outcome = wire.known(Outcome, answer["outcome"])
        return RecordedActivity(activity=self._read(answer["activity"]), outcome=outcome)

    def record_many(
        self, activities: Iterable[NewActivity], *, all_or_nothing: bool = False
    ) -> ActivityReport:
        """Record activities, at most 100,000, in one transaction and tell what became of each."""
        from crm.records import Outcome, Problem

        plain = []
        for place, activity in enumerate(items_of(activities, "activities", "hand in a list")):
            try:
                plain.append(_write(activity))
            except CrmError as error:
                error.field = f"activities[{place}].{error.field}"
                raise
        request = {"activities": plain, "all_or_nothing": all_or_nothing}
        answer = self._engine.call("activities.record_many", request)
        outcomes = tuple(
            ActivityOutcome(
                outcome=wire.known(Outcome, one["outcome"]),
                id=one["id"] and UUID(one["id"]),
                problem=one["problem"] and wire.read(Problem, one["problem"]),
            )
            for one in answer["outcomes"]
        )
        failed, is_committed = answer["failed"], answer["is_committed"]
        return ActivityReport(outcomes=outcomes, failed=failed, is_committed=is_committed)

    def get(self, id: UUID | str) -> Activity:
        """Return an activity, whether or not it is superseded."""
        return self._read(self._engine.call("activities.get", {"id": str(id)}))

    def list(
        self,
        *,
        subject: Record | RecordRef | None = None,
        visitor: str | None = None,
        key: str | None = None,
        kinds: Iterable[str] = (),
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> ActivityPage:
        """Return a page of activities of a record or a visitor, or the one of a key, latest first."""
        request = {
            "subject": subject and write_ref(subject, "subject"),
            "visitor": visitor,
            "key": key,
            "kinds": names_of(kinds, "kinds"),
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "after": after,
            "limit": limit,
        }
        answer = self._engine.call("activities.list", request)
        return ActivityPage(
            activities=tuple(map(self._read, answer["activities"])), next=answer["next"]
        )

    def iterate(
        self,
        subject: Record | RecordRef | None = None,
        *,
        visitor: str | None = None,
        kinds: Iterable[str] = (),
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
    ) -> Iterator[Activity]:
        """Iterate over all pages of `list`, each read when it is needed: the latest first."""
        kinds, after = names_of(kinds, "kinds"), None
        while True:
            page = self.list(
                subject=subject,
                visitor=visitor,
                kinds=kinds,
                from_=from_,
                until=until,
                after=after,
                limit=SCAN_PAGE,
            )
            yield from page
            after = page.next
            if after is None:
                return

    def ingest(
        self,
        table: ArrowTable,
        *,
        kind: str,
        subject_type: str | None = None,
        columns: Mapping[str, str] | Iterable[ColumnMapping] = (),
        channel: str | None = None,
        direction: Direction | str | None = None,
        bad_cells: BadCells | str = BadCells.REJECT_ROW,
        all_or_nothing: bool = False,
        progress: Report | None = None,
    ) -> ImportReport:
        """Take in a table of polars, pandas, pyarrow, DuckDB or the like; each row is an activity.

        A column goes to `subject`, whose records are of `subject_type` and are named by their id or a
        `lookup`, or to `visitor`; to `at`, which is needed; to `amount`, `amount.currency`,
        `channel`, `direction` or `key`; or to a property. Without `columns` each goes to what has its
        own name. Of the report, `created` were recorded and `unchanged` were there under their key.
        Good rows are kept, in transactions of 5,000 rows, unless `all_or_nothing`; the others are in
        the report. `progress` counts rows.
        """
        request = {
            "kind": kind,
            "subject_type": subject_type,
            "columns": write_columns(columns),
            "channel": channel,
            "direction": direction and str(direction),
            "bad_cells": str(bad_cells),
            "all_or_nothing": all_or_nothing,
        }
        answer = self._engine.ingest_activities(request, table, adapt(progress))
        return wire.read(ImportReport, answer)

    def identify(self, visitor: str, record: Record | RecordRef) -> Visitor:
        """Say whose record a visitor is: of all its activities, past and future."""
        request = {"visitor": visitor, **write_ref(record)}
        return wire.read(Visitor, self._engine.call("activities.identify", request))

    def release(self, visitor: str) -> Visitor:
        """Take back whose record a visitor is: its activities are nobody's again."""
        return wire.read(Visitor, self._engine.call("activities.release", {"visitor": visitor}))

    def _read(self, plain: dict[str, Any]) -> Activity:
        return read_activity(plain, self._definitions)


class ActivityKinds(Named[ActivityKind]):
    """The kinds of activities: `Crm.activity_kinds`.

    Activities of an archived kind stay and count, and no more are recorded.
    """

    def __init__(self, engine: Engine, definitions: Definitions) -> None:
        super().__init__(engine, "activity_kinds", "kind", _read_kind, definitions.forget)

    def define(
        self,
        name: str,
        properties: Iterable[Attribute] = (),
        *,
        label: str = "",
        description: str = "",
    ) -> ActivityKind:
        """Define a kind, or change one: properties that are listed are added or changed."""
        request = {
            "name": name,
            "label": label,
            "description": description,
            "properties": write_attributes(properties, "properties"),
        }
        return self._change("define", request)

    def define_preset(self, preset: ActivityPreset | str) -> ActivityKind:
        """Define one of the ready-made kinds."""
        return self._change("define_preset", {"preset": str(preset)})


def _read_kind(plain: dict[str, Any]) -> ActivityKind:
    archived_at = plain["archived_at"]
    return ActivityKind(
        name=plain["name"],
        label=plain["label"],
        description=plain["description"],
        properties=tuple(map(read_attribute, plain["properties"])),
        archived_at=archived_at and datetime.datetime.fromisoformat(archived_at),
    )
