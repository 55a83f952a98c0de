//! A file under another key, under its first, and under none.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crm_core::{Crm, Error, ErrorKind, Flow, Progress, VerifyJournal, values};

use super::{Folder, assert_sound, content, key, plant, read_only, relaxed, telling};

/// Another user, as whom a process that runs as root is subject to permissions.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

const OTHERS_FILE: &str = "CRM_REKEY_OTHERS_FILE";

fn head(crm: &Crm) -> String {
    let report = crm.journal().verify(&VerifyJournal::default(), &mut |_| Flow::Continue);
    format!("{:?}", report.unwrap())
}

#[test]
fn a_file_gets_another_key_and_the_old_one_is_refused() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 100);
    let (before, proof) = (content(&crm), head(&crm));
    crm.close().unwrap();
    Crm::rekey(folder.path(), Some(&key(1)), Some(&key(2)), |_| Flow::Continue).unwrap();
    assert_eq!((folder.names(), folder.telltale()), (vec!["a.crm".into()], vec![]));
    assert_eq!(folder.try_open(1, relaxed()).err().unwrap().kind(), ErrorKind::WrongKey);
    assert!(content(&folder.try_open(2, read_only()).unwrap()) == before);
    let crm = folder.open(2);
    assert!(content(&crm) == before);
    assert_eq!(head(&crm), proof);
    assert_sound(&crm);
    crm.contacts().create(values! { "given_name" => "Ann" }).unwrap();
    assert_sound(&crm);
}

#[test]
fn a_plain_file_is_encrypted_and_decrypted_in_every_version() {
    for version in 1..=5 {
        let folder = Folder::new();
        let stored = format!("{}/../tests/fixtures/v{version}.crm", env!("CARGO_MANIFEST_DIR"));
        fs::copy(&stored, folder.path()).unwrap();
        Crm::rekey(folder.path(), None, Some(&key(1)), |_| Flow::Continue).unwrap();
        let error = Crm::open(folder.path()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotOurFile);
        Crm::rekey(folder.path(), Some(&key(1)), None, |_| Flow::Continue).unwrap();
        assert_eq!(folder.names(), ["a.crm"]);

        let untouched = Folder::new();
        fs::copy(&stored, untouched.path()).unwrap();
        let [crm, untouched] = [&folder, &untouched].map(|at| Crm::open(at.path()).unwrap());
        assert_sound(&crm);
        assert_eq!(content(&crm).len(), content(&untouched).len());
        if version == 5 {
            // Older ones get chances of their own as they are brought up to date.
            assert!(content(&crm) == content(&untouched));
        }
    }
}

#[test]
fn the_log_that_a_crash_left_is_in_the_file_with_the_new_key() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 50);
    let crashed = folder.crashed();
    assert!(crashed.names().contains(&"a.crm-wal".to_owned()));
    Crm::rekey(crashed.path(), Some(&key(1)), Some(&key(2)), |_| Flow::Continue).unwrap();
    assert_eq!(crashed.names(), ["a.crm"]);
    assert!(content(&crashed.open(2)) == content(&crm));
}

#[cfg(unix)]
#[test]
fn the_permissions_stay() {
    let folder = Folder::new();
    folder.open(1).close().unwrap();
    for mode in [0o600, 0o640] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        Crm::rekey(folder.path(), Some(&key(1)), Some(&key(1)), |_| Flow::Continue).unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, mode);
    }
}

/// A file is somebody's, whoever gives it another key.
#[cfg(unix)]
#[test]
fn the_owner_stays() {
    use std::os::unix::fs::{MetadataExt, chown};
    let folder = Folder::new();
    folder.open(1).close().unwrap();
    if chown(folder.path(), Some(NOBODY), Some(NOBODY)).is_err() {
        eprintln!("not run: only root may give a file away");
        return;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o660)).unwrap();
    Crm::rekey(folder.path(), Some(&key(1)), Some(&key(2)), |_| Flow::Continue).unwrap();
    let status = fs::metadata(folder.path()).unwrap();
    assert_eq!((status.uid(), status.gid(), status.mode() & 0o777), (NOBODY, NOBODY, 0o660));
    drop(folder.open(2));
}

/// Does nothing unless the next test started it.
#[test]
fn rekeying_without_rights() {
    let Some(path) = env::var_os(OTHERS_FILE) else { return };
    let error = Crm::rekey(path, Some(&key(1)), None, |_| Flow::Continue).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.hint().unwrap().contains("owner"), "{error}");
}

