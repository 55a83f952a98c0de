//! An import as a long operation: transactions, progress, cancellation, and others who write meanwhile.

use std::cell::RefCell;

use crm_core::{
    Attribute, BadCells, DefineType, ErrorKind, ExportCsv, Flow, ImportCsv, ImportMode, Kind,
    Progress, RunSql, Value, values,
};

use super::{count, export, import, many, products, shop};

#[test]
fn all_or_nothing_leaves_no_trace() {
    let crm = shop();
    let before = crm.stats().unwrap().changes;
    let text = "name,stock\na,1\nb,x\nc,3\nd,y\n";
    let request = ImportCsv { all_or_nothing: true, ..products(text, &["name", "stock"]) };
    let report = import(&crm, &request).unwrap();
    assert!(!report.is_committed && !report.is_cancelled);
    assert_eq!((report.rows, report.created, report.rejected), (4, 0, 2));
    assert_eq!(report.problems.len(), 2);
    assert_eq!((count(&crm, "product"), crm.stats().unwrap().changes), (0, before));

    let request = ImportCsv { bad_cells: BadCells::LeaveEmpty, ..request };
    let report = import(&crm, &request).unwrap();
    assert!(report.is_committed);
    assert_eq!((report.created, report.problems.len()), (4, 2));
    assert_eq!(count(&crm, "product"), 4);
}

#[test]
fn a_cancelled_import_keeps_what_was_committed_unless_it_is_all_or_nothing() {
    let text = many(12_000);
    for (all_or_nothing, kept) in [(false, 5_000), (true, 0)] {
        let crm = shop();
        let request = ImportCsv { all_or_nothing, ..products(&text, &["name"]) };
        let mut heard: Vec<Progress> = Vec::new();
        let report = crm
            .import_csv(&request, &mut |progress| {
                heard.push(progress);
                Flow::Cancel
            })
            .unwrap();
        assert!(report.is_cancelled);
        assert_eq!((report.rows, report.created, heard.len()), (5_000, kept, 1));
        assert_eq!(heard[0].total, Some(text.len() as u64));
        assert_eq!((count(&crm, "product"), report.is_committed), (kept, kept > 0));
        // A panic in the callback is the callback's, and says stop.
        let request = ImportCsv { mode: ImportMode::Upsert, key: Some("name".into()), ..request };
        let report = crm.import_csv(&request, &mut |_| panic!("on purpose")).unwrap();
        assert!(report.is_cancelled);
        let report = import(&crm, &request).unwrap();
        assert_eq!((report.rows, count(&crm, "product")), (12_000, 12_000));
    }
}

#[test]
fn progress_counts_bytes_up_to_all_of_them() {
    for all_or_nothing in [false, true] {
        let crm = shop();
        let text = many(6_000);
        let request = ImportCsv { all_or_nothing, ..products(&text, &["name"]) };
        let mut heard = Vec::new();
        crm.import_csv(&request, &mut |progress| {
            heard.push(progress.done);
            Flow::Continue
        })
        .unwrap();
        assert!(heard.len() >= 2 && heard.is_sorted());
        assert_eq!(heard.last(), Some(&(text.len() as u64)));
    }
}

#[test]
fn a_callback_can_neither_write_nor_wait_for_itself() {
    for all_or_nothing in [false, true] {
        let crm = shop();
        let request = ImportCsv { all_or_nothing, ..products("name\na\n", &["name"]) };
        let heard = RefCell::new(Vec::new());
        let report = crm
            .import_csv(&request, &mut |_| {
                let write = crm.companies().create(values! { "name" => "Acme" });
                let nested = crm.import_csv(&request, &mut |_| Flow::Continue);
                heard.borrow_mut().push(write.unwrap_err().kind());
                heard.borrow_mut().push(nested.unwrap_err().kind());
                let read = crm.records("product").count();
                assert_eq!(read.map_err(|error| error.kind()).ok(), (!all_or_nothing).then_some(1));
                Flow::Continue
            })
            .unwrap();
        assert_eq!(report.created, 1);
        assert_eq!(heard.into_inner(), [ErrorKind::Reentrant; 2]);
    }
}

#[test]
fn an_interrupt_between_two_steps_ends_the_work() {
    let crm = shop();
    let other = crm.clone();
    let ring = &mut |_| {
        other.interrupt();
        Flow::Continue
    };
    let text = many(12_000);
    for (all_or_nothing, kept) in [(true, 0), (false, 5_000)] {
        let request = ImportCsv { all_or_nothing, ..products(&text, &["name"]) };
        let error = crm.import_csv(&request, ring).unwrap_err();
        assert_eq!((error.kind(), count(&crm, "product")), (ErrorKind::Interrupted, kept));
    }
    let error = crm.export_csv(&ExportCsv::new("product"), ring).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(export(&crm, &ExportCsv::new("product")).unwrap().lines().count(), 5_001);
}

#[test]
fn a_schema_that_changes_between_two_transactions_is_followed() {
    let crm = shop();
    let text = many(7_000).replace('\n', ",1\n").replacen("name,1", "name,stock", 1);
    let request = products(&text, &["name", "stock"]);
    let (ask, asked) = std::sync::mpsc::channel();
    let (answer, answered) = std::sync::mpsc::channel();
    let report = std::thread::scope(|scope| {
        let other = crm.clone();
        scope.spawn(move || {
            if asked.recv().is_ok() {
                let limited = Attribute {
                    minimum: Some(Value::Integer(1)),
                    ..Attribute::new("stock", Kind::Integer)
                };
                let added =
                    Attribute { default: Some("x".into()), ..Attribute::new("note", Kind::Text) };
                other.types().define(DefineType::new("product", [limited, added])).unwrap();
                answer.send(()).unwrap();
            }
        });
        let mut is_first = true;
        crm.import_csv(&request, &mut |_| {
            if std::mem::take(&mut is_first) {
                ask.send(()).unwrap();
                answered.recv().unwrap();
            }
            Flow::Continue
        })
        .unwrap()
    });
    assert_eq!(report.created, 7_000);
    let noted = crm.sql(&RunSql::new("SELECT count(*) FROM product WHERE note = 'x'")).unwrap();
    assert_eq!(noted.rows[0].0, [Value::Integer(2_000)]);
}
