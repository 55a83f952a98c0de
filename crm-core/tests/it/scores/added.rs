//! Points that are added by hand: part of the sum, with who did it, and never drifting.

use crm_core::{
    AddScorePoints, ChangeKind, DefineScore, ErrorKind, Flow, GetScoreHistory, ListChanges,
    ReadScore, ScoreFade, ScoreGroup, ScoreRule, values,
};

use super::{DAY, at, contact, explain, happen, model, open, publish, ranking, score};

fn add(points: i64, group: &str) -> impl Fn(&crm_core::Crm, crm_core::RecordId) -> i64 {
    let group = group.to_owned();
    move |crm, id| {
        let added = AddScorePoints::new("lead", id, points).part_of(group.as_str());
        crm.scores().add_points(&added).unwrap().record.score
    }
}

#[test]
fn added_points_are_part_of_the_sum_with_their_evidence() {
    let (crm, _) = open();
    publish(&crm, model());
    let ann = contact(&crm, "DE");
    happen(&crm, ann, "form", 0);
    let by = crm.acting_as("user:ann", Some("the fair")).unwrap();
    let added = AddScorePoints::new("lead", ann, 25).part_of("fit").because("knows the boss");
    let before = crm.journal().changes(&ListChanges::after(0)).unwrap().next;
    let answer = by.scores().add_points(&added).unwrap();
    assert_eq!((answer.record.score, answer.version), (95_000, 1));
    let explained = explain(&crm, ann);
    let lines: Vec<_> = explained
        .contributions
        .iter()
        .map(|line| (line.rule.as_deref(), line.raw, line.added.is_some()))
        .collect();
    assert_eq!(
        lines,
        [(Some("country"), 30_000, false), (None, 25_000, true), (Some("forms"), 40_000, false)]
    );
    let line = &explained.contributions[1];
    let evidence = line.added.as_ref().unwrap();
    assert_eq!(evidence.seq, before + 1);
    assert_eq!((&*evidence.actor, evidence.cause.as_deref()), ("user:ann", Some("the fair")));
    assert_eq!(evidence.reason.as_deref(), Some("knows the boss"));
    assert_eq!(line.at, Some(explained.at), "since now");
    assert!(!format!("{explained:?}{added:?}").contains("boss"), "a reason is nothing for a log");

    let change = &crm.journal().changes(&ListChanges::after(before)).unwrap().changes[0];
    assert_eq!((change.kind, change.record_id), (ChangeKind::PointsAdded, Some(ann)));
    assert_eq!(change.entity_type.as_deref(), Some("contact"));
    let crossed = crm.scores().history(&GetScoreHistory::new("lead", ann)).unwrap().crossings;
    assert_eq!(crossed.len(), 1, "warm by the form, and no further");
    // What was too much is taken back.
    assert_eq!(add(-25, "fit")(&crm, ann), 70_000);
    assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
}

#[test]
fn added_points_fade_and_are_capped_as_their_group_is() {
    let (crm, clock) = open();
    publish(&crm, model());
    let ann = contact(&crm, "");
    assert_eq!(add(90, "engagement")(&crm, ann), 90_000);
    happen(&crm, ann, "form", 0);
    assert_eq!(score(&crm, ann), 100_000, "the cap of the group holds for the sum");
    explain(&crm, ann);
    clock.advance(30 * DAY);
    assert_eq!(score(&crm, ann), 65_000, "both have halved");
    explain(&crm, ann);
    // Those of earlier fade from then on, and nothing counts before its time.
    let earlier = Some(at("2026-01-01T00:00:00Z"));
    let late = AddScorePoints { at: earlier, ..AddScorePoints::new("lead", ann, 20) };
    crm.scores().add_points(&late.part_of("engagement")).unwrap();
    assert_eq!(score(&crm, ann), 75_000);
    let then = ReadScore { at: Some(at("2025-12-31T00:00:00Z")), ..ReadScore::new("lead", ann) };
    assert_eq!(crm.scores().read(&then).unwrap().record.score, 0);
    assert_eq!(ranking(&crm, None)[0], (ann, 75_000));
    let kept = crm.scores().read(&ReadScore::new("lead", ann)).unwrap();
    assert_eq!(crm.scores().rescore("lead").unwrap().changed, 0, "what is kept is what is known");
    assert_eq!(crm.scores().read(&ReadScore::new("lead", ann)).unwrap().record, kept.record);
    assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
}

#[test]
fn added_points_outlive_a_version_and_count_by_the_name_of_their_group() {
    let (crm, _) = open();
    publish(&crm, model());
    let ann = contact(&crm, "DE");
    assert_eq!(add(5, "fit")(&crm, ann), 35_000);
    let mut next = model();
    next.groups.remove(0);
    publish(&crm, next);
    assert_eq!(score(&crm, ann), 0, "the version has no such group");
    publish(&crm, model());
    assert_eq!(score(&crm, ann), 35_000);
    crm.contacts().archive(ann, None).unwrap();
    let added = AddScorePoints::new("lead", ann, 5).part_of("fit");
    let error = crm.scores().add_points(&added).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Archived, Some("id")));
    crm.contacts().restore(ann, None).unwrap();
    assert_eq!(score(&crm, ann), 35_000);
}

#[test]
fn a_company_rolls_up_what_was_added_to_its_people() {
    let (crm, _) = open();
    publish(&crm, model());
    let people = crm_core::RelatedScore {
        related: "contact.company".into(),
        inverse: true,
        model: "lead".into(),
        figure: crm_core::ScoreFigure::Sum,
    };
    let group = ScoreGroup::new("people", [ScoreRule::related("people", people).max(1000)]);
    publish(&crm, DefineScore::new("account", "company", [group]));
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let ann = crm.contacts().create(values! { "company" => acme }).unwrap().id;
    add(12, "fit")(&crm, ann);
    let read = crm.scores().read(&ReadScore::new("account", acme)).unwrap();
    assert_eq!(read.record.score, 12_000);
}

#[test]
fn a_score_of_one_group_needs_no_name_of_it() {
    let (crm, _) = open();
    let fade = ScoreFade::half_life("P30D");
    let visits = ScoreRule::activity("visits", "web_visit", 10);
    publish(
        &crm,
        DefineScore::new("lead", "contact", [ScoreGroup::new("a", [visits]).fading(fade)]),
    );
    let ann = contact(&crm, "DE");
    let added = AddScorePoints::new("lead", ann, 5);
    assert_eq!(crm.scores().add_points(&added).unwrap().record.score, 5_000, "the only group");
    let unknown = AddScorePoints::new("lead", acme(), 5);
    assert_eq!(crm.scores().add_points(&unknown).unwrap_err().kind(), ErrorKind::NotFound);
}

fn acme() -> crm_core::RecordId {
    "00000000-0000-7000-8000-000000000001".parse().unwrap()
}
