//! Rules about segments, stages that last too long, and points.

use std::sync::Arc;

use crm_core::{
    ActionOutcome, AddPoints, ApplyChanges, ChangeKind, ChangeMembers, Clock, CountedIds,
    CreateRecord, Crm, DefineLifecycle, DefineRule, DefineScore, DefineSegment, ErrorKind,
    ExplainMember, FixedClock, Flow, ListChanges, ListMembers, ListRuleRuns, MemberCause,
    MoveStage, OnOverdue, OpenOptions, ReadScore, RecordChange, RecordId, RuleAction,
    RuleEventKind, RuleTrigger, ScoreGroup, ScoreLevel, ScoreRule, SimulateRule, SkippedRun, Stage,
    TickTimers, Timestamp, Values, values,
};

use super::{contact, get, open, outcomes, rule, runs, verify};

fn live(crm: &Crm, name: &str, text: &str) {
    crm.segments().define(DefineSegment::live(name, "contact", text.parse().unwrap())).unwrap();
}

fn by_hand(crm: &Crm, name: &str) {
    crm.segments().define(DefineSegment::by_hand(name, "contact")).unwrap();
}

fn members(crm: &Crm, name: &str) -> Vec<RecordId> {
    let page = crm.segments().members(&ListMembers::new(name)).unwrap();
    page.members.into_iter().map(|member| member.id).collect()
}

fn publish(crm: &Crm, thresholds: &[i64]) {
    let german = ScoreRule::when("german", "country = \"DE\"".parse().unwrap(), 20);
    let known = ScoreRule::when("known", "source = \"known\"".parse().unwrap(), 80);
    let mut model = DefineScore::new("fit", "contact", [ScoreGroup::new("fit", [german, known])]);
    let levels = thresholds.iter().map(|level| ScoreLevel::new(format!("t{level}"), *level));
    model.thresholds = levels.collect();
    crm.scores().define(model).unwrap();
    crm.scores().publish("fit").unwrap();
}

fn refused(crm: &Crm, name: &str, on: RuleTrigger, actions: &[RuleAction]) -> (String, String) {
    let define = DefineRule::new(name, "contact", on, actions.to_vec());
    let error = crm.rules().define(define).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    (error.field().unwrap().to_owned(), error.message().to_owned())
}

#[test]
fn coming_into_a_live_segment_and_going_from_it_set_rules_off() {
    let crm = open();
    live(&crm, "german", "country = \"DE\"");
    live(&crm, "known", "in segment \"german\" and locale is set");
    rule(&crm, "came", RuleTrigger::entered("german"), [RuleAction::set("locale", "de")]);
    rule(&crm, "both", RuleTrigger::entered("known"), [RuleAction::set("source", "known")]);
    rule(&crm, "went", RuleTrigger::left("german"), [RuleAction::emit("went", ["country"])]);
    let id = contact(&crm);
    assert!(runs(&crm, "came").is_empty(), "it is in no segment");
    crm.contacts().patch(id, values! { "country" => "DE" }).unwrap();
    assert_eq!(get(&crm, id, "locale"), "de".into());
    assert_eq!(get(&crm, id, "source"), "known".into(), "what follows comes into segments too");
    let [run] = &runs(&crm, "both")[..] else { panic!() };
    assert_eq!(
        (run.event.kind, run.event.segment.as_deref()),
        (RuleEventKind::SegmentEntered, Some("known"))
    );
    assert_eq!(run.chain.iter().map(|step| &*step.rule).collect::<Vec<_>>(), ["came"]);
    let told = crm.journal().changes(&ListChanges::after(run.event.seq.unwrap() - 1)).unwrap();
    assert_eq!(told.changes[0].kind, ChangeKind::SegmentEntered);
    assert_eq!(told.changes[0].record_id, Some(id));
    assert!(runs(&crm, "went").is_empty());
    crm.contacts().patch(id, values! { "country" => "FR" }).unwrap();
    let [run] = &runs(&crm, "went")[..] else { panic!() };
    assert_eq!(run.event.kind, RuleEventKind::SegmentLeft);
    assert_eq!(runs(&crm, "came").len(), 1);
    // Who is archived leaves, and is left alone.
    crm.contacts().patch(id, values! { "country" => "DE" }).unwrap();
    crm.contacts().archive(id, None).unwrap();
    assert_eq!(runs(&crm, "went").len(), 1);
    verify(&crm);
}

