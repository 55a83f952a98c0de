//! The limit: what somebody would write by hand on SQLite for this one table, with the same columns,
//! indexes and rows of the journal, its chain among them, the same durability, and no checks at all.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crm_core::Durability;
use rusqlite::{CachedStatement, Connection, params};

use super::{
    BATCH,
    chain::{self, Chain},
    rows, timed,
};

const SCHEMA: &str = "
CREATE TABLE customer (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16), version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, archived_at INTEGER,
    given_name TEXT, family_name TEXT, email TEXT, email_typed TEXT, phone TEXT, phone_typed TEXT,
    job_title TEXT, birthday INTEGER, country TEXT, country_typed TEXT, locale TEXT,
    locale_typed TEXT, employees INTEGER, revenue INTEGER, revenue_currency TEXT, source TEXT,
    newsletter INTEGER) STRICT;
CREATE INDEX by_family ON customer (family_name, id);
CREATE INDEX by_email ON customer (email, id);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, device_seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL, tx INTEGER NOT NULL, actor INTEGER NOT NULL, cause TEXT,
    kind TEXT NOT NULL, entity_type TEXT, record_id BLOB, body TEXT NOT NULL, salt BLOB,
    commitment BLOB, hash BLOB) STRICT;
CREATE INDEX journal_by_record ON journal (record_id, seq) WHERE record_id IS NOT NULL;";

const INSERT: &str = "INSERT INTO customer VALUES \
    (?, 1, ?, ?, NULL, ?, ?, ?, NULL, ?, NULL, ?, ?, ?, NULL, ?, NULL, ?, ?, 'EUR', ?, ?)";
const LOG: &str =
    "INSERT INTO journal VALUES (?, 1, ?, ?, ?, 1, NULL, ?, 'customer', ?, ?, ?, NULL, ?)";
const SELECT: &str = "SELECT id, version, created_at, updated_at, archived_at, given_name, \
    family_name, email, email_typed, phone, phone_typed, job_title, birthday, country, \
    country_typed, locale, locale_typed, employees, revenue, revenue_currency, source, newsletter \
    FROM customer";

pub(crate) const NOW: i64 = 1_767_225_600_000_000;

pub(crate) struct Raw {
    pub(crate) conn: Connection,
    pub(crate) seq: i64,
    pub(crate) chain: Chain,
    /// Whether the names go into the table `words` too.
    pub(crate) is_searched: bool,
}

/// All columns of a row, as a reader by hand would take them.
type Columns = (
    [u8; 16],
    (i64, i64, i64, Option<i64>),
    (
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    ),
    (Option<String>, Option<i64>, Option<String>, Option<String>, Option<String>, Option<String>),
    (Option<i64>, Option<i64>, Option<String>, Option<String>, Option<i64>),
);

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((
        row.get(0)?,
        (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?),
        (row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?),
        (row.get(11)?, row.get(12)?, row.get(13)?, row.get(14)?, row.get(15)?, row.get(16)?),
        (row.get(17)?, row.get(18)?, row.get(19)?, row.get(20)?, row.get(21)?),
    ))
}

pub(crate) fn id(number: usize) -> [u8; 16] {
    let mut id = [0x70; 16];
    id[8..].copy_from_slice(&(number as u64).to_be_bytes());
    id
}

/// A connection with the settings of the engine.
pub(crate) fn connect(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON",
    )
    .unwrap();
    conn.set_prepared_statement_cache_capacity(64);
    conn
}

impl Raw {
    pub(crate) fn open(path: &Path) -> Self {
        let conn = connect(path);
        conn.execute_batch(SCHEMA).unwrap();
        Self { conn, seq: 0, chain: Chain::default(), is_searched: false }
    }

