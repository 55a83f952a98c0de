//! What a rule is defined by: what sets it off, what must hold, and what it does.

use serde::{Deserialize, Serialize};

use super::RuleEventKind;
use crate::{Condition, Error, ErrorKind, RecordId, Result, Timestamp, Value, shape::debug};

macro_rules! parts {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$meta:meta])* $field:ident: $type:ty, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name { $( $(#[$meta])* pub $field: $type, )* }
    )* };
}

parts! {
    /// An activity was recorded with the record, or became its own.
    #[derive(Debug)]
    OnActivity {
        /// The kind.
        kind: String,
        /// Only one for which this is true, over its properties and `at`, `channel`, `direction`,
        /// `amount`.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        filter: Option<Condition>,
    }
    /// The record came to a stage, or left one. A stage that is skipped is neither.
    #[derive(Debug)]
    OnStage {
        /// The lifecycle.
        lifecycle: String,
        /// The stage; any if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        stage: Option<String>,
    }
    /// An attribute got another value. Creation counts as a change from no value.
    #[derive(Debug)]
    OnAttribute {
        /// The attribute, be it calculated.
        attribute: String,
        /// Only changes from this value; from any or none if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        from: Option<Value>,
        /// Only changes to this value; to any or none if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        to: Option<Value>,
    }
    /// A date has come, or a time near it. A date begins at midnight UTC. What lies in the past when
    /// it is written does not come any more.
    #[derive(Debug)]
    OnDate {
        /// The attribute, of kind `date` or `timestamp`.
        attribute: String,
        /// How long before it, such as `P7D`; not with `after`.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        before: Option<String>,
        /// How long after it, such as `PT2H`.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        after: Option<String>,
    }
    /// The score of the record crossed a threshold, upwards unless it is said otherwise.
    #[derive(Debug)]
    OnScore {
        /// The score.
        score: String,
        /// The threshold; any if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        threshold: Option<String>,
        /// Whether it is crossed downwards.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        is_down: bool,
    }
    /// The record became a member of a segment, or ceased to be one, whether by hand or by itself.
    #[derive(Debug)]
    OnSegment {
        /// The segment, static, snapshot or live.
        segment: String,
    }
    /// The record has stood on a stage for longer than its `leave_within` says: see `timers.tick`.
    #[derive(Debug)]
    OnOverdue {
        /// The lifecycle.
        lifecycle: String,
        /// The stage, which has such times; any if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        stage: Option<String>,
        /// Which of its times is over, as the stage has it, such as `PT5M`; each if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        within: Option<String>,
    }
    /// Gives an attribute of the record a value.
    SetAttribute {
        /// The attribute.
        attribute: String,
        /// The value; without one, and without a formula, the attribute is cleared.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        value: Option<Value>,
        /// Instead of a value: a formula over the record as it is then.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        formula: Option<String>,
    }
    /// Moves the record to a stage, as a trigger of the lifecycle would: forward only, and only where
    /// the guard of the stage is met.
    MoveToStage {
        /// The lifecycle.
        lifecycle: String,
        /// The stage.
        to: String,
        /// The reason; needed where the stage is lost.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        reason: Option<String>,
    }
    /// Adds a record of the type `task`, as its preset defines it.
    CreateTask {
        /// The title.
        title: String,
        /// The text.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        body: Option<String>,
        /// Whose task it is.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        assignee: Option<String>,
        /// In how long it is due, such as `P3D`; whenever if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        due_in: Option<String>,
        /// The type of associations between tasks and records of this type that links the task to the
        /// record, such as `about`; none if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        association: Option<String>,
    }
    /// Makes the record a member of a static segment, or no longer one.
    ChangeMembership {
        /// The segment.
        segment: String,
        /// Why, at most 1,000 bytes.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        reason: Option<String>,
    }
    /// Adds points to what the record scores, as `scores.add_points` does.
    AddPoints {
        /// The score.
        score: String,
        /// The points, in whole ones, positive or negative; not 0.
        points: i64,
        /// The group of which they are part; it may be left out if the score has no other.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        group: Option<String>,
        /// Why, at most 1,000 bytes.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        reason: Option<String>,
    }
    /// Tells the host: a change of the journal that `changes.list` and `changes.cloud_events` give.
    #[derive(Debug)]
    EmitEvent {
        /// The name of the event: `[a-z][a-z0-9_]{0,62}`.
        event: String,
        /// The attributes whose values are told with it.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default))]
        fields: Vec<String>,
    }
}

debug! { SetAttribute shows(attribute, value) hides(formula) }
debug! { MoveToStage shows(lifecycle, to) hides(reason) }
debug! { ChangeMembership shows(segment) hides(reason) }
debug! { AddPoints shows(score, points, group) hides(reason) }
debug! { CreateTask shows(due_in, association) hides(title, body, assignee) }

