//! Rows of consent: definitions, the ledger, what follows from it, requests and links.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

mod past;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::de::DeserializeOwned;

use super::{chain::Salts, privacy};
use crate::{
    ChangeKind, Error, ErrorKind, RecordId, RecordRef, Result, Timestamp,
    consent::{
        Book, ConsentEvent, ConsentKind, Entry, Ledger, LegalBasis, Notice, NoticeModel, Permit,
        PersonLink, Proof, present_form,
    },
};

pub(crate) use past::{Versions, journal_began_at, term_versions};

/// People that are read in one go.
const PAGE: u32 = 1_000;

/// The kinds of definitions that have a table of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Term {
    Channel,
    Party,
    Policy,
    Purpose,
}

impl Term {
    const fn table(self) -> &'static str {
        match self {
            Self::Channel => "crm_channel",
            Self::Party => "crm_party",
            Self::Policy => "crm_policy",
            Self::Purpose => "crm_purpose",
        }
    }

    /// The change that makes a definition.
    pub(crate) const fn kind(self) -> ChangeKind {
        match self {
            Self::Channel => ChangeKind::ChannelDefined,
            Self::Party => ChangeKind::PartyDefined,
            Self::Policy => ChangeKind::PolicyDefined,
            Self::Purpose => ChangeKind::PurposeDefined,
        }
    }
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} in the file cannot be read"))
}

// ---- definitions

/// All definitions.
pub(crate) fn load(conn: &Connection) -> Result<Book> {
    let mut book = Book::default();
    book.channels = terms(conn, Term::Channel, &mut book.seq)?;
    book.parties = terms(conn, Term::Party, &mut book.seq)?;
    book.policies = terms(conn, Term::Policy, &mut book.seq)?;
    book.purposes = terms(conn, Term::Purpose, &mut book.seq)?;
    let mut statement = conn.prepare(
        "SELECT name, language, version, sha256, asks_again, published_at, seq FROM crm_notice \
         ORDER BY name, language, version",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        book.seq = book.seq.max(row.get(6)?);
        book.notices.push(NoticeModel {
            name: row.get(0)?,
            language: row.get(1)?,
            version: row.get(2)?,
            sha256: row.get(3)?,
            asks_again: row.get(4)?,
            published_at: Timestamp::clamped(row.get(5)?),
        });
    }
    Ok(book)
}

fn terms<T: DeserializeOwned>(
    conn: &Connection,
    term: Term,
    seq: &mut i64,
) -> Result<BTreeMap<String, T>> {
    let sql = format!("SELECT name, definition, seq FROM {}", term.table());
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut terms = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let term = serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default());
        terms.insert(row.get(0)?, term.map_err(|_| damaged("a definition of consent"))?);
        *seq = (*seq).max(row.get(2)?);
    }
    Ok(terms)
}

/// Adds a definition, or changes the one of this name.
pub(crate) fn put_term(
    tx: &Transaction<'_>,
    term: Term,
    name: &str,
    json: &str,
    seq: i64,
) -> Result<()> {
    let sql = format!(
        "INSERT INTO {} (name, definition, seq) VALUES (?1, ?2, ?3) ON CONFLICT (name) \
         DO UPDATE SET definition = excluded.definition, seq = excluded.seq",
        term.table()
    );
    tx.execute(&sql, (name, json, seq))?;
    Ok(())
}

/// The place in the journal at which a definition was made as it is; `None` if there is none.
pub(crate) fn term_seq(conn: &Connection, term: Term, name: &str) -> Result<Option<i64>> {
    let sql = format!("SELECT seq FROM {} WHERE name = ?1", term.table());
    Ok(conn.prepare_cached(&sql)?.query_row([name], |row| row.get(0)).optional()?)
}

