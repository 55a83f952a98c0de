//! The preference centre: one document out, and what a person chose in.

use sha2::{Digest as _, Sha256};

use super::{
    Consents, check_subject, commit, decisions::status, double_opt_in::begin, event_of, hex,
    normal_point, prepare, subject,
};
use crate::{
    ChannelPreference, ConsentKind, ConsentMethod, ConsentRequest, ContactFrequency, Error,
    ErrorKind, GetPreferences, NewConsent, PreferenceChoice, Preferences, PurposePreference,
    RecordId, RequestConsent, Result, SetPreferences, Timestamp,
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
    /// something is chosen while opting out of everything, or a document says what is said beside it, is
    /// about somebody else, or takes an opt-out back without choosing anything; `StaleVersion` if it is no
    /// longer true; `LimitExceeded` past 1,000 choices.
    pub fn set_preferences(&self, request: SetPreferences) -> Result<Preferences> {
        check_text(request.source.as_deref(), "source")?;
        self.crm.write(|writing| {
            subject(writing.tx, writing, &request.subject)?;
            let wanted = match &request.document {
                Some(document) => of_document(writing, &request, document)?,
                None => of_choices(writing, &request)?,
            };
            let confirmations = wanted.perform(writing, &request)?;
            let SetPreferences { subject, contact_point, .. } = request;
            let question = GetPreferences { subject, contact_point };
            let preferences = read(writing.tx, &writing.catalog, &question, writing.now)?;
            Ok(Preferences { confirmations, ..preferences })
        })
    }
}

/// What a person wants, in which form ever they said it.
struct Wanted {
    /// The choices, each with its place in the request.
    choices: Vec<(String, PreferenceChoice)>,
    opts_out: bool,
    /// The end of a pause, which may be over; `None` leaves it as it is.
    paused_until: Option<Timestamp>,
    frequency: Option<ContactFrequency>,
    channel: Option<String>,
}

/// What is said by single choices: what is left out stays.
fn of_choices(writing: &Writing<'_>, request: &SetPreferences) -> Result<Wanted> {
    check_choices(request.choices.len(), "choices")?;
    if request.opts_out && request.choices.iter().any(|choice| choice.is_chosen) {
        let message = "who opts out of everything chooses nothing";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("choices"));
    }
    let (ledger, _) = rows::ledger(writing.tx, request.subject.id)?;
    let (frequency, channel) = wishes(&ledger);
    let places = (0..).map(|place| format!("choices[{place}]"));
    Ok(Wanted {
        choices: places.zip(request.choices.iter().cloned()).collect(),
        opts_out: request.opts_out,
        paused_until: request.paused_until,
        frequency: request.frequency.clone().or(frequency),
        channel: request.preferred_channel.clone().or(channel),
    })
}

/// What is said by a document: what differs from it as it is now.
fn of_document(
    writing: &Writing<'_>,
    request: &SetPreferences,
    document: &Preferences,
) -> Result<Wanted> {
    let invalid = |field: &str, message: &str| {
        Error::new(ErrorKind::InvalidArgument, message).with_field(field)
    };
    let beside = [
        ("choices", !request.choices.is_empty()),
        ("opts_out", request.opts_out),
        ("paused_until", request.paused_until.is_some()),
        ("frequency", request.frequency.is_some()),
        ("preferred_channel", request.preferred_channel.is_some()),
    ];
    if let Some((field, _)) = beside.into_iter().find(|(_, is_said)| *is_said) {
        return Err(invalid(field, "the document says it"));
    }
    if document.subject != request.subject {
        return Err(invalid("document.subject", "the document is about somebody else"));
    }
    let question = GetPreferences {
        subject: request.subject.clone(),
        contact_point: request.contact_point.clone(),
    };
    let now = read(writing.tx, &writing.catalog, &question, writing.now)?;
    if document.token != now.token {
        let message = "what may be chosen or is chosen has changed since the document was read";
        return Err(Error::new(ErrorKind::StaleVersion, message)
            .with_field("document.token")
            .with_hint("read it again with consents.preferences"));
    }
    let is_chosen = |purpose: &str, channel: &str| {
        let of_purpose = now.purposes.iter().find(|one| one.purpose == purpose)?;
        let of_channel = of_purpose.channels.iter().find(|one| one.channel == channel)?;
        Some(of_channel.is_chosen)
    };
    let mut choices = Vec::new();
    for (place, of) in document.purposes.iter().enumerate() {
        for (nth, wanted) in of.channels.iter().enumerate() {
            let place = format!("document.purposes[{place}].channels[{nth}]");
            let Some(is_so) = is_chosen(&of.purpose, &wanted.channel) else {
                let message = "nothing such is offered";
                return Err(Error::new(ErrorKind::NotFound, message).with_field(place));
            };
            if is_so != wanted.is_chosen {
                let choice = PreferenceChoice::new(&of.purpose, &wanted.channel, wanted.is_chosen);
                choices.push((place, choice));
            }
        }
    }
    check_choices(choices.len(), "document.purposes")?;
    let chooses = choices.iter().any(|(_, choice)| choice.is_chosen);
    if document.is_opted_out && chooses {
        let message = "who opts out of everything chooses nothing";
        return Err(invalid("document.is_opted_out", message));
    }
    if now.is_opted_out && !document.is_opted_out && !chooses {
        let message = "who opted out of everything comes back by choosing something";
        return Err(invalid("document.is_opted_out", message));
    }
    let is_pause_other = document.paused_until != now.paused_until;
    Ok(Wanted {
        choices,
        opts_out: document.is_opted_out && !now.is_opted_out,
        // Without an end there is no pause: it ends now.
        paused_until: is_pause_other.then(|| document.paused_until.unwrap_or(writing.now)),
        frequency: document.frequency.clone(),
        channel: document.preferred_channel.clone(),
    })
}

