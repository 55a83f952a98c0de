//! Scoring many records at once: the rules about fields as loops over columns.
//!
//! A program that asks for fields that time alone does not change, and for activities, needs no record
//! as a whole: each rule runs over a stretch of its column that lies in the processor's cache, and adds
//! to a column of sums, as if nothing had happened. Only of records with which something happened the
//! rules about activities are asked one by one. The invariant: a record's points are those of `tally`,
//! to the bit; where a question has no loop of its own, the same evaluation answers it row by row.

use std::{ops::Range, sync::Arc};

use super::{
    column::ColumnCells,
    program::{RuleProgram, ScoreProgram, ScorePrograms, Source, Worth},
    sheet::{GroupSheet, Sheet},
    tally::Given,
};
use crate::{
    Comparison, Error, ErrorKind, Result,
    cell::Cell,
    condition::{
        ActivityRows, Checked, Column, Compare, Detail, Facts, FieldTest, Leaf, Moment, Named,
        Node, Subject, Test, is_timed, is_true,
    },
};

/// Rows that are gone through rule by rule: their sums and a column fit into the first cache.
const ROWS: usize = 1024;

/// A score whose rules about the record are loops over columns.
#[derive(Debug)]
pub(crate) struct ColumnProgram<'p> {
    program: &'p ScoreProgram,
    /// The columns that are read, by their place in the row of facts.
    pub(crate) columns: Vec<Column>,
    /// The kinds of activities that are looked at, each once, and how much of each; every kind under
    /// `None`.
    pub(crate) activities: Vec<(Option<Named>, Detail)>,
    /// How often one condition asks for activities, at most.
    pub(crate) questions: usize,
    /// For each group what its rules about activities give where nothing happened: their least caps.
    idle: Vec<i64>,
}

/// Columns of records, as [`ColumnProgram::columns`] names them.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) cells: Vec<ColumnCells>,
}

/// What the rules of a score find in columns, as if nothing had happened: sums of each group, and what
/// is to be asked again where something did.
#[derive(Debug, Default)]
pub(crate) struct ColumnSums {
    /// For each group the points of the rules about each record, in thousandths.
    groups: Vec<Vec<i64>>,
    /// The rules that look at activities.
    gates: Vec<Gate>,
}

/// A rule that looks at activities.
#[derive(Debug)]
struct Gate {
    group: usize,
    rule: usize,
    /// Whether its condition does, too.
    is_asked: bool,
    /// For each record whether the condition holds.
    holds: Vec<bool>,
    /// Of a rule about the record how many points it is worth to each.
    worth: Vec<i64>,
}

impl<'p> ColumnProgram<'p> {
    /// `None` if a rule asks for more of a record than its fields and activities, or for a field whose
    /// answer time alone changes.
    pub(crate) fn new(program: &'p ScoreProgram) -> Option<Self> {
        let mut columns = Vec::new();
        let mut activities: Vec<(Option<Named>, Detail)> = Vec::new();
        let mut look = |kind: &Option<Named>, detail: Detail| match activities
            .iter_mut()
            .find(|(known, _)| known == kind)
        {
            Some((_, known)) => *known = (*known).max(detail),
            None => activities.push((kind.clone(), detail)),
        };
        let mut questions = 0;
        for rule in program.groups.iter().flat_map(|group| &group.rules) {
            let mut conditions: Vec<&Checked> = rule.condition.iter().collect();
            match &rule.source {
                Source::Record(Worth::Constant(_)) => {}
                Source::Record(Worth::Values(choices, _)) => {
                    if choices.iter().any(|(choice, _)| !choice.root.is_plain()) {
                        return None;
                    }
                    conditions.extend(choices.iter().map(|(choice, _)| choice));
                }
                Source::Record(Worth::Amount { column, currency, .. }) => {
                    columns.push(column.clone());
                    columns.extend(currency.iter().map(|(column, _)| column.clone()));
                }
                Source::Activities { kind, detail, .. } => look(kind, *detail),
                Source::Related { .. } => return None,
            }
            for condition in conditions {
                let mut asked = 0;
                for leaf in condition.root.leaves() {
                    match &leaf.test {
                        Test::Field(test) if !is_timed(leaf) => {
                            columns.extend(test.columns().cloned());
                        }
                        Test::Event(test) => {
                            look(&test.kind, test.detail());
                            asked += 1;
                        }
                        _ => return None,
                    }
                }
                questions = questions.max(asked);
            }
        }
        columns.sort_by_key(|column| column.place);
        columns.dedup_by_key(|column| column.place);
        let idle = program.groups.iter().map(|group| {
            let rules = group.rules.iter();
            let rules = rules.filter(|rule| matches!(rule.source, Source::Activities { .. }));
            rules.map(|rule| rule.caps.clamp(0)).sum()
        });
        let idle = idle.collect();
        Some(Self { program, columns, activities, questions, idle })
    }

