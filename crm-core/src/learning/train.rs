//! From records to a model: encoding, fitting, calibrating.
//!
//! Naive Bayes is the formula of Odoo's predictive lead scoring (`addons/crm/models/crm_lead.py`):
//! counts begin at 0.1, a value says what share of the won and of the lost records has it, and a
//! value that is missing says nothing. Mended are the product that underflows (sums of logarithms),
//! the probabilities that are too sure where features say the same twice (calibration), and an
//! explanation that does not add up. The invariant: only the rows at `places` are looked at.

use super::{
    logistic::{self, Rows},
    model::{Model, Term, Weights},
    number,
    sample::{Cell, Column, Groups, spread, tally},
};
use crate::{Error, ErrorKind, LearnedAlgorithm, Result, learning::model::Source, limits};

/// Where the counts of naive Bayes begin.
const BEGIN: f64 = 0.1;
/// Parts into which the records are cut to calibrate with records that were not learned from.
const FOLDS: usize = 5;

/// Records with what is known of them.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) sources: Vec<Source>,
    pub(crate) columns: Vec<Column>,
    pub(crate) outcomes: Vec<bool>,
    /// A number of each record that follows from its id, by which records are told apart.
    pub(crate) draws: Vec<u64>,
}

/// How to learn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) algorithm: LearnedAlgorithm,
    pub(crate) l2: f64,
    pub(crate) is_balanced: bool,
    pub(crate) is_calibrated: bool,
    pub(crate) least: u32,
}

impl Sample {
    /// The values of a record, feature by feature.
    pub(crate) fn cells(&self, place: usize) -> impl Iterator<Item = Cell<'_>> {
        self.columns.iter().map(move |column| column.get(place))
    }

    /// The same records without some features.
    pub(crate) fn without(&mut self, names: &[String]) {
        let kept = |source: &Source| !names.contains(&source.name());
        let keep: Vec<bool> = self.sources.iter().map(kept).collect();
        let mut places = keep.iter();
        self.columns.retain(|_| *places.next().unwrap_or(&true));
        self.sources.retain(kept);
    }

    pub(crate) fn scores(&self, model: &Model, places: &[usize]) -> Vec<f64> {
        places.iter().map(|place| model.probability(self.cells(*place))).collect()
    }

    pub(crate) fn outcomes_of(&self, places: &[usize]) -> Vec<bool> {
        places.iter().map(|place| self.outcomes[*place]).collect()
    }
}

/// Learns from the records at `places`.
///
/// # Errors
///
/// `InvalidArgument` if one of the outcomes does not occur, or the weights do not settle;
/// `LimitExceeded` if the table of features were too large; what `goes_on` returns.
pub(crate) fn train(
    sample: &Sample,
    places: &[usize],
    recipe: Recipe,
    goes_on: &mut dyn FnMut() -> Result<()>,
) -> Result<Model> {
    let model = learn(sample, places, recipe, goes_on)?;
    if !recipe.is_calibrated {
        return Ok(model);
    }
    let (mut scores, mut outcomes) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let is_in = |place: &&usize| fold_of(sample.draws[**place]) == fold;
        let (held, rest): (Vec<usize>, Vec<usize>) = places.iter().partition(is_in);
        if held.is_empty() || !has_both(&sample.outcomes_of(&rest)) {
            continue;
        }
        let part = learn(sample, &rest, recipe, goes_on)?;
        scores.extend(held.iter().map(|place| part.log_odds(sample.cells(*place))));
        outcomes.extend(sample.outcomes_of(&held));
    }
    match calibrate(&scores, &outcomes, goes_on)? {
        Some((slope, offset)) => Ok(model.calibrated(slope, offset)),
        None => Ok(model),
    }
}

