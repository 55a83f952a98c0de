//! What is left of points after a time, in whole numbers alone.
//!
//! Points are counted in thousandths, so that sums are exact and their order does not matter. What
//! decays is rounded once for each contribution, to the thousandth, half to even. Two to the power of
//! a fraction comes from tables that the compiler makes by taking square roots of whole numbers: no
//! floating point occurs, whose last bit differs between platforms. The invariant: what is left never
//! grows in size with age, and never changes its sign.

/// Thousandths in a point.
pub(crate) const POINT: i64 = 1000;

/// How points fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decay {
    /// They stay.
    None,
    /// They halve in this time, in microseconds.
    HalfLife(i64),
    /// They lose so many hundredths of what they were whenever this time, in microseconds, is over.
    Linear { every: i64, percent: i64 },
    /// They are gone when this time, in microseconds, is over.
    Expiry(i64),
}

impl Decay {
    /// What is left of `points` at this age in microseconds; points of the future do not count yet.
    pub(crate) fn left(self, points: i64, age: i64) -> i64 {
        if age < 0 {
            return 0;
        }
        match self {
            Self::None => points,
            Self::HalfLife(half) => halved(points, age, half),
            Self::Linear { every, percent } => {
                let lost = (age / every).saturating_mul(percent).min(100);
                rounded(i128::from(points) * i128::from(100 - lost), 100)
            }
            Self::Expiry(span) if age < span => points,
            Self::Expiry(_) => 0,
        }
    }

    /// The age at which nothing is left of such points; `None` if they stay.
    pub(crate) fn gone(self, points: i64) -> Option<i64> {
        match self {
            Self::None => None,
            // After so many halvings less than half a thousandth is left.
            Self::HalfLife(half) => {
                let bits = 66 - i64::from(points.unsigned_abs().leading_zeros());
                Some(half.saturating_mul(bits))
            }
            Self::Linear { every, percent } => {
                Some(every.saturating_mul((100 + percent - 1) / percent))
            }
            Self::Expiry(span) => Some(span),
        }
    }
}

/// `dividend` by a `divisor` above zero, rounded half to even, within 64 bits.
pub(crate) fn rounded(dividend: i128, divisor: i128) -> i64 {
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = match (2 * rest).cmp(&divisor) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient & 1,
        std::cmp::Ordering::Greater => 1,
    };
    i64::try_from(quotient + up).unwrap_or(if dividend < 0 { i64::MIN } else { i64::MAX })
}

/// `points` times two to the power of −`age`/`half`, rounded half to even.
fn halved(points: i64, age: i64, half: i64) -> i64 {
    let (halvings, rest) = (age / half, age % half);
    if halvings > 62 {
        return 0;
    }
    // Both are at least 0, and the fraction below 2^32.
    let fraction = ((i128::from(rest) << 32) / i128::from(half)) as u32;
    let product = u128::from(points.unsigned_abs()) * u128::from(power(fraction));
    let shift = 63 + halvings as u32;
    let (whole, rest) = (product >> shift, product & ((1 << shift) - 1));
    let half = 1u128 << (shift - 1);
    let up = u128::from(rest > half || (rest == half && whole & 1 == 1));
    let size = i64::try_from(whole + up).unwrap_or(i64::MAX);
    if points < 0 { -size } else { size }
}

/// Two to the power of −`fraction`/2^32, times 2^63.
pub(crate) fn power(fraction: u32) -> u64 {
    let [first, second, third, fourth] = fraction.to_be_bytes();
    let times = |one: u64, other: u64| ((u128::from(one) * u128::from(other)) >> 63) as u64;
    let high = times(POWERS[0][usize::from(first)], POWERS[1][usize::from(second)]);
    let low = times(POWERS[2][usize::from(third)], POWERS[3][usize::from(fourth)]);
    times(high, low)
}

/// Two to the power of −n/256, −n/256², −n/256³ and −n/256⁴, each times 2^63.
static POWERS: [[u64; 256]; 4] = powers();

const fn powers() -> [[u64; 256]; 4] {
    // Two to the power of −1/2, −1/4 … −1/2^32.
    let mut roots = [0u64; 32];
    let mut last = 1u64 << 62;
    let mut place = 0;
    while place < 32 {
        last = root((last as u128) << 63);
        roots[place] = last;
        place += 1;
    }
    let mut tables = [[1u64 << 63; 256]; 4];
    let mut table = 0;
    while table < 4 {
        let mut n = 1;
        while n < 256 {
            // The lowest bit of n times what the others make.
            let bit = (n as u32).trailing_zeros() as usize;
            let others = tables[table][n & (n - 1)] as u128;
            tables[table][n] = ((others * roots[8 * table + 7 - bit] as u128) >> 63) as u64;
            n += 1;
        }
        table += 1;
    }
    tables
}

/// The square root, rounded down.
const fn root(square: u128) -> u64 {
    let mut root = 0u128;
    let mut bit = 1u128 << 63;
    while bit > 0 {
        let tried = root | bit;
        if tried * tried <= square {
            root = tried;
        }
        bit >>= 1;
    }
    root as u64
}

/// Digits after the point of an order, in bits.
const ORDER_BITS: u32 = 20;

