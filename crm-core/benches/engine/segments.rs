//! Segments: one activity that 50 of them look at, and a score and a lifecycle too, beside the insert
//! of its rows by hand; and doing what has fallen due.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crm_core::{
    ActivityPreset, Clock, CountedIds, Crm, DefineScore, DefineSegment, Durability, Flow,
    LifecyclePreset, Money, NewActivity, OpenOptions, RecordActivities, RecordId, RecordRef,
    ScoreFade, ScoreGroup, ScoreRule, StageTrigger, TickTimers, Timestamp, values,
};
use rusqlite::params;

use super::{
    BATCH, Budget, Line,
    activities::{self, make_contacts},
    raw::{self, NOW, Raw},
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
struct Told(AtomicI64);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn open(path: &Path, durability: Durability) -> (Crm, Arc<Told>) {
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
    let (ours, ()) = timed(|| {
        for number in 0..ACTIVITIES {
            let id = ids[(scatter(number) % CONTACTS as u64) as usize];
            crm.activities().record(purchase(id, 10 * CONTACTS + number)).unwrap();
        }
    });
    let mut raw = Raw::open(&folder.join(format!("segments_{name}_{is_all}.db")));
    raw.conn.execute_batch(activities::SCHEMA).unwrap();
    let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    raw.conn.pragma_update(None, "synchronous", synchronous).unwrap();
    let raw_time = by_hand(&mut raw, &ids);
    let more = if is_all { ", score, stage" } else { "" };
    let name = format!("an activity with 50 segments{more}, {name}");
    report(Line { name, ours, raw: Some(raw_time), units: ACTIVITIES, budget: Budget::Ratio(3.0) });
}

/// The rows of one activity in a transaction, as often.
fn by_hand(raw: &mut Raw, ids: &[RecordId]) -> Duration {
    let (time, ()) = timed(|| {
        for number in 0..ACTIVITIES {
            let tx = raw.conn.transaction().unwrap();
            raw.seq += 1;
            let (seq, id) = (raw.seq, raw::id(number));
            let subject = ids[(scatter(number) % CONTACTS as u64) as usize];
            let cents = (scatter(number) % 1_000_000) as i64;
            let properties = params![seq, format!("A-{number}"), None::<String>, None::<i64>];
            let body = format!(
                "{{\"kind\":\"purchase\",\"at\":{NOW},\"subject\":{{\"type\":\"contact\",\"id\":\"{subject}\"}},\
                 \"amount\":{cents},\"currency\":\"EUR\",\"properties\":{{\"order_id\":\"A-{number}\"}},\"id\":\"{}\"}}",
                RecordId::from_bytes(id),
            );
            let insert = params![seq, id, NOW, subject.as_bytes(), cents];
            tx.prepare_cached(activities::INSERT).unwrap().execute(insert).unwrap();
            tx.prepare_cached(activities::PROPERTIES).unwrap().execute(properties).unwrap();
            let row = activities::logged((seq, NOW + seq, seq), &body);
            let (salt, hash) = raw.chain.next(&row);
            let log = params![seq, seq, NOW + seq, seq, body, salt, hash];
            tx.prepare_cached(activities::LOG).unwrap().execute(log).unwrap();
            tx.commit().unwrap();
        }
    });
    time
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
