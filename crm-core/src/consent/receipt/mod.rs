//! Receipts: what a person allowed, as a document for that person.
//!
//! Two formats: records and receipts of ISO/IEC TS 27560 in the terms of the Data Privacy Vocabulary, as
//! JSON-LD (the W3C guide "Implementing ISO/IEC TS 27560:2023 Consent Records and Receipts with DPV"), and
//! the consent receipt of the Kantara Initiative, version 1.1. The invariants: the same ledger gives the
//! same bytes; nobody is said to have agreed to what was defined later, so that agreements to different
//! definitions of one purpose are records of their own; and nothing is invented: what the definitions do
//! not say is left out of the document, and named beside it.

mod dpv;
mod kantara;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::{
    Book, ConsentEvent, ConsentKind, ConsentStatus, LegalBasis, Party, Processing, Purpose,
    event::named,
    ledger::{Key, Proof},
};
use crate::{RecordId, RecordRef, Result, Timestamp, shape::debug};

named! {
    /// The form of a receipt.
    ReceiptFormat {
        /// ISO/IEC TS 27560 in the terms of the Data Privacy Vocabulary, as JSON-LD.
        Dpv = "dpv",
        /// The consent receipt of the Kantara Initiative, version 1.1, as JSON. It has what is allowed, and
        /// nothing that was taken back.
        Kantara = "kantara",
    }
}

/// Makes a receipt of what a person allowed: the request of `consents.receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetReceipt {
    /// The person: a record.
    pub subject: RecordRef,
    /// The form.
    pub format: ReceiptFormat,
    /// The purpose; every one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub purpose: Option<String>,
}

impl GetReceipt {
    /// A receipt of all that a person allowed.
    #[must_use]
    pub fn new(subject: RecordRef, format: ReceiptFormat) -> Self {
        Self { subject, format, purpose: None }
    }
}

/// A consent of which a receipt tells.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReceiptedConsent {
    /// The id of its record: the event with which it began.
    pub id: RecordId,
    /// The purpose.
    pub purpose: String,
    /// The channel.
    pub channel: String,
    /// The address or number, if it names one.
    pub contact_point: Option<String>,
    /// Where it stands now.
    pub status: ConsentStatus,
}

debug! { ReceiptedConsent shows(id, purpose, channel, status) hides(contact_point) }

/// A receipt: the answer of `consents.receipt`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentReceipt {
    /// Its id, which follows from what it says: a UUID.
    pub id: String,
    /// The form.
    pub format: ReceiptFormat,
    /// The document: JSON.
    pub document: String,
    /// The consents of which it tells, in the order of the document.
    pub consents: Vec<ReceiptedConsent>,
    /// What the definitions do not say and the form asks for, such as
    /// `purposes.news.processing.jurisdiction`; none if the receipt is complete.
    pub missing: Vec<String>,
}

debug! { ConsentReceipt shows(id, format, consents, missing) hides(document) }

/// A purpose and the parties that it names, as they were defined when somebody acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) purpose: Purpose,
    /// By name.
    pub(crate) parties: BTreeMap<String, Party>,
}

impl Terms {
    fn controller(&self) -> Option<&Party> {
        self.parties.get(self.purpose.controller.as_ref()?)
    }

    /// The parties that get the data besides the controller, each once, by name.
    fn recipients(&self) -> impl Iterator<Item = &Party> {
        self.purpose.recipients().into_iter().filter_map(|name| self.parties.get(name))
    }
}

/// A consent with all events that say where it stands.
pub(crate) struct ConsentFile<'a> {
    /// What was agreed to, or asked for.
    pub(crate) terms: Terms,
    pub(crate) channel: &'a str,
    pub(crate) contact_point: Option<&'a str>,
    /// The event with which it began.
    pub(crate) id: RecordId,
    /// In order of the act, then of the id.
    pub(crate) events: Vec<&'a ConsentEvent>,
    /// Where it stands, as it was decided.
    pub(crate) status: ConsentStatus,
}

