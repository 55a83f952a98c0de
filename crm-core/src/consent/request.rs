//! What is asked of the ledger, and what is answered besides decisions.

use serde::{Deserialize, Serialize};

use super::{
    BasisFacts, ConsentEvent, ConsentEvidence, ConsentKind, ConsentMethod, ContactFrequency,
    LegalBasis,
};
use crate::{
    Condition, Outcome, Problem, RecordId, RecordRef, Timestamp, record::default_page, shape::debug,
};

/// Records an event: the request of `consents.record`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewConsent {
    /// What it says. Neither `confirmed`, which `consents.confirm` records, nor `used`, which
    /// `consents.record_use` does.
    pub kind: ConsentKind,
    /// The person: a record.
    pub subject: RecordRef,
    /// The channel; where nothing is permitted, every one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub channel: Option<String>,
    /// The purpose; where nothing is permitted, every one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub purpose: Option<String>,
    /// The controller; the one of the purpose if it is left out, and without a purpose every one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub controller: Option<String>,
    /// The address or number; every one of the person's if it is left out, which the basis of an existing
    /// customer does not allow.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
    /// For `based`: the legal basis.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub basis: Option<LegalBasis>,
    /// For `based`: what it rests on.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub facts: Option<BasisFacts>,
    /// The text that was shown; the one of the purpose if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub notice: Option<String>,
    /// Its version; the latest if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub notice_version: Option<i64>,
    /// Its language; the only one of the text if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub language: Option<String>,
    /// How it came about.
    #[serde(default = "by_program")]
    pub method: ConsentMethod,
    /// Where: a form, a campaign, a list.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub source: Option<String>,
    /// When it happened; now if it is left out. Not in the future.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// What shows it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub evidence: Option<ConsentEvidence>,
    /// For `imported`: when the first step of a double opt-in was, if there was one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub requested_at: Option<Timestamp>,
    /// For `imported`: what shows that step.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub request_evidence: Option<ConsentEvidence>,
    /// When it ends by itself. Needed for `paused`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub expires_at: Option<Timestamp>,
    /// The events against which it counts, or which it takes back. If it is left out, a consent given
    /// by the person counts against the withdrawals, refusals and ends of its own key that are known and lie
    /// before it; objections and restrictions are to be named. What was imported counts against none.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub supersedes: Option<Vec<RecordId>>,
    /// Whether somebody with parental responsibility acted.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub by_guardian: bool,
    /// For `preferred`: how many contacts are enough.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub frequency: Option<ContactFrequency>,
}

debug! { NewConsent shows(kind, subject, channel, purpose, controller, basis, facts, notice, notice_version, language, method, at, evidence, requested_at, request_evidence, expires_at, supersedes, by_guardian, frequency) hides(contact_point, source) }

fn by_program() -> ConsentMethod {
    ConsentMethod::Api
}

impl NewConsent {
    /// An event of this kind about a person, now, and about everything.
    #[must_use]
    pub fn new(kind: ConsentKind, subject: RecordRef) -> Self {
        Self {
            kind,
            subject,
            channel: None,
            purpose: None,
            controller: None,
            contact_point: None,
            basis: None,
            facts: None,
            notice: None,
            notice_version: None,
            language: None,
            method: by_program(),
            source: None,
            at: None,
            evidence: None,
            requested_at: None,
            request_evidence: None,
            expires_at: None,
            supersedes: None,
            by_guardian: false,
            frequency: None,
        }
    }

    /// The person allows a purpose through a channel.
    pub fn grant(
        subject: RecordRef,
        channel: impl Into<String>,
        purpose: impl Into<String>,
    ) -> Self {
        Self::new(ConsentKind::Granted, subject).on(channel).purpose(purpose)
    }

    /// The person takes everything back; say with [`NewConsent::on`] and [`NewConsent::purpose`] if it is
    /// less.
    #[must_use]
    pub fn withdraw(subject: RecordRef) -> Self {
        Self::new(ConsentKind::Withdrawn, subject)
    }

    /// The same event, about this channel.
    #[must_use]
    pub fn on(self, channel: impl Into<String>) -> Self {
        Self { channel: Some(channel.into()), ..self }
    }

    /// The same event, about this purpose.
    #[must_use]
    pub fn purpose(self, purpose: impl Into<String>) -> Self {
        Self { purpose: Some(purpose.into()), ..self }
    }

    /// The same event, about this address or number.
    #[must_use]
    pub fn contact_point(self, contact_point: impl Into<String>) -> Self {
        Self { contact_point: Some(contact_point.into()), ..self }
    }

    /// The same event, at this time.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }

    /// The same event, which came about so.
    #[must_use]
    pub fn method(self, method: ConsentMethod) -> Self {
        Self { method, ..self }
    }
}

