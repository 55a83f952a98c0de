//! A calendar day.
//!
//! A birthday or a closing date is a day and not a moment: it has no time zone, and must not move
//! when somebody looks at it from another one. The calendar is the proleptic Gregorian one. The
//! invariant: a [`Date`] lies in the years 0001 to 9999. Reading other forms than `YYYY-MM-DD` is
//! the work of `time/format.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ErrorKind, Result};

const EXPECTED: &str = "a date such as 2026-01-31";
const HINT: &str = "write year-month-day with four, two and two digits, such as 2026-01-31";

/// A calendar day in the years 0001 to 9999, kept as the number of days since 1970-01-01.
///
/// Its text form, also in JSON, is `YYYY-MM-DD`.
///
/// ```
/// use crm_core::Date;
///
/// let leap_day: Date = "2024-02-29".parse()?;
/// assert_eq!(leap_day.days(), 19_782);
/// assert!("2023-02-29".parse::<Date>().is_err());
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Date(#[cfg_attr(feature = "schema", schemars(with = "String"))] i32);

/// What the generated bindings call it: Swift's own `Date` is a moment.
#[cfg(feature = "uniffi")]
type Day = Date;

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Day, String, {
    lower: |day| day.to_string(),
    try_lift: |text| Ok(text.parse::<Date>().map_err(|error| {
        crate::CrmError::from(crate::refusal::unfit(EXPECTED, error))
    })?),
});

impl Date {
    /// 0001-01-01, the first day.
    pub const MIN: Self = Self(-719_162);
    /// 9999-12-31, the last day.
    pub const MAX: Self = Self(2_932_896);

    /// Returns the day that lies `days` days after 1970-01-01, or before it when negative.
    ///
    /// # Errors
    ///
    /// `out_of_range` when the day is outside of the years 0001 to 9999.
    pub fn from_days(days: i32) -> Result<Self> {
        if (Self::MIN.0..=Self::MAX.0).contains(&days) {
            Ok(Self(days))
        } else {
            Err(out_of_range())
        }
    }

    /// Returns the number of days since 1970-01-01, negative before.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Returns the day of `year`, `month` (1–12) and `day` (1–31).
    ///
    /// # Errors
    ///
    /// `out_of_range` when the year is not in 0001 to 9999, `invalid_value` when the calendar has
    /// no such day.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Result<Self> {
        if !(1..=9999).contains(&year) {
            return Err(out_of_range());
        }
        if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
            let hint = "check that the month has that day, and that 29 February is in a leap year";
            return Err(
                Error::new(ErrorKind::InvalidValue, "no such day in the calendar").with_hint(hint)
            );
        }
        Ok(Self(days_before(year, month) + day as i32 - 1))
    }

    /// Returns year, month (1–12) and day (1–31).
    #[must_use]
    pub fn ymd(self) -> (i32, u32, u32) {
        // A year that begins in March puts the leap day last, which makes the month lengths
        // regular: 153 days for each five months. 719_468 days lie between 0000-03-01 and
        // 1970-01-01; 146_097 days make a cycle of 400 years.
        let shifted = self.0 + 719_468;
        let cycle = shifted.div_euclid(146_097);
        let day_of_cycle = shifted.rem_euclid(146_097);
        let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524
            - day_of_cycle / 146_096)
            / 365;
        let day_of_year =
            day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = cycle * 400 + year_of_cycle + i32::from(month <= 2);
        (year, month as u32, day as u32)
    }

    /// The day nearest to `days` days after 1970-01-01.
    pub(super) fn clamped(days: i32) -> Self {
        Self(days.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Writes `YYYY-MM-DD` into `out`.
    pub(super) fn write_to(self, out: &mut [u8; 10]) {
        let (year, month, day) = self.ymd();
        put_digits(&mut out[0..4], year as u32);
        out[4] = b'-';
        put_digits(&mut out[5..7], month);
        out[7] = b'-';
        put_digits(&mut out[8..10], day);
    }

    /// Reads `YYYY-MM-DD`; `None` when the bytes have another shape.
    pub(super) fn from_bytes(bytes: [u8; 10]) -> Option<Result<Self>> {
        if bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let year = digits(&bytes[0..4])?;
        let month = digits(&bytes[5..7])?;
        let day = digits(&bytes[8..10])?;
        Some(Self::from_ymd(year as i32, month, day))
    }
}

fn out_of_range() -> Error {
    Error::new(ErrorKind::OutOfRange, "the day is outside of the years 0001 to 9999")
        .with_hint("write a year from 0001 to 9999")
}

fn days_in_month(year: i32, month: u32) -> u32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of the month; the inverse of the arithmetic in `ymd`.
fn days_before(year: i32, month: u32) -> i32 {
    let (year, month_from_march) =
        if month > 2 { (year, month as i32 - 3) } else { (year - 1, month as i32 + 9) };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5;
    cycle * 146_097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year
        - 719_468
}

/// The number that ASCII digits spell; `None` when one of the bytes is no digit.
pub(super) fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u32::from(digit))
    })
}

