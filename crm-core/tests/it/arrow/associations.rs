//! Record batches as associations.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray};
use crm_core::{
    AddAssociation, AssociationDirection, Attribute, BadCells, ColumnMapping, Crm,
    DefineAssociationType, ErrorKind, FindRelated, Flow, ImportReport, IngestAssociations,
    IngestTable, Kind, RecordRef, Result, Value, values,
};

use super::stream;
use crate::support::assert_sound;

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn texts<const N: usize>(texts: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn ingest(crm: &Crm, request: &IngestAssociations, batch: RecordBatch) -> Result<ImportReport> {
    crm.ingest_associations(request, stream(batch), &mut |_| Flow::Continue)
}

/// Contacts and companies with a code, and contacts that work at companies or know whom they like.
fn world() -> Crm {
    let crm = Crm::in_memory().unwrap();
    for name in ["contact", "company"] {
        let code = Attribute::new("code", Kind::Text).unique();
        crm.types().define_attribute(name, code).unwrap();
    }
    let works = DefineAssociationType {
        roles: vec![crm_core::ChoiceOption::new("boss"), crm_core::ChoiceOption::new("clerk")],
        max_outgoing: Some(2),
        attributes: vec![Attribute::new("hours", Kind::Integer)],
        ..DefineAssociationType::new("works_at", ["contact"], ["company"])
    };
    crm.association_types().define(works).unwrap();
    let knows = DefineAssociationType::new("knows", ["contact"], ["contact", "company"]);
    crm.association_types().define(knows).unwrap();
    let staff = Attribute::new("staff", Kind::Integer).formula("count(related inverse works_at)");
    crm.types().define_attribute("company", staff).unwrap();
    for code in ["a", "b"] {
        crm.contacts().create(values! { "code" => code }).unwrap();
        crm.companies().create(values! { "name" => code, "code" => code }).unwrap();
    }
    crm
}

fn record(crm: &Crm, entity_type: &str, code: &str) -> RecordRef {
    crm.records(entity_type).get_by("code", code).unwrap().reference()
}

fn by_code(association_type: &str) -> IngestAssociations {
    let to = |column: &str, attribute: &str| ColumnMapping::new(column, attribute);
    let named =
        |column, attribute| ColumnMapping { lookup: Some("code".into()), ..to(column, attribute) };
    IngestAssociations {
        columns: vec![named("who", "from"), named("where", "to")],
        ..IngestAssociations::new(association_type)
    }
}

#[test]
fn every_column_has_its_place_and_comes_once() {
    let crm = world();
    let mut request = by_code("works_at");
    for (column, attribute) in [
        ("as", "role"),
        ("first", "is_primary"),
        ("since", "valid_from"),
        ("until", "valid_to"),
        ("hours", "hours"),
    ] {
        request.columns.push(ColumnMapping::new(column, attribute));
    }
    let rows = || {
        batch([
            ("who", texts([Some("a"), Some("b"), None])),
            ("where", texts([Some("b"), Some("b"), None])),
            ("as", texts([Some("boss"), None, None])),
            ("first", Arc::new(BooleanArray::from(vec![Some(true), None, None]))),
            ("since", Arc::new(Date32Array::from(vec![Some(0), None, None]))),
            ("until", Arc::new(Date32Array::from(vec![Some(9), None, None]))),
            ("hours", Arc::new(Int64Array::from(vec![Some(20), None, None]))),
            ("else", texts([None, None, Some("not read")])),
        ])
    };
    let report = ingest(&crm, &request, rows()).unwrap();
    assert_eq!((report.rows, report.created, report.rejected), (2, 2, 0), "{report:?}");
    let ann = record(&crm, "contact", "a");
    let of_ann = FindRelated { at_any_time: true, ..FindRelated::new(ann.clone()) };
    let found = crm.associations().related(&of_ann).unwrap().related;
    let [crm_core::Related { association: first, .. }] = &found[..] else { panic!() };
    assert_eq!((&first.from, &first.to), (&ann, &record(&crm, "company", "b")));
    assert_eq!((first.role.as_deref(), first.is_primary), (Some("boss"), true));
    let days = [first.valid_from, first.valid_to].map(|day| day.unwrap().to_string());
    assert_eq!(days, ["1970-01-01", "1970-01-10"]);
    assert_eq!(first.values.get("hours"), &Value::Integer(20));
    // What follows from an association follows here too.
    let company = crm.companies().get(record(&crm, "company", "b").id).unwrap();
    assert_eq!(company.get("staff"), &Value::Integer(2));
    let again = ingest(&crm, &request, rows()).unwrap();
    assert_eq!((again.rows, again.created, again.unchanged), (2, 0, 2));
    assert_sound(&crm);
}

#[test]
fn rows_that_do_not_fit_are_in_the_report_by_their_column() {
    let crm = world();
    crm.companies().archive(record(&crm, "company", "a").id, None).unwrap();
    let mut request = by_code("works_at");
    request.columns.push(ColumnMapping::new("as", "role"));
    let rows = || {
        batch([
            ("who", texts([Some("a"), Some("c"), Some("a"), Some("a"), None])),
            ("where", texts([Some("b"), Some("b"), Some("a"), Some("b"), Some("b")])),
            ("as", texts([None, None, None, Some("king"), None])),
        ])
    };
    let report = ingest(&crm, &request, rows()).unwrap();
    let problems: Vec<_> =
        report.problems.iter().map(|it| (it.row, it.column.as_deref(), it.kind.as_str())).collect();
    let expected = [
        (2, Some("who"), "not_found"),
        (3, Some("where"), "archived"),
        (4, Some("as"), "unknown_option"),
        (5, Some("who"), "required"),
    ];
    assert_eq!((report.created, report.rejected, &problems[..]), (1, 4, &expected[..]));
    // A role that does not fit may be left out, and a record that is not named may not.
    let lenient = IngestAssociations { bad_cells: BadCells::LeaveEmpty, ..request.clone() };
    let report = ingest(&crm, &lenient, rows()).unwrap();
    assert_eq!((report.unchanged, report.rejected), (2, 3), "{report:?}");
    let whole = IngestAssociations { all_or_nothing: true, ..by_code("works_at") };
    let report = ingest(&crm, &whole, rows()).unwrap();
    assert_eq!((report.is_committed, report.created), (false, 0));
}

#[test]
fn rules_hold_among_the_rows() {
    let crm = world();
    crm.companies().create(values! { "name" => "c", "code" => "c" }).unwrap();
    let rows = batch([
        ("who", texts([Some("a"), Some("a"), Some("a")])),
        ("where", texts([Some("a"), Some("b"), Some("c")])),
    ]);
    let report = ingest(&crm, &by_code("works_at"), rows).unwrap();
    assert_eq!((report.created, report.rejected), (2, 1));
    assert_eq!((report.problems[0].row, &*report.problems[0].kind), (3, "limit_exceeded"));
}

#[test]
fn an_end_of_several_types_is_named() {
    let crm = world();
    let rows = || batch([("who", texts([Some("a")])), ("where", texts([Some("b")]))]);
    let error = ingest(&crm, &by_code("knows"), rows()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("to_type")));
    assert_eq!(error.hint(), Some("name one of contact, company"));
    for (to_type, expected) in [("contact", "contact"), ("company", "company")] {
        let request = IngestAssociations { to_type: Some(to_type.into()), ..by_code("knows") };
        assert_eq!(ingest(&crm, &request, rows()).unwrap().created, 1);
        let of = FindRelated {
            direction: AssociationDirection::Incoming,
            ..FindRelated::new(record(&crm, expected, "b"))
        };
        assert_eq!(crm.associations().related(&of).unwrap().related.len(), 1);
    }
    let wrong = IngestAssociations { to_type: Some("deal".into()), ..by_code("knows") };
    let error = ingest(&crm, &wrong, rows()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("to_type")));
    let wrong = IngestAssociations { from_type: Some("contcat".into()), ..by_code("works_at") };
    let error = ingest(&crm, &wrong, rows()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownType, Some("from_type")));
    assert_eq!(error.hint(), Some("did you mean \"contact\"?"));
}

