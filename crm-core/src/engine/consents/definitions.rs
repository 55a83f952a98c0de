//! Definitions of consent: channels, parties, purposes, policies, and texts that are published.

use serde::Serialize;

use super::{Consents, find_notice, hash, hex};
use crate::{
    ChangeKind, Channel, ConsentDefinitions, ConsentPolicy, Error, ErrorKind, GetNotice, Notice,
    Party, PublishNotice, Purpose, Result,
    consent::{self, Book, NoticeModel},
    engine::Writing,
    limits,
    privacy::special::{check_serves, is_special},
    store::consents::{self as rows, Term},
};

impl Consents<'_> {
    /// Defines a channel, or changes one. A medium is for ever.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the name is none; `OutOfRange`; `DefinitionConflict` if it had another
    /// medium; `LimitExceeded` past 1,000 channels.
    pub fn define_channel(&self, mut channel: Channel) -> Result<Channel> {
        consent::check_channel(&channel)?;
        fill(&mut channel.label, &channel.name);
        self.crm.write(|writing| {
            let mut book = Book::clone(writing.catalog.book());
            // An address is written as the medium has it: with another, no opt-out would be found again.
            if book.medium(&channel.name).is_ok_and(|medium| medium != channel.medium) {
                let message = "the channel has another medium, for ever";
                return Err(Error::new(ErrorKind::DefinitionConflict, message)
                    .with_field("medium")
                    .with_hint("define another channel"));
            }
            let name = channel.name.clone();
            let known = book.channels.insert(name, channel.clone());
            let count = book.channels.len();
            save(writing, book, Term::Channel, (&channel.name, &channel), known.as_ref(), count)?;
            Ok(channel)
        })
    }

    /// Defines a controller or a processor, or changes one. A role is for ever.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the name is none; `InvalidValue` if there is no such country;
    /// `DefinitionConflict` if it had the other role; `LimitExceeded` past 1,000 parties.
    pub fn define_party(&self, mut party: Party) -> Result<Party> {
        consent::check_party(&mut party)?;
        fill(&mut party.label, &party.name);
        self.crm.write(|writing| {
            let mut book = Book::clone(writing.catalog.book());
            let known = book.parties.insert(party.name.clone(), party.clone());
            if known.as_ref().is_some_and(|known| known.role != party.role) {
                let message = "the party has another role, for ever";
                return Err(Error::new(ErrorKind::DefinitionConflict, message).with_field("role"));
            }
            let count = book.parties.len();
            save(writing, book, Term::Party, (&party.name, &party), known.as_ref(), count)?;
            Ok(party)
        })
    }

    /// Defines a policy, or changes one; every decision from then on follows it. Presets need no
    /// definition, and one of the same name takes their place.
    ///
    /// # Errors
    ///
    /// The field is the place, such as `rules[1].quiet.from`: `InvalidArgument`, `InvalidValue`,
    /// `NotFound`, `Duplicate`, `OutOfRange`; `LimitExceeded` past 1,000 policies or 256 KiB.
    pub fn define_policy(&self, mut policy: ConsentPolicy) -> Result<ConsentPolicy> {
        fill(&mut policy.label, &policy.name);
        self.crm.write(|writing| {
            consent::check_policy(&policy, writing.catalog.book())?;
            put_policy(writing, policy)
        })
    }

    /// Defines a purpose, or changes one. If its policy is a preset that is not in use yet, the preset is
    /// defined with it, so that the file says what holds.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the name is none, or a party has another role; `NotFound` for a policy,
    /// channel, party or text that is not there; `Duplicate`; `DefinitionConflict` if it was another
    /// controller's, if a special attribute is processed for it and it names no special category of
    /// data any more, or if it is archived while an attribute in use is processed for it;
    /// `LimitExceeded` past 1,000 purposes.
    pub fn define_purpose(&self, mut purpose: Purpose) -> Result<Purpose> {
        fill(&mut purpose.label, &purpose.name);
        self.crm.write(|writing| {
            consent::check_purpose(&mut purpose, writing.catalog.book())?;
            if !writing.catalog.book().policies.contains_key(&purpose.policy)
                && let Some(preset) = writing.catalog.book().policy(&purpose.policy)
            {
                put_policy(writing, preset)?;
            }
            let mut book = Book::clone(writing.catalog.book());
            let known = book.purposes.insert(purpose.name.clone(), purpose.clone());
            if known.as_ref().is_some_and(|known| known.controller != purpose.controller) {
                // What was permitted was permitted to that one.
                let message = "the purpose is one of another controller, for ever";
                return Err(Error::new(ErrorKind::DefinitionConflict, message)
                    .with_field("controller")
                    .with_hint("define another purpose"));
            }
            let (mut special, mut in_use) = (false, false);
            for (_, attribute) in writing.catalog.processed_for(&purpose.name) {
                special |= is_special(&attribute.definition);
                in_use |= attribute.archived_at.is_none();
            }
            check_serves(&purpose, special, in_use)?;
            let count = book.purposes.len();
            save(writing, book, Term::Purpose, (&purpose.name, &purpose), known.as_ref(), count)?;
            Ok(purpose)
        })
    }

    /// Publishes a text that people are shown. The same text again is the same version; another one is
    /// the next.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the name is none, or a first version asks again; `InvalidValue` if the
    /// language is none; `Required` if there is no text; `LimitExceeded` past a megabyte, or 1,000
    /// versions of all texts.
    pub fn publish_notice(&self, mut notice: PublishNotice) -> Result<Notice> {
        consent::check_notice(&mut notice)?;
        self.crm.write(|writing| {
            let PublishNotice { name, language, text, asks_again } = notice;
            let mut book = Book::clone(writing.catalog.book());
            let sha256 = text_hash(&text);
            let latest = book.latest(&name, Some(&language));
            let version = latest.map_or(1, |latest| latest.version + 1);
            if let Some(latest) = latest.filter(|latest| latest.sha256 == sha256) {
                return Ok(to_notice(latest.clone(), text));
            }
            if version == 1 && asks_again {
                let message = "nobody has agreed to an earlier version";
                return Err(
                    Error::new(ErrorKind::InvalidArgument, message).with_field("asks_again")
                );
            }
            check_room(book.notices.len() + 1)?;
            let stamp = writing.stamp();
            let model = NoticeModel {
                name,
                language,
                version,
                sha256,
                asks_again,
                published_at: stamp.at(),
            };
            let notice = to_notice(model.clone(), text);
            rows::insert_notice(writing.tx, &notice, writing.next_seq())?;
            let json = to_json(&notice);
            writing.log(stamp, ChangeKind::NoticePublished, None, None, &json)?;
            book.notices.push(model);
            book.notices.sort_by(|one, other| one.key().cmp(&other.key()));
            book.seq = writing.last_seq();
            writing.set_book(book);
            Ok(notice)
        })
    }

    /// Reads a version of a text.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such text, language or version.
    pub fn notice(&self, request: &GetNotice) -> Result<Notice> {
        self.crm.read_explained(|conn, catalog| {
            let language = request.language.as_deref().map(consent::language).transpose()?;
            let (name, version) = (&request.name, request.version);
            let model = find_notice(catalog.book(), name, version, language.as_deref());
            let model = model.map_err(|error| match error.field() {
                Some("notice") => error.with_field("name"),
                Some("notice_version") => error.with_field("version"),
                _ => error,
            })?;
            Ok(to_notice(model.clone(), rows::notice_text(conn, model)?))
        })
    }

    /// All that the ledger is about.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn definitions(&self) -> Result<ConsentDefinitions> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().book().definitions())
    }
}

