"""Full text search over records and activities."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm.activities import RecordRef
from crm.archived import Archived
from crm.given import names_of


class SearchItem(StrEnum):
    """What can be searched."""

    RECORD = "record"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetPart:
    """A stretch of a snippet."""

    text: str
    """The text, as it is stored."""
    is_match: bool
    """Whether it is what was searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A piece of a text around what was found: at most 200 characters."""

    parts: tuple[SnippetPart, ...]
    """The piece in order, cut wherever a match begins or ends."""
    is_cut_before: bool
    """Whether the text has more before it."""
    is_cut_after: bool
    """Whether the text has more after it."""

    def marked(self, before: str = "**", after: str = "**") -> str:
        """Return the text with a mark before and after each match. For HTML, escape the parts first.

        >>> parts = (SnippetPart(text="Ms ", is_match=False), SnippetPart(text="Lee", is_match=True))
        >>> Snippet(parts=parts, is_cut_before=True, is_cut_after=False).marked("[", "]")
        '…Ms [Lee]'
        """
        text = "".join(
            f"{before}{part.text}{after}" if part.is_match else part.text for part in self.parts
        )
        return f"{'…' * self.is_cut_before}{text}{'…' * self.is_cut_after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundActivity:
    """An activity that was found."""

    id: UUID
    """Its id."""
    kind: str
    """Its kind."""
    at: datetime.datetime
    """When it happened, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A record or an activity that was found."""

    record: RecordRef | None
    """The record that was found, or the subject of the activity; None where it is not known."""
    activity: FoundActivity | None
    """The activity that was found; None if the record was."""
    score: float
    """How well it fits (BM25), greater than 0; it compares the hits of one search only."""
    attribute: str
    """The attribute or property that has most of what was searched for."""
    snippet: Snippet
    """Where in it that stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of hits, the best first."""

    hits: tuple[SearchHit, ...]
    """The hits; of equal ones, the one created or recorded first comes first."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[SearchHit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)


def write_search(
    text: str,
    prefix: bool,
    items: Iterable[SearchItem | str],
    types: Iterable[str],
    kinds: Iterable[str],
    archived: Archived | str,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Return the request of `search.find`."""
    return {
        "text": text,
        "prefix": prefix,
        "items": [str(item) for item in names_of(items, "items")],
        "types": names_of(types, "types"),
        "kinds": names_of(kinds, "kinds"),
        "archived": str(archived),
        "after": after,
        "limit": limit,
    }
