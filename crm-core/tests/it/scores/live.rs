//! What records score at every moment.

use std::collections::HashSet;

use crm_core::{
    ApplyChanges, Clock as _, Condition, CreateRecord, DefineScore, ErrorKind, FadeKind, Flow,
    GetScoreHistory, ListRecords, NewActivity, RankScores, ReadScore, RecordChange, RecordId,
    RecordRef, RelatedScore, ScoreFade, ScoreFigure, ScoreGroup, ScoreLevel, ScoreRule, TickTimers,
    Timestamp, values,
};

use super::{DAY, at, contact, explain, happen, model, open, publish, ranking, score};

fn verify(crm: &crm_core::Crm) {
    assert_eq!(crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_write_scores_at_once_and_time_fades() {
    let (crm, clock) = open();
    publish(&crm, model());
    let ann = contact(&crm, "DE");
    assert_eq!(score(&crm, ann), 30_000);
    let visit = happen(&crm, ann, "web_visit", 0);
    assert_eq!(score(&crm, ann), 40_000);
    clock.advance(30 * DAY);
    assert_eq!(score(&crm, ann), 35_000, "half is left after the half-life");
    happen(&crm, ann, "form", 30);
    assert_eq!(score(&crm, ann), 75_000);
    crm.contacts().patch(ann, values! { "country" => "FR" }).unwrap();
    assert_eq!(score(&crm, ann), 65_000);
    let explanation = explain(&crm, ann);
    let lines: Vec<_> = explanation
        .contributions
        .iter()
        .map(|line| (line.rule.as_deref().unwrap(), line.activity_id, line.raw, line.after_total))
        .collect();
    assert_eq!(lines[0], ("country", None, 20_000, 20_000));
    assert_eq!(lines[1], ("visits", Some(visit), 10_000, 5_000));
    assert_eq!(lines.len(), 3);
    // A moment of the past, by what is known now.
    let then = ReadScore { at: Some(at("2026-01-01T00:00:00Z")), ..ReadScore::new("lead", ann) };
    assert_eq!(crm.scores().read(&then).unwrap().record.score, 30_000);
    verify(&crm);
}

#[test]
fn what_is_late_or_corrected_counts_as_if_it_had_always_been_known() {
    let (crm, clock) = open();
    publish(&crm, model());
    let ann = contact(&crm, "FR");
    clock.advance(60 * DAY);
    let visit = happen(&crm, ann, "web_visit", 0);
    assert_eq!(score(&crm, ann), 22_500, "a quarter is left of what is told 60 days late");
    let then = at("2026-03-02T00:00:00Z");
    let mut correction = NewActivity::of("web_visit", RecordRef::new("contact", ann), then);
    correction.supersedes = Some(visit);
    crm.activities().record(correction).unwrap();
    assert_eq!(score(&crm, ann), 30_000);
    // What happened to a visitor counts once it is known whose it is, and no longer if not.
    let visit = NewActivity::of_visitor("web_visit", "cookie:1", then);
    crm.activities().record(visit).unwrap();
    let identify = crm_core::IdentifyVisitor {
        visitor: "cookie:1".into(),
        entity_type: "contact".into(),
        id: ann,
    };
    crm.activities().identify(&identify).unwrap();
    assert_eq!(score(&crm, ann), 40_000);
    crm.activities().release("cookie:1").unwrap();
    assert_eq!(score(&crm, ann), 30_000);
    verify(&crm);
}

#[test]
fn thresholds_are_crossed_once_each() {
    let (crm, clock) = open();
    publish(&crm, model());
    let ann = contact(&crm, "DE");
    happen(&crm, ann, "form", 0);
    happen(&crm, ann, "form", 0);
    happen(&crm, ann, "form", 0);
    crm.contacts().patch(ann, values! { "given_name" => "Ann" }).unwrap();
    clock.advance(365 * DAY);
    crm.contacts().patch(ann, values! { "country" => "FR" }).unwrap();
    let history = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap();
    let crossings: Vec<_> =
        history.crossings.iter().map(|c| (c.threshold.as_str(), c.is_up, c.score)).collect();
    assert_eq!(crossings[..2], [("warm", true, 70_000), ("hot", true, 110_000)]);
    assert_eq!((crossings[2].0, crossings[2].1), ("hot", false));
    assert_eq!((crossings[3].0, crossings[3].1), ("warm", false));
    assert_eq!(crossings.len(), 4);
    let page = crm
        .scores()
        .history(&GetScoreHistory { limit: 2, ..GetScoreHistory::new("lead", ann) })
        .unwrap();
    let next = page.next.unwrap();
    let rest = GetScoreHistory { after: next, ..GetScoreHistory::new("lead", ann) };
    assert_eq!(crm.scores().history(&rest).unwrap().crossings, history.crossings[2..]);
    verify(&crm);
}

#[test]
fn a_ranking_is_right_at_any_time_filled_or_not() {
    let (crm, _clock) = open();
    publish(&crm, model());
    let ids: Vec<_> =
        ["DE", "FR", "IT", "DE", "FR", "IT"].iter().map(|country| contact(&crm, country)).collect();
    for (place, day) in [(0, 0), (1, 10), (2, 20), (2, 21), (4, 22), (5, 0), (5, 0)] {
        let _ = happen(&crm, ids[place], if place == 4 { "form" } else { "web_visit" }, day - 30);
    }
    for filled in [false, true] {
        if filled {
            let report = crm.scores().rescore("lead").unwrap();
            assert_eq!((report.records, report.changed, report.is_complete), (6, 0, true));
        }
        for days in [-20, 0, 1, 30, 100, 1000] {
            let moment =
                Timestamp::from_micros(at("2026-01-01T00:00:00Z").micros() + days * DAY).unwrap();
            let mut expected: Vec<_> = ids
                .iter()
                .map(|id| {
                    let read = ReadScore { at: Some(moment), ..ReadScore::new("lead", *id) };
                    (*id, crm.scores().explain(&read).unwrap().record.score)
                })
                .collect();
            expected.sort_by_key(|(id, score)| (-score, *id));
            assert_eq!(ranking(&crm, Some(moment)), expected, "{days} days, filled: {filled}");
            // Page by page it is the same.
            let mut paged = Vec::new();
            let mut request = RankScores { at: Some(moment), limit: 1, ..RankScores::new("lead") };
            loop {
                let page = crm.scores().ranking(&request).unwrap();
                paged.extend(page.records.iter().map(|record| (record.id, record.score)));
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, expected);
        }
    }
    crm.contacts().archive(ids[0], None).unwrap();
    assert_eq!(ranking(&crm, None).len(), 5);
    crm.contacts().restore(ids[0], None).unwrap();
    assert_eq!(ranking(&crm, None).len(), 6);
    verify(&crm);
}

#[test]
fn a_company_rolls_up_its_contacts() {
    let (crm, clock) = open();
    publish(&crm, model());
    let related = |figure| RelatedScore {
        related: "contact.company".into(),
        inverse: true,
        model: "lead".into(),
        figure,
    };
    let rules = [
        ScoreRule::related("people", related(ScoreFigure::Sum)),
        ScoreRule::related("best", related(ScoreFigure::Max)),
        ScoreRule::related("mean", related(ScoreFigure::Average)),
    ];
    let rules = rules.map(|rule| ScoreRule { min: Some(0), max: Some(1000), ..rule });
    publish(&crm, DefineScore::new("account", "company", [ScoreGroup::new("people", rules)]));
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let other = crm.companies().create(values! { "name" => "Other" }).unwrap().id;
    let account = |id| {
        let answer = crm.scores().explain(&ReadScore::new("account", id)).unwrap();
        let sum: i64 = answer.contributions.iter().map(|line| line.after_total).sum();
        let read = crm.scores().read(&ReadScore::new("account", id)).unwrap();
        assert_eq!((sum, &read.record), (answer.record.score, &answer.record));
        sum
    };
    let of_acme = values! { "country" => "DE", "company" => acme.to_string() };
    let ann = crm.contacts().create(of_acme).unwrap().id;
    assert_eq!(account(acme), 90_000);
    let ben = contact(&crm, "FR");
    crm.contacts().patch(ben, values! { "company" => acme.to_string() }).unwrap();
    assert_eq!(account(acme), 50_000 + 30_000 + 25_000);
    happen(&crm, ann, "web_visit", 0);
    assert_eq!(account(acme), 60_000 + 40_000 + 30_000);
    clock.advance(30 * DAY);
    assert_eq!(account(acme), 55_000 + 35_000 + 27_500, "what people score fades there too");
    crm.contacts().patch(ann, values! { "company" => other.to_string() }).unwrap();
    assert_eq!((account(acme), account(other)), (60_000, 105_000));
    verify(&crm);
}

#[test]
fn repetition_is_bounded_as_the_rule_says() {
    let (crm, clock) = open();
    clock.advance(100 * DAY);
    let rule = || ScoreRule::activity("visits", "web_visit", 10);
    let ann = contact(&crm, "DE");
    for day in [0, 0, 0, 1, 2, 9, 10, 20] {
        happen(&crm, ann, "web_visit", day);
    }
    happen(&crm, ann, "page_view", 3);
    happen(&crm, ann, "page_view", 4);
    let distinct = ScoreRule::activity("pages", "page_view", 10);
    for (rule, expected) in [
        (rule(), 80),
        (ScoreRule { at_most: Some(1), ..rule() }, 10),
        (ScoreRule { per_day: Some(1), ..rule() }, 60),
        (ScoreRule { per_day: Some(2), at_most: Some(3), ..rule() }, 30),
        (ScoreRule { at_most: Some(1), within: Some("P7D".into()), ..rule() }, 30),
        (ScoreRule { at_most: Some(2), within: Some("P10D".into()), ..rule() }, 40),
        (ScoreRule { max: Some(45), ..rule() }, 45),
        (ScoreRule { points: -10, min: Some(-25), ..rule() }, -25),
        (distinct.clone(), 20),
        (ScoreRule { distinct: Some("url".into()), ..distinct }, 10),
    ] {
        crm.scores()
            .define(DefineScore::new("lead", "contact", [ScoreGroup::new("group", [rule.clone()])]))
            .unwrap();
        crm.scores().publish("lead").unwrap();
        assert_eq!(score(&crm, ann), expected * 1000, "{rule:?}");
        explain(&crm, ann);
    }
}

#[test]
fn amounts_give_points_by_their_size_in_their_currency() {
    let (crm, _clock) = open();
    let rule = ScoreRule {
        field: Some("amount".into()),
        per: Some(100),
        currency: Some("EUR".into()),
        max: Some(500),
        ..ScoreRule::activity("purchases", "purchase", 7)
    };
    publish(&crm, DefineScore::new("lead", "contact", [ScoreGroup::new("value", [rule])]));
    let ann = contact(&crm, "DE");
    for amount in [("99.99", "EUR"), ("0.07", "EUR"), ("1000", "USD")] {
        let now = at("2026-01-01T00:00:00Z");
        let mut purchase = NewActivity::of("purchase", RecordRef::new("contact", ann), now);
        purchase.amount = Some(crm_core::Money::new(amount.0, amount.1));
        crm.activities().record(purchase).unwrap();
    }
    // 7 points × 0.9999 = 6.9993 and 7 × 0.0007 = 0.0049, each to the thousandth.
    assert_eq!(score(&crm, ann), 6_999 + 5);
    explain(&crm, ann);
}

#[test]
fn a_draft_is_tried_out_before_it_is_published() {
    let (crm, _clock) = open();
    publish(&crm, model());
    let ann = contact(&crm, "IT");
    let mut changed = model();
    changed.groups[0].rules[0].points = 5;
    crm.scores().define(changed).unwrap();
    let tried = ReadScore { version: Some(2), ..ReadScore::new("lead", ann) };
    assert_eq!(crm.scores().read(&tried).unwrap().record.score, 5_000);
    assert_eq!(score(&crm, ann), 0);
    crm.scores().publish("lead").unwrap();
    assert_eq!(score(&crm, ann), 5_000);
    let mut done = Vec::new();
    let report = crm
        .scores()
        .rescore_watched("lead", &mut |progress| {
            done.push(progress.done);
            Flow::Continue
        })
        .unwrap();
    assert_eq!((report.records, report.changed, done), (1, 1, vec![1]));
    assert_eq!(crm.scores().rescore("lead").unwrap().changed, 0, "the same bits again");
    crm.scores().retire("lead").unwrap();
    let error = crm.scores().read(&ReadScore::new("lead", ann)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("model")));
    verify(&crm);
}

#[test]
fn a_condition_on_time_changes_the_score_when_it_is_due() {
    let (crm, clock) = open();
    let recent = Condition::event("web_visit").within("P7D").count_gte(1);
    let rules = [ScoreRule::when("recent", recent, 25)];
    publish(&crm, DefineScore::new("lead", "contact", [ScoreGroup::new("group", rules)]));
    let (ann, ben) = (contact(&crm, "DE"), contact(&crm, "DE"));
    happen(&crm, ann, "web_visit", 0);
    crm.scores().rescore("lead").unwrap();
    assert_eq!(score(&crm, ann), 25_000);
    assert_eq!(ranking(&crm, None), [(ann, 25_000), (ben, 0)]);
    clock.advance(8 * DAY);
    assert_eq!(score(&crm, ann), 0);
    assert_eq!(ranking(&crm, None), [(ann, 0), (ben, 0)]);
}

#[test]
fn a_score_moves_a_record_on_its_way() {
    let (crm, clock) = open();
    publish(&crm, model());
    let stages = ["lead", "mql", "customer"].map(crm_core::Stage::new);
    let mut way = crm_core::DefineLifecycle::new("way", "contact", stages);
    way.initial = Some("lead".into());
    let hot = "score(\"lead\" >= 60.5) and not score(\"lead.fit\" < 30)".parse().unwrap();
    way.triggers = vec![crm_core::StageTrigger::when("mql", hot)];
    crm.lifecycles().define(way).unwrap();
    let (ann, ben) = (contact(&crm, "DE"), contact(&crm, "FR"));
    let stage = |id| {
        let history = crm.lifecycles().history(&crm_core::GetLifecycleHistory::new("way", id));
        history.unwrap().standing.stage.unwrap()
    };
    happen(&crm, ann, "web_visit", 0);
    assert_eq!(stage(ann), "lead");
    happen(&crm, ann, "form", 0);
    happen(&crm, ben, "form", 0);
    happen(&crm, ben, "form", 0);
    assert_eq!((stage(ann), stage(ben)), ("mql".into(), "lead".into()));
    // A score cannot be taken away while a way asks for it.
    let error = crm.scores().retire("lead").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    // Asked in memory and in SQL it is the same, also when it has faded.
    for days in [0, 1, 20, 40, 400] {
        clock.advance(days * DAY);
        let condition: Condition = "score(\"lead\" >= 45)".parse().unwrap();
        let found = crm_core::CountRecords {
            condition: Some(condition.clone()),
            ..crm_core::CountRecords::new("contact")
        };
        let evaluate = |id| {
            let entity_type = "contact".into();
            let condition = condition.clone();
            let request =
                crm_core::EvaluateCondition { entity_type, id, condition, at: None, zone: None };
            crm.evaluate_condition(&request).unwrap().is_true
        };
        let count = u64::from(evaluate(ann)) + u64::from(evaluate(ben));
        assert_eq!(crm.count_records(&found).unwrap(), count, "{days}");
        assert_eq!(evaluate(ann), score(&crm, ann) >= 45_000);
    }
}

#[test]
fn a_tick_records_a_crossing_at_its_own_instant() {
    let (crm, clock) = open();
    publish(&crm, model());
    let ann = contact(&crm, "DE");
    happen(&crm, ann, "form", 0);
    clock.advance(200 * DAY);
    let tick = crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
    assert!(tick.is_complete);
    let history = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap();
    let last = history.crossings.last().unwrap();
    assert_eq!((history.crossings.len(), last.is_up, last.score), (2, false, 49_999));
    // 40 points halve in 30 days, so that 20 are left on the 30th: just after that the score is less.
    let day = last.at.micros() - at("2026-01-01T00:00:00Z").micros();
    assert_eq!(day / DAY, 30);
    let read = |micros: i64| {
        let at = Some(Timestamp::from_micros(micros).unwrap());
        crm.scores().explain(&ReadScore { at, ..ReadScore::new("lead", ann) }).unwrap().record.score
    };
    assert_eq!((read(last.at.micros() - 1), read(last.at.micros())), (50_000, 49_999));
    verify(&crm);
}

/// Timers that fall due until nothing is left to wait for, and how many thresholds are crossed by them.
fn timers_and_crossings(group: ScoreGroup, levels: &[i64], days: &[i64]) -> (u64, usize) {
    let (crm, clock) = open();
    let mut model = DefineScore::new("lead", "contact", [group]);
    let level = |points: &i64| ScoreLevel::new(format!("level_{points}"), *points);
    model.thresholds = levels.iter().map(level).collect();
    publish(&crm, model);
    let ann = contact(&crm, "DE");
    for day in days {
        let then = at("2026-01-01T00:00:00Z").micros() + day * DAY;
        clock.advance(then - clock.now().micros());
        happen(&crm, ann, "form", *day);
    }
    let crossings = || {
        let history = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap();
        history.crossings.len()
    };
    let before = crossings();
    let mut timers = 0;
    while let Some(due_at) = crm.timers().next().unwrap().due_at {
        clock.advance(due_at.micros() - clock.now().micros());
        let tick = crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
        timers += tick.done;
    }
    verify(&crm);
    (timers, crossings() - before)
}

#[test]
fn a_crossing_by_time_takes_one_timer() {
    let group = |fade| {
        let form = ScoreRule::activity("form", "form", 10);
        ScoreGroup::new("engagement", [form]).fading(fade)
    };
    let half = ScoreFade::half_life;
    let linear = |span: &str, percent| {
        let (kind, span, percent) = (FadeKind::Linear, span.into(), Some(percent));
        ScoreFade { kind, span, percent }
    };
    let expiry = || ScoreFade { kind: FadeKind::Expiry, span: "P30D".into(), percent: None };
    // Of so many points a write only looks a little ahead.
    let many: Vec<i64> = (0..80).collect();
    // With how many other timers, which look further, or lower its place in the ranking as points fade.
    for (fade, levels, days, others) in [
        (half("P1D"), &[5][..], &[0][..], 0),
        (half("P30D"), &[5], &[0], 0),
        (half("P365D"), &[5], &[0], 0),
        (linear("P30D", 10), &[5], &[0], 6),
        (linear("P365D", 1), &[5], &[0], 6),
        (expiry(), &[5], &[0], 0),
        (half("P30D"), &[10, 20, 30, 50], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0),
        (expiry(), &[10, 20, 30, 50], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3),
        (half("P30D"), &[10, 20, 30, 50], &many, 1),
        (expiry(), &[10, 20, 30, 50], &many, 9),
    ] {
        let (timers, crossings) = timers_and_crossings(group(fade.clone()), levels, days);
        assert_eq!(crossings, levels.len(), "{fade:?}");
        let most = crossings as u64 + others;
        assert!(timers <= most, "{fade:?}: {timers} timers, and not {most}");
    }
}

/// Ten records with points that fade by percentages, of which the first has most.
#[test]
fn a_tick_lowers_places_in_the_ranking() {
    let (crm, clock) = open();
    let form = ScoreRule::activity("form", "form", 10);
    let fade = ScoreFade { kind: FadeKind::Linear, span: "P1D".into(), percent: Some(2) };
    publish(
        &crm,
        DefineScore::new("lead", "contact", [ScoreGroup::new("all", [form]).fading(fade)]),
    );
    let ids: Vec<_> = (0..10).map(|_| contact(&crm, "DE")).collect();
    clock.advance(DAY);
    for (place, id) in ids.iter().enumerate() {
        for _ in place..10 {
            happen(&crm, *id, "form", 0);
        }
    }
    crm.scores().rescore("lead").unwrap();
    let expected = |crm: &crm_core::Crm| {
        let mut all: Vec<_> = ids.iter().map(|id| (*id, score(crm, *id))).collect();
        all.sort_by_key(|(id, score)| (-score, *id));
        all
    };
    for _ in 0..12 {
        clock.advance(5 * DAY);
        assert_eq!(ranking(&crm, None), expected(&crm), "without a tick");
        crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
        assert_eq!(ranking(&crm, None), expected(&crm));
        verify(&crm);
    }
    assert_eq!(crm.timers().next().unwrap().due_at, None, "nothing is left to lower");
    assert_eq!(crm.scores().rescore("lead").unwrap().changed, 10, "what is gone is forgotten");
}

#[test]
fn a_ranking_of_some_is_that_of_all_without_the_others() {
    let (crm, clock) = open();
    publish(&crm, model());
    // The highest do not fulfil the condition, and are more than are asked one by one.
    let create = |nth: i64| {
        let country = ["DE", "DE", "DE", "FR", "AT"][usize::try_from(nth % 5).unwrap()];
        let values = values! { "country" => country, "family_name" => format!("{nth}") };
        RecordChange::Create(CreateRecord { entity_type: "contact".into(), values })
    };
    let changes = (0..2000).map(create).collect();
    crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
    let first = crm.list_records(&ListRecords::new("contact")).unwrap().records;
    for (nth, record) in first.iter().enumerate() {
        happen(&crm, record.id, "web_visit", -i64::try_from(nth % 3).unwrap());
    }
    let now = clock.now();
    let later = Timestamp::from_micros(now.micros() + 40 * DAY).unwrap();
    let filled = |is_filled: bool| {
        for at in [now, later] {
            let request = RankScores { at: Some(at), limit: 10_000, ..RankScores::new("lead") };
            let all = crm.scores().ranking(&request).unwrap().records;
            assert_eq!(all.len(), 2000);
            for (text, country) in
                [("country = \"AT\"", "AT"), ("country = \"DE\"", "DE"), ("country = \"NL\"", "NL")]
            {
                let condition: Condition = text.parse().unwrap();
                let list = ListRecords {
                    condition: Some(condition.clone()),
                    limit: 10_000,
                    ..ListRecords::new("contact")
                };
                let listed = crm.list_records(&list).unwrap().records;
                let listed: HashSet<RecordId> = listed.iter().map(|record| record.id).collect();
                let wanted = all.iter().filter(|record| listed.contains(&record.id));
                let wanted: Vec<_> = wanted.cloned().collect();
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let condition = Some(condition.clone());
                    let request = RankScores { condition, limit: 250, after, ..request.clone() };
                    let page = crm.scores().ranking(&request).unwrap();
                    found.extend(page.records);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(found, wanted, "{country}, filled {is_filled}, at {at}");
            }
        }
    };
    filled(false);
    crm.scores().rescore("lead").unwrap();
    filled(true);

    let condition = Some("contry = \"DE\"".parse().unwrap());
    let error =
        crm.scores().ranking(&RankScores { condition, ..RankScores::new("lead") }).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownAttribute, Some("where.field")));
}
