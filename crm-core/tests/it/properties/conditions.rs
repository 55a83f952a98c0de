//! Laws of conditions: SQL and memory agree, every form reads back, and the normal form means the same.

use std::collections::BTreeSet;

use crm_core::{
    Archived, ChangedCondition, CheckCondition, Comparison, Condition, Count, CountRecords, Crm,
    DefineLifecycle, End, EvaluateCondition, EventCondition, FieldCondition, Figure, Kind,
    ListRecords, Measure, Money, MoveStage, Operand, Operator, RecordId, RelatedCondition, Span,
    Stage, StageKind, StageOperator, Timestamp, Value, When,
};
use proptest::prelude::*;

use super::{
    cases,
    draws::{Draw, any_value, draw},
    machine::{Step, TYPES, World, schema, work},
    memory,
};

/// A condition in the making: its leaves are chosen when the schema is known.
#[derive(Debug, Clone)]
enum Tree {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Leaf(Box<LeafDraw>),
}

#[derive(Debug, Clone)]
struct LeafDraw {
    form: u8,
    op: u8,
    missing: bool,
    one: Draw,
    other: Draw,
    inner: Option<Tree>,
}

fn tree(depth: u32) -> BoxedStrategy<Tree> {
    let inner = match depth {
        0 => Just(None).boxed(),
        _ => prop::option::weighted(0.5, tree(depth - 1)).boxed(),
    };
    let leaf = (any::<u8>(), any::<u8>(), any::<bool>(), draw(), draw(), inner);
    let leaf = leaf.prop_map(|(form, op, missing, one, other, inner)| {
        Tree::Leaf(Box::new(LeafDraw { form, op, missing, one, other, inner }))
    });
    leaf.prop_recursive(3, 12, 4, |part| {
        prop_oneof![
            prop::collection::vec(part.clone(), 0..4).prop_map(Tree::All),
            prop::collection::vec(part.clone(), 0..4).prop_map(Tree::Any),
            part.prop_map(|part| Tree::Not(Box::new(part))),
        ]
    })
    .boxed()
}

const STAGES: [&str; 4] = ["first", "second", "third", "gone"];
const SPANS: &[&str] = &["P1D", "P30D", "P2Y", "P366D", "P11M", "PT3H", "P9999Y", "P0D", "P60Y"];

impl World {
    /// The condition that a tree is for a type. A leaf tries operators until one fits.
    fn condition(&self, tree: &Tree, entity_type: &str) -> Condition {
        let list = |parts: &[Tree]| {
            parts.iter().map(|part| self.condition(part, entity_type)).collect::<Vec<_>>()
        };
        match tree {
            Tree::All(parts) => Condition::All(list(parts)),
            Tree::Any(parts) => Condition::Any(list(parts)),
            Tree::Not(part) => Condition::Not(Box::new(self.condition(part, entity_type))),
            Tree::Leaf(leaf) => match leaf.form % 8 {
                0 => self.related(leaf, entity_type),
                1 => self.changed(leaf, entity_type),
                2 => self.stage(leaf, entity_type),
                _ => self.field(leaf, entity_type),
            },
        }
    }

    fn fits(&self, condition: &Condition, entity_type: &str) -> bool {
        let (entity_type, condition) = (entity_type.to_owned(), condition.clone());
        self.crm.check_condition(&CheckCondition { entity_type, condition }).is_ok()
    }

