//! Record batches as records.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array, Int32Array,
    Int64Array, LargeStringArray, ListArray, NullArray, RecordBatch, RecordBatchIterator,
    StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    builder::{ListBuilder, StringBuilder},
    types::Int8Type,
};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use crm_core::{
    Attribute, ColumnMapping, Crm, DefineType, Error, ErrorKind, Flow, ImportMode, ImportReport,
    IngestTable, Kind, Record, RecordsTable, Result, Value, values,
};

use super::{fill, stream, table};
use crate::support::{Folder, assert_sound, everything};

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn ingest(crm: &Crm, request: &IngestTable, batch: RecordBatch) -> Result<ImportReport> {
    crm.ingest_table(request, stream(batch), &mut |_| Flow::Continue)
}

/// A file with a type of these attributes.
fn memory(attributes: impl IntoIterator<Item = Attribute>) -> Crm {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(DefineType::new("row", attributes)).unwrap();
    crm
}

fn all(crm: &Crm) -> Vec<Record> {
    crm.records("row").iter().collect::<Result<_>>().unwrap()
}

/// What rows of one column become, of an attribute of this kind.
fn taken(attribute: Attribute, mapping: ColumnMapping, array: ArrayRef) -> Result<Vec<Value>> {
    let name = attribute.name.clone();
    let crm = memory([attribute]);
    let request = IngestTable { columns: vec![mapping], ..IngestTable::new("row") };
    let report = ingest(&crm, &request, batch([("column", array)]))?;
    if let Some(problem) = report.problems.first() {
        assert_eq!(problem.column.as_deref(), Some("column"));
        let kind = ErrorKind::ALL.iter().find(|kind| kind.name() == problem.kind).unwrap();
        return Err(Error::new(*kind, "a row was rejected"));
    }
    Ok(all(&crm).iter().map(|record| record.get(&name).clone()).collect())
}

fn column() -> ColumnMapping {
    ColumnMapping::new("column", "a")
}

fn of(kind: Kind, array: impl Array + 'static) -> Result<Vec<Value>> {
    let attribute = Attribute::new("a", kind);
    let attribute = match kind {
        Kind::Choice | Kind::Choices => attribute.options(["red", "blue"]),
        Kind::Reference => attribute.target("company"),
        Kind::Money => attribute.currency("EUR"),
        _ => attribute,
    };
    taken(attribute, column(), Arc::new(array))
}

#[track_caller]
fn is_refused(kind: Kind, array: impl Array + 'static) -> Error {
    let error = of(kind, array).unwrap_err();
    assert_eq!(error.field(), Some("column"), "{error}");
    error
}

fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().copied().map(Value::from).collect()
}

#[test]
fn what_is_written_out_and_read_in_again_is_the_same() {
    let folder = Folder::new();
    let crm = folder.open();
    fill(&crm, 60);
    crm.types().define(DefineType { name: "copy".into(), ..everything() }).unwrap();
    let fields: Vec<String> =
        everything().attributes.iter().map(|attribute| attribute.name.clone()).collect();
    for batch_rows in [7, 1000] {
        let stream = table(
            &crm,
            RecordsTable { fields: fields.clone(), ..RecordsTable::new("everything") },
            batch_rows,
        );
        let request = IngestTable {
            mode: ImportMode::Upsert,
            key: vec!["code".into()],
            ..IngestTable::new("copy")
        };
        // The stream is one of the very file that is written.
        let report = crm.ingest_table(&request, stream, &mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, []);
        assert_eq!(report.rows, 60);
        assert_eq!(report.created + report.unchanged, 60);
    }
    let values = |name: &str| -> Vec<_> {
        crm.records(name).iter().map(|record| record.unwrap().values).collect()
    };
    assert_eq!(values("copy"), values("everything"));
    assert_sound(&crm);
}

