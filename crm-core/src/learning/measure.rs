//! How well scores tell outcomes apart, and how far their probabilities are true.
//!
//! Records with equal scores are never put in an order: they share their place. The invariant:
//! nothing here depends on the order in which the records come.

use super::answers::{
    CalibrationBin, LiftDecile, ScoreComparison, ScoreQuality, ScoreTier, TierResult,
};

/// Two-sided 95 %, of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;
/// A probability of nothing would make one mistake infinitely bad.
const LEAST: f64 = 1e-15;

/// The area under the curve with the parts of which its variance is made.
struct Placements {
    auc: f64,
    /// Of each positive the share of negatives below it; then of each negative the share of
    /// positives above it. Equal ones count half.
    positive: Vec<f64>,
    negative: Vec<f64>,
}

/// The places of records by ascending score; equal scores share the middle of theirs, from 1.
fn midranks(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|one, other| scores[*one].total_cmp(&scores[*other]));
    let mut ranks = vec![0.0; scores.len()];
    let mut first = 0;
    while first < order.len() {
        let score = scores[order[first]];
        let same = order[first..].iter().take_while(|place| scores[**place] == score).count();
        let rank = first as f64 + (same as f64 + 1.0) / 2.0;
        for place in &order[first..first + same] {
            ranks[*place] = rank;
        }
        first += same;
    }
    ranks
}

fn of(scores: &[f64], outcomes: &[bool], wanted: bool) -> Vec<f64> {
    let pairs = scores.iter().zip(outcomes).filter(|(_, outcome)| **outcome == wanted);
    pairs.map(|(score, _)| *score).collect()
}

/// The fast algorithm of Sun and Xu (IEEE Signal Processing Letters 21, 2014) for the method of
/// DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).
fn placements(scores: &[f64], outcomes: &[bool]) -> Option<Placements> {
    let (positive, negative) = (of(scores, outcomes, true), of(scores, outcomes, false));
    let (m, n) = (positive.len() as f64, negative.len() as f64);
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let all = midranks(scores);
    let among = |own: &[f64], wanted| {
        let ranks = midranks(own);
        let all = of(&all, outcomes, wanted);
        all.into_iter().zip(ranks).map(|(all, own)| all - own).collect::<Vec<f64>>()
    };
    let positive: Vec<f64> = among(&positive, true).into_iter().map(|below| below / n).collect();
    let negative: Vec<f64> =
        among(&negative, false).into_iter().map(|below| 1.0 - below / m).collect();
    let auc = positive.iter().sum::<f64>() / m;
    Some(Placements { auc, positive, negative })
}

fn covariance(one: &[f64], other: &[f64]) -> f64 {
    if one.len() < 2 {
        return 0.0;
    }
    let count = one.len() as f64;
    let (mean, mean_other) = (one.iter().sum::<f64>() / count, other.iter().sum::<f64>() / count);
    let products = one.iter().zip(other).map(|(a, b)| (a - mean) * (b - mean_other));
    products.sum::<f64>() / (count - 1.0)
}

impl Placements {
    fn covariance(&self, other: &Self) -> f64 {
        covariance(&self.positive, &other.positive) / self.positive.len() as f64
            + covariance(&self.negative, &other.negative) / self.negative.len() as f64
    }
}