    /// Whether every rule asks for fields alone, so that nothing else needs to be known.
    pub(crate) fn is_whole(&self) -> bool {
        self.activities.is_empty()
    }

    /// What the rules find where nothing happened.
    pub(crate) fn sums(&self, columns: &Columns, rows: usize, moment: &Moment) -> ColumnSums {
        let groups = &self.program.groups;
        let mut sums = ColumnSums { groups: vec![vec![0; rows]; groups.len()], gates: Vec::new() };
        for (group, of_group) in groups.iter().enumerate() {
            for (nth, rule) in of_group.rules.iter().enumerate() {
                let is_asked = rule.condition.as_ref().is_some_and(|asked| !asked.root.is_plain());
                let worth = match &rule.source {
                    Source::Record(_) if is_asked => vec![0; rows],
                    Source::Record(_) => continue,
                    _ => Vec::new(),
                };
                let holds = vec![true; rows];
                sums.gates.push(Gate { group, rule: nth, is_asked, holds, worth });
            }
        }
        for start in (0..rows).step_by(ROWS) {
            let stretch = start..(start + ROWS).min(rows);
            let run = Run {
                columns: &self.columns,
                cells: &columns.cells,
                rows: stretch.clone(),
                moment,
            };
            for (group, sums) in groups.iter().zip(&mut sums.groups) {
                for rule in &group.rules {
                    run.add(rule, &mut sums[stretch.clone()]);
                }
            }
            for gate in &mut sums.gates {
                let rule = &groups[gate.group].rules[gate.rule];
                if let Some(condition) = &rule.condition {
                    run.node(&condition.root, &mut gate.holds[stretch.clone()]);
                }
                if let Source::Record(worth) = &rule.source {
                    run.worth(worth, &mut gate.worth[stretch.clone()]);
                }
            }
        }
        sums
    }

    /// The score of a row, of a record with which nothing happened that any rule looks at.
    pub(crate) fn score(&self, sums: &ColumnSums, row: usize) -> i64 {
        let groups = self.program.groups.iter().zip(&sums.groups).zip(&self.idle);
        let groups = groups.filter(|((group, _), _)| group.counts);
        let groups = groups.map(|((group, sums), idle)| group.caps.clamp(sums[row] + idle));
        self.program.caps.clamp(groups.sum())
    }

    /// What a condition needs to know of the record of a row; `activities` gives those of a kind.
    pub(crate) fn subject(
        &self,
        (columns, row): (&Columns, usize),
        node: &Node,
        mut activities: impl FnMut(Option<&Named>) -> ActivityRows,
    ) -> Subject {
        let (mut cells, mut facts) = (Vec::new(), Vec::new());
        for leaf in node.leaves() {
            match &leaf.test {
                Test::Field(test) => {
                    for column in test.columns() {
                        cells.resize(cells.len().max(column.place + 1), Cell::Null);
                        let place = place(&self.columns, column);
                        cells[column.place] = columns.cells[place].cell(row);
                    }
                }
                // In the order in which the check counted them.
                Test::Event(test) => facts.push(Facts::Activities(activities(test.kind.as_ref()))),
                _ => {}
            }
        }
        Subject { row: Arc::new(cells), facts }
    }

