//! Learned scores: training, leaks, explanations, rankings and back-tests.

mod page;
mod points;
mod xeducation;

use crm_core::{
    ActivityPreset, BacktestScore, Condition, Crm, DefineActivityKind, Error, ErrorKind,
    ExplainLearnedScore, Flow, GetLearnedScore, LeakReason, LearnedActivities, LearnedAlgorithm,
    LearnedCondition, LearnedOutcome, LearnedScore, LearnedScoreName, LifecyclePreset, MoveStage,
    NewActivity, OpenOptions, Progress, RankRecords, RecordId, RecordRef, ScoreCandidate,
    ScoreTier, Timestamp, TrainLearnedScore, values,
};

use crate::support::{Folder, replay};

fn outcome(text: &str) -> LearnedOutcome {
    LearnedOutcome::when(text.parse().unwrap())
}

fn train(crm: &Crm, request: &TrainLearnedScore) -> Result<LearnedScore, Error> {
    crm.learned_scores().train(request, &mut |_| Flow::Continue)
}

fn now(crm: &Crm) -> Timestamp {
    crm.records("company").create(values! { "name" => "a clock" }).unwrap().created_at
}

fn has_phone(crm: &Crm, id: RecordId) -> bool {
    !crm.companies().get(id).unwrap().values.get("phone").is_null()
}

/// Companies of which the large ones have a telephone number more often.
fn companies(crm: &Crm, count: u32) -> Vec<RecordId> {
    let create = |place: u32| {
        let is_large = place.is_multiple_of(2);
        let is_won = if is_large { !place.is_multiple_of(10) } else { place % 10 == 1 };
        let city = ["Berlin", "Bonn", "Mainz"][place as usize % 3];
        let id = crm.companies().create(values! {
            "name" => format!("Company {place}"),
            "employees" => if is_large { 500 + place } else { 5 + place % 7 },
            "industry" => city,
            "phone" => is_won.then_some("+4930901820"),
        });
        id.unwrap().id
    };
    (0..count).map(create).collect()
}

fn request() -> TrainLearnedScore {
    let mut request = TrainLearnedScore::new("has_phone", "company", outcome("phone is set"));
    request.fields = vec!["employees".into(), "industry".into()];
    request
}

#[test]
fn a_score_is_learned_kept_and_explained_to_the_last_bit() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    let ids = companies(&crm, 600);
    for (version, algorithm) in [(1, LearnedAlgorithm::Logistic), (2, LearnedAlgorithm::NaiveBayes)]
    {
        let score = train(&crm, &TrainLearnedScore { algorithm, ..request() }).unwrap();
        assert_eq!((score.version, score.entity_type.as_str()), (version, "company"));
        let quality = score.quality.as_ref().unwrap();
        assert!(quality.records > 100 && quality.records < 260, "{quality:?}");
        assert!(quality.auc.unwrap() > 0.7, "{quality:?}");
        assert!(quality.auc_low.unwrap() < quality.auc.unwrap());
        for id in &ids[..50] {
            let asked = ExplainLearnedScore { name: "has_phone".into(), version: None, id: *id };
            let told = crm.learned_scores().explain(&asked).unwrap();
            let sum: f64 = told.contributions.iter().map(|part| part.log_odds).sum();
            assert_eq!(told.intercept + sum, told.log_odds);
            let mut turned: Vec<f64> =
                told.contributions.iter().map(|part| part.log_odds).collect();
            turned.reverse();
            assert_eq!(turned.iter().sum::<f64>() + told.intercept, told.log_odds);
            assert!((told.probability - 1.0 / (1.0 + (-told.log_odds).exp())).abs() < 1e-12);
            assert_eq!(told.contributions.len(), 2);
        }
    }
    let first = GetLearnedScore { name: "has_phone".into(), version: Some(1) };
    let kept = crm.learned_scores().get(&first).unwrap();
    assert_eq!(kept.algorithm, LearnedAlgorithm::Logistic);
    // The same records give the same model, to the bit.
    assert_eq!(train(&crm, &request()).unwrap().model, kept.model);
    crm.close().unwrap();
    let again = folder.open();
    assert_eq!(again.learned_scores().get(&first).unwrap(), kept);
    assert_eq!(again.learned_scores().list().unwrap().len(), 1);
}

