//! Proof of a decision: its events as the journal has them, the texts that were shown, and the chain of
//! hashes that leads from them to a head of the journal.
//!
//! A proof is checked without the file: whoever kept the head that was exported at the time knows from it
//! that nothing of the proof was made up later, and the decision is made again from what is shown. The
//! invariant: a proof in which any byte of an event, a definition, a text, the chain or the answer is
//! another is found out, and what it does not show is named. Whether that would change the answer can be
//! told by nobody who lacks the file: a change without its content does not say whom it is about.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    Book, Channel, ConsentDecision, ConsentEvent, ConsentPolicy, ConsentPreset, ConsentStatus,
    DenyReason, Ledger, MayContact, Notice, NoticeModel, Purpose, Question, Rule, contact_point,
    decide,
};
use crate::{
    ChangeKind, Error, ErrorKind, JournalProof, ProofContent, ProofLink, RecordId, Result,
    condition::Moment,
    journal::chain::{self, Hash, Header, from_hex, hex},
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
    /// Whether nothing was found. What nobody can find without the file stands in `unproven`.
    pub is_valid: bool,
    /// Whether one chain without a gap leads from all that is shown to the head. A proof from a long journal
    /// has stretches of it, and all but the last of them stand for themselves.
    pub reaches_head: bool,
    /// The `seq` of the last link.
    pub head_seq: i64,
    /// The hash of the last link, in hexadecimal digits.
    pub head: String,
    /// How many events it proves.
    pub events: u64,
    /// What was found.
    pub problems: Vec<String>,
    /// What the proof cannot show, and may change the answer: what was recorded before it begins, changes in
    /// it that are not shown, such as an event of consent of whomever, and what no change of the journal
    /// tells, such as whether the contact point is suppressed.
    pub unproven: Vec<String>,
}

/// A proof as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) format: String,
    /// With the contact point as it was looked for, and the zone by whose clock it was decided.
    pub(crate) question: MayContact,
    pub(crate) decision: ConsentDecision,
    pub(crate) purpose: Purpose,
    pub(crate) policy: Option<ConsentPolicy>,
    /// Of channels, those that are defined; of purposes, those of other contacts that count.
    pub(crate) channels: Vec<Channel>,
    pub(crate) purposes: Vec<Purpose>,
    /// The texts that were shown, and those that ask again.
    pub(crate) notices: Vec<Notice>,
    /// The contact points that are suppressed, of the one that was asked for and those of the events: no
    /// change tells it, so it is taken as it is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) suppressed: Vec<String>,
    /// Definitions and events, in one stretch of the journal that leads to the head. Where that would be too
    /// long, definitions have stretches of their own, and the events too if need be, and one the head.
    pub(crate) journal: Vec<JournalProof>,
}

impl Document {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a proof is always JSON")
    }
}

/// The hash of a link, after one of this hash; `None` if it is none.
fn hash_of(link: &ProofLink, before: &Hash) -> Option<Hash> {
    let device: RecordId = link.device.parse().ok()?;
    let header = Header {
        seq: link.seq,
        device: device.as_bytes(),
        device_seq: link.device_seq,
        hlc: link.hlc,
        transaction: link.transaction,
        actor: &from_hex(&link.actor)?,
        kind: link.kind.as_bytes(),
        entity_type: link.entity_type.as_ref().map(String::as_bytes),
        record_id: link.record_id.as_ref().map(|id| &id.as_bytes()[..]),
    };
    Some(header.link(before, &from_hex(&link.commitment)?))
}

/// Whether the content of a link is what it commits to.
fn is_committed(link: &ProofLink, content: &ProofContent) -> bool {
    let (Some(salt), Some(commitment)) = (from_hex(&content.salt), from_hex(&link.commitment))
    else {
        return false;
    };
    let cause = content.cause.as_ref().map(String::as_bytes);
    let is_by = match content.actor_salt.as_deref().map(from_hex) {
        Some(Some(salt)) => {
            from_hex(&link.actor) == Some(chain::commit_actor(&salt, content.actor.as_bytes()))
        }
        Some(None) => false,
        None => chain::is_erased_name(&content.actor),
    };
    is_by && chain::commit(&salt, cause, content.body.as_bytes()) == commitment
}

