//! Why a record stands where it does, and what would move it: by name, and when.

use crm_core::{
    ActivityPreset, AddAssociation, AssociationPreset, Crm, DefineLifecycle, DefineRule, ErrorKind,
    ExplainStage, Flow, GetLifecycleHistory, LifecyclePreset, MoveStage, NewActivity, OpenOptions,
    RecordId, RecordRef, RelatedStage, Replay, RuleAction, RuleTrigger, Stage, StageExplanation,
    StageKind, StageTrigger, TickTimers, Timestamp, ops::Request, values,
};

const DAY: i64 = 86_400_000_000;

/// A day of 2024, counted from 0.
fn day(day: i64) -> Timestamp {
    Timestamp::from_micros(1_704_067_200_000_000 + day * DAY).unwrap()
}

/// A file whose clock stands at the first of January 2024.
fn open() -> Crm {
    let replay = Some(Replay { start: day(0), step_micros: 0 });
    let crm = Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() }).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    crm
}

fn plan(crm: &Crm, triggers: Vec<StageTrigger>) {
    let stages = [
        Stage::new("a"),
        Stage { required: vec!["phone".into()], ..Stage::new("b") },
        Stage::new("c").kind(StageKind::Won),
        Stage::new("gone").kind(StageKind::Lost),
        Stage { automatic_exit: true, ..Stage::new("sleep").kind(StageKind::Side) },
    ];
    let plan = DefineLifecycle::new("plan", "contact", stages);
    let initial = Some("a".to_owned());
    crm.lifecycles().define(DefineLifecycle { initial, triggers, ..plan }).unwrap();
}

fn when(to: &str, condition: &str) -> StageTrigger {
    StageTrigger::when(to, condition.parse().unwrap())
}

fn contact(crm: &Crm) -> RecordId {
    let values = values! { "given_name" => "Ann", "phone" => "+4930901820" };
    crm.contacts().create(values).unwrap().id
}

fn explain(crm: &Crm, id: RecordId) -> StageExplanation {
    crm.lifecycles().explain(&ExplainStage { lifecycle: "plan".into(), id }).unwrap()
}

/// The first line of an explanation, from the cycle on: what brought the record there.
fn why(crm: &Crm, id: RecordId) -> String {
    let text = explain(crm, id).text;
    let line = text.lines().next().unwrap();
    line.split_once(", in cycle ").unwrap().1.to_owned()
}

/// The line of an explanation about a stage.
fn to(crm: &Crm, id: RecordId, stage: &str) -> String {
    let (text, start) = (explain(crm, id).text, format!("To {stage}: "));
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
}

fn tick(crm: &Crm, at: Timestamp) {
    crm.set_clock(at).unwrap();
    crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
}

