//! Going through the file page by page, to compare it with the journal.
//!
//! Each room says what is on a page and what it should be. The invariant: a page is read in one state
//! of the file with the schema of that state, and damage is a finding and ends nothing but its table.

use super::{
    Catalog, Crm,
    database::{FINDINGS, is_finding},
};
use crate::{Result, VerifyReport, store::Connection};

/// What is verified in one go, from one state of the file.
pub(super) const VERIFIED_AT_ONCE: u32 = 1000;

/// A page that was compared.
pub(super) struct Compared<P> {
    /// How much was on it.
    count: usize,
    /// Its last place, if a next page may follow.
    next: Option<P>,
}

impl<P> Compared<P> {
    /// A page of so much, with its last place.
    pub(super) fn new(count: usize, last: Option<P>) -> Self {
        Self::of_page(count, last, VERIFIED_AT_ONCE)
    }

    /// A page that is followed by what comes after a place, however much was on it.
    pub(super) fn before(count: usize, place: P) -> Self {
        Self { count, next: Some(place) }
    }

    /// The same as [`new`](Self::new) of a page on which there is less room.
    pub(super) fn of_page(count: usize, last: Option<P>, limit: u32) -> Self {
        let is_full = count == limit as usize;
        Self { count, next: last.filter(|_| is_full) }
    }
}

/// What hears of every step, by how much was compared, and may end the whole.
pub(super) type Step<'s> = dyn FnMut(usize) -> Result<()> + 's;

impl Crm {
    /// Has `compare` compare every page of a table, of which the first comes after no place.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_pages<P>(
        &self,
        name: &str,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
        mut compare: impl FnMut(
            &Connection,
            &Catalog,
            Option<P>,
            &mut VerifyReport,
        ) -> Result<Compared<P>>,
    ) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.shared.store.read_snapshot(|conn| {
                // The schema of the same state: others may change it between two pages.
                compare(conn, &Catalog::load(conn)?, after.take(), report)
            });
            let Compared { count, next } = match page {
                Err(error) if is_finding(error.kind()) => {
                    report.problems.push(format!("{name}: {}", error.message()));
                    Compared { count: 0, next: None }
                }
                page => page?,
            };
            step(count)?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}

/// Adds what was found, unless there is enough of it.
pub(super) fn note(report: &mut VerifyReport, finding: String) {
    if report.problems.len() < FINDINGS {
        report.problems.push(finding);
    }
}

/// Asserts that each change of a file past the engine is found, where `filled` makes a sound one.
#[cfg(test)]
pub(super) fn assert_found(filled: impl Fn() -> Crm, tamperings: &[&str]) {
    for tampering in tamperings {
        let crm = filled();
        crm.write(|writing| Ok(writing.tx.execute_batch(tampering)?)).unwrap();
        let report = crm.verify(&mut |_| crate::Flow::Continue).unwrap();
        assert!(!report.is_ok, "{tampering}");
    }
}
