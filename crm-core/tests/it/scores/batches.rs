//! Batches: what scores and segments make of many writes in one transaction.

use crm_core::{
    ApplyChanges, Attribute, ChangeKind, ColumnMapping, CountRecords, CreateRecord, Crm,
    DefineActivityKind, DefineLifecycle, DefineRule, DefineScore, DefineSegment, DefineType,
    ErrorKind, ExplainMember, Flow, GetScoreHistory, Kind, ListActivities, ListChanges,
    ListRuleRuns, NewActivity, Outcome, PlanImport, RecordActivities, RecordChange, RecordId,
    RecordRef, RelatedScore, RuleAction, RuleTrigger, ScoreFigure, ScoreGroup, ScoreRule, Stage,
    StageTrigger, values,
};

use super::{at, contact, model, open, publish, score};

/// Visits and forms of a record in one batch, in this order.
fn happen(crm: &Crm, id: RecordId, kinds: &[&str]) {
    let activity = |kind: &&str| {
        let who = RecordRef::new("contact", id);
        let mut activity = NewActivity::of(*kind, who, at("2026-01-01T00:00:00Z"));
        if *kind == "form" {
            activity.properties = values! { "form" => "demo" };
        }
        activity
    };
    let activities = kinds.iter().map(activity).collect();
    let request = RecordActivities { activities, all_or_nothing: true };
    assert!(crm.activities().record_many(request).unwrap().is_committed);
}

/// What the journal tells of scores, segments and stages, in order.
fn told(crm: &Crm) -> Vec<ChangeKind> {
    let kinds = [
        ChangeKind::ActivityRecorded,
        ChangeKind::ScoreCrossed,
        ChangeKind::SegmentEntered,
        ChangeKind::SegmentLeft,
        ChangeKind::StageMoved,
    ];
    let request = ListChanges { limit: 1000, ..ListChanges::after(0) };
    let page = crm.journal().changes(&request).unwrap();
    page.changes.iter().map(|change| change.kind).filter(|kind| kinds.contains(kind)).collect()
}

fn sound(crm: &Crm) {
    let report = crm.verify(&mut |_| Flow::Continue).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
}

fn visits(points: i64) -> DefineScore {
    let visits = ScoreRule::activity("visits", "web_visit", points);
    let forms = ScoreRule::activity("forms", "form", -points);
    let mut model = DefineScore::new("lead", "contact", [ScoreGroup::new("all", [visits, forms])]);
    model.thresholds = vec![crm_core::ScoreLevel::new("warm", 20)];
    model
}

#[test]
fn a_batch_scores_a_record_once() {
    let (crm, _) = open();
    publish(&crm, visits(10));
    let three = "count(web_visit) = 3".parse().unwrap();
    crm.segments().define(DefineSegment::live("three", "contact", three)).unwrap();
    let warm = "score(\"lead\" >= 20)".parse().unwrap();
    crm.segments().define(DefineSegment::live("warm", "contact", warm)).unwrap();
    let ann = contact(&crm, "DE");
    // It is warm for a moment, and has three visits for another one.
    happen(&crm, ann, &["web_visit", "web_visit", "web_visit", "form", "form", "web_visit"]);
    assert_eq!(score(&crm, ann), 20_000);
    use ChangeKind::{ActivityRecorded, ScoreCrossed, SegmentEntered};
    let mut expected = vec![ActivityRecorded; 6];
    expected.extend([ScoreCrossed, SegmentEntered]);
    assert_eq!(told(&crm), expected);
    let request = ExplainMember::new("warm", ann);
    assert!(crm.segments().explain(&request).unwrap().is_member);
    sound(&crm);
}

