//! From the schema that a file has to the present one.
//!
//! A new file is made from `schema.sql`, the whole present schema; an older one runs the migrations
//! that it lacks, all in one transaction, after a copy of it was laid beside. The invariant: a file
//! has either its old schema or the present one, whole and checked, and both ways lead to the same
//! schema. A released migration is never edited.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::lock::beside;
use super::{backup, chain, chain::Salts, cipher::Cipher, connection, consents, integrity};
use crate::{Error, ErrorKind, Result};

/// Marks a file as ours in its header: "CRM1".
pub(super) const APPLICATION_ID: i32 = 0x4352_4D31;

/// The version that this engine writes.
pub(crate) const SCHEMA_VERSION: i32 = 9;

const SCHEMA: &str = include_str!("sql/schema.sql");

/// One step from the schema before to `to`.
pub(super) struct Migration {
    to: i32,
    name: &'static str,
    sql: &'static str,
    /// What SQL alone cannot do, after it.
    then: Option<fn(&Transaction<'_>, Salts<'_>) -> Result<()>>,
}

/// Every step, from nothing to the present. They are numbered from 1 without a gap.
const MIGRATIONS: &[Migration] = &[
    Migration {
        to: 1,
        name: "init",
        sql: include_str!("sql/migrations/0001_init.sql"),
        then: None,
    },
    Migration {
        to: 2,
        name: "activities and associations",
        sql: include_str!("sql/migrations/0002_activities_and_associations.sql"),
        then: None,
    },
    Migration {
        to: 3,
        name: "exchange and views",
        sql: include_str!("sql/migrations/0003_exchange_and_views.sql"),
        then: None,
    },
    Migration {
        to: 4,
        name: "search, imports beside records and lifecycles",
        sql: include_str!("sql/migrations/0004_search_and_lifecycles.sql"),
        then: None,
    },
    Migration {
        to: 5,
        name: "scores, segments and rules",
        sql: include_str!("sql/migrations/0005_scores_segments_rules.sql"),
        then: Some(chain::chain_all),
    },
    Migration {
        to: 6,
        name: "contact points of consent",
        sql: include_str!("sql/migrations/0006_consent_points.sql"),
        // What follows from the ledger is judged anew by the last step that asks for it.
        then: None,
    },
    Migration {
        to: 7,
        name: "timers by record",
        sql: include_str!("sql/migrations/0007_timers_by_record.sql"),
        then: None,
    },
    Migration {
        to: 8,
        name: "permits that are suppressed",
        sql: include_str!("sql/migrations/0008_suppressed_permits.sql"),
        then: Some(consents::follow_anew),
    },
    Migration {
        to: 9,
        name: "definitions in the journal",
        sql: include_str!("sql/migrations/0009_definitions_in_the_journal.sql"),
        then: None,
    },
];

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
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    from: i32,
    cipher: &Cipher,
    salts: Salts<'_>,
) -> Result<()> {
    run(connection, path, from, MIGRATIONS, cipher, salts)
}

/// The same for a file that is a copy itself: nothing is laid beside it.
///
/// # Errors
///
/// As [`migrate`].
pub(super) fn migrate_copy(connection: &mut Connection, from: i32, salts: Salts<'_>) -> Result<()> {
    bring(connection, from, MIGRATIONS, salts)
}

fn run(
    connection: &mut Connection,
    path: &Path,
    from: i32,
    migrations: &[Migration],
    cipher: &Cipher,
    salts: Salts<'_>,
) -> Result<()> {
    let Some(target) = target(from, migrations) else { return Ok(()) };
    // A copy of an earlier attempt is replaced: the file has not lost anything since then.
    backup::replace(connection, &beside(path, &format!(".before-v{target}")), cipher)?;
    bring(connection, from, migrations, salts)
}

/// The version to which a file of version `from` is brought; `None` if it has it.
fn target(from: i32, migrations: &[Migration]) -> Option<i32> {
    migrations.last().map(|last| last.to).filter(|target| *target > from)
}

