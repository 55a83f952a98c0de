//! Numbers that lie far from the others of their attribute.
//!
//! The rule is Tukey's: beyond the outer fences, three times the distance between the quartiles
//! below the first or above the third, a number is "far out" (J. W. Tukey, *Exploratory Data
//! Analysis*, 1977). The inner fences, at one and a half times, would find something in nearly
//! every attribute of amounts. The invariant: memory is bounded, and the same numbers in the same
//! order give the same fences.

/// With fewer numbers there are no fences: quartiles of a handful say nothing.
const LEAST: usize = 20;

/// Numbers of one attribute: all of them, or of more than there is room for, every second, fourth …
/// one.
pub(super) struct Sample {
    values: Vec<f64>,
    room: usize,
    stride: u64,
    seen: u64,
}

/// What lies below the one or above the other is far out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fences {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Fences {
    pub(super) fn excludes(self, number: f64) -> bool {
        number < self.lower || number > self.upper
    }
}

impl Sample {
    pub(super) fn new(room: usize) -> Self {
        Self { values: Vec::new(), room, stride: 1, seen: 0 }
    }

    pub(super) fn add(&mut self, number: f64) {
        if self.seen.is_multiple_of(self.stride) && self.values.len() == self.room {
            let mut place = 0;
            self.values.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
        if self.seen.is_multiple_of(self.stride) {
            self.values.push(number);
        }
        self.seen += 1;
    }

    /// The outer fences; `None` of fewer than 20 numbers, and where the middle half of them is one
    /// number.
    pub(super) fn fences(mut self) -> Option<Fences> {
        if self.values.len() < LEAST {
            return None;
        }
        self.values.sort_unstable_by(f64::total_cmp);
        let (first, third) = (quantile(&self.values, 0.25), quantile(&self.values, 0.75));
        let reach = 3.0 * (third - first);
        (reach > 0.0).then_some(Fences { lower: first - reach, upper: third + reach })
    }
}

/// The quantile between the two nearest numbers, by their weights: type 7 of Hyndman and Fan
/// ("Sample Quantiles in Statistical Packages", 1996), as most tools have it. There is at least one
/// number.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among at most two million numbers"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (before, after) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    before + (after - before) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fences(numbers: impl IntoIterator<Item = f64>, room: usize) -> Option<Fences> {
        let mut sample = Sample::new(room);
        numbers.into_iter().for_each(|number| sample.add(number));
        sample.fences()
    }

    #[test]
    fn fences_are_three_distances_of_the_quartiles_away() {
        // Quartiles 25 and 75 of 0 to 100.
        let found = fences((0..=100).map(f64::from), 1000).unwrap();
        assert_eq!(found, Fences { lower: -125.0, upper: 225.0 });
        assert!(found.excludes(225.1) && !found.excludes(225.0) && found.excludes(-126.0));
    }

    #[test]
    fn quantiles_lie_between_the_nearest() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(quantile(&[7.0], 0.75), 7.0);
    }

    #[test]
    fn few_numbers_and_equal_ones_have_no_fences() {
        assert_eq!(fences((0..19).map(f64::from), 1000), None);
        assert_eq!(fences((0..100).map(|n| f64::from(n / 90)), 1000), None);
    }

    #[test]
    fn more_numbers_than_there_is_room_for_give_about_the_same_fences() {
        let numbers = || (0..100_000_i32).map(|n| f64::from((n * 7919) % 1000));
        let (all, few) = (fences(numbers(), 100_000).unwrap(), fences(numbers(), 1000).unwrap());
        assert!((all.lower - few.lower).abs() < 150.0 && (all.upper - few.upper).abs() < 150.0);
        let mut sample = Sample::new(1000);
        numbers().for_each(|number| sample.add(number));
        assert!((500..=1000).contains(&sample.values.len()), "{}", sample.values.len());
    }
}
