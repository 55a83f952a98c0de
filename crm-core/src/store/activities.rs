//! Rows of the tables of activities: kinds, activities, their links, and visitors.
//!
//! An activity's row has the `seq` of its row in the journal, and so have its properties and links.
//! Functions over `&Connection` read, functions over `&Transaction` write; they decide nothing.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, types::ToSql};

use super::{
    search::{self, Owner},
    side_table::{self, SideTable},
};
use crate::{
    Error, ErrorKind, RecordId, RecordRef, Result, Timestamp,
    activity::{self, ActivityLink, Content, Direction, Recorded},
    cell::Cell,
    journal::Hlc,
    schema::TypeModel,
};

/// The table beside which those of the properties stand.
const OWNER: &str = "crm_activity";

/// A kind of activity with the table of its properties.
#[derive(Debug)]
pub(crate) struct KindTable {
    pub(crate) model: TypeModel,
    side: SideTable,
}

impl KindTable {
    pub(crate) fn new(model: TypeModel) -> Self {
        Self { side: SideTable::new(OWNER, &model), model }
    }
}

/// All kinds.
pub(crate) fn load_kinds(conn: &Connection) -> Result<Vec<TypeModel>> {
    let mut statement =
        conn.prepare("SELECT id, definition, archived_at FROM crm_activity_kind ORDER BY name")?;
    let rows = statement.query_and_then([], |row| {
        let archived_at = row.get::<_, Option<i64>>(2)?.map(Timestamp::clamped);
        activity::read_definition(row.get(0)?, &row.get::<_, String>(1)?, archived_at)
    })?;
    rows.collect()
}

/// Adds a kind without properties; returns its number.
pub(crate) fn insert_kind(tx: &Transaction<'_>, name: &str, definition: &str) -> Result<i64> {
    let sql = "INSERT INTO crm_activity_kind (name, definition) VALUES (?1, ?2)";
    tx.execute(sql, (name, definition))?;
    Ok(tx.last_insert_rowid())
}

/// Changes a kind's definition.
pub(crate) fn update_kind(tx: &Transaction<'_>, id: i64, definition: &str) -> Result<()> {
    tx.execute("UPDATE crm_activity_kind SET definition = ?2 WHERE id = ?1", (id, definition))?;
    Ok(())
}

/// Adds the columns of the properties from `added` on.
pub(crate) fn extend_kind(tx: &Transaction<'_>, model: &TypeModel, added: usize) -> Result<()> {
    side_table::extend(tx, OWNER, model, added)
}

