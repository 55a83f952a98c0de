//! What moves records by itself, and what is kept of it when it does not.

use crm_core::{
    ActivityColumns, ActivityPreset, AddAssociation, ApplyChanges, AssociationPreset, Attribute,
    ChangeKind, ColumnMapping, CreateRecord, Crm, DefineLifecycle, Flow, IdentifyVisitor,
    ImportMode, Kind, LifecyclePreset, MoveStage, NewActivity, PatchAssociation, PlanImport,
    RecordActivities, RecordChange, RecordId, RecordRef, RelatedStage, Stage, StageTrigger,
    SuppressedBy, Timestamp, Value, values,
};

use super::{contact, go, history, open, stage, verify, way};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn when(to: &str, text: &str) -> StageTrigger {
    StageTrigger::when(to, text.parse().unwrap())
}

/// Lifecycles of contacts and companies that follow those of deals.
fn sales() -> Crm {
    let crm = open();
    crm.activity_kinds().define_preset(ActivityPreset::Form).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let deal = |of: &str, to: &str, stage: &str| {
        let related = RelatedStage::new(format!("deal.{of}"), "deal", stage).inverse();
        StageTrigger::related(to, related)
    };
    let company = DefineLifecycle {
        triggers: vec![
            deal("company", "opportunity", "prospecting"),
            deal("company", "customer", "won"),
        ],
        ..DefineLifecycle::new("company", "company", LifecyclePreset::Contact.definition().stages)
    };
    crm.lifecycles().define(company).unwrap();
    let employer = RelatedStage {
        only_primary: true,
        ..RelatedStage::new("employed_by", "company", "opportunity")
    };
    let large = StageTrigger::activity("customer", "purchase");
    let large = StageTrigger { filter: Some("amount >= 100.00 EUR".parse().unwrap()), ..large };
    let contacts = DefineLifecycle {
        triggers: vec![
            StageTrigger::activity("mql", "form"),
            large,
            when("lead", "email is set"),
            when("sql", "count(form) >= 3"),
            deal("contact", "opportunity", "prospecting"),
            deal("contact", "customer", "won"),
            StageTrigger::related("opportunity", employer),
        ],
        ..LifecyclePreset::Contact.definition()
    };
    crm.lifecycles().define(contacts).unwrap();
    crm
}

fn company(crm: &Crm) -> RecordId {
    crm.companies().create(values! { "name" => "Acme" }).unwrap().id
}

fn form(crm: &Crm, id: RecordId) -> RecordId {
    let form = NewActivity::of("form", RecordRef::new("contact", id), at("2024-05-01T00:00:00Z"));
    let form = NewActivity { properties: values! { "form" => "newsletter" }, ..form };
    crm.activities().record(form).unwrap().activity.id
}

fn employ(crm: &Crm, contact: RecordId, company: RecordId, is_primary: bool) -> RecordId {
    let ends = (RecordRef::new("contact", contact), RecordRef::new("company", company));
    let job = AddAssociation::new("employed_by", ends.0, ends.1);
    crm.associations().add(AddAssociation { is_primary, ..job }).unwrap().id
}

#[test]
fn an_activity_moves_forward_and_is_the_evidence() {
    let crm = sales();
    let ann = contact(&crm);
    let id = form(&crm, ann);
    assert_eq!(way(&crm, "contact", ann), ["subscriber:implied", "lead:implied", "mql:activity"]);
    let visit = history(&crm, "contact", ann).visits.pop().unwrap();
    assert_eq!((visit.activity_id, visit.entered_at), (Some(id), at("2024-05-01T00:00:00Z")));
    // The move stands in the transaction of the activity.
    let changes = crm.journal().changes(&crm_core::ListChanges::after(visit.seq - 2)).unwrap();
    assert_eq!(changes.changes[0].transaction, changes.changes[1].transaction);
    form(&crm, ann);
    form(&crm, ann);
    assert_eq!(stage(&crm, "contact", ann).as_deref(), Some("sql"), "the third form");
    verify(&crm);
}

#[test]
fn a_move_that_would_go_back_is_kept_once_for_each_stay() {
    let crm = sales();
    let ann = contact(&crm);
    go(&crm, "contact", ann, "customer");
    let first = form(&crm, ann);
    form(&crm, ann);
    let [suppressed] = &history(&crm, "contact", ann).suppressed[..] else { panic!() };
    assert_eq!((suppressed.to.as_str(), suppressed.by), ("mql", SuppressedBy::Earlier));
    assert_eq!(suppressed.activity_id, Some(first));
    go(&crm, "contact", ann, "advocate");
    form(&crm, ann);
    assert_eq!(history(&crm, "contact", ann).suppressed.len(), 2);
    assert_eq!(stage(&crm, "contact", ann).as_deref(), Some("advocate"));
    verify(&crm);
}