#[test]
fn a_ranking_has_the_highest_scores_first() {
    let crm = Crm::in_memory().unwrap();
    companies(&crm, 300);
    train(&crm, &request()).unwrap();
    let mut asked = RankRecords { limit: 40, ..RankRecords::new("has_phone") };
    let all = crm.learned_scores().rank(&asked, &mut |_| Flow::Continue).unwrap();
    assert_eq!((all.records, all.top.len()), (300, 40));
    assert!(all.top.is_sorted_by(|one, other| one.probability >= other.probability));
    let best = ExplainLearnedScore { name: "has_phone".into(), version: None, id: all.top[0].id };
    let told = crm.learned_scores().explain(&best).unwrap();
    assert_eq!(told.probability, all.top[0].probability);
    asked.condition = Some("employees < 100".parse().unwrap());
    let small = crm.learned_scores().rank(&asked, &mut |_| Flow::Continue).unwrap();
    assert_eq!(small.records, 150);
    assert!(small.top[0].probability < all.top[0].probability);
}

#[test]
fn a_field_that_one_outcome_has_more_often_is_suspect_unless_it_came_before() {
    let crm = Crm::in_memory().unwrap();
    let mut request = request();
    request.fields = vec!["industry".into(), "employees".into(), "website".into()];
    for place in 0..240_u32 {
        let (is_won, last) = (place.is_multiple_of(2), place % 10);
        // Site and industry are known of four in five that were won, and of one in five of the others;
        // the site before anybody was won, and the industry with it.
        let (has_site, has_industry) =
            if is_won { (last != 8, last != 0) } else { (last == 1, last == 3) };
        let id = crm.companies().create(values! {
            "name" => format!("Company {place}"),
            "employees" => 10 + place % 9,
            "website" => has_site.then_some("https://example.org/a"),
        });
        let more = values! {
            "phone" => is_won.then_some("+4930901820"),
            "industry" => has_industry.then_some(["paper", "steel"][place as usize % 3 % 2]),
        };
        crm.companies().patch(id.unwrap().id, more).unwrap();
    }
    let report = crm.learned_scores().find_leaks(&request, &mut |_| Flow::Continue).unwrap();
    let industry = report.features.iter().find(|check| check.is_suspect).unwrap();
    assert!(industry.filled_with > 0.7 && industry.filled_without < 0.3, "{industry:?}");
    assert!(report.auc_without_suspects < report.auc_without_leaks);
    assert_eq!((report.leaks, report.suspects), (vec![], vec!["industry".to_owned()]));
    // It is learned from all the same.
    train(&crm, &request).unwrap();
}

#[test]
fn a_field_that_is_filled_in_after_the_outcome_is_found_by_the_journal() {
    let crm = Crm::in_memory().unwrap();
    let ids = companies(&crm, 200);
    // Every other customer is asked for a domain after the sale, and nobody else: alone that tells
    // little, but the journal says when.
    for id in ids.iter().filter(|id| has_phone(&crm, **id)).step_by(2) {
        crm.companies().patch(*id, values! { "website" => "https://example.org/a" }).unwrap();
    }
    let mut request = request();
    request.fields.push("website".into());
    let report = crm.learned_scores().find_leaks(&request, &mut |_| Flow::Continue).unwrap();
    assert_eq!(report.leaks, ["website"]);
    assert_eq!(report.features[0].reasons, [LeakReason::FilledAfterOutcome]);
    assert_eq!(report.features[0].filled_after, Some(1.0));
    let refused = train(&crm, &request).unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::Refused, Some("website")));
    assert!(crm.learned_scores().list().unwrap().is_empty());
    request.allow_leaks = vec!["website".into()];
    train(&crm, &request).unwrap();
    request.exclude = vec!["website".into()];
    assert!(!train(&crm, &request).unwrap().model.contains("website"));
}

