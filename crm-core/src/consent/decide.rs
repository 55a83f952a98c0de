//! May we? The decision, with every reason and its evidence.
//!
//! Deny by default. Among several permissions the one counts against which least stands; the order of
//! reasons is that of [`DenyReason`]. Caps, pressure and quiet hours are asked only of what nobody
//! ordered.

use std::collections::BTreeMap;

use super::{
    Book, ConsentDecision, ConsentKind, ConsentRegime, ConsentStatus, DecisionReason, DenyReason,
    LegalBasis,
    ledger::{Entry, Ledger, Permit},
    rule::{Rule, span},
    words,
};
use crate::{
    Result, Timestamp,
    condition::{Moment, later_in_utc},
};

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) contact_point: Option<&'a str>,
    /// The moment, in the time zone of the person.
    pub(crate) moment: &'a Moment,
    pub(crate) is_german: bool,
}

/// A contact that counts for caps, pressure and frequency: when, and through which channel.
type Uses<'a> = Vec<(Timestamp, &'a str)>;

/// Decides. The token is still empty.
#[expect(clippy::too_many_lines, reason = "the answer is put together in the order of its reasons")]
pub(crate) fn decide(
    book: &Book,
    rule: &Rule,
    ledger: &Ledger,
    question: Question<'_>,
) -> Result<ConsentDecision> {
    let Question { moment, is_german, .. } = question;
    let now = moment.now();
    let mut against = Reasons::default();
    if !rule.is_offered {
        against.add(DenyReason::NotOffered, None, None);
    }
    let candidates = candidates(rule, ledger, question);
    let (kept, nothing) = (best(&candidates), Nothing::new(rule, ledger, question));
    let needs_nothing = rule.regime == ConsentRegime::OptOut;
    // Where nothing is needed, what was given is what permits it only if less stands against it.
    let candidate = kept.filter(|one| !needs_nothing || one.weight() <= nothing.weight());
    let basis = if let Some(candidate) = candidate {
        for restriction in &candidate.against {
            against.restriction(restriction);
        }
        for fault in &candidate.faults {
            // It is the file that says so, and no event.
            let entry = Some(candidate.entry).filter(|_| *fault != DenyReason::Suppressed);
            against.add(*fault, entry, candidate.end_of(*fault));
        }
        candidate.permit.basis
    } else {
        for restriction in &nothing.against {
            against.restriction(restriction);
        }
        if nothing.is_suppressed {
            against.add(DenyReason::Suppressed, None, None);
        }
        match needs_nothing {
            true => {
                for minor in &nothing.minors {
                    against.add(DenyReason::Minor, Some(minor), minor.expires_at);
                }
            }
            false => against.add(DenyReason::NoBasis, None, None),
        }
        LegalBasis::NotRequired
    };
    let status = status(&against, candidate, ledger, rule);
    let mut waits = Reasons::default();
    if !rule.is_transactional {
        contacts(book, rule, ledger, moment, &mut waits)?;
    }
    let waits_end = waits.ends();
    against.0.append(&mut waits.0);
    let is_allowed = against.is_empty();
    // Waiting keeps no consent alive: who is warned of its end is warned while nothing else denies it.
    let only_waits = against.0.keys().all(|reason| reason.is_passing());
    let permit = candidate.map(|candidate| &candidate.permit).filter(|_| only_waits);
    let lapses_at = permit
        .filter(|permit| permit.basis == LegalBasis::Consent)
        .and_then(|permit| rule.lapses_at(permit));
    let renew_by = permit
        .filter(|permit| permit.basis == LegalBasis::Consent)
        .and_then(|permit| rule.renewed_by(permit));
    let keep_until =
        kept.zip(rule.retention).map(|(one, span)| later_in_utc(one.permit.active_at, span));
    let warned = lapses_at.into_iter().chain(renew_by).min().zip(rule.warns_before);
    let is_lapsing = warned.is_some_and(|(at, span)| later_in_utc(now, span) >= at);
    let valid_until = match is_allowed {
        true => {
            let quiet = rule.quiet.filter(|_| !rule.is_transactional);
            let ends = [
                permit.and_then(|permit| permit.until),
                lapses_at,
                renew_by,
                quiet.and_then(|q| q.begins(moment)),
            ];
            ends.into_iter().flatten().min()
        }
        // It changes by itself only where all ends by itself that stands against one permission.
        false => waits_end.and_then(|end| awake_from(rule, ledger, &candidates, question, end)),
    };
    let entry = candidate.map(|candidate| candidate.entry).filter(|_| is_allowed);
    Ok(ConsentDecision {
        is_allowed,
        basis: is_allowed.then_some(basis),
        status,
        reasons: against.list(is_german),
        evidence: entry.map(|entry| entry.id).into_iter().collect(),
        contact_point: entry.and_then(|entry| entry.contact_point.clone()),
        at: now,
        valid_until,
        lapses_at,
        renew_by,
        is_lapsing,
        keep_until,
        token: String::new(),
    })
}

