//! Files that are not as they should be: each is refused with a typed error or read rightly, and
//! what is refused stays as it is.

use std::{collections::BTreeMap, fs};

use crm_core::{
    Crm, EraseSubject, ErrorKind, Flow, LinkPeople, ListChanges, NewConsent, OpenOptions,
    PublishNotice, Purpose, Record, RecordId, RecordRef, Result, RunSql, Value, values,
};

use crate::support::{Folder, Seeded, assert_sound, read_only, relaxed, repetitions, replay};

/// A small closed file of ours, as bytes.
fn small() -> (Folder, Vec<u8>) {
    let folder = Folder::new();
    let crm = Crm::open_with(folder.path(), replay()).unwrap();
    for number in 0..40_i64 {
        let values = values! {
            "given_name" => format!("Ann {number}"),
            "email" => format!("ann{number}@EXAMPLE.org"),
            "country" => "de",
            "description" => "x".repeat(usize::try_from(number * 30).unwrap()),
        };
        let record = crm.contacts().create(values).unwrap();
        if number % 5 == 0 {
            crm.contacts().patch(record.id, values! { "job_title" => "Reader" }).unwrap();
        }
        if number % 7 == 0 {
            crm.contacts().archive(record.id, None).unwrap();
        }
    }
    crm.files().add(&crm_core::AddFile::new("a.txt", "text/plain", "hello")).unwrap();
    crm.close().unwrap();
    let bytes = fs::read(folder.path()).unwrap();
    (folder, bytes)
}

fn contacts(crm: &Crm) -> Result<BTreeMap<RecordId, Record>> {
    let mut found = BTreeMap::new();
    let mut request = crm_core::ListRecords {
        archived: crm_core::Archived::Include,
        limit: 17,
        ..crm_core::ListRecords::new("contact")
    };
    loop {
        let page = crm.list_records(&request)?;
        found.extend(page.records.into_iter().map(|record| (record.id, record)));
        request.after = page.next;
        if request.after.is_none() || found.len() > 1_000 {
            return Ok(found);
        }
    }
}

/// Opens, verifies and reads everything; what was read counts only if verification found nothing.
fn read_all(folder: &Folder, options: OpenOptions) -> Result<Option<BTreeMap<RecordId, Record>>> {
    let crm = Crm::open_with(folder.path(), options)?;
    let report = crm.verify(&mut |_| Flow::Continue)?;
    let found = contacts(&crm)?;
    for id in found.keys() {
        match crm.journal().of_record("contact", *id) {
            // An index that leads nowhere, of which verification warned.
            Err(error) if error.kind() == ErrorKind::NotFound && !report.is_ok => {}
            history => drop(history?),
        }
    }
    crm.journal().changes(&ListChanges { limit: 10_000, ..ListChanges::after(0) })?;
    crm.stats()?;
    crm.close()?;
    Ok(report.is_ok.then_some(found))
}

/// What a damaged file may be called. `Io` and `Internal` would blame the disk or the engine. A damaged
/// length may ask for more memory than there is.
const DAMAGE: [ErrorKind; 4] =
    [ErrorKind::Corrupt, ErrorKind::NotOurFile, ErrorKind::TooNew, ErrorKind::LimitExceeded];

#[derive(Default)]
struct Tally {
    refused: usize,
    found_by_verify: usize,
    right: usize,
}

/// Reads the damaged bytes both ways and compares with what a sound file gives.
fn examine(bytes: &[u8], what: &str, sound: &BTreeMap<RecordId, Record>, tally: &mut Tally) {
    for options in [relaxed(), read_only()] {
        let folder = Folder::new();
        fs::write(folder.path(), bytes).unwrap();
        match read_all(&folder, options.clone()) {
            Err(error) => {
                assert!(DAMAGE.contains(&error.kind()), "{what}: {} {error}", error.kind());
                tally.refused += 1;
            }
            Ok(None) => tally.found_by_verify += 1,
            Ok(Some(found)) => {
                assert!(&found == sound, "{what}: wrong data that nothing warned of");
                tally.right += 1;
            }
        }
        if options.read_only {
            assert!(fs::read(folder.path()).unwrap() == bytes, "{what}: the file was changed");
        }
    }
}

