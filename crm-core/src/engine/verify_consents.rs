//! The proof that the ledger of consent, and what follows from it, are what the journal says.

use std::collections::BTreeMap;

use super::{
    Crm,
    consents::{definitions::text_hash, read_event},
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
    verify_definitions(conn, report)?;
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

/// Compares channels, parties, policies, purposes and texts with the journal.
fn verify_definitions(conn: &Connection, report: &mut VerifyReport) -> Result<()> {
    let mut told: BTreeMap<i64, (String, String, String)> = BTreeMap::new();
    for (kind, name, body, seq) in rows::told_terms(conn)? {
        told.insert(seq, (kind, name, body));
    }
    let mut findings = Vec::new();
    for (kind, name, definition, seq) in rows::stored_terms(conn)? {
        if told.remove(&seq) != Some((kind.to_owned(), name.clone(), definition)) {
            findings.push(name);
        }
    }
    for (notice, seq) in rows::stored_notices(conn)? {
        let said = told.remove(&seq).and_then(|(_, _, body)| serde_json::from_str(&body).ok());
        if said.as_ref() != Some(&notice) || notice.sha256 != text_hash(&notice.text) {
            findings.push(notice.name);
        }
    }
    // What is left was told and is not there.
    findings.extend(told.into_values().map(|(_, name, _)| name));
    for name in findings {
        note(report, format!("definition {name} of consent: it differs from the journal"));
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
    if rows::is_of_other_type(conn, subject)? {
        return Ok(Some("the ledger is of another type than the journal says"));
    }
    let (beside, _) = rows::ledger(conn, subject)?;
    let follows = rows::following(conn, subject)? == rows::follow(&beside);
    Ok((!follows).then_some("what follows from the ledger is not what the file keeps"))
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::engine::verify::assert_found;
    use crate::{
        BasisFacts, Channel, ConsentKind, Crm, Flow, LegalBasis, LinkPeople, ListRecords, Medium,
        NewConsent, PublishNotice, Purpose, RecordRef, values,
    };

    /// A file with a person who allowed, took back, allowed again and paused.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        let consents = crm.consents();
        consents.publish_notice(PublishNotice::new("news", "en", "Once a week.")).unwrap();
        consents
            .define_channel(Channel { weight: 3.0, ..Channel::new("fax", Medium::Other) })
            .unwrap();
        consents.define_purpose(Purpose::new("news", ["post"]).notice("news")).unwrap();
        let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
        let ann = || RecordRef::new("contact", ann);
        let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
        let other = RecordRef::new("company", acme);
        consents.link(&LinkPeople::new(other, ann())).unwrap();
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
        let tamperings = [
            "UPDATE crm_consent_event SET kind = 'requested' WHERE kind = 'withdrawn'",
            "UPDATE crm_consent_event SET supersedes = NULL",
            "UPDATE crm_consent_event SET contact_point = 'Bonn' WHERE contact_point IS NOT NULL",
            "UPDATE crm_consent_event SET proof = 2",
            "UPDATE crm_consent_event SET occurred_at = occurred_at - 1",
            "UPDATE crm_consent_event SET subject_id = id",
            "DELETE FROM crm_consent_event WHERE kind = 'withdrawn'",
            "UPDATE crm_consent_event SET type_id = \
             (SELECT id FROM crm_type WHERE name = 'company')",
            "UPDATE crm_person_link SET a_type = b_type",
            "UPDATE crm_person_link SET b_type = a_type",
            "UPDATE crm_person_link SET a_type = b_type, b_type = a_type",
            "UPDATE crm_person_link SET linked_at = linked_at + 1",
            "UPDATE crm_person_link SET b_id = randomblob(16)",
            "DELETE FROM crm_person_link",
            "UPDATE crm_consent_permit SET valid_from = 0",
            "UPDATE crm_consent_permit SET paused_until = NULL",
            "UPDATE crm_consent_permit SET is_suppressed = 1",
            "DELETE FROM crm_consent_permit",
            "UPDATE crm_consent_permit SET event_id = subject_id",
            "UPDATE crm_consent_block SET channel = 'email'",
            "DELETE FROM crm_consent_block WHERE kind = 'withdrawn'",
            "UPDATE crm_purpose SET definition = 'x'",
            "UPDATE crm_purpose SET definition = replace(definition, 'post', 'phone')",
            "UPDATE crm_policy SET definition = replace(definition, 'true', 'false')",
            "DELETE FROM crm_policy",
            "UPDATE crm_notice SET text = 'Every day.'",
            "UPDATE crm_notice SET published_at = published_at + 1",
            "DELETE FROM crm_notice",
            "UPDATE crm_channel SET definition = replace(definition, '3.0', '1.0')",
        ];
        assert_found(filled, &tamperings);
    }

    #[test]
    fn what_an_older_version_took_for_proof_is_judged_anew() {
        let crm = filled();
        crm.write(|writing| {
            let older =
                "UPDATE crm_consent_event SET proof = 2; UPDATE crm_consent_permit SET proof = 2";
            Ok(writing.tx.execute_batch(older)?)
        })
        .unwrap();
        assert!(!crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
        crm.write(|writing| rows::follow_anew(writing.tx, &|| [0; 32])).unwrap();
        assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
    }

    #[test]
    fn what_an_older_version_lifted_is_judged_anew() {
        let crm = filled();
        let ann = crm.shared.store.read(|conn| rows::subjects(conn, None, 1)).unwrap()[0];
        let new = |kind| NewConsent::new(kind, RecordRef::new("contact", ann));
        let no = crm.consents().record(new(ConsentKind::Objected)).unwrap();
        let lifted = NewConsent { supersedes: Some(vec![no.id]), ..new(ConsentKind::Lifted) };
        crm.consents().record(lifted).unwrap();
        let verify = || crm.verify(&mut |_| Flow::Continue).unwrap().is_ok;
        assert!(verify());
        // It kept no word of anybody, whoever lifted what.
        let older = "UPDATE crm_consent_event SET proof = 0 WHERE kind = 'lifted'";
        crm.write(|writing| Ok(writing.tx.execute_batch(older)?)).unwrap();
        assert!(!verify());
        crm.write(|writing| rows::follow_anew(writing.tx, &|| [0; 32])).unwrap();
        assert!(verify());
    }

    #[test]
    fn a_contract_that_an_older_version_let_an_opt_out_end_holds_again() {
        let crm = Crm::in_memory().unwrap();
        let consents = crm.consents();
        consents.publish_notice(PublishNotice::new("news", "en", "Once a week.")).unwrap();
        let mut invoice = Purpose::new("invoice", ["email"]);
        invoice.is_transactional = true;
        consents.define_purpose(invoice).unwrap();
        let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
        let ann = || RecordRef::new("contact", ann);
        let mut contract =
            NewConsent::new(ConsentKind::Based, ann()).on("email").purpose("invoice");
        contract.basis = Some(LegalBasis::Contract);
        contract.facts = Some(BasisFacts { reference: Some("order".into()), ..Default::default() });
        consents.record(contract).unwrap();
        consents.record(NewConsent::withdraw(ann())).unwrap();
        let count = || {
            let condition = "consent(\"email\", \"invoice\")".parse().unwrap();
            let all = ListRecords { condition: Some(condition), ..ListRecords::new("contact") };
            crm.list_records(&all).unwrap().records.len()
        };
        assert_eq!(count(), 1);
        // An older version kept no permission beside a withdrawal of everything.
        crm.write(|writing| Ok(writing.tx.execute_batch("DELETE FROM crm_consent_permit")?))
            .unwrap();
        assert_eq!(count(), 0);
        assert!(!crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
        crm.write(|writing| rows::follow_anew(writing.tx, &|| [0; 32])).unwrap();
        assert_eq!(count(), 1);
        assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
    }
}
