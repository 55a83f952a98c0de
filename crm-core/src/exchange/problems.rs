//! What an import could not take, listed up to a limit and counted without one.
//!
//! The invariant: no entry holds what a cell held. Errors of the engine never repeat a value, and
//! only their words are kept.

use std::collections::BTreeMap;

use super::{CellProblem, ProblemCount};
use crate::{Error, limits};

/// How many kinds of problems are told apart; more than that are counted by column and kind only.
const GROUPS: usize = 10_000;

/// A column's place (`None` for the whole row), the name of a kind, and a hint.
type Group = (Option<usize>, &'static str, Option<String>);

/// A problem of a cell, or of a whole row.
pub(crate) fn to_problem(
    header: &[String],
    row: u64,
    column: Option<usize>,
    error: &Error,
    rejects_row: bool,
) -> CellProblem {
    CellProblem {
        row,
        column: column.map(|place| header[place].clone()),
        kind: error.kind().name().to_owned(),
        message: error.message().to_owned(),
        hint: error.hint().map(str::to_owned),
        rejects_row,
    }
}

/// The problems of one import.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<CellProblem>,
    counts: BTreeMap<Group, u64>,
}

impl Problems {
    /// Adds a problem of a cell, or of a whole row.
    pub(crate) fn add(
        &mut self,
        header: &[String],
        row: u64,
        column: Option<usize>,
        error: &Error,
        rejects_row: bool,
    ) {
        let mut group = (column, error.kind().name(), error.hint().map(str::to_owned));
        if self.counts.len() >= GROUPS && !self.counts.contains_key(&group) {
            group.2 = None;
        }
        *self.counts.entry(group).or_default() += 1;
        if self.listed.len() < limits::CSV_PROBLEMS {
            self.listed.push(to_problem(header, row, column, error, rejects_row));
        }
    }

    /// The first problems by row, and the counts, the most frequent first; equal ones in the order
    /// of the columns.
    pub(crate) fn finish(self, header: &[String]) -> (Vec<CellProblem>, Vec<ProblemCount>) {
        let mut counts: Vec<_> = self.counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let counts = counts.into_iter().map(|((column, kind, hint), count)| ProblemCount {
            column: column.map(|place| header[place].clone()),
            kind: kind.to_owned(),
            hint,
            count,
        });
        (self.listed, counts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn all_are_counted_and_the_first_are_listed() {
        let header = ["a".to_owned(), "b".to_owned()];
        let mut problems = Problems::default();
        let bad = Error::new(ErrorKind::InvalidValue, "not a date").with_hint("write a date");
        for row in 1..=1500 {
            problems.add(&header, row, Some(1), &bad, false);
        }
        problems.add(&header, 1501, None, &Error::new(ErrorKind::Duplicate, "twice"), true);
        problems.add(&header, 1502, Some(0), &bad, true);
        let (listed, counts) = problems.finish(&header);
        assert_eq!(listed.len(), limits::CSV_PROBLEMS);
        assert_eq!((listed[0].row, listed[0].column.as_deref()), (1, Some("b")));
        let counts: Vec<_> = counts.iter().map(|c| (c.column.as_deref(), c.count)).collect();
        assert_eq!(counts, [(Some("b"), 1500), (None, 1), (Some("a"), 1)]);
    }

    #[test]
    fn hints_without_end_do_not_fill_memory() {
        let header = ["a".to_owned()];
        let mut problems = Problems::default();
        for row in 0..2 * GROUPS as u64 {
            let error = Error::new(ErrorKind::NotFound, "none").with_hint(format!("try {row}"));
            problems.add(&header, row, Some(0), &error, true);
        }
        let (_, counts) = problems.finish(&header);
        assert_eq!(counts.len(), GROUPS + 1);
        assert_eq!((counts[0].count, &counts[0].hint), (GROUPS as u64, &None));
    }
}
