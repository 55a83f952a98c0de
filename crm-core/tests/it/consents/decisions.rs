//! Decisions: what each rule of a policy does.

use crm_core::{
    AccessData, ActivityPreset, BasisFacts, ChannelRule, CheckProof, ConsentEvidence, ConsentKind,
    ConsentMethod, ConsentPolicy, ConsentRegime, ConsentStatus, ContactCap, ContactFrequency,
    ContactPressure, DenyReason, ErrorKind, Flow, LegalBasis, MayContact, NewActivity, NewConsent,
    ProveDecision, PublishNotice, Purpose, QuietHours, UseConsent,
};

use super::{Desk, at};

fn policy(desk: &Desk, rule: ChannelRule) {
    desk.crm.consents().define_policy(ConsentPolicy::new("eu_general", [rule])).unwrap();
}

fn email(regime: ConsentRegime) -> ChannelRule {
    ChannelRule::new("email", regime)
}

/// A span without length would end what it is about before it began.
#[test]
fn a_span_without_length_or_sense_is_refused_with_its_place() {
    let desk = Desk::new("eu_general");
    let span = |text: &str| Some(text.to_owned());
    let rule = || email(ConsentRegime::OptIn);
    let refused = |rule: ChannelRule| {
        let policy =
            ConsentPolicy::new("own", [ChannelRule::new("post", ConsentRegime::OptIn), rule]);
        let error = desk.crm.consents().define_policy(policy).unwrap_err();
        assert!(error.hint().is_some());
        (error.kind(), error.field().unwrap().to_owned())
    };
    for text in ["P0D", "PT0S", "0d"] {
        for (rule, field) in [
            (ChannelRule { valid_for: span(text), ..rule() }, "valid_for"),
            (ChannelRule { lapses_after: span(text), ..rule() }, "lapses_after"),
            (ChannelRule { warns_before: span(text), ..rule() }, "warns_before"),
            (ChannelRule { retention: span(text), ..rule() }, "retention"),
            (
                ChannelRule { caps: vec![ContactCap { most: 1, within: text.into() }], ..rule() },
                "caps[0].within",
            ),
        ] {
            assert_eq!(
                refused(rule),
                (ErrorKind::OutOfRange, format!("rules[1].{field}")),
                "{text}"
            );
        }
        let policy =
            ConsentPolicy { confirms_within: text.into(), ..ConsentPolicy::new("own", []) };
        let error = desk.crm.consents().define_policy(policy).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("confirms_within")));
        let mut wish = NewConsent::new(ConsentKind::Preferred, desk.ann.clone());
        wish.frequency = Some(ContactFrequency { most: 1, within: text.into() });
        let field = Some("frequency.within".to_owned());
        assert_eq!(desk.refusal(wish), (ErrorKind::OutOfRange, field));
    }
    let warning = |warns: &str, lapses: Option<&str>, valid: Option<&str>| ChannelRule {
        warns_before: span(warns),
        lapses_after: lapses.map(str::to_owned),
        valid_for: valid.map(str::to_owned),
        ..rule()
    };
    for rule in [
        warning("P31D", Some("P30D"), None),
        warning("P2M", Some("P1Y"), Some("P58D")),
        warning("P32D", None, Some("P1M")),
    ] {
        assert_eq!(refused(rule), (ErrorKind::OutOfRange, "rules[1].warns_before".to_owned()));
    }
    // A month may be longer than 30 days, two have up to 62, and a year may have 366.
    for rule in [
        warning("P30D", Some("P1M"), None),
        warning("P1M", Some("P30D"), Some("P1Y")),
        warning("P62D", Some("P2M"), None),
        warning("P366D", None, Some("P1Y")),
        warning("P8Y", Some("P2921D"), None),
    ] {
        policy(&desk, rule);
    }
    for rule in [
        warning("P63D", Some("P2M"), None),
        warning("P62DT1S", Some("P2M"), None),
        warning("P8Y", Some("P2920D"), None),
    ] {
        assert_eq!(refused(rule), (ErrorKind::OutOfRange, "rules[1].warns_before".to_owned()));
    }
    let of_nothing = (ErrorKind::InvalidArgument, "rules[1].warns_before".to_owned());
    assert_eq!(refused(warning("P30D", None, None)), of_nothing);
}

