//! The preference centre: what may be chosen and what is chosen, in one document out and in.

use serde::{Deserialize, Serialize};

use super::{ConsentEvidence, ConsentRequest, ConsentStatus, ContactFrequency};
use crate::{RecordRef, Timestamp, shape::debug};

/// Reads what a person may choose and has chosen: the request of `consents.preferences`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetPreferences {
    /// The person: a record.
    pub subject: RecordRef,
    /// The address or number that it is about; every one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
}

debug! { GetPreferences shows(subject) hides(contact_point) }

impl GetPreferences {
    /// What a person may choose.
    #[must_use]
    pub fn new(subject: RecordRef) -> Self {
        Self { subject, contact_point: None }
    }
}

/// What is chosen for a purpose on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelPreference {
    /// The channel.
    pub channel: String,
    /// What people read.
    pub label: String,
    /// Where the consent stands.
    pub status: ConsentStatus,
    /// Whether the person gets it.
    pub is_chosen: bool,
}

/// What is chosen for a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PurposePreference {
    /// The purpose.
    pub purpose: String,
    /// What people read.
    pub label: String,
    /// What it is about.
    pub description: String,
    /// The channels that are offered.
    pub channels: Vec<ChannelPreference>,
}

/// What a person may choose and has chosen: the answer of `consents.preferences`, which can be given back
/// as the `document` of `consents.set_preferences`. There, what is null and what is left out is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preferences {
    /// The person: a record.
    pub subject: RecordRef,
    /// The purposes in use that nobody ordered, by name.
    pub purposes: Vec<PurposePreference>,
    /// Whether the person opted out of everything.
    pub is_opted_out: bool,
    /// Until when the person wants to be left alone.
    pub paused_until: Option<Timestamp>,
    /// How many contacts are enough.
    pub frequency: Option<ContactFrequency>,
    /// The channel that the person likes best.
    pub preferred_channel: Option<String>,
    /// Choices that are to be confirmed first, with the token for the message: only in the answer of
    /// `consents.set_preferences`, in the order of the choices. In a document that is given back nothing
    /// is read from it.
    #[serde(default)]
    pub confirmations: Vec<ConsentRequest>,
    /// Goes back with the document: it holds as long as the document is true.
    pub token: String,
}

/// A choice: a purpose through a channel, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreferenceChoice {
    /// The purpose.
    pub purpose: String,
    /// The channel.
    pub channel: String,
    /// Whether the person wants it.
    pub is_chosen: bool,
}

impl PreferenceChoice {
    /// A choice for or against a purpose through a channel.
    pub fn new(purpose: impl Into<String>, channel: impl Into<String>, is_chosen: bool) -> Self {
        Self { purpose: purpose.into(), channel: channel.into(), is_chosen }
    }
}

/// Records what a person chose: the request of `consents.set_preferences`. What is left out, or is so
/// already, records nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetPreferences {
    /// The person: a record.
    pub subject: RecordRef,
    /// The address or number that the choices are about; every one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
    /// The choices. Where the policy wants a confirmation, one is requested.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub choices: Vec<PreferenceChoice>,
    /// Whether the person opts out of everything. Then nothing can be chosen.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub opts_out: bool,
    /// Until when the person wants to be left alone. A time that is past ends a pause.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub paused_until: Option<Timestamp>,
    /// How many contacts are enough.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub frequency: Option<ContactFrequency>,
    /// The channel that the person likes best.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub preferred_channel: Option<String>,
    /// In place of the five above: the document as it was read, with what the person changed. What differs
    /// is recorded, and what the document does not have, such as a frequency, the person has no longer.
    /// Purposes and channels that it does not name stay as they are.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub document: Option<Preferences>,
    /// The language of the texts that were shown; their only one if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub language: Option<String>,
    /// Where.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub source: Option<String>,
    /// What shows it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub evidence: Option<ConsentEvidence>,
}

debug! { SetPreferences shows(subject, choices, opts_out, paused_until, frequency, preferred_channel, document, language, evidence) hides(contact_point, source) }

impl SetPreferences {
    /// These choices of a person.
    pub fn new(subject: RecordRef, choices: impl IntoIterator<Item = PreferenceChoice>) -> Self {
        Self {
            subject,
            contact_point: None,
            choices: choices.into_iter().collect(),
            opts_out: false,
            paused_until: None,
            frequency: None,
            preferred_channel: None,
            document: None,
            language: None,
            source: None,
            evidence: None,
        }
    }
}