/// The place in the journal at which a version of a text was published.
pub(crate) fn notice_seq(conn: &Connection, notice: &Notice) -> Result<Option<i64>> {
    let sql = "SELECT seq FROM crm_notice WHERE name = ?1 AND language = ?2 AND version = ?3";
    let key = (&notice.name, &notice.language, notice.version);
    Ok(conn.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?)
}

/// What the file keeps of a definition: its kind of change, its name, what it says, and where in the
/// journal.
pub(crate) type StoredTerm = (&'static str, String, String, i64);

/// All definitions but texts.
pub(crate) fn stored_terms(conn: &Connection) -> Result<Vec<StoredTerm>> {
    let mut all = Vec::new();
    for term in [Term::Channel, Term::Party, Term::Policy, Term::Purpose] {
        let sql = format!("SELECT name, definition, seq FROM {}", term.table());
        let mut statement = conn.prepare(&sql)?;
        let rows = statement
            .query_map([], |row| Ok((term.kind().name(), row.get(0)?, row.get(1)?, row.get(2)?)))?;
        all.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(all)
}

/// All versions of texts, with their places in the journal.
pub(crate) fn stored_notices(conn: &Connection) -> Result<Vec<(Notice, i64)>> {
    let sql = "SELECT name, language, version, text, sha256, asks_again, published_at, seq \
               FROM crm_notice";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let notice = Notice {
            name: row.get(0)?,
            language: row.get(1)?,
            version: row.get(2)?,
            text: row.get(3)?,
            sha256: row.get(4)?,
            asks_again: row.get(5)?,
            published_at: Timestamp::clamped(row.get(6)?),
        };
        Ok((notice, row.get(7)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What the journal tells last of each definition: kind of change, name, what it says, and where. Of texts
/// every version.
pub(crate) fn told_terms(conn: &Connection) -> Result<Vec<(String, String, String, i64)>> {
    let sql = "SELECT kind, json_extract(body, '$.name'), body, max(seq) FROM crm_journal \
               WHERE kind IN ('channel_defined', 'party_defined', 'policy_defined', 'purpose_defined') \
               GROUP BY 1, 2 UNION ALL \
               SELECT kind, json_extract(body, '$.name'), body, seq FROM crm_journal \
               WHERE kind = 'notice_published'";
    let mut statement = conn.prepare(sql)?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Adds a version of a text.
pub(crate) fn insert_notice(tx: &Transaction<'_>, notice: &Notice, seq: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO crm_notice (name, language, version, text, sha256, asks_again, published_at, seq) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            &notice.name,
            &notice.language,
            notice.version,
            &notice.text,
            &notice.sha256,
            notice.asks_again,
            notice.published_at.micros(),
            seq,
        ),
    )?;
    Ok(())
}

/// The text of a version.
pub(crate) fn notice_text(conn: &Connection, notice: &NoticeModel) -> Result<String> {
    let sql = "SELECT text FROM crm_notice WHERE name = ?1 AND language = ?2 AND version = ?3";
    let key = (&notice.name, &notice.language, notice.version);
    Ok(conn.prepare_cached(sql)?.query_row(key, |row| row.get(0))?)
}

// ---- the ledger

fn id(row: &Row<'_>, place: usize) -> rusqlite::Result<RecordId> {
    row.get(place).map(RecordId::from_bytes)
}

fn moment(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(place)?.map(Timestamp::clamped))
}

/// The ledger of a record beside those of the records that are linked with it, and the place in the
/// journal of the last event or link; 0 if there are none. It knows which contact points of what permits are
/// suppressed.
pub(crate) fn ledger(conn: &Connection, subject: RecordId) -> Result<(Ledger, i64)> {
    let (own, mut last) = own_ledger(conn, subject)?;
    let (people, linked) = people(conn, subject)?;
    last = last.max(linked);
    let mut others = Vec::new();
    for id in people.into_iter().filter(|id| *id != subject) {
        let (ledger, its_last) = own_ledger(conn, id)?;
        last = last.max(its_last);
        others.push(ledger);
    }
    let permitting = own.permitting().filter_map(|entry| entry.contact_point.as_deref());
    let suppressed = privacy::suppressed_of(conn, permitting)?;
    Ok((own.beside(others).without(suppressed), last))
}

/// The events of a record itself, and the place in the journal of the last of them; 0 if there are none.
pub(crate) fn own_ledger(conn: &Connection, subject: RecordId) -> Result<(Ledger, i64)> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, id, kind, channel, purpose, controller, contact_point, basis, proof, notice, language, \
         notice_version, occurred_at, expires_at, supersedes, by_guardian, frequency_most, frequency_within \
         FROM crm_consent_event WHERE subject_id = ?1",
    )?;
    let mut rows = statement.query([subject.as_bytes()])?;
    let (mut entries, mut last) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        last = last.max(row.get(0)?);
        entries.push(read_entry(row)?);
    }
    Ok((Ledger::new(entries), last))
}