#[test]
fn what_nobody_allowed_is_denied_in_two_languages() {
    let desk = Desk::new("eu_strict");
    let german = MayContact { language: Some("de".into()), ..desk.question() };
    let answer = desk.crm.consents().decide(&german).unwrap();
    assert_eq!(
        answer.reasons[0].text,
        "Es gibt keine Einwilligung und keine andere Rechtsgrundlage."
    );
    assert_eq!(answer.status.dpv(), "dpv:ConsentUnknown");
    let french = MayContact { language: Some("fr".into()), ..desk.question() };
    let error = desk.crm.consents().decide(&french).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownOption, Some("language")));
}

#[test]
fn presets_differ_where_the_law_does() {
    let allowed = |policy: &str, channel: &str| {
        let desk = Desk::new(policy);
        let question = MayContact::new(desk.ann.clone(), channel, "news");
        desk.crm.consents().decide(&question).unwrap().is_allowed
    };
    assert!(!allowed("eu_strict", "email") && !allowed("eu_general", "phone"));
    assert!(allowed("us_can_spam", "email") && !allowed("us_can_spam", "phone"));
    assert!(allowed("uk", "phone") && !allowed("uk", "email"));
    let desk = Desk::new("us_can_spam");
    assert_eq!(desk.decide().basis, Some(LegalBasis::NotRequired));
    desk.record(NewConsent::withdraw(desk.ann.clone()));
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything], "nothing was needed");
}

#[test]
fn an_import_without_proof_permits_nothing_and_lifts_nothing() {
    let desk = Desk::new("eu_general");
    let mut import = NewConsent::new(ConsentKind::Imported, desk.ann.clone());
    import = import.on("email").purpose("news").at(at("2025-01-01T00:00:00Z"));
    desk.record(import.clone());
    assert_eq!(desk.reasons(), [DenyReason::Unproven]);
    assert_eq!(desk.decide().status, ConsentStatus::Unknown);
    let disguised = NewConsent::grant(desk.ann.clone(), "email", "news");
    desk.record(disguised.method(ConsentMethod::Import));
    assert_eq!(desk.reasons(), [DenyReason::Unproven], "a grant that was imported is no better");
    import.notice = Some("news".into());
    import.evidence =
        Some(ConsentEvidence { reference: Some("export".into()), ..ConsentEvidence::default() });
    desk.record(import.clone());
    assert!(desk.decide().is_allowed);
    let withdrawn = desk.record(NewConsent::withdraw(desk.ann.clone()));
    desk.record(import.clone());
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    import.supersedes = Some(vec![withdrawn.id]);
    assert_eq!(desk.refusal(import), (ErrorKind::InvalidArgument, Some("supersedes".into())));
}

#[test]
fn what_is_not_used_lapses_with_a_warning() {
    let desk = Desk::new("eu_general");
    let spans = (Some("P2Y".to_owned()), Some("P60D".to_owned()));
    let (lapses_after, warns_before) = spans;
    policy(
        &desk,
        ChannelRule {
            lapses_after,
            warns_before,
            retention: Some("P5Y".into()),
            ..email(ConsentRegime::OptIn)
        },
    );
    desk.grant();
    let fresh = desk.decide();
    assert_eq!(fresh.lapses_at, Some(at("2028-03-02T10:00:00Z")));
    assert_eq!(fresh.keep_until, Some(at("2031-03-02T10:00:00Z")));
    assert!(!fresh.is_lapsing);
    desk.go_to("2028-02-01T00:00:00Z");
    let late = desk.decide();
    assert!(late.is_allowed && late.is_lapsing);
    desk.crm.consents().record_use(UseConsent::new(&desk.question(), late.token)).unwrap();
    desk.go_to("2029-01-01T00:00:00Z");
    let used = desk.decide();
    assert!(used.is_allowed, "a use keeps it alive");
    assert_eq!(used.keep_until, Some(at("2033-02-01T00:00:00Z")), "and begins the time anew");
    desk.go_to("2030-02-02T00:00:00Z");
    assert_eq!(desk.reasons(), [DenyReason::Lapsed]);
    assert_eq!(desk.decide().status.dpv(), "dpv:ConsentExpired");
    desk.verify();
}

