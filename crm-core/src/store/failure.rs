//! What SQLite and the operating system report, as the engine's one error type.
//!
//! This is the only place where their codes are read, so that a caller meets the same kind for the
//! same cause everywhere. The invariant: a message is written here and never taken over from
//! SQLite, whose texts can quote the SQL, a value or a path. What is lost in words is kept as the
//! extended result code.

use std::io;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::{Error, ErrorKind};

impl From<rusqlite::Error> for Error {
    #[cold]
    fn from(failure: rusqlite::Error) -> Self {
        use rusqlite::Error as Failure;
        match failure {
            // What the engine itself passes is always JSON.
            Failure::SqliteFailure(code, Some(words))
                if code.code == ErrorCode::Unknown && words == "malformed JSON" =>
            {
                Self::new(ErrorKind::Corrupt, "a stored JSON text cannot be read")
                    .with_hint("the file is left as it is: copy it, then restore a backup")
            }
            Failure::SqliteFailure(code, _) => from_code(code),
            Failure::SqlInputError { error, .. } if error.code != ErrorCode::Unknown => {
                from_code(error)
            }
            // The engine asks only for what the definitions in the file name.
            Failure::SqlInputError { msg, .. } if lacks_a_name(&msg) => {
                Self::new(ErrorKind::Corrupt, "the file lacks a table or column of its own")
                    .with_hint("the file is left as it is: copy it, then restore a backup")
            }
            Failure::FromSqlConversionFailure(..)
            | Failure::IntegralValueOutOfRange(..)
            | Failure::InvalidColumnType(..)
            | Failure::Utf8Error(..) => {
                Self::new(ErrorKind::Corrupt, "a stored value does not have the type of its column")
            }
            Failure::NulError(_) | Failure::InvalidPath(_) => Self::new(
                ErrorKind::InvalidArgument,
                "the path holds a character that is not allowed",
            ),
            Failure::QueryReturnedNoRows => {
                Self::new(ErrorKind::Internal, "a row that must exist is missing")
            }
            _ => Self::new(ErrorKind::Internal, "the engine asked SQLite for something malformed"),
        }
    }
}

/// The kind and the words of an SQLite result code.
fn from_code(code: ffi::Error) -> Error {
    let (kind, words) = match (code.code, code.extended_code) {
        (_, ffi::SQLITE_READONLY_DBMOVED) => {
            (ErrorKind::Fenced, "the file was moved or replaced while it was open")
        }
        (_, ffi::SQLITE_IOERR_CORRUPTFS) => {
            (ErrorKind::Corrupt, "the file system is damaged under the file")
        }
        (_, ffi::SQLITE_IOERR_NOMEM) | (ErrorCode::OutOfMemory, _) => (
            ErrorKind::LimitExceeded,
            "there is not enough memory, or a damaged length asks for too much",
        ),
        // A lost race for the log's locks or a schema that changed under a statement: SQLite has
        // already tried again several times, and a later call succeeds.
        (
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::SchemaChanged,
            _,
        ) => (ErrorKind::Busy, "another connection holds the file's lock"),
        (ErrorCode::DiskFull, _) => {
            (ErrorKind::Full, "the disk is full, or the file has reached its size limit")
        }
        (ErrorCode::DatabaseCorrupt, _) => (ErrorKind::Corrupt, "the file is damaged"),
        (ErrorCode::NotADatabase, _) => (ErrorKind::NotOurFile, "the file is not a database"),
        (ErrorCode::ReadOnly, _) => (ErrorKind::ReadOnly, "the file can only be read"),
        (ErrorCode::OperationInterrupted | ErrorCode::OperationAborted, _) => {
            (ErrorKind::Interrupted, "the work was interrupted")
        }
        (ErrorCode::CannotOpen, _) => (ErrorKind::Io, "the file cannot be opened"),
        (ErrorCode::PermissionDenied, _) => (ErrorKind::Io, "access to the file is denied"),
        (ErrorCode::SystemIoFailure | ErrorCode::NoLargeFileSupport, _) => {
            (ErrorKind::Io, "the operating system failed to read or write the file")
        }
        (ErrorCode::TooBig, _) => (
            ErrorKind::LimitExceeded,
            "a text, a blob or a statement is larger than a file can hold",
        ),
        (ErrorCode::AuthorizationForStatementDenied, _) => {
            (ErrorKind::NotAuthorized, "the statement is not allowed")
        }
        (ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch, _) => {
            (ErrorKind::Internal, "a row breaks a constraint of the file")
        }
        _ => (ErrorKind::Internal, "SQLite refused the engine's request"),
    };
    let error = Error::new(kind, format!("{words} (sqlite {})", code.extended_code));
    match kind {
        ErrorKind::Full => error.with_hint("free some space and try again; reading goes on"),
        ErrorKind::Corrupt => {
            error.with_hint("the file is left as it is: copy it, then restore a backup")
        }
        _ => error,
    }
}

/// An error of the operating system; `doing` says what failed, without a path: "cannot read the
/// file".
#[cold]
pub(super) fn from_io(doing: &str, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        io::ErrorKind::InvalidInput => ErrorKind::InvalidArgument,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{doing}: {}", error.kind()))
}

