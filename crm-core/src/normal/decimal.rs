//! Exact decimal numbers.
//!
//! Money and decimals are stored as whole numbers of their smallest unit, `12.34` with scale 2 as
//! 1234, so that sums are exact. The invariant: what is read is exactly what was written; a digit
//! that the scale cannot hold is refused, never rounded, unless it is a zero. Binary floating point
//! does not occur here. How other countries write numbers is declared by a [`NumberFormat`].

use std::borrow::Cow;

use super::trim;
use crate::{Error, ErrorKind, Result};

/// Returns the number that `text` spells, in units of 10 to the power of −`scale`.
///
/// The text is an optional sign, digits, and optionally a point and more digits. There is no
/// exponent and no grouping.
///
/// # Errors
///
/// `invalid_value` when the text has another form, or digits other than zero beyond the scale;
/// `out_of_range` when the number does not fit into 64 bits.
pub(crate) fn parse_scaled(text: &str, scale: u8) -> Result<i64> {
    let (is_negative, digits) = split_sign(trim(text));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(not_a_number("write digits with a point, such as 1234.56"));
    }
    let scale = usize::from(scale);
    let (kept, surplus) = fraction.split_at(fraction.len().min(scale));
    if surplus.bytes().any(|digit| digit != b'0') {
        let message = format!("the number has more than {scale} digits after the point");
        return Err(Error::new(ErrorKind::InvalidValue, message)
            .with_hint(format!("round it to {scale} digits after the point")));
    }
    let padding = std::iter::repeat_n(b'0', scale - kept.len());
    let mut magnitude = Some(0i64);
    for digit in whole.bytes().chain(kept.bytes()).chain(padding) {
        // Built from below zero: the range has one more number there.
        let digit = i64::from(digit - b'0');
        magnitude = magnitude.and_then(|sum| sum.checked_mul(10)?.checked_sub(digit));
    }
    let value = if is_negative { magnitude } else { magnitude.and_then(i64::checked_neg) };
    value.ok_or_else(|| {
        Error::new(ErrorKind::OutOfRange, "the number is too large to be kept")
            .with_hint(format!("the largest is {}", format_scaled(i64::MAX, scale as u8)))
    })
}

/// Returns the text of `value` units of 10 to the power of −`scale`, with `scale` digits after the
/// point, and without a point when there are none.
pub(crate) fn format_scaled(value: i64, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

/// How numbers are written in a text: the sign before the fraction, and the one between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    decimal: char,
    group: Option<char>,
}

impl NumberFormat {
    /// A format whose fraction comes after `decimal`, and whose digits before it may stand in
    /// groups of three with `group` between them. An ordinary space as `group` stands for the
    /// no-break spaces too, and an apostrophe for the typographic one.
    ///
    /// # Errors
    ///
    /// `invalid_value` when both are the same, or when one of them is a digit or a sign.
    pub(crate) fn new(decimal: char, group: Option<char>) -> Result<Self> {
        let is_separator = |c: char| !c.is_alphanumeric() && !c.is_control() && !"+-".contains(c);
        let group = group.map(plain_group);
        if !is_separator(decimal)
            || !group.is_none_or(is_separator)
            || group == Some(plain_group(decimal))
        {
            let message = "the number format is ambiguous";
            return Err(Error::new(ErrorKind::InvalidValue, message)
                .with_hint("declare two different separators, such as , and ."));
        }
        Ok(Self { decimal, group })
    }

    /// Returns the number in the form that [`parse_scaled`] reads: with a point and ungrouped.
    ///
    /// # Errors
    ///
    /// `invalid_value` when the text is not a number of this format. Groups must be complete: three
    /// digits each but the first, and all of them separated when one is.
    pub(crate) fn plain<'a>(&self, text: &'a str) -> Result<Cow<'a, str>> {
        let malformed = || not_a_number(format!("write it like {}", self.sample()));
        let text = trim(text);
        let (_, digits) = split_sign(text);
        let sign = &text[..text.len() - digits.len()];
        let (whole, fraction) = match digits.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        if !fraction.is_none_or(is_digits) {
            return Err(malformed());
        }
        let is_group_sign = |c: char| Some(plain_group(c)) == self.group;
        let mut groups = whole.split(is_group_sign);
        let first = groups.next().unwrap_or_default();
        let rest_is_complete = groups.all(|group| group.len() == 3 && is_digits(group));
        let is_grouped = first.len() < whole.len();
        if !is_digits(first) || !rest_is_complete || (is_grouped && first.len() > 3) {
            return Err(malformed());
        }
        if !is_grouped && (self.decimal == '.' || fraction.is_none()) {
            return Ok(Cow::Borrowed(text));
        }
        let mut plain = String::with_capacity(text.len());
        plain.push_str(sign);
        plain.extend(whole.split(is_group_sign));
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        Ok(Cow::Owned(plain))
    }

    fn sample(&self) -> String {
        let group = self.group.map(String::from).unwrap_or_default();
        format!("1{group}234{}56", self.decimal)
    }
}

