//! Dates and timestamps in a form that the user declares.
//!
//! Files of other systems write `31.01.2026` or `1/31/26 3:04 PM`. Which one it is cannot be seen
//! in the data (`04/05/2026`), so the user says it, in the directives of strftime (`%d.%m.%Y`).
//! The invariant: nothing is guessed and nothing is lost; a text without an offset needs a named
//! zone, and a local time that the zone skips or repeats is refused. Zones come from the bundled
//! database, so the same file reads the same on every machine.

use jiff::ZonedDateTime;
use jiff::civil::{self, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::timestamp::too_fine;
use super::{Date, Timestamp};
use crate::{Error, ErrorKind, Result};

/// A moment to try formats with: no clock of any zone is changed then, and no two of its parts are
/// the same number.
const SAMPLE: DateTime = civil::datetime(2026, 2, 17, 13, 0, 0, 0);

impl Date {
    /// Checks that `format` is one, and determines a day.
    ///
    /// # Errors
    ///
    /// `invalid_value`.
    pub(crate) fn check_format(format: &str) -> Result<()> {
        let unusable = || {
            Error::new(ErrorKind::InvalidValue, "the format does not determine a day")
                .with_hint("write directives of strptime for year, month and day, such as %d.%m.%Y")
        };
        let text = BrokenDownTime::from(SAMPLE).to_string(format).map_err(|_| unusable())?;
        let read = Self::parse_format(&text, format).map_err(|_| unusable())?;
        if read.ymd() == (2026, 2, 17) { Ok(()) } else { Err(unusable()) }
    }

    /// Returns the day that `text` means under `format`, which consists of strftime directives
    /// such as `%d.%m.%Y`. A year of two digits (`%y`) means 1969 to 2068.
    ///
    /// # Errors
    ///
    /// `invalid_value` when the text does not follow the format, or when the format does not
    /// determine a day; `out_of_range` when the year is not in 0001 to 9999.
    pub fn parse_format(text: &str, format: &str) -> Result<Self> {
        // The parser's own errors quote the text, which may be personal: they are not passed on.
        let parsed = BrokenDownTime::parse(format, text).map_err(|_| mismatch("date", format))?;
        let date = parsed.to_date().map_err(|_| mismatch("date", format))?;
        Self::from_ymd(date.year().into(), date.month() as u32, date.day() as u32)
    }
}

impl Timestamp {
    /// Checks that `format` is one and, with the zone, determines a moment.
    ///
    /// # Errors
    ///
    /// `invalid_value`.
    pub(crate) fn check_format(format: &str, zone: Option<&str>) -> Result<()> {
        let unusable = || {
            Error::new(ErrorKind::InvalidValue, "the format does not determine a moment").with_hint(
                "write directives of strptime for date and time of day, such as %d.%m.%Y %H:%M",
            )
        };
        let sample_zone = match zone {
            Some(zone) => TimeZoneDatabase::bundled().get(zone).map_err(|_| unknown_zone())?,
            None => TimeZone::UTC,
        };
        let sample = sample_zone.to_ambiguous_timestamp(SAMPLE).unambiguous();
        let sample = ZonedDateTime::new(sample.map_err(|_| unusable())?, sample_zone);
        let text = BrokenDownTime::from(&sample).to_string(format).map_err(|_| unusable())?;
        let read = Self::parse_format(&text, format, zone)?;
        match read.micros() == sample.timestamp().as_microsecond() {
            true => Ok(()),
            false => Err(unusable()),
        }
    }

    /// The moment at which a day begins in a zone, an IANA name.
    ///
    /// # Errors
    ///
    /// `invalid_value` if there is no such zone; `out_of_range` outside of the years 0001 to 9999.
    pub(crate) fn start_of(date: Date, zone: &str) -> Result<Self> {
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| unknown_zone())?;
        let (year, month, day) = date.ymd();
        let unusable = || Error::new(ErrorKind::OutOfRange, "the day has no beginning there");
        let number = |part: u32| i8::try_from(part).map_err(|_| unusable());
        let year = i16::try_from(year).map_err(|_| unusable())?;
        let day = civil::Date::new(year, number(month)?, number(day)?).map_err(|_| unusable())?;
        // Where a clock is put forward at midnight, the day begins as late as that.
        let midnight = day.at(0, 0, 0, 0);
        let begun = zone.to_ambiguous_timestamp(midnight).compatible().map_err(|_| unusable())?;
        Self::from_micros(begun.as_microsecond())
    }

    /// Returns the moment that `text` means under `format`, which consists of strftime directives
    /// such as `%d.%m.%Y %H:%M`.
    ///
    /// An offset (`%z`), a zone name (`%Q`) or a count of seconds (`%s`) in the text decides the
    /// moment; otherwise `zone`, an IANA name such as `Europe/Berlin`, does.
    ///
    /// # Errors
    ///
    /// `invalid_value` when the text does not follow the format, when the format lacks the hour,
    /// when neither the text nor `zone` names an offset or a zone, when there is no such zone, when
    /// the zone skips or repeats that local time, and when the text is finer than microseconds;
    /// `out_of_range` when the moment is outside of the years 0001 to 9999.
    pub fn parse_format(text: &str, format: &str, zone: Option<&str>) -> Result<Self> {
        let malformed = || mismatch("timestamp", format);
        let parsed = BrokenDownTime::parse(format, text).map_err(|_| malformed())?;
        let moment = if parsed.timestamp().is_some() || parsed.offset().is_some() {
            if parsed.timestamp().is_none() && parsed.hour().is_none() {
                return Err(no_hour());
            }
            parsed.to_timestamp().map_err(|_| malformed())?
        } else {
            if parsed.hour().is_none() {
                return Err(no_hour());
            }
            let local = parsed.to_datetime().map_err(|_| malformed())?;
            let zone = parsed.iana_time_zone().or(zone).ok_or_else(no_zone)?;
            let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| unknown_zone())?;
            let candidates = zone.to_ambiguous_timestamp(local);
            if candidates.is_ambiguous() {
                return Err(skipped_or_repeated());
            }
            candidates.unambiguous().map_err(|_| malformed())?
        };
        let nanos = moment.as_nanosecond();
        if nanos % 1000 != 0 {
            return Err(too_fine());
        }
        // jiff reaches from -9999 to 9999, which in microseconds fits into an i64 with ease.
        Self::from_micros(moment.as_microsecond())
    }
}

