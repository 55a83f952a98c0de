//! The right key, a wrong one, none, and one where there should be none.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crm_core::{
    Crm, EraseSubject, Error, ErrorKind, Flow, Key, OpenOptions, RecordRef, SearchText,
    SimulateTimers, values,
};

use super::{Folder, assert_sound, contacts, content, key, plant, read_only, relaxed, telling};

/// Opens with a wrong key and with none, for writing and for reading, and sees that nothing comes of it.
#[track_caller]
fn assert_closed_to_others(folder: &Folder) {
    let before = folder.image();
    for options in [relaxed(), read_only()] {
        let error = folder.try_open(99, options.clone()).err().unwrap();
        assert_eq!((error.kind(), error.field()), (ErrorKind::WrongKey, Some("key")), "{error}");
        let error = Crm::open_with(folder.path(), options).err().unwrap();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NotOurFile, Some("path")), "{error}");
        assert!(error.hint().unwrap().contains("encrypted"), "{error}");
    }
    let after = folder.image();
    // The index of the log is a scratch pad: SQLite makes it, and makes it anew, for who only looks.
    let kept = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|(name, _)| !name.ends_with("-shm")).collect()
    };
    assert!(kept(before) == kept(after), "{:?}", folder.names());
}

#[test]
fn a_file_opens_with_its_key_and_with_no_other() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 20);
    let before = content(&crm);
    crm.close().unwrap();
    assert_closed_to_others(&folder);
    for options in [relaxed(), read_only(), OpenOptions::default()] {
        let crm = folder.try_open(1, options).unwrap();
        assert!(content(&crm) == before);
        assert_sound(&crm);
        crm.close().unwrap();
    }
    assert_eq!(folder.names(), ["a.crm"]);
}

#[test]
fn a_file_with_a_log_to_recover_is_left_as_it_is_by_a_wrong_key() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 20);
    let crashed = folder.crashed();
    assert!(crashed.names().contains(&"a.crm-wal".to_owned()), "{:?}", crashed.names());
    assert_closed_to_others(&crashed);
    let recovered = crashed.open(1);
    assert!(content(&recovered) == content(&crm));
    assert_sound(&recovered);
}

#[test]
fn a_file_with_a_journal_to_roll_back_is_left_as_it_is_by_a_wrong_key() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 20);
    let before = content(&crm);
    crm.close().unwrap();
    // Somebody else's SQLCipher, in the old way to write, in the middle of a large change.
    let other = rusqlite::Connection::open(folder.path()).unwrap();
    let digits = "01".repeat(32);
    other
        .execute_batch(&format!(
            "PRAGMA key = \"x'{digits}'\"; PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5;
             BEGIN; UPDATE contact SET description = 'gone'; CREATE TABLE more (a);
             INSERT INTO more SELECT randomblob(4000) FROM contact a, contact b;"
        ))
        .unwrap();
    let crashed = folder.crashed();
    assert!(crashed.names().contains(&"a.crm-journal".to_owned()), "{:?}", crashed.names());
    assert_closed_to_others(&crashed);
    let crm = crashed.open(1);
    assert!(content(&crm) == before);
    assert_sound(&crm);
}

#[test]
fn a_key_of_another_length_is_refused() {
    for length in [0, 16, 31, 33, 64] {
        let error = Key::try_from(vec![7; length].as_slice()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("key")));
    }
    assert!(Key::try_from([7; 32].as_slice()).is_ok());
}

#[test]
fn a_key_is_the_same_however_it_is_made() {
    let folder = Folder::new();
    folder.open(7).close().unwrap();
    let makers: [fn() -> Result<Key, Error>; 4] = [
        || Key::try_from([7; 32].as_slice()),
        || Key::try_from(vec![7; 32]),
        || Ok(Key::new([7; 32]).clone()),
        || {
            Key::fill(|place| {
                place.fill(7);
                Ok(())
            })
        },
    ];
    for make in makers {
        assert_sound(&Crm::open_encrypted(folder.path(), relaxed(), make).unwrap());
    }
    let error = Key::try_from(vec![7; 31]).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("key")));
    let error = Key::fill(|_| Err(Key::unavailable())).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("key")));
}

#[test]
fn a_key_for_a_plain_file_is_refused() {
    let folder = Folder::new();
    Crm::open(folder.path()).unwrap().close().unwrap();
    let before = folder.image();
    for options in [relaxed(), read_only()] {
        let error = folder.try_open(1, options).err().unwrap();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("key")));
    }
    assert!(before == folder.image());
    Crm::open(folder.path()).unwrap();
}

