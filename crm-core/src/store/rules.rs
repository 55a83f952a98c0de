//! Rows of rules: their definitions.
//!
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::sync::Arc;

use rusqlite::{Connection, Transaction};

use crate::{
    RecordId, Result, Timestamp,
    rule::{RuleModel, read_rule},
};

/// All rules.
pub(crate) fn load(conn: &Connection) -> Result<Vec<Arc<RuleModel>>> {
    let mut statement = conn.prepare("SELECT id, uid, definition, archived_at FROM crm_rule")?;
    let rows = statement.query_and_then([], |row| {
        let archived_at = row.get::<_, Option<i64>>(3)?.map(Timestamp::clamped);
        let rule = read_rule(&row.get::<_, String>(2)?, archived_at)?;
        let uid = RecordId::from_bytes(row.get(1)?);
        Ok(Arc::new(RuleModel { id: row.get(0)?, uid, rule }))
    })?;
    rows.collect()
}

/// Adds a rule, or changes the one of this name. Answers its number.
pub(crate) fn save(
    tx: &Transaction<'_>,
    name: &str,
    uid: RecordId,
    type_id: i64,
    json: &str,
) -> Result<i64> {
    let sql = "INSERT INTO crm_rule (name, uid, type_id, definition) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (name) DO UPDATE SET definition = excluded.definition RETURNING id";
    let parameters = (name, uid.as_bytes(), type_id, json);
    Ok(tx.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))?)
}

/// Archives a rule, or takes it out of the archive.
pub(crate) fn archive(tx: &Transaction<'_>, id: i64, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_rule SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}
