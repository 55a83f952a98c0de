//! Policies that are ready to be used. They put into data what is commonly held of the law of a place,
//! are meant to be changed, and are no legal advice.

use serde::{Deserialize, Serialize};

use super::{
    ChannelRule, ConsentPolicy, ConsentRegime, ContactCap, ContactPressure, QuietHours,
    event::named,
};

named! {
    /// Policies that are there without being defined.
    ConsentPreset {
        /// Germany and whoever wants to be as strict: consent on every channel but post, confirmed for
        /// e-mail, proof of telephone consent for five years.
        EuStrict = "eu_strict",
        /// The European Union in general: consent for electronic messages and calls, a legitimate
        /// interest for post.
        EuGeneral = "eu_general",
        /// The United Kingdom: as the European Union in general, and calls until somebody opts out.
        Uk = "uk",
        /// The United States, CAN-SPAM and TCPA: e-mail until somebody opts out, consent for calls and
        /// short messages.
        UsCanSpam = "us_can_spam",
    }
}

impl ConsentPreset {
    /// The policy. It is no legal advice.
    #[must_use]
    pub fn policy(self) -> ConsentPolicy {
        let (label, rules) = match self {
            Self::EuStrict => ("EU/DE strict (no legal advice)", eu_strict()),
            Self::EuGeneral => ("EU general (no legal advice)", eu_general()),
            Self::Uk => ("UK (no legal advice)", uk()),
            Self::UsCanSpam => ("US CAN-SPAM (no legal advice)", us()),
        };
        let pressure =
            (self == Self::EuStrict).then_some(ContactPressure { limit: 20.0, half_life_days: 7 });
        ConsentPolicy { label: label.into(), pressure, ..ConsentPolicy::new(self.name(), rules) }
    }
}

fn opt_in(channel: &str) -> ChannelRule {
    ChannelRule::new(channel, ConsentRegime::OptIn)
}

fn evenings() -> Option<QuietHours> {
    Some(QuietHours { from: "20:00".into(), until: "08:00".into(), weekends: false })
}

fn caps(most: u32, within: &str) -> Vec<ContactCap> {
    vec![ContactCap { most, within: within.into() }]
}

fn eu_strict() -> Vec<ChannelRule> {
    let unused = || (Some("P2Y".to_owned()), Some("P60D".to_owned()));
    let ((lapses_after, warns_before), retention) = (unused(), Some("P5Y".to_owned()));
    vec![
        ChannelRule {
            double_opt_in: true,
            existing_customers: true,
            lapses_after: lapses_after.clone(),
            warns_before: warns_before.clone(),
            retention: Some("P3Y".into()),
            caps: caps(5, "P7D"),
            ..opt_in("email")
        },
        ChannelRule {
            lapses_after: lapses_after.clone(),
            warns_before: warns_before.clone(),
            retention,
            quiet: Some(QuietHours { from: "20:00".into(), until: "08:00".into(), weekends: true }),
            caps: caps(2, "P7D"),
            ..opt_in("phone")
        },
        ChannelRule { legitimate_interest: true, ..opt_in("post") },
        ChannelRule { lapses_after, warns_before, quiet: evenings(), ..opt_in("") },
    ]
}

fn eu_general() -> Vec<ChannelRule> {
    vec![
        ChannelRule { existing_customers: true, ..opt_in("email") },
        ChannelRule { quiet: evenings(), ..opt_in("phone") },
        ChannelRule { legitimate_interest: true, ..opt_in("post") },
        opt_in(""),
    ]
}

fn uk() -> Vec<ChannelRule> {
    vec![
        ChannelRule { existing_customers: true, ..opt_in("email") },
        ChannelRule { existing_customers: true, ..opt_in("sms") },
        ChannelRule { quiet: evenings(), ..ChannelRule::new("phone", ConsentRegime::OptOut) },
        ChannelRule { legitimate_interest: true, ..opt_in("post") },
        opt_in(""),
    ]
}

fn us() -> Vec<ChannelRule> {
    let night =
        || Some(QuietHours { from: "21:00".into(), until: "08:00".into(), weekends: false });
    vec![
        ChannelRule::new("email", ConsentRegime::OptOut),
        ChannelRule::new("post", ConsentRegime::OptOut),
        ChannelRule { quiet: night(), ..opt_in("phone") },
        ChannelRule { quiet: night(), ..opt_in("sms") },
        opt_in(""),
    ]
}
