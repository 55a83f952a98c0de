//! What an erasure would do, without doing it. The erasure itself begins with the same plan.

use std::collections::{BTreeMap, BTreeSet};

use super::{Privacy, load, named, table_of, traces::Traces};
use crate::{
    BlockerReason, ConsentEvent, ConsentKind, ErasedTable, ErasureBlocker, ErasureEffect,
    ErasureMention, ErasurePlan, KeptFacts, KeptProof, Kind, MentionKind, PlanErasure, RecordId,
    RecordRef, Result, Timestamp,
    cell::Cell,
    condition::{Direction, Moment},
    consent::{Ledger, Rule, present_form},
    engine::{Catalog, consents::read_event},
    journal::read_body,
    privacy::{
        inventory::{Erasure, Way, of_table},
        told::ToldDefinition,
    },
    schema::{AttributeModel, TypeModel},
    store::{
        Connection, associations as links, consents, facts, journal, privacy as rows,
        records::StoredRow, table::Table,
    },
};

/// How many records of others a plan names, and an erasure changes.
pub(super) const MENTIONS: usize = 1000;

impl Privacy<'_> {
    /// Says what erasing a person would do: which rows go and which stay and why, what speaks against
    /// it, which records of others and which definitions name the person, and what proof of consent is
    /// kept. It changes nothing.
    ///
    /// Texts that somebody typed about the person into somebody else's record are not found: no table
    /// can tell whom they mean. Search for them.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`, also of a person who was erased; `LimitExceeded` if more than 1,000
    /// records of others name the person.
    pub fn plan_erasure(&self, request: &PlanErasure) -> Result<ErasurePlan> {
        let at = request.at.unwrap_or_else(|| self.crm.now());
        self.crm.read_explained(|conn, catalog| {
            let table = table_of(|name| catalog.table(name), &request.subject)?;
            let row = load(conn, table, &request.subject)?;
            let found = Found::read(conn, catalog, table, row, at)?;
            let definitions = named::definitions(conn, table, &found)?;
            Ok(ErasurePlan { definitions, ..found.plan })
        })
    }
}

/// A plan with what the answer does not show.
pub(super) struct Found {
    pub(super) plan: ErasurePlan,
    pub(super) row: StoredRow,
    /// The contact points that the person has or had, as they were stored.
    pub(super) all_points: BTreeSet<String>,
    /// Those to be suppressed, in their normal form.
    pub(super) points: BTreeSet<String>,
    /// For each proof the contact point that its event named.
    pub(super) proven_points: Vec<Option<String>>,
    /// References of others, by type and attribute.
    pub(super) references: Vec<(RecordRef, String)>,
    /// The stored files that go, by their hash.
    pub(super) files: Vec<String>,
    /// What the journal says of the person in rows about others.
    pub(super) traces: Traces,
    /// The earlier definitions in which a contact point of the person stands.
    pub(super) replaced: Vec<ToldDefinition>,
}

impl Found {
    pub(super) fn read(
        conn: &Connection,
        catalog: &Catalog,
        table: &Table,
        row: StoredRow,
        at: Timestamp,
    ) -> Result<Self> {
        let id = row.id;
        let subject = RecordRef::new(&table.model.name, id);
        let (ledger, _) = consents::ledger(conn, id)?;
        let (proofs, proven_points) = proofs(conn, catalog, &ledger, id, at)?;
        let mut mentions = Vec::new();
        let references = references(conn, catalog, &table.model.name, id, &mut mentions)?;
        linked(conn, catalog, id, &mut mentions)?;
        same_person(conn, id, &mut mentions)?;
        let all_points = points(conn, table, &row, &ledger)?;
        let points = unshared_points(conn, catalog, id, all_points.clone(), &mut mentions)?;
        let traces = Traces::find(conn, catalog, &subject, &mut mentions)?;
        mentions.truncate(MENTIONS);
        let files = files(conn, catalog, table, &row)?;
        let replaced = named::replaced(conn, &all_points)?;
        let others = traces.places.len() + replaced.len();
        let plan = ErasurePlan {
            tables: tables(conn, id, (proofs.len(), files.len(), others))?,
            blockers: blockers(catalog, &subject, &ledger, &references, at)?,
            mentions,
            proofs,
            contact_points: points.len() as u64,
            files: files.len() as u64,
            definitions: Vec::new(),
            subject,
        };
        Ok(Self {
            plan,
            row,
            all_points,
            points,
            proven_points,
            references,
            files,
            traces,
            replaced,
        })
    }
}

