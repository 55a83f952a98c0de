//! What a definition may say, and how it may change.

use crm_core::{
    Attribute, Crm, DefineLifecycle, DefineType, Error, ErrorKind, Kind, LifecyclePreset,
    RelatedStage, Stage, StageKind, StageMapping, StageTrigger, Value, values,
};

use super::{contact, go, history, open, stage, verify, way};

fn plain() -> DefineLifecycle {
    let stages = [
        Stage::new("trial"),
        Stage::new("paying").kind(StageKind::Won),
        Stage::new("gone").kind(StageKind::Lost),
    ];
    DefineLifecycle::new("plan", "contact", stages)
}

fn refusal(crm: &Crm, definition: DefineLifecycle) -> (ErrorKind, String) {
    let error = crm.lifecycles().define(definition).unwrap_err();
    (error.kind(), error.field().unwrap_or_default().to_owned())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a row for each fault")]
fn the_path_leads_to_the_fault() {
    let crm = open();
    let condition = |text: &str| text.parse().unwrap();
    type Change = Box<dyn Fn(&mut DefineLifecycle)>;
    let cases: Vec<(Change, ErrorKind, &str)> = vec![
        (Box::new(|d| d.entity_type = "contakt".into()), ErrorKind::UnknownType, "type"),
        (
            Box::new(move |d| {
                d.stages[1].guard = Some(condition("email is set and contry = \"DE\""));
            }),
            ErrorKind::UnknownAttribute,
            "stages[1].guard.all[1].field",
        ),
        (
            Box::new(|d| d.stages[1].required = vec!["email".into(), "fone".into()]),
            ErrorKind::UnknownAttribute,
            "stages[1].required[1]",
        ),
        (
            Box::new(|d| d.triggers = vec![StageTrigger::activity("paying", "purchse")]),
            ErrorKind::UnknownType,
            "triggers[0].activity",
        ),
        (
            Box::new(move |d| d.triggers = vec![StageTrigger::when("paying", condition("a = 1"))]),
            ErrorKind::UnknownAttribute,
            "triggers[0].where.field",
        ),
        (
            Box::new(|d| {
                let related = RelatedStage::new("deal.contact", "dael", "won").inverse();
                d.triggers = vec![StageTrigger::related("paying", related)];
            }),
            ErrorKind::NotFound,
            "triggers[0].related.lifecycle",
        ),
        (
            Box::new(|d| {
                let related = RelatedStage::new("deal.contact", "deal", "wonn").inverse();
                d.triggers = vec![StageTrigger::related("paying", related)];
            }),
            ErrorKind::UnknownOption,
            "triggers[0].related.stage",
        ),
        (
            Box::new(|d| {
                let related = RelatedStage::new("deal.company", "deal", "won").inverse();
                d.triggers = vec![StageTrigger::related("paying", related)];
            }),
            ErrorKind::UnknownType,
            "triggers[0].related.related",
        ),
        (
            Box::new(|d| {
                let related = RelatedStage::new("deal.contact", "deal", "won").inverse();
                let related = RelatedStage { only_primary: true, ..related };
                d.triggers = vec![StageTrigger::related("paying", related)];
            }),
            ErrorKind::InvalidArgument,
            "triggers[0].related.only_primary",
        ),
        (
            Box::new(move |d| {
                d.stages[2].automatic_exit = true;
                let gone = StageTrigger::when("gone", condition("email is missing"));
                let gone = StageTrigger { reason: Some("x".into()), ..gone };
                d.triggers = vec![gone, StageTrigger::when("paying", condition("phone is set"))];
            }),
            ErrorKind::InvalidArgument,
            "triggers[0].to",
        ),
    ];
    for (place, (change, kind, field)) in cases.iter().enumerate() {
        let mut definition = plain();
        change(&mut definition);
        assert_eq!(refusal(&crm, definition), (*kind, (*field).to_owned()), "case {place}");
    }
    let mut near = plain();
    near.stages[1].guard = Some(condition("contry = \"DE\""));
    let error = crm.lifecycles().define(near).unwrap_err();
    assert_eq!(error.hint(), Some("did you mean \"country\"?"));
}

#[test]
fn saying_the_same_again_changes_nothing_and_another_version_counts() {
    let crm = Crm::in_memory().unwrap();
    let define = |definition| crm.lifecycles().define(definition).unwrap().lifecycle;
    let first = define(DefineLifecycle { label: "Plan".into(), ..plain() });
    assert_eq!((first.version, first.stages[0].label.as_str()), (1, "trial"));
    let changes = crm.stats().unwrap().changes;
    assert_eq!(define(plain()), first);
    assert_eq!(crm.stats().unwrap().changes, changes);
    let mut longer = plain();
    longer.stages.insert(1, Stage::new("pilot"));
    assert_eq!(define(longer).version, 2);
    let other = DefineLifecycle { entity_type: "company".into(), ..plain() };
    assert_eq!(refusal(&crm, other), (ErrorKind::DefinitionConflict, "type".into()));
    assert_eq!(crm.lifecycles().list().unwrap().len(), 1);
    let error = crm.lifecycles().get("plam").unwrap_err();
    assert_eq!(error.hint(), Some("did you mean \"plan\"?"));
    crm.lifecycles().archive("plan").unwrap();
    assert_eq!(refusal(&crm, plain()), (ErrorKind::Archived, "name".into()));
}

#[test]
fn a_stage_in_use_does_not_become_lost_and_a_lost_one_nothing_else() {
    let crm = open();
    let (ann, bob) = (contact(&crm), contact(&crm));
    go(&crm, "contact", ann, "other");
    go(&crm, "contact", bob, "lost");
    for (name, kind) in [("other", StageKind::Lost), ("lost", StageKind::Side)] {
        let mut changed = LifecyclePreset::Contact.definition();
        changed.stages.iter_mut().find(|stage| stage.name == name).unwrap().kind = kind;
        let error = crm.lifecycles().define(changed).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some("stages")));
        assert!(error.hint().unwrap().contains("another stage"), "{error}");

        let mut mapped = LifecyclePreset::Contact.definition();
        mapped.stages.retain(|stage| stage.name != name);
        let becomes = if name == "lost" { "other" } else { "lost" };
        mapped.map = vec![StageMapping { stage: name.into(), becomes: becomes.into() }];
        assert_eq!(refusal(&crm, mapped), (ErrorKind::DefinitionConflict, "map".into()));
    }
}

