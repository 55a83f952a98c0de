//! What must hold among the associations of a record, whichever way they came to be.
//!
//! Pure functions over associations that somebody else has loaded. All of them are in use and of one
//! type. A day is a number since 1970-01-01.

use crate::{Error, ErrorKind, RecordId, Result};

/// The days on which an association holds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    first: i64,
    last: i64,
}

impl Period {
    /// The days from `first` to `last`; an end that is missing lies beyond every day.
    ///
    /// # Errors
    ///
    /// `OutOfRange` with field `valid_to` if the last day lies before the first.
    pub(crate) fn new(first: Option<i64>, last: Option<i64>) -> Result<Self> {
        let period = Self { first: first.unwrap_or(i64::MIN), last: last.unwrap_or(i64::MAX) };
        if period.first <= period.last {
            return Ok(period);
        }
        Err(Error::new(ErrorKind::OutOfRange, "lies before the day in valid_from")
            .with_field("valid_to"))
    }

    /// Whether there is a day in both.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// An association beside the one in question: it shares an end with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sibling {
    pub(crate) id: RecordId,
    pub(crate) role: Option<String>,
    pub(crate) is_primary: bool,
    pub(crate) period: Period,
}

/// The greatest number of periods that share a day.
pub(crate) fn greatest_at_once(periods: &[Period]) -> usize {
    // The number is greatest on the first day of one of them: walk over first and last days.
    let mut firsts: Vec<i64> = periods.iter().map(|period| period.first).collect();
    let mut lasts: Vec<i64> = periods.iter().map(|period| period.last).collect();
    firsts.sort_unstable();
    lasts.sort_unstable();
    let (mut greatest, mut ended) = (0, 0);
    for (begun, &first) in (1..).zip(&firsts) {
        while lasts[ended] < first {
            ended += 1;
        }
        greatest = greatest.max(begun - ended);
    }
    greatest
}

/// Refuses a new association when on one of its days there would be more than `most`.
///
/// # Errors
///
/// `LimitExceeded` with this field.
pub(crate) fn check_count(
    siblings: &[Sibling],
    new: Period,
    most: Option<u32>,
    field: &str,
) -> Result<()> {
    let Some(most) = most else { return Ok(()) };
    let overlapping = siblings.iter().map(|sibling| sibling.period);
    let mut periods: Vec<Period> = overlapping.filter(|period| period.overlaps(new)).collect();
    periods.push(new);
    if greatest_at_once(&periods) <= most as usize {
        return Ok(());
    }
    let message = format!("the record has {most} associations of this type at that time already");
    Err(Error::new(ErrorKind::LimitExceeded, message)
        .with_field(field)
        .with_hint("the type allows no more: archive one, or let its validity end before"))
}

/// Which of the associations between the same two records already says the same, at an overlapping
/// time.
pub(crate) fn duplicate<'a>(
    siblings: &'a [Sibling],
    role: Option<&str>,
    period: Period,
) -> Option<&'a Sibling> {
    let same = |s: &&Sibling| s.role.as_deref() == role && s.period.overlaps(period);
    siblings.iter().find(same)
}

/// How many records the message about a cycle names.
const NAMED: usize = 5;

/// The error for an association that would close a cycle; `path` leads from the record above through
/// those above it to the record below.
pub(crate) fn cycle(path: &[RecordId]) -> Error {
    let mut named: Vec<String> = path.iter().take(NAMED).map(RecordId::to_string).collect();
    if path.len() > NAMED {
        named.push("…".into());
    }
    let message = match path.len() {
        1 => "a record cannot be above itself".to_owned(),
        length => format!("would close a cycle of {length} records: {}", named.join(", ")),
    };
    Error::new(ErrorKind::InvalidValue, message)
        .with_field("to")
        .with_hint("in a hierarchy nothing lies above what lies above it")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(first: impl Into<Option<i64>>, last: impl Into<Option<i64>>) -> Period {
        Period::new(first.into(), last.into()).unwrap()
    }

    fn sibling(role: Option<&str>, period: Period) -> Sibling {
        let role = role.map(str::to_owned);
        Sibling { id: RecordId::from_bytes([1; 16]), role, is_primary: false, period }
    }

    #[test]
    fn both_days_belong_to_a_period() {
        assert!(period(1, 5).overlaps(period(5, 9)));
        assert!(!period(1, 5).overlaps(period(6, 9)));
        assert!(period(None, 5).overlaps(period(3, None)));
        assert!(period(7, 7).overlaps(period(None, None)));
        let error = Period::new(Some(2), Some(1)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("valid_to")));
    }

    #[test]
    fn those_that_follow_each_other_are_never_at_once() {
        let jobs = [sibling(None, period(None, 9)), sibling(None, period(20, None))];
        check_count(&jobs, period(10, 19), Some(1), "from").unwrap();
        let error = check_count(&jobs, period(10, 20), Some(1), "from").unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("from")));
        check_count(&jobs, period(None, None), Some(2), "from").unwrap();
        check_count(&jobs, period(None, None), None, "from").unwrap();
    }

    #[test]
    fn the_same_again_is_the_same_pair_role_and_time() {
        let known = [sibling(Some("CFO"), period(None, 9))];
        let find = |role, period| duplicate(&known, role, period).is_some();
        assert!(find(Some("CFO"), period(9, None)));
        assert!(!find(Some("CFO"), period(10, None)));
        assert!(!find(Some("CEO"), period(9, None)));
        assert!(!find(None, period(9, None)));
    }

    proptest! {
        #[test]
        fn the_greatest_number_is_that_of_the_worst_day(
            drawn in prop::collection::vec((prop::option::of(0_i64..8), prop::option::of(0_i64..8)), 0..8),
        ) {
            let ordered = drawn.iter().filter_map(|&(a, b)| Period::new(a, b).ok());
            let periods: Vec<Period> = ordered.collect();
            let on = |day| periods.iter().filter(|p| p.overlaps(period(day, day))).count();
            let worst = (-1..9).map(on).max().unwrap();
            prop_assert_eq!(greatest_at_once(&periods), worst);
        }
    }
}