    /// The score of each record, of a program whose rules are all about the record.
    pub(crate) fn scores(
        &self,
        columns: &Columns,
        rows: usize,
        moment: &Moment,
        scores: &mut Vec<i64>,
    ) {
        debug_assert!(self.is_whole());
        scores.clear();
        scores.resize(rows, 0);
        let mut of_group = [0i64; ROWS];
        for start in (0..rows).step_by(ROWS) {
            let stretch = start..(start + ROWS).min(rows);
            let run = Run {
                columns: &self.columns,
                cells: &columns.cells,
                rows: stretch.clone(),
                moment,
            };
            let scores = &mut scores[stretch.clone()];
            for group in self.program.groups.iter().filter(|group| group.counts) {
                let of_group = &mut of_group[..stretch.len()];
                of_group.fill(0);
                for rule in &group.rules {
                    run.add(rule, of_group);
                }
                for (score, points) in scores.iter_mut().zip(of_group) {
                    *score += group.caps.clamp(*points);
                }
            }
            for score in scores {
                *score = self.program.caps.clamp(*score);
            }
        }
    }
}

impl ColumnSums {
    /// What is kept of the record of a row, as of a moment. Of what happened with it `asked` says
    /// whether a condition about that holds, `None` if nothing did, and `given` what it gives by a rule;
    /// `added` says which points were added to a group, by the group's place.
    pub(crate) fn sheet(
        &self,
        program: &ScoreProgram,
        (row, as_of): (usize, i64),
        mut asked: impl FnMut(&Checked) -> Option<bool>,
        given: impl Fn(&RuleProgram) -> Given,
        added: impl IntoIterator<Item = (usize, Given)>,
    ) -> Sheet {
        let groups = program.groups.iter().zip(&self.groups);
        let groups = groups.map(|(group, sums)| GroupSheet { fixed: sums[row], ..group.sheet() });
        let mut groups: Vec<GroupSheet> = groups.collect();
        for gate in &self.gates {
            let (rule, without) = (&program.groups[gate.group].rules[gate.rule], gate.holds[row]);
            let condition = rule.condition.as_ref().filter(|_| gate.is_asked);
            let holds = condition.and_then(&mut asked).unwrap_or(without);
            let group = &mut groups[gate.group];
            if let Source::Record(_) = rule.source {
                let points = |holds| rule.caps.clamp(if holds { gate.worth[row] } else { 0 });
                group.fixed += points(holds) - points(without);
            } else {
                let given = if holds { given(rule) } else { Given::default() };
                group.add(rule, &given, as_of);
            }
        }
        for (group, added) in added {
            groups[group].add_points(&added, as_of);
        }
        Sheet { caps: program.caps, groups }
    }
}

/// The place of a column among those that are read.
fn place(columns: &[Column], column: &Column) -> usize {
    let place = columns.binary_search_by_key(&column.place, |known| known.place);
    place.expect("every column that a rule looks at is read")
}

/// A stretch of rows.
struct Run<'a> {
    columns: &'a [Column],
    cells: &'a [ColumnCells],
    rows: Range<usize>,
    moment: &'a Moment,
}

