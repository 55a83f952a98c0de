//! Where in a row the words were found, and the piece of text that shows it.
//!
//! SQLite says which rows have the words, not where: the words are looked for again in the texts
//! themselves, which the index does not hold as they were typed. The invariant: the parts of a
//! snippet, put together, are a piece of the text, byte for byte.

use std::ops::Range;

use super::{Snippet, SnippetPart, Wanted, document::text_of, words::each_word};
use crate::{
    cell::Cell,
    limits,
    schema::{AttributeModel, TypeModel},
};

/// How much of the text before the first find is shown, in characters.
const LEAD_CHARS: usize = 40;

/// A find: which term, and the bytes of the text in which it stands.
type Find = (usize, Range<usize>);

/// The attribute of a row in which most of the terms are, of several the first, with the place that
/// has most of them. `None` if the row has none of them.
pub(crate) fn best<'m>(
    wanted: &Wanted,
    model: &'m TypeModel,
    cells: &[Cell],
) -> Option<(&'m AttributeModel, Snippet)> {
    let mut best = None;
    let mut most = 0;
    for &place in &model.searched {
        let attribute = &model.attributes[place];
        let Some(text) = text_of(attribute, &cells[attribute.span()]) else { continue };
        let finds = find(wanted, &text);
        let terms = count_terms(wanted, &finds);
        if terms > most {
            most = terms;
            best = Some((attribute, text, finds));
        }
    }
    let (attribute, text, finds) = best?;
    Some((attribute, snippet(wanted, &text, &finds)))
}

/// The finds in a text, in the order in which they end; of a term that is there very often the first.
fn find(wanted: &Wanted, text: &str) -> Vec<Find> {
    let mut finds: Vec<Find> = Vec::new();
    // Of each term, where it began and how many of its words were met since.
    let mut begun: Vec<Vec<(usize, usize)>> = vec![Vec::new(); wanted.terms.len()];
    let mut counts = vec![0; wanted.terms.len()];
    each_word(text, |range, word| {
        for (number, (term, begun)) in wanted.terms.iter().zip(&mut begun).enumerate() {
            if counts[number] == limits::SNIPPET_FINDS {
                continue;
            }
            begun.push((range.start, 0));
            begun.retain_mut(|(start, met)| {
                let fits = term.fits(*met, word);
                *met += 1;
                if fits && *met == term.words.len() {
                    finds.push((number, *start..range.end));
                    counts[number] += 1;
                }
                fits && *met < term.words.len()
            });
        }
        counts.iter().any(|count| *count < limits::SNIPPET_FINDS)
    });
    finds
}

fn count_terms(wanted: &Wanted, finds: &[Find]) -> usize {
    let mut is_found = vec![false; wanted.terms.len()];
    finds.iter().for_each(|(term, _)| is_found[*term] = true);
    is_found.into_iter().filter(|is_found| *is_found).count()
}

/// The piece of `text` around the place where most terms stand close together.
fn snippet(wanted: &Wanted, text: &str, finds: &[Find]) -> Snippet {
    let mut places = finds.to_vec();
    places.sort_unstable_by_key(|(_, range)| (range.start, range.end));
    let mut most = 0;
    let mut first = 0;
    for (place, (_, from)) in places.iter().enumerate() {
        // In bytes, which are never fewer than the characters.
        let reach = from.start + limits::SNIPPET_CHARS - LEAD_CHARS;
        let close = places[place..].partition_point(|(_, range)| range.start < reach);
        let terms = count_terms(wanted, &places[place..place + close]);
        if terms > most {
            (most, first) = (terms, from.start);
        }
        if most == wanted.terms.len() {
            break;
        }
    }
    let piece = piece(text, first);
    let parts = parts(text, piece.clone(), places.into_iter().map(|(_, range)| range));
    Snippet { parts, is_cut_before: piece.start > 0, is_cut_after: piece.end < text.len() }
}

/// A piece of the text with what begins at `first`, from a space to a space if there are any.
fn piece(text: &str, first: usize) -> Range<usize> {
    let after = |from: usize, chars: usize| {
        text[from..].char_indices().nth(chars).map_or(text.len(), |(at, _)| from + at)
    };
    let before = text[..first].char_indices().rev().nth(LEAD_CHARS).map_or(0, |(at, _)| at);
    let mut start = before;
    if start > 0 {
        let space = text[start..first].char_indices().find(|(_, sign)| sign.is_whitespace());
        start = space.map_or(start, |(at, sign)| start + at + sign.len_utf8());
    }
    let mut end = after(start, limits::SNIPPET_CHARS);
    if end < text.len() {
        // The rest of the last word goes, unless it is where the finds begin.
        let space = text[first..end].char_indices().rev().find(|(_, sign)| sign.is_whitespace());
        end = space.map_or(end, |(at, _)| first + at);
    }
    start..end
}

