//! What a purpose asks for on a channel: the policy, looked up and read once for a decision.
//!
//! The same rule is evaluated here over a [`Permit`] and written as SQL in `store::condition`; a
//! property test holds the two equal.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Book, ConsentRegime, DenyReason, LegalBasis, QuietHours,
    ledger::{Entry, Key, Ledger, Permit, Proof},
};
use crate::{
    ConsentKind, ContactPressure, Error, ErrorKind, Result, Span, Timestamp,
    condition::{Moment, Parts, later_in_utc},
};

/// What a purpose asks for on a channel.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) channel: String,
    pub(crate) purpose: String,
    pub(crate) controller: Option<String>,
    /// Whether the purpose is in use and offered on the channel, and its policy has a rule for it.
    pub(crate) is_offered: bool,
    pub(crate) regime: ConsentRegime,
    pub(crate) least_proof: Proof,
    /// The legal bases other than consent that count.
    pub(crate) bases: Vec<LegalBasis>,
    pub(crate) valid_for: Option<Parts>,
    pub(crate) lapses_after: Option<Parts>,
    pub(crate) warns_before: Option<Parts>,
    pub(crate) retention: Option<Parts>,
    pub(crate) confirms_within: Parts,
    /// The versions of texts from which on an agreement counts, by name and language.
    pub(crate) least_versions: BTreeMap<(String, String), i64>,
    pub(crate) guards_minors: bool,
    pub(crate) is_transactional: bool,
    pub(crate) quiet: Option<Quiet>,
    pub(crate) caps: Vec<(u32, Parts)>,
    pub(crate) pressure: Option<ContactPressure>,
}

/// Quiet hours, in minutes of the day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quiet {
    from: u32,
    until: u32,
    weekends: bool,
}

pub(crate) fn span(text: &str) -> Result<Parts> {
    text.parse::<Span>()?.parts()
}

/// A time of day such as `20:00`, in minutes.
fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, most: u32| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| is_number && *number <= most)
    };
    Some(number(hour, 23)? * 60 + number(minute, 59)?)
}

impl Quiet {
    /// # Errors
    ///
    /// `InvalidValue` with the field.
    pub(crate) fn new(hours: &QuietHours) -> Result<Self> {
        let read = |text: &str, field| {
            minutes(text).ok_or_else(|| {
                Error::new(ErrorKind::InvalidValue, "not a time of day")
                    .with_field(field)
                    .with_hint("write hours and minutes, such as 20:00")
            })
        };
        let (from, until) = (read(&hours.from, "from")?, read(&hours.until, "until")?);
        if from == until {
            let message = "quiet hours end when they begin";
            return Err(Error::new(ErrorKind::InvalidValue, message).with_field("until"));
        }
        Ok(Self { from, until, weekends: hours.weekends })
    }

    fn holds(self, (minute, weekday): (u32, u32)) -> bool {
        let within = match self.from < self.until {
            true => (self.from..self.until).contains(&minute),
            false => minute >= self.from || minute < self.until,
        };
        within || (self.weekends && weekday > 5)
    }

    /// When it is no longer quiet, if it is now.
    pub(crate) fn ends(self, moment: &Moment) -> Option<Timestamp> {
        if !self.holds(moment.clock()) {
            return None;
        }
        Some(self.next(moment, false))
    }

    /// When it is quiet the next time, if it is not now.
    pub(crate) fn begins(self, moment: &Moment) -> Option<Timestamp> {
        (!self.holds(moment.clock())).then(|| self.next(moment, true))
    }

    fn next(self, moment: &Moment, is_quiet: bool) -> Timestamp {
        let all = moment.turns(9, &[0, self.from, self.until]).into_iter();
        let fitting =
            all.filter(|(at, clock)| *at > moment.now() && self.holds(*clock) == is_quiet);
        fitting.map(|(at, _)| at).min().unwrap_or(Timestamp::MAX)
    }
}

impl Rule {
    /// The rule of a purpose on a channel.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such purpose or channel.
    pub(crate) fn new(book: &Book, purpose: &str, channel: &str) -> Result<Self> {
        book.medium(channel)?;
        let purpose = book.purpose(purpose)?;
        let policy = match book.policies.get(&purpose.policy) {
            Some(policy) => Some(Cow::Borrowed(policy)),
            None => book.policy(&purpose.policy).map(Cow::Owned),
        };
        let rule = policy.as_deref().and_then(|policy| policy.rule(channel));
        let optional = |text: Option<&String>| text.map(|text| span(text)).transpose();
        let mut bases = Vec::new();
        if rule.is_some_and(|rule| rule.existing_customers) {
            bases.push(LegalBasis::ExistingCustomer);
        }
        if rule.is_some_and(|rule| rule.legitimate_interest) {
            bases.push(LegalBasis::LegitimateInterest);
        }
        if purpose.is_transactional {
            bases.extend([
                LegalBasis::Contract,
                LegalBasis::LegalObligation,
                LegalBasis::VitalInterest,
                LegalBasis::PublicTask,
            ]);
        }
        let caps = rule.map_or(&[][..], |rule| &rule.caps).iter();
        let caps = caps.map(|cap| Ok((cap.most, span(&cap.within)?))).collect::<Result<_>>()?;
        let quiet = rule.and_then(|rule| rule.quiet.as_ref());
        let is_named =
            purpose.channels.is_empty() || purpose.channels.iter().any(|it| it == channel);
        let is_double = rule.is_some_and(|rule| rule.double_opt_in);
        Ok(Self {
            channel: channel.to_owned(),
            purpose: purpose.name.clone(),
            controller: purpose.controller.clone(),
            is_offered: rule.is_some() && is_named && !purpose.is_archived,
            regime: rule.map_or(ConsentRegime::OptIn, |rule| rule.regime),
            least_proof: if is_double { Proof::Double } else { Proof::Single },
            bases,
            valid_for: optional(rule.and_then(|rule| rule.valid_for.as_ref()))?,
            lapses_after: optional(rule.and_then(|rule| rule.lapses_after.as_ref()))?,
            warns_before: optional(rule.and_then(|rule| rule.warns_before.as_ref()))?,
            retention: optional(rule.and_then(|rule| rule.retention.as_ref()))?,
            confirms_within: match policy.as_deref() {
                Some(policy) => span(&policy.confirms_within)?,
                None => Parts::default(),
            },
            least_versions: book.least_versions(),
            guards_minors: policy.as_deref().is_none_or(|policy| policy.guards_minors),
            is_transactional: purpose.is_transactional,
            quiet: quiet.map(Quiet::new).transpose()?,
            caps,
            pressure: policy.as_deref().and_then(|policy| policy.pressure.clone()),
        })
    }

