"""Records, as a user of the package meets them."""

from __future__ import annotations

import copy
import datetime
import decimal
import pickle
import uuid
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import crm
import pytest
from crm import Attribute, Kind

ALL_KINDS = [
    Attribute("text_", Kind.TEXT),
    Attribute("long_", Kind.LONG_TEXT),
    Attribute("choice_", Kind.CHOICE, options=["a", "b"]),
    Attribute("choices_", Kind.CHOICES, options=["x", "y", "z"]),
    Attribute("checkbox_", Kind.CHECKBOX),
    Attribute("integer_", Kind.INTEGER),
    Attribute("decimal_", Kind.DECIMAL, scale=3),
    Attribute("real_", Kind.REAL),
    Attribute("money_", Kind.MONEY),
    Attribute("date_", Kind.DATE),
    Attribute("timestamp_", Kind.TIMESTAMP),
    Attribute("address_", Kind.ADDRESS),
    Attribute("rating_", Kind.RATING),
    Attribute("file_", Kind.FILE),
    Attribute("reference_", Kind.REFERENCE, target="company"),
]


@pytest.fixture
def things(db: crm.Crm) -> crm.Records:
    db.types.define("thing", ALL_KINDS)
    return db.records("thing")


def test_every_kind_comes_back_in_its_python_type(db: crm.Crm, things: crm.Records) -> None:
    acme = db.companies.create(name="Acme")
    note = db.files.add(b"hello", name="note.txt", media_type="text/plain")
    values: dict[str, crm.Value] = {
        "text_": "Grüße 🙂",
        "long_": "a\nb",
        "choice_": "a",
        "choices_": ["x", "z"],
        "checkbox_": True,
        "integer_": 2**63 - 1,
        "decimal_": Decimal("12.340"),
        "real_": 1.5,
        "money_": crm.Money("19.90", "EUR"),
        "date_": datetime.date(2024, 2, 29),
        "timestamp_": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC),
        "address_": crm.Address(city="Ulm", country="DE"),
        "rating_": 5,
        "file_": note,
        "reference_": acme.id,
    }
    stored = things.create(values)
    assert stored.values == values
    assert {name: type(value) for name, value in stored.values.items()} == {
        name: type(value) for name, value in values.items()
    }
    assert things.get(stored.id) == stored
    entry = next(things.history(stored.id))
    assert entry.values == values


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("timestamp_", datetime.datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")),
         datetime.datetime(2024, 7, 1, 10, tzinfo=datetime.UTC)),
        ("timestamp_", "2024-07-01T12:00:00+02:00",
         datetime.datetime(2024, 7, 1, 10, tzinfo=datetime.UTC)),
        # Local mean time: an offset with seconds, which the wire has no form for.
        ("timestamp_", datetime.datetime(1880, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
         datetime.datetime(1879, 12, 31, 23, 6, 32, tzinfo=datetime.UTC)),
        ("timestamp_", "2024-07-01T10:00:00.5Z",
         datetime.datetime(2024, 7, 1, 10, 0, 0, 500000, tzinfo=datetime.UTC)),
        ("date_", "0001-01-01", datetime.date(1, 1, 1)),
        ("decimal_", "1e0", None),
        ("decimal_", Decimal("1E+2"), Decimal("100.000")),
        ("decimal_", 7, Decimal("7.000")),
        ("choices_", ("z", "x", "z"), ["x", "z"]),
        ("choices_", {"y"}, ["y"]),
        ("choices_", [], None),
        ("real_", 2**70, float(2**70)),
        ("real_", -0.0, 0.0),
        ("money_", {"amount": 5, "currency": "jpy"}, crm.Money("5", "JPY")),
        ("address_", {"city": "Ulm"}, crm.Address(city="Ulm")),
        ("text_", "", None),
    ],
)
def test_what_may_be_handed_in(
    things: crm.Records, name: str, given: crm.Value, stored: object
) -> None:
    if name == "decimal_" and given == "1e0":
        with pytest.raises(crm.InvalidValueError):
            things.create({name: given})
        return
    assert things.create({name: given})[name] == stored


