//! What the passing of time does: records that lie idle move, stays that last too long become events,
//! and conditions are asked when their answer changes by itself, or by what happens with others.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crm_core::{
    ActivityPreset, Clock, Condition, CountedIds, Crm, DefineLifecycle, Flow, LifecycleHistory,
    ListChanges, MoveStage, NewActivity, OpenOptions, RecordId, RecordRef, Stage, StageCause,
    StageKind, StageTrigger, Tick, TickTimers, Timestamp, Value, values,
};

use super::{history, stage, verify};

const DAY: i64 = 86_400_000_000;
const HOUR: i64 = DAY / 24;

#[derive(Debug)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A file whose clock is turned by hand, from 2024-01-01 on.
struct World {
    crm: Crm,
    hands: Arc<Hands>,
}

impl World {
    fn new() -> Self {
        let hands = Arc::new(Hands(AtomicI64::new(day(0).micros())));
        let ids = Arc::new(CountedIds::default());
        let options = OpenOptions::default();
        let crm = Crm::open_injected(":memory:", options, hands.clone(), ids).unwrap();
        crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
        Self { crm, hands }
    }

    fn turn(&self, to: Timestamp) {
        self.hands.0.store(to.micros(), Ordering::SeqCst);
    }

    fn tick(&self, at: Timestamp) -> Tick {
        self.turn(at);
        self.crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap()
    }

    fn contact(&self) -> RecordId {
        self.crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id
    }

    fn call(&self, id: RecordId, at: Timestamp) {
        let call = NewActivity::of("call", RecordRef::new("contact", id), at);
        self.crm.activities().record(call).unwrap();
    }

    fn define(&self, stages: Vec<Stage>, triggers: Vec<StageTrigger>) {
        let initial = Some(stages[0].name.clone());
        let plan = DefineLifecycle::new("plan", "contact", stages);
        self.crm.lifecycles().define(DefineLifecycle { initial, triggers, ..plan }).unwrap();
    }

    fn stage(&self, id: RecordId) -> String {
        stage(&self.crm, "plan", id).unwrap_or_default()
    }

    fn history(&self, id: RecordId) -> LifecycleHistory {
        history(&self.crm, "plan", id)
    }
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_micros(1_704_067_200_000_000 + day * DAY).unwrap()
}

fn after(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + micros).unwrap()
}

fn dormant() -> Vec<Stage> {
    vec![
        Stage::new("active"),
        Stage { automatic_exit: true, ..Stage::new("dormant").kind(StageKind::Side) },
    ]
}

fn condition(text: &str) -> Condition {
    text.parse().unwrap()
}

#[test]
fn who_lies_idle_moves_at_the_instant_at_which_the_span_ends() {
    let world = World::new();
    let back = StageTrigger::activity("active", "call");
    world.define(dormant(), vec![StageTrigger::inactive("dormant", "P30D"), back]);
    let id = world.contact();
    world.turn(day(10));
    world.call(id, day(10));
    assert_eq!(world.tick(day(39)).done, 0);
    assert_eq!(world.stage(id), "active");
    let tick = world.tick(day(45));
    assert_eq!((tick.done, tick.is_complete), (1, true));
    let visit = world.history(id).visits.pop().unwrap();
    assert_eq!((visit.stage.as_str(), visit.cause), ("dormant", StageCause::Inactivity));
    assert_eq!(visit.entered_at, day(40), "though the tick came five days later");
    // An activity wakes it up, and the span begins anew.
    world.call(id, day(45));
    assert_eq!(world.stage(id), "active");
    assert_eq!(world.tick(day(75)).due_at, None);
    assert_eq!(world.history(id).visits.pop().unwrap().entered_at, day(75));
    verify(&world.crm);
}