#[test]
fn a_rule_that_waits_for_a_score_hears_what_a_batch_comes_to() {
    let (crm, _) = open();
    publish(&crm, visits(10));
    let warm = RuleTrigger::scored("lead", "warm");
    let set = RuleAction::set("job_title", "warm");
    crm.rules().define(DefineRule::new("warm", "contact", warm, [set])).unwrap();
    let crossings = |id| {
        let history = crm.scores().history(&GetScoreHistory::new("lead", id)).unwrap();
        let crossings = history.crossings.into_iter();
        crossings.map(|crossing| (crossing.is_up, crossing.score)).collect::<Vec<_>>()
    };
    let title = |id| crm.contacts().get(id).unwrap().get("job_title").clone();
    let [ann, bob] = ["DE", "FR"].map(|country| contact(&crm, country));
    // Warm for a moment within the batch, which is one write.
    happen(&crm, ann, &["web_visit", "web_visit", "form"]);
    assert_eq!((crossings(ann), title(ann)), (vec![], crm_core::Value::Null));
    happen(&crm, bob, &["web_visit", "web_visit", "form", "web_visit"]);
    assert_eq!((crossings(bob), title(bob)), (vec![(true, 20_000)], "warm".into()));
    sound(&crm);
}

#[test]
fn what_asks_for_a_score_hears_of_a_batch_when_that_has_followed() {
    let (crm, _) = open();
    publish(&crm, visits(10));
    let warm: crm_core::Condition = "score(\"lead\" >= 20)".parse().unwrap();
    let mut way = DefineLifecycle::new("way", "contact", ["lead", "mql"].map(Stage::new));
    way.initial = Some("lead".into());
    way.triggers = vec![StageTrigger::when("mql", warm.clone())];
    crm.lifecycles().define(way).unwrap();
    let rule = |name: &str, on, condition: Option<&crm_core::Condition>| {
        let set = RuleAction::emit::<String>(name, []);
        let rule = DefineRule::new(name, "contact", on, [set]);
        let rule = condition.map_or(rule.clone(), |condition| rule.when(condition.clone()));
        crm.rules().define(rule).unwrap();
    };
    rule("each", RuleTrigger::activity("web_visit"), None);
    rule("hot", RuleTrigger::activity("web_visit"), Some(&warm));
    let staged = "stage(at_least \"mql\")".parse().unwrap();
    rule("staged", RuleTrigger::activity("form"), Some(&staged));
    let ran = |name: &str| crm.rules().runs(&ListRuleRuns::new(name)).unwrap().runs.len();
    let stages = |id| {
        let request = crm_core::GetLifecycleHistory::new("way", id);
        let history = crm.lifecycles().history(&request).unwrap();
        let stays = history.visits.into_iter().map(|visit| visit.stage).collect::<Vec<_>>();
        (stays, history.standing.stage)
    };
    let both = || vec!["lead".to_owned(), "mql".to_owned()];
    // Each visit is asked about when all of them count.
    let [ann, bob] = ["DE", "FR"].map(|country| contact(&crm, country));
    happen(&crm, ann, &["web_visit", "web_visit", "web_visit", "form"]);
    assert_eq!((ran("each"), ran("hot"), ran("staged")), (3, 3, 1));
    assert_eq!(stages(ann), (both(), Some("mql".into())));
    happen(&crm, bob, &["web_visit", "web_visit", "form"]);
    assert_eq!((ran("each"), ran("hot"), ran("staged")), (5, 3, 1));
    assert_eq!(stages(bob), (vec!["lead".into()], Some("lead".into())));
    sound(&crm);
}

#[test]
fn a_record_that_a_batch_creates_begins_at_the_beginning() {
    let (crm, _) = open();
    publish(&crm, model());
    let mut way = DefineLifecycle::new("way", "contact", ["lead", "mql"].map(Stage::new));
    way.initial = Some("lead".into());
    way.triggers = vec![StageTrigger::when("mql", "score(\"lead\" >= 20)".parse().unwrap())];
    crm.lifecycles().define(way).unwrap();
    let create = |_| {
        let values = values! { "country" => "DE" };
        RecordChange::Create(CreateRecord { entity_type: "contact".into(), values })
    };
    let request = ApplyChanges { changes: (0..2).map(create).collect(), all_or_nothing: false };
    for outcome in crm.apply(request).unwrap().outcomes {
        let request = crm_core::GetLifecycleHistory::new("way", outcome.id.unwrap());
        let history = crm.lifecycles().history(&request).unwrap();
        let stages: Vec<_> = history.visits.iter().map(|visit| &*visit.stage).collect();
        assert_eq!((stages, history.suppressed.len()), (vec!["lead", "mql"], 0));
    }
    sound(&crm);
}