#[test]
fn what_was_recorded_later_is_neither_learned_from_nor_scored() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    crm.activity_kinds().define(DefineActivityKind::new("call", [])).unwrap();
    crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
    let deals: Vec<RecordId> = (0..120)
        .map(|place| {
            let id = crm.deals().create(values! { "name" => format!("Deal {place}") }).unwrap().id;
            // Before the moment, every third has a call.
            if place % 3 == 0 {
                let at = now(&crm);
                crm.activities()
                    .record(NewActivity::of("call", RecordRef::new("deal", id), at))
                    .unwrap();
            }
            id
        })
        .collect();
    let as_of = now(&crm);
    // Afterwards all that will be lost are called, which would tell everything.
    for (place, id) in deals.iter().enumerate() {
        let wins = place % 3 == 0 && place % 2 == 0 || place % 30 == 1;
        for _ in 0..if wins { 0 } else { 3 } {
            let at = now(&crm);
            let call = NewActivity::of("call", RecordRef::new("deal", *id), at);
            crm.activities().record(call).unwrap();
        }
        let to = if wins { "won" } else { "lost" };
        crm.lifecycles().move_to(MoveStage::new("deal", *id, to).because("price")).unwrap();
    }
    let until = now(&crm);
    let mut request = TrainLearnedScore::new("wins", "deal", LearnedOutcome::stage("deal", "won"));
    request.activities = vec![LearnedActivities { kind: "call".into(), within: None }];
    request.conditions = vec![LearnedCondition {
        name: "called".into(),
        condition: "count(call) >= 1".parse().unwrap(),
    }];
    (request.as_of, request.until) = (Some(as_of), Some(until));
    let score = train(&crm, &request).unwrap();
    assert_eq!(score.known_until, until);
    let auc = score.quality.as_ref().unwrap().auc.unwrap();
    assert!(auc > 0.5 && auc < 0.95, "{auc}");
    // As of now the same features know the outcome.
    (request.as_of, request.until) = (None, None);
    request.name = "cheats".into();
    assert_eq!(train(&crm, &request).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one file is asked about everything")]
fn a_back_test_does_not_look_ahead_and_compares_two_scores() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    let ids: Vec<RecordId> = (0..200_u32)
        .map(|place| {
            let values =
                values! { "name" => format!("Company {place}"), "employees" => place % 50 };
            crm.companies().create(values).unwrap().id
        })
        .collect();
    let wins = |from: usize, to: usize| {
        for (place, id) in ids.iter().enumerate().take(to).skip(from) {
            if place % 50 > 20 && place % 7 != 0 || place % 11 == 0 {
                crm.companies().patch(*id, values! { "phone" => "+4930901820" }).unwrap();
            }
        }
    };
    let begin = now(&crm);
    wins(0, 100);
    let middle = now(&crm);
    wins(100, 200);
    // What comes later must not be seen: the number of employees tells everything now.
    for (place, id) in ids.iter().enumerate() {
        let won = has_phone(&crm, *id);
        let employees = if won { 10_000 + place } else { 0 };
        crm.companies().patch(*id, values! { "employees" => employees as i64 }).unwrap();
    }
    let end = now(&crm);
    let mut request = TrainLearnedScore { min_records: 5, ..request() };
    request.fields = vec!["employees".into()];
    (request.as_of, request.until) = (Some(begin), Some(middle));
    train(&crm, &request).unwrap();
    let mut test = BacktestScore {
        entity_type: "company".into(),
        outcome: outcome("phone is set"),
        score: ScoreCandidate { learned: Some("has_phone".into()), ..ScoreCandidate::default() },
        other: Some(ScoreCandidate {
            attribute: Some("employees".into()),
            ..ScoreCandidate::default()
        }),
        as_of: middle,
        until: Some(end),
        condition: Some("name != \"a clock\"".parse().unwrap()),
        tiers: vec![
            ScoreTier { tier: "A".into(), from: 0.5 },
            ScoreTier { tier: "B".into(), from: 0.0 },
        ],
    };
    let run = |test: &BacktestScore| crm.learned_scores().backtest(test, &mut |_| Flow::Continue);
    let told = run(&test).unwrap();
    let won_before = (0..100)
        .filter(|place| place % 50 > 20 && place % 7 != 0 || place % 11 == 0)
        .count() as u64;
    assert_eq!(told.left_out, won_before);
    assert_eq!(told.quality.records, 200 - won_before);
    // One number, so both put the records in the same order; a leak would make it 1.
    assert_eq!(told.quality.auc, told.other.as_ref().unwrap().auc);
    assert!(told.quality.auc.unwrap() > 0.6 && told.quality.auc.unwrap() < 0.99, "{told:?}");
    let compared = told.comparison.unwrap();
    assert_eq!((compared.difference, compared.p_value), (0.0, 1.0));
    assert_eq!(told.quality.deciles.len(), 10);
    assert!(told.quality.deciles[0].lift > told.quality.deciles[9].lift);
    assert_eq!(
        told.quality.tiers.iter().map(|tier| tier.records).sum::<u64>(),
        told.quality.records
    );
    assert!(told.quality.brier.is_some() && told.other.unwrap().brier.is_none());
    // A score that knows what came is no score of that moment.
    let later = TrainLearnedScore { as_of: None, until: None, ..request };
    let later =
        TrainLearnedScore { name: "later".into(), allow_leaks: vec!["employees".into()], ..later };
    train(&crm, &later).unwrap();
    test.score.learned = Some("later".into());
    let refused = run(&test).unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::Refused, Some("score.learned")));
    test.score = ScoreCandidate {
        condition: Some("employees > 20".parse().unwrap()),
        ..ScoreCandidate::default()
    };
    assert!(run(&test).unwrap().quality.auc.unwrap() > 0.6);
}

