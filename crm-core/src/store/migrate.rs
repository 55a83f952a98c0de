//! From the schema that a file has to the present one.
//!
//! A new file is made from `schema.sql`, the whole present schema; an older one runs the migrations
//! that it lacks, all in one transaction, after a copy of it was laid beside. The invariant: a file
//! has either its old schema or the present one, whole and checked, and both ways lead to the same
//! schema. A released migration is never edited.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::lock::beside;
use super::{backup, connection, integrity};
use crate::{Error, ErrorKind, Result};

/// Marks a file as ours in its header: "CRM1".
pub(super) const APPLICATION_ID: i32 = 0x4352_4D31;

/// The version that this engine writes.
pub(crate) const SCHEMA_VERSION: i32 = 1;

const SCHEMA: &str = include_str!("sql/schema.sql");

/// One step from the schema before to `to`.
pub(super) struct Migration {
    to: i32,
    name: &'static str,
    sql: &'static str,
}

/// Every step, from nothing to the present. They are numbered from 1 without a gap.
const MIGRATIONS: &[Migration] =
    &[Migration { to: 1, name: "init", sql: include_str!("sql/migrations/0001_init.sql") }];

/// Gives an empty database the present schema.
///
/// # Errors
///
/// Those of writing.
pub(super) fn create(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    mark(&transaction, SCHEMA_VERSION)?;
    Ok(transaction.commit()?)
}

/// Brings a file of version `from` to the present schema.
///
/// # Errors
///
/// `Corrupt` when the file does not pass its checks afterwards; those of writing, also of the copy.
/// The file then is as it was.
pub(super) fn migrate(connection: &mut Connection, path: &Path, from: i32) -> Result<()> {
    run(connection, path, from, MIGRATIONS)
}

fn run(
    connection: &mut Connection,
    path: &Path,
    from: i32,
    migrations: &[Migration],
) -> Result<()> {
    let mut pending = migrations.iter().filter(|migration| migration.to > from).peekable();
    let Some(target) = migrations.last().filter(|_| pending.peek().is_some()) else {
        return Ok(());
    };
    // A copy of an earlier attempt is replaced: the file has not lost anything since then.
    backup::replace(connection, &beside(path, &format!(".before-v{}", target.to)))?;
    // Rebuilding a table drops it for a moment; the references are checked as a whole below. The
    // setting does nothing within a transaction.
    connection::set(connection, "foreign_keys", 0)?;
    let migrated = apply(connection, pending, target.to);
    connection::set(connection, "foreign_keys", 1)?;
    migrated
}

fn apply<'a>(
    connection: &mut Connection,
    pending: impl Iterator<Item = &'a Migration>,
    target: i32,
) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in pending {
        transaction.execute_batch(migration.sql).map_err(|failure| {
            let cause = Error::from(failure);
            let Migration { to, name, .. } = migration;
            Error::new(cause.kind(), format!("migration {to} ({name}): {}", cause.message()))
        })?;
    }
    let findings = integrity::check(&transaction, integrity::Depth::Quick, 1)?;
    if !findings.is_empty() {
        return Err(Error::new(ErrorKind::Corrupt, "the migrated file does not pass its checks")
            .with_hint("the file is left as it was; a copy lies beside it"));
    }
    mark(&transaction, target)?;
    Ok(transaction.commit()?)
}

fn mark(transaction: &Transaction<'_>, version: i32) -> Result<()> {
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(transaction.pragma_update(None, "user_version", version)?)
}
