//! Segments: one activity that 50 of them look at, and a score and a lifecycle too, beside writing all
//! rows by hand that come of it; and doing what has fallen due.

use std::{
    collections::HashMap,
    hint::black_box,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crm_core::{
    ActivityPreset, BackupTo, Clock, CountedIds, Crm, DefineScore, DefineSegment, Durability, Flow,
    LifecyclePreset, Money, NewActivity, OpenOptions, RecordActivities, RecordId, RecordRef,
    ScoreFade, ScoreGroup, ScoreRule, StageTrigger, TickTimers, Timestamp, values,
};
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    BATCH, Budget, Line,
    activities::make_contacts,
    chain::{self, Chain},
    raw::{self, NOW},
    rows::scatter,
    timed,
};

/// Contacts of whom each activity is.
const CONTACTS: usize = 1_000;
/// Activities that are recorded, one by one.
const ACTIVITIES: usize = 2_000;
/// Timers that are due at once, and how long they may take: 50,000 a second.
const TIMERS: usize = 100_000;
const MILLIS: u64 = 2_000;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A clock that goes on when it is told to.
#[derive(Debug)]
pub(super) struct Told(pub(super) AtomicI64);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(super) fn open(path: &Path, durability: Durability) -> (Crm, Arc<Told>) {
    let clock = Arc::new(Told(AtomicI64::new(NOW)));
    let options = OpenOptions { durability, ..OpenOptions::default() };
    let ids = Arc::new(CountedIds::after(0));
    (Crm::open_injected(path, options, Arc::clone(&clock) as Arc<dyn Clock>, ids).unwrap(), clock)
}

pub(crate) fn run(folder: &Path, report: &mut dyn FnMut(Line)) {
    for (durability, name) in [(Durability::Full, "full"), (Durability::Relaxed, "relaxed")] {
        one_activity(folder, (durability, name), false, report);
        one_activity(folder, (durability, name), true, report);
    }
    ticks(folder, report);
}

fn purchase(id: RecordId, number: usize) -> NewActivity {
    let at = NOW - (scatter(number) % 400) as i64 * DAY;
    NewActivity {
        amount: Some(Money::from_minor_units((scatter(number) % 1_000_000) as i64, "EUR").unwrap()),
        properties: values! { "order_id" => format!("A-{number}") },
        ..NewActivity::of(
            "purchase",
            RecordRef::new("contact", id),
            Timestamp::from_micros(at).unwrap(),
        )
    }
}

/// Fifty conditions as hosts have them: what somebody bought and when, and who it is.
fn conditions() -> Vec<String> {
    let mut all = Vec::new();
    for number in 1..=15 {
        all.push(format!("count(purchase within {}d) >= {}", 10 * number, 1 + number % 4));
        all.push(format!("given_name ends with \"{number}\""));
    }
    for number in 1..=10 {
        all.push(format!("sum(amount of purchase within 12mo) >= {}.00 EUR", 1000 * number));
        all.push(format!("last(purchase) older than {}d and given_name is set", 30 * number));
    }
    all
}

/// Every purchase scores, and the first makes a customer.
fn define_score_and_stages(crm: &Crm) {
    let bought = ScoreRule::activity("bought", "purchase", 5).max(100);
    let group = ScoreGroup::new("engagement", [bought]).fading(ScoreFade::half_life("P90D"));
    crm.scores().define(DefineScore::new("lead", "contact", [group])).unwrap();
    crm.scores().publish("lead").unwrap();
    let mut lifecycle = LifecyclePreset::Contact.definition();
    lifecycle.triggers.push(StageTrigger::activity("customer", "purchase"));
    crm.lifecycles().define(lifecycle).unwrap();
}