    fn attribute(&self, draw: &Draw, entity_type: &str) -> (String, Kind) {
        let definition = self.crm.types().get(entity_type).unwrap();
        let mut fields: Vec<(String, Kind)> = Vec::new();
        for attribute in definition.attributes {
            let parts: &[(&str, Kind)] = match attribute.kind {
                Kind::Address => &[("city", Kind::Text), ("country", Kind::Country)],
                Kind::Money => &[("currency", Kind::Text)],
                Kind::File => &[("size", Kind::Integer), ("name", Kind::Text)],
                _ => &[],
            };
            let parts =
                parts.iter().map(|(part, kind)| (format!("{}.{part}", attribute.name), *kind));
            fields.extend(parts);
            // Of two columns, and so with most to get wrong.
            let weight = if attribute.kind == Kind::Money { 8 } else { 3 };
            fields.extend(std::iter::repeat_n((attribute.name, attribute.kind), weight));
        }
        fields.extend([
            ("id".to_owned(), Kind::Reference),
            ("version".to_owned(), Kind::Integer),
            ("created_at".to_owned(), Kind::Timestamp),
        ]);
        fields.swap_remove(usize::from(draw.attribute) % fields.len())
    }

    fn field(&self, leaf: &LeafDraw, entity_type: &str) -> Condition {
        let (field, kind) = self.attribute(&leaf.one, entity_type);
        let ids: Vec<RecordId> = self.records.iter().map(|(_, id)| *id).collect();
        let (one, other) = match field.rsplit_once('.') {
            Some((_, "city")) => ("ul".into(), "Ulm".into()),
            Some((_, "currency")) => ("EUR".into(), "jpy".into()),
            _ => (
                leaf.one.value(kind, &ids, &self.hashes),
                leaf.other.value(kind, &ids, &self.hashes),
            ),
        };
        let options = |value: &Value| match value {
            Value::List(items) => items.iter().map(|item| Value::from(item.as_str())).collect(),
            _ => Vec::new(),
        };
        let start = usize::from(leaf.op);
        for place in start..start + Operator::ALL.len() {
            let op = Operator::ALL[place % Operator::ALL.len()];
            let value = match op {
                Operator::IsSet | Operator::IsMissing => Operand::Nothing,
                Operator::HasAny | Operator::HasAll | Operator::HasNone => {
                    Operand::Many(options(&one))
                }
                Operator::Between | Operator::In | Operator::NotIn => {
                    Operand::Many(vec![one.clone(), other.clone()])
                }
                Operator::WithinLast
                | Operator::WithinNext
                | Operator::AnniversaryWithinLast
                | Operator::AnniversaryWithinNext => {
                    Operand::Span(SPANS[usize::from(leaf.form) % SPANS.len()].into())
                }
                Operator::Matches => Operand::One("(?s).*[a0é].*".into()),
                _ => Operand::One(one.clone()),
            };
            let missing = leaf.missing && value != Operand::Nothing;
            let condition =
                Condition::Field(FieldCondition { field: field.clone(), op, value, missing });
            if self.fits(&condition, entity_type) {
                return condition;
            }
        }
        panic!("every field can be set");
    }

    fn related(&self, leaf: &LeafDraw, entity_type: &str) -> Condition {
        let count = Count {
            op: Comparison::ALL[usize::from(leaf.op) % 6],
            value: u32::from(leaf.one.attribute) % 4,
        };
        for other in TYPES {
            for name in ["a", "b", "c", "d"] {
                let forward = Condition::related(name);
                let inverse = Condition::related(format!("{other}.{name}")).inverse();
                let (mut related, target) = if leaf.missing {
                    let definition = self.crm.types().get(entity_type).unwrap();
                    let mut attributes = definition.attributes.into_iter();
                    let attribute = attributes.find(|attribute| attribute.name == name);
                    (forward, attribute.and_then(|attribute| attribute.target).unwrap_or_default())
                } else {
                    (inverse, (*other).to_owned())
                };
                if !self.fits(&related.clone().exists(), entity_type) {
                    continue;
                }
                if let Some(inner) = &leaf.inner {
                    related = related.filter(self.condition(inner, &target));
                }
                return related.count(count.op, count.value);
            }
        }
        self.field(leaf, entity_type)
    }

