//! Records as columns of features, and what a model learns to do with each column.
//!
//! A feature is a number or a level (a word out of a few); either may be missing. The invariant: a
//! level that fewer than the asked-for number of records have is never kept by name.

use std::collections::{BTreeMap, HashMap};

/// Levels of one feature that are kept by name.
const LEVELS: usize = 50;
/// Stretches into which numbers are cut, where a model needs levels.
const BINS: usize = 10;

/// What is known of one feature of each record.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    /// Not a number where there is no value.
    Numbers(Vec<f64>),
    /// The number of the level; `None` where there is no value.
    Levels { names: Vec<String>, codes: Vec<Option<u32>> },
}

/// One value of a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Missing,
    Number(f64),
    Level(&'a str),
}

impl Column {
    pub(crate) fn get(&self, place: usize) -> Cell<'_> {
        match self {
            Self::Numbers(numbers) if numbers[place].is_nan() => Cell::Missing,
            Self::Numbers(numbers) => Cell::Number(numbers[place]),
            Self::Levels { names, codes } => match codes[place] {
                Some(code) => Cell::Level(&names[code as usize]),
                None => Cell::Missing,
            },
        }
    }
}

/// Builds a column of levels, value by value.
#[derive(Debug, Default)]
pub(crate) struct LevelsBuilder {
    known: HashMap<String, u32>,
    names: Vec<String>,
    codes: Vec<Option<u32>>,
    limit: Option<usize>,
}

/// The level that stands for those past the limit; no value is an empty text.
const BEYOND: &str = "";

impl LevelsBuilder {
    /// Tells so many levels apart; those that come later are one.
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    pub(crate) fn push(&mut self, level: Option<&str>) {
        let code = level.map(|level| {
            let is_full = self.limit.is_some_and(|limit| self.names.len() >= limit);
            let level = if is_full && !self.known.contains_key(level) { BEYOND } else { level };
            if let Some(code) = self.known.get(level) {
                return *code;
            }
            // No more records than u32 has numbers are learned from.
            let code = self.names.len() as u32;
            self.known.insert(level.to_owned(), code);
            self.names.push(level.to_owned());
            code
        });
        self.codes.push(code);
    }

    pub(crate) fn finish(self) -> Column {
        Column::Levels { names: self.names, codes: self.codes }
    }
}

/// Which levels a column has for a model: the frequent ones by name, the others together, and
/// those without a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Groups {
    /// By name, in the order of the alphabet.
    Named(Vec<String>),
    /// Where each stretch of numbers ends; the last one has no end.
    Cut(Vec<f64>),
}

impl Groups {
    /// Groups the records at `places` of a column.
    pub(crate) fn of(column: &Column, places: &[usize], least: u32) -> Self {
        match column {
            Column::Levels { names, codes } => {
                let mut counts = vec![0_u64; names.len()];
                for code in places.iter().filter_map(|place| codes[*place]) {
                    counts[code as usize] += 1;
                }
                let mut kept: Vec<(u64, &String)> = counts.into_iter().zip(names).collect();
                kept.retain(|(count, name)| *count >= u64::from(least) && *name != BEYOND);
                kept.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
                kept.truncate(LEVELS);
                let mut kept: Vec<String> =
                    kept.into_iter().map(|(_, name)| name.clone()).collect();
                kept.sort_unstable();
                Self::Named(kept)
            }
            Column::Numbers(numbers) => {
                let mut sorted: Vec<f64> = places.iter().map(|place| numbers[*place]).collect();
                sorted.retain(|number| !number.is_nan());
                sorted.sort_by(f64::total_cmp);
                let mut edges: Vec<f64> = (1..BINS)
                    .filter_map(|bin| sorted.get(bin * sorted.len() / BINS).copied())
                    .collect();
                edges.dedup();
                // Nothing lies below the least number.
                edges.retain(|edge| sorted.first() != Some(edge));
                Self::Cut(edges)
            }
        }
    }

    /// How many groups there are, with that of the others but without that of the missing.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Named(names) => names.len() + 1,
            Self::Cut(edges) => edges.len() + 1,
        }
    }

    /// The group of a value; `None` if it is missing. Of names, the last group is that of the others.
    pub(crate) fn find(&self, cell: Cell<'_>) -> Option<usize> {
        match (self, cell) {
            (Self::Named(names), Cell::Level(level)) => {
                Some(names.binary_search_by(|name| name.as_str().cmp(level)).unwrap_or(names.len()))
            }
            (Self::Cut(edges), Cell::Number(number)) => {
                Some(edges.partition_point(|edge| *edge <= number))
            }
            _ => None,
        }
    }
}

/// Mean and standard deviation of the numbers at `places`, the deviation 1 where all are equal.
pub(crate) fn spread(numbers: &[f64], places: &[usize]) -> (f64, f64) {
    let known = || places.iter().map(|place| numbers[*place]).filter(|number| !number.is_nan());
    let count = known().count() as f64;
    if count == 0.0 {
        return (0.0, 1.0);
    }
    let mean = known().sum::<f64>() / count;
    let variance = known().map(|number| (number - mean) * (number - mean)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    (mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 })
}

/// Positives and negatives in each group, and among those without a value, by weight.
pub(crate) fn tally(
    column: &Column,
    groups: &Groups,
    rows: &[(usize, bool, f64)],
) -> (Vec<[f64; 2]>, [f64; 2]) {
    let mut counts = vec![[0.0; 2]; groups.len()];
    let mut missing = [0.0; 2];
    // A column of levels asks for the group of each level once.
    let by_code: BTreeMap<u32, Option<usize>> = match column {
        Column::Levels { names, .. } => {
            (0..).zip(names).map(|(code, name)| (code, groups.find(Cell::Level(name)))).collect()
        }
        Column::Numbers(_) => BTreeMap::new(),
    };
    for (place, outcome, weight) in rows {
        let group = match column {
            Column::Levels { codes, .. } => codes[*place].and_then(|code| by_code[&code]),
            Column::Numbers(_) => groups.find(column.get(*place)),
        };
        let count = group.map_or(&mut missing, |group| &mut counts[group]);
        count[usize::from(!*outcome)] += weight;
    }
    (counts, missing)
}