/// Begins a double opt-in: the request of `consents.request`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestConsent {
    /// The person: a record.
    pub subject: RecordRef,
    /// The channel through which the confirmation is asked for.
    pub channel: String,
    /// The address or number to which the message goes.
    pub contact_point: String,
    /// The purpose.
    pub purpose: String,
    /// The text that was shown; the one of the purpose if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub notice: Option<String>,
    /// Its language; the only one of the text if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub language: Option<String>,
    /// Where: a form, a campaign, a list.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub source: Option<String>,
    /// What shows the request.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub evidence: Option<ConsentEvidence>,
    /// Whether somebody with parental responsibility acts.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub by_guardian: bool,
    /// The events against which the consent counts once it is confirmed. If it is left out, they are the
    /// withdrawals, refusals and ends of its own key that are known now; objections and restrictions are to
    /// be named. What is taken back after the request stands, in either case.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub supersedes: Option<Vec<RecordId>>,
}

debug! { RequestConsent shows(subject, channel, purpose, notice, language, evidence, by_guardian, supersedes) hides(contact_point, source) }

impl RequestConsent {
    /// Asks for the confirmation of a purpose by a message to this address or number.
    pub fn new(
        subject: RecordRef,
        channel: impl Into<String>,
        contact_point: impl Into<String>,
        purpose: impl Into<String>,
    ) -> Self {
        Self {
            subject,
            channel: channel.into(),
            contact_point: contact_point.into(),
            purpose: purpose.into(),
            notice: None,
            language: None,
            source: None,
            evidence: None,
            by_guardian: false,
            supersedes: None,
        }
    }
}

/// A double opt-in that waits for its confirmation: the answer of `consents.request`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentRequest {
    /// The secret that the message carries. Only its SHA-256 is kept, so that it is never shown again.
    pub token: String,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

debug! { ConsentRequest shows(expires_at) hides(token) }

/// Confirms a double opt-in: the request of `consents.confirm`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfirmConsent {
    /// The secret of the message.
    pub token: String,
    /// The language of the text that was shown with the confirmation; that of the request if it is left
    /// out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub language: Option<String>,
    /// What shows the confirmation.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub evidence: Option<ConsentEvidence>,
}

debug! { ConfirmConsent shows(language, evidence) hides(token) }

impl ConfirmConsent {
    /// Confirms what this token was made for.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into(), language: None, evidence: None }
    }
}

/// Asks whether somebody may be contacted: the request of `consents.decide`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MayContact {
    /// The person: a record.
    pub subject: RecordRef,
    /// The channel.
    pub channel: String,
    /// The purpose.
    pub purpose: String,
    /// The address or number. If it is left out, each permission is asked at the address that it names; one
    /// that names none, and where none is needed, is denied as soon as one address is restricted, though
    /// others may be allowed: name the one that is meant.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
    /// The moment; now if it is left out. Whatever restricts counts, also if it happened later.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The time zone of the person, for quiet hours; if it is left out, that of the record, or else UTC.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
    /// The language of the reasons: `de` or `en`, which it is if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub language: Option<String>,
}

debug! { MayContact shows(subject, channel, purpose, at, language) hides(contact_point, zone) }

impl MayContact {
    /// May somebody be contacted now?
    pub fn new(subject: RecordRef, channel: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self {
            subject,
            channel: channel.into(),
            purpose: purpose.into(),
            contact_point: None,
            at: None,
            zone: None,
            language: None,
        }
    }

    /// The same question, about this address or number.
    #[must_use]
    pub fn contact_point(self, contact_point: impl Into<String>) -> Self {
        Self { contact_point: Some(contact_point.into()), ..self }
    }

    /// The same question, for this moment.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }
}

/// Asks for many whether they may be contacted: the request of `consents.decide_many`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecideMany {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The channel.
    pub channel: String,
    /// The purpose.
    pub purpose: String,
    /// Only the records for which this is true.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The moment; now if it is left out. Hand in the same with every page.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The time zone of those whose record names none; UTC if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<RecordId>,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
    /// Whether each decision comes with what sending takes: its token, and the contact point to which it is
    /// allowed. Who only counts leaves it out, and is told no addresses.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub with_tokens: bool,
}

impl DecideMany {
    /// The first 100 records of a type.
    pub fn new(
        entity_type: impl Into<String>,
        channel: impl Into<String>,
        purpose: impl Into<String>,
    ) -> Self {
        Self {
            entity_type: entity_type.into(),
            channel: channel.into(),
            purpose: purpose.into(),
            condition: None,
            at: None,
            zone: None,
            after: None,
            limit: default_page(),
            with_tokens: false,
        }
    }
}

/// Records that somebody was contacted: the request of `consents.record_use`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UseConsent {
    /// The person: a record.
    pub subject: RecordRef,
    /// The channel.
    pub channel: String,
    /// The purpose.
    pub purpose: String,
    /// The address or number, as it was decided.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
    /// The token of the decision.
    pub token: String,
    /// When; now if it is left out. Not in the future.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// The time zone of the person, as it was decided.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
    /// Whether the message said that one may object. An existing customer must be told each time.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub told_of_objection: bool,
    /// What was sent: a campaign, a call.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub source: Option<String>,
    /// The activity that the contact was: one of the person's.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub activity: Option<RecordId>,
}

