"""Errors: one exception for each kind, and none that says too much."""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path
from typing import Any

import crm
import pytest
from crm import _native, errors

KINDS = _native.error_kinds()


def test_the_enumeration_is_the_engines() -> None:
    assert [kind.value for kind in crm.ErrorKind] == [name for _, name in KINDS]


@pytest.mark.parametrize(("code", "name"), KINDS)
def test_every_kind_has_its_exception(code: int, name: str) -> None:
    error = errors.from_engine(name, code, "a message", "field", "a hint")
    assert type(error) is not crm.CrmError
    assert type(error).__name__ in crm.__all__
    assert (error.kind, error.code) == (name, code)
    assert isinstance(error.kind, crm.ErrorKind)
    assert str(error) == "field: a message (a hint)"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.kind, again.code) == (str(error), error.kind, error.code)


def test_a_kind_of_a_newer_engine_is_a_plain_error() -> None:
    error = errors.from_engine("too_blue", 99, "a message", None, None)
    assert type(error) is crm.CrmError
    assert (error.kind, error.code, str(error)) == ("too_blue", 99, "a message")
    assert pickle.loads(pickle.dumps(error)).kind == "too_blue"


@pytest.mark.parametrize(
    ("error", "natural"),
    [
        (crm.NotFoundError, LookupError),
        (crm.InvalidArgumentError, ValueError),
        (crm.WrongKindError, TypeError),
        (crm.TimedOutError, TimeoutError),
        (crm.ReadOnlyError, PermissionError),
        (crm.IoError, OSError),
    ],
)
def test_natural_base_classes(error: type[Exception], natural: type[Exception]) -> None:
    assert issubclass(error, natural)
    assert str(error("a message")) == "a message"


def test_an_error_of_the_engine_has_all_its_parts(db: crm.Crm) -> None:
    with pytest.raises(crm.UnknownAttributeError) as caught:
        db.contacts.create(emial="secret@example.org")
    error = caught.value
    assert (error.kind, error.code, error.field) == ("unknown_attribute", 4, "emial")
    assert error.hint == 'did you mean "email"?'
    assert "secret" not in str(error)


def test_a_panic_is_an_internal_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(crm.InternalError):
        _native.panic()
    assert "on request" in capfd.readouterr().err


def test_bad_requests_through_the_private_door(db: crm.Crm) -> None:
    with pytest.raises(crm.UnknownOperationError) as unknown:
        db._engine.call("record.create", {})
    assert unknown.value.hint == 'did you mean "records.create"?'
    with pytest.raises(crm.InvalidArgumentError) as caught:
        db._engine.call("records.count", {"type": "contact", "typo": "secret"})
    assert caught.value.field == "typo"
    assert "secret" not in str(caught.value)
    for request in ([1], "text", {1: 2}, object(), {"type": object()}):
        with pytest.raises(crm.InvalidArgumentError):
            db._engine.call("records.count", request)


def test_bad_options(path: Path) -> None:
    with pytest.raises(crm.InvalidArgumentError):
        crm.open(durability="sometimes")
    with pytest.raises(crm.InvalidArgumentError):
        crm.open(actor="")
    with pytest.raises(crm.InvalidArgumentError) as refused:
        crm.open(7)  # type: ignore[arg-type]
    assert refused.value.field == "path"


def test_files_that_are_not_ours(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(4096))
    with pytest.raises((crm.NotOurFileError, crm.CorruptError)) as refused:
        crm.open(path)
    assert refused.value.field == "path" and refused.value.hint
    path.write_text("a letter to Ann " * 300)
    with pytest.raises(crm.NotOurFileError) as refused:
        crm.open(path)
    assert refused.value.field == "path" and refused.value.hint
    assert path.read_text().startswith("a letter to Ann")
    with pytest.raises(crm.IoError) as nowhere:
        crm.open(path.parent / "nowhere" / "x.crm")
    assert nowhere.value.field == "path" and nowhere.value.hint
    with crm.open(path.parent / "y.crm"), pytest.raises(crm.InUseError) as in_use:
        crm.open(path.parent / "y.crm")
    assert in_use.value.field == "path" and in_use.value.hint


def test_a_closed_handle_says_so(db: crm.Crm) -> None:
    db.close()
    db.close()
    for call in (db.stats, db.types.list, db.contacts.count, lambda: db.sql("select 1")):
        with pytest.raises(crm.ClosedError):
            call()


def test_a_moment_without_a_zone_is_named_by_its_argument(db: crm.Crm) -> None:
    naive = datetime.datetime(2026, 1, 31, 12)
    db.lifecycles.define_preset("deal")
    deal = db.deals.create(name="Ten chairs")
    db.activity_kinds.define_preset("call")
    company = db.companies.create(name="Acme")
    for field, call in (
        ("at", lambda: db.lifecycles.move("deal", deal.id, "proposal", at=naive)),
        ("at", lambda: db.lifecycles.reset("deal", deal.id, "qualification", "x", at=naive)),
        ("from", lambda: db.lifecycles.funnel("deal", from_=naive)),
        ("at", lambda: db.query.select("deal", ["name"], at=naive)),
        ("at", lambda: db.activities.record(kind="call", subject=company, at=naive)),
        (
            "activities[0].at",
            lambda: db.activities.record_many(
                [crm.NewActivity(kind="call", subject=company, at=naive)]
            ),
        ),
        (
            "consents[0].at",
            lambda: db.consents.record_many(
                [crm.NewConsent(kind="withdrawn", subject=company, at=naive)]
            ),
        ),
    ):
        with pytest.raises(crm.InvalidValueError) as raised:
            call()
        assert raised.value.field == field
        assert raised.value.hint is not None


def test_what_is_of_a_wrong_type_is_named_by_its_argument(db: crm.Crm) -> None:
    five: Any = 5
    company = db.companies.create(name="Acme")
    db.activity_kinds.define_preset("call")
    for field, call in (
        ("columns", lambda: db.query.select("company", five)),
        ("columns[0]", lambda: db.query.select("company", [five])),
        ("columns", lambda: next(db.query.iterate("company", five))),
        ("order", lambda: db.query.select("company", ["name"], order=five)),
        ("order[0]", lambda: db.companies.table("name", order=[five])),
        ("subject", lambda: db.activities.list(subject=five)),
        ("kinds", lambda: db.activities.list(subject=company, kinds=five)),
        ("kinds[0]", lambda: db.activities.list(subject=company, kinds=[five])),
        ("activities", lambda: db.activities.record_many(five)),
        ("activities[0].activity", lambda: db.activities.record_many([five])),
        ("consents", lambda: db.consents.record_many(five)),
        ("uses[0]", lambda: db.consents.record_uses([five])),
        ("changes", lambda: db.apply(five)),
        ("changes[0]", lambda: db.apply([five])),
        ("keys", lambda: db.companies.get_many(five)),
        ("from", lambda: db.associations.add("employed_by", five, company)),
        ("to", lambda: db.associations.add("employed_by", company, five)),
        ("types", lambda: db.search("acme", types=five)),
    ):
        with pytest.raises(crm.InvalidArgumentError) as raised:
            call()
        assert raised.value.field == field
    # One name is a name, and not its letters.
    assert len(db.activities.list(subject=company, kinds="call")) == 0
