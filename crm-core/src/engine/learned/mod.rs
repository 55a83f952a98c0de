//! Learned scores: training, looking for leaks, explaining, ranking, back-testing.
//!
//! Each method reads records (`collect`, by `past` and `features`), lets the pure kernels of `learning`
//! work, and saves or returns. The invariants: a model is saved with the place up to which it knows
//! outcomes, and is never back-tested on anything before it; a leak is not learned from unless
//! somebody allowed it by name.

mod backtest;
mod collect;
mod features;
mod past;
mod points;

use self::{
    collect::{Collected, Outcome, Plan, Steps, collect, each},
    features::{Reader, sources},
    past::Cut,
};
use super::{Catalog, Crm, Writing, check_limit, check_range, conditions};
use crate::{
    Archived, ChangeKind, Error, ErrorKind, ExplainLearnedScore, FeatureCheck, GetLearnedScore,
    LeakReport, LearnedContribution, LearnedExplanation, LearnedPrediction, LearnedRanking,
    LearnedScore, LearnedScoreName, RankRecords, Result, Timestamp, TrainLearnedScore,
    learning::{self, Model, Recipe, Sample},
    limits,
    normal::name::nearest,
    ops::Watch,
    schema::check,
    store::{
        Connection, learned as rows,
        records::{self, StoredRow},
        table::Table,
    },
};

/// Learned scores: see [`Crm::learned_scores`].
#[derive(Debug)]
pub struct LearnedScores<'a> {
    crm: &'a Crm,
}

/// Records that are kept out of the training, and the others.
struct Split {
    learned_from: Vec<usize>,
    kept_out: Vec<usize>,
}