/// Where points that halve in the time `half` stand among others that do, whenever they are compared:
/// the number of times that one thousandth would have doubled since 1970 to make them, rounded up.
///
/// [`bound`] gives back at any later moment no less than what is left of them.
pub(crate) fn order(points: i64, at: i64, half: i64) -> i64 {
    debug_assert!(points > 0);
    let points = points.unsigned_abs();
    let mut doublings = i64::from(points.ilog2());
    // The least fraction for which 2^doublings · 2^fraction is not less than the points.
    let (mut low, mut high) = (0u32, 1u32 << ORDER_BITS);
    while low < high {
        let middle = low + (high - low) / 2;
        if raised(doublings, middle) >= u128::from(points) << 63 {
            high = middle
        } else {
            low = middle + 1
        }
    }
    doublings <<= ORDER_BITS;
    let since = (i128::from(at) << ORDER_BITS).div_euclid(i128::from(half)) + 1;
    // The spare unit takes up what the tables round off.
    doublings + i64::from(low) + 1 + i64::try_from(since).unwrap_or(i64::MAX / 2)
}

/// 2^doublings · 2^(fraction/2^20), times 2^63; the fraction may be 1.
fn raised(doublings: i64, fraction: u32) -> u128 {
    let up = 1u32 << ORDER_BITS;
    if fraction >= up {
        return 1u128 << (64 + doublings);
    }
    let missing = (up - fraction) << (32 - ORDER_BITS);
    // 2^fraction = 2 · 2^−(1 − fraction)
    let power = if fraction == 0 { 1 << 62 } else { power(missing) };
    u128::from(power) << (doublings + 1)
}

/// No less than what is left at `at` of points that have this order among those that halve in `half`.
pub(crate) fn bound(order: i64, at: i64, half: i64) -> i64 {
    let since = (i128::from(at) << ORDER_BITS).div_euclid(i128::from(half));
    let left = i128::from(order) - since;
    if left < 0 {
        return 1;
    }
    let doublings = left >> ORDER_BITS;
    if doublings > 60 {
        return i64::MAX;
    }
    let fraction = (left & ((1 << ORDER_BITS) - 1)) as u32;
    i64::try_from(raised(doublings as i64, fraction) >> 63).map_or(i64::MAX, |left| left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn points_halve_and_are_rounded_half_to_even() {
        let half = Decay::HalfLife(30 * DAY);
        assert_eq!(half.left(10_000, 0), 10_000);
        assert_eq!(half.left(10_000, 30 * DAY), 5_000);
        assert_eq!(half.left(10_000, 60 * DAY), 2_500);
        // 10,000 / 2^0.5 = 7071.07, 10,000 / 2^(1/3) = 7937.005
        assert_eq!(half.left(10_000, 15 * DAY), 7_071);
        assert_eq!(half.left(10_000, 10 * DAY), 7_937);
        assert_eq!((half.left(1, 30 * DAY), half.left(3, 30 * DAY)), (0, 2));
        assert_eq!((half.left(-1, 30 * DAY), half.left(-3, 30 * DAY)), (0, -2));
        assert_eq!(half.left(i64::MAX, 1000 * 30 * DAY), 0);
        assert_eq!(half.left(10_000, -1), 0, "what is to come does not count");
    }

    #[test]
    fn the_other_decays_go_in_steps() {
        let linear = Decay::Linear { every: 30 * DAY, percent: 50 };
        let left = |days: i64| linear.left(10_000, days * DAY - 1);
        assert_eq!(
            [left(1), left(30), left(31), left(60), left(61)],
            [10_000, 10_000, 5_000, 5_000, 0]
        );
        let expiry = Decay::Expiry(DAY);
        assert_eq!([expiry.left(7, DAY - 1), expiry.left(7, DAY)], [7, 0]);
        assert_eq!(Decay::None.left(7, i64::MAX), 7);
    }

    #[test]
    fn powers_are_right_to_the_last_figures_of_a_double() {
        for fraction in (0..=u32::MAX).step_by(65_521).chain([1, u32::MAX]) {
            let exact = (-f64::from(fraction) / 4_294_967_296.0).exp2();
            let ours = power(fraction) as f64 / 9_223_372_036_854_775_808.0;
            assert!((ours - exact).abs() < 4e-16, "{fraction}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_never_grows_and_ends(
            points in -1_000_000_000_000i64..=1_000_000_000_000,
            half in 1_000_000i64..=4_000_000_000_000_000,
            ages in prop::collection::vec(0i64..=100_000_000_000_000_000, 2),
            kind in 0..3,
        ) {
            let decay = match kind {
                0 => Decay::HalfLife(half),
                1 => Decay::Linear { every: half, percent: 1 + half % 100 },
                _ => Decay::Expiry(half),
            };
            let (young, old) = (ages[0].min(ages[1]), ages[0].max(ages[1]));
            let (more, less) = (decay.left(points, young), decay.left(points, old));
            prop_assert!(less.abs() <= more.abs() && more.abs() <= points.abs());
            prop_assert!(less * points.signum() >= 0);
            prop_assert_eq!(decay.left(points, decay.gone(points).unwrap()), 0);
        }

        #[test]
        fn a_bound_never_lies_and_is_close(
            points in 1i64..=1_000_000_000_000_000,
            at in -60_000_000_000_000_000i64..=200_000_000_000_000_000,
            half in 1_000_000i64..=4_000_000_000_000_000,
            age in 0i64..=10_000_000_000_000_000,
        ) {
            let order = order(points, at, half);
            let left = Decay::HalfLife(half).left(points, age);
            let bound = bound(order, at + age, half);
            prop_assert!(bound >= left, "{} < {}", bound, left);
            prop_assert!(bound as f64 <= left as f64 * 1.00001 + 3.0, "{} of {}", bound, left);
        }
    }
}
