//! Leaks: features that know the outcome, because they were filled in after it.
//!
//! A model that learned from one is right about the past and useless tomorrow. Three signs are
//! looked for: the feature alone tells the outcomes apart almost perfectly; so does the mere fact
//! that it has a value; and the journal says that it got its value after the outcome. The first two
//! are signs, not proofs: a feature may be that good. So a person decides, by name.
//!
//! A weaker sign makes a feature suspect: it has a value much more often with one outcome than with the
//! other, and nothing says that it was filled in before. Honest fields have that too, so it is told and
//! refuses nothing.

use super::{
    answers::{FeatureCheck, LeakReason},
    measure::auc,
    model::Source,
    sample::{Cell, Column, Groups, tally},
    train::Sample,
};

/// Records with the outcome and a value, below which the order of the two says nothing.
const AT_LEAST: u64 = 10;
/// The share of them that got the value later from which on it counts as filled in after the outcome.
const MOST: f64 = 0.9;

/// How far the shares of records with a value lie apart, by outcome, where a feature is suspect.
const APART: f64 = 0.2;
/// How many standard errors they lie apart then, so that it is not chance: one case in a thousand.
const ERRORS: f64 = 3.3;

/// How many records with the outcome got their value of a feature before it, together with it, and
/// after it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct FilledWhen {
    pub(crate) before: u64,
    pub(crate) together: u64,
    pub(crate) after: u64,
}

impl FilledWhen {
    /// Of those of which this is known; `None` if it is known of too few.
    fn share(&self, part: u64) -> Option<f64> {
        let known = self.before + self.together + self.after;
        (known >= AT_LEAST).then(|| part as f64 / known as f64)
    }
}

/// Judges every feature by the records at `places`, the most suspect first. `is_past` says that all
/// values are from before the outcome.
pub(crate) fn check(
    sample: &Sample,
    places: &[usize],
    (filled, is_past): (&[FilledWhen], bool),
    least: u32,
    limit: f64,
) -> Vec<FeatureCheck> {
    let outcomes = sample.outcomes_of(places);
    let positives = outcomes.iter().filter(|outcome| **outcome).count() as f64;
    let negatives = outcomes.len() as f64 - positives;
    let features = sample.sources.iter().zip(&sample.columns).zip(filled);
    let mut checks: Vec<FeatureCheck> = features
        .map(|((source, column), filled)| {
            let alone = alone(column, places, &outcomes, least);
            let has_value: Vec<f64> = places
                .iter()
                .map(|place| f64::from(u8::from(has_value(source, column.get(*place)))))
                .collect();
            // A value that is missing tells as much as one that is there.
            let filled_auc = auc(&has_value, &outcomes).map_or(0.5, |auc| auc.max(1.0 - auc));
            let filled_of = |wanted: bool| -> f64 {
                let with = has_value.iter().zip(&outcomes).filter(|(_, is)| **is == wanted);
                with.map(|(value, _)| value).sum()
            };
            let (with, without) = (filled_of(true), filled_of(false));
            let filled_after = filled.share(filled.after);
            let signs = [
                (LeakReason::TellsOutcome, alone >= limit),
                (LeakReason::FilledTellsOutcome, filled_auc >= limit),
                (LeakReason::FilledAfterOutcome, filled_after.is_some_and(|share| share >= MOST)),
            ];
            let reasons: Vec<LeakReason> =
                signs.into_iter().filter(|(_, holds)| *holds).map(|(sign, _)| sign).collect();
            let came_before =
                is_past || filled.share(filled.before).is_some_and(|part| part >= MOST);
            let is_suspect = reasons.is_empty()
                && !came_before
                && is_apart([with, without], [positives, negatives]);
            FeatureCheck {
                feature: source.name(),
                auc: alone,
                filled_auc,
                filled_with: with / positives.max(1.0),
                filled_without: without / negatives.max(1.0),
                filled_after,
                reasons,
                is_suspect,
            }
        })
        .collect();
    checks.sort_by(|one, other| {
        let is_leak = |check: &FeatureCheck| !check.reasons.is_empty();
        let by_sign = is_leak(other).cmp(&is_leak(one));
        by_sign.then(other.auc.total_cmp(&one.auc)).then(one.feature.cmp(&other.feature))
    });
    checks
}

/// Whether a feature has a value for a record.
fn has_value(source: &Source, cell: Cell<'_>) -> bool {
    match source {
        // Of those that are only filled or not, the level says it.
        Source::Filled(_) => cell == Cell::Level("yes"),
        _ => cell != Cell::Missing,
    }
}

