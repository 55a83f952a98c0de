//! Full text: what two searched attributes cost when records are created, and what finding costs.
//! By hand somebody would put the texts into FTS5 with its own tokenizer, and read the rows it finds.

use std::path::Path;

use crm_core::{Attribute, Crm, Durability, Kind, SearchText};

use super::{Budget, Line, create, in_turn, open, raw::Raw, rows};

const WORDS: &str = "
CREATE VIRTUAL TABLE words USING fts5(
    given_name, family_name, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);";

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let crm = open(&folder.join("search.crm"), Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    for attribute in [
        Attribute::new("given_name", Kind::Text).searched(),
        Attribute::new("family_name", Kind::Text).indexed().searched(),
    ] {
        crm.types().define_attribute("customer", attribute).unwrap();
    }
    let mut raw = Raw::open(&folder.join("search.db"));
    raw.conn.execute_batch(WORDS).unwrap();
    raw.is_searched = true;
    let ours = create(&crm, count);
    let raw_time = raw.create(count);
    let name = "bulk create, two searched attributes".into();
    let budget = Budget::Ratio(2.0);
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });

    let names: Vec<String> = (0..200).map(|number| rows::family_name(number * 37)).collect();
    let find = || names.iter().for_each(|name| search(&crm, name));
    let (ours, raw_time) = in_turn(find, || names.iter().for_each(|name| by_hand(&raw, name)));
    let name = "search a rare word".into();
    report(Line { name, ours, raw: Some(raw_time), units: names.len(), budget: Budget::None });

    let (ours, raw_time) = in_turn(|| search(&crm, "giv*"), || by_hand(&raw, "giv*"));
    let name = "search what all records have".into();
    report(Line { name, ours, raw: Some(raw_time), units: 1, budget: Budget::None });
}

fn search(crm: &Crm, text: &str) {
    let page = crm.search(&SearchText { limit: 20, ..SearchText::new(text) }).unwrap();
    assert!(!page.hits.is_empty());
}

fn by_hand(raw: &Raw, text: &str) {
    let sql = "SELECT rowid, rank, snippet(words, -1, '[', ']', '…', 20) FROM words \
               WHERE words MATCH ?1 ORDER BY rank LIMIT 20";
    let mut statement = raw.conn.prepare_cached(sql).unwrap();
    let mut found = statement.query([text]).unwrap();
    let mut count = 0;
    while let Some(row) = found.next().unwrap() {
        let _: (i64, f64, String) = (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        count += 1;
    }
    assert!(count > 0);
}
