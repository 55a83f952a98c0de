//! Laws of rules: any set of them ends within the limits, the same work gives the same bytes, and what is
//! taken would end without a limit.

use std::collections::{BTreeSet, VecDeque};

use crm_core::{
    Attribute, Crm, DefineLifecycle, DefineRule, DefineSegment, Flow, Kind, ListChanges,
    ListRuleRuns, MoveKind, MoveStage, MoveToStage, OnAttribute, OpenOptions, Replay, RuleAction,
    RuleTrigger, RunSql, SkippedRun, Stage, StageDecision, StageKind, StageMachine, StagePlace,
    Value, Values, limits, values,
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::repetitions;

const ATTRIBUTES: [&str; 4] = ["a", "b", "c", "d"];
const STAGES: [&str; 3] = ["one", "two", "three"];

/// A rule, by numbers.
type Drawn = (u8, u8, Option<u8>, Vec<(u8, u8, u8)>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let actions = prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..4);
    (any::<u8>(), any::<u8>(), prop::option::of(any::<u8>()), actions)
}

fn pick<T: Copy>(from: &[T], number: u8) -> T {
    from[usize::from(number) % from.len()]
}

fn define(nth: usize, (on, what, condition, actions): &Drawn) -> DefineRule {
    let on = match on % 4 {
        0 => RuleTrigger::changed(pick(&ATTRIBUTES, *what)),
        1 => RuleTrigger::becomes(pick(&ATTRIBUTES, *what), i64::from(on % 3)),
        2 => RuleTrigger::stage_entered("way", pick(&STAGES, *what)),
        _ => RuleTrigger::stage_left("way", pick(&STAGES, *what)),
    };
    let actions = actions.iter().map(|(kind, what, value)| match kind % 5 {
        0 | 1 => RuleAction::set(pick(&ATTRIBUTES, *what), i64::from(value % 3)),
        2 => {
            let formula = format!("coalesce({}, 0) + 1", pick(&ATTRIBUTES, *value));
            RuleAction::calculate(pick(&ATTRIBUTES, *what), formula)
        }
        3 => RuleAction::move_to("way", pick(&STAGES, *what)),
        _ => RuleAction::emit("told", [pick(&ATTRIBUTES, *what)]),
    });
    let rule = DefineRule::new(format!("r{nth}"), "contact", on, actions);
    let condition = condition.map(|number| {
        let attribute = pick(&ATTRIBUTES, number);
        format!("{attribute} is missing or {attribute} < {}", number % 5).parse().unwrap()
    });
    DefineRule { condition, ..rule }
}

/// A file in which rules were defined, as far as they are taken, and work was done.
fn worked(rules: &[Drawn], work: &[(u8, u8, u8)]) -> Crm {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let replay = Some(Replay { start, step_micros: 700 });
    let crm = Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() }).unwrap();
    for name in ATTRIBUTES {
        let attribute = Attribute::new(name, Kind::Integer);
        crm.types().define_attribute("contact", attribute).unwrap();
    }
    let stages = STAGES.map(Stage::new);
    crm.lifecycles().define(DefineLifecycle::new("way", "contact", stages)).unwrap();
    for (nth, rule) in rules.iter().enumerate() {
        // Those that set each other off for ever are refused, and none is in the file then.
        let _ = crm.rules().define(define(nth, rule));
    }
    let ids: Vec<_> =
        (0..2).map(|_| crm.contacts().create(values! { "a" => 1 }).unwrap().id).collect();
    for (kind, what, value) in work {
        let id = pick(&ids, *kind);
        if kind % 4 == 0 {
            // A step back is refused, and nothing of it stays.
            let _ = crm.lifecycles().move_to(MoveStage::new("way", id, pick(&STAGES, *what)));
        } else {
            let value = i64::from(value % 4);
            let given = Values::from([(pick(&ATTRIBUTES, *what), Value::from(value))]);
            crm.contacts().patch(id, given).unwrap();
        }
    }
    crm
}

