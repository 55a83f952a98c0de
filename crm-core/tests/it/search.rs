//! Full text search as a user meets it: what is found, in what order, and what is found no more.

use std::{collections::BTreeSet, fs};

use crm_core::{
    ActivityPreset, Archived, Attribute, ColumnMapping, Crm, DefineActivityKind,
    DefineAssociationType, DefineType, ErrorKind, Flow, IdentifyVisitor, ImportMode, ImportVcard,
    Kind, ListRecords, NewActivity, PlanImport, RecordId, RecordRef, RunSql, SearchItem,
    SearchPage, SearchText, Timestamp, Value, limits, values,
};

use crate::support::{Folder, assert_sound, read_only, replay};

fn book() -> DefineType {
    DefineType::new(
        "book",
        [
            Attribute::new("title", Kind::Text).searched(),
            Attribute::new("text", Kind::LongText).searched(),
            Attribute::new("mail", Kind::Email).searched(),
            Attribute::new("code", Kind::Text),
        ],
    )
}

fn library() -> Crm {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    crm.types().define(book()).unwrap();
    crm
}

fn add(crm: &Crm, title: &str, text: &str) -> RecordId {
    crm.records("book").create(values! { "title" => title, "text" => text }).unwrap().id
}

fn search(crm: &Crm, text: &str) -> SearchPage {
    crm.search(&SearchText::new(text)).unwrap()
}

/// The records that are found, the best first.
fn found(crm: &Crm, text: &str) -> Vec<RecordId> {
    search(crm, text).hits.into_iter().map(|hit| hit.record.unwrap().id).collect()
}

/// The snippet with brackets around what was found.
fn shown(page: &SearchPage, hit: usize) -> String {
    let parts = page.hits[hit].snippet.parts.iter();
    let text = parts.map(|part| match part.is_match {
        true => format!("[{}]", part.text),
        false => part.text.clone(),
    });
    text.collect()
}

#[test]
fn a_second_verification_looks_at_the_words_of_the_present() {
    let folder = Folder::new();
    let crm = Crm::open(folder.path()).unwrap();
    crm.types().define(book()).unwrap();
    let id = add(&crm, "Dune", "hello world");
    for text in ["other words", "and others again"] {
        assert_sound(&crm);
        crm.records("book").patch(id, values! { "text" => text }).unwrap();
    }
    assert_sound(&crm);
}

#[test]
fn all_words_are_needed_wherever_they_stand() {
    let crm = library();
    let emma = add(&crm, "Emma", "A novel by Jane Austen");
    let persuasion = add(&crm, "Persuasion", "Another novel by Jane Austen");
    let poems = add(&crm, "Poems", "Emma Lazarus");
    assert_eq!(found(&crm, "emma austen"), [emma]);
    assert_eq!(found(&crm, "novel austen").len(), 2);
    // A phrase stands within one attribute.
    assert_eq!(found(&crm, "\"emma lazarus\""), [poems]);
    assert!(found(&crm, "\"emma a\"").is_empty());
    assert_eq!(found(&crm, "\"by jane\" persuasion"), [persuasion]);
    assert!(found(&crm, "\"jane by\"").is_empty());
    // A word is whole unless it is left open.
    assert!(found(&crm, "aust").is_empty());
    assert_eq!(found(&crm, "aust* emm*"), [emma]);
    let open = crm.search(&SearchText::new("emma aus").prefix()).unwrap();
    assert_eq!(open.hits.len(), 1);
    assert_eq!(
        found(&crm, "p*").into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([persuasion, poems])
    );
    assert_eq!(found(&crm, "\"another nov\"*"), [persuasion]);
    assert!(found(&crm, "nowhere").is_empty());
}

