//! Every operation, asked with personal data: what may be logged of request and answer shows none.

use std::collections::BTreeSet;

use crm_core::{
    ActivityColumns, AddAssociation, AssociationColumns, Attribute, BadCells, ColumnMapping, Crm,
    DefineActivityKind, DefineAssociationType, Flow, Kind, ListRecords, NewActivity, OpenOptions,
    Order, PlanImport, RecordId, RecordRef, Timestamp, Value, Values,
    ops::{OPERATIONS, Request},
    values,
};
use serde_json::{Value as Json, json};

use super::{assert_hidden, assert_silent, planted};
use crate::support::{Folder, everything, replay};

/// Requests with needles wherever they take a text: those about records, of which one is given.
fn about_records(values: &Values, id: RecordId) -> Vec<(&'static str, Json)> {
    let create = json!({ "type": "everything", "values": values });
    let patch = json!({ "type": "everything", "id": id, "values": { "a_text": "Quillfeather" } });
    let upsert =
        json!({ "type": "everything", "key": "code", "values": { "code": "Zanzibarine" } });
    let this = json!({ "type": "everything", "id": id });
    vec![
        ("records.create", create.clone()),
        ("records.patch", patch.clone()),
        ("records.upsert", upsert.clone()),
        (
            "records.apply",
            json!({ "changes": [
                { "create": create }, { "patch": patch }, { "upsert": upsert },
                { "archive": this }, { "restore": this },
            ]}),
        ),
        ("records.get", this.clone()),
        (
            "records.get_by",
            json!({ "type": "everything", "attribute": "code", "value": "Zanzibarine" }),
        ),
        (
            "records.get_many",
            json!({ "type": "everything", "attribute": "code", "keys": ["Zanzibarine"] }),
        ),
        ("records.audit", json!({ "type": "everything" })),
        ("records.count", json!({ "type": "everything", "filter": { "a_text": "Zanzibarine" } })),
        (
            "records.list",
            json!({ "type": "everything", "filter": { "a_long_text": "Quillfeather" } }),
        ),
        ("records.history", this.clone()),
        ("records.archive", this.clone()),
        ("records.restore", this),
    ]
}

/// Those about activities, of which one is given, and about visitors.
fn about_activities(record: RecordId, activity: RecordId) -> Vec<(&'static str, Json)> {
    let new = json!({
        "kind": "chat", "at": "2024-02-29T12:00:00Z", "visitor": "Zanzibarine",
        "channel": "Quillfeather", "key": "8675309", "properties": { "topic": "Zanzibarine" },
        "links": [{ "type": "everything", "id": record, "role": "Quillfeather" }],
    });
    let define = json!({
        "name": "chat",
        "properties": [{ "name": "mood", "kind": "text", "default": "Zanzibarine" }],
    });
    let this = json!({ "kind": "chat" });
    vec![
        ("activity_kinds.define", define),
        ("activity_kinds.define_preset", json!({ "preset": "call" })),
        ("activity_kinds.archive", this.clone()),
        ("activity_kinds.restore", this.clone()),
        ("activity_kinds.get", this),
        ("activity_kinds.list", json!({})),
        ("activities.record", new.clone()),
        ("activities.record_many", json!({ "activities": [new] })),
        ("activities.get", json!({ "id": activity })),
        (
            "activities.identify",
            json!({ "visitor": "Zanzibarine", "type": "everything", "id": record }),
        ),
        ("activities.list", json!({ "visitor": "Zanzibarine", "limit": 1 })),
        ("activities.list", json!({ "key": "8675309" })),
        (
            "attributes.define",
            json!({ "type": "everything", "attribute": {
                "name": "a_long_text", "kind": "long_text", "searched": true,
            } }),
        ),
        ("search.find", json!({ "text": "zanzibarine \"Quillfeather\"", "limit": 1 })),
        ("search.find", json!({ "text": "8675309 quill*", "prefix": true })),
        (
            "segments.define",
            json!({ "name": "quills", "type": "everything", "kind": "static", "label": "Quills" }),
        ),
        (
            "segments.add_members",
            json!({ "segment": "quills", "ids": [record], "reason": "Zanzibarine" }),
        ),
        ("segments.remove_members", json!({ "segment": "quills", "ids": [record, record] })),
        ("segments.explain", json!({ "segment": "quills", "id": record })),
        ("segments.members", json!({ "segment": "quills" })),
        ("segments.sizes", json!({ "segment": "quills" })),
        ("segments.overlap", json!({ "segment": "quills", "other": "quills" })),
        ("segments.estimate", json!({ "type": "everything", "where": "code = \"Quillfeather\"" })),
        (
            "segments.define",
            json!({ "name": "coded", "type": "everything", "where": "code = \"Quillfeather\"" }),
        ),
        ("segments.refresh", json!({ "segment": "coded" })),
        ("segments.archive", json!({ "segment": "quills" })),
        ("segments.restore", json!({ "segment": "quills" })),
        ("segments.get", json!({ "segment": "quills" })),
        ("segments.list", json!({})),
        ("timers.next", json!({})),
        ("timers.simulate", json!({ "until": "9999-01-01T00:00:00Z" })),
        ("timers.tick", json!({ "limit": 1 })),
        ("timeline.list", json!({ "type": "everything", "id": record })),
        ("activities.release", json!({ "visitor": "Zanzibarine" })),
        ("timeline.list", json!({ "type": "everything", "id": record, "limit": 1 })),
    ]
}

