//! Roll-ups as text, in the words of conditions: `sum(amount of purchase)`.
//!
//! ```text
//! rollup = "count" "(" source ["where" condition] ")"
//!        | ("sum" | "min" | "max" | "latest") "(" name "of" source ["where" condition] ")"
//! source = name | "related" ["inverse"] name ["as" name] ["role" string] ["open"]
//! ```

use std::fmt::{self, Display, Formatter};

use super::{Aggregate, Related, Rollup, Source};
use crate::{
    Condition, Result,
    formula::KEYWORDS,
    scan::{self, Scanner},
};

/// Words that a source could be mistaken for.
const WORDS: &[&str] = &["related", "inverse"];

/// What to do where a roll-up stands within a formula.
pub(in crate::formula) const ALONE: &str = "a roll-up is the whole formula of its attribute: give \
    it an attribute of its own, and read that one here";

/// Reads the roll-up that stands here; `None`, and nothing is passed over, if none begins here.
///
/// # Errors
///
/// `InvalidArgument`, naming the place in the text.
pub(in crate::formula) fn parse(scan: &mut Scanner<'_>) -> Result<Option<Rollup>> {
    let start = scan.at;
    let word = scan.word();
    let aggregate = Aggregate::ALL.iter().find(|aggregate| word == Some(aggregate.name()));
    let Some(&aggregate) = aggregate.filter(|_| scan.eat("(")) else {
        scan.at = start;
        return Ok(None);
    };
    let mut field = None;
    if aggregate != Aggregate::Count {
        field = Some(scan.name()?);
        if !scan.eat_word("of") {
            let error = scan.expected("of, and then what has this field");
            return Err(error.with_hint(format!(
                "{}(amount of purchase) looks at activities, {}(rating of related employed_by) at \
                 associated records; the lesser of two values is if(a < b, a, b)",
                aggregate.name(),
                aggregate.name()
            )));
        }
    }
    let source = source(scan)?;
    let filter = scan.eat_word("where").then(|| Condition::scan(scan).map(Box::new));
    let filter = filter.transpose()?;
    scan.require(")")?;
    Ok(Some(Rollup { aggregate, field, source, filter }))
}

fn source(scan: &mut Scanner<'_>) -> Result<Source> {
    if !scan.eat_word("related") {
        return Ok(Source::Activities(scan.name()?));
    }
    let inverse = scan.eat_word("inverse");
    let association = scan.name()?;
    let entity_type = if scan.eat_word("as") { Some(scan.name()?) } else { None };
    let role = if scan.eat_word("role") { Some(scan.string()?) } else { None };
    let open = scan.eat_word("open");
    Ok(Source::Related(Related { association, inverse, entity_type, role, open }))
}

/// A name, in backticks where it could be read as something else.
fn name(name: &str) -> String {
    scan::name(name, if WORDS.contains(&name) { WORDS } else { KEYWORDS })
}

impl Display for Rollup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.aggregate.name())?;
        if let Some(field) = &self.field {
            write!(f, "{} of ", name(field))?;
        }
        write!(f, "{}", self.source)?;
        if let Some(filter) = &self.filter {
            write!(f, " where {filter}")?;
        }
        f.write_str(")")
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activities(kind) => f.write_str(&name(kind)),
            Self::Related(Related { association, inverse, entity_type, role, open }) => {
                let inverse = if *inverse { "inverse " } else { "" };
                write!(f, "related {inverse}{}", name(association))?;
                if let Some(entity_type) = entity_type {
                    write!(f, " as {}", name(entity_type))?;
                }
                if let Some(role) = role {
                    write!(f, " role {}", scan::quoted(role))?;
                }
                f.write_str(if *open { " open" } else { "" })
            }
        }
    }
}