/// Who may write a file and not give it to its owner would take it away.
#[cfg(unix)]
#[test]
fn who_cannot_leave_it_to_its_owner_leaves_the_file() {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    let folder = Folder::new();
    folder.open(1).close().unwrap();
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        eprintln!("not run: only root may act as somebody else");
        return;
    }
    let allow = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(folder.0.path(), 0o777);
    allow(&folder.path(), 0o666);
    let before = folder.image();
    // The test may sit in a folder that the other user cannot reach: a copy of it goes along.
    let binary = tempfile::tempdir().unwrap();
    allow(binary.path(), 0o755);
    let program = binary.path().join("test");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(program)
        .args(["--exact", "rekeyed::rekeying_without_rights"])
        .current_dir(binary.path())
        .env(OTHERS_FILE, folder.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(before == folder.image(), "{:?}", folder.names());
}

#[test]
fn what_a_killed_process_left_is_gone_and_nothing_else() {
    let folder = Folder::new();
    folder.open(1).close().unwrap();
    let left = ["a.crm.partial-1-0", "a.crm.partial-4294967295-999"];
    let others = [
        "a.crm.before-v2.partial-1-0",
        "a.crm.partial-1",
        "a.crm.partial-1-0-0",
        "a.crm.partial-1-0.lock",
        "a.crm.partial-1-x",
        "a.crm.partial--0",
        "b.crm.partial-1-0",
        "ba.crm.partial-1-0",
    ];
    for name in left.iter().chain(&others) {
        fs::write(folder.at(name), "q7zneedle").unwrap();
    }
    fs::create_dir(folder.at("a.crm.partial-2-0")).unwrap();
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder.at(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let error = Crm::rekey(folder.path(), Some(&key(3)), None, |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), names().len()), (ErrorKind::WrongKey, 12));
    Crm::rekey(folder.path(), Some(&key(1)), Some(&key(2)), |_| Flow::Continue).unwrap();
    let mut expected: Vec<_> = others.iter().chain(&["a.crm", "a.crm.partial-2-0"]).collect();
    expected.sort();
    assert!(names().iter().eq(expected), "{:?}", names());
}

#[test]
fn what_cannot_be_done_leaves_the_file_as_it_was() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 10);
    let refused = |from: Option<u8>, to: Option<u8>| -> Error {
        let (from, to) = (from.map(key), to.map(key));
        Crm::rekey(folder.path(), from.as_ref(), to.as_ref(), |_| Flow::Continue).unwrap_err()
    };
    assert_eq!(refused(Some(1), Some(2)).kind(), ErrorKind::InUse);
    crm.close().unwrap();
    let before = folder.image();
    assert_eq!(refused(Some(3), Some(2)).kind(), ErrorKind::WrongKey);
    assert_eq!(refused(None, Some(2)).kind(), ErrorKind::NotOurFile);
    let neither = refused(None, None);
    assert_eq!((neither.kind(), neither.field()), (ErrorKind::InvalidArgument, Some("key")));
    assert!(before == folder.image());

    // Another program has it open, and so its log.
    let other = rusqlite::Connection::open(folder.path()).unwrap();
    let digits = "01".repeat(32);
    other.execute_batch(&format!("PRAGMA key = \"x'{digits}'\"")).unwrap();
    let query = "SELECT count(*) FROM contact";
    let count = |other: &rusqlite::Connection| -> i64 {
        other.query_row(query, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&other), 10);
    assert_eq!(refused(Some(1), Some(2)).kind(), ErrorKind::Busy);
    assert_eq!(count(&other), 10);
    drop(other);
    assert_eq!(folder.names(), ["a.crm"]);
    assert_sound(&folder.open(1));

    let plain = Folder::new();
    Crm::open(plain.path()).unwrap().close().unwrap();
    let error =
        Crm::rekey(plain.path(), Some(&key(1)), Some(&key(2)), |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("key")));
    let error = Crm::rekey(plain.at("b.crm"), None, Some(&key(2)), |_| Flow::Continue).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(plain.names(), ["a.crm"]);
}

/// A file of a few hundred pages under the first key, closed.
fn filled() -> Folder {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 500);
    crm.close().unwrap();
    folder
}

#[test]
fn the_pages_are_told_up_to_the_last() {
    let folder = filled();
    for (from, to) in [(Some(1), Some(2)), (Some(2), None), (None, Some(1))] {
        let (from, to) = (from.map(key), to.map(key));
        let pages = fs::metadata(folder.path()).unwrap().len() / 4096;
        let (teller, told) = mpsc::channel();
        let watch = move |progress| {
            teller.send(progress).unwrap();
            Flow::Continue
        };
        Crm::rekey(folder.path(), from.as_ref(), to.as_ref(), watch).unwrap();
        let told: Vec<Progress> = told.iter().collect();
        let total = told[0].total.unwrap();
        assert!(total <= pages && total > pages / 2, "{total} of {pages}");
        assert!(told.iter().all(|progress| progress.total == Some(total)));
        assert!(told.is_sorted_by_key(|progress| progress.done), "{told:?}");
        // Somebody is told while it is written, and only at the end that it is whole.
        let done: Vec<u64> = told.iter().map(|progress| progress.done).collect();
        assert!(told.len() > 1 && done[..done.len() - 1].iter().all(|done| *done < total));
        assert_eq!(done.last(), Some(&total));
    }
    assert_sound(&folder.open(1));
}

