//! What queries read beside a record: where it stands in a lifecycle, and what it scores.
//!
//! Stages are those of the moment that is asked about, as the history of the record has them. A score
//! is kept as a sheet, of which SQL works out the points; of records whose sheet does not hold at the
//! moment they are computed: of the rows of a page one by one, and before anything that needs those of
//! every record, all at once into [`Computed`]. The invariant: a column holds what `scores.read` and
//! `lifecycles.history` say.

use super::Form;
use crate::{
    Error, ErrorKind, Kind, RecordId, Result, ScoreModel,
    cell::Cell,
    lifecycle::{Lifecycle, LifecycleModel},
    normal::name::nearest,
    scoring::{POINT, Sheet, StoredModel},
};

/// Where the record stands in a lifecycle.
#[derive(Debug)]
pub(crate) struct StageColumn {
    /// The number of the lifecycle.
    pub(crate) lifecycle: i64,
    /// The stages in order, as JSON; null for one that is not asked about.
    pub(crate) stages: String,
    pub(crate) part: StagePart,
}

/// What of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StagePart {
    Stage,
    /// The furthest stage of the cycle.
    Reached,
    EnteredAt,
    Cycle,
}

impl StagePart {
    const NAMES: [(&'static str, Self); 4] = [
        ("stage", Self::Stage),
        ("reached", Self::Reached),
        ("entered_at", Self::EnteredAt),
        ("cycle", Self::Cycle),
    ];

    /// How its cells are read.
    pub(crate) const fn form(self) -> Form {
        match self {
            Self::Stage | Self::Reached => Form::Named,
            Self::EnteredAt => Form::Stored { kind: Kind::Timestamp, scale: None },
            Self::Cycle => Form::Stored { kind: Kind::Integer, scale: None },
        }
    }
}

impl StageColumn {
    /// What a field of a lifecycle holds.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` without a field.
    pub(crate) fn new(model: &LifecycleModel, field: &str) -> Result<Self> {
        let part = named(field, &StagePart::NAMES, "a lifecycle has no such field")?;
        let Lifecycle { stages, .. } = &model.lifecycle;
        let names = stages.iter().map(|stage| {
            let is_asked = part == StagePart::Stage || stage.kind.is_ordered();
            is_asked.then_some(&stage.name)
        });
        let names: Vec<Option<&String>> = names.collect();
        let stages = serde_json::to_string(&names).expect("names are always JSON");
        Ok(Self { lifecycle: model.id, stages, part })
    }
}

/// What the record scores.
#[derive(Debug, Clone)]
pub(crate) struct ScoreColumn {
    /// The place of the score among those of the source.
    pub(crate) score: usize,
    pub(crate) part: ScorePart,
}

/// What of it.
#[derive(Debug, Clone)]
pub(crate) enum ScorePart {
    /// The points, or those of the group in this place.
    Points(Option<usize>),
    /// A name by the points: the threshold that is reached, or the grade.
    Level(Levels),
}

/// Names by points.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    /// Of each side the group that counts, the whole score if there is none, and the thousandths at
    /// which the next level begins, ascending.
    pub(crate) sides: Vec<(Option<usize>, Vec<i64>)>,
    /// What each is called, by [`Levels::place`].
    pub(crate) names: Vec<Option<String>>,
}

/// Points are thousandths, which a decimal of this scale holds as they are.
pub(crate) const POINTS: Form = Form::Stored { kind: Kind::Decimal, scale: Some(3) };

impl ScorePart {
    /// What a field of a score, or of one group of it, holds.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` without a field.
    pub(crate) fn new(model: &ScoreModel, group: Option<usize>, field: &str) -> Result<Self> {
        let known = [("points", 0), ("threshold", 1), ("grade", 2)];
        let levels = match named(field, &known, "a score has no such field")? {
            0 => return Ok(Self::Points(group)),
            _ if group.is_some() => return Err(invalid("a group of a score has points only")),
            1 => Levels::of_thresholds(model),
            _ => Levels::of_grade(model),
        };
        if levels.names.iter().all(Option::is_none) {
            return Err(invalid(&format!("the score has no {field}"))
                .with_hint("add it to the definition, and publish that"));
        }
        Ok(Self::Level(levels))
    }

    /// How its cells are read.
    pub(crate) const fn form(&self) -> Form {
        match self {
            Self::Points(_) => POINTS,
            Self::Level(_) => Form::Named,
        }
    }

