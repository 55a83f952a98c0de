//! Audits: the dirt of the sales pipeline, loaded as it comes, and each rule on a few records.

use std::path::Path;

use crm_core::{
    Attribute, AuditFinding, AuditRecords, AuditReport, AuditRule, BadCells, ColumnMapping, Crm,
    DefineType, ErrorKind, Flow, ImportCsv, Kind, Value, values,
};

use crate::support::Folder;

fn audit(crm: &Crm, entity_type: &str) -> AuditReport {
    crm.audit_records(&AuditRecords::new(entity_type), &mut |_| Flow::Continue).unwrap()
}

fn of(report: &AuditReport, rule: AuditRule) -> Vec<&AuditFinding> {
    report.findings.iter().filter(|found| found.rule == rule).collect()
}

/// Value, what is probably meant, and how often.
fn spellings(report: &AuditReport) -> Vec<(&str, &str, u64)> {
    let found = of(report, AuditRule::Spelling).into_iter();
    found.map(|f| (f.value.as_deref().unwrap(), f.expected.as_deref().unwrap(), f.count)).collect()
}

fn import(crm: &Crm, entity_type: &str, file: &str, columns: &[(&str, &str)]) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/data/crm_sales_opportunities")
        .join(file);
    let columns = columns.iter().map(|(column, attribute)| ColumnMapping::new(*column, *attribute));
    let request = ImportCsv {
        bad_cells: BadCells::LeaveEmpty,
        ..ImportCsv::from_path(entity_type, data.to_string_lossy(), columns)
    };
    assert_eq!(crm.import_csv(&request, &mut |_| Flow::Continue).unwrap().rejected, 0);
}

/// The pipeline with what was written in it kept as text, beside what is allowed.
fn pipeline() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let name = || Attribute::new("name", Kind::Text).required().unique();
    let sectors = [
        "employment",
        "entertainment",
        "finance",
        "marketing",
        "medical",
        "retail",
        "services",
        "software",
        "technology",
        "telecommunications",
    ];
    let types = [
        DefineType::new("product", [name()]),
        DefineType::new(
            "account",
            [
                name(),
                Attribute::new("sector", Kind::Choice).options(sectors),
                Attribute::new("sector_as_given", Kind::Text),
                Attribute::new("revenue_millions", Kind::Decimal),
                Attribute::new("website", Kind::Url),
            ],
        ),
        DefineType::new(
            "opportunity",
            [
                Attribute::new("code", Kind::Text).required().unique(),
                Attribute::new("product", Kind::Text),
                Attribute::new("account", Kind::Text),
                Attribute::new("stage", Kind::Text),
                Attribute::new("closed_on", Kind::Date),
                Attribute::new("value", Kind::Money).currency("USD"),
            ],
        ),
    ];
    types.into_iter().for_each(|definition| drop(crm.types().define(definition).unwrap()));
    import(&crm, "product", "products.csv", &[("product", "name")]);
    let account =
        [("account", "name"), ("sector", "sector_as_given"), ("revenue", "revenue_millions")];
    import(&crm, "account", "accounts.csv", &account);
    let opportunity = [
        ("opportunity_id", "code"),
        ("product", "product"),
        ("account", "account"),
        ("deal_stage", "stage"),
        ("close_date", "closed_on"),
        ("close_value", "value"),
    ];
    import(&crm, "opportunity", "sales_pipeline.csv", &opportunity);
    crm
}

#[test]
fn the_dirt_of_the_pipeline_is_found() {
    let crm = pipeline();
    let accounts = audit(&crm, "account");
    assert_eq!(spellings(&accounts), [("technolgy", "technology", 12)]);
    let finding = of(&accounts, AuditRule::Spelling)[0];
    assert_eq!(
        (finding.attribute.as_deref(), finding.examples.len()),
        (Some("sector_as_given"), 5)
    );
    for id in &finding.examples {
        let account = crm.records("account").get(*id).unwrap();
        assert_eq!(account.get("sector_as_given"), &Value::from("technolgy"));
    }
    let unused = of(&accounts, AuditRule::Unused);
    let unused: Vec<_> = unused.iter().filter_map(|found| found.attribute.as_deref()).collect();
    assert_eq!(unused, ["sector", "website"]);

    let opportunities = audit(&crm, "opportunity");
    assert_eq!(spellings(&opportunities), [("GTXPro", "GTX Pro", 1_480)]);
    let filled: Vec<_> = opportunities
        .attributes
        .iter()
        .map(|a| (a.attribute.as_str(), a.filled, a.missing, a.distinct))
        .collect();
    assert_eq!(
        filled,
        [
            ("code", 8_800, 0, None),
            ("product", 8_800, 0, Some(7)),
            ("account", 7_375, 1_425, Some(85)),
            ("stage", 8_800, 0, Some(4)),
            ("closed_on", 6_711, 2_089, None),
            ("value", 6_711, 2_089, None),
        ]
    );
    let outliers = of(&opportunities, AuditRule::Outlier);
    let sql = |what: &str| {
        let above = outliers[0].upper.unwrap();
        let sql = format!("SELECT {what} FROM opportunity WHERE value > {above} * 100");
        crm.sql(&crm_core::RunSql::new(sql)).unwrap().rows[0].0[0].as_i64().unwrap()
    };
    assert_eq!((outliers.len(), outliers[0].count), (1, sql("count(*)").unsigned_abs()));
    assert!(outliers[0].lower.unwrap() < 0.0 && sql("min(value)") > 2_000_000);
    assert!(opportunities.text.contains("\"GTXPro\", probably \"GTX Pro\""), "{opportunities}");
    assert!(!format!("{opportunities:?}").contains("GTX"));
}

