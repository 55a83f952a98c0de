//! Exact decimal numbers to calculate with.
//!
//! A number is a whole number of 10 to the power of −`scale`. Sums and differences are exact;
//! products and quotients keep 18 places. The invariant: rounding is to the nearest, and a half goes
//! away from zero, as in commerce. What does not fit is `None` and never a wrong number.

use std::{cmp::Ordering, fmt};

use crate::normal::decimal::format_scaled;

/// Places after the point that a number keeps at most.
pub(super) const PLACES: u32 = 18;

/// An exact decimal number, without zeros at the end of its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    digits: i128,
    scale: u32,
}

impl Number {
    /// `digits` times 10 to the power of −`scale`; the scale is at most [`PLACES`].
    fn new(mut digits: i128, mut scale: u32) -> Self {
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        Self { digits, scale }
    }

    /// A number as columns store it.
    pub(super) fn from_scaled(value: i64, scale: u8) -> Self {
        Self::new(value.into(), scale.into())
    }

    /// The number as columns store it, rounded to `scale` places; `None` if 64 bits do not hold it.
    pub(super) fn to_scaled(self, scale: u8) -> Option<i64> {
        let rounded = self.round(scale.into());
        let missing = u32::from(scale) - rounded.scale;
        i64::try_from(rounded.digits.checked_mul(power(missing)?)?).ok()
    }

    /// The whole number that it is; `None` if it has a fraction, or 64 bits do not hold it.
    pub(super) fn to_whole(self) -> Option<i64> {
        if self.scale == 0 { i64::try_from(self.digits).ok() } else { None }
    }

    /// The number that is written as digits, perhaps with a point and more of them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let scale = u32::try_from(fraction.len()).ok().filter(|scale| *scale <= PLACES)?;
        let digits = whole.bytes().chain(fraction.bytes()).try_fold(0_i128, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })?;
        Some(Self::new(digits, scale))
    }

    /// The decimal number that `real` is written as, to [`PLACES`] places.
    pub(super) fn from_real(real: f64) -> Option<Self> {
        let text = real.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let kept = &fraction[..fraction.len().min(PLACES as usize)];
        let number = Self::parse(&format!("{whole}.{kept}"))?;
        let rounds_up = fraction.as_bytes().get(kept.len()).is_some_and(|digit| *digit >= b'5');
        let least = Self { digits: 1, scale: PLACES };
        let number = if rounds_up { number.add(least)? } else { number };
        Some(if real < 0.0 { number.negate() } else { number })
    }

    /// The nearest real.
    pub(super) fn to_real(self) -> f64 {
        self.to_string().parse().expect("digits with a point are a real")
    }

    pub(super) fn negate(self) -> Self {
        // The least number of 128 bits has no counterpart, and no operation makes it.
        Self { digits: -self.digits, scale: self.scale }
    }

    pub(super) fn abs(self) -> Self {
        Self { digits: self.digits.abs(), scale: self.scale }
    }

    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The nearest number with at most `places` places.
    pub(super) fn round(self, places: u32) -> Self {
        let Some(surplus) = self.scale.checked_sub(places) else { return self };
        match power(surplus) {
            Some(unit) => Self::new(divide_rounding(self.digits, unit), places),
            None => Self::new(0, 0),
        }
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let sum = self.digits_at(scale)?.checked_add(other.digits_at(scale)?)?;
        Self::bounded(sum, scale)
    }

    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        let (digits, scale) = (self.digits.checked_mul(other.digits)?, self.scale + other.scale);
        Some(Self::bounded(digits, scale)?.round(PLACES))
    }

    /// The quotient; `None` also if `other` is zero.
    pub(super) fn divide(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        // Both over the same power of ten, so that it cancels out.
        let scale = self.scale.max(other.scale);
        let (dividend, divisor) = (self.digits_at(scale)?, other.digits_at(scale)?);
        let is_negative = (dividend < 0) != (divisor < 0);
        let (dividend, divisor) = (dividend.abs(), divisor.abs());
        let (mut quotient, mut rest) = (dividend / divisor, dividend % divisor);
        // Digit by digit, as on paper: the dividend needs no room for the places.
        let mut places = 0;
        while rest != 0 && places < PLACES {
            places += 1;
            rest = rest.checked_mul(10)?;
            quotient = quotient.checked_mul(10)?.checked_add(rest / divisor)?;
            rest %= divisor;
        }
        quotient = quotient.checked_add(i128::from(rest >= divisor - rest))?;
        Self::bounded(if is_negative { -quotient } else { quotient }, places)
    }

    fn bounded(digits: i128, scale: u32) -> Option<Self> {
        (digits != i128::MIN).then(|| Self::new(digits, scale))
    }

    fn digits_at(self, scale: u32) -> Option<i128> {
        self.digits.checked_mul(power(scale - self.scale)?)
    }

    fn split(self) -> (i128, i128) {
        // The scale is at most 18, whose power fits.
        let unit = power(self.scale).unwrap_or(i128::MAX);
        let fraction = self.digits % unit;
        (self.digits / unit, fraction * power(PLACES - self.scale).unwrap_or(0))
    }
}