impl<'a> LearnedScores<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Learns a score from the records of a type and saves it as a new version. Leaks are looked for
    /// first.
    ///
    /// The same records give the same model, to the bit. Progress counts the records that were read.
    ///
    /// ```
    /// use crm_core::{Crm, Flow, LearnedOutcome, TrainLearnedScore, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// for place in 0..200 {
    ///     let employees = if place % 4 == 0 { 10 } else { 200 + place };
    ///     let won = place % 4 != 0 && place % 7 != 0;
    ///     crm.companies().create(values! {
    ///         "name" => format!("Company {place}"), "employees" => employees, "domain" => format!("c{place}.example"),
    ///         "phone" => won.then_some("+4930901820"),
    ///     })?;
    /// }
    /// let outcome = LearnedOutcome::when("phone is set".parse()?);
    /// let mut request = TrainLearnedScore::new("has_phone", "company", outcome);
    /// request.fields = vec!["employees".into()];
    /// let score = crm.learned_scores().train(&request, &mut |_| Flow::Continue)?;
    /// assert!(score.quality.and_then(|quality| quality.auc).is_some_and(|auc| auc > 0.6));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Refused` if features look like leaks and are not allowed by name; the field names the worst, and
    /// [`Self::find_leaks`] tells all. `InvalidArgument` if a number of the request is out of its
    /// range, if all records have the same outcome or there is no feature, if the weights do not
    /// settle, or if a condition cannot be asked of the past; `UnknownType`, `UnknownAttribute`,
    /// `NotFound`, and those of conditions; `UnknownOption` if `exclude` or `allow_leaks` names no
    /// feature; `Archived` if the score or the type is; `LimitExceeded` past 200 scores or versions
    /// of one, 300 features, 4,000,000 records or 100,000,000 numbers; `Interrupted`.
    pub fn train(
        &self,
        request: &TrainLearnedScore,
        watch: &mut Watch<'_>,
    ) -> Result<LearnedScore> {
        check::identifier(&request.name, "learned score")?;
        let known = self.crm.shared.store.read(|conn| rows::find(conn, &request.name, None))?;
        known.as_ref().map_or(Ok(()), |known| check_next(known, request))?;
        let mut steps = Steps::new(self.crm, watch);
        let (mut collected, split) = self.collect(request, &mut steps)?;
        let checks = judge_leaks(&collected, &split, request);
        refuse_leaks(&checks, request)?;
        let sample = &mut collected.sample;
        let model = fit(sample, &split.learned_from, request, &mut steps)?;
        let quality = (!split.kept_out.is_empty()).then(|| {
            let scores = sample.scores(&model, &split.kept_out);
            learning::measure(
                &scores,
                &sample.outcomes_of(&split.kept_out),
                &request.tiers,
                Some(&scores),
            )
        });
        let json = model.to_json()?;
        let records = split.learned_from.len() as u64;
        steps.step(0, true)?;
        self.crm.write(|writing| {
            let table = writing.table(&request.entity_type)?;
            table.model.check_live()?;
            let known = rows::find(writing.tx, &request.name, None)?;
            match &known {
                Some(known) => check_next(known, request)?,
                None if rows::all(writing.tx)?.len() >= limits::LEARNED_SCORES => {
                    let message = format!("at most {} learned scores", limits::LEARNED_SCORES);
                    return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
                }
                None => {}
            }
            let score = LearnedScore {
                name: request.name.clone(),
                version: known.map_or(0, |known| known.version) + 1,
                entity_type: request.entity_type.clone(),
                algorithm: request.algorithm,
                trained_at: writing.now,
                known_until: match request.as_of {
                    Some(_) => request.until.unwrap_or(writing.now),
                    None => writing.now,
                },
                records,
                model: json,
                quality,
                archived_at: None,
            };
            let json = to_json(&score)?;
            rows::insert(writing.tx, table.model.id, &score, &json)?;
            let stamp = writing.stamp();
            writing.log(stamp, ChangeKind::LearnedScoreTrained, None, None, &json)?;
            Ok(score)
        })
    }

    /// Says of each feature what it alone tells of the outcome, and which know it because they were
    /// filled in after it; and how good a model would seem with those, and without. Nothing is saved.
    ///
    /// # Errors
    ///
    /// As [`Self::train`], without `Refused`.
    pub fn find_leaks(
        &self,
        request: &TrainLearnedScore,
        watch: &mut Watch<'_>,
    ) -> Result<LeakReport> {
        let mut steps = Steps::new(self.crm, watch);
        let (mut collected, split) = self.collect(request, &mut steps)?;
        let features = judge_leaks(&collected, &split, request);
        let found = features.iter().filter(|check| !check.reasons.is_empty());
        let leaks: Vec<String> = found.map(|check| check.feature.clone()).collect();
        let sample = &mut collected.sample;
        let mut area = |sample: &Sample| -> Result<Option<f64>> {
            if split.kept_out.is_empty() || sample.sources.is_empty() {
                return Ok(None);
            }
            let model = fit(sample, &split.learned_from, request, &mut steps)?;
            let scores = sample.scores(&model, &split.kept_out);
            Ok(learning::auc(&scores, &sample.outcomes_of(&split.kept_out)))
        };
        let auc_with_leaks = area(sample)?;
        let suspects = suspects(&features);
        let mut without = |names: &[String], before: Option<f64>| match names.is_empty() {
            true => Ok(before),
            false => {
                sample.without(names);
                area(sample)
            }
        };
        let auc_without_leaks = without(&leaks, auc_with_leaks)?;
        let auc_without_suspects = without(&suspects, auc_without_leaks)?;
        steps.step(0, true)?;
        let positives = sample.outcomes.iter().filter(|outcome| **outcome).count() as u64;
        let records = sample.outcomes.len() as u64;
        Ok(LeakReport {
            records,
            positives,
            features,
            leaks,
            suspects,
            auc_with_leaks,
            auc_without_leaks,
            auc_without_suspects,
        })
    }

    /// Reads a version of a learned score; the latest without a version.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub fn get(&self, request: &GetLearnedScore) -> Result<LearnedScore> {
        self.crm.shared.store.read(|conn| find(conn, &request.name, request.version))
    }

    /// The latest version of every learned score, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<LearnedScore>> {
        self.crm.shared.store.read(rows::all)
    }

    /// Archives a learned score with all versions: it stays readable, and nothing is scored with it.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn archive(&self, name: &LearnedScoreName) -> Result<LearnedScore> {
        self.crm.write(|writing| {
            let now = writing.now;
            set_archived(writing, &name.name, Some(now), ChangeKind::LearnedScoreArchived)
        })
    }

    /// Takes a learned score out of the archive.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn restore(&self, name: &LearnedScoreName) -> Result<LearnedScore> {
        self.crm.write(|writing| {
            set_archived(writing, &name.name, None, ChangeKind::LearnedScoreRestored)
        })
    }

    /// Says why a record has its score now: what each feature adds to the log-odds. Intercept and
    /// contributions add up exactly, in any order.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, version or record; `Archived` if the score is; those of
    /// conditions if a definition has changed since.
    pub fn explain(&self, request: &ExplainLearnedScore) -> Result<LearnedExplanation> {
        let now = self.crm.now();
        self.crm.read_explained(|conn, catalog| explain_learned_score(conn, catalog, request, now))
    }

    /// Scores every record in use of the score's type and returns those with the highest.
    ///
    /// # Errors
    ///
    /// As [`Self::explain`]; `InvalidArgument` if the limit is not 1 to 10,000; `Interrupted`.
    pub fn rank(&self, request: &RankRecords, watch: &mut Watch<'_>) -> Result<LearnedRanking> {
        check_limit(request.limit)?;
        let catalog = self.crm.catalog();
        let now = self.crm.now();
        let (score, cut) = self.crm.shared.store.read(|conn| {
            Ok((find_live(conn, &request.name, request.version)?, Cut::now(conn, now)?))
        })?;
        let table = catalog.table(&score.entity_type)?;
        let filter = request.condition.as_ref();
        let filter = filter
            .map(|condition| conditions::judge(&catalog, condition, &table.model.name, "where"));
        let filter = filter.transpose()?;
        let scorer = Scorer::new(&catalog, table, &score)?;
        let mut steps = Steps::new(self.crm, watch);
        let (mut count, mut top) = (0, Vec::new());
        let limit = request.limit as usize;
        each(self.crm, table, Archived::Exclude, &mut steps, |conn, row| {
            let Some(then) = cut.record(conn, table, row)? else { return Ok(()) };
            if let Some(filter) = &filter
                && !cut.is_true(conn, &catalog, &table.model, filter, &then)?
            {
                return Ok(());
            }
            count += 1;
            top.push(LearnedPrediction {
                id: row.id,
                probability: scorer.score(conn, &catalog, &cut, &then)?,
            });
            // Sorted now and then, so that memory does not grow with the records.
            if top.len() >= 2 * limit {
                cut_off(&mut top, limit);
            }
            Ok(())
        })?;
        cut_off(&mut top, limit);
        steps.step(0, true)?;
        Ok(LearnedRanking { records: count, top })
    }

    /// Reads what a training asks for.
    fn collect(
        &self,
        request: &TrainLearnedScore,
        steps: &mut Steps<'_>,
    ) -> Result<(Collected, Split)> {
        check_request(request)?;
        let catalog = self.crm.catalog();
        let table = catalog.table(&request.entity_type)?;
        table.model.check_live()?;
        let outcome = Outcome::new(&catalog, &table.model.name, &request.outcome)?;
        let sources = sources(&catalog, &table.model, request, &outcome.asked(table))?;
        if sources.is_empty() {
            let message = "there is no feature to learn from";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("fields"));
        }
        if sources.len() > limits::LEARNED_FEATURES {
            let TrainLearnedScore { fields, conditions, activities, .. } = request;
            let lists = [
                ("activities", activities.len()),
                ("conditions", conditions.len()),
                ("fields", fields.len()),
            ];
            // The list that has the most is the one to shorten.
            let longest = lists.into_iter().max_by_key(|(_, length)| *length);
            let message = format!("at most {} features", limits::LEARNED_FEATURES);
            return Err(Error::new(ErrorKind::LimitExceeded, message)
                .with_field(longest.map_or("fields", |(field, _)| field))
                .with_hint("list fewer, or name in exclude what is not to be learned from"));
        }
        let moments = (request.as_of, request.until);
        let plan =
            Plan::new(self.crm, (table, &catalog), &outcome, request.condition.as_ref(), moments)?;
        let collected = collect(self.crm, &plan, sources, steps)?;
        let is_out = |place: &usize| {
            collected.sample.draws[*place] % 100 < u64::from(request.holdout_percent)
        };
        let places = 0..collected.sample.outcomes.len();
        let (kept_out, learned_from) = places.partition(is_out);
        Ok((collected, Split { learned_from, kept_out }))
    }
}

