//! May we? Decisions for one and for many, and the record that somebody was contacted.

use sha2::{Digest as _, Sha256};

use super::{
    Consents, check_subject, event_of, follow, hex, in_the_future, insert, normal_point, prepare,
    subject,
};
use crate::{
    Archived, ConsentDecision, ConsentEvent, ConsentKind, ConsentMethod, ConsentStatus, DecideMany,
    DenyReason, Error, ErrorKind, Kind, LegalBasis, ManyDecisions, MayContact, RecordDecision,
    RecordId, RecordRef, Result, Timestamp, UseConsent,
    cell::Cell,
    condition::Moment,
    consent::{Question, Rule, check_text, decide},
    engine::{Catalog, Writing, check_limit, privacy::suppression},
    store::{
        Connection, activities, consents as rows, privacy,
        records::{self, Position, Selection, StoredRow, Term},
        table::Table,
    },
};

impl Consents<'_> {
    /// Says whether a person may be contacted through a channel for a purpose, with every reason and its
    /// evidence. What nobody allowed is denied. Ask it just before each contact, and record the contact
    /// with [`Consents::record_use`] and the token of the answer. Of a person who was erased it says so. A
    /// record that is archived is answered for as any: archiving says nothing about consent.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` for a person, channel or purpose that is not there; `InvalidValue` for a
    /// contact point or time zone that is none; `UnknownOption` for a language other than `de` and `en`.
    pub fn decide(&self, request: &MayContact) -> Result<ConsentDecision> {
        let at = request.at.unwrap_or_else(|| self.crm.now());
        self.crm.read_explained(|conn, catalog| decide_one(conn, catalog, request, at))
    }

    /// Says for a page of records whether they may be contacted; those that are archived are left out, as in
    /// lists. With `with_tokens` each comes with what sending takes: its contact point, and the token for
    /// [`Consents::record_uses`]. The condition `consent("email", "newsletter")` finds those whom the ledger
    /// permits by SQL, much faster, but knows nothing of caps, pressure, quiet hours and how often the person
    /// wants to be contacted.
    ///
    /// # Errors
    ///
    /// As [`Consents::decide`] and as [`Crm::list_records`](crate::Crm::list_records).
    pub fn decide_many(&self, request: &DecideMany) -> Result<ManyDecisions> {
        check_limit(request.limit)?;
        let at = request.at.unwrap_or_else(|| self.crm.now());
        let zone = request.zone.as_deref();
        let moment = Moment::new(at, zone.unwrap_or("UTC"))?;
        self.crm.read_explained(|conn, catalog| {
            let table = catalog.table(&request.entity_type)?;
            let rule = Rule::new(catalog.book(), &request.purpose, &request.channel)?;
            let mut terms = Vec::new();
            if let Some(condition) = &request.condition {
                let name = &table.model.name;
                let wanted = self.crm.wanted(catalog, condition, name, Some(at), zone)?;
                terms.push(Term::Condition(wanted));
            }
            let selection = Selection {
                terms: &terms,
                archived: Archived::Exclude,
                order: None,
                after: request.after.map(|id| Position { key: Cell::Null, id }),
                limit: request.limit + 1,
            };
            let mut found = records::list(conn, table, &selection)?;
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let next = found.last().filter(|_| has_more).map(|row| row.id);
            let decisions = found.iter().map(|row| {
                let own = zone_of(table, row).map(|zone| Moment::new(at, zone)).transpose()?;
                let (ledger, last) = rows::ledger(conn, row.id)?;
                let moment = own.as_ref().unwrap_or(&moment);
                let question = Question { contact_point: None, moment, is_german: false };
                let mut decision = decide(catalog.book(), &rule, &ledger, question)?;
                let contact_point = decision.contact_point.take();
                let decided = RecordDecision::of(row.id, decision);
                if !request.with_tokens {
                    return Ok(decided);
                }
                let token = Some(token(conn, catalog, &rule, (row.id, last), None)?);
                Ok(RecordDecision { contact_point, token, ..decided })
            });
            let decisions: Vec<RecordDecision> = decisions.collect::<Result<_>>()?;
            let allowed = decisions.iter().filter(|decision| decision.is_allowed).count() as u64;
            Ok(ManyDecisions { decisions, allowed, next })
        })
    }

    /// Records that a person was contacted as it was decided. The use keeps a consent from lapsing, counts
    /// for caps and pressure, and begins the time anew for which proof is kept.
    ///
    /// # Errors
    ///
    /// As [`Consents::decide`]; `InvalidValue` if the token is none; `StaleVersion` if the ledger
    /// or the definitions changed since the decision; `Refused` if it is denied, or was allowed
    /// then and is over now; `Required` if an existing customer was not told that they may object;
    /// `OutOfRange` if the time lies in the future; `NotFound` if there is no such activity,
    /// `InvalidArgument` if it is about somebody else.
    pub fn record_use(&self, request: UseConsent) -> Result<ConsentEvent> {
        self.crm.write(|writing| {
            let event = add_use(writing, request)?;
            follow(writing.tx, &event)?;
            Ok(event)
        })
    }
}

