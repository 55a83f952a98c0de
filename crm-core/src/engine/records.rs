//! Records: creating, reading, changing, archiving, one by one and in batches.

use std::sync::Arc;

use super::{
    Crm, View, Writing, check_limit, cursor, lifecycles, privacy::suppression, rollups::Kept,
    writing::check_body,
};
use crate::{
    ApplyChanges, ApplyReport, Archived, ChangeKind, ChangeOutcome, CountRecords, Error, ErrorKind,
    FoundRecords, Kind, ListRecords, Outcome, Problem, Record, RecordChange, RecordId, RecordPage,
    Result, Upserted, Value, Values,
    cell::Cell,
    journal, limits,
    record::{Draft, encode_key},
    schema::{AttributeModel, TypeModel},
    store::{
        files,
        records::{self as rows, Position, Selection, StoredRow, Term},
        select::Place,
        table::Table,
    },
};

/// Records that are held at once while formulas are calculated anew.
const RECALCULATED_AT_ONCE: u32 = 1000;

/// Records of one entity type: see [`Crm::records`].
#[derive(Debug)]
pub struct Records<'a> {
    crm: &'a Crm,
    entity_type: &'a str,
}

impl<'a> Records<'a> {
    pub(super) fn new(crm: &'a Crm, entity_type: &'a str) -> Self {
        Self { crm, entity_type }
    }

    fn table(&self) -> Result<Arc<Table>> {
        self.crm.catalog().table(self.entity_type).cloned()
    }

    /// Adds a record and returns it with its id.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `UnknownOption` (with the nearest name as a hint);
    /// `WrongKind`, `InvalidValue`, `OutOfRange`, `Required`, `Duplicate` or `NotFound` (of a
    /// reference or file), naming the attribute; `Suppressed` if a contact point is one of a person who
    /// was erased; `Archived` if the type or an attribute is; `InvalidArgument` if an attribute is
    /// calculated.
    pub fn create(&self, values: Values) -> Result<Record> {
        self.crm.write(|writing| {
            let table = writing.table(self.entity_type)?;
            let row = create(writing, &table, values)?;
            settled(writing, &table, row)
        })
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`.
    pub fn get(&self, id: RecordId) -> Result<Record> {
        let table = self.table()?;
        let row = self.crm.shared.store.read(|conn| rows::get(conn, &table, id))?;
        row.map(|row| to_record(&table.model, row)).ok_or_else(|| not_found("id"))
    }

    /// Reads the record that has this value of a unique attribute. The value may be in any form that
    /// normalises to the stored one.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`; `InvalidArgument` if the attribute is not unique;
    /// `NotFound`; and as for [`Records::create`] if the value does not fit the attribute.
    pub fn get_by(&self, attribute: &str, value: impl Into<Value>) -> Result<Record> {
        let table = self.table()?;
        let (place, key) = unique_key(&table.model, attribute, value.into())?;
        let row = self.crm.shared.store.read(|conn| rows::get_by(conn, &table, place, &key))?;
        row.map(|row| to_record(&table.model, row)).ok_or_else(|| not_found(attribute))
    }

    /// Reads several records, by id or by a unique attribute, from one state of the file.
    ///
    /// # Errors
    ///
    /// As [`Records::get_by`], except that a missing record is `None`; `LimitExceeded` past 10,000
    /// keys.
    pub fn get_many(
        &self,
        attribute: Option<&str>,
        keys: impl IntoIterator<Item = Value>,
    ) -> Result<FoundRecords> {
        let table = self.table()?;
        let keys: Vec<Value> = keys.into_iter().collect();
        if keys.len() > limits::PAGE as usize {
            let message = format!("at most {} keys", limits::PAGE);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("keys"));
        }
        let found = self.crm.shared.store.read_snapshot(|conn| {
            let find = |key| match attribute {
                None => rows::get(conn, &table, id_key(&key)?),
                Some(attribute) => {
                    let (place, key) = unique_key(&table.model, attribute, key)?;
                    rows::get_by(conn, &table, place, &key)
                }
            };
            keys.into_iter().map(find).collect::<Result<Vec<_>>>()
        })?;
        let records = found.into_iter();
        let records = records.map(|row| row.map(|row| to_record(&table.model, row))).collect();
        Ok(FoundRecords { records })
    }

