//! Batches: what scores and segments make of many writes in one transaction.

use crm_core::{
    ApplyChanges, ChangeKind, CreateRecord, Crm, DefineLifecycle, DefineRule, DefineScore,
    DefineSegment, ExplainMember, Flow, GetScoreHistory, ListChanges, NewActivity,
    RecordActivities, RecordChange, RecordId, RecordRef, RelatedScore, RuleAction, RuleTrigger,
    ScoreFigure, ScoreGroup, ScoreRule, Stage, StageTrigger, values,
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
fn where_a_rule_waits_for_a_score_each_row_of_a_batch_is_told() {
    let (crm, _) = open();
    publish(&crm, visits(10));
    let warm = RuleTrigger::scored("lead", "warm");
    let set = RuleAction::set("job_title", "warm");
    crm.rules().define(DefineRule::new("warm", "contact", warm, [set])).unwrap();
    let ann = contact(&crm, "DE");
    happen(&crm, ann, &["web_visit", "web_visit", "form"]);
    let history = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap();
    let crossings: Vec<_> = history.crossings.iter().map(|c| (c.is_up, c.score)).collect();
    assert_eq!(crossings, [(true, 20_000), (false, 10_000)]);
    assert_eq!(crm.contacts().get(ann).unwrap().get("job_title"), &"warm".into());
    sound(&crm);
}

#[test]
fn a_lifecycle_that_asks_for_a_score_sees_it_in_the_middle_of_a_batch() {
    let (crm, _) = open();
    publish(&crm, visits(10));
    let mut way = DefineLifecycle::new("way", "contact", ["lead", "mql"].map(Stage::new));
    way.initial = Some("lead".into());
    let warm = "score(\"lead\" >= 20)".parse().unwrap();
    way.triggers = vec![StageTrigger::when("mql", warm)];
    crm.lifecycles().define(way).unwrap();
    let ann = contact(&crm, "DE");
    happen(&crm, ann, &["web_visit", "web_visit", "form"]);
    let request = crm_core::GetLifecycleHistory::new("way", ann);
    let standing = crm.lifecycles().history(&request).unwrap().standing;
    assert_eq!(standing.stage.as_deref(), Some("mql"));
    sound(&crm);
}

#[test]
fn a_batch_of_related_records_scores_what_they_are_related_to() {
    let (crm, _) = open();
    publish(&crm, model());
    let people = RelatedScore {
        related: "contact.company".into(),
        inverse: true,
        model: "lead".into(),
        figure: ScoreFigure::Sum,
    };
    let people = ScoreRule::related("people", people).max(1000);
    let mut account = DefineScore::new("account", "company", [ScoreGroup::new("all", [people])]);
    account.thresholds = vec![crm_core::ScoreLevel::new("some", 40)];
    publish(&crm, account);
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
