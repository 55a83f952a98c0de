"""Tables of other programs: polars, pandas, pyarrow and DuckDB, out and in."""

from __future__ import annotations

import datetime
import gc
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import crm
import duckdb
import pandas  # type: ignore[import-untyped]
import polars
import pyarrow  # type: ignore[import-untyped]
import pytest

KINDS = [
    crm.Attribute("text", crm.Kind.TEXT),
    crm.Attribute("choice", crm.Kind.CHOICE, options=["red", "blue"]),
    crm.Attribute("choices", crm.Kind.CHOICES, options=["red", "blue"]),
    crm.Attribute("checkbox", crm.Kind.CHECKBOX),
    crm.Attribute("integer", crm.Kind.INTEGER),
    crm.Attribute("decimal", crm.Kind.DECIMAL, scale=3),
    crm.Attribute("real", crm.Kind.REAL),
    crm.Attribute("money", crm.Kind.MONEY),
    crm.Attribute("date", crm.Kind.DATE),
    crm.Attribute("timestamp", crm.Kind.TIMESTAMP),
    crm.Attribute("email", crm.Kind.EMAIL),
    crm.Attribute("address", crm.Kind.ADDRESS),
    crm.Attribute("reference", crm.Kind.REFERENCE, target="company"),
]
NAMES = [attribute.name for attribute in KINDS]


@pytest.fixture
def file(path: Path) -> Iterator[crm.Crm]:
    """A file with records of every sort of kind: one full, one empty but for its text, one other."""
    with crm.open(path, durability="relaxed") as db:
        for name in ("row", "copy"):
            db.types.define(name, KINDS)
        acme = db.companies.create(name="Acme")
        rows = db.records("row")
        rows.create(
            text="Zoë 🙂",
            choice="red",
            choices=["blue", "red"],
            checkbox=True,
            integer=-(2**53),
            decimal=Decimal("-0.005"),
            real=1.5e-7,
            money=crm.Money("19.90", "EUR"),
            date=datetime.date(2024, 2, 29),
            timestamp=datetime.datetime(2026, 7, 31, 10, 0, 0, 1, tzinfo=datetime.UTC),
            email="ann@example.org",
            address=crm.Address(city="Ulm", country="DE"),
            reference=acme,
        )
        rows.create(text="nothing else")
        rows.create(text="yen", money=crm.Money("5", "JPY"), checkbox=False, choices=["red"])
        yield db


def values(db: crm.Crm, entity_type: str) -> list[Any]:
    return [record.values for record in db.records(entity_type)]


def by_pyarrow(table: crm.LazyTable) -> Any:
    return pyarrow.table(table)


def by_polars(table: crm.LazyTable) -> Any:
    return polars.DataFrame(table)


def by_pandas(table: crm.LazyTable) -> Any:
    return pandas.DataFrame.from_arrow(table)


def by_duckdb(records: crm.LazyTable) -> Any:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.sql("select * from records").to_arrow_table()


READERS = [by_pyarrow, by_polars, by_pandas, by_duckdb]


def test_a_column_has_the_type_of_its_kind(file: crm.Crm) -> None:
    schema = pyarrow.table(file.records("row").table(*NAMES)).schema
    assert schema.field("money").type == pyarrow.decimal128(23, 4)
    assert schema.field("decimal").type == pyarrow.decimal128(19, 3)
    assert schema.field("date").type == pyarrow.date32()
    assert schema.field("timestamp").type == pyarrow.timestamp("us", "UTC")
    assert schema.field("choices").type == pyarrow.list_(pyarrow.field("item", pyarrow.string()))
    assert schema.field("email").metadata == {b"crm.kind": b"email"}
    assert schema.field("money.currency").metadata[b"crm.part"] == b"currency"
    assert schema.metadata == {b"crm.type": b"row"}


