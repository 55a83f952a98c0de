//! The opening of a file, in the one order that is safe.
//!
//! ```text
//! lock beside the file → header bytes → SQLite, key → whose file, again, through the log → settings →
//! EXTRA, WAL, folder synced, FULL → guard → fence → schema
//! ```
//!
//! A file that is refused at any step is byte for byte what it was. `synchronous=EXTRA` comes
//! before WAL because the switch itself runs under an old-style journal, whose removal must reach
//! the disk: else a power cut weeks later could roll the whole file back.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::cipher::Cipher;
use super::connection::{self, Access};
use super::fence::Fence;
use super::guard::Guard;
use super::header::{self, Content};
use super::lock::{self, SidecarLock, beside};
use super::{FileOptions, chain::Salts, failure, migrate};
use crate::Durability;
use crate::{Error, ErrorKind, Result};

/// The longest path that SQLite takes, in bytes and with the end that it adds to it.
#[cfg(unix)]
const SQLITE_PATH_BYTES: usize = 512;
/// What is added to the path of a file at most, for the files beside it.
const LONGEST_SUFFIX: &str = "-journal";

/// An open file. The order of the fields is the order in which they may be dropped.
pub(super) struct Opened {
    pub(super) writer: Option<Connection>,
    pub(super) fence: Option<Fence>,
    pub(super) guard: Guard,
    pub(super) lock: Option<SidecarLock>,
    pub(super) path: PathBuf,
    /// How further connections to the file are opened.
    pub(super) access: Access,
}

/// Opens a file, or creates it where there is none.
///
/// # Errors
///
/// `InUse`, `NotOurFile`, `TooNew`, `Corrupt`, `WrongKey`, `ReadOnly`, `Full`, `Busy`, `Io`;
/// `InvalidArgument` for a path that names no file, or a key of a file that is not encrypted; those
/// of asking for the key. [`refused`] names the field of those that name none.
pub(super) fn open(path: &Path, options: &FileOptions, salts: Salts<'_>) -> Result<Opened> {
    let path = resolve(path)?;
    if options.read_only {
        for_reading(path, &options.cipher)
    } else {
        for_writing(path, options, salts)
    }
}

/// What keeps a file from being opened, with the argument that it is about and what to do, unless it
/// says so itself.
pub(crate) fn refused(error: Error) -> Error {
    if error.field().is_some() {
        return error;
    }
    let field = if error.kind() == ErrorKind::WrongKey { "key" } else { "path" };
    let hint = match error.kind() {
        ErrorKind::Busy => "close it in the other program, and try again",
        ErrorKind::Io => "see that it may be read and written, and keep it on a local disk",
        ErrorKind::ReadOnly => "open it read-only, or allow writing to it and its folder",
        ErrorKind::NotOurFile => "give the path of a CRM file, or of a new one",
        _ => "see that the file is whole, or restore a backup",
    };
    let error = error.with_field(field);
    if error.hint().is_none() { error.with_hint(hint) } else { error }
}

/// A file under its writer's lock that turned out to be ours, nothing of which is changed. The order
/// of the fields is the order in which they may be dropped.
pub(super) struct Claimed {
    pub(super) writer: Connection,
    pub(super) content: Content,
    had_log: bool,
    pub(super) file: File,
    pub(super) lock: SidecarLock,
}

/// Takes a file for writing, made where there is none, up to the first change of it.
///
/// # Errors
///
/// As [`open`].
pub(super) fn claim(path: &Path, cipher: &Cipher) -> Result<Claimed> {
    // Beside what is no file no lock is laid, and what would be said of the lock is said of the path.
    kind_of(path)?;
    let lock = SidecarLock::exclusive(path)?;
    let file = writable(path)?;
    let had_log = header::has_content(&beside(path, "-wal"));
    header::probe(&file, path, cipher)?;
    try_key(path, cipher)?;
    let writer = connection::open(path, Access::ReadWrite, cipher)?;
    // Until the file is known to be ours, closing must not move its log into it.
    keep_log_on_close(&writer, true)?;
    cipher.check(&writer)?;
    let content = settle(&writer).map_err(explain_header)?;
    Ok(Claimed { writer, content, had_log, file, lock })
}

