//! The preference centre: a document out, and choices in.

use crm_core::{
    ConfirmConsent, ContactFrequency, DenyReason, ErrorKind, GetConsents, GetPreferences,
    NewConsent, PreferenceChoice, Preferences, SetPreferences,
};

use super::{Desk, at};

fn chosen(desk: &Desk) -> Vec<(String, bool)> {
    let document = desk.crm.consents().preferences(&GetPreferences::new(desk.ann.clone())).unwrap();
    let channels = document.purposes.into_iter().flat_map(|purpose| purpose.channels);
    channels.map(|channel| (channel.channel, channel.is_chosen)).collect()
}

fn set(desk: &Desk, choices: &[(&str, bool)]) -> SetPreferences {
    let choices = choices.iter().map(|(channel, is)| PreferenceChoice::new("news", *channel, *is));
    SetPreferences::new(desk.ann.clone(), choices)
}

#[test]
fn choices_record_only_what_differs() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    assert!(chosen(&desk).iter().all(|(_, is_chosen)| !is_chosen));
    let both = [("email", true), ("phone", false)];
    let after = consents.set_preferences(set(&desk, &both)).unwrap();
    assert!(after.purposes[0].channels[0].is_chosen && after.confirmations.is_empty());
    let events = |desk: &Desk| {
        let request = GetConsents::new(desk.ann.clone());
        desk.crm.consents().history(&request).unwrap().events.len()
    };
    assert_eq!(events(&desk), 2, "a no to what nobody allowed is one");
    consents.set_preferences(set(&desk, &both)).unwrap();
    assert_eq!(events(&desk), 2, "nothing differs");
    consents.set_preferences(set(&desk, &[("email", false)])).unwrap();
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnPurpose]);
    consents.set_preferences(set(&desk, &[("email", true)])).unwrap();
    assert!(desk.decide().is_allowed);
    desk.verify();
}

#[test]
fn a_choice_is_confirmed_where_the_policy_wants_it() {
    let desk = Desk::new("eu_strict");
    let consents = desk.crm.consents();
    let error = consents.set_preferences(set(&desk, &[("email", true)])).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("contact_point")));
    let contact_point = Some("ann@example.org".to_owned());
    let wanted = SetPreferences { contact_point, ..set(&desk, &[("email", true)]) };
    let asked = consents.set_preferences(wanted).unwrap();
    assert!(!asked.purposes[0].channels[0].is_chosen);
    consents.confirm(ConfirmConsent::new(&*asked.confirmations[0].token)).unwrap();
    assert_eq!(chosen(&desk)[0], ("email".into(), true));
}

#[test]
fn a_pause_leaves_the_choices_as_they_are() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    desk.grant();
    let pause = |until: &str| {
        let paused_until = Some(at(until));
        consents.set_preferences(SetPreferences { paused_until, ..set(&desk, &[]) }).unwrap()
    };
    assert_eq!(pause("2026-04-01T00:00:00Z").paused_until, Some(at("2026-04-01T00:00:00Z")));
    let answer = desk.decide();
    assert_eq!(desk.reasons(), [DenyReason::Paused]);
    assert_eq!(answer.valid_until, Some(at("2026-04-01T00:00:00Z")));
    assert_eq!(chosen(&desk)[0], ("email".into(), true));
    assert_eq!(pause("2026-03-15T00:00:00Z").paused_until, Some(at("2026-03-15T00:00:00Z")));
    assert_eq!(pause("2026-01-01T00:00:00Z").paused_until, None);
    assert!(desk.decide().is_allowed);
    desk.verify();
}

#[test]
fn frequency_and_preferred_channel_are_kept() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    let frequency = Some(ContactFrequency { most: 2, within: "P30D".into() });
    let often = SetPreferences { frequency: frequency.clone(), ..set(&desk, &[]) };
    consents.set_preferences(often).unwrap();
    let channel = SetPreferences { preferred_channel: Some("post".into()), ..set(&desk, &[]) };
    let kept = consents.set_preferences(channel).unwrap();
    assert_eq!((kept.frequency, kept.preferred_channel.as_deref()), (frequency, Some("post")));
}

#[test]
fn a_document_that_is_given_back_unchanged_changes_nothing() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    let read = || consents.preferences(&GetPreferences::new(desk.ann.clone())).unwrap();
    let back = |document: Preferences| SetPreferences {
        document: Some(document),
        ..SetPreferences::new(desk.ann.clone(), [])
    };
    let events = || consents.history(&GetConsents::new(desk.ann.clone())).unwrap().events.len();
    let first = read();
    assert_eq!(consents.set_preferences(back(first.clone())).unwrap(), first);
    assert_eq!(events(), 0, "what nobody was asked is not refused");
    let frequency = Some(ContactFrequency { most: 2, within: "P30D".into() });
    let wishes = SetPreferences {
        frequency: frequency.clone(),
        preferred_channel: Some("post".into()),
        paused_until: Some(at("2026-04-01T00:00:00Z")),
        ..set(&desk, &[("email", true), ("phone", false)])
    };
    consents.set_preferences(wishes).unwrap();
    let (document, count) = (read(), events());
    assert_eq!(consents.set_preferences(back(document.clone())).unwrap(), document);
    assert_eq!(events(), count);
    // What a form does not have stays; what it has and is empty is cleared.
    let mut changed = Preferences { purposes: Vec::new(), ..document.clone() };
    (changed.frequency, changed.paused_until) = (None, None);
    let cleared = consents.set_preferences(back(changed)).unwrap();
    assert_eq!((&cleared.frequency, cleared.paused_until), (&None, None));
    assert_eq!(cleared.preferred_channel.as_deref(), Some("post"));
    assert_eq!(cleared.purposes, document.purposes);
    assert!(desk.decide().is_allowed);
    let nothing = Preferences { preferred_channel: None, ..cleared };
    let none = consents.set_preferences(back(nothing)).unwrap();
    assert_eq!((&none.frequency, none.preferred_channel), (&None, None));
    let stale = consents.set_preferences(back(document)).unwrap_err();
    assert_eq!((stale.kind(), stale.field()), (ErrorKind::StaleVersion, Some("document.token")));
    desk.verify();
}

#[test]
fn a_document_holds_as_long_as_it_is_true() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    let mut grant = NewConsent::grant(desk.ann.clone(), "email", "news");
    grant.expires_at = Some(at("2026-03-03T00:00:00Z"));
    desk.record(grant);
    let document = consents.preferences(&GetPreferences::new(desk.ann.clone())).unwrap();
    assert!(document.purposes[0].channels[0].is_chosen);
    desk.go_to("2026-03-04T00:00:00Z");
    let back = SetPreferences { document: Some(document), ..set(&desk, &[]) };
    let error = consents.set_preferences(back).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleVersion, "it would allow anew what is over");
}

#[test]
fn who_opts_out_of_everything_chooses_nothing() {
    let desk = Desk::new("eu_general");
    let consents = desk.crm.consents();
    desk.grant();
    let both = SetPreferences { opts_out: true, ..set(&desk, &[("email", true)]) };
    assert_eq!(consents.set_preferences(both).unwrap_err().field(), Some("choices"));
    let out =
        consents.set_preferences(SetPreferences { opts_out: true, ..set(&desk, &[]) }).unwrap();
    assert!(out.is_opted_out);
    assert_eq!(desk.reasons(), [DenyReason::WithdrawnEverything]);
    let unknown = PreferenceChoice::new("offers", "email", true);
    let error =
        consents.set_preferences(SetPreferences::new(desk.ann.clone(), [unknown])).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("choices[0].purpose")));
}
