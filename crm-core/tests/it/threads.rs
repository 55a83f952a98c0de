//! Several threads on one handle: everything at once, consistent reads, interruption, closing.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crm_core::{
    AddFile, ApplyChanges, Archived, Attribute, BackupTo, CountRecords, CreateRecord, Crm,
    DefineSegment, DefineType, Error, ErrorKind, Flow, GetHistory, Kind, ListChanges, ListRecords,
    OpenOptions, PatchRecord, RecordChange, RecordId, Replay, RestoreTo, RunSql, TickTimers,
    Timestamp, Value, values,
};

use crate::support::{Folder, Seeded, assert_sound, journal_length, read_only, relaxed};

const THREADS: u64 = 8;

fn accounts() -> DefineType {
    let number = Attribute::new("number", Kind::Integer).unique();
    DefineType::new("account", [number, Attribute::new("balance", Kind::Integer)])
}

/// One call of any sort; `own` are records that this thread alone changes.
#[allow(clippy::too_many_lines, reason = "a list of calls, one arm each")]
fn call(
    crm: &Crm,
    folder: &Folder,
    random: &mut Seeded,
    thread: u64,
    step: usize,
    own: &mut Vec<(RecordId, i64)>,
) -> Result<(), Error> {
    let things = crm.records("account");
    let some = own.get(random.below(own.len().max(1))).copied();
    let number = i64::try_from(thread * 1_000_000).unwrap() + step as i64;
    match (random.below(20), some) {
        (0, _) => {
            // Written at once, so that others read changes of an attribute that they never saw.
            let name = format!("a_{thread}_{step}");
            crm.types().define_attribute("account", Attribute::new(&name, Kind::Text))?;
            let record = things.create(values! { "number" => number, name.as_str() => "x" })?;
            own.push((record.id, record.version));
        }
        (1, _) if step.is_multiple_of(3) => {
            let name = format!("t_{thread}_{step}");
            let attribute = Attribute::new("name", Kind::Text).indexed();
            crm.types().define(DefineType::new(&name, [attribute]))?;
            crm.records(&name).create(values! { "name" => "x" })?;
        }
        (2..=6, _) => {
            let record = things.create(values! { "number" => number, "balance" => 1 })?;
            own.push((record.id, record.version));
        }
        (7..=9, Some((id, version))) => {
            let values = values! { "balance" => step as i64 };
            let record = things.patch_expecting(id, values, Some(version))?;
            let place = own.iter().position(|(other, _)| *other == id).unwrap();
            own[place].1 = record.version;
        }
        (10, _) => {
            things.upsert("number", values! { "number" => -1, "balance" => number })?;
        }
        (11, Some((id, version))) => {
            let record = things.get(id)?;
            assert_eq!(record.version, version, "nobody else changes it");
            let history = crm.journal().of_record("account", id)?;
            assert_eq!(history.len() as i64, version);
        }
        (12, _) => {
            let request = ListRecords { limit: 50, ..ListRecords::new("account") };
            let page = crm.list_records(&request)?;
            assert!(page.records.windows(2).all(|pair| pair[0].id < pair[1].id));
        }
        (13, _) => {
            let length = crm.stats()?.changes;
            let after = length.saturating_sub(40).try_into().unwrap();
            let page = crm.journal().changes(&ListChanges::after(after))?;
            assert!(page.changes.iter().zip(after + 1..).all(|(change, seq)| change.seq == seq));
        }
        (14, _) => {
            let sum = "SELECT sum(balance), count(*) FROM account";
            crm.sql(&RunSql::new(sql_with_comment(sum, step)))?;
        }
        (15, _) => {
            let content = format!("{thread} {step}");
            let file = crm.files().add(&AddFile::new("f", "text/plain", content.clone()))?;
            let read = crm.files().read(&file.hash, 0, 100)?.content.0;
            assert_eq!(read, content.as_bytes());
        }
        (16, Some((id, _))) => {
            let request = GetHistory {
                entity_type: "account".into(),
                id,
                attribute: Some("balance".into()),
                after: 0,
                limit: 10,
            };
            crm.journal().history(&request)?;
        }
        (17, _) if step.is_multiple_of(4) => {
            let report = crm.verify(&mut |_| Flow::Continue)?;
            assert!(report.is_ok, "{:?}", report.problems);
        }
        (18, _) if step.is_multiple_of(8) => {
            let path = folder.at(&format!("{thread}_{step}.copy"));
            let request = BackupTo { path: path.to_str().unwrap().into() };
            crm.backup_to(&request, &mut |_| Flow::Continue)?;
            let copy = Crm::open_with(&path, read_only())?;
            assert_sound(&copy);
        }
        (19, _) => {
            crm.types().list()?;
            crm.records("account").count()?;
        }
        _ => {}
    }
    Ok(())
}