#[test]
fn case_accents_and_forms_of_letters_do_not_matter() {
    let crm = library();
    for (stored, asked) in [
        ("Müller", "muller"),
        ("muller", "MÜLLER"),
        ("Mu\u{308}ller", "Müller"),
        ("Łódź", "lodz"),
        ("Straße", "STRASSE"),
        ("Dvořák", "dvorak"),
        ("Þór Ærø", "thor aero"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Ёлка", "елка"),
        ("東京都", "京都"),
        ("ﬁancé", "fiance"),
        ("O'Neil", "o'neil"),
        ("قَلْب", "قلب"),
    ] {
        let id = add(&crm, stored, "");
        assert_eq!(found(&crm, asked), [id], "{stored} {asked}");
        crm.records("book").patch(id, values! { "title" => Value::Null }).unwrap();
        assert!(found(&crm, asked).is_empty(), "{stored} {asked}");
    }
    assert_sound(&crm);
}

#[test]
fn the_best_comes_first_with_the_place_where_it_is() {
    let crm = library();
    let filler = "something else that is long and says nothing of it ".repeat(30);
    let aside = add(&crm, "Gardens", &format!("{filler}a whale\nin passing {filler}"));
    let about = add(&crm, "The Whale", "All of it is about the whale.");
    add(&crm, "Nothing", &filler);
    let page = search(&crm, "whale");
    let ids: Vec<_> = page.hits.iter().map(|hit| hit.record.as_ref().unwrap().id).collect();
    assert_eq!(ids, [about, aside]);
    assert!(page.hits[0].score > page.hits[1].score && page.hits[1].score > 0.0);
    assert_eq!(
        (page.hits[0].attribute.as_str(), page.hits[1].attribute.as_str()),
        ("title", "text")
    );
    assert_eq!(shown(&page, 0), "The [Whale]");
    assert!(!page.hits[0].snippet.is_cut_before && !page.hits[0].snippet.is_cut_after);
    assert!(shown(&page, 1).contains(" a [whale]\nin passing "), "{}", shown(&page, 1));
    assert!(page.hits[1].snippet.is_cut_before && page.hits[1].snippet.is_cut_after);
    // The attribute with most of the words is shown.
    let page = search(&crm, "whale about");
    assert_eq!(page.hits[0].attribute, "text");
    assert_eq!(shown(&page, 0), "All of it is [about] the [whale].");
}

#[test]
fn pages_follow_one_another_and_equal_hits_stay_in_their_order() {
    let crm = library();
    let ids: Vec<RecordId> =
        (0..10).map(|number| add(&crm, "same words", &format!("{}", number % 3))).collect();
    let whole = search(&crm, "words same");
    assert_eq!(
        whole.hits.iter().map(|hit| hit.record.clone().unwrap().id).collect::<Vec<_>>(),
        ids
    );
    assert_eq!(whole.next, None);
    for limit in [1, 3, 9, 10] {
        let mut request = SearchText { limit, ..SearchText::new("words same") };
        let mut hits = Vec::new();
        loop {
            let page = crm.search(&request).unwrap();
            assert!(page.hits.len() <= limit as usize);
            hits.extend(page.hits);
            match page.next {
                Some(next) => request.after = Some(next),
                None => break,
            }
        }
        assert_eq!(hits, whole.hits, "{limit}");
    }
    let list = crm.list_records(&ListRecords { limit: 1, ..ListRecords::new("book") }).unwrap();
    let error = crm.search(&SearchText { after: list.next, ..SearchText::new("words") });
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("after")));
}

#[test]
fn archived_records_are_found_where_they_are_asked_for() {
    let crm = library();
    let (kept, gone) = (add(&crm, "word", ""), add(&crm, "word", ""));
    crm.records("book").archive(gone, None).unwrap();
    let of = |archived| {
        let page = crm.search(&SearchText { archived, ..SearchText::new("word") }).unwrap();
        page.hits.into_iter().map(|hit| hit.record.unwrap().id).collect::<Vec<_>>()
    };
    assert_eq!(of(Archived::Exclude), [kept]);
    assert_eq!(of(Archived::Only), [gone]);
    assert_eq!(of(Archived::Include), [kept, gone]);
    assert_sound(&crm);
    crm.records("book").restore(gone, None).unwrap();
    assert_eq!(of(Archived::Exclude), [kept, gone]);
    assert_sound(&crm);
}