    pub(crate) fn key<'a>(&'a self, contact_point: Option<&'a str>) -> Key<'a> {
        let (channel, purpose) = (&self.channel, &self.purpose);
        Key { channel, purpose, controller: self.controller.as_deref(), contact_point }
    }

    /// What speaks against a permit by itself, whatever stands against it.
    pub(crate) fn faults(&self, permit: &Permit, moment: &Moment) -> Vec<DenyReason> {
        let (now, mut faults) = (moment.now(), Vec::new());
        if permit.until.is_some_and(|until| until <= now) {
            faults.push(DenyReason::Expired);
        }
        let is_minor = permit.minor_until.is_some_and(|until| until > now);
        if self.guards_minors && is_minor && !permit.by_guardian {
            faults.push(DenyReason::Minor);
        }
        if permit.from > now {
            faults.push(DenyReason::NoBasis);
        }
        if permit.basis != LegalBasis::Consent {
            if !self.bases.contains(&permit.basis) {
                faults.push(DenyReason::BasisNotAccepted);
            }
            return faults;
        }
        let is_over = self.renewed_by(permit).is_some_and(|end| end <= now);
        if is_over && !faults.contains(&DenyReason::Expired) {
            faults.push(DenyReason::Expired);
        }
        if self.lapses_at(permit).is_some_and(|end| end <= now) {
            faults.push(DenyReason::Lapsed);
        }
        if self.is_outdated(permit) {
            faults.push(DenyReason::OutdatedNotice);
        }
        if permit.proof == Proof::None {
            faults.push(DenyReason::Unproven);
        } else if permit.proof < self.least_proof {
            faults.push(DenyReason::Unconfirmed);
        }
        faults
    }

    /// Whether the text that was shown, be it that of the purpose or another, asks again since.
    fn is_outdated(&self, permit: &Permit) -> bool {
        // Most texts never ask, and then there is no name to look up.
        if self.least_versions.is_empty() {
            return false;
        }
        let key = permit.notice.clone().zip(permit.language.clone());
        let least = key.and_then(|key| self.least_versions.get(&key));
        least.zip(permit.notice_version).is_some_and(|(least, version)| version < *least)
    }

    /// By when the person has to renew a permit, used or not; counted as a lapse is.
    pub(crate) fn renewed_by(&self, permit: &Permit) -> Option<Timestamp> {
        self.valid_for.map(|span| later_in_utc(permit.given_at, span))
    }

    /// When a permit lapses, if nobody uses it. Counted forward and in UTC wherever it is asked: back from
    /// a moment, or by another calendar, the ends of months fall elsewhere.
    pub(crate) fn lapses_at(&self, permit: &Permit) -> Option<Timestamp> {
        self.lapses_after.map(|span| later_in_utc(permit.active_at, span))
    }

    /// Whether a restriction counts here: a pause is about what nobody asked for.
    pub(crate) fn heeds(&self, restriction: &Entry, at: Timestamp) -> bool {
        let is_pause = restriction.kind == ConsentKind::Paused;
        restriction.lasts(at) && !(is_pause && self.is_transactional)
    }

    /// Whether the ledger permits it, whatever the moment says: caps, pressure, quiet hours and how often the
    /// person wants to be contacted. It is what a condition asks.
    pub(crate) fn permits(&self, ledger: &Ledger, moment: &Moment) -> bool {
        let now = moment.now();
        if !self.is_offered {
            return false;
        }
        let key = self.key(None);
        let permits = ledger.permitting().filter(|entry| entry.permits(&key));
        let mut permits = permits.filter_map(|entry| ledger.permit(entry, None));
        if permits.any(|permit| {
            let is_paused = permit.paused_until.is_some_and(|until| until > now);
            !permit.is_suppressed
                && (self.is_transactional || !is_paused)
                && self.faults(&permit, moment).is_empty()
        }) {
            return true;
        }
        if self.regime != ConsentRegime::OptOut || !ledger.suppressed(&key).is_empty() {
            return false;
        }
        let is_minor = ledger.minor_until().is_some_and(|until| until > now);
        let mut restrictions = ledger.restrictions().filter(|entry| entry.reaches(&key));
        let is_guarded = self.guards_minors && is_minor;
        !(is_guarded || restrictions.any(|entry| self.heeds(entry, now)))
    }
}