#[test]
fn who_has_to_wait_is_warned_too() {
    let desk = Desk::new("eu_general");
    let rule = ChannelRule {
        lapses_after: Some("P1Y".into()),
        valid_for: Some("P2Y".into()),
        warns_before: Some("P30D".into()),
        quiet: Some(QuietHours { from: "20:00".into(), until: "08:00".into(), weekends: false }),
        caps: vec![ContactCap { most: 1, within: "P1D".into() }],
        ..email(ConsentRegime::OptIn)
    };
    policy(&desk, rule);
    desk.grant();
    let warned = |reason: DenyReason| {
        let decision = desk.decide();
        assert_eq!(desk.reasons(), [reason]);
        assert_eq!(
            (decision.is_lapsing, decision.renew_by),
            (true, Some(at("2028-03-02T10:00:00Z")))
        );
        assert_eq!((decision.evidence, decision.basis), (vec![], None), "nothing is permitted");
        let many = crm_core::DecideMany::new("contact", "email", "news");
        let many = desk.crm.consents().decide_many(&many).unwrap();
        assert!(many.decisions[0].is_lapsing && !many.decisions[0].is_allowed);
        let proof = ProveDecision { question: desk.question(), head: None };
        let proof = desk.crm.consents().prove(&proof).unwrap();
        let check = |document: String| {
            let checked = CheckProof { document, head: None };
            desk.crm.consents().check_proof(&checked).unwrap().problems
        };
        // So it was written when what had to wait was not warned of.
        let mut untold: serde_json::Value = serde_json::from_str(&proof.document).unwrap();
        untold["decision"]["lapses_at"] = serde_json::Value::Null;
        untold["decision"]["renew_by"] = serde_json::Value::Null;
        untold["decision"]["is_lapsing"] = false.into();
        for document in [proof.document, untold.to_string()] {
            assert_eq!(check(document), Vec::<String>::new());
        }
        decision.lapses_at
    };
    desk.go_to("2027-02-20T02:00:00Z");
    assert_eq!(warned(DenyReason::QuietHours), Some(at("2027-03-02T10:00:00Z")));
    desk.go_to("2027-02-20T12:00:00Z");
    let pause = NewConsent::new(ConsentKind::Paused, desk.ann.clone());
    desk.record(NewConsent { expires_at: Some(at("2027-06-01T00:00:00Z")), ..pause });
    assert_eq!(warned(DenyReason::Paused), Some(at("2027-03-02T10:00:00Z")));
    desk.go_to("2028-02-10T12:00:00Z");
    assert_eq!(desk.reasons(), [DenyReason::Lapsed]);
    assert_eq!(desk.decide().lapses_at, None, "what is over lapses no more");
}

