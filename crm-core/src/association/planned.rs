//! Associations that are decided upon and not written: what the rules have to see beside those of the
//! file.
//!
//! The invariant: each is found from both of its ends, as a written one is.

use std::collections::HashMap;

use super::{Period, Sibling};
use crate::RecordId;

/// Stands for the id of an association that has none yet; ids that are made differ from it.
pub(crate) const UNWRITTEN: RecordId = RecordId::from_bytes([0xFF; 16]);

/// One that is planned, seen from one of its ends.
#[derive(Debug, Clone)]
struct Planned {
    other: RecordId,
    role: Option<Box<str>>,
    is_primary: bool,
    period: Period,
}

impl Planned {
    fn sibling(&self) -> Sibling {
        Sibling {
            // No association has the id of zeros.
            id: RecordId::from_bytes([0; 16]),
            role: self.role.as_deref().map(str::to_owned),
            is_primary: self.is_primary,
            period: self.period,
        }
    }
}

/// Planned associations, by their type, by whether the record is what they lead from, and by record.
#[derive(Debug, Default)]
pub(crate) struct PlannedLinks {
    by_end: HashMap<(i64, bool, RecordId), Vec<Planned>>,
    count: usize,
}

impl PlannedLinks {
    /// Adds an association of the type of this number.
    pub(crate) fn add(
        &mut self,
        type_id: i64,
        (from, to): (RecordId, RecordId),
        role: Option<&str>,
        is_primary: bool,
        period: Period,
    ) {
        for (is_from, own, other) in [(true, from, to), (false, to, from)] {
            let role = role.map(Box::from);
            let planned = Planned { other, role, is_primary, period };
            self.by_end.entry((type_id, is_from, own)).or_default().push(planned);
        }
        self.count += 1;
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn of(&self, type_id: i64, is_from: bool, record: RecordId) -> &[Planned] {
        self.by_end.get(&(type_id, is_from, record)).map_or(&[], Vec::as_slice)
    }

    /// Those that lead from, or to, a record.
    pub(crate) fn siblings(
        &self,
        type_id: i64,
        is_from: bool,
        record: RecordId,
    ) -> impl Iterator<Item = Sibling> + '_ {
        self.of(type_id, is_from, record).iter().map(Planned::sibling)
    }

    /// Those that lead from one record to another.
    pub(crate) fn between(
        &self,
        type_id: i64,
        from: RecordId,
        to: RecordId,
    ) -> impl Iterator<Item = Sibling> + '_ {
        let planned = self.of(type_id, true, from).iter();
        planned.filter(move |planned| planned.other == to).map(Planned::sibling)
    }

    /// The records to which they lead from one.
    pub(crate) fn above(
        &self,
        type_id: i64,
        record: RecordId,
    ) -> impl Iterator<Item = RecordId> + '_ {
        self.of(type_id, true, record).iter().map(|planned| planned.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_one_is_found_from_both_ends_and_between_them() {
        let id = |byte| RecordId::from_bytes([byte; 16]);
        let always = Period::new(None, None).unwrap();
        let mut links = PlannedLinks::default();
        links.add(7, (id(1), id(2)), Some("CFO"), true, always);
        assert_eq!(links.len(), 1);
        assert_eq!(links.siblings(7, true, id(1)).count(), 1);
        assert_eq!(links.siblings(7, false, id(2)).count(), 1);
        assert_eq!(links.siblings(7, true, id(2)).count(), 0);
        assert_eq!(links.siblings(8, true, id(1)).count(), 0);
        let between: Vec<_> = links.between(7, id(1), id(2)).collect();
        assert_eq!((between.len(), between[0].role.as_deref()), (1, Some("CFO")));
        assert_eq!(links.above(7, id(1)).collect::<Vec<_>>(), [id(2)]);
    }
}
