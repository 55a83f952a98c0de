//! Stored bytes: once by content, read back in pieces, referred to by records.

use crm_core::{
    AddFile, Attribute, Crm, DefineType, ErrorKind, FileRef, Kind, Value, limits, values,
};

use crate::support::{Folder, assert_sound, journal_length};

fn with_documents() -> (Folder, Crm) {
    let folder = Folder::new();
    let crm = folder.open();
    let document = Attribute::new("document", Kind::File);
    let name = Attribute::new("name", Kind::Text);
    crm.types().define(DefineType::new("contract", [name, document])).unwrap();
    (folder, crm)
}

/// Bytes that differ from place to place, so that a piece from the wrong place is seen.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8 ^ (place / 65_536) as u8).collect()
}

#[test]
fn bytes_come_back_whole_and_in_pieces_across_every_border() {
    let (_folder, crm) = with_documents();
    let content = bytes(700_001);
    let file = crm.files().add(&AddFile::new("a.bin", "application/octet-stream", content.clone()));
    let file = file.unwrap();
    assert_eq!((file.size, file.hash.len()), (700_001, 64));

    let mut read = Vec::new();
    while read.len() < content.len() {
        let piece = crm.files().read(&file.hash, read.len() as u64, 99_991).unwrap();
        assert_eq!(piece.size, 700_001);
        read.extend(piece.content.0);
    }
    assert!(read == content);
    // 256 KiB is where one stored piece ends and the next begins.
    for offset in [262_143_usize, 262_144, 262_145, 524_287, 524_288, 700_000] {
        for length in [1_usize, 2, 262_144, 262_145] {
            let piece = crm.files().read(&file.hash, offset as u64, length as u32).unwrap();
            let end = content.len().min(offset + length);
            assert!(piece.content.0 == content[offset..end], "{length} bytes from {offset} on");
        }
    }
    for offset in [700_001, 700_002, u64::MAX] {
        assert!(crm.files().read(&file.hash, offset, 10).unwrap().content.0.is_empty());
    }
}

#[test]
fn the_same_bytes_are_stored_once_under_whatever_name() {
    let (_folder, crm) = with_documents();
    let first = crm.files().add(&AddFile::new("a.txt", "text/plain", "hello")).unwrap();
    let length = journal_length(&crm);
    let second = crm.files().add(&AddFile::new("b.txt", "text/markdown", "hello")).unwrap();
    assert_eq!(first.hash, second.hash);
    assert_eq!((second.name.as_str(), second.media_type.as_str()), ("b.txt", "text/markdown"));
    assert_eq!(journal_length(&crm), length, "nothing was changed");
    assert_eq!(crm.stats().unwrap().files, 1);

    let contracts = crm.records("contract");
    let one = contracts.create(values! { "document" => first.clone() }).unwrap();
    let two = contracts.create(values! { "document" => second.clone() }).unwrap();
    assert_eq!(one.get("document"), &Value::File(first));
    assert_eq!(two.get("document"), &Value::File(second));
}

#[test]
fn a_file_of_no_bytes_is_a_file() {
    let (_folder, crm) = with_documents();
    let empty = crm.files().add(&AddFile::new("empty", "text/plain", "")).unwrap();
    assert_eq!(empty.hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let piece = crm.files().read(&empty.hash, 0, 1).unwrap();
    assert_eq!((piece.size, piece.content.0.len()), (0, 0));
}

#[test]
fn the_size_of_a_reference_is_the_true_one_whatever_is_handed_in() {
    let (_folder, crm) = with_documents();
    let file = crm.files().add(&AddFile::new("a.txt", "text/plain", "hello")).unwrap();
    let lie = FileRef { size: 99, ..file.clone() };
    let record = crm.records("contract").create(values! { "document" => lie.clone() }).unwrap();
    assert_eq!(record.get("document"), &Value::File(file.clone()));
    // The same reference again, true or not, is no change.
    for same in [file, lie] {
        let patched = crm.records("contract").patch(record.id, values! { "document" => same });
        assert_eq!(patched.unwrap().version, 1);
    }
    assert_sound(&crm);
}

#[test]
fn a_reference_needs_stored_bytes() {
    let (_folder, crm) = with_documents();
    let missing = FileRef {
        hash: "0".repeat(64),
        name: "a.txt".into(),
        media_type: "text/plain".into(),
        size: 0,
    };
    let error = crm.records("contract").create(values! { "document" => missing.clone() });
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("document")));
    assert!(error.hint().is_some());
    let error = crm.files().read(&missing.hash, 0, 1).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("hash")));
}

