//! The user's own SQL: it reads, and nothing else.

use super::*;

const LIMITS: QueryLimits = QueryLimits { max_rows: 100, timeout: Duration::from_secs(60) };

fn kind(store: &Store, sql: &str) -> ErrorKind {
    store.query::<Cell>(sql, &[], LIMITS).expect_err(sql).kind()
}

fn both(check: impl Fn(&Store)) {
    let folder = Folder::new();
    let memory = Store::open(&Target::Memory, &FileOptions::default(), SALTS).unwrap();
    for store in [memory, folder.open()] {
        add_actor(&store, "a").unwrap();
        check(&store);
        // Whatever was asked, the store goes on.
        add_actor(&store, "z").unwrap();
        assert_eq!(actors(&store), ["a", "z"]);
    }
}

#[test]
fn it_answers_every_storage_class() {
    both(|store| {
        let given = [
            Cell::Null,
            Cell::Integer(i64::MIN),
            Cell::Real(-0.5),
            Cell::Text("a\0ü👩‍🚀".into()),
            Cell::Blob(vec![0, 255]),
        ];
        let rows = store.query::<Cell>("SELECT ?1 AS a, ?2, ?3, ?4, ?5", &given, LIMITS).unwrap();
        assert_eq!(rows.rows, [given]);
        assert_eq!(rows.columns[0], "a");
        assert!(!rows.truncated);
        let rows = store.query::<Cell>("SELECT name FROM crm_actor;", &[], LIMITS).unwrap();
        assert_eq!(rows.rows, [[Cell::Text("a".into())]]);
    });
}

#[test]
fn what_is_not_reading_is_not_authorized() {
    both(|store| {
        for sql in [
            "INSERT INTO crm_actor (name) VALUES ('x')",
            "UPDATE crm_actor SET name = 'x'",
            "DELETE FROM crm_actor",
            "DROP TABLE crm_actor",
            "CREATE TABLE t (a)",
            "CREATE TEMP TABLE t (a)",
            "CREATE VIRTUAL TABLE t USING fts5 (a)",
            "ALTER TABLE crm_actor ADD COLUMN x",
            "BEGIN",
            "COMMIT",
            "SAVEPOINT s",
            "VACUUM",
            "VACUUM INTO '/tmp/stolen'",
            "REINDEX",
            "ANALYZE",
            "ATTACH ':memory:' AS other",
            "PRAGMA query_only = 0",
            "PRAGMA user_version",
            "SELECT * FROM pragma_table_info('crm_actor')",
            "SELECT load_extension('x')",
            "SELECT fts3_tokenizer('simple')",
            "WITH x AS (SELECT 1) DELETE FROM crm_actor",
            "EXPLAIN DELETE FROM crm_actor",
        ] {
            assert_eq!(kind(store, sql), ErrorKind::NotAuthorized, "{sql}");
        }
        let error = store.query::<Cell>("SELECT randomblob(3)", &[], LIMITS).unwrap_err();
        assert_eq!(error.message(), "the function randomblob is not allowed here");
    });
}

#[test]
fn malformed_sql_is_named_without_what_it_quotes() {
    both(|store| {
        for sql in [
            "SELEC 'Ada'",
            "SELECT 'Ada' 'Lovelace' FROM",
            "SELECT * FROM nowhere WHERE a = 'Ada'",
            "SELECT \"Ada\" FROM crm_actor",
            "SELECT 1; SELECT 'Ada'",
            "",
            "-- Ada",
            "SELECT json('Ada')",
            "SELECT abs(-9223372036854775807 - 1), 'Ada'",
        ] {
            let error = store.query::<Cell>(sql, &[], LIMITS).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::InvalidSql, "{sql}");
            assert!(!format!("{error} {error:?}").contains("Ada"), "{error}");
        }
        let error = store.query::<Cell>("SELECT nam FROM crm_actor", &[], LIMITS).unwrap_err();
        assert_eq!(error.message(), "no such column: nam at byte 7");
        let error = store.query::<Cell>("SELECT ?1", &[], LIMITS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    });
}

const NUMBERS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

#[test]
fn time_rows_and_bytes_are_bounded() {
    both(|store| {
        let late = QueryLimits { timeout: Duration::ZERO, ..LIMITS };
        let sql = format!("{NUMBERS} SELECT count(*) FROM n");
        assert_eq!(store.query::<Cell>(&sql, &[], late).unwrap_err().kind(), ErrorKind::TimedOut);

        let rows = store.query::<Cell>(&format!("{NUMBERS} SELECT i FROM n"), &[], LIMITS).unwrap();
        assert!(rows.truncated);
        assert_eq!(rows.rows.len(), LIMITS.max_rows);
        let exact = format!("{NUMBERS} SELECT i FROM n LIMIT 100");
        assert!(!store.query::<Cell>(&exact, &[], LIMITS).unwrap().truncated);

        let rows = store
            .query::<Cell>(&format!("{NUMBERS} SELECT zeroblob(1000000) FROM n"), &[], LIMITS)
            .unwrap();
        assert!(rows.truncated);
        assert_eq!(rows.rows.len(), 16);
        let wide = "SELECT zeroblob(9000000), zeroblob(9000000)";
        assert_eq!(kind(store, wide), ErrorKind::LimitExceeded);
        assert_eq!(kind(store, "SELECT zeroblob(20000000)"), ErrorKind::LimitExceeded);
    });
}

#[test]
fn the_sandbox_is_taken_down_after_a_failure() {
    both(|store| {
        assert_eq!(kind(store, "DELETE FROM crm_actor"), ErrorKind::NotAuthorized);
        let late = QueryLimits { timeout: Duration::ZERO, ..LIMITS };
        let sql = format!("{NUMBERS} SELECT count(*) FROM n");
        assert!(store.query::<Cell>(&sql, &[], late).is_err());
        // Neither the clock nor the authoriser may reach the next call on that connection.
        store
            .write(|tx| {
                tx.execute_batch("CREATE TABLE t (a); DROP TABLE t")?;
                Ok(())
            })
            .unwrap();
        let sql = format!("{NUMBERS} SELECT i FROM n LIMIT 100000, 1");
        assert_eq!(
            store.query::<Cell>(&sql, &[], LIMITS).unwrap().rows,
            [[Cell::Integer(100_001)]]
        );
    });
}
