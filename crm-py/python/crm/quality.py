"""What is wrong with the records of a type: how complete they are, and what looks like a mistake."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class AuditRule(StrEnum):
    """A rule of an audit."""

    UNUSED = "unused"
    """No record has a value of the attribute."""
    INVALID = "invalid"
    """The value would be refused if it were written now, or is missing though it is required."""
    SPACING = "spacing"
    """The text has white space or invisible characters at its ends, or several spaces in a row."""
    SPELLING = "spelling"
    """The value is probably another one, misspelt."""
    DUPLICATE = "duplicate"
    """An earlier record has the same e-mail address, telephone number, web address or name."""
    OUTLIER = "outlier"
    """The number is far out by Tukey's rule: beyond three times the distance of the quartiles."""
    STALE = "stale"
    """The record has not been changed for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeAudit:
    """How complete an attribute is."""

    attribute: str
    """The attribute."""
    kind: str
    """Its kind."""
    filled: int
    """Records that have a value."""
    missing: int
    """Records that have none."""
    distinct: int | None
    """How many different values there are, of a text or a choice with 200 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """Something that looks like a mistake."""

    rule: AuditRule | str
    """By which rule."""
    attribute: str | None
    """The attribute; None of a finding about whole records."""
    count: int
    """How many records it concerns."""
    examples: tuple[UUID, ...]
    """The first of them by id. Duplicates come after the first record with their key."""
    value: str | None
    """Of a misspelling, the value."""
    expected: str | None
    """Of a misspelling, what is probably meant."""
    lower: float | None
    """Of outliers, the least number that is none."""
    upper: float | None
    """Of outliers, the greatest number that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What `Records.audit` found; `print` shows it as a table."""

    type: str
    """The entity type."""
    at: datetime.datetime
    """The moment that counted as now, in UTC."""
    records: int
    """The records that are not archived: those that were looked at."""
    attributes: tuple[AttributeAudit, ...]
    """How complete each attribute in use is, in the order of the definition."""
    findings: tuple[AuditFinding, ...]
    """What was found: by attribute, then by rule, the most frequent misspellings first."""
    text: str
    """The same as a table for people."""

    def __str__(self) -> str:
        return self.text