#[test]
fn what_is_asked_for_follows_before_what_asks() {
    let (crm, _) = open();
    let busy = "count(web_visit) >= 2".parse().unwrap();
    crm.segments().define(DefineSegment::live("busy", "contact", busy)).unwrap();
    let mut model = visits(10);
    let often = ScoreRule::when("often", "in segment \"busy\"".parse().unwrap(), -15);
    model.groups.push(ScoreGroup::new("often", [often]));
    publish(&crm, model);
    let hot = "score(\"lead\" >= 20)".parse().unwrap();
    crm.segments().define(DefineSegment::live("hot", "contact", hot)).unwrap();
    for (name, on) in
        [("warm", RuleTrigger::scored("lead", "warm")), ("hot", RuleTrigger::entered("hot"))]
    {
        let set = RuleAction::set("job_title", name);
        crm.rules().define(DefineRule::new(name, "contact", on, [set])).unwrap();
    }
    let ann = contact(&crm, "DE");
    let visit = || super::happen(&crm, ann, "web_visit", 0);
    visit();
    // By its points alone it would be warm now, but that it visits often counts at the same moment.
    visit();
    assert_eq!(score(&crm, ann), 5_000);
    let history = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap();
    assert!(history.crossings.is_empty(), "{history:?}");
    assert!(crm.contacts().get(ann).unwrap().get("job_title").is_null(), "no rule has run");
    visit();
    assert!(crm.contacts().get(ann).unwrap().get("job_title").is_null());
    visit();
    let history = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap();
    assert_eq!(history.crossings.iter().map(|one| one.score).collect::<Vec<_>>(), [25_000]);
    let kinds = told(&crm);
    let entered = kinds.iter().filter(|kind| **kind == ChangeKind::SegmentEntered).count();
    let left = kinds.iter().filter(|kind| **kind == ChangeKind::SegmentLeft).count();
    assert_eq!((entered, left), (2, 0), "each came once and nobody left");
    sound(&crm);
}

/// Attributes of which a single long text makes a change that the journal cannot hold.
fn copies(formula: &str) -> Vec<Attribute> {
    let copy = |nth| Attribute::new(format!("copy_{nth}"), Kind::LongText).formula(formula);
    (0..17).map(copy).collect()
}

#[test]
fn a_row_that_is_told_failed_leaves_nothing_and_the_others_are_whole() {
    let long = "x".repeat(1024 * 1024);
    for is_scored in [false, true] {
        let (crm, _) = open();
        let body = Attribute::new("body", Kind::LongText);
        crm.activity_kinds().define(DefineActivityKind::new("letter", [body])).unwrap();
        let mut attributes = copies("latest(body of letter)");
        attributes.push(Attribute::new("letter", Kind::LongText));
        crm.types().define(DefineType::new("contact", attributes)).unwrap();
        let of_people = copies("latest(letter of related inverse contact.company)");
        crm.types().define(DefineType::new("company", of_people)).unwrap();
        if is_scored {
            publish(&crm, model());
        }
        let ann = contact(&crm, "DE");
        // Only the long one does not fit, whichever of them is the latest by then.
        let letter = |(nth, body): (usize, &str)| {
            let when = at(&format!("2026-01-01T00:00:0{nth}Z"));
            let letter = NewActivity::of("letter", RecordRef::new("contact", ann), when);
            NewActivity { properties: values! { "body" => body }, ..letter }
        };
        let activities = [(0, "one"), (2, long.as_str()), (1, "two")].map(letter);
        let record = |all_or_nothing| {
            let request = RecordActivities { activities: activities.to_vec(), all_or_nothing };
            crm.activities().record_many(request).unwrap()
        };
        let counts = || {
            let request = ListActivities::of(RecordRef::new("contact", ann));
            crm.activities().list(&request).unwrap().activities.len()
        };
        if !is_scored {
            let report = record(true);
            assert_eq!((report.is_committed, report.failed, counts()), (false, 1, 0));
        }
        let report = record(false);
        let kinds: Vec<_> = report.outcomes.iter().map(|one| one.outcome).collect();
        assert_eq!(kinds, [Outcome::Created, Outcome::Failed, Outcome::Created]);
        assert_eq!(report.outcomes[1].problem.as_ref().unwrap().kind, "limit_exceeded");
        assert_eq!(counts(), 2);
        assert_eq!(crm.contacts().get(ann).unwrap().get("copy_16"), &"two".into());

        let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
        let create = |letter: &str| {
            let values = values! { "company" => acme, "letter" => letter };
            RecordChange::Create(CreateRecord { entity_type: "contact".into(), values })
        };
        let changes = ["one", "two", long.as_str()].map(create).into();
        let report = crm.apply(ApplyChanges { changes, all_or_nothing: false }).unwrap();
        let kinds: Vec<_> = report.outcomes.iter().map(|one| one.outcome).collect();
        assert_eq!(kinds, [Outcome::Created, Outcome::Created, Outcome::Failed]);
        assert_eq!(crm.count_records(&CountRecords::new("contact")).unwrap(), 3);
        assert_eq!(crm.companies().get(acme).unwrap().get("copy_0"), &"two".into());

        if is_scored {
            // An import says so of the whole: nothing of the transaction stays.
            let columns = ["company", "letter"].map(|name| ColumnMapping::new(name, name));
            let table = format!("company,letter\n{acme},four\n{acme},{long}\n");
            let request = PlanImport::from_text("contact", table, columns);
            let plan = crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
            let error = crm.imports().apply(&plan, &mut |_| Flow::Continue).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LimitExceeded);
            assert_eq!(crm.count_records(&CountRecords::new("contact")).unwrap(), 3);
        }
        sound(&crm);
    }
}

