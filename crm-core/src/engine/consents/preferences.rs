//! The preference centre: one document out, and what a person chose in.

use super::{
    Consents, check_subject, commit, double_opt_in::begin, event_of, normal_point, prepare, subject,
};
use crate::{
    ChannelPreference, ConsentKind, ConsentMethod, ContactFrequency, Error, ErrorKind,
    GetPreferences, NewConsent, PreferenceChoice, Preferences, PurposePreference, RequestConsent,
    Result, SetPreferences, Timestamp,
    condition::Moment,
    consent::{Entry, Ledger, Proof, Question, Rule, check_new, check_text, decide},
    engine::{Catalog, Writing},
    limits,
    store::{Connection, consents as rows},
};

impl Consents<'_> {
    /// What a person may choose, and has chosen: each purpose that nobody ordered with its channels, the
    /// pause, the frequency and the preferred channel.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`; `InvalidValue` if the contact point is none.
    pub fn preferences(&self, request: &GetPreferences) -> Result<Preferences> {
        let now = self.crm.now();
        self.crm.read_explained(|conn, catalog| read(conn, catalog, request, now))
    }

    /// Records what a person chose, as far as it differs from what they had chosen; answers with the
    /// document as it is then. A choice for which the policy wants a confirmation requests one, and the
    /// answer holds the secret for the message.
    ///
    /// # Errors
    ///
    /// As [`Consents::record`]; the field of a choice is its place, such as `choices[1].purpose`.
    /// `Required` if a choice is to be confirmed and no contact point is named; `InvalidArgument` if
    /// something is chosen while opting out of everything; `LimitExceeded` past 1,000 choices.
    pub fn set_preferences(&self, request: SetPreferences) -> Result<Preferences> {
        if request.choices.len() > limits::CHOICES {
            let message = format!("at most {}", limits::CHOICES);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("choices"));
        }
        if request.opts_out && request.choices.iter().any(|choice| choice.is_chosen) {
            let message = "who opts out of everything chooses nothing";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("choices"));
        }
        check_text(request.source.as_deref(), "source")?;
        self.crm.write(|writing| {
            subject(writing.tx, writing, &request.subject)?;
            let mut confirmations = Vec::new();
            for (place, choice) in request.choices.iter().enumerate() {
                let chosen = choose(writing, &request, choice).map_err(|error| {
                    let field = error.field().unwrap_or("purpose").to_owned();
                    match field.as_str() {
                        "purpose" | "channel" => {
                            error.with_field(format!("choices[{place}].{field}"))
                        }
                        _ => error,
                    }
                })?;
                confirmations.extend(chosen);
            }
            let (ledger, _) = rows::ledger(writing.tx, request.subject.id)?;
            let (now, mut said) = (writing.now, ledger.own_restrictions());
            let is_said = said.any(|entry| opts_out(entry, now) && !ledger.is_named(entry));
            if request.opts_out && !is_said {
                record(writing, &request, ConsentKind::Withdrawn, |_| {})?;
            }
            set_pause(writing, &request, &ledger)?;
            let (frequency, channel) = wishes(&ledger);
            let wanted = (
                request.frequency.clone().or_else(|| frequency.clone()),
                request.preferred_channel.clone().or_else(|| channel.clone()),
            );
            if wanted != (frequency, channel) {
                record(writing, &request, ConsentKind::Preferred, |new| {
                    (new.frequency, new.channel) = wanted;
                    new.contact_point = None;
                })?;
            }
            let SetPreferences { subject, contact_point, .. } = request;
            let question = GetPreferences { subject, contact_point };
            let preferences = read(writing.tx, &writing.catalog, &question, writing.now)?;
            Ok(Preferences { confirmations, ..preferences })
        })
    }
}

fn read(
    conn: &Connection,
    catalog: &Catalog,
    request: &GetPreferences,
    now: Timestamp,
) -> Result<Preferences> {
    let table = catalog.table(&request.subject.entity_type);
    check_subject(
        conn,
        table.map_err(|error| error.with_field("subject.type"))?,
        &request.subject,
    )?;
    let (ledger, _) = rows::ledger(conn, request.subject.id)?;
    let (book, moment) = (catalog.book(), Moment::new(now, "UTC")?);
    let channels = book.all_channels();
    let in_use = book.purposes.values();
    let in_use = in_use.filter(|purpose| !purpose.is_archived && !purpose.is_transactional);
    let mut purposes = Vec::new();
    for purpose in in_use {
        let mut offered = Vec::new();
        for channel in &purpose.channels {
            let rule = Rule::new(book, &purpose.name, channel)?;
            // A contact point of another medium is not what this channel is about.
            let point = normal_point(book, Some(channel), request.contact_point.as_deref());
            let point = point.unwrap_or_default();
            let question =
                Question { contact_point: point.as_deref(), moment: &moment, is_german: false };
            let decision = decide(book, &rule, &ledger, question)?;
            offered.push(ChannelPreference {
                channel: channel.clone(),
                label: channels.get(channel).map_or_else(String::new, |one| one.label.clone()),
                status: decision.status,
                // A pause, a cap or the night leave what is chosen as it is.
                is_chosen: decision.reasons.iter().all(|reason| reason.reason.is_passing()),
            });
        }
        purposes.push(PurposePreference {
            purpose: purpose.name.clone(),
            label: purpose.label.clone(),
            description: purpose.description.clone(),
            channels: offered,
        });
    }
    let (frequency, preferred_channel) = wishes(&ledger);
    let pauses = ledger.restrictions().filter(|entry| entry.kind == ConsentKind::Paused);
    let ends = pauses.filter_map(|entry| entry.expires_at).filter(|end| *end > now);
    Ok(Preferences {
        subject: request.subject.clone(),
        purposes,
        is_opted_out: ledger
            .restrictions()
            .any(|entry| opts_out(entry, now) && !ledger.is_named_here(entry)),
        paused_until: ends.max(),
        frequency,
        preferred_channel,
        confirmations: Vec::new(),
    })
}