/// Those about associations, of which one is given, between a record and itself.
fn about_associations(record: RecordId, association: RecordId) -> Vec<(&'static str, Json)> {
    let record = json!({ "type": "everything", "id": record });
    let define = json!({
        "name": "close_to",
        "attributes": [{ "name": "why", "kind": "text", "default": "Zanzibarine" }],
    });
    let (of_type, this) = (json!({ "type": "close_to" }), json!({ "id": association }));
    let add = json!({
        "type": "close_to", "from": record, "to": record, "role": "Quillfeather",
        "values": { "note": "Zanzibarine" },
    });
    let changes = json!({ "role": "8675309", "note": "Quillfeather" });
    vec![
        ("association_types.define", define),
        ("association_types.define_preset", json!({ "preset": "employed_by" })),
        ("association_types.archive", of_type.clone()),
        ("association_types.restore", of_type.clone()),
        ("association_types.get", of_type),
        ("association_types.list", json!({})),
        ("associations.add", add),
        ("associations.patch", json!({ "id": association, "changes": changes })),
        ("associations.archive", this.clone()),
        ("associations.restore", this.clone()),
        ("associations.get", this),
        ("associations.related", json!({ "record": record, "role": "Quillfeather" })),
        ("associations.related", json!({ "record": record, "with_records": true, "limit": 1 })),
        ("associations.walk", json!({ "type": "close_to", "record": record })),
        (
            "timeline.list",
            json!({ "type": "everything", "id": record["id"], "items": ["association"] }),
        ),
    ]
}

/// Those about conditions.
fn about_conditions(id: RecordId) -> Vec<(&'static str, Json)> {
    let condition = json!({ "all": [
        { "field": "a_text", "op": "eq", "value": "Zanzibarine" },
        { "field": "a_long_text", "op": "matches", "value": "Quillfeather.*" },
        { "field": "a_text", "op": "in", "value": ["Quillfeather", "Zanzibarine"] },
        { "event": "chat", "where": { "field": "topic", "op": "contains", "value": "Zanzibarine" } },
        { "related": "a_reference", "where": { "field": "name", "op": "eq", "value": "Zanzibarine" } },
        { "changed": "a_text", "to": "Quillfeather", "within": "P30D" },
    ] });
    vec![
        ("conditions.check", json!({ "type": "everything", "condition": condition })),
        ("conditions.evaluate", json!({ "type": "everything", "id": id, "condition": condition })),
        ("conditions.explain", json!({ "type": "everything", "id": id, "condition": condition })),
        ("records.list", json!({ "type": "everything", "where": condition })),
        ("records.count", json!({ "type": "everything", "where": "a_text = \"Zanzibarine\"" })),
    ]
}