fn read_entry(row: &Row<'_>) -> Result<Entry> {
    let kind = row.get_ref(2)?.as_str().ok().and_then(ConsentKind::from_name);
    let basis = match row.get_ref(7)?.as_str_or_null() {
        Ok(None) => None,
        Ok(Some(name)) => {
            Some(LegalBasis::from_name(name).ok_or_else(|| damaged("a legal basis"))?)
        }
        Err(_) => return Err(damaged("a legal basis")),
    };
    let supersedes = match row.get_ref(14)?.as_blob_or_null() {
        Ok(bytes) => bytes.unwrap_or_default().chunks_exact(16),
        Err(_) => return Err(damaged("a consent")),
    };
    let supersedes = supersedes.filter_map(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let frequency: Option<u32> = row.get(16)?;
    Ok(Entry {
        id: id(row, 1)?,
        kind: kind.ok_or_else(|| damaged("a consent of an unknown kind"))?,
        channel: row.get(3)?,
        purpose: row.get(4)?,
        controller: row.get(5)?,
        contact_point: row
            .get::<_, Option<String>>(6)?
            .map(|point| present_form(point).into_owned()),
        basis,
        proof: Proof::from_number(row.get(8)?),
        notice: row.get(9)?,
        language: row.get(10)?,
        notice_version: row.get(11)?,
        occurred_at: Timestamp::clamped(row.get(12)?),
        expires_at: moment(row, 13)?,
        supersedes: supersedes.map(RecordId::from_bytes).collect(),
        by_guardian: row.get(15)?,
        frequency: frequency.zip(row.get::<_, Option<String>>(17)?),
    })
}

/// Adds an event to the ledger.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    subject: (i64, RecordId),
    entry: &Entry,
    seq: i64,
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_consent_event (subject_id, seq, id, type_id, kind, channel, purpose, controller, \
         contact_point, basis, proof, notice, language, notice_version, occurred_at, expires_at, supersedes, \
         by_guardian, frequency_most, frequency_within) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
         ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
    )?;
    let supersedes: Vec<u8> = entry.supersedes.iter().flat_map(|id| *id.as_bytes()).collect();
    statement.execute(rusqlite::params![
        subject.1.as_bytes(),
        seq,
        entry.id.as_bytes(),
        subject.0,
        entry.kind.name(),
        entry.channel,
        entry.purpose,
        entry.controller,
        entry.contact_point,
        entry.basis.map(LegalBasis::name),
        entry.proof as i64,
        entry.notice,
        entry.language,
        entry.notice_version,
        entry.occurred_at.micros(),
        entry.expires_at.map(Timestamp::micros),
        (!supersedes.is_empty()).then_some(supersedes),
        entry.by_guardian,
        entry.frequency.as_ref().map(|(most, _)| *most),
        entry.frequency.as_ref().map(|(_, within)| within),
    ])?;
    Ok(())
}