/// What becomes of the rows of each table.
fn tables(
    conn: &Connection,
    id: RecordId,
    (proofs, files, others): (usize, usize, usize),
) -> Result<Vec<ErasedTable>> {
    let mut tables = Vec::new();
    for table in rows::tables(conn)? {
        let Some(entry) = of_table(&table) else { continue };
        let count = match table.as_str() {
            "crm_consent_proof" => proofs as u64,
            "crm_file" => files as u64,
            _ if entry.ways.contains(&Way::Index) => continue,
            "crm_journal" => rows::count(conn, &table, id.as_bytes())? + others as u64,
            _ => rows::count(conn, &table, id.as_bytes())?,
        };
        let (effect, reason) = match entry.erasure {
            Erasure::Deleted => (ErasureEffect::Deleted, None),
            Erasure::Redacted(stays) => (ErasureEffect::Redacted, Some(stays.to_owned())),
            Erasure::Kept(reason) => (ErasureEffect::Kept, Some(reason.to_owned())),
        };
        if count > 0 {
            tables.push(ErasedTable { table, rows: count, effect, reason });
        }
    }
    Ok(tables)
}

/// Whether a ledger says that processing is restricted.
pub(super) fn is_restricted(ledger: &Ledger, at: Timestamp) -> bool {
    let mut restrictions = ledger.restrictions();
    restrictions.any(|entry| entry.kind == ConsentKind::Restricted && entry.lasts(at))
}

fn blockers(
    catalog: &Catalog,
    subject: &RecordRef,
    ledger: &Ledger,
    references: &[(RecordRef, String)],
    at: Timestamp,
) -> Result<Vec<ErasureBlocker>> {
    let restricted = is_restricted(ledger, at).then(|| ErasureBlocker {
        reason: BlockerReason::Restricted,
        record: subject.clone(),
        attribute: None,
    });
    let mut blockers: Vec<ErasureBlocker> = restricted.into_iter().collect();
    for (record, name) in references {
        let model = &catalog.table(&record.entity_type)?.model;
        if model.attribute(name)?.definition.required {
            blockers.push(ErasureBlocker {
                reason: BlockerReason::RequiredReference,
                record: record.clone(),
                attribute: Some(name.clone()),
            });
        }
    }
    Ok(blockers)
}

/// The references of other records to this one.
fn references(
    conn: &Connection,
    catalog: &Catalog,
    entity_type: &str,
    id: RecordId,
    mentions: &mut Vec<ErasureMention>,
) -> Result<Vec<(RecordRef, String)>> {
    let mut references = Vec::new();
    for table in catalog.iter() {
        let model = &table.model;
        let to_it = model.live().filter(|attribute| {
            attribute.definition.kind == Kind::Reference
                && attribute.definition.target.as_deref() == Some(entity_type)
        });
        for attribute in to_it {
            let column = attribute.leading_column();
            for other in facts::referring(conn, table, &column, id, MENTIONS + 1)? {
                if other == id {
                    continue;
                }
                let record = RecordRef::new(&model.name, other);
                mentions.push(ErasureMention {
                    kind: MentionKind::Reference,
                    record: record.clone(),
                    by: attribute.name().to_owned(),
                });
                references.push((record, attribute.name().to_owned()));
            }
        }
    }
    Ok(references)
}

/// The records of others that associations and activities link with it.
fn linked(
    conn: &Connection,
    catalog: &Catalog,
    id: RecordId,
    mentions: &mut Vec<ErasureMention>,
) -> Result<()> {
    for association in rows::associations(conn, id)? {
        let Some(row) = links::get(conn, association)? else { continue };
        let other = if row.from.id == id { row.to } else { row.from };
        if other.id != id {
            let (kind, by) = (MentionKind::Association, row.association_type);
            mentions.push(ErasureMention { kind, record: other, by });
        }
    }
    for (type_id, subject, by) in rows::linking(conn, id, MENTIONS)? {
        let table = catalog.iter().find(|table| table.model.id == type_id);
        if let Some(table) = table {
            let record = RecordRef::new(&table.model.name, subject);
            mentions.push(ErasureMention { kind: MentionKind::Activity, record, by });
        }
    }
    Ok(())
}

