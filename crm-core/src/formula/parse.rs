//! Reads formulas written as text: `if(quantity > 10, price * 0.9, price)`.
//!
//! A descent over a grammar in which the later lines bind closer:
//!
//! ```text
//! formula = conjunction { "or" conjunction }
//! conjunction = negation { "and" negation }
//! negation = "not" negation | comparison
//! comparison = sum [ sign sum ]
//! sum = product { ("+" | "-") product }
//! product = factor { ("*" | "/") factor }
//! factor = "-" factor | "(" formula ")" | name "(" [ formula { "," formula } ] ")" | name | literal
//! literal = digits ["." digits] [currency] | string | "true" | "false" | "null"
//! ```
//!
//! Or the whole is a roll-up, which `rollup` reads.

use super::{
    Formula, Function, KEYWORDS, Literal, Number, Operator,
    rollup::{self, Aggregate},
};
use crate::{
    Error, ErrorKind, Result, limits,
    normal::{self, name::nearest},
    scan::{Scanner, is_currency, number_length},
};

/// Names by which other systems ask for the present.
const CLOCKS: &[&str] = &["today", "now", "current_date", "current_timestamp", "current_time"];

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the place in the text; `LimitExceeded`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > limits::FORMULA_BYTES {
            return Err(exceeded(format!("at most {} bytes of text", limits::FORMULA_BYTES)));
        }
        let mut parser = Parser { scan: Scanner::new(text), nesting: 0, nodes: 0 };
        if let Some(rollup) = rollup::parse(&mut parser.scan)? {
            return match parser.scan.is_at_end() {
                true => Ok(Self::Rollup(rollup)),
                false => Err(parser.scan.expected("the end").with_hint(rollup::ALONE)),
            };
        }
        let formula = parser.formula()?;
        if !parser.scan.is_at_end() {
            return Err(parser.scan.expected("an operator or the end"));
        }
        Ok(formula)
    }
}

struct Parser<'a> {
    scan: Scanner<'a>,
    nesting: usize,
    nodes: usize,
}

