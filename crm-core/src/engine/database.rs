//! The file as a whole: SQL to read, copies, compaction, counts, and the proof that the journal and
//! the tables agree.

use std::{path::Path, time::Duration};

use super::{Catalog, Crm, check_range, progress::Reports, verify_search};
use crate::{
    BackupTo, ChangeKind, DatabaseStats, EngineInfo, Error, ErrorKind, Flow, Progress, RecordId,
    Result, RunSql, SqlResult, SqlRow, Timestamp, TypeCount, Value, VerifyReport,
    cell::Cell,
    journal::read_body,
    limits,
    record::Draft,
    store::{
        self, Connection, Depth, QueryLimits, files, journal,
        records::{self as rows, Position, Selection, StoredRow},
        search::{self, Owner},
        table::Table,
    },
};

/// How many findings a verification lists.
pub(super) const FINDINGS: usize = 100;
/// Records that are verified in one go, from one state of the file.
const VERIFIED_AT_ONCE: u32 = 1000;

impl Crm {
    /// Which engine this is.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn info(&self) -> Result<EngineInfo> {
        // Asking the store is what tells a closed handle.
        self.shared.store.read(|_| Ok(()))?;
        Ok(EngineInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sqlite_version: store::sqlite_version().to_owned(),
            schema_version: store::SCHEMA_VERSION,
        })
    }

    /// Runs one read-only SQL statement over the tables of the file: one per entity type, of its
    /// name, and a view `v_<type>` that shows text where the table has numbers.
    ///
    /// This is what another SQLite would be opened for. Never open the file with another SQLite in
    /// the same process: it breaks the locks of both.
    ///
    /// ```
    /// use crm_core::{Crm, RunSql, Value, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.companies().create(values! { "name" => "Acme" })?;
    /// let result = crm.sql(&RunSql::new("SELECT count(*) AS companies FROM company"))?;
    /// assert_eq!(result.rows[0].0, [Value::Integer(1)]);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidSql` if it is not one statement of SQLite's dialect, `NotAuthorized` if it would do
    /// anything but read, `TimedOut` past the time limit, `LimitExceeded` if the first row alone has
    /// more than 16 MiB (a longer result is cut there, and says so), `InvalidArgument` if a limit or
    /// parameter makes no sense.
    pub fn sql(&self, request: &RunSql) -> Result<SqlResult> {
        check_range("limit", request.limit.into(), 1, limits::SQL_ROWS.into())?;
        check_range("timeout_ms", request.timeout_ms.into(), 1, 600_000)?;
        let parameters = request.parameters.iter().map(to_parameter).collect::<Result<Vec<_>>>()?;
        let limits = QueryLimits {
            max_rows: request.limit as usize,
            timeout: Duration::from_millis(request.timeout_ms.into()),
        };
        let found = self.shared.store.query(&request.sql, &parameters, limits)?;
        let rows = found.rows.into_iter().map(SqlRow).collect();
        Ok(SqlResult { columns: found.columns, rows, is_truncated: found.truncated })
    }

    /// Copies the file to another place while others read and write. Copying the file by other means
    /// misses what is still in its log.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the target exists; `Io` or `Full` if it cannot be written;
    /// `Interrupted` if `watch` cancelled it. Whatever fails, no half-written target is left.
    pub fn backup_to(
        &self,
        request: &BackupTo,
        watch: &mut dyn FnMut(Progress) -> Flow,
    ) -> Result<()> {
        let mut reports = Reports::new(&self.shared.observers, watch);
        self.shared.store.backup_to(Path::new(&request.path), &mut |done, total| {
            let progress = Progress { done, total: Some(total) };
            reports.step(progress, done == total) == Flow::Continue
        })
    }

    /// Rewrites the file without free space.
    ///
    /// # Errors
    ///
    /// `Full` if there is no room for the copy that this needs; `ReadOnly`.
    pub fn compact(&self) -> Result<()> {
        self.shared.observers.check_not_inside()?;
        let _head = self.head();
        self.shared.store.compact()
    }

    /// Sizes and counts. It counts the records of every type, so it takes a moment on a large file.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn stats(&self) -> Result<DatabaseStats> {
        let file = self.shared.store.stats()?;
        let catalog = self.catalog();
        self.shared.store.read_snapshot(|conn| {
            let count = |table: &Table| {
                let records = rows::count(conn, table, &[], crate::Archived::Include)?;
                Ok(TypeCount { entity_type: table.model.name.clone(), records })
            };
            Ok(DatabaseStats {
                file_bytes: file.file_bytes,
                wal_bytes: file.wal_bytes,
                free_bytes: file.free_pages * file.page_size,
                changes: journal::last_seq(conn)?.unsigned_abs(),
                files: files::count(conn)?,
                types: catalog.iter().map(|table| count(table)).collect::<Result<_>>()?,
            })
        })
    }

    /// Checks the file: SQLite's own integrity check, and that every record, activity and association,
    /// where every record stands and of which segments it is a member, is what the journal says of it, and the index of words what they
    /// say. Progress counts all of them.
    ///
    /// # Errors
    ///
    /// `Interrupted` if `watch` cancelled it. What is found is no error but stands in the report.
    pub fn verify(&self, watch: &mut dyn FnMut(Progress) -> Flow) -> Result<VerifyReport> {
        let findings = u32::try_from(FINDINGS).unwrap_or(u32::MAX);
        let mut report = VerifyReport {
            is_ok: false,
            records: 0,
            activities: 0,
            associations: 0,
            problems: self.shared.store.integrity(Depth::Full, findings)?,
        };
        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut goes_on = |progress, is_last| {
            let flow = reports.step(progress, is_last);
            self.shared.store.check_interrupted(mark)?;
            match flow {
                Flow::Continue => Ok(()),
                Flow::Cancel => {
                    Err(Error::new(ErrorKind::Interrupted, "the verification was cancelled"))
                }
            }
        };
        let searched = self.shared.store.read_snapshot(|conn| {
            verify_search::verify_whole(conn, &Catalog::load(conn)?, &mut report)
        });
        match searched {
            Err(error) if is_finding(error.kind()) => {
                report.problems.push(format!("search: {}", error.message()));
            }
            searched => searched?,
        }
        for table in self.catalog().iter() {
            let name = &table.model.name;
            let mut after = None;
            loop {
                let page = self.shared.store.read_snapshot(|conn| {
                    // The schema of the same state: others may change it between two pages.
                    let catalog = Catalog::load(conn)?;
                    verify_page(conn, &catalog, catalog.table(name)?, after.take(), &mut report)
                });
                let last = match page {
                    Err(error) if is_finding(error.kind()) => {
                        report.problems.push(format!("{name}: {}", error.message()));
                        None
                    }
                    page => page?,
                };
                goes_on(Progress { done: report.records, total: None }, false)?;
                match last {
                    Some(id) => after = Some(Position { key: Cell::Null, id }),
                    None => break,
                }
            }
        }
        self.verify_activities(&mut report, &mut goes_on)?;
        self.verify_associations(&mut report, &mut goes_on)?;
        self.verify_lifecycles(&mut report, &mut goes_on)?;
        self.verify_segments(&mut report, goes_on)?;
        report.problems.truncate(FINDINGS);
        report.is_ok = report.problems.is_empty();
        Ok(report)
    }
}

