//! The stored files of every schema version: what was written once is read for ever.
//!
//! `tests/fixtures/v<N>.crm` was made by [`write_fixture`] when N was the present version, and
//! `v<N>.json` says what is in it. Both are never written again.

mod leads;

use std::{fs, path::PathBuf};

use crm_core::{
    ActivityLink, ActivityPreset, AddAssociation, AddFile, Address, Archived, AssociationPreset,
    Attribute, Bucket, ChoiceOption, ColumnMapping, Crm, DefineActivityKind, DefineAssociationType,
    Direction, FileRef, Flow, GetLifecycleHistory, GroupKey, GroupMeasure, GroupRecords,
    IdentifyVisitor, Kind, LifecyclePreset, ListChanges, ListImports, ListRecords, ListTimeline,
    Money, MoveStage, NewActivity, PatchAssociation, PivotRecords, PlanImport, Preset, RecordId,
    RecordRef, RelatedStage, ResetStage, RunSql, SaveView, SearchText, SelectColumn, SelectRows,
    StageMapping, StageTrigger, TimelineKind, Timestamp, Value, Values, VerifyJournal, ViewQuery,
    values,
};
use serde_json::{Value as Json, json};

use crate::support::{Folder, assert_sound, everything, relaxed, replay};

fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures"))
}

/// Fills a new file with something of everything that a file can hold.
fn fill(crm: &Crm) {
    let ann = crm.acting_as("user:ann", Some("first customers")).unwrap();
    let crm = crm.acting_as("import:fixture", None).unwrap();
    crm.types().define_preset(Preset::Household).unwrap();
    crm.types().define(everything()).unwrap();

    let acme = ann.companies().create(values! {
        "name" => "Acme", "employees" => 12, "website" => "HTTPS://Example.org/a b",
        "annual_revenue" => Money::new("1234567.89", "EUR"),
    });
    let acme = acme.unwrap();
    let contact = ann.contacts().create(values! {
        "given_name" => "Ann", "family_name" => "Example", "email" => "Ann@EXAMPLE.org",
        "phone" => "+49 30 901820", "company" => acme.id, "birthday" => "1984-02-29",
        "country" => "de", "locale" => "de-de", "time_zone" => "Europe/Berlin",
    });
    let contact = contact.unwrap();
    let deal = crm.deals().create(values! {
        "name" => "First order", "amount" => Money::new("-0.01", "EUR"), "opened_on" => "2025-12-31",
        "company" => acme.id, "contact" => contact.id,
    });
    ann.deals().patch(deal.unwrap().id, values! { "closed_on" => "2026-01-01" }).unwrap();
    let change = crm.acting_as("user:bob", Some("moved away")).unwrap();
    let ulm = Address {
        street: Some("Münsterplatz 1\nHof".into()),
        city: Some("Ulm".into()),
        region: Some("BW".into()),
        postal_code: Some("08000".into()),
        country: Some("de".into()),
    };
    change.contacts().patch(contact.id, values! { "address" => ulm.clone() }).unwrap();
    change.contacts().patch(contact.id, values! { "phone" => Value::Null }).unwrap();
    change.contacts().archive(contact.id, None).unwrap();
    change.contacts().restore(contact.id, None).unwrap();
    let gone = crm.contacts().create(values! { "given_name" => "Gone" }).unwrap();
    crm.contacts().archive(gone.id, None).unwrap();

    associate(&ann, contact.id, acme.id);

    let note = crm.files().add(&AddFile::new("note.txt", "text/plain", "hello")).unwrap();
    crm.files().add(&AddFile::new("empty", "application/octet-stream", "")).unwrap();
    awkward_rows(&crm, &note, acme.id, ulm);

    crm.types()
        .define_attribute("everything", Attribute::new("later", Kind::Text).indexed())
        .unwrap();
    let mut colours = Attribute::new("a_choice", Kind::Choice).options(["red", "green", "blue"]);
    colours.options[0] =
        ChoiceOption { label: "Red".into(), order: -1, hidden: true, ..ChoiceOption::new("red") };
    crm.types().define_attribute("everything", colours).unwrap();
    crm.types().archive_attribute("everything", "a_country").unwrap();
    crm.types().archive_attribute("everything", "a_rating").unwrap();
    crm.types().restore_attribute("everything", "a_rating").unwrap();
    crm.types().archive("household").unwrap();
    happen(&crm, RecordRef::new("contact", contact.id), RecordRef::new("company", acme.id));
    keep_views(&crm);
    crm.journal().acknowledge("warehouse", 17).unwrap();
    crm.journal().acknowledge("new one", 0).unwrap();
    import(&crm);
    make_searched(&crm, contact.id);
    lead_on(&crm, contact.id, acme.id);
    leads::fill(&crm, contact.id);
}

