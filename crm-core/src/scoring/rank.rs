//! Where a record stands among all of a model, whatever the moment.
//!
//! A place is an upper bound of the score at every later moment, of which the file keeps an index. It
//! follows points that halve in the longest half-life of the model. Points that fade by another law
//! leave it behind, so that it is higher than need be after a while: [`Sheet::next_rank`] says when it
//! is worth lowering. The invariant: a place never lies below the score.

use super::{
    decay::{Decay, POINT, bound, order},
    sheet::{Caps, GroupSheet, Sheet},
};

impl Sheet {
    /// Where the record stands among all of the model: see [`Rank`].
    pub(crate) fn rank(&self, as_of: i64) -> Rank {
        let half = self.half_life();
        let (mut fixed, mut fading, mut rounding) = (0i64, 0i64, 0i64);
        for group in self.groups.iter().filter(|group| group.counts) {
            match group.fading(as_of) {
                Some((points, of_group)) => {
                    fading = fading.saturating_add(points);
                    rounding = rounding.saturating_add(of_group);
                }
                None => fixed = fixed.saturating_add(group.bounds(as_of, i64::MAX).1),
            }
        }
        let most = fixed.saturating_add(rounding);
        if fading > 0 && most.saturating_add(fading) >= self.caps.max {
            // It may stay at the cap for a while, which says more than what fades below it.
            return Rank { fixed: self.caps.clamp(coarse(self.caps.max)), order: None };
        }
        let order = half.filter(|_| fading > 0).map(|half| order(fading, as_of, half));
        let fixed = coarse(most).min(coarse(fixed).saturating_add(coarse_rounding(rounding)));
        Rank { fixed: self.caps.clamp(fixed), order }
    }

    /// When the place of the record, as it was given now, is worth lowering: the first of the moments
    /// looked at for which it is too high by a quarter, and by a point. `None` if there is none. So it
    /// is lowered a few times while points fade, however slowly they do.
    pub(crate) fn next_rank(&self, rank: Rank, now: i64) -> Option<i64> {
        /// The first moment is after this part of the time in which anything changes: a power of two.
        const FIRST: u32 = 8;
        /// Halvings of the time between two moments that are looked at.
        const HALVINGS: usize = 5;
        let last = self.last_change().filter(|last| *last > now)?;
        if self.keeps_its_order(rank, now) {
            return None;
        }
        let half = self.half_life();
        let is_high = |at: &i64| {
            let [place, need] = [rank, self.rank(*at)].map(|rank| rank.bound(self.caps, half, *at));
            place.saturating_sub(need) >= POINT.max(place.saturating_abs() / 4)
        };
        let (mut low, mut found) = (now, None);
        for part in (0..=FIRST).rev() {
            let at = now + ((last - now) >> part);
            if is_high(&at) {
                found = Some(at);
                break;
            }
            low = at;
        }
        let mut high = found?;
        for _ in 0..HALVINGS {
            let middle = low + (high - low) / 2;
            if is_high(&middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// A moment at which it is worth asking [`Self::next_rank`]; `None` if it never is.
    pub(crate) fn before_rank(&self, rank: Rank, now: i64) -> Option<i64> {
        let last = self.last_change().filter(|last| *last > now)?;
        (!self.keeps_its_order(rank, now)).then(|| now + ((last - now) >> 3).max(1))
    }

    /// Whether all that fades does so as the order says.
    fn keeps_its_order(&self, rank: Rank, now: i64) -> bool {
        let half = self.half_life().map(Decay::HalfLife);
        let mut groups = self.groups.iter().filter(|group| group.counts);
        rank.order.is_some()
            && groups.all(|group| match Some(group.decay) == half {
                true => group.fading(now).is_some(),
                false => group.stays(),
            })
    }

    /// The longest half-life.
    fn half_life(&self) -> Option<i64> {
        half_life(self.groups.iter().map(|group| group.decay))
    }
}

/// The longest half-life among decays: the one by which an order of all records is kept.
pub(crate) fn half_life(decays: impl Iterator<Item = Decay>) -> Option<i64> {
    decays
        .filter_map(|decay| match decay {
            Decay::HalfLife(half) => Some(half),
            _ => None,
        })
        .max()
}

/// An upper bound of a score at every later moment: points that stay, and the order among those that
/// halve in the longest half-life of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rank {
    pub(crate) fixed: i64,
    pub(crate) order: Option<i64>,
}

impl Rank {
    /// Whether it is no less than another at every moment. A file may hold one that is greater than need
    /// be, which costs a ranking time and leaves nobody out.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.fixed >= other.fixed && self.order >= other.order
    }

    /// No less than the score at `at`, which does not lie before the moment of the sheet.
    pub(crate) fn bound(self, caps: Caps, half: Option<i64>, at: i64) -> i64 {
        let fading = self.order.zip(half).map_or(0, |(order, half)| bound(order, at, half));
        caps.clamp(self.fixed.saturating_add(fading))
    }
}

/// No less than `points`, of which few are different: whole points below 256, and eight binary digits
/// of what is larger.
fn coarse(points: i64) -> i64 {
    let unit = match points.unsigned_abs() / 256_000 {
        0 => 1000,
        more => 1000i64.saturating_mul(1i64 << (more.ilog2() + 1).min(50)),
    };
    points.checked_add(unit - 1).map_or(i64::MAX, |up| up.div_euclid(unit) * unit)
}

/// No less than what rounding may add, of which still fewer are different.
fn coarse_rounding(thousandths: i64) -> i64 {
    match thousandths {
        0 => 0,
        1..=16 => 16,
        17..=256 => 256,
        more => coarse(more),
    }
}

impl GroupSheet {
    /// Whether time alone changes nothing.
    fn stays(&self) -> bool {
        self.rules.iter().all(|rule| rule.terms.is_empty() && rule.related.is_none())
    }

