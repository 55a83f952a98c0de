//! What formulas give, what is refused of them, and that their text reads back: without a file.

use proptest::prelude::*;

use super::*;
use crate::{
    Attribute, ErrorKind, Kind, Value, Values,
    condition::{AssociationShape, Schema},
    lifecycle::LifecycleModel,
    limits,
    record::Draft,
    schema::{AttributeModel, TypeModel},
};

/// A type with an attribute of every sort.
fn order() -> TypeModel {
    let attributes = [
        Attribute::new("n", Kind::Integer),
        Attribute::new("d", Kind::Decimal),
        Attribute::new("r", Kind::Real),
        Attribute::new("eur", Kind::Money).currency("EUR"),
        Attribute::new("usd", Kind::Money).currency("usd"),
        Attribute::new("price", Kind::Money),
        Attribute::new("t", Kind::Text),
        Attribute::new("size", Kind::Choice).options(["s", "m"]),
        Attribute::new("sizes", Kind::Choices).options(["s", "m"]),
        Attribute::new("on", Kind::Date),
        Attribute::new("at", Kind::Timestamp),
        Attribute::new("ok", Kind::Checkbox),
        Attribute::new("and", Kind::Integer),
    ];
    let attributes = attributes.map(|a| AttributeModel::new(1, a, None).unwrap());
    TypeModel::new(1, "order".into(), "".into(), "".into(), None, attributes.into())
}

fn with(kind: Kind, formula: &str) -> crate::Result<TypeModel> {
    let attribute = AttributeModel::new(1, Attribute::new("x", kind).formula(formula), None)?;
    let world =
        World { types: vec![order().with_attribute(attribute.clone())], ..World::default() };
    check(&world, &world.types[0], &attribute)?;
    Ok(world.types.into_iter().next().unwrap())
}

/// A schema to check formulas against.
#[derive(Default)]
pub(super) struct World {
    pub(super) types: Vec<TypeModel>,
    pub(super) kinds: Vec<TypeModel>,
    /// Name, whether in use, and the types at both ends.
    pub(super) associations: Vec<(&'static str, bool, [Vec<String>; 2])>,
    /// The roles that all of them allow.
    pub(super) roles: Vec<crate::ChoiceOption>,
}

impl Schema for World {
    fn entity_type(&self, name: &str) -> Option<&TypeModel> {
        self.types.iter().find(|model| model.name == name)
    }

    fn entity_types(&self) -> Vec<&str> {
        self.types.iter().map(|model| model.name.as_str()).collect()
    }

    fn activity_kind(&self, name: &str) -> Option<&TypeModel> {
        self.kinds.iter().find(|model| model.name == name)
    }

    fn activity_kinds(&self) -> Vec<&str> {
        self.kinds.iter().map(|model| model.name.as_str()).collect()
    }

    fn association(&self, name: &str) -> Option<AssociationShape<'_>> {
        let found = self.associations.iter().find(|(known, ..)| *known == name);
        found.map(|(_, _, [from, to])| AssociationShape { id: 1, from, to, roles: &self.roles })
    }

    fn associations(&self) -> Vec<&str> {
        self.associations.iter().filter(|(_, live, _)| *live).map(|(name, ..)| *name).collect()
    }

    fn score(&self, _: &str) -> Option<&crate::scoring::StoredModel> {
        None
    }

