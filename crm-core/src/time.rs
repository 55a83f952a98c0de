//! Instants, calendar days, and where "now" comes from.
//!
//! A moment is one number, microseconds since 1970 in UTC, and a day is one number too, so that
//! both sort, compare and store without a calendar. Everything that needs the present asks a
//! [`Clock`], which a test or a simulation replaces. The invariant: every [`Timestamp`] and every
//! [`Date`] lies in the years 0001 to 9999, so each of them has a text form of four-digit years.
//! This module reads no clock of its own, and guesses neither a format nor a time zone.

mod date;
mod format;
mod timestamp;

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

pub use date::Date;
use serde::de::{self, Visitor};
pub use timestamp::Timestamp;

use crate::refusal;

/// Where the engine learns what time it is.
pub trait Clock: Send + Sync {
    /// Returns the present moment. It need not be later than the answer before: the engine orders
    /// its changes by a clock of its own that never runs backwards.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still until it is moved, so that a run can be repeated exactly.
///
/// ```
/// use crm_core::{Clock, FixedClock, Timestamp};
///
/// let clock = FixedClock::new("2026-01-31T12:00:00Z".parse::<Timestamp>()?);
/// clock.advance(1_500_000);
/// assert_eq!(clock.now().to_string(), "2026-01-31T12:00:01.5Z");
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Debug)]
pub struct FixedClock {
    micros: AtomicI64,
}

impl FixedClock {
    /// Returns a clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { micros: AtomicI64::new(start.micros()) }
    }

    /// Moves the clock by `micros` microseconds, backwards when negative. It stops at the first
    /// and at the last moment that a timestamp can express.
    pub fn advance(&self, micros: i64) {
        let moved = |now: i64| Some(Timestamp::clamped(now.saturating_add(micros)).micros());
        // The closure always answers, so there is no failure to look at.
        let _ = self.micros.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::clamped(self.micros.load(Ordering::SeqCst))
    }
}

/// Reads a value from the text form that it has in JSON, without keeping the text.
struct TextVisitor<T> {
    expected: &'static str,
    value: PhantomData<T>,
}

impl<T> TextVisitor<T> {
    fn new(expected: &'static str) -> Self {
        Self { expected, value: PhantomData }
    }
}

impl<T: FromStr<Err = crate::Error>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|error| refusal::into_serde(&refusal::unfit(self.expected, error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_it_is_told_to() {
        let clock = FixedClock::new(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), clock.now());
        clock.advance(5);
        clock.advance(-2);
        assert_eq!(clock.now().micros(), 3);
    }

    #[test]
    fn a_fixed_clock_stops_at_the_ends_of_time() {
        let clock = FixedClock::new(Timestamp::UNIX_EPOCH);
        clock.advance(i64::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
        clock.advance(i64::MIN);
        clock.advance(i64::MIN);
        assert_eq!(clock.now(), Timestamp::MIN);
    }
}
