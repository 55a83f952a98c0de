//! Leaks, features and fits on made-up records: what is learned is what was put in.

use proptest::prelude::*;

use super::*;
use crate::learning::{
    leaks::{FilledWhen, check},
    measure::{auc, measure},
    number::logistic,
    sample::LevelsBuilder,
};

fn recipe(algorithm: LearnedAlgorithm) -> Recipe {
    Recipe { algorithm, l2: 1.0, is_balanced: false, is_calibrated: false, least: 5 }
}

/// A sample of a number, a level and an outcome for each record.
fn sample(rows: &[(Option<f64>, Option<&str>, bool)]) -> Sample {
    let mut levels = LevelsBuilder::default();
    rows.iter().for_each(|(_, level, _)| levels.push(*level));
    let numbers = rows.iter().map(|(number, ..)| number.unwrap_or(f64::NAN)).collect();
    Sample {
        sources: vec![Source::Field("visits".into()), Source::Field("city".into())],
        columns: vec![Column::Numbers(numbers), levels.finish()],
        outcomes: rows.iter().map(|(.., outcome)| *outcome).collect(),
        draws: (0..rows.len() as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect(),
    }
}

fn all(sample: &Sample) -> Vec<usize> {
    (0..sample.outcomes.len()).collect()
}

fn learned(sample: &Sample, recipe: Recipe) -> Model {
    train(sample, &all(sample), recipe, &mut || Ok(())).unwrap()
}

fn rows() -> impl Strategy<Value = Vec<(Option<f64>, Option<&'static str>, bool)>> {
    let level = prop_oneof![Just(None), Just(Some("a")), Just(Some("b")), Just(Some("c"))];
    let row = (proptest::option::of(-5.0..5.0), level, any::<bool>());
    proptest::collection::vec(row, 12..60).prop_filter("both outcomes", |rows| {
        rows.iter().any(|row| row.2) && rows.iter().any(|row| !row.2)
    })
}

const BOTH: [LearnedAlgorithm; 2] = [LearnedAlgorithm::Logistic, LearnedAlgorithm::NaiveBayes];

proptest! {
    #[test]
    fn contributions_add_up_to_the_last_bit(rows in rows(), is_calibrated: bool, is_balanced: bool) {
        let sample = sample(&rows);
        for algorithm in BOTH {
            let model = learned(&sample, Recipe { is_calibrated, is_balanced, ..recipe(algorithm) });
            prop_assert_eq!(&Model::read(&model.to_json().unwrap()).unwrap(), &model);
            for place in all(&sample) {
                let mut parts: Vec<f64> = model.terms.iter().zip(sample.cells(place))
                    .map(|(term, cell)| term.weights.add(cell)).collect();
                parts.push(model.intercept);
                parts.reverse();
                let sum: f64 = parts.iter().sum();
                prop_assert_eq!(sum, model.log_odds(sample.cells(place)));
                prop_assert_eq!(logistic(sum), model.probability(sample.cells(place)));
            }
        }
    }

    #[test]
    fn the_order_of_records_does_not_matter(rows in rows()) {
        let mut turned = rows.clone();
        turned.reverse();
        for algorithm in BOTH {
            let (one, other) = (sample(&rows), sample(&turned));
            let (model, same) = (learned(&one, recipe(algorithm)), learned(&other, recipe(algorithm)));
            for place in all(&one) {
                let opposite = rows.len() - 1 - place;
                let (p, q) = (model.probability(one.cells(place)), same.probability(other.cells(opposite)));
                prop_assert!((p - q).abs() < 1e-6, "{} {}", p, q);
            }
        }
    }

    #[test]
    fn foreseen_and_come_are_as_many(rows in rows()) {
        // The intercept bears no penalty, so that at the minimum the residuals add up to nothing.
        let sample = sample(&rows);
        let model = learned(&sample, recipe(LearnedAlgorithm::Logistic));
        let foreseen: f64 = sample.scores(&model, &all(&sample)).iter().sum();
        let came = sample.outcomes.iter().filter(|outcome| **outcome).count() as f64;
        prop_assert!((foreseen - came).abs() < 1e-4, "{} {}", foreseen, came);
    }
}

/// Odoo's formula by hand: 10 won, 10 lost; of level a 8 won, 2 lost, of b 2 won and 8 lost.
#[test]
fn naive_bayes_is_the_formula_of_odoo() {
    let mut rows = vec![(None, Some("a"), true); 8];
    rows.extend(vec![(None, Some("a"), false); 2]);
    rows.extend(vec![(None, Some("b"), true); 2]);
    rows.extend(vec![(None, Some("b"), false); 8]);
    rows.push((None, None, true));
    rows.push((None, None, false));
    let sample = sample(&rows);
    let model = learned(&sample, recipe(LearnedAlgorithm::NaiveBayes));
    let (won, lost) = (8.1 / (8.1 + 2.1), 2.1 / (8.1 + 2.1));
    let expected = 0.5 * won / (0.5 * won + 0.5 * lost);
    assert!((model.probability(sample.cells(0)) - expected).abs() < 1e-8);
    // Nothing is said by what is missing: only the prior remains.
    assert!((model.probability(sample.cells(20)) - 0.5).abs() < 1e-8);
}

#[test]
fn a_thousand_features_do_not_underflow() {
    let rows: Vec<_> = (0..40)
        .map(|row| (None, Some(if row % 2 == 0 { "a" } else { "b" }), row % 2 == 0))
        .collect();
    let mut sample = sample(&rows);
    for feature in 0..1_000 {
        sample.sources.push(Source::Field(format!("copy{feature}")));
        sample.columns.push(sample.columns[1].clone());
    }
    let model = learned(&sample, recipe(LearnedAlgorithm::NaiveBayes));
    let p = model.probability(sample.cells(0));
    assert!(p > 0.99 && p <= 1.0);
    // Calibration takes back most of what is said a thousand times.
    let calm =
        learned(&sample, Recipe { is_calibrated: true, ..recipe(LearnedAlgorithm::NaiveBayes) });
    assert!(calm.probability(sample.cells(0)) < 0.99);
}

#[test]
fn rare_levels_are_not_kept_by_name() {
    let mut rows = vec![(None, Some("Berlin"), true); 30];
    rows.extend(vec![(None, Some("Bonn"), false); 30]);
    rows.extend([(None, Some("Nowhere"), true), (None, Some("Elsewhere"), true)]);
    for algorithm in BOTH {
        let json = learned(&sample(&rows), recipe(algorithm)).to_json().unwrap();
        assert!(json.contains("Berlin") && !json.contains("Nowhere"), "{json}");
    }
}

#[test]
fn weights_of_classes_make_both_as_likely() {
    let mut rows = vec![(Some(1.0), None, true); 10];
    rows.extend(vec![(Some(1.0), None, false); 90]);
    for algorithm in BOTH {
        let sample = sample(&rows);
        let plain = learned(&sample, recipe(algorithm)).probability(sample.cells(0));
        let even = learned(&sample, Recipe { is_balanced: true, ..recipe(algorithm) });
        assert!((plain - 0.1).abs() < 1e-6, "{plain}");
        assert!((even.probability(sample.cells(0)) - 0.5).abs() < 1e-6);
    }
}

#[test]
fn one_outcome_alone_teaches_nothing() {
    let sample = sample(&[(Some(1.0), None, true), (Some(2.0), None, true)]);
    let refused =
        train(&sample, &[0, 1], recipe(LearnedAlgorithm::Logistic), &mut || Ok(())).unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::InvalidArgument, Some("outcome")));
}

