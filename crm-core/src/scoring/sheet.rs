//! What is kept of a record's score: enough to say what it is at any later moment, and nothing more.
//!
//! A sheet holds caps, decays and the points that its rules gave, each with its time where that
//! matters. It stands for itself: reading one asks for no definition, so the file can compare scores
//! in SQL. The invariants: the score is the sum of the rules of each group, each between its caps,
//! between those of the group, between those of the whole; and over a stretch of time it lies between
//! [`Sheet::bounds`], whatever fades or begins in it.

use super::decay::{Decay, rounded};
use crate::{Error, ErrorKind, Result};

/// A least and a greatest number of thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caps {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Caps {
    pub(crate) fn clamp(self, points: i64) -> i64 {
        points.clamp(self.min, self.max)
    }
}

/// What a record scores by one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) caps: Caps,
    pub(crate) groups: Vec<GroupSheet>,
}

/// What it scores in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSheet {
    pub(crate) caps: Caps,
    pub(crate) decay: Decay,
    /// Whether it is part of the score, or stands beside it.
    pub(crate) counts: bool,
    /// What the rules about the record give in sum, each between its caps: it stays until something
    /// is written.
    pub(crate) fixed: i64,
    /// The other rules, as far as they give something.
    pub(crate) rules: Vec<RuleSheet>,
}

/// What one rule gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleSheet {
    pub(crate) caps: Caps,
    /// What stays.
    pub(crate) fixed: i64,
    /// When something happened, in microseconds, and the points for it: what fades, or is to come.
    pub(crate) terms: Vec<(i64, i64)>,
    /// What related records score, and what is made of it.
    pub(crate) related: Option<(Figure, Vec<Sheet>)>,
}

/// What is made of the scores of related records. The figure of none is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Sum,
    Max,
    Min,
    Average,
}

impl Figure {
    pub(crate) fn of(self, scores: impl ExactSizeIterator<Item = i64>) -> i64 {
        let count = i128::try_from(scores.len()).unwrap_or(1).max(1);
        match self {
            Self::Sum => scores.fold(0, i64::saturating_add),
            Self::Max => scores.max().unwrap_or(0),
            Self::Min => scores.min().unwrap_or(0),
            Self::Average => rounded(scores.map(i128::from).sum(), count),
        }
    }
}

/// A least and a greatest value.
type Range = (i64, i64);

fn sum(ranges: impl Iterator<Item = Range>) -> Range {
    ranges.fold((0, 0), |sum, range| (sum.0.saturating_add(range.0), sum.1.saturating_add(range.1)))
}

impl Sheet {
    /// The score at a moment.
    pub(crate) fn score(&self, at: i64) -> i64 {
        self.bounds(at, at).0
    }

    /// The score at a moment, or the points of one group.
    pub(crate) fn points(&self, group: Option<usize>, at: i64) -> i64 {
        group.map_or_else(|| self.score(at), |group| self.group_bounds(group, at, at).0)
    }

    /// The least and the greatest that the score can be from `from` to `to`, both included.
    pub(crate) fn bounds(&self, from: i64, to: i64) -> Range {
        let groups = self.groups.iter().filter(|group| group.counts);
        let (least, most) = sum(groups.map(|group| group.bounds(from, to)));
        (self.caps.clamp(least), self.caps.clamp(most))
    }

    /// The same of one group.
    pub(crate) fn group_bounds(&self, group: usize, from: i64, to: i64) -> Range {
        self.groups.get(group).map_or((0, 0), |group| group.bounds(from, to))
    }

