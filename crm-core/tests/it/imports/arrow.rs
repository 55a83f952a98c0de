//! Tables in Arrow's own format, as files and as bytes: planned, applied, gone on with, taken back.

use std::{path::Path, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, Date32Array, DictionaryArray, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
    builder::{ListBuilder, StringBuilder},
    types::Int8Type,
};
use arrow_ipc::{
    CompressionType,
    writer::{FileWriter, IpcWriteOptions, StreamWriter},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use crm_core::{
    ActivityColumns, ActivityPreset, AssociationColumns, AssociationPreset, ColumnMapping, Crm,
    CsvDialect, Error, ErrorKind, Flow, ImportState, PlanImport, RowDecision as D, SourceFormat,
    Value,
};

use super::{apply, decisions, definition, map, people, plan, revert};
use crate::support::{Folder, assert_sound};

fn texts<const N: usize>(texts: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn streamed(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

/// Many people of whom there is much to leave out when they are packed.
fn many() -> RecordBatch {
    let rows = 0..1_000;
    let codes: StringArray = rows.clone().map(|row| Some(format!("code {row}"))).collect();
    let names: StringArray = rows.map(|_| Some("Ann")).collect();
    batch([("code", Arc::new(codes)), ("name", Arc::new(names))])
}

fn compressed(batch: &RecordBatch) -> Vec<u8> {
    let options = IpcWriteOptions::default();
    let options = options.try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let mut writer =
        FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// People by their code, from these bytes.
fn request(bytes: &[u8], columns: Vec<ColumnMapping>) -> PlanImport {
    let mut request = super::upsert(&STANDARD.encode(bytes), &["code"], columns);
    request.source.format = SourceFormat::Arrow;
    request
}

fn from_file(path: &Path, columns: Vec<ColumnMapping>) -> PlanImport {
    let mut request = PlanImport::from_path("person", path.to_str().unwrap(), columns);
    request.source.format = SourceFormat::Arrow;
    request
}

/// Two batches, with a row of nothing between them and what does not fit.
fn table() -> [RecordBatch; 2] {
    let columns = |codes, names, numbers: Vec<Option<i64>>, days: Vec<Option<i32>>, hats| {
        batch([
            ("code", texts(codes)),
            ("name", texts(names)),
            ("n", Arc::new(Int64Array::from(numbers))),
            ("born", Arc::new(Date32Array::from(days))),
            ("hat", texts(hats)),
        ])
    };
    [
        columns(
            [Some("a"), Some("b"), None],
            [Some("Ann"), None, None],
            vec![Some(1), Some(2), None],
            vec![Some(0), None, None],
            [Some(""), Some("top"), None],
        ),
        columns(
            [Some("c"), Some("a"), None],
            [Some("Cid"), Some("Eve"), None],
            vec![None, Some(3), None],
            vec![None, None, None],
            [None, None, Some("cap")],
        ),
    ]
}

fn wanted() -> Vec<ColumnMapping> {
    ["code", "name", "n", "born"].map(map).to_vec()
}

#[test]
fn a_file_and_a_stream_are_planned_as_every_table_is() {
    let crm = people();
    crm.records("person").create(crm_core::values! { "code" => "c", "name" => "Cid" }).unwrap();
    for bytes in [file(&table()), streamed(&table())] {
        let plan = plan(&crm, &request(&bytes, wanted())).unwrap();
        // The third row is null throughout; the last holds only what goes nowhere.
        assert_eq!(
            decisions(&crm, &plan),
            [D::Create, D::Error, D::Unchanged, D::Conflict, D::Error]
        );
        let problems = plan.problems.iter();
        let problems: Vec<_> =
            problems.map(|p| (p.row, p.column.as_deref(), p.kind.as_str())).collect();
        assert_eq!(
            problems,
            [
                (2, Some("name"), "required"),
                (5, Some("code"), "duplicate"),
                (6, Some("code"), "required")
            ]
        );
        let left = plan.unmapped.iter();
        let left: Vec<_> = left.map(|c| (c.column.as_str(), c.cells, c.first_row)).collect();
        assert_eq!(left, [("hat", 2, Some(2))]);
    }
    let packed = compressed(&many());
    assert!(packed.len() < file(&[many()]).len());
    let columns = || vec![map("code"), map("name")];
    assert_eq!(plan(&crm, &request(&packed, columns())).unwrap().create, 1_000);
    let plan = plan(&crm, &request(&compressed(&table()[0]), wanted())).unwrap();
    let run = apply(&crm, &plan).unwrap();
    assert_eq!((run.import.created, run.import.errors), (1, 1));
    let ann = crm.records("person").get_by("code", "a").unwrap();
    assert_eq!((ann.get("n"), ann.get("name")), (&Value::from(1), &Value::from("Ann")));
    assert_eq!(ann.get("born"), &Value::from("1970-01-01".parse::<crm_core::Date>().unwrap()));
    assert_eq!(revert(&crm, &run).archived, 1);
    assert_sound(&crm);
}

#[test]
fn columns_of_every_type_go_beside_the_record() {
    let crm = people();
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("Acme"), Some("Apex")]);
    lists.append_null();
    let companies: ListArray = lists.finish();
    let when = TimestampMicrosecondArray::from(vec![Some(1_000_000), None]);
    let colours: DictionaryArray<Int8Type> = [Some("reached"), None].into_iter().collect();
    let table = batch([
        ("name", texts([Some("Ann"), Some("Ben")])),
        ("works at", Arc::new(companies)),
        ("called", Arc::new(when)),
        ("minutes", Arc::new(Int64Array::from(vec![Some(7), None]))),
        ("outcome", Arc::new(colours)),
        ("photo", Arc::new(BinaryArray::from(vec![Some(&b"x"[..]), None]))),
    ]);
    let mut request = PlanImport::from_text(
        "contact",
        STANDARD.encode(file(&[table])),
        [ColumnMapping::new("name", "given_name")],
    );
    request.source.format = SourceFormat::Arrow;
    request.associations = vec![AssociationColumns {
        create_missing: true,
        ..AssociationColumns::new("employed_by", "works at", "company", "name")
    }];
    let at = ColumnMapping::new("called", "at");
    let columns = |at: ColumnMapping| [at, map("minutes"), map("outcome")];
    request.activities = vec![ActivityColumns::new("call", columns(at.clone()))];
    // Nobody says by which clock.
    let error = plan(&crm, &request).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("called")));
    let at = ColumnMapping { time_zone: Some("Europe/Berlin".into()), ..at };
    request.activities = vec![ActivityColumns::new("call", columns(at))];

    let made = plan(&crm, &request);
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            // Names of companies need an index before they name one.
            assert_eq!(error.field(), Some("associations.by"), "{error}");
            let name = crm_core::Attribute::new("name", crm_core::Kind::Text).required().indexed();
            crm.types().define_attribute("company", name).unwrap();
            plan(&crm, &request).unwrap()
        }
    };
    assert_eq!((made.create, made.associations, made.activities, made.others), (2, 2, 1, 2));
    assert_eq!(made.unmapped[0].cells, 1, "what is no value of ours is counted all the same");
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.associations, run.import.activities), (2, 1));
    let ann = crm.contacts().iter().next().unwrap().unwrap();
    let calls = crm.activities().list(&crm_core::ListActivities::of(ann.reference())).unwrap();
    assert_eq!(calls.activities[0].at.to_string(), "1969-12-31T23:00:01Z");
    assert_eq!(calls.activities[0].properties["minutes"], Value::from(7));

    // A column that cannot go there is refused before the first row, by its name.
    request.activities[0].columns[1] = ColumnMapping::new("photo", "minutes");
    let error = plan(&crm, &request).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::WrongKind, Some("photo")));
}