impl ConsentFile<'_> {
    fn key(&self) -> Key<'_> {
        let Purpose { name, controller, .. } = &self.terms.purpose;
        Key {
            channel: self.channel,
            purpose: name,
            controller: controller.as_deref(),
            contact_point: self.contact_point,
        }
    }

    /// Whether both are about the same, whatever was agreed to.
    fn is_beside(&self, other: &Self) -> bool {
        self.terms.purpose.name == other.terms.purpose.name
            && (self.channel, self.contact_point) == (other.channel, other.contact_point)
    }

    /// The last event that shows that it was allowed.
    fn given(&self) -> Option<&ConsentEvent> {
        let events = self.events.iter().copied();
        let given =
            events.filter(|event| event.kind.is_permitting() && event.proof() != Proof::None);
        given.max_by_key(|event| in_order(event))
    }
}

/// By which events are in order.
fn in_order(event: &ConsentEvent) -> (Timestamp, RecordId) {
    (event.occurred_at, event.id)
}

/// Whether an event begins a consent of its own.
fn opens(event: &ConsentEvent) -> bool {
    use ConsentKind as Kind;
    let is_consent = event.basis.is_none_or(|basis| basis == LegalBasis::Consent);
    is_consent
        && matches!(
            event.kind,
            Kind::Granted
                | Kind::Renewed
                | Kind::Confirmed
                | Kind::Imported
                | Kind::Requested
                | Kind::Denied
        )
}

/// The consents of a ledger, by purpose, channel, contact point and what was agreed to, of which `terms_of`
/// tells by the event and its purpose. Where each stands is to be decided.
///
/// # Errors
///
/// What `terms_of` answers.
pub(crate) fn open_files<'a>(
    events: &'a [ConsentEvent],
    purpose: Option<&str>,
    mut terms_of: impl FnMut(&ConsentEvent, &str) -> Result<Option<Terms>>,
) -> Result<Vec<ConsentFile<'a>>> {
    let mut files: Vec<ConsentFile<'a>> = Vec::new();
    for event in events.iter().filter(|event| opens(event)) {
        let (Some(of), Some(channel)) = (event.purpose.as_deref(), event.channel.as_deref()) else {
            continue;
        };
        if purpose.is_some_and(|purpose| purpose != of) {
            continue;
        }
        let Some(terms) = terms_of(event, of)? else { continue };
        let contact_point = event.contact_point.as_deref();
        let new = ConsentFile {
            terms,
            channel,
            contact_point,
            id: event.id,
            events: vec![event],
            status: ConsentStatus::Unknown,
        };
        match files.iter_mut().find(|file| file.is_beside(&new) && file.terms == new.terms) {
            Some(file) => {
                file.id = file.id.min(event.id);
                file.events.push(event);
            }
            None => files.push(new),
        }
    }
    let told: Vec<_> = files.iter().map(|file| told(file, &files, events)).collect();
    for (file, told) in files.iter_mut().zip(told) {
        file.events = told;
    }
    files.sort_by(|one, other| {
        let key = |file: &ConsentFile<'a>| (file.channel, file.contact_point, file.id);
        let names = (&one.terms.purpose.name, &other.terms.purpose.name);
        names.0.cmp(names.1).then_with(|| key(one).cmp(&key(other)))
    });
    Ok(files)
}

/// All events that say where a consent stands which was opened by the events that it has.
fn told<'a>(
    file: &ConsentFile<'a>,
    files: &[ConsentFile<'a>],
    events: &'a [ConsentEvent],
) -> Vec<&'a ConsentEvent> {
    let begins = |file: &ConsentFile<'a>| file.events.iter().map(|event| in_order(event)).min();
    let (beginning, key) = (begins(file), file.key());
    // What lies before it ended what was agreed to earlier.
    let is_later = files.iter().any(|one| one.is_beside(file) && begins(one) < beginning);
    let ending = events.iter().filter(|event| ends(event, &key));
    let mut told: Vec<&ConsentEvent> =
        ending.filter(|event| !is_later || Some(in_order(event)) >= beginning).collect();
    told.extend(file.events.iter().filter(|event| event.kind != ConsentKind::Denied));
    told.sort_by_key(|event| in_order(event));
    told
}

