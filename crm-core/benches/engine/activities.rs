//! Activities on both sides: recorded in batches, and read back as pages of a timeline.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crm_core::{
    ActivityPreset, ApplyChanges, CreateRecord, Crm, Durability, ListTimeline, Money, NewActivity,
    RecordActivities, RecordChange, RecordId, RecordRef, Timestamp, values,
};
use rusqlite::{Connection, params};

use super::{BATCH, Budget, Line, chain, open, raw, rows::scatter, timed};

/// Activities of one contact, on average.
const EACH: usize = 200;
/// 2020-01-01, and the microseconds of the years up to 2026.
const START: i64 = 1_577_836_800_000_000;
const YEARS: u64 = 189_000_000_000_000;
const PAGE: u32 = 100;
const PAGES: usize = 1000;

pub(crate) const SCHEMA: &str = "
CREATE TABLE activity (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, kind INTEGER NOT NULL, at INTEGER NOT NULL,
    subject_type INTEGER, subject BLOB, visitor INTEGER, channel TEXT, direction TEXT,
    amount INTEGER, currency TEXT, key TEXT, supersedes BLOB, superseded_by BLOB) STRICT;
CREATE INDEX activity_by_subject ON activity (subject, at, kind)
    WHERE subject IS NOT NULL AND superseded_by IS NULL;
CREATE INDEX activity_by_visitor ON activity (visitor, at) WHERE visitor IS NOT NULL;
CREATE UNIQUE INDEX activity_by_key ON activity (key) WHERE key IS NOT NULL;
CREATE TABLE activity_link (
    seq INTEGER NOT NULL, record_id BLOB NOT NULL, role TEXT NOT NULL, record_type INTEGER NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (seq, record_id, role)) STRICT, WITHOUT ROWID;
CREATE INDEX activity_link_by_record ON activity_link (record_id, at);
CREATE TABLE activity_purchase (
    seq INTEGER PRIMARY KEY, order_id TEXT, product TEXT, quantity INTEGER) STRICT;
CREATE TABLE actor (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO actor VALUES (1, 'host');";

pub(crate) const INSERT: &str = "INSERT INTO activity \
    VALUES (?, ?, 1, ?, 1, ?, NULL, 'shop', 'inbound', ?, 'EUR', NULL, NULL, NULL)";
pub(crate) const PROPERTIES: &str = "INSERT INTO activity_purchase VALUES (?, ?, ?, ?)";
pub(crate) const LOG: &str = "INSERT INTO journal VALUES (?, 1, ?, ?, ?, 1, NULL, 'activity_recorded', NULL, NULL, ?, ?, NULL, ?)";

/// What is written on both sides.
struct Purchase {
    contact: usize,
    at: i64,
    cents: i64,
    order_id: String,
    product: String,
    /// In thousandths.
    quantity: i64,
}

fn purchase(number: usize, contacts: usize) -> Purchase {
    let hash = scatter(number);
    Purchase {
        contact: (hash % contacts as u64) as usize,
        at: START + (scatter(number + 1) % YEARS) as i64,
        cents: (hash % 1_000_000) as i64,
        order_id: format!("A-{number}"),
        product: format!("Product {}", hash % 500),
        quantity: 1000 + (hash % 9) as i64 * 1000,
    }
}

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let contacts = count / EACH;
    let crm = open(&folder.join("activities.crm"), Durability::Full);
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let ids = make_contacts(&crm, contacts);
    let mut raw = raw::Raw::open(&folder.join("activities.db"));
    raw.conn.execute_batch(SCHEMA).unwrap();

    let (mut ours, mut raw_time) = (Duration::ZERO, Duration::ZERO);
    for start in (0..count).step_by(BATCH) {
        let made: Vec<_> =
            (start..(start + BATCH).min(count)).map(|n| purchase(n, contacts)).collect();
        let activities = made.iter().map(|made| activity(made, &ids)).collect();
        let request = RecordActivities { activities, all_or_nothing: true };
        let (time, recorded) = timed(|| crm.activities().record_many(request));
        assert_eq!(recorded.unwrap().failed, 0);
        ours += time;
        raw_time += timed(|| record_raw(&mut raw, &made, &ids, start)).0;
    }
    let budget = Budget::Ratio(2.0);
    let name = "record activities in batches".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });

    let (ours, shown) = timed(|| {
        let page = |number: usize| {
            let request = ListTimeline {
                limit: PAGE,
                ..ListTimeline::new("contact", ids[number % contacts])
            };
            crm.timeline(&request).unwrap().entries.len()
        };
        (0..PAGES).map(page).sum::<usize>()
    });
    let start = Instant::now();
    let raw_shown: usize =
        (0..PAGES).map(|number| page_raw(&raw.conn, ids[number % contacts])).sum();
    let raw_time = start.elapsed();
    assert_eq!(shown, raw_shown);
    let budget = Budget::Ratio(2.0);
    let name = "page of 100 of a timeline".into();
    report(Line { name, ours, raw: Some(raw_time), units: PAGES, budget });
    assert!(crm.stats().unwrap().changes as usize >= count + contacts);
}

