//! The law of roll-ups: what is stored is what everything that is summed up comes to, in whichever way
//! it came to be there.
//!
//! What each roll-up says is written here once more in Rust, over what a reader sees of activities,
//! associations and records.

mod seen;

use crm_core::{
    AddAssociation, ApplyChanges, Attribute, ColumnMapping, CreateRecord, Crm, DefineActivityKind,
    DefineAssociationType, DefineType, Error, Flow, IdentifyVisitor, ImportMode, ImportPlan, Kind,
    Money, NewActivity, PatchAssociation, PatchRecord, PlanImport, RecordActivities, RecordChange,
    RecordId, RecordRef, Timestamp, Value, Values,
};
use proptest::prelude::*;

use super::{
    cases, memory,
    rebuild::{Contents, set},
};
use seen::Seen;

const TYPES: [&str; 2] = ["person", "firm"];

/// Roll-ups that may be defined anew: an attribute of a type, with what it may sum up.
const CHOICES: [(&str, &str, &[&str]); 5] = [
    (
        "person",
        "calls",
        &["count(call)", "count(any)", "sum(minutes of call)", "count(call where minutes >= 2)"],
    ),
    ("person", "best", &["max(n of related knows)", "min(n of related inverse knows open)"]),
    (
        "firm",
        "staff",
        &["count(related inverse works)", "count(related inverse works role \"boss\")"],
    ),
    (
        "firm",
        "scores",
        &["sum(score of related inverse works)", "max(score of related inverse works)"],
    ),
    (
        "firm",
        "led",
        &["count(related inverse person.lead)", "count(related inverse person.lead where n > 0)"],
    ),
];

#[expect(clippy::too_many_lines, reason = "a table of definitions")]
fn define_types(crm: &Crm) {
    let person = [
        Attribute::new("key", Kind::Integer).unique(),
        Attribute::new("n", Kind::Integer),
        Attribute::new("t", Kind::Text),
        Attribute::new("worth", Kind::Money),
        Attribute::new("lead", Kind::Reference).target("firm").indexed(),
        Attribute::new("mentor", Kind::Reference).target("person").indexed(),
        Attribute::new("calls", Kind::Integer).formula("count(call)"),
        Attribute::new("minutes", Kind::Decimal).formula("sum(minutes of call)"),
        Attribute::new("fees", Kind::Integer).formula("sum(fee of call)"),
        Attribute::new("weights", Kind::Real).formula("sum(weight of call)"),
        Attribute::new("longest", Kind::Integer).formula("max(minutes of call)"),
        Attribute::new("revenue", Kind::Money).currency("EUR").formula("sum(amount of any)"),
        Attribute::new("least", Kind::Money).currency("EUR").formula("min(amount of buy)"),
        Attribute::new("last", Kind::Timestamp).formula("max(at of any)").indexed(),
        Attribute::new("note", Kind::Text).formula("latest(note of call)"),
        Attribute::new("noted", Kind::Integer)
            .formula("max(minutes of call where note = \"🦊\" or not fee > 1)"),
        Attribute::new("score", Kind::Integer).formula("calls * 10 + coalesce(n, 0)"),
    ];
    let firm = [Attribute::new("n", Kind::Integer)];
    crm.types().define(DefineType::new("firm", firm)).unwrap();
    let call = [
        Attribute::new("minutes", Kind::Integer),
        Attribute::new("fee", Kind::Decimal),
        Attribute::new("weight", Kind::Real),
        Attribute::new("note", Kind::Text),
    ];
    crm.activity_kinds().define(DefineActivityKind::new("call", call)).unwrap();
    crm.activity_kinds().define(DefineActivityKind::new("buy", [])).unwrap();
    crm.types().define(DefineType::new("person", person)).unwrap();
    for (name, from, to) in
        [("works", "person", "firm"), ("knows", "person", "person"), ("above", "firm", "firm")]
    {
        let definition = DefineAssociationType {
            is_hierarchy: name == "above",
            ..DefineAssociationType::new(name, [from], [to])
        };
        crm.association_types().define(definition).unwrap();
    }
    let of = |entity_type, attributes| DefineType::new(entity_type, attributes);
    crm.types()
        .define(of(
            "person",
            vec![
                Attribute::new("best", Kind::Integer).formula("max(n of related knows)"),
                Attribute::new("mentees", Kind::Integer)
                    .formula("sum(n of related inverse person.mentor)"),
            ],
        ))
        .unwrap();
    crm.types()
        .define(of(
            "firm",
            vec![
                Attribute::new("staff", Kind::Integer).formula("count(related inverse works)"),
                Attribute::new("open", Kind::Integer).formula("count(related inverse works open)"),
                Attribute::new("scores", Kind::Integer)
                    .formula("sum(score of related inverse works)"),
                Attribute::new("worth", Kind::Money)
                    .currency("EUR")
                    .formula("sum(worth of related inverse works)"),
                Attribute::new("newest", Kind::Text).formula("latest(t of related inverse works)"),
                Attribute::new("busy", Kind::Integer)
                    .formula("count(related inverse works where score >= 10)"),
                Attribute::new("led", Kind::Integer).formula("count(related inverse person.lead)"),
                Attribute::new("led_worth", Kind::Money).currency("EUR").formula(
                    "sum(worth of related inverse person.lead where t in (\"é\", \"a b\"))",
                ),
                Attribute::new("led_best", Kind::Integer)
                    .formula("max(score of related inverse person.lead)"),
                Attribute::new("led_newest", Kind::Text)
                    .formula("latest(t of related inverse person.lead where n > 0)"),
                Attribute::new("below", Kind::Integer)
                    .formula("sum(scores of related inverse above)"),
                Attribute::new("total", Kind::Integer)
                    .formula("coalesce(scores, 0) + coalesce(below, 0)"),
            ],
        ))
        .unwrap();
    // Through other records back to the record itself, though not to the same attribute.
    crm.types()
        .define(of(
            "person",
            vec![
                Attribute::new("firm_total", Kind::Integer).formula("max(total of related works)"),
            ],
        ))
        .unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Write(Way, u8, Vec<(u8, u8)>),
    Archive(u8, bool),
    Record(Vec<Happening>, bool),
    Identify(u8, u8),
    Release(u8),
    Link(u8, [u8; 2], u8),
    Relink(u8, u8),
    ArchiveLink(u8, bool),
    Define(u8, u8),
    ArchiveAttribute(u8, bool),
    Import(Vec<(u8, u8)>),
    Revert(u8),
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Create,
    Patch,
    Upsert,
    Batch,
}

