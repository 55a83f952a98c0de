//! Records with the same key, where a key stands for one thing: an e-mail address, a name.
//!
//! Keys are compared in their normal form, texts without case, spaces and punctuation, by a hash of
//! 64 bits: among a million keys two different ones share one with a probability of 3 × 10⁻⁸. A
//! type may have more keys than fit into memory; then a pass takes only those of one part. The
//! invariant: whatever the number of parts, all passes together find the same records, and memory
//! is bounded.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::Tally;
use crate::{Kind, RecordId, cell::Cell, normal::name::significant, schema::AttributeModel};

/// The hash of a record's key; `None` if it has none.
pub(super) fn key(attribute: &AttributeModel, cells: &[Cell]) -> Option<u64> {
    let Some(Cell::Text(text)) = cells.first() else { return None };
    let folded: String = match attribute.definition.kind {
        Kind::Text => significant(text).collect(),
        // The part before the @ may tell capitals apart, and nobody does.
        Kind::Email => text.to_lowercase(),
        _ => text.clone(),
    };
    if folded.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    folded.hash(&mut hasher);
    Some(hasher.finish())
}

/// One pass over the keys of an attribute.
#[derive(Debug)]
pub(super) struct Pass {
    part: u64,
    parts: u64,
    /// The first record of each key, and whether it is among the examples.
    seen: HashMap<u64, (RecordId, bool)>,
}

impl Pass {
    pub(super) fn new(part: u64, parts: u64) -> Self {
        Self { part, parts, seen: HashMap::new() }
    }

    /// Counts a record if an earlier one has its key; the earlier one is an example as well.
    pub(super) fn add(&mut self, id: RecordId, key: u64, repeated: &mut Tally, examples: usize) {
        if key % self.parts != self.part {
            return;
        }
        let Some((first, is_shown)) = self.seen.get_mut(&key) else {
            self.seen.insert(key, (id, false));
            return;
        };
        if !*is_shown && repeated.examples.len() < examples {
            repeated.examples.push(*first);
            *is_shown = true;
        }
        repeated.add(id, examples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_together_find_what_one_pass_does() {
        let id = |number: u8| RecordId::from_bytes([number; 16]);
        let keys: Vec<_> = (0..200_u8).map(|n| (id(n), u64::from(n % 150) * 7919)).collect();
        let count = |parts| {
            let mut repeated = Tally::default();
            for part in 0..parts {
                let mut pass = Pass::new(part, parts);
                keys.iter().for_each(|(id, key)| pass.add(*id, *key, &mut repeated, 4));
            }
            repeated
        };
        let whole = count(1);
        assert_eq!((whole.count, whole.examples), (50, [0, 150, 1, 151].map(id).to_vec()));
        assert_eq!(count(7).count, 50);
    }
}
