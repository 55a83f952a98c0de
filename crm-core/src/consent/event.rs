//! What the ledger holds: one act of a person, of the host or of time, with its proof.

use serde::{Deserialize, Serialize};

use super::{
    check::present_form,
    ledger::{Entry, Proof},
};
use crate::{RecordId, RecordRef, Span, Timestamp, shape::debug};

macro_rules! named {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $text:literal, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $( $(#[$variant_doc])* $variant, )* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name, as the file and JSON have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// The one of this name.
            #[allow(dead_code, reason = "not every one is read from a column")]
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $( $text => Some(Self::$variant), )* _ => None }
            }
        }
    )* };
}

pub(crate) use named;

named! {
    /// What an event of the ledger says.
    ConsentKind {
        /// The person allowed it.
        Granted = "granted",
        /// The person allowed it again.
        Renewed = "renewed",
        /// The person confirmed what was requested: the second step of a double opt-in.
        Confirmed = "confirmed",
        /// It was allowed elsewhere, before it came here. Without proof it permits nothing.
        Imported = "imported",
        /// It rests on a legal basis other than consent.
        Based = "based",
        /// The person was asked and has not answered.
        Requested = "requested",
        /// The person was asked and said no.
        Denied = "denied",
        /// The person took it back, or opted out.
        Withdrawn = "withdrawn",
        /// Whoever is responsible took it back.
        Revoked = "revoked",
        /// The person objected (GDPR art. 21).
        Objected = "objected",
        /// Processing is restricted (GDPR art. 18).
        Restricted = "restricted",
        /// It turned out never to have been valid.
        Invalidated = "invalidated",
        /// Its time is over.
        Expired = "expired",
        /// It was not used for too long.
        Lapsed = "lapsed",
        /// The person wants to be left alone until `expires_at`.
        Paused = "paused",
        /// The person is a minor until `expires_at`, for every channel and purpose, also where it names one.
        Minor = "minor",
        /// The events that it names in `supersedes` no longer count: what permits, a restriction,
        /// an objection, an invalidation, a pause, a minor or a wish. It is said by somebody, after
        /// what it lifts; what was withdrawn, denied, revoked or over only a new consent answers.
        Lifted = "lifted",
        /// How the person wants to be contacted: `channel` is preferred, and `frequency` is enough.
        Preferred = "preferred",
        /// The person was contacted on the ground of it.
        Used = "used",
    }

    /// Why personal data may be processed (GDPR art. 6), as far as contacting somebody goes.
    LegalBasis {
        /// The person consented.
        Consent = "consent",
        /// It is necessary for a contract with the person.
        Contract = "contract",
        /// The law demands it.
        LegalObligation = "legal_obligation",
        /// A life depends on it.
        VitalInterest = "vital_interest",
        /// It is a task in the public interest.
        PublicTask = "public_task",
        /// An interest that was weighed against the person's.
        LegitimateInterest = "legitimate_interest",
        /// An existing customer is told of similar goods (UWG § 7 (3)), at the address that was obtained with
        /// the sale.
        ExistingCustomer = "existing_customer",
        /// The policy asks for no permission: it is allowed until the person opts out.
        NotRequired = "not_required",
    }

    /// How an event came about.
    ConsentMethod {
        /// A program of the host's.
        Api = "api",
        /// On a form.
        Form = "form",
        /// By confirming a message.
        DoubleOptIn = "double_opt_in",
        /// On the telephone.
        Phone = "phone",
        /// On paper.
        Paper = "paper",
        /// Face to face.
        Verbal = "verbal",
        /// In a preference centre.
        PreferenceCentre = "preference_centre",
        /// By one click on a link in a message, or the button of a mail program (RFC 8058).
        OneClick = "one_click",
        /// It came with data from elsewhere.
        Import = "import",
        /// The engine, because a time was over.
        Engine = "engine",
        /// The engine, because the record through which it was said was erased, and this one is the
        /// same person.
        CarriedOver = "carried_over",
    }
}

impl LegalBasis {
    /// Whether it holds whatever the person allows: an invoice is due, and a recall is made, although
    /// somebody withdrew their consent or objected (GDPR art. 7 (3) and 21 (1)).
    #[must_use]
    pub const fn is_beyond_opt_out(self) -> bool {
        matches!(self, Self::Contract | Self::LegalObligation | Self::VitalInterest)
    }
}

impl ConsentMethod {
    /// Whether somebody acted, and neither a table from elsewhere nor time.
    pub(crate) const fn is_somebody(self) -> bool {
        !matches!(self, Self::Import | Self::Engine | Self::CarriedOver)
    }
}

