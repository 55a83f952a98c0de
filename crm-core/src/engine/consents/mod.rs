//! Consent: recording what people allow and take back, and reading the ledger.
//!
//! Definitions are in `definitions`, the decision in `decisions`, many events in one transaction in
//! `batches`, double opt-ins in `double_opt_in`,
//! one-click links in `links`, the preference centre in `preferences`, records that are one person in
//! `people`, receipts in `receipts`, proof of a decision in `proof`. The invariant: the tables are
//! what the changes of the journal make of them, for both are written by the same step, in the same
//! transaction; only what waits for a confirmation, and links, stand beside the journal, so that they
//! can go without a trace.

mod batches;
mod decisions;
pub(super) mod definitions;
mod double_opt_in;
mod links;
pub(super) mod people;
mod preferences;
mod proof;
mod receipts;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Crm, Writing, check_limit, privacy::suppression};
use crate::{
    ChangeKind, ConsentEvent, ConsentEvidence, ConsentHistory, ConsentKind, ConsentMethod, Error,
    ErrorKind, GetConsents, LegalBasis, NewConsent, PartyRole, RecordId, RecordRef, Result,
    Timestamp,
    consent::{self, Book, Entry, Key, NoticeModel},
    journal::chain::hex,
    store::{Connection, Transaction, consents as rows, privacy, records, table::Table},
};

/// Consent: see [`Crm::consents`].
#[derive(Debug)]
pub struct Consents<'a> {
    crm: &'a Crm,
}