fn check_choices(count: usize, field: &str) -> Result<()> {
    if count <= limits::CHOICES {
        return Ok(());
    }
    let message = format!("at most {}", limits::CHOICES);
    Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field))
}

impl Wanted {
    /// Records what is not so yet; answers what is to be confirmed first.
    fn perform(
        self,
        writing: &mut Writing<'_>,
        request: &SetPreferences,
    ) -> Result<Vec<ConsentRequest>> {
        let mut confirmations = Vec::new();
        for (place, choice) in &self.choices {
            let chosen = choose(writing, request, choice).map_err(|error| {
                let field = error.field().unwrap_or("purpose").to_owned();
                match field.as_str() {
                    "purpose" | "channel" => error.with_field(format!("{place}.{field}")),
                    _ => error,
                }
            })?;
            confirmations.extend(chosen);
        }
        let (ledger, _) = rows::ledger(writing.tx, request.subject.id)?;
        let (now, mut said) = (writing.now, ledger.own_restrictions());
        let is_said = said.any(|entry| opts_out(entry, now) && !ledger.is_named(entry));
        if self.opts_out && !is_said {
            record(writing, request, ConsentKind::Withdrawn, |_| {})?;
        }
        set_pause(writing, request, self.paused_until, &ledger)?;
        set_wish(writing, request, (self.frequency, self.channel), &ledger)?;
        Ok(confirmations)
    }
}

/// Records how the person wants to be contacted; where they want nothing of it any more, takes back what
/// they had said.
fn set_wish(
    writing: &mut Writing<'_>,
    request: &SetPreferences,
    wanted: (Option<ContactFrequency>, Option<String>),
    ledger: &Ledger,
) -> Result<()> {
    if wanted == wishes(ledger) {
        return Ok(());
    }
    if wanted == (None, None) {
        let said: Vec<RecordId> = ledger.own_wishes().map(|entry| entry.id).collect();
        for ids in said.chunks(limits::SUPERSEDED) {
            record(writing, request, ConsentKind::Lifted, |new| {
                new.supersedes = Some(ids.to_vec());
            })?;
        }
        return Ok(());
    }
    record(writing, request, ConsentKind::Preferred, |new| {
        (new.frequency, new.channel) = wanted;
    })
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
    let (ledger, last) = rows::ledger(conn, request.subject.id)?;
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
                status: status(conn, &decision, request.subject.id, &rule, point.as_deref())?,
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
    let mut preferences = Preferences {
        subject: request.subject.clone(),
        purposes,
        is_opted_out: ledger
            .restrictions()
            .any(|entry| opts_out(entry, now) && !ledger.is_named_here(entry)),
        paused_until: ends.max(),
        frequency,
        preferred_channel,
        confirmations: Vec::new(),
        token: String::new(),
    };
    preferences.token = token(&preferences, last, request.contact_point.as_deref());
    Ok(preferences)
}

/// What a document hangs on: what it says, the ledger, and the address that it was asked for.
fn token(preferences: &Preferences, last: i64, contact_point: Option<&str>) -> String {
    let mut digest = Sha256::new();
    digest.update(last.to_be_bytes());
    digest.update(contact_point.unwrap_or_default());
    digest.update(serde_json::to_vec(preferences).expect("a document is always JSON"));
    hex(&digest.finalize()[..16])
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
) -> Result<Option<ConsentRequest>> {
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
fn set_pause(
    writing: &mut Writing<'_>,
    request: &SetPreferences,
    until: Option<Timestamp>,
    ledger: &Ledger,
) -> Result<()> {
    let Some(until) = until else { return Ok(()) };
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