/// Words of every sort: of what was there already and of what comes, of what is archived, corrected
/// and taken out again.
fn make_searched(crm: &Crm, ann: RecordId) {
    for kind in [Kind::Text, Kind::LongText, Kind::Email, Kind::Phone, Kind::Url, Kind::Address] {
        let attribute = Attribute::new(format!("a_{}", kind.name()), kind).searched();
        crm.types().define_attribute("everything", attribute).unwrap();
    }
    let row = |number: i32| crm.records("everything").get_by("code", format!("row {number}"));
    let texts = values! { "a_text" => "Łódź, Straße, İzmir", "a_long_text" => "東京 ½" };
    crm.records("everything").patch(row(4).unwrap().id, texts).unwrap();
    crm.records("everything").patch(row(3).unwrap().id, values! { "a_text" => "Gone" }).unwrap();
    crm.records("everything").patch(row(3).unwrap().id, values! { "a_text" => "" }).unwrap();
    crm.records("everything").archive(row(2).unwrap().id, None).unwrap();
    let note = Attribute::new("note", Kind::LongText).searched();
    crm.activity_kinds().define(DefineActivityKind::new("bare", [note])).unwrap();
    let at: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    let noted = |note: &str, supersedes| NewActivity {
        properties: values! { "note" => note },
        supersedes,
        ..NewActivity::of("bare", RecordRef::new("contact", ann), at)
    };
    let first = crm.activities().record(noted("Long line, wrong", None)).unwrap().activity.id;
    crm.activities().record(noted("A long line, right", Some(first))).unwrap();
}

/// Ways through lifecycles: by hand, by themselves, back, lost, won back, suppressed, renamed.
fn lead_on(crm: &Crm, contact: RecordId, company: RecordId) {
    let lifecycles = crm.lifecycles();
    lifecycles.define_preset(LifecyclePreset::Deal).unwrap();
    let mut way = LifecyclePreset::Contact.definition();
    // It came later than the first file of this content.
    way.stages.retain(|stage| stage.name != "dormant");
    let won = RelatedStage::new("deal.contact", "deal", "won").inverse();
    way.triggers = vec![
        StageTrigger::activity("mql", "call"),
        StageTrigger::when("lead", "email is set".parse().unwrap()),
        StageTrigger::related("customer", won),
    ];
    way.stages[4] = way.stages[4].clone().guard("country = \"DE\"".parse().unwrap());
    lifecycles.define(way.clone()).unwrap();
    let go = |lifecycle: &str, id: RecordId, to: &str| {
        lifecycles.move_to(MoveStage::new(lifecycle, id, to).because("price")).unwrap();
    };
    let values = values! { "name" => "Second order", "contact" => contact, "company" => company };
    let deal = crm.deals().create(values).unwrap().id;
    go("contact", contact, "sql");
    lifecycles.reset(ResetStage::new("contact", contact, "mql", "too early")).unwrap();
    go("deal", deal, "proposal");
    go("deal", deal, "lost");
    go("deal", deal, "won");
    let at = "2025-06-30T12:00:00Z".parse().unwrap();
    let call = NewActivity::of("call", RecordRef::new("contact", contact), at);
    crm.activities().record(call).unwrap();
    way.stages[3].name = "accepted".into();
    way.map = vec![StageMapping { stage: "sql".into(), becomes: "accepted".into() }];
    lifecycles.define(way).unwrap();
    lifecycles.archive("deal").unwrap();
}