/// Checks a proof.
///
/// # Errors
///
/// `InvalidArgument` with field `document` if it is none.
pub(crate) fn check(request: &CheckProof) -> Result<CheckedProof> {
    let no_proof = || {
        Error::new(ErrorKind::InvalidArgument, "the document is no proof of a decision")
            .with_field("document")
            .with_hint("hand in the document of consents.prove")
    };
    let document: Document = serde_json::from_str(&request.document).map_err(|_| no_proof())?;
    let mut problems = Vec::new();
    if document.format != FORMAT {
        problems.push("the form is not known".to_owned());
    }
    for stretch in document.journal.iter().filter(|stretch| !leads_to_its_head(stretch)) {
        let seq = stretch.head.seq;
        problems.push(format!("the chain does not lead to the head at {seq}"));
    }
    let events = check_events(&document, &mut problems);
    check_definitions(&document, &mut problems);
    let book = shown_book(&document);
    if !is_question(&document, &book, &events) {
        problems.push("the question is not the one that was decided".to_owned());
    }
    if !follows(&document, &book, &events) {
        problems.push("the decision does not follow from what is shown".to_owned());
    }
    let Some(end) = document.journal.last() else {
        return Err(no_proof());
    };
    let (head_seq, head) = (end.head.seq, end.head.hash.clone());
    if request.head.as_ref().is_some_and(|kept| !kept.eq_ignore_ascii_case(&head)) {
        problems.push("the head is not the one that was kept".to_owned());
    }
    Ok(CheckedProof {
        is_valid: problems.is_empty(),
        reaches_head: document.journal.len() == 1,
        head_seq,
        head,
        events: events.len() as u64,
        problems,
        unproven: unproven(&document, &events, request.head.is_some()),
    })
}

/// Whether the hashes of a stretch of the journal follow from each other to the head that it names.
fn leads_to_its_head(stretch: &JournalProof) -> bool {
    let mut last = from_hex(&stretch.before);
    for link in &stretch.links {
        last = last.and_then(|before| hash_of(link, &before));
    }
    let end = stretch.links.last().map(|link| (link.seq, link.hlc));
    stretch.method == chain::METHOD
        && end == Some((stretch.head.seq, stretch.head.hlc))
        && last.is_some_and(|last| hex(&last) == stretch.head.hash)
}

/// All that there is of the journal.
fn links(document: &Document) -> impl Iterator<Item = &ProofLink> {
    document.journal.iter().flat_map(|stretch| &stretch.links)
}

/// What is shown of it.
fn shown(document: &Document) -> impl Iterator<Item = (&ProofLink, &ProofContent)> {
    links(document).filter_map(|link| Some((link, link.content.as_ref()?)))
}

/// Whether something is there twice.
fn has_twice<T: Ord>(all: impl Iterator<Item = T>) -> bool {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.windows(2).any(|two| two[0] == two[1])
}

/// What a decision may hang on although its content is not shown.
const DECIDING: [ChangeKind; 7] = [
    ChangeKind::ConsentRecorded,
    ChangeKind::PeopleLinked,
    ChangeKind::PeopleUnlinked,
    ChangeKind::ChannelDefined,
    ChangeKind::PolicyDefined,
    ChangeKind::PurposeDefined,
    ChangeKind::NoticePublished,
];

/// What a proof cannot show.
fn unproven(document: &Document, events: &[ConsentEvent], is_kept: bool) -> Vec<String> {
    let mut unproven = Vec::new();
    if !is_kept {
        unproven.push("that the journal had this head: none was kept".to_owned());
    }
    let first = links(document).map(|link| link.seq).min();
    if let Some(first) = first.filter(|first| *first > 1) {
        unproven.push(format!("what was recorded before change {first}"));
    }
    if document.journal.len() > 1 {
        unproven.push("what was recorded between stretches of the journal".to_owned());
        unproven.push("that these are of one journal".to_owned());
    }
    for kind in DECIDING {
        let of_kind = links(document).filter(|link| link.kind == kind.name());
        let hidden = of_kind.filter(|link| link.content.is_none()).map(|link| link.seq);
        let (first, count) =
            hidden.fold((i64::MAX, 0), |(first, count), seq| (first.min(seq), count + 1));
        if count > 0 {
            let name = kind.name();
            unproven.push(format!(
                "what {count} of {name} say that are not shown, from change {first}"
            ));
        }
    }
    let nameless = shown(document).filter(|(_, content)| content.actor_salt.is_none());
    if let Some(first) = nameless.map(|(link, _)| link.seq).min() {
        unproven.push(format!("who made change {first}: the name was erased"));
    }
    let Document { question, decision, .. } = document;
    let permits_at =
        |event: &ConsentEvent| event.kind.is_permitting() && event.contact_point.is_some();
    if question.contact_point.is_some() || events.iter().any(permits_at) {
        unproven.push("whether the contact point is suppressed".to_owned());
    }
    if matches!(decision.status, ConsentStatus::Unknown | ConsentStatus::Requested) {
        unproven.push("whether a confirmation is awaited".to_owned());
    }
    unproven
}