/// Those about scores, of which one has thresholds.
fn about_scores(id: RecordId) -> Vec<(&'static str, Json)> {
    let group = json!({ "name": "all", "rules": [
        { "name": "known", "where": "a_text <> \"Quillfeather\" or missing", "points": 10 },
        { "name": "town", "field": "a_text", "values": [{ "value": "Zanzibarine", "points": 3 }] },
    ] });
    vec![
        (
            "scores.define",
            json!({
                "name": "lead", "type": "everything", "groups": [group],
                "thresholds": [{ "name": "warm", "at_least": 5 }],
            }),
        ),
        ("scores.publish", json!({ "model": "lead" })),
        ("scores.rescore", json!({ "model": "lead" })),
        ("scores.read", json!({ "model": "lead", "id": id })),
        ("scores.explain", json!({ "model": "lead", "id": id })),
        ("scores.ranking", json!({ "model": "lead" })),
        ("scores.history", json!({ "model": "lead", "id": id })),
        ("scores.get", json!({ "model": "lead" })),
        (
            "scores.add_points",
            json!({ "model": "lead", "id": id, "points": 5, "reason": "Zanzibarine 8675309" }),
        ),
        ("scores.clone", json!({ "model": "lead", "name": "other" })),
        ("scores.list", json!({})),
        ("scores.retire", json!({ "model": "lead" })),
        ("activity_kinds.define_preset", json!({ "preset": "form" })),
        ("activity_kinds.define_preset", json!({ "preset": "email_clicked" })),
        ("activity_kinds.define_preset", json!({ "preset": "web_visit" })),
        ("activity_kinds.define_preset", json!({ "preset": "page_view" })),
        ("activity_kinds.define_preset", json!({ "preset": "email_bounced" })),
        ("activity_kinds.define_preset", json!({ "preset": "site_search" })),
        ("activity_kinds.define_preset", json!({ "preset": "form_error" })),
        ("scores.define_preset", json!({ "preset": "points_and_grade" })),
    ]
}

/// Those about lifecycles, of which one has a record in it.
fn about_lifecycles(id: RecordId) -> Vec<(&'static str, Json)> {
    vec![
        (
            "lifecycles.define",
            json!({
                "name": "way", "type": "everything",
                "stages": [
                    { "name": "begun" },
                    { "name": "known", "guard": "a_text = \"Quillfeather\"" },
                    { "name": "gone", "kind": "lost", "reasons": ["moved"] },
                ],
                "triggers": [{ "to": "known", "where": "a_long_text contains \"Zanzibarine\"" }],
            }),
        ),
        (
            "lifecycles.move",
            json!({ "lifecycle": "way", "id": id, "to": "gone", "reason": "moved" }),
        ),
        ("lifecycles.move", json!({ "lifecycle": "way", "id": id, "to": "known" })),
        (
            "lifecycles.reset",
            json!({ "lifecycle": "way", "id": id, "to": "begun", "reason": "Zanzibarine 8675309" }),
        ),
        ("lifecycles.history", json!({ "lifecycle": "way", "id": id })),
        ("lifecycles.times", json!({ "lifecycle": "way", "id": id })),
        ("lifecycles.explain", json!({ "lifecycle": "way", "id": id })),
        ("lifecycles.flywheel", json!({ "lifecycle": "way", "stage": "known" })),
        ("lifecycles.funnel", json!({ "lifecycle": "way" })),
        ("lifecycles.stuck", json!({ "lifecycle": "way", "longer_than": "1d" })),
        ("lifecycles.acceptance", json!({ "lifecycle": "way", "stage": "begun", "within": "1h" })),
        ("lifecycles.draw", json!({ "lifecycle": "way" })),
        ("lifecycles.get", json!({ "lifecycle": "way" })),
        ("lifecycles.list", json!({})),
        ("lifecycles.archive", json!({ "lifecycle": "way" })),
        ("lifecycles.restore", json!({ "lifecycle": "way" })),
        ("lifecycles.define_preset", json!({ "preset": "contact" })),
    ]
}