/// Whether the shares of `filled` among `all`, with the outcome and without, lie far apart, and farther
/// than by chance: the test of two proportions.
fn is_apart(filled: [f64; 2], all: [f64; 2]) -> bool {
    if all.contains(&0.0) {
        return false;
    }
    let apart = (filled[0] / all[0] - filled[1] / all[1]).abs();
    let share = (filled[0] + filled[1]) / (all[0] + all[1]);
    let error = (share * (1.0 - share) * (1.0 / all[0] + 1.0 / all[1])).sqrt();
    apart >= APART && apart >= ERRORS * error
}

/// The area under the curve of a feature alone: each record is scored with the share of positives
/// in its group, numbers by tenths, so that it does not matter in which direction a feature tells.
fn alone(column: &Column, places: &[usize], outcomes: &[bool], least: u32) -> f64 {
    let groups = Groups::of(column, places, least);
    let rows: Vec<(usize, bool, f64)> =
        places.iter().zip(outcomes).map(|(place, outcome)| (*place, *outcome, 1.0)).collect();
    let (counts, missing) = tally(column, &groups, &rows);
    let rate = |[won, lost]: [f64; 2]| won / (won + lost).max(1.0);
    let scores: Vec<f64> = places
        .iter()
        .map(|place| rate(groups.find(column.get(*place)).map_or(missing, |group| counts[group])))
        .collect();
    auc(&scores, outcomes).unwrap_or(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::model::Source;

    #[test]
    fn the_order_of_value_and_outcome_says_something_of_ten_records_and_nothing_of_nine() {
        let sample = Sample {
            sources: vec![Source::Field("paid".into())],
            columns: vec![Column::Numbers(vec![1.0; 40])],
            outcomes: (0..40).map(|record| record % 2 == 0).collect(),
            draws: vec![0; 40],
        };
        let places: Vec<usize> = (0..40).collect();
        let told = |before, after| {
            let filled = [FilledWhen { before, together: 0, after }];
            let checked = check(&sample, &places, (&filled, false), 5, 0.95);
            (checked[0].filled_after, checked[0].reasons.clone())
        };
        assert_eq!(told(0, 9), (None, vec![]));
        assert_eq!(told(1, 9), (Some(0.9), vec![LeakReason::FilledAfterOutcome]));
        assert_eq!(told(2, 8), (Some(0.8), vec![]));
    }

    #[test]
    fn a_feature_is_suspect_that_one_outcome_has_much_more_often_unless_it_came_before() {
        // Of 200 records of each outcome, so many have a value, of any of five levels.
        let suspect = |with: usize, without: usize, filled: FilledWhen, is_past: bool| {
            let mut levels = crate::learning::LevelsBuilder::default();
            let outcomes: Vec<bool> = (0..400).map(|record| record < 200).collect();
            for record in 0..400 {
                let has_value = record % 200 < if record < 200 { with } else { without };
                levels.push(has_value.then_some(["a", "b", "c", "d", "e"][record % 5]));
            }
            let sample = Sample {
                sources: vec![Source::Field("answer".into())],
                columns: vec![levels.finish()],
                outcomes,
                draws: vec![0; 400],
            };
            let places: Vec<usize> = (0..400).collect();
            let checked = check(&sample, &places, (&[filled], is_past), 5, 0.95);
            assert!(checked[0].reasons.is_empty());
            let shares = (checked[0].filled_with, checked[0].filled_without);
            assert_eq!(shares, (with as f64 / 200.0, without as f64 / 200.0));
            checked[0].is_suspect
        };
        let unknown = FilledWhen::default();
        assert!(suspect(140, 70, unknown, false));
        assert!(suspect(70, 140, unknown, false), "what is filled in of those who are lost");
        assert!(!suspect(140, 110, unknown, false));
        assert!(!suspect(140, 70, unknown, true));
        // What the journal says decides: written before, or in one go as an import does.
        assert!(!suspect(140, 70, FilledWhen { before: 19, together: 1, after: 0 }, false));
        assert!(suspect(140, 70, FilledWhen { before: 1, together: 19, after: 0 }, false));
    }

    #[test]
    fn shares_of_few_records_lie_apart_by_chance() {
        assert!(!is_apart([6.0, 3.0], [10.0, 10.0]));
        assert!(is_apart([60.0, 30.0], [100.0, 100.0]));
        assert!(!is_apart([10.0, 0.0], [10.0, 0.0]));
    }
}
