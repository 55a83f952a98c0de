//! Laws that hold whatever is written: random schemas, random work, nasty values.
//!
//! Each test states one law of the design. The file is in memory, and time is what the test says.

mod backtests;
mod conditions;
mod consents;
mod draws;
mod formulas;
mod lifecycles;
mod links;
mod machine;
mod membership;
mod queries;
mod rebuild;
mod rollups;
mod scores;
mod search;
mod segments;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crm_core::{
    AssociationDirection, Attribute, ChangeKind, Clock, CountRecords, CountedIds, Crm, DefineType,
    ErrorKind, Flow, Kind, ListRecords, ListTimeline, OpenOptions, Order, RecordId, Replay,
    TimelineItem, Timestamp, Value, Values,
};
use draws::any_value;
use links::link;
use machine::{Step, TYPES, World, happen, schema, step, work};
use proptest::prelude::*;
use rebuild::{Contents, changes, set};
use serde_json::json;

use crate::support::repetitions;

fn memory() -> Crm {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let replay = Some(Replay { start, step_micros: 700 });
    Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() }).unwrap()
}

pub(super) fn cases(cases: u32) -> ProptestConfig {
    // Failures are shown in full; a file of seeds would need a place in the repository.
    // Some thousand tries make a failure small enough to read; to go on would take minutes.
    let max_shrink_iters = 2000;
    ProptestConfig {
        cases: repetitions(cases),
        max_shrink_iters,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// What the journal says and what the tables hold are equal: types, records, versions, times.
    #[test]
    fn the_tables_can_be_rebuilt_from_the_journal(
        schema in schema(),
        steps in prop::collection::vec(step(), 1..40),
        limit in 1_u32..20,
    ) {
        let mut world = World::new(memory(), &schema);
        for step in &steps {
            let _ = world.perform(step);
        }
        let contents = Contents::read(&world.crm);
        for record in contents.records.values() {
            let mut values = Values::new();
            let history = world.crm.journal().of_record(&record.entity_type, record.id).unwrap();
            for (place, entry) in history.iter().enumerate() {
                prop_assert_eq!(entry.version, place as i64 + 1);
                set(&mut values, entry.values.clone());
            }
            prop_assert_eq!(history.last().map(|entry| entry.at), Some(record.updated_at));
            prop_assert_eq!(&values, &record.values);
        }
        prop_assert_eq!(Contents::rebuild(&world.crm, limit), contents.clone().without_typed());
        let report = world.crm.verify(&mut |_| Flow::Continue).unwrap();
        prop_assert_eq!((report.problems, report.records), (vec![], contents.records.len() as u64));
        prop_assert_eq!(report.activities, contents.activities.len() as u64);
        prop_assert_eq!(report.associations, contents.associations.len() as u64);
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// An error means that nothing happened: not a value, not a definition, not a row of the journal.
    #[test]
    fn what_fails_changes_nothing(
        schema in schema(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut world = World::new(memory(), &schema);
        let mut before = Contents::read(&world.crm);
        for step in &steps {
            let done = world.perform(step);
            let after = Contents::read(&world.crm);
            if let Err(error) = done {
                prop_assert_ne!(error.kind(), ErrorKind::Internal, "{}", error);
                prop_assert!(before == after, "{:?} failed and changed the file", step);
            }
            before = after;
        }
    }

    /// The journal counts without gaps, its clock ascends whatever the wall clock does, and a
    /// record's version is the number of its changes.
    #[test]
    fn places_stamps_and_versions_count_on(
        schema in schema(),
        steps in prop::collection::vec(step(), 1..30),
        readings in prop::collection::vec(0_i64..4_000_000, 1..50),
    ) {
        let clock = Arc::new(JumpingClock { readings, next: AtomicUsize::new(0) });
        let ids = Arc::new(CountedIds::default());
        let crm = Crm::open_injected(":memory:", OpenOptions::default(), clock, ids).unwrap();
        let mut world = World::new(crm, &schema);
        for step in &steps {
            let _ = world.perform(step);
        }
        let changes = changes(&world.crm, 7);
        let mut versions: BTreeMap<RecordId, i64> = BTreeMap::new();
        for (place, change) in changes.iter().enumerate() {
            let number = place as i64 + 1;
            prop_assert_eq!((change.seq, change.device_seq), (number, number));
            prop_assert_eq!(change.at.micros(), (change.hlc >> 16) * 1000);
            prop_assert!(change.transaction <= change.seq);
            let first = &changes[change.transaction as usize - 1];
            prop_assert_eq!(first.transaction, first.seq, "a transaction begins with itself");
            if let Some(id) = change.record_id {
                let version = versions.entry(id).or_default();
                *version += 1;
                prop_assert_eq!(change.kind == ChangeKind::RecordCreated, *version == 1);
            }
        }
        prop_assert!(changes.windows(2).all(|pair| pair[0].hlc < pair[1].hlc));
        prop_assert!(changes.windows(2).all(|pair| pair[0].transaction <= pair[1].transaction));
        let contents = Contents::read(&world.crm);
        let stored: BTreeMap<RecordId, i64> =
            contents.records.values().map(|record| (record.id, record.version)).collect();
        prop_assert_eq!(stored, versions);
    }

    /// Records that are neither created nor moved while somebody reads page by page come exactly
    /// once, whatever others write.
    #[test]
    fn pages_meet_what_stays_exactly_once(
        schema in schema(),
        before in prop::collection::vec(work(), 5..40),
        between in prop::collection::vec(prop::collection::vec(work(), 0..4), 0..12),
        order in prop::option::of((prop::sample::select(vec!["a", "b", "c", "d"]), any::<bool>())),
        limit in 1_u32..6,
    ) {
        let mut world = World::new(memory(), &schema);
        for work in before {
            let _ = world.perform(&Step::Work(work));
        }
        let order = order.map(|(name, descending)| Order { attribute: name.into(), descending });
        let mut request = ListRecords { order, limit, ..ListRecords::new(TYPES[0]) };
        let mut between = between.into_iter();
        let start = places(&world.crm, &request);
        let mut moved = Vec::new();
        let mut seen: BTreeMap<RecordId, u32> = BTreeMap::new();
        loop {
            let page = match world.crm.list_records(&request) {
                Ok(page) => page,
                // Not every kind has an order, and not every schema all attributes.
                Err(error) => {
                    prop_assert!(matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::UnknownAttribute));
                    return Ok(());
                }
            };
            prop_assert!(page.records.len() <= limit as usize);
            for record in page.records {
                *seen.entry(record.id).or_default() += 1;
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
            let last = places(&world.crm, &request);
            for work in between.next().unwrap_or_default() {
                let _ = world.perform(&Step::Work(work));
            }
            let now = places(&world.crm, &request);
            moved.extend(last.iter().filter(|(id, place)| now.get(id) != Some(place)).map(|(id, _)| *id));
        }
        for id in start.keys().filter(|id| !moved.contains(id)) {
            prop_assert_eq!(seen.get(id), Some(&1), "{}", id);
        }
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// Whatever is added, changed, archived, restored and redefined: on no day has a record more
    /// associations than allowed, or two primary ones, or says one the same as another; and
    /// hierarchies have no cycle.
    #[test]
    fn associations_keep_their_rules(links in prop::collection::vec(link(), 1..40)) {
        let crm = memory();
        crm.types().define(DefineType::new("alpha", [])).unwrap();
        links::define_types(&crm, &["alpha"]);
        let mut records = Vec::new();
        for _ in 0..4 {
            let record = crm.records("alpha").create(Values::new()).unwrap();
            records.push(("alpha".to_owned(), record.id));
        }
        let mut known = Vec::new();
        for link in &links {
            let done = links::perform(&crm, &records, &mut known, link);
            let kind = done.err().map(|error| error.kind());
            prop_assert_ne!(kind, Some(ErrorKind::Internal));
            prop_assert_eq!(links::broken_laws(&crm), Vec::<String>::new(), "after {:?}", link);
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// A timeline holds every activity that counts, with the record or linked to it, every change of
    /// the record, and every change of an association at either end of which it is, each once and the
    /// latest first; pages of any size give the same.
    #[test]
    fn a_timeline_is_what_happened_in_order(
        schema in schema(),
        before in prop::collection::vec(work(), 3..9),
        steps in prop::collection::vec(prop_oneof![
            3 => happen(),
            1 => work().prop_map(Step::Work),
            2 => link().prop_map(Step::Link),
        ], 5..40),
        limit in 1_u32..6,
    ) {
        let mut world = World::new(memory(), &schema);
        let before = before.into_iter().map(Step::Work);
        for step in before.chain(steps) {
            let _ = world.perform(&step);
        }
        let contents = Contents::read(&world.crm);
        let changes = changes(&world.crm, 10_000);
        for record in contents.records.values() {
            let mut expected: Vec<(Timestamp, String)> = Vec::new();
            for activity in contents.activities.values().filter(|a| a.superseded_by.is_none()) {
                let is_own = activity.subject.as_ref().is_some_and(|subject| subject.id == record.id);
                let is_linked = activity.links.iter().any(|link| link.id == record.id);
                if is_own || is_linked {
                    expected.push((activity.at, activity.id.to_string()));
                }
            }
            for change in &changes {
                let Some(said) = &change.association else { continue };
                let link = &contents.associations[&said.id];
                if link.from.id == record.id || link.to.id == record.id {
                    expected.push((change.at, format!("{} {}", change.kind.name(), json!(said.values))));
                }
            }
            let history = world.crm.journal().of_record(&record.entity_type, record.id).unwrap();
            expected.extend(history.iter().map(|entry| (entry.at, format!("version {}", entry.version))));
            expected.sort();

            let mut request = ListTimeline { limit, ..ListTimeline::new(&*record.entity_type, record.id) };
            let mut entries = Vec::new();
            loop {
                let page = world.crm.timeline(&request).unwrap();
                prop_assert!(page.entries.len() <= limit as usize);
                entries.extend(page.entries);
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
            }
            prop_assert!(entries.windows(2).all(|pair| (pair[0].at, pair[0].seq) > (pair[1].at, pair[1].seq)));
            let mut found: Vec<(Timestamp, String)> = Vec::new();
            for entry in &entries {
                let what = match &entry.item {
                    TimelineItem::Activity(activity) => {
                        prop_assert_eq!(activity, &contents.activities[&activity.id]);
                        let is_own = activity.subject.as_ref().is_some_and(|subject| subject.id == record.id);
                        prop_assert_eq!(is_own, entry.role.is_none());
                        activity.id.to_string()
                    }
                    TimelineItem::Change(change) => format!("version {}", change.version),
                    TimelineItem::Association(change) => {
                        let link = &contents.associations[&change.id];
                        let (is_from, is_to) = (link.from.id == record.id, link.to.id == record.id);
                        let (direction, other) = match change.direction {
                            AssociationDirection::Outgoing => ((true, false), &link.to),
                            AssociationDirection::Incoming => ((false, true), &link.from),
                            AssociationDirection::Both => ((true, true), &link.to),
                        };
                        prop_assert_eq!(((is_from, is_to), &change.other), (direction, other));
                        prop_assert!(change.version <= link.version);
                        format!("{} {}", change.kind.name(), json!(change.values))
                    }
                    TimelineItem::Stage(stage) => format!("{} {}", stage.lifecycle, stage.stage),
                };
                found.push((entry.at, what));
            }
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    /// A value is either refused, or comes back in a form that is stored the same again.
    #[test]
    fn a_stored_value_is_stored_the_same_again(
        kind in prop::sample::select(Kind::ALL),
        value in any_value(),
    ) {
        THINGS.with(|crm| {
            let things = crm.records(kind.name());
            let created = match things.create(Values::from([("x", value.clone())])) {
                Ok(record) => record,
                Err(error) => {
                    let is_refused = matches!(error.kind(), ErrorKind::WrongKind
                        | ErrorKind::InvalidValue | ErrorKind::OutOfRange
                        | ErrorKind::UnknownOption | ErrorKind::NotFound);
                    prop_assert!(is_refused, "{}", error);
                    prop_assert_eq!(error.field(), Some("x"));
                    return Ok(());
                }
            };
            let stored = things.get(created.id).unwrap();
            prop_assert_eq!(text(&stored.values), text(&created.values));
            prop_assert_eq!(&stored, &created);
            let (normal, typed) = (created.get("x").clone(), created.typed.get("x").clone());
            let again = things.create(Values::from([("x", normal.clone())])).unwrap();
            prop_assert_eq!(text(&again.values), text(&created.values));
            prop_assert!(again.typed.is_empty(), "the normal form is its own normal form");
            if !typed.is_null() {
                prop_assert_eq!(text(&Values::from([("x", typed.clone())])), text(&Values::from([("x", value)])));
                let again = things.create(Values::from([("x", typed)])).unwrap();
                prop_assert_eq!((text(&again.values), text(&again.typed)), (text(&created.values), text(&created.typed)));
            }
            let patched = things.patch(again.id, Values::from([("x", normal.clone())])).unwrap();
            prop_assert_eq!(patched.version, 1, "nothing differs, so nothing is written");
            let read: Values = serde_json::from_str(&text(&created.values)).unwrap();
            prop_assert_eq!(text(&read), text(&created.values), "JSON loses nothing");
            let history = crm.journal().of_record(kind.name(), created.id).unwrap();
            prop_assert_eq!(text(&history[0].values), text(&created.values));
            if !matches!(kind, Kind::LongText | Kind::Choices | Kind::Address | Kind::File) {
                let filter = Values::from([("x", normal)]);
                let entity_type = kind.name().to_owned();
                let count = CountRecords { filter, ..CountRecords::new(entity_type) };
                prop_assert!(crm.count_records(&count).unwrap() >= 2, "equal values are found");
            }
            Ok(())
        })?;
    }
}

thread_local! {
    /// A file with one type of each kind, of that name.
    static THINGS: Crm = {
        let crm = memory();
        for kind in Kind::ALL {
            let mut attribute = Attribute::new("x", *kind);
            match kind {
                Kind::Choice | Kind::Choices => attribute = attribute.options(["s", "m", "l"]),
                Kind::Reference => attribute = attribute.target("contact"),
                _ => {}
            }
            crm.types().define(DefineType::new(kind.name(), [attribute])).unwrap();
        }
        crm
    };
}

/// Values as JSON: unlike `==`, it tells −0.0 from 0.0.
fn text(values: &Values) -> String {
    serde_json::to_string(values).unwrap()
}

/// Where each record in use stands in the order that is asked for.
fn places(crm: &Crm, request: &ListRecords) -> BTreeMap<RecordId, String> {
    let name = request.order.as_ref().map_or("", |order| order.attribute.as_str());
    let all = ListRecords { limit: 10_000, ..ListRecords::new(request.entity_type.as_str()) };
    let records = crm.list_records(&all).unwrap().records.into_iter();
    records.map(|record| (record.id, format!("{:?}", show(record.get(name))))).collect()
}

fn show(value: &Value) -> String {
    serde_json::to_string(value).unwrap()
}

/// A wall clock that jumps to and fro.
struct JumpingClock {
    readings: Vec<i64>,
    next: AtomicUsize,
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.readings.len();
        Timestamp::from_micros(self.readings[place]).unwrap()
    }
}