fn ways(crm: &Crm) -> Json {
    let all = crm.lifecycles().list().unwrap();
    let ways = all.iter().map(|lifecycle| {
        let sql = format!("SELECT id FROM {} ORDER BY id", lifecycle.entity_type);
        let history = |id| {
            crm.lifecycles()
                .history(&GetLifecycleHistory::new(lifecycle.name.as_str(), id))
                .unwrap()
        };
        let records: Vec<_> = ids(crm, &sql).map(history).collect();
        json!({ "lifecycle": lifecycle, "records": records })
    });
    ways.collect()
}

/// Views of every sort: changed, archived, restored.
fn keep_views(crm: &Crm) {
    let save = |name: &str, query: ViewQuery| crm.views().save(SaveView::new(name, query)).unwrap();
    let columns = [SelectColumn::field("given_name"), SelectColumn::related("company", "name")];
    let mut select = SelectRows::new("contact", columns);
    select.condition =
        Some("country = \"DE\" and count(purchase within 12mo) >= 1".parse().unwrap());
    save("customers", ViewQuery::Select(select.clone()));
    select.limit = 7;
    save("customers", ViewQuery::Select(select));
    let (by, count) = (GroupKey::bucket("opened_on", Bucket::Month), GroupMeasure::count());
    save(
        "deals_by_month",
        ViewQuery::Group(GroupRecords::new("deal", [by.clone()], [count.clone()])),
    );
    let pivot = PivotRecords::new("deal", [by], [GroupKey::related("company", "name")], count);
    save("deals_by_company", ViewQuery::Pivot(pivot));
    crm.views().archive("deals_by_month").unwrap();
    crm.views().archive("customers").unwrap();
    crm.views().restore("customers").unwrap();
}

/// Two imports, of which one was taken back.
fn import(crm: &Crm) {
    let go_on = &mut |_| Flow::Continue;
    for (table, is_reverted) in
        [("name\nInitech\n,\n", false), ("name,employees\nGlobex,1\nGlobex,many\n", true)]
    {
        let request = PlanImport::from_text("company", table, [ColumnMapping::new("name", "name")]);
        let plan = crm.imports().plan(&request, go_on).unwrap();
        let id = crm.imports().apply(&plan, go_on).unwrap().import.id;
        if is_reverted {
            crm.imports().revert(id, go_on).unwrap();
        }
    }
}

