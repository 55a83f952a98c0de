//! Scores: every record scored by twenty rules from the file, an activity that scores live, and the
//! first hundred of a ranking. By hand somebody would scan the columns that the rules ask for and add
//! points in a loop, insert the rows, and sort a column of totals.

use std::{path::Path, sync::atomic::Ordering, time::Duration};

use crm_core::{
    ActivityPreset, Condition, Crm, Date, DefineScore, Durability, FadeKind, Flow, NewActivity,
    RankScores, RecordActivities, RecordId, RecordRef, ScoreColumns, ScoreFade, ScoreGroup,
    ScoreLevel, ScoreRule, TickTimers, Timestamp,
};
use rusqlite::{Connection, params};

use super::{
    BATCH, Budget, Line, ROUNDS,
    activities::make_contacts,
    bulk, chain, create, in_turn, open,
    raw::{NOW, Raw},
    rows::{self, scatter},
    sample_ids, segments, timed,
};

/// Rules about the record.
pub(super) const RULES: usize = 20;
/// Activities that are timed together.
const ACTIVITIES: usize = 2000;
/// Points from which a record is hot.
const HOT: i64 = 150;
/// Activities of one record in one batch.
const OF_ONE: usize = 4000;
/// Days after which points that fade by a hundredth a day are ranked; microseconds of one.
const LATER: i64 = 60;
pub(super) const DAY: i64 = 86_400_000_000;
/// Scores that are kept in one transaction.
const KEPT_AT_ONCE: usize = 2000;

/// Points for each of twenty bounds of the number of employees and of the year of birth.
pub(super) fn fit() -> Vec<ScoreRule> {
    let rule = |nth: usize| {
        let condition: Condition = match nth % 2 {
            0 => format!("employees >= {}", nth * 100).parse().unwrap(),
            _ => format!("birthday >= \"{}-01-01\"", 1950 + nth * 2).parse().unwrap(),
        };
        ScoreRule::when(format!("rule_{nth}"), condition, 1 + nth as i64)
    };
    (0..RULES).map(rule).collect()
}

fn define(crm: &Crm) {
    crm.scores()
        .define(DefineScore::new("fit", "customer", [ScoreGroup::new("fit", fit())]))
        .unwrap();
    crm.scores().publish("fit").unwrap();
    let visits = ScoreRule::activity("visits", "web_visit", 5).max(100);
    let engagement = ScoreGroup::new("engagement", [visits]);
    let groups = [ScoreGroup::new("fit", fit()), engagement.fading(ScoreFade::half_life("P30D"))];
    let mut model = DefineScore::new("lead", "customer", groups);
    model.thresholds = vec![ScoreLevel::new("hot", HOT)];
    crm.scores().define(model).unwrap();
    crm.scores().publish("lead").unwrap();
}

/// A column with gaps.
type Column = (Vec<i64>, Vec<bool>);

/// The columns that the rules ask for.
fn scan(conn: &Connection) -> [Column; 2] {
    let sql = "SELECT employees, birthday FROM customer";
    let mut statement = conn.prepare_cached(sql).unwrap();
    let mut found = statement.query([]).unwrap();
    let mut columns = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    while let Some(row) = found.next().unwrap() {
        for (place, (numbers, is_set)) in columns.iter_mut().enumerate() {
            let number: Option<i64> = row.get(place).unwrap();
            numbers.push(number.unwrap_or(0));
            is_set.push(number.is_some());
        }
    }
    columns
}

/// The points of so many rules in thousandths, in a loop over the columns.
pub(super) fn add_up([employees, birthdays]: &[Column; 2], rules: usize, scores: &mut Vec<i64>) {
    scores.clear();
    scores.resize(employees.0.len(), 0);
    for nth in 0..rules {
        let ((numbers, is_set), least) = match nth % 2 {
            0 => (employees, (nth * 100) as i64),
            _ => {
                let year = Date::from_ymd(1950 + nth as i32 * 2, 1, 1).unwrap();
                (birthdays, i64::from(year.days()))
            }
        };
        let points = 1000 * (1 + nth as i64);
        for ((score, number), is_set) in scores.iter_mut().zip(numbers).zip(is_set) {
            *score += i64::from((*number >= least) & is_set) * points;
        }
    }
}

const SCHEMA: &str = "
CREATE TABLE score (
    model INTEGER NOT NULL, record_id BLOB NOT NULL, version INTEGER NOT NULL, threshold TEXT,
    as_of INTEGER NOT NULL, until INTEGER, fixed INTEGER NOT NULL, fading INTEGER NOT NULL,
    sheet BLOB NOT NULL, PRIMARY KEY (model, record_id)) STRICT, WITHOUT ROWID;
CREATE INDEX score_by_rank ON score (model, version, fixed, fading DESC, record_id);
CREATE INDEX score_by_until ON score (model, version, until) WHERE until IS NOT NULL;
CREATE TABLE crossing (
    model INTEGER NOT NULL, record_id BLOB NOT NULL, seq INTEGER NOT NULL, threshold TEXT NOT NULL,
    is_up INTEGER NOT NULL, at INTEGER NOT NULL, score INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (model, record_id, seq)) STRICT, WITHOUT ROWID;";

