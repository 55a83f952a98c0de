//! Leaks: features that know the outcome, because they were filled in after it.
//!
//! A model that learned from one is right about the past and useless tomorrow. Three signs are
//! looked for: the feature alone tells the outcomes apart almost perfectly; so does the mere fact
//! that it has a value; and the journal says that it got its value after the outcome. The first two
//! are signs, not proofs: a feature may be that good. So a person decides, by name.

use super::{
    answers::{FeatureCheck, LeakReason},
    measure::auc,
    sample::{Column, Groups, tally},
    train::Sample,
};

/// Records with the outcome and a value, below which the order of the two says nothing.
const AT_LEAST: u64 = 10;
/// The share of them that got the value later from which on it counts as filled in after the outcome.
const MOST: f64 = 0.9;

/// How many records with the outcome got their value of a feature before it, and after it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct FilledWhen {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// Judges every feature by the records at `places`, the most suspect first.
pub(crate) fn check(
    sample: &Sample,
    places: &[usize],
    filled: &[FilledWhen],
    least: u32,
    limit: f64,
) -> Vec<FeatureCheck> {
    let outcomes = sample.outcomes_of(places);
    let features = sample.sources.iter().zip(&sample.columns).zip(filled);
    let mut checks: Vec<FeatureCheck> = features
        .map(|((source, column), filled)| {
            let alone = alone(column, places, &outcomes, least);
            let has_value: Vec<f64> = places
                .iter()
                .map(|place| {
                    f64::from(u8::from(column.get(*place) != super::sample::Cell::Missing))
                })
                .collect();
            // A value that is missing tells as much as one that is there.
            let filled_auc = auc(&has_value, &outcomes).map_or(0.5, |auc| auc.max(1.0 - auc));
            let known = filled.before + filled.after;
            let filled_after = (known >= AT_LEAST).then(|| filled.after as f64 / known as f64);
            let signs = [
                (LeakReason::TellsOutcome, alone >= limit),
                (LeakReason::FilledTellsOutcome, filled_auc >= limit),
                (LeakReason::FilledAfterOutcome, filled_after.is_some_and(|share| share >= MOST)),
            ];
            let reasons =
                signs.into_iter().filter(|(_, holds)| *holds).map(|(sign, _)| sign).collect();
            FeatureCheck { feature: source.name(), auc: alone, filled_auc, filled_after, reasons }
        })
        .collect();
    checks.sort_by(|one, other| {
        let is_leak = |check: &FeatureCheck| !check.reasons.is_empty();
        let by_sign = is_leak(other).cmp(&is_leak(one));
        by_sign.then(other.auc.total_cmp(&one.auc)).then(one.feature.cmp(&other.feature))
    });
    checks
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
            let checked = check(&sample, &places, &[FilledWhen { before, after }], 5, 0.95);
            (checked[0].filled_after, checked[0].reasons.clone())
        };
        assert_eq!(told(0, 9), (None, vec![]));
        assert_eq!(told(1, 9), (Some(0.9), vec![LeakReason::FilledAfterOutcome]));
        assert_eq!(told(2, 8), (Some(0.8), vec![]));
    }
}