impl ConsentKind {
    /// Whether it can permit something.
    #[must_use]
    pub const fn is_permitting(self) -> bool {
        matches!(
            self,
            Self::Granted | Self::Renewed | Self::Confirmed | Self::Imported | Self::Based
        )
    }

    /// Whether it stands against what earlier and later events permit, until one names it.
    #[must_use]
    pub const fn is_restricting(self) -> bool {
        matches!(
            self,
            Self::Denied
                | Self::Withdrawn
                | Self::Revoked
                | Self::Objected
                | Self::Restricted
                | Self::Invalidated
                | Self::Expired
                | Self::Lapsed
                | Self::Paused
        )
    }

    /// Whether it stands against what rests on this basis. A refusal, a withdrawal and an objection end
    /// consents and the interests of others, and neither a contract nor what the law demands.
    pub(crate) const fn concerns(self, basis: Option<LegalBasis>) -> bool {
        let is_opt_out = matches!(self, Self::Denied | Self::Withdrawn | Self::Objected);
        match basis {
            Some(basis) => !(is_opt_out && basis.is_beyond_opt_out()),
            None => true,
        }
    }

    /// Whether somebody's word takes it back, though it restricts. What a new grant answers, only that does.
    pub(crate) const fn is_liftable(self) -> bool {
        matches!(
            self,
            Self::Objected
                | Self::Restricted
                | Self::Invalidated
                | Self::Paused
                | Self::Minor
                | Self::Preferred
        )
    }

    /// Whether a new grant by the person names it without being told to.
    pub(crate) const fn is_answered_by_a_grant(self) -> bool {
        matches!(
            self,
            Self::Denied | Self::Withdrawn | Self::Revoked | Self::Expired | Self::Lapsed
        )
    }
}

/// What shows that an event happened. All of it is personal, and is shown by no error and no `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentEvidence {
    /// What identifies the proof elsewhere: a recording, a scan, a message.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reference: Option<String>,
    /// The page or form.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub url: Option<String>,
    /// The network address, shortened as the host sees fit.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub ip: Option<String>,
    /// The program that was used.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub user_agent: Option<String>,
    /// The session.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub session: Option<String>,
    /// In words.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub note: Option<String>,
}

debug! { ConsentEvidence shows() hides(reference, url, ip, user_agent, session, note) }

impl ConsentEvidence {
    /// The same without what is blank; `None` if nothing is left, which shows nothing.
    pub(crate) fn told(mut self) -> Option<Self> {
        let Self { reference, url, ip, user_agent, session, note } = &mut self;
        for text in [reference, url, ip, user_agent, session, note] {
            text.take_if(|text| text.trim().is_empty());
        }
        self.is_told().then_some(self)
    }

    /// Whether it says anything.
    pub(crate) fn is_told(&self) -> bool {
        let mut texts = self.texts().into_iter().filter_map(|(_, text)| text.as_deref());
        texts.any(|text| !text.trim().is_empty())
    }

    /// The texts, by the names of their fields.
    pub(crate) fn texts(&self) -> [(&'static str, &Option<String>); 6] {
        let Self { reference, url, ip, user_agent, session, note } = self;
        [
            ("reference", reference),
            ("url", url),
            ("ip", ip),
            ("user_agent", user_agent),
            ("session", session),
            ("note", note),
        ]
    }
}

/// What a legal basis other than consent rests on.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BasisFacts {
    /// What identifies the contract, the law, the weighing of interests or the task elsewhere.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reference: Option<String>,
    /// An existing customer: the sale with which the address was obtained. It is kept as proof and compared
    /// with nothing.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub sale: Option<String>,
    /// An existing customer: the group of own goods that are similar to what was sold. Whether what is sent
    /// tells of these, the host judges.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub similar_goods: Option<String>,
    /// An existing customer: whether the person was told, when the address was collected, that they may
    /// object at any time.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub told_at_collection: bool,
}

debug! { BasisFacts shows(told_at_collection) hides(reference, sale, similar_goods) }

/// A version of a text as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownNotice {
    /// The version.
    pub version: i64,
    /// The language, as BCP 47.
    pub language: String,
    /// The SHA-256 of the text, in hexadecimal digits.
    pub sha256: String,
}

