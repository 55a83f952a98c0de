//! The consent receipt of the Kantara Initiative, version 1.1.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::{ConsentFile, Missing, ReceiptFacts, Terms, place, processing};
use crate::Party;

pub(super) fn document(
    facts: &ReceiptFacts<'_>,
    files: &[&ConsentFile<'_>],
    missing: &mut Missing,
) -> Json {
    let mut receipt = Map::new();
    let mut put = |name: &str, value: Json| receipt.insert(name.to_owned(), value);
    put("version", json!("KI-CR-v1.1.0"));
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
    let (mut agreed, mut controllers): (Vec<&Terms>, Vec<&Party>) = (Vec::new(), Vec::new());
    for file in files {
        if !agreed.contains(&&file.terms) {
            agreed.push(&file.terms);
        }
        if let Some(party) = file.terms.controller()
            && !controllers.contains(&party)
        {
            controllers.push(party);
        }
    }
    controllers.sort_by_key(|party| &party.name);
    let (mut jurisdictions, mut policies) = (BTreeSet::new(), BTreeSet::new());
    let mut special = BTreeSet::new();
    let mut services: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    let (mut is_sensitive, mut is_known) = (false, true);
    for terms in agreed {
        let purpose = &terms.purpose;
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
        services.entry(&about.service).or_default().push(one_purpose(terms, missing));
    }
    if !jurisdictions.is_empty() {
        put("jurisdiction", json!(joined(jurisdictions)));
    }
    if !policies.is_empty() {
        put("policyUrl", json!(joined(policies)));
    }
    if !controllers.is_empty() {
        let all = controllers.into_iter().map(|party| controller(party, missing));
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

/// Says in a document which one it is.
pub(super) fn identify(document: &mut Json, id: &str) {
    document["consentReceiptID"] = json!(id);
}

fn joined(texts: BTreeSet<&str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(", ")
}

fn one_purpose(terms: &Terms, missing: &mut Missing) -> Json {
    let purpose = &terms.purpose;
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
    let others: BTreeSet<&str> = terms.recipients().map(|party| party.label.as_str()).collect();
    put("thirdPartyDisclosure", json!(!others.is_empty()));
    if !others.is_empty() {
        put("thirdPartyName", json!(joined(others)));
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