/// Activities of every sort: with all that one can have, with nothing, corrected, of visitors who
/// were identified, taken back and never known.
fn happen(crm: &Crm, ann: RecordRef, acme: RecordRef) {
    // The others came later than the first file of this content.
    let later = [ActivityPreset::SiteSearch, ActivityPreset::FormError];
    for preset in ActivityPreset::ALL.iter().filter(|preset| !later.contains(preset)) {
        crm.activity_kinds().define_preset(*preset).unwrap();
    }
    let every_kind = everything().attributes.into_iter();
    let every_kind = every_kind.map(|a| Attribute { unique: false, index: false, ..a });
    crm.activity_kinds().define(DefineActivityKind::new("odd", every_kind)).unwrap();
    crm.activity_kinds().define(DefineActivityKind::new("bare", [])).unwrap();
    crm.activity_kinds().archive("letter").unwrap();
    crm.activity_kinds().archive("sms").unwrap();
    crm.activity_kinds().restore("sms").unwrap();

    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let record = |activity: NewActivity| crm.activities().record(activity).unwrap().activity.id;
    let link = |role: &str| ActivityLink {
        entity_type: acme.entity_type.clone(),
        id: acme.id,
        role: role.into(),
    };
    let bought = record(NewActivity {
        channel: Some("shop \"1\"".into()),
        direction: Some(Direction::Inbound),
        properties: values! { "order_id" => "A-1", "product" => "Emma", "quantity" => "0.5" },
        amount: Some(Money::new("-92233720368547758.08", "EUR")),
        key: Some("order A-1".into()),
        links: vec![link("payer"), link(""), link("ä\\")],
        ..NewActivity::of("purchase", ann.clone(), at("2025-12-24T18:00:00.000001Z"))
    });
    record(NewActivity {
        supersedes: Some(bought),
        amount: Some(Money::new("7.90", "EUR")),
        ..NewActivity::new("purchase", at("0001-01-01T00:00:00Z"))
    });
    record(NewActivity::of("bare", acme.clone(), at("2025-12-31T23:59:59Z")));
    record(NewActivity {
        properties: values! { "code" => "x", "a_real" => 5e-324, "a_choices" => vec!["green", "blue"],
        "a_phone" => "+1 (202) 555-0143", "a_address" => Address { city: Some("Ulm".into()), ..Address::default() } },
        ..NewActivity::of_visitor("odd", "nobody", at("1969-12-31T23:59:59.999999Z"))
    });
    let view = |visitor: &str| NewActivity {
        properties: values! { "url" => "HTTPS://Example.org" },
        ..NewActivity::of_visitor("page_view", visitor, at("2025-12-01T12:00:00Z"))
    };
    for visitor in ["cookie 1", "cookie 2"] {
        record(view(visitor));
        let RecordRef { entity_type, id } = ann.clone();
        let visitor = visitor.to_owned();
        crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id }).unwrap();
    }
    record(view("cookie 1"));
    crm.activities().release("cookie 2").unwrap();
}

/// Types of associations with and without attributes, and associations in every state.
fn associate(crm: &Crm, ann: RecordId, acme: RecordId) {
    let (types, links) = (crm.association_types(), crm.associations());
    for preset in [Preset::Note, Preset::Task] {
        crm.types().define_preset(preset).unwrap();
    }
    for preset in AssociationPreset::ALL {
        types.define_preset(*preset).unwrap();
    }
    types
        .define(DefineAssociationType {
            max_incoming: Some(3),
            attributes: vec![Attribute::new("share", Kind::Decimal)],
            ..DefineAssociationType::new("advises", ["contact"], ["company", "deal"])
        })
        .unwrap();
    let more = vec![Attribute::new("fee", Kind::Money), Attribute::new("via", Kind::Email)];
    let more =
        DefineAssociationType { attributes: more, ..DefineAssociationType::new("advises", [], []) };
    types.define(more).unwrap();
    let (ann, acme) = (RecordRef::new("contact", ann), RecordRef::new("company", acme));
    let day = |text: &str| Some(text.parse().unwrap());
    let first = links.add(AddAssociation {
        role: Some("CFO".into()),
        is_primary: true,
        valid_from: day("0001-01-01"),
        valid_to: day("2024-02-29"),
        ..AddAssociation::new("employed_by", ann.clone(), acme.clone())
    });
    let second = links.add(AddAssociation {
        is_primary: true,
        valid_from: day("2024-02-29"),
        valid_to: day("9999-12-31"),
        ..AddAssociation::new("employed_by", ann.clone(), acme.clone())
    });
    links.archive(first.unwrap().id, None).unwrap();
    links.archive(second.as_ref().unwrap().id, None).unwrap();
    links.restore(second.unwrap().id, None).unwrap();
    let advice = links.add(AddAssociation {
        values: values! {
            "share" => "12.5", "fee" => Money::new("0.01", "EUR"), "via" => "Ann@EXAMPLE.org",
        },
        ..AddAssociation::new("advises", ann, acme)
    });
    let id = advice.unwrap().id;
    let changes =
        values! { "share" => Value::Null, "role" => "counsel", "valid_to" => "2030-01-01" };
    links.patch(PatchAssociation { id, changes, expected_version: Some(1) }).unwrap();
    types.archive("referred_by").unwrap();
}

