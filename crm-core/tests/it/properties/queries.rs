//! Laws of queries: groups and pivots are what counting by hand gives, and pages of rows are the
//! records in their order, each once.

use std::{cmp::Ordering, collections::BTreeSet};

use crm_core::{
    Attribute, Bucket, Condition, Crm, DefineType, FieldOrder, GroupKey, GroupMeasure,
    GroupRecords, Kind, Money, PivotCell, PivotRecords, ResultOrder, SelectColumn, SelectRows,
    Timestamp, Value, Values,
};
use jiff::{civil, tz::TimeZoneDatabase};
use proptest::prelude::*;

use super::{cases, memory};

/// A record in the making.
#[derive(Debug, Clone)]
struct Sale {
    agent: Option<&'static str>,
    won: Option<bool>,
    pieces: Option<i64>,
    /// Thousandths.
    weight: Option<i64>,
    /// Quarters, so that sums are exact in whatever order.
    ratio: Option<f64>,
    cost: Option<(i64, &'static str)>,
    closed: Option<&'static str>,
    met: Option<&'static str>,
}

const AGENTS: &[&str] = &["Ann", "Bob", "ann", "Ängström"];
const DAYS: &[&str] =
    &["0001-01-01", "1969-12-31", "2024-02-29", "2024-12-30", "2025-01-05", "9999-12-31"];
const MOMENTS: &[&str] = &[
    "2024-12-31T23:30:00Z",
    "2025-03-30T00:59:59.999999Z",
    "2025-03-30T22:00:00Z",
    "1969-12-28T23:00:00Z",
    "2025-06-30T22:00:00Z",
];

fn some<T: Clone + std::fmt::Debug + 'static>(pool: &'static [T]) -> BoxedStrategy<Option<T>> {
    prop::option::weighted(0.8, prop::sample::select(pool)).boxed()
}

fn sale() -> impl Strategy<Value = Sale> {
    let cost = some(&[(150, "EUR"), (-7, "EUR"), (0, "USD"), (99, "USD"), (1000, "JPY")]);
    let numbers =
        (some(&[-3, 0, 1, 2, 40]), some(&[-1, 0, 250, 1500]), some(&[-0.25, 0.0, 0.5, 3.75]));
    (some(AGENTS), some(&[true, false]), numbers, cost, some(DAYS), some(MOMENTS)).prop_map(
        |(agent, won, (pieces, weight, ratio), cost, closed, met)| Sale {
            agent,
            won,
            pieces,
            weight,
            ratio,
            cost,
            closed,
            met,
        },
    )
}

fn money(amount: i64, currency: &str) -> Value {
    Value::Money(Money::from_minor_units(amount, currency).unwrap())
}

fn decimal(thousandths: i64) -> Value {
    let sign = if thousandths < 0 { "-" } else { "" };
    let number = thousandths.abs();
    Value::from(format!("{sign}{}.{:03}", number / 1000, number % 1000))
}

fn or_null<T>(value: Option<T>, to: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, to)
}

fn file(sales: &[Sale]) -> Crm {
    let crm = memory();
    let attributes = [
        Attribute::new("agent", Kind::Text),
        Attribute::new("won", Kind::Checkbox),
        Attribute::new("pieces", Kind::Integer).indexed(),
        Attribute { scale: Some(3), ..Attribute::new("weight", Kind::Decimal) },
        Attribute::new("ratio", Kind::Real),
        Attribute::new("cost", Kind::Money),
        Attribute::new("closed", Kind::Date),
        Attribute::new("met", Kind::Timestamp),
    ];
    crm.types().define(DefineType::new("sale", attributes)).unwrap();
    for sale in sales {
        let mut values = Values::new();
        for field in FIELDS {
            values.insert(*field, sale.value(field));
        }
        crm.records("sale").create(values).unwrap();
    }
    crm
}

const FIELDS: &[&str] = &["agent", "won", "pieces", "weight", "ratio", "cost", "closed", "met"];

impl Sale {
    fn value(&self, field: &str) -> Value {
        match field {
            "agent" => or_null(self.agent, Value::from),
            "won" => or_null(self.won, Value::from),
            "pieces" => or_null(self.pieces, Value::from),
            "weight" => or_null(self.weight, decimal),
            "ratio" => or_null(self.ratio, Value::from),
            "cost" => or_null(self.cost, |(amount, currency)| money(amount, currency)),
            "cost.currency" => or_null(self.cost, |(_, currency)| currency.into()),
            "closed" => or_null(self.closed, Value::from),
            _ => or_null(self.met, Value::from),
        }
    }

    /// What a figure over a field adds up, in its smallest unit: for money, only euros.
    fn number(&self, field: &str) -> Option<f64> {
        match field {
            "pieces" => self.pieces.map(|number| number as f64),
            "weight" => self.weight.map(|number| number as f64),
            "ratio" => self.ratio,
            _ => self.cost.filter(|cost| cost.1 == "EUR").map(|cost| cost.0 as f64),
        }
    }
}

