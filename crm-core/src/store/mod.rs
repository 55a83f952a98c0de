//! The file: opened safely, kept alone, written durably, read in parallel.
//!
//! This folder is the only place that names SQLite. This module and its siblings know everything
//! about the *file* (locks, log, schema, transactions, copies) and nothing about records. The
//! invariant: `Ok` from [`Store::write`] means that the change is in the file under its name, and
//! with [`Durability::Full`] that it survives a power cut.
//!
//! One connection writes, a few read; all of them are reached through closures, so that no
//! statement outlives its call. A closure must not call the store again on the same thread:
//! it would wait for itself, and gets `Reentrant`.

mod backup;
mod cell;
pub(crate) mod chain;
mod cipher;
mod connection;
mod draft;
mod failure;
mod fence;
mod functions;
mod gate;
mod guard;
mod header;
mod integrity;
mod interrupt;
mod lock;
mod migrate;
mod open;
mod pool;
mod query;
#[cfg(feature = "sqlcipher")]
mod rekey;
mod restore;
#[cfg(feature = "arrow")]
mod snapshot;

pub(crate) mod access;
pub(crate) mod activities;
pub(crate) mod associations;
pub(crate) mod condition;
pub(crate) mod consents;
pub(crate) mod consumers;
pub(crate) mod defined;
pub(crate) mod definitions;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod happenings;
pub(crate) mod imports;
pub(crate) mod journal;
pub(crate) mod learned;
pub(crate) mod lifecycles;
pub(crate) mod privacy;
pub(crate) mod records;
pub(crate) mod retention;
pub(crate) mod rollups;
pub(crate) mod rules;
pub(crate) mod score_points;
pub(crate) mod scores;
pub(crate) mod search;
pub(crate) mod segments;
pub(crate) mod select;
pub(crate) mod side_table;
pub(crate) mod table;
pub(crate) mod timers;
pub(crate) mod traces;
pub(crate) mod trial;
pub(crate) mod views;

use std::path::{Path, PathBuf};
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;

use rusqlite::TransactionBehavior;
use rusqlite::limits::Limit;
pub(crate) use rusqlite::{Connection, Transaction, version as sqlite_version};

use self::chain::Salts;
use self::connection::Access;
use self::fence::Fence;
use self::gate::{Gate, Hold};
use self::guard::Guard;
use self::interrupt::Interrupts;
use self::lock::SidecarLock;
use self::pool::Pool;
use crate::{Cell, Durability, Error, ErrorKind, Result};

pub(crate) use self::cipher::Cipher;
pub(crate) use self::draft::Draft as FileDraft;
pub(crate) use self::integrity::Depth;
pub(crate) use self::migrate::SCHEMA_VERSION;
pub(crate) use self::open::refused;
pub(crate) use self::query::{QueryLimits, Rows};
#[cfg(feature = "sqlcipher")]
pub(crate) use self::rekey::rekey;
pub(crate) use self::restore::Restoring;

/// Readers kept open: more wait for one of them.
const READERS_MAX: usize = 4;
/// Connections for the user's own SQL, apart so that a slow statement does not starve the engine.
const QUERIES_MAX: usize = 2;
/// How long an erasure waits for those who read from the log.
const ERASING_TIMEOUT: Duration = Duration::from_secs(1);
/// A log longer than this is emptied after a write that finds nobody else inside.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nowhere but in memory, and gone with the store.
    Memory,
    File(PathBuf),
}

/// How a file is opened; nothing but the key concerns a store in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileOptions {
    pub(crate) durability: Durability,
    /// Never write: a missing file is not created, an old one not migrated.
    pub(crate) read_only: bool,
    /// The size that the file may grow to; what would need more gives `Full`.
    pub(crate) max_bytes: Option<u64>,
    /// Whether it is encrypted, and where its key comes from. This concerns memory too, whose copies
    /// are files.
    pub(crate) cipher: Cipher,
}

/// The file in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileStats {
    /// The file without its log; for memory, what its pages take.
    pub(crate) file_bytes: u64,
    /// Changes that are not yet moved into the file.
    pub(crate) wal_bytes: u64,
    pub(crate) page_size: u64,
    pub(crate) pages: u64,
    /// Pages that hold nothing now and are used again.
    pub(crate) free_pages: u64,
    pub(crate) schema_version: u32,
    pub(crate) sqlite_version: &'static str,
}