#[test]
fn a_consent_is_renewed_from_time_to_time_however_often_it_is_used() {
    let desk = Desk::new("eu_general");
    let (valid_for, warns_before) = (Some("P1Y".to_owned()), Some("P30D".to_owned()));
    let lapses_after = Some("P2Y".to_owned());
    let rule = ChannelRule { lapses_after, valid_for, warns_before, ..email(ConsentRegime::OptIn) };
    policy(&desk, rule);
    let grant = desk.grant();
    let fresh = desk.decide();
    let end = Some(at("2027-03-02T10:00:00Z"));
    assert_eq!((fresh.renew_by, fresh.valid_until, fresh.is_lapsing), (end, end, false));
    assert_eq!(fresh.lapses_at, Some(at("2028-03-02T10:00:00Z")));
    desk.go_to("2027-02-10T00:00:00Z");
    desk.crm.consents().record_use(UseConsent::new(&desk.question(), desk.decide().token)).unwrap();
    let used = desk.decide();
    assert_eq!((used.renew_by, used.is_lapsing), (end, true), "a use renews nothing");
    desk.go_to("2027-03-02T10:00:00Z");
    assert_eq!(desk.reasons(), [DenyReason::Expired]);
    assert_eq!(desk.decide().reasons[0].events, [grant.id]);
    assert_eq!(desk.decide().status, ConsentStatus::Expired);
    let proof = ProveDecision { question: desk.question(), head: None };
    let proof = desk.crm.consents().prove(&proof).unwrap();
    let checked = CheckProof { document: proof.document, head: None };
    assert!(desk.crm.consents().check_proof(&checked).unwrap().is_valid);
    let renewed = NewConsent::new(ConsentKind::Renewed, desk.ann.clone());
    desk.record(renewed.on("email").purpose("news"));
    assert_eq!(desk.decide().renew_by, Some(at("2028-03-02T10:00:00Z")));
    assert_eq!(desk.decide().status, ConsentStatus::RenewedGiven);
    desk.verify();
}

#[test]
fn what_says_nothing_of_renewal_keeps_its_bytes() {
    let rule = ChannelRule::new("email", ConsentRegime::OptIn);
    assert!(!serde_json::to_string(&rule).unwrap().contains("valid_for"));
    let desk = Desk::new("eu_general");
    desk.grant();
    let decision = serde_json::to_string(&desk.decide()).unwrap();
    assert!(!decision.contains("renew_by"), "older proofs say the same");
}

#[test]
fn a_new_text_asks_again() {
    let desk = Desk::new("eu_general");
    desk.grant();
    let text = PublishNotice::new("news", "en", "Every day.");
    desk.crm.consents().publish_notice(PublishNotice { asks_again: true, ..text }).unwrap();
    assert_eq!(desk.reasons(), [DenyReason::OutdatedNotice]);
    let renewed = NewConsent::new(ConsentKind::Renewed, desk.ann.clone());
    desk.record(renewed.on("email").purpose("news"));
    assert_eq!(desk.decide().status.dpv(), "dpv:RenewedConsentGiven");
}

#[test]
fn an_existing_customer_needs_all_four_conditions() {
    let desk = Desk::new("eu_general");
    let whole = BasisFacts {
        reference: None,
        sale: Some("order 7".into()),
        similar_goods: Some("chairs".into()),
        told_at_collection: true,
    };
    let based = |facts: BasisFacts| NewConsent {
        basis: Some(LegalBasis::ExistingCustomer),
        facts: Some(facts),
        ..NewConsent::new(ConsentKind::Based, desk.ann.clone())
            .on("email")
            .purpose("news")
            .contact_point("ann@example.org")
    };
    for (facts, field) in [
        (BasisFacts { sale: None, ..whole.clone() }, "facts.sale"),
        (BasisFacts { similar_goods: None, ..whole.clone() }, "facts.similar_goods"),
        (BasisFacts { told_at_collection: false, ..whole.clone() }, "facts.told_at_collection"),
    ] {
        assert_eq!(desk.refusal(based(facts)), (ErrorKind::Required, Some(field.into())));
    }
    let nowhere = NewConsent { contact_point: None, ..based(whole.clone()) };
    assert_eq!(desk.refusal(nowhere), (ErrorKind::Required, Some("contact_point".into())));
    desk.record(based(whole));
    let other = desk.crm.consents().decide(&desk.question().contact_point("a@example.org"));
    assert!(!other.unwrap().is_allowed, "it is about the address of the sale");
    let answer = desk.decide();
    assert_eq!(answer.basis, Some(LegalBasis::ExistingCustomer));
    assert_eq!(answer.contact_point.as_deref(), Some("ann@example.org"));
    let used = UseConsent::new(&desk.question(), answer.token);
    let error = desk.crm.consents().record_use(used.clone()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("told_of_objection")));
    desk.crm.consents().record_use(UseConsent { told_of_objection: true, ..used }).unwrap();
    desk.record(NewConsent::new(ConsentKind::Objected, desk.ann.clone()));
    assert_eq!(desk.reasons(), [DenyReason::Objected]);
    // Where the policy does not take it, it is none.
    let strict = Desk::new("us_can_spam");
    policy(&desk, email(ConsentRegime::OptIn));
    assert!(strict.decide().is_allowed);
    assert_eq!(desk.reasons(), [DenyReason::Objected, DenyReason::BasisNotAccepted]);
}