/// Different texts, so that statements are compiled and thrown out of the caches.
fn sql_with_comment(sql: &str, number: usize) -> String {
    format!("{sql} /* {number} */")
}

fn everything_at_once(crm: &Crm, folder: &Folder, steps: usize) {
    crm.types().define(accounts()).unwrap();
    let created = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let created = &created;
            scope.spawn(move || {
                let crm = crm.acting_as(&format!("thread:{thread}"), None).unwrap();
                let mut random = Seeded::new(thread);
                let mut own = Vec::new();
                for step in 0..steps {
                    let result = call(&crm, folder, &mut random, thread, step, &mut own);
                    result.unwrap_or_else(|error| panic!("thread {thread}, step {step}: {error}"));
                }
                created.fetch_add(own.len(), Ordering::SeqCst);
            });
        }
    });
    let shared = u64::from(crm.records("account").get_by("number", -1).is_ok());
    let expected = created.into_inner() as u64 + shared;
    assert_eq!(crm.records("account").count().unwrap(), expected);
    assert_sound(crm);
    journal_length(crm);
}

#[test]
fn eight_threads_do_everything_on_one_file() {
    let folder = Folder::new();
    everything_at_once(&folder.open(), &folder, 120);
}

#[test]
fn eight_threads_do_everything_in_memory() {
    let folder = Folder::new();
    everything_at_once(&Crm::in_memory().unwrap(), &folder, 120);
}

/// Money only moves, in transactions of two records: whoever reads one state sees the same sum.
#[test]
fn readers_see_whole_transactions_and_pages_that_stay_right() {
    const ACCOUNTS: i64 = 60;
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(accounts()).unwrap();
    let create = |number: i64| {
        crm.records("account").create(values! { "number" => number, "balance" => 100 }).unwrap().id
    };
    let ids: Vec<RecordId> = (0..ACCOUNTS).map(create).collect();
    let is_over = AtomicBool::new(false);
    let sum = |balances: &[Value]| balances.iter().filter_map(Value::as_i64).sum::<i64>();
    thread::scope(|scope| {
        let (crm, ids, is_over) = (&crm, &ids, &is_over);
        for writer in 0..2 {
            scope.spawn(move || {
                let mut random = Seeded::new(writer);
                for step in 0..150 {
                    let (from, to) = (random.below(ids.len()), random.below(ids.len()));
                    move_money(crm, ids[from], ids[to]);
                    // Others come and go meanwhile.
                    let number = i64::try_from(writer).unwrap() * 1000 + step + ACCOUNTS;
                    let passing = crm.records("account").create(values! { "number" => number });
                    crm.records("account").archive(passing.unwrap().id, None).unwrap();
                }
                is_over.store(true, Ordering::SeqCst);
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    let result = crm.sql(&RunSql::new("SELECT sum(balance) FROM account")).unwrap();
                    assert_eq!(result.rows[0].0, [Value::Integer(100 * ACCOUNTS)]);
                    let keys = ids.iter().map(|id| Value::from(*id));
                    let found = crm.records("account").get_many(None, keys).unwrap().records;
                    let balances: Vec<_> =
                        found.iter().map(|r| r.as_ref().unwrap().get("balance").clone()).collect();
                    assert_eq!(sum(&balances), 100 * ACCOUNTS, "get_many");
                    let page = crm.list_records(&ListRecords::new("account")).unwrap();
                    let page: Vec<_> =
                        page.records.iter().map(|record| record.get("balance").clone()).collect();
                    assert_eq!(sum(&page), 100 * ACCOUNTS, "one page");
                }
            });
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    let mut request = ListRecords { limit: 7, ..ListRecords::new("account") };
                    let mut met: Vec<RecordId> = Vec::new();
                    loop {
                        let page = crm.list_records(&request).unwrap();
                        met.extend(page.records.iter().map(|record| record.id));
                        request.after = page.next;
                        if request.after.is_none() {
                            break;
                        }
                    }
                    met.retain(|id| ids.contains(id));
                    assert_eq!(&met, ids, "each once");
                }
            });
        }
    });
    assert_sound(&crm);
}

fn move_money(crm: &Crm, from: RecordId, to: RecordId) {
    if from == to {
        return;
    }
    loop {
        let read = |id| crm.records("account").get(id).unwrap();
        let (source, target) = (read(from), read(to));
        let patch = |record: &crm_core::Record, by: i64| {
            let balance = record.get("balance").as_i64().unwrap() + by;
            RecordChange::Patch(PatchRecord {
                entity_type: "account".into(),
                id: record.id,
                values: values! { "balance" => balance },
                expected_version: Some(record.version),
            })
        };
        let changes = vec![patch(&source, -1), patch(&target, 1)];
        let report = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
        if report.is_committed {
            return;
        }
        // Somebody else was faster: the version guards against a lost update.
        let problems = report.outcomes.iter().filter_map(|outcome| outcome.problem.as_ref());
        assert!(problems.clone().all(|problem| problem.kind == "stale_version"));
    }
}