/// An error of SQL that the user wrote. `denied` is what the authoriser refused, if it did.
///
/// SQLite's own text may quote a literal, and with it somebody's name. Only where it names a bare
/// identifier is that identifier repeated; otherwise the position has to do.
#[cold]
pub(super) fn from_user_sql(failure: rusqlite::Error, denied: Option<String>) -> Error {
    use rusqlite::Error as Failure;
    if let Some(denied) = denied {
        return Error::new(ErrorKind::NotAuthorized, format!("{denied} is not allowed here"))
            .with_hint("only SELECT over the file's own tables and views is");
    }
    let invalid = |message: String| Error::new(ErrorKind::InvalidSql, message);
    match failure {
        Failure::MultipleStatement => {
            invalid("there are several statements".into()).with_hint("send them one by one")
        }
        Failure::Empty => invalid("there is no statement".into()),
        Failure::InvalidParameterCount(given, expected) => Error::new(
            ErrorKind::InvalidArgument,
            format!("the statement takes {expected} parameters, {given} were given"),
        )
        .with_field("parameters")
        .with_hint("give one value for each ? of the statement"),
        Failure::SqlInputError { error, msg, offset, .. } if error.code == ErrorCode::Unknown => {
            let message = unknown_name(&msg).unwrap_or_else(|| "the SQL is malformed".into());
            match usize::try_from(offset) {
                Ok(offset) => invalid(format!("{message} at byte {offset}")),
                Err(_) => invalid(message),
            }
            .with_hint("texts take single quotes, names double quotes")
        }
        Failure::SqliteFailure(code, message) if code.code == ErrorCode::Unknown => {
            let named = message.as_deref().and_then(unknown_name);
            invalid(named.unwrap_or_else(|| "the statement failed while it ran".into()))
        }
        other => other.into(),
    }
}

fn lacks_a_name(message: &str) -> bool {
    ["no such table", "no such column"].iter().any(|words| message.starts_with(words))
        || message.contains("has no column named")
}

/// The part of an SQLite message that names something unknown, if the name is a bare identifier.
fn unknown_name(message: &str) -> Option<String> {
    let (what, name) = message.split_once(": ")?;
    let is_known = ["no such table", "no such column", "no such function", "ambiguous column name"]
        .contains(&what);
    let is_bare = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    (is_known && is_bare).then(|| format!("{what}: {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: i32) -> ErrorKind {
        Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("Ada".into())))
            .kind()
    }

    #[test]
    fn each_result_code_has_the_kind_that_a_caller_would_act_on() {
        let expected = [
            (ffi::SQLITE_BUSY, ErrorKind::Busy),
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Busy),
            (ffi::SQLITE_LOCKED, ErrorKind::Busy),
            (ffi::SQLITE_PROTOCOL, ErrorKind::Busy),
            (ffi::SQLITE_FULL, ErrorKind::Full),
            (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt),
            (ffi::SQLITE_CORRUPT_INDEX, ErrorKind::Corrupt),
            (ffi::SQLITE_IOERR_CORRUPTFS, ErrorKind::Corrupt),
            (ffi::SQLITE_NOTADB, ErrorKind::NotOurFile),
            (ffi::SQLITE_READONLY, ErrorKind::ReadOnly),
            (ffi::SQLITE_READONLY_DBMOVED, ErrorKind::Fenced),
            (ffi::SQLITE_INTERRUPT, ErrorKind::Interrupted),
            (ffi::SQLITE_IOERR_WRITE, ErrorKind::Io),
            (ffi::SQLITE_CANTOPEN, ErrorKind::Io),
            (ffi::SQLITE_PERM, ErrorKind::Io),
            (ffi::SQLITE_TOOBIG, ErrorKind::LimitExceeded),
            (ffi::SQLITE_NOMEM, ErrorKind::LimitExceeded),
            (ffi::SQLITE_AUTH, ErrorKind::NotAuthorized),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, ErrorKind::Internal),
            (ffi::SQLITE_MISUSE, ErrorKind::Internal),
        ];
        for (code, kind) in expected {
            assert_eq!(kind_of(code), kind, "sqlite {code}");
        }
    }

    #[test]
    fn stored_json_that_is_none_is_damage() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        for sql in [
            "SELECT value FROM json_each('{')",
            "SELECT '{' ->> '$.id'",
            "SELECT json_extract('{', '$.id')",
        ] {
            let failed = conn.query_row(sql, [], |_| Ok(())).unwrap_err();
            assert_eq!(Error::from(failed).kind(), ErrorKind::Corrupt, "{sql}");
        }
    }

    #[test]
    fn a_message_never_repeats_what_sqlite_said() {
        let code = ffi::Error::new(ffi::SQLITE_CONSTRAINT);
        let error = Error::from(rusqlite::Error::SqliteFailure(code, Some("Ada Lovelace".into())));
        assert!(!format!("{error} {error:?}").contains("Ada"));
    }

    #[test]
    fn only_bare_identifiers_are_repeated() {
        assert_eq!(unknown_name("no such table: deal").as_deref(), Some("no such table: deal"));
        assert_eq!(unknown_name("no such column: \"Ada\" - should this be"), None);
        assert_eq!(unknown_name("near \"'Ada'\": syntax error"), None);
    }
}
