//! Back-tests: what a score said at a moment, beside what came until a later one.
//!
//! The invariant: neither what is scored nor the score itself knows anything from after the moment.

use super::{
    LearnedScores, Scorer, check_tiers,
    collect::{Answer, Outcome, Plan, Steps, draw, each},
    features::{Found, field},
    find_live, points,
};
use crate::{
    Archived, BacktestScore, Error, ErrorKind, LearnedScore, Result, ScoreBacktest, ScoreCandidate,
    ScoreQuality, ScoreTier,
    condition::Checked,
    engine::{Catalog, conditions, scores},
    learning, limits,
    ops::Watch,
    scoring::ScoreProgram,
    store::{Connection, records::StoredRow, table::Table},
};

/// A score that is back-tested, ready to be asked.
enum Candidate<'a> {
    Learned(Box<Scorer<'a>>),
    Rules(Box<ScoreProgram>),
    Attribute(usize),
    Condition(Box<Checked>),
}

impl LearnedScores<'_> {
    /// Scores records as of a moment and holds that beside their outcomes until a later one. Nothing
    /// that was recorded after the moment is read for the scores. Records that had the outcome already
    /// are left out.
    ///
    /// # Errors
    ///
    /// `Refused` if a learned score knows outcomes from after the moment; `InvalidArgument` unless a
    /// candidate names one score, if the moments are not in order or lie in the future, or if a
    /// condition or a rule cannot be asked of the past; `WrongKind` if the attribute is no number;
    /// `UnknownType`, `UnknownAttribute`, `NotFound`, `Archived`, and those of conditions;
    /// `LimitExceeded` past 4,000,000 records; `Interrupted`.
    pub fn backtest(
        &self,
        request: &BacktestScore,
        watch: &mut Watch<'_>,
    ) -> Result<ScoreBacktest> {
        check_tiers(&request.tiers)?;
        let catalog = self.crm.catalog();
        let table = catalog.table(&request.entity_type)?;
        let outcome = Outcome::new(&catalog, &table.model.name, &request.outcome)?;
        let moments = (Some(request.as_of), request.until);
        let plan =
            Plan::new(self.crm, (table, &catalog), &outcome, request.condition.as_ref(), moments)?;
        let first = self.candidate(&catalog, table, request, &request.score, "score")?;
        let other = request.other.as_ref();
        let other = other.map(|other| self.candidate(&catalog, table, request, other, "other"));
        let other = other.transpose()?;
        let mut steps = Steps::new(self.crm, watch);
        let (mut outcomes, mut left_out) = (Vec::new(), 0);
        let (mut scores, mut others, mut draws) = (Vec::new(), Vec::new(), Vec::new());
        each(self.crm, table, Archived::Include, &mut steps, |conn, row| {
            let Some((then, answer)) = plan.look(conn, row)? else { return Ok(()) };
            let Answer::Known(outcome) = answer else {
                left_out += 1;
                return Ok(());
            };
            if outcomes.len() == limits::LEARNED_RECORDS {
                let message = format!("more than {} records", limits::LEARNED_RECORDS);
                return Err(Error::new(ErrorKind::LimitExceeded, message)
                    .with_hint("narrow the records with where"));
            }
            outcomes.push(outcome);
            draws.push(draw(then.id));
            scores.push(first.score(conn, &plan, &then)?);
            if let Some(other) = &other {
                others.push(other.score(conn, &plan, &then)?);
            }
            Ok(())
        })?;
        let mut came = Came { outcomes: &outcomes, draws: &draws, steps: &mut steps };
        let quality = came.quality(&first, &scores, &request.tiers)?;
        let other = other.map(|other| came.quality(&other, &others, &request.tiers)).transpose()?;
        steps.step(0, true)?;
        let until = plan.outcomes.as_ref().map_or(request.as_of, |cut| cut.moment.now());
        Ok(ScoreBacktest {
            as_of: request.as_of,
            until,
            left_out,
            quality,
            comparison: other.as_ref().and_then(|_| learning::compare(&scores, &others, &outcomes)),
            other,
        })
    }

    fn candidate<'t>(
        &self,
        catalog: &Catalog,
        table: &'t Table,
        request: &BacktestScore,
        candidate: &ScoreCandidate,
        path: &str,
    ) -> Result<Candidate<'t>> {
        let at = |field: &str| format!("{path}.{field}");
        match candidate {
            ScoreCandidate {
                model: Some(name),
                version,
                learned: None,
                attribute: None,
                condition: None,
            } => rules(catalog, table, name, (*version, path)),
            ScoreCandidate {
                learned: Some(name),
                version,
                attribute: None,
                condition: None,
                model: None,
            } => {
                let score = self.crm.shared.store.read(|conn| find_live(conn, name, *version));
                learned(catalog, table, (score, request), path)
            }
            ScoreCandidate {
                learned: None,
                version: None,
                attribute: Some(name),
                condition: None,
                model: None,
            } => {
                let known = table
                    .model
                    .attribute(name)
                    .map_err(|error| error.with_field(at("attribute")))?;
                if !known.definition.kind.is_number() {
                    let message = "a score must be a number";
                    return Err(
                        Error::new(ErrorKind::WrongKind, message).with_field(at("attribute"))
                    );
                }
                let place = table.model.attributes.iter().position(|other| other.id == known.id);
                place.map(Candidate::Attribute).ok_or_else(|| {
                    Error::new(ErrorKind::Internal, "an attribute is not among those of its type")
                })
            }
            ScoreCandidate {
                learned: None,
                version: None,
                attribute: None,
                condition: Some(condition),
                model: None,
            } => {
                let checked =
                    conditions::judge(catalog, condition, &table.model.name, &at("where"))?;
                Ok(Candidate::Condition(Box::new(checked)))
            }
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                "name one: a learned score, a score of rules, an attribute or a condition",
            )
            .with_field(path)),
        }
    }
}

