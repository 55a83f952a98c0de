//! Scoring every record at once: what is left to do when a version was published.

use super::{super::progress::Reports, Scores, live::update};
use crate::{Flow, Progress, RecordId, RescoreReport, Result, ops::Watch, store::scores as rows};

/// Records that are scored in one transaction.
const RESCORED_AT_ONCE: u32 = 2000;

impl Scores<'_> {
    /// Scores every record in use anew, records which thresholds they cross by that, and marks the
    /// score as filled, so that a ranking is quick. What is live already stays as it is, to the bit.
    ///
    /// It goes through the records in transactions of a few thousand, in constant memory. When it is
    /// cancelled, what was done is kept; begin again to complete it.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, or none of its versions is published; `LimitExceeded` as
    /// for [`Crm::evaluate_condition`](crate::Crm::evaluate_condition).
    pub fn rescore(&self, model: &str) -> Result<RescoreReport> {
        self.rescore_watched(model, &mut |_| Flow::Continue)
    }

    /// As [`Scores::rescore`]; `watch` is told how many records are done and says whether to go on.
    ///
    /// # Errors
    ///
    /// As [`Scores::rescore`].
    pub fn rescore_watched(&self, model: &str, watch: &mut Watch<'_>) -> Result<RescoreReport> {
        let mut report = RescoreReport::default();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        let mut after: Option<RecordId> = None;
        loop {
            let last = self.crm.write(|writing| {
                let catalog = std::sync::Arc::clone(&writing.catalog);
                let (programs, program) = catalog.score_program(model)?;
                let table = catalog.table(&program.stored.model.entity_type)?;
                let page = rows::records(writing.tx, table, after, RESCORED_AT_ONCE)?;
                for id in &page {
                    report.changed += u64::from(update(writing, programs, program, *id, false)?);
                }
                report.records += page.len() as u64;
                if page.len() < RESCORED_AT_ONCE as usize {
                    let mut stored = crate::scoring::StoredModel::clone(&program.stored);
                    if !stored.model.is_filled {
                        stored.model.is_filled = true;
                        rows::set_filled(writing.tx, stored.id, stored.model.version)?;
                        writing.set_score(stored);
                    }
                    return Ok(None);
                }
                Ok(page.last().copied())
            })?;
            report.is_complete = last.is_none();
            let progress = Progress { done: report.records, total: None };
            let flow = reports.step(progress, last.is_none());
            if last.is_none() || matches!(flow, Flow::Cancel) {
                return Ok(report);
            }
            after = last;
        }
    }
}