/// Archives a kind, or takes it out of the archive.
pub(crate) fn archive_kind(tx: &Transaction<'_>, id: i64, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_activity_kind SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}

/// The number of an entity type and an id of it.
pub(crate) type Numbered = (i64, RecordId);

/// What an activity's row has besides its content.
#[derive(Debug)]
pub(crate) struct NewRow {
    pub(crate) seq: i64,
    pub(crate) id: RecordId,
    /// The subject, be it stated or that of the visitor.
    pub(crate) subject: Option<Numbered>,
    /// The number of the visitor.
    pub(crate) visitor: Option<i64>,
}

/// Adds an activity with its properties and their words.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    kind: &KindTable,
    row: &NewRow,
    content: &Content,
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO crm_activity (seq, id, kind, at, subject_type, subject, visitor, channel, \
         direction, amount, currency, key, supersedes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let amount = content.amount.as_ref();
    statement.raw_bind_parameter(1, row.seq)?;
    statement.raw_bind_parameter(2, row.id.as_bytes())?;
    statement.raw_bind_parameter(3, kind.model.id)?;
    statement.raw_bind_parameter(4, content.at.micros())?;
    statement.raw_bind_parameter(5, row.subject.map(|(number, _)| number))?;
    statement.raw_bind_parameter(6, row.subject.as_ref().map(|(_, id)| id.as_bytes()))?;
    statement.raw_bind_parameter(7, row.visitor)?;
    statement.raw_bind_parameter(8, content.channel.as_deref())?;
    statement.raw_bind_parameter(9, content.direction.map(Direction::name))?;
    statement.raw_bind_parameter(10, amount.map(|(amount, _)| *amount))?;
    statement.raw_bind_parameter(11, amount.map(|(_, currency)| currency.as_str()))?;
    statement.raw_bind_parameter(12, content.key.as_deref())?;
    statement.raw_bind_parameter(13, content.supersedes.as_ref().map(RecordId::as_bytes))?;
    statement.raw_execute()?;
    side_table::put(tx, &kind.side, row.seq, &content.cells, true)?;
    search::add(tx, Owner::Kind(kind.model.id), &kind.model, row.seq, &content.cells, false)
}

/// Links an activity to records; `types` has the number of each link's entity type.
pub(crate) fn insert_links(
    tx: &Transaction<'_>,
    seq: i64,
    content: &Content,
    types: &[i64],
) -> Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO crm_activity_link (seq, record_id, role, record_type, at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (link, number) in content.links.iter().zip(types) {
        insert.execute((seq, link.id.as_bytes(), &link.role, number, content.at.micros()))?;
    }
    Ok(())
}

/// Marks an activity as superseded: it no longer counts, and is no longer found.
pub(crate) fn supersede(tx: &Transaction<'_>, seq: i64, by: RecordId) -> Result<()> {
    tx.prepare_cached("UPDATE crm_activity SET superseded_by = ?2 WHERE seq = ?1")?
        .execute((seq, by.as_bytes()))?;
    search::remove(tx, seq)
}

/// An activity's row as it was written, with what the journal says of it.
#[derive(Debug)]
pub(crate) struct StoredActivity {
    pub(crate) seq: i64,
    /// The name of the kind.
    pub(crate) kind: String,
    pub(crate) recorded: Recorded,
    /// Without properties and links, until [`complete`] reads them.
    pub(crate) content: Content,
}

/// The columns that [`read`] takes, of activities that are found by what stands before.
macro_rules! select {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT a.seq, k.name, a.id, a.superseded_by, j.hlc, r.name, a.at, t.name, a.subject, \
             v.key, a.channel, a.direction, a.amount, a.currency, a.key, a.supersedes FROM ",
            $from,
            " JOIN crm_activity_kind k ON k.id = a.kind \
             JOIN crm_journal j ON j.seq = a.seq JOIN crm_actor r ON r.id = j.actor \
             LEFT JOIN crm_type t ON t.id = a.subject_type \
             LEFT JOIN crm_visitor v ON v.id = a.visitor ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> Result<StoredActivity> {
    let id = |place| -> rusqlite::Result<_> {
        Ok(row.get::<_, Option<[u8; 16]>>(place)?.map(RecordId::from_bytes))
    };
    let direction = row.get::<_, Option<String>>(11)?;
    let direction = direction.map(|name| {
        Direction::from_name(&name)
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "an activity has an unknown direction"))
    });
    let entity_type: Option<String> = row.get(7)?;
    Ok(StoredActivity {
        seq: row.get(0)?,
        kind: row.get(1)?,
        recorded: Recorded {
            id: RecordId::from_bytes(row.get(2)?),
            superseded_by: id(3)?,
            at: Hlc(row.get(4)?).at(),
            by: row.get(5)?,
        },
        content: Content {
            at: Timestamp::clamped(row.get(6)?),
            subject: entity_type.zip(id(8)?).map(|(name, id)| RecordRef::new(name, id)),
            visitor: row.get(9)?,
            channel: row.get(10)?,
            direction: direction.transpose()?,
            amount: row.get::<_, Option<i64>>(12)?.zip(row.get(13)?),
            key: row.get(14)?,
            supersedes: id(15)?,
            links: Vec::new(),
            cells: Vec::new(),
        },
    })
}

/// The activity of an id, without properties and links.
pub(crate) fn get_by_id(conn: &Connection, id: RecordId) -> Result<Option<StoredActivity>> {
    let mut statement = conn.prepare_cached(select!("crm_activity a", "WHERE a.id = ?1"))?;
    let mut rows = statement.query([id.as_bytes()])?;
    rows.next()?.map(read).transpose()
}

/// The records that an activity is about, its subject and those that it links; `None` if there is none of
/// this id.
pub(crate) fn records_of(conn: &Connection, id: RecordId) -> Result<Option<Vec<RecordId>>> {
    let mut statement = conn.prepare_cached(
        "SELECT a.subject, l.record_id FROM crm_activity a \
         LEFT JOIN crm_activity_link l ON l.seq = a.seq WHERE a.id = ?1",
    )?;
    let mut rows = statement.query([id.as_bytes()])?;
    let mut records = None;
    while let Some(row) = rows.next()? {
        let about: &mut Vec<RecordId> = records.get_or_insert_default();
        for place in 0..2 {
            about.extend(row.get::<_, Option<[u8; 16]>>(place)?.map(RecordId::from_bytes));
        }
    }
    Ok(records)
}

