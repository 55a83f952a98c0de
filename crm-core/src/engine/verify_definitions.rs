//! The proof that definitions are what the journal says: of types, attributes, kinds of activities,
//! types of associations, views, lifecycles, segments, rules, scores and learned scores.
//!
//! Those of consent and retention are compared in rooms of their own, with what hangs on them. The
//! invariant: a definition is compared to the byte with what the journal says of it last. What it said
//! before an erasure may take, and tells of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Crm,
    verify::{Compared, Step, note},
};
use crate::{
    ChangeKind, Error, ErrorKind, Result, Timestamp, VerifyReport,
    privacy::told::ErasedBody,
    store::{
        Connection,
        defined::{self as rows, Defined, Key, Sort},
        journal::{self, StoredChange},
        privacy,
    },
};

impl Crm {
    /// Compares every definition with the journal.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_definitions(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        let mut told = Told::default();
        self.verify_pages("definitions", report, step, |conn, _, after, report| {
            let after = after.unwrap_or(i64::MIN);
            let until = journal::last_of_next(conn, after, READ_AT_ONCE)?;
            let count = told.read(conn, (after, until.unwrap_or(i64::MAX)))?;
            // What is written meanwhile is read with a later page, or with the last one.
            if let Some(until) = until {
                return Ok(Compared::before(count, until));
            }
            compare(std::mem::take(&mut told), rows::stored(conn)?, report);
            Ok(Compared::new(count, None))
        })
    }
}

/// Through how many changes a page leads, of which definitions are few. Tests turn many pages.
const READ_AT_ONCE: u32 = if cfg!(test) { 20 } else { 100_000 };

/// Notes what differs.
fn compare(mut told: Told, stored: Vec<(Key, Defined)>, report: &mut VerifyReport) {
    let mut differing = BTreeSet::new();
    for (key, stored) in stored {
        if told.all.remove(&key) != Some(as_comparable(&key, stored)) {
            differing.insert(key);
        }
    }
    // What is left was told and is not there.
    differing.extend(told.all.into_keys());
    for (sort, name, version) in differing {
        let which = match version {
            0 => String::new(),
            version => format!(", version {version}"),
        };
        let what = "the definition differs from the journal";
        note(report, format!("{} {name}{which}: {what}", sort.name()));
    }
    told.missing.into_iter().for_each(|seq| note_missing(report, seq));
}

/// Notes that a row with a definition is gone, and no erasure tells of it.
pub(super) fn note_missing(report: &mut VerifyReport, seq: i64) {
    note(report, format!("change {seq} of a definition: it was erased by no erasure"));
}

/// What a change does to a definition.
enum Act {
    Define,
    Archive,
    Restore,
    Publish,
    Retire,
}

/// Which changes are about definitions.
const ACTS: [(ChangeKind, Sort, Act); 30] = [
    (ChangeKind::TypeDefined, Sort::Type, Act::Define),
    (ChangeKind::TypeArchived, Sort::Type, Act::Archive),
    (ChangeKind::TypeRestored, Sort::Type, Act::Restore),
    (ChangeKind::AttributeDefined, Sort::Attribute, Act::Define),
    (ChangeKind::AttributeArchived, Sort::Attribute, Act::Archive),
    (ChangeKind::AttributeRestored, Sort::Attribute, Act::Restore),
    (ChangeKind::ActivityKindDefined, Sort::ActivityKind, Act::Define),
    (ChangeKind::ActivityKindArchived, Sort::ActivityKind, Act::Archive),
    (ChangeKind::ActivityKindRestored, Sort::ActivityKind, Act::Restore),
    (ChangeKind::AssociationTypeDefined, Sort::AssociationType, Act::Define),
    (ChangeKind::AssociationTypeArchived, Sort::AssociationType, Act::Archive),
    (ChangeKind::AssociationTypeRestored, Sort::AssociationType, Act::Restore),
    (ChangeKind::ViewSaved, Sort::View, Act::Define),
    (ChangeKind::ViewArchived, Sort::View, Act::Archive),
    (ChangeKind::ViewRestored, Sort::View, Act::Restore),
    (ChangeKind::LifecycleDefined, Sort::Lifecycle, Act::Define),
    (ChangeKind::LifecycleArchived, Sort::Lifecycle, Act::Archive),
    (ChangeKind::LifecycleRestored, Sort::Lifecycle, Act::Restore),
    (ChangeKind::SegmentDefined, Sort::Segment, Act::Define),
    (ChangeKind::SegmentArchived, Sort::Segment, Act::Archive),
    (ChangeKind::SegmentRestored, Sort::Segment, Act::Restore),
    (ChangeKind::RuleDefined, Sort::Rule, Act::Define),
    (ChangeKind::RuleArchived, Sort::Rule, Act::Archive),
    (ChangeKind::RuleRestored, Sort::Rule, Act::Restore),
    (ChangeKind::ScoreDefined, Sort::Score, Act::Define),
    (ChangeKind::ScorePublished, Sort::Score, Act::Publish),
    (ChangeKind::ScoreRetired, Sort::Score, Act::Retire),
    (ChangeKind::LearnedScoreTrained, Sort::LearnedScore, Act::Define),
    (ChangeKind::LearnedScoreArchived, Sort::LearnedScore, Act::Archive),
    (ChangeKind::LearnedScoreRestored, Sort::LearnedScore, Act::Restore),
];

