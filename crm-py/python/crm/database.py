"""The handle: one file, opened."""

from __future__ import annotations

import datetime
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, NoReturn

from crm import wire
from crm._native import Engine
from crm.activities import Activities, ActivityKinds
from crm.archived import Archived
from crm.associations import Associations, AssociationTypes
from crm.conditions import Conditions
from crm.consents import Consents
from crm.errors import InvalidArgumentError
from crm.exchange import Csv
from crm.feed import CloudEvent, CloudEventPage, Consumer, Feed, read_events
from crm.files import Files
from crm.given import RecordId, instance_of, items_of, names_of, path_of, text_of
from crm.imports import Imports
from crm.journal import Change, ChangePage, Commit, Observer, read_changes
from crm.keys import KeySource, source_of
from crm.learned import LearnedScores
from crm.lifecycles import Lifecycles
from crm.privacy import ErasureBlocker, Privacy
from crm.progress import Report, adapt
from crm.proof import Journal
from crm.query import Query
from crm.records import ApplyReport, RecordChange, Records, apply
from crm.rules import Rules
from crm.schema import Definitions, Types
from crm.scores import Scores
from crm.search import SearchItem, SearchPage, write_search
from crm.sqlite_guard import Watch
from crm.segments import Segments
from crm.tables import SqlValue, Table
from crm.timeline import TimelineEntry, TimelineKind, TimelinePage, read_timeline, write_timeline
from crm.values import encode
from crm.vcard import Vcard
from crm.timers import Timers
from crm.views import Views

MEMORY = ":memory:"
"""The path of a file in memory that nobody else sees."""

JOURNAL_PAGE = 1000
"""How many changes an iteration reads at a time."""

TIMELINE_PAGE = 1000
"""How many items of a timeline an iteration reads at a time."""


class Durability(StrEnum):
    """What "committed" promises."""

    FULL = "full"
    """A write that returned survives a power cut."""
    RELAXED = "relaxed"
    """A write that returned survives the end of the process; a power cut may undo the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A clock and ids that repeat: for tests, demonstrations and simulations."""

    start: datetime.datetime
    """The first reading of the clock. `Crm.set_clock` sets it later."""
    step_micros: int
    """How far the clock moves with each reading, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """Where the clock of a replay stands."""

    now: datetime.datetime
    """What the next reading gives, unless another thread reads or sets the clock first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """Which engine this is."""

    version: str
    """The version of the engine, such as `0.1.0`."""
    sqlite_version: str
    """The version of SQLite inside."""
    schema_version: int
    """The version of the storage format that it writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCount:
    """How many records a type has."""

    type: str
    """The entity type."""
    records: int
    """Its records, archived ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStats:
    """Sizes and counts of the file."""

    file_bytes: int
    """Bytes of the main file."""
    wal_bytes: int
    """Bytes of the write-ahead log beside it."""
    free_bytes: int
    """Bytes that `Crm.compact` would give back."""
    changes: int
    """Rows of the journal."""
    files: int
    """Stored files."""
    types: tuple[TypeCount, ...]
    """Records by type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `Crm.verify` found."""

    is_ok: bool
    """Whether nothing was found."""
    records: int
    """Records compared with the journal."""
    activities: int
    """Activities compared with the journal."""
    associations: int
    """Associations compared with the journal."""
    problems: tuple[str, ...]
    """What was found, at most 100 lines, without personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of a backup that `Crm.restore` made a new file of."""

    schema_version: int
    """The version of the storage format that the backup has. The new file has the present one."""
    listed: int
    """Persons whom this file knows to be erased: the next three together."""
    erased: int
    """Those who were still in the backup, and are not in the new file."""
    absent: int
    """Those whom the backup does not know, nor perhaps their type; the new file remembers that they
    must not come back, and `Privacy.erasures` of it names them.
    """
    known: int
    """Those who had been erased before the backup was made."""
    foreign_hashes: int
    """Keyed hashes of contact points that mean nothing in the new file, because the backup has
    another key than this file: it was copied by other means before either had one.
    """
    blockers: tuple[ErasureBlocker, ...]
    """The required references of others that would have spoken against erasing, and lead to nobody
    in the new file: at most 1,000. Give them another value there.
    """


