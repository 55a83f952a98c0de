//! Results of queries as record batches.

use std::{sync::mpsc, thread};

use arrow_array::{
    Array, RecordBatchReader,
    cast::AsArray,
    types::{Decimal128Type, Int64Type},
};
use crm_core::{
    Attribute, Crm, DefineScore, DefineType, ErrorKind, FieldOrder, GroupKey, GroupMeasure,
    GroupRecords, Kind, LifecyclePreset, Money, MoveStage, PivotRecords, ReadTable, RecordsTable,
    SaveView, ScoreGroup, ScoreLevel, ScoreRule, SelectColumn, SelectRows, TableQuery, Value,
    ViewQuery, ViewTable, values,
};

use super::{error_of, fill, read, table};
use crate::support::Folder;

fn numbers(crm: &Crm, count: i64) {
    crm.types()
        .define(DefineType::new(
            "row",
            [Attribute::new("number", Kind::Integer), Attribute::new("text", Kind::LongText)],
        ))
        .unwrap();
    for number in 0..count {
        crm.records("row").create(values! { "number" => number }).unwrap();
    }
}

fn all_numbers(batches: &[arrow_array::RecordBatch]) -> Vec<i64> {
    let column = |batch: &arrow_array::RecordBatch| {
        batch.column_by_name("number").unwrap().as_primitive::<Int64Type>().values().to_vec()
    };
    batches.iter().flat_map(column).collect()
}

fn rows(fields: &[&str]) -> RecordsTable {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    RecordsTable { fields, ..RecordsTable::new("row") }
}

#[test]
fn a_column_says_what_it_holds() {
    let crm = Crm::in_memory().unwrap();
    fill(&crm, 1);
    let stream = table(&crm, RecordsTable::new("everything"), 10);
    let schema = stream.schema();
    assert_eq!(schema.metadata().get("crm.type").map(String::as_str), Some("everything"));
    let columns = schema.fields().iter().map(|field| {
        let of = |key| field.metadata().get(key).map_or("", String::as_str);
        let name = field.name();
        format!("{name} {} {} {}", field.data_type(), of("crm.kind"), of("crm.part"))
    });
    let columns: Vec<_> = columns.map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(
        columns,
        [
            "id Utf8 reference",
            "a_text Utf8 text",
            "a_long_text Utf8 long_text",
            "a_choice Utf8 choice",
            "a_choices List(Utf8) choices",
            "a_checkbox Boolean checkbox",
            "a_integer Int64 integer",
            "a_decimal Decimal128(19, 2) decimal",
            "a_real Float64 real",
            "a_money Decimal128(23, 4) money",
            "a_money.currency Utf8 money currency",
            "a_date Date32 date",
            "a_timestamp Timestamp(µs, \"UTC\") timestamp",
            "a_email Utf8 email",
            "a_phone Utf8 phone",
            "a_url Utf8 url",
            "a_country Utf8 country",
            "a_locale Utf8 locale",
            "a_time_zone Utf8 time_zone",
            "a_address.street Utf8 address street",
            "a_address.city Utf8 address city",
            "a_address.region Utf8 address region",
            "a_address.postal_code Utf8 address postal_code",
            "a_address.country Utf8 address country",
            "a_rating Int64 rating",
            "a_file Utf8 file",
            "a_file.name Utf8 file name",
            "a_file.media_type Utf8 file media_type",
            "a_reference Utf8 reference",
            "code Utf8 text",
            "whole Decimal128(19, 0) decimal",
            "fine Decimal128(19, 12) decimal",
            "price Decimal128(23, 4) money",
            "price.currency Utf8 money currency",
            "tags List(Utf8) choices",
        ]
    );
}

