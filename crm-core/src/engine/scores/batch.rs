//! Records that are scored many at a time, from columns and the activities beside them.

use std::{collections::HashMap, sync::Arc};

use super::facts::{Computed, compute, row_of};
use super::walk::Walk;
use crate::{
    RecordId, Result, Timestamp,
    condition::{
        ActivityRows, Checked, Detail, Moment, Named, Node, Schema as _, Subject, is_true,
    },
    engine::Catalog,
    limits,
    scoring::{
        ColumnProgram, ColumnSums, Columns, Given, Happening, PointsFact, RuleProgram, RuleSource,
        ScoreProgram, ScorePrograms,
    },
    store::{
        Connection, score_points,
        scores::{self as rows, Pages},
    },
};

/// Says whether a condition is true of a record, and until when if anybody asks for that.
pub(super) type Ask = fn(&Node, &Subject, &Moment) -> (bool, Option<Timestamp>);

/// Says whether a condition is true, where until when does not matter.
pub(super) fn holds_now(
    node: &Node,
    subject: &Subject,
    moment: &Moment,
) -> (bool, Option<Timestamp>) {
    (is_true(node, subject, moment), None)
}

/// A page of records, what the rules find in their columns, and what happened with them.
pub(super) struct Batch<'p> {
    program: &'p ScoreProgram,
    by_columns: &'p ColumnProgram<'p>,
    ids: Vec<RecordId>,
    /// The rows in the order of the ids, in which what happened is read; and the ids in it.
    order: Vec<usize>,
    pub(super) sorted: Vec<RecordId>,
    columns: Columns,
    sums: ColumnSums,
    walks: Vec<Walk>,
    /// The place in that order at which the walks are, and what they found there.
    here: Option<(usize, Found)>,
    /// Points that were added to what they score, with their groups.
    added: HashMap<RecordId, Vec<(String, PointsFact)>>,
}

/// What is known of what happened with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    All,
    /// There is too much of it to be read along.
    TooMuch,
}

impl<'p> Batch<'p> {
    pub(super) fn new(
        catalog: &Catalog,
        program: &'p ScoreProgram,
        by_columns: &'p ColumnProgram<'p>,
    ) -> Self {
        Self {
            program,
            by_columns,
            ids: Vec::new(),
            order: Vec::new(),
            sorted: Vec::new(),
            columns: Columns::default(),
            sums: ColumnSums::default(),
            walks: walks(catalog, by_columns),
            here: None,
            added: HashMap::new(),
        }
    }

    /// Reads the next page, and answers whether more may follow.
    pub(super) fn read(
        &mut self,
        conn: &Connection,
        catalog: &Catalog,
        (pages, limit): (&mut Pages, u32),
        moment: &Moment,
    ) -> Result<bool> {
        let table = catalog.table(&self.program.stored.model.entity_type)?;
        let columns = &self.by_columns.columns;
        let into = (&mut self.ids, &mut self.columns);
        let has_more = rows::columns(conn, table, columns, pages, limit, into)?;
        self.order.clear();
        self.order.extend(0..self.ids.len());
        // Nearly always they are in order already.
        self.order.sort_by_key(|row| self.ids[*row]);
        self.sorted.clear();
        self.sorted.extend(self.order.iter().map(|row| self.ids[*row]));
        self.here = None;
        self.added.clear();
        if let (Some(first), Some(last)) = (self.sorted.first(), self.sorted.last()) {
            let model = self.program.stored.id;
            for id in score_points::records(conn, model, (*first, *last))? {
                self.added.insert(id, score_points::of_record(conn, model, id)?);
            }
        }
        self.sums = self.by_columns.sums(&self.columns, self.ids.len(), moment);
        Ok(has_more)
    }

    /// Reads what happened with the record at a place in the order of the ids.
    fn go(&mut self, conn: &Connection, place: usize) -> Result<Found> {
        if let Some((_, found)) = self.here.filter(|(here, _)| *here == place) {
            return Ok(found);
        }
        let (mut is_all, mut count) = (true, 0);
        for walk in &mut self.walks {
            is_all &= walk.go(conn, &self.sorted, place)?;
            count += walk.len();
        }
        // A condition may read so many facts; what asks for more is refused where it is asked by itself.
        is_all &= count * self.by_columns.questions <= limits::CONDITION_FACTS;
        let found = match (is_all, count) {
            (false, _) => Found::TooMuch,
            (true, 0) => Found::Nothing,
            (true, _) => Found::All,
        };
        self.here = Some((place, found));
        Ok(found)
    }

