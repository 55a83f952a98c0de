//! Consumers of the journal: the changes since they last acknowledged, and how far each of them is.
//!
//! The invariant: a consumer's place is moved by nothing but its own acknowledgement, only forward,
//! and never past the end of the journal. It leaves no row in the journal: it says nothing about
//! customers, and every acknowledgement would be another change to read and to acknowledge.

use super::{Journal, check_text};
use crate::{
    CloudEvent, CloudEventPage, Consumer, Error, ErrorKind, ListChanges, Result, limits,
    store::{
        Connection,
        consumers::{self as rows, StoredConsumer},
        journal,
    },
};

impl Journal<'_> {
    /// Changes of the whole file, in order, as CloudEvents.
    ///
    /// ```
    /// use crm_core::{Crm, ListChanges, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let journal = crm.journal();
    /// // A new consumer that does not want what was before it.
    /// journal.acknowledge("warehouse", journal.changes(&ListChanges::after(0))?.next)?;
    /// let acme = crm.companies().create(values! { "name" => "Acme" })?;
    ///
    /// let page = journal.cloud_events(&ListChanges::of_consumer("warehouse"))?;
    /// assert_eq!(page.events[0].event_type, "crm.record.created");
    /// assert_eq!(page.events[0].subject, Some(format!("company/{}", acme.id)));
    /// // … deliver them; only then:
    /// assert_eq!(journal.acknowledge("warehouse", page.next)?.lag, 0);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Journal::changes`].
    pub fn cloud_events(&self, request: &ListChanges) -> Result<CloudEventPage> {
        let page = self.changes(request)?;
        let events = page.changes.into_iter().map(CloudEvent::from).collect();
        Ok(CloudEventPage { events, next: page.next })
    }

    /// Says that `consumer` has taken every change up to `seq`, so that it begins after it next
    /// time. A consumer that is new is added. Doing it again with the same `seq` changes nothing
    /// but the time.
    ///
    /// # Errors
    ///
    /// `StaleVersion` if it has acknowledged more before; `OutOfRange` if there is no such change
    /// yet; `InvalidArgument` or `LimitExceeded` if the name is not 1 to 255 bytes of text without
    /// control characters, and `LimitExceeded` if there are 1,000 consumers.
    pub fn acknowledge(&self, consumer: &str, seq: i64) -> Result<Consumer> {
        check_text("consumer", consumer)?;
        self.crm.write(|writing| {
            let end = journal::last_seq(writing.tx)?;
            if !(0..=end).contains(&seq) {
                let message = format!("must be 0 to {end}, the last change");
                return Err(Error::new(ErrorKind::OutOfRange, message).with_field("seq"));
            }
            match rows::get(writing.tx, consumer)? {
                Some(known) if known.seq > seq => {
                    let message = format!("the consumer has acknowledged {} before", known.seq);
                    return Err(Error::new(ErrorKind::StaleVersion, message)
                        .with_field("seq")
                        .with_hint("somebody else reads in its name: read again from there"));
                }
                None if rows::count(writing.tx)? >= limits::CONSUMERS => {
                    let message = format!("at most {} consumers", limits::CONSUMERS);
                    return Err(Error::new(ErrorKind::LimitExceeded, message)
                        .with_field("consumer")
                        .with_hint("remove those that no longer read"));
                }
                _ => {}
            }
            let acknowledged_at = writing.now;
            let stored = StoredConsumer { name: consumer.to_owned(), seq, acknowledged_at };
            rows::put(writing.tx, &stored)?;
            Ok(to_consumer(stored, end))
        })
    }

    /// Every consumer, by name, and how far it is.
    ///
    /// # Errors
    ///
    /// `Closed`, `Io`.
    pub fn consumers(&self) -> Result<Vec<Consumer>> {
        self.crm.shared.store.read_snapshot(|conn| {
            let end = journal::last_seq(conn)?;
            Ok(rows::list(conn)?.into_iter().map(|stored| to_consumer(stored, end)).collect())
        })
    }

    /// Forgets a consumer: whoever reads in its name later begins at the beginning.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such consumer.
    pub fn remove_consumer(&self, consumer: &str) -> Result<()> {
        self.crm.write(|writing| match rows::remove(writing.tx, consumer)? {
            true => Ok(()),
            false => {
                Err(Error::new(ErrorKind::NotFound, "no such consumer").with_field("consumer"))
            }
        })
    }
}

/// After which change a page begins.
pub(super) fn start(conn: &Connection, request: &ListChanges) -> Result<i64> {
    match &request.consumer {
        None => Ok(request.after),
        Some(consumer) => Ok(rows::get(conn, consumer)?.map_or(0, |stored| stored.seq)),
    }
}

/// Refuses a request that begins at two places.
///
/// # Errors
///
/// `InvalidArgument`; `LimitExceeded` if the consumer's name is too long.
pub(super) fn check_start(request: &ListChanges) -> Result<()> {
    let Some(consumer) = &request.consumer else { return Ok(()) };
    check_text("consumer", consumer)?;
    match request.after {
        0 => Ok(()),
        _ => Err(Error::new(
            ErrorKind::InvalidArgument,
            "a consumer begins where it has acknowledged",
        )
        .with_field("after")
        .with_hint("leave `consumer` out to go on within a run")),
    }
}

fn to_consumer(stored: StoredConsumer, end: i64) -> Consumer {
    let StoredConsumer { name, seq, acknowledged_at } = stored;
    // A file can be written without us: its journal may then end before.
    Consumer {
        name,
        acknowledged: seq,
        lag: end.saturating_sub(seq).max(0).unsigned_abs(),
        acknowledged_at,
    }
}