/// Whether an event stands against a consent of a key.
fn ends(event: &ConsentEvent, key: &Key<'_>) -> bool {
    let restricts = event.kind.is_restricting()
        && !matches!(event.kind, ConsentKind::Restricted | ConsentKind::Paused);
    restricts && event.entry().reaches(key)
}

/// What a receipt is made of.
pub(crate) struct ReceiptFacts<'a> {
    pub(crate) book: &'a Book,
    pub(crate) subject: &'a RecordRef,
    pub(crate) files: Vec<ConsentFile<'a>>,
    pub(crate) format: ReceiptFormat,
}

/// What is missing, by the path of the definition that could say it.
#[derive(Default)]
struct Missing(BTreeSet<String>);

impl Missing {
    /// The text, unless it is empty; then the place is noted.
    fn text<'t>(&mut self, text: &'t str, place: impl FnOnce() -> String) -> Option<&'t str> {
        if text.is_empty() {
            self.0.insert(place());
            return None;
        }
        Some(text)
    }

    fn note(&mut self, place: String) {
        self.0.insert(place);
    }
}

/// The definition of a part of a purpose.
fn place(purpose: &Purpose, part: &str) -> String {
    format!("purposes.{}.{part}", purpose.name)
}

/// How data is processed for a purpose; nothing is known if nothing was said.
fn processing(purpose: &Purpose) -> &Processing {
    static NOTHING: std::sync::LazyLock<Processing> = std::sync::LazyLock::new(Processing::default);
    purpose.processing.as_ref().unwrap_or(&NOTHING)
}

/// Makes a receipt; `None` if there is nothing of which it would tell.
pub(crate) fn receipt(facts: &ReceiptFacts<'_>) -> Option<ConsentReceipt> {
    let mut missing = Missing::default();
    let is_allowed = |file: &&ConsentFile<'_>| {
        matches!(file.status, ConsentStatus::Given | ConsentStatus::RenewedGiven)
    };
    let files: Vec<&ConsentFile<'_>> = match facts.format {
        ReceiptFormat::Dpv => facts.files.iter().collect(),
        ReceiptFormat::Kantara => facts.files.iter().filter(is_allowed).collect(),
    };
    if files.is_empty() {
        return None;
    }
    let mut document = match facts.format {
        ReceiptFormat::Dpv => dpv::document(facts, &files, &mut missing),
        ReceiptFormat::Kantara => kantara::document(facts, &files, &mut missing),
    };
    let id = receipt_id(&document, &files);
    match facts.format {
        ReceiptFormat::Dpv => dpv::identify(&mut document, &id),
        ReceiptFormat::Kantara => kantara::identify(&mut document, &id),
    }
    let consents = files.iter().map(|file| ReceiptedConsent {
        id: file.id,
        purpose: file.terms.purpose.name.clone(),
        channel: file.channel.to_owned(),
        contact_point: file.contact_point.map(str::to_owned),
        status: file.status,
    });
    Some(ConsentReceipt {
        id,
        format: facts.format,
        consents: consents.collect(),
        document: serde_json::to_string_pretty(&document).expect("a document is always JSON"),
        missing: missing.0.into_iter().collect(),
    })
}

/// A UUID (version 8, RFC 9562) that follows from what the receipt says.
fn receipt_id(document: &Json, files: &[&ConsentFile<'_>]) -> String {
    let mut digest = Sha256::new();
    digest.update(document.to_string());
    files.iter().for_each(|file| digest.update(file.status.name()));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    RecordId::from_bytes(bytes).to_string()
}

/// When the last of what a receipt tells was recorded.
fn last_recorded(files: &[&ConsentFile<'_>]) -> Option<Timestamp> {
    files.iter().flat_map(|file| &file.events).map(|event| event.recorded_at).max()
}