impl<'a> Consents<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Records an event: what a person allows, refuses or takes back, a legal basis, a restriction, a
    /// pause. Taking back what was never given is recorded too.
    ///
    /// ```
    /// use crm_core::{
    ///     Crm, MayContact, NewConsent, PublishNotice, Purpose, RecordRef, values,
    /// };
    ///
    /// let crm = Crm::in_memory()?;
    /// let consents = crm.consents();
    /// consents.publish_notice(PublishNotice::new("newsletter", "en", "We write once a week."))?;
    /// let news = Purpose::new("newsletter", ["email"]).notice("newsletter").policy("eu_general");
    /// consents.define_purpose(news)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?.id;
    /// let ann = RecordRef::new("contact", ann);
    ///
    /// let question = MayContact::new(ann.clone(), "email", "newsletter");
    /// assert!(!consents.decide(&question)?.is_allowed);
    /// consents.record(NewConsent::grant(ann.clone(), "email", "newsletter"))?;
    /// assert!(consents.decide(&question)?.is_allowed);
    /// consents.record(NewConsent::withdraw(ann))?;
    /// let answer = consents.decide(&question)?;
    /// assert_eq!(answer.reasons[0].text, "The person opted out of everything.");
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` for a person, channel, purpose, controller, text or superseded event that is not there;
    /// `UnknownType`; `Required` for what the kind needs; `InvalidArgument` for what does not go with it;
    /// `OutOfRange` for times in the future, an end before the beginning, or a word that lifts what came
    /// after it; `InvalidValue` for a
    /// contact point that is none; `Suppressed` for one of a person who was erased, where something is
    /// permitted; `LimitExceeded`.
    pub fn record(&self, new: NewConsent) -> Result<ConsentEvent> {
        self.crm.write(|writing| {
            let event = add(writing, new)?;
            follow(writing.tx, &event)?;
            Ok(event)
        })
    }

    /// Reads the ledger of a person, oldest first: each event whole, with its proof.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`; `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn history(&self, request: &GetConsents) -> Result<ConsentHistory> {
        check_limit(request.limit)?;
        self.crm.read_explained(|conn, catalog| {
            check_subject(conn, catalog.table(&request.subject.entity_type)?, &request.subject)?;
            let (id, limit) = (request.subject.id, request.limit);
            let mut found = rows::bodies(conn, id, request.after, limit + 1)?;
            let has_more = found.len() > limit as usize;
            found.truncate(limit as usize);
            let next = found.last().filter(|_| has_more).map(|(seq, _)| *seq);
            let events = found.iter().map(|(_, body)| read_event(body));
            Ok(ConsentHistory { events: events.collect::<Result<_>>()?, next })
        })
    }
}

/// An event as the journal has it.
pub(super) fn read_event(body: &str) -> Result<ConsentEvent> {
    serde_json::from_str(body)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a consent in the journal cannot be read"))
}

/// An event as the journal keeps it: without what it does not say.
pub(super) fn to_body(event: &ConsentEvent) -> String {
    fn strip(value: &mut serde_json::Value) {
        if let serde_json::Value::Object(parts) = value {
            parts.retain(|_, part| !part.is_null());
            parts.values_mut().for_each(strip);
        }
    }
    let mut body = serde_json::to_value(event).expect("an event is always JSON");
    strip(&mut body);
    body.to_string()
}

/// Whom an event of the journal is about.
pub(super) fn subject_of(body: &str) -> Result<RecordRef> {
    Ok(read_event(body)?.subject)
}

fn check_subject(conn: &Connection, table: &Table, subject: &RecordRef) -> Result<()> {
    if records::exists(conn, table, subject.id.as_bytes())? {
        return Ok(());
    }
    let error = Error::new(ErrorKind::NotFound, "no such record").with_field("subject.id");
    Err(match privacy::erased_at(conn, subject.id)? {
        Some(_) => error.with_hint("it was erased"),
        None => error,
    })
}

fn subject(conn: &Connection, writing: &Writing<'_>, subject: &RecordRef) -> Result<Arc<Table>> {
    let table = writing.table(&subject.entity_type);
    let table = table.map_err(|error| error.with_field("subject.type"))?;
    check_subject(conn, &table, subject)?;
    Ok(table)
}

/// A contact point in its normal form; without a channel it is told by its shape.
fn normal_point(
    book: &Book,
    channel: Option<&str>,
    contact_point: Option<&str>,
) -> Result<Option<String>> {
    let Some(text) = contact_point else { return Ok(None) };
    let medium = channel.map(|channel| book.medium(channel)).transpose()?;
    consent::contact_point(text, medium).map(Some)
}

/// The version of a text that an event means.
fn find_notice<'b>(
    book: &'b Book,
    name: &str,
    version: Option<i64>,
    language: Option<&str>,
) -> Result<&'b NoticeModel> {
    if !book.notices.iter().any(|notice| notice.name == name) {
        return Err(consent::no_notice("notice"));
    }
    let Some(latest) = book.latest(name, language) else {
        let message = match language {
            Some(_) => "the notice is not published in this language",
            None => "the notice is published in several languages",
        };
        let of_name = book.notices.iter().filter(|notice| notice.name == name);
        let mut languages: Vec<&str> = of_name.map(|notice| &*notice.language).collect();
        languages.dedup();
        return Err(Error::new(ErrorKind::NotFound, message)
            .with_field("language")
            .with_hint(format!("it is published in {}", languages.join(", "))));
    };
    let Some(version) = version else { return Ok(latest) };
    let mut of_name = book.notices.iter().filter(|notice| notice.name == name);
    let found = of_name.find(|one| one.language == latest.language && one.version == version);
    found.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "no such version of the notice")
            .with_field("notice_version")
            .with_hint(format!("the latest is version {}", latest.version))
    })
}

/// Judges an event and writes it, without what follows from it. What is refused leaves nothing behind.
fn add(writing: &mut Writing<'_>, new: NewConsent) -> Result<ConsentEvent> {
    consent::check_new(&new)?;
    let table = subject(writing.tx, writing, &new.subject)?;
    let mut event = prepare(writing, new)?;
    insert(writing, &table, &mut event)?;
    Ok(event)
}

/// An event that was judged, without id.
#[expect(clippy::too_many_lines, reason = "each field of an event with what is asked of it")]
fn prepare(writing: &Writing<'_>, new: NewConsent) -> Result<ConsentEvent> {
    let book = Arc::clone(writing.catalog.book());
    let (kind, at) = (new.kind, new.at.unwrap_or(writing.now));
    check_times(&new, at, writing.now)?;
    if let Some(channel) = &new.channel {
        book.medium(channel)?;
    }
    let purpose = new.purpose.as_deref().map(|name| book.purpose(name)).transpose()?;
    let mut controller = new.controller;
    if let Some(controller) = &controller {
        book.party(controller, PartyRole::Controller, "controller")?;
    }
    if let Some(purpose) = purpose {
        // What restricts a purpose that is nobody's in particular may name anybody.
        let is_open = purpose.controller.is_none() && !kind.is_permitting();
        if controller.is_some() && controller != purpose.controller && !is_open {
            let message = "the purpose is not one of this controller";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("controller"));
        }
        if kind.is_permitting() {
            controller.clone_from(&purpose.controller);
        }
    }
    let channel = new.channel.as_deref();
    let contact_point = normal_point(&book, channel, new.contact_point.as_deref())?;
    if let Some(point) = &contact_point
        && (kind.is_permitting() || kind == ConsentKind::Requested)
    {
        suppression::check(writing.tx, point, "contact_point")?;
    }
    let language = new.language.as_deref().map(consent::language).transpose()?;
    let is_shown = matches!(kind, ConsentKind::Granted | ConsentKind::Renewed);
    let shown = purpose.and_then(|purpose| purpose.notice.clone()).filter(|_| is_shown);
    let name = new.notice.or(shown);
    if is_shown && name.is_none() {
        return Err(Error::new(ErrorKind::Required, "the text that was shown")
            .with_field("notice")
            .with_hint("publish one with notices.publish, and name it here or in the purpose"));
    }
    let notice = match &name {
        Some(name) => Some(find_notice(&book, name, new.notice_version, language.as_deref())?),
        None => None,
    };
    let (ledger, _) = rows::ledger(writing.tx, new.subject.id)?;
    let supersedes = match new.supersedes {
        Some(ids) => {
            // What a linked record said can be answered, and is taken back there.
            let is_named = |entry: &Entry| kind != ConsentKind::Lifted || ledger.owns(entry.id);
            for (place, id) in ids.iter().enumerate() {
                if !ledger.counting().any(|entry| entry.id == *id && is_named(entry)) {
                    let message = "no such event in the ledger of this person";
                    return Err(Error::new(ErrorKind::NotFound, message)
                        .with_field(format!("supersedes[{place}]")));
                }
            }
            if kind == ConsentKind::Lifted {
                let named = |(place, id): (usize, &RecordId)| {
                    let entry = ledger.entries().iter().find(|entry| entry.id == *id)?;
                    Some((format!("supersedes[{place}]"), entry))
                };
                for (field, entry) in ids.iter().enumerate().filter_map(named) {
                    consent::check_lifted(entry, at, &field)?;
                }
            }
            ids
        }
        None if consent::is_own_act(kind, new.method) => ledger.answered(
            &Key {
                channel: channel.unwrap_or_default(),
                purpose: new.purpose.as_deref().unwrap_or_default(),
                controller: controller.as_deref(),
                contact_point: contact_point.as_deref(),
            },
            at,
        ),
        None => Vec::new(),
    };
    let basis = new.basis.or(Some(LegalBasis::Consent)).filter(|_| kind.is_permitting());
    Ok(ConsentEvent {
        id: RecordId::from_bytes([0; 16]),
        kind,
        subject: new.subject,
        channel: new.channel,
        purpose: new.purpose,
        controller,
        contact_point,
        basis,
        facts: new.facts,
        notice: name,
        notice_version: notice.map(|notice| notice.version),
        language: notice.map(|notice| notice.language.clone()).or(language),
        notice_sha256: notice.map(|notice| notice.sha256.clone()),
        request_notice: None,
        method: new.method,
        source: new.source,
        occurred_at: at,
        recorded_at: writing.now,
        evidence: new.evidence.and_then(ConsentEvidence::told),
        requested_at: new.requested_at,
        request_evidence: new.request_evidence.and_then(ConsentEvidence::told),
        expires_at: new.expires_at,
        supersedes,
        by_guardian: new.by_guardian,
        frequency: new.frequency,
        permitted_by: None,
        activity: None,
        told_of_objection: false,
    })
}

fn in_the_future() -> Error {
    Error::new(ErrorKind::OutOfRange, "lies in the future")
        .with_field("at")
        .with_hint("leave it out if it happens now")
}

fn check_times(new: &NewConsent, at: Timestamp, now: Timestamp) -> Result<()> {
    let out =
        |field: &str, message| Err(Error::new(ErrorKind::OutOfRange, message).with_field(field));
    if at > now {
        return Err(in_the_future());
    }
    if new.requested_at.is_some_and(|requested| requested > at) {
        return out("requested_at", "lies after the consent");
    }
    if new.expires_at.is_some_and(|end| end <= at) {
        return out("expires_at", "lies before the beginning");
    }
    Ok(())
}

/// Gives an event its id, and writes it to the journal, the ledger and what follows from it.
///
/// # Errors
///
/// `LimitExceeded` if it is too long; those of writing.
pub(in crate::engine) fn commit(
    writing: &mut Writing<'_>,
    table: &Table,
    mut event: ConsentEvent,
) -> Result<ConsentEvent> {
    insert(writing, table, &mut event)?;
    follow(writing.tx, &event)?;
    Ok(event)
}

/// Writes an event, and leaves what follows from it to `follow_all`.
pub(in crate::engine) fn insert(
    writing: &mut Writing<'_>,
    table: &Table,
    event: &mut ConsentEvent,
) -> Result<()> {
    event.id = writing.new_id();
    event.recorded_at = writing.now;
    writing.body = to_body(event);
    writing.check_body()?;
    let (stamp, seq) = (writing.stamp(), writing.next_seq());
    writing.log_body(stamp, ChangeKind::ConsentRecorded, None, Some(event.id))?;
    rows::insert(writing.tx, (table.model.id, event.subject.id), &event.entry(), seq)
}

/// Writes what follows from an event, for everybody whom it concerns.
fn follow(tx: &Transaction<'_>, event: &ConsentEvent) -> Result<()> {
    follow_all(tx, &rows::people(tx, event.subject.id)?.0)
}

/// Writes what follows from the ledgers of these records.
pub(in crate::engine) fn follow_all<'p>(
    tx: &Transaction<'_>,
    people: impl IntoIterator<Item = &'p RecordId>,
) -> Result<()> {
    for id in people {
        let (ledger, _) = rows::ledger(tx, *id)?;
        rows::put_following(tx, *id, &rows::follow(&ledger))?;
    }
    Ok(())
}

/// A secret that nobody can guess, and what the file keeps of it.
fn new_secret(writing: &Writing<'_>) -> (String, [u8; 32]) {
    // Ids of one millisecond differ by 32 random bits each: four make 128.
    let mut digest = Sha256::new();
    for _ in 0..4 {
        digest.update(writing.new_id().as_bytes());
    }
    let token = hex(&digest.finalize()[..24]);
    let hash = hash(&token);
    (token, hash)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn wrong_token() -> Error {
    Error::new(ErrorKind::NotFound, "nothing waits for this token").with_field("token")
}

/// An event by a method of the engine's own.
fn event_of(kind: ConsentKind, subject: RecordRef, method: ConsentMethod) -> NewConsent {
    NewConsent::new(kind, subject).method(method)
}
