//! A stretch of time by the calendar: 30 days, 12 months, 3 hours.
//!
//! A month has no fixed length, so that a span means something only from a moment and in a zone;
//! the arithmetic is in `when`. The invariant: what was read is kept in one canonical text, ISO 8601
//! without parts that are zero. A span that a program built from bad text keeps that text, and
//! whoever checks the condition refuses it.

use std::{fmt, str::FromStr};

use crate::{Error, ErrorKind, Result};

/// A stretch of time, such as `P30D` or `30d`.
///
/// ```
/// use crm_core::Span;
///
/// assert_eq!("30d".parse::<Span>()?.to_string(), "P30D");
/// assert_eq!("P0Y12MT0H".parse::<Span>()?.to_string(), "P12M");
/// assert!("-P1D".parse::<Span>().is_err());
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Span(String);

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Parts::parse(&self.0) {
            Some(parts) => parts.fmt(f),
            None => f.write_str("no span"),
        }
    }
}

/// The parts of a span: years, months, weeks, days, hours, minutes, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parts(pub(crate) [u32; 7]);

/// The letters of ISO 8601 by part.
const ISO: [char; 7] = ['Y', 'M', 'W', 'D', 'H', 'M', 'S'];
/// The units that people write, by part.
const UNITS: [&str; 7] = ["y", "mo", "w", "d", "h", "min", "s"];
/// The first part that is a time of day.
const HOURS: usize = 4;
/// The longest span is the whole of time: 9,999 years in each unit.
const MOST: [u32; 7] = [9_999, 119_988, 521_723, 3_652_059, 87_649_416, 999_999_999, 999_999_999];

impl Span {
    /// So many days.
    #[must_use]
    pub fn days(days: u32) -> Self {
        Self(Parts([0, 0, 0, days, 0, 0, 0]).to_string())
    }

    /// The parts.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if the text of which it was built is no span.
    pub(crate) fn parts(&self) -> Result<Parts> {
        Parts::parse(&self.0).ok_or_else(invalid)
    }

    /// What people write: `30d`, or ISO 8601 where there are several parts.
    pub(crate) fn plain(&self) -> String {
        let Some(Parts(parts)) = Parts::parse(&self.0) else { return self.0.clone() };
        let mut given = parts.iter().zip(UNITS).filter(|(number, _)| **number > 0);
        match (given.next(), given.next()) {
            (Some((number, unit)), None) => format!("{number}{unit}"),
            _ => self.0.clone(),
        }
    }
}

impl Parts {
    /// Its length in microseconds; `None` if it has years or months, which have no fixed one.
    pub(crate) fn micros(self) -> Option<i64> {
        let Self([0, 0, weeks, days, hours, minutes, seconds]) = self else { return None };
        let days = i64::from(weeks) * 7 + i64::from(days);
        let time = Self([0, 0, 0, 0, hours, minutes, seconds]).of_time();
        Some(days * 86_400_000_000 + time)
    }

    /// The microseconds of its hours, minutes and seconds.
    pub(super) fn of_time(self) -> i64 {
        let [.., hours, minutes, seconds] = self.0.map(i64::from);
        ((hours * 60 + minutes) * 60 + seconds) * 1_000_000
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('P') {
            Some(parts) => Self::iso(parts),
            None => {
                let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
                let number = &text[..text.len() - unit.len()];
                let place = UNITS.iter().position(|known| *known == unit)?;
                let mut parts = Self::default();
                parts.set(place, number)?;
                Some(parts)
            }
        }
    }