#[test]
fn a_stay_that_lasts_too_long_becomes_an_event_when_it_does() {
    let world = World::new();
    let targets = ["PT5M", "PT1H", "P1D"].map(Into::into).to_vec();
    let mql = Stage { leave_within: targets, ..Stage::new("mql") };
    world.define(vec![mql, Stage::new("sql")], vec![]);
    let [ann, bob] = [world.contact(), world.contact()];
    let due = world.crm.timers().next().unwrap().due_at;
    world.tick(day(0));
    assert!(due.is_some());
    let five = after(day(0), 5 * 60_000_000);
    assert_eq!(world.tick(five).done, 0, "the whole time is allowed");
    let sql = MoveStage::new("plan", bob, "sql");
    world.crm.lifecycles().move_to(sql).unwrap();
    world.tick(after(five, 1));
    let ends = |id| {
        let overdue = world.history(id).overdue;
        overdue.into_iter().map(|one| (one.within, one.at)).collect::<Vec<_>>()
    };
    assert_eq!(ends(ann), [("PT5M".to_owned(), five)]);
    assert_eq!(ends(bob), []);
    // Late ticks tell the same, each with its own time; and once.
    world.tick(day(3));
    world.tick(day(4));
    let (hour, whole) = (after(day(0), HOUR), day(1));
    let all = [("PT5M".into(), five), ("PT1H".into(), hour), ("P1D".into(), whole)];
    assert_eq!(ends(ann), all);
    world.crm.lifecycles().move_to(MoveStage::new("plan", ann, "sql")).unwrap();
    assert_eq!(ends(ann), all);
    let seq = world.history(ann).overdue[0].seq;
    let request = ListChanges::after(seq - 1);
    let event = world.crm.journal().cloud_events(&request).unwrap().events.remove(0);
    assert_eq!(event.event_type, "crm.stage.overdue");
    assert_eq!(event.subject, Some(format!("contact/{ann}")));
    let change = world.crm.journal().changes(&request).unwrap().changes.remove(0);
    assert!(change.definition.unwrap().contains("\"within\":\"PT5M\""));
    verify(&world.crm);
}

#[test]
fn a_stay_that_ended_in_time_did_not_last_too_long_though_that_is_told_late() {
    let world = World::new();
    let mql = Stage { leave_within: vec!["PT1H".into(), "P1D".into()], ..Stage::new("mql") };
    world.define(vec![mql, Stage::new("sql")], vec![]);
    let id = world.contact();
    world.tick(day(2));
    assert_eq!(world.history(id).overdue.len(), 2);
    // It had been called after two hours.
    let at = Some(after(day(0), 2 * HOUR));
    world.crm.lifecycles().move_to(MoveStage { at, ..MoveStage::new("plan", id, "sql") }).unwrap();
    let overdue = world.history(id).overdue;
    assert_eq!(overdue.iter().map(|one| &*one.within).collect::<Vec<_>>(), ["PT1H"]);
    let asked = crm_core::GetAcceptance::new("plan", "mql", "P1D");
    let clock = world.crm.lifecycles().acceptance(&asked).unwrap();
    assert_eq!((clock.in_time, clock.breaches.len()), (1, 0), "both say the same");
    verify(&world.crm);
}

#[test]
fn a_condition_on_time_is_asked_when_its_answer_changes() {
    let world = World::new();
    let quiet = condition("last(call) older than 30d");
    world.define(dormant(), vec![StageTrigger::when("dormant", quiet)]);
    let id = world.contact();
    world.call(id, day(0));
    world.turn(day(20));
    world.call(id, day(20));
    world.tick(day(49));
    assert_eq!(world.stage(id), "active");
    world.tick(day(60));
    let visit = world.history(id).visits.pop().unwrap();
    assert_eq!((visit.stage.as_str(), visit.cause), ("dormant", StageCause::Condition));
    assert_eq!(visit.entered_at, after(day(50), 1), "older than 30 days begins after the 30th");
    verify(&world.crm);
}