impl Run<'_> {
    fn cells(&self, column: &Column) -> &ColumnCells {
        &self.cells[place(self.columns, column)]
    }

    /// Adds what a rule about the record gives.
    fn add(&self, rule: &RuleProgram, sums: &mut [i64]) {
        let Source::Record(worth) = &rule.source else { return };
        let gate = rule.condition.as_ref().map(|condition| &condition.root);
        match (worth, gate) {
            (Worth::Constant(points), None) => {
                let points = rule.caps.clamp(*points);
                sums.iter_mut().for_each(|sum| *sum += points);
            }
            (Worth::Constant(points), Some(node)) => {
                let (no, yes) = (rule.caps.clamp(0), rule.caps.clamp(*points));
                if let Some((numbers, is_set, least)) = self.at_least(node)
                    && no == 0
                {
                    // One loop instead of two for what rules ask most.
                    for ((sum, number), is_set) in sums.iter_mut().zip(numbers).zip(is_set) {
                        *sum += yes & -i64::from((*number >= least) & is_set);
                    }
                    return;
                }
                let mut holds = [false; ROWS];
                let holds = &mut holds[..sums.len()];
                self.node(node, holds);
                for (sum, holds) in sums.iter_mut().zip(holds) {
                    *sum += no + ((yes - no) & -i64::from(*holds));
                }
            }
            (worth, gate) => {
                let mut points = vec![0; sums.len()];
                self.worth(worth, &mut points);
                let mut holds = vec![true; sums.len()];
                gate.into_iter().for_each(|node| self.node(node, &mut holds));
                for ((sum, points), holds) in sums.iter_mut().zip(points).zip(holds) {
                    *sum += rule.caps.clamp(if holds { points } else { 0 });
                }
            }
        }
    }

    fn worth(&self, worth: &Worth<Checked>, points: &mut [i64]) {
        match worth {
            Worth::Constant(constant) => points.fill(*constant),
            Worth::Values(choices, others) => {
                points.fill(*others);
                let mut holds = vec![false; points.len()];
                // The first that fits counts: it is written last.
                for (choice, worth) in choices.iter().rev() {
                    self.node(&choice.root, &mut holds);
                    for (points, holds) in points.iter_mut().zip(&holds) {
                        *points = if *holds { *worth } else { *points };
                    }
                }
            }
            Worth::Amount { column, currency, .. } => {
                let looked_at = [Some(column), currency.as_ref().map(|(column, _)| column)];
                let mut row = self.empty_row(looked_at.into_iter().flatten());
                for (points, at) in points.iter_mut().zip(self.rows.clone()) {
                    self.fill(&mut row, looked_at.into_iter().flatten(), at);
                    *points = worth.amount(&row);
                }
            }
        }
    }

    fn empty_row<'c>(&self, columns: impl Iterator<Item = &'c Column>) -> Vec<Cell> {
        vec![Cell::Null; columns.map(|column| column.place + 1).max().unwrap_or(0)]
    }

    fn fill<'c>(&self, row: &mut [Cell], columns: impl Iterator<Item = &'c Column>, at: usize) {
        for column in columns {
            row[column.place] = self.cells(column).cell(at);
        }
    }

    // ---- conditions

    fn node(&self, node: &Node, holds: &mut [bool]) {
        match node {
            Node::All(parts) => self.parts(parts, true, holds),
            Node::Any(parts) => self.parts(parts, false, holds),
            Node::Not(part) => {
                self.node(part, holds);
                holds.iter_mut().for_each(|holds| *holds = !*holds);
            }
            Node::Leaf(leaf) => match &leaf.test {
                Test::Field(test) if self.quick(test, holds) => {}
                _ => self.row_by_row(node, leaf, holds),
            },
        }
    }

    fn parts(&self, parts: &[Node], all: bool, holds: &mut [bool]) {
        holds.fill(all);
        let mut of_part = vec![false; holds.len()];
        for part in parts {
            self.node(part, &mut of_part);
            for (holds, of_part) in holds.iter_mut().zip(&of_part) {
                *holds = if all { *holds & *of_part } else { *holds | *of_part };
            }
        }
    }

    /// The evaluation of a single record, for each of them. Nothing happened with any.
    fn row_by_row(&self, node: &Node, leaf: &Leaf, holds: &mut [bool]) {
        let Test::Field(test) = &leaf.test else {
            return holds.fill(is_true(node, &Subject::default(), self.moment));
        };
        let row = self.empty_row(test.columns());
        let mut subject = Subject { row: Arc::new(row), facts: Vec::new() };
        for (holds, at) in holds.iter_mut().zip(self.rows.clone()) {
            let row = Arc::make_mut(&mut subject.row);
            self.fill(row, test.columns(), at);
            *holds = is_true(node, &subject, self.moment);
        }
    }

    /// The numbers of a column, which of them are set, and the least for which a condition is true,
    /// if it asks for no more than that.
    fn at_least(&self, node: &Node) -> Option<(&[i64], &[bool], i64)> {
        let Node::Leaf(leaf) = node else { return None };
        let Test::Field(test) = &leaf.test else { return None };
        let is_single = !test.missing && test.currency.is_none();
        let least = match &test.compare {
            Compare::Value(Comparison::Gte, Cell::Integer(least)) => *least,
            Compare::Value(Comparison::Gt, Cell::Integer(most)) => most.checked_add(1)?,
            _ => return None,
        };
        let cells = self.only_column(test).filter(|_| is_single)?;
        let numbers = &cells.numbers()?[self.rows.clone()];
        Some((numbers, &cells.is_set()[self.rows.clone()], least))
    }

    /// The column of a comparison, if it says by itself whether there is a value.
    fn only_column(&self, test: &FieldTest) -> Option<&ColumnCells> {
        let is_only = matches!(&test.present[..], [present] if *present == test.column);
        is_only.then(|| self.cells(&test.column))
    }

    /// Answers a comparison in a loop over its column, if there is one for it.
    fn quick(&self, test: &FieldTest, holds: &mut [bool]) -> bool {
        let Some(cells) = self.only_column(test) else { return false };
        let is_set = &cells.is_set()[self.rows.clone()];
        if let Compare::Set { negated } = test.compare {
            for (holds, is_set) in holds.iter_mut().zip(is_set) {
                *holds = *is_set != negated;
            }
            return true;
        }
        if !self.compare(test, cells, holds) {
            return false;
        }
        if let Some((column, code)) = &test.currency {
            let Some(texts) = self.cells(column).texts() else { return false };
            let otherwise = matches!(test.compare, Compare::Value(Comparison::Neq, _));
            for (holds, row) in holds.iter_mut().zip(self.rows.clone()) {
                // An amount in another currency is another value, and neither more nor less.
                *holds = if texts.get(row) == code.as_bytes() { *holds } else { otherwise };
            }
        }
        let missing = test.missing;
        for (holds, is_set) in holds.iter_mut().zip(is_set) {
            *holds = if *is_set { *holds } else { missing };
        }
        true
    }

    /// Compares what is set; what is not may be anything.
    fn compare(&self, test: &FieldTest, cells: &ColumnCells, holds: &mut [bool]) -> bool {
        match &test.compare {
            Compare::Value(op, Cell::Integer(value)) => {
                let Some(numbers) = cells.numbers() else { return false };
                let (numbers, value) = (&numbers[self.rows.clone()], *value);
                match op {
                    Comparison::Eq => each(numbers, holds, |number| number == value),
                    Comparison::Neq => each(numbers, holds, |number| number != value),
                    Comparison::Lt => each(numbers, holds, |number| number < value),
                    Comparison::Lte => each(numbers, holds, |number| number <= value),
                    Comparison::Gt => each(numbers, holds, |number| number > value),
                    Comparison::Gte => each(numbers, holds, |number| number >= value),
                }
            }
            Compare::Between(Cell::Integer(least), Cell::Integer(most)) => {
                let Some(numbers) = cells.numbers() else { return false };
                let (least, most) = (*least, *most);
                let numbers = &numbers[self.rows.clone()];
                each(numbers, holds, |number| (number >= least) & (number <= most));
            }
            Compare::Value(op @ (Comparison::Eq | Comparison::Neq), Cell::Text(value)) => {
                let Some(texts) = cells.texts() else { return false };
                let (value, equal) = (value.as_bytes(), matches!(op, Comparison::Eq));
                for (holds, row) in holds.iter_mut().zip(self.rows.clone()) {
                    *holds = (texts.get(row) == value) == equal;
                }
            }
            _ => return false,
        }
        true
    }
}

