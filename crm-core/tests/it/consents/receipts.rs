//! Receipts: what they say, what they name as missing, and that others would take them.

use std::{collections::BTreeSet, fs, path::Path};

use crm_core::{
    ChannelRule, ConsentEvidence, ConsentKind, ConsentMethod, ConsentPolicy, ConsentReceipt,
    ConsentRegime, ConsentStatus, DataCategory, ErrorKind, GetReceipt, NewConsent, Party,
    PartyRole, Processing, Purpose, ReceiptFormat, RequestConsent, Timestamp,
};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Desk, at};
use crate::properties::cases;

/// A desk whose purpose says all that a receipt asks for.
fn complete() -> Desk {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    for (name, role) in [("acme", PartyRole::Controller), ("printer", PartyRole::Processor)] {
        let party = Party {
            label: format!("{name} Ltd"),
            address: "1 Example Road".into(),
            contact: "privacy officer".into(),
            country: "de".into(),
            email: format!("privacy@{name}.example"),
            phone: "+49 30 1".into(),
            ..Party::new(name, role)
        };
        consents.define_party(party).unwrap();
    }
    let processing = Processing {
        personal_data: vec![
            DataCategory::new("pd:EmailAddress"),
            DataCategory { is_optional: true, is_special: true, ..DataCategory::new("health") },
        ],
        collection: "on a form".into(),
        operations: vec!["dpv:Store".into(), "dpv:Use".into()],
        storage_countries: vec!["de".into(), "eu".into()],
        processing_countries: vec!["DE".into()],
        transfers: "not outside the EU".into(),
        storage_period: Some("P3Y".into()),
        service: "Letters".into(),
        jurisdiction: "de".into(),
        withdrawal: "https://acme.example/leave".into(),
        rights: "https://acme.example/rights".into(),
        policy_url: "https://acme.example/privacy".into(),
        authority: "BlnBDI".into(),
        ..Processing::default()
    };
    let purpose = Purpose {
        controller: Some("acme".into()),
        processors: vec!["printer".into()],
        dpv: "dpv:DirectMarketing".into(),
        description: "News of our goods".into(),
        ..Purpose::new("mail", ["email", "post"]).notice("news").policy("eu_general")
    };
    consents.define_purpose(purpose.processing(processing)).unwrap();
    desk
}

fn grant(desk: &Desk) -> NewConsent {
    NewConsent::grant(desk.ann.clone(), "email", "mail").contact_point("ann@example.org")
}

fn receipt(desk: &Desk, format: ReceiptFormat) -> (ConsentReceipt, Json) {
    let answer = desk.crm.consents().receipt(&GetReceipt::new(desk.ann.clone(), format)).unwrap();
    let document = serde_json::from_str(&answer.document).unwrap();
    (answer, document)
}

#[test]
fn a_complete_receipt_lacks_nothing_and_is_the_same_twice() {
    let desk = complete();
    desk.record(grant(&desk));
    for format in [ReceiptFormat::Dpv, ReceiptFormat::Kantara] {
        let (first, _) = receipt(&desk, format);
        desk.go_to("2026-05-01T00:00:00Z");
        let (second, _) = receipt(&desk, format);
        assert_eq!(first, second);
        assert_eq!(first.missing, Vec::<String>::new());
        assert_eq!(first.consents[0].status, ConsentStatus::Given);
    }
}

#[test]
fn what_the_definitions_lack_is_named_and_not_invented() {
    let desk = Desk::new("eu_general");
    desk.grant();
    let (answer, document) = receipt(&desk, ReceiptFormat::Dpv);
    for place in ["controller", "processing.jurisdiction", "processing.storage_period"] {
        let place = format!("purposes.news.{place}");
        assert!(answer.missing.contains(&place), "{place} in {:?}", answer.missing);
    }
    let record = &document["dpv:hasRecordOfActivity"][0];
    assert_eq!(record.get("dpv:hasJurisdiction"), None);
    assert_eq!(record.get("dpv:hasDataController"), None);
    let (answer, document) = receipt(&desk, ReceiptFormat::Kantara);
    assert!(answer.missing.contains(&"purposes.news.processing.policy_url".into()));
    assert_eq!(document.get("policyUrl"), None);
    assert_eq!(document.get("sensitive"), None, "nobody said that it is not");
}

