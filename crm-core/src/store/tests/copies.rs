//! Backups, compacting, and the copy before a migration.

use super::*;

#[test]
fn a_backup_is_a_whole_file_of_that_moment() {
    let folder = Folder::new();
    let store = folder.open();
    add_actor(&store, "a").unwrap();
    let target = folder.0.path().join("copy.crm");
    let mut steps = Vec::new();
    store
        .backup_to(&target, &mut |done, total| {
            steps.push((done, total));
            // The caller's own code may use the store meanwhile; the copy is of the moment before.
            add_actor(&store, "b").unwrap();
            true
        })
        .unwrap();
    let (done, total) = *steps.last().unwrap();
    assert!(done == total && total > 0);
    assert_eq!(actors(&store), ["a", "b"]);
    let copy = Store::open(&Target::File(target.clone()), &FileOptions::default(), SALTS).unwrap();
    assert_eq!(actors(&copy), ["a"]);
    assert_eq!(copy.integrity(Depth::Full, 10).unwrap(), [""; 0]);
    drop(copy);

    let refused = store.backup_to(&target, &mut |_, _| true).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    let refused = store.backup_to(&folder.path(), &mut |_, _| true).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    assert_eq!(actors(&store), ["a", "b"]);
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let folder = Folder::new();
    let target = folder.0.path().join("copy.crm");
    let memory = Store::open(&Target::Memory, &FileOptions::default(), SALTS).unwrap();
    for store in [folder.open(), memory] {
        let before = folder.image().len();
        let cancelled = store.backup_to(&target, &mut |_, _| false).unwrap_err();
        assert_eq!(cancelled.kind(), ErrorKind::Interrupted);
        let interrupted = store.backup_to(&target, &mut |_, _| {
            store.interrupt();
            true
        });
        // The last step may be over before the bell is heard; what was begun is then whole.
        if let Err(error) = interrupted {
            assert_eq!(error.kind(), ErrorKind::Interrupted);
        } else {
            fs::remove_file(&target).unwrap();
        }
        assert_eq!(folder.image().len(), before);
        add_actor(&store, "a").unwrap();
    }
}

#[test]
fn closing_from_within_a_backup_is_refused() {
    let folder = Folder::new();
    let store = folder.open();
    let target = folder.0.path().join("copy.crm");
    let mut kinds = Vec::new();
    store
        .backup_to(&target, &mut |_, _| {
            kinds.push(store.close().unwrap_err().kind());
            true
        })
        .unwrap();
    assert_eq!(kinds, [ErrorKind::Reentrant]);
}

#[test]
fn memory_can_be_saved_to_a_file() {
    let folder = Folder::new();
    let store = Store::open(&Target::Memory, &FileOptions::default(), SALTS).unwrap();
    add_actor(&store, "a").unwrap();
    store.backup_to(&folder.path(), &mut |_, _| true).unwrap();
    assert_eq!(actors(&folder.open()), ["a"]);
}

#[test]
fn compacting_gives_unused_space_back() {
    let folder = Folder::new();
    let store = folder.open();
    store
        .write(|tx| {
            tx.execute("INSERT INTO crm_meta VALUES ('x', zeroblob(4000000))", [])?;
            Ok(())
        })
        .unwrap();
    store
        .write(|tx| {
            tx.execute("DELETE FROM crm_meta", [])?;
            Ok(())
        })
        .unwrap();
    let before = store.stats().unwrap();
    assert!(before.free_pages > 900);
    store.compact().unwrap();
    let after = store.stats().unwrap();
    assert_eq!((after.free_pages, after.wal_bytes), (0, 0));
    assert_eq!(after.file_bytes, after.pages * after.page_size);
    assert!(after.pages < before.pages - 900);
    assert_eq!(after.schema_version, SCHEMA_VERSION.unsigned_abs());
    let refused = store.write(|tx| Ok(tx.execute_batch("ATTACH ':memory:' AS other")?));
    assert!(refused.is_err(), "the limits are back");
    add_actor(&store, "a").unwrap();
}

#[test]
fn a_reference_into_nothing_is_found() {
    let folder = Folder::new();
    let store = folder.open();
    store
        .write(|tx| {
            tx.pragma_update(None, "defer_foreign_keys", 1)?;
            tx.execute("INSERT INTO crm_device (id, uuid) VALUES (1, x'00')", [])?;
            Ok(())
        })
        .unwrap();
    store.close().unwrap();
    let stranger = Connection::open(folder.path()).unwrap();
    stranger
        .execute_batch(
            "PRAGMA foreign_keys = off; \
         INSERT INTO crm_attribute VALUES (1, 99, 'secret', 0, '{}', NULL)",
        )
        .unwrap();
    drop(stranger);
    let findings = folder.open().integrity(Depth::Quick, 10).unwrap();
    assert_eq!(findings, ["row 1 of crm_attribute refers to a missing row of crm_type"]);
}
