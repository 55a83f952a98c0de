//! Searching the texts of records and activities: what is asked for, what is found, and the words of both.
//!
//! What is searched is folded into words here, and so is what is asked for; the file keeps an index
//! of the words and tells which rows have them. The invariant: a row is found if and only if each
//! term stands in one of its searched attributes.

mod document;
mod snippet;
mod wanted;
mod words;

use serde::{Deserialize, Serialize};

pub(crate) use document::document;
pub(crate) use snippet::best;
pub(crate) use wanted::Wanted;

use crate::{Archived, RecordId, RecordRef, Timestamp, record::default_page, shape::debug};

/// A sort of thing that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SearchItem {
    /// Records.
    Record,
    /// Activities that count: none that is superseded.
    Activity,
}

/// Searches the texts of records and activities: the request of `search.find`.
///
/// Attributes and properties are searched if their definition says `searched`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchText {
    /// What to search for: words, all of which must be there, in any attribute and any order. Case
    /// and accents do not matter. Words in double quotes stand one after the other in one attribute,
    /// and so do those of `ann@example.org`; an asterisk after a word lets it go on (`mül*`). All
    /// other signs only separate words. At most 1 KiB and 32 words.
    pub text: String,
    /// Whether the last word may go on, as while somebody is typing.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub prefix: bool,
    /// What to search: records, activities or both. If empty, what `types` and `kinds` name, and both
    /// if they name nothing.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub items: Vec<SearchItem>,
    /// Of the records only those of these entity types; of every type if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub types: Vec<String>,
    /// Of the activities only those of these kinds; of every kind if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub kinds: Vec<String>,
    /// Which records, by whether they are archived. Activities never are.
    #[serde(default)]
    pub archived: Archived,
    /// The `next` of the page before; the first page if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many hits at most, 1 to 1,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

debug! { SearchText shows(prefix, items, types, kinds, archived, limit) hides(text, after) }

impl SearchText {
    /// The first page of everything that has these words.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            prefix: false,
            items: Vec::new(),
            types: Vec::new(),
            kinds: Vec::new(),
            archived: Archived::Exclude,
            after: None,
            limit: default_page(),
        }
    }

    /// The same while the last word is being typed: it may go on.
    #[must_use]
    pub fn prefix(mut self) -> Self {
        self.prefix = true;
        self
    }
}

/// A stretch of a snippet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SnippetPart {
    /// The text, as it is stored.
    pub text: String,
    /// Whether it is what was searched for.
    pub is_match: bool,
}

debug! { SnippetPart shows(is_match) hides(text) }

/// A piece of a text around what was found: at most 200 characters (Unicode scalar values).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Snippet {
    /// The piece in order, cut wherever a match begins or ends: so no language has to count places in
    /// a text in its own way.
    pub parts: Vec<SnippetPart>,
    /// Whether the text has more before it.
    pub is_cut_before: bool,
    /// Whether the text has more after it.
    pub is_cut_after: bool,
}

/// An activity that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundActivity {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
}

/// A record or an activity that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchHit {
    /// The record that was found, or the subject of the activity; `None` for the activity of a
    /// visitor whose record is not known.
    pub record: Option<RecordRef>,
    /// The activity that was found; `None` if the record was.
    pub activity: Option<FoundActivity>,
    /// How well it fits, greater than 0; the best has the greatest. It is the BM25 of all words
    /// together: rare words count more than common ones, and a word in a short text more than in a
    /// long one. It compares the hits of one search; from one search to another, and when records
    /// change, it means nothing.
    pub score: f64,
    /// The attribute or property that has most of what was searched for.
    pub attribute: String,
    /// Where in it that stands.
    pub snippet: Snippet,
}

/// A page of hits.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchPage {
    /// The hits, the best first, of equal ones the one created or recorded first.
    pub hits: Vec<SearchHit>,
    /// What to hand in as `after` for the next page; `None` when there is none. What others write
    /// between two pages moves scores, so that a hit may then come twice or not at all.
    pub next: Option<String>,
}

debug! { SearchPage shows(hits) hides(next) }