    fn stage(&self, leaf: &LeafDraw, entity_type: &str) -> Condition {
        let op = StageOperator::ALL[usize::from(leaf.op) % StageOperator::ALL.len()];
        let name = STAGES[usize::from(leaf.form / 8) % STAGES.len()];
        let plain = Condition::stage(op, name);
        let named = plain.clone().of_lifecycle("way");
        let stage = if leaf.missing { named } else { plain };
        if self.fits(&stage, entity_type) { stage } else { self.field(leaf, entity_type) }
    }

    /// Puts some of the records on stages.
    fn lead_on(&self) {
        let kinds = [StageKind::Open, StageKind::Open, StageKind::Won, StageKind::Lost];
        let stages = STAGES.iter().zip(kinds).map(|(name, kind)| Stage::new(*name).kind(kind));
        let definition = DefineLifecycle::new("way", TYPES[0], stages);
        self.crm.lifecycles().define(definition).unwrap();
        for (nth, (entity_type, id)) in self.records.iter().enumerate() {
            if entity_type == TYPES[0] && nth % 5 < STAGES.len() {
                let to = MoveStage::new("way", *id, STAGES[nth % 5]).because("x");
                // Those that are archived stay where they are.
                let _ = self.crm.lifecycles().move_to(to);
            }
        }
    }

    fn changed(&self, leaf: &LeafDraw, entity_type: &str) -> Condition {
        let (field, kind) = self.attribute(&leaf.one, entity_type);
        let ids: Vec<RecordId> = self.records.iter().map(|(_, id)| *id).collect();
        let value = |draw: &Draw| draw.value(kind, &ids, &self.hashes);
        let span = Span::from(SPANS[usize::from(leaf.form) % SPANS.len()]);
        let whole = ChangedCondition {
            changed: field,
            from: (leaf.op & 1 == 1).then(|| value(&leaf.one)),
            to: (leaf.op & 2 == 2).then(|| value(&leaf.other)),
            within: (leaf.op & 4 == 4).then_some(span),
        };
        let plain = ChangedCondition { from: None, to: None, ..whole.clone() };
        let candidates = [whole, plain].map(ChangedCondition::happened);
        let fitting = candidates.into_iter().find(|changed| self.fits(changed, entity_type));
        fitting.unwrap_or_else(|| self.field(leaf, entity_type))
    }
}

/// The records for which a condition is true, by SQL.
fn listed(crm: &Crm, condition: &Condition, at: Timestamp, zone: &str) -> BTreeSet<RecordId> {
    let list = ListRecords {
        condition: Some(condition.clone()),
        at: Some(at),
        zone: Some(zone.to_owned()),
        archived: Archived::Include,
        limit: 10_000,
        ..ListRecords::new(TYPES[0])
    };
    let page = crm.list_records(&list).unwrap_or_else(|error| panic!("{condition}: {error}"));
    page.records.iter().map(|record| record.id).collect()
}

const MOMENTS: &[&str] = &[
    "2026-01-01T00:00:00.010Z",
    "2024-02-29T12:00:00Z",
    "2025-02-28T23:30:00Z",
    "2027-01-01T00:30:00Z",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
];
const ZONES: &[&str] = &["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"];

