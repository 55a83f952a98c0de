//! Scores: defining them, reading and explaining what records score, and keeping it live.
//!
//! What every record in use scores is kept in one row, computed anew within the transaction of each
//! write that can change it (`live`), and read from there as it fades (`reads`). The invariants: at
//! every moment for which its row holds, a record's score is what asking all the facts anew gives, to
//! the bit; and crossing a threshold is recorded once.

mod added;
mod batch;
mod columns;
mod definitions;
mod facts;
mod live;
mod ranking;
mod reads;
mod rescore;
mod walk;

use super::Crm;
use crate::{
    Error, ErrorKind, GroupScore, RecordId, RecordScore,
    scoring::{ScoreProgram, Sheet},
};

pub(super) use added::add;
pub(super) use columns::{complete, compute_all, compute_order};
pub(super) use definitions::program;
pub(super) use facts::compute;
pub(super) use live::{concern, on_due, react};
pub(super) use reads::explain_score;
pub(super) use rescore::refill_stages;

/// The scores of a [`Crm`].
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    crm: &'a Crm,
}

impl<'a> Scores<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }
}

/// What a record scores at a moment by its sheet.
fn to_score(program: &ScoreProgram, id: RecordId, sheet: &Sheet, at: i64) -> RecordScore {
    let points = |group| sheet.group_bounds(group, at, at).0;
    let score = sheet.score(at);
    let groups = program.stored.model.groups.iter().enumerate();
    let groups =
        groups.map(|(place, group)| GroupScore { group: group.name.clone(), score: points(place) });
    RecordScore {
        id,
        score,
        threshold: program.threshold(score).map(str::to_owned),
        grade: program.grade(points),
        groups: groups.collect(),
    }
}

fn no_record() -> Error {
    Error::new(ErrorKind::NotFound, "no such record").with_field("id")
}