fn one_activity(
    folder: &Path,
    (durability, name): (Durability, &str),
    is_all: bool,
    report: &mut dyn FnMut(Line),
) {
    let (crm, _) = open(&folder.join(format!("segments_{name}_{is_all}.crm")), durability);
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let ids = make_contacts(&crm, CONTACTS);
    let past = (0..10 * CONTACTS).map(|number| purchase(ids[number % CONTACTS], number)).collect();
    let past = RecordActivities { activities: past, all_or_nothing: true };
    crm.activities().record_many(past).unwrap();
    let conditions = conditions();
    assert_eq!(conditions.len(), 50);
    if is_all {
        define_score_and_stages(&crm);
    }
    for (number, condition) in conditions.iter().enumerate() {
        let condition = condition.parse().unwrap();
        crm.segments()
            .define(DefineSegment::live(format!("s{number}"), "contact", condition))
            .unwrap();
    }
    let path = folder.join(format!("segments_{name}_{is_all}.crm"));
    let other = path.with_extension("by_hand.crm");
    let backup = BackupTo { path: other.to_str().unwrap().to_owned() };
    crm.backup_to(&backup, &mut |_| Flow::Continue).unwrap();
    let since = crm.journal().head().unwrap().seq;
    let (ours, ()) = timed(|| {
        for number in 0..ACTIVITIES {
            let id = ids[(scatter(number) % CONTACTS as u64) as usize];
            crm.activities().record(purchase(id, 10 * CONTACTS + number)).unwrap();
        }
    });
    crm.close().unwrap();
    let writes = Writes::read(&raw::connect(&path), since);
    let mut conn = raw::connect(&other);
    let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    conn.pragma_update(None, "synchronous", synchronous).unwrap();
    let (raw_time, ()) = timed(|| writes.by_hand(&mut conn));
    let more = if is_all { ", score, stage" } else { "" };
    let name = format!("an activity with 50 segments{more}, {name}");
    report(Line { name, ours, raw: Some(raw_time), units: ACTIVITIES, budget: Budget::Ratio(3.0) });
}

/// A row of a table, as it stands there.
type Row = Vec<Value>;

/// What the engine wrote for some activities: of each the rows of the journal, then those that stand
/// beside them. Of what is written anew each time, such as timers, it is what was written last.
struct Writes {
    transactions: Vec<Vec<Row>>,
    beside: Vec<(&'static str, HashMap<i64, Row>)>,
    of_record: Vec<(&'static str, HashMap<Vec<u8>, Row>)>,
}

/// Tables with a row for the row of the journal whose number stands in this column.
const BESIDE: [(&str, &str); 4] = [
    ("crm_activity", "seq"),
    ("crm_activity_purchase", "seq"),
    ("crm_segment_change", "seq"),
    ("crm_stage_visit", "seq"),
];
/// Tables with a row for the record that an activity is of, and which of them count.
const OF_RECORD: [(&str, &str); 3] =
    [("crm_timer", "room = 2"), ("crm_score", "true"), ("crm_stage", "true")];
/// Places of columns of the journal.
const TX: usize = 4;
const KIND: usize = 7;
const BODY: usize = 10;
/// The place of the column of activities that says whose it is.
const SUBJECT: usize = 5;

impl Writes {
    fn read(conn: &Connection, since: i64) -> Self {
        let mut transactions: Vec<Vec<Row>> = Vec::new();
        for row in read(conn, &format!("SELECT * FROM crm_journal WHERE seq > {since}")) {
            match transactions.last_mut().filter(|last| last[0][TX] == row[TX]) {
                Some(last) => last.push(row),
                None => transactions.push(vec![row]),
            }
        }
        assert_eq!(transactions.len(), ACTIVITIES);
        let beside = BESIDE.map(|(table, column)| {
            let sql = format!("SELECT {column}, * FROM {table} WHERE {column} > {since}");
            let keyed = read(conn, &sql).into_iter().map(|mut row| (integer(&row.remove(0)), row));
            (table, keyed.collect())
        });
        let of_record = OF_RECORD.map(|(table, is_meant)| {
            let rows = read(conn, &format!("SELECT record_id, * FROM {table} WHERE {is_meant}"))
                .into_iter();
            let keyed = rows.map(|mut row| (blob(&row.remove(0)), row));
            (table, keyed.collect())
        });
        Self { transactions, beside: beside.into(), of_record: of_record.into() }
    }

    /// Writes the same into the tables as they were before, which have the same indexes, with the
    /// chain of the journal and a commit for each activity.
    fn by_hand(&self, conn: &mut Connection) {
        let mut chain = Chain::default();
        for rows in &self.transactions {
            let tx = conn.transaction().unwrap();
            let mut subject = None;
            for row in rows {
                let [seq, _, _, hlc, tx_seq] = [0, 1, 2, 3, TX].map(|place| integer(&row[place]));
                let Value::Text(kind) = &row[KIND] else { panic!("a kind is text") };
                let Value::Text(body) = &row[BODY] else { panic!("a body is text") };
                let link =
                    chain::Row { seq, hlc, tx: tx_seq, kind, entity_type: None, id: None, body };
                black_box(chain.next(&link));
                write(&tx, "INSERT", "crm_journal", row);
                for (table, rows) in &self.beside {
                    let Some(row) = rows.get(&seq) else { continue };
                    write(&tx, "INSERT", table, row);
                    match *table {
                        "crm_activity" => subject = Some(blob(&row[SUBJECT])),
                        "crm_segment_change" => set_member(&tx, row),
                        "crm_stage_visit" => self.keep(&tx, "crm_stage", &blob(&row[1])),
                        _ => {}
                    }
                }
            }
            let subject = subject.unwrap();
            self.keep(&tx, "crm_timer", &subject);
            self.keep(&tx, "crm_score", &subject);
            tx.commit().unwrap();
        }
    }

    /// Writes what is kept of a record in a table, if anything is.
    fn keep(&self, conn: &Connection, table: &str, record: &[u8]) {
        let (table, rows) = self.of_record.iter().find(|(name, _)| *name == table).unwrap();
        if let Some(row) = rows.get(record) {
            write(conn, "INSERT OR REPLACE", table, row);
        }
    }
}

fn set_member(conn: &Connection, change: &Row) {
    let [segment, record, seq, at, is_member] = &change[..] else { panic!("five columns") };
    if *is_member == Value::Integer(1) {
        let sql = "INSERT INTO crm_segment_member (segment, record_id, entered_at, seq) \
                   VALUES (?, ?, ?, ?)";
        conn.prepare_cached(sql).unwrap().execute([segment, record, at, seq]).unwrap();
    } else {
        let sql = "DELETE FROM crm_segment_member WHERE segment = ? AND record_id = ?";
        conn.prepare_cached(sql).unwrap().execute([segment, record]).unwrap();
    }
}

fn write(conn: &Connection, verb: &str, table: &str, row: &Row) {
    let marks = vec!["?"; row.len()].join(", ");
    let sql = format!("{verb} INTO {table} VALUES ({marks})");
    conn.prepare_cached(&sql).unwrap().execute(params_from_iter(row)).unwrap();
}

fn read(conn: &Connection, sql: &str) -> Vec<Row> {
    let mut statement = conn.prepare(sql).unwrap();
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|place| row.get(place)).collect());
    rows.unwrap().map(Result::unwrap).collect()
}