/// A version of a learned score, ready to score records.
struct Scorer<'a> {
    model: Model,
    readers: Vec<Reader>,
    table: &'a Table,
}

impl<'a> Scorer<'a> {
    fn new(catalog: &Catalog, table: &'a Table, score: &LearnedScore) -> Result<Self> {
        let model = Model::read(&score.model)?;
        let readers =
            model.terms.iter().map(|term| Reader::new(catalog, &table.model, &term.source));
        let readers = readers.collect::<Result<_>>()?;
        Ok(Self { model, readers, table })
    }

    /// The probability of the outcome for a record as it was.
    fn score(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        cut: &Cut,
        then: &StoredRow,
    ) -> Result<f64> {
        let read = |reader: &Reader| reader.read(conn, catalog, self.table, cut, then);
        let found = self.readers.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(self.model.probability(found.iter().map(features::Found::cell)))
    }
}

/// Explains the probability of a record in a state of the file.
///
/// # Errors
///
/// As [`LearnedScores::explain`].
pub(in crate::engine) fn explain_learned_score(
    conn: &Connection,
    catalog: &Catalog,
    request: &ExplainLearnedScore,
    now: Timestamp,
) -> Result<LearnedExplanation> {
    let score = find_live(conn, &request.name, request.version)?;
    let model = Model::read(&score.model)?;
    let table = catalog.table(&score.entity_type)?;
    let row = records::get(conn, table, request.id)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such record").with_field("id"))?;
    let cut = Cut::now(conn, now)?;
    let then = cut
        .record(conn, table, &row)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such record").with_field("id"))?;
    let mut contributions = Vec::with_capacity(model.terms.len());
    for term in &model.terms {
        let reader = Reader::new(catalog, &table.model, &term.source)?;
        let found = reader.read(conn, catalog, table, &cut, &then)?;
        contributions.push(LearnedContribution {
            feature: term.source.name(),
            log_odds: term.weights.add(found.cell()),
            is_missing: found == features::Found::Missing,
        });
    }
    let added: f64 = contributions.iter().map(|part| part.log_odds).sum();
    let log_odds = model.intercept + added;
    contributions.sort_by(|one, other| {
        let size = other.log_odds.abs().total_cmp(&one.log_odds.abs());
        size.then_with(|| one.feature.cmp(&other.feature))
    });
    Ok(LearnedExplanation {
        name: score.name,
        version: score.version,
        id: row.id,
        probability: learning::logistic(log_odds),
        log_odds,
        intercept: model.intercept,
        contributions,
    })
}

