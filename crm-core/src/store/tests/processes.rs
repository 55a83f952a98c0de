//! Other programs on the same file: the guard, the fence, crashes.

use std::process::Command;

use super::*;

/// Another user, as whom a process that runs as root is subject to permissions.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

const FILE: &str = "CRM_STORE_TEST_FILE";
const ANSWER: &str = "CRM_STORE_TEST_ANSWER";

/// Lets another process play the last user of a log, as a bare SQLite is when it closes: it reads,
/// then tries to get the file exclusively, and when it does, moves the log into the file and removes
/// it. Answers how many actors it saw and whether it removed the log.
fn a_stranger_comes_and_goes(folder: &Folder) -> (usize, bool) {
    let answer = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::processes::stranger"])
        .env(FILE, folder.path())
        .env(ANSWER, answer.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let answer = fs::read_to_string(answer.path()).unwrap();
    let (count, removed) = answer.split_once(' ').unwrap();
    (count.parse().unwrap(), removed.parse().unwrap())
}

/// Does nothing unless [`a_stranger_comes_and_goes`] has started it.
///
/// The closing is played and not left to the bundled SQLite, whose checks are newer than those of
/// the ones that hosts bring: Python's 3.40 goes by the lock on the main file alone.
#[cfg(unix)]
#[test]
fn stranger() {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;
    let (Some(path), Some(answer)) = (std::env::var_os(FILE), std::env::var_os(ANSWER)) else {
        return;
    };
    let path = PathBuf::from(path);
    let bare = Connection::open(&path).unwrap();
    let count: i64 =
        bare.query_row("SELECT count(*) FROM crm_actor", [], |row| row.get(0)).unwrap();
    bare.query_row("PRAGMA wal_checkpoint", [], |_| Ok(())).unwrap();
    drop(bare);

    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let exclusive = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0x4000_0002,
        l_len: 510,
        l_pid: 0,
    };
    let log = lock::beside(&path, "-wal");
    let may_remove = fcntl(&file, FcntlArg::F_SETLK(&exclusive)).is_ok();
    if may_remove && log.exists() {
        fs::remove_file(&log).unwrap();
    }
    fs::write(answer, format!("{count} {may_remove}")).unwrap();
}

/// Without anybody stripping locks, SQLite's own suffice; this shows that the stranger honours them.
#[cfg(unix)]
#[test]
fn a_stranger_leaves_the_log_alone_while_our_locks_stand() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    disarm(&store);
    assert_eq!(a_stranger_comes_and_goes(&folder), (1, false));
    add_actor(&store, "b").unwrap();
}

fn disarm(store: &Store) {
    locked(&store.file.as_ref().unwrap().held).as_ref().unwrap().guard.disarm();
}

/// What any `close` of the file in our process does: SQLite's own locks are gone.
fn strip_our_posix_locks(folder: &Folder) {
    drop(fs::File::open(folder.path()).unwrap());
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn the_guard_keeps_the_log_when_our_locks_were_stripped() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    strip_our_posix_locks(&folder);
    assert_eq!(a_stranger_comes_and_goes(&folder), (1, false));
    add_actor(&store, "b").unwrap();
    let seen = a_stranger_comes_and_goes(&folder);
    assert_eq!(seen, (2, false), "an acknowledged write is seen by everybody");
    store.close().unwrap();
    assert_eq!(actors(&folder.open()), ["a", "b"]);
}

/// The counterpart: the same without the guard loses the log, and the fence notices.
#[cfg(unix)]
#[test]
fn without_the_guard_the_write_is_not_acknowledged() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    disarm(&store);
    strip_our_posix_locks(&folder);
    assert_eq!(a_stranger_comes_and_goes(&folder), (1, true));
    assert_eq!(add_actor(&store, "b").unwrap_err().kind(), ErrorKind::Fenced);
    assert_eq!(store.stats().unwrap_err().kind(), ErrorKind::Fenced);

    let before = fs::read(folder.path()).unwrap();
    store.close().unwrap();
    assert!(before == fs::read(folder.path()).unwrap(), "a lost log is not moved into the file");
    assert_eq!(actors(&folder.open()), ["a"]);
}

