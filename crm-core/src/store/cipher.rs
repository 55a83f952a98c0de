//! The key of an encrypted file, on every connection.
//!
//! The key is asked for whenever a connection is opened and is not kept: SQLCipher holds what it
//! needs as long as the connection lives, and the text in which it is told is wiped. The invariant:
//! where there is a key, no connection reads or writes a byte without it. Without the feature
//! `sqlcipher` no file has one.

#[cfg(feature = "sqlcipher")]
use std::{path::Path, sync::Arc};

#[cfg(feature = "sqlcipher")]
use rusqlite::types::{ToSqlOutput, ValueRef};
#[cfg(feature = "sqlcipher")]
use zeroize::Zeroizing;

use super::{Connection, connection};
#[cfg(feature = "sqlcipher")]
use crate::Key;
use crate::{Error, ErrorKind, Result};

/// What a connection to an encrypted file keeps of it in memory. A page that is not there must be
/// decrypted anew, however warm the system has kept it.
const CACHE_KIB: i64 = 64 * 1024;

/// Where the key of a file comes from, if it is encrypted.
#[derive(Clone, Default)]
pub(crate) struct Cipher {
    #[cfg(feature = "sqlcipher")]
    key: Option<Arc<dyn Fn() -> Result<Key> + Send + Sync>>,
}

impl Cipher {
    /// That of a file that is not encrypted.
    pub(crate) const NONE: Self = Self {
        #[cfg(feature = "sqlcipher")]
        key: None,
    };

    /// That of a file whose key `key` tells.
    #[cfg(feature = "sqlcipher")]
    pub(crate) fn new(key: impl Fn() -> Result<Key> + Send + Sync + 'static) -> Self {
        Self { key: Some(Arc::new(key)) }
    }

    /// That of a file with this key, or of a plain one.
    #[cfg(feature = "sqlcipher")]
    pub(crate) fn of(key: Option<&Key>) -> Self {
        key.cloned().map_or(Self::NONE, |key| Self::new(move || Ok(key.clone())))
    }

    /// Whether there is a key.
    #[cfg(feature = "sqlcipher")]
    pub(super) fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// Whether there is a key.
    #[cfg(not(feature = "sqlcipher"))]
    #[allow(clippy::unused_self)] // the same signature as where there may be one
    pub(super) fn is_keyed(&self) -> bool {
        false
    }

    /// Gives a connection the key, before it reads or writes.
    ///
    /// # Errors
    ///
    /// Those of asking for the key; `Internal` when it is not taken.
    #[cfg(feature = "sqlcipher")]
    pub(super) fn unlock(&self, connection: &Connection) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        // It would write to the standard error of the host.
        connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
        connection.execute_batch(&key().map_err(of_key)?.pragma())?;
        // A plain SQLite ignores the pragma, and would write what it should have encrypted.
        let is_taken = connection.query_row("PRAGMA cipher_status", [], |row| row.get(0));
        match is_taken {
            Ok(status) if status == "1" => Ok(()),
            Ok::<String, _>(_) | Err(rusqlite::Error::QueryReturnedNoRows) => {
                Err(Error::new(ErrorKind::Internal, "SQLite did not take the key"))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Gives a connection the key, before it reads or writes.
    #[cfg(not(feature = "sqlcipher"))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)] // the same signature as with a key
    pub(super) fn unlock(&self, _: &Connection) -> Result<()> {
        Ok(())
    }

    /// Attaches a file under a name, with the key where there is one and otherwise without.
    ///
    /// # Errors
    ///
    /// Those of asking for the key and of opening.
    #[cfg(feature = "sqlcipher")]
    pub(super) fn attach(&self, connection: &Connection, path: &Path, name: &str) -> Result<()> {
        // SQLite takes the bytes as they are, also those that are no Unicode. Where a path is no bytes
        // no connection was opened to a file that is named so.
        let path = ValueRef::Text(path.as_os_str().as_encoded_bytes());
        let key = match &self.key {
            Some(key) => key()?.literal(),
            None => Zeroizing::default(),
        };
        connection.execute(
            "ATTACH DATABASE ?1 AS ?2 KEY ?3",
            (ToSqlOutput::Borrowed(path), name, key.as_str()),
        )?;
        Ok(())
    }

    /// Reads the file's beginning, by which a wrong key shows before anything else happens.
    ///
    /// # Errors
    ///
    /// `WrongKey`; those of reading.
    pub(super) fn check(&self, connection: &Connection) -> Result<()> {
        if !self.is_keyed() {
            return Ok(());
        }
        match connection::get(connection, "schema_version") {
            Err(error) if error.kind() == ErrorKind::NotOurFile => {
                Err(Error::new(ErrorKind::WrongKey, "the key does not open the file")
                    .with_hint("give the key of this file; or it is damaged, or no CRM file"))
            }
            read => read.map(drop),
        }
    }

    /// Lets a connection keep more pages than others do, if they are costly.
    ///
    /// # Errors
    ///
    /// `Internal` when the setting is not taken.
    pub(super) fn widen_cache(&self, connection: &Connection) -> Result<()> {
        if self.is_keyed() { connection::set(connection, "cache_size", -CACHE_KIB) } else { Ok(()) }
    }
}

/// What the host says instead of telling a key is about the key.
#[cfg(feature = "sqlcipher")]
fn of_key(error: Error) -> Error {
    if error.field().is_none() { error.with_field("key") } else { error }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_keyed() { "encrypted" } else { "plain" })
    }
}
