//! The few functions of analysis that models need, with the same last bit on every platform: those
//! of the standard library call the system's, which differ.

/// The steps on which contributions lie: sums of them have no rounding.
const STEPS: f64 = (1_u64 << 30) as f64;
/// The largest contribution; e to the power of it is beyond any certainty.
const MOST: f64 = 1_000.0;

/// The probability of these log-odds: 1/(1 + e^−z).
pub(crate) fn logistic(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + libm::exp(-z))
    } else {
        let power = libm::exp(z);
        power / (1.0 + power)
    }
}

/// ln(1 + e^z), without overflow.
pub(crate) fn log1p_exp(z: f64) -> f64 {
    z.max(0.0) + libm::log1p(libm::exp(-z.abs()))
}

/// The nearest multiple of 2⁻³⁰ between −1,000 and 1,000. A million of them add up without
/// rounding, in any order, since a double holds every multiple up to 2²².
pub(crate) fn on_grid(number: f64) -> f64 {
    // Adding zero makes a negative zero a plain one.
    (number.clamp(-MOST, MOST) * STEPS).round() / STEPS + 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn extremes_stay_finite() {
        assert_eq!((logistic(800.0), logistic(-800.0)), (1.0, 0.0));
        assert_eq!((log1p_exp(800.0), log1p_exp(-800.0)), (800.0, 0.0));
        assert_eq!(on_grid(-1e300), -1_000.0);
    }

    proptest! {
        #[test]
        fn what_lies_on_the_grid_adds_up_in_any_order(parts in proptest::collection::vec(-900.0..900.0, 0..200)) {
            let parts: Vec<f64> = parts.into_iter().map(on_grid).collect();
            let forward: f64 = parts.iter().sum();
            let backward: f64 = parts.iter().rev().sum();
            prop_assert_eq!(forward, backward);
        }
    }
}