/// The probability that a record with the outcome has a higher score than one without, equal scores
/// counted half (Hanley and McNeil, Radiology 143, 1982); `None` if one outcome is missing.
pub(crate) fn auc(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
    let positives = outcomes.iter().filter(|outcome| **outcome).count() as f64;
    let negatives = outcomes.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let ranks = midranks(scores).into_iter().zip(outcomes);
    let sum: f64 = ranks.filter(|(_, outcome)| **outcome).map(|(rank, _)| rank).sum();
    Some((sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Everything that is told of scores. How true they are is asked of the probabilities: the scores
/// themselves, what they foretell, or nothing.
pub(crate) fn measure(
    scores: &[f64],
    outcomes: &[bool],
    tiers: &[ScoreTier],
    probabilities: Option<&[f64]>,
) -> ScoreQuality {
    let placed = placements(scores, outcomes);
    let interval = placed.as_ref().map(|placed| {
        let half = Z95 * placed.covariance(placed).max(0.0).sqrt();
        ((placed.auc - half).max(0.0), (placed.auc + half).min(1.0))
    });
    let records = outcomes.len() as u64;
    let positives = outcomes.iter().filter(|outcome| **outcome).count() as u64;
    let certain = probabilities.filter(|_| records > 0);
    ScoreQuality {
        records,
        positives,
        auc: placed.map(|placed| placed.auc),
        auc_low: interval.map(|(low, _)| low),
        auc_high: interval.map(|(_, high)| high),
        brier: certain.map(|certain| brier(certain, outcomes)),
        log_loss: certain.map(|certain| log_loss(certain, outcomes)),
        deciles: deciles(scores, outcomes),
        calibration: certain.map_or_else(Vec::new, |certain| reliability(certain, outcomes)),
        tiers: conversion(scores, outcomes, tiers),
    }
}

fn value(outcome: bool) -> f64 {
    f64::from(u8::from(outcome))
}

/// The mean square of what a probability was wrong by (Brier, Monthly Weather Review 78, 1950).
fn brier(scores: &[f64], outcomes: &[bool]) -> f64 {
    let squares = scores.iter().zip(outcomes).map(|(p, y)| (p - value(*y)) * (p - value(*y)));
    squares.sum::<f64>() / scores.len() as f64
}

fn log_loss(scores: &[f64], outcomes: &[bool]) -> f64 {
    let losses = scores.iter().zip(outcomes).map(|(p, y)| {
        let p = p.clamp(LEAST, 1.0 - LEAST);
        -libm::log(if *y { p } else { 1.0 - p })
    });
    losses.sum::<f64>() / scores.len() as f64
}

/// Tenths of the records, the highest scores first. Where equal scores lie on both sides of a border,
/// each side gets its share of their outcomes.
fn deciles(scores: &[f64], outcomes: &[bool]) -> Vec<LiftDecile> {
    let count = scores.len();
    let total = outcomes.iter().filter(|outcome| **outcome).count() as f64;
    if count < 10 || total == 0.0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
    let mut expected = vec![0.0; count];
    let mut first = 0;
    while first < count {
        let score = scores[order[first]];
        let same = order[first..].iter().take_while(|place| scores[**place] == score).count();
        let positives =
            order[first..first + same].iter().filter(|place| outcomes[**place]).count() as f64;
        expected[first..first + same].fill(positives / same as f64);
        first += same;
    }
    let overall = total / count as f64;
    let mut gained = 0.0;
    let places = (0..10).map(|tenth| (tenth * count / 10, (tenth + 1) * count / 10));
    places
        .zip(1..)
        .map(|((from, to), decile)| {
            let positives: f64 = expected[from..to].iter().sum();
            gained += positives;
            let rate = positives / (to - from) as f64;
            LiftDecile {
                decile,
                records: (to - from) as u64,
                positives,
                rate,
                lift: rate / overall,
                gain: gained / total,
                from_score: scores[order[to - 1]],
            }
        })
        .collect()
}

/// What was foreseen beside what came, by tenths of the probability.
fn reliability(scores: &[f64], outcomes: &[bool]) -> Vec<CalibrationBin> {
    let mut bins = [(0_u64, 0.0, 0_u64); 10];
    // In order, so that the sums do not depend on that of the records.
    let mut pairs: Vec<(f64, bool)> =
        scores.iter().copied().zip(outcomes.iter().copied()).collect();
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (p, outcome) in pairs {
        // A probability lies between 0 and 1.
        let bin = &mut bins[((p * 10.0) as usize).min(9)];
        *bin = (bin.0 + 1, bin.1 + p, bin.2 + u64::from(outcome));
    }
    let filled = bins.iter().enumerate().filter(|(_, (records, ..))| *records > 0);
    filled
        .map(|(place, (records, sum, positives))| CalibrationBin {
            from: place as f64 / 10.0,
            to: (place + 1) as f64 / 10.0,
            records: *records,
            predicted: sum / *records as f64,
            rate: *positives as f64 / *records as f64,
        })
        .collect()
}

/// The records of each tier; a record is in the first one, from the highest down, that it reaches.
fn conversion(scores: &[f64], outcomes: &[bool], tiers: &[ScoreTier]) -> Vec<TierResult> {
    let mut sorted: Vec<&ScoreTier> = tiers.iter().collect();
    sorted.sort_by(|one, other| other.from.total_cmp(&one.from));
    let mut counts = vec![(0_u64, 0_u64); sorted.len()];
    for (score, outcome) in scores.iter().zip(outcomes) {
        if let Some(place) = sorted.iter().position(|tier| *score >= tier.from) {
            counts[place].0 += 1;
            counts[place].1 += u64::from(*outcome);
        }
    }
    let tiers = sorted.into_iter().zip(counts);
    tiers
        .map(|(tier, (records, positives))| TierResult {
            tier: tier.tier.clone(),
            from: tier.from,
            records,
            positives,
            rate: (records > 0).then(|| positives as f64 / records as f64),
        })
        .collect()
}

/// Whether one of two scores of the same records is better, or it may be chance (DeLong's test for
/// two correlated areas); `None` if one outcome is missing.
pub(crate) fn compare(
    scores: &[f64],
    others: &[f64],
    outcomes: &[bool],
) -> Option<ScoreComparison> {
    let (one, other) = (placements(scores, outcomes)?, placements(others, outcomes)?);
    let difference = one.auc - other.auc;
    let variance = one.covariance(&one) + other.covariance(&other) - 2.0 * one.covariance(&other);
    let deviation = variance.max(0.0).sqrt();
    let p_value = match deviation > 0.0 {
        true => libm::erfc((difference / deviation).abs() / std::f64::consts::SQRT_2),
        // Two scores that put the records in the same order, or none that differs by chance.
        false if difference == 0.0 => 1.0,
        false => 0.0,
    };
    Some(ScoreComparison {
        difference,
        low: difference - Z95 * deviation,
        high: difference + Z95 * deviation,
        p_value,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scored() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
        proptest::collection::vec((0..12_u8, any::<bool>()), 1..80)
            .prop_map(|rows| rows.into_iter().map(|(s, y)| (f64::from(s) / 12.0, y)).unzip())
    }

    fn brute(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
        let (up, down) = (of(scores, outcomes, true), of(scores, outcomes, false));
        let mut wins = 0.0;
        for one in &up {
            for other in &down {
                wins += if one > other {
                    1.0
                } else if one == other {
                    0.5
                } else {
                    0.0
                };
            }
        }
        (!up.is_empty() && !down.is_empty()).then(|| wins / (up.len() * down.len()) as f64)
    }

    proptest! {
        #[test]
        fn the_area_is_what_comparing_each_pair_gives((scores, outcomes) in scored()) {
            let quality = measure(&scores, &outcomes, &[], Some(&scores));
            let brute = brute(&scores, &outcomes);
            prop_assert_eq!(brute.is_some(), quality.auc.is_some());
            if let (Some(brute), Some(area), Some(plain)) = (brute, quality.auc, auc(&scores, &outcomes)) {
                prop_assert!((brute - area).abs() < 1e-12 && (brute - plain).abs() < 1e-12);
                prop_assert!(quality.auc_low.unwrap() <= area && area <= quality.auc_high.unwrap());
            }
        }

        #[test]
        fn deciles_and_bins_hold_every_record((scores, outcomes) in scored()) {
            let quality = measure(&scores, &outcomes, &[], Some(&scores));
            prop_assert_eq!(quality.calibration.iter().map(|bin| bin.records).sum::<u64>(), quality.records);
            if let Some(last) = quality.deciles.last() {
                prop_assert!((last.gain - 1.0).abs() < 1e-9);
                let positives: f64 = quality.deciles.iter().map(|decile| decile.positives).sum();
                prop_assert!((positives - quality.positives as f64).abs() < 1e-9);
            }
        }

        #[test]
        fn a_score_is_not_better_than_itself((scores, outcomes) in scored()) {
            if let Some(compared) = compare(&scores, &scores, &outcomes) {
                prop_assert_eq!((compared.difference, compared.p_value), (0.0, 1.0));
            }
        }
    }

    /// Variance by DeLong of a small table, worked out by hand: positives 3, 2, negatives 2.5, 1.
    #[test]
    fn the_interval_is_that_of_delong() {
        let quality = measure(&[3.0, 2.0, 2.5, 1.0], &[true, true, false, false], &[], None);
        // Shares below: 1 and ½, above: ½ and 1; each has the variance ⅛, halved and added ⅛.
        let half = Z95 * 0.125_f64.sqrt();
        assert_eq!(quality.auc, Some(0.75));
        assert!((quality.auc_low.unwrap() - (0.75 - half)).abs() < 1e-12);
        assert_eq!(quality.auc_high, Some(1.0));
        assert_eq!((quality.brier, quality.calibration.len()), (None, 0));
    }

    #[test]
    fn a_record_is_in_the_highest_tier_that_it_reaches() {
        let tier = |tier: &str, from| ScoreTier { tier: tier.into(), from };
        let tiers = [tier("B", 0.2), tier("A", 0.8)];
        let scores = [0.9, 0.8, 0.3, 0.1];
        let quality = measure(&scores, &[true, false, true, true], &tiers, Some(&scores));
        let rates: Vec<_> = quality.tiers.iter().map(|tier| (tier.records, tier.rate)).collect();
        assert_eq!(rates, [(2, Some(0.5)), (1, Some(1.0))]);
    }
}
