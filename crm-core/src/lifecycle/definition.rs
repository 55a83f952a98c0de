//! What a lifecycle is defined by: its stages in order, and what leads from one to the next.

use serde::{Deserialize, Serialize};

use crate::{Condition, Error, ErrorKind, Result, Timestamp, normal::name::nearest};

/// What a stage means for the relationship.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum StageKind {
    /// On the way.
    #[default]
    Open,
    /// The goal is reached. It lies on the way, and others may follow.
    Won,
    /// The cycle is over without, or after, the goal. What goes on from here is a new cycle.
    Lost,
    /// Beside the way: it interrupts the cycle, which goes on from where it was.
    Side,
}

impl StageKind {
    /// Whether the stage has a place in the order.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(self, Self::Open | Self::Won)
    }
}

/// A stage of a lifecycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stage {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it means. Those that are open or won are ordered as they are listed.
    #[serde(default)]
    pub kind: StageKind,
    /// How likely the goal is from here, 0 to 1; 1 where it is won, 0 where it is lost.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub probability: Option<f64>,
    /// Attributes that a record needs to stand here, and on every later stage.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub required: Vec<String>,
    /// What must be true of a record when it comes here. A stage that is skipped does not ask.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub guard: Option<Condition>,
    /// For stages that are lost or beside the way: the reasons that may be given; any text if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub reasons: Vec<String>,
    /// For the same: whether triggers lead out of it, and not only people.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub automatic_exit: bool,
    /// Whether only triggers lead here, and not people.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub only_automatic: bool,
    /// In what times a record is to go on from here, such as `PT5M`, `PT1H` and `P1D`: spans without
    /// years and months, at most 8, each longer than the one before. A stay that lasts longer becomes
    /// a change of the journal, `stage_overdue`, as soon as it does.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub leave_within: Vec<String>,
}

impl Stage {
    /// An open stage of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            kind: StageKind::Open,
            probability: None,
            required: Vec::new(),
            guard: None,
            reasons: Vec::new(),
            automatic_exit: false,
            only_automatic: false,
            leave_within: Vec::new(),
        }
    }

    /// The same stage, of this kind.
    #[must_use]
    pub fn kind(self, kind: StageKind) -> Self {
        Self { kind, ..self }
    }

    /// The same stage, with this condition on whoever comes here.
    #[must_use]
    pub fn guard(self, guard: Condition) -> Self {
        Self { guard: Some(guard), ..self }
    }
}

/// A stage of related records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RelatedStage {
    /// How the record is related to the other one, as in a condition: a type of associations, an
    /// attribute of kind `reference`, or with `inverse` one of theirs such as `deal.contact`.
    pub related: String,
    /// Whether the other record points to this one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub inverse: bool,
    /// The lifecycle in which the other one stands.
    pub lifecycle: String,
    /// The stage that it must have reached: it stands there, or on a later one.
    pub stage: String,
    /// Whether only a primary association counts.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub only_primary: bool,
}

impl RelatedStage {
    /// A stage that a related record of a lifecycle must have reached.
    pub fn new(
        related: impl Into<String>,
        lifecycle: impl Into<String>,
        stage: impl Into<String>,
    ) -> Self {
        let (related, lifecycle, stage) = (related.into(), lifecycle.into(), stage.into());
        Self { related, inverse: false, lifecycle, stage, only_primary: false }
    }

    /// The same, seen from the other side: the other record points to this one.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { inverse: true, ..self }
    }
}

/// What moves a record by itself: an activity, the stage of a related record, a time in which nothing
/// happened, or a condition that has become true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageTrigger {
    /// The stage that it leads to.
    pub to: String,
    /// A kind of activity: recording one of this kind moves the record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub activity: Option<String>,
    /// With `activity`: only one for which this is true, over its properties and `at`, `channel`,
    /// `direction`, `amount`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub filter: Option<Condition>,
    /// A stage of a related record: reaching it moves the record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub related: Option<RelatedStage>,
    /// A span such as `P30D`: when nothing has happened with the record for so long, it moves. The
    /// span begins with its latest activity up to then, or when it came to its stage or was created,
    /// if that was later; its days are those of UTC.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub inactive_for: Option<String>,
    /// What must be true of the record as well. Without `activity`, `related` and `inactive_for` it
    /// moves the record by itself, as soon as a write, or the time, makes it true; then, and with
    /// `inactive_for`, it does not ask for consent, which changes without a write to the record.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The reason that is kept with the stage; needed where it leads to one that is lost.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reason: Option<String>,
}

impl StageTrigger {
    const fn to(to: String) -> Self {
        Self {
            to,
            activity: None,
            filter: None,
            related: None,
            inactive_for: None,
            condition: None,
            reason: None,
        }
    }

    /// An activity of this kind leads to the stage `to`.
    pub fn activity(to: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { activity: Some(kind.into()), ..Self::to(to.into()) }
    }

    /// A condition leads to the stage `to` when it becomes true.
    pub fn when(to: impl Into<String>, condition: Condition) -> Self {
        Self { condition: Some(condition), ..Self::to(to.into()) }
    }

    /// That nothing happens for a span such as `P30D` leads to the stage `to`.
    pub fn inactive(to: impl Into<String>, span: impl Into<String>) -> Self {
        Self { inactive_for: Some(span.into()), ..Self::to(to.into()) }
    }

    /// The stage of a related record leads to the stage `to`.
    pub fn related(to: impl Into<String>, related: RelatedStage) -> Self {
        Self { related: Some(related), ..Self::to(to.into()) }
    }
}