class Level(IntEnum):
    HIGH = 4


class Letter(StrEnum):
    A = "a"


def test_enumerations_are_their_values(things: crm.Records) -> None:
    thing = things.create(rating_=Level.HIGH, choice_=Letter.A)
    assert (type(thing["rating_"]), type(thing["choice_"])) == (int, str)
    assert (thing["rating_"], thing["choice_"]) == (4, "a")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("timestamp_", datetime.datetime(2024, 1, 1), crm.InvalidValueError),
        ("timestamp_", datetime.datetime(1, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
         crm.OutOfRangeError),
        ("real_", float("nan"), crm.InvalidValueError),
        ("real_", 10**400, crm.InvalidValueError),
        ("integer_", 2**63, crm.WrongKindError),
        ("integer_", 2**64, crm.WrongKindError),
        ("integer_", 1.5, crm.WrongKindError),
        ("integer_", True, crm.WrongKindError),
        ("text_", b"bytes", crm.WrongKindError),
        ("text_", object(), crm.WrongKindError),
        ("text_", "a\0b", crm.InvalidValueError),
        ("text_", "\ud800", crm.InvalidArgumentError),
        ("decimal_", Decimal("NaN"), crm.InvalidValueError),
        ("money_", crm.Money("1.234", "EUR"), crm.InvalidValueError),
        ("reference_", uuid.UUID(int=0), crm.NotFoundError),
    ],
)
def test_what_does_not_fit_names_the_attribute(
    things: crm.Records, name: str, value: crm.Value, error: type[crm.CrmError]
) -> None:
    with pytest.raises(error) as caught:
        things.create({name: value})
    assert caught.value.field is not None
    assert caught.value.field.removeprefix("values.") == name
    assert things.count() == 0


def test_a_float_is_no_amount() -> None:
    with pytest.raises(crm.WrongKindError, match="exact"):
        crm.Money(19.9, "EUR")  # type: ignore[arg-type]
    with pytest.raises(crm.InvalidValueError):
        crm.Money("a lot", "EUR")
    assert decimal.getcontext().flags[decimal.FloatOperation] is False


def test_a_record_stands_for_a_reference(db: crm.Crm) -> None:
    acme = db.companies.create(name="Acme")
    ann = db.contacts.create(given_name="Ann", company=acme)
    assert ann["company"] == acme.id
    assert db.contacts.list(company=acme).records == (ann,)