#[test]
fn rows_come_in_batches_of_the_size_that_is_asked_for() {
    let folder = Folder::new();
    for crm in [folder.open(), Crm::in_memory().unwrap()] {
        numbers(&crm, 10);
        let batches = read(table(&crm, rows(&["number"]), 4));
        let sizes: Vec<_> = batches.iter().map(|batch| batch.num_rows()).collect();
        assert_eq!(sizes, [4, 4, 2]);
        assert_eq!(all_numbers(&batches), (0..10).collect::<Vec<_>>());
        // As many rows as a batch has: there is no empty one after them.
        assert_eq!(read(table(&crm, rows(&["number"]), 5)).len(), 2);
    }
}

#[test]
fn a_table_without_rows_has_columns_all_the_same() {
    let folder = Folder::new();
    let crm = folder.open();
    let stream = table(&crm, RecordsTable::new("contact"), 10);
    assert!(stream.schema().fields().len() > 10);
    assert!(read(stream).is_empty());
}

#[test]
fn long_texts_make_short_batches() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 0);
    let text = "a".repeat(1024 * 1024);
    for number in 0..40 {
        crm.records("row").create(values! { "number" => number, "text" => text.as_str() }).unwrap();
    }
    let batches = read(table(&crm, rows(&["number", "text"]), 10_000));
    let sizes: Vec<_> = batches.iter().map(|batch| batch.num_rows()).collect();
    assert_eq!(sizes, [16, 16, 8]);
    assert_eq!(all_numbers(&batches), (0..40).collect::<Vec<_>>());
    let order = vec![FieldOrder::descending("number")];
    let batches = read(table(&crm, RecordsTable { order, ..rows(&["number", "text"]) }, 10_000));
    assert_eq!(all_numbers(&batches), (0..40).rev().collect::<Vec<_>>());
}

#[test]
fn a_stream_shows_one_state_whatever_is_written_meanwhile() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 5);
    let ids: Vec<_> = crm.records("row").iter().map(|record| record.unwrap().id).collect();
    let mut stream = table(&crm, rows(&["number"]), 1);
    let mut seen = vec![stream.next().unwrap().unwrap()];
    for (number, id) in ids.iter().enumerate() {
        crm.records("row").patch(*id, values! { "number" => 100 + number as i64 }).unwrap();
    }
    crm.records("row").create(values! { "number" => 7 }).unwrap();
    crm.types().define(DefineType::new("row", [Attribute::new("later", Kind::Text)])).unwrap();
    seen.extend(read(stream));
    assert_eq!(all_numbers(&seen), [0, 1, 2, 3, 4]);
    assert_eq!(all_numbers(&read(table(&crm, rows(&["number"]), 9))), [100, 101, 102, 103, 104, 7]);
}

#[test]
fn the_order_is_that_of_pages() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 0);
    for number in [3, 1, 2, 1, 3, 1] {
        crm.records("row").create(values! { "number" => number }).unwrap();
        crm.records("row").create(values! { "text" => "no number" }).unwrap();
    }
    for field in [FieldOrder::ascending("number"), FieldOrder::descending("number")] {
        let select = SelectRows {
            order: vec![field],
            ..SelectRows::new("row", [SelectColumn::field("id"), SelectColumn::field("number")])
        };
        let mut pages = Vec::new();
        crm.select_each(&select, |row| {
            pages.push(row[0].as_str().unwrap().to_owned());
            Ok(())
        })
        .unwrap();
        for size in [1, 2, 5, 100] {
            let batches = read(table(&crm, select.clone(), size));
            let ids = batches.iter().flat_map(|batch| {
                let ids = batch.column(0).as_string::<i32>();
                ids.iter().map(|id| id.unwrap().to_owned()).collect::<Vec<_>>()
            });
            assert_eq!(ids.collect::<Vec<_>>(), pages, "in batches of {size}");
        }
    }
}

#[test]
fn closing_ends_a_stream_with_an_error() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 3);
    let mut stream = table(&crm, rows(&["number"]), 1);
    let unread = table(&crm, rows(&["number"]), 1);
    stream.next().unwrap().unwrap();
    crm.close().unwrap();
    assert_eq!(error_of(&mut stream).kind(), ErrorKind::Closed);
    assert!(stream.next().is_none());
    drop((stream, unread));
    // Nothing is left behind that would keep others out, and no log.
    let crm = folder.open();
    assert_eq!(crm.records("row").count().unwrap(), 3);
}