/// What becomes of a stage that a new definition no longer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageMapping {
    /// The stage as it was called.
    pub stage: String,
    /// The stage of the new definition that takes its place.
    pub becomes: String,
}

/// Defines a lifecycle, or changes one: the request of `lifecycles.define`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineLifecycle {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// The entity type whose records go through it. It is for ever.
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
    /// The stages, in order, 1 to 64.
    pub stages: Vec<Stage>,
    /// The stage on which a record stands that is created from now on; none if it is left out. A record
    /// that lacks what the stage requires stands nowhere, and is not put there later.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub initial: Option<String>,
    /// What moves records by itself, at most 128.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub triggers: Vec<StageTrigger>,
    /// What becomes of stages that records stand on, or stood on, and that are no longer there.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub map: Vec<StageMapping>,
    /// Whether only to say what it would do, without saving.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub dry_run: bool,
}

impl DefineLifecycle {
    /// A lifecycle of these stages, without triggers.
    pub fn new(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        stages: impl IntoIterator<Item = Stage>,
    ) -> Self {
        Self {
            name: name.into(),
            entity_type: entity_type.into(),
            label: String::new(),
            description: String::new(),
            stages: stages.into_iter().collect(),
            initial: None,
            triggers: Vec::new(),
            map: Vec::new(),
            dry_run: false,
        }
    }
}

/// A lifecycle as it is defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lifecycle {
    /// The name.
    pub name: String,
    /// The entity type whose records go through it.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What people read.
    pub label: String,
    /// What it is about, in prose.
    pub description: String,
    /// How often it was changed, from 1.
    pub version: i64,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// The stage on which a new record stands.
    pub initial: Option<String>,
    /// What moves records by itself.
    pub triggers: Vec<StageTrigger>,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// How many records a change of the definition concerns, for one stage that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageRemap {
    /// The stage as it was called.
    pub stage: String,
    /// The stage that takes its place.
    pub becomes: String,
    /// Records that stand or stood there.
    pub records: u64,
}

/// How many records stand on a stage without a value that the changed definition newly asks for there.
/// They stay, and can be changed as ever; once it is given, the value is not cleared any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageLack {
    /// The stage, as it is called from now on.
    pub stage: String,
    /// The attribute that has no value.
    pub attribute: String,
    /// Records in use that stand there.
    pub records: u64,
}

/// The answer of `lifecycles.define`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefinedLifecycle {
    /// The lifecycle as it is now, or would be.
    pub lifecycle: Lifecycle,
    /// Whether it was saved; false where the request only asked what it would do.
    pub is_saved: bool,
    /// What became of stages that went, or would become.
    pub remapped: Vec<StageRemap>,
    /// What records lack that is newly required where they stand.
    pub lacking: Vec<StageLack>,
}

/// A lifecycle with the number that the file knows it by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LifecycleModel {
    pub(crate) id: i64,
    pub(crate) lifecycle: Lifecycle,
}

impl LifecycleModel {
    pub(crate) fn name(&self) -> &str {
        &self.lifecycle.name
    }

    /// # Errors
    ///
    /// `Archived`.
    pub(crate) fn check_live(&self) -> Result<()> {
        match self.lifecycle.archived_at {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Archived, "the lifecycle is archived")
                .with_field("lifecycle")
                .with_hint("restore it with lifecycles.restore")),
        }
    }
}

impl Lifecycle {
    /// The place of a stage.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }

    /// The place of a stage that somebody named.
    ///
    /// # Errors
    ///
    /// `UnknownOption` with this field, and the nearest name as a hint.
    pub(crate) fn stage(&self, name: &str, field: &str) -> Result<usize> {
        self.place(name).ok_or_else(|| {
            let message = format!("the lifecycle {:?} has no such stage", self.name);
            let error = Error::new(ErrorKind::UnknownOption, message).with_field(field);
            let names = || self.stages.iter().map(|stage| stage.name.as_str());
            match nearest(name, names()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => {
                    error.with_hint(format!("one of {}", names().collect::<Vec<_>>().join(", ")))
                }
            }
        })
    }

    /// Whether triggers and rules lead a record from a stage to another one, as far as the order of the
    /// stages says.
    pub(crate) fn leads(&self, from: usize, to: usize) -> bool {
        let [one, other] = [from, to].map(|place| &self.stages[place]);
        match (one.kind.is_ordered(), other.kind.is_ordered()) {
            (true, true) => from < to,
            (true, false) => true,
            (false, _) => one.automatic_exit && from != to,
        }
    }

    /// The stages that count as having reached one: itself and, where it is ordered, the later ones.
    pub(crate) fn reaching(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let is_ordered = self.stages[place].kind.is_ordered();
        let later = place + 1..self.stages.len();
        let later = later.filter(move |later| is_ordered && self.stages[*later].kind.is_ordered());
        std::iter::once(place).chain(later)
    }
}

/// What `crm_lifecycle.definition` holds, and the journal's row of a definition.
pub(crate) fn lifecycle_json(lifecycle: &Lifecycle) -> String {
    let plain = Lifecycle { archived_at: None, ..lifecycle.clone() };
    serde_json::to_string(&plain).expect("a checked definition is always JSON")
}

/// The lifecycle of a stored definition.
///
/// # Errors
///
/// `Corrupt` if the text is not what [`lifecycle_json`] writes.
pub(crate) fn read_lifecycle(json: &str, archived_at: Option<Timestamp>) -> Result<Lifecycle> {
    let lifecycle: Lifecycle = serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))?;
    Ok(Lifecycle { archived_at, ..lifecycle })
}