/// SQLite rolls back what a crash left before it looks whether the key is right: there, the key is
/// tried without it.
fn try_key(path: &Path, cipher: &Cipher) -> Result<()> {
    if cipher.is_keyed() && header::has_content(&beside(path, "-journal")) {
        cipher.check(&connection::open(path, Access::Immutable, cipher)?)?;
    }
    Ok(())
}

fn for_writing(path: PathBuf, options: &FileOptions, salts: Salts<'_>) -> Result<Opened> {
    let cipher = &options.cipher;
    // Declared before the connection, so that on every way out the file is closed after it.
    let guard;
    let Claimed { lock, file, had_log, content, mut writer } = claim(&path, cipher)?;
    connection::configure(&writer, true)?;
    connection::enlarge_cache(&writer)?;
    cipher.widen_cache(&writer)?;
    connection::set(&writer, "synchronous", 3)?;
    let mode: String =
        writer.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::new(ErrorKind::Io, "the file system does not carry a log")
            .with_hint("keep the file on a local disk"));
    }
    #[cfg(target_vendor = "apple")]
    connection::set(&writer, "fullfsync", 1)?;
    sync_folder(&path)?;
    let synchronous = match options.durability {
        Durability::Full => 2,
        Durability::Relaxed => 1,
    };
    connection::set(&writer, "synchronous", synchronous)?;
    limit_size(&writer, options.max_bytes)?;
    // The first read under the new mode opens the log.
    connection::get(&writer, "schema_version")?;
    guard = Guard::arm(file)?;
    let fence = Fence::around(&path)?;
    keep_log_on_close(&writer, false)?;

    match content {
        Content::Empty => migrate::create(&mut writer)?,
        Content::Ours(version) => migrate::migrate(&mut writer, &path, version, cipher, salts)?,
    }
    if had_log {
        // Whoever crashed may have just erased somebody, of whom the log still tells. That it cannot be
        // emptied, for want of space, is no reason not to open.
        let _ = super::truncate_log(&writer);
    }
    fence.check()?;
    Ok(Opened {
        writer: Some(writer),
        fence: Some(fence),
        guard,
        lock: Some(lock),
        path,
        access: Access::ReadOnly,
    })
}

fn for_reading(path: PathBuf, cipher: &Cipher) -> Result<Opened> {
    let (opened, version) = untouched(path, cipher)?;
    if version == migrate::SCHEMA_VERSION {
        return Ok(opened);
    }
    let message = format!("the file has the older schema version {version}");
    Err(Error::new(ErrorKind::ReadOnly, message)
        .with_hint("open it once for writing, so that it is brought up to date"))
}

/// Takes a file for reading, of whatever version that is known, and answers which. It stays as it
/// is.
///
/// # Errors
///
/// As [`open`].
pub(super) fn untouched(path: PathBuf, cipher: &Cipher) -> Result<(Opened, i32)> {
    existing(&path)?;
    let lock = SidecarLock::shared(&path)?;
    let file = open_file(OpenOptions::new().read(true), &path)?;
    header::probe(&file, &path, cipher)?;
    try_key(&path, cipher)?;
    // Nobody writes the file while we hold the lock (or cannot make one): without a log to read,
    // SQLite needs no locks and leaves no files behind, so that a read-only folder will do.
    let is_at_rest =
        ["-wal", "-journal"].iter().all(|suffix| !header::has_content(&beside(&path, suffix)));
    let access = if is_at_rest { Access::Immutable } else { Access::ReadOnly };
    let guard;
    let reader = connection::open(&path, access, cipher)?;
    keep_log_on_close(&reader, true)?;
    cipher.check(&reader).map_err(explain_log)?;
    let content = settle(&reader).map_err(explain_header).map_err(explain_log)?;
    let Content::Ours(version) = content else { return Err(header::not_ours()) };
    guard = Guard::arm(file)?;
    drop(reader);
    Ok((Opened { writer: None, fence: None, guard, lock, path, access }, version))
}