#[test]
fn texts_come_in_every_form() {
    let expected = texts(&["one", "two"]);
    assert_eq!(of(Kind::Text, StringArray::from(vec!["one", "two"])).unwrap(), expected);
    assert_eq!(of(Kind::Text, LargeStringArray::from(vec!["one", "two"])).unwrap(), expected);
    assert_eq!(of(Kind::Text, StringViewArray::from(vec!["one", "two"])).unwrap(), expected);
    let dictionary: DictionaryArray<Int8Type> = ["one", "two"].into_iter().collect();
    assert_eq!(of(Kind::Text, dictionary).unwrap(), expected);
    assert_eq!(of(Kind::Choice, StringArray::from(vec!["red"])).unwrap(), texts(&["red"]));
    // As the cells of a CSV table: a text may say anything.
    assert_eq!(of(Kind::Integer, StringArray::from(vec!["12"])).unwrap(), [Value::Integer(12)]);
    assert_eq!(of(Kind::Checkbox, StringArray::from(vec!["yes"])).unwrap(), [Value::Bool(true)]);
    let error = of(Kind::Date, StringArray::from(vec!["1.2.2024"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
}

#[test]
fn a_null_says_nothing_in_every_type() {
    let crm = memory([
        Attribute::new("key", Kind::Text).unique(),
        Attribute::new("text", Kind::Text),
        Attribute::new("number", Kind::Integer),
        Attribute::new("tags", Kind::Choices).options(["x"]),
    ]);
    crm.records("row")
        .create(values! { "key" => "a", "text" => "kept", "number" => 1, "tags" => vec!["x"] })
        .unwrap();
    let dictionary: DictionaryArray<Int8Type> = [None, Some("new")].into_iter().collect();
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.append_null();
    tags.append(true);
    let request = IngestTable {
        mode: ImportMode::Upsert,
        key: vec!["key".into()],
        ..IngestTable::new("row")
    };
    let rows = batch([
        ("key", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("text", Arc::new(dictionary)),
        ("number", Arc::new(Int64Array::from(vec![None, Some(2)]))),
        ("tags", Arc::new(tags.finish())),
    ]);
    let report = ingest(&crm, &request, rows).unwrap();
    assert_eq!((report.unchanged, report.created), (1, 1));
    let rows = all(&crm);
    assert_eq!(rows[0].get("text").as_str(), Some("kept"));
    assert_eq!(rows[1].get("text").as_str(), Some("new"));
    assert!(rows[1].get("tags").is_null());
    // A column of nothing, and a row of nothing.
    let crm = memory([Attribute::new("a", Kind::Integer), Attribute::new("b", Kind::Date)]);
    let rows = batch([
        ("a", Arc::new(Int64Array::from(vec![None, Some(2)]))),
        ("b", Arc::new(NullArray::new(2))),
    ]);
    let report = ingest(&crm, &IngestTable::new("row"), rows).unwrap();
    assert_eq!((report.rows, report.created), (1, 1));
}

#[test]
fn whole_numbers_go_where_whole_numbers_are_wanted() {
    let expected = [Value::Integer(-3), Value::Integer(100)];
    assert_eq!(of(Kind::Integer, Int8Array::from(vec![-3, 100])).unwrap(), expected);
    assert_eq!(of(Kind::Integer, Int32Array::from(vec![-3, 100])).unwrap(), expected);
    assert_eq!(of(Kind::Integer, Float64Array::from(vec![-3.0, 100.0])).unwrap(), expected);
    assert_eq!(of(Kind::Rating, UInt64Array::from(vec![5])).unwrap(), [Value::Integer(5)]);
    assert_eq!(of(Kind::Real, Int8Array::from(vec![2])).unwrap(), [Value::Real(2.0)]);
    assert_eq!(of(Kind::Decimal, Int8Array::from(vec![2])).unwrap(), texts(&["2.00"]));
    let error = of(Kind::Integer, UInt64Array::from(vec![u64::MAX])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    for number in [0.5, f64::NAN, f64::INFINITY, 1e300] {
        let error = of(Kind::Integer, Float64Array::from(vec![number])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
    }
    is_refused(Kind::Checkbox, Int8Array::from(vec![1]));
    is_refused(Kind::Text, Int8Array::from(vec![1]));
}

#[test]
fn numbers_with_decimals_keep_all_their_digits() {
    let decimal = |digits: i128, scale| {
        Decimal128Array::from(vec![digits]).with_precision_and_scale(38, scale).unwrap()
    };
    assert_eq!(of(Kind::Decimal, decimal(-5, 2)).unwrap(), texts(&["-0.05"]));
    assert_eq!(of(Kind::Decimal, decimal(-50_000, 6)).unwrap(), texts(&["-0.05"]));
    assert_eq!(of(Kind::Decimal, decimal(12, -2)).unwrap(), texts(&["1200.00"]));
    assert_eq!(of(Kind::Decimal, Float64Array::from(vec![0.1])).unwrap(), texts(&["0.10"]));
    assert_eq!(of(Kind::Real, decimal(15, 1)).unwrap(), [Value::Real(1.5)]);
    assert_eq!(of(Kind::Real, Float32Array::from(vec![1.5])).unwrap(), [Value::Real(1.5)]);
    let Value::Money(money) = &of(Kind::Money, decimal(199_000, 4)).unwrap()[0] else { panic!() };
    assert_eq!((money.amount.as_str(), money.currency.as_str()), ("19.90", "EUR"));
    for (kind, array) in [(Kind::Decimal, decimal(1, 3)), (Kind::Money, decimal(1, 3))] {
        assert_eq!(of(kind, array).unwrap_err().kind(), ErrorKind::InvalidValue);
    }
    assert!(of(Kind::Decimal, decimal(i128::MAX / 10, 1)).is_err());
    assert_eq!(
        of(Kind::Real, Float64Array::from(vec![f64::NAN])).unwrap_err().kind(),
        ErrorKind::InvalidValue
    );
    is_refused(Kind::Integer, decimal(10, 1));
}

#[test]
fn days_are_days() {
    let day = texts(&["2024-02-29"]);
    assert_eq!(of(Kind::Date, Date32Array::from(vec![19_782])).unwrap(), day);
    assert_eq!(of(Kind::Date, Date64Array::from(vec![19_782 * 86_400_000])).unwrap(), day);
    // What other programs have for days.
    let midnight = TimestampNanosecondArray::from(vec![19_782 * 86_400_000_000_000]);
    assert_eq!(of(Kind::Date, midnight).unwrap(), day);
    let noon = TimestampSecondArray::from(vec![19_782 * 86_400 + 43_200]);
    assert_eq!(of(Kind::Date, noon).unwrap_err().kind(), ErrorKind::InvalidValue);
    assert_eq!(
        of(Kind::Date, Date64Array::from(vec![1])).unwrap_err().kind(),
        ErrorKind::InvalidValue
    );
    assert!(of(Kind::Date, Date32Array::from(vec![i32::MAX])).is_err());
    is_refused(Kind::Date, TimestampSecondArray::from(vec![0]).with_timezone("UTC"));
    is_refused(Kind::Timestamp, Date32Array::from(vec![0]));
}

#[test]
fn times_have_a_zone_or_are_told_one() {
    let moment = texts(&["2026-07-31T10:00:00Z"]);
    let seconds = 1_785_492_000;
    let berlin = "Europe/Berlin";
    let in_zone = TimestampSecondArray::from(vec![seconds]).with_timezone(berlin);
    assert_eq!(of(Kind::Timestamp, in_zone).unwrap(), moment);
    let millis = TimestampMillisecondArray::from(vec![seconds * 1000]).with_timezone("+02:00");
    assert_eq!(of(Kind::Timestamp, millis).unwrap(), moment);
    let nanos = seconds * 1_000_000_000;
    let fine = TimestampNanosecondArray::from(vec![nanos]).with_timezone("UTC");
    assert_eq!(of(Kind::Timestamp, fine).unwrap(), moment);
    let finer = TimestampNanosecondArray::from(vec![nanos + 1]).with_timezone("UTC");
    assert_eq!(of(Kind::Timestamp, finer).unwrap_err().kind(), ErrorKind::InvalidValue);

    let local = || TimestampMicrosecondArray::from(vec![(seconds + 7200) * 1_000_000]);
    let error = is_refused(Kind::Timestamp, local());
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let told = ColumnMapping { time_zone: Some(berlin.into()), ..column() };
    let attribute = Attribute::new("a", Kind::Timestamp);
    assert_eq!(taken(attribute.clone(), told.clone(), Arc::new(local())).unwrap(), moment);
    // Half past two on the day when clocks skip that hour.
    let skipped = TimestampSecondArray::from(vec![1_774_751_400]);
    let error = taken(attribute, told, Arc::new(skipped)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
}

#[test]
fn lists_ids_and_truth_values() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("red"), None, Some("blue")]);
    assert_eq!(of(Kind::Choices, lists.finish()).unwrap(), [Value::from(vec!["blue", "red"])]);
    assert_eq!(
        of(Kind::Checkbox, BooleanArray::from(vec![true, false])).unwrap(),
        [Value::Bool(true), Value::Bool(false)]
    );
    let crm = memory([Attribute::new("a", Kind::Reference).target("company")]);
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    let bytes = FixedSizeBinaryArray::try_from_iter([acme.id.as_bytes()].into_iter()).unwrap();
    let text = StringArray::from(vec![acme.id.to_string()]);
    for array in [Arc::new(bytes) as ArrayRef, Arc::new(text)] {
        let report = ingest(&crm, &IngestTable::new("row"), batch([("a", array)])).unwrap();
        assert_eq!((report.created, report.problems), (1, vec![]));
    }
    assert!(all(&crm).iter().all(|row| *row.get("a") == Value::from(acme.id)));
    let numbers =
        ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([Some([Some(1)])]);
    is_refused(Kind::Choices, numbers);
    is_refused(Kind::Text, BinaryArray::from(vec![b"x".as_slice()]));
}

#[test]
fn parts_come_in_columns_or_in_a_struct() {
    let crm = memory([Attribute::new("price", Kind::Money), Attribute::new("home", Kind::Address)]);
    let city: ArrayRef = Arc::new(StringArray::from(vec![Some("Ulm"), Some("never")]));
    let fields = Fields::from(vec![Field::new("city", DataType::Utf8, true)]);
    // The second has no address, whatever lies under it.
    let nulls = Some(vec![true, false].into());
    let home = StructArray::new(fields, vec![city], nulls);
    let rows = batch([
        ("price", Arc::new(Int64Array::from(vec![5, 6]))),
        ("price.currency", Arc::new(StringArray::from(vec!["EUR", "JPY"]))),
        ("home", Arc::new(home)),
    ]);
    let report = ingest(&crm, &IngestTable::new("row"), rows).unwrap();
    assert_eq!((report.created, report.problems), (2, vec![]));
    let rows = all(&crm);
    assert_eq!(*rows[0].get("price"), Value::Money(crm_core::Money::new("5.00", "EUR")));
    let Value::Address(home) = rows[0].get("home") else { panic!() };
    assert_eq!(home.city.as_deref(), Some("Ulm"));
    assert!(rows[1].get("home").is_null());
}

#[test]
fn a_column_without_a_place_is_refused_by_name() {
    let crm = memory([Attribute::new("name", Kind::Text)]);
    let text = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let error = ingest(&crm, &IngestTable::new("row"), batch([("nam", text())])).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownAttribute, Some("nam")));
    assert_eq!(error.hint(), Some("did you mean \"name\"?"));
    // Those that are not listed are not read, whatever they are.
    let request = IngestTable {
        columns: vec![ColumnMapping::new("Name", "name")],
        ..IngestTable::new("row")
    };
    let binary = Arc::new(BinaryArray::from(vec![b"x".as_slice()]));
    let report = ingest(&crm, &request, batch([("Name", text()), ("other", binary)])).unwrap();
    assert_eq!(report.created, 1);
    let missing = ingest(&crm, &request, batch([("name", text())])).unwrap_err();
    assert_eq!((missing.kind(), missing.field()), (ErrorKind::InvalidArgument, Some("Name")));
}

#[test]
fn a_column_without_a_name_is_named_by_its_place() {
    let crm = memory([Attribute::new("name", Kind::Text)]);
    let text = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let rows = || batch([("name", text()), (" ", text())]);
    let error = ingest(&crm, &IngestTable::new("row"), rows()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("columns[1]")));
    assert!(error.message().contains("column 2 "), "{error}");
    let of = |column: &str| IngestTable {
        columns: vec![ColumnMapping::new(column, "name")],
        ..IngestTable::new("row")
    };
    // It may be there, and even be read, as long as it is the only one.
    assert_eq!(ingest(&crm, &of("name"), rows()).unwrap().created, 1);
    assert_eq!(ingest(&crm, &of(""), rows()).unwrap().created, 1);
    for rows in [batch([("name", text())]), batch([("", text()), (" ", text())])] {
        let error = ingest(&crm, &of(" "), rows).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("columns")));
        assert!(error.hint().is_some());
    }
}