/// The edges of every kind.
fn awkward_rows(crm: &Crm, note: &FileRef, company: RecordId, address: Address) {
    let money = |amount: &str, currency: &str| Money::new(amount, currency);
    let renamed = FileRef { name: "Ünïcode 👩‍👩‍👧.txt".into(), ..note.clone() };
    let rows: [Values; 5] = [
        values! {},
        values! {
            "a_text" => "👩‍👩‍👧 e\u{301}\u{200d}\u{202e}\t\"'\\;", "a_long_text" => "line\r\nline\n".repeat(900),
            "a_choice" => "red", "a_choices" => vec!["green", "blue", "green"], "a_checkbox" => true,
            "a_integer" => i64::MAX, "a_decimal" => "92233720368547758.07", "a_real" => f64::MAX,
            "a_money" => money("92233720368547758.07", "USD"), "a_date" => "9999-12-31",
            "a_timestamp" => "9999-12-31T23:59:59.999999Z", "a_email" => "Jürgen@Bücher.example",
            "a_phone" => "+1 (202) 555-0143", "a_url" => "HTTP://EXAMPLE.org:80/%7Eann?q=ä#x",
            "a_country" => "gb", "a_locale" => "zh-hant-tw", "a_time_zone" => "utc",
            "a_address" => address, "a_rating" => 5, "a_file" => note.clone(), "a_reference" => company,
            "tags" => vec!["x", "z"], "price" => "0.01", "fine" => "0.000000000001", "whole" => "7",
        },
        values! {
            "a_text" => " ", "a_checkbox" => false, "a_integer" => i64::MIN, "a_real" => -0.0,
            "a_decimal" => "-92233720368547758.08", "a_money" => money("-9223372036854775808", "JPY"),
            "a_date" => "0001-01-01", "a_timestamp" => "0001-01-01T00:00:00Z", "a_rating" => 0,
            "a_address" => Address { city: Some("Ulm".into()), ..Address::default() },
            "a_file" => renamed, "tags" => vec!["y"],
        },
        values! {
            "a_date" => "2024-02-29", "a_timestamp" => "1969-12-31T23:59:59.999999Z",
            "a_money" => money("1.005", "KWD"), "a_real" => 5e-324, "fine" => "-9.999999999999",
        },
        values! { "a_real" => 9_007_199_254_740_993_i64, "a_money" => money("0.0001", "CLF") },
    ];
    for (number, mut values) in rows.into_iter().enumerate() {
        values.insert("code", format!("row {number}"));
        crm.records("everything").create(values).unwrap();
    }
}

/// All that a user can read of a file.
fn contents(crm: &Crm) -> Json {
    let types = crm.types().list().unwrap();
    let records: Vec<Json> = types
        .iter()
        .map(|entity_type| {
            let archived = Archived::Include;
            let request =
                ListRecords { archived, limit: 10_000, ..ListRecords::new(&entity_type.name) };
            let page = crm.list_records(&request).unwrap();
            let histories: Vec<_> = page
                .records
                .iter()
                .map(|record| crm.journal().of_record(&entity_type.name, record.id).unwrap())
                .collect();
            let view =
                crm.sql(&RunSql::new(format!("SELECT * FROM v_{} ORDER BY id", entity_type.name)));
            json!({ "records": page.records, "histories": histories, "view": view.unwrap() })
        })
        .collect();
    let kinds = crm.activity_kinds().list().unwrap();
    let changes =
        crm.journal().changes(&ListChanges { limit: 10_000, ..ListChanges::after(0) }).unwrap();
    let contacts: Vec<RecordId> = ids(crm, "SELECT id FROM contact ORDER BY id").collect();
    json!({
        "types": types,
        "records": records,
        "kinds": kinds,
        "activities": activities(crm),
        "found": found(crm),
        "views": crm.views().list().unwrap(),
        "lifecycles": ways(crm),
        "leads": leads::contents(crm, &contacts),
        "association_types": crm.association_types().list().unwrap(),
        "associations": associations(crm),
        "imports": crm.imports().list(&ListImports { after: None, limit: 100 }).unwrap(),
        "changes": changes.changes,
        "consumers": crm.journal().consumers().unwrap(),
    })
}