#[cfg(unix)]
#[test]
fn a_replaced_log_fences_the_handle_and_survives_its_closing() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    let log = lock::beside(&folder.path(), "-wal");
    fs::rename(&log, lock::beside(&folder.path(), ".moved")).unwrap();
    fs::write(&log, "somebody else's").unwrap();
    assert_eq!(add_actor(&store, "b").unwrap_err().kind(), ErrorKind::Fenced);
    for _ in 0..2 {
        let refused = store.read(|_| Ok(())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Fenced);
    }
    store.close().unwrap();
    assert_eq!(store.read(|_| Ok(())).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(fs::read(&log).unwrap(), b"somebody else's");
}

/// A process that ends without closing leaves the file, its log and a lock file that nobody locks.
#[test]
fn what_was_acknowledged_is_there_after_a_crash() {
    let folder = Folder::new();
    let store = folder.open();
    for crash in 0..3 {
        if crash > 0 {
            add_actor(&store, &crash.to_string()).unwrap();
        }
        let crashed = Folder::new();
        for name in ["a.crm", "a.crm-wal", "a.crm.lock"] {
            fs::copy(folder.0.path().join(name), crashed.0.path().join(name)).unwrap();
        }
        // Copying has closed the file in this process, which is what the guard is for.
        let reopened = crashed.open();
        assert_eq!(actors(&reopened).len(), crash);
        assert_eq!(reopened.integrity(Depth::Full, 10).unwrap(), [""; 0]);
    }
    assert_eq!(actors(&store).len(), 2);
}

#[test]
fn a_crashed_file_can_be_read_by_a_handle_that_only_reads() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    let crashed = Folder::new();
    for name in ["a.crm", "a.crm-wal"] {
        fs::copy(folder.0.path().join(name), crashed.0.path().join(name)).unwrap();
    }
    let log = lock::beside(&crashed.path(), "-wal");
    let before = (fs::read(crashed.path()).unwrap(), fs::read(&log).unwrap());
    let reading = Store::open(&Target::File(crashed.path()), &read_only(), SALTS).unwrap();
    assert_eq!(actors(&reading), ["a"]);
    assert_eq!(reading.stats().unwrap().wal_bytes, before.1.len() as u64);
    reading.close().unwrap();
    assert!(before == (fs::read(crashed.path()).unwrap(), fs::read(&log).unwrap()));
}

/// Does nothing unless `a_folder_that_cannot_be_written_is_enough_to_read` has started it.
#[cfg(unix)]
#[test]
fn reader_without_rights() {
    let (Some(path), Some(_)) = (std::env::var_os(FILE), std::env::var_os("CRM_STORE_TEST_READER"))
    else {
        return;
    };
    let target = Target::File(path.into());
    let refused = Store::open(&target, &FileOptions::default(), SALTS).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    assert!(refused.hint().is_some());
    let store = Store::open(&target, &read_only(), SALTS).unwrap();
    assert_eq!(actors(&store), ["a"]);
    assert_eq!(add_actor(&store, "b").unwrap_err().kind(), ErrorKind::ReadOnly);
    store.close().unwrap();
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_enough_to_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    store.close().unwrap();
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&folder.path(), 0o444);
    allow(folder.0.path(), 0o555);
    let before = folder.image();

    // The test may sit in a folder that the other user cannot reach: a copy of it goes along.
    let binary = tempfile::tempdir().unwrap();
    allow(binary.path(), 0o755);
    let program = binary.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command
        .args(["--exact", "store::tests::processes::reader_without_rights"])
        .current_dir(binary.path())
        .env(FILE, folder.path())
        .env("CRM_STORE_TEST_READER", "1");
    if fs::metadata(binary.path()).unwrap().uid() == 0 {
        command.uid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(before == folder.image());
    allow(folder.0.path(), 0o755);
}