/// A score of rules, by its name.
fn rules<'t>(
    catalog: &Catalog,
    table: &Table,
    name: &str,
    (version, path): (Option<u32>, &str),
) -> Result<Candidate<'t>> {
    let at = |field: &str| format!("{path}.{field}");
    let program = scores::program(catalog, name, version.map(i64::from));
    let program = program.map_err(|error| match error.field() {
        Some("version") => error.with_field(at("version")),
        _ => error.with_field(at("model")),
    })?;
    if program.stored.model.entity_type != table.model.name {
        let message = "the score is of another entity type";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(at("model")));
    }
    points::check(&program, &at("model"))?;
    Ok(Candidate::Rules(Box::new(program)))
}

/// A learned score, as it was found.
fn learned<'t>(
    catalog: &Catalog,
    table: &'t Table,
    (score, request): (Result<LearnedScore>, &BacktestScore),
    path: &str,
) -> Result<Candidate<'t>> {
    let at = |field: &str| format!("{path}.{field}");
    let score = score.map_err(|error| match error.field() {
        Some("name") => error.with_field(at("learned")),
        _ => error.with_field(at("version")),
    })?;
    if score.entity_type != table.model.name {
        let message = "the learned score is of another entity type";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(at("learned")));
    }
    if score.known_until > request.as_of {
        let message = "the score was learned from outcomes after as_of";
        return Err(Error::new(ErrorKind::Refused, message)
            .with_field(at("learned"))
            .with_hint("train a version whose until is not after as_of"));
    }
    Ok(Candidate::Learned(Box::new(Scorer::new(catalog, table, &score)?)))
}

/// What came of the records, for all scores of them.
struct Came<'a, 'w> {
    outcomes: &'a [bool],
    draws: &'a [u64],
    steps: &'a mut Steps<'w>,
}

impl Came<'_, '_> {
    fn quality(
        &mut self,
        candidate: &Candidate<'_>,
        scores: &[f64],
        tiers: &[ScoreTier],
    ) -> Result<ScoreQuality> {
        let foretold = match candidate {
            Candidate::Rules(_) => {
                let goes_on = &mut || self.steps.step(0, false);
                learning::foretold(scores, self.outcomes, self.draws, goes_on)?
            }
            _ => None,
        };
        let probabilities = match candidate {
            Candidate::Learned(_) => Some(scores),
            _ => foretold.as_deref(),
        };
        let own = match candidate {
            Candidate::Rules(program) if tiers.is_empty() => thresholds(program),
            _ => tiers.to_vec(),
        };
        Ok(learning::measure(scores, self.outcomes, &own, probabilities))
    }
}

fn thresholds(program: &ScoreProgram) -> Vec<ScoreTier> {
    let thresholds = program.stored.model.thresholds.iter();
    let tier = |name: &String, points: i64| ScoreTier { tier: name.clone(), from: points as f64 };
    thresholds.map(|threshold| tier(&threshold.name, threshold.at_least)).collect()
}

impl Candidate<'_> {
    fn score(&self, conn: &Connection, plan: &Plan<'_>, then: &StoredRow) -> Result<f64> {
        let model = &plan.table.model;
        match self {
            Self::Learned(scorer) => scorer.score(conn, plan.catalog, &plan.features, then),
            Self::Rules(program) => {
                let definitions = (plan.catalog, model);
                points::score(conn, definitions, program, &plan.features, then)
            }
            Self::Attribute(place) => {
                let found = field(&model.attributes[*place], &then.cells, &plan.features.moment);
                match found {
                    Found::Number(number) => {
                        // A decimal is stored as a whole number of its smallest unit.
                        let scale = match model.attributes[*place].definition.kind {
                            crate::Kind::Decimal => i32::from(model.attributes[*place].scale()),
                            _ => 0,
                        };
                        Ok(number / 10_f64.powi(scale))
                    }
                    _ => Ok(f64::MIN),
                }
            }
            Self::Condition(checked) => {
                let is_true = plan.features.is_true(conn, plan.catalog, model, checked, then)?;
                Ok(f64::from(u8::from(is_true)))
            }
        }
    }
}
