//! The engine: one handle over one file, and the only place that reads the clock, makes ids and
//! opens transactions.
//!
//! Each room is one file here (`types`, `records`, `activities`, `associations`, `conditions`, `queries`,
//! `history`, `files`, `csv_import`, `vcard_import`, `csv_export`, `imports`, `lifecycles`,
//! `scores`, `segments`, `rules`, `consents`, `privacy`, `database` …), and every method reads the
//! same way: validate, load, decide, save, return. The invariant: what a method returned `Ok` for
//! is committed, and its rows in the journal with it.

mod activities;
mod activity_kinds;
mod ahead;
#[cfg(feature = "arrow")]
mod arrow_export;
#[cfg(feature = "arrow")]
mod arrow_import;
#[cfg(feature = "arrow")]
mod arrow_spool;
mod association_types;
mod associations;
mod audit;
mod catalog;
mod conditions;
mod consents;
mod consumers;
mod csv_export;
mod csv_import;
mod cursor;
mod database;
#[cfg(feature = "sqlcipher")]
mod encrypted;
mod export;
mod files;
mod history;
mod imports;
mod intake;
mod learned;
mod lifecycles;
mod observe;
mod pivot;
mod privacy;
mod progress;
mod proof;
mod queries;
mod reach;
mod reactions;
mod records;
mod restore;
mod rollups;
mod row_import;
mod rules;
mod scores;
mod search;
mod segments;
mod simulate;
mod system;
mod timeline;
mod timers;
mod types;
mod vcard_export;
mod vcard_import;
mod verify;
mod verify_activities;
mod verify_associations;
mod verify_consents;
mod verify_definitions;
mod verify_erasures;
mod verify_files;
mod verify_lifecycles;
mod verify_records;
mod verify_retention;
mod verify_scores;
mod verify_search;
mod verify_segments;
mod view;
mod views;
mod writing;

pub use activities::Activities;
pub use activity_kinds::ActivityKinds;
#[cfg(feature = "arrow")]
pub use arrow_export::TableStream;
pub use association_types::AssociationTypes;
pub use associations::Associations;
pub use consents::Consents;
pub use files::Files;
pub use history::Journal;
pub use imports::Imports;
pub use learned::LearnedScores;
pub use lifecycles::Lifecycles;
pub use observe::Observer;
pub use privacy::Privacy;
pub use records::Records;
pub use rules::Rules;
pub use scores::Scores;
pub use segments::Segments;
pub use timers::Timers;
pub use types::Types;
pub use views::Views;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use crate::{
    Clock, CountedIds, Error, ErrorKind, IdGenerator, OpenOptions, Preset, Replay, Result,
    Timestamp,
    journal::Hlc,
    limits,
    record::concerns_one_row,
    store::{self, Cipher, Connection, FileOptions, Store, Target},
};
use catalog::Catalog;
use observe::Observers;
use system::{HandleClock, SteppingClock, SystemClock, SystemIds};
use view::View;
use writing::{Head, Writing};

/// The engine over one file. Cheap to clone; clones share the file, and every method may be called
/// from several threads.
///
/// The file stays open until the last clone is dropped or [`Crm::close`] is called.
///
/// ```
/// use crm_core::{Crm, values};
///
/// let crm = Crm::in_memory()?;
/// let ann = crm.contacts().create(values! { "given_name" => "Ann", "email" => "ann@example.org" })?;
/// let same = crm.contacts().get_by("email", "ann@EXAMPLE.org")?;
/// assert_eq!(same.id, ann.id);
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Crm {
    shared: Arc<Shared>,
    actor: Arc<str>,
    cause: Option<Arc<str>>,
}

struct Shared {
    store: Store,
    catalog: RwLock<Arc<Catalog>>,
    head: Mutex<Head>,
    observers: Observers,
    ahead: ahead::Ahead,
    clock: HandleClock,
    ids: Arc<dyn IdGenerator>,
}

impl Shared {
    /// What handles share over an open file, and whether it is new.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it has lost what every file has.
    fn over(
        store: Store,
        sources: impl FnOnce(&Head) -> (HandleClock, Arc<dyn IdGenerator>),
    ) -> Result<(Self, bool)> {
        // A crash between the first two transactions leaves a file without a device: still new.
        let (catalog, head) = store.read(|conn| Ok((Catalog::load(conn)?, Head::load(conn)?)))?;
        if head.is_some() && catalog.iter().len() == 0 {
            // Types are archived and never dropped.
            return Err(Error::new(ErrorKind::Corrupt, "the file has lost its entity types"));
        }
        let (clock, ids) = sources(&head.unwrap_or_default());
        let shared = Self {
            store,
            catalog: RwLock::new(Arc::new(catalog)),
            head: Mutex::new(head.unwrap_or_default()),
            observers: Observers::default(),
            ahead: ahead::Ahead::default(),
            clock,
            ids,
        };
        Ok((shared, head.is_none()))
    }
}

