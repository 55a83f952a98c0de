//! Proof of a decision, for whoever asks later.

use std::collections::BTreeSet;

use super::{
    Consents,
    decisions::{decide_one, zone_of_subject},
    normal_point, read_event,
};
use crate::{
    Channel, CheckProof, CheckedProof, ConsentDecision, ConsentKind, ConsentPolicy, ConsentProof,
    Error, ErrorKind, JournalHead, JournalProof, MayContact, Notice, ProveChanges, ProveDecision,
    Purpose, RecordId, Result,
    consent::{Book, Entry, PROOF_FORMAT, ProofDocument, Rule, check_document},
    engine::{privacy::suppression, proof::prove_changes},
    store::{
        Connection,
        consents::{self as rows, Term},
        journal, privacy,
    },
};

impl Consents<'_> {
    /// Makes the proof of a decision: the decision with its reasons, every event of the person that it
    /// hangs on as the journal has it, contacts among them, the definitions by which it was decided, the
    /// texts that were shown, where the person was erased the place at which that was, and the
    /// chain of hashes from there to a head of the journal. [`Consents::check_proof`] checks it
    /// without the file.
    ///
    /// # Errors
    ///
    /// As [`Consents::decide`]; `NotFound` if the journal has no such head.
    pub fn prove(&self, request: &ProveDecision) -> Result<ConsentProof> {
        let at = request.question.at.unwrap_or_else(|| self.crm.now());
        self.crm.read_explained(|conn, catalog| {
            let mut question = request.question.clone();
            let book = catalog.book();
            let decision = decide_one(conn, catalog, &question, at)?;
            let rule = Rule::new(book, &question.purpose, &question.channel)?;
            let channel = Some(question.channel.as_str());
            question.contact_point =
                normal_point(book, channel, question.contact_point.as_deref())?;
            question.at = Some(at);
            if question.zone.is_none() && rule.quiet.is_some() {
                question.zone = zone_of_subject(conn, catalog, &question.subject)?;
            }
            let (ledger, _) = rows::ledger(conn, question.subject.id)?;
            // Of every address: whether consent was asked for at all does not hang on one.
            let key = rule.key(None);
            let mut suppressed: BTreeSet<String> =
                ledger.suppressed(&key).into_iter().map(str::to_owned).collect();
            if let Some(point) = &question.contact_point
                && suppression::is_suppressed(conn, point)?
            {
                suppressed.insert(point.clone());
            }
            let suppressed = suppressed.into_iter().collect();
            let about = ledger.counting().filter(|entry| match entry.kind {
                ConsentKind::Minor
                | ConsentKind::Lifted
                | ConsentKind::Used
                | ConsentKind::Preferred => true,
                kind if kind.is_permitting() => entry.permits(&key),
                _ => entry.reaches(&key),
            });
            let about: Vec<&Entry> = about.chain(ledger.answering()).collect();
            let (mut seqs, texts) = events(conn, question.subject.id, &about)?;
            seqs.extend(privacy::erasure_seq(conn, question.subject.id)?);
            let mut defined = Defined::new(conn, book, &question, &about, texts)?;
            let end = request.head.map_or_else(|| journal::last_seq(conn), Ok)?;
            seqs.retain(|seq| *seq <= end);
            defined.seqs.retain(|seq| *seq <= end);
            let journal = stretches(conn, &defined.seqs, &seqs, end);
            let journal = journal.map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    Error::new(ErrorKind::NotFound, "the journal has no such head")
                        .with_field("head")
                }
                _ => error,
            })?;
            let head = journal.last().map(|stretch| stretch.head.clone());
            let JournalHead { seq: head_seq, hash: head, .. } =
                head.unwrap_or_else(|| JournalHead { seq: 0, hlc: 0, hash: String::new() });
            let document = ProofDocument {
                format: PROOF_FORMAT.to_owned(),
                question,
                // Whoever is shown a proof has no business with what lets the host record a contact.
                decision: ConsentDecision { token: String::new(), ..decision.clone() },
                purpose: defined.purpose,
                policy: defined.policy,
                channels: defined.channels,
                purposes: defined.purposes,
                notices: defined.notices,
                suppressed,
                journal,
            };
            Ok(ConsentProof { decision, document: document.to_json(), head_seq, head })
        })
    }

    /// Checks a proof by itself, wherever it comes from, and decides again by what it shows. What is found
    /// is no error but stands in the answer, and so does what no proof can show: whoever relies on one reads
    /// `unproven` too.
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

/// Versions of texts: name, language and version.
type Texts = BTreeSet<(String, String, i64)>;