    /// Changes some values of a record; null clears an attribute, those left out stay.
    ///
    /// # Errors
    ///
    /// As [`Records::create`], and `NotFound`; `Archived` if the record is.
    pub fn patch(&self, id: RecordId, values: Values) -> Result<Record> {
        self.patch_expecting(id, values, None)
    }

    /// Changes some values of a record if it still has the version that the caller read.
    ///
    /// # Errors
    ///
    /// As [`Records::patch`], and `StaleVersion` if it has another one; then nothing is written.
    pub fn patch_expecting(
        &self,
        id: RecordId,
        values: Values,
        expected_version: Option<i64>,
    ) -> Result<Record> {
        self.crm.write(|writing| {
            let table = writing.table(self.entity_type)?;
            let (row, _) = patch(writing, &table, id, values, expected_version)?;
            settled(writing, &table, row)
        })
    }

    /// Archives a record: it stays readable, keeps its place in unique attributes, and lists leave
    /// it out. Archiving it again does nothing.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `NotFound`; `StaleVersion` as for [`Records::patch_expecting`].
    pub fn archive(&self, id: RecordId, expected_version: Option<i64>) -> Result<Record> {
        self.set_archived(id, expected_version, true)
    }

    /// Takes a record out of the archive. Doing so again does nothing.
    ///
    /// # Errors
    ///
    /// As [`Records::archive`].
    pub fn restore(&self, id: RecordId, expected_version: Option<i64>) -> Result<Record> {
        self.set_archived(id, expected_version, false)
    }

    fn set_archived(&self, id: RecordId, expected: Option<i64>, archive: bool) -> Result<Record> {
        self.crm.write(|writing| {
            let table = writing.table(self.entity_type)?;
            let (row, _) = set_archived(writing, &table, id, expected, archive)?;
            settled(writing, &table, row)
        })
    }

    /// Creates a record, or changes the one that has the same value of the unique attribute `key`.
    ///
    /// # Errors
    ///
    /// As [`Records::create`] and [`Records::get_by`]; `Required` if `values` lacks the key;
    /// `Archived` if the record found is.
    pub fn upsert(&self, key: &str, values: Values) -> Result<Upserted> {
        self.crm.write(|writing| {
            let table = writing.table(self.entity_type)?;
            let (row, outcome) = upsert(writing, &table, key, values)?;
            Ok(Upserted { record: settled(writing, &table, row)?, outcome })
        })
    }

    /// How many records in use there are.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub fn count(&self) -> Result<u64> {
        self.crm.count_records(&CountRecords::new(self.entity_type))
    }

    /// All records in use, by id, read page by page: so memory stays small and no lock is held
    /// between two pages.
    ///
    /// ```
    /// use crm_core::{Crm, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.companies().create(values! { "name" => "Acme" })?;
    /// for company in crm.companies().iter() {
    ///     assert_eq!(company?.get("name").as_str(), Some("Acme"));
    /// }
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Result<Record>> + 'a {
        let crm = self.crm;
        let mut next_page = Some(ListRecords { limit: 1000, ..ListRecords::new(self.entity_type) });
        let pages = std::iter::from_fn(move || {
            let request = next_page.take()?;
            let page = crm.list_records(&request);
            if let Ok(RecordPage { next: Some(after), .. }) = &page {
                next_page = Some(ListRecords { after: Some(after.clone()), ..request });
            }
            Some(page)
        });
        pages.flat_map(|page| match page {
            Ok(page) => page.records.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }
}

