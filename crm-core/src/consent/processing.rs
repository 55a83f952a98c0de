//! What a record of processing says of a purpose: for receipts (ISO/IEC TS 27560) and for the register
//! (GDPR art. 30).
//!
//! All of it is optional, and stated by whoever is responsible; nothing is guessed. A receipt names what
//! it lacks.

use serde::{Deserialize, Serialize};

use super::{Book, rule::span};
use crate::{Error, ErrorKind, Result, limits, normal};

/// A category of personal data that is used for a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DataCategory {
    /// The category: a term such as `pd:EmailAddress`, or in words.
    pub name: String,
    /// Whether the purpose can be served without it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_optional: bool,
    /// Whether it is sensitive: a location, a bank account.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_sensitive: bool,
    /// Whether it is of a special category (GDPR art. 9): health, belief, origin. It is sensitive then.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_special: bool,
}

impl DataCategory {
    /// A category that is needed and neither sensitive nor special.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_optional: false, is_sensitive: false, is_special: false }
    }
}

/// How data is processed for a purpose. What is left out is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Processing {
    /// The personal data that is used.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub personal_data: Vec<DataCategory>,
    /// Whose data it is, such as `customers and people who ask for offers`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub subjects: String,
    /// How it is collected.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub collection: String,
    /// What is done with it: terms such as `dpv:Store`, or words.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub operations: Vec<String>,
    /// Where it is stored: countries as ISO 3166, or `EU`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub storage_countries: Vec<String>,
    /// Where it is processed: countries as ISO 3166, or `EU`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub processing_countries: Vec<String>,
    /// Where it must not go, and with which safeguards it goes to other countries.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub transfers: String,
    /// How long it is kept once it is not needed any more: a span such as `P3Y`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub storage_period: Option<String>,
    /// The service of which it is a part.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub service: String,
    /// Whose law holds: a country as ISO 3166, or `EU`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub jurisdiction: String,
    /// Who else gets the data besides controller and processors: names of parties.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub recipients: Vec<String>,
    /// How consent is taken back: an address or words.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub withdrawal: String,
    /// Where the other rights are exercised: an address or words.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub rights: String,
    /// The address of the privacy policy.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub policy_url: String,
    /// The code of conduct that is followed.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub code_of_conduct: String,
    /// The impact assessment: its address, or where it is.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub impact_assessment: String,
    /// The supervisory authority to which one may complain.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub authority: String,
    /// How the data is kept safe (GDPR art. 32).
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub security: String,
}

fn at(field: &str) -> impl Fn(Error) -> Error + use<> {
    let field = format!("processing.{field}");
    move |error| error.with_field(field.clone())
}

fn short(text: &str) -> Result<()> {
    if text.len() <= 16 * limits::LABEL_BYTES {
        return Ok(());
    }
    let message = format!("at most {} bytes", 16 * limits::LABEL_BYTES);
    Err(Error::new(ErrorKind::LimitExceeded, message))
}

/// A country, or the European Union, which ISO 3166 only reserves.
fn place(text: &str) -> Result<String> {
    match text.trim() {
        eu if eu.eq_ignore_ascii_case("eu") => Ok("EU".into()),
        text => normal::country::country(text).map(str::to_owned),
    }
}

/// Judges it, and brings countries into their normal form.
///
/// # Errors
///
/// The field is the place, such as `processing.storage_countries[1]`: `InvalidValue`, `NotFound`,
/// `Required`, `LimitExceeded`.
pub(crate) fn check_processing(processing: &mut Processing, book: &Book) -> Result<()> {
    for (nth, category) in processing.personal_data.iter().enumerate() {
        let at = at(&format!("personal_data[{nth}].name"));
        if category.name.trim().is_empty() {
            return Err(at(Error::new(ErrorKind::Required, "a category has a name")));
        }
        short(&category.name).map_err(at)?;
    }
    for (nth, operation) in processing.operations.iter().enumerate() {
        short(operation).map_err(at(&format!("operations[{nth}]")))?;
    }
    for (name, countries) in [
        ("storage_countries", &mut processing.storage_countries),
        ("processing_countries", &mut processing.processing_countries),
    ] {
        for (nth, country) in countries.iter_mut().enumerate() {
            *country = place(country).map_err(at(&format!("{name}[{nth}]")))?;
        }
    }
    if !processing.jurisdiction.is_empty() {
        processing.jurisdiction = place(&processing.jurisdiction).map_err(at("jurisdiction"))?;
    }
    if let Some(period) = &processing.storage_period {
        span(period).map_err(at("storage_period"))?;
    }
    for (nth, name) in processing.recipients.iter().enumerate() {
        if !book.parties.contains_key(name) {
            let error = Error::new(ErrorKind::NotFound, "no such party");
            return Err(at(&format!("recipients[{nth}]"))(
                error.with_hint("define it with parties.define"),
            ));
        }
    }
    let texts = [
        ("subjects", &processing.subjects),
        ("collection", &processing.collection),
        ("transfers", &processing.transfers),
        ("service", &processing.service),
        ("withdrawal", &processing.withdrawal),
        ("rights", &processing.rights),
        ("policy_url", &processing.policy_url),
        ("code_of_conduct", &processing.code_of_conduct),
        ("impact_assessment", &processing.impact_assessment),
        ("authority", &processing.authority),
        ("security", &processing.security),
    ];
    texts.into_iter().try_for_each(|(field, text)| short(text).map_err(at(field)))
}