fn ids(crm: &Crm, sql: &str) -> impl Iterator<Item = RecordId> {
    let rows = crm.sql(&RunSql::new(sql)).unwrap().rows.into_iter();
    rows.map(|row| row.0[0].as_str().unwrap().parse().unwrap())
}

fn found(crm: &Crm) -> Json {
    let texts = ["line", "\"long line\"", "lodz strasse", "京", "gone", "ulm", "wrong", "buch*"];
    let search = |text: &str| {
        let archived = Archived::Include;
        crm.search(&SearchText { archived, ..SearchText::new(text) }).unwrap().hits
    };
    texts.into_iter().map(|text| json!(search(text))).collect()
}

fn associations(crm: &Crm) -> Json {
    let all = ids(crm, "SELECT id FROM crm_association ORDER BY seq");
    all.map(|id| json!(crm.associations().get(id).unwrap())).collect()
}

/// Every activity, and the timeline of every contact, but for its stages.
fn activities(crm: &Crm) -> Json {
    let all = ids(crm, "SELECT id FROM crm_activity ORDER BY seq");
    let all: Vec<_> = all.map(|id| crm.activities().get(id).unwrap()).collect();
    let contacts = ids(crm, "SELECT id FROM contact ORDER BY id");
    let items = [TimelineKind::Activity, TimelineKind::Change, TimelineKind::Association];
    let request = |id| ListTimeline { items: items.to_vec(), ..ListTimeline::new("contact", id) };
    let timelines: Vec<_> = contacts.map(|id| crm.timeline(&request(id)).unwrap()).collect();
    json!({ "all": all, "timelines": timelines })
}

/// The engine's own schema and every row of its tables, as SQL shows them.
fn tables(crm: &Crm) -> Vec<(String, Json)> {
    let read = |sql: &str| serde_json::to_value(crm.sql(&RunSql::new(sql)).unwrap().rows).unwrap();
    let master = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name";
    let mut found = vec![("sqlite_master".to_owned(), read(master))];
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
         AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    for row in crm.sql(&RunSql::new(names)).unwrap().rows {
        let name = row.0[0].as_str().unwrap().to_owned();
        // How close the bound of a score is may change: a greater one leaves nobody out of a ranking.
        let columns = match name.as_str() {
            "crm_score" => "model, record_id, version, threshold, as_of, until, fading, sheet",
            _ => "*",
        };
        let rows = read(&format!("SELECT {columns} FROM \"{name}\" ORDER BY 1, 2"));
        found.push((name, rows));
    }
    found
}

fn fresh() -> (Folder, Crm) {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    fill(&crm);
    (folder, crm)
}

/// A copy of the fixture of this version, opened: so migrated, when it is older.
fn opened(version: i32) -> (Folder, Crm) {
    let folder = Folder::new();
    fs::copy(fixtures().join(format!("v{version}.crm")), folder.path()).unwrap();
    let crm = Crm::open_with(folder.path(), relaxed()).unwrap();
    (folder, crm)
}

fn present_version() -> i32 {
    Crm::in_memory().unwrap().info().unwrap().schema_version
}

/// Stores the fixture of the present schema version: `cargo xtask fixtures`.
#[test]
#[ignore = "writes into tests/fixtures"]
fn write_fixture() {
    let (folder, crm) = fresh();
    let text = serde_json::to_string_pretty(&contents(&crm)).unwrap() + "\n";
    crm.close().unwrap();
    fs::create_dir_all(fixtures()).unwrap();
    let target = fixtures().join(format!("v{}.crm", present_version()));
    if target.exists() {
        return;
    }
    fs::copy(folder.path(), &target).unwrap();
    fs::write(target.with_extension("json"), text).unwrap();
}

/// Whether everything that was there is there, equal. Answers grow: what a version did not have yet is
/// not in its list.
fn holds(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|it| holds(it, value)))
        }
        (Json::Array(found), Json::Array(expected)) => {
            let mut pairs = found.iter().zip(expected);
            found.len() == expected.len() && pairs.all(|(found, expected)| holds(found, expected))
        }
        _ => found == expected,
    }
}

