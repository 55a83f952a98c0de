//! Judges definitions and new events, as far as that needs no file.

use std::borrow::Cow;

use super::{
    Book, Channel, ConsentEvidence, ConsentKind, ConsentMethod, ConsentPolicy, LegalBasis, Medium,
    NewConsent, Party, PartyRole, PublishNotice, Purpose,
    ledger::Entry,
    processing::check_processing,
    rule::{Quiet, span},
};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    condition::{Parts, later_in_utc},
    limits, normal,
    schema::check,
};

fn required(field: &str, message: &str) -> Error {
    Error::new(ErrorKind::Required, message).with_field(field)
}

fn invalid(field: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}

/// # Errors
///
/// `InvalidArgument` if the name is none; `OutOfRange` if the weight is no number from 0.
pub(crate) fn check_channel(channel: &Channel) -> Result<()> {
    check::identifier(&channel.name, "channel")?;
    check::texts(&channel.label, "")?;
    if !(0.0..=1e6).contains(&channel.weight) {
        return Err(
            Error::new(ErrorKind::OutOfRange, "must be 0 to 1,000,000").with_field("weight")
        );
    }
    Ok(())
}

/// # Errors
///
/// `InvalidArgument` if the name is none; `InvalidValue` if there is no such country.
pub(crate) fn check_party(party: &mut Party) -> Result<()> {
    check::identifier(&party.name, "party")?;
    check::texts(&party.label, &party.address)?;
    let texts = [
        ("contact", &party.contact),
        ("email", &party.email),
        ("phone", &party.phone),
        ("url", &party.url),
    ];
    for (field, text) in texts {
        check::texts(text, "").map_err(|error| error.with_field(field))?;
    }
    if !party.country.is_empty() {
        let country = normal::country::country(&party.country);
        party.country = country.map_err(|error| error.with_field("country"))?.to_owned();
    }
    Ok(())
}

