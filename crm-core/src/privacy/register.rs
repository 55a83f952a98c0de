//! The register of processing activities (GDPR art. 30), made from the purposes and the retention rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    DataCategory, Party, Retention,
    consent::{Book, Purpose, Rule},
};

/// Makes the register of processing: the request of `privacy.register`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetRegister {
    /// Only what this controller is responsible for; everything if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub controller: Option<String>,
}

/// A purpose in the register, with what art. 30 (1) asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterEntry {
    /// The purpose (b): its name.
    pub purpose: String,
    /// The purpose in words.
    pub description: String,
    /// Who is responsible, with its contact details and how the data protection officer is reached (a).
    pub controller: Option<Party>,
    /// Whose data it is (c).
    pub subjects: String,
    /// Which data (c).
    pub personal_data: Vec<DataCategory>,
    /// The attributes that are processed for it (c): `contact.allergies`, of activities
    /// `activity visit.reason`, of associations `association treats.ward`.
    pub attributes: Vec<String>,
    /// Who gets it (d).
    pub recipients: Vec<Party>,
    /// Countries outside, and with which safeguards (e).
    pub transfers: String,
    /// When it is erased (f): a span after which it is not needed, if that was said.
    pub storage_period: Option<String>,
    /// How long records are kept for it (f), by the retention rules: `contact: P3Y from last_use`.
    pub retention_periods: Vec<String>,
    /// How long proof of consent is kept, by channel: `phone: P5Y`.
    pub proof_periods: Vec<String>,
    /// How the data is kept safe (g).
    pub security: String,
    /// The channels through which people are contacted for it: those that it names, or all for
    /// which its policy has a rule.
    pub channels: Vec<String>,
    /// Whether it is no longer used.
    pub is_archived: bool,
    /// What art. 30 asks for and the definitions do not say, such as
    /// `purposes.news.processing.security`, or of the controller `parties.acme.address`; an e-mail
    /// address, a telephone number or an officer will do beside it.
    pub missing: Vec<String>,
}

/// The register of processing: the answer of `privacy.register`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessingRegister {
    /// The purposes, by name.
    pub entries: Vec<RegisterEntry>,
    /// The retention rules that are about no purpose in particular, by name.
    pub retentions: Vec<Retention>,
    /// The same as a CSV table, with a header: a row for each purpose, and after them one without a
    /// purpose for each retention rule that is about none in particular. What is a list has `; `
    /// between its parts.
    pub csv: String,
}

/// The register of the purposes of a file. `attributes` names those that are processed for one.
pub(crate) fn register(
    book: &Book,
    rules: &BTreeMap<String, Retention>,
    attributes: impl Fn(&str) -> Vec<String>,
    controller: Option<&str>,
) -> ProcessingRegister {
    let purposes = book.purposes.values();
    let wanted = purposes
        .filter(|one| controller.is_none_or(|name| one.controller.as_deref() == Some(name)));
    let entries = wanted.map(|purpose| RegisterEntry {
        attributes: attributes(&purpose.name),
        ..entry(book, rules, purpose)
    });
    let entries: Vec<RegisterEntry> = entries.collect();
    let general = rules.values().filter(|rule| rule.purpose.is_none());
    let retentions: Vec<Retention> = general.cloned().collect();
    let csv = csv(&entries, &retentions);
    ProcessingRegister { entries, retentions, csv }
}

