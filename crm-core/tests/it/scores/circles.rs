//! Scores and live segments that ask for each other.

use crm_core::{
    Crm, DefineScore, DefineSegment, ErrorKind, Flow, LifecyclePreset, ReadScore, ScoreGroup,
    ScoreRule, values,
};

use super::{open, publish};

/// A score of two rules, the second of which has a condition.
fn asking(name: &str, text: &str) -> DefineScore {
    let named = ScoreRule::when("named", "given_name is set".parse().unwrap(), 5);
    let asks = ScoreRule::when("asks", text.parse().unwrap(), 10);
    DefineScore::new(name, "contact", [ScoreGroup::new("all", [named, asks])])
}

fn live(name: &str, text: &str) -> DefineSegment {
    DefineSegment::live(name, "contact", text.parse().unwrap())
}

fn fault(crm: &Crm, model: DefineScore) -> (String, String) {
    let error = crm.scores().define(model).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    (error.field().unwrap().to_owned(), error.message().to_owned())
}

#[test]
fn a_score_and_a_segment_do_not_ask_for_each_other() {
    let (crm, _) = open();
    publish(&crm, asking("lead", "country = \"DE\""));
    crm.segments().define(live("warm", "score(\"lead\" >= 5)")).unwrap();
    crm.segments().define(live("warm_german", "country = \"DE\" and in segment \"warm\"")).unwrap();
    // Over two steps, and within a negation.
    let (field, message) =
        fault(&crm, asking("lead", "locale is set and not in segment \"warm_german\""));
    assert_eq!(field, "groups[0].rules[1].where.all[1].not.segment");
    let way = "score \"lead\" → segment \"warm_german\" → segment \"warm\" → score \"lead\"";
    assert!(message.ends_with(way), "{message}");
    // The other way round: the segment closes it.
    crm.segments().archive("warm_german").unwrap();
    crm.segments().archive("warm").unwrap();
    crm.segments().define(live("german", "country = \"DE\"")).unwrap();
    publish(&crm, asking("lead", "in segment \"german\""));
    let error = crm.segments().define(live("german", "locale is set or score(\"lead\" > 3)"));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.field(), Some("where.any[1].score"));
    // Restoring what asks closes it as well.
    crm.segments().restore("warm").unwrap();
    publish(&crm, asking("other", "in segment \"warm\""));
    let error = crm.segments().define(live("german", "score(\"other\" > 3)")).unwrap_err();
    assert_eq!(error.field(), Some("where.score"));
    assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
}

#[test]
fn an_archived_segment_that_would_close_a_circle_stays_archived() {
    let (crm, _) = open();
    publish(&crm, asking("lead", "country = \"DE\""));
    crm.segments().define(live("warm", "score(\"lead\" >= 5)")).unwrap();
    crm.segments().archive("warm").unwrap();
    let asks = "country = \"DE\" or in segment \"warm\"";
    let error = crm.scores().define(asking("lead", asks)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archived, "what is archived is not asked for");
}

#[test]
fn a_snapshot_and_a_lifecycle_end_a_circle() {
    let (crm, _) = open();
    publish(&crm, asking("lead", "country = \"DE\""));
    let warm = "score(\"lead\" >= 5)".parse().unwrap();
    crm.segments().define(DefineSegment::snapshot("taken", "contact", warm)).unwrap();
    publish(&crm, asking("lead", "in segment \"taken\""));
    let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    let read = || crm.scores().read(&ReadScore::new("lead", ann)).unwrap().record.score;
    assert_eq!(read(), 5_000);
    crm.segments().refresh("taken", &mut |_| Flow::Continue).unwrap();
    assert_eq!(read(), 15_000);

    // A guard that asks a segment which asks the stage: who passed it stays.
    crm.lifecycles().define_preset(LifecyclePreset::Contact).unwrap();
    crm.segments().define(live("before", "not stage(at_least \"mql\")")).unwrap();
    let mut way = LifecyclePreset::Contact.definition();
    way.stages[2] = way.stages[2].clone().guard("in segment \"before\"".parse().unwrap());
    crm.lifecycles().define(way).unwrap();
    let to = crm_core::MoveStage::new("contact", ann, "mql");
    crm.lifecycles().move_to(to).unwrap();
    assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
}
