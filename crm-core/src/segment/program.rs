//! A segment made ready to run: its condition judged against the schema, in an order in which those
//! that are asked for come first.
//!
//! Programs are made whenever the definitions change, and never fail after that. The invariant: no
//! program stands before one whose members it asks for, so that one pass over them sees each write's
//! effect on all.

use std::{collections::HashSet, sync::Arc};

use super::{SegmentKind, SegmentModel};
use crate::{
    Error, ErrorKind, Result,
    condition::{self, Checked, Node, Reach, Schema, Test},
};

/// The programs of all segments in use, and of those of others that only archiving changes.
#[derive(Debug, Default)]
pub(crate) struct SegmentPrograms {
    /// Those that are asked for come first.
    pub(crate) all: Vec<SegmentProgram>,
    /// The entity types whose records concern one of them.
    types: HashSet<String>,
}

/// A segment, ready to run.
#[derive(Debug)]
pub(crate) struct SegmentProgram {
    pub(crate) model: Arc<SegmentModel>,
    /// Its condition; `None` for a static segment, and one that is archived.
    pub(crate) checked: Option<Checked>,
    /// What the condition of a live segment looks at.
    pub(crate) reach: Option<Reach>,
    /// Whether time alone may change what it answers.
    pub(crate) waits: bool,
}

impl SegmentPrograms {
    /// Judges segments; where one does not hold, its name and why. Of those that go round, that is the
    /// `changed` one.
    pub(crate) fn new<'a>(
        models: impl Iterator<Item = &'a Arc<SegmentModel>>,
        schema: &dyn Schema,
        changed: Option<&str>,
    ) -> Result<Self, (String, Error)> {
        let mut programs = Vec::new();
        for model in models {
            if model.segment.kind == SegmentKind::Live && !model.is_in_use() {
                continue;
            }
            let program = SegmentProgram::new(Arc::clone(model), schema);
            programs.push(program.map_err(|error| (model.name().to_owned(), error))?);
        }
        let order = order(&programs, changed)?;
        let mut programs: Vec<Option<SegmentProgram>> = programs.into_iter().map(Some).collect();
        let programs: Vec<SegmentProgram> =
            order.into_iter().filter_map(|place| programs[place].take()).collect();
        let mut types = HashSet::new();
        for program in &programs {
            types.insert(program.model.segment.entity_type.clone());
            let around = program.reach.iter().flat_map(|reach| &reach.places);
            types.extend(around.map(|place| place.entity_type.clone()));
        }
        Ok(Self { all: programs, types })
    }

    /// Whether what happens with a record of this type may change who is a member.
    pub(crate) fn concern(&self, entity_type: &str) -> bool {
        self.types.contains(entity_type)
    }

    /// The program of a segment, by its number.
    pub(crate) fn find(&self, id: i64) -> Option<&SegmentProgram> {
        self.all.iter().find(|program| program.model.id == id)
    }
}

impl SegmentProgram {
    /// # Errors
    ///
    /// As [`condition::check`]; the field is the path, such as `where.all[0].field`.
    fn new(model: Arc<SegmentModel>, schema: &dyn Schema) -> Result<Self> {
        let segment = &model.segment;
        let condition = segment.condition.as_ref().filter(|_| model.is_in_use());
        let checked = condition.map(|condition| {
            condition::check(condition, schema, &segment.entity_type).map_err(|error| {
                let place = match error.field() {
                    Some("type") | None => "where".to_owned(),
                    Some(place) => format!("where.{place}"),
                };
                error.with_field(place)
            })
        });
        let checked = checked.transpose()?;
        let live = checked.as_ref().filter(|_| segment.kind == SegmentKind::Live);
        let (reach, waits) =
            (live.map(Reach::of), live.is_some_and(|live| condition::depends_on_time(&live.root)));
        Ok(Self { model, checked, reach, waits })
    }

    /// The segments that it asks for, by number, with the place where it does.
    fn asks(&self) -> Vec<(i64, String)> {
        let mut asked = Vec::new();
        if let Some(checked) = &self.checked {
            add_asked(&checked.root, &mut asked);
        }
        asked
    }
}

fn add_asked(node: &Node, asked: &mut Vec<(i64, String)>) {
    for leaf in node.leaves() {
        match &leaf.test {
            Test::Segment(test) => {
                let path = match leaf.path.as_str() {
                    "" => "segment".to_owned(),
                    path => format!("{path}.segment"),
                };
                asked.push((test.segment, path));
            }
            Test::Related(test) => {
                test.filter.iter().for_each(|filter| add_asked(filter, asked));
            }
            _ => {}
        }
    }
}

/// The places of the programs, those that are asked for first.
///
/// # Errors
///
/// `InvalidArgument` if they go round, with the name of the segment that was changed and the place
/// where it asks for the next.
fn order(
    programs: &[SegmentProgram],
    changed: Option<&str>,
) -> Result<Vec<usize>, (String, Error)> {
    let place = |id: i64| programs.iter().position(|program| program.model.id == id);
    let asks: Vec<Vec<(usize, String)>> = programs
        .iter()
        .map(|program| {
            let asked = program.asks().into_iter();
            asked.filter_map(|(id, path)| Some((place(id)?, path))).collect()
        })
        .collect();
    let mut order = Vec::new();
    for start in 0..programs.len() {
        let mut way = Vec::new();
        if let Some(round) = visit(start, &asks, &mut way, &mut order) {
            return Err(goes_round(programs, &asks, &round, changed));
        }
    }
    Ok(order)
}

/// Adds a program and all that it asks for; answers a round if there is one.
fn visit(
    program: usize,
    asks: &[Vec<(usize, String)>],
    way: &mut Vec<usize>,
    order: &mut Vec<usize>,
) -> Option<Vec<usize>> {
    if let Some(begin) = way.iter().position(|other| *other == program) {
        return Some(way[begin..].to_vec());
    }
    if order.contains(&program) {
        return None;
    }
    way.push(program);
    for (other, _) in &asks[program] {
        if let Some(round) = visit(*other, asks, way, order) {
            return Some(round);
        }
    }
    way.pop();
    order.push(program);
    None
}

fn goes_round(
    programs: &[SegmentProgram],
    asks: &[Vec<(usize, String)>],
    round: &[usize],
    changed: Option<&str>,
) -> (String, Error) {
    let name = |place: usize| programs[place].model.name();
    let begin = round.iter().position(|place| Some(name(*place)) == changed).unwrap_or(0);
    let round: Vec<usize> = round[begin..].iter().chain(&round[..begin]).copied().collect();
    let names: Vec<&str> = round.iter().chain(&round[..1]).map(|place| name(*place)).collect();
    let next = round[1 % round.len()];
    let leaf = asks[round[0]].iter().find(|(other, _)| *other == next);
    let path = leaf.map_or("segment", |(_, path)| path);
    let message = format!("segments ask for each other in a circle: {}", names.join(" → "));
    let error = Error::new(ErrorKind::InvalidArgument, message).with_field(format!("where.{path}"));
    (name(round[0]).to_owned(), error)
}