def test_reading_a_value(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann", country="de")
    assert ann["given_name"] == "Ann"
    assert ann["email"] is None
    assert ann.get("email", "none") == "none"
    assert ann.typed == {"country": "de"}
    with pytest.raises(KeyError, match="contact has no attribute 'emial'; did you mean 'email'"):
        ann["emial"]


def test_a_type_that_changes_under_the_readers(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann")
    with pytest.raises(KeyError):
        ann["birth_hour"]
    db.types.define_attribute("contact", Attribute("seen_at", Kind.TIMESTAMP))
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    assert db.contacts.get(ann.id)["seen_at"] is None
    assert db.acting_as("user:1").contacts.patch(ann.id, seen_at=moment)["seen_at"] == moment
    db.types.archive_attribute("contact", "seen_at")
    later = db.contacts.get(ann.id)
    with pytest.raises(KeyError):
        later["seen_at"]
    db.types.restore_attribute("contact", "seen_at")
    assert [entry.values.get("seen_at") for entry in db.contacts.history(ann.id)] == [None, moment]


def test_patching_and_versions(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann", email="ann@example.org")
    changed = db.contacts.patch(ann.id, {"job_title": "CFO"}, email=None, expected_version=1)
    assert (changed["job_title"], changed["email"], changed.version) == ("CFO", None, 2)
    with pytest.raises(crm.StaleVersionError) as caught:
        db.contacts.patch(ann.id, job_title="CEO", expected_version=1)
    assert caught.value.field == "expected_version"
    assert db.contacts.get(str(ann.id)) == changed


def test_archiving(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann")
    archived = db.contacts.archive(ann.id, expected_version=1)
    assert archived.archived_at is not None
    assert (db.contacts.count(), db.contacts.count(archived="only")) == (0, 1)
    with pytest.raises(crm.ArchivedError):
        db.contacts.patch(ann.id, given_name="Anna")
    assert db.contacts.restore(ann.id).archived_at is None


def test_looking_up(db: crm.Crm) -> None:
    ann = db.contacts.create(email="ann@example.org")
    assert db.contacts.get_by(email="ann@EXAMPLE.org") == ann
    found = db.contacts.get_many(["bob@example.org", "ann@example.org"], "email")
    assert found == [None, ann]
    assert db.contacts.get_many([ann.id, ann]) == [ann, ann]
    assert ann.id in db.contacts
    assert ann in db.contacts
    assert ann.id not in db.companies
    with pytest.raises(crm.NotFoundError):
        db.contacts.get(uuid.uuid4())
    with pytest.raises(crm.InvalidArgumentError):
        db.contacts.get_by(email="a@example.org", phone="+4930123456")


def test_upserting(db: crm.Crm) -> None:
    first = db.contacts.upsert("email", email="ann@example.org", given_name="Ann")
    again = db.contacts.upsert("email", {"email": "ann@example.org"}, given_name="Ann")
    other = db.contacts.upsert("email", email="ann@example.org", given_name="Anna")
    assert [first.outcome, again.outcome, other.outcome] == ["created", "unchanged", "updated"]
    assert again.record == first.record
    assert other.record["given_name"] == "Anna"


def test_lists_pages_and_iteration(db: crm.Crm) -> None:
    report = db.companies.create_many({"name": f"Company {n:02}"} for n in range(25))
    assert (report.failed, report.is_committed) == (0, True)
    page = db.companies.list(limit=10, order="name", descending=True)
    assert [record["name"] for record in page][:2] == ["Company 24", "Company 23"]
    rest = db.companies.list(limit=20, order="name", descending=True, after=page.next)
    assert (len(rest), rest.next) == (15, None)
    assert [record["name"] for record in db.companies] == [f"Company {n:02}" for n in range(25)]
    assert [record["name"] for record in db.companies.iterate({"name": "Company 07"})] == [
        "Company 07"
    ]
    assert db.companies.count(name="Company 07") == 1


def test_iteration_goes_on_over_pages(db: crm.Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.records.SCAN_PAGE", 3)
    monkeypatch.setattr("crm.database.JOURNAL_PAGE", 3)
    acme = db.companies.create(name="Acme 0")
    for n in range(1, 8):
        db.companies.create(name=f"Other {n}")
        db.companies.patch(acme.id, name=f"Acme {n}")
    assert len(list(db.companies)) == 8
    names = [entry.values["name"] for entry in db.companies.history(acme.id, "name")]
    assert names == [f"Acme {n}" for n in range(8)]
    seqs = [change.seq for change in db.changes()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert [change.seq for change in db.changes(seqs[-3])] == seqs[-2:]


def test_batches_report_each_row(db: crm.Crm) -> None:
    rows: list[dict[str, crm.Value]] = [
        {"email": "a@example.org"},
        {"email": "no address"},
        {"email": "a@example.org"},
    ]
    report = db.contacts.create_many(rows)
    assert [outcome.outcome for outcome in report.outcomes] == ["created", "failed", "failed"]
    problems = [outcome.problem.kind for outcome in report.outcomes if outcome.problem]
    assert problems == ["invalid_value", "duplicate"]
    assert db.contacts.count() == 1
    report = db.contacts.create_many([{"email": "b@example.org"}, *rows], all_or_nothing=True)
    assert (report.is_committed, db.contacts.count()) == (False, 1)
    report = db.contacts.upsert_many("email", [{"email": "a@example.org", "given_name": "Ann"}])
    assert report.outcomes[0].outcome is crm.Outcome.UPDATED


def test_a_batch_with_a_value_of_no_use_names_its_place(db: crm.Crm) -> None:
    rows: list[dict[str, crm.Value]] = [{}, {"birthday": datetime.datetime(2024, 1, 1)}]
    with pytest.raises(crm.InvalidValueError) as caught:
        db.contacts.create_many(rows)
    assert caught.value.field == "changes[1].birthday"
    assert db.contacts.count() == 0


def test_a_batch_of_every_kind_of_change(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann")
    report = db.apply(
        [
            crm.CreateRecord(type="contact", values={"given_name": "Bob"}),
            crm.PatchRecord(type="contact", id=ann.id, values={"given_name": "Anna"}),
            crm.UpsertRecord(type="contact", key="email", values={"email": "c@example.org"}),
            crm.ArchiveRecord(type="contact", id=ann.id, expected_version=2),
            crm.RestoreRecord(type="contact", id=str(ann.id)),
        ]
    )
    assert [outcome.outcome for outcome in report.outcomes] == [
        "created", "updated", "created", "archived", "restored",
    ]  # fmt: skip
    assert report.outcomes[4].id == ann.id
    assert report.outcomes[4].version == 4


def test_history_tells_who_and_why(replayed: crm.Crm) -> None:
    ann = replayed.contacts.create(given_name="Ann")
    replayed.acting_as("user:17", "call").contacts.patch(ann.id, given_name=None)
    first, second = replayed.contacts.history(ann.id)
    assert (first.actor, first.cause, first.kind) == ("host", None, crm.ChangeKind.RECORD_CREATED)
    assert (second.actor, second.cause, second.version) == ("user:17", "call", 2)
    assert second.values == {"given_name": None}
    assert first.at < second.at
    page = replayed.contacts.history_page(ann.id, limit=1)
    assert (list(page), page.next) == ([first], first.seq)


def test_records_pickle_and_copy_and_hash(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann", address=crm.Address(city="Ulm"))
    again = pickle.loads(pickle.dumps(ann))
    assert again == ann
    assert (again["address"], again["email"]) == (crm.Address(city="Ulm"), None)
    assert copy.deepcopy(ann) == ann
    assert len({ann, again}) == 1


def test_a_handle_does_not_pickle(db: crm.Crm) -> None:
    with pytest.raises(TypeError, match="open its path"):
        pickle.dumps(db)
    with pytest.raises(TypeError, match="open its path"):
        copy.copy(db)


def test_files_are_read_in_pieces(db: crm.Crm) -> None:
    content = bytes(range(256)) * 12_000
    file = db.files.add(bytearray(content), name="all.bin")
    assert (file.size, file.media_type) == (len(content), "application/octet-stream")
    assert db.files.read(file) == content
    with db.files.open(file.hash) as stored:
        assert stored.seek(-4, 2) == len(content) - 4
        assert stored.read() == bytes([252, 253, 254, 255])
        assert stored.read() == b""
        stored.seek(256)
        assert stored.read(3) == bytes([0, 1, 2])
    assert db.files.read_piece(file, len(content), 10).content == b""
    with pytest.raises(crm.NotFoundError):
        db.files.read("0" * 64)
    with pytest.raises(crm.InvalidValueError):
        db.files.add(b"", name="a/b")


def test_a_file_is_found_again(path: Path) -> None:
    with crm.open(path, actor="user:1", durability=crm.Durability.RELAXED) as db:
        ann = db.contacts.create(given_name="Ann")
        assert db.path == str(path)
        with pytest.raises(crm.InUseError):
            crm.open(path)
    with crm.open(str(path), read_only=True) as db:
        assert db.contacts.get(ann.id) == ann
        with pytest.raises(crm.ReadOnlyError):
            db.contacts.create(given_name="Bob")


def test_a_derived_handle_leaves_the_file_open(db: crm.Crm) -> None:
    with db.acting_as("user:17") as other:
        other.contacts.create(given_name="Ann")
        assert (other.actor, db.actor) == ("user:17", "host")
    assert db.contacts.count() == 1
    other.close()
    with pytest.raises(crm.ClosedError):
        db.contacts.count()


def test_replayed_runs_are_equal() -> None:
    def run() -> crm.Record:
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        with crm.open(replay=crm.Replay(start=start, step_micros=1000)) as db:
            return db.contacts.create(given_name="Ann")

    assert run() == run()
