//! Bad input: a typed error that names the field and says what to do, nothing half-written, and the
//! handle as usable as before.

use std::fs;

use crm_core::{
    ApplyChanges, Attribute, CreateRecord, Crm, DefineActivityKind, DefineType, Error, ErrorKind,
    Kind, ListRecords, NewActivity, OpenOptions, Order, Outcome, RecordActivities, RecordChange,
    RecordId, RecordRef, Result, RunSql, Timestamp, Value, Values, limits, ops::Request, values,
};

use crate::support::{Folder, assert_sound, everything, journal_length, read_only, relaxed};

fn library() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let attributes = [
        Attribute::new("title", Kind::Text).required(),
        Attribute::new("genre", Kind::Choice).options(["novel", "poetry", "travel"]),
        Attribute { length: Some(5), ..Attribute::new("shelf", Kind::Text) },
        Attribute {
            minimum: Some(Value::from(1450)),
            maximum: Some(Value::from(2100)),
            ..Attribute::new("year", Kind::Integer)
        },
        Attribute { pattern: Some("[0-9]{3}".into()), ..Attribute::new("room", Kind::Text) },
        Attribute::new("book_id", Kind::Integer).unique(),
        Attribute::new("owner", Kind::Reference).target("contact"),
    ];
    crm.types().define(DefineType::new("book", attributes)).unwrap();
    crm
}

/// Runs a call that must be refused, and sees that nothing was written and that the handle works.
#[track_caller]
fn refused<T>(crm: &Crm, call: impl FnOnce(&Crm) -> Result<T>) -> Error {
    let length = journal_length(crm);
    let error = call(crm).err().expect("a refusal");
    assert_eq!(journal_length(crm), length, "something was written: {error}");
    crm.companies().create(values! { "name" => "still usable" }).unwrap();
    error
}

#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, field: &str, hint: Option<&str>) {
    assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
    if let Some(hint) = hint {
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{error}");
    }
    let message = error.message();
    assert!(!message.ends_with('.') && !message.contains('\n'), "{message}");
}

fn create(values: Values) -> impl FnOnce(&Crm) -> Result<crm_core::Record> {
    |crm| crm.records("book").create(values)
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let crm = library();
    let error = refused(&crm, |crm| crm.records("bok").create(values! {}));
    assert_says(&error, ErrorKind::UnknownType, "type", Some("\"book\""));
    let error = refused(&crm, |crm| crm.records("zzzzzz").count());
    assert_says(&error, ErrorKind::UnknownType, "type", Some("types.define"));
    let error = refused(&crm, create(values! { "titel" => "Emma" }));
    assert_says(&error, ErrorKind::UnknownAttribute, "titel", Some("\"title\""));
    let error = refused(&crm, create(values! { "title" => "Emma", "genre" => "novle" }));
    assert_says(&error, ErrorKind::UnknownOption, "genre", Some("\"novel\""));
    let error = refused(&crm, create(values! { "title" => "Emma", "genre" => "xxxxxxxx" }));
    assert_says(&error, ErrorKind::UnknownOption, "genre", Some("definition"));

    for (name, near) in [("list", ListRecords::new("book")), ("filter", ListRecords::new("book"))] {
        let request = match name {
            "list" => ListRecords {
                order: Some(Order { attribute: "yaer".into(), descending: false }),
                ..near
            },
            _ => ListRecords { filter: values! { "yaer" => 1 }, ..near },
        };
        let error = refused(&crm, |crm| crm.list_records(&request));
        assert_says(&error, ErrorKind::UnknownAttribute, "yaer", Some("\"year\""));
    }
    let error = Request::from_json("records.creat", b"{}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOperation);
    assert_eq!(error.hint(), Some("did you mean \"records.create\"?"));
}

#[test]
fn a_value_of_the_wrong_kind_says_what_was_expected() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(everything()).unwrap();
    for &kind in Kind::ALL {
        let name = format!("a_{}", kind.name());
        // None of the kinds takes both; so one of them is wrong for each.
        let wrong = match kind {
            Kind::Integer | Kind::Rating | Kind::Real | Kind::Decimal | Kind::Checkbox => {
                Value::from(vec!["x"])
            }
            _ => Value::from(true),
        };
        let values = values! { name.as_str() => wrong.clone() };
        let error = refused(&crm, |crm| crm.records("everything").create(values));
        assert_says(&error, ErrorKind::WrongKind, &name, Some("expected"));
    }
}

