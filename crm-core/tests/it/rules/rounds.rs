//! Rules that set each other off by way of other definitions.

use crm_core::{
    Attribute, Crm, DefineLifecycle, DefineRule, DefineSegment, ErrorKind, Kind, MoveToStage,
    RuleAction, RuleTrigger, Stage, StageKind, StageTrigger, values,
};

use super::{open, rule, runs, verify};
use crate::support::Folder;

fn live(name: &str, text: &str) -> DefineSegment {
    DefineSegment::live(name, "contact", text.parse().unwrap())
}

fn by_hand(crm: &Crm, name: &str) {
    crm.segments().define(DefineSegment::by_hand(name, "contact")).unwrap();
}

fn define(name: &str, on: RuleTrigger, action: RuleAction) -> DefineRule {
    DefineRule::new(name, "contact", on, [action])
}

fn move_to(lifecycle: &str, to: &str) -> RuleAction {
    let reason = Some("said so".into());
    RuleAction::MoveStage(MoveToStage { lifecycle: lifecycle.into(), to: to.into(), reason })
}

fn task() -> RuleAction {
    match RuleAction::task("Call") {
        RuleAction::CreateTask(task) => RuleAction::CreateTask(crm_core::CreateTask {
            association: Some("about".into()),
            ..task
        }),
        other => other,
    }
}

fn refused(crm: &Crm, define: DefineRule) -> (String, String) {
    let error = crm.rules().define(define).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    (error.field().unwrap().to_owned(), error.message().to_owned())
}

