//! The chain of the journal: its head, whether it holds, and proofs of single changes.

use super::{
    Crm, Journal, check_range,
    database::is_finding,
    progress::Reports,
    verify::{Step, note},
};
use crate::{
    Error, ErrorKind, Flow, JournalHead, JournalProof, JournalReport, Progress, ProofContent,
    ProofLink, ProveChanges, RecordId, Result, VerifyJournal, VerifyReport,
    journal::chain::{self, Hash, Link, Walk, from_hex, hex},
    limits,
    ops::Watch,
    store::{Connection, chain as rows, journal},
};

/// What is followed in one go, from one state of the file.
const FOLLOWED_AT_ONCE: usize = 10_000;

impl Journal<'_> {
    /// The end of the journal, to be kept outside the file: [`verify`](Self::verify) tells later
    /// whether something up to there was rewritten or cut off.
    ///
    /// ```
    /// use crm_core::{Crm, Flow, VerifyJournal, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.contacts().create(values! { "given_name" => "Ann" })?;
    /// let kept = crm.journal().head()?;
    /// crm.contacts().create(values! { "given_name" => "Bob" })?;
    /// let report = crm.journal().verify(&VerifyJournal::through(kept), &mut |_| Flow::Continue)?;
    /// assert!(report.is_ok);
    /// assert_eq!(report.leads_through_head, Some(true));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Corrupt` if the last change has no hash.
    pub fn head(&self) -> Result<JournalHead> {
        self.crm.shared.store.read_snapshot(|conn| head_at(conn, journal::last_seq(conn)?))
    }

    /// Follows the chain from the first change to the last: each has to be what its hash says, or to
    /// be erased, and each hash has to follow from the one before. Memory does not grow with the
    /// journal.
    ///
    /// By itself this finds what was changed, removed or moved without computing all later hashes
    /// anew. Somebody who can write the file can do that too, or cut off its end; then the chain no
    /// longer leads through a head that was kept elsewhere.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the hash of the head is none; `Interrupted` if `watch` cancelled it;
    /// `Corrupt` if the file cannot be read. What is found is no error but stands in the report.
    pub fn verify(&self, request: &VerifyJournal, watch: &mut Watch<'_>) -> Result<JournalReport> {
        let kept = request.head.as_ref().map(parse_head).transpose()?;
        let store = &self.crm.shared.store;
        let mark = store.mark();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        let total = store.read(journal::last_seq)?.unsigned_abs();
        let mut done = 0;
        let mut goes_on = |count: usize, is_last| {
            done += count as u64;
            let total = Some(total.max(done));
            let flow = reports.step(Progress { done, total }, is_last);
            store.check_interrupted(mark)?;
            match flow {
                Flow::Continue => Ok(()),
                Flow::Cancel => {
                    Err(Error::new(ErrorKind::Interrupted, "the verification was cancelled"))
                }
            }
        };
        let walk = self.crm.follow_chain(&mut |count| goes_on(count, false))?;
        goes_on(0, true)?;
        let (seq, hash) = walk.last;
        store.read_snapshot(|conn| {
            let leads_through_head = kept.map(|kept| is_at(conn, kept)).transpose()?;
            let hlc = rows::place(conn, seq)?.map_or(0, |(hlc, _)| hlc);
            Ok(JournalReport {
                is_ok: walk.broken == 0 && leads_through_head != Some(false),
                whole: walk.whole,
                erased: walk.erased,
                broken: walk.broken,
                broken_at: walk.broken_at,
                leads_through_head,
                head: JournalHead { seq, hlc, hash: hex(&hash) },
            })
        })
    }

    /// What somebody needs who knows a head, and is to believe that some changes are in the journal
    /// as they are shown: these changes whole, and of the others up to the head only what says
    /// nothing about anybody. How it is checked is written in `docs/storage-format.md`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if there are not 1 to 10,000 of them, or `until` lies before one of them;
    /// `NotFound` if one, or `until`, is not in the journal; `LimitExceeded` if more than 10,000
    /// changes lie between; `Corrupt` if the chain does not hold there.
    pub fn prove(&self, request: &ProveChanges) -> Result<JournalProof> {
        self.crm.shared.store.read_snapshot(|conn| prove_changes(conn, request))
    }
}

