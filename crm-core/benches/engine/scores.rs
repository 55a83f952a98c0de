//! Scores: every record scored by twenty rules from the file, an activity that scores live, and the
//! first hundred of a ranking. By hand somebody would scan the columns that the rules ask for and add
//! points in a loop, insert the rows, and sort a column of totals.

use std::path::Path;

use crm_core::{
    ActivityPreset, Condition, Crm, Date, DefineScore, Durability, NewActivity, RankScores,
    RecordId, RecordRef, ScoreFade, ScoreGroup, ScoreLevel, ScoreRule, Timestamp,
};

use super::{Budget, Line, ROUNDS, create, in_turn, open, raw::Raw, rows, sample_ids, timed};

/// Rules about the record.
const RULES: usize = 20;
/// Activities that are timed together.
const ACTIVITIES: usize = 2000;

/// Points for each of twenty bounds of the number of employees and of the year of birth.
fn fit() -> Vec<ScoreRule> {
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
    let visits = ScoreRule::activity("visits", "web_visit", 5).max(100);
    let engagement = ScoreGroup::new("engagement", [visits]);
    let groups = [ScoreGroup::new("fit", fit()), engagement.fading(ScoreFade::half_life("P30D"))];
    let mut model = DefineScore::new("lead", "customer", groups);
    model.thresholds = vec![ScoreLevel::new("hot", 150)];
    crm.scores().define(model).unwrap();
    crm.scores().publish("lead").unwrap();
}

/// The same sum in a loop over the columns.
fn by_hand(raw: &Raw) -> i64 {
    let sql = "SELECT employees, birthday FROM customer";
    let mut statement = raw.conn.prepare_cached(sql).unwrap();
    let mut found = statement.query([]).unwrap();
    let (mut employees, mut birthdays) = (Vec::new(), Vec::new());
    while let Some(row) = found.next().unwrap() {
        employees.push(row.get::<_, Option<i64>>(0).unwrap().unwrap_or(i64::MIN));
        birthdays.push(row.get::<_, Option<i64>>(1).unwrap().unwrap_or(i64::MIN));
    }
    let mut scores = vec![0i64; employees.len()];
    for nth in 0..RULES {
        let (column, least) = match nth % 2 {
            0 => (&employees, (nth * 100) as i64),
            _ => {
                let year = Date::from_ymd(1950 + nth as i32 * 2, 1, 1).unwrap();
                (&birthdays, i64::from(year.days()))
            }
        };
        let points = 1 + nth as i64;
        for (score, value) in scores.iter_mut().zip(column) {
            *score += i64::from(*value >= least) * points;
        }
    }
    scores.iter().sum()
}

pub(crate) fn run(folder: &Path, count: usize, report: &mut impl FnMut(Line)) {
    let crm = open(&folder.join("scores.crm"), Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::WebVisit).unwrap();
    let mut raw = Raw::open(&folder.join("scores.db"));
    create(&crm, count);
    raw.create(count);
    let ids = sample_ids(&crm, count);
    let without = record(&crm, &ids);
    define(&crm);

    let (ours, report_of) = timed(|| crm.scores().rescore("lead").unwrap());
    assert_eq!(report_of.records, count as u64);
    let (raw_time, sum) = timed(|| by_hand(&raw));
    assert!(sum > 0);
    let name = "score by 20 rules, and keep it".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget: Budget::None });

    let (ours, raw_time) = in_turn(
        || {
            let page = crm.scores().ranking(&RankScores::new("lead")).unwrap();
            assert_eq!(page.records.len(), 100);
        },
        || {
            let sql = "SELECT id FROM customer ORDER BY employees DESC LIMIT 100";
            let mut statement = raw.conn.prepare_cached(sql).unwrap();
            let found = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
            assert_eq!(found.count(), 100);
        },
    );
    let budget = Budget::Time(std::time::Duration::from_millis(5));
    report(Line { name: "rank the first 100".into(), ours, raw: Some(raw_time), units: 1, budget });

    let live = record(&crm, &ids);
    let name = "an activity that scores live".into();
    let (raw, budget) = (Some(without), Budget::None);
    report(Line { name, ours: live, raw, units: ACTIVITIES, budget });
}

/// Records activities in one transaction, the best of some rounds.
fn record(crm: &Crm, ids: &[RecordId]) -> std::time::Duration {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let rounds = (0..ROUNDS).map(|_| {
        let visits = (0..ACTIVITIES).map(|nth| {
            let id = ids[nth % ids.len()];
            NewActivity::of("web_visit", RecordRef::new("customer", id), at)
        });
        let activities = visits.collect();
        let request = crm_core::RecordActivities { activities, all_or_nothing: true };
        timed(|| crm.activities().record_many(request).unwrap()).0
    });
    rounds.min().unwrap()
}
