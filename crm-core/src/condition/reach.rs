//! What a condition looks at: which facts, and of which records around the one it is asked about.
//!
//! Whoever keeps an answer up to date has to know which writes can change it. A [`Reach`] says so
//! as places: the record itself, and the records that each question about related ones leads to. The
//! invariant: a write that touches nothing of any place leaves the answer as it is, for as long as
//! no time passes; see `due` for what time does.

use std::collections::BTreeSet;

use super::checked::{Checked, Column, Compare, FieldTest, Named, Node, Test, Way};

/// The places at which a condition looks; the record that it is asked about comes first.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) places: Vec<Place>,
}

/// Records of one entity type at which a condition looks.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) entity_type: String,
    /// How they are found from the record of the condition; none for that record itself. Every
    /// beginning of it is the way of another place.
    pub(crate) hops: Vec<Hop>,
    pub(crate) reads: Reads,
}

/// A step from records of one entity type to those that are related to them.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// The entity type from which it leads.
    pub(crate) near: String,
    pub(crate) way: Way,
    /// The entity type to which it leads.
    pub(crate) far: String,
}

/// What is read of the records at a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Columns, by their place in the row of facts.
    pub(crate) columns: BTreeSet<usize>,
    /// Attributes of which the past is read.
    pub(crate) changed: BTreeSet<String>,
    pub(crate) activities: Kinds,
    /// The numbers of lifecycles.
    pub(crate) stages: BTreeSet<i64>,
    /// The numbers of scores.
    pub(crate) scores: BTreeSet<i64>,
    /// The numbers of segments.
    pub(crate) segments: BTreeSet<i64>,
}

/// Kinds of activities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// These, by number; none if there are none.
    Of(BTreeSet<i64>),
    Any,
}

impl Default for Kinds {
    fn default() -> Self {
        Self::Of(BTreeSet::new())
    }
}

impl Kinds {
    fn add(&mut self, kind: Option<&Named>) {
        match (&mut *self, kind) {
            (Self::Of(kinds), Some(kind)) => {
                kinds.insert(kind.id);
            }
            (Self::Of(_), None) => *self = Self::Any,
            (Self::Any, _) => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Of(kinds) if kinds.is_empty())
    }

    pub(crate) fn contains(&self, kind: i64) -> bool {
        match self {
            Self::Of(kinds) => kinds.contains(&kind),
            Self::Any => true,
        }
    }
}

impl Reach {
    /// What `checked` looks at.
    pub(crate) fn of(checked: &Checked) -> Self {
        let mut reach = Self { places: Vec::new() };
        reach.add(&checked.entity_type, &[], Some(&checked.root));
        reach
    }

    /// Adds the place that `hops` lead to, and those around it.
    fn add(&mut self, entity_type: &str, hops: &[Hop], node: Option<&Node>) {
        let mut reads = Reads::default();
        let leaves = node.map(Node::leaves).unwrap_or_default();
        for leaf in &leaves {
            match &leaf.test {
                Test::Field(test) => reads.field(test),
                Test::Event(test) => reads.activities.add(test.kind.as_ref()),
                Test::Changed(test) => {
                    reads.changed.insert(test.attribute.clone());
                }
                Test::Stage(test) => {
                    reads.stages.insert(test.lifecycle);
                }
                Test::Score(test) => {
                    reads.scores.insert(test.model);
                }
                // No answer to it is kept.
                Test::Consent(_) => {}
                Test::Segment(test) => {
                    reads.segments.insert(test.segment);
                }
                Test::Related(test) => {
                    if let Way::Reference(column) = &test.way {
                        reads.columns.insert(column.place);
                    }
                }
            }
        }
        let (entity_type, hops) = (entity_type.to_owned(), hops.to_vec());
        self.places.push(Place { entity_type: entity_type.clone(), hops: hops.clone(), reads });
        for leaf in leaves {
            let Test::Related(test) = &leaf.test else { continue };
            for far in &test.types {
                let (near, way) = (entity_type.clone(), test.way.clone());
                let hop = Hop { near, way, far: far.name.clone() };
                self.add(&far.name, &[&hops[..], &[hop]].concat(), test.filter.as_deref());
            }
        }
    }

    /// Whether it looks at records of this entity type at all.
    pub(crate) fn concerns(&self, entity_type: &str) -> bool {
        self.places.iter().any(|place| place.entity_type == entity_type)
    }
}

impl Reads {
    fn field(&mut self, test: &FieldTest) {
        let FieldTest { column, present, currency, compare, .. } = test;
        let place = |column: &Column| column.place;
        self.columns.extend(present.iter().map(place));
        if !matches!(compare, Compare::Set { .. }) {
            self.columns.insert(column.place);
            self.columns.extend(currency.iter().map(|(column, _)| column.place));
        }
    }
}
