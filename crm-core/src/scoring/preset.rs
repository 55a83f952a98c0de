//! Ready-made scores, in the manner of well-known programs. They are plain definitions: a host may
//! change them or define its own. They name the ready-made types and kinds of activities.

use serde::{Deserialize, Serialize};

use super::definition::{
    DefineScore, FadeKind, ScoreAxis, ScoreFade, ScoreGroup, ScoreLevel, ScoreRule,
};
use crate::{Condition, Value};

/// A ready-made score of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ScorePreset {
    /// Fit and engagement, 100 points each, as HubSpot has them: A1 to C3. Engagement loses half of
    /// its points in the first month and the other half in the second.
    FitEngagement,
    /// Points for what somebody does, and beside them a grade from F to A+ for who they are, as Pardot
    /// has them: it begins at D, and each criterion moves it by one to three thirds of a letter.
    PointsAndGrade,
    /// Profile A to D by weighted criteria, and engagement 1 to 4 by how recent it is, as Eloqua has
    /// them: A1 to D4.
    ProfileEngagement,
}

impl ScorePreset {
    /// Every preset.
    pub const ALL: &'static [Self] =
        &[Self::FitEngagement, Self::PointsAndGrade, Self::ProfileEngagement];

    /// The name of the preset, which is the name of the model.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FitEngagement => "fit_engagement",
            Self::PointsAndGrade => "points_and_grade",
            Self::ProfileEngagement => "profile_engagement",
        }
    }

    /// The definition.
    ///
    /// ```
    /// use crm_core::ScorePreset;
    ///
    /// let pardot = ScorePreset::PointsAndGrade.definition();
    /// assert_eq!(pardot.grade[0].levels.len(), 13);
    /// ```
    #[must_use]
    pub fn definition(self) -> DefineScore {
        let (label, groups) = match self {
            Self::FitEngagement => ("Fit and engagement", fit_engagement()),
            Self::PointsAndGrade => ("Points and grade", points_and_grade()),
            Self::ProfileEngagement => ("Profile and engagement", profile_engagement()),
        };
        let axis = |group: &str, levels: &[(&str, i64)]| ScoreAxis {
            group: group.into(),
            levels: levels.iter().map(|(name, least)| ScoreLevel::new(*name, *least)).collect(),
        };
        let grade = match self {
            Self::FitEngagement => vec![
                axis("fit", &[("C", 0), ("B", 34), ("A", 67)]),
                axis("engagement", &[("3", 0), ("2", 34), ("1", 67)]),
            ],
            Self::PointsAndGrade => vec![axis("profile", &THIRDS)],
            Self::ProfileEngagement => vec![
                axis("profile", &[("D", 0), ("C", 25), ("B", 50), ("A", 75)]),
                axis("engagement", &[("4", 0), ("3", 25), ("2", 50), ("1", 75)]),
            ],
        };
        let (max, threshold) = match self {
            Self::FitEngagement => (Some(200), ScoreLevel::new("mql", 100)),
            Self::PointsAndGrade => (None, ScoreLevel::new("mql", 100)),
            Self::ProfileEngagement => (Some(200), ScoreLevel::new("mql", 125)),
        };
        DefineScore {
            label: label.into(),
            max,
            thresholds: vec![threshold],
            grade,
            ..DefineScore::new(self.name(), "contact", groups)
        }
    }
}

/// Thirds of a letter from D on.
const THIRDS: [(&str, i64); 13] = [
    ("F", -2),
    ("D-", -1),
    ("D", 0),
    ("D+", 1),
    ("C-", 2),
    ("C", 3),
    ("C+", 4),
    ("B-", 5),
    ("B", 6),
    ("B+", 7),
    ("A-", 8),
    ("A", 9),
    ("A+", 10),
];

fn set(attribute: &str) -> Condition {
    Condition::field(attribute).is_set()
}

fn company(filter: Condition) -> Condition {
    Condition::related("company").filter(filter).exists()
}

fn employees(least: i64) -> Condition {
    company(Condition::field("employees").gte(Value::Integer(least)))
}

fn decides() -> Condition {
    Condition::field("job_title")
        .matches("(?i).*(chief|head|director|president|owner|founder|manager|ceo|cto|cfo|cmo).*")
}