/// The piece in parts: what was found, and what stands between.
fn parts(
    text: &str,
    piece: Range<usize>,
    finds: impl Iterator<Item = Range<usize>>,
) -> Vec<SnippetPart> {
    let mut parts: Vec<SnippetPart> = Vec::new();
    let mut done = piece.start;
    let mut found_until = piece.start;
    for find in finds {
        let (start, end) = (find.start.max(done), find.end.min(piece.end));
        if start >= end {
            continue;
        }
        let text_of = |range: Range<usize>| text[range].to_owned();
        if start > done {
            parts.push(SnippetPart { text: text_of(done..start), is_match: false });
        } else if found_until == start
            && let Some(last) = parts.last_mut()
        {
            // Two finds that overlap are one.
            last.text.push_str(&text[start..end]);
            (done, found_until) = (end, end);
            continue;
        }
        parts.push(SnippetPart { text: text_of(start..end), is_match: true });
        (done, found_until) = (end, end);
    }
    if done < piece.end {
        parts.push(SnippetPart { text: text[done..piece.end].to_owned(), is_match: false });
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(wanted: &str, text: &str) -> String {
        let wanted = Wanted::parse(wanted, false).unwrap();
        let Snippet { parts, is_cut_before, is_cut_after } =
            snippet(&wanted, text, &find(&wanted, text));
        let shown = parts.iter().map(|part| match part.is_match {
            true => format!("[{}]", part.text),
            false => part.text.clone(),
        });
        let shown: String = shown.collect();
        let dots = |is_cut| if is_cut { "…" } else { "" };
        format!("{}{shown}{}", dots(is_cut_before), dots(is_cut_after))
    }

    #[test]
    fn what_was_found_is_marked_as_it_was_written() {
        for (wanted, text, shown) in [
            ("muller", "Frau Müller, Mu\u{308}ller-Haus", "Frau [Müller], [Mu\u{308}ller]-Haus"),
            ("mul*", "Müllers Mühle", "[Müllers] Mühle"),
            ("\"ann lee\"", "ann ANN, Lee ann", "ann [ANN, Lee] ann"),
            ("\"a a\"", "a a a", "[a a a]"),
            ("x@example.org", "to x@Example.ORG!", "to [x@Example.ORG]!"),
            ("京都", "東京都", "東[京都]"),
            ("b a", "a\nb", "[a]\n[b]"),
            ("½", "½ cup", "[½] cup"),
        ] {
            assert_eq!(marked(wanted, text), shown, "{wanted}");
        }
    }

    #[test]
    fn a_long_text_is_shown_where_most_is_found() {
        let filler = "lorem ipsum ".repeat(100);
        let text = format!("needle {filler}needle in the hay {filler}");
        let shown = marked("hay needle", &text);
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("ipsum [needle] in the [hay] lorem"), "{shown}");
        assert!(shown.chars().count() <= limits::SNIPPET_CHARS + 6, "{shown}");
        // Without spaces it is cut where it must be.
        let shown = marked("東", &format!("{}東{}", "a".repeat(500), "b".repeat(500)));
        assert!(shown.contains("aa[東]bb") && shown.starts_with('…') && shown.ends_with('…'));
    }

    proptest! {
        #[test]
        fn the_parts_are_a_piece_of_the_text(
            text in "(aß?|b|é| |\u{3042}|\\.){0,400}",
            wanted in "(aß?|b|é| |\u{3042}|\"|\\*){1,12}",
        ) {
            let Ok(wanted) = Wanted::parse(&wanted, false) else { return Ok(()) };
            let finds = find(&wanted, &text);
            prop_assume!(!finds.is_empty());
            let snippet = snippet(&wanted, &text, &finds);
            let whole: String = snippet.parts.iter().map(|part| part.text.as_str()).collect();
            prop_assert!(text.contains(&whole));
            prop_assert!(whole.chars().count() <= limits::SNIPPET_CHARS);
            prop_assert_eq!(snippet.is_cut_before || snippet.is_cut_after, whole != text);
            prop_assert!(snippet.parts.iter().any(|part| part.is_match));
            prop_assert!(snippet.parts.iter().all(|part| !part.text.is_empty()));
            prop_assert!(snippet.parts.windows(2).all(|two| two[0].is_match != two[1].is_match));
        }
    }
}
