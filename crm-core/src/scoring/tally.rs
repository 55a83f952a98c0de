//! What the rules of a model give a record: which activities count, what each is worth, and what that
//! adds up to.
//!
//! Activities are looked at in the order in which they happened, those of one moment in the order in
//! which they were recorded; so whether one counts depends on earlier ones alone, and the same facts
//! give the same points whenever and in whatever order they became known. The invariant: the last
//! column of [`explain`] sums up to the score of [`sheet`], to the thousandth.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{
    added::PointsFact,
    answers::ScoreContribution,
    check::to_caps,
    decay::{Decay, rounded},
    definition::{ScoreGroup, StoredModel},
    program::{GroupProgram, Repeat, RuleProgram, ScoreProgram, Source, Worth},
    sheet::{Caps, Figure, GroupSheet, RuleSheet, Sheet},
};
use crate::{
    RecordId, Result, Timestamp, Value,
    cell::Cell,
    condition::{Checked, Detail, FoundField, Moment, Named, Node, RelatedTest, fits},
    record::take_value,
};

/// An activity of a record.
#[derive(Debug)]
pub(crate) struct Happening {
    /// Its id, where somebody will be told of it.
    pub(crate) id: Option<RecordId>,
    /// Microseconds UTC.
    pub(crate) at: i64,
    /// The columns that every activity has, then those of its kind's properties; as many of them as
    /// are looked at.
    pub(crate) cells: Vec<Cell>,
}

/// What is known of a record.
pub(crate) trait Facts {
    /// Whether a condition is true of it.
    fn holds(&mut self, condition: &Checked) -> Result<bool>;
    /// Its row: the columns that every record has, then those of its attributes.
    fn row(&self) -> &[Cell];
    /// Its activities of a kind, or of every kind, as they happened, with as many of their columns as
    /// are looked at.
    fn activities(&mut self, kind: Option<&Named>, detail: Detail) -> Result<&[Happening]>;
    /// What related records score by a model, by id.
    fn related(&mut self, test: &RelatedTest, model: &Named) -> Result<Vec<(RecordId, Sheet)>>;
    /// Points that were added to a group of the model, by its name, as they count.
    fn added(&mut self, model: i64, group: &str) -> Result<Vec<PointsFact>>;
}

/// What one rule gives.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// What does not depend on a time.
    constant: i64,
    /// Activities that count, as they happened, with their points.
    counted: Vec<(Option<RecordId>, i64, i64)>,
    related: Option<(Figure, Vec<(RecordId, Sheet)>)>,
    /// Points that were added, by time.
    added: Vec<PointsFact>,
}

/// Asks every rule of a model, in order. Points that were added to a group come after its rules.
///
/// # Errors
///
/// Those of the facts.
pub(crate) fn tally(
    program: &ScoreProgram,
    facts: &mut dyn Facts,
    moment: &Moment,
) -> Result<Vec<Vec<Given>>> {
    let StoredModel { id, model } = &*program.stored;
    let groups = program.groups.iter().zip(&model.groups);
    let of_group = |(group, named): (&GroupProgram, &ScoreGroup)| -> Result<Vec<Given>> {
        let rules = group.rules.iter().map(|rule| given(rule, facts, moment));
        let mut all: Vec<Given> = rules.collect::<Result<_>>()?;
        let added = facts.added(*id, &named.name)?;
        if !added.is_empty() {
            all.push(Given::of_added(added));
        }
        Ok(all)
    };
    groups.map(of_group).collect()
}

/// The caps of each rule of a group, and of the points that were added to it.
fn caps(group: &GroupProgram) -> impl Iterator<Item = Caps> + '_ {
    group.rules.iter().map(|rule| rule.caps).chain([to_caps(None, None)])
}

impl Given {
    /// Points that were added to a group.
    pub(crate) fn of_added(added: Vec<PointsFact>) -> Self {
        Self { added, ..Self::default() }
    }

    /// When something happened that fades, or that may be to come, and the points for it.
    fn terms(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let counted = self.counted.iter().map(|(_, at, points)| (*at, *points));
        counted.chain(self.added.iter().map(|fact| (fact.at, fact.points)))
    }
}