#[test]
fn a_stream_keeps_the_file_open_until_it_is_dropped() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 3);
    let mut stream = table(&crm, rows(&["number"]), 1);
    drop(crm);
    stream.next().unwrap().unwrap();
    assert_eq!(folder.refusal(crate::support::relaxed()).kind(), ErrorKind::InUse);
    drop(stream);
    assert_eq!(folder.open().records("row").count().unwrap(), 3);
}

#[test]
fn a_stream_is_read_and_dropped_on_other_threads() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 4);
    let (sender, receiver) = mpsc::channel();
    let mut stream = table(&crm, rows(&["number"]), 1);
    thread::scope(|scope| {
        scope.spawn(move || {
            let first = stream.next().unwrap().unwrap();
            sender.send((first, stream)).unwrap();
        });
        let (first, mut stream) = receiver.recv().unwrap();
        let second = stream.next().unwrap().unwrap();
        assert_eq!(all_numbers(&[first, second]), [0, 1]);
        scope.spawn(move || drop(stream));
    });
    // Dropped midway, it lets the log be emptied again.
    crm.compact().unwrap();
    assert_eq!(crm.stats().unwrap().wal_bytes, 0);
}

#[test]
fn so_many_streams_are_open_at_once_and_no_more() {
    let folder = Folder::new();
    let crm = folder.open();
    numbers(&crm, 1);
    let mut open: Vec<_> =
        (0..crm_core::limits::STREAMS).map(|_| table(&crm, rows(&["number"]), 1)).collect();
    let request = ReadTable::new(rows(&["number"]));
    assert_eq!(crm.read_table(&request).unwrap_err().kind(), ErrorKind::LimitExceeded);
    // One that was read to its end holds nothing any more.
    let mut last = open.pop().unwrap();
    assert!(last.next().is_some() && last.next().is_none());
    open.push(crm.read_table(&request).unwrap());
    // What is counted in one go holds nothing either.
    let group = GroupRecords::new("row", [GroupKey::field("number")], [GroupMeasure::count()]);
    assert_eq!(read(table(&crm, group, 10)).len(), 1);
    drop(open);
    assert_eq!(read(table(&crm, rows(&["number"]), 1)).len(), 1);
}

#[test]
fn groups_and_cells_of_a_pivot_are_those_of_pages() {
    let folder = Folder::new();
    let crm = folder.open();
    for (industry, country, employees, revenue) in
        [("steel", "DE", 10, "10.00"), ("steel", "DE", 90, "0.50"), ("paper", "FR", 80, "3.00")]
    {
        crm.companies()
            .create(values! {
                "name" => "A", "industry" => industry, "country" => country, "employees" => employees,
                "annual_revenue" => Money::new(revenue, "EUR"),
            })
            .unwrap();
    }
    let money = GroupMeasure {
        currency: Some("EUR".into()),
        ..GroupMeasure::sum("annual_revenue").named("sum")
    };
    let mean = GroupMeasure::mean("employees").named("mean");
    let large = crm_core::Condition::field("employees").gte(50);
    let share = GroupMeasure::share(large.clone()).named("large");
    let group = GroupRecords::new("company", [GroupKey::field("industry")], [money, mean, share]);
    let batches = read(table(&crm, group.clone(), 1));
    assert_eq!(batches.len(), 2);
    let names: Vec<_> =
        batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = [
        "industry",
        "sum",
        "sum.currency",
        "mean",
        "large",
        "large.numerator",
        "large.denominator",
    ];
    assert_eq!(names, expected);
    let steel = &batches[1];
    assert_eq!(steel.column(0).as_string::<i32>().value(0), "steel");
    // Ten and a half euros, in ten-thousandths.
    let sum = steel.column(1).as_primitive::<Decimal128Type>();
    assert_eq!(sum.value(0), 105_000);
    let real = |place: usize| {
        steel.column(place).as_primitive::<arrow_array::types::Float64Type>().value(0)
    };
    assert_eq!((real(3), real(4)), (50.0, 0.5));
    assert_eq!(steel.column(6).as_primitive::<Int64Type>().value(0), 2);

    let (by, across) = ([GroupKey::field("industry")], [GroupKey::field("country")]);
    let pivot = PivotRecords::new("company", by, across, GroupMeasure::count());
    let batches = read(table(&crm, pivot, 10));
    let cell = |row: usize| {
        let text =
            |column: usize| batches[0].column(column).as_string::<i32>().value(row).to_owned();
        let count = batches[0].column(2).as_primitive::<Int64Type>().value(row);
        (text(0), text(1), count)
    };
    assert_eq!(batches[0].num_rows(), 2);
    assert_eq!(cell(0), ("paper".into(), "FR".into(), 1));
    assert_eq!(cell(1), ("steel".into(), "DE".into(), 2));

    crm.views().save(SaveView::new("by_industry", ViewQuery::Group(group.clone()))).unwrap();
    assert_eq!(read(table(&crm, ViewTable::new("by_industry"), 10)), read(table(&crm, group, 10)));
}

