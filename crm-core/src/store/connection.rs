//! How every connection is set up, and that it really is.
//!
//! SQLite ignores a pragma that it does not know or cannot take, so that each one is read back. The
//! invariant: a connection that leaves this module is defensive (no writable schema, no attached
//! files, no loaded code, no text in double quotes) and bounded in what it accepts.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use super::cipher::Cipher;
use super::functions;
use crate::{Error, ErrorKind, Result, limits};

/// The first SQLite without the race that could corrupt a log when it was reset.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a statement waits for somebody else's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that a connection keeps compiled: some per entity type, and the engine's own.
const STATEMENTS_KEPT: usize = 256;
/// How much of the file the writing connection keeps in memory, in KiB. With SQLite's 2 MiB an activity
/// that fifty segments look at read most of its pages again from the file.
const WRITER_CACHE: i64 = 8 * 1024;
const JOURNAL_SIZE_LIMIT: i64 = 4 * 1024 * 1024;
const AUTOCHECKPOINT_PAGES: i64 = 1_000;

/// The longest row, text or blob, in bytes.
pub(super) const LENGTH_MAX: i32 = 16 * 1024 * 1024;

const LIMITS: [(Limit, i32); 8] = [
    (Limit::SQLITE_LIMIT_LENGTH, LENGTH_MAX),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024),
    // An entity type has up to five columns per attribute, and five of its own.
    (Limit::SQLITE_LIMIT_COLUMN, 5 * limits::ATTRIBUTES_PER_TYPE as i32 + 5),
    // Of a query within a query SQLite adds up the depths, and conditions nest them.
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 32_000),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 128),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 8),
];

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
    /// Of a file that nobody changes meanwhile: no locks, no log, nothing left behind.
    Immutable,
}

/// Opens an existing file, with its key where it has one.
///
/// # Errors
///
/// `Io` when it cannot be opened, `Internal` when a setting is not taken; those of asking for the key.
pub(super) fn open(path: &Path, access: Access, cipher: &Cipher) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = match access {
        Access::ReadWrite => {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?
        }
        Access::ReadOnly => {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?
        }
        Access::Immutable => Connection::open_with_flags(
            immutable_uri(path),
            flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        )?,
    };
    restrain(&connection)?;
    cipher.unlock(&connection)?;
    Ok(connection)
}

/// Opens a database that lives in memory. A key protects nothing there, but SQLCipher copies between
/// two databases only where both have one.
///
/// # Errors
///
/// `Internal` when a setting is not taken; those of asking for the key.
pub(super) fn open_in_memory(cipher: &Cipher) -> Result<Connection> {
    let connection = Connection::open_in_memory_with_flags(
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    restrain(&connection)?;
    cipher.unlock(&connection)?;
    configure(&connection, false)?;
    Ok(connection)
}

/// What must hold before the first statement runs, even on a file that turns out not to be ours.
fn restrain(connection: &Connection) -> Result<()> {
    let version = rusqlite::version_number();
    if version < SQLITE_VERSION_MIN {
        return Err(Error::new(
            ErrorKind::Internal,
            format!("SQLite {version} is older than {SQLITE_VERSION_MIN} and can damage files"),
        ));
    }
    connection.busy_timeout(BUSY_TIMEOUT)?;
    for (config, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        // One plan for every value that is bound. Otherwise SQLite compiles a statement anew when
        // another value comes, which for a page of records took a tenth of the time.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        if connection.set_db_config(config, value)? != value {
            return Err(not_taken(&format!("{config:?}")));
        }
    }
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
        if connection.limit(limit)? != value {
            return Err(not_taken(&format!("{limit:?}")));
        }
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    functions::add(connection)
}

/// The settings that touch the file and so wait until it is known to be ours.
///
/// # Errors
///
/// `Internal` when a setting is not taken.
pub(super) fn configure(connection: &Connection, is_file: bool) -> Result<()> {
    set(connection, "foreign_keys", 1)?;
    set(connection, "secure_delete", 1)?;
    set(connection, "cell_size_check", 1)?;
    // In memory: the folder for temporary files may not be writable on a phone.
    set(connection, "temp_store", 2)?;
    if is_file {
        set(connection, "mmap_size", 0)?;
        set(connection, "wal_autocheckpoint", AUTOCHECKPOINT_PAGES)?;
        set(connection, "journal_size_limit", JOURNAL_SIZE_LIMIT)?;
    }
    Ok(())
}

/// Gives a connection that writes the memory that it works with.
///
/// # Errors
///
/// `Internal` when the setting is not taken.
pub(super) fn enlarge_cache(connection: &Connection) -> Result<()> {
    // A number below zero counts in KiB and not in pages.
    set(connection, "cache_size", -WRITER_CACHE)
}

/// Sets a pragma and reads it back.
///
/// # Errors
///
/// `Internal` when SQLite kept another value.
pub(super) fn set(connection: &Connection, pragma: &str, value: i64) -> Result<()> {
    connection.pragma_update(None, pragma, value)?;
    if get(connection, pragma)? == value { Ok(()) } else { Err(not_taken(pragma)) }
}

/// Reads a pragma that is a number.
///
/// # Errors
///
/// Those of reading the file.
pub(super) fn get(connection: &Connection, pragma: &str) -> Result<i64> {
    let value = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
    match value {
        Value::Integer(number) => Some(number),
        // SQLCipher tells some of them as text.
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| Error::new(ErrorKind::Internal, format!("SQLite does not know {pragma}")))
}

fn not_taken(setting: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("SQLite did not take the setting {setting}"))
}

/// The path as a URI that tells SQLite to take no locks and to look for no log.
fn immutable_uri(path: &Path) -> String {
    use std::fmt::Write;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => write!(uri, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