impl Crm {
    /// Reads a page of records.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`; `InvalidArgument` if a list cannot be ordered by the
    /// attribute, the limit is not 1 to 10,000, or `after` is not the `next` of a page in the same
    /// order; as for [`Records::create`] if a value of the filter does not fit; and as for
    /// [`Crm::check_condition`] if the condition does not.
    pub fn list_records(&self, request: &ListRecords) -> Result<RecordPage> {
        let catalog = self.catalog();
        let table = catalog.table(&request.entity_type)?.clone();
        check_limit(request.limit)?;
        let mut terms = filter(&table.model, &request.filter)?;
        if let Some(condition) = &request.condition {
            let zone = request.zone.as_deref();
            let wanted = self.wanted(&catalog, condition, &table.model.name, request.at, zone)?;
            terms.push(Term::Condition(wanted));
        }
        let order = request.order.as_ref();
        let ordered = order.map(|order| comparable(&table.model, &order.attribute)).transpose()?;
        let after = request.after.as_deref().map(|text| cursor::read(order, text)).transpose()?;
        let after = after.map(|Place { mut keys, id }| {
            let key = keys.pop().unwrap_or_default();
            Position { key, id }
        });
        let selection = Selection {
            terms: &terms,
            archived: request.archived,
            order: ordered
                .map(AttributeModel::leading_column)
                .zip(order.map(|order| order.descending)),
            after,
            // One more tells whether there is a next page.
            limit: request.limit + 1,
        };
        let mut found = self.shared.store.read(|conn| rows::list(conn, &table, &selection))?;
        let has_more = found.len() > request.limit as usize;
        found.truncate(request.limit as usize);
        let next = found.last().filter(|_| has_more).map(|last| {
            let keys = ordered.iter().map(|attribute| last.cells[attribute.first].clone());
            cursor::write(order, Place { keys: keys.collect(), id: last.id })
        });
        let records = found.into_iter().map(|row| to_record(&table.model, row)).collect();
        Ok(RecordPage { records, next })
    }

    /// Counts records.
    ///
    /// # Errors
    ///
    /// As [`Crm::list_records`].
    pub fn count_records(&self, request: &CountRecords) -> Result<u64> {
        let catalog = self.catalog();
        let table = catalog.table(&request.entity_type)?.clone();
        let mut terms = filter(&table.model, &request.filter)?;
        if let Some(condition) = &request.condition {
            let zone = request.zone.as_deref();
            let wanted = self.wanted(&catalog, condition, &table.model.name, request.at, zone)?;
            terms.push(Term::Condition(wanted));
        }
        self.shared.store.read(|conn| rows::count(conn, &table, &terms, request.archived))
    }

    /// Writes several changes in one transaction and says for each what became of it: it is whole, with
    /// all that follows from it, or nothing of it is there. Scores and live segments follow at the end,
    /// once for each record, and then the lifecycles and rules that ask for them.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 100,000 changes. A change that fails by itself is not an error of the
    /// batch but an outcome; an error of the file undoes the whole batch.
    pub fn apply(&self, request: ApplyChanges) -> Result<ApplyReport> {
        if request.changes.len() > limits::BATCH {
            let message = format!("at most {} changes", limits::BATCH);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("changes"));
        }
        let mut report = ApplyReport { outcomes: Vec::new(), failed: 0, is_committed: true };
        let written = self.write_rows(|writing| {
            (report.outcomes, report.failed) = (Vec::with_capacity(request.changes.len()), 0);
            writing.batch(|writing| {
                for change in &request.changes {
                    let outcome = writing.row(|writing| apply_one(writing, change.clone()))?;
                    report.failed += u64::from(outcome.is_err());
                    report.outcomes.push(to_outcome(outcome));
                }
                if request.all_or_nothing && report.failed > 0 {
                    report.is_committed = false;
                    return Err(Error::new(ErrorKind::Interrupted, "a change failed"));
                }
                Ok(())
            })?;
            for outcome in &mut report.outcomes {
                // What followed from a row wrote the record again, or a later row did after that.
                let written = outcome.id.and_then(|id| writing.pending.version(id));
                outcome.version = outcome.version.max(written);
            }
            Ok(())
        });
        match written {
            Err(_) if !report.is_committed => {}
            written => written?,
        }
        Ok(report)
    }
}