#[test]
fn what_moved_a_record_is_told_by_name() {
    let crm = open();
    crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
    let call = StageTrigger::activity("b", "call");
    let deal = RelatedStage::new("deal.contact", "deal", "won").inverse();
    let triggers = vec![
        when("b", "country = \"DE\""),
        when("b", "source = \"fair\""),
        StageTrigger { condition: Some("email is set".parse().unwrap()), ..call },
        StageTrigger::related("c", deal),
    ];
    plan(&crm, triggers.clone());
    let on = |to: &str| RuleTrigger::becomes("source", to);
    for (name, source) in [("first", "shop"), ("second", "street")] {
        let actions = [RuleAction::move_to("plan", "b")];
        crm.rules().define(DefineRule::new(name, "contact", on(source), actions)).unwrap();
    }

    // Which of two conditions it was.
    let ann = contact(&crm);
    assert_eq!(why(&crm, ann), "1, where new records begin.");
    crm.contacts().patch(ann, values! { "source" => "fair" }).unwrap();
    let fair = "1, moved by a condition that became true (triggers[1]: when source = \"fair\").";
    assert_eq!(why(&crm, ann), fair);
    let visit = explain(&crm, ann).visit.unwrap();
    assert_eq!((visit.trigger, visit.version, visit.rule), (Some(1), Some(1), None));
    // Of what kind the activity was, and what the trigger asked besides.
    let ben = contact(&crm);
    crm.contacts().patch(ben, values! { "email" => "ben@example.org" }).unwrap();
    let activity = NewActivity::of("call", RecordRef::new("contact", ben), day(0));
    crm.activities().record(activity).unwrap();
    assert_eq!(
        why(&crm, ben),
        "1, moved by an activity of the kind call (triggers[2]: activity call, when email is set)."
    );
    // Of two rules the one that moved it.
    let cid = contact(&crm);
    crm.contacts().patch(cid, values! { "source" => "street" }).unwrap();
    assert_eq!(why(&crm, cid), "1, moved by the rule second@1.");
    assert_eq!(explain(&crm, cid).visit.unwrap().rule.as_deref(), Some("second@1"));
    // The related record, and what it had to reach.
    let won = crm.deals().create(values! { "name" => "A", "contact" => cid }).unwrap().id;
    crm.lifecycles().move_to(MoveStage::new("deal", won, "won")).unwrap();
    assert_eq!(
        why(&crm, cid),
        "1, moved by the stage of a deal (triggers[3]: inverse deal.contact at least won in deal)."
    );
    // The reason that somebody gave.
    crm.lifecycles().move_to(MoveStage::new("plan", cid, "gone").because("price")).unwrap();
    assert_eq!(why(&crm, cid), "1, moved by hand, for the reason \"price\".");

    // A trigger is told as it was when it moved the record, whatever has become of the definition.
    plan(&crm, triggers[2..].to_vec());
    assert_eq!(
        why(&crm, ann),
        "1, moved by a condition that became true (triggers[1] of version 1: when source = \"fair\")."
    );
    let history = crm.lifecycles().history(&GetLifecycleHistory::new("plan", ann)).unwrap();
    let told: Vec<_> = history.visits.iter().map(|stay| (stay.trigger, stay.version)).collect();
    assert_eq!(told, [(None, None), (Some(1), Some(1))]);
    super::verify(&crm);
}

#[test]
fn a_stage_that_was_skipped_was_led_to_by_no_trigger() {
    let crm = open();
    plan(&crm, vec![when("c", "country = \"DE\"")]);
    let ann = contact(&crm);
    crm.contacts().patch(ann, values! { "country" => "DE" }).unwrap();
    let history = crm.lifecycles().history(&GetLifecycleHistory::new("plan", ann)).unwrap();
    let told: Vec<_> =
        history.visits.iter().map(|stay| (stay.stage.as_str(), stay.trigger)).collect();
    assert_eq!(told, [("a", None), ("b", None), ("c", Some(0))]);
}

#[test]
fn a_move_that_was_not_made_is_told_with_its_trigger_and_what_was_missing() {
    let crm = open();
    plan(&crm, vec![when("c", "country = \"FR\""), when("b", "country = \"DE\"")]);
    let id = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
    let told = explain(&crm, id);
    let [held] = &told.suppressed[..] else { panic!("{told:?}") };
    assert_eq!((held.trigger, held.version), (Some(1), Some(1)));
    assert_eq!(held.missing, ["phone"]);
    let line = "It did not move to b (triggers[1]: when country = \"DE\"): it lacked phone.";
    assert_eq!(told.text.lines().nth(1), Some(line));
}

/// When time alone sets off the first trigger to a stage.
fn due(crm: &Crm, id: RecordId, stage: &str) -> Option<Timestamp> {
    let next = explain(crm, id).next.into_iter().find(|next| next.stage == stage).unwrap();
    next.triggers[0].due_at
}

