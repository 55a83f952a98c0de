//! The proof that what is kept of scores is what asking all the facts anew gives.

use super::{
    Catalog, Crm,
    database::is_finding,
    scores::compute,
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
};
use crate::{
    RecordId, Result, ScoreState, Timestamp, VerifyReport,
    condition::Moment,
    scoring::Sheet,
    store::{
        Connection, records, score_points,
        scores::{self as rows, ScoreRow},
    },
};

impl Crm {
    /// Compares what is kept of every score with what is computed anew.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_scores(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        let now = self.now();
        self.verify_pages("scores", report, step, |conn, catalog, after, report| {
            if after.is_none() {
                verify_whole(conn, catalog, report)?;
            }
            verify_page(conn, catalog, after, now, report)
        })
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, catalog: &Catalog, report: &mut VerifyReport) -> Result<()> {
    let (stored, told) = rows::count_crossings(conn)?;
    if stored != told {
        let both = format!("the table has {stored} crossings, the journal has {told}");
        note(report, format!("scores: {both}"));
    }
    let (stored, told) = score_points::count_all(conn)?;
    if stored != told {
        let both = format!("the table has {stored} of them, the journal has {told}");
        note(report, format!("points that were added to scores: {both}"));
    }
    let differing = score_points::count_differing(conn)?;
    if differing > 0 {
        let many = format!("{differing} of them differ from the journal");
        note(report, format!("points that were added to scores: {many}"));
    }
    for stored in catalog.scores().filter(|stored| stored.model.is_filled) {
        let table = catalog.table(&stored.model.entity_type)?;
        let (kept, in_use) = rows::count(conn, table, stored.id, stored.model.version)?;
        if kept != in_use {
            let name = &stored.model.name;
            note(report, format!("score {name}: {kept} records are scored, {in_use} are in use"));
        }
    }
    Ok(())
}

/// Verifies a page and returns the last place, if a next page may follow.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    after: Option<(i64, RecordId)>,
    now: Timestamp,
    report: &mut VerifyReport,
) -> Result<Compared<(i64, RecordId)>> {
    let page = rows::page(conn, after, VERIFIED_AT_ONCE)?;
    let compared = page.len();
    let last = page.last().map(|row| (row.model, row.record));
    for row in page {
        let stored = catalog
            .scores()
            .find(|stored| (stored.id, stored.model.version) == (row.model, row.version));
        let finding = match stored {
            None => "its version does not exist".to_owned(),
            // By a version that was retired nobody scores any more.
            Some(stored) if stored.model.state != ScoreState::Published => continue,
            Some(stored) => match verify_row(conn, catalog, &stored.model.name, &row, now) {
                Ok(None) => continue,
                Ok(Some(finding)) => finding.to_owned(),
                Err(error) if is_finding(error.kind()) => error.message().to_owned(),
                Err(error) => return Err(error),
            },
        };
        let name = stored.map_or("unknown", |stored| &stored.model.name);
        note(report, format!("score {name}, record {}: {finding}", row.record));
    }
    Ok(Compared::new(compared, last))
}

