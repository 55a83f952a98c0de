//! What a person restricted through a record that is erased, kept through those that stay.
//!
//! Where several records are one person, a withdrawal through one holds for all. It goes on to when
//! that one is erased: each record that was linked with it gets the restriction as an event of its
//! own, without whatever showed it, and stays linked with the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ConsentEvent, ConsentKind, ConsentMethod, ContactFrequency, Kind, RecordId, RecordRef, Result,
    Timestamp,
    cell::Cell,
    consent::{Entry, Ledger, left_behind, stricter},
    engine::{
        Writing,
        consents::{follow_all, insert, people::rejoin, to_body},
    },
    store::{consents as rows, privacy, records},
};

use super::suppression::is_suppressed;

/// In the place of a contact point that nobody may know any more: no address, so that it is none of
/// the person's others.
const ERASED_POINT: &str = "(erased)";

/// What a record leaves behind for those that are the same person.
pub(super) struct Left {
    /// Those that were linked with it directly.
    neighbours: Vec<RecordRef>,
    /// All that stay, with their own ledgers.
    staying: Vec<(RecordRef, Ledger)>,
    /// What restricts.
    restrictions: Vec<Entry>,
    /// The double opt-ins of those that stay which wait, by the hash of their secret, and name something of
    /// what restricts: they go on to name it.
    waiting: Vec<([u8; 32], ConsentEvent)>,
    /// How often the person wanted to be contacted at most, and when they said so.
    wish: Option<(ContactFrequency, Timestamp)>,
}