fn given(rule: &RuleProgram, facts: &mut dyn Facts, moment: &Moment) -> Result<Given> {
    if let Some(condition) = &rule.condition
        && !facts.holds(condition)?
    {
        return Ok(Given::default());
    }
    Ok(match &rule.source {
        Source::Record(worth) => {
            let constant = match worth {
                Worth::Values(choices, others) => {
                    let mut points = *others;
                    for (condition, worth) in choices {
                        if facts.holds(condition)? {
                            points = *worth;
                            break;
                        }
                    }
                    points
                }
                Worth::Constant(points) => *points,
                Worth::Amount { .. } => worth.amount(facts.row()),
            };
            Given { constant, ..Given::default() }
        }
        Source::Activities { kind, detail, .. } => {
            rule.of_activities(facts.activities(kind.as_ref(), *detail)?.iter(), moment)
        }
        Source::Related { test, model, figure } => {
            Given { related: Some((*figure, facts.related(test, model)?)), ..Given::default() }
        }
    })
}

impl RuleProgram {
    /// What a rule about activities gives for those of a record, as they happened, whose condition
    /// holds.
    pub(crate) fn of_activities<'a>(
        &self,
        all: impl Iterator<Item = &'a Happening>,
        moment: &Moment,
    ) -> Given {
        let Source::Activities { filter, worth, repeat, .. } = &self.source else {
            return Given::default();
        };
        let fits = |happening: &Happening| match filter {
            None => true,
            Some(filter) => fits_node(filter, happening, moment),
        };
        let worth_of = |happening: &Happening| match worth {
            Worth::Constant(points) => *points,
            Worth::Values(choices, others) => {
                let found = choices.iter().find(|(choice, _)| fits_node(choice, happening, moment));
                found.map_or(*others, |(_, points)| *points)
            }
            Worth::Amount { .. } => worth.amount(&happening.cells),
        };
        let counting = all.filter(|happening| fits(happening));
        let worth = counting.map(|happening| (happening, worth_of(happening)));
        Given { counted: repeat.choose(worth), ..Given::default() }
    }
}

fn fits_node(node: &Node, happening: &Happening, moment: &Moment) -> bool {
    fits(node, happening.cells.clone(), moment)
}

impl<C> Worth<C> {
    /// Points by the size of something in a row; none for an amount in another currency.
    pub(super) fn amount(&self, row: &[Cell]) -> i64 {
        let Self::Amount { column, currency, points, per } = self else { return 0 };
        let cell = |place: usize| row.get(place).unwrap_or(&Cell::Null);
        let is_ours = currency.as_ref().is_none_or(
            |(column, code)| matches!(cell(column.place), Cell::Text(text) if text == code),
        );
        let points = match cell(column.place) {
            Cell::Integer(number) if is_ours => {
                rounded(i128::from(*points) * i128::from(*number), *per)
            }
            // Multiplying and dividing is the same to the bit everywhere.
            Cell::Real(number) => (*points as f64 * number / *per as f64).round_ties_even() as i64,
            _ => 0,
        };
        // More than any cap, and less than what a sum could not hold.
        points.clamp(-MOST, MOST)
    }
}

/// Thousandths that one thing can give before it is capped.
const MOST: i64 = 1_000_000_000_000;

impl Repeat {
    /// Of activities with their worth those that count.
    fn choose<'a>(
        &self,
        all: impl Iterator<Item = (&'a Happening, i64)>,
    ) -> Vec<(Option<RecordId>, i64, i64)> {
        let (mut counted, mut seen) = (Vec::new(), HashSet::new());
        let (mut day, mut of_day) = (i64::MIN, 0);
        let mut recent = VecDeque::new();
        for (happening, points) in all.filter(|(_, points)| *points != 0) {
            let at = happening.at;
            if let Some(column) = &self.distinct
                && !seen.insert(key(happening.cells.get(column.place).unwrap_or(&Cell::Null)))
            {
                continue;
            }
            let this_day = at.div_euclid(DAY);
            if this_day != day {
                (day, of_day) = (this_day, 0);
            }
            if self.per_day.is_some_and(|most| of_day >= most) {
                continue;
            }
            if let Some(most) = self.at_most {
                if let Some(within) = self.within {
                    while recent.front().is_some_and(|first| at - first >= within) {
                        recent.pop_front();
                    }
                    if recent.len() >= most {
                        continue;
                    }
                    recent.push_back(at);
                } else if counted.len() >= most {
                    break;
                }
            }
            of_day += 1;
            counted.push((happening.id, at, points));
        }
        counted
    }
}

const DAY: i64 = 86_400_000_000;

/// How many of the records are named of which a mean is taken.
const MEAN_OF: usize = 100;