#[test]
fn a_receipt_tells_every_step_in_the_terms_of_the_vocabulary() {
    let desk = complete();
    let consents = desk.crm.consents();
    let asked = RequestConsent::new(desk.ann.clone(), "email", "ann@example.org", "mail");
    let asked = RequestConsent {
        evidence: Some(ConsentEvidence { ip: Some("192.0.2.1".into()), ..Default::default() }),
        ..asked
    };
    let waiting = consents.request(asked).unwrap();
    desk.go_to("2026-03-02T11:00:00Z");
    let event = consents.confirm(crm_core::ConfirmConsent::new(waiting.token)).unwrap();
    desk.go_to("2026-03-03T10:00:00Z");
    desk.record(NewConsent::withdraw(desk.ann.clone()).on("email"));
    let (answer, document) = receipt(&desk, ReceiptFormat::Dpv);
    assert_eq!(answer.consents[0].id, event.id);
    assert_eq!(answer.consents[0].status, ConsentStatus::Withdrawn);
    let record = &document["dpv:hasRecordOfActivity"][0];
    let statuses = record["dpv:hasConsentStatus"].as_array().unwrap();
    let said: Vec<(&Json, &Json)> =
        statuses.iter().map(|one| (&one["@type"], &one["dpv:isIndicatedAtTime"])).collect();
    let explicit = serde_json::json!(["dpv:ConsentGiven", "dpv:ExplicitlyExpressedConsent"]);
    assert_eq!(
        said,
        [
            (&"dpv:ConsentRequested".into(), &"2026-03-02T10:00:00Z".into()),
            (&explicit, &"2026-03-02T11:00:00Z".into()),
            (&"dpv:ConsentWithdrawn".into(), &"2026-03-03T10:00:00Z".into()),
        ]
    );
    assert_eq!(record["dpv:hasProcess"]["schema:contactPoint"]["schema:email"], "ann@example.org");
    assert!(!answer.document.contains("192.0.2.1"), "evidence is no matter of the receipt");
    let none = consents.receipt(&GetReceipt::new(desk.ann.clone(), ReceiptFormat::Kantara));
    assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound, "nothing is allowed any more");
}

#[test]
fn a_receipt_says_until_when_a_consent_holds() {
    let desk = complete();
    desk.record(grant(&desk));
    let duration = || {
        let (_, document) = receipt(&desk, ReceiptFormat::Dpv);
        let statuses = &document["dpv:hasRecordOfActivity"][0]["dpv:hasConsentStatus"];
        statuses[0]["dpv:hasDuration"].clone()
    };
    assert_eq!(duration()["rdf:value"], "withdrawal");
    let rule = ChannelRule {
        valid_for: Some("P1Y".into()),
        ..ChannelRule::new("email", ConsentRegime::OptIn)
    };
    desk.crm.consents().define_policy(ConsentPolicy::new("eu_general", [rule])).unwrap();
    assert_eq!(duration()["@type"], "dpv:UntilTimeDuration");
    assert_eq!(duration()["rdf:value"], "2027-03-02T10:00:00Z");
}

#[test]
fn an_import_without_proof_is_no_consent_in_a_receipt() {
    let desk = complete();
    let mut list = grant(&desk);
    list.kind = ConsentKind::Imported;
    desk.record(list);
    let (_, document) = receipt(&desk, ReceiptFormat::Dpv);
    let status = &document["dpv:hasRecordOfActivity"][0]["dpv:hasConsentStatus"][0];
    assert_eq!(status["@type"], "dpv:ConsentUnknown");
}