/// Whether an error in reading the file is what a verification looks for. A damaged index of words may
/// ask for any amount of memory.
pub(super) const fn is_finding(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Corrupt | ErrorKind::LimitExceeded)
}

/// Compares a page of records with the journal and returns the last id, if a next page may follow.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    table: &Table,
    after: Option<Position>,
    report: &mut VerifyReport,
) -> Result<Option<RecordId>> {
    let is_first = after.is_none();
    if is_first {
        let created = journal::count_created(conn, &table.model.name)?;
        let stored = rows::count(conn, table, &[], crate::Archived::Include)?;
        if created != stored {
            let name = &table.model.name;
            report.problems.push(format!(
                "{name}: the table has {stored} records, the journal created {created}"
            ));
        }
    }
    let selection = Selection {
        terms: &[],
        archived: crate::Archived::Include,
        order: None,
        after,
        limit: VERIFIED_AT_ONCE,
    };
    let page = rows::list(conn, table, &selection)?;
    for row in &page {
        report.records += 1;
        let finding = match rebuild(conn, table, row.id) {
            Ok(rebuilt) if rebuilt.as_ref() == Some(row) => {
                match miscalculated(conn, catalog, table, row)? {
                    Some(name) => format!("{name} is not what its formula gives"),
                    None if has_other_words(conn, table, row)? => {
                        "the index of words differs from the table".to_owned()
                    }
                    None => continue,
                }
            }
            Ok(_) => "the table differs from the journal".to_owned(),
            Err(error) if is_finding(error.kind()) => error.message().to_owned(),
            Err(error) => return Err(error),
        };
        if report.problems.len() < FINDINGS {
            let name = &table.model.name;
            report.problems.push(format!("{name} {}: {finding}", row.id));
        }
    }
    let is_full = page.len() == VERIFIED_AT_ONCE as usize;
    Ok(page.last().filter(|_| is_full).map(|row| row.id))
}

