//! Rows of retention rules, and the records that are due by one.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params_from_iter};

use super::{condition::Expression, table::Table};
use crate::{
    ChangeKind, Error, ErrorKind, RecordId, Result, Retention, RetentionStart, Timestamp,
    cell::Cell,
};

/// All rules, by name.
pub(crate) fn load(conn: &Connection) -> Result<BTreeMap<String, Retention>> {
    let mut statement = conn.prepare("SELECT name, definition FROM crm_retention")?;
    let mut rows = statement.query([])?;
    let mut rules = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let rule = serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default());
        let damaged = |_| Error::new(ErrorKind::Corrupt, "a retention rule cannot be read");
        rules.insert(row.get(0)?, rule.map_err(damaged)?);
    }
    Ok(rules)
}

/// Adds a rule, or changes the one of this name.
pub(crate) fn put(
    tx: &Transaction<'_>,
    name: &str,
    type_id: i64,
    json: &str,
    seq: i64,
) -> Result<()> {
    let sql = "INSERT INTO crm_retention (name, type_id, definition, seq) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (name) DO UPDATE SET type_id = excluded.type_id, \
               definition = excluded.definition, seq = excluded.seq";
    tx.execute(sql, (name, type_id, json, seq))?;
    Ok(())
}

/// Removes the rule of this name.
pub(crate) fn remove(tx: &Transaction<'_>, name: &str) -> Result<()> {
    tx.execute("DELETE FROM crm_retention WHERE name = ?1", [name])?;
    Ok(())
}

/// A rule as its row has it: definition, the type that the row names, and the place in the journal.
pub(crate) type StoredRule = (String, Option<String>, i64);

/// The rows of all rules, by name.
pub(crate) fn stored(conn: &Connection) -> Result<BTreeMap<String, StoredRule>> {
    let sql = "SELECT r.name, r.definition, t.name, r.seq FROM crm_retention r \
               LEFT JOIN crm_type t ON t.id = r.type_id";
    let mut statement = conn.prepare(sql)?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Shows what the journal tells of rules to `visit`, in order: place, kind and body, `None` where it was
/// erased.
pub(crate) fn told(
    conn: &Connection,
    mut visit: impl FnMut(i64, ChangeKind, Option<&str>) -> Result<()>,
) -> Result<()> {
    let (defined, removed) = (ChangeKind::RetentionDefined, ChangeKind::RetentionRemoved);
    let sql = "SELECT seq, kind, CASE WHEN salt IS NOT NULL THEN body END FROM crm_journal \
               WHERE kind IN (?1, ?2) ORDER BY seq";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([defined.name(), removed.name()])?;
    while let Some(row) = rows.next()? {
        let is_defined = row.get_ref(1)?.as_str() == Ok(defined.name());
        let kind = if is_defined { defined } else { removed };
        visit(row.get(0)?, kind, row.get_ref(2)?.as_str_or_null().unwrap_or(Some("")))?;
    }
    Ok(())
}

/// Which records are asked for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) table: &'a Table,
    pub(crate) counts_from: RetentionStart,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) condition: Option<Expression>,
    /// The span in its one form.
    pub(crate) period: &'a str,
    /// No later than this they are due.
    pub(crate) at: Timestamp,
    /// Only those whose time counts from no earlier and no later than this: what is outside is not due, or
    /// was on an earlier page.
    pub(crate) between: (Timestamp, Timestamp),
    /// Only what is due after this place, which is itself meant too if the last part says so.
    pub(crate) after: Option<(Timestamp, RecordId, bool)>,
    /// Only this record.
    pub(crate) only: Option<RecordId>,
    pub(crate) limit: u32,
}

/// A record that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) id: RecordId,
    pub(crate) since: Timestamp,
    pub(crate) is_archived: bool,
}

/// The records that are due, those first that are due for longest.
///
/// One pass over the records of the type, with a look into an index for each where activities or the
/// ledger are asked; of what it finds it keeps no more than `limit`.
pub(crate) fn due(conn: &Connection, wanted: &Wanted<'_>) -> Result<Vec<Due>> {
    let (sql, parameters) = statement(wanted);
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(parameters), |row| {
        Ok(Due {
            at: Timestamp::clamped(row.get(0)?),
            id: RecordId::from_bytes(row.get(1)?),
            since: Timestamp::clamped(row.get(2)?),
            is_archived: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn statement(wanted: &Wanted<'_>) -> (String, Vec<Cell>) {
    let name = &wanted.table.name;
    let mut parameters = vec![Cell::Text(wanted.period.to_owned())];
    let since = match wanted.counts_from {
        RetentionStart::Created => "created_at".to_owned(),
        RetentionStart::Changed => "updated_at".to_owned(),
        RetentionStart::LastActivity => format!(
            "coalesce((SELECT max(at) FROM crm_activity WHERE subject = {name}.id \
             AND superseded_by IS NULL), created_at)"
        ),
        RetentionStart::LastUse => {
            parameters.extend(wanted.purpose.map(|purpose| Cell::Text(purpose.to_owned())));
            format!(
                "(SELECT max(occurred_at) FROM crm_consent_event WHERE subject_id = {name}.id \
                 AND (purpose = ? OR purpose IS NULL))"
            )
        }
    };
    let mut terms = "1".to_owned();
    if let Some(id) = wanted.only {
        terms.push_str(" AND id = ?");
        parameters.push(Cell::Blob(id.as_bytes().to_vec()));
    }
    if let Some(purpose) = wanted.purpose {
        terms.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM crm_consent_event WHERE subject_id = {name}.id \
             AND purpose = ?)"
        ));
        parameters.push(Cell::Text(purpose.to_owned()));
    }
    if let Some(Expression { sql, parameters: others }) = &wanted.condition {
        terms.push_str(&format!(" AND {sql}"));
        parameters.extend(others.iter().cloned());
    }
    let (first, last) = wanted.between;
    parameters.extend([first, last, wanted.at].map(|at| Cell::Integer(at.micros())));
    let mut after = String::new();
    if let Some((at, id, is_meant)) = wanted.after {
        let sign = if is_meant { ">=" } else { ">" };
        after = format!(" AND (due_at, id) {sign} (?, ?)");
        parameters.extend([Cell::Integer(at.micros()), Cell::Blob(id.as_bytes().to_vec())]);
    }
    parameters.push(Cell::Integer(wanted.limit.into()));
    // A subquery with a limit is worked out once for each row, whatever looks at its columns.
    let sql = format!(
        "SELECT due_at, id, since, is_archived FROM (\
         SELECT crm_later(since, ?) AS due_at, id, since, is_archived FROM (\
         SELECT id, {since} AS since, archived_at IS NOT NULL AS is_archived FROM {name} \
         WHERE {terms} LIMIT -1) WHERE since BETWEEN ? AND ? LIMIT -1) \
         WHERE due_at <= ?{after} ORDER BY due_at, id LIMIT ?"
    );
    (sql, parameters)
}

/// How SQLite goes about finding them, a line for each step.
#[cfg(test)]
pub(crate) fn plan(conn: &Connection, wanted: &Wanted<'_>) -> Result<Vec<String>> {
    let (sql, parameters) = statement(wanted);
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let steps = statement.query_map(params_from_iter(parameters), |row| row.get(3))?;
    Ok(steps.collect::<rusqlite::Result<_>>()?)
}