#[test]
fn what_cannot_be_is_refused_before_the_first_row() {
    let crm = world();
    let only = |column: ColumnMapping| IngestAssociations {
        columns: vec![column],
        ..IngestAssociations::new("works_at")
    };
    let rows = || batch([("from", texts([Some("a")])), ("to", texts([Some("b")]))]);
    for (request, kind, field) in [
        (IngestAssociations::new("works"), ErrorKind::UnknownType, "type"),
        (only(ColumnMapping::new("from", "from")), ErrorKind::InvalidArgument, "columns"),
        (only(ColumnMapping::new("to", "to")), ErrorKind::InvalidArgument, "columns"),
        (only(ColumnMapping::new("from", "rol")), ErrorKind::UnknownAttribute, "rol"),
    ] {
        let error = ingest(&crm, &request, rows()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    let numbers = batch([
        ("from", texts([Some("a")])),
        ("to", Arc::new(Date32Array::from(vec![1])) as ArrayRef),
    ]);
    let error = ingest(&crm, &IngestAssociations::new("works_at"), numbers).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::WrongKind, Some("to")));
}

#[test]
fn ids_go_by_their_own_names_and_a_new_definition_counts() {
    let crm = world();
    let (ann, acme) = (record(&crm, "contact", "a"), record(&crm, "company", "b"));
    let [from, to] = [&ann, &acme].map(|record| record.id.to_string());
    let rows = batch([("from", texts([Some(&from)])), ("to", texts([Some(&to)]))]);
    let request = IngestAssociations::new("works_at");
    assert_eq!(ingest(&crm, &request, rows).unwrap().created, 1);
    // What another way had added is there.
    let bob = record(&crm, "contact", "b");
    let added = AddAssociation::new("works_at", bob.clone(), acme.clone());
    crm.associations().add(AddAssociation { role: Some("clerk".into()), ..added }).unwrap();
    let from = bob.id.to_string();
    let rows = batch([("from", texts([Some(&from)])), ("to", texts([Some(&to)]))]);
    assert_eq!(ingest(&crm, &request, rows).unwrap().unchanged, 1);
}

#[test]
fn a_closed_file_is_told_before_anything_else() {
    let crm = world();
    crm.close().unwrap();
    let rows = || batch([("x", texts([Some("a")]))]);
    let told = |refused: Result<ImportReport>| refused.unwrap_err().kind();
    assert_eq!(told(ingest(&crm, &IngestAssociations::new("no"), rows())), ErrorKind::Closed);
    let kind = crm_core::IngestActivities::new("no");
    let refused = crm.ingest_activities(&kind, stream(rows()), &mut |_| Flow::Continue);
    assert_eq!(told(refused), ErrorKind::Closed);
    let table = IngestTable::new("no");
    let refused = crm.ingest_table(&table, stream(rows()), &mut |_| Flow::Continue);
    assert_eq!(told(refused), ErrorKind::Closed);
    assert_eq!(crm.check_open().unwrap_err().kind(), ErrorKind::Closed);
}