/// Whether the events are those of the chain, the texts those of the events, and the decision is about
/// them; answers the events.
fn check_events(document: &Document, problems: &mut Vec<String>) -> Vec<ConsentEvent> {
    let mut proven: Vec<ConsentEvent> = Vec::new();
    if has_twice(shown(document).map(|(link, _)| link.seq)) {
        problems.push("a change is shown twice".to_owned());
    }
    for (link, content) in shown(document) {
        let seq = link.seq;
        if !is_committed(link, content) {
            problems.push(format!("event {seq} is not the one of the journal"));
        }
        // Definitions are shown too, and the last link to name the head, whatever it is.
        if link.kind != ChangeKind::ConsentRecorded.name() {
            continue;
        }
        let Ok(said) = serde_json::from_str::<ConsentEvent>(&content.body) else {
            problems.push(format!("event {seq} cannot be read"));
            continue;
        };
        let first = said.request_notice.as_ref().map(|notice| &notice.sha256);
        let is_shown = |hash: &String| {
            document.notices.iter().any(|notice| {
                notice.sha256 == *hash && hex(&Sha256::digest(notice.text.as_bytes())) == *hash
            })
        };
        if !said.notice_sha256.iter().chain(first).all(is_shown) {
            problems.push(format!("the text that was shown with event {seq} is missing"));
        }
        proven.push(said);
    }
    let decision = &document.decision;
    let named = decision.reasons.iter().flat_map(|reason| &reason.events).chain(&decision.evidence);
    let is_proven = |id: &RecordId| proven.iter().any(|event| event.id == *id);
    for id in named.filter(|id| !is_proven(id)) {
        problems.push(format!("event {id} of the decision is missing"));
    }
    proven
}

/// Whether the definitions are those of the journal.
fn check_definitions(document: &Document, problems: &mut Vec<String>) {
    let is_told = |kind: ChangeKind, is_same: &dyn Fn(&str) -> bool| {
        shown(document).any(|(link, content)| link.kind == kind.name() && is_same(&content.body))
    };
    fn same<T: for<'de> Deserialize<'de> + PartialEq>(body: &str, definition: &T) -> bool {
        serde_json::from_str::<T>(body).is_ok_and(|told| told == *definition)
    }
    let mut ask = |what: &str, name: &str, is_told: bool| {
        if !is_told {
            problems.push(format!("the {what} {name:?} is not the one of the journal"));
        }
    };
    for purpose in document.purposes.iter().chain([&document.purpose]) {
        let is_told = is_told(ChangeKind::PurposeDefined, &|body| same(body, purpose));
        ask("purpose", &purpose.name, is_told);
    }
    let policy = &document.purpose.policy;
    if document.policy.as_ref().is_some_and(|shown| shown.name != *policy)
        || (document.policy.is_none() && ConsentPreset::from_name(policy).is_some())
    {
        ask("policy", policy, false);
    }
    if let Some(policy) = &document.policy {
        let is_told = is_told(ChangeKind::PolicyDefined, &|body| same(body, policy));
        ask("policy", &policy.name, is_told);
    }
    for channel in &document.channels {
        let is_told = is_told(ChangeKind::ChannelDefined, &|body| same(body, channel));
        ask("channel", &channel.name, is_told);
    }
    for notice in &document.notices {
        let is_told = is_told(ChangeKind::NoticePublished, &|body| same(body, notice));
        ask("text", &notice.name, is_told);
    }
    let versions = document.notices.iter().map(|one| (&one.name, &one.language, one.version));
    let purposes = document.purposes.iter().chain([&document.purpose]).map(|one| &one.name);
    if has_twice(versions)
        || has_twice(purposes)
        || has_twice(document.channels.iter().map(|one| &one.name))
    {
        problems.push("a definition is shown twice".to_owned());
    }
}

