//! What roll-ups come to, what is refused of them, and that their text reads back: without a file.

use proptest::prelude::*;

use super::*;
use crate::{
    Attribute, ErrorKind, Kind, Result, Timestamp, Value,
    cell::Cell,
    formula::{Formula, check, tests::World},
    schema::{AttributeModel, TypeModel},
};

fn model(id: i64, name: &str, attributes: Vec<Attribute>) -> TypeModel {
    let attributes = attributes.into_iter().map(|a| AttributeModel::new(1, a, None).unwrap());
    TypeModel::new(id, name.into(), "".into(), "".into(), None, attributes.collect())
}

/// Companies with contacts, above each other; calls and old calls.
fn world() -> World {
    let company = vec![
        Attribute::new("name", Kind::Text),
        Attribute::new("staff_rating", Kind::Integer)
            .formula("max(rating of related inverse works_at)"),
        Attribute::new("double", Kind::Integer).formula("staff_rating * 2"),
    ];
    let contact = vec![
        Attribute::new("rating", Kind::Rating),
        Attribute::new("price", Kind::Decimal),
        Attribute::new("salary", Kind::Money).currency("EUR"),
        Attribute::new("tags", Kind::Choices).options(["a", "b"]),
        Attribute::new("home", Kind::Address),
        Attribute::new("company", Kind::Reference).target("company").indexed(),
        Attribute::new("partner", Kind::Reference).target("contact"),
        Attribute::new("employer_rating", Kind::Integer).formula("max(double of related works_at)"),
    ];
    let call = vec![Attribute::new("minutes", Kind::Integer), Attribute::new("note", Kind::Text)];
    let mut old = model(2, "old_call", vec![]);
    old.archived_at = Some(Timestamp::clamped(1));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    World {
        types: vec![model(1, "company", company), model(2, "contact", contact)],
        kinds: vec![model(1, "call", call), old],
        associations: vec![
            ("works_at", true, [names(&["contact"]), names(&["company"])]),
            ("part_of", true, [names(&["company"]), names(&["company"])]),
            ("knows", true, [names(&["contact"]), names(&["contact", "company"])]),
            ("former", false, [names(&["contact"]), names(&["company"])]),
        ],
        roles: vec![crate::ChoiceOption::new("boss"), crate::ChoiceOption::new("friend")],
    }
}

/// Judges a roll-up as an attribute `x` of a type.
fn judge(entity_type: &str, attribute: Attribute) -> Result<(World, AttributeModel)> {
    let mut world = world();
    let attribute = AttributeModel::new(1, attribute, None)?;
    let place = world.types.iter().position(|model| model.name == entity_type).unwrap();
    world.types[place] = world.types[place].with_attribute(attribute);
    let attribute = world.types[place].find("x").unwrap().clone();
    check(&world, &world.types[place], &attribute)?;
    Ok((world, attribute))
}

fn x(kind: Kind, formula: &str) -> Attribute {
    Attribute::new("x", kind).formula(formula)
}