/// Those about rules, of which one runs.
fn about_rules(id: RecordId) -> Vec<(&'static str, Json)> {
    let rule = json!({
        "name": "watch", "type": "everything",
        "on": { "attribute_changed": { "attribute": "a_long_text", "from": "8675309" } },
        "where": "a_text = \"Quillfeather\" or a_text is missing or a_text = \"Zanzibarine\"",
        "actions": [
            { "set_attribute": { "attribute": "a_text", "value": "Zanzibarine" } },
            { "set_attribute": { "attribute": "a_text", "formula": "\"Quillfeather\"" } },
            { "emit": { "event": "watched", "fields": ["a_text"] } },
        ],
    });
    vec![
        ("rules.simulate", json!({ "rule": rule, "records": [id] })),
        ("rules.define", rule),
        ("rules.runs", json!({ "rule": "watch" })),
        ("rules.get", json!({ "rule": "watch" })),
        ("rules.list", json!({})),
        ("rules.archive", json!({ "rule": "watch" })),
        ("rules.restore", json!({ "rule": "watch" })),
    ]
}

/// Those about consent, of which one has a person in it. What a use and a confirmation need is done before.
#[expect(clippy::too_many_lines, reason = "a request for each operation")]
fn about_consents(crm: &Crm, id: RecordId) -> Vec<(&'static str, Json)> {
    let subject = json!({ "type": "everything", "id": id });
    let point = "Zanzibarine@example.org";
    let evidence = json!({ "ip": "8675309", "note": "Zanzibarine", "url": "Quillfeather" });
    let notice = json!({ "name": "news", "language": "en", "text": "We write." });
    let purpose =
        json!({ "name": "news", "channels": ["email"], "notice": "news", "policy": "eu_general" });
    let question = json!({ "subject": subject, "channel": "email", "purpose": "news", "contact_point": point });
    let grant = json!({
        "kind": "granted", "subject": subject, "channel": "email", "purpose": "news",
        "contact_point": point, "source": "Quillfeather", "evidence": evidence,
    });
    let run = |operation: &str, request: &Json| {
        let request = Request::from_json(operation, request.to_string().as_bytes()).unwrap();
        let response = crm.execute(request, &mut |_| Flow::Continue).unwrap();
        serde_json::to_value(response).unwrap()
    };
    run("notices.publish", &notice);
    run("purposes.define", &purpose);
    run("consents.record", &grant);
    let waiting = run("consents.request", &question)["token"].clone();
    let url = json!("https://example.org/Quillfeather");
    let link =
        json!({ "subject": subject, "channel": "email", "contact_point": point, "url": url });
    let posted = run("consents.unsubscribe_link", &link)["token"].clone();
    let mut use_ = question.clone();
    use_["token"] = run("consents.decide", &question)["token"].clone();
    use_["source"] = json!("Zanzibarine");
    let chosen = json!([{ "purpose": "news", "channel": "email", "is_chosen": false }]);
    let asked = json!({ "question": question });
    let proof = run("consents.prove", &asked)["document"].clone();
    let other = run("records.create", &json!({ "type": "contact", "values": {} }))["id"].clone();
    let both = json!({ "a": subject, "b": { "type": "contact", "id": other } });
    vec![
        ("consents.record_use", use_.clone()),
        ("consents.record_uses", json!({ "uses": [use_] })),
        ("consents.decide", question.clone()),
        (
            "consents.decide_many",
            json!({
                "type": "everything", "channel": "email", "purpose": "news", "with_tokens": true,
            }),
        ),
        ("consents.request", question),
        ("consents.confirm", json!({ "token": waiting, "evidence": evidence })),
        ("consents.history", json!({ "subject": subject })),
        ("consents.receipt", json!({ "subject": subject, "format": "dpv" })),
        ("consents.prove", asked),
        ("consents.check_proof", json!({ "document": proof })),
        ("privacy.access", json!({ "subject": subject })),
        ("privacy.register", json!({})),
        ("consents.link", both.clone()),
        ("consents.linked", json!({ "subject": subject })),
        ("consents.unlink", both),
        ("consents.preferences", json!({ "subject": subject, "contact_point": point })),
        ("consents.unsubscribe_link", link),
        (
            "consents.unsubscribe",
            json!({ "token": posted, "method": "POST", "evidence": evidence }),
        ),
        ("consents.record_many", json!({ "consents": [grant] })),
        ("consents.record", grant),
        (
            "consents.set_preferences",
            json!({
                "subject": subject, "contact_point": point, "choices": chosen,
                "source": "Quillfeather", "evidence": evidence,
            }),
        ),
        ("consents.sweep", json!({})),
        ("consents.definitions", json!({})),
        ("notices.publish", notice),
        ("notices.get", json!({ "name": "news" })),
        ("channels.define", json!({ "name": "fax", "medium": "other" })),
        ("parties.define", json!({ "name": "acme", "role": "controller" })),
        ("policies.define", json!({ "name": "own", "rules": [] })),
        ("purposes.define", purpose),
    ]
}

