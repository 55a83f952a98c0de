//! What is refused when a rule is saved, and where the fault is.

use crm_core::{
    Crm, DefineRule, Error, ErrorKind, Kind, OnAttribute, OnDate, OnStage, RuleAction, RuleTrigger,
    Value,
};

use super::{open, rule};

fn refused(crm: &Crm, define: DefineRule) -> Error {
    let dry = DefineRule { dry_run: true, ..define.clone() };
    let dry = crm.rules().define(dry).unwrap_err();
    let error = crm.rules().define(define).unwrap_err();
    assert_eq!((dry.kind(), dry.field()), (error.kind(), error.field()));
    error
}

#[test]
#[expect(clippy::too_many_lines, reason = "a line for each fault")]
fn every_fault_is_found_when_the_rule_is_saved_with_its_path() {
    use ErrorKind::{
        Duplicate, InvalidArgument, InvalidValue, NotFound, Required, UnknownAttribute,
        UnknownOption, UnknownType, WrongKind,
    };
    type Change = fn(&mut DefineRule);
    fn act(rule: &mut DefineRule, action: RuleAction) {
        rule.actions = vec![RuleAction::set("source", "x"), action];
    }
    fn date(attribute: &str, before: Option<&str>, after: Option<&str>) -> RuleTrigger {
        RuleTrigger::DateReached(OnDate {
            attribute: attribute.into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
        })
    }
    fn task(change: fn(&mut crm_core::CreateTask)) -> RuleAction {
        let RuleAction::CreateTask(mut task) = RuleAction::task("Call") else { panic!() };
        change(&mut task);
        RuleAction::CreateTask(task)
    }
    let cases: &[(Change, ErrorKind, &str)] = &[
        (|r| r.name = "No Name".into(), InvalidArgument, "name"),
        (|r| r.entity_type = "contacts".into(), UnknownType, "type"),
        (
            |r| r.on = RuleTrigger::changed("contry"),
            UnknownAttribute,
            "on.attribute_changed.attribute",
        ),
        (
            |r| {
                r.on = RuleTrigger::AttributeChanged(OnAttribute {
                    attribute: "birthday".into(),
                    from: Some(Value::from("soon")),
                    to: None,
                });
            },
            InvalidValue,
            "on.attribute_changed.from",
        ),
        (|r| r.on = RuleTrigger::activity("email_open"), UnknownType, "on.activity.kind"),
        (
            |r| {
                r.on = RuleTrigger::Activity(crm_core::OnActivity {
                    kind: "email_opened".into(),
                    filter: Some("colour = \"red\"".parse().unwrap()),
                });
            },
            UnknownAttribute,
            "on.activity.filter.field",
        ),
        (
            |r| r.on = RuleTrigger::stage_entered("deal", "won"),
            NotFound,
            "on.stage_entered.lifecycle",
        ),
        (
            |r| r.on = RuleTrigger::stage_left("contact", "mqll"),
            UnknownOption,
            "on.stage_left.stage",
        ),
        (
            |r| r.on = RuleTrigger::StageLeft(OnStage { lifecycle: "x".into(), stage: None }),
            NotFound,
            "on.stage_left.lifecycle",
        ),
        (|r| r.on = date("country", None, None), WrongKind, "on.date_reached.attribute"),
        (|r| r.on = date("birthday", Some("soon"), None), InvalidValue, "on.date_reached.before"),
        (
            |r| r.on = date("birthday", Some("P1D"), Some("P1D")),
            InvalidArgument,
            "on.date_reached.after",
        ),
        (
            |r| r.condition = Some("contry = \"DE\"".parse().unwrap()),
            UnknownAttribute,
            "where.field",
        ),
        (|r| r.actions.clear(), Required, "actions"),
        (
            |r| r.actions = vec![RuleAction::set("source", "x"); 17],
            ErrorKind::LimitExceeded,
            "actions",
        ),
        (
            |r| act(r, RuleAction::set("sauce", "x")),
            UnknownAttribute,
            "actions[1].set_attribute.attribute",
        ),
        (
            |r| act(r, RuleAction::set("birthday", "soon")),
            InvalidValue,
            "actions[1].set_attribute.value",
        ),
        (
            |r| act(r, RuleAction::calculate("source", "concat(")),
            InvalidArgument,
            "actions[1].set_attribute.formula",
        ),
        (
            |r| act(r, RuleAction::calculate("birthday", "given_name")),
            InvalidArgument,
            "actions[1].set_attribute.formula",
        ),
        (
            |r| act(r, RuleAction::calculate("source", "given_nam")),
            UnknownAttribute,
            "actions[1].set_attribute.formula",
        ),
        (
            |r| {
                act(
                    r,
                    RuleAction::SetAttribute(crm_core::SetAttribute {
                        attribute: "source".into(),
                        value: Some("x".into()),
                        formula: Some("given_name".into()),
                    }),
                );
            },
            InvalidArgument,
            "actions[1].set_attribute.formula",
        ),
        (
            |r| act(r, RuleAction::move_to("deal", "won")),
            NotFound,
            "actions[1].move_stage.lifecycle",
        ),
        (
            |r| act(r, RuleAction::move_to("contact", "won")),
            UnknownOption,
            "actions[1].move_stage.to",
        ),
        (
            |r| act(r, RuleAction::move_to("contact", "churned")),
            Required,
            "actions[1].move_stage.reason",
        ),
        (|r| act(r, RuleAction::task("")), Required, "actions[1].create_task.title"),
        (
            |r| act(r, task(|t| t.due_in = Some("soon".into()))),
            InvalidValue,
            "actions[1].create_task.due_in",
        ),
        (
            |r| act(r, task(|t| t.association = Some("abut".into()))),
            UnknownType,
            "actions[1].create_task.association",
        ),
        (
            |r| act(r, task(|t| t.association = Some("employed_by".into()))),
            InvalidArgument,
            "actions[1].create_task.association",
        ),
        (|r| act(r, RuleAction::emit("No", ["email"])), InvalidArgument, "actions[1].emit.event"),
        (
            |r| act(r, RuleAction::emit("no", ["mail"])),
            UnknownAttribute,
            "actions[1].emit.fields[0]",
        ),
        (
            |r| act(r, RuleAction::emit("no", ["email", "email"])),
            Duplicate,
            "actions[1].emit.fields[1]",
        ),
    ];
    let crm = open();
    crm.association_types().define_preset(crm_core::AssociationPreset::EmployedBy).unwrap();
    for (place, (change, kind, field)) in cases.iter().enumerate() {
        let on = RuleTrigger::changed("country");
        let mut define = DefineRule::new("r", "contact", on, [RuleAction::set("source", "x")]);
        change(&mut define);
        let error = refused(&crm, define);
        assert_eq!((error.kind(), error.field()), (*kind, Some(*field)), "case {place}: {error}");
    }
    assert!(crm.rules().list().unwrap().is_empty());
}