proptest! {
    #![proptest_config(cases(600))]

    /// What SQL finds is what memory says, a negation finds the others, and the normal form and the
    /// forms in which a condition is written find the same.
    #[test]
    fn sql_and_memory_agree(
        schema in schema(),
        before in prop::collection::vec(work(), 5..30),
        trees in prop::collection::vec(tree(2), 4),
        at in prop::sample::select(MOMENTS),
        zone in prop::sample::select(ZONES),
    ) {
        let mut world = World::new(memory(), &schema);
        for work in before {
            let _ = world.perform(&Step::Work(work));
        }
        world.lead_on();
        let at: Timestamp = at.parse().unwrap();
        let all = listed(&world.crm, &Condition::All(Vec::new()), at, zone);
        for tree in &trees {
            let condition = world.condition(tree, TYPES[0]);
            let found = listed(&world.crm, &condition, at, zone);
            for id in &all {
                let answer = world.crm.evaluate_condition(&EvaluateCondition {
                    entity_type: TYPES[0].to_owned(),
                    id: *id,
                    condition: condition.clone(),
                    at: Some(at),
                    zone: Some(zone.to_owned()),
                });
                let answer = answer.unwrap();
                prop_assert_eq!(answer.is_true, found.contains(id), "{}: {:?}", condition, answer);
            }
            let count = world.crm.count_records(&CountRecords {
                condition: Some(condition.clone()),
                at: Some(at),
                zone: Some(zone.to_owned()),
                archived: Archived::Include,
                ..CountRecords::new(TYPES[0])
            });
            prop_assert_eq!(count.unwrap(), found.len() as u64);
            let negated = !condition.clone();
            let others = listed(&world.crm, &negated, at, zone);
            prop_assert_eq!(&others, &all.difference(&found).copied().collect(), "not {}", condition);
            prop_assert_eq!(&listed(&world.crm, &!negated.clone(), at, zone), &found);
            prop_assert_eq!((!negated).normalise(), condition.clone().normalise());
            let normal = condition.clone().normalise();
            prop_assert_eq!(&normal.clone().normalise(), &normal);
            prop_assert_eq!(&listed(&world.crm, &normal, at, zone), &found, "{}", normal);
            prop_assert_eq!(&condition.to_string().parse::<Condition>().unwrap(), &condition);
        }
    }
}

// ---- forms

fn name() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z][a-z0-9_]{0,6}(\\.[a-z]{1,4})?",
        prop::sample::select(vec!["not", "in", "or", "missing", "inverse", "all", "count", "of"])
            .prop_map(str::to_owned),
        any::<String>(),
    ]
    .boxed()
}

fn finite() -> BoxedStrategy<Value> {
    let is_finite = |value: &Value| !matches!(value, Value::Real(number) if !number.is_finite());
    let money = ("-?[0-9]{1,4}(\\.[0-9]{1,3})?(e[0-9])?", "[A-Z]{3}|[a-z]{2}");
    let money = money.prop_map(|(amount, code)| Value::Money(Money::new(amount, code)));
    prop_oneof![3 => any_value().prop_filter("JSON has no others", is_finite), 1 => money].boxed()
}

fn span() -> BoxedStrategy<Span> {
    let iso = prop::array::uniform7(prop_oneof![3 => Just(0_u32), 1 => 0_u32..9_999]);
    iso.prop_map(|[y, mo, w, d, h, min, s]| {
        Span::from(format!("P{y}Y{mo}M{w}W{d}DT{h}H{min}M{s}S").as_str())
    })
    .boxed()
}

fn moment() -> BoxedStrategy<Timestamp> {
    let range = Timestamp::MIN.micros()..=Timestamp::MAX.micros();
    range.prop_map(|micros| Timestamp::from_micros(micros).unwrap()).boxed()
}

fn comparison() -> BoxedStrategy<Comparison> {
    prop::sample::select(Comparison::ALL).boxed()
}

fn field_condition() -> BoxedStrategy<Condition> {
    let values = prop::collection::vec(finite(), 0..4);
    (name(), prop::sample::select(Operator::ALL), finite(), values, span(), any::<bool>())
        .prop_map(|(field, op, value, values, span, missing)| {
            let value = match op {
                Operator::IsSet | Operator::IsMissing => Operand::Nothing,
                Operator::Between
                | Operator::In
                | Operator::NotIn
                | Operator::HasAny
                | Operator::HasAll
                | Operator::HasNone => Operand::Many(values),
                Operator::WithinLast
                | Operator::WithinNext
                | Operator::AnniversaryWithinLast
                | Operator::AnniversaryWithinNext => Operand::Span(span),
                _ => Operand::One(value),
            };
            Condition::Field(FieldCondition { field, op, value, missing })
        })
        .boxed()
}

