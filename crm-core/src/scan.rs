//! A place in a text that somebody typed, and what stands there: signs, words, names, texts.
//!
//! The languages of conditions and formulas share these letters, so that a name or a text is written
//! the same way in both. The invariant: an error names the byte at which reading stopped and never
//! repeats what stands there. What the words mean is the work of each language.

use crate::{Comparison, Error, ErrorKind, Result, Value};

/// Comparisons as they are written; of several signs for one, the longer stands first.
const SIGNS: [(&str, Comparison); 8] = [
    ("==", Comparison::Eq),
    ("=", Comparison::Eq),
    ("!=", Comparison::Neq),
    ("<>", Comparison::Neq),
    ("<=", Comparison::Lte),
    (">=", Comparison::Gte),
    ("<", Comparison::Lt),
    (">", Comparison::Gt),
];

/// The sign that is printed for a comparison.
pub(crate) fn sign(op: Comparison) -> &'static str {
    if op == Comparison::Neq { "!=" } else { op.sign() }
}

/// Whether this is read as a name without backticks, where `keywords` mean something else.
fn is_plain_name(name: &str, keywords: &[&str]) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(is_name_byte)
        && !keywords.contains(&name)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

/// A name as [`Scanner::name`] reads it: in backticks where it could be read as something else.
pub(crate) fn name(name: &str, keywords: &[&str]) -> String {
    if is_plain_name(name, keywords) {
        return name.to_owned();
    }
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// A text as [`Scanner::string`] reads it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether this is read as a currency.
pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How many bytes of a JSON number `text` begins with.
pub(crate) fn number_length(text: &str) -> usize {
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

/// A reader's place in a text.
pub(crate) struct Scanner<'a> {
    pub(crate) text: &'a str,
    /// The byte that comes next.
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What comes next.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    pub(crate) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    pub(crate) fn peek(&mut self, sign: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(sign)
    }

    pub(crate) fn eat(&mut self, sign: &str) -> bool {
        let found = self.peek(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    pub(crate) fn require(&mut self, sign: &str) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    pub(crate) fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| is_name_byte(*byte)).count();
        let is_word = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        self.at += if is_word { length } else { 0 };
        is_word.then(|| &rest[..length])
    }

    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let start = self.at;
        let found = self.word() == Some(word);
        if !found {
            self.at = start;
        }
        found
    }

    pub(crate) fn require_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// A word, or whatever stands in backticks.
    pub(crate) fn name(&mut self) -> Result<String> {
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

    pub(crate) fn peek_sign(&mut self) -> bool {
        SIGNS.iter().any(|(sign, _)| self.peek(sign))
    }

    pub(crate) fn sign(&mut self) -> Result<Comparison> {
        match SIGNS.iter().find(|(sign, _)| self.eat(sign)) {
            Some((_, op)) => Ok(*op),
            None => Err(self.expected("one of = != < <= > >=")),
        }
    }

    /// A text, an object of parts or a list of texts, as in JSON.
    pub(crate) fn json(&mut self) -> Result<Value> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            _ => Err(self.expected("a value as in JSON")),
        }
    }

    pub(crate) fn string(&mut self) -> Result<String> {
        if !self.peek("\"") {
            return Err(self.expected("text in double quotes"));
        }
        match self.json()? {
            Value::Text(text) => Ok(text),
            _ => Err(self.expected("text in double quotes")),
        }
    }

    /// The error for what does not stand at this place.
    pub(crate) fn expected(&mut self, what: &str) -> Error {
        self.skip_space();
        let message = format!("expected {what} at byte {}", self.at);
        Error::new(ErrorKind::InvalidArgument, message)
    }
}