#[test]
fn a_rule_adds_to_a_list_and_takes_from_it() {
    let crm = open();
    by_hand(&crm, "calls");
    let add = RuleAction::AddToSegment(crm_core::ChangeMembership {
        segment: "calls".into(),
        reason: Some("asked for it".into()),
    });
    rule(&crm, "in", RuleTrigger::becomes("country", "DE"), [add]);
    rule(&crm, "out", RuleTrigger::becomes("country", "FR"), [RuleAction::remove_from("calls")]);
    rule(&crm, "tell", RuleTrigger::entered("calls"), [RuleAction::emit("call", ["email"])]);
    let id = contact(&crm);
    crm.contacts().patch(id, values! { "country" => "FR" }).unwrap();
    assert_eq!(outcomes(&runs(&crm, "out")[0]), [ActionOutcome::Unchanged]);
    crm.contacts().patch(id, values! { "country" => "DE" }).unwrap();
    assert_eq!(members(&crm, "calls"), [id]);
    let told = crm.segments().explain(&ExplainMember::new("calls", id)).unwrap().changes;
    assert_eq!(told[0].cause, MemberCause::Rule);
    assert_eq!(told[0].reason.as_deref(), Some("asked for it"));
    let change = &crm.journal().changes(&ListChanges::after(told[0].seq - 1)).unwrap().changes[0];
    assert_eq!(change.cause.as_deref(), Some("rule:in@1"));
    assert_eq!(runs(&crm, "tell").len(), 1);
    crm.segments().add_members(&ChangeMembers::new("calls", [id])).unwrap();
    assert_eq!(runs(&crm, "tell").len(), 1, "it is a member already");
    crm.contacts().patch(id, values! { "country" => "FR" }).unwrap();
    assert!(members(&crm, "calls").is_empty());
    // By hand as well.
    crm.segments().add_members(&ChangeMembers::new("calls", [id])).unwrap();
    assert_eq!(runs(&crm, "tell").len(), 2);
    let error = crm.segments().define(DefineSegment::live(
        "calls",
        "contact",
        "country = \"DE\"".parse().unwrap(),
    ));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict, "rules keep the list");
    verify(&crm);
}

