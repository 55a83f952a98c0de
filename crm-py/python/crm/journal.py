"""The journal: every change of the file, with who made it, when and why."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any
from uuid import UUID

from crm import _native, wire
from crm.activities import Activity, read_activity
from crm.associations import AssociationChange, read_association
from crm.schema import Definitions


class ChangeKind(StrEnum):
    """What a row of the journal says."""

    RECORD_CREATED = "record_created"
    RECORD_PATCHED = "record_patched"
    RECORD_ARCHIVED = "record_archived"
    RECORD_RESTORED = "record_restored"
    TYPE_DEFINED = "type_defined"
    TYPE_ARCHIVED = "type_archived"
    TYPE_RESTORED = "type_restored"
    ATTRIBUTE_DEFINED = "attribute_defined"
    ATTRIBUTE_ARCHIVED = "attribute_archived"
    ATTRIBUTE_RESTORED = "attribute_restored"
    FILE_ADDED = "file_added"
    ACTIVITY_KIND_DEFINED = "activity_kind_defined"
    ACTIVITY_KIND_ARCHIVED = "activity_kind_archived"
    ACTIVITY_KIND_RESTORED = "activity_kind_restored"
    ACTIVITY_RECORDED = "activity_recorded"
    VISITOR_IDENTIFIED = "visitor_identified"
    VISITOR_RELEASED = "visitor_released"
    ASSOCIATION_TYPE_DEFINED = "association_type_defined"
    ASSOCIATION_TYPE_ARCHIVED = "association_type_archived"
    ASSOCIATION_TYPE_RESTORED = "association_type_restored"
    ASSOCIATION_ADDED = "association_added"
    ASSOCIATION_CHANGED = "association_changed"
    ASSOCIATION_ARCHIVED = "association_archived"
    ASSOCIATION_RESTORED = "association_restored"
    VIEW_SAVED = "view_saved"
    VIEW_ARCHIVED = "view_archived"
    VIEW_RESTORED = "view_restored"
    LIFECYCLE_DEFINED = "lifecycle_defined"
    LIFECYCLE_ARCHIVED = "lifecycle_archived"
    LIFECYCLE_RESTORED = "lifecycle_restored"
    STAGE_MOVED = "stage_moved"
    STAGE_RESET = "stage_reset"
    STAGE_SUPPRESSED = "stage_suppressed"
    STAGE_OVERDUE = "stage_overdue"
    STAGE_REMAPPED = "stage_remapped"
    RULE_DEFINED = "rule_defined"
    RULE_ARCHIVED = "rule_archived"
    RULE_RESTORED = "rule_restored"
    RULE_RAN = "rule_ran"
    RULE_SKIPPED = "rule_skipped"
    EVENT_EMITTED = "event_emitted"
    SCORE_DEFINED = "score_defined"
    SCORE_PUBLISHED = "score_published"
    SCORE_RETIRED = "score_retired"
    SCORE_CROSSED = "score_crossed"
    POINTS_ADDED = "points_added"
    CHANNEL_DEFINED = "channel_defined"
    PARTY_DEFINED = "party_defined"
    POLICY_DEFINED = "policy_defined"
    PURPOSE_DEFINED = "purpose_defined"
    NOTICE_PUBLISHED = "notice_published"
    RETENTION_DEFINED = "retention_defined"
    RETENTION_REMOVED = "retention_removed"
    CONSENT_RECORDED = "consent_recorded"
    PEOPLE_LINKED = "people_linked"
    PEOPLE_UNLINKED = "people_unlinked"
    SEGMENT_DEFINED = "segment_defined"
    SEGMENT_ARCHIVED = "segment_archived"
    SEGMENT_RESTORED = "segment_restored"
    SEGMENT_ENTERED = "segment_entered"
    SEGMENT_LEFT = "segment_left"
    LEARNED_SCORE_TRAINED = "learned_score_trained"
    LEARNED_SCORE_ARCHIVED = "learned_score_archived"
    LEARNED_SCORE_RESTORED = "learned_score_restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, as the journal has it."""

    seq: int
    """Its place in this file, ascending without end; gaps do not occur."""
    device: str
    """The device that made it, as a UUID."""
    device_seq: int
    """Its place among the changes of that device."""
    hlc: int
    """Its hybrid logical clock: milliseconds since 1970 times 65,536, plus a counter."""
    at: datetime.datetime
    """When it was made, in UTC."""
    transaction: int
    """Changes of one transaction share this number: the `seq` of the first of them."""
    actor: str
    """Who made it."""
    cause: str | None
    """Why, as far as the actor said."""
    kind: ChangeKind | str
    """What it is."""
    type: str | None
    """The entity type that it concerns."""
    record_id: UUID | None
    """The record that it concerns."""
    values: Mapping[str, Any]
    """The new values of a record's attributes; None for those that were cleared."""
    definition: str | None
    """For a definition, a run of a rule, an event for the host …: what the journal holds, as JSON."""
    activity: Activity | None
    """An activity as it was recorded: without what came later."""
    association: AssociationChange | None
    """For an association: what is new about it."""
    is_erased: bool
    """Whether cause and content were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePage:
    """A page of changes."""

    changes: tuple[Change, ...]
    """The changes, by `seq`."""
    next: int
    """What to hand in as `after` for the next page, also when there are no changes yet."""

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One change in the history of a record."""

    seq: int
    """Its place in the journal."""
    at: datetime.datetime
    """When, in UTC."""
    actor: str
    """Who."""
    cause: str | None
    """Why, as far as the actor said."""
    kind: ChangeKind | str
    """What was done."""
    version: int
    """The record's version after it."""
    values: Mapping[str, Any]
    """The new values; None for those that were cleared."""
    is_erased: bool
    """Whether cause and values were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """A page of a record's history, oldest first."""

    entries: tuple[HistoryEntry, ...]
    """The changes, oldest first."""
    next: int | None
    """What to hand in as `after` for the next page; None when there is none."""

    def __iter__(self) -> Iterator[HistoryEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What an observer is told, after the commit."""

    first_seq: int
    """The `seq` of the transaction's first change."""
    last_seq: int
    """The `seq` of its last change: `Crm.changes(first_seq - 1)` up to here gives it whole."""


class Observer:
    """Keeps an observation; closing or forgetting it ends the observation."""

    def __init__(self, observer: _native.Observer) -> None:
        self._observer = observer

    def close(self) -> None:
        """End the observation. Doing it twice does nothing."""
        self._observer.close()

    def __enter__(self) -> Observer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def read_changes(plain: dict[str, Any], definitions: Definitions) -> ChangePage:
    """Return a page of the journal from its plain form."""
    changes = tuple(read_change(change, definitions) for change in plain["changes"])
    return ChangePage(changes=changes, next=plain["next"])


def read_change(plain: dict[str, Any], definitions: Definitions) -> Change:
    """Return a change of the journal from its plain form."""
    if plain["values"]:
        plain["values"] = definitions.shape(plain["type"], plain["values"]).decode(plain["values"])
    activity, association = plain.get("activity"), plain.get("association")
    change = wire.read(Change, {**plain, "activity": None, "association": None})
    if activity is not None:
        return dataclasses.replace(change, activity=read_activity(activity, definitions))
    if association is not None:
        said = read_association(AssociationChange, association, definitions)
        return dataclasses.replace(change, association=said)
    return change


def read_history(plain: dict[str, Any], definitions: Definitions, entity_type: str) -> HistoryPage:
    """Return a page of a record's history from its plain form."""
    for entry in plain["entries"]:
        entry["values"] = definitions.shape(entity_type, entry["values"]).decode(entry["values"])
    entries = tuple(wire.read(HistoryEntry, entry) for entry in plain["entries"])
    return HistoryPage(entries=entries, next=plain["next"])
