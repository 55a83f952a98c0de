"""Audits of the sales pipeline, loaded as it comes."""

from __future__ import annotations

import csv
from pathlib import Path

import crm
import pytest

DATA = Path(__file__).parents[2] / "examples" / "data" / "crm_sales_opportunities"


def test_a_misspelt_product_is_found_beside_the_price_list(db: crm.Crm) -> None:
    db.types.define("product", [crm.Attribute("name", "text", unique=True)])
    db.types.define("deal_line", [crm.Attribute("product", "text")])
    with (DATA / "products.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            db.records("product").create(name=row["product"])
    db.csv.import_("deal_line", path=DATA / "sales_pipeline.csv", columns={"product": "product"})
    report = db.records("deal_line").audit(examples=2)
    (finding,) = (found for found in report.findings if found.rule == crm.AuditRule.SPELLING)
    assert (finding.value, finding.expected, finding.count) == ("GTXPro", "GTX Pro", 1480)
    record = db.records("deal_line").get(finding.examples[0])
    assert record["product"] == "GTXPro"
    assert '"GTXPro", probably "GTX Pro"' in str(report)


def test_a_report_hides_nothing_and_a_cancelled_audit_raises(db: crm.Crm) -> None:
    db.companies.create(name="Acme")
    report = db.companies.audit()
    by_name = {one.attribute: one for one in report.attributes}
    assert (by_name["name"].filled, by_name["domain"].missing, report.records) == (1, 1, 1)
    with pytest.raises(crm.InterruptError):
        db.companies.audit(progress=lambda _: False)
