//! What a score is defined by: groups of rules, what they give, and what is made of the sum.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Condition, Error, ErrorKind, Result, Timestamp, Value};

/// How the points of a group fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FadeKind {
    /// They halve whenever the span is over, and continuously in between.
    HalfLife,
    /// They lose a percentage of what they were whenever the span is over.
    Linear,
    /// They are gone when the span is over.
    Expiry,
}

/// How the points for each activity fade with its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreFade {
    /// In which way.
    pub kind: FadeKind,
    /// The half-life, the step or the time of expiry, such as `P30D` or `30d`. More than nothing, and
    /// without years and months, which have no fixed length.
    pub span: String,
    /// With `linear`: the hundredths that are lost in each span, 1 to 100.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub percent: Option<u32>,
}

impl ScoreFade {
    /// Points halve in this span.
    pub fn half_life(span: impl Into<String>) -> Self {
        Self { kind: FadeKind::HalfLife, span: span.into(), percent: None }
    }
}

/// Points for one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ValuePoints {
    /// The value, as a condition takes it.
    pub value: Value,
    /// The points for it.
    pub points: i64,
}

impl ValuePoints {
    /// Points for a value.
    pub fn new(value: impl Into<Value>, points: i64) -> Self {
        Self { value: value.into(), points }
    }
}

/// What is made of the scores of related records. That of none is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ScoreFigure {
    /// Their sum.
    Sum,
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// Their mean, rounded half to even.
    Average,
}

/// The scores of related records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RelatedScore {
    /// How the record is related to them, as in a condition: a type of associations, an attribute of
    /// kind `reference`, or with `inverse` one of theirs such as `contact.company`.
    pub related: String,
    /// Whether they point to the record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub inverse: bool,
    /// The model by which they score; it is published.
    pub model: String,
    /// What is made of their scores.
    pub figure: ScoreFigure,
}

/// What gives points: something that is true of the record, activities of it, or the scores of related
/// records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreRule {
    /// The name: `[a-z][a-z0-9_]{0,62}`, once in the model.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// A kind of activity: each one of this kind gives the points.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub activity: Option<String>,
    /// With `activity`: only one for which this is true, over its properties and `at`, `channel`,
    /// `direction`, `amount`. It does not ask how long ago something is.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub filter: Option<Condition>,
    /// The scores of related records take the place of points.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub related: Option<RelatedScore>,
    /// What must be true of the record; without it the rule gives nothing.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The points, in whole ones, positive or negative. With `values`: those for another value, or for
    /// none. With `per`: those for each so much.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub points: i64,
    /// The attribute of the record, or with `activity` the property or `amount`, by whose value or
    /// size the points are.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub field: Option<String>,
    /// With `field`: points by its value, the first that fits.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub values: Vec<ValuePoints>,
    /// With `field`: points by its size, for each so much of it. Such a rule needs `max`, and
    /// `min` if the value may be negative.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub per: Option<i64>,
    /// With `per` and money: the currency; amounts in others give nothing.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub currency: Option<String>,
    /// With `activity`: only the first of those that have the same value of this property.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub distinct: Option<String>,
    /// With `activity`: only so many of one day in UTC, the first ones that `at_most` does not leave out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub per_day: Option<u32>,
    /// With `activity`: only so many, the first ones; once is 1. Without it, every one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at_most: Option<u32>,
    /// With `at_most`: so many in any span of this length, such as `P7D`, instead of ever.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub within: Option<String>,
    /// The least that the rule gives in sum.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub min: Option<i64>,
    /// The most that the rule gives in sum.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub max: Option<i64>,
}

impl ScoreRule {
    fn new(name: impl Into<String>, points: i64) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            activity: None,
            filter: None,
            related: None,
            condition: None,
            points,
            field: None,
            values: Vec::new(),
            per: None,
            currency: None,
            distinct: None,
            per_day: None,
            at_most: None,
            within: None,
            min: None,
            max: None,
        }
    }

    /// Points for what is true of the record.
    pub fn when(name: impl Into<String>, condition: Condition, points: i64) -> Self {
        Self { condition: Some(condition), ..Self::new(name, points) }
    }

    /// Points for each activity of a kind.
    pub fn activity(name: impl Into<String>, kind: impl Into<String>, points: i64) -> Self {
        Self { activity: Some(kind.into()), ..Self::new(name, points) }
    }

    /// Points by the value of an attribute; none for other values.
    pub fn by_value(
        name: impl Into<String>,
        field: impl Into<String>,
        values: impl IntoIterator<Item = ValuePoints>,
    ) -> Self {
        let values = values.into_iter().collect();
        Self { field: Some(field.into()), values, ..Self::new(name, 0) }
    }

    /// What is made of the scores of related records.
    pub fn related(name: impl Into<String>, related: RelatedScore) -> Self {
        Self { related: Some(related), ..Self::new(name, 0) }
    }

    /// The same rule, giving no more than this in sum.
    #[must_use]
    pub fn max(self, max: i64) -> Self {
        Self { max: Some(max), ..self }
    }
}

