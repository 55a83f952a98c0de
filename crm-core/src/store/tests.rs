//! What the file promises, seen from its only interface.

mod calls;
mod copies;
mod processes;
mod refusals;
mod sql;

use std::fs;
use std::path::PathBuf;

use super::*;

const SALTS: Salts<'_> = &|| [7; 32];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("a.crm")
    }

    fn open(&self) -> Store {
        Store::open(&Target::File(self.path()), &FileOptions::default(), SALTS).unwrap()
    }

    fn open_error(&self, options: &FileOptions) -> Error {
        Store::open(&Target::File(self.path()), options, SALTS).err().expect("a refusal")
    }

    /// Every file beside ours with its content, by name.
    fn image(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

fn add_actor(store: &Store, name: &str) -> Result<()> {
    store.write(|tx| {
        tx.execute("INSERT INTO crm_actor (name) VALUES (?1)", [name])?;
        Ok(())
    })
}

fn actors(store: &Store) -> Vec<String> {
    store
        .read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name FROM crm_actor ORDER BY id")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<rusqlite::Result<_>>()?)
        })
        .unwrap()
}

fn read_only() -> FileOptions {
    FileOptions { read_only: true, ..FileOptions::default() }
}

#[test]
fn what_was_written_is_there_after_closing() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    assert_eq!(actors(&store), ["a"]);
    store.close().unwrap();
    let names: Vec<_> = folder.image().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.crm"], "closing leaves the file and nothing else");
    let store = folder.open();
    assert_eq!(actors(&store), ["a"]);
}

#[test]
fn every_connection_is_set_up() {
    let settings = |connection: &Connection| -> Result<Vec<i64>> {
        [
            "foreign_keys",
            "secure_delete",
            "cell_size_check",
            "mmap_size",
            "temp_store",
            "trusted_schema",
        ]
        .into_iter()
        .map(|pragma| connection::get(connection, pragma))
        .collect()
    };
    for (durability, synchronous) in [(Durability::Full, 2), (Durability::Relaxed, 1)] {
        let folder = Folder::new();
        let options = FileOptions { durability, ..FileOptions::default() };
        let store = Store::open(&Target::File(folder.path()), &options, SALTS).unwrap();
        let expected = [1, 1, 1, 0, 2, 0];
        assert_eq!(store.read(settings).unwrap(), expected);
        store
            .write(|tx| {
                assert_eq!(settings(tx)?, expected);
                assert_eq!(connection::get(tx, "synchronous")?, synchronous);
                assert_eq!(tx.limit(Limit::SQLITE_LIMIT_ATTACHED)?, 0);
                let mode: String = tx.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
                assert_eq!(mode, "wal");
                Ok(())
            })
            .unwrap();
        // No statement of a reader's can write, whatever it says.
        let refused = store.read(|connection| {
            Ok(connection.execute("INSERT INTO crm_actor (name) VALUES ('x')", [])?)
        });
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
    }
}
