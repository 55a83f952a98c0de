//! Scoring every record at once: what is left to do when a version was published.

use std::sync::Arc;

use super::{
    super::{Writing, progress::Reports},
    Scores,
    batch::Batch,
    facts::Computed,
    live::{Known, keep, update},
};
use crate::{
    Flow, Progress, RecordId, RescoreReport, Result,
    condition::{Moment, due},
    ops::Watch,
    scoring::{ColumnProgram, ScoreProgram, ScorePrograms, StoredModel},
    store::{
        scores::{self as rows, Pages},
        timers::{self, Room},
    },
};

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
                let catalog = Arc::clone(&writing.catalog);
                let (programs, program) = catalog.score_program(model)?;
                let page = page(writing, programs, program, after)?;
                report.records += page.records;
                report.changed += page.changed;
                if page.last.is_none() && !program.stored.model.is_filled {
                    let mut stored = StoredModel::clone(&program.stored);
                    stored.model.is_filled = true;
                    rows::set_filled(writing.tx, stored.id, stored.model.version)?;
                    writing.set_score(stored);
                }
                Ok(page.last)
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

/// What was done in one transaction.
#[derive(Debug, Default)]
struct Page {
    records: u64,
    changed: u64,
    /// The last record, if more may follow.
    last: Option<RecordId>,
}

/// Scores the records after one: from columns, as far as that is enough.
fn page(
    writing: &mut Writing<'_>,
    programs: &ScorePrograms,
    program: &ScoreProgram,
    after: Option<RecordId>,
) -> Result<Page> {
    let Some(by_columns) = ColumnProgram::new(program) else {
        return one_by_one(writing, programs, program, after);
    };
    let catalog = Arc::clone(&writing.catalog);
    let moment = Moment::new(writing.now, "UTC")?;
    let mut batch = Batch::new(&catalog, program, &by_columns);
    let mut pages = Pages::Sorted(after.unwrap_or(RecordId::from_bytes([0; 16])));
    let has_more = batch.read(writing.tx, &catalog, (&mut pages, RESCORED_AT_ONCE), &moment)?;
    let mut page = Page { records: batch.sorted.len() as u64, ..Page::default() };
    let (Some(first), Some(last)) = (batch.sorted.first(), batch.sorted.last()) else {
        return Ok(page);
    };
    let model = program.stored.id;
    let mut kept = rows::between(writing.tx, model, (*first, *last))?.into_iter().peekable();
    let known = Known {
        is_written: false,
        has_timers: timers::any(writing.tx, Room::Score)?,
        has_crossings: rows::any_crossing(writing.tx, model)?,
    };
    rows::set_latest(writing.tx, model, writing.now)?;
    let mut is_read = true;
    for place in 0..batch.sorted.len() {
        let id = batch.sorted[place];
        let is_changed = if is_read {
            let file = (&**writing.tx, &*catalog);
            let Computed { sheet, until } =
                batch.computed(file, programs, place, (&moment, due))?;
            while kept.next_if(|row| row.record < id).is_some() {}
            let old = kept.next_if(|row| row.record == id);
            let (is_changed, is_quiet) = keep(writing, program, (id, old), (&sheet, until), known)?;
            // What followed may have changed the records that were read.
            is_read = is_quiet;
            is_changed
        } else {
            update(writing, programs, program, id, false)?
        };
        page.changed += u64::from(is_changed);
    }
    page.last = batch.sorted.last().copied().filter(|_| has_more);
    Ok(page)
}

/// Scores anew all records whose scores look at stages of a lifecycle: what these are called, or how
/// they are ordered, has changed.
pub(in crate::engine) fn refill_stages(writing: &mut Writing<'_>, lifecycle: i64) -> Result<()> {
    let Some(programs) = writing.catalog.score_programs()?.cloned() else { return Ok(()) };
    for program in &programs.all {
        let mut places = program.reach.places.iter();
        if places.any(|place| place.reads.stages.contains(&lifecycle)) {
            let mut after = None;
            loop {
                after = one_by_one(writing, &programs, program, after)?.last;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn one_by_one(
    writing: &mut Writing<'_>,
    programs: &ScorePrograms,
    program: &ScoreProgram,
    after: Option<RecordId>,
) -> Result<Page> {
    let catalog = Arc::clone(&writing.catalog);
    let table = catalog.table(&program.stored.model.entity_type)?;
    let ids = rows::records(writing.tx, table, after, RESCORED_AT_ONCE)?;
    let mut page = Page { records: ids.len() as u64, ..Page::default() };
    for id in &ids {
        page.changed += u64::from(update(writing, programs, program, *id, false)?);
    }
    page.last = ids.last().copied().filter(|_| ids.len() == RESCORED_AT_ONCE as usize);
    Ok(page)
}