/// A connection for reading, for as long as the file is open.
///
/// # Errors
///
/// `Io` when it cannot be opened; `WrongKey`, and those of asking for the key.
pub(super) fn reader(path: &Path, access: Access, cipher: &Cipher) -> Result<Connection> {
    let reader = connection::open(path, access, cipher)?;
    // The writer closes last, and it alone tidies up.
    keep_log_on_close(&reader, true)?;
    cipher.check(&reader)?;
    connection::configure(&reader, true)?;
    cipher.widen_cache(&reader)?;
    connection::set(&reader, "query_only", 1)?;
    Ok(reader)
}

/// Makes closing leave the log as it is, or tidy it up.
///
/// # Errors
///
/// `Internal` when SQLite refuses.
pub(super) fn keep_log_on_close(connection: &Connection, keep: bool) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Whose file it is, now that SQLite reads the log too.
///
/// # Errors
///
/// `NotOurFile`, `TooNew`, `Corrupt`; those of reading.
pub(super) fn settle(connection: &Connection) -> Result<Content> {
    let number = |pragma| -> Result<i32> {
        Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
    };
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    header::judge(number("application_id")?, number("user_version")?, || objects == 0)
}

/// SQLite calls a schema format or an encoding that it does not know a mere error; ours has neither.
fn explain_header(error: Error) -> Error {
    if error.kind() == ErrorKind::Internal {
        return header::damaged("the file's header is damaged");
    }
    error
}

/// A log that nobody may write cannot be read either when its index is missing.
fn explain_log(error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::Io | ErrorKind::ReadOnly) {
        return Error::new(ErrorKind::ReadOnly, "the file was not closed and has a log to recover")
            .with_hint("open it once for writing, in a folder that can be written");
    }
    error
}

/// The name of the file of a path. What other programs take for a file in memory, or for a URI, would
/// become a file of that name.
///
/// # Errors
///
/// `InvalidArgument` with the field `path` when it names no file.
pub(super) fn name_of(path: &Path) -> Result<&OsStr> {
    let refused = |message, hint| {
        let error = Error::new(ErrorKind::InvalidArgument, message);
        Err(error.with_field("path").with_hint(hint))
    };
    if path == Path::new(":memory:") {
        return refused("a file on disk is needed", "give the path of a file");
    }
    if path.to_str().is_some_and(|path| path.starts_with("file:")) {
        return refused("this is a URI and no path", "give the path alone, without file:");
    }
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.contains(&0) {
        return refused("the path holds a NUL", "give the path of a file");
    }
    match path.file_name() {
        // What Rust passes over at the end of a path says that it is the path of a folder.
        Some(name) if !bytes.ends_with(name.as_encoded_bytes()) => {
            refused("the path ends as that of a folder does", "end it with the name of the file")
        }
        Some(name) => Ok(name),
        None => refused("the path does not name a file", "give the path of a file"),
    }
}