class Crm:
    """The engine over one file; `crm.open` makes one. Every method may be called from any thread.

    >>> import crm
    >>> with crm.open() as db:
    ...     db.companies.create(name="Acme")["name"]
    'Acme'
    """

    def __init__(
        self, engine: Engine, definitions: Definitions, watch: Watch, *, owns: bool
    ) -> None:
        self._engine = engine
        self._definitions = definitions
        self._watch = watch
        self._owns = owns

    @property
    def path(self) -> str:
        """The path of the file, or `:memory:`."""
        return self._watch.path

    @property
    def actor(self) -> str:
        """Who writes through this handle."""
        return self._engine.actor

    @property
    def types(self) -> Types:
        """Entity types and attributes."""
        return Types(self._engine, self._definitions)

    def records(self, entity_type: str) -> Records:
        """Return the records of an entity type."""
        return Records(self._engine, self._definitions, entity_type)

    @property
    def contacts(self) -> Records:
        """Records of the type `contact`."""
        return self.records("contact")

    @property
    def companies(self) -> Records:
        """Records of the type `company`."""
        return self.records("company")

    @property
    def deals(self) -> Records:
        """Records of the type `deal`."""
        return self.records("deal")

    @property
    def activities(self) -> Activities:
        """What happened with records and visitors."""
        return Activities(self._engine, self._definitions)

    @property
    def activity_kinds(self) -> ActivityKinds:
        """The kinds of activities."""
        return ActivityKinds(self._engine, self._definitions)

    @property
    def associations(self) -> Associations:
        """Links between records."""
        return Associations(self._engine, self._definitions)

    @property
    def association_types(self) -> AssociationTypes:
        """The types of associations."""
        return AssociationTypes(self._engine, self._definitions)

    @property
    def query(self) -> Query:
        """Rows of columns, figures over groups, and two-way tables."""
        return Query(self._engine)

    @property
    def views(self) -> Views:
        """Queries that are kept in the file under a name."""
        return Views(self._engine)

    @property
    def learned_scores(self) -> LearnedScores:
        """Scores that are learned from records, and back-tests."""
        return LearnedScores(self._engine)

    @property
    def lifecycles(self) -> Lifecycles:
        """The stages of relationships, and where records stand on them."""
        return Lifecycles(self._engine)

    @property
    def rules(self) -> Rules:
        """What is done when something happens with a record."""
        return Rules(self._engine, self._definitions)

    @property
    def scores(self) -> Scores:
        """How promising records are: models, scores, explanations and rankings."""
        return Scores(self._engine)

    @property
    def segments(self) -> Segments:
        """Named conditions, and their members."""
        return Segments(self._engine)

    @property
    def timers(self) -> Timers:
        """What falls due by time alone."""
        return Timers(self._engine, self._definitions)

    @property
    def consents(self) -> Consents:
        """What people allowed, and whether we may contact them."""
        return Consents(self._engine)

    @property
    def privacy(self) -> Privacy:
        """What the file knows about people, and what they may ask of it."""
        return Privacy(self._engine)

    @property
    def conditions(self) -> Conditions:
        """Conditions, checked, evaluated and explained."""
        return Conditions(self._engine)

    def timeline(
        self,
        type: str,
        id: RecordId,
        *,
        items: Iterable[TimelineKind | str] = (),
        kinds: Iterable[str] = (),
    ) -> Iterator[TimelineEntry]:
        """Iterate over what happened with a record, the latest first.

        That is activities, its changes, and those of its associations. `items` and `kinds` (of
        activities) leave the others out. A page is read when it is needed.
        """
        items, kinds = names_of(items, "items"), names_of(kinds, "kinds")
        after: str | None = None
        while True:
            page = self.timeline_page(
                type, id, items=items, kinds=kinds, after=after, limit=TIMELINE_PAGE
            )
            yield from page
            after = page.next
            if after is None:
                return

    def timeline_page(
        self,
        type: str,
        id: RecordId,
        *,
        items: Iterable[TimelineKind | str] = (),
        kinds: Iterable[str] = (),
        after: str | None = None,
        limit: int = 100,
    ) -> TimelinePage:
        """Return a page of a record's timeline. Hand its `next` in as `after` for the next one."""
        request = write_timeline(type, id, items, kinds, after, limit)
        return read_timeline(
            self._engine.call("timeline.list", request), self._definitions, type
        )

    def search(
        self,
        text: str,
        *,
        prefix: bool = False,
        items: Iterable[SearchItem | str] = (),
        types: Iterable[str] = (),
        kinds: Iterable[str] = (),
        archived: Archived | str = Archived.EXCLUDE,
        after: str | None = None,
        limit: int = 100,
    ) -> SearchPage:
        """Search the texts of records and activities whose attribute or property is `searched`.

        All words must be there; case and accents do not matter. `"two words"` in quotes stand one
        after the other, `beg*` leaves a word open, and `prefix` the last one. Without `items`, what
        `types` and `kinds` name is searched, and everything if they name nothing.

        >>> import crm
        >>> db = crm.open()
        >>> notes = crm.Attribute("notes", crm.Kind.LONG_TEXT, searched=True)
        >>> _ = db.types.define_attribute("contact", notes)
        >>> _ = db.contacts.create(notes="Met Ms Müller at the fair")
        >>> db.search("muller").hits[0].snippet.marked("[", "]")
        'Met Ms [Müller] at the fair'
        """
        request = write_search(text, prefix, items, types, kinds, archived, after, limit)
        return wire.read(SearchPage, self._engine.call("search.find", request))

    @property
    def files(self) -> Files:
        """Stored bytes."""
        return Files(self._engine)

    @property
    def csv(self) -> Csv:
        """CSV tables in and out."""
        return Csv(self._engine)

    @property
    def imports(self) -> Imports:
        """Imports that are planned, applied and taken back."""
        return Imports(self._engine, self._definitions)

    @property
    def vcard(self) -> Vcard:
        """Address cards in and out."""
        return Vcard(self._engine)

    def apply(
        self, changes: Iterable[RecordChange], *, all_or_nothing: bool = False
    ) -> ApplyReport:
        """Write several changes, at most 100,000, in one transaction and tell what became of each.

        A change that fails is reported and left out, or undoes them all if `all_or_nothing`.
        """
        return apply(self._engine, changes, all_or_nothing)

    def changes(self, after: int = 0) -> Iterator[Change]:
        """Iterate over the journal after a `seq` up to its present end: what changed since?"""
        while page := self.changes_page(after, limit=JOURNAL_PAGE):
            yield from page
            after = page.next

    def changes_page(self, after: int = 0, *, limit: int = 100) -> ChangePage:
        """Return a page of the journal after a `seq`."""
        answer = self._engine.call("changes.list", {"after": after, "limit": limit})
        return read_changes(answer, self._definitions)

    @property
    def journal(self) -> Journal:
        """The chain of the journal: its head, whether it holds, and proofs."""
        return Journal(self._engine)

    def cloud_events(self, after: int = 0) -> Iterator[CloudEvent]:
        """Iterate over the same as CloudEvents 1.0, with ids that never change."""
        while page := self.cloud_events_page(after, limit=JOURNAL_PAGE):
            yield from page
            after = page.next

    def cloud_events_page(self, after: int = 0, *, limit: int = 100) -> CloudEventPage:
        """Return a page of the journal after a `seq` as CloudEvents."""
        return read_events(self._engine, {"after": after, "limit": limit})

    def feed(self, consumer: str) -> Feed:
        """Return the changes that a consumer, by a name of your choice, has not acknowledged."""
        return Feed(self._engine, self._definitions, consumer)

    def consumers(self) -> list[Consumer]:
        """Return the consumers of the changes, and how far behind each is."""
        return [wire.read(Consumer, one) for one in self._engine.call("consumers.list", {})]

    def sql(
        self,
        sql: str,
        parameters: Sequence[SqlValue] = (),
        *,
        limit: int = 1000,
        timeout: float = 5.0,
    ) -> Table:
        """Run one read-only SELECT over the tables of the file, one per entity type.

        `parameters` are the values of `?1`, `?2` and so on. At most `limit` rows are returned, and
        after `timeout` seconds it gives up with `TimedOutError`.
        """
        given = items_of(parameters, "parameters", "hand in a list: the values of ?1, ?2 and so on")
        for parameter in given:
            if not isinstance(parameter, str | int | float | None):
                raise InvalidArgumentError(
                    "a parameter is None, bool, int, float or str",
                    field="parameters",
                    hint="the views v_<type> show dates, ids and amounts as text",
                )
        request = {
            "sql": sql,
            "parameters": [encode(parameter) for parameter in given],
            "limit": limit,
            "timeout_ms": _milliseconds(timeout),
        }
        answer = self._engine.call("database.sql", request)
        return Table(
            columns=tuple(answer["columns"]),
            rows=tuple(map(tuple, answer["rows"])),
            is_truncated=answer["is_truncated"],
        )

    def backup(self, to: str | os.PathLike[str], *, progress: Report | None = None) -> None:
        """Copy the file to a new one while others read and write. `progress` counts pages."""
        self._engine.call("database.backup", {"path": path_of(to)}, adapt(progress))

    def restore(
        self,
        backup: str | os.PathLike[str],
        to: str | os.PathLike[str],
        *,
        progress: Report | None = None,
    ) -> Restored:
        """Make a new file of a backup of this one, without those who were erased since.

        A backup by an older engine is brought to the present schema in the new file. Neither this
        file nor the backup is changed. `progress` counts pages, and the persons after them.
        """
        request = {"from": path_of(backup), "to": path_of(to)}
        answer = self._engine.call("database.restore", request, adapt(progress))
        return wire.read(Restored, answer)

    def verify(self, *, progress: Report | None = None) -> VerifyReport:
        """Check the file, and that all records, activities and associations are what the journal says.

        `progress` counts them.
        """
        return wire.read(VerifyReport, self._engine.call("database.verify", {}, adapt(progress)))

    def compact(self) -> None:
        """Rewrite the file without free space."""
        self._engine.call("database.compact", {})

    def stats(self) -> DatabaseStats:
        """Return sizes and counts of the file."""
        return wire.read(DatabaseStats, self._engine.call("database.stats", {}))

    def info(self) -> EngineInfo:
        """Return which engine this is."""
        return wire.read(EngineInfo, self._engine.call("database.info", {}))

    def set_clock(self, to: datetime.datetime) -> ClockReading:
        """Set the clock of a file that was opened with `replay`: its next reading is `to`.

        So what happened in a year is told again, each thing at its moment. The clock goes forward
        only. Time does not pass by this alone: `Timers.tick` does what has fallen due. Nothing is
        written, and a file that is opened again goes on after its last change.

        >>> import crm, datetime
        >>> start = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
        >>> with crm.open(replay=crm.Replay(start=start, step_micros=0)) as db:
        ...     _ = db.set_clock(start + datetime.timedelta(days=122))
        ...     db.contacts.create(given_name="Ann").created_at.isoformat()
        '2025-05-03T00:00:00+00:00'
        """
        request = {"to": encode(to, "to")}
        return wire.read(ClockReading, self._engine.call("database.set_clock", request))

    def acting_as(self, actor: str, cause: str | None = None) -> Crm:
        """Return a handle on the same file that writes in the name of `actor`, for a reason.

        The journal keeps both. An actor is a stable key such as `user:17` or `import:web`. The file
        stays open until the handle that opened it is closed, also where this one is used in a `with`.
        """
        reason = None if cause is None else text_of(cause, "cause")
        engine = self._engine.acting_as(text_of(actor, "actor"), reason)
        return Crm(engine, self._definitions, self._watch, owns=False)

    def observe(self, callback: Callable[[Commit], object]) -> Observer:
        """Tell `callback` of every commit from now on, until the returned observer is closed.

        It runs after the commit on the thread that wrote, so it should be quick. It may read; a
        write raises `ReentrantError`. What it raises goes to `sys.unraisablehook`.
        """
        if not callable(callback):
            raise InvalidArgumentError(
                "cannot be called", field="callback", hint="hand in a function"
            )
        return Observer(
            self._engine.observe(
                lambda first, last: callback(Commit(first_seq=first, last_seq=last))
            )
        )

    def interrupt(self) -> None:
        """Cancel what runs on this file in other threads: their calls raise `InterruptError`."""
        self._engine.interrupt()

    def close(self) -> None:
        """Close the file for every handle on it, after calls in other threads are done."""
        self._engine.close()
        self._watch.end()

    def __enter__(self) -> Crm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._owns:
            self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a handle cannot be pickled or copied: open its path in the other process")

    def __repr__(self) -> str:
        return f"<Crm {self.path!r}>"