    /// The score of the record at a place in the order of the ids, where the columns alone say it.
    pub(super) fn score(&mut self, conn: &Connection, place: usize) -> Result<Option<i64>> {
        let is_idle = self.go(conn, place)? == Found::Nothing;
        let is_whole = is_idle && !self.added.contains_key(&self.sorted[place]);
        Ok(is_whole.then(|| self.by_columns.score(&self.sums, self.order[place])))
    }

    /// What the record at a place in the order of the ids scores.
    pub(super) fn computed(
        &mut self,
        (conn, catalog): (&Connection, &Catalog),
        programs: &ScorePrograms,
        place: usize,
        (moment, ask): (&Moment, Ask),
    ) -> Result<Computed> {
        let (program, id, row) = (self.program, self.sorted[place], self.order[place]);
        let found = self.go(conn, place)?;
        if found == Found::TooMuch {
            let stored = row_of(conn, catalog, program, id)?;
            return compute(conn, catalog, (programs, program), stored, moment);
        }
        let mut until: Option<Timestamp> = None;
        let asked = |condition: &Checked| {
            if found == Found::Nothing {
                return None;
            }
            let of_row = (&self.columns, row);
            let rows = |kind: Option<&Named>| -> ActivityRows {
                Arc::new(
                    self.of_kind(kind).map(|happening| Arc::new(happening.cells.clone())).collect(),
                )
            };
            let subject = self.by_columns.subject(of_row, &condition.root, rows);
            let (holds, next) = ask(&condition.root, &subject, moment);
            until = [until, next].into_iter().flatten().min();
            Some(holds)
        };
        let given = |rule: &RuleProgram| match &rule.source {
            RuleSource::Activities { kind, .. } => {
                rule.of_activities(self.of_kind(kind.as_ref()), moment)
            }
            _ => Given::default(),
        };
        let added = self.added.get(&id).into_iter().flat_map(|all| self.by_group(all));
        let of_row = (row, moment.now().micros());
        let sheet = self.sums.sheet(program, of_row, asked, given, added);
        Ok(Computed { sheet, until })
    }

    /// The activities of a kind, or of every kind, of the record at which the walks are.
    fn of_kind<'a>(&'a self, kind: Option<&Named>) -> impl Iterator<Item = &'a Happening> {
        let walk = self.walks.iter().find(|walk| walk.reads(kind));
        walk.into_iter().flat_map(move |walk| walk.of_kind(kind))
    }

    /// Added points of a record by the place of their group.
    fn by_group(&self, all: &[(String, PointsFact)]) -> impl Iterator<Item = (usize, Given)> {
        let groups = self.program.stored.model.groups.iter().enumerate();
        groups.map(|(place, group)| {
            let of_group = all.iter().filter(|(name, _)| *name == group.name);
            (place, Given::of_added(of_group.map(|(_, fact)| fact.clone()).collect()))
        })
    }
}

/// One for the kinds of which the properties are asked for, each, and one for all others.
fn walks(catalog: &Catalog, by_columns: &ColumnProgram<'_>) -> Vec<Walk> {
    let mut walks = Vec::new();
    let (mut kinds, mut most) = (Some(Vec::new()), None);
    for (kind, detail) in &by_columns.activities {
        match kind {
            Some(kind) if *detail == Detail::Properties => {
                let wanted = (catalog.activity_kind(&kind.name), *detail);
                walks.push(Walk::new(Some(vec![kind.id]), wanted));
                continue;
            }
            Some(kind) => kinds.iter_mut().for_each(|kinds| kinds.push(kind.id)),
            None => kinds = None,
        }
        most = most.max(Some(*detail));
    }
    // Those of every kind come last, because they are of each kind too.
    walks.extend(most.map(|detail| Walk::new(kinds, (None, detail))));
    walks
}