/// The definitions that are shown.
fn shown_book(document: &Document) -> Book {
    let mut book = Book::default();
    let purposes = document.purposes.iter().chain([&document.purpose]);
    book.purposes = purposes.map(|one| (one.name.clone(), one.clone())).collect();
    book.policies = document.policy.iter().map(|one| (one.name.clone(), one.clone())).collect();
    book.channels = document.channels.iter().map(|one| (one.name.clone(), one.clone())).collect();
    book.notices = document.notices.iter().map(NoticeModel::of).collect();
    book.notices.sort_by(|one, other| one.key().cmp(&other.key()));
    book
}

/// The place at which the person of the question was erased, if that is there: what says so needs no
/// content.
fn erasure(document: &Document) -> Option<&ProofLink> {
    let id = Some(document.question.subject.id);
    let mut all = links(document);
    all.find(|link| link.kind == ChangeKind::RecordErased.name() && link.record_id == id)
}

/// Whether the question is written as the engine writes it, and about whom the events are.
fn is_question(document: &Document, book: &Book, events: &[ConsentEvent]) -> bool {
    let Document { question, decision, .. } = document;
    let medium = book.medium(&question.channel).ok();
    let is_normal =
        |point: &String| contact_point(point, medium).is_ok_and(|normal| normal == *point);
    let erased = erasure(document).and_then(|link| link.entity_type.as_ref());
    let own = events.iter().map(|event| &event.subject).filter(|who| who.id == question.subject.id);
    let mut types = own.map(|subject| &subject.entity_type).chain(erased);
    question.at == Some(decision.at)
        && question.contact_point.as_ref().is_none_or(is_normal)
        && question.language.as_deref().is_none_or(|language| matches!(language, "de" | "en"))
        && types.all(|name| *name == question.subject.entity_type)
}

/// Whether deciding by what is shown gives the same answer. That a contact point is suppressed, or the
/// person asked and has yet to confirm it, is told by no change: it is taken as it is said, and named as not
/// proven.
fn follows(document: &Document, book: &Book, events: &[ConsentEvent]) -> bool {
    let decide_again = || -> Result<ConsentDecision> {
        let Document { question, decision, .. } = document;
        let mut people: Vec<RecordId> = events.iter().map(|event| event.subject.id).collect();
        people.sort_unstable();
        people.dedup();
        let ledger = |id: RecordId| {
            let own = events.iter().filter(|event| event.subject.id == id);
            Ledger::new(own.map(ConsentEvent::entry).collect())
        };
        let own = question.subject.id;
        let others = people.into_iter().filter(|id| *id != own).map(ledger);
        let suppressed = document.suppressed.iter().cloned();
        let ledger = ledger(own).beside(others).without(suppressed);
        let rule = Rule::new(book, &question.purpose, &question.channel)?;
        let moment = Moment::new(decision.at, question.zone.as_deref().unwrap_or("UTC"))?;
        let is_german = question.language.as_deref() == Some("de");
        let point = question.contact_point.as_deref();
        let asked = Question { contact_point: point, moment: &moment, is_german };
        let mut again = decide(book, &rule, &ledger, asked)?;
        if erasure(document).is_some() {
            again = again.denied(DenyReason::Erased, is_german);
        }
        if again.status == ConsentStatus::Unknown && decision.status == ConsentStatus::Requested {
            again.status = decision.status;
        }
        let told = (decision.lapses_at, decision.renew_by, decision.is_lapsing);
        if !decision.is_allowed && told == (None, None, false) {
            // What had to wait once told nothing of its end, and denies no less for it.
            (again.lapses_at, again.renew_by, again.is_lapsing) = told;
        }
        Ok(again)
    };
    decide_again().is_ok_and(|again| again == document.decision)
}
