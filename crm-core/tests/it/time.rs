//! Clocks that stand, jump and run backwards: stamps, versions and ids go on all the same.

use std::sync::Arc;

use crm_core::{CountedIds, Crm, FixedClock, ListChanges, RecordId, Timestamp, Value, values};

use crate::support::{Folder, assert_sound, relaxed};

const DAY: i64 = 86_400_000_000;
const TEN_YEARS: i64 = 3_653 * DAY;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open(folder: &Folder, clock: &Arc<FixedClock>, ids_after: u64) -> Crm {
    let ids = Arc::new(CountedIds::after(ids_after));
    Crm::open_injected(folder.path(), relaxed(), Arc::clone(clock) as _, ids).unwrap()
}

/// Stamps ascend strictly along the journal; times never go back.
fn assert_ordered(crm: &Crm) {
    let page =
        crm.journal().changes(&ListChanges { limit: 10_000, ..ListChanges::after(0) }).unwrap();
    for pair in page.changes.windows(2) {
        assert!(pair[0].hlc < pair[1].hlc, "seq {}", pair[1].seq);
        assert!(pair[0].at <= pair[1].at);
        assert!(pair[0].device_seq < pair[1].device_seq);
    }
}

fn create(crm: &Crm) -> RecordId {
    crm.companies().create(values! { "name" => "Acme" }).unwrap().id
}

#[test]
fn a_clock_that_goes_back_ten_years_takes_nothing_back() {
    let folder = Folder::new();
    let clock = Arc::new(FixedClock::new(at("2026-06-01T12:00:00Z")));
    let crm = open(&folder, &clock, 0);
    let mut ids = vec![create(&crm)];
    let before = crm.companies().get(ids[0]).unwrap();
    clock.advance(-TEN_YEARS);
    let after = crm.companies().patch(ids[0], values! { "name" => "Acme Inc" }).unwrap();
    assert_eq!(after.updated_at, before.updated_at, "it stands where it was");
    assert_eq!(after.created_at, before.created_at);
    ids.extend((0..10).map(|_| create(&crm)));
    crm.close().unwrap();

    // Also across opening: what is in the file counts, not what the process remembers.
    let crm = open(&folder, &clock, 1_000);
    ids.extend((0..10).map(|_| create(&crm)));
    let listed: Vec<_> = crm.companies().iter().map(|record| record.unwrap().id).collect();
    assert_eq!(listed, ids, "the order of ids is the order of creation");
    assert_ordered(&crm);

    clock.advance(TEN_YEARS + DAY);
    let patched = crm.companies().patch(ids[0], values! { "name" => "Acme" }).unwrap();
    assert_eq!(patched.updated_at, at("2026-06-02T12:00:00Z"), "the clock is believed again");
    ids.push(create(&crm));
    assert!(ids.is_sorted());
    assert_ordered(&crm);
    assert_sound(&crm);
}

#[test]
fn a_clock_that_was_ten_years_ahead_leaves_the_file_usable() {
    let folder = Folder::new();
    let clock = Arc::new(FixedClock::new(at("2036-01-01T00:00:00Z")));
    create(&open(&folder, &clock, 0));
    clock.advance(-TEN_YEARS);
    let crm = open(&folder, &clock, 100);
    let record = crm.companies().get(create(&crm)).unwrap();
    assert_eq!(record.created_at, at("2036-01-01T00:00:00Z"));
    assert_ordered(&crm);
    assert_sound(&crm);
}

#[test]
fn more_changes_than_a_millisecond_has_stamps_borrow_from_the_next() {
    let folder = Folder::new();
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let crm = open(&folder, &clock, 0);
    let id = create(&crm);
    let changes: Vec<_> = (0..70_000_i64)
        .map(|number| {
            crm_core::RecordChange::Patch(crm_core::PatchRecord {
                entity_type: "company".into(),
                id,
                values: values! { "employees" => number },
                expected_version: None,
            })
        })
        .collect();
    let report = crm.apply(crm_core::ApplyChanges { changes, all_or_nothing: true }).unwrap();
    assert_eq!(report.failed, 0);
    let record = crm.companies().get(id).unwrap();
    assert_eq!(record.version, 70_001);
    assert_eq!(record.updated_at, at("2026-01-01T00:00:00.001Z"));
    let unordered = "SELECT count(*) FROM crm_journal a JOIN crm_journal b ON b.seq = a.seq + 1 AND b.hlc <= a.hlc";
    let found = crm.sql(&crm_core::RunSql::new(unordered)).unwrap();
    assert_eq!(found.rows[0].0, [Value::Integer(0)]);
}

#[test]
fn the_years_that_end_other_clocks_are_ordinary() {
    for moment in ["1970-01-01T00:00:00Z", "2038-01-19T03:14:07.999999Z", "2038-01-19T03:14:08Z"] {
        let folder = Folder::new();
        let clock = Arc::new(FixedClock::new(at(moment)));
        let crm = open(&folder, &clock, 0);
        let record = crm.companies().get(create(&crm)).unwrap();
        // To the millisecond, which is what a stamp holds.
        let expected = at(moment).micros() / 1000;
        assert_eq!(record.created_at.micros().div_euclid(1000), expected, "{moment}");
        assert_ordered(&crm);
        assert_sound(&crm);
    }
}

#[test]
fn a_clock_at_the_ends_of_time_still_writes() {
    for moment in [Timestamp::MIN, Timestamp::MAX] {
        let folder = Folder::new();
        let clock = Arc::new(FixedClock::new(moment));
        let crm = open(&folder, &clock, 0);
        let ids: Vec<_> = (0..100).map(|_| create(&crm)).collect();
        assert!(ids.is_sorted());
        assert_ordered(&crm);
        assert_sound(&crm);
    }
}

#[test]
fn the_systems_own_clock_and_ids_ascend() {
    let crm = Crm::in_memory().unwrap();
    let ids: Vec<_> = (0..500).map(|_| create(&crm)).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert_ordered(&crm);
}