#[test]
fn a_malformed_value_is_refused_and_names_its_attribute() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(everything()).unwrap();
    for (attribute, text) in [
        ("a_text", "nul\0"),
        ("a_email", "not an address"),
        ("a_email", "a@@example.org"),
        ("a_phone", "12"),
        ("a_url", "javascript:alert(1)"),
        ("a_url", "example.org"),
        ("a_country", "Atlantis"),
        ("a_locale", "!!"),
        ("a_time_zone", "Mars/Olympus"),
        ("a_date", "2023-02-29"),
        ("a_date", "29.02.2024"),
        ("a_date", "10000-01-01"),
        ("a_timestamp", "2024-02-29T12:00:00"),
        ("a_timestamp", "yesterday"),
        ("a_decimal", "1.234"),
        ("a_decimal", "1,5"),
        ("price", "1.234"),
        ("a_reference", "not-an-id"),
    ] {
        let values = values! { attribute => text };
        let error = refused(&crm, |crm| crm.records("everything").create(values));
        assert_says(&error, ErrorKind::InvalidValue, attribute, None);
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for attribute in ["a_real", "a_decimal", "price"] {
            let values = values! { attribute => number };
            let error = refused(&crm, |crm| crm.records("everything").create(values));
            assert_says(&error, ErrorKind::InvalidValue, attribute, None);
        }
    }
}

#[test]
fn a_value_out_of_its_attributes_range_is_refused() {
    let crm = library();
    let book = crm.records("book").create(values! { "title" => "Emma" }).unwrap();
    let huge = "x".repeat(limits::TEXT_BYTES + 1);
    for (attribute, value, kind) in [
        ("year", Value::from(1449), ErrorKind::OutOfRange),
        ("year", Value::from(2101), ErrorKind::OutOfRange),
        ("shelf", Value::from("123456"), ErrorKind::OutOfRange),
        ("title", Value::from(huge.as_str()), ErrorKind::OutOfRange),
        ("room", Value::from("12"), ErrorKind::InvalidValue),
        ("room", Value::from("1234"), ErrorKind::InvalidValue),
    ] {
        let error = refused(&crm, |crm| {
            crm.records("book").patch(book.id, values! { attribute => value.clone() })
        });
        assert_says(&error, kind, attribute, None);
        let error = refused(&crm, create(values! { "title" => "x", attribute => value }));
        assert_says(&error, kind, attribute, None);
    }
    // Five characters, not five bytes.
    crm.records("book").patch(book.id, values! { "shelf" => "äöüß€", "year" => 1450 }).unwrap();
}

#[test]
fn duplicates_missing_values_and_stale_versions_are_told() {
    let crm = library();
    let books = crm.records("book");
    let first = books.create(values! { "title" => "Emma", "book_id" => 7 }).unwrap();
    let error = refused(&crm, create(values! { "title" => "Persuasion", "book_id" => 7 }));
    assert_says(&error, ErrorKind::Duplicate, "book_id", Some("upsert"));
    assert!(error.message().contains(&first.id.to_string()));

    let error = refused(&crm, create(values! { "book_id" => 8 }));
    assert_says(&error, ErrorKind::Required, "title", None);
    for nothing in [Value::Null, Value::from("")] {
        let values = values! { "title" => nothing };
        let error = refused(&crm, |crm| crm.records("book").patch(first.id, values));
        assert_says(&error, ErrorKind::Required, "title", None);
    }
    let second = books.patch_expecting(first.id, values! { "year" => 1815 }, Some(1)).unwrap();
    assert_eq!(second.version, 2);
    for expected in [0, 1, 3, i64::MAX, i64::MIN] {
        let patch = values! { "year" => 1816 };
        let error = refused(&crm, |crm| {
            crm.records("book").patch_expecting(first.id, patch, Some(expected))
        });
        assert_says(&error, ErrorKind::StaleVersion, "expected_version", Some("read the record"));
        let error = refused(&crm, |crm| crm.records("book").archive(first.id, Some(expected)));
        assert_says(&error, ErrorKind::StaleVersion, "expected_version", Some("read the record"));
    }
    assert_eq!(books.get(first.id).unwrap(), second);

    let nobody = RecordId::from_bytes([7; 16]);
    let error = refused(&crm, |crm| crm.records("book").get(nobody));
    assert_says(&error, ErrorKind::NotFound, "id", None);
    let error = refused(&crm, |crm| crm.records("book").patch(nobody, values! {}));
    assert_says(&error, ErrorKind::NotFound, "id", None);
    let error = refused(&crm, |crm| crm.records("book").get_by("book_id", 99));
    assert_says(&error, ErrorKind::NotFound, "book_id", None);
    let error = refused(&crm, create(values! { "title" => "x", "owner" => nobody }));
    assert_says(&error, ErrorKind::NotFound, "owner", None);
    // A record of another type is not there either.
    let error = refused(&crm, create(values! { "title" => "x", "owner" => first.id }));
    assert_says(&error, ErrorKind::NotFound, "owner", None);
}