#[test]
fn flipped_bits_give_a_typed_error_or_the_right_data() {
    let (folder, whole) = small();
    let sound = read_all(&folder, relaxed()).unwrap().unwrap();
    let (mut random, mut tally) = (Seeded::new(0xF11B), Tally::default());
    for number in 0..300 {
        let mut bytes = whole.clone();
        // Every third in the first page, which says where all others are.
        let end = if number % 3 == 0 { 4096 } else { bytes.len() };
        let (at, bit) = (random.below(end), random.below(8));
        bytes[at] ^= 1 << bit;
        examine(&bytes, &format!("bit {bit} of byte {at}"), &sound, &mut tally);
    }
    let Tally { refused, found_by_verify, right } = tally;
    assert!(refused > 0 && found_by_verify > 0 && right > 0, "{refused} {found_by_verify} {right}");
}

/// A closed file with something in every table, as bytes, and a beginning of each sort of cell in it.
fn rich() -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let folder = Folder::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/v7.crm");
    fs::copy(fixture, folder.path()).unwrap();
    let crm = folder.open();
    let person = |name: &str| {
        let email = format!("{name}@example.org");
        crm.contacts().create(values! { "given_name" => name, "email" => email }).unwrap().id
    };
    let contact = |id| RecordRef::new("contact", id);
    let mut news = Purpose::new("fuzzed", ["phone"]);
    news.policy = "eu_strict".to_owned();
    crm.consents().publish_notice(PublishNotice::new("fuzzed", "en", "Weekly.")).unwrap();
    crm.consents().define_purpose(news.notice("fuzzed")).unwrap();
    let (ann, bob, cleo) = (person("quilla"), person("quillo"), person("quille"));
    crm.consents().link(&LinkPeople::new(contact(ann), contact(bob))).unwrap();
    crm.consents().record(NewConsent::grant(contact(cleo), "phone", "fuzzed")).unwrap();
    crm.privacy().erase(&EraseSubject::new(contact(cleo))).unwrap();

    let ask = |sql: String| crm.sql(&RunSql::new(sql)).unwrap();
    let mut cells = Vec::new();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                  AND name NOT LIKE 'crm\\_search%' ESCAPE '\\' ORDER BY name";
    for table in ask(tables.to_owned()).rows {
        let [Value::Text(table)] = &table.0[..] else { panic!("no name") };
        for column in ask(format!("SELECT * FROM \"{table}\" LIMIT 1")).columns {
            let sql = format!(
                "SELECT DISTINCT hex(substr(CAST(\"{column}\" AS BLOB), 1, 40)) FROM \"{table}\" \
                 WHERE typeof(\"{column}\") IN ('text', 'blob') AND length(\"{column}\") > 5 LIMIT 3"
            );
            for row in ask(sql).rows {
                let [Value::Text(digits)] = &row.0[..] else { panic!("no digits") };
                let digit = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16);
                let bytes = (0..digits.len())
                    .step_by(2)
                    .map(digit)
                    .map(std::result::Result::unwrap)
                    .collect();
                cells.push((format!("{table}.{column}"), bytes));
            }
        }
    }
    crm.close().unwrap();
    (fs::read(folder.path()).unwrap(), cells)
}