#[test]
fn columns_of_related_records_and_of_activities_come_too() {
    let folder = Folder::new();
    let crm = folder.open();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    crm.contacts().create(values! { "family_name" => "Lee", "company" => acme.id }).unwrap();
    crm.contacts().create(values! { "family_name" => "Moe" }).unwrap();
    let columns = [SelectColumn::field("family_name"), SelectColumn::related("company", "name")];
    let batches = read(table(&crm, SelectRows::new("contact", columns), 10));
    let company = batches[0].column_by_name("company.name").unwrap().as_string::<i32>();
    assert_eq!((company.value(0), company.is_null(1)), ("Acme", true));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = Folder::new();
    let crm = folder.open();
    let field = |request: ReadTable| {
        let error = crm.read_table(&request).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned())
    };
    let select =
        |names: &[&str]| SelectRows::new("company", names.iter().copied().map(SelectColumn::field));
    let invalid = ErrorKind::InvalidArgument;
    let too_many = ReadTable { batch_rows: 100_001, ..ReadTable::new(select(&["name"])) };
    assert_eq!(field(too_many), (invalid, "batch_rows".into()));
    let after = SelectRows { after: Some("x".into()), ..select(&["name"]) };
    assert_eq!(field(ReadTable::new(after)), (invalid, "after".into()));
    // An amount has its currency beside it.
    let twice = select(&["annual_revenue", "annual_revenue.currency"]);
    assert_eq!(field(ReadTable::new(twice)), (invalid, "annual_revenue.currency".into()));
    let unknown = RecordsTable { fields: vec!["nam".into()], ..RecordsTable::new("company") };
    let error = crm.read_table(&ReadTable::new(unknown)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownAttribute, Some("fields[0]")));
    assert_eq!(error.hint(), Some("did you mean \"name\"?"));
    let nowhere = ReadTable::new(RecordsTable::new("nowhere"));
    assert_eq!(crm.read_table(&nowhere).unwrap_err().kind(), ErrorKind::UnknownType);
    let view = ReadTable::new(ViewTable::new("nowhere"));
    assert_eq!(crm.read_table(&view).unwrap_err().kind(), ErrorKind::NotFound);
    // A refusal leaves no state of the file open.
    for _ in 0..2 * crm_core::limits::STREAMS {
        assert!(crm.read_table(&nowhere).is_err());
    }
    assert!(crm.read_table(&ReadTable::new(select(&["name"]))).is_ok());
}

