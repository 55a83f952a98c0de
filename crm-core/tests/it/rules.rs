//! Rules: what sets them off, what they do, and what is kept of it.

mod definitions;
mod laws;
mod rounds;
mod segments;
mod simulation;

use crm_core::{
    ActionOutcome, ActivityPreset, AddAssociation, AssociationPreset, ChangeKind, Crm,
    DefineAssociationType, DefineRule, ErrorKind, FindRelated, Flow, GetLifecycleHistory, Kind,
    LifecyclePreset, ListChanges, ListRecords, ListRuleRuns, MoveStage, NewActivity, Preset,
    RecordId, ResetStage, RuleAction, RuleEventKind, RuleRun, RuleTrigger, SkippedRun, StageCause,
    Value, values,
};

/// A file with lifecycles of contacts and deals, tasks that are about both, and activities.
fn open() -> Crm {
    let crm = Crm::in_memory().unwrap();
    for preset in LifecyclePreset::ALL {
        crm.lifecycles().define_preset(*preset).unwrap();
    }
    crm.types().define_preset(Preset::Task).unwrap();
    crm.types().define_preset(Preset::Note).unwrap();
    crm.association_types().define_preset(AssociationPreset::About).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::EmailOpened).unwrap();
    crm
}

fn rule(crm: &Crm, name: &str, on: RuleTrigger, actions: impl IntoIterator<Item = RuleAction>) {
    crm.rules().define(DefineRule::new(name, "contact", on, actions)).unwrap();
}

fn contact(crm: &Crm) -> RecordId {
    crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id
}

fn get(crm: &Crm, id: RecordId, attribute: &str) -> Value {
    crm.contacts().get(id).unwrap().get(attribute).clone()
}

fn runs(crm: &Crm, rule: &str) -> Vec<RuleRun> {
    crm.rules().runs(&ListRuleRuns::new(rule)).unwrap().runs
}

fn outcomes(run: &RuleRun) -> Vec<ActionOutcome> {
    run.actions.iter().map(|action| action.outcome).collect()
}

