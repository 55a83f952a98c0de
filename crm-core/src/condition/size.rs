//! How large a condition may be, so that nothing that works on one runs out of stack, time or
//! SQLite's depth of expressions.

use super::{Condition, Operand};
use crate::{Error, ErrorKind, Result, limits};

/// Refuses a condition that is too deep or too large.
///
/// # Errors
///
/// `LimitExceeded`.
pub(super) fn check(condition: &Condition) -> Result<()> {
    let mut size = Size::default();
    size.add(condition, 1, 0)
}

#[derive(Default)]
struct Size {
    nodes: usize,
    values: usize,
}

impl Size {
    /// The recursion ends with the depth that is allowed.
    fn add(&mut self, condition: &Condition, depth: usize, hops: usize) -> Result<()> {
        self.nodes += 1;
        if depth > limits::CONDITION_DEPTH {
            return Err(too_deep());
        }
        if self.nodes > limits::CONDITION_NODES {
            return Err(exceeded(format!("at most {} conditions in one", limits::CONDITION_NODES)));
        }
        if let Condition::Field(field) = condition
            && let Operand::Many(values) = &field.value
        {
            self.values += values.len();
            if self.values > limits::CONDITION_VALUES {
                let most = limits::CONDITION_VALUES;
                return Err(exceeded(format!("at most {most} values in lists")));
            }
        }
        let hops = hops + usize::from(matches!(condition, Condition::Related(_)));
        if hops > limits::CONDITION_HOPS {
            let most = limits::CONDITION_HOPS;
            return Err(exceeded(format!("at most {most} related records one after the other")));
        }
        condition.nested().try_for_each(|part| self.add(part, depth + 1, hops))
    }
}

impl Condition {
    /// The conditions directly within this one.
    pub(crate) fn nested(&self) -> impl Iterator<Item = &Self> {
        let (many, one): (&[Self], Option<&Self>) = match self {
            Self::All(parts) | Self::Any(parts) => (parts, None),
            Self::Not(part) => (&[], Some(part)),
            Self::Event(event) => (&[], event.filter.as_deref()),
            Self::Related(related) => (&[], related.filter.as_deref()),
            _ => (&[], None),
        };
        many.iter().chain(one)
    }
}

/// The error for nesting that is not followed further.
pub(super) fn too_deep() -> Error {
    exceeded(format!("nested more than {} deep", limits::CONDITION_DEPTH))
}

fn exceeded(message: String) -> Error {
    Error::new(ErrorKind::LimitExceeded, message)
}