/// The activities of these places in the journal, in the same order, without properties and links.
pub(crate) fn get_many(conn: &Connection, places: &[i64]) -> Result<Vec<StoredActivity>> {
    let mut statement = conn.prepare_cached(select!(
        "json_each(?1) p CROSS JOIN crm_activity a ON a.seq = p.value",
        "ORDER BY p.key"
    ))?;
    let rows = statement.query_and_then([numbers(places)], read)?;
    rows.collect()
}

fn numbers(places: &[i64]) -> String {
    serde_json::to_string(places).expect("a list of numbers is always JSON")
}

/// Place and id of the activity of a key.
pub(crate) fn find_key(conn: &Connection, key: &str) -> Result<Option<(i64, RecordId)>> {
    let mut statement = conn.prepare_cached("SELECT seq, id FROM crm_activity WHERE key = ?1")?;
    let found = statement
        .query_row([key], |row| Ok((row.get(0)?, RecordId::from_bytes(row.get(1)?))))
        .optional()?;
    Ok(found)
}

/// Reads properties and links of activities, with one statement for the links and one for each kind
/// among them; `kind` finds a kind by its name.
pub(crate) fn complete<'k>(
    conn: &Connection,
    activities: &mut [StoredActivity],
    kind: impl Fn(&str) -> Result<&'k KindTable>,
) -> Result<()> {
    let mut by_kind: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for activity in &*activities {
        by_kind.entry(&activity.kind).or_default().push(activity.seq);
    }
    let mut properties: HashMap<i64, Vec<Cell>> = HashMap::with_capacity(activities.len());
    for (name, places) in by_kind {
        side_table::get_many(conn, &kind(name)?.side, &numbers(&places), |seq, cells| {
            properties.insert(seq, cells);
        })?;
    }
    let places: Vec<i64> = activities.iter().map(|activity| activity.seq).collect();
    let mut links = links(conn, &places)?;
    for activity in activities {
        let cells = properties.remove(&activity.seq);
        activity.content.cells = match cells {
            Some(cells) => cells,
            None => vec![Cell::Null; kind(&activity.kind)?.model.columns],
        };
        activity.content.links = links.remove(&activity.seq).unwrap_or_default();
    }
    Ok(())
}

/// The links of activities by their place, sorted by id and role.
fn links(conn: &Connection, places: &[i64]) -> Result<HashMap<i64, Vec<ActivityLink>>> {
    let mut statement = conn.prepare_cached(
        "SELECT l.seq, t.name, l.record_id, l.role FROM json_each(?1) p \
         CROSS JOIN crm_activity_link l ON l.seq = p.value \
         JOIN crm_type t ON t.id = l.record_type ORDER BY l.seq, l.record_id, l.role",
    )?;
    let mut links: HashMap<i64, Vec<ActivityLink>> = HashMap::new();
    let mut rows = statement.query([numbers(places)])?;
    while let Some(row) = rows.next()? {
        let id = RecordId::from_bytes(row.get(2)?);
        let link = ActivityLink { entity_type: row.get(1)?, id, role: row.get(3)? };
        links.entry(row.get(0)?).or_default().push(link);
    }
    Ok(links)
}

/// The row of a visitor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredVisitor {
    pub(crate) number: i64,
    /// The record that the visitor was identified as.
    pub(crate) record: Option<Numbered>,
}

/// The visitor of a key.
pub(crate) fn find_visitor(conn: &Connection, key: &str) -> Result<Option<StoredVisitor>> {
    let mut statement =
        conn.prepare_cached("SELECT id, record_type, record_id FROM crm_visitor WHERE key = ?1")?;
    let found = statement.query_row([key], |row| {
        let id = row.get::<_, Option<[u8; 16]>>(2)?.map(RecordId::from_bytes);
        Ok(StoredVisitor { number: row.get(0)?, record: row.get::<_, Option<i64>>(1)?.zip(id) })
    });
    Ok(found.optional()?)
}

/// Adds a visitor whose record is unknown; returns its number.
pub(crate) fn add_visitor(tx: &Transaction<'_>, key: &str) -> Result<i64> {
    tx.prepare_cached("INSERT INTO crm_visitor (key) VALUES (?1)")?.execute([key])?;
    Ok(tx.last_insert_rowid())
}

/// Says whose record a visitor is, for the visitor and all of its activities.
pub(crate) fn set_record(
    tx: &Transaction<'_>,
    visitor: i64,
    record: Option<Numbered>,
) -> Result<()> {
    let (number, id) = record.unzip();
    let id = id.as_ref().map(RecordId::as_bytes);
    for sql in [
        "UPDATE crm_visitor SET record_type = ?2, record_id = ?3 WHERE id = ?1",
        "UPDATE crm_activity SET subject_type = ?2, subject = ?3 WHERE visitor = ?1",
    ] {
        tx.prepare_cached(sql)?.execute((visitor, number, id))?;
    }
    Ok(())
}