/// Judges a use and writes it, without what follows from it. What is refused leaves nothing behind.
pub(super) fn add_use(writing: &mut Writing<'_>, request: UseConsent) -> Result<ConsentEvent> {
    check_text(request.source.as_deref(), "source")?;
    let at = request.at.unwrap_or(writing.now);
    if at > writing.now {
        return Err(in_the_future());
    }
    let question = MayContact {
        subject: request.subject.clone(),
        channel: request.channel,
        purpose: request.purpose,
        contact_point: request.contact_point,
        at: request.at,
        zone: request.zone,
        language: None,
    };
    if !is_token(&request.token) {
        let message = "is no token of a decision";
        return Err(Error::new(ErrorKind::InvalidValue, message)
            .with_field("token")
            .with_hint("hand in the token of consents.decide"));
    }
    let decision = decide_one(writing.tx, &writing.catalog, &question, at)?;
    if decision.token != request.token {
        let message = "the ledger has changed since the decision";
        return Err(Error::new(ErrorKind::StaleVersion, message)
            .with_field("token")
            .with_hint("decide again with consents.decide"));
    }
    let mut denial = decision.reasons.first().map(|reason| reason.reason);
    if denial.is_none() && at < writing.now {
        // A contact of the past does not bring back what has lapsed since.
        let decision = decide_one(writing.tx, &writing.catalog, &question, writing.now)?;
        let mut reasons = decision.reasons.iter().map(|reason| reason.reason);
        denial = reasons.find(|reason| !reason.is_passing());
    }
    if let Some(reason) = denial {
        let message = format!("it is denied: {}", reason.name());
        return Err(Error::new(ErrorKind::Refused, message).with_field("token"));
    }
    if decision.basis == Some(LegalBasis::ExistingCustomer) && !request.told_of_objection {
        let message = "an existing customer must be told each time that they may object";
        return Err(Error::new(ErrorKind::Required, message).with_field("told_of_objection"));
    }
    let mut used = event_of(ConsentKind::Used, request.subject, ConsentMethod::Api);
    (used.channel, used.purpose) = (Some(question.channel), Some(question.purpose));
    (used.contact_point, used.at) = (question.contact_point, Some(at));
    used.source = request.source;
    let table = subject(writing.tx, writing, &used.subject)?;
    check_activity(writing.tx, request.activity, used.subject.id)?;
    let mut event = prepare(writing, used)?;
    event.permitted_by = decision.evidence.first().copied();
    event.activity = request.activity;
    event.told_of_objection = request.told_of_objection;
    insert(writing, &table, &mut event)?;
    Ok(event)
}

/// Whether the activity that a contact was is one of the person: through their record or a linked one, as
/// its subject or by a link of its own.
fn check_activity(conn: &Connection, activity: Option<RecordId>, subject: RecordId) -> Result<()> {
    let Some(id) = activity else { return Ok(()) };
    let refused = |kind, message| Err(Error::new(kind, message).with_field("activity"));
    let Some(about) = activities::records_of(conn, id)? else {
        return refused(ErrorKind::NotFound, "no such activity");
    };
    let (people, _) = rows::people(conn, subject)?;
    if about.iter().any(|id| people.contains(id)) {
        return Ok(());
    }
    refused(ErrorKind::InvalidArgument, "the activity is about somebody else")
}

/// The time zone that a record names.
fn zone_of<'r>(table: &Table, row: &'r StoredRow) -> Option<&'r str> {
    let zones = table.model.live().filter(|one| one.definition.kind == Kind::TimeZone);
    let mut cells = zones.map(|attribute| &row.cells[attribute.first]);
    cells.find_map(|cell| match cell {
        Cell::Text(zone) => Some(zone.as_str()),
        _ => None,
    })
}