#[test]
fn a_file_of_something_else_is_refused_with_a_key_too() {
    let digits = "01".repeat(32);
    let kinds = [
        ("a text".to_owned(), None),
        (String::new(), Some("CREATE TABLE a (b)".to_owned())),
        // Encrypted with this very key, and yet not ours.
        (String::new(), Some(format!("PRAGMA key = \"x'{digits}'\"; CREATE TABLE a (b)"))),
    ];
    for (text, sql) in kinds {
        let folder = Folder::new();
        fs::write(folder.path(), text).unwrap();
        if let Some(sql) = sql {
            rusqlite::Connection::open(folder.path()).unwrap().execute_batch(&sql).unwrap();
        }
        let before = folder.image();
        for options in [relaxed(), read_only()] {
            let error = folder.try_open(1, options).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::NotOurFile, "{error}");
        }
        assert!(before == folder.image());
    }
}

#[test]
fn damage_is_told_from_a_wrong_key_unless_it_is_where_the_key_is_tried() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 50);
    crm.close().unwrap();
    let whole = fs::read(folder.path()).unwrap();
    for (place, kind) in [(100, ErrorKind::WrongKey), (4096 + 100, ErrorKind::Corrupt)] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(folder.path(), &bytes).unwrap();
        // Page 2 is not read by opening alone.
        let error = match folder.try_open(1, relaxed()) {
            Ok(crm) => crm.verify(&mut |_| Flow::Continue).err().or_else(|| {
                let report = crm.verify(&mut |_| Flow::Continue).unwrap();
                assert!(!report.is_ok);
                Some(Error::new(ErrorKind::Corrupt, "found"))
            }),
            Err(error) => Some(error),
        };
        assert_eq!(error.unwrap().kind(), kind, "byte {place}");
    }
    fs::write(folder.path(), &whole[..whole.len() - 4096]).unwrap();
    assert_eq!(folder.try_open(1, relaxed()).err().unwrap().kind(), ErrorKind::Corrupt);
}

#[test]
fn the_key_is_asked_for_each_connection_and_its_failure_is_passed_on() {
    let folder = Folder::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let tell = move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(key(1))
    };
    let crm = Crm::open_encrypted(folder.path(), relaxed(), tell).unwrap();
    plant(&crm, 1);
    // One that writes and one that reads.
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    crm.close().unwrap();

    let before = folder.image();
    let locked = || Err(Error::new(ErrorKind::Io, "the key ring is locked"));
    let error = Crm::open_encrypted(folder.path(), relaxed(), locked).err().unwrap();
    assert_eq!(error.message(), "the key ring is locked");
    assert!(before == folder.image());
    assert_sound(&folder.open(1));
}

