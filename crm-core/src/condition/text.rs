//! Reads conditions written as text: `country = "DE" and not related(employed_by: employees < 50)`.
//!
//! A descent over a grammar in which `not` binds closer than `and`, and `and` closer than `or`:
//!
//! ```text
//! any       = all { "or" all }
//! all       = one { "and" one }
//! one       = "not" one | "(" any ")" | "in" "segment" string | call | field
//! call      = ("all" | "any") "(" [ any { "," any } ] ")"
//!           | "count" "(" events ")" sign number
//!           | ("sum" | "min" | "max") "(" name "of" events ")" sign value
//!           | ("first" | "last") "(" events ")" ("before" string | "after" string
//!                                               | "within" "last" span | "older" "than" span)
//!           | "related" "(" ["inverse"] name ["as" name] ["role" string] [":" any] ")" [sign number]
//!           | "changed" "(" name ["from" value] ["to" value] ["within" span] ")"
//!           | "stage" "(" word string ["in" string] ")" | "score" "(" [string] sign value ")"
//!           | "consent" "(" string "," string ")"
//! events    = name ["within" span] ["from" string] ["until" string] ["where" any]
//! field     = name operator [ value | values | span | value "and" value ] ["or" "missing"]
//! values    = "(" [ value { "," value } ] ")"
//! value     = string | number [currency] | "true" | "false" | "null" | JSON object or list
//! ```
//!
//! A name that is not plain, or is one of the words above, stands in backticks. Errors name the byte
//! at which reading stopped and never repeat what stands there.

use super::{
    ChangedCondition, Comparison, Condition, ConsentCondition, Count, End, EventCondition,
    FieldCondition, Figure, Measure, Operand, Operator, ScoreCondition, Span, StageCondition,
    StageOperator, Takes, When, print, size,
};
use crate::{
    Error, ErrorKind, Money, Result, Timestamp, Value, limits,
    normal::name::nearest,
    scan::{Scanner, is_currency, number_length},
};

/// Words that a name can be mistaken for.
pub(super) const KEYWORDS: &[&str] = &["and", "in", "inverse", "missing", "not", "or"];
/// Parentheses and calls within each other: one of each for every level, and some for the reader.
const NESTING: usize = 2 * limits::CONDITION_DEPTH + 2;

/// Reads a condition.
///
/// # Errors
///
/// `InvalidArgument`, naming the place in the text; `LimitExceeded`.
pub(super) fn parse(text: &str) -> Result<Condition> {
    if text.len() > limits::CONDITION_TEXT_BYTES {
        let most = limits::CONDITION_TEXT_BYTES;
        return Err(Error::new(ErrorKind::LimitExceeded, format!("at most {most} bytes of text")));
    }
    let mut parser = Parser { scan: Scanner::new(text), nesting: 0 };
    let condition = parser.any()?;
    if !parser.scan.is_at_end() {
        return Err(parser.scan.expected("and, or, or the end"));
    }
    size::check(&condition)?;
    Ok(condition)
}

impl Condition {
    /// Reads a condition within another text, up to where it ends.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the place in the text; `LimitExceeded`.
    pub(crate) fn scan(scan: &mut Scanner<'_>) -> Result<Self> {
        let mut parser = Parser { scan: Scanner { text: scan.text, at: scan.at }, nesting: 0 };
        let condition = parser.any()?;
        scan.at = parser.scan.at;
        size::check(&condition)?;
        Ok(condition)
    }
}

/// Whether text reads this as the number of an amount.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && number_length(text) == text.len()
}

struct Parser<'a> {
    scan: Scanner<'a>,
    nesting: usize,
}

impl<'a> Parser<'a> {
    // ---- conditions

    fn any(&mut self) -> Result<Condition> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.scan.eat_word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.scan.eat_word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    /// Every recursion of the grammar comes through here.
    fn one(&mut self) -> Result<Condition> {
        self.nesting += 1;
        if self.nesting > NESTING {
            return Err(size::too_deep());
        }
        let condition = self.one_here();
        self.nesting -= 1;
        condition
    }

