//! Back-tests of scores that rules give.

use crm_core::{
    BacktestScore, Crm, DefineActivityKind, DefineScore, ErrorKind, Flow, LearnedOutcome,
    NewActivity, RecordId, RecordRef, RelatedScore, Result, ScoreBacktest, ScoreCandidate,
    ScoreFigure, ScoreGroup, ScoreLevel, ScorePreset, ScoreRule, ScoreTier, Timestamp, values,
};

use super::now;
use crate::support::replay;

fn rules(version: Option<u32>) -> ScoreCandidate {
    ScoreCandidate { model: Some("lead".into()), version, ..ScoreCandidate::default() }
}

fn test(score: ScoreCandidate, as_of: Timestamp) -> BacktestScore {
    BacktestScore {
        entity_type: "contact".into(),
        outcome: LearnedOutcome::when("phone is set".parse().unwrap()),
        score,
        other: None,
        as_of,
        until: None,
        condition: None,
        tiers: Vec::new(),
    }
}

fn run(crm: &Crm, request: &BacktestScore) -> Result<ScoreBacktest> {
    crm.learned_scores().backtest(request, &mut |_| Flow::Continue)
}

/// 300 people, of whom those in Germany and those who called get a telephone number more often.
fn people(crm: &Crm) -> Vec<RecordId> {
    crm.activity_kinds().define(DefineActivityKind::new("call", [])).unwrap();
    let create = |place: u32| {
        let country = if place.is_multiple_of(3) { "DE" } else { "FR" };
        let id = crm.contacts().create(values! { "country" => country }).unwrap().id;
        for _ in 0..place % 4 {
            call(crm, id);
        }
        id
    };
    (0..300).map(create).collect()
}

fn call(crm: &Crm, id: RecordId) {
    let at = "2025-12-24T12:00:00Z".parse().unwrap();
    crm.activities().record(NewActivity::of("call", RecordRef::new("contact", id), at)).unwrap();
}

/// The first version sees calls and countries, the second one calls alone.
fn define(crm: &Crm) {
    let country = ScoreRule::when("german", "country = \"DE\"".parse().unwrap(), 20);
    let calls = || ScoreRule { at_most: Some(5), ..ScoreRule::activity("calls", "call", 5) };
    let groups = [ScoreGroup::new("all", [country, calls()])];
    let mut model = DefineScore::new("lead", "contact", groups);
    model.thresholds = vec![ScoreLevel::new("warm", 10), ScoreLevel::new("hot", 25)];
    crm.scores().define(model).unwrap();
    crm.scores().publish("lead").unwrap();
    let groups = [ScoreGroup::new("all", [calls()])];
    crm.scores().define(DefineScore::new("lead", "contact", groups)).unwrap();
}

/// What came of them: `(place, as_of, count)`.
fn win(crm: &Crm, ids: &[RecordId]) -> Vec<bool> {
    let won = |place: usize| {
        place.is_multiple_of(3) && !place.is_multiple_of(5)
            || place % 4 == 3 && !place.is_multiple_of(7)
    };
    for (place, id) in ids.iter().enumerate().filter(|(place, _)| won(*place)) {
        crm.contacts().patch(*id, values! { "phone" => "+4930901820" }).unwrap();
        // Whoever has bought is called often, and moves: nobody knew that before.
        (0..4).for_each(|_| call(crm, *id));
        let country = if place.is_multiple_of(2) { "DE" } else { "IT" };
        crm.contacts().patch(*id, values! { "country" => country }).unwrap();
    }
    (0..ids.len()).map(won).collect()
}

