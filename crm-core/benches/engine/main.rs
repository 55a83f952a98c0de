//! The engine beside its own limit: hand-written prepared statements on SQLite, over the same rows,
//! the same indexes and the same rows of the journal, on the same disk and in the same run.
//!
//! `cargo bench -p crm-core --bench engine` does a million records, `-- --quick` a tenth of them, and
//! `-- --only scores` one of its parts: `records`, `import`, `activities`, `search`, `segments`,
//! `stages`, `scores`, `chain`, `consents` or `erasure`. With the feature `sqlcipher` there is also
//! `encryption`, where the engine's plain file stands in place of what is written by hand.
//! One line a work: name, ours, raw, ratio of the times, budget, verdict. A missed budget makes the
//! run fail.
//!
//! Reads and single writes are repeated, the two sides in turn, and the best time of each counts: the
//! first round fills the caches of both, and what else the machine does slows some rounds only.

#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod activities;
mod bulk;
mod chain;
mod consents;
#[cfg(feature = "sqlcipher")]
mod encryption;
mod erasure;
mod queries;
mod raw;
mod rows;
mod scores;
mod search;
mod segments;
mod stages;
#[cfg(feature = "arrow")]
mod tables;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crm_core::{
    ApplyChanges, Archived, ColumnMapping, CountRecords, CreateRecord, Crm, Durability, Empty,
    Flow, ImportCsv, ListRecords, OpenOptions, Order, PlanImport, RecordChange, RecordId, RunSql,
    Value, ops::Request, values,
};
use raw::Raw;

/// Records per transaction, for both sides.
const BATCH: usize = 10_000;
/// Single reads and writes that are timed together.
const READS: usize = 20_000;
const WRITES: usize = 200;
/// How often reads and single writes are repeated.
const ROUNDS: usize = 5;

/// One work, measured on both sides.
struct Line {
    name: String,
    ours: Duration,
    raw: Option<Duration>,
    units: usize,
    budget: Budget,
}

enum Budget {
    /// Our time is at most this many times the raw one.
    Ratio(f64),
    /// Our time is at most this.
    Time(Duration),
    /// Printed for the record.
    None,
}

impl Line {
    fn print(&self) -> bool {
        let each =
            |time: Duration| format!("{:.3} us", time.as_secs_f64() * 1e6 / self.units as f64);
        let ratio = self.raw.map(|raw| self.ours.as_secs_f64() / raw.as_secs_f64());
        let (budget, is_kept) = match self.budget {
            Budget::Ratio(most) => {
                (format!("<= {most:.1} x"), ratio.is_some_and(|ratio| ratio <= most))
            }
            Budget::Time(most) => (format!("< {} ms", most.as_millis()), self.ours < most),
            Budget::None => ("-".into(), true),
        };
        let raw = self.raw.map_or("-".into(), each);
        let ratio = ratio.map_or("-".into(), |ratio| format!("{ratio:.2} x"));
        let verdict = if is_kept { "ok" } else { "MISSED" };
        println!(
            "{:<38} {:>14} {:>14} {:>8} {:>9}  {verdict}",
            self.name,
            each(self.ours),
            raw,
            ratio,
            budget
        );
        is_kept
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}

/// The best times of both sides, which work in turn.
fn in_turn(mut ours: impl FnMut(), mut raw: impl FnMut()) -> (Duration, Duration) {
    let rounds = (0..ROUNDS).map(|_| (timed(&mut ours).0, timed(&mut raw).0));
    rounds.reduce(|best, round| (best.0.min(round.0), best.1.min(round.1))).unwrap()
}

fn open(path: &Path, durability: Durability) -> Crm {
    Crm::open_with(path, OpenOptions { durability, ..OpenOptions::default() }).unwrap()
}

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let count = if is_quick { 100_000 } else { 1_000_000 };
    let folder = tempfile::tempdir().unwrap();
    println!(
        "{count} records of 12 attributes, two indexes; SQLite {}; times are per record or call",
        Crm::in_memory().unwrap().info().unwrap().sqlite_version
    );
    println!("{:<38} {:>14} {:>14} {:>8} {:>9}", "work", "ours", "raw", "ratio", "budget");
    let mut is_kept = true;
    let mut report = |line: Line| is_kept &= line.print();
    let folder = folder.path();
    let parts: &[(&str, Part)] = &[
        ("records", |folder, count, report| records(folder, count, report)),
        ("import", |folder, count, report| import(folder, count, report)),
        // A customer does ten things.
        ("activities", |folder, count, report| activities::run(folder, 10 * count, report)),
        ("search", |folder, count, report| search::run(folder, count, report)),
        ("segments", |folder, _, report| segments::run(folder, report)),
        ("stages", |folder, count, report| stages::run(folder, count, report)),
        ("scores", |folder, count, report| scores::run(folder, count, report)),
        ("chain", |folder, count, report| chain::run(folder, count, report)),
        // A grant is a transaction of its own.
        ("consents", |folder, count, report| consents::run(folder, count / 10, report)),
        ("erasure", |folder, count, report| erasure::run(folder, count, report)),
        #[cfg(feature = "sqlcipher")]
        ("encryption", |folder, count, report| encryption::run(folder, count, report)),
    ];
    let only = only();
    assert!(only.as_ref().is_none_or(|only| parts.iter().any(|(name, _)| name == only)));
    for &(name, part) in parts {
        if only.as_ref().is_none_or(|only| name == only) {
            part(folder, count, &mut report);
        }
    }
    if !is_kept {
        println!("a budget was missed");
        std::process::exit(1);
    }
}

