//! What the conditions of triggers ask for, also by way of live segments: which moves make one true, and
//! which stages rule it out.
//!
//! Who is a member of a live segment follows from its condition within the write, so that to ask for a
//! segment is to ask for what its condition does.

use std::collections::{BTreeSet, HashSet};

use super::Program;
use crate::{
    Comparison, Count,
    condition::{Known, LiveSegments, Node, Test, decide, never_at_once},
    segment::{SegmentProgram, SegmentPrograms},
};

/// A stage of one of several lifecycles.
pub(super) type Spot = (usize, usize);

/// Lifecycles, and the live segments for which their conditions may ask.
pub(super) struct Asked<'a> {
    programs: &'a [Program],
    /// Those that are asked for come first.
    segments: Vec<(&'a SegmentProgram, &'a Node)>,
    live: LiveSegments<'a>,
    /// The numbers of those that look at other records.
    around: HashSet<i64>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(programs: &'a [Program], segments: Option<&'a SegmentPrograms>) -> Self {
        let (live, around) = (LiveSegments::default(), HashSet::new());
        let mut asked = Self { programs, segments: Vec::new(), live, around };
        for segment in segments.into_iter().flat_map(|segments| &segments.all) {
            let Some(checked) = segment.checked.as_ref().filter(|_| segment.reach.is_some()) else {
                continue;
            };
            let number = segment.model.id;
            asked.live.add(number, &checked.root);
            if asked.looks_around(&checked.root) {
                asked.around.insert(number);
            }
            asked.segments.push((segment, &checked.root));
        }
        asked
    }

    /// Whether what triggers ask for is never true of one record at once.
    pub(super) fn exclude_each_other(&self, asked: &[&Node]) -> bool {
        never_at_once(asked, &self.live)
    }

    /// Whether a condition asks for other records.
    pub(super) fn looks_around(&self, condition: &Node) -> bool {
        condition.leaves().into_iter().any(|leaf| match &leaf.test {
            Test::Related(_) => true,
            Test::Segment(test) => self.around.contains(&test.segment),
            _ => false,
        })
    }

    /// What is known of a record that stands on a stage.
    pub(super) fn known_at(&self, (place, stage): Spot) -> Known {
        let model = &self.programs[place].model;
        let stages = vec![(model.id, model.lifecycle.stages[stage].name.clone())];
        let mut known = Known { stages, ..Known::default() };
        for (segment, condition) in &self.segments {
            if segment.model.segment.entity_type == model.lifecycle.entity_type
                && let Some(is_member) = decide(condition, &known)
            {
                known.segments.push((segment.model.id, is_member));
            }
        }
        known
    }

    /// Adds the live segments by way of which a condition asks for a spot, and the segments by way of
    /// which these do.
    pub(super) fn by_way_of(&self, condition: &Node, spot: Spot, names: &mut Vec<&'a str>) {
        for leaf in condition.leaves() {
            let Test::Segment(test) = &leaf.test else { continue };
            let mut all = self.segments.iter();
            let found = all.find(|(segment, _)| segment.model.id == test.segment);
            let Some((segment, condition)) = found else { continue };
            let mut spots = BTreeSet::new();
            for is_true in [true, false] {
                self.add(condition, is_true, &mut spots, &mut HashSet::new());
            }
            let name = segment.model.name();
            if spots.contains(&spot) && !names.contains(&name) {
                names.push(name);
                self.by_way_of(condition, spot, names);
            }
        }
    }

    /// The spots to come to which may make a condition true, as far as it asks for stages: of the record
    /// itself, or of one around it.
    pub(super) fn spots(&self, condition: &Node) -> BTreeSet<Spot> {
        let mut spots = BTreeSet::new();
        self.add(condition, true, &mut spots, &mut HashSet::new());
        spots
    }

    /// Adds those that may give a condition this answer; `seen` are the segments of which that was asked.
    fn add(
        &self,
        condition: &Node,
        is_true: bool,
        spots: &mut BTreeSet<Spot>,
        seen: &mut HashSet<(i64, bool)>,
    ) {
        let leaf = match condition {
            Node::All(parts) | Node::Any(parts) => {
                return parts.iter().for_each(|part| self.add(part, is_true, spots, seen));
            }
            Node::Not(part) => return self.add(part, !is_true, spots, seen),
            Node::Leaf(leaf) => leaf,
        };
        match &leaf.test {
            Test::Stage(test) => {
                let mut all = self.programs.iter().enumerate();
                let found = all.find(|(_, program)| program.model.id == test.lifecycle);
                spots.extend(found.into_iter().flat_map(|(place, program)| {
                    let stages = program.model.lifecycle.stages.iter().enumerate();
                    // To leave a stage is to come to another.
                    let fits = stages.filter(|(_, of)| test.stages.contains(&of.name) == is_true);
                    fits.map(move |(stage, _)| (place, stage))
                }));
            }
            Test::Related(test) => {
                for answer in [true, false] {
                    if let Some(filter) = &test.filter
                        && may_turn(test.count, answer == is_true)
                    {
                        self.add(filter, answer, spots, seen);
                    }
                }
            }
            Test::Segment(test) => {
                if let Some(condition) = self.live.condition(test.segment)
                    && seen.insert((test.segment, is_true))
                {
                    self.add(condition, is_true, spots, seen);
                }
            }
            Test::Field(_)
            | Test::Event(_)
            | Test::Changed(_)
            | Test::Score(_)
            | Test::Consent(_) => {}
        }
    }
}

/// Whether one more, or one less, may make true what is asked of a number.
const fn may_turn(count: Count, is_more: bool) -> bool {
    match (count.op, count.value) {
        (Comparison::Gt | Comparison::Gte, _) | (Comparison::Neq, 0) => is_more,
        (Comparison::Lt | Comparison::Lte, _) | (Comparison::Eq, 0) => !is_more,
        (Comparison::Eq | Comparison::Neq, _) => true,
    }
}