#[test]
fn only_an_activity_that_fits_moves() {
    let crm = sales();
    let ann = contact(&crm);
    let purchase = |amount: &str| {
        let now = at("2024-05-01T00:00:00Z");
        let purchase = NewActivity::of("purchase", RecordRef::new("contact", ann), now);
        let amount = Some(crm_core::Money::new(amount, "EUR"));
        crm.activities().record(NewActivity { amount, ..purchase }).unwrap();
    };
    purchase("99.99");
    assert_eq!(stage(&crm, "contact", ann), None);
    purchase("100.00");
    assert_eq!(stage(&crm, "contact", ann).as_deref(), Some("customer"));
}

#[test]
fn a_condition_moves_as_soon_as_a_write_makes_it_true() {
    let crm = sales();
    let ann = contact(&crm);
    crm.contacts().patch(ann, values! { "job_title" => "CFO" }).unwrap();
    assert_eq!(stage(&crm, "contact", ann), None);
    crm.contacts().patch(ann, values! { "email" => "ann@example.org" }).unwrap();
    assert_eq!(way(&crm, "contact", ann), ["subscriber:implied", "lead:condition"]);
    go(&crm, "contact", ann, "customer");
    crm.contacts().patch(ann, values! { "email" => "ann@example.com" }).unwrap();
    assert!(history(&crm, "contact", ann).suppressed.is_empty(), "it asks for nothing more");
    verify(&crm);
}

#[test]
fn a_deal_moves_its_contact_its_company_and_those_who_work_there_first_of_all() {
    let crm = sales();
    let (ann, bob, eve) = (contact(&crm), contact(&crm), contact(&crm));
    let (acme, side) = (company(&crm), company(&crm));
    employ(&crm, bob, acme, true);
    employ(&crm, eve, side, true);
    employ(&crm, eve, acme, false);
    go(&crm, "contact", ann, "lead");
    let deal = crm.deals().create(values! { "name" => "A", "contact" => ann, "company" => acme });
    let deal = deal.unwrap().id;
    for id in [ann, bob] {
        assert_eq!(stage(&crm, "contact", id).as_deref(), Some("opportunity"));
    }
    assert_eq!(stage(&crm, "company", acme).as_deref(), Some("opportunity"));
    assert_eq!(stage(&crm, "contact", eve), None, "it is not her first company");
    let by = history(&crm, "contact", bob).visits.pop().unwrap().record;
    assert_eq!(by, Some(RecordRef::new("company", acme)));

    go(&crm, "deal", deal, "won");
    assert_eq!(stage(&crm, "contact", ann).as_deref(), Some("customer"));
    assert_eq!(stage(&crm, "company", acme).as_deref(), Some("customer"));
    assert_eq!(stage(&crm, "contact", bob).as_deref(), Some("opportunity"), "no rule says more");
    assert_eq!(stage(&crm, "company", side), None);
    verify(&crm);
}

#[test]
fn a_record_that_is_related_later_follows_as_well() {
    let crm = sales();
    let (ann, acme) = (contact(&crm), company(&crm));
    let deal = crm.deals().create(values! { "name" => "A" }).unwrap().id;
    go(&crm, "deal", deal, "won");
    crm.deals().patch(deal, values! { "company" => acme }).unwrap();
    assert_eq!(stage(&crm, "company", acme).as_deref(), Some("customer"));
    let job = employ(&crm, ann, acme, false);
    assert_eq!(stage(&crm, "contact", ann), None);
    let changes = values! { "is_primary" => true };
    let patch = PatchAssociation { id: job, changes, expected_version: None };
    crm.associations().patch(patch).unwrap();
    assert_eq!(stage(&crm, "contact", ann).as_deref(), Some("opportunity"));
    verify(&crm);
}

#[test]
fn a_visitor_who_turns_out_to_be_somebody_moves_them() {
    let crm = sales();
    let ann = contact(&crm);
    for day in ["2024-02-02T00:00:00Z", "2024-01-01T00:00:00Z"] {
        let form = NewActivity::of_visitor("form", "v", at(day));
        let form = NewActivity { properties: values! { "form" => "newsletter" }, ..form };
        crm.activities().record(form).unwrap();
    }
    let (visitor, entity_type) = ("v".to_owned(), "contact".to_owned());
    crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id: ann }).unwrap();
    let standing = history(&crm, "contact", ann).standing;
    assert_eq!(standing.stage.as_deref(), Some("mql"));
    assert_eq!(standing.entered_at, Some(at("2024-01-01T00:00:00Z")), "the first of them");
    verify(&crm);
}