def test_values_are_those_of_the_records(file: crm.Crm) -> None:
    full, empty, yen = pyarrow.table(file.records("row").table()).to_pylist()
    record = next(iter(file.records("row")))
    assert full["id"] == str(record.id)
    for name in ("text", "choice", "choices", "checkbox", "integer", "decimal", "real", "email"):
        assert full[name] == record[name], name
    assert full["date"] == record["date"] and full["timestamp"] == record["timestamp"]
    assert (full["money"], full["money.currency"]) == (Decimal("19.9"), "EUR")
    assert (yen["money"], yen["money.currency"]) == (Decimal(5), "JPY")
    assert (full["address.city"], full["address.street"]) == ("Ulm", None)
    assert full["reference"] == str(record["reference"])
    del empty["id"], empty["text"]
    assert set(empty.values()) == {None}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("batch_rows", [2, 1000])
def test_what_goes_through_another_program_comes_back_the_same(
    file: crm.Crm, read: Any, batch_rows: int
) -> None:
    table = read(file.records("row").table(*NAMES, batch_rows=batch_rows))
    report = file.records("copy").ingest(table)
    assert (report.created, report.problems) == (3, ())
    assert values(file, "copy") == values(file, "row")


def test_a_record_batch_goes_in_too(file: crm.Crm) -> None:
    (batch,) = pyarrow.table({"name": ["A", "B"], "employees": [1, 2]}).to_batches()
    assert not hasattr(type(batch), "__arrow_c_stream__") or hasattr(batch, "__arrow_c_array__")

    class Only:
        """Hands out an array and no stream."""

        def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
            pair: tuple[object, object] = batch.__arrow_c_array__()
            return pair

    assert file.companies.ingest(Only()).created == 2
    nulls = pyarrow.array([{"name": "C"}, None])
    with pytest.raises(crm.InvalidArgumentError, match="cannot be null"):
        file.companies.ingest(nulls)
    with pytest.raises(crm.InvalidArgumentError, match="not a record batch"):
        file.companies.ingest(pyarrow.array([1, 2]))


def test_names_of_columns_are_mapped_and_keys_update(db: crm.Crm) -> None:
    db.contacts.create(email="ann@example.org", given_name="Ann", family_name="Lee")
    frame = polars.DataFrame(
        {"Mail": ["ann@EXAMPLE.org", "bob@example.org"], "Name": ["Anne", None], "other": [1, 2]}
    )
    report = db.contacts.ingest(
        frame, columns={"Mail": "email", "Name": "given_name"}, mode="upsert", key="email"
    )
    assert (report.created, report.updated) == (1, 1)
    ann = db.contacts.get_by(email="ann@example.org")
    assert (ann["given_name"], ann["family_name"]) == ("Anne", "Lee")


def test_what_does_not_fit_is_told(db: crm.Crm) -> None:
    mails = pandas.DataFrame({"email": ["a@example.org", "b", None]})
    report = db.contacts.ingest(mails)
    assert [(bad.row, bad.column, bad.kind) for bad in report.problems] == [
        (2, "email", "invalid_value")
    ]
    with pytest.raises(crm.UnknownAttributeError) as unknown:
        db.contacts.ingest(polars.DataFrame({"emial": ["a@example.org"]}))
    assert (unknown.value.field, unknown.value.hint) == ("emial", 'did you mean "email"?')
    with pytest.raises(crm.WrongKindError) as wrong:
        db.companies.ingest(polars.DataFrame({"employees": [b"12"]}))
    assert wrong.value.field == "employees"
    naive = polars.DataFrame({"at": [datetime.datetime(2026, 7, 31, 12)]})
    db.types.define("visit", [crm.Attribute("at", crm.Kind.TIMESTAMP)])
    with pytest.raises(crm.InvalidArgumentError, match="no time zone"):
        db.records("visit").ingest(naive)
    mapping = [crm.ColumnMapping("at", "at", time_zone="Europe/Berlin")]
    assert db.records("visit").ingest(naive, columns=mapping).created == 1
    (visit,) = db.records("visit")
    assert visit["at"] == datetime.datetime(2026, 7, 31, 10, tzinfo=datetime.UTC)
    for thing in (None, [1, 2], {"email": ["a"]}):
        with pytest.raises(crm.InvalidArgumentError) as none:
            db.contacts.ingest(thing)  # type: ignore[arg-type]
        assert none.value.field == "table"