/// Those about erasure, of a record of its own.
fn about_privacy(crm: &Crm, id: RecordId) -> Vec<(&'static str, Json)> {
    let values = values! { "a_email" => "zanzibarine@quillfeather.example", "code" => "8675309" };
    let other = crm.records("everything").create(values).unwrap().id;
    let subject = |id: RecordId| json!({ "type": "everything", "id": id });
    vec![
        ("privacy.plan_erasure", json!({ "subject": subject(id) })),
        ("privacy.erase", json!({ "subject": subject(other) })),
        ("privacy.erasures", json!({})),
        ("privacy.proofs", json!({ "contact_point": "zanzibarine@example.org", "limit": 1 })),
        ("privacy.apply_erasures", json!({ "erased": [] })),
        (
            "privacy.lift_suppression",
            json!({ "contact_point": "Zanzibarine@Quillfeather.example" }),
        ),
        (
            "privacy.define_retention",
            json!({
                "name": "kept", "type": "everything", "period": "P1D", "counts_from": "created",
                "where": { "field": "a_text", "op": "neq", "value": "Zanzibarine" },
                "reason": "Quillfeather",
            }),
        ),
        ("privacy.due_for_review", json!({ "at": "2999-01-01T00:00:00Z", "limit": 1 })),
        ("privacy.retentions", json!({})),
        ("privacy.remove_retention", json!({ "retention": "kept" })),
    ]
}

/// Those about queries.
fn about_queries() -> Vec<(&'static str, Json)> {
    let condition = json!({ "field": "a_text", "op": "neq", "value": "Zanzibarine" });
    let share = json!({ "share": condition, "where": condition });
    let columns = json!([{ "field": "a_text" }, { "related": "a_reference", "field": "name" }]);
    let select = json!({ "type": "everything", "columns": columns, "where": condition });
    let view = json!({ "name": "everybody" });
    vec![
        ("views.save", json!({ "name": "everybody", "query": { "select": select } })),
        ("views.run", json!({ "name": "everybody", "limit": 1 })),
        ("views.archive", view.clone()),
        ("views.restore", view.clone()),
        ("views.get", view),
        ("views.list", json!({})),
        (
            "query.select",
            json!({ "type": "everything", "columns": columns, "where": condition, "limit": 1 }),
        ),
        (
            "query.group",
            json!({ "type": "everything", "by": [{ "field": "a_text" }], "measures": [share], "limit": 1 }),
        ),
        (
            "query.pivot",
            json!({
                "type": "everything",
                "rows": [{ "field": "a_text" }],
                "columns": [{ "field": "a_email" }],
                "measure": share,
            }),
        ),
    ]
}

