//! A part of a transaction that can be undone by itself.
//!
//! Trials may be nested; each function means the innermost one.

use rusqlite::Transaction;

use crate::Result;

/// Begins a trial.
pub(crate) fn begin(tx: &Transaction<'_>) -> Result<()> {
    Ok(tx.prepare_cached("SAVEPOINT crm_trial")?.execute([]).map(drop)?)
}

/// How many rows were written since the connection was opened.
pub(crate) fn changes(tx: &Transaction<'_>) -> u64 {
    tx.total_changes()
}

/// Ends the trial and keeps what was written in it.
pub(crate) fn keep(tx: &Transaction<'_>) -> Result<()> {
    Ok(tx.prepare_cached("RELEASE crm_trial")?.execute([]).map(drop)?)
}

/// Ends the trial and undoes what was written in it.
pub(crate) fn undo(tx: &Transaction<'_>) -> Result<()> {
    tx.prepare_cached("ROLLBACK TO crm_trial")?.execute([])?;
    keep(tx)
}