fn verify(crm: &Crm) {
    assert_eq!(crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_change_of_an_attribute_sets_a_rule_off_from_and_to_a_value() {
    let crm = open();
    let from = RuleTrigger::AttributeChanged(crm_core::OnAttribute {
        attribute: "country".into(),
        from: Some("DE".into()),
        to: None,
    });
    rule(&crm, "arrived", RuleTrigger::becomes("country", "de"), [RuleAction::set("locale", "de")]);
    rule(&crm, "left", from, [RuleAction::set("source", "moved")]);
    // Creation is a change from no value.
    let id = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
    assert_eq!(get(&crm, id, "locale"), "de".into());
    assert_eq!(get(&crm, id, "source"), Value::Null);
    crm.contacts().patch(id, values! { "locale" => "fr" }).unwrap();
    crm.contacts().patch(id, values! { "country" => "DE" }).unwrap();
    assert_eq!(get(&crm, id, "locale"), "fr".into(), "nothing changed");
    crm.contacts().patch(id, values! { "country" => "FR" }).unwrap();
    assert_eq!(get(&crm, id, "source"), "moved".into());
    crm.contacts()
        .patch(id, values! { "source" => Value::Null, "country" => Value::Null })
        .unwrap();
    assert_eq!(get(&crm, id, "source"), Value::Null, "it was not there any more");
    assert_eq!((runs(&crm, "arrived").len(), runs(&crm, "left").len()), (1, 1));
    verify(&crm);
}

#[test]
fn what_a_rule_changes_has_the_rule_as_its_cause_and_the_writer_as_its_actor() {
    let crm = open();
    let actions = || [RuleAction::set("locale", "de"), RuleAction::emit("welcome", ["email"])];
    rule(&crm, "german", RuleTrigger::becomes("country", "DE"), actions());
    let ann = crm.acting_as("user:ann", Some("a call")).unwrap();
    let before = crm.journal().changes(&ListChanges::after(0)).unwrap().next;
    let given = values! { "country" => "DE", "email" => "ann@example.org" };
    let made = ann.contacts().create(given).unwrap();
    assert_eq!(
        (made.version, made.get("locale")),
        (2, &"de".into()),
        "it is answered as it is now"
    );

    let changes = crm.journal().changes(&ListChanges::after(before)).unwrap().changes;
    let told: Vec<_> = changes.iter().map(|c| (c.kind, c.cause.as_deref(), &*c.actor)).collect();
    let cause = Some("rule:german@1");
    assert_eq!(
        told,
        [
            (ChangeKind::RecordCreated, Some("a call"), "user:ann"),
            (ChangeKind::RecordPatched, cause, "user:ann"),
            (ChangeKind::EventEmitted, cause, "user:ann"),
            (ChangeKind::RuleRan, cause, "user:ann"),
        ]
    );
    let event = &changes[2];
    assert_eq!((event.entity_type.as_deref(), event.record_id), (Some("contact"), Some(made.id)));
    let body: serde_json::Value = serde_json::from_str(event.definition.as_ref().unwrap()).unwrap();
    assert_eq!(body["event"], "welcome");
    assert_eq!(body["values"], serde_json::json!({ "email": "ann@example.org" }));
    let clouds = crm.journal().cloud_events(&ListChanges::after(before)).unwrap().events;
    assert_eq!(clouds[2].event_type, "crm.event.emitted");
    assert_eq!(clouds[2].subject, Some(format!("contact/{}", made.id)));

    let [run] = &runs(&crm, "german")[..] else { panic!() };
    assert_eq!(
        (run.event.kind, run.event.seq),
        (RuleEventKind::AttributeChanged, Some(before + 1))
    );
    assert_eq!((run.first_seq, run.seq), (before + 2, before + 4));
    assert_eq!((run.record.id, &*run.actor, run.version), (made.id, "user:ann", 1));
    assert_eq!(outcomes(run), [ActionOutcome::Done; 2]);
    // A new version is told apart.
    let on = RuleTrigger::becomes("country", "DE");
    let changed = DefineRule::new("german", "contact", on, [RuleAction::emit("hello", ["email"])]);
    assert_eq!(crm.rules().define(changed).unwrap().rule.version, 2);
    crm.contacts().create(values! { "country" => "DE" }).unwrap();
    assert_eq!(runs(&crm, "german").last().unwrap().version, 2);
    verify(&crm);
}

#[test]
fn a_formula_sees_the_record_as_the_actions_before_have_left_it() {
    let crm = open();
    let greeting = crm_core::Attribute::new("greeting", Kind::Text);
    crm.types().define_attribute("contact", greeting).unwrap();
    let actions = [
        RuleAction::set("source", "web"),
        RuleAction::calculate("greeting", "concat(given_name, \" from \", source)"),
    ];
    rule(&crm, "greet", RuleTrigger::changed("given_name"), actions);
    let id = contact(&crm);
    assert_eq!(get(&crm, id, "greeting"), "Ann from web".into());
}

#[test]
fn a_rule_moves_records_as_a_trigger_would() {
    let crm = open();
    let becomes = |value: &str| RuleTrigger::becomes("source", value);
    rule(&crm, "buys", becomes("shop"), [RuleAction::move_to("contact", "customer")]);
    rule(&crm, "asks", becomes("form"), [RuleAction::move_to("contact", "lead")]);
    let id = contact(&crm);
    crm.contacts().patch(id, values! { "source" => "shop" }).unwrap();
    let history = crm.lifecycles().history(&GetLifecycleHistory::new("contact", id)).unwrap();
    assert_eq!(history.visits.last().unwrap().cause, StageCause::Rule);
    assert_eq!(history.standing.stage.as_deref(), Some("customer"));
    // Back it does not go, and both say so.
    crm.contacts().patch(id, values! { "source" => "form" }).unwrap();
    let history = crm.lifecycles().history(&GetLifecycleHistory::new("contact", id)).unwrap();
    assert_eq!(history.standing.stage.as_deref(), Some("customer"));
    assert_eq!(history.suppressed.len(), 1);
    let [run] = &runs(&crm, "asks")[..] else { panic!() };
    assert_eq!(outcomes(run), [ActionOutcome::Suppressed]);
    assert_eq!(run.actions[0].problem.as_ref().unwrap().kind, "refused");
    crm.contacts().patch(id, values! { "source" => "shop" }).unwrap();
    assert_eq!(outcomes(&runs(&crm, "buys")[1]), [ActionOutcome::Unchanged]);
    verify(&crm);
}

#[test]
fn stages_that_are_entered_and_left_set_rules_off_and_those_skipped_do_not() {
    let crm = open();
    let emit = |name: &str| [RuleAction::emit(name, Vec::<String>::new())];
    rule(&crm, "became", RuleTrigger::stage_entered("contact", "mql"), emit("became"));
    rule(&crm, "was", RuleTrigger::stage_left("contact", "mql"), emit("was"));
    rule(&crm, "skipped", RuleTrigger::stage_entered("contact", "lead"), emit("skipped"));
    let id = contact(&crm);
    crm.lifecycles().move_to(MoveStage::new("contact", id, "mql")).unwrap();
    assert_eq!((runs(&crm, "became").len(), runs(&crm, "was").len()), (1, 0));
    crm.lifecycles().reset(ResetStage::new("contact", id, "lead", "mistake")).unwrap();
    assert_eq!((runs(&crm, "was").len(), runs(&crm, "skipped").len()), (1, 1));
    let run = &runs(&crm, "was")[0];
    assert_eq!(run.event.stage.as_deref(), Some("mql"));
    assert_eq!(run.event.kind, RuleEventKind::StageLeft);
}

#[test]
fn an_activity_sets_a_rule_off_if_the_filter_is_true_for_it() {
    let crm = open();
    let on = RuleTrigger::Activity(crm_core::OnActivity {
        kind: "email_opened".into(),
        filter: Some("channel = \"news\"".parse().unwrap()),
    });
    let opened = "count(email_opened) >= 2".parse().unwrap();
    let define = DefineRule::new("reads", "contact", on, [RuleAction::set("source", "news")]);
    crm.rules().define(define.when(opened)).unwrap();
    let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap();
    let open = |channel: &str| {
        let activity = NewActivity::new("email_opened", ann.updated_at);
        let subject = Some(ann.reference());
        let activity = NewActivity { subject, channel: Some(channel.into()), ..activity };
        crm.activities().record(activity).unwrap().activity.id
    };
    open("news");
    open("offers");
    assert_eq!(get(&crm, ann.id, "source"), Value::Null);
    let last = open("news");
    assert_eq!(get(&crm, ann.id, "source"), "news".into());
    let [run] = &runs(&crm, "reads")[..] else { panic!() };
    assert_eq!((run.event.kind, run.event.activity_id), (RuleEventKind::Activity, Some(last)));
}

#[test]
fn a_task_is_added_with_its_due_time_and_what_it_is_about() {
    let crm = open();
    let task = |title: &str| crm_core::CreateTask {
        title: title.into(),
        body: Some("Ask what is missing.".into()),
        assignee: Some("ann".into()),
        due_in: Some("3d".into()),
        association: Some("about".into()),
    };
    let on = RuleTrigger::becomes("source", "form");
    rule(&crm, "call", on, [RuleAction::CreateTask(task("Call back"))]);
    let ann = crm.contacts().create(values! { "source" => "form" }).unwrap();
    let related = FindRelated { with_records: true, ..FindRelated::new(ann.reference()) };
    let related = crm.associations().related(&related).unwrap().related;
    let task = related[0].record.as_ref().unwrap();
    assert_eq!((task.get("title"), task.get("assignee")), (&"Call back".into(), &"ann".into()));
    let due: crm_core::Timestamp = task.get("due").as_str().unwrap().parse().unwrap();
    let days = due.micros() - task.created_at.micros();
    assert!((259_200_000_000..=259_201_000_000).contains(&days), "{days}");
    verify(&crm);
}

#[test]
fn an_action_that_fails_is_recorded_leaves_nothing_and_stops_nobody() {
    let crm = open();
    let one = DefineAssociationType {
        max_outgoing: Some(0),
        ..DefineAssociationType::new("todo", ["contact"], ["task"])
    };
    let one = DefineAssociationType { max_outgoing: Some(1), ..one };
    crm.association_types().define(one).unwrap();
    crm.contacts().create(values! { "email" => "ann@example.org" }).unwrap();
    let RuleAction::CreateTask(mut task) = RuleAction::task("Call") else { panic!() };
    task.association = Some("todo".into());
    let actions = [
        RuleAction::set("email", "ann@example.org"),
        RuleAction::CreateTask(task.clone()),
        RuleAction::CreateTask(task),
        RuleAction::set("locale", "de"),
    ];
    rule(&crm, "clumsy", RuleTrigger::becomes("country", "DE"), actions);
    let id = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
    assert_eq!(get(&crm, id, "locale"), "de".into());
    let [run] = &runs(&crm, "clumsy")[..] else { panic!() };
    use ActionOutcome::{Done, Failed};
    assert_eq!(outcomes(run), [Failed, Done, Failed, Done]);
    let problem = run.actions[0].problem.as_ref().unwrap();
    assert_eq!((&*problem.kind, problem.field.as_deref()), ("duplicate", Some("email")));
    assert!(!problem.message.contains("ann@"), "{}", problem.message);
    // The second task went with the association that was refused.
    assert_eq!(crm.list_records(&ListRecords::new("task")).unwrap().records.len(), 1);
    verify(&crm);
}

#[test]
fn a_rule_runs_once_in_a_chain_and_that_it_would_have_run_again_is_recorded() {
    let crm = open();
    // Each asks for what the other writes, so that the definitions alone do not tell.
    let ping = DefineRule::new(
        "ping",
        "contact",
        RuleTrigger::changed("source"),
        [RuleAction::calculate("job_title", "concat(source, \"!\")")],
    );
    let pong = DefineRule::new(
        "pong",
        "contact",
        RuleTrigger::changed("job_title"),
        [RuleAction::calculate("source", "concat(job_title, \"?\")")],
    );
    crm.rules()
        .define(ping.when("job_title != \"stop\" or job_title is missing".parse().unwrap()))
        .unwrap();
    crm.rules().define(pong).unwrap();
    let id = contact(&crm);
    crm.contacts().patch(id, values! { "source" => "a" }).unwrap();
    assert_eq!(get(&crm, id, "job_title"), "a!".into());
    assert_eq!(get(&crm, id, "source"), "a!?".into());
    let [first, again] = &runs(&crm, "ping")[..] else { panic!() };
    assert_eq!((first.skipped, first.chain.len()), (None, 0));
    assert_eq!(again.skipped, Some(SkippedRun::Repeated));
    let chain: Vec<&str> = again.chain.iter().map(|step| step.rule.as_str()).collect();
    assert_eq!(chain, ["ping", "pong"]);
    assert_eq!(runs(&crm, "pong")[0].chain[0].record.id, id);
    // The next write begins anew.
    crm.contacts().patch(id, values! { "source" => "b" }).unwrap();
    assert_eq!(get(&crm, id, "source"), "b!?".into());
    verify(&crm);
}

#[test]
fn rules_that_one_write_sets_off_do_not_lead_to_each_other() {
    let crm = open();
    let on = || RuleTrigger::changed("source");
    rule(&crm, "first", on(), [RuleAction::set("locale", "de")]);
    rule(&crm, "second", on(), [RuleAction::set("job_title", "CFO")]);
    let id = contact(&crm);
    crm.contacts().patch(id, values! { "source" => "a" }).unwrap();
    for name in ["first", "second"] {
        let [run] = &runs(&crm, name)[..] else { panic!("{name}") };
        assert_eq!((run.skipped, run.chain.len()), (None, 0), "{name}");
    }
    verify(&crm);
}

#[test]
fn a_chain_has_a_longest_and_the_next_rule_is_recorded_as_skipped() {
    let crm = open();
    let limit = crm_core::limits::RULE_CHAIN;
    for n in 0..=limit + 1 {
        let attribute = crm_core::Attribute::new(format!("step{n}"), Kind::Integer);
        crm.types().define_attribute("contact", attribute).unwrap();
    }
    for n in 0..=limit {
        let on = RuleTrigger::changed(format!("step{n}"));
        rule(&crm, &format!("r{n}"), on, [RuleAction::set(format!("step{}", n + 1), 1)]);
    }
    let id = contact(&crm);
    crm.contacts().patch(id, values! { "step0" => 1 }).unwrap();
    assert_eq!(get(&crm, id, &format!("step{limit}")), 1.into());
    assert_eq!(get(&crm, id, &format!("step{}", limit + 1)), Value::Null);
    let [run] = &runs(&crm, &format!("r{limit}"))[..] else { panic!() };
    assert_eq!((run.skipped, run.chain.len()), (Some(SkippedRun::TooDeep), limit));
}

#[test]
fn runs_come_by_pages_and_of_one_record() {
    let crm = open();
    rule(&crm, "german", RuleTrigger::becomes("country", "DE"), [RuleAction::set("locale", "de")]);
    let ids: Vec<RecordId> =
        (0..3).map(|_| crm.contacts().create(values! { "country" => "DE" }).unwrap().id).collect();
    let request = ListRuleRuns { limit: 2, ..ListRuleRuns::new("german") };
    let page = crm.rules().runs(&request).unwrap();
    let rest = ListRuleRuns { after: page.next.unwrap(), ..request.clone() };
    let rest = crm.rules().runs(&rest).unwrap();
    assert_eq!((page.runs.len(), rest.runs.len(), rest.next), (2, 1, None));
    let of = ListRuleRuns { id: Some(ids[1]), ..request };
    let of = crm.rules().runs(&of).unwrap();
    assert_eq!((of.runs.len(), of.runs[0].record.id, of.next), (1, ids[1], None));
    let unknown = crm.rules().runs(&ListRuleRuns::new("germann")).unwrap_err();
    assert_eq!(
        (unknown.kind(), unknown.hint()),
        (ErrorKind::NotFound, Some("did you mean \"german\"?"))
    );
}

#[test]
fn archived_rules_and_archived_records_stay_as_they_are() {
    let crm = open();
    rule(&crm, "german", RuleTrigger::becomes("country", "DE"), [RuleAction::set("locale", "de")]);
    assert!(crm.rules().archive("german").unwrap().archived_at.is_some());
    let id = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
    assert_eq!(get(&crm, id, "locale"), Value::Null);
    let define = DefineRule::new("german", "contact", RuleTrigger::changed("country"), []);
    let define = DefineRule { actions: vec![RuleAction::set("locale", "de")], ..define };
    assert_eq!(crm.rules().define(define).unwrap_err().kind(), ErrorKind::Archived);
    crm.rules().restore("german").unwrap();
    crm.contacts().patch(id, values! { "country" => "FR" }).unwrap();
    crm.contacts().patch(id, values! { "country" => "DE" }).unwrap();
    assert_eq!(get(&crm, id, "locale"), "de".into());
    verify(&crm);
}

#[test]
fn a_task_links_to_its_record_whichever_way_the_association_leads() {
    let crm = open();
    let todo = DefineAssociationType::new("todo", ["contact"], ["task"]);
    crm.association_types().define(todo).unwrap();
    let RuleAction::CreateTask(mut task) = RuleAction::task("Call") else { panic!() };
    task.association = Some("todo".into());
    rule(&crm, "call", RuleTrigger::becomes("source", "form"), [RuleAction::CreateTask(task)]);
    let ann = crm.contacts().create(values! { "source" => "form" }).unwrap();
    let related = crm.associations().related(&FindRelated::new(ann.reference())).unwrap().related;
    assert_eq!(related[0].other.entity_type, "task");
    // And another task by hand is no concern of the rule.
    let other = crm.records("task").create(values! { "title" => "x" }).unwrap();
    crm.associations()
        .add(AddAssociation::new("todo", ann.reference(), other.reference()))
        .unwrap();
    assert_eq!(runs(&crm, "call").len(), 1);
}

/// A clock that a test sets.
#[derive(Debug, Default)]
struct Hand(std::sync::atomic::AtomicI64);

impl Hand {
    fn set(&self, at: &str) {
        let at: crm_core::Timestamp = at.parse().unwrap();
        self.0.store(at.micros(), std::sync::atomic::Ordering::SeqCst);
    }
}

impl crm_core::Clock for Hand {
    fn now(&self) -> crm_core::Timestamp {
        let micros = self.0.load(std::sync::atomic::Ordering::SeqCst);
        crm_core::Timestamp::from_micros(micros).unwrap()
    }
}

/// A file whose time is what the test says.
fn timed() -> (Crm, std::sync::Arc<Hand>) {
    let hand = std::sync::Arc::new(Hand::default());
    hand.set("2026-01-01T00:00:00Z");
    let (clock, ids) = (std::sync::Arc::clone(&hand), crm_core::CountedIds::after(0));
    let options = crm_core::OpenOptions::default();
    let crm = Crm::open_injected(":memory:", options, clock, std::sync::Arc::new(ids)).unwrap();
    (crm, hand)
}

fn tick(crm: &Crm) -> u64 {
    crm.timers().tick(&crm_core::TickTimers::default(), &mut |_| Flow::Continue).unwrap().done
}

fn before(attribute: &str, span: &str) -> RuleTrigger {
    let (attribute, before) = (attribute.into(), Some(span.into()));
    RuleTrigger::DateReached(crm_core::OnDate { attribute, before, after: None })
}

#[test]
fn a_date_comes_at_its_own_moment_however_late_the_host_looks_at_the_clock() {
    let (crm, hand) = timed();
    let there = crm.contacts().create(values! { "birthday" => "2026-03-10" }).unwrap().id;
    rule(&crm, "soon", before("birthday", "P7D"), [RuleAction::emit("soon", ["given_name"])]);
    let past = crm.contacts().create(values! { "birthday" => "2025-03-10" }).unwrap().id;
    let later = crm.contacts().create(values! { "birthday" => "2026-03-09" }).unwrap().id;
    let gone = crm.contacts().create(values! { "birthday" => "2026-03-08" }).unwrap().id;
    let moved = crm.contacts().create(values! { "birthday" => "2026-03-08" }).unwrap().id;
    crm.contacts().archive(gone, None).unwrap();
    crm.contacts().patch(moved, values! { "birthday" => "2027-01-01" }).unwrap();
    assert_eq!(tick(&crm), 0);
    hand.set("2026-03-02T00:00:00Z");
    assert_eq!(tick(&crm), 1);
    hand.set("2026-06-01T00:00:00Z");
    assert_eq!((tick(&crm), tick(&crm)), (1, 0));
    let runs = runs(&crm, "soon");
    let told: Vec<_> = runs.iter().map(|run| (run.record.id, run.at.to_string())).collect();
    let at = ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"].map(str::to_owned);
    assert_eq!(told, [(later, at[0].clone()), (there, at[1].clone())]);
    assert_eq!((runs[0].event.kind, runs[0].event.seq), (RuleEventKind::DateReached, None));
    assert_eq!(runs[0].event.attribute.as_deref(), Some("birthday"));
    assert!(crm.contacts().get(past).is_ok());
    // Out of the archive too late, it does not come any more; back into it, it waits.
    crm.contacts().restore(gone, None).unwrap();
    assert_eq!(tick(&crm), 0);
    crm.rules().archive("soon").unwrap();
    assert_eq!(crm.timers().next().unwrap().due_at, None);
    crm.rules().restore("soon").unwrap();
    assert_eq!(crm.timers().next().unwrap().due_at.unwrap().to_string(), "2026-12-25T00:00:00Z");
    verify(&crm);
}

#[test]
fn a_rule_that_writes_its_own_date_goes_on_with_the_clock() {
    let (crm, hand) = timed();
    let next = RuleAction::calculate("birthday", "add_days(birthday, 30)");
    let back = RuleAction::calculate("source", "concat(coalesce(source, \"\"), \"x\")");
    rule(&crm, "monthly", RuleTrigger::date("birthday"), [next, back]);
    let id = crm.contacts().create(values! { "birthday" => "2026-01-31" }).unwrap().id;
    hand.set("2026-05-15T12:00:00Z");
    assert_eq!(tick(&crm), 4);
    assert_eq!(get(&crm, id, "source"), "xxxx".into());
    assert_eq!(get(&crm, id, "birthday"), "2026-05-31".into());
    // A date that is not later any more ends it.
    let still = DefineRule::new(
        "monthly",
        "contact",
        RuleTrigger::date("birthday"),
        [RuleAction::calculate("birthday", "add_days(birthday, -1)")],
    );
    crm.rules().define(still).unwrap();
    hand.set("2026-06-15T12:00:00Z");
    assert_eq!((tick(&crm), crm.timers().next().unwrap().due_at), (1, None));
}

#[test]
fn a_threshold_that_is_crossed_sets_a_rule_off() {
    use crm_core::{DefineScore, ScoreGroup, ScoreLevel, ScoreRule};
    let (crm, hand) = timed();
    let points = |name: &str, condition: &str, points| {
        ScoreRule::when(name, condition.parse().unwrap(), points)
    };
    let rules = [points("here", "country = \"DE\"", 20), points("fresh", "locale is set", 30)];
    let score = DefineScore {
        thresholds: vec![ScoreLevel::new("warm", 20), ScoreLevel::new("hot", 50)],
        ..DefineScore::new("fit", "contact", [ScoreGroup::new("fit", rules)])
    };
    crm.scores().define(score).unwrap();
    let scored = |threshold: Option<&str>, is_down| {
        let (score, threshold) = ("fit".into(), threshold.map(Into::into));
        RuleTrigger::ScoreCrossed(crm_core::OnScore { score, threshold, is_down })
    };
    let told = |name: &str| [RuleAction::emit(name, ["country"])];
    let early = DefineRule::new("hot", "contact", scored(Some("hot"), false), told("hot"));
    let error = crm.rules().define(early.clone()).unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (ErrorKind::NotFound, Some("on.score_crossed.score"))
    );
    crm.scores().publish("fit").unwrap();
    crm.rules().define(early).unwrap();
    let unknown = DefineRule::new("cold", "contact", scored(Some("cold"), false), told("cold"));
    let error = crm.rules().define(unknown).unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (ErrorKind::UnknownOption, Some("on.score_crossed.threshold"))
    );
    rule(&crm, "up", scored(None, false), told("up"));
    rule(&crm, "down", scored(None, true), [RuleAction::set("source", "cooled")]);

    hand.set("2026-01-02T00:00:00Z");
    let id = crm.contacts().create(values! { "country" => "DE", "locale" => "de" }).unwrap().id;
    let crossed = |name: &str| {
        let runs = runs(&crm, name).into_iter();
        runs.map(|run| run.event.threshold.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        (crossed("up"), crossed("hot")),
        (vec!["warm".into(), "hot".into()], vec!["hot".into()])
    );
    let changes = crm.journal().changes(&ListChanges::after(0)).unwrap().changes;
    for run in runs(&crm, "up") {
        let seq = run.event.seq.unwrap();
        let change = changes.iter().find(|change| change.seq == seq).unwrap();
        assert_eq!(change.kind, ChangeKind::ScoreCrossed);
    }
    crm.contacts().patch(id, values! { "locale" => Value::Null }).unwrap();
    assert_eq!(crossed("down"), ["hot"]);
    assert_eq!(get(&crm, id, "source"), "cooled".into());
    let error = crm.scores().retire("fit").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    verify(&crm);
}