#[test]
fn duplicates_are_found_by_their_normal_form() {
    let crm = Crm::in_memory().unwrap();
    let attributes = [
        Attribute::new("email", Kind::Email),
        Attribute::new("phone", Kind::Phone),
        Attribute::new("name", Kind::Text).unique(),
        Attribute::new("note", Kind::Text),
    ];
    crm.types().define(DefineType::new("person", attributes)).unwrap();
    let people = crm.records("person");
    let person = |name: &str, email: &str| {
        people.create(values! { "name" => name, "email" => email }).unwrap().id
    };
    let first = person("Ann Example", "ann@example.org");
    person("Bob", "bob@example.org");
    let again = person("ANN-Example", "ANN@EXAMPLE.org");
    // Of many values, some of them twice.
    for number in 0..300 {
        people.create(values! { "note" => format!("note {}", number % 295) }).unwrap();
    }
    let archived = person("Carl", "bob@example.org");
    people.archive(archived, None).unwrap();
    let report = audit(&crm, "person");
    let found: Vec<_> = of(&report, AuditRule::Duplicate)
        .into_iter()
        .map(|found| (found.attribute.as_deref().unwrap(), found.count))
        .collect();
    assert_eq!(found, [("email", 1), ("name", 1), ("note", 5)]);
    assert_eq!(of(&report, AuditRule::Duplicate)[0].examples, [first, again]);
}

#[test]
fn spaces_and_age_are_found() {
    let folder = Folder::new();
    let crm = folder.open();
    let old = crm.companies().create(values! { "name" => " Acme  Ltd" }).unwrap();
    let request = AuditRecords {
        at: Some("2999-01-01T00:00:00Z".parse().unwrap()),
        ..AuditRecords::new("company")
    };
    let report = crm.audit_records(&request, &mut |_| Flow::Continue).unwrap();
    for rule in [AuditRule::Spacing, AuditRule::Stale] {
        let found = of(&report, rule);
        assert_eq!((found.len(), found[0].examples.as_slice()), (1, &[old.id][..]), "{rule:?}");
    }
    assert_eq!(of(&audit(&crm, "company"), AuditRule::Stale).len(), 0);
    let at = old.updated_at.micros();
    let just = |micros| AuditRecords {
        at: Some(crm_core::Timestamp::from_micros(micros).unwrap()),
        stale_after_days: 1,
        ..AuditRecords::new("company")
    };
    for (micros, count) in [(at + 86_400_000_000, 0), (at + 86_400_000_001, 1)] {
        let report = crm.audit_records(&just(micros), &mut |_| Flow::Continue).unwrap();
        assert_eq!(of(&report, AuditRule::Stale).len(), count);
    }
}

#[test]
fn an_audit_reports_progress_and_can_be_cancelled() {
    let crm = pipeline();
    let mut done = Vec::new();
    let request = AuditRecords::new("opportunity");
    let report = crm.audit_records(&request, &mut |progress| {
        done.push(progress.done);
        Flow::Continue
    });
    assert_eq!(report.unwrap().records, 8_800);
    assert!(done.is_sorted() && done.last().is_some_and(|last| *last >= 2 * 8_800), "{done:?}");
    let error = crm.audit_records(&request, &mut |_| Flow::Cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

#[test]
fn an_empty_type_has_an_empty_report() {
    let crm = Crm::in_memory().unwrap();
    let report = audit(&crm, "deal");
    assert_eq!((report.records, report.findings), (0, vec![]));
    assert!(report.attributes.iter().all(|one| one.filled + one.missing == 0));
}
