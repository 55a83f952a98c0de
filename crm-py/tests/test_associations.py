"""Who belongs to whom, since when, and until when."""

from __future__ import annotations

import datetime
import decimal

import crm
import pytest


@pytest.fixture
def staff(db: crm.Crm) -> tuple[crm.Record, crm.Record, crm.Record]:
    """Ann, and the companies that she works for one after the other."""
    db.association_types.define_preset("employed_by")
    ann = db.contacts.create(given_name="Ann")
    acme, zenith = (db.companies.create(name=name) for name in ("Acme", "Zenith"))
    until, since = datetime.date(2024, 6, 30), datetime.date(2024, 7, 1)
    db.associations.add("employed_by", ann, acme, role="buyer", valid_to=until)
    db.associations.add("employed_by", ann, zenith, role="CFO", valid_from=since, is_primary=True)
    return ann, acme, zenith


def test_a_job_is_known_at_both_ends_and_of_any_day(
    db: crm.Crm, staff: tuple[crm.Record, crm.Record, crm.Record]
) -> None:
    ann, acme, zenith = staff
    (now,) = db.associations.related(ann)
    assert now.other == crm.RecordRef(type="company", id=zenith.id)
    assert now.direction is crm.AssociationDirection.OUTGOING
    assert now.association.role == "CFO"
    assert now.association.is_primary
    assert now.association.valid_from == datetime.date(2024, 7, 1)
    (then,) = db.associations.related(ann, on=datetime.date(2024, 6, 30))
    assert then.other.id == acme.id
    assert [one.other.id for one in db.associations.related(ann, at_any_time=True)] == [
        acme.id,
        zenith.id,
    ]
    (seen,) = db.associations.related(zenith, "employed_by", with_records=True)
    assert seen.direction == "incoming"
    assert seen.record is not None
    assert seen.record["given_name"] == "Ann"
    assert list(db.associations.related(acme)) == []


def test_an_iteration_goes_over_all_pages(
    db: crm.Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.associations.SCAN_PAGE", 2)
    db.association_types.define_preset("employed_by")
    acme = db.companies.create(name="Acme")
    people = [db.contacts.create(given_name=str(number)) for number in range(5)]
    for person in people:
        db.associations.add("employed_by", person, acme)
    assert [one.other.id for one in db.associations.related(acme)] == [one.id for one in people]
    page = db.associations.related_page(acme, limit=3)
    assert len(page) == 3
    assert len(db.associations.related_page(acme, limit=3, after=page.next)) == 2


def test_values_of_a_type_have_pythons_types(db: crm.Crm) -> None:
    db.association_types.define(
        "advises",
        "contact",
        ["company", "deal"],
        roles=["counsel", crm.ChoiceOption("friend", label="A friend")],
        attributes=[crm.Attribute("share", "decimal"), crm.Attribute("since", "date")],
    )
    advises = db.association_types.get("advises")
    assert (advises.from_, advises.to) == (("contact",), ("company", "deal"))
    assert [role.value for role in advises.roles] == ["counsel", "friend"]
    ann, acme = db.contacts.create(), db.companies.create(name="Acme")
    day = datetime.date(2020, 2, 29)
    link = db.associations.add("advises", ann, acme, share=decimal.Decimal("12.5"), since=day)
    assert link.values == {"share": decimal.Decimal("12.50"), "since": day}
    link = db.associations.patch(link.id, role="counsel", since=None, valid_to=day)
    assert (link.role, link.valid_to, link.version) == ("counsel", day, 2)
    assert link.values == {"share": decimal.Decimal("12.50")}
    assert db.associations.get(link.id) == link
    assert len({link, db.associations.get(link.id)}) == 1
    with pytest.raises(crm.UnknownOptionError) as caught:
        db.associations.patch(link.id, role="councel")
    assert (caught.value.field, caught.value.hint) == ("role", 'did you mean "counsel"?')


def test_rules_of_a_type_are_kept(db: crm.Crm) -> None:
    db.association_types.define_preset(crm.AssociationPreset.PARENT_COMPANY)
    top, below = (db.companies.create(name=name) for name in ("Top", "Below"))
    link = db.associations.add("parent_company", below, top)
    with pytest.raises(crm.DuplicateError):
        db.associations.add("parent_company", below, top)
    with pytest.raises(crm.LimitExceededError):
        db.associations.add("parent_company", below, db.companies.create(name="Other"))
    with pytest.raises(crm.InvalidValueError, match="cycle of 2"):
        db.associations.add("parent_company", top, below)
    walk = db.associations.walk("parent_company", top, direction="incoming")
    assert [(node.record.id, node.depth, node.association) for node in walk] == [
        (below.id, 1, link.id)
    ]
    assert not walk.is_truncated
    archived = db.associations.archive(link.id, expected_version=1)
    assert archived.archived_at is not None
    assert len(db.associations.walk("parent_company", top)) == 0
    assert db.associations.restore(link.id).archived_at is None


def test_an_archived_company_is_left_out_until_it_comes_back(
    db: crm.Crm, staff: tuple[crm.Record, crm.Record, crm.Record]
) -> None:
    ann, _, zenith = staff
    db.companies.archive(zenith.id)
    assert list(db.associations.related(ann)) == []
    assert len([*db.associations.related(ann, archived="only")]) == 1
    db.companies.restore(zenith.id)
    assert len([*db.associations.related(ann)]) == 1


def test_timeline_and_journal_tell_what_became_of_associations(
    db: crm.Crm, staff: tuple[crm.Record, crm.Record, crm.Record]
) -> None:
    ann, acme, _ = staff
    (job,) = db.associations.related(acme, at_any_time=True)
    db.associations.patch(job.association.id, valid_to=datetime.date(2024, 5, 31))
    timeline = db.timeline("company", acme.id, items=[crm.TimelineKind.ASSOCIATION])
    told = [entry.item for entry in timeline]
    assert all(isinstance(item, crm.AssociationEntry) for item in told)
    changed, added = told
    assert isinstance(changed, crm.AssociationEntry)
    assert isinstance(added, crm.AssociationEntry)
    assert changed.kind is crm.ChangeKind.ASSOCIATION_CHANGED
    assert changed.values == {"valid_to": datetime.date(2024, 5, 31)}
    assert (added.version, added.other.id, added.values["role"]) == (1, ann.id, "buyer")
    *_, last = db.changes()
    assert last.association is not None
    assert (last.kind, last.association.id) == (changed.kind, changed.id)
    assert last.association.from_ is None
    assert last.association.values == changed.values


def test_a_condition_asks_for_what_is_related(
    db: crm.Crm, staff: tuple[crm.Record, crm.Record, crm.Record]
) -> None:
    ann, _, zenith = staff
    db.contacts.create(given_name="Bob")
    assert [one.id for one in db.contacts.list(where='related(employed_by role "CFO")')] == [ann.id]
    where = 'related(inverse employed_by: given_name = "Ann")'
    assert [one.id for one in db.companies.list(where=where)] == [zenith.id]