/// What is wrong with what is kept of a record. It is compared with the present, not with the moment
/// for which it was kept: activities that were told since belong to that moment too. What is due by
/// now waits for a tick.
fn verify_row(
    conn: &Connection,
    catalog: &Catalog,
    name: &str,
    row: &ScoreRow,
    now: Timestamp,
) -> Result<Option<&'static str>> {
    let (programs, program) = catalog.score_program(name)?;
    let table = catalog.table(&program.stored.model.entity_type)?;
    let record = records::get(conn, table, row.record)?;
    let Some(record) = record.filter(|record| record.archived_at.is_none()) else {
        return Ok(Some("it is scored, and is not in use"));
    };
    let kept = Sheet::from_bytes(&row.sheet)?;
    let as_of = row.as_of.micros();
    let now = now.max(row.as_of);
    let is_same = if row.until.is_some_and(|until| until <= now) {
        true
    } else {
        let moment = Moment::new(now, "UTC")?;
        let computed = compute(conn, catalog, (programs, program), record, &moment)?;
        kept.score(now.micros()) == computed.sheet.score(now.micros())
    };
    let is_covered = row.rank.covers(kept.rank(as_of));
    let threshold = program.threshold(kept.score(as_of));
    Ok(match (is_same, is_covered, threshold == row.threshold.as_deref()) {
        (false, ..) => Some("what is kept differs from what is computed anew"),
        (_, false, _) => Some("its place in the ranking lies below its score"),
        (.., false) => Some("its threshold is not that of its score"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{
        ActivityPreset, AddScorePoints, Crm, DefineScore, Flow, NewActivity, OpenOptions,
        RecordRef, Replay, ScoreFade, ScoreGroup, ScoreLevel, ScoreRule, values,
    };

    /// A file with somebody whose points fade, above a threshold, and somebody whose points stay.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        crm.activity_kinds().define_preset(ActivityPreset::WebVisit).unwrap();
        let visits = ScoreRule::activity("visits", "web_visit", 10);
        let country = ScoreRule::when("country", "country = \"DE\"".parse().unwrap(), 20);
        let groups = [
            ScoreGroup::new("engagement", [visits]).fading(ScoreFade::half_life("P30D")),
            ScoreGroup::new("fit", [country]),
        ];
        let mut lead = DefineScore::new("lead", "contact", groups);
        lead.thresholds = vec![ScoreLevel::new("warm", 5)];
        crm.scores().define(lead).unwrap();
        crm.scores().publish("lead").unwrap();
        let ann = crm.contacts().create(values! {}).unwrap().id;
        let visit = NewActivity::of("web_visit", RecordRef::new("contact", ann), crm.now());
        crm.activities().record(visit).unwrap();
        let bob = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
        let points = AddScorePoints::new("lead", bob, 7).part_of("fit");
        crm.scores().add_points(&points).unwrap();
        crm.scores().rescore("lead").unwrap();
        crm
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let tamperings = [
            // Whoever is looked for by their place in a ranking is looked for too far down.
            "UPDATE crm_score SET fixed = fixed - 1000 WHERE fading < 0",
            "UPDATE crm_score SET fading = fading - 1 WHERE fading > 0",
            "UPDATE crm_score SET threshold = NULL",
            "UPDATE crm_score SET sheet = (SELECT max(sheet) FROM crm_score)",
            "UPDATE crm_score SET version = 2",
            "DELETE FROM crm_score WHERE fading > 0",
            "DELETE FROM crm_score_crossing WHERE score < 15000",
            "UPDATE crm_score_points SET points = 8",
            "UPDATE crm_score_points SET at = at + 1",
            "UPDATE crm_score_points SET group_name = 'engagement'",
            "DELETE FROM crm_score_points",
        ];
        assert_found(filled, &tamperings);
        // A bound that is greater than need be leaves nobody out.
        let crm = filled();
        let wider = "UPDATE crm_score SET fixed = fixed + 1000";
        crm.write(|writing| Ok(writing.tx.execute_batch(wider)?)).unwrap();
        assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
    }

    /// What a score looks at was replaced by a clock that was ahead: what was kept before holds no longer.
    #[test]
    fn what_was_outdated_is_no_finding_when_the_clock_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let open = |start: &str| {
            let replay = Some(Replay { start: start.parse().unwrap(), step_micros: 1_000_000 });
            let options = OpenOptions { replay, ..OpenOptions::default() };
            Crm::open_with(folder.path().join("a.crm"), options).unwrap()
        };
        let define = |crm: &Crm, name: &str, condition: &str| {
            let rule = ScoreRule::when("rule", condition.parse().unwrap(), 20);
            let group = ScoreGroup::new("fit", [rule]);
            crm.scores().define(DefineScore::new(name, "contact", [group])).unwrap();
            crm.scores().publish(name).unwrap();
        };
        let crm = open("2026-01-01T00:00:00Z");
        define(&crm, "fit", "country = \"DE\"");
        define(&crm, "lead", "score(\"fit\" >= 5)");
        crm.contacts().create(values! { "country" => "DE" }).unwrap();
        for name in ["fit", "lead"] {
            crm.scores().rescore(name).unwrap();
        }
        crm.set_clock("2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
        define(&crm, "fit", "country = \"FR\"");
        crm.close().unwrap();
        let crm = open("2026-02-01T00:00:00Z");
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}
