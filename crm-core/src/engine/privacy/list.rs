//! Who was erased: told, and done again in an older copy of the file.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use super::{
    Privacy, erase,
    plan::{Found, MENTIONS},
    suppression::{self, Lifted},
};
use crate::{
    AppliedErasures, ApplyErasures, BlockerReason, ErasedSubject, ErasureBlocker, ErasureList,
    ErasureReason, Error, ErrorKind, Kind, ListErasures, RecordId, RecordRef, Result,
    engine::{Writing, check_limit},
    limits,
    privacy::suppression::{from_hex, name_of_key, to_hex},
    schema::check,
    store::{Connection, privacy as rows, records, table::Table},
};

impl Privacy<'_> {
    /// Reads who was erased, in the order in which it was done. The list holds random ids and keyed
    /// hashes: keep it beside the backups, and apply it to a backup that is taken into use again.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn erasures(&self, request: &ListErasures) -> Result<ErasureList> {
        check_limit(request.limit)?;
        self.crm.read_explained(|conn, _| page(conn, request, &suppression::lifted(conn)?))
    }

    /// Erases in this file whom a list names, in one transaction: after a backup from before an erasure
    /// was taken into use again. Blockers are not asked: they were when the person was erased; the answer
    /// names the required references that lead to nobody now. Doing so twice does nothing more. Nobody of
    /// the list is lost: whoever is not there is remembered, also where the file does not know the type.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 10,000 persons; `InvalidArgument` for a type that can be none, or if the record
    /// is there under another one, `InvalidValue` and `LimitExceeded` as for [`Privacy::erase`], with the
    /// place in the list; then nothing is erased.
    pub fn apply_erasures(&self, request: &ApplyErasures) -> Result<AppliedErasures> {
        if request.erased.len() > limits::PAGE as usize {
            let message = format!("at most {}", limits::PAGE);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("erased"));
        }
        let applied = self.crm.write(|writing| {
            let key = suppression::key(writing)?;
            let is_ours = request.key.as_ref().is_some_and(|name| *name == name_of_key(&key));
            let (mut applied, before) = (Applied::default(), rows::number_suppressed(writing.tx)?);
            let mut back = Back::default();
            for (place, erased) in request.erased.iter().enumerate() {
                let told = apply(writing, erased, is_ours, &mut applied);
                told.and_then(|()| back.note(erased)).map_err(|error| {
                    let field = error.field().unwrap_or("subject").to_owned();
                    error.with_field(format!("erased[{place}].{field}"))
                })?;
            }
            let is_any_new = rows::number_suppressed(writing.tx)? > before;
            if is_ours {
                back.lift(writing)?;
            }
            if is_any_new {
                suppression::follow(writing)?;
            }
            applied.settle(writing)?;
            Ok(applied)
        })?;
        let is_log_emptied = self.crm.shared.store.empty_log()?;
        let Applied { erased, absent, known, foreign_hashes, blockers } = applied;
        let applied =
            AppliedErasures { erased, absent, known, foreign_hashes, is_log_emptied, blockers };
        Ok(applied)
    }

    /// The same for a copy of the file whose list it is. A copy without a key gets `key`, that of the file.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` as for [`Privacy::erase`].
    pub(in crate::engine) fn replay(
        &self,
        list: &ErasureList,
        key: Option<[u8; 32]>,
        applied: &mut Applied,
    ) -> Result<()> {
        if list.erased.is_empty() {
            return Ok(());
        }
        self.crm.write(|writing| {
            if let (Some(key), None) = (key, rows::key(writing.tx)?) {
                rows::put_key(writing.tx, &key)?;
            }
            let key = suppression::key(writing)?;
            let is_ours = list.key.as_ref().is_some_and(|name| *name == name_of_key(&key));
            list.erased.iter().try_for_each(|erased| apply(writing, erased, is_ours, applied))
        })
    }

    /// Lets those contact points come back that were suppressed by the erasure of one of these records, and
    /// that another file no longer suppresses, of which this one is a state that it once had.
    ///
    /// # Errors
    ///
    /// Those of `is_suppressed`.
    pub(in crate::engine) fn lift_of<'i>(
        &self,
        erased: impl Iterator<Item = &'i RecordId>,
        mut is_suppressed: impl FnMut(&[u8; 32]) -> Result<bool>,
    ) -> Result<()> {
        self.crm.write(|writing| {
            let mut hashes = Vec::new();
            for id in erased {
                for hash in rows::hashes_of(writing.tx, *id)? {
                    if !is_suppressed(&hash)? {
                        hashes.push(hash);
                    }
                }
            }
            suppression::lift(writing, &hashes).map(drop)
        })
    }
}

