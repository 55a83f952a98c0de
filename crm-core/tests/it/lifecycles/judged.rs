//! What is refused when a definition is saved, because nothing could ever come of it; and what is not.

use crm_core::{
    Crm, DefineLifecycle, Error, ErrorKind, RelatedStage, Stage, StageKind, StageMapping,
    StageTrigger, values,
};

use super::open;

fn plain() -> DefineLifecycle {
    let stages = [
        Stage::new("trial"),
        Stage::new("paying").kind(StageKind::Won),
        Stage { automatic_exit: true, ..Stage::new("gone").kind(StageKind::Lost) },
    ];
    DefineLifecycle::new("plan", "deal", stages)
}

fn with(change: impl FnOnce(&mut DefineLifecycle)) -> DefineLifecycle {
    let mut definition = plain();
    change(&mut definition);
    definition
}

fn refusal(crm: &Crm, definition: DefineLifecycle) -> Error {
    crm.lifecycles().define(definition).unwrap_err()
}

fn guard(text: &str) -> DefineLifecycle {
    with(|d| d.stages[1].guard = Some(text.parse().unwrap()))
}

fn when(text: &str) -> StageTrigger {
    StageTrigger::when("paying", text.parse().unwrap())
}

#[test]
fn a_guard_that_is_never_met_is_refused_with_the_part_that_cannot_be() {
    let crm = open();
    for (text, place) in [
        (r#"name = "a" and name = "b""#, "all[1]"),
        (r#"name in ("a", "b") and name in ("c", "d")"#, "all[1]"),
        (r#"name in ("a", "b") and name not in ("b", "a")"#, "all[1]"),
        (r#"name = "a" and not name = "a""#, "all[1].not"),
        (r#"name is set and name is missing"#, "all[1]"),
        (r#"name is missing and name = "a""#, "all[1]"),
        (r#"amount > 10 EUR and amount < 10 EUR"#, "all[1]"),
        (r#"amount > 10 EUR and amount <= 10 EUR"#, "all[1]"),
        (r#"amount > 10 EUR and amount < 20 USD"#, "all[1]"),
        (r#"name = "a" and (name = "b" or name = "c")"#, "all[1].any[0]"),
        (r#"count(any) < 0"#, ""),
        (r#"not count(any) >= 0"#, "not"),
        (r#"not count(any from "2026-02-01T00:00:00Z" until "2026-01-01T00:00:00Z") <= 1"#, "not"),
        (r#"sum(amount of any) > 5 EUR and sum(amount of any) < 5 EUR"#, "all[1]"),
        (r#"not (name = "a" or not name = "a")"#, "not.any[1].not"),
        (r#"stage(eq "won" in "deal") and stage(at_most "proposal" in "deal")"#, "all[1]"),
    ] {
        let error = refusal(&crm, guard(text));
        let dot = if place.is_empty() { "" } else { "." };
        let path = format!("stages[1].guard{dot}{place}");
        assert_eq!(
            (error.kind(), error.field()),
            (ErrorKind::InvalidArgument, Some(&*path)),
            "{text}"
        );
    }
}

#[test]
fn what_may_be_is_no_fault() {
    for text in [
        r#"name = "a" or name = "b""#,
        r#"amount >= 10 EUR and amount <= 10 EUR"#,
        r#"name is missing or name = "a""#,
        r#"name in ("a", "b") and name in ("b", "c")"#,
        r#"not (name = "a" and name = "b")"#,
        r#"name = "a" and (name = "b" or amount > 1 EUR)"#,
        r#"count(any) < 1"#,
        r#"not name = "a" and not name = "b""#,
        r#"stage(at_least "proposal" in "deal") and stage(at_most "won" in "deal")"#,
    ] {
        let crm = open();
        crm.lifecycles().define(guard(text)).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn a_trigger_that_cannot_move_anybody_is_refused() {
    let crm = open();
    crm.activity_kinds().define_preset(crm_core::ActivityPreset::Purchase).unwrap();
    let never = when(r#"name = "a" and name = "b""#);
    let error = refusal(&crm, with(|d| d.triggers = vec![when("name is set"), never]));
    assert_eq!(error.field(), Some("triggers[1].where.all[1]"));
    let guarded = with(|d| {
        d.stages[1].guard = Some(r#"name = "a""#.parse().unwrap());
        d.triggers = vec![when(r#"name = "b""#)];
    });
    assert_eq!(refusal(&crm, guarded).field(), Some("triggers[0].where"));
    let filter = "amount > 2 EUR and amount < 1 EUR".parse().unwrap();
    let bought =
        StageTrigger { filter: Some(filter), ..StageTrigger::activity("paying", "purchase") };
    let error = refusal(&crm, with(|d| d.triggers = vec![bought]));
    assert_eq!(error.field(), Some("triggers[0].filter.all[1]"));
}

#[test]
fn stages_that_wait_for_each_other_are_reached_by_nobody() {
    let crm = open();
    let only = |name: &str| Stage { only_automatic: true, ..Stage::new(name) };
    let alone = with(|d| d.stages.push(only("alone")));
    assert_eq!(refusal(&crm, alone).field(), Some("stages[3]"));

    let deal = || RelatedStage::new("deal.contact", "one", "there").inverse();
    let contact = || RelatedStage::new("contact", "two", "there");
    let two = |triggers| {
        let stages = [Stage::new("here"), only("there")];
        DefineLifecycle { triggers, ..DefineLifecycle::new("two", "contact", stages) }
    };
    let one = |only_automatic, triggers| {
        let there = Stage { only_automatic, ..Stage::new("there") };
        let stages = [Stage::new("here"), there];
        DefineLifecycle { triggers, ..DefineLifecycle::new("one", "deal", stages) }
    };
    let define = |definition| crm.lifecycles().define(definition);
    // As long as people lead to the one, the other can be reached.
    define(one(false, vec![])).unwrap();
    define(two(vec![StageTrigger::related("there", deal())])).unwrap();
    let closed = one(true, vec![StageTrigger::related("there", contact())]);
    let error = define(closed).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("triggers[0]")));
    let asked = StageTrigger::when("there", r#"stage(eq "there" in "one")"#.parse().unwrap());
    assert_eq!(define(one(true, vec![asked])).unwrap_err().field(), Some("triggers[0]"));
    let open = StageTrigger::when("there", "name is set".parse().unwrap());
    define(one(true, vec![StageTrigger::related("there", contact()), open])).unwrap();
}

#[test]
fn a_guard_that_waits_for_its_own_stage_is_refused() {
    let crm = open();
    let stages = |guards: [Option<&str>; 3]| {
        let stages = ["a", "b", "c"].into_iter().zip(guards).map(|(name, guard)| match guard {
            Some(guard) => Stage::new(name).guard(guard.parse().unwrap()),
            None => Stage::new(name),
        });
        DefineLifecycle::new("way", "deal", stages)
    };
    let own = r#"stage(at_least "c" in "way") and name is set"#;
    let [of_b, of_c] = [r#"stage(eq "b" in "way")"#, r#"stage(eq "c" in "way")"#];
    for (guards, field) in [
        ([None, None, Some(own)], "stages[2].guard"),
        // Each waits for the other.
        ([None, Some(of_c), Some(of_b)], "stages[1].guard"),
    ] {
        let error = refusal(&crm, stages(guards));
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
    }
    // To come from the stage before, or to come back from a later one, is no round.
    for guards in [[None, None, Some(of_b)], [None, Some(of_b), None], [None, Some(of_c), None]] {
        let crm = open();
        crm.lifecycles().define(stages(guards)).unwrap();
    }
}

#[test]
fn times_and_spans_make_sense() {
    let crm = open();
    let within = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        with(|d| d.stages[0].leave_within = texts)
    };
    let inactive = |span: &str| with(|d| d.triggers = vec![StageTrigger::inactive("paying", span)]);
    let both =
        StageTrigger { activity: Some("any".into()), ..StageTrigger::inactive("paying", "P1D") };
    for (definition, kind, field) in [
        (within(&["5 minutes"]), ErrorKind::InvalidValue, "stages[0].leave_within[0]"),
        (within(&["P1M"]), ErrorKind::InvalidValue, "stages[0].leave_within[0]"),
        (within(&["PT0S"]), ErrorKind::OutOfRange, "stages[0].leave_within[0]"),
        (within(&["1h", "60min"]), ErrorKind::OutOfRange, "stages[0].leave_within[1]"),
        (within(&["1h"; 9]), ErrorKind::LimitExceeded, "stages[0].leave_within"),
        (inactive("soon"), ErrorKind::InvalidValue, "triggers[0].inactive_for"),
        (inactive("P0D"), ErrorKind::OutOfRange, "triggers[0].inactive_for"),
        (with(|d| d.triggers = vec![both]), ErrorKind::InvalidArgument, "triggers[0].inactive_for"),
    ] {
        let error = refusal(&crm, definition);
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
    }
    crm.lifecycles().define(within(&["PT5M", "1h", "P1D"])).unwrap();
}

#[test]
fn a_map_names_each_stage_that_goes_once() {
    let crm = open();
    let mapped = |pairs: &[(&str, &str)]| {
        let map = pairs.iter().map(|(stage, becomes)| StageMapping {
            stage: (*stage).into(),
            becomes: (*becomes).into(),
        });
        DefineLifecycle { map: map.collect(), ..plain() }
    };
    let error = refusal(&crm, mapped(&[("test", "trial")]));
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("map")));
    let mut before = plain();
    before.stages.insert(1, Stage::new("test"));
    crm.lifecycles().define(before).unwrap();
    for (pairs, kind, field) in [
        (&[("tset", "trial")][..], ErrorKind::UnknownOption, "map[0].stage"),
        (&[("test", "trail")], ErrorKind::UnknownOption, "map[0].becomes"),
        (&[("trial", "paying")], ErrorKind::InvalidArgument, "map[0].stage"),
        (&[("test", "trial"), ("test", "paying")], ErrorKind::Duplicate, "map[1].stage"),
    ] {
        let error = refusal(&crm, mapped(pairs));
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{pairs:?}");
    }
    let deal = crm.deals().create(values! { "name" => "A" }).unwrap().id;
    crm.lifecycles().move_to(crm_core::MoveStage::new("plan", deal, "test")).unwrap();
    let dry = DefineLifecycle { dry_run: true, ..mapped(&[("test", "trial")]) };
    assert_eq!(crm.lifecycles().define(dry).unwrap().remapped[0].records, 1);
    for _ in 0..2 {
        // The second time there is nothing left to do, and that is no fault.
        let defined = crm.lifecycles().define(mapped(&[("test", "trial")])).unwrap();
        assert_eq!(defined.lifecycle.version, 2);
    }
    super::verify(&crm);
}