/// Runs the migrations that a file of version `from` lacks.
fn bring(
    connection: &mut Connection,
    from: i32,
    migrations: &[Migration],
    salts: Salts<'_>,
) -> Result<()> {
    let Some(target) = target(from, migrations) else { return Ok(()) };
    let pending = migrations.iter().filter(|migration| migration.to > from);
    // Rebuilding a table drops it for a moment; the references are checked as a whole below. The
    // setting does nothing within a transaction.
    connection::set(connection, "foreign_keys", 0)?;
    let migrated = apply(connection, pending, target, salts);
    connection::set(connection, "foreign_keys", 1)?;
    migrated
}

fn apply<'a>(
    connection: &mut Connection,
    pending: impl Iterator<Item = &'a Migration>,
    target: i32,
    salts: Salts<'_>,
) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in pending {
        transaction.execute_batch(migration.sql).map_err(|failure| {
            let cause = Error::from(failure);
            // The statements are right, so the file has not the schema of the version that it names.
            let kind = match cause.kind() {
                ErrorKind::Internal => ErrorKind::Corrupt,
                kind => kind,
            };
            let Migration { to, name, .. } = migration;
            Error::new(kind, format!("migration {to} ({name}): {}", cause.message()))
        })?;
        if let Some(then) = migration.then {
            then(&transaction, salts)?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::functions;

    const SALTS: Salts<'_> = &|| [7; 32];
    const PLAIN: &Cipher = &Cipher::NONE;

    /// What the schema consists of, without comments and white space.
    fn shape(connection: &Connection) -> Vec<(String, String)> {
        let mut statement = connection
            .prepare("SELECT name, ifnull(sql, '') FROM sqlite_master ORDER BY name")
            .unwrap();
        let rows = statement
            .query_map([], |row| {
                let sql: String = row.get(1)?;
                let bare = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
                let words: String = bare.collect::<Vec<_>>().join(" ");
                let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
                // A column that was added stands behind a blank and before the parenthesis.
                Ok((row.get(0)?, words.replace(" ,", ",").replace(" )", ")")))
            })
            .unwrap();
        rows.map(|row| row.unwrap()).collect()
    }

    #[test]
    fn the_migrations_lead_to_the_present_schema() {
        let mut fresh = Connection::open_in_memory().unwrap();
        create(&mut fresh).unwrap();
        let mut migrated = Connection::open_in_memory().unwrap();
        apply(&mut migrated, MIGRATIONS.iter(), SCHEMA_VERSION, SALTS).unwrap();
        assert_eq!(shape(&fresh), shape(&migrated));
        for connection in [&fresh, &migrated] {
            assert_eq!(
                connection::get(connection, "user_version").unwrap(),
                i64::from(SCHEMA_VERSION)
            );
            assert_eq!(connection::get(connection, "application_id").unwrap(), 0x4352_4D31);
        }
    }

    #[test]
    fn migrations_are_numbered_without_a_gap_up_to_the_present() {
        let numbers: Vec<_> = MIGRATIONS.iter().map(|migration| migration.to).collect();
        assert_eq!(numbers, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    }

    /// A person who was erased is told by the type of the journal, also where the file had another one in
    /// its place; and what somebody else permits at the same address is suppressed.
    #[test]
    fn erasures_of_version_7_keep_their_type_and_what_they_suppress() {
        let mut connection = Connection::open_in_memory().unwrap();
        functions::add(&connection).unwrap();
        apply(&mut connection, MIGRATIONS[..7].iter(), 7, SALTS).unwrap();
        let key = [9; 32];
        let hash = crate::privacy::suppression::hash(&key, "ann@example.org");
        connection
            .execute_batch(
                "INSERT INTO crm_type (id, name, definition) VALUES (1, 'company', '{}'); \
                 INSERT INTO crm_device (id, uuid) VALUES (1, zeroblob(16)); \
                 INSERT INTO crm_actor (id, name) VALUES (1, 'a'); \
                 INSERT INTO crm_journal (seq, device, device_seq, hlc, tx, actor, kind, entity_type, body, hash) \
                 VALUES (1, 1, 1, 0, 1, 1, 'record_erased', 'robot', '{}', zeroblob(32)); \
                 INSERT INTO crm_erasure VALUES (1, zeroblob(16), 1, 0, 'withdrawn'); \
                 INSERT INTO crm_consent_event (subject_id, seq, id, type_id, kind, channel, purpose, \
                 contact_point, basis, proof, occurred_at, by_guardian) VALUES \
                 (x'01010101010101010101010101010101', 2, x'02020202020202020202020202020202', 1, 'granted', \
                 'email', 'news', 'ann@example.org', 'consent', 1, 0, 0), \
                 (x'01010101010101010101010101010101', 3, x'03030303030303030303030303030303', 1, 'granted', \
                 'email', 'news', 'bob@example.org', 'consent', 1, 0, 0)",
            )
            .unwrap();
        let meta = "INSERT INTO crm_meta (key, value) VALUES ('suppression_key', ?1)";
        connection.execute(meta, [key]).unwrap();
        let suppressed = "INSERT INTO crm_suppression (hash, record_id) VALUES (?1, zeroblob(16))";
        connection.execute(suppressed, [hash]).unwrap();
        bring(&mut connection, 7, MIGRATIONS, SALTS).unwrap();
        let read =
            |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(read("SELECT entity_type FROM crm_erasure"), "robot");
        let permits = "SELECT group_concat(hex(substr(event_id, 1, 1)) || ' ' || is_suppressed) \
                       FROM crm_consent_permit";
        assert_eq!(read(permits), "02 1,03 0");
    }

    const NEXT: &[Migration] = &[
        Migration { to: 1, name: "init", sql: "this must not run", then: None },
        Migration { to: 2, name: "two", sql: "CREATE TABLE two (a TEXT) STRICT", then: None },
        Migration {
            to: 3,
            name: "three",
            sql: "ALTER TABLE crm_actor ADD COLUMN three TEXT",
            then: None,
        },
    ];
    const NEXT_BUT_WRONG: &[Migration] = &[
        Migration { to: 2, name: "two", sql: "CREATE TABLE two (a TEXT) STRICT", then: None },
        Migration {
            to: 3,
            name: "three",
            sql: "ALTER TABLE nowhere ADD COLUMN three TEXT",
            then: None,
        },
    ];
    const NEXT_BUT_DANGLING: &[Migration] = &[Migration {
        to: 2,
        name: "two",
        sql: "INSERT INTO crm_attribute VALUES (1, 99, 'x', 0, '{}', NULL)",
        then: None,
    }];

    fn file() -> (tempfile::TempDir, std::path::PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.crm");
        let mut connection = Connection::open(&path).unwrap();
        apply(&mut connection, MIGRATIONS[..1].iter(), 1, SALTS).unwrap();
        connection.execute("INSERT INTO crm_actor (name) VALUES ('a')", []).unwrap();
        (folder, path, connection)
    }

    fn actors(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM crm_actor", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_old_file_runs_what_it_lacks_after_a_copy_was_made() {
        let (_folder, path, mut connection) = file();
        run(&mut connection, &path, 1, NEXT, PLAIN, SALTS).unwrap();
        assert_eq!(connection::get(&connection, "user_version").unwrap(), 3);
        assert_eq!(connection::get(&connection, "foreign_keys").unwrap(), 1);
        assert_eq!(actors(&connection), 1);
        connection.execute_batch("SELECT three FROM crm_actor; SELECT a FROM two").unwrap();
        let copy = Connection::open(beside(&path, ".before-v3")).unwrap();
        assert_eq!(connection::get(&copy, "user_version").unwrap(), 1);
        assert_eq!(actors(&copy), 1);
        run(&mut connection, &path, 3, NEXT, PLAIN, SALTS).unwrap();
    }

    #[test]
    fn a_failed_migration_leaves_the_old_schema_and_may_be_tried_again() {
        let (_folder, path, mut connection) = file();
        let before = shape(&connection);
        let error = run(&mut connection, &path, 1, NEXT_BUT_WRONG, PLAIN, SALTS).unwrap_err();
        assert!(error.message().starts_with("migration 3 (three): "), "{error}");
        let error = run(&mut connection, &path, 1, NEXT_BUT_DANGLING, PLAIN, SALTS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(shape(&connection), before);
        assert_eq!(connection::get(&connection, "user_version").unwrap(), 1);
        run(&mut connection, &path, 1, NEXT, PLAIN, SALTS).unwrap();
        assert_eq!(actors(&connection), 1);
    }
}