#[test]
fn what_a_stage_asks_keeps_automation_away_and_is_recorded() {
    let crm = Crm::in_memory().unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Form).unwrap();
    let mut definition = DefineLifecycle::new("plan", "contact", ["a", "b", "c"].map(Stage::new));
    definition.stages[1].required = vec!["email".into()];
    definition.stages[2].guard = Some("country = \"DE\"".parse().unwrap());
    definition.initial = Some("a".into());
    definition.triggers = vec![StageTrigger::activity("c", "form")];
    crm.lifecycles().define(definition).unwrap();
    let ann = contact(&crm);
    assert_eq!(way(&crm, "plan", ann), ["a:initial"]);
    form(&crm, ann);
    crm.contacts().patch(ann, values! { "email" => "ann@example.org" }).unwrap();
    form(&crm, ann);
    let suppressed = history(&crm, "plan", ann).suppressed;
    let by: Vec<_> = suppressed.iter().map(|one| one.by).collect();
    assert_eq!(by, [SuppressedBy::Required, SuppressedBy::Guard]);
    let error = crm.lifecycles().move_to(MoveStage::new("plan", ann, "c")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (crm_core::ErrorKind::Refused, Some("to")));
    assert!(error.message().contains("\"c\""), "{error}");
    crm.contacts().patch(ann, values! { "country" => "DE" }).unwrap();
    form(&crm, ann);
    assert_eq!(way(&crm, "plan", ann), ["a:initial", "b:implied", "c:activity"]);
    verify(&crm);
}

#[test]
fn a_lost_customer_who_buys_again_is_won_back() {
    let crm = open();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let mut definition = LifecyclePreset::Contact.definition();
    definition.triggers = vec![StageTrigger::activity("customer", "purchase")];
    crm.lifecycles().define(definition).unwrap();
    let (ann, bob) = (contact(&crm), contact(&crm));
    for (id, to) in [(ann, "churned"), (bob, "disqualified")] {
        let mut lost = MoveStage::new("contact", id, to);
        (lost.reason, lost.at) = (Some("other".into()), Some(at("2024-04-01T00:00:00Z")));
        crm.lifecycles().move_to(lost).unwrap();
    }
    for id in [ann, bob] {
        let now = at("2024-05-01T00:00:00Z");
        let purchase = NewActivity::of("purchase", RecordRef::new("contact", id), now);
        crm.activities().record(purchase).unwrap();
    }
    let standing = history(&crm, "contact", ann).standing;
    assert_eq!((standing.cycle, standing.stage.as_deref()), (2, Some("customer")));
    let [kept] = &history(&crm, "contact", bob).suppressed[..] else { panic!() };
    assert_eq!(kept.by, SuppressedBy::Exit);
    verify(&crm);
}

#[test]
fn lifecycles_that_follow_each_other_come_to_an_end() {
    let crm = Crm::in_memory().unwrap();
    let stages = || ["a", "b"].map(Stage::new);
    let both = |name: &str, entity_type: &str, related: RelatedStage| DefineLifecycle {
        triggers: vec![StageTrigger::related("b", related)],
        ..DefineLifecycle::new(name, entity_type, stages())
    };
    crm.lifecycles().define(DefineLifecycle::new("up", "company", stages())).unwrap();
    let down = both("down", "contact", RelatedStage::new("company", "up", "b"));
    crm.lifecycles().define(down).unwrap();
    let up = both("up", "company", RelatedStage::new("contact.company", "down", "b").inverse());
    crm.lifecycles().define(up).unwrap();
    let acme = company(&crm);
    let staff = || crm.contacts().create(values! { "company" => acme }).unwrap().id;
    let (ann, bob) = (staff(), staff());
    go(&crm, "down", ann, "b");
    assert_eq!(stage(&crm, "up", acme).as_deref(), Some("b"));
    assert_eq!(stage(&crm, "down", bob).as_deref(), Some("b"));
    let eve = staff();
    assert_eq!(stage(&crm, "down", eve).as_deref(), Some("b"), "a new one follows at once");
    verify(&crm);
}

#[test]
fn a_batch_moves_what_it_writes_and_nothing_else() {
    let crm = sales();
    let create = |email: &str| {
        let values = values! { "email" => email };
        RecordChange::Create(CreateRecord { entity_type: "contact".into(), values })
    };
    let changes = vec![create("ann@example.org"), create("bad"), create("bob@example.org")];
    let report = crm.apply(ApplyChanges { changes, all_or_nothing: false }).unwrap();
    for outcome in report.outcomes {
        if let Some(id) = outcome.id {
            assert_eq!(stage(&crm, "contact", id).as_deref(), Some("lead"));
        }
    }
    verify(&crm);
    let ann = contact(&crm);
    crm.contacts().archive(ann, None).unwrap();
    let deal = values! { "name" => "A", "contact" => ann, "amount" => Value::Null };
    crm.deals().create(deal).unwrap();
    assert_eq!(stage(&crm, "contact", ann), None, "what is archived is left alone");
    verify(&crm);
}

