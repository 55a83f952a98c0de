//! What the ledger is about: channels, parties, purposes, texts, and the policies that say what the
//! law of a place asks for.
//!
//! A definition is stated as a whole, and stating it again changes it. A text that was published never
//! changes: what is shown anew is a new version.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Processing, event::named};
use crate::Timestamp;

named! {
    /// Through what a channel reaches somebody, which says what a contact point looks like.
    Medium {
        /// An e-mail address.
        Email = "email",
        /// Calls to a telephone number.
        Phone = "phone",
        /// Short messages to a telephone number.
        Sms = "sms",
        /// Letters to a postal address.
        Post = "post",
        /// Messages of an app to a device.
        Push = "push",
        /// A messenger.
        Messenger = "messenger",
        /// Visits.
        Visit = "visit",
        /// Anything else.
        Other = "other",
    }

    /// What somebody does with the data.
    PartyRole {
        /// It says what the data is used for (GDPR art. 4 (7)).
        Controller = "controller",
        /// It processes data on behalf of a controller (GDPR art. 4 (8)).
        Processor = "processor",
    }

    /// What a channel needs before somebody is contacted.
    ConsentRegime {
        /// A permission: a consent, or another legal basis.
        OptIn = "opt_in",
        /// Nothing, until the person opts out.
        OptOut = "opt_out",
    }
}

/// A way to reach people. `email`, `phone`, `sms`, `post`, `push`, `messenger` and `visit` are there
/// without being defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Channel {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// Through what it reaches people.
    pub medium: Medium,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// How heavy one contact weighs where contact pressure is limited; from 0.
    #[serde(default = "one")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 1.0))]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

impl Channel {
    /// A channel of this name and medium, whose contacts weigh 1.
    pub fn new(name: impl Into<String>, medium: Medium) -> Self {
        Self { name: name.into(), medium, label: String::new(), weight: 1.0 }
    }
}

/// Who is responsible for data, or processes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Party {
    /// The name by which events refer to it: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// What it does with the data.
    pub role: PartyRole,
    /// What it is called: the firm.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// Its postal address.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub address: String,
    /// How its data protection officer is reached.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub contact: String,
    /// Where it is, as ISO 3166; empty if that is not said.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub country: String,
    /// Its e-mail address.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub email: String,
    /// Its telephone number.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub phone: String,
    /// Its page.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub url: String,
}

impl Party {
    /// A party of this name and role.
    pub fn new(name: impl Into<String>, role: PartyRole) -> Self {
        Self {
            name: name.into(),
            role,
            label: String::new(),
            address: String::new(),
            contact: String::new(),
            country: String::new(),
            email: String::new(),
            phone: String::new(),
            url: String::new(),
        }
    }
}

/// What people are contacted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Purpose {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it is about, in prose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// The channels through which it may be done, as a preference centre offers them. Without any it may be
    /// done through every channel for which the policy has a rule, and a preference centre offers none.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub channels: Vec<String>,
    /// The policy that holds for it: one that is defined, or a preset.
    #[serde(default = "strictest")]
    #[cfg_attr(feature = "uniffi", uniffi(default = "eu_strict"))]
    pub policy: String,
    /// Whose purpose it is: a party that is a controller.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub controller: Option<String>,
    /// Who else gets the data: parties that are processors.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub processors: Vec<String>,
    /// The text that people are shown: the name of a notice. Its latest version is meant where an event
    /// names none.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub notice: Option<String>,
    /// Whether it only serves what the person asked for, such as an invoice. Then neither quiet hours
    /// nor caps, pressure, frequency and pauses count, and a contract, a legal obligation and a vital
    /// interest permit it, whatever the person opted out of. Not for marketing.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_transactional: bool,
    /// What it is in the Data Privacy Vocabulary, such as `dpv:DirectMarketing`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub dpv: String,
    /// Whether it is no longer used. Nothing is permitted for it then.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_archived: bool,
    /// How data is processed for it, as receipts and the register of processing say it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub processing: Option<Processing>,
}

fn strictest() -> String {
    "eu_strict".into()
}

impl Purpose {
    /// A purpose of this name through these channels, under the strictest policy.
    pub fn new<C: Into<String>>(
        name: impl Into<String>,
        channels: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            description: String::new(),
            channels: channels.into_iter().map(Into::into).collect(),
            policy: strictest(),
            controller: None,
            processors: Vec::new(),
            notice: None,
            is_transactional: false,
            dpv: String::new(),
            is_archived: false,
            processing: None,
        }
    }

    /// The names of the parties that get the data besides the controller, each once.
    pub(crate) fn recipients(&self) -> BTreeSet<&str> {
        let others = self.processing.iter().flat_map(|processing| &processing.recipients);
        self.processors.iter().chain(others).map(String::as_str).collect()
    }

    /// The same purpose, with the text that people are shown.
    #[must_use]
    pub fn notice(self, notice: impl Into<String>) -> Self {
        Self { notice: Some(notice.into()), ..self }
    }

    /// The same purpose, with how data is processed for it.
    #[must_use]
    pub fn processing(self, processing: Processing) -> Self {
        Self { processing: Some(processing), ..self }
    }

    /// The same purpose, under this policy.
    #[must_use]
    pub fn policy(self, policy: impl Into<String>) -> Self {
        Self { policy: policy.into(), ..self }
    }
}

