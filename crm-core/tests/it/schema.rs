//! Definitions that change under stored records, and the views that show them to people.

use crm_core::{
    Address, Attribute, ChoiceOption, CountRecords, Crm, DefineType, Error, ErrorKind, Kind,
    ListRecords, Money, Order, Preset, RecordId, RunSql, Value, limits, values,
};

use crate::support::{Folder, assert_sound, everything, journal_length};

fn text(name: &str) -> Attribute {
    Attribute::new(name, Kind::Text)
}

/// Some items: `size` from s, m, s, none.
fn items() -> (Crm, Vec<RecordId>) {
    let crm = Crm::in_memory().unwrap();
    let size = Attribute::new("size", Kind::Choice).options(["s", "m", "l"]);
    let number = Attribute::new("number", Kind::Integer);
    crm.types().define(DefineType::new("item", [size, number, text("note")])).unwrap();
    let ids = [(Some("s"), 1), (Some("m"), 2), (Some("s"), 3), (None, 3)].map(|(size, number)| {
        let values = values! { "size" => size, "number" => number, "note" => "four" };
        crm.records("item").create(values).unwrap().id
    });
    (crm, ids.to_vec())
}

/// Changes `item` and gives the refusal, having seen that nothing was written.
#[track_caller]
fn refused(crm: &Crm, attribute: Attribute) -> Error {
    let (definition, length) = (crm.types().get("item").unwrap(), journal_length(crm));
    let error = crm.types().define_attribute("item", attribute).unwrap_err();
    assert_eq!(crm.types().get("item").unwrap(), definition);
    assert_eq!(journal_length(crm), length);
    error
}

/// A conflict that counts the rows, names these and no other, and says what to do.
#[track_caller]
fn assert_conflict(error: &Error, field: &str, ids: &[RecordId], all: &[RecordId]) {
    assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some(field)));
    assert!(error.message().starts_with(&format!("{} stored records ", ids.len())), "{error}");
    for id in all {
        assert_eq!(error.message().contains(&id.to_string()), ids.contains(id), "{error}");
    }
    assert!(error.hint().is_some());
}

#[test]
fn an_attribute_can_be_added_relabelled_and_relaxed() {
    let (crm, ids) = items();
    let weight =
        Attribute { default: Some(Value::from(5)), ..Attribute::new("weight", Kind::Real) };
    crm.types().define_attribute("item", weight).unwrap();
    // Records that were there keep what they have, which is nothing.
    assert!(crm.records("item").get(ids[0]).unwrap().get("weight").is_null());
    let new = crm.records("item").create(values! {}).unwrap();
    assert_eq!(new.get("weight"), &Value::Real(5.0));

    let note = Attribute { label: "Remark".into(), description: "Why".into(), ..text("note") };
    let changed = crm.types().define_attribute("item", note.clone()).unwrap();
    assert_eq!(changed.attributes[2], note);

    let short = Attribute { length: Some(4), ..text("note") };
    crm.types().define_attribute("item", short).unwrap();
    let long = values! { "note" => "fives" };
    let error = crm.records("item").create(long.clone()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("note")));
    crm.types().define_attribute("item", text("note")).unwrap();
    crm.records("item").create(long).unwrap();
    assert_sound(&crm);
}

#[test]
fn stating_the_same_definition_again_writes_nothing() {
    let (crm, _) = items();
    let length = journal_length(&crm);
    let definition = crm.types().get("item").unwrap();
    let again = DefineType::new("item", definition.attributes.clone());
    assert_eq!(crm.types().define(again).unwrap(), definition);
    for preset in [Preset::Contact, Preset::Company, Preset::Deal] {
        crm.types().define_preset(preset).unwrap();
    }
    assert_eq!(journal_length(&crm), length);
}