#[test]
fn a_stage_in_use_that_goes_needs_one_that_takes_its_place() {
    let crm = open();
    let (ann, bob) = (contact(&crm), contact(&crm));
    go(&crm, "contact", ann, "sql");
    go(&crm, "contact", bob, "mql");
    let mut shorter = LifecyclePreset::Contact.definition();
    shorter.stages.remove(2);
    let error = crm.lifecycles().define(shorter.clone()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some("stages")));
    assert!(error.message().contains("2 records stand or stood on \"mql\""), "{error}");

    let becomes = |becomes: &str| StageMapping { stage: "mql".into(), becomes: becomes.into() };
    shorter.map = vec![becomes("customer")];
    assert_eq!(refusal(&crm, shorter.clone()), (ErrorKind::DefinitionConflict, "stages".into()));
    shorter.map = vec![becomes("lost")];
    assert_eq!(refusal(&crm, shorter.clone()), (ErrorKind::DefinitionConflict, "map".into()));
    shorter.map = vec![becomes("leed")];
    assert_eq!(refusal(&crm, shorter.clone()), (ErrorKind::UnknownOption, "map[0].becomes".into()));

    shorter.map = vec![becomes("lead")];
    let changes = crm.stats().unwrap().changes;
    let dry = DefineLifecycle { dry_run: true, ..shorter.clone() };
    let tried = crm.lifecycles().define(dry).unwrap();
    assert!(!tried.is_saved && tried.remapped[0].records == 2);
    assert_eq!(crm.stats().unwrap().changes, changes);
    let done = crm.lifecycles().define(shorter.clone()).unwrap();
    assert!(done.is_saved && done.remapped == tried.remapped);
    assert_eq!(way(&crm, "contact", bob)[1..], ["lead:implied", "lead:manual"]);
    assert_eq!(stage(&crm, "contact", bob).as_deref(), Some("lead"));
    assert_eq!(history(&crm, "contact", ann).standing.reached.as_deref(), Some("sql"));
    // A host may say the same at every start.
    assert_eq!(crm.lifecycles().define(shorter).unwrap().lifecycle, done.lifecycle);
    verify(&crm);
}