#[test]
fn records_that_were_there_before_are_looked_at_by_the_next_tick() {
    let world = World::new();
    let [old, gone] = [world.contact(), world.contact()];
    world.crm.contacts().archive(gone, None).unwrap();
    world.turn(day(100));
    world.define(dormant(), vec![StageTrigger::inactive("dormant", "P30D")]);
    assert_eq!(world.stage(old), "");
    world.tick(day(101));
    assert_eq!(world.stage(old), "dormant");
    assert_eq!(world.history(old).standing.entered_at, Some(day(100)));
    assert_eq!(world.stage(gone), "");
    // Out of the archive, it is looked at again.
    world.crm.contacts().restore(gone, None).unwrap();
    world.crm.lifecycles().archive("plan").unwrap();
    assert_eq!(world.crm.timers().next().unwrap().due_at, None, "nobody is moved any more");
    world.crm.lifecycles().restore("plan").unwrap();
    world.tick(day(102));
    assert_eq!(world.stage(gone), "dormant");
    verify(&world.crm);
}

#[test]
fn what_happens_with_related_records_is_noticed() {
    let world = World::new();
    let crm = &world.crm;
    crm.association_types().define_preset(crm_core::AssociationPreset::EmployedBy).unwrap();
    let large = condition("related(employed_by: employees >= 100)");
    let key = condition("related(inverse deal.contact: stage(at_least \"won\"))");
    crm.lifecycles().define_preset(crm_core::LifecyclePreset::Deal).unwrap();
    world.define(
        vec![Stage::new("small"), Stage::new("large"), Stage::new("key")],
        vec![StageTrigger::when("large", large), StageTrigger::when("key", key)],
    );
    let [ann, bob] = [world.contact(), world.contact()];
    let firm = crm.companies().create(values! { "name" => "Acme", "employees" => 50 }).unwrap().id;
    let (from, to) = (RecordRef::new("contact", ann), RecordRef::new("company", firm));
    crm.associations().add(crm_core::AddAssociation::new("employed_by", from, to)).unwrap();
    assert_eq!(world.stage(ann), "small");
    crm.companies().patch(firm, values! { "employees" => 120 }).unwrap();
    assert_eq!((world.stage(ann), world.stage(bob)), ("large".into(), "small".into()));
    let deal = values! { "name" => "A", "contact" => Value::from(ann) };
    let deal = crm.deals().create(deal).unwrap().id;
    crm.lifecycles().move_to(MoveStage::new("deal", deal, "won")).unwrap();
    assert_eq!(world.stage(ann), "key");
    verify(crm);
}

#[test]
fn ticking_late_gives_what_ticking_often_gives() {
    let run = |days: &[i64]| {
        let world = World::new();
        let mql = Stage { leave_within: vec!["P3D".into(), "P9D".into()], ..Stage::new("active") };
        let side = dormant().remove(1);
        let lost = Stage::new("lost").kind(StageKind::Lost);
        let lost_after =
            StageTrigger { reason: Some("quiet".into()), ..StageTrigger::inactive("lost", "P60D") };
        world.define(
            vec![mql, side, lost],
            vec![StageTrigger::inactive("dormant", "P7D"), lost_after],
        );
        let ids = [world.contact(), world.contact()];
        world.call(ids[1], day(-2));
        for to in days {
            world.tick(day(*to));
        }
        verify(&world.crm);
        ids.map(|id| {
            let LifecycleHistory { visits, overdue, .. } = world.history(id);
            let visits = visits.into_iter().map(|visit| (visit.stage, visit.entered_at));
            let overdue = overdue.into_iter().map(|one| (one.within, one.at));
            (visits.collect::<Vec<_>>(), overdue.collect::<Vec<_>>())
        })
    };
    let often: Vec<i64> = (1..=90).collect();
    assert_eq!(run(&[90]), run(&often));
    let [(visits, overdue), _] = run(&[90]);
    assert_eq!(visits[1], ("dormant".into(), day(7)));
    assert_eq!(visits[2], ("lost".into(), day(67)));
    assert_eq!(overdue, [("P3D".into(), day(3))]);
}