#[test]
fn rules_that_move_a_record_in_and_out_for_ever_are_refused() {
    let crm = open();
    by_hand(&crm, "calls");
    live(&crm, "german", "country = \"DE\"");
    live(&crm, "old_german", "country = \"DE\" and birthday is set");
    let entered = || RuleTrigger::entered("calls");
    let to = || RuleAction::add_to("calls");
    let from = || RuleAction::remove_from("calls");
    let (field, message) = refused(&crm, "again", entered(), &[from(), to()]);
    assert_eq!(field, "actions[1].add_to_segment");
    assert!(message.ends_with("again (actions[1]) → again"), "{message}");
    // Out for good, and what is there already, end by themselves.
    rule(&crm, "stays", entered(), [to(), from()]);
    let (field, _) = refused(&crm, "back", RuleTrigger::left("calls"), &[to()]);
    assert_eq!(field, "actions[0].add_to_segment");
    let back = DefineRule::new("back", "contact", RuleTrigger::left("calls"), [to()]);
    crm.rules().define(back.when("in segment \"german\"".parse().unwrap())).unwrap_err();
    crm.rules().archive("stays").unwrap();
    rule(&crm, "back", RuleTrigger::left("calls"), [to()]);

    // A live segment follows what is written, where that alone decides.
    let country = |code: &str| [RuleAction::set("country", code)];
    rule(&crm, "leaves", RuleTrigger::entered("german"), country("FR"));
    let (field, message) = refused(&crm, "returns", RuleTrigger::left("german"), &country("DE"));
    assert_eq!(field, "actions[0].set_attribute");
    let way = "returns (actions[0]) → segment \"german\" → leaves (actions[0]) → segment \"german\" → \
               returns";
    assert!(message.ends_with(way), "{message}");
    rule(&crm, "stays_away", RuleTrigger::left("german"), country("CH"));
    crm.rules().archive("leaves").unwrap();
    crm.rules().archive("stays_away").unwrap();
    rule(&crm, "moves", RuleTrigger::entered("old_german"), country("FR"));
    rule(&crm, "may_return", RuleTrigger::left("old_german"), country("DE"));
    // What nobody could see beforehand, the chain ends.
    let id = crm.contacts().create(values! { "birthday" => "1984-02-29" }).unwrap().id;
    crm.contacts().patch(id, values! { "country" => "DE" }).unwrap();
    assert_eq!(runs(&crm, "may_return").len(), 1);
    let skipped = runs(&crm, "moves").into_iter().filter_map(|run| run.skipped);
    assert_eq!(skipped.collect::<Vec<_>>(), [SkippedRun::Repeated]);
    verify(&crm);
}

#[test]
fn a_rule_adds_points_which_may_cross_a_threshold() {
    let crm = open();
    publish(&crm, &[10, 25]);
    let points = AddPoints {
        score: "fit".into(),
        points: 15,
        group: Some("fit".into()),
        reason: Some("met".into()),
    };
    rule(&crm, "met", RuleTrigger::becomes("source", "fair"), [RuleAction::AddPoints(points)]);
    rule(&crm, "warm", RuleTrigger::scored("fit", "t10"), [RuleAction::set("locale", "de")]);
    let id = contact(&crm);
    crm.contacts().patch(id, values! { "source" => "fair" }).unwrap();
    assert_eq!(get(&crm, id, "locale"), "de".into());
    let explained = crm.scores().explain(&ReadScore::new("fit", id)).unwrap();
    assert_eq!(explained.record.score, 15_000);
    let added = explained.contributions[0].added.as_ref().unwrap();
    assert_eq!(
        (added.reason.as_deref(), added.cause.as_deref()),
        (Some("met"), Some("rule:met@1"))
    );
    // Up and down for ever is refused; a condition on the score may end it.
    let down = RuleTrigger::ScoreCrossed(crm_core::OnScore {
        score: "fit".into(),
        threshold: Some("t25".into()),
        is_down: true,
    });
    let up = || RuleTrigger::scored("fit", "t25");
    rule(&crm, "more", up(), [RuleAction::points("fit", 5)]);
    rule(&crm, "less", up(), [RuleAction::points("fit", -20)]);
    let (field, _) = refused(&crm, "lift", down.clone(), &[RuleAction::points("fit", 20)]);
    assert_eq!(field, "actions[0].add_points");
    rule(&crm, "lower", down.clone(), [RuleAction::points("fit", -5)]);
    let lift = DefineRule::new("lift", "contact", down, [RuleAction::points("fit", 20)]);
    let lift = lift.when("score(\"fit\" < 20)".parse().unwrap());
    crm.rules().define(lift).unwrap();
    verify(&crm);
}