/// Bytes that are the same for the same content of a cell.
fn key(cell: &Cell) -> Vec<u8> {
    let (tag, bytes) = match cell {
        Cell::Null => (0, Vec::new()),
        Cell::Integer(number) => (1, number.to_be_bytes().to_vec()),
        Cell::Real(number) => (2, number.to_be_bytes().to_vec()),
        Cell::Text(text) => (3, text.clone().into_bytes()),
        Cell::Blob(bytes) => (4, bytes.clone()),
    };
    [vec![tag], bytes].concat()
}

/// What is kept of what the rules give, as of a moment.
pub(crate) fn sheet(program: &ScoreProgram, given: &[Vec<Given>], as_of: i64) -> Sheet {
    let groups = program.groups.iter().zip(given).map(|(group, given)| {
        let mut sheet = group.sheet();
        for (rule, given) in group.rules.iter().zip(given) {
            sheet.add(rule, given, as_of);
        }
        if let Some(added) = given.get(group.rules.len()) {
            sheet.add_points(added, as_of);
        }
        sheet
    });
    Sheet { caps: program.caps, groups: groups.collect() }
}

impl GroupProgram {
    /// The sheet of a record to which no rule gives anything.
    pub(super) fn sheet(&self) -> GroupSheet {
        let Self { caps, decay, counts, .. } = *self;
        GroupSheet { caps, decay, counts, fixed: 0, rules: Vec::new() }
    }
}

impl GroupSheet {
    /// Adds what a rule of the group gives, as of a moment.
    pub(super) fn add(&mut self, rule: &RuleProgram, given: &Given, as_of: i64) {
        if let Source::Record(_) = rule.source {
            self.fixed = self.fixed.saturating_add(rule.caps.clamp(given.constant));
        } else {
            self.put(rule.caps, given, as_of);
        }
    }

    /// Adds points that were added to the group, as of a moment.
    pub(super) fn add_points(&mut self, added: &Given, as_of: i64) {
        self.put(to_caps(None, None), added, as_of);
    }

    fn put(&mut self, caps: Caps, given: &Given, as_of: i64) {
        let (mut fixed, mut terms) = (0i64, Vec::new());
        for (at, points) in given.terms() {
            let age = as_of.saturating_sub(at);
            let is_over = self.decay.gone(points).is_some_and(|gone| age >= gone);
            match self.decay {
                Decay::None if at <= as_of => fixed = fixed.saturating_add(points),
                _ if is_over => {}
                _ => terms.push((at, points)),
            }
        }
        let related = given.related.as_ref().map(|(figure, sheets)| {
            (*figure, sheets.iter().map(|(_, sheet)| sheet.clone()).collect())
        });
        let sheet = RuleSheet { caps, fixed, terms, related };
        if !sheet.is_empty() {
            self.rules.push(sheet);
        }
    }
}

