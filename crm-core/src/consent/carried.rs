//! What restricts through a record that goes, for those of the same person that stay.
//!
//! The invariant: whatever the others permit, is permitted afterwards only if it was before. What
//! went against a restriction then, because it names it or is answered in the ledger that goes, is
//! named by what is carried over.

use super::{
    LegalBasis,
    event::ContactFrequency,
    ledger::{Entry, Key, Ledger, Proof, names},
};
use crate::{Span, Timestamp, condition::Parts};

/// What restricts in a ledger that goes, and still does at a moment; with what in the others, which
/// stay, it does not stand against.
pub(crate) fn left_behind(going: &Ledger, others: &[Ledger], at: Timestamp) -> Vec<Entry> {
    let lasting = |entry: &&Entry| entry.lasts(at);
    let minors = going.own_minors().filter(lasting).cloned();
    let restrictions = going.own_restrictions().filter(lasting).map(|entry| {
        let permitting = others.iter().flat_map(Ledger::permitting);
        let spared = permitting.filter(|one| names(one, entry) || is_answered(going, entry, one));
        Entry { supersedes: spared.map(|one| one.id).collect(), ..entry.clone() }
    });
    restrictions.chain(minors).collect()
}

/// Whether the ledger that goes answers its own restriction so well that what permits elsewhere is
/// worth as much as without it, under any policy.
fn is_answered(going: &Ledger, restriction: &Entry, permitting: &Entry) -> bool {
    let key = Key {
        channel: permitting.channel.as_deref().unwrap_or_default(),
        purpose: permitting.purpose.as_deref().unwrap_or_default(),
        controller: permitting.controller.as_deref(),
        contact_point: permitting.contact_point.as_deref(),
    };
    let answers = going.permitting().filter(|grant| {
        let point = grant.contact_point.as_deref();
        grant.supersedes.contains(&restriction.id)
            && grant.permits(&key)
            && (point.is_none() || point == key.contact_point)
    });
    let is_consent = permitting.basis == Some(LegalBasis::Consent);
    let needed = match is_consent && restriction.expires_at.is_none() {
        true => permitting.proof.max(Proof::Single),
        false => Proof::Double,
    };
    answers.map(|grant| grant.proof).max().is_some_and(|proof| proof >= needed)
}

/// A wish that keeps to both: where the spans differ, the lesser number in the longer span.
pub(crate) fn stricter(one: &ContactFrequency, other: &ContactFrequency) -> ContactFrequency {
    let most = one.most.min(other.most);
    if one.within == other.within {
        return ContactFrequency { most, within: one.within.clone() };
    }
    let days = [one, other].map(|wish| wish.within.parse::<Span>().and_then(|span| span.parts()));
    let days = days.into_iter().flatten().map(days_at_most).max().unwrap_or(0);
    ContactFrequency::new(most, &Span::days(days))
}

/// How many days a span has at most, wherever in the calendar it lies.
fn days_at_most(parts: Parts) -> u32 {
    let Parts([years, months, weeks, days, hours, minutes, seconds]) = parts;
    let [years, months, weeks, days] = [years, months, weeks, days].map(u64::from);
    let [hours, minutes, seconds] = [hours, minutes, seconds].map(u64::from);
    let time = (hours * 3600 + minutes * 60 + seconds).div_ceil(86_400);
    let all = years * 366 + months * 31 + weeks * 7 + days + time;
    // No span is longer than all of time.
    u32::try_from(all).unwrap_or(u32::MAX).min(3_652_059)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_of_two_wishes_keeps_to_both() {
        let wish = |most, within: &str| ContactFrequency { most, within: within.into() };
        for (one, other, both) in [
            (wish(3, "P7D"), wish(1, "P7D"), wish(1, "P7D")),
            (wish(1, "P1D"), wish(3, "P7D"), wish(1, "P7D")),
            (wish(5, "P1M"), wish(2, "P30D"), wish(2, "P31D")),
            (wish(0, "PT36H"), wish(2, "P1D"), wish(0, "P2D")),
            (wish(1, "P9999Y"), wish(1, "P1W"), wish(1, "P3652059D")),
        ] {
            assert_eq!(stricter(&one, &other), both);
            assert_eq!(stricter(&other, &one), both);
        }
    }
}
