//! Record batches as activities.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, NullArray, RecordBatch,
    RecordBatchIterator, StringArray, TimestampMicrosecondArray, TimestampSecondArray,
};
use crm_core::{
    Activity, ActivityPreset, Attribute, BadCells, ColumnMapping, Crm, Direction, Error, ErrorKind,
    Flow, IdentifyVisitor, ImportReport, IngestActivities, Kind, ListActivities, Money, RecordRef,
    Result, Value, values,
};

use super::stream;
use crate::support::{Folder, assert_sound, journal_length};

const DAY: i64 = 86_400_000_000;

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn texts<const N: usize>(texts: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn times<const N: usize>(days: [Option<i64>; N]) -> ArrayRef {
    let micros = days.map(|day| day.map(|day| day * DAY)).to_vec();
    Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
}

fn ingest(crm: &Crm, request: &IngestActivities, batch: RecordBatch) -> Result<ImportReport> {
    crm.ingest_activities(request, stream(batch), &mut |_| Flow::Continue)
}

/// Contacts with a code, and purchases with a reference and a count.
fn world() -> Crm {
    let crm = Crm::in_memory().unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let of = Attribute::new("firm", Kind::Reference).target("company");
    let count = Attribute::new("items", Kind::Integer);
    let kind = crm_core::DefineActivityKind::new("purchase", [of, count]);
    crm.activity_kinds().define(kind).unwrap();
    let code = Attribute::new("code", Kind::Text).unique();
    crm.types().define_attribute("contact", code).unwrap();
    let bought = Attribute::new("bought", Kind::Integer).formula("sum(items of purchase)");
    crm.types().define_attribute("contact", bought).unwrap();
    let domain = Attribute::new("domain", Kind::Text).unique();
    crm.types().define_attribute("company", domain).unwrap();
    crm
}

fn contact(crm: &Crm, code: &str) -> RecordRef {
    crm.contacts().create(values! { "code" => code }).unwrap().reference()
}

fn of(crm: &Crm, subject: &RecordRef) -> Vec<Activity> {
    let mut found = crm.activities().list(&ListActivities::of(subject.clone())).unwrap().activities;
    found.reverse();
    found
}

fn by_code() -> IngestActivities {
    let to = |column: &str, attribute: &str| ColumnMapping::new(column, attribute);
    IngestActivities {
        subject_type: Some("contact".into()),
        columns: vec![
            ColumnMapping { lookup: Some("code".into()), ..to("who", "subject") },
            to("cookie", "visitor"),
            to("when", "at"),
            to("sum", "amount"),
            to("cur", "amount.currency"),
            to("way", "channel"),
            to("out", "direction"),
            to("no", "key"),
            to("items", "items"),
            ColumnMapping { lookup: Some("domain".into()), ..to("shop", "firm") },
        ],
        channel: Some("shop".into()),
        ..IngestActivities::new("purchase")
    }
}

fn rows() -> RecordBatch {
    batch([
        ("who", texts([Some("a"), None, Some("a"), None])),
        ("cookie", texts([None, Some("c1"), None, None])),
        ("when", times([Some(1), Some(2), Some(3), None])),
        (
            "sum",
            Arc::new(
                Decimal128Array::from(vec![Some(1250), None, Some(100), None])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
        ("cur", texts([Some("EUR"), None, Some("EUR"), None])),
        ("way", texts([Some("web"), None, None, None])),
        ("out", texts([Some("inbound"), None, None, None])),
        ("no", texts([Some("n1"), Some("n2"), None, None])),
        ("items", Arc::new(Int64Array::from(vec![Some(2), Some(5), Some(1), None]))),
        ("shop", texts([Some("acme.example"), None, None, None])),
        ("else", texts([None, None, None, Some("not read")])),
    ])
}

#[test]
fn every_column_has_its_place() {
    let crm = world();
    let ann = contact(&crm, "a");
    let acme =
        crm.companies().create(values! { "name" => "Acme", "domain" => "acme.example" }).unwrap();
    let report = ingest(&crm, &by_code(), rows()).unwrap();
    assert_eq!((report.rows, report.created, report.rejected), (3, 3, 0), "{report:?}");
    let [first, last] = &of(&crm, &ann)[..] else { panic!() };
    assert_eq!(first.at.micros(), DAY);
    assert_eq!(first.amount, Some(Money::new("12.50", "EUR")));
    assert_eq!(
        (first.channel.as_deref(), first.direction),
        (Some("web"), Some(Direction::Inbound))
    );
    assert_eq!((first.key.as_deref(), &first.properties["items"]), (Some("n1"), &Value::from(2)));
    assert_eq!(first.properties["firm"], Value::from(acme.id));
    assert_eq!((last.channel.as_deref(), last.key.as_deref()), (Some("shop"), None));
    // What follows from an activity follows here too: roll-ups, and the past of a visitor.
    assert_eq!(crm.contacts().get(ann.id).unwrap().get("bought"), &Value::from(3));
    let identify =
        IdentifyVisitor { visitor: "c1".into(), entity_type: "contact".into(), id: ann.id };
    crm.activities().identify(&identify).unwrap();
    assert_eq!(crm.contacts().get(ann.id).unwrap().get("bought"), &Value::from(8));

    // What has a key is there already; without one it is another activity.
    let again = ingest(&crm, &by_code(), rows()).unwrap();
    assert_eq!((again.created, again.unchanged), (1, 2));
    assert_sound(&crm);
}

#[test]
fn columns_of_their_own_names_need_no_mapping() {
    let crm = world();
    let ann = contact(&crm, "a");
    let id = ann.id.to_string();
    let rows = batch([
        ("subject", texts([Some(&id)])),
        ("at", times([Some(5)])),
        ("items", Arc::new(Float64Array::from(vec![3.0]))),
        ("amount", texts([Some("1.50")])),
        ("amount.currency", texts([Some("EUR")])),
        ("key", Arc::new(NullArray::new(1))),
    ]);
    let request = IngestActivities {
        subject_type: Some("contact".into()),
        ..IngestActivities::new("purchase")
    };
    assert_eq!(ingest(&crm, &request, rows).unwrap().created, 1);
    assert_eq!(of(&crm, &ann)[0].properties["items"], Value::from(3));
}

#[test]
fn what_was_not_recorded_is_in_the_report() {
    let crm = world();
    let ann = contact(&crm, "a");
    let gone = contact(&crm, "gone");
    crm.contacts().archive(gone.id, None).unwrap();
    let rows = || {
        batch([
            (
                "who",
                texts([Some("a"), Some("b"), Some("gone"), None, Some("a"), Some("a"), Some("a")]),
            ),
            ("cookie", texts([None, None, None, None, Some("c"), None, None])),
            ("when", times([Some(1), Some(1), Some(1), Some(1), Some(1), None, Some(40_000)])),
            ("items", Arc::new(Float64Array::from(vec![1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]))),
        ])
    };
    let request = || {
        let mut request = by_code();
        let is_there = |mapping: &ColumnMapping| {
            ["who", "cookie", "when", "items"].contains(&mapping.column.as_str())
        };
        request.columns.retain(is_there);
        request
    };
    let found = |report: &ImportReport| -> Vec<(u64, Option<String>, String)> {
        let problems = report.problems.iter();
        problems.map(|p| (p.row, p.column.clone(), p.kind.clone())).collect()
    };
    let problem = |row, column: &str, kind: &str| (row, Some(column.to_owned()), kind.to_owned());
    let others = [
        problem(2, "who", "not_found"),
        problem(3, "who", "archived"),
        problem(4, "who", "invalid_argument"),
        problem(5, "cookie", "invalid_argument"),
        problem(6, "when", "required"),
        problem(7, "when", "out_of_range"),
    ];
    let report = ingest(&crm, &request(), rows()).unwrap();
    assert_eq!((report.rows, report.created, report.rejected), (7, 0, 7));
    assert_eq!(found(&report)[0], problem(1, "items", "invalid_value"));
    assert_eq!(found(&report)[1..], others);
    // A cell may be left out, but not one that says whose or when.
    let lenient = IngestActivities { bad_cells: BadCells::LeaveEmpty, ..request() };
    let report = ingest(&crm, &lenient, rows()).unwrap();
    assert_eq!((report.created, report.rejected, found(&report).len()), (1, 6, 7));
    assert_eq!(of(&crm, &ann).len(), 1);
    // Of all or nothing, nothing.
    let length = journal_length(&crm);
    let whole = IngestActivities { all_or_nothing: true, ..lenient };
    let report = ingest(&crm, &whole, rows()).unwrap();
    assert_eq!((report.is_committed, report.created, report.rejected), (false, 0, 6));
    assert_eq!(journal_length(&crm), length);
}

#[test]
fn what_makes_no_sense_is_refused_before_the_first_row() {
    let crm = world();
    contact(&crm, "a");
    let refused = |request: IngestActivities, batch: RecordBatch| -> Error {
        let length = journal_length(&crm);
        let error = ingest(&crm, &request, batch).unwrap_err();
        assert_eq!(journal_length(&crm), length);
        error
    };
    let visits = || batch([("visitor", texts([Some("c")])), ("at", times([Some(1)]))]);
    let plain = || IngestActivities::new("purchase");
    let told = |error: &Error| (error.kind(), error.field().map(str::to_owned));
    let is = |kind, field: &str| (kind, Some(field.to_owned()));
    use ErrorKind as E;

    let error = refused(IngestActivities::new("purchas"), visits());
    assert_eq!(
        (told(&error), error.hint()),
        (is(E::UnknownType, "kind"), Some("did you mean \"purchase\"?"))
    );
    let nowhere = IngestActivities { subject_type: Some("contakt".into()), ..plain() };
    assert_eq!(told(&refused(nowhere, visits())), is(E::UnknownType, "subject_type"));
    let mute = batch([("visitor", texts([Some("c")]))]);
    assert_eq!(told(&refused(plain(), mute)), is(E::InvalidArgument, "columns"));
    let nobody = batch([("at", times([Some(1)]))]);
    assert_eq!(told(&refused(plain(), nobody)), is(E::InvalidArgument, "columns"));
    let untyped = batch([("subject", texts([Some("x")])), ("at", times([Some(1)]))]);
    assert_eq!(told(&refused(plain(), untyped)), is(E::InvalidArgument, "subject_type"));
    let clock = TimestampSecondArray::from(vec![1]);
    let clock = batch([("visitor", texts([Some("c")])), ("at", Arc::new(clock))]);
    assert_eq!(told(&refused(plain(), clock)), is(E::InvalidArgument, "at"));
    let typed = batch([
        ("visitor", texts([Some("c")])),
        ("at", times([Some(1)])),
        ("channel", Arc::new(Int64Array::from(vec![1]))),
    ]);
    assert_eq!(told(&refused(plain(), typed)), is(E::WrongKind, "channel"));
    let unknown = batch([
        ("visitor", texts([Some("c")])),
        ("at", times([Some(1)])),
        ("item", Arc::new(Int64Array::from(vec![1]))),
    ]);
    let error = refused(plain(), unknown);
    assert_eq!(
        (error.kind(), error.hint()),
        (E::UnknownAttribute, Some("did you mean \"items\"?"))
    );
    let long = IngestActivities { channel: Some("x".repeat(10_000)), ..plain() };
    assert_eq!(told(&refused(long, visits())), is(E::OutOfRange, "channel"));
    crm.activity_kinds().define(crm_core::DefineActivityKind::new("old", [])).unwrap();
    crm.activity_kinds().archive("old").unwrap();
    let archived = refused(IngestActivities::new("old"), visits());
    assert_eq!(told(&archived), is(E::Archived, "kind"));
}

#[test]
fn batches_of_all_sizes_become_transactions_and_can_be_cancelled() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.activity_kinds().define(crm_core::DefineActivityKind::new("page_view", [])).unwrap();
    let piece = |from: i64, rows: i64| {
        let who: StringArray = (from..from + rows).map(|row| Some(format!("v{row}"))).collect();
        let at: Vec<_> = (from..from + rows).collect();
        let at = TimestampMicrosecondArray::from(at).with_timezone("UTC");
        Ok(batch([("visitor", Arc::new(who) as ArrayRef), ("at", Arc::new(at) as ArrayRef)]))
    };
    let pieces = || {
        let pieces = vec![piece(0, 3), piece(3, 7_000), piece(7_003, 1), piece(7_004, 4_000)];
        let schema = pieces[0].as_ref().map(RecordBatch::schema).unwrap();
        RecordBatchIterator::new(pieces, schema)
    };
    let request = IngestActivities::new("page_view");
    let mut steps = Vec::new();
    let report = crm
        .ingest_activities(&request, pieces(), &mut |now| {
            steps.push(now.done);
            Flow::Continue
        })
        .unwrap();
    assert_eq!((report.created, steps.last()), (11_004, Some(&11_004)));
    let cut = crm.ingest_activities(&request, pieces(), &mut |_| Flow::Cancel).unwrap();
    assert_eq!((cut.is_cancelled, cut.created), (true, 5_000));
    assert_sound(&crm);
}