fn cut_off(top: &mut Vec<LearnedPrediction>, limit: usize) {
    top.sort_by(|one, other| {
        other.probability.total_cmp(&one.probability).then(one.id.cmp(&other.id))
    });
    top.truncate(limit);
}

fn fit(
    sample: &Sample,
    places: &[usize],
    request: &TrainLearnedScore,
    steps: &mut Steps<'_>,
) -> Result<Model> {
    let recipe = Recipe {
        algorithm: request.algorithm,
        l2: request.l2,
        is_balanced: request.balanced,
        is_calibrated: request.calibrated,
        least: request.min_records,
    };
    learning::train(sample, places, recipe, &mut || steps.step(0, false))
}

/// # Errors
///
/// `Refused` if features look like leaks that nobody allowed; the field names the worst.
fn refuse_leaks(checks: &[FeatureCheck], request: &TrainLearnedScore) -> Result<()> {
    let is_refused = |check: &&FeatureCheck| {
        !check.reasons.is_empty() && !request.allow_leaks.contains(&check.feature)
    };
    let leaks = checks.iter().filter(is_refused).map(|check| check.feature.as_str());
    let leaks: Vec<&str> = leaks.collect();
    let Some(worst) = leaks.first() else { return Ok(()) };
    let mut hint =
        "name them in exclude, or in allow_leaks; learned_scores.find_leaks says why".to_owned();
    let suspects = suspects(checks);
    if !suspects.is_empty() {
        hint.push_str("; look also at ");
        hint.push_str(&suspects.join(", "));
        hint.push_str(", which have a value much more often with one outcome");
    }
    let message = format!("these features seem to know the outcome: {}", leaks.join(", "));
    Err(Error::new(ErrorKind::Refused, message).with_field(*worst).with_hint(hint))
}

