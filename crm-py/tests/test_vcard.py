"""Address cards in and out."""

from __future__ import annotations

from pathlib import Path

import crm
import pytest

CARDS = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:L=C3=B6we;Zo=C3=AB
EMAIL;INTERNET:zoe@example.org
EMAIL;INTERNET:zoe@home.example.org
TEL;CELL:+49 151 23456789
ORG:Acme
BDAY:soon
X-SHOE-SIZE:38
END:VCARD
"""


def keep_the_rest(db: crm.Crm) -> None:
    db.types.define_attribute("contact", crm.Attribute("vcard", crm.Kind.LONG_TEXT))


def test_a_card_becomes_a_record_and_what_does_not_fit_is_reported(
    db: crm.Crm, tmp_path: Path
) -> None:
    keep_the_rest(db)
    (tmp_path / "in.vcf").write_text(CARDS, encoding="utf-8")
    report = db.vcard.import_("contact", tmp_path / "in.vcf", create_missing=True)
    assert (report.rows, report.created, report.rejected) == (1, 1, 0)
    (problem,) = report.problems
    assert (problem.row, problem.column, problem.kind) == (1, "BDAY", "invalid_value")
    zoe = db.contacts.get_by(email="zoe@example.org")
    assert (zoe["given_name"], zoe["family_name"], zoe["phone"]) == ("Zoë", "Löwe", "+4915123456789")
    assert db.companies.get(zoe["company"])["name"] == "Acme"
    assert "X-SHOE-SIZE:38" in zoe["vcard"].splitlines()


def test_what_is_exported_comes_in_again(db: crm.Crm, tmp_path: Path) -> None:
    keep_the_rest(db)
    db.vcard.import_("contact", text=CARDS)
    before = db.contacts.get_by(email="zoe@example.org")
    for version in crm.CardVersion:
        text = db.vcard.export("contact", version=version).text
        assert text is not None and f"VERSION:{version}" in text
        report = db.vcard.import_("contact", text=text, mode="upsert", key="email")
        assert (report.unchanged, report.created, report.updated) == (1, 0, 0)
    report_of_file = db.vcard.export("contact", tmp_path / "out.vcf")
    assert report_of_file.bytes == (tmp_path / "out.vcf").stat().st_size
    assert db.contacts.get(before.id) == before


def test_a_mapping_says_what_goes_where(db: crm.Crm) -> None:
    db.types.define("person", [crm.Attribute("name", "text"), crm.Attribute("mobile", "phone")])
    mapping = [crm.CardMapping("fn", "name"), crm.CardMapping("tel", "mobile", label="cell")]
    text = "BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nTEL;TYPE=work:+4930123456\nTEL;TYPE=cell:+491511234567\nEND:VCARD"
    report = db.vcard.import_("person", text=text, mapping=mapping)
    assert [problem.column for problem in report.problems] == ["TEL"]
    (ann,) = db.records("person").list()
    assert ann["mobile"] == "+491511234567"
    cards = db.vcard.export("person", mapping={"fn": "name"}, version="4.0").text
    assert cards == "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nEND:VCARD\r\n"


def test_progress_may_cancel(db: crm.Crm) -> None:
    cards = "".join(f"BEGIN:VCARD\nVERSION:3.0\nN:N{n}\nEND:VCARD\n" for n in range(1_200))
    report = db.vcard.import_("contact", text=cards, progress=lambda _: False)
    assert report.is_cancelled and report.created == db.contacts.count() == 500


def test_a_request_must_make_sense(db: crm.Crm) -> None:
    with pytest.raises(crm.InvalidArgumentError) as caught:
        db.vcard.import_("contact")
    assert caught.value.field == "path"
    with pytest.raises(crm.UnknownAttributeError):
        db.vcard.import_("contact", text="", mapping={"email": "emial"})