debug! { UseConsent shows(subject, channel, purpose, at, told_of_objection, activity) hides(contact_point, token, zone, source) }

impl UseConsent {
    /// Somebody was contacted as it was decided, now.
    pub fn new(question: &MayContact, token: impl Into<String>) -> Self {
        Self {
            subject: question.subject.clone(),
            channel: question.channel.clone(),
            purpose: question.purpose.clone(),
            contact_point: question.contact_point.clone(),
            token: token.into(),
            at: question.at,
            zone: question.zone.clone(),
            told_of_objection: false,
            source: None,
            activity: None,
        }
    }
}

/// Records several events in one transaction: the request of `consents.record_many`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordConsents {
    /// The events, in order; at most 100,000.
    pub consents: Vec<NewConsent>,
    /// Whether one that fails undoes them all. Otherwise the others are kept.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub all_or_nothing: bool,
}

/// Records of several people that they were contacted, in one transaction: the request of
/// `consents.record_uses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordConsentUses {
    /// The contacts, in order; at most 100,000.
    pub uses: Vec<UseConsent>,
    /// Whether one that fails undoes them all. Otherwise the others are kept.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub all_or_nothing: bool,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentOutcome {
    /// `created` or `failed`.
    pub outcome: Outcome,
    /// The event; `None` if it failed.
    pub id: Option<RecordId>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// The answer of `consents.record_many` and of `consents.record_uses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentReport {
    /// For each event what became of it, in order.
    pub outcomes: Vec<ConsentOutcome>,
    /// How many failed.
    pub failed: u64,
    /// Whether the transaction was committed. If not, nothing was kept.
    pub is_committed: bool,
}

/// Reads the ledger of a person: the request of `consents.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetConsents {
    /// The person: a record.
    pub subject: RecordRef,
    /// Only events after this `seq` of the journal; 0 begins at the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: i64,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl GetConsents {
    /// The first 100 events of a person.
    #[must_use]
    pub fn new(subject: RecordRef) -> Self {
        Self { subject, after: 0, limit: default_page() }
    }
}

/// A page of the ledger of a person: the answer of `consents.history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentHistory {
    /// The events, as they were recorded.
    pub events: Vec<ConsentEvent>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<i64>,
}

/// Reads a version of a text: the request of `notices.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetNotice {
    /// The name.
    pub name: String,
    /// The language; the only one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub language: Option<String>,
    /// The version; the latest if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub version: Option<i64>,
}

/// Makes a link by which one click withdraws (RFC 8058): the request of `consents.unsubscribe_link`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewUnsubscribeLink {
    /// The person: a record.
    pub subject: RecordRef,
    /// The channel from which the link takes the person off.
    pub channel: String,
    /// The purpose; every one of the channel if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub purpose: Option<String>,
    /// The address; every one of the person's if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
    /// Where the host answers, beginning with `https://`. The token is added as the parameter `token`.
    pub url: String,
}

debug! { NewUnsubscribeLink shows(subject, channel, purpose) hides(contact_point, url) }

/// A header of a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MailHeader {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

debug! { MailHeader shows(name) hides(value) }

/// A link by which one click withdraws: the answer of `consents.unsubscribe_link`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnsubscribeLink {
    /// The secret of the link. Only its SHA-256 is kept.
    pub token: String,
    /// The link.
    pub url: String,
    /// The headers of RFC 8058. The message has to sign both with DKIM.
    pub headers: Vec<MailHeader>,
}

debug! { UnsubscribeLink shows(headers) hides(token, url) }

/// Follows a link: the request of `consents.unsubscribe`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsubscribe {
    /// The secret of the link.
    pub token: String,
    /// How the link was followed: `POST` withdraws; `GET` only says what it would withdraw, because mail
    /// programs and scanners open every link.
    pub method: String,
    /// What shows it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub evidence: Option<ConsentEvidence>,
}

debug! { Unsubscribe shows(method, evidence) hides(token) }

impl Unsubscribe {
    /// The link was posted to.
    pub fn post(token: impl Into<String>) -> Self {
        Self { token: token.into(), method: "POST".into(), evidence: None }
    }
}

/// What a link withdraws: the answer of `consents.unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsubscribed {
    /// Whether it is withdrawn now.
    pub is_withdrawn: bool,
    /// The channel.
    pub channel: String,
    /// The purpose; every one of the channel if there is none.
    pub purpose: Option<String>,
    /// The event of the ledger, if this call recorded one.
    pub event: Option<RecordId>,
}

/// Ends what time has ended: the request of `consents.sweep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweepConsents {
    /// How many of each at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

/// What time has ended: the answer of `consents.sweep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweptConsents {
    /// Double opt-ins that nobody confirmed in time, and that are gone.
    pub erased_requests: u64,
    /// Proofs of consent of people who were erased, that no policy keeps any longer.
    pub erased_proofs: u64,
    /// Whether there may be more.
    pub has_more: bool,
}