/// What the leads of a company add up to.
fn account() -> DefineScore {
    let people = RelatedScore {
        related: "contact.company".into(),
        inverse: true,
        model: "lead".into(),
        figure: ScoreFigure::Sum,
    };
    let people = ScoreRule::related("people", people).max(1000);
    let thresholds = vec![crm_core::ScoreLevel::new("some", 40)];
    let groups = [ScoreGroup::new("all", [people])];
    DefineScore { thresholds, ..DefineScore::new("account", "company", groups) }
}

#[test]
fn an_import_scores_a_record_once_for_each_of_its_transactions() {
    let (crm, _) = open();
    publish(&crm, model());
    publish(&crm, account());
    let some = RuleTrigger::scored("account", "some");
    let set = RuleAction::set("name", "Some");
    crm.rules().define(DefineRule::new("some", "company", some, [set])).unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let columns = ["country", "company"].map(|name| ColumnMapping::new(name, name));
    let table = format!("country,company\nDE,{acme}\nDE,{acme}\nFR,{acme}\n");
    let request = PlanImport::from_text("contact", table, columns);
    let plan = crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
    let run = crm.imports().apply(&plan, &mut |_| Flow::Continue).unwrap();
    assert_eq!(run.import.created, 3);
    let history = crm.scores().history(&GetScoreHistory::new("account", acme)).unwrap();
    let scores: Vec<_> = history.crossings.iter().map(|crossing| crossing.score).collect();
    assert_eq!(scores, [80_000]);
    assert_eq!(crm.companies().get(acme).unwrap().get("name"), &"Some".into());
    sound(&crm);
}

#[test]
fn a_batch_of_related_records_scores_what_they_are_related_to() {
    let (crm, _) = open();
    publish(&crm, model());
    publish(&crm, account());
    let busy = "related(inverse contact.company: country = \"DE\") >= 2".parse().unwrap();
    crm.segments().define(DefineSegment::live("busy", "company", busy)).unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let values = ["DE", "DE", "FR"].map(|country| {
        values! { "country" => country, "company" => acme.to_string() }
    });
    let create =
        |values| RecordChange::Create(CreateRecord { entity_type: "contact".into(), values });
    let request = ApplyChanges { changes: values.map(create).into(), all_or_nothing: true };
    assert!(crm.apply(request).unwrap().is_committed);
    let read = crm_core::ReadScore::new("account", acme);
    assert_eq!(crm.scores().read(&read).unwrap().record.score, 80_000);
    let history = crm.scores().history(&GetScoreHistory::new("account", acme)).unwrap();
    let scores: Vec<_> = history.crossings.iter().map(|crossing| crossing.score).collect();
    assert_eq!(scores, [80_000], "the score of the company is told when all are there");
    assert!(crm.segments().explain(&ExplainMember::new("busy", acme)).unwrap().is_member);
    sound(&crm);
}
