//! Receipts: what a person allowed, as a document for that person.
//!
//! Two formats: records and receipts of ISO/IEC TS 27560 in the terms of the Data Privacy Vocabulary, as
//! JSON-LD (the W3C guide "Implementing ISO/IEC TS 27560:2023 Consent Records and Receipts with DPV"), and
//! the consent receipt of the Kantara Initiative, version 1.1. The invariants: the same ledger gives the
//! same bytes; and nothing is invented: what the definitions do not say is left out of the document, and
//! named beside it.

mod dpv;
mod kantara;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    Book, ConsentEvent, ConsentKind, ConsentStatus, LegalBasis, Party, Processing, Purpose,
    event::named, ledger::Key,
};
use crate::{RecordId, RecordRef, Timestamp, shape::debug};

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
    /// What the definitions do not say and the form asks for, such as `purposes.news.processing.jurisdiction`;
    /// none if the receipt is complete.
    pub missing: Vec<String>,
}

debug! { ConsentReceipt shows(id, format, consents, missing) hides(document) }

/// A consent with all events that say where it stands.
pub(crate) struct ConsentFile<'a> {
    pub(crate) purpose: &'a Purpose,
    pub(crate) channel: &'a str,
    pub(crate) contact_point: Option<&'a str>,
    /// In order of the act, then of the id.
    pub(crate) events: Vec<&'a ConsentEvent>,
    /// Where it stands, as it was decided.
    pub(crate) status: ConsentStatus,
}

impl ConsentFile<'_> {
    /// The event with which it began.
    fn id(&self) -> RecordId {
        let ids = self.events.iter().map(|event| event.id);
        ids.min().expect("a file is opened by an event")
    }

    /// The last event by which it was allowed.
    fn given(&self) -> Option<&ConsentEvent> {
        let given = self.events.iter().copied().filter(|event| event.kind.is_permitting());
        given.max_by_key(|event| (event.occurred_at, event.id))
    }
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

/// The consents of a ledger, by purpose, channel and contact point. Where each stands is to be decided.
pub(crate) fn open_files<'a>(
    book: &'a Book,
    events: &'a [ConsentEvent],
    purpose: Option<&str>,
) -> Vec<ConsentFile<'a>> {
    let mut files: BTreeMap<(&str, &str, Option<&str>), ConsentFile<'a>> = BTreeMap::new();
    for event in events.iter().filter(|event| opens(event)) {
        let (Some(of), Some(channel)) = (event.purpose.as_deref(), event.channel.as_deref()) else {
            continue;
        };
        let Some(definition) = book.purposes.get(of) else { continue };
        if purpose.is_none_or(|purpose| purpose == of) {
            let contact_point = event.contact_point.as_deref();
            files.entry((of, channel, contact_point)).or_insert_with(|| ConsentFile {
                purpose: definition,
                channel,
                contact_point,
                events: Vec::new(),
                status: ConsentStatus::Unknown,
            });
        }
    }
    for file in files.values_mut() {
        let key = Key {
            channel: file.channel,
            purpose: &file.purpose.name,
            controller: file.purpose.controller.as_deref(),
            contact_point: file.contact_point,
        };
        file.events = events.iter().filter(|event| tells(event, &key)).collect();
        file.events.sort_by_key(|event| (event.occurred_at, event.id));
    }
    files.into_values().collect()
}

/// Whether an event says where the consent of a key stands.
fn tells(event: &ConsentEvent, key: &Key<'_>) -> bool {
    if opens(event) && event.kind != ConsentKind::Denied {
        return event.channel.as_deref() == Some(key.channel)
            && event.purpose.as_deref() == Some(key.purpose)
            && event.contact_point.as_deref() == key.contact_point;
    }
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

/// The parties that get the data of a purpose besides its controller, each once, by name.
fn recipients<'a>(book: &'a Book, purpose: &Purpose) -> Vec<&'a Party> {
    let names = purpose.processors.iter().chain(&processing(purpose).recipients);
    let names: BTreeSet<&String> = names.collect();
    names.into_iter().filter_map(|name| book.parties.get(name)).collect()
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
    let id = receipt_id(facts, &files);
    let document = match facts.format {
        ReceiptFormat::Dpv => dpv::document(facts, &files, &id, &mut missing),
        ReceiptFormat::Kantara => kantara::document(facts, &files, &id, &mut missing),
    };
    let consents = files.iter().map(|file| ReceiptedConsent {
        id: file.id(),
        purpose: file.purpose.name.clone(),
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

/// A UUID (version 8, RFC 9562) that follows from the events and the definitions of which it tells.
fn receipt_id(facts: &ReceiptFacts<'_>, files: &[&ConsentFile<'_>]) -> String {
    let mut digest = Sha256::new();
    digest.update(facts.format.name());
    digest.update(facts.subject.id.as_bytes());
    digest.update(facts.book.seq.to_be_bytes());
    for file in files {
        digest.update((file.events.len() as u64).to_be_bytes());
        file.events.iter().for_each(|event| digest.update(event.id.as_bytes()));
        digest.update(file.status.name());
    }
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
