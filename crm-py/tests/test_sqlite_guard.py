"""The standard library's sqlite3 beside an open file."""

from __future__ import annotations

import os
import sqlite3
import warnings
from pathlib import Path

import crm
import pytest


@pytest.mark.parametrize("how", ["str", "bytes", "path", "uri", "link", "relative"])
def test_opening_a_held_file_warns(path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with crm.open(path) as db:
        db.contacts.create(given_name="Ann")
        link = path.parent / "link.crm"
        link.symlink_to(path)
        monkeypatch.chdir(path.parent)
        names: dict[str, str | bytes | Path] = {
            "str": str(path),
            "bytes": os.fsencode(path),
            "path": path,
            "uri": f"file:{path}?mode=ro",
            "link": str(link),
            "relative": path.name,
        }
        # Warnings are errors here, so that the file is not opened at all.
        with pytest.raises(crm.UnsafeSQLiteWarning, match="Crm.backup"):
            sqlite3.connect(names[how], uri=how == "uri")
        db.contacts.create(given_name="Bob")
        assert db.verify().is_ok


def test_other_files_and_closed_ones_do_not_warn(path: Path, tmp_path: Path) -> None:
    with crm.open(path) as db:
        sqlite3.connect(tmp_path / "other.db").close()
        sqlite3.connect(":memory:").close()
        db.backup(tmp_path / "copy.crm")
        sqlite3.connect(tmp_path / "copy.crm").close()
    sqlite3.connect(path).close()


def test_a_warning_that_is_ignored_does_no_harm(path: Path) -> None:
    with crm.open(path) as db:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", crm.UnsafeSQLiteWarning)
            other = sqlite3.connect(path)
        assert other.execute("select count(*) from contact").fetchone() == (0,)
        other.close()
        for n in range(100):
            db.contacts.create(given_name=f"{n}")
    with crm.open(path) as db:
        assert db.contacts.count() == 100


def test_a_handle_that_was_forgotten_no_longer_warns(path: Path) -> None:
    db = crm.open(path)
    del db
    sqlite3.connect(path).close()