/// A proof of changes from one state of the file: see [`Journal::prove`].
pub(super) fn prove_changes(conn: &Connection, request: &ProveChanges) -> Result<JournalProof> {
    let mut seqs = request.seqs.clone();
    seqs.sort_unstable();
    check_range("seqs", seqs.len() as u64, 1, limits::PAGE.into())?;
    let (first, last) = (seqs[0], seqs[seqs.len() - 1]);
    let end = journal::last_seq(conn)?;
    let until = check_places((first, last), request.until, end)?;
    let before = match first {
        1 => chain::START,
        _ => rows::place(conn, first - 1)?.ok_or_else(broken)?.1,
    };
    let mut walk = Walk::after(first - 1, before);
    let count = usize::try_from(until - first + 1).unwrap_or(usize::MAX);
    let mut links = Vec::with_capacity(count);
    rows::links(conn, first - 1, count, |link| {
        walk.step(link);
        let is_shown = seqs.binary_search(&link.header.seq).is_ok();
        links.push(describe(link, is_shown)?);
        Ok(())
    })?;
    if walk.broken > 0 || walk.last.0 != until {
        return Err(broken());
    }
    let (method, before) = (chain::METHOD.to_owned(), hex(&before));
    Ok(JournalProof { method, before, links, head: head_at(conn, until)? })
}

impl Crm {
    /// Follows the whole chain; `step` hears of each page.
    fn follow_chain(&self, step: &mut dyn FnMut(usize) -> Result<()>) -> Result<Walk> {
        let mut walk = Walk::after(0, chain::START);
        // Rows before the first place do not belong there, and are met all the same.
        let mut after = i64::MIN;
        loop {
            let count = self.shared.store.read(|conn| {
                rows::links(conn, after, FOLLOWED_AT_ONCE, |link| {
                    walk.step(link);
                    Ok(())
                })
            })?;
            step(count)?;
            after = walk.last.0;
            if count < FOLLOWED_AT_ONCE {
                return Ok(walk);
            }
        }
    }

    /// Follows the chain of the journal, beside what the tables say.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_chain(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        match self.follow_chain(&mut |_| step(0)) {
            Ok(Walk { broken_at: None, .. }) => {}
            Ok(Walk { broken_at: Some(seq), broken, .. }) => {
                let finding = format!("the chain is broken at change {seq}, and {broken} times");
                note(report, format!("journal: {finding}"));
            }
            Err(error) if is_finding(error.kind()) => {
                note(report, format!("journal: {}", error.message()));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Checks that changes and the end of their proof are in a journal that ends at `end`, and answers
/// where the proof ends.
fn check_places((first, last): (i64, i64), until: Option<i64>, end: i64) -> Result<i64> {
    if first < 1 || last > end {
        return Err(Error::new(ErrorKind::NotFound, "no such change").with_field("seqs"));
    }
    let until = until.unwrap_or(end);
    if until > end {
        return Err(Error::new(ErrorKind::NotFound, "no such change").with_field("until"));
    }
    if until < last {
        let message = "must not lie before the changes that are proved";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("until"));
    }
    if until - first >= limits::PAGE.into() {
        let message = format!("a proof leads over at most {} changes", limits::PAGE);
        return Err(Error::new(ErrorKind::LimitExceeded, message)
            .with_field("until")
            .with_hint("let it lead to a head that was kept nearer to the change"));
    }
    Ok(until)
}

fn broken() -> Error {
    Error::new(ErrorKind::Corrupt, "the chain of the journal does not hold")
        .with_hint("journal.verify says where")
}

/// The head of the chain at a place; before the first change, that of an empty journal.
fn head_at(conn: &Connection, seq: i64) -> Result<JournalHead> {
    let (hlc, hash) = match seq {
        0 => (0, chain::START),
        _ => rows::place(conn, seq)?.ok_or_else(broken)?,
    };
    Ok(JournalHead { seq, hlc, hash: hex(&hash) })
}

fn parse_head(head: &JournalHead) -> Result<(i64, i64, Hash)> {
    let hash = from_hex(&head.hash).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "must be 64 hexadecimal digits")
            .with_field("head.hash")
    })?;
    Ok((head.seq, head.hlc, hash))
}

