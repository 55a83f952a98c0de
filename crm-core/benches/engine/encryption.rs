//! An encrypted file beside a plain one: the same works by the same engine, over the same rows.

use std::path::Path;

use crm_core::{
    ColumnMapping, Crm, Durability, Flow, ImportCsv, Key, OpenOptions, RecordId, RunSql, Value,
    values,
};

use super::{Budget, Line, READS, ROUNDS, WRITES, create, in_turn, open, rows, sample_ids, timed};

fn open_encrypted(path: &Path, durability: Durability) -> Crm {
    let options = OpenOptions { durability, ..OpenOptions::default() };
    Crm::open_encrypted(path, options, || Ok(Key::new([7; 32]))).unwrap()
}

type Open = fn(&Path, Durability) -> Crm;

/// How the two sides are opened: the encrypted one is ours, the plain one in place of the raw one.
const SIDES: [Open; 2] = [open_encrypted, open];

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let mut line = |name: &str, units: usize, [ours, raw]: [_; 2]| {
        let name = format!("encrypted: {name}");
        report(Line { name, ours, raw: Some(raw), units, budget: Budget::None });
    };
    let paths = ["encrypted.crm", "plain.crm"].map(|name| folder.join(name));
    let both = || [0, 1].map(|side| SIDES[side](&paths[side], Durability::Full));

    let handles = both();
    line("bulk create", count, handles.each_ref().map(|crm| filled(crm, count)));
    let ids = sample_ids(&handles[0], count);
    let other_ids = sample_ids(&handles[1], count);
    let (ours, raw) = in_turn(|| get(&handles[0], &ids), || get(&handles[1], &other_ids));
    line("get by id", READS, [ours, raw]);
    let (ours, raw) = in_turn(|| scan(&handles[0], count), || scan(&handles[1], count));
    line("scan of three columns", count, [ours, raw]);
    drop(handles);

    for (durability, name) in [
        (Durability::Full, "update with commit, full"),
        (Durability::Relaxed, "update with commit, relaxed"),
    ] {
        let [encrypted, plain] = [0, 1].map(|side| SIDES[side](&paths[side], durability));
        let (mut round, mut other_round) = (0, 0);
        let (ours, raw) = in_turn(
            || update(&encrypted, &ids, name, &mut round),
            || update(&plain, &other_ids, name, &mut other_round),
        );
        line(name, WRITES, [ours, raw]);
    }

    let opened = |side: usize, id: RecordId| {
        let rounds = (0..ROUNDS).map(|_| {
            let (opening, crm) = timed(|| {
                let crm = SIDES[side](&paths[side], Durability::Full);
                assert_eq!(crm.records("customer").get(id).unwrap().id, id);
                crm
            });
            crm.close().unwrap();
            opening
        });
        rounds.min().unwrap()
    };
    line("open the file, read a record", 1, [opened(0, ids[0]), opened(1, other_ids[0])]);

    let table = folder.join("encrypted.csv");
    rows::write_csv(&table, count);
    let import = |side: usize| {
        let path = folder.join(["imported_encrypted.crm", "imported_plain.crm"][side]);
        let crm = SIDES[side](&path, Durability::Full);
        crm.types().define(rows::definition()).unwrap();
        let columns = rows::COLUMNS.iter().map(|column| ColumnMapping::new(*column, *column));
        let request = ImportCsv::from_path("customer", table.to_string_lossy(), columns);
        let (time, done) = timed(|| crm.import_csv(&request, &mut |_| Flow::Continue).unwrap());
        assert_eq!(done.created, count as u64);
        time
    };
    line("CSV import", count, [import(0), import(1)]);

    // Another key leaves no free pages: the sizes are those before.
    let bytes = paths.each_ref().map(|path| std::fs::metadata(path).unwrap().len());
    println!("encrypted: {} bytes, plain: {} bytes", bytes[0], bytes[1]);
    let (time, ()) = timed(|| {
        let (old, new) = (Key::new([7; 32]), Key::new([8; 32]));
        Crm::rekey(&paths[0], Some(&old), Some(&new), |_| Flow::Continue).unwrap();
    });
    let name = "encrypted: another key".into();
    report(Line { name, ours: time, raw: None, units: count, budget: Budget::None });
}

fn filled(crm: &Crm, count: usize) -> std::time::Duration {
    crm.types().define(rows::definition()).unwrap();
    create(crm, count)
}

fn get(crm: &Crm, ids: &[RecordId]) {
    let customers = crm.records("customer");
    for id in ids {
        assert_eq!(customers.get(*id).unwrap().version, 1);
    }
}

fn scan(crm: &Crm, count: usize) {
    let sql = "SELECT given_name, country, employees FROM customer WHERE rowid > ?1 ORDER BY rowid";
    let step = 50_000;
    let mut read = 0;
    for start in (0..count).step_by(step) {
        let mut request = RunSql::new(sql);
        request.parameters = vec![Value::Integer(start as i64)];
        request.limit = step as u32;
        request.timeout_ms = 60_000;
        read += crm.sql(&request).unwrap().rows.len();
    }
    assert_eq!(read, count);
}

fn update(crm: &Crm, ids: &[RecordId], name: &str, round: &mut usize) {
    *round += 1;
    for (number, id) in ids.iter().take(WRITES).enumerate() {
        let title = format!("{name} {number} of {round}");
        crm.records("customer").patch(*id, values! { "job_title" => title }).unwrap();
    }
}
