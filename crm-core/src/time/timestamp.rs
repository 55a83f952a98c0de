//! A moment.
//!
//! Whatever zone a text names, what is kept is the moment in UTC, in microseconds, the finest unit
//! that all our languages and SQLite share. The text form is RFC 3339. The invariants: a
//! [`Timestamp`] lies in the years 0001 to 9999 of UTC, and reading never drops digits or assumes
//! an offset. There are no leap seconds, as in POSIX time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::date::{Date, digits, put_digits};
use crate::{Error, ErrorKind, Result};

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

const HINT: &str =
    "write date, time and offset, such as 2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00";

/// A moment in the years 0001 to 9999, kept as microseconds since 1970-01-01T00:00:00Z.
///
/// Its text form, also in JSON, is RFC 3339 in UTC with the shortest fraction of a second.
///
/// ```
/// use crm_core::Timestamp;
///
/// let moment: Timestamp = "2026-01-31T13:00:00.250+01:00".parse()?;
/// assert_eq!(moment.to_string(), "2026-01-31T12:00:00.25Z");
/// assert!("2026-01-31T13:00:00".parse::<Timestamp>().is_err()); // which offset?
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timestamp(#[cfg_attr(feature = "schema", schemars(with = "String"))] i64);

// What Swift and Kotlin call it, and how they make this number of it, is in uniffi.toml: there a moment
// that no number holds becomes one out of range, which is refused here.
#[cfg(feature = "uniffi")]
uniffi::custom_type!(Timestamp, i64, {
    lower: |moment| moment.0,
    try_lift: |micros| Ok(Timestamp::from_micros(micros).map_err(crate::CrmError::from)?),
});

impl Timestamp {
    /// 0001-01-01T00:00:00Z, the first moment.
    pub const MIN: Self = Self(Date::MIN.days() as i64 * MICROS_PER_DAY);
    /// 9999-12-31T23:59:59.999999Z, the last moment.
    pub const MAX: Self = Self((Date::MAX.days() as i64 + 1) * MICROS_PER_DAY - 1);
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// Returns the moment `micros` microseconds after 1970-01-01T00:00:00Z, or before it when
    /// negative.
    ///
    /// # Errors
    ///
    /// `out_of_range` when the moment is outside of the years 0001 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(Error::new(
                ErrorKind::OutOfRange,
                "the moment is outside of the years 0001 to 9999",
            )
            .with_hint("write a moment whose year in UTC is 0001 to 9999"))
        }
    }

    /// Returns the microseconds since 1970-01-01T00:00:00Z, negative before.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the day on which the moment falls in UTC.
    #[must_use]
    pub fn date_utc(self) -> Date {
        Date::clamped(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// The moment nearest to `micros`.
    pub(crate) fn clamped(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339: `2026-01-31T12:00:00Z`, with up to six fractional digits and any offset.
    fn from_str(text: &str) -> Result<Self> {
        let malformed = || Error::new(ErrorKind::InvalidValue, "not a timestamp").with_hint(HINT);
        let (head, mut rest) = text.as_bytes().split_first_chunk::<19>().ok_or_else(malformed)?;
        let (date, time) = head.split_first_chunk::<10>().ok_or_else(malformed)?;
        let second_of_day = time_of_day(time).ok_or_else(malformed)?;
        let date = Date::from_bytes(*date).ok_or_else(malformed)??;

        let mut micros = 0;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length > 6 {
                return Err(too_fine());
            }
            micros = digits(&fraction[..length]).ok_or_else(malformed)?;
            micros *= 10u32.pow(6 - length as u32);
            if length == 0 {
                return Err(malformed());
            }
            rest = &fraction[length..];
        }
        if rest.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                "the timestamp has no offset from UTC",
            )
            .with_hint("append Z for UTC, or the offset such as +01:00"));
        }
        let offset = offset_seconds(rest).ok_or_else(malformed)?;
        let second = i64::from(second_of_day) - i64::from(offset);
        Self::from_micros(
            i64::from(date.days()) * MICROS_PER_DAY
                + second * MICROS_PER_SECOND
                + i64::from(micros),
        )
    }
}

pub(super) fn too_fine() -> Error {
    Error::new(ErrorKind::InvalidValue, "the timestamp is finer than microseconds")
        .with_hint("write at most six digits after the second")
}