/// Whether the chain has this place.
fn is_at(conn: &Connection, (seq, hlc, hash): (i64, i64, Hash)) -> Result<bool> {
    Ok(match seq {
        0 => (hlc, hash) == (0, chain::START),
        _ => rows::place(conn, seq)? == Some((hlc, hash)),
    })
}

fn describe(link: &Link<'_>, is_shown: bool) -> Result<ProofLink> {
    let (commitment, is_erased) = link.commitment().ok_or_else(broken)?;
    let (header, (_, name, name_salt)) = (&link.header, link.who);
    let id = |bytes: &[u8]| {
        Ok::<_, Error>(RecordId::from_bytes(bytes.try_into().map_err(|_| broken())?))
    };
    let content = match link.salt.filter(|_| is_shown && !is_erased) {
        Some(salt) => Some(ProofContent {
            salt: hex(salt),
            cause: link.cause.map(text).transpose()?,
            body: text(link.body)?,
            actor: text(name)?,
            actor_salt: name_salt.map(hex),
        }),
        None => None,
    };
    Ok(ProofLink {
        seq: header.seq,
        device: id(header.device)?.to_string(),
        device_seq: header.device_seq,
        hlc: header.hlc,
        transaction: header.transaction,
        actor: hex(header.actor),
        kind: text(header.kind)?,
        entity_type: header.entity_type.map(text).transpose()?,
        record_id: header.record_id.map(id).transpose()?,
        commitment: hex(&commitment),
        content,
    })
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::TestRunner};

    use super::*;
    use crate::{ChangeKind, GetHistory, ListChanges, NewActivity, RecordRef, Timestamp, values};

    /// A file with people, changes by several, and an activity.
    fn filled() -> (Crm, RecordId) {
        let crm = Crm::in_memory().unwrap();
        let ann = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
        let bob = crm.acting_as("user:bob", Some("a call")).unwrap();
        bob.contacts().patch(ann, values! { "given_name" => "Anna" }).unwrap();
        crm.activity_kinds().define_preset(crate::ActivityPreset::Call).unwrap();
        let of = RecordRef::new("contact", ann);
        bob.activities().record(NewActivity::of("call", of, Timestamp::UNIX_EPOCH)).unwrap();
        crm.contacts().create(values! { "given_name" => "Bob" }).unwrap();
        (crm, ann)
    }

    fn verify(crm: &Crm) -> JournalReport {
        crm.journal().verify(&VerifyJournal::default(), &mut |_| Flow::Continue).unwrap()
    }

    fn sql(crm: &Crm, text: &str) {
        crm.write(|writing| Ok(writing.tx.execute_batch(text)?)).unwrap();
    }

    fn erase(crm: &Crm, seqs: &[i64]) {
        let erased = |seq: &i64| crm.write(|writing| rows::erase(writing.tx, *seq)).unwrap();
        assert!(seqs.iter().all(erased));
    }

    #[test]
    fn what_was_tampered_with_is_found_at_its_place() {
        let (crm, _) = filled();
        let end = crm.journal().head().unwrap().seq;
        let report = verify(&crm);
        assert_eq!((report.is_ok, report.whole, report.broken), (true, end.unsigned_abs(), 0));
        assert_eq!(report.head, crm.journal().head().unwrap());
        let last = end - 1;
        for (tampering, at) in [
            (format!("UPDATE crm_journal SET body = '{{}}' WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET cause = '' WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET actor = 1 WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET actor = 99 WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET device = 99 WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET salt = NULL WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET hash = NULL WHERE seq = {last}"), last),
            (format!("UPDATE crm_journal SET seq = 0 WHERE seq = {last}"), 0),
            ("DELETE FROM crm_journal WHERE seq = 3".to_owned(), 4),
            ("DELETE FROM crm_journal WHERE seq <= 3".to_owned(), 4),
            (
                "UPDATE crm_journal SET seq = -1 WHERE seq = 4; UPDATE crm_journal SET seq = 4 \
                 WHERE seq = 5; UPDATE crm_journal SET seq = 5 WHERE seq = -1"
                    .to_owned(),
                4,
            ),
            ("UPDATE crm_actor SET name = 'user:eve' WHERE name = 'user:bob'".to_owned(), end - 3),
            ("UPDATE crm_actor SET salt = NULL WHERE name = 'user:bob'".to_owned(), end - 3),
            ("UPDATE crm_device SET uuid = zeroblob(16)".to_owned(), 1),
        ] {
            let (crm, _) = filled();
            let tampered = crm.write(|writing| {
                writing.tx.execute_batch("PRAGMA defer_foreign_keys = ON")?;
                Ok(writing.tx.execute_batch(&tampering)?)
            });
            // Where a reference leads nowhere SQLite itself refuses.
            if tampered.is_err() {
                assert!(tampering.contains("99"), "{tampering}");
                continue;
            }
            let report = verify(&crm);
            assert_eq!((report.is_ok, report.broken_at), (false, Some(at)), "{tampering}");
            assert!(!crm.verify(&mut |_| Flow::Continue).unwrap().is_ok, "{tampering}");
        }
    }

    #[test]
    fn a_head_that_was_kept_finds_a_cut_and_a_new_chain() {
        let (crm, _) = filled();
        let kept = crm.journal().head().unwrap();
        let through = |crm: &Crm, head: &JournalHead| {
            let request = VerifyJournal::through(head.clone());
            crm.journal().verify(&request, &mut |_| Flow::Continue).unwrap()
        };
        crm.contacts().create(values! { "given_name" => "Cid" }).unwrap();
        assert_eq!(through(&crm, &kept).leads_through_head, Some(true));
        assert!(through(&crm, &JournalHead { seq: 0, hlc: 0, hash: "0".repeat(64) }).is_ok);
        for other in [
            JournalHead { seq: kept.seq + 1, ..kept.clone() },
            JournalHead { seq: 0, ..kept.clone() },
            JournalHead { hlc: kept.hlc + 1, ..kept.clone() },
            JournalHead { seq: i64::MAX, ..kept.clone() },
            JournalHead { hash: "0".repeat(64), ..kept.clone() },
        ] {
            let report = through(&crm, &other);
            assert_eq!((report.broken, report.is_ok), (0, false), "{other:?}");
        }
        sql(&crm, &format!("DELETE FROM crm_journal WHERE seq >= {}", kept.seq));
        let report = through(&crm, &kept);
        assert_eq!((report.broken, report.leads_through_head), (0, Some(false)));
        assert!(verify(&crm).is_ok, "the cut alone is not to be seen from within");
        // Who computes the whole chain anew comes to another head.
        let (crm, _) = filled();
        let kept = crm.journal().head().unwrap();
        sql(
            &crm,
            "UPDATE crm_journal SET body = '{\"given_name\":\"Eve\"}' WHERE kind = 'record_created'",
        );
        crm.write(|writing| rows::chain_all(writing.tx, &|| [7; 32])).unwrap();
        let report = through(&crm, &kept);
        assert_eq!((report.broken, report.leads_through_head), (0, Some(false)));
        let head = JournalHead { hash: "x".repeat(64), ..kept };
        let error = crm.journal().verify(&VerifyJournal::through(head), &mut |_| Flow::Continue);
        assert_eq!(error.unwrap_err().field(), Some("head.hash"));
    }

    #[test]
    fn what_was_erased_leaves_the_chain_whole_and_readers_say_so() {
        let (crm, ann) = filled();
        let end = crm.journal().head().unwrap();
        let changes = |crm: &Crm| {
            let list = ListChanges { limit: 10_000, ..ListChanges::after(0) };
            crm.journal().changes(&list).unwrap().changes
        };
        let before = changes(&crm);
        let every: Vec<i64> = before.iter().map(|change| change.seq).collect();
        // Whatever the kind of a change, who reads can go on.
        erase(&crm, &every);
        let after = changes(&crm);
        assert_eq!(after.len(), before.len());
        for (was, is) in before.iter().zip(&after) {
            assert!(is.is_erased && !was.is_erased);
            assert_eq!(
                (was.seq, was.hlc, was.kind, &was.actor),
                (is.seq, is.hlc, is.kind, &is.actor)
            );
            assert!(is.values.is_empty() && is.cause.is_none() && is.definition.is_none());
        }
        let report = verify(&crm);
        assert_eq!((report.is_ok, report.whole, report.erased), (true, 0, every.len() as u64));
        assert_eq!(report.head, end);
        assert!(crm.verify(&mut |_| Flow::Continue).unwrap().problems.iter().all(|problem| {
            // The definitions were erased too, as the engine erases none.
            problem.contains("definition")
        }));
        let history = crm.journal().of_record("contact", ann).unwrap();
        let kinds: Vec<_> = history.iter().map(|entry| (entry.kind, entry.is_erased)).collect();
        assert_eq!(kinds, [(ChangeKind::RecordCreated, true), (ChangeKind::RecordPatched, true)]);
        assert_eq!(history[1].version, 2);
        let attribute = Some("given_name".to_owned());
        let entity_type = "contact".to_owned();
        let request = GetHistory { entity_type, id: ann, attribute, after: 0, limit: 10 };
        assert!(crm.journal().history(&request).unwrap().entries.is_empty());
        // It can be written on, and erasing once more does nothing.
        crm.contacts().patch(ann, values! { "given_name" => "A" }).unwrap();
        assert!(!crm.write(|writing| rows::erase(writing.tx, every[0])).unwrap());
        assert_eq!((verify(&crm).whole, verify(&crm).is_ok), (1, true));
    }

    #[test]
    fn an_erasure_cannot_hide_another_change() {
        let (crm, _) = filled();
        let end = crm.journal().head().unwrap().seq;
        erase(&crm, &[end]);
        for tampering in [
            "cause = 'x'",
            "body = '{\"a\":1}'",
            "commitment = zeroblob(32)",
            "commitment = NULL",
            "hlc = hlc + 1",
        ] {
            let (crm, _) = filled();
            erase(&crm, &[end]);
            assert!(verify(&crm).is_ok);
            sql(&crm, &format!("UPDATE crm_journal SET {tampering} WHERE seq = {end}"));
            assert_eq!(verify(&crm).broken_at, Some(end), "{tampering}");
        }
        // An actor's name can be erased too, under the one name that says so.
        sql(
            &crm,
            "UPDATE crm_actor SET salt = NULL, name = 'erased:' || id WHERE name = 'user:bob'",
        );
        assert!(verify(&crm).is_ok);
    }

    #[test]
    fn a_person_is_erased_though_the_chain_is_broken_and_it_stays_so() {
        let of_person = "record_id IS NOT NULL AND kind = 'record_patched'";
        for (row, erased) in [(of_person, true), ("kind = 'activity_kind_defined'", false)] {
            let (crm, ann) = filled();
            sql(&crm, &format!("UPDATE crm_journal SET body = body || ' ' WHERE {row}"));
            let before = verify(&crm);
            let subject = RecordRef::new("contact", ann);
            crm.privacy().erase(&crate::EraseSubject::new(subject)).unwrap();
            let after = verify(&crm);
            assert_eq!((after.is_ok, after.broken_at), (false, before.broken_at), "{row}");
            assert!(after.erased > 0);
            let list = ListChanges { limit: 10_000, ..ListChanges::after(0) };
            let changes = crm.journal().changes(&list).unwrap().changes;
            let broken = changes.iter().find(|change| Some(change.seq) == before.broken_at);
            assert_eq!(broken.unwrap().is_erased, erased, "{row}");
        }
    }

    /// The hash of the head, from a proof alone.
    fn recompute(proof: &JournalProof) -> String {
        let bytes = |text: &str| from_hex(text).unwrap();
        let mut hash = bytes(&proof.before);
        for link in &proof.links {
            if let Some(content) = &link.content {
                let cause = content.cause.as_deref().map(str::as_bytes);
                let salt = bytes(&content.salt);
                assert_eq!(
                    link.commitment,
                    hex(&chain::commit(&salt, cause, content.body.as_bytes()))
                );
                let salt = bytes(content.actor_salt.as_ref().unwrap());
                assert_eq!(link.actor, hex(&chain::commit_actor(&salt, content.actor.as_bytes())));
            }
            let device: RecordId = link.device.parse().unwrap();
            let header = chain::Header {
                seq: link.seq,
                device: device.as_bytes(),
                device_seq: link.device_seq,
                hlc: link.hlc,
                transaction: link.transaction,
                actor: &bytes(&link.actor),
                kind: link.kind.as_bytes(),
                entity_type: link.entity_type.as_deref().map(str::as_bytes),
                record_id: link.record_id.as_ref().map(|id| id.as_bytes().as_slice()),
            };
            hash = header.link(&hash, &bytes(&link.commitment));
        }
        hex(&hash)
    }

    #[test]
    fn a_proof_shows_what_it_is_about_and_leads_to_the_head() {
        let (crm, _) = filled();
        let head = crm.journal().head().unwrap();
        let end = head.seq;
        erase(&crm, &[end - 1]);
        for (seqs, until) in [
            (vec![1], None),
            (vec![end], None),
            (vec![end - 1, end - 3, 2], Some(end)),
            (vec![3], Some(3)),
        ] {
            let request = ProveChanges { until, ..ProveChanges::new(seqs.clone()) };
            let proof = crm.journal().prove(&request).unwrap();
            let shown: Vec<i64> = proof
                .links
                .iter()
                .filter(|link| link.content.is_some())
                .map(|link| link.seq)
                .collect();
            let mut wanted: Vec<i64> = seqs.iter().copied().filter(|seq| *seq != end - 1).collect();
            wanted.sort_unstable();
            assert_eq!(shown, wanted);
            assert_eq!(recompute(&proof), proof.head.hash);
            assert_eq!(proof.head.seq, until.unwrap_or(end));
            if until != Some(3) {
                assert_eq!(proof.head, head);
            }
            let mut forged = proof.clone();
            forged.links[0].hlc += 1;
            assert_ne!(recompute(&forged), proof.head.hash);
        }
        let refused = |seqs: &[i64], until| {
            let request = ProveChanges { until, ..ProveChanges::new(seqs.iter().copied()) };
            let error = crm.journal().prove(&request).unwrap_err();
            (error.kind(), error.field().map(str::to_owned))
        };
        let field = |name: &str| Some(name.to_owned());
        assert_eq!(refused(&[], None), (ErrorKind::InvalidArgument, field("seqs")));
        assert_eq!(refused(&[0], None), (ErrorKind::NotFound, field("seqs")));
        assert_eq!(refused(&[end + 1], None), (ErrorKind::NotFound, field("seqs")));
        assert_eq!(refused(&[3], Some(2)), (ErrorKind::InvalidArgument, field("until")));
        assert_eq!(refused(&[3], Some(end + 1)), (ErrorKind::NotFound, field("until")));
        sql(&crm, "UPDATE crm_journal SET kind = 'x' WHERE seq = 4");
        assert_eq!(refused(&[3], None).0, ErrorKind::Corrupt);
    }

    /// The columns of a row, in the order of the table.
    const COLUMNS: [&str; 14] = [
        "seq",
        "device",
        "device_seq",
        "hlc",
        "tx",
        "actor",
        "cause",
        "kind",
        "entity_type",
        "record_id",
        "body",
        "salt",
        "commitment",
        "hash",
    ];

    #[test]
    fn one_changed_bit_anywhere_in_any_row_is_found() {
        let (crm, _) = filled();
        let end = crm.journal().head().unwrap().seq;
        erase(&crm, &[3, end - 2]);
        let cases = if std::env::var_os("CRM_QUICK").is_some() { 100 } else { 500 };
        let config =
            ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        let strategy = (1..=end, 0..COLUMNS.len(), any::<u16>(), 0..8_u8);
        let law = TestRunner::new(config).run(&strategy, |(seq, column, place, bit)| {
            let undone = || Error::new(ErrorKind::Interrupted, "undone");
            let mut walk = Walk::after(0, chain::START);
            let outcome = crm.write(|writing| {
                writing.tx.execute_batch("PRAGMA defer_foreign_keys = ON")?;
                if !rows::flip(writing.tx, seq, COLUMNS[column], (place.into(), bit))? {
                    return Ok(false);
                }
                rows::links(writing.tx, i64::MIN, 10_000, |link| {
                    walk.step(link);
                    Ok(())
                })?;
                Err::<bool, _>(undone())
            });
            match outcome {
                // Another row stands in that place.
                Ok(_) => Ok(()),
                Err(error) => {
                    prop_assert_eq!(error.message(), "undone");
                    prop_assert!(walk.broken > 0);
                    prop_assert!(column == 0 || walk.broken_at == Some(seq));
                    Ok(())
                }
            }
        });
        law.unwrap();
        assert!(verify(&crm).is_ok);
    }
}
