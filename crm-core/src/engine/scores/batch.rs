//! Records that are scored many at a time, from columns.

use std::collections::{HashMap, hash_map::Entry};

use crate::{
    RecordId, Result,
    condition::{Moment, Schema as _},
    engine::Catalog,
    limits,
    scoring::{
        ColumnProgram, ColumnSums, Columns, Given, Happening, PointsFact, RuleProgram, RuleSource,
        ScoreProgram, Sheet,
    },
    store::{
        Connection, score_points,
        scores::{self as rows, Pages},
    },
};

/// A page of records, and what the rules find in their columns.
pub(super) struct Batch<'p> {
    program: &'p ScoreProgram,
    by_columns: &'p ColumnProgram<'p>,
    pub(super) ids: Vec<RecordId>,
    columns: Columns,
    sums: ColumnSums,
    /// Points that were added to what they score, with their groups.
    added: HashMap<RecordId, Vec<(String, PointsFact)>>,
}

impl<'p> Batch<'p> {
    pub(super) fn new(program: &'p ScoreProgram, by_columns: &'p ColumnProgram<'p>) -> Self {
        let (columns, sums) = (Columns::default(), ColumnSums::default());
        Self { program, by_columns, ids: Vec::new(), columns, sums, added: HashMap::new() }
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
        self.added.clear();
        if let (Some(first), Some(last)) = (self.ids.iter().min(), self.ids.iter().max()) {
            let model = self.program.stored.id;
            for id in score_points::records(conn, model, (*first, *last))? {
                self.added.insert(id, score_points::of_record(conn, model, id)?);
            }
        }
        self.sums = self.by_columns.sums(&self.columns, self.ids.len(), moment);
        Ok(has_more)
    }

    /// The score of a row, where the columns alone say it.
    pub(super) fn score(&self, row: usize) -> Option<i64> {
        let is_whole = self.by_columns.is_whole && !self.added.contains_key(&self.ids[row]);
        is_whole.then(|| self.sums.score(self.program, row))
    }

    /// What the record of a row scores. It holds until something is written.
    pub(super) fn sheet(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        row: usize,
        moment: &Moment,
    ) -> Result<Sheet> {
        let mut activities: HashMap<Option<i64>, Vec<Happening>> = HashMap::new();
        let given = |rule: &RuleProgram| {
            let RuleSource::Activities { kind, detail, .. } = &rule.source else {
                return Ok(Given::default());
            };
            let id = kind.as_ref().map(|kind| kind.id);
            let known = match activities.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let model = kind.as_ref().and_then(|kind| catalog.activity_kind(&kind.name));
                    let most = limits::SCORED_ACTIVITIES;
                    place.insert(rows::activities(conn, self.ids[row], (model, *detail), most)?)
                }
            };
            Ok(rule.of_activities(known, moment))
        };
        let added = self.added.get(&self.ids[row]).into_iter().flat_map(|all| self.by_group(all));
        self.sums.sheet(self.program, (row, moment.now().micros()), given, added)
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
