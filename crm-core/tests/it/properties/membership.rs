//! Whatever is written, in whatever order, and however time goes on: the members of a live segment
//! are the records in use of which its condition is true; and the same work gives the same file.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crm_core::{
    Attribute, Clock, CountedIds, Crm, DefineLifecycle, DefineSegment, Flow, ListChanges,
    ListMembers, ListRecords, MoveStage, OpenOptions, RecordId, Stage, TickTimers, Timestamp,
};
use proptest::prelude::*;

use super::{
    cases,
    machine::{Step, TYPES, World, schema, step},
};
use crate::support::assert_sound;

const START: i64 = 1_767_225_600_000_000;
const HOUR: i64 = 3_600_000_000;

/// Time goes on by itself, a little with each look, and in leaps.
#[derive(Debug)]
struct Hours(AtomicI64);

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Ordering::SeqCst)).unwrap()
    }
}

/// Conditions of which some make no sense with the schema at hand, and are refused.
const CONDITIONS: &[&str] = &[
    "a is set",
    "not b is set or c is missing",
    "version > 2",
    "updated_at within last 5h",
    "created_at within last 1d and a is missing",
    "a within last 3d",
    "b within next 30d",
    "c anniversary within next 20d",
    "count(any) >= 2",
    "count(gamma within 12h) >= 1",
    "count(gamma within 1mo) < 2 and count(delta) > 0",
    "last(any) older than 2d",
    "first(delta) within last 1w",
    "sum(amount of any within 1d) <= 0 EUR",
    "count(gamma where a is set) >= 1",
    "changed(a)",
    "changed(b within 6h)",
    "not changed(c within 1d)",
    "stage(eq \"two\")",
    "stage(at_least \"two\") and a is set",
    "related(inverse beta.a)",
    "related(a: version > 1)",
    "related(inverse alpha.b: b is set)",
    "related(near)",
    "related(under) >= 2 or related(inverse under)",
    "related(under as beta: count(any) >= 1)",
    "related(inverse near as alpha: changed(a within 1d)) = 0",
    "in segment \"alpha_0\" and not in segment \"alpha_1\"",
    "in segment \"beta_0\" or a is missing",
    "related(under as beta: in segment \"beta_0\")",
    "all()",
];

#[derive(Debug, Clone)]
enum Act {
    Work(Box<Step>),
    /// Time leaps by so many hours; and is ticked for so many timers, if it is.
    Leap(i64, Option<u32>),
    Define(u8, u8, u8),
    Archive(u8),
    Restore(u8),
    Move(u8, bool),
    /// The stages change their order.
    Reorder(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => step().prop_map(|step| Act::Work(Box::new(step))),
        4 => (prop::sample::select(vec![0, 1, 5, 12, 24, 80, 800]), prop::option::weighted(0.7, 1_u32..30))
            .prop_map(|(hours, ticks)| Act::Leap(hours, ticks)),
        2 => (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(t, nth, c)| Act::Define(t, nth, c)),
        1 => any::<u8>().prop_map(Act::Archive),
        1 => any::<u8>().prop_map(Act::Restore),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(record, far)| Act::Move(record, far)),
        1 => any::<bool>().prop_map(Act::Reorder),
    ]
}

fn name(number: u8, entity_type: &str) -> String {
    format!("{entity_type}_{}", number % 5)
}

struct Run {
    world: World,
    clock: Arc<Hours>,
}

impl Run {
    fn new(attributes: &[Attribute], segments: &[u8]) -> Self {
        let clock = Arc::new(Hours(AtomicI64::new(START)));
        let (options, ids) = (OpenOptions::default(), Arc::new(CountedIds::default()));
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let crm = Crm::open_injected(":memory:", options, shared, ids).unwrap();
        let run = Self { world: World::new(crm, attributes), clock };
        for entity_type in TYPES {
            let define = DefineLifecycle::new(
                *entity_type,
                *entity_type,
                [Stage::new("one"), Stage::new("two"), Stage::new("three")],
            );
            run.crm().lifecycles().define(define).unwrap();
        }
        for (nth, condition) in (0..).zip(segments) {
            run.define(nth, nth / 2, *condition);
        }
        run
    }