/// Rules that belong together, such as who somebody is and what they do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreGroup {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// The rules, at most 64. A group that fades has rules about activities only.
    pub rules: Vec<ScoreRule>,
    /// How its points fade; they stay if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub fade: Option<ScoreFade>,
    /// The least that the group gives.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub min: Option<i64>,
    /// The most that the group gives.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub max: Option<i64>,
    /// Whether it stands beside the score, for a grade, and is no part of the sum.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_beside: bool,
}

impl ScoreGroup {
    /// A group of rules whose points stay.
    pub fn new(name: impl Into<String>, rules: impl IntoIterator<Item = ScoreRule>) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            rules: rules.into_iter().collect(),
            fade: None,
            min: None,
            max: None,
            is_beside: false,
        }
    }

    /// The same group, giving no more than this.
    #[must_use]
    pub fn max(self, max: i64) -> Self {
        Self { max: Some(max), ..self }
    }

    /// The same group, whose points fade.
    #[must_use]
    pub fn fading(self, fade: ScoreFade) -> Self {
        Self { fade: Some(fade), ..self }
    }
}

/// A number of points with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreLevel {
    /// The name, such as `mql` or `A`, 1 to 63 bytes.
    pub name: String,
    /// The points from which on it is reached.
    pub at_least: i64,
}

impl ScoreLevel {
    /// A level that begins at these points.
    pub fn new(name: impl Into<String>, at_least: i64) -> Self {
        Self { name: name.into(), at_least }
    }
}

/// One side of a grade: a letter or a figure by the points of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreAxis {
    /// The group.
    pub group: String,
    /// What the points are called, ascending, at most 32. The first is for all points below the second.
    pub levels: Vec<ScoreLevel>,
}

/// Defines a model, or changes its draft: the request of `scores.define`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineScore {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// The entity type whose records are scored. It is for ever.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it is about, in prose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// The groups, 1 to 16.
    pub groups: Vec<ScoreGroup>,
    /// The least score.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub min: Option<i64>,
    /// The greatest score.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub max: Option<i64>,
    /// Scores whose crossing is recorded, ascending, at most 32.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub thresholds: Vec<ScoreLevel>,
    /// What a grade such as `A1` is made of, at most two sides, the first one first.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub grade: Vec<ScoreAxis>,
}

impl DefineScore {
    /// The kinds of activities that its rules name, and their conditions.
    pub(crate) fn activity_kinds(&self) -> BTreeSet<String> {
        fn add(condition: &Condition, kinds: &mut BTreeSet<String>) {
            if let Condition::Event(event) = condition {
                kinds.insert(event.event.clone());
            }
            condition.nested().for_each(|part| add(part, kinds));
        }
        let mut kinds = BTreeSet::new();
        for rule in self.groups.iter().flat_map(|group| &group.rules) {
            kinds.extend(rule.activity.clone());
            rule.condition.iter().for_each(|condition| add(condition, &mut kinds));
        }
        kinds
    }

    /// A model of these groups, without caps, thresholds and grade.
    pub fn new(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        groups: impl IntoIterator<Item = ScoreGroup>,
    ) -> Self {
        Self {
            name: name.into(),
            entity_type: entity_type.into(),
            label: String::new(),
            description: String::new(),
            groups: groups.into_iter().collect(),
            min: None,
            max: None,
            thresholds: Vec::new(),
            grade: Vec::new(),
        }
    }
}

/// What becomes of the versions of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ScoreState {
    /// It may still be changed, and scores nobody.
    Draft,
    /// It is the one by which records score, and no longer changes.
    Published,
    /// It was published once.
    Retired,
}

impl ScoreState {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Draft, Self::Published, Self::Retired];

    /// The name, as the file and JSON have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Retired => "retired",
        }
    }
}

/// A version of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreModel {
    /// The name.
    pub name: String,
    /// The entity type whose records are scored.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Which version it is, from 1.
    pub version: i64,
    /// What has become of it.
    pub state: ScoreState,
    /// What people read.
    pub label: String,
    /// What it is about, in prose.
    pub description: String,
    /// The groups.
    pub groups: Vec<ScoreGroup>,
    /// The least score.
    pub min: Option<i64>,
    /// The greatest score.
    pub max: Option<i64>,
    /// Scores whose crossing is recorded.
    pub thresholds: Vec<ScoreLevel>,
    /// What a grade is made of.
    pub grade: Vec<ScoreAxis>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
    /// Whether every record was scored since it was published: see `scores.rescore`.
    pub is_filled: bool,
}

impl ScoreModel {
    /// The same as a request, under this name.
    pub(crate) fn to_request(&self, name: &str) -> DefineScore {
        let Self { entity_type, label, description, groups, min, max, thresholds, grade, .. } =
            self.clone();
        let name = name.to_owned();
        DefineScore { name, entity_type, label, description, groups, min, max, thresholds, grade }
    }
}

/// A version of a model with the numbers that the file knows it by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredModel {
    /// Of the model, for all its versions.
    pub(crate) id: i64,
    pub(crate) model: ScoreModel,
}

/// What the file holds of a definition, and the journal.
pub(crate) fn model_json(definition: &DefineScore) -> String {
    serde_json::to_string(definition).expect("a checked definition is always JSON")
}

/// The definition of a stored text.
///
/// # Errors
///
/// `Corrupt` if the text is not what [`model_json`] writes.
pub(crate) fn read_model(json: &str) -> Result<DefineScore> {
    serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))
}