impl ConsentDecision {
    /// The same with a reason against it that comes before all others.
    pub(crate) fn denied(self, reason: DenyReason, is_german: bool) -> Self {
        let text = words::reason(reason, is_german).to_owned();
        let mut reasons = vec![DecisionReason { reason, text, events: Vec::new(), until: None }];
        reasons.extend(self.reasons);
        Self {
            is_allowed: false,
            basis: None,
            reasons,
            evidence: Vec::new(),
            contact_point: None,
            valid_until: None,
            lapses_at: None,
            renew_by: None,
            is_lapsing: false,
            ..self
        }
    }
}

/// Something that permits what is asked, and what speaks against it.
struct Candidate<'a> {
    entry: &'a Entry,
    permit: Permit,
    against: Vec<&'a Entry>,
    faults: Vec<DenyReason>,
}

/// What stands against contacting somebody where nothing is needed for it.
struct Nothing<'a> {
    against: Vec<&'a Entry>,
    /// What says that the person is a minor, where the policy guards minors.
    minors: Vec<&'a Entry>,
    /// Whether a contact point that is asked for, or through which it was permitted, is suppressed.
    is_suppressed: bool,
}

impl<'a> Nothing<'a> {
    fn new(rule: &Rule, ledger: &'a Ledger, question: Question<'_>) -> Self {
        let (now, key) = (question.moment.now(), rule.key(question.contact_point));
        let reaching = ledger.restrictions().filter(|entry| entry.reaches(&key));
        let minors = ledger.minors().filter(|entry| rule.guards_minors && entry.lasts(now));
        Self {
            against: reaching.filter(|entry| rule.heeds(entry, now)).collect(),
            minors: minors.collect(),
            is_suppressed: ledger.is_suppressed(question.contact_point)
                || !ledger.suppressed(&key).is_empty(),
        }
    }

    fn weight(&self) -> Weight {
        let faults = [!self.minors.is_empty(), self.is_suppressed];
        weight(self.against.len(), faults.into_iter().filter(|one| *one).count())
    }
}

/// How much stands against something: whether anything does, how many restrictions, and how many faults.
type Weight = (bool, usize, usize);

fn weight(against: usize, faults: usize) -> Weight {
    (against + faults > 0, against, faults)
}

impl Candidate<'_> {
    fn weight(&self) -> Weight {
        weight(self.against.len(), self.faults.len())
    }

    /// When what the permission lacks by itself is over; `None` if never.
    fn end_of(&self, fault: DenyReason) -> Option<Timestamp> {
        match fault {
            DenyReason::Minor => self.permit.minor_until.filter(|end| *end < Timestamp::MAX),
            DenyReason::NoBasis => Some(self.permit.from),
            _ => None,
        }
    }

    /// From when on it counts, a moment or later, if nobody does anything; `None` if never.
    fn counts_from(&self, rule: &Rule, moment: Timestamp) -> Option<Timestamp> {
        let against = self.against.iter().map(|restriction| restriction.expires_at);
        let mut ends = against.chain(self.faults.iter().map(|fault| self.end_of(*fault)));
        let last = ends.try_fold(moment, |last, end| Some(last.max(end?)))?;
        let ends = [rule.lapses_at(&self.permit), rule.renewed_by(&self.permit)];
        let ends = ends.map(|end| end.filter(|_| self.permit.basis == LegalBasis::Consent));
        let over = ends.into_iter().flatten().chain(self.permit.until).min();
        Some(last).filter(|last| over.is_none_or(|over| over > *last))
    }
}

/// What permits what is asked, or would.
fn candidates<'a>(rule: &Rule, ledger: &'a Ledger, question: Question<'_>) -> Vec<Candidate<'a>> {
    let (now, key) = (question.moment.now(), rule.key(question.contact_point));
    let entries = ledger.permitting().filter(|entry| entry.permits(&key));
    let candidates = entries.filter_map(|entry| {
        let permit = ledger.unopposed(entry)?;
        let against = ledger.against(entry, question.contact_point, rule.least_proof);
        let against = against.into_iter().filter(|restriction| rule.heeds(restriction, now));
        let mut faults = rule.faults(&permit, question.moment);
        let reached = question.contact_point.or(entry.contact_point.as_deref());
        if ledger.is_suppressed(reached) {
            faults.push(DenyReason::Suppressed);
        }
        Some(Candidate { entry, permit, against: against.collect(), faults })
    });
    candidates.collect()
}

