//! The preference centre: a document out, and choices in.

use crm_core::{
    ConfirmConsent, ContactFrequency, DenyReason, ErrorKind, GetPreferences, PreferenceChoice,
    SetPreferences,
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
        let request = crm_core::GetConsents::new(desk.ann.clone());
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