const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[test]
fn an_interruption_ends_what_runs_and_leaves_the_handle_usable() {
    for crm in [Folder::new().open(), Crm::in_memory().unwrap()] {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let running = scope.spawn(|| {
                let endless = RunSql { timeout_ms: 600_000, ..RunSql::new(ENDLESS) };
                let error = crm.sql(&endless).unwrap_err();
                over.store(true, Ordering::SeqCst);
                error
            });
            // A ring before it has begun is not heard: once more until it is.
            while !over.load(Ordering::SeqCst) {
                crm.interrupt();
                thread::yield_now();
            }
            assert_eq!(running.join().unwrap().kind(), ErrorKind::Interrupted);
        });
        crm.interrupt();
        crm.companies().create(values! { "name" => "Acme" }).unwrap();
        assert_eq!(crm.companies().count().unwrap(), 1);
        let one = crm.sql(&RunSql::new("SELECT 1")).unwrap();
        assert_eq!(one.rows[0].0, [Value::Integer(1)]);
    }
}

#[test]
fn a_statement_past_its_time_ends_by_itself() {
    let crm = Crm::in_memory().unwrap();
    let error = crm.sql(&RunSql { timeout_ms: 20, ..RunSql::new(ENDLESS) }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.hint().is_some());
    crm.sql(&RunSql::new("SELECT 1")).unwrap();
}

/// An interrupted write is there whole or not at all, and whoever wrote knows which.
#[test]
fn an_interrupted_batch_leaves_no_trace() {
    let folder = Folder::new();
    let crm = folder.open();
    crm.types().define(accounts()).unwrap();
    let over = AtomicBool::new(false);
    let kept = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut kept = 0;
            for _ in 0..20 {
                let create = |_| {
                    let values = values! { "balance" => 1 };
                    let entity_type = "account".into();
                    RecordChange::Create(CreateRecord { entity_type, values })
                };
                let changes = (0..500).map(create).collect();
                match crm.apply(ApplyChanges { changes, all_or_nothing: false }) {
                    Ok(report) => kept += 500 - report.failed,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted),
                }
            }
            over.store(true, Ordering::SeqCst);
            kept
        });
        while !over.load(Ordering::SeqCst) {
            crm.interrupt();
            thread::yield_now();
        }
        writing.join().unwrap()
    });
    assert_eq!(crm.records("account").count().unwrap(), kept);
    crm.records("account").create(values! {}).unwrap();
    assert_sound(&crm);
    journal_length(&crm);
}

#[test]
fn closing_waits_for_calls_and_ends_later_ones() {
    for _ in 0..10 {
        let folder = Folder::new();
        let crm = folder.open();
        let (started, acknowledged) = (Barrier::new(THREADS as usize + 1), AtomicUsize::new(0));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (crm, started, acknowledged) = (crm.clone(), &started, &acknowledged);
                scope.spawn(move || {
                    started.wait();
                    let error = loop {
                        let result = match thread % 4 {
                            0 | 1 => crm.companies().create(values! { "name" => "x" }).map(|_| {
                                acknowledged.fetch_add(1, Ordering::SeqCst);
                            }),
                            2 => crm.list_records(&ListRecords::new("company")).map(drop),
                            _ => crm.sql(&RunSql::new("SELECT count(*) FROM company")).map(drop),
                        };
                        if let Err(error) = result {
                            break error;
                        }
                    };
                    assert_eq!(error.kind(), ErrorKind::Closed);
                });
            }
            started.wait();
            while acknowledged.load(Ordering::SeqCst) < 5 {
                thread::yield_now();
            }
            crm.close().unwrap();
        });
        crm.close().unwrap();
        let crm = folder.open();
        let count = acknowledged.into_inner() as u64;
        assert_eq!(crm.companies().count().unwrap(), count);
    }
}

