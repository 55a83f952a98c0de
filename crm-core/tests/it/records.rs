//! Records of the presets and of types that the host defines.

use crm_core::{
    Address, ApplyChanges, Archived, Attribute, CountRecords, Crm, DefineRule, DefineType,
    ErrorKind, GetHistory, Kind, ListRecords, Order, PatchRecord, RecordChange, RuleAction,
    RuleTrigger, Value, Values, limits, values,
};

fn library() -> Crm {
    let crm = Crm::in_memory().unwrap();
    let book = DefineType::new(
        "book",
        [
            Attribute::new("title", Kind::Text).required(),
            Attribute::new("author", Kind::Text).indexed(),
            Attribute::new("genre", Kind::Choice).options(["novel", "poetry", "travel"]),
            Attribute::new("book_id", Kind::Integer).unique(),
        ],
    );
    crm.types().define(book).unwrap();
    crm
}

#[test]
fn a_type_of_the_hosts_own_works_like_a_preset() {
    let crm = library();
    let books = crm.records("book");
    let emma = books
        .create(
            values! { "title" => "Emma", "author" => "Austen", "genre" => "novel", "book_id" => 7 },
        )
        .unwrap();
    assert_eq!(emma.version, 1);
    assert_eq!(books.get(emma.id).unwrap(), emma);
    assert_eq!(books.get_by("book_id", 7).unwrap(), emma);
    let patched =
        books.patch(emma.id, values! { "author" => "Jane Austen", "genre" => Value::Null });
    let patched = patched.unwrap();
    assert_eq!(patched.version, 2);
    assert!(patched.get("genre").is_null());
    let history = crm.journal().of_record("book", emma.id).unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[1].values, values! { "author" => "Jane Austen", "genre" => Value::Null });
    assert!(crm.verify(&mut |_| crm_core::Flow::Continue).unwrap().is_ok);
    let _ =
        GetHistory { entity_type: "book".into(), id: emma.id, attribute: None, after: 0, limit: 5 };
}

#[test]
fn an_unknown_option_suggests_the_nearest_one() {
    let crm = library();
    let values = values! { "title" => "Emma", "genre" => "novle" };
    let error = crm.records("book").create(values).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOption);
    assert_eq!(error.field(), Some("genre"));
    assert_eq!(error.hint(), Some("did you mean \"novel\"?"));
}

#[test]
fn pages_in_an_order_meet_every_record_once() {
    let crm = library();
    for number in 0..25 {
        let author = (number % 4 > 0).then(|| format!("author {}", number % 3));
        crm.records("book")
            .create(values! { "title" => "t", "author" => author, "book_id" => number })
            .unwrap();
    }
    for descending in [false, true] {
        let order = Some(Order { attribute: "author".into(), descending });
        let mut request = ListRecords { order, limit: 4, ..ListRecords::new("book") };
        let mut seen = Vec::new();
        loop {
            let page = crm.list_records(&request).unwrap();
            seen.extend(
                page.records.iter().map(|r| (r.get("author").as_str().map(str::to_owned), r.id)),
            );
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 25);
        let mut sorted = seen.clone();
        sorted.sort();
        if descending {
            sorted.reverse();
        }
        assert_eq!(seen, sorted);
    }
}

#[test]
fn a_filter_may_name_every_column_of_the_widest_type() {
    let crm = Crm::in_memory().unwrap();
    let names: Vec<String> = (1..limits::ATTRIBUTES_PER_TYPE).map(|n| format!("a{n}")).collect();
    let attributes = names.iter().map(|name| Attribute::new(name, Kind::Address));
    let number = Attribute::new("number", Kind::Integer).indexed();
    crm.types().define(DefineType::new("wide", attributes.chain([number]))).unwrap();
    let part = |text: &str| Some(text.to_owned());
    let whole = Address {
        street: part("Markt 3"),
        city: part("Ulm"),
        region: part("Bayern"),
        postal_code: part("89073"),
        country: part("DE"),
    };
    let with = |address: &Address| {
        let values = names.iter().map(|name| (name, Value::Address(address.clone())));
        values.collect::<Values>()
    };
    let other = Address { region: None, ..whole.clone() };
    for address in [&whole, &whole, &other] {
        let mut values = with(address);
        values.insert("number", 1);
        crm.records("wide").create(values).unwrap();
    }
    for (address, expected) in [(&whole, 2), (&other, 1)] {
        let mut filter = with(address);
        filter.insert("number", 1);
        let order = Some(Order { attribute: "number".into(), descending: true });
        let filtered = ListRecords { filter, order, limit: 1, ..ListRecords::new("wide") };
        let page = crm.list_records(&filtered).unwrap();
        let rest = ListRecords { after: page.next, limit: 10, ..filtered.clone() };
        let rest = rest.after.is_some().then(|| crm.list_records(&rest).unwrap().records.len());
        assert_eq!(page.records.len() + rest.unwrap_or_default(), expected);
        let count = CountRecords {
            filter: filtered.filter,
            archived: Archived::Exclude,
            ..CountRecords::new("wide")
        };
        assert_eq!(crm.count_records(&count).unwrap(), expected as u64);
    }
}

#[test]
fn a_batch_tells_the_version_that_a_record_has_after_its_last_row() {
    let crm = Crm::in_memory().unwrap();
    let moved = RuleTrigger::becomes("country", "DE");
    let speaks = [RuleAction::set("locale", "de")];
    crm.rules().define(DefineRule::new("moved", "contact", moved, speaks)).unwrap();
    let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    let patch = |values: Values| {
        RecordChange::Patch(PatchRecord {
            entity_type: "contact".into(),
            id: ann,
            values,
            expected_version: None,
        })
    };
    // A rule follows from the first, and nothing from the second.
    let changes =
        vec![patch(values! { "country" => "DE" }), patch(values! { "family_name" => "Bell" })];
    let report = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
    let told: Vec<_> = report.outcomes.iter().map(|outcome| outcome.version).collect();
    assert_eq!(told, [Some(3), Some(4)]);
    assert_eq!(crm.contacts().get(ann).unwrap().version, 4);
}
