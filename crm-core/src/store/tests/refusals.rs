//! Each refusal is typed, and leaves what was there byte for byte as it was.

use super::*;

fn assert_untouched(folder: &Folder, options: &FileOptions, kind: ErrorKind) -> Error {
    let before = folder.image();
    let error = folder.open_error(options);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(before == folder.image(), "refused with {error}, but something was changed");
    error
}

/// A closed file of ours with one actor.
fn ours() -> Folder {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    store.close().unwrap();
    folder
}

fn patch(folder: &Folder, at: usize, bytes: &[u8]) {
    let mut content = fs::read(folder.path()).unwrap();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(folder.path(), content).unwrap();
}

#[test]
fn a_strangers_file_is_not_ours() {
    let folder = Folder::new();
    for content in ["x", "name,email\nA,a@example.org\n", "SQLite format 3"] {
        fs::write(folder.path(), content).unwrap();
        assert_untouched(&folder, &FileOptions::default(), ErrorKind::NotOurFile);
        assert_untouched(&folder, &read_only(), ErrorKind::NotOurFile);
    }
}

#[test]
fn a_strangers_database_is_not_ours() {
    let folder = Folder::new();
    let stranger = Connection::open(folder.path()).unwrap();
    stranger.execute_batch("PRAGMA application_id = 7; CREATE TABLE t (a)").unwrap();
    drop(stranger);
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::NotOurFile);

    // Without an application id, but not empty.
    patch(&folder, 68, &[0; 4]);
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::NotOurFile);
}

#[test]
fn a_strangers_database_whose_tables_are_still_in_its_log_is_not_ours() {
    let folder = Folder::new();
    let living = Folder::new();
    let stranger = Connection::open(living.path()).unwrap();
    stranger.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a)").unwrap();
    for name in ["a.crm", "a.crm-wal"] {
        fs::copy(living.0.path().join(name), folder.0.path().join(name)).unwrap();
    }
    let (main, log) = (folder.path(), lock::beside(&folder.path(), "-wal"));
    let before = (fs::read(&main).unwrap(), fs::read(&log).unwrap());
    assert_eq!(folder.open_error(&FileOptions::default()).kind(), ErrorKind::NotOurFile);
    // SQLite may leave an index of the log; the data is as it was.
    assert!(before == (fs::read(&main).unwrap(), fs::read(&log).unwrap()));
}

#[test]
fn a_newer_file_is_refused_by_its_header_and_by_its_log() {
    let folder = ours();
    patch(&folder, 60, &(SCHEMA_VERSION + 1).to_be_bytes());
    let error = assert_untouched(&folder, &FileOptions::default(), ErrorKind::TooNew);
    assert!(error.hint().is_some());
    assert_untouched(&folder, &read_only(), ErrorKind::TooNew);

    let folder = ours();
    let crashed = Folder::new();
    let newer = Connection::open(folder.path()).unwrap();
    newer.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    for name in ["a.crm", "a.crm-wal"] {
        fs::copy(folder.0.path().join(name), crashed.0.path().join(name)).unwrap();
    }
    let log = lock::beside(&crashed.path(), "-wal");
    let before = (fs::read(crashed.path()).unwrap(), fs::read(&log).unwrap());
    assert_eq!(crashed.open_error(&FileOptions::default()).kind(), ErrorKind::TooNew);
    assert!(before == (fs::read(crashed.path()).unwrap(), fs::read(&log).unwrap()));
}

#[test]
fn a_truncated_file_is_corrupt() {
    let whole = fs::read(ours().path()).unwrap();
    for length in [40, 107, 4096, whole.len() - 4096, whole.len() - 1] {
        let folder = Folder::new();
        fs::write(folder.path(), &whole[..length]).unwrap();
        assert_untouched(&folder, &FileOptions::default(), ErrorKind::Corrupt);
        assert_untouched(&folder, &read_only(), ErrorKind::Corrupt);
    }
}

#[test]
fn impossible_headers_are_corrupt() {
    let folder = ours();
    patch(&folder, 16, &513_u16.to_be_bytes());
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::Corrupt);
    let folder = ours();
    patch(&folder, 60, &(-1_i32).to_be_bytes());
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::Corrupt);
}

/// A hostile or damaged header is refused with a typed error or harmless; never a panic, and what is
/// refused is as it was.
#[test]
fn any_changed_byte_of_the_header_is_refused_or_harmless() {
    let whole = fs::read(ours().path()).unwrap();
    for at in 0..108 {
        for change in [0x01, 0x80, 0xFF] {
            let folder = Folder::new();
            let mut content = whole.clone();
            content[at] ^= change;
            fs::write(folder.path(), &content).unwrap();
            let options = FileOptions { durability: Durability::Relaxed, ..FileOptions::default() };
            match Store::open(&Target::File(folder.path()), &options, SALTS) {
                Ok(store) => drop(store),
                Err(error) => {
                    let kinds = [ErrorKind::Corrupt, ErrorKind::NotOurFile, ErrorKind::TooNew];
                    assert!(kinds.contains(&error.kind()), "byte {at}: {error}");
                    let now = fs::read(folder.path()).unwrap();
                    assert!(now == content, "byte {at} ^ {change:#x}: {error}, but changed");
                }
            }
        }
    }
}

