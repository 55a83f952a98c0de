//! Calls in JSON, as C and Python make them: what a typed language cannot even say is refused with
//! the field and what to do, and nothing is written.

use crm_core::{Crm, Error, ErrorKind, Flow, Result, ops::Request};
use serde_json::{Value as Json, json};

use crate::support::{journal_length, replay};

fn call(crm: &Crm, operation: &str, request: &Json) -> Result<Json> {
    let request = Request::from_json(operation, request.to_string().as_bytes())?;
    let response = crm.execute(request, &mut |_| Flow::Continue)?;
    Ok(serde_json::to_value(&response).unwrap())
}

#[track_caller]
fn refused(crm: &Crm, operation: &str, request: &Json) -> Error {
    let length = journal_length(crm);
    let error = call(crm, operation, request).expect_err("a refusal");
    assert_eq!(journal_length(crm), length, "something was written: {error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    error
}

/// A file with the kind `call`, and the id of a contact in it.
fn file() -> (Crm, String) {
    let crm = Crm::in_memory().unwrap();
    call(&crm, "activity_kinds.define_preset", &json!({ "preset": "call" })).unwrap();
    let contact = json!({ "type": "contact", "values": { "given_name": "Ann" } });
    let ann = call(&crm, "records.create", &contact).unwrap();
    (crm, ann["id"].as_str().unwrap().to_owned())
}

const AT: &str = "2026-01-01T00:00:00Z";

#[test]
fn an_unknown_preset_suggests_the_nearest_and_lists_them() {
    let (crm, _) = file();
    for (preset, hint) in [
        ("cal", Some("did you mean \"call\"?")),
        ("page-view", Some("did you mean \"page_view\"?")),
        ("secret ceremony", None),
        ("`, expected `secret", None),
    ] {
        let request = json!({ "preset": preset });
        let error = refused(&crm, "activity_kinds.define_preset", &request);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!((error.field(), error.hint()), (Some("preset"), hint));
        assert!(error.message().contains("`web_visit`, `page_view`"), "{error}");
    }
    let error = refused(&crm, "types.define_preset", &json!({ "preset": "houshold" }));
    assert_eq!(error.hint(), Some("did you mean \"household\"?"));
}

#[test]
fn an_unknown_direction_names_its_place() {
    let (crm, ann) = file();
    let with = |direction: &str| {
        let subject = json!({ "type": "contact", "id": ann });
        json!({ "kind": "call", "subject": subject, "at": AT, "direction": direction })
    };
    let error = refused(&crm, "activities.record", &with("inbond"));
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.field(), Some("direction"));
    assert_eq!(error.hint(), Some("did you mean \"inbound\"?"));
    let error = refused(&crm, "activities.record", &with("secret"));
    assert_eq!(error.message(), "expected `inbound` or `outbound`");
    let batch = json!({ "activities": [with("inbound"), with("outbund")] });
    let error = refused(&crm, "activities.record_many", &batch);
    assert_eq!(error.field(), Some("activities[1].direction"));
    assert_eq!(error.hint(), Some("did you mean \"outbound\"?"));
}

#[test]
fn a_missing_time_names_its_place() {
    let (crm, ann) = file();
    let subject = json!({ "type": "contact", "id": ann });
    let whole = json!({ "kind": "call", "subject": subject, "at": AT });
    let timeless = json!({ "kind": "call", "subject": subject });
    let error = refused(&crm, "activities.record", &timeless);
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("at")));
    assert!(error.hint().unwrap().contains("docs/operations.md"));
    let batch = json!({ "activities": [whole, timeless] });
    let error = refused(&crm, "activities.record_many", &batch);
    assert_eq!(error.field(), Some("activities[1].at"));
    let nobody = json!({ "kind": "call", "subject": { "type": "contact" }, "at": AT });
    assert_eq!(refused(&crm, "activities.record", &nobody).field(), Some("subject.id"));
    let error = refused(&crm, "activities.record", &json!({ "kind": "call", "at": "secret" }));
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("at")));
    let misspelt = json!({ "kind": "call", "subject": subject, "at": AT, "chanel": "secret" });
    let error = refused(&crm, "activities.record", &misspelt);
    assert_eq!(error.field(), Some("chanel"));
    assert_eq!(error.hint(), Some("did you mean \"channel\"?"));
    let misspelt = json!({ "activities": [whole, misspelt] });
    let error = refused(&crm, "activities.record_many", &misspelt);
    assert_eq!(error.field(), Some("activities[1].chanel"));
}