#[test]
fn activities_are_found_until_they_are_corrected() {
    let crm = library();
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    let memo = Attribute::new("memo", Kind::LongText).searched();
    crm.activity_kinds().define(DefineActivityKind::new("call", [memo.clone()])).unwrap();
    crm.activity_kinds().define(DefineActivityKind::new("talk", [memo])).unwrap();
    let record = add(&crm, "Tender", "");
    let book = RecordRef::new("book", record);
    let at = Timestamp::UNIX_EPOCH;
    let with = |memo: &str, activity: NewActivity| {
        let activity = NewActivity { properties: values! { "memo" => memo }, ..activity };
        crm.activities().record(activity).unwrap().activity.id
    };
    let call = with("The tender is late", NewActivity::of("call", book.clone(), at));
    let talk = with("tender of a visitor", NewActivity::of_visitor("talk", "v", at));
    let kinds_of = |request: SearchText| {
        let hits = crm.search(&request).unwrap().hits;
        hits.into_iter()
            .map(|hit| hit.activity.map(|activity| activity.kind))
            .collect::<BTreeSet<_>>()
    };
    let (a_call, a_talk) = (Some("call".to_owned()), Some("talk".to_owned()));
    let (all, tender) =
        (BTreeSet::from([None, a_call.clone(), a_talk.clone()]), || SearchText::new("tender"));
    assert_eq!(kinds_of(tender()), all);
    // What is named narrows the search to what is named.
    let types = vec!["book".to_owned()];
    let kinds = vec!["call".to_owned()];
    let only_call = BTreeSet::from([a_call.clone()]);
    assert_eq!(kinds_of(SearchText { types: types.clone(), ..tender() }), BTreeSet::from([None]));
    assert_eq!(kinds_of(SearchText { kinds: kinds.clone(), ..tender() }), only_call);
    assert_eq!(
        kinds_of(SearchText { types: types.clone(), kinds: kinds.clone(), ..tender() }),
        BTreeSet::from([None, a_call.clone()])
    );
    assert_eq!(
        kinds_of(SearchText { items: vec![SearchItem::Record], ..tender() }),
        BTreeSet::from([None])
    );
    let activities = vec![SearchItem::Activity];
    assert_eq!(
        kinds_of(SearchText { items: activities.clone(), ..tender() }),
        BTreeSet::from([a_call, a_talk])
    );
    let both = vec![SearchItem::Activity, SearchItem::Record];
    assert_eq!(kinds_of(SearchText { items: both, types: types.clone(), ..tender() }), all);
    assert_eq!(kinds_of(SearchText { types: vec!["contact".into()], ..tender() }), BTreeSet::new());

    let hit = |text: &str| search(&crm, text).hits.remove(0);
    let late = hit("late");
    let activity = late.activity.unwrap();
    assert_eq!((activity.id, activity.kind.as_str(), activity.at), (call, "call", at));
    assert_eq!((late.record, late.attribute.as_str()), (Some(book.clone()), "memo"));
    // Whose it is, is what is known of the visitor now.
    assert_eq!(hit("visitor").record, None);
    let (visitor, entity_type) = ("v".to_owned(), "book".to_owned());
    crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id: record }).unwrap();
    assert_eq!(hit("visitor").record, Some(book));
    assert_eq!(hit("visitor").activity.unwrap().id, talk);

    with("It is early", NewActivity { supersedes: Some(call), ..NewActivity::new("call", at) });
    assert!(search(&crm, "late").hits.is_empty());
    assert_eq!(search(&crm, "early").hits.len(), 1);
    assert_sound(&crm);
    // What is no longer searched is not found, and what is searched again is.
    let memo = |searched| Attribute { searched, ..Attribute::new("memo", Kind::LongText) };
    let define = |searched| {
        crm.activity_kinds().define(DefineActivityKind::new("call", [memo(searched)])).unwrap();
        assert_sound(&crm);
    };
    define(false);
    assert!(search(&crm, "early").hits.is_empty());
    define(true);
    assert_eq!(search(&crm, "early").hits.len(), 1);
    assert!(search(&crm, "late").hits.is_empty(), "it is superseded");
}

