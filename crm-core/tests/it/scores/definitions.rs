//! What is refused when a score is saved, and the versions of one.

use crm_core::{
    CloneScore, Condition, Crm, DefineScore, ErrorKind, FadeKind, GetScore, RelatedScore,
    ScoreAxis, ScoreFade, ScoreFigure, ScoreGroup, ScoreLevel, ScorePreset, ScoreRule, ScoreState,
};

use super::{model, open};

fn refused(crm: &Crm, model: DefineScore) -> (ErrorKind, String) {
    let error = crm.scores().define(model).unwrap_err();
    (error.kind(), error.field().unwrap_or_default().to_owned())
}

/// A model whose second group is changed so.
fn changed(change: impl FnOnce(&mut ScoreGroup)) -> DefineScore {
    let mut model = model();
    change(&mut model.groups[1]);
    model
}

fn rule(change: impl FnOnce(&mut ScoreRule)) -> DefineScore {
    changed(|group| change(&mut group.rules[0]))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a line for each fault")]
fn a_fault_is_refused_with_its_path_when_it_is_saved() {
    use ErrorKind::{
        Duplicate, InvalidArgument, InvalidValue, NotFound, OutOfRange, Required, UnknownAttribute,
        UnknownType,
    };
    let (crm, _) = open();
    let condition = |text: &str| Some(text.parse::<Condition>().unwrap());
    let fade = |span: &str| Some(ScoreFade::half_life(span));
    let axis =
        |group: &str, levels: Vec<ScoreLevel>| vec![ScoreAxis { group: group.into(), levels }];
    let level = ScoreLevel::new;
    let related = RelatedScore {
        related: "company".into(),
        inverse: false,
        model: "nothing".into(),
        figure: ScoreFigure::Max,
    };
    for (model, kind, field) in [
        (
            rule(|r| r.condition = condition("nothing = 1")),
            UnknownAttribute,
            "groups[1].rules[0].where.field",
        ),
        (
            rule(|r| r.filter = condition("nothing = 1")),
            UnknownAttribute,
            "groups[1].rules[0].filter.field",
        ),
        (
            rule(|r| r.filter = condition("at within last 3d")),
            InvalidArgument,
            "groups[1].rules[0].filter",
        ),
        (rule(|r| r.activity = Some("nothing".into())), UnknownType, "groups[1].rules[0].activity"),
        (rule(|r| r.activity = None), Required, "groups[1].rules[0].activity"),
        (rule(|r| r.points = 0), Required, "groups[1].rules[0].points"),
        (rule(|r| r.points = 2_000_000_000), OutOfRange, "groups[1].rules[0].points"),
        (rule(|r| r.points = 20_000), OutOfRange, "groups[1].rules[0].points"),
        (rule(|r| r.max = Some(-1)), InvalidArgument, "groups[1].rules[0].max"),
        (rule(|r| r.min = Some(1_000_001)), InvalidArgument, "groups[1].rules[0].min"),
        (rule(|r| r.name = "forms".into()), Duplicate, "groups[1].rules[1].name"),
        (rule(|r| r.at_most = Some(0)), OutOfRange, "groups[1].rules[0].at_most"),
        (rule(|r| r.within = Some("P1D".into())), InvalidArgument, "groups[1].rules[0].within"),
        (
            rule(|r| (r.at_most, r.within) = (Some(1), Some("P1M".into()))),
            InvalidValue,
            "groups[1].rules[0].within",
        ),
        (
            rule(|r| (r.field, r.per) = (Some("amount".into()), Some(1))),
            Required,
            "groups[1].rules[0].max",
        ),
        (
            rule(|r| (r.field, r.per, r.max) = (Some("amount".into()), Some(1), Some(9))),
            Required,
            "groups[1].rules[0].currency",
        ),
        (
            rule(|r| (r.field, r.per, r.max) = (Some("channel".into()), Some(1), Some(9))),
            ErrorKind::WrongKind,
            "groups[1].rules[0].field",
        ),
        (changed(|g| g.fade = fade("P0D")), OutOfRange, "groups[1].fade.span"),
        (changed(|g| g.fade = fade("P1M")), InvalidValue, "groups[1].fade.span"),
        (changed(|g| (g.min, g.max) = (Some(5), Some(4))), InvalidArgument, "groups[1].min"),
        (changed(|g| g.rules.clear()), InvalidArgument, "groups[1].rules"),
        (
            DefineScore { thresholds: vec![level("high", 1000)], ..model() },
            InvalidArgument,
            "thresholds[0].at_least",
        ),
        (
            DefineScore { thresholds: vec![level("b", 20), level("a", 20)], ..model() },
            OutOfRange,
            "thresholds[1].at_least",
        ),
        (
            DefineScore { grade: axis("nothing", vec![level("A", 0)]), ..model() },
            NotFound,
            "grade[0].group",
        ),
        (
            DefineScore { grade: axis("fit", vec![level("B", 0), level("A", 31)]), ..model() },
            InvalidArgument,
            "grade[0].levels[1].at_least",
        ),
        (
            DefineScore::new(
                "account",
                "contact",
                [ScoreGroup::new("group", [ScoreRule::related("people", related)])],
            ),
            NotFound,
            "groups[0].rules[0].related.model",
        ),
    ] {
        assert_eq!(refused(&crm, model), (kind, field.to_owned()));
    }
    assert!(crm.scores().list().unwrap().is_empty());
}

#[test]
fn versions_go_from_draft_over_published_to_retired() {
    let (crm, _) = open();
    let scores = crm.scores();
    let state = |version| {
        let found = scores.get(&GetScore { model: "lead".into(), version: Some(version) }).unwrap();
        (found.state, found.published_at.is_some(), found.retired_at.is_some())
    };
    assert_eq!(scores.define(model()).unwrap().version, 1);
    assert_eq!(state(1), (ScoreState::Draft, false, false));
    let mut other = model();
    other.description = "More".into();
    assert_eq!(scores.define(other.clone()).unwrap().version, 1, "a draft is changed in place");
    assert_eq!(scores.publish("lead").unwrap().state, ScoreState::Published);
    assert_eq!(scores.define(other).unwrap().state, ScoreState::Published, "nothing new");
    let error = scores.publish("lead").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("model")));
    assert_eq!(scores.define(model()).unwrap().version, 2);
    scores.publish("lead").unwrap();
    assert_eq!(state(1), (ScoreState::Retired, true, true));
    assert_eq!(state(2), (ScoreState::Published, true, false));
    let copy = CloneScore { model: "lead".into(), version: Some(1), name: "other".into() };
    let copy = scores.clone_as(&copy).unwrap();
    assert_eq!((copy.version, copy.state, &*copy.description), (1, ScoreState::Draft, "More"));
    let names: Vec<_> = scores.list().unwrap().into_iter().map(|m| (m.name, m.version)).collect();
    assert_eq!(names, [("lead".into(), 1), ("lead".into(), 2), ("other".into(), 1)]);
    let again = CloneScore { model: "lead".into(), version: Some(1), name: "lead".into() };
    assert_eq!(scores.clone_as(&again).unwrap().version, 3);
}

