//! All definitions as their tables have them, whatever they define.
//!
//! Each room reads its own; this is for whoever compares all of them with the journal, or looks for a
//! word in them or in what they said before. The invariant:
//! what a table says of a definition is here whole, except numbers by which rows refer to it.

use rusqlite::{Connection, Row};

use crate::{ChangeKind, RecordId, Result, Timestamp, privacy::told::ToldDefinition};

/// What a definition is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Type,
    Attribute,
    ActivityKind,
    AssociationType,
    View,
    Lifecycle,
    Segment,
    Rule,
    Score,
    LearnedScore,
}

impl Sort {
    const ALL: [Self; 10] = [
        Self::Type,
        Self::Attribute,
        Self::ActivityKind,
        Self::AssociationType,
        Self::View,
        Self::Lifecycle,
        Self::Segment,
        Self::Rule,
        Self::Score,
        Self::LearnedScore,
    ];

    /// As people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Attribute => "attribute",
            Self::ActivityKind => "kind of activity",
            Self::AssociationType => "association type",
            Self::View => "view",
            Self::Lifecycle => "lifecycle",
            Self::Segment => "segment",
            Self::Rule => "rule",
            Self::Score => "score",
            Self::LearnedScore => "learned score",
        }
    }

    /// What [`read`] takes of its table.
    const fn sql(self) -> &'static str {
        match self {
            Self::Type => {
                "SELECT name, 0, definition, NULL, archived_at, NULL, NULL, NULL FROM crm_type"
            }
            Self::Attribute => {
                "SELECT t.name || '.' || d.name, 0, d.definition, NULL, d.archived_at, NULL, NULL, \
                 d.position FROM crm_attribute d JOIN crm_type t ON t.id = d.type_id"
            }
            Self::ActivityKind => {
                "SELECT name, 0, definition, NULL, archived_at, NULL, NULL, NULL \
                 FROM crm_activity_kind"
            }
            Self::AssociationType => {
                "SELECT name, 0, definition, NULL, archived_at, NULL, NULL, NULL \
                 FROM crm_association_type"
            }
            Self::View => {
                "SELECT name, 0, definition, NULL, archived_at, NULL, NULL, NULL FROM crm_view"
            }
            Self::Lifecycle => {
                "SELECT d.name, 0, d.definition, t.name, d.archived_at, NULL, NULL, NULL \
                 FROM crm_lifecycle d LEFT JOIN crm_type t ON t.id = d.type_id"
            }
            Self::Segment => {
                "SELECT d.name, 0, d.definition, t.name, d.archived_at, NULL, NULL, NULL \
                 FROM crm_segment d LEFT JOIN crm_type t ON t.id = d.type_id"
            }
            Self::Rule => {
                "SELECT d.name, 0, d.definition, t.name, d.archived_at, NULL, d.uid, NULL \
                 FROM crm_rule d LEFT JOIN crm_type t ON t.id = d.type_id"
            }
            Self::Score => {
                "SELECT d.name, v.version, v.definition, t.name, v.published_at, v.retired_at, \
                 NULL, NULL FROM crm_score_version v JOIN crm_score_model d ON d.id = v.model \
                 LEFT JOIN crm_type t ON t.id = d.type_id"
            }
            Self::LearnedScore => {
                "SELECT d.name, d.version, d.score, t.name, d.archived_at, NULL, NULL, NULL \
                 FROM crm_learned_score d LEFT JOIN crm_type t ON t.id = d.type_id"
            }
        }
    }
}

/// Which definition it is: of what, by which name, in which version; 0 where there are none. An
/// attribute is named with its type.
pub(crate) type Key = (Sort, String, i64);

/// What is said of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Defined {
    pub(crate) json: String,
    /// The entity type that it is about, where its table says so beside the definition.
    pub(crate) entity_type: Option<String>,
    /// Since when it is archived; a score: since when it is published.
    pub(crate) since: Option<Timestamp>,
    /// Since when a score is retired.
    pub(crate) until: Option<Timestamp>,
    /// Under which id the journal has it, where it has one.
    pub(crate) uid: Option<RecordId>,
    /// The place of an attribute in its type.
    pub(crate) position: Option<i64>,
}

