//! The proof that what is kept of scores is what asking all the facts anew gives.

use super::{
    Catalog, Crm,
    database::{FINDINGS, is_finding},
    scores::compute,
};
use crate::{
    Progress, RecordId, Result, ScoreState, VerifyReport,
    condition::Moment,
    scoring::Sheet,
    store::{
        Connection, records,
        scores::{self as rows, ScoreRow},
    },
};

/// Records that are verified in one go, from one state of the file.
const VERIFIED_AT_ONCE: u32 = 500;

impl Crm {
    /// Compares what is kept of every score with what is computed anew; `goes_on` hears of each step.
    ///
    /// # Errors
    ///
    /// What `goes_on` answers. What is found is no error but stands in the report.
    pub(super) fn verify_scores(
        &self,
        report: &mut VerifyReport,
        mut goes_on: impl FnMut(Progress, bool) -> Result<()>,
    ) -> Result<()> {
        let before = report.records + report.activities + report.associations;
        let (mut after, mut done) = (None, 0);
        loop {
            let is_first = after.is_none();
            let page = self.shared.store.read_snapshot(|conn| {
                let catalog = Catalog::load(conn)?;
                if is_first {
                    verify_whole(conn, &catalog, report)?;
                }
                verify_page(conn, &catalog, after, report, &mut done)
            });
            after = match page {
                Err(error) if is_finding(error.kind()) => {
                    report.problems.push(format!("scores: {}", error.message()));
                    None
                }
                page => page?,
            };
            goes_on(Progress { done: before + done, total: None }, after.is_none())?;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, catalog: &Catalog, report: &mut VerifyReport) -> Result<()> {
    let (stored, told) = rows::count_crossings(conn)?;
    if stored != told {
        report
            .problems
            .push(format!("scores: the table has {stored} crossings, the journal has {told}"));
    }
    for stored in catalog.scores().filter(|stored| stored.model.is_filled) {
        let table = catalog.table(&stored.model.entity_type)?;
        let (kept, in_use) = rows::count(conn, table, stored.id, stored.model.version)?;
        if kept != in_use {
            let name = &stored.model.name;
            report
                .problems
                .push(format!("score {name}: {kept} records are scored, {in_use} are in use"));
        }
    }
    Ok(())
}

/// Verifies a page and returns the last place, if a next page may follow.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    after: Option<(i64, RecordId)>,
    report: &mut VerifyReport,
    done: &mut u64,
) -> Result<Option<(i64, RecordId)>> {
    let page = rows::page(conn, after, VERIFIED_AT_ONCE)?;
    let is_full = page.len() == VERIFIED_AT_ONCE as usize;
    let last = page.last().map(|row| (row.model, row.record));
    for row in page {
        *done += 1;
        let stored = catalog
            .scores()
            .find(|stored| (stored.id, stored.model.version) == (row.model, row.version));
        let finding = match stored {
            None => "its version does not exist".to_owned(),
            // By a version that was retired nobody scores any more.
            Some(stored) if stored.model.state != ScoreState::Published => continue,
            Some(stored) => match verify_row(conn, catalog, &stored.model.name, &row) {
                Ok(None) => continue,
                Ok(Some(finding)) => finding.to_owned(),
                Err(error) if is_finding(error.kind()) => error.message().to_owned(),
                Err(error) => return Err(error),
            },
        };
        if report.problems.len() < FINDINGS {
            let name = stored.map_or("unknown", |stored| &stored.model.name);
            report.problems.push(format!("score {name}, record {}: {finding}", row.record));
        }
    }
    Ok(last.filter(|_| is_full))
}

/// What is wrong with what is kept of a record.
fn verify_row(
    conn: &Connection,
    catalog: &Catalog,
    name: &str,
    row: &ScoreRow,
) -> Result<Option<&'static str>> {
    let (programs, program) = catalog.score_program(name)?;
    let table = catalog.table(&program.stored.model.entity_type)?;
    let record = records::get(conn, table, row.record)?;
    let Some(record) = record.filter(|record| record.archived_at.is_none()) else {
        return Ok(Some("it is scored, and is not in use"));
    };
    let kept = Sheet::from_bytes(&row.sheet)?;
    let as_of = row.as_of.micros();
    let computed =
        compute(conn, catalog, (programs, program), record, &Moment::new(row.as_of, "UTC")?)?;
    let is_same_rank = row.rank == kept.rank(as_of);
    let threshold = program.threshold(kept.score(as_of));
    let is_same = kept == computed.sheet && row.until == computed.until;
    Ok(match (is_same, is_same_rank, threshold == row.threshold.as_deref()) {
        (false, ..) => Some("what is kept differs from what is computed anew"),
        (_, false, _) => Some("its place in the ranking is not that of its score"),
        (.., false) => Some("its threshold is not that of its score"),
        _ => None,
    })
}
