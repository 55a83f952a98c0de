//! Files encrypted at rest: what opens them and what does not, and that no file beside them tells
//! what is in them.
//!
//! Needles are texts that occur nowhere else; a file that is encrypted holds none of them.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod copies;
mod keys;
mod rekeyed;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crm_core::{
    AddFile, BackupTo, Crm, Durability, Error, Flow, Key, ListRecords, OpenOptions, RecordId,
    RunSql, SqlRow, values,
};

/// What every needle begins with: long enough that noise does not hold it by chance.
const NEEDLE: &str = "q7zneedle";

fn key(number: u8) -> Key {
    Key::new([number; 32])
}

/// Tells the same key for ever.
fn telling(number: u8) -> impl Fn() -> Result<Key, Error> + Send + Sync + 'static {
    move || Ok(key(number))
}

/// Without waiting for the disk: a test that cuts no power need not.
fn relaxed() -> OpenOptions {
    OpenOptions { durability: Durability::Relaxed, ..OpenOptions::default() }
}

fn read_only() -> OpenOptions {
    OpenOptions { read_only: true, ..OpenOptions::default() }
}

/// A temporary folder with the file `a.crm` in it, sooner or later.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn path(&self) -> PathBuf {
        self.at("a.crm")
    }

    /// The encrypted file, open.
    fn open(&self, number: u8) -> Crm {
        self.try_open(number, relaxed()).unwrap()
    }

    fn try_open(&self, number: u8, options: OpenOptions) -> Result<Crm, Error> {
        Crm::open_encrypted(self.path(), options, telling(number))
    }

    /// Every file in the folder with its content, by name.
    fn image(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(&path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    fn names(&self) -> Vec<String> {
        self.image().into_iter().map(|(name, _)| name).collect()
    }

    /// The files in which there is a needle.
    fn telltale(&self) -> Vec<String> {
        let tells = |bytes: &[u8]| has_needle(bytes) || bytes.starts_with(b"SQLite format 3");
        self.image().into_iter().filter(|(_, bytes)| tells(bytes)).map(|(name, _)| name).collect()
    }

    /// What a crash would leave: the files as they are now, in another folder. A lock that nobody
    /// holds means nothing.
    fn crashed(&self) -> Self {
        let other = Self::new();
        for (name, bytes) in self.image().iter().filter(|(name, _)| !name.ends_with(".lock")) {
            fs::write(other.at(name), bytes).unwrap();
        }
        other
    }
}

fn has_needle(bytes: &[u8]) -> bool {
    bytes.windows(NEEDLE.len()).any(|window| window == NEEDLE.as_bytes())
}

/// Writes needles: in fields, in an index, in the index of words, in the journal and in a file.
fn plant(crm: &Crm, count: usize) -> Vec<RecordId> {
    let file = AddFile::new("q7zneedle.txt", "text/plain", "q7zneedle content".repeat(1000));
    crm.files().add(&file).unwrap();
    (0..count)
        .map(|number| {
            let created = crm.contacts().create(values! {
                "given_name" => format!("q7zneedle{number:05}given"),
                "email" => format!("q7zneedle{number:05}@example.org"),
                "description" => "q7zneedle words ".repeat(100),
            });
            created.unwrap().id
        })
        .collect()
}

#[track_caller]
fn assert_sound(crm: &Crm) {
    let report = crm.verify(&mut |_| Flow::Continue).unwrap();
    assert!(report.is_ok, "{:?}", report.problems);
}

/// What the file holds, as far as its tables say.
fn content(crm: &Crm) -> Vec<Vec<SqlRow>> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                  AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'crm_search%' ORDER BY name";
    let rows = |sql: &str| {
        let request = RunSql { limit: 100_000, ..RunSql::new(sql) };
        let found = crm.sql(&request).unwrap();
        assert!(!found.is_truncated);
        found.rows
    };
    let names = rows(tables);
    assert!(names.len() > 20);
    let content = names.iter().map(|SqlRow(name)| {
        rows(&format!("SELECT * FROM \"{}\" ORDER BY 1, 2", name[0].as_str().unwrap()))
    });
    content.collect()
}

fn backup(crm: &Crm, path: &Path) {
    let request = BackupTo { path: path.to_string_lossy().into_owned() };
    crm.backup_to(&request, &mut |_| Flow::Continue).unwrap();
}

fn contacts(crm: &Crm) -> usize {
    let list = ListRecords { limit: 1000, ..ListRecords::new("contact") };
    crm.list_records(&list).unwrap().records.len()
}