#[test]
fn what_was_not_written_is_in_the_report_with_its_row() {
    let crm = memory([Attribute::new("mail", Kind::Email).unique()]);
    let mails =
        StringArray::from(vec![Some("a@example.org"), None, Some("b"), Some("a@example.org")]);
    let rows = || batch([("mail", Arc::new(mails.clone()))]);
    let report = ingest(&crm, &IngestTable::new("row"), rows()).unwrap();
    assert_eq!((report.rows, report.created, report.rejected), (3, 1, 2));
    let problems: Vec<_> =
        report.problems.iter().map(|problem| (problem.row, problem.kind.as_str())).collect();
    assert_eq!(problems, [(3, "invalid_value"), (4, "duplicate")]);
    assert!(report.problems.iter().all(|problem| problem.column.as_deref() == Some("mail")));
    let crm = memory([Attribute::new("mail", Kind::Email)]);
    let request = IngestTable { all_or_nothing: true, ..IngestTable::new("row") };
    let report = ingest(&crm, &request, rows()).unwrap();
    assert_eq!((report.is_committed, report.created, report.rejected), (false, 0, 1));
    assert!(all(&crm).is_empty());
}

/// Batches of numbers, of so many rows each.
fn numbers(sizes: &[i64]) -> Vec<Result<RecordBatch, ArrowError>> {
    let mut start = 0;
    let of_size = |size: &i64| {
        let numbers = Int64Array::from_iter_values(start..start + size);
        start += size;
        Ok(batch([("number", Arc::new(numbers))]))
    };
    sizes.iter().map(of_size).collect()
}

