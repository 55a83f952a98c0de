//! Scores of rules as of a place in the journal.
//!
//! The definition is asked as it is, the facts as they were: attributes, activities and stages that
//! were recorded by then. What the file cannot tell of the past is refused before any record is
//! scored.

use std::collections::HashMap;

use super::past::{Cut, is_of_past, not_kept};
use crate::{
    RecordId, Result,
    cell::Cell,
    condition::{Checked, Detail, Named, RelatedTest, Schema as _},
    engine::Catalog,
    limits,
    schema::TypeModel,
    scoring::{
        Happening, PointsFact, RuleSource, RuleWorth, ScoreFacts, ScoreProgram, Sheet, sheet, tally,
    },
    store::{Connection, learned as rows, records::StoredRow, score_points},
};

/// Refuses a score of which a rule asks what the file does not keep of the past.
///
/// # Errors
///
/// `InvalidArgument`, and the message names the rule.
pub(super) fn check(program: &ScoreProgram, field: &str) -> Result<()> {
    let groups = program.groups.iter().zip(&program.stored.model.groups);
    for (group, named) in groups {
        for rule in &group.rules {
            let mut asked: Vec<&Checked> = rule.condition.iter().collect();
            if let RuleSource::Record(RuleWorth::Values(choices, _)) = &rule.source {
                asked.extend(choices.iter().map(|(choice, _)| choice));
            }
            let is_kept = |checked: &&Checked| {
                checked.root.leaves().iter().all(|leaf| is_of_past(&leaf.test))
            };
            let is_related = matches!(rule.source, RuleSource::Related { .. });
            if is_related || !asked.iter().all(is_kept) {
                let message =
                    format!("what the rule {:?} of the group {:?} asks", rule.name, named.name);
                return Err(not_kept(&message).with_field(field));
            }
        }
    }
    Ok(())
}

/// The score of a record as it was, in points.
///
/// # Errors
///
/// As [`Cut::is_true`].
pub(super) fn score(
    conn: &Connection,
    (catalog, model): (&Catalog, &TypeModel),
    program: &ScoreProgram,
    cut: &Cut,
    then: &StoredRow,
) -> Result<f64> {
    let activities = HashMap::new();
    let mut facts =
        PastFacts { conn, catalog, model, cut, then, row: then.clone().into_columns(), activities };
    let given = tally(program, &mut facts, &cut.moment)?;
    let at = cut.moment.now().micros();
    let thousandths = sheet(program, &given, at).score(at);
    // A whole number of thousandths, so that a tier from 12.3 points is reached by 12,300 of them.
    Ok(thousandths as f64 / 1000.0)
}

struct PastFacts<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
    model: &'a TypeModel,
    cut: &'a Cut,
    then: &'a StoredRow,
    row: Vec<Cell>,
    activities: HashMap<Option<i64>, Vec<Happening>>,
}

impl ScoreFacts for PastFacts<'_> {
    fn holds(&mut self, condition: &Checked) -> Result<bool> {
        self.cut.is_true(self.conn, self.catalog, self.model, condition, self.then)
    }

    fn row(&self) -> &[Cell] {
        &self.row
    }

    fn activities(&mut self, kind: Option<&Named>, detail: Detail) -> Result<&[Happening]> {
        let id = kind.map(|kind| kind.id);
        if !self.activities.contains_key(&id) {
            let model = kind.and_then(|kind| self.catalog.activity_kind(&kind.name));
            let (id_of, most) = (self.then.id, limits::SCORED_ACTIVITIES);
            let place = self.cut.place();
            let found = rows::happenings(self.conn, id_of, (model, detail), place, most)?;
            self.activities.insert(id, found);
        }
        Ok(&self.activities[&id])
    }

    fn added(&mut self, model: i64, group: &str) -> Result<Vec<PointsFact>> {
        let (id, (seq, _)) = (self.then.id, self.cut.place());
        let all = score_points::of_record_until(self.conn, model, id, seq)?;
        Ok(all.into_iter().filter(|(of, _)| of == group).map(|(_, fact)| fact).collect())
    }

    fn related(&mut self, _: &RelatedTest, _: &Named) -> Result<Vec<(RecordId, Sheet)>> {
        Err(not_kept("what related records scored"))
    }
}