/// Asks each number; without a branch, so that several are asked at once.
fn each(numbers: &[i64], holds: &mut [bool], holds_of: impl Fn(i64) -> bool) {
    for (holds, number) in holds.iter_mut().zip(numbers) {
        *holds = holds_of(*number);
    }
}

/// A published score as a function of columns in memory, for hosts that keep records in such columns
/// themselves; what rules give, without points that were added to single records: see
/// [`Scores::columnar`](crate::Scores::columnar).
#[derive(Debug)]
pub struct ColumnScore {
    pub(crate) programs: Arc<ScorePrograms>,
    pub(crate) model: String,
    pub(crate) moment: Moment,
}

/// Columns of whole numbers, as the file holds them: of a date the days since 1970-01-01, of a point
/// in time microseconds UTC, of a decimal or of money the smallest units.
#[derive(Debug, Default)]
pub struct ScoreColumns {
    rows: Option<usize>,
    named: Vec<(String, ColumnCells)>,
}

impl ScoreColumns {
    /// No columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column: its numbers, and which of them there are.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if it is not as long as the others.
    pub fn with(mut self, name: &str, numbers: Vec<i64>, is_set: Vec<bool>) -> Result<Self> {
        let rows = *self.rows.get_or_insert(numbers.len());
        if numbers.len() != rows || is_set.len() != rows {
            let message = "the columns are not equally long";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(name));
        }
        self.named.push((name.to_owned(), ColumnCells::whole(numbers, is_set)));
        Ok(self)
    }
}

