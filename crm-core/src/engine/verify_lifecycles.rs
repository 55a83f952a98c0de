//! The proof that the tables of where records stand are what the journal says.

use super::{
    Catalog, Crm,
    database::is_finding,
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
};
use crate::{
    ChangeKind, RecordId, Result, VerifyReport,
    lifecycle::{EntryBody, RemapBody, StageBody, StandingRow, VisitRow},
    store::{Connection, journal, lifecycles as rows},
};

impl Crm {
    /// Compares where every record stands, and stood, with the journal; `step` hears of each page.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_lifecycles(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages("stages", report, step, |conn, catalog, after, report| {
            if after.is_none() {
                verify_whole(conn, report)?;
            }
            verify_page(conn, catalog, after, report)
        })
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, report: &mut VerifyReport) -> Result<()> {
    let (stored, told, strays) = rows::count(conn)?;
    if stored != told {
        report.problems.push(format!(
            "stages: the table has {stored} records that stand somewhere, the journal has {told}"
        ));
    }
    if strays > 0 {
        report.problems.push(format!("stages: {strays} stays belong to no such record"));
    }
    Ok(())
}

/// Compares a page with the journal.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    after: Option<(i64, RecordId)>,
    report: &mut VerifyReport,
) -> Result<Compared<(i64, RecordId)>> {
    let page = rows::page(conn, after, VERIFIED_AT_ONCE)?;
    let last = page.last().map(|row| (row.lifecycle, row.record));
    let compared = Compared::new(page.len(), last);
    for row in page {
        let name = catalog.lifecycles().find(|model| model.id == row.lifecycle);
        let name = name.map_or("unknown", |model| model.name());
        let visits = rows::visits(conn, row.lifecycle, row.record, (i64::MIN, i64::MAX))?;
        let visits: Vec<VisitRow> = visits.into_iter().map(|(visit, _)| visit).collect();
        let finding = match rebuild(conn, &row, &visits, name) {
            Ok(Some(rebuilt)) if rebuilt == (row.clone(), visits) => continue,
            Ok(_) => "the table differs from the journal".to_owned(),
            Err(error) if is_finding(error.kind()) => error.message().to_owned(),
            Err(error) => return Err(error),
        };
        note(report, format!("lifecycle {name}, record {}: {finding}", row.record));
    }
    Ok(compared)
}

/// Where a record stands and stood as its changes make it; `None` if they are another one's.
fn rebuild(
    conn: &Connection,
    stored: &StandingRow,
    stays: &[VisitRow],
    name: &str,
) -> Result<Option<(StandingRow, Vec<VisitRow>)>> {
    let mut row = StandingRow::new(stored.lifecycle, stored.record, stored.id);
    let (mut visits, mut is_own): (Vec<VisitRow>, bool) = (Vec::new(), true);
    journal::of_record(conn, stored.id, 0, |change| {
        if change.is_erased {
            // Nobody can tell any more what it said.
            (row, visits, is_own) = (stored.clone(), stays.to_vec(), true);
            return Ok(false);
        }
        let (lifecycle, id) = match change.kind {
            ChangeKind::StageMoved | ChangeKind::StageReset => {
                let body: StageBody<EntryBody> = StageBody::read(&change.body)?;
                if let Some(last) = visits.last_mut() {
                    last.exited_at = Some(body.change.at);
                }
                visits.extend(row.enter(&body.change, change.seq));
                (body.lifecycle, body.id)
            }
            ChangeKind::StageRemapped => {
                let body: StageBody<RemapBody> = StageBody::read(&change.body)?;
                row.remap(&body.change.map);
                for visit in &mut visits {
                    if let Some(becomes) = body.change.map.get(&visit.stage) {
                        visit.stage.clone_from(becomes);
                    }
                }
                (body.lifecycle, body.id)
            }
            _ => return Ok(true),
        };
        is_own &= lifecycle == name && id == stored.record;
        Ok(true)
    })?;
    Ok(is_own.then_some((row, visits)))
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{
        Crm, DefineLifecycle, Flow, LifecyclePreset, MoveStage, ResetStage, StageMapping, values,
    };

    /// A file with a deal that was won back, one that nobody moved, and a stage that was renamed.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        let lifecycles = crm.lifecycles();
        lifecycles.define_preset(LifecyclePreset::Deal).unwrap();
        let deal = crm.deals().create(values! { "name" => "A" }).unwrap().id;
        crm.deals().create(values! { "name" => "B" }).unwrap();
        lifecycles.move_to(MoveStage::new("deal", deal, "negotiation")).unwrap();
        lifecycles.reset(ResetStage::new("deal", deal, "proposal", "too early")).unwrap();
        lifecycles.move_to(MoveStage::new("deal", deal, "lost").because("price")).unwrap();
        lifecycles.move_to(MoveStage::new("deal", deal, "qualification")).unwrap();
        let mut renamed = LifecyclePreset::Deal.definition();
        renamed.stages[2].name = "offer".into();
        renamed.map = vec![StageMapping { stage: "proposal".into(), becomes: "offer".into() }];
        assert_eq!(lifecycles.define(renamed).unwrap().remapped[0].records, 1);
        let nothing = DefineLifecycle { dry_run: true, ..LifecyclePreset::Contact.definition() };
        assert!(!lifecycles.define(nothing).unwrap().is_saved);
        crm
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!((report.problems, report.records), (Vec::new(), 2));
        let tamperings = [
            "UPDATE crm_stage SET stage = 'won'",
            "UPDATE crm_stage SET reached = 'won' WHERE cycle = 2",
            "UPDATE crm_stage SET last = NULL",
            "UPDATE crm_stage SET cycle = 3 WHERE cycle = 2",
            "UPDATE crm_stage SET entered_at = entered_at + 1",
            "UPDATE crm_stage SET id = record_id",
            "UPDATE crm_stage SET seq = seq + 1 WHERE cycle = 2",
            "DELETE FROM crm_stage WHERE cycle = 2",
            "DELETE FROM crm_stage_visit WHERE number = 2",
            "UPDATE crm_stage_visit SET stage = 'proposal' WHERE stage = 'offer'",
            "UPDATE crm_stage_visit SET exited_at = exited_at + 1",
            "UPDATE crm_stage_visit SET exited_at = 1 WHERE exited_at IS NULL",
            "UPDATE crm_stage_visit SET cause = 'manual' WHERE cause = 'reset'",
            "UPDATE crm_stage_visit SET reason = 'other' WHERE reason IS NOT NULL",
            "UPDATE crm_stage_visit SET number = 99 WHERE number = 2",
            "INSERT INTO crm_stage_visit SELECT lifecycle, record_id, 99, stage, cycle, entered_at, \
             exited_at, cause, reason, activity, related_type, related, seq FROM crm_stage_visit WHERE number = 1",
        ];
        assert_found(filled, &tamperings);
    }
}
