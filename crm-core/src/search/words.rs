//! The words of a text, folded so that what people take for the same word is the same.
//!
//! Small letters, no accents, wide and joined forms resolved (NFKD), and the letters that no
//! decomposition knows written out: `Łódź` is `lodz`, `Straße` is `strasse`. Chinese and Japanese
//! have no spaces, so each of their signs is a word, and several of them are a phrase. The same code
//! folds what is stored and what is asked for. The invariant: folding a folded word changes nothing,
//! and such a word has no space, no sign of ASCII and never is [`BREAK`].

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use crate::limits;

/// Stands between the texts of two attributes, so that no phrase goes from one into the other.
pub(super) const BREAK: char = '¶';

/// Shows each word of a text, with the bytes in which it stands, until `visit` says stop.
pub(super) fn each_word(text: &str, mut visit: impl FnMut(Range<usize>, &str) -> bool) {
    let mut word = Word::default();
    for (at, sign) in text.char_indices() {
        let next = at + sign.len_utf8();
        let mut goes_on = true;
        if sign.is_ascii_alphanumeric() {
            goes_on = word.push(Part::Letter, sign.to_ascii_lowercase(), at..next, &mut visit);
        } else if sign.is_ascii() {
            goes_on = word.end(&mut visit);
        } else {
            decompose_compatible(sign, |part| {
                fold(part, |kind, folded| {
                    goes_on = goes_on && word.push(kind, folded, at..next, &mut visit);
                });
            });
        }
        if !goes_on {
            return;
        }
    }
    word.end(&mut visit);
}

/// What a sign does to the word before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It belongs to the word, or begins one.
    Letter,
    /// It is a word by itself.
    Sign,
    /// It belongs to the word, and begins none.
    Mark,
    /// It belongs to the word and is left out of it.
    Silent,
    /// It ends the word.
    Break,
}

/// The word that is being read.
#[derive(Default)]
struct Word {
    folded: String,
    range: Range<usize>,
    /// Whether it takes no further letter.
    is_whole: bool,
    /// Whether it is as long as a word may be, so that what follows is left out.
    is_cut: bool,
}

impl Word {
    fn push(
        &mut self,
        part: Part,
        folded: char,
        at: Range<usize>,
        visit: &mut impl FnMut(Range<usize>, &str) -> bool,
    ) -> bool {
        let begins = match part {
            Part::Break => return self.end(visit),
            Part::Mark | Part::Silent if self.folded.is_empty() => return true,
            Part::Mark | Part::Silent => false,
            Part::Sign => true,
            Part::Letter => self.is_whole || self.folded.is_empty(),
        };
        if begins {
            if !self.end(visit) {
                return false;
            }
            self.range = at.clone();
            self.is_whole = part == Part::Sign;
        }
        self.range.end = at.end;
        self.is_cut |= self.folded.len() + folded.len_utf8() > limits::WORD_BYTES;
        if part != Part::Silent && !self.is_cut {
            self.folded.push(folded);
        }
        true
    }

    fn end(&mut self, visit: &mut impl FnMut(Range<usize>, &str) -> bool) -> bool {
        (self.is_whole, self.is_cut) = (false, false);
        if self.folded.is_empty() {
            return true;
        }
        let goes_on = visit(self.range.clone(), &self.folded);
        self.folded.clear();
        goes_on
    }
}

/// Folds one sign of a decomposed text.
fn fold(sign: char, mut push: impl FnMut(Part, char)) {
    if is_silent(sign) {
        push(Part::Silent, sign);
    } else if is_combining_mark(sign) {
        push(Part::Mark, sign);
    } else if is_word(sign) {
        push(Part::Sign, sign);
    } else if !sign.is_alphanumeric() {
        push(Part::Break, sign);
    } else {
        for small in sign.to_lowercase() {
            match written_out(small) {
                Some(letters) => letters.chars().for_each(|letter| push(Part::Letter, letter)),
                None => push(Part::Letter, small),
            }
        }
    }
}

/// Accents and vowel signs that people leave out, and signs that nobody sees.
fn is_silent(sign: char) -> bool {
    matches!(sign,
        '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}'
        // The points of Hebrew, the vowels of Arabic and the stroke that lengthens a word.
        | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}' | '\u{5C2}' | '\u{5C4}' | '\u{5C5}'
        | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{640}'
        // Soft hyphen, joiners, selectors of variants, byte order mark.
        | '\u{AD}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Signs of writing without spaces, each of which is a word.
fn is_word(sign: char) -> bool {
    matches!(sign,
        '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}')
}

/// Letters that have no decomposition, as they are written where the keyboard lacks them.
fn written_out(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ŋ' => "n",
        'ŧ' => "t",
        'ς' => "σ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(text, |_, word| {
            words.push(word.to_owned());
            true
        });
        words
    }

    #[test]
    fn what_people_take_for_the_same_word_is_the_same() {
        for (text, words) in [
            ("Müller", "muller"),
            ("Mu\u{308}ller", "muller"),
            ("Łódź, ŁÓDŹ", "lodz lodz"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            ("Ærø Œuvre Þór Đorđe", "aero oeuvre thor dorde"),
            ("Ｗｉｄｅ ﬁn m² ½", "wide fin m2 1 2"),
            ("İstanbul ılık", "istanbul ilik"),
            ("ΣΊΣΥΦΟΣ Σίσυφος", "σισυφοσ σισυφοσ"),
            ("Ёлка", "елка"),
            ("ann.o'neil+x@Example.org", "ann o neil x example org"),
            ("C-3PO 4711,50", "c 3po 4711 50"),
            ("东京 ok", "东 京 ok"),
            ("ガーデン", "カ\u{3099} ー テ\u{3099} ン"),
            ("हिन्दी", "हिन्दी"),
            ("so\u{AD}ft", "soft"),
            ("\u{301} ¶ \0 -", ""),
        ] {
            assert_eq!(folded(text).join(" "), words, "{text}");
        }
    }

    #[test]
    fn words_say_where_they_stand() {
        let text = "über: Ａ\u{301}b";
        let mut found = Vec::new();
        each_word(text, |range, _| {
            found.push(&text[range]);
            true
        });
        assert_eq!(found, ["über", "Ａ\u{301}b"]);
        let mut count = 0;
        each_word("a b c", |_, _| {
            count += 1;
            count < 2
        });
        assert_eq!(count, 2, "it stops when it is told to");
    }

    #[test]
    fn a_long_word_is_cut() {
        let words = folded(&"ß".repeat(1000));
        assert_eq!(words, ["s".repeat(limits::WORD_BYTES)]);
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in "\\PC{0,40}") {
            let words = folded(&text);
            prop_assert_eq!(folded(&words.join(" ")), words.clone());
            for word in words {
                prop_assert!(word.len() <= limits::WORD_BYTES);
                prop_assert!(!word.contains(BREAK));
                prop_assert!(word.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric()));
            }
        }
    }
}
