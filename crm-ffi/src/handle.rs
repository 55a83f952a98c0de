//! The table behind the numbers that C holds.
//!
//! C cannot be kept from using a handle after closing it, closing it twice, or passing a number that
//! was never a handle. So a handle is no pointer but a slot of a table and the generation of that
//! slot, looked up in every call. The invariant: a handle that was taken out never becomes valid
//! again, for a slot is reused only under its next generation, and retired when those run out.
//!
//! It does not know what it keeps.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A number that stands for something open: the generation in the high half, the slot in the low
/// one. Generations begin at 1, so 0 is never a handle.
#[expect(non_camel_case_types, reason = "the name that C sees")]
pub type crm_handle = u64;

/// Keeps values under handles. Every method may be called from several threads.
pub(crate) struct Table<T> {
    slots: RwLock<Slots<T>>,
}

struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<Arc<T>>,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: RwLock::new(Slots { all: Vec::new(), free: Vec::new() }) }
    }

    /// Keeps `value`; `None` when there is no slot left.
    pub(crate) fn insert(&self, value: T) -> Option<crm_handle> {
        let value = Some(Arc::new(value));
        let mut slots = self.write();
        if let Some(index) = slots.free.pop()
            && let Some(slot) = slots.all.get_mut(index as usize)
        {
            slot.value = value;
            return Some(handle(index, slot.generation));
        }
        let index = u32::try_from(slots.all.len()).ok()?;
        slots.all.push(Slot { generation: 1, value });
        Some(handle(index, 1))
    }

    /// What `handle` stands for; it stays alive while it is used, even if the handle is taken out.
    pub(crate) fn get(&self, handle: crm_handle) -> Option<Arc<T>> {
        let (index, generation) = parts(handle);
        let slots = self.read();
        let slot = slots.all.get(index as usize)?;
        if slot.generation == generation { slot.value.clone() } else { None }
    }

    /// Ends `handle` and returns what it stood for; of several callers one gets it.
    pub(crate) fn remove(&self, handle: crm_handle) -> Option<Arc<T>> {
        let (index, generation) = parts(handle);
        let mut slots = self.write();
        let slot = slots.all.get_mut(index as usize)?;
        if slot.generation != generation {
            return None;
        }
        let value = slot.value.take()?;
        if let Some(next) = generation.checked_add(1) {
            slot.generation = next;
            slots.free.push(index);
        }
        Some(value)
    }

    // Nothing under these locks calls foreign code, so a poisoned table is still consistent.
    fn read(&self) -> RwLockReadGuard<'_, Slots<T>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots<T>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn handle(index: u32, generation: u32) -> crm_handle {
    u64::from(generation) << 32 | u64::from(index)
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves")]
fn parts(handle: crm_handle) -> (u32, u32) {
    (handle as u32, (handle >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn zero_and_invented_numbers_are_no_handles() {
        let table = Table::new();
        let real = table.insert("kept").unwrap();
        for invented in [0, 1, real + 1, real | 1 << 63, real & 0xFFFF_FFFF, u64::MAX] {
            assert!(table.get(invented).is_none(), "{invented:#x}");
            assert!(table.remove(invented).is_none(), "{invented:#x}");
        }
        assert_eq!(table.get(real).as_deref(), Some(&"kept"));
    }

    #[test]
    fn a_handle_is_taken_out_once_and_stays_stale_when_its_slot_is_reused() {
        let table = Table::new();
        let old = table.insert(1).unwrap();
        assert_eq!(table.remove(old).as_deref(), Some(&1));
        assert!(table.remove(old).is_none());
        let new = table.insert(2).unwrap();
        assert_eq!(parts(new).0, parts(old).0, "the slot is used again");
        assert_ne!(new, old);
        assert!(table.get(old).is_none());
        assert!(table.remove(old).is_none());
        assert_eq!(table.get(new).as_deref(), Some(&2));
    }

    #[test]
    fn what_is_in_use_outlives_its_handle() {
        let table = Table::new();
        let handle = table.insert(String::from("used")).unwrap();
        let used = table.get(handle).unwrap();
        drop(table.remove(handle));
        assert_eq!(*used, "used");
    }

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let table = Table::new();
        let first = table.insert(1).unwrap();
        table.write().all[0].generation = u32::MAX;
        let last = handle(parts(first).0, u32::MAX);
        assert!(table.remove(last).is_some());
        assert!(table.get(last).is_none());
        assert_ne!(parts(table.insert(2).unwrap()).0, parts(first).0);
    }

    #[test]
    fn of_several_threads_that_close_one_handle_one_succeeds() {
        let table = Table::new();
        for _ in 0..100 {
            let handle = table.insert(()).unwrap();
            let closed: usize = thread::scope(|scope| {
                let closers = [(); 8].map(|()| scope.spawn(|| table.remove(handle).is_some()));
                closers.into_iter().map(|c| usize::from(c.join().unwrap())).sum()
            });
            assert_eq!(closed, 1);
        }
    }
}
