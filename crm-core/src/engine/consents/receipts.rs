//! Receipts: the ledger of a person as a document for that person.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::{Consents, check_subject, decisions::status, read_event};
use crate::{
    ConsentEvent, ConsentReceipt, Error, ErrorKind, GetReceipt, Party, Purpose, RecordId, Result,
    Timestamp,
    condition::Moment,
    consent::{Question, ReceiptFacts, Rule, Terms, decide, open_files, receipt},
    store::{
        Connection,
        consents::{self as rows, Term, Versions},
    },
};

impl Consents<'_> {
    /// Makes a receipt of what a person allowed: which texts were shown, for which purposes, by whom and
    /// until when. It says what was stated in the definitions of purposes and parties when the person
    /// acted, and nothing of what was stated since; what they lacked is named in `missing`. Who agreed
    /// before and after a definition changed has a record of each. The same ledger gives the same
    /// receipt.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` for a person or purpose that is not there, or if there is no consent of
    /// which it would tell.
    pub fn receipt(&self, request: &GetReceipt) -> Result<ConsentReceipt> {
        let now = self.crm.now();
        self.crm.read_explained(|conn, catalog| {
            let table = catalog.table(&request.subject.entity_type);
            let table = table.map_err(|error| error.with_field("subject.type"))?;
            check_subject(conn, table, &request.subject)?;
            let book = catalog.book();
            if let Some(purpose) = &request.purpose {
                book.purpose(purpose)?;
            }
            let bodies = rows::bodies(conn, request.subject.id, 0, u32::MAX)?;
            let (mut events, mut places) = (Vec::new(), BTreeMap::new());
            for (seq, body) in bodies {
                let event = read_event(&body)?;
                places.insert(event.id, seq);
                events.push(event);
            }
            let (ledger, _) = rows::ledger(conn, request.subject.id)?;
            let moment = Moment::new(now, "UTC")?;
            let mut past = Past::new(conn)?;
            let mut files = open_files(&events, request.purpose.as_deref(), |event, purpose| {
                past.terms(purpose, event, places[&event.id])
            })?;
            for file in &mut files {
                let rule = Rule::new(book, &file.terms.purpose.name, file.channel)?;
                let contact_point = file.contact_point;
                let question = Question { contact_point, moment: &moment, is_german: false };
                let own: Vec<RecordId> = file.events.iter().map(|event| event.id).collect();
                let ledger = ledger.clone().permitting_only(&own);
                let decision = decide(book, &rule, &ledger, question)?;
                let subject = request.subject.id;
                file.status = status(conn, &decision, subject, &rule, contact_point)?;
            }
            let (subject, format) = (&request.subject, request.format);
            receipt(&ReceiptFacts { book, subject, files, format }).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "there is no consent to tell of")
                    .with_field("subject")
            })
        })
    }
}

/// Definitions as they were.
struct Past<'c> {
    /// When the journal begins.
    began_at: Timestamp,
    purposes: PastTerms<'c, Purpose>,
    parties: PastTerms<'c, Party>,
}

impl<'c> Past<'c> {
    fn new(conn: &'c Connection) -> Result<Self> {
        Ok(Self {
            began_at: rows::journal_began_at(conn)?,
            purposes: PastTerms::new(conn, Term::Purpose, |purpose: &Purpose| &purpose.name)?,
            parties: PastTerms::new(conn, Term::Party, |party: &Party| &party.name)?,
        })
    }

    /// A purpose and its parties as they were when a person acted, which is told at a place in the journal.
    fn terms(&mut self, purpose: &str, event: &ConsentEvent, place: i64) -> Result<Option<Terms>> {
        let acted_at = event.requested_at.unwrap_or(event.occurred_at);
        // What is recorded as it happens happened at its place, whatever clocks said before; and of what lies
        // before the journal its place is all there is.
        let is_by_place = acted_at == event.recorded_at || acted_at < self.began_at;
        let act = (place, if is_by_place { Timestamp::MAX } else { acted_at });
        let Some(purpose) = self.purposes.get(purpose, act)? else { return Ok(None) };
        let mut parties = BTreeMap::new();
        for name in purpose.recipients().into_iter().chain(purpose.controller.as_deref()) {
            if let Some(party) = self.parties.get(name, act)? {
                parties.insert(name.to_owned(), party);
            }
        }
        Ok(Some(Terms { purpose, parties }))
    }
}

/// The definitions of a kind as they were.
struct PastTerms<'c, T> {
    conn: &'c Connection,
    term: Term,
    /// What a definition is called.
    name: fn(&T) -> &String,
    versions: Versions<T>,
    /// Whether those are read that are not in force any more.
    is_whole: bool,
}

impl<'c, T: DeserializeOwned + Clone> PastTerms<'c, T> {
    fn new(conn: &'c Connection, term: Term, name: fn(&T) -> &String) -> Result<Self> {
        let versions = rows::term_versions(conn, term, name, false)?;
        Ok(Self { conn, term, name, versions, is_whole: false })
    }

    /// A definition as it was: the last that was made before a place in the journal and by a moment;
    /// where none was made by then, the last before the place.
    fn get(&mut self, name: &str, (place, by): (i64, Timestamp)) -> Result<Option<T>> {
        loop {
            let known = self.versions.get(name).into_iter().flatten();
            let before = known.filter(|version| version.seq < place);
            let last = before.max_by_key(|version| (version.at <= by, version.seq));
            // Nearly always it is the one in force, and the journal need not be read for older ones.
            if self.is_whole || last.is_some_and(|version| version.at <= by) {
                return Ok(last.map(|version| version.definition.clone()));
            }
            (self.versions, self.is_whole) =
                (rows::term_versions(self.conn, self.term, self.name, true)?, true);
        }
    }
}