/// Fills `out` with the decimal digits of `number`, padded with zeros.
pub(super) fn put_digits(out: &mut [u8], mut number: u32) {
    for place in out.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `YYYY-MM-DD`, and nothing else.
    fn from_str(text: &str) -> Result<Self> {
        <[u8; 10]>::try_from(text.as_bytes()).ok().and_then(Self::from_bytes).unwrap_or_else(|| {
            Err(Error::new(ErrorKind::InvalidValue, "not a date").with_hint(HINT))
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = [0; 10];
        self.write_to(&mut out);
        f.pad(std::str::from_utf8(&out).expect("digits and hyphens are ASCII"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(super::TextVisitor::new(EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Date> {
        text.parse()
    }

    #[test]
    fn every_day_agrees_with_an_independent_calendar() {
        let mut day = jiff::civil::date(1, 1, 1);
        for days in Date::MIN.days()..=Date::MAX.days() {
            let ours = Date::from_days(days).unwrap();
            let expected = (i32::from(day.year()), day.month() as u32, day.day() as u32);
            assert_eq!(ours.ymd(), expected);
            assert_eq!(Date::from_ymd(expected.0, expected.1, expected.2).unwrap(), ours);
            if let Ok(next) = day.tomorrow() {
                day = next;
            }
        }
    }

    #[test]
    fn known_days() {
        for (text, days) in [
            ("0001-01-01", -719_162),
            ("1969-12-31", -1),
            ("1970-01-01", 0),
            ("2000-02-29", 11_016),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(parse(text).unwrap().days(), days);
            assert_eq!(Date::from_days(days).unwrap().to_string(), text);
        }
    }

    #[test]
    fn days_that_the_calendar_lacks_are_refused() {
        for text in
            ["2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00"]
        {
            assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::InvalidValue, "{text}");
        }
        assert_eq!(parse("0000-12-31").unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!(Date::from_days(2_932_897).unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!(Date::from_days(i32::MIN).unwrap_err().kind(), ErrorKind::OutOfRange);
    }

    #[test]
    fn other_forms_are_refused_with_a_hint() {
        for text in [
            "",
            "2024-1-01",
            "24-01-01",
            "01.02.2024",
            "2024/01/02",
            " 2024-01-02",
            "20240102",
            "2024-01-0２",
            "+024-01-01",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{text}");
            assert_eq!(error.hint(), Some(HINT));
        }
    }

    #[test]
    fn json_form_is_text() {
        let date = parse("2024-02-29").unwrap();
        assert_eq!(serde_json::to_string(&date).unwrap(), "\"2024-02-29\"");
        assert_eq!(serde_json::from_str::<Date>("\"2024-02-29\"").unwrap(), date);
        let error = serde_json::from_str::<Date>("\"1977-77-77\"").unwrap_err();
        assert!(!error.to_string().contains("77-77"), "the value must not be repeated");
        assert!(serde_json::from_str::<Date>("5").is_err());
    }
}
