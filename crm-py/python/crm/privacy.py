"""Privacy: what the file knows about people, what they may ask of it, and its end."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.access import AccessReport, AccessScope, ProcessingRegister
from crm.activities import RecordRef, write_ref
from crm.consents import ConsentKind, ConsentMethod, LegalBasis
from crm.given import instance_of, items_of, names_of, path_of, plain_of
from crm.progress import Report, adapt
from crm.records import Record
from crm.retention import DueForReview, Retention, ReviewPage
from crm.values import encode


class ErasureReason(StrEnum):
    """Why a person is erased, after Art. 17(1) of the GDPR."""

    REQUESTED = "requested"
    """The person asked for it, and nothing speaks against it."""
    NO_LONGER_NEEDED = "no_longer_needed"
    """The data is no longer needed: Art. 17(1)(a)."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """The person withdrew the consent it rested on: Art. 17(1)(b)."""
    OBJECTED = "objected"
    """The person objected: Art. 17(1)(c)."""
    UNLAWFUL = "unlawful"
    """It was processed unlawfully: Art. 17(1)(d)."""
    LEGAL_DUTY = "legal_duty"
    """A law orders it: Art. 17(1)(e)."""
    CHILD = "child"
    """It was collected from a child: Art. 17(1)(f)."""


class ErasureEffect(StrEnum):
    """What becomes of the rows of a table."""

    DELETED = "deleted"
    """They go."""
    REDACTED = "redacted"
    """Their content goes, and the place stays, so that the journal can be verified."""
    KEPT = "kept"
    """They stay."""


class BlockerReason(StrEnum):
    """What speaks against an erasure."""

    REQUIRED_REFERENCE = "required_reference"
    """A record in use refers to the person by an attribute that must have a value."""
    RESTRICTED = "restricted"
    """The ledger says that processing is restricted: whoever restricted it may need the data, Art.
    18(1)(b) and (c). Lift the restriction first.
    """


class MentionKind(StrEnum):
    """How a record that belongs to somebody else names the person."""

    REFERENCE = "reference"
    """An attribute refers to the person. It is cleared."""
    ASSOCIATION = "association"
    """An association leads to or from the person. It goes."""
    ACTIVITY = "activity"
    """An activity of the record has the person as a participant. The link goes, the activity
    stays; of the journal goes what the row says that names a role.
    """
    CONTACT_POINT = "contact_point"
    """An attribute with an index holds a contact point of the person. It stays, and is not
    suppressed.
    """
    SAME_PERSON = "same_person"
    """The record is the same person, as links say. It stays, and what the person restricted through
    the one that goes is carried over to it, without what showed it.
    """
    ROLLUP = "rollup"
    """A roll-up of the record, other than a count, reads records of the person's type, and the
    person was among those. It is calculated without; what the history of the record says of it,
    and of what is calculated from it, goes with all else that the same changes say.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedTable:
    """What becomes of the rows of a table."""

    table: str
    """The table, as the storage format has it."""
    rows: int
    """How many of its rows belong to the person."""
    effect: ErasureEffect | str
    """What becomes of them."""
    reason: str | None
    """What stays, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureBlocker:
    """Something that speaks against an erasure."""

    reason: BlockerReason | str
    """What."""
    record: RecordRef
    """The record that refers to the person, or the event of the ledger's own person."""
    attribute: str | None
    """The attribute that refers to the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureDefinition:
    """A definition that names the person."""

    table: str
    """The table, as the storage format has it, such as `crm_segment`."""
    name: str
    """Its name there; an attribute is named with its type: `contact.city`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureMention:
    """A record of somebody else's that names the person."""

    kind: MentionKind | str
    """How."""
    record: RecordRef
    """The record."""
    by: str
    """The attribute, the type of the association, or the kind of the activity; empty where it is the
    same person.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFacts:
    """Which facts were recorded with a legal basis, without what they said: that may tell who it
    was.
    """

    reference: bool
    """What identifies the contract, the law, the weighing of interests or the task elsewhere."""
    sale: bool
    """The sale with which the address of an existing customer was obtained."""
    similar_goods: bool
    """The group of own goods that are similar to what was sold."""
    told_at_collection: bool
    """Whether the person was told, when the address was collected, that they may object at any
    time.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProof:
    """A proof of consent that outlives its person, without anything that says who it was."""

    event: UUID
    """The event of the ledger."""
    kind: ConsentKind
    """What it said."""
    channel: str
    """The channel."""
    purpose: str
    """The purpose."""
    controller: str | None
    """The controller."""
    basis: LegalBasis | None
    """The legal basis."""
    notice: str | None
    """The text that was shown."""
    notice_version: int | None
    """Its version."""
    language: str | None
    """Its language."""
    notice_sha256: str | None
    """The SHA-256 of the text, 64 hexadecimal digits."""
    method: ConsentMethod
    """How it came about."""
    requested_at: datetime.datetime | None
    """For a double opt-in: when it was requested."""
    occurred_at: datetime.datetime
    """When the person acted."""
    last_used_at: datetime.datetime | None
    """When it was last used."""
    permitted_until: datetime.datetime | None
    """Until when it permitted: when it was taken back, invalidated or withdrawn, or the end that it
    had of its own. None: until the person was erased, as far as the ledger says.
    """
    by_guardian: bool
    """Whether a guardian gave it for a minor."""
    facts: KeptFacts | None
    """Which facts were recorded with a legal basis other than consent; None if there were none."""
    contact_hash: str | None
    """The keyed hash of the contact point, 64 hexadecimal digits: whoever knows the address can
    tell that it is this one. None in a plan, and where the event named none.
    """
    keep_until: datetime.datetime
    """Until when it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedProof:
    """A proof of consent of a person who was erased."""

    subject: RecordRef
    """The record that was."""
    erased_at: datetime.datetime
    """When it was erased."""
    proof: KeptProof
    """The proof, without anything that says who it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPage:
    """Proofs of consent that outlived their person."""

    proofs: tuple[ErasedProof, ...]
    """The proofs: those first that go first, then by record and event."""
    next: str | None
    """What to hand in as `after` for the next page; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePlan:
    """What an erasure would do."""

    subject: RecordRef
    """The person."""
    tables: tuple[ErasedTable, ...]
    """What becomes of which tables, by name: those with rows of the person, and those that stay
    for a reason that is worth knowing.
    """
    blockers: tuple[ErasureBlocker, ...]
    """What speaks against it; as long as there is any, the erasure is refused."""
    mentions: tuple[ErasureMention, ...]
    """Records of others that name the person, up to 1,000."""
    proofs: tuple[KeptProof, ...]
    """Proof of consent that stays without contact point and evidence, because a policy keeps it:
    Art. 17(3)(b) and (e).
    """
    contact_points: int
    """Contact points that are suppressed from then on."""
    files: int
    """Stored files that nobody else uses and that go."""
    definitions: tuple[ErasureDefinition, ...]
    """Definitions that name a contact point of the person, or a text of at least four letters that
    is unique to the record: a segment that asks for an e-mail address, say. They stay as they are,
    and so does what the journal says of them: change what should not name the person any more.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedSubject:
    """A person that was erased, as the file remembers it: a random id, and keyed hashes."""

    subject: RecordRef
    """The record that was."""
    erased_at: datetime.datetime
    """When."""
    reason: ErasureReason | str
    """Why."""
    hashes: tuple[str, ...] = ()
    """Keyed hashes of the contact points that are suppressed, 64 hexadecimal digits each."""
    lifted: tuple[str, ...] = ()
    """Keyed hashes of those that were let back in since and are not suppressed now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What an erasure did."""

    erased: ErasedSubject
    """Who was erased, for the list that is kept outside the file."""
    tables: tuple[ErasedTable, ...]
    """What became of which tables."""
    proofs: tuple[KeptProof, ...]
    """Proof of consent that is kept."""
    is_log_emptied: bool
    """Whether the log beside the file was emptied, so that no byte of the person is left in it. If
    somebody was reading, it is with the next write, with closing, or with opening after a crash.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureList:
    """Who was erased, in the order in which it was done.

    It holds random ids and keyed hashes, and so may be kept beside backups.
    """

    key: str | None
    """Which key the hashes were made with, 16 hexadecimal digits; None as long as there is none."""
    erased: tuple[ErasedSubject, ...]
    """The persons."""
    next: int | None
    """What to hand in as `after` for the next page; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedErasures:
    """What became of a list."""

    erased: int
    """Persons that were still there, and are erased now."""
    absent: int
    """Persons that were not there, nor perhaps their type; the file remembers that they must not
    come back.
    """
    known: int
    """Persons that had been erased here before."""
    foreign_hashes: int
    """Keyed hashes that mean nothing here, because they were made with another key."""
    is_log_emptied: bool
    """Whether the log beside the file was emptied."""
    blockers: tuple[ErasureBlocker, ...]
    """The required references of others that would have spoken against erasing, and lead to nobody
    now: at most 1,000. Give them another value.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftedSuppression:
    """Whether a contact point was suppressed."""

    was_suppressed: bool
    """Whether it was suppressed until now. Lifting what is not suppressed does nothing."""


class Privacy:
    """What the file knows about people, and its end: `Crm.privacy`.

    >>> import crm
    >>> with crm.open() as db:
    ...     ann = db.contacts.create(given_name="Ann", email="ann@example.org")
    ...     erasure = db.privacy.erase(ann)
    ...     try:
    ...         db.contacts.create(given_name="Ann", email="Ann@example.org")
    ...     except crm.SuppressedError as error:
    ...         error.field
    'email'
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def access(
        self,
        subject: Record | RecordRef,
        path: str | os.PathLike[str] | None = None,
        *,
        scope: AccessScope | str = AccessScope.EVERYTHING,
        table: str | None = None,
        at: datetime.datetime | None = None,
        progress: Report | None = None,
    ) -> AccessReport:
        """Show a person what the file has of them: a JSON document, or a table of it as CSV.

        It is written to a new file at `path`, or returned as text. `progress` counts rows.
        """
        request: dict[str, Any] = {"subject": write_ref(subject, "subject"), "scope": str(scope)}
        if path is not None:
            request["path"] = path_of(path)
        if table is not None:
            request["table"] = table
        if at is not None:
            request["at"] = encode(at, "at")
        answer = self._engine.call("privacy.access", request, adapt(progress))
        return wire.read(AccessReport, answer)

    def register(self, controller: str | None = None) -> ProcessingRegister:
        """Make the register of processing activities (GDPR art. 30) from the purposes and the rules."""
        request = {} if controller is None else {"controller": controller}
        return wire.read(ProcessingRegister, self._engine.call("privacy.register", request))

    def plan_erasure(
        self, subject: Record | RecordRef, *, at: datetime.datetime | None = None
    ) -> ErasurePlan:
        """Say what erasing a person would do, what stays and why, and what speaks against it."""
        request = {"subject": write_ref(subject, "subject"), "at": encode(at, "at")}
        return wire.read(ErasurePlan, self._engine.call("privacy.plan_erasure", request))

    def erase(
        self,
        subject: Record | RecordRef,
        *,
        reason: ErasureReason | str = ErasureReason.REQUESTED,
        expected_version: int | None = None,
    ) -> Erasure:
        """Erase a person, with all that the file and its journal say, in one transaction.

        Contact points of the person are refused from then on, until `lift_suppression`.
        """
        request = {
            "subject": write_ref(subject, "subject"),
            "reason": str(reason),
            "expected_version": expected_version,
        }
        return wire.read(Erasure, self._engine.call("privacy.erase", request))

    def erasures(self) -> Iterator[ErasedSubject]:
        """Iterate over those who were erased, in the order in which it was done."""
        after: int | None = 0
        while after is not None:
            page = self.erasures_page(after=after, limit=1000)
            yield from page.erased
            after = page.next

    def erasures_page(self, *, after: int = 0, limit: int = 100) -> ErasureList:
        """Read a page of those who were erased, with the name of the key of their hashes."""
        request = {"after": after, "limit": limit}
        return wire.read(ErasureList, self._engine.call("privacy.erasures", request))

    def apply_erasures(
        self, erased: Iterable[ErasedSubject], *, key: str | None = None
    ) -> AppliedErasures:
        """Erase in an older copy of the file whom a list names, in one transaction."""
        persons = items_of(erased, "erased", "hand in a list of crm.ErasedSubject(…)")
        plain = [_write(one, f"erased[{place}]") for place, one in enumerate(persons)]
        request = {"key": key, "erased": plain}
        return wire.read(AppliedErasures, self._engine.call("privacy.apply_erasures", request))

    def proofs(
        self,
        *,
        at: datetime.datetime | None = None,
        subject: RecordRef | None = None,
        contact_point: str | None = None,
    ) -> Iterator[ErasedProof]:
        """Iterate over the proofs of consent that are kept of persons who were erased.

        Those come first that go first: all, those still kept at a moment, those of one record, or
        those that were given with an address or number.
        """
        after: str | None = None
        while True:
            page = self.proofs_page(
                at=at, subject=subject, contact_point=contact_point, limit=1000, after=after
            )
            yield from page.proofs
            after = page.next
            if after is None:
                return

    def proofs_page(
        self,
        *,
        at: datetime.datetime | None = None,
        subject: RecordRef | None = None,
        contact_point: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> ProofPage:
        """Read a page of the proofs of consent that are kept of persons who were erased."""
        request = {
            "at": encode(at, "at"),
            "subject": None if subject is None else write_ref(subject, "subject"),
            "contact_point": contact_point,
            "limit": limit,
            "after": after,
        }
        return wire.read(ProofPage, self._engine.call("privacy.proofs", request))

    def lift_suppression(self, contact_point: str) -> bool:
        """Let a contact point come back, because the person did; return whether it was suppressed."""
        request = {"contact_point": contact_point}
        answer = self._engine.call("privacy.lift_suppression", request)
        return wire.read(LiftedSuppression, answer).was_suppressed

    def define_retention(self, rule: Retention) -> Retention:
        """Define how long records are kept, or change it: what is stated is all of the rule.

        It has nothing done by itself: see `due_for_review`.
        """
        request = plain_of(rule, Retention, "rule")
        if rule.where is not None:
            request["where"] = conditions.write(rule.where, "where")
        return wire.read(Retention, self._engine.call("privacy.define_retention", request))

    def retentions(self) -> list[Retention]:
        """Return all retention rules, by name."""
        answer = self._engine.call("privacy.retentions", {})
        return [wire.read(Retention, one) for one in answer]

    def remove_retention(self, retention: str) -> Retention:
        """Remove a retention rule, and return what it was. The journal still has it."""
        request = {"retention": retention}
        return wire.read(Retention, self._engine.call("privacy.remove_retention", request))

    def due_for_review(
        self,
        *,
        at: datetime.datetime | None = None,
        retention: str | None = None,
        type: str | None = None,
    ) -> Iterator[DueForReview]:
        """Iterate over the records that were kept for as long as the rules say, the longest due first.

        Nothing is changed: whether a record is archived, erased or kept is yours to say.
        """
        after: str | None = None
        while True:
            page = self.due_for_review_page(
                at=at, retention=retention, type=type, limit=1000, after=after
            )
            yield from page.due
            after = page.next
            if after is None:
                return

    def due_for_review_page(
        self,
        *,
        at: datetime.datetime | None = None,
        retention: str | None = None,
        type: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> ReviewPage:
        """Read a page of the records that are due: at a moment, or now, or as of the page before."""
        request = {
            "at": encode(at, "at"),
            "retention": retention,
            "type": type,
            "limit": limit,
            "after": after,
        }
        return wire.read(ReviewPage, self._engine.call("privacy.due_for_review", request))


def _write(erased: ErasedSubject, path: str) -> dict[str, Any]:
    erased = instance_of(erased, ErasedSubject, path)
    return {
        "subject": write_ref(erased.subject, f"{path}.subject"),
        "erased_at": encode(erased.erased_at, f"{path}.erased_at"),
        "reason": str(erased.reason),
        "hashes": names_of(erased.hashes, f"{path}.hashes"),
        "lifted": names_of(erased.lifted, f"{path}.lifted"),
    }