/// By what is grouped: a field, or the bucket of one.
#[derive(Debug, Clone)]
struct KeyDraw {
    field: &'static str,
    bucket: Option<Bucket>,
}

fn key() -> impl Strategy<Value = KeyDraw> {
    const PLAIN: &[&str] =
        &["agent", "won", "pieces", "weight", "ratio", "cost.currency", "closed", "met"];
    let bucketed = (prop::sample::select(&["closed", "met"]), prop::sample::select(Bucket::ALL));
    prop_oneof![
        prop::sample::select(PLAIN).prop_map(|field| KeyDraw { field, bucket: None }),
        bucketed.prop_map(|(field, bucket)| KeyDraw { field, bucket: Some(bucket) }),
    ]
}

impl KeyDraw {
    fn to_key(&self, place: usize) -> GroupKey {
        let name = Some(format!("key {place}"));
        GroupKey { bucket: self.bucket, name, ..GroupKey::field(self.field) }
    }

    fn value(&self, sale: &Sale, zone: &str) -> Value {
        let day = match (self.bucket, self.field) {
            (None, field) => return sale.value(field),
            (Some(_), "closed") => sale.closed.map(|day| day.parse::<civil::Date>().unwrap()),
            _ => sale.met.map(|met| {
                let met: jiff::Timestamp = met.parse().unwrap();
                met.to_zoned_datetime(TimeZoneDatabase::bundled().get(zone).unwrap()).date()
            }),
        };
        let first = |day: civil::Date| match self.bucket.unwrap() {
            Bucket::Day => day,
            Bucket::Week => {
                let monday = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(jiff::Span::new().days(monday)).unwrap()
            }
            Bucket::Month => day.first_of_month(),
            Bucket::Quarter => civil::date(day.year(), day.month() - (day.month() - 1) % 3, 1),
            Bucket::Year => civil::date(day.year(), 1, 1),
        };
        or_null(day, |day| first(day).to_string().into())
    }
}

/// A figure, and whether it has a condition of its own.
#[derive(Debug, Clone)]
struct MeasureDraw {
    figure: &'static str,
    field: &'static str,
    part: f64,
    is_filtered: bool,
}

const FIGURES: &[&str] = &["count", "share", "sum", "mean", "min", "max", "distinct", "quantile"];

fn measure() -> impl Strategy<Value = MeasureDraw> {
    let field = prop::sample::select(&["pieces", "weight", "ratio", "cost"]);
    let part = prop::sample::select(&[0.0, 0.25, 0.5, 0.9, 1.0]);
    (prop::sample::select(FIGURES), field, part, any::<bool>()).prop_map(
        |(figure, field, part, is_filtered)| MeasureDraw { figure, field, part, is_filtered },
    )
}

impl MeasureDraw {
    fn to_measure(&self, place: usize) -> GroupMeasure {
        let field = Some(self.field.to_owned());
        let mut measure = match self.figure {
            "count" => GroupMeasure::count(),
            "share" => GroupMeasure::share(Condition::field("won").eq(true)),
            "sum" => GroupMeasure { sum: field, ..GroupMeasure::default() },
            "mean" => GroupMeasure { mean: field, ..GroupMeasure::default() },
            "min" => GroupMeasure { min: field, ..GroupMeasure::default() },
            "max" => GroupMeasure { max: field, ..GroupMeasure::default() },
            "distinct" => GroupMeasure { distinct: field, ..GroupMeasure::default() },
            _ => GroupMeasure::quantile(self.part, self.field),
        };
        let is_money = self.field == "cost" && !matches!(self.figure, "count" | "share");
        measure.currency = is_money.then(|| "EUR".to_owned());
        measure.condition = self.is_filtered.then(|| Condition::field("pieces").gte(1));
        measure.named(format!("measure {place}"))
    }