fn power(places: u32) -> Option<i128> {
    10_i128.checked_pow(places)
}

/// The quotient of a positive divisor, to the nearest; a half goes away from zero.
fn divide_rounding(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let rest = rest.abs();
    quotient + if rest >= divisor - rest { dividend.signum() } else { 0 }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.split().cmp(&other.split())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Ok(digits), Ok(scale)) = (i64::try_from(self.digits), u8::try_from(self.scale)) {
            return f.write_str(&format_scaled(digits, scale));
        }
        let sign = if self.digits < 0 { "-" } else { "" };
        let scale = self.scale as usize;
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let point = if scale > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        match text.strip_prefix('-') {
            Some(digits) => Number::parse(digits).unwrap().negate(),
            None => Number::parse(text).unwrap(),
        }
    }

    #[test]
    fn a_half_goes_away_from_zero() {
        for (text, places, rounded) in [
            ("0.5", 0, "1"),
            ("-0.5", 0, "-1"),
            ("2.5", 0, "3"),
            ("1.005", 2, "1.01"),
            ("-1.005", 2, "-1.01"),
            ("1.0049", 2, "1"),
            ("-0.0049", 2, "0"),
            ("12", 5, "12"),
        ] {
            assert_eq!(number(text).round(places).to_string(), rounded, "{text}");
        }
    }

    #[test]
    fn quotients_have_eighteen_places() {
        let quotient = |a, b| number(a).divide(number(b)).map(|number| number.to_string());
        assert_eq!(quotient("1", "3").unwrap(), "0.333333333333333333");
        assert_eq!(quotient("-2", "3").unwrap(), "-0.666666666666666667");
        assert_eq!(
            quotient("9223372036854775807", "0.000000000001").unwrap(),
            "9223372036854775807000000000000"
        );
        assert_eq!(quotient("10", "4").unwrap(), "2.5");
        assert_eq!(quotient("1", "0"), None);
        assert_eq!(quotient("1", "0.00"), None);
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        let huge = number("99999999999999999999999999999999999999");
        assert_eq!(huge.multiply(huge), None);
        assert_eq!(huge.add(number("0.000000000000000001")), None);
        assert_eq!(huge.to_scaled(0), None);
        assert_eq!(number("92233720368547758.07").to_scaled(2), Some(i64::MAX));
        assert_eq!(number("92233720368547758.075").to_scaled(2), None);
        assert!(Number::parse("0.1234567890123456789").is_none());
        assert!(huge > number("0.5") && huge.negate() < number("-0.5"));
    }

    #[test]
    fn reals_are_read_as_they_are_written() {
        for (real, text) in [
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e20, "100000000000000000000"),
            (5e-19, "0.000000000000000001"),
            (4e-19, "0"),
        ] {
            assert_eq!(Number::from_real(real).unwrap().to_string(), text);
        }
        assert_eq!(Number::from_real(1e300), None);
        assert_eq!(Number::from_real(f64::NAN), None);
    }

    proptest! {
        #[test]
        fn sums_and_products_are_those_of_whole_numbers(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
            let (x, y) = (Number::from_scaled(a, 3), Number::from_scaled(b, 3));
            prop_assert_eq!(x.add(y).unwrap(), Number::from_scaled(a + b, 3));
            prop_assert_eq!(x.multiply(y).unwrap(), Number::from_scaled(a * b, 6));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(number(&x.to_string()), x);
            if let Some(quotient) = x.divide(y) {
                let back = quotient.multiply(y).unwrap();
                prop_assert!(back.add(x.negate()).unwrap().abs() < number("0.000000000000001"));
            }
        }
    }
}