/// # Errors
///
/// `NotFound` if it names what is not there; `InvalidArgument`; `Duplicate`.
pub(crate) fn check_purpose(purpose: &mut Purpose, book: &Book) -> Result<()> {
    check::identifier(&purpose.name, "purpose")?;
    check::texts(&purpose.label, &purpose.description)?;
    check::texts(&purpose.dpv, "").map_err(|error| error.with_field("dpv"))?;
    if book.policy(&purpose.policy).is_none() {
        return Err(Error::new(ErrorKind::NotFound, "no such policy")
            .with_field("policy")
            .with_hint("define it with policies.define, or name a preset such as \"eu_strict\""));
    }
    let is_advertising = ["marketing", "advertising"]
        .iter()
        .any(|word| purpose.dpv.to_ascii_lowercase().contains(word));
    if purpose.is_transactional && is_advertising {
        // What nobody ordered would hold against every opt-out, on the ground of a contract.
        return Err(invalid("is_transactional", "marketing is not what the person asked for"));
    }
    for (place, channel) in purpose.channels.iter().enumerate() {
        let at = |error: Error| error.with_field(format!("channels[{place}]"));
        book.medium(channel).map_err(at)?;
        if purpose.channels[..place].contains(channel) {
            return Err(at(Error::new(ErrorKind::Duplicate, "the channel is there twice")));
        }
    }
    if let Some(controller) = &purpose.controller {
        book.party(controller, PartyRole::Controller, "controller")?;
    }
    for (place, processor) in purpose.processors.iter().enumerate() {
        book.party(processor, PartyRole::Processor, &format!("processors[{place}]"))?;
    }
    if let Some(processing) = &mut purpose.processing {
        check_processing(processing, book)?;
    }
    match &purpose.notice {
        Some(notice) if !book.notices.iter().any(|known| known.name == *notice) => {
            Err(no_notice("notice"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn no_notice(field: &str) -> Error {
    Error::new(ErrorKind::NotFound, "no such notice")
        .with_field(field)
        .with_hint("publish it with notices.publish")
}

/// Judges a span that has to be longer than nothing.
///
/// # Errors
///
/// With the field: `InvalidValue` if it is no span, `OutOfRange` if it has no length.
fn lasting(text: &str, field: &str) -> Result<()> {
    match span(text).map_err(|error| error.with_field(field))? == Parts::default() {
        true => Err(Error::new(ErrorKind::OutOfRange, "must be longer than nothing")
            .with_field(field)
            .with_hint("give a span such as P30D, or leave it out")),
        false => Ok(()),
    }
}

/// Whether a span is longer than another from whichever moment it is counted: of `P30D` and `P1M` neither is.
fn is_longer(one: Parts, other: Parts) -> bool {
    // The calendar repeats itself after 400 years, and what is left of a day makes no difference.
    let mut starts = (0..146_097).map(|day| Timestamp::clamped(day * 86_400_000_000));
    starts.all(|at| later_in_utc(at, one) > later_in_utc(at, other))
}

/// # Errors
///
/// The field is the place, such as `rules[1].quiet.from`: `InvalidArgument`, `InvalidValue`, `NotFound`,
/// `Duplicate`, `OutOfRange`.
pub(crate) fn check_policy(policy: &ConsentPolicy, book: &Book) -> Result<()> {
    check::identifier(&policy.name, "policy")?;
    check::texts(&policy.label, "")?;
    lasting(&policy.confirms_within, "confirms_within")?;
    if let Some(pressure) = &policy.pressure {
        if !(0.0..=1e9).contains(&pressure.limit) {
            let message = "must be 0 to 1,000,000,000";
            return Err(Error::new(ErrorKind::OutOfRange, message).with_field("pressure.limit"));
        }
        if !(1..=365).contains(&pressure.half_life_days) {
            return Err(Error::new(ErrorKind::OutOfRange, "must be 1 to 365")
                .with_field("pressure.half_life_days"));
        }
    }
    for (place, rule) in policy.rules.iter().enumerate() {
        let at = |field: &str| format!("rules[{place}].{field}");
        if !rule.channel.is_empty() {
            book.medium(&rule.channel).map_err(|error| error.with_field(at("channel")))?;
        }
        if policy.rules[..place].iter().any(|other| other.channel == rule.channel) {
            let message = "there is a rule for this channel already";
            return Err(Error::new(ErrorKind::Duplicate, message).with_field(at("channel")));
        }
        let spans = [
            ("valid_for", &rule.valid_for),
            ("lapses_after", &rule.lapses_after),
            ("warns_before", &rule.warns_before),
            ("retention", &rule.retention),
        ];
        for (field, text) in spans {
            if let Some(text) = text {
                lasting(text, &at(field))?;
            }
        }
        let ends = [("valid_for", &rule.valid_for), ("lapses_after", &rule.lapses_after)];
        if rule.warns_before.is_some() && ends.iter().all(|(_, end)| end.is_none()) {
            let message = "there is no end of which it would warn";
            return Err(invalid(&at("warns_before"), message)
                .with_hint("give lapses_after or valid_for too, or leave it out"));
        }
        for (name, end) in ends {
            if let (Some(warns), Some(end)) = (&rule.warns_before, end)
                && is_longer(span(warns)?, span(end)?)
            {
                let message = format!("is longer than {name}, of which it warns");
                return Err(Error::new(ErrorKind::OutOfRange, message)
                    .with_field(at("warns_before"))
                    .with_hint("give a shorter span"));
            }
        }
        if let Some(quiet) = &rule.quiet {
            Quiet::new(quiet).map_err(|error| {
                let field = error.field().unwrap_or_default().to_owned();
                error.with_field(at(&format!("quiet.{field}")))
            })?;
        }
        for (nth, cap) in rule.caps.iter().enumerate() {
            lasting(&cap.within, &at(&format!("caps[{nth}].within")))?;
        }
    }
    Ok(())
}

/// # Errors
///
/// `InvalidArgument` if the name is none; `InvalidValue` if the language is none; `Required` if there is
/// no text; `LimitExceeded` past a megabyte.
pub(crate) fn check_notice(notice: &mut PublishNotice) -> Result<()> {
    check::identifier(&notice.name, "notice")?;
    notice.language = language(&notice.language)?;
    if notice.text.trim().is_empty() {
        return Err(required("text", "a notice has a text"));
    }
    if notice.text.len() > limits::LONG_TEXT_BYTES {
        let message = format!("at most {} bytes", limits::LONG_TEXT_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("text"));
    }
    Ok(())
}

/// A language in its normal form.
pub(crate) fn language(text: &str) -> Result<String> {
    let locale = normal::locale::locale(text).map_err(|error| error.with_field("language"))?;
    Ok(locale.into_owned())
}

/// A contact point in the form in which two that mean the same are equal. Where neither a channel nor
/// its medium says what it is, its shape does.
///
/// # Errors
///
/// `InvalidValue` if it is none for the medium, or nothing tells the country of a number;
/// `LimitExceeded` if it is too long.
pub(crate) fn contact_point(text: &str, medium: Option<Medium>) -> Result<String> {
    let at = |error: Error| error.with_field("contact_point");
    let text = normal::trim(text);
    if text.is_empty() {
        return Err(at(Error::new(ErrorKind::InvalidValue, "must be text")));
    }
    if text.len() > limits::CONTACT_POINT_BYTES {
        let message = format!("at most {} bytes", limits::CONTACT_POINT_BYTES);
        return Err(at(Error::new(ErrorKind::LimitExceeded, message)));
    }
    match medium {
        Some(Medium::Email) => email(text).map_err(at),
        Some(Medium::Phone | Medium::Sms) => phone(text).map_err(at),
        // What looks like an address may be the name of an account.
        Some(_) => Ok(by_shape(text).and_then(Result::ok).unwrap_or_else(|| text.to_owned())),
        None if is_national(text) => {
            Err(at(Error::new(ErrorKind::InvalidValue, "a number without its country"))
                .with_hint("begin it with + and the country code, or name the channel"))
        }
        None => by_shape(text).unwrap_or_else(|| Ok(text.to_owned())).map_err(at),
    }
}

/// A contact point that is stored, in the form of the present: an older version knew domains with
/// letters beyond ASCII in two.
pub(crate) fn present_form<'p>(point: impl Into<Cow<'p, str>>) -> Cow<'p, str> {
    let point = point.into();
    match point.contains("xn--") {
        true => email(&point).map_or(point, Cow::Owned),
        false => point,
    }
}

/// Whether ledgers, of older versions too, spell this contact point in one way alone. Names of accounts
/// differ in letter case, and domains with letters beyond ASCII in their form.
pub(crate) fn has_one_spelling(point: &str) -> bool {
    let form = by_shape(point).and_then(Result::ok);
    point.is_ascii() && form.is_some_and(|form| form == point)
}

/// An address or number, if the text looks like one.
fn by_shape(text: &str) -> Option<Result<String>> {
    match text.chars().next() {
        Some('+') => Some(phone(text)),
        // `@ann` is the name of an account.
        Some('@') => None,
        _ => text.contains('@').then(|| email(text)),
    }
}

/// Whether a text is a number as it is dialled within a country.
fn is_national(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '(')
        && text.chars().all(|c| c.is_ascii_digit() || " -./()".contains(c))
}

fn email(text: &str) -> Result<String> {
    // Who opts out as Ann@ must not get mail as ann@.
    Ok(normal::email::email(text)?.to_lowercase())
}

fn phone(text: &str) -> Result<String> {
    Ok(normal::phone::phone(text)?.into_owned())
}

/// # Errors
///
/// `LimitExceeded` if a text is too long.
pub(crate) fn check_evidence(evidence: Option<&ConsentEvidence>, field: &str) -> Result<()> {
    for (name, text) in evidence.iter().flat_map(|evidence| evidence.texts()) {
        check_text(text.as_deref(), &format!("{field}.{name}"))?;
    }
    Ok(())
}

pub(crate) fn check_text(text: Option<&str>, field: &str) -> Result<()> {
    if text.is_none_or(|text| text.len() <= limits::EVIDENCE_BYTES) {
        return Ok(());
    }
    let message = format!("at most {} bytes", limits::EVIDENCE_BYTES);
    Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field))
}

