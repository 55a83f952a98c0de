//! Reading the journal: the history of one record, and everything that changed.

use super::{Catalog, Crm, check_limit, consents, consumers};
use crate::{
    Activity, Change, ChangeKind, ChangePage, Error, ErrorKind, GetHistory, HistoryEntry,
    HistoryPage, ListChanges, RecordId, Result, Values,
    activity::Recorded,
    journal::{ActivityBody, AssociationBody},
    lifecycle::stage_owner,
    rule::body_owner,
    store::{
        journal::{self as rows, StoredChange},
        privacy, records,
    },
};

/// The journal: see [`Crm::journal`].
#[derive(Debug)]
pub struct Journal<'a> {
    pub(super) crm: &'a Crm,
}

impl<'a> Journal<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Changes of the whole file, in order.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the limit is not 1 to 10,000, if both `consumer` and `after` are given,
    /// or if `consumer` is no text without control characters; `LimitExceeded` if it has more than
    /// 255 bytes.
    pub fn changes(&self, request: &ListChanges) -> Result<ChangePage> {
        check_limit(request.limit)?;
        consumers::check_start(request)?;
        self.crm.read_explained(|conn, catalog| {
            let after = consumers::start(conn, request)?;
            let rows = rows::page(conn, after, request.limit)?.into_iter();
            let changes = rows.map(|row| to_change(catalog, row)).collect::<Result<Vec<_>>>()?;
            let next = changes.last().map_or(after, |change| change.seq);
            Ok(ChangePage { changes, next })
        })
    }

    /// The history of a record, or of one of its attributes, oldest first: value, when, who, why. Of a
    /// person who was erased only when and who is left, and last that they were erased.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`; `NotFound` if there is no such record;
    /// `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn history(&self, request: &GetHistory) -> Result<HistoryPage> {
        check_limit(request.limit)?;
        let limit = request.limit as usize;
        let (entries, has_more) = self.crm.read_explained(|conn, catalog| {
            let table = catalog.table(&request.entity_type)?;
            if let Some(name) = &request.attribute {
                table.model.attribute(name)?;
            }
            if !records::exists(conn, table, request.id.as_bytes())?
                && privacy::erased_at(conn, request.id)?.is_none()
            {
                return Err(Error::new(ErrorKind::NotFound, "no such record").with_field("id"));
            }
            let mut entries: Vec<HistoryEntry> = Vec::new();
            let mut has_more = false;
            let mut version = rows::count_until(conn, request.id, request.after)?;
            rows::of_record(conn, request.id, request.after, |row| {
                version += 1;
                let mut values = match row.kind {
                    ChangeKind::RecordErased => Values::new(),
                    _ => table.model.decode_body(&row.body)?,
                };
                if let Some(name) = &request.attribute {
                    let Some(value) = values.remove(name) else { return Ok(true) };
                    values = Values::from([(name.as_str(), value)]);
                }
                has_more = entries.len() == limit;
                if !has_more {
                    entries.push(to_entry(row, version, values));
                }
                Ok(!has_more)
            })?;
            Ok((entries, has_more))
        })?;
        let next = entries.last().filter(|_| has_more).map(|entry| entry.seq);
        Ok(HistoryPage { entries, next })
    }

    /// The whole history of a record, up to 10,000 changes.
    ///
    /// # Errors
    ///
    /// As [`Journal::history`].
    pub fn of_record(&self, entity_type: &str, id: RecordId) -> Result<Vec<HistoryEntry>> {
        let request = GetHistory {
            entity_type: entity_type.to_owned(),
            id,
            attribute: None,
            after: 0,
            limit: crate::limits::PAGE,
        };
        Ok(self.history(&request)?.entries)
    }
}

pub(super) fn to_entry(row: StoredChange, version: i64, values: Values) -> HistoryEntry {
    HistoryEntry {
        seq: row.seq,
        at: row.hlc.at(),
        actor: row.actor,
        cause: row.cause,
        kind: row.kind,
        version,
        values,
        is_erased: row.is_erased,
    }
}

pub(super) fn to_change(catalog: &Catalog, row: StoredChange) -> Result<Change> {
    let (mut values, mut definition) = (Values::new(), None);
    let (mut activity, mut association) = (None, None);
    let (mut entity_type, mut record_id) = (row.entity_type.clone(), row.record_id);
    match (&row.entity_type, row.record_id) {
        _ if row.is_erased => {
            // Under what id the journal has it is left; what that is the id of only records tell.
            record_id = record_id.filter(|_| entity_type.is_some());
        }
        _ if row.kind == ChangeKind::RecordErased => definition = Some(row.body),
        (Some(name), Some(_)) => {
            // Types are archived and never dropped.
            let table = catalog.find(name).ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "a change is about a type that there is not")
            })?;
            values = table.model.decode_body(&row.body)?;
        }
        (None, Some(_)) if row.kind.is_about_stages() => {
            let whose = stage_owner(&row.body)?;
            (entity_type, record_id) = (Some(whose.entity_type), Some(whose.id));
            definition = Some(row.body);
        }
        (None, Some(_)) if row.kind.is_about_rules() => {
            record_id = None;
            if matches!(
                row.kind,
                ChangeKind::RuleRan | ChangeKind::RuleSkipped | ChangeKind::EventEmitted
            ) {
                let whose = body_owner(&row.body)?;
                (entity_type, record_id) = (Some(whose.entity_type), Some(whose.id));
            }
            definition = Some(row.body);
        }
        (None, Some(_)) if row.kind == ChangeKind::ConsentRecorded => {
            let subject = consents::subject_of(&row.body)?;
            (entity_type, record_id) = (Some(subject.entity_type), Some(subject.id));
            definition = Some(row.body);
        }
        (None, None) if row.kind.names_record() => {
            let whose = body_owner(&row.body)?;
            (entity_type, record_id) = (Some(whose.entity_type), Some(whose.id));
            definition = Some(row.body);
        }
        (None, Some(id)) => {
            let body = AssociationBody::read(&row.body)?;
            let table = catalog.associations(&body.association_type)?;
            association = Some(body.decode(&table.model, id)?);
            record_id = None;
        }
        _ if row.kind == ChangeKind::ActivityRecorded => {
            activity = Some(to_activity(catalog, &row)?);
        }
        _ => definition = Some(row.body),
    }
    Ok(Change {
        seq: row.seq,
        device: RecordId::from_bytes(row.device).to_string(),
        device_seq: row.device_seq,
        hlc: row.hlc.0,
        at: row.hlc.at(),
        transaction: row.transaction,
        actor: row.actor,
        cause: row.cause,
        kind: row.kind,
        entity_type,
        record_id,
        values,
        definition,
        activity,
        association,
        is_erased: row.is_erased,
    })
}

/// An activity as its change recorded it.
fn to_activity(catalog: &Catalog, row: &StoredChange) -> Result<Activity> {
    let body = ActivityBody::read(&row.body)?;
    let kind = catalog.kind(&body.kind)?;
    let (id, at, by) = (body.id, row.hlc.at(), row.actor.clone());
    let recorded = Recorded { id, superseded_by: None, at, by };
    Ok(Activity::new(&kind.model, body.content(&kind.model)?, recorded))
}