    fn one_here(&mut self) -> Result<Condition> {
        if self.scan.eat_word("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.scan.eat("(") {
            let condition = self.any()?;
            self.scan.require(")")?;
            return Ok(condition);
        }
        if self.scan.eat_word("in") {
            self.scan.require_word("segment")?;
            return Ok(Condition::Segment(self.scan.string()?));
        }
        let start = self.scan.at;
        if let Some(word) = self.scan.word() {
            if self.scan.eat("(") {
                return self.call(word, start);
            }
            self.scan.at = start;
        }
        self.field().map(Condition::Field)
    }

    fn call(&mut self, word: &str, start: usize) -> Result<Condition> {
        let condition = match word {
            "all" => Condition::All(self.list(Self::any)?),
            "any" => Condition::Any(self.list(Self::any)?),
            "count" => return self.count(),
            "sum" => return self.figure(Figure::Sum),
            "min" => return self.figure(Figure::Min),
            "max" => return self.figure(Figure::Max),
            "first" => return self.moment_of(End::First),
            "last" => return self.moment_of(End::Last),
            "related" => return self.related(),
            "changed" => Condition::Changed(self.changed()?),
            "stage" => Condition::Stage(self.stage()?),
            "score" => Condition::Score(self.score()?),
            "consent" => Condition::Consent(self.consent()?),
            _ => {
                self.scan.at = start;
                const CALLS: &[&str] = &[
                    "all", "any", "count", "sum", "min", "max", "first", "last", "related",
                    "changed", "stage", "score", "consent",
                ];
                let error = self.scan.expected("a condition");
                if word == "segment" {
                    return Err(error.with_hint("did you mean in segment \"…\"?"));
                }
                return Err(match nearest(word, CALLS.iter().copied()) {
                    Some(near) => error.with_hint(format!("did you mean {near}(…)?")),
                    None => error.with_hint(format!(
                        "it begins with a field, not, (, in segment, or one of {}, each with (",
                        CALLS.join(", ")
                    )),
                });
            }
        };
        self.scan.require(")")?;
        Ok(condition)
    }

    fn count(&mut self) -> Result<Condition> {
        let mut event = self.events()?;
        self.scan.require(")")?;
        event.measure = Measure::Count(self.counted()?);
        Ok(Condition::Event(event))
    }

    fn figure(&mut self, figure: Figure) -> Result<Condition> {
        let property = self.scan.name()?;
        self.scan.require_word("of")?;
        let mut event = self.events()?;
        self.scan.require(")")?;
        let op = self.scan.sign()?;
        event.measure = Measure::Figure { figure, property, op, value: self.value()? };
        Ok(Condition::Event(event))
    }

    fn moment_of(&mut self, end: End) -> Result<Condition> {
        let mut event = self.events()?;
        self.scan.require(")")?;
        let when = if self.scan.eat_word("before") {
            When::Before(self.moment()?)
        } else if self.scan.eat_word("after") {
            When::After(self.moment()?)
        } else if self.scan.eat_word("within") {
            self.scan.require_word("last")?;
            When::WithinLast(self.span()?)
        } else if self.scan.eat_word("older") {
            self.scan.require_word("than")?;
            When::OlderThan(self.span()?)
        } else {
            return Err(self.scan.expected("before, after, within last or older than"));
        };
        event.measure = Measure::Moment { end, when };
        Ok(Condition::Event(event))
    }

    fn events(&mut self) -> Result<EventCondition> {
        let mut event = Condition::event(self.scan.name()?);
        if self.scan.eat_word("within") {
            event.within = Some(self.span()?);
        }
        if self.scan.eat_word("from") {
            event.from = Some(self.moment()?);
        }
        if self.scan.eat_word("until") {
            event.until = Some(self.moment()?);
        }
        if self.scan.eat_word("where") {
            event.filter = Some(Box::new(self.any()?));
        }
        Ok(event)
    }

    fn related(&mut self) -> Result<Condition> {
        let inverse = self.scan.eat_word("inverse");
        let mut related = Condition::related(self.scan.name()?);
        related.inverse = inverse;
        if self.scan.eat_word("as") {
            related.entity_type = Some(self.scan.name()?);
        }
        if self.scan.eat_word("role") {
            related.role = Some(self.scan.string()?);
        }
        if self.scan.eat(":") {
            related.filter = Some(Box::new(self.any()?));
        }
        self.scan.require(")")?;
        if self.scan.peek_sign() {
            related.count = self.counted()?;
        }
        Ok(Condition::Related(related))
    }

    fn changed(&mut self) -> Result<ChangedCondition> {
        let mut changed = Condition::changed(self.scan.name()?);
        if self.scan.eat_word("from") {
            changed.from = Some(self.value()?);
        }
        if self.scan.eat_word("to") {
            changed.to = Some(self.value()?);
        }
        if self.scan.eat_word("within") {
            changed.within = Some(self.span()?);
        }
        Ok(changed)
    }

    fn stage(&mut self) -> Result<StageCondition> {
        let start = self.scan.at;
        let word = self.scan.word();
        let Some(&op) = StageOperator::ALL.iter().find(|op| word == Some(op.name())) else {
            self.scan.at = start;
            return Err(self.scan.expected("eq, neq, at_least or at_most"));
        };
        let value = self.scan.string()?;
        let lifecycle = if self.scan.eat_word("in") { Some(self.scan.string()?) } else { None };
        Ok(StageCondition { op, value, lifecycle })
    }

    fn score(&mut self) -> Result<ScoreCondition> {
        let name = if self.scan.peek("\"") { Some(self.scan.string()?) } else { None };
        Ok(ScoreCondition { name, op: self.scan.sign()?, value: self.value()? })
    }

    fn consent(&mut self) -> Result<ConsentCondition> {
        let channel = self.scan.string()?;
        self.scan.require(",")?;
        Ok(ConsentCondition { channel, purpose: self.scan.string()? })
    }

    fn field(&mut self) -> Result<FieldCondition> {
        let field = self.scan.name()?;
        let op = self.operator()?;
        let value = match op.takes() {
            Takes::Nothing => Operand::Nothing,
            Takes::One => Operand::One(self.value()?),
            Takes::Span => Operand::Span(self.span()?),
            Takes::Many if op == Operator::Between && !self.scan.peek("(") => {
                let least = self.value()?;
                self.scan.require_word("and")?;
                Operand::Many(vec![least, self.value()?])
            }
            Takes::Many => {
                self.scan.require("(")?;
                let values = self.list(Self::value)?;
                self.scan.require(")")?;
                Operand::Many(values)
            }
        };
        let before = self.scan.at;
        let missing = self.scan.eat_word("or") && self.scan.eat_word("missing");
        if !missing {
            self.scan.at = before;
        }
        Ok(FieldCondition { field, op, value, missing })
    }

    /// The operator whose words stand here.
    fn operator(&mut self) -> Result<Operator> {
        if self.scan.peek_sign() {
            return Ok(match self.scan.sign()? {
                Comparison::Eq => Operator::Eq,
                Comparison::Neq => Operator::Neq,
                Comparison::Lt => Operator::Lt,
                Comparison::Lte => Operator::Lte,
                Comparison::Gt => Operator::Gt,
                Comparison::Gte => Operator::Gte,
            });
        }
        let start = self.scan.at;
        for op in Operator::ALL {
            if print::words(*op).split(' ').all(|word| self.scan.eat_word(word)) {
                return Ok(*op);
            }
            self.scan.at = start;
        }
        Err(self.scan.expected("an operator").with_hint(
            "one of = != < <= > >=, between, in, not in, contains, starts with, ends with, \
             matches, is set, is missing, has any, has all, has none, within last, within next, \
             anniversary within last, anniversary within next",
        ))
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.scan.peek(")") {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if !self.scan.eat(",") {
                return Ok(items);
            }
        }
    }

    fn counted(&mut self) -> Result<Count> {
        let op = self.scan.sign()?;
        self.scan.skip_space();
        let rest = self.scan.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(value) = rest[..digits].parse() else {
            return Err(self.scan.expected("a whole number of 0 or more"));
        };
        self.scan.at += digits;
        Ok(Count { op, value })
    }

    // ---- values

    fn value(&mut self) -> Result<Value> {
        self.scan.skip_space();
        if self.scan.rest().starts_with(['"', '{', '[']) {
            return self.scan.json();
        }
        let length = number_length(self.scan.rest());
        if length > 0 {
            return self.number(length);
        }
        let start = self.scan.at;
        match self.scan.word() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            Some("null") => Ok(Value::Null),
            _ => {
                self.scan.at = start;
                Err(self.scan.expected("a value").with_hint("text stands in double quotes"))
            }
        }
    }