/// The events of a person after a place in the journal, whole and in order: the bodies with their places.
/// What was erased is not among them.
pub(crate) fn bodies(
    conn: &Connection,
    subject: RecordId,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, String)>> {
    let mut statement = conn.prepare_cached(
        "SELECT e.seq, j.body FROM crm_consent_event e JOIN crm_journal j ON j.seq = e.seq \
         WHERE e.subject_id = ?1 AND e.seq > ?2 AND j.salt IS NOT NULL ORDER BY e.seq LIMIT ?3",
    )?;
    let rows = statement
        .query_map((subject.as_bytes(), after, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether an event of a person is kept as one of another type than the journal says.
pub(crate) fn is_of_other_type(conn: &Connection, subject: RecordId) -> Result<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM crm_consent_event e JOIN crm_journal j ON j.seq = e.seq \
         LEFT JOIN crm_type t ON t.id = e.type_id WHERE e.subject_id = ?1 AND j.salt IS NOT NULL \
         AND t.name IS NOT j.body ->> '$.subject.type' LIMIT 1",
    )?;
    Ok(statement.exists([subject.as_bytes()])?)
}

/// Whether the journal has an event of a person whose content was erased.
pub(crate) fn has_erased(conn: &Connection, subject: RecordId) -> Result<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM crm_consent_event e JOIN crm_journal j ON j.seq = e.seq \
         WHERE e.subject_id = ?1 AND j.salt IS NULL LIMIT 1",
    )?;
    Ok(statement.exists([subject.as_bytes()])?)
}