    fn terms(&self) -> impl Iterator<Item = (Decay, i64, i64)> + '_ {
        self.groups.iter().flat_map(|group| {
            let terms = group.rules.iter().flat_map(|rule| &rule.terms);
            terms.map(|(at, points)| (group.decay, *at, *points))
        })
    }

    /// The last moment at which the score can change by itself; `None` if it does not.
    pub(super) fn last_change(&self) -> Option<i64> {
        let own = self
            .terms()
            .map(|(decay, at, points)| at.saturating_add(decay.gone(points).unwrap_or(0)));
        let related = self.groups.iter().flat_map(|group| &group.rules);
        let related = related.filter_map(|rule| rule.related.as_ref());
        let related = related.flat_map(|(_, sheets)| sheets).filter_map(Self::last_change);
        own.chain(related).max()
    }

    /// Whether each point of it only fades from a moment on: the score never rises then.
    fn only_falls(&self, now: i64) -> bool {
        let mut rules = self.groups.iter().flat_map(|group| &group.rules);
        rules.all(|rule| {
            let mut terms = rule.terms.iter();
            rule.related.is_none() && terms.all(|(at, points)| *at <= now && *points >= 0)
        })
    }

    /// The first moment up to `last` at which a level that is reached now no longer is, of points that
    /// only fall.
    fn next_loss(
        &self,
        group: Option<usize>,
        (now, last): (i64, i64),
        levels: &[i64],
    ) -> Option<i64> {
        let score = self.points(group, now);
        let level = *levels.iter().rfind(|level| **level <= score)?;
        let is_lost = |at| self.points(group, at) < level;
        let (mut kept, mut lost) = (now, Some(last).filter(|last| is_lost(*last))?);
        while lost - kept > 1 {
            let middle = kept + (lost - kept) / 2;
            if is_lost(middle) { lost = middle } else { kept = middle }
        }
        Some(lost)
    }

    /// How many points it looks at to say the score of a moment.
    pub(crate) fn size(&self) -> usize {
        let rules = self.groups.iter().flat_map(|group| &group.rules);
        let of_rule = |rule: &RuleSheet| {
            let sheets = rule.related.iter().flat_map(|(_, sheets)| sheets);
            1 + rule.terms.len() + sheets.map(Self::size).sum::<usize>()
        };
        rules.map(of_rule).sum()
    }

    /// The first moment after `now` at which the number of `levels` that are reached is another than
    /// now; `None` if it never is, by itself. With a group, of its points instead of the whole score.
    ///
    /// Where points that fade, begin and are negative lie so close together that bounds say little,
    /// it may be a moment before that one, which is then worth asking again.
    pub(crate) fn next_crossing(
        &self,
        group: Option<usize>,
        now: i64,
        levels: &[i64],
    ) -> Option<i64> {
        /// Points that are looked at before a part of the answer will do.
        const WORK: usize = 1 << 16;
        /// Stretches of time that are looked at whatever that takes.
        const LOOKS: usize = 2 * i64::BITS as usize;
        let last = self.last_change().filter(|last| *last > now)?;
        if self.only_falls(now) {
            return self.next_loss(group, (now, last), levels);
        }
        self.search(group, (now, last), levels, LOOKS.max(WORK / self.size().max(1)))
    }

    /// As [`Self::next_crossing`] of the whole score, or a moment before it: after a few looks, whatever the
    /// number of points.
    pub(crate) fn before_crossing(&self, now: i64, levels: &[i64]) -> Option<i64> {
        const LOOKS: usize = 16;
        let last = self.last_change().filter(|last| *last > now)?;
        self.search(None, (now, last), levels, LOOKS)
    }

    fn search(
        &self,
        group: Option<usize>,
        (now, last): (i64, i64),
        levels: &[i64],
        most_looks: usize,
    ) -> Option<i64> {
        let bounds = |from, to| match group {
            None => self.bounds(from, to),
            Some(group) => self.group_bounds(group, from, to),
        };
        let reached = |score: i64| levels.partition_point(|level| *level <= score);
        let here = reached(bounds(now, now).0);
        let (mut stretches, mut looks) = (vec![(now + 1, last)], 0);
        while let Some((from, to)) = stretches.pop() {
            let (least, most) = bounds(from, to);
            looks += 1;
            if reached(least) == here && reached(most) == here {
                continue;
            }
            if from == to || (looks >= most_looks && from > now + 1) {
                return Some(from);
            }
            let middle = from + (to - from) / 2;
            stretches.push((middle + 1, to));
            stretches.push((from, middle));
        }
        None
    }
}