impl Crm {
    /// Opens the file at `path`, and makes it if it is not there. `":memory:"` is a file in memory
    /// that nobody else sees.
    ///
    /// A new file has the entity types of the presets `company`, `contact` and `deal`.
    ///
    /// # Errors
    ///
    /// `NotOurFile`, `TooNew` or `Corrupt` if the file is not one that this engine can read (it is
    /// left as it is), `InUse` if another engine has it open, `ReadOnly` if it may not be written,
    /// `Io` if the system refuses, `InvalidArgument` if the path is too long or ends as that of a folder
    /// does, `NotOurFile` too if a folder or a link is there. All of them name the field `path` and
    /// say what to do.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens a file in memory.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if there is not enough memory.
    pub fn in_memory() -> Result<Self> {
        Self::open(":memory:")
    }

    /// Opens the file at `path` as `options` say.
    ///
    /// # Errors
    ///
    /// As [`Crm::open`], and `InvalidArgument` if an option makes no sense.
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        Self::open_ciphered(path.as_ref(), &options, Cipher::NONE)
    }

    fn open_ciphered(path: &Path, options: &OpenOptions, cipher: Cipher) -> Result<Self> {
        let replay = options.replay.clone();
        if let Some(Replay { start, step_micros }) = replay {
            check_moment("replay.start", start)?;
            // A clock that went back would be refused by whatever goes by it.
            let step = u64::try_from(step_micros).unwrap_or(u64::MAX);
            check_range("replay.step_micros", step, 0, limits::REPLAY_STEP)?;
        }
        let salts: Arc<dyn IdGenerator> = match replay {
            None => Arc::new(SystemIds::after(Timestamp::clamped(0))),
            Some(_) => Arc::new(CountedIds::default()),
        };
        Self::open_parts(path, options, cipher, &*salts, |head| match replay {
            None => {
                let ids = SystemIds::after(head.hlc.at());
                (HandleClock::Read(Arc::new(SystemClock)), Arc::new(ids))
            }
            // A file that is opened again goes on after the millisecond in which it was: ids made by
            // calls that failed are not in the journal, so counting alone could give one anew.
            Some(replay) => {
                let after = Timestamp::clamped(head.hlc.at().micros() + 1000);
                let start = replay.start.max(after);
                let ids = CountedIds::after(head.seq.unsigned_abs());
                let clock = SteppingClock::new(start, replay.step_micros);
                (HandleClock::Replay(Arc::new(clock)), Arc::new(ids))
            }
        })
    }

    /// Opens the file at `path` with a clock and ids of the caller's, so that a test or a simulation
    /// repeats to the byte.
    ///
    /// # Errors
    ///
    /// As [`Crm::open_with`].
    pub fn open_injected(
        path: impl AsRef<Path>,
        options: OpenOptions,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Result<Self> {
        let salts = Arc::clone(&ids);
        Self::open_parts(path.as_ref(), &options, Cipher::NONE, &*salts, |_| {
            (HandleClock::Read(clock), ids)
        })
    }

    /// `salts` gives those of what an older version wrote.
    fn open_parts(
        path: &Path,
        options: &OpenOptions,
        cipher: Cipher,
        salts: &dyn IdGenerator,
        sources: impl FnOnce(&Head) -> (HandleClock, Arc<dyn IdGenerator>),
    ) -> Result<Self> {
        let actor = check_text("actor", options.actor.as_deref().unwrap_or("host"))?;
        let target = match path {
            path if path == Path::new(":memory:") => Target::Memory,
            path => Target::File(path.to_path_buf()),
        };
        let file_options = FileOptions {
            durability: options.durability,
            read_only: options.read_only,
            max_bytes: options.max_bytes,
            cipher,
        };
        let open = || {
            let store = Store::open(&target, &file_options, &|| salts.next_salt())?;
            let (shared, is_new) = Shared::over(store, sources)?;
            let crm = Self { shared: Arc::new(shared), actor, cause: None };
            if is_new {
                crm.initialise()?;
            }
            Ok(crm)
        };
        open().map_err(|error| match target {
            Target::Memory => error,
            Target::File(_) => store::refused(error),
        })
    }

    /// A handle of the same kind over another file that is open.
    fn over(
        &self,
        store: Store,
        sources: impl FnOnce(&Head) -> (HandleClock, Arc<dyn IdGenerator>),
    ) -> Result<Self> {
        let (shared, _) = Shared::over(store, sources)?;
        let (actor, cause) = (Arc::clone(&self.actor), self.cause.clone());
        Ok(Self { shared: Arc::new(shared), actor, cause })
    }

    /// The same file, written to in the name of `actor` and for the reason `cause`: who and why, as
    /// the journal keeps them.
    ///
    /// An actor is a stable key such as `user:17` or `import:web`, better than a name, because it is
    /// kept for as long as the history is.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if one is empty or has control characters; `LimitExceeded` if one has more
    /// than 255 bytes.
    pub fn acting_as(&self, actor: &str, cause: Option<&str>) -> Result<Self> {
        Ok(Self {
            shared: Arc::clone(&self.shared),
            actor: check_text("actor", actor)?,
            cause: cause.map(|cause| check_text("cause", cause)).transpose()?,
        })
    }

    /// Who writes through this handle.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Entity types and attributes.
    #[must_use]
    pub fn types(&self) -> Types<'_> {
        Types::new(self)
    }

    /// Records of an entity type.
    #[must_use]
    pub fn records<'a>(&'a self, entity_type: &'a str) -> Records<'a> {
        Records::new(self, entity_type)
    }

    /// Records of the type `contact`.
    #[must_use]
    pub fn contacts(&self) -> Records<'_> {
        self.records("contact")
    }

    /// Records of the type `company`.
    #[must_use]
    pub fn companies(&self) -> Records<'_> {
        self.records("company")
    }

    /// Records of the type `deal`.
    #[must_use]
    pub fn deals(&self) -> Records<'_> {
        self.records("deal")
    }

    /// Activities.
    #[must_use]
    pub fn activities(&self) -> Activities<'_> {
        Activities::new(self)
    }

    /// Kinds of activities.
    #[must_use]
    pub fn activity_kinds(&self) -> ActivityKinds<'_> {
        ActivityKinds::new(self)
    }

    /// What falls due by time alone.
    #[must_use]
    pub fn timers(&self) -> Timers<'_> {
        Timers::new(self)
    }

    /// Saved views.
    #[must_use]
    pub fn views(&self) -> Views<'_> {
        Views::new(self)
    }

    /// Types of associations.
    #[must_use]
    pub fn association_types(&self) -> AssociationTypes<'_> {
        AssociationTypes::new(self)
    }

    /// Associations between records.
    #[must_use]
    pub fn associations(&self) -> Associations<'_> {
        Associations::new(self)
    }

    /// The journal of changes.
    #[must_use]
    pub fn journal(&self) -> Journal<'_> {
        Journal::new(self)
    }

    /// Lifecycles: their stages, and where records stand.
    #[must_use]
    pub fn lifecycles(&self) -> Lifecycles<'_> {
        Lifecycles::new(self)
    }

    /// Rules: what is done when something happens.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        Rules::new(self)
    }

    /// What the file knows about people, and what they may ask of it.
    #[must_use]
    pub fn privacy(&self) -> Privacy<'_> {
        Privacy::new(self)
    }

    /// Scores: models, and what records score.
    #[must_use]
    pub fn scores(&self) -> Scores<'_> {
        Scores::new(self)
    }

    /// Consent: the ledger of what people allowed, and whether we may contact them.
    #[must_use]
    pub fn consents(&self) -> Consents<'_> {
        Consents::new(self)
    }

    /// Segments: named conditions, and their members.
    #[must_use]
    pub fn segments(&self) -> Segments<'_> {
        Segments::new(self)
    }

    /// Scores that are learned from records.
    #[must_use]
    pub fn learned_scores(&self) -> LearnedScores<'_> {
        LearnedScores::new(self)
    }

    /// Imports that are planned, applied, and can be taken back.
    #[must_use]
    pub fn imports(&self) -> Imports<'_> {
        Imports::new(self)
    }

    /// Stored bytes.
    #[must_use]
    pub fn files(&self) -> Files<'_> {
        Files::new(self)
    }

    /// Cancels what runs on this file in other threads: their calls return `Interrupted`, and a
    /// write among them leaves no trace. Does nothing if nothing runs.
    pub fn interrupt(&self) {
        self.shared.store.interrupt();
    }

    /// Closes the file for every clone of the handle. It waits for calls that run in other threads;
    /// later calls return `Closed`. Closing twice does nothing.
    ///
    /// # Errors
    ///
    /// `Io` if the last write-back fails; the file is closed all the same, and nothing that was
    /// acknowledged is lost.
    pub fn close(&self) -> Result<()> {
        self.shared.ahead.clear();
        self.shared.store.close()
    }

    /// Asks whether the file is still open, as every other call does first.
    ///
    /// # Errors
    ///
    /// `Closed`; `Fenced`, `Forked` or `Reentrant` as every call.
    pub fn check_open(&self) -> Result<()> {
        self.shared.store.check_open()
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.shared.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads one state of the file with a schema that knows all of it.
    ///
    /// The catalog is replaced just after the commit of a change, so a reader in between may meet
    /// rows that its catalog does not explain; then the schema is read from the same state.
    fn read_explained<T>(&self, f: impl Fn(&Connection, &Catalog) -> Result<T>) -> Result<T> {
        let catalog = self.catalog();
        self.shared.store.read_snapshot(|conn| explained(conn, &catalog, f))
    }

    /// The first transaction of a new file: its device, and the presets it begins with.
    fn initialise(&self) -> Result<()> {
        let device = self.shared.ids.next_id(self.now());
        self.acting_as("engine", None)?.write(|writing| {
            writing.add_device(device)?;
            Preset::INITIAL
                .iter()
                .try_for_each(|preset| types::define(writing, preset.definition()).map(drop))
        })
    }

    fn head(&self) -> MutexGuard<'_, Head> {
        self.shared.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `body`, which writes many rows, each by [`Writing::row`], in one transaction. If then one row
    /// stands in the way of all, it is run once more and each row is tried by itself, with what follows
    /// from it, so that its outcome says so.
    fn write_rows<T>(&self, mut body: impl FnMut(&mut Writing<'_>) -> Result<T>) -> Result<T> {
        match self.write(&mut body) {
            Err(error) if concerns_one_row(error.kind()) => self.write(|writing| {
                writing.by_row();
                body(writing)
            }),
            written => written,
        }
    }

    /// Runs `body` in one transaction. After the commit, and outside every lock, observers are told.
    fn write<T>(&self, body: impl FnOnce(&mut Writing<'_>) -> Result<T>) -> Result<T> {
        self.shared.observers.check_not_inside()?;
        self.shared.store.refuse_forked()?;
        // Held until the end of the journal is known again: the next writer counts on from there.
        let mut head = self.head();
        let (value, end) = self.shared.store.write(|tx| {
            let mut writing = Writing::begin(self, tx, *head)?;
            let value = body(&mut writing)?;
            writing.settle()?;
            Ok((value, writing.finish()?))
        })?;
        *head = end.head;
        if let Some(catalog) = end.catalog {
            *self.shared.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
        }
        drop(head);
        if let Some(commit) = end.commit {
            self.shared.observers.notify(commit);
        }
        Ok(value)
    }
}

impl fmt::Debug for Crm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crm").finish_non_exhaustive()
    }
}

