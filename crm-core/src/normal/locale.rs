//! Languages and locales.
//!
//! A locale is a BCP 47 language tag. What is checked is its shape (RFC 5646 §2.1, "well-formed"),
//! since the registry of subtags grows each year and an old library must not refuse a new language.
//! The canonical form has the customary letter case (§2.1.1), `zh-Hant-TW`, and nothing is
//! reordered or replaced by a preferred tag, so the meaning stays what was typed.

use std::borrow::Cow;

use super::trim;
use crate::{Error, ErrorKind, Result};

/// Tags registered before there was a grammar (RFC 5646 §2.1, "grandfathered"), as registered.
#[rustfmt::skip]
const GRANDFATHERED: [&str; 26] = [
    "art-lojban", "cel-gaulish", "en-GB-oed", "i-ami", "i-bnn", "i-default", "i-enochian", "i-hak",
    "i-klingon", "i-lux", "i-mingo", "i-navajo", "i-pwn", "i-tao", "i-tay", "i-tsu", "no-bok",
    "no-nyn", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE", "zh-guoyu", "zh-hakka", "zh-min",
    "zh-min-nan", "zh-xiang",
];

/// Bytes of a tag; the longest that anybody needs is about half of it.
const MAX_LENGTH: usize = 128;

/// Returns the language tag in its customary letter case.
///
/// # Errors
///
/// `invalid_value` when the text is not a well-formed BCP 47 language tag.
pub(crate) fn locale(text: &str) -> Result<Cow<'_, str>> {
    let text = trim(text);
    if let Some(tag) = GRANDFATHERED.iter().find(|tag| tag.eq_ignore_ascii_case(text)) {
        return Ok(Cow::Borrowed(tag));
    }
    if text.len() > MAX_LENGTH || !is_well_formed(text) {
        let hint = if text.contains('_') {
            "write - in place of _, such as de-DE"
        } else {
            "write a BCP 47 language tag, such as de, en-GB or zh-Hant-TW"
        };
        return Err(Error::new(ErrorKind::InvalidValue, "not a language tag").with_hint(hint));
    }
    let canonical = with_customary_case(text);
    Ok(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

fn is_well_formed(text: &str) -> bool {
    let subtags: Vec<&str> = text.split('-').collect();
    if !subtags.iter().all(|subtag| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }) {
        return false;
    }
    // Each step takes the subtags that it allows from the front; nothing may be left.
    let rest = match subtags.split_first() {
        Some((x, _)) if x.eq_ignore_ascii_case("x") => Some(&subtags[..]),
        Some((language, rest)) if is_alphabetic(language, 2..=8) => {
            let extlangs = if language.len() <= 3 { 3 } else { 0 };
            let rest = skip(rest, extlangs, |subtag| is_alphabetic(subtag, 3..=3));
            let rest = skip(rest, 1, |subtag| is_alphabetic(subtag, 4..=4));
            let rest = skip(rest, 1, |subtag| is_alphabetic(subtag, 2..=2) || is_area(subtag));
            take_variants(rest).and_then(take_extensions)
        }
        _ => None,
    };
    match rest {
        Some([]) => true,
        Some([x, private, ..]) => x.eq_ignore_ascii_case("x") && !private.is_empty(),
        _ => false,
    }
}

fn skip<'a, 'b>(
    subtags: &'a [&'b str],
    at_most: usize,
    is_wanted: impl Fn(&str) -> bool,
) -> &'a [&'b str] {
    let count = subtags.iter().take(at_most).take_while(|subtag| is_wanted(subtag)).count();
    &subtags[count..]
}

/// Variants, each at most once; `None` when one is repeated.
fn take_variants<'a, 'b>(subtags: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let rest = skip(subtags, subtags.len(), |subtag| {
        subtag.len() >= 5 || (subtag.len() == 4 && subtag.as_bytes()[0].is_ascii_digit())
    });
    let variants = &subtags[..subtags.len() - rest.len()];
    is_distinct(variants).then_some(rest)
}

