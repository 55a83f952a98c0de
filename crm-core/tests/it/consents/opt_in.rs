//! Double opt-ins and one-click links.

use crm_core::{
    CheckProof, ConfirmConsent, ConsentEvidence, ConsentKind, ConsentStatus, DenyReason, ErrorKind,
    GetConsents, GetPreferences, NewConsent, NewUnsubscribeLink, ProveDecision, RequestConsent,
    RunSql, SweepConsents, Unsubscribe, Value,
};

use super::{Desk, at};

fn request(desk: &Desk) -> RequestConsent {
    let evidence = ConsentEvidence { ip: Some("192.0.2.1".into()), ..ConsentEvidence::default() };
    RequestConsent {
        evidence: Some(evidence),
        ..RequestConsent::new(desk.ann.clone(), "email", "Ann@example.org", "news")
    }
}

fn refusal(desk: &Desk, token: &str) -> ErrorKind {
    let error = desk.crm.consents().confirm(ConfirmConsent::new(token)).unwrap_err();
    assert_eq!(error.field(), Some("token"));
    error.kind()
}

#[test]
fn a_confirmation_proves_both_steps() {
    let desk = Desk::new("eu_strict");
    let consents = desk.crm.consents();
    desk.grant();
    assert_eq!(desk.reasons(), [DenyReason::Unconfirmed]);
    let waiting = consents.request(request(&desk)).unwrap();
    assert_eq!(waiting.expires_at, at("2026-03-04T10:00:00Z"));
    assert_eq!(desk.reasons(), [DenyReason::Unconfirmed], "nothing is permitted yet");
    desk.go_to("2026-03-03T12:00:00Z");
    assert_eq!(refusal(&desk, "0123456789abcdef"), ErrorKind::NotFound);
    let event = consents.confirm(ConfirmConsent::new(&*waiting.token)).unwrap();
    assert_eq!(event.kind, ConsentKind::Confirmed);
    assert_eq!(event.requested_at, Some(at("2026-03-02T10:00:00Z")));
    assert_eq!(event.occurred_at, at("2026-03-03T12:00:00Z"));
    assert_eq!(event.request_evidence.unwrap().ip.as_deref(), Some("192.0.2.1"));
    assert_eq!(event.contact_point.as_deref(), Some("ann@example.org"));
    assert!(event.notice_sha256.is_some());
    let answer = consents.decide(&desk.question().contact_point("ann@example.org")).unwrap();
    assert!(answer.is_allowed);
    assert_eq!(answer.evidence, [event.id]);
    assert_eq!(refusal(&desk, &waiting.token), ErrorKind::Duplicate, "twice");
    desk.verify();
}

#[test]
fn a_double_opt_in_that_waits_is_requested() {
    let desk = Desk::new("eu_strict");
    let consents = desk.crm.consents();
    let before = at("2026-03-02T09:00:00Z");
    let waiting = consents.request(request(&desk)).unwrap();
    let status = |question| consents.decide(&question).unwrap().status;
    assert_eq!(status(desk.question()), ConsentStatus::Requested);
    assert_eq!(status(desk.question().contact_point("ANN@example.org")), ConsentStatus::Requested);
    for other in [desk.question().contact_point("a@example.org"), desk.question().at(before)] {
        assert_eq!(status(other), ConsentStatus::Unknown);
    }
    let wishes = consents.preferences(&GetPreferences::new(desk.ann.clone())).unwrap();
    let statuses = wishes.purposes[0].channels.iter().map(|one| one.status);
    let expected = [ConsentStatus::Requested, ConsentStatus::Unknown, ConsentStatus::Unknown];
    assert_eq!(statuses.collect::<Vec<_>>(), expected);
    let proof = consents.prove(&ProveDecision { question: desk.question(), head: None }).unwrap();
    assert_eq!(proof.decision.status, ConsentStatus::Requested);
    let checked = consents.check_proof(&CheckProof { document: proof.document, head: None });
    assert_eq!(checked.unwrap().problems, Vec::<String>::new());
    desk.go_to("2026-03-04T10:00:00Z");
    assert_eq!(status(desk.question()), ConsentStatus::Unknown, "nobody waits any longer");
    desk.go_to("2026-03-03T10:00:00Z");
    consents.confirm(ConfirmConsent::new(waiting.token)).unwrap();
    assert_eq!(status(desk.question()), ConsentStatus::Given);
}

#[test]
fn what_is_withdrawn_while_the_message_waits_stays_withdrawn() {
    let desk = Desk::new("eu_strict");
    let consents = desk.crm.consents();
    let before = desk.record(NewConsent::withdraw(desk.ann.clone()).on("email"));
    let waiting = consents.request(request(&desk)).unwrap();
    desk.go_to("2026-03-02T11:00:00Z");
    let after = desk.record(NewConsent::withdraw(desk.ann.clone()).on("email").purpose("news"));
    desk.go_to("2026-03-02T12:00:00Z");
    let event = consents.confirm(ConfirmConsent::new(waiting.token)).unwrap();
    assert_eq!(event.supersedes, [before.id]);
    let denied = desk.decide();
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnPurpose]);
    assert_eq!(denied.reasons[0].events, [after.id]);
    let second = consents.request(request(&desk)).unwrap();
    let event = consents.confirm(ConfirmConsent::new(second.token)).unwrap();
    assert_eq!(event.supersedes, [before.id, after.id]);
    assert!(desk.decide().is_allowed);
    desk.verify();
}

