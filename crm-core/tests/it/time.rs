//! Clocks that stand, jump and run backwards: stamps, versions and ids go on all the same.

use std::{sync::Arc, thread};

use crm_core::{
    CountedIds, Crm, DefineSegment, ErrorKind, FixedClock, Flow, ListChanges, ListMembers,
    OpenOptions, RecordId, Replay, TickTimers, Timestamp, Value, values,
};

use crate::support::{Folder, assert_sound, read_only, relaxed, replay};

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
fn a_clock_that_is_set_goes_on_from_there_by_its_steps() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    let may = at("2026-05-03T00:00:00Z");
    let created_at = || crm.companies().get(create(&crm)).unwrap().created_at;
    assert!(created_at() < may);
    assert_eq!(crm.set_clock(may).unwrap().now, may);
    assert_eq!(crm.acting_as("user:1", None).unwrap().set_clock(may).unwrap().now, may);
    assert_eq!([created_at(), created_at()], [may, at("2026-05-03T00:00:00.001Z")]);
    assert_ordered(&crm);
    assert_sound(&crm);
}

#[test]
fn a_clock_is_set_forward_only() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    let may = at("2026-05-03T00:00:00Z");
    for to in [may, at("6429-01-01T00:00:00Z")] {
        crm.set_clock(to).unwrap();
        crm.set_clock(to).unwrap();
        for past in [Timestamp::from_micros(to.micros() - 1).unwrap(), Timestamp::MIN] {
            let error = crm.set_clock(past).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("to")));
            assert!(error.hint().unwrap().contains("forward"), "{error}");
        }
        if to == may {
            let created = crm.companies().get(create(&crm)).unwrap().created_at;
            assert_eq!(created, may, "what is refused moves nothing");
            assert_eq!(crm.set_clock(may).unwrap_err().field(), Some("to"), "it was read");
        }
    }
}

#[test]
fn a_clock_steps_forward_and_never_round() {
    for step_micros in [-1, DAY + 1, i64::MIN, i64::MAX] {
        let replay = Some(Replay { start: at("2026-01-01T00:00:00Z"), step_micros });
        let options = OpenOptions { replay, ..OpenOptions::default() };
        let error = Crm::open_with(":memory:", options).unwrap_err();
        let told = (error.kind(), error.field());
        assert_eq!(told, (ErrorKind::InvalidArgument, Some("replay.step_micros")));
    }
    // Stamps end in the year 6429, and the clock steps past it.
    let open = |start: Timestamp| {
        let replay = Some(Replay { start, step_micros: DAY });
        Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() })
    };
    let error = open(Timestamp::MAX).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("replay.start")));
    let crm = open(at("6429-10-01T00:00:00Z")).unwrap();
    for _ in 0..100 {
        create(&crm);
    }
    assert_ordered(&crm);
    let error = crm.set_clock(Timestamp::MAX).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("to")));
}

#[test]
fn a_clock_that_goes_by_itself_is_not_set() {
    let own = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    for crm in [Crm::in_memory().unwrap(), open(&Folder::new(), &own, 0)] {
        let error = crm.set_clock(Timestamp::MAX).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("replay")));
        assert!(error.hint().unwrap().contains("replay"), "{error}");
    }
}

#[test]
fn setting_the_clock_makes_nothing_due() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    let young = "created_at within last 2w".parse().unwrap();
    crm.segments().define(DefineSegment::live("young", "company", young)).unwrap();
    create(&crm);
    let members = || crm.segments().members(&ListMembers::new("young")).unwrap().members.len();
    let due_at = crm.timers().next().unwrap().due_at.unwrap();
    let before = crm.stats().unwrap().changes;
    crm.set_clock(at("2026-05-03T00:00:00Z")).unwrap();
    let next = crm.timers().next().unwrap();
    assert_eq!((next.due_at, next.ticked_at), (Some(due_at), None));
    assert_eq!((members(), crm.stats().unwrap().changes), (1, before));
    crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
    assert_eq!(members(), 0);
}

#[test]
fn the_file_knows_nothing_of_a_clock_that_was_set() {
    let folder = Folder::new();
    Crm::open_with(folder.path(), replay()).unwrap().close().unwrap();
    let before = folder.image();
    let options = OpenOptions { replay: replay().replay, ..read_only() };
    let crm = Crm::open_with(folder.path(), options).unwrap();
    crm.set_clock(at("2027-01-01T00:00:00Z")).unwrap();
    crm.close().unwrap();
    assert_eq!(folder.image(), before);

    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    crm.set_clock(at("2027-01-01T00:00:00Z")).unwrap();
    crm.close().unwrap();
    let start = at("2026-02-01T00:00:00Z");
    let replay = Some(Replay { start, step_micros: 0 });
    let crm = Crm::open_with(folder.path(), OpenOptions { replay, ..relaxed() }).unwrap();
    assert_eq!(crm.companies().get(create(&crm)).unwrap().created_at, start);
}

/// Threads set the clock while others write: it ends where the last one wanted it, whoever came
/// first, and no stamp goes back.
#[test]
fn threads_that_set_one_clock_never_take_it_back() {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    let start = at("2026-01-01T00:00:00Z").micros();
    let day = |day: i64| Timestamp::from_micros(start + day * DAY).unwrap();
    thread::scope(|scope| {
        for first in 1..=4 {
            let (crm, day) = (crm.clone(), &day);
            scope.spawn(move || {
                for number in (first..=400).step_by(4) {
                    match crm.set_clock(day(number)) {
                        Ok(reading) => assert_eq!(reading.now, day(number)),
                        Err(error) => assert_eq!(error.field(), Some("to")),
                    }
                    if number % 20 == first {
                        let created = crm.companies().get(create(&crm)).unwrap().created_at;
                        assert!(created >= day(number), "what is set is set for what follows");
                    }
                }
            });
        }
    });
    assert_eq!(crm.set_clock(day(399)).unwrap_err().field(), Some("to"));
    assert_eq!(crm.set_clock(day(401)).unwrap().now, day(401));
    assert_ordered(&crm);
    assert_sound(&crm);
}

#[test]
fn the_systems_own_clock_and_ids_ascend() {
    let crm = Crm::in_memory().unwrap();
    let ids: Vec<_> = (0..500).map(|_| create(&crm)).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert_ordered(&crm);
}
