//! What each roll-up says, written once more in Rust over what a reader sees.

use crm_core::{
    Activity, Archived, Association, AssociationDirection, Crm, ListRecords, Money, Record,
    RecordId, RunSql, Value,
};

use super::TYPES;

/// Everything that a roll-up can look at, in the order in which it came.
pub(super) struct Seen {
    pub(super) records: Vec<Record>,
    /// By time, and at one time as they were recorded.
    activities: Vec<Activity>,
    links: Vec<Association>,
}

impl Seen {
    pub(super) fn of(crm: &Crm) -> Self {
        let ids = |sql: &str| -> Vec<RecordId> {
            let rows = crm.sql(&RunSql::new(sql)).unwrap().rows.into_iter();
            rows.map(|row| row.0[0].as_str().unwrap().parse().unwrap()).collect()
        };
        let all = |name| ListRecords {
            archived: Archived::Include,
            limit: 10_000,
            ..ListRecords::new(name)
        };
        let activities =
            ids("SELECT id FROM crm_activity WHERE superseded_by IS NULL ORDER BY at, seq")
                .into_iter();
        let links = ids("SELECT id FROM crm_association ORDER BY seq").into_iter();
        Self {
            records: TYPES
                .into_iter()
                .flat_map(|name| crm.list_records(&all(name)).unwrap().records)
                .collect(),
            activities: activities.map(|id| crm.activities().get(id).unwrap()).collect(),
            links: links.map(|id| crm.associations().get(id).unwrap()).collect(),
        }
    }

    /// The activities of a record.
    fn of_record(&self, record: &Record, kind: &str) -> Vec<&Activity> {
        let is_of = |a: &&Activity| {
            a.subject.as_ref() == Some(&record.reference()) && (kind == "any" || a.kind == kind)
        };
        self.activities.iter().filter(is_of).collect()
    }

    /// The associated records in use, each once, where it came last.
    fn around(
        &self,
        record: &Record,
        name: &str,
        direction: AssociationDirection,
        role: Option<&str>,
        open: bool,
    ) -> Vec<&Record> {
        let mut found: Vec<&Record> = Vec::new();
        for link in &self.links {
            let (near, far) = match direction {
                AssociationDirection::Incoming => (&link.to, &link.from),
                _ => (&link.from, &link.to),
            };
            if link.association_type != name
                || *near != record.reference()
                || link.archived_at.is_some()
                || role.is_some_and(|role| link.role.as_deref() != Some(role))
                || open && link.valid_to.is_some()
            {
                continue;
            }
            let far = self.records.iter().find(|other| other.reference() == *far).unwrap();
            if far.archived_at.is_none() {
                found.retain(|other| other.id != far.id);
                found.push(far);
            }
        }
        found
    }

    /// The records in use that refer to one, the oldest first.
    fn referring(&self, record: &Record, name: &str) -> Vec<&Record> {
        let id = record.id.to_string();
        let refers = |other: &&Record| {
            other.archived_at.is_none() && other.get(name).as_str() == Some(id.as_str())
        };
        let mut found: Vec<&Record> = self.records.iter().filter(refers).collect();
        found.sort_by_key(|other| (other.created_at, other.id));
        found
    }