fn to_outcome(outcome: Result<(RecordId, i64, Outcome)>) -> ChangeOutcome {
    match outcome {
        Ok((id, version, outcome)) => {
            ChangeOutcome { outcome, id: Some(id), version: Some(version), problem: None }
        }
        Err(error) => ChangeOutcome {
            outcome: Outcome::Failed,
            id: None,
            version: None,
            problem: Some(Problem::from(&error)),
        },
    }
}

fn apply_one(writing: &mut Writing<'_>, change: RecordChange) -> Result<(RecordId, i64, Outcome)> {
    let (row, outcome) = match change {
        RecordChange::Create(change) => {
            let table = writing.table(&change.entity_type)?;
            (create(writing, &table, change.values)?, Outcome::Created)
        }
        RecordChange::Patch(change) => {
            let table = writing.table(&change.entity_type)?;
            patch(writing, &table, change.id, change.values, change.expected_version)?
        }
        RecordChange::Upsert(change) => {
            let table = writing.table(&change.entity_type)?;
            upsert(writing, &table, &change.key, change.values)?
        }
        RecordChange::Archive(change) => {
            let table = writing.table(&change.entity_type)?;
            set_archived(writing, &table, change.id, change.expected_version, true)?
        }
        RecordChange::Restore(change) => {
            let table = writing.table(&change.entity_type)?;
            set_archived(writing, &table, change.id, change.expected_version, false)?
        }
    };
    Ok((row.id, row.version, outcome))
}

/// Creates a record within a transaction.
pub(super) fn create(
    writing: &mut Writing<'_>,
    table: &Table,
    values: Values,
) -> Result<StoredRow> {
    table.model.check_live()?;
    let mut draft = Draft::create(&table.model, values)?;
    let id = writing.new_id();
    check_stored(&writing.view(), table, Some(id), &mut draft)?;
    insert(writing, table, id, draft)
}

/// Writes a new record, all of which was checked.
pub(super) fn insert(
    writing: &mut Writing<'_>,
    table: &Table,
    id: RecordId,
    draft: Draft,
) -> Result<StoredRow> {
    let model = &table.model;
    let stamp = writing.stamp();
    let at = stamp.at();
    journal::write_created(model, &draft, &mut writing.body);
    writing.check_body()?;
    rows::insert(writing.tx, table, id, (writing.next_seq(), at), &draft.cells)?;
    index_choices(writing, model, id, &draft)?;
    writing.log_record(stamp, ChangeKind::RecordCreated, table, id)?;
    writing.note_creation(table, id, at, &draft.cells);
    writing.tell_record(table, id, &draft, true)?;
    let cells = draft.cells;
    Ok(StoredRow { id, version: 1, created_at: at, updated_at: at, archived_at: None, cells })
}

/// Changes a record within a transaction.
pub(super) fn patch(
    writing: &mut Writing<'_>,
    table: &Table,
    id: RecordId,
    values: Values,
    expected_version: Option<i64>,
) -> Result<(StoredRow, Outcome)> {
    let row = load(writing, table, id, expected_version)?;
    patch_row(writing, table, row, values)
}

fn patch_row(
    writing: &mut Writing<'_>,
    table: &Table,
    mut row: StoredRow,
    values: Values,
) -> Result<(StoredRow, Outcome)> {
    table.model.check_live()?;
    check_in_use(&row)?;
    let mut draft = Draft::patch(&table.model, std::mem::take(&mut row.cells), values)?;
    check_stored(&writing.view(), table, Some(row.id), &mut draft)?;
    if draft.changed.is_empty() {
        row.cells = draft.cells;
        return Ok((row, Outcome::Unchanged));
    }
    Ok((update(writing, table, row, draft)?, Outcome::Updated))
}