impl Left {
    /// Reads it, before anything goes.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(super) fn read(writing: &Writing<'_>, id: RecordId) -> Result<Self> {
        let (people, _) = rows::people(writing.tx, id)?;
        let links = rows::person_links(writing.tx, &people)?;
        let neighbours = links.iter().filter_map(|link| match (link.a.id == id, link.b.id == id) {
            (true, _) => Some(link.b.clone()),
            (_, true) => Some(link.a.clone()),
            _ => None,
        });
        let (going, _) = rows::own_ledger(writing.tx, id)?;
        let records = links.iter().flat_map(|link| [&link.a, &link.b]);
        let records: BTreeMap<RecordId, &RecordRef> = records.map(|one| (one.id, one)).collect();
        let staying = records.into_values().filter(|one| one.id != id);
        let staying = staying.map(|one| Ok((one.clone(), rows::own_ledger(writing.tx, one.id)?.0)));
        let staying: Vec<(RecordRef, Ledger)> = staying.collect::<Result<_>>()?;
        let ledgers: Vec<Ledger> = staying.iter().map(|(_, ledger)| ledger.clone()).collect();
        let mut waiting = Vec::new();
        for (one, _) in &staying {
            waiting.extend(rows::waiting(writing.tx, one.id)?);
        }
        Ok(Self {
            neighbours: neighbours.collect(),
            restrictions: left_behind(&going, &ledgers, writing.now),
            waiting,
            wish: going.own_wish().and_then(|wish| Some((frequency(wish)?, wish.occurred_at))),
            staying,
        })
    }

    /// Writes it to those that stay, after everything else is gone and its contact points are
    /// suppressed.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub(super) fn put(mut self, writing: &mut Writing<'_>) -> Result<()> {
        rejoin(writing, &self.neighbours)?;
        let points = self.restrictions.iter().map(|restriction| self.point(writing, restriction));
        let points: Vec<Option<String>> = points.collect::<Result<_>>()?;
        for neighbour in &self.neighbours {
            let own = self.staying.iter().find(|(one, _)| one == neighbour);
            let Some((_, own)) = own else { continue };
            // Each with the double opt-ins that name it. What one of them names is not what another does,
            // though both say the same.
            let mut said: Vec<(ConsentEvent, Vec<usize>)> = Vec::new();
            for (restriction, point) in self.restrictions.iter().zip(&points) {
                let event = ConsentEvent {
                    contact_point: point.clone(),
                    expires_at: restriction.expires_at,
                    supersedes: restriction.supersedes.clone(),
                    by_guardian: restriction.by_guardian,
                    channel: restriction.channel.clone(),
                    purpose: restriction.purpose.clone(),
                    controller: restriction.controller.clone(),
                    ..bare(restriction.kind, neighbour, restriction.occurred_at)
                };
                let named_by = self.naming(restriction.id);
                let one = (event, named_by);
                if !said.contains(&one) && !self.is_said(own, &one.0, &one.1) {
                    said.push(one);
                }
            }
            said.extend(self.wish(own, neighbour).map(|wish| (wish, Vec::new())));
            let table = writing.table(&neighbour.entity_type)?;
            for (mut event, named_by) in said {
                insert(writing, &table, &mut event)?;
                for place in named_by {
                    self.waiting[place].1.supersedes.push(event.id);
                }
            }
        }
        let gone: BTreeSet<RecordId> = self.restrictions.iter().map(|one| one.id).collect();
        for (token, event) in &mut self.waiting {
            // What was carried over stands in the place of what it was carried over from.
            event.supersedes.retain(|id| !gone.contains(id));
            rows::rewrite_request(writing.tx, token, &to_body(event))?;
        }
        let all: Vec<RecordId> = self.staying.iter().map(|(one, _)| one.id).collect();
        follow_all(writing.tx, &all)
    }

    /// The double opt-ins that wait and name an event, by their places.
    fn naming(&self, event: RecordId) -> Vec<usize> {
        let waiting = self.waiting.iter().enumerate();
        let naming = waiting.filter(|(_, (_, waiting))| waiting.supersedes.contains(&event));
        naming.map(|(place, _)| place).collect()
    }

    /// A contact point as it may be known on: as it is, if somebody else has it or those that stay
    /// name or hold it. One that is suppressed is refused anyway, and a text that nothing suppresses
    /// becomes any.
    fn point(&self, writing: &Writing<'_>, restriction: &Entry) -> Result<Option<String>> {
        let Some(point) = &restriction.contact_point else { return Ok(None) };
        if point.contains('@') || point.starts_with('+') || point == ERASED_POINT {
            let is_gone = is_suppressed(writing.tx, point)?;
            return Ok(Some(if is_gone { ERASED_POINT.to_owned() } else { point.clone() }));
        }
        let mut entries = self.staying.iter().flat_map(|(_, ledger)| ledger.entries());
        let is_named = entries.any(|entry| entry.contact_point.as_ref() == Some(point));
        Ok((is_named || self.is_held(writing, point)?).then(|| point.clone()))
    }

    /// Whether a record that stays has this text itself: in what waits or in a link of its own, as a value,
    /// or as the words of an address, so that nothing is known on that the file would not know without it.
    fn is_held(&self, writing: &Writing<'_>, point: &str) -> Result<bool> {
        let wanted = words([point]);
        for (record, _) in &self.staying {
            let asked = privacy::asked_points(writing.tx, record.id)?;
            if asked.iter().any(|asked| asked == point) {
                return Ok(true);
            }
            let table = writing.table(&record.entity_type)?;
            let Some(row) = records::get(writing.tx, &table, record.id)? else { continue };
            for attribute in table.model.live() {
                let cells = row.cells[attribute.span()].iter().map(|cell| match cell {
                    Cell::Text(text) => text.as_str(),
                    _ => "",
                });
                let texts: Vec<&str> = cells.collect();
                // The last part of an address is its country, which a letter within it does not name.
                let is_same = match (attribute.definition.kind, texts.split_last()) {
                    (Kind::Address, Some((_, parts))) => {
                        words(texts.iter().copied()) == wanted
                            || words(parts.iter().copied()) == wanted
                    }
                    _ => texts.first().is_some_and(|text| *text == point),
                };
                if is_same {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether a ledger that stays says the same already, against everything: also against what will be
    /// confirmed, those aside that name what goes.
    fn is_said(&self, own: &Ledger, event: &ConsentEvent, named_by: &[usize]) -> bool {
        let is_named =
            |entry: &Entry| self.staying.iter().any(|(_, ledger)| ledger.is_named(entry));
        own.own_restrictions().any(|entry| {
            let is_same = entry.kind == event.kind
                && entry.channel == event.channel
                && entry.purpose == event.purpose
                && entry.controller == event.controller
                && entry.contact_point == event.contact_point
                && entry.expires_at == event.expires_at;
            let will_be_named = || self.naming(entry.id).iter().any(|one| !named_by.contains(one));
            is_same && !is_named(entry) && !will_be_named()
        })
    }

    /// The wish of a record that stays, if it does not keep to the one that goes.
    fn wish(&self, own: &Ledger, subject: &RecordRef) -> Option<ConsentEvent> {
        let (left, at) = self.wish.as_ref()?;
        let wish = own.own_wish();
        let before = wish.and_then(frequency);
        let wanted = before.as_ref().map_or_else(|| left.clone(), |own| stricter(own, left));
        if before.as_ref() == Some(&wanted) {
            return None;
        }
        let at = wish.map_or(*at, |wish| wish.occurred_at.max(*at));
        Some(ConsentEvent {
            frequency: Some(wanted),
            channel: wish.and_then(|wish| wish.channel.clone()),
            ..bare(ConsentKind::Preferred, subject, at)
        })
    }
}

/// The words of texts in small letters, in the order of the alphabet.
fn words<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let words = texts.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let mut words: Vec<String> =
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.sort_unstable();
    words
}

/// How often somebody wants to be contacted at most.
fn frequency(wish: &Entry) -> Option<ContactFrequency> {
    let (most, within) = wish.frequency.clone()?;
    Some(ContactFrequency { most, within })
}

/// An event that says only whom it is about, and when that was said first.
fn bare(kind: ConsentKind, subject: &RecordRef, at: Timestamp) -> ConsentEvent {
    ConsentEvent {
        id: RecordId::from_bytes([0; 16]),
        kind,
        subject: subject.clone(),
        channel: None,
        purpose: None,
        controller: None,
        contact_point: None,
        basis: None,
        facts: None,
        notice: None,
        notice_version: None,
        language: None,
        notice_sha256: None,
        method: ConsentMethod::CarriedOver,
        source: None,
        occurred_at: at,
        recorded_at: at,
        evidence: None,
        requested_at: None,
        request_evidence: None,
        request_notice: None,
        expires_at: None,
        supersedes: Vec::new(),
        by_guardian: false,
        frequency: None,
        permitted_by: None,
        activity: None,
        told_of_objection: false,
    }
}
