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
//!           | "stage" "(" word string ")" | "score" "(" [string] sign value ")"
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
use crate::{Error, ErrorKind, Money, Result, Timestamp, Value, limits, normal::name::nearest};

/// Words that a name can be mistaken for.
const KEYWORDS: &[&str] = &["and", "in", "inverse", "missing", "not", "or"];
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
    let mut parser = Parser { text, at: 0, nesting: 0 };
    let condition = parser.any()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.expected("and, or, or the end"));
    }
    size::check(&condition)?;
    Ok(condition)
}

/// Whether text reads a name without backticks.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(is_name_byte)
        && !KEYWORDS.contains(&name)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

/// Whether text reads this as the number of an amount.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && number_length(text) == text.len()
}

/// Whether text reads this as a currency.
pub(super) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How many bytes of a JSON number `text` begins with.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits =
        |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut length = sign + whole;
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    // ---- conditions

    fn any(&mut self) -> Result<Condition> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.eat_word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.eat_word("and") {
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
        if self.eat_word("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.eat("(") {
            let condition = self.any()?;
            self.require(")")?;
            return Ok(condition);
        }
        if self.eat_word("in") {
            self.require_word("segment")?;
            return Ok(Condition::Segment(self.string()?));
        }
        let start = self.at;
        if let Some(word) = self.word() {
            if self.eat("(") {
                return self.call(word, start);
            }
            self.at = start;
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
                self.at = start;
                const CALLS: &[&str] = &[
                    "all", "any", "count", "sum", "min", "max", "first", "last", "related",
                    "changed", "stage", "score", "consent",
                ];
                let error = self.expected("a condition");
                return Err(match nearest(word, CALLS.iter().copied()) {
                    Some(near) => error.with_hint(format!("did you mean {near}(…)?")),
                    None => error,
                });
            }
        };
        self.require(")")?;
        Ok(condition)
    }

    fn count(&mut self) -> Result<Condition> {
        let mut event = self.events()?;
        self.require(")")?;
        event.measure = Measure::Count(self.counted()?);
        Ok(Condition::Event(event))
    }

    fn figure(&mut self, figure: Figure) -> Result<Condition> {
        let property = self.name()?;
        self.require_word("of")?;
        let mut event = self.events()?;
        self.require(")")?;
        let op = self.sign()?;
        event.measure = Measure::Figure { figure, property, op, value: self.value()? };
        Ok(Condition::Event(event))
    }

    fn moment_of(&mut self, end: End) -> Result<Condition> {
        let mut event = self.events()?;
        self.require(")")?;
        let when = if self.eat_word("before") {
            When::Before(self.moment()?)
        } else if self.eat_word("after") {
            When::After(self.moment()?)
        } else if self.eat_word("within") {
            self.require_word("last")?;
            When::WithinLast(self.span()?)
        } else if self.eat_word("older") {
            self.require_word("than")?;
            When::OlderThan(self.span()?)
        } else {
            return Err(self.expected("before, after, within last or older than"));
        };
        event.measure = Measure::Moment { end, when };
        Ok(Condition::Event(event))
    }

    fn events(&mut self) -> Result<EventCondition> {
        let mut event = Condition::event(self.name()?);
        if self.eat_word("within") {
            event.within = Some(self.span()?);
        }
        if self.eat_word("from") {
            event.from = Some(self.moment()?);
        }
        if self.eat_word("until") {
            event.until = Some(self.moment()?);
        }
        if self.eat_word("where") {
            event.filter = Some(Box::new(self.any()?));
        }
        Ok(event)
    }

    fn related(&mut self) -> Result<Condition> {
        let inverse = self.eat_word("inverse");
        let mut related = Condition::related(self.name()?);
        related.inverse = inverse;
        if self.eat_word("as") {
            related.entity_type = Some(self.name()?);
        }
        if self.eat_word("role") {
            related.role = Some(self.string()?);
        }
        if self.eat(":") {
            related.filter = Some(Box::new(self.any()?));
        }
        self.require(")")?;
        if self.peek_sign() {
            related.count = self.counted()?;
        }
        Ok(Condition::Related(related))
    }

    fn changed(&mut self) -> Result<ChangedCondition> {
        let mut changed = Condition::changed(self.name()?);
        if self.eat_word("from") {
            changed.from = Some(self.value()?);
        }
        if self.eat_word("to") {
            changed.to = Some(self.value()?);
        }
        if self.eat_word("within") {
            changed.within = Some(self.span()?);
        }
        Ok(changed)
    }

    fn stage(&mut self) -> Result<StageCondition> {
        let start = self.at;
        let word = self.word();
        let Some(&op) = StageOperator::ALL.iter().find(|op| word == Some(op.name())) else {
            self.at = start;
            return Err(self.expected("eq, neq, at_least or at_most"));
        };
        Ok(StageCondition { op, value: self.string()? })
    }

    fn score(&mut self) -> Result<ScoreCondition> {
        let name = if self.peek("\"") { Some(self.string()?) } else { None };
        Ok(ScoreCondition { name, op: self.sign()?, value: self.value()? })
    }

    fn consent(&mut self) -> Result<ConsentCondition> {
        let channel = self.string()?;
        self.require(",")?;
        Ok(ConsentCondition { channel, purpose: self.string()? })
    }

    fn field(&mut self) -> Result<FieldCondition> {
        let field = self.name()?;
        let op = self.operator()?;
        let value = match op.takes() {
            Takes::Nothing => Operand::Nothing,
            Takes::One => Operand::One(self.value()?),
            Takes::Span => Operand::Span(self.span()?),
            Takes::Many if op == Operator::Between && !self.peek("(") => {
                let least = self.value()?;
                self.require_word("and")?;
                Operand::Many(vec![least, self.value()?])
            }
            Takes::Many => {
                self.require("(")?;
                let values = self.list(Self::value)?;
                self.require(")")?;
                Operand::Many(values)
            }
        };
        let before = self.at;
        let missing = self.eat_word("or") && self.eat_word("missing");
        if !missing {
            self.at = before;
        }
        Ok(FieldCondition { field, op, value, missing })
    }

    /// The operator whose words stand here.
    fn operator(&mut self) -> Result<Operator> {
        if self.peek_sign() {
            return Ok(match self.sign()? {
                Comparison::Eq => Operator::Eq,
                Comparison::Neq => Operator::Neq,
                Comparison::Lt => Operator::Lt,
                Comparison::Lte => Operator::Lte,
                Comparison::Gt => Operator::Gt,
                Comparison::Gte => Operator::Gte,
            });
        }
        let start = self.at;
        for op in Operator::ALL {
            if print::words(*op).split(' ').all(|word| self.eat_word(word)) {
                return Ok(*op);
            }
            self.at = start;
        }
        Err(self.expected("an operator").with_hint(
            "one of = != < <= > >=, between, in, not in, contains, starts with, ends with, \
             matches, is set, is missing, has any, has all, has none, within last, within next, \
             anniversary within last, anniversary within next",
        ))
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.peek(")") {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if !self.eat(",") {
                return Ok(items);
            }
        }
    }

    fn counted(&mut self) -> Result<Count> {
        let op = self.sign()?;
        self.skip_space();
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(value) = rest[..digits].parse() else {
            return Err(self.expected("a whole number of 0 or more"));
        };
        self.at += digits;
        Ok(Count { op, value })
    }

    // ---- words

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn peek(&mut self, sign: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.peek(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn require(&mut self, sign: &str) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| is_name_byte(*byte)).count();
        let is_word = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        self.at += if is_word { length } else { 0 };
        is_word.then(|| &rest[..length])
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let start = self.at;
        let found = self.word() == Some(word);
        if !found {
            self.at = start;
        }
        found
    }

    fn require_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    fn name(&mut self) -> Result<String> {
        if !self.eat("`") {
            let name = self.word().map(str::to_owned);
            return name.ok_or_else(|| self.expected("a name"));
        }
        let mut name = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((place, character)) = characters.next() {
            match character {
                '`' => {
                    self.at += place + 1;
                    return Ok(name);
                }
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                other => name.push(other),
            }
        }
        self.at = self.text.len();
        Err(self.expected("` after the name"))
    }

    fn peek_sign(&mut self) -> bool {
        ["=", "!=", "<", ">"].iter().any(|sign| self.peek(sign))
    }

    fn sign(&mut self) -> Result<Comparison> {
        for (sign, op) in [
            ("==", Comparison::Eq),
            ("=", Comparison::Eq),
            ("!=", Comparison::Neq),
            ("<>", Comparison::Neq),
            ("<=", Comparison::Lte),
            (">=", Comparison::Gte),
            ("<", Comparison::Lt),
            (">", Comparison::Gt),
        ] {
            if self.eat(sign) {
                return Ok(op);
            }
        }
        Err(self.expected("one of = != < <= > >="))
    }

    // ---- values

    fn value(&mut self) -> Result<Value> {
        self.skip_space();
        if self.rest().starts_with(['"', '{', '[']) {
            return self.json();
        }
        let length = number_length(self.rest());
        if length > 0 {
            return self.number(length);
        }
        let start = self.at;
        match self.word() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            Some("null") => Ok(Value::Null),
            _ => {
                self.at = start;
                Err(self.expected("a value").with_hint("text stands in double quotes"))
            }
        }
    }

    fn number(&mut self, length: usize) -> Result<Value> {
        let number = &self.rest()[..length];
        let start = self.at;
        self.at += length;
        let after = self.at;
        if let Some(currency) = self.word().filter(|word| is_currency(word)) {
            return Ok(Value::Money(Money::new(number, currency)));
        }
        self.at = after;
        let value = match number.parse() {
            Ok(whole) => Some(Value::Integer(whole)),
            Err(_) => number.parse().ok().filter(|real: &f64| real.is_finite()).map(Value::Real),
        };
        value.ok_or_else(|| {
            self.at = start;
            self.expected("a finite number")
        })
    }

    /// A text, an object of parts or a list of texts, as in JSON.
    fn json(&mut self) -> Result<Value> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            _ => Err(self.expected("a value as in JSON")),
        }
    }

    fn string(&mut self) -> Result<String> {
        if !self.peek("\"") {
            return Err(self.expected("text in double quotes"));
        }
        match self.json()? {
            Value::Text(text) => Ok(text),
            _ => Err(self.expected("text in double quotes")),
        }
    }

    fn moment(&mut self) -> Result<Timestamp> {
        let start = self.at;
        let text = self.string()?;
        text.parse::<Timestamp>().map_err(|error| {
            self.at = start;
            self.expected("a timestamp").with_hint(error.hint().unwrap_or_default())
        })
    }

    fn span(&mut self) -> Result<Span> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let span = rest[..length].parse::<Span>().map_err(|error| {
            self.expected("a span of time").with_hint(error.hint().unwrap_or_default())
        })?;
        self.at += length;
        Ok(span)
    }

    /// The error for what does not stand at this place.
    fn expected(&mut self, what: &str) -> Error {
        self.skip_space();
        let message = format!("expected {what} at byte {}", self.at);
        Error::new(ErrorKind::InvalidArgument, message)
    }
}