/// The path with its folder's links resolved; the file itself need not exist.
///
/// # Errors
///
/// With the field `path`: `InvalidArgument` when it names no file or is too long, `Io` when there is
/// no such folder.
pub(super) fn resolve(path: &Path) -> Result<PathBuf> {
    let name = name_of(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder
        .canonicalize()
        .map_err(|error| elsewhere("cannot find the folder of the file", &error))?;
    let path = folder.join(name);
    check_length(&path)?;
    Ok(path)
}

/// Looks that a file can have this path, and those that SQLite lays beside it theirs.
///
/// # Errors
///
/// `InvalidArgument` with the field `path`.
pub(super) fn check_length(path: &Path) -> Result<()> {
    let longest = beside(path, LONGEST_SUFFIX);
    #[cfg(unix)]
    if longest.as_os_str().len() > SQLITE_PATH_BYTES {
        return Err(too_long());
    }
    // How long a name may be depends on the file system.
    match std::fs::symlink_metadata(longest) {
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(too_long()),
        _ => Ok(()),
    }
}

pub(super) fn too_long() -> Error {
    Error::new(ErrorKind::InvalidArgument, "the path is too long")
        .with_field("path")
        .with_hint("give a shorter one: files beside it have longer names")
}

/// The error of a path that cannot be followed.
fn elsewhere(doing: &str, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidFilename {
        return too_long();
    }
    failure::from_io(doing, error)
        .with_field("path")
        .with_hint("give a path in a folder that is there")
}

/// What the system says about a file that must be there.
///
/// # Errors
///
/// With the field `path`: `Io` when there is none, `NotOurFile` when it is something else.
pub(super) fn existing(path: &Path) -> Result<Metadata> {
    kind_of(path)?.ok_or_else(|| {
        Error::new(ErrorKind::Io, "there is no such file")
            .with_field("path")
            .with_hint("a file is created when it is opened for writing")
    })
}

/// Whether there is a file, and that it is one: not a folder, a link or a pipe.
fn kind_of(path: &Path) -> Result<Option<Metadata>> {
    let refused = |error: Error| Err(error.with_field("path"));
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(metadata) if metadata.is_symlink() => refused(
            Error::new(ErrorKind::NotOurFile, "the path is a symbolic link")
                .with_hint("give the path of the file itself"),
        ),
        Ok(metadata) if metadata.is_dir() => refused(
            Error::new(ErrorKind::NotOurFile, "the path is that of a folder")
                .with_hint("give the path of a file in it"),
        ),
        Ok(_) => refused(header::not_ours()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(elsewhere("cannot find the file", &error)),
    }
}

/// The file, opened for writing, created for its owner alone where there is none.
fn writable(path: &Path) -> Result<File> {
    let read_only = || {
        Error::new(ErrorKind::ReadOnly, "the file is read-only")
            .with_hint("open it read-only, or allow writing to it")
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match kind_of(path)? {
        // Asked beforehand, for a privileged process may write what its owner meant to protect.
        Some(metadata) if metadata.permissions().readonly() => return Err(read_only()),
        Some(_) => {}
        None => {
            header::empty(header::has_content(&beside(path, "-wal")))?;
            options.create_new(true);
        }
    }
    #[cfg(unix)]
    lock::private(&mut options);
    options.open(path).map_err(|error| {
        if lock::is_denied(&error) {
            return read_only();
        }
        failure::from_io("cannot open the file", &error)
    })
}

fn open_file(options: &OpenOptions, path: &Path) -> Result<File> {
    options.open(path).map_err(|error| failure::from_io("cannot open the file", &error))
}

/// Makes the file's name durable, and not only its content.
///
/// # Errors
///
/// Those of syncing the folder.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        // A name alone lies in the working directory.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failure::from_io("cannot sync the folder of the file", &error))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Lets the file grow to `max_bytes` and no further; what it has already stays.
fn limit_size(writer: &Connection, max_bytes: Option<u64>) -> Result<()> {
    let Some(max_bytes) = max_bytes else { return Ok(()) };
    let page_size = u64::try_from(connection::get(writer, "page_size")?).unwrap_or(4096);
    // SQLite counts pages in 32 bits.
    let pages = (max_bytes / page_size).clamp(1, 0xFFFF_FFFE);
    let pages = i64::try_from(pages).expect("32 bits fit in 64");
    writer.pragma_update(None, "max_page_count", pages)?;
    if connection::get(writer, "max_page_count")? < pages {
        return Err(Error::new(ErrorKind::Internal, "SQLite did not take the size limit"));
    }
    Ok(())
}
