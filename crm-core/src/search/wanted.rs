//! What somebody typed into the search: words that must all be there, phrases, and words that are only begun.
//!
//! A language of three signs: quotes hold words together, an asterisk after a word or phrase leaves
//! its last word open, and everything else that is no letter or digit stands between words. Nothing
//! that is typed is wrong, as long as there is a word in it. The invariant: of what was typed nothing
//! but folded words gets any further, so that nothing can be said to SQLite in its own words.

use std::fmt;

use super::words::each_word;
use crate::{Error, ErrorKind, Result, limits};

/// What is searched for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(super) terms: Vec<Term>,
}

/// Words that stand one after the other within one text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) words: Vec<String>,
    /// Whether the last word may go on.
    pub(super) is_open: bool,
}

impl Term {
    /// Whether the word at `place` of the term is this one.
    pub(super) fn fits(&self, place: usize, word: &str) -> bool {
        match self.is_open && place + 1 == self.words.len() {
            true => word.starts_with(&self.words[place]),
            false => word == self.words[place],
        }
    }
}

impl Wanted {
    /// Reads what was typed; with `is_open` the last word may go on, as while somebody is typing.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if there is no word in it, `LimitExceeded` past the limits, with field `text`.
    pub(crate) fn parse(text: &str, is_open: bool) -> Result<Self> {
        let fails = |kind, message: String| Err(Error::new(kind, message).with_field("text"));
        if text.len() > limits::SEARCH_TEXT_BYTES {
            let message = format!("at most {} bytes", limits::SEARCH_TEXT_BYTES);
            return fails(ErrorKind::LimitExceeded, message);
        }
        let mut terms = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let piece;
            (piece, rest) = take_piece(rest);
            let is_open = rest.starts_with('*');
            let mut words = Vec::new();
            each_word(piece, |_, word| {
                words.push(word.to_owned());
                true
            });
            if !words.is_empty() {
                terms.push(Term { words, is_open });
            }
        }
        if terms.iter().map(|term| term.words.len()).sum::<usize>() > limits::SEARCH_WORDS {
            let message = format!("at most {} words", limits::SEARCH_WORDS);
            return fails(ErrorKind::LimitExceeded, message);
        }
        match terms.last_mut() {
            Some(last) => last.is_open |= is_open,
            None => {
                let message = "there is no word in it to search for".to_owned();
                return fails(ErrorKind::InvalidArgument, message);
            }
        }
        Ok(Self { terms })
    }

    /// The same as an expression of FTS5. A folded word has nothing that would have to be escaped.
    pub(crate) fn expression(&self) -> String {
        let term = |term: &Term| {
            let open = if term.is_open { "*" } else { "" };
            format!("\"{}\"{open}", term.words.join(" "))
        };
        self.terms.iter().map(term).collect::<Vec<_>>().join(" AND ")
    }
}

/// What was typed is personal.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted of {} terms", self.terms.len())
    }
}

/// A phrase in quotes, or what stands before the next quote, asterisk or space; and what follows. A
/// quote that is never closed holds all that follows.
fn take_piece(text: &str) -> (&str, &str) {
    if let Some(phrase) = text.strip_prefix('"') {
        return phrase.split_once('"').unwrap_or((phrase, ""));
    }
    let is_end = |sign: char| sign == '"' || sign == '*' || sign.is_whitespace();
    // What begins with an end would never come to one.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let length = text[first..].find(is_end).map_or(text.len(), |at| first + at);
    text.split_at(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expression(text: &str) -> String {
        Wanted::parse(text, false).unwrap().expression()
    }

    #[test]
    fn words_phrases_and_open_words() {
        for (text, wanted) in [
            ("Müller", r#""muller""#),
            (" ann   lee\t", r#""ann" AND "lee""#),
            ("Smith & Wesson", r#""smith" AND "wesson""#),
            ("mül*", r#""mul"*"#),
            ("mül* x", r#""mul"* AND "x""#),
            (r#""Ann Lee" x"#, r#""ann lee" AND "x""#),
            (r#""Ann Le"*"#, r#""ann le"*"#),
            (r#""never closed"#, r#""never closed""#),
            (r#"a"b c"d"#, r#""a" AND "b c" AND "d""#),
            ("ann@example.org", r#""ann example org""#),
            ("O'Neil", r#""o neil""#),
            ("东京", r#""东 京""#),
            // What means something to FTS5 means nothing here.
            (
                "NEAR(a b, 3) AND x OR NOT y",
                r#""near a" AND "b" AND "3" AND "and" AND "x" AND "or" AND "not" AND "y""#,
            ),
            ("words:x ^y -z {words} : x", r#""words x" AND "y" AND "z" AND "words" AND "x""#),
            ("a\0b '); DROP TABLE x; --", r#""a b" AND "drop" AND "table" AND "x""#),
            ("* a * b** \"\"* c", r#""a" AND "b"* AND "c""#),
        ] {
            assert_eq!(expression(text), wanted, "{text}");
        }
        assert_eq!(Wanted::parse("a b", true).unwrap().expression(), r#""a" AND "b"*"#);
    }

    #[test]
    fn what_cannot_be_searched_for_is_refused() {
        let refused = |text: &str| {
            let error = Wanted::parse(text, true).unwrap_err();
            assert_eq!(error.field(), Some("text"));
            error.kind()
        };
        for text in ["", " ", "*", "\"\"", "-", "\0", "!?", "\u{301}", "🙂"] {
            assert_eq!(refused(text), ErrorKind::InvalidArgument, "{text}");
        }
        assert_eq!(refused(&"a ".repeat(limits::SEARCH_WORDS + 1)), ErrorKind::LimitExceeded);
        assert_eq!(refused(&"a".repeat(1 << 20)), ErrorKind::LimitExceeded);
        assert!(Wanted::parse(&"a ".repeat(limits::SEARCH_WORDS), true).is_ok());
    }

    #[test]
    fn debug_says_nothing_of_what_was_typed() {
        assert_eq!(format!("{:?}", Wanted::parse("secret", false)), "Ok(Wanted of 1 terms)");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_comes_to_an_end(text in "[ab\"* \\-:(){}^+'\0é]{0,30}") {
            if let Ok(wanted) = Wanted::parse(&text, false) {
                let again = Wanted::parse(&wanted.expression().replace(" AND ", " "), false);
                prop_assert_eq!(again.unwrap(), wanted);
            }
        }
    }
}
