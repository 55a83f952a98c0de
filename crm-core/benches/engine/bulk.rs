//! Every record scored by twenty rules of which some look at activities. By hand somebody would read
//! the activities of those kinds once, in the order of their subjects, beside the columns, and add up.

use std::path::Path;

use crm_core::{
    ActivityPreset, Crm, DefineScore, Durability, NewActivity, RankScores, RecordActivities,
    RecordId, RecordRef, ScoreFade, ScoreGroup, ScoreRule, Timestamp, Value,
};
use rusqlite::{Connection, params};

use super::{
    BATCH, Budget, Line, activities, create, in_turn, open,
    raw::{self, NOW, Raw},
    rows::{self, scatter},
    scores::{DAY, RULES, add_up, fit},
};

/// One record in so many did something; then each did as much on average.
const FEW: usize = 50;
const EACH: usize = 3;
const KINDS: [(&str, ActivityPreset); 3] = [
    ("web_visit", ActivityPreset::WebVisit),
    ("call", ActivityPreset::Call),
    ("meeting", ActivityPreset::Meeting),
];
/// Points of an activity halve in so many days.
const HALF: i64 = 30;
/// Meetings that count in a week.
const MEETINGS: usize = 2;

/// Whose an activity is, of which kind and when; within the last hundred days.
fn made(number: usize, whose: usize) -> (usize, usize, i64) {
    let past = (scatter(number + 5) % (100 * DAY as u64)) as i64;
    (whose, (scatter(number + 3) % 5) as usize, NOW - past)
}

/// Three of five of the first kind.
fn kind(number: usize) -> usize {
    number.saturating_sub(2)
}

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let crm = open(&folder.join("bulk.crm"), Durability::Relaxed);
    crm.types().define(rows::definition()).unwrap();
    for (_, preset) in KINDS {
        crm.activity_kinds().define_preset(preset).unwrap();
    }
    let mut raw = Raw::open(&folder.join("bulk.db"));
    raw.conn.execute_batch(activities::SCHEMA).unwrap();
    create(&crm, count);
    raw.create(count);
    let ids = ids(&crm, count);
    let few: Vec<_> = (0..count / FEW).map(|nth| made(nth, nth * FEW)).collect();
    record(&crm, &mut raw.conn, &ids, &few, 0);
    score(&crm, &raw.conn, count, "few did something", report);
    let many = (0..EACH * count).map(|nth| made(nth, (scatter(nth) % count as u64) as usize));
    let many: Vec<_> = many.collect();
    record(&crm, &mut raw.conn, &ids, &many, few.len());
    score(&crm, &raw.conn, count, "each did three things", report);
}

fn ids(crm: &Crm, count: usize) -> Vec<RecordId> {
    let emails: Vec<Value> = (0..count).map(|number| rows::email(number).into()).collect();
    let found = emails.chunks(BATCH).flat_map(|emails| {
        crm.records("customer").get_many(Some("email"), emails.to_vec()).unwrap().records
    });
    found.map(|record| record.unwrap().id).collect()
}

