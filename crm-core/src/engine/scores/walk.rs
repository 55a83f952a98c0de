//! Activities that are read beside records, in the order of the records' ids.
//!
//! Those of a stretch of records are read at once. Where few records have any, one look says so of
//! thousands. Between the records of a stretch lie activities of others, which are passed over: where
//! that takes more than it saves, stretches grow short, down to a single record. The invariant: what is
//! found of a record is all that counts of it, in whatever order records are asked about; and no more
//! is kept in memory than a few thousand activities.

use std::ops::Range;

use crate::{
    RecordId, Result,
    condition::{Detail, Named},
    schema::TypeModel,
    scoring::Happening,
    store::{
        Connection,
        happenings::{Along, Beside, Read},
    },
};

/// Records of one stretch, at most.
const RECORDS: usize = 4096;
/// Steps of SQLite that a record of a stretch may take on average: about as many as it takes to ask
/// for one by itself.
const STEPS: usize = 400;
/// Stretches, at most, until a longer one is tried again.
const PAUSE: usize = 1024;

/// Activities of some kinds beside records.
#[derive(Debug)]
pub(super) struct Walk {
    along: Along,
    /// The numbers of the kinds; every kind if there are none.
    kinds: Option<Vec<i64>>,
    read: Vec<Beside>,
    /// What is read is all that there is of records from one to another, both included.
    covers: Option<(RecordId, RecordId)>,
    /// The first of them of which it is not.
    next: Option<RecordId>,
    /// How many records the next stretch is for.
    records: usize,
    /// For how many stretches no longer one is tried after one that took long, and how many of them
    /// are left.
    pause: usize,
    left: usize,
    /// Those of the record that was asked about last.
    here: Range<usize>,
}

impl Walk {
    /// Activities of these kinds, or of every kind; with the properties of `model`, if it is only
    /// that one.
    pub(super) fn new(kinds: Option<Vec<i64>>, wanted: (Option<&TypeModel>, Detail)) -> Self {
        let along = Along::new(kinds.as_deref(), wanted);
        let (read, covers, next, here) = (Vec::new(), None, None, 0..0);
        Self { along, kinds, read, covers, next, records: 2, pause: 0, left: 0, here }
    }

    /// Goes to the record of one place among the ids of a page, which are in order, and reads on where
    /// it must. Answers whether what is found there is all; a record with more than is read along has
    /// to be asked by itself.
    pub(super) fn go(&mut self, conn: &Connection, ids: &[RecordId], place: usize) -> Result<bool> {
        let id = ids[place];
        if !self.has_read(id) {
            self.read_on(conn, &ids[place..])?;
        }
        let mut start = self.here.end;
        if start > 0 && self.read[start - 1].subject >= id {
            start = self.read.partition_point(|beside| beside.subject < id);
        }
        let rest = &self.read[start..];
        start += rest.iter().take_while(|beside| beside.subject < id).count();
        let rest = &self.read[start..];
        let end = start + rest.iter().take_while(|beside| beside.subject == id).count();
        self.here = start..end;
        Ok(self.has_read(id))
    }

    /// Reads a stretch that begins with the first of these records, and judges from what that took how
    /// long the next one is to be.
    fn read_on(&mut self, conn: &Connection, ids: &[RecordId]) -> Result<()> {
        let ids = &ids[..self.records.min(ids.len())];
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(()) };
        let Read { next, steps } = self.along.read(conn, (*first, *last), &mut self.read)?;
        (self.covers, self.next, self.here) = (Some((*first, *last)), next, 0..0);
        let count = next.map_or(ids.len(), |next| ids.partition_point(|id| *id < next).max(1));
        if steps > STEPS * count {
            self.records = (self.records / 2).max(1);
            (self.pause, self.left) = ((2 * self.pause).clamp(1, PAUSE), self.pause);
        } else if self.left > 0 {
            self.left -= 1;
        } else {
            self.pause = if ids.len() > 1 { 0 } else { self.pause };
            self.records = (2 * self.records).min(RECORDS);
        }
        Ok(())
    }

    fn has_read(&self, id: RecordId) -> bool {
        let is_within = self.covers.is_some_and(|(first, last)| first <= id && id <= last);
        is_within && self.next.is_none_or(|next| id < next)
    }

    /// How many activities the record has that was asked about last.
    pub(super) fn len(&self) -> usize {
        self.here.len()
    }

    /// Whether activities of a kind are among those that it reads.
    pub(super) fn reads(&self, kind: Option<&Named>) -> bool {
        match (&self.kinds, kind) {
            (None, _) => true,
            (Some(kinds), Some(kind)) => kinds.contains(&kind.id),
            (Some(_), None) => false,
        }
    }

    /// The activities of a kind, or of every kind, of the record that was asked about last, as they
    /// happened.
    pub(super) fn of_kind(&self, kind: Option<&Named>) -> impl Iterator<Item = &Happening> {
        let kind = kind.map(|kind| kind.id);
        let here = self.read[self.here.clone()].iter();
        let here = here.filter(move |beside| kind.is_none_or(|kind| beside.kind == kind));
        here.map(|beside| &beside.happening)
    }
}