def test_whole_numbers_with_gaps_come_from_pandas(db: crm.Crm) -> None:
    # There they are real numbers.
    frame = pandas.DataFrame({"name": ["A", "B"], "employees": [12, None]})
    assert db.companies.ingest(frame).created == 2
    assert [company["employees"] for company in db.companies] == [12, None]


def test_a_number_that_another_program_rounded_is_refused(file: crm.Crm) -> None:
    rows = file.records("row")
    rows.create(integer=2**63 - 1)
    table = rows.table("integer")
    # Beside nulls, pandas makes a real number of it.
    report = file.records("copy").ingest(pandas.DataFrame.from_arrow(table))
    assert [(bad.row, bad.column, bad.kind) for bad in report.problems] == [
        (4, "integer", "invalid_value")
    ]
    assert file.records("copy").ingest(polars.DataFrame(table)).created == 2
    assert 2**63 - 1 in [row["integer"] for row in file.records("copy")]


def test_groups_pivots_and_views_are_tables(db: crm.Crm) -> None:
    for industry, country in [("steel", "DE"), ("steel", "FR"), ("paper", "DE")]:
        db.companies.create(name="A", industry=industry, country=country)
    group = crm.GroupRecords("company", ["industry"], [crm.GroupMeasure(count=True)])
    expected = [("paper", 1), ("steel", 2)]
    assert polars.DataFrame(db.query.table(group)).rows() == expected
    pivot = crm.PivotRecords("company", ["industry"], ["country"], crm.GroupMeasure(count=True))
    assert polars.DataFrame(db.query.table(pivot)).rows() == [
        ("paper", "DE", 1),
        ("steel", "DE", 1),
        ("steel", "FR", 1),
    ]
    select = crm.SelectRows("company", ["country"], where='industry = "steel"', order=["country"])
    assert polars.DataFrame(db.query.table(select)).rows() == [("DE",), ("FR",)]
    db.views.save("by_industry", group)
    assert polars.DataFrame(db.views.table("by_industry")).rows() == expected


def test_a_table_is_read_anew_each_time(file: crm.Crm) -> None:
    table = file.records("row").table("text")
    assert len(polars.DataFrame(table)) == 3
    file.records("row").create(text="one more")
    assert len(polars.DataFrame(table)) == 4
    with pytest.raises(crm.UnknownAttributeError):
        polars.DataFrame(file.records("row").table("txet"))


def test_a_consumer_may_stop_midway(file: crm.Crm) -> None:
    table = file.records("row").table("text", batch_rows=1)
    for _ in range(40):
        reader = pyarrow.RecordBatchReader.from_stream(table)
        assert reader.read_next_batch().num_rows == 1
        del reader
        # Nobody takes this one.
        table.__arrow_c_stream__()
        gc.collect()
    file.compact()
    assert file.stats().wal_bytes == 0


