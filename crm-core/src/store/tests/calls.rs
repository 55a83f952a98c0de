//! Calls among each other: threads, closures within closures, panics, closing, interrupting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use super::*;

/// Endless, but for an interrupt.
const FOREVER: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";

fn memory() -> Store {
    Store::open(&Target::Memory, &FileOptions::default(), SALTS).unwrap()
}

#[test]
fn a_store_goes_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Store>();
}

#[test]
fn memory_does_what_a_file_does() {
    let store = memory();
    add_actor(&store, "a").unwrap();
    assert_eq!(actors(&store), ["a"]);
    assert_eq!(store.integrity(Depth::Full, 10).unwrap(), [""; 0]);
    store.compact().unwrap();
    assert!(store.stats().unwrap().file_bytes > 0);
    store.close().unwrap();
    assert_eq!(add_actor(&store, "b").unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn an_error_and_a_panic_undo_the_transaction() {
    let folder = Folder::new();
    for store in [memory(), folder.open()] {
        let insert = |tx: &Transaction<'_>| {
            tx.execute("INSERT INTO crm_actor (name) VALUES ('x')", []).unwrap();
        };
        let failed: Result<()> = store.write(|tx| {
            insert(tx);
            Err(Error::new(ErrorKind::Duplicate, "refused"))
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Duplicate);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.write(|tx| -> Result<()> {
                insert(tx);
                panic!("in the middle of a write")
            })
        }));
        assert!(panicked.is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.read_snapshot(|_| -> Result<()> { panic!("in the middle of a read") })
        }));
        assert!(panicked.is_err());
        add_actor(&store, "a").unwrap();
        assert_eq!(actors(&store), ["a"]);
        store.close().unwrap();
    }
}

#[test]
fn a_call_from_within_a_call_is_refused_and_not_stuck() {
    let folder = Folder::new();
    for store in [memory(), folder.open()] {
        let inner = store.write(|_| Ok(add_actor(&store, "x").unwrap_err().kind())).unwrap();
        assert_eq!(inner, ErrorKind::Reentrant);
        let inner = store.read(|_| Ok(add_actor(&store, "x").unwrap_err().kind())).unwrap();
        assert_eq!(inner, ErrorKind::Reentrant);
        let inner = store.read(|_| Ok(store.close().unwrap_err().kind())).unwrap();
        assert_eq!(inner, ErrorKind::Reentrant);
        add_actor(&store, "a").unwrap();
        assert_eq!(actors(&store), ["a"]);
    }
}

#[test]
fn closing_waits_for_the_call_in_flight_and_refuses_later_ones() {
    let folder = Folder::new();
    let store = folder.open();
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let store = &store;
    thread::scope(|scope| {
        let writing = scope.spawn(move || {
            store.write(|tx| {
                entered.send(()).unwrap();
                may_leave.recv().unwrap();
                tx.execute("INSERT INTO crm_actor (name) VALUES ('a')", [])?;
                Ok(())
            })
        });
        has_entered.recv().unwrap();
        let closing = scope.spawn(|| store.close());
        while store.stats().is_ok() {
            thread::yield_now();
        }
        assert!(!closing.is_finished());
        assert_eq!(store.stats().unwrap_err().kind(), ErrorKind::Closed);
        leave.send(()).unwrap();
        writing.join().unwrap().unwrap();
        closing.join().unwrap().unwrap();
    });
    store.close().unwrap();
    assert_eq!(actors(&folder.open()), ["a"]);
}

#[test]
fn a_snapshot_does_not_move_while_others_write() {
    let folder = Folder::new();
    let store = folder.open();
    let count = |connection: &Connection| -> Result<i64> {
        Ok(connection.query_row("SELECT count(*) FROM crm_actor", [], |row| row.get(0))?)
    };
    store
        .read_snapshot(|connection| {
            assert_eq!(count(connection)?, 0);
            thread::scope(|scope| scope.spawn(|| add_actor(&store, "a")).join().unwrap())?;
            assert_eq!(count(connection)?, 0);
            Ok(())
        })
        .unwrap();
    assert_eq!(store.read(count).unwrap(), 1);
}

#[test]
fn many_threads_write_and_read_without_an_error() {
    let folder = Folder::new();
    let options = FileOptions { durability: Durability::Relaxed, ..FileOptions::default() };
    let store = Store::open(&Target::File(folder.path()), &options, SALTS).unwrap();
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..50 {
                    add_actor(store, &format!("{writer}/{number}")).unwrap();
                }
            });
        }
        for _ in 0..8 {
            scope.spawn(|| {
                let mut seen = 0;
                for _ in 0..50 {
                    let now = actors(&store).len();
                    assert!(now >= seen, "a committed row has vanished");
                    seen = now;
                }
            });
        }
    });
    assert_eq!(actors(&store).len(), 200);
    store.close().unwrap();
    assert_eq!(actors(&folder.open()).len(), 200);
}

#[test]
fn an_interrupt_ends_what_runs_and_nothing_else() {
    let folder = Folder::new();
    for store in [memory(), folder.open()] {
        thread::scope(|scope| {
            let running = scope.spawn(|| {
                store.read(|connection| Ok(connection.query_row(FOREVER, [], |_| Ok(()))?))
            });
            while !running.is_finished() {
                store.interrupt();
                thread::yield_now();
            }
            assert_eq!(running.join().unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
        });
        add_actor(&store, "a").unwrap();
        assert_eq!(actors(&store), ["a"]);
    }
}

#[test]
fn a_handle_from_a_fork_is_refused_and_dropping_it_leaves_the_parents_files() {
    let folder = Folder::new();
    let mut store = folder.open();
    add_actor(&store, "a").unwrap();
    store.gate.pretend_fork();
    assert_eq!(add_actor(&store, "b").unwrap_err().kind(), ErrorKind::Forked);
    assert_eq!(store.close().unwrap_err().kind(), ErrorKind::Forked);
    drop(store);
    let names: Vec<_> = folder.image().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.crm", "a.crm-shm", "a.crm-wal", "a.crm.lock"]);
    assert_eq!(folder.open_error(&FileOptions::default()).kind(), ErrorKind::InUse);
}

#[test]
fn a_log_that_has_grown_is_emptied_when_nobody_reads() {
    let folder = Folder::new();
    let options = FileOptions { durability: Durability::Relaxed, ..FileOptions::default() };
    let store = Store::open(&Target::File(folder.path()), &options, SALTS).unwrap();
    let piece = |tx: &Transaction<'_>, number: i64| {
        tx.execute("INSERT INTO crm_meta VALUES (?1, zeroblob(1000000))", [number.to_string()])
    };
    let fill = |from: i64| {
        store.write(|tx| {
            for number in from..from + 20 {
                piece(tx, number)?;
            }
            Ok(())
        })
    };
    store
        .read_snapshot(|connection| {
            connection.query_row("SELECT count(*) FROM crm_meta", [], |_| Ok(()))?;
            thread::scope(|scope| scope.spawn(|| fill(0)).join().unwrap())
        })
        .unwrap();
    assert!(store.stats().unwrap().wal_bytes > LOG_BYTES_MAX, "a reader needs the log");
    fill(20).unwrap();
    assert_eq!(store.stats().unwrap().wal_bytes, 0);
}