#[test]
fn a_token_holds_for_one_state_only() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    desk.grant();
    let token = desk.decide().token;
    let stale = |token: &str| {
        let error = consents.record_use(UseConsent::new(&desk.question(), token)).unwrap_err();
        (error.kind(), error.field().map(str::to_owned))
    };
    let expected = (ErrorKind::StaleVersion, Some("token".to_owned()));
    assert_eq!(stale(&"0".repeat(32)), expected, "somebody made it up");
    for none in ["", "abc", &"x".repeat(32), &token.to_uppercase()] {
        assert_eq!(stale(none), (ErrorKind::InvalidValue, Some("token".to_owned())), "{none}");
    }
    desk.record(NewConsent::withdraw(desk.ann.clone()).on("phone"));
    assert_eq!(stale(&token), expected, "something was recorded");
    let token = desk.decide().token;
    consents.define_purpose(Purpose::new("other", ["email"])).unwrap();
    assert_eq!(stale(&token), expected, "a definition changed");
    let token = desk.decide().token;
    let used = consents.record_use(UseConsent::new(&desk.question(), &token)).unwrap();
    assert_eq!(used.kind, ConsentKind::Used);
    assert_eq!(used.permitted_by, desk.decide().evidence.first().copied());
    assert_eq!(stale(&token), expected, "it was used");
    desk.record(NewConsent::withdraw(desk.ann.clone()));
    let denied = desk.decide().token;
    assert_eq!(stale(&denied).0, ErrorKind::Refused);
    desk.verify();
}

#[test]
fn the_person_is_shown_what_their_consent_was_used_for() {
    let desk = Desk::new("eu_general");
    desk.grant();
    desk.crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    let call = NewActivity::of("call", desk.ann.clone(), at("2026-03-02T09:00:00Z"));
    let call = desk.crm.activities().record(call).unwrap().activity.id;
    let used = UseConsent::new(&desk.question(), desk.decide().token);
    let used = UseConsent { activity: Some(call), told_of_objection: true, ..used };
    let event = desk.crm.consents().record_use(used).unwrap();
    assert_eq!((event.activity, event.told_of_objection), (Some(call), true));
    let access = AccessData::new(desk.ann.clone());
    let report = desk.crm.privacy().access(&access, &mut |_| Flow::Continue).unwrap();
    let document: serde_json::Value = serde_json::from_str(&report.text.unwrap()).unwrap();
    let mut changes = document["tables"]["crm_journal"].as_array().unwrap().iter();
    assert!(changes.any(|change| {
        let said = &change["body"];
        said["activity"] == call.to_string() && said["told_of_objection"] == true
    }));
    desk.verify();
}