/// An open file, for any number of threads.
pub(crate) struct Store {
    gate: Gate,
    interrupts: Interrupts,
    writer: Mutex<Option<Connection>>,
    readers: Pool,
    queries: Pool,
    states: States,
    #[cfg(feature = "arrow")]
    snapshots: snapshot::Snapshots,
    /// `None` for memory.
    file: Option<OpenFile>,
    /// How further connections are opened; `None` when there are none any more: of a copy, and after
    /// closing. What tells the key is the host's, and is let go then.
    cipher: Mutex<Option<Cipher>>,
    /// Whether the log holds what was erased, and was to be emptied.
    owes_log: AtomicBool,
}

struct OpenFile {
    path: PathBuf,
    /// How readers are opened.
    access: Access,
    read_only: bool,
    /// Only where we write.
    fence: Option<Fence>,
    held: Mutex<Option<Held>>,
}

/// What keeps others away; let go in this order.
struct Held {
    guard: Guard,
    lock: Option<SidecarLock>,
}

impl Store {
    /// Opens the target, creating it where there is none. The rows of an older version's journal get
    /// their salts from `salts`.
    ///
    /// # Errors
    ///
    /// `InUse`, `NotOurFile`, `TooNew`, `Corrupt`, `ReadOnly`, `Full`, `Busy`, `Io`. A file that is
    /// refused is left as it is.
    pub(crate) fn open(target: &Target, options: &FileOptions, salts: Salts<'_>) -> Result<Self> {
        match target {
            Target::Memory => {
                let mut writer = connection::open_in_memory(&options.cipher)?;
                migrate::create(&mut writer)?;
                Ok(Self::over(Some(writer), None, Some(options.cipher.clone())))
            }
            Target::File(path) => {
                let opened = open::open(path, options, salts)?;
                let held = Held { guard: opened.guard, lock: opened.lock };
                let file = OpenFile {
                    path: opened.path,
                    access: opened.access,
                    read_only: options.read_only,
                    fence: opened.fence,
                    held: Mutex::new(Some(held)),
                };
                Ok(Self::over(opened.writer, Some(file), Some(options.cipher.clone())))
            }
        }
    }

    fn over(writer: Option<Connection>, file: Option<OpenFile>, cipher: Option<Cipher>) -> Self {
        let interrupts = Interrupts::default();
        if let Some(writer) = &writer {
            interrupts.watch(writer);
        }
        Self {
            gate: Gate::new(),
            interrupts,
            writer: Mutex::new(writer),
            readers: Pool::new(READERS_MAX),
            queries: Pool::new(QUERIES_MAX),
            states: States::default(),
            #[cfg(feature = "arrow")]
            snapshots: snapshot::Snapshots::default(),
            file,
            cipher: Mutex::new(cipher),
            owes_log: AtomicBool::new(false),
        }
    }