#[test]
fn who_lies_idle_is_told_with_the_moment_at_which_that_moves_it() {
    let crm = open();
    let silent = StageTrigger {
        condition: Some("email is set".parse().unwrap()),
        reason: Some("silent".into()),
        ..StageTrigger::inactive("gone", "P60D")
    };
    plan(&crm, vec![StageTrigger::inactive("sleep", "P30D"), silent]);
    let id = contact(&crm);
    assert_eq!(
        to(&crm, id, "sleep"),
        "a person can move it there; triggers[0] leads there: nothing happens for P30D (at \
         2024-01-31T00:00:00Z if nothing else happens)."
    );
    // What time alone does not do has no moment.
    assert_eq!(
        to(&crm, id, "gone"),
        "a person can move it there; triggers[1] leads there: nothing happens for P60D, when email \
         is set (not so now)."
    );
    crm.contacts().patch(id, values! { "email" => "ann@example.org" }).unwrap();
    let gone = to(&crm, id, "gone");
    assert!(gone.ends_with("(so now, at 2024-03-01T00:00:00Z if nothing else happens)."), "{gone}");
    // What is past waits for the tick only, and whoever is held there has no moment.
    crm.set_clock(day(40)).unwrap();
    let sleep = to(&crm, id, "sleep");
    assert!(sleep.ends_with("(due since 2024-01-31T00:00:00Z, at the next tick)."), "{sleep}");
    crm.lifecycles().move_to(MoveStage::new("plan", id, "gone").because("x")).unwrap();
    assert_eq!(due(&crm, id, "sleep"), None);
    let sleep = to(&crm, id, "sleep");
    assert!(sleep.ends_with("triggers[0] would lead there: nothing happens for P30D."), "{sleep}");
}

#[test]
fn a_trigger_is_due_at_the_moment_at_which_a_tick_lets_it_move_the_record() {
    let crm = open();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let stages = [Stage::new("lead"), Stage::new("customer").kind(StageKind::Won)];
    crm.lifecycles().define(DefineLifecycle::new("company", "company", stages)).unwrap();
    let employer = RelatedStage::new("employed_by", "company", "customer");
    plan(
        &crm,
        vec![
            StageTrigger::inactive("sleep", "P30D"),
            when("b", "count(call within P10D) = 0 and source = \"fair\""),
            StageTrigger::related("c", employer),
        ],
    );
    let (id, stands) = (contact(&crm), |id| explain(&crm, id).standing.stage.unwrap_or_default());
    // An activity puts off that it lies idle, and is forgotten after ten days.
    crm.set_clock(day(5)).unwrap();
    let call = NewActivity::of("call", RecordRef::new("contact", id), day(5));
    crm.activities().record(call).unwrap();
    crm.contacts().patch(id, values! { "source" => "fair" }).unwrap();
    assert_eq!(due(&crm, id, "sleep"), Some(day(35)));
    let turns = due(&crm, id, "b").unwrap();
    assert!(turns > day(14) && turns < day(17), "{turns}");
    tick(&crm, Timestamp::from_micros(turns.micros() - 1).unwrap());
    assert_eq!(stands(id), "a");
    tick(&crm, turns);
    assert_eq!(stands(id), "b");
    // The day on which an association begins.
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    crm.lifecycles().move_to(MoveStage::new("company", acme, "customer")).unwrap();
    let ends = (RecordRef::new("contact", id), RecordRef::new("company", acme));
    let job = AddAssociation::new("employed_by", ends.0, ends.1);
    let valid_from = Some("2024-01-20".parse().unwrap());
    crm.associations().add(AddAssociation { valid_from, ..job }).unwrap();
    assert_eq!(due(&crm, id, "c"), Some(day(19)));
    tick(&crm, Timestamp::from_micros(day(19).micros() - 1).unwrap());
    assert_eq!(stands(id), "b");
    tick(&crm, day(19));
    assert_eq!(stands(id), "c");
}