/// What the journal leaves of all definitions.
#[derive(Default)]
struct Told {
    all: BTreeMap<Key, Defined>,
    /// The rows that an erasure took, each with the attribute of which it was, if it was of one.
    erased: BTreeMap<i64, Option<String>>,
    /// The rows that somebody took past the engine.
    missing: Vec<i64>,
}

impl Told {
    /// Goes on with the changes after a place up to another one, and answers how many there were.
    fn read(&mut self, conn: &Connection, places: (i64, i64)) -> Result<usize> {
        let kinds = ACTS.map(|(kind, ..)| kind);
        let mut count = 0;
        journal::of_kinds(conn, &kinds, places, |change| {
            count += 1;
            let damaged = || {
                let message = format!("change {} of a definition cannot be read", change.seq);
                Error::new(ErrorKind::Corrupt, message)
            };
            if change.is_erased {
                self.pass(conn, &change)
            } else {
                self.add(&change).ok_or_else(damaged)
            }
        })?;
        Ok(count)
    }

    /// Passes over a change that was erased. A definition that took its place follows; where an attribute
    /// was defined first, it stays.
    fn pass(&mut self, conn: &Connection, change: &StoredChange) -> Result<()> {
        if !self.erased.contains_key(&change.seq) {
            self.erased = told_of_definitions(conn)?;
        }
        match self.erased.get(&change.seq) {
            None => self.missing.push(change.seq),
            Some(None) => {}
            Some(Some(attribute)) => {
                let entity_type = change.entity_type.as_deref().unwrap_or_default();
                let key = (Sort::Attribute, format!("{entity_type}.{attribute}"), 0);
                let position = self.position(&key);
                let defined = self.all.entry(key).or_default();
                defined.position = defined.position.or(position);
            }
        }
        Ok(())
    }