/// The names of those that are suspect.
fn suspects(checks: &[FeatureCheck]) -> Vec<String> {
    let suspects = checks.iter().filter(|check| check.is_suspect);
    suspects.map(|check| check.feature.clone()).collect()
}

fn judge_leaks(
    collected: &Collected,
    split: &Split,
    request: &TrainLearnedScore,
) -> Vec<FeatureCheck> {
    let Collected { sample, filled, is_past } = collected;
    learning::check_leaks(
        sample,
        &split.learned_from,
        (filled, *is_past),
        request.min_records,
        request.leak_auc,
    )
}

fn check_request(request: &TrainLearnedScore) -> Result<()> {
    check_range("min_records", request.min_records.into(), 5, 100_000)?;
    check_range("holdout_percent", request.holdout_percent.into(), 0, 90)?;
    let in_range =
        |field: &str, number: f64, least: f64, most: f64| match (least..=most).contains(&number) {
            true => Ok(()),
            false => {
                let message = format!("must be {least} to {most}");
                Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field))
            }
        };
    in_range("l2", request.l2, 1e-6, 1e6)?;
    in_range("leak_auc", request.leak_auc, 0.6, 1.0)?;
    check_tiers(&request.tiers)?;
    for (place, named) in request.conditions.iter().enumerate() {
        if named.name.is_empty() || named.name.len() > limits::LABEL_BYTES {
            let message = format!("must be a name of 1 to {} bytes", limits::LABEL_BYTES);
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field(format!("conditions[{place}].name")));
        }
    }
    Ok(())
}

fn check_tiers(tiers: &[crate::ScoreTier]) -> Result<()> {
    if tiers.len() > limits::STAGES {
        let message = format!("at most {} tiers", limits::STAGES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("tiers"));
    }
    match tiers.iter().position(|tier| !tier.from.is_finite()) {
        Some(place) => Err(Error::new(ErrorKind::InvalidArgument, "must be a number")
            .with_field(format!("tiers[{place}].from"))),
        None => Ok(()),
    }
}

/// Whether a score of this name can have another version.
fn check_next(known: &LearnedScore, request: &TrainLearnedScore) -> Result<()> {
    if known.archived_at.is_some() {
        return Err(archived());
    }
    if known.entity_type != request.entity_type {
        let message = "the score of this name is of another entity type";
        return Err(Error::new(ErrorKind::DefinitionConflict, message).with_field("type"));
    }
    if known.version as usize >= limits::LEARNED_SCORES {
        let message = format!("at most {} versions", limits::LEARNED_SCORES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    Ok(())
}

fn find(conn: &Connection, name: &str, version: Option<u32>) -> Result<LearnedScore> {
    if let Some(score) = rows::find(conn, name, version)? {
        return Ok(score);
    }
    let names: Vec<String> = rows::all(conn)?.into_iter().map(|score| score.name).collect();
    if names.iter().any(|known| known == name) {
        return Err(Error::new(ErrorKind::NotFound, "no such version of the learned score")
            .with_field("version"));
    }
    let error = Error::new(ErrorKind::NotFound, "no such learned score").with_field("name");
    Err(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => error.with_hint("learn it with learned_scores.train"),
    })
}

fn find_live(conn: &Connection, name: &str, version: Option<u32>) -> Result<LearnedScore> {
    let score = find(conn, name, version)?;
    if score.archived_at.is_some() {
        return Err(archived());
    }
    Ok(score)
}

fn set_archived(
    writing: &mut Writing<'_>,
    name: &str,
    at: Option<Timestamp>,
    kind: ChangeKind,
) -> Result<LearnedScore> {
    let score = find(writing.tx, name, None)?;
    if score.archived_at.is_some() == at.is_some() {
        return Ok(score);
    }
    rows::archive(writing.tx, name, at)?;
    let stamp = writing.stamp();
    let body = serde_json::json!({ "name": name }).to_string();
    writing.log(stamp, kind, None, None, &body)?;
    Ok(LearnedScore { archived_at: at, ..score })
}

fn to_json(score: &LearnedScore) -> Result<String> {
    serde_json::to_string(score)
        .map_err(|_| Error::new(ErrorKind::Internal, "a learned score is no JSON"))
}

fn archived() -> Error {
    Error::new(ErrorKind::Archived, "the learned score is archived")
        .with_field("name")
        .with_hint("restore it with learned_scores.restore")
}
