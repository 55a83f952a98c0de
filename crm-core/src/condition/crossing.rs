//! When a moment that moves with time passes a fixed one: 30 days before now, the day it is now.
//!
//! By the calendar of a zone such a moment does not move evenly: the clocks leap, and months have no
//! fixed length, so that it may even step back. But it moves in stretches in which it is as fast as
//! time itself, and where these end is known. The invariant: between now and the answer it lies
//! always on the side of the limit on which it lies now.

use std::cmp::Ordering;

use jiff::{ToSpan as _, civil::DateTime, tz::TimeZone};

use super::{
    checked::Direction,
    span::Parts,
    when::{Moment, day_shifted, end, shift},
};
use crate::Timestamp;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What moves with time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    /// The moment a span away.
    Shifted(Parts, Direction),
    /// What the clock on the wall shows, as if it were UTC.
    Wall,
}

/// How far a calendar is out against even time at most: months differ by three days, and zones have
/// left out or repeated one.
const SLACK: i64 = 5 * DAY;

/// The first moment after now at which the other side of `limit` is reached: the line lies after it,
/// or no longer does. `None` if that does not come.
pub(super) fn crossing(moment: &Moment, line: Line, limit: i64) -> Option<i64> {
    let now = moment.now().micros();
    if let Line::Shifted(span, direction) = line
        && let Some(micros) = span.micros().filter(|_| moment.is_even() || !span.has_days())
    {
        let at = match direction {
            Direction::Last => limit.checked_add(micros)? + 1,
            Direction::Next => limit.checked_sub(micros)? + 1,
        };
        return (now < at && at <= Timestamp::MAX.micros()).then_some(at);
    }
    if let Line::Shifted(span, direction) = line
        && moment.is_even()
    {
        return crossing_by_days(now, span, direction, limit);
    }
    let expected = match line {
        Line::Shifted(span, direction) => {
            let back = match direction {
                Direction::Last => Direction::Next,
                Direction::Next => Direction::Last,
            };
            moment.at(Timestamp::clamped(limit)).shifted(span, back).micros()
        }
        Line::Wall => limit,
    };
    let last = (expected + SLACK).min(Timestamp::MAX.micros());
    let is_after = line.at(moment) > limit;
    let mut t = now.max(expected - SLACK);
    while t <= last {
        let here = moment.at(Timestamp::clamped(t));
        let value = line.at(&here);
        if (value > limit) != is_after {
            return Some(t);
        }
        let end = line.end(&here);
        if !is_after {
            let hit = t + (limit - value) + 1;
            if hit < end {
                return (hit <= Timestamp::MAX.micros()).then_some(hit);
            }
        }
        t = end;
    }
    None
}

/// As [`crossing`], where every day has 24 hours: within a day the moment a span away moves as time
/// does, and from day to day as [`day_shifted`] says, which never steps back but may stand still.
fn crossing_by_days(now: i64, span: Parts, direction: Direction, limit: i64) -> Option<i64> {
    let (limit, back) = match direction {
        Direction::Last => (limit.checked_add(span.of_time())?, Direction::Next),
        Direction::Next => (limit.checked_sub(span.of_time())?, Direction::Last),
    };
    let (limit_day, limit_clock) = (limit.div_euclid(DAY), limit.rem_euclid(DAY));
    let (today, clock) = (now.div_euclid(DAY), now.rem_euclid(DAY));
    let beyond = end(direction, i64::MIN, i64::MAX);
    let shown = |day: i64| day_shifted(day, span, direction).unwrap_or(beyond);
    let at = match shown(today).cmp(&limit_day) {
        Ordering::Greater => return None,
        // It is on the other side again when the same day is shown once more, from its beginning.
        Ordering::Equal if clock > limit_clock => {
            (shown(today + 1) == limit_day).then_some((today + 1) * DAY)?
        }
        _ => {
            let about = day_shifted(limit_day, span, back)?;
            // The lengths of months differ by three days at most.
            let reaches = |day: &i64| {
                let shown = shown(*day);
                shown > limit_day || (shown == limit_day && limit_clock + 1 < DAY)
            };
            let day = (today.max(about - 4)..=about + 8).find(reaches)?;
            day * DAY + if shown(day) == limit_day { limit_clock + 1 } else { 0 }
        }
    };
    (at <= Timestamp::MAX.micros()).then_some(at)
}

impl Line {
    fn at(self, moment: &Moment) -> i64 {
        match self {
            Self::Shifted(span, direction) => moment.shifted(span, direction).micros(),
            Self::Wall => micros(moment.local().datetime()),
        }
    }