/// Works that are measured together.
type Part = fn(&Path, usize, &mut dyn FnMut(Line));

/// The part that is asked for, if it is only one.
fn only() -> Option<String> {
    std::env::args().skip_while(|argument| argument != "--only").nth(1)
}

fn records(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let (ours_path, raw_path) = (folder.join("ours.crm"), folder.join("raw.db"));
    let crm = open(&ours_path, Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    let mut raw = Raw::open(&raw_path);
    let ours = create(&crm, count);
    let raw_time = raw.create(count);
    let budget = Budget::Ratio(2.0);
    report(Line { name: "bulk create".into(), ours, raw: Some(raw_time), units: count, budget });

    let ids: Vec<RecordId> = sample_ids(&crm, count);
    reads(&crm, &raw, &ids, count, report);
    pages(&crm, &raw, count, report);
    queries::run(&crm, &raw.conn, count, report);
    #[cfg(feature = "arrow")]
    tables::run(&crm, &raw.conn, count, report);
    calls(report);
    drop(crm);
    updates(&ours_path, &mut raw, &ids, report);
    let rounds = (0..ROUNDS).map(|_| {
        let (opening, crm) = timed(|| open(&ours_path, Durability::Full));
        assert_eq!(crm.records("customer").get(ids[0]).unwrap().id, ids[0]);
        opening
    });
    let opening = rounds.min().unwrap();
    let budget = Budget::Time(Duration::from_millis(10));
    report(Line { name: "open the file".into(), ours: opening, raw: None, units: 1, budget });
}

fn create(crm: &Crm, count: usize) -> Duration {
    let mut spent = Duration::ZERO;
    for start in (0..count).step_by(BATCH) {
        let numbers = start..(start + BATCH).min(count);
        let changes = numbers.map(|number| {
            let values = rows::values(number);
            RecordChange::Create(CreateRecord { entity_type: "customer".into(), values })
        });
        let changes = changes.collect();
        let (time, applied) = timed(|| crm.apply(ApplyChanges { changes, all_or_nothing: true }));
        assert_eq!(applied.unwrap().failed, 0);
        spent += time;
    }
    spent
}

fn sample_ids(crm: &Crm, count: usize) -> Vec<RecordId> {
    let emails = (0..READS).map(|number| Value::from(rows::email(number * 7919 % count)));
    let emails: Vec<Value> = emails.collect();
    let mut ids = Vec::new();
    for keys in emails.chunks(10_000) {
        let found = crm.records("customer").get_many(Some("email"), keys.to_vec()).unwrap();
        ids.extend(found.records.into_iter().map(|record| record.unwrap().id));
    }
    ids
}

fn reads(crm: &Crm, raw: &Raw, ids: &[RecordId], count: usize, report: &mut dyn FnMut(Line)) {
    let customers = crm.records("customer");
    let get = || {
        for id in ids {
            assert_eq!(customers.get(*id).unwrap().version, 1);
        }
    };
    let (ours, raw_time) = in_turn(get, || raw.get_by_id(count, ids.len()));
    let budget = Budget::Ratio(2.0);
    report(Line { name: "get by id".into(), ours, raw: Some(raw_time), units: ids.len(), budget });

    let emails: Vec<String> = (0..READS).map(|number| rows::email(number * 7919 % count)).collect();
    let get = || {
        for email in &emails {
            assert_eq!(customers.get_by("email", email.as_str()).unwrap().version, 1);
        }
    };
    let (ours, raw_time) = in_turn(get, || raw.get_by_email(&emails));
    let name = "get by unique attribute".into();
    let budget = Budget::Ratio(2.0);
    report(Line { name, ours, raw: Some(raw_time), units: emails.len(), budget });
}

fn pages(crm: &Crm, raw: &Raw, count: usize, report: &mut dyn FnMut(Line)) {
    let name = rows::family_name(17);
    let filter = values! { "family_name" => name.as_str() };
    let request =
        CountRecords { filter, archived: Archived::Include, ..CountRecords::new("customer") };
    let counts = 200;
    let total = raw.count_family(&name);
    let (ours, raw_time) = in_turn(
        || (0..counts).for_each(|_| assert_eq!(crm.count_records(&request).unwrap(), total)),
        || (0..counts).for_each(|_| assert_eq!(raw.count_family(&name), total)),
    );
    let budget = Budget::Ratio(2.0);
    let name = "count by an indexed attribute".into();
    report(Line { name, ours, raw: Some(raw_time), units: counts, budget });

    let order = Some(Order { attribute: "family_name".into(), descending: false });
    let mut request = ListRecords { order, limit: 100, ..ListRecords::new("customer") };
    let read = || {
        request.after = None;
        for _ in 0..100 {
            let page = crm.list_records(&request).unwrap();
            assert_eq!(page.records.len(), 100);
            request.after = page.next;
        }
    };
    let (ours, raw_time) = in_turn(read, || raw.pages_by_family(100, 100));
    let budget = Budget::Ratio(2.0);
    let name = "page of 100 by an indexed attribute".into();
    report(Line { name, ours, raw: Some(raw_time), units: 100, budget });

    let sql = "SELECT given_name, country, employees FROM customer WHERE rowid > ?1 ORDER BY rowid";
    let step = 50_000;
    let scan = || {
        let mut read = 0;
        for start in (0..count).step_by(step) {
            let mut request = RunSql::new(sql);
            request.parameters = vec![Value::Integer(start as i64)];
            request.limit = step as u32;
            request.timeout_ms = 60_000;
            read += crm.sql(&request).unwrap().rows.len();
        }
        assert_eq!(read, count);
    };
    let (ours, raw_time) = in_turn(scan, || raw.scan(sql, count, step));
    let budget = Budget::Ratio(2.0);
    report(Line {
        name: "scan of three columns".into(),
        ours,
        raw: Some(raw_time),
        units: count,
        budget,
    });
}

/// As the programs of the other languages measure it: warm, in a file in memory.
fn calls(report: &mut dyn FnMut(Line)) {
    let crm = Crm::in_memory().unwrap();
    let calls = 20_000;
    let round = || {
        for _ in 0..calls {
            let request = Request::DatabaseInfo(Empty {});
            crm.execute(request, &mut |_| Flow::Continue).unwrap();
        }
    };
    let ours = (0..ROUNDS).map(|_| timed(round).0).min().unwrap();
    let name = "empty call from Rust".into();
    report(Line { name, ours, raw: None, units: calls, budget: Budget::None });
}

fn updates(path: &Path, raw: &mut Raw, ids: &[RecordId], report: &mut dyn FnMut(Line)) {
    for (durability, name) in [(Durability::Full, "full"), (Durability::Relaxed, "relaxed")] {
        let crm = open(path, durability);
        let customers = crm.records("customer");
        let (mut ours_round, mut raw_round) = (0, 0);
        let (ours, raw_time) = in_turn(
            || {
                ours_round += 1;
                for (number, id) in ids.iter().take(WRITES).enumerate() {
                    let title = format!("{name} {number} of {ours_round}");
                    customers.patch(*id, values! { "job_title" => title }).unwrap();
                }
            },
            || {
                raw_round += 1;
                raw.update(durability, &format!("{name} {raw_round}"), WRITES);
            },
        );
        let budget = Budget::Ratio(2.0);
        let name = format!("update with commit, {name}");
        report(Line { name, ours, raw: Some(raw_time), units: WRITES, budget });
    }
}

fn import(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let table = folder.join("customers.csv");
    rows::write_csv(&table, count);
    let crm = open(&folder.join("import.crm"), Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    let columns = rows::COLUMNS.iter().map(|column| ColumnMapping::new(*column, *column));
    let request = ImportCsv::from_path("customer", table.to_string_lossy(), columns);
    let (ours, imported) = timed(|| crm.import_csv(&request, &mut |_| Flow::Continue).unwrap());
    assert_eq!(imported.created, count as u64, "{:?}", imported.problem_counts);
    let mut raw = Raw::open(&folder.join("import.db"));
    let raw_time = raw.import(&table, count);
    let budget = Budget::Ratio(2.0);
    let name = "CSV import".into();
    report(Line { name, ours, raw: Some(raw_time), units: count, budget });

    let crm = open(&folder.join("planned.crm"), Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    let columns = rows::COLUMNS.iter().map(|column| ColumnMapping::new(*column, *column));
    let request = PlanImport::from_path("customer", table.to_string_lossy(), columns);
    let (planning, plan) = timed(|| crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap());
    assert_eq!(plan.create, count as u64);
    let (applying, run) = timed(|| crm.imports().apply(&plan, &mut |_| Flow::Continue).unwrap());
    assert_eq!(run.import.created, count as u64);
    let budget = Budget::Ratio(2.5);
    let name = "CSV import, planned and applied".into();
    report(Line { name, ours: planning + applying, raw: Some(raw_time), units: count, budget });
}
