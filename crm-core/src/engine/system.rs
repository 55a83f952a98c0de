//! Where time and randomness enter: the system's clock and its random numbers, and a clock that
//! steps, and is set, for runs that repeat. Nothing else in the engine reads either.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Clock, IdGenerator, RecordId, Timestamp};

/// The wall clock.
#[derive(Debug)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 counts as 1970: ids and stamps hold no negative time.
        let micros = since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        Timestamp::clamped(micros)
    }
}

/// The clock of a handle.
#[derive(Clone)]
pub(super) enum HandleClock {
    /// One that the engine only reads: the system's, or one that a Rust host handed in.
    Read(Arc<dyn Clock>),
    /// That of a replay, which the host sets through the engine.
    Replay(Arc<SteppingClock>),
}

impl HandleClock {
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Read(clock) => clock.now(),
            Self::Replay(clock) => clock.now(),
        }
    }
}

/// A clock that moves by the same step with each reading, and forward to where it is set.
#[derive(Debug)]
pub(super) struct SteppingClock {
    next: AtomicI64,
    step: i64,
}

impl SteppingClock {
    pub(super) fn new(start: Timestamp, step_micros: i64) -> Self {
        Self { next: start.micros().into(), step: step_micros }
    }

    /// Makes `to` the next reading, unless the clock is past it; says whether it did. Of two threads
    /// that set it at once the later moment stays, and no reading falls between asking and setting.
    pub(super) fn set(&self, to: Timestamp) -> bool {
        let forward = |next| (Timestamp::clamped(next) <= to).then_some(to.micros());
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, forward).is_ok()
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        let next = |next: i64| Some(next.saturating_add(self.step));
        let now = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Timestamp::clamped(now.unwrap_or_else(|now| now))
    }
}

/// Random ids that ascend: within a millisecond the random part counts on by a random step
/// (RFC 9562 §6.2, method 2), so that ids made later sort later.
pub(super) struct SystemIds {
    last: Mutex<LastId>,
    salts: Mutex<SaltPool>,
}

/// Random bytes for salts that are not used yet: asking the system for each would cost more than the
/// rest of its row.
struct SaltPool {
    bytes: [u8; 4096],
    used: usize,
}

#[derive(Default)]
struct LastId {
    millis: i64,
    /// The 74 bits of an id that are neither time nor version nor variant.
    random: u128,
    pool: Vec<u8>,
}

impl SystemIds {
    /// Ids that sort after all those made up to `last`, also by another process and when the clock
    /// has gone back since.
    pub(super) fn after(last: Timestamp) -> Self {
        let millis = last.micros().div_euclid(1000) + 1;
        let mut last = LastId { millis, ..LastId::default() };
        last.random = last.draw(10) & (RANDOM_BITS >> 1);
        let salts = SaltPool { bytes: [0; 4096], used: 4096 };
        Self { last: Mutex::new(last), salts: Mutex::new(salts) }
    }
}

/// The 74 random bits of an id.
const RANDOM_BITS: u128 = (1 << 74) - 1;

impl IdGenerator for SystemIds {
    fn next_id(&self, now: Timestamp) -> RecordId {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = now.micros().div_euclid(1000);
        if millis > last.millis {
            last.millis = millis;
            // The top bit stays free, so that counting on within the millisecond cannot overflow.
            last.random = last.draw(10) & (RANDOM_BITS >> 1);
        } else {
            last.random += 1 + last.draw(4);
            if last.random > RANDOM_BITS {
                last.millis += 1;
                last.random = last.draw(10) & (RANDOM_BITS >> 1);
            }
        }
        RecordId::from_parts(Timestamp::clamped(last.millis * 1000), spread(last.random))
    }

    fn next_salt(&self) -> [u8; 32] {
        self.salts.lock().unwrap_or_else(PoisonError::into_inner).draw()
    }
}

impl SaltPool {
    fn draw(&mut self) -> [u8; 32] {
        if self.used == self.bytes.len() {
            getrandom::fill(&mut self.bytes).expect("the system always has random numbers");
            self.used = 0;
        }
        let mut salt = [0; 32];
        // What was handed out is not kept here: the file alone knows it, until it is erased there.
        salt.swap_with_slice(&mut self.bytes[self.used..self.used + 32]);
        self.used += 32;
        salt
    }
}

impl LastId {
    /// A random number of so many bytes.
    fn draw(&mut self, bytes: usize) -> u128 {
        if self.pool.len() < bytes {
            self.pool.resize(1024, 0);
            getrandom::fill(&mut self.pool).expect("the system always has random numbers");
        }
        let rest = self.pool.split_off(self.pool.len() - bytes);
        rest.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

/// Leaves room for the version and for the two bits of the variant, which stand between the upper 12
/// and the lower 62: otherwise counting through them would repeat ids.
fn spread(random: u128) -> [u8; 10] {
    let low = random & ((1 << 62) - 1);
    let high = (random >> 62) & 0xFFF;
    let number = high << 64 | low;
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&number.to_be_bytes()[6..]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_within_a_millisecond_and_when_the_clock_goes_back() {
        let at = |millis: i64| Timestamp::clamped(millis * 1000);
        let ids = SystemIds::after(at(3));
        let mut made = Vec::new();
        for millis in [5, 5, 5, 6, 6, 4, 4, 7] {
            made.extend((0..1000).map(|_| ids.next_id(at(millis))));
        }
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        let next_process = SystemIds::after(at(7));
        assert!((0..100).all(|_| next_process.next_id(at(5)) > made[made.len() - 1]));
    }
}