/// Writes what `draft` changes of a record, all of which was checked.
pub(super) fn update(
    writing: &mut Writing<'_>,
    table: &Table,
    mut row: StoredRow,
    draft: Draft,
) -> Result<StoredRow> {
    let model = &table.model;
    journal::write_changes(model, &draft, &mut writing.body);
    writing.check_body()?;
    let stamp = writing.stamp();
    row.version += 1;
    row.updated_at = stamp.at();
    rows::update(writing.tx, table, row.id, row.version, row.updated_at, &draft)?;
    index_choices(writing, model, row.id, &draft)?;
    writing.log_record(stamp, ChangeKind::RecordPatched, table, row.id)?;
    writing.note_update(table, &row, &draft)?;
    writing.note_version(row.id, row.version);
    writing.tell_record(table, row.id, &draft, false)?;
    row.cells = draft.cells;
    Ok(row)
}

/// # Errors
///
/// `Archived`.
pub(super) fn check_in_use(row: &StoredRow) -> Result<()> {
    match row.archived_at {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Archived, "the record is archived")
            .with_field("id")
            .with_hint("restore it with records.restore")),
    }
}

/// Writes into every record of a type, archived ones included, what its formulas give now, and this
/// roll-up if one is named.
pub(super) fn recalculate(
    writing: &mut Writing<'_>,
    table: &Table,
    rollup: Option<&Kept>,
) -> Result<()> {
    let mut after = None;
    loop {
        let selection = Selection {
            terms: &[],
            archived: Archived::Include,
            order: None,
            after: after.take(),
            limit: RECALCULATED_AT_ONCE,
        };
        let page = rows::list(writing.tx, table, &selection)?;
        let is_last = page.len() < RECALCULATED_AT_ONCE as usize;
        after = page.last().map(|row| Position { key: Cell::Null, id: row.id });
        for mut row in page {
            let mut value = None;
            if let Some(rollup) = rollup {
                value = Some(rollup.read(writing.tx, table, row.id)?);
            }
            let draft = Draft::recalculate(&table.model, std::mem::take(&mut row.cells), value);
            if !draft.changed.is_empty() {
                update(writing, table, row, draft)?;
            }
        }
        writing.settle()?;
        writing.pending.next_page();
        if is_last {
            return Ok(());
        }
    }
}

/// Creates or changes a record within a transaction.
pub(super) fn upsert(
    writing: &mut Writing<'_>,
    table: &Table,
    key: &str,
    values: Values,
) -> Result<(StoredRow, Outcome)> {
    let (place, cell) = unique_key(&table.model, key, values.get(key).clone())?;
    match rows::get_by(writing.tx, table, place, &cell)? {
        Some(row) => patch_row(writing, table, row, values),
        None => Ok((create(writing, table, values)?, Outcome::Created)),
    }
}

/// Archives a record within a transaction, or takes it out of the archive.
pub(super) fn set_archived(
    writing: &mut Writing<'_>,
    table: &Table,
    id: RecordId,
    expected_version: Option<i64>,
    archive: bool,
) -> Result<(StoredRow, Outcome)> {
    table.model.check_live()?;
    let row = load(writing, table, id, expected_version)?;
    set_archived_row(writing, table, row, archive)
}

/// Archives a record, also of a type that is archived: it is about to be erased.
pub(super) fn archive_any(writing: &mut Writing<'_>, table: &Table, id: RecordId) -> Result<()> {
    let row = load(writing, table, id, None)?;
    set_archived_row(writing, table, row, true).map(drop)
}