/// Slope and offset that make log-odds true: Platt's scaling with his targets, which do not reach 0
/// and 1 (Platt, *Probabilistic Outputs for Support Vector Machines*, 1999). A slope that turned the
/// order round is not taken.
fn calibrate(
    scores: &[f64],
    outcomes: &[bool],
    goes_on: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<(f64, f64)>> {
    let positives = outcomes.iter().filter(|outcome| **outcome).count() as f64;
    let negatives = outcomes.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return Ok(None);
    }
    // A target between 0 and 1 is a row of each outcome with its share of the weight.
    let high = (positives + 1.0) / (positives + 2.0);
    let low = 1.0 / (negatives + 2.0);
    let (mut values, mut both, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (score, outcome) in scores.iter().zip(outcomes) {
        let target = if *outcome { high } else { low };
        values.extend([*score, *score]);
        both.extend([true, false]);
        weights.extend([target, 1.0 - target]);
    }
    let rows = Rows { columns: 1, values: &values, outcomes: &both, weights: &weights };
    // Without a penalty; what is left of it keeps equal scores solvable.
    let fit = logistic::fit(rows, 1e-6, goes_on)?;
    let slope = fit.weights[0];
    Ok((slope > 0.0).then_some((slope, fit.intercept)))
}

/// In which of the parts a record is: by other digits than those that keep records out of the training.
fn fold_of(draw: u64) -> usize {
    (draw / 1_000_003 % FOLDS as u64) as usize
}

/// What scores foretell that are no probabilities: for each record the probability by Platt's line
/// through the scores and outcomes of the other four fifths, so that none knows its own outcome. `None` if
/// too few outcomes are known, or higher scores do not mean more of them.
///
/// # Errors
///
/// What `goes_on` returns.
pub(crate) fn foretold(
    scores: &[f64],
    outcomes: &[bool],
    draws: &[u64],
    goes_on: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<Vec<f64>>> {
    let mut probabilities = vec![0.0; scores.len()];
    for fold in 0..FOLDS {
        let is_in = |place: &usize| fold_of(draws[*place]) == fold;
        let (held, rest): (Vec<usize>, Vec<usize>) = (0..scores.len()).partition(is_in);
        if held.is_empty() {
            continue;
        }
        let (mean, scale) = spread(scores, &rest);
        let unit = |place: &usize| (scores[*place] - mean) / scale;
        let known: Vec<f64> = rest.iter().map(unit).collect();
        let came: Vec<bool> = rest.iter().map(|place| outcomes[*place]).collect();
        let Some((slope, offset)) = calibrate(&known, &came, goes_on)? else { return Ok(None) };
        for place in held {
            probabilities[place] = number::logistic(offset + slope * unit(&place));
        }
    }
    Ok((!scores.is_empty()).then_some(probabilities))
}

fn has_both(outcomes: &[bool]) -> bool {
    outcomes.contains(&true) && outcomes.contains(&false)
}

fn learn(
    sample: &Sample,
    places: &[usize],
    recipe: Recipe,
    goes_on: &mut dyn FnMut() -> Result<()>,
) -> Result<Model> {
    let outcomes = sample.outcomes_of(places);
    let positives = outcomes.iter().filter(|outcome| **outcome).count() as f64;
    let negatives = outcomes.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        let message = "all records to learn from have the same outcome";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("outcome"));
    }
    let total = positives + negatives;
    let weight = |outcome: bool| match (recipe.is_balanced, outcome) {
        (true, true) => total / 2.0 / positives,
        (true, false) => total / 2.0 / negatives,
        (false, _) => 1.0,
    };
    let weights: Vec<f64> = outcomes.iter().map(|outcome| weight(*outcome)).collect();
    match recipe.algorithm {
        LearnedAlgorithm::Logistic => {
            let layout = Layout::of(sample, places, recipe.least);
            let values = layout.values(sample, places)?;
            let rows = Rows {
                columns: layout.width,
                values: &values,
                outcomes: &outcomes,
                weights: &weights,
            };
            let fit = logistic::fit(rows, recipe.l2, goes_on)?;
            let terms = layout.terms(sample, &fit.weights);
            Ok(Model::new(recipe.algorithm, fit.intercept, terms))
        }
        LearnedAlgorithm::NaiveBayes => {
            let prior = libm::log(weight(true) * positives / (weight(false) * negatives));
            let mut terms = Vec::with_capacity(sample.sources.len());
            let rows: Vec<(usize, bool, f64)> = places
                .iter()
                .zip(&outcomes)
                .map(|(place, outcome)| (*place, *outcome, 1.0))
                .collect();
            for (source, column) in sample.sources.iter().zip(&sample.columns) {
                goes_on()?;
                let groups = Groups::of(column, places, recipe.least);
                terms.push(Term { source: source.clone(), weights: ratios(column, groups, &rows) });
            }
            Ok(Model::new(recipe.algorithm, prior, terms))
        }
    }
}