/// Whether somebody opted out of everything by this event, and not with one address alone.
fn opts_out(entry: &Entry, now: Timestamp) -> bool {
    entry.kind == ConsentKind::Withdrawn
        && entry.channel.is_none()
        && entry.purpose.is_none()
        && entry.controller.is_none()
        && entry.contact_point.is_none()
        && entry.lasts(now)
}

/// How the person wants to be contacted, as they said last.
fn wishes(ledger: &Ledger) -> (Option<ContactFrequency>, Option<String>) {
    let Some(last) = ledger.own_wish() else { return (None, None) };
    let frequency = last.frequency.clone();
    (frequency.map(|(most, within)| ContactFrequency { most, within }), last.channel.clone())
}

/// Records an event of the preference centre.
fn record(
    writing: &mut Writing<'_>,
    request: &SetPreferences,
    kind: ConsentKind,
    fill: impl FnOnce(&mut NewConsent),
) -> Result<()> {
    let mut new = event_of(kind, request.subject.clone(), ConsentMethod::PreferenceCentre);
    new.source.clone_from(&request.source);
    new.evidence.clone_from(&request.evidence);
    fill(&mut new);
    check_new(&new)?;
    let table = subject(writing.tx, writing, &new.subject)?;
    let event = prepare(writing, new)?;
    commit(writing, &table, event).map(drop)
}

/// Records a choice, or requests its confirmation.
fn choose(
    writing: &mut Writing<'_>,
    request: &SetPreferences,
    choice: &PreferenceChoice,
) -> Result<Option<crate::ConsentRequest>> {
    let PreferenceChoice { purpose, channel, is_chosen } = choice;
    let rule = Rule::new(writing.catalog.book(), purpose, channel)?;
    let book = writing.catalog.book();
    let point = normal_point(book, Some(channel), request.contact_point.as_deref())?;
    let (ledger, _) = rows::ledger(writing.tx, request.subject.id)?;
    let is_so = if *is_chosen {
        let moment = Moment::new(writing.now, "UTC")?;
        let contact_point = point.as_deref();
        let question = Question { contact_point, moment: &moment, is_german: false };
        let decision = decide(book, &rule, &ledger, question)?;
        decision.reasons.iter().all(|reason| reason.reason.is_passing())
    } else {
        // Whoever says no says it for this record and for ever, whatever else denies it now.
        let key = rule.key(point.as_deref());
        let mut said = ledger.own_restrictions();
        said.any(|entry| entry.ends(&key) && !ledger.is_named(entry))
    };
    if is_so {
        return Ok(None);
    }
    if *is_chosen && rule.least_proof == Proof::Double {
        let contact_point = request.contact_point.clone().ok_or_else(|| {
            Error::new(ErrorKind::Required, "a choice is to be confirmed by a message to it")
                .with_field("contact_point")
        })?;
        let asked = RequestConsent {
            language: request.language.clone(),
            source: request.source.clone(),
            evidence: request.evidence.clone(),
            ..RequestConsent::new(request.subject.clone(), channel, contact_point, purpose)
        };
        return begin(writing, asked).map(Some);
    }
    let kind = if *is_chosen { ConsentKind::Granted } else { ConsentKind::Withdrawn };
    record(writing, request, kind, |new| {
        (new.channel, new.purpose) = (Some(channel.clone()), Some(purpose.clone()));
        new.contact_point = point;
        new.language = request.language.clone().filter(|_| *is_chosen);
    })?;
    Ok(None)
}

/// Begins a pause, changes its end, or ends it.
fn set_pause(writing: &mut Writing<'_>, request: &SetPreferences, ledger: &Ledger) -> Result<()> {
    let Some(until) = request.paused_until else { return Ok(()) };
    let now = writing.now;
    let pauses = ledger.own_restrictions().filter(|entry| entry.kind == ConsentKind::Paused);
    let lasting: Vec<_> = pauses.filter(|entry| entry.lasts(now)).collect();
    if lasting.iter().any(|entry| entry.expires_at == Some(until)) && lasting.len() == 1 {
        return Ok(());
    }
    if !lasting.is_empty() {
        let ids = lasting.iter().map(|entry| entry.id).collect();
        record(writing, request, ConsentKind::Lifted, |new| new.supersedes = Some(ids))?;
    }
    if until > now {
        record(writing, request, ConsentKind::Paused, |new| new.expires_at = Some(until))?;
    }
    Ok(())
}