#[test]
fn what_a_score_names_cannot_be_taken_away() {
    let (crm, _) = open();
    let mut model = model();
    model.groups[0].rules[0].condition = Some("email is set".parse().unwrap());
    crm.scores().define(model).unwrap();
    crm.scores().publish("lead").unwrap();
    let error = crm.types().archive_attribute("contact", "email").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    crm.scores().retire("lead").unwrap();
    crm.types().archive_attribute("contact", "email").unwrap();
}

#[test]
fn the_ready_made_ones_can_be_published() {
    let (crm, _) = open();
    for preset in ScorePreset::ALL {
        crm.scores().define_preset(*preset).unwrap();
        let model = crm.scores().publish(preset.name()).unwrap();
        assert_eq!(model.state, ScoreState::Published);
    }
}

#[test]
fn scores_do_not_ask_for_one_another_in_a_circle() {
    let (crm, _) = open();
    let asking = |name: &str, text: &str| {
        let rules = [ScoreRule::when("rule", text.parse().unwrap(), 5)];
        DefineScore::new(name, "contact", [ScoreGroup::new("all", rules)])
    };
    for (name, text) in [("one", "country = \"DE\""), ("two", "score(\"one.all\" > 0)")] {
        crm.scores().define(asking(name, text)).unwrap();
        crm.scores().publish(name).unwrap();
    }
    let at = |path: &str| (ErrorKind::InvalidArgument, format!("groups[0].rules[0].where.{path}"));
    assert_eq!(refused(&crm, asking("one", "not score(\"two\" > 0)")), at("not.score"));
    assert_eq!(refused(&crm, asking("one", "score(\"one\" > 0)")), at("score"));
    // Asking for another score is live as well.
    let ann = super::contact(&crm, "FR");
    let two = |id| crm.scores().read(&crm_core::ReadScore::new("two", id)).unwrap().record.score;
    assert_eq!(two(ann), 0);
    crm.contacts().patch(ann, crm_core::values! { "country" => "DE" }).unwrap();
    assert_eq!(two(ann), 5000);
}

#[test]
fn a_threshold_is_not_above_what_is_there_at_one_time() {
    let (crm, _) = open();
    let define = |fade, rule, level| {
        let group = ScoreGroup::new("all", [rule]).fading(fade);
        let mut model = DefineScore::new("often", "contact", [group]);
        model.thresholds = vec![ScoreLevel::new("hot", level)];
        crm.scores().define(model)
    };
    let daily = || ScoreRule { per_day: Some(1), ..ScoreRule::activity("visit", "web_visit", 50) };
    let fade = |kind, span: &str, percent| ScoreFade { kind, span: span.into(), percent };
    let expiry = |span| fade(FadeKind::Expiry, span, None);
    // Within a day and a night there are two days.
    define(expiry("P1D"), daily(), 100).unwrap();
    define(expiry("PT36H"), daily(), 150).unwrap();
    define(fade(FadeKind::Linear, "P1D", Some(40)), daily(), 200).unwrap();
    for (fade, level) in [
        (expiry("P1D"), 101),
        (expiry("PT36H"), 151),
        (fade(FadeKind::Linear, "P1D", Some(40)), 201),
    ] {
        let error = define(fade, daily(), level).unwrap_err();
        let found = (error.kind(), error.field());
        assert_eq!(found, (ErrorKind::InvalidArgument, Some("thresholds[0].at_least")));
        assert!(error.message().contains(&format!("more than {} ", level - 1)), "{error}");
    }
    // Whatever is not limited by days may come all at once, and by halves nothing goes wholly.
    define(expiry("P1D"), ScoreRule { per_day: None, ..daily() }, 1000).unwrap();
    define(ScoreFade::half_life("P1D"), daily(), 1000).unwrap();
}
