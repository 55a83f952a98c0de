//! The proof that the members of segments are what the journal says, and those of live ones what
//! their conditions ask for.

use super::{
    Catalog, Crm,
    database::FINDINGS,
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
};
use crate::{
    ChangeKind, Result, ScoreState, VerifyReport,
    condition::{Moment, Reach},
    segment::MemberBody,
    store::{
        Connection, condition as sql, scores,
        segments::{self as rows, ChangePlace, ChangeRow},
    },
};

impl Crm {
    /// Compares when members came and went with the journal, who is one with that, and the members of
    /// live segments with their conditions; `step` hears of each page.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_segments(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages("segments", report, step, |conn, catalog, after, report| {
            if after.is_none() {
                verify_whole(conn, report)?;
                self.verify_conditions(conn, catalog, report)?;
            }
            verify_page(conn, catalog, after, report)
        })
    }

    /// Compares the members of live segments with their conditions.
    fn verify_conditions(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let now = self.now();
        let programs = catalog.segment_programs()?;
        for program in programs.iter().flat_map(|programs| &programs.all) {
            let (Some(checked), Some(reach)) = (&program.checked, &program.reach) else { continue };
            if waits_for_rescore(conn, catalog, reach)? {
                continue;
            }
            let table = catalog.table(&checked.entity_type)?;
            let wanted = sql::compile(checked, &Moment::new(now, &program.model.segment.zone)?);
            let most = u32::try_from(FINDINGS.saturating_sub(report.problems.len()));
            let (id, most) = (program.model.id, most.unwrap_or(u32::MAX));
            for record in rows::differing(conn, table, id, &wanted, now, most)? {
                let name = program.model.name();
                report.problems.push(format!(
                    "segment {name}, record {record}: the condition gives another answer"
                ));
            }
        }
        Ok(())
    }
}

/// Whether a score that is asked for has a new version by which not every record was scored yet: until
/// then members are those of the version before.
fn waits_for_rescore(conn: &Connection, catalog: &Catalog, reach: &Reach) -> Result<bool> {
    let asked = |id| reach.places.iter().any(|place| place.reads.scores.contains(&id));
    let mut waits = false;
    for stored in catalog.scores().filter(|stored| asked(stored.id)) {
        waits |= stored.model.state == ScoreState::Published
            && scores::has_older(conn, stored.id, stored.model.version)?;
    }
    Ok(waits)
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, report: &mut VerifyReport) -> Result<()> {
    let (stored, told, strays) = rows::count_all(conn)?;
    if stored != told {
        let both = format!("{stored} times at which members came or went, the journal has {told}");
        note(report, format!("segments: the table has {both}"));
    }
    if strays > 0 {
        note(report, format!("segments: {strays} members differ from when they came and went"));
    }
    Ok(())
}

/// Compares a page with the journal.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    after: Option<ChangePlace>,
    report: &mut VerifyReport,
) -> Result<Compared<ChangePlace>> {
    let page = rows::change_page(conn, after, VERIFIED_AT_ONCE)?;
    let last = page.last().map(|row| (row.segment, row.record, row.seq));
    let compared = Compared::new(page.len(), last);
    for row in page {
        let name = catalog.segments().find(|model| model.id == row.segment);
        let name = name.map_or("unknown", |model| model.name());
        if !is_told(&row, name) {
            let record = row.record;
            let finding = "the table differs from the journal";
            note(report, format!("segment {name}, record {record}: {finding}"));
        }
    }
    Ok(compared)
}

/// Whether the journal says the same.
fn is_told(row: &ChangeRow, name: &str) -> bool {
    let kind = match row.is_member {
        true => ChangeKind::SegmentEntered,
        false => ChangeKind::SegmentLeft,
    };
    let Some((told, body)) = &row.change else { return false };
    told == kind.name()
        && (row.is_erased
            || MemberBody::read(body).is_ok_and(|body| {
                (body.segment.as_str(), body.id, body.at) == (name, row.record, row.at)
            }))
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{
        ChangeMembers, Crm, DefineScore, DefineSegment, Flow, ListMembers, ScoreGroup, ScoreRule,
        values,
    };

    /// A file with a member of a live segment, one who left it, and one of a list.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        let german = "country = \"DE\"".parse().unwrap();
        crm.segments().define(DefineSegment::live("german", "contact", german)).unwrap();
        crm.segments().define(DefineSegment::by_hand("guests", "contact")).unwrap();
        let ann = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
        let bob = crm.contacts().create(values! { "country" => "DE" }).unwrap().id;
        crm.contacts().patch(bob, values! { "country" => "FR" }).unwrap();
        crm.segments().add_members(&ChangeMembers::new("guests", [ann])).unwrap();
        crm
    }

    #[test]
    fn members_by_the_version_before_of_a_score_are_no_fault() {
        let crm = Crm::in_memory().unwrap();
        let publish = |points| {
            let rule = ScoreRule::when("named", "given_name is set".parse().unwrap(), points);
            let groups = [ScoreGroup::new("fit", [rule])];
            crm.scores().define(DefineScore::new("lead", "contact", groups)).unwrap();
            crm.scores().publish("lead").unwrap();
        };
        publish(3);
        let cold = "score(\"lead\" < 5)".parse().unwrap();
        crm.segments().define(DefineSegment::live("cold", "contact", cold)).unwrap();
        crm.contacts().create(values! { "given_name" => "Ann" }).unwrap();
        let verify = || crm.verify(&mut |_| Flow::Continue).unwrap().problems;
        let members = || crm.segments().members(&ListMembers::new("cold")).unwrap().members.len();
        assert_eq!((members(), verify()), (1, Vec::new()));
        publish(9);
        assert_eq!((members(), verify()), (1, Vec::new()), "until everybody is scored anew");
        crm.scores().rescore("lead").unwrap();
        assert_eq!((members(), verify()), (0, Vec::new()));
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let tamperings = [
            "DELETE FROM crm_segment_member WHERE segment = 1",
            "DELETE FROM crm_segment_member WHERE segment = 2",
            "UPDATE crm_segment_member SET seq = seq + 1",
            "UPDATE crm_segment_member SET entered_at = entered_at + 1",
            "INSERT INTO crm_segment_member SELECT 2, id, entered_at, seq FROM contact, \
             crm_segment_member WHERE country = 'FR' AND segment = 2",
            "DELETE FROM crm_segment_change WHERE is_member = 0",
            "UPDATE crm_segment_change SET at = at + 1",
            "UPDATE crm_segment_change SET is_member = 1",
            "UPDATE crm_segment_change SET segment = 3 - segment",
            // The condition is true of her again, and nobody was told.
            "UPDATE contact SET country = 'DE'",
        ];
        assert_found(filled, &tamperings);
    }
}