#[test]
fn an_import_that_was_cut_short_goes_on_past_rows_of_nothing() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(definition()).unwrap();
    let path = folder.at("people.arrow");
    // Every third row is null throughout, and batches do not end where transactions do.
    let name = |row: usize| (row % 3 != 2).then(|| format!("person {row}"));
    let names: Vec<_> = (0..12_000).map(name).collect();
    let batches = names
        .chunks(3_500)
        .map(|names| batch([("name", Arc::new(StringArray::from(names.to_vec())) as ArrayRef)]));
    std::fs::write(&path, file(&batches.collect::<Vec<_>>())).unwrap();
    let made = plan(&crm, &from_file(&path, vec![map("name")])).unwrap();
    assert_eq!((made.rows, made.create), (8_000, 8_000));
    let mut steps = Vec::new();
    let cut = crm.imports().apply(&made, &mut |now| {
        steps.push((now.done, now.total));
        Flow::Cancel
    });
    let cut = cut.unwrap();
    assert_eq!(cut.import.state, ImportState::Unfinished);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(steps.iter().all(|(done, total)| *done <= size && *total == Some(size)), "{steps:?}");
    crm.close().unwrap();

    let crm = folder.open();
    let run = crm.imports().resume(cut.import.id, &made, &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.state, run.import.created), (ImportState::Finished, 8_000));
    let distinct = "SELECT count(*), count(DISTINCT name) FROM person";
    let row = &crm.sql(&crm_core::RunSql::new(distinct)).unwrap().rows[0].0;
    assert_eq!(row[..], [Value::from(8_000), Value::from(8_000)]);
    // The file of the same people in other bytes is another table.
    std::fs::write(&path, streamed(&[batch([("name", texts([Some("Ann")]))])])).unwrap();
    assert_eq!(apply(&crm, &made).unwrap_err().kind(), ErrorKind::StaleVersion);
}