#[test]
fn rules_are_tested_as_of_a_moment_and_two_versions_compared() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    let ids = people(&crm);
    define(&crm);
    let as_of = now(&crm);
    let won = win(&crm, &ids);
    let request = BacktestScore { other: Some(rules(Some(2))), ..test(rules(Some(1)), as_of) };
    let told = run(&crm, &request).unwrap();

    // What a person scored follows from its place: 20 points for Germany, 5 for each call.
    let score =
        |place: usize| (if place.is_multiple_of(3) { 20 } else { 0 }) + 5 * (place % 4) as i64;
    let (mut wins, mut pairs) = (0.0, 0.0);
    for one in (0..300).filter(|place| won[*place]) {
        for other in (0..300).filter(|place| !won[*place]) {
            pairs += 1.0;
            wins += match score(one).cmp(&score(other)) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let quality = &told.quality;
    assert!((quality.auc.unwrap() - wins / pairs).abs() < 1e-12, "{quality:?}");
    assert!(quality.auc_low.unwrap() < quality.auc.unwrap());
    assert_eq!((quality.records, quality.deciles.len()), (300, 10));
    assert_eq!(quality.deciles[0].from_score, 30.0);

    // Its thresholds are its tiers; a version without any has none.
    let tiers: Vec<_> = quality.tiers.iter().map(|tier| (tier.tier.as_str(), tier.from)).collect();
    assert_eq!(tiers, [("hot", 25.0), ("warm", 10.0)]);
    let hot: Vec<usize> = (0..300).filter(|place| score(*place) >= 25).collect();
    let positives = hot.iter().filter(|place| won[**place]).count() as u64;
    assert_eq!(
        (quality.tiers[0].records, quality.tiers[0].positives),
        (hot.len() as u64, positives)
    );
    let other = told.other.as_ref().unwrap();
    assert!(other.tiers.is_empty());

    // A line through points foretells as many sales as came.
    assert_eq!(quality.calibration.iter().map(|bin| bin.records).sum::<u64>(), 300);
    let foretold: f64 =
        quality.calibration.iter().map(|bin| bin.predicted * bin.records as f64).sum();
    let came = won.iter().filter(|won| **won).count() as f64;
    assert!((foretold - came).abs() < 5.0, "{foretold} {came}");
    assert!(quality.brier.unwrap() < other.brier.unwrap());
    let compared = told.comparison.as_ref().unwrap();
    assert!(compared.difference > 0.1 && compared.p_value < 0.01, "{compared:?}");

    // Asked now instead, the calls after the sale give it away.
    let now_told = crm.scores().ranking(&crm_core::RankScores::new("lead")).unwrap();
    assert!(now_told.records[0].score > 30_000);

    // Without a version it is the one that is published, and tiers that are named count.
    let tier = ScoreTier { tier: "A".into(), from: 34.9 };
    let named = BacktestScore { tiers: vec![tier], ..test(rules(None), as_of) };
    let told = run(&crm, &named).unwrap().quality;
    let best = (0..300).filter(|place| score(*place) >= 35).count() as u64;
    assert_eq!((told.auc, told.tiers[0].records), (quality.auc, best));
}

#[test]
fn what_a_record_referred_to_is_asked_as_it_was() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    let company = |employees: i64| {
        crm.companies().create(values! { "name" => "Acme", "employees" => employees }).unwrap().id
    };
    let (big, small, gone) = (company(80), company(8), company(80));
    let contacts: Vec<RecordId> = (0..60)
        .map(|place| {
            let company = [big, small, gone][place % 3];
            crm.contacts().create(values! { "company" => company.to_string() }).unwrap().id
        })
        .collect();
    crm.companies().archive(gone, None).unwrap();
    for kind in ["form", "meeting", "email_clicked", "email_opened", "page_view", "complaint"] {
        crm.activity_kinds().define(DefineActivityKind::new(kind, [])).unwrap();
    }
    crm.scores().define_preset(ScorePreset::FitEngagement).unwrap();
    let as_of = now(&crm);
    // Later everything is the other way round, and whoever was with the large company has bought.
    for (company, employees) in [(big, 8), (small, 80)] {
        crm.companies().patch(company, values! { "employees" => employees }).unwrap();
    }
    crm.companies().restore(gone, None).unwrap();
    for (place, id) in contacts.iter().enumerate() {
        let moved = values! { "company" => small.to_string() };
        crm.contacts().patch(*id, moved).unwrap();
        if place % 3 == 0 {
            crm.contacts().patch(*id, values! { "phone" => "+4930901820" }).unwrap();
        }
    }
    let model = Some("fit_engagement".into());
    let fit = ScoreCandidate { model, version: Some(1), ..ScoreCandidate::default() };
    let told = run(&crm, &test(fit, as_of)).unwrap().quality;
    assert_eq!((told.records, told.positives, told.auc), (60, 20, Some(1.0)));
}

#[test]
fn scores_that_say_nothing_foretell_nothing() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    let ids = people(&crm);
    let nobody = ScoreRule::when("nobody", "country = \"IT\"".parse().unwrap(), 20);
    let groups = [ScoreGroup::new("all", [nobody])];
    crm.scores().define(DefineScore::new("lead", "contact", groups)).unwrap();
    let as_of = now(&crm);
    win(&crm, &ids);
    let told = run(&crm, &test(rules(None), as_of)).unwrap().quality;
    assert_eq!((told.auc, told.brier, told.calibration.len()), (Some(0.5), None, 0));
}

#[test]
fn what_the_past_does_not_tell_is_refused_before_anybody_is_scored() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    people(&crm);
    define(&crm);
    let as_of = now(&crm);
    now(&crm);
    let refused = |request: &BacktestScore| {
        let error = run(&crm, request).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned(), error.message().to_owned())
    };
    let missing = ScoreCandidate { model: Some("led".into()), ..ScoreCandidate::default() };
    let (kind, field, _) = refused(&test(missing, as_of));
    assert_eq!((kind, field.as_str()), (ErrorKind::NotFound, "score.model"));
    let (kind, field, _) = refused(&test(rules(Some(9)), as_of));
    assert_eq!((kind, field.as_str()), (ErrorKind::NotFound, "score.version"));
    let both = ScoreCandidate { learned: Some("lead".into()), ..rules(None) };
    let (kind, field, _) = refused(&test(both, as_of));
    assert_eq!((kind, field.as_str()), (ErrorKind::InvalidArgument, "score"));
    let of_companies = BacktestScore { entity_type: "company".into(), ..test(rules(None), as_of) };
    let (kind, field, _) = refused(&of_companies);
    assert_eq!((kind, field.as_str()), (ErrorKind::InvalidArgument, "score.model"));

    // Who is related now says nothing of who was.
    let people = RelatedScore {
        related: "contact.company".into(),
        inverse: true,
        model: "lead".into(),
        figure: ScoreFigure::Max,
    };
    let rule = ScoreRule { max: Some(100), ..ScoreRule::related("people", people) };
    let groups = [ScoreGroup::new("all", [rule])];
    crm.scores().define(DefineScore::new("account", "company", groups)).unwrap();
    let rolled = ScoreCandidate { model: Some("account".into()), ..ScoreCandidate::default() };
    let of_companies = BacktestScore {
        entity_type: "company".into(),
        other: Some(rolled),
        ..test(rules(None), as_of)
    };
    let of_companies = BacktestScore {
        score: ScoreCandidate { attribute: Some("employees".into()), ..ScoreCandidate::default() },
        ..of_companies
    };
    let (kind, field, message) = refused(&of_companies);
    assert_eq!((kind, field.as_str()), (ErrorKind::InvalidArgument, "other.model"));
    assert!(message.contains("\"people\""), "{message}");
}
