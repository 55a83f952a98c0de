//! Quantiles, by linear interpolation between the two values around the place: type 7 of R. J.
//! Hyndman and Y. Fan, "Sample quantiles in statistical packages" (1996), which is the default of R,
//! NumPy and pandas, and SQL's `percentile_cont`.

/// The value below which a part of the values lies, 0 to 1; `None` of none. Values are reordered.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "fewer values than 2^53")]
    let place = part * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part from 0 to 1 gives a place among the values"
    )]
    let below = (place.floor() as usize).min(last);
    let (_, &mut lower, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let fraction = place - place.floor();
    let Some(upper) = above.iter().copied().min_by(f64::total_cmp) else { return Some(lower) };
    if fraction == 0.0 || lower == upper {
        return Some(lower);
    }
    Some(lower + (upper - lower) * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_type_7() {
        // As R's quantile(c(15, 20, 35, 40, 50), …) gives them.
        let values = || [50.0, 15.0, 40.0, 20.0, 35.0];
        for (part, expected) in [(0.0, 15.0), (0.25, 20.0), (0.4, 29.0), (0.5, 35.0), (1.0, 50.0)] {
            assert_eq!(quantile(&mut values(), part), Some(expected), "{part}");
        }
        assert_eq!(quantile(&mut [1.0, 2.0], 0.5), Some(1.5));
        assert_eq!(quantile(&mut [7.0], 0.9), Some(7.0));
        assert_eq!(quantile(&mut [], 0.5), None);
    }
}
