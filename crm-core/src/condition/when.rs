//! The moment of an evaluation and its zone, and what spans and anniversaries mean from there.
//!
//! Days and months are counted by the calendar of the zone: 30 days before noon is noon, whatever
//! the clocks did in between. The invariant: every answer lies in the years 0001 to 9999; a span
//! that reaches beyond ends there.

use jiff::{
    Span, ZonedDateTime, civil,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    checked::{Direction, Frame},
    span::Parts,
};
use crate::{Date, Error, ErrorKind, Result, Timestamp, normal};

/// When a condition is evaluated, and by which calendar.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    now: Timestamp,
    zone: String,
    local: ZonedDateTime,
}

impl Moment {
    /// `now`, in a zone of the IANA database.
    ///
    /// # Errors
    ///
    /// `InvalidValue` with field `zone` if there is no such zone.
    pub(crate) fn new(now: Timestamp, zone: &str) -> Result<Self> {
        let zone = normal::time_zone::time_zone(zone).map_err(|error| error.with_field("zone"))?;
        let local = local(now.micros(), &zone)?;
        Ok(Self { now, zone, local })
    }

    /// Another moment, by the same calendar.
    pub(crate) fn at(&self, now: Timestamp) -> Self {
        let local = in_zone(now.micros(), self.local.time_zone().clone());
        Self { now, zone: self.zone.clone(), local }
    }

    /// What clocks and calendars show there.
    pub(super) fn local(&self) -> &ZonedDateTime {
        &self.local
    }

