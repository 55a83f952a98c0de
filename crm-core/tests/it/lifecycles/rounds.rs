//! Automatic moves that would go round: which are refused when they are saved, and which settle.

use std::collections::BTreeSet;

use crm_core::{
    ActivityPreset, Attribute, Condition, Crm, DefineAssociationType, DefineLifecycle, Kind,
    MoveKind, RelatedStage, Stage, StageDecision, StageKind, StageMachine, StagePlace,
    StageTrigger,
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::repetitions;

/// The way on which the moves of a lifecycle go round; `None` if it is taken.
fn round(crm: &Crm, definition: DefineLifecycle) -> Option<String> {
    let error = crm.lifecycles().define(definition).err()?;
    let way = error.message().split_once("automatic moves go round: ");
    Some(way.unwrap_or_else(|| panic!("{error}")).1.to_owned())
}

fn lifecycle(name: &str, triggers: impl IntoIterator<Item = StageTrigger>) -> DefineLifecycle {
    let stages = [
        Stage::new("lead"),
        Stage::new("customer").kind(StageKind::Won),
        Stage { automatic_exit: true, ..Stage::new("churned").kind(StageKind::Lost) },
        Stage { automatic_exit: true, ..Stage::new("dormant").kind(StageKind::Side) },
        Stage::new("gone").kind(StageKind::Lost),
    ];
    let because = |trigger| StageTrigger { reason: Some("said so".into()), ..trigger };
    DefineLifecycle {
        triggers: triggers.into_iter().map(because).collect(),
        ..DefineLifecycle::new(name, "contact", stages)
    }
}

fn when(to: &str, text: &str) -> StageTrigger {
    StageTrigger::when(to, text.parse().unwrap())
}

fn open() -> Crm {
    let crm = Crm::in_memory().unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let knows = DefineAssociationType::new("knows", ["contact"], ["contact"]);
    crm.association_types().define(knows).unwrap();
    for (name, kind) in [("age", Kind::Integer), ("income", Kind::Money)] {
        crm.types().define_attribute("contact", Attribute::new(name, kind)).unwrap();
    }
    crm
}

#[test]
fn conditions_that_lead_out_of_a_lost_stage_and_back_go_round() {
    let crm = open();
    let once = StageTrigger::activity("customer", "purchase");
    let later = || StageTrigger::inactive("churned", "P30D");
    for (triggers, way) in [
        (
            vec![when("customer", "email is set"), when("churned", "phone is missing")],
            Some("a.churned → a.customer → a.churned"),
        ),
        (
            vec![when("dormant", "email is set"), when("churned", "phone is missing")],
            Some("a.churned → a.dormant → a.churned"),
        ),
        // People alone lead out of this one, an activity happens once, and a time takes time.
        (vec![when("customer", "email is set"), when("gone", "phone is missing")], None),
        (vec![once, when("churned", "phone is missing")], None),
        (vec![when("lead", "email is set"), when("customer", "phone is missing")], None),
        (vec![when("customer", "email is set"), later()], None),
        (
            vec![when("customer", "email is set"), later(), when("churned", "phone is missing")],
            Some("a.churned → a.customer → a.churned"),
        ),
    ] {
        let found = round(&crm, lifecycle("a", triggers.clone()));
        assert_eq!(found.as_deref(), way, "{triggers:?}");
    }
}

#[test]
fn conditions_that_exclude_each_other_do_not_go_round() {
    let crm = open();
    let bought = "count(purchase within P30D) >= 1";
    let none = format!("not {bought}");
    let guarded = |mut definition: DefineLifecycle, text: &str| {
        definition.stages[1].guard = Some(text.parse().unwrap());
        definition
    };
    let two = |customer: &str, churned: &str| {
        lifecycle("a", [when("customer", customer), when("churned", churned)])
    };
    crm.segments()
        .define(crm_core::DefineSegment::live(
            "vip",
            "contact",
            "source = \"vip\"".parse().unwrap(),
        ))
        .unwrap();
    for settles in [
        two("source = \"active\"", "source = \"gone\""),
        // Where there is no value, a comparison is false, and its contrary true.
        two("age = 1", "not age != 2"),
        two("age >= 3", "not age >= 3"),
        two("age is missing", "not age is missing"),
        two("age > 2", "not age > 1 and age is set"),
        two("not (age < 5 or age is missing)", "age <= 4"),
        two("not source not in (\"a\", \"b\")", "source = \"c\""),
        two("income = 5 EUR", "income != 5 EUR"),
        two(bought, &none),
        two("source in (\"a\", \"b\") and email is set", "source = \"c\" or source = \"d\""),
        // The guard excludes it as well.
        guarded(two("email is set", "source = \"gone\""), "source = \"active\""),
        // Each alternative is excluded.
        lifecycle(
            "a",
            [
                when("customer", "source = \"active\""),
                when("churned", "source = \"gone\""),
                when("churned", "source is missing"),
            ],
        ),
    ] {
        assert_eq!(round(&crm, settles.clone()), None, "{settles:?}");
    }
    for goes_round in [
        two("source = \"active\"", "source = \"active\" or phone is missing"),
        two(bought, "not count(purchase within P60D) >= 1"),
        // One of several triggers is enough.
        lifecycle(
            "a",
            [
                when("customer", "source = \"active\""),
                when("churned", "source = \"gone\""),
                when("churned", "source != \"gone\""),
            ],
        ),
        // Both are true where there is no value.
        two("age is missing", "not age = 2"),
        two("not age > 2", "not age <= 2"),
        // Another currency is another value.
        two("income = 5 USD", "income != 5 EUR"),
        // Where it stands, and in what segments, the moves change.
        two("stage(eq \"churned\" in \"a\")", "not stage(eq \"churned\" in \"a\")"),
        two("in segment \"vip\"", "not in segment \"vip\""),
    ] {
        let way = round(&crm, goes_round.clone());
        assert_eq!(way.as_deref(), Some("a.churned → a.customer → a.churned"), "{goes_round:?}");
    }
}

/// The way on which one of two lifecycles goes round.
fn both(a: Vec<StageTrigger>, b: Vec<StageTrigger>) -> Option<String> {
    let crm = open();
    assert_eq!(round(&crm, lifecycle("a", [])), None);
    assert_eq!(round(&crm, lifecycle("b", [])), None);
    round(&crm, lifecycle("a", a)).or_else(|| round(&crm, lifecycle("b", b)))
}

fn related(to: &str, lifecycle: &str, stage: &str) -> StageTrigger {
    StageTrigger::related(to, RelatedStage::new("knows", lifecycle, stage))
}

#[test]
fn related_stages_may_follow_each_other_but_not_go_round() {
    let follows = |of: &str| vec![related("customer", of, "customer")];
    assert_eq!(both(follows("b"), follows("a")), None, "each follows the other, and stays");
    let way = both(
        vec![related("churned", "b", "lead"), related("lead", "b", "churned")],
        vec![related("lead", "a", "lead"), related("churned", "a", "churned")],
    );
    assert!(way.unwrap().contains(" → b."));
}

#[test]
fn conditions_on_stages_of_another_lifecycle_lead_on_as_well() {
    let with = |asked: &str, alone: &str| {
        let churned = when("churned", asked);
        let back = StageTrigger {
            condition: (!alone.is_empty()).then(|| alone.parse().unwrap()),
            ..related("lead", "b", "churned")
        };
        let b = vec![related("lead", "a", "lead"), related("churned", "a", "churned")];
        both(vec![churned, back], b)
    };
    for asked in [
        "source = \"x\"",
        // Where people alone lead to, it stays: it is true again after each move.
        r#"stage(eq "gone" in "b")"#,
        r#"not stage(neq "gone" in "b")"#,
        r#"stage(eq "lead" in "b")"#,
        r#"stage(at_most "customer" in "b") and source = "x""#,
        r#"not stage(eq "gone" in "b")"#,
        r#"related(knows: stage(eq "lead" in "b"))"#,
    ] {
        let way = with(asked, "");
        assert!(way.is_some_and(|way| way.contains(" → b.")), "{asked}");
    }
    for asked in [
        r#"stage(eq "lead" in "b")"#,
        r#"stage(at_most "customer" in "b") and source = "x""#,
        r#"not stage(eq "gone" in "b")"#,
        r#"related(knows: stage(eq "lead" in "b"))"#,
    ] {
        // It may be about another record each time.
        assert!(with(asked, "source = \"y\"").is_some(), "{asked}");
    }
}

/// The way on which a lifecycle goes round with `b`, which follows each of its moves; `guard` is that
/// of `lead`.
fn followed(a: Vec<StageTrigger>, guard: Option<&str>) -> Option<String> {
    let crm = open();
    assert_eq!(round(&crm, lifecycle("a", [])), None);
    let b = [related("dormant", "a", "lead"), related("churned", "a", "churned")];
    assert_eq!(round(&crm, lifecycle("b", b)), None);
    let mut a = lifecycle("a", a);
    a.stages[0].guard = guard.map(|text| text.parse().unwrap());
    round(&crm, a)
}

#[test]
fn related_stages_lead_out_and_a_condition_on_the_own_stage_back() {
    let lost = || related("churned", "b", "dormant");
    let back = |asked: &str| followed(vec![lost(), when("lead", asked)], None);
    let way = "a.churned → a.lead → b.dormant → a.churned";
    for asked in [
        r#"stage(eq "churned" in "a")"#,
        r#"stage(eq "churned" in "a") and source = "x""#,
        r#"stage(eq "customer" in "a") or source = "x""#,
        r#"not stage(eq "lead" in "a")"#,
        "source = \"x\"",
    ] {
        assert_eq!(back(asked).as_deref(), Some(way), "{asked}");
    }
    let excluded = StageTrigger { condition: Some("source = \"y\"".parse().unwrap()), ..lost() };
    let asked = r#"stage(eq "churned" in "a") and source = "x""#;
    // The one follows the other on the same record.
    assert_eq!(followed(vec![excluded, when("lead", asked)], None), None);
}

#[test]
fn a_condition_on_the_own_stage_leads_out_and_related_stages_back() {
    let lost = || when("churned", r#"stage(eq "lead" in "a")"#);
    let way = followed(vec![lost(), related("lead", "b", "churned")], None);
    assert_eq!(way.as_deref(), Some("a.churned → b.churned → a.lead → a.churned"));
    // An activity happens once.
    assert_eq!(followed(vec![lost(), StageTrigger::activity("lead", "purchase")], None), None);
}

#[test]
fn guards_that_ask_for_stages_lead_on_as_conditions_do() {
    let with = |guard: &str| {
        let lost = related("churned", "b", "dormant");
        followed(vec![lost, when("lead", "phone is missing")], Some(guard))
    };
    for guard in [
        r#"stage(eq "churned" in "a")"#,
        r#"stage(eq "churned" in "a") or source = "x""#,
        r#"related(inverse knows: stage(eq "churned" in "b"))"#,
        r#"related(knows: stage(eq "churned" in "b")) or source = "x""#,
        "source = \"x\"",
    ] {
        assert!(with(guard).is_some_and(|way| way.contains(" → b.")), "{guard}");
    }
}

#[test]
fn conditions_of_two_lifecycles_of_one_record_may_exclude_each_other() {
    let with = |lost: &str, back: &str, of_b: [&str; 2]| {
        let churned = when("churned", &format!(r#"stage(eq "lead" in "b") and {lost}"#));
        let lead = when("lead", &format!(r#"stage(eq "dormant" in "b") and {back}"#));
        let b = [
            when("lead", &format!(r#"stage(eq "lead" in "a") and {}"#, of_b[0])),
            when("dormant", &format!(r#"stage(eq "churned" in "a") and {}"#, of_b[1])),
        ];
        both(vec![lead, churned], b.into())
    };
    let (x, y) = ("source = \"x\"", "source = \"y\"");
    assert!(with(x, x, [x, x]).is_some());
    assert_eq!(with(x, y, [x, y]), None);
    assert_eq!(with(x, y, ["email is missing", "email is set"]), None);
}

/// A comparison of one of two attributes, by numbers.
type Asked = (u8, u8, u8);

const ATTRIBUTES: [&str; 2] = ["source", "job_title"];
const VALUES: [&str; 2] = ["a", "b"];

fn text((attribute, op, value): &Asked) -> String {
    let name = ATTRIBUTES[usize::from(attribute % 2)];
    let value = VALUES[usize::from(value % 2)];
    match op % 5 {
        0 | 1 => format!("{name} = \"{value}\""),
        2 => format!("{name} != \"{value}\""),
        3 => format!("{name} is missing"),
        _ => format!("{name} is set"),
    }
}

/// Whether it is so where the attributes have these values; none is a missing one.
fn is_so((attribute, op, value): &Asked, record: [Option<&str>; 2]) -> bool {
    let is = record[usize::from(attribute % 2)];
    let value = VALUES[usize::from(value % 2)];
    match op % 5 {
        0 | 1 => is == Some(value),
        2 => is.is_some_and(|is| is != value),
        3 => is.is_none(),
        _ => is.is_some(),
    }
}

/// Comparisons of which all must be so, or one.
#[derive(Debug, Clone)]
struct Drawn {
    all: Vec<Asked>,
    is_any: bool,
}

impl Drawn {
    fn condition(&self) -> Condition {
        let texts: Vec<String> = self.all.iter().map(text).collect();
        texts.join(if self.is_any { " or " } else { " and " }).parse().unwrap()
    }

    fn is_so(&self, record: [Option<&str>; 2]) -> bool {
        let mut all = self.all.iter();
        match self.is_any {
            true => all.any(|asked| is_so(asked, record)),
            false => all.all(|asked| is_so(asked, record)),
        }
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let asked = any::<(u8, u8, u8)>();
    let all = (prop::collection::vec(asked, 1..3), prop::bool::weighted(0.2));
    all.prop_map(|(all, is_any)| Drawn { is_any: is_any && all.len() > 1, all })
}

/// Whether triggers may move a record for ever that has these values: from anywhere it may stand.
fn goes_round(stages: &[Stage], led: &BTreeSet<u8>) -> bool {
    let machine = StageMachine::new(stages).unwrap();
    let step = |at: StagePlace, to: u8, by: MoveKind| match machine.decide(at, to, by) {
        StageDecision::Enter { place, .. } => Some(StagePlace { cycle: 1, ..place }),
        _ => None,
    };
    let mut places = vec![StagePlace::default()];
    let mut next = 0;
    while let Some(at) = places.get(next).copied() {
        for to in 0..machine.stages() {
            for by in [MoveKind::Manual, MoveKind::Automatic, MoveKind::Reset] {
                places.extend(step(at, to, by).filter(|place| !places.contains(place)));
            }
        }
        next += 1;
    }
    loop {
        let before = places.len();
        let goes_on = |at: &StagePlace| {
            let mut led = led.iter().filter_map(|to| step(*at, *to, MoveKind::Automatic));
            led.any(|place| places.contains(&place))
        };
        let kept: Vec<StagePlace> = places.iter().copied().filter(goes_on).collect();
        places = kept;
        if places.len() == before {
            return !places.is_empty();
        }
    }
}

/// Refused is what may go round for some record, and, as far as it is known which conditions exclude
/// each other, nothing else.
#[test]
fn what_goes_round_for_some_record_is_refused_and_nothing_else() {
    let kinds = prop::collection::vec((0..5_u8, prop::option::weighted(0.3, drawn())), 2..5);
    let triggers = prop::collection::vec((any::<prop::sample::Index>(), drawn()), 1..5);
    let crm = open();
    let counts = [std::cell::Cell::new(0), std::cell::Cell::new(0)];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(repetitions(2_000)));
    runner
        .run(&(kinds, triggers), |(kinds, triggers)| {
            let stage = |(nth, (kind, guard)): (usize, &(u8, Option<Drawn>))| {
                let (kind, automatic_exit) = match if nth == 0 { 0 } else { *kind } {
                    0 => (StageKind::Open, false),
                    1 => (StageKind::Lost, true),
                    2 => (StageKind::Lost, false),
                    3 => (StageKind::Side, true),
                    _ => (StageKind::Side, false),
                };
                let guard = guard.as_ref().map(Drawn::condition);
                Stage { automatic_exit, guard, ..Stage::new(format!("s{nth}")).kind(kind) }
            };
            let stages: Vec<Stage> = kinds.iter().enumerate().map(stage).collect();
            let to = |index: &prop::sample::Index| index.index(stages.len());
            let define = DefineLifecycle {
                triggers: triggers
                    .iter()
                    .map(|(index, asked)| StageTrigger {
                        reason: Some("so".into()),
                        ..StageTrigger::when(&stages[to(index)].name, asked.condition())
                    })
                    .collect(),
                dry_run: true,
                ..DefineLifecycle::new("way", "contact", stages.clone())
            };
            let values = [None, Some("a"), Some("b"), Some("z")];
            let mut records =
                values.iter().flat_map(|one| values.iter().map(move |other| [*one, *other]));
            let is_round = records.any(|record| {
                let led = triggers.iter().filter(|(index, asked)| {
                    let guard = kinds[to(index)].1.as_ref();
                    asked.is_so(record) && guard.is_none_or(|guard| guard.is_so(record))
                });
                let led = led.map(|(index, _)| u8::try_from(to(index)).unwrap()).collect();
                goes_round(&stages, &led)
            });
            let error = crm.lifecycles().define(define).err();
            let is_refused = error.is_some_and(|error| error.message().contains("go round"));
            let guards = kinds.iter().filter_map(|(_, guard)| guard.as_ref());
            let any = triggers.iter().map(|(_, asked)| asked).chain(guards);
            // What several lists of alternatives exclude together is not found.
            if is_round || any.filter(|asked| asked.is_any).count() < 2 {
                prop_assert_eq!(is_refused, is_round);
            }
            let count = &counts[usize::from(is_round)];
            count.set(count.get() + 1);
            Ok(())
        })
        .unwrap();
    assert!(counts.iter().all(|count| count.get() > 20), "both are drawn: {counts:?}");
}