    /// The values by hand: three of a share, one of the others.
    fn values(&self, sales: &[&Sale]) -> Vec<Value> {
        let sales: Vec<&&Sale> = sales
            .iter()
            .filter(|sale| !self.is_filtered || sale.pieces.is_some_and(|pieces| pieces >= 1))
            .collect();
        let whole = |count: usize| Value::Integer(i64::try_from(count).unwrap());
        let mut numbers: Vec<f64> =
            sales.iter().filter_map(|sale| sale.number(self.field)).collect();
        numbers.sort_by(f64::total_cmp);
        // The empty sum of floats is -0.0 in Rust; nothing sold is 0.
        let (sum, count) = (numbers.iter().fold(0.0, |sum, one| sum + one), numbers.len() as f64);
        let scale = match self.field {
            "weight" => 1000.0,
            "cost" => 100.0,
            _ => 1.0,
        };
        let exact = |number: f64| match self.field {
            "pieces" => Value::Integer(number as i64),
            "weight" => decimal(number as i64),
            "ratio" => Value::Real(number),
            _ => money(number as i64, "EUR"),
        };
        vec![match self.figure {
            "count" => whole(sales.len()),
            "share" => {
                let won = sales.iter().filter(|sale| sale.won == Some(true)).count();
                let share =
                    (!sales.is_empty()).then(|| Value::Real(won as f64 / sales.len() as f64));
                return vec![share.unwrap_or_default(), whole(won), whole(sales.len())];
            }
            "sum" => exact(sum),
            "mean" if numbers.is_empty() => Value::Null,
            "mean" => Value::Real(sum / count / scale),
            "min" => or_null(numbers.first().copied(), exact),
            "max" => or_null(numbers.last().copied(), exact),
            "distinct" => {
                numbers.dedup();
                whole(numbers.len())
            }
            _ if numbers.is_empty() => Value::Null,
            _ => {
                let place = self.part * (count - 1.0);
                let (lower, upper) = (place.floor() as usize, place.ceil() as usize);
                let step = (numbers[upper] - numbers[lower]) * (place - place.floor());
                Value::Real((numbers[lower] + step) / scale)
            }
        }]
    }
}

/// Values as text, which compares and shows them.
fn text(values: &[Value]) -> String {
    serde_json::to_string(values).unwrap()
}

/// The different values of keys.
fn labels(keys: &[KeyDraw], sales: &[&Sale], zone: &str) -> BTreeSet<String> {
    sales.iter().map(|sale| label(keys, sale, zone)).collect()
}

fn label(keys: &[KeyDraw], sale: &Sale, zone: &str) -> String {
    text(&keys.iter().map(|key| key.value(sale, zone)).collect::<Vec<_>>())
}

const ZONES: &[&str] = &["UTC", "Europe/Berlin", "America/New_York"];