#[test]
fn a_score_is_archived_with_all_versions_and_restored() {
    let crm = Crm::in_memory().unwrap();
    let ids = companies(&crm, 100);
    train(&crm, &request()).unwrap();
    let name = LearnedScoreName { name: "has_phone".into() };
    assert!(crm.learned_scores().archive(&name).unwrap().archived_at.is_some());
    assert_eq!(train(&crm, &request()).unwrap_err().kind(), ErrorKind::Archived);
    let asked = ExplainLearnedScore { name: "has_phone".into(), version: None, id: ids[0] };
    assert_eq!(crm.learned_scores().explain(&asked).unwrap_err().kind(), ErrorKind::Archived);
    assert_eq!(crm.learned_scores().restore(&name).unwrap().archived_at, None);
    crm.learned_scores().explain(&asked).unwrap();
    let missing =
        crm.learned_scores().get(&GetLearnedScore { name: "has_fone".into(), version: None });
    let missing = missing.unwrap_err();
    assert_eq!((missing.kind(), missing.field()), (ErrorKind::NotFound, Some("name")));
    assert_eq!(missing.hint(), Some("did you mean \"has_phone\"?"));
    assert_eq!(crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_training_is_cancelled_and_leaves_nothing() {
    let crm = Crm::in_memory().unwrap();
    companies(&crm, 100);
    let cancelled =
        crm.learned_scores().train(&request(), &mut |_: Progress| Flow::Cancel).unwrap_err();
    assert_eq!(cancelled.kind(), ErrorKind::Interrupted);
    assert!(crm.learned_scores().list().unwrap().is_empty());
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let crm = Crm::in_memory().unwrap();
    companies(&crm, 60);
    let refuse = |change: &dyn Fn(&mut TrainLearnedScore)| {
        let mut request = request();
        change(&mut request);
        let error = train(&crm, &request).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned())
    };
    let invalid = |field: &str| (ErrorKind::InvalidArgument, field.to_owned());
    let both = LearnedOutcome { lifecycle: Some("deal".into()), ..outcome("phone is set") };
    assert_eq!(refuse(&|r| r.outcome = both.clone()), invalid("outcome"));
    assert_eq!(refuse(&|r| r.outcome = LearnedOutcome::default()), invalid("outcome"));
    assert_eq!(refuse(&|r| r.outcome = outcome("name = \"nobody\"")), invalid("outcome"));
    assert_eq!(refuse(&|r| r.outcome = outcome("fone is set")).0, ErrorKind::UnknownAttribute);
    assert_eq!(refuse(&|r| r.l2 = 0.0), invalid("l2"));
    assert_eq!(refuse(&|r| r.l2 = f64::NAN), invalid("l2"));
    assert_eq!(refuse(&|r| r.min_records = 4), invalid("min_records"));
    assert_eq!(refuse(&|r| r.holdout_percent = 91), invalid("holdout_percent"));
    assert_eq!(refuse(&|r| r.leak_auc = 0.5), invalid("leak_auc"));
    assert_eq!(refuse(&|r| r.name = "No Name".into()), invalid("name"));
    assert_eq!(refuse(&|r| r.exclude = r.fields.clone()), invalid("fields"));
    assert_eq!(refuse(&|r| r.until = Some(Timestamp::MAX)), invalid("until"));
    assert_eq!(refuse(&|r| r.as_of = Some(Timestamp::MAX)), invalid("as_of"));
    assert_eq!(
        refuse(&|r| r.fields = vec!["employes".into()]),
        (ErrorKind::UnknownAttribute, "fields[0]".into())
    );
    let condition =
        |text: &str| LearnedCondition { name: "b".into(), condition: text.parse().unwrap() };
    assert_eq!(
        refuse(&|r| r.conditions = vec![condition("phone is set"), condition("fone is set")]),
        (ErrorKind::UnknownAttribute, "conditions[1].where.field".into())
    );
    assert_eq!(
        refuse(&|r| {
            r.fields.clear();
            r.conditions = vec![condition("phone is set"); 301];
        }),
        (ErrorKind::LimitExceeded, "conditions".into())
    );
    let activities = |kind: &str, within: &str| LearnedActivities {
        kind: kind.into(),
        within: Some(within.into()),
    };
    assert_eq!(
        refuse(&|r| r.activities = vec![activities("fomr", "P30D")]),
        (ErrorKind::UnknownType, "activities[0].kind".into())
    );
    crm.activity_kinds().define_preset(ActivityPreset::Form).unwrap();
    assert_eq!(
        refuse(&|r| r.activities = vec![activities("form", "P30D"), activities("form", "30")]),
        (ErrorKind::InvalidValue, "activities[1].within".into())
    );
    assert_eq!(refuse(&|r| r.entity_type = "firm".into()).0, ErrorKind::UnknownType);
}

#[test]
fn a_misspelt_feature_is_not_left_out_in_silence() {
    let crm = Crm::in_memory().unwrap();
    companies(&crm, 100);
    let misspelt = vec!["industry".to_owned(), "emploiees".to_owned()];
    for (field, request) in [
        ("exclude[1]", TrainLearnedScore { exclude: misspelt.clone(), ..request() }),
        ("allow_leaks[1]", TrainLearnedScore { allow_leaks: misspelt, ..request() }),
    ] {
        for error in [
            train(&crm, &request).unwrap_err(),
            crm.learned_scores().find_leaks(&request, &mut |_| Flow::Continue).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownOption, Some(field)));
            assert_eq!(error.hint(), Some("did you mean \"employees\"?"));
        }
    }
    assert!(crm.learned_scores().list().unwrap().is_empty());
    // An attribute that is none of the features may be left out all the same.
    let more = TrainLearnedScore { exclude: vec!["phone".into()], ..request() };
    train(&crm, &more).unwrap();
}

#[test]
fn no_error_and_no_debug_shows_what_was_learned_from() {
    let crm = Crm::open_with(":memory:", OpenOptions::default()).unwrap();
    companies(&crm, 100);
    let condition: Condition = "industry = \"Secret GmbH\"".parse().unwrap();
    let mut request = request();
    request.conditions = vec![LearnedCondition { name: "secret".into(), condition }];
    request.exclude = vec!["employees".into()];
    assert!(!format!("{request:?}").contains("Secret GmbH"), "{request:?}");
    let score = train(&crm, &request).unwrap();
    assert!(!format!("{score:?}").contains("Berlin"), "{score:?}");
}