    /// The end of the stretch that begins at a moment.
    fn end(self, moment: &Moment) -> i64 {
        let (zone, now) = (moment.local().time_zone(), moment.now().micros());
        let next = zone.following(moment.local().timestamp()).next();
        let mut end = next.map_or(i64::MAX, |next| next.timestamp().as_microsecond());
        let Self::Shifted(span, direction) = self else { return end };
        let wall = moment.local().datetime();
        let midnight = wall.date().tomorrow().and_then(|day| day.to_zoned_datetime(zone.clone()));
        let midnight = midnight.map_or(i64::MAX, |day| day.timestamp().as_microsecond());
        if midnight > now {
            end = end.min(midnight);
        }
        let Some(far) = shift(moment.local(), span.of_days(), direction) else { return end };
        // What the clock would show there if none were ever put forward or back.
        let shown = micros(far.datetime())
            .min(micros(wall) + micros(far.datetime().date().into()) - micros(wall.date().into()));
        let from = far.timestamp().saturating_sub(48.hours()).unwrap_or(jiff::Timestamp::MIN);
        for change in zone.following(from) {
            let at = change.timestamp();
            if at.duration_since(far.timestamp()).as_hours() > 48 {
                break;
            }
            let passed = shows(zone, at).max(shows_before(zone, at)) - shown;
            if passed > 0 {
                end = end.min(now.saturating_add(passed));
            }
        }
        end
    }
}

/// What the clock shows at a moment, and what it showed as that came.
fn shows(zone: &TimeZone, at: jiff::Timestamp) -> i64 {
    at.as_microsecond() + i64::from(zone.to_offset(at).seconds()) * 1_000_000
}

fn shows_before(zone: &TimeZone, at: jiff::Timestamp) -> i64 {
    let before = at.saturating_sub(1.nanosecond()).unwrap_or(at);
    at.as_microsecond() + i64::from(zone.to_offset(before).seconds()) * 1_000_000
}

/// A reading of a clock in microseconds since 1970, as if it were UTC.
fn micros(shown: DateTime) -> i64 {
    let since = shown.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    i64::try_from(since.as_micros()).unwrap_or(if since.is_negative() {
        i64::MIN
    } else {
        i64::MAX
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Span;

    const ZONES: &[&str] = &[
        "UTC",
        "Europe/Berlin",
        "America/St_Johns",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
    ];
    /// Around what clocks did: forward and back in Berlin, at midnight in São Paulo, a minute after
    /// it in St. John's, and a day left out in Apia.
    const AROUND: &[&str] = &[
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2018-11-04T03:00:00Z",
        "2018-02-18T02:00:00Z",
        "2010-11-07T02:31:00Z",
        "2010-03-14T03:31:00Z",
        "2011-12-30T10:00:00Z",
        "2025-04-05T15:00:00Z",
        "2024-02-29T12:00:00Z",
    ];
    const MINUTE: i64 = 60_000_000;

    fn minutes(at: &str, minutes: i64) -> i64 {
        at.parse::<Timestamp>().unwrap().micros() + minutes * MINUTE
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_crossed_before_it_is_said(
            zone in prop::sample::select(ZONES),
            around in prop::sample::select(AROUND),
            now in -3_000_i64..3_000,
            beyond in -200_i64..200,
            span in prop::sample::select(&["1d", "2d", "1mo", "1y", "36h", "P1DT3H", "P1M1D", "1w"][..]),
            direction in prop::sample::select(&[Direction::Last, Direction::Next, Direction::Next][..]),
            is_wall in prop::bool::weighted(0.2),
            exact in any::<bool>(),
        ) {
            let span: Parts = span.parse::<Span>().unwrap().parts().unwrap();
            let line = if is_wall { Line::Wall } else { Line::Shifted(span, direction) };
            let back = if direction == Direction::Last { Direction::Next } else { Direction::Last };
            // The change lies where time is, or where the line is.
            let mut base = Timestamp::clamped(minutes(around, now));
            if exact {
                base = Moment::new(base, zone).unwrap().shifted(span, back);
            }
            let moment = Moment::new(base, zone).unwrap();
            let limit = line.at(&moment) + beyond * 15 * MINUTE;
            let side = |t: i64| line.at(&moment.at(Timestamp::clamped(t))) > limit;
            let found = crossing(&moment, line, limit);
            let end = found.unwrap_or(base.micros() + 12 * 1440 * MINUTE);
            if let Some(found) = found {
                prop_assert!(found > base.micros());
                prop_assert!(side(found) != side(base.micros()));
                prop_assert!(side(found - 1) == side(base.micros()));
            }
            let mut t = base.micros();
            while t < end {
                prop_assert!(side(t) == side(base.micros()), "crossed at {}", Timestamp::clamped(t));
                t += 5 * MINUTE;
            }
        }
    }
}
