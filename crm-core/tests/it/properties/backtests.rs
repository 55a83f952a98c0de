//! Random scores and facts, and what a back-test says of them after more became known.

use crm_core::{
    BacktestScore, ErrorKind, Flow, LearnedOutcome, ReadScore, ScoreCandidate, ScoreTier,
    Timestamp, values,
};
use proptest::prelude::*;

use super::{
    cases,
    scores::{Step, World, model, step},
};

/// Points of which each has a tier of its own, and the rest of the scale between them another.
fn tiers(scores: &[i64]) -> Vec<ScoreTier> {
    let tier =
        |tier: String, thousandths: i64| ScoreTier { tier, from: thousandths as f64 / 1000.0 };
    let mut tiers = vec![tier("below".into(), -1_000_000_000)];
    let mut scores = scores.to_vec();
    scores.sort_unstable();
    scores.dedup();
    for (place, score) in scores.iter().enumerate() {
        tiers.push(tier(format!("{score}"), *score));
        if scores.get(place + 1) != Some(&(score + 1)) {
            tiers.push(tier(format!("above {score}"), score + 1));
        }
    }
    tiers
}

proptest! {
    #![proptest_config(cases(25))]

    /// What a record scored is what the back-test gives it, whatever was recorded later: late
    /// activities, corrections, visitors that became known, values, the archive.
    #[test]
    fn a_back_test_scores_records_as_they_scored_then(
        model in model(),
        before in prop::collection::vec(step(), 1..20),
        after in prop::collection::vec(step(), 1..20),
    ) {
        let is_about_others = format!("{model:?}").contains("RelatedCondition");
        let world = World::new(model);
        prop_assume!(world.is_some());
        let mut world = world.unwrap();
        (0..3).for_each(|number| world.perform(&Step::Contact(number * 2 + 1)));
        // Who a visitor was held for until it was released is not kept.
        let known = |step: &&Step| !matches!(step, Step::Release(_));
        before.iter().for_each(|step| world.perform(step));
        let as_of = Timestamp::from_micros(world.now()).unwrap();
        let in_use = |id: &crm_core::RecordId| {
            world.crm.contacts().get(*id).unwrap().archived_at.is_none()
        };
        let read = |id| world.crm.scores().read(&ReadScore::new("lead", id)).unwrap().record.score;
        let scores: Vec<i64> =
            world.contacts.iter().copied().filter(in_use).map(read).collect();
        world.clock.advance(1_000_000);
        after.iter().filter(known).for_each(|step| world.perform(step));
        world.crm.contacts().create(values! { "country" => "DE" }).unwrap();
        world.clock.advance(1_000_000);

        let request = BacktestScore {
            entity_type: "contact".into(),
            outcome: LearnedOutcome::when("phone is set".parse().unwrap()),
            score: ScoreCandidate { model: Some("lead".into()), ..ScoreCandidate::default() },
            other: None,
            as_of,
            until: None,
            condition: None,
            tiers: tiers(&scores),
        };
        let told = world.crm.learned_scores().backtest(&request, &mut |_| Flow::Continue);
        // Of others only those that the record referred to can be asked.
        if let (true, Err(refused)) = (is_about_others, &told) {
            let place = (refused.kind(), refused.field());
            prop_assert_eq!(place, (ErrorKind::InvalidArgument, Some("score.model")));
            return Ok(());
        }
        let told = told.unwrap().quality;
        prop_assert_eq!(told.records, scores.len() as u64);
        for tier in told.tiers {
            let expected =
                scores.iter().filter(|score| score.to_string() == tier.tier).count() as u64;
            prop_assert_eq!(tier.records, expected, "{}", tier.tier);
        }
    }
}
