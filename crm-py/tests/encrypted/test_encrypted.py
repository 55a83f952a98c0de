"""Encrypted files. The module is built with the feature `sqlcipher`."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import crm
import pytest

NEEDLE = b"q7zneedle"


def key(number: int) -> crm.KeySource:
    """Tell the same key for ever."""
    return lambda: bytes([number]) * 32


def tells(folder: Path) -> Iterator[str]:
    """Name the files that say what is in them."""
    for file in folder.iterdir():
        content = file.read_bytes()
        if NEEDLE in content or content.startswith(b"SQLite format 3"):
            yield file.name


@pytest.fixture
def encrypted(path: Path) -> Path:
    """An encrypted file with one person in it."""
    with crm.open(path, key=key(1), durability="relaxed") as db:
        db.contacts.create(given_name="q7zneedle", email="ann@example.org")
        assert [*tells(path.parent)] == []
    return path


def test_a_file_opens_with_its_key_and_with_no_other(encrypted: Path) -> None:
    assert [*tells(encrypted.parent)] == []
    before = encrypted.read_bytes()
    for read_only in [False, True]:
        with pytest.raises(crm.WrongKeyError) as wrong:
            crm.open(encrypted, key=key(2), read_only=read_only)
        assert wrong.value.field == "key"
        with pytest.raises(crm.NotOurFileError, match="encrypted"):
            crm.open(encrypted, read_only=read_only)
    assert encrypted.read_bytes() == before
    sources: list[crm.KeySource] = [key(1), lambda: bytearray(b"\1" * 32)]
    for source in sources:
        with crm.open(encrypted, key=source) as db:
            assert db.contacts.get_by(email="ann@example.org")["given_name"] == "q7zneedle"
            assert db.verify().is_ok


def test_a_backup_has_the_key_of_the_file(encrypted: Path, tmp_path: Path) -> None:
    with crm.open(encrypted, key=key(1)) as db:
        db.backup(tmp_path / "copy.crm")
    with pytest.raises(crm.WrongKeyError):
        crm.open(tmp_path / "copy.crm", key=key(2))
    with crm.open(tmp_path / "copy.crm", key=key(1)) as db:
        assert db.contacts.count() == 1


@pytest.mark.parametrize("answer", [b"", bytes(31), bytes(33), bytearray(16), "correct horse", None, 7])
def test_a_key_is_32_bytes(encrypted: Path, answer: object) -> None:
    before = encrypted.read_bytes()

    def source() -> bytes:
        return answer  # type: ignore[return-value]

    for attempt in attempts(encrypted, source):
        with pytest.raises(crm.InvalidArgumentError) as caught:
            attempt()
        assert caught.value.field in {"key", "new_key"}
        assert "horse" not in str(caught.value)
    assert encrypted.read_bytes() == before


def test_what_a_key_source_raises_comes_out(encrypted: Path) -> None:
    locked = KeyError("the key ring is locked")

    def source() -> bytes:
        raise locked

    before = encrypted.read_bytes()
    for attempt in attempts(encrypted, source):
        with pytest.raises(KeyError) as caught:
            attempt()
        assert caught.value is locked
    assert encrypted.read_bytes() == before


def attempts(path: Path, source: crm.KeySource) -> list[Callable[[], object]]:
    """List what asks for a key."""
    return [
        lambda: crm.open(path, key=source),
        lambda: crm.rekey(path, key=source, new_key=None),
        lambda: crm.rekey(path, key=key(1), new_key=source),
    ]


def test_the_key_is_asked_for_later_too(encrypted: Path) -> None:
    is_locked = False
    asked: set[int] = set()

    def source() -> bytes:
        asked.add(threading.get_ident())
        if is_locked:
            raise KeyError
        return b"\1" * 32

    with crm.open(encrypted, key=source) as db:
        is_locked = True
        with pytest.raises(KeyError):
            db.sql("select 1")
        is_locked = False
        thread = threading.Thread(target=lambda: db.sql("select 1"))
        thread.start()
        thread.join()
        assert db.sql("select count(*) from contact").rows == ((1,),)
    assert len(asked) == 2


def test_a_key_source_is_let_go_with_the_file(encrypted: Path) -> None:
    class Source:
        def __call__(self) -> bytes:
            return b"\1" * 32

        def __del__(self) -> None:
            gone.set()

    gone = threading.Event()
    db = crm.open(encrypted, key=Source())
    assert not gone.is_set()
    db.close()
    assert gone.wait(5)


def test_a_source_that_refers_to_the_file_goes_with_it_when_that_is_closed(encrypted: Path) -> None:
    class App:
        def __init__(self) -> None:
            self.db = crm.open(encrypted, key=self.key)

        def key(self) -> bytes:
            return b"\1" * 32

    app = App()
    assert app.db.contacts.count() == 1
    gone = weakref.ref(app)
    app.db.close()
    del app
    gc.collect()
    assert gone() is None


def test_a_source_that_refers_to_the_file_is_collected_with_it(encrypted: Path) -> None:
    class App:
        def __init__(self) -> None:
            self.db = crm.open(encrypted, key=self.key)
            self.imports = self.db.acting_as("import:web")

        def key(self) -> bytes:
            return b"\1" * 32

    app = App()
    gc.collect()
    imports, gone = app.imports, weakref.ref(app)
    del app
    gc.collect()
    # A handle on the same file needs the key for what it opens anew.
    threads = [threading.Thread(target=imports.sql, args=("select 1",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    imports.contacts.create(given_name="Bob")
    assert gone() is not None
    del imports
    gc.collect()
    assert gone() is None
    assert [file.name for file in encrypted.parent.iterdir()] == [encrypted.name]
    with crm.open(encrypted, key=key(1)) as db:
        assert db.contacts.count() == 2


def test_a_key_for_a_plain_file_is_refused(path: Path) -> None:
    crm.open(path).close()
    with pytest.raises(crm.InvalidArgumentError) as caught:
        crm.open(path, key=key(1))
    assert caught.value.field == "key"


def test_another_key_a_first_one_and_none(encrypted: Path) -> None:
    told: list[crm.Progress] = []
    crm.rekey(encrypted, key=key(1), new_key=key(2), progress=told.append)
    assert told[-1].done == told[-1].total
    with pytest.raises(crm.WrongKeyError):
        crm.open(encrypted, key=key(1))
    crm.rekey(encrypted, key=key(2), new_key=None)
    assert [*tells(encrypted.parent)] == ["acme.crm"]
    with crm.open(encrypted) as db:
        assert db.contacts.count() == 1
    crm.rekey(encrypted, key=None, new_key=key(3))
    assert [*tells(encrypted.parent)] == []
    with crm.open(encrypted, key=key(3)) as db:
        assert db.contacts.count() == 1
        with pytest.raises(crm.InUseError):
            crm.rekey(encrypted, key=key(3), new_key=None)


def test_who_cancels_keeps_the_file(encrypted: Path) -> None:
    before = encrypted.read_bytes()
    with pytest.raises(crm.InterruptError):
        crm.rekey(encrypted, key=key(1), new_key=key(2), progress=lambda _: False)

    def fail(_: crm.Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crm.rekey(encrypted, key=key(1), new_key=None, progress=fail)
    with pytest.raises(crm.WrongKeyError):
        crm.rekey(encrypted, key=key(2), new_key=key(1))
    with pytest.raises(crm.InvalidArgumentError):
        crm.rekey(encrypted, key=None, new_key=None)
    assert encrypted.read_bytes() == before
    assert [file.name for file in encrypted.parent.iterdir()] == ["acme.crm"]