def test_a_capsule_is_taken_once(file: crm.Crm) -> None:
    capsule = file.records("row").table("text").__arrow_c_stream__()

    class Holder:
        """Hands out the same capsule again."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return capsule

    assert file.records("copy").ingest(Holder()).created == 3
    with pytest.raises(crm.InvalidArgumentError):
        file.records("copy").ingest(Holder())
    assert pyarrow.table(file.records("row").table("text")).num_rows == 3


def test_an_error_within_a_stream_is_an_exception(file: crm.Crm) -> None:
    reader = pyarrow.RecordBatchReader.from_stream(file.records("row").table(batch_rows=1))
    reader.read_next_batch()
    file.close()
    with pytest.raises(pyarrow.ArrowInvalid, match="closed"):
        reader.read_next_batch()


def test_an_error_within_a_foreign_stream_ends_the_work(db: crm.Crm) -> None:
    schema = pyarrow.schema([("name", pyarrow.string())])

    def batches() -> Iterator[Any]:
        yield pyarrow.record_batch([["A"]], schema=schema)
        raise ValueError("out of order")

    reader = pyarrow.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(crm.IoError):
        db.companies.ingest(reader)


def test_progress_is_told_and_cancels(db: crm.Crm) -> None:
    frame = polars.DataFrame({"name": ["A"] * 12_000})
    told: list[int] = []
    report = db.companies.ingest(frame, progress=lambda now: told.append(now.done))
    assert (report.created, told[-1]) == (12_000, 12_000)
    report = db.companies.ingest(frame, progress=lambda now: False)
    assert (report.is_cancelled, report.created) == (True, 5_000)

    def fail(now: crm.Progress) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        db.companies.ingest(frame, progress=fail)


def test_a_frame_is_taken_in_as_activities(db: crm.Crm) -> None:
    db.activity_kinds.define_preset("purchase")
    db.types.define_attribute("contact", crm.Attribute("code", crm.Kind.TEXT, unique=True))
    ann = db.contacts.create(code="a")
    when = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
    frame = polars.DataFrame(
        {
            "who": ["a", None, "b", "a"],
            "cookie": [None, "c1", None, None],
            "when": [when, when, when, None],
            "sum": [Decimal("12.50"), None, None, None],
            "cur": ["EUR", None, None, None],
            "no": ["n1", "n2", "n3", "n4"],
        }
    )
    columns = [
        crm.ColumnMapping("who", "subject", lookup="code"),
        crm.ColumnMapping("cookie", "visitor"),
        crm.ColumnMapping("when", "at"),
        crm.ColumnMapping("sum", "amount"),
        crm.ColumnMapping("cur", "amount.currency"),
        crm.ColumnMapping("no", "key"),
    ]

    def ingest(table: Any) -> crm.ImportReport:
        return db.activities.ingest(
            table,
            kind="purchase",
            subject_type="contact",
            columns=columns,
            channel="shop",
            direction=crm.Direction.INBOUND,
        )

    report = ingest(frame)
    assert (report.rows, report.created, report.rejected) == (4, 2, 2)
    assert [(one.row, one.column, one.kind) for one in report.problems] == [
        (3, "who", "not_found"),
        (4, "when", "required"),
    ]
    (bought,) = db.activities.list(subject=ann)
    assert (bought.at, bought.amount, bought.key) == (when, crm.Money("12.50", "EUR"), "n1")
    assert (bought.channel, bought.direction) == ("shop", "inbound")
    assert (ingest(frame.to_pandas()).unchanged, ingest(frame.to_arrow()).unchanged) == (2, 2)

    with pytest.raises(crm.InvalidArgumentError) as raised:
        db.activities.ingest(frame.select(visitor="cookie"), kind="purchase")
    assert raised.value.field == "columns"
    with pytest.raises(crm.UnknownTypeError) as unknown:
        db.activities.ingest(frame, kind="purchases", columns={"cookie": "visitor", "when": "at"})
    assert (unknown.value.field, unknown.value.hint) == ("kind", 'did you mean "purchase"?')
    with pytest.raises(crm.InvalidArgumentError) as no_table:
        db.activities.ingest([1, 2], kind="purchase")  # type: ignore[arg-type]
    assert no_table.value.field == "table"


def test_tables_go_in_as_associations() -> None:
    db = crm.open()
    db.types.define_attribute("contact", crm.Attribute("code", crm.Kind.TEXT, unique=True))
    works = db.association_types.define_preset("employed_by")
    ann = db.contacts.create(code="p1")
    db.contacts.create(code="p2")
    acme = db.companies.create(name="Acme", domain="acme.example")
    frame = polars.DataFrame(
        {
            "who": ["p1", "p2", "p3"],
            "where": ["acme.example"] * 3,
            "as": ["CFO", None, None],
            "since": [datetime.date(2024, 7, 1), None, None],
        }
    )
    columns = [
        crm.ColumnMapping("who", "from", lookup="code"),
        crm.ColumnMapping("where", "to", lookup="domain"),
        crm.ColumnMapping("as", "role"),
        crm.ColumnMapping("since", "valid_from"),
    ]

    def ingest(table: Any) -> crm.ImportReport:
        return db.associations.ingest(table, type=works.name, columns=columns)

    report = ingest(frame)
    assert (report.rows, report.created, report.rejected) == (3, 2, 1)
    assert [(one.row, one.column, one.kind) for one in report.problems] == [
        (3, "who", "not_found")
    ]
    (job,) = db.associations.related(ann, type=works.name)
    assert (job.association.to.id, job.association.role) == (acme.id, "CFO")
    assert job.association.valid_from == datetime.date(2024, 7, 1)
    assert (ingest(frame.to_pandas()).unchanged, ingest(frame.to_arrow()).unchanged) == (2, 2)

    with pytest.raises(crm.InvalidArgumentError) as raised:
        db.associations.ingest(frame, type="employed_by", columns={"who": "from"})
    assert raised.value.field == "columns"
    with pytest.raises(crm.UnknownTypeError) as unknown:
        db.associations.ingest(frame, type="employed")
    assert unknown.value.field == "type"
    with pytest.raises(crm.InvalidArgumentError) as unnamed:
        db.companies.ingest(pyarrow.table([pyarrow.array(["a"])], names=[""]))
    assert unnamed.value.field == "columns[0]"


def test_a_closed_file_is_told_before_anything_is_asked_of_a_table() -> None:
    class Never:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            raise AssertionError("asked for its rows")

    db = crm.open()
    db.close()
    for ingest in (
        lambda: db.companies.ingest(Never()),
        lambda: db.activities.ingest(Never(), kind="no such kind"),
        lambda: db.associations.ingest(Never(), type="no such type"),
        lambda: db.imports.spool(Never(), "never written"),
    ):
        with pytest.raises(crm.ClosedError):
            ingest()


def test_what_is_no_table_is_named() -> None:
    class Wrong:
        def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
            return (1, 2)

    class Odd:
        def __arrow_c_array__(self, requested_schema: object | None = None) -> Any:
            return 5

    db = crm.open()
    for table in (Wrong(), Odd(), 5, None):
        with pytest.raises(crm.InvalidArgumentError) as raised:
            db.companies.ingest(table)  # type: ignore[arg-type]
        assert raised.value.field == "table"


@pytest.mark.parametrize("compression", ["uncompressed", "lz4"])
def test_files_of_other_programs_are_planned(db: crm.Crm, tmp_path: Path, compression: Any) -> None:
    frame = polars.DataFrame(
        {
            "name": ["Acme", None, "Hooli"],
            "size": [12, 5, None],
            "kind": ["steel", "steel", None],
            "seen": [datetime.date(2024, 2, 29), None, None],
        },
        schema_overrides={"kind": polars.Categorical},
    )
    mapping = {"name": "name", "size": "employees", "kind": "industry"}
    ours = tmp_path / "polars.arrow"
    frame.write_ipc(ours, compression=compression)
    stream = tmp_path / "polars.arrows"
    frame.write_ipc_stream(stream, compression=compression)
    feather = tmp_path / "pyarrow.feather"
    options = pyarrow.ipc.IpcWriteOptions(compression=None if compression != "lz4" else "lz4")
    with pyarrow.ipc.new_file(feather, frame.to_arrow().schema, options=options) as writer:
        writer.write_table(frame.to_arrow())
    for path in (ours, stream, feather):
        plan = db.imports.plan_arrow("company", path, mapping=mapping)
        assert (plan.counts.create, plan.counts.error) == (2, 1), path
        assert [(one.column, one.cells) for one in plan.unmapped] == [("seen", 1)]
    run = db.imports.apply(db.imports.plan_arrow("company", data=ours.read_bytes(), mapping=mapping))
    assert run.import_.created == 2
    assert [company["employees"] for company in db.companies] == [12, None]
    assert db.imports.revert(run.id).archived == 2

    zstd = tmp_path / "zstd.arrow"
    polars.DataFrame({"name": ["Acme"] * 1000}).write_ipc(zstd, compression="zstd")
    for wrong in (zstd, Path(__file__)):
        with pytest.raises(crm.InvalidArgumentError) as raised:
            db.imports.plan_arrow("company", wrong, mapping={"name": "name"})
        assert raised.value.field == "source" and raised.value.hint


def test_what_is_no_table_or_not_open_is_told_by_field(db: crm.Crm, tmp_path: Path) -> None:
    class Hands:
        def __init__(self, out: Any) -> None:
            self.out = out

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
            return self.out

    for out in (None, 5):
        with pytest.raises(crm.InvalidArgumentError) as raised:
            db.companies.ingest(Hands(out))
        assert raised.value.field == "table"
    wrong: Any = 5
    frame = polars.DataFrame({"name": ["Acme"]})
    refused: list[tuple[str, Callable[[], object]]] = [
        ("columns", lambda: db.companies.ingest(frame, columns=wrong)),
        ("plan", lambda: db.imports.apply(wrong)),
        ("path", lambda: db.imports.spool(frame, tmp_path / "none" / "at all")),
        (
            "associations",
            lambda: db.imports.plan_csv("company", text="a", mapping={}, associations=[wrong]),
        ),
        (
            "activities",
            lambda: db.imports.plan_csv("company", text="a", mapping={}, activities=[wrong]),
        ),
        ("stages[1]", lambda: db.lifecycles.define("x", "company", ["a", wrong])),
        ("triggers[0]", lambda: db.lifecycles.define("x", "company", ["a"], triggers=[wrong])),
    ]
    for field, call in refused:
        with pytest.raises(crm.CrmError) as told:
            call()
        assert told.value.field == field
    db.close()
    for call in (
        lambda: db.lifecycles.get("contact"),
        lambda: db.types.get("contact"),
        lambda: db.imports.spool(frame, tmp_path / "a.arrows"),
        lambda: db.imports.plan_arrow("company", data=b"", mapping={"a": "name"}),
    ):
        with pytest.raises(crm.ClosedError):
            call()


def test_a_frame_is_spooled_and_planned(db: crm.Crm, tmp_path: Path) -> None:
    path = tmp_path / "people.arrows"
    frame = polars.DataFrame({"name": ["Acme", "Hooli"], "employees": [1, 2]})
    told: list[int] = []
    assert db.imports.spool(frame, path, progress=lambda now: told.append(now.done)) == 2
    assert told[-1] == 2
    plan = db.imports.plan_arrow("company", path, mapping={name: name for name in frame.columns})
    assert db.imports.apply(plan).import_.created == 2
    with pytest.raises(crm.InvalidArgumentError) as raised:
        db.imports.spool(frame, path)
    assert raised.value.field == "path"


def test_streams_are_read_by_several_threads(file: crm.Crm) -> None:
    counts: list[int] = []

    def read() -> None:
        for _ in range(5):
            table = file.records("row").table("text", "money", batch_rows=1)
            counts.append(len(polars.DataFrame(table)))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [3] * 15


def test_ids_find_their_records(file: crm.Crm) -> None:
    ids = polars.DataFrame(file.records("row").table("id"))["id"]
    assert [uuid.UUID(text) for text in ids] == [record.id for record in file.records("row")]


def test_none_of_these_programs_is_needed(path: Path) -> None:
    program = """
import sys
for name in ("pyarrow", "pandas", "polars", "duckdb", "numpy"):
    sys.modules[name] = None
import crm
with crm.open(sys.argv[1]) as db:
    db.companies.create(name="Acme")
    report = db.companies.ingest(db.companies.table("name"))
    assert report.created == 1
"""
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
