//! A process that is killed: nothing that it acknowledged is lost, nothing is torn, and the file
//! opens again without help.
//!
//! The writer is this test binary, started again; it says over a pipe what was committed. The seed
//! of each cycle is printed when it fails.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crm_core::{
    ActivityColumns, AddFile, ApplyChanges, AssociationColumns, Attribute, ColumnMapping,
    CreateRecord, Crm, DefineActivityKind, DefineAssociationType, DefineType, Flow, ImportCsv,
    ImportMode, ImportPlan, ImportState, Kind, ListChanges, ListImports, PatchRecord, PlanImport,
    Progress, RecordChange, RecordId, RunSql, Value, VerifyJournal, values,
};

use crate::support::{Folder, Seeded, assert_sound, journal_length, repetitions};

const FILE: &str = "CRM_CRASH_FILE";
const SEED: &str = "CRM_CRASH_SEED";
const CYCLES: u32 = 50;
/// Records of one transaction: all of them or none.
const BATCH: usize = 20;

pub(crate) fn start(test: &str, path: &Path, seed: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FILE, path)
        .env(SEED, seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a started test is to do; nothing in an ordinary run of all tests.
pub(crate) fn order() -> Option<(PathBuf, u64)> {
    let path = env::var_os(FILE)?;
    Some((path.into(), env::var(SEED).ok()?.parse().ok()?))
}

/// One line in one piece, past the test harness.
pub(crate) fn acknowledge(line: &str) {
    std::io::stderr().write_all(format!("ack {line}\n").as_bytes()).unwrap();
}

/// Reads `count` acknowledgements, waits a moment more, kills, and returns all that were written.
pub(crate) fn kill_after(mut child: Child, count: usize, more: Duration) -> Vec<String> {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < count {
        match lines.next() {
            Some(line) => acknowledged.push(line.unwrap()),
            None => break,
        }
    }
    thread::sleep(more);
    child.kill().unwrap();
    child.wait().unwrap();
    // What was written into the pipe before the end is still in it.
    acknowledged.extend(lines.map(Result::unwrap));
    let stripped = acknowledged.into_iter();
    stripped
        .map(|line| match line.strip_prefix("ack ") {
            Some(words) => words.to_owned(),
            None => panic!("the writer failed: {line}"),
        })
        .collect()
}

/// The writer: does nothing unless [`nothing_acknowledged_is_lost_and_nothing_is_torn`] started it.
#[test]
fn writer() {
    let Some((path, seed)) = order() else { return };
    let crm = Crm::open(path).unwrap();
    let crm = crm.acting_as(&format!("writer:{seed}"), Some("crash test")).unwrap();
    let mut random = Seeded::new(seed);
    let mut known: Vec<(RecordId, i64)> = Vec::new();
    for step in 0..100_000 {
        let name = format!("{seed}_{step}");
        match random.below(40) {
            0 => define(&crm, &name),
            1..=3 => import(&crm, &name, &mut random),
            4..=9 => apply(&crm, &name, &known),
            10..=11 => {
                let content = name.repeat(1 + random.below(40_000));
                let file = crm.files().add(&AddFile::new("a", "text/plain", content)).unwrap();
                acknowledge(&format!("file {} {}", file.hash, file.size));
            }
            12 => {
                crm.compact().unwrap();
                acknowledge("compacted");
            }
            13..=25 if !known.is_empty() => {
                let place = random.below(known.len());
                let (id, version) = &mut known[place];
                let values = values! { "number" => step };
                let record = crm.records("thing").patch_expecting(*id, values, Some(*version));
                *version = record.unwrap().version;
                acknowledge(&format!("record {id} {version} {step}"));
            }
            _ => {
                let text = "x".repeat(random.below(9_000));
                let values = values! { "number" => step, "text" => text };
                let record = crm.records("thing").create(values).unwrap();
                known.push((record.id, 1));
                acknowledge(&format!("record {} 1 {step}", record.id));
            }
        }
    }
}

fn define(crm: &Crm, name: &str) {
    let attributes = [
        Attribute::new("one", Kind::Text).indexed(),
        Attribute::new("two", Kind::Money),
        Attribute::new("three", Kind::Integer).unique(),
    ];
    crm.types().define(DefineType::new(format!("t_{name}"), attributes)).unwrap();
    acknowledge(&format!("type t_{name}"));
}

/// Creates records and changes known ones, in one transaction.
fn apply(crm: &Crm, name: &str, known: &[(RecordId, i64)]) {
    let change = |number: usize| {
        let values = values! { "batch" => name, "number" => number as i64 };
        RecordChange::Create(CreateRecord { entity_type: "thing".into(), values })
    };
    let mut changes: Vec<_> = (0..BATCH).map(change).collect();
    changes.extend(known.iter().rev().take(5).map(|(id, _)| {
        RecordChange::Patch(PatchRecord {
            entity_type: "place".into(),
            id: *id,
            values: values! {},
            expected_version: None,
        })
    }));
    // There is no such record in that type: it fails by itself and without harm to the others.
    let failing = changes.len() - BATCH;
    let report = crm.apply(ApplyChanges { changes, all_or_nothing: false }).unwrap();
    assert_eq!(report.failed, failing as u64);
    acknowledge(&format!("batch {name} {BATCH}"));
}

fn import(crm: &Crm, name: &str, random: &mut Seeded) {
    let rows = 50 + random.below(300);
    let mut text = String::from("batch,number\n");
    (0..rows).for_each(|row| text.push_str(&format!("{name},{row}\n")));
    let columns = ["batch", "number"].map(|name| ColumnMapping::new(name, name));
    let request = ImportCsv {
        path: None,
        text: Some(text),
        all_or_nothing: true,
        ..ImportCsv::from_path("thing", "", columns)
    };
    let report = crm.import_csv(&request, &mut |_| Flow::Continue).unwrap();
    assert_eq!(report.created, rows as u64);
    acknowledge(&format!("batch {name} {rows}"));
}

/// What was acknowledged of one file so far.
#[derive(Default)]
struct Promises {
    records: HashMap<(RecordId, i64), i64>,
    batches: HashMap<String, i64>,
    types: Vec<String>,
    files: Vec<(String, u64)>,
}

impl Promises {
    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["record", id, version, number] => {
                let key = (id.parse().unwrap(), version.parse().unwrap());
                self.records.insert(key, number.parse().unwrap());
            }
            ["batch", name, rows] => {
                self.batches.insert(name.into(), rows.parse().unwrap());
            }
            ["type", name] => self.types.push(name.into()),
            ["file", hash, size] => self.files.push((hash.into(), size.parse().unwrap())),
            ["compacted"] => {}
            _ => panic!("the writer said something else: {line}"),
        }
    }

    fn check(&self, crm: &Crm) {
        for ((id, version), number) in &self.records {
            let history = crm.journal().of_record("thing", *id).unwrap();
            let entry = &history[usize::try_from(version - 1).unwrap()];
            assert_eq!(
                (entry.version, entry.values.get("number")),
                (*version, &Value::from(*number))
            );
            let record = crm.records("thing").get(*id).unwrap();
            assert_eq!(record.version, history.len() as i64);
            let last = history.iter().rev().find(|entry| entry.values.contains("number")).unwrap();
            assert_eq!(record.get("number"), last.values.get("number"));
        }
        let counted = crm.sql(&RunSql {
            limit: 100_000,
            ..RunSql::new("SELECT batch, count(*) FROM thing WHERE batch IS NOT NULL GROUP BY 1")
        });
        let counted: HashMap<String, i64> = counted
            .unwrap()
            .rows
            .iter()
            .map(|row| (row.0[0].as_str().unwrap().to_owned(), row.0[1].as_i64().unwrap()))
            .collect();
        for (name, rows) in &self.batches {
            assert_eq!(counted.get(name), Some(rows), "batch {name}");
        }
        for name in &self.types {
            assert_eq!(crm.types().get(name).unwrap().attributes.len(), 3);
        }
        for (hash, size) in &self.files {
            assert_eq!(crm.files().read(hash, size - 1, 10).unwrap().content.0.len(), 1);
        }
    }
}