#[test]
fn an_option_can_be_added_and_hidden_and_dropped_only_when_unused() {
    let (crm, ids) = items();
    let mut size = Attribute::new("size", Kind::Choice).options(["s", "m", "l", "xl"]);
    size.options[0] =
        ChoiceOption { label: "Small".into(), hidden: true, ..ChoiceOption::new("s") };
    crm.types().define_attribute("item", size.clone()).unwrap();
    assert_eq!(crm.records("item").get(ids[0]).unwrap().get("size"), &Value::from("s"));
    crm.records("item").create(values! { "size" => "s" }).unwrap();

    let without_s = Attribute::new("size", Kind::Choice).options(["m", "l"]);
    let error = refused(&crm, without_s);
    assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some("size")));
    assert!(error.message().starts_with("3 stored records"), "{error}");
    assert!(error.hint().unwrap().contains("hide the option"));
    crm.types()
        .define_attribute("item", Attribute::new("size", Kind::Choice).options(["s", "m"]))
        .unwrap();
    let error = crm.records("item").create(values! { "size" => "xl" }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOption);
}

#[test]
fn a_rule_is_tightened_only_when_every_record_passes() {
    let (crm, ids) = items();
    let required = Attribute::new("size", Kind::Choice).options(["s", "m", "l"]).required();
    assert_conflict(&refused(&crm, required.clone()), "size", &ids[3..], &ids);
    let most =
        Attribute { maximum: Some(Value::from(2)), ..Attribute::new("number", Kind::Integer) };
    assert_conflict(&refused(&crm, most.clone()), "number", &ids[2..], &ids);
    let unique = Attribute::new("number", Kind::Integer).unique();
    assert_conflict(&refused(&crm, unique.clone()), "number", &ids[2..], &ids);
    let pattern = Attribute { pattern: Some("[a-e]+".into()), ..text("note") };
    assert_conflict(&refused(&crm, pattern), "note", &ids, &ids);
    let length = Attribute { length: Some(3), ..text("note") };
    assert_conflict(&refused(&crm, length), "note", &ids, &ids);
    let new_and_required = text("more").required();
    let error = refused(&crm, new_and_required);
    assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some("more")));

    // An archived record counts, for it can come back.
    crm.records("item").archive(ids[3], None).unwrap();
    assert_conflict(&refused(&crm, required.clone()), "size", &ids[3..], &ids);
    crm.records("item").restore(ids[3], None).unwrap();

    crm.records("item").patch(ids[3], values! { "size" => "l", "number" => 1 }).unwrap();
    crm.records("item").patch(ids[2], values! { "number" => 2 }).unwrap();
    crm.types().define_attribute("item", required).unwrap();
    crm.types().define_attribute("item", most).unwrap();
    let error = crm.records("item").patch(ids[0], values! { "size" => Value::Null }).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("size")));
    let error = crm.records("item").patch(ids[0], values! { "number" => 3 }).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("number")));
    assert_sound(&crm);
}

#[test]
fn a_conflict_of_many_records_counts_all_and_names_some() {
    let (crm, _) = items();
    (0..30).for_each(|_| drop(crm.records("item").create(values! { "note" => "x" }).unwrap()));
    let error = refused(&crm, Attribute { pattern: Some("four".into()), ..text("note") });
    assert!(error.message().starts_with("30 stored records"), "{error}");
    assert_eq!(error.message().matches('-').count(), 5 * 4, "five ids: {error}");
    assert!(error.message().ends_with('…'), "{error}");
}

#[test]
fn kind_scale_and_target_are_for_ever() {
    let crm = Crm::in_memory().unwrap();
    let scaled = |scale| Attribute { scale, ..Attribute::new("ratio", Kind::Decimal) };
    let link = |target: &str| Attribute::new("link", Kind::Reference).target(target);
    crm.types().define(DefineType::new("item", [scaled(None), link("deal")])).unwrap();
    for (attribute, field) in [
        (Attribute::new("ratio", Kind::Integer), "ratio.kind"),
        (scaled(Some(3)), "ratio.scale"),
        (link("company"), "link.target"),
    ] {
        let error = refused(&crm, attribute);
        assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some(field)));
        assert!(error.hint().is_some());
    }
    // Two places is what a decimal has where nothing is said.
    crm.types().define_attribute("item", scaled(Some(2))).unwrap();
}

