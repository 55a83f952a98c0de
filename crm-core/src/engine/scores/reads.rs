//! What records score, and why.

use super::{
    Scores,
    definitions::{judge, version},
    facts::{compute, explained, kept, row_of},
    to_score,
};
use crate::{
    ColumnScore, GetScoreHistory, ReadScore, Result, ScoreAnswer, ScoreExplanation, ScoreHistory,
    ScoreState, Timestamp,
    condition::Moment,
    engine::{Catalog, check_limit},
    scoring::{ColumnProgram, ScoreProgram, ScorePrograms, needs_more},
    store::{Connection, scores as rows},
};

impl Scores<'_> {
    /// What a record scores at a moment: in thousandths of a point, with threshold and grade. A
    /// version that is not published can be tried out so.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, version or record, or none is published; `LimitExceeded`
    /// as for [`Crm::evaluate_condition`](crate::Crm::evaluate_condition).
    pub fn read(&self, request: &ReadScore) -> Result<ScoreAnswer> {
        let moment = self.crm.moment(request.at, None)?;
        self.crm.read_explained(|conn, catalog| {
            with_program(catalog, request, |programs, program| {
                let row = row_of(conn, catalog, program, request.id)?;
                let at = moment.now();
                let is_in_use = program.stored.model.state == ScoreState::Published;
                let kept = match is_in_use {
                    true => kept(conn, program, request.id, at)?,
                    false => None,
                };
                let sheet = match kept {
                    Some((sheet, _)) => sheet,
                    None => compute(conn, catalog, (programs, program), row, &moment)?.sheet,
                };
                let (model, version) = naming(program);
                let record = to_score(program, request.id, &sheet, at.micros());
                Ok(ScoreAnswer { model, version, at, record })
            })
        })
    }

    /// Explains what a record scores at a moment: each contribution with its evidence, what is left
    /// of it, and what the caps of its rule, its group and the whole leave. The last column sums up to
    /// the score, exactly.
    ///
    /// # Errors
    ///
    /// As [`Scores::read`].
    pub fn explain(&self, request: &ReadScore) -> Result<ScoreExplanation> {
        let moment = self.crm.moment(request.at, None)?;
        self.crm.read_explained(|conn, catalog| explain_score(conn, catalog, request, &moment))
    }

    /// A published score as a function of columns in memory: of hosts that keep the fields of many
    /// records in such columns, and want their scores without a call for each.
    ///
    /// ```
    /// use crm_core::{Crm, DefineScore, ScoreColumns, ScoreGroup, ScoreRule};
    ///
    /// let crm = Crm::in_memory()?;
    /// let large = ScoreRule::when("large", "employees >= 50".parse()?, 20);
    /// let groups = [ScoreGroup::new("fit", [large])];
    /// crm.scores().define(DefineScore::new("size", "company", groups))?;
    /// crm.scores().publish("size")?;
    /// let score = crm.scores().columnar("size")?;
    /// let employees = ScoreColumns::new()
    ///     .with("employees", vec![10, 50, 0], vec![true, true, false])?;
    /// let mut scores = Vec::new();
    /// score.bind(employees)?.score(&mut scores);
    /// assert_eq!(scores, [0, 20_000, 0]);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, or none of its versions is published; `InvalidArgument` if
    /// a rule looks at more than fields, or at the time.
    pub fn columnar(&self, model: &str) -> Result<ColumnScore> {
        let moment = self.crm.moment(None, None)?;
        let catalog = self.crm.catalog();
        let program = catalog.score_program(model)?.1;
        if !ColumnProgram::new(program).is_some_and(|program| program.is_whole()) {
            return Err(needs_more());
        }
        let programs = catalog.score_programs()?.cloned().unwrap_or_default();
        Ok(ColumnScore { programs, model: model.to_owned(), moment })
    }

    /// The thresholds that a record crossed, by every version of a score.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score or record; `InvalidArgument` if the limit is not 1 to
    /// 10,000.
    pub fn history(&self, request: &GetScoreHistory) -> Result<ScoreHistory> {
        check_limit(request.limit)?;
        self.crm.read_explained(|conn, catalog| {
            let stored = version(catalog, &request.model, None)?;
            let table = catalog.table(&stored.model.entity_type)?;
            if !crate::store::records::exists(conn, table, request.id.as_bytes())? {
                return Err(super::no_record());
            }
            let (after, limit) = (request.after, request.limit);
            let mut crossings = rows::crossings(conn, stored.id, request.id, after, limit + 1)?;
            let has_more = crossings.len() > limit as usize;
            crossings.truncate(limit as usize);
            let next = crossings.last().filter(|_| has_more).map(|last| last.seq);
            Ok(ScoreHistory { crossings, next })
        })
    }
}

/// Explains what a record scores in a state of the file.
///
/// # Errors
///
/// As [`Scores::explain`].
pub(in crate::engine) fn explain_score(
    conn: &Connection,
    catalog: &Catalog,
    request: &ReadScore,
    moment: &Moment,
) -> Result<ScoreExplanation> {
    with_program(catalog, request, |programs, program| {
        let row = row_of(conn, catalog, program, request.id)?;
        let (sheet, contributions) = explained(conn, catalog, (programs, program), row, moment)?;
        let at = moment.now();
        let record = to_score(program, request.id, &sheet, at.micros());
        let (model, version) = naming(program);
        Ok(ScoreExplanation { model, version, at, record, contributions })
    })
}

/// Does something with the program of the version that is asked for.
fn with_program<T>(
    catalog: &Catalog,
    request: &ReadScore,
    body: impl FnOnce(&ScorePrograms, &ScoreProgram) -> Result<T>,
) -> Result<T> {
    let Some(wanted) = request.version else {
        let (programs, program) = catalog.score_program(&request.model)?;
        return body(programs, program);
    };
    let stored = version(catalog, &request.model, Some(wanted))?;
    let none = ScorePrograms::default();
    let programs = catalog.score_programs()?.map_or(&none, |programs| &**programs);
    match programs.find(&request.model) {
        Some(program) if program.stored.model.version == wanted => body(programs, program),
        _ => body(programs, &judge(catalog, stored)?),
    }
}

fn naming(program: &ScoreProgram) -> (String, i64) {
    (program.stored.model.name.clone(), program.stored.model.version)
}

impl Scores<'_> {
    /// The present moment, if none is named.
    pub(super) fn at(&self, at: Option<Timestamp>) -> Timestamp {
        at.unwrap_or_else(|| self.crm.now())
    }
}
