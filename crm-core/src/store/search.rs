//! The index of words: `crm_search`, an FTS5 table, and beside it whose words they are.
//!
//! A row of words has the number of the row in the journal that created the record or recorded the
//! activity: it never changes, and leads back. The functions that write records and activities call
//! these, so that no change can miss the index. The invariant: the words of a row are those that
//! [`document`] makes of it, and what has no words has no row.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params_from_iter};

use super::table::Table;
use crate::{
    Archived, ChangeKind, Error, ErrorKind, RecordId, Result, cell::Cell, record::Draft,
    schema::TypeModel, search::document,
};

/// Whose words they are: the number of an entity type, or that of a kind of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Type(i64),
    Kind(i64),
}

impl Owner {
    fn numbers(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Type(number) => (Some(number), None),
            Self::Kind(number) => (None, Some(number)),
        }
    }
}

/// Adds the words of a new row, if it has any.
pub(crate) fn add(
    tx: &Transaction<'_>,
    owner: Owner,
    model: &TypeModel,
    seq: i64,
    cells: &[Cell],
    is_archived: bool,
) -> Result<()> {
    if model.searched.is_empty() {
        return Ok(());
    }
    let words = document(model, cells);
    if !words.is_empty() {
        insert(tx, owner, seq, &words, is_archived)?;
    }
    Ok(())
}

fn insert(
    tx: &Transaction<'_>,
    owner: Owner,
    seq: i64,
    words: &str,
    is_archived: bool,
) -> Result<()> {
    let (number, kind) = owner.numbers();
    tx.prepare_cached("INSERT INTO crm_search (rowid, words) VALUES (?1, ?2)")?
        .execute((seq, words))?;
    tx.prepare_cached(
        "INSERT INTO crm_searched (seq, type, kind, is_archived) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((seq, number, kind, is_archived))?;
    Ok(())
}

/// Brings the words of a record up to what `draft` makes of it. Only records in use are changed.
pub(super) fn update(
    tx: &Transaction<'_>,
    table: &Table,
    id: RecordId,
    draft: &Draft,
) -> Result<()> {
    let model = &table.model;
    if !model.searched.iter().any(|place| draft.changed.contains(place)) {
        return Ok(());
    }
    let seq = created_seq(tx, id)?;
    let words = document(model, &draft.cells);
    let stored: Option<String> = tx
        .prepare_cached("SELECT words FROM crm_search WHERE rowid = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    match stored {
        Some(stored) if stored == words => {}
        Some(_) if words.is_empty() => remove(tx, seq)?,
        Some(_) => {
            tx.prepare_cached("UPDATE crm_search SET words = ?2 WHERE rowid = ?1")?
                .execute((seq, &words))?;
        }
        None if words.is_empty() => {}
        None => insert(tx, Owner::Type(model.id), seq, &words, false)?,
    }
    Ok(())
}

/// Says whether a record is archived.
pub(super) fn set_archived(
    tx: &Transaction<'_>,
    table: &Table,
    id: RecordId,
    is_archived: bool,
) -> Result<()> {
    if table.model.searched.is_empty() {
        return Ok(());
    }
    tx.prepare_cached("UPDATE crm_searched SET is_archived = ?2 WHERE seq = ?1")?
        .execute((created_seq(tx, id)?, is_archived))?;
    Ok(())
}

/// Takes a row's words out, if it has any.
pub(super) fn remove(tx: &Transaction<'_>, seq: i64) -> Result<()> {
    let gone = tx.prepare_cached("DELETE FROM crm_searched WHERE seq = ?1")?.execute([seq])?;
    if gone > 0 {
        tx.prepare_cached("DELETE FROM crm_search WHERE rowid = ?1")?.execute([seq])?;
    }
    Ok(())
}

/// Takes out all words of a type or kind.
pub(crate) fn clear(tx: &Transaction<'_>, owner: Owner) -> Result<()> {
    let numbers = owner.numbers();
    tx.execute(
        "DELETE FROM crm_search WHERE rowid IN \
         (SELECT seq FROM crm_searched WHERE type IS ?1 AND kind IS ?2)",
        numbers,
    )?;
    tx.execute("DELETE FROM crm_searched WHERE type IS ?1 AND kind IS ?2", numbers)?;
    Ok(())
}

/// The place in the journal at which a record was created: the first of its changes.
pub(crate) fn created_seq(conn: &Connection, id: RecordId) -> Result<i64> {
    let mut statement = conn
        .prepare_cached("SELECT seq FROM crm_journal WHERE record_id = ?1 ORDER BY seq LIMIT 1")?;
    let seq = statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
    seq.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the journal does not create a record"))
}

/// What of a sort is searched.
#[derive(Debug)]
pub(crate) enum Scope {
    Every,
    Nothing,
    /// Those of these numbers, as a JSON array.
    Of(String),
}

/// A search, ready to run.
#[derive(Debug)]
pub(crate) struct Search {
    /// The words as an expression of FTS5.
    pub(crate) expression: String,
    pub(crate) types: Scope,
    pub(crate) kinds: Scope,
    pub(crate) archived: Archived,
    /// Rank and place of the last hit before the page.
    pub(crate) after: Option<(f64, i64)>,
    pub(crate) limit: u32,
}

/// A row that has the words.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) seq: i64,
    /// The negated BM25: the best has the least.
    pub(crate) rank: f64,
    /// The name of the entity type and the id of a record; `None` for an activity.
    pub(crate) record: Option<(String, RecordId)>,
}