#[test]
fn a_batch_of_good_and_bad_keeps_the_good_or_nothing() {
    let crm = library();
    let batch = || -> Vec<RecordChange> {
        [
            values! { "title" => "a", "book_id" => 1 },
            values! { "title" => "b", "book_id" => 1 },
            values! { "title" => "c", "year" => 3 },
            values! { "titel" => "d" },
            values! { "title" => "e", "book_id" => 5 },
        ]
        .map(|values| RecordChange::Create(CreateRecord { entity_type: "book".into(), values }))
        .to_vec()
    };
    let length = journal_length(&crm);
    let report = crm.apply(ApplyChanges { changes: batch(), all_or_nothing: true }).unwrap();
    assert_eq!((report.failed, report.is_committed), (3, false));
    assert_eq!(journal_length(&crm), length);
    assert_eq!(crm.records("book").count().unwrap(), 0);

    let report = crm.apply(ApplyChanges { changes: batch(), all_or_nothing: false }).unwrap();
    assert_eq!((report.failed, report.is_committed), (3, true));
    let kinds: Vec<_> =
        report.outcomes.iter().map(|o| o.problem.as_ref().map(|p| p.kind.as_str())).collect();
    let expected = [None, Some("duplicate"), Some("out_of_range"), Some("unknown_attribute"), None];
    assert_eq!(kinds, expected);
    assert_eq!(report.outcomes[1].outcome, Outcome::Failed);
    assert_eq!(journal_length(&crm), length + 2);
    assert_eq!(crm.records("book").count().unwrap(), 2);
    assert_sound(&crm);
}