#[test]
fn what_makes_sense_is_taken() {
    for (entity_type, attribute) in [
        ("contact", x(Kind::Integer, "count(call)")),
        ("contact", x(Kind::Integer, "count(any)")),
        ("contact", x(Kind::Decimal, "sum(minutes of call)")),
        ("contact", x(Kind::Money, "sum(amount of any)").currency("EUR")),
        ("contact", x(Kind::Money, "latest(amount of call)")),
        ("contact", x(Kind::Timestamp, "max(at of call)")),
        ("contact", x(Kind::Text, "latest(note of call)")),
        ("contact", x(Kind::Text, "latest(channel of any)")),
        ("contact", x(Kind::Integer, "count(related knows)")),
        ("contact", x(Kind::Integer, "max(rating of related knows as contact role \"boss\" open)")),
        ("company", x(Kind::Text, "latest(home.city of related inverse works_at)")),
        ("company", x(Kind::Timestamp, "min(created_at of related inverse works_at)")),
        ("company", x(Kind::Money, "sum(salary of related inverse works_at)").currency("eur")),
        ("company", x(Kind::Integer, "sum(staff_rating of related inverse part_of)")),
        ("company", x(Kind::Integer, "count(related part_of)")),
        ("company", x(Kind::Integer, "count(related inverse contact.company)")),
        (
            "company",
            x(Kind::Money, "sum(salary of related inverse contact.company where rating >= 4)")
                .currency("EUR"),
        ),
        (
            "contact",
            x(
                Kind::Integer,
                "max(minutes of call where (note = \"x)\" or channel is set) and at > \"2026-01-01T00:00:00Z\")",
            ),
        ),
        ("contact", x(Kind::Integer, "count(any where amount > 10 EUR)")),
        (
            "contact",
            x(
                Kind::Integer,
                "count(related knows as contact role \"boss\" open where not rating = 1)",
            ),
        ),
    ] {
        let text = attribute.formula.clone().unwrap();
        let judged = judge(entity_type, attribute);
        let (_, attribute) = judged.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(attribute.definition.formula, Some(text), "its own text is printed");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of refusals")]
fn what_makes_no_sense_is_refused() {
    use ErrorKind as E;
    for (entity_type, attribute, kind, says) in [
        ("contact", x(Kind::Integer, "count(cal)"), E::UnknownType, "did you mean \"call\"?"),
        ("contact", x(Kind::Integer, "count(old_call)"), E::Archived, "activity_kinds.restore"),
        ("contact", x(Kind::Integer, "sum(minute of call)"), E::UnknownAttribute, "\"minutes\"?"),
        ("contact", x(Kind::Integer, "sum(minutes of any)"), E::UnknownAttribute, "any kind"),
        ("contact", x(Kind::Integer, "sum(note of call)"), E::InvalidArgument, "kind text"),
        ("contact", x(Kind::Integer, "max(at of call)"), E::InvalidArgument, "a timestamp, which"),
        ("contact", x(Kind::Text, "count(call)"), E::InvalidArgument, "a number, which no"),
        ("contact", x(Kind::Money, "sum(amount of call)"), E::Required, "give the attribute a cur"),
        (
            "company",
            x(Kind::Money, "sum(salary of related inverse works_at)").currency("USD"),
            E::InvalidArgument,
            "another currency",
        ),
        ("contact", x(Kind::Integer, "count(related works_in)"), E::UnknownType, "works_at"),
        ("contact", x(Kind::Integer, "count(related former)"), E::Archived, "former"),
        (
            "contact",
            x(Kind::Integer, "count(related knows as contact role \"bos\")"),
            E::UnknownOption,
            "did you mean \"boss\"?",
        ),
        (
            "contact",
            x(Kind::Integer, "count(related knows as contact role \"accountant\")"),
            E::UnknownOption,
            "boss, friend",
        ),
        ("contact", x(Kind::Integer, "count(related inverse works_at)"), E::InvalidArgument, "end"),
        (
            "contact",
            x(Kind::Integer, "max(rating of related knows)"),
            E::InvalidArgument,
            "as contact, or as company",
        ),
        ("contact", x(Kind::Integer, "count(related knows as deal)"), E::UnknownType, ""),
        (
            "company",
            x(Kind::Integer, "max(version of related part_of)"),
            E::InvalidArgument,
            "created_at",
        ),
        (
            "company",
            x(Kind::Text, "latest(tags of related inverse works_at)"),
            E::InvalidArgument,
            "several parts",
        ),
        (
            "company",
            x(Kind::Integer, "sum(x of related inverse part_of)"),
            E::InvalidArgument,
            "reads itself: x → x",
        ),
        ("company", x(Kind::Integer, "count(call) + 1"), E::InvalidArgument, "whole formula"),
        ("company", x(Kind::Integer, "1 + count(call)"), E::InvalidArgument, "whole formula"),
        ("company", x(Kind::Integer, "min(staff_rating, 1)"), E::InvalidArgument, "if(a < b"),
        ("company", x(Kind::Integer, "count()"), E::InvalidArgument, "a name at byte 6"),
        ("company", x(Kind::Integer, "count(call"), E::InvalidArgument, ") at byte 10"),
        ("company", x(Kind::Integer, "count(related)"), E::InvalidArgument, "a name at byte"),
        (
            "contact",
            x(Kind::Integer, "count(related inverse contact.partner)"),
            E::InvalidArgument,
            "define the reference with an index",
        ),
        (
            "contact",
            x(Kind::Integer, "count(related company)"),
            E::InvalidArgument,
            "references that lead to the record",
        ),
        (
            "company",
            x(Kind::Integer, "count(related inverse contact.company open)"),
            E::InvalidArgument,
            "only associations have roles and days",
        ),
        (
            "company",
            x(Kind::Integer, "count(related inverse contact.company role \"boss\")"),
            E::InvalidArgument,
            "only associations have roles and days",
        ),
        ("contact", x(Kind::Integer, "count(call where)"), E::InvalidArgument, "at byte"),
        (
            "contact",
            x(Kind::Integer, "count(call where minute > 1)"),
            E::UnknownAttribute,
            "\"minutes\"?",
        ),
        (
            "contact",
            x(Kind::Integer, "count(call where at within last 7d)"),
            E::InvalidArgument,
            "there is no clock",
        ),
        (
            "company",
            x(Kind::Integer, "count(related inverse contact.company where count(call) >= 1)"),
            E::InvalidArgument,
            "more than the attributes and fields",
        ),
        (
            "company",
            x(Kind::Integer, "count(related inverse contact.company where version > 1)"),
            E::InvalidArgument,
            "more than the attributes and fields",
        ),
        (
            "contact",
            x(Kind::Integer, "count(related knows where rating > 1)"),
            E::InvalidArgument,
            "as contact, or as company",
        ),
        (
            "company",
            x(Kind::Integer, "count(related inverse works_at where employer_rating > x)"),
            E::InvalidArgument,
            "at byte",
        ),
    ] {
        let text = attribute.formula.clone().unwrap();
        let Err(refused) = judge(entity_type, attribute) else { panic!("{text} is taken") };
        let said = format!("{refused} {}", refused.hint().unwrap_or_default());
        assert_eq!((refused.kind(), refused.field()), (kind, Some("formula")), "{text}: {said}");
        assert!(said.contains(says), "{text}: {said}");
    }
}

#[test]
fn a_cycle_through_other_types_is_named() {
    let attribute = AttributeModel::new(
        1,
        Attribute::new("staff_rating", Kind::Integer)
            .formula("max(employer_rating of related inverse works_at)"),
        None,
    );
    let mut world = world();
    world.types[0] = world.types[0].with_attribute(attribute.unwrap());
    let model = &world.types[0];
    let refused = check(&world, model, model.find("staff_rating").unwrap()).unwrap_err();
    let path = "staff_rating → contact.employer_rating → double → staff_rating";
    assert_eq!(refused.message(), format!("reads itself: {path}"));
}

/// By what is asked of others, as by what is added up of them.
#[test]
fn a_cycle_through_what_is_asked_is_named() {
    for source in ["works_at", "contact.company"] {
        let formula = format!("count(related inverse {source} where employer_rating > 1)");
        let attribute = Attribute::new("staff_rating", Kind::Integer).formula(formula);
        let mut world = world();
        let attribute = AttributeModel::new(1, attribute, None).unwrap();
        world.types[0] = world.types[0].with_attribute(attribute);
        let model = &world.types[0];
        let refused = check(&world, model, model.find("staff_rating").unwrap()).unwrap_err();
        let path = "staff_rating → contact.employer_rating → double → staff_rating";
        assert_eq!(refused.message(), format!("reads itself: {path}"));
    }
}

#[test]
fn what_is_added_one_by_one_is_what_is_read_at_once() {
    let plan = |formula: &str, kind: Kind| {
        let mut attribute = x(kind, formula);
        attribute.currency = (kind == Kind::Money).then(|| "EUR".to_owned());
        let (world, attribute) = judge("contact", attribute).unwrap();
        let rollup = attribute.rollup().unwrap().clone();
        let model = &world.types[1];
        (resolve(&world, model, model.find("x").unwrap(), &rollup).unwrap(), attribute)
    };
    let money = |amount, code: &str| vec![Cell::Integer(amount), Cell::Text(code.into())];
    let whole = |number| vec![Cell::Integer(number)];
    for ((plan, attribute), values) in [
        (plan("count(call)", Kind::Integer), vec![vec![], vec![], vec![]]),
        (plan("sum(minutes of call)", Kind::Integer), vec![whole(3), vec![Cell::Null], whole(-5)]),
        (plan("sum(minutes of call)", Kind::Decimal), vec![whole(i64::MAX), whole(7), whole(-9)]),
        (
            plan("sum(amount of any)", Kind::Money),
            vec![money(100, "EUR"), money(7, "USD"), money(-1, "EUR"), vec![Cell::Null; 2]],
        ),
        (plan("max(minutes of call)", Kind::Integer), vec![whole(3), vec![Cell::Null], whole(4)]),
        (plan("min(amount of any)", Kind::Money), vec![money(5, "EUR"), money(-7, "USD")]),
    ] {
        let all = |values: &[Vec<Cell>]| {
            let mut tally = Tally::new(&plan, &attribute);
            for cells in values {
                match plan.aggregate {
                    Aggregate::Count => tally.count(1),
                    _ => tally.add(cells),
                }
            }
            tally.finish(&attribute)
        };
        assert_eq!(all(&[]), nothing(attribute.rollup().unwrap(), &attribute));
        for place in 0..values.len() {
            let mut stored = vec![Cell::Null; attribute.width()];
            attribute.encode(all(&values[..place]), &mut stored).unwrap();
            let after = all(&values[..=place]);
            let changed = match plan.added(&values[place]) {
                None => attribute.decode(&stored),
                // What cannot be told is read anew.
                Some(change) => {
                    plan.changed(&attribute, &stored, change).unwrap_or_else(|| after.clone())
                }
            };
            assert_eq!(changed, after, "{:?} {place}", plan.aggregate);
            let mut cells = vec![Cell::Null; attribute.width()];
            attribute.encode(after, &mut cells).unwrap();
            let back = plan.removed(&values[place]);
            let back = back.and_then(|change| plan.changed(&attribute, &cells, change));
            let is_sum = matches!(plan.aggregate, Aggregate::Count | Aggregate::Sum);
            assert_eq!(
                back.is_some(),
                is_sum && plan.added(&values[place]).is_some() && cells[0] != Cell::Null
            );
            assert!(back.is_none_or(|back| back == attribute.decode(&stored) || stored[0] == Cell::Null));
        }
    }
}

#[test]
fn sums_that_are_too_large_are_missing() {
    let (world, attribute) = judge("contact", x(Kind::Integer, "sum(minutes of call)")).unwrap();
    let model = &world.types[1];
    let plan = resolve(&world, model, &attribute, attribute.rollup().unwrap()).unwrap();
    let mut tally = Tally::new(&plan, &attribute);
    tally.add(&[Cell::Integer(i64::MAX)]);
    tally.add(&[Cell::Integer(1)]);
    assert_eq!(tally.finish(&attribute), Value::Null);
    let change = plan.added(&[Cell::Integer(1)]).unwrap();
    assert_eq!(plan.changed(&attribute, &[Cell::Integer(i64::MAX)], change.clone()), None);
    assert_eq!(plan.changed(&attribute, &[Cell::Null], change), None);
}

fn rollup() -> impl Strategy<Value = Rollup> {
    let word =
        || prop::sample::select(vec!["a", "related", "inverse", "of", "open", "and", "é \"`\\"]);
    let word = move || prop_oneof![word().prop_map(str::to_owned), any::<String>()];
    let related =
        (word(), any::<bool>(), prop::option::of(word()), prop::option::of(word()), any::<bool>());
    let source = prop_oneof![
        word().prop_map(Source::Activities),
        related.prop_map(|(association, inverse, entity_type, role, open)| Source::Related(
            Related { association, inverse, entity_type, role, open }
        )),
    ];
    let filters = ["a > 1", "not (a = \")\" or b is set)", "`where` = \"\\\"\" and c in (1, 2)"];
    let filters = filters.map(|text| text.parse::<Condition>().unwrap()).to_vec();
    let filter = prop::option::of(prop::sample::select(filters).prop_map(Box::new));
    let parts = (prop::sample::select(Aggregate::ALL), word(), source, filter);
    parts.prop_map(|(aggregate, field, source, filter)| {
        let field = (aggregate != Aggregate::Count).then_some(field);
        Rollup { aggregate, field, source, filter }
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(rollup in rollup()) {
        let printed = rollup.to_string();
        prop_assume!(printed.len() < crate::limits::FORMULA_BYTES);
        prop_assert_eq!(Formula::parse(&printed).unwrap(), Formula::Rollup(rollup), "{}", printed);
    }

    #[test]
    fn no_text_is_too_much(text in "(count|sum|max)\\([-a-z0-9.()*/+=<>\"` ,]{0,40}") {
        let _ = Formula::parse(&text);
    }
}
