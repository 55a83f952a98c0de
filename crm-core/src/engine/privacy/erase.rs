//! The erasure of a person, in one transaction.

use super::{Privacy, carry::Left, load, plan::Found, suppression, table_of};
use crate::{
    ChangeKind, EraseSubject, ErasedSubject, Erasure, ErasureReason, Error, ErrorKind, KeptProof,
    RecordId, RecordRef, Result, Timestamp, Value, Values,
    consent::has_one_spelling,
    engine::{Writing, associations, files, records},
    privacy::{
        inventory::{self, INVENTORY, Name},
        suppression::{name_of_key, to_hex},
        told::{ErasedBody, ToldDefinition, ToldProof, digest_of_hashes, digest_of_proof},
    },
    record::Draft,
    store::{
        privacy::{self as rows, Erased},
        records as record_rows,
        table::Table,
    },
};

impl Privacy<'_> {
    /// Erases a person, in one transaction: the record with its history, activities, visitors,
    /// associations, stages, scores, memberships, consents, words and files that nobody else uses; and of
    /// the journal what the rows say, so that only that there were changes, when and by whom, can still be
    /// verified; those rows about others too in which what roll-ups read from the person stands, or
    /// the person's role, and those that say what a definition was before it was changed or removed, if a
    /// contact point of the person stands in it. What is free in the file and in its log is overwritten.
    ///
    /// What stays is a random id, proof of consent in a minimised form for as long as a policy
    /// keeps it, and keyed hashes of the contact points, so that the person does not come back by
    /// an import: writing such a contact point gives `Suppressed`. Where other records are the same
    /// person, they keep what the person restricted through this one, without what showed it. See
    /// [`Privacy::plan_erasure`] for all of it, and [`Privacy::erasures`] for what to keep beside
    /// backups.
    ///
    /// ```
    /// use crm_core::{Crm, EraseSubject, ErrorKind, RecordRef, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann", "email" => "ann@example.org" })?;
    /// crm.privacy().erase(&EraseSubject::new(RecordRef::new("contact", ann.id)))?;
    /// assert_eq!(crm.contacts().get(ann.id).unwrap_err().kind(), ErrorKind::NotFound);
    /// let again = crm.contacts().create(values! { "email" => "Ann@example.org" });
    /// assert_eq!(again.unwrap_err().kind(), ErrorKind::Suppressed);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`, also of a person who was erased; `StaleVersion` as for
    /// [`Records::patch_expecting`](crate::Records::patch_expecting); `Refused` if something speaks against
    /// it, as the plan says; `LimitExceeded` if more than 1,000 records refer to the person. Then nothing
    /// is erased.
    pub fn erase(&self, request: &EraseSubject) -> Result<Erasure> {
        let mut erasure = self.crm.write(|writing| {
            let table = table_of(|name| writing.catalog.table(name), &request.subject)?.clone();
            let row = load(writing.tx, &table, &request.subject)?;
            if request.expected_version.is_some_and(|expected| expected != row.version) {
                let message = format!("the record has version {}", row.version);
                return Err(Error::new(ErrorKind::StaleVersion, message)
                    .with_field("expected_version")
                    .with_hint("plan the erasure again, then decide"));
            }
            let now = writing.now;
            let found = Found::read(writing.tx, &writing.catalog, &table, row, now)?;
            if let Some(blocker) = found.plan.blockers.first() {
                let message = format!("something speaks against it: {}", blocker.reason.name());
                return Err(Error::new(ErrorKind::Refused, message)
                    .with_field("subject")
                    .with_hint("privacy.plan_erasure lists what does"));
            }
            // Nobody else permits something at these points in this spelling: then they would be spared.
            let mut points = found.points.clone();
            points.retain(|point| !has_one_spelling(point));
            let erasure = erase(writing, &table, found, request.reason, now, &[])?;
            suppression::follow_as(writing, points.iter().map(String::as_str))?;
            Ok(erasure)
        })?;
        erasure.is_log_emptied = self.crm.shared.store.empty_log()?;
        Ok(erasure)
    }
}

/// Erases whom nothing speaks against erasing, or whom the law had erased before; then `hashes` are
/// those of contact points that are suppressed as well.
pub(super) fn erase(
    writing: &mut Writing<'_>,
    table: &Table,
    found: Found,
    reason: ErasureReason,
    at: Timestamp,
    hashes: &[[u8; 32]],
) -> Result<Erasure> {
    let Found { mut plan, row, points, proven_points, references, files, traces, replaced, .. } =
        found;
    let (id, key) = (row.id, suppression::key(writing)?);
    for (proof, point) in plan.proofs.iter_mut().zip(proven_points) {
        let hash = |point: String| to_hex(&crate::privacy::suppression::hash(&key, &point));
        proof.contact_hash = point.map(hash);
    }
    let left = Left::read(writing, id)?;
    let others = traces.places.iter().copied().chain(replaced.iter().map(|one| one.seq));
    rows::redact(writing.tx, &others.collect::<Vec<_>>())?;
    traces.take_out(writing)?;
    let before = writing.last_seq();
    take_out(writing, table, id, &references)?;
    rows::redact(writing.tx, &traces.stale(writing, before)?)?;
    let places = rows::journal_places(writing.tx, id.as_bytes())?;
    delete(writing, id, &places)?;
    for hash in &files {
        rows::delete_file(writing.tx, &files::read_hash(hash)?, hash)?;
    }
    let points = points.iter().map(|point| crate::privacy::suppression::hash(&key, point));
    let hashes: Vec<_> = points.chain(hashes.iter().copied()).collect();
    let proofs = keep(writing, id, &plan.proofs, &key)?;
    let subject = RecordRef::new(&table.model.name, id);
    remember(writing, &subject, reason, at, &hashes, (proofs, replaced))?;
    left.put(writing)?;
    let hashes = rows::hashes_of(writing.tx, id)?;
    Ok(Erasure {
        erased: ErasedSubject {
            subject,
            erased_at: at,
            reason,
            hashes: hashes.iter().map(|hash| to_hex(hash)).collect(),
            lifted: Vec::new(),
        },
        tables: plan.tables,
        proofs: plan.proofs,
        is_log_emptied: false,
    })
}

