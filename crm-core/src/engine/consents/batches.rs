//! Many events, or many contacts, recorded in one transaction.
//!
//! The invariant: a batch leaves what the calls one by one leave, and answers each row as they do. Only
//! what follows from the ledgers is written at the end, once for each person: no row reads it.

use std::collections::BTreeSet;

use super::{Consents, add, decisions::add_use, follow_all};
use crate::{
    ConsentEvent, ConsentOutcome, ConsentReport, Error, ErrorKind, Outcome, Problem,
    RecordConsentUses, RecordConsents, Result, engine::Writing, limits, record::concerns_one_row,
    store::consents as rows,
};

impl Consents<'_> {
    /// Records several events in one transaction and says for each what became of it. Each is judged as
    /// [`Consents::record`] judges it, and knows those before it.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 100,000 events. One that fails by itself is not an error of the batch but
    /// an outcome; an error of the file undoes the whole batch.
    pub fn record_many(&self, request: RecordConsents) -> Result<ConsentReport> {
        let RecordConsents { consents, all_or_nothing } = request;
        self.record_each(consents, "consents", all_or_nothing, add)
    }

    /// Records of several people that they were contacted, in one transaction, and says for each what became
    /// of it: what a mailing does with the answer of [`Consents::decide_many`]. Each is judged as
    /// [`Consents::record_use`] judges it. A token holds for one use: another one of the same person, also
    /// through a linked record, is stale in the same batch too.
    ///
    /// ```
    /// use crm_core::{
    ///     Crm, DecideMany, MayContact, NewConsent, PublishNotice, Purpose, RecordConsentUses,
    ///     RecordConsents, RecordRef, UseConsent, values,
    /// };
    ///
    /// let crm = Crm::in_memory()?;
    /// let consents = crm.consents();
    /// consents.publish_notice(PublishNotice::new("news", "en", "We write once a week."))?;
    /// consents.define_purpose(Purpose::new("news", ["email"]).notice("news").policy("eu_general"))?;
    /// let mut grants = Vec::new();
    /// for name in ["ann", "bob"] {
    ///     let person = crm.contacts().create(values! { "given_name" => name })?.id;
    ///     let grant = NewConsent::grant(RecordRef::new("contact", person), "email", "news");
    ///     grants.push(grant.contact_point(format!("{name}@example.org")));
    /// }
    /// consents.record_many(RecordConsents { consents: grants, all_or_nothing: true })?;
    ///
    /// let request = DecideMany { with_tokens: true, ..DecideMany::new("contact", "email", "news") };
    /// let mut uses = Vec::new();
    /// for one in consents.decide_many(&request)?.decisions {
    ///     let (Some(_address), Some(token)) = (one.contact_point, one.token) else { continue };
    ///     // Here the message is sent to the address.
    ///     let question = MayContact::new(RecordRef::new("contact", one.id), "email", "news");
    ///     uses.push(UseConsent::new(&question, token));
    /// }
    /// let report = consents.record_uses(RecordConsentUses { uses, all_or_nothing: false })?;
    /// assert_eq!((report.outcomes.len(), report.failed), (2, 0));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 100,000 uses. One that fails by itself is not an error of the batch but an
    /// outcome; an error of the file undoes the whole batch.
    pub fn record_uses(&self, request: RecordConsentUses) -> Result<ConsentReport> {
        let RecordConsentUses { uses, all_or_nothing } = request;
        self.record_each(uses, "uses", all_or_nothing, add_use)
    }

    fn record_each<T>(
        &self,
        events: Vec<T>,
        field: &str,
        all_or_nothing: bool,
        add: impl Fn(&mut Writing<'_>, T) -> Result<ConsentEvent>,
    ) -> Result<ConsentReport> {
        if events.len() > limits::BATCH {
            let message = format!("at most {} {field}", limits::BATCH);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field));
        }
        let outcomes = Vec::with_capacity(events.len());
        let mut report = ConsentReport { outcomes, failed: 0, is_committed: true };
        let written = self.crm.write(|writing| {
            let mut people = BTreeSet::new();
            for event in events {
                let outcome = match add(writing, event) {
                    Ok(event) => {
                        if !people.contains(&event.subject.id) {
                            people.extend(rows::people(writing.tx, event.subject.id)?.0);
                        }
                        ConsentOutcome {
                            outcome: Outcome::Created,
                            id: Some(event.id),
                            problem: None,
                        }
                    }
                    Err(error) if concerns_one_row(error.kind()) => {
                        report.failed += 1;
                        let problem = Some(Problem::from(&error));
                        ConsentOutcome { outcome: Outcome::Failed, id: None, problem }
                    }
                    Err(error) => return Err(error),
                };
                report.outcomes.push(outcome);
            }
            if all_or_nothing && report.failed > 0 {
                report.is_committed = false;
                return Err(Error::new(ErrorKind::Interrupted, "an event failed"));
            }
            follow_all(writing.tx, &people)
        });
        match written {
            Err(_) if !report.is_committed => {}
            written => written?,
        }
        Ok(report)
    }
}
