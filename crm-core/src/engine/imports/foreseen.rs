//! What the rows of a table leave behind for those after them: keys that are named already, and for
//! a plan the unique values that would be taken and given up.
//!
//! A table may have more rows than memory has room for, so that only 64 bits of a hash are kept for
//! each, and no more than a limit of them. The invariant: the keys of a table depend on the table
//! alone and not on the state of the file, so that they are the same for a plan, for the import that
//! follows it, and for one that goes on after a crash.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use crate::{Error, ErrorKind, RecordId, Result, association::PlannedLinks, cell::Cell, limits};

/// The keys that the rows so far have named.
#[derive(Debug, Default)]
pub(in crate::engine) struct Keys {
    seen: HashSet<u64>,
}

impl Keys {
    /// Adds a key and says whether it is the first time.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`.
    pub(super) fn add(&mut self, key: &[&Cell]) -> Result<bool> {
        let is_new = self.seen.insert(mark(0, key.iter().copied()));
        check_room(self.seen.len())?;
        Ok(is_new)
    }
}

/// What the rows so far would have changed, as far as it matters to those after them.
#[derive(Debug, Default)]
pub(in crate::engine) struct Foreseen {
    /// The number of the imported type.
    own: i64,
    /// Unique values that a record would have got, by the place of the attribute.
    taken: HashSet<u64>,
    /// Unique values that a record would have given up.
    freed: HashSet<u64>,
    /// The places of the attributes by which a row may name the record of an earlier one.
    looked_up: Vec<usize>,
    /// Who has the values of these that were taken.
    holders: HashMap<u64, RecordId>,
    /// Records of other types that would be created, by what names them.
    made: HashMap<u64, RecordId>,
    /// Keys of activities that a column says.
    activity_keys: HashSet<u64>,
    /// Associations that would be added, of types with rules that reach across rows.
    pub(in crate::engine) links: PlannedLinks,
}

/// Who has a unique value.
pub(super) enum Holder {
    /// This record, which may be planned only.
    Is(RecordId),
    /// Nobody any more.
    Nobody,
    /// Whom the file says.
    AsStored,
}

impl Foreseen {
    /// `own`: the number of the imported type; `looked_up`: the places of its attributes by which its
    /// own records refer to each other.
    pub(super) fn new(own: i64, looked_up: Vec<usize>) -> Self {
        Self { own, looked_up, ..Self::default() }
    }

    /// Whether this is the number of the imported type.
    pub(in crate::engine) fn is_of(&self, type_id: i64) -> bool {
        self.own == type_id
    }

    /// What stands for the id of the record that a row would create: ids that are made hold the
    /// time in their first bytes.
    pub(super) fn planned(row: u64) -> RecordId {
        Self::planned_other(row, 0)
    }

    /// What stands for the id of another record that a row would create, counted from 1.
    pub(super) fn planned_other(row: u64, number: u16) -> RecordId {
        let low = row & ROW | u64::from(number) << ROW_BITS;
        RecordId::from_bytes(u128::from(low).to_be_bytes())
    }

    /// Whether this stands for a record that is planned only.
    pub(in crate::engine) fn is_planned(id: &[u8]) -> bool {
        id.starts_with(&[0; 8])
    }

    /// The row that would create this record.
    pub(super) fn row_of(id: &[u8]) -> Option<u64> {
        id.last_chunk().map(|number| u64::from_be_bytes(*number) & ROW)
    }

    /// Notes that the record `id` of another type would be created, and named by `key` in the
    /// attribute at `place`.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`.
    pub(super) fn make(
        &mut self,
        type_id: i64,
        place: usize,
        key: &Cell,
        id: RecordId,
    ) -> Result<()> {
        self.made.insert(mark_of(type_id, place, key), id);
        self.check_room()
    }

    /// The record of another type that an earlier row would create under this name.
    pub(super) fn made(&self, type_id: i64, place: usize, key: &Cell) -> Option<RecordId> {
        if self.made.is_empty() {
            None
        } else {
            self.made.get(&mark_of(type_id, place, key)).copied()
        }
    }

    /// Notes the key that an activity would have.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`.
    pub(super) fn note_activity(&mut self, key: &str) -> Result<()> {
        self.activity_keys.insert(mark(0, [&Cell::Text(key.to_owned())]));
        self.check_room()
    }

    /// Whether an earlier row would record an activity with this key.
    pub(super) fn has_activity(&self, key: &str) -> bool {
        !self.activity_keys.is_empty()
            && self.activity_keys.contains(&mark(0, [&Cell::Text(key.to_owned())]))
    }