#[test]
fn a_flipped_bit_in_any_table_is_no_defect_of_the_engine() {
    let (whole, cells) = rich();
    for table in ["crm_consent_request.body", "crm_consent_proof.proof", "crm_timer.timers"] {
        assert!(cells.iter().any(|(name, _)| name == table), "{table}");
    }
    let mut random = Seeded::new(0x7A4F);
    let mut found = 0;
    for (name, cell) in &cells {
        let places = whole.windows(cell.len()).enumerate().filter(|(_, bytes)| bytes == cell);
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        // What lies on several pages is met by others of its sort.
        if places.is_empty() || random.below(5) >= repetitions(5) as usize {
            continue;
        }
        let place = places[random.below(places.len())];
        // A text that begins otherwise is no JSON any more.
        let (at, bit) = match random.below(2) {
            0 => (place, 0),
            _ => (place + random.below(cell.len()), random.below(7)),
        };
        let folder = Folder::new();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        fs::write(folder.path(), bytes).unwrap();
        let what = format!("bit {bit} of byte {at}, in {name}");
        let crm = match Crm::open_with(folder.path(), relaxed()) {
            Ok(crm) => crm,
            Err(error) => {
                assert!(DAMAGE.contains(&error.kind()), "{what}: {error}");
                continue;
            }
        };
        match crm.verify(&mut |_| Flow::Continue) {
            Ok(report) => found += usize::from(!report.is_ok),
            Err(error) => panic!("{what}: {} {error}", error.kind()),
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn json_that_is_none_any_more_is_told_with_its_table_and_the_rest_is_verified() {
    let (whole, _) = rich();
    let request = b"{\"basis\":\"consent\",\"by_guardian\":false";
    let contact = b"quilla@example.org";
    let mut bytes = whole;
    let at = |bytes: &[u8], wanted: &[u8]| {
        let mut places = bytes.windows(wanted.len()).enumerate();
        places.find(|(_, found)| *found == wanted).map(|(place, _)| place).unwrap()
    };
    let folder = Folder::new();
    let crm = {
        let (request, contact) = (at(&bytes, request), at(&bytes, contact));
        bytes[request] ^= 1;
        bytes[contact] ^= 1;
        fs::write(folder.path(), bytes).unwrap();
        folder.open()
    };
    let problems = crm.verify(&mut |_| Flow::Continue).unwrap().problems;
    let named = "table crm_consent_request: a stored JSON text cannot be read";
    assert!(problems.iter().any(|problem| problem == named), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.starts_with("contact ")), "{problems:?}");
}

#[test]
fn overwritten_stretches_give_a_typed_error_or_the_right_data() {
    let (folder, whole) = small();
    let sound = read_all(&folder, relaxed()).unwrap().unwrap();
    let (mut random, mut tally) = (Seeded::new(0x0BAD), Tally::default());
    for number in 0..100 {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len());
        let length = random.below(600).min(bytes.len() - at);
        let filler = if number % 2 == 0 { 0 } else { 0xFF };
        bytes[at..at + length].fill(filler);
        examine(&bytes, &format!("{length} bytes of {filler} from {at}"), &sound, &mut tally);
    }
    assert!(tally.refused > 0);
}

#[test]
fn a_truncated_file_gives_a_typed_error() {
    let (folder, whole) = small();
    let sound = read_all(&folder, relaxed()).unwrap().unwrap();
    let (mut random, mut tally) = (Seeded::new(0x7C07), Tally::default());
    let pages = (1..whole.len() / 4096).map(|page| page * 4096);
    let lengths: Vec<usize> =
        pages.chain((0..60).map(|_| 1 + random.below(whole.len() - 1))).collect();
    for length in &lengths {
        examine(&whole[..*length], &format!("{length} bytes left"), &sound, &mut tally);
    }
    assert_eq!(tally.refused, 2 * lengths.len(), "a missing end is always seen");
}

#[test]
fn swapped_pages_give_a_typed_error_or_the_right_data() {
    let (folder, whole) = small();
    let sound = read_all(&folder, relaxed()).unwrap().unwrap();
    let (mut random, mut tally) = (Seeded::new(0x5A9), Tally::default());
    let pages = whole.len() / 4096;
    for _ in 0..40 {
        let (one, two) = (1 + random.below(pages - 1), 1 + random.below(pages - 1));
        let mut bytes = whole.clone();
        let page = bytes[one * 4096..(one + 1) * 4096].to_vec();
        bytes.copy_within(two * 4096..(two + 1) * 4096, one * 4096);
        bytes[two * 4096..(two + 1) * 4096].copy_from_slice(&page);
        examine(&bytes, &format!("pages {one} and {two} swapped"), &sound, &mut tally);
    }
}

/// How many bytes of a log hold whole transactions: up to the end of the last frame that commits.
/// The ends of all of them, from the first on (<https://sqlite.org/walformat.html>).
fn commits(log: &[u8]) -> Vec<usize> {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let frame = 24 + number(8);
    let frames = (32..log.len()).step_by(frame).filter(|at| at + frame <= log.len());
    frames.filter(|at| number(at + 4) > 0).map(|at| at + frame).collect()
}

/// A log does not say which file it belongs to, so SQLite believes the whole transactions of one that
/// was laid beside another file. The engine cannot tell them from its own; what comes of it is never
/// shown as the contacts that were there. A log without one whole transaction changes nothing.
#[test]
fn a_strange_log_beside_the_file_is_passed_over_or_never_taken_for_the_files_own() {
    let (folder, whole) = small();
    let sound = read_all(&folder, relaxed()).unwrap().unwrap();
    let other = Folder::new();
    let crm = other.open();
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    let log = fs::read(other.at("a.crm-wal")).unwrap();
    let first = commits(&log)[0];
    let mut random = Seeded::new(0x3A1);
    for number in 0..60 {
        let folder = Folder::new();
        fs::write(folder.path(), &whole).unwrap();
        let mut bytes = log.clone();
        // Every other one ends or is damaged before its first transaction is whole.
        let believed = number % 2 == 0;
        let from = if believed { first } else { 0 };
        let end = if believed { log.len() } else { first };
        // A flipped bit ends the valid part of a log at that place.
        let at = from + random.below(end - from);
        bytes[at] ^= 1 << (number % 8);
        bytes.truncate(at + 1 + random.below(log.len() - at));
        fs::write(folder.at("a.crm-wal"), bytes).unwrap();
        let found = read_all(&folder, relaxed());
        if !believed {
            assert!(found.unwrap() == Some(sound.clone()), "log {number} was not passed over");
            continue;
        }
        match found {
            Err(error) => assert!(DAMAGE.contains(&error.kind()), "{number}: {error}"),
            // Verification found it; or there is but the other file, which has no contacts.
            Ok(found) => assert!(found.is_none_or(|found| found.is_empty()), "log {number}"),
        }
    }
}

/// What is refused is refused alike for reading and writing, and is not touched.
#[track_caller]
fn assert_refused(folder: &Folder, kind: ErrorKind) {
    let image = folder.image();
    for options in [OpenOptions::default(), read_only()] {
        let error = folder.refusal(options);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some(), "{error}");
        assert!(folder.image() == image, "the folder was changed");
    }
}

