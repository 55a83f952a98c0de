//! Proof of a decision: its events as the journal has them, the texts that were shown, and the chain of
//! hashes that leads from them to a head of the journal.
//!
//! A proof is checked without the file: whoever kept the head that was exported at the time knows from it
//! that nothing of the proof was made up later. The invariant: a proof in which any byte of an event, of a
//! text or of the chain is another is found out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ConsentDecision, ConsentEvent, ConsentPolicy, MayContact, Notice, Purpose};
use crate::{
    Error, ErrorKind, RecordId, Result,
    journal::chain::{self, Hash, Header},
    shape::debug,
};

/// The form of a proof, and its version.
pub(crate) const FORMAT: &str = "crm.proof.v1";

/// Makes the proof of a decision: the request of `consents.prove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProveDecision {
    /// What was, or is, to be decided.
    pub question: MayContact,
    /// The `seq` of the head up to which the chain leads; the last one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub head: Option<i64>,
}

/// The proof of a decision: the answer of `consents.prove`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentProof {
    /// The decision.
    pub decision: ConsentDecision,
    /// The proof: JSON, with the whole text of events and notices.
    pub document: String,
    /// The `seq` of the head to which it leads.
    pub head_seq: i64,
    /// The hash of that head, in hexadecimal digits.
    pub head: String,
}

debug! { ConsentProof shows(decision, head_seq, head) hides(document) }

/// Checks a proof by itself: the request of `consents.check_proof`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckProof {
    /// The proof.
    pub document: String,
    /// The hash of a head that was kept, in hexadecimal digits, to which the proof has to lead.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub head: Option<String>,
}

debug! { CheckProof shows(head) hides(document) }

/// What a check of a proof found: the answer of `consents.check_proof`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckedProof {
    /// Whether nothing was found.
    pub is_valid: bool,
    /// Whether the chain leads to the head without a gap. A proof from a long journal has only the links of
    /// its events.
    pub reaches_head: bool,
    /// The `seq` of the last link.
    pub head_seq: i64,
    /// The hash of the last link, in hexadecimal digits.
    pub head: String,
    /// How many events it proves.
    pub events: u64,
    /// What was found.
    pub problems: Vec<String>,
}

/// A proof as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) format: String,
    pub(crate) question: MayContact,
    pub(crate) decision: ConsentDecision,
    pub(crate) purpose: Purpose,
    pub(crate) policy: Option<ConsentPolicy>,
    pub(crate) events: Vec<ProvenEvent>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) links: Vec<ProofLink>,
    pub(crate) head_seq: i64,
    pub(crate) head: String,
}

/// An event as the journal has it: to the byte.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProvenEvent {
    pub(crate) seq: i64,
    pub(crate) salt: String,
    pub(crate) cause: Option<String>,
    pub(crate) body: String,
}

/// A row of the journal as a link of the chain. Bytes are in hexadecimal digits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofLink {
    pub(crate) seq: i64,
    pub(crate) device: String,
    pub(crate) device_seq: i64,
    pub(crate) hlc: i64,
    pub(crate) tx: i64,
    pub(crate) actor: String,
    pub(crate) kind: String,
    pub(crate) entity_type: Option<String>,
    pub(crate) record_id: Option<String>,
    pub(crate) commitment: String,
    /// The hash before, where the link does not follow on the one before it.
    pub(crate) before: Option<String>,
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}

/// The bytes of hexadecimal digits; `None` if they are none.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

impl ProofLink {
    /// The hash of the link, after one of this hash.
    fn hash(&self, before: &[u8]) -> Option<Hash> {
        let (device, actor) = (bytes(&self.device)?, bytes(&self.actor)?);
        let record_id = match &self.record_id {
            Some(id) => Some(bytes(id)?),
            None => None,
        };
        let header = Header {
            seq: self.seq,
            device: &device,
            device_seq: self.device_seq,
            hlc: self.hlc,
            transaction: self.tx,
            actor: &actor,
            kind: self.kind.as_bytes(),
            entity_type: self.entity_type.as_ref().map(String::as_bytes),
            record_id: record_id.as_deref(),
        };
        Some(header.link(before, &bytes(&self.commitment)?))
    }
}

