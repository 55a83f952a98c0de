//! Imports as a long operation, whatever they read: transactions, progress, cancelling, all or nothing.
//!
//! The invariant: what is read is accounted for once, as created, updated, unchanged or rejected, and
//! either whole transactions are kept or nothing.

use super::{Crm, Writing, progress::Reports};
use crate::{
    CellProblem, Error, ErrorKind, Flow, ImportReport, Outcome, ProblemCount, Progress, Result,
    ops::Watch,
};

/// What an import has done so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    is_cancelled: bool,
    is_undone: bool,
}

impl Tally {
    /// Counts one more; `None` was rejected.
    pub(super) fn count(&mut self, outcome: Option<Outcome>) {
        self.rows += 1;
        *match outcome {
            Some(Outcome::Created) => &mut self.created,
            Some(Outcome::Updated) => &mut self.updated,
            Some(_) => &mut self.unchanged,
            None => &mut self.rejected,
        } += 1;
    }

    /// The report of the whole import.
    pub(super) fn report(
        &self,
        (problems, problem_counts): (Vec<CellProblem>, Vec<ProblemCount>),
    ) -> ImportReport {
        let kept = |count: u64| if self.is_undone { 0 } else { count };
        ImportReport {
            rows: self.rows,
            created: kept(self.created),
            updated: kept(self.updated),
            unchanged: kept(self.unchanged),
            rejected: self.rejected,
            problems,
            problem_counts,
            is_cancelled: self.is_cancelled,
            is_committed: !self.is_undone,
        }
    }
}

/// An import under way.
pub(super) trait Intake {
    /// Gets ready what the next batch needs, outside of its transaction.
    ///
    /// # Errors
    ///
    /// Those of the source.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes in what one transaction may hold, and says whether the source has ended.
    ///
    /// # Errors
    ///
    /// Those that concern more than one record.
    fn batch(&mut self, writing: &mut Writing<'_>) -> Result<bool>;

    /// How far the source has been read, in what progress counts.
    fn done(&self) -> u64;

    /// What was done so far.
    fn tally(&mut self) -> &mut Tally;
}

impl Crm {
    /// Carries an import out to its end, or until `watch` cancels it. `total` says how much
    /// there is of what progress counts, where that is known.
    ///
    /// # Errors
    ///
    /// Those of [`Intake::batch`]; `Interrupted` by [`Crm::interrupt`].
    pub(super) fn take_in(
        &self,
        intake: &mut impl Intake,
        total: Option<u64>,
        all_or_nothing: bool,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut goes_on = |done: u64, is_finished: bool| -> Result<bool> {
            let flow = reports.step(Progress { done, total }, is_finished);
            self.shared.store.check_interrupted(mark)?;
            Ok(flow == Flow::Continue)
        };
        if all_or_nothing {
            return self.take_in_whole(intake, &mut goes_on);
        }
        let mut is_finished = false;
        while !is_finished && !intake.tally().is_cancelled {
            intake.prepare()?;
            is_finished = self.write(|writing| writing.batch(|writing| intake.batch(writing)))?;
            match goes_on(intake.done(), is_finished) {
                // All is committed: there is nothing left to stop.
                _ if is_finished => {}
                goes_on => intake.tally().is_cancelled = !goes_on?,
            }
        }
        Ok(())
    }

    /// All in one transaction, which is undone if something is rejected or the caller cancels.
    fn take_in_whole(
        &self,
        intake: &mut impl Intake,
        goes_on: &mut impl FnMut(u64, bool) -> Result<bool>,
    ) -> Result<()> {
        let written = self.write(|writing| {
            let mut is_finished = false;
            while !is_finished {
                intake.prepare()?;
                is_finished = writing.batch(|writing| intake.batch(writing))?;
                // The last time too: a caller who says stop then gets nothing, as promised.
                if !goes_on(intake.done(), is_finished)? {
                    intake.tally().is_cancelled = true;
                    break;
                }
            }
            let tally = intake.tally();
            match tally.is_cancelled || tally.rejected > 0 {
                true => {
                    tally.is_undone = true;
                    Err(Error::new(ErrorKind::Interrupted, "the import is undone"))
                }
                false => Ok(()),
            }
        });
        if intake.tally().is_undone { Ok(()) } else { written }
    }
}