/// Those about tables and stored bytes.
fn about_tables(path: impl Fn(&str) -> String, hash: &str) -> Vec<(&'static str, Json)> {
    let columns = json!([{ "column": "name", "attribute": "name" }]);
    vec![
        ("csv.import", json!({ "type": "company", "text": TABLE, "columns": columns })),
        (
            "csv.import",
            json!({ "type": "company", "path": path("Zanzibarine.csv"), "columns": columns }),
        ),
        ("csv.propose", json!({ "type": "company", "text": TABLE })),
        ("csv.propose", json!({ "type": "company", "path": path("Zanzibarine.csv") })),
        ("csv.export", json!({ "type": "everything", "filter": { "code": "Zanzibarine" } })),
        ("csv.export", json!({ "type": "company", "path": path("Quillfeather.csv") })),
        (
            "files.add",
            json!({ "name": "Zanzibarine.pdf", "media_type": "text/zanzibarine", "content": "UXVpbGw=" }),
        ),
        ("files.read", json!({ "hash": hash })),
        ("vcard.import", json!({ "type": "contact", "text": CARD })),
        ("vcard.import", json!({ "type": "contact", "path": path("Zanzibarine.vcf") })),
        ("vcard.export", json!({ "type": "contact", "filter": { "family_name": "Zanzibarine" } })),
        ("vcard.export", json!({ "type": "contact", "path": path("Quillfeather.vcf") })),
    ]
}

/// Those about imports: one that was made, and a plan for another.
fn about_imports(crm: &Crm) -> Vec<(&'static str, Json)> {
    let owned = DefineAssociationType::new("owned_by", ["company"], ["everything"]);
    crm.association_types().define(owned).unwrap();
    let owner = AssociationColumns {
        role: Some("Zanzibarine".into()),
        ..AssociationColumns::new("owned_by", "owner", "everything", "code")
    };
    let said = [ColumnMapping::new("when", "at"), ColumnMapping::new("name", "topic")];
    let said = ActivityColumns {
        channel: Some("Zanzibarine".into()),
        ..ActivityColumns::new("chat", said)
    };
    let plan = |text: &str| {
        let columns = [ColumnMapping::new("name", "name")];
        let mut request = PlanImport::from_text("company", text, columns);
        if text != TABLE {
            request.bad_cells = BadCells::LeaveEmpty;
            request.associations = vec![owner.clone()];
            request.activities = vec![said.clone()];
        }
        crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap()
    };
    let old = plan(TABLE);
    let made = crm.imports().apply(&old, &mut |_| Flow::Continue).unwrap().import;
    let next = plan(
        "name,Zanzibarine,owner,when\n\
         Zanzibarine,,Quillfeather,1970-01-02T00:00:00Z\n\
         quillfeather\0,8675309,,\n",
    );
    let (old, next) = (json!({ "id": made.id, "plan": old }), json!({ "plan": next }));
    vec![
        ("imports.plan", next["plan"]["request"].clone()),
        ("imports.plan_rows", next.clone()),
        ("imports.apply", next),
        ("imports.resume", old),
        ("imports.get", json!({ "id": made.id })),
        ("imports.list", json!({})),
        ("imports.revert", json!({ "id": made.id })),
    ]
}