/// An attribute of a row that is not what its formula gives.
fn miscalculated<'t>(
    conn: &Connection,
    catalog: &Catalog,
    table: &'t Table,
    row: &StoredRow,
) -> Result<Option<&'t str>> {
    let model = &table.model;
    if model.calculated.is_empty() && model.rollups.is_empty() {
        return Ok(None);
    }
    let rollups = catalog.rollups().of_type(model.id);
    let values = rollups.map(|kept| kept.read(conn, table, row.id)).collect::<Result<Vec<_>>>()?;
    let draft = Draft::recalculate(model, row.cells.clone(), values);
    Ok(draft.changed.first().map(|place| model.attributes[*place].name()))
}

/// Whether the index holds other words than those of the row.
fn has_other_words(conn: &Connection, table: &Table, row: &StoredRow) -> Result<bool> {
    let model = &table.model;
    if model.searched.is_empty() {
        return Ok(false);
    }
    let seq = search::created_seq(conn, row.id)?;
    let expected = Some((&row.cells[..], row.archived_at.is_some()));
    verify_search::differs(conn, Owner::Type(model.id), model, seq, expected)
}

/// The row of a record as its changes make it; `None` if the journal does not create it.
fn rebuild(conn: &Connection, table: &Table, id: RecordId) -> Result<Option<StoredRow>> {
    let mut row: Option<StoredRow> = None;
    journal::of_record(conn, id, 0, |change| {
        let at: Timestamp = change.hlc.at();
        if change.kind == ChangeKind::RecordCreated {
            let cells = vec![Cell::Null; table.model.columns];
            row = Some(StoredRow {
                id,
                version: 0,
                created_at: at,
                updated_at: at,
                archived_at: None,
                cells,
            });
        }
        let Some(row) = &mut row else { return Ok(false) };
        row.version += 1;
        row.updated_at = at;
        match change.kind {
            ChangeKind::RecordArchived => row.archived_at = Some(at),
            ChangeKind::RecordRestored => row.archived_at = None,
            _ => {}
        }
        for (attribute, cells) in read_body(&table.model, &change.body)? {
            row.cells[attribute.span()].clone_from_slice(&cells);
        }
        Ok(true)
    })?;
    Ok(row)
}

fn to_parameter(value: &Value) -> Result<Cell> {
    Ok(match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Integer((*value).into()),
        Value::Integer(number) => Cell::Integer(*number),
        Value::Real(number) => Cell::Real(*number),
        Value::Text(text) => Cell::Text(text.clone()),
        other => {
            let message = format!("cannot be {}", other.shape());
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("parameters"));
        }
    })
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(number) => Self::Integer(number),
            Cell::Real(number) => Self::Real(number),
            Cell::Text(text) => Self::Text(text),
            Cell::Blob(bytes) => match <[u8; 16]>::try_from(bytes.as_slice()) {
                Ok(id) => Self::from(RecordId::from_bytes(id)),
                Err(_) => Self::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            },
        }
    }
}
