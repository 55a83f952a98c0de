"""Several threads on one handle."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import crm

THREADS = 8
EACH = 40


def test_eight_threads_on_one_handle(db: crm.Crm) -> None:
    begin = threading.Barrier(THREADS)
    commits: list[crm.Commit] = []

    def work(number: int) -> list[crm.Record]:
        begin.wait()
        mine = db.acting_as(f"user:{number}")
        records = []
        for n in range(EACH):
            record = mine.contacts.create(email=f"{number}.{n}@example.org")
            record = mine.contacts.patch(record.id, given_name=f"{n}", expected_version=1)
            assert db.contacts.get_by(email=f"{number}.{n}@example.org") == record
            assert db.sql("select count(*) from contact").rows[0][0] is not None
            records.append(record)
        return records

    with db.observe(commits.append), ThreadPoolExecutor(THREADS) as pool:
        found = [record for records in pool.map(work, range(THREADS)) for record in records]
    assert len({record.id for record in found}) == THREADS * EACH == db.contacts.count()
    assert len(commits) == 2 * THREADS * EACH
    assert db.verify().is_ok
    for number in range(THREADS):
        actors = {change.actor for change in db.changes() if change.actor == f"user:{number}"}
        assert actors == {f"user:{number}"}


def test_the_lock_of_python_is_released_while_the_engine_works(db: crm.Crm) -> None:
    """A callback of one thread waits for what another thread of Python does meanwhile."""
    reading, done = threading.Event(), threading.Event()

    def other() -> None:
        assert reading.wait(60)
        db.contacts.create(given_name="Meanwhile")
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def told(_: crm.Progress) -> None:
        reading.set()
        assert done.wait(60)

    db.companies.create(name="Acme")
    assert db.verify(progress=told).is_ok
    thread.join()
    assert db.contacts.count() == 1


def test_definitions_change_while_others_read(db: crm.Crm) -> None:
    stop = threading.Event()

    def read() -> int:
        rounds = 0
        while not stop.is_set():
            for record in db.contacts:
                assert all(not name.startswith("d_") or hasattr(value, "year")
                           for name, value in record.values.items())
            rounds += 1
        return rounds

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for n in range(20):
            db.types.define_attribute("contact", crm.Attribute(f"d_{n}", crm.Kind.DATE))
            db.contacts.create({f"d_{n}": "2024-02-29"})
        stop.set()
        assert all(reader.result() > 0 for reader in readers)


def test_handles_and_observers_may_be_collected_anywhere() -> None:
    def work(_: int) -> None:
        db = crm.open()
        observer = db.observe(lambda commit: None)
        loop: list[object] = [db, observer]
        loop.append(loop)
        db.contacts.create(given_name="Ann")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(32)))
    gc.collect()


def test_closing_waits_for_the_others(db: crm.Crm) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def told(_: crm.Progress) -> None:
        entered.set()
        go_on.wait(60)

    with ThreadPoolExecutor(2) as pool:
        verifying = pool.submit(db.verify, progress=told)
        assert entered.wait(60)
        closing = pool.submit(db.close)
        go_on.set()
        closing.result()
        try:
            assert verifying.result().is_ok
        except crm.ClosedError:
            pass