/// What sets a rule off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RuleTrigger {
    /// An activity was recorded.
    Activity(OnActivity),
    /// The record came to a stage.
    StageEntered(OnStage),
    /// The record left a stage.
    StageLeft(OnStage),
    /// An attribute got another value.
    AttributeChanged(OnAttribute),
    /// A date has come: see `timers.tick`.
    DateReached(OnDate),
    /// The score crossed a threshold, by a write or by time.
    ScoreCrossed(OnScore),
    /// The record became a member of a segment.
    SegmentEntered(OnSegment),
    /// The record ceased to be a member of a segment.
    SegmentLeft(OnSegment),
    /// The record stands on a stage for longer than it is to.
    StageOverdue(OnOverdue),
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RuleAction {
    /// Gives an attribute a value.
    SetAttribute(SetAttribute),
    /// Moves the record to a stage.
    MoveStage(MoveToStage),
    /// Adds a task.
    CreateTask(CreateTask),
    /// Tells the host.
    Emit(EmitEvent),
    /// Makes the record a member of a static segment.
    AddToSegment(ChangeMembership),
    /// Removes the record from a static segment.
    RemoveFromSegment(ChangeMembership),
    /// Adds points to a score.
    AddPoints(AddPoints),
}

impl RuleTrigger {
    /// The name of the variant.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Activity(_) => "activity",
            Self::StageEntered(_) => "stage_entered",
            Self::StageLeft(_) => "stage_left",
            Self::AttributeChanged(_) => "attribute_changed",
            Self::DateReached(_) => "date_reached",
            Self::ScoreCrossed(_) => "score_crossed",
            Self::SegmentEntered(_) => "segment_entered",
            Self::SegmentLeft(_) => "segment_left",
            Self::StageOverdue(_) => "stage_overdue",
        }
    }

    /// What it waits for.
    pub(crate) const fn kind(&self) -> RuleEventKind {
        match self {
            Self::Activity(_) => RuleEventKind::Activity,
            Self::StageEntered(_) => RuleEventKind::StageEntered,
            Self::StageLeft(_) => RuleEventKind::StageLeft,
            Self::AttributeChanged(_) => RuleEventKind::AttributeChanged,
            Self::DateReached(_) => RuleEventKind::DateReached,
            Self::ScoreCrossed(_) => RuleEventKind::ScoreCrossed,
            Self::SegmentEntered(_) => RuleEventKind::SegmentEntered,
            Self::SegmentLeft(_) => RuleEventKind::SegmentLeft,
            Self::StageOverdue(_) => RuleEventKind::StageOverdue,
        }
    }

    /// An activity of this kind.
    pub fn activity(kind: impl Into<String>) -> Self {
        Self::Activity(OnActivity { kind: kind.into(), filter: None })
    }

    /// The record comes to a stage of a lifecycle.
    pub fn stage_entered(lifecycle: impl Into<String>, stage: impl Into<String>) -> Self {
        Self::StageEntered(OnStage { lifecycle: lifecycle.into(), stage: Some(stage.into()) })
    }

    /// The record leaves a stage of a lifecycle.
    pub fn stage_left(lifecycle: impl Into<String>, stage: impl Into<String>) -> Self {
        Self::StageLeft(OnStage { lifecycle: lifecycle.into(), stage: Some(stage.into()) })
    }

    /// An attribute gets any other value.
    pub fn changed(attribute: impl Into<String>) -> Self {
        Self::AttributeChanged(OnAttribute { attribute: attribute.into(), from: None, to: None })
    }

    /// An attribute gets this value.
    pub fn becomes(attribute: impl Into<String>, value: impl Into<Value>) -> Self {
        let (attribute, to) = (attribute.into(), Some(value.into()));
        Self::AttributeChanged(OnAttribute { attribute, from: None, to })
    }

    /// The score reaches a threshold.
    pub fn scored(score: impl Into<String>, threshold: impl Into<String>) -> Self {
        let (score, threshold) = (score.into(), Some(threshold.into()));
        Self::ScoreCrossed(OnScore { score, threshold, is_down: false })
    }

    /// The record becomes a member of a segment.
    pub fn entered(segment: impl Into<String>) -> Self {
        Self::SegmentEntered(OnSegment { segment: segment.into() })
    }

    /// The record ceases to be a member of a segment.
    pub fn left(segment: impl Into<String>) -> Self {
        Self::SegmentLeft(OnSegment { segment: segment.into() })
    }

    /// The record stands on any stage of a lifecycle for longer than it is to.
    pub fn overdue(lifecycle: impl Into<String>) -> Self {
        let lifecycle = lifecycle.into();
        Self::StageOverdue(OnOverdue { lifecycle, stage: None, within: None })
    }

    /// The date of an attribute has come.
    pub fn date(attribute: impl Into<String>) -> Self {
        Self::DateReached(OnDate { attribute: attribute.into(), before: None, after: None })
    }
}