/// Those about the file and its definitions.
fn about_the_file(path: impl Fn(&str) -> String) -> Vec<(&'static str, Json)> {
    vec![
        ("database.backup", json!({ "path": path("Zanzibarine.crm") })),
        (
            "database.restore",
            json!({ "from": path("Zanzibarine.crm"), "to": path("Quillfeather.crm") }),
        ),
        ("database.compact", json!({})),
        ("database.info", json!({})),
        ("database.set_clock", json!({ "to": "2027-01-01T00:00:00Z" })),
        (
            "database.sql",
            json!({
                "sql": "SELECT 'Quillfeather', a_email, a_text FROM everything WHERE a_text <> ?1 OR 1",
                "parameters": ["Zanzibarine"],
            }),
        ),
        ("database.stats", json!({})),
        ("database.verify", json!({})),
        ("journal.head", json!({})),
        ("journal.prove", json!({ "seqs": [1] })),
        ("journal.verify", json!({ "head": { "seq": 1, "hlc": 1, "hash": "8675309a".repeat(8) } })),
        (
            "attributes.define",
            json!({
                "type": "company",
                "attribute": { "name": "extra", "kind": "text", "default": "Zanzibarine" },
            }),
        ),
        ("attributes.archive", json!({ "type": "company", "attribute": "extra" })),
        ("attributes.restore", json!({ "type": "company", "attribute": "extra" })),
        (
            "types.define",
            json!({
                "name": "more",
                "attributes": [{ "name": "a", "kind": "integer", "default": 8_675_309 }],
            }),
        ),
        ("types.define_preset", json!({ "preset": "household" })),
        ("types.archive", json!({ "type": "more" })),
        ("types.restore", json!({ "type": "more" })),
        ("types.get", json!({ "type": "company" })),
        ("types.list", json!({})),
        ("changes.list", json!({ "limit": 1000 })),
        ("changes.list", json!({ "consumer": "Zanzibarine" })),
        ("changes.cloud_events", json!({ "limit": 1000 })),
        ("consumers.acknowledge", json!({ "consumer": "Zanzibarine", "seq": 1 })),
        ("consumers.list", json!({})),
        ("consumers.remove", json!({ "consumer": "Zanzibarine" })),
    ]
}

const CARD: &str = "BEGIN:VCARD\nVERSION:3.0\nN:Zanzibarine;Quillfeather\nBDAY:Zanzibarine\n\
    EMAIL:Quillfeather\nX-A:Zanzibarine\nEND:VCARD\nZanzibarine:8675309\n";
const TABLE: &str = "name,Zanzibarine 8675309\nQuillfeather,\n";

/// Deals with a needle in what is learned from, in what is foretold and in what is asked.
fn about_learned_scores(crm: &Crm) -> Vec<(&'static str, Json)> {
    let deal = |place: u32| {
        let name = if place.is_multiple_of(2) { "Zanzibarine" } else { "Quillfeather" };
        let description = place.is_multiple_of(3).then_some("8675309");
        let values = values! { "name" => name, "description" => description };
        crm.deals().create(values).unwrap().id
    };
    let ids: Vec<RecordId> = (0..30).map(deal).collect();
    let named = json!({ "field": "name", "op": "eq", "value": "Zanzibarine" });
    let filled = json!({ "field": "description", "op": "eq", "value": "8675309" });
    let recipe = json!({
        "name": "likely", "type": "deal", "outcome": { "where": named }, "min_records": 5,
        "fields": ["description"], "conditions": [{ "name": "asked", "where": filled }],
        "where": { "not": { "field": "name", "op": "eq", "value": "zHN0cmVldA" } },
    });
    let name = json!({ "name": "likely" });
    vec![
        ("learned_scores.find_leaks", recipe.clone()),
        ("learned_scores.train", recipe),
        ("learned_scores.get", name.clone()),
        ("learned_scores.list", json!({})),
        ("learned_scores.archive", name.clone()),
        ("learned_scores.restore", name),
        ("learned_scores.explain", json!({ "name": "likely", "id": ids[0] })),
        ("learned_scores.rank", json!({ "name": "likely", "where": named })),
        (
            "learned_scores.backtest",
            json!({
                "type": "deal", "as_of": "2020-01-01T00:00:00Z", "outcome": { "where": named },
                "score": { "where": filled }, "where": named,
            }),
        ),
    ]
}