#[test]
fn a_simulation_shows_lists_and_points_and_keeps_neither() {
    let crm = open();
    publish(&crm, &[]);
    by_hand(&crm, "calls");
    live(&crm, "german", "country = \"DE\"");
    let id = contact(&crm);
    let actions = [RuleAction::add_to("calls"), RuleAction::points("fit", 5)];
    let define = DefineRule::new("try", "contact", RuleTrigger::entered("german"), actions);
    let simulated = crm.rules().simulate(&SimulateRule::new(define, [id])).unwrap();
    let [run] = &simulated.records[..] else { panic!() };
    assert_eq!(run.actions.len(), 2);
    assert!(run.actions.iter().all(|action| action.outcome == ActionOutcome::Done));
    let kinds: Vec<_> = run.changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::SegmentEntered, ChangeKind::PointsAdded, ChangeKind::RuleRan]);
    let told: serde_json::Value =
        serde_json::from_str(run.changes[2].definition.as_ref().unwrap()).unwrap();
    assert_eq!(told["event"]["segment"], "german");
    assert!(members(&crm, "calls").is_empty());
    assert_eq!(crm.scores().read(&ReadScore::new("fit", id)).unwrap().record.score, 0);
}

#[test]
fn a_stage_that_lasts_too_long_sets_rules_off_once_for_each_of_its_times() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let ids = Arc::new(CountedIds::default());
    let crm = Crm::open_injected(":memory:", OpenOptions::default(), Arc::clone(&clock) as _, ids);
    let crm = crm.unwrap();
    let mut handed = Stage::new("handed");
    handed.leave_within = vec!["PT5M".into(), "PT1H".into()];
    let stages = [Stage::new("new"), handed, Stage::new("accepted")];
    crm.lifecycles().define(DefineLifecycle::new("leads", "contact", stages)).unwrap();
    let on = |stage: Option<&str>, within: Option<&str>| {
        RuleTrigger::StageOverdue(OnOverdue {
            lifecycle: "leads".into(),
            stage: stage.map(Into::into),
            within: within.map(Into::into),
        })
    };
    rule(&crm, "any", RuleTrigger::overdue("leads"), [RuleAction::emit("late", ["email"])]);
    let hour = on(Some("handed"), Some("PT1H"));
    rule(&crm, "hour", hour, [RuleAction::move_to("leads", "accepted")]);
    let id = contact(&crm);
    crm.lifecycles().move_to(MoveStage::new("leads", id, "handed")).unwrap();
    let tick = |text: &str| {
        clock.advance(at(text).micros() - Clock::now(&*clock).micros());
        crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
    };
    tick("2026-01-01T00:05:00Z");
    assert!(runs(&crm, "any").is_empty(), "it may stay for the whole time");
    tick("2026-01-01T00:06:00Z");
    let told = |name: &str| -> Vec<_> {
        let runs = runs(&crm, name);
        runs.into_iter().map(|run| (run.event.stage.unwrap(), run.event.within.unwrap())).collect()
    };
    assert_eq!(told("any"), [("handed".to_owned(), "PT5M".to_owned())]);
    assert!(told("hour").is_empty());
    tick("2026-01-02T00:00:00Z");
    assert_eq!(told("any").len(), 2);
    assert_eq!(told("hour"), [("handed".to_owned(), "PT1H".to_owned())]);
    let run = &runs(&crm, "hour")[0];
    assert_eq!(outcomes(run), [ActionOutcome::Done]);
    assert_eq!(run.at, at("2026-01-01T01:00:00.000001Z"), "at its own instant, however late");
    let change = crm.journal().changes(&ListChanges::after(run.event.seq.unwrap() - 1)).unwrap();
    assert_eq!(change.changes[0].kind, ChangeKind::StageOverdue);
    let clouds = crm.journal().cloud_events(&ListChanges::after(run.event.seq.unwrap() - 1));
    assert_eq!(clouds.unwrap().events[0].event_type, "crm.stage.overdue");
    verify(&crm);
}

