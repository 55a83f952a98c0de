//! A backup, made a new file that nobody sees before it is published.
//!
//! The backup is only read. Its copy is brought to the present schema under its temporary name,
//! alone in its folder: with neither a lock, which nobody would ask for, nor a log, which a crash
//! would leave.

use std::path::Path;

use rusqlite::Connection;

use super::chain::Salts;
use super::cipher::Cipher;
use super::connection::{self, Access};
use super::draft::Draft;
use super::gate::Hold;
use super::{Store, backup, interrupt, migrate, open};
use crate::{Error, ErrorKind, Result};

/// A copy of a backup that is not published yet, open. The order of the fields is the order in
/// which they may be dropped.
pub(crate) struct Restoring {
    pub(crate) store: Store,
    pub(crate) draft: Draft,
    /// The schema version of the backup.
    pub(crate) version: i32,
}

impl Store {
    /// Copies the backup at `from` to a draft of a file at `to`, brings it to the present schema
    /// and opens it. `judge` looks at the backup before; `progress` hears the pages done and in
    /// total, and answers whether to go on.
    ///
    /// # Errors
    ///
    /// Those of `judge`. Of the backup, with the field `from`: `NotOurFile`, `TooNew`, `Corrupt`,
    /// `WrongKey`, `InUse`, `ReadOnly`, `Io`. Of the new file: `InvalidArgument` with the field
    /// `to` when something is there, `Full`, `Io`. `Interrupted` when `progress` answers `false` or
    /// somebody interrupts. Then there is no file at `to`.
    pub(crate) fn restore(
        &self,
        (from, to): (&Path, &Path),
        salts: Salts<'_>,
        judge: impl FnOnce(&Connection) -> Result<()>,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Restoring> {
        let mark = self.interrupts.mark();
        let mut step = |done, total| {
            self.interrupts.check(mark)?;
            if progress(done, total) { Ok(()) } else { Err(interrupt::interrupted()) }
        };
        // The caller's code runs in `step`: nobody may have to wait for it.
        let _pass = self.gate.enter(Hold::Nothing)?;
        let cipher = self.cipher()?;
        // Before the connection, so that on every way out it is let go after it.
        let (opened, version) = open::resolve(from)
            .and_then(|path| open::untouched(path, &cipher))
            .map_err(|error| about(error, "from"))
            .map_err(|error| self.explain(error, from))?;
        let source = open::reader(&opened.path, opened.access, &cipher)
            .map_err(|error| about(error, "from"))?;
        judge(&source).map_err(|error| about(error, "from"))?;
        let watched = self.interrupts.watch(&source);
        let draft = backup::draft(&source, to, &cipher, &mut step);
        self.interrupts.forget(watched);
        let draft = draft.map_err(|error| match (error.field(), error.kind()) {
            (Some("path"), _) => error.with_field("to"),
            (_, ErrorKind::Corrupt) => about(error, "from"),
            _ => error,
        })?;
        let mut writer = alone(draft.path(), &cipher)?;
        let watched = self.interrupts.watch(&writer);
        let migrated = migrate::migrate_copy(&mut writer, version, salts);
        self.interrupts.forget(watched);
        migrated.map_err(|error| match error.kind() {
            ErrorKind::Corrupt => about(error, "from").with_hint("restore an earlier backup"),
            _ => error,
        })?;
        Ok(Restoring { store: Self::over(Some(writer), None, None), draft, version })
    }

    /// Says what to do about a backup that cannot be opened.
    fn explain(&self, error: Error, from: &Path) -> Error {
        let is_itself = || {
            let own = self.file.as_ref().map(|file| &file.path);
            open::resolve(from).is_ok_and(|from| own == Some(&from))
        };
        match error.kind() {
            ErrorKind::InUse if is_itself() => {
                Error::new(ErrorKind::InUse, "it is the file that is open here")
                    .with_field("from")
                    .with_hint("restore a backup of it")
            }
            ErrorKind::Io => error.with_hint("give the path of a backup that is there"),
            _ => error,
        }
    }
}

/// Says which file an error is about, unless it says so itself.
fn about(error: Error, field: &str) -> Error {
    if error.field().is_none_or(|named| named == "path") { error.with_field(field) } else { error }
}

/// The one connection to a draft.
fn alone(path: &Path, cipher: &Cipher) -> Result<Connection> {
    let writer = connection::open(path, Access::ReadWrite, cipher)?;
    writer.pragma_update(None, "locking_mode", "exclusive")?;
    // Nobody sees the file before it is whole and synced as a whole.
    let mode: String =
        writer.pragma_update_and_check(None, "journal_mode", "memory", |row| row.get(0))?;
    if mode != "memory" {
        return Err(Error::new(ErrorKind::Internal, "SQLite did not take the journal mode"));
    }
    connection::set(&writer, "synchronous", 0)?;
    connection::configure(&writer, true)?;
    connection::enlarge_cache(&writer)?;
    cipher.widen_cache(&writer)?;
    Ok(writer)
}