/// The best of what has the words, of equal ones the first of the journal.
pub(crate) fn find(conn: &Connection, search: &Search) -> Result<Vec<Found>> {
    let mut parameters = vec![Cell::Text(search.expression.clone())];
    let mut sorts = Vec::new();
    for (column, scope) in [("type", &search.types), ("kind", &search.kinds)] {
        match scope {
            Scope::Every => sorts.push(format!("d.{column} IS NOT NULL")),
            Scope::Nothing => {}
            Scope::Of(numbers) => {
                sorts.push(format!("d.{column} IN (SELECT value FROM json_each(?))"));
                parameters.push(Cell::Text(numbers.clone()));
            }
        }
    }
    let archived = match search.archived {
        Archived::Exclude => " AND d.is_archived = 0",
        Archived::Only => " AND d.is_archived = 1",
        Archived::Include => "",
    };
    let after = match search.after {
        None => "",
        Some((rank, seq)) => {
            parameters.extend([Cell::Real(rank), Cell::Integer(seq)]);
            " AND (s.rank, s.rowid) > (?, ?)"
        }
    };
    parameters.push(Cell::Integer(search.limit.into()));
    // The words come first, whatever else is asked for; what they belong to is read of the page only.
    let sql = format!(
        "SELECT p.seq, p.rank, t.name, j.record_id FROM \
         (SELECT d.seq AS seq, d.type AS type, s.rank AS rank \
         FROM crm_search s CROSS JOIN crm_searched d ON d.seq = s.rowid \
         WHERE s.crm_search MATCH ? AND ({}){archived}{after} ORDER BY s.rank, s.rowid LIMIT ?) p \
         JOIN crm_journal j ON j.seq = p.seq LEFT JOIN crm_type t ON t.id = p.type \
         ORDER BY p.rank, p.seq",
        sorts.join(" OR ")
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let found = statement.query_map(params_from_iter(&parameters), |row| {
        let id = row.get::<_, Option<[u8; 16]>>(3)?.map(RecordId::from_bytes);
        let record = row.get::<_, Option<String>>(2)?.zip(id);
        Ok(Found { seq: row.get(0)?, rank: row.get(1)?, record })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// What the index holds of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) owner: Owner,
    pub(crate) is_archived: bool,
    words: String,
}

impl Indexed {
    /// What it should hold; `None` if the row has no words.
    pub(crate) fn expected(
        owner: Owner,
        model: &TypeModel,
        cells: &[Cell],
        is_archived: bool,
    ) -> Option<Self> {
        let words = document(model, cells);
        (!words.is_empty()).then_some(Self { owner, is_archived, words })
    }
}

/// What the index holds of the row of this number.
pub(crate) fn get(conn: &Connection, seq: i64) -> Result<Option<Indexed>> {
    let mut statement = conn.prepare_cached(
        "SELECT d.type, d.kind, d.is_archived, s.words FROM crm_searched d \
         JOIN crm_search s ON s.rowid = d.seq WHERE d.seq = ?1",
    )?;
    let indexed = statement.query_row([seq], |row| {
        let owner = match (row.get(0)?, row.get::<_, Option<i64>>(1)?) {
            (Some(number), _) => Owner::Type(number),
            (None, number) => Owner::Kind(number.unwrap_or_default()),
        };
        Ok(Indexed { owner, is_archived: row.get(2)?, words: row.get(3)? })
    });
    Ok(indexed.optional()?)
}

/// How many rows of a type or kind have words.
pub(crate) fn count(conn: &Connection, owner: Owner) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_searched WHERE type IS ?1 AND kind IS ?2";
    Ok(conn.query_row(sql, owner.numbers(), |row| row.get(0))?)
}

/// How many rows of words, and how many that say whose they are, belong to nothing.
pub(crate) fn count_strays(conn: &Connection) -> Result<u64> {
    let sql = "SELECT (SELECT count(*) FROM crm_search s \
         LEFT JOIN crm_searched d ON d.seq = s.rowid WHERE d.seq IS NULL) + \
         (SELECT count(*) FROM crm_searched d LEFT JOIN crm_journal j ON j.seq = d.seq \
         LEFT JOIN crm_type t ON t.id = d.type LEFT JOIN crm_activity a ON a.seq = d.seq \
         WHERE CASE WHEN d.type IS NULL THEN a.kind IS NOT d.kind ELSE d.kind IS NOT NULL \
         OR j.kind IS NOT ?1 OR j.entity_type IS NOT t.name END)";
    let created = ChangeKind::RecordCreated.name();
    Ok(conn.query_row(sql, [created], |row| row.get(0))?)
}
