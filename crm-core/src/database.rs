//! The file as a whole: what is asked of it, and what it answers.

use serde::{Deserialize, Serialize};

use crate::{Bytes, ErasureBlocker, FileRef, Timestamp, Value, shape::debug};

/// What "committed" promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Durability {
    /// A write that returned survives a power cut.
    #[default]
    Full,
    /// A write that returned survives the end of the process; a power cut may undo the last ones,
    /// in order, and never damages the file. Much faster for single writes.
    Relaxed,
}

/// Replaces the system's clock and random ids by counted ones, so that a run repeats to the byte.
/// For tests, demonstrations and simulations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replay {
    /// The first reading of the clock, before October 6429. `database.set_clock` sets it later.
    pub start: Timestamp,
    /// How far the clock moves with each reading, in microseconds: 0 to a day (86,400,000,000).
    pub step_micros: i64,
}

/// How a file is opened.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenOptions {
    /// What "committed" promises.
    pub durability: Durability,
    /// Whether to refuse every write, and leave not a byte beside the file changed.
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub read_only: bool,
    /// The size in bytes that the file may not outgrow; a write that would is refused with `Full`.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub max_bytes: Option<u64>,
    /// Who writes through this handle: 1 to 255 bytes, `host` if it is left out.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub actor: Option<String>,
    /// A clock and ids that repeat.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub replay: Option<Replay>,
}

debug! { OpenOptions shows(durability, read_only, max_bytes, replay) hides(actor) }

/// How far a long operation is. What is counted depends on it: bytes of an import, records of an
/// export or verification, pages of a backup or of a file that gets another key, and after them persons
/// where a backup is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// How much there is to do, as far as it is known.
    pub total: Option<u64>,
}

/// Whether a long operation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It ends as soon as it can; the operation says what is kept.
    Cancel,
}

/// A request without fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Empty {}

/// Which engine this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EngineInfo {
    /// The version of the engine, such as `0.1.0`.
    pub version: String,
    /// The version of SQLite inside.
    pub sqlite_version: String,
    /// The version of the storage format that it writes.
    pub schema_version: i32,
}

/// Copies the file: the request of `database.backup`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BackupTo {
    /// Where the copy goes. It must not exist.
    pub path: String,
}

debug! { BackupTo shows() hides(path) }

/// Takes a backup into use again: the request of `database.restore`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RestoreTo {
    /// The backup: a copy of this file, also by an older engine. It stays as it is.
    pub from: String,
    /// Where the new file goes. It must not exist.
    pub to: String,
}

debug! { RestoreTo shows() hides(from, to) }

/// What became of a backup: the answer of `database.restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Restored {
    /// The version of the storage format that the backup has. The new file has the present one.
    pub schema_version: i32,
    /// Persons whom this file knows to be erased: the next three together.
    pub listed: u64,
    /// Those who were still in the backup, and are not in the new file.
    pub erased: u64,
    /// Those whom the backup does not know, nor perhaps their type; the new file remembers that they must
    /// not come back, and [`Privacy::erasures`](crate::Privacy::erasures) of it names them.
    pub absent: u64,
    /// Those who had been erased before the backup was made.
    pub known: u64,
    /// Keyed hashes of contact points that mean nothing in the new file, because the backup has
    /// another key than this file: it was copied by other means before either had one.
    pub foreign_hashes: u64,
    /// The required references of others that would have spoken against erasing, and lead to nobody in the
    /// new file: at most 1,000. Give them another value there.
    #[serde(default)]
    pub blockers: Vec<ErasureBlocker>,
}

/// Runs a read-only SQL statement: the request of `database.sql`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunSql {
    /// One SELECT, or WITH … SELECT, in SQLite's dialect.
    pub sql: String,
    /// The values of `?1`, `?2` and so on: null, truth values, numbers and texts.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub parameters: Vec<Value>,
    /// How many rows at most, 1 to 100,000.
    #[serde(default = "default_rows")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 1000))]
    pub limit: u32,
    /// After how many milliseconds to give up with `TimedOut`, 1 to 600,000.
    #[serde(default = "default_timeout")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 5000))]
    pub timeout_ms: u32,
}

