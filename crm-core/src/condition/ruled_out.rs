//! Whether a condition can be true at all, where only some of a record is known.

use super::{
    Moment,
    checked::{Checked, Compare, Leaf, Node, Test},
    evaluate::fits,
};
use crate::{Timestamp, cell::Cell};

/// What a condition is for every record that has these cells at these places; `None` if that hangs on
/// what else the record has.
pub(crate) fn decide(condition: &Checked, known: &[(usize, Cell)]) -> Option<bool> {
    ask(&condition.root, known)
}

/// What a node is, if what is known says so.
fn ask(node: &Node, known: &[(usize, Cell)]) -> Option<bool> {
    match node {
        Node::All(parts) => unite(parts, known, false),
        Node::Any(parts) => unite(parts, known, true),
        Node::Not(part) => ask(part, known).map(|is_true| !is_true),
        Node::Leaf(leaf) => {
            // What it looks at does not depend on the time, so that any moment will do.
            let moment = Moment::new(Timestamp::UNIX_EPOCH, "UTC").ok()?;
            is_known(leaf, known).then(|| fits(node, row(known), &moment))
        }
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
fn unite(parts: &[Node], known: &[(usize, Cell)], decided: bool) -> Option<bool> {
    let mut is_open = false;
    for part in parts {
        match ask(part, known) {
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