/// The other records of the same person, which keep what was restricted through this one.
fn same_person(conn: &Connection, id: RecordId, mentions: &mut Vec<ErasureMention>) -> Result<()> {
    let (people, _) = consents::people(conn, id)?;
    let links = consents::person_links(conn, &people)?.into_iter();
    let records: BTreeMap<RecordId, RecordRef> =
        links.flat_map(|link| [link.a, link.b]).map(|record| (record.id, record)).collect();
    let others = records.into_values().filter(|record| record.id != id);
    let kind = MentionKind::SamePerson;
    mentions.extend(others.map(|record| ErasureMention { kind, record, by: String::new() }));
    Ok(())
}

/// The contact points that a person has or had.
fn points(
    conn: &Connection,
    table: &Table,
    row: &StoredRow,
    ledger: &Ledger,
) -> Result<BTreeSet<String>> {
    let of_record = table.model.attributes.iter().filter(|one| is_contact_point(one));
    let of_record = of_record.filter_map(|attribute| match &row.cells[attribute.first] {
        Cell::Text(point) => Some(point.clone()),
        _ => None,
    });
    let former = former_points(conn, table, row.id)?;
    let of_ledger = ledger.entries().iter().filter_map(|entry| entry.contact_point.clone());
    // Who was asked and never answered is as much to be left alone.
    let of_ledger = of_ledger.chain(rows::asked_points(conn, row.id)?);
    let of_ledger = of_ledger.filter(|point| point.contains('@') || point.starts_with('+'));
    Ok(of_record.chain(former).chain(of_ledger).collect())
}

/// Those of the contact points of a person that no other record holds in an attribute with an index,
/// and that nobody else consented with: what is in use elsewhere is not suppressed.
fn unshared_points(
    conn: &Connection,
    catalog: &Catalog,
    id: RecordId,
    points: BTreeSet<String>,
    mentions: &mut Vec<ErasureMention>,
) -> Result<BTreeSet<String>> {
    // One address in two letter cases is one, and so is one that an older version stored.
    let form = |point: &str| present_form(point.to_lowercase()).into_owned();
    let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for point in points {
        spellings
            .entry(form(&point))
            .or_insert_with_key(|form| [form.clone()].into())
            .insert(point);
    }
    for other in catalog.iter() {
        for attribute in other.model.attributes.iter().filter(|one| is_contact_point(one)) {
            if !attribute.definition.unique && !attribute.definition.index {
                continue;
            }
            let mut shared = Vec::new();
            for (form, spelt) in &spellings {
                for point in spelt {
                    for holder in rows::holders(conn, other, attribute, point, id, MENTIONS)? {
                        let record = RecordRef::new(&other.model.name, holder);
                        let (kind, by) = (MentionKind::ContactPoint, attribute.name().to_owned());
                        mentions.push(ErasureMention { kind, record, by });
                        shared.push(form.clone());
                    }
                }
            }
            spellings.retain(|form, _| !shared.contains(form));
        }
    }
    let spelt: BTreeSet<&str> = spellings.values().flatten().map(String::as_str).collect();
    if spelt.is_empty() {
        return Ok(BTreeSet::new());
    }
    let consenting = rows::consenting(conn, &spelt, id)?;
    let mut points: BTreeSet<String> = spellings.into_keys().collect();
    for (type_id, subject, point, purpose) in consenting {
        if let Some(other) = catalog.iter().find(|other| other.model.id == type_id) {
            let record = RecordRef::new(&other.model.name, subject);
            mentions.push(ErasureMention { kind: MentionKind::ContactPoint, record, by: purpose });
        }
        points.remove(&form(&point));
    }
    Ok(points)
}

/// The contact points that a record had, as far as its history tells.
fn former_points(conn: &Connection, table: &Table, id: RecordId) -> Result<Vec<String>> {
    let mut points = Vec::new();
    journal::told_of_record(conn, id, 0, |change| {
        for (attribute, cells) in read_body(&table.model, &change.body)? {
            if let (true, Some(Cell::Text(point))) = (is_contact_point(attribute), cells.first()) {
                points.push(point.clone());
            }
        }
        Ok(true)
    })?;
    Ok(points)
}

/// Whether values of an attribute are contact points.
pub(super) fn is_contact_point(attribute: &AttributeModel) -> bool {
    matches!(attribute.definition.kind, Kind::Email | Kind::Phone)
}

