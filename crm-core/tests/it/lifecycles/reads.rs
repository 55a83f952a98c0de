//! What lifecycles tell: conditions on stages, times, funnels, who is stuck, hand-overs, words and
//! drawings.

use crm_core::{
    Condition, Crm, DefineLifecycle, DrawLifecycle, DrawingFormat, ErrorKind, ExplainStage,
    FindStuck, GetAcceptance, GetFunnel, GetLifecycleHistory, GetStageTimes, ListRecords, MoveKind,
    MoveStage, RecordId, ResetStage, Stage, StageCause, StageDecision, StageKind, StageMachine,
    StageOperator, StagePlace, StageTrigger, Timestamp, values,
};

use super::{contact, go, open};

const DAY: i64 = 86_400_000_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(1_704_067_200_000_000 + day * DAY).unwrap()
}

/// Moves a record on a day of January 2024, counted from 0.
fn on(crm: &Crm, id: RecordId, to: &str, day: i64) {
    let request = MoveStage { at: Some(at(day)), ..MoveStage::new("contact", id, to) };
    assert!(crm.lifecycles().move_to(request.because("x")).unwrap().is_moved, "{to}");
}

fn found(crm: &Crm, condition: &str) -> Vec<RecordId> {
    let condition = Some(condition.parse::<Condition>().unwrap());
    let page = crm.list_records(&ListRecords { condition, ..ListRecords::new("contact") }).unwrap();
    page.records.iter().map(|record| record.id).collect()
}