impl RuleAction {
    /// The name of the variant.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::SetAttribute(_) => "set_attribute",
            Self::MoveStage(_) => "move_stage",
            Self::CreateTask(_) => "create_task",
            Self::Emit(_) => "emit",
            Self::AddToSegment(_) => "add_to_segment",
            Self::RemoveFromSegment(_) => "remove_from_segment",
            Self::AddPoints(_) => "add_points",
        }
    }

    /// Gives an attribute a value.
    pub fn set(attribute: impl Into<String>, value: impl Into<Value>) -> Self {
        let (attribute, value) = (attribute.into(), Some(value.into()));
        Self::SetAttribute(SetAttribute { attribute, value, formula: None })
    }

    /// Gives an attribute what a formula gives.
    pub fn calculate(attribute: impl Into<String>, formula: impl Into<String>) -> Self {
        let (attribute, formula) = (attribute.into(), Some(formula.into()));
        Self::SetAttribute(SetAttribute { attribute, value: None, formula })
    }

    /// Moves the record to a stage.
    pub fn move_to(lifecycle: impl Into<String>, to: impl Into<String>) -> Self {
        Self::MoveStage(MoveToStage { lifecycle: lifecycle.into(), to: to.into(), reason: None })
    }

    /// Adds a task with this title.
    pub fn task(title: impl Into<String>) -> Self {
        let title = title.into();
        let (body, assignee, due_in, association) = (None, None, None, None);
        Self::CreateTask(CreateTask { title, body, assignee, due_in, association })
    }

    /// Makes the record a member of a static segment.
    pub fn add_to(segment: impl Into<String>) -> Self {
        Self::AddToSegment(ChangeMembership { segment: segment.into(), reason: None })
    }

    /// Removes the record from a static segment.
    pub fn remove_from(segment: impl Into<String>) -> Self {
        Self::RemoveFromSegment(ChangeMembership { segment: segment.into(), reason: None })
    }

    /// Adds points to a score that has one group.
    pub fn points(score: impl Into<String>, points: i64) -> Self {
        Self::AddPoints(AddPoints { score: score.into(), points, group: None, reason: None })
    }

    /// Tells the host of an event, with the values of these attributes.
    pub fn emit<F: Into<String>>(
        event: impl Into<String>,
        fields: impl IntoIterator<Item = F>,
    ) -> Self {
        let fields = fields.into_iter().map(Into::into).collect();
        Self::Emit(EmitEvent { event: event.into(), fields })
    }
}

/// Defines a rule, or changes one: the request of `rules.define`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineRule {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// The entity type of the records that it is about. It is for ever.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What people read; the name if empty, or what it was.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it is about, in prose; what it was if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// What sets it off.
    pub on: RuleTrigger,
    /// What must be true of the record as well, once what happened is done.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// What it does, in order, 1 to 16.
    pub actions: Vec<RuleAction>,
    /// Whether only to say whether it holds, without saving.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub dry_run: bool,
}

impl DefineRule {
    /// A rule without a condition.
    pub fn new(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        on: RuleTrigger,
        actions: impl IntoIterator<Item = RuleAction>,
    ) -> Self {
        Self {
            name: name.into(),
            entity_type: entity_type.into(),
            label: String::new(),
            description: String::new(),
            on,
            condition: None,
            actions: actions.into_iter().collect(),
            dry_run: false,
        }
    }

    /// The same rule, with this condition on the record.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition: Some(condition), ..self }
    }
}

/// A rule as it is defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// The name.
    pub name: String,
    /// The entity type of the records that it is about.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What people read.
    pub label: String,
    /// What it is about, in prose.
    pub description: String,
    /// How often it was changed, from 1. Runs say with which version they were made.
    pub version: i64,
    /// What sets it off.
    pub on: RuleTrigger,
    /// What must be true of the record as well.
    #[serde(rename = "where")]
    pub condition: Option<Condition>,
    /// What it does, in order.
    pub actions: Vec<RuleAction>,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// The answer of `rules.define`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefinedRule {
    /// The rule as it is now, or would be.
    pub rule: Rule,
    /// Whether it was saved; false where the request only asked whether it holds.
    pub is_saved: bool,
}

/// A rule with the numbers that the file knows it by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleModel {
    pub(crate) id: i64,
    /// Under which the journal keeps its runs.
    pub(crate) uid: RecordId,
    pub(crate) rule: Rule,
}

impl RuleModel {
    pub(crate) fn name(&self) -> &str {
        &self.rule.name
    }

    /// Why its changes are made: what the journal has as their cause.
    pub(crate) fn cause(&self) -> String {
        format!("rule:{}@{}", self.rule.name, self.rule.version)
    }

    /// # Errors
    ///
    /// `Archived`.
    pub(crate) fn check_live(&self) -> Result<()> {
        match self.rule.archived_at {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Archived, "the rule is archived")
                .with_field("name")
                .with_hint("restore it with rules.restore")),
        }
    }
}

/// What `crm_rule.definition` holds, and the journal's row of a definition.
pub(crate) fn rule_json(rule: &Rule) -> String {
    let plain = Rule { archived_at: None, ..rule.clone() };
    serde_json::to_string(&plain).expect("a checked definition is always JSON")
}

/// The rule of a stored definition.
///
/// # Errors
///
/// `Corrupt` if the text is not what [`rule_json`] writes.
pub(crate) fn read_rule(json: &str, archived_at: Option<Timestamp>) -> Result<Rule> {
    let rule: Rule = serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))?;
    Ok(Rule { archived_at, ..rule })
}