/// Publishes a text that people are shown: the request of `notices.publish`. The same text again is the
/// same version; another one is the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublishNotice {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// The language, as BCP 47. Each language has versions of its own.
    pub language: String,
    /// The text, as it is shown, at most 1 MiB.
    pub text: String,
    /// Whether whoever agreed to an earlier version is to be asked again, for whichever purpose: until
    /// then nothing is permitted. Not for the first version.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub asks_again: bool,
}

impl PublishNotice {
    /// A text of this name in a language.
    pub fn new(
        name: impl Into<String>,
        language: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        let (name, language, text) = (name.into(), language.into(), text.into());
        Self { name, language, text, asks_again: false }
    }
}

/// A version of a text that people are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notice {
    /// The name.
    pub name: String,
    /// The language.
    pub language: String,
    /// The version in this language, from 1.
    pub version: i64,
    /// The text.
    pub text: String,
    /// The SHA-256 of the text in UTF-8, in hexadecimal digits.
    pub sha256: String,
    /// Whether whoever agreed to an earlier version is to be asked again.
    pub asks_again: bool,
    /// When it was published.
    pub published_at: Timestamp,
}

/// A version of a text, without the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoticeSummary {
    /// The name.
    pub name: String,
    /// The language.
    pub language: String,
    /// The version in this language.
    pub version: i64,
    /// The SHA-256 of the text.
    pub sha256: String,
    /// Whether whoever agreed to an earlier version is to be asked again.
    pub asks_again: bool,
    /// When it was published.
    pub published_at: Timestamp,
}

/// Hours in which nobody is contacted, in the time zone of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuietHours {
    /// When they begin, as `20:00`.
    pub from: String,
    /// When they end, as `08:00`; on the next day if that is earlier. Not the same.
    pub until: String,
    /// Whether Saturday and Sunday are quiet as a whole.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub weekends: bool,
}

/// At most so many contacts in a span that ends now. 0 means never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContactCap {
    /// At most so many.
    pub most: u32,
    /// In a span such as `P7D`.
    pub within: String,
}

/// The limit of what contacts over all channels weigh. A contact weighs what its channel says, and half
/// of it after each half-life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContactPressure {
    /// Nobody is contacted whose pressure, with the new contact, would exceed this.
    pub limit: f64,
    /// After how many days a contact weighs half, from 1 to 365.
    pub half_life_days: u32,
}

/// What a policy asks for on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelRule {
    /// The channel; every other channel if it is empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub channel: String,
    /// What it needs.
    pub regime: ConsentRegime,
    /// Whether a consent must have been confirmed.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub double_opt_in: bool,
    /// Whether existing customers may be told of similar goods without consent.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub existing_customers: bool,
    /// Whether a legitimate interest is enough.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub legitimate_interest: bool,
    /// After which span without use a consent lapses; never if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub lapses_after: Option<String>,
    /// How long before that, and before a consent is to be renewed, it is warned; only where it lapses or is
    /// to be renewed, and at most as long before.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub warns_before: Option<String>,
    /// How long proof is kept from the grant and from each use.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub retention: Option<String>,
    /// When nobody is contacted.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub quiet: Option<QuietHours>,
    /// How often somebody is contacted on this channel, for whatever purpose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub caps: Vec<ContactCap>,
    /// After which span a consent is over, used or not, unless the person renews it; never if it is left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub valid_for: Option<String>,
}

impl ChannelRule {
    /// A rule for a channel, or with an empty name for all others.
    pub fn new(channel: impl Into<String>, regime: ConsentRegime) -> Self {
        Self {
            channel: channel.into(),
            regime,
            double_opt_in: false,
            existing_customers: false,
            legitimate_interest: false,
            lapses_after: None,
            warns_before: None,
            retention: None,
            quiet: None,
            caps: Vec::new(),
            valid_for: None,
        }
    }
}

/// What the law of a place, or the house, asks for. The presets are a start and no legal advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentPolicy {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// The rules, at most one for each channel. A channel without one is denied.
    pub rules: Vec<ChannelRule>,
    /// How long a request for confirmation waits, such as `P2D`.
    #[serde(default = "two_days")]
    #[cfg_attr(feature = "uniffi", uniffi(default = "P2D"))]
    pub confirms_within: String,
    /// Whether minors need the consent of somebody with parental responsibility.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "uniffi", uniffi(default = true))]
    pub guards_minors: bool,
    /// What all contacts together may weigh.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub pressure: Option<ContactPressure>,
}

fn two_days() -> String {
    "P2D".into()
}

fn yes() -> bool {
    true
}

impl ConsentPolicy {
    /// A policy of these rules.
    pub fn new(name: impl Into<String>, rules: impl IntoIterator<Item = ChannelRule>) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            rules: rules.into_iter().collect(),
            confirms_within: two_days(),
            guards_minors: true,
            pressure: None,
        }
    }

    /// What it asks for on a channel.
    pub(crate) fn rule(&self, channel: &str) -> Option<&ChannelRule> {
        let named = |name: &str| self.rules.iter().find(|rule| rule.channel == name);
        named(channel).or_else(|| named(""))
    }
}

/// All that the ledger is about: the answer of `consents.definitions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentDefinitions {
    /// The channels, those that need no definition included, by name.
    pub channels: Vec<Channel>,
    /// The parties, by name.
    pub parties: Vec<Party>,
    /// The purposes, archived ones included, by name.
    pub purposes: Vec<Purpose>,
    /// The policies that were defined or are in use, by name.
    pub policies: Vec<ConsentPolicy>,
    /// The versions of all texts, without the texts.
    pub notices: Vec<NoticeSummary>,
}
