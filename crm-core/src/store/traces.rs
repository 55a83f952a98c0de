//! Rows of the journal about others in which something of a person stands: found, to be erased.
//!
//! It decides nothing: whose attributes are calculated from a person, and while when, is said by
//! whoever asks.

use rusqlite::Connection;

use crate::{RecordId, Result};

/// A part of the journal: from a row on, up to the end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// The place of the first row.
    pub(crate) from: i64,
    /// The last transaction, by the place of its first row.
    pub(crate) until: i64,
}

impl Span {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { from: 0, until: i64::MAX };

    /// From a row on.
    pub(crate) const fn since(from: i64) -> Self {
        Self { from, until: i64::MAX }
    }

    /// What two have in common.
    pub(crate) fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

/// The rows about activities of others that name a role of the record.
pub(crate) fn roles(conn: &Connection, id: RecordId) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT seq FROM crm_activity_link WHERE record_id = ?1 AND role <> '' \
         ORDER BY seq",
    )?;
    let places = statement.query_map([id.as_bytes()], |row| row.get(0))?;
    Ok(places.collect::<rusqlite::Result<_>>()?)
}

/// The records of the type `near` from which associations of a type lead to a record, or to which
/// if `inverse`; and while when they did.
pub(crate) fn associated(
    conn: &Connection,
    (association, inverse): (i64, bool),
    id: RecordId,
    near: i64,
) -> Result<Vec<(RecordId, Span)>> {
    let (near_end, far_end) = if inverse { ("to", "from") } else { ("from", "to") };
    let sql = format!(
        "SELECT s.{near_end}_id, s.seq, iif(s.archived_at IS NULL, NULL, \
         (SELECT max(j.tx) FROM crm_journal j WHERE j.record_id = s.id)) \
         FROM crm_association s WHERE s.{far_end}_id = ?1 AND s.type = ?2 \
         AND s.{near_end}_type = ?3 ORDER BY s.seq"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((id.as_bytes(), association, near), |row| {
        let (from, until): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
        let span = Span { from, until: until.unwrap_or(i64::MAX) };
        Ok((RecordId::from_bytes(row.get(0)?), span))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The rows about a record that give one of these columns a value; and those that tell the host of
/// a value of one of these attributes, each names as JSON.
pub(crate) fn telling(
    conn: &Connection,
    id: RecordId,
    span: Span,
    (columns, attributes): (&str, &str),
) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq FROM crm_journal WHERE record_id = ?1 AND seq >= ?2 AND tx <= ?3 \
         AND kind IN ('record_created', 'record_patched') AND salt IS NOT NULL \
         AND EXISTS (SELECT 1 FROM json_each(body) c WHERE c.type <> 'null' \
         AND c.key IN (SELECT value FROM json_each(?4))) \
         UNION SELECT seq FROM crm_journal \
         WHERE kind IN ('event_emitted', 'rule_ran', 'rule_skipped') AND body ->> '$.id' = ?5 \
         AND kind = 'event_emitted' AND seq >= ?2 AND tx <= ?3 \
         AND EXISTS (SELECT 1 FROM json_each(body, '$.values') c WHERE c.type <> 'null' \
         AND c.key IN (SELECT value FROM json_each(?6))) ORDER BY seq",
    )?;
    let text = id.to_string();
    let asked = (id.as_bytes(), span.from, span.until, columns, text, attributes);
    let places = statement.query_map(asked, |row| row.get(0))?;
    Ok(places.collect::<rusqlite::Result<_>>()?)
}