/// A person with what of the ledger belongs to them, by id.
pub(crate) fn subjects(
    conn: &Connection,
    after: Option<RecordId>,
    limit: u32,
) -> Result<Vec<RecordId>> {
    let mut statement = conn.prepare_cached(
        "SELECT subject_id FROM crm_consent_event WHERE subject_id > ?1 UNION \
         SELECT a_id FROM crm_person_link WHERE a_id > ?1 UNION \
         SELECT b_id FROM crm_person_link WHERE b_id > ?1 ORDER BY 1 LIMIT ?2",
    )?;
    let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    let rows = statement.query_map((after, limit), |row| id(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many events the file has and how many the journal, those aside that were erased; and how many rows of
/// what follows belong to nobody: to no event of the record, or for a restriction to none of a linked one
/// either.
pub(crate) fn count(conn: &Connection) -> Result<(u64, u64, u64)> {
    let sql = "SELECT (SELECT count(*) FROM crm_consent_event e WHERE NOT EXISTS \
         (SELECT 1 FROM crm_journal j WHERE j.seq = e.seq AND j.salt IS NULL)), \
         (SELECT count(*) FROM crm_journal WHERE kind = 'consent_recorded' AND salt IS NOT NULL), \
         (SELECT count(*) FROM crm_consent_permit p WHERE NOT EXISTS (SELECT 1 FROM crm_consent_event e \
         WHERE e.subject_id = p.subject_id AND e.id = p.event_id)) + \
         (SELECT count(*) FROM crm_consent_block b WHERE NOT EXISTS (SELECT 1 FROM crm_consent_event e \
         WHERE e.subject_id = b.subject_id AND e.id = b.event_id) AND NOT EXISTS (SELECT 1 FROM \
         crm_person_link l WHERE b.subject_id IN (l.a_id, l.b_id)))";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
}

/// Reads every event again, and what follows from it: what counts as proof, as an answer of a linked
/// record and as a use has become narrower since version 5 of the schema, what an opt-out concerns and what
/// may be lifted since version 6, and of what permits it is kept whether it is suppressed since version 7.
pub(crate) fn follow_anew(tx: &Transaction<'_>, _: Salts<'_>) -> Result<()> {
    let mut statement = tx.prepare(
        "UPDATE crm_consent_event SET proof = ?3 WHERE subject_id = ?1 AND seq = ?2 AND proof <> ?3",
    )?;
    // Ledgers that are linked are read beside each other, so all of them come first.
    for is_following in [false, true] {
        let mut after = None;
        loop {
            let page = subjects(tx, after, PAGE)?;
            for &subject in &page {
                if is_following {
                    put_following(tx, subject, &follow(&ledger(tx, subject)?.0))?;
                    continue;
                }
                for (seq, body) in bodies(tx, subject, i64::MIN, u32::MAX)? {
                    let event: ConsentEvent =
                        serde_json::from_str(&body).map_err(|_| damaged("an event of consent"))?;
                    statement.execute((subject.as_bytes(), seq, event.proof() as i64))?;
                }
            }
            after = page.last().copied();
            if page.len() < PAGE as usize {
                break;
            }
        }
    }
    Ok(())
}

// ---- what follows from the ledger

/// An event that restricts: its id and kind, what it is about, and until when.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Block {
    event: RecordId,
    kind: ConsentKind,
    scope: [Option<String>; 3],
    until: Option<Timestamp>,
}

/// What the file keeps of a ledger for conditions.
pub(crate) fn follow(ledger: &Ledger) -> (Vec<Permit>, Vec<Block>) {
    let minors = ledger.minors();
    let mut blocks: Vec<Block> = ledger
        .restrictions()
        .chain(minors)
        .map(|entry| Block {
            event: entry.id,
            kind: entry.kind,
            scope: [entry.channel.clone(), entry.purpose.clone(), entry.controller.clone()],
            until: entry.expires_at,
        })
        .collect();
    blocks.sort_by_key(|block| block.event);
    (ledger.permits(), blocks)
}

/// Writes what follows from the ledger of a person in place of what did before.
pub(crate) fn put_following(
    tx: &Transaction<'_>,
    subject: RecordId,
    (permits, blocks): &(Vec<Permit>, Vec<Block>),
) -> Result<()> {
    let key = [subject.as_bytes()];
    tx.prepare_cached("DELETE FROM crm_consent_permit WHERE subject_id = ?1")?.execute(key)?;
    tx.prepare_cached("DELETE FROM crm_consent_block WHERE subject_id = ?1")?.execute(key)?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_consent_permit (subject_id, event_id, channel, purpose, controller, basis, proof, \
         notice, language, notice_version, valid_from, valid_until, paused_until, active_at, by_guardian, \
         minor_until, is_suppressed) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    for permit in permits {
        statement.execute(rusqlite::params![
            subject.as_bytes(),
            permit.event.as_bytes(),
            &permit.channel,
            &permit.purpose,
            &permit.controller,
            permit.basis.name(),
            permit.proof as i64,
            &permit.notice,
            &permit.language,
            permit.notice_version,
            permit.from.micros(),
            permit.until.map(Timestamp::micros),
            permit.paused_until.map(Timestamp::micros),
            permit.active_at.micros(),
            permit.by_guardian,
            permit.minor_until.map(Timestamp::micros),
            permit.is_suppressed,
        ])?;
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_consent_block (subject_id, event_id, kind, channel, purpose, controller, until) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for Block { event, kind, scope: [channel, purpose, controller], until } in blocks {
        let until = until.map(Timestamp::micros);
        let (subject, event) = (subject.as_bytes(), event.as_bytes());
        statement.execute((subject, event, kind.name(), channel, purpose, controller, until))?;
    }
    Ok(())
}

/// What the file says follows from the ledger of a person.
pub(crate) fn following(conn: &Connection, subject: RecordId) -> Result<(Vec<Permit>, Vec<Block>)> {
    let mut statement = conn.prepare_cached(
        "SELECT event_id, channel, purpose, controller, basis, proof, notice, language, notice_version, \
         valid_from, valid_until, paused_until, active_at, by_guardian, minor_until, \
         (SELECT e.occurred_at FROM crm_consent_event e WHERE e.subject_id = p.subject_id AND e.id = p.event_id), \
         is_suppressed FROM crm_consent_permit p WHERE subject_id = ?1 ORDER BY event_id",
    )?;
    let permits = statement.query_and_then([subject.as_bytes()], |row| {
        let basis = row.get_ref(4)?.as_str().ok().and_then(LegalBasis::from_name);
        Ok(Permit {
            event: id(row, 0)?,
            channel: row.get(1)?,
            purpose: row.get(2)?,
            controller: row.get(3)?,
            basis: basis.ok_or_else(|| damaged("a legal basis"))?,
            proof: Proof::from_number(row.get(5)?),
            notice: row.get(6)?,
            language: row.get(7)?,
            notice_version: row.get(8)?,
            from: Timestamp::clamped(row.get(9)?),
            until: moment(row, 10)?,
            paused_until: moment(row, 11)?,
            given_at: moment(row, 15)?.unwrap_or(Timestamp::MIN),
            active_at: Timestamp::clamped(row.get(12)?),
            by_guardian: row.get(13)?,
            minor_until: moment(row, 14)?,
            is_suppressed: row.get(16)?,
        })
    })?;
    let permits = permits.collect::<Result<_>>()?;
    let mut statement = conn.prepare_cached(
        "SELECT event_id, kind, channel, purpose, controller, until FROM crm_consent_block \
         WHERE subject_id = ?1 ORDER BY event_id",
    )?;
    let blocks = statement.query_and_then([subject.as_bytes()], |row| {
        let kind = row.get_ref(1)?.as_str().ok().and_then(ConsentKind::from_name);
        Ok(Block {
            event: id(row, 0)?,
            kind: kind.ok_or_else(|| damaged("a consent of an unknown kind"))?,
            scope: [row.get(2)?, row.get(3)?, row.get(4)?],
            until: moment(row, 5)?,
        })
    })?;
    Ok((permits, blocks.collect::<Result<_>>()?))
}

// ---- records that are one person

/// All records that are the same person as this one, itself included, by id; and the place in the journal
/// of the last link between them, 0 if there is none.
pub(crate) fn people(conn: &Connection, subject: RecordId) -> Result<(Vec<RecordId>, i64)> {
    let mut statement = conn.prepare_cached(
        "SELECT b_id, seq FROM crm_person_link WHERE a_id = ?1 UNION ALL \
         SELECT a_id, seq FROM crm_person_link WHERE b_id = ?1",
    )?;
    let (mut people, mut waiting, mut last) = (BTreeSet::from([subject]), vec![subject], 0);
    while let Some(one) = waiting.pop() {
        let mut rows = statement.query([one.as_bytes()])?;
        while let Some(row) = rows.next()? {
            last = last.max(row.get(1)?);
            let other = id(row, 0)?;
            if people.insert(other) {
                waiting.push(other);
            }
        }
    }
    Ok((people.into_iter().collect(), last))
}

/// Links two records as one person, the one of the lesser id first.
pub(crate) fn insert_person_link(
    tx: &Transaction<'_>,
    [a, b]: [(i64, RecordId); 2],
    (at, seq): (Timestamp, i64),
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO crm_person_link (a_id, b_id, a_type, b_type, linked_at, seq) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((a.1.as_bytes(), b.1.as_bytes(), a.0, b.0, at.micros(), seq))?;
    Ok(())
}

/// Takes a link away; answers whether there was one.
pub(crate) fn delete_person_link(tx: &Transaction<'_>, [a, b]: [RecordId; 2]) -> Result<bool> {
    let sql = "DELETE FROM crm_person_link WHERE a_id = ?1 AND b_id = ?2";
    Ok(tx.prepare_cached(sql)?.execute((a.as_bytes(), b.as_bytes()))? > 0)
}

/// The links of these records, in the order in which they were made.
pub(crate) fn person_links(conn: &Connection, people: &[RecordId]) -> Result<Vec<PersonLink>> {
    let mut statement = conn.prepare_cached(
        "SELECT x.name, l.a_id, y.name, l.b_id, l.linked_at, l.seq FROM crm_person_link l \
         JOIN crm_type x ON x.id = l.a_type JOIN crm_type y ON y.id = l.b_type \
         WHERE l.a_id = ?1 ORDER BY l.seq",
    )?;
    let mut links = Vec::new();
    for one in people {
        let mut rows = statement.query([one.as_bytes()])?;
        while let Some(row) = rows.next()? {
            links.push((
                row.get::<_, i64>(5)?,
                PersonLink {
                    a: RecordRef::new(row.get::<_, String>(0)?, id(row, 1)?),
                    b: RecordRef::new(row.get::<_, String>(2)?, id(row, 3)?),
                    linked_at: Timestamp::clamped(row.get(4)?),
                },
            ));
        }
    }
    links.sort_by_key(|(seq, _)| *seq);
    Ok(links.into_iter().map(|(_, link)| link).collect())
}

/// How many links the file has and how many the journal leaves, those aside whose person was erased; and how
/// many are not what the row of the journal that made them says.
pub(crate) fn count_person_links(conn: &Connection) -> Result<(i64, i64, i64)> {
    let sql = "SELECT (SELECT count(*) FROM crm_person_link), \
         (SELECT ifnull(sum(iif(kind = 'people_linked', 1, -1)), 0) FROM crm_journal \
         WHERE kind IN ('people_linked', 'people_unlinked') AND salt IS NOT NULL), \
         (SELECT count(*) FROM crm_person_link l WHERE NOT EXISTS (SELECT 1 FROM crm_journal j \
         JOIN crm_type a ON a.id = l.a_type JOIN crm_type b ON b.id = l.b_type \
         WHERE j.seq = l.seq AND j.kind = 'people_linked' AND l.linked_at = (j.hlc >> 16) * 1000 \
         AND a.name || lower(hex(l.a_id)) IN \
         (j.body ->> '$.a.type' || replace(j.body ->> '$.a.id', '-', ''), \
         j.body ->> '$.b.type' || replace(j.body ->> '$.b.id', '-', '')) \
         AND b.name || lower(hex(l.b_id)) IN \
         (j.body ->> '$.a.type' || replace(j.body ->> '$.a.id', '-', ''), \
         j.body ->> '$.b.type' || replace(j.body ->> '$.b.id', '-', ''))))";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
}

// ---- double opt-ins

/// A double opt-in that was begun.
pub(crate) struct StoredRequest {
    /// The event that the confirmation records; its time is that of the request.
    pub(crate) event: ConsentEvent,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) confirmed_at: Option<Timestamp>,
}

/// Keeps a double opt-in until it is confirmed.
pub(crate) fn insert_request(
    tx: &Transaction<'_>,
    token: &[u8; 32],
    body: &str,
    (requested_at, expires_at): (Timestamp, Timestamp),
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO crm_consent_request (token, body, requested_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((token, body, requested_at.micros(), expires_at.micros()))?;
    Ok(())
}

/// The double opt-in of a secret.
pub(crate) fn request(conn: &Connection, token: &[u8; 32]) -> Result<Option<StoredRequest>> {
    let sql = "SELECT body, requested_at, expires_at, confirmed_at FROM crm_consent_request WHERE token = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query_and_then([token], |row| {
        let event = serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default());
        Ok(StoredRequest {
            event: event.map_err(|_| damaged("a double opt-in"))?,
            requested_at: Timestamp::clamped(row.get(1)?),
            expires_at: Timestamp::clamped(row.get(2)?),
            confirmed_at: moment(row, 3)?,
        })
    })?;
    rows.next().transpose()
}