/// The permission against which least stands; the latest of several.
fn best<'c, 'a>(candidates: &'c [Candidate<'a>]) -> Option<&'c Candidate<'a>> {
    candidates.iter().min_by_key(|candidate| {
        let latest = std::cmp::Reverse((candidate.entry.occurred_at, candidate.entry.id));
        (candidate.weight(), latest)
    })
}

/// From when on what is denied is permitted, a moment or later, if nobody does anything; `None` if never.
fn permitted_from(
    rule: &Rule,
    ledger: &Ledger,
    candidates: &[Candidate<'_>],
    question: Question<'_>,
    moment: Timestamp,
) -> Option<Timestamp> {
    if !rule.is_offered {
        return None;
    }
    let first = candidates.iter().filter_map(|candidate| candidate.counts_from(rule, moment)).min();
    if rule.regime != ConsentRegime::OptOut {
        return first;
    }
    let Nothing { against, minors, is_suppressed } = Nothing::new(rule, ledger, question);
    if is_suppressed {
        return first;
    }
    let mut ends = against.into_iter().chain(minors).map(|entry| entry.expires_at);
    let left = ends.try_fold(moment, |last, end| Some(last.max(end?)));
    first.into_iter().chain(left).min()
}

/// The same, and it is not quiet then.
fn awake_from(
    rule: &Rule,
    ledger: &Ledger,
    candidates: &[Candidate<'_>],
    question: Question<'_>,
    moment: Timestamp,
) -> Option<Timestamp> {
    let quiet = rule.quiet.filter(|_| !rule.is_transactional);
    let mut from = permitted_from(rule, ledger, candidates, question, moment)?;
    while from < Timestamp::MAX
        && let Some(end) = quiet.and_then(|quiet| quiet.ends(&question.moment.at(from)))
    {
        from = permitted_from(rule, ledger, candidates, question, end)?;
    }
    Some(from)
}

/// Asks caps, pressure, the person's own frequency and quiet hours.
fn contacts<'a>(
    book: &Book,
    rule: &Rule,
    ledger: &'a Ledger,
    moment: &Moment,
    against: &mut Reasons<'a>,
) -> Result<()> {
    let now = moment.now();
    let uses = || -> Uses<'a> {
        let used = ledger.uses().filter(|entry| {
            let purpose = entry.purpose.as_ref().and_then(|name| book.purposes.get(name));
            entry.occurred_at <= now && purpose.is_none_or(|purpose| !purpose.is_transactional)
        });
        used.map(|entry| (entry.occurred_at, entry.channel.as_deref().unwrap_or_default()))
            .collect()
    };
    let full = |most: u32, within, channel: Option<&str>| {
        let of_channel = uses().into_iter().filter(|(_, of)| channel.is_none_or(|one| one == *of));
        // Each leaves the span by itself.
        let ends = of_channel.map(|(at, _)| later_in_utc(at, within));
        let mut ends: Vec<Timestamp> = ends.filter(|end| *end > now).collect();
        let over = ends.len().checked_sub(most as usize)?;
        ends.sort_unstable();
        // It ends when so many have left that one fewer than the most remain.
        Some(ends.get(over).copied())
    };
    if let Some(pressure) = &rule.pressure {
        let (half_life, used) = (f64::from(pressure.half_life_days) * 86_400e6, uses());
        #[expect(clippy::cast_precision_loss, reason = "an age is far below 2^53 microseconds")]
        let sum = |moment: i64| -> f64 {
            let age = |at: Timestamp| moment.saturating_sub(at.micros()) as f64;
            let weights = used.iter();
            weights.map(|(at, of)| book.weight(of) * (-age(*at) / half_life).exp2()).sum()
        };
        let (now, spare) = (now.micros(), pressure.limit - book.weight(&rule.channel));
        if sum(now) > spare {
            #[expect(clippy::cast_possible_truncation, reason = "it ends at the end of time")]
            let end = (spare > 0.0).then(|| {
                let span = ((sum(now) / spare).log2() * half_life).ceil() as i64;
                let mut end = now.saturating_add(span);
                // The logarithm is rounded, and may miss the moment by microseconds.
                while end > now && sum(end - 1) <= spare {
                    end -= 1;
                }
                while end < Timestamp::MAX.micros() && sum(end) > spare {
                    end += 1;
                }
                Timestamp::clamped(end)
            });
            against.add(DenyReason::Pressure, None, end);
        }
    }
    for (most, within) in &rule.caps {
        if let Some(end) = full(*most, *within, Some(&rule.channel)) {
            against.add(DenyReason::Capped, None, end);
        }
    }
    for wish in ledger.wishes() {
        if let Some((most, within)) = &wish.frequency
            && let Some(end) = full(*most, span(within)?, None)
        {
            against.add(DenyReason::Frequency, Some(wish), end);
        }
    }
    if let Some(end) = rule.quiet.and_then(|quiet| quiet.ends(moment)) {
        against.add(DenyReason::QuietHours, None, Some(end));
    }
    Ok(())
}