    fn iso(mut rest: &str) -> Option<Self> {
        let mut parts = Self::default();
        let mut next = 0;
        while !rest.is_empty() {
            if let Some(time) = rest.strip_prefix('T').filter(|_| next <= HOURS) {
                next = HOURS;
                rest = time;
                if rest.is_empty() {
                    return None;
                }
                // Once: the second T finds no number before it.
            }
            let letter = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, unit) = rest.split_at(letter);
            // Before the T an M is months, after it minutes.
            let within = if next >= HOURS { HOURS..7 } else { next..HOURS };
            let unit_letter = unit.chars().next()?;
            let place = within.into_iter().find(|&p| p >= next && ISO[p] == unit_letter)?;
            parts.set(place, number)?;
            next = place + 1;
            rest = &unit[1..];
            if next == HOURS && !rest.is_empty() && !rest.starts_with('T') {
                return None;
            }
        }
        (next > 0).then_some(parts)
    }

    fn set(&mut self, place: usize, number: &str) -> Option<()> {
        let is_number = (1..=9).contains(&number.len());
        let number = number.parse::<u32>().ok().filter(|_| is_number)?;
        self.0[place] = (number <= MOST[place]).then_some(number)?;
        Some(())
    }

    /// Whether it has hours, minutes or seconds.
    pub(crate) fn has_time(self) -> bool {
        self.0[HOURS..].iter().any(|&part| part > 0)
    }

    /// Whether it has days, or what is counted in days.
    pub(crate) fn has_days(self) -> bool {
        self.0[..HOURS].iter().any(|&part| part > 0)
    }

    /// The part of it that is counted in days.
    pub(crate) fn of_days(self) -> Self {
        let [years, months, weeks, days, ..] = self.0;
        Self([years, months, weeks, days, 0, 0, 0])
    }

    /// About how many days it has at most: a leap year is 366.
    pub(crate) fn most_days(self) -> u64 {
        let [years, months, weeks, days, ..] = self.0.map(u64::from);
        ((12 * years + months) * 366).div_ceil(12) + 7 * weeks + days
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|&part| part == 0) {
            return f.write_str("PT0S");
        }
        f.write_str("P")?;
        for (place, number) in self.0.iter().enumerate() {
            if place == HOURS && self.has_time() {
                f.write_str("T")?;
            }
            if *number > 0 {
                write!(f, "{number}{}", ISO[place])?;
            }
        }
        Ok(())
    }
}

fn invalid() -> Error {
    Error::new(ErrorKind::InvalidValue, "not a span of time")
        .with_hint("write ISO 8601 such as P30D, P12M or PT3H, or 30d, 12mo, 1y, 2w, 3h, 10min")
}

impl FromStr for Span {
    type Err = Error;

    /// Reads ISO 8601 in whole numbers, or one number with a unit: `y mo w d h min s`.
    fn from_str(text: &str) -> Result<Self> {
        Parts::parse(text).map(|parts| Self(parts.to_string())).ok_or_else(invalid)
    }
}

/// Text that is no span stays as it is, and the check of the condition refuses it.
impl From<&str> for Span {
    fn from(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_canonical_form() {
        for (text, canonical, plain) in [
            ("P30D", "P30D", "30d"),
            ("30d", "P30D", "30d"),
            ("12mo", "P12M", "12mo"),
            ("10min", "PT10M", "10min"),
            ("P1Y2M3W4DT5H6M7S", "P1Y2M3W4DT5H6M7S", "P1Y2M3W4DT5H6M7S"),
            ("P0D", "PT0S", "PT0S"),
            ("PT0H1M", "PT1M", "1min"),
            ("P007D", "P7D", "7d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.to_string().as_str(), span.plain().as_str()), (canonical, plain));
            assert_eq!(canonical.parse::<Span>().unwrap(), span);
            assert_eq!(plain.parse::<Span>().unwrap(), span);
        }
    }

    #[test]
    fn other_texts_are_no_spans() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "P1DT",
            "-P1D",
            "P-1D",
            "P1.5D",
            "P1D1Y",
            "P1H",
            "PT1D",
            "1",
            "d",
            "30",
            "30m",
            "P1DTT1H",
            "PTT1H",
            "P9999999999D",
            "P10000Y",
            "P1é",
            "p1d",
            "PT1H1D",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
            assert!(Span::from(text).parts().is_err(), "{text}");
        }
    }
}
