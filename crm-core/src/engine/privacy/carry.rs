//! What a person restricted through a record that is erased, kept through those that stay.
//!
//! Where several records are one person, a withdrawal through one holds for all. It goes on to when
//! that one is erased: each record that was linked with it gets the restriction as an event of its
//! own, without whatever showed it, and stays linked with the others.

use std::sync::Arc;

use crate::{
    ConsentEvent, ConsentKind, ConsentMethod, ContactFrequency, RecordId, RecordRef, Result,
    Timestamp,
    consent::{Entry, Ledger, left_behind, stricter},
    engine::{
        Writing,
        consents::{commit, follow_all, people::rejoin},
    },
    store::consents as rows,
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
    staying: Vec<(RecordId, Ledger)>,
    /// What restricts.
    restrictions: Vec<Entry>,
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
        let links = rows::person_links(writing.tx, &people)?.into_iter();
        let neighbours = links.filter_map(|link| match (link.a.id == id, link.b.id == id) {
            (true, _) => Some(link.b),
            (_, true) => Some(link.a),
            _ => None,
        });
        let (going, _) = rows::own_ledger(writing.tx, id)?;
        let staying = people.into_iter().filter(|one| *one != id);
        let staying = staying.map(|one| Ok((one, rows::own_ledger(writing.tx, one)?.0)));
        let staying: Vec<(RecordId, Ledger)> = staying.collect::<Result<_>>()?;
        let ledgers: Vec<Ledger> = staying.iter().map(|(_, ledger)| ledger.clone()).collect();
        Ok(Self {
            neighbours: neighbours.collect(),
            restrictions: left_behind(&going, &ledgers, writing.now),
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
    pub(super) fn put(self, writing: &mut Writing<'_>) -> Result<()> {
        rejoin(writing, &self.neighbours)?;
        let all: Vec<RecordId> = self.staying.iter().map(|(id, _)| *id).collect();
        follow_all(writing.tx, &all)?;
        for neighbour in &self.neighbours {
            let own = self.staying.iter().find(|(id, _)| *id == neighbour.id);
            let Some((_, own)) = own else { continue };
            let mut said: Vec<ConsentEvent> = Vec::new();
            for restriction in &self.restrictions {
                let event = ConsentEvent {
                    contact_point: self.point(writing, restriction)?,
                    expires_at: restriction.expires_at,
                    supersedes: restriction.supersedes.clone(),
                    by_guardian: restriction.by_guardian,
                    channel: restriction.channel.clone(),
                    purpose: restriction.purpose.clone(),
                    controller: restriction.controller.clone(),
                    ..bare(restriction.kind, neighbour, restriction.occurred_at)
                };
                if !said.contains(&event) && !self.is_said(own, &event) {
                    said.push(event);
                }
            }
            said.extend(self.wish(own, neighbour));
            let table = writing.table(&neighbour.entity_type)?;
            for event in said {
                commit(writing, &Arc::clone(&table), event)?;
            }
        }
        Ok(())
    }

    /// A contact point as it may be known on: as it is, if somebody else has it or those that stay
    /// name it. One that is suppressed is refused anyway, and a text that nothing suppresses
    /// becomes any.
    fn point(&self, writing: &Writing<'_>, restriction: &Entry) -> Result<Option<String>> {
        let Some(point) = &restriction.contact_point else { return Ok(None) };
        if point.contains('@') || point.starts_with('+') || point == ERASED_POINT {
            let is_gone = is_suppressed(writing.tx, point)?;
            return Ok(Some(if is_gone { ERASED_POINT.to_owned() } else { point.clone() }));
        }
        let mut entries = self.staying.iter().flat_map(|(_, ledger)| ledger.entries());
        let is_named = entries.any(|entry| entry.contact_point.as_ref() == Some(point));
        Ok(is_named.then(|| point.clone()))
    }

    /// Whether a ledger that stays says the same already, against everything.
    fn is_said(&self, own: &Ledger, event: &ConsentEvent) -> bool {
        let is_named =
            |entry: &Entry| self.staying.iter().any(|(_, ledger)| ledger.is_named(entry));
        own.own_restrictions().any(|entry| {
            let is_same = entry.kind == event.kind
                && entry.channel == event.channel
                && entry.purpose == event.purpose
                && entry.controller == event.controller
                && entry.contact_point == event.contact_point
                && entry.expires_at == event.expires_at;
            is_same && !is_named(entry)
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