    pub(crate) fn create_rows(&mut self, made: &[rows::Row], first: usize) {
        let tx = self.conn.transaction().unwrap();
        {
            let mut insert = tx.prepare_cached(INSERT).unwrap();
            let mut log = tx.prepare_cached(LOG).unwrap();
            let start = self.seq + 1;
            for (offset, row) in made.iter().enumerate() {
                self.seq += 1;
                let place = (first + offset, self.seq, start);
                write(&mut insert, &mut log, &mut self.chain, row, place);
                if self.is_searched {
                    let words = (self.seq, &row.given_name, &row.family_name);
                    let sql = "INSERT INTO words (rowid, given_name, family_name) VALUES (?, ?, ?)";
                    tx.prepare_cached(sql).unwrap().execute(words).unwrap();
                }
            }
        }
        tx.commit().unwrap();
    }

    pub(crate) fn create(&mut self, count: usize) -> Duration {
        let mut spent = Duration::ZERO;
        for start in (0..count).step_by(BATCH) {
            let made: Vec<_> = (start..(start + BATCH).min(count)).map(rows::row).collect();
            spent += timed(|| self.create_rows(&made, start)).0;
        }
        spent
    }

    /// Reads the table with the same parser, converts dates and amounts, and writes the rows.
    pub(crate) fn import(&mut self, path: &Path, count: usize) -> Duration {
        let start = Instant::now();
        let mut reader = csv::Reader::from_path(path).unwrap();
        let mut made = Vec::with_capacity(5_000);
        let mut first = 0;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).unwrap() {
            let text = |place: usize| record[place].to_owned();
            let date: crm_core::Date = record[5].parse().unwrap();
            let (whole, cents) = record[9].split_once('.').unwrap();
            made.push(rows::Row {
                given_name: text(0),
                family_name: text(1),
                email: text(2),
                phone: text(3),
                job_title: text(4),
                birthday: date.days().into(),
                country: "DE",
                locale: "de-DE",
                employees: record[8].parse().unwrap(),
                revenue: whole.parse::<i64>().unwrap() * 100 + cents.parse::<i64>().unwrap(),
                source: "web",
                newsletter: &record[11] == "true",
            });
            if made.len() == 5_000 {
                self.create_rows(&made, first);
                first += made.len();
                made.clear();
            }
        }
        self.create_rows(&made, first);
        assert_eq!(first + made.len(), count);
        start.elapsed()
    }

    pub(crate) fn get_by_id(&self, count: usize, reads: usize) {
        let sql = format!("{SELECT} WHERE id = ?1");
        for number in 0..reads {
            let mut statement = self.conn.prepare_cached(&sql).unwrap();
            let id = id(number * 7919 % count);
            let row = statement.query_row([id], read).unwrap();
            assert_eq!(row.1.0, 1);
        }
    }

    pub(crate) fn get_by_email(&self, emails: &[String]) {
        let sql = format!("{SELECT} WHERE email = ?1");
        for email in emails {
            let mut statement = self.conn.prepare_cached(&sql).unwrap();
            assert_eq!(statement.query_row([email], read).unwrap().1.0, 1);
        }
    }

    pub(crate) fn count_family(&self, name: &str) -> u64 {
        let mut statement = self
            .conn
            .prepare_cached("SELECT count(*) FROM customer WHERE family_name = ?1")
            .unwrap();
        statement.query_row([name], |row| row.get(0)).unwrap()
    }

    pub(crate) fn pages_by_family(&self, pages: usize, size: usize) {
        let first = format!("{SELECT} WHERE archived_at IS NULL ORDER BY family_name, id LIMIT ?1");
        let next = format!(
            "{SELECT} WHERE archived_at IS NULL AND (family_name, id) > (?2, ?3) \
             ORDER BY family_name, id LIMIT ?1"
        );
        let mut last: Option<(String, [u8; 16])> = None;
        for _ in 0..pages {
            let rows: Vec<Columns> = match &last {
                None => {
                    let mut statement = self.conn.prepare_cached(&first).unwrap();
                    let rows = statement.query_map([size], read).unwrap();
                    rows.map(Result::unwrap).collect()
                }
                Some((name, id)) => {
                    let mut statement = self.conn.prepare_cached(&next).unwrap();
                    let rows = statement.query_map(params![size, name, id], read).unwrap();
                    rows.map(Result::unwrap).collect()
                }
            };
            last = rows.last().map(|row| (row.2.1.clone().unwrap(), row.0));
        }
    }

    pub(crate) fn scan(&self, sql: &str, count: usize, step: usize) {
        let mut read = 0;
        for start in (0..count).step_by(step) {
            let mut statement = self.conn.prepare_cached(&format!("{sql} LIMIT ?2")).unwrap();
            let rows = statement
                .query_map([start, step], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
                })
                .unwrap();
            let rows: Vec<_> = rows.map(Result::unwrap).collect();
            read += rows.len();
        }
        assert_eq!(read, count);
    }

    pub(crate) fn update(&mut self, durability: Durability, text: &str, writes: usize) {
        let level = match durability {
            Durability::Full => "FULL",
            Durability::Relaxed => "NORMAL",
        };
        self.conn.execute_batch(&format!("PRAGMA synchronous = {level}")).unwrap();
        let count = usize::try_from(self.seq).unwrap();
        for number in 0..writes {
            let tx = self.conn.transaction().unwrap();
            self.seq += 1;
            let id = id(number * 7919 % count.min(100_000));
            let title = format!("{text} {number}");
            tx.prepare_cached("SELECT version FROM customer WHERE id = ?1")
                .unwrap()
                .query_row([id], |row| row.get::<_, i64>(0))
                .unwrap();
            tx.prepare_cached(
                "UPDATE customer SET version = version + 1, updated_at = ?1, job_title = ?2 WHERE id = ?3",
            )
            .unwrap()
            .execute(params![NOW, title, id])
            .unwrap();
            let body = format!("{{\"job_title\":\"{title}\"}}");
            let (seq, kind) = (self.seq, "record_patched");
            let (salt, hash) = self.chain.next(&logged((seq, seq, seq), kind, id, &body));
            tx.prepare_cached(LOG)
                .unwrap()
                .execute(params![seq, seq, seq, seq, kind, id, body, salt, hash])
                .unwrap();
            tx.commit().unwrap();
        }
    }
}

