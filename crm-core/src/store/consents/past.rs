//! Definitions of consent as they were, read from the journal.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};
use serde::de::DeserializeOwned;

use super::{Term, damaged};
use crate::{Result, Timestamp};

/// A definition as it was once made.
#[derive(Clone)]
pub(crate) struct Version<T> {
    /// Where in the journal it was made.
    pub(crate) seq: i64,
    /// When.
    pub(crate) at: Timestamp,
    pub(crate) definition: T,
}

/// Definitions of a kind by name, each with its versions in the order in which they were made.
pub(crate) type Versions<T> = BTreeMap<String, Vec<Version<T>>>;

/// The definitions of a kind as they are, or with `is_whole` as they ever were. `name` says what one is
/// called.
pub(crate) fn term_versions<T: DeserializeOwned>(
    conn: &Connection,
    term: Term,
    name: fn(&T) -> &String,
    is_whole: bool,
) -> Result<Versions<T>> {
    let mut statement = conn.prepare(&statement(term, is_whole))?;
    let mut rows = statement.query([])?;
    let mut versions = Versions::new();
    while let Some(row) = rows.next()? {
        let definition = serde_json::from_str(row.get_ref(2)?.as_str().unwrap_or_default());
        let definition: T = definition.map_err(|_| damaged("a definition of consent"))?;
        let (seq, at) = (row.get(0)?, Timestamp::clamped(row.get(1)?));
        let named = versions.entry(name(&definition).clone()).or_default();
        named.push(Version { seq, at, definition });
    }
    Ok(versions)
}

fn statement(term: Term, is_whole: bool) -> String {
    match is_whole {
        true => format!(
            "SELECT seq, (hlc >> 16) * 1000, body FROM crm_journal \
             WHERE kind = '{}' AND salt IS NOT NULL ORDER BY seq",
            term.kind().name()
        ),
        false => format!(
            "SELECT t.seq, (j.hlc >> 16) * 1000, t.definition FROM {} t \
             JOIN crm_journal j ON j.seq = t.seq",
            term.table()
        ),
    }
}

/// When the journal begins; at the end of time if it is empty.
pub(crate) fn journal_began_at(conn: &Connection) -> Result<Timestamp> {
    let sql = "SELECT (hlc >> 16) * 1000 FROM crm_journal ORDER BY seq LIMIT 1";
    let began = conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    Ok(began.map_or(Timestamp::MAX, Timestamp::clamped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrate;

    /// Who agreed to an earlier definition is told of it without a pass over the journal.
    #[test]
    fn earlier_definitions_are_found_by_an_index() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate::create(&mut conn).unwrap();
        for term in [Term::Purpose, Term::Party] {
            let plan = format!("EXPLAIN QUERY PLAN {}", statement(term, true));
            let mut plan = conn.prepare(&plan).unwrap();
            let steps = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<_> = steps.map(|step| step.unwrap()).collect();
            let step = "SEARCH crm_journal USING INDEX crm_journal_by_kind (kind=?)";
            assert_eq!(steps, [step]);
        }
    }
}