/// An activity as far as it may move the record with which it happened.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) seq: i64,
    pub(crate) id: RecordId,
    /// The number of the kind.
    pub(crate) kind: i64,
    pub(crate) at: Timestamp,
    /// The activity that it corrects, if that was told of the record before.
    pub(crate) corrects: Option<Box<Self>>,
}

/// The activities of a visitor that count, in the order in which they happened.
pub(crate) fn happened(conn: &Connection, visitor: i64) -> Result<Vec<Happened>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, id, kind, at FROM crm_activity WHERE visitor = ?1 AND superseded_by IS NULL \
         ORDER BY at, seq",
    )?;
    let rows = statement.query_map([visitor], |row| {
        let (id, at) = (RecordId::from_bytes(row.get(1)?), Timestamp::clamped(row.get(3)?));
        Ok(Happened { seq: row.get(0)?, id, kind: row.get(2)?, at, corrects: None })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When the latest activity with this subject was, up to a moment. The index of the subject holds it.
pub(crate) fn last_at(
    conn: &Connection,
    id: RecordId,
    until: Timestamp,
) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached(
        "SELECT max(at) FROM crm_activity WHERE subject = ?1 AND superseded_by IS NULL AND at <= ?2",
    )?;
    let at: Option<i64> = statement.query_row((id.as_bytes(), until.micros()), |row| row.get(0))?;
    Ok(at.map(Timestamp::clamped))
}

/// How many activities a visitor has, superseded ones included.
pub(crate) fn count_of_visitor(conn: &Connection, visitor: i64) -> Result<u64> {
    let mut statement =
        conn.prepare_cached("SELECT count(*) FROM crm_activity WHERE visitor = ?1")?;
    Ok(statement.query_row([visitor], |row| row.get(0))?)
}

/// The record that the visitor of a key was identified as.
pub(crate) fn record_of(conn: &Connection, key: &str) -> Result<Option<RecordRef>> {
    let mut statement = conn.prepare_cached(
        "SELECT t.name, v.record_id FROM crm_visitor v JOIN crm_type t ON t.id = v.record_type \
         WHERE v.key = ?1",
    )?;
    let found = statement.query_row([key], |row| {
        Ok(RecordRef::new(row.get::<_, String>(0)?, RecordId::from_bytes(row.get(1)?)))
    });
    Ok(found.optional()?)
}

/// Shows number, key and record of every visitor to `visit`, until it says stop.
pub(crate) fn visitors(
    conn: &Connection,
    mut visit: impl FnMut(i64, &str, Option<RecordRef>) -> Result<bool>,
) -> Result<()> {
    let mut statement = conn.prepare(
        "SELECT v.id, v.key, t.name, v.record_id FROM crm_visitor v \
         LEFT JOIN crm_type t ON t.id = v.record_type ORDER BY v.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get::<_, Option<[u8; 16]>>(3)?.map(RecordId::from_bytes);
        let record = row.get::<_, Option<String>>(2)?.zip(id);
        let record = record.map(|(name, id)| RecordRef::new(name, id));
        if !visit(row.get(0)?, &row.get::<_, String>(1)?, record)? {
            break;
        }
    }
    Ok(())
}

/// How many activities there are.
pub(crate) fn count(conn: &Connection) -> Result<u64> {
    Ok(conn.query_row("SELECT count(*) FROM crm_activity", [], |row| row.get(0))?)
}

/// How many links have another time than their activity.
pub(crate) fn count_stray_links(conn: &Connection) -> Result<u64> {
    let sql = "SELECT count(*) FROM crm_activity_link l JOIN crm_activity a ON a.seq = l.seq \
         WHERE a.at <> l.at";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// How many properties of a kind stand beside no activity of it.
pub(crate) fn count_stray_properties(conn: &Connection, kind: &KindTable) -> Result<u64> {
    if kind.model.attributes.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "SELECT count(*) FROM {} p LEFT JOIN crm_activity a ON a.seq = p.seq \
         WHERE a.kind IS NOT ?1",
        kind.side.name
    );
    Ok(conn.query_row(&sql, [kind.model.id], |row| row.get(0))?)
}

/// Places in the journal of activities after one of them, in order.
pub(crate) fn places_after(conn: &Connection, seq: i64, limit: u32) -> Result<Vec<i64>> {
    let mut statement =
        conn.prepare_cached("SELECT seq FROM crm_activity WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let places = statement.query_map((seq, limit), |row| row.get(0))?;
    Ok(places.collect::<rusqlite::Result<_>>()?)
}

/// Place and properties of the activities of a kind that count and have properties, after a place.
pub(crate) fn properties_after(
    conn: &Connection,
    kind: &KindTable,
    seq: i64,
    limit: u32,
) -> Result<Vec<(i64, Vec<Cell>)>> {
    if kind.model.attributes.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT p.seq FROM {} p JOIN crm_activity a ON a.seq = p.seq \
         WHERE p.seq > ?1 AND a.superseded_by IS NULL ORDER BY p.seq LIMIT ?2",
        kind.side.name
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let places = statement.query_map((seq, limit), |row| row.get(0))?;
    let places: Vec<i64> = places.collect::<rusqlite::Result<_>>()?;
    let mut found = Vec::with_capacity(places.len());
    side_table::get_many(conn, &kind.side, &numbers(&places), |seq, cells| {
        found.push((seq, cells));
    })?;
    // The places are read from a list, in an order of SQLite's choice.
    found.sort_unstable_by_key(|(seq, _)| *seq);
    Ok(found)
}

/// Which activities a page takes: those that count, the latest first.
#[derive(Debug)]
pub(crate) struct Page {
    /// Numbers of the kinds as a JSON array; every kind if there is none.
    pub(crate) kinds: Option<String>,
    /// Only from this time on, in microseconds.
    pub(crate) from: i64,
    /// Only before this time and, at the same time, before this place in the journal.
    pub(crate) before: (i64, i64),
    pub(crate) limit: u32,
}

/// Time and place in the journal of an activity.
pub(crate) type Place = (i64, i64);

impl Page {
    /// Activities with this subject. The index of the subject holds all that is read.
    pub(crate) fn of_subject(&self, conn: &Connection, id: RecordId) -> Result<Vec<Place>> {
        self.read(
            conn,
            "SELECT at, seq FROM crm_activity WHERE subject = ?1 AND superseded_by IS NULL \
             AND at >= ?2 AND (at, seq) < (?3, ?4) \
             AND (?5 IS NULL OR kind IN (SELECT value FROM json_each(?5))) \
             ORDER BY at DESC, seq DESC LIMIT ?6",
            id.as_bytes(),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Activities of the visitor of this number.
    pub(crate) fn of_visitor(&self, conn: &Connection, visitor: i64) -> Result<Vec<Place>> {
        self.read(
            conn,
            "SELECT at, seq FROM crm_activity WHERE visitor = ?1 AND superseded_by IS NULL \
             AND at >= ?2 AND (at, seq) < (?3, ?4) \
             AND (?5 IS NULL OR kind IN (SELECT value FROM json_each(?5))) \
             ORDER BY at DESC, seq DESC LIMIT ?6",
            &visitor,
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// The activity of a key, whether or not it counts.
    pub(crate) fn of_key(&self, conn: &Connection, key: &str) -> Result<Vec<Place>> {
        self.read(
            conn,
            "SELECT at, seq FROM crm_activity WHERE key = ?1 AND at >= ?2 AND (at, seq) < (?3, ?4) \
             AND (?5 IS NULL OR kind IN (SELECT value FROM json_each(?5))) LIMIT ?6",
            &key,
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Activities that are linked to this record and have another subject, each once, with the
    /// first of its roles.
    pub(crate) fn of_link(&self, conn: &Connection, id: RecordId) -> Result<Vec<(Place, String)>> {
        self.read(
            conn,
            "SELECT l.at, l.seq, min(l.role) FROM crm_activity_link l \
             JOIN crm_activity a ON a.seq = l.seq \
             WHERE l.record_id = ?1 AND a.subject IS NOT ?1 AND a.superseded_by IS NULL \
             AND l.at >= ?2 AND (l.at, l.seq) < (?3, ?4) \
             AND (?5 IS NULL OR a.kind IN (SELECT value FROM json_each(?5))) \
             GROUP BY l.at, l.seq ORDER BY l.at DESC, l.seq DESC LIMIT ?6",
            id.as_bytes(),
            |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)),
        )
    }

    fn read<T>(
        &self,
        conn: &Connection,
        sql: &str,
        key: &dyn ToSql,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let (at, seq) = &self.before;
        let parameters: [&dyn ToSql; 6] = [key, &self.from, at, seq, &self.kinds, &self.limit];
        let mut statement = conn.prepare_cached(sql)?;
        let rows = statement.query_map(parameters, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