/// Every contribution to the score at a moment, in the order of the rules and of what happened.
///
/// Where a cap leaves less than the sum, what comes first is counted first; what a least one adds is a
/// line of its own.
pub(crate) fn explain(
    program: &ScoreProgram,
    given: &[Vec<Given>],
    at: i64,
) -> Vec<ScoreContribution> {
    let mut all = Vec::new();
    let names = &program.stored.model.groups;
    for ((group, given), named) in program.groups.iter().zip(given).zip(names) {
        let mut of_group = Vec::new();
        let rules = group.rules.iter().map(|rule| Some(rule.name.clone())).chain([None]);
        for ((rule, caps), given) in rules.zip(caps(group)).zip(given) {
            let line = |raw, faded| ScoreContribution {
                group: Some(named.name.clone()),
                rule: rule.clone(),
                raw,
                faded,
                ..ScoreContribution::default()
            };
            let mut of_rule = Vec::new();
            if given.constant != 0 {
                of_rule.push(line(given.constant, given.constant));
            }
            for (id, then, points) in &given.counted {
                let contribution = line(*points, group.decay.left(*points, at - then));
                let (activity_id, then) = (*id, Some(Timestamp::clamped(*then)));
                of_rule.push(ScoreContribution { activity_id, at: then, ..contribution });
            }
            if let Some((figure, sheets)) = &given.related {
                let scores = || sheets.iter().map(|(id, sheet)| (*id, sheet.score(at)));
                let of =
                    |(id, score)| ScoreContribution { record_id: Some(id), ..line(score, score) };
                match figure {
                    Figure::Sum => of_rule.extend(scores().map(of)),
                    Figure::Max => {
                        let greatest = scores().rev().max_by_key(|(_, score)| *score);
                        of_rule.extend(greatest.map(of));
                    }
                    Figure::Min => of_rule.extend(scores().min_by_key(|(_, score)| *score).map(of)),
                    Figure::Average => {
                        let mean = figure.of(sheets.iter().map(|(_, sheet)| sheet.score(at)));
                        let record_ids = sheets.iter().map(|(id, _)| *id).take(MEAN_OF).collect();
                        let records = sheets.len() as u64;
                        let contribution = line(mean, mean);
                        of_rule.push(ScoreContribution { record_ids, records, ..contribution });
                    }
                }
            }
            for PointsFact { points, at: then, added } in &given.added {
                let contribution = line(*points, group.decay.left(*points, at - then));
                let (added, then) = (Some(added.clone()), Some(Timestamp::clamped(*then)));
                of_rule.push(ScoreContribution { added, at: then, ..contribution });
            }
            of_rule.retain(|line| line.faded != 0);
            let cap = line(0, 0);
            pour(caps, &mut of_rule, cap, |line| line.faded, |line| &mut line.after_rule);
            of_group.extend(of_rule);
        }
        let cap =
            ScoreContribution { group: Some(named.name.clone()), ..ScoreContribution::default() };
        pour(group.caps, &mut of_group, cap, |line| line.after_rule, |line| &mut line.after_group);
        all.push((group.counts, of_group));
    }
    let (counting, beside): (Vec<_>, Vec<_>) = all.into_iter().partition(|(counts, _)| *counts);
    let lines = |groups: Vec<(bool, Vec<_>)>| groups.into_iter().flat_map(|(_, lines)| lines);
    let mut counting: Vec<ScoreContribution> = lines(counting).collect();
    let cap = ScoreContribution::default();
    pour(program.caps, &mut counting, cap, |line| line.after_group, |line| &mut line.after_total);
    counting.extend(lines(beside));
    counting
}

/// Tells of contributions of rules that give points by a field which one, and its value.
///
/// # Errors
///
/// Those of the facts.
pub(crate) fn name_fields(
    program: &ScoreProgram,
    facts: &mut dyn Facts,
    contributions: &mut [ScoreContribution],
) -> Result<()> {
    let rules = program.groups.iter().flat_map(|group| &group.rules);
    let fields: HashMap<&str, _> = rules
        .filter_map(|rule| Some((rule.name.as_str(), (&rule.source, rule.field.as_ref()?))))
        .collect();
    for line in contributions {
        let of_rule = line.rule.as_deref().and_then(|rule| fields.get(rule));
        let Some((source, (name, found))) = of_rule else { continue };
        let given = match (source, line.activity_id) {
            (Source::Activities { kind, detail, .. }, Some(id)) => {
                let all = facts.activities(kind.as_ref(), *detail)?;
                let activity = all.iter().find(|happening| happening.id == Some(id));
                activity.map(|happening| value(found, &happening.cells))
            }
            _ => Some(value(found, facts.row())),
        };
        line.field = Some(name.clone());
        line.value = given.filter(|value| !value.is_null());
    }
    Ok(())
}

/// The value of a field in a row.
fn value(field: &FoundField, row: &[Cell]) -> Value {
    let cell = |place: usize| row.get(place).cloned().unwrap_or(Cell::Null);
    let mut cells: Vec<Cell> = field.columns.iter().map(|column| cell(column.place)).collect();
    take_value(field.kind, field.scale, &mut cells)
}

/// Lets contributions through caps one after the other: each keeps what it changes of the capped sum.
/// What the caps make of nothing is the line `cap`, if it is something.
fn pour(
    caps: Caps,
    lines: &mut Vec<ScoreContribution>,
    cap: ScoreContribution,
    from: impl Fn(&ScoreContribution) -> i64,
    to: impl Fn(&mut ScoreContribution) -> &mut i64,
) {
    let (mut sum, mut capped) = (0i64, caps.clamp(0));
    if capped != 0 {
        let mut cap = cap;
        *to(&mut cap) = capped;
        lines.insert(0, cap);
    }
    let first = usize::from(capped != 0);
    for line in &mut lines[first..] {
        sum = sum.saturating_add(from(line));
        let next = caps.clamp(sum);
        *to(line) = next - capped;
        capped = next;
    }
}
