//! The proof that what is remembered of erasures is what the journal says.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Crm,
    database::is_finding,
    verify::{Compared, Step, note},
};
use crate::{
    ChangeKind, Error, ErrorKind, RecordId, Result, Timestamp, VerifyReport,
    privacy::{
        suppression::name_of_key,
        told::{ErasedBody, LiftedBody, SweptBody, digest_of_hashes, digest_of_proof},
    },
    store::{
        Connection,
        privacy::{self as rows, Erased},
    },
};

/// What the journal leaves of an erasure.
struct Expected {
    seq: i64,
    entity_type: Option<String>,
    told: ErasedBody,
}

impl Crm {
    /// Compares what is remembered of every erasure with the journal.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_erasures(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        let now = self.now();
        self.verify_pages::<()>("erasures", report, step, |conn, _, _, report| {
            let Told { erasures: mut expected, keys, swept_at } = told(conn)?;
            let key = verify_key(conn, &keys, report)?;
            let now = now.max(swept_at);
            let mut after = i64::MIN;
            loop {
                let page = rows::erased_after(conn, after, super::verify::VERIFIED_AT_ONCE)?;
                let Some(last) = page.last() else { break };
                after = last.seq;
                for erased in page {
                    let id = erased.record;
                    let told = expected.remove(&id);
                    let left = told.filter(|left| left.is(&erased));
                    let finding = match left {
                        None => Ok(Some("it differs from the journal".to_owned())),
                        Some(left) => differs(conn, id, &left.told, key.as_ref(), now),
                    };
                    let finding = match finding {
                        Ok(None) => continue,
                        Ok(Some(finding)) => finding,
                        Err(error) if is_finding(error.kind()) => error.message().to_owned(),
                        Err(error) => return Err(error),
                    };
                    note(report, format!("erasure of record {id}: {finding}"));
                }
            }
            for id in expected.keys() {
                note(report, format!("erasure of record {id}: it is not remembered"));
            }
            for (what, table) in
                [("kept proofs", "crm_consent_proof"), ("suppressions", "crm_suppression")]
            {
                let strays = rows::count_strays(conn, table)?;
                if strays > 0 {
                    note(report, format!("{what}: {strays} belong to no erasure"));
                }
            }
            Ok(Compared::new(0, None))
        })
    }
}

/// The key of the contact points that are suppressed, if it is the one that the journal names.
fn verify_key(
    conn: &Connection,
    told: &BTreeSet<String>,
    report: &mut VerifyReport,
) -> Result<Option<[u8; 32]>> {
    let finding = match rows::key(conn) {
        Ok(Some(key)) if told.iter().all(|name| *name == name_of_key(&key)) => {
            return Ok(Some(key));
        }
        Ok(None) if told.is_empty() && !rows::has_suppressed(conn)? => return Ok(None),
        Ok(Some(_)) => "it is not the one by which they are hashed".to_owned(),
        Ok(None) => "it is missing".to_owned(),
        Err(error) if is_finding(error.kind()) => error.message().to_owned(),
        Err(error) => return Err(error),
    };
    note(report, format!("the key of the suppressed contact points: {finding}"));
    Ok(None)
}

/// What is kept since an erasure, and is not what the journal tells. What a digest alone tells is asked
/// with the right key only.
fn differs(
    conn: &Connection,
    id: RecordId,
    told: &ErasedBody,
    key: Option<&[u8; 32]>,
    now: Timestamp,
) -> Result<Option<String>> {
    let hashes = rows::hashes_of(conn, id)?;
    let there = hashes.len() as u64;
    if let Some(left) = told.suppressed.filter(|left| *left != there) {
        return Ok(Some(format!("{there} contact points are suppressed, not {left}")));
    }
    let Some(key) = key else { return Ok(None) };
    if told.hashes.as_ref().is_some_and(|digest| *digest != digest_of_hashes(key, &hashes)) {
        return Ok(Some("other contact points are suppressed".to_owned()));
    }
    let Some(proofs) = &told.proofs else { return Ok(None) };
    let mut missing: BTreeMap<&str, Timestamp> =
        proofs.iter().map(|proof| (proof.digest.as_str(), proof.keep_until)).collect();
    for (event, keep_until, json) in rows::proofs_of(conn, id)? {
        let digest = digest_of_proof(key, id, event, keep_until, &json);
        if missing.remove(digest.as_str()).is_none() {
            return Ok(Some(format!("the proof {event} is not as it was kept")));
        }
    }
    // The others were swept, if their time is over.
    let is_any = missing.into_values().any(|keep_until| keep_until > now);
    Ok(is_any.then(|| "a proof is missing that is to be kept".to_owned()))
}

impl Expected {
    /// Whether this is what is remembered.
    fn is(&self, erased: &Erased) -> bool {
        self.seq == erased.seq
            && self.entity_type.as_ref() == Some(&erased.entity_type)
            && self.told.reason == erased.reason
            && self.told.at == erased.at
    }
}

/// What the journal tells of erasures.
struct Told {
    /// Each with what is kept since.
    erasures: BTreeMap<RecordId, Expected>,
    /// The names of the keys by which contact points were hashed.
    keys: BTreeSet<String>,
    /// By when proofs were swept, whatever the clock says now.
    swept_at: Timestamp,
}