/// Transactions that were not acknowledged are there whole or not at all.
fn assert_nothing_torn(crm: &Crm) {
    for entity_type in crm.types().list().unwrap() {
        if entity_type.name.starts_with("t_") {
            assert_eq!(entity_type.attributes.len(), 3, "{}", entity_type.name);
            crm.sql(&RunSql::new(format!(
                "SELECT one, two_currency FROM \"{}\"",
                entity_type.name
            )))
            .unwrap();
        }
    }
    let torn = crm.sql(&RunSql::new(
        "SELECT batch, count(*), max(number) + 1 FROM thing WHERE batch IS NOT NULL
         GROUP BY batch HAVING count(*) < 20 OR count(*) <> max(number) + 1",
    ));
    assert_eq!(torn.unwrap().rows.len(), 0, "half of a transaction was kept");
    // All rows of the journal that share a transaction are consecutive, from its number on.
    let gaps = crm.sql(&RunSql::new(
        "SELECT tx FROM crm_journal GROUP BY tx HAVING max(seq) - min(seq) + 1 <> count(*) OR min(seq) <> tx",
    ));
    assert_eq!(gaps.unwrap().rows.len(), 0);
}

fn things() -> DefineType {
    let attributes = [
        Attribute::new("number", Kind::Integer),
        Attribute::new("text", Kind::Text),
        Attribute::new("batch", Kind::Text).indexed(),
    ];
    DefineType::new("thing", attributes)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_torn() {
    let mut random = Seeded::new(0xC4A5);
    let mut kinds = [0; 4];
    // Some kills per file, so that each meets what the ones before left, and verifying stays quick.
    for seeds in (0..repetitions(CYCLES).into()).collect::<Vec<_>>().chunks(5) {
        let all = kill_repeatedly(seeds, &mut random);
        let found = [all.records.len(), all.batches.len(), all.types.len(), all.files.len()];
        kinds.iter_mut().zip(found).for_each(|(sum, count)| *sum += count);
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

/// One file, killed once per seed.
fn kill_repeatedly(seeds: &[u64], random: &mut Seeded) -> Promises {
    let folder = Folder::new();
    let crm = Crm::open(folder.path()).unwrap();
    crm.types().define(things()).unwrap();
    crm.types().define(DefineType::new("place", [])).unwrap();
    crm.close().unwrap();
    let mut all = Promises::default();
    for seed in seeds {
        let acknowledgements = random.below(60);
        let more = Duration::from_micros(random.next() % 5_000);
        let child = start("crash::writer", &folder.path(), *seed);
        let lines = kill_after(child, acknowledgements, more);
        lines.iter().for_each(|line| all.take(line));
        let context = format!("seed {seed}, killed after {} acknowledgements", lines.len());
        let checked = std::panic::catch_unwind(|| {
            let crm = Crm::open(folder.path()).unwrap();
            all.check(&crm);
            assert_nothing_torn(&crm);
            assert_sound(&crm);
            journal_length(&crm);
            let report = crm.journal().verify(&VerifyJournal::default(), &mut |_| Flow::Continue);
            assert!(report.unwrap().is_ok);
            crm.close().unwrap();
        });
        assert!(checked.is_ok(), "{context}");
    }
    all
}

/// Rows of the import that is killed again and again.
const ROWS: usize = 22_000;

/// Begins an import or goes on with the one that was begun: does nothing unless
/// [`an_import_that_is_killed_again_and_again_takes_every_row_once`] started it.
#[test]
fn importer() {
    let Some((path, seed)) = order() else { return };
    let crm = Crm::open(&path).unwrap();
    let kept = fs::read(path.with_extension("plan")).unwrap();
    let plan: ImportPlan = serde_json::from_slice(&kept).unwrap();
    let begun = crm.imports().list(&ListImports { after: None, limit: 1 }).unwrap().imports;
    let watch = &mut |progress: Progress| {
        acknowledge(&progress.done.to_string());
        // However fast the machine is, the first kill comes before the end.
        if seed == 0 {
            thread::sleep(Duration::from_secs(3_600));
        }
        Flow::Continue
    };
    let run = match begun.first() {
        None => crm.imports().apply(&plan, watch),
        Some(import) => crm.imports().resume(import.id, &plan, watch),
    };
    assert_eq!(run.unwrap().import.state, ImportState::Finished);
    acknowledge("finished");
}

#[expect(clippy::too_many_lines, reason = "one story from the plan to the last row")]
#[test]
fn an_import_that_is_killed_again_and_again_takes_every_row_once() {
    let folder = Folder::new();
    let crm = Crm::open(folder.path()).unwrap();
    let attributes =
        [Attribute::new("code", Kind::Text).unique(), Attribute::new("number", Kind::Integer)];
    crm.types().define(DefineType::new("thing", attributes)).unwrap();
    let place = DefineType::new("place", [Attribute::new("name", Kind::Text).indexed()]);
    crm.types().define(place).unwrap();
    let lies = DefineAssociationType::new("lies_in", ["thing"], ["place"]);
    crm.association_types().define(lies).unwrap();
    crm.activity_kinds().define(DefineActivityKind::new("seen", [])).unwrap();
    let table = folder.at("things.csv");
    let mut text = String::from("code,number,place,seen\n");
    // The last thousand name again what the first rows named.
    (0..ROWS).for_each(|row| {
        let (code, place) = (row % (ROWS - 1_000), row % 11);
        text.push_str(&format!("c{code},{row},p{place},2025-01-31T12:00:00Z\n"));
    });
    fs::write(&table, text).unwrap();
    let columns = ["code", "number"].map(|name| ColumnMapping::new(name, name));
    let request = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["code".into()],
        associations: vec![AssociationColumns {
            create_missing: true,
            ..AssociationColumns::new("lies_in", "place", "place", "name")
        }],
        activities: vec![ActivityColumns::new("seen", [ColumnMapping::new("seen", "at")])],
        ..PlanImport::from_path("thing", table.to_string_lossy(), columns)
    };
    let plan = crm.imports().plan(&request, &mut |_| Flow::Continue).unwrap();
    fs::write(folder.path().with_extension("plan"), serde_json::to_vec(&plan).unwrap()).unwrap();
    crm.close().unwrap();

    let mut random = Seeded::new(0x1339);
    let mut stops = Vec::new();
    let mut until_told = Duration::ZERO;
    for seed in 0.. {
        let started = Instant::now();
        let child = start("crash::importer", &folder.path(), seed);
        // At any moment, by how long this machine takes for the first rows; at last it may end.
        let more = until_told.mul_f64(random.below(1_000) as f64 / 400.0);
        let acknowledgements = match seed {
            0 => 1,
            1..20 => 0,
            _ => usize::MAX,
        };
        let lines = kill_after(child, acknowledgements, more);
        until_told = if seed == 0 { started.elapsed() } else { until_told };
        let crm = Crm::open(folder.path()).unwrap();
        let imports = crm.imports().list(&ListImports { after: None, limit: 10 }).unwrap().imports;
        assert!(imports.len() <= 1, "it was begun once");
        let Some(import) = imports.first() else { continue };
        stops.push(import.rows);
        // Each record with its association and its activity, and each place once.
        let counted = crm.sql(&RunSql::new(
            "SELECT count(*), count(DISTINCT code), (SELECT count(DISTINCT from_id) FROM crm_association), \
             (SELECT count(*) FROM crm_association), (SELECT count(*) FROM crm_activity), \
             (SELECT count(*) FROM place) FROM thing",
        ));
        let number = |count: u64| Value::from(count as i64);
        let expected = [
            import.created,
            import.created,
            import.created,
            import.associations,
            import.activities,
            import.others,
        ];
        assert_eq!(counted.unwrap().rows[0].0, expected.map(number));
        assert_eq!((import.associations, import.activities), (import.created, import.created));
        if lines.last().is_some_and(|line| line == "finished") {
            assert_eq!(import.state, ImportState::Finished);
            assert_eq!((import.rows, import.created), (plan.rows, plan.create));
            assert_eq!((import.others, plan.others), (11, 11));
            assert_eq!((import.conflicts, plan.create), (1_000, ROWS as u64 - 1_000));
            assert_sound(&crm);
            break;
        }
        crm.close().unwrap();
    }
    assert!(stops.is_sorted() && stops.len() > 1, "no kill came before the end: {stops:?}");
}

/// Makes one file after the other: does nothing unless
/// [`a_file_whose_making_was_killed_opens_as_a_new_one`] started it.
#[test]
fn maker() {
    let Some((folder, _)) = order() else { return };
    for number in 0..10_000 {
        let crm = Crm::open(folder.join(format!("{number}.crm"))).unwrap();
        acknowledge(&number.to_string());
        // What a process that just ends leaves: the handle is not closed.
        std::mem::forget(crm);
    }
}

#[test]
fn a_file_whose_making_was_killed_opens_as_a_new_one() {
    let mut random = Seeded::new(7);
    let mut stages = HashMap::new();
    for _ in 0..30 {
        let folder = Folder::new();
        let child = start("crash::maker", folder.root(), 0);
        let more = Duration::from_micros(random.next() % 30_000);
        let made = kill_after(child, 1, more).len();
        for number in made.saturating_sub(1)..=made {
            let path = folder.at(&format!("{number}.crm"));
            let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            *stages.entry((path.exists(), length > 0, number < made)).or_insert(0) += 1;
            let crm = Crm::open(&path).unwrap();
            let names: Vec<_> = crm.types().list().unwrap().into_iter().map(|t| t.name).collect();
            assert_eq!(names, ["company", "contact", "deal"]);
            crm.companies().create(values! { "name" => "Acme" }).unwrap();
            assert_sound(&crm);
            crm.close().unwrap();
        }
    }
    let unfinished = stages.iter().filter(|((exists, _, made), _)| *exists && !made);
    assert!(unfinished.count() > 0, "no kill came while a file was made: {stages:?}");
}

const WAREHOUSE: &str = "warehouse";

/// Writes, and forwards what was written: does nothing unless
/// [`a_consumer_that_dies_reads_again_what_it_did_not_acknowledge`] started it.
#[test]
fn consumer() {
    let Some((path, seed)) = order() else { return };
    let crm = Crm::open(path).unwrap();
    let mut random = Seeded::new(seed);
    // Every second one ends by itself, just where it hurts; the others wherever they are killed.
    let last = if seed.is_multiple_of(2) { random.below(3) } else { usize::MAX };
    for number in 0..100_000 {
        crm.records("thing").create(values! { "number" => number as i64 }).unwrap();
        let limit = 1 + u32::try_from(random.below(4)).unwrap();
        let request = ListChanges { limit, ..ListChanges::of_consumer(WAREHOUSE) };
        let page = crm.journal().changes(&request).unwrap();
        page.changes.iter().for_each(|change| acknowledge(&format!("delivered {}", change.seq)));
        if number == last {
            std::process::abort();
        }
        crm.journal().acknowledge(WAREHOUSE, page.next).unwrap();
        acknowledge(&format!("acknowledged {}", page.next));
    }
}

#[test]
fn a_consumer_that_dies_reads_again_what_it_did_not_acknowledge() {
    let mut random = Seeded::new(0xFEED);
    let folder = Folder::new();
    let crm = Crm::open(folder.path()).unwrap();
    crm.types().define(things()).unwrap();
    crm.close().unwrap();
    let (mut place, mut repeated) = (0, 0);
    for seed in 0..repetitions(CYCLES).into() {
        let more = Duration::from_micros(random.next() % 3_000);
        let count = 1 + random.below(20);
        let lines = kill_after(start("crash::consumer", &folder.path(), seed), count, more);
        let (mut acknowledged, mut delivered) = (place, place);
        for line in &lines {
            let (what, seq) = line.split_once(' ').unwrap();
            let seq: i64 = seq.parse().unwrap();
            match what {
                // The first is the one after the place in the file, and none is left out.
                "delivered" => assert_eq!(seq, delivered + 1, "seed {seed}"),
                _ => acknowledged = seq,
            }
            delivered = seq;
        }
        let crm = Crm::open(folder.path()).unwrap();
        let consumers = crm.journal().consumers().unwrap();
        place = consumers.first().map_or(0, |consumer| consumer.acknowledged);
        assert!((acknowledged..=delivered).contains(&place), "{acknowledged} {place} {delivered}");
        repeated += delivered - place;
        crm.close().unwrap();
    }
    assert!(repeated > 0, "no end came between delivery and acknowledgement");
}