/// Writes the scores as they are kept, with a row and one of the journal for each that is hot.
fn keep(raw: &mut Raw, scores: &[i64]) {
    raw.conn.execute_batch(SCHEMA).unwrap();
    let sheet = [7u8; 40];
    let ids: Vec<Vec<u8>> = {
        let mut statement = raw.conn.prepare("SELECT id FROM customer").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(|id| id.unwrap()).collect()
    };
    for (scores, ids) in scores.chunks(KEPT_AT_ONCE).zip(ids.chunks(KEPT_AT_ONCE)) {
        let tx = raw.conn.transaction().unwrap();
        for (score, id) in scores.iter().zip(ids) {
            let hot = (*score >= HOT * 1000).then_some("hot");
            tx.prepare_cached("INSERT INTO score VALUES (1, ?1, 1, ?2, ?3, NULL, ?4, -1, ?5)")
                .unwrap()
                .execute(params![id, hot, NOW, score, &sheet[..]])
                .unwrap();
            if hot.is_none() {
                continue;
            }
            raw.seq += 1;
            let crossing = params![id, raw.seq, NOW, score];
            tx.prepare_cached("INSERT INTO crossing VALUES (1, ?1, ?2, 'hot', 1, ?3, ?4, 1)")
                .unwrap()
                .execute(crossing)
                .unwrap();
            let body = format!(
                "{{\"model\":\"lead\",\"type\":\"customer\",\"id\":\"00000000-0000-7000-8000-000000000001\",\
                 \"threshold\":\"hot\",\"is_up\":true,\"at\":\"2026-01-01T00:00:00.000000Z\",\
                 \"score\":{score},\"version\":1}}"
            );
            let (seq, kind) = (raw.seq, "score_crossed");
            let row = chain::Row {
                seq,
                hlc: seq,
                tx: seq,
                kind,
                entity_type: None,
                id: None,
                body: &body,
            };
            let (salt, hash) = raw.chain.next(&row);
            tx.prepare_cached(
                "INSERT INTO journal VALUES (?1, 1, ?1, ?1, ?1, 1, NULL, 'score_crossed', NULL, NULL, ?2, \
                 ?3, NULL, ?4)",
            )
            .unwrap()
            .execute(params![seq, body, salt, hash])
            .unwrap();
        }
        tx.commit().unwrap();
    }
}

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let crm = open(&folder.join("scores.crm"), Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::WebVisit).unwrap();
    let mut raw = Raw::open(&folder.join("scores.db"));
    create(&crm, count);
    raw.create(count);
    let ids = sample_ids(&crm, count);
    let without = record(&crm, &ids);
    define(&crm);
    read(&crm, &raw.conn, count, report);

    let (ours, report_of) = timed(|| crm.scores().rescore("lead").unwrap());
    assert_eq!((report_of.records, report_of.changed), (count as u64, count as u64));
    let (raw_time, ()) = timed(|| {
        let mut scores = Vec::new();
        add_up(&scan(&raw.conn), RULES, &mut scores);
        keep(&mut raw, &scores);
    });
    let (name, budget) = ("score by 20 rules, and keep it".into(), Budget::Ratio(3.0));
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });

    let (ours, raw_time) = in_turn(
        || {
            let page = crm.scores().ranking(&RankScores::new("lead")).unwrap();
            assert_eq!(page.records.len(), 100);
        },
        || {
            let sql = "SELECT record_id FROM score ORDER BY model DESC, version DESC, fixed DESC LIMIT 100";
            let mut statement = raw.conn.prepare_cached(sql).unwrap();
            let found = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
            assert_eq!(found.count(), 100);
        },
    );
    let budget = Budget::Time(Duration::from_millis(5));
    report(Line { name: "rank the first 100".into(), ours, raw: Some(raw_time), units: 1, budget });

    let live = record(&crm, &ids);
    let name = "an activity that scores live".into();
    let (raw, budget) = (Some(without), Budget::None);
    report(Line { name, ours: live, raw, units: ACTIVITIES, budget });
    of_one(folder, report);
    later(folder, count, report);
    bulk::run(folder, count, report);
}

fn visit(id: RecordId, at: i64) -> NewActivity {
    let at = Timestamp::from_micros(at).unwrap();
    NewActivity::of("web_visit", RecordRef::new("contact", id), at)
}

