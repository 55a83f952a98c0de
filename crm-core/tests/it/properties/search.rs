//! The laws of search: the index is what the rows make it, and it finds what has the words.

use std::collections::BTreeMap;

use crm_core::{
    Archived, Attribute, Crm, DefineActivityKind, DefineType, Flow, Kind, ListRecords, RecordId,
    RunSql, SearchText, Value, Values, values,
};
use proptest::prelude::*;

use super::{
    cases,
    machine::{TYPES, World, schema, step},
    memory,
};

/// The index, whole: whose words, and which.
fn index(crm: &Crm) -> Vec<Vec<Value>> {
    let sql = "SELECT d.seq, t.name, k.name, d.is_archived, s.words FROM crm_searched d \
               LEFT JOIN crm_search s ON s.rowid = d.seq LEFT JOIN crm_type t ON t.id = d.type \
               LEFT JOIN crm_activity_kind k ON k.id = d.kind ORDER BY d.seq";
    let rows = crm.sql(&RunSql { limit: 100_000, ..RunSql::new(sql) }).unwrap().rows;
    rows.into_iter().map(|row| row.0).collect()
}

/// Takes all words out and puts them in again, as far as the definitions can be changed.
fn make_anew(crm: &Crm) -> bool {
    let set = |attributes: &[Attribute], searched: bool| -> Vec<Attribute> {
        let attributes = attributes.iter().filter(|attribute| attribute.searched);
        attributes.map(|a| Attribute { searched, ..a.clone() }).collect()
    };
    let types = crm.types().list().unwrap();
    let types: Vec<_> = types.into_iter().filter(|t| TYPES.contains(&t.name.as_str())).collect();
    let kinds = crm.activity_kinds().list().unwrap();
    if types.iter().any(|t| t.archived_at.is_some())
        || kinds.iter().any(|k| k.archived_at.is_some())
    {
        return false;
    }
    for searched in [false, true] {
        for t in &types {
            crm.types().define(DefineType::new(&t.name, set(&t.attributes, searched))).unwrap();
        }
        for kind in &kinds {
            let properties = set(&kind.properties, searched);
            crm.activity_kinds().define(DefineActivityKind::new(&kind.name, properties)).unwrap();
        }
        if !searched {
            assert!(index(crm).is_empty(), "words were left in the index");
        }
    }
    true
}

proptest! {
    #![proptest_config(cases(150))]

    /// Whatever was done, the index is the one that is made anew of what is there.
    #[test]
    fn the_index_is_what_it_would_be_if_it_were_made_anew(
        schema in schema(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut world = World::new(memory(), &schema);
        for step in &steps {
            let _ = world.perform(step);
        }
        let crm = &world.crm;
        for name in TYPES {
            crm.types().restore(name).unwrap();
        }
        for kind in crm.activity_kinds().list().unwrap() {
            crm.activity_kinds().restore(&kind.name).unwrap();
        }
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        prop_assert_eq!(report.problems, Vec::<String>::new());
        let before = index(crm);
        prop_assert!(make_anew(crm));
        prop_assert_eq!(index(crm), before);
    }

    /// What is found is what has every word, phrase and beginning: as counted by hand.
    #[test]
    fn what_is_found_is_what_has_the_words(
        rows in prop::collection::vec((text(), text()), 1..12),
        asked in "(a|b|ab|ba|\"a b\"|\"b a b\"|a\\*|\"a b\"\\*)( (a|b|ba|b\\*|\"b b\")){0,2}",
        prefix in any::<bool>(),
    ) {
        let crm = memory();
        let [one, two] = ["one", "two"].map(|name| Attribute::new(name, Kind::Text).searched());
        crm.types().define(DefineType::new("book", [one, two])).unwrap();
        let mut expected = BTreeMap::new();
        for (one, two) in &rows {
            let id = crm.records("book").create(values! { "one" => one.as_str(), "two" => two.as_str() });
            let id = id.unwrap().id;
            if has(&asked, prefix, &[one, two]) {
                expected.insert(id, ());
            }
        }
        let request = SearchText { prefix, limit: 1000, ..SearchText::new(asked) };
        let page = crm.search(&request).unwrap();
        let found: BTreeMap<RecordId, ()> =
            page.hits.iter().map(|hit| (hit.record.as_ref().unwrap().id, ())).collect();
        prop_assert_eq!(found.len(), page.hits.len());
        prop_assert_eq!(found, expected);
        prop_assert!(page.hits.windows(2).all(|two| two[0].score >= two[1].score));
        for hit in page.hits {
            prop_assert!(hit.snippet.parts.iter().any(|part| part.is_match));
        }
    }

    /// Every word of every stored text finds its record.
    #[test]
    fn every_word_finds_its_record(texts in prop::collection::vec("\\PC{0,20}", 1..6)) {
        let crm = memory();
        let note = Attribute::new("note", Kind::LongText).searched();
        crm.types().define(DefineType::new("book", [note])).unwrap();
        for text in &texts {
            let _ = crm.records("book").create(Values::from_iter([("note", text.as_str())]));
        }
        let all = ListRecords { archived: Archived::Include, ..ListRecords::new("book") };
        for record in crm.list_records(&all).unwrap().records {
            let Some(text) = record.get("note").as_str() else { continue };
            for piece in text.split_whitespace() {
                let Ok(page) = crm.search(&SearchText::new(format!("\"{}\"", piece.replace('"', " ")))) else {
                    continue;
                };
                let is_found = page.hits.iter().any(|hit| hit.record.as_ref().unwrap().id == record.id);
                prop_assert!(is_found, "{:?} of {:?}", piece, text);
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "((a|b|á|ab|BA|aba|·)[ ,]){0,6}"
}

/// Whether texts of `a`, `b` and their like have what is asked for, word by word.
fn has(asked: &str, prefix: bool, texts: &[&str]) -> bool {
    let words_of = |text: &str| -> Vec<String> {
        let plain = text.to_lowercase().replace('á', "a");
        let words = plain.split(|sign: char| !sign.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let texts: Vec<Vec<String>> = texts.iter().map(|text| words_of(text)).collect();
    let mut terms = Vec::new();
    let mut rest = asked;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => rest[1..].find('"').map(|at| at + 2),
            _ => rest.find([' ', '*']),
        };
        let (term, after) = rest.split_at(end.unwrap_or(rest.len()));
        let is_open = after.starts_with('*');
        rest = after.trim_start_matches(['*', ' ']);
        terms.push((words_of(term), is_open));
    }
    if let Some((_, is_open)) = terms.last_mut() {
        *is_open |= prefix;
    }
    terms.iter().all(|(term, is_open)| {
        texts.iter().any(|words| {
            words.windows(term.len()).any(|window| {
                let (last, first) = window.split_last().unwrap();
                let (wanted, before) = term.split_last().unwrap();
                let fits = if *is_open { last.starts_with(wanted) } else { last == wanted };
                first == before && fits
            })
        })
    })
}