#[test]
fn what_is_searched_follows_the_definition() {
    let crm = library();
    let emma =
        crm.records("book").create(values! { "title" => "Emma", "code" => "Zebra" }).unwrap();
    crm.records("book").archive(emma.id, None).unwrap();
    assert!(found(&crm, "zebra").is_empty());
    let code = |searched| Attribute { searched, ..Attribute::new("code", Kind::Text) };
    let any = |text: &str| {
        let archived = Archived::Include;
        crm.search(&SearchText { archived, ..SearchText::new(text) }).unwrap().hits.len()
    };
    crm.types().define_attribute("book", code(true)).unwrap();
    assert_eq!((any("zebra"), any("zebra emma"), found(&crm, "zebra").len()), (1, 1, 0));
    assert_sound(&crm);
    crm.types().archive_attribute("book", "code").unwrap();
    assert_eq!((any("zebra"), any("emma")), (0, 1));
    assert_sound(&crm);
    crm.types().restore_attribute("book", "code").unwrap();
    assert_eq!(any("zebra"), 1);
    crm.types().define(DefineType::new("book", [code(false)])).unwrap();
    assert_eq!((any("zebra"), any("emma")), (0, 1));
    assert_sound(&crm);
    // Stating it again changes nothing.
    let before = crm.types().get("book").unwrap();
    assert_eq!(crm.types().define(book()).unwrap(), before);

    for kind in [Kind::Integer, Kind::Choice, Kind::Country, Kind::File] {
        let mut attribute = Attribute::new("other", kind).searched();
        if kind == Kind::Choice {
            attribute = attribute.options(["a"]);
        }
        let error = crm.types().define_attribute("book", attribute).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.field(), Some("other.searched"));
    }
    let mut links = DefineAssociationType::new("wrote", ["contact"], ["book"]);
    links.attributes = vec![Attribute::new("as", Kind::Text).searched()];
    let error = crm.association_types().define(links).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("as.searched")));
}

#[test]
fn a_calculated_text_is_searched_as_it_is_calculated() {
    let crm = library();
    let both = Attribute::new("both", Kind::Text).formula("concat(title, \"-\", code)").searched();
    let id = crm.records("book").create(values! { "title" => "Emma", "code" => "x1" }).unwrap().id;
    crm.types().define_attribute("book", both).unwrap();
    assert_eq!(found(&crm, "\"emma x1\""), [id]);
    crm.records("book").patch(id, values! { "code" => "y2" }).unwrap();
    assert_eq!(found(&crm, "\"emma y2\""), [id]);
    assert!(found(&crm, "x1").is_empty());
    assert_sound(&crm);
}

#[test]
fn imports_and_what_takes_them_back_keep_the_index_true() {
    let crm = library();
    let go_on = &mut |_| Flow::Continue;
    let kept = add(&crm, "Kept title", "");
    crm.records("book").patch(kept, values! { "mail" => "kept@example.org" }).unwrap();
    crm.types()
        .define_attribute("book", Attribute::new("mail", Kind::Email).searched().unique())
        .unwrap();
    let mut request = PlanImport::from_text(
        "book",
        "title,mail\nChanged title,kept@example.org\nFresh title,fresh@example.org\n",
        [ColumnMapping::new("title", "title"), ColumnMapping::new("mail", "mail")],
    );
    (request.mode, request.key) = (ImportMode::Upsert, vec!["mail".into()]);
    let plan = crm.imports().plan(&request, go_on).unwrap();
    let id = crm.imports().apply(&plan, go_on).unwrap().import.id;
    assert_eq!(found(&crm, "changed"), [kept]);
    assert_eq!((found(&crm, "fresh title").len(), found(&crm, "\"kept title\"").len()), (1, 0));
    assert_sound(&crm);
    crm.imports().revert(id, go_on).unwrap();
    assert_eq!(found(&crm, "\"kept title\""), [kept]);
    assert!(found(&crm, "changed").is_empty() && found(&crm, "fresh").is_empty());
    assert_sound(&crm);

    let name = Attribute::new("given_name", Kind::Text).searched();
    crm.types().define_attribute("contact", name).unwrap();
    let card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Zoë Quill\r\nN:Quill;Zoë;;;\r\nEND:VCARD\r\n";
    crm.import_vcard(&ImportVcard::from_text("contact", card), go_on).unwrap();
    assert_eq!(search(&crm, "zoe").hits.len(), 1);
    assert_sound(&crm);
}

