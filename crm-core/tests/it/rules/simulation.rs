//! What a rule would do, without doing it.

use crm_core::{
    ActionOutcome, ChangeKind, DefineRule, ErrorKind, ListChanges, RuleAction, RuleTrigger,
    SimulateRule, SkippedRun, values,
};

use super::{contact, get, open, rule, verify};

#[test]
fn a_simulation_says_for_each_record_what_would_follow_and_keeps_nothing() {
    let crm = open();
    rule(&crm, "follows", RuleTrigger::becomes("locale", "de"), [RuleAction::set("source", "web")]);
    let german = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
    let french = crm.contacts().create(values! { "country" => "FR" }).unwrap().id;
    let gone = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
    crm.contacts().archive(gone, None).unwrap();
    let end = crm.journal().changes(&ListChanges::after(0)).unwrap().next;

    let on = RuleTrigger::changed("country");
    let actions = [RuleAction::set("locale", "de"), RuleAction::move_to("contact", "mql")];
    let define = DefineRule::new("german", "contact", on, actions);
    let define = define.when("country = \"DE\" and not email = \"x@example.org\"".parse().unwrap());
    let request = SimulateRule::new(define.clone(), [german, french, gone]);
    let simulated = crm.rules().simulate(&request).unwrap();
    assert_eq!(simulated.would_run, 1);
    let [first, second, third] = &simulated.records[..] else { panic!() };
    assert_eq!((first.id, first.would_run), (german, true));
    let leaves: Vec<_> = first.leaves.iter().map(|leaf| (&*leaf.path, leaf.is_true)).collect();
    assert_eq!(leaves, [("all[0]", true), ("all[1].not", false)]);
    let outcomes: Vec<_> = first.actions.iter().map(|action| action.outcome).collect();
    assert_eq!(outcomes, [ActionOutcome::Done; 2]);
    let kinds: Vec<_> = first.changes.iter().map(|change| change.kind).collect();
    assert_eq!(
        kinds,
        [
            ChangeKind::RecordPatched,
            ChangeKind::StageMoved,
            ChangeKind::RuleRan,
            ChangeKind::RecordPatched,
            ChangeKind::RuleRan,
        ]
    );
    assert_eq!(first.changes[0].values["locale"], "de".into());
    assert_eq!(first.runs.len(), 1);
    assert_eq!((&*first.runs[0].rule, first.runs[0].chain.len()), ("follows", 1));
    assert!(!second.would_run && second.changes.is_empty() && !second.leaves[0].is_true);
    assert!(!third.would_run);

    assert_eq!(crm.journal().changes(&ListChanges::after(0)).unwrap().next, end);
    assert!(get(&crm, german, "locale").is_null());
    assert_eq!(crm.rules().get("german").unwrap_err().kind(), ErrorKind::NotFound);
    // What is done afterwards is what was foretold.
    crm.rules().define(define).unwrap();
    crm.contacts().patch(german, values! { "country" => "FR" }).unwrap();
    crm.contacts().patch(german, values! { "country" => "DE" }).unwrap();
    assert_eq!(get(&crm, german, "source"), "web".into());
    verify(&crm);
}

#[test]
fn a_simulation_shows_what_would_be_skipped() {
    let crm = open();
    rule(&crm, "back", RuleTrigger::changed("locale"), [RuleAction::calculate("source", "locale")]);
    let on = RuleTrigger::changed("source");
    let define = DefineRule::new("there", "contact", on, [RuleAction::set("locale", "de")]);
    let define = define.when("locale is missing or source = \"de\"".parse().unwrap());
    let id = contact(&crm);
    let simulated = crm.rules().simulate(&SimulateRule::new(define, [id])).unwrap();
    let skipped: Vec<_> = simulated.records[0].runs.iter().map(|run| run.skipped).collect();
    assert_eq!(skipped, [None, Some(SkippedRun::Repeated)]);
}

#[test]
fn what_cannot_be_simulated_is_refused_with_its_path() {
    let crm = open();
    let id = contact(&crm);
    let other = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let define = |attribute: &str| {
        let on = RuleTrigger::changed("country");
        DefineRule::new("r", "contact", on, [RuleAction::set(attribute, "x")])
    };
    for (request, kind, field) in [
        (SimulateRule::new(define("source"), []), ErrorKind::InvalidArgument, "records"),
        (SimulateRule::new(define("source"), [id, other]), ErrorKind::NotFound, "records[1]"),
        (
            SimulateRule::new(define("sauce"), [id]),
            ErrorKind::UnknownAttribute,
            "rule.actions[0].set_attribute.attribute",
        ),
    ] {
        let error = crm.rules().simulate(&request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
}
