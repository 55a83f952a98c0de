"""Which records are meant, by whether they are archived."""

from __future__ import annotations

from enum import StrEnum


class Archived(StrEnum):
    """Which records a list or count takes, by whether they are archived."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"