pub(crate) fn make_contacts(crm: &Crm, contacts: usize) -> Vec<RecordId> {
    let values = |number| values! { "given_name" => format!("Given {number}") };
    let change = |number| {
        RecordChange::Create(CreateRecord { entity_type: "contact".into(), values: values(number) })
    };
    let changes = (0..contacts).map(change).collect();
    let made = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
    made.outcomes.into_iter().map(|outcome| outcome.id.unwrap()).collect()
}

fn activity(made: &Purchase, ids: &[RecordId]) -> NewActivity {
    let at = Timestamp::from_micros(made.at).unwrap();
    NewActivity {
        channel: Some("shop".into()),
        direction: Some(crm_core::Direction::Inbound),
        amount: Some(Money::from_minor_units(made.cents, "EUR").unwrap()),
        properties: values! {
            "order_id" => made.order_id.as_str(),
            "product" => made.product.as_str(),
            "quantity" => made.quantity / 1000,
        },
        ..NewActivity::of("purchase", RecordRef::new("contact", ids[made.contact]), at)
    }
}

fn record_raw(raw: &mut raw::Raw, made: &[Purchase], ids: &[RecordId], first: usize) {
    let tx = raw.conn.transaction().unwrap();
    {
        let mut insert = tx.prepare_cached(INSERT).unwrap();
        let mut properties = tx.prepare_cached(PROPERTIES).unwrap();
        let mut log = tx.prepare_cached(LOG).unwrap();
        let start = raw.seq + 1;
        for (offset, made) in made.iter().enumerate() {
            raw.seq += 1;
            let (seq, id) = (raw.seq, raw::id(first + offset));
            let subject = ids[made.contact];
            insert.execute(params![seq, id, made.at, subject.as_bytes(), made.cents]).unwrap();
            properties.execute(params![seq, made.order_id, made.product, made.quantity]).unwrap();
            let body = format!(
                "{{\"kind\":\"purchase\",\"at\":{},\"subject\":{{\"type\":\"contact\",\
                 \"id\":\"{subject}\"}},\"channel\":\"shop\",\"direction\":\"inbound\",\
                 \"amount\":{},\"currency\":\"EUR\",\"properties\":{{\"order_id\":\"{}\",\
                 \"product\":\"{}\",\"quantity\":{}}},\"id\":\"{}\"}}",
                made.at,
                made.cents,
                made.order_id,
                made.product,
                made.quantity,
                RecordId::from_bytes(id),
            );
            let (salt, hash) = raw.chain.next(&logged((seq, raw::NOW + seq, start), &body));
            log.execute(params![seq, seq, raw::NOW + seq, start, body, salt, hash]).unwrap();
        }
    }
    tx.commit().unwrap();
}

/// A page as somebody would read it who knows that a contact has purchases only: one statement for
/// them with all their columns, one for each of the links and the changes, and the latest of all.
fn page_raw(conn: &Connection, contact: RecordId) -> usize {
    let mut statement = conn
        .prepare_cached(
            "SELECT a.at, a.seq, a.id, a.channel, a.direction, a.amount, a.currency, a.key, \
             a.supersedes, p.order_id, p.product, p.quantity, j.hlc, r.name \
             FROM activity a LEFT JOIN activity_purchase p ON p.seq = a.seq \
             JOIN journal j ON j.seq = a.seq JOIN actor r ON r.id = j.actor \
             WHERE a.subject = ?1 AND a.superseded_by IS NULL \
             ORDER BY a.at DESC, a.seq DESC LIMIT ?2",
        )
        .unwrap();
    type Row = (
        (i64, i64, [u8; 16], String, String, i64, String, Option<String>, Option<[u8; 16]>),
        (String, String, i64, i64, String),
    );
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok((
            (
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
            ),
            (row.get(9)?, row.get(10)?, row.get(11)?, row.get(12)?, row.get(13)?),
        ))
    };
    let rows = statement.query_map(params![contact.as_bytes(), PAGE], read).unwrap();
    let rows: Vec<Row> = rows.map(Result::unwrap).collect();
    let mut others = 0;
    for sql in [
        "SELECT at, seq FROM activity_link WHERE record_id = ?1 ORDER BY at DESC LIMIT ?2",
        "SELECT seq, body FROM journal WHERE record_id = ?1 ORDER BY seq DESC LIMIT ?2",
    ] {
        let mut statement = conn.prepare_cached(sql).unwrap();
        let found =
            statement.query_map(params![contact.as_bytes(), PAGE], |row| row.get::<_, i64>(0));
        others += found.unwrap().count();
    }
    (rows.len() + others).min(PAGE as usize)
}

/// A row of the journal about an activity.
pub(crate) fn logged((seq, hlc, tx): (i64, i64, i64), body: &str) -> chain::Row<'_> {
    chain::Row { seq, hlc, tx, kind: "activity_recorded", entity_type: None, id: None, body }
}