    /// Whether every day has 24 hours there.
    pub(super) fn is_even(&self) -> bool {
        self.zone == "UTC"
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn zone(&self) -> &str {
        &self.zone
    }

    /// The day it is there, in days since 1970.
    pub(crate) fn today(&self) -> i64 {
        day(&self.local)
    }

    /// The moment a span away.
    pub(crate) fn shifted(&self, span: Parts, direction: Direction) -> Timestamp {
        match shift(&self.local, span, direction) {
            Some(moment) => Timestamp::clamped(moment.timestamp().as_microsecond()),
            None => end(direction, Timestamp::MIN, Timestamp::MAX),
        }
    }

    /// The day a span away, in days since 1970.
    pub(crate) fn shifted_day(&self, span: Parts, direction: Direction) -> i64 {
        let end = end(direction, Date::MIN, Date::MAX);
        day_shifted(self.today(), span, direction).unwrap_or(end.days().into())
    }

    /// The minute of the day, and the day of the week from 1, which is Monday.
    pub(crate) fn clock(&self) -> (u32, u32) {
        clock(&self.local)
    }

    /// These minutes of this day and of the ones after it, so many in all, and the moments at which clocks
    /// are put forward or back; each with the minute and the day of the week that it is then. A minute that
    /// is repeated is there twice; for one that is skipped there are moments around it.
    pub(crate) fn turns(&self, days: i64, minutes: &[u32]) -> Vec<(Timestamp, (u32, u32))> {
        let (zone, today) = (self.local.time_zone(), self.local.date());
        let mut turns = Vec::new();
        for day in 0..days {
            for minute in minutes {
                let span = Span::new().days(day).minutes(*minute);
                let Ok(shown) = today.to_datetime(civil::Time::midnight()).checked_add(span) else {
                    continue;
                };
                let all = zone.to_ambiguous_zoned_datetime(shown);
                turns.extend([all.clone().earlier(), all.later()].into_iter().flatten());
            }
        }
        let last = today.checked_add(Span::new().days(days)).unwrap_or(civil::Date::MAX);
        let changes = zone.following(self.local.timestamp());
        let changes =
            changes.map(|change| in_zone(change.timestamp().as_microsecond(), zone.clone()));
        turns.extend(changes.take_while(|change| change.date() <= last));
        let told = turns.into_iter();
        told.map(|at| (Timestamp::clamped(at.timestamp().as_microsecond()), clock(&at))).collect()
    }

    /// The first and the last moment of a frame, in microseconds.
    pub(crate) fn frame(&self, frame: Frame) -> (i64, i64) {
        match frame {
            Frame::Within(span) => {
                (self.shifted(span, Direction::Last).micros(), self.now.micros())
            }
            Frame::Between(from, until) => (
                from.unwrap_or(Timestamp::MIN).micros(),
                // What ends before a moment ends a microsecond earlier.
                until.map_or(self.now.micros(), |until| until.micros() - 1),
            ),
        }
    }

    /// The first and the last moment of a span, in microseconds.
    pub(crate) fn span(&self, span: Parts, direction: Direction) -> (i64, i64) {
        let (now, other) = (self.now.micros(), self.shifted(span, direction).micros());
        (now.min(other), now.max(other))
    }

    /// The first and the last day of a span.
    pub(crate) fn days(&self, span: Parts, direction: Direction) -> (i64, i64) {
        let (today, other) = (self.today(), self.shifted_day(span, direction));
        (today.min(other), today.max(other))
    }
}

/// The moment a span later, by the calendar in UTC; a span that reaches beyond the end of time ends there.
pub(crate) fn later_in_utc(at: Timestamp, span: Parts) -> Timestamp {
    match shift(&in_zone(at.micros(), TimeZone::UTC), span, Direction::Next) {
        Some(moment) => Timestamp::clamped(moment.timestamp().as_microsecond()),
        None => Timestamp::MAX,
    }
}

/// The day on which a moment falls in a zone, in days since 1970.
///
/// # Errors
///
/// `InvalidValue` if there is no such zone.
pub(crate) fn day_in_zone(micros: i64, zone: &str) -> Result<i64> {
    Ok(day(&local(micros, zone)?))
}

/// Whether an anniversary of `original` lies from `first` to `last`; all in days since 1970. The day
/// itself is none, and what is not yet past has none. 29 February has its own on 28 February in
/// years that lack it.
pub(crate) fn has_anniversary(original: i64, first: i64, last: i64, today: i64) -> bool {
    let date = |days: i64| i32::try_from(days).ok().and_then(|days| Date::from_days(days).ok());
    let (Some(day), Some(from), Some(to)) = (date(original), date(first), date(last)) else {
        return false;
    };
    let mut years = from.ymd().0.max(day.ymd().0 + 1)..=to.ymd().0;
    original < today
        && years.any(|year| anniversary(day, year).is_some_and(|day| from <= day && day <= to))
}

fn local(micros: i64, zone: &str) -> Result<ZonedDateTime> {
    let zone = TimeZoneDatabase::bundled()
        .get(zone)
        .map_err(|_| Error::new(ErrorKind::InvalidValue, "no such time zone").with_field("zone"))?;
    Ok(in_zone(micros, zone))
}

fn in_zone(micros: i64, zone: TimeZone) -> ZonedDateTime {
    // The last day of 9999 is partly beyond what the calendar knows.
    let moment = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    moment.to_zoned_datetime(zone)
}

/// The day a span of days, months and years away, in days since 1970; `None` beyond the years 0001
/// to 9999.
pub(super) fn day_shifted(days: i64, span: Parts, direction: Direction) -> Option<i64> {
    let (year, month, day) = Date::from_days(i32::try_from(days).ok()?).ok()?.ymd();
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let date = civil::Date::new(i16::try_from(year).ok()?, month, day).ok()?;
    let span = calendar(span.of_days())?;
    let date = match direction {
        Direction::Last => date.checked_sub(span).ok()?,
        Direction::Next => date.checked_add(span).ok()?,
    };
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    let date = Date::from_ymd(date.year().into(), month.into(), day.into());
    date.ok().map(|date| date.days().into())
}

/// The anniversaries of a day in the years around another one, both in days since 1970.
pub(super) fn anniversaries(original: i64, around: i64) -> Vec<i64> {
    let date = |days: i64| i32::try_from(days).ok().and_then(|days| Date::from_days(days).ok());
    let (Some(day), Some(around)) = (date(original), date(around)) else { return Vec::new() };
    let (first, ..) = day.ymd();
    let (year, ..) = around.ymd();
    let years = (year - 2).max(first + 1)..=year + 2;
    years.filter_map(|year| anniversary(day, year)).map(|day| day.days().into()).collect()
}

/// The anniversary of a day in a year.
fn anniversary(day: Date, year: i32) -> Option<Date> {
    let (_, month, day) = day.ymd();
    // Only 29 February can fail to be.
    Date::from_ymd(year, month, day).or_else(|_| Date::from_ymd(year, month, day - 1)).ok()
}

fn day(moment: &ZonedDateTime) -> i64 {
    let date = moment.date();
    let (year, month, day) = (i32::from(date.year()), date.month(), date.day());
    let day = Date::from_ymd(year, month.unsigned_abs().into(), day.unsigned_abs().into());
    day.unwrap_or(if year < 1 { Date::MIN } else { Date::MAX }).days().into()
}

fn clock(moment: &ZonedDateTime) -> (u32, u32) {
    let minute = i32::from(moment.hour()) * 60 + i32::from(moment.minute());
    let weekday = moment.weekday().to_monday_one_offset();
    (minute.unsigned_abs(), weekday.unsigned_abs().into())
}

/// The moment a span away: by its days as the calendar has them, then by its hours.
pub(super) fn shift(
    moment: &ZonedDateTime,
    span: Parts,
    direction: Direction,
) -> Option<ZonedDateTime> {
    let span = calendar(span)?;
    match direction {
        Direction::Last => moment.checked_sub(span).ok(),
        Direction::Next => moment.checked_add(span).ok(),
    }
}

fn calendar(Parts(parts): Parts) -> Option<Span> {
    let [years, months, weeks, days, hours, minutes, seconds] = parts.map(i64::from);
    Span::new()
        .try_years(years)
        .and_then(|span| span.try_months(months))
        .and_then(|span| span.try_weeks(weeks))
        .and_then(|span| span.try_days(days))
        .and_then(|span| span.try_hours(hours))
        .and_then(|span| span.try_minutes(minutes))
        .and_then(|span| span.try_seconds(seconds))
        .ok()
}

pub(super) fn end<T>(direction: Direction, first: T, last: T) -> T {
    match direction {
        Direction::Last => first,
        Direction::Next => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    fn moment(at: &str, zone: &str) -> Moment {
        Moment::new(at.parse().unwrap(), zone).unwrap()
    }

    fn parts(text: &str) -> Parts {
        text.parse::<Span>().unwrap().parts().unwrap()
    }

    fn days(date: &str) -> i64 {
        date.parse::<Date>().unwrap().days().into()
    }

    #[test]
    fn days_are_counted_by_the_calendar_of_the_zone() {
        // The clocks went forward on 29 March 2026: these two days have 47 hours.
        let berlin = moment("2026-03-30T10:00:00Z", "Europe/Berlin");
        let noon = |span| berlin.shifted(parts(span), Direction::Last).to_string();
        assert_eq!(noon("2d"), "2026-03-28T11:00:00Z");
        assert_eq!(noon("48h"), "2026-03-28T10:00:00Z");
        assert_eq!(noon("1mo"), "2026-02-28T11:00:00Z");
        assert_eq!(moment("2026-01-01T00:30:00Z", "America/New_York").today(), days("2025-12-31"));
        assert_eq!(moment("2026-01-01T00:30:00Z", "UTC").today(), days("2026-01-01"));
        assert!(Moment::new(Timestamp::UNIX_EPOCH, "Mars/Olympus").is_err());
    }

    #[test]
    fn frames_have_their_ends() {
        let noon = moment("2026-02-28T12:00:00Z", "UTC");
        let micros = |at: &str| at.parse::<Timestamp>().unwrap().micros();
        let at = |at: &str| Some(at.parse::<Timestamp>().unwrap());
        let now = micros("2026-02-28T12:00:00Z");
        assert_eq!(noon.frame(Frame::Within(parts("1d"))), (micros("2026-02-27T12:00:00Z"), now));
        assert_eq!(noon.frame(Frame::Between(None, None)), (Timestamp::MIN.micros(), now));
        let (from, until) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        let last = micros("2026-01-31T23:59:59.999999Z");
        assert_eq!(noon.frame(Frame::Between(from, until)), (micros("2026-01-01T00:00:00Z"), last));
    }

    #[test]
    fn spans_end_with_time_itself() {
        for (at, zone) in [
            ("9999-12-31T23:59:59.999999Z", "Pacific/Kiritimati"),
            ("0001-01-01T00:00:00Z", "America/Los_Angeles"),
        ] {
            let moment = moment(at, zone);
            for span in ["9999y", "3652059d", "1d", "87649416h", "P9999Y119988M521723W"] {
                let (first, last) = moment.span(parts(span), Direction::Next);
                assert!(first <= last && last <= Timestamp::MAX.micros());
                let (first, last) = moment.span(parts(span), Direction::Last);
                assert!(Timestamp::MIN.micros() <= first && first <= last);
                moment.days(parts(span), Direction::Next);
            }
        }
    }

    #[test]
    fn anniversaries_come_every_year_after_the_first() {
        let within = |original: &str, first: &str, last: &str| {
            has_anniversary(days(original), days(first), days(last), days("2026-02-25"))
        };
        assert!(within("1990-03-01", "2026-02-25", "2026-03-04"));
        assert!(within("1990-02-25", "2026-02-25", "2026-02-25"));
        assert!(!within("1990-03-05", "2026-02-25", "2026-03-04"));
        assert!(within("1992-02-29", "2026-02-28", "2026-02-28"));
        assert!(!within("1992-02-29", "2026-02-25", "2026-02-27"));
        assert!(!within("1992-02-29", "2026-03-01", "2026-03-31"));
        assert!(within("1992-02-29", "2028-02-29", "2028-02-29"));
        assert!(!within("1992-02-29", "2028-02-28", "2028-02-28"));
        assert!(within("1990-01-02", "2025-12-30", "2026-01-05"), "over the end of a year");
        assert!(!within("2026-02-20", "2026-02-18", "2026-02-25"), "the day itself is none");
        assert!(within("2026-02-20", "2027-02-20", "2027-02-20"));
        assert!(!within("2026-03-01", "2027-02-25", "2027-03-04"), "nothing to come has one yet");
    }
}
