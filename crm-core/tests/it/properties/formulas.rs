//! The law of calculated attributes: what is stored is what the formula says, in whichever way the
//! records and the formulas came to be what they are.
//!
//! What each formula says is written here once more in Rust, over the values that a reader sees.

use crm_core::{
    ApplyChanges, Archived, Attribute, ColumnMapping, CreateRecord, Crm, DefineType, Error, Flow,
    ImportCsv, ImportMode, Kind, ListRecords, Money, PatchRecord, Record, RecordChange, RecordId,
    UpsertRecord, Value, Values,
};
use proptest::prelude::*;

use super::{
    cases, memory,
    rebuild::{Contents, set},
};

/// A formula with the kind that it is for, and what it says.
struct Law {
    kind: Kind,
    text: &'static str,
    says: fn(&Record) -> Value,
}

/// The calculated attributes: the first may have a formula of [`LAWS`], the others read it.
const NAMES: [&str; 3] = ["x", "y", "z"];

const LAWS: &[Law] = &[
    Law { kind: Kind::Integer, text: "n + m", says: |r| both(r, |n, m| n.checked_add(m)) },
    Law { kind: Kind::Integer, text: "n * m", says: |r| both(r, |n, m| n.checked_mul(m)) },
    Law { kind: Kind::Integer, text: "n / m", says: |r| both(r, rounded_quotient) },
    Law {
        kind: Kind::Integer,
        text: "if(n > m, n, coalesce(m, 7))",
        says: |r| match (n(r), m(r)) {
            (Some(n), Some(m)) => Value::Integer(n.max(m)),
            (_, m) => Value::Integer(m.unwrap_or(7)),
        },
    },
    Law {
        kind: Kind::Integer,
        text: "length(t)",
        says: |r| r.get("t").as_str().map_or(Value::Null, |t| (t.chars().count() as i64).into()),
    },
    Law {
        kind: Kind::Integer,
        text: "day(add_months(on, n))",
        says: |r| {
            let (Some(on), Some(n)) = (r.get("on").as_str(), n(r)) else { return Value::Null };
            let on: jiff::civil::Date = on.parse().unwrap();
            let months = i32::try_from(n).ok().filter(|months| months.abs() < 100_000);
            let later = months.and_then(|n| on.checked_add(jiff::Span::new().months(n)).ok());
            let later = later.filter(|day| day.year() >= 1);
            later.map_or(Value::Null, |day| Value::Integer(day.day().into()))
        },
    },
    Law {
        kind: Kind::Integer,
        text: "if(is_missing(price), 0, round(amount(price)))",
        says: |r| match r.get("price") {
            Value::Money(money) => {
                let cents = money.minor_units().unwrap();
                Value::Integer(rounded_quotient(cents, 100).unwrap())
            }
            _ => Value::Integer(0),
        },
    },
];

fn n(record: &Record) -> Option<i64> {
    record.get("n").as_i64()
}

fn m(record: &Record) -> Option<i64> {
    record.get("m").as_i64()
}

fn both(record: &Record, says: impl Fn(i64, i64) -> Option<i64>) -> Value {
    let result = n(record).zip(m(record)).and_then(|(n, m)| says(n, m));
    result.map_or(Value::Null, Value::Integer)
}

/// To the nearest, a half away from zero.
fn rounded_quotient(n: i64, m: i64) -> Option<i64> {
    let (n, m) = (i128::from(n), i128::from(m));
    if m == 0 {
        return None;
    }
    let half = (2 * n.abs() + m.abs()) / (2 * m.abs());
    i64::try_from(if (n < 0) == (m < 0) { half } else { -half }).ok()
}

/// What `y` and `z` say of the value of `x`.
fn says_y(x: &Value) -> Value {
    x.as_i64().and_then(|x| x.checked_add(1)).map_or(Value::Null, Value::Integer)
}

fn says_z(x: &Value, y: &Value) -> Value {
    Value::from(format!("{}/{}", show(x), show(y)))
}