/// The proofs of consent that a policy keeps beyond `at`, and the contact points that they name.
pub(super) fn proofs(
    conn: &Connection,
    catalog: &Catalog,
    ledger: &Ledger,
    id: RecordId,
    at: Timestamp,
) -> Result<(Vec<KeptProof>, Vec<Option<String>>)> {
    let (mut proofs, mut points) = (Vec::new(), Vec::new());
    for (_, body) in consents::bodies(conn, id, i64::MIN, u32::MAX)? {
        let event = read_event(&body)?;
        let (true, Some(channel), Some(purpose)) =
            (event.kind.is_permitting(), &event.channel, &event.purpose)
        else {
            continue;
        };
        // Without a purpose or a rule any more, nothing says how long.
        let rule = Rule::new(catalog.book(), purpose, channel).ok();
        let Some(retention) = rule.and_then(|rule| rule.retention) else { continue };
        let last_use = ledger.last_use(channel, purpose, event.contact_point.as_deref());
        let last_used_at = last_use.filter(|used| *used > event.occurred_at);
        let active = Moment::new(last_used_at.unwrap_or(event.occurred_at), "UTC")?;
        let keep_until = active.shifted(retention, Direction::Next);
        if keep_until > at {
            points.push(event.contact_point.clone());
            let permitted_until = ledger.permitted_until(&event.entry());
            let proof = minimised(&event, channel, purpose, keep_until);
            proofs.push(KeptProof { last_used_at, permitted_until, ..proof });
        }
    }
    Ok((proofs, points))
}

/// An event without whom it is about, through what, and what showed it; and without what only the ledger
/// tells.
fn minimised(
    event: &ConsentEvent,
    channel: &str,
    purpose: &str,
    keep_until: Timestamp,
) -> KeptProof {
    let facts = event.facts.as_ref().map(|facts| KeptFacts {
        reference: facts.reference.is_some(),
        sale: facts.sale.is_some(),
        similar_goods: facts.similar_goods.is_some(),
        told_at_collection: facts.told_at_collection,
    });
    KeptProof {
        event: event.id,
        kind: event.kind,
        channel: channel.to_owned(),
        purpose: purpose.to_owned(),
        controller: event.controller.clone(),
        basis: event.basis,
        notice: event.notice.clone(),
        notice_version: event.notice_version,
        language: event.language.clone(),
        notice_sha256: event.notice_sha256.clone(),
        method: event.method,
        requested_at: event.requested_at,
        occurred_at: event.occurred_at,
        last_used_at: None,
        permitted_until: None,
        by_guardian: event.by_guardian,
        facts,
        contact_hash: None,
        keep_until,
    }
}

/// The stored files that the person's values name, or named before, and nobody else's do.
fn files(
    conn: &Connection,
    catalog: &Catalog,
    table: &Table,
    row: &StoredRow,
) -> Result<Vec<String>> {
    let tables = tables_with_values(catalog);
    let mut hashes = BTreeSet::new();
    for (name, model) in &tables {
        hashes.extend(rows::files_of(conn, name, model, row.id.as_bytes())?);
    }
    if table.model.attributes.iter().any(|one| one.definition.kind == Kind::File) {
        journal::of_record(conn, row.id, 0, |change| {
            for (attribute, cells) in read_body(&table.model, &change.body)? {
                if let (Kind::File, Some(Cell::Text(hash))) =
                    (attribute.definition.kind, cells.first())
                {
                    hashes.insert(hash.clone());
                }
            }
            Ok(true)
        })?;
    }
    let mut unused = Vec::new();
    'hashes: for hash in hashes {
        for (name, model) in &tables {
            if rows::is_file_used(conn, name, model, &hash, row.id.as_bytes())? {
                continue 'hashes;
            }
        }
        unused.push(hash);
    }
    Ok(unused)
}

/// The tables with values that definitions describe, and the attributes of each.
fn tables_with_values(catalog: &Catalog) -> Vec<(String, &TypeModel)> {
    let types = catalog.iter().map(|table| (table.model.name.clone(), &table.model));
    let kinds = catalog.kinds().map(|kind| &kind.model);
    let kinds = kinds.map(|model| (format!("crm_activity_{}", model.name), model));
    let associations = catalog
        .iter_associations()
        .map(|table| (format!("crm_association_{}", table.model.name()), &table.model.attributes));
    let all = types.chain(kinds).chain(associations);
    all.filter(|(_, model)| !model.attributes.is_empty()).collect()
}