#[test]
fn caps_frequency_and_pressure_end_by_themselves() {
    let desk = Desk::new("eu_general");
    let caps = vec![ContactCap { most: 1, within: "P7D".into() }];
    policy(&desk, ChannelRule { caps, ..email(ConsentRegime::OptIn) });
    desk.grant();
    let consents = desk.crm.consents();
    let send = || consents.record_use(UseConsent::new(&desk.question(), desk.decide().token));
    send().unwrap();
    let answer = desk.decide();
    assert_eq!(desk.reasons(), [DenyReason::Capped]);
    assert_eq!(answer.valid_until, Some(at("2026-03-09T10:00:00Z")));
    assert_eq!(answer.status, ConsentStatus::Given, "a cap says nothing of the consent");
    desk.go_to("2026-03-09T10:00:00Z");
    assert!(desk.decide().is_allowed);
    let mut wish = NewConsent::new(ConsentKind::Preferred, desk.ann.clone());
    wish.frequency = Some(ContactFrequency::new(1, &"P30D".into()));
    desk.record(wish);
    assert_eq!(desk.reasons(), [DenyReason::Frequency]);
    let pressure = Some(ContactPressure { limit: 1.5, half_life_days: 7 });
    let pressed = ConsentPolicy::new("eu_general", [email(ConsentRegime::OptIn)]);
    consents.define_policy(ConsentPolicy { pressure, ..pressed }).unwrap();
    assert_eq!(desk.reasons(), [DenyReason::Frequency], "half of it is gone after seven days");
    desk.go_to("2026-03-08T10:00:00Z");
    assert_eq!(desk.reasons(), [DenyReason::Pressure, DenyReason::Frequency]);
    let until = desk.decide().reasons[0].until.unwrap();
    // To a microsecond, which is what halving rounds away.
    assert!((until.micros() - at("2026-03-09T10:00:00Z").micros()).abs() <= 1);
    let invoice = Purpose { is_transactional: true, ..Purpose::new("invoice", ["email"]) };
    consents.define_purpose(invoice.notice("news").policy("eu_general")).unwrap();
    desk.record(NewConsent::grant(desk.ann.clone(), "email", "invoice"));
    let ordered = MayContact::new(desk.ann.clone(), "email", "invoice");
    assert!(consents.decide(&ordered).unwrap().is_allowed, "what was ordered comes anyway");
}

#[test]
fn it_is_quiet_by_the_clock_of_the_person() {
    let desk = Desk::new("eu_general");
    let hours = QuietHours { from: "20:00".into(), until: "08:00".into(), weekends: false };
    policy(&desk, ChannelRule { quiet: Some(hours), ..email(ConsentRegime::OptIn) });
    desk.grant();
    let in_zone = |zone: &str| {
        let question = MayContact { zone: Some(zone.into()), ..desk.question() };
        desk.crm.consents().decide(&question).unwrap()
    };
    let berlin = in_zone("Europe/Berlin");
    assert!(berlin.is_allowed);
    assert_eq!(berlin.valid_until, Some(at("2026-03-02T19:00:00Z")));
    let california = in_zone("America/Los_Angeles");
    assert_eq!(california.reasons[0].reason, DenyReason::QuietHours);
    assert_eq!(california.valid_until, Some(at("2026-03-02T16:00:00Z")));
    let error =
        desk.crm.consents().decide(&MayContact { zone: Some("Mars".into()), ..desk.question() });
    assert_eq!(error.unwrap_err().field(), Some("zone"));
}

#[test]
fn minors_need_a_guardian() {
    let desk = Desk::new("eu_general");
    desk.grant();
    let mut minor = NewConsent::new(ConsentKind::Minor, desk.ann.clone());
    minor.expires_at = Some(at("2030-01-01T00:00:00Z"));
    desk.record(minor);
    assert_eq!(desk.reasons(), [DenyReason::Minor]);
    let grant = NewConsent::grant(desk.ann.clone(), "email", "news");
    desk.record(NewConsent { by_guardian: true, ..grant });
    assert!(desk.decide().is_allowed);
}
