//! Points that are added by hand, or by a rule.

use std::sync::Arc;

use super::{Scores, live::update, no_record};
use crate::{
    AddScorePoints, ChangeKind, Error, ErrorKind, ReadScore, RecordId, Result, ScoreAnswer,
    Timestamp,
    engine::{Writing, records::check_in_use},
    limits,
    scoring::{NewPoints, PointsBody, check_added},
    store::{records, score_points as rows},
};

impl Scores<'_> {
    /// Adds points to what a record scores: a fact of its own, which fades and is capped as the points
    /// of its group are. It counts by every version that has a group of this name. Answers what the
    /// record scores then.
    ///
    /// ```
    /// use crm_core::{AddScorePoints, Condition, Crm, DefineScore, ScoreGroup, ScoreRule, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let german = ScoreRule::when("german", Condition::field("country").eq("DE"), 20);
    /// crm.scores().define(DefineScore::new("fit", "contact", [ScoreGroup::new("fit", [german])]))?;
    /// crm.scores().publish("fit")?;
    /// let ann = crm.contacts().create(values! { "country" => "DE" })?.id;
    /// let met = AddScorePoints::new("fit", ann, 5).because("met at the fair");
    /// assert_eq!(crm.scores().add_points(&met)?.record.score, 25_000);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, group or record, or no version is published; `Required`
    /// if the score has several groups and none is named; `OutOfRange` for 0 points, for too many,
    /// and for a moment in the future; `InvalidValue` if the reason is empty; `Archived` if the record
    /// is; `LimitExceeded` past 10,000 times for one record, or if the reason has more than 1,000
    /// bytes.
    pub fn add_points(&self, request: &AddScorePoints) -> Result<ScoreAnswer> {
        check_added(request.points, request.reason.as_deref())?;
        self.crm.write(|writing| {
            let model = &writing.catalog.score_program(&request.model)?.1.stored;
            let group = model.model.group_for_points(request.group.as_deref())?.to_owned();
            let at = request.at.unwrap_or(writing.now);
            if at > writing.now {
                let message = "points count from a moment that has come";
                return Err(Error::new(ErrorKind::OutOfRange, message).with_field("at"));
            }
            let AddScorePoints { points, reason, .. } = request.clone();
            let new = NewPoints { model: model.id, group, points, reason };
            add(writing, &new, request.id, at)
        })?;
        self.read(&ReadScore::new(request.model.as_str(), request.id))
    }
}

/// Adds points to what a record scores by a published model, and scores it anew.
pub(in crate::engine) fn add(
    writing: &mut Writing<'_>,
    new: &NewPoints,
    id: RecordId,
    at: Timestamp,
) -> Result<()> {
    let catalog = Arc::clone(&writing.catalog);
    let Some(programs) = catalog.score_programs()?.cloned() else { return Ok(()) };
    let program = programs.all.iter().find(|program| program.stored.id == new.model);
    let Some(program) = program else { return Ok(()) };
    let model = &program.stored.model;
    let table = catalog.table(&model.entity_type)?;
    let row = records::get(writing.tx, table, id)?.ok_or_else(no_record)?;
    check_in_use(&row).map_err(|error| error.with_field("id"))?;
    if rows::count(writing.tx, new.model, id)? >= limits::SCORE_ADDED {
        let message = format!("at most {} times for one record", limits::SCORE_ADDED);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("id"));
    }
    let body = PointsBody {
        model: model.name.clone(),
        entity_type: model.entity_type.clone(),
        id,
        group: new.group.clone(),
        points: new.points,
        at,
        reason: new.reason.clone(),
    };
    let (seq, stamp) = (writing.next_seq(), writing.stamp());
    writing.log(stamp, ChangeKind::PointsAdded, None, None, &body.to_json())?;
    rows::add(writing.tx, (new.model, id, seq), (&*new.group, new.points, at))?;
    update(writing, &programs, program, id, true).map(drop)
}
