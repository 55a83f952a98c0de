//! The proof that the ledger of consent, and what follows from it, are what the journal says.

use super::{
    Crm,
    consents::read_event,
    database::is_finding,
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
};
use crate::{
    RecordId, Result, VerifyReport,
    consent::Ledger,
    store::{Connection, consents as rows},
};

impl Crm {
    /// Compares the ledger of every person with the journal.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_consents(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages("consents", report, step, |conn, _, after, report| {
            if after.is_none() {
                verify_whole(conn, report)?;
            }
            verify_page(conn, after, report)
        })
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, report: &mut VerifyReport) -> Result<()> {
    rows::load(conn)?;
    let (stored, told, strays) = rows::count(conn)?;
    if stored != told {
        let both = format!("the table has {stored} events, the journal has {told}");
        note(report, format!("consents: {both}"));
    }
    let (links, left, unmade) = rows::count_person_links(conn)?;
    if links != left || unmade > 0 {
        let both = format!("the file has {links}, the journal leaves {left}");
        note(report, format!("links between records of one person: {both}"));
    }
    if strays > 0 {
        note(report, format!("consents: {strays} rows belong to no event"));
    }
    Ok(())
}

/// Compares a page with the journal and returns the last place, if a next page may follow.
fn verify_page(
    conn: &Connection,
    after: Option<RecordId>,
    report: &mut VerifyReport,
) -> Result<Compared<RecordId>> {
    let page = rows::subjects(conn, after, VERIFIED_AT_ONCE)?;
    for &subject in &page {
        let finding = match differs(conn, subject) {
            Ok(None) => continue,
            Ok(Some(finding)) => finding.to_owned(),
            Err(error) if is_finding(error.kind()) => error.message().to_owned(),
            Err(error) => return Err(error),
        };
        note(report, format!("consents of record {subject}: {finding}"));
    }
    Ok(Compared::new(page.len(), page.last().copied()))
}

fn differs(conn: &Connection, subject: RecordId) -> Result<Option<&'static str>> {
    let bodies = rows::bodies(conn, subject, i64::MIN, u32::MAX)?;
    let events = bodies.iter().map(|(_, body)| read_event(body)).collect::<Result<Vec<_>>>()?;
    let told = Ledger::new(events.iter().map(crate::ConsentEvent::entry).collect());
    let (stored, _) = rows::own_ledger(conn, subject)?;
    let is_erased = rows::has_erased(conn, subject)?;
    if (told != stored && !is_erased) || events.iter().any(|event| event.subject.id != subject) {
        return Ok(Some("the ledger differs from the journal"));
    }
    let (beside, _) = rows::ledger(conn, subject)?;
    let follows = rows::following(conn, subject)? == rows::follow(&beside);
    Ok((!follows).then_some("what follows from the ledger is not what the file keeps"))
}

#[cfg(test)]
mod tests {
    use crate::{ConsentKind, Crm, Flow, NewConsent, PublishNotice, Purpose, RecordRef, values};

    /// A file with a person who allowed, took back, allowed again and paused.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        let consents = crm.consents();
        consents.publish_notice(PublishNotice::new("news", "en", "Once a week.")).unwrap();
        consents.define_purpose(Purpose::new("news", ["post"]).notice("news")).unwrap();
        let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
        let ann = || RecordRef::new("contact", ann);
        consents.record(NewConsent::grant(ann(), "post", "news")).unwrap();
        consents.record(NewConsent::withdraw(ann())).unwrap();
        consents.record(NewConsent::grant(ann(), "post", "news").contact_point("Ulm")).unwrap();
        let mut pause = NewConsent::new(ConsentKind::Paused, ann());
        pause.expires_at = Some("2999-01-01T00:00:00Z".parse().unwrap());
        consents.record(pause).unwrap();
        crm
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        for tampering in [
            "UPDATE crm_consent_event SET kind = 'requested' WHERE kind = 'withdrawn'",
            "UPDATE crm_consent_event SET supersedes = NULL",
            "UPDATE crm_consent_event SET contact_point = 'Bonn' WHERE contact_point IS NOT NULL",
            "UPDATE crm_consent_event SET proof = 2",
            "UPDATE crm_consent_event SET occurred_at = occurred_at - 1",
            "UPDATE crm_consent_event SET subject_id = id",
            "DELETE FROM crm_consent_event WHERE kind = 'withdrawn'",
            "UPDATE crm_consent_permit SET valid_from = 0",
            "UPDATE crm_consent_permit SET paused_until = NULL",
            "DELETE FROM crm_consent_permit",
            "UPDATE crm_consent_permit SET event_id = subject_id",
            "UPDATE crm_consent_block SET channel = 'email'",
            "DELETE FROM crm_consent_block WHERE kind = 'withdrawn'",
            "UPDATE crm_purpose SET definition = 'x'",
        ] {
            let crm = filled();
            crm.write(|writing| Ok(writing.tx.execute_batch(tampering)?)).unwrap();
            let report = crm.verify(&mut |_| Flow::Continue).unwrap();
            assert!(!report.is_ok, "{tampering}");
        }
    }
}
