//! Consent: what a decision costs from the file, and what asking for all of a list does. By hand
//! somebody would keep a flag in a table of its own, by person, purpose and channel, and read it.

use std::{path::Path, time::Duration};

use crm_core::{
    ConsentMethod, CountRecords, Crm, DecideMany, Durability, EraseSubject, ListRecords,
    MayContact, NewConsent, PublishNotice, Purpose, RecordConsents, RecordId, RecordRef, values,
};
use rusqlite::Connection;

use super::{Budget, Line, READS, create, in_turn, open, rows, timed};

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let crm = open(&folder.join("consents.crm"), Durability::Relaxed);
    crm.types().define(rows::definition()).unwrap();
    create(&crm, count);
    let consents = crm.consents();
    consents.publish_notice(PublishNotice::new("news", "en", "Once a week.")).unwrap();
    consents.define_purpose(Purpose::new("news", ["post"]).notice("news")).unwrap();
    let people = people(&crm);
    let (ours, ()) = timed(|| {
        for (number, person) in people.iter().enumerate() {
            let grant = NewConsent::grant(person.clone(), "post", "news");
            consents.record(grant.method(ConsentMethod::Form)).unwrap();
            // Every third of them takes it back.
            if number % 3 == 0 {
                consents.record(NewConsent::withdraw(person.clone())).unwrap();
            }
        }
    });
    let budget = Budget::None;
    let units = people.len() + people.len().div_ceil(3);
    report(Line { name: "record a consent, relaxed".into(), ours, raw: None, units, budget });

    let raw = flags(folder, &people);
    let asked: Vec<&RecordRef> =
        (0..READS).map(|number| &people[number * 7919 % people.len()]).collect();
    let decide = || {
        for person in &asked {
            let question = MayContact::new((*person).clone(), "post", "news");
            consents.decide(&question).unwrap();
        }
    };
    let by_hand = || {
        let sql = "SELECT is_allowed FROM flag WHERE purpose = 'news' AND channel = 'post' AND person = ?1";
        let mut statement = raw.prepare_cached(sql).unwrap();
        for person in &asked {
            let _: bool = statement.query_row([person.id.as_bytes()], |row| row.get(0)).unwrap();
        }
    };
    let (ours, raw_time) = in_turn(decide, by_hand);
    // 20 us each.
    let budget = Budget::Time(Duration::from_micros(20 * READS as u64));
    let name = "may we contact one".into();
    report(Line { name, ours, raw: Some(raw_time), units: asked.len(), budget });

    let condition = Some("consent(\"post\", \"news\")".parse().unwrap());
    let request = CountRecords { condition, ..CountRecords::new("customer") };
    let allowed = people.len() - people.len().div_ceil(3);
    let all = || assert_eq!(crm.count_records(&request).unwrap(), allowed as u64);
    let by_hand = || {
        let sql =
            "SELECT count(*) FROM flag WHERE purpose = 'news' AND channel = 'post' AND is_allowed";
        let found: usize = raw.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, allowed);
    };
    let (ours, raw_time) = in_turn(all, by_hand);
    // A million in a second.
    let budget = Budget::Time(Duration::from_micros(people.len() as u64));
    let name = "whom of all may we contact".into();
    report(Line { name, ours, raw: Some(raw_time), units: people.len(), budget });
    by_address(&crm, &people, report);
}

/// Consents of addresses, before and after somebody was erased: some addresses must not come back then.
fn by_address(crm: &Crm, people: &[RecordRef], report: &mut dyn FnMut(Line)) {
    let consents = crm.consents();
    consents
        .define_purpose(Purpose::new("offers", ["email"]).policy("eu_general").notice("news"))
        .unwrap();
    let grants: Vec<NewConsent> = (0..)
        .zip(people)
        .map(|(number, person)| {
            let address = format!("person{number}@example.org");
            let grant = NewConsent::grant(person.clone(), "email", "offers").contact_point(address);
            grant.method(ConsentMethod::Form)
        })
        .collect();
    let (ours, ()) = timed(|| {
        for page in grants.chunks(1_000) {
            let request = RecordConsents { consents: page.to_vec(), all_or_nothing: true };
            assert!(consents.record_many(request).unwrap().is_committed);
        }
    });
    let mut told = |name: &str, ours| {
        let (name, units, budget) = (name.into(), people.len(), Budget::None);
        report(Line { name, ours, raw: None, units, budget });
    };
    told("record a consent in batches, relaxed", ours);
    let (ours, ()) = timed(|| pages(crm, people, false));
    told("may we contact each of a page", ours);
    let (ours, ()) = timed(|| pages(crm, people, true));
    told("the same, with address and token", ours);
    let condition = Some("consent(\"email\", \"offers\")".parse().unwrap());
    let request = CountRecords { condition, ..CountRecords::new("customer") };
    let mut count = |name: &str| {
        let budget = Budget::Time(Duration::from_micros(people.len() as u64));
        let (ours, found) = timed(|| crm.count_records(&request).unwrap());
        assert_eq!(found, people.len() as u64);
        report(Line { name: name.into(), ours, raw: None, units: people.len(), budget });
    };
    count("who may be written to");
    let gone = crm.contacts().create(values! { "email" => "gone@example.org" }).unwrap();
    crm.privacy().erase(&EraseSubject::new(RecordRef::new("contact", gone.id))).unwrap();
    count("who may be written to, after an erasure");
}

/// Decides for all of them, by pages.
fn pages(crm: &Crm, people: &[RecordRef], with_tokens: bool) {
    let request = DecideMany::new("customer", "email", "offers");
    let mut request = DecideMany { with_tokens, limit: 1_000, ..request };
    let mut allowed = 0;
    loop {
        let page = crm.consents().decide_many(&request).unwrap();
        assert!(page.decisions.iter().all(|one| one.token.is_some() == with_tokens));
        allowed += page.allowed;
        request.after = page.next;
        if request.after.is_none() {
            return assert_eq!(allowed, people.len() as u64);
        }
    }
}

fn people(crm: &Crm) -> Vec<RecordRef> {
    let mut request = ListRecords { limit: 10_000, ..ListRecords::new("customer") };
    let mut people = Vec::new();
    loop {
        let page = crm.list_records(&request).unwrap();
        let ids = page.records.iter().map(|record| record.id);
        people.extend(ids.map(|id: RecordId| RecordRef::new("customer", id)));
        request.after = page.next;
        if request.after.is_none() {
            return people;
        }
    }
}

fn flags(folder: &Path, people: &[RecordRef]) -> Connection {
    let mut conn = Connection::open(folder.join("flags.db")).unwrap();
    conn.execute_batch(
        "CREATE TABLE flag (purpose TEXT, channel TEXT, person BLOB, is_allowed INTEGER, \
         PRIMARY KEY (purpose, channel, person)) WITHOUT ROWID",
    )
    .unwrap();
    let tx = conn.transaction().unwrap();
    for (number, person) in people.iter().enumerate() {
        let flag = (person.id.as_bytes(), number % 3 != 0);
        tx.prepare_cached("INSERT INTO flag VALUES ('news', 'post', ?1, ?2)")
            .unwrap()
            .execute(flag)
            .unwrap();
    }
    tx.commit().unwrap();
    conn
}
