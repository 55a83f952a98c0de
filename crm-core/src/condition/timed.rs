//! Whether the answer of a condition can change by time alone.
//!
//! Whoever keeps answers up to date asks `due` when that will be; for most conditions it is never, and
//! this says so without looking at any record. The invariant: where it says no, `due` has no moment.

use super::checked::{Compare, Frame, Leaf, MeasureTest, Node, Test, Way, WhenTest};

/// Whether time alone can change what a condition answers.
pub(crate) fn depends_on_time(node: &Node) -> bool {
    node.leaves().into_iter().any(is_timed)
}

/// Whether time alone can change the answer to a question.
pub(crate) fn is_timed(leaf: &Leaf) -> bool {
    match &leaf.test {
        Test::Field(test) => {
            matches!(test.compare, Compare::Relative { .. } | Compare::Anniversary { .. })
        }
        Test::Event(test) => {
            // What lies ahead counts only from its time on, unless it is looked for by then.
            let is_fixed = matches!(test.frame, Frame::Between(_, Some(_)));
            let is_relative = matches!(
                &test.measure,
                MeasureTest::Moment { when: WhenTest::WithinLast(_) | WhenTest::OlderThan(_), .. }
            );
            !is_fixed || is_relative || test.filter.as_deref().is_some_and(depends_on_time)
        }
        Test::Related(test) => {
            matches!(test.way, Way::Association { .. })
                || test.filter.as_deref().is_some_and(depends_on_time)
        }
        Test::Changed(test) => test.within.is_some(),
        Test::Stage(_) | Test::Segment(_) => false,
        // Points fade, and consents end.
        Test::Score(_) | Test::Consent(_) => true,
    }
}