#[test]
fn what_makes_no_sense_is_refused_by_its_field() {
    let (_folder, crm) = with_documents();
    let before = journal_length(&crm);
    let long = "n".repeat(256);
    for (name, media_type, field, kind) in [
        ("", "text/plain", "name", ErrorKind::InvalidValue),
        ("a/b.txt", "text/plain", "name", ErrorKind::InvalidValue),
        ("a\\b.txt", "text/plain", "name", ErrorKind::InvalidValue),
        ("a\0", "text/plain", "name", ErrorKind::InvalidValue),
        (long.as_str(), "text/plain", "name", ErrorKind::OutOfRange),
        ("a.txt", "", "media_type", ErrorKind::InvalidValue),
        ("a.txt", "text", "media_type", ErrorKind::InvalidValue),
        ("a.txt", "text/pl ain", "media_type", ErrorKind::InvalidValue),
    ] {
        let error = crm.files().add(&AddFile::new(name, media_type, "x")).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{name:?} {media_type:?}");
    }
    let absurd = vec![0; limits::FILE_BYTES + 1];
    let error = crm.files().add(&AddFile::new("a", "text/plain", absurd)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, Some("content")));

    for hash in ["", "abc", &"G".repeat(64), &"A".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
        let error = crm.files().read(hash, 0, 1).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("hash")));
    }
    let file = crm.files().add(&AddFile::new("a", "text/plain; charset=utf-8", "x")).unwrap();
    for length in [0, limits::FILE_PIECE_BYTES + 1] {
        let error = crm.files().read(&file.hash, 0, length).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("length")));
    }
    assert_eq!(journal_length(&crm), before + 1, "only the last file was stored");
}

#[test]
fn the_largest_file_survives_a_copy_and_a_compaction() {
    let (folder, crm) = with_documents();
    let content = bytes(limits::FILE_BYTES);
    let file = crm.files().add(&AddFile::new("big", "application/x", content.clone())).unwrap();
    crm.compact().unwrap();
    let copy = folder.at("copy.crm");
    let request = crm_core::BackupTo { path: copy.to_str().unwrap().into() };
    crm.backup_to(&request, &mut |_| crm_core::Flow::Continue).unwrap();
    crm.close().unwrap();
    for path in [folder.path(), copy] {
        let crm = Crm::open(path).unwrap();
        for offset in [0_usize, 33_000_001, limits::FILE_BYTES - 1] {
            let piece = crm.files().read(&file.hash, offset as u64, 100).unwrap();
            let end = limits::FILE_BYTES.min(offset + 100);
            assert!(piece.content.0 == content[offset..end]);
        }
    }
}

#[test]
fn the_journal_tells_of_bytes_by_hash_and_size_alone() {
    let (_folder, crm) = with_documents();
    let file = crm.files().add(&AddFile::new("secret.txt", "text/plain", "secret")).unwrap();
    let request = crm_core::ListChanges {
        limit: 10,
        ..crm_core::ListChanges::after(journal_length(&crm) - 1)
    };
    let change = crm.journal().changes(&request).unwrap().changes.pop().unwrap();
    assert_eq!(change.kind, crm_core::ChangeKind::FileAdded);
    let expected = format!("{{\"hash\":\"{}\",\"size\":6}}", file.hash);
    assert_eq!(change.definition.as_deref(), Some(expected.as_str()));
}