#[test]
fn an_error_of_the_file_is_told_also_after_a_row_failed() {
    let folder = Folder::new();
    let limited = OpenOptions { max_bytes: Some(1024 * 1024), ..relaxed() };
    let crm = Crm::open_with(folder.path(), limited).unwrap();
    let text = Attribute::new("text", Kind::Text);
    crm.activity_kinds().define(DefineActivityKind::new("note", [text])).unwrap();
    let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    let length = journal_length(&crm);
    let large = || "x".repeat(8_000);

    // The first fails by itself, and then the file has no room for the others.
    let mut changes = vec![values! { "nmae" => "Acme" }];
    changes.resize_with(1_000, || values! { "name" => "Acme", "description" => large() });
    let to_change =
        |values| RecordChange::Create(CreateRecord { entity_type: "company".into(), values });
    let changes = changes.into_iter().map(to_change).collect();
    let error = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");

    let subject = RecordRef::new("contact", ann);
    let note = |kind: &str, text: String| NewActivity {
        properties: values! { "text" => text },
        ..NewActivity::of(kind, subject.clone(), Timestamp::UNIX_EPOCH)
    };
    let mut activities = vec![note("nte", String::new())];
    activities.resize_with(1_000, || note("note", large()));
    let request = RecordActivities { activities, all_or_nothing: true };
    let error = crm.activities().record_many(request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_eq!(journal_length(&crm), length);
    assert_sound(&crm);
}

#[test]
fn absurd_sizes_are_refused_before_they_cost_anything() {
    let crm = library();
    let delete = |_| {
        RecordChange::Archive(crm_core::ArchiveRecord {
            entity_type: "book".into(),
            id: RecordId::from_bytes([0; 16]),
            expected_version: None,
        })
    };
    let changes: Vec<_> = (0..=limits::BATCH).map(delete).collect();
    let error = refused(&crm, |crm| crm.apply(ApplyChanges { changes, all_or_nothing: false }));
    assert_says(&error, ErrorKind::LimitExceeded, "changes", None);
    let keys = (0..=limits::PAGE).map(|_| Value::from("x"));
    let error = refused(&crm, |crm| crm.records("book").get_many(None, keys));
    assert_says(&error, ErrorKind::LimitExceeded, "keys", None);
    for limit in [0, limits::PAGE + 1, u32::MAX] {
        let request = ListRecords { limit, ..ListRecords::new("book") };
        let error = refused(&crm, |crm| crm.list_records(&request));
        assert_says(&error, ErrorKind::InvalidArgument, "limit", None);
        let request = crm_core::ListChanges { limit, ..crm_core::ListChanges::after(0) };
        let error = refused(&crm, |crm| crm.journal().changes(&request));
        assert_says(&error, ErrorKind::InvalidArgument, "limit", None);
    }
    for (limit, timeout_ms, field) in [
        (0, 1, "limit"),
        (limits::SQL_ROWS + 1, 1, "limit"),
        (1, 0, "timeout_ms"),
        (1, 600_001, "timeout_ms"),
    ] {
        let request = RunSql { limit, timeout_ms, ..RunSql::new("SELECT 1") };
        let error = refused(&crm, |crm| crm.sql(&request));
        assert_says(&error, ErrorKind::InvalidArgument, field, None);
    }
    for (actor, kind) in [
        ("", ErrorKind::InvalidArgument),
        ("a\nb", ErrorKind::InvalidArgument),
        (&*"a".repeat(256), ErrorKind::LimitExceeded),
    ] {
        let error = refused(&crm, |crm| crm.acting_as(actor, None));
        assert_says(&error, kind, "actor", None);
        let error = refused(&crm, |crm| crm.acting_as("user:1", Some(actor)));
        assert_says(&error, kind, "cause", None);
    }
    let error = refused(&crm, |crm| crm.sql(&RunSql::new("SELECT zeroblob(16 * 1024 * 1024 + 1)")));
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

/// Each value is within its limit, all together are more than a row of the file can hold. The
/// journal escapes some characters, so its row is larger than the record's.
#[test]
fn a_record_too_large_for_the_file_is_refused_whole() {
    let crm = Crm::in_memory().unwrap();
    let texts = (0..20).map(|n| Attribute::new(format!("t{n}"), Kind::LongText));
    crm.types().define(DefineType::new("tome", texts)).unwrap();
    let tome = |letter: &str, count: usize| -> Values {
        (0..count).map(|n| (format!("t{n}"), letter.repeat(limits::LONG_TEXT_BYTES))).collect()
    };
    for (letter, count) in [("x", 20), ("\"", 9), ("\u{1}", 3), ("x", 16)] {
        let values = tome(letter, count);
        let error = refused(&crm, |crm| crm.records("tome").create(values.clone()));
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{letter:?} {error}");
        let create = |values| CreateRecord { entity_type: "tome".into(), values };
        let changes = [tome("x", 1), values, tome("y", 1)].map(create).map(RecordChange::Create);
        let request = ApplyChanges { changes: changes.to_vec(), all_or_nothing: false };
        let report = crm.apply(request).unwrap();
        assert_eq!((report.failed, report.is_committed), (1, true));
        assert_eq!(report.outcomes[1].problem.as_ref().unwrap().kind, "limit_exceeded");
        assert_sound(&crm);
    }
    journal_length(&crm);
    // What fits is kept, and changed part by part to what no longer fits is refused as well.
    let record = crm.records("tome").create(tome("x", 15)).unwrap();
    let more: Values = (15..20).map(|n| (format!("t{n}"), "y".repeat(1 << 20))).collect();
    let error = refused(&crm, |crm| crm.records("tome").patch(record.id, more));
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let escaped: Values = (0..3).map(|n| (format!("t{n}"), "\u{1}".repeat(1 << 20))).collect();
    let error = refused(&crm, |crm| crm.records("tome").patch(record.id, escaped));
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(crm.records("tome").get(record.id).unwrap(), record);
    assert_sound(&crm);
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let crm = library();
    for title in ["a", "b", "c"] {
        crm.records("book").create(values! { "title" => title, "year" => 1900 }).unwrap();
    }
    let order = Some(Order { attribute: "year".into(), descending: false });
    let by_year = ListRecords { order, limit: 1, ..ListRecords::new("book") };
    let next = crm.list_records(&by_year).unwrap().next;
    for (after, request) in [
        (next.as_deref().unwrap(), ListRecords::new("book")),
        ("", by_year.clone()),
        ("!!", by_year.clone()),
        ("bm90IGEgY3Vyc29y", by_year),
    ] {
        let request = ListRecords { after: Some(after.into()), ..request };
        let error = refused(&crm, |crm| crm.list_records(&request));
        assert_says(&error, ErrorKind::InvalidArgument, "after", Some("`next`"));
    }
}

#[test]
fn sql_can_only_read() {
    let crm = library();
    for (sql, kind) in [
        ("DELETE FROM book", ErrorKind::NotAuthorized),
        ("INSERT INTO book (id) VALUES (x'00')", ErrorKind::NotAuthorized),
        ("DROP TABLE book", ErrorKind::NotAuthorized),
        ("ATTACH 'x' AS x", ErrorKind::NotAuthorized),
        ("PRAGMA user_version = 7", ErrorKind::NotAuthorized),
        ("BEGIN", ErrorKind::NotAuthorized),
        ("SELECT load_extension('x')", ErrorKind::NotAuthorized),
        ("VACUUM", ErrorKind::NotAuthorized),
        ("SELECT", ErrorKind::InvalidSql),
        ("", ErrorKind::InvalidSql),
        ("SELECT 1; SELECT 2", ErrorKind::InvalidSql),
        ("SELECT * FROM nowhere", ErrorKind::InvalidSql),
        ("SELECT ?1", ErrorKind::InvalidArgument),
    ] {
        let error = refused(&crm, |crm| crm.sql(&RunSql::new(sql)));
        assert_eq!(error.kind(), kind, "{sql}: {error}");
    }
}

#[test]
fn a_file_that_reached_its_size_refuses_writes_and_reads_on() {
    const LIMIT: u64 = 1024 * 1024;
    let folder = Folder::new();
    let limited = |max_bytes| OpenOptions { max_bytes: Some(max_bytes), ..relaxed() };
    let crm = Crm::open_with(folder.path(), limited(LIMIT)).unwrap();
    let create = |crm: &Crm| {
        crm.companies().create(values! { "name" => "Acme", "description" => "x".repeat(8_000) })
    };
    let mut kept = 0;
    let full = loop {
        match create(&crm) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(kept > 5, "{kept}");
    let length = journal_length(&crm);
    for error in [full, create(&crm).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(error.hint().is_some() && error.kind().is_retryable());
    }
    // A batch that does not fit is undone whole, also where rows are kept one by one.
    let create_one = |_| {
        let values = values! { "name" => "y", "description" => "y".repeat(8_000) };
        RecordChange::Create(CreateRecord { entity_type: "company".into(), values })
    };
    let changes = (0..20).map(create_one).collect();
    let error = crm.apply(ApplyChanges { changes, all_or_nothing: false }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(crm.companies().count().unwrap(), kept);
    assert_eq!(crm.companies().iter().count() as u64, kept);
    assert_eq!(journal_length(&crm), length);
    assert_sound(&crm);
    crm.close().unwrap();
    assert!(fs::metadata(folder.path()).unwrap().len() <= LIMIT);

    let crm = Crm::open_with(folder.path(), limited(2 * LIMIT)).unwrap();
    create(&crm).unwrap();
    assert_eq!(crm.companies().count().unwrap(), kept + 1);
    // Rewriting what is smaller than the limit works within it.
    crm.compact().unwrap();
    create(&crm).unwrap();
    assert_sound(&crm);
}

#[test]
fn a_read_only_handle_reads_and_leaves_not_a_byte_changed() {
    let folder = Folder::new();
    let crm = folder.open();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap();
    crm.close().unwrap();
    let image = folder.image();
    let crm = Crm::open_with(folder.path(), read_only()).unwrap();
    let name = || values! { "name" => "x" };
    for error in [
        crm.companies().create(name()).unwrap_err(),
        crm.companies().patch(acme.id, name()).unwrap_err(),
        crm.companies().archive(acme.id, None).unwrap_err(),
        crm.apply(ApplyChanges { changes: vec![], all_or_nothing: true }).unwrap_err(),
        crm.types().define(DefineType::new("x", [])).unwrap_err(),
        crm.files().add(&crm_core::AddFile::new("a", "a/b", "c")).unwrap_err(),
        crm.compact().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    }
    assert_eq!(crm.companies().get(acme.id).unwrap(), acme);
    assert_eq!(crm.companies().count().unwrap(), 1);
    assert_sound(&crm);
    crm.close().unwrap();
    assert!(folder.image() == image);

    let mut permissions = fs::metadata(folder.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path(), permissions).unwrap();
    let error = folder.refusal(OpenOptions::default());
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(error.hint().unwrap().contains("read-only"));
    let crm = Crm::open_with(folder.path(), read_only()).unwrap();
    assert_eq!(crm.companies().get(acme.id).unwrap(), acme);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    let options = OpenOptions { actor: Some(String::new()), ..OpenOptions::default() };
    assert_says(&folder.refusal(options), ErrorKind::InvalidArgument, "actor", None);
    assert!(folder.image().is_empty(), "nothing was created");
    let tiny = OpenOptions { max_bytes: Some(1), ..OpenOptions::default() };
    assert_eq!(folder.refusal(tiny).kind(), ErrorKind::Full);
    // What that left counts as new.
    folder.open().companies().create(values! { "name" => "Acme" }).unwrap();
}