#[test]
fn a_round_over_a_live_segment_that_asks_for_a_list_is_refused() {
    let crm = open();
    by_hand(&crm, "calls");
    crm.segments().define(live("busy", "in segment \"calls\"")).unwrap();
    crm.segments().define(live("very_busy", "in segment \"busy\"")).unwrap();
    rule(&crm, "out", RuleTrigger::entered("very_busy"), [RuleAction::remove_from("calls")]);
    let back = || define("back", RuleTrigger::left("very_busy"), RuleAction::add_to("calls"));
    let (field, message) = refused(&crm, back());
    assert_eq!(field, "actions[0].add_to_segment");
    let way = "sets itself off: back (actions[0]) → segment \"very_busy\" → out (actions[0]) → \
               segment \"very_busy\" → back";
    assert_eq!(message, way);
    // What else the record has may end it: here, and where the segment asks for more.
    crm.rules()
        .define(DefineRule { dry_run: true, ..back() }.when("in segment \"busy\"".parse().unwrap()))
        .unwrap();
    crm.segments().define(live("busy", "in segment \"calls\" and country = \"DE\"")).unwrap();
    crm.rules().define(back()).unwrap();
    // The segment that closes it is refused as well, with the way.
    let closes = live("busy", "in segment \"calls\"");
    let error = crm.segments().define(closes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    assert_eq!(error.field(), Some("back.actions[0].add_to_segment"));
    assert!(error.message().contains("segment \"very_busy\" → out"), "{error}");
    verify(&crm);
}

#[test]
fn a_round_over_a_segment_that_asks_for_a_stage_is_refused() {
    let crm = open();
    crm.segments().define(live("gone", "stage(eq \"churned\")")).unwrap();
    rule(&crm, "win", RuleTrigger::entered("gone"), [move_to("contact", "customer")]);
    let lose = |stage: &str| move_to("contact", stage);
    let (_, message) = refused(&crm, define("lose", RuleTrigger::left("gone"), lose("churned")));
    assert!(message.contains("lose (actions[0]) → segment \"gone\" → win"), "{message}");
    // In order it only goes forward, so that it ends.
    crm.segments().define(live("gone", "stage(at_least \"opportunity\")")).unwrap();
    crm.rules().define(define("lose", RuleTrigger::left("gone"), lose("opportunity"))).unwrap();
}

#[test]
fn what_is_kept_alike_settles_and_is_taken() {
    let crm = open();
    by_hand(&crm, "vip");
    crm.segments().define(live("hot", "source = \"hot\"")).unwrap();
    crm.segments().define(live("listed", "in segment \"vip\"")).unwrap();
    // The list follows the attribute, and the attribute the list.
    rule(&crm, "list", RuleTrigger::entered("hot"), [RuleAction::add_to("vip")]);
    rule(&crm, "mark", RuleTrigger::entered("listed"), [RuleAction::set("source", "hot")]);
    let id = crm.contacts().create(values! { "source" => "hot" }).unwrap().id;
    assert_eq!((runs(&crm, "list").len(), runs(&crm, "mark").len()), (1, 1));
    assert!(runs(&crm, "list").iter().all(|run| run.skipped.is_none()));
    // As soon as one takes back what the other needs, it does not.
    crm.contacts().patch(id, values! { "source" => "cold" }).unwrap();
    let cold = define("mark", RuleTrigger::entered("listed"), RuleAction::set("source", "cold"));
    crm.rules().define(cold).unwrap();
    rule(&crm, "unlist", RuleTrigger::left("hot"), [RuleAction::remove_from("vip")]);
    let again = define("again", RuleTrigger::left("listed"), RuleAction::set("source", "hot"));
    let (_, message) = refused(&crm, again);
    let way = "again (actions[0]) → segment \"hot\" → list (actions[0]) → segment \"listed\" → \
               mark (actions[0]) → segment \"hot\" → unlist (actions[0]) → segment \"listed\" → \
               again";
    assert!(message.ends_with(way), "{message}");
}

#[test]
fn a_task_for_each_task_is_refused() {
    let crm = open();
    let tasks = |formula: &str| Attribute {
        formula: Some(formula.into()),
        ..Attribute::new("tasks", Kind::Integer)
    };
    let counted = "count(related inverse about as task)";
    crm.types().define_attribute("contact", tasks(counted)).unwrap();
    let on = || RuleTrigger::changed("tasks");
    let (field, message) = refused(&crm, define("more", on(), task()));
    assert_eq!(field, "actions[0].create_task");
    assert_eq!(message, "sets itself off: more (actions[0]) → roll-up \"tasks\" → more");
    // A condition on the number ends it, and so does a number that is come to once.
    let few = define("more", on(), task()).when("tasks < 3".parse().unwrap());
    crm.rules().define(few).unwrap();
    crm.rules().archive("more").unwrap();
    crm.rules().define(define("third", RuleTrigger::becomes("tasks", 3), task())).unwrap();
    // Of other tasks the data tell, and what is set twice is set once.
    let urgent = "count(related inverse about as task where assignee is set)";
    crm.types().define_attribute("contact", tasks(urgent)).unwrap();
    crm.rules().define(define("urgent", on(), task())).unwrap();
    let back = DefineRule { dry_run: true, ..define("x", RuleTrigger::changed("source"), task()) };
    crm.rules().define(back).unwrap();
    // The roll-up closes the round as well.
    let error = crm.types().define_attribute("contact", tasks(counted)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    assert_eq!(error.field(), Some("urgent.actions[0].create_task"));
}

#[test]
fn what_is_calculated_from_tasks_that_rules_make_excludes_nothing() {
    let crm = open();
    let calculated = |name: &str, kind: Kind, formula: &str| {
        let attribute = Attribute { formula: Some(formula.into()), ..Attribute::new(name, kind) };
        crm.types().define_attribute("contact", attribute).unwrap();
    };
    for name in ["a", "b"] {
        crm.types().define_attribute("contact", Attribute::new(name, Kind::Integer)).unwrap();
    }
    calculated("tasks", Kind::Integer, "count(related inverse about as task)");
    calculated("odd", Kind::Text, "if(round(tasks / 2) = tasks / 2, \"e\", \"o\")");
    calculated("sign", Kind::Text, "lower(odd)");
    calculated("calm", Kind::Text, "if(source = \"x\", \"e\", \"o\")");
    let step = |name: &str, on: &str, sets: &str, condition: String| {
        let count = RuleAction::calculate(sets, format!("coalesce({sets}, 0) + 1"));
        DefineRule::new(name, "contact", RuleTrigger::changed(on), [task(), count])
            .when(condition.parse().unwrap())
    };
    for asked in ["odd", "sign"] {
        crm.rules().define(step("r1", "a", "b", format!("{asked} = \"e\""))).unwrap();
        let (field, message) = refused(&crm, step("r2", "b", "a", format!("{asked} = \"o\"")));
        assert_eq!(field, "actions[1].set_attribute", "{asked}");
        let way = "sets itself off: r2 (actions[1]) → r1 (actions[1]) → r2";
        assert_eq!(message, way, "{asked}");
    }
    // No rule writes that from which this is calculated.
    crm.rules().define(step("r1", "a", "b", "calm = \"e\"".into())).unwrap();
    crm.rules().define(step("r2", "b", "a", "calm = \"o\"".into())).unwrap();
}

#[test]
fn a_round_that_a_trigger_of_a_lifecycle_closes_is_refused() {
    let crm = open();
    let churned = Stage { automatic_exit: true, ..Stage::new("gone").kind(StageKind::Lost) };
    let plan = |text: &str| {
        let stages = [Stage::new("lead"), Stage::new("buys").kind(StageKind::Won), churned.clone()];
        DefineLifecycle {
            triggers: vec![StageTrigger::when("buys", text.parse().unwrap())],
            ..DefineLifecycle::new("plan", "contact", stages)
        }
    };
    crm.lifecycles().define(plan("source = \"won\" and country = \"DE\"")).unwrap();
    let (gone, buys) = ("gone", "buys");
    let set = RuleAction::set("source", "won");
    rule(&crm, "calls", RuleTrigger::stage_entered("plan", gone), [set]);
    let lose = move_to("plan", gone);
    // The data tell.
    rule(&crm, "loses", RuleTrigger::stage_entered("plan", buys), [lose]);
    let error = crm.lifecycles().define(plan("source = \"won\"")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    assert_eq!(error.field(), Some("calls.actions[0].set_attribute"));
    let way = "calls (actions[0]) → lifecycle \"plan\" → loses (actions[0]) → calls";
    assert!(error.message().ends_with(way), "{error}");
}

/// Whether these rules are all taken but the last; if that one is refused, the way.
fn last_of(crm: &Crm, rules: Vec<DefineRule>) -> Option<String> {
    let mut rules = rules;
    let last = rules.pop().unwrap();
    for rule in rules {
        crm.rules().define(rule).unwrap();
    }
    let error = crm.rules().define(last).err()?;
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    Some(error.message().to_owned())
}

#[test]
fn rules_that_keep_two_things_alike_directly_settle_and_are_taken() {
    use RuleAction as Do;
    use RuleTrigger as On;
    let becomes = |attribute: &str| On::becomes(attribute, "x");
    let set = |attribute: &str, value: &str| Do::set(attribute, value);
    let copy = |attribute: &str, of: &str| Do::calculate(attribute, of);
    let (a, b) = ("source", "job_title");
    let vip = || Do::add_to("vip");
    type Two = [DefineRule; 2];
    let two = |one: (On, Do), other: (On, Do)| -> Two {
        [define("one", one.0, one.1), define("two", other.0, other.1)]
    };
    for (nth, settles) in [
        two((becomes(a), set(b, "x")), (becomes(b), set(a, "x"))),
        two((On::changed(a), set(b, "x")), (On::changed(b), set(a, "x"))),
        // A list and an attribute.
        two((On::entered("vip"), set(a, "x")), (becomes(a), vip())),
        // What is calculated from a constant is one.
        two((On::changed("shown"), set(b, "x")), (On::changed(b), set(a, "x"))),
        // A value that is copied changes, but the step back does not.
        two((On::changed(a), copy(b, a)), (On::changed(b), set(a, "x"))),
    ]
    .into_iter()
    .enumerate()
    {
        let crm = kept_alike();
        assert_eq!(last_of(&crm, settles.into()), None, "{nth}");
        // It settles in one turn, whatever the record has.
        for source in ["y", "x"] {
            crm.contacts().create(values! { "source" => source }).unwrap();
        }
        let id = crm.contacts().create(values! { "job_title" => "y" }).unwrap().id;
        crm.contacts().patch(id, values! { "job_title" => "x" }).unwrap();
        verify(&crm);
    }
    let alike = || two((becomes(a), set(b, "x")), (becomes(b), set(a, "x")));
    let more = |rule: DefineRule, actions: [RuleAction; 1]| DefineRule {
        actions: [rule.actions, actions.into()].concat(),
        ..rule
    };
    let undoes = || more(define("three", becomes(b), set(a, "y")), [set(b, "y")]);
    let [one, other] = alike();
    for (nth, goes_on) in [
        two((becomes(a), copy(b, a)), (On::changed(b), copy(a, b))).to_vec(),
        // They take it back, or one that they set off does.
        vec![more(one, [set(a, "z")]), more(other, [set(b, "z")])],
        [vec![undoes()], alike().into()].concat(),
        // A condition on what others decide does not end it.
        two((On::changed(a), copy(b, a)), (On::changed(b), copy(a, b)))
            .map(|rule| rule.when("country = \"DE\"".parse().unwrap()))
            .to_vec(),
        two((On::entered("vip"), Do::remove_from("vip")), (On::left("vip"), vip())).to_vec(),
    ]
    .into_iter()
    .enumerate()
    {
        let way = last_of(&kept_alike(), goes_on);
        assert!(way.is_some_and(|way| way.starts_with("sets itself off: ")), "{nth}");
    }
}

#[test]
fn a_rule_beside_the_way_without_which_it_would_end_is_named() {
    use RuleTrigger as On;
    let set = |attribute: &str, value: &str| RuleAction::set(attribute, value);
    let (a, b) = ("source", "job_title");
    let alike = || {
        let one = define("one", On::becomes(a, "x"), set(b, "x"));
        vec![one, define("two", On::becomes(b, "x"), set(a, "x"))]
    };
    let undoes =
        |name: &str, actions| DefineRule::new(name, "contact", On::becomes(b, "x"), actions);
    let told = RuleAction::emit("told", [a]);
    let both = undoes("three", vec![told.clone(), set(a, "y"), set(b, "y")]);
    let way = last_of(&kept_alike(), [vec![both], alike()].concat());
    let by = "sets itself off: two (actions[0]) → one (actions[0]) → two, since three (actions[1]) \
              takes back what two (actions[0]) does, and three (actions[2]) takes back what one \
              (actions[0]) does";
    assert_eq!(way.as_deref(), Some(by));
    // Whether it is undone or not, one that leads to itself is refused.
    let own = define("one", On::changed(a), set(a, "x"));
    let way = last_of(&kept_alike(), vec![define("two", On::becomes(a, "x"), set(a, "y")), own]);
    assert_eq!(way.as_deref(), Some("sets itself off: one (actions[0]) → one"));
}

/// What a rule waits for, and what two do then.
type Happening = (RuleTrigger, [RuleAction; 2]);

/// Three times what sets rules off, with an action that undoes it, and one that makes it again.
fn undone_and_made_again() -> [Happening; 3] {
    let from = RuleTrigger::AttributeChanged(crm_core::OnAttribute {
        attribute: "source".into(),
        from: Some("x".into()),
        to: None,
    });
    let (set, list) = (|value: &str| RuleAction::set("source", value), "vip");
    [
        (RuleTrigger::left(list), [RuleAction::add_to(list), RuleAction::remove_from(list)]),
        (from, [set("x"), set("y")]),
        (RuleTrigger::stage_left("way", "b"), [move_to("way", "b"), move_to("way", "back")]),
    ]
}

/// As `kept_alike`, with stages from each of which moves lead to others.
fn with_ways() -> Crm {
    let crm = kept_alike();
    let beside = |name: &str, kind| Stage { automatic_exit: true, ..Stage::new(name).kind(kind) };
    let stages = [
        Stage::new("a"),
        Stage::new("b"),
        beside("lost", StageKind::Lost),
        beside("back", StageKind::Side),
    ];
    crm.lifecycles().define(DefineLifecycle::new("way", "contact", stages)).unwrap();
    crm
}

#[test]
fn rules_that_the_same_sets_off_go_round_if_one_undoes_what_the_other_makes_again() {
    for (on, [undo, again]) in undone_and_made_again() {
        let two = |first: &RuleAction, next: &RuleAction| {
            let all = [("one", first), ("two", next)];
            all.map(|(name, action)| define(name, on.clone(), action.clone())).to_vec()
        };
        let way = last_of(&with_ways(), two(&undo, &again));
        let by = "sets itself off: two (actions[0]) → two, since one (actions[0]) takes back what two \
                  (actions[0]) does";
        assert_eq!(way.as_deref(), Some(by), "{on:?}");
        // The other way round as well, for the record may be found undone once.
        let [one, other] = two(&again, &undo).try_into().unwrap();
        let crm = with_ways();
        crm.rules().define(one).unwrap();
        let error = crm.rules().define(other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DefinitionConflict, "{error}");
        let (alone, both) = (define("one", on.clone(), again.clone()), [again, undo.clone()]);
        assert_eq!(last_of(&with_ways(), vec![alone]), None, "{on:?}");
        // What one rule makes again and then undoes ends, unless another one ever undoes it first.
        let both = || DefineRule::new("two", "contact", on.clone(), both.clone());
        assert_eq!(last_of(&with_ways(), vec![both()]), None, "{on:?}");
        let first = define("one", RuleTrigger::changed("locale"), undo);
        assert!(last_of(&with_ways(), vec![first, both()]).is_some(), "{on:?}");
    }
}

#[test]
fn a_move_leaves_the_stage_on_which_the_rule_found_the_record() {
    let moves = |on: RuleTrigger, to: &str| define(to, on, move_to("way", to));
    let entered = |stage: &str| RuleTrigger::stage_entered("way", stage);
    let left = |stage: &str| RuleTrigger::stage_left("way", stage);
    let two = || vec![moves(entered("lost"), "back"), moves(left("b"), "lost")];
    let crm = with_ways();
    assert_eq!(last_of(&crm, two()), None);
    let id = crm.contacts().create(values! {}).unwrap().id;
    crm.lifecycles().move_to(crm_core::MoveStage::new("way", id, "b")).unwrap();
    crm.lifecycles()
        .move_to(crm_core::MoveStage::new("way", id, "lost").because("said so"))
        .unwrap();
    assert_eq!((runs(&crm, "back").len(), runs(&crm, "lost").len()), (2, 1));
    assert!(runs(&crm, "back").iter().all(|run| run.skipped.is_none()));
    // It may be on another one by then: of the same round, or because a trigger led it there.
    let mut three = two();
    three.insert(0, moves(entered("lost"), "b"));
    assert!(last_of(&with_ways(), three).is_some());
    assert!(last_of(&with_ways(), vec![two().remove(0), moves(left("lost"), "lost")]).is_some());
    let crm = with_ways();
    let mut way = crm.lifecycles().get("way").unwrap();
    way.stages.truncate(4);
    let trigger = StageTrigger::when("b", "email is set".parse().unwrap());
    let triggers = vec![trigger];
    let way = DefineLifecycle { triggers, ..DefineLifecycle::new("way", "contact", way.stages) };
    crm.lifecycles().define(way).unwrap();
    assert!(last_of(&crm, two()).is_some());
}

fn kept_alike() -> Crm {
    let crm = open();
    by_hand(&crm, "vip");
    let shown = Attribute {
        formula: Some("concat(source, \".\")".into()),
        ..Attribute::new("shown", Kind::Text)
    };
    crm.types().define_attribute("contact", shown).unwrap();
    crm
}

#[test]
fn a_rule_that_waits_for_exactly_what_it_writes_is_taken() {
    let crm = kept_alike();
    let set = |value: &str| RuleAction::set("source", value);
    let becomes = || RuleTrigger::becomes("source", "x");
    rule(&crm, "same", becomes(), [set("x")]);
    let on = || RuleTrigger::stage_entered("contact", "mql");
    rule(&crm, "stays", on(), [RuleAction::move_to("contact", "mql")]);
    crm.contacts().create(values! { "source" => "x" }).unwrap();
    assert_eq!(runs(&crm, "same").len(), 1);
    // Not so if something takes it back in between: it itself, or a rule that it sets off.
    let twice = DefineRule::new("same", "contact", becomes(), [set("y"), set("x")]);
    assert!(crm.rules().define(twice).is_err());
    let from = RuleTrigger::AttributeChanged(crm_core::OnAttribute {
        attribute: "source".into(),
        from: Some("x".into()),
        to: None,
    });
    let back = |on: &RuleTrigger, actions| DefineRule::new("back", "contact", on.clone(), actions);
    refused(&crm, back(&from, [set("x"), set("y")]));
    refused(&crm, back(&from, [set("x"), RuleAction::calculate("source", "job_title")]));
    crm.rules().define(back(&from, [set("y"), set("z")])).unwrap();
    let left = RuleTrigger::stage_left("contact", "mql");
    let moves = |to: [&str; 2]| to.map(|to| move_to("contact", to));
    refused(&crm, back(&left, moves(["mql", "churned"])));
    crm.rules().define(back(&left, moves(["mql", "sql"]))).unwrap();
    crm.rules().archive("back").unwrap();
    let error = crm.rules().define(define("other", becomes(), set("y"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    let way = "sets itself off: same (actions[0]) → same, since other (actions[0]) takes back what \
               same (actions[0]) does";
    assert!(error.message().ends_with(way), "{error}");
    verify(&crm);
}

#[test]
fn moves_that_only_go_forward_end_and_those_through_a_stage_beside_the_way_do_not() {
    let reached = |stage: &str| RuleTrigger::stage_entered("way", stage);
    let moves =
        |on: &str, to: &str| define(&format!("{on}_to_{to}"), reached(on), move_to("way", to));
    let any = |to: &str| define("any", RuleTrigger::changed("source"), move_to("way", to));
    let formula = RuleAction::calculate("source", "concat(source, \"!\")");
    let sets = |on: &str| define("sets", reached(on), formula.clone());
    for (nth, (rules, is_taken)) in [
        (vec![moves("b", "c"), moves("c", "b")], true),
        (vec![moves("a", "b"), moves("b", "c"), moves("c", "a")], true),
        // From held and gone only people lead.
        (vec![moves("b", "held"), moves("held", "b")], true),
        (vec![moves("b", "gone"), moves("gone", "b")], true),
        (vec![moves("b", "held"), moves("held", "back"), moves("back", "b")], true),
        (vec![moves("b", "back"), moves("back", "b")], false),
        (vec![moves("a", "b"), moves("b", "lost"), moves("lost", "a")], false),
        (vec![moves("back", "lost"), moves("lost", "back")], false),
        // A stage is come to once, though the value changes each time.
        (vec![any("b"), sets("b")], true),
        (vec![any("lost"), sets("lost")], true),
        (vec![any("b"), moves("b", "lost"), sets("lost")], false),
    ]
    .into_iter()
    .enumerate()
    {
        let crm = open();
        let beside = |name: &str, kind, automatic_exit| Stage {
            automatic_exit,
            ..Stage::new(name).kind(kind)
        };
        let stages = [
            Stage::new("a"),
            Stage::new("b"),
            Stage::new("c").kind(StageKind::Won),
            beside("lost", StageKind::Lost, true),
            beside("gone", StageKind::Lost, false),
            beside("back", StageKind::Side, true),
            beside("held", StageKind::Side, false),
        ];
        crm.lifecycles().define(DefineLifecycle::new("way", "contact", stages)).unwrap();
        let way = last_of(&crm, rules);
        assert_eq!(way.is_none(), is_taken, "{nth}: {way:?}");
    }
}

#[test]
fn a_round_by_way_of_a_segment_that_asks_for_stages_ends_where_moves_only_go_forward() {
    for (other, is_taken) in [("c", true), ("back", false), ("held", true)] {
        let crm = open();
        let beside = |name: &str, automatic_exit| Stage {
            automatic_exit,
            ..Stage::new(name).kind(StageKind::Side)
        };
        let stages = [
            Stage::new("b"),
            Stage::new("c").kind(StageKind::Won),
            beside("back", true),
            beside("held", false),
        ];
        crm.lifecycles().define(DefineLifecycle::new("way", "contact", stages)).unwrap();
        crm.segments().define(live("early", "stage(eq \"b\" in \"way\")")).unwrap();
        crm.segments().define(live("very_early", "in segment \"early\"")).unwrap();
        let on = define("on", RuleTrigger::entered("very_early"), move_to("way", other));
        let back = define("off", RuleTrigger::left("very_early"), move_to("way", "b"));
        let way = last_of(&crm, vec![on, back]);
        assert_eq!(way.is_none(), is_taken, "{other}: {way:?}");
    }
}

#[test]
fn what_two_actions_decide_together_follows_from_the_second() {
    let crm = open();
    let german = "country = \"DE\" and source = \"gold\"";
    crm.segments().define(live("german_gold", german)).unwrap();
    let set = RuleAction::set;
    let on = [set("country", "DE"), RuleAction::emit("told", ["email"]), set("source", "gold")];
    let back = DefineRule::new("back", "contact", RuleTrigger::left("german_gold"), on.clone());
    rule(&crm, "out", RuleTrigger::entered("german_gold"), [set("country", "FR")]);
    let (field, message) = refused(&crm, back.clone());
    assert_eq!(field, "actions[2].set_attribute");
    let way = "sets itself off: back (actions[2]) → segment \"german_gold\" → out (actions[0]) → \
               segment \"german_gold\" → back";
    assert_eq!(message, way);
    // Not if a later one takes it back, nor if it is not decided without the record.
    let taken = [&on[..], &[set("source", "silver")]].concat();
    crm.rules().define(DefineRule { actions: taken, dry_run: true, ..back.clone() }).unwrap();
    let more = live("german_gold", "country = \"DE\" and source = \"gold\" and email is set");
    crm.segments().define(more).unwrap();
    crm.rules().define(back).unwrap();
}

#[test]
fn a_task_for_each_task_of_a_segment_is_refused_though_two_tasks_are_not_one() {
    let crm = open();
    let segment = |text: &str| DefineSegment::live("urgent", "task", text.parse().unwrap());
    crm.segments().define(segment("title = \"a\"")).unwrap();
    let task = |title: &str, body: &str| match RuleAction::task(title) {
        RuleAction::CreateTask(task) => {
            RuleAction::CreateTask(crm_core::CreateTask { body: Some(body.into()), ..task })
        }
        other => other,
    };
    let actions = [task("a", "x"), task("b", "y")];
    let more = DefineRule::new("more", "task", RuleTrigger::entered("urgent"), actions);
    let (field, message) = refused(&crm, more.clone());
    assert_eq!(field, "actions[0].create_task");
    assert_eq!(message, "sets itself off: more (actions[0]) → segment \"urgent\" → more");
    crm.segments().define(segment("title = \"a\" and body = \"y\"")).unwrap();
    crm.rules().define(more).unwrap();
}

#[test]
fn a_rule_whose_restoring_closes_a_round_is_named_with_what_can_be_done() {
    let crm = open();
    let copy = |of: &str, to: &str| RuleAction::calculate(to, format!("concat({of}, \"+\")"));
    let (one, other) = ("source", "job_title");
    rule(&crm, "b", RuleTrigger::changed(one), [copy(one, other)]);
    crm.rules().archive("b").unwrap();
    rule(&crm, "a", RuleTrigger::changed(other), [copy(other, one)]);
    let error = crm.rules().restore("b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    assert_eq!(error.field(), Some("b.actions[0].set_attribute"));
    let way = "the rule \"b\" would not hold: sets itself off: b (actions[0]) → a (actions[0]) → b";
    assert_eq!(error.message(), way);
    assert!(error.hint().unwrap().starts_with("change or archive another rule"), "{error}");
    assert!(crm.rules().get("b").unwrap().archived_at.is_some());
    crm.rules().archive("a").unwrap();
    crm.rules().restore("b").unwrap();
    // One that only takes back what others write is not part of the way.
    rule(&crm, "c", RuleTrigger::becomes("locale", "de"), [RuleAction::set("locale", "de")]);
    crm.rules().archive("c").unwrap();
    rule(&crm, "d", RuleTrigger::becomes("locale", "de"), [RuleAction::set("locale", "fr")]);
    assert_eq!(crm.rules().restore("c").unwrap_err().field(), Some("c.actions[0].set_attribute"));
    crm.rules().archive("d").unwrap();
    crm.rules().restore("c").unwrap();
    let error = crm.rules().restore("d").unwrap_err();
    assert_eq!(error.field(), Some("c.actions[0].set_attribute"));
    assert_eq!(error.hint(), Some("change or archive the rule first"));
    verify(&crm);
}

#[test]
fn rules_that_make_the_conditions_of_triggers_true_in_turn_are_refused() {
    let crm = open();
    let gone = Stage { automatic_exit: true, ..Stage::new("gone").kind(StageKind::Lost) };
    let stages = [Stage::new("lead"), Stage::new("buys").kind(StageKind::Won), gone];
    let when = |to: &str, text: &str| StageTrigger {
        reason: Some("said so".into()),
        ..StageTrigger::when(to, text.parse().unwrap())
    };
    let triggers = vec![when("buys", "source = \"won\""), when("gone", "source = \"lost\"")];
    // By themselves they exclude each other.
    let plan = DefineLifecycle { triggers, ..DefineLifecycle::new("plan", "contact", stages) };
    crm.lifecycles().define(plan).unwrap();
    let set = |on: &str, value: &str| {
        define(on, RuleTrigger::stage_entered("plan", on), RuleAction::set("source", value))
    };
    crm.rules().define(set("buys", "lost")).unwrap();
    let (_, message) = refused(&crm, set("gone", "won"));
    let way = "sets itself off: gone (actions[0]) → lifecycle \"plan\" → buys (actions[0]) → \
               lifecycle \"plan\" → gone";
    assert_eq!(message, way);
    crm.rules().define(set("lead", "won")).unwrap();
    verify(&crm);
}

/// As an engine may have taken them that saw less: each of two rounds can be mended, whatever the other is.
#[test]
fn rounds_that_a_file_has_stop_nobody_else() {
    let folder = Folder::new();
    let crm = folder.open();
    let out = |n: u8| {
        let list = format!("callers{n}");
        define(&format!("out{n}"), RuleTrigger::entered(&list), RuleAction::remove_from(&list))
    };
    let back = |n: u8, to: &str| {
        let on = RuleTrigger::left(format!("callers{n}"));
        define(&format!("back{n}"), on, RuleAction::add_to(format!("{to}{n}")))
    };
    for n in [0, 1] {
        by_hand(&crm, &format!("callers{n}"));
        by_hand(&crm, &format!("keepers{n}"));
        crm.rules().define(out(n)).unwrap();
        crm.rules().define(back(n, "keepers")).unwrap();
        refused(&crm, back(n, "callers"));
    }
    drop(crm);
    let mut bytes = std::fs::read(folder.path()).unwrap();
    let (from, to) = (
        b"\"add_to_segment\":{\"segment\":\"keepers",
        b"\"add_to_segment\":{\"segment\":\"callers",
    );
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(places.len() >= 2);
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    std::fs::write(folder.path(), bytes).unwrap();

    let crm = folder.open();
    crm.types().define_attribute("contact", Attribute::new("b", Kind::Text)).unwrap();
    crm.rules()
        .define(define(
            "else",
            RuleTrigger::becomes("country", "DE"),
            RuleAction::emit("call", ["email"]),
        ))
        .unwrap();
    // Another round is not taken because there is one already, whichever is found first.
    let set = |name: &str, on: RuleTrigger, value: &str| {
        define(name, on, RuleAction::set("source", value))
    };
    crm.segments().define(live("late", "source = \"p\"")).unwrap();
    crm.rules().define(set("za", RuleTrigger::entered("late"), "q")).unwrap();
    let zb = || set("zb", RuleTrigger::left("late"), "p");
    let (_, message) = refused(&crm, zb());
    let way = "zb (actions[0]) → segment \"late\" → za (actions[0]) → segment \"late\" → zb";
    assert!(message.ends_with(way), "{message}");
    crm.segments().define(live("late", "country = \"FR\"")).unwrap();
    crm.rules().define(zb()).unwrap();
    let error = crm.segments().define(live("late", "source = \"p\"")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    assert_eq!(error.field(), Some("za.actions[0].set_attribute"));
    let way = "za (actions[0]) → segment \"late\" → zb (actions[0]) → segment \"late\" → za";
    assert!(error.message().ends_with(way), "{error}");
    let relabelled = DefineRule { label: "Back".into(), ..back(0, "callers") };
    let (field, message) = refused(&crm, relabelled);
    assert_eq!(field, "actions[0].add_to_segment");
    assert!(message.contains("back0 (actions[0]) → out0"), "{message}");
    by_hand(&crm, "callers2");
    crm.rules().define(out(2)).unwrap();
    refused(&crm, back(2, "callers"));
    crm.rules().archive("out0").unwrap();
    crm.rules().define(back(1, "keepers")).unwrap();
    let error = crm.rules().restore("out0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
}