#[test]
fn a_renewal_that_was_imported_is_no_consent_in_a_receipt() {
    let desk = complete();
    let renewed = NewConsent { kind: ConsentKind::Renewed, ..grant(&desk) };
    let imported = |desk: &Desk| {
        desk.record(renewed.clone().method(ConsentMethod::Import));
    };
    imported(&desk);
    let said = || {
        let (_, document) = receipt(&desk, ReceiptFormat::Dpv);
        let statuses = &document["dpv:hasRecordOfActivity"][0]["dpv:hasConsentStatus"];
        let statuses = statuses.as_array().unwrap().iter();
        statuses.map(|one| one["@type"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(said(), [r#""dpv:ConsentUnknown""#]);
    let asked = GetReceipt::new(desk.ann.clone(), ReceiptFormat::Kantara);
    let none = desk.crm.consents().receipt(&asked).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    desk.record(grant(&desk));
    let (_, before) = receipt(&desk, ReceiptFormat::Kantara);
    desk.go_to("2026-04-01T00:00:00Z");
    imported(&desk);
    let (_, after) = receipt(&desk, ReceiptFormat::Kantara);
    assert_eq!(after["consentTimestamp"], before["consentTimestamp"], "of what is proven");
    assert_eq!(said()[2], r#""dpv:ConsentUnknown""#);
}

/// Defines the purpose of a complete desk anew, as nobody has agreed to it yet.
fn redefine(desk: &Desk) {
    let consents = desk.crm.consents();
    let definitions = consents.definitions().unwrap();
    let mut purpose = definitions.purposes.into_iter().find(|one| one.name == "mail").unwrap();
    purpose.description = "Profiles for networks of advertisers".into();
    purpose.dpv = "dpv:ThirdPartyMarketing".into();
    purpose.processors.push("adnet".into());
    let processing = purpose.processing.as_mut().unwrap();
    processing.personal_data.push(DataCategory::new("pd:Location"));
    consents.define_party(Party::new("adnet", PartyRole::Processor)).unwrap();
    let printer = definitions.parties.into_iter().find(|one| one.name == "printer").unwrap();
    consents.define_party(Party { label: "AdNet Print".into(), ..printer }).unwrap();
    consents.define_purpose(purpose).unwrap();
}

/// What only the later definitions say.
const LATER: [&str; 5] = ["Profiles", "ThirdPartyMarketing", "adnet", "pd:Location", "AdNet Print"];

#[test]
fn nobody_is_said_to_have_agreed_to_what_was_defined_later() {
    let desk = complete();
    desk.record(grant(&desk));
    let before =
        [ReceiptFormat::Dpv, ReceiptFormat::Kantara].map(|format| receipt(&desk, format).0);
    desk.go_to("2026-06-01T00:00:00Z");
    redefine(&desk);
    for receipted in before {
        assert_eq!(receipt(&desk, receipted.format).0, receipted, "not a byte is another");
    }
    desk.verify();
}

#[test]
fn who_agrees_again_has_a_record_of_each_agreement() {
    let desk = complete();
    let first = desk.record(grant(&desk));
    desk.go_to("2026-05-01T00:00:00Z");
    let left = desk.record(NewConsent::withdraw(desk.ann.clone()).on("email"));
    desk.go_to("2026-06-01T00:00:00Z");
    redefine(&desk);
    let second = desk.record(grant(&desk));
    let (answer, document) = receipt(&desk, ReceiptFormat::Dpv);
    let stands: Vec<_> = answer.consents.iter().map(|one| (one.id, one.status)).collect();
    let (withdrawn, given) = (ConsentStatus::Withdrawn, ConsentStatus::Given);
    assert_eq!(stands, [(first.id, withdrawn), (second.id, given)]);
    let events = |record: &Json| -> Vec<String> {
        let statuses = record["dpv:hasConsentStatus"].as_array().unwrap().iter();
        statuses.map(|one| one["dct:identifier"].as_str().unwrap().to_owned()).collect()
    };
    let records = &document["dpv:hasRecordOfActivity"];
    assert_eq!(events(&records[0]), [first.id.to_string(), left.id.to_string()]);
    assert_eq!(events(&records[1]), [second.id.to_string()]);
    for word in LATER {
        assert!(!records[0].to_string().contains(word), "{word}");
        assert!(records[1].to_string().contains(word), "{word}");
    }
    let nodes = |record: &Json| {
        let entities = record["dpv:hasEntity"].as_array().unwrap().iter();
        let node = |one: &Json| one["@id"].as_str().unwrap().to_owned();
        entities.map(node).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&records[0]), ["_:party-acme", "_:party-printer"]);
    let ours = ["_:party-acme", "_:party-adnet", "_:party-printer-2"];
    assert_eq!(nodes(&records[1]), ours, "a party that was defined anew is a node of its own");
    let (answer, document) = receipt(&desk, ReceiptFormat::Kantara);
    assert_eq!(answer.consents.len(), 1, "what was taken back is in none");
    let purposes = &document["services"][0]["purposes"];
    assert_eq!(purposes.as_array().unwrap().len(), 1);
    assert_eq!(purposes[0]["thirdPartyName"], "AdNet Print, adnet");
}

#[test]
fn what_is_recorded_late_was_agreed_to_when_the_person_acted() {
    let desk = complete();
    desk.go_to("2026-06-01T00:00:00Z");
    redefine(&desk);
    desk.go_to("2026-06-02T00:00:00Z");
    let said = |event: NewConsent| {
        let id = desk.record(event).id.to_string();
        let (_, document) = receipt(&desk, ReceiptFormat::Dpv);
        let records = document["dpv:hasRecordOfActivity"].as_array().unwrap().clone();
        let record = records.into_iter().find(|one| one["dct:identifier"] == id.as_str());
        record.unwrap()["dpv:hasProcess"]["dpv:hasPurpose"]["dct:description"].clone()
    };
    let at_point = |point: &str| grant(&desk).contact_point(point);
    let on_paper = at_point("a@example.org").at(at("2026-05-01T00:00:00Z"));
    assert_eq!(said(on_paper), "News of our goods");
    let now = at_point("b@example.org");
    assert_eq!(said(now), "Profiles for networks of advertisers");
    // Nothing was defined then: what the host means is what it had defined when it recorded this.
    let before_the_file = at_point("c@example.org").at(at("2020-01-01T00:00:00Z"));
    assert_eq!(said(before_the_file), "Profiles for networks of advertisers");
}

#[test]
fn a_double_opt_in_is_about_what_was_defined_when_it_was_asked() {
    let desk = complete();
    let consents = desk.crm.consents();
    let asked = RequestConsent::new(desk.ann.clone(), "email", "ann@example.org", "mail");
    let token = consents.request(asked).unwrap().token;
    desk.go_to("2026-03-02T12:00:00Z");
    redefine(&desk);
    consents.confirm(crm_core::ConfirmConsent::new(token)).unwrap();
    let (answer, _) = receipt(&desk, ReceiptFormat::Dpv);
    for word in LATER {
        assert!(!answer.document.contains(word), "{word}");
    }
}

proptest! {
    #![proptest_config(cases(64))]

    /// Whatever is defined anew, recorded late or taken back between: each agreement stands in the record of
    /// what was defined when the person acted, and in no other.
    #[test]
    fn each_agreement_is_shown_with_what_was_defined_then(
        steps in prop::collection::vec((0_u8..4, 0_i64..100), 1..12),
    ) {
        let desk = Desk::new("eu_general");
        let start = at("2026-03-02T10:00:00Z").micros();
        let hour = |hours: i64| Timestamp::from_micros(start + hours * 3_600_000_000).unwrap();
        let (mut defined, mut agreed) = (vec![(hour(0), String::new())], Vec::new());
        for (nth, (kind, back)) in (1..).zip(steps) {
            desk.go_to(&hour(nth).to_string());
            let grant = NewConsent::grant(desk.ann.clone(), "email", "news");
            match kind {
                0 => {
                    let text = format!("as of {nth}");
                    let news = Purpose::new("news", ["email"]).notice("news").policy("eu_general");
                    let news = Purpose { description: text.clone(), ..news };
                    desk.crm.consents().define_purpose(news).unwrap();
                    defined.push((hour(nth), text));
                }
                1 => {
                    desk.record(NewConsent::withdraw(desk.ann.clone()).on("email"));
                }
                _ => {
                    // Half an hour beside the definitions, and maybe before all of them.
                    let late = hour(nth - back / 8).micros() - 1_800_000_000;
                    let acted = if kind == 2 { hour(nth) } else { Timestamp::from_micros(late).unwrap() };
                    let then = defined.iter().rev().find(|(since, _)| *since <= acted);
                    let (_, text) = then.or(defined.last()).unwrap();
                    agreed.push((desk.record(grant.at(acted)).id.to_string(), text.clone()));
                }
            }
        }
        if agreed.is_empty() {
            return Ok(());
        }
        let (_, document) = receipt(&desk, ReceiptFormat::Dpv);
        let mut shown = Vec::new();
        for record in document["dpv:hasRecordOfActivity"].as_array().unwrap() {
            let text = &record["dpv:hasProcess"]["dpv:hasPurpose"]["dct:description"];
            for event in record["dpv:hasConsentStatus"].as_array().unwrap() {
                if event["@type"] != "dpv:ConsentWithdrawn" {
                    let id = event["dct:identifier"].as_str().unwrap().to_owned();
                    shown.push((id, text.as_str().unwrap_or_default().to_owned()));
                }
            }
        }
        shown.sort();
        agreed.sort();
        prop_assert_eq!(shown, agreed);
    }
}

/// The names of all members of all objects, with the type of the object before each.
fn members(json: &Json, found: &mut BTreeSet<(String, String)>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| members(item, found)),
        Json::Object(object) => {
            let kind = match object.get("@type") {
                Some(Json::String(kind)) => kind.clone(),
                Some(Json::Array(kinds)) => kinds[0].as_str().unwrap_or_default().to_owned(),
                _ => String::new(),
            };
            for (name, value) in object {
                found.insert((kind.clone(), name.clone()));
                members(value, found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_receipt_has_all_that_the_guide_of_the_w3c_demands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/consent/dpv_receipt.json");
    let example: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (mut demanded, mut ours) = (BTreeSet::new(), BTreeSet::new());
    members(&example, &mut demanded);
    let desk = complete();
    desk.record(grant(&desk));
    desk.record(NewConsent::withdraw(desk.ann.clone()).on("email"));
    members(&receipt(&desk, ReceiptFormat::Dpv).1, &mut ours);
    // Two nodes without a type of their own have one here; the ground of deletion and the publisher are
    // not mandatory in the table of fields, nor is which law applies.
    for (kind, name) in demanded {
        let is_typed = !kind.is_empty() && kind != "dpv:StorageDeletion";
        if is_typed && kind != "dpv:UntilEventDuration" && !OPTIONAL.contains(&name.as_str()) {
            assert!(ours.contains(&(kind.clone(), name.clone())), "{kind} {name}");
        }
    }
}

/// What the guide leaves out, and what the table of fields does not demand.
const OPTIONAL: [&str; 4] = ["dct:publisher", "dpv:hasApplicableLaw", "dct:title", "dct:coverage"];

/// Terms of the vocabularies that no example of the guide happens to use.
const BEYOND: [&str; 11] = [
    "dpv:Authority",
    "dpv:ConsentExpired",
    "dpv:ConsentInvalidated",
    "dpv:ConsentRevoked",
    "dpv:ConsentUnknown",
    "dpv:DirectMarketing",
    "dpv:hasAuthority",
    "dpv:hasProcessingCondition",
    "schema:addressCountry",
    "schema:identifier",
    "schema:sha256",
];

/// The terms of a document, whether it is JSON to the last comma or not.
fn terms(text: &str) -> BTreeSet<String> {
    let prefixes = ["dct", "dpv", "eu-gdpr", "loc", "pd", "rdf", "schema", "skos"];
    let is_term = |text: &&str| {
        text.split_once(':').is_some_and(|(prefix, name)| {
            prefixes.contains(&prefix)
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    text.split('"').filter(is_term).map(str::to_owned).collect()
}

#[test]
fn every_term_of_a_receipt_is_one_of_the_guide() {
    use ConsentKind::{Denied, Expired, Imported, Invalidated, Renewed, Revoked, Withdrawn};
    let desk = complete();
    let of = |kind| NewConsent { kind, ..grant(&desk) };
    for kind in [Imported, Denied, Withdrawn, Revoked, Invalidated, Expired] {
        desk.record(of(kind));
    }
    desk.record(NewConsent { by_guardian: true, ..of(Renewed) });
    desk.record(
        NewConsent { contact_point: Some("+49301".into()), ..grant(&desk) }.on("messenger"),
    );
    let asked = RequestConsent::new(desk.ann.clone(), "email", "ann@example.org", "mail");
    let token = desk.crm.consents().request(asked).unwrap().token;
    desk.crm.consents().confirm(crm_core::ConfirmConsent::new(token)).unwrap();
    let ours = terms(&receipt(&desk, ReceiptFormat::Dpv).0.document);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/consent/dpv");
    let Ok(examples) = fs::read_dir(folder) else {
        eprintln!("not run against the examples: data absent");
        return;
    };
    let (mut known, mut demanded, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    for example in examples {
        let path = example.unwrap().path();
        let found = terms(&fs::read_to_string(&path).unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Those of a whole record and a whole receipt with nothing but what is mandatory.
        if name.starts_with("80_") || name.starts_with("89_") {
            let is_member = |term: &&String| {
                term.split_once(':').is_some_and(|(_, name)| name.starts_with(char::is_lowercase))
            };
            demanded.extend(found.iter().filter(is_member).cloned());
        }
        known.extend(found);
        count += 1;
    }
    assert!(count >= 90, "{count} examples");
    known.extend(BEYOND.map(str::to_owned));
    let unknown: Vec<&String> = ours.difference(&known).collect();
    assert_eq!(unknown, Vec::<&String>::new());
    demanded.retain(|term| !OPTIONAL.contains(&term.as_str()));
    let lacking: Vec<&String> = demanded.difference(&ours).collect();
    assert_eq!(lacking, Vec::<&String>::new());
}

/// Judges JSON by what the schema of the receipt uses of JSON Schema, draft 4.
fn judge(schema: &Json, json: &Json, path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let is_fitting = match schema["type"].as_str() {
        Some("object") => json.is_object(),
        Some("array") => json.is_array(),
        Some("string") => json.is_string(),
        Some("integer") => json.is_i64(),
        Some("boolean") => json.is_boolean(),
        Some(other) => panic!("a type that the test does not know: {other}"),
        None => true,
    };
    if !is_fitting {
        problems.push(format!("{path} is of another type"));
    }
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = json.get(name) {
            problems.extend(judge(part, value, &format!("{path}/{name}")));
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if json.get(name.as_str().unwrap()).is_none() {
            problems.push(format!("{path} lacks {name}"));
        }
    }
    for (nth, item) in json.as_array().into_iter().flatten().enumerate() {
        if let Some(part) = schema.get("items") {
            problems.extend(judge(part, item, &format!("{path}/{nth}")));
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(json)
    {
        problems.push(format!("{path} is none of {allowed:?}"));
    }
    if let Some(one_of) = schema["oneOf"].as_array() {
        let fitting = one_of.iter().filter(|part| judge(part, json, path).is_empty()).count();
        if fitting != 1 {
            problems.push(format!("{path} fits {fitting} of one"));
        }
    }
    problems
}

#[test]
fn a_kantara_receipt_is_valid_by_its_schema() {
    let desk = complete();
    desk.record(grant(&desk));
    let (_, document) = receipt(&desk, ReceiptFormat::Kantara);
    assert_eq!(document["version"], "KI-CR-v1.1.0");
    assert_eq!(document["sensitive"], true);
    assert_eq!(document["spiCat"], serde_json::json!(["health"]));
    let purpose = &document["services"][0]["purposes"][0];
    assert_eq!(purpose["thirdPartyName"], "printer Ltd");
    let path = "../../shared/data/consent/kantara/kantara-consent-receipt-v1_1-schema.json";
    let Ok(text) = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)) else {
        eprintln!("not run against the schema: data absent");
        return;
    };
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let schema: Json = serde_json::from_str(&lines.collect::<String>()).unwrap();
    assert_eq!(judge(&schema, &document, ""), Vec::<String>::new());
    let mut wrong = document;
    wrong["services"][0]["purposes"][0]["thirdPartyName"] = Json::Null;
    assert_ne!(judge(&schema, &wrong, ""), Vec::<String>::new(), "the test can fail");
}

#[test]
fn what_is_said_of_processing_is_judged() {
    let desk = complete();
    let consents = desk.crm.consents();
    let refused = |processing: Processing| {
        let purpose = Purpose::new("other", ["email"]).policy("eu_general");
        let error = consents.define_purpose(purpose.processing(processing)).unwrap_err();
        (error.kind(), error.field().unwrap_or_default().to_owned())
    };
    let nothing = Processing::default;
    assert_eq!(
        refused(Processing { storage_countries: vec!["DE".into(), "XX".into()], ..nothing() }),
        (ErrorKind::InvalidValue, "processing.storage_countries[1]".into())
    );
    assert_eq!(
        refused(Processing { storage_period: Some("long".into()), ..nothing() }),
        (ErrorKind::InvalidValue, "processing.storage_period".into())
    );
    assert_eq!(
        refused(Processing { recipients: vec!["nobody".into()], ..nothing() }),
        (ErrorKind::NotFound, "processing.recipients[0]".into())
    );
    assert_eq!(
        refused(Processing { personal_data: vec![DataCategory::new(" ")], ..nothing() }),
        (ErrorKind::Required, "processing.personal_data[0].name".into())
    );
}
