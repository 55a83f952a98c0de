"""Receipts of what a person allowed, and proof of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from crm.consents.decisions import ConsentDecision, ConsentStatus


class ReceiptFormat(StrEnum):
    """The form of a receipt."""

    DPV = "dpv"
    """ISO/IEC TS 27560 in the terms of the Data Privacy Vocabulary, as JSON-LD."""
    KANTARA = "kantara"
    """The consent receipt of the Kantara Initiative, version 1.1, as JSON. It has what is allowed,
    and nothing that was taken back.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptedConsent:
    """A consent of which a receipt tells."""

    id: UUID
    """The id of its record: the event with which it began."""
    purpose: str
    """The purpose."""
    channel: str
    """The channel."""
    contact_point: str | None
    """The address or number, if it names one."""
    status: ConsentStatus | str
    """Where it stands now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentReceipt:
    """A receipt of what a person allowed."""

    id: str
    """Its id, which follows from what it says: a UUID."""
    format: ReceiptFormat | str
    """The form."""
    document: str
    """The document: JSON."""
    consents: tuple[ReceiptedConsent, ...]
    """The consents of which it tells, in the order of the document."""
    missing: tuple[str, ...]
    """What the definitions do not say and the form asks for, such as
    `purposes.news.processing.jurisdiction`; none if the receipt is complete.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentProof:
    """The proof of a decision."""

    decision: ConsentDecision
    """The decision."""
    document: str
    """The proof: JSON, with the whole text of events and notices."""
    head_seq: int
    """The `seq` of the head to which it leads."""
    head: str
    """The hash of that head, in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProof:
    """What a check of a proof found. It is true if nothing was found."""

    is_valid: bool
    """Whether nothing was found. What nobody can find without the file stands in `unproven`."""
    reaches_head: bool
    """Whether one chain without a gap leads from all that is shown to the head. A proof from a long
    journal has stretches of it, and all but the last of them stand for themselves.
    """
    head_seq: int
    """The `seq` of the last link."""
    head: str
    """The hash of the last link, in hexadecimal digits."""
    events: int
    """How many events it proves."""
    problems: tuple[str, ...]
    """What was found."""
    unproven: tuple[str, ...]
    """What the proof cannot show, and may change the answer: what was recorded before it begins,
    changes in it that are not shown, and what no change of the journal tells, such as whether the
    contact point is suppressed.
    """

    def __bool__(self) -> bool:
        return self.is_valid