/// Extensions, each a letter or digit other than `x` with what belongs to it; `None` when one of
/// them is repeated or empty.
fn take_extensions<'a, 'b>(subtags: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let mut singletons = Vec::new();
    let mut rest = subtags;
    while let Some((singleton, after)) = rest.split_first() {
        if singleton.len() != 1 || singleton.eq_ignore_ascii_case("x") {
            break;
        }
        rest = skip(after, after.len(), |subtag| subtag.len() >= 2);
        if rest.len() == after.len() {
            return None;
        }
        singletons.push(*singleton);
    }
    is_distinct(&singletons).then_some(rest)
}

fn is_distinct(subtags: &[&str]) -> bool {
    subtags
        .iter()
        .enumerate()
        .all(|(index, one)| subtags[..index].iter().all(|other| !one.eq_ignore_ascii_case(other)))
}

fn is_alphabetic(subtag: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// An area of the United Nations, such as 419 for Latin America.
fn is_area(subtag: &str) -> bool {
    subtag.len() == 3 && subtag.bytes().all(|byte| byte.is_ascii_digit())
}

/// Small letters, but `Hant` and `TW`, unless at the start or somewhere after a single letter.
fn with_customary_case(tag: &str) -> String {
    let mut canonical = tag.to_ascii_lowercase();
    let mut start = 0;
    let mut is_before_singleton = true;
    for subtag in tag.split('-') {
        let end = start + subtag.len();
        if start > 0 && is_before_singleton {
            match subtag.len() {
                2 => canonical[start..end].make_ascii_uppercase(),
                4 => canonical[start..=start].make_ascii_uppercase(),
                _ => {}
            }
        }
        is_before_singleton &= subtag.len() > 1;
        start = end + 1;
    }
    canonical
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn canonical_forms() {
        for (text, canonical) in [
            ("de", "de"),
            (" DE-de ", "de-DE"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("ZH-CMN-HANS-CN", "zh-cmn-Hans-CN"),
            ("es-419", "es-419"),
            ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
            ("DE-CH-1901", "de-CH-1901"),
            ("en-us-U-ISLAMCAL-Latn", "en-US-u-islamcal-latn"),
            ("de-a-bb-x-AB", "de-a-bb-x-ab"),
            ("X-Whatever", "x-whatever"),
            ("I-Klingon", "i-klingon"),
            ("EN-gb-OED", "en-GB-oed"),
            ("zh-min-nan", "zh-min-nan"),
            ("tlh", "tlh"),
            ("abcdefgh", "abcdefgh"),
        ] {
            assert_eq!(locale(text).unwrap(), canonical);
        }
        assert!(matches!(locale("zh-Hant-TW"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn malformed_tags_are_refused() {
        for text in [
            "",
            "d",
            "-",
            "de-",
            "-de",
            "de--DE",
            "de DE",
            "d\u{E9}",
            "de-419-DE",
            "a-DE",
            "de-x",
            "x",
            "de-DE-a",
            "de-a-x-b",
            "ar-a-aaa-b-bbb-a-ccc",
            "de-1901-1901",
            "abcdefghi",
            "de-Latn-Latn-DE",
            "english-abc-DE-u",
            "12-DE",
            "Deutsch (Deutschland)",
        ] {
            assert_eq!(locale(text).unwrap_err().kind(), ErrorKind::InvalidValue, "{text}");
        }
        assert!(locale("de_DE").unwrap_err().hint().unwrap().contains("in place of _"));
        let endless = format!("x{}", "-abcdefgh".repeat(20));
        assert!(locale(&endless).is_err());
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(text in any::<String>(), tag in "[a-zA-Z]{2,4}(-[a-zA-Z0-9]{1,8}){0,5}") {
            let _ = locale(&text);
            if let Ok(once) = locale(&tag) {
                prop_assert!(once.eq_ignore_ascii_case(&tag));
                let twice = locale(&once);
                prop_assert!(matches!(&twice, Ok(Cow::Borrowed(same)) if *same == once), "{tag}");
            }
        }
    }
}