/// An event of the ledger. It never changes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentEvent {
    /// Its id.
    pub id: RecordId,
    /// What it says.
    pub kind: ConsentKind,
    /// Whom it is about.
    pub subject: RecordRef,
    /// The channel; `None` is every channel.
    pub channel: Option<String>,
    /// The purpose; `None` is every purpose.
    pub purpose: Option<String>,
    /// The controller; `None` is every one, or where something is permitted the one of the purpose.
    pub controller: Option<String>,
    /// The address or number; `None` is every one of the person's.
    pub contact_point: Option<String>,
    /// What makes it lawful, if it permits something.
    pub basis: Option<LegalBasis>,
    /// What a basis other than consent rests on.
    pub facts: Option<BasisFacts>,
    /// The name of the text that was shown.
    pub notice: Option<String>,
    /// Its version.
    pub notice_version: Option<i64>,
    /// Its language, as BCP 47.
    pub language: Option<String>,
    /// The SHA-256 of the text, in hexadecimal digits.
    pub notice_sha256: Option<String>,
    /// How it came about.
    pub method: ConsentMethod,
    /// Where: a form, a campaign, a list.
    pub source: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What shows it.
    pub evidence: Option<ConsentEvidence>,
    /// The first step of a double opt-in: when it was, and what shows it.
    pub requested_at: Option<Timestamp>,
    /// What shows the first step.
    pub request_evidence: Option<ConsentEvidence>,
    /// The text of the first step, where the second showed it in another language or version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_notice: Option<ShownNotice>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The events against which it counts, or which it takes back; of what was carried over, those
    /// that permit something against which it does not count.
    #[serde(default)]
    pub supersedes: Vec<RecordId>,
    /// Whether somebody with parental responsibility acted.
    #[serde(default)]
    pub by_guardian: bool,
    /// How many contacts are enough.
    pub frequency: Option<ContactFrequency>,
    /// For `used`: the event that permitted it; `None` if the policy asks for none.
    pub permitted_by: Option<RecordId>,
    /// For `used`: the activity that the contact was, such as a call or a message that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<RecordId>,
    /// For `used`: whether the person was told that they may object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told_of_objection: bool,
}

debug! {
    ConsentEvent
        shows(id, kind, subject, channel, purpose, controller, basis, facts, notice, notice_version, language,
            notice_sha256, method, occurred_at, recorded_at, evidence, requested_at, request_evidence, request_notice,
            expires_at, supersedes, by_guardian, frequency, permitted_by, activity, told_of_objection)
        hides(contact_point, source)
}

/// How many contacts in a span are enough for a person, over all channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContactFrequency {
    /// At most so many; 0 is none at all.
    pub most: u32,
    /// In a span such as `P7D`.
    pub within: String,
}

impl ContactFrequency {
    /// At most so many in a span.
    #[must_use]
    pub fn new(most: u32, within: &Span) -> Self {
        Self { most, within: within.to_string() }
    }
}

impl ConsentEvent {
    /// What shows that it was given, if it permits something, or said, if it lifts something.
    pub(crate) fn proof(&self) -> Proof {
        let is_shown = |evidence: &Option<ConsentEvidence>| {
            evidence.as_ref().is_some_and(ConsentEvidence::is_told)
        };
        match self.kind {
            ConsentKind::Confirmed => Proof::Double,
            // What came with data from elsewhere proves itself, or is worth nothing.
            ConsentKind::Granted | ConsentKind::Renewed => match self.method {
                ConsentMethod::Import | ConsentMethod::CarriedOver => Proof::None,
                _ => Proof::Single,
            },
            ConsentKind::Lifted if !self.method.is_somebody() => Proof::None,
            ConsentKind::Lifted => Proof::Single,
            ConsentKind::Imported if self.notice_version.is_some() && is_shown(&self.evidence) => {
                let is_twice = self.requested_at.is_some() && is_shown(&self.request_evidence);
                if is_twice { Proof::Double } else { Proof::Single }
            }
            _ => Proof::None,
        }
    }

    /// What of it a decision looks at.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            id: self.id,
            kind: self.kind,
            channel: self.channel.clone(),
            purpose: self.purpose.clone(),
            controller: self.controller.clone(),
            contact_point: self
                .contact_point
                .as_deref()
                .map(|point| present_form(point).into_owned()),
            basis: self.basis,
            proof: self.proof(),
            notice: self.notice.clone(),
            language: self.language.clone(),
            notice_version: self.notice_version,
            occurred_at: self.occurred_at,
            expires_at: self.expires_at,
            supersedes: self.supersedes.clone(),
            by_guardian: self.by_guardian,
            frequency: self.frequency.clone().map(|one| (one.most, one.within)),
        }
    }
}
