//! Points that somebody, or a rule, gave a record: a fact with its time and its reason.
//!
//! They belong to a group of the model and are part of what it gives as those of its rules are: they
//! fade as its points do, and its caps and those of the whole hold for them. The invariant: what was
//! added is never changed; what was too much is taken back by adding less than nothing.

use serde::{Deserialize, Serialize};

use super::ScoreModel;
use crate::{
    Error, ErrorKind, RecordId, Result, Timestamp, lifecycle::check_reason, limits,
    normal::name::nearest, shape::debug,
};

/// Adds points to what a record scores: the request of `scores.add_points`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddScorePoints {
    /// The model, which says of which entity type the record is; it is published.
    pub model: String,
    /// The record.
    pub id: RecordId,
    /// The points, in whole ones, positive or negative; not 0.
    pub points: i64,
    /// The group of which they are part; it may be left out if the model has no other.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub group: Option<String>,
    /// Since when they count, and from when they fade; not in the future. Now if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// Why, at most 1,000 bytes.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reason: Option<String>,
}

debug! { AddScorePoints shows(model, id, points, group, at) hides(reason) }

impl AddScorePoints {
    /// Points for a record, from now on, by a model that has one group.
    pub fn new(model: impl Into<String>, id: RecordId, points: i64) -> Self {
        Self { model: model.into(), id, points, group: None, at: None, reason: None }
    }

    /// The same points, as part of this group.
    #[must_use]
    pub fn part_of(self, group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..self }
    }

    /// The same points, for this reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// Who added points, and why: the evidence of a contribution.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddedPoints {
    /// The change of the journal that tells of it.
    pub seq: i64,
    /// The reason that was given.
    pub reason: Option<String>,
    /// Who did it, or made the write that set the rule off.
    pub actor: String,
    /// Why: `rule:<name>@<version>` if a rule did it, else what the actor said.
    pub cause: Option<String>,
}

debug! { AddedPoints shows(seq) hides(reason, actor, cause) }

/// Points to be added, judged already.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewPoints {
    /// The number of the model.
    pub(crate) model: i64,
    pub(crate) group: String,
    pub(crate) points: i64,
    pub(crate) reason: Option<String>,
}

debug! { NewPoints shows(model, group, points) hides(reason) }

/// Points that were added, as the file has them.
#[derive(Debug, Clone)]
pub(crate) struct PointsFact {
    /// In thousandths.
    pub(crate) points: i64,
    /// Microseconds UTC.
    pub(crate) at: i64,
    pub(crate) added: AddedPoints,
}

/// The body of a change that tells of added points.
#[derive(Serialize, Deserialize)]
pub(crate) struct PointsBody {
    pub(crate) model: String,
    #[serde(rename = "type")]
    pub(crate) entity_type: String,
    pub(crate) id: RecordId,
    pub(crate) group: String,
    pub(crate) points: i64,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl PointsBody {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a body is always JSON")
    }

    /// A stored body; none if it can no longer be read.
    pub(crate) fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The reason that a stored body has; none in one that can no longer be read.
    pub(crate) fn reason(json: &str) -> Option<String> {
        Self::read(json).and_then(|body| body.reason)
    }
}

/// Checks points to be added by themselves.
///
/// # Errors
///
/// `OutOfRange` for none and for too many, `InvalidValue` or `LimitExceeded` for the reason.
pub(crate) fn check_added(points: i64, reason: Option<&str>) -> Result<()> {
    let most = limits::SCORE_POINTS;
    if points == 0 || points.unsigned_abs() > most.unsigned_abs() {
        let message = format!("points to be added are between −{most} and {most}, and not 0");
        return Err(Error::new(ErrorKind::OutOfRange, message).with_field("points"));
    }
    reason.map_or(Ok(()), check_reason).map_err(|error| error.with_field("reason"))
}

impl ScoreModel {
    /// The group of which added points are part.
    ///
    /// # Errors
    ///
    /// `Required` if there are several and none is named; `NotFound` if there is no such group.
    pub(crate) fn group_for_points(&self, named: Option<&str>) -> Result<&str> {
        let names = || self.groups.iter().map(|group| group.name.as_str());
        let Some(named) = named else {
            return match self.groups.as_slice() {
                [only] => Ok(&only.name),
                _ => Err(Error::new(ErrorKind::Required, "the score has several groups")
                    .with_field("group")
                    .with_hint(format!("name one of {}", names().collect::<Vec<_>>().join(", ")))),
            };
        };
        names().find(|name| *name == named).ok_or_else(|| {
            let message = "the score has no such group";
            let error = Error::new(ErrorKind::NotFound, message).with_field("group");
            match nearest(named, names()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("the definition of the score lists them"),
            }
        })
    }
}