    /// Whether there is room for what is foreseen.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`.
    pub(super) fn check_room(&self) -> Result<()> {
        if self.links.len() > limits::IMPORT_LINKS {
            let message = format!(
                "an import plans at most {} associations of a type with limits or a hierarchy",
                limits::IMPORT_LINKS
            );
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_hint("divide the table"));
        }
        let with_ids = self.holders.len() + self.made.len();
        check_room(self.taken.len() + self.freed.len() + self.activity_keys.len() + 2 * with_ids)
    }

    /// Notes that the unique attribute at `place` of the record `id` goes from one value to another.
    /// Where it is the whole key, no other row has the value anyway.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`.
    pub(super) fn note(
        &mut self,
        place: usize,
        is_key: bool,
        id: RecordId,
        before: &Cell,
        after: &Cell,
    ) -> Result<()> {
        let is_looked_up = self.looked_up.contains(&place);
        if is_key && !is_looked_up {
            return Ok(());
        }
        if *before != Cell::Null {
            self.freed.insert(mark(place, [before]));
        }
        if *after != Cell::Null {
            let after = mark(place, [after]);
            self.taken.insert(after);
            if is_looked_up {
                self.holders.insert(after, id);
            }
        }
        self.check_room()
    }

    /// Whether an earlier row would have given this value to a record.
    pub(in crate::engine) fn is_taken(&self, place: usize, value: &Cell) -> bool {
        !self.taken.is_empty() && self.taken.contains(&mark(place, [value]))
    }

    /// Whether the record that has this value in the file would have another by now.
    pub(in crate::engine) fn is_freed(&self, place: usize, value: &Cell) -> bool {
        !self.freed.is_empty() && self.freed.contains(&mark(place, [value]))
    }

    /// Who has this value.
    pub(super) fn holder(&self, place: usize, value: &Cell) -> Holder {
        match self.holders.get(&mark(place, [value])) {
            Some(id) => Holder::Is(*id),
            None if self.is_freed(place, value) => Holder::Nobody,
            None => Holder::AsStored,
        }
    }
}

/// The bits of a planned id that say the row.
const ROW_BITS: u32 = 48;
const ROW: u64 = (1 << ROW_BITS) - 1;

fn check_room(count: usize) -> Result<()> {
    if count <= limits::IMPORT_KEYS {
        return Ok(());
    }
    let message = format!("a table names at most {} keys and unique values", limits::IMPORT_KEYS);
    Err(Error::new(ErrorKind::LimitExceeded, message).with_hint("divide the table"))
}

/// 64 bits for an attribute and the cells of a key. A cryptographic hash, because who writes a table
/// must not be able to make two keys look alike.
fn mark<'a>(place: usize, cells: impl IntoIterator<Item = &'a Cell>) -> u64 {
    let mut digest = Sha256::new();
    digest.update((place as u64).to_le_bytes());
    absorb(&mut digest, cells);
    first_bits(digest)
}

/// 64 bits for the cell of an attribute of any type.
fn mark_of(type_id: i64, place: usize, cell: &Cell) -> u64 {
    let mut digest = Sha256::new();
    digest.update(type_id.to_le_bytes());
    digest.update((place as u64).to_le_bytes());
    absorb(&mut digest, [cell]);
    first_bits(digest)
}

fn first_bits(digest: Sha256) -> u64 {
    let hash: [u8; 32] = digest.finalize().into();
    hash.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Adds cells to a digest, so that they do not run together.
pub(super) fn absorb<'a>(digest: &mut Sha256, cells: impl IntoIterator<Item = &'a Cell>) {
    for cell in cells {
        let (tag, length) = match cell {
            Cell::Null => (0_u8, 0),
            Cell::Integer(_) => (1, 8),
            Cell::Real(_) => (2, 8),
            Cell::Text(text) => (3, text.len()),
            Cell::Blob(bytes) => (4, bytes.len()),
        };
        digest.update([tag]);
        digest.update((length as u64).to_le_bytes());
        match cell {
            Cell::Null => {}
            Cell::Integer(number) => digest.update(number.to_le_bytes()),
            Cell::Real(number) => digest.update(number.to_le_bytes()),
            Cell::Text(text) => digest.update(text),
            Cell::Blob(bytes) => digest.update(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    #[test]
    fn a_key_is_new_once_and_its_cells_do_not_run_together() {
        let mut keys = Keys::default();
        let (a, b, ab, empty) = (text("a"), text("b"), text("ab"), text(""));
        for key in [[&a, &b], [&ab, &empty], [&b, &a]] {
            assert!(keys.add(&key).unwrap());
            assert!(!keys.add(&key).unwrap());
        }
    }

    #[test]
    fn values_are_taken_given_up_and_held() {
        let mut foreseen = Foreseen::new(1, vec![2]);
        let planned = Foreseen::planned(7);
        foreseen.note(2, false, planned, &Cell::Null, &text("new")).unwrap();
        let stored = RecordId::from_bytes([9; 16]);
        foreseen.note(2, false, stored, &text("old"), &Cell::Null).unwrap();
        assert!(foreseen.is_taken(2, &text("new")) && !foreseen.is_taken(1, &text("new")));
        assert!(foreseen.is_freed(2, &text("old")));
        assert!(matches!(foreseen.holder(2, &text("new")), Holder::Is(id) if id == planned));
        assert!(matches!(foreseen.holder(2, &text("old")), Holder::Nobody));
        assert!(matches!(foreseen.holder(2, &text("x")), Holder::AsStored));
        assert!(
            Foreseen::is_planned(planned.as_bytes())
                && Foreseen::row_of(planned.as_bytes()) == Some(7)
        );
        assert!(!Foreseen::is_planned(stored.as_bytes()));
    }

    #[test]
    fn another_record_of_a_row_is_not_that_of_the_row() {
        let other = Foreseen::planned_other(7, 1);
        assert!(other != Foreseen::planned(7) && Foreseen::is_planned(other.as_bytes()));
        assert_eq!(Foreseen::row_of(other.as_bytes()), Some(7));
        let mut foreseen = Foreseen::new(1, Vec::new());
        foreseen.make(2, 0, &text("Acme"), other).unwrap();
        assert_eq!(foreseen.made(2, 0, &text("Acme")), Some(other));
        assert_eq!(foreseen.made(3, 0, &text("Acme")), None);
    }
}