#[test]
fn every_stored_version_opens_and_holds_what_it_held() {
    for version in 1..=present_version() {
        let (_folder, crm) = opened(version);
        assert_sound(&crm);
        let path = fixtures().join(format!("v{version}.json"));
        let expected: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let found = serde_json::to_value(contents(&crm)).unwrap();
        for (part, expected) in expected.as_object().unwrap() {
            assert!(holds(&found[part], expected), "version {version}: {part} differ");
        }
        // And it can be worked with as if it were new.
        let record = crm.records("everything").get_by("code", "row 1").unwrap();
        let patched = crm.records("everything").patch(record.id, values! { "later" => "now" });
        assert_eq!(patched.unwrap().version, 2);
        assert_sound(&crm);
        // What older versions wrote is in the chain like everything else.
        let chain = crm.journal().verify(&VerifyJournal::default(), &mut |_| Flow::Continue);
        let (chain, changes) = (chain.unwrap(), crm.stats().unwrap().changes);
        assert_eq!(
            (chain.is_ok, chain.whole + chain.erased, chain.head.seq),
            (true, changes, changes.cast_signed())
        );
    }
}

#[test]
fn the_stored_file_of_the_present_version_is_what_the_present_code_makes() {
    let (_folder, fresh) = fresh();
    let (_other, stored) = opened(present_version());
    for (fresh, stored) in tables(&fresh).into_iter().zip(tables(&stored)) {
        assert!(fresh == stored, "table {} differs", fresh.0);
    }
}

#[test]
fn making_it_twice_gives_the_same_bytes() {
    let bytes = || {
        let (folder, crm) = fresh();
        crm.close().unwrap();
        fs::read(folder.path()).unwrap()
    };
    assert!(bytes() == bytes());
}

/// The first version, in words: what no generator of expectations can get wrong.
#[test]
fn the_first_version_reads_as_it_was_written() {
    let (_folder, crm) = opened(1);
    let ann = crm.contacts().get_by("email", "Ann@example.org").unwrap();
    assert_eq!(ann.version, 5);
    assert_eq!(ann.get("birthday"), &Value::from("1984-02-29"));
    assert_eq!(ann.get("country"), &Value::from("DE"));
    assert!(ann.get("phone").is_null() && ann.archived_at.is_none());
    assert_eq!(ann.typed.get("email"), &Value::from("Ann@EXAMPLE.org"));
    let history = crm.journal().of_record("contact", ann.id).unwrap();
    let told: Vec<_> = history.iter().map(|e| (e.actor.as_str(), e.cause.as_deref())).collect();
    let moved = ("user:bob", Some("moved away"));
    assert_eq!(told, [("user:ann", Some("first customers")), moved, moved, moved, moved]);
    let phone = history[0].values.get("phone");
    assert_eq!(phone, &Value::from("+4930901820"), "history keeps what was cleared");

    let row =
        |number: i32| crm.records("everything").get_by("code", format!("row {number}")).unwrap();
    assert_eq!(row(1).get("a_integer"), &Value::from(i64::MAX));
    assert_eq!(row(2).get("a_integer"), &Value::from(i64::MIN));
    assert_eq!(row(1).get("a_choices"), &Value::from(vec!["blue", "green"]));
    assert_eq!(row(1).get("a_timestamp"), &Value::from("9999-12-31T23:59:59.999999Z"));
    assert_eq!(row(2).get("a_timestamp"), &Value::from("0001-01-01T00:00:00Z"));
    assert_eq!(row(3).get("a_money"), &Value::Money(Money::new("1.005", "KWD")));
    let Value::File(file) = row(1).get("a_file").clone() else { panic!("no file") };
    assert_eq!(crm.files().read(&file.hash, 0, 100).unwrap().content.0, b"hello");
    assert!(crm.types().get("household").unwrap().archived_at.is_some());
}