#[test]
fn the_file_holds_no_secret_and_erases_what_nobody_confirms() {
    let desk = Desk::new("eu_strict");
    let consents = desk.crm.consents();
    let waiting = consents.request(request(&desk)).unwrap();
    let count = |sql: &str| match desk.crm.sql(&RunSql::new(sql)).unwrap().rows[0].0[0] {
        Value::Integer(count) => count,
        _ => panic!("a count is a number"),
    };
    let secret = format!(
        "SELECT count(*) FROM crm_consent_request WHERE body LIKE '%{0}%' OR hex(token) LIKE '%{0}%'",
        waiting.token
    );
    assert_eq!(count(&secret), 0);
    assert_eq!(
        count("SELECT count(*) FROM crm_consent_request WHERE body LIKE '%ann@example%'"),
        1
    );
    assert_eq!(consents.sweep(&SweepConsents { limit: 10 }).unwrap().erased_requests, 0);
    desk.go_to("2026-03-04T10:00:00Z");
    assert_eq!(refusal(&desk, &waiting.token), ErrorKind::Refused, "late");
    assert_eq!(consents.sweep(&SweepConsents { limit: 10 }).unwrap().erased_requests, 1);
    assert_eq!(count("SELECT count(*) FROM crm_consent_request"), 0);
    assert_eq!(count("SELECT count(*) FROM crm_journal WHERE body LIKE '%ann@example%'"), 0);
    assert_eq!(refusal(&desk, &waiting.token), ErrorKind::NotFound);
    assert!(consents.history(&GetConsents::new(desk.ann.clone())).unwrap().events.is_empty());
}

#[test]
fn only_a_post_withdraws() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    desk.grant();
    let wanted = NewUnsubscribeLink {
        subject: desk.ann.clone(),
        channel: "email".into(),
        purpose: Some("news".into()),
        contact_point: None,
        url: "https://example.org/leave?list=7".into(),
    };
    let link = consents.unsubscribe_link(wanted.clone()).unwrap();
    assert_eq!(link.url, format!("https://example.org/leave?list=7&token={}", link.token));
    assert_eq!(link.headers[0].name, "List-Unsubscribe");
    assert_eq!(link.headers[0].value, format!("<{}>", link.url));
    assert_eq!(link.headers[1].value, "List-Unsubscribe=One-Click");
    assert_ne!(consents.unsubscribe_link(wanted.clone()).unwrap().token, link.token);
    let get = Unsubscribe { method: "GET".into(), ..Unsubscribe::post(&*link.token) };
    let shown = consents.unsubscribe(get.clone()).unwrap();
    assert_eq!((shown.is_withdrawn, shown.event), (false, None));
    assert!(desk.decide().is_allowed);
    let posted = consents.unsubscribe(Unsubscribe::post(&*link.token)).unwrap();
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnPurpose]);
    assert_eq!(posted.event, desk.decide().reasons[0].events.first().copied());
    let again = consents.unsubscribe(Unsubscribe::post(&*link.token)).unwrap();
    assert_eq!((again.is_withdrawn, again.event), (true, None), "once is enough");
    assert!(consents.unsubscribe(get).unwrap().is_withdrawn);
    // Whoever comes back can leave again by the old link.
    desk.grant();
    assert!(consents.unsubscribe(Unsubscribe::post(&*link.token)).unwrap().event.is_some());
    let wrong = consents.unsubscribe(Unsubscribe::post("guess")).unwrap_err();
    assert_eq!((wrong.kind(), wrong.field()), (ErrorKind::NotFound, Some("token")));
    let put = Unsubscribe { method: "PUT".into(), ..Unsubscribe::post(link.token) };
    assert_eq!(consents.unsubscribe(put).unwrap_err().field(), Some("method"));
    let plain = NewUnsubscribeLink { url: "http://example.org".into(), ..wanted };
    assert_eq!(consents.unsubscribe_link(plain).unwrap_err().field(), Some("url"));
    desk.verify();
}

#[test]
fn a_link_is_an_address_that_a_header_carries() {
    let desk = Desk::new("eu_general");
    let link = |url: &str| {
        desk.crm.consents().unsubscribe_link(NewUnsubscribeLink {
            subject: desk.ann.clone(),
            channel: "email".into(),
            purpose: Some("news".into()),
            contact_point: None,
            url: url.into(),
        })
    };
    for (url, before) in [
        ("HTTPS://Example.ORG", "https://example.org/?token="),
        (" https://example.org/leave ", "https://example.org/leave?token="),
        ("https://example.org/\u{fc}?x=\u{fc}", "https://example.org/%C3%BC?x=%C3%BC&token="),
        ("https://b\u{fc}cher.example/a b>c", "https://xn--bcher-kva.example/a%20b%3Ec?token="),
        ("https://example.org/?", "https://example.org/?token="),
        ("https://example.org/?a=1&", "https://example.org/?a=1&token="),
        ("https://example.org/a&", "https://example.org/a&?token="),
    ] {
        let made = link(url).unwrap();
        assert_eq!(made.url, format!("{before}{}", made.token));
        assert_eq!(made.headers[0].value, format!("<{}>", made.url));
        assert!(made.url.is_ascii());
    }
    for (url, hint) in [
        ("https://", "host name"),
        ("https:///", "host name"),
        ("https://exa mple.org/", "host name"),
        ("example.org", "scheme"),
        ("http://example.org/", "no other"),
        ("https://example.org/#leave", "#"),
        ("https://example.org/\r\nBcc: eve@example.org", "one line"),
    ] {
        let error = link(url).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidValue, Some("url")), "{url}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{url}: {error}");
    }
    let long = format!("https://example.org/{}", "a".repeat(1 << 20));
    assert_eq!(link(&long).unwrap_err().kind(), ErrorKind::LimitExceeded);
}