#[test]
fn batches_of_all_sizes_become_transactions_of_some_thousand_rows() {
    for sizes in [vec![12_345], vec![1; 300], vec![0, 4_999, 2, 0, 5_000, 1], vec![0]] {
        let crm = memory([Attribute::new("number", Kind::Integer)]);
        let batches = numbers(&sizes);
        let schema = batches[0].as_ref().unwrap().schema();
        let commits = Arc::new(std::sync::Mutex::new(0));
        let counter = Arc::clone(&commits);
        let observer = crm.observe(move |_| *counter.lock().unwrap() += 1);
        let mut told = Vec::new();
        let report = crm
            .ingest_table(
                &IngestTable::new("row"),
                RecordBatchIterator::new(batches, schema),
                &mut |progress| {
                    told.push(progress.done);
                    Flow::Continue
                },
            )
            .unwrap();
        drop(observer);
        let total = sizes.iter().sum::<i64>().unsigned_abs();
        assert_eq!((report.created, told.last().copied()), (total, Some(total)));
        assert!(*commits.lock().unwrap() as u64 <= total / 2_500 + 1, "of {sizes:?}");
        let stored = all(&crm).into_iter().map(|row| row.get("number").as_i64().unwrap());
        assert!(stored.eq(0..sizes.iter().sum::<i64>()));
    }
}

