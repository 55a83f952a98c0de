"""The chain of the journal, checked by a program that knows the storage format only."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import crm
import pytest

Row = tuple[object, ...]

ROWS = """
    SELECT j.seq, j.device_seq, j.hlc, j.tx, d.uuid, a.commitment, j.kind, j.entity_type,
           j.record_id, j.salt, j.cause, j.body, j.commitment, j.hash, a.id, a.name, a.salt
    FROM crm_journal j JOIN crm_device d ON d.id = j.device JOIN crm_actor a ON a.id = j.actor
    ORDER BY j.seq"""


def number(value: object) -> bytes:
    assert isinstance(value, int)
    return value.to_bytes(8, "big", signed=True)


def part(value: object) -> bytes:
    """What has a length has it before itself; nothing at all is a length that cannot be."""
    if value is None:
        return b"\xff" * 4
    data = value.encode() if isinstance(value, str) else value
    assert isinstance(data, bytes)
    return len(data).to_bytes(4, "big") + data


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def content(salt: object, cause: object, body: object) -> bytes:
    return sha256(b"crm.journal.content.v1", part(salt), part(cause), part(body))


def actor(salt: object, name: object) -> bytes:
    return sha256(b"crm.journal.actor.v1", part(salt), part(name))


def link(before: bytes, numbers: Row, parts: Row, commitment: bytes) -> bytes:
    header = b"".join([*map(number, numbers), *map(part, parts)])
    return sha256(b"crm.journal.link.v1", before, part(header), commitment)


def check(path: Path) -> tuple[bytes, int, int | None]:
    """Return the last hash, how many rows were erased, and the first place that does not fit."""
    connection = sqlite3.connect(path)
    before, erased, last = bytes(32), 0, 0
    try:
        for row in connection.execute(ROWS):
            numbers, parts, (salt, cause, body, kept, stored, who, name, name_salt) = (
                row[:4],
                row[4:9],
                row[9:],
            )
            if salt is None:
                erased += 1
                fits = (cause, body) == (None, "{}")
                commitment = kept
            else:
                fits = kept is None
                commitment = content(salt, cause, body)
            if name_salt is None:
                fits &= name == f"erased:{who}"
            else:
                fits &= actor(name_salt, name) == row[5]
            fits &= numbers[0] == last + 1 and stored == link(before, numbers, parts, commitment)
            if not fits:
                return before, erased, numbers[0]
            before, last = stored, numbers[0]
    finally:
        connection.close()
    return before, erased, None


def copy_of_a_file(folder: Path) -> tuple[Path, crm.JournalHead]:
    path = folder / "copy.crm"
    with crm.open(folder / "a.crm") as db:
        ann = db.contacts.create(given_name="Ann Müller")
        bob = db.acting_as("user:bob", cause="a call")
        bob.contacts.patch(ann.id, job_title="CFO")
        bob.contacts.archive(ann.id)
        db.backup(path)
        head = db.journal.head()
        assert db.journal.verify(head).is_ok
    return path, head


def test_a_third_party_comes_to_the_same_head(tmp_path: Path) -> None:
    path, head = copy_of_a_file(tmp_path)
    assert check(path) == (bytes.fromhex(head.hash), 0, None)


@pytest.mark.parametrize(
    ("tampering", "offset"),
    [
        ("UPDATE crm_journal SET body = replace(body, 'CFO', 'CEO')", 1),
        ("UPDATE crm_journal SET cause = 'a letter' WHERE cause = 'a call'", 1),
        ("UPDATE crm_actor SET name = 'user:eve' WHERE name = 'user:bob'", 1),
        ("DELETE FROM crm_journal WHERE body LIKE '%CFO%'", 0),
    ],
)
def test_a_third_party_finds_what_the_engine_finds(
    tmp_path: Path, tampering: str, offset: int
) -> None:
    path, head = copy_of_a_file(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(tampering)
    connection.commit()
    connection.close()
    place = head.seq - offset
    assert check(path)[2] == place
    with crm.open(path) as db:
        report = db.journal.verify(head)
    assert (report.is_ok, report.broken_at) == (False, place)


def test_a_proof_is_checked_without_the_file(tmp_path: Path) -> None:
    with crm.open() as db:
        ann = db.contacts.create(given_name="Ann")
        (entry,) = db.contacts.history(ann.id)
        db.contacts.create(given_name="Bob")
        proof, head = db.journal.prove([entry.seq]), db.journal.head()
    assert proof.head == head
    before = bytes.fromhex(proof.before)
    for one in proof.links:
        commitment, who = bytes.fromhex(one.commitment), bytes.fromhex(one.actor)
        if one.content is not None:
            said = one.content
            assert commitment == content(bytes.fromhex(said.salt), said.cause, said.body)
            assert said.actor_salt is not None
            assert who == actor(bytes.fromhex(said.actor_salt), said.actor)
        device = bytes.fromhex(one.device.replace("-", ""))
        record = None if one.record_id is None else one.record_id.bytes
        numbers = (one.seq, one.device_seq, one.hlc, one.transaction)
        before = link(before, numbers, (device, who, one.kind, one.type, record), commitment)
    assert before.hex() == head.hash
    assert [one.content is not None for one in proof.links] == [True, False]
    assert "Bob" not in repr(proof)