#[test]
fn a_request_is_read_strictly() {
    let read = |json: &str| ReadTable::from_json(json.as_bytes());
    let request = read(r#"{"query": {"records": {"type": "contact"}}, "batch_rows": 7}"#).unwrap();
    assert_eq!(request.batch_rows, 7);
    assert_eq!(request.query, TableQuery::Records(RecordsTable::new("contact")));
    let error = read(r#"{"query": {"records": {"type": "contact", "secret": 1}}}"#).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(read("{}").is_err() && read(r#"{"query": {"records": {}}}"#).is_err());
}

#[test]
fn a_sum_that_is_not_finite_ends_the_stream() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(DefineType::new("row", [Attribute::new("real", Kind::Real)])).unwrap();
    for _ in 0..2 {
        crm.records("row").create(values! { "real" => Value::Real(f64::MAX) }).unwrap();
    }
    let group = GroupRecords::new("row", [], [GroupMeasure::sum("real")]);
    let error = crm.read_table(&ReadTable::new(group)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
}

#[test]
fn stages_and_scores_are_columns_of_a_table() {
    let folder = Folder::new();
    for crm in [Crm::in_memory().unwrap(), Crm::open(folder.path()).unwrap()] {
        crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
        let text = ["Chairs", "Lamps", "Tables"];
        for (name, amount) in text.into_iter().zip([1, 2, 3]) {
            let amount = Money::new(amount.to_string(), "EUR");
            let deal = crm.records("deal").create(values! { "name" => name, "amount" => amount });
            let to = if name == "Lamps" { "won" } else { "proposal" };
            crm.lifecycles().move_to(MoveStage::new("deal", deal.unwrap().id, to)).unwrap();
        }
        // Published after the deals: nothing is kept of them.
        let large = ScoreRule::when("large", "amount >= 2 EUR".parse().unwrap(), 7);
        let mut worth = DefineScore::new("worth", "deal", [ScoreGroup::new("worth", [large])]);
        worth.thresholds = vec![ScoreLevel::new("large", 5)];
        crm.scores().define(worth).unwrap();
        crm.scores().publish("worth").unwrap();
        let threshold =
            SelectColumn { field: Some("threshold".into()), ..SelectColumn::score("worth") };
        let columns = [
            SelectColumn::field("name"),
            SelectColumn::stage("deal"),
            SelectColumn::score("worth"),
            threshold,
        ];
        let by_score =
            vec![FieldOrder::descending("worth.points"), FieldOrder::descending("deal.stage")];
        for (order, expected) in [
            (
                Vec::new(),
                "Chairs proposal 0.000 -, Lamps won 7.000 large, Tables proposal 7.000 large",
            ),
            (
                by_score,
                "Lamps won 7.000 large, Tables proposal 7.000 large, Chairs proposal 0.000 -",
            ),
        ] {
            let select = SelectRows { order, ..SelectRows::new("deal", columns.clone()) };
            let mut rows = Vec::new();
            for batch in read(table(&crm, select, 2)) {
                let text = |column: usize| batch.column(column).as_string::<i32>().clone();
                let (names, stages, thresholds) = (text(0), text(1), text(3));
                let points = batch.column(2).as_primitive::<Decimal128Type>();
                for row in 0..batch.num_rows() {
                    let threshold =
                        if thresholds.is_null(row) { "-" } else { thresholds.value(row) };
                    let (name, stage) = (names.value(row), stages.value(row));
                    rows.push(format!(
                        "{name} {stage} {} {threshold}",
                        points.value_as_string(row)
                    ));
                }
            }
            assert_eq!(rows.join(", "), expected);
        }
        let by = [GroupKey::stage("deal")];
        let measure = GroupMeasure {
            score: Some("worth".into()),
            sum: Some("points".into()),
            ..GroupMeasure::default()
        };
        let batches = read(table(&crm, GroupRecords::new("deal", by, [measure]), 10));
        let stages = batches[0].column(0).as_string::<i32>();
        assert_eq!([stages.value(0), stages.value(1)], ["proposal", "won"]);
        let sums = batches[0].column(1).as_primitive::<Decimal128Type>();
        assert_eq!([sums.value(0), sums.value(1)], [7_000, 7_000]);
    }
}
