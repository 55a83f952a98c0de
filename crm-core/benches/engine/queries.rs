//! Conditions and pivots over all records on both sides.

use crm_core::{
    Archived, CountRecords, Crm, FieldOrder, GroupKey, GroupMeasure, PivotRecords, SelectColumn,
    SelectRows, Value,
};
use rusqlite::Connection;

use super::{Budget, Line, in_turn};

/// Money by country and source, as hand-written SQL gives it, with both totals.
type Table = Vec<(String, String, i64)>;

pub(crate) fn run(crm: &Crm, raw: &Connection, count: usize, report: &mut dyn FnMut(Line)) {
    let condition =
        "country = \"DE\" and employees >= 5000 and newsletter = true and revenue >= 1000";
    let request = CountRecords {
        condition: Some(condition.parse().unwrap()),
        ..CountRecords::new("customer")
    };
    let total = count_raw(raw);
    let (ours, raw_time) = in_turn(
        || assert_eq!(crm.count_records(&request).unwrap(), total),
        || assert_eq!(count_raw(raw), total),
    );
    let budget = Budget::Ratio(1.2);
    let name = "condition over all records".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });

    let request = PivotRecords {
        archived: Archived::Include,
        ..PivotRecords::new(
            "customer",
            [GroupKey::field("country")],
            [GroupKey::field("source")],
            GroupMeasure::sum("revenue"),
        )
    };
    let expected: i64 = pivot_raw(raw).iter().map(|(_, _, cents)| cents).sum();
    let (ours, raw_time) = in_turn(
        || {
            let Value::Money(total) = crm.pivot_records(&request).unwrap().total.value else {
                panic!("a sum of money was asked for")
            };
            assert_eq!(total.minor_units().unwrap(), expected);
        },
        || assert_eq!(pivot_raw(raw).len(), 20),
    );
    let budget = Budget::Ratio(2.0);
    let name = "pivot of a sum by two attributes".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });
    in_order(crm, raw, count, report);
}

/// Rows in an order that no index serves: all of them by pages, and one page by itself.
fn in_order(crm: &Crm, raw: &Connection, count: usize, report: &mut dyn FnMut(Line)) {
    let columns = ["id", "family_name", "employees"].map(SelectColumn::field);
    let mut request = SelectRows::new("customer", columns);
    request.order = vec![FieldOrder::ascending("employees")];
    request.limit = 1_000;
    let (ours, raw_time) = in_turn(
        || {
            let mut rows = 0;
            crm.select_each(&request, |row| {
                rows += usize::from(row.len() == 3);
                Ok(())
            })
            .unwrap();
            assert_eq!(rows, count);
        },
        || assert_eq!(sort_raw(raw), count),
    );
    let name = "all rows in an order without an index".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget: Budget::None });

    let (ours, _) =
        in_turn(|| assert_eq!(crm.select_rows(&request).unwrap().rows.len(), 1_000), || ());
    let name = "page of 1,000 of it".into();
    report(Line { name, ours, raw: None, units: 1, budget: Budget::None });
}

/// All rows sorted once, by one statement.
fn sort_raw(raw: &Connection) -> usize {
    let mut statement = raw
        .prepare_cached(
            "SELECT id, family_name, employees FROM customer WHERE archived_at IS NULL \
             ORDER BY employees, id",
        )
        .unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    };
    statement.query_map([], read).unwrap().map(Result::unwrap).count()
}

fn count_raw(raw: &Connection) -> u64 {
    let mut statement = raw
        .prepare_cached(
            "SELECT count(*) FROM customer WHERE archived_at IS NULL AND country = ?1 \
             AND employees >= ?2 AND newsletter = ?3 AND revenue >= ?4",
        )
        .unwrap();
    statement.query_row(("DE", 5000, 1, 100_000), |row| row.get(0)).unwrap()
}

/// The sums that somebody would ask for by hand, who adds up the totals of the answer.
fn pivot_raw(raw: &Connection) -> Table {
    let mut statement = raw
        .prepare_cached(
            "SELECT country, source, sum(revenue) FROM customer GROUP BY country, source",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}