impl GroupSheet {
    pub(super) fn bounds(&self, from: i64, to: i64) -> Range {
        let (least, most) = sum(self.rules.iter().map(|rule| rule.bounds(self.decay, from, to)));
        let with_fixed = |points: i64| self.caps.clamp(points.saturating_add(self.fixed));
        (with_fixed(least), with_fixed(most))
    }
}

impl RuleSheet {
    /// Whether leaving it out changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.fixed == 0
            && self.terms.is_empty()
            && self.caps.clamp(0) == 0
            && self.related.as_ref().is_none_or(|(_, sheets)| sheets.is_empty())
    }

    fn bounds(&self, decay: Decay, from: i64, to: i64) -> Range {
        let terms = self.terms.iter().map(|(at, points)| {
            if *at > from && *at <= to {
                return ((*points).min(0), (*points).max(0));
            }
            let left = |moment: i64| decay.left(*points, moment.saturating_sub(*at));
            let young = left(from);
            let old = if from == to { young } else { left(to) };
            (young.min(old), young.max(old))
        });
        let (mut least, mut most) = sum(terms);
        least = least.saturating_add(self.fixed);
        most = most.saturating_add(self.fixed);
        if let Some((figure, sheets)) = &self.related {
            least = least.saturating_add(figure.of(sheets.iter().map(|s| s.bounds(from, to).0)));
            most = most.saturating_add(figure.of(sheets.iter().map(|s| s.bounds(from, to).1)));
        }
        (self.caps.clamp(least), self.caps.clamp(most))
    }
}

// ---- as bytes

/// The form of the bytes.
const FORM: u8 = 1;
/// How deep roll-ups may lie in one another.
const DEPTH: usize = 8;

impl Sheet {
    /// The bytes that the file keeps.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        put_caps(bytes, self.caps);
        put(bytes, self.groups.len() as i64);
        for group in &self.groups {
            put_caps(bytes, group.caps);
            put(bytes, group.counts.into());
            put(bytes, group.fixed);
            let (kind, first, second) = match group.decay {
                Decay::None => (0, 0, 0),
                Decay::HalfLife(half) => (1, half, 0),
                Decay::Linear { every, percent } => (2, every, percent),
                Decay::Expiry(span) => (3, span, 0),
            };
            [kind, first, second].into_iter().for_each(|number| put(bytes, number));
            put(bytes, group.rules.len() as i64);
            for rule in &group.rules {
                put_caps(bytes, rule.caps);
                put(bytes, rule.fixed);
                put(bytes, rule.terms.len() as i64);
                let mut last = 0i64;
                for (at, points) in &rule.terms {
                    put(bytes, at.wrapping_sub(last));
                    put(bytes, *points);
                    last = *at;
                }
                match &rule.related {
                    None => put(bytes, 0),
                    Some((figure, sheets)) => {
                        put(bytes, 1 + *figure as i64);
                        put(bytes, sheets.len() as i64);
                        sheets.iter().for_each(|sheet| sheet.write(bytes));
                    }
                }
            }
        }
    }

    /// The sheet of these bytes.
    ///
    /// # Errors
    ///
    /// `Corrupt` if they are not what [`Sheet::to_bytes`] writes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let form = take(&mut rest);
        let sheet = form.filter(|form| *form == FORM).and_then(|_| Self::read(&mut rest, DEPTH));
        sheet.filter(|_| rest.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "a score in the file cannot be read")
                .with_hint("compute it anew with scores.rescore")
        })
    }

    fn read(rest: &mut &[u8], depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let caps = get_caps(rest)?;
        let mut groups = Vec::new();
        for _ in 0..get(rest)? {
            let (caps, counts, fixed) = (get_caps(rest)?, get(rest)? != 0, get(rest)?);
            let decay = match (get(rest)?, get(rest)?, get(rest)?) {
                (0, ..) => Decay::None,
                (1, half @ 1.., _) => Decay::HalfLife(half),
                (2, every @ 1.., percent @ 1..=100) => Decay::Linear { every, percent },
                (3, span @ 1.., _) => Decay::Expiry(span),
                _ => return None,
            };
            let mut rules = Vec::new();
            for _ in 0..get(rest)? {
                let (caps, fixed) = (get_caps(rest)?, get(rest)?);
                let (mut terms, mut last) = (Vec::new(), 0i64);
                for _ in 0..get(rest)? {
                    last = last.wrapping_add(get(rest)?);
                    terms.push((last, get(rest)?));
                }
                let related = match get(rest)? {
                    0 => None,
                    number => {
                        let figures = [Figure::Sum, Figure::Max, Figure::Min, Figure::Average];
                        let figure = figures.get(usize::try_from(number - 1).ok()?)?;
                        let mut sheets = Vec::new();
                        for _ in 0..get(rest)? {
                            sheets.push(Self::read(rest, depth)?);
                        }
                        Some((*figure, sheets))
                    }
                };
                rules.push(RuleSheet { caps, fixed, terms, related });
            }
            groups.push(GroupSheet { caps, decay, counts, fixed, rules });
        }
        Some(Self { caps, groups })
    }
}