fn show(value: &Value) -> String {
    value.as_i64().map_or(String::new(), |number| number.to_string())
}

#[derive(Debug, Clone)]
enum Step {
    /// What is changed, in which way, of which record.
    Write(Way, u8, Vec<(u8, u8)>),
    Archive(u8, bool),
    Define(u8),
    ArchiveAttribute(u8, bool),
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Create,
    Patch,
    Upsert,
    Batch,
    Csv,
}

fn step() -> impl Strategy<Value = Step> {
    let ways = vec![Way::Create, Way::Patch, Way::Patch, Way::Upsert, Way::Batch, Way::Csv];
    let values = prop::collection::vec((0_u8..5, any::<u8>()), 0..4);
    prop_oneof![
        8 => (prop::sample::select(ways), any::<u8>(), values)
            .prop_map(|(way, record, values)| Step::Write(way, record, values)),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(record, is_in)| Step::Archive(record, is_in)),
        2 => (0..LAWS.len() as u8).prop_map(Step::Define),
        1 => (0_u8..4, any::<bool>()).prop_map(|(name, is_in)| Step::ArchiveAttribute(name, is_in)),
    ]
}

/// The value that a pair of numbers stands for, with the name of its attribute.
fn value((attribute, pick): (u8, u8)) -> (&'static str, Value) {
    let pick = usize::from(pick);
    let numbers = [0, 1, 2, -3, 7, 100, i64::MAX, i64::MIN];
    let days = ["2024-01-31", "2024-02-29", "0001-01-01", "9999-12-31"];
    let of = match attribute {
        0 => ("n", Value::Integer(numbers[pick % 8])),
        1 => ("m", Value::Integer(numbers[pick % 8])),
        2 => ("t", Value::from(["é", "a b", "🦊🦊", ""][pick % 4])),
        3 => ("on", Value::from(days[pick % 4])),
        _ => ("price", Value::Money(Money::new(["0.50", "-2.49", "7"][pick % 3], "EUR"))),
    };
    if pick.is_multiple_of(9) { (of.0, Value::Null) } else { of }
}

struct World {
    crm: Crm,
    records: Vec<RecordId>,
    /// Which law `x` has, from its definition on.
    law: usize,
}

impl World {
    fn new() -> Self {
        let crm = memory();
        let attributes = [
            Attribute::new("key", Kind::Integer).unique(),
            Attribute::new("n", Kind::Integer),
            Attribute::new("m", Kind::Integer),
            Attribute::new("t", Kind::Text),
            Attribute::new("on", Kind::Date),
            Attribute::new("price", Kind::Money),
            Attribute::new("x", Kind::Integer).formula(LAWS[0].text).indexed(),
            Attribute::new("y", Kind::Integer).formula("x + 1"),
            Attribute::new("z", Kind::Text).formula("concat(x, \"/\", y)"),
        ];
        crm.types().define(DefineType::new("thing", attributes)).unwrap();
        Self { crm, records: Vec::new(), law: 0 }
    }

    fn record(&self, number: u8) -> Option<RecordId> {
        self.records.get(usize::from(number) % self.records.len().max(1)).copied()
    }

    fn perform(&mut self, step: &Step) -> Result<(), Error> {
        match step {
            Step::Write(way, record, values) => {
                let values = values.iter().map(|pair| value(*pair)).collect();
                self.write(*way, *record, values)
            }
            Step::Archive(record, is_in) => {
                let things = self.crm.records("thing");
                let Some(id) = self.record(*record) else { return Ok(()) };
                if *is_in {
                    things.archive(id, None)?
                } else {
                    things.restore(id, None)?
                };
                Ok(())
            }
            Step::Define(law) => {
                let Law { kind, text, .. } = LAWS[usize::from(*law)];
                let x = Attribute::new("x", kind).formula(text).indexed();
                self.crm.types().define_attribute("thing", x)?;
                self.law = usize::from(*law);
                Ok(())
            }
            Step::ArchiveAttribute(name, is_in) => {
                let name = ["n", "x", "y", "z"][usize::from(*name)];
                let types = self.crm.types();
                match is_in {
                    true => types.archive_attribute("thing", name)?,
                    false => types.restore_attribute("thing", name)?,
                };
                Ok(())
            }
        }
    }