#[test]
fn cancelling_keeps_what_was_committed_before() {
    let crm = memory([Attribute::new("number", Kind::Integer)]);
    let batches = numbers(&[5_000, 5_000, 5_000]);
    let schema = batches[0].as_ref().unwrap().schema();
    let stream = RecordBatchIterator::new(batches, schema);
    let report = crm.ingest_table(&IngestTable::new("row"), stream, &mut |_| Flow::Cancel).unwrap();
    assert_eq!((report.is_cancelled, report.created), (true, 5_000));
}

#[test]
fn a_stream_that_fails_ends_the_work_and_its_words_stay_inside() {
    let crm = memory([Attribute::new("number", Kind::Integer)]);
    let mut batches = numbers(&[5_000, 10]);
    let schema = batches[0].as_ref().unwrap().schema();
    batches.push(Err(ArrowError::ComputeError("secret".into())));
    let stream = RecordBatchIterator::new(batches, schema);
    let error =
        crm.ingest_table(&IngestTable::new("row"), stream, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(!error.to_string().contains("secret"));
    assert_eq!(crm.records("row").count().unwrap(), 5_000);
}

#[test]
fn a_stream_of_the_same_file_is_refused_within_one_transaction() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    let fields = vec!["name".to_owned()];
    let source = RecordsTable { fields, ..RecordsTable::new("company") };
    let request = IngestTable { all_or_nothing: true, ..IngestTable::new("company") };
    let stream = table(&crm, source.clone(), 10);
    let error = crm.ingest_table(&request, stream, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reentrant);
    let stream = table(&crm, source, 10);
    let request = IngestTable::new("company");
    assert_eq!(crm.ingest_table(&request, stream, &mut |_| Flow::Continue).unwrap().created, 1);
}