def _milliseconds(timeout: float) -> int:
    """Return a time limit in seconds as the engine takes it."""
    if isinstance(timeout, bool) or not isinstance(timeout, numbers.Real):
        message = "not a number of seconds"
    elif not 0.001 <= timeout <= 600:
        message = "must be 0.001 to 600 seconds"
    else:
        return round(timeout * 1000)
    raise InvalidArgumentError(message, field="timeout", hint="such as 5 or 0.5")


def open(
    path: str | os.PathLike[str] = MEMORY,
    *,
    durability: Durability | str = Durability.FULL,
    read_only: bool = False,
    max_bytes: int | None = None,
    actor: str | None = None,
    replay: Replay | None = None,
    key: KeySource | None = None,
) -> Crm:
    """Open the file at `path`, and make it if it is not there; without a path, one in memory.

    `durability` says what "committed" promises; `max_bytes` is the size that the file may not
    outgrow; `actor` is who writes, `host` if it is left out.

    `key` tells the key of an encrypted file: a function that returns 32 random bytes. Another key is
    refused with `WrongKeyError`, and the file left as it is. The module must be built with the feature
    `sqlcipher`; otherwise a key is refused with `InvalidArgumentError`.

    Never open the same file with another SQLite in this process (`sqlite3`, DuckDB): it would take
    away the locks. `Crm.sql` reads with SQL, `Crm.backup` makes a copy that any tool may open.

    >>> import crm
    >>> with crm.open(durability="relaxed", actor="user:17") as db:
    ...     db.actor
    'user:17'
    """
    name = path_of(path)
    options: dict[str, Any] = {"durability": str(durability), "read_only": read_only}
    if max_bytes is not None:
        options["max_bytes"] = max_bytes
    if actor is not None:
        options["actor"] = actor
    if replay is not None:
        replay = instance_of(replay, Replay, "replay")
        start = encode(replay.start, "replay.start")
        options["replay"] = {"start": start, "step_micros": replay.step_micros}
    engine = Engine(name, options, source_of(key))
    return Crm(engine, Definitions(engine), Watch(name), owns=True)