/// Whether a double opt-in about this waits for its confirmation at a moment; without a contact point at
/// any.
pub(crate) fn is_requested(
    conn: &Connection,
    subject: RecordId,
    (channel, purpose, contact_point): (&str, &str, Option<&str>),
    at: Timestamp,
) -> Result<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM crm_consent_request WHERE body ->> '$.subject.id' = ?1 \
         AND body ->> '$.channel' = ?2 AND body ->> '$.purpose' = ?3 \
         AND ifnull(body ->> '$.contact_point' = ?4, 1) \
         AND requested_at <= ?5 AND expires_at > ?5 AND confirmed_at IS NULL",
    )?;
    Ok(statement.exists((subject.to_string(), channel, purpose, contact_point, at.micros()))?)
}

/// The double opt-ins of a record that nobody confirmed yet: the hash of the secret, and the event that the
/// confirmation records.
pub(crate) fn waiting(
    conn: &Connection,
    subject: RecordId,
) -> Result<Vec<([u8; 32], ConsentEvent)>> {
    let sql = "SELECT token, body FROM crm_consent_request \
               WHERE body ->> '$.subject.id' = ?1 AND confirmed_at IS NULL ORDER BY token";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_and_then([subject.to_string()], |row| {
        let event = serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default());
        Ok((row.get(0)?, event.map_err(|_| damaged("a double opt-in"))?))
    })?;
    rows.collect()
}

