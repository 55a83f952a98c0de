"""CSV tables in and out."""

from __future__ import annotations

import datetime
from pathlib import Path

import crm
import pytest
from crm import ColumnMapping

TABLE = "Vorname;Mail;Geburtstag\nAnn;ann@example.org;31.01.1990\nBob;bob;1.2.1991\n"
COLUMNS = [
    ColumnMapping("Vorname", "given_name"),
    ColumnMapping("Mail", "email"),
    ColumnMapping("Geburtstag", "birthday", format="%d.%m.%Y"),
]
SEMICOLON = crm.CsvDialect(delimiter=";")


def test_a_bad_cell_is_reported_and_good_rows_are_kept(db: crm.Crm, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(TABLE, encoding="utf-16")
    report = db.csv.import_("contact", tmp_path / "in.csv", columns=COLUMNS, dialect=SEMICOLON)
    assert (report.rows, report.created, report.rejected) == (2, 1, 1)
    (problem,) = report.problems
    assert (problem.row, problem.column, problem.kind) == (2, "Mail", "invalid_value")
    assert report.problem_counts[0].count == 1
    ann = db.contacts.get_by(email="ann@example.org")
    assert ann["birthday"] == datetime.date(1990, 1, 31)


def test_modes_of_import(db: crm.Crm) -> None:
    columns = {"name": "name", "domain": "domain"}
    first = "name,domain\nAcme,acme.example\n"
    assert db.csv.import_("company", text=first, columns=columns).created == 1
    second = "name,domain\nAcme Inc,acme.example\nOther,other.example\n"
    report = db.csv.import_(
        "company", text=second, columns=columns, mode=crm.ImportMode.UPSERT, key="domain"
    )
    assert (report.created, report.updated, report.is_committed) == (1, 1, True)
    bad = "name,domain\nThird,third.example\n,fourth.example\n"
    report = db.csv.import_("company", text=bad, columns=columns, all_or_nothing=True)
    assert (report.is_committed, db.companies.count()) == (False, 2)


def test_a_proposal_is_ready_for_an_import(db: crm.Crm) -> None:
    proposal = db.csv.propose("contact", text="E-mail,Given name,Shoe size\n")
    assert {column.column: column.attribute for column in proposal.columns} == {
        "E-mail": "email",
        "Given name": "given_name",
    }
    assert proposal.unmapped == ("Shoe size",)
    text = "E-mail,Given name,Shoe size\nann@example.org,Ann,38\n"
    assert db.csv.import_("contact", text=text, columns=proposal.columns).created == 1


def test_what_is_exported_comes_in_again(db: crm.Crm, tmp_path: Path) -> None:
    db.companies.create(name='Ann "A" & Co', annual_revenue=crm.Money("12.50", "EUR"))
    db.companies.create(name="=1+1")
    report = db.csv.export("company", tmp_path / "out.csv", attributes=["name"])
    assert (report.rows, report.bytes) == (2, (tmp_path / "out.csv").stat().st_size)
    text = db.csv.export("company", attributes=["name"], filter={"name": "=1+1"}).text
    assert text is not None and text.split() == ["name", "=1+1"]
    safe = db.csv.export("company", attributes=["name"], profile=crm.CsvProfile.SPREADSHEET).text
    assert safe is not None and "'=1+1" in safe
    with crm.open() as other:
        source = tmp_path / "out.csv"
        report = other.csv.import_("company", source, columns={"name": "name"})  # type: ignore[assignment]
        assert [company["name"] for company in other.companies] == ['Ann "A" & Co', "=1+1"]


def test_an_import_tells_its_progress_and_is_cancelled(db: crm.Crm, tmp_path: Path) -> None:
    rows = "".join(f"Company {n}\n" for n in range(12_000))
    (tmp_path / "in.csv").write_text("name\n" + rows)
    told: list[crm.Progress] = []
    report = db.csv.import_(
        "company", tmp_path / "in.csv", columns={"name": "name"}, progress=told.append
    )
    assert (report.created, report.is_cancelled) == (12_000, False)
    assert told[-1].done == told[-1].total
    report = db.csv.import_(
        "company", tmp_path / "in.csv", columns={"name": "name"}, progress=lambda _: False
    )
    assert report.is_cancelled
    assert db.companies.count() < 24_000


def test_a_table_needs_exactly_one_source(db: crm.Crm) -> None:
    with pytest.raises(crm.InvalidArgumentError):
        db.csv.import_("company", columns={"name": "name"})
    with pytest.raises(crm.IoError):
        db.csv.import_("company", "nowhere.csv", columns={"name": "name"})