fn integer(value: &Value) -> i64 {
    let Value::Integer(number) = value else { panic!("{value:?} is no integer") };
    *number
}

fn blob(value: &Value) -> Vec<u8> {
    let Value::Blob(bytes) = value else { panic!("{value:?} is no blob") };
    bytes.clone()
}
/// Everybody visited, and a month later nobody is active any more.
fn ticks(folder: &Path, report: &mut dyn FnMut(Line)) {
    let (crm, clock) = open(&folder.join("ticks.crm"), Durability::Full);
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let condition = "count(purchase within 30d) >= 1".parse().unwrap();
    crm.segments().define(DefineSegment::live("active", "contact", condition)).unwrap();
    for start in (0..TIMERS).step_by(BATCH) {
        let ids = make_contacts(&crm, BATCH.min(TIMERS - start));
        let activities = ids.iter().zip(start..).map(|(id, number)| NewActivity {
            properties: values! { "order_id" => format!("A-{number}") },
            ..NewActivity::of(
                "purchase",
                RecordRef::new("contact", *id),
                Timestamp::from_micros(NOW).unwrap(),
            )
        });
        let request = RecordActivities { activities: activities.collect(), all_or_nothing: true };
        assert_eq!(crm.activities().record_many(request).unwrap().failed, 0);
    }
    clock.0.fetch_add(31 * DAY, Ordering::SeqCst);
    let (ours, tick) = timed(|| {
        let all = TickTimers { limit: 1_000_000, ..TickTimers::default() };
        crm.timers().tick(&all, &mut |_| Flow::Continue).unwrap()
    });
    assert_eq!((tick.done, tick.is_complete), (TIMERS as u64, true));
    let budget = Budget::Time(Duration::from_millis(MILLIS));
    let name = "tick of 100,000 timers, each".into();
    report(Line { name, ours, raw: None, units: TIMERS, budget });
}
