//! Conditions as text and as JSON: what is read prints and reads again to the same, and SQL finds
//! the records for which it is true in memory.

use std::sync::LazyLock;

use crm_core::{
    Attribute, CheckCondition, Condition, Crm, DefineActivityKind, DefineType, ErrorKind,
    EvaluateCondition, ExplainCondition, Flow, Kind, ListRecords, Money, NewActivity, RecordId,
    RecordRef, Timestamp, Value, ops::Request, values,
};

use super::refused;

/// A condition as people write it, or as JSON if it begins with `{`.
pub fn text(data: &[u8]) {
    match String::from_utf8_lossy(data).parse::<Condition>() {
        Ok(condition) => judge(&condition),
        Err(error) => refused(&error),
    }
}

/// A condition as a host's request carries it, which need not even be UTF-8.
pub fn json(data: &[u8]) {
    let request = [br#"{"type":"node","where":"#, data, b"}"].concat();
    let answer = Request::from_json("records.count", &request)
        .and_then(|request| LIBRARY.crm.execute(request, &mut |_| Flow::Continue));
    if let Err(error) = answer {
        refused(&error);
    }
    if let Ok(text) = str::from_utf8(data) {
        self::text(text.as_bytes());
    }
}

fn judge(condition: &Condition) {
    // What is read is within its limits; what is printed may be longer than text may be.
    match condition.to_string().parse::<Condition>() {
        Ok(again) => assert!(again == *condition, "text reads back to another condition"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}"),
    }
    let json = serde_json::to_string(condition).expect("every condition is JSON");
    let again: Condition = json.parse().expect("the JSON of a condition is one");
    assert!(again == *condition, "JSON reads back to another condition");

    let Library { crm, at, records } = &*LIBRARY;
    let request = ListRecords {
        condition: Some(condition.clone()),
        at: Some(*at),
        ..ListRecords::new("node")
    };
    let evaluate = |id: RecordId| {
        crm.evaluate_condition(&EvaluateCondition {
            entity_type: "node".into(),
            id,
            condition: condition.clone(),
            at: Some(*at),
            zone: None,
        })
    };
    let found = match crm.list_records(&request) {
        Ok(page) => page.records,
        Err(error) => {
            refused(&error);
            return refused(&evaluate(records[0]).expect_err("SQL refuses it"));
        }
    };
    for id in records {
        let is_found = found.iter().any(|record| record.id == *id);
        let answer = evaluate(*id).expect("SQL answers it");
        assert_eq!(is_found, answer.is_true, "SQL and memory disagree");
    }
    let entity_type = || "node".to_owned();
    let request = CheckCondition { entity_type: entity_type(), condition: condition.clone() };
    let checked = crm.check_condition(&request).expect("what is answered is checked");
    let request = CheckCondition { condition: checked.condition.clone(), ..request };
    let again = crm.check_condition(&request).expect("the normal form is a condition");
    assert!(again.condition == checked.condition, "the normal form has another one");
    let explain = ExplainCondition {
        entity_type: entity_type(),
        condition: condition.clone(),
        at: Some(*at),
        zone: None,
        id: Some(records[0]),
    };
    crm.explain_condition(&explain).expect("what is answered is explained");
}

/// A file that answers conditions: three records, of which the first has everything.
struct Library {
    crm: Crm,
    at: Timestamp,
    records: [RecordId; 3],
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| library().expect("the file is made"));

fn library() -> crm_core::Result<Library> {
    let at: Timestamp = "2026-01-02T12:00:00Z".parse()?;
    let crm = Crm::in_memory()?;
    let attributes = [
        Attribute::new("n", Kind::Integer).indexed(),
        Attribute::new("rate", Kind::Real),
        Attribute::new("size", Kind::Decimal),
        Attribute::new("t", Kind::Text),
        Attribute::new("tags", Kind::Choices).options(["x", "y"]).indexed(),
        Attribute::new("born", Kind::Date),
        Attribute::new("seen", Kind::Timestamp),
        Attribute::new("price", Kind::Money),
        Attribute::new("up", Kind::Reference).target("node").indexed(),
    ];
    crm.types().define(DefineType::new("node", attributes))?;
    let minutes = Attribute::new("minutes", Kind::Integer);
    crm.activity_kinds().define(DefineActivityKind::new("call", [minutes]))?;
    let nodes = crm.records("node");
    let second = nodes.create(values! { "n" => i64::MAX, "t" => "ẞ\n\"`\\", "rate" => -0.5 })?;
    let first = nodes.create(values! {
        "n" => 1, "rate" => 0.1, "size" => "1.50", "t" => "Straße", "tags" => vec!["x", "y"],
        "born" => "1992-02-29", "seen" => "2026-01-01T00:00:00Z",
        "price" => Value::Money(Money::new("19.90", "EUR")), "up" => second.id,
    })?;
    let third = nodes.create(values! {})?;
    for (days, minutes) in [("2025-12-31", 5), ("2025-06-01", -1), ("2020-01-01", 90)] {
        let at = format!("{days}T00:00:00Z").parse()?;
        let subject = RecordRef { entity_type: "node".into(), id: first.id };
        let call =
            NewActivity { channel: Some("web".into()), ..NewActivity::of("call", subject, at) };
        let call = NewActivity { properties: values! { "minutes" => minutes }, ..call };
        crm.activities().record(call)?;
    }
    Ok(Library { crm, at, records: [first.id, second.id, third.id] })
}
