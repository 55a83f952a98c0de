//! The chain of the journal: what it adds to appending, and what following it costs.
//!
//! The engine cannot append without it. So both sides of the first line are written by hand: the same
//! rows into two files of the engine, with salts and hashes and without. That the hashes are the ones
//! that the engine would write is seen by the engine itself, which follows the chain afterwards.

use std::{fmt::Write as _, path::Path, time::Duration};

use crm_core::{Crm, Durability, Flow, VerifyJournal};
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::{BATCH, Budget, Line, open, raw, timed};

const SQL: &str = "INSERT INTO crm_journal (seq, device, device_seq, hlc, tx, actor, cause, kind, \
    entity_type, record_id, body, salt, hash) \
    VALUES (?1, 1, ?1, ?2, ?3, 1, NULL, 'record_created', 'contact', ?4, ?5, ?6, ?7)";

/// The chain as somebody would write it by hand from the storage format.
pub(crate) struct Chain {
    device: [u8; 16],
    actor: [u8; 32],
    hash: [u8; 32],
    salts: Vec<u8>,
}

/// A row that is chained; its number among those of the device is its place.
pub(crate) struct Row<'a> {
    pub(crate) seq: i64,
    pub(crate) hlc: i64,
    pub(crate) tx: i64,
    pub(crate) kind: &'a str,
    pub(crate) entity_type: Option<&'a str>,
    pub(crate) id: Option<[u8; 16]>,
    pub(crate) body: &'a str,
}

impl Default for Chain {
    fn default() -> Self {
        Self { device: [1; 16], actor: [2; 32], hash: [0; 32], salts: Vec::new() }
    }
}

impl Chain {
    /// Salt and hash of the next row.
    pub(crate) fn next(&mut self, row: &Row<'_>) -> ([u8; 32], [u8; 32]) {
        if self.salts.is_empty() {
            self.salts.resize(4096, 0);
            getrandom::fill(&mut self.salts).unwrap();
        }
        let rest = self.salts.len() - 32;
        let salt: [u8; 32] = self.salts[rest..].try_into().unwrap();
        self.salts.truncate(rest);
        let part = |digest: &mut Sha256, part: Option<&[u8]>| match part {
            Some(part) => {
                digest.update((part.len() as u32).to_be_bytes());
                digest.update(part);
            }
            None => digest.update([0xFF; 4]),
        };
        let mut commitment = Sha256::new();
        commitment.update(b"crm.journal.content.v1");
        part(&mut commitment, Some(&salt));
        part(&mut commitment, None);
        part(&mut commitment, Some(row.body.as_bytes()));
        let parts = [
            Some(&self.device[..]),
            Some(&self.actor[..]),
            Some(row.kind.as_bytes()),
            row.entity_type.map(str::as_bytes),
            row.id.as_ref().map(|id| &id[..]),
        ];
        let length = 32 + parts.iter().map(|part| 4 + part.map_or(0, <[u8]>::len)).sum::<usize>();
        let mut link = Sha256::new();
        link.update(b"crm.journal.link.v1");
        link.update(self.hash);
        link.update((length as u32).to_be_bytes());
        for number in [row.seq, row.seq, row.hlc, row.tx] {
            link.update(number.to_be_bytes());
        }
        parts.into_iter().for_each(|one| part(&mut link, one));
        link.update(commitment.finalize());
        self.hash = link.finalize().into();
        (salt, self.hash)
    }
}

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let (chained, plain) = (folder.join("chained.crm"), folder.join("unchained.crm"));
    let sides = [&chained, &plain].map(|path| {
        open(path, Durability::Full).close().unwrap();
        begin(path)
    });
    let [(mut conn, mut chain, first), (mut other, ..)] = sides;
    let (mut ours, mut unchained) = (Duration::ZERO, Duration::ZERO);
    for start in (0..count).step_by(BATCH) {
        let range = (first, start, (start + BATCH).min(count));
        ours += timed(|| append(&mut conn, range, Some(&mut chain))).0;
        unchained += timed(|| append(&mut other, range, None)).0;
    }
    drop((conn, other));
    let name = "append to the journal, chained".into();
    let budget = Budget::Ratio(1.3);
    report(Line { name, ours, raw: Some(unchained), units: count, budget });

    let crm = Crm::open(&chained).unwrap();
    let request = VerifyJournal::through(crm.journal().head().unwrap());
    let (ours, verified) = timed(|| crm.journal().verify(&request, &mut |_| Flow::Continue));
    let verified = verified.unwrap();
    assert!(verified.is_ok && verified.whole as usize > count, "{verified:?}");
    // A million in four seconds.
    let budget = Budget::Time(Duration::from_micros(4 * count as u64));
    let name = "follow the chain of the journal".into();
    report(Line { name, ours, raw: None, units: count, budget });
}

/// A connection like the engine's to a closed file of its, the chain so far, and the next place.
fn begin(path: &Path) -> (Connection, Chain, i64) {
    let conn = raw::connect(path);
    let sql = "SELECT d.uuid, a.commitment, j.hash, j.seq FROM crm_journal j \
        JOIN crm_device d ON d.id = j.device JOIN crm_actor a ON a.id = 1 ORDER BY j.seq DESC LIMIT 1";
    let (device, actor, hash, seq): (_, _, _, i64) = conn
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap();
    (conn, Chain { device, actor, hash, salts: Vec::new() }, seq + 1)
}

fn append(
    conn: &mut Connection,
    (first, start, end): (i64, usize, usize),
    mut chain: Option<&mut Chain>,
) {
    let tx = conn.transaction().unwrap();
    {
        let mut insert = tx.prepare_cached(SQL).unwrap();
        let mut body = String::new();
        for number in start..end {
            let (seq, id) = (first + number as i64, raw::id(number));
            // As the clock goes: ascending, and after what the file has.
            let hlc = (raw::NOW + 1_000_000_000_000 + number as i64) / 1000 * 65_536 + seq % 1000;
            body.clear();
            write!(
                body,
                "{{\"given_name\":\"Given {number}\",\"family_name\":\"Family {number}\",\
                 \"email\":\"person.{number}@example.org\",\"email_typed\":\"Person.{number}@Example.org\",\
                 \"phone\":\"+49301234567\",\"job_title\":\"Reader\",\"birthday\":7305,\"country\":\"DE\",\
                 \"locale\":\"de-DE\",\"source\":\"web\",\"description\":\"Met at the fair in spring\"}}"
            )
            .unwrap();
            let start = first + start as i64;
            let (salt, hash) = match &mut chain {
                Some(chain) => {
                    let (kind, entity_type) = ("record_created", Some("contact"));
                    let (id, body) = (Some(id), body.as_str());
                    let row = Row { seq, hlc, tx: start, kind, entity_type, id, body };
                    let (salt, hash) = chain.next(&row);
                    (Some(salt), Some(hash))
                }
                None => (None, None),
            };
            insert.execute(params![seq, hlc, start, id, body, salt, hash]).unwrap();
        }
    }
    tx.commit().unwrap();
}
