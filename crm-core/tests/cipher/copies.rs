//! Whatever is written beside an encrypted file is encrypted too.

use std::{
    fs,
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crm_core::{
    AddFile, Attribute, Crm, EraseSubject, ErrorKind, Flow, Kind, ListRecords, RecordRef,
    RestoreTo, SimulateTimers,
};

use super::{
    Folder, NEEDLE, assert_sound, backup, contacts, content, has_needle, key, plant, relaxed,
    telling,
};

/// A file full of needles, open, with its log beside it.
fn planted(folder: &Folder, count: usize) -> Crm {
    let crm = folder.open(1);
    let searched = Attribute::new("given_name", Kind::Text).searched();
    crm.types().define_attribute("contact", searched).unwrap();
    plant(&crm, count);
    crm
}

#[test]
fn no_file_tells_what_is_in_it() {
    let folder = Folder::new();
    let crm = planted(&folder, 300);
    assert!(folder.names().contains(&"a.crm-wal".to_owned()));
    assert_eq!(folder.telltale(), [""; 0]);
    crm.compact().unwrap();
    assert_eq!(folder.telltale(), [""; 0]);
    crm.close().unwrap();
    assert_eq!((folder.names(), folder.telltale()), (vec!["a.crm".into()], vec![]));

    // The same without a key would be found.
    let plain = Folder::new();
    let crm = Crm::open_with(plain.path(), relaxed()).unwrap();
    plant(&crm, 1);
    assert_eq!(plain.telltale(), ["a.crm", "a.crm-wal"]);
}

#[test]
fn a_backup_has_the_key_of_the_file() {
    let folder = Folder::new();
    let crm = planted(&folder, 100);
    let copy = Folder::new();
    backup(&crm, &copy.path());
    assert_eq!((copy.names(), copy.telltale()), (vec!["a.crm".into()], vec![]));
    assert_eq!(copy.try_open(2, relaxed()).err().unwrap().kind(), ErrorKind::WrongKey);
    let copied = copy.open(1);
    assert!(content(&copied) == content(&crm));
    assert_sound(&copied);
}

#[test]
fn a_restored_backup_has_the_key_of_the_file() {
    let folder = Folder::new();
    let crm = planted(&folder, 100);
    let old = Folder::new();
    backup(&crm, &old.path());
    let person = crm.list_records(&ListRecords::new("contact")).unwrap().records[0].id;
    crm.privacy().erase(&EraseSubject::new(RecordRef::new("contact", person))).unwrap();
    let new = Folder::new();
    let path = |folder: &Folder| folder.path().to_string_lossy().into_owned();
    let request = RestoreTo { from: path(&old), to: path(&new) };
    let restored = crm.restore_to(&request, &mut |_| Flow::Continue).unwrap();
    assert_eq!((restored.listed, restored.erased), (1, 1));
    assert_eq!((new.names(), new.telltale()), (vec!["a.crm".into()], vec![]));
    assert_eq!(new.try_open(2, relaxed()).err().unwrap().kind(), ErrorKind::WrongKey);
    let copy = new.open(1);
    assert_eq!(contacts(&copy), contacts(&crm));
    assert_sound(&copy);

    // Another key than that of the file opens no backup of it.
    let (other, plain) = (Folder::new(), Folder::new());
    Crm::open_encrypted(other.path(), relaxed(), telling(2)).unwrap().close().unwrap();
    Crm::open_with(plain.path(), relaxed()).unwrap().close().unwrap();
    for (from, kind, field) in
        [(&other, ErrorKind::WrongKey, "from"), (&plain, ErrorKind::InvalidArgument, "key")]
    {
        let request = RestoreTo { from: path(from), to: path(&Folder::new()) };
        let error = crm.restore_to(&request, &mut |_| Flow::Continue).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
}

#[test]
fn a_backup_of_what_is_in_memory_has_the_key_that_was_given() {
    let folder = Folder::new();
    let crm = Crm::open_encrypted(":memory:", relaxed(), telling(1)).unwrap();
    plant(&crm, 20);
    backup(&crm, &folder.path());
    assert_eq!(folder.telltale(), [""; 0]);
    let copied = folder.open(1);
    assert!(content(&copied) == content(&crm));
    assert_sound(&copied);
}

#[test]
fn what_would_fall_due_is_tried_on_a_copy_in_memory() {
    let folder = Folder::new();
    let crm = planted(&folder, 20);
    let until = "2100-01-01T00:00:00Z".parse().unwrap();
    let simulation =
        crm.timers().simulate(&SimulateTimers::until(until), &mut |_| Flow::Continue).unwrap();
    assert!(simulation.changes.is_empty());
    assert_eq!(folder.telltale(), [""; 0]);
    assert_eq!(contacts(&crm), 20);
}

#[test]
fn the_copy_before_a_migration_has_the_key_of_the_file() {
    let folder = Folder::new();
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/v4.crm");
    fs::copy(old, folder.path()).unwrap();
    Crm::rekey(folder.path(), None, Some(&key(1)), |_| Flow::Continue).unwrap();
    let before = fs::read(folder.path()).unwrap();
    let crm = folder.open(1);
    assert_sound(&crm);
    crm.close().unwrap();
    assert_eq!(folder.names(), ["a.crm", "a.crm.before-v9"]);
    assert_eq!(folder.telltale(), [""; 0]);
    assert!(fs::read(folder.path()).unwrap() != before);
    // It is the older file, and the key opens it: it is brought up to date like that.
    let copy = Folder::new();
    fs::copy(folder.at("a.crm.before-v9"), copy.path()).unwrap();
    assert_eq!(copy.try_open(2, relaxed()).err().unwrap().kind(), ErrorKind::WrongKey);
    let crm = copy.open(1);
    assert_sound(&crm);
    assert_eq!(contacts(&crm), contacts(&folder.open(1)));
}

/// The new file of a compaction is built in a temporary one, which has no name: it is read through
/// the list of what this process has open.
#[cfg(target_os = "linux")]
#[test]
fn the_temporary_file_of_a_compaction_is_encrypted() {
    let (seen, telling) = watch_compaction(|folder| folder.open(1));
    assert!(seen > 0);
    assert_eq!(telling, 0);
    // The same without a key would be found.
    let (_, telling) = watch_compaction(|folder| Crm::open_with(folder.path(), relaxed()).unwrap());
    assert!(telling > 0);
}

/// How many temporary files with content were seen while a file was compacted, and in how many of
/// them there were needles.
#[cfg(target_os = "linux")]
fn watch_compaction(open: impl Fn(&Folder) -> Crm) -> (usize, usize) {
    let folder = Folder::new();
    let crm = open(&folder);
    // More than a connection keeps in memory.
    for number in 0..2 {
        let content = format!("{NEEDLE}{number}").repeat(4 << 20);
        crm.files().add(&AddFile::new("a.txt", "text/plain", content)).unwrap();
    }
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut seen, mut telling) = (0, 0);
            while !is_done.load(Ordering::SeqCst) {
                for entry in fs::read_dir("/proc/self/fd").unwrap() {
                    let Ok(entry) = entry else { continue };
                    // Only what has no name any more: to close a file drops the locks of this process.
                    let Ok(target) = fs::read_link(entry.path()) else { continue };
                    let target = target.to_string_lossy().into_owned();
                    if target.contains("a.crm") || !target.ends_with("(deleted)") {
                        continue;
                    }
                    let Ok(file) = fs::File::open(entry.path()) else { continue };
                    let mut bytes = Vec::new();
                    file.take(4 << 20).read_to_end(&mut bytes).unwrap();
                    seen += usize::from(!bytes.is_empty());
                    telling += usize::from(has_needle(&bytes));
                }
            }
            (seen, telling)
        });
        crm.compact().unwrap();
        is_done.store(true, Ordering::SeqCst);
        watcher.join().unwrap()
    })
}