/// What became of the consent; what passes by itself, or is no act of the person, leaves it as it is.
fn status(
    against: &Reasons<'_>,
    candidate: Option<&Candidate<'_>>,
    ledger: &Ledger,
    rule: &Rule,
) -> ConsentStatus {
    let mut is_given = candidate.is_some();
    for reason in against.0.keys() {
        return match reason {
            DenyReason::Objected
            | DenyReason::WithdrawnEverything
            | DenyReason::WithdrawnController
            | DenyReason::WithdrawnChannel
            | DenyReason::WithdrawnPurpose => ConsentStatus::Withdrawn,
            DenyReason::Denied => ConsentStatus::Refused,
            DenyReason::Revoked => ConsentStatus::Revoked,
            DenyReason::Invalidated => ConsentStatus::Invalidated,
            DenyReason::Expired | DenyReason::Lapsed | DenyReason::OutdatedNotice => {
                ConsentStatus::Expired
            }
            DenyReason::Unproven | DenyReason::Unconfirmed | DenyReason::NoBasis => {
                is_given = false;
                break;
            }
            _ => continue,
        };
    }
    if let Some(candidate) = candidate.filter(|_| is_given) {
        return match candidate.entry.kind {
            ConsentKind::Renewed => ConsentStatus::RenewedGiven,
            ConsentKind::Based => ConsentStatus::Unknown,
            _ => ConsentStatus::Given,
        };
    }
    let key = rule.key(None);
    let mut asked = ledger.entries().iter().filter(|entry| entry.kind == ConsentKind::Requested);
    match asked.any(|entry| entry.reaches(&key)) {
        true => ConsentStatus::Requested,
        false => ConsentStatus::Unknown,
    }
}

/// Reasons as they come up, each with its events and its end.
#[derive(Default)]
struct Reasons<'a>(BTreeMap<DenyReason, (Vec<&'a Entry>, Option<Timestamp>)>);

impl<'a> Reasons<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, reason: DenyReason, entry: Option<&'a Entry>, until: Option<Timestamp>) {
        match self.0.entry(reason) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert((entry.into_iter().collect(), until));
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let (entries, end) = place.get_mut();
                entries.extend(entry);
                // It ends with the last of them, and never if one never does.
                *end = end.zip(until).map(|(one, other)| one.max(other));
            }
        }
    }

    fn restriction(&mut self, entry: &'a Entry) {
        let reason = match entry.kind {
            ConsentKind::Restricted => DenyReason::Restricted,
            ConsentKind::Objected => DenyReason::Objected,
            ConsentKind::Denied => DenyReason::Denied,
            ConsentKind::Revoked => DenyReason::Revoked,
            ConsentKind::Invalidated => DenyReason::Invalidated,
            ConsentKind::Expired => DenyReason::Expired,
            ConsentKind::Lapsed => DenyReason::Lapsed,
            ConsentKind::Paused => DenyReason::Paused,
            _ if entry.purpose.is_some() => DenyReason::WithdrawnPurpose,
            // An address is a way to reach somebody, as a channel is.
            _ if entry.channel.is_some() || entry.contact_point.is_some() => {
                DenyReason::WithdrawnChannel
            }
            _ if entry.controller.is_some() => DenyReason::WithdrawnController,
            _ => DenyReason::WithdrawnEverything,
        };
        self.add(reason, Some(entry), entry.expires_at);
    }

    /// When all of them are over; `None` if one never is.
    fn ends(&self) -> Option<Timestamp> {
        let mut ends = self.0.values().map(|(_, until)| *until);
        ends.try_fold(Timestamp::MIN, |last, end| Some(last.max(end?)))
    }

    fn list(self, is_german: bool) -> Vec<DecisionReason> {
        let reasons = self.0.into_iter().map(|(reason, (entries, until))| DecisionReason {
            reason,
            text: match entries.iter().all(|entry| entry.contact_point.is_some()) {
                true if reason == DenyReason::WithdrawnChannel => words::address(is_german),
                _ => words::reason(reason, is_german),
            }
            .to_owned(),
            events: entries.into_iter().map(|entry| entry.id).collect(),
            until,
        });
        reasons.collect()
    }
}
