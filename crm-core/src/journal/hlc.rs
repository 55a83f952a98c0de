//! The hybrid logical clock of the journal.
//!
//! 48 bits of milliseconds and 16 bits of counter in one integer, so that stamps order like numbers.
//! The invariant: a stamp is greater than every stamp seen before, whatever the wall clock does
//! (Kulkarni et al., "Logical Physical Clocks", 2014).

use crate::Timestamp;

/// A stamp: milliseconds since 1970 times 65,536, plus a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hlc(pub(crate) i64);

/// The last millisecond that a clock brings into a stamp, in the year 6429: whatever it shows then, there is
/// room for 2⁴⁶ more stamps.
const LATEST: i64 = (1 << 47) - (1 << 30);

impl Hlc {
    /// The stamp of something that happens at `now`, after everything up to `seen`:
    /// `max(now, seen + 1)`. When the counter is full it borrows from the next millisecond.
    pub(crate) fn next(seen: Self, now: Timestamp) -> Self {
        let millis = now.micros().div_euclid(1000).clamp(0, LATEST);
        Self((millis << 16).max(seen.0.saturating_add(1)))
    }

    /// The last moment that a stamp tells as it is: past it ids and stamps have another order.
    pub(crate) fn latest() -> Timestamp {
        Timestamp::clamped(LATEST * 1000)
    }

    /// The time of the stamp, to the millisecond.
    pub(crate) fn at(self) -> Timestamp {
        Timestamp::clamped((self.0 >> 16) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_does_not_take_stamps_back() {
        let first = Hlc::next(Hlc(0), Timestamp::clamped(2_000_000));
        let second = Hlc::next(first, Timestamp::clamped(1_000_000));
        assert!(second > first);
        assert_eq!(second.at(), first.at());
    }

    #[test]
    fn a_full_counter_borrows_a_millisecond() {
        let full = Hlc((5 << 16) + 0xFFFF);
        let next = Hlc::next(full, Timestamp::clamped(5_000));
        assert_eq!(next, Hlc(6 << 16));
    }

    #[test]
    fn stamps_ascend_however_late_it_is() {
        let mut last = Hlc(0);
        for _ in 0..200_000 {
            let next = Hlc::next(last, Timestamp::MAX);
            assert!(next > last);
            last = next;
        }
        assert_eq!(Hlc::next(Hlc(i64::MAX), Timestamp::MAX), Hlc(i64::MAX), "a damaged file");
    }

    #[test]
    fn times_before_1970_count_as_1970() {
        assert_eq!(Hlc::next(Hlc(-1), Timestamp::clamped(-5)), Hlc(0));
    }
}
