//! What a decision answers: yes or no, and why.

use serde::{Deserialize, Serialize};

use super::{LegalBasis, event::named};
use crate::{RecordId, Timestamp, shape::debug};

named! {
    /// Why somebody must not be contacted. The order is that in which reasons are listed.
    DenyReason {
        /// The person was erased.
        Erased = "erased",
        /// The contact point is one of a person who was erased.
        Suppressed = "suppressed",
        /// The purpose is archived, or the policy has no rule for the channel.
        NotOffered = "not_offered",
        /// Processing is restricted.
        Restricted = "restricted",
        /// The person objected.
        Objected = "objected",
        /// The person opted out of everything.
        WithdrawnEverything = "withdrawn_everything",
        /// The person opted out of all of this controller.
        WithdrawnController = "withdrawn_controller",
        /// The person opted out of this channel.
        WithdrawnChannel = "withdrawn_channel",
        /// The person opted out of this purpose.
        WithdrawnPurpose = "withdrawn_purpose",
        /// The person said no.
        Denied = "denied",
        /// Whoever is responsible took it back.
        Revoked = "revoked",
        /// It turned out never to have been valid.
        Invalidated = "invalidated",
        /// The person is a minor, and nobody with parental responsibility agreed.
        Minor = "minor",
        /// Its time is over.
        Expired = "expired",
        /// It was not used for too long.
        Lapsed = "lapsed",
        /// The text has changed since, and the person is to be asked again.
        OutdatedNotice = "outdated_notice",
        /// Nothing shows that it was given.
        Unproven = "unproven",
        /// It was not confirmed.
        Unconfirmed = "unconfirmed",
        /// The policy does not take this legal basis here.
        BasisNotAccepted = "basis_not_accepted",
        /// Nobody allowed it.
        NoBasis = "no_basis",
        /// The person wants to be left alone for a while.
        Paused = "paused",
        /// All contacts together weigh too much.
        Pressure = "pressure",
        /// The person was contacted on this channel as often as the policy allows.
        Capped = "capped",
        /// The person was contacted as often as they want.
        Frequency = "frequency",
        /// It is late where the person is.
        QuietHours = "quiet_hours",
    }

    /// Where a consent stands, in the terms of the Data Privacy Vocabulary. Only the given ones permit.
    ConsentStatus {
        /// Nothing is known, or nothing is proven.
        Unknown = "unknown",
        /// The person was asked, or has yet to confirm it.
        Requested = "requested",
        /// The person said no.
        Refused = "refused",
        /// The person allowed it.
        Given = "given",
        /// The person allowed it again.
        RenewedGiven = "renewed_given",
        /// Its time is over, it lapsed, or the text has changed.
        Expired = "expired",
        /// The person took it back.
        Withdrawn = "withdrawn",
        /// Whoever is responsible took it back.
        Revoked = "revoked",
        /// It turned out never to have been valid.
        Invalidated = "invalidated",
    }
}

impl DenyReason {
    /// Whether it passes by itself and says nothing of what the person allowed.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Paused | Self::Pressure | Self::Capped | Self::Frequency | Self::QuietHours
        )
    }
}

impl ConsentStatus {
    /// The term of the Data Privacy Vocabulary.
    #[must_use]
    pub const fn dpv(self) -> &'static str {
        match self {
            Self::Unknown => "dpv:ConsentUnknown",
            Self::Requested => "dpv:ConsentRequested",
            Self::Refused => "dpv:ConsentRefused",
            Self::Given => "dpv:ConsentGiven",
            Self::RenewedGiven => "dpv:RenewedConsentGiven",
            Self::Expired => "dpv:ConsentExpired",
            Self::Withdrawn => "dpv:ConsentWithdrawn",
            Self::Revoked => "dpv:ConsentRevoked",
            Self::Invalidated => "dpv:ConsentInvalidated",
        }
    }
}

