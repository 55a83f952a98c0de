//! Scores: definitions and their versions, what records score and why, live and at any moment.

mod added;
mod batches;
mod bulk;
mod circles;
mod definitions;
mod live;

use std::sync::Arc;

use crm_core::{
    ActivityPreset, CountedIds, Crm, DefineScore, FixedClock, NewActivity, OpenOptions, RankScores,
    ReadScore, RecordId, RecordRef, ScoreExplanation, ScoreFade, ScoreGroup, ScoreLevel, ScoreRule,
    Timestamp, ValuePoints, values,
};

const DAY: i64 = 86_400_000_000;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A file with a clock that stands at the beginning of 2026, and kinds of activities.
fn open() -> (Crm, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let ids = Arc::new(CountedIds::default());
    let crm = Crm::open_injected(":memory:", OpenOptions::default(), Arc::clone(&clock) as _, ids)
        .unwrap();
    for preset in ActivityPreset::ALL {
        crm.activity_kinds().define(preset.definition()).unwrap();
    }
    (crm, clock)
}

fn contact(crm: &Crm, country: &str) -> RecordId {
    crm.contacts().create(values! { "country" => country }).unwrap().id
}

/// An activity so many days after the beginning of 2026.
fn happen(crm: &Crm, id: RecordId, kind: &str, day: i64) -> RecordId {
    let at = Timestamp::from_micros(at("2026-01-01T00:00:00Z").micros() + day * DAY).unwrap();
    let mut activity = NewActivity::of(kind, RecordRef::new("contact", id), at);
    if kind == "form" {
        activity.properties = values! { "form" => "demo" };
    }
    if kind == "page_view" {
        activity.properties = values! { "url" => "https://example.org/prices" };
    }
    crm.activities().record(activity).unwrap().activity.id
}

/// Fit by country, engagement that halves in 30 days, a threshold at 50 points.
fn model() -> DefineScore {
    let country = ScoreRule::by_value(
        "country",
        "country",
        [ValuePoints::new("DE", 30), ValuePoints::new("FR", 20)],
    );
    let visits = ScoreRule::activity("visits", "web_visit", 10);
    let forms = ScoreRule::activity("forms", "form", 40);
    let fade = ScoreFade::half_life("P30D");
    let engagement = ScoreGroup::new("engagement", [visits, forms]).max(100).fading(fade);
    let fit = ScoreGroup::new("fit", [country]);
    let mut model = DefineScore::new("lead", "contact", [fit, engagement]);
    model.thresholds = vec![ScoreLevel::new("warm", 50), ScoreLevel::new("hot", 100)];
    model
}

fn publish(crm: &Crm, model: DefineScore) {
    let name = model.name.clone();
    crm.scores().define(model).unwrap();
    crm.scores().publish(&name).unwrap();
}

fn score(crm: &Crm, id: RecordId) -> i64 {
    crm.scores().read(&ReadScore::new("lead", id)).unwrap().record.score
}

fn explain(crm: &Crm, id: RecordId) -> ScoreExplanation {
    let explanation = crm.scores().explain(&ReadScore::new("lead", id)).unwrap();
    let sum: i64 = explanation.contributions.iter().map(|line| line.after_total).sum();
    assert_eq!(sum, explanation.record.score);
    explanation
}

/// The records of the ranking with their scores.
fn ranking(crm: &Crm, at: Option<Timestamp>) -> Vec<(RecordId, i64)> {
    let page = crm.scores().ranking(&RankScores { at, ..RankScores::new("lead") }).unwrap();
    page.records.into_iter().map(|record| (record.id, record.score)).collect()
}