/// The places in the journal of these events of a person, and the texts that were shown with them.
fn events(conn: &Connection, subject: RecordId, about: &[&Entry]) -> Result<(Vec<i64>, Texts)> {
    let wanted: BTreeSet<RecordId> = about.iter().map(|entry| entry.id).collect();
    let (mut seqs, mut texts) = (Vec::new(), Texts::new());
    for id in rows::people(conn, subject)?.0 {
        for (seq, body) in rows::bodies(conn, id, i64::MIN, u32::MAX)? {
            let event = read_event(&body)?;
            if !wanted.contains(&event.id) {
                continue;
            }
            seqs.push(seq);
            let Some(name) = event.notice else { continue };
            let first = event.request_notice.map(|first| (first.language, first.version));
            let shown = event.language.zip(event.notice_version).into_iter().chain(first);
            texts.extend(shown.map(|(language, version)| (name.clone(), language, version)));
        }
    }
    Ok((seqs, texts))
}

/// The definitions by which something was decided, and where in the journal they are.
struct Defined {
    purpose: Purpose,
    policy: Option<ConsentPolicy>,
    channels: Vec<Channel>,
    purposes: Vec<Purpose>,
    notices: Vec<Notice>,
    seqs: Vec<i64>,
}

impl Defined {
    fn new(
        conn: &Connection,
        book: &Book,
        question: &MayContact,
        about: &[&Entry],
        mut texts: Texts,
    ) -> Result<Self> {
        let purpose = book.purpose(&question.purpose)?.clone();
        let policy = book.policy(&purpose.policy);
        let uses = || about.iter().filter(|entry| entry.kind == ConsentKind::Used);
        let named: BTreeSet<&String> =
            uses().filter_map(|entry| entry.channel.as_ref()).chain([&question.channel]).collect();
        let channels: Vec<Channel> =
            named.into_iter().filter_map(|name| book.channels.get(name).cloned()).collect();
        let named = uses().filter_map(|entry| entry.purpose.as_ref());
        let named: BTreeSet<&String> = named.filter(|name| **name != purpose.name).collect();
        let purposes: Vec<Purpose> =
            named.into_iter().filter_map(|name| book.purposes.get(name).cloned()).collect();
        let shown: BTreeSet<String> = texts.iter().map(|(name, _, _)| name.clone()).collect();
        let asking =
            book.notices.iter().filter(|notice| notice.asks_again && shown.contains(&notice.name));
        texts.extend(asking.map(|one| (one.name.clone(), one.language.clone(), one.version)));
        let (mut notices, mut seqs) = (Vec::new(), Vec::new());
        for (name, language, version) in texts {
            let model = super::find_notice(book, &name, Some(version), Some(&language))?;
            let text = rows::notice_text(conn, model)?;
            let notice = super::definitions::to_notice(model.clone(), text);
            seqs.extend(rows::notice_seq(conn, &notice)?);
            notices.push(notice);
        }
        let terms = purposes.iter().chain([&purpose]).map(|one| (Term::Purpose, &one.name));
        let terms = terms.chain(policy.iter().map(|one| (Term::Policy, &one.name)));
        let terms = terms.chain(channels.iter().map(|one| (Term::Channel, &one.name)));
        for (term, name) in terms {
            seqs.extend(rows::term_seq(conn, term, name)?);
        }
        Ok(Self { purpose, policy, channels, purposes, notices, seqs })
    }
}

/// What of the journal proves these changes: one stretch that leads to the end; where it would be too
/// long one for each definition and one for the events, and where that is too long still, one for each
/// change, and one for the end.
fn stretches(
    conn: &Connection,
    defined: &[i64],
    events: &[i64],
    end: i64,
) -> Result<Vec<JournalProof>> {
    let whole = |seqs: &[i64]| {
        if seqs.is_empty() {
            return Ok(None);
        }
        let proof = prove_changes(conn, &ProveChanges { seqs: seqs.to_vec(), until: Some(end) });
        match proof {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => Ok(None),
            proof => proof.map(Some),
        }
    };
    let all: Vec<i64> = [defined, events].concat();
    if let Some(proof) = whole(&all)? {
        return Ok(vec![proof]);
    }
    if let Some(last) = whole(events)? {
        let mut stretches = each(conn, defined, defined)?;
        stretches.push(last);
        return Ok(stretches);
    }
    let ends: Vec<i64> = all.iter().copied().filter(|seq| *seq != end).chain([end]).collect();
    each(conn, &ends, &all)
}

/// A stretch for each of these places, with its content where it is one of `seqs`.
fn each(conn: &Connection, ends: &[i64], seqs: &[i64]) -> Result<Vec<JournalProof>> {
    let stretches = ends.iter().map(|&seq| {
        let mut proof = prove_changes(conn, &ProveChanges { seqs: vec![seq], until: Some(seq) })?;
        if !seqs.contains(&seq) {
            // The head is somebody else's matter.
            proof.links.iter_mut().for_each(|link| link.content = None);
        }
        Ok(proof)
    });
    stretches.collect()
}