/// One reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecisionReason {
    /// What it is.
    pub reason: DenyReason,
    /// In words, without personal data.
    pub text: String,
    /// The events of the ledger that say so.
    pub events: Vec<RecordId>,
    /// When it is over by itself, as far as that can be told.
    pub until: Option<Timestamp>,
}

/// Whether somebody may be contacted, and why: the answer of `consents.decide`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentDecision {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// What makes it lawful, if it is allowed.
    pub basis: Option<LegalBasis>,
    /// Where the consent stands.
    pub status: ConsentStatus,
    /// Every reason against it, in the order of [`DenyReason`]; none if it is allowed.
    pub reasons: Vec<DecisionReason>,
    /// The events of the ledger that permit it.
    pub evidence: Vec<RecordId>,
    /// The contact point to which it is allowed, where the permission names one.
    pub contact_point: Option<String>,
    /// The moment for which it was decided.
    pub at: Timestamp,
    /// Until when the answer holds if nothing is recorded; `None` if for ever.
    pub valid_until: Option<Timestamp>,
    /// When the consent lapses unless it is used; told also where nothing denies it but a wait, such as quiet
    /// hours or a pause.
    pub lapses_at: Option<Timestamp>,
    /// By when the person has to renew the consent, used or not; told as `lapses_at` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_by: Option<Timestamp>,
    /// Whether the first of the two is so near that the policy warns of it.
    pub is_lapsing: bool,
    /// Until when proof of the permission is to be kept: from the grant and from each use.
    pub keep_until: Option<Timestamp>,
    /// What to hand in with `consents.record_use`: it holds for this state of the ledger only.
    pub token: String,
}

debug! {
    ConsentDecision
        shows(is_allowed, basis, status, reasons, evidence, at, valid_until, lapses_at, renew_by, is_lapsing, keep_until)
        hides(contact_point, token)
}

/// Whether one of many may be contacted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordDecision {
    /// The record.
    pub id: RecordId,
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// Every reason against it, in the order of [`DenyReason`].
    pub reasons: Vec<DenyReason>,
    /// The events of the ledger that permit it.
    pub evidence: Vec<RecordId>,
    /// The events of the ledger that speak against it, each once, in the order of the reasons.
    pub against: Vec<RecordId>,
    /// Until when the answer holds if nothing is recorded; `None` if for ever.
    pub valid_until: Option<Timestamp>,
    /// Whether the consent is so near its end that the policy warns of it; told also where nothing denies it
    /// but a wait.
    pub is_lapsing: bool,
    /// The contact point to which it is allowed, where the permission names one; only if `with_tokens` asked
    /// for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_point: Option<String>,
    /// What to hand in with `consents.record_uses`: it holds for this state of the ledger only, and is that
    /// of a question that names no contact point. Only if `with_tokens` asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

debug! {
    RecordDecision
        shows(id, is_allowed, reasons, evidence, against, valid_until, is_lapsing)
        hides(contact_point, token)
}

impl RecordDecision {
    /// What was decided of a record, in short and without what sending takes.
    pub(crate) fn of(id: RecordId, decision: ConsentDecision) -> Self {
        let ConsentDecision { is_allowed, reasons, evidence, valid_until, is_lapsing, .. } =
            decision;
        let mut against: Vec<RecordId> = Vec::new();
        for event in reasons.iter().flat_map(|reason| &reason.events) {
            if !against.contains(event) {
                against.push(*event);
            }
        }
        Self {
            id,
            is_allowed,
            against,
            reasons: reasons.into_iter().map(|reason| reason.reason).collect(),
            evidence,
            valid_until,
            is_lapsing,
            contact_point: None,
            token: None,
        }
    }
}

/// A page of decisions: the answer of `consents.decide_many`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ManyDecisions {
    /// The decisions, by id of the record.
    pub decisions: Vec<RecordDecision>,
    /// How many of them allow it.
    pub allowed: u64,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<RecordId>,
}