/// Everything that stands in the tables, as text.
fn contents(crm: &Crm) -> String {
    let tables =
        ["contact", "crm_journal", "crm_stage", "crm_stage_visit", "crm_timer", "crm_rule"];
    let rows = tables.map(|table| {
        let sql = format!("SELECT * FROM {table}");
        format!("{:?}", serde_json::to_string(&crm.sql(&RunSql::new(sql)).unwrap()).unwrap())
    });
    rows.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(repetitions(24)))]

    #[test]
    fn any_rules_end_within_the_limits_and_the_same_work_gives_the_same_bytes(
        rules in prop::collection::vec(drawn(), 1..8),
        work in prop::collection::vec(any::<(u8, u8, u8)>(), 1..8),
    ) {
        let crm = worked(&rules, &work);
        for rule in crm.rules().list().unwrap() {
            let request = ListRuleRuns { limit: 10_000, ..ListRuleRuns::new(&*rule.name) };
            for run in crm.rules().runs(&request).unwrap().runs {
                let chain: Vec<&str> = run.chain.iter().map(|step| step.rule.as_str()).collect();
                let once: BTreeSet<&str> = chain.iter().copied().collect();
                prop_assert_eq!(once.len(), chain.len(), "a rule runs once in a chain");
                prop_assert!(chain.len() <= limits::RULE_CHAIN);
                let is_repeated = once.contains(&*run.rule);
                prop_assert_eq!(is_repeated, run.skipped == Some(SkippedRun::Repeated));
                prop_assert_eq!(run.skipped.is_some(), run.actions.is_empty());
            }
        }
        prop_assert_eq!(crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
        let causes = crm.journal().changes(&ListChanges { limit: 10_000, ..ListChanges::after(0) });
        for change in causes.unwrap().changes {
            let is_by_rule = change.cause.is_some_and(|cause| cause.starts_with("rule:r"));
            prop_assert!(is_by_rule || !matches!(change.kind, crm_core::ChangeKind::EventEmitted));
        }
        prop_assert_eq!(contents(&crm), contents(&worked(&rules, &work)));
    }
}

/// What a record has, as far as the rules below look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct State {
    values: [Option<i64>; 2],
    place: StagePlace,
    is_listed: bool,
}

/// What sets one of the rules below off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Waits {
    Value { nth: usize, from: Option<i64>, to: Option<i64> },
    Entered(usize),
    Left(usize),
    Listed(bool),
}

/// What one of them does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Set(usize, i64),
    Move(usize),
    List(bool),
}

/// A change of the state.
#[derive(Debug, Clone, Copy)]
enum Event {
    Value { nth: usize, was: Option<i64>, is: i64 },
    Stage { was: Option<usize>, is: usize },
    Listed(bool),
}

impl Waits {
    fn is_set_off(self, event: Event) -> bool {
        match (self, event) {
            (Self::Value { nth, from, to }, Event::Value { nth: of, was, is }) => {
                nth == of && to.is_none_or(|to| to == is) && (from.is_none() || from == was)
            }
            (Self::Entered(stage), Event::Stage { is, .. }) => stage == is,
            (Self::Left(stage), Event::Stage { was, .. }) => Some(stage) == was,
            (Self::Listed(listed), Event::Listed(is)) => listed == is,
            _ => false,
        }
    }
}

impl State {
    fn does(&mut self, machine: &StageMachine, action: Does) -> Option<Event> {
        match action {
            Does::Set(nth, is) => {
                let was = self.values[nth].replace(is);
                (was != Some(is)).then_some(Event::Value { nth, was, is })
            }
            Does::Move(to) => {
                let nth = u8::try_from(to).unwrap();
                let decision = machine.decide(self.place, nth, MoveKind::Automatic);
                let StageDecision::Enter { place, .. } = decision else { return None };
                let was = self.place.stage.map(usize::from);
                self.place = place;
                Some(Event::Stage { was, is: to })
            }
            Does::List(is) => {
                let was = std::mem::replace(&mut self.is_listed, is);
                (was != is).then_some(Event::Listed(is))
            }
        }
    }
}

/// Runs after which nobody believes that it ends; what ends has as many as there are chains of rules.
const ENDLESS: usize = 2_000;

/// Whether rules set each other off for ever, if none is kept from it, after this was done.
fn is_endless(
    rules: &[(Waits, Vec<Does>)],
    machine: &StageMachine,
    mut state: State,
    first: Does,
) -> bool {
    let mut events: VecDeque<Event> = state.does(machine, first).into_iter().collect();
    let mut runs = 0;
    while let Some(event) = events.pop_front() {
        for (_, actions) in rules.iter().filter(|(on, _)| on.is_set_off(event)) {
            runs += 1;
            if runs > ENDLESS {
                return true;
            }
            events.extend(actions.iter().filter_map(|action| state.does(machine, *action)));
        }
    }
    false
}

