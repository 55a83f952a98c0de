//! Laws of rules: any set of them ends within the limits, and the same work gives the same bytes.

use std::collections::BTreeSet;

use crm_core::{
    Attribute, Crm, DefineLifecycle, DefineRule, Flow, Kind, ListChanges, ListRuleRuns, MoveStage,
    OpenOptions, Replay, RuleAction, RuleTrigger, RunSql, SkippedRun, Stage, Value, Values, limits,
    values,
};
use proptest::prelude::*;

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