#[test]
fn unique_comes_and_goes() {
    let (crm, ids) = items();
    let number = || Attribute::new("number", Kind::Integer);
    crm.records("item").patch(ids[3], values! { "number" => Value::Null }).unwrap();
    crm.types().define_attribute("item", number().unique()).unwrap();
    assert_eq!(crm.records("item").get_by("number", 3).unwrap().id, ids[2]);
    let error = crm.records("item").create(values! { "number" => 3 }).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Duplicate, Some("number")));
    assert!(error.message().contains(&ids[2].to_string()) && error.hint().is_some());
    // Having none is no value that two could share.
    (0..2).for_each(|_| drop(crm.records("item").create(values! {}).unwrap()));
    crm.types().define_attribute("item", number()).unwrap();
    crm.records("item").create(values! { "number" => 3 }).unwrap();
    let error = crm.records("item").get_by("number", 3).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("number")));
}

#[test]
fn unique_holds_for_every_kind_that_may_be() {
    let crm = Crm::in_memory().unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id.to_string();
    let mut seen = 0;
    for &kind in Kind::ALL {
        let attribute = match kind {
            Kind::Choice | Kind::Choices => Attribute::new("key", kind).options(["one"]),
            Kind::Reference => Attribute::new("key", kind).target("company"),
            _ => Attribute::new("key", kind),
        };
        let name = format!("by_{}", kind.name());
        if crm.types().define(DefineType::new(&name, [attribute.unique()])).is_err() {
            continue;
        }
        seen += 1;
        let value = match kind {
            Kind::Text => Value::from("one"),
            Kind::Choice => Value::from("one"),
            Kind::Integer | Kind::Decimal | Kind::Rating => Value::from(1),
            Kind::Date => Value::from("2024-02-29"),
            Kind::Timestamp => Value::from("2024-02-29T12:00:00Z"),
            Kind::Email => Value::from("Ann@EXAMPLE.org"),
            Kind::Phone => Value::from("+49 30 901820"),
            Kind::Url => Value::from("HTTPS://example.org"),
            Kind::Country => Value::from("de"),
            Kind::Locale => Value::from("de-DE"),
            Kind::TimeZone => Value::from("Europe/Berlin"),
            Kind::Reference => Value::from(acme.as_str()),
            other => panic!("{} cannot be unique", other.name()),
        };
        let first = crm.records(&name).create(values! { "key" => value.clone() }).unwrap();
        let error = crm.records(&name).create(values! { "key" => value.clone() }).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Duplicate, Some("key")), "{name}");
        assert_eq!(crm.records(&name).get_by("key", value).unwrap(), first);
    }
    assert_eq!(seen, 14);
}

#[test]
fn an_index_changes_speed_and_nothing_else() {
    let (crm, _) = items();
    let names = || {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'item' AND sql IS NOT NULL";
        crm.sql(&RunSql::new(sql)).unwrap().rows.len()
    };
    let look = || {
        let order = Some(Order { attribute: "number".into(), descending: true });
        let filter = values! { "number" => 3 };
        let ordered = crm.list_records(&ListRecords { order, ..ListRecords::new("item") }).unwrap();
        let filtered = ListRecords { filter, ..ListRecords::new("item") };
        (ordered, crm.list_records(&filtered).unwrap())
    };
    let plain = look();
    assert_eq!((plain.0.records.len(), plain.1.records.len(), names()), (4, 2, 0));
    crm.types()
        .define_attribute("item", Attribute::new("number", Kind::Integer).indexed())
        .unwrap();
    assert_eq!((look(), names()), (plain.clone(), 1));
    crm.types().define_attribute("item", Attribute::new("number", Kind::Integer)).unwrap();
    assert_eq!((look(), names()), (plain, 0));
}