#[test]
fn a_clone_of_a_closed_handle_refuses_every_call() {
    let folder = Folder::new();
    let crm = folder.open();
    let id = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let clone = crm.acting_as("user:1", None).unwrap();
    crm.close().unwrap();
    let name = || values! { "name" => "x" };
    let companies = clone.companies();
    let count = CountRecords { archived: Archived::Include, ..CountRecords::new("company") };
    let backup = BackupTo { path: folder.at("copy").to_str().unwrap().into() };
    let restore = RestoreTo { from: backup.path.clone(), to: backup.path.clone() };
    let results: Vec<(&str, Option<Error>)> = vec![
        ("create", companies.create(name()).err()),
        ("get", companies.get(id).err()),
        ("get_many", companies.get_many(None, [Value::from(id)]).err()),
        ("patch", companies.patch(id, name()).err()),
        ("archive", companies.archive(id, None).err()),
        ("list", clone.list_records(&ListRecords::new("company")).err()),
        ("count", clone.count_records(&count).err()),
        ("apply", clone.apply(ApplyChanges { changes: vec![], all_or_nothing: true }).err()),
        ("history", clone.journal().of_record("company", id).err()),
        (
            "changes",
            clone.journal().changes(&ListChanges { limit: 1, ..ListChanges::after(0) }).err(),
        ),
        ("define", clone.types().define(DefineType::new("x", [])).err()),
        ("types", clone.types().list().err()),
        ("add", clone.files().add(&AddFile::new("a", "a/b", "")).err()),
        ("read", clone.files().read(&"0".repeat(64), 0, 1).err()),
        ("sql", clone.sql(&RunSql::new("SELECT 1")).err()),
        ("stats", clone.stats().err()),
        ("verify", clone.verify(&mut |_| Flow::Continue).err()),
        ("backup", clone.backup_to(&backup, &mut |_| Flow::Continue).err()),
        ("restore", clone.restore_to(&restore, &mut |_| Flow::Continue).err()),
        ("compact", clone.compact().err()),
        ("info", clone.info().err()),
        ("set_clock", clone.set_clock(Timestamp::UNIX_EPOCH).err()),
    ];
    for (call, error) in results {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Closed), "{call}");
    }
    clone.interrupt();
    clone.close().unwrap();
}

#[test]
fn a_file_is_open_once_in_a_process_until_the_last_clone_is_gone() {
    let folder = Folder::new();
    let crm = folder.open();
    let clone = crm.clone();
    drop(crm);
    for options in [read_only(), OpenOptions::default()] {
        let error = folder.refusal(options);
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert!(error.hint().is_some(), "{error}");
    }
    clone.companies().create(values! { "name" => "Acme" }).unwrap();
    drop(clone);
    assert_eq!(folder.open().companies().count().unwrap(), 1);
}

#[test]
fn an_interrupt_between_two_steps_ends_a_verification() {
    let crm = Crm::in_memory().unwrap();
    let other = crm.clone();
    let ring = &mut |_| {
        other.interrupt();
        Flow::Continue
    };
    assert_eq!(crm.verify(ring).unwrap_err().kind(), ErrorKind::Interrupted);
    assert_sound(&crm);
}

#[test]
fn ticks_without_a_moment_never_stand_in_each_others_way() {
    let crm = Crm::in_memory().unwrap();
    let tick = || crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue);
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..200 {
                    crm.contacts().create(values! { "given_name" => "Ann" }).unwrap();
                    assert!(tick().unwrap().is_complete);
                }
            });
        }
    });
    assert_sound(&crm);
}

#[test]
fn a_tick_that_another_overtakes_goes_on() {
    let replay = Replay { start: Timestamp::UNIX_EPOCH, step_micros: 1 };
    let options = OpenOptions { replay: Some(replay), ..relaxed() };
    let crm = Crm::open_with(":memory:", options).unwrap();
    let aged = "not created_at within last 10d".parse().unwrap();
    crm.segments().define(DefineSegment::live("aged", "company", aged)).unwrap();
    // More than one transaction does.
    let create = |_| {
        let values = values! { "name" => "Acme" };
        RecordChange::Create(CreateRecord { entity_type: "company".into(), values })
    };
    let changes = (0..1_500).map(create).collect();
    crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
    let day = |number: i64| Timestamp::from_micros(number * 86_400_000_000).unwrap();
    crm.set_clock(day(20)).unwrap();

    let mut overtook = 0;
    let early = TickTimers { until: Some(day(12)), ..TickTimers::default() };
    let tick = crm.timers().tick(&early, &mut |_| {
        if overtook == 0 {
            let late = TickTimers { until: Some(day(15)), ..TickTimers::default() };
            let other = || crm.timers().tick(&late, &mut |_| Flow::Continue).unwrap();
            overtook = thread::scope(|scope| scope.spawn(other).join().unwrap()).done;
        }
        Flow::Continue
    });
    let tick = tick.unwrap();
    assert_eq!((tick.done, overtook, tick.is_complete), (1_000, 500, true));
    assert_eq!((tick.at, crm.timers().next().unwrap().ticked_at), (day(15), Some(day(15))));
    // One that begins there is refused as ever.
    let error = crm.timers().tick(&early, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("until")));
}