/// Signs of groups that look alike are one: the eye cannot tell which of them a file has.
fn plain_group(c: char) -> char {
    match c {
        '\u{A0}' | '\u{2009}' | '\u{202F}' => ' ',
        '\u{2019}' => '\'',
        _ => c,
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn not_a_number(hint: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidValue, "not a decimal number").with_hint(hint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, scale, value) in [
            ("12.34", 2, 1234),
            ("-0.5", 2, -50),
            ("+3", 0, 3),
            ("-0", 2, 0),
            ("007", 1, 70),
            ("1.500", 1, 15),
            ("1.0", 0, 1),
            (" 5\u{A0}", 0, 5),
            ("92233720368547758.07", 2, i64::MAX),
            ("-92233720368547758.08", 2, i64::MIN),
            ("0.000", 255, 0),
        ] {
            assert_eq!(parse_scaled(text, scale).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn nothing_is_rounded_and_nothing_is_guessed() {
        for text in [
            "", "-", ".", ".5", "5.", "1e3", "1,5", "1.2.3", "1 000", "--1", "+-1", "0x1", "NaN",
            "inf", "\u{661}", "12.345", "1.001",
        ] {
            assert_eq!(
                parse_scaled(text, 2).unwrap_err().kind(),
                ErrorKind::InvalidValue,
                "{text}"
            );
        }
        let error = parse_scaled("12.345", 2).unwrap_err();
        assert!(error.hint().unwrap().contains("round it to 2 digits"));
    }

    #[test]
    fn what_does_not_fit_is_out_of_range() {
        for (text, scale) in [
            ("92233720368547758.08", 2),
            ("-92233720368547758.09", 2),
            ("99999999999999999999999999", 0),
            ("1", 19),
        ] {
            assert_eq!(parse_scaled(text, scale).unwrap_err().kind(), ErrorKind::OutOfRange);
        }
    }

    #[test]
    fn written_numbers_have_all_digits_of_their_scale() {
        for (value, scale, text) in [
            (1234, 2, "12.34"),
            (-5, 2, "-0.05"),
            (5, 0, "5"),
            (0, 3, "0.000"),
            (i64::MIN, 0, "-9223372036854775808"),
            (i64::MIN, 2, "-92233720368547758.08"),
            (1, 19, "0.0000000000000000001"),
        ] {
            assert_eq!(format_scaled(value, scale), text);
        }
    }

    #[test]
    fn declared_formats_are_read_strictly() {
        let german = NumberFormat::new(',', Some('.')).unwrap();
        for (text, plain) in [
            ("1.234,56", "1234.56"),
            ("-12.345.678", "-12345678"),
            ("1234,5", "1234.5"),
            ("+0,50", "+0.50"),
            ("7", "7"),
        ] {
            assert_eq!(german.plain(text).unwrap(), plain);
        }
        for text in [
            "",
            "1.23",
            "12.34,5",
            "1.2345",
            "1234.567",
            ".123",
            "1..234",
            "1,5,5",
            "1,",
            ",5",
            "1.234,5.6",
            "1,234.5",
            "a",
        ] {
            let error = german.plain(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{text}");
            assert_eq!(error.hint(), Some("write it like 1.234,56"));
        }
        let french = NumberFormat::new(',', Some(' ')).unwrap();
        assert_eq!(french.plain("1\u{202F}234\u{A0}567,8").unwrap(), "1234567.8");
        let swiss = NumberFormat::new('.', Some('\u{2019}')).unwrap();
        assert_eq!(swiss.plain("1'234.50").unwrap(), "1234.50");
        let plain = NumberFormat::new('.', None).unwrap();
        assert!(matches!(plain.plain("-1234.50"), Ok(Cow::Borrowed("-1234.50"))));
        assert!(plain.plain("1,234.50").is_err());
    }

    #[test]
    fn ambiguous_formats_are_refused() {
        for (decimal, group) in
            [('.', Some('.')), ('5', None), (',', Some('-')), ('\u{202F}', Some(' ')), ('a', None)]
        {
            let result = NumberFormat::new(decimal, group);
            assert_eq!(
                result.unwrap_err().kind(),
                ErrorKind::InvalidValue,
                "{decimal:?} {group:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn format_and_parse_are_inverse(value in any::<i64>(), scale in 0u8..=40) {
            prop_assert_eq!(parse_scaled(&format_scaled(value, scale), scale).unwrap(), value);
        }

        #[test]
        fn a_plain_number_is_its_own_plain_form(text in any::<String>(), digits in "[-+]?[0-9.,' ]{0,12}", scale in 0u8..4) {
            let formats = [(',', Some('.')), ('.', Some(',')), (',', Some(' ')), ('.', None)];
            for (decimal, group) in formats {
                let format = NumberFormat::new(decimal, group).unwrap();
                let _ = format.plain(&text);
                if let Ok(plain) = format.plain(&digits) {
                    let canonical = NumberFormat::new('.', None).unwrap();
                    prop_assert_eq!(canonical.plain(&plain).unwrap(), plain.as_ref());
                    prop_assert!(parse_scaled(&plain, 12).is_ok());
                }
            }
            let _ = parse_scaled(&text, scale);
            let _ = parse_scaled(&digits, scale);
        }
    }
}