/// Writes what a double opt-in is about anew.
pub(crate) fn rewrite_request(tx: &Transaction<'_>, token: &[u8; 32], body: &str) -> Result<()> {
    let sql = "UPDATE crm_consent_request SET body = ?2 WHERE token = ?1";
    tx.prepare_cached(sql)?.execute((token, body))?;
    Ok(())
}

/// A double opt-in was confirmed: what it was about stands in the ledger now.
pub(crate) fn confirm_request(tx: &Transaction<'_>, token: &[u8; 32], at: Timestamp) -> Result<()> {
    let sql = "UPDATE crm_consent_request SET confirmed_at = ?2 WHERE token = ?1";
    tx.prepare_cached(sql)?.execute((token, at.micros()))?;
    Ok(())
}

/// Erases double opt-ins that nobody confirmed in time; answers how many.
pub(crate) fn erase_requests(tx: &Transaction<'_>, now: Timestamp, limit: u32) -> Result<u64> {
    let erased = tx.execute(
        "DELETE FROM crm_consent_request WHERE token IN (SELECT token FROM crm_consent_request \
         WHERE expires_at <= ?1 AND confirmed_at IS NULL LIMIT ?2)",
        (now.micros(), limit),
    )?;
    Ok(erased as u64)
}

// ---- links

