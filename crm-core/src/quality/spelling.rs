//! Values that are probably another one, misspelt.
//!
//! A value that differs from another only in case, spaces and punctuation is that one (`GTXPro` and
//! `GTX Pro`); one that differs in few letters is, if the other is known to be right: because it is
//! far more frequent in the same attribute, or stands in a vocabulary that the attribute mostly
//! keeps to. Digits are never a misspelling: `2019` is not `2020`. The invariant: no value that is
//! taken to be right is found to be misspelt, and the work is bounded by the square of the number
//! of different values.

use std::collections::{BTreeMap, BTreeSet};

use crate::normal::name::{distance, significant};

/// How many times as frequent a value must be to correct another one in some letters.
const FREQUENT: u64 = 5;
/// Values of fewer characters than this are too easily another word: `cat`, `car`.
const SHORT: usize = 5;
/// How many values of a vocabulary must occur before the attribute is taken to keep to it; half of
/// its different values must besides.
const SHARED: usize = 2;

/// A value, in the forms in which it is compared.
struct Form<'a> {
    text: &'a str,
    /// Letters and digits alone, small.
    folded: String,
    letters: Vec<char>,
    digits: String,
    /// Which letters occur, by the last six bits of each: what differs here needs an edit.
    mask: u64,
}

impl<'a> Form<'a> {
    fn of(text: &'a str) -> Self {
        let letters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        let mask = letters.iter().fold(0, |mask, letter| mask | 1 << (u32::from(*letter) % 64));
        let digits = letters.iter().filter(|letter| letter.is_numeric()).collect();
        Self { text, folded: significant(text).collect(), letters, digits, mask }
    }

    /// How many edits lead to `other`, if that is few enough: one for each five characters, at most
    /// three; none where only case, spaces and punctuation differ.
    fn distance(&self, other: &Self) -> Option<usize> {
        if !self.folded.is_empty() && self.folded == other.folded {
            return Some(0);
        }
        let (short, long) = (self.letters.len(), other.letters.len());
        let (short, long) = (short.min(long), short.max(long));
        let most = (short / 5).min(3);
        // An edit takes away one letter and brings another.
        let changed = (self.mask ^ other.mask).count_ones() as usize;
        let is_hopeless = short < SHORT || long - short > most || changed > 2 * most;
        if is_hopeless || self.digits != other.digits {
            return None;
        }
        Some(distance(&self.letters, &other.letters)).filter(|distance| *distance <= most)
    }
}

/// The values that a more frequent one of the same attribute corrects.
pub(super) fn within(counts: &BTreeMap<String, u64>) -> BTreeMap<String, String> {
    let mut ranked: Vec<_> = counts.iter().map(|(text, count)| (Form::of(text), *count)).collect();
    // Stable: of equally frequent ones the first by the alphabet is right.
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut right: Vec<(Form<'_>, u64)> = Vec::new();
    let mut found = BTreeMap::new();
    for (form, count) in ranked {
        let near = right.iter().filter_map(|(other, frequency)| {
            let distance = form.distance(other)?;
            let is_known = distance == 0 || *frequency >= FREQUENT.saturating_mul(count);
            is_known.then_some((distance, other.text))
        });
        match near.min_by_key(|(distance, _)| *distance) {
            Some((_, expected)) => {
                found.insert(form.text.to_owned(), expected.to_owned());
            }
            None => right.push((form, count)),
        }
    }
    found
}

/// Whether an attribute with these values keeps to a vocabulary: at least two of them and half of
/// them are in it.
fn keeps_to<'a>(
    values: impl ExactSizeIterator<Item = &'a String>,
    vocabulary: &BTreeSet<String>,
) -> bool {
    let all = values.len();
    let shared = values.filter(|value| vocabulary.contains(*value)).count();
    shared >= SHARED && shared * 2 >= all
}

/// The values that a word of a vocabulary corrects, of an attribute that keeps to it; `None` if it
/// does not.
pub(super) fn against(
    counts: &BTreeMap<String, u64>,
    vocabulary: &BTreeSet<String>,
) -> Option<BTreeMap<String, String>> {
    if !keeps_to(counts.keys(), vocabulary) {
        return None;
    }
    let words: Vec<_> = vocabulary.iter().map(|word| Form::of(word)).collect();
    let strangers = counts.keys().filter(|value| !vocabulary.contains(*value));
    let found = strangers.filter_map(|value| {
        let form = Form::of(value);
        let near = words.iter().filter_map(|word| Some((form.distance(word)?, word.text)));
        let (_, expected) = near.min_by_key(|(distance, _)| *distance)?;
        Some((value.clone(), expected.to_owned()))
    });
    Some(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[(&str, u64)]) -> BTreeMap<String, u64> {
        values.iter().map(|(text, count)| ((*text).to_owned(), *count)).collect()
    }

    fn found(values: &[(&str, u64)]) -> Vec<(String, String)> {
        within(&counts(values)).into_iter().collect()
    }

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    #[test]
    fn a_rare_value_near_a_frequent_one_is_found() {
        let values = [("technology", 50), ("technolgy", 10), ("technolgoy", 1), ("medical", 12)];
        let expected = [pair("technolgoy", "technology"), pair("technolgy", "technology")];
        assert_eq!(found(&values), expected);
        assert_eq!(found(&[("technology", 49), ("technolgy", 10)]), []);
    }

    #[test]
    fn case_spaces_and_punctuation_need_no_frequency() {
        let values = [("GTX Pro", 3), ("GTXPro", 3), ("gtx-pro", 2), ("GTX Plus Pro", 9)];
        assert_eq!(found(&values), [pair("GTXPro", "GTX Pro"), pair("gtx-pro", "GTX Pro")]);
    }

    #[test]
    fn digits_and_short_words_are_no_misspellings() {
        assert_eq!(found(&[("model 2019", 90), ("model 2020", 1)]), []);
        assert_eq!(found(&[("cars", 90), ("cats", 1)]), []);
        assert_eq!(found(&[("??", 90), ("!!", 1)]), []);
    }

    #[test]
    fn a_vocabulary_counts_where_the_attribute_keeps_to_it() {
        let words = ["technology", "medical", "retail"].map(str::to_owned).into();
        let values = counts(&[("technolgy", 12), ("medical", 1), ("retail", 1), ("Ulm", 7)]);
        let found = against(&values, &words).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [pair("technolgy", "technology")]);
        let others = counts(&[("technolgy", 12), ("medical", 1), ("Ulm", 1), ("Bonn", 1)]);
        assert_eq!(against(&others, &words), None);
    }

    #[test]
    fn what_is_right_is_never_misspelt() {
        let values = counts(&[("aaaaa", 100), ("aaaab", 20), ("aaabb", 4), ("aabbb", 1)]);
        let found = within(&values);
        assert!(found.values().all(|right| !found.contains_key(right)), "{found:?}");
    }
}
