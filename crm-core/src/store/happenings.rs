//! Activities as scores look at them: those of one record, or those of many records in the order of
//! their ids.
//!
//! Functions over `&Connection` read; they decide nothing.

use rusqlite::{Connection, Row, StatementStatus};

use super::facts::activity_columns;
use crate::{
    RecordId, Result, cell::Cell, condition::Detail, schema::TypeModel, scoring::Happening,
};

/// An activity of a row from one place on: so many columns of it, the first of which says when.
fn cells(row: &Row<'_>, first: usize, columns: usize) -> rusqlite::Result<(i64, Vec<Cell>)> {
    let cells = (first..first + columns).map(|place| row.get(place));
    let cells = cells.collect::<rusqlite::Result<Vec<Cell>>>()?;
    let at = match cells.first() {
        Some(Cell::Integer(at)) => *at,
        _ => i64::MIN,
    };
    Ok((at, cells))
}

/// An activity of a row: its id, then so many columns of it.
pub(super) fn happening(row: &Row<'_>, columns: usize) -> rusqlite::Result<Happening> {
    let (at, cells) = cells(row, 1, columns)?;
    Ok(Happening { id: Some(RecordId::from_bytes(row.get(0)?)), at, cells })
}

/// The activities of a record that are not superseded, as they happened: of one kind or of any, with
/// as many of their columns as are asked for. Of more than `limit` only the latest.
pub(crate) fn of_record(
    conn: &Connection,
    subject: RecordId,
    (kind, detail): (Option<&TypeModel>, Detail),
    limit: usize,
) -> Result<Vec<Happening>> {
    let (columns, from) = activity_columns(kind, detail);
    let of_kind = kind.map(|kind| format!(" AND a.kind = {}", kind.id)).unwrap_or_default();
    let sql = format!(
        "SELECT a.id, {} FROM {from} WHERE a.subject = ?1 AND a.superseded_by IS NULL{of_kind} \
         ORDER BY a.at DESC, a.seq DESC LIMIT ?2",
        columns.join(", ")
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let read = |row: &Row<'_>| happening(row, columns.len());
    let rows = statement.query_map((subject.as_bytes(), limit), read)?;
    let mut all = rows.collect::<rusqlite::Result<Vec<Happening>>>()?;
    all.reverse();
    Ok(all)
}

/// An activity among those of many records.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) subject: RecordId,
    pub(crate) kind: i64,
    seq: i64,
    pub(crate) happening: Happening,
}

/// Activities that are read at once; a record that has more is asked by itself.
const AT_ONCE: usize = 4096;

/// Which activities are read along with records.
#[derive(Debug)]
pub(crate) struct Along {
    columns: usize,
    sql: String,
}

impl Along {
    /// Those of some kinds, or of every kind; with the properties of `model`, if it is only that one.
    pub(crate) fn new(
        kinds: Option<&[i64]>,
        (model, detail): (Option<&TypeModel>, Detail),
    ) -> Self {
        let (columns, from) = activity_columns(model, detail);
        let of_kinds = kinds.map(|kinds| {
            let kinds: Vec<String> = kinds.iter().map(i64::to_string).collect();
            format!(" AND a.kind IN ({})", kinds.join(", "))
        });
        // The order of the index, which holds all that is read if no more than the time is asked for.
        let sql = format!(
            "SELECT a.subject, a.kind, a.seq, {} FROM {from} WHERE a.subject BETWEEN ?1 AND ?2 \
             AND a.superseded_by IS NULL{} ORDER BY a.subject, a.at, a.kind, a.seq",
            columns.join(", "),
            of_kinds.unwrap_or_default()
        );
        Self { columns: columns.len(), sql }
    }

    /// Reads the activities that are not superseded of records from one id to another, record by
    /// record and as they happened, without their ids; [`AT_ONCE`] at most, and of each record all or
    /// none.
    pub(crate) fn read(
        &self,
        conn: &Connection,
        (first, last): (RecordId, RecordId),
        into: &mut Vec<Beside>,
    ) -> Result<Read> {
        into.clear();
        let mut statement = conn.prepare_cached(&self.sql)?;
        statement.reset_status(StatementStatus::VmStep);
        let mut rows = statement.query((first.as_bytes(), last.as_bytes()))?;
        let (mut begin, mut next) = (0, None);
        while let Some(row) = rows.next()? {
            let subject = RecordId::from_bytes(row.get(0)?);
            if into.last().is_some_and(|last| last.subject != subject) {
                begin = into.len();
            }
            if into.len() == AT_ONCE {
                into.truncate(begin);
                next = Some(subject);
                break;
            }
            let (at, cells) = cells(row, 3, self.columns)?;
            let happening = Happening { id: None, at, cells };
            into.push(Beside { subject, kind: row.get(1)?, seq: row.get(2)?, happening });
        }
        drop(rows);
        // Of one moment those of every kind as they were recorded.
        into.sort_by_key(|beside| (beside.subject, beside.happening.at, beside.seq));
        let steps = statement.reset_status(StatementStatus::VmStep);
        Ok(Read { next, steps: usize::try_from(steps).unwrap_or(usize::MAX) })
    }
}

/// How far was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The first record of which nothing was read though it has some.
    pub(crate) next: Option<RecordId>,
    /// Steps that SQLite took.
    pub(crate) steps: usize,
}
