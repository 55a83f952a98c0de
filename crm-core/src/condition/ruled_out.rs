//! What a condition is, where only some of a record is known.

use super::{
    Moment,
    checked::{Compare, Leaf, Node, Test},
    evaluate::fits,
};
use crate::{Timestamp, cell::Cell};

/// What is known of a record, each thing once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Cells by their places in a row of facts.
    pub(crate) cells: Vec<(usize, Cell)>,
    /// The stages on which it stands, by the numbers of the lifecycles.
    pub(crate) stages: Vec<(i64, String)>,
    /// Whether it is a member, by the numbers of segments.
    pub(crate) segments: Vec<(i64, bool)>,
}

/// What a condition is for every record of which this is known; `None` if that hangs on what else the
/// record has.
pub(crate) fn decide(condition: &Node, known: &Known) -> Option<bool> {
    match condition {
        Node::All(parts) => unite(parts, known, false),
        Node::Any(parts) => unite(parts, known, true),
        Node::Not(part) => decide(part, known).map(|is_true| !is_true),
        Node::Leaf(leaf) => match &leaf.test {
            Test::Stage(test) => {
                let mut stages = known.stages.iter();
                let (_, stage) = stages.find(|(lifecycle, _)| *lifecycle == test.lifecycle)?;
                Some(test.stages.contains(stage))
            }
            Test::Segment(test) => {
                let mut segments = known.segments.iter();
                segments.find(|(segment, _)| *segment == test.segment).map(|(_, is)| *is)
            }
            _ if !is_known(leaf, &known.cells) => None,
            _ => {
                // What it looks at does not depend on the time, so that any moment will do.
                let moment = Moment::new(Timestamp::UNIX_EPOCH, "UTC").ok()?;
                Some(fits(condition, row(&known.cells), &moment))
            }
        },
    }
}

fn row(known: &[(usize, Cell)]) -> Vec<Cell> {
    let mut row = Vec::new();
    for (place, cell) in known {
        row.resize(row.len().max(place + 1), Cell::Null);
        row[*place] = cell.clone();
    }
    row
}

/// What parts are together, of which one alone can decide that all are `decided`.
fn unite(parts: &[Node], known: &Known, decided: bool) -> Option<bool> {
    let mut is_open = false;
    for part in parts {
        match decide(part, known) {
            Some(is_true) if is_true == decided => return Some(decided),
            Some(_) => {}
            None => is_open = true,
        }
    }
    (!is_open).then_some(!decided)
}

fn is_known(leaf: &Leaf, known: &[(usize, Cell)]) -> bool {
    let Test::Field(test) = &leaf.test else { return false };
    let is_timeless =
        !matches!(test.compare, Compare::Relative { .. } | Compare::Anniversary { .. });
    let currency = test.currency.iter().map(|(column, _)| column);
    let mut columns = test.present.iter().chain([&test.column]).chain(currency);
    is_timeless && columns.all(|column| known.iter().any(|(place, _)| *place == column.place))
}