#[test]
fn a_stay_that_a_move_ended_late_sets_the_rule_off_after_the_move() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let ids = Arc::new(CountedIds::default());
    let crm = Crm::open_injected(":memory:", OpenOptions::default(), Arc::clone(&clock) as _, ids);
    let crm = crm.unwrap();
    let mut handed = Stage::new("handed");
    handed.leave_within = vec!["PT5M".into()];
    let stages = [handed, Stage::new("accepted"), Stage::new("done")];
    crm.lifecycles().define(DefineLifecycle::new("leads", "contact", stages)).unwrap();
    let on = RuleTrigger::overdue("leads");
    rule(&crm, "late", on, [RuleAction::move_to("leads", "done")]);
    let id = contact(&crm);
    crm.lifecycles().move_to(MoveStage::new("leads", id, "handed")).unwrap();
    clock.advance(3_600_000_000);
    crm.lifecycles().move_to(MoveStage::new("leads", id, "accepted")).unwrap();
    let [run] = &runs(&crm, "late")[..] else { panic!() };
    assert_eq!(run.event.stage.as_deref(), Some("handed"));
    assert_eq!(outcomes(run), [ActionOutcome::Done]);
    let history = crm.lifecycles().history(&crm_core::GetLifecycleHistory::new("leads", id));
    let stages: Vec<_> = history.unwrap().visits.into_iter().map(|visit| visit.stage).collect();
    assert_eq!(stages, ["handed", "accepted", "done"]);
    verify(&crm);
}

/// With the five runs that follow for each by way of the first rule, these are more than 10,000.
const ROWS: usize = 2_100;

fn five_for_each(crm: &Crm) {
    rule(crm, "heat", RuleTrigger::scored("fit", "t5"), [RuleAction::set("source", "hot")]);
    let on = || RuleTrigger::changed("source");
    rule(crm, "mark", on(), [RuleAction::set("job_title", "marked")]);
    for nth in 0..4 {
        rule(crm, &format!("tell{nth}"), on(), [RuleAction::emit("told", ["source"])]);
    }
}

/// Creates contacts with this, and answers their ids.
fn created(crm: &Crm, values: &Values) -> Vec<RecordId> {
    let create = |_| {
        RecordChange::Create(CreateRecord { entity_type: "contact".into(), values: values.clone() })
    };
    let changes: Vec<RecordChange> = (0..ROWS).map(create).collect();
    let report = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
    report.outcomes.into_iter().map(|outcome| outcome.id.unwrap()).collect()
}

fn assert_all_followed(crm: &Crm, all: &[RecordId]) {
    assert_eq!(all.len(), ROWS);
    for id in all {
        assert_eq!(get(crm, *id, "source"), "hot".into());
        assert_eq!(get(crm, *id, "job_title"), "marked".into());
    }
    for name in ["heat", "mark", "tell0", "tell3"] {
        let request = ListRuleRuns { limit: 10_000, ..ListRuleRuns::new(name) };
        let runs = crm.rules().runs(&request).unwrap().runs;
        assert_eq!(runs.len(), ROWS, "{name}");
        assert!(runs.iter().all(|run| run.skipped.is_none()), "{name}");
    }
    verify(crm);
}

#[test]
fn what_the_crossings_of_a_batch_lead_to_is_bounded_for_each_by_itself() {
    let crm = Crm::in_memory().unwrap();
    publish(&crm, &[5]);
    five_for_each(&crm);
    let all = created(&crm, &values! { "country" => "DE" });
    assert_all_followed(&crm, &all);
}

#[test]
fn what_the_crossings_of_one_write_lead_to_is_bounded_for_each_by_itself() {
    let crm = Crm::in_memory().unwrap();
    let german = "related(company: country = \"DE\")".parse().unwrap();
    let group = ScoreGroup::new("all", [ScoreRule::when("german", german, 10)]);
    let thresholds = vec![ScoreLevel::new("t5", 5)];
    let fit = DefineScore { thresholds, ..DefineScore::new("fit", "contact", [group]) };
    crm.scores().define(fit).unwrap();
    crm.scores().publish("fit").unwrap();
    five_for_each(&crm);
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let all = created(&crm, &values! { "company" => acme.to_string() });
    crm.companies().patch(acme, values! { "country" => "DE" }).unwrap();
    assert_all_followed(&crm, &all);
}