fn put_caps(bytes: &mut Vec<u8>, caps: Caps) {
    put(bytes, caps.min);
    put(bytes, caps.max);
}

fn get_caps(rest: &mut &[u8]) -> Option<Caps> {
    let (min, max) = (get(rest)?, get(rest)?);
    (min <= max).then_some(Caps { min, max })
}

/// Seven bits at a time, the sign in the lowest one.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn get(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest)?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::scoring) const DAY: i64 = 86_400_000_000;

    fn decays() -> impl Strategy<Value = Decay> {
        prop_oneof![
            Just(Decay::None),
            (1..60i64).prop_map(|days| Decay::HalfLife(days * DAY)),
            (1..60i64, 1..=100i64)
                .prop_map(|(days, percent)| Decay::Linear { every: days * DAY, percent }),
            (1..60i64).prop_map(|days| Decay::Expiry(days * DAY)),
        ]
    }

    fn caps(most: i64) -> impl Strategy<Value = Caps> {
        prop_oneof![
            Just(Caps { min: -1_000_000_000_000, max: 1_000_000_000_000 }),
            (-most..=most, -most..=most)
                .prop_map(|(one, other)| Caps { min: one.min(other), max: one.max(other) }),
        ]
    }

    pub(in crate::scoring) fn sheets() -> impl Strategy<Value = Sheet> {
        let terms = prop::collection::vec((-100 * DAY..100 * DAY, -20_000i64..50_000), 0..6);
        let rule = (caps(60_000), -5_000i64..20_000, terms);
        let rule =
            rule.prop_map(|(caps, fixed, terms)| RuleSheet { caps, fixed, terms, related: None });
        let fixed = prop_oneof![Just(0), -30_000i64..60_000];
        let rules = prop::collection::vec(rule, 0..4);
        let group = (caps(100_000), decays(), any::<bool>(), fixed, rules);
        let group = group.prop_map(|(caps, decay, counts, fixed, rules)| GroupSheet {
            caps,
            decay,
            counts,
            fixed,
            rules,
        });
        let plain = (caps(150_000), prop::collection::vec(group, 0..4))
            .prop_map(|(caps, groups)| Sheet { caps, groups })
            .boxed();
        let figures =
            prop::sample::select(vec![Figure::Sum, Figure::Max, Figure::Min, Figure::Average]);
        let children = prop::option::of((figures, prop::collection::vec(plain.clone(), 0..3)));
        (plain, children).prop_map(|(mut sheet, children)| {
            if let Some(rule) = sheet.groups.iter_mut().flat_map(|group| &mut group.rules).next() {
                rule.related = children;
            }
            sheet
        })
    }

    proptest! {
        #[test]
        fn bytes_are_read_back(sheet in sheets()) {
            let bytes = sheet.to_bytes();
            prop_assert_eq!(Sheet::from_bytes(&bytes).unwrap(), sheet);
            for end in 0..bytes.len() {
                prop_assert!(Sheet::from_bytes(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(sheet) = Sheet::from_bytes(&bytes) {
                sheet.score(0);
            }
        }

        #[test]
        fn a_score_lies_between_its_bounds(
            sheet in sheets(), from in -120 * DAY..200 * DAY, length in 0..90 * DAY, part in 0.0..1.0f64,
        ) {
            let (least, most) = sheet.bounds(from, from + length);
            let score = sheet.score(from + (length as f64 * part) as i64);
            prop_assert!(least <= score && score <= most);
        }

        #[test]
        fn no_crossing_is_missed(
            sheet in sheets(), now in -120 * DAY..100 * DAY, levels in prop::collection::vec(-50_000..150_000i64, 1..4),
            looks in prop::collection::vec(0.0..1.0f64, 20),
        ) {
            let mut levels = levels;
            levels.sort_unstable();
            let reached = |at| levels.partition_point(|level| *level <= sheet.score(at));
            let next = sheet.next_crossing(None, now, &levels);
            prop_assert!(next.is_none_or(|next| next > now));
            // Up to the next crossing nothing changes.
            let end = next.map_or(500 * DAY, |next| next - 1);
            for part in looks {
                let at = now + ((end - now) as f64 * part) as i64;
                prop_assert_eq!(reached(at), reached(now));
            }
            // Asked again and again, a crossing is found to the microsecond, and soon.
            let (mut at, mut asked) = (now, 0);
            while reached(at) == reached(now) {
                let Some(next) = sheet.next_crossing(None, at, &levels) else { break };
                (at, asked) = (next, asked + 1);
                prop_assert!(asked < 20);
            }
            prop_assert!(at == now || reached(at - 1) == reached(now));
        }

        #[test]
        fn where_points_only_fade_a_crossing_is_found_at_once(
            decay in decays(), terms in prop::collection::vec((-100 * DAY..0, 1..50_000i64), 1..2_000),
            level in 1..100_000i64,
        ) {
            let wide = Caps { min: 0, max: 1_000_000_000 };
            let rule = RuleSheet { caps: wide, fixed: 0, terms, related: None };
            let rules = vec![rule];
            let group = GroupSheet { caps: wide, decay, counts: true, fixed: 0, rules };
            let sheet = Sheet { caps: wide, groups: vec![group] };
            let is_reached = |at| sheet.score(at) >= level;
            match sheet.next_crossing(None, 0, &[level]) {
                Some(at) => prop_assert!(is_reached(0) && is_reached(at - 1) && !is_reached(at)),
                None => prop_assert_eq!(is_reached(0), is_reached(100_000 * DAY)),
            }
        }
    }

    #[test]
    fn caps_are_those_of_the_rule_then_the_group_then_the_whole() {
        let wide = Caps { min: -1_000_000, max: 1_000_000 };
        let rule = |max, fixed| RuleSheet {
            caps: Caps { max, ..wide },
            fixed,
            terms: Vec::new(),
            related: None,
        };
        let group = |max, rules| GroupSheet {
            caps: Caps { max, ..wide },
            decay: Decay::None,
            counts: true,
            fixed: 0,
            rules,
        };
        let first = group(25_000, vec![rule(10_000, 50_000), rule(40_000, 30_000)]);
        let beside = GroupSheet { counts: false, ..group(100_000, vec![rule(90_000, 70_000)]) };
        let groups = vec![first, group(90_000, vec![rule(90_000, -5_000)]), beside];
        let sheet = Sheet { caps: Caps { min: 0, max: 100_000 }, groups };
        assert_eq!(sheet.score(0), 20_000);
        assert_eq!(sheet.group_bounds(2, 0, 0), (70_000, 70_000));
        let capped = Sheet { caps: Caps { min: 0, max: 18_000 }, ..sheet };
        assert_eq!(capped.score(0), 18_000);
    }
}
