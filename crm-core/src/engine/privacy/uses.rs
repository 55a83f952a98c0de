//! What data of a person is used for, and who gets it for that.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::register::attributes_of;
use crate::{
    Party, Purpose, RecordRef, Result, Timestamp,
    condition::Moment,
    consent::{self, Book, Question, Rule, decide},
    engine::Catalog,
    store::{Connection, access::linked_events, consents},
};

/// What data is used for, as a person is told of it.
pub(super) struct Uses<'a> {
    /// Every purpose of the file, with whether the person is contacted for it.
    pub(super) told: Vec<Json>,
    /// The purposes for which data of this person is used.
    concerning: Vec<&'a Purpose>,
}

impl<'a> Uses<'a> {
    pub(super) fn new(
        conn: &Connection,
        catalog: &'a Catalog,
        subject: &RecordRef,
        at: Timestamp,
    ) -> Result<Self> {
        let (ledger, _) = consents::ledger(conn, subject.id)?;
        let linked = linked_events(conn, subject.id)?;
        let (book, moment) = (catalog.book(), Moment::new(at, "UTC")?);
        let (mut told, mut concerning) = (Vec::new(), Vec::new());
        for purpose in book.purposes.values() {
            let is_named = |entry: &consent::Entry| entry.purpose.as_ref() == Some(&purpose.name);
            let mut concerns = ledger.counting().any(is_named)
                || catalog.processed_for(&purpose.name).any(|(owner, _)| is_of(&owner, subject));
            let mut channels = Vec::new();
            for channel in book.channels_of(purpose) {
                let rule = Rule::new(book, &purpose.name, &channel)?;
                let question = Question { contact_point: None, moment: &moment, is_german: false };
                let decision = decide(book, &rule, &ledger, question)?;
                concerns |= decision.reasons.iter().all(|reason| reason.reason.is_passing());
                let texts = decision.reasons.iter().map(|reason| reason.text.as_str());
                let events = decision.reasons.iter().flat_map(|reason| &reason.events);
                let against = events.map(
                    |event| json!({"event": event, "record": linked.get(event).unwrap_or(subject)}),
                );
                channels.push(json!({
                    "channel": channel,
                    "is_allowed": decision.is_allowed,
                    "basis": decision.basis,
                    "status": decision.status,
                    "evidence": decision.evidence,
                    "keep_until": decision.keep_until,
                    "reasons": texts.collect::<Vec<_>>(),
                    "against": against.collect::<Vec<_>>(),
                }));
            }
            let attributes = attributes_of(catalog, &purpose.name);
            told.push(json!({
                "purpose": purpose,
                "attributes": attributes,
                "contacts": channels,
                "concerns": concerns,
            }));
            concerning.extend(concerns.then_some(purpose));
        }
        Ok(Self { told, concerning })
    }

    /// Who is responsible for what concerns the person, and who else gets the data, each once, by name.
    /// Where nothing does, it is still kept by whoever is responsible for the file.
    pub(super) fn recipients(&self, book: &Book) -> Vec<Party> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for purpose in &self.concerning {
            names.extend(purpose.controller.as_deref());
            names.extend(purpose.recipients());
        }
        if self.concerning.is_empty() {
            names.extend(book.purposes.values().filter_map(|one| one.controller.as_deref()));
        }
        names.into_iter().filter_map(|name| book.parties.get(name).cloned()).collect()
    }
}

/// Whether what an attribute belongs to may be the person's: their type, an activity or an association.
fn is_of(owner: &str, subject: &RecordRef) -> bool {
    owner == subject.entity_type || owner.contains(' ')
}