    /// Does what a change did; `None` if it cannot be read.
    fn add(&mut self, change: &StoredChange) -> Option<()> {
        let (_, sort, act) = ACTS.iter().find(|(kind, ..)| *kind == change.kind)?;
        let at = Some(change.hlc.at());
        let body: serde_json::Value = serde_json::from_str(&change.body).ok()?;
        let (told, json) = match (sort, act) {
            (Sort::Score, Act::Define) => {
                let beginning = format!("{{\"version\":{},\"definition\":", body["version"]);
                let json = change.body.strip_prefix(&beginning)?.strip_suffix('}')?;
                (&body["definition"], json)
            }
            _ => (&body, change.body.as_str()),
        };
        let name = match sort {
            Sort::Type => change.entity_type.clone()?,
            Sort::Attribute => {
                format!("{}.{}", change.entity_type.as_ref()?, told["name"].as_str()?)
            }
            _ => told["name"].as_str()?.to_owned(),
        };
        let version = body["version"].as_i64().filter(|_| is_in_versions(*sort)).unwrap_or(0);
        let key = (*sort, name, version);
        match act {
            Act::Define => {
                let position = self.position(&key);
                let defined = self.all.entry(key).or_default();
                json.clone_into(&mut defined.json);
                defined.entity_type = match sort {
                    Sort::Type | Sort::Attribute | Sort::ActivityKind => None,
                    Sort::AssociationType | Sort::View => None,
                    _ => Some(told["type"].as_str()?.to_owned()),
                };
                defined.uid = change.record_id;
                defined.position = defined.position.or(position);
            }
            Act::Archive | Act::Restore => {
                let at = at.filter(|_| matches!(act, Act::Archive));
                for (_, defined) in self.versions(&key) {
                    defined.since = at.map(|at| archived_at(*sort, at));
                }
            }
            Act::Publish => {
                for (of, defined) in self.versions(&key) {
                    match defined {
                        _ if *of == key => defined.since = at,
                        Defined { since: Some(_), until: None, .. } => defined.until = at,
                        _ => {}
                    }
                }
            }
            Act::Retire => self.all.get_mut(&key)?.until = at,
        }
        Some(())
    }

    /// All versions of a definition.
    fn versions<'t>(
        &'t mut self,
        (sort, name, _): &'t Key,
    ) -> impl Iterator<Item = (&'t Key, &'t mut Defined)> {
        let first = (*sort, name.clone(), i64::MIN);
        self.all.range_mut(first..).take_while(move |(of, _)| (of.0, &of.1) == (*sort, name))
    }

    /// The place at which a new attribute is put.
    fn position(&self, (sort, name, _): &Key) -> Option<i64> {
        if *sort != Sort::Attribute {
            return None;
        }
        let entity_type = &name[..=name.find('.')?];
        let first = (Sort::Attribute, entity_type.to_owned(), i64::MIN);
        let others = self.all.range(first..);
        let others = others.take_while(|(of, _)| of.0 == *sort && of.1.starts_with(entity_type));
        i64::try_from(others.count()).ok()
    }
}

/// The rows with definitions that erasures took from the journal, as these tell.
pub(super) fn told_of_definitions(conn: &Connection) -> Result<BTreeMap<i64, Option<String>>> {
    let damaged = |_| Error::new(ErrorKind::Corrupt, "an erasure in the journal cannot be read");
    let mut erased = BTreeMap::new();
    for body in privacy::told_of_definitions(conn)? {
        let told: ErasedBody = serde_json::from_str(&body).map_err(damaged)?;
        erased.extend(told.definitions.into_iter().map(|one| (one.seq, one.attribute)));
    }
    Ok(erased)
}

/// What a table says, as far as the journal can tell.
fn as_comparable((sort, ..): &Key, stored: Defined) -> Defined {
    let since = stored.since.map(|at| archived_at(*sort, at));
    Defined { since, ..stored }
}

const fn is_in_versions(sort: Sort) -> bool {
    matches!(sort, Sort::Score | Sort::LearnedScore)
}

