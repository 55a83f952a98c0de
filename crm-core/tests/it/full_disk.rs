//! A disk that takes no more, at whatever byte: the refusal is typed, the handle still reads, and what
//! was acknowledged is in the file.
//!
//! The writer is this test binary, started again by a shell that limits how large its files may grow:
//! beyond that the system refuses to write, in the middle of a page too.
#![cfg(unix)]

use std::{
    env,
    process::{Command, Stdio},
};

use crm_core::{Crm, Error, ErrorKind, RecordId, values};

use crate::support::{Folder, Seeded, assert_sound, journal_length};

const FILE: &str = "CRM_FULL_DISK_FILE";

fn say(line: &str) {
    eprintln!("said {line}");
}

#[track_caller]
fn assert_typed(error: &Error) {
    assert!(matches!(error.kind(), ErrorKind::Full | ErrorKind::Io), "{} {error}", error.kind());
}

/// The writer: does nothing unless [`a_disk_that_is_full_at_any_byte_loses_nothing`] started it.
#[test]
fn writer() {
    let Some(path) = env::var_os(FILE) else { return };
    let crm = match Crm::open(path) {
        Ok(crm) => crm,
        Err(error) => {
            assert_typed(&error);
            return say("not opened");
        }
    };
    let mut random = Seeded::new(0xF0_11);
    let mut kept = Vec::new();
    let mut write = |bytes: usize| {
        let values = values! { "description" => "x".repeat(bytes) };
        let record = crm.contacts().create(values)?;
        say(&format!("kept {}", record.id));
        kept.push(record.id);
        Ok::<(), Error>(())
    };
    let refusal = loop {
        if let Err(error) = write(random.below(30_000)) {
            break error;
        }
    };
    assert_typed(&refusal);
    // A smaller one may still find room: it is kept or refused, and nothing between.
    for _ in 0..20 {
        let _ = write(1).inspect_err(|error| assert_typed(error));
    }
    assert_eq!(crm.contacts().count().unwrap(), kept.len() as u64);
    for id in kept {
        crm.contacts().get(id).unwrap();
    }
    // The log may have no room to be written back; then that is for the next who opens the file.
    let _ = crm.close().inspect_err(|error| assert_typed(error));
    say("refused");
}

/// Runs the writer where no file may outgrow so many blocks of 512 bytes; what it said.
fn run(folder: &Folder, blocks: usize) -> Vec<String> {
    // The signal that comes with the refusal would end the process.
    let script = r#"trap '' XFSZ; ulimit -f "$1"; shift; exec "$@""#;
    let output = Command::new("sh")
        .args(["-c", script, "sh", &blocks.to_string()])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "full_disk::writer", "--nocapture"])
        .env(FILE, folder.path())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{blocks} blocks: {text}");
    text.lines().map(|line| line.strip_prefix("said ").unwrap().to_owned()).collect()
}

#[test]
fn a_disk_that_is_full_at_any_byte_loses_nothing() {
    let mut random = Seeded::new(0xD15C);
    let (mut unopened, mut kept) = (0, 0);
    // From a file that cannot even be begun to a log that was written back more than once.
    for number in 0..24 {
        let blocks = match number {
            0..8 => 1 + random.below(400),
            8..16 => 400 + random.below(8_000),
            _ => 8_000 + random.below(16_000),
        };
        let folder = Folder::new();
        let said = run(&folder, blocks);
        let context = format!("{blocks} blocks");
        let crm = Crm::open(folder.path()).expect(&context);
        assert_sound(&crm);
        journal_length(&crm);
        unopened += usize::from(said.iter().any(|line| line == "not opened"));
        let ids = said.iter().filter_map(|line| line.strip_prefix("kept "));
        let ids: Vec<RecordId> = ids.map(|id| id.parse().unwrap()).collect();
        assert_eq!(crm.contacts().count().unwrap(), ids.len() as u64, "{context}");
        ids.iter().for_each(|id| drop(crm.contacts().get(*id).expect(&context)));
        kept += ids.len();
        // There is room again.
        crm.contacts().create(values! { "given_name" => "Ann" }).expect(&context);
    }
    assert!(unopened > 0 && kept > 100, "{unopened} unopened, {kept} kept");
}
