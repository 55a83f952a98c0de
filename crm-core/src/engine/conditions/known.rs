//! What was read of records while one condition after the other is asked of them.
//!
//! Fifty segments look at the same row and the same activities. The invariant: what is known is what
//! the file holds, because whoever keeps it writes no record, no activity and no association
//! meanwhile.

use std::{collections::HashMap, sync::Arc};

use crate::{
    RecordId, Result, Timestamp,
    cell::Cell,
    condition::{ActivityRows, Detail, Moment},
    schema::TypeModel,
    store::{
        Connection, facts,
        records::{self, StoredRow},
        table::Table,
    },
};

/// Records that are kept at once; then they are read anew.
const RECORDS: usize = 64;

/// What is known of some records.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known {
    records: HashMap<RecordId, KnownRecord>,
    /// The present in each zone that was asked for.
    moments: Vec<Moment>,
}

/// What is known of one.
#[derive(Debug)]
pub(super) struct KnownRecord {
    pub(super) archived_at: Option<Timestamp>,
    /// The columns that every row has, then those of the attributes.
    pub(super) row: Arc<Vec<Cell>>,
    /// By kind, those of every kind under `None`, with how much of them is known.
    activities: Vec<(Option<i64>, Detail, ActivityRows)>,
}

impl Known {
    /// A moment in a zone, which is read once.
    pub(in crate::engine) fn moment(&mut self, now: Timestamp, zone: &str) -> Result<Moment> {
        if let Some(known) = self.moments.iter().find(|known| known.zone() == zone) {
            return Ok(if known.now() == now { known.clone() } else { known.at(now) });
        }
        let moment = Moment::new(now, zone)?;
        self.moments.push(moment.clone());
        Ok(moment)
    }

    /// Whether a record is in use; `None` if there is none.
    pub(in crate::engine) fn is_in_use(
        &mut self,
        conn: &Connection,
        table: &Table,
        id: RecordId,
    ) -> Result<Option<bool>> {
        Ok(self.record(conn, table, id)?.map(|known| known.archived_at.is_none()))
    }

    pub(super) fn record(
        &mut self,
        conn: &Connection,
        table: &Table,
        id: RecordId,
    ) -> Result<Option<&KnownRecord>> {
        if !self.records.contains_key(&id) {
            let Some(row) = records::get(conn, table, id)? else { return Ok(None) };
            if self.records.len() >= RECORDS {
                self.records.clear();
            }
            self.records.insert(id, KnownRecord::new(row));
        }
        Ok(self.records.get(&id))
    }

    /// The activities of a record that are not superseded, of one kind or of any: as many of their
    /// columns as are asked for, or more. If there are more than `limit`, at least one more than that.
    pub(super) fn activities(
        &mut self,
        conn: &Connection,
        id: RecordId,
        (kind, detail): (Option<&TypeModel>, Detail),
        limit: usize,
    ) -> Result<ActivityRows> {
        let key = kind.map(|kind| kind.id);
        let mut known = self.records.get_mut(&id);
        if let Some(found) = known.as_ref().and_then(|known| known.of_kind(key, detail)) {
            return Ok(found);
        }
        let read = facts::activities(conn, id, (kind, detail), limit + 1)?;
        let is_whole = read.len() <= limit;
        let read: ActivityRows = Arc::new(read.into_iter().map(Arc::new).collect());
        if let Some(known) = known.as_mut().filter(|_| is_whole) {
            known.activities.push((key, detail, Arc::clone(&read)));
        }
        Ok(read)
    }
}

impl KnownRecord {
    fn new(row: StoredRow) -> Self {
        let archived_at = row.archived_at;
        Self { archived_at, row: Arc::new(row.into_columns()), activities: Vec::new() }
    }

    fn of_kind(&self, kind: Option<i64>, detail: Detail) -> Option<ActivityRows> {
        let mut known = self.activities.iter();
        let found = known.find(|(of, known, _)| *of == kind && *known >= detail);
        found.map(|(_, _, rows)| Arc::clone(rows))
    }
}