/// For each group the logarithm of: the share of the won records that are in it, over that of the
/// lost.
fn ratios(column: &Column, groups: Groups, rows: &[(usize, bool, f64)]) -> Weights {
    let (counts, _) = tally(column, &groups, rows);
    // A group that no record is in says nothing.
    let used = || counts.iter().filter(|[won, lost]| won + lost > 0.0);
    let total = |side: usize| used().map(|count| count[side] + BEGIN).sum::<f64>();
    let (won_total, lost_total) = (total(0), total(1));
    let ratio = |[won, lost]: &[f64; 2]| match won + lost > 0.0 {
        true => libm::log((won + BEGIN) / won_total) - libm::log((lost + BEGIN) / lost_total),
        false => 0.0,
    };
    let mut ratios: Vec<f64> = counts.iter().map(ratio).collect();
    match groups {
        Groups::Named(names) => {
            let others = ratios.pop().unwrap_or(0.0);
            Weights::Levels {
                levels: names.into_iter().zip(ratios).collect(),
                others,
                missing: 0.0,
            }
        }
        Groups::Cut(edges) => Weights::Cut { edges, weights: ratios, missing: 0.0 },
    }
}

/// Which columns of numbers each feature becomes.
struct Layout {
    features: Vec<Encoding>,
    width: usize,
}

enum Encoding {
    Number { first: usize, mean: f64, scale: f64 },
    Levels { first: usize, groups: Groups },
}

impl Layout {
    /// A number is one column, in standard deviations from the mean, and one that says that it is
    /// missing; a feature of levels a column for each, for the others and for the missing.
    fn of(sample: &Sample, places: &[usize], least: u32) -> Self {
        let mut width = 0;
        let features = sample.columns.iter().map(|column| {
            let first = width;
            match column {
                Column::Numbers(numbers) => {
                    width += 2;
                    let (mean, scale) = spread(numbers, places);
                    Encoding::Number { first, mean, scale }
                }
                Column::Levels { .. } => {
                    let groups = Groups::of(column, places, least);
                    width += groups.len() + 1;
                    Encoding::Levels { first, groups }
                }
            }
        });
        let features = features.collect();
        Self { features, width }
    }

    fn values(&self, sample: &Sample, places: &[usize]) -> Result<Vec<f64>> {
        let cells = self.width.saturating_mul(places.len());
        if cells > limits::LEARNED_CELLS {
            let message = format!(
                "the features of all records take more than {} numbers",
                limits::LEARNED_CELLS
            );
            return Err(Error::new(ErrorKind::LimitExceeded, message)
                .with_hint("name fewer fields, or narrow the records with where"));
        }
        let mut values = vec![0.0; cells];
        for (feature, column) in self.features.iter().zip(&sample.columns) {
            for (row, place) in values.chunks_exact_mut(self.width).zip(places) {
                let cell = column.get(*place);
                match (feature, cell) {
                    (Encoding::Number { first, .. }, Cell::Missing) => row[first + 1] = 1.0,
                    (Encoding::Number { first, mean, scale }, Cell::Number(number)) => {
                        row[*first] = (number - mean) / scale;
                    }
                    (Encoding::Levels { first, groups }, cell) => {
                        row[first + groups.find(cell).unwrap_or(groups.len())] = 1.0;
                    }
                    (Encoding::Number { .. }, Cell::Level(_)) => {}
                }
            }
        }
        Ok(values)
    }

    fn terms(self, sample: &Sample, found: &[f64]) -> Vec<Term> {
        let features = self.features.into_iter().zip(&sample.sources);
        features
            .map(|(feature, source)| {
                let weights = match feature {
                    Encoding::Number { first, mean, scale } => Weights::Number {
                        mean,
                        scale,
                        weight: found[first],
                        missing: found[first + 1],
                    },
                    Encoding::Levels { first, groups } => {
                        let own = &found[first..=first + groups.len()];
                        let (others, missing) = (own[groups.len() - 1], own[groups.len()]);
                        let Groups::Named(names) = groups else { return Term::empty(source) };
                        let levels = names.into_iter().zip(own.iter().copied()).collect();
                        Weights::Levels { levels, others, missing }
                    }
                };
                Term { source: source.clone(), weights }
            })
            .collect()
    }
}

impl Term {
    /// A feature that says nothing.
    fn empty(source: &Source) -> Self {
        let weights = Weights::Levels { levels: Default::default(), others: 0.0, missing: 0.0 };
        Self { source: source.clone(), weights }
    }
}

#[cfg(test)]
mod tests;
