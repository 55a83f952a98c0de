"""Changes forwarded to others: a consumer, whose place the file keeps."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from crm import wire
from crm._native import Engine
from crm.journal import Change, ChangePage, read_changes
from crm.schema import Definitions

FEED_PAGE = 1000
"""How many changes an iteration reads at a time."""

CloudEvent: TypeAlias = dict[str, Any]
"""An event of CloudEvents 1.0 as JSON has it: `specversion`, `id`, `source`, `type` …, and the change
as `data`. `json.dumps` makes the body of the media type `application/cloudevents+json`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEventPage:
    """A page of changes as events."""

    events: tuple[CloudEvent, ...]
    """The events, by the `seq` of their changes."""
    next: int
    """What to hand in as `after` for the next page, and what to acknowledge when all are delivered."""

    def __iter__(self) -> Iterator[CloudEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A consumer of the changes, and how far it is."""

    name: str
    """The name."""
    acknowledged: int
    """The `seq` of the last change that it has taken, with all before it; 0 if it has taken none."""
    lag: int
    """How many changes there are after that one."""
    acknowledged_at: datetime.datetime
    """When it last acknowledged, in UTC."""


class Feed:
    """The changes that a consumer has not acknowledged: `Crm.feed`.

    Iterating begins after what was acknowledged and ends with the present end of the journal. What
    is not acknowledged comes again, also after a crash: at least once.

    >>> import crm
    >>> with crm.open() as db:
    ...     feed = db.feed("warehouse")
    ...     consumer = feed.acknowledge(db.stats().changes)  # not what was before
    ...     acme = db.companies.create(name="Acme")
    ...     for change in feed:
    ...         print(change.kind, change.values["name"])
    ...         consumer = feed.acknowledge(change)
    ...     consumer.lag
    record_created Acme
    0
    """

    def __init__(self, engine: Engine, definitions: Definitions, consumer: str) -> None:
        self._engine = engine
        self._definitions = definitions
        self._consumer = consumer

    @property
    def consumer(self) -> str:
        """The name of the consumer."""
        return self._consumer

    def __iter__(self) -> Iterator[Change]:
        page = self.page(limit=FEED_PAGE)
        while page:
            yield from page
            request = {"after": page.next, "limit": FEED_PAGE}
            page = read_changes(self._engine.call("changes.list", request), self._definitions)

    def events(self) -> Iterator[CloudEvent]:
        """Iterate over the same changes as CloudEvents; `event["data"]["seq"]` acknowledges one."""
        page = self.events_page(limit=FEED_PAGE)
        while page:
            yield from page
            page = read_events(self._engine, {"after": page.next, "limit": FEED_PAGE})

    def page(self, *, limit: int = 100) -> ChangePage:
        """Return the first page of what is not acknowledged, without moving the consumer."""
        answer = self._engine.call("changes.list", {"consumer": self._consumer, "limit": limit})
        return read_changes(answer, self._definitions)

    def events_page(self, *, limit: int = 100) -> CloudEventPage:
        """Return the same as CloudEvents."""
        return read_events(self._engine, {"consumer": self._consumer, "limit": limit})

    def acknowledge(self, change: Change | int) -> Consumer:
        """Say that this change, given itself or by its `seq`, and all before it are taken.

        The next iteration begins after it. `StaleVersionError` if more was acknowledged before,
        `OutOfRangeError` if there is no such change yet.
        """
        seq = change.seq if isinstance(change, Change) else change
        request = {"consumer": self._consumer, "seq": seq}
        return wire.read(Consumer, self._engine.call("consumers.acknowledge", request))

    def remove(self) -> None:
        """Forget the consumer: whoever reads in its name later begins at the beginning."""
        self._engine.call("consumers.remove", {"consumer": self._consumer})

    def __repr__(self) -> str:
        return "<Feed>"


def read_events(engine: Engine, request: dict[str, Any]) -> CloudEventPage:
    """Return a page of events."""
    answer = engine.call("changes.cloud_events", request)
    return CloudEventPage(events=tuple(answer["events"]), next=answer["next"])