#[test]
fn conditions_ask_for_stages() {
    let crm = open();
    let ids = ["lead", "mql", "customer", "churned", ""].map(|stage| {
        let id = contact(&crm);
        if !stage.is_empty() {
            go(&crm, "contact", id, stage);
        }
        id
    });
    let [lead, mql, customer, churned, none] = ids;
    for (text, expected) in [
        (r#"stage(eq "mql")"#, vec![mql]),
        (r#"stage(neq "mql")"#, vec![lead, customer, churned]),
        (r#"stage(at_least "mql")"#, vec![mql, customer]),
        (r#"stage(at_most "mql" in "contact")"#, vec![lead, mql]),
        (r#"not stage(at_least "mql")"#, vec![lead, churned, none]),
        (r#"stage(eq "churned") or stage(eq "lead")"#, vec![lead, churned]),
    ] {
        assert_eq!(found(&crm, text), expected, "{text}");
    }
    // Of related records as well.
    let deal = values! { "name" => "A", "contact" => customer };
    let deal = crm.deals().create(deal).unwrap().id;
    let condition = r#"related(contact: stage(at_least "customer")) and stage(eq "prospecting")"#;
    let condition = Some(condition.parse().unwrap());
    let page = crm.list_records(&ListRecords { condition, ..ListRecords::new("deal") }).unwrap();
    assert_eq!(page.records[0].id, deal);
}

#[test]
fn a_condition_on_a_stage_is_refused_with_its_path() {
    let crm = open();
    let extra = DefineLifecycle::new("service", "contact", [Stage::new("new")]);
    for (text, kind, field, hint) in [
        (
            r#"stage(eq "mgl")"#,
            ErrorKind::UnknownOption,
            "where.stage.value",
            "did you mean \"mql\"?",
        ),
        (
            r#"stage(at_least "lost")"#,
            ErrorKind::InvalidArgument,
            "where.stage.op",
            "compare with eq",
        ),
        (
            r#"stage(eq "mql" in "contakt")"#,
            ErrorKind::NotFound,
            "where.stage.lifecycle",
            "did you mean \"contact\"?",
        ),
    ] {
        let condition = Some(text.parse().unwrap());
        let list = ListRecords { condition, ..ListRecords::new("contact") };
        let error = crm.list_records(&list).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{text}");
        assert_eq!(error.hint(), Some(hint));
    }
    crm.lifecycles().define(extra).unwrap();
    let condition = Some(Condition::stage(StageOperator::Eq, "mql"));
    let list = ListRecords { condition, ..ListRecords::new("contact") };
    let error = crm.list_records(&list).unwrap_err();
    assert_eq!(error.hint(), Some("name one of contact, service"));
    let condition = Condition::stage(StageOperator::Eq, "mql").of_lifecycle("contact");
    let list = ListRecords { condition: Some(condition), ..ListRecords::new("contact") };
    assert!(crm.list_records(&list).unwrap().records.is_empty());
}

#[test]
fn a_stage_of_one_lifecycle_may_lead_on_in_another() {
    let crm = open();
    let mut service = DefineLifecycle::new("service", "contact", ["new", "served"].map(Stage::new));
    let customer = r#"stage(at_least "customer" in "contact")"#.parse().unwrap();
    service.triggers = vec![StageTrigger::when("served", customer)];
    crm.lifecycles().define(service).unwrap();
    let id = contact(&crm);
    go(&crm, "contact", id, "customer");
    assert_eq!(super::stage(&crm, "service", id).as_deref(), Some("served"));
}

#[test]
fn times_tell_the_present_stay_the_last_one_and_all() {
    let crm = open();
    let id = contact(&crm);
    on(&crm, id, "mql", 0);
    on(&crm, id, "sql", 3);
    let reset = ResetStage { at: Some(at(4)), ..ResetStage::new("contact", id, "mql", "x") };
    crm.lifecycles().reset(reset).unwrap();
    on(&crm, id, "sql", 5);
    let times = |day| {
        let request = GetStageTimes { at: Some(at(day)), ..GetStageTimes::new("contact", id) };
        let stages = crm.lifecycles().times(&request).unwrap().stages.into_iter();
        let days = |micros: Option<i64>| micros.map(|micros| micros / DAY);
        stages
            .map(|stage| {
                let closed = stage.cumulative_micros / DAY;
                let (now, last) = (days(stage.current_micros), days(stage.latest_micros));
                (stage.stage, stage.visits, now, last, closed)
            })
            .collect::<Vec<_>>()
    };
    let row = |stage: &str, visits, now, last, all| (stage.to_owned(), visits, now, last, all);
    assert_eq!(times(2), [row("mql", 1, Some(2), None, 0)], "empty while the first stay lasts");
    assert_eq!(times(3), [row("mql", 1, None, Some(3), 3), row("sql", 1, Some(0), None, 0)]);
    assert_eq!(times(9), [row("mql", 2, None, Some(1), 4), row("sql", 2, Some(4), Some(1), 1)]);
}

#[test]
fn a_funnel_counts_each_journey_once() {
    let crm = open();
    let [ann, bob, eve, old] = [0; 4].map(|_| contact(&crm));
    on(&crm, old, "lead", -10);
    on(&crm, ann, "subscriber", 0);
    on(&crm, ann, "lead", 2);
    on(&crm, ann, "customer", 4);
    on(&crm, bob, "lead", 0);
    on(&crm, bob, "mql", 4);
    on(&crm, eve, "lead", 1);
    on(&crm, eve, "lost", 2);
    let request = GetFunnel {
        from: Some(at(0)),
        until: Some(at(5)),
        quantiles: vec![0.0, 1.0],
        ..GetFunnel::new("contact")
    };
    let funnel = crm.lifecycles().funnel(&request).unwrap();
    assert_eq!((funnel.entered, funnel.stages.len()), (3, 7));
    let lead = &funnel.stages[1];
    assert_eq!(
        (lead.reached, lead.implied, lead.went_on, lead.lost, lead.waiting),
        (3, 0, 2, 1, 0)
    );
    assert_eq!((lead.share, lead.conversion), (Some(1.0), Some(2.0 / 3.0)));
    assert_eq!(lead.median_micros, Some(3 * DAY));
    assert_eq!(lead.quantile_micros, [2 * DAY, 4 * DAY]);
    let mql = &funnel.stages[2];
    assert_eq!((mql.reached, mql.implied, mql.went_on, mql.waiting), (2, 1, 1, 1));
    assert_eq!((mql.median_micros, mql.quantile_micros.len()), (None, 0));
    assert_eq!(funnel.stages[5].reached, 1);
    // A win-back is a journey of its own.
    on(&crm, eve, "lead", 3);
    assert_eq!(crm.lifecycles().funnel(&request).unwrap().entered, 4);
    crm.records("contact").archive(bob, None).unwrap();
    let of = |condition: &str| {
        let condition = Some(condition.parse().unwrap());
        crm.lifecycles().funnel(&GetFunnel { condition, ..request.clone() })
    };
    let qualified = of("stage(at_least \"mql\")").unwrap();
    assert_eq!((qualified.entered, qualified.stages[2].reached), (2, 2), "archived ones count");
    assert_eq!(of("stage(eq \"lost\")").unwrap().entered, 0, "who was won back is not lost now");
    let error = of("shoe_size = 44").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownAttribute, Some("where.field")));
    let nobody = GetFunnel { from: Some(at(50)), ..GetFunnel::new("contact") };
    let nobody = crm.lifecycles().funnel(&nobody).unwrap();
    assert_eq!((nobody.entered, nobody.stages[0].share), (0, None));
    let bad = GetFunnel { quantiles: vec![0.5, f64::NAN], ..GetFunnel::new("contact") };
    let error = crm.lifecycles().funnel(&bad).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("quantiles[1]")));
}

#[test]
fn what_is_lost_stays_so_beside_the_way_and_counts_for_its_own_cycle() {
    let crm = open();
    let stages = [
        Stage::new("a"),
        Stage::new("lost").kind(StageKind::Lost),
        Stage::new("hold").kind(StageKind::Side),
    ];
    crm.lifecycles().define(DefineLifecycle::new("way", "contact", stages)).unwrap();
    let id = contact(&crm);
    let go = |to: &str, day| {
        let request = MoveStage { at: Some(at(day)), ..MoveStage::new("way", id, to) };
        crm.lifecycles().move_to(request.because("x")).unwrap().standing.cycle
    };
    let figures = || {
        let funnel = crm.lifecycles().funnel(&GetFunnel::new("way")).unwrap();
        let a = &funnel.stages[0];
        (a.reached, a.lost, a.waiting)
    };
    assert_eq!((go("a", 0), figures()), (1, (1, 0, 1)));
    assert_eq!((go("lost", 1), figures()), (1, (1, 1, 0)));
    assert_eq!((go("hold", 2), figures()), (1, (1, 1, 0)));
    assert_eq!((go("a", 3), figures()), (2, (2, 1, 1)));
}

#[test]
fn a_funnel_measures_from_when_a_stage_was_really_stood_on() {
    let crm = open();
    let stages = ["a", "b", "c"].map(Stage::new);
    crm.lifecycles().define(DefineLifecycle::new("way", "contact", stages)).unwrap();
    let id = contact(&crm);
    let go = |to: &str, day| {
        let request = MoveStage { at: Some(at(day)), ..MoveStage::new("way", id, to) };
        crm.lifecycles().move_to(request).unwrap();
    };
    let medians = || {
        let funnel = crm.lifecycles().funnel(&GetFunnel::new("way")).unwrap();
        funnel.stages.iter().map(|stage| (stage.went_on, stage.median_micros)).collect::<Vec<_>>()
    };
    go("a", 0);
    go("c", 1);
    let back = ResetStage { at: Some(at(2)), ..ResetStage::new("way", id, "b", "x") };
    crm.lifecycles().reset(back).unwrap();
    assert_eq!(medians(), [(1, Some(DAY)), (1, None), (0, None)]);
    go("c", 12);
    assert_eq!(medians(), [(1, Some(DAY)), (1, Some(10 * DAY)), (0, None)]);
}

#[test]
fn who_is_stuck_is_listed_the_longest_first() {
    let crm = open();
    let [ann, bob, eve, won, gone] = [0; 5].map(|_| contact(&crm));
    on(&crm, ann, "mql", 1);
    on(&crm, bob, "lead", 0);
    on(&crm, eve, "lead", 9);
    on(&crm, won, "customer", 0);
    on(&crm, gone, "lead", 0);
    crm.contacts().archive(gone, None).unwrap();
    let request = FindStuck { at: Some(at(10)), ..FindStuck::new("contact", "7d") };
    let page = crm.lifecycles().stuck(&request).unwrap();
    let found: Vec<_> = page.records.iter().map(|one| (one.id, one.micros / DAY)).collect();
    assert_eq!(found, [(bob, 10), (ann, 9)]);
    let one = FindStuck { limit: 1, ..request.clone() };
    let first = crm.lifecycles().stuck(&one).unwrap();
    let second = FindStuck { after: first.next, ..one.clone() };
    let second = crm.lifecycles().stuck(&second).unwrap();
    assert_eq!((second.records[0].id, second.next), (ann, None));
    let only = FindStuck { stages: vec!["mql".into()], ..request.clone() };
    assert_eq!(crm.lifecycles().stuck(&only).unwrap().records.len(), 1);
    for (request, kind, field) in [
        (
            FindStuck { stages: vec!["x".into()], ..request.clone() },
            ErrorKind::UnknownOption,
            "stages[0]",
        ),
        (
            FindStuck { longer_than: "soon".into(), ..request.clone() },
            ErrorKind::InvalidValue,
            "longer_than",
        ),
        (FindStuck { limit: 0, ..request.clone() }, ErrorKind::InvalidArgument, "limit"),
        (
            FindStuck { after: Some("x".into()), ..request.clone() },
            ErrorKind::InvalidArgument,
            "after",
        ),
        (FindStuck { lifecycle: "x".into(), ..request }, ErrorKind::NotFound, "lifecycle"),
    ] {
        let error = crm.lifecycles().stuck(&request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
}

#[test]
fn a_hand_over_has_a_clock() {
    let crm = open();
    let [fast, slow, refused, open_, new] = [0; 5].map(|_| contact(&crm));
    for id in [fast, slow, refused, open_] {
        on(&crm, id, "mql", 0);
    }
    on(&crm, new, "mql", 9);
    on(&crm, fast, "sql", 1);
    on(&crm, slow, "opportunity", 3);
    on(&crm, refused, "disqualified", 1);
    let request =
        GetAcceptance { at: Some(at(10)), ..GetAcceptance::new("contact", "mql", "PT24H") };
    let answer = crm.lifecycles().acceptance(&request).unwrap();
    assert_eq!(answer.entered, 5);
    assert_eq!((answer.in_time, answer.late, answer.waiting, answer.overdue), (2, 1, 1, 1));
    assert_eq!(answer.median_micros, Some(DAY));
    let late: Vec<_> =
        answer.breaches.iter().map(|one| (one.id, one.exited_at, one.late_micros / DAY)).collect();
    assert_eq!(late, [(slow, Some(at(3)), 2), (open_, None, 9)]);
    // Asked on an earlier day, it says what was known then.
    let then = GetAcceptance { at: Some(at(2)), ..request.clone() };
    let then = crm.lifecycles().acceptance(&then).unwrap();
    assert_eq!((then.entered, then.in_time, then.late, then.overdue), (4, 2, 0, 2));
    let page = GetAcceptance { limit: 1, ..request.clone() };
    let next = crm.lifecycles().acceptance(&page).unwrap().next;
    let page = crm.lifecycles().acceptance(&GetAcceptance { after: next, ..page }).unwrap();
    assert_eq!((page.breaches[0].id, page.next), (open_, None));
    // Only who comes to the stage, or farther, is taken on; who is lost is answered otherwise.
    let sql = GetAcceptance { to: Some("sql".into()), ..request.clone() };
    let answer = crm.lifecycles().acceptance(&sql).unwrap();
    let counts = [answer.in_time, answer.late, answer.declined, answer.waiting, answer.overdue];
    assert_eq!((answer.entered, counts), (5, [1, 1, 1, 1, 1]));
    assert_eq!(answer.median_micros, Some(2 * DAY));
    let late: Vec<_> = answer.breaches.iter().map(|one| (one.id, one.exited_at)).collect();
    assert_eq!(late, [(slow, Some(at(3))), (open_, None)]);
    // A stage between decides nothing, and what is put back is not taken on.
    let far = GetAcceptance { to: Some("opportunity".into()), ..request.clone() };
    let answer = crm.lifecycles().acceptance(&far).unwrap();
    let counts = [answer.in_time, answer.late, answer.declined, answer.waiting, answer.overdue];
    assert_eq!(counts, [0, 1, 1, 1, 2]);
    let back =
        ResetStage { at: Some(at(4)), ..ResetStage::new("contact", fast, "lead", "too early") };
    crm.lifecycles().reset(back).unwrap();
    let answer = crm.lifecycles().acceptance(&far).unwrap();
    assert_eq!((answer.declined, answer.overdue), (2, 1));
    for to in ["mql", "lead", "disqualified", "sgl"] {
        let wrong = GetAcceptance { to: Some(to.into()), ..request.clone() };
        assert_eq!(crm.lifecycles().acceptance(&wrong).unwrap_err().field(), Some("to"), "{to}");
    }
    let month = GetAcceptance { within: "P1M".into(), ..request };
    let error = crm.lifecycles().acceptance(&month).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidValue, Some("within")));
}

#[test]
fn an_explanation_says_what_keeps_it_and_what_would_move_it() {
    let crm = Crm::in_memory().unwrap();
    let mut plan = DefineLifecycle::new(
        "plan",
        "contact",
        [
            Stage::new("trial"),
            Stage { required: vec!["email".into()], ..Stage::new("paying").kind(StageKind::Won) }
                .guard("country = \"DE\" and phone is set".parse().unwrap()),
            Stage::new("gone").kind(StageKind::Lost),
        ],
    );
    plan.initial = Some("trial".into());
    plan.triggers = vec![StageTrigger::when("paying", "source = \"shop\"".parse().unwrap())];
    crm.lifecycles().define(plan).unwrap();
    let id = crm.contacts().create(values! { "country" => "DE", "source" => "shop" }).unwrap().id;
    let asked = ExplainStage { lifecycle: "plan".into(), id };
    let answer = crm.lifecycles().explain(&asked).unwrap();
    assert_eq!(answer.visit.as_ref().unwrap().cause, StageCause::Initial);
    let [paying, gone] = &answer.next[..] else { panic!("{answer:?}") };
    assert_eq!((paying.stage.as_str(), paying.by_hand), ("paying", false));
    assert_eq!(paying.missing, ["email"]);
    let guard = paying.guard.as_ref().unwrap();
    assert_eq!(guard.leaves.iter().map(|leaf| leaf.is_true).collect::<Vec<_>>(), [true, false]);
    let trigger = &paying.triggers[0];
    assert_eq!(
        (trigger.cause, trigger.text.as_str()),
        (StageCause::Condition, "when source = \"shop\"")
    );
    assert!(trigger.condition.as_ref().unwrap().is_true);
    assert!(gone.by_hand && gone.triggers.is_empty());
    let lines: Vec<&str> = answer.text.lines().collect();
    assert!(lines[0].starts_with("It stands on trial since "), "{}", lines[0]);
    assert!(lines[0].ends_with(", in cycle 1, where new records begin."), "{}", lines[0]);
    assert_eq!(
        lines[1..],
        [
            "It did not move to paying (triggers[0]: when source = \"shop\"): it lacked email.",
            "To paying: it lacks email; the guard is not met, for this is not so: phone is set; \
             triggers[0] leads there: when source = \"shop\" (so now).",
            "To gone: a person can move it there.",
        ]
    );
    assert_eq!(answer.suppressed.len(), 1);
}

#[test]
fn a_drawing_is_the_same_each_time() {
    let crm = Crm::in_memory().unwrap();
    let mut plan = DefineLifecycle::new(
        "plan",
        "contact",
        [
            Stage { label: "Try \"it\"".into(), ..Stage::new("trial") },
            Stage::new("paying").kind(StageKind::Won).guard("email is set".parse().unwrap()),
            Stage::new("gone").kind(StageKind::Lost),
        ],
    );
    plan.initial = Some("trial".into());
    plan.triggers = vec![StageTrigger::when("paying", "source = \"a;b\"".parse().unwrap())];
    crm.lifecycles().define(plan).unwrap();
    let draw = |format| {
        let request = DrawLifecycle { lifecycle: "plan".into(), format };
        crm.lifecycles().draw(&request).unwrap().text
    };
    assert_eq!(
        draw(DrawingFormat::Mermaid),
        "stateDiagram-v2\n    direction LR\n    state \"plan\" as way {\n        \
         state \"Try #34;it#34;\" as s_trial\n        state \"paying\" as s_paying\n        \
         [*] --> s_trial\n        \
         s_trial --> s_paying : when source = #34;a#59;b#34; / if email is set\n    }\n    \
         state \"gone\" as s_gone\n    way --> s_gone\n    s_gone --> way : by hand, new cycle\n"
    );
    assert_eq!(
        draw(DrawingFormat::Dot),
        "digraph \"plan\" {\n    rankdir=LR; compound=true; node [shape=box, style=rounded];\n    \
         subgraph cluster_way { label=\"plan\";\n        \
         \"trial\" [label=\"Try \\\"it\\\"\"];\n        \
         \"paying\" [label=\"paying\", peripheries=2];\n        \
         \"trial\" -> \"paying\" [label=\"when source = \\\"a;b\\\"\\nif email is set\"];\n    }\n    \
         \"gone\" [label=\"gone\", style=dashed];\n    \
         \"paying\" -> \"gone\" [label=\"\", ltail=cluster_way];\n    \
         \"gone\" -> \"trial\" [label=\"by hand, new cycle\", lhead=cluster_way];\n}\n"
    );
}

#[test]
fn who_was_lost_before_any_stage_begins_a_new_cycle_wherever_it_stood_since() {
    let crm = open();
    let hold = Stage { automatic_exit: true, ..Stage::new("hold").kind(StageKind::Side) };
    let stages = [Stage::new("a"), Stage::new("lost").kind(StageKind::Lost), hold];
    let definition = DefineLifecycle {
        triggers: vec![StageTrigger::when("a", "source = \"back\"".parse().unwrap())],
        ..DefineLifecycle::new("way", "contact", stages)
    };
    crm.lifecycles().define(definition.clone()).unwrap();
    let machine = StageMachine::new(&definition.stages).unwrap();
    for (way, cycle) in [
        (&["a"][..], 1),
        (&["hold", "a"], 1),
        (&["lost", "a"], 2),
        (&["lost", "hold", "a"], 2),
        (&["hold", "lost", "hold", "a"], 2),
        (&["lost", "hold", "lost", "hold", "a"], 2),
    ] {
        for is_automatic in [false, true] {
            let (id, mut place) = (contact(&crm), StagePlace::default());
            for (day, to) in way.iter().enumerate() {
                let nth = definition.stages.iter().position(|stage| stage.name == *to).unwrap();
                let decision = machine.decide(place, u8::try_from(nth).unwrap(), MoveKind::Manual);
                let StageDecision::Enter { place: next, .. } = decision else { panic!() };
                place = next;
                if is_automatic && *to == "a" && way.iter().rev().nth(1) != Some(&"lost") {
                    crm.contacts().patch(id, values! { "source" => "back" }).unwrap();
                    continue;
                }
                let day = i64::try_from(day).unwrap();
                let request = MoveStage { at: Some(at(day)), ..MoveStage::new("way", id, *to) };
                crm.lifecycles().move_to(request.because("x")).unwrap();
            }
            let history = crm.lifecycles().history(&GetLifecycleHistory::new("way", id)).unwrap();
            assert_eq!(history.standing.stage.as_deref(), Some("a"), "{way:?}");
            assert_eq!((history.standing.cycle, place.cycle), (cycle, cycle), "{way:?}");
            let mut cycles = history.visits.iter().map(|visit| visit.cycle);
            assert!(cycles.by_ref().take(way.len() - 1).all(|one| one == 1), "{way:?}");
            assert_eq!(cycles.next(), Some(cycle), "{way:?}");
        }
    }
    let funnel = crm.lifecycles().funnel(&GetFunnel::new("way")).unwrap();
    let a = &funnel.stages[0];
    assert_eq!((funnel.entered, a.reached, a.lost, a.waiting), (12, 12, 0, 12));
    super::verify(&crm);
}