/// Neither what is true now and will have ended by then, nor what something else keeps from happening.
#[test]
fn what_time_would_not_do_after_all_has_no_moment() {
    let crm = open();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let stages = [Stage::new("lead"), Stage::new("customer").kind(StageKind::Won)];
    crm.lifecycles().define(DefineLifecycle::new("company", "company", stages)).unwrap();
    let recent = Some("count(call within P10D) >= 1".parse().unwrap());
    let idle = StageTrigger { condition: recent, ..StageTrigger::inactive("sleep", "P30D") };
    let employer = RelatedStage::new("employed_by", "company", "customer");
    let later = when("b", "count(call within P10D) = 0 and source = \"fair\"");
    plan(&crm, vec![idle, later, StageTrigger::related("c", employer)]);
    let id = crm.contacts().create(values! { "phone" => "+4930901820" }).unwrap().id;
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let ends = (RecordRef::new("contact", id), RecordRef::new("company", acme));
    let valid_from = Some("2024-02-20".parse().unwrap());
    let job = AddAssociation::new("employed_by", ends.0, ends.1);
    let call = NewActivity::of("call", RecordRef::new("contact", id), day(0));
    let held = crm.contacts().create(values! { "given_name" => "Ben" }).unwrap().id;
    for who in [id, held] {
        let call = NewActivity { subject: Some(RecordRef::new("contact", who)), ..call.clone() };
        crm.activities().record(call).unwrap();
        crm.contacts().patch(who, values! { "source" => "fair" }).unwrap();
    }
    crm.associations().add(AddAssociation { valid_from, ..job }).unwrap();
    assert_eq!(due(&crm, id, "sleep"), None, "by then the call is forgotten");
    assert!(due(&crm, id, "b").is_some());
    assert_eq!(due(&crm, held, "b"), None, "it has no number");
    assert_eq!(due(&crm, id, "c"), None, "the company is no customer");
    crm.lifecycles().move_to(MoveStage::new("company", acme, "customer")).unwrap();
    assert_eq!(due(&crm, id, "c"), Some(day(50)));
    tick(&crm, day(45));
    let stands = |id| explain(&crm, id).standing.stage;
    assert_eq!((stands(id).as_deref(), stands(held).as_deref()), (Some("b"), Some("a")));
}

#[test]
fn a_fixed_way_is_that_of_the_page() {
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lifecycle.md");
    let page = std::fs::read_to_string(PAGE).unwrap();
    let block = page.split("```json\n").find(|block| block.starts_with("{\"name\": \"sale\""));
    let (definition, _) = block.unwrap().split_once("```").unwrap();
    let crm = open();
    let define = Request::from_json("lifecycles.define", definition.as_bytes()).unwrap();
    crm.execute(define, &mut |_| Flow::Continue).unwrap();

    let stages = ["lead", "opportunity", "converted", "lost", "cancelled"];
    for (way, allowed) in [
        (&[][..], &["opportunity"][..]),
        (&["opportunity"], &["converted", "lost", "cancelled"]),
        (&["opportunity", "lost"], &["lead", "converted"]),
        (&["opportunity", "cancelled"], &["lead"]),
        (&["opportunity", "converted"], &[]),
        (&["opportunity", "lost", "lead"], &["opportunity"]),
    ] {
        for to in stages {
            let id = crm.deals().create(values! { "name" => "A" }).unwrap().id;
            let go =
                |to: &str| crm.lifecycles().move_to(MoveStage::new("sale", id, to).because("x"));
            for step in way {
                assert!(go(step).unwrap().is_moved, "{way:?} {step}");
            }
            if way.last().copied().unwrap_or("lead") == to {
                continue;
            }
            match go(to) {
                Ok(moved) => assert!(moved.is_moved && allowed.contains(&to), "{way:?} {to}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Refused, "{way:?} {to}");
                    assert!(!allowed.contains(&to), "{way:?} {to}: {error}");
                }
            }
        }
    }
}