debug! { RunSql shows(parameters, limit, timeout_ms) hides(sql) }

fn default_rows() -> u32 {
    1000
}

fn default_timeout() -> u32 {
    5000
}

impl RunSql {
    /// This statement without parameters, with the default limits: 1,000 rows and five seconds.
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            parameters: Vec::new(),
            limit: default_rows(),
            timeout_ms: default_timeout(),
        }
    }
}

/// A row of an SQL result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SqlRow(pub Vec<Value>);

#[cfg(feature = "uniffi")]
uniffi::custom_type!(SqlRow, Vec<Value>, { lower: |row| row.0, try_lift: |row| Ok(SqlRow(row)) });

/// What an SQL statement returned.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SqlResult {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows: null, whole numbers, numbers and texts. Bytes come as hexadecimal text, and 16
    /// bytes, which is what an id has, in the form of a UUID.
    pub rows: Vec<SqlRow>,
    /// Whether there were more rows than the limit.
    pub is_truncated: bool,
}

debug! { SqlResult shows(rows, is_truncated) hides(columns) }

/// How many records a type has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TypeCount {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Its records, archived ones included.
    pub records: u64,
}

/// Sets the clock of a replay: the request of `database.set_clock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetClock {
    /// The next reading of the clock: not before the one that it would give anyway, and before October 6429.
    pub to: Timestamp,
}

/// Where the clock of a replay stands: the answer of `database.set_clock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClockReading {
    /// What the next reading gives, unless another thread reads or sets the clock first.
    pub now: Timestamp,
}

/// Sizes and counts of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DatabaseStats {
    /// Bytes of the main file.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log beside it.
    pub wal_bytes: u64,
    /// Bytes that `database.compact` would give back.
    pub free_bytes: u64,
    /// Rows of the journal.
    pub changes: u64,
    /// Stored files.
    pub files: u64,
    /// Records by type.
    pub types: Vec<TypeCount>,
}

/// What `database.verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerifyReport {
    /// Whether nothing was found.
    pub is_ok: bool,
    /// Records compared with the journal.
    pub records: u64,
    /// Activities compared with the journal.
    pub activities: u64,
    /// Associations compared with the journal.
    pub associations: u64,
    /// What was found, at most 100 lines, without personal data.
    pub problems: Vec<String>,
}

/// Stores bytes: the request of `files.add`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddFile {
    /// The name, such as `contract.pdf`: without a path, at most 255 bytes.
    pub name: String,
    /// The media type, such as `application/pdf`.
    pub media_type: String,
    /// The bytes, at most 64 MiB. The same bytes are stored once.
    pub content: Bytes,
}

debug! { AddFile shows(content) hides(name, media_type) }

impl AddFile {
    /// These bytes under this name.
    pub fn new(
        name: impl Into<String>,
        media_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        Self { name: name.into(), media_type: media_type.into(), content: Bytes(content.into()) }
    }

    /// The reference to the stored bytes, for an attribute of kind `file`.
    pub(crate) fn reference(&self, hash: String) -> FileRef {
        FileRef {
            hash,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            size: self.content.0.len() as u64,
        }
    }
}

/// Reads a piece of stored bytes: the request of `files.read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadFile {
    /// The hash, as `files.add` returned it.
    pub hash: String,
    /// Where to begin, in bytes.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub offset: u64,
    /// How many bytes at most, 1 to 4 MiB.
    #[serde(default = "default_piece")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 1048576))]
    pub length: u32,
}

fn default_piece() -> u32 {
    1_048_576
}

/// A piece of stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilePiece {
    /// The bytes; empty at and after the end.
    pub content: Bytes,
    /// The number of all bytes.
    pub size: u64,
}
