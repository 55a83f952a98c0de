//! Rows of `crm_import`, and what the journal has of an import.

use rusqlite::{Connection, Row, Transaction};

use crate::{Error, ErrorKind, Import, ImportState, RecordId, Result, Timestamp};

/// An import as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct StoredImport {
    pub(crate) import: Import,
    /// The SHA-256 of the table and the request.
    pub(crate) plan: [u8; 32],
    /// Its changes lie after this one of the journal.
    pub(crate) first_seq: i64,
    /// And not after this one.
    pub(crate) last_seq: i64,
}

const SELECT: &str = "SELECT i.id, t.name, i.plan, i.state, a.name, i.started_at, i.updated_at, \
     i.first_seq, i.last_seq, i.created, i.updated, i.unchanged, i.conflicts, i.errors, \
     i.associations, i.activities, i.others \
     FROM crm_import i JOIN crm_type t ON t.id = i.type_id JOIN crm_actor a ON a.id = i.actor";

fn read(row: &Row<'_>) -> Result<StoredImport> {
    let name: String = row.get(3)?;
    let state = ImportState::ALL.into_iter().find(|state| state.name() == name);
    let state =
        state.ok_or_else(|| Error::new(ErrorKind::Corrupt, "an import is in an unknown state"))?;
    let count = |place| Ok::<u64, rusqlite::Error>(row.get::<_, i64>(place)?.unsigned_abs());
    let [created, updated, unchanged, conflicts, errors] =
        [count(9)?, count(10)?, count(11)?, count(12)?, count(13)?];
    Ok(StoredImport {
        import: Import {
            id: RecordId::from_bytes(row.get(0)?),
            entity_type: row.get(1)?,
            state,
            actor: row.get(4)?,
            started_at: Timestamp::clamped(row.get(5)?),
            updated_at: Timestamp::clamped(row.get(6)?),
            rows: created + updated + unchanged + conflicts + errors,
            created,
            updated,
            unchanged,
            conflicts,
            errors,
            associations: count(14)?,
            activities: count(15)?,
            others: count(16)?,
        },
        plan: row.get(2)?,
        first_seq: row.get(7)?,
        last_seq: row.get(8)?,
    })
}

/// The import of an id.
pub(crate) fn get(conn: &Connection, id: RecordId) -> Result<Option<StoredImport>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE i.id = ?1"))?;
    let mut rows = statement.query([id.as_bytes()])?;
    rows.next()?.map(read).transpose()
}

/// Imports begun before `after`, the newest first, at most `limit`.
pub(crate) fn list(
    conn: &Connection,
    after: Option<RecordId>,
    limit: u32,
) -> Result<Vec<StoredImport>> {
    let sql = format!("{SELECT} WHERE ?1 IS NULL OR i.id < ?1 ORDER BY i.id DESC LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let after = after.as_ref().map(RecordId::as_bytes);
    let rows = statement.query_and_then((after, limit), read)?;
    rows.collect()
}

/// Adds an import of which nothing is done yet.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    id: RecordId,
    type_id: i64,
    plan: &[u8; 32],
    actor: i64,
    at: Timestamp,
    first_seq: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO crm_import (id, type_id, plan, state, actor, started_at, updated_at, first_seq, last_seq, \
         created, updated, unchanged, conflicts, errors, associations, activities, others) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?7, 0, 0, 0, 0, 0, 0, 0, 0)",
        (
            id.as_bytes(),
            type_id,
            plan,
            ImportState::Unfinished.name(),
            actor,
            at.micros(),
            first_seq,
        ),
    )?;
    Ok(())
}

/// Writes how far an import is.
pub(crate) fn update(tx: &Transaction<'_>, stored: &StoredImport) -> Result<()> {
    let import = &stored.import;
    tx.execute(
        "UPDATE crm_import SET state = ?2, updated_at = ?3, last_seq = ?4, created = ?5, updated = ?6, \
         unchanged = ?7, conflicts = ?8, errors = ?9, associations = ?10, activities = ?11, others = ?12 \
         WHERE id = ?1",
        (
            import.id.as_bytes(),
            import.state.name(),
            import.updated_at.micros(),
            stored.last_seq,
            import.created,
            import.updated,
            import.unchanged,
            import.conflicts,
            import.errors,
            import.associations,
            import.activities,
            import.others,
        ),
    )?;
    Ok(())
}

/// What decisions upon rows look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight {
    /// Names of entity types.
    pub(crate) types: Vec<String>,
    /// Columns of those types that decisions never look at, each after its type and a point.
    pub(crate) calculated: Vec<String>,
    pub(crate) has_files: bool,
    pub(crate) has_associations: bool,
    pub(crate) has_activities: bool,
}

/// Whether something of it was changed after `after` for another reason than `cause`. Activities that
/// others recorded do not count: they are recorded all the time, and what has its own key stays.
pub(crate) fn is_disturbed(
    conn: &Connection,
    sight: &Sight,
    after: i64,
    cause: &str,
) -> Result<bool> {
    let types = serde_json::to_string(&sight.types).unwrap_or_default();
    let calculated = serde_json::to_string(&sight.calculated).unwrap_or_default();
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM crm_journal WHERE seq > ?1 AND cause IS NOT ?2 \
         AND (entity_type IN (SELECT value FROM json_each(?3)) OR ?4 AND kind = 'file_added' \
         OR ?5 AND kind GLOB 'association_*' OR ?6 AND kind GLOB 'activity_kind_*') \
         AND (kind <> 'record_patched' OR EXISTS (SELECT 1 FROM json_each(body) c \
         WHERE entity_type || '.' || c.key NOT IN (SELECT value FROM json_each(?7)))) LIMIT 1",
    )?;
    let Sight { has_files, has_associations, has_activities, .. } = sight;
    let found = (after, cause, types, has_files, has_associations, has_activities, calculated);
    Ok(statement.exists(found)?)
}

/// Changes of a record before `seq`, the newest first, shown to `visit` until it says stop.
pub(crate) fn changes_before(
    conn: &Connection,
    id: RecordId,
    seq: i64,
    mut visit: impl FnMut(&str) -> Result<bool>,
) -> Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT body FROM crm_journal WHERE record_id = ?1 AND seq < ?2 ORDER BY seq DESC",
    )?;
    let mut rows = statement.query((id.as_bytes(), seq))?;
    while let Some(row) = rows.next()? {
        if !visit(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)? {
            break;
        }
    }
    Ok(())
}
