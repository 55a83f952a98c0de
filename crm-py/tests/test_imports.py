"""Imports that are planned, applied, gone on with, and taken back."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import crm
import pytest
from crm import ColumnMapping, ColumnRule, RowDecision

PEOPLE = {"E-mail": "email", "Name": "family_name", "Born": "birthday"}
TABLE = (
    "E-mail,Name,Born,Shoe size\n"
    "ann@example.org,Ann,1990-01-31,38\n"
    "ben@example.org,Ben,,\n"
    "no mail,Cid,,\n"
    "ann@example.org,Anna,,\n"
)


def plan_people(db: crm.Crm, text: str = TABLE, **options: Any) -> crm.ImportPlan:
    return db.imports.plan_csv("contact", text=text, mapping=PEOPLE, key="email", **options)


def test_a_plan_says_what_would_become_of_each_row(db: crm.Crm) -> None:
    born = datetime.date(1990, 1, 30)
    ann = db.contacts.create(email="ann@example.org", family_name="Ann", birthday=born)
    plan = plan_people(db)
    assert plan.counts == crm.PlanCounts(
        rows=4, create=1, update=1, unchanged=0, conflict=1, error=1
    )
    update, create, error, conflict = plan.rows()
    assert (update.decision, update.id) == (RowDecision.UPDATE, ann.id)
    (change,) = update.changes
    assert (change.attribute, change.old, change.new) == (
        "birthday",
        born,
        datetime.date(1990, 1, 31),
    )
    assert (create.decision, create.id) == (RowDecision.CREATE, None)
    assert (error.problems[0].column, error.problems[0].kind) == ("E-mail", "invalid_value")
    assert (conflict.row, conflict.problems[0].kind) == (4, "duplicate")
    assert [row.row for row in plan.rows(RowDecision.ERROR, "conflict")] == [3, 4]
    (left,) = plan.unmapped
    assert (left.column, left.place, left.cells, left.first_row) == ("Shoe size", 4, 1, 1)
    assert db.contacts.count() == 1
    assert "ann@example.org" not in repr(plan)


def test_an_import_does_what_its_plan_says_and_is_taken_back(db: crm.Crm) -> None:
    db.contacts.create(email="ann@example.org", family_name="Anna")
    result = db.imports.apply(plan_people(db))
    assert result.import_.state is crm.ImportState.FINISHED
    assert (result.import_.created, result.import_.updated) == (1, 1)
    assert [problem.row for problem in result.problems] == [3, 4]
    ben = db.contacts.get_by(email="ben@example.org")
    eve = db.acting_as("user:eve")
    eve.contacts.patch(ben.id, given_name="Benjamin")
    report = db.imports.revert(result.id)
    assert (report.archived, report.restored, report.left_count) == (0, 1, 1)
    (left,) = report.left
    assert (left.id, left.attribute, left.actor) == (ben.id, "given_name", "user:eve")
    assert db.contacts.get_by(email="ann@example.org")["family_name"] == "Anna"
    assert db.imports.get(result.id).state is crm.ImportState.REVERTED
    assert [one.id for one in db.imports.list()] == [result.id]


def test_a_plan_that_is_not_true_any_more_is_refused(db: crm.Crm, tmp_path: Path) -> None:
    plan = plan_people(db)
    db.contacts.create(family_name="Eve")
    with pytest.raises(crm.StaleVersionError) as caught:
        db.imports.apply(plan)
    assert caught.value.field == "plan"
    with pytest.raises(crm.StaleVersionError):
        next(plan.rows())
    path = tmp_path / "people.csv"
    path.write_text(TABLE)
    plan = db.imports.plan_csv("contact", path, mapping=PEOPLE, key="email")
    path.write_text(TABLE.replace("Ben", "Bob"))
    with pytest.raises(crm.StaleVersionError):
        db.imports.apply(plan)
    assert db.contacts.count() == 1


def test_an_import_that_was_cut_short_goes_on_in_another_process(path: Path) -> None:
    text = "name\n" + "".join(f"Company {n}\n" for n in range(12_000))

    def plan(db: crm.Crm) -> crm.ImportPlan:
        return db.imports.plan_csv("company", text=text, mapping={"name": "name"})

    with crm.open(path) as db:
        cut = db.imports.apply(plan(db), progress=lambda progress: progress.done == progress.total)
        assert cut.import_.state is crm.ImportState.UNFINISHED
    with crm.open(path) as db:
        (unfinished,) = db.imports.list()
        assert db.companies.count() == unfinished.created < 12_000
        result = db.imports.resume(unfinished.id, plan(db))
        assert (result.import_.state, result.import_.created) == ("finished", 12_000)
        assert len({company["name"] for company in db.companies}) == 12_000


def test_a_column_has_a_rule(db: crm.Crm) -> None:
    columns = [
        ColumnMapping("E-mail", "email"),
        ColumnMapping("Name", "family_name", rule=ColumnRule.KEEP),
        ColumnMapping("Title", "job_title", rule=ColumnRule.UPDATE_ONLY),
        ColumnMapping("Notes", "description", rule="append"),
    ]
    db.contacts.create(email="ann@example.org", family_name="Ann", description="met in Ulm")
    text = "E-mail,Name,Title,Notes\nann@example.org,X,CEO,called\nben@example.org,Ben,CTO,new\n"
    db.imports.apply(db.imports.plan_csv("contact", text=text, mapping=columns, key="email"))
    ann = db.contacts.get_by(email="ann@example.org")
    assert (ann["family_name"], ann["job_title"]) == ("Ann", "CEO")
    assert ann["description"] == "met in Ulm\ncalled"
    ben = db.contacts.get_by(email="ben@example.org")
    assert (ben["family_name"], ben.get("job_title")) == ("Ben", None)


def test_objects_of_json_are_planned_as_rows(db: crm.Crm) -> None:
    text = '{"mail": "ann@example.org", "home": {"city": "Ulm"}}\n{"mail": 5}\n[]\n'
    mapping = {"mail": "email", "home.city": "address.city"}
    plan = db.imports.plan_json_lines("contact", text=text, mapping=mapping, key=["email"])
    assert (plan.counts.create, plan.counts.error) == (1, 2)
    db.imports.apply(plan)
    assert db.contacts.get_by(email="ann@example.org")["address"] == crm.Address(city="Ulm")


def test_an_export_of_another_program_is_recognised_and_nothing_of_it_is_lost(db: crm.Crm) -> None:
    text = (
        "id,property_email,property_firstname,property_lastname,property_company,shoe size\n"
        "7,ann@example.org,Ann,Example,Acme,38\n"
        "8,no mail,Ben,,,\n"
    )
    proposal = db.csv.propose("contact", text=text)
    assert proposal.export == "hubspot_contacts"
    assert "shoe size" in proposal.unmapped
    db.types.define("contact", proposal.new_attributes)
    plan = db.imports.plan_csv(
        "contact",
        text=text,
        mapping=proposal.all_columns,
        key="hubspot_id",
        bad_cells=crm.BadCells.LEAVE_EMPTY,
    )
    assert plan.unmapped == ()
    assert [(bad.row, bad.column) for bad in plan.problems] == [(2, "property_email")]
    db.imports.apply(plan)
    ann = db.contacts.get_by(hubspot_id="7")
    assert (ann["given_name"], ann["company_name"], ann["shoe_size"]) == ("Ann", "Acme", "38")
    assert db.contacts.get_by(hubspot_id="8")["given_name"] == "Ben"


def test_planning_can_be_cancelled(db: crm.Crm) -> None:
    text = "name\n" + "".join(f"Company {n}\n" for n in range(12_000))
    with pytest.raises(crm.InterruptError):
        db.imports.plan_csv(
            "company", text=text, mapping={"name": "name"}, progress=lambda _: False
        )


def test_rows_are_read_by_pages(db: crm.Crm) -> None:
    text = "name\n" + "".join(f"Company {n}\n" for n in range(2500))
    plan = db.imports.plan_csv("company", text=text, mapping={"name": "name"})
    assert [row.row for row in plan.rows()] == [*range(1, 2501)]
    page = plan.rows_page(after=2498, limit=10)
    assert ([row.row for row in page], page.next) == ([2499, 2500], None)


def test_what_is_wrong_with_a_request_is_said(db: crm.Crm) -> None:
    for options, field in (
        ({"mapping": {"nmae": "name"}, "text": "name\n"}, "nmae"),
        ({"mapping": {"name": "name"}}, "path"),
        ({"mapping": {"n": "industry"}, "text": "n\n", "key": "industry"}, "industry"),
        ({"mapping": {"name": "name"}, "text": "name\n", "mode": "update"}, "key"),
    ):
        with pytest.raises(crm.InvalidArgumentError) as caught:
            db.imports.plan_csv("company", **options)
        assert caught.value.field == field


def test_columns_make_associations_and_activities(db: crm.Crm) -> None:
    """A name of a company links to it, and a moment is a call; importing again adds neither."""
    db.association_types.define_preset("employed_by")
    db.activity_kinds.define_preset("call")
    text = "mail,company,role,called,minutes\nann@example.org,Acme,CFO,2025-01-31T12:00:00Z,3\n"
    works = crm.AssociationColumns(
        "employed_by", "company", "company", by="name", create_missing=True, columns={"role": "role"}
    )
    called = crm.ActivityColumns(
        "call", {"called": "at", "minutes": "minutes"}, direction=crm.Direction.OUTBOUND
    )
    mapping = {"mail": "email"}

    def plan() -> crm.ImportPlan:
        return db.imports.plan_csv(
            "contact", text=text, mapping=mapping, key="email", associations=[works], activities=[called]
        )

    first = plan()
    counts = first.counts
    assert (counts.create, counts.associations, counts.activities, counts.others) == (1, 1, 1, 1)
    (row,) = first.rows()
    assert (row.associations[0].role, row.associations[0].new_row) == ("CFO", 1)
    assert row.activities[0].properties == {"minutes": 3}
    run = db.imports.apply(first)
    ann = db.contacts.get_by(email="ann@example.org")
    (related,) = db.associations.related(ann)
    assert related.association.role == "CFO"
    (call,) = db.activities.list(subject=ann)
    assert call.direction == crm.Direction.OUTBOUND
    again = plan().counts
    assert (again.unchanged, again.associations, again.activities) == (1, 0, 0)

    report = db.imports.revert(run.id)
    assert (report.archived, report.associations, report.left_count) == (2, 1, 1)
    assert (report.left[0].item, report.left[0].id) == (crm.LeftItem.ACTIVITY, call.id)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("key", {"key": 5}),
        ("key[1]", {"key": ["email", 5]}),
        ("path", {"path": 5, "text": None}),
        ("path", {"path": b"people.csv", "text": None}),
        ("dialect", {"dialect": ";"}),
        ("columns", {"mapping": 5}),
        ("columns[0]", {"mapping": ["name"]}),
        ("mapping", {"mapping": ...}),
        ("keys", {"keys": "email"}),
        ("associations", {"associations": 5}),
        ("associations", {"associations": ["employed_by"]}),
        ("activities", {"activities": [{}]}),
        ("progress", {"progress": 5}),
        ("mode", {"mode": "replace"}),
        ("bad_cells", {"bad_cells": 5}),
    ],
)
def test_what_is_of_a_wrong_type_is_named(field: str, wrong: dict[str, Any]) -> None:
    db = crm.open()
    given: dict[str, Any] = {"text": "name\nAcme\n", "mapping": {"name": "name"}, **wrong}
    given = {name: value for name, value in given.items() if value is not ...}
    with pytest.raises(crm.InvalidArgumentError) as raised:
        db.imports.plan_csv("company", **given)
    assert raised.value.field == field
    assert db.companies.count() == 0


def test_every_way_in_and_out_names_a_wrong_path(tmp_path: Path) -> None:
    db = crm.open()
    wrong: Any = 5
    table: Any = None
    for call in (
        lambda: db.csv.import_("company", wrong, columns={"name": "name"}),
        lambda: db.csv.export("company", wrong),
        lambda: db.csv.propose("company", wrong),
        lambda: db.vcard.import_("contact", wrong),
        lambda: db.vcard.export("contact", wrong),
        lambda: db.imports.plan_json_lines("company", wrong, mapping={"name": "name"}),
        lambda: db.imports.plan_arrow("company", wrong, mapping={"name": "name"}),
        lambda: db.imports.spool(table, wrong),
        lambda: db.backup(wrong),
        lambda: crm.open(wrong),
    ):
        with pytest.raises(crm.InvalidArgumentError) as raised:
            call()
        assert raised.value.field == "path"
    with pytest.raises(crm.InvalidArgumentError) as data:
        db.imports.plan_arrow("company", data="text", mapping={"name": "name"})  # type: ignore[arg-type]
    assert data.value.field == "data"
    with pytest.raises(crm.InvalidArgumentError) as key:
        db.companies.ingest(table, key=5)  # type: ignore[arg-type]
    assert key.value.field == "key"