#[derive(Debug, Clone)]
struct Happening {
    kind: u8,
    whose: u8,
    at: u8,
    key: Option<u8>,
    supersedes: Option<u8>,
    values: u8,
}

fn happening() -> impl Strategy<Value = Happening> {
    let few = |most: u8| prop::option::weighted(0.25, 0..most);
    (any::<u8>(), any::<u8>(), 0_u8..4, few(3), few(9), any::<u8>()).prop_map(
        |(kind, whose, at, key, supersedes, values)| Happening {
            kind,
            whose,
            at,
            key,
            supersedes,
            values,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let ways = vec![Way::Create, Way::Patch, Way::Patch, Way::Upsert, Way::Batch];
    let values = prop::collection::vec((0_u8..5, any::<u8>()), 0..3);
    let number = any::<u8>;
    prop_oneof![
        6 => (prop::sample::select(ways), number(), values)
            .prop_map(|(way, record, values)| Step::Write(way, record, values)),
        2 => (number(), any::<bool>()).prop_map(|(record, is_in)| Step::Archive(record, is_in)),
        8 => (prop::collection::vec(happening(), 1..4), any::<bool>())
            .prop_map(|(all, whole)| Step::Record(all, whole)),
        2 => (number(), number()).prop_map(|(visitor, record)| Step::Identify(visitor, record)),
        1 => number().prop_map(Step::Release),
        8 => (number(), any::<[u8; 2]>(), number()).prop_map(|(t, ends, says)| Step::Link(t, ends, says)),
        3 => (number(), number()).prop_map(|(link, says)| Step::Relink(link, says)),
        3 => (number(), any::<bool>()).prop_map(|(link, is_in)| Step::ArchiveLink(link, is_in)),
        1 => (number(), number()).prop_map(|(which, formula)| Step::Define(which, formula)),
        1 => (number(), any::<bool>()).prop_map(|(which, is_in)| Step::ArchiveAttribute(which, is_in)),
        1 => prop::collection::vec((0_u8..4, number()), 1..5).prop_map(Step::Import),
        1 => number().prop_map(Step::Revert),
    ]
}

struct World {
    crm: Crm,
    /// People and firms.
    records: [Vec<RecordId>; 2],
    activities: Vec<RecordId>,
    links: Vec<RecordId>,
    imports: Vec<RecordId>,
}

fn pick<T: Copy>(all: &[T], number: u8) -> Option<T> {
    all.get(usize::from(number) % all.len().max(1)).copied()
}

fn value((attribute, number): (u8, u8)) -> (&'static str, Value) {
    let place = usize::from(number);
    let of = match attribute {
        0 => ("n", Value::Integer([0, 1, 2, -3, 7, i64::MAX][place % 6])),
        1 => ("t", Value::from(["é", "a b", "🦊"][place % 3])),
        _ => (
            "worth",
            Value::Money(Money::new(["0.50", "-2", "7"][place % 3], ["EUR", "USD"][place / 3 % 2])),
        ),
    };
    if place.is_multiple_of(7) { (of.0, Value::Null) } else { of }
}

impl World {
    fn new() -> Self {
        let crm = memory();
        define_types(&crm);
        let mut world = Self {
            crm,
            records: [vec![], vec![]],
            activities: vec![],
            links: vec![],
            imports: vec![],
        };
        for number in 0..4 {
            world
                .write(Way::Create, number, Values::from([("n", Value::Integer(number.into()))]))
                .unwrap();
        }
        world
    }

    /// A person or a firm: half of the numbers name the one, half the other.
    fn record(&self, number: u8) -> Option<RecordRef> {
        let place = usize::from(number % 2);
        Some(RecordRef::new(TYPES[place], pick(&self.records[place], number / 2)?))
    }

    /// A value of its own, or that refers to a record.
    fn value(&self, (attribute, number): (u8, u8)) -> Option<(&'static str, Value)> {
        let (name, place) = match attribute {
            3 => ("lead", 1),
            4 => ("mentor", 0),
            _ => return Some(value((attribute, number))),
        };
        if number.is_multiple_of(5) {
            return Some((name, Value::Null));
        }
        Some((name, pick(&self.records[place], number / 5)?.into()))
    }

    fn keep(&mut self, place: usize, id: RecordId) {
        if !self.records[place].contains(&id) {
            self.records[place].push(id);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per step")]
    fn perform(&mut self, step: &Step) -> Result<(), Error> {
        let crm = self.crm.clone();
        match step {
            Step::Write(way, record, values) => {
                let values = values.iter().filter_map(|pair| self.value(*pair)).collect();
                self.write(*way, *record, values)
            }
            Step::Archive(number, is_in) => {
                let Some(record) = self.record(*number) else { return Ok(()) };
                let records = crm.records(&record.entity_type);
                match is_in {
                    true => records.archive(record.id, None).map(drop),
                    false => records.restore(record.id, None).map(drop),
                }
            }
            Step::Record(all, all_or_nothing) => self.record_all(all, *all_or_nothing),
            Step::Identify(visitor, number) => {
                let Some(record) = self.record(*number) else { return Ok(()) };
                let visitor = ["v", "w"][usize::from(visitor % 2)].to_owned();
                let RecordRef { entity_type, id } = record;
                crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id }).map(drop)
            }
            Step::Release(visitor) => {
                crm.activities().release(["v", "w"][usize::from(visitor % 2)]).map(drop)
            }
            Step::Link(which, ends, says) => {
                let (name, from, to) =
                    [("works", 0, 1), ("knows", 0, 0), ("above", 1, 1)][usize::from(which % 3)];
                let end = |place: usize, number| {
                    Some(RecordRef::new(TYPES[place], pick(&self.records[place], number)?))
                };
                let (Some(from), Some(to)) = (end(from, ends[0]), end(to, ends[1])) else {
                    return Ok(());
                };
                let (role, valid_to) = said(*says);
                let added = crm.associations().add(AddAssociation {
                    role: role.map(str::to_owned),
                    valid_to,
                    ..AddAssociation::new(name, from, to)
                })?;
                self.links.push(added.id);
                Ok(())
            }
            Step::Relink(link, says) => {
                let Some(id) = pick(&self.links, *link) else { return Ok(()) };
                let (role, valid_to) = said(*says);
                let day = valid_to.map_or(Value::Null, Value::from);
                let changes = Values::from([
                    ("role", role.map_or(Value::Null, Value::from)),
                    ("valid_to", day),
                ]);
                crm.associations()
                    .patch(PatchAssociation { id, changes, expected_version: None })
                    .map(drop)
            }
            Step::ArchiveLink(link, is_in) => {
                let Some(id) = pick(&self.links, *link) else { return Ok(()) };
                match is_in {
                    true => crm.associations().archive(id, None).map(drop),
                    false => crm.associations().restore(id, None).map(drop),
                }
            }
            Step::Define(which, formula) => {
                let (entity_type, name, formulas) = CHOICES[usize::from(which % 5)];
                let formula = formulas[usize::from(*formula) % formulas.len()];
                let attribute = Attribute::new(name, Kind::Integer).formula(formula);
                crm.types().define_attribute(entity_type, attribute).map(drop)
            }
            Step::ArchiveAttribute(which, is_in) => {
                let names = ["best", "longest", "firm_total", "revenue", "calls", "t", "lead"];
                let name = names[usize::from(*which) % names.len()];
                match is_in {
                    true => crm.types().archive_attribute("person", name).map(drop),
                    false => crm.types().restore_attribute("person", name).map(drop),
                }
            }
            Step::Import(rows) => self.import(rows),
            Step::Revert(number) => {
                let Some(id) = pick(&self.imports, *number) else { return Ok(()) };
                crm.imports().revert(id, &mut |_| Flow::Continue).map(drop)
            }
        }
    }

    fn write(&mut self, way: Way, number: u8, mut values: Values) -> Result<(), Error> {
        let crm = self.crm.clone();
        let place = usize::from(number % 2);
        let entity_type = TYPES[place];
        if place == 1 {
            values.remove("t");
            values.remove("worth");
            values.remove("lead");
            values.remove("mentor");
        }
        match way {
            Way::Create => {
                let id = crm.records(entity_type).create(values)?.id;
                self.keep(place, id);
            }
            Way::Patch => {
                let Some(record) = self.record(number) else { return Ok(()) };
                let patched = crm.records(entity_type).patch(record.id, values)?;
                assert_eq!(
                    patched,
                    crm.records(entity_type).get(record.id).unwrap(),
                    "what is told is what is there"
                );
            }
            Way::Upsert => {
                values.insert("key", i64::from(number % 4));
                let id = crm.records("person").upsert("key", values)?.record.id;
                self.keep(0, id);
            }
            Way::Batch => {
                let mut changes = vec![RecordChange::Create(CreateRecord {
                    entity_type: entity_type.to_owned(),
                    values: values.clone(),
                })];
                if let Some(RecordRef { id, .. }) = self.record(number) {
                    let entity_type = entity_type.to_owned();
                    changes.push(RecordChange::Patch(PatchRecord {
                        entity_type,
                        id,
                        values,
                        expected_version: None,
                    }));
                }
                let report = crm.apply(ApplyChanges { changes, all_or_nothing: false })?;
                for outcome in &report.outcomes {
                    let Some(id) = outcome.id else { continue };
                    self.keep(place, id);
                    let version = crm.records(entity_type).get(id).unwrap().version;
                    assert_eq!(outcome.version, Some(version));
                }
            }
        }
        Ok(())
    }

    fn record_all(&mut self, all: &[Happening], all_or_nothing: bool) -> Result<(), Error> {
        let activities: Vec<NewActivity> = all.iter().map(|one| self.activity(one)).collect();
        if let [activity] = &activities[..] {
            let recorded = self.crm.activities().record(activity.clone())?;
            self.activities.push(recorded.activity.id);
            return Ok(());
        }
        let report =
            self.crm.activities().record_many(RecordActivities { activities, all_or_nothing })?;
        if report.is_committed {
            self.activities.extend(report.outcomes.iter().filter_map(|outcome| outcome.id));
        }
        Ok(())
    }

    fn activity(&self, one: &Happening) -> NewActivity {
        let at = Timestamp::from_micros(1_700_000_000_000_000 + i64::from(one.at)).unwrap();
        let kind = ["call", "call", "buy"][usize::from(one.kind % 3)];
        let nobody = RecordRef::new("person", RecordId::from_bytes([7; 16]));
        let mut activity = match one.whose % 5 {
            0 => NewActivity::of_visitor(kind, ["v", "w"][usize::from(one.whose / 5 % 2)], at),
            _ => NewActivity::of(kind, self.record(one.whose / 5).unwrap_or(nobody), at),
        };
        activity.key = one.key.map(|key| key.to_string());
        if let Some(old) = one.supersedes.and_then(|number| pick(&self.activities, number)) {
            (activity.supersedes, activity.subject, activity.visitor) = (Some(old), None, None);
        }
        let number = usize::from(one.values);
        if number % 3 > 0 {
            activity.amount = Some(Money::new(
                ["1.10", "20", "-3"][number % 3],
                ["EUR", "EUR", "USD"][number / 3 % 3],
            ));
        }
        if kind == "call" {
            let minutes = [Value::Null, 1.into(), 5.into(), (-2).into(), Value::Integer(i64::MAX)]
                [number % 5]
                .clone();
            let fee = [Value::Null, "0.40".into(), "1.45".into()][number % 3].clone();
            let weight = [Value::Null, Value::Real(0.1), Value::Real(1e16)][number / 2 % 3].clone();
            let note = [Value::Null, "x".into(), "y".into()][number / 5 % 3].clone();
            activity.properties = Values::from([
                ("minutes", minutes),
                ("fee", fee),
                ("weight", weight),
                ("note", note),
            ]);
        }
        activity
    }

    /// People by key, some of whom know each other.
    fn import(&mut self, rows: &[(u8, u8)]) -> Result<(), Error> {
        let mut text = "key,n\n".to_owned();
        for (key, n) in rows {
            text.push_str(&format!("{key},{}\n", n % 5));
        }
        let request = PlanImport {
            mode: ImportMode::Upsert,
            key: vec!["key".into()],
            ..PlanImport::from_text(
                "person",
                text,
                ["key", "n"].map(|name| ColumnMapping::new(name, name)),
            )
        };
        let plan: ImportPlan = self.crm.imports().plan(&request, &mut |_| Flow::Continue)?;
        let run = self.crm.imports().apply(&plan, &mut |_| Flow::Continue)?;
        self.imports.push(run.import.id);
        Ok(())
    }
}

/// Role and last day of an association.
fn said(says: u8) -> (Option<&'static str>, Option<crm_core::Date>) {
    let role = [None, Some("boss"), Some("clerk")][usize::from(says % 3)];
    let day = (says / 3 % 2 == 1)
        .then(|| crm_core::Date::from_days(i32::from(says / 6 % 3) * 40_000).unwrap());
    (role, day)
}

/// What is wrong with the roll-ups of a file.
fn untrue(crm: &Crm) -> Vec<String> {
    let (seen, mut untrue) = (Seen::of(crm), Vec::new());
    for name in TYPES {
        for attribute in crm.types().get(name).unwrap().attributes {
            let Some(formula) = &attribute.formula else { continue };
            for record in seen.records.iter().filter(|record| record.entity_type == name) {
                let mut says = seen.says(record, formula).unwrap_or_else(|| panic!("{formula}?"));
                if attribute.kind == Kind::Decimal {
                    says = match says {
                        // A decimal of two places holds less than a whole number of 64 bits.
                        Value::Integer(n) if n.checked_mul(100).is_some() => {
                            format!("{n}.00").into()
                        }
                        _ => Value::Null,
                    };
                }
                let stored = record.get(&attribute.name);
                if json(stored) != json(&says) {
                    untrue.push(format!(
                        "{name}.{} = {formula} is {} and not {}",
                        attribute.name,
                        json(stored),
                        json(&says)
                    ));
                }
            }
        }
    }
    untrue
}

fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap()
}

proptest! {
    #![proptest_config(cases(200))]

    /// Whatever is written: every roll-up, and what is calculated from it, is what it says; the journal
    /// says the same, and a verification finds nothing. What fails changes nothing.
    #[test]
    fn what_is_stored_is_what_is_summed_up(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            let before = world.crm.stats().unwrap().changes;
            match world.perform(step) {
                Err(error) => {
                    prop_assert_ne!(error.kind(), crm_core::ErrorKind::Internal, "{}", error);
                    prop_assert_eq!(world.crm.stats().unwrap().changes, before);
                }
                Ok(()) => prop_assert_eq!(untrue(&world.crm), Vec::<String>::new(), "after {:?}", step),
            }
        }
        for record in Seen::of(&world.crm).records {
            let mut folded = Values::new();
            for entry in world.crm.journal().of_record(&record.entity_type, record.id).unwrap() {
                set(&mut folded, entry.values);
            }
            prop_assert_eq!(&folded, &record.values);
        }
        let contents = Contents::read(&world.crm);
        prop_assert_eq!(Contents::rebuild(&world.crm, 50), contents.without_typed());
        prop_assert_eq!(world.crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
    }
}
