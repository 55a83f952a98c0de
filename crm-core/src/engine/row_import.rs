//! Rows of a table into records, in transactions of some thousand of them, whatever they are read of.
//!
//! The rows are judged and written by the same rules as every other record. The invariant: every row
//! is accounted for, as created, updated, unchanged or rejected, and memory does not grow with the
//! table.

use super::{
    Crm, Writing,
    imports::{Judged, Rows, carry_out},
    intake::{Intake, Tally},
};
use crate::{Flow, ImportReport, Outcome, Result, RowDecision, exchange::Problems, ops::Watch};

impl Crm {
    /// Writes rows, each as it is judged. `total` says how much there is of what progress counts.
    ///
    /// # Errors
    ///
    /// As [`Crm::take_in`](Self::take_in).
    pub(super) fn take_in_rows(
        &self,
        rows: Rows<'_>,
        total: Option<u64>,
        all_or_nothing: bool,
        watch: &mut Watch<'_>,
    ) -> Result<ImportReport> {
        let (problems, tally) = (Problems::default(), Tally::default());
        let mut import = Import { rows, problems, tally };
        self.take_in(&mut import, total, all_or_nothing, watch)?;
        let Import { rows, problems, tally, .. } = import;
        Ok(tally.report(problems.finish(rows.table.header())))
    }
}

/// An import under way.
struct Import<'r> {
    rows: Rows<'r>,
    problems: Problems,
    tally: Tally,
}

impl Intake for Import<'_> {
    fn prepare(&mut self) -> Result<()> {
        self.rows.fetch()
    }

    fn batch(&mut self, writing: &mut Writing<'_>) -> Result<bool> {
        let Self { rows, problems, tally } = self;
        let (tx, catalog) = (writing.tx, writing.catalog.clone());
        rows.batch(tx, &catalog, None, |table, schema, judged| {
            let Judged { number, decision, beside, faults } = judged;
            let outcome = match carry_out(writing, schema, decision, beside)? {
                RowDecision::Create => Some(Outcome::Created),
                RowDecision::Update => Some(Outcome::Updated),
                RowDecision::Unchanged => Some(Outcome::Unchanged),
                RowDecision::Conflict | RowDecision::Error => None,
            };
            tally.count(outcome);
            for (column, error) in faults {
                problems.add(table.header(), number, column, &error, outcome.is_none());
            }
            Ok(Flow::Continue)
        })
    }

    fn done(&self) -> u64 {
        self.rows.table.done()
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}