/// Checks a proof.
///
/// # Errors
///
/// `InvalidArgument` with field `document` if it is none.
pub(crate) fn check(request: &CheckProof) -> Result<CheckedProof> {
    let no_proof = |_| {
        Error::new(ErrorKind::InvalidArgument, "the document is no proof of a decision")
            .with_field("document")
            .with_hint("hand in the document of consents.prove")
    };
    let document: Document = serde_json::from_str(&request.document).map_err(no_proof)?;
    let mut problems = Vec::new();
    if document.format != FORMAT {
        problems.push("the form is not known".to_owned());
    }
    let (mut last, mut has_gap): (Option<(i64, Hash)>, bool) = (None, false);
    let mut links = BTreeMap::new();
    for link in &document.links {
        let before = match (&link.before, &last) {
            (Some(before), last) => {
                has_gap |= last.is_some();
                bytes(before)
            }
            (None, Some((_, hash))) => Some(hash.to_vec()),
            (None, None) => None,
        };
        let follows = last.is_none_or(|(seq, _)| link.seq > seq);
        match before.and_then(|before| link.hash(&before)).filter(|_| follows) {
            Some(hash) => last = Some((link.seq, hash)),
            None => problems.push(format!("link {} does not follow", link.seq)),
        }
        links.insert(link.seq, link);
    }
    check_events(&document, &links, &mut problems);
    let (head_seq, hash) = last.unwrap_or((document.head_seq, [0; 32]));
    let head = if document.links.is_empty() { document.head.clone() } else { hex(&hash) };
    let reaches_head = !has_gap && head_seq == document.head_seq && head == document.head;
    if !has_gap && !reaches_head {
        problems.push("the chain does not lead to the head".to_owned());
    }
    if request.head.as_ref().is_some_and(|kept| !kept.eq_ignore_ascii_case(&head)) {
        problems.push("the head is not the one that was kept".to_owned());
    }
    let events = document.events.len() as u64;
    let is_valid = problems.is_empty();
    Ok(CheckedProof { is_valid, reaches_head, head_seq, head, events, problems })
}

/// Whether the events are those of the chain, the texts those of the events, and the decision is about
/// them.
fn check_events(
    document: &Document,
    links: &BTreeMap<i64, &ProofLink>,
    problems: &mut Vec<String>,
) {
    let mut proven: Vec<RecordId> = Vec::new();
    for event in &document.events {
        let seq = event.seq;
        let commitment = bytes(&event.salt).map(|salt| {
            chain::commit(&salt, event.cause.as_ref().map(String::as_bytes), event.body.as_bytes())
        });
        let is_linked = links.get(&seq).is_some_and(|link| {
            link.kind == "consent_recorded" && bytes(&link.commitment) == commitment.map(Vec::from)
        });
        if !is_linked {
            problems.push(format!("event {seq} is not the one of the journal"));
        }
        let Ok(said) = serde_json::from_str::<ConsentEvent>(&event.body) else {
            problems.push(format!("event {seq} cannot be read"));
            continue;
        };
        proven.push(said.id);
        let is_shown = said.notice_sha256.as_ref().is_none_or(|hash| {
            document.notices.iter().any(|notice| {
                notice.sha256 == *hash && hex(&Sha256::digest(notice.text.as_bytes())) == *hash
            })
        });
        if !is_shown {
            problems.push(format!("the text that was shown with event {seq} is missing"));
        }
    }
    let decision = &document.decision;
    let named = decision.reasons.iter().flat_map(|reason| &reason.events).chain(&decision.evidence);
    for id in named.filter(|id| !proven.contains(id)) {
        problems.push(format!("event {id} of the decision is missing"));
    }
}