fn set_archived_row(
    writing: &mut Writing<'_>,
    table: &Table,
    mut row: StoredRow,
    archive: bool,
) -> Result<(StoredRow, Outcome)> {
    if row.archived_at.is_some() == archive {
        return Ok((row, Outcome::Unchanged));
    }
    let id = row.id;
    let stamp = writing.stamp();
    row.version += 1;
    row.updated_at = stamp.at();
    row.archived_at = archive.then(|| stamp.at());
    rows::set_archived(writing.tx, table, id, row.version, row.updated_at, archive)?;
    journal::write_empty(&mut writing.body);
    let (kind, outcome) = match archive {
        true => (ChangeKind::RecordArchived, Outcome::Archived),
        false => (ChangeKind::RecordRestored, Outcome::Restored),
    };
    writing.log_record(stamp, kind, table, id)?;
    writing.note_archiving(table, &row)?;
    writing.tell_archiving(table, row.id)?;
    Ok((row, outcome))
}

fn load(
    writing: &Writing<'_>,
    table: &Table,
    id: RecordId,
    expected_version: Option<i64>,
) -> Result<StoredRow> {
    let row = rows::get(writing.tx, table, id)?.ok_or_else(|| not_found("id"))?;
    match expected_version {
        Some(expected) if expected != row.version => {
            let message = format!("the record has version {}, not {expected}", row.version);
            Err(Error::new(ErrorKind::StaleVersion, message)
                .with_field("expected_version")
                .with_hint("read the record again, then decide"))
        }
        _ => Ok(row),
    }
}

/// Refuses a change that the journal cannot hold, while it is only judged.
pub(super) fn check_size(model: &TypeModel, draft: &Draft) -> Result<()> {
    // No character takes more than six bytes in a body, so that nearly every change is seen to fit.
    let cells = draft.changes(model).flat_map(|(_, cells)| cells);
    if cells.map(Cell::content_bytes).sum::<usize>() < limits::CHANGE_BYTES / 8 {
        return Ok(());
    }
    let mut body = String::new();
    journal::write_changes(model, draft, &mut body);
    check_body(&body)
}

/// Checks what only the file can tell: that references and files are there, and that no other record
/// than `id` has the value of a unique attribute.
pub(super) fn check_stored(
    view: &View<'_>,
    table: &Table,
    id: Option<RecordId>,
    draft: &mut Draft,
) -> Result<()> {
    for &place in &draft.changed {
        let attribute = &table.model.attributes[place];
        let cells = &mut draft.cells[attribute.span()];
        check_target(view, attribute, cells)?;
        if let (Kind::Email | Kind::Phone, Cell::Text(point)) =
            (attribute.definition.kind, &cells[0])
        {
            suppression::check(view.conn, point, attribute.name())?;
        }
        if attribute.definition.unique
            && cells[0] != Cell::Null
            && let Some(holder) = view.find_other(table, place, &cells[0], id)?
        {
            let message = format!("{holder} has this value already");
            return Err(Error::new(ErrorKind::Duplicate, message)
                .with_field(attribute.name())
                .with_hint("patch that record, or use records.upsert"));
        }
    }
    match id {
        Some(id) => lifecycles::check_required(view, table, id, draft),
        None => Ok(()),
    }
}

/// Checks that the record or file that a value names is there, and takes the size of the file from
/// what is stored.
pub(super) fn check_target(
    view: &View<'_>,
    attribute: &AttributeModel,
    cells: &mut [Cell],
) -> Result<()> {
    match (attribute.definition.kind, &cells[0]) {
        (Kind::Reference, Cell::Blob(target)) => {
            let name = attribute.definition.target.as_deref().unwrap_or_default();
            if !view.exists(view.catalog.table(name)?, target)? {
                let message = format!("no {name} has this id");
                return Err(Error::new(ErrorKind::NotFound, message).with_field(attribute.name()));
            }
        }
        (Kind::File, Cell::Text(hash)) => {
            let size = files::size(view.conn, &super::files::read_hash(hash)?)?;
            let size = size.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "no stored file has this hash")
                    .with_field(attribute.name())
                    .with_hint("store the bytes with files.add")
            })?;
            cells[3] = Cell::Integer(i64::try_from(size).unwrap_or(i64::MAX));
        }
        _ => {}
    }
    Ok(())
}