    /// What an attribute with this formula is to hold.
    #[expect(clippy::too_many_lines, reason = "one arm per formula")]
    pub(super) fn says(&self, record: &Record, formula: &str) -> Option<Value> {
        use AssociationDirection::{Incoming as In, Outgoing as Out};
        let calls = || self.of_record(record, "call");
        let minutes =
            || calls().into_iter().filter_map(|call| call.properties.get("minutes").as_i64());
        let cents = |kind: &str| -> Vec<i64> {
            let amounts = self.of_record(record, kind).into_iter().filter_map(|a| a.amount.clone());
            amounts
                .filter(|amount| amount.currency == "EUR")
                .map(|a| a.minor_units().unwrap())
                .collect()
        };
        let around = |name, direction| self.around(record, name, direction, None, false);
        let whole = |records: Vec<&Record>, name: &str| -> Vec<i64> {
            records.iter().filter_map(|other| other.get(name).as_i64()).collect()
        };
        let n = |name: &str| record.get(name).as_i64();
        Some(match formula {
            "count(call)" => count(calls()),
            "count(any)" => count(self.of_record(record, "any")),
            "sum(minutes of call)" => sum(minutes()),
            "max(minutes of call)" => minutes().max().into_value(),
            "sum(fee of call)" => {
                let fees = calls()
                    .into_iter()
                    .filter_map(|call| call.properties.get("fee").as_str().map(str::to_owned));
                let cents: i64 = fees.map(|fee| fee.replace('.', "").parse::<i64>().unwrap()).sum();
                Value::Integer((cents + 50) / 100)
            }
            "sum(weight of call)" => {
                let reals =
                    calls().into_iter().filter_map(|call| call.properties.get("weight").as_f64());
                let mut reals: Vec<f64> = reals.collect();
                reals.sort_by(f64::total_cmp);
                Value::Real(reals.into_iter().fold(0.0, |sum, real| sum + real))
            }
            "sum(amount of any)" => euros(cents("any").into_iter().sum()),
            "min(amount of buy)" => cents("buy").into_iter().min().map_or(Value::Null, euros),
            "max(at of any)" => {
                let last = self.of_record(record, "any").last().map(|activity| activity.at);
                last.map_or(Value::Null, Value::from)
            }
            "latest(note of call)" => {
                calls().last().map_or(Value::Null, |call| call.properties.get("note").clone())
            }
            "max(n of related knows)" => {
                whole(around("knows", Out), "n").into_iter().max().into_value()
            }
            "min(n of related inverse knows open)" => {
                whole(self.around(record, "knows", In, None, true), "n")
                    .into_iter()
                    .min()
                    .into_value()
            }
            "count(related inverse works)" => count(around("works", In)),
            "count(related inverse works open)" => {
                count(self.around(record, "works", In, None, true))
            }
            "count(related inverse works role \"boss\")" => {
                count(self.around(record, "works", In, Some("boss"), false))
            }
            "sum(score of related inverse works)" => {
                sum(whole(around("works", In), "score").into_iter())
            }
            "max(score of related inverse works)" => {
                whole(around("works", In), "score").into_iter().max().into_value()
            }
            "sum(worth of related inverse works)" => {
                let worth = around("works", In).into_iter().filter_map(|person| {
                    match person.get("worth") {
                        Value::Money(money) if money.currency == "EUR" => money.minor_units().ok(),
                        _ => None,
                    }
                });
                euros(worth.sum())
            }
            "latest(t of related inverse works)" => {
                around("works", In).last().map_or(Value::Null, |person| person.get("t").clone())
            }
            "sum(scores of related inverse above)" => {
                sum(whole(around("above", In), "scores").into_iter())
            }
            "count(call where minutes >= 2)" => {
                count(minutes().filter(|minutes| *minutes >= 2).collect::<Vec<_>>())
            }
            "max(minutes of call where note = \"🦊\" or not fee > 1)" => {
                let asked = |call: &&Activity| {
                    let fee = call.properties.get("fee").as_str().map(|fee| fee.parse::<f64>());
                    call.properties.get("note").as_str() == Some("🦊")
                        || !fee.is_some_and(|fee| fee.unwrap() > 1.0)
                };
                let asked = calls().into_iter().filter(asked);
                asked.filter_map(|call| call.properties.get("minutes").as_i64()).max().into_value()
            }
            "sum(n of related inverse person.mentor)" => {
                sum(whole(self.referring(record, "mentor"), "n").into_iter())
            }
            "count(related inverse works where score >= 10)" => {
                let mut busy = around("works", In);
                busy.retain(|person| person.get("score").as_i64() >= Some(10));
                count(busy)
            }
            "count(related inverse person.lead)" => count(self.referring(record, "lead")),
            "count(related inverse person.lead where n > 0)" => {
                let mut led = self.referring(record, "lead");
                led.retain(|person| person.get("n").as_i64() > Some(0));
                count(led)
            }
            "sum(worth of related inverse person.lead where t in (\"é\", \"a b\"))" => {
                let led = self.referring(record, "lead").into_iter();
                let worth =
                    led.filter(|person| matches!(person.get("t").as_str(), Some("é" | "a b")));
                let worth = worth.filter_map(|person| match person.get("worth") {
                    Value::Money(money) if money.currency == "EUR" => money.minor_units().ok(),
                    _ => None,
                });
                euros(worth.sum())
            }
            "max(score of related inverse person.lead)" => {
                whole(self.referring(record, "lead"), "score").into_iter().max().into_value()
            }
            "latest(t of related inverse person.lead where n > 0)" => {
                let mut led = self.referring(record, "lead").into_iter();
                let last = led.rfind(|person| person.get("n").as_i64() > Some(0));
                last.map_or(Value::Null, |person| person.get("t").clone())
            }
            "max(total of related works)" => {
                whole(around("works", Out), "total").into_iter().max().into_value()
            }
            "calls * 10 + coalesce(n, 0)" => {
                let calls = n("calls").and_then(|calls| i128::from(calls).checked_mul(10));
                calls.map_or(Value::Null, |tens| fitting(tens + i128::from(n("n").unwrap_or(0))))
            }
            "coalesce(scores, 0) + coalesce(below, 0)" => {
                fitting(i128::from(n("scores").unwrap_or(0)) + i128::from(n("below").unwrap_or(0)))
            }
            _ => return None,
        })
    }
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for Option<i64> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, Value::Integer)
    }
}

fn count<T>(all: Vec<T>) -> Value {
    Value::Integer(all.len() as i64)
}

/// What 64 bits hold.
fn fitting(number: i128) -> Value {
    i64::try_from(number).map_or(Value::Null, Value::Integer)
}

fn sum(numbers: impl Iterator<Item = i64>) -> Value {
    fitting(numbers.map(i128::from).sum())
}

fn euros(cents: i64) -> Value {
    Value::Money(Money::from_minor_units(cents, "EUR").unwrap())
}