/// The time zone that the record of a person names.
pub(super) fn zone_of_subject(
    conn: &Connection,
    catalog: &Catalog,
    subject: &RecordRef,
) -> Result<Option<String>> {
    let table = catalog.table(&subject.entity_type)?;
    let row = records::get(conn, table, subject.id)?;
    Ok(row.as_ref().and_then(|row| zone_of(table, row)).map(str::to_owned))
}

pub(super) fn decide_one(
    conn: &Connection,
    catalog: &Catalog,
    request: &MayContact,
    at: Timestamp,
) -> Result<ConsentDecision> {
    let MayContact { subject, channel, purpose, contact_point, zone, language, .. } = request;
    let table = catalog.table(&subject.entity_type);
    let table = table.map_err(|error| error.with_field("subject.type"))?;
    let is_german = match language.as_deref() {
        None | Some("en") => false,
        Some("de") => true,
        Some(_) => {
            return Err(Error::new(ErrorKind::UnknownOption, "reasons are told in de or en")
                .with_field("language"));
        }
    };
    let rule = Rule::new(catalog.book(), purpose, channel)?;
    let point = normal_point(catalog.book(), Some(channel), contact_point.as_deref())?;
    let moment = match zone {
        Some(zone) => Moment::new(at, zone)?,
        // Only quiet hours need to know where the person is.
        None if rule.quiet.is_some() => {
            let zone = zone_of_subject(conn, catalog, subject)?;
            Moment::new(at, zone.as_deref().unwrap_or("UTC"))?
        }
        None => Moment::new(at, "UTC")?,
    };
    let is_erased = match check_subject(conn, table, subject) {
        Err(_) if privacy::erased_at(conn, subject.id)?.is_some() => true,
        checked => checked.map(|()| false)?,
    };
    let (mut ledger, last) = rows::ledger(conn, subject.id)?;
    if let Some(point) = &point
        && suppression::is_suppressed(conn, point)?
    {
        ledger = ledger.without([point.clone()]);
    }
    let question = Question { contact_point: point.as_deref(), moment: &moment, is_german };
    let mut decision = decide(catalog.book(), &rule, &ledger, question)?;
    decision.status = status(conn, &decision, subject.id, &rule, point.as_deref())?;
    if is_erased {
        decision = decision.denied(DenyReason::Erased, is_german);
    }
    decision.token = token(conn, catalog, &rule, (subject.id, last), point.as_deref())?;
    Ok(decision)
}

/// Where a consent stands, as it was decided by the ledger, which knows nothing of what waits for a
/// confirmation.
pub(super) fn status(
    conn: &Connection,
    decision: &ConsentDecision,
    subject: RecordId,
    rule: &Rule,
    contact_point: Option<&str>,
) -> Result<ConsentStatus> {
    let about = (&*rule.channel, &*rule.purpose, contact_point);
    let is_asked = decision.status == ConsentStatus::Unknown
        && rows::is_requested(conn, subject, about, decision.at)?;
    Ok(if is_asked { ConsentStatus::Requested } else { decision.status })
}

/// What a decision hangs on besides time: the question, the ledger, whose last event or link has the place
/// `last` in the journal, and the definitions.
fn token(
    conn: &Connection,
    catalog: &Catalog,
    rule: &Rule,
    (subject, last): (RecordId, i64),
    contact_point: Option<&str>,
) -> Result<String> {
    let (people, _) = rows::people(conn, subject)?;
    let mut digest = Sha256::new();
    digest.update(subject.as_bytes());
    digest.update(last.to_be_bytes());
    // A link that was taken away leaves no later place behind.
    for other in people.iter().filter(|id| **id != subject) {
        digest.update(other.as_bytes());
    }
    digest.update(catalog.book().seq.to_be_bytes());
    for part in [&rule.channel, &rule.purpose, contact_point.unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    Ok(hex(&digest.finalize()[..TOKEN_BYTES]))
}

/// Of how many bytes a token is written, in hexadecimal digits.
const TOKEN_BYTES: usize = 16;

/// Whether a text may be a token, of whatever decision.
fn is_token(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    text.len() == 2 * TOKEN_BYTES && text.bytes().all(is_digit)
}