/// Keeps the side table of indexed `choices` equal to the row.
fn index_choices(
    writing: &Writing<'_>,
    model: &TypeModel,
    id: RecordId,
    draft: &Draft,
) -> Result<()> {
    for (attribute, cells) in draft.changes(model) {
        if attribute.definition.kind == Kind::Choices && attribute.definition.index {
            let options = match attribute.decode(cells) {
                Value::List(options) => options,
                _ => Vec::new(),
            };
            rows::set_choices(writing.tx, attribute, id, &options)?;
        }
    }
    Ok(())
}

/// A row that was written, as callers see it once its roll-ups are true.
fn settled(writing: &mut Writing<'_>, table: &Table, mut row: StoredRow) -> Result<Record> {
    writing.settle()?;
    if writing.pending.version(row.id).is_some() {
        row = rows::get(writing.tx, table, row.id)?.ok_or_else(|| not_found("id"))?;
    }
    Ok(to_record(&table.model, row))
}

pub(super) fn to_record(model: &TypeModel, row: StoredRow) -> Record {
    let (values, typed) = model.decode(row.cells);
    Record {
        entity_type: model.name.clone(),
        id: row.id,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        archived_at: row.archived_at,
        values,
        typed,
    }
}

/// The place and the stored form of a unique attribute's value.
pub(super) fn unique_key(
    model: &TypeModel,
    attribute: &str,
    value: Value,
) -> Result<(usize, Cell)> {
    let attribute = model.attribute(attribute)?;
    if !attribute.definition.unique {
        return Err(Error::new(ErrorKind::InvalidArgument, "the attribute is not unique")
            .with_field(attribute.name())
            .with_hint("look up by a unique attribute, or filter a list"));
    }
    Ok((model.place(attribute), encode_key(attribute, value)?))
}

fn id_key(key: &Value) -> Result<RecordId> {
    let invalid = || Error::new(ErrorKind::WrongKind, "an id is text").with_field("keys");
    key.as_str().ok_or_else(invalid)?.parse::<RecordId>().map_err(|error| error.with_field("keys"))
}

fn comparable<'m>(model: &'m TypeModel, name: &str) -> Result<&'m AttributeModel> {
    let attribute = model.attribute(name)?;
    if attribute.definition.kind.is_comparable() {
        return Ok(attribute);
    }
    let message = format!("a list cannot be ordered by kind {}", attribute.definition.kind.name());
    Err(Error::new(ErrorKind::InvalidArgument, message).with_field(name))
}

/// The terms of a filter: an attribute equals a value, has none, or as `choices` holds an option.
pub(super) fn filter(model: &TypeModel, values: &Values) -> Result<Vec<Term>> {
    let term = |(name, value): (&str, &Value)| {
        let attribute = model.attribute(name)?;
        let columns = || attribute.column_names().collect::<Vec<_>>();
        // Empty text and an empty list are no value here either.
        let mut cells = vec![Cell::Null; attribute.width()];
        attribute.encode(value.clone(), &mut cells)?;
        if cells.iter().all(|cell| *cell == Cell::Null) {
            return Ok(Term::Missing { columns: columns() });
        }
        if let (Kind::Choices, Value::Text(option)) = (attribute.definition.kind, value) {
            let option = option.clone();
            return Ok(match attribute.definition.index {
                true => Term::HoldsIndexed { attribute_id: attribute.id, option },
                false => Term::Holds { column: name.to_owned(), option },
            });
        }
        let parts = attribute.definition.kind.parts().iter().zip(columns().into_iter().zip(cells));
        let compared = parts.filter(|(part, _)| part.tells_apart());
        let (columns, cells) = compared.map(|(_, pair)| pair).unzip();
        Ok(Term::Equals { columns, cells })
    };
    values.iter().map(term).collect()
}

fn not_found(field: &str) -> Error {
    Error::new(ErrorKind::NotFound, "no such record").with_field(field)
}