/// How often these bytes stand in the closed file.
fn occurrences(folder: &Folder, bytes: &str) -> usize {
    let image = fs::read(folder.path()).unwrap();
    image.windows(bytes.len()).filter(|window| *window == bytes.as_bytes()).count()
}

#[test]
fn what_was_changed_leaves_no_word_in_the_file() {
    let folder = Folder::new();
    // The journal keeps what was written, with its accents; the folded word is the index's alone.
    let (written, folded) = ("Zänzibarínequeue", "anzibarinequeue");
    let open = || {
        let crm = folder.open();
        crm.types().define(book()).unwrap();
        crm.activity_kinds()
            .define(DefineActivityKind::new(
                "talk",
                [Attribute::new("memo", Kind::Text).searched()],
            ))
            .unwrap();
        crm
    };
    let crm = open();
    // Words around it, so that it is one of many in the index.
    for number in 0..500 {
        add(&crm, &format!("zamba{number} zoo{number}"), "all the same");
    }
    let id = add(&crm, written, "of many words");
    let other = add(&crm, "plain", written);
    let talk = NewActivity {
        properties: values! { "memo" => written },
        ..NewActivity::of("talk", RecordRef::new("book", id), Timestamp::UNIX_EPOCH)
    };
    let talk = crm.activities().record(talk).unwrap().activity.id;
    crm.close().unwrap();
    assert!(occurrences(&folder, folded) >= 4, "the words and the index");

    let crm = open();
    crm.records("book").patch(id, values! { "title" => "Plain" }).unwrap();
    crm.records("book").patch(other, values! { "text" => Value::Null }).unwrap();
    let correction =
        NewActivity { supersedes: Some(talk), ..NewActivity::new("talk", Timestamp::UNIX_EPOCH) };
    crm.activities().record(correction).unwrap();
    assert_sound(&crm);
    crm.close().unwrap();
    assert_eq!(occurrences(&folder, folded), 0);
    assert!(occurrences(&folder, written) > 0, "the history has it still");

    // The same when a definition changes.
    let crm = open();
    crm.records("book").patch(id, values! { "title" => written }).unwrap();
    crm.close().unwrap();
    assert!(occurrences(&folder, folded) > 0);
    let crm = folder.open();
    for name in ["title", "mail"] {
        let kind = if name == "title" { Kind::Text } else { Kind::Email };
        crm.types().define_attribute("book", Attribute::new(name, kind)).unwrap();
    }
    crm.close().unwrap();
    assert_eq!(occurrences(&folder, folded), 0);
}