/// Whatever the operation, what is asked and what is answered may be logged.
#[test]
fn debug_shows_shapes_and_not_what_is_stored() {
    let folder = Folder::new();
    let options = OpenOptions { actor: Some("Zanzibarine".into()), ..replay() };
    assert_hidden(&format!("{options:?}"), "options");
    let crm = Crm::open_with(folder.path(), options).unwrap();
    let crm = crm.acting_as("Zanzibarine", Some("asked by Quillfeather")).unwrap();
    assert_hidden(&format!("{crm:?}"), "the handle");
    crm.types().define(everything()).unwrap();
    let mut values = planted(&crm);
    for (name, value) in values.iter() {
        assert_hidden(&format!("{value:?} {value:#?}"), name);
    }
    let Value::File(file) = values["a_file"].clone() else { panic!("a file was planted") };
    let id = crm.records("everything").create(values.clone()).unwrap().id;
    values.remove("code");
    let path = |name: &str| folder.at(name).to_str().unwrap().to_owned();
    std::fs::write(folder.at("Zanzibarine.csv"), TABLE).unwrap();
    std::fs::write(folder.at("Zanzibarine.vcf"), CARD).unwrap();
    let mut asked = about_records(&values, id);
    let topic = Attribute::new("topic", Kind::Text);
    crm.activity_kinds().define(DefineActivityKind::new("chat", [topic])).unwrap();
    let chat = NewActivity::of_visitor("chat", "Quillfeather", Timestamp::UNIX_EPOCH);
    let chat = NewActivity { properties: values! { "topic" => "Quillfeather" }, ..chat };
    let chat = crm.activities().record(chat).unwrap().activity.id;
    let note = Attribute::new("note", Kind::Text);
    let close = DefineAssociationType {
        attributes: vec![note],
        ..DefineAssociationType::new("close_to", ["everything"], ["everything"])
    };
    crm.association_types().define(close).unwrap();
    let close = || AddAssociation {
        role: Some("Zanzibarine".into()),
        values: values! { "note" => "Quillfeather" },
        ..AddAssociation::new(
            "close_to",
            RecordRef::new("everything", id),
            RecordRef::new("everything", id),
        )
    };
    let link = crm.associations().add(close()).unwrap().id;
    assert_silent(&crm.associations().add(close()).unwrap_err(), "the same again");
    asked.extend(about_associations(id, link));
    asked.extend(about_conditions(id));
    asked.extend(about_queries());
    asked.extend(about_lifecycles(id));
    asked.extend(about_rules(id));
    asked.extend(about_scores(id));
    asked.extend(about_consents(&crm, id));
    asked.extend(about_privacy(&crm, id));
    asked.extend(about_learned_scores(&crm));
    asked.extend(about_activities(id, chat));
    // First, because a plan is refused when somebody wrote since.
    asked.splice(0..0, about_imports(&crm));
    asked.extend(about_tables(path, &file.hash));
    asked.extend(about_the_file(path));
    for (operation, request) in &asked {
        let request = Request::from_json(operation, request.to_string().as_bytes()).unwrap();
        assert_hidden(&format!("{request:?} {request:#?}"), operation);
        let response = crm.execute(request, &mut |_| Flow::Continue).unwrap();
        assert_hidden(&format!("{response:?} {response:#?}"), operation);
    }
    let names: BTreeSet<_> = asked.iter().map(|(operation, _)| *operation).collect();
    assert!(names.into_iter().eq(OPERATIONS.iter().map(|operation| operation.name)));
}

/// A cursor holds the key of a record, in a form that is easily read.
#[test]
fn debug_shows_no_cursor() {
    let crm = Crm::in_memory().unwrap();
    for name in ["Zanzibarine", "Zanzibarine", "Zanzibarine"] {
        crm.companies().create(values! { "name" => name }).unwrap();
    }
    let order = Some(Order { attribute: "name".into(), descending: false });
    let mut list = ListRecords { order, limit: 1, ..ListRecords::new("company") };
    let page = crm.list_records(&list).unwrap();
    list.after = page.next.clone();
    let cursor = page.next.clone().unwrap();
    assert!(!format!("{page:?} {list:?}").contains(&cursor));
    assert!(!crm.list_records(&list).unwrap().records.is_empty());
}
