//! The file as a whole: SQL to read, copies, compaction, counts, and the proof that the journal and
//! the tables agree.

use std::{path::Path, time::Duration};

use super::{
    Crm, HandleClock, check_moment, check_range, progress::Reports, verify::Compared, verify_search,
};
use crate::{
    BackupTo, ClockReading, DatabaseStats, EngineInfo, Error, ErrorKind, Flow, Progress, RecordId,
    Result, RunSql, SqlResult, SqlRow, Timestamp, TypeCount, Value, VerifyReport,
    cell::Cell,
    limits,
    store::{self, Depth, QueryLimits, files, journal, records as rows, table::Table},
};

/// How many findings a verification lists.
pub(super) const FINDINGS: usize = 100;

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

    /// Sets the clock of a handle that was opened with [`OpenOptions::replay`](crate::OpenOptions):
    /// `to` is its next reading, and its steps go on from there. So what happened in a year is told
    /// again, each thing at its moment.
    ///
    /// Time does not pass by this alone: [`Timers::tick`](crate::Timers::tick) does what has fallen
    /// due, and stays the host's call. Nothing is written, so that a handle that only reads may do
    /// it too, and a file that is opened again goes on after its last change. Handles made of this
    /// one have the same clock. A call that runs in another thread keeps the moment that it has
    /// read; one that begins later has the new one.
    ///
    /// ```
    /// use crm_core::{Crm, OpenOptions, Replay, values};
    ///
    /// let start = "2025-01-01T00:00:00Z".parse()?;
    /// let replay = Some(Replay { start, step_micros: 0 });
    /// let crm = Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() })?;
    /// let may = "2025-05-03T00:00:00Z".parse()?;
    /// crm.set_clock(may)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?;
    /// assert_eq!(ann.created_at, may);
    /// assert_eq!(crm.set_clock(start).unwrap_err().field(), Some("to"));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `OutOfRange` if the clock is past `to`, or `to` lies past October 6429, up to which changes are
    /// stamped; `InvalidArgument` with the field `replay` if the handle was opened without.
    pub fn set_clock(&self, to: Timestamp) -> Result<ClockReading> {
        self.check_open()?;
        let HandleClock::Replay(clock) = &self.shared.clock else {
            let message = "the handle has a clock that goes by itself";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("replay")
                .with_hint("open the file with `replay` to say what time it is"));
        };
        check_moment("to", to)?;
        if !clock.set(to) {
            let message = "lies before what the clock shows";
            return Err(Error::new(ErrorKind::OutOfRange, message).with_field("to").with_hint(
                "the clock goes forward only, by `step_micros` with each reading: \
                     with steps of 0 it stands where it is set",
            ));
        }
        Ok(ClockReading { now: to })
    }

    /// Copies the file to another place while others read and write. Copying the file by other means
    /// misses what is still in its log, and may lack the key by which a list of erasures is applied to the
    /// copy later ([`Privacy::apply_erasures`](crate::Privacy::apply_erasures)).
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
        self.privacy().make_key()?;
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

    /// Checks the file: SQLite's own integrity check, that the chain of the journal holds, and that
    /// every definition, record, activity and association, where every record stands and of which
    /// segments it is a member, consents, erasures and what is kept since, is what the journal says
    /// of it, the index of words what they say, and stored bytes what was stored. Progress counts all
    /// of them.
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
        let mut done = 0;
        let mut goes_on = |count: usize, is_last| {
            done += count as u64;
            let flow = reports.step(Progress { done, total: None }, is_last);
            self.shared.store.check_interrupted(mark)?;
            match flow {
                Flow::Continue => Ok(()),
                Flow::Cancel => {
                    Err(Error::new(ErrorKind::Interrupted, "the verification was cancelled"))
                }
            }
        };
        let mut step = |count| goes_on(count, false);
        self.verify_pages::<()>("search", &mut report, &mut step, |conn, catalog, _, report| {
            verify_search::verify_whole(conn, catalog, report)?;
            Ok(Compared::new(0, None))
        })?;
        self.verify_chain(&mut report, &mut step)?;
        self.verify_definitions(&mut report, &mut step)?;
        self.verify_records(&mut report, &mut step)?;
        self.verify_activities(&mut report, &mut step)?;
        self.verify_associations(&mut report, &mut step)?;
        self.verify_lifecycles(&mut report, &mut step)?;
        self.verify_scores(&mut report, &mut step)?;
        self.verify_segments(&mut report, &mut step)?;
        self.verify_timers(&mut report, &mut step)?;
        self.verify_consents(&mut report, &mut step)?;
        self.verify_retention(&mut report, &mut step)?;
        self.verify_erasures(&mut report, &mut step)?;
        self.verify_files(&mut report, &mut step)?;
        goes_on(0, true)?;
        report.problems.truncate(FINDINGS);
        report.is_ok = report.problems.is_empty();
        Ok(report)
    }
}

/// Whether an error in reading the file is what a verification looks for: damage, and whatever else
/// blames an input, for it has none but the file. A damaged index of words may ask for any amount of
/// memory, a damaged definition for an attribute that there is not.
pub(super) const fn is_finding(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Corrupt) || kind.is_of_input()
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