    /// Its cells, for a sheet that holds at a moment.
    pub(crate) fn cells(&self, sheet: &Sheet, at: i64) -> Vec<Cell> {
        match self {
            Self::Points(group) => vec![Cell::Integer(sheet.points(*group, at))],
            Self::Level(levels) => {
                let place = levels.place(|group| sheet.points(group, at));
                let name = levels.names.get(place).cloned().flatten();
                let place = i64::try_from(place).unwrap_or(i64::MAX);
                vec![Cell::Integer(place), name.map_or(Cell::Null, Cell::Text)]
            }
        }
    }
}

impl Levels {
    fn of_thresholds(model: &ScoreModel) -> Self {
        let from = model.thresholds.iter().map(|level| level.at_least.saturating_mul(POINT));
        let names = model.thresholds.iter().map(|level| Some(level.name.clone()));
        Self {
            sides: vec![(None, from.collect())],
            names: std::iter::once(None).chain(names).collect(),
        }
    }

    fn of_grade(model: &ScoreModel) -> Self {
        let (mut sides, mut names) = (Vec::new(), Vec::new());
        for axis in &model.grade {
            let group = model.groups.iter().position(|group| group.name == axis.group);
            // The first level is for all points below the second.
            let next = axis.levels.iter().skip(1);
            sides.push((group, next.map(|level| level.at_least.saturating_mul(POINT)).collect()));
            let before = if names.is_empty() { vec![String::new()] } else { names };
            names = before
                .iter()
                .flat_map(|before| {
                    axis.levels.iter().map(move |level| format!("{before}{}", level.name))
                })
                .collect();
        }
        Self { sides, names: names.into_iter().map(Some).collect() }
    }

    /// The place of a name, for points of the whole and of groups.
    fn place(&self, points: impl Fn(Option<usize>) -> i64) -> usize {
        self.sides.iter().fold(0, |place, (group, levels)| {
            place * (levels.len() + 1) + reached(levels, points(*group))
        })
    }
}

/// How many of ascending levels are reached.
pub(crate) fn reached(levels: &[i64], points: i64) -> usize {
    levels.partition_point(|level| *level <= points)
}

/// A score that a query reads.
#[derive(Debug)]
pub(crate) struct ScoreSource {
    pub(crate) name: String,
    pub(crate) model: i64,
    pub(crate) version: i64,
    /// How many groups it has.
    pub(crate) groups: usize,
    /// The points of the records whose sheet does not hold, where those of all were needed.
    pub(crate) computed: Option<Computed>,
}

impl ScoreSource {
    pub(crate) fn new(stored: &StoredModel) -> Self {
        let ScoreModel { name, version, groups, .. } = &stored.model;
        let (name, groups) = (name.clone(), groups.len());
        Self { name, model: stored.id, version: *version, groups, computed: None }
    }
}

/// Points of records by id, as a few texts of bytes in which SQL searches: of each the id, the score and
/// the points of each group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Computed(Vec<Vec<u8>>);

impl Computed {
    /// Half of what SQLite takes as one value here.
    const BYTES: usize = 8 * 1024 * 1024;

    /// Adds a record, whose id is greater than those before.
    pub(crate) fn add(&mut self, id: RecordId, points: &[i64]) {
        let room = Self::BYTES - 16 - 8 * points.len();
        if self.0.last().is_none_or(|last| last.len() > room) {
            self.0.push(Vec::new());
        }
        let last = self.0.last_mut().expect("one was just added where there was none");
        last.extend(id.as_bytes());
        points.iter().for_each(|points| last.extend(points.to_le_bytes()));
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        self.0.iter().map(|bytes| Cell::Blob(bytes.clone()))
    }
}

/// The points in a place of the record of this id: 0 of the whole, 1 of the first group.
pub(crate) fn look_up(computed: &[u8], groups: usize, id: &[u8], place: usize) -> Option<i64> {
    let width = 16 + 8 * (1 + groups);
    let row = |nth: usize| &computed[nth * width..(nth + 1) * width];
    let (mut first, mut end) = (0, computed.len() / width);
    while first < end {
        let middle = usize::midpoint(first, end);
        match row(middle)[..16].cmp(id) {
            std::cmp::Ordering::Less => first = middle + 1,
            std::cmp::Ordering::Greater => end = middle,
            std::cmp::Ordering::Equal => {
                let points = row(middle).get(16 + 8 * place..16 + 8 * (place + 1))?;
                return Some(i64::from_le_bytes(points.try_into().ok()?));
            }
        }
    }
    None
}

/// What a field is, of those that are known.
fn named<T: Copy>(field: &str, known: &[(&'static str, T)], message: &str) -> Result<T> {
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == field) {
        return Ok(*found);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    Err(match nearest(field, names.iter().copied()) {
        Some(near) => invalid(message).with_hint(format!("did you mean {near:?}?")),
        None => invalid(message).with_hint(format!("one of {}", names.join(", "))),
    })
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