fn measure() -> BoxedStrategy<Measure> {
    let when = prop_oneof![
        moment().prop_map(When::Before),
        moment().prop_map(When::After),
        span().prop_map(When::WithinLast),
        span().prop_map(When::OlderThan),
    ];
    prop_oneof![
        (comparison(), any::<u32>()).prop_map(|(op, value)| Measure::Count(Count { op, value })),
        (prop::sample::select(Figure::ALL), name(), comparison(), finite()).prop_map(
            |(figure, property, op, value)| Measure::Figure { figure, property, op, value }
        ),
        (prop::sample::select(End::ALL), when)
            .prop_map(|(end, when)| Measure::Moment { end, when }),
    ]
    .boxed()
}

fn any_condition() -> BoxedStrategy<Condition> {
    let option = prop::option::of::<BoxedStrategy<String>>;
    let changed =
        (name(), prop::option::of(finite()), prop::option::of(finite()), prop::option::of(span()))
            .prop_map(|(changed, from, to, within)| {
                Condition::Changed(ChangedCondition { changed, from, to, within })
            });
    let leaf = prop_oneof![
        4 => field_condition(),
        1 => changed,
        1 => any::<String>().prop_map(Condition::Segment),
    ];
    leaf.prop_recursive(4, 24, 4, move |part| {
        let filter = || prop::option::of(part.clone().prop_map(Box::new));
        let moments = || prop::option::of(moment());
        let event = (name(), prop::option::of(span()), moments(), moments(), filter(), measure());
        let related = (
            name(),
            any::<bool>(),
            option(name()),
            option(name()),
            filter(),
            comparison(),
            any::<u32>(),
        );
        prop_oneof![
            prop::collection::vec(part.clone(), 0..4).prop_map(Condition::All),
            prop::collection::vec(part.clone(), 0..4).prop_map(Condition::Any),
            part.clone().prop_map(|part| !part),
            event.prop_map(|(event, within, from, until, filter, measure)| {
                Condition::Event(EventCondition { event, within, from, until, filter, measure })
            }),
            related.prop_map(|(related, inverse, entity_type, role, filter, op, value)| {
                let count = Count { op, value };
                Condition::Related(RelatedCondition {
                    related,
                    inverse,
                    entity_type,
                    role,
                    filter,
                    count,
                })
            }),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(cases(1500))]

    /// Text and JSON read back what was written, whatever it says.
    #[test]
    fn every_form_reads_back(condition in any_condition()) {
        let text = condition.to_string();
        let json = serde_json::to_string(&condition).unwrap();
        match text.parse::<Condition>() {
            Ok(read) => prop_assert_eq!(&read, &condition, "{}", text),
            Err(error) => {
                let is_large = error.kind() == crm_core::ErrorKind::LimitExceeded;
                prop_assert!(is_large, "{}: {}", text, error);
                return Ok(());
            }
        }
        prop_assert_eq!(&json.parse::<Condition>().unwrap(), &condition, "{}", json);
        prop_assert_eq!(&serde_json::from_str::<Condition>(&json).unwrap(), &condition);
        let normal = condition.normalise();
        prop_assert_eq!(&normal.to_string().parse::<Condition>().unwrap(), &normal);
        prop_assert_eq!(&normal.clone().normalise(), &normal);
    }

    /// No text and no JSON panics, and no error repeats what was read.
    #[test]
    fn no_text_panics(text in any::<String>(), words in prop::collection::vec(prop::sample::select(vec![
        "a", "=", "(", ")", "and", "or", "not", "in", "count", "within", "30d", "1", "\"x\"", "is", "set",
        "missing", "related", ":", ",", "where", "{", "}", "[", "]", "`", "sum", "of", "<", ">=", "EUR",
    ]), 0..14)) {
        let _ = text.parse::<Condition>();
        let _ = format!("{{{text}").parse::<Condition>();
        if let Ok(condition) = words.join(" ").parse::<Condition>() {
            prop_assert_eq!(&condition.to_string().parse::<Condition>().unwrap(), &condition);
        }
    }
}