/// Every definition of the file.
pub(crate) fn stored(conn: &Connection) -> Result<Vec<(Key, Defined)>> {
    let mut all = Vec::new();
    for sort in Sort::ALL {
        let mut statement = conn.prepare(sort.sql())?;
        let rows = statement.query_map([], |row| read(sort, row))?;
        all.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(all)
}

/// Where texts of definitions stand: the table, how one is called, and the column.
const TEXTS: [(&str, &str, &str); 16] = [
    ("crm_activity_kind", "name", "definition"),
    ("crm_association_type", "name", "definition"),
    ("crm_attribute", OF_TYPE, "definition"),
    ("crm_channel", "name", "definition"),
    ("crm_learned_score", "name", "score"),
    ("crm_lifecycle", "name", "definition"),
    ("crm_notice", "name", "text"),
    ("crm_party", "name", "definition"),
    ("crm_policy", "name", "definition"),
    ("crm_purpose", "name", "definition"),
    ("crm_retention", "name", "definition"),
    ("crm_rule", "name", "definition"),
    ("crm_score_version", OF_MODEL, "definition"),
    ("crm_segment", "name", "definition"),
    ("crm_type", "name", "definition"),
    ("crm_view", "name", "definition"),
];

const OF_TYPE: &str = "(SELECT t.name FROM crm_type t WHERE t.id = type_id) || '.' || name";
const OF_MODEL: &str = "(SELECT m.name FROM crm_score_model m WHERE m.id = model)";

/// The definitions in which one of these words stands, in any case of ASCII letters: by table and name.
pub(crate) fn naming(conn: &Connection, words: &[String]) -> Result<Vec<(String, String)>> {
    let words = to_json(&spelled(words));
    let mut found = Vec::new();
    for (table, name, column) in TEXTS {
        let mut statement = conn.prepare(&format!(
            "SELECT DISTINCT {name} AS called FROM {table} WHERE EXISTS (SELECT 1 FROM json_each(?1) w \
             WHERE instr(lower({column}), w.value)) ORDER BY called"
        ))?;
        let names = statement.query_map([&words], |row| Ok((table.to_owned(), row.get(0)?)))?;
        found.extend(names.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// Words in small letters, as they are and as JSON has them.
fn spelled(words: &[String]) -> Vec<String> {
    // As JSON has them, without the quotation marks.
    let spelled = words.iter().map(|word| {
        let json = serde_json::to_string(&word.to_ascii_lowercase()).expect("a text is JSON");
        json[1..json.len() - 1].to_owned()
    });
    words.iter().map(|word| word.to_ascii_lowercase()).chain(spelled).collect()
}

fn to_json(texts: &[String]) -> String {
    serde_json::to_string(texts).expect("texts are always JSON")
}

/// The kinds of changes whose definition takes the place of an earlier one, and what it is the same as that
/// one by. Those of consent are not among them: they are what somebody agreed to.
const REPLACING: [(ChangeKind, &str); 10] = [
    (ChangeKind::ActivityKindDefined, NAME),
    (ChangeKind::AssociationTypeDefined, NAME),
    (ChangeKind::AttributeDefined, "entity_type || '.' || (body ->> '$.name')"),
    (ChangeKind::LifecycleDefined, NAME),
    (ChangeKind::RetentionDefined, NAME),
    (ChangeKind::RuleDefined, NAME),
    // Each version of a score stays, and is changed as long as it is a draft.
    (ChangeKind::ScoreDefined, "(body ->> '$.version') || (body ->> '$.definition.name')"),
    (ChangeKind::SegmentDefined, NAME),
    (ChangeKind::TypeDefined, "entity_type"),
    (ChangeKind::ViewSaved, NAME),
];

const NAME: &str = "body ->> '$.name'";

/// The rows of the journal with definitions that are not in force any more and in which one of these contact
/// points stands, in any case of ASCII letters and not as a part of another one. An index leads to the
/// definitions, all of which are looked at.
pub(crate) fn replaced_naming(conn: &Connection, points: &[String]) -> Result<Vec<ToldDefinition>> {
    let points = spelled(points);
    let json = to_json(&points);
    let mut found = Vec::new();
    for (kind, same) in REPLACING {
        let mut statement = conn.prepare_cached(&replaced(kind, same))?;
        let mut rows = statement.query([&json])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(2)?.as_str().unwrap_or_default();
            if points.iter().any(|point| stands_alone(body, point)) {
                found.push(ToldDefinition { seq: row.get(0)?, attribute: row.get(1)? });
            }
        }
    }
    Ok(found)
}

/// Whether a contact point stands in a text where it is no part of a longer one: what is before and after
/// it could not belong to an address, a number or a name.
fn stands_alone(text: &str, point: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || "_+-%@".contains(letter);
    text.match_indices(point).any(|(begin, _)| {
        let (before, after) = (&text[..begin], &text[begin + point.len()..]);
        let mut before = before.chars().rev();
        let joins_before = match before.next() {
            // JSON writes a line break as a letter.
            Some('n' | 'r' | 't') if before.next() == Some('\\') => false,
            letter => letter.is_some_and(|letter| is_part(letter) || letter == '.'),
        };
        let mut after = after.chars();
        let joins_after = match after.next() {
            // A full stop or a dash ends a sentence, or goes on.
            Some('.' | '-') => after.next().is_some_and(is_part),
            letter => letter.is_some_and(is_part),
        };
        !joins_before && !joins_after
    })
}

fn replaced(kind: ChangeKind, same: &str) -> String {
    let of_kind = format!("crm_journal WHERE kind = '{}' AND salt IS NOT NULL", kind.name());
    let attribute = if kind == ChangeKind::AttributeDefined { NAME } else { "NULL" };
    let in_force = match kind {
        // One that was removed is not in force either.
        ChangeKind::RetentionDefined => "SELECT seq FROM crm_retention".to_owned(),
        _ => format!("SELECT max(seq) FROM {of_kind} GROUP BY {same}"),
    };
    // Which are in force is asked only if one of them has such a word.
    format!(
        "SELECT seq, {attribute}, lower(body) FROM {of_kind} AND CASE WHEN EXISTS (SELECT 1 FROM json_each(?1) w \
         WHERE instr(lower(body), w.value)) THEN seq NOT IN ({in_force}) END ORDER BY seq"
    )
}

/// How SQLite goes about finding them, a line for each step.
#[cfg(test)]
pub(crate) fn plan(conn: &Connection) -> Result<Vec<String>> {
    let mut plan = Vec::new();
    for (kind, same) in REPLACING {
        let explain = format!("EXPLAIN QUERY PLAN {}", replaced(kind, same));
        let mut statement = conn.prepare(&explain)?;
        let steps = statement.query_map(["[]"], |row| row.get(3))?;
        plan.extend(steps.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(plan)
}

fn read(sort: Sort, row: &Row<'_>) -> rusqlite::Result<(Key, Defined)> {
    let at = |place| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(place)?.map(Timestamp::clamped))
    };
    let defined = Defined {
        json: row.get(2)?,
        entity_type: row.get(3)?,
        since: at(4)?,
        until: at(5)?,
        uid: row.get::<_, Option<[u8; 16]>>(6)?.map(RecordId::from_bytes),
        position: row.get(7)?,
    };
    Ok(((sort, row.get(0)?, row.get(1)?), defined))
}

#[cfg(test)]
mod tests {
    use super::stands_alone;

    #[test]
    fn a_contact_point_is_no_part_of_another() {
        for (text, point) in [
            ("{\"value\":\"a@b.de\"}", "a@b.de"),
            ("write to a@b.de.", "a@b.de"),
            ("a@b.de - or call", "a@b.de"),
            ("first\\na@b.de", "a@b.de"),
            ("anna@b.de, a@b.de", "a@b.de"),
            ("tel:+493012345", "+493012345"),
            ("who is @ann?", "@ann"),
        ] {
            assert!(stands_alone(text, point), "{point} in {text}");
        }
        for (text, point) in [
            ("anna@b.de", "a@b.de"),
            ("x.a@b.de", "a@b.de"),
            ("a@b.de.example", "a@b.de"),
            ("a@b.design", "a@b.de"),
            ("+493012345678", "+493012345"),
            ("mail@annual.example", "@ann"),
            ("@anna", "@ann"),
        ] {
            assert!(!stands_alone(text, point), "{point} in {text}");
        }
    }
}
