//! Logistic regression with a penalty on large weights, by Newton's method.
//!
//! Minimised is Σ wᵢ·(ln(1 + e^zᵢ) − yᵢ·zᵢ) + λ/2·Σ βⱼ² with z = intercept + x·β; the intercept bears no
//! penalty (Hastie, Tibshirani, Friedman, *The Elements of Statistical Learning*, 2nd ed., §4.4.1 and
//! §3.4.1). The penalty makes the minimum unique, also where the outcomes can be told apart without
//! a mistake. The invariant: the same rows in the same order give the same bits everywhere.

use super::number::{log1p_exp, logistic};
use crate::{Error, ErrorKind, Result};

/// Steps after which the search is given up; a dozen is usual.
const STEPS: u32 = 100;
/// Halvings of one step.
const HALVINGS: u32 = 40;
/// The search ends where the gradient, for each unit of weight, is below this.
const TOLERANCE: f64 = 1e-10;
/// Rows between two questions whether to go on.
const ROWS: usize = 16_384;

/// Rows of numbers, one after the other, with outcome and weight of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// The columns of each row.
    pub(crate) columns: usize,
    pub(crate) values: &'a [f64],
    pub(crate) outcomes: &'a [bool],
    pub(crate) weights: &'a [f64],
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    pub(crate) intercept: f64,
    pub(crate) weights: Vec<f64>,
}

impl<'a> Rows<'a> {
    fn row(&self, place: usize) -> &'a [f64] {
        &self.values[place * self.columns..(place + 1) * self.columns]
    }

    fn value(&self, row: &[f64], parameters: &[f64]) -> f64 {
        let products = row.iter().zip(parameters).map(|(x, weight)| x * weight);
        parameters[self.columns] + products.sum::<f64>()
    }

    /// What is minimised.
    fn loss(
        &self,
        parameters: &[f64],
        l2: f64,
        goes_on: &mut dyn FnMut() -> Result<()>,
    ) -> Result<f64> {
        let mut loss = 0.0;
        for (place, (outcome, weight)) in self.outcomes.iter().zip(self.weights).enumerate() {
            if place % ROWS == 0 {
                goes_on()?;
            }
            let z = self.value(self.row(place), parameters);
            loss += weight * (log1p_exp(z) - if *outcome { z } else { 0.0 });
        }
        let squares: f64 = parameters[..self.columns].iter().map(|weight| weight * weight).sum();
        Ok(loss + l2 / 2.0 * squares)
    }

    /// The gradient of the loss, and the lower triangle of its second derivatives.
    fn derivatives(
        &self,
        parameters: &[f64],
        l2: f64,
        goes_on: &mut dyn FnMut() -> Result<()>,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let (columns, width) = (self.columns, self.columns + 1);
        let (mut gradient, mut second) = (vec![0.0; width], vec![0.0; width * width]);
        for (place, (outcome, weight)) in self.outcomes.iter().zip(self.weights).enumerate() {
            if place % ROWS == 0 {
                goes_on()?;
            }
            let row = self.row(place);
            let p = logistic(self.value(row, parameters));
            let slope = weight * (p - f64::from(u8::from(*outcome)));
            let curve = weight * p * (1.0 - p);
            gradient[columns] += slope;
            second[columns * width + columns] += curve;
            for (j, x) in row.iter().enumerate() {
                // Most columns of a row of categories are zero.
                if *x == 0.0 {
                    continue;
                }
                gradient[j] += slope * x;
                let curved = curve * x;
                second[columns * width + j] += curved;
                let line = &mut second[j * width..=j * width + j];
                for (sum, other) in line.iter_mut().zip(row) {
                    *sum += curved * other;
                }
            }
        }
        for j in 0..columns {
            gradient[j] += l2 * parameters[j];
            second[j * width + j] += l2;
        }
        Ok((gradient, second))
    }
}

/// Finds the weights that minimise the loss; `l2` is λ, above zero.
///
/// # Errors
///
/// `InvalidArgument` if only one outcome occurs or the search does not end; what `goes_on` returns.
pub(crate) fn fit(rows: Rows<'_>, l2: f64, goes_on: &mut dyn FnMut() -> Result<()>) -> Result<Fit> {
    let width = rows.columns + 1;
    let mut parameters = vec![0.0; width];
    let total: f64 = rows.weights.iter().sum();
    let mut loss = rows.loss(&parameters, l2, goes_on)?;
    for _ in 0..STEPS {
        let (gradient, mut second) = rows.derivatives(&parameters, l2, goes_on)?;
        let largest = gradient.iter().fold(0.0_f64, |largest, part| largest.max(part.abs()));
        if largest <= TOLERANCE * total {
            let intercept = parameters[rows.columns];
            parameters.truncate(rows.columns);
            return Ok(Fit { intercept, weights: parameters });
        }
        let step = solve(&mut second, &gradient).ok_or_else(no_end)?;
        let mut share = 1.0;
        let mut is_better = false;
        for _ in 0..HALVINGS {
            let tried: Vec<f64> =
                parameters.iter().zip(&step).map(|(old, part)| old - share * part).collect();
            let new = rows.loss(&tried, l2, goes_on)?;
            // Near the minimum the loss no longer tells two points apart.
            if new <= loss + loss.abs() * 1e-14 {
                (parameters, loss, is_better) = (tried, new, true);
                break;
            }
            share /= 2.0;
        }
        if !is_better {
            return Err(no_end());
        }
    }
    Err(no_end())
}