#[test]
fn a_stream_is_spooled_to_a_file_that_an_import_reads() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(definition()).unwrap();
    let path = folder.at("people.arrows");
    let stream = || {
        let schema = table()[0].schema();
        arrow_array::RecordBatchIterator::new(table().map(Ok), schema)
    };
    let cancelled = crm.spool_table(&path, stream(), &mut |_| Flow::Cancel).unwrap_err();
    assert_eq!((cancelled.kind(), path.exists()), (ErrorKind::Interrupted, false));
    let rows = crm.spool_table(&path, stream(), &mut |_| Flow::Continue).unwrap();
    assert_eq!(rows, 6);
    let made = plan(&crm, &from_file(&path, wanted())).unwrap();
    assert_eq!((made.create, made.rows), (2, 5));
    assert_eq!(apply(&crm, &made).unwrap().import.created, 2);
    // A file that is there is left as it is.
    let before = std::fs::read(&path).unwrap();
    let error = crm.spool_table(&path, stream(), &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("path")));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

fn refusal(crm: &Crm, bytes: &[u8]) -> Error {
    let columns = vec![map("code"), map("name")];
    let error = plan(crm, &request(bytes, columns)).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    error
}

#[test]
fn what_is_no_table_is_refused() {
    let crm = people();
    let good = file(&table());
    for bytes in [&b""[..], b"ARROW1", b"ARROW1\0\0", b"code,name\na,Ann\n", &good[..8], &good[3..]]
    {
        let error = refusal(&crm, bytes);
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("source")));
    }
    let mut not_base64 = request(&good, wanted());
    not_base64.source.text = Some("code,name".into());
    assert_eq!(plan(&crm, &not_base64).unwrap_err().field(), Some("text"));
    let mut with_dialect = request(&good, wanted());
    with_dialect.source.dialect = CsvDialect { delimiter: ";".into(), ..CsvDialect::default() };
    assert_eq!(plan(&crm, &with_dialect).unwrap_err().field(), Some("dialect"));
    let mut neither = request(&good, wanted());
    neither.source.text = None;
    assert_eq!(plan(&crm, &neither).unwrap_err().field(), Some("path"));
    let error = plan(&crm, &request(&good, vec![map("nam")])).unwrap_err();
    assert_eq!((error.field(), error.hint()), (Some("nam"), Some("did you mean \"name\"?")));
}

#[test]
fn a_length_that_is_not_there_is_not_believed() {
    let crm = people();
    let good = compressed(&many());
    // What says how long a column is unpacked stands before the mark of the compression.
    let mark = good.windows(4).position(|word| word == [0x04, 0x22, 0x4d, 0x18]).unwrap();
    for length in [i64::MAX, 1 << 40, i64::from(u32::MAX)] {
        let mut bytes = good.clone();
        bytes[mark - 8..mark].copy_from_slice(&length.to_le_bytes());
        assert_eq!(refusal(&crm, &bytes).kind(), ErrorKind::LimitExceeded);
    }
    // And how long a message is, before everything.
    let mut bytes = streamed(&table());
    bytes[4..8].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    assert_eq!(refusal(&crm, &bytes).kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_table_that_is_cut_off_or_damaged_is_an_error_and_never_less() {
    let crm = people();
    let whole = file(&table());
    let all = plan(&crm, &request(&whole, wanted())).unwrap().rows;
    let trailer = whole.windows(8).rposition(|word| word == [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    for length in 0..trailer.unwrap() {
        refusal(&crm, &whole[..length]);
    }
    // A byte that is another one may be another value, but never a row less, and never a panic.
    for place in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut bytes = whole.clone();
            bytes[place] ^= bit;
            match plan(&crm, &request(&bytes, wanted())) {
                Ok(plan) => assert!(plan.rows <= all + 1, "{place}"),
                Err(error) => assert_ne!(error.kind(), ErrorKind::Internal, "{place}: {error}"),
            }
        }
    }
}
