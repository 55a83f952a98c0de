"""Handles for the tests."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import crm
import pytest

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def db() -> Iterator[crm.Crm]:
    """A file in memory."""
    with crm.open() as handle:
        yield handle


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file may be made."""
    return tmp_path / "acme.crm"


@pytest.fixture
def replayed() -> Iterator[crm.Crm]:
    """A file in memory whose clock begins with 2026 and steps by a millisecond."""
    with crm.open(replay=crm.Replay(start=START, step_micros=1000)) as handle:
        yield handle