impl ColumnScore {
    /// Takes columns for [`BoundColumns::score`].
    ///
    /// # Errors
    ///
    /// `Required` if a column that a rule looks at is missing.
    pub fn bind(&self, columns: ScoreColumns) -> Result<BoundColumns<'_>> {
        let program = self.programs.find(&self.model).and_then(ColumnProgram::new);
        let program = program.filter(ColumnProgram::is_whole).ok_or_else(needs_more)?;
        let (rows, mut named) = (columns.rows.unwrap_or(0), columns.named);
        let cells = program.columns.iter().map(|column| {
            let place = named.iter().position(|(name, _)| *name == column.name);
            let place = place.ok_or_else(|| {
                let message = "a rule looks at this column";
                Error::new(ErrorKind::Required, message).with_field(&column.name)
            })?;
            Ok(named.swap_remove(place).1)
        });
        let cells = cells.collect::<Result<_>>()?;
        Ok(BoundColumns { program, columns: Columns { cells }, rows, moment: &self.moment })
    }

    /// The names of the columns that its rules look at.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let program = self.programs.find(&self.model).and_then(ColumnProgram::new);
        let columns = program.map(|program| program.columns).unwrap_or_default();
        columns.into_iter().map(|column| column.name).collect()
    }
}

/// Columns that a score was bound to.
#[derive(Debug)]
pub struct BoundColumns<'a> {
    program: ColumnProgram<'a>,
    columns: Columns,
    rows: usize,
    moment: &'a Moment,
}

impl BoundColumns<'_> {
    /// The score of each row, in thousandths of a point. `scores` is written over, so that its room
    /// can be used again.
    pub fn score(&self, scores: &mut Vec<i64>) {
        self.program.scores(&self.columns, self.rows, self.moment, scores);
    }
}

/// A score that columns of fields are not enough for.
pub(crate) fn needs_more() -> Error {
    let message = "its rules look at more than fields, or at the time";
    Error::new(ErrorKind::InvalidArgument, message)
        .with_field("model")
        .with_hint("use scores.rescore and scores.ranking, which read everything from the file")
}