#[test]
fn a_calibrated_model_keeps_its_order() {
    let rows: Vec<_> = (0..200)
        .map(|row| {
            (
                Some(f64::from(row % 20)),
                Some(if row % 3 == 0 { "a" } else { "b" }),
                (row * 7) % 20 < row % 20,
            )
        })
        .collect();
    let sample = sample(&rows);
    for algorithm in BOTH {
        let raw = learned(&sample, recipe(algorithm));
        let true_ones = learned(&sample, Recipe { is_calibrated: true, ..recipe(algorithm) });
        let area =
            |model: &Model| auc(&sample.scores(model, &all(&sample)), &sample.outcomes).unwrap();
        assert!((area(&raw) - area(&true_ones)).abs() < 1e-9);
        let quality = |model: &Model| {
            let scores = sample.scores(model, &all(&sample));
            measure(&scores, &sample.outcomes, &[], Some(&scores))
        };
        assert!(quality(&true_ones).log_loss.unwrap() < quality(&raw).log_loss.unwrap() + 0.02);
    }
}

#[test]
fn a_feature_that_knows_the_outcome_is_named() {
    let rows: Vec<_> = (0..200)
        .map(|row| {
            let outcome = row % 2 == 0;
            // The number is filled in for those who bought only, the level is chance.
            (outcome.then_some(1.0), Some(if row % 3 == 0 { "a" } else { "b" }), outcome)
        })
        .collect();
    let sample = sample(&rows);
    let when = |before, after| FilledWhen { before, together: 0, after };
    let filled = [when(5, 95), when(95, 5)];
    let checks = check(&sample, &all(&sample), (&filled, false), 5, 0.9);
    assert_eq!(checks[0].feature, "visits");
    assert_eq!(checks[0].reasons.len(), 3);
    assert!(checks[1].reasons.is_empty(), "{:?}", checks[1]);
}