    fn crm(&self) -> &Crm {
        &self.world.crm
    }

    fn define(&self, entity_type: u8, nth: u8, condition: u8) {
        let entity_type = TYPES[usize::from(entity_type) % TYPES.len()];
        let condition = CONDITIONS[usize::from(condition) % CONDITIONS.len()].parse().unwrap();
        let zone = if nth.is_multiple_of(2) { "UTC" } else { "Europe/Berlin" };
        let define = DefineSegment::live(name(nth, entity_type), entity_type, condition);
        let _ = self.crm().segments().define(define.in_zone(zone));
    }

    fn act(&mut self, act: &Act) {
        let crm = self.crm().clone();
        match act {
            Act::Work(step) => drop(self.world.perform(step)),
            Act::Leap(hours, ticks) => {
                self.clock.0.fetch_add(hours * HOUR, Ordering::SeqCst);
                if let Some(limit) = ticks {
                    let tick = TickTimers { limit: *limit, ..TickTimers::default() };
                    crm.timers().tick(&tick, &mut |_| Flow::Continue).unwrap();
                }
            }
            Act::Define(entity_type, nth, condition) => self.define(*entity_type, *nth, *condition),
            Act::Archive(nth) => {
                drop(crm.segments().archive(&name(*nth, TYPES[usize::from(*nth) % 2])))
            }
            Act::Restore(nth) => {
                drop(crm.segments().restore(&name(*nth, TYPES[usize::from(*nth) % 2])))
            }
            Act::Move(record, far) => {
                let (entity_type, id) = self.world.record(*record);
                let to = if *far { "three" } else { "two" };
                drop(crm.lifecycles().move_to(MoveStage::new(entity_type, id, to)));
            }
            Act::Reorder(is_new) => {
                let names: &[&str] = if *is_new {
                    &["one", "half", "two", "three"]
                } else {
                    &["one", "two", "three"]
                };
                let stages = names.iter().map(|name| Stage::new(*name));
                drop(crm.lifecycles().define(DefineLifecycle::new("alpha", "alpha", stages)));
            }
        }
    }

    fn members(&self, segment: &str) -> Vec<RecordId> {
        let request = ListMembers { limit: 10_000, ..ListMembers::new(segment) };
        let page = self.crm().segments().members(&request).unwrap();
        page.members.into_iter().map(|member| member.id).collect()
    }

    /// Every live segment against its condition, as lists find it.
    fn check(&self) {
        let crm = self.crm();
        while !crm
            .timers()
            .tick(&TickTimers::default(), &mut |_| Flow::Continue)
            .unwrap()
            .is_complete
        {}
        let at = crm.timers().next().unwrap().ticked_at;
        for segment in crm.segments().list().unwrap() {
            let Some(condition) = segment.condition.filter(|_| segment.archived_at.is_none())
            else {
                continue;
            };
            let list = ListRecords {
                condition: Some(condition.clone()),
                at,
                zone: Some(segment.zone),
                limit: 10_000,
                ..ListRecords::new(segment.entity_type)
            };
            let listed = crm.list_records(&list).unwrap().records;
            let listed: Vec<RecordId> = listed.iter().map(|record| record.id).collect();
            assert_eq!(self.members(&segment.name), listed, "{} at {at:?}", condition);
        }
    }

    /// Everything that the journal says.
    fn journal(&self) -> Vec<String> {
        let all = ListChanges { limit: 10_000, ..ListChanges::after(0) };
        let changes = self.crm().journal().changes(&all).unwrap().changes;
        changes.iter().map(|change| serde_json::to_string(change).unwrap()).collect()
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Keeping members up to date gives what asking every record gives; and twice the same.
    #[test]
    fn members_are_those_of_whom_the_condition_is_true(
        attributes in schema(),
        segments in prop::collection::vec(any::<u8>(), 8),
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let mut run = Run::new(&attributes, &segments);
        for act in &acts {
            run.act(act);
        }
        run.check();
        assert_sound(run.crm());
        let mut again = Run::new(&attributes, &segments);
        acts.iter().for_each(|act| again.act(act));
        again.check();
        prop_assert_eq!(again.journal(), run.journal());
    }
}