impl Parser<'_> {
    fn formula(&mut self) -> Result<Formula> {
        let mut formula = self.conjunction()?;
        while self.scan.eat_word("or") {
            let right = self.conjunction()?;
            formula = self.operation(Operator::Or, formula, right)?;
        }
        Ok(formula)
    }

    fn conjunction(&mut self) -> Result<Formula> {
        let mut formula = self.negation()?;
        while self.scan.eat_word("and") {
            let right = self.negation()?;
            formula = self.operation(Operator::And, formula, right)?;
        }
        Ok(formula)
    }

    fn negation(&mut self) -> Result<Formula> {
        if self.scan.eat_word("not") {
            let operand = self.nested(Self::negation)?;
            return self.node(Formula::Not(Box::new(operand)));
        }
        let left = self.sum()?;
        if !self.scan.peek_sign() {
            return Ok(left);
        }
        let op = Operator::Compare(self.scan.sign()?);
        let right = self.sum()?;
        self.operation(op, left, right)
    }

    fn sum(&mut self) -> Result<Formula> {
        let mut formula = self.product()?;
        loop {
            let op = if self.scan.eat("+") {
                Operator::Add
            } else if self.scan.eat("-") {
                Operator::Subtract
            } else {
                return Ok(formula);
            };
            let right = self.product()?;
            formula = self.operation(op, formula, right)?;
        }
    }

    fn product(&mut self) -> Result<Formula> {
        let mut formula = self.factor()?;
        loop {
            let op = if self.scan.eat("*") {
                Operator::Multiply
            } else if self.scan.eat("/") {
                Operator::Divide
            } else {
                return Ok(formula);
            };
            let right = self.factor()?;
            formula = self.operation(op, formula, right)?;
        }
    }

    fn factor(&mut self) -> Result<Formula> {
        if self.scan.eat("-") {
            let operand = self.nested(Self::factor)?;
            return self.node(Formula::Negate(Box::new(operand)));
        }
        if self.scan.eat("(") {
            let formula = self.nested(Self::formula)?;
            self.scan.require(")")?;
            return Ok(formula);
        }
        if self.scan.peek("\"") {
            let text = self.scan.string()?;
            return self.node(Formula::Literal(Literal::Text(text)));
        }
        if number_length(self.scan.rest()) > 0 {
            return self.number();
        }
        self.named()
    }

    /// A literal, an attribute or a call.
    fn named(&mut self) -> Result<Formula> {
        if self.scan.peek("`") {
            return self.attribute();
        }
        let start = self.scan.at;
        let literal = match self.scan.word() {
            None => return Err(self.scan.expected("an attribute, a function or a value")),
            Some("true") => Literal::Truth(true),
            Some("false") => Literal::Truth(false),
            Some("null") => Literal::Null,
            Some(word) if self.scan.eat("(") => return self.call(word, start),
            Some(word) => {
                self.scan.at = start;
                if KEYWORDS.contains(&word) {
                    let error = self.scan.expected("an attribute, a function or a value");
                    return Err(error.with_hint("an attribute of this name stands in backticks"));
                }
                return self.attribute();
            }
        };
        self.node(Formula::Literal(literal))
    }

    fn attribute(&mut self) -> Result<Formula> {
        self.scan.skip_space();
        let start = self.scan.at;
        let name = self.scan.name()?;
        if normal::name::check(&name, "attribute").is_err() {
            self.scan.at = start;
            return Err(self.scan.expected("the name of an attribute"));
        }
        self.node(Formula::Attribute(name))
    }

    fn number(&mut self) -> Result<Formula> {
        let start = self.scan.at;
        let rest = self.scan.rest();
        let Some(number) = Number::parse(&rest[..number_length(rest)]) else {
            let error = self.scan.expected("a number without an exponent");
            return Err(error.with_hint("at most 38 digits, and 18 of them after the point"));
        };
        self.scan.at += number_length(rest);
        let after = self.scan.at;
        let Some(code) = self.scan.word().filter(|word| is_currency(word)) else {
            self.scan.at = after;
            return self.node(Formula::Literal(Literal::Number(number)));
        };
        let (code, _) = normal::currency::currency(code).map_err(|_| {
            self.scan.at = start;
            self.scan.expected("an amount in a currency of ISO 4217")
        })?;
        self.node(Formula::Literal(Literal::Money(number, code)))
    }

    fn call(&mut self, word: &str, start: usize) -> Result<Formula> {
        let Some(&function) = Function::ALL.iter().find(|function| function.name() == word) else {
            self.scan.at = start;
            return Err(self.unknown_function(word));
        };
        let mut parts = Vec::new();
        if !self.scan.peek(")") {
            parts.push(self.nested(Self::formula)?);
            while self.scan.eat(",") {
                parts.push(self.nested(Self::formula)?);
            }
        }
        self.scan.require(")")?;
        let (least, most) = function.arity();
        if (least..=most).contains(&parts.len()) {
            return self.node(Formula::Call(function, parts));
        }
        let message = match most {
            usize::MAX => format!("{word} takes at least {least}"),
            _ if least == most => format!("{word} takes {least}"),
            _ => format!("{word} takes {least} to {most}"),
        };
        let message = format!("{message}, and is given {} at byte {start}", parts.len());
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }

    fn unknown_function(&mut self, word: &str) -> Error {
        let error = self.scan.expected("a function");
        if Aggregate::ALL.iter().any(|aggregate| aggregate.name() == word) {
            return error.with_hint(rollup::ALONE);
        }
        if CLOCKS.contains(&word) {
            return error.with_hint(
                "a formula has no clock, because what it gives is stored and would become untrue \
                 by itself: store the date, and compare it with the present in a condition",
            );
        }
        let rollups = Aggregate::ALL.iter().map(|aggregate| aggregate.name());
        let names = Function::ALL.iter().map(|function| function.name()).chain(rollups);
        match nearest(word, names.clone()) {
            Some(near) => error.with_hint(format!("did you mean {near}(…)?")),
            None => error.with_hint(format!("one of {}", names.collect::<Vec<_>>().join(", "))),
        }
    }

    /// Every recursion of the grammar comes through here.
    fn nested(&mut self, read: impl Fn(&mut Self) -> Result<Formula>) -> Result<Formula> {
        self.nesting += 1;
        if self.nesting > limits::FORMULA_DEPTH {
            return Err(exceeded(format!("nested more than {} deep", limits::FORMULA_DEPTH)));
        }
        let formula = read(self);
        self.nesting -= 1;
        formula
    }

    fn operation(&mut self, op: Operator, left: Formula, right: Formula) -> Result<Formula> {
        self.node(Formula::Operation(op, Box::new(left), Box::new(right)))
    }

    fn node(&mut self, node: Formula) -> Result<Formula> {
        self.nodes += 1;
        if self.nodes > limits::FORMULA_NODES {
            return Err(exceeded(format!("at most {} parts in one", limits::FORMULA_NODES)));
        }
        Ok(node)
    }
}

fn exceeded(message: String) -> Error {
    Error::new(ErrorKind::LimitExceeded, message)
}