/// Takes a record out of everything that counts it or refers to it, so that roll-ups, scores and segments
/// of others are true without it.
fn take_out(
    writing: &mut Writing<'_>,
    table: &Table,
    id: RecordId,
    references: &[(RecordRef, String)],
) -> Result<()> {
    if references.len() > super::plan::MENTIONS {
        let message = format!("more than {} records refer to it", super::plan::MENTIONS);
        return Err(Error::new(ErrorKind::LimitExceeded, message)
            .with_field("subject")
            .with_hint("clear those references first"));
    }
    // First of all, so that nothing that is written to others is calculated from it any more.
    records::archive_any(writing, table, id)?;
    for (record, attribute) in references {
        let other = writing.table(&record.entity_type)?;
        let Some(mut row) = record_rows::get(writing.tx, &other, record.id)? else { continue };
        let cleared = Values::from([(attribute.as_str(), Value::Null)]);
        match Draft::patch(&other.model, std::mem::take(&mut row.cells), cleared) {
            Ok(draft) => records::update(writing, &other, row, draft).map(drop)?,
            // From an older copy: a random id stays, which leads nowhere.
            Err(error) if error.kind() == ErrorKind::Required => {}
            Err(error) => return Err(error),
        }
    }
    for association in rows::associations(writing.tx, id)? {
        associations::archive_any(writing, association)?;
    }
    writing.settle()
}

/// Deletes the rows of a person, and erases what those of the journal say.
fn delete(writing: &Writing<'_>, id: RecordId, places: &[i64]) -> Result<()> {
    let tables = rows::tables(writing.tx)?;
    for entry in INVENTORY {
        if entry.name == Name::Exactly("crm_journal") {
            rows::redact(writing.tx, places)?;
        } else if entry.erasure == inventory::Erasure::Deleted {
            for table in tables.iter().filter(|table| entry.is_of(table)) {
                rows::delete(writing.tx, table, id.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Keeps proofs of consent; answers what the journal says of them.
fn keep(
    writing: &Writing<'_>,
    id: RecordId,
    proofs: &[KeptProof],
    key: &[u8; 32],
) -> Result<Vec<ToldProof>> {
    let proofs = proofs.iter().map(|proof| {
        let json = serde_json::to_string(proof).expect("a proof is always JSON");
        let (event, keep_until) = (proof.event, proof.keep_until);
        rows::insert_proof(writing.tx, id, event, keep_until, &json)?;
        let digest = digest_of_proof(key, id, event, keep_until, &json);
        Ok(ToldProof { keep_until, digest })
    });
    proofs.collect()
}

/// The proofs that are kept, and the rows of earlier definitions that were erased.
pub(super) type Beside = (Vec<ToldProof>, Vec<ToldDefinition>);

/// Remembers that a record was erased, with a row in the journal, and suppresses contact points. Its type may
/// be one that the file does not know.
pub(super) fn remember(
    writing: &mut Writing<'_>,
    subject: &RecordRef,
    reason: ErasureReason,
    at: Timestamp,
    hashes: &[[u8; 32]],
    beside: Beside,
) -> Result<()> {
    for hash in hashes {
        rows::suppress(writing.tx, hash, subject.id)?;
    }
    let seq = writing.next_seq();
    tell(writing, subject, reason, at, Some(beside))?;
    let RecordRef { id: record, entity_type } = subject.clone();
    let reason = reason.name().to_owned();
    rows::insert_erased(writing.tx, &Erased { seq, record, entity_type, at, reason })
}

/// Writes to the journal that a record was erased, which contact points are suppressed since and, the
/// first time, which proofs are kept, as nobody can read without the key, and which definitions went.
pub(super) fn tell(
    writing: &mut Writing<'_>,
    subject: &RecordRef,
    reason: ErasureReason,
    at: Timestamp,
    beside: Option<Beside>,
) -> Result<()> {
    let (proofs, definitions) = beside.unzip();
    let stamp = writing.stamp();
    let (hashes, key) = (rows::hashes_of(writing.tx, subject.id)?, suppression::key(writing)?);
    let body = ErasedBody {
        reason: reason.name().to_owned(),
        at,
        suppressed: Some(hashes.len() as u64),
        key: Some(name_of_key(&key)),
        hashes: Some(digest_of_hashes(&key, &hashes)),
        proofs,
        definitions: definitions.unwrap_or_default(),
    };
    let body = serde_json::to_string(&body).expect("an erasure is always JSON");
    let entity_type = Some(subject.entity_type.as_str());
    writing.log(stamp, ChangeKind::RecordErased, entity_type, Some(subject.id), &body)
}