/// What a link withdraws, and from whom.
pub(crate) struct StoredLink {
    pub(crate) subject: RecordRef,
    pub(crate) channel: String,
    pub(crate) purpose: Option<String>,
    pub(crate) controller: Option<String>,
    pub(crate) contact_point: Option<String>,
}

/// Keeps a link.
pub(crate) fn insert_link(
    tx: &Transaction<'_>,
    token: &[u8; 32],
    type_id: i64,
    link: &StoredLink,
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_consent_link (token, type_id, subject_id, channel, purpose, controller, contact_point) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let StoredLink { subject, channel, purpose, controller, contact_point } = link;
    let id = subject.id.as_bytes();
    statement.execute((token, type_id, id, channel, purpose, controller, contact_point))?;
    Ok(())
}

/// The link of a secret.
pub(crate) fn link(conn: &Connection, token: &[u8; 32]) -> Result<Option<StoredLink>> {
    let sql = "SELECT t.name, l.subject_id, l.channel, l.purpose, l.controller, l.contact_point \
               FROM crm_consent_link l JOIN crm_type t ON t.id = l.type_id WHERE l.token = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let link = statement.query_row([token], |row| {
        Ok(StoredLink {
            subject: RecordRef::new(row.get::<_, String>(0)?, id(row, 1)?),
            channel: row.get(2)?,
            purpose: row.get(3)?,
            controller: row.get(4)?,
            contact_point: row.get(5)?,
        })
    });
    Ok(link.optional()?)
}
