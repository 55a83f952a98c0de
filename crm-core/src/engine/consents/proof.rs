//! Proof of a decision, for whoever asks later.

use std::collections::BTreeSet;

use super::{Consents, decisions::decide_one, normal_point, read_event};
use crate::{
    CheckProof, CheckedProof, ConsentKind, ConsentProof, Error, ErrorKind, JournalHead,
    JournalProof, ProveChanges, ProveDecision, RecordId, Result,
    consent::{PROOF_FORMAT, ProofDocument, Rule, check_document},
    engine::proof::prove_changes,
    store::{Connection, consents as rows, journal},
};

impl Consents<'_> {
    /// Makes the proof of a decision: the decision with its reasons, every event of the person that is
    /// about its purpose and channel as the journal has it, the texts that were shown, and the chain of
    /// hashes from there to a head of the journal. [`Consents::check_proof`] checks it without the file.
    ///
    /// # Errors
    ///
    /// As [`Consents::decide`]; `NotFound` if the journal has no such head.
    pub fn prove(&self, request: &ProveDecision) -> Result<ConsentProof> {
        let at = request.question.at.unwrap_or_else(|| self.crm.now());
        self.crm.read_explained(|conn, catalog| {
            let question = &request.question;
            let book = catalog.book();
            let decision = decide_one(conn, catalog, question, at)?;
            let rule = Rule::new(book, &question.purpose, &question.channel)?;
            let channel = Some(question.channel.as_str());
            let point = normal_point(book, channel, question.contact_point.as_deref())?;
            let (ledger, _) = rows::ledger(conn, question.subject.id)?;
            let key = rule.key(point.as_deref());
            let about = ledger.counting().filter(|entry| match entry.kind {
                ConsentKind::Minor | ConsentKind::Lifted => true,
                kind if kind.is_permitting() => entry.permits(&key),
                _ => entry.reaches(&key),
            });
            let wanted: BTreeSet<RecordId> = about.map(|entry| entry.id).collect();
            let mut seqs = Vec::new();
            for id in rows::people(conn, question.subject.id)?.0 {
                let places = rows::places(conn, id)?.into_iter();
                seqs.extend(places.filter(|(_, id)| wanted.contains(id)).map(|(seq, _)| seq));
            }
            let end = request.head.map_or_else(|| journal::last_seq(conn), Ok)?;
            seqs.retain(|seq| *seq <= end);
            let journal = stretches(conn, &seqs, end).map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    Error::new(ErrorKind::NotFound, "the journal has no such head")
                        .with_field("head")
                }
                _ => error,
            })?;
            let links = journal.iter().flat_map(|stretch: &JournalProof| &stretch.links);
            let mut shown = BTreeSet::new();
            for body in links.filter_map(|link| Some(&link.content.as_ref()?.body)) {
                let Ok(said) = read_event(body) else { continue };
                shown.extend(said.notice.zip(said.language).zip(said.notice_version));
            }
            let mut notices = Vec::new();
            for ((name, language), version) in shown {
                let model = super::find_notice(book, &name, Some(version), Some(&language))?;
                let text = rows::notice_text(conn, model)?;
                notices.push(super::definitions::to_notice(model.clone(), text));
            }
            let purpose = book.purpose(&question.purpose)?.clone();
            let head = journal.last().map(|stretch| stretch.head.clone());
            let JournalHead { seq: head_seq, hash: head, .. } =
                head.unwrap_or_else(|| JournalHead { seq: 0, hlc: 0, hash: String::new() });
            let document = ProofDocument {
                format: PROOF_FORMAT.to_owned(),
                question: question.clone(),
                decision: decision.clone(),
                policy: book.policy(&purpose.policy),
                purpose,
                notices,
                journal,
            };
            Ok(ConsentProof { decision, document: document.to_json(), head_seq, head })
        })
    }

    /// Checks a proof by itself, wherever it comes from. What is found is no error but stands in the
    /// answer.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the document is no proof.
    pub fn check_proof(&self, request: &CheckProof) -> Result<CheckedProof> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        check_document(request)
    }
}

/// What of the journal proves these changes: one stretch that leads to the end, or where it would be too
/// long a stretch for each, and one for the end.
fn stretches(conn: &Connection, seqs: &[i64], end: i64) -> Result<Vec<JournalProof>> {
    if !seqs.is_empty() {
        match prove_changes(conn, &ProveChanges { seqs: seqs.to_vec(), until: Some(end) }) {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => {}
            proof => return Ok(vec![proof?]),
        }
    }
    let ends = seqs.iter().copied().filter(|seq| *seq != end).chain([end]);
    let stretches = ends.map(|seq| {
        let mut proof = prove_changes(conn, &ProveChanges { seqs: vec![seq], until: Some(seq) })?;
        if !seqs.contains(&seq) {
            // The head is somebody else's matter.
            proof.links.iter_mut().for_each(|link| link.content = None);
        }
        Ok(proof)
    });
    stretches.collect()
}