    /// Reads. Several statements may see several states; see [`read_snapshot`](Self::read_snapshot).
    ///
    /// # Errors
    ///
    /// Those of `f`; `Closed`, `Fenced`, `Forked`, `Reentrant`.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let _pass = self.gate.enter(Hold::Connection)?;
        self.with_reader(&self.readers, |connection| f(connection))
    }

    /// Reads one state of the file, however many statements it takes. Keep it short: the log cannot
    /// be emptied meanwhile.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) fn read_snapshot<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.read_state(|connection, _| f(connection))
    }

    /// As [`read_snapshot`](Self::read_snapshot), with a mark of the state that is read: equal marks
    /// are of one state, and greater ones of later states. There is none where a commit came between.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) fn read_state<T>(
        &self,
        f: impl FnOnce(&Connection, Option<u64>) -> Result<T>,
    ) -> Result<T> {
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let before = self.states.mark();
            begin_reading(&snapshot)?;
            let mark = before.filter(|_| before == self.states.mark());
            let value = f(&snapshot, mark)?;
            snapshot.finish()?;
            Ok(value)
        })
    }

    /// Reads one state of the file for as long as it takes, while others read and write: the
    /// caller's own code may run in `f`, and call in again. The log cannot be emptied meanwhile. Of
    /// memory, which has but one connection, it is a copy.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `LimitExceeded` if there is not enough memory for the copy.
    pub(crate) fn read_still<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let Some(file) = &self.file else { return self.copy_in_memory()?.read_snapshot(f) };
        let _pass = self.gate.enter(Hold::Nothing)?;
        let reader = open::reader(&file.path, file.access, &self.cipher()?)?;
        let watched = self.interrupts.watch(&reader);
        let read = || {
            let snapshot = reader.unchecked_transaction()?;
            begin_reading(&snapshot)?;
            let value = f(&snapshot)?;
            snapshot.finish()?;
            Ok(value)
        };
        let value = read();
        self.interrupts.forget(watched);
        value
    }

    /// Writes in one transaction, which is kept if `f` answers `Ok` and otherwise, also when it
    /// panics, undone.
    ///
    /// # Errors
    ///
    /// Those of `f`; `ReadOnly`, `Full`, `Busy`, `Io`; `Fenced` when the change may be lost;
    /// `Closed`, `Forked`, `Reentrant`.
    pub(crate) fn write<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let _pass = self.gate.enter(Hold::Connection)?;
        self.with_writer(|connection| {
            // Immediate: a transaction that begins as a reader may find that it cannot become a
            // writer any more, and no waiting helps then.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = f(&transaction)?;
            self.states.change(|| transaction.commit())?;
            self.acknowledge(connection)?;
            Ok(value)
        })
    }

    /// Asks whether a call would be let in.
    ///
    /// # Errors
    ///
    /// `Closed`, `Fenced`, `Forked`, `Reentrant`.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.gate.enter(Hold::Nothing).map(drop)
    }

    /// Refuses a process that inherited the handle, before it waits for a lock whose owner it does not
    /// have.
    ///
    /// # Errors
    ///
    /// `Forked`.
    pub(crate) fn refuse_forked(&self) -> Result<()> {
        self.gate.refuse_forked()
    }

    /// Stops what runs now, from any thread: those calls end with `Interrupted`.
    pub(crate) fn interrupt(&self) {
        self.interrupts.ring();
    }

    /// A mark from which [`check_interrupted`](Self::check_interrupted) counts: for work of many
    /// calls, between which nothing runs that an interrupt could stop.
    pub(crate) fn mark(&self) -> u64 {
        self.interrupts.mark()
    }

    /// # Errors
    ///
    /// `Interrupted` when somebody called [`interrupt`](Self::interrupt) since the mark was taken.
    pub(crate) fn check_interrupted(&self, mark: u64) -> Result<()> {
        self.interrupts.check(mark)
    }

    /// Runs one statement of the user's, which can only read.
    ///
    /// # Errors
    ///
    /// `InvalidSql`, `NotAuthorized`, `TimedOut`, `Interrupted`, `LimitExceeded`; `InvalidArgument`
    /// for a wrong number of parameters; those of [`read`](Self::read).
    pub(crate) fn query<T: From<Cell>>(
        &self,
        sql: &str,
        params: &[Cell],
        limits: QueryLimits,
    ) -> Result<Rows<T>> {
        let _pass = self.gate.enter(Hold::Connection)?;
        self.with_reader(&self.queries, |connection| query::run(connection, sql, params, limits))
    }

    /// Copies the file as it is now to a new path, while others read and write. `progress` hears
    /// the pages done and in total and answers whether to go on; it may read and write meanwhile.
    ///
    /// # Errors
    ///
    /// `Interrupted` when `progress` answers `false` or somebody interrupts; `InvalidArgument` when
    /// the target exists; `Full`, `Io`. Then there is no target.
    pub(crate) fn backup_to(
        &self,
        target: &Path,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<()> {
        let mark = self.interrupts.mark();
        let mut step = |done, total| {
            self.interrupts.check(mark)?;
            if progress(done, total) { Ok(()) } else { Err(interrupt::interrupted()) }
        };
        // The caller's code runs in `step`: nobody may have to wait for it.
        let _pass = self.gate.enter(Hold::Nothing)?;
        let cipher = self.cipher()?;
        let Some(file) = &self.file else {
            let mut pages = 0;
            let draft = self.with_writer(|connection| {
                backup::draft(connection, target, &cipher, &mut |_, total| {
                    pages = total;
                    Ok(())
                })
            })?;
            step(pages, pages)?;
            return draft.publish(target);
        };
        let source = open::reader(&file.path, file.access, &cipher)?;
        let watched = self.interrupts.watch(&source);
        let draft = backup::draft(&source, target, &cipher, &mut step);
        self.interrupts.forget(watched);
        draft?.publish(target)
    }

    /// Copies one state of the file into memory.
    ///
    /// # Errors
    ///
    /// As [`read_snapshot`](Self::read_snapshot); `LimitExceeded` if there is not enough memory.
    pub(crate) fn copy_in_memory(&self) -> Result<Self> {
        // Before the key is asked for, so that closing waits for that too.
        let _pass = self.gate.enter(Hold::Connection)?;
        let mut target = connection::open_in_memory(&self.cipher()?)?;
        self.with_reader(&self.readers, |source| backup::copy(source, &mut target))?;
        Ok(Self::over(Some(target), None, None))
    }

    /// Writes the file anew without the space that is not used. Needs as much free space again as
    /// the file takes, twice.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(crate) fn compact(&self) -> Result<()> {
        let _pass = self.gate.enter(Hold::Connection)?;
        self.with_writer(|connection| {
            // Rows get other numbers by it.
            self.states.change(|| vacuum(connection))?;
            self.acknowledge(connection)?;
            if self.file.is_some() {
                truncate_log(connection)?;
            }
            Ok(())
        })
    }

    /// Moves the whole log into the file, so that nothing is left of what was erased. Answers whether
    /// that was done; if somebody reads from the log for longer than a second, it is with a later write,
    /// with closing, or with opening after a crash.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(crate) fn empty_log(&self) -> Result<bool> {
        if self.file.is_none() {
            return Ok(true);
        }
        let _pass = self.gate.enter(Hold::Connection)?;
        self.with_writer(|connection| {
            connection.busy_timeout(ERASING_TIMEOUT)?;
            let emptied = truncate_log(connection);
            connection.busy_timeout(connection::BUSY_TIMEOUT)?;
            // The change is committed: what fails now is done later.
            let is_empty = matches!(emptied, Ok(true));
            self.owes_log.store(!is_empty, Ordering::Relaxed);
            Ok(is_empty)
        })
    }

    /// Looks whether the file is sound and answers what is not: at most `findings_max` findings of
    /// each sort.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) fn integrity(&self, depth: Depth, findings_max: u32) -> Result<Vec<String>> {
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let findings = integrity::check(&snapshot, depth, findings_max)?;
            snapshot.finish()?;
            Ok(findings)
        })
    }

    /// The file in figures.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) fn stats(&self) -> Result<FileStats> {
        self.read(|connection| {
            let number = |pragma| -> Result<u64> {
                Ok(u64::try_from(connection::get(connection, pragma)?).unwrap_or(0))
            };
            let (page_size, pages) = (number("page_size")?, number("page_count")?);
            let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            let (file_bytes, wal_bytes) = match &self.file {
                None => (page_size * pages, 0),
                Some(file) => (size(&file.path), size(&lock::beside(&file.path, "-wal"))),
            };
            Ok(FileStats {
                file_bytes,
                wal_bytes,
                page_size,
                pages,
                free_pages: number("freelist_count")?,
                schema_version: connection
                    .pragma_query_value(None, "user_version", |row| row.get(0))?,
                sqlite_version: rusqlite::version(),
            })
        })
    }

    /// Lets the calls in flight finish, moves the log into the file and lets the file go, and then what
    /// tells its key. Closing what is closed does nothing.
    ///
    /// # Errors
    ///
    /// `Reentrant` from within another call; `Fenced`, `Full`, `Io` when the log could not be
    /// moved: then the file is closed all the same, and what was acknowledged is in its log.
    pub(crate) fn close(&self) -> Result<()> {
        let Some(closing) = self.gate.begin_close()? else { return Ok(()) };
        drop(self.readers.drain());
        drop(self.queries.drain());
        #[cfg(feature = "arrow")]
        self.snapshots.close();
        let writer = self.writer().take();
        let held = self.file.as_ref().and_then(|file| locked(&file.held).take());
        let cipher = locked(&self.cipher).take();
        let tidied = match (&writer, &self.file) {
            (Some(writer), Some(_)) => self.tidy(writer, closing.is_fenced),
            _ => Ok(()),
        };
        // Our own SQLite wants the guarded bytes as it closes. Where the log is not ours any more,
        // it must touch nothing, and the guard stays up to the end.
        if let (Some(held), Ok(())) = (&held, &tidied) {
            held.guard.disarm();
        }
        let closed = match writer.map(Connection::close) {
            Some(Err((_, failure))) => Err(failure.into()),
            _ => Ok(()),
        };
        if let Some(Held { guard, lock }) = held {
            drop(guard);
            drop(lock);
        }
        // Code of the host's may run as its function is let go: it finds the file closed.
        drop(closing);
        #[cfg_attr(not(feature = "sqlcipher"), allow(clippy::drop_non_drop))] // then it is nothing
        drop(cipher);
        tidied.and(closed)
    }

    /// Empties the log before it is closed.
    fn tidy(&self, writer: &Connection, is_fenced: bool) -> Result<()> {
        let intact = match &self.file {
            Some(OpenFile { fence: Some(fence), .. }) if !is_fenced => fence.check().map(drop),
            _ => Ok(()),
        };
        if is_fenced || intact.is_err() {
            open::keep_log_on_close(writer, true)?;
            return intact;
        }
        truncate_log(writer).map(drop)
    }

    /// How a connection is opened. Who asks is inside.
    fn cipher(&self) -> Result<Cipher> {
        locked(&self.cipher).clone().ok_or_else(gate::closed)
    }

    fn writer(&self) -> MutexGuard<'_, Option<Connection>> {
        locked(&self.writer)
    }

    fn with_writer<T>(&self, f: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        if self.file.as_ref().is_some_and(|file| file.read_only) {
            return Err(Error::new(ErrorKind::ReadOnly, "the file is open for reading only"));
        }
        let mut writer = self.writer();
        let writer = writer.as_mut().ok_or_else(gate::closed)?;
        // An interruption may also hit the undoing of what it interrupted before.
        if !writer.is_autocommit() {
            writer.execute_batch("ROLLBACK")?;
        }
        f(writer)
    }

    /// Lends a connection for reading; memory has but one.
    fn with_reader<T>(
        &self,
        pool: &Pool,
        f: impl FnOnce(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        let Some(file) = &self.file else { return self.with_writer(f) };
        let mut reader = pool.take(|| {
            let reader = open::reader(&file.path, file.access, &self.cipher()?)?;
            self.interrupts.watch(&reader);
            Ok(reader)
        })?;
        f(&mut reader)
    }

    /// What lies between a commit and its acknowledgement.
    fn acknowledge(&self, connection: &Connection) -> Result<()> {
        let Some(OpenFile { fence: Some(fence), .. }) = &self.file else { return Ok(()) };
        let log_bytes = fence.check().inspect_err(|_| self.gate.fence())?;
        let is_owed = self.owes_log.load(Ordering::Relaxed);
        if (is_owed || log_bytes > LOG_BYTES_MAX) && self.gate.is_alone() {
            // Not to wait: who enters meanwhile is served, and the next write tries again. Nor to
            // fail: the change is committed, in a log that is only longer than it need be.
            connection.busy_timeout(Duration::ZERO)?;
            if let Ok(true) = truncate_log(connection) {
                self.owes_log.store(false, Ordering::Relaxed);
            }
            connection.busy_timeout(connection::BUSY_TIMEOUT)?;
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.gate.is_forked() {
            // Locks and log are the parent's. To close here would release and delete them.
            std::mem::forget((self.writer().take(), self.readers.drain(), self.queries.drain()));
            #[cfg(feature = "arrow")]
            self.snapshots.forget();
            std::mem::forget(self.file.take());
            return;
        }
        // Who wants to know whether closing went well calls `close`.
        let _ = self.close();
    }
}

/// Which state of the file is which, as far as this handle changes it. Nobody else does: whoever
/// writes is alone.
#[derive(Default)]
struct States {
    /// Twice the commits, and one more while there is one.
    count: AtomicU64,
}

impl States {
    /// A mark of the state that is there; `None` during a commit.
    fn mark(&self) -> Option<u64> {
        Some(self.count.load(Ordering::SeqCst)).filter(|count| count.is_multiple_of(2))
    }

    /// Changes the state. Only one thread does at a time, which has the writing connection.
    fn change<T>(&self, commit: impl FnOnce() -> T) -> T {
        self.count.fetch_add(1, Ordering::SeqCst);
        let done = commit();
        self.count.fetch_add(1, Ordering::SeqCst);
        done
    }
}

/// Moves the whole log into the file and empties it; answers whether that was done, or somebody reads
/// from it.
fn truncate_log(connection: &Connection) -> Result<bool> {
    let is_busy = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
    Ok(!connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], is_busy)?)
}

/// SQLite's `VACUUM`, which attaches a second database and so needs the limits eased meanwhile.
fn vacuum(connection: &Connection) -> Result<()> {
    // The new file is built in a temporary one. Elsewhere temporary data is kept in memory, but a
    // whole file may not fit; only Android has no folder for it.
    let temporary = if cfg!(target_os = "android") { 2 } else { 1 };
    connection::set(connection, "temp_store", temporary)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let vacuumed = connection.execute_batch("VACUUM");
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection::set(connection, "temp_store", 2)?;
    Ok(vacuumed?)
}

/// A lock whose content no panic can leave half-changed: a transaction is undone as it unwinds.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a transaction in earnest, which otherwise its first statement does.
///
/// Until then the schema may change under SQLite while it compiles a statement that reads the index
/// of words, and it tries that but twice.
fn begin_reading(connection: &Connection) -> Result<()> {
    connection.prepare_cached("SELECT 1 FROM crm_meta")?.exists([])?;
    Ok(())
}

#[cfg(test)]
mod tests;