#[test]
fn a_key_that_changes_under_a_handle_spoils_nothing() {
    let folder = Folder::new();
    let number = Arc::new(AtomicU8::new(1));
    let told = Arc::clone(&number);
    let tell = move || Ok::<Key, Error>(key(told.load(Ordering::SeqCst)));
    let crm = Crm::open_encrypted(folder.path(), relaxed(), tell).unwrap();
    number.store(2, Ordering::SeqCst);
    // The connection that reads is open; that for the user's own SQL is not yet.
    crm.contacts().create(values! { "given_name" => "Ann" }).unwrap();
    let error = crm.sql(&crm_core::RunSql::new("SELECT 1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
    number.store(1, Ordering::SeqCst);
    crm.sql(&crm_core::RunSql::new("SELECT 1")).unwrap();
    assert_eq!(contacts(&crm), 1);
    assert_sound(&crm);
    crm.close().unwrap();
    assert_sound(&folder.open(1));
}

#[test]
fn what_tells_the_key_is_let_go_when_the_file_is_closed() {
    let folder = Folder::new();
    for path in [folder.path(), ":memory:".into()] {
        let source = Arc::new(());
        let held = Arc::clone(&source);
        let tell = move || {
            let _ = &held;
            Ok::<Key, Error>(key(1))
        };
        let crm = Crm::open_encrypted(path, relaxed(), tell).unwrap();
        let other = crm.acting_as("user:2", None).unwrap();
        plant(&crm, 1);
        assert_eq!(Arc::strong_count(&source), 2);
        crm.close().unwrap();
        assert_eq!(Arc::strong_count(&source), 1);
        assert_eq!(other.check_open().unwrap_err().kind(), ErrorKind::Closed);
        drop((crm, other));
        assert_eq!(Arc::strong_count(&source), 1);
    }
}

#[test]
fn closing_waits_for_who_is_asked_for_the_key() {
    let folder = Folder::new();
    let is_asked = Arc::new(AtomicBool::new(false));
    let (begun, has_begun) = mpsc::channel();
    let (closed, is_closed) = mpsc::channel::<()>();
    let is_closed = std::sync::Mutex::new(is_closed);
    let asked = Arc::clone(&is_asked);
    let tell = move || {
        if asked.swap(false, Ordering::SeqCst) {
            begun.send(()).unwrap();
            // Closing has all the time that it needs to return too early.
            let waited = is_closed.lock().unwrap().recv_timeout(Duration::from_millis(300));
            assert!(waited.is_err(), "the file was closed while the key was asked for");
        }
        Ok(key(1))
    };
    let crm = Crm::open_encrypted(folder.path(), relaxed(), tell).unwrap();
    // The connection that reads is open after that; what a simulation opens is a copy.
    plant(&crm, 1);
    assert_eq!(contacts(&crm), 1);
    is_asked.store(true, Ordering::SeqCst);
    thread::scope(|scope| {
        let until = "2100-01-01T00:00:00Z".parse().unwrap();
        let crm = &crm;
        let simulating = scope.spawn(move || {
            crm.timers().simulate(&SimulateTimers::until(until), &mut |_| Flow::Continue)
        });
        has_begun.recv().unwrap();
        crm.close().unwrap();
        // Nobody listens any more, if it was in time.
        let _ = closed.send(());
        simulating.join().unwrap().unwrap();
    });
}

#[test]
fn threads_read_while_one_writes() {
    let folder = Folder::new();
    let crm = folder.open(1);
    let ids = plant(&crm, 50);
    thread::scope(|scope| {
        for turn in 0..6 {
            let (crm, ids) = (&crm, &ids);
            scope.spawn(move || {
                for id in ids.iter().cycle().skip(turn * 7).take(200) {
                    let record = crm.contacts().get(*id).unwrap();
                    assert!(record.values["email"].as_str().unwrap().starts_with("q7z"));
                }
            });
        }
        for number in 0..50 {
            crm.contacts().create(values! { "given_name" => format!("new{number}") }).unwrap();
        }
    });
    assert_eq!(contacts(&crm), 100);
    assert_sound(&crm);
}

#[test]
fn a_person_is_erased_from_an_encrypted_file() {
    let folder = Folder::new();
    let crm = folder.open(1);
    let ids = plant(&crm, 3);
    let request = EraseSubject::new(RecordRef::new("contact", ids[0]));
    crm.privacy().erase(&request).unwrap();
    assert_eq!(crm.contacts().get(ids[0]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_sound(&crm);
    crm.close().unwrap();
    assert_sound(&folder.open(1));
}

#[test]
fn a_size_limit_and_the_search_hold_for_encrypted_files() {
    let folder = Folder::new();
    let options = OpenOptions { max_bytes: Some(2 << 20), ..relaxed() };
    let crm = Crm::open_encrypted(folder.path(), options, telling(1)).unwrap();
    let filling = "x".repeat(50_000);
    let full = (0..200)
        .find_map(|_| crm.contacts().create(values! { "description" => filling.as_str() }).err());
    assert_eq!(full.unwrap().kind(), ErrorKind::Full);
    assert!(fs::metadata(folder.path()).unwrap().len() <= 2 << 20);
    crm.contacts().create(values! { "given_name" => "Ann" }).unwrap();
    let found = crm.search(&SearchText::new("nobody")).unwrap();
    assert!(found.hits.is_empty());
}

/// The stored encrypted file: what was written once is read for ever. Its key is 32 times the byte 7.
const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/encrypted.crm");

#[test]
fn a_file_that_an_older_version_encrypted_is_read() {
    let folder = Folder::new();
    fs::copy(STORED, folder.path()).unwrap();
    assert_closed_to_others(&folder);
    let crm = folder.open(7);
    assert_sound(&crm);
    assert_eq!(contacts(&crm), 1);
}

#[test]
#[ignore = "writes the stored file, once"]
fn write_fixture() {
    assert!(!fs::exists(STORED).unwrap(), "a stored file is never written again");
    let plain = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/v1.crm");
    let folder = Folder::new();
    fs::copy(plain, folder.path()).unwrap();
    Crm::rekey(folder.path(), None, Some(&key(7)), |_| Flow::Continue).unwrap();
    fs::copy(folder.path(), STORED).unwrap();
}
