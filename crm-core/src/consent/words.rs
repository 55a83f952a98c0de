//! Why not, in words, German and English. They name no person and no address.

use super::DenyReason;

#[expect(clippy::too_many_lines, reason = "a text for each reason in each language")]
pub(crate) fn reason(reason: DenyReason, is_german: bool) -> &'static str {
    let (english, german) = match reason {
        DenyReason::Erased => ("The person was erased.", "Die Person wurde gelöscht."),
        DenyReason::Suppressed => (
            "The contact point is one of a person who was erased.",
            "Die Kontaktadresse gehört einer Person, die gelöscht wurde.",
        ),
        DenyReason::NotOffered => (
            "The purpose is not offered on this channel.",
            "Der Zweck wird auf diesem Kanal nicht angeboten.",
        ),
        DenyReason::Restricted => {
            ("Processing is restricted.", "Die Verarbeitung ist eingeschränkt.")
        }
        DenyReason::Objected => ("The person objected.", "Die Person hat widersprochen."),
        DenyReason::WithdrawnEverything => {
            ("The person opted out of everything.", "Die Person hat sich von allem abgemeldet.")
        }
        DenyReason::WithdrawnController => (
            "The person opted out of everything of this controller.",
            "Die Person hat sich von allem dieses Verantwortlichen abgemeldet.",
        ),
        DenyReason::WithdrawnChannel => (
            "The person opted out of this channel.",
            "Die Person hat sich von diesem Kanal abgemeldet.",
        ),
        DenyReason::WithdrawnPurpose => (
            "The person withdrew consent for this purpose.",
            "Die Person hat ihre Einwilligung für diesen Zweck widerrufen.",
        ),
        DenyReason::Denied => ("The person said no.", "Die Person hat abgelehnt."),
        DenyReason::Revoked => (
            "The consent was revoked by whoever is responsible.",
            "Die Einwilligung wurde vom Verantwortlichen zurückgenommen.",
        ),
        DenyReason::Invalidated => (
            "The consent turned out to be invalid.",
            "Die Einwilligung hat sich als unwirksam erwiesen.",
        ),
        DenyReason::Minor => (
            "The person is a minor, and nobody with parental responsibility agreed.",
            "Die Person ist minderjährig, und niemand mit elterlicher Verantwortung hat zugestimmt.",
        ),
        DenyReason::Expired => ("The consent has expired.", "Die Einwilligung ist abgelaufen."),
        DenyReason::Lapsed => (
            "The consent was not used for too long and has lapsed.",
            "Die Einwilligung wurde zu lange nicht genutzt und ist erloschen.",
        ),
        DenyReason::OutdatedNotice => (
            "The text has changed since the person agreed; they are to be asked again.",
            "Der Text hat sich seit der Zustimmung geändert; die Person ist neu zu fragen.",
        ),
        DenyReason::Unproven => (
            "Nothing proves that consent was given.",
            "Nichts beweist, dass eine Einwilligung erteilt wurde.",
        ),
        DenyReason::Unconfirmed => (
            "The consent was not confirmed by double opt-in.",
            "Die Einwilligung wurde nicht durch Double-Opt-in bestätigt.",
        ),
        DenyReason::BasisNotAccepted => (
            "The policy does not accept this legal basis here.",
            "Die Richtlinie lässt diese Rechtsgrundlage hier nicht zu.",
        ),
        DenyReason::NoBasis => (
            "There is no consent and no other legal basis.",
            "Es gibt keine Einwilligung und keine andere Rechtsgrundlage.",
        ),
        DenyReason::Paused => (
            "The person wants to be left alone for a while.",
            "Die Person möchte eine Zeit lang in Ruhe gelassen werden.",
        ),
        DenyReason::Pressure => (
            "The person has been contacted too much over all channels.",
            "Die Person wurde über alle Kanäle zu viel angesprochen.",
        ),
        DenyReason::Capped => (
            "The person has been contacted on this channel as often as is allowed.",
            "Die Person wurde auf diesem Kanal so oft angesprochen, wie es erlaubt ist.",
        ),
        DenyReason::Frequency => (
            "The person has been contacted as often as they want.",
            "Die Person wurde so oft angesprochen, wie sie es wünscht.",
        ),
        DenyReason::QuietHours => {
            ("It is quiet time where the person is.", "Bei der Person ist gerade Ruhezeit.")
        }
    };
    if is_german { german } else { english }
}

/// That somebody opted out with one address, and not of the channel.
pub(crate) fn address(is_german: bool) -> &'static str {
    if is_german {
        "Die Person hat sich mit dieser Kontaktadresse abgemeldet."
    } else {
        "The person opted out with this contact point."
    }
}