/// A page of those who were erased, with those contact points that are said to have come back.
///
/// # Errors
///
/// Those of reading.
pub(in crate::engine) fn page(
    conn: &Connection,
    request: &ListErasures,
    lifted: &Lifted,
) -> Result<ErasureList> {
    let mut found = rows::erased_after(conn, request.after, request.limit + 1)?;
    let has_more = found.len() > request.limit as usize;
    found.truncate(request.limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| last.seq);
    let hex = |hash: &[u8; 32]| to_hex(hash);
    let erased = found.into_iter().map(|erased| {
        let mut back = Vec::new();
        for hash in lifted.get(&erased.record).into_iter().flatten() {
            if !rows::is_suppressed(conn, hash)? {
                back.push(hex(hash));
            }
        }
        Ok(ErasedSubject {
            hashes: rows::hashes_of(conn, erased.record)?.iter().map(hex).collect(),
            lifted: back,
            subject: RecordRef::new(erased.entity_type, erased.record),
            erased_at: erased.at,
            reason: reason(&erased.reason)?,
        })
    });
    let erased = erased.collect::<Result<_>>()?;
    Ok(ErasureList { key: rows::key(conn)?.map(|key| name_of_key(&key)), erased, next })
}

/// What became of a list.
#[derive(Default)]
pub(in crate::engine) struct Applied {
    pub(in crate::engine) erased: u64,
    pub(in crate::engine) absent: u64,
    pub(in crate::engine) known: u64,
    pub(in crate::engine) foreign_hashes: u64,
    /// The required references that lead to nobody, at most [`MENTIONS`].
    pub(in crate::engine) blockers: Vec<ErasureBlocker>,
}

impl Applied {
    /// Which required references lead to somebody who was erased, once all of the list is done: by this list
    /// or before, the latest erasures first.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(in crate::engine) fn settle(&mut self, writing: &Writing<'_>) -> Result<()> {
        let mut found = Vec::new();
        for table in writing.catalog.iter() {
            for attribute in table.model.live().filter(|one| one.definition.required) {
                if attribute.definition.kind != Kind::Reference {
                    continue;
                }
                let referring = rows::referring_to_erased(writing.tx, table, attribute, MENTIONS)?;
                found.extend(referring.into_iter().map(|(seq, id)| {
                    let blocker = ErasureBlocker {
                        reason: BlockerReason::RequiredReference,
                        record: RecordRef::new(&table.model.name, id),
                        attribute: Some(attribute.name().to_owned()),
                    };
                    (seq, blocker)
                }));
            }
        }
        found.sort_by_key(|(seq, _)| Reverse(*seq));
        self.blockers = found.into_iter().take(MENTIONS).map(|(_, blocker)| blocker).collect();
        Ok(())
    }
}

/// What a list says of those contact points that were let back in, once all of it is done: two persons may
/// have had the same one.
#[derive(Default)]
struct Back {
    people: BTreeSet<RecordId>,
    lifted: BTreeSet<[u8; 32]>,
    suppressed: BTreeSet<[u8; 32]>,
}

impl Back {
    /// # Errors
    ///
    /// `InvalidValue`, with the field, for a hash that is none.
    fn note(&mut self, told: &ErasedSubject) -> Result<()> {
        self.people.insert(told.subject.id);
        self.lifted.extend(read_hashes("lifted", &told.lifted)?);
        self.suppressed.extend(read_hashes("hashes", &told.hashes)?);
        Ok(())
    }

