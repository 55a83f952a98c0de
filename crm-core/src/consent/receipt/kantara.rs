//! The consent receipt of the Kantara Initiative, version 1.1.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::{ConsentFile, Missing, ReceiptFacts, place, processing, recipients};
use crate::{Party, Purpose};

pub(super) fn document(
    facts: &ReceiptFacts<'_>,
    files: &[&ConsentFile<'_>],
    id: &str,
    missing: &mut Missing,
) -> Json {
    let mut receipt = Map::new();
    let mut put = |name: &str, value: Json| receipt.insert(name.to_owned(), value);
    put("version", json!("KI-CR-v1.1.0"));
    put("consentReceiptID", json!(id));
    put("piiPrincipalId", json!(facts.subject.id));
    let given: Vec<_> = files.iter().filter_map(|file| file.given()).collect();
    if let Some(last) = given.iter().max_by_key(|event| (event.occurred_at, event.id)) {
        // Seconds since 1970; the form has none before.
        put("consentTimestamp", json!(last.occurred_at.micros().div_euclid(1_000_000).max(0)));
        if let Some(language) = &last.language {
            put("language", json!(language));
        }
    }
    let methods: BTreeSet<&str> = given.iter().map(|event| event.method.name()).collect();
    put("collectionMethod", json!(joined(methods)));
    // A document has one of each of these; the purposes may have several.
    let purposes: BTreeMap<&str, &Purpose> =
        files.iter().map(|file| (file.purpose.name.as_str(), file.purpose)).collect();
    let (mut jurisdictions, mut policies) = (BTreeSet::new(), BTreeSet::new());
    let (mut controllers, mut special) = (BTreeMap::new(), BTreeSet::new());
    let mut services: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    let (mut is_sensitive, mut is_known) = (false, true);
    for purpose in purposes.values() {
        if let Some(name) = &purpose.controller
            && let Some(party) = facts.book.parties.get(name)
        {
            controllers.insert(&party.name, party);
        }
    }
    for purpose in purposes.into_values() {
        let about = processing(purpose);
        jurisdictions.extend(
            missing.text(&about.jurisdiction, || place(purpose, "processing.jurisdiction")),
        );
        policies
            .extend(missing.text(&about.policy_url, || place(purpose, "processing.policy_url")));
        if purpose.controller.is_none() {
            missing.note(place(purpose, "controller"));
        }
        is_known &= !about.personal_data.is_empty();
        for data in &about.personal_data {
            is_sensitive |= data.is_sensitive || data.is_special;
            if data.is_sensitive || data.is_special {
                special.insert(data.name.as_str());
            }
        }
        missing.text(&about.service, || place(purpose, "processing.service"));
        services.entry(&about.service).or_default().push(one_purpose(facts, purpose, missing));
    }
    if !jurisdictions.is_empty() {
        put("jurisdiction", json!(joined(jurisdictions)));
    }
    if !policies.is_empty() {
        put("policyUrl", json!(joined(policies)));
    }
    if !controllers.is_empty() {
        let all = controllers.values().map(|party| controller(party, missing));
        put("piiControllers", Json::Array(all.collect()));
    }
    let services = services.into_iter().map(|(service, purposes)| match service {
        "" => json!({"purposes": purposes}),
        service => json!({"service": service, "purposes": purposes}),
    });
    put("services", Json::Array(services.collect()));
    if is_known {
        put("sensitive", json!(is_sensitive));
        put("spiCat", json!(special));
    }
    Json::Object(receipt)
}

fn joined(texts: BTreeSet<&str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(", ")
}

fn one_purpose(facts: &ReceiptFacts<'_>, purpose: &Purpose, missing: &mut Missing) -> Json {
    let about = processing(purpose);
    let mut one = Map::new();
    let mut put = |name: &str, value: Json| one.insert(name.to_owned(), value);
    let words = if purpose.description.is_empty() { &purpose.label } else { &purpose.description };
    put("purpose", json!(words));
    put("consentType", json!("EXPLICIT"));
    if let Some(category) = missing.text(&purpose.dpv, || place(purpose, "dpv")) {
        put("purposeCategory", json!([category]));
    }
    if about.personal_data.is_empty() {
        missing.note(place(purpose, "processing.personal_data"));
    } else {
        let names: Vec<&str> = about.personal_data.iter().map(|data| data.name.as_str()).collect();
        put("piiCategory", json!(names));
    }
    put("primaryPurpose", json!(purpose.is_transactional));
    if let Some(how) = missing.text(&about.withdrawal, || place(purpose, "processing.withdrawal")) {
        put("termination", json!(how));
    }
    let others = recipients(facts.book, purpose);
    put("thirdPartyDisclosure", json!(!others.is_empty()));
    if !others.is_empty() {
        let names: BTreeSet<&str> = others.iter().map(|party| party.label.as_str()).collect();
        put("thirdPartyName", json!(joined(names)));
    }
    Json::Object(one)
}

fn controller(party: &Party, missing: &mut Missing) -> Json {
    let mut one = Map::new();
    let mut put = |name: &str, value: Json| one.insert(name.to_owned(), value);
    put("piiController", json!(party.label));
    let place = |part: &str| format!("parties.{}.{part}", party.name);
    for (name, part, text) in [
        ("contact", "contact", &party.contact),
        ("email", "email", &party.email),
        ("phone", "phone", &party.phone),
    ] {
        if let Some(text) = missing.text(text, || place(part)) {
            put(name, json!(text));
        }
    }
    if let Some(street) = missing.text(&party.address, || place("address")) {
        let mut address = Map::new();
        address.insert("streetAddress".into(), json!(street));
        if !party.country.is_empty() {
            address.insert("addressCountry".into(), json!(party.country));
        }
        put("address", Json::Object(address));
    }
    if !party.url.is_empty() {
        put("piiControllerUrl", json!(party.url));
    }
    Json::Object(one)
}