#[test]
fn who_cancels_keeps_the_file_to_the_byte() {
    let folder = filled();
    // At the first question, at the last, and by a panic.
    let answers: [fn(Progress) -> Flow; 3] = [
        |_| Flow::Cancel,
        |now| if Some(now.done) == now.total { Flow::Cancel } else { Flow::Continue },
        |_| panic!("on purpose"),
    ];
    for (from, to) in [(Some(1), Some(2)), (Some(1), None)] {
        let (from, to) = (from.map(key), to.map(key));
        let before = folder.image();
        for answer in answers {
            let error = Crm::rekey(folder.path(), from.as_ref(), to.as_ref(), answer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
            assert!(before == folder.image(), "{:?}", folder.names());
        }
    }
    assert_sound(&folder.open(1));
    Crm::rekey(folder.path(), Some(&key(1)), None, |_| Flow::Continue).unwrap();
    let (before, to) = (folder.image(), key(2));
    for answer in answers {
        let error = Crm::rekey(folder.path(), None, Some(&to), answer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert!(before == folder.image(), "{:?}", folder.names());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_need_not_be_unicode() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let folder = Folder::new();
    let path = folder.path().with_file_name(OsStr::from_bytes(b"Z\xFC \xE9'.crm"));
    Crm::open_encrypted(&path, relaxed(), telling(1)).unwrap().close().unwrap();
    for (from, to) in [(Some(1), Some(2)), (Some(2), None), (None, Some(1))] {
        let (from, to) = (from.map(key), to.map(key));
        Crm::rekey(&path, from.as_ref(), to.as_ref(), |_| Flow::Continue).unwrap();
        assert_eq!(folder.names().len(), 1);
    }
    assert_sound(&Crm::open_encrypted(&path, relaxed(), telling(1)).unwrap());
}

const FILE: &str = "CRM_REKEY_FILE";

/// Gives a file one key after the other: does nothing unless the next test started it.
#[test]
fn rekeying_process() {
    let Some(path) = env::var_os(FILE) else { return };
    // Which of the two it has, after the process before this was killed.
    let has = |number: u8| {
        let tell = move || Ok(key(number));
        Crm::open_encrypted(&path, relaxed(), tell).is_ok()
    };
    let mut present = if has(1) { 1 } else { 2 };
    std::io::stderr().write_all(b"begun\n").unwrap();
    loop {
        Crm::rekey(&path, Some(&key(present)), Some(&key(3 - present)), |_| Flow::Continue)
            .unwrap();
        present = 3 - present;
        std::io::stderr().write_all(b"done\n").unwrap();
    }
}

#[test]
fn a_process_that_is_killed_leaves_a_whole_file_under_one_of_the_keys() {
    let folder = Folder::new();
    let crm = folder.open(1);
    plant(&crm, 200);
    let before = content(&crm);
    crm.close().unwrap();
    let mut seen = [0; 2];
    let cycles = if env::var_os("CRM_QUICK").is_some() { 6 } else { 30 };
    for cycle in 0..cycles {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "rekeyed::rekeying_process", "--nocapture"])
            .env(FILE, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut wait_for = |word: &str| assert_eq!(said.next().unwrap().unwrap(), word);
        wait_for("begun");
        // Every other one gets to the end once, however slow the machine is.
        if cycle % 2 == 1 {
            wait_for("done");
        }
        thread::sleep(Duration::from_micros(3_777 * cycle));
        child.kill().unwrap();
        child.wait().unwrap();
        let opened = [1, 2].map(|number| folder.try_open(number, relaxed()));
        let [crm] = match opened {
            [Ok(crm), Err(error)] | [Err(error), Ok(crm)] => {
                assert!(matches!(error.kind(), ErrorKind::WrongKey | ErrorKind::InUse), "{error}");
                [crm]
            }
            [first, second] => panic!("cycle {cycle}: {:?}, {:?}", first.err(), second.err()),
        };
        assert!(content(&crm) == before, "cycle {cycle}");
        assert_sound(&crm);
        crm.close().unwrap();
        seen[usize::from(folder.try_open(2, relaxed()).is_ok())] += 1;
    }
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
    assert_eq!(folder.telltale(), [""; 0]);
}