/// Since when a definition is archived, as far as the journal tells it to the microsecond: of learned
/// scores it only tells that they are.
fn archived_at(sort: Sort, at: Timestamp) -> Timestamp {
    if sort == Sort::LearnedScore { Timestamp::clamped(0) } else { at }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{
        Attribute, Crm, DataCategory, Durability, EraseSubject, Error, ErrorKind, Kind,
        OpenOptions, Processing, Purpose, RecordId, RecordRef, VerifyReport, values,
    };

    fn report() -> VerifyReport {
        let problems = Vec::new();
        VerifyReport { is_ok: false, records: 0, activities: 0, associations: 0, problems }
    }

    /// What the rooms about definitions find.
    fn found(crm: &Crm) -> Vec<String> {
        let mut report = report();
        crm.verify_definitions(&mut report, &mut |_| Ok(())).unwrap();
        crm.verify_consents(&mut report, &mut |_| Ok(())).unwrap();
        crm.verify_retention(&mut report, &mut |_| Ok(())).unwrap();
        report.problems
    }

    fn run(crm: &Crm, sql: &str) {
        crm.write(|writing| Ok(writing.tx.execute_batch(sql)?)).unwrap();
    }

    /// A copy of a file with definitions of every sort.
    fn copy(folder: &tempfile::TempDir) -> Crm {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/v7.crm");
        let path = folder.path().join("a.crm");
        fs::copy(fixture, &path).unwrap();
        let durability = Durability::Relaxed;
        Crm::open_with(&path, OpenOptions { durability, ..OpenOptions::default() }).unwrap()
    }

    #[test]
    fn one_changed_byte_of_any_definition_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let crm = copy(&folder);
        assert_eq!(found(&crm), Vec::<String>::new());
        let tables = [
            ("crm_type", "definition"),
            ("crm_attribute", "definition"),
            ("crm_activity_kind", "definition"),
            ("crm_association_type", "definition"),
            ("crm_view", "definition"),
            ("crm_lifecycle", "definition"),
            ("crm_segment", "definition"),
            ("crm_rule", "definition"),
            ("crm_score_version", "definition"),
            ("crm_learned_score", "score"),
            ("crm_channel", "definition"),
            ("crm_party", "definition"),
            ("crm_policy", "definition"),
            ("crm_purpose", "definition"),
            ("crm_notice", "text"),
            ("crm_retention", "definition"),
        ];
        for (table, column) in tables {
            let texts = crm.write(|writing| {
                let mut statement =
                    writing.tx.prepare(&format!("SELECT DISTINCT {column} FROM {table}"))?;
                let texts = statement.query_map([], |row| row.get::<_, String>(0))?;
                Ok(texts.collect::<Result<Vec<_>, _>>()?)
            });
            let texts = texts.unwrap();
            assert!(!texts.is_empty(), "{table}");
            for text in &texts {
                for share in [2, 3] {
                    let mut changed: Vec<char> = text.chars().collect();
                    let place = changed.len() / share;
                    changed[place] = if changed[place] == 'x' { 'y' } else { 'x' };
                    let changed: String = changed.into_iter().collect();
                    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1");
                    let change = |from: &str, to: &str| {
                        crm.write(|writing| Ok(writing.tx.execute(&sql, (from, to))?)).unwrap()
                    };
                    assert!(change(text, &changed) > 0);
                    assert_ne!(found(&crm), Vec::<String>::new(), "{table}: {changed}");
                    change(&changed, text);
                }
            }
        }
        assert_eq!(found(&crm), Vec::<String>::new());
    }

    #[test]
    fn what_stands_beside_a_definition_is_compared_too() {
        let tamperings = [
            "UPDATE crm_type SET archived_at = 7 WHERE id = 1",
            "UPDATE crm_type SET archived_at = archived_at + 1 WHERE archived_at IS NOT NULL",
            "UPDATE crm_attribute SET position = 0",
            "UPDATE crm_attribute SET archived_at = ifnull(archived_at + 1, 7)",
            "DELETE FROM crm_attribute WHERE id = (SELECT max(id) FROM crm_attribute)",
            "UPDATE crm_activity_kind SET archived_at = ifnull(archived_at + 1, 7)",
            "UPDATE crm_association_type SET archived_at = ifnull(archived_at + 1, 7)",
            "UPDATE crm_view SET archived_at = ifnull(archived_at + 1, 7)",
            "UPDATE crm_view SET name = name || 'x'",
            "DELETE FROM crm_view",
            "UPDATE crm_lifecycle SET archived_at = ifnull(archived_at + 1, 7)",
            "UPDATE crm_lifecycle SET type_id = type_id + 1",
            "UPDATE crm_segment SET archived_at = ifnull(archived_at + 1, 7)",
            "UPDATE crm_segment SET type_id = type_id + 1",
            "UPDATE crm_rule SET archived_at = ifnull(archived_at + 1, 7)",
            "UPDATE crm_rule SET type_id = type_id + 1",
            "UPDATE crm_rule SET uid = zeroblob(16)",
            "DELETE FROM crm_rule",
            "UPDATE crm_score_version SET published_at = published_at + 1",
            "UPDATE crm_score_version SET retired_at = ifnull(retired_at + 1, 7)",
            "UPDATE crm_score_version SET version = version + 10",
            "UPDATE crm_score_model SET type_id = type_id + 1",
            "UPDATE crm_learned_score SET version = version + 10",
            "UPDATE crm_learned_score SET archived_at = iif(archived_at IS NULL, 7, NULL)",
            "UPDATE crm_learned_score SET type_id = type_id + 1",
        ];
        for tampering in tamperings {
            let folder = tempfile::tempdir().unwrap();
            let crm = copy(&folder);
            run(&crm, tampering);
            assert_ne!(found(&crm), Vec::<String>::new(), "{tampering}");
        }
    }

    #[test]
    fn an_attribute_that_is_said_to_be_less_sensitive_is_told() {
        let crm = Crm::in_memory().unwrap();
        let health = DataCategory { is_special: true, ..DataCategory::new("dpv-pd:Health") };
        let care = Processing { personal_data: vec![health], ..Processing::default() };
        let care = Purpose::new("care", ["email"]).processing(care);
        crm.consents().define_purpose(care).unwrap();
        let illness = Attribute::new("illness", Kind::Text).special("care");
        crm.types().define_attribute("contact", illness).unwrap();
        assert_eq!(found(&crm), Vec::<String>::new());
        let sql = "UPDATE crm_attribute SET \
                   definition = replace(definition, '\"special\"', '\"none\"') WHERE name = 'illness'";
        run(&crm, sql);
        let expected = "attribute contact.illness: the definition differs from the journal";
        assert_eq!(found(&crm), [expected]);
    }

    /// A file with somebody whom attributes named until they were defined anew.
    fn named() -> (Crm, RecordId) {
        let crm = Crm::in_memory().unwrap();
        for description in ["such as ann@example.org", "such as a@example.org"] {
            for name in ["first", "second", "third"] {
                let mut attribute = Attribute::new(name, Kind::Text);
                if name != "second" {
                    attribute.description = description.to_owned();
                }
                crm.types().define_attribute("company", attribute).unwrap();
            }
        }
        let ann = crm.contacts().create(values! { "email" => "ann@example.org" }).unwrap().id;
        (crm, ann)
    }

    fn erase(crm: &Crm, id: RecordId) {
        crm.privacy().erase(&EraseSubject::new(RecordRef::new("contact", id))).unwrap();
    }

    #[test]
    fn what_an_erasure_took_is_no_finding_and_what_somebody_else_took_is() {
        let (crm, ann) = named();
        erase(&crm, ann);
        assert_eq!(found(&crm), Vec::<String>::new());
        // The erasure says where the attributes stand.
        let moved = "UPDATE crm_attribute SET position = position + 1 WHERE name = 'first'";
        run(&crm, moved);
        assert_eq!(found(&crm).len(), 1);

        let (crm, _) = named();
        let taken = "UPDATE crm_journal SET salt = NULL, body = '{}' WHERE seq = (SELECT min(seq) \
                     FROM crm_journal WHERE body LIKE '%ann@%')";
        run(&crm, taken);
        let problems = found(&crm);
        let is_told = |problem: &String| problem.ends_with("it was erased by no erasure");
        assert!(problems.iter().any(is_told), "{problems:?}");
    }

    #[test]
    fn somebody_may_be_erased_between_two_pages() {
        let (crm, ann) = named();
        let (mut report, mut pages) = (report(), 0);
        let mut step = |_| {
            pages += 1;
            if pages == 1 {
                erase(&crm, ann);
            }
            Ok(())
        };
        crm.verify_definitions(&mut report, &mut step).unwrap();
        assert!(pages > 1);
        assert_eq!(report.problems, Vec::<String>::new());
    }

    #[test]
    fn whoever_is_told_of_a_page_may_end_it() {
        let (crm, _) = named();
        let mut pages = 0;
        let ended = crm.verify_definitions(&mut report(), &mut |_| {
            pages += 1;
            Err(Error::new(ErrorKind::Interrupted, "enough"))
        });
        assert_eq!((ended.unwrap_err().kind(), pages), (ErrorKind::Interrupted, 1));
    }
}