/// Judges an event before it is recorded.
///
/// # Errors
///
/// `InvalidArgument` for what does not go with its kind; `Required` for what the kind needs;
/// `LimitExceeded`; `InvalidValue`.
pub(crate) fn check_new(new: &NewConsent) -> Result<()> {
    let kind = new.kind;
    if matches!(kind, ConsentKind::Confirmed | ConsentKind::Used) {
        let how = match kind {
            ConsentKind::Confirmed => "confirm it with consents.confirm",
            _ => "record it with consents.record_use",
        };
        return Err(invalid("kind", "is not recorded so").with_hint(how));
    }
    check_evidence(new.evidence.as_ref(), "evidence")?;
    check_evidence(new.request_evidence.as_ref(), "request_evidence")?;
    check_text(new.source.as_deref(), "source")?;
    if new.supersedes.as_ref().is_some_and(|ids| ids.len() > limits::SUPERSEDED) {
        let message = format!("at most {}", limits::SUPERSEDED);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("supersedes"));
    }
    check_first_step(new)?;
    let ends = matches!(kind, ConsentKind::Restricted | ConsentKind::Paused);
    if new.expires_at.is_some() && kind.is_restricting() && !ends {
        // What was allowed before would come back by itself.
        return Err(invalid("expires_at", "what is taken back does not end by itself")
            .with_hint("record a pause for a while, or a new consent when it is given"));
    }
    let names = new.supersedes.as_ref().is_some_and(|ids| !ids.is_empty());
    if kind.is_permitting() {
        if new.channel.is_none() {
            return Err(required("channel", "what is permitted has a channel"));
        }
        if new.purpose.is_none() {
            return Err(required("purpose", "what is permitted has a purpose"));
        }
        if names && !is_own_act(kind, new.method) {
            let message = "only the person's own act counts against what restricts";
            return Err(invalid("supersedes", message));
        }
        if kind == ConsentKind::Based {
            return check_basis(new);
        }
    } else if names && kind != ConsentKind::Lifted {
        return Err(invalid("supersedes", "only what permits or lifts names other events"));
    }
    if new.basis.is_some() || new.facts.is_some() {
        let field = if new.basis.is_some() { "basis" } else { "facts" };
        return Err(invalid(field, "only an event of kind based has one"));
    }
    match kind {
        ConsentKind::Lifted if !names => {
            Err(required("supersedes", "names the events that no longer count"))
        }
        ConsentKind::Lifted if !new.method.is_somebody() => {
            Err(invalid("method", "nothing is lifted that nobody said")
                .with_hint("say how the person said it, such as phone or form"))
        }
        ConsentKind::Paused if new.expires_at.is_none() => {
            Err(required("expires_at", "a pause has an end"))
        }
        ConsentKind::Preferred => match &new.frequency {
            Some(frequency) => lasting(&frequency.within, "frequency.within"),
            None if new.channel.is_none() => {
                Err(required("frequency", "or a channel is preferred"))
            }
            None => Ok(()),
        },
        _ if new.frequency.is_some() => {
            Err(invalid("frequency", "only an event of kind preferred has one"))
        }
        _ => Ok(()),
    }
}