fn entry(book: &Book, rules: &BTreeMap<String, Retention>, purpose: &Purpose) -> RegisterEntry {
    let about = purpose.processing.clone().unwrap_or_default();
    let party = |name: &str| book.parties.get(name).cloned();
    let channels = book.channels_of(purpose);
    let proof_periods = channels.iter().filter_map(|channel| {
        // As the policy says it, and only where it says so.
        Rule::new(book, &purpose.name, channel).ok()?.retention?;
        let policy = book.policy(&purpose.policy)?;
        Some(format!("{channel}: {}", policy.rule(channel)?.retention.as_deref()?))
    });
    let proof_periods = proof_periods.collect();
    let of_purpose = rules.values().filter(|rule| rule.purpose.as_ref() == Some(&purpose.name));
    let retention_periods: Vec<String> = of_purpose.map(Retention::told).collect();
    let has_period = about.storage_period.is_some() || !retention_periods.is_empty();
    let demanded = [
        ("controller", purpose.controller.is_none()),
        ("processing.subjects", about.subjects.is_empty()),
        ("processing.personal_data", about.personal_data.is_empty()),
        ("processing.storage_period", !has_period),
        ("processing.security", about.security.is_empty()),
        ("processing.transfers", about.transfers.is_empty()),
    ];
    let missing = demanded.into_iter().filter(|(_, is_missing)| *is_missing);
    let missing = missing.map(|(part, _)| format!("purposes.{}.{part}", purpose.name));
    let controller = purpose.controller.as_deref().and_then(party);
    let missing = missing.chain(controller.iter().flat_map(unreachable)).collect();
    RegisterEntry {
        purpose: purpose.name.clone(),
        description: match purpose.description.is_empty() {
            true => purpose.label.clone(),
            false => purpose.description.clone(),
        },
        controller,
        subjects: about.subjects,
        attributes: Vec::new(),
        recipients: purpose.recipients().into_iter().filter_map(party).collect(),
        personal_data: about.personal_data,
        transfers: about.transfers,
        storage_period: about.storage_period,
        retention_periods,
        proof_periods,
        security: about.security,
        channels,
        is_archived: purpose.is_archived,
        missing,
    }
}

/// What is missing of the contact details of a controller (a).
fn unreachable(party: &Party) -> Vec<String> {
    let has_other = [&party.email, &party.phone, &party.contact].iter().any(|it| !it.is_empty());
    let parts = [("address", party.address.is_empty()), ("contact", !has_other)];
    let missing = parts.into_iter().filter(|(_, is_missing)| *is_missing);
    missing.map(|(part, _)| format!("parties.{}.{part}", party.name)).collect()
}

/// What a party is called, and how it is reached.
fn told(party: &Party) -> String {
    let Party { name, role: _, label, address, contact, country, email, phone, url } = party;
    let called = if label.is_empty() { name } else { label };
    let parts = [called, address, country, contact, email, phone, url].into_iter();
    parts.filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The columns of the table.
const HEADER: [&str; 21] = [
    "purpose",
    "description",
    "controller",
    "address",
    "country",
    "contact",
    "email",
    "phone",
    "url",
    "subjects",
    "personal_data",
    "attributes",
    "recipients",
    "transfers",
    "storage_period",
    "retention_periods",
    "proof_periods",
    "security",
    "channels",
    "is_archived",
    "missing",
];

fn csv(entries: &[RegisterEntry], retentions: &[Retention]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(HEADER);
    let written = entries.iter().fold(written, |written, entry| {
        let data: Vec<&str> = entry.personal_data.iter().map(|one| one.name.as_str()).collect();
        let recipients: Vec<String> = entry.recipients.iter().map(told).collect();
        let of_controller = |part: fn(&Party) -> &String| {
            entry.controller.as_ref().map_or_else(String::new, |party| part(party).clone())
        };
        let is_called = |party: &Party| !party.label.is_empty();
        let cells = [
            entry.purpose.clone(),
            entry.description.clone(),
            match entry.controller.as_ref().is_some_and(is_called) {
                true => of_controller(|party| &party.label),
                false => of_controller(|party| &party.name),
            },
            of_controller(|party| &party.address),
            of_controller(|party| &party.country),
            of_controller(|party| &party.contact),
            of_controller(|party| &party.email),
            of_controller(|party| &party.phone),
            of_controller(|party| &party.url),
            entry.subjects.clone(),
            data.join("; "),
            entry.attributes.join("; "),
            recipients.join("; "),
            entry.transfers.clone(),
            entry.storage_period.clone().unwrap_or_default(),
            entry.retention_periods.join("; "),
            entry.proof_periods.join("; "),
            entry.security.clone(),
            entry.channels.join("; "),
            entry.is_archived.to_string(),
            entry.missing.join("; "),
        ];
        written.and_then(|()| writer.write_record(cells))
    });
    let written = retentions.iter().fold(written, |written, rule| {
        let told = |name| if name == "retention_periods" { rule.told() } else { String::new() };
        written.and_then(|()| writer.write_record(HEADER.map(told)))
    });
    written.expect("memory takes a table");
    let bytes = writer.into_inner().expect("memory takes a table");
    String::from_utf8(bytes).expect("cells are text")
}