fn fill(label: &mut String, name: &str) {
    if label.is_empty() {
        name.clone_into(label);
    }
}

/// The hash by which a text is known.
pub(in crate::engine) fn text_hash(text: &str) -> String {
    hex(&hash(text))
}

pub(super) fn to_notice(model: NoticeModel, text: String) -> Notice {
    let NoticeModel { name, language, version, sha256, asks_again, published_at } = model;
    Notice { name, language, version, text, sha256, asks_again, published_at }
}

fn to_json(definition: &impl Serialize) -> String {
    serde_json::to_string(definition).expect("a checked definition is always JSON")
}

fn check_room(count: usize) -> Result<()> {
    if count <= limits::CONSENT_DEFINITIONS {
        return Ok(());
    }
    let message = format!("at most {} of them", limits::CONSENT_DEFINITIONS);
    Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"))
}

fn put_policy(writing: &mut Writing<'_>, policy: ConsentPolicy) -> Result<ConsentPolicy> {
    let mut book = Book::clone(writing.catalog.book());
    let known = book.policies.insert(policy.name.clone(), policy.clone());
    let count = book.policies.len();
    save(writing, book, Term::Policy, (&policy.name, &policy), known.as_ref(), count)?;
    Ok(policy)
}

/// Writes a definition, unless it is what it was.
fn save<T: Serialize + PartialEq>(
    writing: &mut Writing<'_>,
    mut book: Book,
    term: Term,
    (name, definition): (&str, &T),
    known: Option<&T>,
    count: usize,
) -> Result<()> {
    if known == Some(definition) {
        return Ok(());
    }
    check_room(count)?;
    let json = to_json(definition);
    if json.len() > limits::CONSENT_DEFINITION_BYTES {
        let message = format!("it takes more than {} bytes", limits::CONSENT_DEFINITION_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    let stamp = writing.stamp();
    writing.log(stamp, term.kind(), None, None, &json)?;
    book.seq = writing.last_seq();
    rows::put_term(writing.tx, term, name, &json, book.seq)?;
    writing.set_book(book);
    Ok(())
}