    /// Lets back in what the file suppresses by the erasure of nobody but these people.
    fn lift(&self, writing: &mut Writing<'_>) -> Result<()> {
        let mut hashes = Vec::new();
        for hash in self.lifted.difference(&self.suppressed) {
            let since = rows::suppressed_since(writing.tx, hash)?;
            hashes.extend(since.filter(|id| self.people.contains(id)).map(|_| *hash));
        }
        suppression::lift(writing, &hashes).map(drop)
    }
}

/// Erases one of a list, or remembers that it was.
fn apply(
    writing: &mut Writing<'_>,
    request: &ErasedSubject,
    is_ours: bool,
    applied: &mut Applied,
) -> Result<()> {
    let ErasedSubject { subject, erased_at, reason, .. } = request;
    let hashes = hashes(request, is_ours, applied)?;
    let table = table_of_list(writing, subject)?;
    let row =
        table.as_ref().map(|table| records::get(writing.tx, table, subject.id)).transpose()?;
    match (table, row.flatten()) {
        (Some(table), Some(row)) => {
            let found = Found::read(writing.tx, &writing.catalog, &table, row, writing.now)?;
            erase::erase(writing, &table, found, *reason, *erased_at, &hashes)?;
            applied.erased += 1;
        }
        _ if rows::erased_at(writing.tx, subject.id)?.is_some() => {
            applied.known += 1;
            // Another copy may have known another address of the person.
            if suppress(writing, subject, &hashes)? {
                erase::tell(writing, subject, *reason, *erased_at, None)?;
            }
        }
        _ => {
            check_type(writing, subject)?;
            let beside = (Vec::new(), Vec::new());
            erase::remember(writing, subject, *reason, *erased_at, &hashes, beside)?;
            applied.absent += 1;
        }
    }
    Ok(())
}

/// The type of one of a list; `None` if the file does not know it.
fn table_of_list(writing: &Writing<'_>, subject: &RecordRef) -> Result<Option<Arc<Table>>> {
    match writing.table(&subject.entity_type) {
        Ok(table) => Ok(Some(table)),
        Err(error) if error.kind() == ErrorKind::UnknownType => {
            let at = |error: Error| error.with_field("subject.type");
            check::type_name(&subject.entity_type).map_err(at)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Refuses to remember the erasure of a record that is there under another type.
fn check_type(writing: &Writing<'_>, subject: &RecordRef) -> Result<()> {
    for table in writing.catalog.iter() {
        if records::exists(writing.tx, table, subject.id.as_bytes())? {
            let message = "the record is of another type, and was not erased";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("subject.type")
                .with_hint(format!("it is of the type {:?}", table.model.name)));
        }
    }
    Ok(())
}

/// Suppresses contact points, and answers whether any of them was not yet.
fn suppress(writing: &Writing<'_>, subject: &RecordRef, hashes: &[[u8; 32]]) -> Result<bool> {
    let mut is_any_new = false;
    for hash in hashes {
        is_any_new |= rows::suppress(writing.tx, hash, subject.id)?;
    }
    Ok(is_any_new)
}

/// The hashes of one of a list; none if they mean nothing here.
fn hashes(request: &ErasedSubject, is_ours: bool, applied: &mut Applied) -> Result<Vec<[u8; 32]>> {
    let mut hashes = read_hashes("hashes", &request.hashes)?;
    if !is_ours {
        applied.foreign_hashes += hashes.len() as u64;
        hashes.clear();
    }
    Ok(hashes)
}

/// The hashes that these texts spell.
fn read_hashes(field: &str, texts: &[String]) -> Result<Vec<[u8; 32]>> {
    let hashes = texts.iter().enumerate().map(|(place, text)| {
        from_hex(text).ok_or_else(|| {
            Error::new(ErrorKind::InvalidValue, "is not 64 hexadecimal digits")
                .with_field(format!("{field}[{place}]"))
        })
    });
    hashes.collect()
}

/// The reason of this name.
fn reason(name: &str) -> Result<ErasureReason> {
    ErasureReason::from_name(name)
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, "an erasure is for no known reason"))
}