fn known_rule(nth: usize, on: Waits, actions: &[Does], stages: &[Stage]) -> DefineRule {
    let stage = |place: usize| stages[place].name.as_str();
    let on = match on {
        Waits::Value { nth, from, to } => RuleTrigger::AttributeChanged(OnAttribute {
            attribute: ATTRIBUTES[nth].into(),
            from: from.map(Value::from),
            to: to.map(Value::from),
        }),
        Waits::Entered(place) => RuleTrigger::stage_entered("way", stage(place)),
        Waits::Left(place) => RuleTrigger::stage_left("way", stage(place)),
        Waits::Listed(true) => RuleTrigger::entered("list"),
        Waits::Listed(false) => RuleTrigger::left("list"),
    };
    let act = |action: &Does| match *action {
        Does::Set(nth, value) => RuleAction::set(ATTRIBUTES[nth], value),
        Does::Move(to) => RuleAction::MoveStage(MoveToStage {
            lifecycle: "way".into(),
            to: stage(to).into(),
            reason: Some("said so".into()),
        }),
        Does::List(true) => RuleAction::add_to("list"),
        Does::List(false) => RuleAction::remove_from("list"),
    };
    DefineRule::new(format!("r{nth}"), "contact", on, actions.iter().map(act))
}

/// What one to four rules wait for, and what they do.
fn known_rules() -> impl Strategy<Value = Vec<(Waits, Vec<Does>)>> {
    let waits = prop_oneof![
        4 => (0..2_usize, prop::option::weighted(0.3, 0..2_i64), prop::option::weighted(0.7, 0..2_i64))
            .prop_filter("a change", |(_, from, to)| from.is_none() || from != to)
            .prop_map(|(nth, from, to)| Waits::Value { nth, from, to }),
        4 => (0..4_usize).prop_map(Waits::Entered),
        2 => (0..4_usize).prop_map(Waits::Left),
        3 => any::<bool>().prop_map(Waits::Listed),
    ];
    let does = prop_oneof![
        3 => (0..2_usize, 0..2_i64).prop_map(|(nth, value)| Does::Set(nth, value)),
        4 => (0..4_usize).prop_map(Does::Move),
        2 => any::<bool>().prop_map(Does::List),
    ];
    prop::collection::vec((waits, prop::collection::vec(does, 1..3)), 1..5)
}

/// Rules that wait for values, stages and lists, and of which all actions are known, end by
/// themselves if they are taken.
#[test]
fn rules_that_are_taken_would_end_without_a_limit() {
    let beside = |name: &str, kind| Stage { automatic_exit: true, ..Stage::new(name).kind(kind) };
    let stages = [
        Stage::new("one"),
        Stage::new("two"),
        beside("three", StageKind::Lost),
        beside("four", StageKind::Side),
    ];
    let machine = StageMachine::new(&stages).unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(repetitions(400)));
    let counts = [std::cell::Cell::new(0), std::cell::Cell::new(0)];
    runner
        .run(&known_rules(), |rules| {
            let crm = Crm::in_memory().unwrap();
            for name in &ATTRIBUTES[..2] {
                let attribute = Attribute::new(*name, Kind::Integer);
                crm.types().define_attribute("contact", attribute).unwrap();
            }
            crm.lifecycles()
                .define(DefineLifecycle::new("way", "contact", stages.clone()))
                .unwrap();
            crm.segments().define(DefineSegment::by_hand("list", "contact")).unwrap();
            let mut taken = Vec::new();
            for (nth, (on, actions)) in rules.iter().enumerate() {
                let rule = known_rule(nth, *on, actions, &stages);
                let is_taken = crm.rules().define(rule).is_ok();
                taken.extend(is_taken.then(|| (*on, actions.clone())));
                let count = &counts[usize::from(is_taken)];
                count.set(count.get() + 1);
            }
            let values = [None, Some(0), Some(1)];
            let values = values.iter().flat_map(|a| values.iter().map(move |b| [*a, *b]));
            let mut places = vec![StagePlace::default()];
            for to in 0..machine.stages() {
                for at in places.clone() {
                    let decision = machine.decide(at, to, MoveKind::Manual);
                    if let StageDecision::Enter { place, .. } = decision {
                        places.push(place);
                    }
                }
            }
            for (values, place) in values.flat_map(|v| places.iter().map(move |place| (v, *place)))
            {
                let sets = (0..2).flat_map(|nth| (0..2).map(move |value| Does::Set(nth, value)));
                let lists = [true, false].map(Does::List);
                let firsts: Vec<_> = sets.chain((0..4).map(Does::Move)).chain(lists).collect();
                for (first, is_listed) in
                    firsts.iter().flat_map(|first| [true, false].map(|listed| (*first, listed)))
                {
                    let state = State { values, place, is_listed };
                    let is_endless = is_endless(&taken, &machine, state, first);
                    prop_assert!(!is_endless, "{state:?} {first:?} {taken:?}");
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(counts.iter().all(|count| count.get() > 5), "both are drawn: {counts:?}");
}
