//! The sales pipeline of the tour, with its dirt.

use std::path::{Path, PathBuf};

use crm_core::{
    Attribute, BadCells, ColumnMapping, Crm, DefineType, Flow, ImportCsv, ImportMode, ImportReport,
    Kind, ListRecords, RunSql, Value,
};

use super::{import, lookup, map};

fn data(file: &str) -> PathBuf {
    let folder = "../examples/data/crm_sales_opportunities";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file)
}

fn pipeline() -> Crm {
    let crm = Crm::in_memory().unwrap();
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
        DefineType::new(
            "product",
            [
                Attribute::new("name", Kind::Text).required().unique(),
                Attribute::new("series", Kind::Text),
                Attribute::new("price", Kind::Money).currency("USD"),
            ],
        ),
        DefineType::new(
            "agent",
            [
                Attribute::new("name", Kind::Text).required().unique().personal(),
                Attribute::new("manager", Kind::Text).personal(),
                Attribute::new("region", Kind::Choice).options(["Central", "East", "West"]),
            ],
        ),
        DefineType::new(
            "account",
            [
                Attribute::new("name", Kind::Text).required().unique(),
                Attribute::new("sector", Kind::Choice).options(sectors),
                Attribute::new("founded", Kind::Integer),
                Attribute::new("revenue_millions", Kind::Decimal),
                Attribute::new("employees", Kind::Integer),
                Attribute::new("parent", Kind::Reference).target("account"),
            ],
        ),
        DefineType::new(
            "opportunity",
            [
                Attribute::new("code", Kind::Text).required().unique(),
                Attribute::new("agent", Kind::Reference).target("agent"),
                Attribute::new("product", Kind::Reference).target("product"),
                Attribute::new("account", Kind::Reference).target("account").indexed(),
                Attribute::new("stage", Kind::Choice).options([
                    "Prospecting",
                    "Engaging",
                    "Won",
                    "Lost",
                ]),
                Attribute::new("engaged_on", Kind::Date),
                Attribute::new("closed_on", Kind::Date),
                Attribute::new("value", Kind::Money).currency("USD"),
            ],
        ),
    ];
    for definition in types {
        crm.types().define(definition).unwrap();
    }
    crm
}

/// The problems of a report: column, kind, hint and how often.
fn findings(report: &ImportReport) -> Vec<(&str, &str, &str, u64)> {
    let counts = report.problem_counts.iter();
    let shown = counts.map(|found| {
        let [column, hint] = [&found.column, &found.hint].map(|it| it.as_deref().unwrap_or(""));
        (column, found.kind.as_str(), hint, found.count)
    });
    shown.collect()
}

/// The figures that everybody finds in this pipeline.
fn assert_figures(crm: &Crm) {
    let sql = "SELECT count(*), sum(stage = 'Won'), sum(stage = 'Lost'), \
               sum(value) FILTER (WHERE stage = 'Won') / 100, \
               round(avg(closed_on - engaged_on) FILTER (WHERE stage = 'Won'), 2), \
               sum(account IS NULL), sum(engaged_on IS NULL), sum(product IS NULL) FROM opportunity";
    let figures = crm.sql(&RunSql::new(sql)).unwrap().rows[0].0.clone();
    let whole = |number: i64| Value::Integer(number);
    let expected = [8_800, 4_238, 2_473, 10_005_534].map(whole).into_iter();
    let expected = expected.chain([Value::Real(51.78)]).chain([1_425, 500, 1_480].map(whole));
    assert_eq!(figures, expected.collect::<Vec<_>>());
}

#[test]
fn a_real_pipeline_is_imported_and_its_dirt_is_found() {
    let crm = pipeline();
    let run = |entity_type: &str, file: &str, columns: Vec<ColumnMapping>, key: Option<&str>| {
        let request = ImportCsv::from_path(entity_type, data(file).to_string_lossy(), columns);
        let request = ImportCsv {
            bad_cells: BadCells::LeaveEmpty,
            mode: if key.is_some() { ImportMode::Update } else { ImportMode::Create },
            key: key.map(str::to_owned),
            ..request
        };
        import(&crm, &request).unwrap()
    };
    let product =
        vec![map("product", "name"), map("series", "series"), map("sales_price", "price")];
    let report = run("product", "products.csv", product, None);
    assert_eq!((report.created, report.problems.len()), (7, 0));
    let agent = vec![
        map("sales_agent", "name"),
        map("manager", "manager"),
        map("regional_office", "region"),
    ];
    let report = run("agent", "sales_teams.csv", agent, None);
    assert_eq!((report.created, report.problems.len()), (35, 0));
    let account = vec![
        map("account", "name"),
        map("sector", "sector"),
        map("year_established", "founded"),
        map("revenue", "revenue_millions"),
        map("employees", "employees"),
    ];
    let report = run("account", "accounts.csv", account, None);
    assert_eq!((report.created, report.rejected), (85, 0));
    let technolgy = ("sector", "unknown_option", "did you mean \"technology\"?", 12);
    assert_eq!(findings(&report), [technolgy]);
    let parents = vec![map("account", "name"), lookup("subsidiary_of", "parent", "name")];
    let report = run("account", "accounts.csv", parents, Some("name"));
    assert_eq!((report.updated, report.unchanged, report.problems.len()), (15, 70, 0));

    let opportunity = vec![
        map("opportunity_id", "code"),
        lookup("sales_agent", "agent", "name"),
        lookup("product", "product", "name"),
        lookup("account", "account", "name"),
        map("deal_stage", "stage"),
        map("engage_date", "engaged_on"),
        map("close_date", "closed_on"),
        map("close_value", "value"),
    ];
    let report = run("opportunity", "sales_pipeline.csv", opportunity, None);
    assert_eq!((report.created, report.rejected), (8_800, 0));
    let gtx_pro = ("product", "not_found", "did you mean \"GTX Pro\"?", 1_480);
    assert_eq!(findings(&report), [gtx_pro]);
    assert_eq!(report.problems.len(), 1_000);

    assert_figures(&crm);
    assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);

    let first = crm.list_records(&ListRecords::new("opportunity")).unwrap();
    assert_eq!(first.records[0].get("code").as_str(), Some("1C1I7A6R"));
}
