//! What a record's score is computed from, read from the file.

use std::{collections::HashMap, sync::Arc};

use super::{
    super::{
        Catalog,
        conditions::{self, Known},
    },
    no_record,
};
use crate::{
    RecordId, Result, Timestamp,
    cell::Cell,
    condition::{Checked, Detail, Moment, Named, RelatedTest, Schema, Subject, due},
    limits,
    scoring::{
        Happening, PointsFact, ScoreContribution, ScoreFacts, ScoreProgram, ScorePrograms, Sheet,
        explain, name_fields, sheet, tally,
    },
    store::{
        Connection, happenings,
        records::{self, StoredRow},
        score_points,
        scores::{self as rows, ScoreRow},
    },
};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What a record scores, computed from all that is known of it.
pub(in crate::engine) struct Computed {
    pub(in crate::engine) sheet: Sheet,
    /// Until when that holds if nothing is written; for ever if there is none.
    pub(in crate::engine) until: Option<Timestamp>,
}

/// Computes what a record scores from a moment on.
///
/// # Errors
///
/// `NotFound` if there is no such record; `LimitExceeded` as for
/// [`Crm::evaluate_condition`](crate::Crm::evaluate_condition).
pub(in crate::engine) fn compute(
    conn: &Connection,
    catalog: &Catalog,
    (programs, program): (&ScorePrograms, &ScoreProgram),
    row: StoredRow,
    moment: &Moment,
) -> Result<Computed> {
    let mut facts = RecordFacts::new(conn, catalog, programs, row, moment);
    let given = tally(program, &mut facts, moment)?;
    let sheet = sheet(program, &given, moment.now().micros());
    Ok(Computed { sheet, until: facts.until })
}

/// What a record scores at a moment, and what that is made of, with its evidence.
///
/// # Errors
///
/// As [`compute`].
pub(super) fn explained(
    conn: &Connection,
    catalog: &Catalog,
    (programs, program): (&ScorePrograms, &ScoreProgram),
    row: StoredRow,
    moment: &Moment,
) -> Result<(Sheet, Vec<ScoreContribution>)> {
    let mut facts = RecordFacts::new(conn, catalog, programs, row, moment);
    let given = tally(program, &mut facts, moment)?;
    let at = moment.now().micros();
    let mut contributions = explain(program, &given, at);
    name_fields(program, &mut facts, &mut contributions)?;
    Ok((sheet(program, &given, at), contributions))
}

struct RecordFacts<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
    programs: &'a ScorePrograms,
    moment: &'a Moment,
    id: RecordId,
    /// Its columns alone, for conditions that ask for no more.
    plain: Subject,
    known: Known,
    activities: HashMap<Option<i64>, Vec<Happening>>,
    /// Points that were added, with their groups, once they are asked for.
    added: Option<Vec<(String, PointsFact)>>,
    until: Option<Timestamp>,
}

impl<'a> RecordFacts<'a> {
    fn new(
        conn: &'a Connection,
        catalog: &'a Catalog,
        programs: &'a ScorePrograms,
        row: StoredRow,
        moment: &'a Moment,
    ) -> Self {
        let id = row.id;
        let plain = Subject { row: Arc::new(row.into_columns()), facts: Vec::new() };
        let (known, activities) = (Known::default(), HashMap::new());
        let (added, until) = (None, None);
        Self { conn, catalog, programs, moment, id, plain, known, activities, added, until }
    }

