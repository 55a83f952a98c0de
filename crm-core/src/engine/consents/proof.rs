//! Proof of a decision, for whoever asks later.

use std::collections::BTreeSet;

use super::{Consents, decisions::decide_one, normal_point, read_event};
use crate::{
    CheckProof, CheckedProof, ConsentKind, ConsentProof, Error, ErrorKind, ProveDecision, RecordId,
    Result,
    consent::{PROOF_FORMAT, ProofDocument, Rule, check_document},
    limits,
    store::{consents as rows, proof},
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
            let head = proof::head(conn, request.head.unwrap_or(i64::MAX))?;
            let head = head.filter(|(seq, _)| request.head.is_none_or(|wanted| wanted == *seq));
            let (head_seq, head) = head.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "the journal has no such head").with_field("head")
            })?;
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
            let (people, _) = rows::people(conn, question.subject.id)?;
            let mut events = proof::events(conn, &people)?;
            let (mut places, mut shown) = (BTreeSet::new(), BTreeSet::new());
            let mut kept = Vec::new();
            for event in events.drain(..).filter(|event| event.seq <= head_seq) {
                let said = read_event(&event.body)?;
                if wanted.contains(&said.id) {
                    places.insert(event.seq);
                    shown.extend(said.notice.zip(said.language).zip(said.notice_version));
                    kept.push(event);
                }
            }
            let mut notices = Vec::new();
            for ((name, language), version) in shown {
                let model = super::find_notice(book, &name, Some(version), Some(&language))?;
                let text = rows::notice_text(conn, model)?;
                notices.push(super::definitions::to_notice(model.clone(), text));
            }
            let purpose = book.purpose(&question.purpose)?.clone();
            let document = ProofDocument {
                format: PROOF_FORMAT.to_owned(),
                question: question.clone(),
                decision: decision.clone(),
                policy: book.policy(&purpose.policy),
                purpose,
                events: kept,
                notices,
                links: proof::links(conn, &places, head_seq, limits::PROOF_LINKS)?,
                head_seq,
                head: head.clone(),
            };
            let document = serde_json::to_string_pretty(&document).expect("a proof is always JSON");
            Ok(ConsentProof { decision, document, head_seq, head })
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
