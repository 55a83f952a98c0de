"""A handle that a child process inherited."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import crm
import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_child(body: Callable[[], None]) -> int:
    """Run `body` in a forked child and return 0 if it raised nothing."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_is_refused_and_the_parent_goes_on(path: Path) -> None:
    with crm.open(path) as db:
        ann = db.contacts.create(given_name="Ann")

        def use() -> None:
            for call in (
                lambda: db.contacts.get(ann.id),
                lambda: db.contacts.create(given_name="Bob"),
                lambda: db.sql("select 1"),
                db.close,
            ):
                with pytest.raises(crm.ForkedError):
                    call()

        assert in_child(use) == 0
        assert db.contacts.patch(ann.id, given_name="Anna").version == 2
    with crm.open(path) as db:
        assert db.contacts.count() == 1
        assert db.verify().is_ok


def test_dropping_in_the_child_leaves_the_parents_file(path: Path) -> None:
    handles = [crm.open(path)]
    assert in_child(handles.clear) == 0
    with handles[0] as db:
        db.contacts.create(given_name="Ann")
        with pytest.raises(crm.InUseError):
            crm.open(path)


def test_a_child_may_open_its_own_file(path: Path, tmp_path: Path) -> None:
    with crm.open(path):

        def use() -> None:
            with crm.open(tmp_path / "child.crm") as db:
                db.contacts.create(given_name="Ann")

        assert in_child(use) == 0
    with crm.open(tmp_path / "child.crm") as db:
        assert db.contacts.count() == 1