    fn write(&mut self, way: Way, record: u8, mut values: Values) -> Result<(), Error> {
        let things = self.crm.records("thing");
        let entity_type = || "thing".to_owned();
        match way {
            Way::Create => self.records.push(things.create(values)?.id),
            Way::Patch => {
                let Some(id) = self.record(record) else { return Ok(()) };
                things.patch(id, values)?;
            }
            Way::Upsert => {
                values.insert("key", i64::from(record % 4));
                let id = things.upsert("key", values)?.record.id;
                if !self.records.contains(&id) {
                    self.records.push(id);
                }
            }
            Way::Batch => {
                let mut changes = vec![RecordChange::Create(CreateRecord {
                    entity_type: entity_type(),
                    values: values.clone(),
                })];
                if let Some(id) = self.record(record) {
                    changes.push(RecordChange::Patch(PatchRecord {
                        entity_type: entity_type(),
                        id,
                        values: values.clone(),
                        expected_version: None,
                    }));
                }
                values.insert("key", i64::from(record % 4));
                let key = "key".to_owned();
                let upsert = UpsertRecord { entity_type: entity_type(), key, values };
                changes.push(RecordChange::Upsert(upsert));
                let report = self.crm.apply(ApplyChanges { changes, all_or_nothing: false })?;
                for id in report.outcomes.iter().filter_map(|outcome| outcome.id) {
                    if !self.records.contains(&id) {
                        self.records.push(id);
                    }
                }
            }
            Way::Csv => {
                let (n, m) = (show(values.get("n")), show(values.get("m")));
                let table = format!("key,n,m\n{},{n},{m}\n", record % 4);
                let columns = ["key", "n", "m"].map(|name| ColumnMapping::new(name, name));
                let request = ImportCsv {
                    mode: ImportMode::Upsert,
                    key: Some("key".into()),
                    ..ImportCsv::from_text("thing", table, columns)
                };
                self.crm.import_csv(&request, &mut |_| Flow::Continue)?;
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// Of every record, archived ones included, every calculated attribute is what its formula says;
    /// the journal says the same, and a verification finds nothing.
    #[test]
    fn what_is_stored_is_what_the_formula_says(steps in prop::collection::vec(step(), 1..25)) {
        let mut world = World::new();
        for step in &steps {
            let _ = world.perform(step);
        }
        let thing = world.crm.types().get("thing").unwrap();
        let is_live = |name: &str| thing.attributes.iter().any(|attribute| attribute.name == name);
        let all = ListRecords { archived: Archived::Include, limit: 10_000, ..ListRecords::new("thing") };
        for record in world.crm.list_records(&all).unwrap().records {
            if is_live("x") {
                let x = (LAWS[world.law].says)(&record);
                let y = says_y(&x);
                let z = says_z(&x, &y);
                for (name, says) in NAMES.into_iter().zip([x, y, z]) {
                    if is_live(name) {
                        let stored = show_json(record.get(name));
                        prop_assert_eq!(stored, show_json(&says), "{} of law {}", name, world.law);
                    }
                }
            }
            let mut folded = Values::new();
            for entry in world.crm.journal().of_record("thing", record.id).unwrap() {
                set(&mut folded, entry.values);
            }
            prop_assert_eq!(&folded, &record.values);
        }
        let contents = Contents::read(&world.crm);
        prop_assert_eq!(Contents::rebuild(&world.crm, 50), contents.without_typed());
        prop_assert_eq!(world.crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
    }
}

fn show_json(value: &Value) -> String {
    serde_json::to_string(value).unwrap()
}