fn write(
    insert: &mut CachedStatement<'_>,
    log: &mut CachedStatement<'_>,
    chain: &mut Chain,
    row: &rows::Row,
    (number, seq, tx): (usize, i64, i64),
) {
    let id = id(number);
    insert
        .execute(params![
            id,
            NOW,
            NOW,
            row.given_name,
            row.family_name,
            row.email,
            row.phone,
            row.job_title,
            row.birthday,
            row.country,
            row.locale,
            row.employees,
            row.revenue,
            row.source,
            row.newsletter,
        ])
        .unwrap();
    let body = format!(
        "{{\"given_name\":\"{}\",\"family_name\":\"{}\",\"email\":\"{}\",\"phone\":\"{}\",\
         \"job_title\":\"{}\",\"birthday\":{},\"country\":\"{}\",\"locale\":\"{}\",\
         \"employees\":{},\"revenue\":{},\"revenue_currency\":\"EUR\",\"source\":\"{}\",\
         \"newsletter\":{}}}",
        row.given_name,
        row.family_name,
        row.email,
        row.phone,
        row.job_title,
        row.birthday,
        row.country,
        row.locale,
        row.employees,
        row.revenue,
        row.source,
        u8::from(row.newsletter),
    );
    let (kind, hlc) = ("record_created", NOW + seq);
    let (salt, hash) = chain.next(&logged((seq, hlc, tx), kind, id, &body));
    log.execute(params![seq, seq, hlc, tx, kind, id, body, salt, hash]).unwrap();
}

/// A row of the journal about a customer.
fn logged<'a>(
    (seq, hlc, tx): (i64, i64, i64),
    kind: &'a str,
    id: [u8; 16],
    body: &'a str,
) -> chain::Row<'a> {
    chain::Row { seq, hlc, tx, kind, entity_type: Some("customer"), id: Some(id), body }
}