fn told(conn: &Connection) -> Result<Told> {
    let damaged = || Error::new(ErrorKind::Corrupt, "an erasure in the journal cannot be read");
    let mut all: BTreeMap<RecordId, Expected> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    let mut swept_at = Timestamp::MIN;
    rows::told_erasures(conn, |seq, kind, entity_type, record, body| {
        if kind == ChangeKind::SuppressionLifted.name() {
            let lifted: LiftedBody = serde_json::from_str(body).map_err(|_| damaged())?;
            if let Some(one) = lifted.record.and_then(|id| all.get_mut(&id)) {
                one.told.suppressed = one.told.suppressed.map(|count| count.saturating_sub(1));
                one.told.hashes = lifted.hashes;
            }
            return Ok(());
        }
        if kind == ChangeKind::ProofsSwept.name() {
            let swept: SweptBody = serde_json::from_str(body).map_err(|_| damaged())?;
            swept_at = swept_at.max(swept.at);
            return Ok(());
        }
        let told: ErasedBody = serde_json::from_str(body).map_err(|_| damaged())?;
        let id = record.ok_or_else(damaged)?;
        keys.extend(told.key.clone());
        match all.get_mut(&id) {
            // A list brought another contact point.
            Some(one) => {
                (one.told.suppressed, one.told.hashes) = (told.suppressed, told.hashes);
            }
            None => drop(all.insert(id, Expected { seq, entity_type, told })),
        }
        Ok(())
    })?;
    Ok(Told { erasures: all, keys, swept_at })
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{
        ApplyErasures, Crm, EraseSubject, Flow, LiftSuppression, ListErasures, NewConsent,
        OpenOptions, PublishNotice, Purpose, RecordId, RecordRef, Replay, SweepConsents, values,
    };

    /// A file with two persons who were erased, one of whom came back with one of two addresses,
    /// and a third whom a list named.
    fn filled() -> (Crm, Vec<RecordId>) {
        let crm = Crm::in_memory().unwrap();
        let person = |email: &str, phone: &str| {
            let values = values! { "email" => email, "phone" => phone };
            let id = crm.contacts().create(values).unwrap().id;
            crm.privacy().erase(&EraseSubject::new(RecordRef::new("contact", id))).unwrap();
            id
        };
        let ann = person("ann@example.org", "+49301234567");
        let bob = person("bob@example.org", "+49301234568");
        let mut list =
            ApplyErasures::from(crm.privacy().erasures(&ListErasures::after(0)).unwrap());
        // Another copy of the file knew of an address more.
        let third = RecordId::from_bytes([7; 16]);
        list.erased[0].hashes.push("ab".repeat(32));
        list.erased[1].subject.id = third;
        list.erased[1].hashes = vec!["cd".repeat(32)];
        let applied = crm.privacy().apply_erasures(&list).unwrap();
        assert_eq!((applied.known, applied.absent), (1, 1));
        crm.privacy().lift_suppression(&LiftSuppression::new("ann@example.org")).unwrap();
        (crm, vec![ann, bob, third])
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().0.verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let tamperings = [
            "DELETE FROM crm_suppression WHERE hash = (SELECT max(hash) FROM crm_suppression)",
            "DELETE FROM crm_suppression",
            "INSERT INTO crm_suppression SELECT randomblob(32), record_id FROM crm_erasure LIMIT 1",
            "UPDATE crm_suppression SET record_id = randomblob(16)",
            "INSERT INTO crm_suppression VALUES (randomblob(32), randomblob(16))",
            "UPDATE crm_suppression SET hash = randomblob(32) \
             WHERE hash = (SELECT max(hash) FROM crm_suppression)",
            "UPDATE crm_suppression SET hash = CAST(substr(hash, 1, 31) || x'00' AS BLOB) \
             WHERE hash = (SELECT max(hash) FROM crm_suppression)",
            "UPDATE crm_meta SET value = randomblob(32) WHERE key = 'suppression_key'",
            "UPDATE crm_meta SET value = x'00' WHERE key = 'suppression_key'",
            "DELETE FROM crm_meta WHERE key = 'suppression_key'",
            "DELETE FROM crm_erasure WHERE seq = (SELECT max(seq) FROM crm_erasure)",
            "UPDATE crm_erasure SET record_id = randomblob(16) \
             WHERE seq = (SELECT min(seq) FROM crm_erasure)",
            "UPDATE crm_erasure SET erased_at = erased_at + 1",
            "UPDATE crm_erasure SET reason = 'objected'",
            "UPDATE crm_erasure SET entity_type = 'company'",
            "INSERT INTO crm_erasure SELECT 1, randomblob(16), entity_type, erased_at, reason \
             FROM crm_erasure LIMIT 1",
        ];
        assert_found(|| filled().0, &tamperings);
    }

    /// A file with a person who was erased, of whom two proofs are kept, one of them until 2029 and
    /// one until 2030, and an erased one without.
    fn with_proofs(replay: Replay) -> Crm {
        with_proofs_at(":memory:".as_ref(), replay)
    }

    fn with_proofs_at(path: &std::path::Path, replay: Replay) -> Crm {
        let options = OpenOptions { replay: Some(replay), ..OpenOptions::default() };
        let crm = Crm::open_with(path, options).unwrap();
        crm.consents().publish_notice(PublishNotice::new("news", "en", "Weekly.")).unwrap();
        let mut news = Purpose::new("news", ["email", "phone"]).notice("news");
        news.policy = "eu_strict".to_owned();
        crm.consents().define_purpose(news).unwrap();
        let person = |granted: bool| {
            let id = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
            let ann = || RecordRef::new("contact", id);
            for channel in ["email", "phone"].into_iter().filter(|_| granted) {
                crm.consents().record(NewConsent::grant(ann(), channel, "news")).unwrap();
            }
            crm.privacy().erase(&EraseSubject::new(ann())).unwrap();
        };
        person(true);
        person(false);
        crm
    }

    fn replay() -> Replay {
        Replay { start: "2026-01-01T00:00:00Z".parse().unwrap(), step_micros: 1_000_000 }
    }

    #[test]
    fn a_kept_proof_that_was_changed_removed_or_invented_is_found() {
        let crm = with_proofs(replay());
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let tamperings = [
            "UPDATE crm_consent_proof SET proof = json_set(proof, '$.method', 'double_opt_in')",
            "UPDATE crm_consent_proof SET proof = 'x'",
            "UPDATE crm_consent_proof SET keep_until = keep_until + 1",
            "UPDATE crm_consent_proof SET event_id = randomblob(16)",
            "UPDATE crm_consent_proof SET record_id = (SELECT max(record_id) FROM crm_erasure)",
            "UPDATE crm_consent_proof SET record_id = randomblob(16)",
            "DELETE FROM crm_consent_proof WHERE keep_until = (SELECT max(keep_until) \
             FROM crm_consent_proof)",
            "DELETE FROM crm_consent_proof",
            "INSERT INTO crm_consent_proof SELECT record_id, randomblob(16), keep_until, proof \
             FROM crm_consent_proof LIMIT 1",
            "INSERT INTO crm_consent_proof SELECT max(record_id), randomblob(16), 4e15, '{}' \
             FROM crm_erasure",
        ];
        assert_found(|| with_proofs(replay()), &tamperings);
    }

    #[test]
    fn a_proof_that_was_kept_for_its_time_may_go() {
        let crm = with_proofs(replay());
        let sweep = |year: &str| {
            crm.set_clock(year.parse().unwrap()).unwrap();
            crm.consents().sweep(&SweepConsents { limit: 100 }).unwrap().erased_proofs
        };
        assert_eq!(sweep("2029-06-01T00:00:00Z"), 1);
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!(sweep("2032-01-01T00:00:00Z"), 1);
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }

    /// A clock that was ahead as proofs were swept: they were not taken past the engine.
    #[test]
    fn a_proof_that_was_swept_is_not_missed_when_the_clock_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.crm");
        let crm = with_proofs_at(&path, replay());
        crm.set_clock("2029-06-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(crm.consents().sweep(&SweepConsents { limit: 100 }).unwrap().erased_proofs, 1);
        crm.close().unwrap();
        let options = OpenOptions { replay: Some(replay()), ..OpenOptions::default() };
        let crm = Crm::open_with(&path, options).unwrap();
        let problems = || crm.verify(&mut |_| Flow::Continue).unwrap().problems;
        assert_eq!(problems(), Vec::<String>::new());
        assert_eq!(crm.consents().sweep(&SweepConsents { limit: 100 }).unwrap().erased_proofs, 0);
        // What was not swept then is missed as before.
        crm.write(|writing| Ok(writing.tx.execute_batch("DELETE FROM crm_consent_proof")?))
            .unwrap();
        assert_ne!(problems(), Vec::<String>::new());
    }

    #[test]
    fn what_an_older_version_told_of_an_erasure_is_compared_as_far_as_it_goes() {
        let crm = with_proofs(replay());
        let older = "DELETE FROM crm_consent_proof; \
                     UPDATE crm_journal SET body = json_remove(body, '$.key', '$.hashes', \
                     '$.proofs') WHERE kind = 'record_erased'";
        crm.write(|writing| Ok(writing.tx.execute_batch(older)?)).unwrap();
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        // The chain tells that its rows were changed, and nothing else does.
        assert!(report.problems.iter().all(|problem| problem.starts_with("journal: the chain")));
    }

    #[test]
    fn a_contact_point_that_is_suppressed_no_longer_is_told_with_its_erasure() {
        let (crm, people) = filled();
        let sql = "DELETE FROM crm_suppression WHERE hash = (SELECT max(hash) FROM crm_suppression \
                   WHERE record_id = ?1)";
        crm.write(|writing| Ok(writing.tx.execute(sql, [people[1].as_bytes()])?)).unwrap();
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        let bob = people[1];
        let found = format!("erasure of record {bob}: 1 contact points are suppressed, not 2");
        assert_eq!(report.problems, [found]);
    }
}
