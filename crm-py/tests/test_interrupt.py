"""Ending work early: by interrupt, by a callback, by a signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import crm
import pytest

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"


@pytest.fixture
def full(path: Path) -> crm.Crm:
    db = crm.open(path)
    db.contacts.create_many({"given_name": f"{n}"} for n in range(3000))
    return db


def test_interrupt_from_another_thread(db: crm.Crm) -> None:
    running = threading.Event()

    def interrupt() -> None:
        running.wait()
        while not ended.wait(0.01):
            db.interrupt()

    ended = threading.Event()
    thread = threading.Thread(target=interrupt)
    thread.start()
    running.set()
    try:
        with pytest.raises(crm.InterruptError):
            db.sql(ENDLESS, timeout=60)
    finally:
        ended.set()
        thread.join()
    assert db.sql("select 1").rows == ((1,),)


def test_a_callback_cancels_by_returning_false(full: crm.Crm, tmp_path: Path) -> None:
    with full as db:
        with pytest.raises(crm.InterruptError):
            db.verify(progress=lambda _: False)
        with pytest.raises(crm.InterruptError):
            db.backup(tmp_path / "copy.crm", progress=lambda _: False)
        assert not (tmp_path / "copy.crm").exists()
        # Only False cancels: a callback that returns what it counted goes on.
        assert db.verify(progress=lambda _: 0).is_ok


def test_what_a_callback_raises_comes_out_unchanged(full: crm.Crm) -> None:
    class Mine(Exception):
        pass

    def told(_: crm.Progress) -> None:
        raise Mine

    with full as db:
        with pytest.raises(Mine):
            db.verify(progress=told)
        assert db.verify().is_ok


def test_a_callback_may_read_and_not_write(full: crm.Crm) -> None:
    seen: list[object] = []

    def told(_: crm.Progress) -> None:
        seen.append(full.contacts.count())
        with pytest.raises(crm.ReentrantError):
            full.contacts.create(given_name="Echo")

    with full as db:
        assert db.verify(progress=told).is_ok
    assert seen and set(seen) == {3000}


@pytest.fixture
def control_c() -> Iterator[None]:
    """Python's own handler, which is not there in a process that was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("control_c")
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_control_c_ends_a_job(full: crm.Crm) -> None:
    """The signal arrives while the engine works, and is noticed between two of its steps."""
    with full as db:
        told = 0

        def interrupt(_: crm.Progress) -> None:
            nonlocal told
            told += 1
            # As the terminal does it; the handler runs as soon as Python may run it.
            os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            db.verify(progress=interrupt)
        assert told == 1
        assert db.contacts.count() == 3000