    /// What was read holds until then at most.
    fn holds_until(&mut self, until: Option<Timestamp>) {
        self.until = match (self.until, until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

impl ScoreFacts for RecordFacts<'_> {
    fn holds(&mut self, condition: &Checked) -> Result<bool> {
        let (holds, until) = match condition.root.is_plain() {
            true => due(&condition.root, &self.plain, self.moment),
            false => {
                let (conn, catalog, moment) = (self.conn, self.catalog, self.moment);
                conditions::ask(conn, catalog, condition, self.id, moment, &mut self.known)?
            }
        };
        self.holds_until(until);
        Ok(holds)
    }

    fn row(&self) -> &[Cell] {
        &self.plain.row
    }

    fn activities(&mut self, kind: Option<&Named>, detail: Detail) -> Result<&[Happening]> {
        let id = kind.map(|kind| kind.id);
        if !self.activities.contains_key(&id) {
            let model = kind.and_then(|kind| self.catalog.activity_kind(&kind.name));
            let most = limits::SCORED_ACTIVITIES;
            let found = happenings::of_record(self.conn, self.id, (model, detail), most)?;
            self.activities.insert(id, found);
        }
        Ok(&self.activities[&id])
    }

    fn related(&mut self, test: &RelatedTest, model: &Named) -> Result<Vec<(RecordId, Sheet)>> {
        let Some(program) = self.programs.find(&model.name) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let today = self.moment.today();
        let [entity_type] = test.types.as_slice() else { return Ok(Vec::new()) };
        let (id, most) = (self.id, usize::MAX >> 1);
        let me = (id, &self.plain.row[..]);
        for link in conditions::links(self.conn, self.catalog, test, entity_type, me, most)? {
            let (first, last) = link.valid;
            // The next day on which it begins or has ended.
            let turns = [first, last.map(|last| last + 1)].into_iter().flatten();
            let next = turns.filter(|day| *day > today).min();
            self.holds_until(next.map(|day| Timestamp::clamped(day.saturating_mul(DAY))));
            let holds =
                first.is_none_or(|first| first <= today) && last.is_none_or(|last| today <= last);
            if holds {
                found.push(link.other);
            }
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(limits::SCORED_RELATED);
        let mut sheets = Vec::new();
        for id in found {
            let table = self.catalog.table(&program.stored.model.entity_type)?;
            let Some(row) = records::get(self.conn, table, id)? else { continue };
            if row.archived_at.is_some() {
                continue;
            }
            let (sheet, until) = self.sheet(program, row)?;
            self.holds_until(until);
            sheets.push((id, sheet));
        }
        Ok(sheets)
    }

    fn added(&mut self, model: i64, group: &str) -> Result<Vec<PointsFact>> {
        let all = match self.added.take() {
            Some(all) => all,
            None => score_points::of_record(self.conn, model, self.id)?,
        };
        let own = all.iter().filter(|(of, _)| of == group).map(|(_, fact)| fact.clone()).collect();
        self.added = Some(all);
        Ok(own)
    }
}

impl RecordFacts<'_> {
    /// What another record scores: as it is kept, if that holds.
    fn sheet(&self, program: &ScoreProgram, row: StoredRow) -> Result<(Sheet, Option<Timestamp>)> {
        let kept = kept(self.conn, program, row.id, self.moment.now())?;
        if let Some((sheet, until)) = kept {
            return Ok((sheet, until));
        }
        let programs = (self.programs, program);
        let computed = compute(self.conn, self.catalog, programs, row, self.moment)?;
        Ok((computed.sheet, computed.until))
    }
}

/// What is kept of a record's score, if it holds at a moment; and until when.
pub(super) fn kept(
    conn: &Connection,
    program: &ScoreProgram,
    id: RecordId,
    at: Timestamp,
) -> Result<Option<(Sheet, Option<Timestamp>)>> {
    let row = rows::get(conn, program.stored.id, id)?.filter(|row| holds(row, program, at));
    row.map(|row| Ok((Sheet::from_bytes(&row.sheet)?, row.until))).transpose()
}

/// Whether what is kept of a record's score holds at a moment.
pub(super) fn holds(row: &ScoreRow, program: &ScoreProgram, at: Timestamp) -> bool {
    row.version == program.stored.model.version
        && row.as_of <= at
        && row.until.is_none_or(|until| at < until)
}

/// The row of a record, archived or not.
pub(super) fn row_of(
    conn: &Connection,
    catalog: &Catalog,
    program: &ScoreProgram,
    id: RecordId,
) -> Result<StoredRow> {
    let table = catalog.table(&program.stored.model.entity_type)?;
    records::get(conn, table, id)?.ok_or_else(no_record)
}
