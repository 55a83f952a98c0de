"""The file as a whole."""

from __future__ import annotations

import datetime
import gc
import weakref
from pathlib import Path

import crm
import pytest


def test_sql(db: crm.Crm) -> None:
    db.companies.create_many({"name": f"<{n}>", "employees": n} for n in range(30))
    table = db.sql("select name, employees from company where employees > ?1 order by 2", [9])
    assert table.columns == ("name", "employees")
    assert (len(table), table.is_truncated, next(iter(table))) == (20, False, ("<10>", 10))
    assert table.to_dicts()[0] == {"name": "<10>", "employees": 10}
    assert db.sql("select name from company", limit=5).is_truncated
    with pytest.raises(crm.InvalidSqlError):
        db.sql("selec 1")
    with pytest.raises(crm.NotAuthorizedError):
        db.sql("delete from company")
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    with pytest.raises(crm.TimedOutError):
        db.sql(endless, timeout=0.01)
    with pytest.raises(crm.InvalidArgumentError, match="parameters"):
        db.sql("select ?1", [datetime.date(2024, 1, 1)])  # type: ignore[list-item]


def test_a_table_shows_twenty_rows_escaped(db: crm.Crm) -> None:
    db.companies.create_many({"name": f"<{n}>"} for n in range(30))
    shown = db.sql("select name, domain from company")._repr_html_()
    assert shown.count("<tr>") == 21
    assert "&lt;0&gt;" in shown and "<0>" not in shown
    assert "10 more rows" in shown


def test_backup_and_verify(path: Path, tmp_path: Path) -> None:
    told: list[crm.Progress] = []
    with crm.open(path) as db:
        db.contacts.create(given_name="Ann")
        db.backup(tmp_path / "copy.crm", progress=told.append)
        assert told[-1].done == told[-1].total
        with pytest.raises(crm.InvalidArgumentError):
            db.backup(tmp_path / "copy.crm")
        report = db.verify(progress=told.append)
        assert (report.is_ok, report.records, report.problems) == (True, 1, ())
        db.compact()
        stats = db.stats()
        assert crm.TypeCount(type="contact", records=1) in stats.types
        assert stats.file_bytes > 0
    with crm.open(tmp_path / "copy.crm") as db:
        assert db.contacts.count() == 1


def test_a_backup_is_restored_without_those_who_were_erased(path: Path, tmp_path: Path) -> None:
    told: list[crm.Progress] = []
    with crm.open(path) as db:
        ann = db.contacts.create(given_name="Ann", email="ann@example.org")
        db.backup(tmp_path / "monday.crm")
        db.privacy.erase(ann)
        restored = db.restore(tmp_path / "monday.crm", tmp_path / "new.crm", progress=told.append)
        assert (restored.listed, restored.erased, restored.known) == (1, 1, 0)
        assert told[-1].done == told[-1].total
        with pytest.raises(crm.InvalidArgumentError) as caught:
            db.restore(tmp_path / "monday.crm", tmp_path / "new.crm")
        assert caught.value.field == "to"
    with crm.open(tmp_path / "new.crm") as db:
        assert db.contacts.count() == 0
        assert db.verify().is_ok


def test_a_full_file_still_reads(path: Path) -> None:
    with crm.open(path, max_bytes=1_000_000) as db:
        rows = [{"description": "x" * 100_000} for _ in range(20)]
        with pytest.raises(crm.FullError):
            db.contacts.create_many(rows)
        assert db.contacts.count() == 0
        db.contacts.create(given_name="Ann")


def test_info_names_the_version(db: crm.Crm) -> None:
    assert db.info().version == crm.__version__


def test_observers_are_told_after_the_commit(db: crm.Crm) -> None:
    told: list[crm.Commit] = []
    with db.observe(told.append):
        ann = db.contacts.create(given_name="Ann")
        db.contacts.create_many([{"given_name": "Bob"}, {"given_name": "Cy"}])
    db.contacts.patch(ann.id, given_name="Anna")
    assert [commit.last_seq - commit.first_seq for commit in told] == [0, 1]
    changes = list(db.changes(told[0].first_seq - 1))
    assert changes[0].record_id == ann.id
    assert changes[1].transaction == changes[2].transaction == told[1].first_seq


def test_an_observer_may_read_and_not_write(db: crm.Crm) -> None:
    seen: list[object] = []

    def callback(_: crm.Commit) -> None:
        seen.append(db.contacts.count())
        try:
            db.contacts.create(given_name="Echo")
        except crm.ReentrantError as error:
            seen.append(error.kind)

    observer = db.observe(callback)
    db.contacts.create(given_name="Ann")
    observer.close()
    observer.close()
    assert seen == [1, "reentrant"]
    assert db.contacts.count() == 1


def test_what_an_observer_raises_does_not_reach_the_writer(
    db: crm.Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[str] = []
    monkeypatch.setattr("sys.unraisablehook", lambda info: raised.append(str(info.exc_value)))

    def callback(_: crm.Commit) -> None:
        raise ValueError("mine")

    observer = db.observe(callback)
    db.contacts.create(given_name="Ann")
    observer.close()
    assert raised == ["mine"]
    assert db.contacts.count() == 1


def test_a_forgotten_observer_ends(db: crm.Crm) -> None:
    told: list[crm.Commit] = []
    observer = db.observe(told.append)
    del observer
    db.contacts.create(given_name="Ann")
    assert told == []


def test_an_observer_that_refers_to_the_file_is_collected_with_it(path: Path) -> None:
    class App:
        def __init__(self) -> None:
            self.told: list[crm.Commit] = []
            self.db = crm.open(path)
            self.observer = self.db.acting_as("user:17").observe(self.on_commit)

        def on_commit(self, commit: crm.Commit) -> None:
            self.told.append(commit)

    app = App()
    gc.collect()
    app.db.contacts.create(given_name="Ann")
    assert len(app.told) == 1
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None
    with crm.open(path) as db:
        assert db.contacts.count() == 1


def test_a_key_needs_a_build_that_encrypts(path: Path) -> None:
    def key() -> bytes:
        raise AssertionError("nobody asks")

    with pytest.raises(crm.InvalidArgumentError) as caught:
        crm.open(path, key=key)
    assert caught.value.field == "key" and "sqlcipher" in (caught.value.hint or "")
    assert not path.exists()
    crm.open(path).close()
    before = path.read_bytes()
    with pytest.raises(crm.InvalidArgumentError, match="encrypts no files"):
        crm.rekey(path, key=None, new_key=key)
    assert path.read_bytes() == before
    with pytest.raises(crm.InvalidArgumentError, match="a function") as caught:
        crm.open(path, key=bytes(32))  # type: ignore[arg-type]
    assert caught.value.field == "key"