    fn number(&mut self, length: usize) -> Result<Value> {
        let number = &self.scan.rest()[..length];
        let start = self.scan.at;
        self.scan.at += length;
        let after = self.scan.at;
        if let Some(currency) = self.scan.word().filter(|word| is_currency(word)) {
            return Ok(Value::Money(Money::new(number, currency)));
        }
        self.scan.at = after;
        let value = match number.parse() {
            Ok(whole) => Some(Value::Integer(whole)),
            Err(_) => number.parse().ok().filter(|real: &f64| real.is_finite()).map(Value::Real),
        };
        value.ok_or_else(|| {
            self.scan.at = start;
            self.scan.expected("a finite number")
        })
    }

    fn moment(&mut self) -> Result<Timestamp> {
        let start = self.scan.at;
        let text = self.scan.string()?;
        text.parse::<Timestamp>().map_err(|error| {
            self.scan.at = start;
            self.scan.expected("a timestamp").with_hint(error.hint().unwrap_or_default())
        })
    }

    fn span(&mut self) -> Result<Span> {
        self.scan.skip_space();
        let rest = self.scan.rest();
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let span = rest[..length].parse::<Span>().map_err(|error| {
            self.scan.expected("a span of time").with_hint(error.hint().unwrap_or_default())
        })?;
        self.scan.at += length;
        Ok(span)
    }
}