#[test]
fn damage_found_later_is_corrupt_and_the_handle_can_be_closed() {
    let folder = ours();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'crm_actor'";
    let page: usize =
        Connection::open(folder.path()).unwrap().query_row(root, [], |row| row.get(0)).unwrap();
    patch(&folder, (page - 1) * 4096, &[0xA5; 4096]);
    let store = folder.open();
    let error = store
        .read(|connection| {
            Ok(connection.query_row("SELECT count(salt) FROM crm_actor", [], |_| Ok(()))?)
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(!store.integrity(Depth::Full, 10).unwrap().is_empty());
    store.close().unwrap();
}

#[test]
fn a_log_without_its_file_is_kept() {
    let folder = Folder::new();
    fs::write(lock::beside(&folder.path(), "-wal"), "perhaps everything").unwrap();
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::Corrupt);
    fs::write(folder.path(), "").unwrap();
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::Corrupt);
}

#[test]
fn only_a_plain_file_is_opened() {
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    assert_eq!(folder.open_error(&FileOptions::default()).kind(), ErrorKind::NotOurFile);

    let missing = folder.0.path().join("nowhere").join("a.crm");
    let error = Store::open(&Target::File(missing), &FileOptions::default(), SALTS).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(!error.to_string().contains("nowhere"), "an error shows no path");
    let error =
        Store::open(&Target::File("..".into()), &FileOptions::default(), SALTS).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[cfg(unix)]
#[test]
fn a_link_is_refused() {
    let real = ours();
    let folder = Folder::new();
    std::os::unix::fs::symlink(real.path(), folder.path()).unwrap();
    assert_untouched(&folder, &FileOptions::default(), ErrorKind::NotOurFile);
}

#[test]
fn what_a_crash_while_creating_leaves_counts_as_new() {
    let folder = Folder::new();
    fs::write(folder.path(), "").unwrap();
    add_actor(&folder.open(), "a").unwrap();

    let folder = Folder::new();
    let bare = Connection::open(folder.path()).unwrap();
    bare.execute_batch("PRAGMA journal_mode = wal").unwrap();
    drop(bare);
    assert!(fs::metadata(folder.path()).unwrap().len() > 0);
    let store = folder.open();
    add_actor(&store, "a").unwrap();
}

#[test]
fn a_protected_file_can_be_read_but_not_opened_for_writing() {
    let folder = ours();
    let mut permissions = fs::metadata(folder.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path(), permissions).unwrap();
    let error = assert_untouched(&folder, &FileOptions::default(), ErrorKind::ReadOnly);
    assert!(error.hint().is_some());
    let store = Store::open(&Target::File(folder.path()), &read_only(), SALTS).unwrap();
    assert_eq!(actors(&store), ["a"]);
}

#[test]
fn a_handle_for_reading_refuses_to_write_and_leaves_no_trace() {
    let folder = ours();
    let before = folder.image();
    let store = Store::open(&Target::File(folder.path()), &read_only(), SALTS).unwrap();
    let other = Store::open(&Target::File(folder.path()), &read_only(), SALTS).unwrap();
    assert_eq!(add_actor(&store, "b").unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(store.compact().unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(actors(&store), ["a"]);
    assert_eq!(folder.open_error(&FileOptions::default()).kind(), ErrorKind::InUse);
    store.close().unwrap();
    assert_eq!(actors(&other), ["a"]);
    other.close().unwrap();
    assert!(before == folder.image());
}

#[test]
fn a_missing_file_is_not_created_by_reading() {
    let folder = Folder::new();
    assert_untouched(&folder, &read_only(), ErrorKind::Io);
}

#[test]
fn a_file_is_open_once() {
    let folder = Folder::new();
    let store = folder.open();
    for options in [FileOptions::default(), read_only()] {
        let error = folder.open_error(&options);
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert!(error.message().contains(&std::process::id().to_string()));
    }
    // By another name of the same folder, too.
    let name = folder.path().file_name().unwrap().to_owned();
    let detour = folder.0.path().join(".").join(name);
    let error = Store::open(&Target::File(detour), &FileOptions::default(), SALTS).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InUse);
    add_actor(&store, "a").unwrap();
    assert_eq!(actors(&store), ["a"]);
}

#[test]
fn a_full_file_refuses_the_write_that_is_too_much_and_reads_on() {
    let folder = Folder::new();
    let options = FileOptions { max_bytes: Some(512 * 1024), ..FileOptions::default() };
    let store = Store::open(&Target::File(folder.path()), &options, SALTS).unwrap();
    add_actor(&store, "a").unwrap();
    let error = add_actor(&store, &"b".repeat(600 * 1024)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(actors(&store), ["a"]);
    add_actor(&store, "c").unwrap();
    store.close().unwrap();
    assert!(fs::metadata(folder.path()).unwrap().len() <= 512 * 1024);
    assert_eq!(actors(&folder.open()), ["a", "c"]);
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    let copy = folder.0.path().join("copy.crm");
    store.backup_to(&copy, &mut |_, _| true).unwrap();
    let modes: Vec<_> = fs::read_dir(folder.0.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), entry.metadata().unwrap().permissions().mode() & 0o777))
        .collect();
    assert_eq!(modes.len(), 5, "file, log, index of the log, lock, copy: {modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}