#[test]
fn indexes_of_types_and_attributes_whose_names_run_together_do_not_clash() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(DefineType::new("a", [text("b_c").indexed()])).unwrap();
    crm.types().define(DefineType::new("a_b", [text("c").indexed()])).unwrap();
    crm.types().define_attribute("a", text("b_c")).unwrap();
    crm.records("a_b").create(values! { "c" => "x" }).unwrap();
}

#[test]
fn an_index_of_choices_follows_the_records() {
    let crm = Crm::in_memory().unwrap();
    let tags = || Attribute::new("tags", Kind::Choices).options(["x", "y", "z"]);
    crm.types().define(DefineType::new("item", [tags()])).unwrap();
    let create = |tags: &[&str]| crm.records("item").create(values! { "tags" => tags.to_vec() });
    let first = create(&["y", "x"]).unwrap();
    create(&["y"]).unwrap();
    let count = |option: &str| {
        let filter = values! { "tags" => option };
        let request = CountRecords { filter, ..CountRecords::new("item") };
        crm.count_records(&request).unwrap()
    };
    for definition in [tags(), tags().indexed(), tags(), tags().indexed()] {
        crm.types().define_attribute("item", definition).unwrap();
        assert_eq!([count("x"), count("y"), count("z")], [1, 2, 0]);
    }
    crm.records("item").patch(first.id, values! { "tags" => vec!["z"] }).unwrap();
    create(&["z", "y"]).unwrap();
    assert_eq!([count("x"), count("y"), count("z")], [0, 2, 2]);
    crm.records("item").patch(first.id, values! { "tags" => Value::Null }).unwrap();
    assert_eq!([count("x"), count("y"), count("z")], [0, 2, 1]);
}

#[test]
fn an_archived_attribute_disappears_and_comes_back_with_its_values() {
    let (crm, ids) = items();
    let types = crm.types();
    let described = types.archive_attribute("item", "note").unwrap();
    assert_eq!(described.archived_attributes[0].name, "note");
    let record = crm.records("item").get(ids[0]).unwrap();
    assert!(!record.values.contains("note"));
    for error in [
        crm.records("item").patch(ids[0], values! { "note" => "x" }).unwrap_err(),
        crm.records("item").create(values! { "note" => "x" }).unwrap_err(),
        types.define_attribute("item", text("note")).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Archived, Some("note")));
        assert!(error.hint().is_some());
    }
    crm.records("item").patch(ids[0], values! { "number" => 9 }).unwrap();
    let length = journal_length(&crm);
    types.archive_attribute("item", "note").unwrap();
    assert_eq!(journal_length(&crm), length, "archived already");
    assert_sound(&crm);
    types.restore_attribute("item", "note").unwrap();
    let record = crm.records("item").get(ids[0]).unwrap();
    assert_eq!(record.values, values! { "size" => "s", "number" => 9, "note" => "four" });
}

#[test]
fn a_required_attribute_is_restored_only_when_every_record_has_it() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(DefineType::new("item", [text("code").required().unique()])).unwrap();
    crm.records("item").create(values! { "code" => "a" }).unwrap();
    crm.types().archive_attribute("item", "code").unwrap();
    let without = crm.records("item").create(values! {}).unwrap();
    let error = crm.types().restore_attribute("item", "code").unwrap_err();
    assert_conflict(&error, "code", &[without.id], &[without.id]);
}

