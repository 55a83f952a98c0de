//! The read-only SQL that a user may send.
//!
//! The statement runs in a sandbox: SQLite asks an authoriser about each thing that a statement
//! would do, and everything is refused but reading and a list of functions; a clock stops it, and
//! the answer is bounded in rows and bytes. The invariant: no SQL, however hostile, changes the
//! file, reaches another file, runs longer than its limit or answers with more than
//! [`ANSWER_BYTES_MAX`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, Statement, params_from_iter};

use super::connection::LENGTH_MAX;
use super::failure;
use crate::{Cell, Error, ErrorKind, Result};

/// The most that one answer holds, in bytes of content.
const ANSWER_BYTES_MAX: usize = LENGTH_MAX as usize;
/// Steps of SQLite's machine between two looks at the clock: some microseconds.
const STEPS_PER_LOOK: i32 = 1_000;

/// Functions that compute from their arguments and do nothing else, sorted for the search.
const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "bm25",
    "ceil",
    "ceiling",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "highlight",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "match",
    "max",
    "median",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "snippet",
    "soundex",
    "sqlite_version",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "subtype",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unistr",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// How much one statement may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryLimits {
    /// Rows that are answered at most.
    pub(crate) max_rows: usize,
    /// Time until the statement is stopped.
    pub(crate) timeout: Duration,
}

/// What a statement answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows<T> {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<T>>,
    /// Whether there are more rows than were answered.
    pub(crate) truncated: bool,
}

/// Runs one statement in the sandbox. Each cell becomes a `T` as it is read, so that an answer is
/// built once.
///
/// # Errors
///
/// `InvalidSql`, `NotAuthorized`, `TimedOut`, `Interrupted`; `InvalidArgument` for a wrong number
/// of parameters; `LimitExceeded` when a single row is larger than an answer may be.
pub(super) fn run<T: From<Cell>>(
    connection: &mut Connection,
    sql: &str,
    params: &[Cell],
    limits: QueryLimits,
) -> Result<Rows<T>> {
    let sandbox = Sandbox::enter(connection, limits.timeout)?;
    sandbox
        .connection
        .prepare(sql)
        .map_err(Failure::Sqlite)
        .and_then(|mut statement| answer(&mut statement, params, limits.max_rows))
        .map_err(|failure| match failure {
            Failure::Engine(error) => error,
            Failure::Sqlite(failure) => sandbox.explain(failure),
        })
}

enum Failure {
    Sqlite(rusqlite::Error),
    Engine(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(failure: rusqlite::Error) -> Self {
        Self::Sqlite(failure)
    }
}

fn answer<T: From<Cell>>(
    statement: &mut Statement<'_>,
    params: &[Cell],
    max_rows: usize,
) -> Result<Rows<T>, Failure> {
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let mut answer = Rows { columns, rows: Vec::new(), truncated: false };
    let mut bytes = 0;
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        if answer.rows.len() == max_rows {
            answer.truncated = true;
            break;
        }
        let mut cells = Vec::with_capacity(width);
        for column in 0..width {
            let cell: Cell = row.get(column)?;
            bytes += size_of::<Cell>() + cell.content_bytes();
            cells.push(cell.into());
        }
        if bytes > ANSWER_BYTES_MAX {
            if answer.rows.is_empty() {
                return Err(Failure::Engine(
                    Error::new(ErrorKind::LimitExceeded, "the first row is too large to answer")
                        .with_hint("select fewer or shorter columns"),
                ));
            }
            answer.truncated = true;
            break;
        }
        answer.rows.push(cells);
    }
    Ok(answer)
}

/// A connection under guard; set free when dropped.
struct Sandbox<'a> {
    connection: &'a mut Connection,
    denied: Arc<Mutex<Option<String>>>,
    is_late: Arc<AtomicBool>,
}

impl<'a> Sandbox<'a> {
    fn enter(connection: &'a mut Connection, timeout: Duration) -> Result<Self> {
        // Hooks alone: a pragma is a statement, which somebody may interrupt, and then memory's only
        // connection could never write again.
        let sandbox = Self { connection, denied: Arc::default(), is_late: Arc::default() };
        let denied = Arc::clone(&sandbox.denied);
        sandbox.connection.authorizer(Some(move |context: AuthContext<'_>| {
            match refusal(&context.action) {
                None => Authorization::Allow,
                Some(what) => {
                    denied.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
                    Authorization::Deny
                }
            }
        }))?;
        // A limit beyond the clock's range is no limit.
        if let Some(end) = Instant::now().checked_add(timeout) {
            let is_late = Arc::clone(&sandbox.is_late);
            let look = move || {
                let late = Instant::now() >= end;
                is_late.fetch_or(late, Ordering::Relaxed);
                late
            };
            sandbox.connection.progress_handler(STEPS_PER_LOOK, Some(look))?;
        }
        Ok(sandbox)
    }

    fn explain(&self, failure: rusqlite::Error) -> Error {
        if self.is_late.load(Ordering::Relaxed) {
            return Error::new(ErrorKind::TimedOut, "the statement took longer than its limit")
                .with_hint("allow more time, or ask for less");
        }
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure::from_user_sql(failure, denied)
    }
}

impl Drop for Sandbox<'_> {
    fn drop(&mut self) {
        // Taking off a hook cannot fail on an open connection.
        let _ = self.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>);
        let _ = self.connection.progress_handler(0, None::<fn() -> bool>);
    }
}

/// What must be refused, in words; `None` when the action only reads.
fn refusal(action: &AuthAction<'_>) -> Option<String> {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => None,
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            let is_known = FUNCTIONS.binary_search(&name.as_str()).is_ok();
            // A name that does not exist never gets here, so that repeating it gives nothing away.
            (!is_known).then(|| format!("the function {name}"))
        }
        // What FTS5 asks before it reads: whether somebody else wrote.
        AuthAction::Pragma { pragma_name: "data_version", pragma_value: None } => None,
        AuthAction::Pragma { pragma_name, .. } => Some(format!("the pragma {pragma_name}")),
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Some("another file".into()),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            Some("a transaction".into())
        }
        _ => Some("a change".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn the_functions_are_sorted_for_the_search() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
