//! What the forms of a condition have in common, and what is refused: without a file.

use super::{checked::Checked, *};
use crate::{
    Attribute, Error, ErrorKind, Kind, Money, Result, limits, refusal,
    schema::{AttributeModel, TypeModel},
};

/// A schema of a few types, without activities.
struct Types(Vec<TypeModel>);

impl Schema for Types {
    fn entity_type(&self, name: &str) -> Option<&TypeModel> {
        self.0.iter().find(|model| model.name == name)
    }

    fn entity_types(&self) -> Vec<&str> {
        self.0.iter().map(|model| model.name.as_str()).collect()
    }

    fn activity_kind(&self, _: &str) -> Option<&TypeModel> {
        None
    }

    fn activity_kinds(&self) -> Vec<&str> {
        Vec::new()
    }

    fn association(&self, _: &str) -> Option<AssociationShape<'_>> {
        None
    }

    fn associations(&self) -> Vec<&str> {
        Vec::new()
    }

    fn score(&self, _: &str) -> Option<&crate::scoring::StoredModel> {
        None
    }

    fn lifecycle(&self, _: &str) -> Option<&crate::lifecycle::LifecycleModel> {
        None
    }

    fn scores(&self, _: &str) -> Vec<&crate::scoring::StoredModel> {
        Vec::new()
    }

    fn consent_book(&self) -> &crate::consent::Book {
        static BOOK: std::sync::LazyLock<crate::consent::Book> =
            std::sync::LazyLock::new(crate::consent::Book::default);
        &BOOK
    }

    fn segments(&self) -> Vec<&crate::segment::SegmentModel> {
        Vec::new()
    }

    fn lifecycles(&self, _: &str) -> Vec<&crate::lifecycle::LifecycleModel> {
        Vec::new()
    }
}

fn schema() -> Types {
    let model = |name: &str, attributes: Vec<Attribute>| {
        let attributes = attributes.into_iter().zip(1..);
        let attributes = attributes.map(|(a, id)| AttributeModel::new(id, a, None).unwrap());
        TypeModel::new(1, name.into(), "".into(), "".into(), None, attributes.collect())
    };
    let mut attributes: Vec<Attribute> = Kind::ALL
        .iter()
        .map(|&kind| match kind {
            Kind::Choice | Kind::Choices => {
                Attribute::new(kind.name(), kind).options(["red", "green", "blue"])
            }
            Kind::Reference => Attribute::new(kind.name(), kind).target("company"),
            _ => Attribute::new(kind.name(), kind),
        })
        .collect();
    attributes.push(Attribute::new("price", Kind::Money).currency("EUR"));
    let company =
        vec![Attribute::new("name", Kind::Text), Attribute::new("employees", Kind::Integer)];
    Types(vec![model("thing", attributes), model("company", company)])
}

fn judge(text: &str) -> Result<Checked> {
    check(&text.parse::<Condition>().unwrap(), &schema(), "thing")
}