#[test]
fn a_guard_sees_what_a_roll_up_comes_to_in_the_same_write() {
    let crm = open();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    let count = Attribute::new("purchases", Kind::Integer).formula("count(purchase)");
    crm.types().define_attribute("contact", count).unwrap();
    let guarded = Stage { guard: Some("purchases >= 2".parse().unwrap()), ..Stage::new("regular") };
    let lifecycle = DefineLifecycle {
        triggers: vec![StageTrigger::activity("regular", "purchase")],
        ..DefineLifecycle::new("shop", "contact", [Stage::new("new"), guarded])
    };
    crm.lifecycles().define(lifecycle).unwrap();
    let ann = contact(&crm);
    let buy = |day: &str| {
        let record = RecordRef::new("contact", ann);
        NewActivity::of("purchase", record, at(&format!("2024-05-{day}T00:00:00Z")))
    };
    crm.activities().record(buy("01")).unwrap();
    assert_eq!(stage(&crm, "shop", ann), None);
    assert_eq!(history(&crm, "shop", ann).suppressed.len(), 1);
    // The second purchase is counted before it is asked whether it moves.
    crm.activities().record(buy("02")).unwrap();
    assert_eq!(stage(&crm, "shop", ann).as_deref(), Some("regular"));

    // So are several that are recorded at once.
    let ben = contact(&crm);
    let both = [buy("03"), buy("04")]
        .map(|one| NewActivity { subject: Some(RecordRef::new("contact", ben)), ..one });
    let batch = RecordActivities { activities: both.into(), all_or_nothing: false };
    crm.activities().record_many(batch).unwrap();
    assert_eq!(stage(&crm, "shop", ben).as_deref(), Some("regular"));
    verify(&crm);
}

#[test]
fn an_import_moves_what_it_writes_once_and_is_taken_back_without_it() {
    let crm = sales();
    let key = Attribute::new("code", Kind::Text).unique();
    crm.types().define_attribute("contact", key).unwrap();
    let called = ActivityColumns::new(
        "purchase",
        [
            ColumnMapping::new("bought", "at"),
            ColumnMapping::new("for", "amount"),
            ColumnMapping::new("cur", "amount.currency"),
        ],
    );
    let columns = ["code", "email"].map(|name| ColumnMapping::new(name, name));
    let text = "code,email,bought,for,cur\n\
        a,ann@example.org,,,\n\
        b,,2024-05-01T00:00:00Z,200,EUR\n\
        c,,2024-05-01T00:00:00Z,20,EUR\n";
    let request = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["code".into()],
        activities: vec![called],
        ..PlanImport::from_text("contact", text, columns)
    };
    let plan = || crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
    let run = crm.imports().apply(&plan(), &mut |_| Flow::Continue).unwrap();
    assert_eq!((run.import.created, run.import.activities), (3, 2));
    let of = |code: &str| crm.contacts().get_by("code", code).unwrap().id;
    let stage_of = |code: &str| stage(&crm, "contact", of(code));
    assert_eq!(stage_of("a").as_deref(), Some("lead"), "an address that is set");
    assert_eq!(stage_of("b").as_deref(), Some("customer"), "a purchase that is large");
    assert_eq!(stage_of("c"), None, "one that is not");
    let before = history(&crm, "contact", of("b")).visits.len();
    assert_eq!(way(&crm, "contact", of("b")).last().map(String::as_str), Some("customer:activity"));
    // The move is a change of the import's, in its transaction.
    let cause = format!("import:{}", run.import.id);
    let changes = crm.journal().changes(&crm_core::ListChanges::after(0)).unwrap().changes;
    let moves = changes.iter().filter(|change| change.kind == ChangeKind::StageMoved);
    assert!(moves.clone().count() > 0);
    assert!(moves.clone().all(|change| change.cause.as_deref() == Some(&*cause)));

    // Once: the same table again moves nobody.
    let again = crm.imports().apply(&plan(), &mut |_| Flow::Continue).unwrap();
    assert_eq!((again.import.unchanged, again.import.activities), (3, 0));
    assert_eq!(history(&crm, "contact", of("b")).visits.len(), before);
    // Where somebody stood stays true when the import is taken back; the record is archived.
    let report = crm.imports().revert(run.import.id, &mut |_| Flow::Continue).unwrap();
    assert_eq!(report.archived, 3);
    assert_eq!(stage_of("b").as_deref(), Some("customer"));
    verify(&crm);
}
