"""The chain of the journal: its head, whether it holds, and proofs of single changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from crm import wire
from crm._native import Engine
from crm.given import items_of, plain_of
from crm.progress import Report, adapt


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHead:
    """The end of the journal, to be kept outside the file; `dataclasses.asdict` makes it JSON."""

    seq: int
    """The `seq` of the last change."""
    hlc: int
    """Its hybrid logical clock."""
    hash: str
    """Its hash, with which it commits to itself and all before it: SHA-256 in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalReport:
    """What following the chain of the journal found."""

    is_ok: bool
    """Whether the chain holds, and leads through the head that was given."""
    whole: int
    """Changes whose content is what they commit to."""
    erased: int
    """Changes whose content was erased, and which are still in their place."""
    broken: int
    """Changes that do not fit: changed, moved, or after one that is missing."""
    broken_at: int | None
    """The `seq` of the first of these."""
    leads_through_head: bool | None
    """Whether the chain leads through the head that was given; None if none was."""
    head: JournalHead
    """The end of the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofContent:
    """What a change commits to, with the salts that belong to it."""

    salt: str
    """The salt of cause and body, 64 hexadecimal digits."""
    cause: str | None
    """Why, as far as the actor said."""
    body: str
    """What the journal holds, as JSON, to the byte."""
    actor: str
    """Who made it."""
    actor_salt: str | None
    """The salt of that name, 64 hexadecimal digits; None if the name was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLink:
    """A change as a link of the chain."""

    seq: int
    """Its place in the file."""
    device: str
    """The device that made it, as a UUID."""
    device_seq: int
    """Its place among the changes of that device."""
    hlc: int
    """Its hybrid logical clock."""
    transaction: int
    """The `seq` of the first change of the same transaction."""
    actor: str
    """The commitment to the name of who made it, 64 hexadecimal digits."""
    kind: str
    """What it is."""
    type: str | None
    """The entity type that it concerns."""
    record_id: UUID | None
    """The id under which the journal has it."""
    commitment: str
    """The commitment to its cause and its body, 64 hexadecimal digits."""
    content: ProofContent | None
    """What it commits to, of a change that is shown; None of one that was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalProof:
    """That changes stand in the journal as they are shown.

    Whoever knows the head can compute it from this alone, and sees nothing of the other changes.
    """

    method: str
    """How the hashes are computed: `crm.journal.v1`."""
    before: str
    """The hash of the change before the first one; zeros at the beginning of the journal."""
    links: tuple[ProofLink, ...]
    """Every change from the first that is shown up to the head, in order."""
    head: JournalHead
    """What the last hash has to be."""


class Journal:
    """The chain of the journal: `Crm.journal`.

    >>> import crm
    >>> with crm.open() as db:
    ...     kept = db.journal.head()
    ...     acme = db.companies.create(name="Acme")
    ...     db.journal.verify(kept).is_ok
    True
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def head(self) -> JournalHead:
        """Return the end of the journal, to be kept elsewhere."""
        return wire.read(JournalHead, self._engine.call("journal.head", {}))

    def verify(
        self, head: JournalHead | None = None, *, progress: Report | None = None
    ) -> JournalReport:
        """Follow the chain from the first change to the last.

        Each change has to be what its hash says, or to be erased. With a `head` that was kept
        earlier it is also found whether something up to there was cut off or written anew.
        `progress` counts changes.
        """
        request = {} if head is None else {"head": plain_of(head, JournalHead, "head")}
        answer = self._engine.call("journal.verify", request, adapt(progress))
        return wire.read(JournalReport, answer)

    def prove(self, seqs: Iterable[int], *, until: int | None = None) -> JournalProof:
        """Prove that changes stand in the journal as they are shown.

        The proof leads to the head of place `until`, at most 10,000 changes on, or to the end.
        """
        request: dict[str, object] = {"seqs": items_of(seqs, "seqs", "hand in a list of places in the journal")}
        if until is not None:
            request["until"] = until
        return wire.read(JournalProof, self._engine.call("journal.prove", request))

    def __repr__(self) -> str:
        return "<Journal>"
