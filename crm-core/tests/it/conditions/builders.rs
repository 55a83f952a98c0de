//! Conditions built in Rust are those of `tests/conformance/builders.json`, to which the builders of
//! the other languages are held as well: the same text, the same JSON, and both read back.

use std::path::Path;

use crm_core::{
    Comparison, Condition, ConsentCondition, Figure, Money, ScoreCondition, StageOperator,
    Timestamp, Value, When,
};
use serde_json::Value as Json;

fn noon() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

fn field(name: &str) -> crm_core::FieldBuilder {
    Condition::field(name)
}

fn event(kind: &str) -> crm_core::EventCondition {
    Condition::event(kind)
}

fn euros(amount: &str) -> Value {
    Value::Money(Money::new(amount, "EUR"))
}

fn fields() -> Vec<(&'static str, Condition)> {
    vec![
        ("field_eq", field("city").eq("Ulm")),
        ("field_neq", field("active").neq(true)),
        ("field_lt", field("employees").lt(-5)),
        ("field_lte", field("share").lte(0.5)),
        ("field_gt", field("price").gt(euros("19.90"))),
        ("field_gte", field("or").gte(9_007_199_254_740_993_i64)),
        ("field_between", field("born").between("1990-01-01", "1999-12-31")),
        ("field_one_of", field("home.city").one_of(["Ulm", "Bonn"])),
        ("field_none_of", field("rating").none_of([1, 2])),
        ("field_contains", field("title").contains("say \"hi\" \\ to\nAnn")),
        ("field_starts_with", field("title").starts_with("Grüße 🙂")),
        ("field_ends_with", field("title").ends_with("x")),
        ("field_matches", field("title").matches("[a-z]+\\d")),
        ("field_is_set", field("title").is_set()),
        ("field_is_missing", field("title").is_missing()),
        ("field_has_any", field("tags").has_any(["red", "blue"])),
        ("field_has_all", field("tags").has_all(["red"])),
        ("field_has_none", field("tags").has_none(["red"])),
        ("field_within_last", field("seen").within_last("30d")),
        ("field_within_next", field("seen").within_next("P1Y2M3W4DT5H6M7S")),
        ("field_anniversary_within_last", field("born").anniversary_within_last("2w")),
        ("field_anniversary_within_next", field("born").anniversary_within_next("7d")),
        ("field_or_missing", field("city").or_missing().neq("Ulm")),
        (
            "and",
            field("a").eq(1)
                & field("b").eq(2)
                & (field("c").eq(3) | field("d").eq(4) | !field("e").is_set()),
        ),
        ("all_of", Condition::All(vec![field("a").eq(1)])),
        ("any_of", Condition::Any(Vec::new())),
    ]
}

fn events() -> Vec<(&'static str, Condition)> {
    let until = "2026-01-03T12:00:00Z".parse().unwrap();
    let over_the_web = field("amount").gt(euros("5")) & field("channel").eq("web");
    let bought = event("purchase").within("12mo");
    vec![
        ("event", event("call").happened()),
        ("event_never", event("any").never()),
        ("event_count", event("email_opened").within("30d").count_gte(3)),
        (
            "event_span",
            event("purchase")
                .from(noon())
                .until(until)
                .filter(over_the_web)
                .count(Comparison::Lt, 2),
        ),
        ("event_sum", bought.figure(Figure::Sum, "amount", Comparison::Gte, euros("100.00"))),
        ("event_min", event("call").figure(Figure::Min, "minutes", Comparison::Neq, 5)),
        ("event_max", event("call").figure(Figure::Max, "minutes", Comparison::Lte, 5)),
        ("event_first_before", event("call").first(When::Before(noon()))),
        ("event_first_after", event("call").first(When::After(noon()))),
        ("event_last_within_last", event("call").last(When::WithinLast("10min".into()))),
        ("event_last_older_than", event("call").last(When::OlderThan("90d".into()))),
    ]
}

fn others() -> Vec<(&'static str, Condition)> {
    let big = field("employees").gte(50);
    let officers = Condition::related("employed_by").inverse().of_type("contact").role("CFO");
    let stage = Condition::stage;
    let score = |name: Option<&str>, op, value| {
        Condition::Score(ScoreCondition { name: name.map(Into::into), op, value })
    };
    let (channel, purpose) = ("email".into(), "newsletter".into());
    vec![
        ("related", Condition::related("employed_by").filter(big).exists()),
        ("related_count", officers.count(Comparison::Gt, 2)),
        ("changed", Condition::changed("stage").happened()),
        (
            "changed_span",
            Condition::changed("stage").from(Value::Null).to("won").within("30d").happened(),
        ),
        ("segment", Condition::Segment("churned".into())),
        ("stage_eq", stage(StageOperator::Eq, "mql")),
        ("stage_neq", stage(StageOperator::Neq, "mql")),
        ("stage_at_least", stage(StageOperator::AtLeast, "mql")),
        ("stage_at_most", stage(StageOperator::AtMost, "mql")),
        ("stage_named", stage(StageOperator::AtLeast, "mql").of_lifecycle("contact")),
        ("score", score(None, Comparison::Gte, Value::from(50))),
        ("score_named", score(Some("fit"), Comparison::Lt, Value::from(1.5))),
        ("consent", Condition::Consent(ConsentCondition { channel, purpose })),
    ]
}

#[test]
fn built_conditions_are_those_of_every_language() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/builders.json");
    let pairs: Vec<Json> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let built: Vec<_> = [fields(), events(), others()].concat();
    assert_eq!(pairs.len(), built.len());
    for (pair, (name, condition)) in pairs.iter().zip(&built) {
        let (text, json) = (pair["text"].as_str().unwrap(), &pair["condition"]);
        assert_eq!(pair["name"], *name);
        assert_eq!(condition.to_string(), text, "{name}");
        assert_eq!(&serde_json::to_value(condition).unwrap(), json, "{name}");
        assert_eq!(&text.parse::<Condition>().unwrap(), condition, "{name}");
        assert_eq!(&json.to_string().parse::<Condition>().unwrap(), condition, "{name}");
    }
}