fn fit_engagement() -> Vec<ScoreGroup> {
    let fit = [
        ScoreRule::when("company_size", employees(50), 30),
        ScoreRule::when("decides", decides(), 30),
        ScoreRule::when("industry", company(set("industry")), 20),
        ScoreRule::when("country", set("country"), 10),
        ScoreRule::when("phone", set("phone"), 10),
    ];
    let engagement = [
        ScoreRule::activity("form", "form", 25).max(50),
        ScoreRule::activity("meeting", "meeting", 30).max(60),
        ScoreRule { per_day: Some(5), ..ScoreRule::activity("click", "email_clicked", 5).max(30) },
        ScoreRule { per_day: Some(3), ..ScoreRule::activity("open", "email_opened", 1).max(10) },
        ScoreRule { per_day: Some(20), ..ScoreRule::activity("page", "page_view", 1).max(30) },
        ScoreRule::activity("complaint", "complaint", -20),
    ];
    let fade = ScoreFade { kind: FadeKind::Linear, span: "P30D".into(), percent: Some(50) };
    let engagement = ScoreGroup::new("engagement", engagement).max(100).fading(fade);
    vec![ScoreGroup::new("fit", fit).max(100), ScoreGroup { min: Some(0), ..engagement }]
}

fn points_and_grade() -> Vec<ScoreGroup> {
    let points = [
        ScoreRule::activity("form", "form", 50),
        ScoreRule::activity("click", "email_clicked", 3),
        ScoreRule::activity("visit", "web_visit", 3),
        ScoreRule::activity("page", "page_view", 1),
        ScoreRule::activity("search", "site_search", 3),
        ScoreRule::activity("form_error", "form_error", -5),
        ScoreRule::activity("bounce", "email_bounced", -5),
    ];
    let profile = [
        ScoreRule::when("company_size", employees(50), 3),
        ScoreRule::when("title", decides(), 3),
        ScoreRule::when("department", set("job_title"), 1),
        ScoreRule::when("industry", company(set("industry")), 2),
        ScoreRule::when("location", set("country"), 1),
        ScoreRule::when("no_address", Condition::field("email").is_missing(), -2),
    ];
    vec![
        ScoreGroup::new("points", points),
        ScoreGroup { is_beside: true, ..ScoreGroup::new("profile", profile) },
    ]
}

fn profile_engagement() -> Vec<ScoreGroup> {
    // Weight in hundredths times the points of the value.
    let profile = [
        ScoreRule::when("title", decides(), 40),
        ScoreRule::when("company_size_large", employees(500), 30),
        ScoreRule::when("company_size_middle", employees(50) & !employees(500), 15),
        ScoreRule::when("industry", company(set("industry")), 20),
        ScoreRule::when("location", set("country"), 10),
    ];
    let recent = |name: &str, kind: &str, span: &str, points| {
        ScoreRule::when(name, Condition::event(kind).within(span).count_gte(1), points)
    };
    // The most recent one counts in full: each nearer span adds what it is worth more.
    let engagement = [
        recent("form_30", "form", "P30D", 18),
        recent("form_14", "form", "P14D", 8),
        recent("form_7", "form", "P7D", 9),
        recent("visit_30", "web_visit", "P30D", 12),
        recent("visit_7", "web_visit", "P7D", 13),
        recent("click_30", "email_clicked", "P30D", 12),
        recent("click_7", "email_clicked", "P7D", 13),
        recent("open_30", "email_opened", "P30D", 8),
        recent("open_7", "email_opened", "P7D", 7),
    ];
    vec![
        ScoreGroup::new("profile", profile).max(100),
        ScoreGroup::new("engagement", engagement).max(100),
    ]
}

/// Defines one of the ready-made scores as a draft: the request of `scores.define_preset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineScorePreset {
    /// Which one.
    pub preset: ScorePreset,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoring::check_definition;

    #[test]
    fn every_preset_is_a_valid_definition() {
        for preset in ScorePreset::ALL {
            let definition = preset.definition();
            assert_eq!(definition.name, preset.name());
            check_definition(&definition).unwrap();
        }
    }
}