#[test]
fn a_rule_that_sets_itself_off_is_refused() {
    let crm = open();
    let define = |on, action| {
        DefineRule::new("r", "contact", on, [RuleAction::emit("e", ["email"]), action])
    };
    let set = |value: &str| RuleAction::set("source", value);
    let becomes = |value: &str| RuleTrigger::becomes("source", value);
    let on = RuleTrigger::changed("source");
    for (define, field) in [
        (define(on.clone(), set("x")), "actions[1].set_attribute"),
        (
            define(on.clone(), RuleAction::calculate("source", "lower(source)")),
            "actions[1].set_attribute",
        ),
        // The condition does not look at what is written.
        (
            define(on.clone(), set("x")).when("country = \"DE\"".parse().unwrap()),
            "actions[1].set_attribute",
        ),
        // Or holds all the same.
        (
            define(on.clone(), set("x")).when("source starts with \"x\"".parse().unwrap()),
            "actions[1].set_attribute",
        ),
        (
            define(
                RuleTrigger::StageEntered(OnStage { lifecycle: "contact".into(), stage: None }),
                RuleAction::move_to("contact", "mql"),
            ),
            "actions[1].move_stage",
        ),
    ] {
        let error = refused(&crm, define);
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
        assert_eq!(error.message(), "sets itself off: r (actions[1]) → r");
    }
    // A task is made of a task, for ever.
    let endless =
        DefineRule::new("r", "task", RuleTrigger::changed("title"), [RuleAction::task("x")]);
    assert_eq!(refused(&crm, endless).field(), Some("actions[0].create_task"));

    for (nth, allowed) in [
        define(becomes("x"), set("y")),
        define(becomes("x"), set("x")),
        define(on.clone(), set("x")).when("source is missing".parse().unwrap()),
        define(on, set("x")).when("not source = \"x\" and country = \"DE\"".parse().unwrap()),
        define(
            RuleTrigger::AttributeChanged(OnAttribute {
                attribute: "source".into(),
                from: Some("x".into()),
                to: None,
            }),
            set("z"),
        ),
        define(RuleTrigger::stage_left("contact", "mql"), RuleAction::move_to("contact", "sql")),
    ]
    .into_iter()
    .enumerate()
    {
        let allowed = DefineRule { name: format!("r{nth}"), dry_run: true, ..allowed };
        crm.rules().define(allowed).unwrap();
    }
}