/// Each in text and in JSON.
const FORMS: &[(&str, &str)] = &[
    (r#"country = "DE""#, r#"{"field":"country","op":"eq","value":"DE"}"#),
    (
        r#"(country != "US" or missing)"#,
        r#"{"field":"country","op":"neq","value":"US","missing":true}"#,
    ),
    ("a < 1", r#"{"field":"a","op":"lt","value":1}"#),
    ("a <= -1.5", r#"{"field":"a","op":"lte","value":-1.5}"#),
    ("a > 1e+300", r#"{"field":"a","op":"gt","value":1e300}"#),
    (
        "price >= 19.90 EUR",
        r#"{"field":"price","op":"gte","value":{"amount":"19.90","currency":"EUR"}}"#,
    ),
    (r#"a between 1 and "x""#, r#"{"field":"a","op":"between","value":[1,"x"]}"#),
    (
        r#"a in ("x", 2 EUR, null)"#,
        r#"{"field":"a","op":"in","value":["x",{"amount":"2","currency":"EUR"},null]}"#,
    ),
    ("a not in ()", r#"{"field":"a","op":"not_in","value":[]}"#),
    (r#"a contains "x\"\n`ü""#, r#"{"field":"a","op":"contains","value":"x\"\n`ü"}"#),
    (r#"home.city starts with "Ul""#, r#"{"field":"home.city","op":"starts_with","value":"Ul"}"#),
    (r#"a ends with "m""#, r#"{"field":"a","op":"ends_with","value":"m"}"#),
    (r#"a matches "\\d+""#, r#"{"field":"a","op":"matches","value":"\\d+"}"#),
    ("stage is set", r#"{"field":"stage","op":"is_set"}"#),
    ("`missing` is missing", r#"{"field":"missing","op":"is_missing"}"#),
    (r#"a = ["x","y"]"#, r#"{"field":"a","op":"eq","value":["x","y"]}"#),
    ("a = true", r#"{"field":"a","op":"eq","value":true}"#),
    (r#"a has any ("x")"#, r#"{"field":"a","op":"has_any","value":["x"]}"#),
    (r#"a has all ("x", "y")"#, r#"{"field":"a","op":"has_all","value":["x","y"]}"#),
    (r#"a has none ("x")"#, r#"{"field":"a","op":"has_none","value":["x"]}"#),
    ("a within last 30d", r#"{"field":"a","op":"within_last","value":"P30D"}"#),
    ("a within next P1Y2M", r#"{"field":"a","op":"within_next","value":"P1Y2M"}"#),
    (
        "birthday anniversary within next 7d",
        r#"{"field":"birthday","op":"anniversary_within_next","value":"P7D"}"#,
    ),
    (
        "birthday anniversary within last 2w",
        r#"{"field":"birthday","op":"anniversary_within_last","value":"P2W"}"#,
    ),
    (r"`b\`\\ö` is set", r#"{"field":"b`\\ö","op":"is_set"}"#),
    ("all()", r#"{"all":[]}"#),
    ("any(a is set)", r#"{"any":[{"field":"a","op":"is_set"}]}"#),
    ("not not a is set", r#"{"not":{"not":{"field":"a","op":"is_set"}}}"#),
    (
        "a is set and (b is set or c is set) and (d is set and not (e is set and f is set))",
        r#"{"all":[{"field":"a","op":"is_set"},{"any":[{"field":"b","op":"is_set"},{"field":"c","op":"is_set"}]},{"all":[{"field":"d","op":"is_set"},{"not":{"all":[{"field":"e","op":"is_set"},{"field":"f","op":"is_set"}]}}]}]}"#,
    ),
    (
        "count(email_opened within 30d) >= 3",
        r#"{"event":"email_opened","within":"P30D","count":{"op":"gte","value":3}}"#,
    ),
    ("count(any) >= 1", r#"{"event":"any"}"#),
    (
        r#"count(call from "2026-01-01T00:00:00Z" until "2026-02-01T00:00:00Z" where amount > 5 EUR and link = "x") = 0"#,
        r#"{"event":"call","from":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z","where":{"all":[{"field":"amount","op":"gt","value":{"amount":"5","currency":"EUR"}},{"field":"link","op":"eq","value":"x"}]},"count":{"op":"eq","value":0}}"#,
    ),
    (
        "sum(amount of purchase within 12mo) >= 100 EUR",
        r#"{"event":"purchase","within":"P12M","sum":{"property":"amount","op":"gte","value":{"amount":"100","currency":"EUR"}}}"#,
    ),
    (
        "min(points of survey) != 3",
        r#"{"event":"survey","min":{"property":"points","op":"neq","value":3}}"#,
    ),
    (
        "max(points of survey) < 3",
        r#"{"event":"survey","max":{"property":"points","op":"lt","value":3}}"#,
    ),
    (
        r#"first(purchase) before "2026-01-01T00:00:00Z""#,
        r#"{"event":"purchase","first":{"op":"before","value":"2026-01-01T00:00:00Z"}}"#,
    ),
    (
        r#"first(purchase) after "2026-01-01T00:00:00Z""#,
        r#"{"event":"purchase","first":{"op":"after","value":"2026-01-01T00:00:00Z"}}"#,
    ),
    (
        "last(purchase) within last 30d",
        r#"{"event":"purchase","last":{"op":"within_last","value":"P30D"}}"#,
    ),
    (
        "last(purchase) older than 90d",
        r#"{"event":"purchase","last":{"op":"older_than","value":"P90D"}}"#,
    ),
    ("related(employed_by)", r#"{"related":"employed_by"}"#),
    (
        r#"related(inverse employed_by as contact role "CFO": age < 50 or age is missing) >= 2"#,
        r#"{"related":"employed_by","inverse":true,"type":"contact","role":"CFO","where":{"any":[{"field":"age","op":"lt","value":50},{"field":"age","op":"is_missing"}]},"count":{"op":"gte","value":2}}"#,
    ),
    ("related(inverse deal.company)", r#"{"related":"deal.company","inverse":true}"#),
    ("related(`inverse`)", r#"{"related":"inverse"}"#),
    (
        r#"changed(stage from null to "won" within 30d)"#,
        r#"{"changed":"stage","from":null,"to":"won","within":"P30D"}"#,
    ),
    ("changed(stage)", r#"{"changed":"stage"}"#),
    (r#"not in segment "churned""#, r#"{"not":{"segment":"churned"}}"#),
    (r#"stage(at_least "mql")"#, r#"{"stage":{"op":"at_least","value":"mql"}}"#),
    (
        r#"stage(eq "mql" in "contact")"#,
        r#"{"stage":{"op":"eq","value":"mql","lifecycle":"contact"}}"#,
    ),
    (r#"score("fit" >= 50)"#, r#"{"score":{"name":"fit","op":"gte","value":50}}"#),
    ("score(>= 50)", r#"{"score":{"op":"gte","value":50}}"#),
    (
        r#"consent("email", "newsletter")"#,
        r#"{"consent":{"channel":"email","purpose":"newsletter"}}"#,
    ),
];

#[test]
fn text_and_json_are_the_same_condition() {
    for (text, json) in FORMS {
        let from_text: Condition = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let from_json: Condition = json.parse().unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(from_text, from_json, "{text}");
        assert_eq!(from_text.to_string(), *text);
        let written: serde_json::Value = serde_json::from_str(&json::to_text(&from_text)).unwrap();
        let expected: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_value::<Condition>(expected).unwrap(), from_text);
        let as_text = serde_json::Value::from(*text);
        assert_eq!(serde_json::from_value::<Condition>(as_text).unwrap(), from_text);
    }
}

#[test]
fn and_binds_closer_than_or_and_not_closer_than_both() {
    let parsed: Condition = "not a = 1 and b = 2 or c = 3".parse().unwrap();
    let field = |name: &str, value: i64| Condition::field(name).eq(value);
    assert_eq!(parsed, !field("a", 1) & field("b", 2) | field("c", 3));
}

fn refusal_of(condition: &str) -> Error {
    condition.parse::<Condition>().expect_err(condition)
}

#[test]
fn bad_json_names_the_path_and_never_the_value() {
    for (json, field, kind) in [
        (
            r#"{"all":[{"field":"a","op":"sekret","value":1}]}"#,
            Some("all[0].op"),
            ErrorKind::InvalidArgument,
        ),
        (r#"{"all":{"sekret":1}}"#, Some("all"), ErrorKind::InvalidArgument),
        (
            r#"{"not":{"event":"a","count":{"op":"gte","value":-1}}}"#,
            Some("not.count.value"),
            ErrorKind::InvalidArgument,
        ),
        (
            r#"{"event":"a","count":{"op":"gte","value":"sekret"}}"#,
            Some("count.value"),
            ErrorKind::InvalidArgument,
        ),
        (r#"{"event":"a","within":"sekret"}"#, Some("within"), ErrorKind::InvalidArgument),
        (r#"{"event":"a","from":"sekret"}"#, Some("from"), ErrorKind::InvalidArgument),
        (
            r#"{"event":"a","sum":{"property":"b"},"max":{}}"#,
            Some("max"),
            ErrorKind::InvalidArgument,
        ),
        (r#"{"field":"a","op":"eq"}"#, Some("value"), ErrorKind::InvalidArgument),
        (r#"{"field":"a","op":"is_set","value":1}"#, Some("value"), ErrorKind::InvalidArgument),
        (
            r#"{"field":"a","op":"in","value":[{"sekret":1}]}"#,
            Some("value[0]"),
            ErrorKind::InvalidArgument,
        ),
        (
            r#"{"field":"a","op":"eq","value":1,"mising":true}"#,
            Some("mising"),
            ErrorKind::InvalidArgument,
        ),
        (r#"{"related":"a","where":{"feild":"x"}}"#, Some("where"), ErrorKind::InvalidArgument),
        (r#"{"all":[],"any":[]}"#, Some("any"), ErrorKind::InvalidArgument),
        (r#"{"not":null}"#, Some("not"), ErrorKind::InvalidArgument),
        (r#"{"field":"a","field":"b","op":"is_set"}"#, None, ErrorKind::InvalidArgument),
        (r#"{"field":"sekret""#, None, ErrorKind::InvalidArgument),
        ("{}", None, ErrorKind::InvalidArgument),
        ("{} sekret", None, ErrorKind::InvalidArgument),
    ] {
        let error = refusal_of(json);
        assert_eq!((error.field(), error.kind()), (field, kind), "{json}: {error}");
        assert!(!error.to_string().contains("sekret"), "{error}");
        // The same through serde, which carries text only.
        if let Ok(tree) = serde_json::from_str::<serde_json::Value>(json)
            && field.is_some()
        {
            let message = serde_json::from_value::<Condition>(tree).unwrap_err().to_string();
            let then = refusal::from_serde(&message).expect(&message);
            assert_eq!((then.field(), then.kind(), then.hint()), (field, kind, error.hint()));
        }
    }
    assert_eq!(refusal_of(r#"{"feild":"x"}"#).hint(), Some("did you mean \"field\"?"));
    assert_eq!(
        refusal_of(r#"{"field":"a","op":"contain","value":"x"}"#).hint(),
        Some("did you mean \"contains\"?")
    );
}

#[test]
fn bad_text_names_the_place_and_never_the_value() {
    for (text, place) in [
        ("", 0),
        ("country", 7),
        ("country = sekret", 10),
        ("country = \"sekret", 10),
        ("a = 1 b = 2", 6),
        ("(a = 1", 6),
        ("a in (1, 2", 10),
        ("a in 1", 5),
        ("a between 1 or 2", 12),
        ("cuont(x) > 1", 0),
        ("count(x) > 1.5 and", 12),
        ("count(x) >= -1", 12),
        ("a within last sekret", 14),
        ("first(x) before \"sekret\"", 16),
        ("a = 1e999", 4),
        ("a = 1 or", 8),
        ("`a", 2),
        ("ä = 1", 0),
        ("in segmet \"x\"", 3),
    ] {
        let error = refusal_of(text);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}: {error}");
        assert!(error.message().ends_with(&format!(" at byte {place}")), "{text}: {error}");
        assert!(!error.to_string().contains("sekret"), "{error}");
    }
    assert_eq!(refusal_of("cuont(x) > 1").hint(), Some("did you mean count(…)?"));
    assert_eq!(refusal_of("segment(\"x\")").hint(), Some("did you mean in segment \"…\"?"));
    let hint = "it begins with a field, not, (, in segment, or one of all, any, count, sum, min, max, \
                first, last, related, changed, stage, score, consent, each with (";
    assert_eq!(refusal_of("foo(form)").hint(), Some(hint));
}

#[test]
fn what_is_deep_or_large_is_refused_and_never_a_stack_overflow() {
    let deep = |open: &str, close: &str, levels: usize| {
        format!("{}a is set{}", open.repeat(levels), close.repeat(levels))
    };
    let leaf = r#"{"field":"a","op":"is_set"}"#;
    let json =
        |levels: usize| format!("{}{leaf}{}", r#"{"all":["#.repeat(levels), "]}".repeat(levels));
    assert!(json(limits::CONDITION_DEPTH - 1).parse::<Condition>().is_ok());
    assert!(deep("all(", ")", limits::CONDITION_DEPTH - 1).parse::<Condition>().is_ok());
    for text in [
        json(limits::CONDITION_DEPTH),
        json(100_000),
        format!("{}{leaf}{}", r#"{"not":"#.repeat(100_000), "}".repeat(100_000)),
        deep("all(", ")", limits::CONDITION_DEPTH),
        deep("all(", ")", 10_000),
        deep("(", ")", 10_000),
        deep("not ", "", 10_000),
        deep("related(a: ", ")", 5_000),
        deep("related(a: ", ")", limits::CONDITION_HOPS + 1),
        deep("a is set and ", "", limits::CONDITION_NODES),
        deep("a is set or ", "", 10_000),
        format!("a in ({}1)", "1,".repeat(limits::CONDITION_VALUES)),
    ] {
        let error = refusal_of(&text);
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    }
    let nested = (0..1000).fold(String::from("1"), |json, _| format!("[{json}]"));
    for text in [
        "a".repeat(limits::CONDITION_TEXT_BYTES + 1),
        format!("{}{}", r#"{"all":["#.repeat(100_000), "]}"),
        format!("a = {nested}"),
        format!(r#"{{"field":"a","op":"eq","value":{nested}}}"#),
    ] {
        let kind = refusal_of(&text).kind();
        assert!(matches!(kind, ErrorKind::LimitExceeded | ErrorKind::InvalidArgument));
    }
    let built = (0..20).fold(Condition::field("text").is_set(), |condition, _| !condition);
    assert_eq!(check(&built, &schema(), "thing").unwrap_err().kind(), ErrorKind::LimitExceeded);
}

type Refusal = (&'static str, ErrorKind, &'static str, Option<&'static str>);

/// Each with its kind, its place and, where it matters, its hint.
const REFUSALS: &[Refusal] = &[
    ("cuontry = \"DE\"", ErrorKind::UnknownAttribute, "field", Some("did you mean \"country\"?")),
    (
        "text is set and craeted_at is set",
        ErrorKind::UnknownAttribute,
        "all[1].field",
        Some("did you mean \"created_at\"?"),
    ),
    ("address.citty is set", ErrorKind::UnknownAttribute, "field", Some("did you mean \"city\"?")),
    ("text.size is set", ErrorKind::UnknownAttribute, "field", None),
    ("choice = \"gren\"", ErrorKind::UnknownOption, "value", Some("did you mean \"green\"?")),
    (
        "choice in (\"red\", \"bleu\")",
        ErrorKind::UnknownOption,
        "value[1]",
        Some("did you mean \"blue\"?"),
    ),
    (
        "choices has any (\"red\", \"bleu\")",
        ErrorKind::UnknownOption,
        "value[1]",
        Some("did you mean \"blue\"?"),
    ),
    ("integer = \"x\"", ErrorKind::WrongKind, "value", None),
    ("integer > 1.5", ErrorKind::WrongKind, "value", None),
    ("integer contains \"1\"", ErrorKind::InvalidArgument, "op", None),
    ("address = \"x\"", ErrorKind::InvalidArgument, "op", None),
    ("choices in (\"red\")", ErrorKind::InvalidArgument, "op", None),
    ("reference < \"x\"", ErrorKind::InvalidArgument, "op", None),
    ("reference = \"x\"", ErrorKind::InvalidValue, "value", None),
    ("email = \"x\"", ErrorKind::InvalidValue, "value", None),
    ("date = \"01.02.2024\"", ErrorKind::InvalidValue, "value", None),
    ("date within last 3h", ErrorKind::InvalidArgument, "value", None),
    ("date anniversary within next 367d", ErrorKind::OutOfRange, "value", None),
    ("timestamp anniversary within next 1h", ErrorKind::InvalidArgument, "value", None),
    ("text = \"\"", ErrorKind::Required, "value", None),
    ("text = null", ErrorKind::Required, "value", None),
    ("text contains \"\"", ErrorKind::Required, "value", None),
    ("text contains 5", ErrorKind::WrongKind, "value", None),
    ("text matches \"(\"", ErrorKind::InvalidArgument, "value", None),
    ("text between (\"a\")", ErrorKind::InvalidArgument, "value", None),
    ("money > 5", ErrorKind::WrongKind, "value", None),
    ("price > 5 USD", ErrorKind::InvalidValue, "value", None),
    ("money in (5 EUR, 5 USD)", ErrorKind::InvalidValue, "value[1]", None),
    ("money.currency = \"ZZZ\"", ErrorKind::InvalidValue, "value", None),
    ("(text is set or missing)", ErrorKind::InvalidArgument, "missing", None),
    ("count(call) > 1", ErrorKind::UnknownType, "event", None),
    (
        "count(any within 1d where related(reference)) > 1",
        ErrorKind::InvalidArgument,
        "where.related",
        None,
    ),
    (
        "count(any within 1d until \"2026-01-01T00:00:00Z\") > 1",
        ErrorKind::InvalidArgument,
        "within",
        None,
    ),
    ("sum(at of any) > 1", ErrorKind::InvalidArgument, "sum.property", None),
    ("related(referense)", ErrorKind::UnknownType, "related", Some("did you mean \"reference\"?")),
    (
        "related(reference: employes > 1)",
        ErrorKind::UnknownAttribute,
        "where.field",
        Some("did you mean \"employees\"?"),
    ),
    ("related(reference role \"x\")", ErrorKind::InvalidArgument, "related", None),
    ("related(reference as thing)", ErrorKind::UnknownType, "type", None),
    ("related(inverse company.thing)", ErrorKind::UnknownType, "related", None),
    ("changed(txt)", ErrorKind::UnknownAttribute, "changed", Some("did you mean \"text\"?")),
    ("changed(real to 1.5)", ErrorKind::InvalidArgument, "to", None),
    (
        "changed(choice from \"gren\")",
        ErrorKind::UnknownOption,
        "from",
        Some("did you mean \"green\"?"),
    ),
    ("text is set and not in segment \"x\"", ErrorKind::NotFound, "all[1].not.segment", None),
    (
        "stage(eq \"x\")",
        ErrorKind::NotFound,
        "stage.lifecycle",
        Some("define it with lifecycles.define"),
    ),
    (
        "score(> 1)",
        ErrorKind::NotFound,
        "score.name",
        Some("define it with scores.define, and publish it"),
    ),
    (
        "consent(\"emai\", \"x\")",
        ErrorKind::NotFound,
        "consent.channel",
        Some("did you mean \"email\"?"),
    ),
    (
        "consent(\"email\", \"x\")",
        ErrorKind::NotFound,
        "consent.purpose",
        Some("define it with purposes.define"),
    ),
];

#[test]
fn the_check_names_the_path_and_the_nearest() {
    for &(text, kind, field, hint) in REFUSALS {
        let error = judge(text).expect_err(text);
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{text}: {error}");
        if hint.is_some() {
            assert_eq!(error.hint(), hint, "{text}");
        }
    }
    let condition = Condition::field("text").is_set();
    let error = check(&condition, &schema(), "thign").unwrap_err();
    assert_eq!(
        (error.kind(), error.hint()),
        (ErrorKind::UnknownType, Some("did you mean \"thing\"?"))
    );
    let span = Condition::field("date").within_last("sekret");
    let error = check(&span, &schema(), "thing").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidValue, Some("value")));
}

#[test]
fn values_are_judged_as_stored_but_for_the_rules_of_the_attribute() {
    for text in [
        "rating > 100",
        "price = 19.9",
        "price = 19.90 EUR",
        "country = \"de\"",
        "address.country = \"de\"",
        "money.currency = \"eur\"",
        "file.size > 10",
        "id = \"0197f0c0-1c00-7000-8000-000000000001\"",
        "choices = [\"red\",\"green\"]",
        "changed(money to 5 EUR)",
        "changed(address to null)",
        "version >= 2 and created_at within last 3h and updated_at within next 1y",
    ] {
        judge(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn the_builder_writes_what_text_reads() {
    let built = [
        (Condition::field("a").or_missing().none_of(["x"]), "(a not in (\"x\") or missing)"),
        (
            Condition::field("a").between(1, 2) | Condition::field("b").is_missing(),
            "a between 1 and 2 or b is missing",
        ),
        (Condition::event("e").never(), "count(e) = 0"),
        (
            Condition::event("e").filter(Condition::field("p").eq(1)).figure(
                Figure::Sum,
                "amount",
                Comparison::Gt,
                Money::new("5", "EUR"),
            ),
            "sum(amount of e where p = 1) > 5 EUR",
        ),
        (Condition::event("e").last(When::OlderThan(Span::days(90))), "last(e) older than 90d"),
        (
            Condition::related("r")
                .inverse()
                .of_type("t")
                .role("x")
                .filter(Condition::field("a").is_set())
                .count(Comparison::Eq, 0),
            "related(inverse r as t role \"x\": a is set) = 0",
        ),
        (
            Condition::changed("stage").to("won").within("P30D").happened(),
            "changed(stage to \"won\" within 30d)",
        ),
    ];
    for (condition, text) in built {
        assert_eq!(condition.to_string(), text);
        assert_eq!(text.parse::<Condition>().unwrap(), condition);
    }
}

#[test]
fn the_normal_form_is_one() {
    for (text, normal) in [
        ("b is set and (a is set and b is set)", "a is set and b is set"),
        ("not not not a is set", "not a is set"),
        ("all(any(all(a is set)))", "a is set"),
        ("a in (\"y\", \"x\", \"y\")", "a in (\"x\", \"y\")"),
        ("a between 2 and 1", "a between 2 and 1"),
        ("count(e where all()) >= 1", "count(e) >= 1"),
        ("any() or any()", "any()"),
        ("not (a is set or (b is set or a is set))", "not (a is set or b is set)"),
    ] {
        let once = text.parse::<Condition>().unwrap().normalise();
        assert_eq!(once.to_string(), normal);
        assert_eq!(once.clone().normalise(), once);
    }
}
