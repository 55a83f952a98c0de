//! The normal form of a condition: two that differ only in how they were put together become equal.
//!
//! Lists within lists of the same sort are one list, what is negated twice is not negated, a list of
//! one is what it holds, and members stand in one order and once. The invariant: the meaning stays,
//! for every record and every moment.

use super::{Condition, Operand, Operator};

impl Condition {
    /// The condition in normal form.
    ///
    /// ```
    /// use crm_core::Condition;
    ///
    /// let condition: Condition = "b = 1 and (not not (a = 1) and b = 1)".parse()?;
    /// assert_eq!(condition.normalise().to_string(), "a = 1 and b = 1");
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    #[must_use]
    pub fn normalise(self) -> Self {
        match self {
            Self::All(parts) => list(parts, Self::All),
            Self::Any(parts) => list(parts, Self::Any),
            Self::Not(part) => match part.normalise() {
                Self::Not(inner) => *inner,
                part => Self::Not(Box::new(part)),
            },
            Self::Field(mut field) => {
                if let Operand::Many(values) = &mut field.value
                    && field.op != Operator::Between
                {
                    let key = |value: &_| serde_json::to_string(value).unwrap_or_default();
                    values.sort_by_cached_key(key);
                    values.dedup();
                }
                Self::Field(field)
            }
            Self::Event(mut event) => {
                event.filter = filter(event.filter);
                Self::Event(event)
            }
            Self::Related(mut related) => {
                related.filter = filter(related.filter);
                Self::Related(related)
            }
            other => other,
        }
    }
}

fn list(parts: Vec<Condition>, make: fn(Vec<Condition>) -> Condition) -> Condition {
    let sort = std::mem::discriminant(&make(Vec::new()));
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        let part = part.normalise();
        match (std::mem::discriminant(&part) == sort, part) {
            (true, Condition::All(parts) | Condition::Any(parts)) => flat.extend(parts),
            (_, part) => flat.push(part),
        }
    }
    flat.sort_by_cached_key(ToString::to_string);
    flat.dedup();
    if flat.len() == 1 { flat.remove(0) } else { make(flat) }
}

/// What is always true narrows nothing down.
fn filter(filter: Option<Box<Condition>>) -> Option<Box<Condition>> {
    let filter = filter?.normalise();
    (filter != Condition::All(Vec::new())).then(|| Box::new(filter))
}