#[test]
fn a_round_of_several_rules_is_refused_with_its_way() {
    let crm = open();
    let attribute = crm_core::Attribute {
        formula: Some("concat(source, \".\")".into()),
        ..crm_core::Attribute::new("shown", Kind::Text)
    };
    crm.types().define_attribute("contact", attribute).unwrap();
    let copy = |of: &str, to: &str| RuleAction::calculate(to, format!("concat({of}, \"+\")"));
    rule(&crm, "a", RuleTrigger::changed("job_title"), [copy("job_title", "source")]);
    // By way of what is calculated.
    rule(&crm, "b", RuleTrigger::changed("shown"), [copy("shown", "given_name")]);
    let last = |condition: Option<&str>| {
        let actions = [RuleAction::emit("e", ["email"]), copy("given_name", "job_title")];
        let define = DefineRule::new("c", "contact", RuleTrigger::changed("given_name"), actions);
        DefineRule { condition: condition.map(|text| text.parse().unwrap()), ..define }
    };
    let error = refused(&crm, last(None));
    assert_eq!(error.field(), Some("actions[1].set_attribute"));
    assert_eq!(
        error.message(),
        "sets itself off: c (actions[1]) → a (actions[0]) → b (actions[0]) → c"
    );
    // What the round writes may end it; what it does not write never does.
    assert_eq!(
        refused(&crm, last(Some("family_name = \"Ann\""))).kind(),
        ErrorKind::InvalidArgument
    );
    crm.rules().define(last(Some("job_title is missing"))).unwrap();
}

#[test]
fn rules_whose_conditions_exclude_each_other_do_not_set_each_other_off() {
    let crm = open();
    let copy = |of: &str, to: &str| RuleAction::calculate(to, format!("concat({of}, \"+\")"));
    let protect = |text: &str| {
        let on = RuleTrigger::changed("job_title");
        let define = DefineRule::new("protect", "contact", on, [copy("job_title", "source")]);
        define.when(text.parse().unwrap())
    };
    let block = |text: &str| {
        let on = RuleTrigger::changed("source");
        let define = DefineRule::new("block", "contact", on, [copy("source", "job_title")]);
        define.when(text.parse().unwrap())
    };
    let both = |first: &str, second: &str| {
        crm.rules().define(DefineRule { dry_run: false, ..protect(first) }).unwrap();
        let taken = crm.rules().define(DefineRule { dry_run: true, ..block(second) });
        taken.err().map(|error| error.message().to_owned())
    };
    for (first, second) in [
        ("country = \"DE\"", "country = \"FR\""),
        ("phone is set", "not phone is set"),
        ("country = \"DE\" and email is set", "country in (\"FR\", \"AT\") or country is missing"),
    ] {
        assert_eq!(both(first, second), None, "{first}, {second}");
    }
    for (first, second) in
        [("country = \"DE\"", "country != \"FR\""), ("phone is set", "email is missing")]
    {
        let way = "sets itself off: block (actions[0]) → protect (actions[0]) → block";
        assert_eq!(both(first, second).as_deref(), Some(way), "{first}, {second}");
    }
    // What a rule writes may be otherwise by then.
    crm.rules().define(protect("country = \"DE\"")).unwrap();
    let on = RuleTrigger::changed("email");
    let moves = DefineRule::new("moves", "contact", on, [RuleAction::set("country", "FR")]);
    crm.rules().define(moves).unwrap();
    let error = refused(&crm, block("country = \"FR\""));
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn definitions_on_which_a_rule_rests_stay() {
    let crm = open();
    let condition = "source = \"x\"".parse().unwrap();
    let on = RuleTrigger::stage_entered("contact", "mql");
    let define = DefineRule::new("r", "contact", on, [RuleAction::emit("e", ["email"])]);
    crm.rules().define(define.when(condition)).unwrap();
    let error = crm.types().archive_attribute("contact", "source").unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (ErrorKind::DefinitionConflict, Some("r.where.field"))
    );
    let error = crm.lifecycles().archive("contact").unwrap_err();
    assert_eq!(error.field(), Some("r.on.stage_entered.lifecycle"));
    let other = DefineRule::new(
        "r",
        "company",
        RuleTrigger::changed("name"),
        [RuleAction::emit("e", ["name"])],
    );
    assert_eq!(refused(&crm, other).kind(), ErrorKind::DefinitionConflict);
    crm.rules().archive("r").unwrap();
    crm.types().archive_attribute("contact", "source").unwrap();
    assert_eq!(crm.rules().restore("r").unwrap_err().kind(), ErrorKind::DefinitionConflict);
}

#[test]
fn saying_the_same_again_changes_nothing() {
    let crm = open();
    let define = || {
        let on = RuleTrigger::changed("country");
        let define = DefineRule::new("r", "contact", on, [RuleAction::set("source", "x")]);
        DefineRule { label: "Rule".into(), ..define }
    };
    let saved = crm.rules().define(define()).unwrap();
    assert!(saved.is_saved);
    let seq = crm.journal().changes(&crm_core::ListChanges::after(0)).unwrap().next;
    let again = crm.rules().define(DefineRule { label: String::new(), ..define() }).unwrap();
    assert_eq!(again.rule, saved.rule);
    assert_eq!(crm.journal().changes(&crm_core::ListChanges::after(0)).unwrap().next, seq);
    let dry = DefineRule { description: "New".into(), dry_run: true, ..define() };
    let dry = crm.rules().define(dry).unwrap();
    assert_eq!((dry.rule.version, dry.is_saved), (2, false));
    assert_eq!(crm.rules().get("r").unwrap(), saved.rule);
}
