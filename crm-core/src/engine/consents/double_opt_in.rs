//! Double opt-in: a request, a message with a secret, and the confirmation.
//!
//! Until it is confirmed a request stands beside the journal, with the hash of its secret, so that it
//! can be erased without a trace when nobody confirms it.

use super::{
    Consents, commit, find_notice, hash, new_secret, prepare, subject, to_body, wrong_token,
};
use crate::{
    ChangeKind, ConfirmConsent, ConsentEvent, ConsentEvidence, ConsentKind, ConsentMethod,
    ConsentRequest, Error, ErrorKind, NewConsent, RequestConsent, Result, ShownNotice,
    SweepConsents, SweptConsents,
    condition::{Direction, Moment},
    consent::{Rule, check_evidence, check_new, language},
    engine::{Writing, check_limit},
    privacy::told::SweptBody,
    store::{consents as rows, privacy},
};

impl Consents<'_> {
    /// Begins a double opt-in and answers with the secret that the message to the person carries. Nothing
    /// is permitted until it is confirmed, and what nobody confirms is erased by [`Consents::sweep`].
    ///
    /// # Errors
    ///
    /// As [`Consents::record`].
    pub fn request(&self, request: RequestConsent) -> Result<ConsentRequest> {
        self.crm.write(|writing| begin(writing, request))
    }

    /// Confirms a double opt-in: the consent stands in the ledger from now on, with the proof of both
    /// steps. What was withdrawn since the request stays withdrawn.
    ///
    /// # Errors
    ///
    /// `NotFound` if nothing waits for this token; `Duplicate` if it is confirmed already; `Refused` if it
    /// is too late; `LimitExceeded`.
    pub fn confirm(&self, request: ConfirmConsent) -> Result<ConsentEvent> {
        check_evidence(request.evidence.as_ref(), "evidence")?;
        self.crm.write(|writing| {
            let token = hash(&request.token);
            let waiting = rows::request(writing.tx, &token)?.ok_or_else(wrong_token)?;
            let at_token = |kind, message| Err(Error::new(kind, message).with_field("token"));
            if waiting.confirmed_at.is_some() {
                return at_token(ErrorKind::Duplicate, "it is confirmed already");
            }
            if writing.now >= waiting.expires_at {
                return at_token(ErrorKind::Refused, "the time to confirm it is over");
            }
            let mut event = waiting.event;
            if let (Some(name), Some(text)) = (&event.notice, &request.language) {
                // The confirmation shows the same text, perhaps in another language: as it was when the
                // message was sent.
                let (book, language) = (writing.catalog.book(), language(text)?);
                let latest = find_notice(book, name, None, Some(&language))?;
                let sent = book.notices.iter().filter(|notice| {
                    (&notice.name, &notice.language) == (&latest.name, &latest.language)
                        && notice.published_at <= waiting.requested_at
                });
                let notice = sent.max_by_key(|notice| notice.version).unwrap_or(latest);
                let (version, sha256) = (notice.version, notice.sha256.clone());
                let first = event.notice_version.replace(version);
                let first = first.zip(event.language.replace(notice.language.clone()));
                let first = first.zip(event.notice_sha256.replace(sha256));
                let first = first.map(|((version, language), sha256)| ShownNotice {
                    version,
                    language,
                    sha256,
                });
                event.request_notice =
                    first.filter(|first| Some(&first.sha256) != event.notice_sha256.as_ref());
            }
            event.occurred_at = writing.now;
            event.request_evidence = event.evidence.take();
            event.requested_at = Some(waiting.requested_at);
            event.evidence = request.evidence.and_then(ConsentEvidence::told);
            let table = subject(writing.tx, writing, &event.subject)?;
            rows::confirm_request(writing.tx, &token, writing.now)?;
            commit(writing, &table, event)
        })
    }

    /// Erases the double opt-ins that nobody confirmed in time, and the proofs of people who were erased
    /// that are kept no longer; the journal says how many of these went, and by when. Call it now and then.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn sweep(&self, request: &SweepConsents) -> Result<SweptConsents> {
        check_limit(request.limit)?;
        self.crm.write(|writing| {
            let limit = u64::from(request.limit);
            let erased_requests = rows::erase_requests(writing.tx, writing.now, request.limit)?;
            let erased_proofs = privacy::erase_proofs(writing.tx, writing.now, request.limit)?;
            if erased_proofs > 0 {
                // Whoever verifies the file by an earlier clock would miss them.
                tell_swept(writing, erased_proofs)?;
            }
            let has_more = erased_requests == limit || erased_proofs == limit;
            Ok(SweptConsents { erased_requests, erased_proofs, has_more })
        })
    }
}

/// Writes to the journal that proofs which were kept no longer were erased, and by when.
fn tell_swept(writing: &mut Writing<'_>, proofs: u64) -> Result<()> {
    let body = SweptBody { at: writing.now, proofs };
    let body = serde_json::to_string(&body).expect("two numbers are always JSON");
    let stamp = writing.stamp();
    writing.log(stamp, ChangeKind::ProofsSwept, None, None, &body)
}

/// Begins a double opt-in within a transaction.
pub(super) fn begin(writing: &mut Writing<'_>, request: RequestConsent) -> Result<ConsentRequest> {
    subject(writing.tx, writing, &request.subject)?;
    // It is judged as a grant: what it lacks now it would lack when it is confirmed. So it names what the
    // person had taken back before they asked, and nothing that they take back while the message waits.
    let mut new = NewConsent::grant(request.subject, request.channel, request.purpose);
    new.method = ConsentMethod::DoubleOptIn;
    new.contact_point = Some(request.contact_point);
    (new.notice, new.language) = (request.notice, request.language);
    (new.source, new.evidence) = (request.source, request.evidence);
    (new.by_guardian, new.supersedes) = (request.by_guardian, request.supersedes);
    check_new(&new)?;
    let mut event = prepare(writing, new)?;
    event.kind = ConsentKind::Confirmed;
    let (channel, purpose) = (event.channel.as_deref(), event.purpose.as_deref());
    let rule = Rule::new(
        writing.catalog.book(),
        purpose.unwrap_or_default(),
        channel.unwrap_or_default(),
    )?;
    let now = Moment::new(writing.now, "UTC")?;
    let expires_at = now.shifted(rule.confirms_within, Direction::Next);
    let (token, hash) = new_secret(writing);
    let body = to_body(&event);
    rows::insert_request(writing.tx, &hash, &body, (writing.now, expires_at))?;
    Ok(ConsentRequest { token, expires_at })
}