#[test]
fn whatever_is_typed_is_answered_or_refused() {
    let crm = library();
    let id = add(&crm, "and or not near words rowid crm_search rank a b c", "x");
    let long = "word ".repeat(200_000);
    for (text, kind) in [
        ("", ErrorKind::InvalidArgument),
        ("  ", ErrorKind::InvalidArgument),
        ("\"\"", ErrorKind::InvalidArgument),
        ("* - ^", ErrorKind::InvalidArgument),
        ("\0", ErrorKind::InvalidArgument),
        (long.as_str(), ErrorKind::LimitExceeded),
        (&"a ".repeat(limits::SEARCH_WORDS + 1), ErrorKind::LimitExceeded),
    ] {
        let error = crm.search(&SearchText::new(text)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some("text")));
    }
    for text in [
        "a AND b",
        "a OR b",
        "NOT a",
        "NEAR(a b)",
        "near(a, 1)",
        "words:near",
        "{words} : a",
        "words : a",
        "^and",
        "+a +b",
        "-a",
        "a \"",
        "\"a",
        "'a'",
        "(a",
        "a) OR (b",
        "a; DROP TABLE book",
        "a\0b",
        "rank",
        "*a",
        "a**",
        "\u{202e}a",
        "a/*",
        "--a",
    ] {
        let page = crm.search(&SearchText::new(text));
        assert!(page.is_ok(), "{text:?}: {page:?}");
    }
    assert_eq!(found(&crm, "a AND b"), [id], "AND is a word");
    assert!(found(&crm, "a XAND b").is_empty());
    assert!(found(&crm, "a OR zzz").is_empty(), "OR is a word, and all words are needed");
    assert_eq!(found(&crm, "-a"), [id], "a minus excludes nothing");
    assert!(found(&crm, "title:x").is_empty(), "a colon names no column");

    let refused = |request: SearchText| {
        let error = crm.search(&request).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned())
    };
    let request = || SearchText::new("a");
    let invalid = |field: &str| (ErrorKind::InvalidArgument, field.to_owned());
    assert_eq!(refused(SearchText { limit: 0, ..request() }), invalid("limit"));
    assert_eq!(
        refused(SearchText { limit: limits::SEARCH_HITS + 1, ..request() }),
        invalid("limit")
    );
    assert_eq!(refused(SearchText { after: Some("x".into()), ..request() }), invalid("after"));
    let unknown = |field: &str| (ErrorKind::UnknownType, field.to_owned());
    assert_eq!(refused(SearchText { types: vec!["bok".into()], ..request() }), unknown("types"));
    assert_eq!(refused(SearchText { kinds: vec!["cal".into()], ..request() }), unknown("kinds"));
    let (items, types) = (vec![SearchItem::Activity], vec!["book".to_owned()]);
    assert_eq!(refused(SearchText { items, types, ..request() }), invalid("types"));
    crm.close().unwrap();
    assert_eq!(crm.search(&request()).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_text_of_a_mebibyte_is_searched_to_its_end() {
    let crm = library();
    let text = "word ".repeat(limits::LONG_TEXT_BYTES / 5 - 4) + "needle";
    let id = add(&crm, "Long", &text);
    let page = search(&crm, "needle word");
    assert_eq!(page.hits[0].record.as_ref().unwrap().id, id);
    assert!(shown(&page, 0).contains("[needle]") || shown(&page, 0).contains("[word]"));
    assert!(search(&crm, "needle").hits[0].snippet.is_cut_before);
    assert_sound(&crm);
}

#[test]
fn a_file_that_is_only_read_is_searched_and_sql_reads_the_words() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(book()).unwrap();
    add(&crm, "Müller", "x");
    crm.close().unwrap();
    let crm = Crm::open_with(folder.path(), read_only()).unwrap();
    assert_eq!(found(&crm, "muller").len(), 1);
    assert_sound(&crm);
    let rows = crm.sql(&RunSql::new("SELECT words FROM crm_search")).unwrap().rows;
    assert_eq!(rows[0].0, [Value::from("muller ¶ x ")]);
}

#[test]
fn debug_shows_neither_what_is_searched_for_nor_what_is_found() {
    let crm = library();
    add(&crm, "Zanzibarine", "");
    add(&crm, "zanzibarine", "");
    let request = SearchText { limit: 1, ..SearchText::new("zanzibarine") };
    let page = crm.search(&request).unwrap();
    let next = page.next.clone().unwrap();
    let shown = format!("{request:?} {page:?}").to_lowercase();
    assert!(!shown.contains("zanzibarine") && !shown.contains(&next), "{shown}");
    assert!(shown.contains("text of 11 bytes"), "{shown}");
}