    /// What is left at a moment of a group that only fades from then on by its half-life, without any
    /// cap having a say, and by how much rounding may exceed that; `None` of another group.
    fn fading(&self, at: i64) -> Option<(i64, i64)> {
        let Decay::HalfLife(_) = self.decay else { return None };
        if self.fixed != 0 {
            return None;
        }
        let (mut points, mut terms) = (0i64, 0);
        for rule in &self.rules {
            let only_terms = rule.fixed == 0 && rule.related.is_none() && rule.caps.min <= 0;
            let of_rule: i64 =
                rule.terms.iter().map(|(from, points)| self.decay.left(*points, at - from)).sum();
            let begins_later = rule.terms.iter().any(|(from, points)| *from > at || *points < 0);
            if !only_terms || begins_later || of_rule > rule.caps.max {
                return None;
            }
            points = points.saturating_add(of_rule);
            terms += i64::try_from(rule.terms.len()).unwrap_or(i64::MAX / 2);
        }
        // A term may be rounded up by half a thousandth, now or later; one that is rounded to nothing
        // stays so.
        let rounding = if points == 0 { 0 } else { terms + 1 };
        (points <= self.caps.max && self.caps.min <= 0).then_some((points, rounding))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::sheet::{
            RuleSheet,
            tests::{DAY, sheets},
        },
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rank_never_lies(
            sheet in sheets(), as_of in -120 * DAY..200 * DAY, later in 0..400 * DAY,
        ) {
            let half = sheet.half_life();
            let bound = sheet.rank(as_of).bound(sheet.caps, half, as_of + later);
            prop_assert!(sheet.score(as_of + later) <= bound);
        }

        #[test]
        fn a_place_that_is_lowered_when_it_is_worth_it_is_lowered_a_few_times(
            sheet in sheets(), now in -120 * DAY..200 * DAY,
        ) {
            let half = sheet.half_life();
            let (mut at, mut times) = (now, 0);
            let mut rank = sheet.rank(at);
            while let Some(next) = sheet.next_rank(rank, at) {
                let before = rank.bound(sheet.caps, half, next);
                rank = sheet.rank(next);
                let after = rank.bound(sheet.caps, half, next);
                prop_assert!(next > at && after + 1000 <= before, "{} {}", before, after);
                (at, times) = (next, times + 1);
                prop_assert!(times < 60);
            }
        }
    }

    /// Forty terms that are each rounded up by half a thousandth.
    #[test]
    fn a_rank_knows_what_rounding_adds() {
        let wide = Caps { min: 0, max: 1_000_000_000 };
        let terms = vec![(0, 5_001); 40];
        let rule = RuleSheet { caps: wide, fixed: 0, terms, related: None };
        let group = GroupSheet {
            caps: wide,
            decay: Decay::HalfLife(DAY),
            counts: true,
            fixed: 0,
            rules: vec![rule],
        };
        let sheet = Sheet { caps: wide, groups: vec![group] };
        let later = 4 * DAY;
        assert_eq!(sheet.score(later), 40 * 313);
        assert!(sheet.rank(0).bound(wide, Some(DAY), later) >= 40 * 313);
        // What has faded to nothing stays nothing.
        assert_eq!(sheet.rank(40 * DAY), Rank { fixed: 0, order: None });
    }

    /// The greatest part of what is left that a place is too high, and how often it is lowered.
    fn followed(decay: Decay, points: i64) -> (i64, usize) {
        let wide = Caps { min: 0, max: 1_000_000_000 };
        let rule = RuleSheet { caps: wide, fixed: 0, terms: vec![(0, points)], related: None };
        let slow = GroupSheet {
            caps: wide,
            decay: Decay::HalfLife(90 * DAY),
            counts: true,
            fixed: 0,
            rules: Vec::new(),
        };
        let group = GroupSheet { decay, rules: vec![rule], ..slow.clone() };
        let sheet = Sheet { caps: wide, groups: vec![group, slow] };
        let (half, mut at, mut times) = (sheet.half_life(), 0, 0);
        let mut rank = sheet.rank(0);
        let mut next = sheet.next_rank(rank, at);
        let mut worst = 0;
        while at < 400 * DAY {
            at += DAY;
            if next.is_some_and(|next| next <= at) {
                (rank, times) = (sheet.rank(at), times + 1);
                next = sheet.next_rank(rank, at);
            }
            let over = rank.bound(sheet.caps, half, at) - sheet.score(at);
            worst = worst.max(over * 100 / (sheet.score(at) + 3 * POINT));
        }
        (worst, times)
    }

    #[test]
    fn a_place_follows_what_fades_by_every_law() {
        let linear = |every, percent| Decay::Linear { every: every * DAY, percent };
        for (decay, most) in [
            (Decay::HalfLife(90 * DAY), 0),
            (Decay::HalfLife(7 * DAY), 13),
            (Decay::Expiry(30 * DAY), 1),
            (linear(30, 50), 2),
            (linear(1, 1), 13),
        ] {
            let (worst, times) = followed(decay, 50_000);
            assert!(worst <= 45 && times <= most, "{decay:?}: {worst} %, {times} times");
        }
    }
}