/// Records activities on both sides.
fn record(
    crm: &Crm,
    conn: &mut Connection,
    ids: &[RecordId],
    all: &[(usize, usize, i64)],
    first: usize,
) {
    for (batch, made) in all.chunks(BATCH).enumerate() {
        let activities = made.iter().map(|(whose, number, at)| {
            let at = Timestamp::from_micros(*at).unwrap();
            NewActivity::of(KINDS[kind(*number)].0, RecordRef::new("customer", ids[*whose]), at)
        });
        let request = RecordActivities { activities: activities.collect(), all_or_nothing: true };
        assert!(crm.activities().record_many(request).unwrap().is_committed);
        let tx = conn.transaction().unwrap();
        for (nth, (whose, number, at)) in made.iter().enumerate() {
            let id = raw::id(usize::MAX / 2 + first + batch * BATCH + nth);
            tx.prepare_cached(
                "INSERT INTO activity VALUES \
                 (NULL, ?, ?, ?, 1, ?, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            )
            .unwrap()
            .execute(params![id, kind(*number) as i64, at, raw::id(*whose)])
            .unwrap();
        }
        tx.commit().unwrap();
    }
}

/// Points for visits that halve; of the five also for calls, for two meetings in any week, and for
/// who visited twice within a month or called within a quarter.
fn groups(is_one: bool) -> Vec<ScoreGroup> {
    let mut rules = fit();
    rules.truncate(RULES - if is_one { 1 } else { 5 });
    let mut engagement = vec![ScoreRule::activity("visits", "web_visit", 5).max(100)];
    if !is_one {
        let mut meetings = ScoreRule::activity("meetings", "meeting", 20).max(100);
        (meetings.at_most, meetings.within) = (Some(MEETINGS as u32), Some("P7D".into()));
        engagement.extend([ScoreRule::activity("calls", "call", 10).max(50), meetings]);
        let often = "count(web_visit within 30d) >= 2".parse().unwrap();
        let lately = "count(call within 90d) >= 1".parse().unwrap();
        rules.push(ScoreRule::when("often", often, 15));
        rules.push(ScoreRule::when("lately", lately, 8));
    }
    let fade = ScoreFade::half_life(format!("P{HALF}D"));
    vec![ScoreGroup::new("fit", rules), ScoreGroup::new("engagement", engagement).fading(fade)]
}

fn score(crm: &Crm, conn: &Connection, count: usize, name: &str, report: &mut dyn FnMut(Line)) {
    for (is_one, how_many) in [(true, "one"), (false, "five")] {
        crm.scores().define(DefineScore::new("bulk", "customer", groups(is_one))).unwrap();
        crm.scores().publish("bulk").unwrap();
        let at = Some(Timestamp::from_micros(NOW).unwrap());
        let request = RankScores { at, ..RankScores::new("bulk") };
        let (mut best, mut by_hand) = (0, 0);
        let (ours, raw_time) = in_turn(
            || best = crm.scores().ranking(&request).unwrap().records[0].score,
            || {
                let mut scores = Vec::new();
                by_hand_scores(conn, is_one, &mut scores);
                scores.sort_unstable();
                by_hand = *scores.last().unwrap();
            },
        );
        assert!((best - by_hand).abs() <= 50, "{best} and {by_hand}: but for rounding the same");
        crm.scores().retire("bulk").unwrap();
        let name = format!("{how_many} of 20 about activities, {name}");
        let (raw, budget) = (Some(raw_time), Budget::Ratio(3.0));
        report(Line { name, ours, raw, units: count, budget });
    }
}

/// What is added up of the activities of one record.
#[derive(Default)]
struct Sums {
    visits: f64,
    calls: f64,
    meetings: f64,
    recent: [i64; MEETINGS],
    visited: u32,
    called: u32,
}

fn by_hand_scores(conn: &Connection, is_one: bool, scores: &mut Vec<i64>) {
    let mut columns = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    let mut ids: Vec<[u8; 16]> = Vec::new();
    let mut statement =
        conn.prepare_cached("SELECT id, employees, birthday FROM customer").unwrap();
    let mut found = statement.query([]).unwrap();
    while let Some(row) = found.next().unwrap() {
        ids.push(row.get(0).unwrap());
        for (place, (numbers, is_set)) in columns.iter_mut().enumerate() {
            let number: Option<i64> = row.get(place + 1).unwrap();
            numbers.push(number.unwrap_or(0));
            is_set.push(number.is_some());
        }
    }
    // Ids were made in this order.
    assert!(ids.is_sorted());
    add_up(&columns, RULES - if is_one { 1 } else { 5 }, scores);

    let of_kinds = if is_one { "kind = 0" } else { "kind IN (0, 1, 2)" };
    let mut statement = conn
        .prepare_cached(&format!(
            "SELECT subject, kind, at FROM activity WHERE subject IS NOT NULL \
             AND superseded_by IS NULL AND {of_kinds} ORDER BY subject, at"
        ))
        .unwrap();
    let mut found = statement.query([]).unwrap();
    let (mut place, mut sums) = (0, Sums { recent: [i64::MIN / 2; MEETINGS], ..Sums::default() });
    while let Some(row) = found.next().unwrap() {
        let subject: [u8; 16] = row.get(0).unwrap();
        let (kind, at): (i64, i64) = (row.get(1).unwrap(), row.get(2).unwrap());
        if ids[place] != subject {
            scores[place] += sums.points(is_one);
            sums = Sums { recent: [i64::MIN / 2; MEETINGS], ..Sums::default() };
            while ids[place] != subject {
                place += 1;
            }
        }
        let age = NOW - at;
        let left = (-(age as f64) / (HALF * DAY) as f64).exp2();
        match kind {
            0 => {
                sums.visits += 5000.0 * left;
                sums.visited += u32::from(age <= 30 * DAY);
            }
            1 => {
                sums.calls += 10_000.0 * left;
                sums.called += u32::from(age <= 90 * DAY);
            }
            _ if at - sums.recent[0] >= 7 * DAY => {
                sums.meetings += 20_000.0 * left;
                sums.recent = [sums.recent[1], at];
            }
            _ => {}
        }
    }
    scores[place] += sums.points(is_one);
}

impl Sums {
    fn points(&self, is_one: bool) -> i64 {
        let visits = self.visits.round().min(100_000.0);
        if is_one {
            return visits as i64;
        }
        let faded =
            visits + self.calls.round().min(50_000.0) + self.meetings.round().min(100_000.0);
        let often = i64::from(self.visited >= 2) * 15_000;
        faded as i64 + often + i64::from(self.called >= 1) * 8_000
    }
}
