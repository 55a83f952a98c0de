//! All definitions of a file at once, as decisions look them up.

use std::collections::BTreeMap;

use super::{
    Channel, ConsentDefinitions, ConsentPolicy, ConsentPreset, Medium, Notice, NoticeSummary,
    Party, PartyRole, Purpose,
};
use crate::{Error, ErrorKind, Result, Timestamp, normal::name::nearest};

/// A version of a text, as the file knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoticeModel {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) version: i64,
    pub(crate) sha256: String,
    pub(crate) asks_again: bool,
    pub(crate) published_at: Timestamp,
}

impl NoticeModel {
    /// By which versions are in order.
    pub(crate) fn key(&self) -> (&str, &str, i64) {
        (&self.name, &self.language, self.version)
    }

    /// What the file knows of a text.
    pub(crate) fn of(notice: &Notice) -> Self {
        Self {
            name: notice.name.clone(),
            language: notice.language.clone(),
            version: notice.version,
            sha256: notice.sha256.clone(),
            asks_again: notice.asks_again,
            published_at: notice.published_at,
        }
    }
}

/// The definitions, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) parties: BTreeMap<String, Party>,
    pub(crate) purposes: BTreeMap<String, Purpose>,
    pub(crate) policies: BTreeMap<String, ConsentPolicy>,
    /// In order of name, language and version.
    pub(crate) notices: Vec<NoticeModel>,
    /// The last change of any of them.
    pub(crate) seq: i64,
}

/// What each contact of a channel weighs that needs no definition.
const KNOWN: [(Medium, f64); 7] = [
    (Medium::Email, 1.0),
    (Medium::Phone, 4.0),
    (Medium::Sms, 2.0),
    (Medium::Post, 1.0),
    (Medium::Push, 1.0),
    (Medium::Messenger, 2.0),
    (Medium::Visit, 4.0),
];

fn known(medium: Medium, weight: f64) -> Channel {
    Channel { weight, label: medium.name().into(), ..Channel::new(medium.name(), medium) }
}

impl Book {
    /// All channels, those included that need no definition.
    pub(crate) fn all_channels(&self) -> BTreeMap<String, Channel> {
        let known = KNOWN.iter().map(|(medium, weight)| known(*medium, *weight));
        let mut all: BTreeMap<_, _> = known.map(|one| (one.name.clone(), one)).collect();
        all.extend(self.channels.clone());
        all
    }

    /// The medium of a channel.
    ///
    /// # Errors
    ///
    /// `NotFound` with field `channel`.
    pub(crate) fn medium(&self, name: &str) -> Result<Medium> {
        if let Some(channel) = self.channels.get(name) {
            return Ok(channel.medium);
        }
        let found = KNOWN.iter().find(|(medium, _)| medium.name() == name);
        found.map(|(medium, _)| *medium).ok_or_else(|| {
            let names = self.all_channels();
            missing("channel", name, names.keys(), "channels.define")
        })
    }

    /// What a contact through a channel weighs.
    pub(crate) fn weight(&self, name: &str) -> f64 {
        if let Some(channel) = self.channels.get(name) {
            return channel.weight;
        }
        KNOWN.iter().find(|(medium, _)| medium.name() == name).map_or(1.0, |(_, weight)| *weight)
    }

    /// # Errors
    ///
    /// `NotFound` with field `purpose`.
    pub(crate) fn purpose(&self, name: &str) -> Result<&Purpose> {
        let found = self.purposes.get(name);
        found.ok_or_else(|| missing("purpose", name, self.purposes.keys(), "purposes.define"))
    }

    /// # Errors
    ///
    /// `NotFound` if there is no such party; `InvalidArgument` if it has another role.
    pub(crate) fn party(&self, name: &str, role: PartyRole, field: &str) -> Result<&Party> {
        let Some(party) = self.parties.get(name) else {
            return Err(
                missing("party", name, self.parties.keys(), "parties.define").with_field(field)
            );
        };
        if party.role != role {
            let message = format!("the party is no {}", role.name());
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field));
        }
        Ok(party)
    }

    /// The policy of a purpose; a preset where none of this name is defined.
    pub(crate) fn policy(&self, name: &str) -> Option<ConsentPolicy> {
        let defined = self.policies.get(name).cloned();
        defined.or_else(|| ConsentPreset::from_name(name).map(ConsentPreset::policy))
    }

    /// The channels through which a purpose may be done: those that it names, or where it names none
    /// every one for which its policy has a rule.
    pub(crate) fn channels_of(&self, purpose: &Purpose) -> Vec<String> {
        if !purpose.channels.is_empty() {
            return purpose.channels.clone();
        }
        let Some(policy) = self.policy(&purpose.policy) else { return Vec::new() };
        let all = self.all_channels().into_keys();
        all.filter(|channel| policy.rule(channel).is_some()).collect()
    }

    /// The latest version of a text in a language, or where the language is left out and there is only
    /// one, in that.
    pub(crate) fn latest(&self, name: &str, language: Option<&str>) -> Option<&NoticeModel> {
        let mut of_name = self.notices.iter().filter(|notice| notice.name == name);
        let language = match language {
            Some(language) => language,
            None => {
                let first = of_name.clone().next()?;
                if !of_name.all(|other| other.language == first.language) {
                    return None;
                }
                &first.language
            }
        };
        let of_language = self.notices.iter().rev();
        of_language.into_iter().find(|notice| notice.name == name && notice.language == language)
    }

    /// The versions of texts from which on an agreement counts, by name and language.
    pub(crate) fn least_versions(&self) -> BTreeMap<(String, String), i64> {
        let asking = self.notices.iter().filter(|notice| notice.asks_again);
        // In order of the version, so that the last one stays.
        asking.map(|one| ((one.name.clone(), one.language.clone()), one.version)).collect()
    }

    /// As `consents.definitions` answers.
    pub(crate) fn definitions(&self) -> ConsentDefinitions {
        let notices = self.notices.iter().cloned().map(|notice| {
            let NoticeModel { name, language, version, sha256, asks_again, published_at } = notice;
            NoticeSummary { name, language, version, sha256, asks_again, published_at }
        });
        ConsentDefinitions {
            channels: self.all_channels().into_values().collect(),
            parties: self.parties.values().cloned().collect(),
            purposes: self.purposes.values().cloned().collect(),
            policies: self.policies.values().cloned().collect(),
            notices: notices.collect(),
        }
    }
}

fn missing<'a>(
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a String>,
    define: &str,
) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("no such {what}")).with_field(what);
    match nearest(name, names.map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => error.with_hint(format!("define it with {define}")),
    }
}