fn mismatch(kind: &str, format: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("not a {kind} of the declared format"))
        .with_hint(format!("write it as {format}, or declare the format that the text has"))
}

fn no_hour() -> Error {
    Error::new(ErrorKind::InvalidValue, "the declared format has no time of day")
        .with_hint("add the hour to the format, such as %H, or keep the value as a date")
}

fn no_zone() -> Error {
    Error::new(ErrorKind::InvalidValue, "the timestamp has no offset and no time zone is declared")
        .with_hint("declare a time zone such as Europe/Berlin, or add %z to the format")
}

fn unknown_zone() -> Error {
    Error::new(ErrorKind::InvalidValue, "no such time zone")
        .with_hint("write a name of the IANA time zone database, such as Europe/Berlin")
}

fn skipped_or_repeated() -> Error {
    Error::new(
        ErrorKind::InvalidValue,
        "the time zone skips or repeats this local time, so the moment is not determined",
    )
    .with_hint("write the offset too, and declare it in the format with %z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str, format: &str) -> Result<String> {
        Date::parse_format(text, format).map(|date| date.to_string())
    }

    fn moment(text: &str, format: &str, zone: Option<&str>) -> Result<String> {
        Timestamp::parse_format(text, format, zone).map(|moment| moment.to_string())
    }

    #[test]
    fn dates_of_declared_formats() {
        assert_eq!(date("31.01.2026", "%d.%m.%Y").unwrap(), "2026-01-31");
        assert_eq!(date("1/31/2026", "%m/%d/%Y").unwrap(), "2026-01-31");
        assert_eq!(date("29 Feb 2024", "%d %b %Y").unwrap(), "2024-02-29");
        assert_eq!(date("31/12/69", "%d/%m/%y").unwrap(), "1969-12-31");
    }

    #[test]
    fn a_date_must_follow_its_format() {
        for (text, format) in [
            ("2026-01-31", "%d.%m.%Y"),
            ("31.01.2026 ", "%d.%m.%Y"),
            ("30.02.2026", "%d.%m.%Y"),
            ("01.2026", "%m.%Y"),
            ("31.01.2026", "%!"),
        ] {
            let error = date(text, format).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{text} {format}");
            assert!(!error.to_string().contains(text), "the value must not be repeated");
        }
        assert_eq!(date("-0044-03-15", "%F").unwrap_err().kind(), ErrorKind::OutOfRange);
    }

    #[test]
    fn a_zone_decides_where_the_text_has_no_offset() {
        let german = "%d.%m.%Y %H:%M";
        let berlin = Some("Europe/Berlin");
        assert_eq!(moment("31.07.2026 12:00", german, berlin).unwrap(), "2026-07-31T10:00:00Z");
        assert_eq!(moment("31.01.2026 12:00", german, berlin).unwrap(), "2026-01-31T11:00:00Z");
        let error = moment("31.01.2026 12:00", german, None).unwrap_err();
        assert!(error.hint().unwrap().contains("declare a time zone"));
        let error = moment("31.01.2026 12:00", german, Some("Europe/Bärlin")).unwrap_err();
        assert_eq!(error.message(), "no such time zone");
    }

    #[test]
    fn an_offset_in_the_text_wins_over_the_zone() {
        let format = "%Y-%m-%d %H:%M:%S%.f %z";
        let text = "2026-01-31 12:00:00.25 +0200";
        assert_eq!(moment(text, format, Some("Europe/Berlin")).unwrap(), "2026-01-31T10:00:00.25Z");
        assert_eq!(moment("1", "%s", None).unwrap(), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn local_times_that_do_not_determine_a_moment_are_refused() {
        let format = "%Y-%m-%d %H:%M";
        for text in ["2026-03-29 02:30", "2026-10-25 02:30"] {
            let error = moment(text, format, Some("Europe/Berlin")).unwrap_err();
            assert!(error.message().contains("skips or repeats"), "{text}");
        }
        let error = moment("2026-03-29", "%Y-%m-%d", Some("Europe/Berlin")).unwrap_err();
        assert!(error.message().contains("no time of day"));
    }

    #[test]
    fn digits_are_never_dropped() {
        let format = "%Y-%m-%d %H:%M:%S%.f";
        assert!(moment("2026-01-31 12:00:00.123456", format, Some("UTC")).is_ok());
        let error = moment("2026-01-31 12:00:00.1234567", format, Some("UTC")).unwrap_err();
        assert!(error.message().contains("finer than microseconds"));
    }

    #[test]
    fn a_format_is_checked_before_it_is_used() {
        for format in ["%d.%m.%Y", "%m/%d/%y", "%F", "%j %Y", "%A, %d %B %Y", "%Y-%m-%dT%H:%M"] {
            assert!(Date::check_format(format).is_ok(), "{format}");
        }
        for format in ["", "%d.%m.", "%!", "%H:%M", "31.12.2026", "%m/%y"] {
            assert!(Date::check_format(format).is_err(), "{format}");
        }
        let berlin = Some("Europe/Berlin");
        for (format, zone) in [
            ("%d.%m.%Y %H:%M", berlin),
            ("%m/%d/%Y %I:%M %p", berlin),
            ("%Y-%m-%dT%H:%M:%S%.f%:z", None),
            ("%s", None),
        ] {
            Timestamp::check_format(format, zone).unwrap();
        }
        for (format, zone) in [
            ("%d.%m.%Y %H:%M", None),
            ("%d.%m.%Y", berlin),
            ("%d.%m.%Y %I:%M", berlin),
            ("%H:%M", berlin),
            ("%d.%m.%Y %H:%M", Some("Europe/Bärlin")),
        ] {
            assert!(Timestamp::check_format(format, zone).is_err(), "{format}");
        }
    }

    proptest! {
        #[test]
        fn no_text_or_format_panics(text in any::<String>(), format in any::<String>(), directives in "(%[a-zA-Z.:0-9]|[-/ :.]){0,8}") {
            let _ = date(&text, &format);
            let _ = date(&text, &directives);
            let _ = moment(&text, &directives, Some(&format));
            let _ = moment(&text, &format, Some("UTC"));
        }

        #[test]
        fn dates_read_back_from_what_was_written(days in Date::MIN.days()..=Date::MAX.days()) {
            let day = Date::from_days(days).unwrap();
            let (year, month, dom) = day.ymd();
            let text = format!("{dom:02}.{month:02}.{year:04}");
            prop_assert_eq!(Date::parse_format(&text, "%d.%m.%Y").unwrap(), day);
        }
    }
}
