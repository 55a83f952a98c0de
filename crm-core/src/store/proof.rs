//! Rows of the journal as a proof has them.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    RecordId, Result,
    consent::{ProofLink, ProvenEvent, hex},
    journal::chain,
};

/// The events of these records, as the journal has them, in order.
pub(crate) fn events(conn: &Connection, people: &[RecordId]) -> Result<Vec<ProvenEvent>> {
    let mut statement = conn.prepare_cached(
        "SELECT j.seq, j.salt, j.cause, j.body FROM crm_consent_event e JOIN crm_journal j ON j.seq = e.seq \
         WHERE e.subject_id = ?1 AND j.salt IS NOT NULL",
    )?;
    let mut events = Vec::new();
    for id in people {
        let mut rows = statement.query([id.as_bytes()])?;
        while let Some(row) = rows.next()? {
            events.push(ProvenEvent {
                seq: row.get(0)?,
                salt: hex(&row.get::<_, Vec<u8>>(1)?),
                cause: row.get(2)?,
                body: row.get(3)?,
            });
        }
    }
    events.sort_by_key(|event| event.seq);
    Ok(events)
}

/// The last row of the journal up to a place, with its hash; `None` if there is none.
pub(crate) fn head(conn: &Connection, up_to: i64) -> Result<Option<(i64, String)>> {
    let sql = "SELECT seq, hash FROM crm_journal WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
    let head = conn
        .prepare_cached(sql)?
        .query_row([up_to], |row| Ok((row.get(0)?, hex(&row.get::<_, Vec<u8>>(1)?))));
    Ok(head.optional()?)
}

/// The hash of the row before this place.
fn before(conn: &Connection, seq: i64) -> Result<String> {
    Ok(head(conn, seq - 1)?.map_or_else(|| hex(&chain::START), |(_, hash)| hash))
}

/// The links that lead from the first of these places to the head without a gap; where they would be more
/// than `most`, only those of these places and of the head, each with the hash before it.
pub(crate) fn links(
    conn: &Connection,
    places: &BTreeSet<i64>,
    head: i64,
    most: u32,
) -> Result<Vec<ProofLink>> {
    let first = places.first().copied().unwrap_or(head).min(head);
    let count: u32 = conn
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM crm_journal WHERE seq BETWEEN ?1 AND ?2 LIMIT ?3)",
        )?
        .query_row((first, head, most + 1), |row| row.get(0))?;
    if count <= most {
        let mut links = range(conn, first, head)?;
        if let Some(link) = links.first_mut() {
            link.before = Some(before(conn, first)?);
        }
        return Ok(links);
    }
    let mut links = Vec::new();
    for place in places.iter().copied().filter(|place| *place < head).chain([head]) {
        for mut link in range(conn, place, place)? {
            link.before = Some(before(conn, place)?);
            links.push(link);
        }
    }
    Ok(links)
}

fn range(conn: &Connection, first: i64, last: i64) -> Result<Vec<ProofLink>> {
    let mut statement = conn.prepare_cached(
        "SELECT j.seq, d.uuid, j.device_seq, j.hlc, j.tx, a.commitment, j.kind, j.entity_type, j.record_id, \
         j.salt, j.cause, j.body, j.commitment FROM crm_journal j JOIN crm_device d ON d.id = j.device \
         JOIN crm_actor a ON a.id = j.actor WHERE j.seq BETWEEN ?1 AND ?2 ORDER BY j.seq",
    )?;
    let links = statement.query_and_then((first, last), |row| {
        let commitment = match row.get::<_, Option<Vec<u8>>>(9)? {
            Some(salt) => {
                let (cause, body): (Option<String>, String) = (row.get(10)?, row.get(11)?);
                let cause = cause.as_ref().map(String::as_bytes);
                chain::commit(&salt, cause, body.as_bytes()).to_vec()
            }
            // Of a row that was erased the commitment is left.
            None => row.get::<_, Option<Vec<u8>>>(12)?.unwrap_or_default(),
        };
        Ok(ProofLink {
            seq: row.get(0)?,
            device: hex(&row.get::<_, Vec<u8>>(1)?),
            device_seq: row.get(2)?,
            hlc: row.get(3)?,
            tx: row.get(4)?,
            actor: hex(&row.get::<_, Vec<u8>>(5)?),
            kind: row.get(6)?,
            entity_type: row.get(7)?,
            record_id: row.get::<_, Option<Vec<u8>>>(8)?.map(|id| hex(&id)),
            commitment: hex(&commitment),
            before: None,
        })
    })?;
    links.collect()
}