#[test]
fn a_newer_file_is_refused() {
    let (folder, mut bytes) = small();
    let present = Crm::in_memory().unwrap().info().unwrap().schema_version;
    for version in [present + 1, i32::MAX] {
        bytes[60..64].copy_from_slice(&version.to_be_bytes());
        fs::write(folder.path(), &bytes).unwrap();
        assert_refused(&folder, ErrorKind::TooNew);
    }
    // The same file is welcome to the engine that knows its version.
    bytes[60..64].copy_from_slice(&present.to_be_bytes());
    fs::write(folder.path(), &bytes).unwrap();
    assert_sound(&folder.open());
}

#[test]
fn what_is_no_crm_file_is_refused() {
    let folder = Folder::new();
    for content in ["hello", "name,email\nAnn,ann@example.org\n", "SQLite format 3"] {
        fs::write(folder.path(), content).unwrap();
        assert_refused(&folder, ErrorKind::NotOurFile);
    }
    // A plain SQLite file: the header of one of ours without the mark.
    let (folder, mut bytes) = small();
    bytes[68..72].fill(0);
    fs::write(folder.path(), &bytes).unwrap();
    assert_refused(&folder, ErrorKind::NotOurFile);

    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    assert_refused(&folder, ErrorKind::NotOurFile);
}

#[test]
fn an_encrypted_file_is_refused_without_its_key() {
    let folder = Folder::new();
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/encrypted.crm");
    fs::copy(stored, folder.path()).unwrap();
    assert_refused(&folder, ErrorKind::NotOurFile);
    let error = folder.refusal(read_only());
    assert!(error.hint().unwrap().contains("encrypted"), "{error}");
}

#[test]
fn a_missing_folder_or_file_is_told() {
    let folder = Folder::new();
    let error = Crm::open(folder.at("nowhere").join("a.crm")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(!error.to_string().contains("nowhere"), "an error shows no path");
    let error = folder.refusal(read_only());
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.hint().is_some());
    assert!(folder.image().is_empty());
}

#[test]
fn an_empty_file_is_new() {
    let folder = Folder::new();
    fs::write(folder.path(), "").unwrap();
    let crm = folder.open();
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    assert_sound(&crm);
}
