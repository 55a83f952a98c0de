//! The proof that what is remembered of erasures is what the journal says.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Crm,
    privacy::suppression::Lifted,
    verify::{Compared, Step, note},
};
use crate::{
    ChangeKind, Error, ErrorKind, RecordId, Result, Timestamp, VerifyReport,
    store::{
        Connection,
        privacy::{self as rows, Erased},
    },
};

/// What a row of the journal says of an erasure.
#[derive(Deserialize)]
struct Told {
    reason: String,
    at: Timestamp,
    /// How many contact points were suppressed since; older versions did not say.
    suppressed: Option<u64>,
}

/// What the journal leaves of an erasure.
struct Expected {
    seq: i64,
    entity_type: Option<String>,
    told: Told,
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
        self.verify_pages::<()>("erasures", report, step, |conn, _, _, report| {
            let mut expected = expected(conn)?;
            let suppressed = rows::count_suppressed(conn)?;
            let mut after = i64::MIN;
            loop {
                let page = rows::erased_after(conn, after, super::verify::VERIFIED_AT_ONCE)?;
                let Some(last) = page.last() else { break };
                after = last.seq;
                for erased in page {
                    let id = erased.record;
                    let told = expected.remove(&id);
                    let Some(left) = told.filter(|left| left.is(&erased)) else {
                        note(
                            report,
                            format!("erasure of record {id}: it differs from the journal"),
                        );
                        continue;
                    };
                    let there = suppressed.get(&id).copied().unwrap_or(0);
                    if let Some(left) = left.told.suppressed.filter(|left| *left != there) {
                        let both = format!("{there} contact points are suppressed, not {left}");
                        note(report, format!("erasure of record {id}: {both}"));
                    }
                }
            }
            for id in expected.keys() {
                note(report, format!("erasure of record {id}: it is not remembered"));
            }
            Ok(Compared::new(0, None))
        })
    }
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

/// The erasures that the journal tells of, each with what is suppressed since.
fn expected(conn: &Connection) -> Result<BTreeMap<RecordId, Expected>> {
    let damaged = || Error::new(ErrorKind::Corrupt, "an erasure in the journal cannot be read");
    let mut all: BTreeMap<RecordId, Expected> = BTreeMap::new();
    rows::told_erasures(conn, |seq, kind, entity_type, record, body| {
        if kind == ChangeKind::SuppressionLifted.name() {
            let lifted: Lifted = serde_json::from_str(body).map_err(|_| damaged())?;
            let whose = lifted.record.and_then(|id| all.get_mut(&id));
            if let Some(suppressed) = whose.and_then(|one| one.told.suppressed.as_mut()) {
                *suppressed = suppressed.saturating_sub(1);
            }
            return Ok(());
        }
        let told: Told = serde_json::from_str(body).map_err(|_| damaged())?;
        let id = record.ok_or_else(damaged)?;
        match all.get_mut(&id) {
            // A list brought another contact point.
            Some(one) => one.told.suppressed = told.suppressed,
            None => drop(all.insert(id, Expected { seq, entity_type, told })),
        }
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{
        ApplyErasures, Crm, EraseSubject, Flow, LiftSuppression, ListErasures, RecordId, RecordRef,
        values,
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