    fn lifecycle(&self, _: &str) -> Option<&LifecycleModel> {
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

    fn lifecycles(&self, _: &str) -> Vec<&LifecycleModel> {
        Vec::new()
    }
}

/// What a formula gives for an attribute of `kind`, as JSON.
fn give(kind: Kind, formula: &str, values: &[(&str, Value)]) -> String {
    let model = with(kind, formula).unwrap_or_else(|error| panic!("{formula}: {error}"));
    let values = values.iter().map(|(name, value)| (*name, value.clone()));
    let draft = Draft::create(&model, values.collect::<Values>()).unwrap();
    let x = model.find("x").unwrap();
    serde_json::to_string(&x.decode(&draft.cells[x.span()])).unwrap()
}

#[test]
fn numbers_are_exact_and_rounded_where_they_are_stored() {
    let values = [("n", Value::Integer(3)), ("d", "0.10".into()), ("r", Value::Real(0.5))];
    for (kind, formula, given) in [
        (Kind::Integer, "1 + 2 * 3", "7"),
        (Kind::Integer, "(1 + 2) * 3", "9"),
        (Kind::Integer, "10 - 3 - 4", "3"),
        (Kind::Integer, "100 / 10 / 5", "2"),
        (Kind::Integer, "-n - -1", "-2"),
        (Kind::Integer, "n / 2", "2"),
        (Kind::Integer, "-n / 2", "-2"),
        (Kind::Decimal, "d + d + d", "\"0.30\""),
        (Kind::Decimal, "n / 7", "\"0.43\""),
        (Kind::Decimal, "round(n / 7, 1)", "\"0.40\""),
        (Kind::Decimal, "n / 7 * 7", "\"3.00\""),
        (Kind::Decimal, "abs(d - n)", "\"2.90\""),
        (Kind::Real, "n * r", "1.5"),
        (Kind::Real, "d", "0.1"),
        (Kind::Integer, "round(r)", "1"),
        (Kind::Integer, "n / 0", "null"),
        (Kind::Integer, "n / (d - d)", "null"),
        (Kind::Real, "r / (r - r)", "null"),
        (Kind::Integer, "9223372036854775807 + 1", "null"),
        (Kind::Integer, "9223372036854775807 * n / n", "9223372036854775807"),
        (Kind::Checkbox, "n = 3.00 and d < r and r != n", "true"),
        (Kind::Checkbox, "not n >= 3", "false"),
    ] {
        assert_eq!(give(kind, formula, &values), given, "{formula}");
    }
}

#[test]
fn amounts_keep_their_currency() {
    let money = |amount: &str, code: &str| Value::Money(crate::Money::new(amount, code));
    let values =
        [("eur", "19.99".into()), ("price", money("1000", "JPY")), ("n", Value::Integer(3))];
    for (kind, formula, given) in [
        (Kind::Money, "eur * n", r#"{"amount":"59.97","currency":"EUR"}"#),
        (Kind::Money, "eur / n", r#"{"amount":"6.66","currency":"EUR"}"#),
        (Kind::Money, "price / n", r#"{"amount":"333","currency":"JPY"}"#),
        (Kind::Money, "eur + 0.005 EUR", r#"{"amount":"20.00","currency":"EUR"}"#),
        (Kind::Money, "price + eur", "null"),
        (Kind::Money, "amount(eur) * 1 USD", r#"{"amount":"19.99","currency":"USD"}"#),
        (Kind::Money, "if(price > eur, eur, price)", r#"{"amount":"1000","currency":"JPY"}"#),
        (Kind::Decimal, "eur / 5 EUR", "\"4.00\""),
        (Kind::Text, "currency(price)", "\"JPY\""),
        (Kind::Checkbox, "eur >= 19.99 EUR", "true"),
        (Kind::Money, "-abs(-eur)", r#"{"amount":"-19.99","currency":"EUR"}"#),
        (Kind::Money, "round(eur)", r#"{"amount":"20.00","currency":"EUR"}"#),
    ] {
        assert_eq!(give(kind, formula, &values), given, "{formula}");
    }
    for formula in ["eur + usd", "eur + 1 USD", "usd / eur", "if(eur > usd, 1, 2)"] {
        assert!(with(Kind::Money, formula).is_err(), "{formula}");
    }
}

#[test]
fn texts_are_joined_and_cut_by_characters() {
    let values = [("t", " Äpfel 🍏 ".into()), ("n", Value::Integer(2)), ("size", "m".into())];
    for (kind, formula, given) in [
        (Kind::Text, "concat(\"<\", trim(t), \">\")", "\"<Äpfel 🍏>\""),
        (Kind::Text, "upper(trim(t))", "\"ÄPFEL 🍏\""),
        (Kind::Text, "lower(\"ÄB\")", "\"äb\""),
        (Kind::Integer, "length(trim(t))", "7"),
        (Kind::Text, "substring(t, 2, 5)", "\"Äpfel\""),
        (Kind::Text, "substring(trim(t), 7)", "\"🍏\""),
        (Kind::Text, "substring(t, 0, 5)", "null"),
        (Kind::Text, "substring(t, 1.5)", "null"),
        (Kind::Text, "substring(t, 99)", "null"),
        (Kind::Text, "concat(n, \" x \", 1.50, size)", "\"2 x 1.5m\""),
        (Kind::Text, "concat(on, t, size)", "\" Äpfel 🍏 m\""),
        (Kind::Text, "trim(\"  \")", "null"),
        (Kind::Text, "\"\"", "null"),
        (Kind::Checkbox, "size = \"m\"", "true"),
    ] {
        assert_eq!(give(kind, formula, &values), given, "{formula}");
    }
}

#[test]
fn days_follow_the_calendar() {
    let values = [("on", "2024-01-31".into()), ("at", "2026-12-31T23:30:00Z".into())];
    for (kind, formula, given) in [
        (Kind::Date, "add_months(on, 1)", "\"2024-02-29\""),
        (Kind::Date, "add_months(on, 13)", "\"2025-02-28\""),
        (Kind::Date, "add_months(on, -2)", "\"2023-11-30\""),
        (Kind::Date, "add_months(on, 12)", "\"2025-01-31\""),
        (Kind::Date, "add_days(on, 30)", "\"2024-03-01\""),
        (Kind::Date, "add_days(on, 1.5)", "null"),
        (Kind::Date, "add_days(on, 9999999)", "null"),
        (Kind::Date, "add_months(on, 99999)", "null"),
        (Kind::Date, "add_months(on, 9223372036854775807)", "null"),
        (Kind::Date, "date(at)", "\"2026-12-31\""),
        (Kind::Date, "date(\"2024-02-29\")", "\"2024-02-29\""),
        (Kind::Date, "date(t)", "null"),
        (Kind::Integer, "days_between(on, date(\"2025-01-31\"))", "366"),
        (Kind::Integer, "year(on) * 10000 + month(on) * 100 + day(on)", "20240131"),
        (Kind::Timestamp, "at", "\"2026-12-31T23:30:00Z\""),
        (Kind::Checkbox, "on < date(at)", "true"),
    ] {
        assert_eq!(give(kind, formula, &values), given, "{formula}");
    }
}

#[test]
fn what_is_missing_stays_missing_but_where_it_is_asked_for() {
    let values = [("ok", Value::Bool(true)), ("n", Value::Integer(1)), ("sizes", "s".into())];
    for (kind, formula, given) in [
        (Kind::Integer, "n + d", "null"),
        (Kind::Checkbox, "d > 1", "null"),
        (Kind::Checkbox, "not d > 1", "null"),
        (Kind::Checkbox, "d > 1 and ok", "null"),
        (Kind::Checkbox, "d > 1 or ok", "true"),
        (Kind::Checkbox, "d > 1 and not ok", "false"),
        (Kind::Integer, "if(d > 1, 1, 2)", "2"),
        (Kind::Integer, "if(d > 1, 1, null)", "null"),
        (Kind::Integer, "coalesce(d, n, 7)", "1"),
        (Kind::Checkbox, "is_missing(d) and not is_missing(sizes)", "true"),
        (Kind::Integer, "length(t)", "null"),
        (Kind::Integer, "`and`", "null"),
    ] {
        assert_eq!(give(kind, formula, &values), given, "{formula}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    use ErrorKind as E;
    for (kind, formula, error, says) in [
        (Kind::Integer, "", E::InvalidArgument, "at byte 0"),
        (Kind::Integer, "1 +", E::InvalidArgument, "at byte 3"),
        (Kind::Integer, "n n", E::InvalidArgument, "an operator or the end at byte 2"),
        (Kind::Integer, "1e5", E::InvalidArgument, "without an exponent"),
        (Kind::Integer, "1 XYZ", E::InvalidArgument, "currency"),
        (Kind::Integer, "and", E::InvalidArgument, "backticks"),
        (Kind::Integer, "`Ann Lee`", E::InvalidArgument, "the name of an attribute at byte 0"),
        (Kind::Integer, "(n", E::InvalidArgument, ") at byte 2"),
        (Kind::Integer, "rond(n)", E::InvalidArgument, "did you mean round(…)?"),
        (Kind::Integer, "days_between(on, today())", E::InvalidArgument, "has no clock"),
        (Kind::Integer, "now()", E::InvalidArgument, "has no clock"),
        (Kind::Integer, "round()", E::InvalidArgument, "takes 1 to 2, and is given 0"),
        (Kind::Integer, "if(ok, 1)", E::InvalidArgument, "takes 3, and is given 2"),
        (Kind::Integer, "coalesce()", E::InvalidArgument, "takes at least 1"),
        (Kind::Integer, "nn + 1", E::UnknownAttribute, "did you mean"),
        (Kind::Integer, "t + 1", E::InvalidArgument, "joined by concat"),
        (Kind::Date, "on + 1", E::InvalidArgument, "add_days"),
        (Kind::Integer, "n = null", E::InvalidArgument, "is_missing"),
        (Kind::Integer, "n", E::InvalidArgument, ""),
        (Kind::Integer, "null", E::InvalidArgument, "always missing"),
        (Kind::Integer, "r", E::InvalidArgument, "round(…)"),
        (Kind::Integer, "t", E::InvalidArgument, "a text, which no attribute of kind integer"),
        (Kind::Money, "eur * r", E::InvalidArgument, "round(…)"),
        (Kind::Integer, "if(n, 1, 2)", E::InvalidArgument, "if does not go with a number"),
        (Kind::Integer, "if(ok, 1, t)", E::InvalidArgument, "if does not go with"),
        (Kind::Integer, "year(at)", E::InvalidArgument, "date(…)"),
        (Kind::Checkbox, "sizes = sizes", E::InvalidArgument, "several parts"),
        (Kind::Checkbox, "size = \"x\"", E::UnknownOption, "option"),
        (Kind::Checkbox, "\"x\" = size", E::UnknownOption, "option"),
        (Kind::Checkbox, "n < 1 < 2", E::InvalidArgument, "at byte 6"),
        (Kind::Checkbox, "ok < ok", E::InvalidArgument, "<"),
        (Kind::Date, "date(\"31.1.2024\")", E::InvalidValue, "not a date"),
        (Kind::Integer, "x + 1", E::InvalidArgument, "reads itself: x → x"),
        (Kind::Choice, "t", E::InvalidArgument, "no meaning"),
    ] {
        if (formula, says) == ("n", "") {
            assert!(with(kind, formula).is_ok());
            continue;
        }
        let refused = with(kind, formula).expect_err(formula);
        let text = format!("{refused} {}", refused.hint().unwrap_or_default());
        assert_eq!((refused.kind(), refused.field()), (error, Some("formula")), "{formula}");
        assert!(text.contains(says), "{formula}: {text}");
    }
}

#[test]
fn formulas_have_limits() {
    let refused = |formula: String| Formula::parse(&formula).unwrap_err().kind();
    let nested = |depth| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Formula::parse(&nested(limits::FORMULA_DEPTH)).is_ok());
    assert_eq!(refused(nested(limits::FORMULA_DEPTH + 1)), ErrorKind::LimitExceeded);
    assert_eq!(refused("-".repeat(10_000)), ErrorKind::LimitExceeded);
    assert_eq!(refused("not ".repeat(3_000)), ErrorKind::LimitExceeded);
    let sum = |terms| vec!["1"; terms].join("+");
    assert!(Formula::parse(&sum(limits::FORMULA_NODES / 2)).is_ok());
    assert_eq!(refused(sum(limits::FORMULA_NODES)), ErrorKind::LimitExceeded);
    assert_eq!(refused(" ".repeat(limits::FORMULA_BYTES + 1)), ErrorKind::LimitExceeded);
}

#[test]
fn formulas_are_printed_with_few_parentheses() {
    for (text, printed) in [
        ("((a+b))*c", "(a + b) * c"),
        ("a+(b*c)", "a + b * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("not (a and b) or c", "not (a and b) or c"),
        ("(not a) = b", "(not a) = b"),
        ("- - 1.50", "--1.5"),
        ("-(a + b)", "-(a + b)"),
        ("(a = b) = c", "(a = b) = c"),
        ("a <> b", "a != b"),
        ("`and` + `a`", "`and` + a"),
        ("1.50 EUR", "1.5 EUR"),
        ("if( a==b,\"é\\u0041\" , null )", "if(a = b, \"éA\", null)"),
    ] {
        assert_eq!(Formula::parse(text).unwrap().to_string(), printed);
    }
}

fn formula() -> impl Strategy<Value = Formula> {
    let number = (any::<u64>(), 0_u32..6)
        .prop_map(|(digits, places)| Number::from_scaled((digits >> 1) as i64, places as u8));
    let leaf = prop_oneof![
        Just(Formula::Literal(Literal::Null)),
        any::<bool>().prop_map(|truth| Formula::Literal(Literal::Truth(truth))),
        number.clone().prop_map(|number| Formula::Literal(Literal::Number(number))),
        number.prop_map(|number| Formula::Literal(Literal::Money(number, "EUR"))),
        any::<String>().prop_map(|text| Formula::Literal(Literal::Text(text))),
        prop::sample::select(vec!["a", "and", "null", "if", "year", "n_1"])
            .prop_map(|name| Formula::Attribute(name.into())),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let op = prop::sample::select(vec![
            Operator::Or,
            Operator::And,
            Operator::Compare(Comparison::Neq),
            Operator::Compare(Comparison::Lte),
            Operator::Add,
            Operator::Subtract,
            Operator::Multiply,
            Operator::Divide,
        ]);
        let call = (prop::sample::select(Function::ALL), prop::collection::vec(inner.clone(), 3));
        prop_oneof![
            inner.clone().prop_map(|part| Formula::Negate(Box::new(part))),
            inner.clone().prop_map(|part| Formula::Not(Box::new(part))),
            (op, inner.clone(), inner).prop_map(|(op, a, b)| Formula::Operation(
                op,
                Box::new(a),
                Box::new(b)
            )),
            call.prop_map(|(function, mut parts)| {
                parts.truncate(function.arity().1.min(3));
                Formula::Call(function, parts)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(formula in formula()) {
        let printed = formula.to_string();
        prop_assert_eq!(Formula::parse(&printed).unwrap(), formula, "{}", printed);
    }

    #[test]
    fn no_text_is_too_much(text in any::<String>(), bits in "[-a-z0-9.()*/+=<>\"` ,]{0,40}") {
        let _ = Formula::parse(&text);
        let _ = Formula::parse(&bits);
    }
}