/// The first step of a double opt-in that took place elsewhere; of one that takes place here, the engine
/// knows it.
fn check_first_step(new: &NewConsent) -> Result<()> {
    if new.kind == ConsentKind::Imported {
        let is_shown = new.request_evidence.as_ref().is_some_and(ConsentEvidence::is_told);
        return match new.requested_at.is_some() && !is_shown {
            true => Err(required("request_evidence", "what shows the first step")),
            false => Ok(()),
        };
    }
    let steps = [
        ("requested_at", new.requested_at.is_some()),
        ("request_evidence", new.request_evidence.is_some()),
    ];
    match steps.into_iter().find(|(_, is_given)| *is_given) {
        Some((field, _)) => Err(invalid(field, "only an event of kind imported has one")
            .with_hint("begin a double opt-in with consents.request")),
        None => Ok(()),
    }
}

/// The facts that a legal basis needs.
fn check_basis(new: &NewConsent) -> Result<()> {
    let basis = match new.basis {
        Some(LegalBasis::Consent) => {
            return Err(invalid("basis", "a consent is granted, not stated"));
        }
        Some(LegalBasis::NotRequired) => {
            return Err(invalid("basis", "what the policy asks for is not stated"));
        }
        Some(basis) => basis,
        None => return Err(required("basis", "the legal basis")),
    };
    let facts = new.facts.clone().unwrap_or_default();
    let texts = [
        ("facts.reference", &facts.reference),
        ("facts.sale", &facts.sale),
        ("facts.similar_goods", &facts.similar_goods),
    ];
    for (field, text) in texts {
        check_text(text.as_deref(), field)?;
    }
    let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    if basis != LegalBasis::ExistingCustomer {
        return match has(&facts.reference) {
            true => Ok(()),
            false => Err(required("facts.reference", "what the legal basis rests on")),
        };
    }
    if !has(&facts.sale) {
        return Err(required("facts.sale", "the sale with which the address was obtained"));
    }
    if !has(&facts.similar_goods) {
        return Err(required("facts.similar_goods", "the own goods that are similar"));
    }
    if !facts.told_at_collection {
        let message = "the person must have been told that they may object";
        return Err(required("facts.told_at_collection", message));
    }
    // It is about the address that came with the sale, and no other one of the person's.
    if new.contact_point.is_none() {
        return Err(required("contact_point", "the address that was obtained with the sale"));
    }
    Ok(())
}

/// Judges what an event takes back by name.
///
/// # Errors
///
/// `InvalidArgument` if only a new consent answers what it names, or there is nothing to lift;
/// `OutOfRange` with field `at` if it was said before what it lifts.
pub(crate) fn check_lifted(entry: &Entry, at: Timestamp, field: &str) -> Result<()> {
    let kind = entry.kind;
    if kind.is_permitting() {
        return Ok(());
    }
    if !kind.is_liftable() {
        return Err(match kind.is_restricting() {
            true => invalid(field, "only a new consent of the person answers it")
                .with_hint("record what the person allows now as granted"),
            false => invalid(field, "there is nothing to lift"),
        });
    }
    if at < entry.occurred_at {
        let message = "lies before what it lifts";
        return Err(Error::new(ErrorKind::OutOfRange, message).with_field("at"));
    }
    Ok(())
}

/// Whether the person acted, so that a new consent answers what they took back.
pub(crate) fn is_own_act(kind: ConsentKind, method: ConsentMethod) -> bool {
    let grants =
        matches!(kind, ConsentKind::Granted | ConsentKind::Renewed | ConsentKind::Confirmed);
    grants && method.is_somebody()
}