/// A batch of activities of one record, without and with a score.
fn of_one(folder: &Path, report: &mut dyn FnMut(Line)) {
    let (crm, _) = segments::open(&folder.join("of_one.crm"), Durability::Relaxed);
    crm.activity_kinds().define_preset(ActivityPreset::WebVisit).unwrap();
    let ids = make_contacts(&crm, 2);
    let record = |id: RecordId| {
        let activities = (0..OF_ONE).map(|nth| visit(id, NOW - nth as i64 * DAY / 100)).collect();
        let request = RecordActivities { activities, all_or_nothing: true };
        timed(|| crm.activities().record_many(request).unwrap()).0
    };
    let without = record(ids[0]);
    let visits = ScoreRule::activity("visits", "web_visit", 1).max(1000);
    let group = ScoreGroup::new("engagement", [visits]).fading(ScoreFade::half_life("P30D"));
    let mut model = DefineScore::new("lead", "contact", [group]);
    model.thresholds = vec![ScoreLevel::new("hot", 100)];
    crm.scores().define(model).unwrap();
    crm.scores().publish("lead").unwrap();
    let (ours, name) = (record(ids[1]), "a batch of 4,000 activities of one".into());
    report(Line { name, ours, raw: Some(without), units: OF_ONE, budget: Budget::None });
}

/// Points that lose a hundredth a day, two months after the last activity.
fn later(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let (crm, clock) = segments::open(&folder.join("later.crm"), Durability::Relaxed);
    crm.activity_kinds().define_preset(ActivityPreset::WebVisit).unwrap();
    let batches = (0..count.div_ceil(BATCH)).flat_map(|_| make_contacts(&crm, BATCH));
    let ids: Vec<RecordId> = batches.collect();
    for batch in 0..(2 * count).div_ceil(BATCH) {
        let all = (batch * BATCH..(batch + 1) * BATCH).map(|nth| {
            let past = (scatter(nth) % 90) as i64 * DAY;
            visit(ids[(scatter(nth + 7) % ids.len() as u64) as usize], NOW - past)
        });
        let request = RecordActivities { activities: all.collect(), all_or_nothing: true };
        crm.activities().record_many(request).unwrap();
    }
    let visits = ScoreRule::activity("visits", "web_visit", 10).max(1000);
    let fade = ScoreFade { kind: FadeKind::Linear, span: "P1D".into(), percent: Some(1) };
    let group = ScoreGroup::new("engagement", [visits]).fading(fade);
    crm.scores().define(DefineScore::new("lead", "contact", [group])).unwrap();
    crm.scores().publish("lead").unwrap();
    crm.scores().rescore("lead").unwrap();
    clock.0.fetch_add(LATER * DAY, Ordering::SeqCst);
    let mut done = 0;
    let (ours, ()) = timed(|| {
        loop {
            let request = TickTimers::default();
            let tick = crm.timers().tick(&request, &mut |_| Flow::Continue).unwrap();
            done += tick.done as usize;
            if tick.is_complete {
                return;
            }
        }
    });
    let (name, budget) = ("lower places by ticks, each".into(), Budget::None);
    report(Line { name, ours, raw: None, units: done, budget });
    let ranked = || crm.scores().ranking(&RankScores::new("lead")).unwrap().records.len();
    let ours = (0..ROUNDS).map(|_| timed(|| assert_eq!(ranked(), 100)).0).min().unwrap();
    let budget = Budget::Time(Duration::from_millis(5));
    let name = "rank what fades by percentages, later".into();
    report(Line { name, ours, raw: None, units: 1, budget });
}

/// Scores every record without keeping it: from the file, and from columns in memory.
fn read(crm: &Crm, conn: &Connection, count: usize, report: &mut dyn FnMut(Line)) {
    let best = crm.scores().ranking(&RankScores::new("fit")).unwrap().records[0].score;
    let (ours, raw_time) = in_turn(
        || {
            let page = crm.scores().ranking(&RankScores::new("fit")).unwrap();
            assert_eq!(page.records[0].score, best);
        },
        || {
            let mut scores = Vec::new();
            add_up(&scan(conn), RULES, &mut scores);
            scores.sort_unstable();
            assert_eq!(scores.last(), Some(&best));
        },
    );
    let budget = Budget::Ratio(3.0);
    let name = "score by 20 rules, from the file".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });

    let columns = scan(conn);
    let [employees, birthdays] = columns.clone();
    let score = crm.scores().columnar("fit").unwrap();
    let bound = ScoreColumns::new().with("employees", employees.0, employees.1).unwrap();
    let bound = bound.with("birthday", birthdays.0, birthdays.1).unwrap();
    let bound = score.bind(bound).unwrap();
    let (mut scores, mut expected) = (Vec::new(), Vec::new());
    let (ours, raw_time) =
        in_turn(|| bound.score(&mut scores), || add_up(&columns, RULES, &mut expected));
    assert_eq!(scores, expected);
    // Thirty millions a second.
    let budget = Budget::Time(Duration::from_nanos(count as u64 * 1000 / 30));
    let name = "score by 20 rules, in memory".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });
}

/// Records activities in one transaction, the best of some rounds.
fn record(crm: &Crm, ids: &[RecordId]) -> Duration {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let rounds = (0..ROUNDS).map(|_| {
        let visits = (0..ACTIVITIES).map(|nth| {
            let id = ids[nth % ids.len()];
            NewActivity::of("web_visit", RecordRef::new("customer", id), at)
        });
        let activities = visits.collect();
        let request = RecordActivities { activities, all_or_nothing: true };
        timed(|| crm.activities().record_many(request).unwrap()).0
    });
    rounds.min().unwrap()
}