fn no_end() -> Error {
    Error::new(ErrorKind::InvalidArgument, "the weights do not settle")
        .with_field("l2")
        .with_hint("choose a larger l2, or fewer features")
}

/// Solves a symmetric system of which `matrix` holds the lower triangle, by Cholesky's
/// factorisation (Golub, Van Loan, *Matrix Computations*, 4th ed., algorithm 4.2.1); `None` if the
/// matrix is not positive definite.
pub(super) fn solve(matrix: &mut [f64], right: &[f64]) -> Option<Vec<f64>> {
    let width = right.len();
    for j in 0..width {
        for k in 0..=j {
            let (line, other) =
                (&matrix[j * width..j * width + k], &matrix[k * width..k * width + k]);
            let product: f64 = line.iter().zip(other).map(|(a, b)| a * b).sum();
            let rest = matrix[j * width + k] - product;
            matrix[j * width + k] = match j == k {
                true if rest.is_finite() && rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / matrix[k * width + k],
            };
        }
    }
    let mut x = right.to_vec();
    for j in 0..width {
        let sum: f64 = (0..j).map(|k| matrix[j * width + k] * x[k]).sum();
        x[j] = (x[j] - sum) / matrix[j * width + j];
    }
    for j in (0..width).rev() {
        let sum: f64 = (j + 1..width).map(|k| matrix[k * width + j] * x[k]).sum();
        x[j] = (x[j] - sum) / matrix[j * width + j];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fitted(values: &[f64], outcomes: &[bool], weights: &[f64], l2: f64) -> Fit {
        let columns = values.len() / outcomes.len();
        fit(Rows { columns, values, outcomes, weights }, l2, &mut || Ok(())).unwrap()
    }

    #[test]
    fn outcomes_that_a_number_tells_apart_have_a_finite_weight() {
        let fit = fitted(&[-2.0, -1.0, 1.0, 2.0], &[false, false, true, true], &[1.0; 4], 1.0);
        assert!(fit.weights[0] > 0.5 && fit.weights[0] < 2.0);
        assert!(fit.intercept.abs() < 1e-9);
    }

    #[test]
    fn without_features_the_intercept_is_the_log_odds() {
        let rows = Rows {
            columns: 0,
            values: &[],
            outcomes: &[true, false, false, false],
            weights: &[1.0; 4],
        };
        let fit = fit(rows, 1.0, &mut || Ok(())).unwrap();
        assert!((fit.intercept - (1.0_f64 / 3.0).ln()).abs() < 1e-9);
    }

    #[test]
    fn a_search_can_be_cancelled() {
        let stop = || Err(Error::new(ErrorKind::Interrupted, "stop"));
        let rows =
            Rows { columns: 1, values: &[0.0, 1.0], outcomes: &[true, false], weights: &[1.0; 2] };
        assert_eq!(fit(rows, 1.0, &mut { stop }).unwrap_err().kind(), ErrorKind::Interrupted);
    }

    fn samples() -> impl Strategy<Value = (Vec<[f64; 3]>, Vec<bool>)> {
        let row = [-3.0..3.0, -3.0..3.0, -3.0..3.0];
        proptest::collection::vec((row, any::<bool>()), 4..40)
            .prop_map(|rows| rows.into_iter().unzip())
            .prop_filter("both outcomes", |(_, y): &(_, Vec<bool>)| {
                y.contains(&true) && y.contains(&false)
            })
    }

    proptest! {
        #[test]
        fn the_gradient_at_the_minimum_is_nothing((x, y) in samples(), l2 in 0.01..10.0) {
            let flat = x.concat();
            let weights = vec![1.0; y.len()];
            let fit = fitted(&flat, &y, &weights, l2);
            let rows = Rows { columns: 3, values: &flat, outcomes: &y, weights: &weights };
            let mut parameters = fit.weights.clone();
            parameters.push(fit.intercept);
            let (gradient, _) = rows.derivatives(&parameters, l2, &mut || Ok(())).unwrap();
            prop_assert!(gradient.iter().all(|part| part.abs() < 1e-6), "{gradient:?}");
        }

        #[test]
        fn order_does_not_matter_and_a_weight_is_a_repetition((x, y) in samples()) {
            let weights: Vec<f64> = (0..y.len()).map(|place| f64::from(1 + place as u32 % 3)).collect();
            let fit = fitted(&x.concat(), &y, &weights, 1.0);
            let mut repeated: Vec<([f64; 3], bool)> = Vec::new();
            for ((x, y), weight) in x.iter().zip(&y).zip(&weights) {
                repeated.extend(vec![(*x, *y); *weight as usize]);
            }
            repeated.reverse();
            let (x, y): (Vec<_>, Vec<_>) = repeated.into_iter().unzip();
            let same = fitted(&x.concat(), &y, &vec![1.0; y.len()], 1.0);
            prop_assert!((fit.intercept - same.intercept).abs() < 1e-6);
            for (one, other) in fit.weights.iter().zip(&same.weights) {
                prop_assert!((one - other).abs() < 1e-6);
            }
        }
    }
}