#[test]
fn what_records_lack_for_a_new_requirement_is_counted_beforehand() {
    let crm = open();
    let [ann, bob, gone, eve] = [0; 4].map(|_| contact(&crm));
    crm.contacts().patch(bob, values! { "phone" => "+49 30 901820" }).unwrap();
    for (id, to) in [(ann, "sql"), (bob, "sql"), (gone, "sql"), (eve, "mql")] {
        go(&crm, "contact", id, to);
    }
    crm.contacts().archive(gone, None).unwrap();
    let mut stricter = LifecyclePreset::Contact.definition();
    stricter.stages[2].required = vec!["phone".into()];
    stricter.stages.retain(|stage| stage.name != "sql");
    stricter.map = vec![StageMapping { stage: "sql".into(), becomes: "opportunity".into() }];
    let dry = DefineLifecycle { dry_run: true, ..stricter.clone() };
    let told =
        |lack: &crm_core::StageLack| (lack.stage.clone(), lack.attribute.clone(), lack.records);
    let lack = |of: &[crm_core::StageLack]| of.iter().map(told).collect::<Vec<_>>();
    let all =
        ["mql", "opportunity"].map(|stage| (stage.to_owned(), "phone".to_owned(), 1)).to_vec();
    assert_eq!(lack(&crm.lifecycles().define(dry).unwrap().lacking), all);
    assert_eq!(lack(&crm.lifecycles().define(stricter.clone()).unwrap().lacking), all);
    // What was asked for before is nothing new.
    (stricter.map, stricter.label) = (Vec::new(), "Leads".into());
    assert_eq!(crm.lifecycles().define(stricter).unwrap().lacking, []);
    verify(&crm);
}

#[test]
fn stages_in_use_keep_their_order() {
    let crm = open();
    let ann = contact(&crm);
    go(&crm, "contact", ann, "sql");
    let mut swapped = LifecyclePreset::Contact.definition();
    swapped.stages.swap(0, 1);
    assert_eq!(refusal(&crm, swapped), (ErrorKind::DefinitionConflict, "stages".into()));
    // Nobody was a customer or an advocate yet.
    let mut swapped = LifecyclePreset::Contact.definition();
    swapped.stages.swap(5, 6);
    crm.lifecycles().define(swapped).unwrap();
}

#[test]
fn other_definitions_do_not_break_a_lifecycle() {
    let crm = Crm::in_memory().unwrap();
    let mut guarded = plain();
    guarded.stages[1] = guarded.stages[1].clone().guard("source = \"web\"".parse().unwrap());
    crm.lifecycles().define(guarded).unwrap();
    let conflict = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
        assert_eq!(error.field(), Some("plan.stages[1].guard.field"));
        assert!(error.message().contains("\"plan\""), "{error}");
    };
    conflict(crm.types().archive_attribute("contact", "source").unwrap_err());
    assert!(crm.types().get("contact").unwrap().archived_attributes.is_empty());
    crm.lifecycles().archive("plan").unwrap();
    crm.types().archive_attribute("contact", "source").unwrap();
    conflict(crm.lifecycles().restore("plan").unwrap_err());
    crm.types().restore_attribute("contact", "source").unwrap();
    crm.lifecycles().restore("plan").unwrap();
}

#[test]
fn an_attribute_is_required_from_a_stage_on() {
    let crm = Crm::in_memory().unwrap();
    let book = DefineType::new("book", [Attribute::new("isbn", Kind::Text)]);
    crm.types().define(book).unwrap();
    let stages = ["draft", "proof", "print"].map(Stage::new);
    let mut definition = DefineLifecycle::new("press", "book", stages);
    definition.stages[1].required = vec!["isbn".into()];
    definition.stages.push(Stage::new("pulped").kind(StageKind::Side));
    crm.lifecycles().define(definition).unwrap();
    let books = crm.records("book");
    let id = books.create(values! {}).unwrap().id;
    go(&crm, "press", id, "draft");
    let to_print = crm_core::MoveStage::new("press", id, "print");
    let error = crm.lifecycles().move_to(to_print.clone()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("isbn")));
    books.patch(id, values! { "isbn" => "9780141439587" }).unwrap();
    crm.lifecycles().move_to(to_print).unwrap();
    let error = books.patch(id, values! { "isbn" => Value::Null }).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("isbn")));
    go(&crm, "press", id, "pulped");
    books.patch(id, values! { "isbn" => Value::Null }).unwrap();
}
