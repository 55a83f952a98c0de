//! What conditions promise beyond their answers: bounds that SQLite keeps, indexes that serve, and
//! pages that fit together.

mod builders;
mod page;

use crm_core::{
    Attribute, Comparison, Condition, CountRecords, Crm, DefineType, ErrorKind, ExplainCondition,
    Kind, ListRecords, limits, values,
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

/// A condition of the greatest depth, width and number of hops, which begin at this level.
fn largest(hops_from: usize, is_any: bool) -> Condition {
    let leaf = || Condition::field("t").or_missing().between("a", "b");
    let happened = Condition::event("any").within("P1D").filter(leaf_of_activity());
    let mut condition = happened.count(Comparison::Lt, 3);
    let levels = limits::CONDITION_DEPTH - 1;
    let width = (limits::CONDITION_NODES - limits::CONDITION_DEPTH) / levels;
    for level in 2..=levels {
        let is_hop = (hops_from..hops_from + limits::CONDITION_HOPS).contains(&level);
        condition = match (is_hop, level % 2 == 0) {
            (true, _) => Condition::related("up").filter(condition).count(Comparison::Lt, 3),
            (false, true) if is_any => !condition,
            (false, is_all) => {
                let mut parts = vec![condition];
                parts.extend((0..width).map(|_| leaf()));
                if is_all { Condition::All(parts) } else { Condition::Any(parts) }
            }
        };
    }
    condition
}

fn leaf_of_activity() -> Condition {
    Condition::field("channel").or_missing().between("a", "b")
}

#[test]
fn the_largest_condition_stays_within_the_depth_of_sqlite() {
    let crm = file();
    for hops_from in 2..=limits::CONDITION_DEPTH - limits::CONDITION_HOPS {
        for is_any in [false, true] {
            let condition = largest(hops_from, is_any);
            let request = CountRecords {
                filter: values! { "n" => 1, "t" => "a", "tags" => "x" },
                condition: Some(condition.clone()),
                ..CountRecords::new("node")
            };
            assert_eq!(crm.count_records(&request).unwrap(), 0, "hops from {hops_from}");
            let deeper = CountRecords { condition: Some(!condition), ..request };
            assert_eq!(crm.count_records(&deeper).unwrap_err().kind(), ErrorKind::LimitExceeded);
        }
    }
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