/// The second of the day of `THH:MM:SS`; RFC 3339 allows a small `t` and a space too.
fn time_of_day(bytes: &[u8]) -> Option<u32> {
    let &[b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = bytes else { return None };
    let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// The seconds by which local time is ahead of UTC, of `Z` or `±HH:MM`.
fn offset_seconds(bytes: &[u8]) -> Option<i32> {
    match *bytes {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hour, minute) = (digits(&[h1, h2])?, digits(&[m1, m2])?);
            let seconds = (hour * 3600 + minute * 60) as i32;
            let seconds = if sign == b'-' { -seconds } else { seconds };
            (hour < 24 && minute < 60).then_some(seconds)
        }
        _ => None,
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = *b"0000-00-00T00:00:00.000000Z";
        let of_day = self.0.rem_euclid(MICROS_PER_DAY);
        let second = (of_day / MICROS_PER_SECOND) as u32;
        let (date, _) = out.split_first_chunk_mut().expect("the form is longer than a date");
        self.date_utc().write_to(date);
        put_digits(&mut out[11..13], second / 3600);
        put_digits(&mut out[14..16], second / 60 % 60);
        put_digits(&mut out[17..19], second % 60);
        put_digits(&mut out[20..26], (of_day % MICROS_PER_SECOND) as u32);
        let mut end = 26;
        while out[end - 1] == b'0' && end > 20 {
            end -= 1;
        }
        // Without any digit of a fraction the point goes too.
        end -= usize::from(end == 20);
        out[end] = b'Z';
        f.pad(std::str::from_utf8(&out[..=end]).expect("digits and signs are ASCII"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(super::TextVisitor::new("a timestamp such as 2026-01-31T12:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Timestamp> {
        text.parse()
    }

    #[test]
    fn text_forms_and_their_canonical_form() {
        for (text, canonical) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2024-02-29t23:59:59.5z", "2024-02-29T23:59:59.5Z"),
            ("2024-02-29 23:59:59.000001Z", "2024-02-29T23:59:59.000001Z"),
            ("2024-02-29T23:59:59.120000Z", "2024-02-29T23:59:59.12Z"),
            ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"),
            ("2024-02-29T12:00:00-05:30", "2024-02-29T17:30:00Z"),
            ("2024-02-29T12:00:00-00:00", "2024-02-29T12:00:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), canonical);
        }
        assert_eq!(parse("1969-12-31T23:59:59.999999Z").unwrap().micros(), -1);
        assert_eq!(parse("9999-12-31T23:59:59.999999Z").unwrap(), Timestamp::MAX);
        assert_eq!(parse("0001-01-01T00:00:00Z").unwrap(), Timestamp::MIN);
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in [
            "",
            "2024-02-29",
            "2024-02-29T12:00Z",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:60:00Z",
            "2024-02-29T23:59:60Z",
            "2024-02-29T12:00:00.Z",
            "2024-02-29T12:00:00+1:00",
            "2024-02-29T12:00:00+0100",
            "2024-02-29T12:00:00+24:00",
            "2024-02-29T12:00:00+01:60",
            "2024-02-29T12:00:00Z ",
            "2024-02-29T12:00:00Z[UTC]",
            "2023-02-29T12:00:00Z",
            "2024-02-29T12:00:00,5Z",
            "2024-02-2９T12:00:00Z",
        ] {
            assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::InvalidValue, "{text}");
        }
    }

    #[test]
    fn an_offset_is_never_assumed() {
        for text in ["2024-02-29T12:00:00", "2024-02-29T12:00:00.25"] {
            assert!(parse(text).unwrap_err().hint().unwrap().contains("append Z"), "{text}");
        }
    }

    #[test]
    fn digits_are_never_dropped() {
        let error = parse("2024-02-29T12:00:00.1234567Z").unwrap_err();
        assert!(error.hint().unwrap().contains("six digits"));
    }

    #[test]
    fn an_offset_may_not_lead_out_of_the_years() {
        for text in
            ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z"]
        {
            assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::OutOfRange, "{text}");
        }
        assert_eq!(Timestamp::from_micros(i64::MAX).unwrap_err().kind(), ErrorKind::OutOfRange);
    }

    #[test]
    fn json_form_is_text() {
        let moment = parse("2024-02-29T12:00:00Z").unwrap();
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2024-02-29T12:00:00Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>("\"2024-02-29T12:00:00Z\"").unwrap(), moment);
        assert!(serde_json::from_str::<Timestamp>("0").is_err());
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let moment = Timestamp::from_micros(micros).unwrap();
            prop_assert_eq!(parse(&moment.to_string()).unwrap(), moment);
        }

        #[test]
        fn display_agrees_with_an_independent_library(seconds in -62_135_596_800i64..253_402_207_200) {
            let ours = Timestamp::from_micros(seconds * MICROS_PER_SECOND).unwrap();
            let theirs = jiff::Timestamp::from_second(seconds).unwrap();
            prop_assert_eq!(ours.to_string(), theirs.to_string());
        }

        #[test]
        fn no_text_panics(text in any::<String>(), tail in "[-0-9TZ:.+ ]{0,30}") {
            let _ = parse(&text);
            let _ = parse(&tail);
            let _ = parse(&format!("2024-02-29T12:00:00{tail}"));
            let _ = text.parse::<Date>();
            let _ = tail.parse::<Date>();
        }
    }
}