proptest! {
    #![proptest_config(cases(200))]

    /// A group has the figures that are counted by hand, and every group is there.
    #[test]
    fn groups_are_what_counting_by_hand_gives(
        sales in prop::collection::vec(sale(), 0..25),
        keys in prop::collection::vec(key(), 0..3),
        measures in prop::collection::vec(measure(), 1..5),
        zone in prop::sample::select(ZONES),
        of_agent in any::<bool>(),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3),
        limit in 1_u32..5,
    ) {
        let crm = file(&sales);
        let by = keys.iter().enumerate().map(|(place, key)| key.to_key(place));
        let figures = measures.iter().enumerate().map(|(place, one)| one.to_measure(place));
        let mut request = GroupRecords::new("sale", by, figures);
        request.zone = Some(zone.to_owned());
        request.condition = of_agent.then(|| Condition::field("agent").eq("Ann"));
        let table = crm.group_records(&request).unwrap();
        let wanted: Vec<&Sale> =
            sales.iter().filter(|sale| !of_agent || sale.agent == Some("Ann")).collect();
        let mut expected = BTreeSet::new();
        let mut all = labels(&keys, &wanted, zone);
        if keys.is_empty() {
            all.insert("[]".into());
        }
        for group in all {
            let inside = wanted.iter().copied().filter(|sale| label(&keys, sale, zone) == group);
            let inside: Vec<&Sale> = inside.collect();
            let mut row = match inside.first() {
                Some(sale) => keys.iter().map(|key| key.value(sale, zone)).collect(),
                None => Vec::new(),
            };
            row.extend(measures.iter().flat_map(|measure| measure.values(&inside)));
            prop_assert_eq!(row.len(), table.columns.len());
            expected.insert(text(&row));
        }
        let found: Vec<String> = table.rows.iter().map(|row| text(row)).collect();
        prop_assert_eq!(found.len(), expected.len());
        prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        prop_assert_eq!(table.next, None);
        // In whatever order, the pages together are the whole.
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.contains('.')).collect();
        request.order = order
            .iter()
            .map(|(place, descending)| ResultOrder {
                column: (*place.get(&names)).to_owned(),
                descending: *descending,
            })
            .collect();
        let whole = crm.group_records(&request).unwrap().rows;
        request.limit = limit;
        let mut pages = Vec::new();
        crm.group_each(&request, |row| {
            pages.push(row);
            Ok(())
        })
        .unwrap();
        prop_assert_eq!(pages, whole);
    }

    /// Each cell and each total of a pivot is the figure over exactly its records.
    #[test]
    fn pivots_are_what_counting_by_hand_gives(
        sales in prop::collection::vec(sale(), 0..20),
        rows in prop::collection::vec(key(), 1..3),
        columns in prop::collection::vec(key(), 1..3),
        measure in measure(),
        zone in prop::sample::select(ZONES),
    ) {
        let crm = file(&sales);
        let named = |keys: &[KeyDraw], first: usize| -> Vec<GroupKey> {
            keys.iter().enumerate().map(|(place, key)| key.to_key(first + place)).collect()
        };
        let figure = measure.to_measure(0);
        let mut request =
            PivotRecords::new("sale", named(&rows, 0), named(&columns, 10), figure);
        request.zone = Some(zone.to_owned());
        let table = crm.pivot_records(&request).unwrap();
        let sales: Vec<&Sale> = sales.iter().collect();
        let figures = |row: Option<&str>, column: Option<&str>| {
            let inside = sales.iter().copied().filter(|sale| {
                row.is_none_or(|row| label(&rows, sale, zone) == row)
                    && column.is_none_or(|column| label(&columns, sale, zone) == column)
            });
            text(&measure.values(&inside.collect::<Vec<_>>()))
        };
        let shown = |cell: &PivotCell| {
            let numbers = [cell.numerator, cell.denominator].into_iter().flatten();
            let mut values = vec![cell.value.clone()];
            values.extend(numbers.map(Value::Integer));
            text(&values)
        };
        let names = |labels: &[Vec<Value>]| -> Vec<String> {
            labels.iter().map(|label| text(label)).collect()
        };
        let (of_rows, of_columns) = (names(&table.row_labels), names(&table.column_labels));
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        prop_assert_eq!(set(&of_rows), labels(&rows, &sales, zone));
        prop_assert_eq!(set(&of_columns), labels(&columns, &sales, zone));
        prop_assert_eq!(table.cells.len(), of_rows.len());
        for ((row, cells), total) in of_rows.iter().zip(&table.cells).zip(&table.row_totals) {
            prop_assert_eq!(cells.len(), of_columns.len());
            for (column, cell) in of_columns.iter().zip(cells) {
                prop_assert_eq!(shown(cell), figures(Some(row), Some(column)));
            }
            prop_assert_eq!(shown(total), figures(Some(row), None));
        }
        prop_assert_eq!(table.column_totals.len(), of_columns.len());
        for (column, total) in of_columns.iter().zip(&table.column_totals) {
            prop_assert_eq!(shown(total), figures(None, Some(column)));
        }
        prop_assert_eq!(shown(&table.total), figures(None, None));
    }

    /// Pages of whatever size give every record once, in the order, with the values that it has;
    /// and reading each row gives the same.
    #[test]
    fn pages_of_rows_are_the_records_in_their_order(
        sales in prop::collection::vec(sale(), 0..25),
        order in prop::collection::vec(
            (prop::sample::select(&["agent", "won", "pieces", "ratio", "met"]), any::<bool>()),
            0..4,
        ),
        limit in 1_u32..8,
    ) {
        let crm = file(&sales);
        let columns = FIELDS.iter().map(|field| SelectColumn::field(*field));
        let mut request = SelectRows::new("sale", columns);
        request.order = order
            .iter()
            .map(|(field, descending)| FieldOrder {
                field: (*field).to_owned(),
                descending: *descending,
            })
            .collect();
        request.limit = limit;
        let mut expected: Vec<&Sale> = sales.iter().collect();
        // Made in the order of their ids, which decide among equals in the last direction.
        if order.last().is_some_and(|(_, descending)| *descending) {
            expected.reverse();
        }
        expected.sort_by(|one, other| {
            let by = order.iter().map(|(field, descending)| {
                let order = compare(one, other, field);
                if *descending { order.reverse() } else { order }
            });
            by.fold(Ordering::Equal, Ordering::then)
        });
        let expected: Vec<String> = expected
            .iter()
            .map(|sale| text(&FIELDS.iter().map(|field| sale.value(field)).collect::<Vec<_>>()))
            .collect();
        let mut found = Vec::new();
        crm.select_each(&request, |row| {
            found.push(text(&row));
            Ok(())
        })
        .unwrap();
        prop_assert_eq!(&found, &expected);
        found.clear();
        loop {
            let page = crm.select_rows(&request).unwrap();
            prop_assert!(page.rows.len() <= limit as usize);
            found.extend(page.rows.iter().map(|row| text(row)));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        prop_assert_eq!(&found, &expected);
    }
}

/// As the file orders: what is missing is the least, and texts are ordered by their bytes.
fn compare(one: &Sale, other: &Sale, field: &str) -> Ordering {
    match field {
        "agent" => one.agent.cmp(&other.agent),
        "won" => one.won.cmp(&other.won),
        "pieces" => one.pieces.cmp(&other.pieces),
        "ratio" => one.ratio.partial_cmp(&other.ratio).unwrap(),
        _ => {
            let at = |sale: &Sale| sale.met.map(|met| met.parse::<Timestamp>().unwrap());
            at(one).cmp(&at(other))
        }
    }
}