/// Does `f` with a schema that knows all of this state of the file.
fn explained<T>(
    conn: &Connection,
    catalog: &Catalog,
    f: impl Fn(&Connection, &Catalog) -> Result<T>,
) -> Result<T> {
    match f(conn, catalog) {
        Err(error) if matches!(error.kind(), ErrorKind::UnknownType | ErrorKind::Corrupt) => {
            f(conn, &Catalog::load(conn)?)
        }
        done => done,
    }
}

/// Checks the name of an actor or a consumer, or a cause.
fn check_text(field: &str, name: &str) -> Result<Arc<str>> {
    if name.is_empty() || name.chars().any(char::is_control) {
        let message = "must be text without control characters";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field));
    }
    if name.len() > limits::ACTOR_BYTES {
        let message = format!("at most {} bytes", limits::ACTOR_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field));
    }
    Ok(name.into())
}

/// Checks a number of a request.
fn check_range(field: &str, number: u64, least: u64, most: u64) -> Result<()> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    let message = format!("must be {least} to {most}");
    Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field))
}

/// Checks a moment at which changes are to be made.
fn check_moment(field: &str, moment: Timestamp) -> Result<()> {
    let latest = Hlc::latest();
    if moment <= latest {
        return Ok(());
    }
    let message = format!("must not be after {latest}");
    Err(Error::new(ErrorKind::OutOfRange, message).with_field(field))
}

/// Checks the size of a page.
fn check_limit(limit: u32) -> Result<()> {
    check_range("limit", limit.into(), 1, limits::PAGE.into())
}