#[test]
fn an_archived_type_can_be_read_and_not_written() {
    let (crm, ids) = items();
    let archived = crm.types().archive("item").unwrap();
    assert!(archived.archived_at.is_some());
    let items = crm.records("item");
    for error in [
        items.create(values! {}).unwrap_err(),
        items.patch(ids[0], values! { "number" => 5 }).unwrap_err(),
        items.archive(ids[0], None).unwrap_err(),
        items.restore(ids[0], None).unwrap_err(),
        crm.types().define_attribute("item", text("more")).unwrap_err(),
        crm.types().define(DefineType::new("item", [])).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Archived, "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    assert_eq!(items.count().unwrap(), 4);
    assert_eq!(items.get(ids[0]).unwrap().version, 1);
    assert_eq!(crm.journal().of_record("item", ids[0]).unwrap().len(), 1);
    crm.types().restore("item").unwrap();
    items.create(values! {}).unwrap();
}

#[test]
fn names_that_would_share_a_column_are_refused() {
    let crm = Crm::in_memory().unwrap();
    let price = Attribute::new("price", Kind::Money);
    let home = Attribute::new("home", Kind::Address);
    crm.types().define(DefineType::new("item", [price, home, text("mail_typed")])).unwrap();
    for attribute in [
        text("price_currency"),
        text("home_city"),
        Attribute::new("mail", Kind::Email),
        text("id"),
        text("version"),
        text("created_at"),
        text("archived_at"),
        text("rowid"),
        text("oid"),
    ] {
        let name = attribute.name.clone();
        let error = refused(&crm, attribute);
        assert_eq!(
            (error.kind(), error.field()),
            (ErrorKind::InvalidArgument, Some(name.as_str()))
        );
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn words_of_sql_are_names_like_any_other() {
    let crm = Crm::in_memory().unwrap();
    let attributes = ["select", "from", "where", "order", "null", "index"].map(text);
    let attributes = attributes.map(Attribute::indexed);
    for name in ["table", "group", "rowid"] {
        crm.types().define(DefineType::new(name, attributes.clone())).unwrap();
        let record = crm.records(name).create(values! { "select" => "a", "where" => "b" }).unwrap();
        assert_eq!(crm.records(name).get(record.id).unwrap(), record);
        let filter = values! { "where" => "b", "null" => Value::Null };
        let page = crm.list_records(&ListRecords { filter, ..ListRecords::new(name) }).unwrap();
        assert_eq!(page.records, [record]);
        let shown = crm.sql(&RunSql::new(format!("SELECT \"select\" FROM v_{name}"))).unwrap();
        assert_eq!(shown.rows[0].0, [Value::from("a")]);
    }
    assert_sound(&crm);
}

#[test]
fn names_and_properties_that_make_no_sense_are_refused() {
    let crm = Crm::in_memory().unwrap();
    let length = journal_length(&crm);
    let long = "n".repeat(64);
    for name in ["", "Item", "1st", "a b", "ä", "crm_x", "v_x", "sqlite_x", "a\"b", &long] {
        let error = crm.types().define(DefineType::new(name, [])).unwrap_err();
        let refused = (error.kind(), error.field());
        assert_eq!(refused, (ErrorKind::InvalidArgument, Some("name")), "{name}");
    }
    let bad = |attribute: Attribute| {
        let error = crm.types().define(DefineType::new("item", [attribute])).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned())
    };
    let invalid = |field: &str| (ErrorKind::InvalidArgument, field.to_owned());
    let with = |change: fn(&mut Attribute)| {
        let mut attribute = text("a");
        change(&mut attribute);
        attribute
    };
    assert_eq!(bad(with(|a| a.options = vec![ChoiceOption::new("x")])), invalid("a.options"));
    assert_eq!(bad(with(|a| a.scale = Some(2))), invalid("a.scale"));
    assert_eq!(bad(with(|a| a.currency = Some("EUR".into()))), invalid("a.currency"));
    assert_eq!(bad(with(|a| a.target = Some("deal".into()))), invalid("a.target"));
    assert_eq!(bad(with(|a| a.minimum = Some(Value::from(1)))), invalid("a.minimum"));
    assert_eq!(bad(with(|a| a.length = Some(0))), invalid("a.length"));
    assert_eq!(bad(with(|a| a.pattern = Some("(".into()))), invalid("a.pattern"));
    assert_eq!(bad(with(|a| a.pattern = Some("(?=a)".into()))), invalid("a.pattern"));
    assert_eq!(bad(with(|a| a.kind = Kind::Reference)), invalid("a.target"));
    let doubled = Attribute::new("a", Kind::Choice).options(["x", "x"]);
    assert_eq!(bad(doubled), invalid("a.options"));
    assert_eq!(bad(Attribute::new("a", Kind::Real).unique()), invalid("a.unique"));
    assert_eq!(bad(Attribute::new("a", Kind::Address).indexed()), invalid("a.index"));
    let unknown = Attribute::new("a", Kind::Reference).target("nothing");
    assert_eq!(bad(unknown), (ErrorKind::UnknownType, "a.target".into()));
    let default = Attribute { default: Some("x".into()), ..Attribute::new("a", Kind::Integer) };
    assert_eq!(bad(default), (ErrorKind::WrongKind, "a.default".into()));
    let currency = Attribute::new("a", Kind::Money).currency("XXZ");
    assert_eq!(bad(currency), (ErrorKind::InvalidValue, "a.currency".into()));
    // The good one before the bad one is not kept either.
    let pair = [text("good"), Attribute::new("bad", Kind::Text).options(["x"])];
    crm.types().define(DefineType::new("item", pair)).unwrap_err();
    assert_eq!(crm.types().get("item").unwrap_err().kind(), ErrorKind::UnknownType);
    assert_eq!(journal_length(&crm), length);
}

#[test]
fn the_limits_of_a_schema_are_reached_and_not_passed() {
    let crm = Crm::in_memory().unwrap();
    let wide = |count: usize| {
        let attributes = (0..count).map(|n| Attribute::new(format!("a{n}"), Kind::Address));
        DefineType::new("wide", attributes)
    };
    let error = crm.types().define(wide(limits::ATTRIBUTES_PER_TYPE + 1)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("a200")));
    // Of five columns each: the widest table that there can be.
    crm.types().define(wide(limits::ATTRIBUTES_PER_TYPE)).unwrap();
    let home = Address { city: Some("Ulm".into()), ..Address::default() };
    let values = (0..200).map(|n| (format!("a{n}"), home.clone())).collect();
    let record = crm.records("wide").create(values).unwrap();
    assert_eq!(crm.records("wide").get(record.id).unwrap(), record);
    let city = "SELECT a199_city FROM v_wide";
    assert_eq!(crm.sql(&RunSql::new(city)).unwrap().rows[0].0, [Value::from("Ulm")]);
    assert_sound(&crm);

    let options: Vec<String> = (0..=limits::OPTIONS).map(|n| n.to_string()).collect();
    let choice = |count: usize| {
        let options = options[..count].iter().map(String::as_str);
        DefineType::new("choosy", [Attribute::new("a", Kind::Choice).options(options)])
    };
    let error = crm.types().define(choice(limits::OPTIONS + 1)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("a.options")));
    crm.types().define(choice(limits::OPTIONS)).unwrap();

    let present = crm.types().list().unwrap().len();
    for number in present..limits::TYPES {
        crm.types().define(DefineType::new(format!("t{number}"), [])).unwrap();
    }
    let error = crm.types().define(DefineType::new("one_more", [])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn presets_are_there_or_can_be_added_and_extended() {
    let crm = Crm::in_memory().unwrap();
    let names =
        |crm: &Crm| crm.types().list().unwrap().into_iter().map(|t| t.name).collect::<Vec<_>>();
    assert_eq!(names(&crm), ["company", "contact", "deal"]);
    for preset in [Preset::Household, Preset::Organisation] {
        let made = crm.types().define_preset(preset).unwrap();
        assert_eq!(made.attributes, preset.definition().attributes);
    }
    crm.records("household").create(values! { "name" => "Example" }).unwrap();
    crm.types().define_attribute("contact", text("nickname")).unwrap();
    let again = crm.types().define_preset(Preset::Contact).unwrap();
    assert!(again.attributes.iter().any(|attribute| attribute.name == "nickname"));
}

#[test]
fn definitions_are_in_the_file() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(everything()).unwrap();
    crm.types().archive_attribute("everything", "a_text").unwrap();
    crm.types().archive("deal").unwrap();
    let before = crm.types().list().unwrap();
    crm.close().unwrap();
    assert_eq!(folder.open().types().list().unwrap(), before);
}

#[test]
fn views_show_people_what_tables_hold_in_numbers() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(everything()).unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let money = |amount: &str, currency: &str| Value::Money(Money::new(amount, currency));
    let mut number = 0;
    let mut shows = |attribute: &str, value: Value, shown: &str| {
        number += 1;
        let values = values! { "code" => number.to_string(), attribute => value };
        let record = crm.records("everything").create(values).unwrap();
        let sql = format!("SELECT id, {attribute} FROM v_everything WHERE code = '{number}'");
        let row = crm.sql(&RunSql::new(sql)).unwrap().rows.remove(0).0;
        assert_eq!(row[0], Value::from(record.id), "the id");
        assert!(
            row[1] == Value::from(shown),
            "{attribute}: expected {shown}, found {}",
            row[1].as_str().unwrap_or("no text")
        );
    };
    for date in ["0001-01-01", "1582-10-15", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"]
    {
        shows("a_date", date.into(), date);
    }
    for (typed, shown) in [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("1969-12-31T23:59:58Z", "1969-12-31T23:59:58.000000Z"),
        ("1900-01-01T00:00:00.000001Z", "1900-01-01T00:00:00.000001Z"),
        ("2024-02-29T13:00:00.5+01:00", "2024-02-29T12:00:00.500000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ] {
        shows("a_timestamp", typed.into(), shown);
    }
    for (amount, currency, shown) in [
        ("12.34", "EUR", "12.34"),
        ("-0.05", "EUR", "-0.05"),
        ("-12", "JPY", "-12"),
        ("1.005", "KWD", "1.005"),
        ("-0.001", "KWD", "-0.001"),
        ("0.0001", "CLF", "0.0001"),
        ("92233720368547758.07", "USD", "92233720368547758.07"),
        ("-92233720368547758.08", "USD", "-92233720368547758.08"),
        ("-9223372036854775808", "JPY", "-9223372036854775808"),
    ] {
        shows("a_money", money(amount, currency), shown);
    }
    shows("price", "0.5".into(), "0.50");
    shows("a_decimal", "-0.01".into(), "-0.01");
    shows("whole", "-7".into(), "-7");
    shows("fine", "-0.000000000001".into(), "-0.000000000001");
    shows("a_reference", Value::from(acme), &acme.to_string());
    shows("a_email", "Ann@EXAMPLE.org".into(), "Ann@example.org");
    shows("a_choices", vec!["red", "blue"].into(), "[\"blue\",\"red\"]");
    shows("a_time_zone", "Europe/Berlin".into(), "Europe/Berlin");

    // What has no value shows none.
    let empty = crm.records("everything").create(values! { "code" => "none" }).unwrap();
    let rows = crm.sql(&RunSql::new("SELECT * FROM v_everything WHERE code = 'none'")).unwrap();
    let shown = rows.columns.iter().zip(&rows.rows[0].0).filter(|(_, value)| !value.is_null());
    let names: Vec<_> = shown.map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "version", "created_at", "updated_at", "code"]);
    let created = rows.rows[0].0[2].as_str().unwrap();
    assert_eq!(created.parse::<crm_core::Timestamp>().unwrap(), empty.created_at);

    // An attribute that comes or goes changes the view with it.
    crm.types().define_attribute("everything", text("later")).unwrap();
    crm.types().archive_attribute("everything", "a_text").unwrap();
    crm.sql(&RunSql::new("SELECT later FROM v_everything")).unwrap();
    let error = crm.sql(&RunSql::new("SELECT a_text FROM v_everything")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSql);
}