#[test]
fn a_clock_is_set_to_a_moment_and_nothing_else() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    for (request, field) in [
        (json!({}), "to"),
        (json!({ "to": null }), "to"),
        (json!({ "to": 1_777_766_400 }), "to"),
        (json!({ "to": "secret" }), "to"),
        (json!({ "to": "2026-05-03" }), "to"),
        (json!({ "to": "10000-01-01T00:00:00Z" }), "to"),
        (json!({ "to": "2026-05-03T00:00:00Z", "until": "secret" }), "until"),
    ] {
        let error = refused(&crm, "database.set_clock", &request);
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
    }
    let set = call(&crm, "database.set_clock", &json!({ "to": "2026-05-03T02:00:00+02:00" }));
    assert_eq!(set.unwrap(), json!({ "now": "2026-05-03T00:00:00Z" }));
}

#[test]
fn a_timeline_refuses_what_it_cannot_show() {
    let (crm, ann) = file();
    let list = |more: Json| {
        let mut request = json!({ "type": "contact", "id": ann });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(&crm, "timeline.list", &request)
    };
    for (more, kind, field, hint) in [
        (
            json!({ "items": ["change", "activty"] }),
            ErrorKind::InvalidArgument,
            "items[1]",
            "did you mean \"activity\"?",
        ),
        (json!({ "kinds": ["cal"] }), ErrorKind::UnknownType, "kinds", "did you mean \"call\"?"),
        (json!({ "after": "bm90IGEgY3Vyc29y" }), ErrorKind::InvalidArgument, "after", "`next`"),
        (json!({ "type": "contat" }), ErrorKind::UnknownType, "type", "\"contact\""),
        (json!({ "item": ["change"] }), ErrorKind::InvalidArgument, "item", "\"items\""),
    ] {
        let error = list(more);
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{error}");
    }
    for limit in [0, 10_001] {
        let error = list(json!({ "limit": limit }));
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("limit")));
    }
    let error = list(json!({ "id": "0197f0c0-1c00-7000-8000-000000000001" }));
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("id")));
}

#[test]
fn a_timeline_shows_each_item_by_its_sort() {
    let (crm, ann) = file();
    let call_of_ann =
        json!({ "kind": "call", "subject": { "type": "contact", "id": ann }, "at": AT });
    call(&crm, "activities.record", &call_of_ann).unwrap();
    let sorts = |items: Json| -> Vec<String> {
        let request = json!({ "type": "contact", "id": ann, "items": items });
        let page = call(&crm, "timeline.list", &request).unwrap();
        let entries = page["entries"].as_array().unwrap().iter();
        entries.flat_map(|entry| entry["item"].as_object().unwrap().keys().cloned()).collect()
    };
    assert_eq!(sorts(json!([])), ["change", "activity"]);
    assert_eq!(sorts(json!(["activity"])), ["activity"]);
    assert_eq!(sorts(json!(["change", "change"])), ["change"]);
}

#[test]
fn a_condition_beyond_the_limits_is_refused_before_it_costs_anything() {
    let (crm, _) = file();
    let count = |condition: &str| {
        let request = format!(r#"{{"type": "contact", "where": {condition}}}"#);
        let request = Request::from_json("records.count", request.as_bytes());
        request.and_then(|request| crm.execute(request, &mut |_| Flow::Continue)).unwrap_err()
    };
    let leaf = r#"{"field": "given_name", "op": "is_set"}"#;
    let nested =
        |depth: usize| format!("{}{leaf}{}", r#"{"not": "#.repeat(depth), "}".repeat(depth));
    let list = |values: usize| {
        let values = vec!["1"; values].join(",");
        format!(r#"{{"field": "version", "op": "in", "value": [{values}]}}"#)
    };
    for condition in [
        nested(16),
        nested(50),
        nested(50_000),
        r#"{"not": "#.repeat(50_000),
        "[".repeat(50_000),
        format!(r#"{{"field": "version", "op": "in", "value": {}"#, "[".repeat(50_000)),
        format!(r#"{{"any": [{}]}}"#, vec![leaf; 256].join(",")),
        list(10_001),
        format!(r#"{{"any": [{}, {}]}}"#, list(5_001), list(5_000)),
        format!(r#"{}{leaf}{}"#, r#"{"related": "company", "where": "#.repeat(5), "}".repeat(5)),
        format!("\"{} given_name is set\"", "not ".repeat(10_000)),
        format!("\"{}\"", "(".repeat(10_000)),
        format!("\"given_name = '{}'\"", "x".repeat(70_000)),
    ] {
        let error = count(&condition);
        let start: String = condition.chars().take(40).collect();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{start}: {error}");
        assert!(error.field().is_some_and(|field| field.starts_with("where")), "{start}: {error}");
    }
}

#[test]
fn a_view_keeps_no_place_in_its_rows() {
    let (crm, _) = file();
    let later = json!({
        "type": "contact", "columns": [{ "field": "given_name" }], "after": "anywhere",
    });
    let error =
        refused(&crm, "views.save", &json!({ "name": "later", "query": { "select": later } }));
    assert_eq!(
        (error.kind(), error.field()),
        (ErrorKind::InvalidArgument, Some("query.select.after"))
    );
}
