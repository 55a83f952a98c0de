//! Names of types and attributes, and the name that was probably meant.
//!
//! A name becomes a table or a column of the file and a word of five languages, so it is one plain
//! identifier. Where a name or an option is unknown, the error says which known one is near; it
//! proposes and never decides, because what is near need not be what was meant.

use std::mem;

use crate::{Error, ErrorKind, Result};

/// Bytes of a name: what most databases take as an identifier.
pub(crate) const MAX_NAME: usize = 63;

/// Checks that `name` is an identifier: a small letter, then small letters, digits and `_`. The
/// error calls it a `what`.
///
/// # Errors
///
/// `out_of_range` when the name is longer than 63 bytes, `invalid_value` when it is no identifier.
pub(crate) fn check(name: &str, what: &str) -> Result<()> {
    let hint = "begin with a letter a-z, and go on with at most 62 of a-z, 0-9 and _";
    if name.len() > MAX_NAME {
        let message = format!("the {what} is longer than {MAX_NAME} characters");
        return Err(Error::new(ErrorKind::OutOfRange, message).with_hint(hint));
    }
    let mut bytes = name.bytes();
    let is_identifier = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if is_identifier {
        Ok(())
    } else {
        let message = format!("the {what} is not an identifier");
        Err(Error::new(ErrorKind::InvalidValue, message).with_hint(hint))
    }
}

/// Returns the candidate that is most like `name`, the first of several; `None` when none is near.
///
/// Case, spaces and punctuation do not count when all else is equal (`GTXPro` and `GTX Pro`).
/// Otherwise a candidate is near when a third of the characters of `name`, but at least one and not
/// all of them, need to be inserted, left out, replaced or swapped with their neighbour.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let letters: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    if letters.is_empty() {
        return None;
    }
    let limit = (letters.len() / 3).max(1);
    let mut best = None;
    for candidate in candidates {
        let distance = if is_same_but_for_punctuation(name, candidate) {
            0
        } else {
            let others: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            // The difference of the lengths is the least distance: spare the work.
            if letters.len().abs_diff(others.len()) > limit {
                continue;
            }
            distance(&letters, &others)
        };
        let is_near = distance <= limit && (distance == 0 || distance < letters.len());
        if is_near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn is_same_but_for_punctuation(one: &str, other: &str) -> bool {
    let mut one = significant(one).peekable();
    one.peek().is_some() && one.eq(significant(other))
}

/// The letters and digits of a text, small: what tells it from another one that is spelt alike.
pub(crate) fn significant(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// The distance of Damerau and Levenshtein, in which no part is edited twice.
pub(crate) fn distance(one: &[char], other: &[char]) -> usize {
    // Row `i` holds the distances of the first `i` characters of `one` to each start of `other`; a
    // swap looks back two rows.
    let mut before_last = vec![0; other.len() + 1];
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut row = vec![0; other.len() + 1];
    for i in 1..=one.len() {
        row[0] = i;
        for j in 1..=other.len() {
            let replaced = last[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        mem::swap(&mut before_last, &mut last);
        mem::swap(&mut last, &mut row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
        nearest(name, candidates.iter().copied())
    }

    #[test]
    fn identifiers() {
        for name in ["a", "contact", "field_2", &"a".repeat(63)] {
            assert!(check(name, "attribute name").is_ok(), "{name}");
        }
        for name in ["", "2nd", "_a", "Contact", "a-b", "a b", "\u{E4}", "a\0"] {
            let error = check(name, "attribute name").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{name}");
            assert_eq!(error.message(), "the attribute name is not an identifier");
        }
        assert_eq!(check(&"a".repeat(64), "type name").unwrap_err().kind(), ErrorKind::OutOfRange);
    }

    #[test]
    fn near_names_are_found() {
        assert_eq!(find("technolgy", &["medical", "technology"]), Some("technology"));
        assert_eq!(find("emial", &["phone", "email"]), Some("email"));
        assert_eq!(find("EMAIL", &["mail", "email"]), Some("email"));
        assert_eq!(find("GTXPro", &["GTX Basic", "GTX Pro", "GTXPr"]), Some("GTX Pro"));
        assert_eq!(find("first-name", &["last_name", "first_name"]), Some("first_name"));
        assert_eq!(find("\u{DC}bung", &["\u{FC}bung"]), Some("\u{FC}bung"));
    }

    #[test]
    fn far_names_are_not() {
        assert_eq!(find("email", &["phone", "company"]), None);
        assert_eq!(find("a", &["b"]), None);
        assert_eq!(find("", &["a", ""]), None);
        assert_eq!(find("?!", &["..", "--"]), None);
        assert_eq!(find("email", &[]), None);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(find("cat", &["bat", "hat", "rat"]), Some("bat"));
    }

    #[test]
    fn known_distances() {
        for (one, other, expected) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("ca", "abc", 3),
            ("abcd", "acbd", 1),
        ] {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&letters(one), &letters(other)), expected, "{one} {other}");
            assert_eq!(distance(&letters(other), &letters(one)), expected, "{other} {one}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_nearest_to_itself(name in "\\PC{0,3}[a-z]\\PC{0,12}", other in any::<String>()) {
            let _ = check(&other, "name");
            let _ = find(&other, &[name.as_str()]);
            let found = find(&name, &[other.as_str(), name.as_str()]);
            prop_assert!(found == Some(name.as_str()) || is_same_but_for_punctuation(&name, &other));
        }
    }
}
