//! ISO/IEC TS 27560 in the terms of the Data Privacy Vocabulary, as JSON-LD.
//!
//! Which term stands for which field follows the guide of the W3C community group that maintains the
//! vocabulary; what the standard calls mandatory, and what the guide calls so under the GDPR, is noted as
//! missing when the definitions do not say it.

use serde_json::{Map, Value as Json, json};

use super::{ConsentFile, Missing, ReceiptFacts, last_recorded, place, processing};
use crate::{
    ConsentEvent, ConsentKind, ConsentStatus, Medium, Party, PartyRole, Purpose,
    condition::{Parts, later_in_utc},
    consent::{Rule, ledger::Proof},
};

const PROFILE: &str = "https://w3id.org/dpv/schema/dpv-27560";

pub(super) fn document(
    facts: &ReceiptFacts<'_>,
    files: &[&ConsentFile<'_>],
    missing: &mut Missing,
) -> Json {
    let mut receipt = Map::new();
    let mut put = |name: &str, value: Json| receipt.insert(name.to_owned(), value);
    put("@context", context());
    put("@type", json!("dpv:ConsentReceipt"));
    put("dct:conformsTo", json!(format!("{PROFILE}#receipt")));
    if let Some(at) = last_recorded(files) {
        // Not when it was asked for: the same ledger gives the same receipt.
        put("dct:created", json!(at.to_string()));
    }
    put("schema:recipient", json!("dpv:DataSubject"));
    let records = files.iter().map(|file| record(facts, file, missing));
    put("dpv:hasRecordOfActivity", Json::Array(records.collect()));
    Json::Object(receipt)
}

/// Says in a document which one it is.
pub(super) fn identify(document: &mut Json, id: &str) {
    document["@id"] = json!(format!("urn:uuid:{id}"));
    document["dct:identifier"] = json!(id);
}

fn context() -> Json {
    json!({
        "dct": "http://purl.org/dc/terms/",
        "dpv": "https://w3id.org/dpv#",
        "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
        "loc": "https://w3id.org/dpv/loc#",
        "pd": "https://w3id.org/dpv/pd#",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "schema": "https://schema.org/",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

/// A text as a node of this document.
fn notice_node(name: &str, language: &str, version: i64) -> String {
    format!("_:notice-{name}-{language}-{version}")
}

/// A party as a node of this document; each way in which it was defined is one of its own.
fn party_node(facts: &ReceiptFacts<'_>, party: &Party) -> String {
    let mut ways: Vec<&Party> = Vec::new();
    for one in facts.files.iter().filter_map(|file| file.terms.parties.get(&party.name)) {
        if !ways.contains(&one) {
            ways.push(one);
        }
    }
    match ways.iter().position(|one| *one == party) {
        None | Some(0) => format!("_:party-{}", party.name),
        Some(place) => format!("_:party-{}-{}", party.name, place + 1),
    }
}

/// One value as it is, several as a list.
fn list(mut values: Vec<Json>) -> Json {
    match values.len() {
        1 => values.remove(0),
        _ => Json::Array(values),
    }
}

fn record(facts: &ReceiptFacts<'_>, file: &ConsentFile<'_>, missing: &mut Missing) -> Json {
    let ConsentFile { terms, id, .. } = file;
    let purpose = &terms.purpose;
    let about = processing(purpose);
    let mut record = Map::new();
    let mut put = |name: &str, value: Json| record.insert(name.to_owned(), value);
    put("@id", json!(format!("urn:uuid:{id}")));
    put("@type", json!("dpv:ConsentRecord"));
    put("dct:identifier", json!(id));
    put("dct:conformsTo", json!(format!("{PROFILE}#record")));
    put(
        "dpv:hasDataSubject",
        json!({
            "@id": format!("urn:uuid:{}", facts.subject.id),
            "@type": "dpv:DataSubject",
            "dct:identifier": facts.subject.id,
        }),
    );
    put("dpv:hasLegalBasis", json!(["dpv:Consent", "eu-gdpr:A6-1-a"]));
    let controller = terms.controller();
    match controller {
        Some(controller) => {
            put("dpv:hasDataController", json!(party_node(facts, controller)));
        }
        None => missing.note(place(purpose, "controller")),
    }
    let processors = purpose.processors.iter().filter_map(|name| terms.parties.get(name));
    let processors: Vec<Json> = processors.map(|party| json!(party_node(facts, party))).collect();
    if !processors.is_empty() {
        put("dpv:hasDataProcessor", list(processors));
    }
    if let Some(country) =
        missing.text(&about.jurisdiction, || place(purpose, "processing.jurisdiction"))
    {
        put("dpv:hasJurisdiction", json!(format!("loc:{country}")));
    }
    put("dpv:hasProcess", process(facts, file, missing));
    if let Some(how) = missing.text(&about.withdrawal, || place(purpose, "processing.withdrawal")) {
        put(
            "dpv:hasConsentControl",
            json!({
                "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
                "dpv:isExercisedAt": how,
            }),
        );
    }
    if let Some(place) = missing.text(&about.rights, || place(purpose, "processing.rights")) {
        put("dpv:hasRight", json!({"@type": "dpv:DataSubjectRight", "dpv:isExercisedAt": place}));
    }
    if let Some(authority) =
        missing.text(&about.authority, || place(purpose, "processing.authority"))
    {
        put("dpv:hasAuthority", json!({"@type": "dpv:Authority", "dpv:hasName": authority}));
    }
    match notices(facts, file) {
        none if none.is_empty() => missing.note(place(purpose, "notice")),
        notices => {
            put("dpv:hasNotice", list(notices));
        }
    }
    put("dpv:hasConsentStatus", history(facts, file));
    let parties = controller.into_iter().chain(terms.recipients());
    let parties: Vec<Json> = parties.map(|party| entity(facts, party, missing)).collect();
    if !parties.is_empty() {
        put("dpv:hasEntity", list(parties));
    }
    Json::Object(record)
}

/// What each event says of where the consent stands.
fn history(facts: &ReceiptFacts<'_>, file: &ConsentFile<'_>) -> Json {
    // Until when it holds is decided by the policy of now.
    let rule = Rule::new(facts.book, &file.terms.purpose.name, file.channel).ok();
    let valid_for = rule.and_then(|rule| rule.valid_for);
    let responsible = match file.terms.controller() {
        Some(party) => json!(party_node(facts, party)),
        None => json!("dpv:DataController"),
    };
    let statuses = file.events.iter().flat_map(|event| statuses(event, &responsible, valid_for));
    Json::Array(statuses.collect())
}

fn process(facts: &ReceiptFacts<'_>, file: &ConsentFile<'_>, missing: &mut Missing) -> Json {
    let purpose = &file.terms.purpose;
    let about = processing(purpose);
    let mut process = Map::new();
    let mut put = |name: &str, value: Json| process.insert(name.to_owned(), value);
    put("@type", json!("dpv:Process"));
    put("dpv:hasPurpose", purpose_node(purpose));
    if about.personal_data.is_empty() {
        missing.note(place(purpose, "processing.personal_data"));
    } else {
        let data = about.personal_data.iter().map(|data| {
            let class = match (data.is_special, data.is_sensitive) {
                (true, _) => "dpv:SpecialCategoryPersonalData",
                (false, true) => "dpv:SensitivePersonalData",
                (false, false) => "dpv:PersonalData",
            };
            let necessity = if data.is_optional { "dpv:Optional" } else { "dpv:Required" };
            let name = if data.name.contains(':') { "skos:broader" } else { "dct:title" };
            json!({"@type": class, name: data.name, "dpv:hasNecessity": necessity})
        });
        put("dpv:hasPersonalData", list(data.collect()));
    }
    let collection = missing.text(&about.collection, || place(purpose, "processing.collection"));
    if let Some(how) = collection {
        put(
            "dpv:hasDataSource",
            json!({"@type": "dpv:DataSubjectDataSource", "dct:description": how}),
        );
    }
    if about.operations.is_empty() {
        missing.note(place(purpose, "processing.operations"));
    } else {
        put("dpv:hasProcessing", list(about.operations.iter().map(|one| json!(one)).collect()));
    }
    let who = file.terms.controller().into_iter().chain(file.terms.recipients());
    let who: Vec<Json> = who.map(|party| json!(party_node(facts, party))).collect();
    if !who.is_empty() {
        put("dpv:hasRecipient", list(who));
    }
    let storage = storage(purpose, missing);
    if !storage.is_empty() {
        put("dpv:hasStorageCondition", list(storage));
    }
    if about.processing_countries.is_empty() {
        missing.note(place(purpose, "processing.processing_countries"));
    } else {
        let countries = about.processing_countries.iter().map(|one| json!(format!("loc:{one}")));
        let place = json!({"@type": "dpv:ProcessingLocation", "dpv:hasLocation": list(countries.collect())});
        put("dpv:hasProcessingCondition", place);
    }
    if let Some(rule) = missing.text(&about.transfers, || place(purpose, "processing.transfers")) {
        put("dpv:hasRule", json!({"@type": "dpv:Prohibition", "dct:description": rule}));
    }
    if !about.service.is_empty() {
        put("dpv:hasService", json!({"@type": "dpv:Service", "dct:title": about.service}));
    }
    put("schema:contactPoint", contact_point(facts, file));
    add_measures(purpose, &mut process);
    Json::Object(process)
}

/// Adds what is optional in the standard: a code of conduct and an impact assessment.
fn add_measures(purpose: &Purpose, process: &mut Map<String, Json>) {
    let about = processing(purpose);
    let mut put = |name: &str, value: Json| process.insert(name.to_owned(), value);
    if !about.code_of_conduct.is_empty() {
        put(
            "dpv:hasOrganisationalMeasure",
            json!({
                "@type": "dpv:OrganisationalMeasure",
                "skos:broader": "dpv:CodeOfConduct",
                "dct:title": about.code_of_conduct,
            }),
        );
    }
    if !about.impact_assessment.is_empty() {
        put(
            "dpv:hasAssessment",
            json!({"@type": "dpv:DPIA", "schema:url": about.impact_assessment}),
        );
    }
}

fn purpose_node(purpose: &Purpose) -> Json {
    let mut node = Map::new();
    node.insert("@type".into(), json!("dpv:Purpose"));
    node.insert("dct:identifier".into(), json!(purpose.name));
    node.insert("dct:title".into(), json!(purpose.label));
    if !purpose.description.is_empty() {
        node.insert("dct:description".into(), json!(purpose.description));
    }
    if !purpose.dpv.is_empty() {
        node.insert("skos:broader".into(), json!(purpose.dpv));
    }
    Json::Object(node)
}

/// Where and how long it is stored.
fn storage(purpose: &Purpose, missing: &mut Missing) -> Vec<Json> {
    let about = processing(purpose);
    let mut conditions = Vec::new();
    if about.storage_countries.is_empty() {
        missing.note(place(purpose, "processing.storage_countries"));
    } else {
        let countries = about.storage_countries.iter().map(|one| json!(format!("loc:{one}")));
        let countries = list(countries.collect());
        conditions.push(json!({"@type": "dpv:StorageLocation", "dpv:hasLocation": countries}));
    }
    match &about.storage_period {
        Some(period) => {
            conditions.push(json!({"@type": "dpv:StorageDuration", "dpv:hasDuration": period}));
        }
        None => missing.note(place(purpose, "processing.storage_period")),
    }
    conditions
}

/// Through what the person is reached, and where.
fn contact_point(facts: &ReceiptFacts<'_>, file: &ConsentFile<'_>) -> Json {
    let mut point = Map::new();
    point.insert("@type".into(), json!("schema:ContactPoint"));
    point.insert("schema:contactType".into(), json!(file.channel));
    if let Some(text) = file.contact_point {
        let name = match facts.book.medium(file.channel) {
            Ok(Medium::Email) => "schema:email",
            Ok(Medium::Phone | Medium::Sms) => "schema:telephone",
            _ => "schema:identifier",
        };
        point.insert(name.into(), json!(text));
    }
    Json::Object(point)
}

/// The texts that were shown, each version once.
fn notices(facts: &ReceiptFacts<'_>, file: &ConsentFile<'_>) -> Vec<Json> {
    let mut shown: Vec<(&str, &str, i64)> = Vec::new();
    for event in &file.events {
        if let (Some(name), Some(language), Some(version)) =
            (event.notice.as_deref(), event.language.as_deref(), event.notice_version)
        {
            shown.push((name, language, version));
        }
    }
    shown.sort_unstable();
    shown.dedup();
    let known = shown.into_iter().filter_map(|(name, language, version)| {
        let model = facts.book.notices.iter().find(|one| {
            (one.name.as_str(), one.language.as_str(), one.version) == (name, language, version)
        })?;
        Some(json!({
            "@id": notice_node(name, language, version),
            "@type": "dpv:ConsentNotice",
            "dct:identifier": format!("{name}/{language}/{version}"),
            "dct:date": model.published_at.to_string(),
            "dct:language": language,
            "schema:sha256": model.sha256,
        }))
    });
    known.collect()
}

/// What an event says of where the consent stands; a double opt-in says two things.
fn statuses(event: &ConsentEvent, responsible: &Json, valid_for: Option<Parts>) -> Vec<Json> {
    let person = match event.by_guardian {
        true => json!(["dpv:DataSubject", {"@type": "dpv:ParentOfDataSubject"}]),
        false => json!("dpv:DataSubject"),
    };
    let status = status_of(event);
    let mut all = Vec::new();
    if let Some(at) = event.requested_at.filter(|_| event.kind.is_permitting()) {
        all.push(json!({
            "@type": ConsentStatus::Requested.dpv(),
            "dpv:isIndicatedBy": responsible,
            "dpv:hasIndicationMethod": event.method.name(),
            "dpv:isIndicatedAtTime": at.to_string(),
        }));
    }
    let is_by_person = matches!(
        status,
        ConsentStatus::Given
            | ConsentStatus::RenewedGiven
            | ConsentStatus::Refused
            | ConsentStatus::Withdrawn
    );
    let mut said = Map::new();
    let kind = match (event.kind.is_permitting(), event.proof()) {
        (true, Proof::Double) => json!([status.dpv(), "dpv:ExplicitlyExpressedConsent"]),
        (true, Proof::Single) => json!([status.dpv(), "dpv:ExpressedConsent"]),
        _ => json!(status.dpv()),
    };
    said.insert("@type".into(), kind);
    said.insert("dct:identifier".into(), json!(event.id));
    let by = if is_by_person { &person } else { responsible };
    said.insert("dpv:isIndicatedBy".into(), by.clone());
    said.insert("dpv:hasIndicationMethod".into(), json!(event.method.name()));
    said.insert("dpv:isIndicatedAtTime".into(), json!(event.occurred_at.to_string()));
    if event.kind.is_permitting() {
        let renewal = valid_for.map(|span| later_in_utc(event.occurred_at, span));
        let duration = match event.expires_at.into_iter().chain(renewal).min() {
            Some(end) => json!({"@type": "dpv:UntilTimeDuration", "rdf:value": end.to_string()}),
            None => json!({"@type": "dpv:UntilEventDuration", "rdf:value": "withdrawal"}),
        };
        said.insert("dpv:hasDuration".into(), duration);
    }
    all.push(Json::Object(said));
    all
}

/// Where a consent stands after an event, taken by itself.
fn status_of(event: &ConsentEvent) -> ConsentStatus {
    match event.kind {
        kind if kind.is_permitting() && event.proof() == Proof::None => ConsentStatus::Unknown,
        ConsentKind::Granted | ConsentKind::Confirmed | ConsentKind::Imported => {
            ConsentStatus::Given
        }
        ConsentKind::Renewed => ConsentStatus::RenewedGiven,
        ConsentKind::Requested => ConsentStatus::Requested,
        ConsentKind::Denied => ConsentStatus::Refused,
        ConsentKind::Withdrawn | ConsentKind::Objected => ConsentStatus::Withdrawn,
        ConsentKind::Revoked => ConsentStatus::Revoked,
        ConsentKind::Expired | ConsentKind::Lapsed => ConsentStatus::Expired,
        ConsentKind::Invalidated => ConsentStatus::Invalidated,
        ConsentKind::Based
        | ConsentKind::Restricted
        | ConsentKind::Paused
        | ConsentKind::Minor
        | ConsentKind::Lifted
        | ConsentKind::Preferred
        | ConsentKind::Used => ConsentStatus::Unknown,
    }
}

fn entity(facts: &ReceiptFacts<'_>, party: &Party, missing: &mut Missing) -> Json {
    let mut entity = Map::new();
    let mut put = |name: &str, value: Json| entity.insert(name.to_owned(), value);
    let role = match party.role {
        PartyRole::Controller => "dpv:DataController",
        PartyRole::Processor => "dpv:DataProcessor",
    };
    put("@id", json!(party_node(facts, party)));
    put("@type", json!(["dpv:Organisation", role]));
    put("dpv:hasIdentifier", json!(party.name));
    put("dpv:hasName", json!(party.label));
    let place = |part: &str| format!("parties.{}.{part}", party.name);
    let mut points = Vec::new();
    if let Some(address) = missing.text(&party.address, || place("address")) {
        let mut postal = Map::new();
        postal.insert("@type".into(), json!("schema:PostalAddress"));
        postal.insert("schema:streetAddress".into(), json!(address));
        if !party.country.is_empty() {
            postal.insert("schema:addressCountry".into(), json!(party.country));
        }
        points.push(Json::Object(postal));
    }
    if let Some(contact) = missing.text(&party.contact, || place("contact")) {
        points.push(json!({"@type": "schema:ContactPoint", "schema:contactType": contact}));
    }
    for (name, text) in [("schema:email", &party.email), ("schema:telephone", &party.phone)] {
        if !text.is_empty() {
            points.push(json!({"@type": "schema:ContactPoint", name: text}));
        }
    }
    if !points.is_empty() {
        put("schema:contactPoint", list(points));
    }
    if !party.url.is_empty() {
        put("schema:url", json!(party.url));
    }
    Json::Object(entity)
}
