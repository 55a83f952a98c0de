//! What conditions promise beyond their answers: bounds that SQLite keeps, indexes that serve, and
//! pages that fit together.

use crm_core::{
    Attribute, Condition, CountRecords, Crm, DefineType, ExplainCondition, Kind, ListRecords,
    limits, values,
};

fn file() -> Crm {
    let crm = Crm::in_memory().unwrap();
    crm.types()
        .define(DefineType::new(
            "node",
            [
                Attribute::new("n", Kind::Integer).indexed(),
                Attribute::new("t", Kind::Text),
                Attribute::new("tags", Kind::Choices).options(["x", "y"]).indexed(),
                Attribute::new("up", Kind::Reference).target("node").indexed(),
            ],
        ))
        .unwrap();
    crm
}

fn plan(crm: &Crm, condition: &str) -> String {
    let request = ExplainCondition {
        entity_type: "node".into(),
        condition: condition.parse().unwrap(),
        at: None,
        zone: None,
        id: None,
    };
    crm.explain_condition(&request).unwrap().plan.join("\n")
}

#[test]
fn the_largest_condition_stays_within_the_depth_of_sqlite() {
    let crm = file();
    let leaf = || Condition::field("t").or_missing().between("a", "b");
    let mut nodes = 1;
    let mut condition = leaf();
    for level in 1..limits::CONDITION_DEPTH {
        let is_hop = level % 3 == 0 && level / 3 <= limits::CONDITION_HOPS;
        condition = if is_hop {
            nodes += 1;
            Condition::related("up").filter(condition).count(crm_core::Comparison::Lt, 3)
        } else {
            let width = (limits::CONDITION_NODES - nodes - 4).div_ceil(2).min(17);
            nodes += width + 1;
            let mut parts = vec![condition];
            parts.extend((0..width).map(|_| leaf()));
            if level % 2 == 0 { Condition::All(parts) } else { Condition::Any(parts) }
        };
    }
    let request = CountRecords {
        filter: values! { "n" => 1, "t" => "a", "tags" => "x" },
        condition: Some(!condition.clone()),
        ..CountRecords::new("node")
    };
    // With the negation it is one level too deep, and without it just not.
    assert!(crm.count_records(&request).is_err());
    let request = CountRecords { condition: Some(condition), ..request };
    assert_eq!(crm.count_records(&request).unwrap(), 0);
    let deep = (1..limits::CONDITION_DEPTH).fold(leaf(), |condition, _| !condition);
    let request = CountRecords { condition: Some(deep), ..request };
    assert_eq!(crm.count_records(&request).unwrap(), 0);
}

#[test]
fn ten_thousand_values_are_bound() {
    let crm = file();
    crm.records("node").create(values! { "n" => 9_999 }).unwrap();
    let condition = Condition::field("n").one_of(0..10_000_i64);
    let request = CountRecords { condition: Some(condition), ..CountRecords::new("node") };
    assert_eq!(crm.count_records(&request).unwrap(), 1);
}

#[test]
fn comparisons_use_the_indexes() {
    let crm = file();
    for condition in [
        "n = 5",
        "n > 5 and t contains \"x\"",
        "n in (1, 2)",
        "n between 1 and 3 and not t = \"x\"",
        "n = 1 or n = 2",
        "up = \"0197f0c0-1c00-7000-8000-000000000001\"",
    ] {
        let plan = plan(&crm, condition);
        assert!(plan.contains("USING INDEX crm_by_node."), "{condition}: {plan}");
    }
    assert!(
        plan(&crm, "tags has any (\"x\")").contains("PRIMARY KEY (attribute_id=? AND option=?)")
    );
    assert!(
        plan(&crm, "related(inverse node.up)").contains("USING COVERING INDEX crm_by_node.up")
            || plan(&crm, "related(inverse node.up)").contains("USING INDEX crm_by_node.up")
    );
    assert!(plan(&crm, "changed(n)").contains("crm_journal_by_record"));
    assert!(plan(&crm, "count(any within 30d) >= 2").contains("crm_activity_by_subject"));
}

#[test]
fn pages_of_a_condition_fit_together() {
    let crm = file();
    for n in 0..20 {
        crm.records("node")
            .create(values! { "n" => n, "t" => if n % 3 == 0 { "x" } else { "y" } })
            .unwrap();
    }
    let condition = "t = \"x\" or n > 15".parse().ok();
    let mut request = ListRecords { condition, limit: 3, ..ListRecords::new("node") };
    let mut found = Vec::new();
    loop {
        let page = crm.list_records(&request).unwrap();
        found.extend(page.records.iter().map(|record| record.get("n").as_i64().unwrap()));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(found, [0, 3, 6, 9, 12, 15, 16, 17, 18, 19]);
}

#[test]
fn an_estimate_is_near_without_a_scan() {
    let crm = file();
    let changes = (0..3_000_i64).map(|n| {
        crm_core::RecordChange::Create(crm_core::CreateRecord {
            entity_type: "node".into(),
            values: values! { "n" => n % 10 },
        })
    });
    let batch = crm_core::ApplyChanges { changes: changes.collect(), all_or_nothing: true };
    assert!(crm.apply(batch).unwrap().is_committed);
    let request = ExplainCondition {
        entity_type: "node".into(),
        condition: "n < 5".parse().unwrap(),
        at: None,
        zone: None,
        id: None,
    };
    let estimate = crm.explain_condition(&request).unwrap().estimated_rows;
    assert!((1_200..1_800).contains(&estimate), "{estimate}");
}
